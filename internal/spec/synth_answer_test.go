package spec

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"net/url"
	"strings"
	"testing"
)

const answerDocument = `
openapi: 3.0.3
info: {title: Pets, version: "1"}
paths:
  /pets:
    get:
      operationId: listPets
      responses:
        "404":
          description: none
          content:
            application/json:
              schema: {type: object, properties: {error: {type: string}}}
              examples: {missing: {value: {error: missing}}, gone: {value: {error: gone}}}
        "201":
          description: more
          content: {application/json: {schema: {type: integer}, example: 201}}
        "200":
          description: ok
          headers:
            X-Total: {required: true, schema: {type: integer, minimum: 7, maximum: 7}}
            X-Tags: {schema: {type: array, items: {type: string, enum: [a]}, minItems: 2}}
            X-Odd: {schema: {type: object}}
          content:
            text/plain: {schema: {type: string, example: plain}}
            application/vnd.pets+json: {schema: {type: string}, example: vendor}
            application/json:
              schema: {type: object, required: [id], properties: {id: {type: integer}}}
              examples:
                a_second: {value: {id: 2}}
                success: {value: {id: 1}}
                text: {value: '{"id": 3}'}
                elsewhere: {externalValue: 'http://example.com/x.json'}
        4XX: {description: wrong, content: {application/json: {schema: {type: integer}, example: 400}}}
        default: {description: any, content: {application/json: {schema: {type: integer}, example: 999}}}
  /few:
    get:
      operationId: few
      responses:
        "500": {description: broken, content: {application/json: {schema: {type: integer}, example: 500}}}
        "204": {description: nothing}
  /range:
    get:
      operationId: range
      responses:
        default: {description: any, content: {'*/*': {schema: {type: integer}, example: 1}}}
        2XX: {description: ok, content: {application/json: {schema: {type: integer}, example: 2}}}
  /bad:
    get:
      operationId: bad
      responses:
        "200": {description: ok, content: {application/json: {schema: {type: integer, minimum: 3}, example: wrong}, text/xml: {schema: {type: integer, minimum: 2, maximum: 1}}}}
  /other:
    get:
      operationId: other
      responses:
        "200":
          description: ok
          content:
            image/png: {schema: {type: string, format: binary}}
            application/octet-stream: {schema: {type: string, format: binary}}
            application/x-www-form-urlencoded: {schema: {type: object, properties: {a: {type: integer, enum: [1]}, b: {type: object, properties: {c: {type: string, enum: [d]}}}}}}
            text/html: {}
            image/gif: {schema: {type: string, format: binary}}
            application/xml:
              schema:
                type: object
                xml: {name: pet}
                properties:
                  id: {type: integer, enum: [1], xml: {attribute: true}}
                  tags: {type: array, xml: {wrapped: true}, items: {type: string, enum: ["a&b"], xml: {name: tag}}}
`

