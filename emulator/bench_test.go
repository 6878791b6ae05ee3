package emulator

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

// bench returns a running emulator with a virtual clock in manual mode, and the
// token of its default app.
func bench(b testing.TB, o Options) (*Emulator, string) {
	b.Helper()
	o.Clock, o.Manual, o.AuditQuota = Clock{Mode: "virtual"}, true, 1<<40
	e, err := New(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := e.Close(b.Context()); err != nil && b.Context().Err() == nil {
			b.Error(err)
		}
	})
	c, err := e.Credentials()
	if err != nil {
		b.Fatal(err)
	}
	return e, c.Authorizer.AccessToken
}

// fill gives the default app n packages in a state.
func fill(e *Emulator, app int64, state string, n int) {
	s := e.defaultSandbox()
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.state.LastPackage++
		s.state.Apps[app].Packages = append(s.state.Apps[app].Packages, &Package{
			ID: s.state.LastPackage, State: state, Version: "1.2." + fmt.Sprint(s.state.LastPackage),
			Desc: "模板分包优化提包", Committed: 1536052439,
		})
	}
}

// discard is a ResponseWriter that costs next to nothing.
type discard struct {
	header http.Header
	n      int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(int)             {}
func (d *discard) Write(p []byte) (int, error) { d.n += len(p); return len(p), nil }

func BenchmarkListPackages(b *testing.B) { benchListPackages(b, Options{}) }

// BenchmarkLogged is the same with a line of the log for each call.
func BenchmarkLogged(b *testing.B) {
	benchListPackages(b, Options{Logger: slog.New(slog.NewJSONHandler(&discard{}, nil))})
}

func benchListPackages(b *testing.B, o Options) {
	b.Helper()
	e, token := bench(b, o)
	fill(e, defaultAppID, "upload_failed", 10)
	r := httptest.NewRequest(http.MethodGet, "/rest/2.0/smartapp/package/get?access_token="+token, nil)
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		e.ServeHTTP(w, r)
	}
}

// BenchmarkSubmitAudit submits a package and withdraws it, in turn: each
// request is a step of its lifecycle, journaled, with a Kafka notice emitted.
func BenchmarkSubmitAudit(b *testing.B) {
	e, token := bench(b, Options{})
	fill(e, defaultAppID, "development", 1)
	id := e.defaultSandbox().state.LastPackage
	form := fmt.Sprintf("package_id=%d&content=TP%%E4%%BB%%A3%%E9%%80%%81%%E5%%AE%%A1%%E5%%BC%%80%%E5%%8F%%91%%E5%%8C%%85&remark=%%E4%%BB%%A3%%E6%%8F%%90%%E5%%AE%%A1", id)
	bodies := [2]string{form, fmt.Sprintf("package_id=%d", id)}
	var requests [2]*http.Request
	for i, call := range []string{"submitaudit", "withdraw"} {
		requests[i] = httptest.NewRequest(http.MethodPost, "/rest/2.0/smartapp/package/"+call+"?access_token="+token, nil)
		requests[i].Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := &discard{header: http.Header{}}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r := requests[i]
		r.Body, r.ContentLength = httpBody{strings.NewReader(bodies[i])}, int64(len(bodies[i]))
		e.ServeHTTP(w, r)
		i ^= 1
	}
}

type httpBody struct{ *strings.Reader }

func (httpBody) Close() error { return nil }

