package contracttest_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	emu "github.com/swanemu/emu"
	"github.com/swanemu/emu/contracttest"
)

// plan is everything that a run against the platform's own contract would do.
func plan(t *testing.T) *contracttest.Report {
	t.Helper()
	r, err := contracttest.Verify(t.Context(), open(t, 1).target, contracttest.Options{DryRun: true, Mode: contracttest.Destructive})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCaseIDs gives each case an ID of its own, the same one for ever.
func TestCaseIDs(t *testing.T) {
	seen := map[string]string{}
	for _, r := range plan(t).Results {
		if r.ID != contracttest.CaseID(r.Name()) || !regexp.MustCompile(`^[0-9a-f]{8}$`).MatchString(r.ID) {
			t.Errorf("%s has the ID %q", r.Name(), r.ID)
		}
		if other := seen[r.ID]; other != "" {
			t.Errorf("%s and %s have the same ID, %s", r.Name(), other, r.ID)
		}
		seen[r.ID] = r.Name()
	}
	for id, name := range map[string]string{
		"e24760d0": "releasePackage/input.placement/query", "bd9d2cfc": "platform/push.retry/audit_pass refused twice",
	} {
		if seen[id] != name {
			t.Errorf("the ID %s is that of %q, want %s; IDs stand in people's notes and must not change", id, seen[id], name)
		}
	}
}

// TestCauseIDs gives a cause the same ID with every seed, in every mode, and
// whichever case meets it first.
func TestCauseIDs(t *testing.T) {
	ids := func(seed uint64, o contracttest.Options) []string {
		e := open(t, seed)
		on(func(m *msg) {
			m.rows(func(r map[string]any) { r["commit_time"] = "2026-01-05T09:00:00Z" })
			if m.is("getAppInfo") && m.ok() {
				m.status = http.StatusCreated
			}
			if m.code() == "110" {
				m.edit(func(v map[string]any) { v["error_msg"] = m.params.Text("access_token") })
			}
		})(t, e)
		o.Operations = []string{"getAppInfo", "listPackages", "listOSSPackages"}
		r, err := contracttest.Verify(t.Context(), e.target, o)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, c := range r.Causes {
			if c.ID != c.CauseID() {
				t.Errorf("cause %s has the finding of %s", c.ID, c.CauseID())
			}
			out = append(out, c.ID)
		}
		slices.Sort(out)
		if len(slices.Compact(slices.Clone(out))) != len(out) {
			t.Errorf("two causes have the same ID: %v", out)
		}
		return out
	}
	first := ids(1, contracttest.Options{Mode: contracttest.Destructive})
	if len(first) != 3 {
		t.Errorf("three faults make the causes %v", first)
	}
	for _, o := range []contracttest.Options{
		{Mode: contracttest.Destructive}, {Mode: contracttest.Sandbox}, {Mode: contracttest.ReadOnly},
	} {
		if again := ids(7, o); !slices.Equal(again, first) {
			t.Errorf("mode %s finds the causes %v, before %v", o.Mode, again, first)
		}
	}
}

// TestFindingsSayWhere looks at what a finding says.
func TestFindingsSayWhere(t *testing.T) {
	e := open(t, 1)
	on(func(m *msg) {
		m.rows(func(r map[string]any) {
			r["commit_time"] = "2026-01-05T09:00:00Z"
			delete(r, "version")
		})
		if m.is("releasePackage") && m.code() == "50038" {
			m.succeed()
		}
		if len(m.invalid) == 1 && m.invalid[0].Rule == "minLength" {
			m.succeed()
		}
	})(t, e)
	r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{
		Operations: []string{"listOSSPackages", "listPackages", "postOSSPackages", "releasePackage", "exchangeOAuthToken"},
	})
	if err != nil {
		t.Fatal(err)
	}
	text := textOf(t, r)
	// What stands at the line that is named is what the pointer leads to.
	lines := strings.Split(string(emu.OpenAPI), "\n")
	for _, c := range r.Causes {
		if c.Line == 0 || c.Document != "openapi.yaml" {
			t.Errorf("%s has no place", c.Message)
			continue
		}
		last := c.SpecPointer[strings.LastIndexByte(c.SpecPointer, '/')+1:]
		if line := lines[c.Line-1][c.Column-1:]; !strings.HasPrefix(line, last+":") && !strings.HasPrefix(strings.TrimPrefix(line, "{"), "name: ") {
			t.Errorf("%s is said to be at %d:%d, where there is %q", c.SpecPointer, c.Line, c.Column, line)
		}
		if c.Meaning == "" || len(c.Steps) == 0 || len(c.Curl) == 0 {
			t.Errorf("%s: meaning %q, %d steps, %d lines", c.Message, c.Meaning, len(c.Steps), len(c.Curl))
		}
	}
	for _, want := range []string{
		`\n  expected  a string that matches \^.*\n  actual    string \(20 characters, shaped 9999-99-99a99:99:99a\)\n  value     /data/0/commit_time\n  contract  #/components/schemas/CommitTime/pattern\n  at        openapi.yaml:\d+:\d+\n`,
		`\n  expected  a value\n  actual    missing\n  value     /data/0/version\n`,
		`\n  evidence  documented \(S1\): the platform says so; source: one of the platform's documents`,
		`\n  contract  #/x-lifecycle/package/gates/3\n`,
		`/minLength\n  at        openapi.yaml:\d+:\d+\n`,
		`\n  seen      \d+ times, in listOSSPackages, listPackages, postOSSPackages\n  cases     [0-9a-f]{8} \S+/.*, \d+ more\n  again     emu contract replay [0-9a-f]{8}\n  by hand:\n    TARGET=`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("the report does not say %s\n%s", want, text)
		}
	}
	if strings.Contains(text, "09:00:00Z") {
		t.Error("the report shows a value of an answer")
	}
}

