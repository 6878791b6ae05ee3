package spec

import (
	"reflect"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// TestBuild holds the documents that are built from the nodes against
// kin-openapi's own decoder.
func TestBuild(t *testing.T) {
	const odd = `openapi: 3.0.3
info: {title: odd, version: "1", x-a: {b: [1, null, true]}, contact: {name: n}}
tags: [{name: a, externalDocs: {url: 'https://example.com'}}]
x-root: 1
paths:
  /a/{b}:
    x-path: 1
    parameters: [{name: b, in: path, required: true, schema: {type: string}}]
    get:
      x-op: [a]
      callbacks: {c: {'{$request.query.u}': {post: {responses: {'200': {description: d}}}}}}
      responses:
        default: {$ref: '#/components/responses/R'}
        '200':
          description: d
          headers: {X-A: {schema: {type: integer}, required: true}}
          links: {l: {operationId: o}}
          content: {application/json: {schema: {$ref: '#/components/schemas/B', description: sibling}, examples: {one: {$ref: '#/components/examples/E'}, two: {value: null}}}}
components:
  responses: {R: {description: r}}
  examples: {E: {value: {a: 1.50, b: []}}}
  schemas:
    A: {type: object, properties: {a: {$ref: '#/components/schemas/A'}, n: {type: number, minimum: -1, exclusiveMinimum: true, multipleOf: 0.01}}, additionalProperties: {$ref: '#/components/schemas/B'}}
    B: {oneOf: [{$ref: '#/components/schemas/A'}], discriminator: {propertyName: p, mapping: {a: '#/components/schemas/A'}}, additionalProperties: false, xml: {name: x}, x-faker: url}
    C: {type: string, minLength: 1, maxLength: 3, enum: [a, b], default: a, example: 2026-01-01, nullable: true}
  securitySchemes: {s: {type: oauth2, flows: {clientCredentials: {tokenUrl: 'https://example.com', scopes: {a: b}}}}}
`
	for name, text := range map[string]string{"platform": string(platformText(t)), "sample": sample, "foreign": foreign, "odd": odd} {
		d, err := parseDocument([]byte(text), name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := d.openAPI()
		if err != nil {
			t.Fatal(err)
		}
		want, err := openapi3.NewLoader().LoadFromData(data)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.build()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: built otherwise than by kin-openapi", name)
			first(t, name, reflect.ValueOf(got), reflect.ValueOf(want), 0)
		}
	}
}

// first reports where two values begin to differ.
func first(t *testing.T, at string, a, b reflect.Value, depth int) bool {
	if depth > 60 {
		return false
	}
	if a.Kind() == reflect.Pointer || a.Kind() == reflect.Interface {
		if a.IsNil() != b.IsNil() {
			t.Errorf("%s: nil %v and %v", at, a.IsNil(), b.IsNil())
			return true
		}
		return !a.IsNil() && first(t, at, a.Elem(), b.Elem(), depth+1)
	}
	if a.Kind() != b.Kind() {
		t.Errorf("%s: %s and %s", at, a.Kind(), b.Kind())
		return true
	}
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			if first(t, at+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i), depth+1) {
				return true
			}
		}
	case reflect.Map:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			t.Errorf("%s: %v and %v", at, a, b)
			return true
		}
		for _, key := range a.MapKeys() {
			if !b.MapIndex(key).IsValid() || first(t, at+"/"+key.String(), a.MapIndex(key), b.MapIndex(key), depth+1) {
				return true
			}
		}
	case reflect.Slice:
		if a.IsNil() != b.IsNil() || a.Len() != b.Len() {
			t.Errorf("%s: %v and %v", at, a, b)
			return true
		}
		for i := range a.Len() {
			if first(t, at+"/"+string(rune('0'+i)), a.Index(i), b.Index(i), depth+1) {
				return true
			}
		}
	default:
		if !a.Equal(b) {
			t.Errorf("%s: %v and %v", at, a, b)
			return true
		}
	}
	return false
}

// FuzzBuild proves that what is built from the nodes is what kin-openapi
// decodes.
func FuzzBuild(f *testing.F) {
	f.Add(sample)
	f.Add(foreign)
	f.Add("openapi: 3.0.0\ninfo: {title: t, version: '1'}\npaths: {/a: {get: {deprecated: true, security: [{a: [b]}], responses: {}}}}\ncomponents: {schemas: {A: {minimum: 0x1F, enum: [~, 1e3, 0o7, .5], default: {a: !!str 1}}}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseDocument([]byte(text), "fuzz")
		if err != nil {
			return
		}
		got, err := d.build()
		if err != nil {
			return
		}
		data, err := d.openAPI()
		if err != nil {
			t.Fatalf("built what is no JSON: %v", err)
		}
		want, err := openapi3.NewLoader().LoadFromData(data)
		if err != nil {
			t.Fatalf("built what kin-openapi refuses: %v", err)
		}
		if !reflect.DeepEqual(got, want) {
			first(t, "doc", reflect.ValueOf(got), reflect.ValueOf(want), 0)
			t.Error("built otherwise than by kin-openapi")
		}
	})
}
