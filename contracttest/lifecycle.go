package contracttest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// pathCases take every step of the lifecycle.
func pathCases(s *suite) []work {
	var out []work
	for _, r := range s.recipes() {
		out = append(out, work{
			check: "lifecycle.path", operation: r.operation, name: r.name, aims: r.arrows(),
			run: func(ctx context.Context, p *probe) error {
				_, err := p.take(ctx, &r)
				return err
			},
		})
	}
	return out
}

// steps are the operations of the lifecycle that need a package.
func (s *suite) steps() []*spec.Transition {
	var out []*spec.Transition
	for i := range s.lifecycle.Transitions {
		if t := &s.lifecycle.Transitions[i]; t.Operation != "" && len(t.From) > 0 {
			out = append(out, t)
		}
	}
	return out
}

// illegalCases try each step from every state that does not allow it, on a
// package that is gone, and on one that never was.
func illegalCases(s *suite) []work {
	var out []work
	for _, t := range s.steps() {
		add := func(name string, run func(context.Context, *probe) error) {
			aims := []item{of(inIllegal, t.Operation, name)}
			out = append(out, work{check: "lifecycle.illegal", operation: t.Operation, name: name, aims: aims, run: run})
		}
		for _, st := range s.lifecycle.States {
			if st.Final || slices.Contains(t.From, st.Name) {
				continue
			}
			states := companions(st.Name)
			add("from "+st.Name, func(ctx context.Context, p *probe) error {
				s, err := p.enter(ctx, Situation{States: states})
				if err != nil {
					return err
				}
				return p.illegal(ctx, t, s, s.pkg(st.Name).ID)
			})
		}
		for _, st := range s.lifecycle.States {
			if !st.Final {
				continue
			}
			add("from "+st.Name, func(ctx context.Context, p *probe) error {
				for _, r := range p.recipes() {
					at := slices.IndexFunc(r.ends, func(e end) bool { return e.state == st.Name })
					if at < 0 {
						continue
					}
					s, err := p.take(ctx, &r)
					if err != nil {
						return err
					}
					return p.illegal(ctx, t, s, s.Packages[r.ends[at].pkg].ID)
				}
				return fmt.Errorf("%w: nothing ever gets to %s", ErrCannot, st.Name)
			})
		}
		add("on a package that never was", func(ctx context.Context, p *probe) error {
			s, err := p.enter(ctx, Situation{States: companions(t.From[0])})
			if err != nil {
				return err
			}
			return p.illegal(ctx, t, s, 999_999_999)
		})
	}
	return out
}

// illegal takes a step that must be refused and leave everything as it was.
func (p *probe) illegal(ctx context.Context, t *spec.Transition, s *Subject, id int64) error {
	f := Finding{
		Message: "a step that the lifecycle does not allow is accepted", Evidence: t.Evidence,
		SpecPointer: lifecyclePointer + "/" + t.Name, ValuePointer: "/package_id",
	}
	return p.refusedStep(ctx, t.Operation, s, id, f)
}

// refusedStep is a call that must be refused without effect.
func (p *probe) refusedStep(ctx context.Context, call string, s *Subject, id int64, f Finding, refusals ...string) error {
	before, err := p.look(ctx, s)
	if err != nil {
		return err
	}
	var x *exchange
	if id == 0 {
		op, _ := p.contract.Operation(call)
		w, wireErr := p.base(ctx, op, s)
		if wireErr != nil {
			return wireErr
		}
		x, err = p.call(ctx, w)
	} else {
		x, err = p.step(ctx, call, s, id)
	}
	if err != nil {
		return err
	}
	t := p.transition(x.op)
	p.cover(call, "transition", t.Name, "refused")
	for _, one := range s.Packages {
		if one.ID == id {
			p.hit(inIllegal, call, "from", one.State)
		}
	}
	if !p.expect(x, f, Refused) {
		return nil
	}
	if len(refusals) > 0 && !slices.ContainsFunc(x.verdict.errors, func(e string) bool { return slices.Contains(refusals, e) }) {
		f.Message = "the refusal is not one of the gate's"
		f.Expected, f.Actual = fmt.Sprintf("one of %v", refusals), x.verdict.code
		p.fail(f)
	}
	after, err := p.look(ctx, s)
	if err != nil {
		return err
	}
	p.unchanged(before, after, f)
	return nil
}

