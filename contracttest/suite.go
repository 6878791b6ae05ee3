package contracttest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	emu "github.com/swanemu/emu"
	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/internal/spec"
)

// A work is one case of a check, planned and not yet run.
type work struct {
	check, operation, name string
	needs                  []Need
	mode                   Mode
	run                    func(context.Context, *probe) error
}

// A suite is one run of the checks against one target.
type suite struct {
	contract  *spec.Contract
	kinds     *classifier
	target    Target
	options   Options
	mail      courier
	hide      redactor
	lifecycle *spec.Lifecycle // of packages; empty in a contract without one
	works     []work
	report    *Report
	// tokens caches what was issued to a principal, shared the subjects of
	// cases that leave theirs as they were.
	tokens map[string]issued
	shared map[string]*Subject
	// secrets are the AnswerSecrets of each operation.
	secrets map[string][]string
	// apps are those that cases were given so far.
	apps map[int64]bool
	// versions numbers the uploads, so that each has a name of its own.
	versions int
	// over is why no more cases are run.
	over error
}

// newSuite compiles the contract and makes the plan.
func newSuite(t Target, o Options) (*suite, error) {
	o, err := o.withDefaults(&t)
	if err != nil {
		return nil, err
	}
	document, verified := t.Spec, false
	if document == nil {
		document, verified = emu.OpenAPI, true
	}
	contract, err := spec.Load(document, spec.LoadOptions{Verified: verified})
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	s := &suite{
		contract: contract, kinds: newClassifier(contract), target: t, options: o,
		mail:      courier{transport: t.transport(), options: o, began: clock.Wall()},
		lifecycle: &spec.Lifecycle{},
		tokens:    map[string]issued{}, shared: map[string]*Subject{}, apps: map[int64]bool{}, secrets: map[string][]string{},
	}
	for _, op := range contract.Operations() {
		s.secrets[op.ID] = op.AnswerSecrets()
	}
	if l, ok := contract.Lifecycle("package"); ok {
		s.lifecycle = l
	}
	if err := t.Credentials.HostApp.check(contract); err != nil {
		return nil, err
	}
	s.hide.credentials(&t.Credentials)
	s.report = newReport(t.URL, o.Mode)
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
	for _, c := range Checks() {
		if c.cases == nil {
			continue
		}
		for _, w := range c.cases(s) {
			key := w.operation + "/" + w.check + "/" + w.name
			if made[key] || !s.wants(w.check) || !s.about(w.operation) {
				continue
			}
			made[key] = true
			check, _ := checkByID(w.check)
			w.needs = slices.Concat(check.Needs, w.needs, s.needsForms(&w))
			if !w.mode.allows(check.Changes) {
				w.mode = check.Changes
			}
			s.works = append(s.works, w)
		}
	}
	slices.SortStableFunc(s.works, func(a, b work) int { return s.rank(a.operation) - s.rank(b.operation) })
	return nil
}

// about reports whether an operation was asked for.
func (s *suite) about(operation string) bool {
	if len(s.options.Operations) > 0 && !slices.Contains(s.options.Operations, operation) {
		return false
	}
	op, ok := s.contract.Operation(operation)
	return len(s.options.Tags) == 0 || ok && slices.ContainsFunc(s.options.Tags, func(tag string) bool { return slices.Contains(op.Tags(), tag) })
}

// rank orders operations as the contract does, and the lifecycle last.
func (s *suite) rank(operation string) int {
	i := slices.IndexFunc(s.contract.Operations(), func(o *spec.Operation) bool { return o.ID == operation })
	if i < 0 {
		return len(s.contract.Operations())
	}
	return i
}

// wants reports whether a check was asked for. What is looked at in passing is
// not planned, so asking for it alone runs everything that sends requests.
func (s *suite) wants(id string) bool {
	active := slices.DeleteFunc(slices.Clone(s.options.Checks), func(want string) bool {
		return !slices.ContainsFunc(Checks(), func(c Check) bool { return c.cases != nil && matches(want, c.ID) })
	})
	if len(active) == 0 {
		return true
	}
	return slices.ContainsFunc(active, func(want string) bool { return matches(want, id) })
}

// reports tells whether findings of a check count.
func (s *suite) reports(id string) bool {
	return len(s.options.Checks) == 0 || slices.ContainsFunc(s.options.Checks, func(want string) bool { return matches(want, id) })
}

func checkByID(id string) (Check, bool) {
	all := Checks()
	i := slices.IndexFunc(all, func(c Check) bool { return c.ID == id })
	if i < 0 {
		return Check{}, false
	}
	return all[i], true
}

// do runs one case and takes its result into the report.
func (s *suite) do(ctx context.Context, w *work) Result {
	r := Result{Operation: w.operation, Check: w.check, Case: w.name, Status: Passed}
	p := &probe{suite: s, work: w, seen: map[string]bool{}}
	switch reason := s.obstacle(w); {
	case s.options.DryRun && reason == "":
		r.Status = Planned
	case reason != "":
		r.Status, r.Reason = NotRun, reason
	default:
		err := w.run(ctx, p)
		p.settle(&r, err)
		if errors.Is(err, errBudget) || ctx.Err() != nil {
			s.over = err
		}
	}
	r = s.report.add(r, p, s.options.Known)
	if s.options.Progress != nil {
		s.options.Progress(r)
	}
	if s.options.Stop != nil && slices.ContainsFunc(p.found, s.options.Stop) {
		s.over = errors.New("a finding ended the run")
	}
	return r
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
	if s.transition(op) != nil || len(s.secrets[op.ID]) > 0 {
		return Sandbox
	}
	if twin, ok := s.contract.Operation(op.SameAs); ok {
		op = twin
	}
	if op.Method == http.MethodGet || op.Method == http.MethodHead {
		return ReadOnly
	}
	return Sandbox
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