// TestCases runs some cases alone, with everything that is sent.
func TestCases(t *testing.T) {
	e := open(t, 1)
	name := "releasePackage/lifecycle.illegal/from in_review"
	o := contracttest.Options{Cases: []string{contracttest.CaseID(name), "platform/push.retry/audit_pass refused twice"}, Trace: true}
	r, err := contracttest.Verify(t.Context(), e.target, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	if len(r.Results) != 2 || r.Results[0].Name() != name || r.Results[1].Name() != o.Cases[1] {
		t.Fatalf("ran %v", r.Results)
	}
	var text bytes.Buffer
	if err := r.WriteReplay(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`(?m)^== ` + o.Cases[0] + ` releasePackage/lifecycle.illegal/from in_review$`,
		`(?m)^# the harness: app \d+ with packages in \[in_review\]$`,
		`(?m)^> POST http://127.0.0.1/rest/2.0/smartapp/package/release\?access_token=\$TOKEN_OF_APP_\d+\n> Content-Type: application/x-www-form-urlencoded\n>   package_id=\d+\n< HTTP 200\n< Content-Type: application/json.*\n<   {\n<     "errno": 40001,\n`,
		`(?m)^= refused \(HTTP 200, errno=40001\)$`,
		`(?m)^-- passed$`,
		`2 cases, 2 passed, 0 failed`,
	} {
		if !regexp.MustCompile(want).Match(text.Bytes()) {
			t.Errorf("the replay does not say %s\n%s", want, &text)
		}
	}
	if m := regexp.MustCompile(`(24|42|45|46)\.[0-9a-f]{32}\.`).Find(text.Bytes()); m != nil {
		t.Errorf("the replay shows a token: %s", m)
	}
}

// TestUnknownCases names what may be meant.
func TestUnknownCases(t *testing.T) {
	e := open(t, 1)
	id := contracttest.CaseID("releasePackage/input.placement/query")
	for want, nearest := range map[string]string{
		id[:7] + "f":                            "releasePackage/input.placement/query",
		id[:7]:                                  "releasePackage/input.placement/query",
		"ffffffff":                              "",
		"releasePackage/input.placement/querry": "releasePackage/input.placement/query",
		"releasePackag/input.placment/query":    "releasePackage/input.placement/query",
		"nothing/of/the kind":                   "",
		"releasePackage/input.placement":        "releasePackage/input.placement/query",
	} {
		_, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{Cases: []string{want}})
		var unknown *contracttest.UnknownCaseError
		if !errors.As(err, &unknown) || unknown.Want != want || unknown.Nearest != nearest {
			t.Errorf("case %s: %v, want it to name %q", want, err, nearest)
		}
	}
}

// TestWatch follows a run.
func TestWatch(t *testing.T) {
	e := open(t, 1)
	on(func(m *msg) {
		if m.is("getAppInfo") && m.ok() {
			m.status = http.StatusCreated
		}
	})(t, e)
	var got []contracttest.Progress
	r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{
		Operations: []string{"getAppInfo", "listPackages"}, Watch: func(p contracttest.Progress) { got = append(got, p) },
	})
	if err != nil {
		t.Fatal(err)
	}
	n := len(r.Results)
	if len(got) != n+1 || got[0].Done != 0 || got[0].Total != n || got[0].Operation == "" {
		t.Fatalf("%d cases, %d reports, the first %+v", n, len(got), got[0])
	}
	if last := got[n]; last != (contracttest.Progress{Done: n, Total: n, Causes: 1, Requests: r.Requests}) {
		t.Errorf("at the end: %+v", last)
	}
}

// TestJUnitProperties has the IDs of cases and causes.
func TestJUnitProperties(t *testing.T) {
	e := open(t, 1)
	on(func(m *msg) {
		if m.is("getAppInfo") && m.ok() {
			m.status = http.StatusCreated
		}
	})(t, e)
	r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{
		Operations: []string{"getAppInfo"}, Coverage: contracttest.Thresholds{"checks": 100, "operations": 0},
	})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := r.WriteJUnit(&text); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Suites   []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Name    string `xml:"name,attr"`
				Time    string `xml:"time,attr"`
				Failure *struct {
					Text string `xml:",chardata"`
				} `xml:"failure"`
				Properties []struct {
					Name  string `xml:"name,attr"`
					Value string `xml:"value,attr"`
				} `xml:"properties>property"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(text.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Suites) != 2 || got.Suites[1].Name != "coverage" || len(got.Suites[1].Cases) != 2 || got.Tests != len(r.Results)+2 {
		t.Fatalf("suites %+v", got)
	}
	failures := 0
	for i, c := range got.Suites[0].Cases {
		want := []string{"id=" + r.Results[i].ID}
		if c.Failure != nil {
			failures++
			want = append(want, "cause="+r.Causes[0].ID)
			if !strings.Contains(c.Failure.Text, "case      getAppInfo/") || !strings.Contains(c.Failure.Text, "by hand:") {
				t.Errorf("%s fails with %s", c.Name, c.Failure.Text)
			}
		}
		var have []string
		for _, p := range c.Properties {
			have = append(have, p.Name+"="+p.Value)
		}
		if !slices.Equal(have, want) || c.Time == "" {
			t.Errorf("%s: properties %v, want %v; time %q", c.Name, have, want, c.Time)
		}
	}
	if failures == 0 || got.Failures != failures+1 || r.Count(contracttest.Failed) != failures {
		t.Errorf("%d failures of cases, %d of all", failures, got.Failures)
	}
	if f := got.Suites[1].Cases[0].Failure; got.Suites[1].Cases[1].Failure == nil || f != nil {
		t.Errorf("coverage: %+v", got.Suites[1])
	}
}