// gateCases try each step with one of its gates not met.
func gateCases(s *suite) []work {
	var out []work
	for i := range s.lifecycle.Transitions {
		t := &s.lifecycle.Transitions[i]
		if t.Operation == "" {
			continue
		}
		from := t.From
		if len(from) == 0 {
			from = []string{""}
		}
		for _, name := range t.Gates {
			at := slices.IndexFunc(s.lifecycle.Gates, func(g spec.Gate) bool { return g.Name == name })
			if at < 0 {
				continue
			}
			gate := s.lifecycle.Gates[at]
			for _, state := range from {
				situation, ok := s.unmet(&gate, state)
				if !ok {
					continue
				}
				title := name
				if state != "" {
					title += " from " + state
				}
				out = append(out, work{
					check: "lifecycle.gate", operation: t.Operation, name: title, aims: []item{of(inGates, t.Name, name)},
					run: func(ctx context.Context, p *probe) error {
						s, err := p.enter(ctx, situation)
						if err != nil {
							return err
						}
						id := int64(0)
						if one := s.pkg(state); one != nil {
							id = one.ID
						}
						p.hit(inGates, t.Name, name)
						return p.refusedStep(ctx, t.Operation, s, id, Finding{
							Message: "a step whose gate is not met is accepted", Evidence: gate.Evidence,
							SpecPointer: "#/x-lifecycle/package/gates/" + gate.Name, ValuePointer: "/package_id",
						}, gate.Refuse...)
					},
				})
			}
		}
	}
	return append(out, fallbackCases(s)...)
}

// fallbackCases let a package be uploaded that is to be submitted at once where
// a gate does not let it: what happens instead is the step without the
// condition, and nothing is left out of the app but that.
func fallbackCases(s *suite) []work {
	first := s.entrance()
	var out []work
	for i := range s.lifecycle.Transitions {
		t := &s.lifecycle.Transitions[i]
		j := slices.IndexFunc(s.lifecycle.Transitions, func(f spec.Transition) bool {
			return f.When == "" && f.Decision == t.Decision && f.Outcome == t.Outcome && slices.Equal(f.From, t.From)
		})
		if t.When == "" || j < 0 || first == nil {
			continue
		}
		instead := &s.lifecycle.Transitions[j]
		for _, gate := range s.lifecycle.Gates {
			if !slices.Contains(t.Gates, gate.Name) || slices.Contains(first.Gates, gate.Name) {
				continue
			}
			situation := Situation{States: []string{"development"}, Unmet: gate.Name}
			if gate.Name == "no_other_in_review" {
				situation = Situation{States: []string{"in_review"}}
			}
			out = append(out, work{
				check: "lifecycle.gate", operation: first.Operation, name: gate.Name + " of " + t.Name,
				run: func(ctx context.Context, p *probe) error { return p.fallBack(ctx, situation, t, instead) },
			})
		}
	}
	return out
}

// entrance is the operation's step that brings packages about; nil for none.
func (s *suite) entrance() *spec.Transition {
	i := slices.IndexFunc(s.lifecycle.Transitions, func(t spec.Transition) bool { return t.Operation != "" && len(t.From) == 0 })
	if i < 0 {
		return nil
	}
	return &s.lifecycle.Transitions[i]
}

