package spec

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// dangling says which reference within the document leads nowhere, and where it
// stands; nil where all lead somewhere. It puts a place to what kin-openapi
// only has words for.
func (d *document) dangling() error {
	seen := map[*yaml.Node]bool{}
	var walk func(n *yaml.Node) error
	walk = func(n *yaml.Node) error {
		if n = deref(n); n == nil || seen[n] {
			return nil
		}
		seen[n] = true
		if ref := child(n, "$ref"); ref != nil && ref.Kind == yaml.ScalarNode && strings.HasPrefix(ref.Value, "#/") {
			if err := d.leads(ref); err != nil {
				return err
			}
		}
		for i, inner := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 1 && isData(n.Content[i-1].Value) {
				continue
			}
			if err := walk(inner); err != nil {
				return err
			}
		}
		return nil
	}
	return walk(d.root)
}

// isData says whether what stands under a key may be data, in which a $ref is a
// member like any other.
func isData(key string) bool {
	return key == "example" || key == "default" || key == "enum" || key == "value" || strings.HasPrefix(key, "x-")
}

// leads says what is wrong with a reference.
func (d *document) leads(ref *yaml.Node) error {
	at := d.root
	for _, part := range pointerParts(ref.Value) {
		next := child(at, part)
		if i, err := strconv.Atoi(part); err == nil && at.Kind == yaml.SequenceNode && i >= 0 && i < len(at.Content) {
			next = deref(at.Content[i])
		}
		if next == nil {
			var known []string
			for i := 0; i+1 < len(at.Content) && at.Kind == yaml.MappingNode; i += 2 {
				known = append(known, at.Content[i].Value)
			}
			meant := ""
			if near := nearest(part, known); near != "" {
				meant = fmt.Sprintf(" (did you mean %q?)", near)
			}
			return fmt.Errorf("%s: %s leads nowhere: there is no %q%s", d.at(ref), ref.Value, part, meant)
		}
		at = next
	}
	return nil
}
