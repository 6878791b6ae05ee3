package scenarios

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// The strict decoder: from YAML nodes into the types of the format, by their
// tags, going on after each problem so that all of them are told at once.

const (
	// maxNodes bounds the values of a file once aliases are followed.
	maxNodes = 50_000
	// maxProblems bounds what is told of one file.
	maxProblems = 500
	// maxDepth bounds how deep they lie in each other.
	maxDepth = 64
)

// decoder reads one file.
type decoder struct {
	file     string
	problems []Problem
	nodes    int
	// places remembers where the values of a mapping stand, by path, for the
	// checks that come after.
	places map[string]Position
	// types holds the members of the types that were needed so far.
	types map[reflect.Type][]field
}

func newDecoder(file string) *decoder {
	return &decoder{file: file, places: map[string]Position{}, types: map[reflect.Type][]field{}}
}

func (d *decoder) at(n *yaml.Node) Position {
	return Position{File: d.file, Line: max(n.Line, 1), Column: max(n.Column, 1)}
}

func (d *decoder) complain(n *yaml.Node, path, wrong, expected, near string) {
	d.tell(Problem{At: d.at(n), Path: path, Wrong: wrong, Expected: expected, Nearest: near})
}

func (d *decoder) tell(p Problem) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, p)
	}
}

// enter counts a value and follows aliases; nil means that the file is too
// large or too deep.
func (d *decoder) enter(n *yaml.Node, path string, depth int) *yaml.Node {
	d.nodes++
	if d.nodes == maxNodes {
		d.complain(n, path, "the file has too many values", fmt.Sprintf("at most %d", maxNodes), "")
	}
	if depth == maxDepth {
		d.complain(n, path, "values lie too deep in each other", fmt.Sprintf("at most %d levels", maxDepth), "")
	}
	if d.nodes >= maxNodes || depth >= maxDepth || len(d.problems) >= maxProblems {
		return nil
	}
	for range maxDepth {
		if n.Kind != yaml.AliasNode || n.Alias == nil {
			break
		}
		n = n.Alias
	}
	return n
}

// member is a key of a mapping and its value.
type member struct {
	key, value *yaml.Node
}

// members lists what a mapping has, each key once, merged mappings included.
func (d *decoder) members(n *yaml.Node, path string, depth int) []member {
	var out []member
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind == yaml.AliasNode:
			d.complain(key, path, "a key is an alias", "a word", "")
		case key.Kind != yaml.ScalarNode:
			d.complain(key, path, "a key is no word", "a word", "")
		case key.Tag == "!!merge":
			out = append(out, d.merged(value, path, depth)...)
		case seen[key.Value]:
			d.complain(key, join(path, key.Value), "is given twice", "each key once", "")
		default:
			seen[key.Value] = true
			out = append(out, member{key, value})
		}
	}
	// What stands in the mapping itself wins over what is merged into it.
	at := map[string]int{}
	kept := out[:0]
	for _, m := range out {
		i, again := at[m.key.Value]
		switch {
		case !again:
			at[m.key.Value] = len(kept)
			kept = append(kept, m)
		case slices.Contains(n.Content, m.key):
			kept[i] = m
		}
	}
	return kept
}

// merged lists what a merge key brings along.
func (d *decoder) merged(n *yaml.Node, path string, depth int) []member {
	if n = d.enter(n, path, depth+1); n == nil {
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		return d.members(n, path, depth+1)
	case yaml.SequenceNode:
		var out []member
		for _, one := range n.Content {
			out = append(out, d.merged(one, path, depth+1)...)
		}
		return out
	}
	d.complain(n, path, "<< merges "+kindOf(n), "a mapping", "")
	return nil
}

// join appends a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// kindOf says what a node is.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!null":
		return "nothing"
	case "!!int", "!!float":
		return "the number " + clip(n.Value)
	case "!!bool":
		return n.Value
	}
	return fmt.Sprintf("%q", clip(n.Value))
}