// BenchmarkAdvance lets 100,000 audits fall due.
func BenchmarkAdvance(b *testing.B) {
	const timers = 100_000
	for b.Loop() {
		b.StopTimer()
		e, _ := bench(b, Options{JournalSize: 4 * timers})
		s := e.defaultSandbox()
		s.mu.Lock()
		c := &Call{Now: time.Unix(0, s.state.At), State: s.state, box: s}
		for i := range int64(timers) {
			app := &App{
				ID: 1_000_000 + i, Key: fmt.Sprint("key", i), Status: AppNormal, NameApproved: true, CategoryApproved: true,
				Packages: []*Package{{ID: 1_000_000 + i, State: stateInReview, Version: "1.0.0"}},
			}
			s.state.Apps[app.ID] = app
			s.state.TPs[defaultTPID].Apps[app.ID] = &Authorization{}
			c.decide(app, app.Packages[0], &Decision{Kind: timerAudit, Result: outcomePass}, time.Duration(i)*time.Millisecond)
		}
		s.mu.Unlock()
		b.StartTimer()
		r, err := s.Advance(b.Context(), time.Hour)
		if err != nil || r.Fired[timerAudit] != timers {
			b.Fatalf("%d audits of %d, %v", r.Fired[timerAudit], timers, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Seconds())/float64(b.N), "s/100k-timers")
}

// BenchmarkSevenDays lets seven days pass in which 1,000 audits fall due and a
// TP gets its tickets every ten minutes, over a real connection.
func BenchmarkSevenDays(b *testing.B) {
	const audits = 1000
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "success")
	}))
	defer receiver.Close()
	for b.Loop() {
		b.StopTimer()
		e, _ := bench(b, Options{})
		s := e.def.Load()
		s.mu.Lock()
		c := &Call{Now: time.Unix(0, s.state.At), State: s.state, box: s}
		tp := s.state.TPs[defaultTPID]
		tp.AuthorizationURL = receiver.URL
		c.startTickets(tp)
		for i := range int64(audits) {
			app := &App{
				ID: 1_000_000 + i, Key: fmt.Sprint("key", i), Status: AppNormal, NameApproved: true, CategoryApproved: true,
				Packages: []*Package{{ID: 1_000_000 + i, State: stateInReview, Version: "1.0.0"}},
			}
			s.state.Apps[app.ID] = app
			tp.Apps[app.ID] = &Authorization{}
			c.decide(app, app.Packages[0], &Decision{Kind: timerAudit, Result: outcomePass}, time.Duration(i)*10*time.Minute)
		}
		s.mu.Unlock()
		b.StartTimer()
		r, err := s.Advance(b.Context(), 7*24*time.Hour)
		if err != nil || r.Fired[timerAudit] != audits || r.Fired[timerTicket] != 7*24*6+1 || r.Owed != 0 {
			b.Fatalf("%v %v", r, err)
		}
	}
}

// BenchmarkMillion lists one app's packages among 1,000,000 packages in 10,000
// apps and reports what a package weighs.
func BenchmarkMillion(b *testing.B) {
	e, token := bench(b, Options{})
	fill(e, defaultAppID, "upload_failed", 10)
	before := heapInUse()
	s := e.defaultSandbox()
	s.mu.Lock()
	for i := range int64(10_000) {
		app := &App{ID: 2_000_000 + i, Key: fmt.Sprint("key", i), Status: AppNormal}
		for range 100 {
			s.state.LastPackage++
			app.Packages = append(app.Packages, &Package{
				ID: s.state.LastPackage, State: "upload_failed", Version: "1.2." + fmt.Sprint(s.state.LastPackage),
				Desc: strings.Clone("模板分包优化提包"), ExtJSON: strings.Clone(`{"extEnable":true,"directCommit":false}`),
			})
		}
		s.state.Apps[app.ID] = app
	}
	c := &Call{State: s.state, box: s}
	for _, app := range s.state.Apps {
		c.list(app) // every app has been asked for once
	}
	s.mu.Unlock()
	weight := float64(heapInUse()-before) / 1e6
	r := httptest.NewRequest(http.MethodGet, "/rest/2.0/smartapp/package/get?access_token="+token, nil)
	w := &discard{header: http.Header{}}
	for b.Loop() {
		e.ServeHTTP(w, r)
	}
	b.ReportMetric(weight, "B/package")
	if weight > 1024 {
		b.Errorf("a package weighs %.0f bytes, want at most 1024", weight)
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
