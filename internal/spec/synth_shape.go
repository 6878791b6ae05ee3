package spec

import (
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// shape is a schema with its allOf merged in and one alternative of each oneOf
// and anyOf chosen.
type shape struct {
	*openapi3.Schema
	whole    *openapi3.Schema  // the schema as it is written
	patterns []string          // patterns beyond the one of Schema
	names    map[string]string // the discriminators' properties and their values
}

// named sets the discriminators of an object and reports whether it is valid
// with them, or else as it was.
func (m *maker) named(sh *shape, v any) (any, bool) {
	if object, ok := v.(map[string]any); ok && len(sh.names) > 0 {
		with := maps.Clone(object)
		for property, name := range sh.names {
			with[property] = name
		}
		if m.fits(sh.whole, with) {
			return with, true
		}
	}
	return v, m.fits(sh.whole, v)
}

// flattener merges the schemas that apply to one value.
type flattener struct {
	m    *maker
	sh   *shape
	pick int // which combination of alternatives
	ways int // how many there are
	seen []*openapi3.Schema
}

// flatten merges what applies to one value. pick chooses among the
// combinations of alternatives; ways is how many there are.
func (m *maker) flatten(ref *openapi3.SchemaRef, pick int) (sh *shape, ways int) {
	s := ref.Value
	if len(s.AllOf)+len(s.OneOf)+len(s.AnyOf) == 0 {
		sh := &shape{Schema: s, whole: s}
		sh.nameSelf(s, ref.Ref)
		return sh, 1
	}
	own := *s
	own.AllOf, own.OneOf, own.AnyOf = nil, nil, nil
	f := flattener{m: m, sh: &shape{Schema: &own, whole: s}, pick: pick, ways: 1}
	f.seen = append(f.seen, s)
	f.sh.nameSelf(s, ref.Ref)
	f.branch(s)
	return f.sh, f.ways
}

// branch merges the subschemas of s, which is merged already.
func (f *flattener) branch(s *openapi3.Schema) {
	for _, ref := range s.AllOf {
		f.add(ref)
	}
	for _, refs := range []openapi3.SchemaRefs{s.OneOf, s.AnyOf} {
		if len(refs) == 0 || slices.ContainsFunc(refs, f.has) {
			continue
		}
		ref := refs[f.pick%len(refs)]
		f.pick /= len(refs)
		f.ways *= len(refs)
		if d := s.Discriminator; d != nil && ref.Ref != "" {
			f.sh.name(d.PropertyName, discriminatorValue(d, ref.Ref))
		}
		f.add(ref)
	}
}

// has reports whether a subschema is merged already: a base that lists its
// children as alternatives is reached from a child that way.
func (f *flattener) has(ref *openapi3.SchemaRef) bool { return slices.Contains(f.seen, ref.Value) }

// add merges a subschema and its own subschemas.
func (f *flattener) add(ref *openapi3.SchemaRef) {
	s := ref.Value
	if s == nil || f.has(ref) {
		return
	}
	f.seen = append(f.seen, s)
	f.merge(s)
	f.branch(s)
}

// nameSelf sets the discriminator of a schema that is used by itself: the
// name that its own reference is mapped to.
func (sh *shape) nameSelf(s *openapi3.Schema, ref string) {
	d := s.Discriminator
	if d == nil || ref == "" || len(s.OneOf)+len(s.AnyOf) > 0 {
		return
	}
	sh.name(d.PropertyName, discriminatorValue(d, ref))
}

// name notes the value of a discriminator; the first one stands.
func (sh *shape) name(property, value string) {
	if _, ok := sh.names[property]; ok || property == "" {
		return
	}
	if sh.names == nil {
		sh.names = make(map[string]string, 1)
	}
	sh.names[property] = value
}

// discriminatorValue is the name by which a discriminator knows a reference.
func discriminatorValue(d *openapi3.Discriminator, ref string) string {
	last := ref[strings.LastIndexByte(ref, '/')+1:]
	for _, name := range slices.Sorted(maps.Keys(d.Mapping)) {
		if target := d.Mapping[name].Ref; target == ref || target == last {
			return name
		}
	}
	return last
}

// merge narrows the shape to what s admits too; the subschemas of s are left
// out.
func (f *flattener) merge(s *openapi3.Schema) {
	d := f.sh.Schema
	d.Type = meetTypes(d.Type, s.Type)
	d.Format = firstText(d.Format, s.Format)
	d.Title = firstText(d.Title, s.Title)
	d.Description = firstText(d.Description, s.Description)
	d.Nullable = d.Nullable && s.Nullable
	d.Not = firstRef(d.Not, s.Not)
	if d.Example == nil && len(d.Properties) == 0 {
		d.Example = s.Example
	} else if len(s.Properties) > 0 && f.sh.whole.Example == nil {
		d.Example = nil // an example of one part of an object is not one of the whole
	}
	if d.Default == nil {
		d.Default = s.Default
	}
	if d.Const == nil {
		d.Const = s.Const
	}
	if hint := fakerHint(s); hint != "" && fakerHint(d) == "" {
		d.Extensions = s.Extensions
	}
	if len(d.Enum) == 0 {
		d.Enum = s.Enum
	} else if len(s.Enum) > 0 {
		d.Enum = slices.DeleteFunc(slices.Clone(d.Enum), func(v any) bool { return !slices.Contains(jsonTexts(s.Enum), jsonText(v)) })
	}
	f.mergeBounds(s)
	f.mergeObject(s)
	d.Items = f.m.both(d.Items, s.Items)
}

// mergeBounds narrows the bounds of numbers, texts and sizes.
func (f *flattener) mergeBounds(s *openapi3.Schema) {
	d := f.sh.Schema
	if s.Min != nil && (d.Min == nil || *s.Min >= *d.Min) {
		d.Min = s.Min
		d.ExclusiveMin = s.ExclusiveMin
	}
	if s.Max != nil && (d.Max == nil || *s.Max <= *d.Max) {
		d.Max = s.Max
		d.ExclusiveMax = s.ExclusiveMax
	}
	if d.ExclusiveMin.Value == nil {
		d.ExclusiveMin.Value = s.ExclusiveMin.Value
	}
	if d.ExclusiveMax.Value == nil {
		d.ExclusiveMax.Value = s.ExclusiveMax.Value
	}
	if s.MultipleOf != nil && (d.MultipleOf == nil || *s.MultipleOf > *d.MultipleOf) {
		d.MultipleOf = s.MultipleOf
	}
	if d.Pattern == "" {
		d.Pattern = s.Pattern
	} else if s.Pattern != "" && s.Pattern != d.Pattern {
		f.sh.patterns = append(f.sh.patterns, s.Pattern)
	}
	d.MinLength = max(d.MinLength, s.MinLength)
	d.MaxLength = least(d.MaxLength, s.MaxLength)
	d.MinItems = max(d.MinItems, s.MinItems)
	d.MaxItems = least(d.MaxItems, s.MaxItems)
	d.UniqueItems = d.UniqueItems || s.UniqueItems
	d.MinProps = max(d.MinProps, s.MinProps)
	d.MaxProps = least(d.MaxProps, s.MaxProps)
}

// mergeObject merges properties: those of one side keep to what the other
// says of further properties.
func (f *flattener) mergeObject(s *openapi3.Schema) {
	d := f.sh.Schema
	if len(s.Required) > 0 {
		d.Required = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(d.Required), s.Required...))))
	}
	if len(s.Properties) > 0 || d.AdditionalProperties != s.AdditionalProperties && len(d.Properties) > 0 {
		all := make(openapi3.Schemas, len(d.Properties)+len(s.Properties))
		for _, side := range []openapi3.Schemas{d.Properties, s.Properties} {
			for name := range side {
				mine, ok := memberSchema(d, name)
				theirs, too := memberSchema(s, name)
				if ok && too {
					all[name] = f.m.both(mine, theirs)
				}
			}
		}
		d.Properties = all
	}
	dx, sx := d.AdditionalProperties, s.AdditionalProperties
	if forbids(dx) || forbids(sx) {
		no := false
		d.AdditionalProperties = openapi3.AdditionalProperties{Has: &no}
	} else if both := f.m.both(dx.Schema, sx.Schema); both != nil {
		d.AdditionalProperties = openapi3.AdditionalProperties{Schema: both}
	}
}

