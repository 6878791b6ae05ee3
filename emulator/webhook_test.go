package emulator

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"code.dny.dev/ssrf"
	"go.uber.org/goleak"
)

// pushTimeout is longer than any attempt of these tests takes.
const pushTimeout = 30 * time.Second

// newPushTest returns a poster and the URL of a receiver with that handler.
// When the test ends both are gone, and with them every goroutine.
func newPushTest(t *testing.T, e Egress, h http.HandlerFunc) (*poster, string) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	receiver := httptest.NewServer(h)
	t.Cleanup(receiver.Close)
	p, err := newPoster(e, pushTimeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	return p, receiver.URL
}

// pushAnswering returns a handler with a fixed answer.
func pushAnswering(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestPushOnTheWire(t *testing.T) {
	got := make(chan *http.Request, 1)
	body := make(chan string, 1)
	p, url := newPushTest(t, Egress{}, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- r
		body <- string(b)
		_, _ = io.WriteString(w, "success")
	})
	url = strings.Replace(url, "http://", "http://user:pass@", 1)
	r := p.post(t.Context(), url+"/push?k=v", []byte(`{"Nonce":"1"}`))
	if r.Err != nil || r.Status != 200 || r.Answer != "success" || !r.accepted() {
		t.Fatalf("got %+v", r)
	}
	req := <-got
	if req.Method != http.MethodPost || req.URL.String() != "/push?k=v" || <-body != `{"Nonce":"1"}` {
		t.Errorf("%s %s", req.Method, req.URL)
	}
	if ct, ua := req.Header.Get("Content-Type"), req.Header.Get("User-Agent"); ct != "application/json" || ua != "emu" {
		t.Errorf("Content-Type %q, User-Agent %q", ct, ua)
	}
	if user, password, ok := req.BasicAuth(); !ok || user != "user" || password != "pass" {
		t.Error("the URL's user and password are not sent")
	}
	if req.ContentLength != 13 {
		t.Errorf("Content-Length %d, want 13", req.ContentLength)
	}
}

func TestPushAccepted(t *testing.T) {
	for name, tc := range map[string]struct {
		status   int
		body     string
		accepted bool
	}{
		"success":            {200, "success", true},
		"white space around": {200, "\r\n success\n", true},
		"201":                {201, "success", true},
		"nothing":            {200, "", false},
		"no content":         {204, "", false},
		"quoted":             {200, `"success"`, false},
		"upper case":         {200, "SUCCESS", false},
		"more":               {200, "success!", false},
		"JSON":               {200, `{"errno":0,"msg":"success"}`, false},
		"400":                {400, "success", false},
		"500":                {500, "success", false},
		"goes on":            {200, "success" + strings.Repeat(" ", 300) + "not", false},
	} {
		t.Run(name, func(t *testing.T) {
			p, url := newPushTest(t, Egress{}, pushAnswering(tc.status, tc.body))
			r := p.post(t.Context(), url, nil)
			if r.Err != nil || r.Status != tc.status || r.accepted() != tc.accepted {
				t.Errorf("accepted is %v: %+v", r.accepted(), r)
			}
		})
	}
}

func TestPushReadsABoundedAnswer(t *testing.T) {
	p, url := newPushTest(t, Egress{}, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil { // an answer without an end
			if _, err := io.WriteString(w, strings.Repeat("\xff中", 64)); err != nil {
				return
			}
		}
	})
	r := p.post(t.Context(), url, nil)
	if r.Err != nil || r.Status != 200 || r.accepted() {
		t.Fatalf("got %+v", r)
	}
	if n := strings.Count(r.Answer, "中"); n != 64 || !strings.HasPrefix(r.Answer, "\uFFFD中") {
		t.Errorf("the answer has %d characters: %q", n, r.Answer)
	}
}

func TestPushFollowsNoRedirect(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		var calls atomic.Int32
		p, url := newPushTest(t, Egress{}, func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "success")
		})
		r := p.post(t.Context(), url, []byte("x"))
		if r.Status != status || r.accepted() || r.Err == nil || !strings.Contains(r.Err.Error(), "do not follow redirects") {
			t.Errorf("%d: got %+v", status, r)
		}
		if calls.Load() != 1 {
			t.Errorf("%d: %d calls", status, calls.Load())
		}
	}
}

