package emulator_test

// The server of a host app, written from what is published about it and from
// nothing of the emulator's.

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

const (
	hostNo  = 424242
	hostHSK = "host-secret"
	hostKey = "0123456789abcdef0123456789abcdef"
)

// hostServer exchanges the codes of its own logins.
type hostServer struct {
	server *httptest.Server
	// answer, when set, answers instead; it is called without the lock.
	answer func(w http.ResponseWriter, r *http.Request)

	mu     sync.Mutex
	asked  []url.Values
	faults []string
}

func newHostServer(t testing.TB) *hostServer {
	t.Helper()
	h := &hostServer{}
	h.server = httptest.NewServer(h)
	t.Cleanup(h.server.Close)
	return h
}

// hostSign is the signature as the documents put it.
func hostSign(q url.Values, hsk string) string {
	var names []string
	for name := range q {
		if name != "sign" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	text := ""
	for _, name := range names {
		text += name + "=" + q.Get(name) + "&"
	}
	sum := md5.Sum([]byte(text + "hsk=" + hsk))
	return hex.EncodeToString(sum[:])
}

func (h *hostServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	h.mu.Lock()
	h.asked = append(h.asked, q)
	mine := url.Values{}
	for _, name := range []string{"request_id", "client_id", "code", "timestamp", "sign_version"} {
		if len(q[name]) != 1 || q.Get(name) == "" {
			h.faults = append(h.faults, fmt.Sprintf("%s stands %d times", name, len(q[name])))
		}
		mine.Set(name, q.Get(name))
	}
	if r.Method != http.MethodGet || q.Get("sign") != hostSign(mine, hostHSK) {
		h.faults = append(h.faults, r.Method+" with a wrong sign")
	}
	answer := h.answer
	h.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"errno":0,"errmsg":"succ","tipmsg":"ok","requeset_id":%q,"timestamp":1,"data":{"open_id":"host-user-1","session_key":%q}}`,
		q.Get("request_id"), hostKey)
}

// questions returns what was asked so far; a fault fails the test.
func (h *hostServer) questions(t testing.TB) []url.Values {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, fault := range h.faults {
		t.Error("the platform asked the host wrongly: " + fault)
	}
	return h.asked
}

// joinHost makes a member of the alliance with a server, or without.
func joinHost(t testing.TB, h http.Handler, address string) {
	t.Helper()
	must[fields](t, h, "POST", box+"/hosts", fmt.Sprintf(`{"offical_no":%d,"containers":[{"container_no":7,"name":"爱奇艺"}],"name":"iqiyi","hsk":%q,"url":%q}`, hostNo, hostHSK, address))
}

// hostCalls are the journal's entries of requests to hosts.
func hostCalls(t testing.TB, e *emulator.Emulator) []fields {
	t.Helper()
	var out []fields
	for _, entry := range must[struct{ Entries []fields }](t, e, "GET", box+"/journal?kind=host_call&limit=1000", "").Entries {
		out = append(out, entry["host_call"].(fields))
	}
	return out
}

func TestHostExchangesItsCodes(t *testing.T) {
	host := newHostServer(t)
	e := newEmulator(t, nil)
	joinHost(t, e, host.server.URL+"/swan/oauth?allow=all")
	d := firstDeveloper(t, e)
	n := 0
	for way, exchange := range ways(d) {
		openID, key, refusal := exchanged(t, exchange(e, "made-by-the-host@iqiyi"))
		if strings.Contains(way, "nalogin") {
			if refusal != wantInvalid {
				t.Errorf("%s: %q; the old call does not know other hosts", way, refusal)
			}
			continue
		}
		if n++; openID != "host-user-1" || key != hostKey {
			t.Errorf("%s: %q, %q, %q", way, openID, key, refusal)
		}
	}
	asked := host.questions(t)
	if len(asked) != n || n != 4 {
		t.Fatalf("the host was asked %d times for %d exchanges", len(asked), n)
	}
	q := asked[0]
	if q.Get("client_id") != d.key || q.Get("code") != "made-by-the-host@iqiyi" || q.Get("sign_version") != "0.0.1" ||
		q.Get("timestamp") != "1767574800" || q.Get("allow") != "all" {
		t.Errorf("asked %v", q)
	}
	calls := hostCalls(t, e)
	want := fields{
		"offical_no": float64(hostNo), "app_id": float64(firstApp), "sink": host.server.URL + "/swan/oauth?redacted",
		"request_id": q.Get("request_id"), "ok": true, "status": 200.0, "errno": 0.0,
	}
	if len(calls) != n || !cmp.Equal(calls[0], want) {
		t.Errorf("the journal has %v, want %v", calls, want)
	}
	keepsSecret(t, e, hostKey, hostHSK, "made-by-the-host", q.Get("sign"))
}

func TestHostErrs(t *testing.T) {
	host := newHostServer(t)
	e := newEmulator(t, func(o *emulator.Options) { o.PushTimeout = 200 * time.Millisecond })
	joinHost(t, e, host.server.URL)
	d := firstDeveloper(t, e)
	gone := make(chan struct{})
	t.Cleanup(func() { close(gone) })
	says := func(status int, text string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, text)
		}
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		want   string
		why    string
	}{
		"refuses":                 {says(200, `{"errno":1004,"errmsg":"code a@iqiyi 已使用","data":null}`), wantInvalid, "errno 1004: code [redacted] 已使用"},
		"a failure of its server": {says(502, "<html>"), wantUnavailable, "HTTP status 502"},
		"no JSON":                 {says(200, "success"), wantUnavailable, "no JSON object"},
		"errno as a text":         {says(200, `{"errno":"0","data":{"open_id":"a","session_key":"`+hostKey+`"}}`), wantUnavailable, "integer"},
		"no errno":                {says(200, `{"data":{"open_id":"a","session_key":"`+hostKey+`"}}`), wantUnavailable, `no "errno"`},
		"no data":                 {says(200, `{"errno":0,"errmsg":"succ"}`), wantUnavailable, "data.open_id"},
		"no open_id":              {says(200, `{"errno":0,"data":{"openid":"a","session_key":"`+hostKey+`"}}`), wantUnavailable, "data.open_id"},
		"a key that is none":      {says(200, `{"errno":0,"data":{"open_id":"a","session_key":"short"}}`), wantUnavailable, "32 hexadecimal"},
		"far too much":            {says(200, `{"errno":0,"errmsg":"`+strings.Repeat("a", 1<<17)+`"}`), wantUnavailable, "longer than"},
		"a redirect":              {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, wantUnavailable, "do not follow redirects"},
		"half an answer": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"errno":0`)
		}, wantUnavailable, "unexpected EOF"},
		"no answer in time": {func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-gone:
			}
		}, wantUnavailable, "no whole answer in time"},
	} {
		host.mu.Lock()
		host.answer = c.answer
		host.mu.Unlock()
		for way, exchange := range ways(d) {
			if strings.Contains(way, "nalogin") {
				continue
			}
			want := c.want
			if want == wantInvalid {
				want = refusedAs(way, want)
			}
			a := exchange(e, "a@iqiyi")
			if _, key, refusal := exchanged(t, a); key != "" || refusal != want {
				t.Errorf("%s, %s: %s, want %q", name, way, a.body, want)
			}
			if strings.Contains(string(a.body), "a@iqiyi") {
				t.Errorf("%s, %s: the answer repeats the code: %s", name, way, a.body)
			}
			calls := hostCalls(t, e)
			if last := calls[len(calls)-1]; last["ok"] != false || !strings.Contains(fmt.Sprint(last["error"]), c.why) {
				t.Errorf("%s, %s: the journal says %v, want %q", name, way, last, c.why)
			}
		}
	}
	host.questions(t)
	host.server.Close()
	if _, _, refusal := exchanged(t, get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", "a@iqiyi")); refusal != wantUnavailable {
		t.Errorf("a host that is not there: %q", refusal)
	}
}

