package contracttest_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/swanemu/emu/contracttest"
)

func dimension(t *testing.T, r *contracttest.Report, name string) *contracttest.Dimension {
	t.Helper()
	i := slices.IndexFunc(r.Coverage.Dimensions, func(d contracttest.Dimension) bool { return d.Name == name })
	if i < 0 {
		t.Fatalf("the report has no dimension %s", name)
	}
	return &r.Coverage.Dimensions[i]
}

// TestCoverage holds the figures of a whole run against the contract: what can
// be put to the test is, but for what is known.
func TestCoverage(t *testing.T) {
	r, err := contracttest.Verify(t.Context(), open(t, 1).target, contracttest.Options{Mode: contracttest.Destructive})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, d := range contracttest.Dimensions() {
		names = append(names, d.Name)
		got := &r.Coverage.Dimensions[i]
		if got.Name != d.Name || got.Explain != d.Explain || got.Possible == 0 || got.Exercised+len(got.Uncovered) != got.Possible {
			t.Errorf("dimension %+v", got)
		}
	}
	for _, name := range []string{"operations", "outcomes", "keywords", "transitions", "illegal", "statuses", "checks"} {
		if d := dimension(t, r, name); d.Percent() != 100 {
			t.Errorf("%s: %d of %d, without %v", name, d.Exercised, d.Possible, d.Uncovered)
		}
	}
	// What no check tries has a reason, and what was refused was seen.
	for name, least := range map[string]float64{"parameters": 85, "gates": 70, "errors": 40, "events": 75} {
		d := dimension(t, r, name)
		if d.Percent() < least {
			t.Errorf("%s: %.1f %%", name, d.Percent())
		}
		for _, u := range d.Uncovered {
			if u.Why == "" {
				t.Errorf("%s: nothing says why %s is not covered", name, u.Name)
			}
		}
	}
	if len(names) != 11 {
		t.Errorf("dimensions %v", names)
	}
	// The denominators are those of the document.
	asked := 0
	for _, c := range contracttest.Checks() {
		if !c.Traffic {
			asked++
		}
	}
	for name, want := range map[string]int{"operations": 82, "transitions": 33, "illegal": 43, "gates": 20, "events": 8, "checks": asked} {
		if d := dimension(t, r, name); d.Possible != want {
			t.Errorf("the contract has %d %s, the report says %d", want, name, d.Possible)
		}
	}
	tried := 0
	for _, s := range r.Coverage.Steps {
		if s.Tried > 0 {
			tried++
		}
		if s.Operation == "releasePackage" && s.Allowed != (s.State == "approved") {
			t.Errorf("step %+v", s)
		}
	}
	if tried != len(r.Coverage.Steps) || tried != 4*11 {
		t.Errorf("%d of %d steps were tried", tried, len(r.Coverage.Steps))
	}
}