// fallBack takes a conditional step whose gate is not met.
func (p *probe) fallBack(ctx context.Context, situation Situation, t, instead *spec.Transition) error {
	s, err := p.enter(ctx, situation)
	if err != nil {
		return err
	}
	if err := p.target.States.Decide(ctx, s, Verdict{Decision: t.Decision, Outcome: t.Outcome}); err != nil {
		return fmt.Errorf("decide: %w", err)
	}
	if err := p.upload(ctx, p.entrance().Operation, s, directCommit); err != nil {
		return err
	}
	if err := p.advance(ctx, t.After+time.Second); err != nil {
		return err
	}
	v, err := p.look(ctx, s)
	if err != nil {
		return err
	}
	one := &s.Packages[len(s.Packages)-1]
	byVersion(v, one)
	p.saw("lifecycle.gate")
	if want, got := p.shows(instead.To), p.in(v, one); want != got {
		p.fail(Finding{
			Message: "a step whose gate is not met is not replaced by the one without its condition", Expected: want, Actual: got,
			SpecPointer: lifecyclePointer + "/" + t.Name, ValuePointer: "/data/*/status", Evidence: judgement(),
		})
	}
	p.cover(p.entrance().Operation, "transition", t.Name, "refused")
	return nil
}

// unmet is a situation in which a gate is not met: by the packages, where that
// is what the gate is about, else by the harness.
func (s *suite) unmet(g *spec.Gate, state string) (Situation, bool) {
	switch g.Name {
	case "no_other_in_review":
		const other = "in_review"
		return Situation{States: []string{state, other}}, s.state(state).Slot != s.state(other).Slot
	case "no_rollback_running":
		return Situation{States: append(slices.Clone(companions("rolling_back")), state)}, true
	case "has_previous_version":
		return Situation{States: []string{state}}, true
	}
	var states []string
	if state != "" {
		states = companions(state)
	}
	return Situation{States: states, Unmet: g.Name}, true
}

// repeatCases take each step twice.
func repeatCases(s *suite) []work {
	var out []work
	for _, r := range s.recipes() {
		if r.t.Operation == "" || len(r.t.From) == 0 || r.t.From[0] != r.situation.States[r.took[0].pkg] {
			continue
		}
		out = append(out, work{
			check: "lifecycle.repeat", operation: r.operation, name: r.t.Name + " twice",
			run: func(ctx context.Context, p *probe) error {
				s, err := p.take(ctx, &r)
				if err != nil {
					return err
				}
				return p.refusedStep(ctx, r.operation, s, s.Packages[r.took[0].pkg].ID, Finding{
					Message: "a step that was taken is accepted again", Evidence: r.t.Evidence,
					SpecPointer: lifecyclePointer + "/" + r.t.Name, ValuePointer: "/package_id",
				})
			},
		})
	}
	return out
}

// idCases upload twice.
func idCases(s *suite) []work {
	if _, ok := s.contract.Operation(opUpload); !ok {
		return nil
	}
	return []work{{
		check: "lifecycle.ids", operation: opUpload, name: "two uploads",
		run: func(ctx context.Context, p *probe) error {
			s, err := p.enter(ctx, Situation{})
			if err != nil {
				return err
			}
			seen := map[int64]bool{}
			for range 2 {
				if err := p.target.States.Decide(ctx, s, Verdict{Decision: "upload", Outcome: "pass"}); err != nil {
					return err
				}
				if err := p.upload(ctx, opUpload, s, `{}`); err != nil {
					return err
				}
				if err := p.advance(ctx, uploadTime); err != nil {
					return err
				}
				v, err := p.look(ctx, s)
				if err != nil {
					return err
				}
				one := &s.Packages[len(s.Packages)-1]
				byVersion(v, one)
				p.saw("lifecycle.ids")
				if one.ID != 0 && seen[one.ID] {
					p.fail(Finding{
						ValuePointer: "/data/*/package_id", Expected: "an id of its own", Actual: "the id of the package before",
						Message: "a package_id is given twice",
					})
				}
				seen[one.ID] = true
			}
			return nil
		},
	}}
}