// TestHostIsAskedForGoodReason counts the questions.
func TestHostIsAskedForGoodReason(t *testing.T) {
	host := newHostServer(t)
	e := newEmulator(t, nil)
	joinHost(t, e, host.server.URL)
	d := firstDeveloper(t, e)
	get(e, pathJSCode, "client_id", d.key, "sk", "wrong", "code", "a@iqiyi")
	get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", "a@elsewhere")
	get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", logIn(t, e, "").Code)
	get(e, pathTPCode, "access_token", d.authorizer, "grant_type", "other", "code", "a@iqiyi")
	post(e, pathTokenCode, "access_token", "nobody", "code", "a@iqiyi")
	must[fields](t, e, "POST", box+"/faults", `{"on":"call","operation":"exchangeJSCode","do":"refuse","error":"RequestLimitReached"}`)
	get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", "a@iqiyi")
	if asked := host.questions(t); len(asked) != 0 {
		t.Errorf("the host was asked in vain: %v", asked)
	}
}

func TestEgressHoldsForHosts(t *testing.T) {
	host := newHostServer(t)
	e := newEmulator(t, func(o *emulator.Options) { o.Egress = emulator.Egress{Mode: emulator.EgressPublic} })
	joinHost(t, e, host.server.URL)
	d := firstDeveloper(t, e)
	if _, _, refusal := exchanged(t, get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", "a@iqiyi")); refusal != wantUnavailable {
		t.Errorf("a host on a private address: %q", refusal)
	}
	calls := hostCalls(t, e)
	if len(host.questions(t)) != 0 || len(calls) != 1 || !strings.Contains(fmt.Sprint(calls[0]["error"]), "egress") {
		t.Errorf("the journal says %v", calls)
	}
}

