package emulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

const box = "/_emu/sandboxes/default"

// ask gives the control API an order; body is a JSON text or "".
func ask(h http.Handler, method, path, body string) answer {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", jsonType)
	}
	return serve(h, r)
}

// must gives an order that has to be obeyed and decodes the answer.
func must[T any](t testing.TB, h http.Handler, method, path, body string) (out T) {
	t.Helper()
	a := ask(h, method, path, body)
	if a.status >= 300 {
		t.Fatalf("%s %s %s: %d %s", method, path, body, a.status, a.body)
	}
	if len(a.body) > 0 {
		a.into(t, &out)
	}
	return out
}

type fields = map[string]any

// problem is what a refused order is answered with.
type problem struct {
	Title   string   `json:"title"`
	Status  int      `json:"status"`
	Detail  string   `json:"detail"`
	Pointer string   `json:"pointer"`
	Nearest []string `json:"nearest"`
	Errors  []struct {
		Pointer string   `json:"pointer"`
		Nearest []string `json:"nearest"`
	} `json:"errors"`
}

// refused gives an order that has to be refused.
func refused(t testing.TB, h http.Handler, status int, method, path, body string) (p problem) {
	t.Helper()
	a := ask(h, method, path, body)
	if a.status != status || a.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%s %s %s: %d %s, want %d", method, path, body, a.status, a.body, status)
	}
	a.into(t, &p)
	if p.Status != status || p.Title == "" || p.Detail == "" {
		t.Errorf("problem %s: want title, status and detail", a.body)
	}
	return p
}

func TestControlAboutTheEmulator(t *testing.T) {
	broken := &recorder{}
	e := newEmulator(t, func(o *emulator.Options) { o.Broker = broken; o.Version = "1.2.3" })
	if got := must[fields](t, e, "GET", "/_emu/health", ""); got["status"] != "ok" || got["version"] != "1.2.3" {
		t.Errorf("health: %v", got)
	}
	if got := must[fields](t, e, "GET", "/_emu/ready", ""); got["ready"] != true || got["sandboxes"] != 1.0 {
		t.Errorf("ready: %v", got)
	}
	for path, begins := range map[string]string{"/_emu/openapi.yaml": "# The contract of the Baidu", "/_emu/admin.yaml": "# The contract of the emulator's"} {
		a := ask(e, "GET", path, "")
		if a.status != 200 || a.header.Get("Content-Type") != "application/yaml" || !bytes.HasPrefix(a.body, []byte(begins)) {
			t.Errorf("%s: %d %s %.40s", path, a.status, a.header, a.body)
		}
	}
	if a := ask(e, "HEAD", "/_emu/health", ""); a.status != 200 {
		t.Errorf("HEAD: %d", a.status)
	}
	p := refused(t, e, 405, "POST", "/_emu/health", "")
	if !strings.Contains(p.Detail, "GET") {
		t.Errorf("405: %v", p)
	}
}

// unready is a broker that cannot be reached.
type unready struct{ recorder }

func (*unready) Ready(context.Context) error { return errors.New("nobody answers at 127.0.0.1:9") }

func TestControlNotReady(t *testing.T) {
	e := newEmulator(t, func(o *emulator.Options) { o.Broker = &unready{} })
	a := ask(e, "GET", "/_emu/ready", "")
	if a.status != 503 || !strings.Contains(string(a.body), "nobody answers at 127.0.0.1:9") {
		t.Errorf("ready: %d %s", a.status, a.body)
	}
}

func TestControlForeignContract(t *testing.T) {
	doc := `{"openapi":"3.0.3","info":{"title":"x","version":"1"},"paths":{"/a":{"get":{"responses":{"200":{"description":"ok"}}}}}}`
	e := newEmulator(t, func(o *emulator.Options) { o.Spec = []byte(doc); o.SpecName = "x.json" })
	a := ask(e, "GET", "/_emu/openapi.yaml", "")
	if a.header.Get("Content-Type") != jsonType || string(a.body) != doc {
		t.Errorf("contract: %v %s", a.header, a.body)
	}
	must[fields](t, e, "PATCH", box+"/apps/1452365", `{"name":"x"}`)
	refused(t, e, 400, "POST", box+"/apps", `{"packages":[{"version":"1","state":"online"}]}`)
	must[fields](t, e, "POST", box+"/decisions", `{"kind":"audit","result":"pass"}`)
	must[fields](t, e, "PUT", box+"/state", string(ask(e, "GET", box+"/state", "").body))
}

