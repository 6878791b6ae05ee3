package spec

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A Place is where something stands in a document.
type Place struct {
	// Pointer is its JSON pointer as a fragment, e.g. "#/paths/~1x/get".
	Pointer string
	// Line and Column count from 1.
	Line, Column int
}

// Places finds places in the text of a document: what a Contract says about
// pointers, for people who look them up.
type Places struct {
	doc   *document
	lines []string
}

// ReadPlaces parses a document in YAML or JSON. It need not be valid OpenAPI.
func ReadPlaces(data []byte) (*Places, error) {
	d, err := parseDocument(data, "openapi.yaml")
	if err != nil {
		return nil, err
	}
	return &Places{doc: d, lines: strings.Split(string(data), "\n")}, nil
}

// Line returns the text of a line, counted from 1; "" for one that is not
// there.
func (p *Places) Line(n int) string {
	if n < 1 || n > len(p.lines) {
		return ""
	}
	return strings.TrimRight(p.lines[n-1], "\r")
}

// spot is a place and the node that stands there.
type spot struct {
	Place
	node *yaml.Node
}

// Find returns the place that a pointer leads to, or the last one on the way
// there that exists. References on the way are followed, and a part of the
// pointer may name an item of a list by its member name; the Pointer returned
// is the true one.
func (p *Places) Find(pointer string) Place { return p.find(pointer, 0).Place }

func (p *Places) find(pointer string, depth int) spot {
	at := spot{Place{"#", max(p.doc.root.Line, 1), max(p.doc.root.Column, 1)}, p.doc.root}
	for _, part := range pointerParts(pointer) {
		next, ok := p.step(p.follow(at, depth), part)
		if !ok {
			break
		}
		at = next
	}
	return at
}

// Within returns the place of what describes a value: pointer leads to a
// schema, or to an operation, a response or an event that has one; value is the
// JSON pointer of a value that it describes, with the name of a parameter in
// front for an operation; keyword is the keyword of that schema that is meant,
// "" for none. What cannot be found is left away from the end.
func (p *Places) Within(pointer, value, keyword string) Place {
	at := p.find(pointer, 0)
	parts := pointerParts(value)
	found := p.follow(at, 0)
	if p.has(found, "responses") && len(parts) > 0 {
		inner, rest, ok := p.parameter(found, parts)
		if !ok {
			return at.Place
		}
		found, parts = inner, rest
	}
	schema, ok := p.schemaOf(found)
	if !ok {
		return at.Place
	}
	deepest, _ := p.descend(schema, parts, 0)
	if keyword != "" {
		if member, ok := p.step(p.follow(deepest, 0), keyword); ok {
			return member.Place
		}
	}
	return deepest.Place
}

// parameter finds the parameter of an operation that a value pointer begins
// with: what describes it, and the rest of the pointer.
func (p *Places) parameter(operation spot, parts []string) (spot, []string, bool) {
	if list, ok := p.step(operation, "parameters"); ok {
		for i := range list.node.Content {
			item, ok := p.step(list, strconv.Itoa(i))
			if !ok {
				continue
			}
			item = p.follow(item, 0)
			if name := child(item.node, "name"); name != nil && name.Value == parts[0] {
				return item, parts[1:], true
			}
		}
	}
	body, ok := p.step(operation, "requestBody")
	return p.follow(body, 0), parts, ok
}

// schemaOf finds the schema of something that has one: by media type, under
// its name, or itself.
func (p *Places) schemaOf(at spot) (spot, bool) {
	if content, ok := p.step(at, "content"); ok && len(content.node.Content) > 1 {
		media, _ := p.step(content, deref(content.node.Content[0]).Value)
		at = p.follow(media, 0)
	}
	if schema, ok := p.step(at, "schema"); ok {
		return schema, true
	}
	return at, slices.ContainsFunc([]string{"type", "properties", "items", "allOf", "oneOf", "anyOf", "enum"}, func(key string) bool { return p.has(at, key) })
}

// descend goes down a schema as a value pointer does and returns how many of
// its parts it found.
func (p *Places) descend(schema spot, parts []string, depth int) (spot, int) {
	if len(parts) == 0 || depth > maxDocumentDepth {
		return schema, 0
	}
	at := p.follow(schema, 0)
	best, most := schema, 0
	try := func(next spot, taken int) {
		if found, n := p.descend(next, parts[taken:], depth+1); n+taken > most {
			best, most = found, n+taken
		}
	}
	if properties, ok := p.step(at, "properties"); ok {
		if property, ok := p.step(properties, parts[0]); ok {
			try(property, 1)
		}
	}
	if items, ok := p.step(at, "items"); ok && isPosition(parts[0]) {
		try(items, 1)
	}
	for _, key := range []string{"allOf", "oneOf", "anyOf"} {
		list, ok := p.step(at, key)
		if !ok {
			continue
		}
		for i := range list.node.Content {
			if part, ok := p.step(list, strconv.Itoa(i)); ok {
				try(part, 0)
			}
		}
	}
	if more, ok := p.step(at, "additionalProperties"); ok && most == 0 && more.node.Kind == yaml.MappingNode {
		try(more, 1)
	}
	return best, most
}

// isPosition reports whether a part of a value pointer stands for an item of a
// list.
func isPosition(part string) bool {
	_, err := strconv.Atoi(part)
	return err == nil || part == "*"
}

// step goes from a node to its member or item.
func (p *Places) step(at spot, part string) (spot, bool) {
	n := deref(at.node)
	if n == nil {
		return spot{}, false
	}
	to := func(part string, where, value *yaml.Node) (spot, bool) {
		return spot{Place{at.Pointer + pointerOf(part), where.Line, where.Column}, deref(value)}, true
	}
	switch n.Kind {
	case yaml.MappingNode:
		members, err := p.doc.pairs(n, 0)
		if err != nil {
			return spot{}, false
		}
		for _, m := range members {
			if m.key.Value == part {
				return to(part, m.key, m.value)
			}
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			name := child(item, "name")
			if strconv.Itoa(i) == part || name != nil && name.Value == part {
				return to(strconv.Itoa(i), item, item)
			}
		}
	}
	return spot{}, false
}

func (p *Places) has(at spot, key string) bool {
	_, ok := p.step(at, key)
	return ok
}

// follow goes where a reference leads.
func (p *Places) follow(at spot, depth int) spot {
	ref := child(at.node, "$ref")
	if ref == nil || depth > maxExplained || !strings.HasPrefix(ref.Value, "#/") {
		return at
	}
	return p.follow(p.find(ref.Value, depth+1), depth+1)
}

// pointerParts takes a JSON pointer apart, with or without # in front.
func pointerParts(pointer string) []string {
	pointer = strings.TrimPrefix(strings.TrimPrefix(pointer, "#"), "/")
	if pointer == "" {
		return nil
	}
	parts := strings.Split(pointer, "/")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
	}
	return parts
}
