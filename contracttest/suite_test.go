package contracttest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/swanemu/emu/contracttest"
)

// TestEmulator holds the emulator against the contract: nothing is found, every
// check puts its question, nothing is left out, every step is taken.
func TestEmulator(t *testing.T) {
	e := open(t, 1)
	r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{Mode: contracttest.Destructive})
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + textOf(t, r))
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	for _, c := range contracttest.Checks() {
		if !c.Traffic && r.Asked[c.ID] == 0 {
			t.Errorf("check %s was never put", c.ID)
		}
	}
	if n := r.Count(contracttest.NotRun); n > 0 {
		t.Errorf("%d cases were not run", n)
	}
	for _, name := range []string{
		"upload", "upload_done", "upload_done_direct_commit", "upload_failed", "submit_audit", "audit_pass", "audit_fail", "withdraw",
		"release", "supersede", "rollback", "rollback_done", "restore", "replace",
	} {
		if r.Coverage.Transitions[name]["taken"] == 0 {
			t.Errorf("the step %s was never taken", name)
		}
	}
	for op, outcomes := range r.Coverage.Outcomes {
		if outcomes["accepted"] == 0 || outcomes["refused"]+outcomes["unauthenticated"] == 0 {
			t.Errorf("%s: outcomes %v", op, outcomes)
		}
	}
}

// TestSeeds does so with another seed, and twice on one emulator; with
// EMU_NIGHTLY set with twenty.
func TestSeeds(t *testing.T) {
	seeds := uint64(1)
	if os.Getenv("EMU_NIGHTLY") == "1" {
		seeds = 20
	}
	for seed := range seeds {
		e := open(t, seed+2)
		for range 2 {
			r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{Mode: contracttest.Sandbox})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Err(); err != nil {
				t.Errorf("seed %d: %v\n%s", seed+2, err, textOf(t, r))
			}
		}
	}
}

func textOf(t *testing.T, r *contracttest.Report) string {
	t.Helper()
	var text bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// TestRun is the other door: subtests of this test.
func TestRun(t *testing.T) {
	r := contracttest.Run(t, open(t, 1).target, contracttest.Options{Checks: []string{"lifecycle.path", "input.placement"}})
	if r.Count(contracttest.Passed) < 50 {
		t.Errorf("%d cases passed", r.Count(contracttest.Passed))
	}
}

// fake is a test that only notes.
type fake struct {
	name string
	all  *[]string
	ctx  context.Context
}

func (f *fake) Helper()                  {}
func (f *fake) Context() context.Context { return f.ctx }
func (f *fake) Log(...any)               {}
func (f *fake) Error(...any)             { *f.all = append(*f.all, "error "+f.name) }
func (f *fake) Fatal(...any)             { *f.all = append(*f.all, "fatal "+f.name) }
func (f *fake) Skip(args ...any)         { *f.all = append(*f.all, "skip "+f.name+": "+args[0].(string)) }

func (f *fake) Run(name string, do func(*fake)) bool {
	do(&fake{f.name + "/" + name, f.all, f.ctx})
	return true
}

// TestRunTells looks at what Run makes of findings, and of what is missing.
func TestRunTells(t *testing.T) {
	e := open(t, 1)
	on(func(m *msg) {
		if m.is("releasePackage") && m.ok() {
			m.status = http.StatusCreated
		}
	})(t, e)
	e.target.Notices = nil
	e.target.Lacks = map[contracttest.Need]string{contracttest.NeedNotices: "no broker today"}
	var told []string
	r := contracttest.Run(&fake{"", &told, t.Context()}, e.target, contracttest.Options{
		Operations: []string{"releasePackage"}, Checks: []string{"lifecycle.path", "kafka", "response.status"},
	})
	want := []string{
		"error /releasePackage/lifecycle.path/release from approved",
		"error /releasePackage/lifecycle.path/supersede from online",
		"skip /releasePackage/kafka.count/release from approved: not run: no notices: no broker today",
		"skip /releasePackage/kafka.count/supersede from online: not run: no notices: no broker today",
		"error ",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told %q\nwant %q", told, want)
	}
	if len(r.Causes) != 1 || r.Causes[0].Count != 2 || r.Asked["kafka.count"] != 0 {
		t.Errorf("causes %+v, asked %v", r.Causes, r.Asked)
	}
}

// TestNothingIsNoSuccess has nothing to go on.
func TestNothingIsNoSuccess(t *testing.T) {
	e := open(t, 1)
	bare := contracttest.Target{URL: e.target.URL, Transport: e.target.Transport}
	r, err := contracttest.Verify(t.Context(), bare, contracttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "no check was run") {
		t.Errorf("a run without credentials ends with %v", err)
	}
	if n := r.Count(contracttest.NotRun); n != len(r.Results) || n == 0 {
		t.Errorf("%d of %d cases are not run", n, len(r.Results))
	}
}

// counting counts the calls of each path.
type counting struct {
	next  http.RoundTripper
	calls map[string]int
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.calls[r.Method+" "+r.URL.Path]++
	return c.next.RoundTrip(r)
}

// TestReadOnlyOnlyReads looks at what is called in the mildest mode, on an app
// that has no packages, and on one that has some.
func TestReadOnlyOnlyReads(t *testing.T) {
	reads := regexp.MustCompile(`/package/get(detail)?$|/auditquota$|/app/info$|/getmsg$|/unionId/get$|/findByTpOrderId$|/findOrderRefund$|/(order|capita)Bill$|/bill/download$|^GET /ma/pay/query$|/template/(library)?(/?list|/?get)$|/template/(template)?list$|^(GET|POST) /oauth/2.0/token$`)
	for _, states := range [][]string{nil, {"superseded", "online", "development"}} {
		e := open(t, 1)
		calls := map[string]int{}
		e.target.Transport = counting{e.target.Transport, calls}
		e.target.States = nil
		var packages []map[string]any
		for _, state := range states {
			packages = append(packages, map[string]any{"version": "1.0.0", "state": state})
		}
		if packages != nil {
			e.admin(http.MethodPost, fmt.Sprintf("/apps/%d/packages", e.target.Credentials.Authorizer.AppID), map[string]any{"packages": packages})
		}
		r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{Mode: contracttest.ReadOnly})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Err(); err != nil {
			t.Errorf("%v\n%s", err, textOf(t, r))
		}
		for call := range calls {
			if !reads.MatchString(call) {
				t.Errorf("read-only calls %s", call)
			}
		}
		if calls["GET /oauth/2.0/token"]+calls["POST /oauth/2.0/token"] > 2 { // a developer's and a host's
			t.Errorf("tokens are issued again and again: %v", calls)
		}
		told := strings.Contains(textOf(t, r), "has no package to ask for")
		if r.Count(contracttest.Passed) < 50 || told != (states == nil) {
			t.Errorf("%d cases passed\n%s", r.Count(contracttest.Passed), textOf(t, r))
		}
	}
}

