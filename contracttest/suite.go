package contracttest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/internal/spec"
)

// A work is one case of a check, planned and not yet run.
type work struct {
	check, operation, name string
	needs                  []Need
	mode                   Mode
	// aims are what it is to put to the test, beyond its operation.
	aims []item
	run  func(context.Context, *probe) error
}

// kind is what cases of different operations have in common.
func (w *work) kind() string { return w.check + "/" + w.name }

// silences is how often the same kind of request may go unanswered: each costs
// all the time that an answer may take.
const silences = 3

// A suite is one run of the checks against one target.
type suite struct {
	*judge
	target  Target
	options Options
	mail    courier
	works   []work
	// left are the cases that the options leave out, results those of works,
	// hits what was put to the test.
	left    []work
	results []Result
	hits    map[item]int
	report  *Report
	// tokens caches what was issued to a principal, shared the subjects of
	// cases that leave theirs as they were.
	tokens map[string]issued
	shared map[string]*Subject
	// prelude is what the harness did before the first case, renewals how it
	// got fresh credentials since, origins what it did for each subject.
	prelude  []link
	renewals []link
	origins  map[*Subject][]link
	// apps are those that cases were given so far.
	apps map[int64]bool
	// versions numbers the uploads, so that each has a name of its own.
	versions int
	// unanswered counts, by kind, the cases in which a request was left without
	// an answer.
	unanswered map[string]int
	// over is why no more cases are run.
	over error
	// mutated says that the cases of mutations are planned.
	mutated bool
}

// newSuite compiles the contract and makes the plan.
func newSuite(t Target, o Options) (*suite, error) {
	o, err := o.withDefaults(&t)
	if err != nil {
		return nil, err
	}
	if t.Merchants == nil && t.Cashier != nil {
		t.Merchants = t.Cashier
	}
	j, err := newJudge(t.Spec, t.SpecName)
	if err != nil {
		return nil, err
	}
	j.answerTime, j.ownForms = o.AnswerTime, !t.has(NeedHostForms)
	s := &suite{
		judge: j, target: t, options: o, mail: courier{transport: t.transport(), options: o, began: clock.Wall()},
		unanswered: map[string]int{}, tokens: map[string]issued{}, shared: map[string]*Subject{}, apps: map[int64]bool{},
		origins: map[*Subject][]link{}, hits: map[item]int{},
	}
	if o.Observe != nil {
		s.mail.observe = func(x *exchange) { o.Observe(s.exported(x)) }
	}
	if err := t.Credentials.HostApp.check(j.contract); err != nil {
		return nil, err
	}
	s.hide.credentials(&t.Credentials)
	s.prelude = s.ordered()
	s.report = newReport(t.URL, o.Mode, j)
	s.report.Began = s.mail.began.Format(time.RFC3339)
	if err := s.plan(); err != nil {
		return nil, err
	}
	return s, nil
}

// plan asks every check that is wanted for its cases.
func (s *suite) plan() error {
	for _, op := range s.options.Operations {
		if _, ok := s.contract.Operation(op); !ok {
			return fmt.Errorf("operation %q: the contract has none of that name", op)
		}
	}
	for _, tag := range s.options.Tags {
		if !slices.ContainsFunc(s.contract.Operations(), func(o *spec.Operation) bool { return slices.Contains(o.Tags(), tag) }) {
			return fmt.Errorf("tag %q: no operation of the contract has it", tag)
		}
	}
	made := map[string]bool{}
	active, byID := s.active(), map[string]Check{}
	for _, c := range Checks() {
		byID[c.ID] = c
	}
	for _, c := range Checks() {
		if c.cases == nil {
			continue
		}
		for _, w := range c.cases(s) {
			key := w.fullName()
			if made[key] {
				continue
			}
			made[key] = true
			if !wants(active, w.check) || !s.about(w.operation) {
				s.left = append(s.left, w)
				continue
			}
			check := byID[w.check]
			w.needs = slices.Concat(check.Needs, w.needs, s.needsForms(&w))
			if !w.mode.allows(check.Changes) {
				w.mode = check.Changes
			}
			s.works = append(s.works, w)
		}
	}
	s.sort(s.works)
	return s.selectCases()
}

// about reports whether an operation was asked for.
func (s *suite) about(operation string) bool {
	if len(s.options.Operations) > 0 && !slices.Contains(s.options.Operations, operation) {
		return false
	}
	op, ok := s.contract.Operation(operation)
	return len(s.options.Tags) == 0 || ok && slices.ContainsFunc(s.options.Tags, func(tag string) bool { return slices.Contains(op.Tags(), tag) })
}

// sort orders cases by their operations as the contract does, and the
// lifecycle last.
func (s *suite) sort(all []work) {
	ranks := map[string]int{}
	for i, op := range s.contract.Operations() {
		ranks[op.ID] = i
	}
	rank := func(w *work) int {
		if i, ok := ranks[w.operation]; ok {
			return i
		}
		return len(ranks)
	}
	slices.SortStableFunc(all, func(a, b work) int { return rank(&a) - rank(&b) })
}

// active are the checks asked for that have cases. What is looked at in passing
// is not planned, so asking for it alone runs everything that sends requests.
func (s *suite) active() []string {
	all := Checks()
	return slices.DeleteFunc(slices.Clone(s.options.Checks), func(want string) bool {
		return !slices.ContainsFunc(all, func(c Check) bool { return c.cases != nil && matches(want, c.ID) })
	})
}

