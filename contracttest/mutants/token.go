package mutants

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// Token mutants: who gets in that must not, who is kept out that may, and what
// is issued that does not work.

// tokens makes them.
func tokens(g *generator) {
	for _, op := range g.contract.Operations() {
		if op.Secured && op.TokenParam != "" {
			g.admissions(op)
			g.mistaken(op)
		}
		g.foreignApps(op)
		g.issuers(op)
	}
	for _, rule := range []struct {
		kind, note, check string
		when              func(*message) bool
	}{
		{"absent", "no token is needed", "token.absent", func(m *message) bool { return m.refusedAt("unauthenticated") && m.token() == "" }},
		{"garbled", "any token will do", "token.garbled", func(m *message) bool { return m.refusedAt("unauthenticated") && m.token() != "" }},
		{"expired", "tokens do not expire", "token.expired", func(m *message) bool { return m.refusedAt("expired") }},
		{"kind", "tokens of any kind will do", "token.kind", func(m *message) bool { return m.refusedAt("forbidden") }},
	} {
		g.add(Token, rule.note, []string{rule.check}, lenient("", rule.when), "rule", rule.kind)
	}
}

// refusedAt reports whether the answer is the refusal of a stage.
func (m *message) refusedAt(stage string) bool {
	env, ok := m.server.contract.Envelope(m.op.Envelope)
	return ok && m.failure() != "" && m.failure() == env.Refusals[stage]
}

// prefixes are what the tokens of principals begin with, as the descriptions of
// the security schemes say.
func prefixes() map[string]string {
	return map[string]string{"authorizer": "45.", "tp": "42.", "host": "24.", "developer": "24."}
}

// isToken reports whether a text has the form of a token of a principal.
func isToken(text, who string) bool {
	return strings.HasPrefix(text, prefixes()[who]) && strings.Count(text, ".") >= 4
}

// admissions lets in who must not get in.
func (g *generator) admissions(op *spec.Operation) {
	own := principal(op)
	add := func(kind, note, check string, when func(*message) bool) {
		g.add(Token, op.ID+" accepts "+note, []string{check}, lenient(op.ID, when), kind, op.ID)
	}
	add("absent", "a call without a token", "token.absent", func(m *message) bool { return m.refusedAt("unauthenticated") && m.token() == "" })
	add("near", "a token with one character off", "token.garbled", func(m *message) bool { return m.refusedAt("unauthenticated") && isToken(m.token(), own) })
	add("word", "any word for a token", "token.garbled", func(m *message) bool {
		return m.refusedAt("unauthenticated") && m.token() != "" && strings.Count(m.token(), ".") < 4
	})
	add("expired", "a token past its life", "token.expired", func(m *message) bool { return m.refusedAt("expired") })
	for _, other := range []string{"authorizer", "tp", "host"} {
		if slices.Contains(op.Principals, other) {
			continue
		}
		add("kind."+other, "the token of a "+other, "token.kind", func(m *message) bool {
			return (m.refusedAt("forbidden") || m.refusedAt("unauthenticated")) && isToken(m.token(), other)
		})
	}
}

// mistaken takes one trouble with a token for another.
func (g *generator) mistaken(op *spec.Operation) {
	add := func(kind, note, from, to string, checks ...string) {
		g.add(Token, op.ID+" "+note, checks, after(op.ID, func(m *message) {
			if m.refusedAt(from) {
				m.refuseStage(to)
			}
		}), kind, op.ID)
	}
	add("unknown-as-invalid", "takes an unknown token for a wrong parameter", "unauthenticated", "invalid", "token.absent", "token.garbled")
	add("unknown-as-expired", "takes an unknown token for one past its life", "unauthenticated", "expired", "token.absent", "token.garbled")
	add("expired-as-invalid", "takes a token past its life for a wrong parameter", "expired", "invalid", "token.expired")
	add("expired-as-unknown", "takes a token past its life for one that nobody issued", "expired", "unauthenticated", "token.expired")
}

// foreignApps lets the token of one app reach another.
func (g *generator) foreignApps(op *spec.Operation) {
	switch {
	case principal(op) == "authorizer" && hasField(op, "package_id"):
		g.add(Token, op.ID+" reaches packages of other apps", []string{"token.other-app"}, after(op.ID, func(m *message) {
			if m.ok() || len(m.invalid) > 0 || m.refusedAt("unauthenticated") {
				return
			}
			w := m.server.control.worldOf(m.token())
			if w == nil || w.stateOf(m) != "foreign" {
				return
			}
			if as, ok := m.sendWith(map[string]string{op.TokenParam: w.tokenOf(m.text("package_id"), "")}); ok && as.ok() {
				m.take(as)
			}
		}), "foreign-app", op.ID)
	case slices.Contains(op.Principals, "developer") && (hasField(op, "app_id") || hasField(op, "app_key")):
		g.add(Token, op.ID+" shows a developer the apps of others", []string{"token.other-app"},
			lenient(op.ID, func(m *message) bool { return m.failure() == "NoAppPermission" }), "foreign-app", op.ID)
	}
}

