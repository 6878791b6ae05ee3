package contracttest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// WriteJSON writes the whole report.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// describe writes findings for people.
func describe(findings []Finding) string {
	var b strings.Builder
	for i := range findings {
		f := &findings[i]
		fmt.Fprintf(&b, "%s: %s\n", f.Check, f.Message)
		f.write(&b, "case", fmt.Sprintf("%s (%s)", f.In, f.CaseID))
	}
	return b.String()
}

// lines writes what there is to a finding for people; more are labels and what
// to write behind them.
func (f *Finding) lines(w io.Writer, more ...string) {
	line := func(label, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %-9s %s\n", label, value)
		}
	}
	line("expected", f.Expected)
	line("actual", f.Actual)
	line("value", f.ValuePointer)
	line("contract", f.SpecPointer)
	line("at", f.at())
	line("evidence", f.evidence())
	for i := 0; i+1 < len(more); i += 2 {
		line(more[i], more[i+1])
	}
}

// write is lines, and how to see it again by hand.
func (f *Finding) write(w io.Writer, more ...string) {
	f.lines(w, more...)
	if len(f.Curl) > 0 {
		fmt.Fprintf(w, "  by hand:\n")
	}
	for _, step := range f.Curl {
		fmt.Fprintf(w, "    %s\n", step)
	}
}

// evidence says where the contract has it from.
func (f *Finding) evidence() string {
	text := strings.TrimSuffix(f.Evidence.Grade+" ("+f.Evidence.Source+")", " ()")
	if f.Meaning != "" {
		text += ": " + f.Meaning
	}
	return text
}

// at says where in the document that is.
func (f *Finding) at() string {
	if f.Line == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d:%d", f.Document, f.Line, f.Column)
}

// again is the command that runs the first case of a cause again.
func (c *Cause) again() string { return "emu contract replay " + c.CaseID }

// someCases names the cases of a cause, as many as fit into a line.
func (c *Cause) someCases() string {
	const some = 3
	var names []string
	for _, name := range c.Cases[:min(some, len(c.Cases))] {
		names = append(names, CaseID(name)+" "+name)
	}
	if n := len(c.Cases) - len(names); n > 0 {
		names = append(names, fmt.Sprintf("%d more", n))
	}
	return strings.Join(names, ", ")
}

// WriteText writes the report for people. What passed is only counted.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	for i := range r.Causes {
		c := &r.Causes[i]
		fmt.Fprintf(&b, "%d. [%s] %s: %s\n", i+1, c.ID, c.Check, c.Message)
		c.write(&b,
			"seen", fmt.Sprintf("%d %s, in %s", c.Count, plural(c.Count, "time"), strings.Join(c.Operations, ", ")),
			"cases", c.someCases(), "again", c.again(),
		)
		b.WriteString("\n")
	}
	for i := range r.Known {
		k := &r.Known[i]
		fmt.Fprintf(&b, "known: [%s] %s: %s (%s): %s\n", k.ID, k.Check, k.Message, strings.Join(k.Operations, ", "), k.Reason)
	}
	for _, d := range r.Passing {
		fmt.Fprintf(&b, "no longer found: %s: take it off the list of known deviations\n", d)
	}
	for i := range r.Results {
		switch result := &r.Results[i]; result.Status {
		case Broken:
			fmt.Fprintf(&b, "broken: %s %s: %s\n", result.ID, result.Name(), result.Reason)
		case Planned:
			fmt.Fprintf(&b, "planned: %s %s\n", result.ID, result.Name())
		}
	}
	missing := r.Missing()
	for _, reason := range slices.Sorted(maps.Keys(missing)) {
		fmt.Fprintf(&b, "not run: %d: %s\n", missing[reason], reason)
	}
	for _, t := range r.missed() {
		b.WriteString(t.String() + "\n")
	}
	if r.Requests > 0 && len(r.Coverage.Dimensions) > 0 {
		fmt.Fprintf(&b, "coverage: %s\n", r.Coverage.summary())
	}
	fmt.Fprintf(&b, "%s, mode %s: %s\n", r.Target, r.Mode, r.counts())
	_, err := io.WriteString(w, b.String())
	return err
}

// counts are the figures of the run in one line.
func (r *Report) counts() string {
	return fmt.Sprintf("%s, %d passed, %d failed, %d known, %d not run; %d requests; %s",
		counted(len(r.Results), "case"), r.Count(Passed), r.Count(Failed), r.Count(Deviates), r.Count(NotRun), r.Requests,
		counted(len(r.Causes), "finding"))
}

// WriteReplay writes a run for whoever wants to see cases again: every exchange
// of each case, and what came of it. It needs Options.Trace.
func (r *Report) WriteReplay(w io.Writer) error {
	var b strings.Builder
	for i := range r.Results {
		result := &r.Results[i]
		fmt.Fprintf(&b, "== %s %s\n", result.ID, result.Name())
		for j := range result.Steps {
			if err := result.Steps[j].Write(&b); err != nil {
				return err
			}
		}
		fmt.Fprintf(&b, "-- %s\n", strings.TrimSuffix(string(result.Status)+": "+result.Reason, ": "))
		for j := range result.Findings {
			f := &result.Findings[j]
			fmt.Fprintf(&b, "[%s] %s: %s\n", f.CauseID(), f.Check, f.Message)
			f.lines(&b)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%s, mode %s: %s\n", r.Target, r.Mode, r.counts())
	_, err := io.WriteString(w, b.String())
	return err
}
