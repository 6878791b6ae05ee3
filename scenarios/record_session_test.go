package scenarios_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/scenarios"
)

// The calls of a session.
const (
	pathToken    = "/oauth/2.0/token"
	pathLogin    = "/nalogin/getSessionKeyByCode"
	pathExchange = "/rest/2.0/oauth/token"
	pathPreAuth  = "/rest/2.0/smartapp/tp/createpreauthcode"
	pathTicket   = "/public/2.0/smartapp/auth/tp/token"
	pathUpload   = "/rest/2.0/smartapp/package/upload"
	pathSubmit   = "/rest/2.0/smartapp/package/submitaudit"
	pathRelease  = "/rest/2.0/smartapp/package/release"
	pathList     = "/rest/2.0/smartapp/package/get"
	pathInfo     = "/rest/2.0/smartapp/app/info"
	pathTemplate = "/rest/2.0/smartapp/template/templateadd"
	pathSubSend  = "/rest/2.0/smartapp/template/message/subscribe/send"
	pathOSSInfo  = "/rest/2.0/smartapp/oss/app/info"
	pathMessages = "/rest/2.0/smartapp/pushmsg/getmsg"
)

// TestRecordSession records what a client did with curl, wrong calls in
// between: the recording leads to the same journal, byte for byte.
func TestRecordSession(t *testing.T) {
	s := begin(t, emulator.Options{Seed: 7, Clock: emulator.Clock{Mode: "virtual"}})
	s.publish()
	s.logins()
	s.tokens()
	s.mistakes()
	s.interferences()
	s.messages()

	rec := record(t.Context(), t, s.at, emulator.DefaultSandbox)
	for _, w := range rec.Warnings {
		t.Errorf("a warning: %s", w)
	}
	if t.Failed() {
		t.Logf("\n%s", rec.Text)
	}
	for _, want := range []string{
		"save: {package: data.0.package_id}", "package_id: $package", "client_id: $app_key, client_secret: $app_secret",
		"as: {role: nobody}", "template_id: $template", "order: subscribe", "save: {ak_2: ak, sk_2: sk}", "besides: {user_versoin: 1.2.0}", "via: json", "refused: TokenInvalid", "refresh_token: $refresh",
	} {
		if !strings.Contains(string(rec.Text), want) {
			t.Errorf("want %q in\n%s", want, rec.Text)
		}
	}
	sameJournal(t, "the replay", s.journal(), play(t, rec.Scenario).Journal)
}

// publish takes a package online.
func (s *session) publish() {
	s.t.Helper()
	token := s.cred.Authorizer.AccessToken
	s.post(pathUpload, "access_token", token, "template_id", "754", "ext_json", `{"k":"$x"}`, "user_version", "1.0.0", "user_desc", "说 $5 it's \"ok\"")
	s.order("POST", "/clock/advance", `{"by":"3s"}`)
	id := s.part(s.get(pathList, "access_token", token), "package_id")
	s.post(pathSubmit, "access_token", token, "package_id", id, "content", "送审", "remark", "")
	s.post(pathSubmit, "access_token", token, "package_id", id, "content", "送审", "remark", "")
	s.order("POST", "/decisions", `{"kind":"audit","result":"fail","package_id":`+id+`,"reason":"名称 $x 过长","after":"1h"}`)
	s.order("POST", "/clock/advance", `{"to":"2026-01-05T10:30:00+08:00"}`)
	s.get(pathMessages, "access_token", s.cred.TP.AccessToken, "push_type", "2")
	s.post(pathSubmit, "access_token", token, "package_id", id, "content", "再次送审", "remark", "x")
	s.order("POST", "/decisions", `{"kind":"audit","result":"pass"}`)
	s.order("POST", "/clock/advance", `{"by":"1h0m0.5s"}`)
	s.raw("POST", s.at.URL+pathRelease+"?access_token="+token, "application/json", `{"package_id":`+id+`}`)
	s.get(pathInfo, "access_token", token)
}