func TestControlUnknown(t *testing.T) {
	e := newEmulator(t, nil)
	must[fields](t, e, "POST", "/_emu/sandboxes", `{"name":"other"}`)
	for _, c := range []struct {
		method, path, body string
		status             int
		pointer            string
		nearest            []string
	}{
		{"GET", "/_emu/sandboxes/defualt", "", 404, "", []string{"default"}},
		{"GET", "/_emu/sandboxes/zzzzzzzzz/apps", "", 404, "", []string{"default", "other"}},
		{"GET", "/_emu/sandboxs", "", 404, "", []string{"/_emu/sandboxes"}},
		{"GET", box + "/cloc", "", 404, "", []string{box + "/clock"}},
		{"GET", box + "/apps/1452366", "", 404, "/app_id", []string{"1452365"}},
		{"GET", box + "/apps/x", "", 400, "/app_id", nil},
		{"GET", box + "/tps/17328231", "", 404, "/tp_id", []string{"17328232"}},
		{"GET", box + "/journal?limt=3", "", 400, "/limt", []string{"limit"}},
		{"GET", box + "/journal?kind=transitions", "", 400, "/kind", nil},
		{"GET", box + "/apps?sandbox=other", "", 400, "/sandbox", nil},
		{"POST", box + "/apps", `{"nmae":"x"}`, 400, "/nmae", []string{"name"}},
		{"POST", box + "/apps", `{"sandbox":"other"}`, 400, "/sandbox", nil},
		{"POST", box + "/apps", `{"packages":[{"version":"1","state":"online"},{"version":"2","state":"development","previos":3}]}`, 400, "/packages/1/previos", []string{"previous"}},
		{"POST", "/_emu/sandboxes", `{"clock":{"mdoe":"virtual"}}`, 400, "/clock/mdoe", []string{"mode"}},
		{"POST", "/_emu/sandboxes", `{"clock":{"mode":"fast"}}`, 400, "/clock/mode", nil},
		{"POST", "/_emu/sandboxes", `{"clock":{"mode":"x9999999999"}}`, 400, "/clock/mode", nil},
		{"POST", "/_emu/sandboxes", `{"name":"a.b"}`, 400, "/name", nil},
		{"POST", "/_emu/sandboxes", `{"name":"other"}`, 409, "/name", nil},
		{"POST", "/_emu/sandboxes", `[1]`, 400, "", nil},
		{"POST", "/_emu/sandboxes", `{"name":`, 400, "", nil},
		{"DELETE", box, "", 409, "", nil},
		{"PUT", box + "/tps/1", "", 405, "", nil},
		{"GET", box + "/deliveries/1/redeliver", "", 405, "", nil},
		{"POST", box + "/deliveries/1/redeliver", "", 404, "/event", nil},
	} {
		p := refused(t, e, c.status, c.method, c.path, c.body)
		if p.Pointer != c.pointer || c.nearest != nil && !slices.Equal(p.Nearest, c.nearest) {
			t.Errorf("%s %s %s: %+v, want pointer %q, nearest %q", c.method, c.path, c.body, p, c.pointer, c.nearest)
		}
	}
	p := refused(t, e, 400, "POST", box+"/apps", `{"nmae":"x","owner_type":9,"desk":"y"}`)
	if len(p.Errors) != 3 {
		t.Errorf("all that is wrong is told at once: %+v", p)
	}
}

func TestControlBodies(t *testing.T) {
	e := newEmulator(t, func(o *emulator.Options) { o.BodyLimit = 100 })
	// A JSON body that curl -d labels a form, a form, and the query.
	for _, c := range []struct{ target, kind, body string }{
		{box + "/clock/advance", formType, ` {"by":"1h"}`},
		{box + "/clock/advance", formType, `by=1h`},
		{box + "/clock/advance?by=1h", "", ``},
		{box + "/clock/advance?by=3h", jsonType, `{"by":"1h"}`}, // the body wins
	} {
		if a := postBody(e, c.target, c.kind, c.body); a.status != 200 {
			t.Errorf("%s %s: %d %s", c.target, c.body, a.status, a.body)
		}
	}
	if now := e.Sandbox("default").Now(); !now.Equal(time.Date(2026, 1, 5, 5, 0, 0, 0, time.UTC)) {
		t.Errorf("four hours later it is %s", now)
	}
	if a := postBody(e, box+"/clock/advance", jsonType, `{"by":"`+strings.Repeat("0", 100)+`1h"}`); a.status != 413 {
		t.Errorf("a body over the limit: %d %s", a.status, a.body)
	}
	if a := postBody(e, box+"/clock/advance", "text/plain", `by=1h`); a.status != 415 {
		t.Errorf("another media type: %d %s", a.status, a.body)
	}
}

