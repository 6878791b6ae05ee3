package emulator_test

// What the platform says to requests that are wrong: one of its own envelopes,
// never a panic, and the state stays as it was.

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
)

// wellFormed holds an answer against the platform's envelopes: it is one of
// them, whole and unmixed, or a bare success.
func wellFormed(a answer) error {
	if a.status == 0 || a.header.Get("Content-Length") != fmt.Sprint(len(a.body)) {
		return fmt.Errorf("status %d, Content-Length %q of %d", a.status, a.header.Get("Content-Length"), len(a.body))
	}
	env, err := a.open()
	if err != nil {
		return err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(a.body, &members); err != nil {
		return err
	}
	names := strings.Join(slices.Sorted(maps.Keys(members)), " ")
	switch {
	case members["errno"] != nil && env.Errno != nil:
		done := *env.Errno == 0
		if a.status != 200 || env.Msg == "" || done != (env.Msg == "success") ||
			names != "errno msg" && (names != "data errno msg" || !done) {
			return fmt.Errorf("a business envelope %d %s", a.status, a.body)
		}
	case members["error_code"] != nil:
		if a.status != 200 || names != "error_code error_msg" || env.ErrorCode < 1 || env.ErrorMsg == "" {
			return fmt.Errorf("a gateway envelope %d %s", a.status, a.body)
		}
	case members["error"] != nil:
		if a.status != 400 || names != "error error_description" || a.header.Get("Cache-Control") != "no-store" {
			return fmt.Errorf("an OAuth envelope %d %s", a.status, a.body)
		}
	case members["access_token"] == nil:
		return fmt.Errorf("no envelope and no token: %d %s", a.status, a.body)
	}
	return nil
}

// A wrongRequest is a request and the code it is refused with.
type wrongRequest struct {
	name, method, target, contentType, body string
	code                                    int
	says                                    string // part of the message
}

// goodUpload is a form that uploads a package.
const goodUpload = "template_id=754&ext_json=%7B%7D&user_desc=d&user_version=1.0.0"

func wrongRequests() []wrongRequest {
	const (
		up     = pathUpload + "?access_token=$A"
		submit = pathSubmit + "?access_token=$A"
		detail = pathDetail + "?access_token=$A"
	)
	big := strings.Repeat("x", 10<<20)
	return []wrongRequest{
		{"percent-encoding in the form", "POST", up, formType, goodUpload + "&test_account=%zz", 40001, "test_account"},
		{"percent-encoding in the query", "POST", up + "&user_desc=%e4%", formType, "", 40001, "user_desc"},
		{"percent-encoded name", "POST", up, formType, goodUpload + "&%=1", 40001, "无法解析"},
		{"no UTF-8", "POST", up, formType, strings.Replace(goodUpload, "=d", "=%ff", 1), 40001, "user_desc"},
		{"NUL in the form", "POST", up, formType, strings.Replace(goodUpload, "=d", "=a%00b", 1), 40001, "user_desc"},
		{"NUL in the query", "GET", detail + "&package_id=1%00", "", "", 40001, "package_id"},
		{"NUL in JSON", "POST", submit, jsonType, `{"package_id":1,"content":"a\u0000b"}`, 40001, "content"},
		{"half a surrogate in JSON", "POST", submit, jsonType, `{"package_id":55555,"content":"\ud800"}`, 69005, ""},
		{"broken JSON", "POST", up, jsonType, `{"template_id":`, 40001, "JSON"},
		{"text behind JSON", "POST", up, jsonType, `{} {}`, 40001, "JSON"},
		{"JSON array", "POST", up, jsonType, `[]`, 40001, ""},
		{"JSON null", "POST", up, jsonType, `null`, 40001, ""},
		{"JSON text", "POST", up, jsonType, `"x"`, 40001, ""},
		{"deep JSON", "POST", up, jsonType, strings.Repeat("[", 20000), 40001, ""},
		{"form under a JSON type", "POST", up, jsonType, goodUpload, 40001, "JSON"},
		{"JSON under a form type", "POST", up, formType, `{"template_id":"1"}`, 40001, "缺少参数"},
		{"XML", "POST", up, "text/xml", "<a/>", 40001, "Content-Type"},
		{"no media type that there is", "POST", up, "?", goodUpload, 40001, "Content-Type"},
		{"multipart without a boundary", "POST", up, "multipart/form-data", goodUpload, 40001, ""},
		{"duplicate in the form", "POST", up, formType, goodUpload + "&template_id=2", 40001, "template_id 重复"},
		{"duplicate in the query", "GET", detail + "&type=1&type=3", "", "", 40001, "type 重复"},
		{"duplicate in JSON", "POST", submit, jsonType, `{"package_id":1,"content":"c","package_id":2}`, 40001, "package_id 重复"},
		{"missing all", "POST", up, formType, "", 40001, "缺少参数"},
		{"missing one", "POST", up, formType, strings.Replace(goodUpload, "user_version", "version", 1), 40001, "缺少参数 user_version"},
		{"empty one", "POST", up, formType, strings.Replace(goodUpload, "1.0.0", "", 1), 40001, "user_version"},
		{"JSON null for a parameter", "POST", submit, jsonType, `{"package_id":null,"content":"c"}`, 40001, "缺少参数 package_id"},
		{"10 MiB form", "POST", up, formType, goodUpload + "&test_account=" + big, 40006, ""},
		{"10 MiB JSON", "POST", up, jsonType, `"` + big + `"`, 40006, ""},
		{"10 MiB from nobody", "POST", pathUpload, formType, big, 40006, ""},
		{"a word for a number", "POST", submit, formType, "content=c&package_id=abc", 41000, "package_id"},
		{"an object for a number", "POST", submit, jsonType, `{"content":"c","package_id":{}}`, 41000, "package_id"},
		{"a boolean for a number", "POST", submit, jsonType, `{"content":"c","package_id":true}`, 41000, "package_id"},
		{"an array for a text", "POST", submit, jsonType, `{"content":["c"],"package_id":1}`, 41000, "content"},
		{"zero", "POST", submit, formType, "content=c&package_id=0", 40001, "package_id"},
		{"below zero", "POST", submit, formType, "content=c&package_id=-1", 40001, "package_id"},
		{"beyond 64 bits", "POST", submit, formType, "content=c&package_id=99999999999999999999999999", 41000, "package_id"},
		{"beyond 64 bits in JSON", "POST", submit, jsonType, `{"content":"c","package_id":99999999999999999999999999}`, 41000, "package_id"},
		{"a power", "POST", submit, jsonType, `{"content":"c","package_id":1e400}`, 41000, "package_id"},
		{"a fraction", "POST", submit, formType, "content=c&package_id=1.5", 41000, "package_id"},
		{"a fraction in JSON", "POST", submit, jsonType, `{"content":"c","package_id":1.5}`, 41000, "package_id"},
		{"not a number", "POST", submit, formType, "content=c&package_id=NaN", 41000, "package_id"},
		{"hexadecimal", "POST", submit, formType, "content=c&package_id=0x10", 41000, "package_id"},
		{"full-width digits", "POST", submit, formType, "content=c&package_id=１", 41000, "package_id"},
		{"a number with space", "POST", submit, formType, "content=c&package_id=+1+", 41000, "package_id"},
		{"the greatest number", "POST", submit, formType, "content=c&package_id=9223372036854775807", 69005, ""},
		{"no package", "POST", submit, formType, "content=c&package_id=1", 69005, ""},
		{"no state", "GET", detail + "&type=2", "", "", 40001, "type"},
		{"a huge state", "GET", detail + "&type=9223372036854775808", "", "", 40001, "type"},
		{"no such app", "GET", pathOSSList + "?access_token=$H&app_id=1", "", "", 45000, ""},
		{"apps not separated", "GET", pathOSSInfo + "?access_token=$H&app_ids=1%3B2", "", "", 40001, "app_ids"},
		{"one app too many", "GET", pathOSSInfo + "?access_token=$H&app_ids=1452365,2", "", "", 45000, ""},
		{"wrong method", "GET", up, "", "", 3, ""},
		{"wrong method too", "POST", pathList + "?access_token=$A", formType, "", 3, ""},
		{"DELETE", "DELETE", up, "", "", 3, ""},
		{"unknown path", "GET", "/rest/2.0/smartapp/package/delete?access_token=$A", "", "", 3, ""},
		{"the root", "GET", "/", "", "", 3, ""},
		{"a path with a slash more", "GET", "/rest/2.0/smartapp/package/get/?access_token=$A", "", "", 3, ""},
		{"two slashes", "GET", "//rest/2.0/smartapp/package/get?access_token=$A", "", "", 3, ""},
		{"an encoded slash", "GET", "/rest%2F2.0/smartapp/package/get?access_token=$A", "", "", 3, ""},
		{"dots", "GET", "/rest/2.0/smartapp/package/../package/get?access_token=$A", "", "", 3, ""},
	}
}

func TestWrongRequests(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	fill := placeholders(t, e, c)
	for _, tc := range wrongRequests() {
		t.Run(tc.name, func(t *testing.T) {
			before := mustExport(t, s)
			a := serve(e, mustRequest(t, tc.method, fill.Replace(tc.target), tc.contentType, tc.body))
			env, _ := a.open()
			if err := wellFormed(a); err != nil || a.code() != tc.code || !strings.Contains(env.Msg+env.ErrorMsg, tc.says) {
				t.Errorf("%d %s: %v; want %d with %q", a.status, a.body, err, tc.code, tc.says)
			}
			if d := sameState(before, mustExport(t, s)); d != nil {
				t.Errorf("it changed %v", d)
			}
			allowed := a.header.Get("Allow")
			if strings.Contains(tc.name, "method") && allowed == "" || tc.name == "DELETE" && allowed != "POST" {
				t.Errorf("Allow: %q", allowed)
			}
		})
	}
	if m := mismatches(s); m != nil {
		t.Errorf("mismatches: %v", m)
	}
}

// placeholders stand for credentials in the tables and the corpus: $A an
// authorizer's token, $T a TP's, $D a developer's, $H a host's, $R a refresh
// token, $K an AppKey, $S its secret, $C a TP's client_id, $X its ticket.
func placeholders(t tester, e *emulator.Emulator, c emulator.Credentials) *strings.Replacer {
	t.Helper()
	return strings.NewReplacer(
		"$A", c.Authorizer.AccessToken, "$R", c.Authorizer.RefreshToken, "$T", c.TP.AccessToken,
		"$D", clientToken(t, e, c.App.AppKey, c.App.AppSecret), "$H", clientToken(t, e, c.Host.AK, c.Host.SK),
		"$K", c.App.AppKey, "$S", c.App.AppSecret, "$C", c.TP.ClientID, "$X", c.TP.Ticket,
	)
}

// TestParametersMayStandAnywhere uploads in every way that clients do.
func TestParametersMayStandAnywhere(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	token := c.Authorizer.AccessToken
	q := "template_id=754&ext_json=%7B%22extEnable%22%3Atrue%7D&user_desc=%E6%8F%8F%E8%BF%B0&user_version="
	sdk := "&sp_sdk_ver=1.0&sp_sdk_lang=go&sp_sdk_ver=2"
	j := `"template_id":"754","ext_json":"{\"extEnable\":true}","user_desc":"描述"`
	boundary := "--b\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n"
	multi := ""
	for _, kv := range [][2]string{{"template_id", "754"}, {"ext_json", "{}"}, {"user_desc", "描述"}, {"user_version", "6"}} {
		multi += fmt.Sprintf(boundary, kv[0], kv[1])
	}
	for version, tc := range map[string]struct{ target, contentType, body string }{
		"1":  {pathUpload + "?access_token=" + token, formType, q + "1"},
		"2":  {pathUpload, formType, "access_token=" + token + "&" + q + "2"},
		"3":  {pathUpload + "?access_token=" + token + "&" + q + "3" + sdk, "", ""},
		"4":  {pathUpload, jsonType, `{"access_token":"` + token + `",` + j + `,"user_version":"4"}`},
		"5":  {pathUpload + "?access_token=" + token, jsonType + "; charset=utf-8", `{` + j + `,"user_version":"5"}`},
		"6":  {pathUpload + "?access_token=" + token, "multipart/form-data; boundary=b", multi + "--b--\r\n"},
		"7":  {pathUpload + "?access_token=x&template_id=&user_version=0", formType, "access_token=" + token + "&" + q + "7"},
		"8":  {pathUpload + "?access_token=x&user_version=0&user_desc=x", jsonType, `{"access_token":"` + token + `",` + j + `,"user_version":"8"}`},
		"9":  {pathUpload + "?access_token=" + token, formType + "; charset=UTF-8", q + "9&unknown=1"},
		"10": {pathUpload + "?access_token=" + token, "", "" + q + "10"},
		"11": {pathUpload + "?access_token=" + token, jsonType, `{"template_id":754,` + j[len(`"template_id":"754",`):] + `,"user_version":"11","test_account":null}`},
	} {
		if a := postBody(e, tc.target, tc.contentType, tc.body); a.code() != 0 || wellFormed(a) != nil {
			t.Errorf("%s: %d %s", version, a.status, a.body)
			continue
		}
		var rows []struct {
			Version string `json:"version"`
			Desc    string `json:"version_desc"`
		}
		get(e, pathList, "access_token", token).data(t, &rows)
		if last := rows[len(rows)-1]; last.Version != version || last.Desc != "描述" {
			t.Errorf("%s: uploaded %+v", version, last)
		}
	}
	advance(t, s, time.Minute)
	if m := mismatches(s); m != nil {
		t.Errorf("mismatches: %v", m)
	}
}

// TestExtJSON says what an ext_json may be and when it submits.
func TestExtJSON(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, func(o *emulator.Options) { o.AuditQuota = 100 })
	s := e.Sandbox(emulator.DefaultSandbox)
	token := credentials(t, s).Authorizer.AccessToken
	for ext, want := range map[string]int{ // the status 3 s later, or the refusal
		`{}`:                            3,
		`{"extEnable":true}`:            3,
		`{"directCommit":false}`:        3,
		`{"directCommit":"false"}`:      3,
		`{"directCommit":""}`:           3,
		`{"directCommit":null}`:         3,
		`{"directcommit":true}`:         3,
		`{"ext":{"directCommit":true}}`: 3,
		`{"directCommit":true}`:         4,
		`{"directCommit":"true"}`:       4,
		` {"directCommit" : true } `:    4,
		`{"directCommit":1}`:            69004,
		`{"directCommit":"yes"}`:        69004,
		`{"directCommit":{}}`:           69004,
		`{"directCommit":`:              69004,
		`[]`:                            69004,
		`null`:                          69004,
		`1`:                             69004,
		`"{}"`:                          69004,
		`{}{}`:                          69004,
		`x`:                             69004,
		`{'directCommit':true}`:         69004,
	} {
		before := mustExport(t, s)
		a := post(e, pathUpload, "access_token", token, "template_id", "1", "user_desc", "", "user_version", ext, "ext_json", ext)
		if want > 60000 {
			if d := sameState(before, mustExport(t, s)); a.code() != want || d != nil {
				t.Errorf("%s: %s, want %d; changed %v", ext, a.body, want, d)
			}
			continue
		}
		advance(t, s, 3*time.Second)
		var p struct {
			Version string `json:"version"`
		}
		if get(e, pathDetail, "access_token", token, "type", fmt.Sprint(want)).data(t, &p); p.Version != ext {
			t.Errorf("%s: %s; 3 s later it is not in state %d", ext, a.body, want)
		}
		advance(t, s, time.Minute) // out of review
	}
}

func TestGatewayStatus(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, func(o *emulator.Options) { o.GatewayStatus = http.StatusUnauthorized })
	token := credentials(t, e.Sandbox(emulator.DefaultSandbox)).Authorizer.AccessToken
	for _, tc := range []struct {
		a      answer
		status int
	}{
		{get(e, pathList, "access_token", "x"), 401},
		{get(e, "/nowhere"), 401},
		{get(e, pathList, "access_token", token), 200},
		{get(e, pathDetail, "access_token", token, "package_id", "1"), 200},
		{get(e, pathToken), 400},
	} {
		if tc.a.status != tc.status {
			t.Errorf("%d %s, want %d", tc.a.status, tc.a.body, tc.status)
		}
	}
}
