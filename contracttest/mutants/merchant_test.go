package mutants_test

import (
	"os"
	"strings"
	"testing"

	"github.com/swanemu/emu/contracttest/mutants"
)

// TestMerchants runs each kind of mutant of what merchants are told, of each
// event: all are found, by the checks that are meant for them. With EMU_NIGHTLY
// set it runs each mutant.
func TestMerchants(t *testing.T) {
	l := *lab(t)
	l.Checks = []string{"pay"}
	about := map[string][]mutants.Mutant{}
	kinds := map[string]bool{}
	for _, m := range l.Population.Mutants {
		if m.Class != mutants.Push || len(m.Checks) == 0 || !strings.HasPrefix(m.Checks[0], "pay.") {
			continue
		}
		parts := strings.Split(m.ID, "/")
		kind, call := parts[1]+"/"+parts[2], "applyOrderRefund"
		if parts[2] == "ORDER_PAID" {
			call = "requestPolymerPayment"
		}
		if !kinds[kind] || os.Getenv("EMU_NIGHTLY") == "1" {
			kinds[kind] = true
			about[call] = append(about[call], m)
		}
	}
	if len(kinds) < 45 {
		t.Fatalf("there are %d kinds: %v", len(kinds), kinds)
	}
	for call, all := range about {
		l.Operations = []string{call}
		killed(t, &l, all)
	}
}

// TestUnharmedOrders runs the checks of orders and of what merchants are told on
// mutants that are not wrong: nothing is found.
func TestUnharmedOrders(t *testing.T) {
	l := *lab(t)
	l.Operations, l.Checks = []string{"requestPolymerPayment", "cancelOrder", "applyOrderRefund"}, []string{"pay"}
	var all []mutants.Mutant
	for _, m := range l.Population.Mutants {
		if m.Class == mutants.Null && (m.Kind() == "notified" || m.Kind() == "errors" || m.Kind() == "unmodified" || m.Kind() == "space") {
			all = append(all, m)
		}
	}
	if len(all) < 8 {
		t.Fatalf("%d mutants", len(all))
	}
	got, err := l.RunAll(t.Context(), all, 2, 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range got {
		if r.Verdict != mutants.Clean || r.Requests == 0 || r.Applied == 0 && r.Kind() == "notified" {
			t.Errorf("%s is %s: %s, put into effect %d times", r.ID, r.Verdict, r.Message, r.Applied)
		}
	}
}