// TestHostMayCallBack asks the platform while the platform asks the host.
func TestHostMayCallBack(t *testing.T) {
	host := newHostServer(t)
	e := newEmulator(t, nil)
	joinHost(t, e, host.server.URL)
	d := firstDeveloper(t, e)
	var inside, second string
	host.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("code") == "a@iqiyi" {
			_, inside, _ = exchanged(t, get(e, pathLoginCode, "client_id", d.key, "sk", d.secret, "code", logIn(t, e, "").Code))
			_, second, _ = exchanged(t, get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", "b@iqiyi"))
		}
		fmt.Fprintf(w, `{"errno":0,"data":{"open_id":"u","session_key":%q}}`, hostKey)
	}
	if _, key, refusal := exchanged(t, get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", "a@iqiyi")); key != hostKey {
		t.Errorf("outside: %q", refusal)
	}
	if inside == "" || second != hostKey {
		t.Errorf("inside: %q and %q", inside, second)
	}
}

// TestSandboxGoesWhileHostIsAsked resets the sandbox under the call.
func TestSandboxGoesWhileHostIsAsked(t *testing.T) {
	host := newHostServer(t)
	e := newEmulator(t, nil)
	joinHost(t, e, host.server.URL)
	d := firstDeveloper(t, e)
	host.answer = func(w http.ResponseWriter, _ *http.Request) {
		ask(e, "POST", box+"/reset", "")
		fmt.Fprintf(w, `{"errno":0,"data":{"open_id":"u","session_key":%q}}`, hostKey)
	}
	if _, _, refusal := exchanged(t, get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", "a@iqiyi")); refusal != wantUnavailable {
		t.Errorf("a call whose sandbox is gone: %q", refusal)
	}
}

