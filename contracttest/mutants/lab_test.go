package mutants_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/swanemu/emu/contracttest"
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
		Seed: seed, Strict: true, Broker: broker, Clock: emulator.Clock{Mode: "virtual"},
	})
	if err != nil {
		return nil, err
	}
	return &mutants.Server{
		URL: "http://127.0.0.1", Transport: within{em}, Close: em.Close,
		Notices: func(name string) contracttest.Notices { return topic{broker, name} },
	}, nil
}

func TestExplore(t *testing.T) {
	lab, err := mutants.NewLab(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[mutants.Class]int{}
	for _, m := range lab.Population.Mutants {
		counts[m.Class]++
	}
	fmt.Println(counts, len(lab.Population.Mutants))
	kinds := map[string]int{}
	for _, e := range lab.Population.Excluded {
		kinds[e.Reason]++
	}
	fmt.Println(kinds)
	if os.Getenv("EXCL") != "" {
		for _, e := range lab.Population.Excluded {
			fmt.Println(e.ID, e.Reason)
		}
	}
	all := lab.Population.Mutants
	if prefix := os.Getenv("ONLY"); prefix != "" {
		all = slices.DeleteFunc(all, func(m mutants.Mutant) bool { return !strings.HasPrefix(m.ID, prefix) })
	} else if n, err := strconv.Atoi(os.Getenv("COUNT")); err == nil {
		all = lab.Population.Sample(1, n)
	}
	results, err := lab.RunAll(t.Context(), all, 1, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := lab.NewReport([]uint64{1}, results)
	_ = r.WriteText(os.Stdout, func(r mutants.Result) string { return fmt.Sprint(r.Applied) })
	fmt.Println(r.Err())
}
