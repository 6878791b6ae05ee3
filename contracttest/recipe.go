package contracttest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// A recipe takes one step of the lifecycle, from a situation to what is to be
// seen afterwards. They are made from x-lifecycle.
type recipe struct {
	name, operation string
	t               *spec.Transition
	situation       Situation
	act             func(context.Context, *probe, *Subject) error
	// ends are the states of packages afterwards, took the transitions that
	// happen on the way, both by the position of the package; one that is
	// uploaded on the way comes last.
	ends []end
	took []taken
}

type end struct {
	pkg   int
	state string
}

type taken struct {
	pkg int
	t   *spec.Transition
}

// platform stands where no operation does: the platform decides.
const platform = "platform"

// recipes makes one recipe for each way of taking each transition.
func (s *suite) recipes() []recipe {
	var out []recipe
	for i := range s.lifecycle.Transitions {
		t := &s.lifecycle.Transitions[i]
		switch {
		case t.When != "":
			out = append(out, s.directRecipe(t))
		case t.Operation != "" && len(t.From) == 0:
			out = append(out, recipe{
				name: t.Name, operation: t.Operation, t: t, ends: []end{{0, t.To}}, took: []taken{{0, t}},
				act: func(ctx context.Context, p *probe, s *Subject) error { return p.upload(ctx, t.Operation, s, `{}`) },
			})
		case t.Caused != "":
			for _, from := range t.From {
				if r, ok := s.causedRecipe(t, from); ok {
					out = append(out, r)
				}
			}
		default:
			for _, from := range t.From {
				out = append(out, s.stepRecipe(t, from))
			}
		}
	}
	return out
}

// stepRecipe takes a step that an operation or the platform's decision makes.
func (s *suite) stepRecipe(t *spec.Transition, from string) recipe {
	states := companions(from)
	at := slices.Index(states, from)
	r := recipe{
		name: t.Name + " from " + from, operation: t.Operation, t: t, situation: Situation{States: states},
		ends: []end{{at, t.To}}, took: []taken{{at, t}}, act: s.actOf(t, at),
	}
	if r.operation == "" {
		r.operation = platform
	}
	// What this brings about: a package that stands by goes along.
	for i := range s.lifecycle.Transitions {
		c := &s.lifecycle.Transitions[i]
		for j, state := range states {
			if c.Caused == t.Name && j != at && slices.Contains(c.From, state) {
				r.ends, r.took = append(r.ends, end{j, c.To}), append(r.took, taken{j, c})
			}
		}
	}
	return r
}

// actOf makes a transition happen to a package.
func (s *suite) actOf(t *spec.Transition, at int) func(context.Context, *probe, *Subject) error {
	return func(ctx context.Context, p *probe, sub *Subject) error {
		one := &sub.Packages[at]
		switch {
		case t.Operation != "":
			return p.stepAccepted(ctx, t.Operation, sub, one)
		case t.Decision == "rollback":
			return p.advance(ctx, t.After+time.Second)
		}
		return p.decide(ctx, sub, Verdict{Package: one.ID, Decision: t.Decision, Outcome: t.Outcome, Reason: reasonOf(t)})
	}
}

// reasonOf is what a refusal by the platform says.
func reasonOf(t *spec.Transition) string {
	if t.Outcome == "fail" {
		return "名称过长"
	}
	return ""
}

// directCommit is the ext_json that asks for a submission right after the
// upload.
const directCommit = `{"directCommit":true}`

// directRecipe uploads a package that is submitted as soon as it is there.
func (s *suite) directRecipe(t *spec.Transition) recipe {
	first := s.entrance()
	if first == nil {
		return recipe{name: t.Name, operation: platform, t: t, act: func(context.Context, *probe, *Subject) error { return ErrCannot }}
	}
	return recipe{
		name: t.Name, operation: first.Operation, t: t, ends: []end{{0, t.To}}, took: []taken{{0, first}, {0, t}},
		act: func(ctx context.Context, p *probe, s *Subject) error {
			p.note("the harness: the platform will let the next upload %s", t.Outcome)
			if err := p.target.States.Decide(ctx, s, Verdict{Decision: t.Decision, Outcome: t.Outcome}); err != nil {
				return fmt.Errorf("decide: %w", err)
			}
			if err := p.upload(ctx, first.Operation, s, directCommit); err != nil {
				return err
			}
			return p.advance(ctx, t.After+time.Second)
		},
	}
}

