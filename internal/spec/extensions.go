package spec

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// stages are the stages of the pipeline that an envelope can name a refusal
// for.
func stages() []string {
	return []string{"invalid", "type", "unauthenticated", "expired", "forbidden", "method", "not_found", "too_large", "internal", "unavailable"}
}

// knownExtensions are the extensions of the dialect.
func knownExtensions() []string {
	return []string{
		"x-errors", "x-envelopes", "x-events", "x-lifecycle", "x-envelope", "x-parameters-in", "x-same-as",
		"x-evidence", "x-principals", "x-faker", "x-secret", "x-changes", "x-refers-to", wantExtension,
	}
}

// checkExtensions refuses extensions that the dialect does not have.
func (d *document) checkExtensions() error {
	x := &extensions{document: d}
	x.checkKeys(d.root, nil, 0)
	return x.err()
}

// openAPI returns the document as JSON for kin-openapi, without the root's
// extensions.
func (d *document) openAPI() ([]byte, error) {
	members, err := d.pairs(d.root, 0)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, 0, 1<<18)
	buf = append(buf, '{')
	for _, p := range members {
		if strings.HasPrefix(p.key.Value, "x-") {
			continue
		}
		if len(buf) > 1 {
			buf = append(buf, ',')
		}
		buf = append(appendJSONString(buf, p.key.Value), ':')
		if buf, err = d.appendJSON(buf, p.value, 1); err != nil {
			return nil, err
		}
	}
	return append(buf, '}'), nil
}

// extensions reads the dialect's extensions and gathers every error.
type extensions struct {
	*document
	contract *Contract
	errs     []error
}

func (x *extensions) err() error { return errors.Join(x.errs...) }

// failf notes an error at a node; the path is where the node stands.
func (x *extensions) failf(n *yaml.Node, path []string, format string, args ...any) {
	if len(x.errs) < maxIssues {
		x.errs = append(x.errs, fmt.Errorf("%s: %s: %s", x.at(n), pointerOf(path...), fmt.Sprintf(format, args...)))
	}
}

// unknown notes a name that is none of the known ones.
func (x *extensions) unknown(n *yaml.Node, path []string, what, name string, known []string) {
	if near := nearest(name, known); near != "" {
		x.failf(n, path, "unknown %s %q (did you mean %q?)", what, name, near)
		return
	}
	sorted := slices.Sorted(slices.Values(known))
	if len(sorted) > 12 {
		sorted = append(sorted[:12], "…")
	}
	x.failf(n, path, "unknown %s %q; expected one of %s", what, name, strings.Join(sorted, ", "))
}

// within extends a path without sharing it.
func within(path []string, parts ...string) []string {
	return append(path[:len(path):len(path)], parts...)
}

// checkKeys finds extensions that the dialect does not have. It does not look
// where any key is allowed.
func (x *extensions) checkKeys(n *yaml.Node, path []string, depth int) {
	if n.Kind == yaml.SequenceNode {
		for i, item := range n.Content {
			if item.Kind != yaml.ScalarNode {
				x.checkKeys(item, within(path, strconv.Itoa(i)), depth+1)
			}
		}
		return
	}
	if n.Kind != yaml.MappingNode || depth > maxDocumentDepth {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if strings.HasPrefix(key.Value, "x-") {
			if known := knownExtensions(); !slices.Contains(known, key.Value) {
				x.unknown(key, path, "extension", key.Value, known)
			}
			if key.Value == wantExtension {
				x.text(value, within(path, key.Value))
				if child(n, "pattern") == nil && child(n, "format") == nil {
					x.failf(key, within(path, key.Value), "says what a pattern or a format wants, and there is neither")
				}
			}
			continue
		}
		if value.Kind == yaml.ScalarNode {
			continue
		}
		switch key.Value {
		case "example", "examples", "default", "enum", "const":
		case "properties", "headers", "schemas", "parameters", "securitySchemes", "responses", "requestBodies":
			x.checkNamed(value, within(path, key.Value), depth+1)
		default:
			x.checkKeys(value, within(path, key.Value), depth+1)
		}
	}
}

