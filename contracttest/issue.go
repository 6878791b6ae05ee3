package contracttest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/swanemu/emu/internal/spec"
)

// The tokens that requests need, and where they are had.

// issued is a token and its life in seconds; 0 is unknown.
type issued struct {
	token string
	life  int64
	// by is the exchange that issued it.
	by []link
}

// tokenFor returns a token that an operation accepts.
func (p *probe) tokenFor(ctx context.Context, op *spec.Operation, s *Subject) (issued, error) {
	if !op.Secured {
		return issued{}, nil
	}
	if len(op.Principals) == 0 {
		return issued{}, fmt.Errorf("%w: the contract does not say who may call %s", ErrCannot, op.ID)
	}
	return p.tokenOf(ctx, principal(op), s)
}

// tokenOf returns a token of a kind of principal.
func (p *probe) tokenOf(ctx context.Context, who string, s *Subject) (issued, error) {
	if who == asAuthorizer {
		if s == nil || s.AccessToken == "" {
			return issued{}, fmt.Errorf("%w: %s", ErrCannot, p.target.lack(NeedAuthorizer))
		}
		return issued{token: s.AccessToken, life: s.ExpiresIn}, nil
	}
	if given := p.target.Credentials.TP.AccessToken; who == asTP && given != "" {
		return issued{token: given}, nil
	}
	if have, ok := p.tokens[who]; ok {
		p.origin(have.by)
		return have, nil
	}
	fresh, err := p.issueTo(ctx, who)
	if err == nil {
		p.tokens[who] = fresh
	}
	return fresh, err
}

// issueTo gets a fresh token for a kind of principal.
func (p *probe) issueTo(ctx context.Context, who string) (issued, error) {
	if who == asTP {
		return p.issue(ctx, opTicket)
	}
	p.asClient = who
	defer func() { p.asClient = "" }()
	return p.issue(ctx, opIssue)
}

// issue gets a token for a secret or a ticket.
func (p *probe) issue(ctx context.Context, call string) (issued, error) {
	op, ok := p.contract.Operation(call)
	if !ok {
		return issued{}, fmt.Errorf("%w: the contract has no %s", ErrCannot, call)
	}
	for _, n := range p.needsOf(op) {
		if !p.target.has(n) {
			return issued{}, fmt.Errorf("%w: %s", ErrCannot, p.target.lack(n))
		}
	}
	w, err := p.base(ctx, op, &Subject{})
	if err != nil {
		return issued{}, err
	}
	x, err := p.call(ctx, w)
	if err != nil {
		return issued{}, err
	}
	out := issuedIn(x)
	if out.token == "" {
		return out, fmt.Errorf("%w: %s issued no token", ErrCannot, call)
	}
	return out, nil
}

// issuedIn reads a token out of an answer, bare or wrapped.
func issuedIn(x *exchange) issued {
	type fields struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	var answer struct {
		fields
		Data fields `json:"data"`
	}
	if json.Unmarshal(x.answer, &answer) != nil {
		return issued{}
	}
	if answer.AccessToken != "" {
		return issued{answer.AccessToken, answer.ExpiresIn, []link{{exchange: x}}}
	}
	return issued{answer.Data.AccessToken, answer.Data.ExpiresIn, []link{{exchange: x}}}
}

// renew takes fresh credentials after time was moved.
func (s *suite) renew(ctx context.Context) error {
	clear(s.tokens)
	clear(s.shared)
	if s.target.Renew == nil {
		return nil
	}
	c, err := s.target.Renew(ctx)
	if err != nil {
		return fmt.Errorf("renew the credentials: %w", err)
	}
	s.target.Credentials = c
	s.hide.credentials(&c)
	s.renewals = append(s.renewals, s.ordered()...)
	return nil
}
