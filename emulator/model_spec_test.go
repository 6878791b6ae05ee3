package emulator_test

// What is served from the contract alone: answers that a client prefers, and
// calls that nobody has programmed.

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	emu "github.com/swanemu/emu"
	"github.com/swanemu/emu/emulator"
)

// preferring asks with a Prefer header.
func preferring(t testing.TB, h http.Handler, prefer, method, target, contentType, body string) answer {
	t.Helper()
	r := mustRequest(t, method, target, contentType, body)
	r.Header.Set("Prefer", prefer)
	return serve(h, r)
}

func TestPreferredAnswers(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	up := pathUpload + "?access_token=" + c.Authorizer.AccessToken
	list := pathList + "?access_token=" + c.Authorizer.AccessToken
	before := mustExport(t, s)
	for _, tc := range []struct {
		prefer, method, target, body string
		status, code                 int
		has                          string
	}{
		{"example=success", "POST", up, goodUpload, 200, 0, ""},
		{"example=UploadUnavailable", "POST", up, goodUpload, 200, 69009, "提包服务不可用"},
		{"code=200, example=TokenExpired", "POST", up, goodUpload, 200, 111, ""},
		{"example=ServiceUnavailable", "GET", list, "", 200, 2, ""},
		{"code=200; example=success", "GET", list, "", 200, 0, "rollback_version"},
		{"dynamic=true", "GET", list, "", 200, 0, ""},
		{"code=400", "GET", pathToken + "?grant_type=g&client_id=c&client_secret=s", "", 400, -1, ""},
		{"code=400, example=OAuthInvalidScope", "GET", pathToken + "?grant_type=g&client_id=c&client_secret=s", "", 400, -1, "invalid_scope"},
		// What is wrong with the request itself comes first.
		{"example=success", "POST", pathUpload + "?access_token=x", goodUpload, 200, 110, ""},
		{"example=success", "POST", up, "", 200, 40001, ""},
		{"example=success", "GET", pathList + "?access_token=" + c.TP.AccessToken, "", 200, 40007, ""},
		{"code=abc", "GET", list, "", 200, 40001, "Prefer"},
		{"example=", "GET", list, "", 200, 40001, "Prefer"},
		{`example="x`, "GET", list, "", 200, 40001, "Prefer"},
		// Other preferences mean nothing here.
		{"respond-async, wait=10", "GET", list, "", 200, 0, `"data":[]`},
	} {
		contentType := ""
		if tc.method == "POST" {
			contentType = formType
		}
		a := preferring(t, e, tc.prefer, tc.method, tc.target, contentType, tc.body)
		if a.status != tc.status || a.code() != tc.code || !strings.Contains(string(a.body), tc.has) {
			t.Errorf("%s: %d %s, want %d, code %d, %q", tc.prefer, a.status, a.body, tc.status, tc.code, tc.has)
		}
	}
	for prefer, status := range map[string]int{"example=nobody": 404, "code=404": 404, "code=500, dynamic=true": 404} {
		a := preferring(t, e, prefer, "GET", list, "", "")
		if a.status != status || a.header.Get("Content-Type") != "application/problem+json" || !strings.Contains(string(a.body), "detail") {
			t.Errorf("%s: %d %s %s, want a problem, %d", prefer, a.status, a.header.Get("Content-Type"), a.body, status)
		}
	}
	if d := sameState(before, mustExport(t, s)); d != nil {
		t.Errorf("preferred answers changed %v", d)
	}
	again := preferring(t, e, "dynamic=true", "GET", list, "", "")
	if first := preferring(t, e, "dynamic=true", "GET", list, "", ""); !bytes.Equal(first.body, again.body) {
		t.Errorf("the same question is answered with %s and %s", first.body, again.body)
	}
	if m := mismatches(s); m != nil {
		t.Errorf("mismatches: %v", m)
	}
}

// addedPaths are calls of the platform that the emulator has no code for.
const addedPaths = `
  /rest/2.0/smartapp/template/{kind}/list:
    get:
      operationId: listTemplates
      tags: [package]
      summary: Templates.
      x-envelope: business
      x-errors: [TokenInvalid, TokenExpired, NoTPPermission, InvalidParameter, InvalidParameterType, InternalError]
      x-evidence: {grade: observed, source: K}
      security:
        - tpToken: []
      parameters:
        - {name: kind, in: path, required: true, schema: {type: string, enum: [draft, final]}}
        - {name: page, in: query, required: true, schema: {type: integer, minimum: 1}}
      responses:
        '200':
          description: Templates, or an error.
          content:
            application/json:
              schema:
                oneOf:
                  - type: object
                    required: [errno, msg, data]
                    additionalProperties: false
                    properties:
                      errno: {$ref: '#/components/schemas/SuccessErrno'}
                      msg: {$ref: '#/components/schemas/SuccessMsg'}
                      data:
                        type: array
                        minItems: 2
                        items:
                          type: object
                          required: [template_id, user_version, create_time]
                          properties:
                            template_id: {type: integer, minimum: 1, maximum: 1000}
                            user_version: {type: string, x-faker: version}
                            create_time: {$ref: '#/components/schemas/UnixSeconds'}
                  - {$ref: '#/components/schemas/BusinessError'}
                  - {$ref: '#/components/schemas/GatewayError'}
  /rest/2.0/smartapp/template/delete:
    post:
      operationId: deleteTemplate
      tags: [package]
      summary: Deletes a template.
      x-envelope: business
      x-parameters-in: [query, body]
      x-errors: [TokenInvalid, TokenExpired, NoTPPermission, InvalidParameter, InvalidParameterType, InternalError, CallLimitReached]
      x-evidence: {grade: observed, source: K}
      security:
        - tpToken: []
      requestBody:
        required: false
        content:
          application/x-www-form-urlencoded:
            schema: &deleteTemplate {type: object, required: [template_id], properties: {template_id: {type: integer, minimum: 1}}}
          application/json:
            schema: *deleteTemplate
      responses:
        '200':
          description: Done, or an error.
          content:
            application/json:
              schema: {$ref: '#/components/schemas/DoneOrError'}
              examples:
                success: {$ref: '#/components/examples/Done'}
                CallLimitReached: {$ref: '#/components/examples/CallLimitReached'}

components:
`

