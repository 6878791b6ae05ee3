package mutants

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// Wire mutants, part three: each error of each operation.

// wireErrors breaks errors, one at a time.
func wireErrors(g *generator) {
	for _, op := range g.contract.Operations() {
		for _, name := range op.Errors {
			def, ok := g.contract.Error(name)
			if !ok {
				continue
			}
			if g.baseline.Errors[op.ID][name] == 0 {
				g.exclude(Wire, "the unmodified server does not answer it to the suite", "error", op.ID, name)
				continue
			}
			for _, d := range g.distortions(op, &def) {
				g.add(Wire, fmt.Sprintf("%s answers %s %s", op.ID, name, d.note), d.checks, after(op.ID, func(m *message) {
					if m.failure() == name {
						d.apply(m)
					}
				}), d.kind, op.ID, name)
			}
		}
	}
}

// distortions lists what can be wrong with an error.
func (g *generator) distortions(op *spec.Operation, def *spec.ErrorDef) []injury {
	member, value := codeOf(def)
	text := textMember(def)
	envelope, schema := []string{"response.envelope"}, checkSchema()
	if op.Envelope == "host" { // whose errors are the host's own; its envelope has a check for itself
		envelope, schema = append(envelope, "host.envelope"), append(schema, "host.envelope")
	}
	out := []injury{}
	add := func(kind, note string, checks []string, change func(*node)) {
		out = append(out, injury{kind, note, checks, func(m *message) { m.edit(change) }})
	}
	for _, other := range codeMembers() {
		if other != member {
			add("envelope."+other, "in another envelope", envelope, func(n *node) {
				*n = *foreignEnvelope(other, value, textOf(n.member(text)))
			})
		}
	}
	unknown := scalar("69999")
	if member == "error" {
		unknown = quoted("emu_unknown")
	}
	add("unknown", "with a code that the catalogue does not have", slices.Concat(envelope, schema), func(n *node) { n.set(member, unknown) })
	if foreign := g.foreignTo(op, member); foreign != nil {
		_, code := codeOf(foreign)
		add("foreign", "with the code of "+foreign.Name+", an error of other operations", envelope, func(n *node) { n.set(member, scalar(code)) })
	}
	other, zero := scalar(`"`+value+`"`), scalar("0")
	switch {
	case member == "error":
		other = scalar("1")
	case strings.HasPrefix(value, `"`):
		other, zero = scalar(strings.Trim(value, `"`)), quoted("0")
	}
	add("code-type", "with a code of another type", slices.Concat(envelope, schema), func(n *node) { n.set(member, other) })
	add("textless", "without its text", schema, func(n *node) { n.find("/" + text)[0].drop() })
	add("text-type", "with a number for its text", schema, func(n *node) { n.set(text, scalar("1")) })
	add("text-null", "with null for its text", schema, func(n *node) { n.set(text, scalar("null")) })
	if closed(op, def) {
		add("error-extra", "with a member more", schema, func(n *node) { n.add("emu_extra", scalar("1")) })
	}
	add("error-twice", "with its code twice", []string{"response.duplicate-keys"}, func(n *node) { doubleFirst(spot{value: n}) })
	if member == "errno" {
		add("error-data", "with [] for data", schema, func(n *node) { n.set("data", scalar("[]")) })
		add("zero", "with errno 0 and its own text", schema, func(n *node) { n.set("errno", zero) })
	}
	out = append(out, injury{"success", "as a success", g.elicits(op, def), (*message).succeed})
	for header := range def.Header {
		out = append(out,
			injury{"headerless", "without " + header, []string{"response.headers"}, func(m *message) { m.header.Del(header) }},
			injury{"header", "with another " + header, []string{"response.headers"}, func(m *message) { m.header.Set(header, "max-age=60") }})
	}
	return out
}

// closed reports whether an error must not have members that the contract does
// not know.
func closed(op *spec.Operation, def *spec.ErrorDef) bool {
	return !slices.ContainsFunc(op.AnswerProperties(def.Status), func(p spec.Property) bool {
		root, _, _ := strings.Cut(p.Branch, "/")
		return strings.HasSuffix(root, "Error") && p.Pointer == "" && !p.Closed
	})
}

// foreignEnvelope writes an error in another envelope.
func foreignEnvelope(member, value, text string) *node {
	n := &node{kind: '{'}
	var word string
	isWord := json.Unmarshal([]byte(value), &word) == nil
	switch {
	case member == "error":
		n.add("error", quoted("invalid_request"))
		n.add("error_description", quoted(text))
	case isWord:
		n.add(member, scalar("40001"))
	default:
		n.add(member, scalar(value))
	}
	switch member {
	case "errno":
		n.add("msg", quoted(text))
	case "error_code":
		n.add("error_msg", quoted(text))
	}
	return n
}

// foreignTo is an error of the catalogue that an operation may not answer, with
// a code of its own in the same member; nil where there is none.
func (g *generator) foreignTo(op *spec.Operation, member string) *spec.ErrorDef {
	var own []string
	for _, name := range op.Errors {
		if def, ok := g.contract.Error(name); ok {
			_, value := codeOf(&def)
			own = append(own, value)
		}
	}
	all := g.contract.Errors()
	for i := range all {
		if m, value := codeOf(&all[i]); m == member && !slices.Contains(own, value) && !slices.Contains(op.Errors, all[i].Name) {
			return &all[i]
		}
	}
	return nil
}

// elicits are the checks that bring an error about, which are to notice that it
// does not come.
func (g *generator) elicits(op *spec.Operation, def *spec.ErrorDef) []string {
	env, ok := g.contract.Envelope(op.Envelope)
	if !ok {
		return nil
	}
	switch def.Name {
	case env.Refusals["invalid"], env.Refusals["type"]:
		return []string{"input"}
	case env.Refusals["unauthenticated"]:
		return []string{"token.absent", "token.garbled"}
	case env.Refusals["expired"]:
		return []string{"token.expired"}
	case env.Refusals["forbidden"]:
		return []string{"token.kind"}
	}
	for _, gate := range g.lifecycle().Gates {
		if slices.Contains(gate.Refuse, def.Name) && def.Name != "IllegalTransition" {
			return []string{"lifecycle.gate", "token.other-app"}
		}
	}
	switch def.Name {
	case "IllegalTransition":
		return []string{"lifecycle.illegal", "lifecycle.gate", "lifecycle.repeat"}
	case "ExtJSONInvalid":
		return []string{"input.embedded"}
	case "PackageNotFound":
		return []string{"lifecycle", "token.other-app"}
	}
	return []string{"token", "input", "lifecycle"}
}
