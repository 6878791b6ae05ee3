package emulator_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

// shownApp is an app as the control API shows it.
type shownApp struct {
	AppID      int64   `json:"app_id"`
	AppKey     string  `json:"app_key"`
	AppSecret  string  `json:"app_secret"`
	Name       string  `json:"name"`
	Verified   bool    `json:"verified"`
	NameOK     bool    `json:"name_approved"`
	CategoryOK bool    `json:"category_approved"`
	Quota      int     `json:"audit_quota"`
	Left       int     `json:"audits_left"`
	TPs        []int64 `json:"tps"`
	Packages   int     `json:"packages"`
	Authorizer struct {
		AccessToken string `json:"access_token"`
	} `json:"authorizer"`
}

// shownPackage is a package as the control API shows it.
type shownPackage struct {
	ID       int64  `json:"package_id"`
	Version  string `json:"version"`
	State    string `json:"state"`
	Status   int    `json:"status"`
	Listed   bool   `json:"listed"`
	Previous int64  `json:"previous"`
	Code     int    `json:"upload_err_code"`
	Waits    bool   `json:"waits"`
	Pending  *struct {
		Kind, At, Result, Reason string
		Code                     int
	} `json:"pending"`
}

func packagesOf(t testing.TB, h http.Handler, app int64) []shownPackage {
	t.Helper()
	return must[struct{ Packages []shownPackage }](t, h, "GET", fmt.Sprintf("%s/apps/%d/packages", box, app), "").Packages
}

func TestControlApps(t *testing.T) {
	broker := &recorder{}
	e := newEmulator(t, func(o *emulator.Options) { o.Broker = broker })
	app := must[shownApp](t, e, "POST", box+"/apps", `{"app_id":42,"app_key":"KEY","app_secret":"SECRET","name":"甲","verified":false,
		"basic_info_approved":false,"name_approved":true,"audit_quota":2,"tp_id":17328232}`)
	if app.AppKey != "KEY" || app.AppSecret != "SECRET" || app.Name != "甲" || app.Verified || !app.NameOK || app.CategoryOK ||
		app.Quota != 2 || app.Left != 2 || !slices.Equal(app.TPs, []int64{17328232}) {
		t.Errorf("created: %+v", app)
	}
	if a := get(e, pathAppInfo, "access_token", app.Authorizer.AccessToken); a.code() != 0 || !strings.Contains(string(a.body), "甲") {
		t.Errorf("the platform's view: %s", a.body)
	}
	if records := broker.take("smartapp.change"); len(records) != 0 {
		t.Errorf("a new app is not told: %d notices", len(records))
	}
	changed := must[shownApp](t, e, "PATCH", box+"/apps/42", `{"name":"乙","verified":true,"category":{"category_id":1,"category_name":"x"}}`)
	if changed.Name != "乙" || !changed.Verified || changed.AppKey != "KEY" {
		t.Errorf("changed: %+v", changed)
	}
	must[shownApp](t, e, "PATCH", box+"/apps/42", `{"name":"乙"}`)
	records := broker.take("smartapp.change")
	if len(records) != 1 || string(records[0].Value) != `{"code":100,"data":{"app_id":42}}` || string(records[0].Key) != "42" {
		t.Errorf("a change is told once: %q", records)
	}
	if got := must[shownApp](t, e, "GET", box+"/apps/42", ""); got.Name != "乙" {
		t.Errorf("get: %+v", got)
	}
	list := must[struct{ Apps []shownApp }](t, e, "GET", box+"/apps", "")
	if len(list.Apps) != 2 || list.Apps[0].AppID != 42 {
		t.Errorf("list: %+v", list)
	}
	if generated := must[shownApp](t, e, "POST", box+"/apps", ""); generated.AppID == 0 || len(generated.AppKey) != 32 || !generated.Verified {
		t.Errorf("generated: %+v", generated)
	}
	must[fields](t, e, "POST", "/_emu/sandboxes", `{"name":"other"}`)
	for body, want := range map[string]struct {
		status  int
		pointer string
	}{
		`{"app_id":42}`:                  {409, "/app_id"},
		`{"app_key":"KEY"}`:              {409, "/app_key"},
		`{"tp_id":5}`:                    {404, "/tp_id"},
		`{"status":3}`:                   {400, "/status"},
		`{"owner_type":6}`:               {400, "/owner_type"},
		`{"name":""}`:                    {400, "/name"},
		`{"category":{"category_id":1}}`: {400, "/category/category_name"},
	} {
		if p := refused(t, e, want.status, "POST", box+"/apps", body); p.Pointer != want.pointer {
			t.Errorf("%s: pointer %q, want %q", body, p.Pointer, want.pointer)
		}
	}
	if p := refused(t, e, 409, "POST", "/_emu/sandboxes/other/apps", `{"app_key":"KEY"}`); p.Pointer != "/app_key" {
		t.Errorf("another sandbox's key: %+v", p)
	}
	if strings.Contains(fmt.Sprint(entries(t, e.Sandbox("default"))), "SECRET") {
		t.Error("the journal shows a secret")
	}
}

