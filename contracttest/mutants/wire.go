package mutants

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// Wire mutants, part one: each value of each accepted answer, each rule of its
// schema.

// checkSchema is what finds most of them.
func checkSchema() []string { return []string{"response.schema"} }

// wireFields breaks the schema of accepted answers, one value at a time.
func wireFields(g *generator) {
	for _, op := range g.contract.Operations() {
		for _, p := range merged(successes(op)) {
			place := dotted(p.Pointer)
			if g.baseline.Values[op.ID][p.Pointer] == "" {
				if g.added(op, &p) {
					continue
				}
				g.exclude(Wire, "no accepted answer of the unmodified server has it", "value", op.ID, place)
				continue
			}
			for _, b := range breaks(&p, g.baseline.Values[op.ID][p.Pointer]) {
				checks := []string{"response.schema"}
				if op.Envelope == "host" {
					checks = append(checks, "host.envelope")
				}
				if b.kind == twice {
					checks = []string{"response.duplicate-keys"}
				}
				g.add(Wire, fmt.Sprintf("%s answers %s with %s", op.ID, place, b.note), checks,
					after(op.ID, breaking(p.Pointer, &b)), b.kind, op.ID, place)
			}
		}
	}
}

// added gives answers a member that they may leave out and do, with a value
// that it must not have; false where that cannot be.
func (g *generator) added(op *spec.Operation, p *spec.Property) bool {
	cut := strings.LastIndexByte(p.Pointer, '/')
	if cut < 0 {
		return false // the answer itself
	}
	around, name := p.Pointer[:cut], p.Pointer[cut+1:]
	if p.Required || name == "*" || g.baseline.Values[op.ID][around] == "" {
		return false
	}
	for _, wrong := range []struct{ kind, value, allowed string }{{"list", "[]", "array"}, {"text", `""`, "string"}, {"object", "{}", "object"}} {
		if p.Type == wrong.allowed && len(p.Enum) == 0 && p.Pattern == "" {
			continue // the contract allows it
		}
		g.add(Wire, fmt.Sprintf("%s answers %s with %s, where there is none", op.ID, dotted(p.Pointer), wrong.value), []string{"response.schema"},
			after(op.ID, breaking(around, &breakage{change: func(s spot) {
				if s.value.kind == '{' && s.value.member(name) == nil {
					s.value.add(name, scalar(wrong.value))
				}
			}})), "added."+wrong.kind, op.ID, dotted(p.Pointer))
	}
	return true
}

// successes describes the accepted answers of an operation: alternatives that
// are errors are left out.
func successes(op *spec.Operation) []spec.Property {
	all := op.AnswerProperties(http.StatusOK)
	return slices.DeleteFunc(all, func(p spec.Property) bool {
		root, _, _ := strings.Cut(p.Branch, "/")
		return strings.HasSuffix(root, "Error")
	})
}

// merged makes one of the properties that stand in the same place of several
// alternatives: what is left is what holds in all of them.
func merged(all []spec.Property) []spec.Property {
	var out []spec.Property
	for _, p := range all {
		i := slices.IndexFunc(out, func(o spec.Property) bool { return o.Pointer == p.Pointer })
		if i < 0 {
			out = append(out, p)
			continue
		}
		o := &out[i]
		o.Enum = append(slices.Clone(o.Enum), p.Enum...)
		if len(p.Enum) == 0 {
			o.Enum = nil
		}
		if o.Type != p.Type {
			o.Type = ""
		}
		if o.Pattern != p.Pattern {
			o.Pattern = ""
		}
		o.Nullable = o.Nullable || p.Nullable
		o.Closed = o.Closed && p.Closed
		if o.Minimum == nil || p.Minimum == nil {
			o.Minimum = nil
		}
	}
	return out
}

// A breakage is one way of breaking a value's schema.
type breakage struct {
	kind, note string
	change     func(spot)
}

// twice is the kind of breakage that no schema sees.
const twice = "twice"

