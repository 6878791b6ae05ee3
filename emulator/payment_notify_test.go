package emulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

// shownDelivery is a delivery as the control API shows it.
type shownDelivery struct {
	Event    int64  `json:"event"`
	Name     string `json:"name"`
	Channel  string `json:"channel"`
	Deal     int64  `json:"deal_id"`
	Order    int64  `json:"order_id"`
	Status   string `json:"status"`
	Attempts int    `json:"attempts"`
	Next     string `json:"next"`
	Error    string `json:"error"`
	Inbox    bool   `json:"inbox"`
}

func (k *market) deliveries() []shownDelivery {
	k.Helper()
	return must[struct {
		Deliveries []shownDelivery `json:"deliveries"`
	}](k, k.e, "GET", box+"/deliveries?channel=notify", "").Deliveries
}

// TestNotificationAnswers holds each answer of a merchant against what it
// means.
func TestNotificationAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		answer string
		state  string // of the order
		err    string // "" where the notification counts as taken
	}{
		"as documented":      {answerConsumed, "consumed", ""},
		"white space":        {" \n" + answerConsumed + "\r\n", "consumed", ""},
		"more members":       {`{"errno":0,"msg":"ok","data":{"isConsumed":2,"isErrorOrder":0,"x":1},"y":[]}`, "consumed", ""},
		"an erroneous order": {`{"errno":0,"msg":"success","data":{"isErrorOrder":1,"isConsumed":2}}`, "paid", ""},
		"not consumed":       {`{"errno":0,"msg":"success","data":{"isConsumed":1}}`, "paid", "answered isConsumed 1, not 2"},
		"no isConsumed":      {`{"errno":0,"msg":"success","data":{}}`, "paid", "no isConsumed in data"},
		"no data":            {`{"errno":0,"msg":"success"}`, "paid", "no isConsumed in data"},
		"an error":           {`{"errno":1,"msg":"库存不足","data":{"isConsumed":2}}`, "paid", `answered errno 1 "库存不足"`},
		"no errno":           {`{"data":{"isConsumed":2}}`, "paid", "not a JSON object with errno"},
		"the push's answer":  {"success", "paid", `answered "success", not a JSON object`},
		"nothing":            {"", "paid", `answered "", not a JSON object`},
		"a text for 2":       {`{"errno":0,"data":{"isConsumed":"2"}}`, "paid", "not a JSON object with errno"},
		"more than JSON":     {answerConsumed + "x", "paid", "not a JSON object"},
		"HTTP 500":           {"500", "paid", "answered with HTTP 500"},
		"HTTP 302":           {"302", "paid", "redirects"},
		"endless":            {`{"errno":0,"msg":"` + strings.Repeat("x", 70_000) + `","data":{"isConsumed":2}}`, "paid", "longer than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newMarket(t, false, nil)
			k.m.answer("/notify", tc.answer)
			k.pay("x", 100)
			advance(t, k.s, 0)
			d := k.deliveries()[0]
			if o := k.order("x"); o.State != tc.state {
				t.Errorf("the order is %s, want %s", o.State, tc.state)
			}
			switch {
			case tc.err == "" && (d.Status != "delivered" || d.Error != ""):
				t.Errorf("delivery %+v", d)
			case tc.err != "" && (d.Status != "waiting" || d.Next != "2026-01-05T09:02:00+08:00" || !strings.Contains(d.Error, tc.err)):
				t.Errorf("delivery %+v, want %s", d, tc.err)
			}
			advance(t, k.s, 2*time.Minute) // the next answer is a good one
			if o := k.order("x"); tc.err != "" && o.State != "consumed" {
				t.Errorf("after the second attempt the order is %s", o.State)
			}
		})
	}
}

