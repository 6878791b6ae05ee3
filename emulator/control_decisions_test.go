package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

// decided is what became of a decision.
type decided struct {
	AppliedTo *int64 `json:"applied_to"`
	Queued    *int64 `json:"queued"`
}

// upload begins an upload.
func upload(t testing.TB, h http.Handler, token, version string) {
	t.Helper()
	a := post(h, pathUpload, "access_token", token, "template_id", "754", "ext_json", "{}", "user_version", version, "user_desc", "x")
	if a.code() != 0 {
		t.Fatalf("upload: %s", a.body)
	}
}

func TestControlDecisions(t *testing.T) {
	e := newEmulator(t, func(o *emulator.Options) { o.Manual = true })
	c := must[emulator.Credentials](t, e, "POST", box+"/credentials", "")
	token := c.Authorizer.AccessToken
	state := func() string {
		t.Helper()
		var out []string
		for _, p := range packagesOf(t, e, c.App.AppID) {
			out = append(out, p.Version+" "+p.State)
		}
		return strings.Join(out, ", ")
	}

	// Queued before there is anything to decide; the audit only for version 2.
	first := must[decided](t, e, "POST", box+"/decisions", `{"kind":"upload","result":"pass","after":"40m"}`)
	second := must[decided](t, e, "POST", box+"/decisions", `{"kind":"audit","result":"fail","reason":"名称过长","version":"2","app_id":1452365}`)
	if first.Queued == nil || *first.Queued != 1 || first.AppliedTo != nil || *second.Queued != 2 {
		t.Errorf("queued: %+v %+v", first, second)
	}
	type queue struct {
		Queued  []fields
		Waiting []fields
	}
	q := must[queue](t, e, "GET", box+"/decisions", "")
	if len(q.Queued) != 2 || q.Queued[0]["after"] != "40m" || q.Queued[1]["reason"] != "名称过长" || q.Queued[1]["version"] != "2" {
		t.Errorf("queue: %+v", q)
	}
	upload(t, e, token, "1")
	p := packagesOf(t, e, c.App.AppID)[0]
	if p.Pending == nil || p.Pending.At != "2026-01-05T09:40:00+08:00" || p.Waits {
		t.Errorf("the queued decision: %+v", p)
	}
	// A decision on a package by its id replaces what was decided.
	got := must[decided](t, e, "POST", box+"/decisions", fmt.Sprintf(`{"kind":"upload","result":"pass","package_id":%d}`, p.ID))
	if got.AppliedTo == nil || *got.AppliedTo != p.ID || got.Queued != nil || state() != "1 development" {
		t.Errorf("applied: %+v, %s", got, state())
	}
	if clock := must[fields](t, e, "GET", box+"/clock", ""); len(clock["pending"].([]any)) != 0 {
		t.Errorf("the timer that was replaced is still there: %v", clock)
	}
	post(e, pathSubmit, "access_token", token, "package_id", fmt.Sprint(p.ID), "content", "x", "remark", "y")
	must[fields](t, e, "POST", box+"/clock/advance", `{"by":"1h"}`)
	q = must[queue](t, e, "GET", box+"/decisions", "")
	if want := []fields{{"kind": "audit", "app_id": 1452365.0, "package_id": float64(p.ID), "version": "1"}}; !cmp.Equal(q.Waiting, want) || len(q.Queued) != 1 {
		t.Errorf("waiting: %+v, want %+v", q, want)
	}
	// One that waits takes the next decision for it, later if that says so.
	got = must[decided](t, e, "POST", box+"/decisions", `{"kind":"audit","result":"fail","reason":"描述不符","after":"2h"}`)
	if got.AppliedTo == nil || *got.AppliedTo != p.ID || state() != "1 in_review" {
		t.Errorf("applied later: %+v, %s", got, state())
	}
	must[fields](t, e, "POST", box+"/clock/advance", `{"by":"2h"}`)
	inbox := must[struct {
		Messages []struct {
			ID    int64
			Event string
			Raw   string
			At    string
			Msg   json.RawMessage `json:"message"`
		}
		Last int64
	}](t, e, "GET", box+"/inbox", "")
	if state() != "1 rejected" || len(inbox.Messages) != 1 || inbox.Messages[0].Event != "PACKAGE_AUDIT_FAIL" || inbox.Last != inbox.Messages[0].ID {
		t.Fatalf("two hours later: %s, inbox %+v", state(), inbox)
	}
	want := `{"appId":1452365,"tpAppId":17328232,"eventTime":"2026-01-05 12:00:00","event":"PACKAGE_AUDIT_FAIL","reason":"描述不符"}`
	var wire struct{ Encrypt string }
	if err := json.Unmarshal([]byte(inbox.Messages[0].Raw), &wire); err != nil {
		t.Fatal(err)
	}
	plain, err := decryptPush(c.TP.EncodingAESKey, wire.Encrypt, fmt.Sprint(c.TP.TPID))
	if err != nil || string(plain) != want || string(inbox.Messages[0].Msg) != want {
		t.Errorf("inbox: %s, sealed %s (%v), want %s", inbox.Messages[0].Msg, plain, err, want)
	}
	mail, err := e.Sandbox("default").Inbox(0, 10)
	if err != nil || len(mail) != 1 || mail[0].Raw != inbox.Messages[0].Raw {
		t.Errorf("Inbox: %+v %v", mail, err)
	}
	if none := must[fields](t, e, "GET", fmt.Sprintf("%s/inbox?after=%d", box, inbox.Last), ""); len(none["messages"].([]any)) != 0 {
		t.Errorf("inbox after the last: %v", none)
	}
	upload(t, e, token, "3")
	must[decided](t, e, "POST", box+"/decisions", `{"kind":"upload","result":"fail","code":69010,"reason":"模板解析出错"}`)
	if all := packagesOf(t, e, c.App.AppID); all[1].State != "upload_failed" || all[1].Code != 69010 {
		t.Errorf("a failed upload: %+v", all)
	}
}

