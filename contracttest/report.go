package contracttest

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/internal/spec"
)

// A Status is what became of a case.
type Status string

// The statuses of a case.
const (
	Passed Status = "passed"
	Failed Status = "failed"
	// Deviates is failed, as a known deviation says.
	Deviates Status = "known deviation"
	NotRun   Status = "not run"
	Planned  Status = "planned"
	// Broken says that the harness failed, not the server.
	Broken Status = "broken"
)

// A Result is one case: what was asked of which operation, and what came of it.
type Result struct {
	// ID is the CaseID of the case's name, operation/check/case.
	ID        string `json:"id"`
	Operation string `json:"operation"`
	Check     string `json:"check"`
	Case      string `json:"case"`
	Status    Status `json:"status"`
	Reason    string `json:"reason,omitempty"`
	// Seconds is how long it took, on the wall.
	Seconds float64 `json:"seconds"`
	// Steps are what was sent and done, where Options.Trace asks for it.
	Steps    []Step    `json:"steps,omitempty"`
	Findings []Finding `json:"-"`
}

// Name is the name of the case, operation/check/case.
func (r *Result) Name() string { return CaseName(r.Operation, r.Check, r.Case) }

// A Finding is one thing that does not keep the contract. Secrets in it are
// replaced by their names.
type Finding struct {
	Check     string `json:"check"`
	Operation string `json:"operation"`
	Case      string `json:"case"`
	// In is the name of the case in which it was found, operation/check/case
	// (a check that looks in passing finds things in the cases of others), and
	// CaseID its ID.
	In      string `json:"in"`
	CaseID  string `json:"case_id"`
	Message string `json:"message"`
	// Side says who broke the contract, in what an Observer finds; the suite,
	// which is the client itself, leaves it empty.
	Side Side `json:"side,omitempty"`
	// SpecPointer says where the contract asks for it, as a JSON pointer;
	// Document, Line and Column, counted from 1, where that stands.
	SpecPointer string `json:"spec_pointer,omitempty"`
	Document    string `json:"document,omitempty"`
	Line        int    `json:"line,omitempty"`
	Column      int    `json:"column,omitempty"`
	// ValuePointer says where in the answer or among the parameters it was
	// missed.
	ValuePointer string `json:"value_pointer,omitempty"`
	// Expected is what the contract asks for. Actual is what was there: the
	// kind of a value, not the value.
	Expected string `json:"expected,omitempty"`
	Actual   string `json:"actual,omitempty"`
	// Evidence is where the contract has it from, Meaning what that is worth.
	Evidence spec.Evidence `json:"evidence"`
	Meaning  string        `json:"meaning,omitempty"`
	// Curl is the case until then as a script for a shell: commands and
	// comments, a line each.
	Curl []string `json:"curl,omitempty"`
	// Steps is the same to look at, with the answers; only the first finding of
	// a cause has it.
	Steps []Step `json:"steps,omitempty"`

	keyword string // of the schema; "" for none
	links   int    // how much of the chain there was
}

// CauseID is the ID of the cause that it belongs to.
func (f *Finding) CauseID() string { return shortID(f.cause()) }

// A Cause is all findings that have one cause; the Finding is the first of
// them.
type Cause struct {
	// ID is stable: it is made of what its findings have in common.
	ID string `json:"id"`
	Finding
	// Operations are those of the findings, Cases the names of the cases they
	// were found in, and Count how many there are.
	Operations []string `json:"operations"`
	Cases      []string `json:"cases"`
	Count      int      `json:"count"`
	// Reason is why a known deviation is accepted; "" for others.
	Reason string `json:"reason,omitempty"`
}

// ReportVersion is the version of the report's JSON form. It grows when
// something is taken away or means something else; docs/contract-report.schema.json
// describes it.
const ReportVersion = 1

// A Report is what a run found, and what it looked at.
type Report struct {
	// Version is ReportVersion.
	Version int `json:"version"`
	// Contract is the document that the target was held against.
	Contract Document `json:"contract"`
	Target   string   `json:"target"`
	Mode     Mode     `json:"mode"`
	// Began is when the run began, in RFC 3339, and Seconds how long it took,
	// both on the wall.
	Began    string  `json:"began"`
	Seconds  float64 `json:"seconds"`
	Requests int     `json:"requests"`
	// Results are all cases, in the order in which they ran.
	Results []Result `json:"results"`
	// Causes are what to act on; Known those that a known deviation covers.
	Causes []Cause `json:"causes"`
	Known  []Cause `json:"known"`
	// Passing are known deviations that were not found any more.
	Passing []Deviation `json:"passing"`
	// Asked counts how often each check's question was put.
	Asked    map[string]int `json:"asked"`
	Coverage Coverage       `json:"coverage"`
	// Thresholds are what the coverage was held against.
	Thresholds []Threshold `json:"thresholds"`

	deviations []Deviation
	hit        map[int]bool
	lines      func(int) string // of the document; nil in a report that was read
}