func synthContract(t testing.TB, text string) *Contract {
	t.Helper()
	c, err := Load([]byte(text), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSynthesise(t *testing.T) {
	contract := synthContract(t, answerDocument)
	for _, c := range []struct {
		op     string
		prefer Prefer
		accept string
		status int
		media  string
		body   string
	}{
		{"listPets", Prefer{}, "", 200, "application/json", `{"id":1}`},
		{"listPets", Prefer{}, "*/*", 200, "application/json", `{"id":1}`},
		{"listPets", Prefer{}, "text/*, application/json;q=0.5", 200, "text/plain", `plain`},
		{"listPets", Prefer{}, "application/json;q=0, application/*;q=0.1", 200, "application/vnd.pets+json", `"vendor"`},
		{"listPets", Prefer{Code: 201}, "", 201, "application/json", `201`},
		{"listPets", Prefer{Code: 404}, "", 404, "application/json", `{"error":"gone"}`},
		{"listPets", Prefer{Code: 404, Example: "missing"}, "", 404, "application/json", `{"error":"missing"}`},
		{"listPets", Prefer{Example: "missing"}, "", 404, "application/json", `{"error":"missing"}`},
		{"listPets", Prefer{Example: "a_second"}, "", 200, "application/json", `{"id":2}`},
		{"listPets", Prefer{Example: "text"}, "", 200, "application/json", `{"id":3}`},
		{"listPets", Prefer{Code: 418}, "", 418, "application/json", `400`},
		{"listPets", Prefer{Code: 503}, "", 503, "application/json", `999`},
		{"few", Prefer{}, "", 204, "", ``},
		{"range", Prefer{}, "", 200, "application/json", `2`},
		{"range", Prefer{Code: 302}, "", 302, "application/json", `1`},
		{"other", Prefer{}, "application/x-www-form-urlencoded", 200, "application/x-www-form-urlencoded", url.Values{"a": {"1"}, "b": {`{"c":"d"}`}}.Encode()},
		{"other", Prefer{}, "application/xml", 200, "application/xml", xml.Header + `<pet id="1"><tags><tag>a&amp;b</tag></tags></pet>`},
		{"other", Prefer{}, "text/html", 200, "text/html", ``},
	} {
		op, _ := contract.Operation(c.op)
		a, err := op.Synthesise(c.prefer, c.accept, 1, synthNow())
		if err != nil || a.Status != c.status || a.MediaType != c.media || string(a.Body) != c.body {
			t.Errorf("%s %+v %q: %d %s %s, %v; want %d %s %s", c.op, c.prefer, c.accept, a.Status, a.MediaType, a.Body, err, c.status, c.media, c.body)
			continue
		}
		if err := op.CheckAnswer(a.Status, a.MediaType, a.Body); err != nil {
			t.Errorf("%s %+v: %v", c.op, c.prefer, err)
		}
	}
}

func TestSynthesiseErrors(t *testing.T) {
	contract := synthContract(t, answerDocument)
	for _, c := range []struct {
		op     string
		prefer Prefer
		accept string
		status int
		want   string
	}{
		{"few", Prefer{Code: 404}, "", 404, "declares no answer with status 404; expected one of 204, 500"},
		{"listPets", Prefer{Example: "mising"}, "", 404, `did you mean "missing"? expected one of a_second, gone, missing, success, text`},
		{"listPets", Prefer{Code: 200, Example: "missing"}, "", 404, "expected one of a_second, success, text"},
		{"few", Prefer{Example: "x"}, "", 404, "no named examples"},
		{"listPets", Prefer{}, "image/png", 406, "expected one of application/json, application/vnd.pets+json, text/plain"},
		{"other", Prefer{}, "image/gif", 406, "image/gif"},
	} {
		op, _ := contract.Operation(c.op)
		_, err := op.Synthesise(c.prefer, c.accept, 1, synthNow())
		var answer *AnswerError
		if !errors.As(err, &answer) || answer.Status != c.status || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %+v %q: error %v; want status %d and %q", c.op, c.prefer, c.accept, err, c.status, c.want)
		}
	}
}

func TestSynthesiseHeaders(t *testing.T) {
	op, _ := synthContract(t, answerDocument).Operation("listPets")
	a, err := op.Synthesise(Prefer{}, "", 1, synthNow())
	if err != nil {
		t.Fatal(err)
	}
	if a.Header["X-Total"] != "7" || a.Header["X-Tags"] != "a,a" || len(a.Header) != 2 {
		t.Errorf("headers %v; want X-Total 7 and X-Tags a,a", a.Header)
	}
}

func TestSynthesiseDynamic(t *testing.T) {
	contract := synthContract(t, answerDocument)
	op, _ := contract.Operation("listPets")
	seen := map[string]bool{}
	for seed := range uint64(10) {
		a, err := op.Synthesise(Prefer{Dynamic: true}, "", seed, synthNow())
		if err != nil {
			t.Fatal(err)
		}
		if err := op.CheckAnswer(a.Status, a.MediaType, a.Body); err != nil {
			t.Error(err)
		}
		seen[string(a.Body)] = true
	}
	if len(seen) < 5 {
		t.Errorf("ten seeds gave %d bodies", len(seen))
	}
	a, err := op.Synthesise(Prefer{Dynamic: true, Example: "success"}, "", 1, synthNow())
	if err != nil || string(a.Body) != `{"id":1}` {
		t.Errorf("a named example wins over dynamic: %s, %v", a.Body, err)
	}
	bad, _ := contract.Operation("bad")
	if a, err = bad.Synthesise(Prefer{}, "", 1, synthNow()); err != nil || bad.CheckAnswer(200, a.MediaType, a.Body) != nil {
		t.Errorf("an invalid example is not used: %s, %v", a.Body, err)
	}
}

func TestSynthesiseBinary(t *testing.T) {
	op, _ := synthContract(t, answerDocument).Operation("other")
	a, err := op.Synthesise(Prefer{}, "image/png", 1, synthNow())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(a.Body)); err != nil {
		t.Errorf("image/png: %v", err)
	}
	if a, err = op.Synthesise(Prefer{}, "application/octet-stream", 1, synthNow()); err != nil || len(a.Body) == 0 {
		t.Errorf("application/octet-stream: %d bytes, %v", len(a.Body), err)
	}
}
