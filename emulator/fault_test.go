package emulator_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

// Faults on calls, with a client on the other side of a TCP connection.

const boxFaults = box + "/faults"

// shownFault is a fault as the control API shows it.
type shownFault struct {
	ID      int64  `json:"id"`
	On      string `json:"on"`
	Do      string `json:"do"`
	Nth     int    `json:"nth"`
	Times   int    `json:"times"`
	Matched int    `json:"matched"`
	Hits    int    `json:"hits"`
	Spent   bool   `json:"spent"`
}

// script scripts a fault.
func script(t testing.TB, h http.Handler, fault string) shownFault {
	t.Helper()
	return must[shownFault](t, h, "POST", boxFaults, fault)
}

// faultsOf lists the faults of the default sandbox.
func faultsOf(t testing.TB, h http.Handler) []shownFault {
	t.Helper()
	return must[struct{ Faults []shownFault }](t, h, "GET", boxFaults, "").Faults
}

// A caller is a client of an emulator behind a TCP connection of its own for
// each call, so that nothing is sent twice behind the test's back.
type caller struct {
	t      testing.TB
	e      *emulator.Emulator
	s      *emulator.Sandbox
	c      emulator.Credentials
	url    string
	client *http.Client
}

func newCaller(t testing.TB, change func(*emulator.Options)) *caller {
	t.Helper()
	e := newEmulator(t, change)
	s := e.Sandbox(emulator.DefaultSandbox)
	return &caller{
		t: t, e: e, s: s, c: credentials(t, s), url: newServer(t, e).URL,
		client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	}
}

// call posts a form as the TP that acts for the app and reads the answer.
func (c *caller) call(path string, kv ...string) (answer, error) {
	form := values(kv)
	if !form.Has("access_token") {
		form.Set("access_token", c.c.Authorizer.AccessToken)
	}
	return c.send(http.MethodPost, path, form)
}

// list asks for the app's packages.
func (c *caller) list() (answer, error) {
	return c.send(http.MethodGet, pathList, url.Values{"access_token": {c.c.Authorizer.AccessToken}})
}

func (c *caller) send(method, path string, params url.Values) (answer, error) {
	c.t.Helper()
	target, body := c.url+path+"?"+params.Encode(), io.Reader(nil)
	if method == http.MethodPost {
		target, body = c.url+path, strings.NewReader(params.Encode())
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, target, body)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", formType)
	}
	res, err := c.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, text}, err
}

// upload begins an upload and returns what the client sees.
func (c *caller) upload() (answer, error) {
	return c.call(pathUpload, "template_id", "1", "ext_json", "{}", "user_version", "1.0.0", "user_desc", "x")
}

// blameless wants the emulator not to take anything for a mistake of its own.
func (c *caller) blameless() {
	c.t.Helper()
	if found := mismatches(c.s); len(found) > 0 {
		c.t.Errorf("the emulator blames itself: %v", found)
	}
}

func TestLatencyMovesVirtualTime(t *testing.T) {
	c := newCaller(t, nil)
	if _, err := c.upload(); err != nil {
		t.Fatal(err)
	}
	script(t, c.e, `{"on":"call","do":"latency","operation":"listPackages","delay":"4s"}`)
	began := c.s.Now()
	a, err := c.list()
	if err != nil || a.code() != 0 || !strings.Contains(string(a.body), `"upload_status":1`) {
		t.Errorf("the answer is of the time it was asked: %s %v", a.body, err)
	}
	if took := c.s.Now().Sub(began); took != 4*time.Second {
		t.Errorf("time moved by %v", took)
	}
	if a, err := c.list(); err != nil || !strings.Contains(string(a.body), `"status":3`) {
		t.Errorf("the upload did not end while the answer was held back: %s %v", a.body, err)
	}
	if took := c.s.Now().Sub(began); took != 4*time.Second {
		t.Errorf("a spent fault moved time to %v", took)
	}
	c.blameless()
}

func TestLatencyOnRealTime(t *testing.T) {
	c := newCaller(t, func(o *emulator.Options) { o.Clock.Mode = "real" })
	script(t, c.e, `{"on":"call","do":"latency","delay":"30ms"}`)
	began := time.Now()
	if a, err := c.list(); err != nil || a.code() != 0 {
		t.Fatalf("%s %v", a.body, err)
	}
	if took := time.Since(began); took < 30*time.Millisecond || took > 20*time.Second {
		t.Errorf("the answer took %v", took)
	}
	// A client that does not wait is not waited for: the server closes.
	script(t, c.e, `{"on":"call","do":"latency","delay":"48h"}`)
	c.client.Timeout = 30 * time.Millisecond
	if a, err := c.list(); err == nil {
		t.Errorf("an answer after two days in 30 ms: %s", a.body)
	}
}

// TestLatencyWhileTimeIsMoved has a receiver call the platform while it is
// being called: nobody waits for anybody.
func TestLatencyWhileTimeIsMoved(t *testing.T) {
	var c *caller
	got := make(chan answer, 2)
	receiver := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a, err := c.list()
		if err != nil {
			t.Error(err)
		}
		got <- a
		_, _ = io.WriteString(w, "success")
	}))
	c = newCaller(t, func(o *emulator.Options) { o.PushTimeout = time.Minute })
	must[fields](t, c.e, "PATCH", box+"/tps/17328232", `{"push_url":"`+receiver.URL+`"}`)
	script(t, c.e, `{"on":"call","do":"latency","operation":"listPackages","delay":"1h"}`)
	version(t, c.e, c.c, "1.0.0")
	if a := <-got; a.code() != 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if now := c.s.Now(); now.Hour() != 1 { // 09:00 in Shanghai
		t.Errorf("it is %v: the latency has moved time that was being moved", now)
	}
}