// TestCallsNeedNoCode serves a contract with two calls more.
func TestCallsNeedNoCode(t *testing.T) {
	t.Parallel()
	document := bytes.Replace(emu.OpenAPI, []byte("\ncomponents:\n"), []byte(addedPaths), 1)
	if bytes.Equal(document, emu.OpenAPI) {
		t.Fatal("the contract has no components")
	}
	start := func() *emulator.Emulator {
		return newEmulator(t, func(o *emulator.Options) { o.Spec, o.SpecName = document, "more.yaml" })
	}
	e := start()
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	const del, list = "/rest/2.0/smartapp/template/delete", "/rest/2.0/smartapp/template/draft/list"
	tp := c.TP.AccessToken
	for name, tc := range map[string]struct {
		a    answer
		code int
	}{
		"form":            {post(e, del, "access_token", tp, "template_id", "7"), 0},
		"query":           {postBody(e, del+"?access_token="+tp+"&template_id=7", "", ""), 0},
		"JSON":            {postBody(e, del, jsonType, `{"access_token":"`+tp+`","template_id":"7"}`), 0},
		"no token":        {post(e, del, "template_id", "7"), 110},
		"another's token": {post(e, del, "access_token", c.Authorizer.AccessToken, "template_id", "7"), 40007},
		"missing":         {post(e, del, "access_token", tp), 40001},
		"wrong type":      {post(e, del, "access_token", tp, "template_id", "x"), 41000},
		"too small":       {post(e, del, "access_token", tp, "template_id", "0"), 40001},
		"method":          {get(e, del, "access_token", tp, "template_id", "7"), 3},
		"path":            {get(e, strings.Replace(list, "draft", "other", 1), "access_token", tp, "page", "1"), 40001},
		"list, no page":   {get(e, list, "access_token", tp), 40001},
		"list, no token":  {get(e, list, "page", "1"), 110},
		"preferred":       {preferring(t, e, "example=CallLimitReached", "POST", del+"?template_id=7&access_token="+tp, "", ""), 50029},
	} {
		if tc.a.code() != tc.code || wellFormed(tc.a) != nil {
			t.Errorf("%s: %d %s, want %d", name, tc.a.status, tc.a.body, tc.code)
		}
	}
	checkTemplates(t, list, e, start())
	advance(t, s, 30*24*time.Hour)
	if a := get(e, list, "access_token", tp, "page", "1"); a.code() != 111 {
		t.Errorf("a month later: %s", a.body)
	}
	var found int
	for _, entry := range s.Journal(0, 1000) {
		if x, ok := entry.Detail.(*emulator.Exchange); ok && x.Operation() == "deleteTemplate" {
			b, err := json.Marshal(entry)
			if found++; err != nil || bytes.Contains(b, []byte(tp)) {
				t.Errorf("entry %s: %v", b, err)
			}
		}
	}
	if found != 9 { // all but the wrong method
		t.Errorf("the journal has %d of 9 calls", found)
	}
	if m := mismatches(s); m != nil {
		t.Errorf("mismatches: %v", m)
	}
}

// checkTemplates asks for a list that nobody has programmed: it keeps its
// schema, and the same question has the same answer.
func checkTemplates(t *testing.T, list string, e, other *emulator.Emulator) {
	t.Helper()
	type template struct {
		ID      int    `json:"template_id"`
		Version string `json:"user_version"`
		Created int64  `json:"create_time"`
	}
	var rows []template
	tp := credentials(t, e.Sandbox(emulator.DefaultSandbox)).TP.AccessToken
	first := get(e, list, "access_token", tp, "page", "1")
	first.data(t, &rows)
	for _, r := range rows {
		if r.ID < 1 || r.ID > 1000 || r.Version == "" || r.Created <= 0 {
			t.Errorf("a made-up row is %+v", r)
		}
	}
	if len(rows) < 2 {
		t.Errorf("%d rows, want at least 2: %s", len(rows), first.body)
	}
	for name, again := range map[string]answer{
		"a second time":       get(e, list, "access_token", tp, "page", "1"),
		"of another emulator": get(other, list, "access_token", credentials(t, other.Sandbox("default")).TP.AccessToken, "page", "1"),
	} {
		if !bytes.Equal(first.body, again.body) {
			t.Errorf("asked %s the answer is %s, not %s", name, again.body, first.body)
		}
	}
	if page2 := get(e, list, "access_token", tp, "page", "2"); bytes.Equal(page2.body, first.body) || page2.code() != 0 {
		t.Errorf("the second page is the first: %s", page2.body)
	}
}
