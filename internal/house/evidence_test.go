package house

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// A claims walks a contract and gathers what is claimed without evidence.
type claims struct {
	schemas map[string]map[string]any
	missing []string
}

// TestEvidenceOfClaims holds openapi.yaml to its promise: each operation, field,
// error, event, state, gate and step says where it comes from, itself or in the
// schema around it.
func TestEvidenceOfClaims(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root(t), "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, claim := range unproven(t, data) {
		t.Errorf("openapi.yaml: %s: expected x-evidence there or around it", claim)
	}
	const broken = `
x-errors: {E: {body: {errno: 1}}}
x-events: {EV: {channel: push, x-evidence: {grade: assumed, source: A}}}
x-lifecycle: {r: {states: [{name: s}], gates: [], transitions: [{name: t, x-evidence: {grade: assumed, source: A}}]}}
paths:
  /a: {get: {operationId: a, x-evidence: {grade: assumed, source: A}, parameters: [{name: p, schema: {type: string}}]}}
  /b: {post: {operationId: b}}
components:
  schemas:
    Bare: {type: object, properties: {x: {type: string}}}
    Covered: {type: object, x-evidence: {grade: assumed, source: A}, properties: {x: {type: array, items: {type: string}}}}
    User: {type: object, properties: {y: {$ref: '#/components/schemas/Covered'}}}
`
	want := []string{
		"#/components/schemas/Bare/properties/x", "#/paths/~1a/get/parameters/p", "#/paths/~1b/post", "#/x-errors/E",
		"#/x-lifecycle/r/states/s",
	}
	if got := unproven(t, []byte(broken)); !slices.Equal(got, want) {
		t.Errorf("of a broken contract: %q, want %q", got, want)
	}
}

// unproven lists the claims of a contract that have no evidence, sorted.
func unproven(t *testing.T, document []byte) []string {
	t.Helper()
	var doc struct {
		Paths      map[string]map[string]map[string]any `yaml:"paths"`
		Errors     map[string]map[string]any            `yaml:"x-errors"`
		Events     map[string]map[string]any            `yaml:"x-events"`
		Lifecycles map[string]map[string]any            `yaml:"x-lifecycle"`
		Components struct {
			Schemas    map[string]map[string]any `yaml:"schemas"`
			Parameters map[string]map[string]any `yaml:"parameters"`
		} `yaml:"components"`
	}
	if err := yaml.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	c := &claims{schemas: doc.Components.Schemas}
	for name, s := range doc.Components.Schemas {
		c.schema("#/components/schemas/"+name, s, false)
	}
	for name, p := range doc.Components.Parameters {
		c.parameter("#/components/parameters/"+name, p)
	}
	for name, e := range doc.Errors {
		c.claim("#/x-errors/"+name, e)
	}
	for name, e := range doc.Events {
		c.claim("#/x-events/"+name, e)
	}
	for resource, l := range doc.Lifecycles {
		for _, part := range []string{"states", "gates", "transitions"} {
			list, _ := l[part].([]any)
			for _, item := range list {
				entry, _ := item.(map[string]any)
				name, _ := entry["name"].(string)
				c.claim("#/x-lifecycle/"+resource+"/"+part+"/"+name, entry)
			}
		}
	}
	for path, item := range doc.Paths {
		for method, op := range item {
			at := "#/paths/" + strings.ReplaceAll(path, "/", "~1") + "/" + method
			c.claim(at, op)
			list, _ := op["parameters"].([]any)
			for _, p := range list {
				if p, ok := p.(map[string]any); ok {
					name, _ := p["name"].(string)
					c.parameter(at+"/parameters/"+name, p)
				}
			}
		}
	}
	slices.Sort(c.missing)
	return c.missing
}

func proven(claim map[string]any) bool { return claim["x-evidence"] != nil }

func (c *claims) claim(at string, claim map[string]any) {
	if !proven(claim) {
		c.missing = append(c.missing, at)
	}
}

// parameter looks for the evidence of a parameter, its own or its schema's.
func (c *claims) parameter(at string, p map[string]any) {
	s, _ := p["schema"].(map[string]any)
	if s == nil || proven(p) {
		return
	}
	if ref, ok := s["$ref"].(string); ok && proven(c.schemas[ref[strings.LastIndex(ref, "/")+1:]]) {
		return
	}
	c.claim(at, s)
}

// schema looks at a schema and what is in it; covered says that the schema
// around it has evidence.
func (c *claims) schema(at string, s map[string]any, covered bool) {
	if ref, ok := s["$ref"].(string); ok {
		if !covered && !proven(c.schemas[ref[strings.LastIndex(ref, "/")+1:]]) {
			c.missing = append(c.missing, at)
		}
		return
	}
	covered = covered || proven(s)
	leaf := true
	if properties, ok := s["properties"].(map[string]any); ok {
		leaf = false
		for name, p := range properties {
			if p, ok := p.(map[string]any); ok {
				c.schema(at+"/properties/"+name, p, covered)
			}
		}
	}
	for _, choice := range []string{"oneOf", "allOf", "anyOf"} {
		list, _ := s[choice].([]any)
		leaf = leaf && len(list) == 0
	}
	if leaf && !covered {
		c.missing = append(c.missing, at)
	}
	if items, ok := s["items"].(map[string]any); ok {
		c.schema(at+"/items", items, covered)
	}
}
