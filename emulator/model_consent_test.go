package emulator_test

// Specification of what happens between a TP and the apps that authorize it:
// tickets, consent, another TP's codes, the end of an authorization.

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
)

// A tpView is a TP as the control API shows it.
type tpView struct {
	ID       int64  `json:"tp_id"`
	ClientID string `json:"client_id"`
	Key      string `json:"encoding_aes_key"`
	Token    string `json:"token"`
	Ticket   string `json:"ticket"`
}

// TestTickets lets an hour's tickets come: one at once, then one every ten
// minutes; each works until the next but one has come.
func TestTickets(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	r := newReceiver(t)
	url := r.open("tickets", c.TP.EncodingAESKey, c.TP.Token, c.TP.TPID)
	begin := s.Now()
	tickets := []string{c.TP.Ticket}
	order(t, e, "PATCH", control(s, "/tps/"+text(c.TP.TPID)), map[string]any{"authorization_url": url}, nil)
	for i := range 7 {
		if i > 0 {
			advance(t, s, 10*time.Minute-time.Second)
			if early, _ := r.take("tickets"); early != nil {
				t.Errorf("a ticket %v after the first", s.Now().Sub(begin))
			}
			advance(t, s, time.Second)
		} else {
			advance(t, s, 0)
		}
		got, faults := r.take("tickets")
		if len(got) != 1 || faults != nil {
			t.Fatalf("after %d minutes: %d tickets, %v", 10*i, len(got), faults)
		}
		var ticket map[string]any
		if err := json.Unmarshal(got[0].Payload, &ticket); err != nil {
			t.Fatal(err)
		}
		at := begin.Add(time.Duration(i) * 10 * time.Minute)
		text, _ := ticket["Ticket"].(string)
		if len(ticket) != 5 || ticket["FromUserName"] != "SmartAPP" || ticket["MsgType"] != "ticket" || ticket["Event"] != "push" ||
			ticket["CreateTime"] != float64(at.Unix()) || text == "" || slices.Contains(tickets, text) {
			t.Errorf("the ticket of minute %d is %s", 10*i, got[0].Payload)
		}
		tickets = append(tickets, text)
		for k, old := range tickets {
			want := 50003
			if k >= len(tickets)-2 {
				want = 0
			}
			if a := get(e, pathTPToken, "client_id", c.TP.ClientID, "ticket", old); a.code() != want {
				t.Errorf("ticket %d of %d: %s, want %d", k, len(tickets)-1, a.body, want)
			}
		}
	}
	// A ticket that is refused comes again; another takes its turn meanwhile.
	r.refuseNext("tickets", "busy", "busy", "busy")
	advance(t, s, 10*time.Minute+15*time.Second)
	got, _ := r.take("tickets")
	var gaps []time.Duration
	for i := range got {
		gaps = append(gaps, got[i].At.Sub(got[0].At))
	}
	if want := []time.Duration{0, 5 * time.Second, 15 * time.Second}; !slices.Equal(gaps, want) {
		t.Errorf("a refused ticket is pushed after %v, want %v", gaps, want)
	}
	order(t, e, "PATCH", control(s, "/tps/"+text(c.TP.TPID)), map[string]any{"authorization_url": ""}, nil)
	r.take("tickets")
	if advance(t, s, time.Hour); s.Now().Sub(begin) < time.Hour {
		t.Error("no hour has passed")
	}
	if got, _ := r.take("tickets"); len(got) > 1 {
		t.Errorf("%d tickets without an authorization URL", len(got))
	}
}

