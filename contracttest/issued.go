package contracttest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// What is issued: it works, as long as it says, and for what it was asked for.

// issuers are the operations that issue what another call takes.
func (s *suite) issuers() []*spec.Operation {
	var out []*spec.Operation
	for _, op := range s.contract.Operations() {
		if slices.Contains(s.secrets[op.ID], "access_token") || op.Call() == opRetrieve {
			out = append(out, op)
		}
	}
	return out
}

// issuedCases use what each call issues: at once, shortly before its life
// ends, and after.
func issuedCases(s *suite) []work {
	var out []work
	for _, op := range s.issuers() {
		needs := s.needsOf(op)
		if op.Call() == opRetrieve {
			needs = append(needs, NeedTP)
		}
		out = append(out, work{
			check: "token.issued", operation: op.ID, name: "used at once", needs: needs,
			run: func(ctx context.Context, p *probe) error {
				u, err := p.issueWith(ctx, op)
				if err != nil {
					return err
				}
				f := Finding{Message: "what was just issued is not accepted"}
				if err := p.use(ctx, u, f, Accepted); err != nil || u.renews == nil {
					return err
				}
				u.with = u.renews
				return p.use(ctx, u, f, Accepted)
			},
		})
	}
	return out
}

// lifeCases let what was issued grow old.
func lifeCases(s *suite) []work {
	var out []work
	for _, op := range s.issuers() {
		out = append(out, work{
			check: "token.life", operation: op.ID, name: "to the end of its life", needs: append(s.needsOf(op), NeedStates),
			run: func(ctx context.Context, p *probe) error { return p.growOld(ctx, op) },
		})
	}
	return out
}

// A usable is something that was issued, and the call that takes it.
type usable struct {
	op      *spec.Operation // that issued it
	subject *Subject
	with    *wire
	// renews is the call that takes the refresh token that came with it; nil
	// where there is none.
	renews *wire
	life   time.Duration
}

// issueWith makes a call that issues, and the call that takes what it issued.
func (p *probe) issueWith(ctx context.Context, op *spec.Operation) (*usable, error) {
	s := &Subject{Authorizer: p.target.Credentials.Authorizer}
	if p.target.States != nil {
		var err error
		if s, err = p.enter(ctx, Situation{States: []string{"development"}}); err != nil {
			return nil, err
		}
	}
	w, err := p.base(ctx, op, s)
	if err != nil {
		return nil, err
	}
	x, err := p.call(ctx, w)
	if err != nil {
		return nil, err
	}
	if x.outcome() != Accepted {
		return nil, fmt.Errorf("%w: %s issued nothing", ErrCannot, op.ID)
	}
	u := &usable{op: op, subject: s, life: lifeIn(x.answer)}
	if op.Call() == opRetrieve {
		u.with, err = p.exchangeOf(ctx, s, first(textsOf(x.answer, "authorization_code")))
		return u, err
	}
	taker := p.takerOf(op)
	if taker == nil {
		return nil, fmt.Errorf("%w: no call of the contract takes what %s issues", ErrCannot, op.ID)
	}
	fresh := *s
	fresh.AccessToken = issuedIn(x).token
	u.with = &wire{op: taker, method: taker.Method, place: inQuery, token: fresh.AccessToken}
	if hasField(taker, "app_id") {
		u.with.params = []param{appID(s.AppID)}
	}
	if refresh := first(textsOf(x.answer, "refresh_token")); refresh != "" && hasField(op, "refresh_token") {
		if u.renews, err = p.base(ctx, op, s); err != nil {
			return nil, err
		}
		u.renews.set(param{name: "refresh_token", text: refresh})
	}
	return u, nil
}

func first(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}

// exchangeOf is the call that exchanges a code.
func (p *probe) exchangeOf(ctx context.Context, s *Subject, code string) (*wire, error) {
	op, ok := p.contract.Operation(opExchange)
	if !ok || code == "" {
		return nil, fmt.Errorf("%w: there is nothing to exchange, or no call for it", ErrCannot)
	}
	w, err := p.base(ctx, op, s)
	if err != nil {
		return nil, err
	}
	w.drop("refresh_token")
	w.set(param{name: "grant_type", text: grantCode})
	w.set(param{name: "code", text: code})
	return w, nil
}

