package mutants_test

import (
	"os"
	"strings"
	"testing"

	"github.com/swanemu/emu/contracttest/mutants"
)

// TestMerchants runs each kind of mutant of what merchants are told: all are
// found, by the checks that are meant for them.
func TestMerchants(t *testing.T) {
	l := *lab(t)
	l.Operations, l.Checks = []string{"requestPolymerPayment", "cancelOrder", "applyOrderRefund"}, []string{"pay"}
	kinds := map[string]bool{}
	var all []mutants.Mutant
	for _, m := range l.Population.Mutants {
		if m.Class == mutants.Push && len(m.Checks) > 0 && strings.HasPrefix(m.Checks[0], "pay.") && (!kinds[kind(m)] || os.Getenv("EMU_NIGHTLY") == "1") {
			kinds[kind(m)] = true
			all = append(all, m)
		}
	}
	if len(kinds) < 30 {
		t.Fatalf("there are %d kinds: %v", len(all), kinds)
	}
	got, err := l.RunAll(t.Context(), all, 1, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		if r.Verdict != mutants.Killed {
			t.Errorf("%s is %s, found by %v, meant for %v", r.ID, r.Verdict, r.Found, r.Checks)
		}
	}
}

// kind is what is done to which event.
func kind(m mutants.Mutant) string {
	return strings.Join(strings.SplitN(m.ID, "/", 4)[1:3], "/")
}
