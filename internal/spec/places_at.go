package spec

import (
	"strconv"

	"go.yaml.in/yaml/v4"
)

// At returns the place whose member name or list item begins at a line and a
// column, counted from 1: the reverse of Find. Where none begins there, it is
// the last one before it on the line; the whole document where the line has
// none.
func (p *Places) At(line, column int) Place {
	best := Place{Pointer: "#", Line: max(p.doc.root.Line, 1), Column: max(p.doc.root.Column, 1)}
	found := false
	p.each(p.doc.root, nil, 0, func(n *yaml.Node, path []string) {
		if n.Line != line || n.Column > column || found && n.Column < best.Column {
			return
		}
		best, found = Place{Pointer: "#" + pointerOf(path...), Line: n.Line, Column: n.Column}, true
	})
	return best
}

// each goes through the names of members and the items of lists, with the path
// of what they name; an alias is not followed.
func (p *Places) each(n *yaml.Node, path []string, depth int, visit func(*yaml.Node, []string)) {
	if depth > maxDocumentDepth {
		return
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			inner := within(path, n.Content[i].Value)
			visit(n.Content[i], inner)
			p.each(n.Content[i+1], inner, depth+1, visit)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			inner := within(path, strconv.Itoa(i))
			visit(item, inner)
			p.each(item, inner, depth+1, visit)
		}
	}
}