func TestDryRunSendsNothing(t *testing.T) {
	e := open(t, 1)
	calls := map[string]int{}
	e.target.Transport = counting{e.target.Transport, calls}
	r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{DryRun: true, Mode: contracttest.Destructive})
	if err != nil || r.Err() != nil || len(calls) > 0 || r.Count(contracttest.Planned) < 500 {
		t.Errorf("%v, %v, %v, %d planned", err, r.Err(), calls, r.Count(contracttest.Planned))
	}
}

func TestBudget(t *testing.T) {
	e := open(t, 1)
	r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{MaxRequests: 100})
	if err != nil {
		t.Fatal(err)
	}
	if r.Requests > 100 || r.Count(contracttest.NotRun) == 0 || !strings.Contains(textOf(t, r), "the budget is used up: 100 requests") {
		t.Errorf("%d requests\n%s", r.Requests, textOf(t, r))
	}
}

// TestErrors looks at what is no run at all.
func TestErrors(t *testing.T) {
	e := open(t, 1)
	for want, o := range map[string]contracttest.Options{
		`mode "x"`:       {Mode: "x"},
		`check "input2"`: {Checks: []string{"input2"}},
		`operation "x"`:  {Operations: []string{"x"}},
		"negative":       {MaxRequests: -1},
	} {
		if _, err := contracttest.Verify(t.Context(), e.target, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", o, err, want)
		}
	}
	if _, err := contracttest.Verify(t.Context(), contracttest.Target{URL: "http://127.0.0.1:1"}, contracttest.Options{}); !errors.Is(err, contracttest.ErrUnreachable) {
		t.Errorf("nobody there: %v", err)
	}
}

