package contracttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// Negatives: a valid request with one named mutation, made from the schema.
// Each is decoded again from the wire; what the contract has nothing against,
// or something else against than was meant, is dropped.

// A mutation is one change of a valid request that makes it wrong.
type mutation struct {
	check, name string
	// field is the parameter that is wrong; "" for the whole request.
	field    string
	keyword  string
	pointer  string
	evidence spec.Evidence
	place    place
	apply    func(*wire)
	// beyond says that the schema cannot see what is wrong; meant then says
	// whether it is there.
	beyond bool
	// rival is another way of making the same request wrong; a server must
	// refuse one of the two. Nil where there is none.
	rival func(*wire)
}

// mutations makes the cases of all checks that mutate requests, for the first
// of them that asks.
func mutations(s *suite) []work {
	if s.mutated {
		return nil
	}
	s.mutated = true
	var out []work
	for _, op := range s.contract.Operations() {
		if !op.Merged && op.Method != http.MethodGet {
			continue
		}
		for _, m := range s.mutationsOf(op) {
			out = append(out, work{
				check: m.check, operation: op.ID, name: m.name, needs: s.needsOf(op), mode: s.effect(op),
				aims: []item{of(inKeywords, op.ID, m.field, m.keyword)},
				run:  func(ctx context.Context, p *probe) error { return p.mutate(ctx, op, &m) },
			})
		}
	}
	return out
}

// mutate sends one mutation.
func (p *probe) mutate(ctx context.Context, op *spec.Operation, m *mutation) error {
	w, s, err := p.shareBase(ctx, op)
	if err != nil {
		return err
	}
	w.place = m.place
	m.apply(w)
	issues, err := w.judge(ctx)
	if err != nil {
		return err
	}
	if !m.meant(issues) {
		p.dropped = "valid after all, as the contract reads it"
		return nil
	}
	p.cover(op.ID, "parameter", m.field, m.keyword)
	p.hit(inKeywords, op.ID, m.field, m.keyword)
	f := Finding{
		Message: "a wrong request is accepted: " + m.keyword, SpecPointer: m.pointer, Evidence: m.evidence, keyword: m.keyword,
	}
	if m.field != "" {
		f.ValuePointer = "/" + m.field
	}
	if m.rival == nil {
		return p.refused(ctx, w, s, false, f)
	}
	x, err := p.call(ctx, w)
	if err != nil {
		return err
	}
	p.saw(m.check)
	if x.outcome() != Accepted {
		return nil
	}
	delete(p.shared, op.ID)
	if w, s, err = p.shareBase(ctx, op); err != nil {
		return err
	}
	w.place = m.place
	m.rival(w)
	return p.refused(ctx, w, s, false, f)
}

// meant reports whether the contract finds what was meant to be wrong.
func (m *mutation) meant(issues []spec.Issue) bool {
	if m.beyond {
		return len(issues) == 0
	}
	return slices.ContainsFunc(issues, func(i spec.Issue) bool {
		return m.field == "" || i.Pointer == "/"+m.field || i.Pointer == ""
	})
}

// mutationsOf lists the mutations of an operation.
func (s *suite) mutationsOf(op *spec.Operation) []mutation {
	var out []mutation
	places := []place{inQuery}
	if form, jsonBody := op.Takes(); form || jsonBody {
		places = places[:0]
		if form {
			places = append(places, inForm)
		}
		if jsonBody {
			places = append(places, inJSON)
		}
	}
	for _, at := range places {
		for _, f := range op.Fields() {
			for _, m := range s.fieldMutations(op, f, at) {
				m.field, m.pointer, m.evidence, m.place = f.Name, f.Pointer, f.Evidence, at
				if m.check == "input.duplicate" {
					m.evidence = judgement()
				}
				m.name = fmt.Sprintf("%s: %s in %s", f.Name, m.name, at)
				out = append(out, m)
			}
		}
		if at != inJSON {
			out = append(out, undecodable(op, at)...)
		}
	}
	return append(out, wholeMutations(op, places)...)
}

// fieldMutations are those of one parameter in one place.
func (s *suite) fieldMutations(op *spec.Operation, f spec.Field, at place) []mutation {
	var out []mutation
	add := func(check, keyword, name string, value param) {
		value.name = f.Name
		out = append(out, mutation{check: check, keyword: keyword, name: name, apply: func(w *wire) { w.set(value) }})
	}
	if f.Required {
		out = append(out, mutation{
			check: "input.required", keyword: "required", name: "missing", apply: func(w *wire) { w.drop(f.Name) },
		})
		if at == inJSON {
			add("input.required", "required", "null", param{json: json.RawMessage("null")})
		}
	}
	out = append(out, twice(f, at)...)
	for _, v := range wrongTypes(f, at) {
		add("input.type", "type", v.name, v)
	}
	for _, v := range outOfBounds(f) {
		add("input.boundary", v.name, v.name, v)
	}
	if v, ok := outsider(f); ok {
		add("input.enum", "enum", "outsider", v)
	}
	for _, v := range mismatches(f) {
		add("input.pattern", "pattern", v.name, v)
	}
	if embeds(op, f) {
		for _, v := range []param{{name: "truncated", text: `{"extEnable":`}, {name: "no object", text: `[]`}} {
			out = append(out, mutation{
				check: "input.embedded", keyword: "embedded JSON", name: v.name, beyond: true,
				apply: func(w *wire) { w.set(param{name: f.Name, text: v.text}) },
			})
		}
	}
	return out
}

