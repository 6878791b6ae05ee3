package contracttest

import (
	"context"
	"encoding/json"

	"github.com/swanemu/emu/internal/spec"
)

// What a host is asked: the flows of seed 003, one after the other, each
// beginning with nothing granted.

// The scopes that the checks ask for.
const (
	scopeUserInfo = "snsapi_userinfo"
	scopeMobile   = "mobile"
	scopeLocation = "mapp_location"
	scopeCamera   = "mapp_camera"
	scopeAddress  = "mapp_choose_address"
	scopeInvoice  = "mapp_choose_invoice"
)

func hostChecks() []Check {
	user := []Need{NeedHostUser}
	session := []Need{NeedHostUser, NeedHostSession}
	return []Check{
		{ID: "host.login", Explain: "A login gives a code, another one each time.", Needs: user, Changes: Sandbox, cases: hostCases},
		{ID: "host.session", Explain: "After a login whose code was exchanged, the session is valid.", Needs: session, Changes: Sandbox, cases: hostCases},
		{ID: "host.swanid", Explain: "A user's swanid stays the same.", Needs: user, Changes: Sandbox, cases: hostCases},
		{ID: "host.ask", Explain: "Open data without leave comes back without data, and makes the client ask.", Needs: user, Changes: Sandbox, cases: hostCases},
		{ID: "host.accredit", Explain: "Accredit brings the data at once when the user agrees, and open data has it from then on.", Needs: user, Changes: Sandbox, cases: hostCases},
		{ID: "host.authorize", Explain: "Authorize takes down the answer and returns no data; open data has it from then on.", Needs: user, Changes: Sandbox, cases: hostCases},
		{ID: "host.refuse", Explain: "A refusal brings no data, and takes leave away that was given.", Needs: user, Changes: Sandbox, cases: hostCases},
		{ID: "host.once", Explain: "What is asked for each time is given once.", Needs: user, Changes: Sandbox, cases: hostCases},
		{ID: "host.scopes", Explain: "The list of scopes says what the user answered.", Needs: user, Changes: Sandbox, cases: hostCases},
		{ID: "host.clear", Explain: "After all is cleared nothing is granted, and nothing refused.", Needs: user, Changes: Sandbox, cases: hostCases},
		{ID: "host.decrypt", Explain: "Data opens with the session key, tells what stands beside it in clear, and ends with the AppKey.", Needs: session, Changes: Sandbox, cases: hostCases},
		{ID: "host.lists", Explain: "Addresses and invoice titles can be read with leave.", Needs: user, Changes: Sandbox, cases: hostCases},
	}
}

// hostCases makes the cases of the checks above.
func hostCases(s *suite) []work {
	var out []work
	add := func(check, operation, name string, run func(context.Context, *probe) error) {
		if op, ok := s.contract.Operation(operation); ok && op.Envelope == hostEnvelope {
			out = append(out, work{check: check, operation: operation, name: name, mode: Sandbox, run: run})
		}
	}
	add("host.login", opHostLogin, "twice", hostLoginTwice)
	add("host.session", opHostSession, "after a login", hostSessionHolds)
	add("host.swanid", opHostSwanID, "twice", hostSwanIDTwice)
	add("host.ask", opHostOpenData, "nothing granted", hostAsks)
	add("host.accredit", opHostAccredit, "the user agrees", hostAccredits)
	add("host.authorize", opHostAuthorize, "the user agrees", hostAuthorizes)
	add("host.refuse", opHostAccredit, "the user refuses", func(ctx context.Context, p *probe) error { return p.refuseHost(ctx, opHostAccredit, false) })
	add("host.refuse", opHostAuthorize, "the user refuses", func(ctx context.Context, p *probe) error { return p.refuseHost(ctx, opHostAuthorize, false) })
	add("host.refuse", opHostAuthorize, "the user takes it back", func(ctx context.Context, p *probe) error { return p.refuseHost(ctx, opHostAuthorize, true) })
	add("host.once", opHostOpenData, "the telephone number", hostGivesOnce)
	add("host.scopes", opHostScopes, "agreed and refused", hostListsScopes)
	add("host.clear", opHostClear, "agreed and refused", hostClears)
	add("host.decrypt", opHostAccredit, "user information", hostSeals)
	for operation, scope := range leaves {
		add("host.lists", operation, "with leave", func(ctx context.Context, p *probe) error { return p.listHost(ctx, operation, scope) })
	}
	s.sort(out)
	return out
}

