package emulator_test

// The same seed and the same inputs give the same journal, byte for byte.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
)

// A day is a scripted and seeded day of a TP: every ten minutes a ticket
// comes, its receiver fails now and then, and so does Kafka.
type day struct {
	t        *testing.T
	e        *emulator.Emulator
	s        *emulator.Sandbox
	broker   *recorder
	receiver *receiver
	topic    string
	app      int64
	tp       emulator.Credentials
	own      string // the TP's token
	token    grant
	dice     *rand.Rand
	ends     time.Time // of the authorizer token
}

// live drives a sandbox through a day, beginning with its credentials, and
// returns its journal and its state.
func live(t *testing.T, e *emulator.Emulator, c emulator.Credentials, broker *recorder, r *receiver, script uint64) (journal, state []byte) {
	t.Helper()
	s := e.Sandbox(c.Sandbox)
	d := &day{
		t: t, e: e, s: s, broker: broker, receiver: r, topic: c.Topic, app: c.App.AppID, tp: c,
		own: c.TP.AccessToken, dice: rand.New(rand.NewPCG(script, 1)),
	}
	box := s.Name()
	url := r.open(box, c.TP.EncodingAESKey, c.TP.Token, c.TP.TPID)
	order(t, e, "PATCH", control(s, "/tps/"+text(c.TP.TPID)), map[string]any{"push_url": url, "authorization_url": url}, nil)
	d.exchange(byCode, "code", retrieve(t, e, d.own, d.app))
	for range 144 {
		d.tenMinutes()
	}
	_, faults := r.take(box)
	if faults != nil {
		t.Errorf("%s: %v", s.Name(), faults)
	}
	broker.take(d.topic)
	if m := mismatches(s); m != nil {
		t.Errorf("%s: %v", s.Name(), m)
	}
	var err error
	if journal, err = json.Marshal(s.Journal(0, 1<<30)); err != nil {
		t.Error(err)
	}
	if state, err = s.Export(); err != nil {
		t.Error(err)
	}
	return journal, state
}

func (d *day) exchange(grantType, name, value string) {
	d.token = wantGrant(d.t, exchange(d.e, d.own, grantType, name, value))
	d.ends = d.s.Now().Add(time.Hour)
}

// tenMinutes does a few things and lets ten minutes pass.
func (d *day) tenMinutes() {
	if !d.s.Now().Before(d.ends) {
		if a := get(d.e, pathList, "access_token", d.token.AccessToken); a.code() != 111 {
			d.t.Errorf("an expired token: %s", a.body)
		}
		old := d.token.RefreshToken
		d.exchange(byRefresh, "refresh_token", old)
		wantOAuth(d.t, "a refresh token used twice", exchange(d.e, d.own, byRefresh, "refresh_token", old), "invalid_grant")
	}
	switch d.dice.IntN(8) {
	case 0:
		d.receiver.refuseNext(d.s.Name(), strings.Split(strings.Repeat("no 500 ", d.dice.IntN(3))+"no", " ")...)
	case 1:
		d.broker.failNext(d.topic, 1+d.dice.IntN(3))
	case 2:
		result := []string{"pass", "fail"}[d.dice.IntN(2)]
		order(d.t, d.e, "POST", control(d.s, "/decisions"), map[string]any{"kind": "audit", "result": result, "reason": "名称过长", "after": "7m"}, nil)
	}
	for range d.dice.IntN(3) {
		d.call()
	}
	advance(d.t, d.s, 10*time.Minute-time.Second)
	advance(d.t, d.s, time.Second)
}

// call takes a step of the lifecycle, allowed or not.
func (d *day) call() {
	token := d.token.AccessToken
	var rows []struct {
		ID     int64 `json:"package_id"`
		Status int   `json:"status"`
	}
	get(d.e, pathList, "access_token", token).data(d.t, &rows)
	path, id := pathUpload, int64(1)
	if len(rows) > 0 && d.dice.IntN(2) > 0 {
		row := rows[d.dice.IntN(len(rows))]
		id = row.ID
		switch row.Status {
		case 3, 5:
			path = pathSubmit
		case 4:
			path = pathWithdraw
		case 6:
			path = pathRelease
		case 1:
			path = pathRollback
		}
	}
	post(d.e, path, "access_token", token, "package_id", text(id), "content", "送审", "template_id", "1",
		"user_version", fmt.Sprintf("1.%d", d.dice.IntN(100)), "user_desc", "描述",
		"ext_json", fmt.Sprintf(`{"directCommit":%v}`, d.dice.IntN(2) == 0))
	if d.dice.IntN(3) == 0 {
		advance(d.t, d.s, time.Duration(d.dice.IntN(8))*time.Second)
	}
}

