package mutants

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// Input mutants, part one: servers that take what they must refuse.

// A rule is a rule of schemas that requests can break, and the check of it.
type rule struct {
	rule  spec.Rule
	check string
	// has reports whether a parameter can break it.
	has func(*spec.Operation, *spec.Field) bool
}

// rules lists them.
func rules() []rule {
	number := func(f *spec.Field) bool { return f.Type == "integer" || f.Type == "number" || f.Type == "boolean" }
	return []rule{
		{spec.RuleRequired, "input.required", func(_ *spec.Operation, f *spec.Field) bool { return f.Required }},
		// In a query and a form everything is a text; a value of another type is
		// outside of an enumeration, too, which then is what refuses it.
		{spec.RuleType, "input.type", func(op *spec.Operation, f *spec.Field) bool {
			_, json := op.Takes()
			return len(f.Enum) == 0 && (json || number(f))
		}},
		{spec.RuleMinimum, "input.boundary", func(_ *spec.Operation, f *spec.Field) bool { return f.Minimum != nil }},
		{spec.RuleMaximum, "input.boundary", func(_ *spec.Operation, f *spec.Field) bool { return f.Maximum != nil }},
		{spec.RuleMinLength, "input.boundary", func(_ *spec.Operation, f *spec.Field) bool { return f.MinLength > 0 }},
		{spec.RuleMaxLength, "input.boundary", func(_ *spec.Operation, f *spec.Field) bool { return f.MaxLength != nil }},
		{spec.RuleEnum, "input.enum", func(_ *spec.Operation, f *spec.Field) bool { return len(f.Enum) > 0 }},
		{spec.RulePattern, "input.pattern", func(_ *spec.Operation, f *spec.Field) bool { return f.Pattern != "" }},
		{spec.RuleDuplicate, "input.duplicate", func(*spec.Operation, *spec.Field) bool { return true }},
	}
}

// inputRules makes the mutants that ignore rules: one parameter at a time, one
// operation at a time, and one rule on the whole server.
func inputRules(g *generator) {
	for _, r := range rules() {
		broken := false
		for _, op := range g.contract.Operations() {
			for _, f := range op.Fields() {
				if !r.has(op, &f) {
					continue
				}
				broken = true
				g.add(Input, fmt.Sprintf("%s ignores %s of %s", op.ID, r.rule, f.Name), []string{r.check},
					lenient(op.ID, func(m *message) bool { return m.only(r.rule, f.Name) }), string(r.rule), op.ID, f.Name)
			}
		}
		if broken {
			g.add(Input, fmt.Sprintf("the server ignores %s", r.rule), []string{r.check},
				lenient("", func(m *message) bool { return m.only(r.rule, "") }), "rule", string(r.rule))
		}
	}
	for _, op := range g.contract.Operations() {
		g.overflow(op)
		if g.baseline.Answers[op.ID]["other"] > 0 {
			g.add(Input, op.ID+" answers a wrong request as a fault of its own", []string{"response.delivered"}, after(op.ID, func(m *message) {
				if len(m.invalid) > 0 {
					m.refuseStage("internal")
				}
			}), "crash", op.ID)
		}
		g.malformed(op)
		g.placements(op)
		g.methods(op)
		for _, f := range op.Fields() {
			if f.Type == "string" && slices.Contains(op.Errors, "ExtJSONInvalid") && strings.HasPrefix(strings.TrimPrefix(string(f.Example), `"`), "{") {
				g.add(Input, fmt.Sprintf("%s does not look into %s", op.ID, f.Name), []string{"input.embedded"},
					lenient(op.ID, func(m *message) bool { return m.failure() == "ExtJSONInvalid" }), "embedded", op.ID, f.Name)
			}
		}
	}
	g.add(Input, "the server reads malformed requests as far as it can", []string{"input.malformed"},
		lenient("", func(m *message) bool { return m.only(spec.RuleMalformed, "") }), "rule", "malformed")
	g.add(Input, "the server reads bodies of any type", []string{"input.content-type"},
		lenient("", func(m *message) bool { return m.only(spec.RuleMediaType, "") }), "rule", "content-type")
}

// lenient is a server that accepts what it should refuse; "" is any operation.
func lenient(op string, when func(*message) bool) func() *fault {
	return func() *fault {
		return &fault{after: func(m *message) {
			if m.op != nil && (op == "" || m.op.ID == op) && !m.ok() && when(m) {
				m.succeed()
			}
		}}
	}
}

