package mutants

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/swanemu/emu/internal/spec"
)

// Input mutants, part two: servers that refuse what is just valid.

// inputStrict makes mutants that are too strict with one parameter. Where it is
// strict with a value that every valid request has, that is what is found.
func inputStrict(g *generator) {
	for _, op := range g.contract.Operations() {
		for _, f := range op.Fields() {
			for _, s := range strictnesses(op, &f) {
				g.add(Input, fmt.Sprintf("%s refuses %s that is %s", op.ID, f.Name, s.note), []string{"input.valid", "input.placement"},
					after(op.ID, func(m *message) {
						p, there := m.params.Get(f.Name)
						if there && m.ok() && s.when(&p) {
							m.refuseStage("invalid")
						}
					}), "strict."+s.kind, op.ID, f.Name)
			}
		}
	}
}

// A strictness is a valid value that is refused.
type strictness struct {
	kind, note string
	when       func(*spec.Param) bool
}

// long is how long a text is that is taken for too long.
const long = 200

func strictnesses(op *spec.Operation, f *spec.Field) []strictness {
	var out []strictness
	add := func(kind, note string, when func(*spec.Param) bool) {
		out = append(out, strictness{kind, note, when})
	}
	equals := func(want string) func(*spec.Param) bool {
		return func(p *spec.Param) bool { return scalarText(p) == want }
	}
	if !f.Required {
		add("optional", "there", func(*spec.Param) bool { return true })
	}
	for _, v := range f.Enum {
		if f.RefersTo != "" {
			break // another value of them would follow from nothing
		}
		add("enum."+string(v), string(v), equals(strings.Trim(string(v), `"`)))
	}
	// The least value of what counts moments, and of what names something, is
	// valid as a value and refused for what it means.
	if f.Minimum != nil && f.Faker != "unix" && f.RefersTo == "" && !strings.HasSuffix(f.Name, "_id") {
		add("minimum", "the minimum", equals(strconv.FormatFloat(*f.Minimum, 'f', -1, 64)))
	}
	if f.Maximum != nil && f.RefersTo == "" {
		add("maximum", "the maximum", equals(strconv.FormatFloat(*f.Maximum, 'f', -1, 64)))
	}
	_, takesJSON := op.Takes()
	if f.Type == "integer" && takesJSON {
		add("text", "a number written as a text in JSON", func(p *spec.Param) bool {
			return p.In == spec.InJSON && strings.HasPrefix(string(p.JSON), `"`)
		})
		add("number", "a number in JSON", func(p *spec.Param) bool { return p.In == spec.InJSON && !strings.HasPrefix(string(p.JSON), `"`) })
	}
	if f.Type == "string" && free(f) {
		if shortest := int(f.MinLength); shortest > 0 || f.Required { // no text of what may be left out is none
			add("short", "as short as may be", func(p *spec.Param) bool { return utf8.RuneCountInString(scalarText(p)) == shortest })
		}
		if f.MaxLength == nil {
			add("long", "a long text", func(p *spec.Param) bool { return utf8.RuneCountInString(scalarText(p)) >= long })
		}
		add("marks", "a text with marks", func(p *spec.Param) bool { return strings.ContainsAny(scalarText(p), `&=%+"<`) })
		add("wide", "a text with characters beyond the first plane", func(p *spec.Param) bool {
			return strings.ContainsFunc(scalarText(p), func(r rune) bool { return r > 0xffff })
		})
	}
	return out
}

// free reports whether a text may be anything: nobody looks for it, and it
// holds nothing.
func free(f *spec.Field) bool {
	named := f.RefersTo != "" || strings.HasSuffix(f.Name, "_id") || strings.HasSuffix(f.Name, "_type") || strings.HasSuffix(f.Name, "_token")
	issued := f.Secret && !strings.HasPrefix(f.Name, "test_")
	return f.Pattern == "" && len(f.Enum) == 0 && !named && !issued && f.Name != "scope" && !strings.Contains(string(f.Example), "{")
}

// scalarText is the text of a parameter, wherever it stands.
func scalarText(p *spec.Param) string {
	if p.Text != "" {
		return p.Text
	}
	var s string
	if json.Unmarshal(p.JSON, &s) == nil {
		return s
	}
	return string(p.JSON)
}