// TestContractChangesWhileHostIsAsked: the call was read by a contract that is
// gone, and its host is not asked twice; it is refused, and the next one is fine.
func TestContractChangesWhileHostIsAsked(t *testing.T) {
	host := newHostServer(t)
	e := newEmulator(t, nil)
	joinHost(t, e, host.server.URL)
	d := firstDeveloper(t, e)
	changed := false
	host.answer = func(w http.ResponseWriter, _ *http.Request) {
		if !changed {
			changed = true
			reload(t, e, contractWith(t, otherMessage...))
		}
		fmt.Fprintf(w, `{"errno":0,"data":{"open_id":"u","session_key":%q}}`, hostKey)
	}
	for _, want := range []string{wantUnavailable, ""} {
		_, key, refusal := exchanged(t, get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", "a@iqiyi"))
		if refusal != want || (key == hostKey) != (want == "") {
			t.Errorf("key %q, refusal %q; want the refusal %q", key, refusal, want)
		}
	}
	if n := len(host.questions(t)); n != 2 {
		t.Errorf("the host was asked %d times in two calls", n)
	}
}

// TestWhatHostsSaidIsKept restarts without the host.
func TestWhatHostsSaidIsKept(t *testing.T) {
	dir := t.TempDir()
	host := newHostServer(t)
	e, end := open(t, dir, nil)
	joinHost(t, e, host.server.URL)
	d := firstDeveloper(t, e)
	for _, code := range []string{"a@iqiyi", "b@iqiyi"} {
		if _, key, refusal := exchanged(t, get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", code)); key != hostKey {
			t.Fatalf("%s: %q", code, refusal)
		}
	}
	logged := logIn(t, e, "")
	want := state(t, e)
	copied := killed(t, dir)
	end()
	host.server.Close()
	again, _ := open(t, copied, nil)
	if diff := cmp.Diff(want, state(t, again)); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	calls := hostCalls(t, again)
	if len(calls) != 2 || calls[1]["ok"] != true {
		t.Errorf("the journal of the restart has %v", calls)
	}
	if len(host.questions(t)) != 2 {
		t.Error("the restart asked the host")
	}
	if _, key, refusal := exchanged(t, get(again, pathLoginCode, "client_id", d.key, "sk", d.secret, "code", logged.Code)); key == "" {
		t.Errorf("a code from before the restart: %q", refusal)
	}
}

// TestEmulatorPlaysTheHost exchanges the codes of a member that has no server:
// first within, then over its own address as a platform would.
func TestEmulatorPlaysTheHost(t *testing.T) {
	e := newEmulator(t, nil)
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	joinHost(t, e, "")
	d := firstDeveloper(t, e)
	order := fmt.Sprintf(`{"offical_no":%d}`, hostNo)
	in := logIn(t, e, order)
	if !strings.HasSuffix(in.Code, "@iqiyi") {
		t.Fatalf("code %q", in.Code)
	}
	openID, key, refusal := exchanged(t, get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", in.Code))
	sum := md5.Sum([]byte(d.key + fmt.Sprint(firstHuid) + "1767574800" + hostHSK))
	if openID != in.OpenID || key != hex.EncodeToString(sum[:]) {
		t.Errorf("exchanged within: %q, %q, %q", openID, key, refusal)
	}
	if len(hostCalls(t, e)) != 0 {
		t.Error("the emulator asked itself over the wire")
	}
	// As a platform would.
	question := func(code string, change func(url.Values)) answer {
		q := url.Values{
			"request_id": {"77"}, "client_id": {d.key}, "code": {code}, "timestamp": {"1767574800"}, "sign_version": {"0.0.1"},
		}
		q.Set("sign", hostSign(q, hostHSK))
		if change != nil {
			change(q)
		}
		return get(e, pathHostCode, pairs(q)...)
	}
	code := logIn(t, e, order).Code
	for name, c := range map[string]struct {
		a    answer
		want int
	}{
		"another secret":  {question(code, func(q url.Values) { q.Set("sign", hostSign(q, "wrong")) }), 2},
		"another code":    {question(code, func(q url.Values) { q.Set("code", "other@iqiyi") }), 2},
		"no such code":    {question("other@iqiyi", nil), 3},
		"not this host's": {question(logIn(t, e, "").Code, nil), 3},
		"no such host":    {question("other@nohost", nil), 3},
		"no such app":     {question(code, func(q url.Values) { q.Set("client_id", "nobody"); q.Set("sign", hostSign(q, hostHSK)) }), 3},
		"no sign":         {question(code, func(q url.Values) { q.Del("sign") }), 1},
		"no number":       {question(code, func(q url.Values) { q.Set("timestamp", "soon") }), 1},
		"another version": {question(code, func(q url.Values) { q.Set("sign_version", "9") }), 1},
	} {
		if c.a.code() != c.want || c.a.status != 200 {
			t.Errorf("%s: %s, want errno %d", name, c.a.body, c.want)
		}
	}
	var out struct {
		Errno     int    `json:"errno"`
		ErrMsg    string `json:"errmsg"`
		TipMsg    string `json:"tipmsg"`
		RequestID string `json:"request_id"`
		Timestamp int64  `json:"timestamp"`
		Data      struct {
			OpenID     string `json:"open_id"`
			SessionKey string `json:"session_key"`
		} `json:"data"`
	}
	strictly(t, question(code, nil), &out)
	if out.Errno != 0 || out.ErrMsg != "succ" || out.RequestID != "77" || out.Timestamp != 1767574800 || out.Data.OpenID != in.OpenID || !hex32.MatchString(out.Data.SessionKey) {
		t.Errorf("the host answers %+v", out)
	}
	if a := question(code, nil); a.code() != 4 {
		t.Errorf("a second time: %s", a.body)
	}
	late := logIn(t, e, order).Code
	advance(t, e.Sandbox("default"), 5*time.Minute)
	if a := question(late, nil); a.code() != 4 {
		t.Errorf("too late: %s", a.body)
	}
	// A request that is too old, where the sandbox minds.
	must[fields](t, e, "PATCH", box+"/config", `{"sign_window":"4m"}`)
	if a := question(logIn(t, e, order).Code, nil); a.code() != 2 {
		t.Errorf("a request from five minutes ago: %s", a.body)
	}
}

// TestPlatformAndHostInOne lets the platform ask itself over the wire.
func TestPlatformAndHostInOne(t *testing.T) {
	e := newEmulator(t, nil)
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	joinHost(t, e, server.URL+pathHostCode)
	d := firstDeveloper(t, e)
	in := logIn(t, e, fmt.Sprintf(`{"offical_no":%d}`, hostNo))
	openID, key, refusal := exchanged(t, get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", in.Code))
	if openID != in.OpenID || !hex32.MatchString(key) {
		t.Errorf("exchanged: %q, %q, %q", openID, key, refusal)
	}
	if _, _, refusal := exchanged(t, get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", in.Code)); refusal != wantInvalid {
		t.Errorf("a second time: %q", refusal)
	}
	if calls := hostCalls(t, e); len(calls) != 2 || calls[0]["ok"] != true || calls[1]["errno"] != 4.0 {
		t.Errorf("the journal has %v", calls)
	}
}

// TestManyAskAtOnce exchanges side by side; the host answers when all are there.
func TestManyAskAtOnce(t *testing.T) {
	const n = 16
	host := newHostServer(t)
	e := newEmulator(t, nil)
	joinHost(t, e, host.server.URL)
	d := firstDeveloper(t, e)
	var all sync.WaitGroup
	all.Add(n)
	host.answer = func(w http.ResponseWriter, r *http.Request) {
		all.Done()
		all.Wait()
		fmt.Fprintf(w, `{"errno":0,"data":{"open_id":%q,"session_key":%q}}`, r.URL.Query().Get("code"), hostKey)
	}
	var work sync.WaitGroup
	for i := range n {
		work.Go(func() {
			code := fmt.Sprintf("code-%d@iqiyi", i)
			if openID, _, refusal := exchanged(t, get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", code)); openID != code {
				t.Errorf("%s: %q, %q", code, openID, refusal)
			}
		})
	}
	work.Wait()
	ids := map[string]bool{}
	for _, q := range host.questions(t) {
		ids[q.Get("request_id")] = true
	}
	if len(ids) != n {
		t.Errorf("%d questions have %d request_ids", n, len(ids))
	}
}

func TestHostsAreChecked(t *testing.T) {
	e := newEmulator(t, nil)
	joinHost(t, e, "")
	if p := refused(t, e, http.StatusConflict, "POST", box+"/hosts", `{"name":"iqiyi"}`); p.Pointer != "/name" {
		t.Errorf("a name twice: %+v", p)
	}
	for _, address := range []string{"ftp://example.com", "no-url", "http://", "http://a/#b"} {
		p := refused(t, e, http.StatusBadRequest, "POST", box+"/hosts", fmt.Sprintf(`{"url":%q}`, address))
		if p.Pointer != "/url" || strings.Contains(p.Detail, address) {
			t.Errorf("%s: %+v", address, p)
		}
	}
	refused(t, e, http.StatusBadRequest, "POST", box+"/hosts", `{"name":"I QIYI"}`)
	refused(t, e, http.StatusNotFound, "POST", box+"/logins", `{"offical_no":5}`)
}

// pairs writes a query as get wants it.
func pairs(q url.Values) (kv []string) {
	for name := range q {
		kv = append(kv, name, q.Get(name))
	}
	return kv
}

// strictly decodes an answer into what a client expects and nothing more.
func strictly(t testing.TB, a answer, v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(a.body)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Errorf("answer %s: %v", a.body, err)
	}
}

// TestShutdownEndsQuestions closes the emulator while a host is silent.
func TestShutdownEndsQuestions(t *testing.T) {
	host := newHostServer(t)
	asked := make(chan struct{})
	host.answer = func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}
	e, err := emulator.New(t.Context(), emulator.Options{Strict: true, AdminOpen: true, PushTimeout: time.Hour, Clock: emulator.Clock{Mode: "virtual"}})
	if err != nil {
		t.Fatal(err)
	}
	joinHost(t, e, host.server.URL)
	d := firstDeveloper(t, e)
	done := make(chan answer)
	go func() { done <- get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", "a@iqiyi") }()
	<-asked
	if err := e.Close(context.Background()); err != nil {
		t.Error(err)
	}
	if _, _, refusal := exchanged(t, <-done); refusal != wantUnavailable {
		t.Errorf("a call that the end cut off: %q", refusal)
	}
}