// entries returns a journal as texts.
func entries(t testing.TB, s *emulator.Sandbox) (out []string) {
	t.Helper()
	for _, entry := range s.Journal(0, 1<<20) {
		text, err := entry.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	return out
}

func TestControlPackages(t *testing.T) {
	e := newEmulator(t, nil)
	app := must[shownApp](t, e, "POST", box+"/apps", `{"app_id":42,"tp_id":17328232,"packages":[
		{"version":"5","state":"development","package_id":9},
		{"version":"2","state":"online"},
		{"version":"0","state":"superseded"},
		{"version":"1","state":"superseded"},
		{"version":"3","state":"uploading","ext_json":"{\"directCommit\":true}"},
		{"version":"4","state":"upload_failed"},
		{"version":"6","state":"in_review","committed":"2025-12-31T23:59:59+08:00"}]}`)
	if app.Packages != 7 {
		t.Errorf("created: %+v", app)
	}
	got := packagesOf(t, e, 42)
	byVersion := map[string]shownPackage{}
	for _, p := range got {
		byVersion[p.Version] = p
	}
	online, failed := byVersion["2"], byVersion["4"]
	switch {
	case got[0].Version != "5" || got[0].ID != 9:
		t.Errorf("in order of id: %+v", got)
	case online.Previous != byVersion["1"].ID || byVersion["1"].Previous != byVersion["0"].ID || online.Status != 1:
		t.Errorf("what a rollback returns to: %+v", got)
	case failed.Code != -1 || !failed.Listed || byVersion["0"].Listed:
		t.Errorf("states: %+v", got)
	case byVersion["6"].Pending == nil || byVersion["6"].Pending.At != "2026-01-05T09:00:05+08:00" || byVersion["3"].Pending.Kind != "upload":
		t.Errorf("what is decided: %+v", got)
	}
	token := app.Authorizer.AccessToken
	var rows []struct {
		Version string
		Status  int
	}
	get(e, pathList, "access_token", token).data(t, &rows)
	if len(rows) != 5 {
		t.Errorf("the platform's list: %+v", rows)
	}
	if a := post(e, pathRollback, "access_token", token, "package_id", fmt.Sprint(online.ID)); a.code() != 0 {
		t.Errorf("rollback: %s", a.body)
	}
	must[fields](t, e, "POST", box+"/clock/advance", `{"by":"10s"}`)
	var states []string
	for _, p := range packagesOf(t, e, 42) {
		states = append(states, p.Version+" "+p.State)
	}
	// 3 cannot be submitted beside 6 and takes the place of 5.
	want := []string{"0 superseded", "1 online", "3 development", "4 upload_failed", "6 approved"}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("ten seconds later (-want +got):\n%s", diff)
	}

	for body, pointer := range map[string]string{
		`[{"version":"1","state":"replaced"}]`:                                                                       "/packages/0/state",
		`[{"version":"1","state":"online"},{"version":"2","state":"rolling_back"}]`:                                  "/packages/1/state",
		`[{"version":"1","state":"rejected"},{"version":"2","state":"approved"}]`:                                    "/packages/1/state",
		`[{"version":"1","state":"rolling_back"}]`:                                                                   "/packages",
		`[{"version":"1","state":"online","previous":9},{"version":"2","state":"superseded"}]`:                       "/packages",
		`[{"version":"1","state":"online","package_id":70,"previous":70}]`:                                           "/packages",
		`[{"version":"1","state":"development","ext_json":"{"}]`:                                                     "/packages/0/ext_json",
		`[{"version":"","state":"development"}]`:                                                                     "/packages/0/version",
		`[{"state":"development"}]`:                                                                                  "/packages/0/version",
		`[{"version":"1","state":"superseded","package_id":3},{"version":"2","state":"development","package_id":3}]`: "/packages/1/package_id",
	} {
		a := ask(e, "POST", box+"/apps", `{"app_id":43,"packages":`+body+`}`)
		var p problem
		if a.into(t, &p); a.status != 400 && a.status != 409 || p.Pointer != pointer {
			t.Errorf("%s: %d %+v, want pointer %s", body, a.status, p, pointer)
		}
	}
	refused(t, e, 404, "GET", box+"/apps/43", "")
}

