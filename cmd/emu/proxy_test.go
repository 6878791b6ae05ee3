package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/internal/har"
	"github.com/swanemu/emu/scenarios"
)

// A running proxy of a test.
type running struct {
	*proxyRun
	url      string
	out, err bytes.Buffer
	stop     func() error
}

// startProxy runs a proxy until the test ends or stop is called.
func startProxy(t testing.TB, f proxyFlags) *running {
	t.Helper()
	r := &running{}
	f.listen, f.ignore = "127.0.0.1:0", ignoredPaths()
	if f.maxBody == 0 {
		f.maxBody = 1 << 20
	}
	p, err := f.open(&app{std: stdio{out: &r.out, err: &r.err}})
	if err != nil {
		t.Fatal(err)
	}
	r.proxyRun = p
	address := make(chan string, 1)
	p.ready = func(a string) { address <- a }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.run(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = r.stop() })
	select {
	case a := <-address:
		r.url = "http://" + a
	case err := <-ended:
		t.Fatal(err)
	}
	return r
}

// noLeaks fails a test that leaves goroutines behind, once all its servers are
// closed.
func noLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// plainClient is one that keeps no connection, so that nothing is left when a test
// ends.
func plainClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
}

// reply is what a server answered.
type reply struct {
	status int
	header http.Header
	body   string
}

// send sends a request and returns the answer.
func send(t testing.TB, method, url, contentType, body string, header http.Header) reply {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	res, err := plainClient().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // it is read
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(text)}
}