// issuers issue for the wrong thing, twice for what works once, and what does
// not work.
func (g *generator) issuers(op *spec.Operation) {
	secrets := op.AnswerSecrets()
	if len(secrets) == 0 {
		return
	}
	stages := map[string]bool{}
	if env, ok := g.contract.Envelope(op.Envelope); ok {
		for _, name := range env.Refusals {
			stages[name] = true
		}
	}
	for _, name := range op.Errors {
		if stages[name] {
			continue
		}
		if name != "OAuthInvalidGrant" && g.baseline.Errors[op.ID][name] == 0 {
			g.exclude(Token, "the unmodified server does not answer it to the suite", "issues", op.ID, name)
			continue
		}
		if name != "OAuthInvalidGrant" {
			g.add(Token, fmt.Sprintf("%s issues where it should answer %s", op.ID, name), []string{"token.secret", "token.grant", "token.life", "token.once", "app.own"},
				lenient(op.ID, func(m *message) bool { return m.failure() == name }), "issues", op.ID, name)
			continue
		}
		for _, what := range []string{"refresh_token", "code"} {
			if !hasField(op, what) {
				continue
			}
			g.add(Token, fmt.Sprintf("%s issues for any %s", op.ID, what), []string{"token.secret"}, reissuing(op.ID, what, false), "any-"+what, op.ID)
			g.add(Token, fmt.Sprintf("%s issues twice for one %s", op.ID, what), []string{"token.once"}, reissuing(op.ID, what, true), "used-"+what, op.ID)
		}
	}
	for _, name := range secrets {
		if !slices.Contains([]string{"access_token", "refresh_token", "authorization_code"}, name) || name == "refresh_token" && !op.Secured {
			g.exclude(Token, "no call of the contract takes it", "dead", op.ID, name)
			continue
		}
		g.add(Token, fmt.Sprintf("%s answers a %s that does not work", op.ID, name), []string{"token.issued", "token.once"},
			after(op.ID, func(m *message) {
				if m.ok() {
					m.edit(func(n *node) { everyMember(n, name, func(s spot) { s.put(quoted(garbled(s.value.text()))) }) })
				}
			}), "dead", op.ID, name)
	}
	for kind, factor := range map[string]float64{"short": 0.5, "long": 2} {
		if !slices.Contains(secrets, "access_token") && !slices.Contains(secrets, "authorization_code") {
			g.exclude(Token, "no call of the contract takes what it issues", "told-"+kind, op.ID)
			continue
		}
		g.add(Token, fmt.Sprintf("%s answers an expires_in that is too %s", op.ID, kind), []string{"token.life", "token.expired"},
			after(op.ID, func(m *message) {
				if m.ok() {
					m.edit(func(n *node) { everyMember(n, "expires_in", func(s spot) { s.put(scaled(s.value, factor)) }) })
				}
			}), "told-"+kind, op.ID)
	}
}

// reissuing issues for what is refused: used up, or never known.
func reissuing(op, what string, used bool) func() *fault {
	return func() *fault {
		seen := map[string]bool{}
		return &fault{after: func(m *message) {
			if !m.is(op) || m.text(what) == "" {
				return
			}
			if m.ok() {
				seen[m.text(what)] = true
			} else if m.failure() == "OAuthInvalidGrant" && seen[m.text(what)] == used {
				m.succeed()
			}
		}}
	}
}

// everyMember visits the members of that name, at any depth.
func everyMember(n *node, name string, f func(spot)) {
	for i, v := range n.values {
		if n.kind == '{' && n.names[i] == name {
			f(spot{n, i, v})
			continue
		}
		everyMember(v, name, f)
	}
}

// garbled is a text with one character changed.
func garbled(s string) string {
	b := []byte(s)
	if len(b) == 0 {
		return "x"
	}
	at := len(b) / 2
	if b[at] == '0' {
		b[at] = '1'
	} else {
		b[at] = '0'
	}
	return string(b)
}

// scaled is a number times a factor.
func scaled(n *node, factor float64) *node {
	v, err := strconv.ParseFloat(n.scalar, 64)
	if err != nil {
		return n
	}
	return scalar(strconv.FormatInt(int64(v*factor), 10))
}