// takerOf is a call that only reads and takes the tokens that an operation
// issues; nil where there is none.
func (p *probe) takerOf(issuer *spec.Operation) *spec.Operation {
	who := map[string]string{opIssue: asHost, opTicket: asTP, opExchange: asAuthorizer}[issuer.Call()]
	ops := p.contract.Operations()
	i := slices.IndexFunc(ops, func(op *spec.Operation) bool {
		needs := slices.ContainsFunc(op.Fields(), func(f spec.Field) bool { return f.Required && f.Name != "app_id" })
		return principal(op) == who && who != "" && p.effect(op) == ReadOnly && op.SameAs == "" && !needs
	})
	if i < 0 {
		return nil
	}
	return ops[i]
}

// use makes the call that takes what was issued.
func (p *probe) use(ctx context.Context, u *usable, f Finding, right ...Outcome) error {
	x, err := p.call(ctx, u.with)
	if err != nil {
		return err
	}
	f.Operation, f.ValuePointer = u.op.ID, "/expires_in"
	p.expect(x, f, right...)
	return nil
}

// lifeIn reads how long something lives out of an answer; 0 is unknown.
func lifeIn(answer []byte) time.Duration {
	return time.Duration(issuedIn(&exchange{answer: answer}).life) * time.Second
}

// margin is how near to the end of a life it is looked at.
const margin = time.Minute

// growOld uses what was issued shortly before its life ends, and after: what works
// once is issued for each.
func (p *probe) growOld(ctx context.Context, op *spec.Operation) error {
	early := Finding{Message: "what was issued is not accepted to the end of its life"}
	late := Finding{Message: "what was issued is accepted past the end of its life"}
	u, err := p.issueWith(ctx, op)
	if err != nil {
		return err
	}
	if u.life <= margin {
		return fmt.Errorf("%w: nobody says how long it lives, or not long enough to try", ErrCannot)
	}
	if err := p.advance(ctx, u.life-margin); err != nil {
		return err
	}
	if err := p.use(ctx, u, early, Accepted); err != nil {
		return err
	}
	rest := margin + time.Second
	if op.Call() == opRetrieve {
		if u, err = p.issueWith(ctx, op); err != nil {
			return err
		}
		rest = u.life + time.Second
	}
	if err := p.advance(ctx, rest); err != nil {
		return err
	}
	if err := p.use(ctx, u, late, Refused, Unauthenticated); err != nil {
		return err
	}
	return p.renew(ctx)
}

// grantCases ask for a grant and a scope that nobody has.
func grantCases(s *suite) []work {
	var out []work
	for _, op := range s.issuers() {
		for _, f := range op.Fields() {
			if f.Name != "grant_type" && f.Name != "scope" {
				continue
			}
			out = append(out, work{
				check: "token.grant", operation: op.ID, name: "unknown " + f.Name, needs: s.needsOf(op),
				run: func(ctx context.Context, p *probe) error {
					w, s, err := p.shareBase(ctx, op)
					if err != nil {
						return err
					}
					w.set(param{name: f.Name, text: "emu_unknown"})
					return p.refused(ctx, w, s, false, Finding{
						Message: "something is issued for a " + f.Name + " that there is not", ValuePointer: "/" + f.Name,
						SpecPointer: f.Pointer, Evidence: f.Evidence,
					})
				},
			})
		}
	}
	return out
}

// strangerCases let a developer, whose apps are its own, ask for another app.
func strangerCases(s *suite) []work {
	var out []work
	for _, op := range s.contract.Operations() {
		own := principal(op) == asDeveloper // then the app is the parameter's
		if !slices.Contains(op.Principals, asDeveloper) || own && !hasField(op, "app_id") {
			continue
		}
		out = append(out, work{
			check: "token.other-app", operation: op.ID, name: "app of another developer", needs: append(s.needsOf(op), NeedStates, NeedDeveloper),
			run: func(ctx context.Context, p *probe) error {
				s, err := p.subject(ctx, op, true)
				if err != nil {
					return err
				}
				w, err := p.base(ctx, op, s)
				if err != nil {
					return err
				}
				if own {
					stranger, err := p.enter(ctx, Situation{})
					if err != nil {
						return err
					}
					w.set(appID(stranger.AppID))
				}
				token, err := p.tokenOf(ctx, asDeveloper, s)
				if err != nil {
					return err
				}
				w.token = token.token
				return p.refused(ctx, w, s, false, Finding{
					Message: "a developer's token reaches the app of another", ValuePointer: "/app_id", Evidence: judgement(),
				})
			},
		})
	}
	return out
}