// TestConsent goes through the consent page, rightly and wrongly.
func TestConsent(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	var other tpView
	order(t, e, "POST", control(s, "/apps"), map[string]any{"app_id": 5000001}, nil)
	order(t, e, "POST", control(s, "/tps"), map[string]any{"tp_id": 6000001}, &other)
	first, second := c.TP.AccessToken, tpToken(t, e, other.ClientID, other.Ticket)
	preAuth := func(token string) string {
		var out struct {
			Code string `json:"pre_auth_code"`
		}
		get(e, pathPreAuth, "access_token", token).data(t, &out)
		return out.Code
	}
	consent := func(tp, app int64, code string) (answer, string) {
		body := map[string]any{"tp_id": tp, "app_id": app}
		if code != "" {
			body["pre_auth_code"] = code
		}
		a := tryOrder(t, e, "POST", control(s, "/authorizations"), body)
		var out struct {
			Code      string `json:"authorization_code"`
			ExpiresIn int    `json:"expires_in"`
		}
		_ = json.Unmarshal(a.body, &out)
		if a.status == http.StatusCreated && out.ExpiresIn != 3600 {
			t.Errorf("consent: %s", a.body)
		}
		return a, out.Code
	}
	if a := post(e, pathRetrieve, "access_token", second, "app_id", "5000001"); a.code() != 50032 {
		t.Errorf("before any consent: %s", a.body)
	}
	pre := preAuth(second)
	if a, _ := consent(c.TP.TPID, 5000001, pre); a.status < 400 {
		t.Errorf("another TP's pre_auth_code is taken: %s", a.body)
	}
	a, code := consent(6000001, 5000001, pre)
	if a.status != http.StatusCreated {
		t.Fatalf("consent: %d %s", a.status, a.body)
	}
	if a, _ := consent(6000001, 5000001, pre); a.status < 400 {
		t.Errorf("a pre_auth_code is taken twice: %s", a.body)
	}
	late := preAuth(second)
	wantOAuth(t, "another TP's code", exchange(e, first, byCode, "code", code), "invalid_grant")
	g := wantGrant(t, exchange(e, second, byCode, "code", code))
	wantOAuth(t, "another TP's refresh token", exchange(e, first, byRefresh, "refresh_token", g.RefreshToken), "invalid_grant")
	if a := post(e, pathRetrieve, "access_token", first, "app_id", "5000001"); a.code() != 50032 {
		t.Errorf("an app of another TP: %s", a.body)
	}
	_, unused := consent(6000001, 5000001, "")
	advance(t, s, 20*time.Minute)
	if a, _ := consent(6000001, 5000001, late); a.status < 400 {
		t.Errorf("a pre_auth_code of twenty minutes ago is taken: %s", a.body)
	}
	advance(t, s, 40*time.Minute)
	wantOAuth(t, "a code of an hour ago", exchange(e, second, byCode, "code", unused), "expired_token")

	// The app withdraws its authorization.
	g = wantGrant(t, exchange(e, second, byRefresh, "refresh_token", g.RefreshToken))
	_, code = consent(6000001, 5000001, "")
	if a := get(e, pathList, "access_token", g.AccessToken); a.code() != 0 {
		t.Errorf("an authorized TP: %s", a.body)
	}
	order(t, e, "DELETE", control(s, "/authorizations/6000001/5000001"), nil, nil)
	if a := get(e, pathList, "access_token", g.AccessToken); a.code() != 110 {
		t.Errorf("a token after the end of the authorization: %s", a.body)
	}
	wantOAuth(t, "a refresh token after the end of the authorization", exchange(e, second, byRefresh, "refresh_token", g.RefreshToken), "invalid_grant")
	wantOAuth(t, "a code after the end of the authorization", exchange(e, second, byCode, "code", code), "invalid_grant")
	if a := post(e, pathRetrieve, "access_token", second, "app_id", "5000001"); a.code() != 50032 {
		t.Errorf("a code for an app that is gone: %s", a.body)
	}
}

// TestAppsAreApart uploads for one app and looks with everybody's eyes.
func TestAppsAreApart(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	var other struct {
		Key        string `json:"app_key"`
		Secret     string `json:"app_secret"`
		Authorizer grant  `json:"authorizer"`
	}
	order(t, e, "POST", control(s, "/apps"), map[string]any{"app_id": 5000001, "tp_id": c.TP.TPID}, &other)
	mine := c.Authorizer.AccessToken
	if a := postBody(e, pathUpload+"?access_token="+mine, formType, goodUpload); a.code() != 0 {
		t.Fatalf("upload: %s", a.body)
	}
	advance(t, s, time.Minute)
	const id = "55001"
	var rows []map[string]any
	if get(e, pathList, "access_token", mine).data(t, &rows); len(rows) != 1 || fmt.Sprint(rows[0]["package_id"]) != id {
		t.Fatalf("the app has %v", rows)
	}
	theirs := other.Authorizer.AccessToken
	if get(e, pathList, "access_token", theirs).data(t, &rows); len(rows) != 0 {
		t.Errorf("the other app has %v", rows)
	}
	before := mustExport(t, s)
	for _, path := range []string{pathSubmit, pathRelease, pathRollback, pathWithdraw} {
		if a := post(e, path, "access_token", theirs, "package_id", id, "content", "c"); a.code() != 69005 {
			t.Errorf("%s of another's package: %s", path, a.body)
		}
	}
	if a := get(e, pathDetail, "access_token", theirs, "package_id", id); a.code() != 69005 {
		t.Errorf("detail of another's package: %s", a.body)
	}
	developer := clientToken(t, e, other.Key, other.Secret)
	for _, path := range []string{pathOSSList, pathOSSDetail} {
		if a := get(e, path, "access_token", developer, "app_id", text(c.App.AppID), "package_id", id); a.code() != 45001 {
			t.Errorf("%s of another's app: %s", path, a.body)
		}
		if a := get(e, path, "access_token", developer, "app_id", "5000001", "package_id", id); path == pathOSSDetail && a.code() != 69005 {
			t.Errorf("%s of another's package: %s", path, a.body)
		}
	}
	if a := get(e, pathOSSInfo, "access_token", developer, "app_ids", "5000001,"+text(c.App.AppID)); a.code() != 45001 {
		t.Errorf("another's app among one's own: %s", a.body)
	}
	after := mustExport(t, s)
	delete(before, "tokens") // the developer's is new
	delete(after, "tokens")
	if d := sameState(before, after); d != nil {
		t.Errorf("it changed %v", d)
	}
}