// causedRecipe takes a step that another package's step brings about.
func (s *suite) causedRecipe(t *spec.Transition, from string) (recipe, bool) {
	cause := s.transitionNamed(t.Caused)
	if cause == nil {
		return recipe{}, false
	}
	slot := s.state(from).Slot
	if slot == "" || len(cause.From) == 0 {
		return s.restoreRecipe(t, cause, from)
	}
	if s.state(cause.To).Slot != slot {
		cause = s.entering(slot)
	}
	if cause == nil {
		return recipe{}, false
	}
	states := append(slices.Clone(companions(from)), companions(cause.From[0])...)
	victim := slices.Index(states, from)
	mover := len(states) - 1
	r := recipe{
		name: t.Name + " from " + from, operation: cause.Operation, t: t, situation: Situation{States: states},
		ends: []end{{mover, cause.To}, {victim, t.To}}, took: []taken{{mover, cause}, {victim, t}}, act: s.actOf(cause, mover),
	}
	if r.operation == "" {
		r.operation = platform
	}
	return r, true
}

// restoreRecipe takes a step that comes about at the end of one that an
// operation begins.
func (s *suite) restoreRecipe(t, cause *spec.Transition, from string) (recipe, bool) {
	var begin *spec.Transition
	for i := range s.lifecycle.Transitions {
		b := &s.lifecycle.Transitions[i]
		if b.Operation != "" && slices.Contains(cause.From, b.To) {
			begin = b
		}
	}
	if begin == nil || len(begin.From) == 0 {
		return recipe{}, false
	}
	states := companions(begin.From[0])
	victim, mover := slices.Index(states, from), slices.Index(states, begin.From[0])
	if victim < 0 {
		return recipe{}, false
	}
	return recipe{
		name: t.Name + " from " + from, operation: begin.Operation, t: t, situation: Situation{States: states},
		ends: []end{{mover, cause.To}, {victim, t.To}}, took: []taken{{mover, begin}, {mover, cause}, {victim, t}},
		act: func(ctx context.Context, p *probe, s *Subject) error {
			if err := p.stepAccepted(ctx, begin.Operation, s, &s.Packages[mover]); err != nil {
				return err
			}
			return p.advance(ctx, cause.After+time.Second)
		},
	}, true
}

func (s *suite) transitionNamed(name string) *spec.Transition {
	for i := range s.lifecycle.Transitions {
		if s.lifecycle.Transitions[i].Name == name {
			return &s.lifecycle.Transitions[i]
		}
	}
	return nil
}

// entering is a step into a slot from outside of it.
func (s *suite) entering(slot string) *spec.Transition {
	for i := range s.lifecycle.Transitions {
		t := &s.lifecycle.Transitions[i]
		if t.Caused == "" && t.When == "" && len(t.From) > 0 && s.state(t.To).Slot == slot && s.state(t.From[0]).Slot != slot {
			return t
		}
	}
	return nil
}

// errStep ends a case whose step was not taken; the finding says why.
var errStep = fmt.Errorf("%w: the step before it was not taken", ErrCannot)

// step makes a call of the lifecycle on a package.
func (p *probe) step(ctx context.Context, call string, s *Subject, id int64) (*exchange, error) {
	op, ok := p.contract.Operation(call)
	if !ok {
		return nil, fmt.Errorf("%w: the contract has no %s", ErrCannot, call)
	}
	if id == 0 {
		return nil, fmt.Errorf("%w: the package has no id yet", ErrCannot)
	}
	w, err := p.base(ctx, op, s)
	if err != nil {
		return nil, err
	}
	w.set(packageID(id))
	x, err := p.call(ctx, w)
	if err == nil && p.excused(w, x) {
		p.samples = unsampled(w, x)
	}
	return x, err
}

