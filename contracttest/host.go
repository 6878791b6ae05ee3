package contracttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/internal/seal"
	"github.com/swanemu/emu/internal/spec"
)

// The host API: what an app that embeds the runtime serves to its own client.
// The runtime cares for the answers alone; addresses, parameters and the way a
// user is known are the host's own (seed 003), and so are its errors.

// A HostApp is an app in a host app, as the checks of the host API call it. Only
// AppKey is required.
type HostApp struct {
	// AppKey and MaID name the mini program; MaID is its app_id, the AppKey
	// where it is left out.
	AppKey string `json:"app_key"`
	MaID   string `json:"ma_id"`
	// HUID and CUID are form values that name the user and the device; a host
	// that knows them by a cookie has it among Headers instead.
	HUID string `json:"huid"`
	CUID string `json:"cuid"`
	// Headers go with every request, Form with every form.
	Headers map[string]string `json:"headers"`
	Form    map[string]string `json:"form"`
	// Open are members of open in the form's data, such as host_pkgname.
	Open map[string]string `json:"open"`
	// KeyPath is what getAuthorizeKeyPath returns: the member below which the
	// answers stand; "" for none.
	KeyPath string `json:"key_path"`
	// Paths are where the host has an operation, by operationId: a path below
	// the target's URL, or a whole URL.
	Paths map[string]string `json:"paths"`
	// HSK is the secret that the host shares with the platform. With it the
	// suite exchanges codes as the platform does (exchangeHostCode).
	HSK string `json:"hsk"`
	// SessionKey is the user's session key, where a login does not change it.
	SessionKey string `json:"session_key"`
	// Contract says that the server reads the forms that the contract describes
	// and answers its errors, as the emulator does.
	Contract bool `json:"contract"`
}

// hostEnvelope is the envelope of the host API's answers.
const hostEnvelope = "host"

// The operations of the host API.
const (
	opHostLogin     = "loginHostUser"
	opHostAccredit  = "accreditHostUser"
	opHostAuthorize = "authorizeHostUser"
	opHostSession   = "checkHostSession"
	opHostSwanID    = "getHostSwanId"
	opHostOpenData  = "getHostOpenData"
	opHostScopes    = "updateHostScopes"
	opHostClear     = "clearHostScopes"
	opHostAddresses = "listHostAddresses"
	opHostInvoices  = "listHostInvoices"
	opHostCode      = "exchangeHostCode"
)

// leaves are the scopes that the lists of a host want of its user first.
var leaves = map[string]string{opHostAddresses: scopeAddress, opHostInvoices: scopeInvoice}

// value is the live value of a form's parameter.
func (h *HostApp) value(name, call string) (string, bool) {
	switch name {
	case "data":
		more := map[string]any{}
		switch call {
		case opHostAccredit, opHostAuthorize:
			more["accredits"] = permits(true, "mapp_location")
		case opHostOpenData:
			more["scope"] = scopeUserInfo
		}
		return h.data(more), true
	case "huid":
		return h.HUID, h.HUID != ""
	case "cuid":
		return h.CUID, h.CUID != ""
	}
	text, ok := h.Form[name]
	return text, ok
}

// data is the JSON text that the runtime hands its host (seed 003).
func (h *HostApp) data(more map[string]any) string {
	maID := h.MaID
	if maID == "" {
		maID = h.AppKey
	}
	open := map[string]string{"host_pkgname": "com.example.host", "host_key_hash": "00000000"}
	maps.Copy(open, h.Open)
	open["app_key"] = h.AppKey
	whole := map[string]any{"ma_id": maID, "open": open}
	for name, value := range more {
		whole[name] = value
	}
	text, err := json.Marshal(whole)
	if err != nil {
		return "{}" // nothing gets here that cannot be written
	}
	return string(text)
}

// permits are a user's answers, all the same.
func permits(permit bool, scopes ...string) map[string]any {
	out := map[string]any{}
	for _, scope := range scopes {
		out[scope] = map[string]any{"permit": strconv.FormatBool(permit)}
	}
	return out
}