// A house is an emulator whose default sandbox is lived in again and again.
type house struct {
	e      *emulator.Emulator
	broker *recorder
	lives  int
}

func newHouse(t *testing.T, seed uint64) *house {
	t.Helper()
	h := &house{broker: &recorder{}}
	h.e = newEmulator(t, func(o *emulator.Options) { o.Seed, o.Broker = seed, h.broker })
	return h
}

// live is live in the default sandbox, which is reset before.
func (h *house) live(t *testing.T, r *receiver, script uint64) (journal, state []byte) {
	t.Helper()
	var c emulator.Credentials
	if h.lives++; h.lives == 1 {
		c = credentials(t, h.e.Sandbox(emulator.DefaultSandbox))
	} else {
		order(t, h.e, "POST", "/_emu/sandboxes/default/reset", nil, &c)
	}
	return live(t, h.e, c, h.broker, r, script)
}

// differ says where two texts begin to differ.
func differ(a, b []byte) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	around := func(s []byte) []byte { return s[max(0, n-300):min(len(s), n+200)] }
	return fmt.Sprintf("at byte %d of %d and %d:\n%s\n%s", n, len(a), len(b), around(a), around(b))
}

// TestJournalsRepeat lives the same day a hundred times: in fresh emulators and
// in sandboxes that were reset, with one processor and with two.
func TestJournalsRepeat(t *testing.T) {
	runs := 100
	if testing.Short() || raceEnabled {
		runs = 10
	}
	r := newReceiver(t)
	journal, state := newHouse(t, 1).live(t, r, 1)
	kinds := map[string]int{}
	for _, kind := range []string{"exchange", "transition", "event", "delivery", "control"} {
		if kinds[kind] = bytes.Count(journal, []byte(`"kind":"`+kind+`"`)); kinds[kind] < 10 && kind != "control" {
			t.Errorf("the day has %d entries of kind %s", kinds[kind], kind)
		}
	}
	for what, text := range map[string]string{
		"no failed delivery": `"ok":false`, "no failed notice": "the broker is away", "no ticket": `"name":"TICKET"`,
		"no expired token": "TokenExpired", "no refused refresh": "OAuthInvalidGrant", "no rejection": "PACKAGE_AUDIT_FAIL",
	} {
		if !bytes.Contains(journal, []byte(text)) {
			t.Errorf("the day has %s", what)
		}
	}
	t.Logf("a journal of %d bytes: %v", len(journal), kinds)
	for _, procs := range []int{1, 2} {
		t.Run(fmt.Sprintf("GOMAXPROCS=%d", procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			var h *house
			for i := range runs / 2 {
				if i%10 == 0 {
					h = newHouse(t, 1)
				}
				j, s := h.live(t, r, 1)
				if !bytes.Equal(j, journal) {
					t.Fatalf("run %d: the journal differs %s", i, differ(journal, j))
				}
				if !bytes.Equal(s, state) {
					t.Fatalf("run %d: the state differs %s", i, differ(state, s))
				}
			}
		})
	}
	t.Run("another seed", func(t *testing.T) {
		if j, s := newHouse(t, 2).live(t, r, 1); bytes.Equal(j, journal) || bytes.Equal(s, state) {
			t.Error("another seed gives the same journal")
		}
	})
}

// TestJournalsAreApart drives two sandboxes at the same time and one after the
// other.
func TestJournalsAreApart(t *testing.T) {
	r := newReceiver(t)
	names := []string{"left", "right"}
	run := func(t *testing.T, both bool) (out [2][2][]byte) {
		t.Helper()
		broker := &recorder{}
		e := newEmulator(t, func(o *emulator.Options) { o.Broker = broker })
		var wg sync.WaitGroup
		for i, name := range names {
			s, err := e.CreateSandbox(name, emulator.SandboxOptions{Seed: 7})
			if err != nil {
				t.Fatal(err)
			}
			c := credentials(t, s)
			drive := func() { out[i][0], out[i][1] = live(t, e, c, broker, r, uint64(i)) }
			if both {
				wg.Go(drive)
			} else {
				drive()
			}
		}
		wg.Wait()
		return out
	}
	alone, together := run(t, false), run(t, true)
	for i, name := range names {
		for k, what := range []string{"journal", "state"} {
			if !bytes.Equal(alone[i][k], together[i][k]) {
				t.Errorf("the %s of %s differs %s", what, name, differ(alone[i][k], together[i][k]))
			}
		}
	}
	if bytes.Equal(alone[0][0], alone[1][0]) {
		t.Error("both have the same journal")
	}
}