// checkNamed goes into a mapping whose keys are names.
func (x *extensions) checkNamed(n *yaml.Node, path []string, depth int) {
	if n.Kind != yaml.MappingNode {
		x.checkKeys(n, path, depth)
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		x.checkKeys(n.Content[i+1], within(path, n.Content[i].Value), depth+1)
	}
}

// fields returns the members of a mapping by key; a key that is not known is
// an error.
func (x *extensions) fields(n *yaml.Node, path []string, known ...string) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	for _, p := range x.members(n, path) {
		if !slices.Contains(known, p.key.Value) {
			x.unknown(p.key, path, "key", p.key.Value, known)
			continue
		}
		out[p.key.Value] = deref(p.value)
	}
	return out
}

// members returns the members of a mapping in order.
func (x *extensions) members(n *yaml.Node, path []string) []pair {
	n = deref(n)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		x.failf(n, path, "expected a mapping")
		return nil
	}
	members, err := x.pairs(n, 0)
	if err != nil {
		x.errs = append(x.errs, err)
	}
	return members
}

func (x *extensions) text(n *yaml.Node, path []string) string {
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		x.failf(n, path, "expected a text")
		return ""
	}
	return n.Value
}

func (x *extensions) integer(n *yaml.Node, path []string) int {
	if n == nil {
		return 0
	}
	v, ok := parseInteger(n.Value)
	if n.Kind != yaml.ScalarNode || !ok {
		x.failf(n, path, "expected an integer")
	}
	return int(v)
}

func (x *extensions) boolean(n *yaml.Node, path []string) bool {
	if n == nil {
		return false
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
		x.failf(n, path, "expected true or false")
	}
	return strings.EqualFold(n.Value, "true")
}

// texts reads a list of texts; with known, each must be one of them.
func (x *extensions) texts(n *yaml.Node, path []string, what string, known []string) []string {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		x.failf(n, path, "expected a list")
		return nil
	}
	var out []string
	for i, item := range n.Content {
		at := within(path, strconv.Itoa(i))
		text := x.text(deref(item), at)
		if known != nil && !slices.Contains(known, text) {
			x.unknown(item, at, what, text, known)
		}
		if slices.Contains(out, text) {
			x.failf(item, at, "%s %q stands twice", what, text)
		}
		out = append(out, text)
	}
	return out
}

// evidence reads x-evidence.
func (x *extensions) evidence(n *yaml.Node, path []string) Evidence {
	if n == nil {
		return Evidence{}
	}
	path = within(path, "x-evidence")
	f := x.fields(n, path, "grade", "source")
	e := Evidence{
		Grade:  x.text(f["grade"], within(path, "grade")),
		Source: x.text(f["source"], within(path, "source")),
	}
	if grades := []string{"documented", "observed", "assumed"}; !slices.Contains(grades, e.Grade) {
		x.unknown(n, path, "grade", e.Grade, grades)
	}
	return e
}

// constants reads members with constant values, in order.
func (x *extensions) constants(n *yaml.Node, path []string) []Member {
	var out []Member
	for _, p := range x.members(n, path) {
		value, err := x.json(p.value)
		if err != nil {
			x.errs = append(x.errs, err)
			continue
		}
		out = append(out, Member{Name: p.key.Value, Value: value})
	}
	return out
}

// parseExtensions reads everything of the dialect.
func (c *Contract) parseExtensions(d *document) error {
	x := &extensions{document: d, contract: c}
	x.errors(child(d.root, "x-errors"))
	x.envelopes(child(d.root, "x-envelopes"))
	x.events(child(d.root, "x-events"))
	x.operations(child(d.root, "paths"))
	x.lifecycles(child(d.root, "x-lifecycle"))
	return x.err()
}

// errorNames returns the names of the catalogue.
func (c *Contract) errorNames() []string {
	names := make([]string, 0, len(c.errors))
	for _, e := range c.errors {
		names = append(names, e.Name)
	}
	return names
}

