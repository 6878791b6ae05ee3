package mutants_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/contracttest/emutarget"
	"github.com/swanemu/emu/contracttest/mutants"
)

// watched shows an observer what goes by.
type watched struct {
	next http.RoundTripper
	o    *contracttest.Observer
}

func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	x := contracttest.Exchange{Method: r.Method, URL: r.URL.String(), Header: r.Header, Started: time.Now()}
	if r.Body != nil {
		x.Body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(x.Body))
	}
	res, err := w.next.RoundTrip(r)
	if err == nil {
		x.Status, x.AnswerHeader = res.StatusCode, res.Header
		x.Answer, err = io.ReadAll(res.Body)
		res.Body = io.NopCloser(bytes.NewReader(x.Answer))
	}
	if err != nil {
		x.Fault = contracttest.BrokenOff
	}
	x.Duration, x.BodySize, x.AnswerSize = time.Since(x.Started), int64(len(x.Body)), int64(len(x.Answer))
	w.o.Observe(x)
	return res, err
}

// observed serves a mutant, lets the suite use the operations and shows what
// goes by to an observer.
func observed(t *testing.T, l *mutants.Lab, m mutants.Mutant, operations ...string) *contracttest.Report {
	t.Helper()
	front := served(t, l, m)
	box, err := emutarget.Open(t.Context(), emutarget.Options{URL: front.URL})
	if err != nil {
		t.Fatal(err)
	}
	o, err := contracttest.NewObserver(contracttest.ObserverOptions{Side: contracttest.ServerSide})
	if err != nil {
		t.Fatal(err)
	}
	target := box.Target()
	target.Transport = watched{http.DefaultTransport, o}
	_, err = contracttest.Verify(t.Context(), target, contracttest.Options{Mode: contracttest.Destructive, Operations: operations})
	if err := errors.Join(err, box.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return o.Report()
}

// visible are the mutants of one operation whose fault stands in single answers,
// one of each kind.
func visible(p *mutants.Population) []mutants.Mutant {
	kinds := map[string]bool{}
	var out []mutants.Mutant
	for _, m := range p.Sample(1, len(p.Mutants)/8) {
		parts := strings.Split(m.ID, "/")
		meant := slices.ContainsFunc(m.Checks, func(c string) bool { return strings.HasPrefix(c, "response") || strings.HasPrefix(c, "list") })
		if m.Class != mutants.Wire || !m.Served || !meant || len(parts) < 3 || kinds[m.Kind()] {
			continue
		}
		kinds[m.Kind()] = true
		out = append(out, m)
	}
	return out
}

// TestObserved watches the traffic of faulty servers, which is another's: the
// observer finds what stands in single answers, by the check that is meant for
// it, and blames no null mutant.
func TestObserved(t *testing.T) {
	l := lab(t)
	faults := visible(l.Population)
	if len(faults) < 15 {
		t.Fatalf("%d kinds of faults can be seen in answers", len(faults))
	}
	if raceEnabled || testing.Short() {
		faults = faults[:3]
	}
	for _, m := range faults {
		t.Run(strings.ReplaceAll(m.ID, "/", "_"), func(t *testing.T) {
			r := observed(t, l, m, strings.Split(m.ID, "/")[2])
			intended := func(c contracttest.Cause) bool {
				return slices.ContainsFunc(m.Checks, func(want string) bool { return c.Check == want || strings.HasPrefix(c.Check, want+".") })
			}
			if !slices.ContainsFunc(r.Causes, intended) {
				t.Errorf("%s (%s) is not found by %v; found are", m.ID, m.Note, m.Checks)
				for _, c := range r.Causes {
					t.Errorf("%+v", c.Finding)
				}
			}
		})
	}
	for i, m := range l.Population.Find("null") {
		if i%8 != 0 {
			continue
		}
		t.Run(strings.ReplaceAll(m.ID, "/", "_"), func(t *testing.T) {
			r := observed(t, l, m, "getAppInfo", "listPackages", "uploadPackage", "loginHostUser")
			for _, c := range r.Causes {
				t.Errorf("%s is blamed: %+v", m.ID, c.Finding)
			}
		})
	}
}
