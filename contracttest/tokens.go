package contracttest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// tokenCases leave the token away, garble it, and bring another kind.
func tokenCases(s *suite) []work {
	var out []work
	for _, op := range s.contract.Operations() {
		if !op.Secured || op.TokenParam == "" {
			continue
		}
		add := func(check, name string, needs []Need, stage, message string, change func(context.Context, *probe, *wire, *Subject) error) {
			out = append(out, work{
				check: check, operation: op.ID, name: name, needs: append(s.needsOf(op), needs...), mode: s.effect(op),
				run: func(ctx context.Context, p *probe) error {
					w, s, err := p.shareBase(ctx, op)
					if err == nil {
						err = change(ctx, p, w, s)
					}
					if err != nil {
						return err
					}
					return p.shutOut(ctx, w, s, stage, Finding{Message: message, ValuePointer: "/" + op.TokenParam})
				},
			})
		}
		add("token.absent", "absent", nil, "unauthenticated", "a call without a token is not told so",
			func(_ context.Context, _ *probe, w *wire, _ *Subject) error { w.token = ""; return nil })
		add("token.garbled", "one character off", nil, "unauthenticated", "a token that nobody issued is not told so",
			func(_ context.Context, _ *probe, w *wire, _ *Subject) error { w.token = garble(w.token); return nil })
		add("token.garbled", "a word", nil, "unauthenticated", "a token that nobody issued is not told so",
			func(_ context.Context, _ *probe, w *wire, _ *Subject) error { w.token = noToken; return nil })
		for _, other := range otherKinds(op) {
			add("token.kind", "of a "+other, needsFor(other), "", "a token of another kind is accepted",
				func(ctx context.Context, p *probe, w *wire, s *Subject) error {
					token, err := p.tokenOf(ctx, other, s)
					w.token = token.token
					return err
				})
		}
	}
	return out
}

// shutOut sends a call with a token that must not open anything: it is refused
// with the error of its stage, any for "", and leaves everything as it was.
func (p *probe) shutOut(ctx context.Context, w *wire, s *Subject, stage string, f Finding) error {
	if stage == "" {
		return p.refused(ctx, w, s, false, f)
	}
	watch, before, err := p.watch(ctx, w.op, s)
	if err != nil {
		return err
	}
	x, err := p.call(ctx, w)
	if err != nil {
		return err
	}
	if !p.expect(x, f, Unauthenticated) {
		delete(p.shared, w.op.ID)
		return nil
	}
	p.toldSo(x, stage, f)
	if !watch {
		return nil
	}
	return p.stayed(ctx, w.op, s, before, f)
}

// toldSo holds the error of an unauthenticated call against the one that the
// contract has for the stage: a client renews a token on one and not on the
// other. A server that says it by the HTTP status alone has said it.
func (p *probe) toldSo(x *exchange, stage string, f Finding) {
	env, ok := p.contract.Envelope(x.op.Envelope)
	if !ok || x.verdict.code == "" || slices.Contains(x.verdict.errors, env.Refusals[stage]) {
		return
	}
	want := env.Refusals[stage]
	f.Message = "the trouble with a token is told as another one"
	f.Expected, f.Actual, f.SpecPointer = want, x.verdict.code, "#/x-envelopes/"+env.Name+"/refusals/"+stage
	if def, ok := p.contract.Error(want); ok {
		f.Evidence = def.Evidence
	}
	p.fail(f)
}

// otherKinds are the principals that an operation is not for.
func otherKinds(op *spec.Operation) []string {
	var out []string
	for _, kind := range []string{asAuthorizer, asTP, asHost} {
		if len(op.Principals) > 0 && !slices.Contains(op.Principals, kind) {
			out = append(out, kind)
		}
	}
	return out
}

func needsFor(who string) []Need {
	switch who {
	case asAuthorizer:
		return []Need{NeedAuthorizer}
	case asTP:
		return []Need{NeedTP}
	}
	return []Need{NeedHost}
}

// What is no secret although it stands where one does.
const (
	noToken     = "emu-no-token" //nolint:gosec // see above
	wrongSecret = "00000000000000001000000000000000"
)

