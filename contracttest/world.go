package contracttest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// What a valid request needs: an app in the right state, tokens, live values.

// The operations that the suite itself works with.
const (
	opIssue      = "issueAccessToken"
	opTicket     = "getTPAccessToken"
	opExchange   = "exchangeOAuthToken"
	opRetrieve   = "retrieveAuthorizationCode"
	opUpload     = "uploadPackage"
	opList       = "listPackages"
	opDetail     = "getPackageDetail"
	opQuota      = "getAuditQuota"
	opHostList   = "listOSSPackages"
	opHostDetail = "getOSSPackageDetail"
)

// The values of grant_type.
const (
	grantClient  = "client_credentials"
	grantRefresh = "app_to_tp_refresh_token"
	grantCode    = "app_to_tp_authorization_code"
)

// The principals of x-principals.
const (
	asAuthorizer = "authorizer"
	asTP         = "tp"
	asDeveloper  = "developer"
	asHost       = "host"
)

// companions are the states that another package must be in for one to be in a
// state: what is rolled back has something to return to.
func companions(state string) []string {
	switch state {
	case "online", "rolling_back":
		return []string{"superseded", state}
	case "superseded":
		return []string{"superseded", "online"}
	}
	return []string{state}
}

// principal is who calls an operation.
func principal(op *spec.Operation) string {
	if len(op.Principals) == 0 {
		return ""
	}
	return op.Principals[0]
}

// needsOf is what a valid request of an operation needs.
func (s *suite) needsOf(op *spec.Operation) []Need {
	var out []Need
	if op.Envelope == hostEnvelope {
		return []Need{NeedHostUser}
	}
	switch principal(op) {
	case "":
		switch {
		case op.Call() == opTicket:
			return []Need{NeedTP}
		case op.Call() == opIssue || hasField(op, "client_id"):
			return []Need{NeedHost}
		case hasField(op, "appKey"): // of a developer's payment service
			return []Need{NeedDeveloper}
		}
		return nil
	case asAuthorizer:
		out = append(out, NeedAuthorizer)
	case asTP:
		out = append(out, NeedTP)
	case asDeveloper:
		out = append(out, NeedDeveloper)
	default:
		out = append(out, NeedHost, NeedApp)
	}
	if t := s.transition(op); t != nil && len(t.From) > 0 || hasField(op, "refresh_token") {
		out = append(out, NeedStates)
	}
	return out
}

func hasField(op *spec.Operation, name string) bool {
	_, ok := op.Field(name)
	return ok
}

// statesOf are the states in which an operation is accepted; the last but one
// or the only one is that of the package it is about.
func (s *suite) statesOf(op *spec.Operation) (states []string, about string) {
	t := s.transition(op)
	switch {
	case t != nil && len(t.From) == 0:
		return nil, ""
	case t != nil:
		return companions(t.From[0]), t.From[0]
	case principal(op) == asAuthorizer || hasField(op, "app_id") || hasField(op, "package_id"):
		return []string{"development"}, "development"
	}
	return nil, ""
}

// enter makes a subject.
func (p *probe) enter(ctx context.Context, s Situation) (*Subject, error) {
	if p.target.States == nil {
		return nil, fmt.Errorf("%w: %s", ErrCannot, p.target.lack(NeedStates))
	}
	subject, err := p.target.States.EnterState(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("enter %v: %w", s.States, err)
	}
	if len(subject.Packages) != len(s.States) {
		return nil, fmt.Errorf("enter %v: the harness made %d packages", s.States, len(subject.Packages))
	}
	p.hide.authorizer(&subject.Authorizer)
	p.apps[subject.AppID] = true
	note := ""
	if s.Unmet != "" {
		note = ", gate " + s.Unmet + " not met"
	}
	begin := len(p.chain)
	p.note("the harness: app %d with packages in %v%s", subject.AppID, s.States, note)
	p.chain = append(p.chain, p.ordered()...)
	p.origins[subject] = slices.Clone(p.chain[begin:])
	return subject, nil
}

// subject returns an app that an operation is accepted on. A shared one is for
// cases that leave it as it is.
func (p *probe) subject(ctx context.Context, op *spec.Operation, sharing bool) (*Subject, error) {
	if principal(op) == asDeveloper || op.Envelope == hostEnvelope {
		// Its token is for its own app and no other.
		return &Subject{Authorizer: p.target.Credentials.Authorizer}, nil
	}
	if p.target.States == nil {
		return p.given(ctx, op)
	}
	if have := p.shared[op.ID]; sharing && have != nil {
		p.origin(p.origins[have])
		return have, nil
	}
	states, _ := p.statesOf(op)
	subject, err := p.enter(ctx, Situation{States: states})
	if err == nil && sharing {
		p.shared[op.ID] = subject
	}
	return subject, err
}

// given is the app that the credentials are for, with the first package that
// it happens to have where an operation asks for one.
func (p *probe) given(ctx context.Context, op *spec.Operation) (*Subject, error) {
	s := &Subject{Authorizer: p.target.Credentials.Authorizer}
	_, about := p.statesOf(op)
	if about == "" || !hasField(op, "package_id") {
		return s, nil
	}
	if have := p.shared[op.ID]; have != nil {
		return have, nil
	}
	call, params := opList, []param(nil)
	if s.AccessToken == "" {
		call, params = opHostList, []param{appID(s.AppID)}
	}
	x, err := p.read(ctx, call, s, params...)
	if err != nil {
		return nil, err
	}
	rows, err := p.rows(x.answer)
	i := slices.IndexFunc(rows, func(r row) bool { return r.ID != 0 })
	if err != nil || i < 0 {
		return nil, fmt.Errorf("%w: app %d has no package to ask for", ErrCannot, s.AppID)
	}
	s.Packages = []Package{{ID: rows[i].ID, Version: rows[i].Version, State: about}}
	p.shared[op.ID] = s
	return s, nil
}

