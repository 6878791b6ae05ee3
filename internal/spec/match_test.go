package spec

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	c := load(t, sample)
	for _, test := range []struct{ method, target, want string }{
		{"POST", "/rest/submit", "submit map[] []"},
		{"GET", "/rest/submit?x=/items/1", "submitByGet map[] []"},
		{"HEAD", "/rest/submit", "submitByGet map[] []"},
		{"HEAD", "/items/1/parts/first", "firstPart map[id:1] []"},
		{"DELETE", "/rest/submit", " map[] [GET HEAD POST]"},
		{"OPTIONS", "/rest/submit", " map[] [GET HEAD POST]"},
		{"HEAD", "/rest/strict", " map[] [POST]"},
		{"POST", "/rest/submit/", " map[] []"},
		{"POST", "//rest/submit", " map[] []"},
		{"POST", "/rest/../rest/submit", " map[] []"},
		{"POST", "/rest%2Fsubmit", " map[] []"},
		{"POST", "/%72est/submit", "submit map[] []"},
		{"GET", "/nothing", " map[] []"},
		{"PUT", "/items/7/parts/x", "putPart map[id:7 part:x] []"},
		{"PUT", "/items/7/parts/a%2Fb%20c", "putPart map[id:7 part:a/b c] []"},
		{"PUT", "/items/7/parts/%E4%B8%AD", "putPart map[id:7 part:中] []"},
		{"PUT", "/items/7/parts/%25zz", "putPart map[id:7 part:%zz] []"},
		// The concrete path lacks the method, the other template has it.
		{"PUT", "/items/7/parts/first", "putPart map[id:7 part:first] []"},
		{"GET", "/items/7/parts/first", "firstPart map[id:7] []"},
		{"GET", "/items/7/parts/x", " map[] [PUT]"},
		{"POST", "/items/7/parts/first", " map[] [GET HEAD PUT]"},
		{"PUT", "/items//parts/x", " map[] []"},
		{"PUT", "/items/7/parts/x/y", " map[] []"},
	} {
		m := c.Match(httptest.NewRequest(test.method, test.target, nil))
		id := ""
		if m.Operation != nil {
			id = m.Operation.ID
		}
		if got := fmt.Sprint(id, m.Vars, m.Allow); got != strings.Replace(test.want, " map", "map", 1) && fmt.Sprint(id, " ", m.Vars, " ", m.Allow) != test.want {
			t.Errorf("%s %s: got %s %v %v, want %s", test.method, test.target, id, m.Vars, m.Allow, test.want)
		}
	}
	exact := httptest.NewRequest("POST", "/rest/submit?a=1", nil)
	if n := testing.AllocsPerRun(100, func() { c.Match(exact) }); n != 0 {
		t.Errorf("an exact path: %v allocations", n)
	}
}

const foreign = `openapi: 3.0.0
info: {title: foreign, version: "1"}
servers: [{url: 'https://api.example.com/{version}/', variables: {version: {default: v2}}}, {url: /}]
paths:
  /pets/{pet.id}.json:
    get:
      parameters:
        - {name: 'pet.id', in: path, required: true, schema: {type: integer}}
        - {name: limit, in: query, schema: {type: integer, maximum: 10}}
        - {name: tags, in: query, schema: {type: array, items: {type: string, enum: [a, b]}}}
        - {name: X-Trace, in: header, required: true, schema: {type: string, minLength: 3}}
        - {name: session, in: cookie, schema: {type: integer}}
      responses: {'200': {description: done}}
  /pets:
    post:
      security: [{key: []}, {basic: [], cookie: []}, {bearer: []}]
      requestBody:
        required: true
        content:
          application/json: {schema: {type: object, required: [name], properties: {name: {type: string, pattern: '^(?!x).*$'}, age: {type: integer, default: 3}}}}
          application/x-www-form-urlencoded: {schema: {type: object, required: [name], properties: {name: {type: string, maxLength: 3}, age: {type: integer}}}}
      responses: {'201': {description: done, content: {application/json: {schema: {type: object}, example: [1]}}}}
    options: {responses: {'204': {description: done}}}
    delete: {operationId: POST_pets, security: [], responses: {'204': {description: done}}}
  /: {get: {security: [{}, {key: []}], responses: {'200': {description: done}}}}
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Key}
    cookie: {type: apiKey, in: cookie, name: sid}
    basic: {type: http, scheme: basic}
    bearer: {type: oauth2, flows: {clientCredentials: {tokenUrl: 'https://example.com', scopes: {}}}}
`