// addressHost sends a request of the host API where the host has it, with what
// the host knows its user by.
func (s *suite) addressHost(w *wire) {
	if w.op.Envelope != hostEnvelope && w.op.Call() != opHostCode {
		return
	}
	h := &s.target.Credentials.HostApp
	w.address = h.Paths[w.op.ID]
	if w.op.Envelope == hostEnvelope {
		w.header = h.Headers
	}
}

// needsForms is what a general case needs of a server when it is about the host
// API: that the forms are the contract's.
func (s *suite) needsForms(w *work) []Need {
	op, ok := s.contract.Operation(w.operation)
	if !ok || op.Envelope != hostEnvelope || strings.HasPrefix(w.check, "host.") {
		return nil
	}
	return []Need{NeedHostForms}
}

// ownErrors reports whether an answer is of a host that has its own errors.
func (j *judge) ownErrors(x *exchange) bool {
	return x.op.Envelope == hostEnvelope && j.ownForms
}

// below is the answer that stands below the host's member, or the whole where
// it has none.
func (x *exchange) below(whole []byte) []byte {
	if x.keyPath == "" {
		return whole
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(whole, &members) != nil || members[x.keyPath] == nil {
		return whole
	}
	return members[x.keyPath]
}

// onlyMember names the member below which an answer must stand: the only one of
// the whole, with an errno in it; "" where the whole is the answer.
func onlyMember(whole []byte) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(whole, &members) != nil || len(members) != 1 {
		return ""
	}
	for name, raw := range members {
		var envelope map[string]json.RawMessage
		if json.Unmarshal(raw, &envelope) == nil && envelope["errno"] != nil {
			return name
		}
	}
	return ""
}

// hostPassing are the checks that are looked at in every answer of a host.
func hostPassing() []Check {
	return []Check{
		{ID: "host.key-path", Explain: "An answer stands below the member that getAuthorizeKeyPath names.", Needs: []Need{NeedHostUser}, Changes: ReadOnly},
		{ID: "host.envelope", Explain: "An answer is an object with errno and errmsg as texts.", Needs: []Need{NeedHostUser}, Changes: ReadOnly},
	}
}

// inspectHost looks at the form of a host's answer; false when there is no use
// in looking further.
func (p *look) inspectHost(x *exchange) bool {
	documented := spec.Evidence{Grade: "documented", Source: "S3"}
	// An emulator finds the host by the app that a request names; what names
	// none is refused by no host in particular.
	if x.keyPath != "" && (x.outcome() == Accepted || p.ownForms) {
		p.saw("host.key-path")
		var members map[string]json.RawMessage
		if json.Unmarshal(x.whole, &members) != nil || members[x.keyPath] == nil {
			p.fail(Finding{
				Check: "host.key-path", Operation: x.op.ID, ValuePointer: "/" + x.keyPath, Evidence: documented,
				Expected: "the answer below the member " + x.keyPath, Actual: "no such member", Message: "the answer is not where the host says it is",
			})
			return false
		}
	}
	p.saw("host.envelope")
	var members map[string]json.RawMessage
	if json.Unmarshal(x.answer, &members) != nil {
		p.fail(Finding{
			Check: "host.envelope", Operation: x.op.ID, Evidence: documented, Expected: "an object with errno and errmsg", Actual: "no object",
			Message: "the answer is no envelope",
		})
		return false
	}
	sound := true
	for _, name := range []string{"errno", "errmsg"} {
		raw := bytes.TrimSpace(members[name])
		var text string
		if raw != nil && json.Unmarshal(raw, &text) == nil && raw[0] == '"' {
			continue
		}
		sound = false
		actual := "missing"
		if raw != nil {
			actual = "another type"
		}
		p.fail(Finding{
			Check: "host.envelope", Operation: x.op.ID, ValuePointer: "/" + name, Evidence: documented, Expected: "a text", Actual: actual,
			Message: "a member of the envelope is no text",
		})
	}
	return sound
}