// wrongTypes are values of another type; the name of each is what it is.
func wrongTypes(f spec.Field, at place) []param {
	number := f.Type == "integer" || f.Type == "number"
	var out []param
	if number || f.Type == "boolean" {
		out = append(out, param{name: "text", text: "abc"})
		if f.Type == "integer" {
			out = append(out, param{name: "fraction", text: "1.5", json: json.RawMessage("1.5")})
		}
		if f.Format == "int64" {
			out = append(out, param{name: "past int64", text: "99999999999999999999", json: json.RawMessage("99999999999999999999")})
		}
	}
	if at != inJSON {
		return out
	}
	for name, value := range map[string]string{"object": `{"a":1}`, "array": `[1]`, "boolean": `true`} {
		if name != f.Type && f.Type != "" {
			out = append(out, param{name: name, json: json.RawMessage(value)})
		}
	}
	slices.SortFunc(out, func(a, b param) int { return strings.Compare(a.name, b.name) })
	return out
}

// outOfBounds are values just outside of the bounds; the name of each is the
// keyword.
func outOfBounds(f spec.Field) []param {
	var out []param
	number := func(keyword string, v float64) {
		text := strconv.FormatFloat(v, 'f', -1, 64)
		out = append(out, param{name: keyword, text: text, json: json.RawMessage(text)})
	}
	const exact = 1 << 53
	if f.Minimum != nil && math.Abs(*f.Minimum) < exact {
		number("minimum", *f.Minimum-1)
	}
	if f.Maximum != nil && math.Abs(*f.Maximum) < exact {
		number("maximum", *f.Maximum+1)
	}
	if f.MinLength > 0 && f.MinLength < 1<<16 {
		out = append(out, param{name: "minLength", text: strings.Repeat("字", int(f.MinLength)-1)})
	}
	if f.MaxLength != nil && *f.MaxLength <= 1<<16 {
		out = append(out, param{name: "maxLength", text: strings.Repeat("字", int(*f.MaxLength)+1)})
	}
	return out
}

// outsider is a value that an enumeration does not have.
func outsider(f spec.Field) (param, bool) {
	if len(f.Enum) == 0 {
		return param{}, false
	}
	if f.Type != "integer" {
		return param{text: "emu_outsider"}, true
	}
	for n := 0; ; n++ {
		text := strconv.Itoa(n)
		if !slices.ContainsFunc(f.Enum, func(e json.RawMessage) bool { return string(bytes.TrimSpace(e)) == text }) {
			return param{text: text, json: json.RawMessage(text)}, true
		}
	}
}

// mismatches are texts that do not match the pattern.
func mismatches(f spec.Field) []param {
	if f.Pattern == "" {
		return nil
	}
	re, err := regexp.Compile(f.Pattern)
	if err != nil {
		return nil
	}
	good := example(f)
	var out []param
	for _, c := range []param{
		{name: "empty"},
		{name: "letters", text: "abc"},
		{name: "more", text: good + "x"},
		{name: "before", text: "x" + good},
		{name: "separators", text: good + ",,"},
	} {
		if !re.MatchString(c.text) {
			out = append(out, c)
		}
	}
	return out
}

// embeds reports whether a parameter is a text that holds JSON, with an error
// of its own for when it does not.
func embeds(op *spec.Operation, f spec.Field) bool {
	var v map[string]any
	return f.Type == "string" && json.Unmarshal([]byte(example(f)), &v) == nil && (slices.Contains(op.Errors, "ExtJSONInvalid") || op.Envelope == hostEnvelope)
}

// judgement is the evidence of what nobody has published.
func judgement() spec.Evidence { return spec.Evidence{Grade: "assumed", Source: "A"} }

// wholeMutations are wrong as a whole: they cannot be decoded.
func wholeMutations(op *spec.Operation, places []place) []mutation {
	var out []mutation
	raw := func(check, name string, at place, contentType string, change func(string) string) {
		out = append(out, mutation{
			check: check, keyword: name, name: name + " in " + string(at), place: at, evidence: judgement(), pointer: op.Pointer(),
			apply: func(w *wire) {
				_, _, body := w.bytes()
				w.raw, w.hasRaw, w.contentType = change(string(body)), true, contentType
			},
		})
	}
	for _, at := range places {
		switch at {
		case inJSON:
			raw("input.malformed", "truncated", at, "", func(s string) string { return s[:len(s)-1] })
			raw("input.malformed", "text after the value", at, "", func(s string) string { return s + "}" })
			raw("input.malformed", "array", at, "", func(s string) string { return "[" + s + "]" })
			raw("input.content-type", "application/xml", at, "application/xml", func(s string) string { return s })
		case inForm:
			raw("input.content-type", "text/plain", at, "text/plain", func(s string) string { return s })
		case inQuery: // undecodable has what can be wrong with it
		}
	}
	return out
}