// A Document is an OpenAPI document.
type Document struct {
	// Name is the name of its file, SHA256 the sum of its bytes in hex.
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

func newReport(target string, mode Mode, j *judge) *Report {
	sum := sha256.Sum256(j.document)
	return &Report{
		Version: ReportVersion, Contract: Document{j.named, hex.EncodeToString(sum[:])},
		Target: target, Mode: mode, Results: []Result{}, Causes: []Cause{}, Known: []Cause{}, Passing: []Deviation{},
		Asked: map[string]int{}, hit: map[int]bool{}, Thresholds: []Threshold{},
		Coverage: Coverage{
			Dimensions: []Dimension{}, Steps: []StepTried{},
			Outcomes: map[string]map[string]int{}, Parameters: map[string]map[string]map[string]int{},
			Transitions: map[string]map[string]int{},
		},
		lines: func(n int) string {
			if places := j.places(); places != nil {
				return places.Line(n)
			}
			return ""
		},
	}
}

// ReadReport reads a report in its JSON form. The error says when it is none,
// or of another version.
func ReadReport(data []byte) (*Report, error) {
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("report: expected the JSON form of a contract report: %w", err)
	}
	if r.Version != ReportVersion {
		return nil, fmt.Errorf("report: expected version %d of a contract report, not %d", ReportVersion, r.Version)
	}
	return &r, nil
}

// add takes the result of a case in.
func (r *Report) add(result Result, p *probe, known []Deviation) Result {
	r.deviations = known
	for check := range p.seen {
		r.Asked[check]++
	}
	for _, c := range p.covered {
		r.Coverage.add(c)
	}
	open := 0
	for _, f := range p.found {
		if i := slices.IndexFunc(known, func(d Deviation) bool { return d.covers(&f) }); i >= 0 {
			r.hit[i] = true
			r.Known = gather(r.Known, f, known[i].Reason, p.steps)
			continue
		}
		open++
		r.Causes = gather(r.Causes, f, "", p.steps)
	}
	if result.Status == Failed && open == 0 {
		result.Status = Deviates
	}
	r.Results = append(r.Results, result)
	return result
}

// gather adds a finding of a case to its cause; the reason is why it is accepted,
// and steps tells what led to it.
func gather(causes []Cause, f Finding, reason string, steps func(int) []Step) []Cause {
	id := f.CauseID()
	i := slices.IndexFunc(causes, func(c Cause) bool { return c.ID == id })
	if i < 0 {
		if steps != nil {
			f.Steps = steps(f.links)
		}
		causes = append(causes, Cause{ID: id, Finding: f, Reason: reason})
		i = len(causes) - 1
	}
	c := &causes[i]
	c.Count++
	if !slices.Contains(c.Operations, f.Operation) {
		c.Operations = append(c.Operations, f.Operation)
	}
	if !slices.Contains(c.Cases, f.In) {
		c.Cases = append(c.Cases, f.In)
	}
	return causes
}

func (c *Coverage) add(item coveredItem) {
	switch item.kind {
	case "outcome":
		count(c.Outcomes, item.operation, item.what)
	case "transition":
		count(c.Transitions, item.what, item.keyword)
	default:
		if c.Parameters[item.operation] == nil {
			c.Parameters[item.operation] = map[string]map[string]int{}
		}
		count(c.Parameters[item.operation], item.what, item.keyword)
	}
}

func count(in map[string]map[string]int, a, b string) {
	if in[a] == nil {
		in[a] = map[string]int{}
	}
	in[a][b]++
}

// Count is how many cases have a status.
func (r *Report) Count(s Status) int {
	n := 0
	for _, result := range r.Results {
		if result.Status == s {
			n++
		}
	}
	return n
}

// finish sums up, and looks for known deviations that are no more, where their check put its
// question and its findings count.
func (r *Report) finish(s *suite) {
	s.watch("")
	r.Seconds = clock.Wall().Sub(s.mail.began).Seconds()
	r.Coverage.Dimensions, r.Coverage.Steps = s.coverage(), s.stepsTried(s.hits)
	if r.Count(Planned) == 0 {
		_ = r.Judge(s.options.Coverage) // the options were checked
	}
	for i, d := range r.deviations {
		if s.options.Cases != nil || s.over != nil || !s.reports(d.Check) || d.Operation == "" && len(s.options.Operations) > 0 {
			continue
		}
		asked := slices.ContainsFunc(r.Results, func(result Result) bool {
			return (result.Status == Passed || result.Status == Failed || result.Status == Deviates) &&
				(d.Operation == "" || d.Operation == result.Operation) && (r.Asked[d.Check] > 0)
		})
		if asked && !r.hit[i] {
			r.Passing = append(r.Passing, d)
		}
	}
	slices.SortStableFunc(r.Causes, func(a, b Cause) int { return cmp.Compare(order(a.Check), order(b.Check)) })
}

// order is the place of a check in the list.
func order(id string) int {
	return slices.IndexFunc(Checks(), func(c Check) bool { return c.ID == id })
}

// Err says in one line why the run is not passed; nil when it is: something was
// checked, and nothing was found.
func (r *Report) Err() error {
	var why []string
	add := func(n int, what string) {
		if n > 0 {
			why = append(why, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(len(r.Causes), plural(len(r.Causes), "finding"))
	add(r.Count(Broken), plural(r.Count(Broken), "case")+" that the harness failed in")
	if n := len(r.Passing); n > 0 {
		why = append(why, fmt.Sprintf("%d known %s no longer found", n, plural(n, "deviation")))
	}
	if r.Count(Planned)+r.Count(Passed)+r.Count(Failed)+r.Count(Deviates) == 0 {
		why = append(why, "no check was run")
	}
	for _, t := range r.missed() {
		why = append(why, t.String())
	}
	if len(why) == 0 {
		return nil
	}
	return fmt.Errorf("contract: %s", strings.Join(why, ", "))
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// Missing sums up why cases were not run: how many for each reason.
func (r *Report) Missing() map[string]int {
	out := map[string]int{}
	for _, result := range r.Results {
		if result.Status == NotRun {
			out[result.Reason]++
		}
	}
	return out
}
