package contracttest

import (
	"encoding/json"
	"regexp"
	"slices"

	"github.com/swanemu/emu/internal/spec"
)

// Negatives that turn on how a request is decoded. Servers differ there, and
// the contract leaves much open: what is sent is wrong in every reading of it.

// undecodable are values that end in what is no text. A decoder may refuse
// them, keep the bytes or put something in their place; whatever it does, the
// value is none that the parameter takes, so the parameter is one that takes
// not everything. Where an operation has no such parameter there is no case.
func undecodable(op *spec.Operation, at place) []mutation {
	var out []mutation
	for _, tail := range []struct{ name, bytes, text string }{
		{"percent encoding", "%zz", "%zz"}, {"NUL", "%00", "\x00"}, {"no UTF-8", "%ff", "\uFFFD"},
	} {
		m := mutation{check: "input.malformed", keyword: tail.name, place: at}
		f, found := picky(op, tail.text)
		switch {
		case found:
			m.field, m.pointer, m.evidence = f.Name, f.Pointer, f.Evidence
			m.apply = func(w *wire) {
				have := param{name: f.Name, text: example(f)}
				for _, p := range w.params {
					if p.name == f.Name {
						have.text = p.text
					}
				}
				have.tail = tail.bytes
				w.set(have)
			}
		case op.Secured && op.TokenParam != "":
			m.field, m.pointer, m.evidence = op.TokenParam, op.Pointer(), op.Evidence
			m.apply = func(w *wire) { w.withParams, w.tokenTail = true, tail.bytes }
		default:
			continue
		}
		m.name = m.field + ": " + tail.name + " in " + string(at)
		out = append(out, m)
	}
	return out
}

// picky is a parameter that does not take its example with a tail, the required
// ones first: by its schema, or because somebody looks for what it names.
func picky(op *spec.Operation, tail string) (spec.Field, bool) {
	takes := func(f spec.Field) bool {
		switch f.Type {
		case "integer", "number", "boolean":
			return false
		case "string":
		default:
			return true
		}
		if len(f.Enum) > 0 || f.Secret || f.Name == "client_id" {
			return false
		}
		re, err := regexp.Compile(f.Pattern)
		return f.Pattern == "" || err != nil || re.MatchString(example(f)+tail)
	}
	var optional *spec.Field
	for _, f := range op.Fields() {
		if takes(f) {
			continue
		}
		if f.Required {
			return f, true
		}
		if optional == nil && !f.Secret {
			optional = &f
		}
	}
	if optional != nil {
		return *optional, true
	}
	return spec.Field{}, false
}

// twice sets a parameter twice. In a query and a form that is how an array is
// written, so a parameter that is none is of the wrong type. In JSON one of the
// two counts, and nobody says which: a server that takes a wrong one before a
// right one and a wrong one after it looks at neither.
func twice(f spec.Field, at place) []mutation {
	m := mutation{check: "input.duplicate", keyword: "duplicate", name: "twice"}
	again := func(w *wire, change func(first, second *param)) {
		i := slices.IndexFunc(w.params, func(p param) bool { return p.name == f.Name })
		if i < 0 {
			i = len(w.params)
			w.params = append(w.params, paramOf(f, example(f)))
		}
		second := w.params[i]
		change(&w.params[i], &second)
		w.params = append(w.params, second)
	}
	if at != inJSON {
		if f.Type == "array" || f.Type == "" {
			return nil
		}
		m.apply = func(w *wire) { again(w, func(*param, *param) {}) }
		return []mutation{m}
	}
	if f.Type == "object" || f.Type == "" {
		return nil
	}
	wrong := json.RawMessage(`{"a":1}`)
	m.name = "twice, one of them an object,"
	m.apply = func(w *wire) { again(w, func(first, _ *param) { first.json = wrong }) }
	m.rival = func(w *wire) { again(w, func(_, second *param) { second.json = wrong }) }
	return []mutation{m}
}