// inBody reports what kind of body a request has: form, json, other or "".
func (m *message) inBody() string {
	mediaType := m.request.Header.Get("Content-Type")
	switch {
	case len(m.sent) == 0:
		return ""
	case strings.Contains(mediaType, "json"):
		return "json"
	case strings.Contains(mediaType, "form"):
		return "form"
	}
	return "other"
}

// overflow makes an operation take numbers that are no int64.
func (g *generator) overflow(op *spec.Operation) {
	const digits = 19
	for _, f := range op.Fields() {
		if f.Format != "int64" {
			continue
		}
		g.add(Input, fmt.Sprintf("%s takes a number for %s that is no int64", op.ID, f.Name), []string{"input.type"},
			lenient(op.ID, func(m *message) bool {
				other := func(i spec.Issue) bool { return i.Pointer != "/"+f.Name }
				return len(m.text(f.Name)) > digits && len(m.invalid) > 0 && !slices.ContainsFunc(m.invalid, other)
			}), "overflow", op.ID, f.Name)
	}
}

// malformed makes an operation read what cannot be decoded.
func (g *generator) malformed(op *spec.Operation) {
	form, json := op.Takes()
	places := map[string]bool{"query": op.Method == http.MethodGet, "form": form, "json": json}
	for _, place := range []string{"query", "form", "json"} {
		if !places[place] {
			continue
		}
		g.add(Input, fmt.Sprintf("%s reads a malformed %s as far as it can", op.ID, place), []string{"input.malformed"},
			lenient(op.ID, func(m *message) bool {
				in := m.inBody()
				return m.only(spec.RuleMalformed, "") && (in == place || in == "" && place == "query")
			}), "malformed."+place, op.ID)
	}
	if form || json {
		g.add(Input, op.ID+" reads a body of any type", []string{"input.content-type"},
			lenient(op.ID, func(m *message) bool { return m.only(spec.RuleMediaType, "") }), "content-type", op.ID)
	}
}

// placements makes an operation overlook parameters where they may stand, and
// refuse parameters that nobody knows.
func (g *generator) placements(op *spec.Operation) {
	form, json := op.Takes()
	fields := len(op.Fields()) > 0
	add := func(kind, note, check string, has bool, when func(*message) bool) {
		if !has {
			return
		}
		g.add(Input, op.ID+" "+note, []string{check}, after(op.ID, func(m *message) {
			if m.ok() && when(m) {
				m.refuseStage("invalid")
			}
		}), kind, op.ID)
	}
	in := func(where spec.Location) func(*message) bool {
		return func(m *message) bool {
			return slices.ContainsFunc(m.params, func(p spec.Param) bool { return p.In == where && p.Name != op.TokenParam })
		}
	}
	add("no-form", "does not read forms", "input.placement", form && fields, in(spec.InForm))
	add("no-json", "does not read JSON", "input.placement", json && fields, in(spec.InJSON))
	add("no-query", "does not read the query", "input.placement", op.Merged && fields, in(spec.InQuery))
	token := func(where spec.Location) func(*message) bool {
		return func(m *message) bool { p, ok := m.params.Get(op.TokenParam); return ok && p.In == where }
	}
	add("no-token-form", "does not read a token in a form", "input.placement", form && op.TokenParam != "", token(spec.InForm))
	add("no-token-json", "does not read a token in JSON", "input.placement", json && op.TokenParam != "", token(spec.InJSON))
	known := func(name string) bool { return name == op.TokenParam || hasField(op, name) }
	add("no-unknown", "refuses parameters that it does not know", "input.unknown", true, func(m *message) bool {
		return slices.ContainsFunc(m.params, func(p spec.Param) bool { return !known(p.Name) })
	})
	add("no-sdk", "refuses the parameters that SDKs add", "input.unknown", true, func(m *message) bool {
		return strings.Contains(m.request.URL.RawQuery+string(m.sent), "sp_sdk")
	})
}

// methods makes a path take methods that it does not have.
func (g *generator) methods(op *spec.Operation) {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch} {
		r, err := http.NewRequest(method, "http://wire.invalid"+op.Path, http.NoBody) //nolint:noctx // it is only matched
		if err != nil || g.contract.Match(r).Operation != nil {
			continue
		}
		path := op.Path
		g.add(Input, fmt.Sprintf("%s of %s is accepted", method, path), []string{"input.method"}, func() *fault {
			return &fault{after: func(m *message) {
				if m.op == nil && m.request.Method == method && m.request.URL.Path == path {
					m.succeed()
				}
			}}
		}, "method", op.ID, method)
	}
}