// memberSchema is what an object's schema says of a member: its schema, or nil
// where anything goes, and whether it may be there at all.
func memberSchema(s *openapi3.Schema, name string) (*openapi3.SchemaRef, bool) {
	if ref := s.Properties[name]; ref != nil {
		return ref, true
	}
	return s.AdditionalProperties.Schema, !forbids(s.AdditionalProperties)
}

// forbids reports whether properties that are not listed are forbidden.
func forbids(x openapi3.AdditionalProperties) bool { return x.Has != nil && !*x.Has }

// both is a schema that holds where a and b hold. It is the same for the same
// pair, so that recursion through it is noticed.
func (m *maker) both(a, b *openapi3.SchemaRef) *openapi3.SchemaRef {
	if a == nil || b == nil || a.Value == b.Value {
		return firstRef(a, b)
	}
	key := [2]*openapi3.Schema{a.Value, b.Value}
	if m.merged == nil {
		m.merged = make(map[[2]*openapi3.Schema]*openapi3.Schema)
	}
	if m.merged[key] == nil {
		m.merged[key] = &openapi3.Schema{AllOf: openapi3.SchemaRefs{a, b}, Nullable: a.Value.Nullable && b.Value.Nullable}
	}
	return &openapi3.SchemaRef{Value: m.merged[key]}
}

func firstRef(a, b *openapi3.SchemaRef) *openapi3.SchemaRef {
	if a != nil {
		return a
	}
	return b
}

func firstText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// least is the smaller of two limits, of which nil is none.
func least(a, b *uint64) *uint64 {
	if a == nil || b != nil && *b < *a {
		return b
	}
	return a
}

// meetTypes are the types that both sides admit; an integer is a number.
func meetTypes(a, b *openapi3.Types) *openapi3.Types {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	var meet openapi3.Types
	for _, t := range a.Slice() {
		switch {
		case slices.Contains(b.Slice(), t):
			meet = append(meet, t)
		case t == openapi3.TypeNumber && slices.Contains(b.Slice(), openapi3.TypeInteger):
			meet = append(meet, openapi3.TypeInteger)
		case t == openapi3.TypeInteger && slices.Contains(b.Slice(), openapi3.TypeNumber):
			meet = append(meet, openapi3.TypeInteger)
		}
	}
	if len(meet) == 0 {
		return a
	}
	return &meet
}
