package contracttest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"
)

// WriteJSON writes the whole report.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// WriteJUnit writes the report as JUnit XML: a suite for each operation, a test
// case for each case. What was not run is skipped there, with the reason.
func (r *Report) WriteJUnit(w io.Writer) error {
	suites := junit.Testsuites{Name: "emu contract"}
	var names []string
	for _, result := range r.Results {
		if !slices.Contains(names, result.Operation) {
			names = append(names, result.Operation)
		}
	}
	for i, name := range names {
		suite := junit.Testsuite{ID: i, Name: name}
		for _, result := range r.Results {
			if result.Operation != name {
				continue
			}
			c := junit.Testcase{Classname: name + "." + result.Check, Name: result.Case}
			switch result.Status {
			case Failed:
				f := result.Findings[0]
				c.Failure = &junit.Result{Message: f.Message, Type: f.Check, Data: describe(result.Findings)}
			case Broken:
				c.Error = &junit.Result{Message: result.Reason, Type: "harness"}
			case NotRun, Planned, Deviates:
				c.Skipped = &junit.Result{Message: strings.TrimSuffix(string(result.Status)+": "+result.Reason, ": ")}
			}
			suite.AddTestcase(c)
		}
		suites.AddSuite(suite)
	}
	if _, err := io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"); err != nil {
		return err
	}
	return suites.WriteXML(w)
}

// describe writes findings for people.
func describe(findings []Finding) string {
	var b strings.Builder
	for _, f := range findings {
		f.write(&b)
	}
	return b.String()
}

// write writes a finding for people, over some lines.
func (f *Finding) write(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n", f.Check, f.Message)
	line := func(label, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %-9s %s\n", label, value)
		}
	}
	line("expected", f.Expected)
	line("actual", f.Actual)
	line("value", f.ValuePointer)
	line("contract", f.SpecPointer)
	line("evidence", strings.TrimSuffix(f.Evidence.Grade+" ("+f.Evidence.Source+")", " ()"))
	for _, step := range f.Curl {
		fmt.Fprintf(w, "  $ %s\n", step)
	}
}

// WriteText writes the report for people. What passed is only counted.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for i := range r.Causes {
		c := &r.Causes[i]
		fmt.Fprintf(&b, "%d. ", i+1)
		c.write(&b)
		fmt.Fprintf(&b, "  %-9s %d %s of %s\n\n", "seen", c.Count, plural(c.Count, "time"), strings.Join(c.Operations, ", "))
	}
	for i := range r.Known {
		fmt.Fprintf(&b, "known: %s: %s (%s)\n", r.Known[i].Check, r.Known[i].Message, strings.Join(r.Known[i].Operations, ", "))
	}
	for _, d := range r.Passing {
		fmt.Fprintf(&b, "no longer found: %s: take it off the list of known deviations\n", d)
	}
	for _, result := range r.Results {
		if result.Status == Broken {
			fmt.Fprintf(&b, "broken: %s/%s/%s: %s\n", result.Operation, result.Check, result.Case, result.Reason)
		}
		if result.Status == Planned {
			fmt.Fprintf(&b, "planned: %s/%s/%s\n", result.Operation, result.Check, result.Case)
		}
	}
	missing := r.Missing()
	for _, reason := range slices.Sorted(maps.Keys(missing)) {
		fmt.Fprintf(&b, "not run: %d: %s\n", missing[reason], reason)
	}
	fmt.Fprintf(&b, "%s, mode %s: %d cases, %d passed, %d failed, %d known, %d not run; %d requests; %d %s\n",
		r.Target, r.Mode, len(r.Results), r.Count(Passed), r.Count(Failed), r.Count(Deviates), r.Count(NotRun), r.Requests,
		len(r.Causes), plural(len(r.Causes), "finding"))
	_, err := io.WriteString(w, b.String())
	return err
}
