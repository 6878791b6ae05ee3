package spec

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v4"
)

// event is something the platform sends, with its schema.
type event struct {
	def    EventDef
	schema *openapi3.SchemaRef
}

func (x *extensions) events(n *yaml.Node) {
	c := x.contract
	c.events = map[string]*event{}
	root := []string{"x-events"}
	for _, p := range x.members(n, root) {
		path := within(root, p.key.Value)
		f := x.fields(p.value, path, "channel", "code", "title", "schema", "x-evidence")
		e := &event{def: EventDef{
			Name: p.key.Value, Channel: x.text(f["channel"], within(path, "channel")),
			Code: x.integer(f["code"], within(path, "code")), Title: x.text(f["title"], within(path, "title")),
			Evidence: x.evidence(f["x-evidence"], path),
		}}
		if channels := []string{"push", "kafka", "notify"}; !slices.Contains(channels, e.def.Channel) {
			x.unknown(p.value, within(path, "channel"), "channel", e.def.Channel, channels)
		}
		if f["schema"] == nil {
			x.failf(p.value, path, "expected a schema")
		} else {
			e.schema = x.schema(f["schema"], within(path, "schema"), e.def.Name)
		}
		c.events[e.def.Name] = e
		c.eventNames = append(c.eventNames, e.def.Name)
	}
}

// schema reads a schema of an extension, by reference or in place.
func (x *extensions) schema(n *yaml.Node, path []string, name string) *openapi3.SchemaRef {
	doc := x.contract.doc
	if doc.Components == nil {
		doc.Components = &openapi3.Components{}
	}
	if ref := child(n, "$ref"); ref != nil {
		target, ok := strings.CutPrefix(ref.Value, "#/components/schemas/")
		if !ok || doc.Components.Schemas[target] == nil {
			names := make([]string, 0, len(doc.Components.Schemas))
			for name := range doc.Components.Schemas {
				names = append(names, name)
			}
			x.unknown(ref, path, "schema", target, names)
			return nil
		}
		return doc.Components.Schemas[target]
	}
	data, err := x.json(n)
	ref := &openapi3.SchemaRef{}
	if err == nil {
		err = json.Unmarshal(data, ref)
	}
	if err == nil {
		if doc.Components.Schemas == nil {
			doc.Components.Schemas = openapi3.Schemas{}
		}
		doc.Components.Schemas["event."+name] = ref
		err = openapi3.NewLoader().ResolveRefsIn(doc, nil)
	}
	if err == nil {
		err = ref.Validate(context.Background())
	}
	if err != nil {
		x.failf(n, path, "%v", firstLine(err))
		return nil
	}
	return ref
}

// Event returns the definition of something the platform sends.
func (c *Contract) Event(name string) (EventDef, bool) {
	e, ok := c.events[name]
	if !ok {
		return EventDef{}, false
	}
	return e.def, true
}

// Events returns the definitions of all events in the order of the document.
func (c *Contract) Events() []EventDef {
	out := make([]EventDef, 0, len(c.eventNames))
	for _, name := range c.eventNames {
		out = append(out, c.events[name].def)
	}
	return out
}

// CheckEvent judges the payload of an event by its schema.
func (c *Contract) CheckEvent(name string, payload []byte) error {
	e, ok := c.events[name]
	if !ok {
		return fmt.Errorf("event %s: not in the contract", name)
	}
	value, err := decodeJSON(payload)
	if err != nil {
		return fmt.Errorf("event %s: %w", name, &InvalidError{Issues: []Issue{{Rule: RuleMalformed, Want: wantJSON}}})
	}
	if err := e.schema.Value.VisitJSON(value, c.visit(openapi3.VisitAsResponse())...); err != nil {
		return fmt.Errorf("event %s: %w", name, invalid(issuesOf(err, "")))
	}
	return nil
}