// TestKnownDeviations lets a deviation pass while it is there, and no longer.
func TestKnownDeviations(t *testing.T) {
	known, err := contracttest.ReadDeviations([]byte("- {check: response.status, operation: uploadPackage, reason: theirs answers 201}\n"))
	if err != nil {
		t.Fatal(err)
	}
	o := contracttest.Options{Operations: []string{"uploadPackage"}, Known: known}
	e := open(t, 1)
	r, err := contracttest.Verify(t.Context(), e.target, o)
	if err != nil || r.Err() == nil || len(r.Passing) != 1 {
		t.Errorf("a deviation that is gone: %v, %v", err, r.Err())
	}
	on(func(m *msg) {
		if m.is("uploadPackage") && m.ok() {
			m.status = http.StatusCreated
		}
	})(t, e)
	r, err = contracttest.Verify(t.Context(), e.target, o)
	if err != nil || r.Err() != nil || len(r.Known) != 1 || r.Count(contracttest.Deviates) == 0 {
		t.Errorf("a deviation that is there: %v, %v\n%s", err, r.Err(), textOf(t, r))
	}
	for _, bad := range []string{"- {check: x, reason: y}", "- {check: list.ids}", "- {check: list.ids, reason: y, chek: z}", "{"} {
		if _, err := contracttest.ReadDeviations([]byte(bad)); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
}

// TestReportsHideSecrets finds something in every answer and looks for secrets
// in all forms of the report.
func TestReportsHideSecrets(t *testing.T) {
	e := open(t, 1)
	on(func(m *msg) { m.status = http.StatusTeapot })(t, e)
	r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{Mode: contracttest.Destructive, Trace: true})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, write := range []func(io.Writer) error{
		r.WriteText, r.WriteJSON, r.WriteJUnit, r.WriteHTML, r.WriteSARIF, r.WriteReplay,
		func(w io.Writer) error { return r.WriteCoverage(w, true) },
	} {
		if err := write(&out); err != nil {
			t.Fatal(err)
		}
	}
	c := e.target.Credentials
	for _, secret := range []string{
		c.Developer.ID, c.Host.ID, c.TP.ClientID, c.Developer.Secret, c.Host.Secret, c.TP.Ticket, c.TP.AccessToken, c.TP.EncodingAESKey, c.TP.SignToken, c.Authorizer.AccessToken,
		c.Authorizer.RefreshToken,
	} {
		if bytes.Contains(out.Bytes(), []byte(secret)) {
			t.Errorf("a report shows a secret: %s", secret)
		}
	}
	if m := regexp.MustCompile(`(24|42|45|46)\.[0-9a-f]{32}\.`).Find(out.Bytes()); m != nil {
		t.Errorf("a report shows a token: %s", m)
	}
	if len(r.Causes) == 0 || len(r.Causes) > 30 {
		t.Errorf("one fault makes %d causes", len(r.Causes))
	}
}

// TestReportForms reads the machine's forms again.
func TestReportForms(t *testing.T) {
	e := open(t, 1)
	r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{Operations: []string{"getAppInfo"}, Mode: contracttest.Sandbox})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	var back contracttest.Report
	if err := r.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text.Bytes(), &back); err != nil || len(back.Results) != len(r.Results) {
		t.Errorf("JSON: %v", err)
	}
	text.Reset()
	if err := r.WriteJUnit(&text); err != nil {
		t.Fatal(err)
	}
	var suites struct {
		Suites []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Name    string `xml:"name,attr"`
				Skipped *struct {
					Message string `xml:"message,attr"`
				} `xml:"skipped"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(text.Bytes(), &suites); err != nil || len(suites.Suites) != 1 || len(suites.Suites[0].Cases) != len(r.Results) {
		t.Fatalf("JUnit: %v\n%s", err, text.String())
	}
	skipped := 0
	for _, c := range suites.Suites[0].Cases {
		if c.Skipped != nil && strings.HasPrefix(c.Skipped.Message, "not run: needs mode destructive") {
			skipped++
		}
	}
	if skipped != r.Count(contracttest.NotRun) || skipped == 0 {
		t.Errorf("JUnit skips %d of %d cases that were not run", skipped, r.Count(contracttest.NotRun))
	}
}

// TestExamplesThatAreNotThere has a server that does not know the contract's
// template: that is no finding, and a sample helps.
func TestExamplesThatAreNotThere(t *testing.T) {
	e := open(t, 1)
	on(func(m *msg) {
		if m.is("uploadPackage") && m.ok() && m.text("template_id") != "99" {
			m.refuse(69008, "源模板不存在")
		}
	})(t, e)
	o := contracttest.Options{Operations: []string{"uploadPackage"}, Checks: []string{"input", "lifecycle.path"}, Mode: contracttest.Sandbox}
	r, err := contracttest.Verify(t.Context(), e.target, o)
	if err != nil || r.Err() != nil || !strings.Contains(textOf(t, r), "no samples for") {
		t.Errorf("without a sample: %v, %v\n%s", err, r.Err(), textOf(t, r))
	}
	e.target.Samples = map[string]string{"uploadPackage.template_id": "99"}
	r, err = contracttest.Verify(t.Context(), e.target, o)
	if err != nil || r.Err() != nil || r.Count(contracttest.NotRun) > 0 {
		t.Errorf("with one: %v, %v\n%s", err, r.Err(), textOf(t, r))
	}
}