// stepAccepted is step for one that must be accepted.
func (p *probe) stepAccepted(ctx context.Context, call string, s *Subject, one *Package) error {
	x, err := p.step(ctx, call, s, one.ID)
	if err != nil {
		return err
	}
	return p.tookStep(x, call)
}

// tookStep holds a step against the lifecycle, which allows it.
func (p *probe) tookStep(x *exchange, call string) error {
	f := Finding{Check: "lifecycle.path", Operation: call, Message: "a step that the lifecycle allows is not accepted", SpecPointer: lifecyclePointer}
	if t := p.transition(x.op); t != nil {
		f.Evidence = t.Evidence
	}
	if p.samples != "" {
		return fmt.Errorf("%w: %s", ErrCannot, p.samples)
	}
	if !p.expect(x, f, Accepted) {
		return errStep
	}
	return nil
}

// lifecyclePointer is where the contract has its transitions.
const lifecyclePointer = "#/x-lifecycle/package/transitions"

// upload uploads a package, which becomes the subject's last.
func (p *probe) upload(ctx context.Context, call string, s *Subject, ext string) error {
	op, ok := p.contract.Operation(call)
	if !ok {
		return fmt.Errorf("%w: the contract has no %s", ErrCannot, call)
	}
	w, err := p.base(ctx, op, s)
	if err != nil {
		return err
	}
	w.set(param{name: "ext_json", text: ext})
	one := Package{}
	for _, q := range w.params {
		if q.name == "user_version" {
			one.Version = q.text
		}
	}
	x, err := p.call(ctx, w)
	if err != nil {
		return err
	}
	if p.excused(w, x) {
		p.samples = unsampled(w, x)
	}
	s.Packages = append(s.Packages, one)
	return p.tookStep(x, call)
}

// decide lets the platform decide, and time pass until everybody was told.
func (p *probe) decide(ctx context.Context, s *Subject, v Verdict) error {
	p.note("the harness: the platform decides: %s %s on package %d", v.Decision, v.Outcome, v.Package)
	if err := p.target.States.Decide(ctx, s, v); err != nil {
		return fmt.Errorf("decide: %w", err)
	}
	return p.advance(ctx, time.Second)
}

// take carries out a recipe and looks whether it led where it should.
func (p *probe) take(ctx context.Context, r *recipe) (*Subject, error) {
	s, err := p.enter(ctx, r.situation)
	if err != nil {
		return nil, err
	}
	if err := r.act(ctx, p, s); err != nil {
		return nil, err
	}
	v, err := p.look(ctx, s)
	if err != nil {
		return nil, err
	}
	p.identify(v, s)
	p.saw("lifecycle.path")
	for _, e := range r.ends {
		if want, got := p.shows(e.state), p.in(v, &s.Packages[e.pkg]); want != got {
			p.fail(Finding{
				Check: "lifecycle.path", Expected: want, Actual: got, ValuePointer: "/data/*/status", Evidence: r.t.Evidence,
				SpecPointer: lifecyclePointer + "/" + r.t.Name, Message: "after the step " + r.t.Name + " a package is not where it should be",
			})
		}
	}
	for _, t := range r.took {
		p.cover(r.operation, "transition", t.t.Name, "taken")
	}
	return s, nil
}

// identify finds out the ids of packages that were uploaded in the meantime.
func (p *probe) identify(v view, s *Subject) {
	for i := range s.Packages {
		if row, ok := v.row(&s.Packages[i]); ok && s.Packages[i].ID == 0 {
			s.Packages[i].ID = row.ID
		}
	}
	for i := range s.Packages {
		if s.Packages[i].ID == 0 {
			byVersion(v, &s.Packages[i])
		}
	}
}

// byVersion finds a package that was uploaded and has its id by now.
func byVersion(v view, one *Package) {
	for _, r := range v.rows {
		if r.Version == one.Version && r.ID != 0 {
			one.ID = r.ID
		}
	}
}

// dataOf reads the member data of an answer in one form.
func dataOf(answer []byte) string {
	var body struct {
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(answer, &body) != nil {
		return string(answer)
	}
	return canonical(body.Data)
}
