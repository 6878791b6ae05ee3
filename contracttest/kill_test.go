package contracttest_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/swanemu/emu/contracttest"
)

// mutantSeed is the seed of the emulators that mutants are made of.
var mutantSeed = flag.Uint64("seed", 1, "seed of the mutants' emulators")

// TestMutants runs the suite on every mutant: each is to be found, by the check
// that is meant for it, and a null mutant by none.
func TestMutants(t *testing.T) {
	var mu sync.Mutex
	killed := map[string][]string{}
	all := mutants()
	if raceEnabled {
		// It has seen the code after a few of them.
		all = slices.DeleteFunc(all, func(m mutant) bool { return m.intended != "" && len(m.name)%8 != 0 })
	}
	t.Run("all", func(t *testing.T) {
		for _, m := range all {
			t.Run(m.class+"/"+strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
				t.Parallel()
				by := hunt(t, &m)
				mu.Lock()
				killed[m.class+m.name] = by
				mu.Unlock()
				switch {
				case m.intended == "" && len(by) > 0:
					t.Errorf("a null mutant is found by %v", by)
				case m.intended != "" && !slices.Contains(by, m.intended):
					t.Errorf("not found by %s, but by %v", m.intended, by)
				}
			})
		}
	})
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, m := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.class, m.name, cmp.Or(m.intended, "none"), strings.Join(killed[m.class+m.name], " "))
	}
	_ = w.Flush()
	t.Logf("%d mutants: class, mutant, the check that is to find it, the checks that did\n%s", len(all), out.String())
}

// hunt returns the checks that find a mutant, in the order in which they do. It
// ends with the one that is meant to.
func hunt(t *testing.T, m *mutant) []string {
	t.Helper()
	e := open(t, *mutantSeed)
	m.change(t, e)
	var by []string
	r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{
		Mode: contracttest.Destructive, Checks: m.checks,
		Stop: func(f contracttest.Finding) bool { return f.Check == m.intended },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Causes {
		if !slices.Contains(by, c.Check) {
			by = append(by, c.Check)
		}
	}
	if m.intended == "" {
		if err := r.Err(); err != nil {
			var text bytes.Buffer
			_ = r.WriteText(&text)
			t.Errorf("%v\n%s", err, text.String())
		}
	}
	return by
}