// logins logs a user in, here and in a host app.
func (s *session) logins() {
	s.t.Helper()
	app := s.cred.App
	in := s.order("POST", "/logins", fmt.Sprintf(`{"app_id":%d,"huid":295421489}`, app.AppID))
	code := s.part(in, "code")
	for range 2 {
		s.get(pathLogin, "client_id", app.AppKey, "sk", app.AppSecret, "code", code)
	}
	dev := s.part(s.get(pathToken, "grant_type", "client_credentials", "client_id", app.AppKey, "client_secret", app.AppSecret), "access_token")
	s.post("/rest/2.0/smartapp/getunionid", "access_token", dev, "openid", s.part(in, "openid"))
	s.post("/rest/2.0/smartapp/getsessionkey", "access_token", dev, "code", "nobody-gave-this")
	in = s.order("POST", "/logins", fmt.Sprintf(`{"app_id":%d,"huid":295421489,"offical_no":%d}`, app.AppID, s.cred.Host.OfficalNo))
	s.get("/oauth/jscode2sessionkey", "client_id", app.AppKey, "sk", app.AppSecret, "code", s.part(in, "code"))
}

// tokens lives through all kinds of them.
func (s *session) tokens() {
	s.t.Helper()
	s.get(pathToken, "grant_type", "client_credentials", "client_id", s.cred.App.AppKey, "client_secret", s.cred.App.AppSecret)
	dev := s.part(s.post(pathToken, "grant_type", "client_credentials", "client_id", s.cred.App.AppKey, "client_secret", s.cred.App.AppSecret), "access_token")
	s.get(pathOSSInfo, "access_token", dev, "app_ids", fmt.Sprint(s.cred.App.AppID))
	tp := s.part(s.get(pathTicket, "client_id", s.cred.TP.ClientID, "ticket", s.cred.TP.Ticket), "access_token")
	pre := s.part(s.get(pathPreAuth, "access_token", tp), "pre_auth_code")
	code := s.part(s.order("POST", "/authorizations", fmt.Sprintf(`{"tp_id":%d,"app_id":%d,"pre_auth_code":%q}`, s.cred.TP.TPID, s.cred.App.AppID, pre)), "authorization_code")
	pair := s.get(pathExchange, "access_token", tp, "grant_type", "app_to_tp_authorization_code", "code", code)
	s.get(pathExchange, "access_token", tp, "grant_type", "app_to_tp_authorization_code", "code", code)
	s.get(pathList, "access_token", s.part(pair, "access_token"))
	s.order("POST", "/clock/advance", `{"by":"1h"}`)
	s.get(pathList, "access_token", s.part(pair, "access_token"))
	pair = s.get(pathExchange, "access_token", tp, "grant_type", "app_to_tp_refresh_token", "refresh_token", s.part(pair, "refresh_token"))
	s.get(pathExchange, "access_token", tp, "grant_type", "app_to_tp_refresh_token", "refresh_token", s.cred.Authorizer.RefreshToken)
	s.get(pathList, "access_token", s.part(pair, "access_token"))
	s.order("DELETE", fmt.Sprintf("/authorizations/%d/%d", s.cred.TP.TPID, s.cred.App.AppID), "")
	s.get(pathList, "access_token", s.part(pair, "access_token"))
	s.order("POST", "/authorizations", fmt.Sprintf(`{"tp_id":%d,"app_id":%d}`, s.cred.TP.TPID, s.cred.App.AppID))
	// The first token of the TP ends after thirty days.
	s.order("POST", "/clock/advance", `{"by":"720h"}`)
	s.get(pathPreAuth, "access_token", s.cred.TP.AccessToken)
}