// garble changes one character in the middle.
func garble(token string) string {
	b := []byte(token)
	if len(b) == 0 {
		return "x"
	}
	i := len(b) / 2
	if b[i] == '0' {
		b[i] = '1'
	} else {
		b[i] = '0'
	}
	return string(b)
}

// otherAppCases reach for one app's package with another app's token.
func otherAppCases(s *suite) []work {
	var out []work
	for _, op := range s.contract.Operations() {
		if principal(op) != asAuthorizer || !hasField(op, "package_id") {
			continue
		}
		out = append(out, work{
			check: "token.other-app", operation: op.ID, name: "package of another app", needs: s.needsOf(op),
			run: func(ctx context.Context, p *probe) error {
				owner, err := p.subject(ctx, op, true)
				if err != nil {
					return err
				}
				other, err := p.enter(ctx, Situation{})
				if err != nil {
					return err
				}
				w, err := p.base(ctx, op, owner)
				if err != nil {
					return err
				}
				w.token = other.AccessToken
				f := Finding{Message: "the token of another app reaches this app's package", ValuePointer: "/package_id"}
				before, err := p.look(ctx, owner)
				if err != nil {
					return err
				}
				x, err := p.call(ctx, w)
				if err != nil {
					return err
				}
				p.expect(x, f, Refused, Unauthenticated)
				after, err := p.look(ctx, owner)
				if err != nil {
					return err
				}
				p.unchanged(before, after, Finding{})
				if before.text != after.text {
					delete(p.shared, op.ID)
				}
				return nil
			},
		})
	}
	return append(out, strangerCases(s)...)
}

// secretCases garble what a call issues something for.
func secretCases(s *suite) []work {
	var out []work
	for _, op := range s.contract.Operations() {
		if len(s.secrets[op.ID]) == 0 {
			continue
		}
		for _, f := range op.Fields() {
			if !f.Secret && f.Name != "client_id" {
				continue
			}
			out = append(out, work{
				check: "token.secret", operation: op.ID, name: "wrong " + f.Name, needs: s.needsOf(op),
				run: func(ctx context.Context, p *probe) error {
					s, err := p.subject(ctx, op, true)
					if err != nil {
						return err
					}
					w, err := p.base(ctx, op, s)
					if err != nil {
						return err
					}
					wrong := param{name: f.Name, text: wrongSecret}
					for _, have := range w.params {
						if have.name == f.Name {
							wrong.text = garble(have.text)
						}
					}
					w.set(wrong)
					if f.Name == "code" {
						w.drop("refresh_token")
						w.set(param{name: "grant_type", text: grantCode})
					}
					x, err := p.call(ctx, w)
					if err == nil {
						p.expect(x, Finding{
							Message: "a wrong secret is accepted", ValuePointer: "/" + f.Name, SpecPointer: f.Pointer, Evidence: f.Evidence,
						}, Refused, Unauthenticated)
					}
					return err
				},
			})
		}
	}
	return out
}

// onceCases use what works once twice.
func onceCases(s *suite) []work {
	var out []work
	for _, op := range s.contract.Operations() {
		if op.Call() != opExchange {
			if hasField(op, "code") && len(s.secrets[op.ID]) > 0 {
				out = append(out, work{
					check: "token.once", operation: op.ID, name: "code twice", needs: s.needsOf(op),
					run: func(ctx context.Context, p *probe) error { return p.twice(ctx, op) },
				})
			}
			continue
		}
		for _, what := range []string{"refresh_token", "code"} {
			out = append(out, work{
				check: "token.once", operation: op.ID, name: what + " twice", needs: s.needsOf(op),
				run: func(ctx context.Context, p *probe) error { return p.once(ctx, op, what) },
			})
		}
	}
	return out
}

