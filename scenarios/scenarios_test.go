package scenarios_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"github.com/swanemu/emu/scenarios"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestLibrary plays each ready scenario twice: it passes, and both journals
// are the same.
func TestLibrary(t *testing.T) {
	names := scenarios.Names()
	if len(names) < 10 {
		t.Errorf("%d scenarios: the library is not there", len(names))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := scenarios.Ready(name)
			if err != nil {
				t.Fatal(err)
			}
			if s.Name != name || s.Summary == "" || len(s.Steps) == 0 {
				t.Errorf("%s.yaml is called %q, has %d steps and the summary %q", name, s.Name, len(s.Steps), s.Summary)
			}
			first, second := play(t, s), play(t, s)
			if !slices.EqualFunc(first.Journal, second.Journal, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
				t.Error("two runs gave two journals")
			}
		})
	}
}

// play runs a scenario in process, strictly; it must pass.
func play(t *testing.T, s *scenarios.Scenario) *scenarios.Result {
	t.Helper()
	var out bytes.Buffer
	p := &scenarios.Printer{W: &out, Verbose: true}
	p.Begin(s)
	r, err := scenarios.Run(t.Context(), s, scenarios.Options{Strict: true, Observe: p.Line})
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	p.End(r)
	if !r.Passed() {
		t.Errorf("it fails:\n%s", &out)
	}
	if os.Getenv("EMU_SHOW") != "" {
		t.Logf("\n%s", &out)
	}
	return r
}
