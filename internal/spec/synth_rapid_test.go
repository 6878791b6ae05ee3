package spec

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"
)

// TestGeneratedValuesAreValid generates random schemas that admit a value and
// judges what is synthesised for them by kin-openapi, after it went through
// JSON.
func TestGeneratedValuesAreValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ref := drawSchema(t, 0)
		r := synthRequest{seed: rapid.Uint64().Draw(t, "seed"), now: synthNow(), dynamic: rapid.Bool().Draw(t, "dynamic")}
		schema, _ := ref.Value.MarshalJSON()
		v, err := r.generate(ref, "value")
		if err != nil {
			t.Fatalf("no value for %s: %v", schema, err)
		}
		body, err := encodeJSON(v)
		if err != nil {
			t.Fatal(err)
		}
		decoded, err := decodeJSON(body)
		if err != nil {
			t.Fatalf("%s is no JSON: %v", body, err)
		}
		if err := ref.Value.VisitJSON(decoded, openapi3.VisitAsResponse()); err != nil {
			t.Fatalf("%s is not valid for %s: %v", body, schema, err)
		}
		again, err := r.generate(ref, "value")
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := encodeJSON(again); !bytes.Equal(b, body) {
			t.Fatalf("the same seed gave %s and %s", body, b)
		}
	})
}

// drawSchema draws a schema that admits a value.
func drawSchema(t *rapid.T, depth int) *openapi3.SchemaRef {
	kinds := []string{"string", "pattern", "format", "integer", "number", "boolean", "enum", "any"}
	if depth < 3 {
		kinds = append(kinds, "array", "object", "map", "allOf", "oneOf", "anyOf", "tree")
	}
	var s *openapi3.Schema
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case "string":
		s = drawLengths(t, openapi3.NewStringSchema(), 0, 40)
	case "pattern":
		s = openapi3.NewStringSchema().WithPattern(rapid.SampledFrom([]string{
			`^[a-z0-9_-]+$`, `^\d{4}-\d{2}$`, `^(foo|bar)+baz?$`, `[A-Z]{2}`, `^[^@\s]+@[a-z]+\.cn$`, `^\p{Han}+$`, `^1[3-9]\d{9}$`, `^\w*$`,
		}).Draw(t, "pattern"))
		if s.Pattern == `^[a-z0-9_-]+$` || s.Pattern == `^\w*$` || s.Pattern == `[A-Z]{2}` {
			s = drawLengths(t, s, 2, 60)
		}
	case "format":
		s = openapi3.NewStringSchema().WithFormat(rapid.SampledFrom([]string{
			"date", "date-time", "email", "uuid", "uri", "hostname", "ipv4", "ipv6", "byte", "binary", "password", "odd",
		}).Draw(t, "format"))
	case "integer":
		s = drawNumber(t, openapi3.NewIntegerSchema(), true)
	case "number":
		s = drawNumber(t, openapi3.NewFloat64Schema(), false)
	case "boolean":
		s = openapi3.NewBoolSchema()
	case "enum":
		s = openapi3.NewStringSchema().WithEnum("a", "b", "c")
	case "any":
		s = openapi3.NewSchema()
	case "array":
		s = drawArray(t, depth)
	case "object":
		s = drawObject(t, depth, "p")
	case "map":
		s = openapi3.NewObjectSchema().WithMinProperties(int64(rapid.IntRange(0, 4).Draw(t, "minProperties")))
		s.AdditionalProperties = openapi3.AdditionalProperties{Schema: drawSchema(t, depth+1)}
	case "allOf":
		s = &openapi3.Schema{AllOf: openapi3.SchemaRefs{drawObject(t, depth, "p").NewRef(), drawObject(t, depth, "q").NewRef()}}
		for _, part := range s.AllOf { // a limit on one side may forbid what the other requires
			part.Value.AdditionalProperties, part.Value.MaxProps = openapi3.AdditionalProperties{}, nil
		}
	case "oneOf":
		s = &openapi3.Schema{OneOf: drawAlternatives(t, depth)}
		s.Discriminator = &openapi3.Discriminator{PropertyName: "kind"}
	case "anyOf":
		s = &openapi3.Schema{AnyOf: openapi3.SchemaRefs{drawSchema(t, depth+1), drawSchema(t, depth+1)}}
	case "tree":
		s = drawTree(t, depth)
	}
	s.Nullable = rapid.Bool().Draw(t, "nullable")
	return s.NewRef()
}

