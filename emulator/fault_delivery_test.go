package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

// Faults on pushes and notices, with a receiver, the inbox and a broker on the
// other side.

// approve drives a version from upload to the end of its audit, which takes
// eight seconds, and returns its package_id: three notices and a push.
func approve(t testing.TB, e *emulator.Emulator, c emulator.Credentials, name string) string {
	t.Helper()
	upload(t, e, c.Authorizer.AccessToken, name)
	packages := packagesOf(t, e, c.App.AppID)
	id := fmt.Sprint(packages[len(packages)-1].ID)
	advance(t, e.Sandbox(c.Sandbox), 3*time.Second)
	if a := post(e, pathSubmit, "access_token", c.Authorizer.AccessToken, "package_id", id, "content", "x"); a.code() != 0 {
		t.Fatalf("submit: %s", a.body)
	}
	advance(t, e.Sandbox(c.Sandbox), 5*time.Second)
	return id
}

// version approves a version and releases it, which makes a fourth notice.
// Each takes a minute, or a little more where faults have moved time.
func version(t testing.TB, e *emulator.Emulator, c emulator.Credentials, name string) {
	t.Helper()
	id := approve(t, e, c, name)
	if a := post(e, pathRelease, "access_token", c.Authorizer.AccessToken, "package_id", id); a.code() != 0 {
		t.Fatalf("release: %s", a.body)
	}
	advance(t, e.Sandbox(c.Sandbox), 52*time.Second)
}

// A stage is an emulator with a receiver for its TP and a broker.
type stage struct {
	*testing.T
	e        *emulator.Emulator
	s        *emulator.Sandbox
	c        emulator.Credentials
	broker   *recorder
	receiver *receiver // nil: pushes go to the inbox
}

func newStage(t *testing.T, inbox bool) *stage {
	t.Helper()
	st := &stage{T: t, broker: &recorder{}}
	if !inbox {
		st.receiver = newReceiver(t)
	}
	st.e = newEmulator(t, func(o *emulator.Options) { o.Broker = st.broker })
	st.s = st.e.Sandbox(emulator.DefaultSandbox)
	st.c = credentials(t, st.s)
	if !inbox {
		url := st.receiver.open("tp", st.c.TP.EncodingAESKey, st.c.TP.Token, st.c.TP.TPID)
		must[fields](t, st.e, "PATCH", box+"/tps/17328232", `{"push_url":"`+url+`"}`)
	}
	return st
}

// pushes returns what came since it was last asked, as "hh:mm:ss event", with
// a word on what is wrong with it.
func (st *stage) pushes() (out []string) {
	st.Helper()
	var got []letter
	if st.receiver != nil {
		letters, _ := st.receiver.take("tp")
		got = letters
	} else {
		messages, err := st.s.Inbox(0, 1000)
		if err != nil {
			st.Fatal(err)
		}
		b := &mailbox{aesKey: st.c.TP.EncodingAESKey, token: st.c.TP.Token, id: st.c.TP.TPID}
		for _, m := range messages {
			l, _ := b.unseal([]byte(m.Raw))
			got = append(got, l)
		}
	}
	for _, l := range got {
		var p struct{ Event, EventTime string }
		if l.Payload == nil {
			out = append(out, "unverifiable")
			continue
		}
		if err := json.Unmarshal(l.Payload, &p); err != nil {
			st.Fatal(err)
		}
		out = append(out, l.At.In(beijing).Format(time.TimeOnly)+" "+strings.TrimPrefix(p.Event, "PACKAGE_AUDIT_")+
			" of "+strings.TrimPrefix(p.EventTime, "2026-01-05 "))
	}
	return out
}