func TestControlSandboxes(t *testing.T) {
	e := newEmulator(t, nil)
	first := must[emulator.Credentials](t, e, "POST", "/_emu/sandboxes", "")
	second := must[emulator.Credentials](t, e, "POST", "/_emu/sandboxes",
		`{"seed":7,"clock":{"mode":"virtual","start":"2030-02-03T04:05:06+08:00"},"manual":true}`)
	if first.Sandbox != "sb-1" || second.Sandbox != "sb-2" || second.Topic != "smartapp.change.sb-2" {
		t.Errorf("generated names: %q %q, topic %q", first.Sandbox, second.Sandbox, second.Topic)
	}
	if first.App.AppKey == second.App.AppKey || first.Authorizer.AccessToken == second.Authorizer.AccessToken {
		t.Error("two sandboxes share credentials")
	}
	got := must[fields](t, e, "GET", "/_emu/sandboxes/sb-2", "")
	want := fields{
		"name": "sb-2", "seed": 7.0, "now": "2030-02-03T04:05:06+08:00", "rate": 0.0, "mode": "virtual", "manual": true,
		"topic": "smartapp.change.sb-2", "apps": 1.0, "packages": 0.0, "owed": 0.0, "journal": 1.0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sandbox (-want +got):\n%s", diff)
	}
	list := must[struct{ Sandboxes []struct{ Name string } }](t, e, "GET", "/_emu/sandboxes", "")
	if len(list.Sandboxes) != 3 || list.Sandboxes[0].Name != "default" || list.Sandboxes[2].Name != "sb-2" {
		t.Errorf("list: %+v", list)
	}
	if a := ask(e, "DELETE", "/_emu/sandboxes/sb-1", ""); a.status != 204 || len(a.body) != 0 {
		t.Errorf("delete: %d %s", a.status, a.body)
	}
	refused(t, e, 404, "DELETE", "/_emu/sandboxes/sb-1", "")
	if a := get(e, pathList, "access_token", first.Authorizer.AccessToken); a.code() != 110 {
		t.Errorf("a token of a deleted sandbox: %s", a.body)
	}
	if a := get(e, pathList, "access_token", second.Authorizer.AccessToken); a.code() != 0 {
		t.Errorf("a token of another sandbox: %s", a.body)
	}
	if third := must[emulator.Credentials](t, e, "POST", "/_emu/sandboxes", "{}"); third.Sandbox != "sb-3" {
		t.Errorf("a name is generated twice: %q", third.Sandbox)
	}
}

func TestControlReset(t *testing.T) {
	e := newEmulator(t, nil)
	creds := must[emulator.Credentials](t, e, "POST", "/_emu/sandboxes", `{"name":"again","seed":9}`)
	path := "/_emu/sandboxes/again"
	run := func(c emulator.Credentials) string {
		for _, h := range []string{"a", "b"} {
			post(e, pathUpload, "access_token", c.Authorizer.AccessToken, "template_id", "754", "ext_json", "{}", "user_version", "1.0."+h, "user_desc", "x")
			must[fields](t, e, "POST", path+"/clock/advance", `{"by":"3s"}`)
		}
		post(e, pathToken, "grant_type", "client_credentials", "client_id", c.App.AppKey, "client_secret", c.App.AppSecret)
		must[fields](t, e, "PATCH", path+"/config", `{"manual":true,"audit_delay":"7m"}`)
		must[fields](t, e, "POST", path+"/clock/rate", `{"rate":0}`)
		return string(ask(e, "GET", path+"/journal?limit=1000", "").body)
	}
	before := run(creds)
	again := must[emulator.Credentials](t, e, "POST", path+"/reset", "")
	if again != creds {
		t.Errorf("credentials after a reset (-before +after):\n%s", cmp.Diff(creds, again))
	}
	if got := must[fields](t, e, "GET", path+"/config", ""); got["manual"] != false || got["audit_delay"] != "5s" {
		t.Errorf("config after a reset: %v", got)
	}
	if after := run(again); after != before {
		t.Errorf("journals (-before +after):\n%s", cmp.Diff(before, after))
	}
	if len(before) < 1000 {
		t.Errorf("nothing has happened: %s", before)
	}

	// The default sandbox is found by nobody's requests after a reset too.
	old := must[emulator.Credentials](t, e, "POST", box+"/credentials", "{}")
	must[fields](t, e, "POST", box+"/reset", "")
	if a := get(e, pathList, "access_token", old.Authorizer.AccessToken); a.code() != 0 {
		t.Errorf("the same input gives the same token: %s", a.body)
	}
	if a := get(e, pathList); a.code() != 110 {
		t.Errorf("without a token: %s", a.body)
	}
	if j := e.Sandbox("default").Journal(0, 10); len(j) != 3 {
		t.Errorf("%d entries in the default sandbox's journal, want the order and two calls", len(j))
	}
}