func TestControlDecisionsRefused(t *testing.T) {
	e := newEmulator(t, nil)
	must[shownApp](t, e, "POST", box+"/apps", `{"app_id":42,"packages":[{"version":"1","state":"development","package_id":7}]}`)
	for body, want := range map[string]problem{
		`{"kind":"audit","result":"pass","package_id":1}`:               {Status: 404, Pointer: "/package_id"},
		`{"kind":"audit","result":"pass","package_id":7}`:               {Status: 409, Pointer: "/package_id"},
		`{"kind":"audit","result":"pass","package_id":7,"version":"9"}`: {Status: 409, Pointer: "/package_id"},
		`{"kind":"audit","result":"pass","app_id":3}`:                   {Status: 404, Pointer: "/app_id"},
		`{"kind":"audit","result":"pass","after":"2 hours"}`:            {Status: 400, Pointer: "/after"},
		`{"kind":"audit","result":"pass","after":"99999999999h"}`:       {Status: 400, Pointer: "/after"},
		`{"kind":"audit","result":"fail","code":3}`:                     {Status: 400, Pointer: "/code"},
		`{"kind":"audits","result":"fail"}`:                             {Status: 400, Pointer: "/kind"},
		`{"kind":"audit"}`:                                              {Status: 400, Pointer: "/result"},
	} {
		if got := refused(t, e, want.Status, "POST", box+"/decisions", body); got.Pointer != want.Pointer {
			t.Errorf("%s: %+v", body, got)
		}
	}
	must[decided](t, e, "POST", box+"/decisions", `{"kind":"audit","result":"pass"}`)
	must[decided](t, e, "POST", box+"/decisions", `{"kind":"audit","result":"pass"}`)
	refused(t, e, 404, "DELETE", box+"/decisions?id=77", "")
	if got := must[fields](t, e, "DELETE", box+"/decisions?id=2", ""); got["removed"] != 1.0 {
		t.Errorf("removed: %v", got)
	}
	must[decided](t, e, "POST", box+"/decisions", `{"kind":"upload","result":"pass"}`)
	if got := must[fields](t, e, "DELETE", box+"/decisions", ""); got["removed"] != 2.0 {
		t.Errorf("removed: %v", got)
	}
}

