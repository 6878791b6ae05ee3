package contracttest

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// WriteHTML writes the report as one page for people that needs nothing else:
// no scripts, no other files, no network.
func (r *Report) WriteHTML(w io.Writer) error {
	return r.page().write(w)
}

// A page is a report as report_page.go wants it.
type page struct {
	*Report
	Passed, Tested                   bool
	Verdict, Why                     string
	Passes, Fails, Deviating, Missed int
	Outcomes                         []string
	Matrix                           []pageRow
	StepOperations                   []string
	Lifecycle                        []pageRow
	Arrows                           []pageArrow
	Parameters                       []pageParameter
	Missing                          []pageReason
	Groups                           []pageGroup
}

type (
	pageRow struct {
		Operation string
		Cells     []pageCell
	}
	pageCell  struct{ Text, Class, Title string }
	pageArrow struct {
		Name           string
		Taken, Refused int
	}
	pageParameter struct {
		Operation, Name string
		Keywords        []pageCell
	}
	pageReason struct {
		Reason string
		Cases  []*Result
	}
	pageGroup struct {
		Operation string
		Cases     []*Result
		Counts    []pageCell
	}
	causeEntry struct {
		Cause
		Open, Known bool
	}
)

func (r *Report) page() *page {
	p := &page{
		Report: r, Passes: r.Count(Passed), Fails: r.Count(Failed) + r.Count(Broken), Deviating: r.Count(Deviates), Missed: r.Count(NotRun),
		Verdict: "keeps the contract", Passed: true, Lifecycle: r.lifecycleRows(),
	}
	p.Tested = p.Passes+p.Fails+p.Deviating > 0
	if err := r.Err(); err != nil {
		p.Passed, p.Verdict, p.Why = false, "does not pass", strings.TrimPrefix(err.Error(), "contract: ")
		if n := len(r.Causes); n > 0 {
			p.Verdict = fmt.Sprintf("%d %s", n, plural(n, "finding"))
		}
	} else if r.Count(Planned) > 0 {
		p.Verdict = "only a plan"
	}
	p.Outcomes, p.Matrix = r.outcomeRows()
	for _, s := range r.Coverage.Steps {
		if !slices.Contains(p.StepOperations, s.Operation) {
			p.StepOperations = append(p.StepOperations, s.Operation)
		}
	}
	for _, name := range sortedKeys(r.Coverage.Transitions) {
		counts := r.Coverage.Transitions[name]
		p.Arrows = append(p.Arrows, pageArrow{name, counts["taken"], counts["refused"]})
	}
	p.Parameters = r.parameterRows()
	for i := range r.Results {
		p.group(&r.Results[i])
	}
	for i := range p.Groups {
		p.Groups[i].count()
	}
	slices.SortStableFunc(p.Missing, func(a, b pageReason) int { return len(b.Cases) - len(a.Cases) })
	return p
}

// group puts a case where it belongs.
func (p *page) group(result *Result) {
	i := slices.IndexFunc(p.Groups, func(g pageGroup) bool { return g.Operation == result.Operation })
	if i < 0 {
		i = len(p.Groups)
		p.Groups = append(p.Groups, pageGroup{Operation: result.Operation})
	}
	p.Groups[i].Cases = append(p.Groups[i].Cases, result)
	if result.Status != NotRun {
		return
	}
	i = slices.IndexFunc(p.Missing, func(m pageReason) bool { return m.Reason == result.Reason })
	if i < 0 {
		i = len(p.Missing)
		p.Missing = append(p.Missing, pageReason{Reason: result.Reason})
	}
	p.Missing[i].Cases = append(p.Missing[i].Cases, result)
}

// count counts the statuses of a group.
func (g *pageGroup) count() {
	for _, s := range []Status{Failed, Broken, Deviates, NotRun, Planned, Passed} {
		n := 0
		for _, result := range g.Cases {
			if result.Status == s {
				n++
			}
		}
		if n > 0 {
			g.Counts = append(g.Counts, pageCell{Text: fmt.Sprintf("%d %s", n, s), Class: statusClass(s)})
		}
	}
}