// mistakes are calls that are wrong in all the ways that the format knows.
func (s *session) mistakes() {
	s.t.Helper()
	token := s.part(s.get(pathToken, "grant_type", "client_credentials", "client_id", s.cred.Host.AK, "client_secret", s.cred.Host.SK), "access_token")
	s.get(pathToken, "grant_type", "client_credentials", "client_id", s.cred.App.AppKey, "client_secret", "wrong")
	s.get(pathToken, "grant_type", "client_credentials", "client_id", "nobody", "client_secret", s.cred.App.AppSecret)
	s.get(pathToken, "grant_type", "passwort")
	s.get(pathToken)
	s.get(pathList)
	s.get(pathList, "access_token", "")
	s.get(pathList, "access_token", "45.0123456789abcdef0123456789abcdef.3600.1893456000.x")
	s.get(pathList, "access_token", s.cred.Authorizer.RefreshToken)
	s.post(pathRelease, "access_token", token, "package_id", "7")
	s.post(pathRelease, "access_token", token, "package_id", "seven")
	s.post(pathUpload, "access_token", token, "template_id", "754", "ext_json", "{", "user_versoin", "1.2.0")
	s.raw("POST", s.at.URL+pathSubmit+"?package_id=12&content=a+b&remark=", "", "")
	s.raw("POST", s.at.URL+pathSubmit, "application/json", `{"access_token":"`+token+`","package_id":"12","content":["x"],"remark":{"a":1.50}}`)
}

// interferences are orders and faults in the middle.
func (s *session) interferences() {
	s.t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("success")) }))
	s.t.Cleanup(receiver.Close)
	s.order("PATCH", fmt.Sprintf("/apps/%d", s.cred.App.AppID), `{"name":"改名","verified":false}`)
	s.order("PATCH", fmt.Sprintf("/tps/%d", s.cred.TP.TPID), `{"push_url":"`+receiver.URL+`/push"}`)
	s.order("PATCH", "/config", `{"upload_delay":"1m","push_plain":true}`)
	s.order("POST", "/faults", `{"on":"call","do":"refuse","error":"NetworkBusy","operation":"listPackages"}`)
	s.order("POST", "/faults", `{"on":"call","do":"status","status":502,"operation":"listPackages"}`)
	s.order("POST", "/faults", `{"on":"call","do":"latency","delay":"20s","operation":"listPackages"}`)
	token := s.part(s.order("POST", "/authorizations", fmt.Sprintf(`{"tp_id":%d,"app_id":%d}`, s.cred.TP.TPID, s.cred.App.AppID)), "authorization_code")
	tp := s.part(s.get(pathTicket, "client_id", s.cred.TP.ClientID, "ticket", s.cred.TP.Ticket), "access_token")
	pair := s.get(pathExchange, "access_token", tp, "grant_type", "app_to_tp_authorization_code", "code", token)
	token = s.part(pair, "access_token")
	s.post(pathUpload, "access_token", token, "template_id", "1", "ext_json", `{"directCommit":true}`, "user_version", "2.0.0", "user_desc", "直接")
	for range 4 {
		s.get(pathList, "access_token", token)
	}
	s.order("POST", "/decisions", `{"kind":"audit","result":"fail","reason":"不行","after":"0s"}`)
	s.order("POST", "/clock/advance", `{"by":"1m"}`)
	s.order("POST", "/settle", `{}`)
	s.get(pathList, "access_token", token)
}

// messages are sent to a user who has agreed to them; a member of the alliance
// comes late.
func (s *session) messages() {
	s.t.Helper()
	app := s.cred.App
	dev := s.part(s.get(pathToken, "grant_type", "client_credentials", "client_id", app.AppKey, "client_secret", app.AppSecret), "access_token")
	template := s.part(s.post(pathTemplate, "access_token", dev, "id", "BD0002", "keyword_id_list", "[1,2]"), "template_id")
	openid := s.part(s.order("POST", "/subscriptions", fmt.Sprintf(`{"template_id":%q,"subscribe_id":"order-7"}`, template)), "openid")
	for range 2 {
		s.post(pathSubSend, "access_token", dev, "template_id", template, "touser_openId", openid, "subscribe_id", "order-7",
			"data", `{"keyword1":{"value":"7"},"keyword2":{"value":"示例快递"}}`)
	}
	member := s.order("POST", "/hosts", `{"name":"galaxy"}`)
	token := s.part(s.get(pathToken, "grant_type", "client_credentials", "client_id", s.part(member, "ak"), "client_secret", s.part(member, "sk")), "access_token")
	s.get(pathOSSInfo, "access_token", token, "app_ids", fmt.Sprint(app.AppID))
	s.order("PATCH", "/hosts/"+s.part(member, "offical_no"), fmt.Sprintf(`{"app_ids":[%d]}`, app.AppID))
	s.get(pathOSSInfo, "access_token", token, "app_ids", fmt.Sprint(app.AppID))
}