func TestControlTPs(t *testing.T) {
	inbound := newReceiver(t)
	e := newEmulator(t, nil)
	tp := must[fields](t, e, "POST", box+"/tps", `{"tp_id":7,"client_id":"CID","token":"TOKEN","encoding_aes_key":"`+strings.Repeat("A", 43)+`","apps":[1452365]}`)
	if tp["client_id"] != "CID" || tp["push_url"] != "" || tp["next_ticket"] != nil || fmt.Sprint(tp["apps"]) != "[1.452365e+06]" {
		t.Errorf("created: %v", tp)
	}
	// Tickets begin at once, come every ten minutes, and end.
	url := inbound.open("ticket", strings.Repeat("A", 43), "TOKEN", 7)
	tp = must[fields](t, e, "PATCH", box+"/tps/7", `{"authorization_url":"`+url+`"}`)
	must[fields](t, e, "POST", box+"/clock/advance", `{"by":"25m"}`)
	got, faults := inbound.take("ticket")
	if len(got) != 3 || len(faults) > 0 {
		t.Errorf("%d tickets in 25 minutes (%v), want 3", len(got), faults)
	}
	if shown := must[fields](t, e, "GET", box+"/tps/7", ""); shown["next_ticket"] != "2026-01-05T09:30:00+08:00" || shown["ticket"] == tp["ticket"] {
		t.Errorf("after 25 minutes: %v", shown)
	}
	must[fields](t, e, "PATCH", box+"/tps/7", `{"authorization_url":""}`)
	must[fields](t, e, "POST", box+"/clock/advance", `{"by":"1h"}`)
	if got, _ := inbound.take("ticket"); len(got) != 0 {
		t.Errorf("%d tickets after they ended", len(got))
	}
	if clock := must[fields](t, e, "GET", box+"/clock", ""); len(clock["pending"].([]any)) != 0 {
		t.Errorf("timers after they ended: %v", clock)
	}
	if list := must[struct{ TPs []fields }](t, e, "GET", box+"/tps", ""); len(list.TPs) != 2 {
		t.Errorf("list: %v", list)
	}
	must[fields](t, e, "POST", "/_emu/sandboxes", `{"name":"other"}`)
	for body, status := range map[string]int{
		`{"tp_id":7}`: 409, `{"client_id":"CID"}`: 409, `{"apps":[3]}`: 404, `{"push_url":"ftp://x"}`: 400, `{"push_url":"http://"}`: 400,
		`{"push_url":"http://user:hush@x:1:2/"}`: 400, `{"encoding_aes_key":"hush"}`: 400, `{"authorization_url":"/hush"}`: 400,
		`{"token":""}`: 400, `{"encoding_aes_key":"` + strings.Repeat("_", 43) + `"}`: 400,
	} {
		a := ask(e, "POST", box+"/tps", body)
		if a.status != status || strings.Contains(string(a.body), "hush") {
			t.Errorf("%s: %d %s, want %d", body, a.status, a.body, status)
		}
	}
	refused(t, e, 409, "POST", "/_emu/sandboxes/other/tps", `{"client_id":"CID"}`)
	refused(t, e, 400, "PATCH", box+"/tps/7", `{"push_url":"x"}`)
	refused(t, e, 404, "PATCH", box+"/tps/8", `{}`)
	if text := fmt.Sprint(entries(t, e.Sandbox("default"))); strings.Contains(text, "TOKEN") || strings.Contains(text, "hush") {
		t.Error("the journal shows a secret")
	}
}

func TestControlAuthorizations(t *testing.T) {
	e := newEmulator(t, nil)
	c := must[emulator.Credentials](t, e, "POST", box+"/credentials", "")
	must[fields](t, e, "POST", box+"/apps", `{"app_id":42}`)
	var pre struct {
		Code string `json:"pre_auth_code"`
	}
	get(e, pathPreAuth, "access_token", c.TP.AccessToken).data(t, &pre)
	body := fmt.Sprintf(`{"tp_id":17328232,"app_id":42,"pre_auth_code":%q}`, pre.Code)
	code := must[struct {
		Code    string `json:"authorization_code"`
		Expires int    `json:"expires_in"`
	}](t, e, "POST", box+"/authorizations", body)
	if code.Expires != 3600 {
		t.Errorf("expires_in %d", code.Expires)
	}
	if p := refused(t, e, 409, "POST", box+"/authorizations", body); p.Pointer != "/pre_auth_code" {
		t.Errorf("a code works once: %+v", p)
	}
	var token struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	get(e, pathExchange, "access_token", c.TP.AccessToken, "grant_type", "app_to_tp_authorization_code", "code", code.Code).into(t, &token)
	if a := get(e, pathList, "access_token", token.Access); a.code() != 0 {
		t.Errorf("the token that came of it: %s", a.body)
	}
	if a := ask(e, "DELETE", box+"/authorizations/17328232/42", ""); a.status != 204 {
		t.Errorf("revoke: %d %s", a.status, a.body)
	}
	if a := get(e, pathList, "access_token", token.Access); a.code() != 110 {
		t.Errorf("the token after it was revoked: %s", a.body)
	}
	if a := get(e, pathExchange, "access_token", c.TP.AccessToken, "grant_type", "app_to_tp_refresh_token", "refresh_token", token.Refresh); a.code() != -1 {
		t.Errorf("the refresh token after it was revoked: %s", a.body)
	}
	if p := refused(t, e, 404, "DELETE", box+"/authorizations/17328232/42", ""); !slices.Equal(p.Nearest, []string{"1452365"}) {
		t.Errorf("revoked twice: %+v", p)
	}
	refused(t, e, 404, "DELETE", box+"/authorizations/1/42", "")
	refused(t, e, 404, "POST", box+"/authorizations", `{"tp_id":1,"app_id":42}`)
	refused(t, e, 404, "POST", box+"/authorizations", `{"tp_id":17328232,"app_id":43}`)
	if p := refused(t, e, 400, "POST", box+"/authorizations", `{"tp_id":17328232}`); p.Pointer != "/app_id" {
		t.Errorf("incomplete: %+v", p)
	}
	if text := fmt.Sprint(entries(t, e.Sandbox("default"))); strings.Contains(text, pre.Code) || strings.Contains(text, code.Code) {
		t.Error("the journal shows a code")
	}
}

