package spec_test

import (
	"os"
	"strings"
	"testing"

	"github.com/swanemu/emu/internal/spec"
)

const placesSample = `openapi: 3.0.3
paths:
  /a:
    post:
      operationId: a
      x-evidence: {grade: documented, source: S1}
      parameters:
        - {name: limit, in: query, schema: {type: integer, maximum: 9}}
        - $ref: '#/components/parameters/Page'
      requestBody:
        content:
          application/json: {schema: {$ref: '#/components/schemas/In'}}
      responses:
        '200': {$ref: '#/components/responses/Rows'}
components:
  parameters:
    Page: {name: page, in: query, schema: {type: integer}}
  responses:
    Rows:
      content:
        application/json:
          schema:
            oneOf:
              - {$ref: '#/components/schemas/Failure'}
              - type: object
                properties:
                  data:
                    type: array
                    items: {$ref: '#/components/schemas/Row'}
  schemas:
    Chinese: {title: 上传中, type: integer}
    Failure: {type: object, properties: {errno: {type: integer}}}
    In:
      type: object
      properties:
        name: {type: string, maxLength: 3, x-evidence: {grade: assumed, source: A}}
    Row:
      allOf:
        - type: object
          properties:
            id: &id {type: integer}
      properties:
        other: *id
    Loop: {$ref: '#/components/schemas/Loop'}
x-lifecycle:
  package:
    transitions:
      - name: first
      - name: second
        emits: [X]
`

// TestPlaces looks for things where a reader would.
func TestPlaces(t *testing.T) {
	places, err := spec.ReadPlaces([]byte(placesSample))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		pointer, value, keyword string
		want                    string // the pointer
		line                    string // what stands there, from the column on
	}{
		{"", "", "", "#", "openapi: 3.0.3"},
		{"#/paths/~1a/post", "", "", "#/paths/~1a/post", "post:"},
		{"#/paths/~1a/post/responses/418", "", "", "#/paths/~1a/post/responses", "responses:"},
		{"#/paths/~1a/post/responses/200/content", "", "", "#/components/responses/Rows/content", "content:"},
		{"#/x-lifecycle/package/transitions/second/emits", "", "", "#/x-lifecycle/package/transitions/1/emits", "emits: [X]"},
		{"#/x-lifecycle/package/transitions/1", "/package_id", "", "#/x-lifecycle/package/transitions/1", "name: second"},
		{"#/paths/~1a/post", "/limit", "maximum", "#/paths/~1a/post/parameters/0/schema/maximum", "maximum: 9}}"},
		{"#/paths/~1a/post", "/page", "type", "#/components/parameters/Page/schema/type", "type: integer}}"},
		{"#/paths/~1a/post", "/name", "maxLength", "#/components/schemas/In/properties/name/maxLength", "maxLength: 3, x-evidence: {grade: assumed, source: A}}"},
		{"#/paths/~1a/post", "/name", "minLength", "#/components/schemas/In/properties/name", "name: {type: string, maxLength: 3, x-evidence: {grade: assumed, source: A}}"},
		{"#/paths/~1a/post/responses/200", "/data/7/id", "", "#/components/schemas/Row/allOf/0/properties/id", "id: &id {type: integer}"},
		{"#/paths/~1a/post/responses/200", "/data/*/id", "type", "#/components/schemas/Row/allOf/0/properties/id/type", "type: integer}"},
		{"#/paths/~1a/post/responses/200", "/data/0/other/deeper", "", "#/components/schemas/Row/properties/other", "other: *id"},
		{"#/paths/~1a/post/responses/200", "/errno", "", "#/components/schemas/Failure/properties/errno", "errno: {type: integer}}}"},
		{"#/components/schemas/Chinese", "", "type", "#/components/schemas/Chinese/type", "type: integer}"},
		{"#/components/schemas/In", "/name", "", "#/components/schemas/In/properties/name", "name: {type: string, maxLength: 3, x-evidence: {grade: assumed, source: A}}"},
		{"#/components/schemas/Loop", "/name", "", "#/components/schemas/Loop", "Loop: {$ref: '#/components/schemas/Loop'}"},
	} {
		got := places.Within(test.pointer, test.value, test.keyword)
		if got.Pointer != test.want {
			t.Errorf("%s %s %s is %s, want %s", test.pointer, test.value, test.keyword, got.Pointer, test.want)
			continue
		}
		// Columns count characters.
		if text := string([]rune(places.Line(got.Line))[got.Column-1:]); text != test.line {
			t.Errorf("%s is at %d:%d, where %q stands, want %q", got.Pointer, got.Line, got.Column, text, test.line)
		}
		if found := places.Find(got.Pointer); found.Pointer != got.Pointer || found.Line != got.Line || found.Column != got.Column {
			t.Errorf("%s is found at %v, want %v", got.Pointer, found, got)
		}
	}
	for value, want := range map[string]string{"/name": "assumed", "/page": "documented", "/limit": "documented"} {
		if got := places.Within("#/paths/~1a/post", value, "type").Evidence.Grade; got != want {
			t.Errorf("the evidence of %s is %q, want %q", value, got, want)
		}
	}
	if places.Line(0) != "" || places.Line(1000) != "" {
		t.Error("there are lines where there is no text")
	}
	if _, err := spec.ReadPlaces([]byte("{")); err == nil {
		t.Error("half a document has places")
	}
}

// TestPlacesOfTheContract finds every operation, and every parameter of it.
func TestPlacesOfTheContract(t *testing.T) {
	document, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	places, err := spec.ReadPlaces(document)
	if err != nil {
		t.Fatal(err)
	}
	c, err := spec.Load(document, spec.LoadOptions{Verified: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range c.Operations() {
		at := places.Find(op.Pointer())
		if at.Pointer != op.Pointer() || !strings.HasPrefix(strings.TrimSpace(places.Line(at.Line+1)), "operationId: "+op.ID) {
			t.Errorf("%s is found at %v", op.ID, at)
		}
		for _, f := range op.Fields() {
			at := places.Within(op.Pointer(), "/"+f.Name, "")
			// The schema of a parameter stands a few lines below its name.
			text := ""
			for line := at.Line - 5; line <= at.Line; line++ {
				text += places.Line(line)
			}
			if !strings.Contains(text, f.Name) && f.Pointer == op.Pointer() {
				t.Errorf("%s: %s is found at %v: %s", op.ID, f.Name, at, text)
			}
		}
		if len(op.Statuses()) == 0 {
			t.Errorf("%s declares no status", op.ID)
		}
	}
}
