package spec

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
)

// A Property is one value of an answer or of an event's payload as its schema
// describes it, for those who look at every member or break one on purpose.
type Property struct {
	// Branch names the alternatives (oneOf, anyOf) that the property stands
	// in, from the outside in and joined by a slash; "" where there are none.
	Branch string
	// Pointer is the JSON pointer of the value, array positions as *; "" is
	// the whole.
	Pointer string
	// Type is integer, number, string, boolean, array or object; "" for more
	// than one.
	Type, Format, Pattern string
	// Enum holds the JSON of the values allowed; nil allows all.
	Enum []json.RawMessage
	// Minimum and Maximum are the bounds of a number; nil sets none.
	Minimum, Maximum *float64
	// Required says that the object around it must have it, Nullable that it
	// may be null.
	Required, Nullable bool
	// Closed says of an object that it has no members but those described.
	Closed bool
}

// AnswerProperties describes the JSON answers of a status: each value with
// those around it before it, members in order of name. It is nil where the
// operation declares no such status, or no JSON for it.
func (o *Operation) AnswerProperties(status int) []Property {
	response := o.response(status)
	if response == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(response.Content)) {
		if media := response.Content[name]; isJSONType(name) && media != nil {
			w := &propertyWalk{}
			w.value(media.Schema, Property{Required: true}, 0)
			return w.out
		}
	}
	return nil
}

// EventProperties describes the payload of an event like AnswerProperties; nil
// for an event that the contract does not have.
func (c *Contract) EventProperties(name string) []Property {
	e, ok := c.events[name]
	if !ok {
		return nil
	}
	w := &propertyWalk{}
	w.value(e.schema, Property{Required: true}, 0)
	return w.out
}

// maxNested bounds how deep schemas are followed, for those that hold
// themselves.
const maxNested = 16

// propertyWalk collects properties.
type propertyWalk struct{ out []Property }

// value describes a value at a place; p has the place filled in.
func (w *propertyWalk) value(ref *openapi3.SchemaRef, p Property, depth int) {
	if ref == nil || ref.Value == nil || depth > maxNested {
		return
	}
	s := ref.Value
	if alternatives := slices.Concat(s.OneOf, s.AnyOf); len(alternatives) > 0 {
		for i, one := range alternatives {
			name := strconv.Itoa(i)
			if one != nil && one.Ref != "" {
				name = path.Base(one.Ref)
			}
			in := p
			in.Branch = path.Join(p.Branch, name)
			w.value(one, in, depth+1)
		}
		return
	}
	if types := s.Type.Slice(); len(types) == 1 {
		p.Type = types[0]
	}
	p.Format, p.Pattern, p.Minimum, p.Maximum, p.Nullable = s.Format, s.Pattern, s.Min, s.Max, s.Nullable
	for _, v := range s.Enum {
		if data, err := json.Marshal(v); err == nil {
			p.Enum = append(p.Enum, data)
		}
	}
	p.Closed = s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has
	w.out = append(w.out, p)
	required, members := slices.Clone(s.Required), maps.Clone(s.Properties)
	for _, part := range parts(s.AllOf) {
		required = append(required, part.Required...)
		if members == nil {
			members = openapi3.Schemas{}
		}
		maps.Copy(members, part.Properties)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		w.value(members[name], Property{
			Branch: p.Branch, Pointer: p.Pointer + pointerOf(name), Required: slices.Contains(required, name),
		}, depth+1)
	}
	w.value(s.Items, Property{Branch: p.Branch, Pointer: p.Pointer + "/*", Required: true}, depth+1)
}
