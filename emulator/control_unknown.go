package emulator

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/swanemu/emu/internal/spec"
)

// Members of nested objects that nobody knows: found by the Go type that they
// would be read into, so that each is named with its place and what was
// probably meant.

// members are what a struct has in JSON: the names of its fields in order, and
// their types.
type members struct {
	names []string
	types map[string]reflect.Type
}

// known keeps the members of each reflect.Type that was asked for: looking for
// them costs more than all else here.
var known sync.Map

// membersOf lists the members of a struct.
func membersOf(t reflect.Type) *members {
	if have, ok := known.Load(t); ok {
		return have.(*members) //nolint:forcetypeassert // nothing else is stored
	}
	out := &members{types: map[string]reflect.Type{}}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && !f.Anonymous && name != "" && name != "-" {
			out.names = append(out.names, name)
			out.types[name] = f.Type
		}
	}
	known.Store(t, out)
	return out
}

// names lists the JSON names of a struct's fields.
func names(t reflect.Type) []string { return membersOf(t).names }

// escapePointer writes a name as a part of a JSON pointer.
var escapePointer = strings.NewReplacer("~", "~0", "/", "~1")

// unknownMembers returns an issue for each member in a JSON text that the type
// has no field for. What is not of the type's form is left to others to judge.
func unknownMembers(t reflect.Type, text []byte, pointer string) []spec.Issue {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return unknownIn(t, v, pointer)
}

func unknownIn(t reflect.Type, v any, pointer string) (out []spec.Issue) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	switch v := v.(type) {
	case []any:
		if t.Kind() == reflect.Slice {
			for i := range v {
				out = append(out, unknownIn(t.Elem(), v[i], pointer+"/"+strconv.Itoa(i))...)
			}
		}
	case map[string]any:
		for name, member := range v {
			at := pointer + "/" + escapePointer.Replace(name)
			switch t.Kind() {
			case reflect.Map:
				out = append(out, unknownIn(t.Elem(), member, at)...)
			case reflect.Struct:
				f, ok := fieldOf(t, name)
				if !ok {
					out = append(out, spec.Issue{Rule: spec.RuleUnknown, Pointer: at, Want: spec.Nearest(name, names(t))})
					continue
				}
				out = append(out, unknownIn(f, member, at)...)
			}
		}
	}
	return out
}

// fieldOf is the type of the field with that JSON name.
func fieldOf(t reflect.Type, name string) (reflect.Type, bool) {
	f, ok := membersOf(t).types[name]
	return f, ok
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
		found := []spec.Issue{{Rule: spec.RuleUnknown, Pointer: pointer, Want: spec.Nearest(p.Name, op.names)}}
		if t, known := fieldOf(op.in, p.Name); known {
			text := p.JSON
			if text == nil {
				text = json.RawMessage(p.Text)
			}
			found = unknownMembers(t, text, pointer)
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