func TestForeign(t *testing.T) {
	c := load(t, foreign)
	if c.Platform() {
		t.Error("a foreign document passes for the platform's")
	}
	if w := c.Warnings(); len(w) != 1 || w[0] != `sample.yaml: pattern "^(?!x).*$" is not checked: Go's regexp does not support it` {
		t.Errorf("warnings: got %q", w)
	}
	var ids []string
	for _, o := range c.Operations() {
		ids = append(ids, o.ID)
	}
	if got, want := strings.Join(ids, " "), "GET_root POST_pets OPTIONS_pets POST_pets_2 GET_pets_pet_id_json"; got != want {
		t.Errorf("operations: got %s, want %s", got, want)
	}
	for target, want := range map[string]string{
		"/v2/pets": "OPTIONS_pets", "/pets": "OPTIONS_pets", "/v1/pets": "",
	} {
		m := c.Match(httptest.NewRequest("OPTIONS", target, nil))
		if got := m.Operation; (got == nil && want != "") || (got != nil && got.ID != want) {
			t.Errorf("%s: got %+v", target, m)
		}
	}
	m := c.Match(httptest.NewRequest("GET", "/v2/pets/7.json", nil))
	if m.Operation == nil || m.Vars["pet.id"] != "7" {
		t.Errorf("a template below the base path: got %+v", m)
	}
	m = c.Match(httptest.NewRequest("PATCH", "/v2/pets", nil))
	if fmt.Sprint(m.Allow) != "[DELETE OPTIONS POST]" {
		t.Errorf("allow: got %v", m.Allow)
	}
}

func TestValidateRequest(t *testing.T) {
	c := load(t, foreign)
	for _, test := range []struct{ method, target, contentType, body, want string }{
		{"GET", "/pets/7.json?limit=3&tags=a&tags=b", "", "", ""},
		{"GET", "/pets/x.json?limit=11&tags=c", "", "", "/path/pet.id is not of type integer; /query/limit is more than the most allowed: 10; /query/tags/0 is none of a, b"},
		{"GET", "/pets/7.json?limit=x", "trace", "", "/query/limit is not of type integer"},
		{"GET", "/pets/7.json?limit=%zz", "", "", "/query is malformed: expected percent-encoded UTF-8 without NUL"},
		{"POST", "/pets", "application/json", `{"name":"x"}`, ""},
		{"POST", "/pets", "application/json", `{"name":1,"age":"x"}`, "/body/age is not of type integer; /body/name is not of type string"},
		{"POST", "/pets", "application/json", `{}`, "/body/name is missing"},
		{"POST", "/pets", "application/json", `{"name`, "/body is malformed: expected application/json, application/x-www-form-urlencoded"},
		{"POST", "/pets", "application/json", "", "/body is missing"},
		{"POST", "/pets", "text/plain", "x", "/body is not of a supported media type: application/json, application/x-www-form-urlencoded"},
		{"POST", "/pets", "application/x-www-form-urlencoded", "name=abc", ""},
		{"POST", "/pets", "application/x-www-form-urlencoded", "name=abcd", "/body/name is longer than 3 characters"},
		{"POST", "/pets", "application/x-www-form-urlencoded", "name=abc&age=x", "/body/age is not of type integer"},
	} {
		r := httptest.NewRequest(test.method, test.target, strings.NewReader("untouched"))
		r.Header.Set("X-Trace", "abc")
		if test.contentType != "" {
			r.Header.Set("Content-Type", test.contentType)
		}
		m := c.Match(r)
		if m.Operation == nil {
			t.Errorf("%s: no operation", test.target)
			continue
		}
		if got := text(m.Operation.ValidateRequest(r, m.Vars, []byte(test.body))); got != test.want {
			t.Errorf("%s %s %s: got %q, want %q", test.method, test.target, test.body, got, test.want)
		}
	}
	r := httptest.NewRequest("GET", "/pets/7.json", nil)
	r.AddCookie(&http.Cookie{Name: "session", Value: "x"})
	m := c.Match(r)
	if got, want := text(m.Operation.ValidateRequest(r, m.Vars, nil)), "/header/X-Trace is missing; /cookie/session is not of type integer"; got != want {
		t.Errorf("header and cookie: got %q, want %q", got, want)
	}
}

