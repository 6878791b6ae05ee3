package mutants_test

import (
	"os"
	"strings"
	"testing"

	"github.com/swanemu/emu/contracttest/mutants"
)

// TestOrders runs each kind of state mutant of orders and refunds: all are
// found, by the checks that are meant for them. With EMU_NIGHTLY set it runs
// each mutant.
func TestOrders(t *testing.T) {
	l := *lab(t)
	l.Operations, l.Checks = []string{"requestPolymerPayment", "cancelOrder", "applyOrderRefund"}, []string{"pay"}
	kinds := map[string]bool{}
	var all []mutants.Mutant
	for _, m := range l.Population.Mutants {
		if m.Class != mutants.State || !strings.HasPrefix(m.Checks[0], "pay.") || kinds[m.Kind()] && os.Getenv("EMU_NIGHTLY") != "1" {
			continue
		}
		kinds[m.Kind()] = true
		all = append(all, m)
	}
	if len(kinds) < 25 {
		t.Fatalf("there are %d kinds: %v", len(kinds), kinds)
	}
	got, err := l.RunAll(t.Context(), all, 1, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		if r.Verdict != mutants.Killed {
			t.Errorf("%s is %s, found by %v, meant for %v, put into effect %d times", r.ID, r.Verdict, r.Found, r.Checks, r.Applied)
		}
	}
	t.Logf("%d mutants of %d kinds", len(got), len(kinds))
}