// TestControlSecondEmulator proves that what the control API did outlives the
// process.
func TestControlSecondEmulator(t *testing.T) {
	kept := newMemory()
	open := func() *emulator.Emulator {
		e, err := emulator.New(context.Background(), emulator.Options{Strict: true, AdminOpen: true, Store: kept, Clock: emulator.Clock{Mode: "virtual"}})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := open()
	must[fields](t, e, "POST", "/_emu/sandboxes", `{"name":"a","seed":3}`)
	must[fields](t, e, "POST", "/_emu/sandboxes", `{"name":"b"}`)
	must[fields](t, e, "DELETE", "/_emu/sandboxes/b", "")
	must[shownApp](t, e, "POST", "/_emu/sandboxes/a/apps", `{"app_id":42,"packages":[{"version":"1","state":"in_review"}]}`)
	must[fields](t, e, "PATCH", "/_emu/sandboxes/a/config", `{"audit_delay":"1h","manual":true}`)
	must[fields](t, e, "POST", "/_emu/sandboxes/a/decisions", `{"kind":"audit","result":"fail","reason":"x","package_id":55001,"after":"2h"}`)
	must[fields](t, e, "POST", "/_emu/sandboxes/a/clock/advance", `{"by":"90m"}`)
	must[fields](t, e, "POST", "/_emu/sandboxes/a/clock/advance", `{"by":"45m"}`)
	must[fields](t, e, "POST", box+"/apps", `{"app_id":43}`)
	must[fields](t, e, "POST", box+"/reset", "")
	must[fields](t, e, "POST", box+"/tps", `{"tp_id":44}`)
	refused(t, e, 409, "POST", box+"/tps", `{"tp_id":44}`)
	refused(t, e, 409, "POST", box+"/tps", `{"client_id":"`+e.Sandbox("a").Name()+`","tp_id":44}`)
	state := ask(e, "GET", "/_emu/sandboxes/a/state", "").body
	must[fields](t, e, "PUT", "/_emu/sandboxes/a/state", string(state))
	must[shownApp](t, e, "PATCH", "/_emu/sandboxes/a/apps/42", `{"name":"n"}`)
	var before []string
	for _, name := range []string{"default", "a"} {
		before = append(before, string(ask(e, "GET", "/_emu/sandboxes/"+name+"/state", "").body))
	}
	// A crash: nothing is closed, only what was logged is there.
	kept = kept.copy()
	if err := e.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	e = open()
	defer func() { _ = e.Close(context.Background()) }()
	for i, name := range []string{"default", "a"} {
		if after := string(ask(e, "GET", "/_emu/sandboxes/"+name+"/state", "").body); after != before[i] {
			t.Errorf("sandbox %s (-before +after):\n%s", name, cmp.Diff(before[i], after))
		}
	}
	refused(t, e, 404, "GET", "/_emu/sandboxes/b", "")
	creds := must[emulator.Credentials](t, e, "POST", "/_emu/sandboxes/a/reset", "")
	if got := must[fields](t, e, "GET", "/_emu/sandboxes/a", ""); got["seed"] != 3.0 || got["now"] != "2026-01-05T09:00:00+08:00" || creds.App.AppKey == "" {
		t.Errorf("reset after a restart: %v", got)
	}
}

func BenchmarkControlStart(b *testing.B) {
	for b.Loop() {
		e, err := emulator.New(context.Background(), emulator.Options{AdminOpen: true})
		if err != nil {
			b.Fatal(err)
		}
		if a := serve(e, httptest.NewRequest("GET", "/_emu/sandboxes", nil)); a.status != 200 {
			b.Fatal(a.status)
		}
		_ = e.Close(context.Background())
	}
}
