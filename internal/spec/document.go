package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Limits on what a document may unfold to, so that aliases cannot blow it up.
const (
	maxDocumentDepth = 200
	maxUnfolding     = 16 // times the size of the text
)

// document is a parsed YAML or JSON text that still knows its positions.
type document struct {
	name string
	root *yaml.Node
	size int
}

// at says where a node stands, as file:line:column.
func (d *document) at(n *yaml.Node) string {
	if n == nil || n.Line == 0 {
		return d.name
	}
	return fmt.Sprintf("%s:%d:%d", d.name, n.Line, n.Column)
}

// parseDocument reads YAML, or JSON when the text starts with a brace.
func parseDocument(data []byte, name string) (*document, error) {
	d := &document{name: name, size: len(data)}
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	if len(trimmed) == 0 {
		return nil, fmt.Errorf("%s: the document is empty", name)
	}
	if trimmed[0] == '{' && json.Valid(data) {
		root, err := jsonNode(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		d.root = root
		return d, nil
	}
	var n yaml.Node
	if err := yaml.Load(data, &n); err != nil {
		return nil, syntaxError(data, name, err)
	}
	d.root = &n
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		d.root = n.Content[0]
	}
	if d.root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: expected a mapping at the top of the document", d.at(d.root))
	}
	return d, nil
}

// syntaxError says where a text that is neither YAML nor JSON breaks off.
func syntaxError(data []byte, name string, err error) error {
	if trimmed := bytes.TrimLeft(data, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		var v any
		var syntax *json.SyntaxError
		if errors.As(json.Unmarshal(data, &v), &syntax) {
			line, column := position(data, int(syntax.Offset))
			return fmt.Errorf("%s:%d:%d: %w", name, line, column, syntax)
		}
	}
	var at *yaml.LoadError
	if errors.As(err, &at) && at.Mark.Line > 0 {
		text := at.Message
		if at.ContextMsg != "" {
			text = at.ContextMsg + ": " + text
		}
		return fmt.Errorf("%s:%d:%d: %s", name, at.Mark.Line, at.Mark.Column, text)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// position turns a byte offset into a line and a column, both from 1.
func position(data []byte, offset int) (line, column int) {
	offset = min(max(offset, 0), len(data))
	head := data[:offset]
	line = bytes.Count(head, []byte{'\n'}) + 1
	return line, max(offset-bytes.LastIndexByte(head, '\n')-1, 1)
}

// jsonNode builds the node tree of a valid JSON text.
func jsonNode(data []byte) (*yaml.Node, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	b := &jsonNodes{dec: dec, data: data, line: 1}
	return b.value(0)
}

// jsonNodes walks a JSON text and keeps count of the lines passed.
type jsonNodes struct {
	dec        *json.Decoder
	data       []byte
	seen, line int
	lineStart  int
}

func (b *jsonNodes) value(depth int) (*yaml.Node, error) {
	if depth > maxDocumentDepth {
		return nil, fmt.Errorf("nested deeper than %d levels", maxDocumentDepth)
	}
	start := int(b.dec.InputOffset())
	for start < len(b.data) && strings.IndexByte(" \t\r\n,:", b.data[start]) >= 0 {
		start++
	}
	token, err := b.dec.Token()
	if err != nil {
		return nil, err
	}
	for ; b.seen < start; b.seen++ {
		if b.data[b.seen] == '\n' {
			b.line++
			b.lineStart = b.seen + 1
		}
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: b.line, Column: start - b.lineStart + 1}
	switch t := token.(type) {
	case json.Delim:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		if t == '[' {
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		}
		for b.dec.More() {
			child, err := b.value(depth + 1)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, child)
		}
		_, err = b.dec.Token()
	case string:
		n.Tag, n.Value = "!!str", t
	case json.Number:
		n.Tag, n.Value = "!!float", t.String()
	case bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(t)
	default:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, err
}

// child returns the value of a mapping's key, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	if n = deref(n); n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return deref(n.Content[i+1])
		}
	}
	return nil
}

// deref follows an alias.
func deref(n *yaml.Node) *yaml.Node {
	for range maxDocumentDepth {
		if n == nil || n.Kind != yaml.AliasNode {
			break
		}
		n = n.Alias
	}
	return n
}

// pair is one member of a mapping.
type pair struct{ key, value *yaml.Node }

