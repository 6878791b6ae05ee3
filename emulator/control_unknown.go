package emulator

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// Members of nested objects that nobody knows: found by the Go type that they
// would be read into, so that each is named with its place and what was
// probably meant.

// A shape is what a Go type has in JSON, as far as members that nobody knows are
// looked for: in a struct, and in what is in a slice, a map or a struct. What
// reads itself is of no shape, and its members are left to itself.
type shape struct {
	kind    reflect.Kind // Slice, Map or Struct; Invalid for all else
	elem    *shape       // of a slice or a map
	names   []string     // of a struct's members, in order
	members map[string]*shape
}

// shapes are those that were made so far; looking for a type's members costs
// more than all else here, so that it is done once, when the table is made.
type shapes map[reflect.Type]*shape

// of returns the shape of a type.
func (s shapes) of(t reflect.Type) *shape {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if have := s[t]; have != nil {
		return have
	}
	out := &shape{}
	s[t] = out // before its members, which may be of the same type
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return out
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Map:
		out.kind, out.elem = t.Kind(), s.of(t.Elem())
	case reflect.Struct:
		out.kind, out.members = t.Kind(), map[string]*shape{}
		for _, f := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.IsExported() && !f.Anonymous && name != "" && name != "-" {
				out.names = append(out.names, name)
				out.members[name] = s.of(f.Type)
			}
		}
	}
	return out
}

// escapePointer writes a name as a part of a JSON pointer.
var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

// unknownMembers returns an issue for each member in a JSON text that has no
// place in the shape. What is not of its form is left to others to judge.
func (s *shape) unknownMembers(text []byte, pointer string) []spec.Issue {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return s.unknownIn(v, pointer)
}

func (s *shape) unknownIn(v any, pointer string) (out []spec.Issue) {
	switch v := v.(type) {
	case []any:
		if s.kind == reflect.Slice {
			for i := range v {
				out = append(out, s.elem.unknownIn(v[i], pointer+"/"+strconv.Itoa(i))...)
			}
		}
	case map[string]any:
		for name, member := range v {
			at := pointer + "/" + escapePointer.Replace(name)
			switch s.kind {
			case reflect.Map:
				out = append(out, s.elem.unknownIn(member, at)...)
			case reflect.Struct:
				m := s.members[name]
				if m == nil {
					out = append(out, spec.Issue{Rule: spec.RuleUnknown, Pointer: at, Want: spec.Nearest(name, s.names)})
					continue
				}
				out = append(out, m.unknownIn(member, at)...)
			}
		}
	}
	return out
}

// check validates a request: by the contract, and that it has no parameter
// that the operation does not take or that contradicts the path.
func (op *controlOperation) check(c *controlCall, vars map[string]string, read *spec.InvalidError) error {
	var issues []spec.Issue
	if read != nil {
		issues = read.Issues
	}
	if invalid, ok := c.op.Validate(c.params).(*spec.InvalidError); ok { //nolint:errorlint // it is what Validate returns
		issues = append(issues, invalid.Issues...)
	}
	for _, p := range c.params {
		pointer := "/" + p.Name
		if _, inPath := vars[p.Name]; inPath {
			if p.In != spec.InPath {
				issues = append(issues, spec.Issue{Rule: spec.RuleDuplicate, Pointer: pointer})
			}
			continue
		}
		found := []spec.Issue{{Rule: spec.RuleUnknown, Pointer: pointer, Want: spec.Nearest(p.Name, op.known.names)}}
		if member := op.known.members[p.Name]; member != nil {
			text := p.JSON
			if text == nil {
				text = json.RawMessage(p.Text)
			}
			found = member.unknownMembers(text, pointer)
		}
		if len(found) > 0 {
			// They say more than the contract does of the same members.
			issues = slices.DeleteFunc(issues, func(i spec.Issue) bool {
				return i.Rule == spec.RuleUnknown && (i.Pointer == pointer || strings.HasPrefix(i.Pointer, pointer+"/"))
			})
			issues = append(issues, found...)
		}
	}
	if len(issues) > 0 {
		return &spec.InvalidError{Issues: issues}
	}
	return nil
}