// upstream serves a handler on a port of its own.
func upstreamOf(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// answers is an upstream that always says the same.
func answers(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
}

const (
	listPath    = "/rest/2.0/smartapp/package/get?access_token=45.secretsecretsecret"
	releasePath = "/rest/2.0/smartapp/package/release?access_token=45.secretsecretsecret"
	formType    = "application/x-www-form-urlencoded"
	done        = `{"errno":0,"msg":"success"}`
)

// TestProxyPassesAsItIs compares what the upstream gets and what the client
// gets with what was sent.
func TestProxyPassesAsItIs(t *testing.T) {
	noLeaks(t)
	type got struct {
		method, uri, host, body string
		header                  http.Header
	}
	var direct, through got
	record := func(to *got) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			*to = got{r.Method, r.RequestURI, r.Host, string(body), r.Header}
			w.Header()["Content-Type"], w.Header()["Date"] = nil, nil
			w.Header().Set("X-Own", "a")
			w.Header().Add("X-Own", "b")
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, "<html>short and stout")
		}
	}
	straight, behind := upstreamOf(t, record(&direct)), upstreamOf(t, record(&through))
	p := startProxy(t, proxyFlags{upstream: behind})
	// Escapes that are none, two of a name, what proxies like to set.
	const path = "/a%2Fb/%E5%AD%97?x=%zz&x=1;y&empty="
	header := http.Header{"X-Forwarded-For": {"192.0.2.1"}, "Forwarded": {"for=192.0.2.1"}, "X-Two": {"1", "2"}, "User-Agent": {""}}
	want := send(t, "PATCH", straight+path, "text/x", "body", header)
	have := send(t, "PATCH", p.url+path, "text/x", "body", header)
	if through.host != strings.TrimPrefix(behind, "http://") {
		t.Errorf("Host is %s, want the upstream's own", through.host)
	}
	direct.host, through.host = "", ""
	direct.header.Del("Connection") // the test's client asks for it
	through.header.Del("Connection")
	if fmt.Sprint(direct) != fmt.Sprint(through) {
		t.Errorf("the upstream gets\n%v\nwant\n%v", through, direct)
	}
	want.header.Del("Connection")
	have.header.Del("Connection")
	if have.status != want.status || have.body != want.body || fmt.Sprint(have.header) != fmt.Sprint(want.header) {
		t.Errorf("the client gets %d %v %q, want %d %v %q", have.status, have.header, have.body, want.status, want.header, want.body)
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	for host, f := range map[string]proxyFlags{"openapi.baidu.com": {upstream: behind, host: "openapi.baidu.com"}, "kept.example": {upstream: behind, keepHost: true}} {
		p := startProxy(t, f)
		r, err := http.NewRequestWithContext(t.Context(), "GET", p.url+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "kept.example"
		res, err := plainClient().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if through.host != host {
			t.Errorf("Host is %s, want %s", through.host, host)
		}
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}
}

// TestProxyOfAnEmulator has a client work through a proxy: nothing is found but
// what the client does wrong, and what was recorded is judged alike again.
func TestProxyOfAnEmulator(t *testing.T) {
	noLeaks(t)
	em, err := emulator.New(t.Context(), emulator.Options{Strict: true, Clock: emulator.Clock{Mode: "virtual"}})
	if err != nil {
		t.Fatal(err)
	}
	defer em.Close(context.Background()) //nolint:errcheck // nothing is lost with it
	server := httptest.NewServer(em)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "x.har")
	report := filepath.Join(t.TempDir(), "r.json")
	p := startProxy(t, proxyFlags{upstream: server.URL, har: file, reports: []string{report}, failOnFinding: true})
	// The control API passes, too; nothing of it is told.
	if got := send(t, "GET", p.url+"/_emu/sandboxes/default", "", "", nil); !strings.Contains(got.body, `"name":"default"`) {
		t.Error(got.body)
	}
	// The ready scenarios, but for those in which the platform is made to fail.
	for _, name := range scenarios.Names() {
		source, err := scenarios.Source(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(source), "fault") && name != "host-down-during-login" {
			command(t, "run", name, "--target", p.url)
		}
	}
	send(t, "POST", p.url+releasePath, formType, "package_id=x", nil)
	send(t, "GET", p.url+"/rest/2.0/smartapp/package/gett", "", "", nil)
	err = p.stop()
	if err == nil || !strings.HasPrefix(err.Error(), "contract: ") {
		t.Errorf("the error is %v", err)
	}
	out := p.out.String()
	for _, want := range []string{
		" ignored: no calls of the contract's\n",
		" POST uploadPackage accepted (HTTP 200) ",
		"client request.valid\n  request.valid: client: the request breaks the contract: /package_id is not of type integer\n",
		"  expected  a path of the contract; the nearest is GET /rest/2.0/smartapp/package/get (listPackages)\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if strings.Contains(out, "server ") {
		t.Errorf("the emulator is accused:\n%s", out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := har.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out, "HTTP "); len(archive.Entries) < 100 || n < len(archive.Entries) {
		t.Errorf("%d entries, %d lines", len(archive.Entries), n)
	}
	told, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"lines": out, "HAR": string(data), "report": string(told)} {
		for _, secret := range []string{"secretsecret", `.315360000.`, `.3600.`, `.2592000.`} {
			if strings.Contains(text, secret) {
				t.Errorf("%s: a secret (%s) is told", what, secret)
			}
		}
	}
}

// command runs the command in this process.
func command(t *testing.T, args ...string) string {
	t.Helper()
	var out, failure bytes.Buffer
	if code := run(t.Context(), args, nil, stdio{out: &out, err: &failure}); code != 0 {
		t.Errorf("emu %v: code %d\n%s%s", args, code, out.String(), failure.String())
	}
	return out.String() + failure.String()
}

