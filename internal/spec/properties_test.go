package spec

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const propertiesSpec = `
openapi: 3.0.3
info: {title: t, version: '1'}
paths:
  /a:
    get:
      operationId: a
      responses:
        '200':
          description: ok
          content:
            application/json:
              schema:
                oneOf:
                  - {$ref: '#/components/schemas/Tree'}
                  - type: object
                    required: [n]
                    additionalProperties: false
                    properties:
                      n: {type: integer, minimum: 1, enum: [1, 2], nullable: true}
                      list: {type: array, items: {type: string, pattern: '^a'}}
        '404': {description: none}
components:
  schemas:
    Tree:
      type: object
      allOf: [{required: [kind], properties: {kind: {type: string}}}]
      properties:
        child: {$ref: '#/components/schemas/Tree'}
`

// TestAnswerProperties describes alternatives, arrays, parts, and a schema that
// holds itself.
func TestAnswerProperties(t *testing.T) {
	c, err := Load([]byte(propertiesSpec), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	op, _ := c.Operation("a")
	var got []string
	for _, p := range op.AnswerProperties(200) {
		if strings.Count(p.Pointer, "/") > 2 {
			continue
		}
		text := fmt.Sprintf("%s %s %s required=%t", p.Branch, p.Pointer, p.Type, p.Required)
		if p.Nullable {
			text += " nullable"
		}
		if p.Closed {
			text += " closed"
		}
		if p.Minimum != nil {
			text += fmt.Sprintf(" from %g", *p.Minimum)
		}
		if p.Enum != nil {
			text += fmt.Sprintf(" %s", p.Enum)
		}
		got = append(got, text+p.Pattern)
	}
	want := []string{
		"Tree  object required=true",
		"Tree /child object required=false",
		"Tree /child/child object required=false",
		"Tree /child/kind string required=true",
		"Tree /kind string required=true",
		"1  object required=true closed",
		"1 /list array required=false",
		"1 /list/* string required=true^a",
		"1 /n integer required=true nullable from 1 [1 2]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if op.AnswerProperties(404) != nil || op.AnswerProperties(500) != nil || c.EventProperties("x") != nil {
		t.Error("there is nothing to describe, and it is described")
	}
}
