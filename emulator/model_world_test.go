package emulator_test

// A world is a sandbox beside its model: every call goes to both, and what
// comes back, what is sent and what is listed must be the same.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/swanemu/emu/emulator"
)

// An arena is what worlds share.
type arena struct {
	e        *emulator.Emulator
	broker   *recorder
	receiver *receiver
	worlds   int
	steps    int
	hits     map[string]int // transitions
	refused  map[string]int // reasons to refuse
	pairs    map[string]int // state × action
}

type world struct {
	*arena
	s      *emulator.Sandbox
	m      *model
	tps    []*worldTP
	hostID [2]string
	keys   map[int64][2]string // AppKey and AppSecret by app
	tokens map[string]string
}

type worldTP struct {
	*modelTP
	clientID string
}

// newWorld makes a sandbox with three apps, of which the last has authorized
// two TPs.
func (a *arena) newWorld(t *rapid.T) *world {
	a.worlds++
	name := "model-" + strconv.Itoa(a.worlds)
	s, err := a.e.CreateSandbox(name, emulator.SandboxOptions{Seed: uint64(a.worlds)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Credentials()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		arena: a, s: s, m: newModel(s.Now(), a), keys: map[int64][2]string{}, tokens: map[string]string{},
		hostID: [2]string{c.Host.AK, c.Host.SK},
	}
	w.addApp(c.App.AppID, c.App.AppKey, c.App.AppSecret)
	for _, id := range []int64{20000001, 30000001} {
		w.createApp(t, id, c.TP.TPID)
	}
	var second struct {
		ClientID string `json:"client_id"`
		Key      string `json:"encoding_aes_key"`
		Token    string `json:"token"`
	}
	url := a.receiver.open(name+"/1", c.TP.EncodingAESKey, c.TP.Token, c.TP.TPID)
	order(t, a.e, "PATCH", control(s, "/tps/"+text(c.TP.TPID)), map[string]any{"push_url": url}, nil)
	order(t, a.e, "POST", control(s, "/tps"), map[string]any{"tp_id": 18000000, "apps": []int64{30000001}}, &second)
	url = a.receiver.open(name+"/2", second.Key, second.Token, 18000000)
	order(t, a.e, "PATCH", control(s, "/tps/18000000"), map[string]any{"push_url": url}, nil)
	w.tps = []*worldTP{
		{&modelTP{id: c.TP.TPID, mailbox: name + "/1"}, c.TP.ClientID},
		{&modelTP{id: 18000000, mailbox: name + "/2"}, second.ClientID},
	}
	for _, app := range w.m.apps {
		app.tps = []*modelTP{w.tps[0].modelTP}
	}
	w.m.apps[2].tps = append(w.m.apps[2].tps, w.tps[1].modelTP)
	return w
}

func (w *world) addApp(id int64, key, secret string) *modelApp {
	w.keys[id] = [2]string{key, secret}
	app := &modelApp{
		id: id, name: true, categories: true, verified: true, status: 1, used: map[string]int{},
	}
	w.m.apps = append(w.m.apps, app)
	return app
}

// createApp makes an app that has a history.
func (w *world) createApp(t *rapid.T, id, tp int64) {
	states := rapid.SampledFrom([][]string{
		nil,
		{superseded, online, approved, development},
		{superseded, superseded, online, rejected, development},
		{superseded, rollingBack, approved, failed},
		{online, inReview, development, uploading},
	}).Draw(t, "history")
	var packages []map[string]any
	for i, state := range states {
		packages = append(packages, map[string]any{"version": fmt.Sprint("0.", i), "state": state})
	}
	var out struct {
		Key    string `json:"app_key"`
		Secret string `json:"app_secret"`
	}
	body := map[string]any{"app_id": id, "tp_id": tp, "packages": packages}
	if packages == nil {
		delete(body, "packages")
	}
	order(t, w.e, "POST", control(w.s, "/apps"), body, &out)
	app := w.addApp(id, out.Key, out.Secret)
	last := w.lastPackage(t)
	for i, state := range states {
		p := &modelPackage{
			app: app, id: last - int64(len(states)-1-i), state: state, version: fmt.Sprint("0.", i), committed: w.m.now,
		}
		w.m.begin(app, p)
	}
}

// close holds the journal against the model and deletes the sandbox.
func (w *world) close(t tester) {
	var arrivals []string
	for _, e := range w.s.Journal(0, 1<<30) {
		switch d := e.Detail.(type) {
		case *emulator.Transition:
			arrivals = append(arrivals, fmt.Sprintf("%d %s→%s", d.ID, d.From, d.To))
		case *emulator.Mismatch:
			t.Errorf("mismatch: %+v", d)
		}
	}
	if !slices.Equal(arrivals, w.m.arrivals) {
		t.Errorf("the journal has the transitions\n%v, the model\n%v", arrivals, w.m.arrivals)
	}
	order(t, w.e, "DELETE", control(w.s, ""), nil, nil)
}

// token returns a token that is still good, for a host, a developer or a TP's
// acting for an app.
func (w *world) token(t tester, kind string, n int64, tp *worldTP) string {
	key := fmt.Sprint(kind, n)
	if tp != nil {
		key += tp.clientID
	}
	if old := w.tokens[key]; old != "" {
		end, _ := strconv.ParseInt(strings.Split(old, ".")[3], 10, 64)
		if w.m.now.Unix() < end {
			return old
		}
	}
	var fresh string
	switch kind {
	case "host":
		fresh = clientToken(t, w.e, w.hostID[0], w.hostID[1])
	case "developer":
		fresh = clientToken(t, w.e, w.keys[n][0], w.keys[n][1])
	case "tp":
		var out struct {
			Ticket string `json:"ticket"`
		}
		order(t, w.e, "GET", control(w.s, "/tps/"+text(tp.id)), nil, &out)
		fresh = tpToken(t, w.e, tp.clientID, out.Ticket)
	default:
		own := w.token(t, "tp", tp.id, tp)
		fresh = wantGrant(t, exchange(w.e, own, byCode, "code", retrieve(t, w.e, own, n))).AccessToken
	}
	w.tokens[key] = fresh
	return fresh
}

// call sends a request and holds its answer against the model's verdict; a
// refusal, and a call that only reads, leaves the state as it was.
func (w *world) call(t tester, read bool, v verdict, method, path string, kv ...string) answer {
	t.Helper()
	var before map[string]json.RawMessage
	if read || v.errno != 0 {
		before = mustExport(t, w.s)
	}
	var a answer
	if method == http.MethodGet {
		a = get(w.e, path, kv...)
	} else {
		a = post(w.e, path, kv...)
	}
	env, err := a.open()
	text := env.Msg + env.ErrorMsg
	missing := func(part string) bool { return !strings.Contains(text, part) }
	if err != nil || wellFormed(a) != nil || a.code() != v.errno || slices.ContainsFunc(v.says, missing) {
		t.Fatalf("%s %s %v: %s; want %d, %q", method, path, kv[2:], a.body, v.errno, v.says)
	}
	if before != nil {
		if d := sameState(before, mustExport(t, w.s)); d != nil {
			t.Fatalf("%s %s %v: %s changed %v", method, path, kv[2:], a.body, d)
		}
	}
	return a
}

// step ends a step: everything that is due happens, on both sides.
func (w *world) step(t tester, by time.Duration) {
	t.Helper()
	w.steps++
	if _, err := w.s.Advance(context.Background(), by); err != nil {
		t.Fatal(err)
	}
	w.m.advance(by)
	if !w.s.Now().Equal(w.m.now) {
		t.Fatalf("it is %v, the model has %v", w.s.Now(), w.m.now)
	}
}

// check compares what everybody sees.
func (w *world) check(t tester) {
	t.Helper()
	w.checkNotices(t)
	w.checkLetters(t)
	for _, app := range w.m.apps {
		a := get(w.e, pathList, "access_token", w.token(t, "authorizer", app.id, w.tps[0]))
		w.checkList(t, app, a)
	}
}

func (w *world) checkList(t tester, app *modelApp, a answer) {
	t.Helper()
	var rows []map[string]any
	a.data(t, &rows)
	shown := app.list()
	ok := len(rows) == len(shown)
	for i := 0; ok && i < len(rows); i++ {
		ok = shown[i].same(shown[i].row(), rows[i])
	}
	if !ok {
		var want bytes.Buffer
		for _, p := range shown {
			fmt.Fprintf(&want, "\n%v", p.row())
		}
		t.Fatalf("app %d lists %s, the model%s", app.id, a.body, want.String())
	}
}

func (w *world) checkNotices(t tester) {
	t.Helper()
	got := w.broker.take("smartapp.change." + w.s.Name())
	for i, n := range w.m.notices {
		want := fmt.Sprintf(`{"code":%d,"data":{"app_id":%d,"package_id":%d}}`, n.code, n.app, n.pkg)
		if n.code == 100 {
			want = fmt.Sprintf(`{"code":100,"data":{"app_id":%d}}`, n.app)
		}
		if i >= len(got) || string(got[i].Value) != want || string(got[i].Key) != text(n.app) || !got[i].Time.Equal(n.at) {
			t.Fatalf("notice %d of %v is to be %s of %v, got %d: %+v", i, w.m.notices, want, n.at, len(got), got)
		}
	}
	if len(got) != len(w.m.notices) {
		t.Fatalf("%d notices, want %v", len(got), w.m.notices)
	}
	w.m.notices = nil
}

func (w *world) checkLetters(t tester) {
	t.Helper()
	got := map[*modelTP][]letter{}
	for _, tp := range w.tps {
		letters, faults := w.receiver.take(tp.mailbox)
		if got[tp.modelTP] = letters; faults != nil {
			t.Fatalf("pushes to %d: %v", tp.id, faults)
		}
	}
	for _, l := range w.m.letters {
		box := got[l.tp]
		if len(box) == 0 {
			t.Fatalf("TP %d did not get %v at %v", l.tp.id, l.payload, l.at)
		}
		got[l.tp] = box[1:]
		var payload map[string]any
		_ = json.Unmarshal(box[0].Payload, &payload)
		if fmt.Sprint(payload) != fmt.Sprint(l.payload) || box[0].Accepted != l.accepted || box[0].At.Unix() != l.at.Unix() {
			t.Fatalf("TP %d got %s at %v, want %v at %v", l.tp.id, box[0].Payload, box[0].At, l.payload, l.at)
		}
	}
	for tp, rest := range got {
		if len(rest) > 0 {
			t.Fatalf("TP %d got %d pushes too many, first %s", tp.id, len(rest), rest[0].Payload)
		}
	}
	w.m.letters = nil
}

// lastPackage is the id of the newest package.
func (w *world) lastPackage(t tester) (id int64) {
	if err := json.Unmarshal(mustExport(t, w.s)["last_package"], &id); err != nil {
		t.Fatal(err)
	}
	return id
}
