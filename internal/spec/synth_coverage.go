package spec

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// coverage compares Go types with schemas.
type coverage struct {
	m    *maker // merges schemas; generates nothing
	seen map[covered]bool
}

// covered is a comparison that is under way or done.
type covered struct {
	t reflect.Type
	s *openapi3.Schema
}

// lacks reports whether values of a type may leave out a property that the
// schema requires, at any depth. A field that is omitted when empty may be
// left out, and so may anything in a map, an interface or a type that encodes
// itself.
func (c *coverage) lacks(t reflect.Type, ref *openapi3.SchemaRef) bool {
	if ref == nil || ref.Value == nil {
		return false
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	key := covered{t, ref.Value}
	if c.seen[key] {
		return false // decided where it was met first
	}
	c.seen[key] = true
	if encodesItself(t) {
		return c.requires(ref)
	}
	switch t.Kind() {
	case reflect.Interface, reflect.Map:
		return c.requires(ref)
	case reflect.Slice, reflect.Array:
		return c.someWay(ref, func(s *openapi3.Schema) bool { return c.lacks(t.Elem(), s.Items) })
	case reflect.Struct:
		fields := jsonFields(t)
		return c.someWay(ref, func(s *openapi3.Schema) bool { return c.structLacks(fields, s) })
	}
	return false
}

// someWay reports whether no alternative of the schema is free of a lack.
func (c *coverage) someWay(ref *openapi3.SchemaRef, lacks func(*openapi3.Schema) bool) bool {
	sh, ways := c.m.flatten(ref, 0)
	for pick := 0; ; sh, _ = c.m.flatten(ref, pick) {
		if !lacks(sh.Schema) {
			return false
		}
		if pick++; pick >= min(ways, partTries) {
			return true
		}
	}
}

// structLacks compares the fields of a struct with an object's schema.
func (c *coverage) structLacks(fields map[string]jsonField, s *openapi3.Schema) bool {
	for _, name := range s.Required {
		field, ok := fields[name]
		if isWriteOnly(s.Properties[name]) {
			continue
		}
		if !ok || field.omitted {
			return true
		}
	}
	for name, field := range fields {
		if ref, _ := memberSchema(s, name); ref != nil && c.lacks(field.t, ref) {
			return true
		}
	}
	return false
}

// requires reports whether a schema requires any property, at any depth.
func (c *coverage) requires(ref *openapi3.SchemaRef) bool {
	if ref == nil || ref.Value == nil {
		return false
	}
	key := covered{nil, ref.Value}
	if c.seen[key] {
		return false
	}
	c.seen[key] = true
	s := ref.Value
	if len(s.Required) > 0 || c.requires(s.Items) || c.requires(s.AdditionalProperties.Schema) {
		return true
	}
	for _, refs := range []openapi3.SchemaRefs{s.AllOf, s.OneOf, s.AnyOf} {
		if slices.ContainsFunc(refs, c.requires) {
			return true
		}
	}
	for _, p := range s.Properties {
		if c.requires(p) {
			return true
		}
	}
	return false
}

// encodesItself reports whether a type writes its own JSON.
func encodesItself(t reflect.Type) bool {
	for _, i := range []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()} {
		if t.Implements(i) || reflect.PointerTo(t).Implements(i) {
			return true
		}
	}
	return false
}

// jsonField is a member that a struct is encoded with.
type jsonField struct {
	t       reflect.Type
	omitted bool // when it is empty
}

// jsonFields are the members that a struct is encoded with, by name.
func jsonFields(t reflect.Type) map[string]jsonField {
	out := make(map[string]jsonField)
	for _, f := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		inlined := f.Anonymous && name == ""
		if !f.IsExported() || inlined || name == "-" && options == "" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		flags := strings.Split(options, ",")
		out[name] = jsonField{f.Type, slices.Contains(flags, "omitempty") || slices.Contains(flags, "omitzero")}
	}
	return out
}
