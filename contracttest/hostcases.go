package contracttest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/swanemu/emu/internal/seal"
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
	for operation, scope := range map[string]string{opHostAddresses: scopeAddress, opHostInvoices: scopeInvoice} {
		add("host.lists", operation, "with leave", func(ctx context.Context, p *probe) error { return p.listHost(ctx, operation, scope) })
	}
	slices.SortStableFunc(out, func(a, b work) int { return s.rank(a.operation) - s.rank(b.operation) })
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

// A hostDatum is the data of a scope.
type hostDatum struct {
	Data          string `json:"data"`
	EncryptedData string `json:"encryptedData"`
	IV            string `json:"iv"`
	UserInfo      struct {
		Nickname   string `json:"nickname"`
		HeadImgURL string `json:"headimgurl"`
	} `json:"userinfo"`
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
	return out, p.hostOK(ctx, opHostOpenData, map[string]any{"scope": scope}, &out)
}

// answer sends what the user answered for scopes.
func (p *probe) answer(ctx context.Context, call string, permit bool, scopes ...string) (out hostOpened, err error) {
	return out, p.hostOK(ctx, call, map[string]any{"accredits": permits(permit, scopes...)}, &out)
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

func hostAsks(ctx context.Context, p *probe) error {
	if _, err := p.ready(ctx); err != nil {
		return err
	}
	out, err := p.opened(ctx, scopeUserInfo)
	if err != nil {
		return err
	}
	p.saw("host.ask")
	if out.has() {
		p.wrong(opHostOpenData, "/data/opendata", "open data has data although nobody has agreed", "no opendata", "there")
	}
	if out.Scope.Forbidden == "true" {
		p.dropped = "the host denies the app " + scopeUserInfo
		return nil
	}
	if out.Scope.Permit != "false" || out.Scope.TipStatus != "0" {
		p.wrong(opHostOpenData, "/data/scope", "the scope does not make the client ask", `permit "false" and tip_status "0"`,
			fmt.Sprintf("permit %q and tip_status %q", out.Scope.Permit, out.Scope.TipStatus))
	}
	return nil
}

func hostAccredits(ctx context.Context, p *probe) error {
	if _, err := p.ready(ctx); err != nil {
		return err
	}
	out, err := p.answer(ctx, opHostAccredit, true, scopeUserInfo)
	if err != nil {
		return err
	}
	if p.saw("host.accredit"); !out.has() {
		p.wrong(opHostAccredit, "/data/opendata", "accredit has no data although the user has agreed", "the data", "no opendata")
	}
	return p.nowOpen(ctx, "host.accredit")
}

func hostAuthorizes(ctx context.Context, p *probe) error {
	if _, err := p.ready(ctx); err != nil {
		return err
	}
	out, err := p.answer(ctx, opHostAuthorize, true, scopeUserInfo)
	if err != nil {
		return err
	}
	if p.saw("host.authorize"); out.has() {
		p.wrong(opHostAuthorize, "/data/opendata", "authorize returns data", "no opendata", "there")
	}
	return p.nowOpen(ctx, "host.authorize")
}

// nowOpen asks for the data that the user has agreed to.
func (p *probe) nowOpen(ctx context.Context, check string) error {
	out, err := p.opened(ctx, scopeUserInfo)
	if err != nil {
		return err
	}
	if p.saw(check); !out.has() || out.Scope.Permit != "true" {
		p.fail(Finding{
			Check: check, Operation: opHostOpenData, ValuePointer: "/data/opendata", Evidence: documented3(),
			Message: "open data has no data although the user has agreed", Expected: "the data", Actual: "no opendata",
		})
	}
	return nil
}

// refuseHost has the user refuse, at once or after having agreed.
func (p *probe) refuseHost(ctx context.Context, call string, agreed bool) error {
	if _, err := p.ready(ctx); err != nil {
		return err
	}
	if agreed {
		if _, err := p.answer(ctx, call, true, scopeUserInfo); err != nil {
			return err
		}
	}
	out, err := p.answer(ctx, call, false, scopeUserInfo)
	if err != nil {
		return err
	}
	if p.saw("host.refuse"); out.has() {
		p.wrong(call, "/data/opendata", "a refusal brings data", "no opendata", "there")
	}
	later, err := p.opened(ctx, scopeUserInfo)
	if err != nil {
		return err
	}
	if later.has() || later.Scope.Permit != "false" || later.Scope.TipStatus == "1" {
		p.wrong(opHostOpenData, "/data/scope", "what the user has refused is granted", `permit "false" and no opendata`,
			fmt.Sprintf("permit %q, tip_status %q, opendata %s", later.Scope.Permit, later.Scope.TipStatus, thereOrNot(later.has())))
	}
	return nil
}

func thereOrNot(there bool) string {
	if there {
		return "there"
	}
	return "missing"
}

func hostGivesOnce(ctx context.Context, p *probe) error {
	if _, err := p.ready(ctx); err != nil {
		return err
	}
	before, err := p.opened(ctx, scopeMobile)
	if err != nil {
		return err
	}
	if before.Scope.Grade != "1" || before.Scope.Forbidden == "true" {
		p.dropped = "the host does not ask for the telephone number each time, or denies it to the app"
		return nil
	}
	if _, err := p.answer(ctx, opHostAuthorize, true, scopeMobile); err != nil {
		return err
	}
	first, err := p.opened(ctx, scopeMobile)
	if err != nil {
		return err
	}
	if !first.has() {
		p.dropped = "the user has no telephone number"
		return nil
	}
	second, err := p.opened(ctx, scopeMobile)
	if err != nil {
		return err
	}
	if p.saw("host.once"); second.has() {
		p.fail(Finding{
			Operation: opHostOpenData, ValuePointer: "/data/opendata", Expected: "no opendata", Actual: "there",
			Message: "what is to be asked for each time is given again",
		})
	}
	return nil
}

// scopesNow is the list of scopes.
func (p *probe) scopesNow(ctx context.Context) (map[string]hostScopeItem, error) {
	var out struct {
		Accredit struct {
			Data struct {
				List map[string]hostScopeItem `json:"list"`
			} `json:"data"`
		} `json:"accredit"`
	}
	err := p.hostOK(ctx, opHostScopes, nil, &out)
	return out.Accredit.Data.List, err
}

// answerSome has the user agree to one scope and refuse another.
func (p *probe) answerSome(ctx context.Context) error {
	_, err := p.ready(ctx)
	if err == nil {
		_, err = p.answer(ctx, opHostAuthorize, true, scopeLocation)
	}
	if err == nil {
		_, err = p.answer(ctx, opHostAuthorize, false, scopeCamera)
	}
	return err
}

func hostListsScopes(ctx context.Context, p *probe) error {
	if err := p.answerSome(ctx); err != nil {
		return err
	}
	list, err := p.scopesNow(ctx)
	if err != nil {
		return err
	}
	p.saw("host.scopes")
	for name, want := range map[string]string{scopeLocation: "true", scopeCamera: "false"} {
		item, there := list[name]
		switch {
		case !there:
			p.wrong(opHostScopes, "/data/accredit/data/list/"+name, "a scope is not in the list", "the scope", "missing")
		case item.Permit != want || want == "true" && item.TipStatus != "1" || want == "false" && item.TipStatus == "1":
			p.wrong(opHostScopes, "/data/accredit/data/list/"+name, "the list does not say what the user answered",
				fmt.Sprintf("permit %q", want), fmt.Sprintf("permit %q, tip_status %q", item.Permit, item.TipStatus))
		}
		if item.ID != "" && item.ID != name {
			p.wrong(opHostScopes, "/data/accredit/data/list/"+name+"/id", "a scope stands under another name", name, item.ID)
		}
	}
	return nil
}

func hostClears(ctx context.Context, p *probe) error {
	err := p.answerSome(ctx)
	if err == nil {
		_, err = p.answer(ctx, opHostAuthorize, true, scopeUserInfo)
	}
	if err == nil {
		err = p.hostOK(ctx, opHostClear, nil, nil)
	}
	if err != nil {
		return err
	}
	list, err := p.scopesNow(ctx)
	if err != nil {
		return err
	}
	out, err := p.opened(ctx, scopeUserInfo)
	if err != nil {
		return err
	}
	p.saw("host.clear")
	if out.has() {
		p.wrong(opHostOpenData, "/data/opendata", "open data has data although all was cleared", "no opendata", "there")
	}
	for _, name := range []string{scopeLocation, scopeCamera, scopeUserInfo} {
		item, there := list[name]
		if there && item.Forbidden != "true" && (item.Permit != "false" || item.TipStatus != "0") {
			p.wrong(opHostScopes, "/data/accredit/data/list/"+name, "an answer is left although all was cleared", `permit "false" and tip_status "0"`,
				fmt.Sprintf("permit %q and tip_status %q", item.Permit, item.TipStatus))
		}
	}
	return nil
}

func hostSeals(ctx context.Context, p *probe) error {
	key, err := p.ready(ctx)
	if err != nil {
		return err
	}
	out, err := p.answer(ctx, opHostAccredit, true, scopeUserInfo)
	if err != nil {
		return err
	}
	var d hostDatum
	if !out.has() || json.Unmarshal(out.Raw, &d) != nil {
		return errHost // host.accredit has it
	}
	text := d.Data
	if text == "" {
		text = d.EncryptedData
	}
	p.saw("host.decrypt")
	wrong := func(pointer, message, expected, actual string) {
		p.fail(Finding{
			Operation: opHostAccredit, ValuePointer: "/data/opendata" + pointer, Message: message, Expected: expected, Actual: actual,
			Evidence: spec.Evidence{Grade: "documented", Source: "S4"},
		})
	}
	if iv, err := base64.StdEncoding.DecodeString(d.IV); err != nil || len(iv) != 16 {
		wrong("/iv", "the initialisation vector has another form", "the base64 of 16 bytes", "something else")
		return nil
	}
	cipher, err := seal.UserDataCipher(key, d.IV, 16)
	if err != nil {
		wrong("", "the session key has another form", "32 hexadecimal digits", err.Error())
		return nil
	}
	message, id, err := cipher.Open(text)
	if err != nil {
		wrong("/data", "the data does not open with the session key", "an AES-192-CBC frame", err.Error())
		return nil
	}
	if id != p.target.Credentials.HostApp.AppKey {
		wrong("/data", "the data does not end with the AppKey", "the AppKey", "something else")
	}
	var inside struct {
		OpenID     string `json:"openid"`
		Nickname   string `json:"nickname"`
		HeadImgURL string `json:"headimgurl"`
	}
	switch {
	case json.Unmarshal(message, &inside) != nil:
		wrong("/data", "what was sealed is no JSON object", "user information", "something else")
	case inside.OpenID == "":
		wrong("/data", "the sealed user information has no openid", "an openid", "none")
	case inside.Nickname != d.UserInfo.Nickname || inside.HeadImgURL != d.UserInfo.HeadImgURL:
		wrong("/userinfo", "what is sealed and what stands in clear are about somebody else", "the same nickname and headimgurl", "others")
	}
	return nil
}

// listHost reads a list with leave. A host need not have it.
func (p *probe) listHost(ctx context.Context, operation, scope string) error {
	if _, err := p.ready(ctx); err != nil {
		return err
	}
	if _, err := p.answer(ctx, opHostAuthorize, true, scope); err != nil {
		return err
	}
	x, err := p.host(ctx, operation, nil)
	if err != nil {
		return err
	}
	if x.status == 404 {
		return fmt.Errorf("%w: the host does not have it", ErrCannot)
	}
	p.expect(x, Finding{Message: "a list cannot be read although the user has agreed"}, Accepted)
	return nil
}