func (x *extensions) errors(n *yaml.Node) {
	c := x.contract
	c.errorIndex = map[string]int{}
	root := []string{"x-errors"}
	for _, p := range x.members(n, root) {
		path := within(root, p.key.Value)
		f := x.fields(p.value, path, "status", "headers", "body", "detail", "x-evidence")
		e := ErrorDef{
			Name: p.key.Value, Status: 200,
			Body:     x.constants(f["body"], within(path, "body")),
			Detail:   x.text(f["detail"], within(path, "detail")),
			Evidence: x.evidence(f["x-evidence"], path),
		}
		if f["status"] != nil {
			if e.Status = x.integer(f["status"], within(path, "status")); e.Status < 100 || e.Status > 599 {
				x.failf(f["status"], within(path, "status"), "expected an HTTP status")
			}
		}
		for _, h := range x.members(f["headers"], within(path, "headers")) {
			if e.Header == nil {
				e.Header = map[string]string{}
			}
			e.Header[h.key.Value] = x.text(deref(h.value), within(path, "headers", h.key.Value))
		}
		at := slices.IndexFunc(e.Body, func(m Member) bool { return m.Name == e.Detail })
		if e.Detail != "" && (at < 0 || e.Body[at].Value[0] != '"') {
			x.failf(f["detail"], within(path, "detail"), "%q is no text of the body", e.Detail)
		}
		c.errorIndex[e.Name] = len(c.errors)
		c.errors = append(c.errors, e)
	}
}

func (x *extensions) envelopes(n *yaml.Node) {
	c := x.contract
	c.envelopes = map[string]*Envelope{}
	root := []string{"x-envelopes"}
	for _, p := range x.members(n, root) {
		path := within(root, p.key.Value)
		f := x.fields(p.value, path, "success", "data", "refusals")
		e := &Envelope{
			Name:     p.key.Value,
			Success:  x.constants(f["success"], within(path, "success")),
			Data:     x.text(f["data"], within(path, "data")),
			Refusals: map[string]string{},
		}
		for _, r := range x.members(f["refusals"], within(path, "refusals")) {
			at := within(path, "refusals", r.key.Value)
			if !slices.Contains(stages(), r.key.Value) {
				x.unknown(r.key, at, "stage", r.key.Value, stages())
				continue
			}
			name := x.text(deref(r.value), at)
			if _, ok := c.errorIndex[name]; !ok {
				x.unknown(r.value, at, "error", name, c.errorNames())
			}
			e.Refusals[r.key.Value] = name
		}
		c.envelopes[e.Name] = e
	}
}

// operations reads the extensions of the operations, with their positions.
func (x *extensions) operations(paths *yaml.Node) {
	c := x.contract
	items := map[string]*yaml.Node{}
	for _, p := range x.members(paths, []string{"paths"}) {
		items[p.key.Value] = deref(p.value)
	}
	envelopes := make([]string, 0, len(c.envelopes))
	for name := range c.envelopes {
		envelopes = append(envelopes, name)
	}
	ids := make([]string, 0, len(c.operations))
	for _, o := range c.operations {
		ids = append(ids, o.ID)
	}
	errorNames := c.errorNames()
	for _, o := range c.operations {
		method := strings.ToLower(o.Method)
		path := []string{"paths", o.Path, method}
		n := child(items[o.Path], method)
		if n == nil {
			continue
		}
		if v := child(n, "x-envelope"); v != nil {
			o.Envelope = x.text(v, within(path, "x-envelope"))
			if c.envelopes[o.Envelope] == nil {
				x.unknown(v, within(path, "x-envelope"), "envelope", o.Envelope, envelopes)
			}
		}
		if v := child(n, "x-same-as"); v != nil {
			at := within(path, "x-same-as")
			o.SameAs = x.text(v, at)
			other := c.byID[o.SameAs]
			switch {
			case other == nil:
				x.unknown(v, at, "operation", o.SameAs, ids)
			case other == o || other.doc.Extensions["x-same-as"] != nil:
				x.failf(v, at, "%q is not a call of its own", o.SameAs)
			}
		}
		x.texts(child(n, "x-parameters-in"), within(path, "x-parameters-in"), "location", []string{"path", "query", "body"})
		o.Errors = x.texts(child(n, "x-errors"), within(path, "x-errors"), "error", errorNames)
		o.Evidence = x.evidence(child(n, "x-evidence"), path)
		o.Changes = x.boolean(child(n, "x-changes"), within(path, "x-changes"))
		if v := child(n, "x-principals"); v != nil {
			o.Principals = x.texts(v, within(path, "x-principals"), "principal", nil)
		}
	}
}