// host makes a request of the host API; more are members of data besides the
// usual ones.
func (p *probe) host(ctx context.Context, call string, more map[string]any) (*exchange, error) {
	op, ok := p.contract.Operation(call)
	if !ok {
		return nil, fmt.Errorf("%w: the contract has no %s", ErrCannot, call)
	}
	h := &p.target.Credentials.HostApp
	w := &wire{op: op, method: op.Method, place: inForm}
	p.addressHost(w)
	w.set(param{name: "data", text: h.data(more)})
	for name, value := range map[string]string{"huid": h.HUID, "cuid": h.CUID} {
		if value != "" {
			w.set(param{name: name, text: value})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(h.Form)) {
		w.set(param{name: name, text: h.Form[name]})
	}
	return p.call(ctx, w)
}

// errHost ends a case whose request was not accepted; the finding says so.
var errHost = fmt.Errorf("%w: a request before it was not accepted", ErrCannot)

// hostOK is host for what must be accepted; into is filled from the data.
func (p *probe) hostOK(ctx context.Context, call string, more map[string]any, into any) error {
	x, err := p.host(ctx, call, more)
	if err != nil {
		return err
	}
	if !p.expect(x, Finding{Operation: call, Message: "a valid request of the host API is not accepted"}, Accepted) {
		return errHost
	}
	var answer struct {
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(x.answer, &answer) != nil || into != nil && json.Unmarshal(answer.Data, into) != nil {
		return errHost // the schema says what is wrong
	}
	return nil
}

// sessionKey exchanges a login code as the app's server or the platform does.
func (p *probe) sessionKey(ctx context.Context, code string) (string, error) {
	h := &p.target.Credentials.HostApp
	var key string
	var err error
	switch {
	case p.target.Session != nil:
		p.note("the harness: the app's server exchanges the code")
		if key, err = p.target.Session(ctx, code); err != nil {
			return "", fmt.Errorf("exchange the code: %w", err)
		}
	case h.HSK != "":
		key, err = p.exchangeCode(ctx, code)
	case h.SessionKey != "":
		key = h.SessionKey
	default:
		err = fmt.Errorf("%w: %s", ErrCannot, p.target.lack(NeedHostSession))
	}
	p.hide.learn("SESSION_KEY", key)
	return key, err
}

// exchangeCode exchanges a code with the host's server, signed as the platform
// signs (D).
func (p *probe) exchangeCode(ctx context.Context, code string) (string, error) {
	op, ok := p.contract.Operation(opHostCode)
	if !ok {
		return "", fmt.Errorf("%w: the contract has no %s", ErrCannot, opHostCode)
	}
	now := clock.Wall()
	if p.target.Clock != nil {
		var err error
		if now, err = p.target.Clock.Now(ctx); err != nil {
			return "", fmt.Errorf("the server's time: %w", err)
		}
	}
	h := &p.target.Credentials.HostApp
	values := map[string]string{
		"request_id": "1000000001", "client_id": h.AppKey, "code": code, "sign_version": "0.0.1", "timestamp": strconv.FormatInt(now.Unix(), 10),
	}
	values["sign"] = seal.HostSignature(values, h.HSK)
	w := &wire{op: op, method: op.Method, place: inQuery}
	p.addressHost(w)
	for _, name := range []string{"client_id", "code", "request_id", "sign", "sign_version", "timestamp"} {
		w.set(param{name: name, text: values[name]})
	}
	p.hide.learn("SIGN", values["sign"])
	x, err := p.call(ctx, w)
	if err != nil {
		return "", err
	}
	if !p.expect(x, Finding{Operation: opHostCode, Message: "the code of a login is not exchanged"}, Accepted) {
		return "", errHost
	}
	var answer struct {
		Data struct {
			SessionKey string `json:"session_key"`
		} `json:"data"`
	}
	if json.Unmarshal(x.answer, &answer) != nil {
		return "", errHost
	}
	return answer.Data.SessionKey, nil
}

// check says what is wrong with the addresses of a host.
func (h *HostApp) check(c *spec.Contract) error {
	for call, at := range h.Paths {
		if _, ok := c.Operation(call); !ok {
			return fmt.Errorf("host_app: paths: %q: the contract has no operation of that name", call)
		}
		u, err := url.Parse(at)
		if err != nil || !strings.HasPrefix(at, "/") && (u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("host_app: paths: %s: want a path that begins with / or a whole URL", call)
		}
	}
	return nil
}