// breaks lists the ways of breaking one value, of which seen is one that was
// answered, if that is known.
func breaks(p *spec.Property, seen string) []breakage {
	var out []breakage
	add := func(kind, note string, change func(spot)) { out = append(out, breakage{kind, note, change}) }
	name := p.Pointer[strings.LastIndexByte(p.Pointer, '/')+1:]
	if p.Required && p.Pointer != "" && name != "*" {
		add("drop", "the member missing", spot.drop)
		add("rename", "the name in another case", func(s spot) {
			if i := slices.Index(s.parent.values, s.value); i >= 0 {
				s.parent.names[i] = otherCase(name)
			}
		})
	}
	for _, w := range wrongTypes(p.Type) {
		add("type."+w.name, "a value of another type, "+w.name, func(s spot) { s.put(w.of(s.value)) })
	}
	if !p.Nullable && p.Pointer != "" {
		add("null", "null", func(s spot) { s.put(scalar("null")) })
	}
	if len(p.Enum) > 0 {
		add("enum", "a value outside of the enumeration", func(s spot) { s.put(outsider(p)) })
	}
	if p.Pattern != "" {
		add("pattern.more", "a text that goes on", func(s spot) { s.put(quoted(s.value.text() + "x")) })
		if seen == "" || otherForm(seen) != seen {
			add("pattern.form", "the same in another form", func(s spot) { s.put(quoted(otherForm(s.value.text()))) })
		}
		if re, err := regexp.Compile(p.Pattern); err != nil || !re.MatchString("") {
			add("pattern.empty", "an empty text", func(s spot) { s.put(quoted("")) })
		}
	}
	if p.Minimum != nil {
		below := strconv.FormatFloat(*p.Minimum-1, 'f', -1, 64)
		add("minimum", "a number below the minimum", func(s spot) { s.put(scalar(below)) })
	}
	if p.Type == "object" {
		if p.Closed {
			add("extra", "a member that the contract does not have", func(s spot) { s.value.add("emu_extra", scalar("1")) })
		}
		add(twice, "a member twice", doubleFirst)
	}
	return out
}

// otherCase writes a name with its first letter in the other case.
func otherCase(name string) string {
	if upper := strings.ToUpper(name[:1]); upper != name[:1] {
		return upper + name[1:]
	}
	return strings.ToLower(name[:1]) + name[1:]
}

// breaking changes a value of accepted answers, where the contract then has
// something against the answer.
func breaking(pointer string, b *breakage) func(*message) {
	return func(m *message) {
		if !m.ok() {
			return
		}
		before := m.body
		m.edit(func(n *node) {
			for _, s := range n.find(pointer) {
				b.change(s)
			}
		})
		if b.kind != twice && m.valid() {
			m.body = before
		}
	}
}

// doubleFirst repeats the first member of an object.
func doubleFirst(s spot) {
	if v := s.value; v.kind == '{' && len(v.names) > 0 {
		v.add(v.names[0], v.values[0])
	}
}

// A wrongType makes a value of another type.
type wrongType struct {
	name string
	of   func(*node) *node
}

func wrongTypes(typ string) []wrongType {
	as := func(name, text string) wrongType {
		return wrongType{name, func(*node) *node { return scalar(text) }}
	}
	text := wrongType{"text", func(n *node) *node { return quoted(n.text()) }}
	list := wrongType{"list", func(n *node) *node { item := *n; return &node{kind: '[', values: []*node{&item}} }}
	switch typ {
	case "integer":
		return []wrongType{text, as("fraction", "1.5"), as("boolean", "true"), list}
	case "number":
		return []wrongType{text, as("boolean", "true")}
	case "string":
		return []wrongType{as("number", "1"), as("boolean", "false"), list}
	case "boolean":
		return []wrongType{as("text", `"true"`), as("number", "1")}
	case "array":
		return []wrongType{as("object", "{}"), text}
	case "object":
		return []wrongType{as("empty-list", "[]"), text, list}
	}
	return nil
}

// outsider is a value that an enumeration does not have.
func outsider(p *spec.Property) *node {
	if p.Type != "integer" {
		return quoted("emu_outsider")
	}
	for n := 90; ; n++ {
		text := strconv.Itoa(n)
		if !slices.ContainsFunc(p.Enum, func(v json.RawMessage) bool { return string(v) == text }) {
			return scalar(text)
		}
	}
}

// otherForm writes what looks like a time as another clock would.
func otherForm(s string) string {
	return strings.NewReplacer("/", "-", "-", "/", " ", "T").Replace(s)
}