func TestReset(t *testing.T) {
	c := newCaller(t, nil)
	script(t, c.e, `{"on":"call","do":"reset","operation":"uploadPackage"}`)
	a, err := c.upload()
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%d %s %v, want a connection reset by the peer", a.status, a.body, err)
	}
	if a, err := c.upload(); err != nil || a.code() != 0 {
		t.Errorf("the next: %s %v", a.body, err)
	}
	// A handler without a connection can only be broken off.
	script(t, c.e, `{"on":"call","do":"reset"}`)
	func() {
		defer func() {
			if r, _ := recover().(error); !errors.Is(r, http.ErrAbortHandler) {
				t.Errorf("recovered %v", r)
			}
		}()
		get(c.e, pathList, "access_token", c.c.Authorizer.AccessToken)
	}()
	c.blameless()
}

func TestTruncatedAnswer(t *testing.T) {
	c := newCaller(t, nil)
	whole, err := c.list()
	if err != nil {
		t.Fatal(err)
	}
	script(t, c.e, `{"on":"call","do":"truncate"}`)
	a, err := c.list()
	if !errors.Is(err, io.ErrUnexpectedEOF) || a.status != 200 {
		t.Errorf("%d %v, want an unexpected end", a.status, err)
	}
	if len(a.body) == 0 || len(a.body) >= len(whole.body) || !bytes.HasPrefix(whole.body, a.body) {
		t.Errorf("%q is not a part of %q", a.body, whole.body)
	}
	if n := a.header.Get("Content-Length"); n != whole.header.Get("Content-Length") {
		t.Errorf("Content-Length %s", n)
	}
}

func TestMalformedAnswer(t *testing.T) {
	c := newCaller(t, func(o *emulator.Options) { o.GatewayStatus = 403 })
	script(t, c.e, `{"on":"call","do":"malformed","times":3}`)
	a, err := c.list()
	if err != nil || a.status != 200 || a.header.Get("Content-Type") != jsonType || json.Unmarshal(a.body, new(any)) == nil {
		t.Errorf("%d %s %v, want 200 with what is no JSON", a.status, a.body, err)
	}
	// What is malformed is the answer that there would have been.
	if a, err := c.call(pathUpload, "access_token", "wrong"); err != nil || a.status != 403 || json.Unmarshal(a.body, new(any)) == nil {
		t.Errorf("a refusal by the gateway: %d %s %v", a.status, a.body, err)
	}
	a, err = c.call(pathToken, "access_token", "", "grant_type", "client_credentials", "client_id", c.c.App.AppKey,
		"client_secret", c.c.App.AppSecret, "scope", "smartapp_snsapi_base")
	token := regexp.MustCompile(`24\.[0-9a-f]{32}`).Find(a.body)
	if err != nil || token == nil {
		t.Fatalf("a token: %s %v", a.body, err)
	}
	if journal := strings.Join(entries(t, c.s), "\n"); strings.Contains(journal, string(token)) {
		t.Errorf("the journal shows the token:\n%s", journal)
	}
}

func TestStatusOfSomethingInBetween(t *testing.T) {
	c := newCaller(t, nil)
	for status, body := range map[string]string{
		"502": "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n",
		"599": "<html><head><title>599</title></head><body><h1>599</h1></body></html>\n",
		"204": "",
	} {
		script(t, c.e, `{"on":"call","do":"status","status":`+status+`}`)
		a, err := c.upload()
		if err != nil || http.StatusText(a.status) != http.StatusText(atoi(t, status)) || string(a.body) != body {
			t.Errorf("%s: %d %q %v", status, a.status, a.body, err)
		}
		if kind := a.header.Get("Content-Type"); kind != "text/html; charset=utf-8" {
			t.Errorf("%s: Content-Type %s", status, kind)
		}
	}
	c.blameless()
}

func atoi(t testing.TB, text string) (n int) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRefuseWithEachError has every error of the catalogue come from a call
// that is not known to answer it.
func TestRefuseWithEachError(t *testing.T) {
	c := newCaller(t, func(o *emulator.Options) { o.GatewayStatus = 403 })
	n := 0
	for _, def := range c.e.Contract().Errors() {
		script(t, c.e, `{"on":"call","do":"refuse","error":"`+def.Name+`"}`)
		a, err := c.call(pathRelease, "package_id", "1")
		if err != nil {
			t.Fatal(err)
		}
		want, gateway := map[string]json.RawMessage{}, false
		for _, m := range def.Body {
			want[m.Name] = m.Value
			gateway = gateway || m.Name == "error_code"
		}
		var got map[string]json.RawMessage
		a.into(t, &got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", def.Name, diff)
		}
		status := def.Status
		if gateway {
			status = 403
		}
		if a.status != status {
			t.Errorf("%s: status %d, want %d", def.Name, a.status, status)
		}
		for name, value := range def.Header {
			if a.header.Get(name) != value {
				t.Errorf("%s: header %s is %q", def.Name, name, a.header.Get(name))
			}
		}
		n++
	}
	if n < 50 {
		t.Errorf("%d errors in the catalogue", n)
	}
	c.blameless()
}

func TestRateLimit(t *testing.T) {
	c := newCaller(t, nil)
	script(t, c.e, `{"on":"call","do":"rate_limit","times":2}`)
	for _, code := range []int{4, 4, 0} {
		if a, err := c.list(); err != nil || a.code() != code {
			t.Errorf("%s %v, want code %d", a.body, err, code)
		}
	}
}
