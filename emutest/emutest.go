// Package emutest starts emulators for tests, as net/http/httptest starts
// servers.
//
// It promises: a Sandbox is a whole platform that no other test sees, with
// credentials, a virtual clock, an inbox for its pushes and a reader of its
// Kafka notices; everything it started has ended when the test has; a test that
// fails leaves the flight record of its sandbox as an artifact. Answers are held
// against the contract: one that breaks it is an error. It does not listen
// beyond this machine, and time moves only when the test says so.
package emutest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/internal/platform"
	"github.com/swanemu/emu/scenarios"
)

// PlatformHosts are the hosts that official clients have built in; a Sandbox's
// Client sends them to the emulator.
func PlatformHosts() []string { return platform.Hosts() }

// A Server is an emulator that listens on this machine. Any number of tests may
// share one, at the same time.
type Server struct {
	// URL is where it answers, http://127.0.0.1:PORT.
	URL string
	// Emulator is what answers there.
	Emulator *emulator.Emulator

	server *httptest.Server
	broker *broker
}

// Start starts a Server that ends with the test. Without options it is strict,
// its clock is virtual and its seed is 1. A wrong option ends the test.
func Start(t testing.TB, options ...func(*emulator.Options)) *Server {
	t.Helper()
	s, err := newServer(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Main starts a Server for all tests of a package, runs them and returns the
// exit code for os.Exit: call it in TestMain. The server is given to use before
// the tests run.
func Main(m *testing.M, use func(*Server), options ...func(*emulator.Options)) int {
	s, err := newServer(context.Background(), options)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	use(s)
	code := m.Run()
	if err := s.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

func newServer(ctx context.Context, options []func(*emulator.Options)) (*Server, error) {
	s := &Server{broker: &broker{}}
	o := emulator.Options{Strict: true, Clock: emulator.Clock{Mode: "virtual"}, Broker: s.broker}
	for _, option := range options {
		option(&o)
	}
	em, err := emulator.New(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("start an emulator: %w", err)
	}
	s.Emulator, s.server = em, httptest.NewServer(em)
	s.URL = s.server.URL
	return s, nil
}

// Close ends the server and the emulator. Start and Main do it by themselves.
func (s *Server) Close() error {
	s.server.Close()
	if err := s.Emulator.Close(context.Background()); err != nil {
		return fmt.Errorf("stop the emulator: %w", err)
	}
	return nil
}

// A Sandbox is one platform for one test.
type Sandbox struct {
	*emulator.Sandbox
	// URL is the server's.
	URL string
	// Credentials are those of the sandbox when it was made: its app, its
	// third-party platform, its host and its merchant.
	Credentials emulator.Credentials

	t      testing.TB
	server *Server
	from   int // of the broker's records
}

// NewSandbox makes a sandbox for a test and deletes it when the test ends. Its
// name is the test's, so that a run repeats; a second one of a test has a number
// behind it.
func (s *Server) NewSandbox(t testing.TB, o emulator.SandboxOptions) *Sandbox {
	t.Helper()
	name := nameOf(t.Name())
	var box *emulator.Sandbox
	var err error
	for n := 1; ; n++ {
		tried := name
		if n > 1 {
			tried = fmt.Sprintf("%s-%d", name, n)
		}
		if s.Emulator.Sandbox(tried) != nil {
			continue
		}
		if box, err = s.Emulator.CreateSandbox(tried, o); err != nil {
			t.Fatal(err)
		}
		break
	}
	out := &Sandbox{Sandbox: box, URL: s.URL, t: t, server: s, from: s.broker.len()}
	if out.Credentials, err = box.Credentials(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		out.record()
		if err := s.Emulator.DeleteSandbox(box.Name()); err != nil {
			t.Error(err)
		}
	})
	return out
}

// New starts a server for this test alone and makes a sandbox there.
func New(t testing.TB, options ...func(*emulator.Options)) *Sandbox {
	t.Helper()
	return Start(t, options...).NewSandbox(t, emulator.SandboxOptions{})
}

// nameOf is a test's name as a sandbox can have it: lower-case letters, digits
// and hyphens, 63 at most.
func nameOf(test string) string {
	const longest = 50 // a number follows
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, test)
	if len(name) > longest {
		name = name[len(name)-longest:]
	}
	return cmp.Or(strings.Trim(name, "-"), "test")
}

// Client returns an HTTP client that sends the platform's own hosts to the
// emulator and everything else where it goes: give it to an official client,
// which has the hosts built in.
func (s *Sandbox) Client() *http.Client { return &http.Client{Transport: s.Transport(nil)} }

// Transport is what Client sends with; next carries what is not for the
// platform, nil means http.DefaultTransport.
func (s *Sandbox) Transport(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	to, err := url.Parse(s.URL)
	if err != nil {
		s.t.Fatal(err) // httptest made it
	}
	return &redirect{to: to, next: next}
}

// redirect sends requests for the platform elsewhere.
type redirect struct {
	to   *url.URL
	next http.RoundTripper
}

// RoundTrip carries one request.
func (r *redirect) RoundTrip(request *http.Request) (*http.Response, error) {
	if slices.Contains(PlatformHosts(), request.URL.Hostname()) {
		request = request.Clone(request.Context())
		request.URL.Scheme, request.URL.Host = r.to.Scheme, r.to.Host
	}
	return r.next.RoundTrip(request)
}

// Advance moves the sandbox's clock and returns when all that fell due has
// happened and was delivered.
func (s *Sandbox) Advance(d time.Duration) {
	s.t.Helper()
	if _, err := s.Sandbox.Advance(s.t.Context(), d); err != nil {
		s.t.Fatal(err)
	}
}

// Messages are the pushes for receivers that have no URL, in order.
func (s *Sandbox) Messages() []emulator.InboxMessage {
	s.t.Helper()
	const page = 1000
	var out []emulator.InboxMessage
	for {
		var after int64
		if len(out) > 0 {
			after = out[len(out)-1].ID
		}
		got, err := s.Inbox(after, page)
		if err != nil {
			s.t.Fatal(err)
		}
		if out = append(out, got...); len(got) < page {
			return out
		}
	}
}

// Notices are the Kafka notices of the sandbox so far, in order. They are there
// when Advance has returned. A server with a broker of its own has none here.
func (s *Sandbox) Notices() []emulator.Record {
	return s.server.broker.of(s.Credentials.Topic, s.from)
}

// Scenario gives the sandbox what a scenario says that there is, and what its
// platform decides. It is found by its name in the directory that EMU_SCENARIOS
// names, as emu serve does, or in the library; a name that ends in .yaml or .yml
// is a file.
// The test then does what the scenario's steps would.
func (s *Sandbox) Scenario(name string) {
	s.t.Helper()
	story, err := load(name)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := scenarios.Prepare(s.t.Context(), scenarios.Target{URL: s.URL}, s.Name(), story); err != nil {
		s.t.Fatalf("scenario %s: %v", name, err)
	}
	if s.Credentials, err = s.Sandbox.Credentials(); err != nil {
		s.t.Fatal(err)
	}
}

func load(name string) (*scenarios.Scenario, error) {
	if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" {
		named, err := scenarios.Open(os.Getenv("EMU_SCENARIOS"))
		if err != nil {
			return nil, fmt.Errorf("EMU_SCENARIOS: %w", err)
		}
		return named.Ready(name)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read a scenario: %w", err)
	}
	return scenarios.Parse(name, data)
}

