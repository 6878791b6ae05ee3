package emulator_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/swanemu/emu/emulator"
)

// TestControlMutatedStates changes every value of a state in turn and imports
// what comes of it. Either it is refused, or the sandbox goes on as sandboxes
// do: nothing breaks, no answer is an error of ours.
func TestControlMutatedStates(t *testing.T) {
	e := newEmulator(t, func(o *emulator.Options) { o.Broker = &recorder{} })
	good := busyState(t, e)
	var accepted, all int
	for i, place := range valuePaths(decodeJSON(t, good), nil) {
		for j, value := range []any{nil, -1, 1e17, "", []any{nil}, fields{"x": nil}} {
			if (i+j)%3 != 0 {
				continue // a third of them finds as much, in a third of the time
			}
			all++
			state := withValue(decodeJSON(t, good), place, value)
			text, err := json.Marshal(state)
			if err != nil {
				t.Fatal(err)
			}
			a := ask(e, "PUT", box+"/state", string(text))
			switch {
			case a.status == 200:
				accepted++
				goOn(t, e, fmt.Sprintf("%s = %v", strings.Join(place, "/"), value))
			case a.status != 400:
				t.Errorf("%s = %v: %d %s", strings.Join(place, "/"), value, a.status, a.body)
			}
		}
	}
	if accepted == 0 || accepted == all {
		t.Errorf("%d of %d states were accepted", accepted, all)
	}
}

// busyState makes a sandbox in which much is going on and exports it.
func busyState(t *testing.T, e *emulator.Emulator) []byte {
	c := must[emulator.Credentials](t, e, "POST", box+"/credentials", "")
	get(e, pathPreAuth, "access_token", c.TP.AccessToken)
	must[shownApp](t, e, "POST", box+"/apps", `{"app_id":42,"tp_id":17328232,"packages":[{"version":"1","state":"in_review","package_id":1},
		{"version":"2","state":"rolling_back","package_id":2},{"version":"0","state":"superseded","package_id":3},
		{"version":"3","state":"uploading","package_id":4}]}`)
	must[fields](t, e, "PATCH", box+"/tps/17328232", `{"authorization_url":"http://127.0.0.1:1/","push_url":""}`)
	must[fields](t, e, "POST", box+"/decisions", `{"kind":"audit","result":"fail","reason":"x","after":"2h"}`)
	must[fields](t, e, "POST", box+"/faults", `{"on":"push","do":"duplicate","nth":2}`)
	must[fields](t, e, "PATCH", box+"/apps/42", `{"name":"y"}`)
	must[fields](t, e, "POST", box+"/decisions", `{"kind":"audit","result":"fail","package_id":1}`)
	upload(t, e, c.Authorizer.AccessToken, "9")
	joinHost(t, e, "")
	logIn(t, e, `{"app_id":42}`)
	logIn(t, e, fmt.Sprintf(`{"app_id":42,"offical_no":%d}`, hostNo))
	h := &hostApp{t, e, c.App.AppKey, c.App.AppID, nil}
	ok[coded](h, hostLogin, "")
	ok[accredited](h, hostAuthorize, answers("snsapi_userinfo", "true", "mapp_location", "false"))
	ok[fields](h, hostFormID, "")
	must[fields](t, e, "PATCH", box+"/apps/1452365/scopes/mobile", `{"forbidden":true}`)
	must[fields](t, e, "POST", box+"/answers", `{"answer":"refuse","ask":"share","choice":1}`)
	return ask(e, "GET", box+"/state", "").body
}

// goOn uses a sandbox in every way that reads or moves its state.
func goOn(t *testing.T, e *emulator.Emulator, what string) {
	t.Helper()
	check := func(a answer) {
		t.Helper()
		if a.status >= 500 {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	token := ""
	var c emulator.Credentials
	if a := ask(e, "POST", box+"/credentials", ""); a.status == 200 {
		a.into(t, &c)
		token = c.Authorizer.AccessToken
	} else {
		check(a)
	}
	for _, path := range []string{"/apps", "/apps/42/packages", "/tps", "/decisions", "/config", "/clock", "/journal", "/deliveries", "/inbox", "/users", "/devices", "/sessions", "/hosts", "/grants", "/answers", "/forms", "", "/state"} {
		check(ask(e, "GET", box+path, ""))
	}
	check(get(e, pathList, "access_token", token))
	check(get(e, pathQuota, "access_token", token))
	check(get(e, pathMessages, "access_token", c.TP.AccessToken))
	check(post(e, pathUpload, "access_token", token, "template_id", "1", "ext_json", "{}", "user_version", "8", "user_desc", "x"))
	h := &hostApp{t, e, c.App.AppKey, c.App.AppID, nil}
	for _, path := range []string{hostLogin, hostSession, hostSwanID, hostOpenData, hostAccredit, hostUpdate, hostAddress, hostInvoice, hostFormID, hostReset} {
		check(h.call(path, answers("snsapi_userinfo", "true", "mapp_camera", "true")))
	}
	check(ask(e, "POST", box+"/asks", `{"ask":"share"}`))
	check(ask(e, "PATCH", box+"/config", `{"manual":false}`))
	var in loggedIn
	for _, order := range []string{`{"app_id":42}`, fmt.Sprintf(`{"app_id":42,"offical_no":%d}`, hostNo)} {
		a := ask(e, "POST", box+"/logins", order)
		if check(a); a.status == 201 {
			a.into(t, &in)
		}
		check(get(e, pathJSCode, "client_id", c.App.AppKey, "sk", c.App.AppSecret, "code", in.Code))
	}
	check(ask(e, "DELETE", box+"/sessions/42/295421489", ""))
	check(ask(e, "POST", box+"/decisions", `{"kind":"upload","result":"pass"}`))
	check(ask(e, "POST", box+"/deliveries/1/redeliver", ""))
	check(ask(e, "POST", box+"/clock/advance", `{"by":"1m"}`))
	check(ask(e, "POST", box+"/clock/advance", `{"by":"3h"}`))
	check(ask(e, "DELETE", box+"/authorizations/17328232/42", ""))
	check(ask(e, "POST", box+"/reset", ""))
}

func decodeJSON(t *testing.T, text []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// valuePaths lists the paths of everything in a JSON value.
func valuePaths(v any, at []string) (out [][]string) {
	if len(at) > 0 {
		out = append(out, at)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out = append(out, valuePaths(v[name], append(slices.Clone(at), name))...)
		}
	case []any:
		for i := range v {
			out = append(out, valuePaths(v[i], append(slices.Clone(at), fmt.Sprint(i)))...)
		}
	}
	return out
}

// withValue returns v with another value at a place.
func withValue(v any, place []string, value any) any {
	if len(place) == 0 {
		return value
	}
	switch v := v.(type) {
	case map[string]any:
		v[place[0]] = withValue(v[place[0]], place[1:], value)
	case []any:
		var i int
		_, _ = fmt.Sscan(place[0], &i)
		v[i] = withValue(v[i], place[1:], value)
	}
	return v
}