func TestControlState(t *testing.T) {
	e := newEmulator(t, nil)
	c := must[emulator.Credentials](t, e, "POST", box+"/credentials", "")
	post(e, pathUpload, "access_token", c.Authorizer.AccessToken, "template_id", "754", "ext_json", "{}", "user_version", "1.0.0", "user_desc", "x")
	must[fields](t, e, "POST", box+"/apps", `{"packages":[{"version":"1","state":"in_review"},{"version":"2","state":"rolling_back"},{"version":"0","state":"superseded"}]}`)
	must[fields](t, e, "POST", box+"/tps", `{"authorization_url":"http://127.0.0.1:1/ticket","apps":[1452365]}`)
	must[fields](t, e, "POST", box+"/decisions", `{"kind":"audit","result":"fail","reason":"名称过长","after":"2h"}`)
	exported := ask(e, "GET", box+"/state", "").body
	last := e.Sandbox("default").Journal(0, 1000)
	imported := must[fields](t, e, "PUT", box+"/state", string(exported))
	if imported["apps"] != 2.0 || imported["packages"] != 4.0 {
		t.Errorf("after the import: %v", imported)
	}
	if again := ask(e, "GET", box+"/state", "").body; !bytes.Equal(exported, again) {
		t.Errorf("export, import, export (-first +second):\n%s", cmp.Diff(string(exported), string(again)))
	}
	if journal := e.Sandbox("default").Journal(0, 1000); len(journal) != len(last)+1 {
		t.Errorf("the journal has %d entries, had %d; want the import as well", len(journal), len(last))
	}
	if a := get(e, pathList, "access_token", c.Authorizer.AccessToken); a.code() != 0 {
		t.Errorf("a token of the state: %s", a.body)
	}
	must[fields](t, e, "POST", box+"/clock/advance", `{"by":"5s"}`)

	// Another sandbox may not have the same credentials; without the first it may.
	must[fields](t, e, "POST", "/_emu/sandboxes", `{"name":"copy"}`)
	before := ask(e, "GET", "/_emu/sandboxes/copy/state", "").body
	refused(t, e, 409, "PUT", "/_emu/sandboxes/copy/state", string(exported))
	if after := ask(e, "GET", "/_emu/sandboxes/copy/state", "").body; !bytes.Equal(before, after) {
		t.Error("a refused import has changed the sandbox")
	}
	mine := must[emulator.Credentials](t, e, "POST", "/_emu/sandboxes/copy/credentials", "")
	if a := get(e, pathList, "access_token", mine.Authorizer.AccessToken); a.code() != 0 {
		t.Errorf("a refused import has cost the sandbox its credentials: %s", a.body)
	}
	if a := get(e, pathList, "access_token", c.Authorizer.AccessToken); a.code() != 0 {
		t.Errorf("a refused import has cost the other sandbox its credentials: %s", a.body)
	}
	must[fields](t, e, "POST", "/_emu/sandboxes", `{"name":"gone","seed":5}`)
	moved := ask(e, "GET", "/_emu/sandboxes/gone/state", "").body
	must[fields](t, e, "DELETE", "/_emu/sandboxes/gone", "")
	got := must[fields](t, e, "PUT", "/_emu/sandboxes/copy/state", string(moved))
	if got["name"] != "copy" || got["topic"] != "smartapp.change.copy" || got["seed"] != 5.0 {
		t.Errorf("an imported state keeps the sandbox's name and topic: %v", got)
	}
}