// TestRecordLeavesOut records what scenarios have no words for: each such
// thing has a note in its place and a warning that names the entry.
func TestRecordLeavesOut(t *testing.T) {
	s := begin(t, emulator.Options{Seed: 7, Clock: emulator.Clock{Mode: "virtual"}, Delays: emulator.Delays{Upload: time.Minute}})
	token := s.cred.Authorizer.AccessToken
	s.get("/nowhere")
	s.raw("PUT", s.at.URL+pathList, "", "")
	s.raw("POST", s.at.URL+pathRelease+"?access_token="+token, "application/json", "{")
	s.get(pathList, "access_token", token)
	s.order("POST", "/decisions", `{"kind":"audit","result":"pass","package_id":7}`)
	s.order("PATCH", fmt.Sprintf("/apps/%d", s.cred.App.AppID), `{"min_swan_version":"3.0.0"}`)
	s.order("PATCH", fmt.Sprintf("/tps/%d", s.cred.TP.TPID), `{"push_url":"http://user:pass@127.0.0.1:1/push?key=0123456789"}`)
	s.order("POST", "/apps", `{"app_id":77,"name":"晚来","tp_id":17328232}`)
	s.order("POST", "/faults", `{"on":"push","do":"drop"}`)
	s.order("DELETE", "/faults", "")
	s.order("POST", "/credentials", "")

	rec := record(t.Context(), t, s.at, emulator.DefaultSandbox)
	wants := []string{
		"entry 2: GET /nowhere", "entry 3: PUT " + pathList, "entry 4: POST " + pathRelease,
		"entry 10: push_url has a query or a user in it", "entry 11: createApp",
		"the order issueCredentials",
	}
	if len(rec.Warnings) != len(wants) {
		t.Errorf("%d warnings, want %d:\n%s", len(rec.Warnings), len(wants), strings.Join(rec.Warnings, "\n"))
	}
	for _, want := range wants {
		if !slices.ContainsFunc(rec.Warnings, func(w string) bool { return strings.Contains(w, want) }) {
			t.Errorf("no warning has %q:\n%s", want, strings.Join(rec.Warnings, "\n"))
		}
	}
	for _, want := range []string{"note: ", "Left out, entry 2", "app_id: 77", "upload_delay: 1m", "min_swan_version: 3.0.0", "order: clearFaults", "order: decide\n    with: {kind: audit, package_id: 7, result: pass}\n    expect: {http: {$gte: 400}}"} {
		if !strings.Contains(string(rec.Text), want) {
			t.Errorf("want %q in\n%s", want, rec.Text)
		}
	}
	if strings.Contains(string(rec.Text), "pass@") || strings.Contains(string(rec.Text), "0123456789") {
		t.Errorf("the secrets of a URL are in\n%s", rec.Text)
	}
	play(t, rec.Scenario)
}

// TestRecordRunningClock records a clock that runs by itself: the recording
// moves a virtual one to the same instants. The calls, the transitions and the
// events are the same; left out are the entries that only virtual time has
// (clock) and the attempts to deliver, which take time of their own.
func TestRecordRunningClock(t *testing.T) {
	s := begin(t, emulator.Options{Seed: 7, Clock: emulator.Clock{Mode: "x60", Start: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}})
	token := s.cred.Authorizer.AccessToken
	s.post(pathUpload, "access_token", token, "template_id", "754", "ext_json", "{}", "user_version", "1.0.0", "user_desc", "d")
	s.order("POST", "/clock/advance", `{"by":"10s"}`)
	id := s.part(s.get(pathList, "access_token", token), "package_id")
	s.post(pathSubmit, "access_token", token, "package_id", id, "content", "送审", "remark", "")
	s.order("POST", "/clock/advance", `{"by":"24h"}`)
	s.order("POST", "/clock/freeze", "")
	s.post(pathRelease, "access_token", token, "package_id", id)
	s.order("POST", "/settle", `{}`)
	rec := record(t.Context(), t, s.at, emulator.DefaultSandbox)
	if len(rec.Warnings) > 0 {
		t.Error(rec.Warnings)
	}
	sameJournal(t, "the replay", steady(t, s.journal()), steady(t, play(t, rec.Scenario).Journal))
}