// pairs returns the members of a mapping in order, with merge keys resolved,
// or an error where a key is no scalar or stands twice.
func (d *document) pairs(n *yaml.Node, depth int) ([]pair, error) {
	if depth > maxDocumentDepth {
		return nil, fmt.Errorf("%s: nested deeper than %d levels", d.at(n), maxDocumentDepth)
	}
	out := make([]pair, 0, len(n.Content)/2)
	var index map[string]struct{}
	if len(n.Content) > 32 {
		index = make(map[string]struct{}, len(n.Content)/2)
	}
	has := func(key string) bool {
		if index != nil {
			_, ok := index[key]
			return ok
		}
		for i := range out {
			if out[i].key.Value == key {
				return true
			}
		}
		return false
	}
	add := func(p pair) {
		out = append(out, p)
		if index != nil {
			index[p.key.Value] = struct{}{}
		}
	}
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Tag == "!!merge" {
			merges = append(merges, deref(value))
			continue
		}
		if key = deref(key); key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("%s: expected a text as the key", d.at(key))
		}
		if has(key.Value) {
			return nil, fmt.Errorf("%s: key %q stands twice", d.at(key), key.Value)
		}
		add(pair{key, value})
	}
	for count := 0; len(merges) > 0; count++ {
		from := merges[0]
		if count > 1000 {
			return nil, fmt.Errorf("%s: too many mappings to merge", d.at(from))
		}
		merges = merges[1:]
		if from.Kind == yaml.SequenceNode {
			for _, m := range from.Content {
				merges = append(merges, deref(m))
			}
			continue
		}
		if from.Kind != yaml.MappingNode {
			return nil, fmt.Errorf("%s: expected a mapping to merge", d.at(from))
		}
		merged, err := d.pairs(from, depth+1)
		if err != nil {
			return nil, err
		}
		for _, p := range merged {
			if !has(p.key.Value) {
				add(p)
			}
		}
	}
	return out, nil
}

// json returns a node as JSON, members in the order of the document.
func (d *document) json(n *yaml.Node) (json.RawMessage, error) {
	return d.appendJSON(nil, n, 0)
}

func (d *document) appendJSON(buf []byte, n *yaml.Node, depth int) ([]byte, error) {
	if depth > maxDocumentDepth {
		return nil, fmt.Errorf("%s: nested deeper than %d levels", d.at(n), maxDocumentDepth)
	}
	if len(buf) > maxUnfolding*(d.size+1<<10) {
		return nil, fmt.Errorf("%s: the aliases unfold to more than %d times the document", d.at(n), maxUnfolding)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return d.appendJSON(buf, n.Alias, depth+1)
	case yaml.MappingNode:
		members, err := d.pairs(n, depth)
		if err != nil {
			return nil, err
		}
		buf = append(buf, '{')
		for i, p := range members {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = append(appendJSONString(buf, p.key.Value), ':')
			if buf, err = d.appendJSON(buf, p.value, depth+1); err != nil {
				return nil, err
			}
		}
		return append(buf, '}'), nil
	case yaml.SequenceNode:
		var err error
		buf = append(buf, '[')
		for i, item := range n.Content {
			if i > 0 {
				buf = append(buf, ',')
			}
			if buf, err = d.appendJSON(buf, item, depth+1); err != nil {
				return nil, err
			}
		}
		return append(buf, ']'), nil
	default:
		return d.appendScalar(buf, n)
	}
}

func (d *document) appendScalar(buf []byte, n *yaml.Node) ([]byte, error) {
	switch n.ShortTag() {
	case "!!null":
		return append(buf, "null"...), nil
	case "!!bool":
		return append(buf, strings.ToLower(n.Value)...), nil
	case "!!int", "!!float":
		if isNumber(n.Value) {
			return append(buf, n.Value...), nil
		}
		var v any
		if err := n.Decode(&v); err != nil {
			return nil, fmt.Errorf("%s: %w", d.at(n), err)
		}
		switch v := v.(type) {
		case int:
			return strconv.AppendInt(buf, int64(v), 10), nil
		case int64:
			return strconv.AppendInt(buf, v, 10), nil
		case uint64:
			return strconv.AppendUint(buf, v, 10), nil
		case float64:
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				return strconv.AppendFloat(buf, v, 'g', -1, 64), nil
			}
		}
		return nil, fmt.Errorf("%s: %q is no number of JSON", d.at(n), n.Value)
	default:
		return appendJSONString(buf, n.Value), nil
	}
}

// appendJSONString appends a text as a JSON string.
func appendJSONString(buf []byte, s string) []byte {
	const hex = "0123456789abcdef"
	buf = append(buf, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		buf = append(buf, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			buf = append(buf, '\\', c)
		case '\n':
			buf = append(buf, '\\', 'n')
		case '\t':
			buf = append(buf, '\\', 't')
		case '\r':
			buf = append(buf, '\\', 'r')
		default:
			buf = append(buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(buf, s[start:]...), '"')
}