func TestControlConfig(t *testing.T) {
	e := newEmulator(t, func(o *emulator.Options) { o.Manual = true })
	want := fields{
		"manual": true, "upload_delay": "3s", "audit_delay": "5s", "rollback_delay": "3s", "token_ttl": "720h",
		"code_ttl": "5m", "session_ttl": "720h", "kill_old_session": true, "authorize_key_path": "", "user_data_padding": 16.0, "user_answer": "agree",
		"sign_window": "0s", "audit_quota": 20.0, "refuse_unknown_recipients": false, "template_limit": 25.0, "push_plain": false, "push_attempts": 16.0, "strict_evidence": false, "topic": "smartapp.change",
		"payment_delay": "0s", "refund_delay": "3s", "notify_interval": "2m", "notify_retries": 200.0,
	}
	if diff := cmp.Diff(want, must[fields](t, e, "GET", box+"/config", "")); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	c := must[emulator.Credentials](t, e, "POST", box+"/credentials", "")
	upload(t, e, c.Authorizer.AccessToken, "1")
	got := must[fields](t, e, "PATCH", box+"/config", `{"manual":false,"upload_delay":"1h30m","audit_delay":"0","token_ttl":"1m","code_ttl":"10m","session_ttl":"1h","kill_old_session":false,"authorize_key_path":"demo","user_data_padding":32,"user_answer":"cancel","sign_window":"10m","audit_quota":1,"refuse_unknown_recipients":true,"template_limit":3,"push_plain":true,"push_attempts":2,"rollback_delay":"1500ms",
		"payment_delay":"10m","refund_delay":"1h","notify_interval":"30s","notify_retries":3}`)
	want = fields{
		"manual": false, "upload_delay": "1h30m", "audit_delay": "0s", "rollback_delay": "1.5s", "token_ttl": "1m",
		"code_ttl": "10m", "session_ttl": "1h", "kill_old_session": false, "authorize_key_path": "demo", "user_data_padding": 32.0, "user_answer": "cancel",
		"sign_window": "10m", "audit_quota": 1.0, "refuse_unknown_recipients": true, "template_limit": 3.0, "push_plain": true, "push_attempts": 2.0, "strict_evidence": false, "topic": "smartapp.change",
		"payment_delay": "10m", "refund_delay": "1h", "notify_interval": "30s", "notify_retries": 3.0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	// What waited is decided after the new delay.
	if p := packagesOf(t, e, c.App.AppID)[0]; p.Pending == nil || p.Pending.At != "2026-01-05T10:30:00+08:00" {
		t.Errorf("after manual ended: %+v", p)
	}
	for body, pointer := range map[string]string{
		`{"token_ttl":"1ms"}`: "/token_ttl", `{"code_ttl":"0"}`: "/code_ttl", `{"session_ttl":"1ms"}`: "/session_ttl", `{"push_attempts":0}`: "/push_attempts", `{"upload_delay":"-1s"}`: "/upload_delay",
		`{"user_data_padding":24}`: "/user_data_padding", `{"user_answer":"yes"}`: "/user_answer", `{"topic":"x"}`: "/topic", `{"upload_dealy":"1s"}`: "/upload_dealy",
		`{"notify_interval":"1ms"}`: "/notify_interval", `{"notify_retries":-1}`: "/notify_retries",
	} {
		if p := refused(t, e, 400, "PATCH", box+"/config", body); p.Pointer != pointer {
			t.Errorf("%s: %+v", body, p)
		}
	}
}

func TestControlClock(t *testing.T) {
	e := newEmulator(t, nil)
	c := must[emulator.Credentials](t, e, "POST", box+"/credentials", "")
	upload(t, e, c.Authorizer.AccessToken, "1")
	got := must[fields](t, e, "GET", box+"/clock", "")
	want := fields{
		"now": "2026-01-05T09:00:00+08:00", "rate": 0.0, "mode": "virtual", "virtual": true, "next": "2026-01-05T09:00:03+08:00",
		"pending": []any{fields{"at": "2026-01-05T09:00:03+08:00", "kind": "upload", "app_id": 1452365.0, "package_id": 55001.0}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("clock (-want +got):\n%s", diff)
	}
	report := must[emulator.Report](t, e, "POST", box+"/clock/advance", `{"to":"2026-01-05T01:00:10Z"}`)
	if report.To != "2026-01-05T09:00:10+08:00" || report.Fired["upload"] != 1 || len(report.Timers) != 1 {
		t.Errorf("report: %+v", report)
	}
	if settled := must[emulator.Report](t, e, "POST", box+"/settle", ""); settled.From != report.To || settled.To != report.To {
		t.Errorf("settled: %+v", settled)
	}
	for body, pointer := range map[string]string{
		`{}`: "", `{"by":"1s","to":"2027-01-05T01:00:10Z"}`: "", `{"to":"2026-01-05T01:00:09Z"}`: "", `{"by":"-1s"}`: "/by",
		`{"to":"tomorrow"}`: "/to", `{"to":"9990-01-01T00:00:00Z"}`: "/to", `{"bye":"1s"}`: "/bye",
	} {
		if p := refused(t, e, 400, "POST", box+"/clock/advance", body); p.Pointer != pointer {
			t.Errorf("%s: %+v", body, p)
		}
	}
	must[emulator.Report](t, e, "POST", box+"/clock/advance", `{"to":"2149-12-01T00:00:00Z"}`)
	if p := refused(t, e, 400, "POST", box+"/clock/advance", `{"by":"200000h"}`); p.Pointer != "/by" {
		t.Errorf("beyond the end: %+v", p)
	}
	running := must[fields](t, e, "POST", box+"/clock/rate", `{"mode":"x60"}`)
	if running["rate"] != 60.0 || running["mode"] != "x60" || running["virtual"] != false {
		t.Errorf("running: %v", running)
	}
	must[emulator.Report](t, e, "POST", box+"/settle", `{"timeout":"1m"}`)
	if frozen := must[fields](t, e, "POST", box+"/clock/freeze", ""); frozen["mode"] != "virtual" {
		t.Errorf("frozen: %v", frozen)
	}
	if running := must[fields](t, e, "POST", box+"/clock/rate", `{"rate":1}`); running["mode"] != "real" {
		t.Errorf("real: %v", running)
	}
	for body, pointer := range map[string]string{
		`{}`: "", `{"rate":1,"mode":"real"}`: "", `{"rate":-1}`: "/rate", `{"mode":"x0"}`: "/mode",
	} {
		if p := refused(t, e, 400, "POST", box+"/clock/rate", body); p.Pointer != pointer {
			t.Errorf("%s: %+v", body, p)
		}
	}
}

// TestControlSettleInVain waits for a receiver that takes its time.
func TestControlSettleInVain(t *testing.T) {
	release := make(chan struct{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		_, _ = w.Write([]byte("success"))
	})
	server := newServer(t, slow)
	e := newEmulator(t, func(o *emulator.Options) { o.Clock.Mode = "real" })
	must[fields](t, e, "PATCH", box+"/tps/17328232", `{"authorization_url":"`+server.URL+`"}`)
	p := refused(t, e, 504, "POST", box+"/settle", `{"timeout":"1ms"}`)
	if !strings.Contains(p.Detail, "1ms") {
		t.Errorf("problem: %+v", p)
	}
	due := must[struct{ Deliveries []fields }](t, e, "GET", box+"/deliveries?status=due", "")
	if len(due.Deliveries) != 1 {
		t.Errorf("due: %v", due)
	}
	close(release)
	must[emulator.Report](t, e, "POST", box+"/settle", "")
	if done := must[struct{ Deliveries []fields }](t, e, "GET", box+"/deliveries?status=delivered", ""); len(done.Deliveries) != 1 {
		t.Errorf("delivered: %v", done)
	}
}

func TestControlDeliveries(t *testing.T) {
	inbound, broker := newReceiver(t), &recorder{}
	e := newEmulator(t, func(o *emulator.Options) { o.Broker = broker; o.PushAttempts = 2 })
	c := must[emulator.Credentials](t, e, "POST", box+"/credentials", "")
	url := inbound.open("tp", c.TP.EncodingAESKey, c.TP.Token, c.TP.TPID)
	must[fields](t, e, "PATCH", box+"/tps/17328232", `{"push_url":"`+url+`"}`)
	must[shownApp](t, e, "POST", box+"/apps", `{"app_id":42,"tp_id":17328232,"packages":[{"version":"1","state":"in_review"}]}`)
	inbound.refuseNext("tp", "500", "no")
	must[fields](t, e, "POST", box+"/clock/advance", `{"by":"5s"}`)
	type delivery struct {
		Event       int64
		Name        string
		Channel     string
		Status      string
		Attempts    int
		Next        string
		DeliveredAt string `json:"delivered_at"`
		Error       string
		Inbox       bool
	}
	list := func(query string) []delivery {
		t.Helper()
		return must[struct{ Deliveries []delivery }](t, e, "GET", box+"/deliveries"+query, "").Deliveries
	}
	want := []delivery{
		{1, "PACKAGE_AUDIT_PASS", "push", "waiting", 1, "2026-01-05T09:00:10+08:00", "", `the receiver answered "", not "success"`, false},
		{2, "PACKAGE_CHANGED", "kafka", "delivered", 1, "", "2026-01-05T09:00:05+08:00", "", false},
	}
	if diff := cmp.Diff(want, list("")); diff != "" {
		t.Errorf("deliveries (-want +got):\n%s", diff)
	}
	if got := list("?channel=kafka"); len(got) != 1 || len(list("?status=waiting&channel=kafka")) != 0 || len(list("?after=1&limit=1")) != 1 {
		t.Errorf("filters: %v", got)
	}
	// One more attempt now, instead of the one that was to come; it fails for good.
	got := must[delivery](t, e, "POST", box+"/deliveries/1/redeliver", "")
	if got.Status != "failed" || got.Attempts != 2 || got.Error != `the receiver answered "no", not "success"` {
		t.Errorf("redelivered: %+v", got)
	}
	// And once more after that.
	if got = must[delivery](t, e, "POST", box+"/deliveries/1/redeliver", ""); got.Status != "delivered" || got.Attempts != 3 {
		t.Errorf("redelivered: %+v", got)
	}
	must[fields](t, e, "POST", box+"/clock/advance", `{"by":"1h"}`)
	letters, faults := inbound.take("tp")
	if len(letters) != 3 || len(faults) > 0 {
		t.Errorf("%d letters, want 3; %v", len(letters), faults)
	}
	broker.take("smartapp.change")
	broker.failNext("smartapp.change", 1)
	if got = must[delivery](t, e, "POST", box+"/deliveries/2/redeliver", ""); got.Status != "due" || got.Attempts != 2 || got.Next == "" || got.Error == "" {
		t.Errorf("a notice that failed: %+v", got)
	}
	refused(t, e, 409, "POST", box+"/deliveries/2/redeliver", "")
	must[fields](t, e, "POST", box+"/clock/advance", `{"by":"1m"}`)
	if records := broker.take("smartapp.change"); len(records) != 1 {
		t.Errorf("%d notices, want the one sent again", len(records))
	}
	// To the inbox, once the receiver is gone.
	must[fields](t, e, "PATCH", box+"/tps/17328232", `{"push_url":""}`)
	if got = must[delivery](t, e, "POST", box+"/deliveries/1/redeliver", ""); !got.Inbox || got.Status != "delivered" {
		t.Errorf("redelivered to the inbox: %+v", got)
	}
	if p := refused(t, e, 404, "POST", box+"/deliveries/9/redeliver", ""); !slices.Contains(p.Nearest, "1") {
		t.Errorf("an unknown event: %+v", p)
	}

	without := newEmulator(t, nil)
	must[shownApp](t, without, "PATCH", box+"/apps/1452365", `{"name":"x"}`)
	refused(t, without, 409, "POST", box+"/deliveries/1/redeliver", "")
}