// TestControlBadStates imports states that do not hold together.
func TestControlBadStates(t *testing.T) {
	e := newEmulator(t, nil)
	must[fields](t, e, "POST", box+"/apps", `{"app_id":5,"packages":[{"version":"1","state":"in_review"},{"version":"2","state":"online"}]}`)
	must[fields](t, e, "POST", box+"/decisions", `{"kind":"audit","result":"pass"}`)
	must[fields](t, e, "PATCH", box+"/apps/5", `{"name":"y"}`)
	good := ask(e, "GET", box+"/state", "").body
	set := func(path string, value any) string {
		var state any
		if err := json.Unmarshal(good, &state); err != nil {
			t.Fatal(err)
		}
		at := state
		parts := strings.Split(path, "/")
		for i, part := range parts {
			next := func(v any) any {
				if i == len(parts)-1 {
					return value
				}
				return v
			}
			switch v := at.(type) {
			case map[string]any:
				v[part] = next(v[part])
				at = v[part]
			case []any:
				v[0] = next(v[0])
				at = v[0]
			}
		}
		out, _ := json.Marshal(state)
		return string(out)
	}
	for path, value := range map[string]any{
		"version": 2, "name": "", "rate": -1, "at": -5, "apps": nil, "tokens": nil, "hosts": nil, "codes": nil, "tps": nil,
		"origin/mode": "fast", "config/token_ttl": 0, "config/push_attempts": 0, "config/audit_quota": -1, "last_timer": 0,
		"last_event": 0, "last_package": 0, "inputs": -1, "apps/5": nil, "apps/5/app_id": 6, "apps/5/status": 9,
		"apps/5/packages/0": nil, "apps/5/packages/0/state": "replaced", "apps/5/packages/0/timer": 99,
		"apps/5/packages/0/package_id": 99999, "apps/5/app_key": "", "tps/17328232/encoding_aes_key": "short",
		"tps/17328232/apps": fields{"77": fields{"since": 1}}, "tps/17328232/ticket_timer": 3, "events/0": nil,
		"events/0/channel": "fax", "events/0/status": "lost", "events/0/payload": "x", "kafka_queue": []int{77},
		"kafka_wait": 7, "timers/0/kind": "bomb", "timers/0/decision": nil, "timers/0/package_id": 1,
		"timers/0/decision/result": "maybe", "decisions/0": nil, "decisions/0/kind": "rollback", "tokens/x": nil, "codes/x": nil,
		"hosts/x": nil, "seeds": 1, "users": nil, "devices": nil, "login_codes": nil, "sessions": nil, "swanids": nil,
		"users/295421489": nil, "users/295421489/huid": 5, "users/295421489/sex": 3, "users/295421489/nickname": "",
		"users/295421489/addresses/0/id": 0, "users/295421489/invoice_titles/0/type": 2, "devices/x": fields{"cuid": "x"},
		"users/7":       fields{"huid": 7, "nickname": "x", "grants": fields{"5": fields{"scope.camera": nil}}},
		"login_codes/x": fields{"app_id": 5, "huid": 5}, "sessions/5/5": nil, "last_user": -1,
		"login_codes/y": fields{"app_id": 5, "huid": 295421489, "expires": -1}, "config/code_ttl": 0, "config/session_ttl": 5,
		"config/sign_window": -1, "sessions/y": fields{"app_id": 5, "huid": 295421489, "session_key": "x"}, "apps/5/nmae": "x",
	} {
		if a := ask(e, "PUT", box+"/state", set(path, value)); a.status != 400 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	refused(t, e, 400, "PUT", box+"/state", "{")
	refused(t, e, 400, "PUT", box+"/state", "")
	if p := refused(t, e, 400, "PUT", box+"/state", set("apps/5/packages/0/vresion", "x")); p.Pointer != "/apps/5/packages/0/vresion" || !slices.Equal(p.Nearest, []string{"version"}) {
		t.Errorf("an unknown member: %+v", p)
	}
	if after := ask(e, "GET", box+"/state", "").body; !bytes.Equal(good, after) {
		t.Error("refused imports have changed the sandbox")
	}
	must[fields](t, e, "PUT", box+"/state", set("seed", 3))
}
