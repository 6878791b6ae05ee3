package emulator

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swanemu/emu/internal/clock"
)

func TestBreachesAreCounted(t *testing.T) {
	e, err := New(t.Context(), Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(t.Context()) })
	op, _ := e.Contract().Operation("listPackages")
	env, _ := e.Contract().Envelope(op.Envelope)
	x := &Exchange{program: e.program(), op: op, status: 200, outcome: "ok", body: []byte(`{"errno":"none"}`)}
	e.check(x, env)
	e.answered(x, clock.Wall())
	if text := string(e.expose()); !strings.Contains(text, `emu_contract_breaches_total{operation="listPackages"} 1`) {
		t.Errorf("a breach is not counted:\n%s", text)
	}
}

func TestEventsOfImportedStatesAreBounded(t *testing.T) {
	e, err := New(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(t.Context()) })
	for name, want := range map[string]string{"PACKAGE_AUDIT_PASS": "PACKAGE_AUDIT_PASS", "made up": unknownLabel} {
		if got := e.knownEvent(name); got != want {
			t.Errorf("%s is counted as %s, want %s", name, got, want)
		}
	}
}

func TestLabelsAreEscaped(t *testing.T) {
	for want, pairs := range map[string][]string{
		"a":                   nil,
		`a{b="c"}`:            {"b", "c"},
		`a{b="\"\\\n",d="e"}`: {"b", "\"\\\n", "d", "e"},
	} {
		if got := labelled("a", pairs...); got != want {
			t.Errorf("%q: %s, want %s", pairs, got, want)
		}
	}
}

// TestMeterCountsAtTheSameTime: no call is lost when many new kinds of answers
// come at once.
func TestMeterCountsAtTheSameTime(t *testing.T) {
	e, err := New(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(t.Context()) })
	const each, kinds = 200, 5
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for i := range each {
				e.meter.exchange(e.program().meters["listPackages"], 200+i%kinds, "ok", time.Millisecond)
			}
		})
	}
	work.Wait()
	text := string(e.expose())
	for i := range kinds {
		if want := fmt.Sprintf("emu_exchanges_total{operation=\"listPackages\",status=\"%d\",outcome=\"ok\"} %d\n", 200+i, 8*each/kinds); !strings.Contains(text, want) {
			t.Errorf("missing %q:\n%s", want, text)
		}
	}
	if want := fmt.Sprintf("emu_exchange_duration_seconds_count{operation=\"listPackages\"} %d\n", 8*each); !strings.Contains(text, want) {
		t.Errorf("missing %q", want)
	}
}