// TestProxyFindsFaults puts a server that is wrong behind a proxy, once as it
// passes and once strictly.
func TestProxyFindsFaults(t *testing.T) {
	noLeaks(t)
	broken := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("how") {
		case "status":
			w.WriteHeader(http.StatusCreated)
		case "type":
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, done)
			return
		case "cut":
			conn, buf, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_, _ = buf.WriteString("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"errno\":0")
			_ = buf.Flush()
			_ = conn.Close()
			return
		case "closed":
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			_ = conn.Close()
			return
		case "zipped":
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, `{"errno":"0","msg":"success"}`)
			_ = z.Close()
			return
		}
		answers(`{"errno":0,"msg":"success","more":1}`)(w, r)
	}
	for _, strict := range []bool{false, true} {
		for how, want := range map[string]string{
			"": "server response.schema", "status": "server response.status, server response.media-type", "type": "server response.media-type",
			"cut": "server response.delivered", "closed": "server response.delivered", "zipped": "server response.schema",
		} {
			t.Run(fmt.Sprintf("strict %v/%s", strict, how), func(t *testing.T) {
				p := startProxy(t, proxyFlags{upstream: upstreamOf(t, broken), strict: strict})
				r, err := http.NewRequestWithContext(t.Context(), "POST", p.url+releasePath+"&how="+how, strings.NewReader("package_id=1"))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", formType)
				res, err := plainClient().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				body, readErr := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if err := p.stop(); err != nil {
					t.Error(err)
				}
				line, _, _ := strings.Cut(p.out.String(), "\n")
				if !strings.Contains(line, want[:strings.IndexByte(want+",", ',')]) || !strings.HasPrefix(line, "1 POST releasePackage ") {
					t.Errorf("the line is %s; want %s", line, want)
				}
				if strict && how != "closed" {
					var problem struct {
						Status   int
						Title    string
						Findings []struct{ Check, Message string }
					}
					if err := json.Unmarshal(body, &problem); err != nil || res.StatusCode != 502 || problem.Status != 502 || len(problem.Findings) == 0 ||
						!strings.HasPrefix(problem.Findings[0].Message, "server: ") || res.Header.Get("Content-Type") != "application/problem+json" {
						t.Errorf("HTTP %d %s (%v)", res.StatusCode, body, err)
					}
					if !strings.Contains(line, " withheld: ") {
						t.Errorf("the line is %s", line)
					}
					return
				}
				switch how {
				case "cut":
					if string(body) != `{"errno":0` || readErr == nil {
						t.Errorf("half an answer passes as %q, %v", body, readErr)
					}
				case "closed":
					if res.StatusCode != 502 || !strings.Contains(string(body), `"error_code":2`) {
						t.Errorf("no answer passes as HTTP %d %s", res.StatusCode, body)
					}
				default:
					if res.StatusCode == 502 || readErr != nil || len(body) == 0 {
						t.Errorf("it passes as HTTP %d %q, %v", res.StatusCode, body, readErr)
					}
				}
			})
		}
	}
}

// TestProxyStrictPasses lets through what is right, what is too long and what
// streams.
func TestProxyStrictPasses(t *testing.T) {
	noLeaks(t)
	long := strings.Repeat("x", 10_000)
	p := startProxy(t, proxyFlags{strict: true, maxBody: 4096, upstream: upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("how") {
		case "long":
			answers(long)(w, r)
		case "stream":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: x\n\n")
			http.NewResponseController(w).Flush() //nolint:errcheck // the client sees it
			<-r.Context().Done()
		default:
			answers(done)(w, r)
		}
	})})
	if got := send(t, "POST", p.url+releasePath, formType, "package_id=1", nil); got.status != 200 || got.body != done {
		t.Errorf("HTTP %d %s", got.status, got.body)
	}
	if got := send(t, "POST", p.url+releasePath+"&how=long", formType, "package_id=1", nil); got.status != 200 || got.body != long {
		t.Errorf("HTTP %d, %d bytes", got.status, len(got.body))
	}
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "POST", p.url+releasePath+"&how=stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := plainClient().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	// The event arrives before the stream has ended.
	if line, err := bufio.NewReader(res.Body).ReadString('\n'); line != "data: x\n" {
		t.Errorf("%q, %v", line, err)
	}
	cancel()
	_ = res.Body.Close()
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	if out := p.out.String(); !strings.Contains(out, "(not judged: the answer: 5904 bytes of its body are not here)") {
		t.Error(out)
	}
}