// A hostScopeItem is a scope as hosts show it.
type hostScopeItem struct {
	ID        string `json:"id"`
	Permit    string `json:"permit"`
	Forbidden string `json:"forbidden"`
	Grade     string `json:"grade"`
	TipStatus string `json:"tip_status"`
}

// A hostOpened is what open data and accredit answer.
type hostOpened struct {
	Scope hostScopeItem   `json:"scope"`
	Raw   json.RawMessage `json:"opendata"`
}

// has reports whether there is data; null is none.
func (o *hostOpened) has() bool { return len(o.Raw) > 0 && string(o.Raw) != "null" }

// begin logs the user in and clears what was granted before; it returns the
// code.
func (p *probe) begin(ctx context.Context) (string, error) {
	var login struct {
		Code string `json:"code"`
	}
	if err := p.hostOK(ctx, opHostLogin, nil, &login); err != nil {
		return "", err
	}
	p.hide.learn("CODE", login.Code)
	return login.Code, p.hostOK(ctx, opHostClear, nil, nil)
}

// ready is begin with a session, where there is a way to one.
func (p *probe) ready(ctx context.Context) (key string, err error) {
	code, err := p.begin(ctx)
	if err == nil && p.target.has(NeedHostSession) {
		key, err = p.sessionKey(ctx, code)
	}
	return key, err
}

// opened asks for the data of a scope.
func (p *probe) opened(ctx context.Context, scope string) (out hostOpened, err error) {
	err = p.hostOK(ctx, opHostOpenData, map[string]any{"scope": scope}, &out)
	return out, err
}

// answer sends what the user answered for scopes.
func (p *probe) answer(ctx context.Context, call string, permit bool, scopes ...string) (out hostOpened, err error) {
	err = p.hostOK(ctx, call, map[string]any{"accredits": permits(permit, scopes...)}, &out)
	return out, err
}

// documented3 is the evidence of what seed 003 says itself.
func documented3() spec.Evidence { return spec.Evidence{Grade: "documented", Source: "S3"} }

// wrong adds a finding about an answer of a flow.
func (p *probe) wrong(operation, pointer, message, expected, actual string) {
	p.fail(Finding{Operation: operation, ValuePointer: pointer, Message: message, Expected: expected, Actual: actual, Evidence: documented3()})
}

func hostLoginTwice(ctx context.Context, p *probe) error {
	first, err := p.begin(ctx)
	if err != nil {
		return err
	}
	second, err := p.begin(ctx)
	if err != nil {
		return err
	}
	p.saw("host.login")
	switch {
	case first == "" || second == "":
		p.wrong(opHostLogin, "/data/code", "a user who is logged in gets no code", "a code", "none")
	case first == second:
		p.wrong(opHostLogin, "/data/code", "two logins get the same code", "another code", "the same")
	}
	return nil
}

func hostSessionHolds(ctx context.Context, p *probe) error {
	if _, err := p.ready(ctx); err != nil {
		return err
	}
	var out struct {
		Result bool `json:"result"`
	}
	if err := p.hostOK(ctx, opHostSession, nil, &out); err != nil {
		return err
	}
	if p.saw("host.session"); !out.Result {
		p.wrong(opHostSession, "/data/result", "the session of a fresh login is not valid", "true", "false")
	}
	return nil
}

func hostSwanIDTwice(ctx context.Context, p *probe) error {
	var ids [2]string
	for i := range ids {
		var out struct {
			SwanID string `json:"swanid"`
		}
		if err := p.hostOK(ctx, opHostSwanID, nil, &out); err != nil {
			return err
		}
		ids[i] = out.SwanID
	}
	if p.saw("host.swanid"); ids[0] != ids[1] {
		p.wrong(opHostSwanID, "/data/swanid", "a user's swanid changes from one request to the next", "the same swanid", "another")
	}
	return nil
}
