package spec

import (
	"slices"
	"testing"
)

const openAnswers = `{
"openapi": "3.0.3", "info": {"title": "x", "version": "1"},
"components": {"schemas": {"Pet": {"type": "object", "properties": {
	"id": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string", "x-secret": true}}}},
	"free": {"type": "object"}, "map": {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "object", "properties": {"x": {}}}}}}}},
"paths": {"/closed": {"get": {"operationId": "closed", "responses": {"200": {"description": "x", "content": {"application/json": {"schema":
	{"type": "object", "properties": {"error": {"type": "string"}}, "additionalProperties": false}}}}}}}, "/pet": {
	"get": {"operationId": "pet", "responses": {"200": {"description": "x", "content": {"application/json": {"schema": {"oneOf": [
		{"$ref": "#/components/schemas/Pet"}, {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}, "additionalProperties": false}]}}}}}},
	"post": {"operationId": "add", "parameters": [{"name": "key", "in": "query", "schema": {"type": "string", "x-secret": true}}],
		"responses": {"200": {"description": "x", "content": {"text/plain": {"schema": {"type": "string"}}}}}}}}}`

func TestUndocumentedFields(t *testing.T) {
	c, err := Load([]byte(openAnswers), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	get, _ := c.Operation("pet")
	add, _ := c.Operation("add")
	for _, test := range []struct {
		op                *Operation
		status            int
		mediaType, answer string
		want              []string
	}{
		{get, 200, "application/json", `{"id":1,"tags":[{"name":"x"}],"free":{"any":1},"map":{"a":1,"b":{"y":1}}}`, nil},
		{get, 200, "application/json", `{"error":"x"}`, nil},
		{get, 200, "application/json; charset=utf-8", `{"id":1,"more":{"inner":1},"tags":[{"name":"x"},{"nam/e":"x"}]}`, []string{"/more", "/tags/*/nam~1e"}},
		{get, 200, "application/json", `[1]`, nil},
		{get, 200, "application/json", `{"id":`, nil},
		{get, 200, "text/plain", `{"more":1}`, nil},
		{get, 404, "application/json", `{"more":1}`, nil},
		{add, 200, "text/plain", `{"more":1}`, nil},
	} {
		if got := test.op.UndocumentedFields(test.status, test.mediaType, []byte(test.answer)); !slices.Equal(got, test.want) {
			t.Errorf("%d %s %s: %v, want %v", test.status, test.mediaType, test.answer, got, test.want)
		}
	}
}

func TestContractSecret(t *testing.T) {
	c, err := Load([]byte(openAnswers), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"name": true, "key": true, "id": false, "": false} {
		if c.Secret(name) != want {
			t.Errorf("%q is a secret: %v", name, !want)
		}
	}
}

func TestTextAt(t *testing.T) {
	const body = ` {"a":[{"b/c":"x"}],"n":1} `
	for pointer, want := range map[string]string{"/a/0/b~1c": "x", "/a/1/b~1c": "", "/a/x": "", "/n": "", "/n/x": "", "": "", "/none": ""} {
		if got, ok := TextAt([]byte(body), pointer); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", pointer, got, ok)
		}
	}
	if _, ok := TextAt([]byte(`{`), "/a"); ok {
		t.Error("something in half a text")
	}
}

// TestExplainUnknown names the member that a closed schema does not have.
func TestExplainUnknown(t *testing.T) {
	c, err := Load([]byte(openAnswers), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	closed, _ := c.Operation("closed")
	got := closed.ExplainAnswer(200, "application/json", []byte(`{"error":"x","err/or":1}`))
	if want := []Issue{{Rule: RuleUnknown, Pointer: "/err~1or", Want: "error"}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
