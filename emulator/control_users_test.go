package emulator_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shownUser is a user as the control API shows it.
type shownUser struct {
	Huid          int64    `json:"huid"`
	Nickname      string   `json:"nickname"`
	HeadImgURL    string   `json:"headimgurl"`
	Sex           int      `json:"sex"`
	Mobile        string   `json:"mobile"`
	Addresses     []fields `json:"addresses"`
	InvoiceTitles []fields `json:"invoice_titles"`
	Apps          []fields `json:"apps"`
}

func TestControlUsers(t *testing.T) {
	e := newEmulator(t, nil)
	list := func() (out []int64) {
		for _, u := range must[struct{ Users []shownUser }](t, e, "GET", box+"/users", "").Users {
			out = append(out, u.Huid)
		}
		return out
	}
	first := must[shownUser](t, e, "GET", box+"/users/295421489", "")
	if first.Nickname != "295421489" || first.Sex != 1 || first.Mobile == "" || len(first.Addresses) != 1 || len(first.InvoiceTitles) != 1 || len(first.Apps) != 1 {
		t.Errorf("a sandbox begins with %+v", first)
	}
	made := must[shownUser](t, e, "POST", box+"/users", `{"huid":7,"nickname":"小明","sex":2,
		"addresses":[{"name":"李四","l1":{"name":"上海市"}},{"id":9,"name":"王五","default":true},{"name":"赵六"}],"invoice_titles":[{"type":1,"title":"李四"}]}`)
	ids := func(list []fields) (out []float64) {
		for _, one := range list {
			out = append(out, one["id"].(float64))
		}
		return out
	}
	if made.Nickname != "小明" || made.Mobile != "" || !slices.Equal(ids(made.Addresses), []float64{10, 9, 11}) || !slices.Equal(ids(made.InvoiceTitles), []float64{1}) {
		t.Errorf("made %+v", made)
	}
	generated := must[shownUser](t, e, "POST", box+"/users", "")
	if generated.Huid < 1_000_000_000 || generated.HeadImgURL == "" || generated.Sex != 0 {
		t.Errorf("generated %+v", generated)
	}
	// In the order they were made, not of their numbers.
	if got := list(); !slices.Equal(got, []int64{firstHuid, 7, generated.Huid}) {
		t.Errorf("listed %v", got)
	}
	if in := logIn(t, e, ""); in.Huid != firstHuid {
		t.Errorf("without a name user %d logs in", in.Huid)
	}
	changed := must[shownUser](t, e, "PATCH", box+"/users/7", `{"mobile":"13900139000","addresses":[]}`)
	want := made
	want.Mobile, want.Addresses = "13900139000", []fields{}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		pointer            string
	}{
		{"POST", "/users", `{"huid":7}`, 409, "/huid"},
		{"POST", "/users", `{"sex":3}`, 400, "/sex"},
		{"POST", "/users", `{"nickname":""}`, 400, "/nickname"},
		{"POST", "/users", `{"addresses":[{"id":1,"name":"a"},{"id":1,"name":"b"}]}`, 400, ""},
		{"POST", "/users", `{"invoice_titles":[{"type":2,"title":"a"}]}`, 400, "/invoice_titles/0/type"},
		{"POST", "/users", `{"nikname":"x"}`, 400, "/nikname"},
		{"PATCH", "/users/7", `{"addresses":[{"id":1,"name":"a"},{"id":1,"name":"b"}]}`, 400, ""},
		{"PATCH", "/users/8", `{}`, 404, "/huid"},
		{"GET", "/users/295421488", "", 404, "/huid"},
		{"POST", "/devices", `{"platform":"symbian"}`, 400, "/platform"},
		{"POST", "/logins", `{"huid":8}`, 404, "/huid"},
		{"POST", "/logins", `{"cuid":"none"}`, 404, "/cuid"},
		{"POST", "/logins", `{"app_id":3}`, 404, "/app_id"},
		{"DELETE", "/sessions/3/7", "", 404, "/app_id"},
		{"DELETE", "/sessions/1452365/8", "", 404, "/huid"},
		{"DELETE", "/sessions/1452365/7", "", 404, "/huid"},
	} {
		if p := refused(t, e, c.status, c.method, box+c.path, c.body); p.Pointer != c.pointer {
			t.Errorf("%s %s %s: %+v", c.method, c.path, c.body, p)
		}
	}
	if got := list(); len(got) != 3 {
		t.Errorf("what was refused has left something behind: %v", got)
	}
	if p := refused(t, e, 404, "GET", box+"/users/295421488", ""); !slices.Equal(p.Nearest, []string{"295421489"}) {
		t.Errorf("nearest: %v", p.Nearest)
	}
}

func TestControlDevices(t *testing.T) {
	e := newEmulator(t, nil)
	must[fields](t, e, "POST", box+"/devices", `{"cuid":"phone","platform":"ios"}`)
	if p := refused(t, e, 409, "POST", box+"/devices", `{"cuid":"phone"}`); p.Pointer != "/cuid" {
		t.Errorf("a device twice: %+v", p)
	}
	devices := must[struct{ Devices []fields }](t, e, "GET", box+"/devices", "").Devices
	if len(devices) != 2 || devices[0]["platform"] != "android" || devices[1]["cuid"] != "phone" || devices[1]["platform"] != "ios" {
		t.Errorf("devices: %v", devices)
	}
	if in := logIn(t, e, `{"cuid":"phone"}`); in.Cuid != "phone" {
		t.Errorf("logged in on %s", in.Cuid)
	}
}

// TestOlderStates imports what an emulator exported that knew no users.
func TestOlderStates(t *testing.T) {
	e := newEmulator(t, nil)
	var state map[string]any
	if err := json.Unmarshal(ask(e, "GET", box+"/state", "").body, &state); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"users", "devices", "last_user", "login_codes", "sessions", "swanids"} {
		delete(state, name)
	}
	config := state["config"].(fields)
	for _, name := range []string{"code_ttl", "session_ttl", "kill_old_session"} {
		delete(config, name)
	}
	for _, host := range state["hosts"].(fields) {
		delete(host.(fields), "hsk")
		delete(host.(fields), "name")
	}
	old, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	must[fields](t, e, "PUT", box+"/state", string(old))
	if got := must[fields](t, e, "GET", box+"/config", ""); got["code_ttl"] != "5m" || got["session_ttl"] != "720h" || got["kill_old_session"] != true {
		t.Errorf("config: %v", got)
	}
	if p := refused(t, e, 409, "POST", box+"/logins", ""); !strings.Contains(p.Detail, "no user") {
		t.Errorf("a login without users: %+v", p)
	}
	must[fields](t, e, "POST", box+"/users", `{"huid":7}`)
	must[fields](t, e, "POST", box+"/devices", "")
	d := firstDeveloper(t, e)
	keyOf(t, e, d, "")
	// A member without a name has no codes, and no signature fits one without a
	// secret.
	if _, _, refusal := exchanged(t, get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", "x@")); refusal != wantInvalid {
		t.Errorf("a code of a nameless host: %q", refusal)
	}
}
