package mutants

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// A node is a JSON value whose members keep their order, may stand twice, and
// whose scalars keep their text: what a mutant does not touch stays as it was
// sent.
type node struct {
	kind   byte // '{', '[' or 's', a scalar
	scalar string
	names  []string // of members
	values []*node  // of members or items
}

// parse reads one JSON value; nil for anything else.
func parse(data []byte) *node {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	n := parseNext(d)
	if _, err := d.Token(); n == nil || !errors.Is(err, io.EOF) {
		return nil
	}
	return n
}

func parseNext(d *json.Decoder) *node {
	t, err := d.Token()
	if err != nil {
		return nil
	}
	open, ok := t.(json.Delim)
	if !ok {
		text, err := encode(t)
		if err != nil {
			return nil
		}
		return scalar(text)
	}
	n := &node{kind: byte(open)}
	for d.More() {
		if open == '{' {
			key, err := d.Token()
			name, ok := key.(string)
			if err != nil || !ok {
				return nil
			}
			n.names = append(n.names, name)
		}
		value := parseNext(d)
		if value == nil {
			return nil
		}
		n.values = append(n.values, value)
	}
	if _, err := d.Token(); err != nil {
		return nil
	}
	return n
}

// encode is json.Marshal without the escaping of <, > and &.
func encode(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// scalar is a node with that JSON text.
func scalar(text string) *node { return &node{kind: 's', scalar: text} }

// quoted is a node with that string.
func quoted(s string) *node {
	text, err := encode(s)
	if err != nil {
		text = `""` // no string gets here
	}
	return scalar(text)
}

// text is the string that a node holds, or the text of any other scalar.
func (n *node) text() string {
	var s string
	if n.kind == 's' && json.Unmarshal([]byte(n.scalar), &s) == nil && strings.HasPrefix(n.scalar, `"`) {
		return s
	}
	return n.scalar
}

// bytes writes the value.
func (n *node) bytes() []byte {
	var b bytes.Buffer
	n.write(&b)
	return b.Bytes()
}

func (n *node) write(b *bytes.Buffer) {
	if n.kind == 's' {
		b.WriteString(n.scalar)
		return
	}
	b.WriteByte(n.kind)
	for i, v := range n.values {
		if i > 0 {
			b.WriteByte(',')
		}
		if n.kind == '{' {
			b.WriteString(quoted(n.names[i]).scalar)
			b.WriteByte(':')
		}
		v.write(b)
	}
	b.WriteByte(n.kind + 2) // } and ] stand two after { and [
}

// A spot is a value where it stands: in its parent, at a position. The whole
// has no parent.
type spot struct {
	parent *node
	at     int
	value  *node
}

// put replaces the value.
func (s spot) put(v *node) {
	if s.parent == nil {
		*s.value = *v
		return
	}
	s.parent.values[s.at] = v
}

// drop takes the value out of its parent.
func (s spot) drop() {
	if s.parent == nil {
		return
	}
	i := slices.Index(s.parent.values, s.value)
	if i < 0 {
		return
	}
	s.parent.values = slices.Delete(s.parent.values, i, i+1)
	if s.parent.kind == '{' {
		s.parent.names = slices.Delete(s.parent.names, i, i+1)
	}
}

// find returns the values that a pointer names, with * for any position in an
// array.
func (n *node) find(pointer string) []spot {
	found := []spot{{value: n}}
	for _, name := range strings.Split(pointer, "/")[1:] {
		name = strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
		var next []spot
		for _, s := range found {
			for i, v := range s.value.values {
				if s.value.kind == '[' && name == "*" || s.value.kind == '{' && s.value.names[i] == name {
					next = append(next, spot{s.value, i, v})
				}
			}
		}
		found = next
	}
	return found
}

// member is a member of an object; nil when it has none of that name.
func (n *node) member(name string) *node {
	if i := slices.Index(n.names, name); n.kind == '{' && i >= 0 {
		return n.values[i]
	}
	return nil
}

// set gives an object a member, in its place or at the end.
func (n *node) set(name string, v *node) {
	if i := slices.Index(n.names, name); i >= 0 {
		n.values[i] = v
		return
	}
	n.add(name, v)
}

// add gives an object a member more, even one that it has.
func (n *node) add(name string, v *node) {
	n.names, n.values = append(n.names, name), append(n.values, v)
}

// walk visits every value, those around it first.
func (n *node) walk(pointer string, visit func(pointer string, n *node)) {
	visit(pointer, n)
	for i, v := range n.values {
		name := "*"
		if n.kind == '{' {
			name = strings.ReplaceAll(strings.ReplaceAll(n.names[i], "~", "~0"), "/", "~1")
		}
		v.walk(pointer+"/"+name, visit)
	}
}