func TestPushEndsInTime(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	hangInBody := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "succ")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		status  int
		answer  string
	}{"no answer": {hang, 0, ""}, "half an answer": {hangInBody, 200, "succ"}} {
		t.Run(name, func(t *testing.T) {
			p, url := newPushTest(t, Egress{}, tc.handler)
			p.timeout = 50 * time.Millisecond
			r := p.post(t.Context(), url+"/?token=hush", []byte("x"))
			if !errors.Is(r.Err, context.DeadlineExceeded) || !strings.Contains(r.Err.Error(), "at most 50ms") {
				t.Errorf("error %v, want a deadline exceeded", r.Err)
			}
			if r.Status != tc.status || r.Answer != tc.answer || r.accepted() {
				t.Errorf("got %+v", r)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p, url := newPushTest(t, Egress{}, func(w http.ResponseWriter, r *http.Request) {
			cancel()
			hang(w, r)
		})
		if r := p.post(ctx, url, []byte("x")); !errors.Is(r.Err, context.Canceled) || r.accepted() {
			t.Errorf("got %+v, want a cancelled attempt", r)
		}
	})
}

func TestPushToNobody(t *testing.T) {
	p, _ := newPushTest(t, Egress{}, pushAnswering(200, "success"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{gone, "", "receiver", "/push", "ftp://127.0.0.1/", "http://", "http://:80/", "http://%zz/", "http://127.0.0.1:99999/", "http://\x7f/"} {
		r := p.post(t.Context(), address+"?token=hush", nil)
		if r.Err == nil || r.Status != 0 || r.accepted() || !strings.HasPrefix(r.Err.Error(), "push: ") {
			t.Errorf("%q: got %+v", address, r)
			continue
		}
		if strings.Contains(r.Err.Error(), "hush") {
			t.Errorf("%q: error %q shows the query", address, r.Err)
		}
	}
}

func TestPushToOneWhoHangsUp(t *testing.T) {
	p, url := newPushTest(t, Egress{}, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if r := p.post(t.Context(), url, []byte("x")); r.Err == nil || r.Status != 0 || r.accepted() {
		t.Errorf("got %+v", r)
	}
	p, url = newPushTest(t, Egress{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "success")
	})
	if r := p.post(t.Context(), url, []byte("x")); !errors.Is(r.Err, io.ErrUnexpectedEOF) || r.Status != 200 || r.accepted() {
		t.Errorf("got %+v", r)
	}
}

func TestPushUsesNoProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	p, _ := newPushTest(t, Egress{}, pushAnswering(200, "success"))
	if p.transport.Proxy != nil {
		t.Error("the environment's proxy is used")
	}
}

func TestPushKeepsConnections(t *testing.T) {
	var remotes []string
	p, url := newPushTest(t, Egress{}, func(w http.ResponseWriter, r *http.Request) {
		remotes = append(remotes, r.RemoteAddr)
		_, _ = io.WriteString(w, "success")
	})
	for range 2 {
		if r := p.post(t.Context(), url, nil); !r.accepted() {
			t.Fatalf("got %+v", r)
		}
	}
	p.close()
	if r := p.post(t.Context(), url, nil); !r.accepted() {
		t.Fatalf("after close: %+v", r)
	}
	if remotes[0] != remotes[1] || remotes[1] == remotes[2] {
		t.Errorf("connections from %v: want one for the first two and another after close", remotes)
	}
}

// TestEgressIsAskedBeforeAConnectionIsMade pushes to a receiver on loopback by
// address and by a name that resolves to it.
func TestEgressIsAskedBeforeAConnectionIsMade(t *testing.T) {
	for _, tc := range []struct {
		mode  string
		allow []string
		open  bool
	}{
		{"", nil, true},
		{EgressAny, nil, true},
		{EgressLoopback, nil, true},
		{EgressPublic, nil, false},
		{EgressPublic, []string{"10.0.0.0/8"}, false},
		{EgressPublic, []string{"127.0.0.0/8", "::1"}, true},
	} {
		e, err := ParseEgress(tc.mode, tc.allow)
		if err != nil {
			t.Fatal(err)
		}
		var calls atomic.Int32
		p, url := newPushTest(t, e, func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			_, _ = io.WriteString(w, "success")
		})
		_, port, _ := strings.Cut(strings.TrimPrefix(url, "http://"), ":")
		for _, address := range []string{url, "http://localhost:" + port} {
			r := p.post(t.Context(), address, nil)
			if r.accepted() != tc.open {
				t.Errorf("%+v to %s: %+v", tc, address, r)
			}
			if !tc.open && (!errors.Is(r.Err, ssrf.ErrProhibitedIP) || !strings.Contains(r.Err.Error(), "egress: mode public")) {
				t.Errorf("%+v to %s: error %v", tc, address, r.Err)
			}
		}
		if !tc.open && calls.Load() != 0 {
			t.Errorf("%+v: %d calls came through", tc, calls.Load())
		}
	}
}

// TestEgressJudgesAddresses asks the check itself, without a network.
func TestEgressJudgesAddresses(t *testing.T) {
	private := []string{"10.1.2.3:80", "172.16.0.1:80", "192.168.1.1:8080", "169.254.169.254:80", "100.64.0.1:80", "0.0.0.0:80", "[fd00::1]:80", "[fe80::1]:80", "[::]:80", "[::ffff:10.1.2.3]:80"}
	public := []string{"93.184.215.14:80", "8.8.8.8:12345", "[2606:4700::1111]:443"}
	loopback := []string{"127.0.0.1:80", "127.255.0.1:1", "[::1]:443"}
	for _, tc := range []struct {
		mode  string
		allow []string
		open  []string
	}{
		{EgressPublic, nil, public},
		{EgressPublic, []string{"10.1.2.3", "fd00::/8"}, append(slices.Clone(public), "10.1.2.3:80", "[fd00::1]:80")},
		{EgressLoopback, nil, loopback},
		{EgressLoopback, []string{"172.16.0.0/12"}, append(slices.Clone(loopback), "172.16.0.1:80")},
	} {
		e, err := ParseEgress(tc.mode, tc.allow)
		if err != nil {
			t.Fatal(err)
		}
		control, err := e.pushControl()
		if err != nil {
			t.Fatal(err)
		}
		for _, address := range slices.Concat(private, public, loopback) {
			network := "tcp4"
			if address[0] == '[' {
				network = "tcp6"
			}
			err := control(network, address, nil)
			if want := slices.Contains(tc.open, address); (err == nil) != want {
				t.Errorf("%s %v: %s: open should be %v: %v", tc.mode, tc.allow, address, want, err)
			}
		}
	}
}

func TestParseEgress(t *testing.T) {
	e, err := ParseEgress(EgressPublic, []string{"10.1.2.3/8", "10.1.2.3", "::1", "::ffff:10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("10.1.2.3/32"),
		netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("10.0.0.1/32"),
	}
	if e.Mode != EgressPublic || !slices.Equal(e.Allow, want) {
		t.Errorf("got %+v, want %v", e, want)
	}
	for _, tc := range []struct {
		mode  string
		allow []string
		want  string
	}{
		{"private", nil, `egress: mode "private": want any, public or loopback`},
		{"Any", nil, "want any, public or loopback"},
		{EgressAny, []string{"10.0.0.0/8"}, "allow has no effect"},
		{"", []string{"10.0.0.0/8"}, "allow has no effect"},
		{EgressPublic, []string{""}, `egress: allow ""`},
		{EgressPublic, []string{"host"}, `egress: allow "host"`},
		{EgressPublic, []string{"10.0.0.0/33"}, `egress: allow "10.0.0.0/33"`},
		{EgressPublic, []string{"fe80::1%eth0"}, `egress: allow "fe80::1%eth0"`},
	} {
		if e, err := ParseEgress(tc.mode, tc.allow); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q %v: got %+v, %v; want an error with %q", tc.mode, tc.allow, e, err, tc.want)
		}
	}
	if _, err := newPoster(Egress{Mode: EgressPublic, Allow: []netip.Prefix{{}}}, pushTimeout); err == nil {
		t.Error("a prefix that is none is taken")
	}
	if _, err := newPoster(Egress{Mode: "x"}, pushTimeout); err == nil {
		t.Error("a mode that is none is taken")
	}
	for _, timeout := range []time.Duration{0, -1} {
		if _, err := newPoster(Egress{}, timeout); err == nil {
			t.Errorf("a timeout of %v is taken", timeout)
		}
	}
}
