package emulator

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/swanemu/emu/internal/clock"
)

func TestBreachesAreCounted(t *testing.T) {
	e, err := New(t.Context(), Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(t.Context()) })
	op, _ := e.contract.Operation("listPackages")
	env, _ := e.contract.Envelope(op.Envelope)
	x := &Exchange{op: op, status: 200, outcome: "ok", body: []byte(`{"errno":"none"}`)}
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
