package mutants

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// Wire mutants, part two: what is around the values of each operation's
// answers, accepted ones and others.

// An injury is a fault of a whole answer.
type injury struct {
	kind, note string
	checks     []string
	apply      func(*message)
}

// injuries lists them. An answer that stays valid is not injured: it is put
// back.
func injuries(op *spec.Operation, accepted bool) []injury {
	json := []string{"response.json"}
	delivered := []string{"response.delivered"}
	out := []injury{
		{"truncated", "half of the JSON", json, func(m *message) { m.body = m.body[:len(m.body)/2] }},
		{"unclosed", "the JSON without its last character", json, func(m *message) { m.body = m.body[:len(bytes.TrimSpace(m.body))-1] }},
		{"trailing", "text after the JSON", json, func(m *message) { m.body = append(bytes.Clone(m.body), "<!-- 0.01s -->"...) }},
		{"again", "the JSON twice", json, func(m *message) { m.body = append(bytes.Clone(m.body), m.body...) }},
		{"empty", "an empty body", json, func(m *message) { m.body = nil }},
		{"mark", "a byte order mark before the JSON", json, func(m *message) { m.body = append([]byte("\xef\xbb\xbf"), m.body...) }},
		{"page", "a page of HTML as JSON", json, func(m *message) { m.body = []byte("<html><body>ok</body></html>") }},
		{"comma", "a comma too many", json, func(m *message) { m.body = append(bytes.TrimSuffix(bytes.TrimSpace(m.body), []byte("}")), ",}"...) }},
		{"no-utf8", "bytes that are no UTF-8", []string{"response.json", "response.schema"}, func(m *message) { m.body = bytes.Replace(m.body, []byte(`":"`), []byte("\":\"\xff"), 1) }},
		{"html", "the Content-Type text/html", []string{"response.media-type"}, func(m *message) { m.header.Set("Content-Type", "text/html; charset=utf-8") }},
		{"untyped", "no Content-Type", []string{"response.media-type"}, func(m *message) { m.header.Del("Content-Type") }},
		{"dropped", "a connection that ends before the answer", delivered, func(m *message) { m.broken = "dropped" }},
		{"cut", "a connection that ends in the middle of the answer", delivered, func(m *message) { m.broken = "cut" }},
		{"outage", "HTTP 503 with a page of HTML", delivered, func(m *message) {
			m.answer(http.StatusServiceUnavailable, "text/html", nil, []byte("<html><body>503</body></html>"))
		}},
	}
	for _, status := range []int{http.StatusCreated, http.StatusNoContent, http.StatusFound, http.StatusBadRequest, http.StatusInternalServerError} {
		checks := []string{"response.status"}
		if op.AnswerProperties(status) != nil {
			checks = checkSchema()
		}
		out = append(out, injury{"status." + strconv.Itoa(status), "HTTP " + strconv.Itoa(status), checks, func(m *message) { m.status = status }})
	}
	if !accepted && op.AnswerProperties(http.StatusBadRequest) != nil {
		out = append(out, injury{"status.200", "HTTP 200", checkSchema(), func(m *message) { m.status = http.StatusOK }})
	}
	if tellable(op) {
		out = append(out, leaks()...)
	}
	return out
}

// tellable reports whether requests of an operation carry a secret.
func tellable(op *spec.Operation) bool {
	return op.Secured || slices.ContainsFunc(op.Fields(), func(f spec.Field) bool { return f.Secret })
}

// leaks are answers that tell a secret.
func leaks() []injury {
	checks := []string{"response.secrets"}
	secret := func(m *message) string {
		for _, p := range m.params {
			if m.op.Secret(p.Name) && len(p.Text) >= 8 {
				return p.Text
			}
		}
		return ""
	}
	out := []injury{{"leak.header", "a secret of the request in a header", checks, func(m *message) {
		if s := secret(m); s != "" {
			m.header.Set("X-Debug", "token="+s)
		}
	}}}
	return append(out, injury{"leak.text", "a secret of the request in a text", checks, func(m *message) {
		s := secret(m)
		if s == "" {
			return
		}
		m.edit(func(n *node) {
			done := false
			n.walk("", func(_ string, v *node) {
				if text := v.text(); !done && v.kind == 's' && strings.HasPrefix(v.scalar, `"`) && text != s && text != "success" {
					v.scalar, done = quoted(text+" access_token="+s).scalar, true
				}
			})
		})
	}})
}

// wireWhole injures the answers of each operation.
func wireWhole(g *generator) {
	for _, op := range g.contract.Operations() {
		for _, which := range []string{"accepted", "other"} {
			accepted := which == "accepted"
			if g.baseline.Answers[op.ID][which] == 0 {
				g.exclude(Wire, "the unmodified server has no such answer", "answer", op.ID, which)
				continue
			}
			if !tellable(op) {
				g.exclude(Wire, "no request carries a secret", "leak", op.ID, which)
			}
			for _, i := range injuries(op, accepted) {
				apply := i.apply
				g.add(Wire, op.ID+" answers "+map[bool]string{true: "what it accepts", false: "what it does not accept"}[accepted]+" with "+i.note,
					i.checks, after(op.ID, func(m *message) {
						if m.ok() == accepted {
							harm(m, apply)
						}
					}), i.kind, op.ID, which)
			}
		}
	}
}

// harm injures an answer unless it stays a valid one that tells no secret.
func harm(m *message, apply func(*message)) {
	status, header, body := m.status, m.header.Clone(), m.body
	apply(m)
	secret := false
	for _, p := range m.params {
		if m.op.Secret(p.Name) && p.Text != "" {
			secret = secret || bytes.Contains(m.body, []byte(p.Text)) || strings.Contains(m.header.Get("X-Debug"), p.Text)
		}
	}
	if m.broken == "" && !secret && m.valid() {
		m.status, m.header, m.body = status, header, body
	}
}