// pkg is the subject's package in a state.
func (s *Subject) pkg(state string) *Package {
	for i := range s.Packages {
		if s.Packages[i].State == state {
			return &s.Packages[i]
		}
	}
	return nil
}

// base makes a valid request of an operation on a subject.
func (p *probe) base(ctx context.Context, op *spec.Operation, s *Subject) (*wire, error) {
	token, err := p.tokenFor(ctx, op, s)
	if err != nil {
		return nil, err
	}
	w := &wire{op: op, method: op.Method, place: inQuery, token: token.token}
	p.addressHost(w)
	form, jsonBody := op.Takes()
	switch {
	case form:
		w.place = inForm
	case jsonBody:
		w.place = inJSON
	}
	_, about := p.statesOf(op)
	for _, f := range op.Fields() {
		text, ok, err := p.known(ctx, op, f, s, about)
		if err != nil {
			return nil, err
		}
		if !ok && f.Required {
			text, ok = example(f), true
			w.examples = append(w.examples, f.Name)
			w.unknown = w.unknown || f.RefersTo != ""
		}
		if ok {
			w.params = append(w.params, paramOf(f, text))
		}
	}
	return w, nil
}

// paramOf is a parameter of that text, in JSON a value of its type.
func paramOf(f spec.Field, text string) param {
	out := param{name: f.Name, text: text}
	if f.Type != "" && f.Type != "string" && json.Valid([]byte(text)) {
		out.json = json.RawMessage(text)
	}
	return out
}

// known is the value of a parameter that the harness or the suite knows; false
// where nobody has one.
func (p *probe) known(ctx context.Context, op *spec.Operation, f spec.Field, s *Subject, about string) (string, bool, error) {
	if p.target.Give != nil {
		text, ok, err := p.target.Give(ctx, s, op.Call(), f.Name)
		if err != nil {
			return "", false, fmt.Errorf("give %s of %s: %w", f.Name, op.ID, err)
		}
		if ok {
			if f.Secret {
				p.hide.learn(variable(f.Name), text)
			}
			return text, true, nil
		}
	}
	text, ok := p.value(op, f, s, about)
	return text, ok, nil
}

// value is the live value of a parameter that the suite itself knows; false
// where it has none.
func (p *probe) value(op *spec.Operation, f spec.Field, s *Subject, about string) (string, bool) {
	c := &p.target.Credentials
	if op.Envelope == hostEnvelope {
		return c.HostApp.value(f.Name, op.Call())
	}
	client := c.Host
	if client.ID == "" || p.asClient == asDeveloper {
		client = c.Developer
	}
	switch f.Name {
	case "package_id":
		if one := s.pkg(about); one != nil {
			return strconv.FormatInt(one.ID, 10), true
		}
		return "", false
	case "app_id", "app_ids":
		return strconv.FormatInt(s.AppID, 10), s.AppID != 0
	case "client_id":
		if op.Call() == opTicket {
			return c.TP.ClientID, true
		}
		return client.ID, true
	case "client_secret":
		return client.Secret, true
	case "ticket":
		return c.TP.Ticket, true
	case "grant_type":
		if principal(op) == asTP {
			return grantRefresh, true
		}
		return grantClient, true
	case "refresh_token":
		return s.RefreshToken, true
	case "user_version":
		p.versions++
		return "9.0." + strconv.Itoa(p.versions), true
	}
	for _, name := range []string{op.Call() + "." + f.Name, f.Name} {
		if text, ok := p.target.Samples[name]; ok {
			return text, true
		}
	}
	return "", false
}

// excused reports whether a refusal of a valid request proves nothing: it was
// made with examples of the contract, which need not exist on a server, and the
// refusal says something else than that the request is wrong; or with an example
// in the place of what must name something there, or sign the rest, which some
// servers count as wrong; or its user has not agreed.
func (p *probe) excused(w *wire, x *exchange) bool {
	_, asks := leaves[w.op.Call()]
	if x.outcome() == Refused && (w.unknown || asks && !p.forForm(x)) {
		return true
	}
	env, ok := p.contract.Envelope(w.op.Envelope)
	if !ok || len(w.examples) == 0 || x.outcome() != Refused || len(x.verdict.errors) == 0 {
		return false
	}
	wrong := []string{env.Refusals["invalid"], env.Refusals["type"]}
	found := false // a number may stand for errors that the operation does not answer
	for _, name := range x.verdict.errors {
		if slices.Contains(wrong, name) {
			return false
		}
		found = found || slices.Contains(w.op.Errors, name)
	}
	return found
}

// unsampled says what the harness could do about it.
func unsampled(w *wire, x *exchange) string {
	lacks := "has no samples for " + strings.Join(w.examples, ", ")
	if len(w.examples) == 0 {
		lacks = "has no user who has agreed"
	}
	return fmt.Sprintf("%s: refused with %s; the harness %s", w.op.ID, x.verdict.code, lacks)
}

// example is the text of a parameter's example.
func example(f spec.Field) string {
	var text string
	if json.Unmarshal(f.Example, &text) == nil {
		return text
	}
	if f.Example != nil {
		return string(f.Example)
	}
	return "1"
}
