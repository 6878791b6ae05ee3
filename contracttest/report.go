package contracttest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

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
	Operation string    `json:"operation"`
	Check     string    `json:"check"`
	Case      string    `json:"case"`
	Status    Status    `json:"status"`
	Reason    string    `json:"reason,omitempty"`
	Findings  []Finding `json:"-"`
}

// A Finding is one thing that does not keep the contract. Secrets in it are
// replaced by their names.
type Finding struct {
	Check     string `json:"check"`
	Operation string `json:"operation"`
	Case      string `json:"case"`
	Message   string `json:"message"`
	// Side says who broke the contract, in what an Observer finds; the suite,
	// which is the client itself, leaves it empty.
	Side Side `json:"side,omitempty"`
	// SpecPointer says where the contract asks for it, ValuePointer where in
	// the answer or among the parameters it was missed.
	SpecPointer  string `json:"spec_pointer,omitempty"`
	ValuePointer string `json:"value_pointer,omitempty"`
	Expected     string `json:"expected,omitempty"`
	Actual       string `json:"actual,omitempty"`
	// Evidence is where the contract has it from.
	Evidence spec.Evidence `json:"evidence"`
	// Curl is the case's exchanges as shell commands and comments.
	Curl []string `json:"curl,omitempty"`
}

// cause is what findings of the same cause have in common.
func (f *Finding) cause() string {
	return strings.Join([]string{f.Check, general(f.ValuePointer), f.Message, f.Expected, f.Actual}, "\x00")
}

// A Cause is all findings that have one cause; the Finding is the first of
// them.
type Cause struct {
	Finding
	Operations []string `json:"operations"`
	Cases      []string `json:"cases"`
	Count      int      `json:"count"`
}

// A Report is what a run found, and what it looked at.
type Report struct {
	Target   string `json:"target"`
	Mode     Mode   `json:"mode"`
	Requests int    `json:"requests"`
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

	dry        bool
	deviations []Deviation
	hit        map[int]bool
}

// Coverage counts what was put to the test.
type Coverage struct {
	// Outcomes counts the outcomes of each operation's exchanges.
	Outcomes map[string]map[string]int `json:"outcomes"`
	// Parameters counts the keywords that each operation's parameters were
	// tried on, by parameter.
	Parameters map[string]map[string]map[string]int `json:"parameters"`
	// Transitions counts how often each step was taken, and how often it was
	// tried where it must be refused.
	Transitions map[string]map[string]int `json:"transitions"`
}

func newReport(target string, mode Mode) *Report {
	return &Report{
		Target: target, Mode: mode, Results: []Result{}, Causes: []Cause{}, Known: []Cause{}, Passing: []Deviation{},
		Asked: map[string]int{}, hit: map[int]bool{},
		Coverage: Coverage{
			Outcomes: map[string]map[string]int{}, Parameters: map[string]map[string]map[string]int{},
			Transitions: map[string]map[string]int{},
		},
	}
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
			r.Known = gather(r.Known, f)
			continue
		}
		open++
		r.Causes = gather(r.Causes, f)
	}
	if result.Status == Failed && open == 0 {
		result.Status = Deviates
	}
	r.dry = r.dry || result.Status == Planned
	r.Results = append(r.Results, result)
	return result
}

// gather adds a finding to its cause.
func gather(causes []Cause, f Finding) []Cause {
	i := slices.IndexFunc(causes, func(c Cause) bool { return c.cause() == f.cause() })
	if i < 0 {
		causes = append(causes, Cause{Finding: f})
		i = len(causes) - 1
	}
	c := &causes[i]
	c.Count++
	if !slices.Contains(c.Operations, f.Operation) {
		c.Operations = append(c.Operations, f.Operation)
	}
	if name := f.Operation + "/" + f.Check + "/" + f.Case; !slices.Contains(c.Cases, name) {
		c.Cases = append(c.Cases, name)
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

// finish looks for known deviations that are no more, where their check put its
// question and its findings count.
func (r *Report) finish(s *suite) {
	for i, d := range r.deviations {
		if s.over != nil || !s.reports(d.Check) || d.Operation == "" && len(s.options.Operations) > 0 {
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
	if !r.dry && r.Count(Passed)+r.Count(Failed)+r.Count(Deviates) == 0 {
		why = append(why, "no check was run")
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
