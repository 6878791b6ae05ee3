package contracttest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/swanemu/emu/contracttest"
)

// TestObserverOfMutants watches the suite at servers that are wrong: what it
// finds in passing, an observer finds too, and accuses the server. At a null
// mutant it accuses nobody but the suite.
func TestObserverOfMutants(t *testing.T) {
	passing := func(check string) bool {
		return strings.HasPrefix(check, "response.") || strings.HasPrefix(check, "list.")
	}
	all := slices.DeleteFunc(mutants(), func(m mutant) bool { return m.intended != "" && !passing(m.intended) })
	if raceEnabled {
		all = slices.DeleteFunc(all, func(m mutant) bool { return len(m.name)%8 != 0 })
	}
	if len(all) < 5 {
		t.Fatalf("%d mutants", len(all))
	}
	for _, m := range all {
		t.Run(m.class+"/"+strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			e := open(t, *mutantSeed)
			m.change(t, e)
			o := observer(t, contracttest.ObserverOptions{Side: contracttest.ServerSide})
			e.target.Transport = watched{e.target.Transport, func(x contracttest.Exchange) { o.Observe(x) }}
			if m.intended == "" {
				m.checks = []string{"input.placement", "input.required", "lifecycle.path"} // calls of all kinds; the suite itself runs all
			}
			_, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{
				Mode: contracttest.Destructive, Checks: m.checks,
				Stop: func(f contracttest.Finding) bool { return f.Check == m.intended },
			})
			if err != nil {
				t.Fatal(err)
			}
			var by []string
			for _, c := range o.Report().Causes {
				by = append(by, c.Check)
			}
			switch {
			case m.intended == "" && len(by) > 0:
				t.Errorf("a null mutant is accused by %v", by)
			case m.intended != "" && !slices.Contains(by, m.intended):
				t.Errorf("not found by %s, but by %v", m.intended, by)
			}
		})
	}
}