// TestUncovered says why something was not put to the test.
func TestUncovered(t *testing.T) {
	why := func(r *contracttest.Report, in, name string) string {
		for _, u := range dimension(t, r, in).Uncovered {
			if u.Name == name {
				return u.Why
			}
		}
		return "covered"
	}
	run := func(e *emulated, o contracttest.Options) *contracttest.Report {
		r, err := contracttest.Verify(t.Context(), e.target, o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	whole := run(open(t, 1), contracttest.Options{Mode: contracttest.Destructive})
	readOnly := run(open(t, 1), contracttest.Options{Mode: contracttest.ReadOnly})
	part := run(open(t, 1), contracttest.Options{Operations: []string{"getAppInfo"}})
	deaf := open(t, 1)
	deaf.target.Notices = nil
	unheard := run(deaf, contracttest.Options{})
	broken := open(t, 1)
	on(func(m *msg) {
		if m.is("releasePackage") {
			m.refuse(69999, "x")
		}
	})(t, broken)
	failing := run(broken, contracttest.Options{Checks: []string{"lifecycle"}})
	for _, test := range []struct {
		r              *contracttest.Report
		in, name, want string
	}{
		{whole, "operations", "getAppInfo", "covered"},
		{whole, "errors", "getAppInfo InternalError", "it says that the server is at fault, which a check cannot ask for"},
		{whole, "errors", "getAppInfo RequestLimitReached", "it says that calls come too fast, which a check does not try"},
		{whole, "events", "TICKET", "no step of the lifecycle emits it"},
		{whole, "events", "PACKAGE_AUDIT_PASS", "covered"},
		{whole, "gates", "upload_done_direct_commit audit_quota_left", "the platform takes the step by itself; what it does instead is not judged"},
		{whole, "gates", "submit_audit audit_quota_left", "covered"},
		{whole, "parameters", "checkHostSession cuid", "it is optional, and the harness has no sample for it"},
		{whole, "parameters", "submitPackageAudit content", "covered"},
		{readOnly, "operations", "releasePackage", "not run: needs mode sandbox; this is read-only"},
		{readOnly, "statuses", "releasePackage 200", "not run: needs mode sandbox; this is read-only"},
		{readOnly, "transitions", "release from approved", "not run: needs mode sandbox; this is read-only"},
		{readOnly, "illegal", "releasePackage from online", "not run: needs mode sandbox; this is read-only"},
		{readOnly, "gates", "release owner_verified", "not run: needs mode sandbox; this is read-only"},
		{readOnly, "keywords", "releasePackage package_id required", "not run: needs mode sandbox; this is read-only"},
		{readOnly, "checks", "push.retry", "not run: needs mode sandbox; this is read-only"},
		{readOnly, "operations", "listPackages", "covered"},
		{part, "operations", "releasePackage", "left out by the options of the run"},
		{part, "operations", "getAppInfo", "covered"},
		{part, "transitions", "release from approved", "left out by the options of the run"},
		{unheard, "events", "PACKAGE_CHANGED", "not run: no notices: the harness has none"},
		{unheard, "events", "PACKAGE_AUDIT_PASS", "covered"},
		{unheard, "checks", "kafka.count", "not run: no notices: the harness has none"},
		{failing, "transitions", "release from approved", "its case failed: " + contracttest.CaseID("releasePackage/lifecycle.path/release from approved")},
		{failing, "illegal", "releasePackage from online", "covered"},
	} {
		if got := why(test.r, test.in, test.name); got != test.want {
			t.Errorf("%s %s: %s, want %s", test.in, test.name, got, test.want)
		}
	}
}

// TestThresholds lets a run fail for what it did not look at.
func TestThresholds(t *testing.T) {
	for text, want := range map[string]contracttest.Thresholds{
		"operations=100":              {"operations": 100},
		"operations=100,keywords=9.5": {"operations": 100, "keywords": 9.5},
		" events = 5":                 nil,
		"operations=95%":              {"operations": 95},
		"operations":                  nil,
		"101":                         nil,
		"-1":                          nil,
		"":                            nil,
		"operation=3":                 nil,
	} {
		got, err := contracttest.ParseThresholds(text)
		if (err == nil) != (want != nil) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for name, value := range want {
			if got[name] != value || len(got) != len(want) {
				t.Errorf("%q: %v, want %v", text, got, want)
			}
		}
	}
	all, err := contracttest.ParseThresholds("90")
	if err != nil || len(all) != len(contracttest.Dimensions()) || all["keywords"] != 90 {
		t.Errorf("one number for all: %v, %v", all, err)
	}
	if _, err := contracttest.ParseThresholds("operation=3"); err == nil ||
		!strings.Contains(err.Error(), `"operation": there is no such dimension; there are operations, outcomes, parameters, keywords, transitions, illegal, gates, errors, statuses, events, checks; did you mean operations?`) {
		t.Errorf("an unknown one: %v", err)
	}
	e := open(t, 1)
	o := contracttest.Options{Operations: []string{"getAppInfo"}, Coverage: contracttest.Thresholds{"operations": 100, "events": 0}}
	r, err := contracttest.Verify(t.Context(), e.target, o)
	if err != nil {
		t.Fatal(err)
	}
	const want = "coverage of operations, 2.4 %, is below 100 %" // two of 82: the list is read too
	if err := r.Err(); err == nil || err.Error() != "contract: "+want {
		t.Errorf("err is %v, want %s", err, want)
	}
	if text := textOf(t, r); !strings.Contains(text, "\n"+want+"\n") && !strings.HasPrefix(text, want+"\n") {
		t.Errorf("the report does not say it:\n%s", text)
	}
	if err := r.Judge(contracttest.Thresholds{"operations": 2}); err != nil || r.Err() != nil {
		t.Errorf("a lower one: %v, %v", err, r.Err())
	}
	if err := r.Judge(contracttest.Thresholds{"x": 4}); err == nil {
		t.Error("an unknown dimension is judged")
	}
	if _, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{Coverage: contracttest.Thresholds{"x": 1}}); err == nil {
		t.Error("an unknown dimension is run")
	}
	o.DryRun = true
	if r, err = contracttest.Verify(t.Context(), e.target, o); err != nil || r.Err() != nil {
		t.Errorf("a plan is held against thresholds: %v, %v", err, r.Err())
	}
}

// TestWriteCoverage reads the table.
func TestWriteCoverage(t *testing.T) {
	r, err := contracttest.Verify(t.Context(), open(t, 1).target, contracttest.Options{Operations: []string{"getAppInfo"}, Coverage: contracttest.Thresholds{"gates": 50}})
	if err != nil {
		t.Fatal(err)
	}
	for _, uncovered := range []bool{false, true} {
		var text bytes.Buffer
		if err := r.WriteCoverage(&text, uncovered); err != nil {
			t.Fatal(err)
		}
		for want, is := range map[string]bool{
			"dimension    possible  exercised  %     what\n":                                             true,
			"gates        20        0          0.0   gates of each step that were tried while not met\n": true,
			"uncovered  gates        release owner_verified":                                             uncovered,
			"coverage of gates, 0.0 %, is below 50 %\n":                                                  true,
		} {
			if strings.Contains(text.String(), want) != is {
				t.Errorf("uncovered %t: want %t for %q\n%s", uncovered, is, want, &text)
			}
		}
	}
}