func TestMissingCredentials(t *testing.T) {
	c := load(t, foreign)
	post := operation(t, c, "POST_pets_2")
	for _, test := range []struct {
		prepare func(r *http.Request)
		want    string
	}{
		{func(*http.Request) {}, "[basic bearer cookie key]"},
		{func(r *http.Request) { r.Header.Set("X-Key", "k") }, "[]"},
		{func(r *http.Request) { r.SetBasicAuth("u", "p") }, "[bearer cookie key]"},
		{func(r *http.Request) { r.Header.Set("Authorization", "bearer x") }, "[]"},
		{func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") }, "[basic bearer cookie key]"},
		{func(r *http.Request) {
			r.SetBasicAuth("u", "p")
			r.AddCookie(&http.Cookie{Name: "sid", Value: "s"})
		}, "[]"},
	} {
		r := httptest.NewRequest("POST", "/pets", nil)
		test.prepare(r)
		if got := fmt.Sprint(post.MissingCredentials(r)); got != test.want {
			t.Errorf("%v: got %s, want %s", r.Header, got, test.want)
		}
	}
	if root := operation(t, c, "GET_root"); root.Secured || root.MissingCredentials(httptest.NewRequest("GET", "/", nil)) != nil {
		t.Error("an empty alternative still asks for credentials")
	}
}

func TestLoadForeign(t *testing.T) {
	const head = "info: {title: t, version: '1'}\npaths: {/a: {get: {parameters: [{name: q, in: query, schema: %s}], responses: {'200': {description: d, content: {application/json: {schema: {type: object, properties: {a: %s}}}}}}}}}\n"
	for _, test := range []struct{ version, parameter, property, want string }{
		{"3.0.3", "{type: string}", "{type: integer, example: x}", "warned"},
		{"3.0.3", "{type: string}", "{type: integer, default: x}", "warned"},
		{"3.0.3", "{type: strin}", "{type: integer}", "refused"},
		{"3.1.0", "{type: [string, 'null'], const: a}", "{type: [integer, 'null'], exclusiveMinimum: 3}", "loaded"},
		{"3.1.0", "{type: strin}", "{}", "refused"},
	} {
		c, err := Load(fmt.Appendf(nil, "openapi: "+test.version+"\n"+head, test.parameter, test.property), LoadOptions{})
		got := "loaded"
		if err != nil {
			got = "refused"
		} else if len(c.Warnings()) > 0 {
			got = "warned"
		}
		if got != test.want {
			t.Errorf("%s %s: got %s: %v", test.version, test.property, got, err)
		}
		if test.version == "3.1.0" && err == nil {
			o := operation(t, c, "GET_a")
			for target, want := range map[string]string{"/a?q=a": "", "/a?q=b": "/query/q does not match the schema: const"} {
				if got := text(o.ValidateRequest(httptest.NewRequest("GET", target, nil), nil, nil)); got != want {
					t.Errorf("3.1 %s: got %q, want %q", target, got, want)
				}
			}
			for body, want := range map[string]string{`{"a":4}`: "", `{"a":null}`: "", `{"a":3}`: "less"} {
				if got := text(o.CheckAnswer(200, "application/json", []byte(body))); (got == "") != (want == "") {
					t.Errorf("3.1 %s: got %q", body, got)
				}
			}
		}
	}
}

func FuzzValidateRequest(f *testing.F) {
	c := load(f, foreign)
	f.Add("limit=3&tags=a", "application/json", `{"name":"x","age":3}`)
	f.Add("limit=3&tags[]=a&pet.id=1", "application/x-www-form-urlencoded", `name=x&age=3`)
	f.Add("tags=%zz", "text/plain;", "")
	get, post := operation(f, c, "GET_pets_pet_id_json"), operation(f, c, "POST_pets_2")
	f.Fuzz(func(_ *testing.T, query, contentType, body string) {
		r := httptest.NewRequest("POST", "/pets", nil)
		r.URL.RawQuery = query
		r.Header["Content-Type"] = []string{contentType}
		r.Header["X-Trace"] = []string{query}
		_ = get.ValidateRequest(r, map[string]string{"pet.id": body}, nil)
		_ = post.ValidateRequest(r, nil, []byte(body))
	})
}