// TestNotificationRhythm is the published one: every two minutes, two hundred
// times.
func TestNotificationRhythm(t *testing.T) {
	k := newMarket(t, false, nil)
	must[fields](t, k.e, "PATCH", fmt.Sprintf("%s/merchants/%d", box, k.m.deal), `{"notify_url":"http://127.0.0.1:1/down"}`)
	k.pay("x", 100)
	advance(t, k.s, 0)
	r := advance(t, k.s, 199*2*time.Minute)
	if r.Fired["notify"] != 199 || r.Attempts != 199 || r.Owed != 1 {
		t.Errorf("after 398 minutes: %v, %d attempts, %d owed", r.Fired, r.Attempts, r.Owed)
	}
	if d := k.deliveries()[0]; d.Status != "waiting" || d.Attempts != 200 || d.Next != "2026-01-05T15:40:00+08:00" {
		t.Errorf("then: %+v", d)
	}
	advance(t, k.s, 2*time.Minute)
	if d := k.deliveries()[0]; d.Status != "failed" || d.Attempts != 201 || d.Next != "" || !strings.Contains(d.Error, "notify: dial tcp 127.0.0.1:1") {
		t.Errorf("after the last: %+v", d)
	}
	if r := advance(t, k.s, 24*time.Hour); r.Attempts != 0 || k.order("x").State != "paid" {
		t.Errorf("a day later: %d attempts, the order is %s", r.Attempts, k.order("x").State)
	}
	// One more, because somebody asks for it.
	k.listen("", "")
	must[shownDelivery](t, k.e, "POST", fmt.Sprintf("%s/deliveries/%d/redeliver", box, k.deliveries()[0].Event), "")
	if d := k.deliveries()[0]; d.Status != "delivered" || d.Attempts != 202 || k.order("x").State != "consumed" {
		t.Errorf("delivered once more: %+v, the order is %s", d, k.order("x").State)
	}
}

// TestNotificationSettings has another rhythm.
func TestNotificationSettings(t *testing.T) {
	k := newMarket(t, false, nil)
	must[fields](t, k.e, "PATCH", box+"/config", `{"notify_interval":"10s","notify_retries":1}`)
	k.m.answer("/notify", "500", "500")
	k.pay("x", 100)
	advance(t, k.s, 9*time.Second)
	if got := k.m.take(); len(got) != 1 {
		t.Errorf("after 9 s: %v", got)
	}
	advance(t, k.s, time.Hour)
	if got := k.m.take(); len(got) != 1 || k.deliveries()[0].Status != "failed" {
		t.Errorf("after an hour: %v, %+v", got, k.deliveries())
	}
}

// TestNotificationTimeout has a merchant that does not answer in time; the two
// seconds are the wall's, and shorter here.
func TestNotificationTimeout(t *testing.T) {
	k := newMarket(t, false, func(o *emulator.Options) { o.NotifyTimeout = 50 * time.Millisecond })
	k.m.answer("/notify", hang)
	k.pay("x", 100)
	advance(t, k.s, 0)
	if d := k.deliveries()[0]; d.Status != "waiting" || !strings.Contains(d.Error, "notify: no whole answer in time (at most 50ms)") {
		t.Errorf("delivery %+v", d)
	}
	advance(t, k.s, 2*time.Minute)
	if got := k.m.take(); len(got) != 2 || got[0] != got[1] || k.order("x").State != "consumed" {
		t.Errorf("told %v, the order is %s", got, k.order("x").State)
	}
	if _, err := emulator.New(t.Context(), emulator.Options{NotifyTimeout: -1}); err == nil || !strings.Contains(err.Error(), "notify timeout") {
		t.Errorf("a negative timeout: %v", err)
	}
}

// TestNotificationInbox has a merchant without a URL.
func TestNotificationInbox(t *testing.T) {
	k := newMarket(t, true, nil)
	k.pay("x", 100)
	messages, err := k.s.Inbox(0, 10)
	if err != nil || len(messages) != 1 {
		t.Fatalf("inbox: %+v, %v", messages, err)
	}
	in := messages[0]
	if in.Event != "ORDER_PAID" || in.Deal != k.m.deal || in.Order != k.order("x").ID || in.App != 1452365 || in.TP != 0 {
		t.Errorf("message %+v", in)
	}
	read := map[string]string{}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://x.invalid", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if err := k.m.read(r, in.Raw, read); err != nil || read["tpOrderId"] != "x" {
		t.Errorf("what would be posted is %s: %v", in.Raw, err)
	}
	if d := k.deliveries()[0]; !d.Inbox || d.Status != "delivered" || k.order("x").State != "consumed" {
		t.Errorf("delivery %+v, the order is %s", d, k.order("x").State)
	}
	// A merchant that gets a URL is told over the wire from then on.
	k.listen("", "")
	k.pay("y", 100)
	advance(t, k.s, 0)
	if got := k.m.take(); len(got) != 1 || got[0] != "/notify y status 2" {
		t.Errorf("told %v", got)
	}
}

