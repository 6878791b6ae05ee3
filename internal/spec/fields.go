package spec

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// A Field is one parameter of an operation as its schema describes it, for
// those who make requests rather than judge them. What a schema is composed of
// (allOf, oneOf, anyOf) is not described; Validate is what counts.
type Field struct {
	Name string
	// Pointer says where the schema stands in the document, as a JSON pointer.
	Pointer string
	// Required says that a request without it is invalid.
	Required bool
	// Type is integer, number, string, boolean, array or object; "" for more
	// than one.
	Type, Format, Pattern string
	// Enum holds the JSON of the values allowed; nil allows all.
	Enum []json.RawMessage
	// MinLength and MaxLength count characters; 0 and nil set no bound.
	MinLength uint64
	MaxLength *uint64
	// Minimum and Maximum are the bounds of a number, themselves allowed
	// unless they are exclusive; nil sets none.
	Minimum, Maximum *float64
	// Example is the JSON of the example; nil when there is none.
	Example json.RawMessage
	// Faker is the kind of value that x-faker names; "" for none.
	Faker string
	// RefersTo is what x-refers-to says a value names or follows from; "" for
	// values of their own.
	RefersTo string
	// Secret says that the value is marked x-secret.
	Secret   bool
	Evidence Evidence
}

// Fields describes the parameters of the operation but for its access token,
// sorted by name.
func (o *Operation) Fields() []Field {
	o.fieldsOnce.Do(func() { o.fields = o.describe() })
	return slices.Clone(o.fields)
}

// Field returns the parameter of that name as Fields has it.
func (o *Operation) Field(name string) (Field, bool) {
	o.fieldsOnce.Do(func() { o.fields = o.describe() })
	i := slices.IndexFunc(o.fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return o.fields[i], true
}

// describe makes the fields.
func (o *Operation) describe() []Field {
	plan := o.plan()
	required := map[string]bool{}
	for _, s := range append([]*openapi3.Schema{plan.schema}, parts(plan.schema.AllOf)...) {
		for _, name := range s.Required {
			required[name] = true
		}
	}
	out := make([]Field, 0, len(plan.props))
	for i := range plan.props {
		name := plan.props[i].name
		if name == o.TokenParam {
			continue
		}
		f := o.field(name, plan.props[i].ref)
		f.Required = required[name]
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b Field) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out
}

// parts are the schemas that refs refer to.
func parts(refs openapi3.SchemaRefs) []*openapi3.Schema {
	var out []*openapi3.Schema
	for _, ref := range refs {
		if ref != nil && ref.Value != nil {
			out = append(out, ref.Value)
		}
	}
	return out
}

func (o *Operation) field(name string, ref *openapi3.SchemaRef) Field {
	f := Field{Name: name, Pointer: o.Pointer(), Secret: o.Secret(name), Evidence: o.Evidence}
	if ref == nil || ref.Value == nil {
		return f
	}
	if ref.Ref != "" {
		f.Pointer = ref.Ref
	}
	s := ref.Value
	if types := s.Type.Slice(); len(types) == 1 {
		f.Type = types[0]
	}
	f.Format, f.Pattern = s.Format, s.Pattern
	f.MinLength, f.MaxLength, f.Minimum, f.Maximum = s.MinLength, s.MaxLength, s.Min, s.Max
	for _, v := range s.Enum {
		if data, err := json.Marshal(v); err == nil {
			f.Enum = append(f.Enum, data)
		}
	}
	if s.Example != nil {
		if data, err := json.Marshal(s.Example); err == nil {
			f.Example = data
		}
	}
	f.Faker, _ = s.Extensions[fakerExtension].(string)
	f.RefersTo, _ = s.Extensions["x-refers-to"].(string)
	if e, ok := s.Extensions["x-evidence"].(map[string]any); ok {
		f.Evidence.Grade, _ = e["grade"].(string)
		f.Evidence.Source, _ = e["source"].(string)
	}
	return f
}

// Tags are the names that the document groups the operation under.
func (o *Operation) Tags() []string { return slices.Clone(o.doc.Tags) }

// Pointer says where the operation stands in its document, as a JSON pointer.
func (o *Operation) Pointer() string {
	return "#" + pointerOf("paths", o.Path, lowerMethod(o.Method))
}

func lowerMethod(method string) string {
	b := []byte(method)
	for i := range b {
		b[i] |= 0x20
	}
	return string(b)
}

// Takes reports which bodies the operation reads: forms and JSON.
func (o *Operation) Takes() (form, jsonBody bool) {
	if o.in&readsBody == 0 {
		return false, false
	}
	plan := o.plan()
	return plan.form, plan.json
}

// AnswerSecrets returns the names of what the operation's answers hold that is
// marked x-secret, sorted; an operation that issues credentials has some.
func (o *Operation) AnswerSecrets() []string {
	found := map[string]struct{}{}
	w := &schemaWalk{seen: map[*openapi3.Schema]struct{}{}}
	w.property = func(name string, ref *openapi3.SchemaRef) {
		if ref == nil {
			return
		}
		inPlace, _ := ref.Extensions["x-secret"].(bool)
		if ref.Value != nil && !inPlace {
			inPlace, _ = ref.Value.Extensions["x-secret"].(bool)
		}
		if inPlace {
			found[name] = struct{}{}
		}
	}
	if o.doc.Responses != nil {
		for _, ref := range o.doc.Responses.Map() {
			if ref != nil && ref.Value != nil {
				w.content(ref.Value.Content)
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Statuses returns the statuses that the operation declares answers for, as
// the document spells them, sorted: "200", "4XX", "default".
func (o *Operation) Statuses() []string {
	if o.doc.Responses == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(o.doc.Responses.Map()))
}