// clip shortens what a message quotes.
func clip(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// field is a member that a struct type has.
type field struct {
	name     string
	index    []int
	required bool
	bounds   bounds
}

// fieldsOf lists the members of a struct type, those of embedded ones included.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" || name == "-" {
			continue
		}
		out = append(out, field{
			name: name, index: f.Index, required: !strings.Contains(options, "omitempty"),
			bounds: boundsOf(f.Tag),
		})
	}
	return out
}

// structure decodes a mapping into a struct.
func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.MappingNode {
		d.complain(n, path, "is "+kindOf(n), "a mapping", "")
		return
	}
	fields, known := d.types[v.Type()]
	if !known {
		fields = fieldsOf(v.Type())
		d.types[v.Type()] = fields
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	given := map[string]bool{}
	for _, m := range d.members(n, path, depth) {
		i := slices.Index(names, m.key.Value)
		if i < 0 {
			near := nearest(m.key.Value, names)
			expected := ""
			if near == "" {
				expected = oneOf(names)
			}
			d.complain(m.key, path, "unknown key "+clip(m.key.Value), expected, near)
			continue
		}
		f := fields[i]
		given[f.name] = true
		at := join(path, f.name)
		d.places[at] = d.at(m.value)
		if isNull(m.value) && f.name != "note" {
			if f.required {
				d.complain(m.value, at, "is empty", "a value", "")
			}
			continue
		}
		d.value(m.value, v.FieldByIndex(f.index), at, f.bounds, depth+1)
	}
	for _, f := range fields {
		if f.required && !given[f.name] {
			d.complain(n, path, f.name+" is missing", "", "")
		}
	}
	if s, ok := v.Addr().Interface().(*Step); ok {
		s.At = d.at(n)
	}
}

// value decodes a node into a value of any type of the format.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string, b bounds, depth int) {
	if n = d.enter(n, path, depth); n == nil {
		return
	}
	switch v.Interface().(type) {
	case Duration:
		d.duration(n, v, path)
		return
	case Time:
		d.time(n, v, path)
		return
	case AppStatus:
		d.appStatus(n, v, path)
		return
	case Ref:
		d.ref(n, v, path)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), path, b, depth)
	case reflect.Struct:
		d.structure(n, v, path, depth)
	case reflect.Slice:
		d.list(n, v, path, depth)
	case reflect.Map:
		d.mapping(n, v, path, depth)
	case reflect.Interface:
		if x := d.free(n, path, depth); x != nil {
			v.Set(reflect.ValueOf(x))
		}
	default:
		d.scalar(n, v, path, b)
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.SequenceNode {
		d.complain(n, path, "is "+kindOf(n), "a list", "")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, one := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.places[at] = d.at(one)
		d.value(one, v.Index(i), at, bounds{}, depth+1)
	}
}

// mapping decodes a mapping with free keys.
func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string, depth int) {
	if n.Kind != yaml.MappingNode {
		d.complain(n, path, "is "+kindOf(n), "a mapping", "")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, m := range d.members(n, path, depth) {
		one := reflect.New(v.Type().Elem()).Elem()
		at := join(path, m.key.Value)
		d.places[at] = d.at(m.value)
		d.value(m.value, one, at, bounds{}, depth+1)
		v.SetMapIndex(reflect.ValueOf(m.key.Value), one)
	}
}

func (d *decoder) duration(n *yaml.Node, v reflect.Value, path string) {
	x, err := parseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		d.complain(n, path, "is "+kindOf(n), "a duration such as 2h, 1h30m, 3s or 7d", "")
		return
	}
	v.Set(reflect.ValueOf(x))
}

func (d *decoder) time(n *yaml.Node, v reflect.Value, path string) {
	x, err := time.Parse(time.RFC3339Nano, n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || x.Year() < 1970 || x.Year() > 9999 {
		d.complain(n, path, "is "+kindOf(n), "a time such as 2026-01-05T09:00:00+08:00", "")
		return
	}
	v.Set(reflect.ValueOf(Time{x}))
}