// TestNotificationsOnRealTime does without anybody who moves time.
func TestNotificationsOnRealTime(t *testing.T) {
	k := newMarket(t, false, func(o *emulator.Options) { o.Clock = emulator.Clock{Mode: "real"} })
	k.pay("x", 100)
	must[emulator.Report](t, k.e, "POST", box+"/settle", "")
	if got := k.m.take(); len(got) != 1 || k.order("x").State != "consumed" {
		t.Errorf("told %v, the order is %s", got, k.order("x").State)
	}
}

// TestNotificationFaults disturbs what merchants are told.
func TestNotificationFaults(t *testing.T) {
	for name, tc := range map[string]struct {
		fault string
		want  []string // what is told of orders a and b, by and by
	}{
		"none":      {"", []string{"09:00 a", "09:01 b"}},
		"drop":      {`{"on":"notify","do":"drop"}`, []string{"09:01 b"}},
		"delay":     {`{"on":"notify","do":"delay","delay":"10m"}`, []string{"09:01 b", "09:10 a"}},
		"duplicate": {`{"on":"notify","do":"duplicate","event":"ORDER_PAID"}`, []string{"09:00 a", "09:00 a", "09:01 b"}},
		"reorder":   {`{"on":"notify","do":"reorder","delay":"10m"}`, []string{"09:01 b", "09:01 a"}},
		"reorder, and nothing comes": {
			`{"on":"notify","do":"reorder","nth":2,"delay":"5m"}`, []string{"09:00 a", "09:06 b"},
		},
		"wrong signature": {
			`{"on":"notify","do":"wrong_signature","transition":"pay"}`, []string{"09:00 a (the signature is wrong)", "09:01 b", "09:02 a"},
		},
		"timeout": {`{"on":"notify","do":"timeout","app_id":1452365}`, []string{"09:00 a", "09:01 b", "09:02 a"}},
	} {
		t.Run(name, func(t *testing.T) {
			k := newMarket(t, false, nil)
			if tc.fault != "" {
				must[fields](t, k.e, "POST", box+"/faults", tc.fault)
			}
			var got []string
			if name == "wrong signature" {
				k.m.answer("/notify", `{"errno":1,"msg":"sign","data":{}}`)
			}
			for minute := range 20 {
				switch minute {
				case 0:
					k.pay("a", 100)
				case 1:
					k.pay("b", 100)
				}
				advance(t, k.s, 0)
				for _, text := range k.m.take() {
					text = strings.NewReplacer("/notify ", "", " status 2", "").Replace(text)
					got = append(got, fmt.Sprintf("09:%02d %s", minute, text))
				}
				advance(t, k.s, time.Minute)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			if want := map[bool]string{true: "paid", false: "consumed"}[name == "drop"]; k.order("a").State != want || k.order("b").State != "consumed" {
				t.Errorf("a is %s, b is %s", k.order("a").State, k.order("b").State)
			}
		})
	}
	k := newMarket(t, true, nil)
	for body, pointer := range map[string]string{
		`{"on":"notify","do":"stale_timestamp"}`:                              "/do",
		`{"on":"notify","do":"drop","event":"TICKET"}`:                        "/event",
		`{"on":"push","do":"drop","event":"ORDER_PAID"}`:                      "/event",
		`{"on":"notify","do":"drop","operation":"requestPolymerPayment"}`:     "/operation",
		`{"on":"notify","do":"drop","transition":"consume"}`:                  "/transition",
		`{"on":"call","do":"latency","delay":"1s","operation":"orderBills"}`:  "/operation",
		`{"on":"notify","do":"wrong_signature","delay":"1s","times":1}`:       "/delay",
		`{"on":"notify","do":"duplicate","transition":"refund_done","x":"y"}`: "/x",
	} {
		if p := refused(t, k.e, 400, "POST", box+"/faults", body); p.Pointer != pointer {
			t.Errorf("%s: %+v", body, p)
		}
	}
}
