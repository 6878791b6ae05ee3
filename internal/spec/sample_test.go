package spec

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// sample is a small document in the platform's dialect.
const sample = `openapi: 3.0.3
info: {title: sample, version: "1"}
x-errors:
  Invalid: {status: 200, body: {errno: 40001, msg: 参数错误}, detail: msg, x-evidence: {grade: documented, source: D}}
  Token: {body: {error_code: 110, error_msg: "no \"token\""}}
  Client: {status: 400, headers: {Cache-Control: no-store}, body: {error: invalid_client, b: 1, a: 2}}
x-envelopes:
  business: {success: {errno: 0, msg: success}, data: data, refusals: {invalid: Invalid, unauthenticated: Token}}
  oauth: {success: {}, data: "", refusals: {invalid: Client}}
x-events:
  CHANGED: {channel: kafka, code: 101, title: changed, schema: {$ref: '#/components/schemas/Notice'}, x-evidence: {grade: documented, source: S0}}
  PASSED: {channel: push, schema: {type: object, required: [event], properties: {event: {type: string, enum: [PASSED]}}}}
x-lifecycle:
  package:
    title: package
    states:
      - {name: uploading, title: up, upload_status: 1}
      - {name: development, title: dev, status: 3, listed: true, slot: dev}
      - {name: gone, title: gone, final: true}
    gates:
      - {name: approved, summary: It is approved., refuse: [Invalid], x-evidence: {grade: assumed, source: A}}
    transitions:
      - {name: upload, to: uploading, by: {operation: submit}}
      - {name: done, from: [uploading], to: development, by: {decision: upload, outcome: pass, when: direct_commit}, after: 3s, gates: [approved], emits: [CHANGED]}
      - {name: replaced, from: [development], to: gone, by: {transition: upload}}
security: [{token: []}]
paths:
  /rest/submit:
    post:
      operationId: submit
      summary: Submit.
      x-envelope: business
      x-parameters-in: [query, body]
      x-errors: [Invalid, Token]
      x-evidence: {grade: documented, source: S1}
      requestBody:
        content:
          application/x-www-form-urlencoded: {schema: {$ref: '#/components/schemas/Submit'}}
          application/json: {schema: {$ref: '#/components/schemas/Submit'}}
      responses:
        '200': {description: done, content: {application/json: {schema: {$ref: '#/components/schemas/Done'}}}}
    get:
      operationId: submitByGet
      x-same-as: submit
      x-envelope: business
      parameters:
        - {name: package_id, in: query, required: true, schema: {type: integer, format: int64}}
      responses:
        '200': {description: done, content: {application/json: {schema: {$ref: '#/components/schemas/Done'}}}}
  /rest/strict:
    post:
      operationId: strict
      x-parameters-in: [query, body]
      requestBody:
        content:
          application/json: {schema: {type: object, additionalProperties: false, required: [app_id], properties: {app_id: {type: integer, minimum: 1}, app_name: {type: string}}}}
      responses: {'2XX': {description: done}, default: {description: any, content: {text/plain: {schema: {type: string, maxLength: 5}}}}}
  /public/token:
    get:
      operationId: token
      security: []
      responses: {'200': {description: done, content: {application/json: {schema: {type: object, properties: {access_token: {type: string, x-secret: true}}}}}}}
  /items/{id}/parts/{part}:
    put:
      operationId: putPart
      parameters:
        - {name: id, in: path, required: true, schema: {type: integer}}
        - {name: part, in: path, required: true, schema: {type: string, maxLength: 10}}
        - {name: dry, in: query, schema: {type: boolean}}
      requestBody: {content: {application/json: {schema: {type: object, required: [n], properties: {n: {type: number, exclusiveMinimum: true, minimum: 0}}}}}}
      responses: {'204': {description: done}}
    parameters: []
  /items/{id}/parts/first:
    get:
      operationId: firstPart
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      responses: {'204': {description: done}}
components:
  securitySchemes:
    token: {type: apiKey, in: query, name: access_token, x-principals: [tp, developer]}
  schemas:
    Submit:
      type: object
      required: [package_id, content]
      properties:
        package_id: {type: integer, format: int64, minimum: 1}
        content: {type: string, minLength: 1, maxLength: 8}
        kind: {type: integer, enum: [1, 3, 4]}
        type: {type: string, enum: [online, audit]}
        code: {type: string, pattern: '^[a-z]+$'}
        ratio: {type: number, maximum: 1, exclusiveMaximum: true}
        small: {type: integer, format: int32}
        flag: {type: boolean}
        ids: {type: array, maxItems: 3, items: {type: integer}}
        extra: {type: object, required: [a], properties: {a: {type: integer}}}
        either: {oneOf: [{type: integer}, {type: boolean}]}
        both: {allOf: [{type: string}, {maxLength: 3}]}
        when: {type: string, format: date-time}
        file: {type: string, format: binary}
        secret: {type: string, x-secret: true}
        any: {}
    Done: {type: object, required: [errno], properties: {errno: {type: integer}, msg: {type: string}, data: {type: object, additionalProperties: true}}}
    Notice: {type: object, required: [code, data], properties: {code: {type: integer}, data: {type: object, required: [app_id], properties: {app_id: {type: integer}}}}}
`

func load(t testing.TB, text string) *Contract {
	t.Helper()
	c, err := Load([]byte(text), LoadOptions{Name: "sample.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func operation(t testing.TB, c *Contract, id string) *Operation {
	t.Helper()
	o, ok := c.Operation(id)
	if !ok {
		t.Fatalf("no operation %q", id)
	}
	return o
}

// form is a POST with a urlencoded body.
func form(query, body string) (*http.Request, []byte) {
	return request("application/x-www-form-urlencoded", query, body)
}

func request(contentType, query, body string) (*http.Request, []byte) {
	r := httptest.NewRequest(http.MethodPost, "/rest/submit", strings.NewReader(body))
	r.URL.RawQuery = query
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r, []byte(body)
}

// edited returns the sample with one text replaced.
func edited(t testing.TB, old, replacement string) string {
	t.Helper()
	if strings.Count(sample, old) != 1 {
		t.Fatalf("%q stands %d times in the sample", old, strings.Count(sample, old))
	}
	return strings.Replace(sample, old, replacement, 1)
}
