package contracttest

import (
	"context"
	"net/http"

	"github.com/swanemu/emu/internal/spec"
)

// What is done with a request's parameters: the valid ones first.

// placementCases put the parameters of a valid request wherever they may stand.
func placementCases(s *suite) []work {
	var out []work
	for _, op := range s.contract.Operations() {
		for _, how := range placements(op) {
			out = append(out, work{
				check: "input.placement", operation: op.ID, name: how.name, needs: s.needsOf(op), mode: s.effect(op),
				run: func(ctx context.Context, p *probe) error {
					return p.accepted(ctx, op, "a valid request is not accepted", func(w *wire) {
						w.place, w.withParams = how.place, how.withToken
					})
				},
			})
		}
	}
	return out
}

// A placement is where the parameters and the token stand.
type placement struct {
	name      string
	place     place
	withToken bool
}

// placements are those that an operation takes.
func placements(op *spec.Operation) []placement {
	out := []placement{{"query", inQuery, false}}
	form, jsonBody := op.Takes()
	if !op.Merged {
		out = out[:0]
		if !form && !jsonBody {
			return []placement{{"query", inQuery, false}}
		}
	}
	if form {
		out = append(out, placement{"form", inForm, false}, placement{"form with token", inForm, true})
	}
	if jsonBody {
		out = append(out, placement{"json", inJSON, false}, placement{"json with token", inJSON, true})
	}
	if op.TokenParam == "" {
		kept := out[:0:0]
		for _, p := range out {
			if !p.withToken {
				kept = append(kept, p)
			}
		}
		return kept
	}
	return out
}

// accepted sends a valid request with one change that must not matter.
func (p *probe) accepted(ctx context.Context, op *spec.Operation, message string, change func(*wire)) error {
	s, err := p.subject(ctx, op, false)
	if err != nil {
		return err
	}
	w, err := p.base(ctx, op, s)
	if err != nil {
		return err
	}
	change(w)
	issues, err := w.judge(ctx)
	if err != nil {
		return err
	}
	if len(issues) > 0 {
		p.dropped = "the contract itself refuses it: " + issues[0].String()
		return nil
	}
	x, err := p.call(ctx, w)
	if err != nil {
		return err
	}
	if p.excused(w, x) {
		p.dropped = unsampled(w, x)
		return nil
	}
	p.expect(x, Finding{Message: message}, Accepted)
	return nil
}

// unknownCases add parameters that mean nothing.
func unknownCases(s *suite) []work {
	var out []work
	extra := map[string][]param{
		"unknown": {{name: "emu_unknown", text: "1"}},
		"sdk":     {{name: "sp_sdk_ver", text: "1.0.0"}, {name: "sp_sdk_lang", text: "go"}},
	}
	for _, op := range s.contract.Operations() {
		for _, name := range []string{"unknown", "sdk"} {
			for _, how := range placements(op) {
				if how.withToken {
					continue
				}
				out = append(out, work{
					check: "input.unknown", operation: op.ID, name: name + " in " + how.name, needs: s.needsOf(op), mode: s.effect(op),
					run: func(ctx context.Context, p *probe) error {
						return p.accepted(ctx, op, "a valid request with a parameter more is not accepted", func(w *wire) {
							w.place = how.place
							w.params = append(w.params, extra[name]...)
						})
					},
				})
			}
		}
	}
	return out
}

// methodCases use methods that a path does not have.
func methodCases(s *suite) []work {
	var out []work
	for _, op := range s.contract.Operations() {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			r, err := http.NewRequest(method, "http://wire.invalid"+op.Path, http.NoBody) //nolint:noctx // it is only matched
			if err != nil || s.contract.Match(r).Operation != nil {
				continue
			}
			out = append(out, work{
				check: "input.method", operation: op.ID, name: method, needs: s.needsOf(op),
				run: func(ctx context.Context, p *probe) error {
					w, s, err := p.shareBase(ctx, op)
					if err != nil {
						return err
					}
					w.method, w.place = method, inQuery
					return p.refused(ctx, w, s, true, Finding{Message: "a method that the path does not have is accepted"})
				},
			})
		}
	}
	return out
}

// shareBase is a valid request on a subject that others use too.
func (p *probe) shareBase(ctx context.Context, op *spec.Operation) (*wire, *Subject, error) {
	s, err := p.subject(ctx, op, true)
	if err != nil {
		return nil, nil, err
	}
	w, err := p.base(ctx, op, s)
	return w, s, err
}

// watch reads what a TP sees of an app before a call that must change nothing;
// false where the call cannot change it.
func (p *probe) watch(ctx context.Context, op *spec.Operation, s *Subject) (bool, view, error) {
	if p.effect(op) == ReadOnly || principal(op) != asAuthorizer {
		return false, view{}, nil
	}
	before, err := p.look(ctx, s)
	return true, before, err
}

// stayed compares with what a TP sees afterwards.
func (p *probe) stayed(ctx context.Context, op *spec.Operation, s *Subject, before view, f Finding) error {
	after, err := p.look(ctx, s)
	if err != nil {
		return err
	}
	p.unchanged(before, after, f)
	if before.text != after.text {
		delete(p.shared, op.ID)
	}
	return nil
}

// refused sends a request that must be refused and leave nothing behind.
func (p *probe) refused(ctx context.Context, w *wire, s *Subject, undocumented bool, f Finding) error {
	watch, before, err := p.watch(ctx, w.op, s)
	if err != nil {
		return err
	}
	x, err := p.exchange(ctx, w, undocumented)
	if err != nil {
		return err
	}
	if w.unknown && w.method == w.op.Method && x.outcome() == Refused {
		p.dropped = unsampled(w, x) // the right request would be refused, too
		return nil
	}
	if !p.expect(x, f, Refused, Unauthenticated) {
		delete(p.shared, w.op.ID)
		return nil
	}
	if !watch {
		return nil
	}
	return p.stayed(ctx, w.op, s, before, f)
}