// wants reports whether a check is among those that are active, which all are
// where none is.
func wants(active []string, id string) bool {
	return len(active) == 0 || slices.ContainsFunc(active, func(want string) bool { return matches(want, id) })
}

// reports tells whether findings of a check count.
func (s *suite) reports(id string) bool {
	return len(s.options.Checks) == 0 || slices.ContainsFunc(s.options.Checks, func(want string) bool { return matches(want, id) })
}

// do runs one case and takes its result into the report.
func (s *suite) do(ctx context.Context, w *work) Result {
	began := clock.Wall()
	s.ordered() // what is left of the case before is not of this one
	s.watch(w.operation)
	r := Result{ID: CaseID(w.fullName()), Operation: w.operation, Check: w.check, Case: w.name, Status: Passed}
	p := &probe{suite: s, work: w, seen: map[string]bool{}}
	switch reason := s.obstacle(w); {
	case s.options.DryRun && reason == "":
		r.Status = Planned
	case reason != "":
		r.Status, r.Reason = NotRun, reason
	default:
		err := w.run(ctx, p)
		p.settle(&r, err)
		if p.silence {
			s.unanswered[w.kind()]++
		}
		if errors.Is(err, errBudget) || ctx.Err() != nil {
			s.over = err
		}
	}
	if s.options.Trace {
		r.Steps = p.steps(-1)
	}
	for _, i := range p.hits {
		s.hits[i]++
	}
	r.Seconds = clock.Wall().Sub(began).Seconds()
	r = s.report.add(r, p, s.options.Known)
	s.results = append(s.results, r)
	if s.options.Progress != nil {
		s.options.Progress(r)
	}
	if s.options.Stop != nil && slices.ContainsFunc(p.found, s.options.Stop) {
		s.over = errors.New("a finding ended the run")
	}
	return r
}

// watch tells how far the run is.
func (s *suite) watch(operation string) {
	if s.options.Watch != nil {
		s.options.Watch(Progress{
			Operation: operation, Done: len(s.results), Total: len(s.works), Causes: len(s.report.Causes), Requests: s.report.Requests,
		})
	}
}

// settle turns what a case's function returned into its status.
func (p *probe) settle(r *Result, err error) {
	switch {
	case len(p.found) > 0:
		r.Status, r.Findings = Failed, p.found
	case errors.Is(err, ErrCannot), errors.Is(err, errBudget), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		r.Status, r.Reason = NotRun, p.hide.hide(err.Error())
	case err != nil:
		r.Status, r.Reason = Broken, p.hide.hide(err.Error())
	case p.dropped != "":
		r.Status, r.Reason = NotRun, p.dropped
	}
}

// obstacle says why a case cannot be run; "" when it can.
func (s *suite) obstacle(w *work) string {
	if s.over != nil {
		return s.over.Error()
	}
	if !s.options.Mode.allows(w.mode) {
		return fmt.Sprintf("needs mode %s; this is %s", w.mode, s.options.Mode)
	}
	for _, n := range w.needs {
		if !s.target.has(n) {
			return s.target.lack(n)
		}
	}
	if s.unanswered[w.kind()] >= silences {
		return fmt.Sprintf("%d operations left such a request unanswered; it is not sent to more", silences)
	}
	return ""
}

// ErrUnreachable is wrapped by the error of a run whose target did not answer
// at all.
var ErrUnreachable = errors.New("the target cannot be reached")

// knock finds out whether anybody is there.
func (s *suite) knock(ctx context.Context) error {
	ops := s.contract.Operations()
	if len(ops) == 0 {
		return errors.New("contract: it has no operations")
	}
	i := max(0, slices.IndexFunc(ops, func(o *spec.Operation) bool { return s.effect(o) == ReadOnly }))
	w := &wire{op: ops[i], method: ops[i].Method, place: inQuery}
	r, _, err := w.request(ctx, s.target.URL)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	res, err := s.mail.transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrUnreachable, s.hide.hide(err.Error()))
	}
	return res.Body.Close()
}

// effect is the mildest mode that an operation itself asks for.
func (s *suite) effect(op *spec.Operation) Mode {
	if s.takesStep(op) || len(s.secrets[op.ID]) > 0 {
		return Sandbox
	}
	if twin, ok := s.contract.Operation(op.SameAs); ok {
		op = twin
	}
	if op.Changes {
		return Sandbox
	}
	if op.Method == http.MethodGet || op.Method == http.MethodHead {
		return ReadOnly
	}
	return Sandbox
}

// takesStep reports whether an operation asks for a step of any lifecycle.
func (s *suite) takesStep(op *spec.Operation) bool {
	return slices.ContainsFunc(s.contract.Lifecycles(), func(resource string) bool {
		l, _ := s.contract.Lifecycle(resource)
		return slices.ContainsFunc(l.Transitions, func(t spec.Transition) bool { return t.Operation != "" && t.Operation == op.Call() })
	})
}

// transition is the step of the lifecycle that an operation asks for.
func (s *suite) transition(op *spec.Operation) *spec.Transition {
	for i := range s.lifecycle.Transitions {
		if t := &s.lifecycle.Transitions[i]; t.Operation != "" && (t.Operation == op.ID || t.Operation == op.SameAs) {
			return t
		}
	}
	return nil
}

// state is the state of the lifecycle with that name.
func (s *suite) state(name string) *spec.State {
	for i := range s.lifecycle.States {
		if s.lifecycle.States[i].Name == name {
			return &s.lifecycle.States[i]
		}
	}
	return &spec.State{}
}