// TestFailedMessages lets a receiver fail and fetches what it missed.
func TestFailedMessages(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	r := newReceiver(t)
	url := r.open("mine", c.TP.EncodingAESKey, c.TP.Token, c.TP.TPID)
	var other tpView
	order(t, e, "POST", control(s, "/tps"), map[string]any{"tp_id": 6000001, "apps": []int64{c.App.AppID}}, &other)
	order(t, e, "PATCH", control(s, "/tps/"+text(c.TP.TPID)), map[string]any{"push_url": url, "authorization_url": url}, nil)
	order(t, e, "PATCH", control(s, "/config"), map[string]any{"push_attempts": 2}, nil)
	advance(t, s, 0)
	order(t, e, "POST", control(s, "/decisions"), map[string]any{"kind": "audit", "result": "fail", "reason": "名称过长"}, nil)
	r.refuseNext("mine", "no", "500")
	audits(t, e, c.Authorizer.AccessToken, 2)
	fetch := func(token, kind string) (p messagePage) {
		get(e, pathMessages, "access_token", token, "push_type", kind).data(t, &p)
		return p
	}
	all, missed := fetch(c.TP.AccessToken, "1"), fetch(c.TP.AccessToken, "2")
	if all.Count != 2 || missed.Count != 1 || missed.List[0].Status != 2 || all.List[1].Status != 1 {
		t.Fatalf("fetched %+v, of which failed %+v", all, missed)
	}
	payload, err := decryptPush(c.TP.EncodingAESKey, missed.List[0].Content, text(c.TP.TPID))
	var audit map[string]any
	if err != nil || json.Unmarshal(payload, &audit) != nil || audit["event"] != "PACKAGE_AUDIT_FAIL" || audit["reason"] != "名称过长" {
		t.Errorf("missed %s, %v", payload, err)
	}
	got, faults := r.take("mine")
	if faults != nil {
		t.Errorf("pushes: %v", faults)
	}
	var attempts []string
	for _, l := range got {
		if string(l.Payload) == string(payload) {
			attempts = append(attempts, l.Encrypt)
		}
	}
	if len(attempts) != 2 || attempts[0] != attempts[1] || attempts[0] != missed.List[0].Content {
		t.Errorf("%d attempts of the missed push", len(attempts))
	}
	theirs := fetch(tpToken(t, e, other.ClientID, other.Ticket), "1")
	if theirs.Count != 2 || theirs.List[0].Content == all.List[0].Content {
		t.Errorf("the other TP fetched %+v", theirs)
	}
	if _, err := decryptPush(other.Key, theirs.List[0].Content, "6000001"); err != nil {
		t.Errorf("the other TP's message: %v", err)
	}
}

// TestFailuresWithoutAReason lets an audit and an upload fail and says no more.
func TestFailuresWithoutAReason(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	for _, kind := range []string{"audit", "upload"} {
		order(t, e, "POST", control(s, "/decisions"), map[string]any{"kind": kind, "result": "fail"}, nil)
		audits(t, e, c.Authorizer.AccessToken, 1)
	}
	var rows []map[string]any
	if get(e, pathList, "access_token", c.Authorizer.AccessToken).data(t, &rows); len(rows) != 2 || rows[0]["status"] != 5.0 || rows[1]["upload_status"] != 3.0 {
		t.Errorf("the app lists %v", rows)
	}
	if m := mismatches(s); m != nil {
		t.Errorf("mismatches: %v", m)
	}
}