// TestProxyUpgrade lets a connection become another one.
func TestProxyUpgrade(t *testing.T) {
	noLeaks(t)
	p := startProxy(t, proxyFlags{strict: true, upstream: upstreamOf(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close() //nolint:errcheck // nothing is lost with it
		_, _ = buf.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = buf.Flush()
		line, _ := buf.ReadString('\n')
		_, _ = conn.Write([]byte("echo " + line))
	})})
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // nothing is lost with it
	in := bufio.NewReader(conn)
	upgrade := "POST " + releasePath + "&package_id=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
	_, _ = io.WriteString(conn, upgrade)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(res, err)
	}
	_ = res.Body.Close() // it has none
	_, _ = io.WriteString(conn, "hello\n")
	if all, err := io.ReadAll(in); string(all) != "echo hello\n" {
		t.Errorf("%q, %v", all, err)
	}
	_ = conn.Close()
	// One that is open does not hold up the end.
	open, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close() //nolint:errcheck // nothing is lost with it
	_, _ = io.WriteString(open, upgrade)
	res, err = http.ReadResponse(bufio.NewReader(open), nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(res, err)
	}
	_ = res.Body.Close() // it has none
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	if out := p.out.String(); strings.Count(out, "(not judged: the answer: the connection has become another one)") != 2 {
		t.Error(out)
	}
}

