package mutants_test

import (
	"slices"
	"testing"

	"github.com/swanemu/emu/contracttest/mutants"
)

// TestLateFaults runs faults that show only in what was not looked for: a row
// that nobody uploaded, a list that stays as it was, and packages that come
// back or stay. Each is found by the checks that are meant for it.
func TestLateFaults(t *testing.T) {
	want := []string{
		"state/stray/release", "state/stale/listPushMessages", "state/no-op/rollback_done",
		"state/target/replace/uploading", "state/target/rollback_done/uploading",
	}
	l := *lab(t)
	l.Checks = []string{"lifecycle", "list", "messages"}
	var all []mutants.Mutant
	for _, m := range l.Population.Mutants {
		if slices.Contains(want, m.ID) {
			all = append(all, m)
		}
	}
	if len(all) != len(want) {
		t.Fatalf("there are %d of these mutants, want %d", len(all), len(want))
	}
	killed(t, &l, all)
}

// killed runs mutants; each has to be killed.
func killed(t *testing.T, l *mutants.Lab, all []mutants.Mutant) {
	t.Helper()
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