// notices returns the packages of the notices that came since it was last
// asked, with the time of the event.
func (st *stage) notices() (out []string) {
	st.Helper()
	for _, r := range st.broker.take(st.c.Topic) {
		var n struct {
			Data struct {
				PackageID int `json:"package_id"`
			} `json:"data"`
		}
		if err := json.Unmarshal(r.Value, &n); err != nil {
			st.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%d at %s", n.Data.PackageID, r.Time.In(beijing).Format(time.TimeOnly)))
	}
	return out
}

// want compares.
func (st *stage) want(what string, got []string, want ...string) {
	st.Helper()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		st.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// version drives a version of the app.
func (st *stage) version(name string) { version(st.T, st.e, st.c, name) }

// delivery is an event as the control API shows it.
type delivery struct {
	Event                            int64
	Name, Channel, Status, Error, At string
	Attempts                         int
	DeliveredAt                      string `json:"delivered_at"`
	Next                             string
}

func deliveries(t testing.TB, h http.Handler, query string) []delivery {
	t.Helper()
	return must[struct{ Deliveries []delivery }](t, h, "GET", box+"/deliveries"+query, "").Deliveries
}

// onBoth runs a test with a receiver and with the inbox.
func onBoth(t *testing.T, f func(st *stage)) {
	t.Helper()
	for _, inbox := range []bool{false, true} {
		t.Run(map[bool]string{false: "receiver", true: "inbox"}[inbox], func(t *testing.T) { f(newStage(t, inbox)) })
	}
}

func TestPushDropped(t *testing.T) {
	onBoth(t, func(st *stage) {
		script(st, st.e, `{"on":"push","do":"drop"}`)
		st.version("1.0.0")
		st.want("pushes", st.pushes())
		d := deliveries(st, st.e, "?channel=push")
		if len(d) != 1 || d[0].Status != "failed" || d[0].Error != "dropped by fault 1" || d[0].Attempts != 0 {
			st.Errorf("%+v", d)
		}
		must[delivery](st, st.e, "POST", fmt.Sprintf("%s/deliveries/%d/redeliver", box, d[0].Event), "")
		st.want("sent again", st.pushes(), "09:01:00 PASS of 09:00:08")
		st.version("1.0.1")
		if d := deliveries(st, st.e, "?channel=push&status=delivered"); len(d) != 2 {
			st.Errorf("%+v", d)
		}
	})
}

func TestPushDelayed(t *testing.T) {
	onBoth(t, func(st *stage) {
		script(st, st.e, `{"on":"push","do":"delay","delay":"10m"}`)
		st.version("1.0.0")
		if d := deliveries(st, st.e, "?channel=push"); d[0].Status != "waiting" || d[0].Next != "2026-01-05T09:10:08+08:00" {
			st.Errorf("%+v", d)
		}
		advance(st, st.s, 9*time.Minute+7*time.Second)
		st.want("before its time", st.pushes())
		advance(st, st.s, time.Second)
		st.want("at its time", st.pushes(), "09:10:08 PASS of 09:00:08")
	})
}

func TestPushDoubled(t *testing.T) {
	onBoth(t, func(st *stage) {
		script(st, st.e, `{"on":"push","do":"duplicate"}`)
		st.version("1.0.0")
		st.want("pushes", st.pushes(), "09:00:08 PASS of 09:00:08", "09:00:08 PASS of 09:00:08")
		if d := deliveries(st, st.e, "?channel=push"); d[0].Status != "delivered" || d[0].Attempts != 2 {
			st.Errorf("%+v", d)
		}
	})
}

// TestPushDoubledOnRealTime has both copies arrive without time being moved.
func TestPushDoubledOnRealTime(t *testing.T) {
	r := newReceiver(t)
	e := newEmulator(t, func(o *emulator.Options) {
		o.Clock.Mode, o.Delays = "real", emulator.Delays{Upload: -1, Audit: -1}
	})
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	url := r.open("tp", c.TP.EncodingAESKey, c.TP.Token, c.TP.TPID)
	must[fields](t, e, "PATCH", box+"/tps/17328232", `{"push_url":"`+url+`"}`)
	script(t, e, `{"on":"push","do":"duplicate"}`)
	upload(t, e, c.Authorizer.AccessToken, "1.0.0")
	settled := func() {
		t.Helper()
		if _, err := s.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	settled()
	a := post(e, pathSubmit, "access_token", c.Authorizer.AccessToken, "content", "x",
		"package_id", fmt.Sprint(packagesOf(t, e, c.App.AppID)[0].ID))
	if a.code() != 0 {
		t.Fatal(string(a.body))
	}
	settled()
	if got, faults := r.take("tp"); len(got) != 2 || len(faults) != 0 || got[0].Encrypt != got[1].Encrypt || got[0].Nonce == got[1].Nonce {
		t.Errorf("%+v %v", got, faults)
	}
}

// TestPushesOvertaken scripts pairs of pushes in the wrong order.
func TestPushesOvertaken(t *testing.T) {
	st := newStage(t, false)
	script(t, st.e, `{"on":"push","do":"reorder","delay":"1h","times":2}`)
	for i := range 5 {
		st.version(fmt.Sprintf("1.0.%d", i))
	}
	st.want("pushes", st.pushes(),
		"09:01:08 PASS of 09:01:08", "09:01:08 PASS of 09:00:08",
		"09:03:08 PASS of 09:03:08", "09:03:08 PASS of 09:02:08",
		"09:04:08 PASS of 09:04:08")
	advance(t, st.s, 3*time.Hour)
	st.want("the timers of what was overtaken", st.pushes())
}

func TestPushHeldBackWithoutASuccessor(t *testing.T) {
	onBoth(t, func(st *stage) {
		script(st, st.e, `{"on":"push","do":"reorder","times":-1}`)
		st.version("1.0.0")
		st.want("held back", st.pushes())
		advance(st, st.s, 8*time.Second)
		st.want("after a minute", st.pushes(), "09:01:08 PASS of 09:00:08")
		if st.receiver == nil {
			return
		}
		// It is held back no more, so the next one is in its turn.
		approve(st, st.e, st.c, "1.0.1")
		st.want("the next is held back", st.pushes())
		approve(st, st.e, st.c, "1.0.2")
		st.want("and overtaken", st.pushes(), "09:01:24 PASS of 09:01:24", "09:01:24 PASS of 09:01:16")
	})
}

// TestPushToAnotherOvertakesNothing has two TPs: what goes to one does not
// overtake what goes to the other, nor does what is dropped.
func TestPushToAnotherOvertakesNothing(t *testing.T) {
	st := newStage(t, false)
	must[fields](t, st.e, "POST", box+"/tps", `{"tp_id":5}`)
	must[fields](t, st.e, "POST", box+"/authorizations", `{"tp_id":5,"app_id":1452365}`)
	url := st.receiver.open("other", st.c.TP.EncodingAESKey, st.c.TP.Token, 5)
	must[fields](t, st.e, "PATCH", box+"/tps/5", `{"push_url":"`+url+`","encoding_aes_key":"`+st.c.TP.EncodingAESKey+`","token":"`+st.c.TP.Token+`"}`)
	script(t, st.e, `{"on":"push","do":"reorder","delay":"3h","nth":2}`) // the first TP in order of id is 5
	script(t, st.e, `{"on":"push","do":"drop","nth":4}`)                 // of the second version
	for i := range 3 {
		st.version(fmt.Sprintf("1.0.%d", i))
	}
	other, _ := st.receiver.take("other")
	if len(other) != 3 {
		t.Errorf("the other TP: %+v", other)
	}
	st.want("pushes", st.pushes(), "09:02:08 PASS of 09:02:08", "09:02:08 PASS of 09:00:08")
}

// TestHeldBackAndRetried has the push that was overtaken fail: its attempts
// come as always, and not when it would have gone out at the latest.
func TestHeldBackAndRetried(t *testing.T) {
	st := newStage(t, false)
	script(t, st.e, `{"on":"push","do":"reorder","delay":"2m"}`)
	st.version("1.0.0")
	st.receiver.refuseNext("tp", "success", "no", "no", "no", "no")
	st.version("1.0.1")
	advance(t, st.s, 3*time.Minute)
	st.want("pushes", st.pushes(),
		"09:01:08 PASS of 09:01:08", "09:01:08 PASS of 09:00:08", "09:01:13 PASS of 09:00:08",
		"09:01:23 PASS of 09:00:08", "09:01:43 PASS of 09:00:08", "09:02:23 PASS of 09:00:08")
}

func TestPushWithAWrongSignature(t *testing.T) {
	st := newStage(t, false)
	script(t, st.e, `{"on":"push","do":"wrong_signature"}`)
	st.receiver.refuseNext("tp", "who are you")
	st.version("1.0.0")
	st.want("pushes", st.pushes(), "unverifiable", "09:00:13 PASS of 09:00:08")

	st = newStage(t, true)
	script(t, st.e, `{"on":"push","do":"wrong_signature"}`)
	st.version("1.0.0")
	st.want("inbox", st.pushes(), "unverifiable")
}

func TestPushWithAnOldTimestamp(t *testing.T) {
	for delay, at := range map[string]string{``: "08:00:08", `,"delay":"10m"`: "08:50:08"} {
		st := newStage(t, false)
		script(t, st.e, `{"on":"push","do":"stale_timestamp"`+delay+`}`)
		st.receiver.refuseNext("tp", "too old")
		st.version("1.0.0")
		st.want("pushes", st.pushes(), at+" PASS of 09:00:08", "09:00:13 PASS of 09:00:08")
	}
	st := newStage(t, true)
	script(t, st.e, `{"on":"push","do":"stale_timestamp"}`)
	st.version("1.0.0")
	st.want("inbox", st.pushes(), "08:00:08 PASS of 09:00:08")
}

// TestPushWhoseAnswerIsLost has the receiver take a push and get it again.
func TestPushWhoseAnswerIsLost(t *testing.T) {
	onBoth(t, func(st *stage) {
		script(st, st.e, `{"on":"push","do":"timeout"}`)
		st.version("1.0.0")
		st.want("pushes", st.pushes(), "09:00:08 PASS of 09:00:08", "09:00:13 PASS of 09:00:08")
		d := deliveries(st, st.e, "?channel=push")
		if d[0].Status != "delivered" || d[0].Attempts != 2 || d[0].Error != "" {
			st.Errorf("%+v", d)
		}
		lost := 0
		for _, entry := range entries(st, st.s) {
			if strings.Contains(entry, "answer was lost") {
				lost++
				if strings.Contains(entry, `"status":200`) {
					st.Errorf("an answer that was lost has a status: %s", entry)
				}
			}
		}
		if lost != 1 {
			st.Errorf("%d lost answers in the journal", lost)
		}
	})
}