// TestProxyLargeBodies passes what is too large to be judged, and says so.
func TestProxyLargeBodies(t *testing.T) {
	noLeaks(t)
	const size = 3 << 20
	large := strings.Repeat("a", size)
	received := 0
	file := filepath.Join(t.TempDir(), "x.har")
	p := startProxy(t, proxyFlags{har: file, upstream: upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		received = int(n)
		answers(`{"errno":0,"msg":"`+large+`"}`)(w, r)
	})})
	body := send(t, "POST", p.url+releasePath, formType, "package_id=1&content="+large, nil).body
	if received != size+len("package_id=1&content=") || len(body) != size+len(`{"errno":0,"msg":""}`) {
		t.Errorf("the upstream got %d bytes, the client %d", received, len(body))
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	out := p.out.String()
	if !strings.Contains(out, "(not judged: the request: 2097173 bytes of its body are not here, the answer: 2097172 bytes of its body are not here)") ||
		!strings.Contains(out, "\n1 not judged in full\n") {
		t.Error(out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := har.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if e := archive.Entries[0]; len(e.Request.Body) != 1<<20 || e.Request.BodySize != int64(received) || len(e.Response.Body) != 1<<20 {
		t.Errorf("recorded %d of %d bytes", len(e.Request.Body), e.Request.BodySize)
	}
}

// TestProxyClientGoesAway judges nobody for an answer that the client did not
// wait for, and for a request that it did not finish.
func TestProxyClientGoesAway(t *testing.T) {
	noLeaks(t)
	arrived := make(chan struct{}, 3)
	p := startProxy(t, proxyFlags{upstream: upstreamOf(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Query().Get("how") == "early" {
			arrived <- struct{}{}
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"errno":0,`)
		http.NewResponseController(w).Flush() //nolint:errcheck // the client sees it
		arrived <- struct{}{}
		<-r.Context().Done()
	})})
	for _, how := range []string{"early", "late"} {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "POST", p.url+releasePath+"&how="+how, strings.NewReader("package_id=1"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", formType)
		go func() {
			<-arrived
			cancel()
		}()
		res, err := plainClient().Do(r)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: the client got a whole answer", how)
		}
		cancel()
	}
	// Half a request.
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(conn, "POST "+releasePath+" HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\npackage")
	_ = conn.Close()
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	out := p.out.String()
	if strings.Contains(out, "server ") || strings.Count(out, "the client gave up") < 4 {
		t.Error(out)
	}
}

// TestProxyWithoutUpstream answers itself while nobody is there, and goes on
// when somebody is.
func TestProxyWithoutUpstream(t *testing.T) {
	noLeaks(t)
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	_ = ln.Close()
	for _, later := range []bool{false, true} {
		p := startProxy(t, proxyFlags{upstream: "http://" + address, failOnFinding: true})
		got := send(t, "GET", p.url+listPath, "", "", nil)
		if got.status != 502 || got.body != `{"error_code":2,"error_msg":"Service temporarily unavailable"}` || got.header.Get("Content-Type") != "application/json" {
			t.Errorf("HTTP %d %s %v", got.status, got.body, got.header)
		}
		if later {
			if ln, err = new(net.ListenConfig).Listen(t.Context(), "tcp", address); err != nil {
				t.Fatal(err)
			}
			server := &httptest.Server{Listener: ln, Config: &http.Server{Handler: answers(`{"errno":0,"msg":"success","data":[]}`)}} //nolint:gosec // it is a test's
			server.Start()
			if got := send(t, "GET", p.url+listPath, "", "", nil); got.status != 200 {
				t.Errorf("HTTP %d %s", got.status, got.body)
			}
			server.Close()
		}
		err = p.stop()
		if out := p.out.String(); !strings.HasPrefix(out, "1 GET listPackages the server was not reached ") || !strings.Contains(out, "\n1 did not reach the upstream\n") {
			t.Error(out)
		}
		var code *exitError
		if !later && (!errors.As(err, &code) || code.code != exitUnreachable) || later && err != nil {
			t.Errorf("later %v: the error is %v", later, err)
		}
	}
}

// TestProxyManyAtOnce sends a lot at the same time; every exchange is told.
func TestProxyManyAtOnce(t *testing.T) {
	noLeaks(t)
	file := filepath.Join(t.TempDir(), "x.har")
	p := startProxy(t, proxyFlags{har: file, upstream: upstreamOf(t, answers(`{"errno":0,"msg":"success","data":[]}`))})
	const clients, each = 8, 25
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for range each {
				if got := send(t, "GET", p.url+listPath, "", "", nil); got.status != 200 {
					t.Errorf("HTTP %d %s", got.status, got.body)
				}
			}
		})
	}
	group.Wait()
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := har.Read(data)
	if err != nil || len(archive.Entries) != clients*each || strings.Count(p.out.String(), "GET listPackages accepted") != clients*each {
		t.Errorf("%v: recorded %d, told\n%s", err, len(archive.Entries), p.out.String())
	}
	comments := map[string]bool{}
	for _, e := range archive.Entries {
		comments[e.Comment] = true
	}
	if len(comments) != clients*each {
		t.Errorf("%d numbers for %d exchanges", len(comments), clients*each)
	}
}

// TestProxyRefuses says what it does not understand.
func TestProxyRefuses(t *testing.T) {
	good := proxyFlags{ignore: ignoredPaths(), upstream: "http://127.0.0.1:1", listen: "127.0.0.1:0", maxBody: 1}
	for want, change := range map[string]func(*proxyFlags){
		"--upstream: want a URL such as https://openapi.baidu.com":                      func(f *proxyFlags) { f.upstream = "openapi.baidu.com" },
		"--listen: want an address such as 127.0.0.1:8090":                              func(f *proxyFlags) { f.listen = "8090" },
		"--host and --keep-host do not go together":                                     func(f *proxyFlags) { f.host, f.keepHost = "x", true },
		`--side: want client or server, not "both"`:                                     func(f *proxyFlags) { f.side = "both" },
		"--strict is about answers; it does not go with --side client":                  func(f *proxyFlags) { f.strict, f.side = true, "client" },
		"--max-body: want a number of bytes":                                            func(f *proxyFlags) { f.maxBody = 0 },
		`--report: want a file that ends with .json, .xml (JUnit) or .txt, not "r.pdf"`: func(f *proxyFlags) { f.reports = []string{"r.pdf"} },
		"--har: want the name of a file; it is written to in places":                    func(f *proxyFlags) { f.har = "-" },
		"--spec: open none.yaml: no such file or directory":                             func(f *proxyFlags) { f.spec = "none.yaml" },
		"--known: open none.yaml: no such file or directory":                            func(f *proxyFlags) { f.known = "none.yaml" },
	} {
		f := good
		change(&f)
		if _, err := f.open(&app{}); err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
	if _, err := good.open(&app{}); err != nil {
		t.Error(err)
	}
}
