package contracttest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/contracttest/emutarget"
	"github.com/swanemu/emu/emulator"
)

// within answers requests in the same process.
type within struct{ handler http.Handler }

func (w within) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.RemoteAddr = "127.0.0.1:1"
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// recorder is a broker that keeps what it is given.
type recorder struct {
	mu  sync.Mutex
	got []contracttest.Notice
}

func (b *recorder) Publish(_ context.Context, records []emulator.Record) []error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range records {
		b.got = append(b.got, contracttest.Notice{Topic: r.Topic, Key: r.Key, Value: r.Value})
	}
	return make([]error, len(records))
}
func (*recorder) Ready(context.Context) error { return nil }
func (*recorder) Addresses() []string         { return nil }
func (*recorder) Close() error                { return nil }

// topic reads one topic of a recorder.
type topic struct {
	*recorder
	name string
}

func (t topic) Topic() string { return t.name }
func (t topic) Read(context.Context) ([]contracttest.Notice, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]contracttest.Notice(nil), t.got...), nil
}

// emulated is an emulator in this process with a sandbox to check.
type emulated struct {
	*emutarget.Box
	handler http.Handler
	broker  *recorder
	target  contracttest.Target
}

// open starts an emulator; wrap may put something between it and the suite,
// but not between it and the harness.
func open(t testing.TB, seed uint64) *emulated {
	t.Helper()
	e := &emulated{broker: &recorder{}}
	em, err := emulator.New(t.Context(), emulator.Options{
		Seed: seed, Strict: true, Broker: e.broker, Clock: emulator.Clock{Mode: "virtual"}, NotifyTimeout: 500 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := em.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	e.handler = em
	e.Box, err = emutarget.Open(t.Context(), emutarget.Options{
		URL: "http://127.0.0.1", Transport: within{em}, Sandbox: "suite",
		Notices: func(name string) contracttest.Notices { return topic{e.broker, name} },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	e.target = e.Target()
	return e
}