// outcomeRows are the operations and the outcomes of their exchanges.
func (r *Report) outcomeRows() (outcomes []string, rows []pageRow) {
	possible, missed := map[string]bool{}, map[string]bool{}
	var operations []string
	for _, d := range r.Coverage.Dimensions {
		for _, u := range d.Uncovered {
			if d.Name == inOutcomes {
				possible[u.Name], missed[u.Name] = true, true
			}
			if d.Name == inOperations {
				operations = append(operations, u.Name)
			}
		}
	}
	for _, name := range sortedKeys(r.Coverage.Outcomes) {
		if !slices.Contains(operations, name) {
			operations = append(operations, name)
		}
	}
	slices.Sort(operations)
	for _, o := range []Outcome{Accepted, Refused, Unauthenticated, Throttled, Crashed} {
		outcomes = append(outcomes, string(o))
	}
	for _, name := range operations {
		row := pageRow{Operation: name}
		for _, o := range outcomes {
			n := r.Coverage.Outcomes[name][o]
			cell := pageCell{Text: strconv.Itoa(n), Class: "good", Title: fmt.Sprintf("%s: %d %s", name, n, o)}
			switch {
			case n > 0 && o == string(Crashed):
				cell.Class = "bad"
			case n > 0 && o == string(Throttled):
				cell.Class = "warn"
			case n == 0 && missed[name+" "+o]:
				cell.Class = "warn"
			case n == 0:
				cell = pageCell{Text: "–", Title: name + ": never " + o}
			}
			row.Cells = append(row.Cells, cell)
		}
		rows = append(rows, row)
	}
	return outcomes, rows
}

// parameterRows are the parameters and the keywords that were broken.
func (r *Report) parameterRows() []pageParameter {
	rows := []pageParameter{}
	for _, operation := range sortedKeys(r.Coverage.Parameters) {
		parameters := r.Coverage.Parameters[operation]
		for _, name := range sortedKeys(parameters) {
			row := pageParameter{Operation: operation, Name: name}
			if name == "" {
				row.Name = "(request)"
			}
			for _, keyword := range sortedKeys(parameters[name]) {
				row.Keywords = append(row.Keywords, pageCell{Text: keyword, Title: strconv.Itoa(parameters[name][keyword])})
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// lifecycleRows are the states and the operations tried there.
func (r *Report) lifecycleRows() []pageRow {
	var rows []pageRow
	for _, s := range r.Coverage.Steps {
		i := slices.IndexFunc(rows, func(row pageRow) bool { return row.Operation == s.State })
		if i < 0 {
			i = len(rows)
			rows = append(rows, pageRow{Operation: s.State})
		}
		cell := pageCell{Text: "✕ ", Class: "info", Title: fmt.Sprintf("%s from %s: not allowed, tried %d %s", s.Operation, s.State, s.Tried, plural(s.Tried, "time"))}
		if s.Allowed {
			cell = pageCell{Text: "✓ ", Class: "good", Title: fmt.Sprintf("%s from %s: allowed, taken %d %s", s.Operation, s.State, s.Tried, plural(s.Tried, "time"))}
		}
		cell.Text += strconv.Itoa(s.Tried)
		if s.Tried == 0 {
			cell.Class = "warn"
		}
		rows[i].Cells = append(rows[i].Cells, cell)
	}
	return rows
}

// statusClass is the colour of a status.
func statusClass(s Status) string {
	return map[Status]string{Passed: "good", Failed: "bad", Broken: "bad", Deviates: "warn", NotRun: "none", Planned: "info"}[s]
}

// gradeClass is the colour of a grade of evidence.
func gradeClass(grade string) string {
	return map[string]string{"documented": "good", "observed": "info", "assumed": "warn"}[grade]
}

// someOf names the first of a list.
func someOf(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], ", "), len(list)-n)
}