func drawLengths(t *rapid.T, s *openapi3.Schema, low, high int) *openapi3.Schema {
	least := rapid.IntRange(low, high).Draw(t, "minLength")
	s.MinLength = uint64(least)
	if rapid.Bool().Draw(t, "bounded") {
		s = s.WithMaxLength(int64(rapid.IntRange(least, high+5).Draw(t, "maxLength")))
	}
	return s
}

func drawNumber(t *rapid.T, s *openapi3.Schema, whole bool) *openapi3.Schema {
	low := rapid.IntRange(-1000, 1000).Draw(t, "minimum")
	width := rapid.IntRange(2, 3000).Draw(t, "width")
	if rapid.Bool().Draw(t, "low") {
		s = s.WithMin(float64(low)).WithExclusiveMin(rapid.Bool().Draw(t, "exclusiveMinimum"))
	}
	if rapid.Bool().Draw(t, "high") {
		s = s.WithMax(float64(low + width)).WithExclusiveMax(rapid.Bool().Draw(t, "exclusiveMaximum"))
	}
	if rapid.Bool().Draw(t, "multiple") {
		step := float64(rapid.IntRange(1, width/2).Draw(t, "multipleOf"))
		if !whole {
			step /= 4
		}
		if float64(width) > 2*step {
			s.MultipleOf = &step
		}
	}
	return s
}

func drawArray(t *rapid.T, depth int) *openapi3.Schema {
	s := openapi3.NewArraySchema()
	least := rapid.IntRange(0, 4).Draw(t, "minItems")
	s.MinItems = uint64(least)
	if rapid.Bool().Draw(t, "bounded") {
		s = s.WithMaxItems(int64(rapid.IntRange(least, 6).Draw(t, "maxItems")))
	}
	s.Items = drawSchema(t, depth+1)
	if rapid.Bool().Draw(t, "unique") {
		s.UniqueItems = true
		s.Items = drawNumber(t, openapi3.NewIntegerSchema(), true).NewRef()
		s.Items.Value.MultipleOf, s.Items.Value.Min = nil, nil
	}
	return s
}

func drawObject(t *rapid.T, depth int, prefix string) *openapi3.Schema {
	s := openapi3.NewObjectSchema()
	count := rapid.IntRange(0, 4).Draw(t, "properties")
	for i := range count {
		name := fmt.Sprintf("%s%d", prefix, i)
		ref := drawSchema(t, depth+1)
		s = s.WithPropertyRef(name, ref)
		if rapid.Bool().Draw(t, "required") {
			s.Required = append(s.Required, name)
		}
		ref.Value.WriteOnly = rapid.IntRange(0, 5).Draw(t, "writeOnly") == 0
	}
	if rapid.Bool().Draw(t, "closed") {
		return s.WithoutAdditionalProperties()
	}
	s.MinProps = uint64(rapid.IntRange(0, 3).Draw(t, "minProperties"))
	if rapid.Bool().Draw(t, "limited") {
		s = s.WithMaxProperties(int64(max(len(s.Required), 3)))
	}
	return s
}

func drawAlternatives(t *rapid.T, depth int) openapi3.SchemaRefs {
	var out openapi3.SchemaRefs
	for i := range rapid.IntRange(1, 3).Draw(t, "alternatives") {
		name := fmt.Sprintf("Kind%d", i)
		s := openapi3.NewObjectSchema().WithProperty("kind", openapi3.NewStringSchema().WithEnum(name))
		s = s.WithPropertyRef("value", drawSchema(t, depth+1)).WithRequired([]string{"kind"})
		out = append(out, openapi3.NewSchemaRef("#/components/schemas/"+name, s))
	}
	return out
}

func drawTree(t *rapid.T, depth int) *openapi3.Schema {
	s := drawObject(t, depth, "p")
	s.AdditionalProperties, s.MaxProps = openapi3.AdditionalProperties{}, nil
	self := openapi3.NewSchemaRef("#/components/schemas/Tree", s)
	s = s.WithPropertyRef("parent", self).WithPropertyRef("children", openapi3.NewSchemaRef("", &openapi3.Schema{
		Type: &openapi3.Types{"array"}, Items: self,
	}))
	s.Required = append(s.Required, "children")
	return s
}