// once exchanges a refresh token or a code, tries the tokens that it gets, and
// exchanges it again.
func (p *probe) once(ctx context.Context, op *spec.Operation, what string) error {
	s, err := p.subject(ctx, op, false)
	if err != nil {
		return err
	}
	w, err := p.base(ctx, op, s)
	if err != nil {
		return err
	}
	if what == "code" {
		code, err := p.retrieve(ctx, s)
		if err != nil {
			return err
		}
		w.drop("refresh_token")
		w.set(param{name: "grant_type", text: grantCode})
		w.set(param{name: "code", text: code})
	}
	first, err := p.call(ctx, w)
	if err != nil {
		return err
	}
	pointer := "/" + what
	if !p.expect(first, Finding{Message: "what was issued is not accepted", ValuePointer: pointer}, Accepted) {
		return nil
	}
	fresh := *s
	fresh.AccessToken = issuedIn(first).token
	list, err := p.read(ctx, opList, &fresh)
	if err != nil {
		return err
	}
	p.expect(list, Finding{Message: "the token that was issued is not accepted", ValuePointer: "/access_token"}, Accepted)
	again, err := p.call(ctx, w)
	if err == nil {
		p.expect(again, Finding{Message: "what works once works twice", ValuePointer: pointer}, Refused, Unauthenticated)
	}
	return err
}

// twice exchanges a login's code, which only the harness can get, and exchanges
// it again.
func (p *probe) twice(ctx context.Context, op *spec.Operation) error {
	w, _, err := p.shareBase(ctx, op)
	if err != nil {
		return err
	}
	if slices.Contains(w.examples, "code") {
		return fmt.Errorf("%w: it has no code for %s", ErrCannot, op.ID)
	}
	first, err := p.call(ctx, w)
	if err != nil || !p.expect(first, Finding{Message: "what was issued is not accepted", ValuePointer: "/code"}, Accepted) {
		return err
	}
	again, err := p.call(ctx, w)
	if err == nil {
		p.expect(again, Finding{Message: "what works once works twice", ValuePointer: "/code"}, Refused, Unauthenticated)
	}
	return err
}

// retrieve gets a code.
func (p *probe) retrieve(ctx context.Context, s *Subject) (string, error) {
	x, err := p.read(ctx, opRetrieve, s, appID(s.AppID))
	if err != nil {
		return "", err
	}
	var answer struct {
		Data struct {
			Code string `json:"authorization_code"`
		} `json:"data"`
	}
	if json.Unmarshal(x.answer, &answer) != nil || answer.Data.Code == "" {
		return "", fmt.Errorf("%w: %s gave no code", ErrCannot, opRetrieve)
	}
	return answer.Data.Code, nil
}

// expiredCases let a token outlive its life.
func expiredCases(s *suite) []work {
	var out []work
	for _, op := range s.contract.Operations() {
		if !op.Secured || op.TokenParam == "" || len(op.Principals) == 0 {
			continue
		}
		needs := append(s.needsOf(op), NeedStates)
		out = append(out, work{
			check: "token.expired", operation: op.ID, name: "past its life", needs: needs,
			run: func(ctx context.Context, p *probe) error { return p.expire(ctx, op) },
		})
	}
	return out
}

func (p *probe) expire(ctx context.Context, op *spec.Operation) error {
	s, err := p.subject(ctx, op, false)
	if err != nil {
		return err
	}
	w, err := p.base(ctx, op, s)
	if err != nil {
		return err
	}
	life := s.ExpiresIn
	if who := principal(op); who != asAuthorizer {
		fresh, err := p.issueTo(ctx, who)
		if err != nil {
			return err
		}
		w.token, life = fresh.token, fresh.life
	}
	if life <= 0 {
		return fmt.Errorf("%w: nobody says how long the token lives", ErrCannot)
	}
	past := time.Duration(life)*time.Second + time.Second
	if err := p.advance(ctx, past); err != nil {
		return err
	}
	x, err := p.call(ctx, w)
	if err == nil {
		f := Finding{Message: "a token past its life is not told so", ValuePointer: "/" + op.TokenParam}
		if p.expect(x, f, Unauthenticated) {
			p.toldSo(x, "expired", f)
		}
		err = p.renew(ctx)
	}
	return err
}

// advance moves the server's time.
func (p *probe) advance(ctx context.Context, d time.Duration) error {
	if p.target.Clock == nil {
		return fmt.Errorf("%w: %s", ErrCannot, p.target.lack(NeedClock))
	}
	p.note("the harness: %s pass", d)
	if err := p.target.Clock.Advance(ctx, d); err != nil {
		return fmt.Errorf("advance by %s: %w", d, err)
	}
	p.chain = append(p.chain, p.ordered()...)
	return nil
}