// steady leaves of a journal what a running clock and a virtual one share, and
// the numbers out, which count the rest.
func steady(t *testing.T, journal []json.RawMessage) []json.RawMessage {
	t.Helper()
	var out []json.RawMessage
	for _, raw := range journal {
		var e map[string]any
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(err)
		}
		if e["kind"] == "clock" || e["kind"] == "delivery" {
			continue
		}
		delete(e, "seq")
		delete(e, "cause")
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, text)
	}
	return out
}

// TestRecordHost records a client of the host API on a clock that runs by
// itself. What is drawn for each call is not expected of a replay, nor is the
// vector in the file, which is the beginning of a key.
func TestRecordHost(t *testing.T) {
	s := begin(t, emulator.Options{Seed: 7, Clock: emulator.Clock{Mode: "x60", Start: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}})
	open := `"open":{"app_key":"` + s.cred.App.AppKey + `"}`
	s.order("PATCH", "/config", `{"authorize_key_path":"host"}`)
	s.order("POST", "/answers", `{"ask":"scope.userInfo","answer":"refuse"}`)
	s.order("POST", "/asks", `{"ask":"scope.userInfo"}`)
	s.post("/ma/open/data", "data", "{"+open+`,"scope":"snsapi_userinfo"}`, "huid", "0")
	s.order("PATCH", "/config", `{"authorize_key_path":""}`)
	code := s.part(s.post("/ma/login", "data", "{"+open+"}"), "code")
	s.get(pathLogin, "client_id", s.cred.App.AppKey, "sk", s.cred.App.AppSecret, "code", code)
	sealed := s.post("/ma/accredit_data", "data", "{"+open+`,"accredits":{"snsapi_userinfo":{"permit":"true"}}}`)
	s.post("/ma/formid/new", "data", "{"+open+"}")
	s.post("/ma/update", "data", "{"+open+"}")
	rec := record(t.Context(), t, s.at, emulator.DefaultSandbox)
	for _, w := range rec.Warnings {
		t.Errorf("a warning: %s", w)
	}
	for _, want := range []string{"refused: HostNotLoggedIn", "will answer: {ask: scope.userInfo, answer: refuse}", "life: 3", "tip_status: \"1\""} {
		if !strings.Contains(string(rec.Text), want) {
			t.Errorf("want %q in\n%s", want, rec.Text)
		}
	}
	if iv := s.part(sealed, "iv"); iv == "" || strings.Contains(string(rec.Text), iv) {
		t.Errorf("the vector %q is in\n%s", iv, rec.Text)
	}
	play(t, rec.Scenario)
}

// TestRecordNothing records what cannot be: the error says why.
func TestRecordNothing(t *testing.T) {
	s := begin(t, emulator.Options{Clock: emulator.Clock{Mode: "virtual"}, JournalSize: 3})
	if _, err := scenarios.Record(context.Background(), s.at, "nowhere"); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("an unknown sandbox: %v", err)
	}
	empty := record(t.Context(), t, s.at, emulator.DefaultSandbox)
	if len(empty.Scenario.Steps) != 0 || len(empty.Warnings) != 0 {
		t.Errorf("of nothing comes\n%s", empty.Text)
	}
	for range 4 {
		s.get(pathList)
	}
	if _, err := scenarios.Record(t.Context(), s.at, emulator.DefaultSandbox); err == nil || !strings.Contains(err.Error(), "begins with entry 3") {
		t.Errorf("a journal without its beginning: %v", err)
	}
	s = begin(t, emulator.Options{Clock: emulator.Clock{Mode: "virtual"}})
	s.order("PUT", "/state", s.order("GET", "/state", ""))
	if _, err := scenarios.Record(t.Context(), s.at, emulator.DefaultSandbox); err == nil || !strings.Contains(err.Error(), "imported") {
		t.Errorf("an imported state: %v", err)
	}
}
