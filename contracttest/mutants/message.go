package mutants

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// What faults do with a message.

// codeMembers are the members that tell errors, the first that is there
// counts.
func codeMembers() []string { return []string{"error_code", "error", "errno"} }

// code is the member that tells an error and its JSON; "" where there is none.
func code(body []byte) (member, value string) {
	n := parse(body)
	if n == nil || n.kind != '{' {
		return "", ""
	}
	for _, name := range codeMembers() {
		if v := n.member(name); v != nil {
			return name, v.scalar
		}
	}
	return "", ""
}

// ok reports whether the answer is a success.
func (m *message) ok() bool {
	if m.op == nil || m.status >= http.StatusBadRequest {
		return false
	}
	member, value := code(m.body)
	env, _ := m.server.contract.Envelope(m.op.Envelope)
	success := slices.ContainsFunc(env.Success, func(s spec.Member) bool { return s.Name == member && string(s.Value) == value })
	return member == "" || member == "errno" && value == "0" || success
}

// is reports whether the exchange is of an operation.
func (m *message) is(id string) bool { return m.op != nil && m.op.ID == id }

// failure is the name in the catalogue of the error that was answered; "" for
// a success, and for an error that the catalogue or the operation does not
// have.
func (m *message) failure() string {
	member, value := code(m.body)
	if m.op == nil || member == "" || m.ok() {
		return ""
	}
	var same []spec.ErrorDef
	for _, def := range m.server.contract.Errors() {
		has := func(b spec.Member) bool { return b.Name == member && string(b.Value) == value }
		if slices.Contains(m.op.Errors, def.Name) && slices.ContainsFunc(def.Body, has) {
			same = append(same, def)
		}
	}
	if len(same) == 0 {
		return ""
	}
	// Two errors may have one code: the text tells them apart, or what they
	// are about.
	slices.SortStableFunc(same, func(a, b spec.ErrorDef) int { return m.likeness(b) - m.likeness(a) })
	return same[0].Name
}

// likeness says how well an error of the catalogue fits the answer.
func (m *message) likeness(def spec.ErrorDef) int {
	n, out := parse(m.body), 0
	for _, b := range def.Body {
		var text string
		if json.Unmarshal(b.Value, &text) == nil && strings.HasPrefix(textOf(n.member(b.Name)), text) {
			out += 2
		}
	}
	if env, ok := m.server.contract.Envelope(m.op.Envelope); ok {
		about := env.Refusals["invalid"] == def.Name || env.Refusals["type"] == def.Name
		if about == (len(m.invalid) > 0) {
			out++
		}
	}
	return out
}

// edit changes the body's tree; a body that is no JSON stays as it is.
func (m *message) edit(f func(*node)) {
	if n := parse(m.body); n != nil {
		f(n)
		m.body = n.bytes()
	}
}

// valid reports whether the contract has nothing against the answer.
func (m *message) valid() bool {
	return m.op.CheckAnswer(m.status, m.header.Get("Content-Type"), m.body) == nil
}

// answer replaces the answer.
func (m *message) answer(status int, mediaType string, header map[string]string, body []byte) {
	m.status, m.header, m.body = status, http.Header{"Content-Type": {mediaType}}, body
	for name, value := range header {
		m.header.Set(name, value)
	}
}

// then is the time that made-up answers are made at.
func then() time.Time { return time.Unix(1_767_574_800, 0) }

// succeed answers as if all had gone well.
func (m *message) succeed() {
	if m.op == nil {
		m.answer(http.StatusOK, "application/json", nil, []byte(`{"errno":0,"msg":"success"}`))
		return
	}
	a, err := m.op.Synthesise(spec.Prefer{Code: http.StatusOK}, "", 1, then())
	if err == nil {
		m.answer(a.Status, a.MediaType, a.Header, a.Body)
	}
}

// refuse answers with an error of the catalogue.
func (m *message) refuse(name string) {
	def, ok := m.server.contract.Error(name)
	if !ok {
		return
	}
	body := &node{kind: '{'}
	for _, b := range def.Body {
		body.add(b.Name, scalar(string(b.Value)))
	}
	m.answer(def.Status, "application/json", def.Header, body.bytes())
}

// refuseStage answers as a stage of the pipeline does that refuses.
func (m *message) refuseStage(stage string) {
	if env, ok := m.server.contract.Envelope(m.op.Envelope); ok {
		m.refuse(env.Refusals[stage])
	}
}

// text is the text of a parameter, a number's too; "" where it is absent.
func (m *message) text(name string) string {
	p, ok := m.params.Get(name)
	if !ok || p.Text != "" {
		return p.Text
	}
	return string(p.JSON)
}

// token is the access token that the request carries.
func (m *message) token() string {
	if m.op == nil || m.op.TokenParam == "" {
		return ""
	}
	return m.text(m.op.TokenParam)
}

// only reports whether all that is wrong with the request is a rule that it
// breaks, in one parameter or in any for "".
func (m *message) only(rule spec.Rule, field string) bool {
	if len(m.invalid) == 0 {
		return false
	}
	for _, issue := range m.invalid {
		if issue.Rule != rule || field != "" && issue.Pointer != "/"+field {
			return false
		}
	}
	return true
}

// with is the request with other values of parameters, all in one place; ""
// takes one away.
func (m *message) with(values map[string]string) *message {
	query := url.Values{}
	for _, p := range m.params {
		if p.In != spec.InPath {
			query.Set(p.Name, m.text(p.Name))
		}
	}
	for name, value := range values {
		if value == "" {
			query.Del(name)
		} else {
			query.Set(name, value)
		}
	}
	out := &message{server: m.server, op: m.op, vars: m.vars}
	out.request = m.request.Clone(m.request.Context())
	target := *m.request.URL
	target.RawQuery = query.Encode()
	out.request.URL = &target
	out.request.Header.Del("Content-Type")
	out.read()
	return out
}

// sendWith sends the request with other values of parameters.
func (m *message) sendWith(values map[string]string) (*message, bool) {
	out := m.with(values)
	return out, out.forward() == nil
}

// take makes the answer that of another message.
func (m *message) take(from *message) {
	m.status, m.header, m.body, m.below = from.status, from.header, from.body, from.below
}
