package mutants_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/contracttest/emutarget"
	"github.com/swanemu/emu/contracttest/mutants"
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
	return slices.Clone(t.got), nil
}

// server makes an emulator in this process.
func server(ctx context.Context, seed uint64) (*mutants.Server, error) {
	broker := &recorder{}
	em, err := emulator.New(ctx, emulator.Options{
		Seed: seed, Strict: true, Broker: broker, Clock: emulator.Clock{Mode: "virtual"}, NotifyTimeout: 500 * time.Millisecond,
	})
	if err != nil {
		return nil, err
	}
	return &mutants.Server{
		URL: "http://127.0.0.1", Transport: within{em}, Close: em.Close,
		Notices: func(name string) contracttest.Notices { return topic{broker, name} },
	}, nil
}

// newLab makes the population once for all tests.
var newLab = sync.OnceValues(func() (*mutants.Lab, error) { return mutants.NewLab(context.Background(), server) })

func lab(t *testing.T) *mutants.Lab {
	t.Helper()
	l, err := newLab()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// ordinary and nightly say how many mutants are in a sample.
const (
	ordinary    = 28
	nightly     = 200
	nightlySeed = 20
)

// TestMutants runs the suite on a sample of faulty servers: 95 % are found, by
// the checks that are meant for them; all state, push and Kafka mutants are;
// nothing is found on null mutants. With EMU_NIGHTLY set there are 20 samples
// of 200.
func TestMutants(t *testing.T) {
	l := lab(t)
	seeds, count := []uint64{1}, ordinary
	switch {
	case os.Getenv("EMU_NIGHTLY") == "1":
		count = nightly
		for seed := uint64(2); seed <= nightlySeed; seed++ {
			seeds = append(seeds, seed)
		}
	case raceEnabled:
		count = 7 // one of each class: the detector has then seen the code
	}
	var all []mutants.Result
	for _, seed := range seeds {
		got, err := l.RunAll(t.Context(), l.Population.Sample(seed, count), seed, runtime.GOMAXPROCS(0), nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, got...)
	}
	r := l.NewReport(seeds, all)
	var text bytes.Buffer
	err := r.WriteText(&text, func(one mutants.Result) string {
		return fmt.Sprintf("go run ./cmd/emu contract mutate --mutant %s --seed %d", one.ID, one.Seed)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d seeds, %d of %d mutants each\n%s", len(seeds), count, r.Population, text.String())
	if err := r.Err(); err != nil {
		t.Error(err)
	}
}

// TestPopulation looks at the mutants that there are: enough, each with an ID
// of its own and with checks that exist; each check has mutants that only it is
// meant for; and what was left out has a reason.
func TestPopulation(t *testing.T) {
	p := lab(t).Population
	if len(p.Mutants) < 1000 {
		t.Errorf("%d mutants", len(p.Mutants))
	}
	seen, meant := map[string]bool{}, map[string]int{}
	for _, m := range p.Mutants {
		if seen[m.ID] {
			t.Errorf("%s stands twice", m.ID)
		}
		seen[m.ID] = true
		if !strings.HasPrefix(m.ID, string(m.Class)+"/") || m.Note == "" || strings.ContainsAny(m.ID, " \t") {
			t.Errorf("%+v: want an ID that begins with its class, and a note", m)
		}
		if (m.Class == mutants.Null) != (len(m.Checks) == 0) {
			t.Errorf("%s: checks %v", m.ID, m.Checks)
		}
		for _, want := range m.Checks {
			known := false
			for _, c := range contracttest.Checks() {
				if c.ID == want || strings.HasPrefix(c.ID, want+".") {
					known = true
					meant[c.ID]++
				}
			}
			if !known {
				t.Errorf("%s: there is no check %q", m.ID, want)
			}
		}
	}
	for _, c := range contracttest.Checks() {
		// Those of traffic are an Observer's: TestObserved is about them. Those
		// of a host's flows have mutants of their own in package contracttest,
		// TestHostMutants and TestHostServerFaults.
		if meant[c.ID] == 0 && !c.Traffic && !strings.HasPrefix(c.ID, "host.") {
			t.Errorf("no mutant proves %s", c.ID)
		}
	}
	for _, e := range p.Excluded {
		if e.Reason == "" || seen[e.ID] {
			t.Errorf("%+v: want a reason, and no mutant of that ID", e)
		}
	}
	counts := map[mutants.Class]int{}
	for _, m := range p.Mutants {
		counts[m.Class]++
	}
	t.Logf("%d mutants %v, %d left out", len(p.Mutants), counts, len(p.Excluded))
}

// TestSample draws samples: the same for the same seed, another for another,
// with all classes and as many kinds as there is room for.
func TestSample(t *testing.T) {
	p := lab(t).Population
	ids := func(seed uint64, count int) []string {
		var out []string
		for _, m := range p.Sample(seed, count) {
			out = append(out, m.ID)
		}
		return out
	}
	one := ids(1, nightly)
	if !slices.Equal(one, ids(1, nightly)) || slices.Equal(one, ids(2, nightly)) {
		t.Error("a sample depends on something else than its seed, or not on it")
	}
	if len(one) != nightly || len(ids(1, len(p.Mutants)+1)) != len(p.Mutants) {
		t.Errorf("%d drawn of %d", len(one), nightly)
	}
	counts, kinds := map[mutants.Class]int{}, map[string]int{}
	for _, m := range p.Sample(1, nightly) {
		counts[m.Class]++
		kinds[string(m.Class)+m.Kind()]++
	}
	for _, class := range mutants.Classes() {
		if counts[class] < nightly/12 {
			t.Errorf("%d %s mutants in a sample: %v", counts[class], class, counts)
		}
	}
	for kind, n := range kinds {
		if n > 3 {
			t.Errorf("%d mutants of the kind %s", n, kind)
		}
	}
	drawn := map[string]bool{}
	for seed := range uint64(nightlySeed) {
		for _, id := range ids(seed+1, nightly) {
			drawn[id] = true
		}
	}
	// 4000 draws, some of them of the same mutants.
	if len(drawn) < nightlySeed*nightly/2 {
		t.Errorf("twenty samples see %d of %d mutants", len(drawn), len(p.Mutants))
	}
}

// TestVerdicts has mutants that are not found as they should be, and looks
// whether that is told.
func TestVerdicts(t *testing.T) {
	l := *lab(t)
	l.Operations = []string{"listPackages"}
	find := func(id string) mutants.Mutant {
		t.Helper()
		found := l.Population.Find(id)
		if len(found) != 1 {
			t.Fatalf("%d mutants are %s", len(found), id)
		}
		return found[0]
	}
	drop := find("wire/drop/listPackages/data.*.commit_time")
	elsewhere := drop
	elsewhere.Checks = []string{"kafka.order"}
	alarm := drop
	alarm.Class, alarm.Checks = mutants.Null, nil
	// What nobody can see survives, and what is never put into effect is not
	// reached.
	survivor := find("null/headers/more")
	survivor.Class, survivor.Checks = mutants.State, []string{"list.slots"}
	unreached := find("null/unmodified")
	unreached.Class, unreached.Checks = mutants.Wire, []string{"response.schema"}
	want := []mutants.Verdict{mutants.Killed, mutants.Elsewhere, mutants.FalseAlarm, mutants.Survived, mutants.NotReached, mutants.Clean}
	got, err := l.RunAll(t.Context(), []mutants.Mutant{drop, elsewhere, alarm, survivor, unreached, find("null/unmodified")}, 3, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range got {
		if r.Verdict != want[i] || r.Seed != 3 {
			t.Errorf("%s is %s, want %s", r.ID, r.Verdict, want[i])
		}
	}
	var text bytes.Buffer
	r := l.NewReport([]uint64{3}, got)
	if err := r.WriteText(&text, func(r mutants.Result) string { return "again: " + r.ID }); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`wire +3 +2 \(66.7 %\) +1 \(33.3 %\) +0 +1 +0`, `null +2 +- +- +0 +0 +1`, `all +4 +2`,
		`killed elsewhere: wire/drop/listPackages/data\.\*\.commit_time: .*; found by \[response\.schema.*\], meant for \[kafka\.order\]`,
		`survived: null/headers/more: `, `not reached: null/unmodified: `, `  again: null/unmodified`, `false alarm: wire/drop/`,
	} {
		if !regexp.MustCompile(line).MatchString(text.String()) {
			t.Errorf("the table has no %s:\n%s", line, text.String())
		}
	}
	for _, miss := range []string{"2 of 4 mutants killed, want 95 %", "1 of 4 mutants killed by the checks", "0 of 1 state mutants", "1 of 2 null mutants are found"} {
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), miss) {
			t.Errorf("%q is not missed: %v", miss, err)
		}
	}
	if err := l.NewReport(nil, nil).Err(); err == nil {
		t.Error("nothing was run, and that is good")
	}
}

// served serves a mutant over HTTP until the test ends.
func served(t *testing.T, l *mutants.Lab, m mutants.Mutant) *httptest.Server {
	t.Helper()
	s, err := server(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := l.Handler(m, s)
	if err != nil {
		t.Fatal(err)
	}
	out := httptest.NewServer(handler)
	t.Cleanup(func() {
		out.Close()
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return out
}

// TestServedPushes serves a mutant over HTTP and runs the suite on it there, as
// any other tool would: the fault is in the pushes, too.
func TestServedPushes(t *testing.T) {
	l := lab(t)
	for id, check := range map[string]string{
		"push/doubled/PACKAGE_AUDIT_PASS": "push.count", "push/token/PACKAGE_AUDIT_FAIL": "push.signature",
		"wire/drop/getAppInfo/data.status": "response.schema", "state/undecided/audit/pass": "lifecycle.path",
		"state/no-op/submit_audit": "lifecycle.path", "wire/cut/getAppInfo/accepted": "response.delivered", "null/unmodified": "",
	} {
		t.Run(strings.ReplaceAll(id, "/", "_"), func(t *testing.T) {
			front := served(t, l, l.Population.Find(id)[0])
			box, err := emutarget.Open(t.Context(), emutarget.Options{URL: front.URL})
			if err != nil {
				t.Fatal(err)
			}
			r, err := contracttest.Verify(t.Context(), box.Target(), contracttest.Options{
				Operations: nil, Checks: []string{"push", "lifecycle.path", "app", "response"},
				Stop: func(f contracttest.Finding) bool { return f.Check == check },
			})
			if err := errors.Join(err, box.Close(t.Context())); err != nil {
				t.Fatal(err)
			}
			found := slices.ContainsFunc(r.Causes, func(c contracttest.Cause) bool { return c.Check == check })
			if found != (check != "") || check == "" && r.Err() != nil {
				t.Errorf("%s: %v", id, r.Err())
			}
		})
	}
	kafka := l.Population.Find("kafka/lost/release")[0]
	if _, err := l.Handler(kafka, &mutants.Server{}); !errors.Is(err, mutants.ErrNotServed) {
		t.Errorf("%s is served: %v", kafka.ID, err)
	}
}