// record leaves the journal of a test that failed as an artifact.
func (s *Sandbox) record() {
	if !s.t.Failed() {
		return
	}
	const most = 10_000
	text, err := json.MarshalIndent(s.Journal(0, most), "", "  ")
	if err != nil {
		s.t.Log("no flight record:", err)
		return
	}
	path := filepath.Join(s.t.ArtifactDir(), "emu-"+s.Name()+".json")
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		s.t.Log("no flight record:", err)
		return
	}
	s.t.Logf("the sandbox's flight record: %s", path)
}

// broker keeps what it is given.
type broker struct {
	mu      sync.Mutex
	records []emulator.Record
}

// Publish acknowledges all records.
func (b *broker) Publish(_ context.Context, records []emulator.Record) []error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records = append(b.records, records...)
	return make([]error, len(records))
}

// Ready is nil: there is nothing to wait for.
func (*broker) Ready(context.Context) error { return nil }

// Addresses is nothing that a client could use.
func (*broker) Addresses() []string { return nil }

// Close lets go of nothing.
func (*broker) Close() error { return nil }

func (b *broker) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.records)
}

// of are the records of a topic from a place on.
func (b *broker) of(topic string, from int) []emulator.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []emulator.Record
	for _, r := range b.records[min(from, len(b.records)):] {
		if r.Topic == topic {
			out = append(out, r)
		}
	}
	return out
}
