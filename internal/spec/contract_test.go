package spec

import (
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// platformText returns the authored contract.
func platformText(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestLoadOpenAPI(t *testing.T) {
	c, err := Load(platformText(t), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !c.Platform() || len(c.Operations()) == 0 || len(c.Warnings()) > 0 {
		t.Errorf("got platform %v, %d operations, warnings %v", c.Platform(), len(c.Operations()), c.Warnings())
	}
	for _, o := range c.Operations() {
		if o.plan() == nil || o.Envelope == "" {
			t.Errorf("%s: no plan or no envelope", o.ID)
		}
	}
}

func TestLoadOperations(t *testing.T) {
	c := load(t, sample)
	var got []string
	for _, o := range c.Operations() {
		got = append(got, o.Method+" "+o.Path+" "+o.ID)
	}
	want := []string{
		"GET /items/{id}/parts/first firstPart", "PUT /items/{id}/parts/{part} putPart", "GET /public/token token",
		"POST /rest/strict strict", "GET /rest/submit submitByGet", "POST /rest/submit submit",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	o := operation(t, c, "submit")
	if o.Envelope != "business" || !o.Merged || !o.Secured || o.TokenParam != "access_token" || o.Summary != "Submit." ||
		!slices.Equal(o.Errors, []string{"Invalid", "Token"}) || !slices.Equal(o.Principals, []string{"tp", "developer"}) ||
		o.Evidence != (Evidence{"documented", "S1"}) {
		t.Errorf("got %+v", o)
	}
	if get := operation(t, c, "submitByGet"); get.Call() != "submit" || o.Call() != "submit" {
		t.Errorf("calls: got %q and %q", get.Call(), o.Call())
	}
	if token := operation(t, c, "token"); token.Secured || token.TokenParam != "" || !token.Secret("access_token") {
		t.Errorf("token: got secured %v by %q", token.Secured, token.TokenParam)
	}
	for name, want := range map[string]bool{"secret": true, "access_token": true, "content": false} {
		if o.Secret(name) != want {
			t.Errorf("secret %s: got %v", name, !want)
		}
	}
}

func TestLoadExtensions(t *testing.T) {
	c := load(t, sample)
	e, ok := c.Error("Client")
	want := ErrorDef{
		Name: "Client", Status: 400, Header: map[string]string{"Cache-Control": "no-store"},
		Body: []Member{{"error", []byte(`"invalid_client"`)}, {"b", []byte("1")}, {"a", []byte("2")}},
	}
	if diff := cmp.Diff(want, e); !ok || diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if e, _ := c.Error("Token"); e.Status != 200 || string(e.Body[1].Value) != `"no \"token\""` {
		t.Errorf("error Token: got %+v", e)
	}
	if _, ok := c.Error("Nothing"); ok || len(c.Errors()) != 3 || c.Errors()[0].Name != "Invalid" {
		t.Errorf("errors: got %+v", c.Errors())
	}
	env, ok := c.Envelope("business")
	wantEnvelope := &Envelope{
		Name: "business", Success: []Member{{"errno", []byte("0")}, {"msg", []byte(`"success"`)}}, Data: "data",
		Refusals: map[string]string{"invalid": "Invalid", "unauthenticated": "Token"},
	}
	if diff := cmp.Diff(wantEnvelope, env); !ok || diff != "" {
		t.Errorf("envelope (-want +got):\n%s", diff)
	}
	if e, ok := c.Event("CHANGED"); !ok || e.Channel != "kafka" || e.Code != 101 || e.Title != "changed" || e.Evidence.Source != "S0" {
		t.Errorf("event: got %+v", e)
	}
	if len(c.Events()) != 2 || c.Events()[1].Name != "PASSED" {
		t.Errorf("events: got %+v", c.Events())
	}
	l, ok := c.Lifecycle("package")
	if !ok || len(l.States) != 3 || len(l.Gates) != 1 || len(l.Transitions) != 3 || !slices.Equal(c.Lifecycles(), []string{"package"}) {
		t.Fatalf("lifecycle: got %+v", l)
	}
	wantTransition := Transition{
		Name: "done", From: []string{"uploading"}, To: "development", Decision: "upload", Outcome: "pass", When: "direct_commit",
		After: 3 * time.Second, Gates: []string{"approved"}, Emits: []string{"CHANGED"},
	}
	if diff := cmp.Diff(wantTransition, l.Transitions[1]); diff != "" {
		t.Errorf("transition (-want +got):\n%s", diff)
	}
	if s := l.States[1]; s.Status != 3 || !s.Listed || s.Slot != "dev" || s.Final || !l.States[2].Final || l.States[0].UploadStatus != 1 {
		t.Errorf("states: got %+v", l.States)
	}
}

func TestCheckEvent(t *testing.T) {
	c := load(t, sample)
	for _, test := range []struct{ name, payload, want string }{
		{"CHANGED", `{"code":101,"data":{"app_id":1}}`, ""},
		{"CHANGED", `{"code":101,"data":{}}`, "event CHANGED: /data/app_id is missing"},
		{"CHANGED", `{"code":`, "event CHANGED: the whole is malformed: expected a JSON text in UTF-8"},
		{"CHANGED", `{} {}`, "event CHANGED: the whole is malformed: expected a JSON text in UTF-8"},
		{"PASSED", `{"event":"PASSED"}`, ""},
		{"PASSED", `{"event":"FAILED"}`, "event PASSED: /event is none of PASSED"},
		{"NOTHING", `{}`, "event NOTHING: not in the contract"},
	} {
		if got := text(c.CheckEvent(test.name, []byte(test.payload))); got != test.want {
			t.Errorf("%s %s: got %q, want %q", test.name, test.payload, got, test.want)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestLoadRefuses(t *testing.T) {
	const minimal = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {}\n"
	for _, test := range []struct{ name, text, want string }{
		{"empty", " \n", "sample.yaml: the document is empty"},
		{"list", "- 1\n", "sample.yaml:1:1: expected a mapping at the top of the document"},
		{"swagger", "swagger: '2.0'\n", "sample.yaml:1:10: Swagger 2.0 is not supported; convert the document to OpenAPI 3.0"},
		{"no version", "info: {}\n", "sample.yaml:1:1: no openapi version; expected an OpenAPI 3.0 document"},
		{"version", "openapi: 4.0.0\n", "sample.yaml:1:10: OpenAPI 4.0.0 is not supported; expected 3.0 or 3.1"},
		{"YAML syntax", "openapi: 3.0.3\ninfo: [1\npaths: {}\n", "sample.yaml:3:"},
		{"JSON syntax", "{\n  \"openapi\": \"3.0.3\",\n  \"info\" 1}", "sample.yaml:3:10: "},
		{"twice", minimal + "paths: {}\n", "sample.yaml:4:1: key \"paths\" stands twice"},
		{"twice in JSON", `{"openapi":"3.0.3","info":{"title":"t","version":"1"},"paths":{},"paths":{}}`, "sample.yaml:1:66: key \"paths\" stands twice"},
		{"external", minimal + "components: {schemas: {A: {$ref: 'other.yaml'}}}\n", "sample.yaml: "},
		{"reference", minimal + "components: {schemas: {A: {example: {$ref: '#/no'}, items: {$ref: '#/components/schemas/Thng'}}, Thing: {type: string}}}\n", "sample.yaml:4:67: #/components/schemas/Thng leads nowhere: there is no \"Thng\" (did you mean \"Thing\"?)"},
		{"reference in a list", minimal + "components: {schemas: {A: {oneOf: [{type: string}]}, C: {$ref: '#/components/schemas/A/oneOf/1'}}}\n", "sample.yaml:4:64: #/components/schemas/A/oneOf/1 leads nowhere: there is no \"1\""},
		{"invalid", "openapi: 3.0.3\npaths: {}\n", "sample.yaml: invalid info"},
		{"alias bomb", bomb(), "sample.yaml:"},
		{"recursion", minimal + "x-a: &a [*a]\ncomponents: *a\n", "sample.yaml:"},
		{"twin ids", minimal[:len(minimal)-len("paths: {}\n")] + "paths: {/a: {get: {operationId: a, responses: {'200': {description: d}}}, post: {operationId: a, responses: {'200': {description: d}}}}}\n", "sample.yaml: "},
	} {
		_, err := Load([]byte(test.text), LoadOptions{Name: "sample.yaml"})
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s…", test.name, err, test.want)
		}
	}
}

// bomb is a document whose aliases unfold to gigabytes.
func bomb() string {
	var b strings.Builder
	b.WriteString("openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {}\ncomponents:\n  a0: &a0 [xxxxxxxxxxxxxxxxxxxxxxxx]\n")
	for i := 1; i < 12; i++ {
		name := func(n int) string { return "a" + string(rune('a'+n)) }
		from := "a0"
		if i > 1 {
			from = name(i - 1)
		}
		b.WriteString("  " + name(i) + ": &" + name(i) + " [" + strings.Repeat("*"+from+",", 20) + "]\n")
	}
	return b.String()
}

func TestLoadRefusesExtensions(t *testing.T) {
	for _, test := range []struct{ old, replacement, want string }{
		{"x-parameters-in: [query, body]\n      x-errors", "x-parameters-im: [query, body]\n      x-errors", `: /paths/~1rest~1submit/post: unknown extension "x-parameters-im" (did you mean "x-parameters-in"?)`},
		{"pattern: '^[a-z]+$'", "x-want: letters", `: /components/schemas/Submit/properties/code/x-want: says what a pattern or a format wants, and there is neither`},
		{"pattern: '^[a-z]+$'", "pattern: '^[a-z]+$', x-want: [letters]", `: /components/schemas/Submit/properties/code/x-want: expected a text`},
		{"detail: msg", "detial: msg", `: /x-errors/Invalid: unknown key "detial" (did you mean "detail"?)`},
		{"detail: msg", "detail: errno", `: /x-errors/Invalid/detail: "errno" is no text of the body`},
		{"status: 400", "status: 4000", `: /x-errors/Client/status: expected an HTTP status`},
		{"refusals: {invalid: Client}", "refusals: {invalid: Clients}", `: /x-envelopes/oauth/refusals/invalid: unknown error "Clients" (did you mean "Client"?)`},
		{"refusals: {invalid: Client}", "refusals: {invalit: Client}", `: /x-envelopes/oauth/refusals/invalit: unknown stage "invalit" (did you mean "invalid"?)`},
		{"x-same-as: submit", "x-same-as: submits", `: /paths/~1rest~1submit/get/x-same-as: unknown operation "submits" (did you mean "submit"?)`},
		{"x-same-as: submit", "x-same-as: submitByGet", `: /paths/~1rest~1submit/get/x-same-as: "submitByGet" is not a call of its own`},
		{"x-errors: [Invalid, Token]", "x-errors: [Invalid, Tokens]", `: /paths/~1rest~1submit/post/x-errors/1: unknown error "Tokens" (did you mean "Token"?)`},
		{"x-evidence: {grade: documented, source: S1}", "x-evidence: {grade: seen, source: S1}", `: /paths/~1rest~1submit/post/x-evidence: unknown grade "seen"; expected one of assumed, documented, observed`},
		{"channel: kafka", "channel: kafla", `: /x-events/CHANGED/channel: unknown channel "kafla" (did you mean "kafka"?)`},
		{"schemas/Notice'}", "schemas/Notices'}", `: /x-events/CHANGED/schema: unknown schema "Notices" (did you mean "Notice"?)`},
		{"upload_status: 1", "upload_state: 1", `: /x-lifecycle/package/states/0: unknown key "upload_state" (did you mean "upload_status"?)`},
		{"listed: true", "listed: 1", `: /x-lifecycle/package/states/1/listed: expected true or false`},
		{"status: 3,", "status: three,", `: /x-lifecycle/package/states/1/status: expected an integer`},
		{"{name: gone, title", "{name: development, title", `expected one of development, development, uploading`},
		{"refuse: [Invalid]", "refuse: [Wrong]", `: /x-lifecycle/package/gates/0/refuse/0: unknown error "Wrong"; expected one of Client, Invalid, Token`},
		{"by: {operation: submit}", "by: {operation: submitt}", `: /x-lifecycle/package/transitions/0/by/operation: unknown operation "submitt" (did you mean "submit"?)`},
		{"by: {operation: submit}", "by: {operation: submit, decision: audit}", `: /x-lifecycle/package/transitions/0/by: expected exactly one of operation, decision and transition`},
		{"by: {operation: submit}", "by: {operation: submit, outcome: pass}", `: /x-lifecycle/package/transitions/0/by/outcome: only a decision has an outcome`},
		{", by: {operation: submit}", "", `: /x-lifecycle/package/transitions/0/by: expected exactly one of operation, decision and transition`},
		{"outcome: pass", "outcome: passed", `: /x-lifecycle/package/transitions/1/by/outcome: unknown outcome "passed" (did you mean "pass"?)`},
		{"after: 3s", "after: 3", `: /x-lifecycle/package/transitions/1/after: expected a duration such as 3s`},
		{"gates: [approved]", "gates: [approve]", `: /x-lifecycle/package/transitions/1/gates/0: unknown gate "approve" (did you mean "approved"?)`},
		{"emits: [CHANGED]", "emits: [CHANGE]", `: /x-lifecycle/package/transitions/1/emits/0: unknown event "CHANGE" (did you mean "CHANGED"?)`},
		{"to: development", "to: developement", `: /x-lifecycle/package/transitions/1/to: unknown state "developement" (did you mean "development"?)`},
		{"from: [uploading]", "from: [gone]", `: /x-lifecycle/package/transitions/1/from/0: state "gone" is final`},
		{"by: {transition: upload}", "by: {transition: uplaod}", `: /x-lifecycle/package/transitions/2/by/transition: unknown transition "uplaod" (did you mean "upload"?)`},
	} {
		changed := edited(t, test.old, test.replacement)
		_, err := Load([]byte(changed), LoadOptions{Name: "sample.yaml"})
		if err == nil || !strings.HasSuffix(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "sample.yaml:") {
			t.Errorf("%s: got %v, want …%s", test.replacement, err, test.want)
		}
	}
}

func TestLoadVerified(t *testing.T) {
	broken := edited(t, "type: {type: string, enum: [online, audit]}", "type: {type: strin, enum: [online, audit]}")
	if _, err := Load([]byte(broken), LoadOptions{}); err == nil {
		t.Error("an invalid document is loaded")
	}
	if c, err := Load(platformText(t), LoadOptions{Verified: true}); err != nil || len(c.Operations()) == 0 {
		t.Errorf("got %v", err)
	}
	// The dialect is checked all the same.
	if _, err := Load([]byte(edited(t, "detail: msg", "detial: msg")), LoadOptions{Verified: true}); err == nil {
		t.Error("a broken extension is loaded")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(foreign))
	f.Add([]byte(`{"openapi":"3.0.0","info":{"title":"t","version":"1"},"paths":{"/a":{"get":{"responses":{"200":{"description":""}}}}}}`))
	f.Add([]byte("openapi: 3.0.0\ninfo: &a {title: t, version: '1', x-a: *a}\npaths: {}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Load(data, LoadOptions{})
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a text")
			}
			return
		}
		for _, o := range c.Operations() {
			o.plan()
			_ = o.Secret("x")
		}
	})
}

func TestLoadServesPathsThatDifferOnlyInTheirParametersNames(t *testing.T) {
	c, err := Load([]byte(`
openapi: 3.0.3
info: {title: t, version: "1"}
paths:
  /orgs/{org}/attestations/{digest}:
    get:
      operationId: get
      parameters:
        - {name: org, in: path, required: true, schema: {type: string}}
        - {name: digest, in: path, required: true, schema: {type: string}}
      responses: {'200': {description: ok}}
  /orgs/{org}/attestations/{id}:
    delete:
      operationId: delete
      parameters:
        - {name: org, in: path, required: true, schema: {type: string}}
        - {name: id, in: path, required: true, schema: {type: string}}
      responses: {'204': {description: gone}}
`), LoadOptions{Name: "two.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	for method, want := range map[string]string{"GET": "get", "DELETE": "delete"} {
		m := c.Match(httptest.NewRequest(method, "/orgs/o/attestations/7", nil))
		if m.Operation == nil || m.Operation.ID != want {
			t.Errorf("%s: matched %v, want %s", method, m.Operation, want)
		}
	}
	if w := c.Warnings(); len(w) != 1 || !strings.Contains(w[0], "names of its parameters") {
		t.Errorf("warnings %q, want one that says so", w)
	}
}
