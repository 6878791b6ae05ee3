package mutants

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
)

// A Score counts the verdicts on mutants of a class.
type Score struct {
	Class   Class `json:"class"`
	Mutants int   `json:"mutants"`
	// Killed are found, Intended those of them by a check that is meant to.
	Killed   int `json:"killed"`
	Intended int `json:"killed_by_intended"`
	Survived int `json:"survived"`
	// NotReached are those whose fault was never put into effect.
	NotReached  int `json:"not_reached"`
	FalseAlarms int `json:"false_alarms"`
}

// add counts a result.
func (s *Score) add(r *Result) {
	s.Mutants++
	switch r.Verdict {
	case Killed:
		s.Killed++
		s.Intended++
	case Elsewhere:
		s.Killed++
	case Survived:
		s.Survived++
	case NotReached:
		s.NotReached++
	case FalseAlarm:
		s.FalseAlarms++
	}
}

// A Report is what became of a sample, or of several.
type Report struct {
	Seeds      []uint64 `json:"seeds"`
	Population int      `json:"population"`
	Scores     []Score  `json:"scores"`
	// Total is of all classes but the null mutants.
	Total   Score    `json:"total"`
	Results []Result `json:"results"`
	// Excluded are the faults that no client could see, with the reasons.
	Excluded []Exclusion `json:"excluded"`
}

// NewReport sums results up.
func (l *Lab) NewReport(seeds []uint64, results []Result) *Report {
	out := &Report{Seeds: seeds, Population: len(l.Population.Mutants), Results: results, Excluded: l.Population.Excluded}
	out.Total.Class = "all"
	for _, class := range Classes() {
		s := Score{Class: class}
		for i := range results {
			if results[i].Class == class {
				s.add(&results[i])
				if class != Null {
					out.Total.add(&results[i])
				}
			}
		}
		out.Scores = append(out.Scores, s)
	}
	return out
}

// enough is the share of mutants that must be killed, in percent.
const enough = 95

// Err says in one line which targets are missed; nil when all hold: 95 % of the
// mutants killed, and killed by the checks meant for them; every state, push
// and Kafka mutant killed; nothing found on null mutants.
func (r *Report) Err() error {
	var missed []error
	miss := func(format string, args ...any) { missed = append(missed, fmt.Errorf(format, args...)) }
	if t := r.Total; t.Killed*100 < t.Mutants*enough {
		miss("%d of %d mutants killed, want %d %%", t.Killed, t.Mutants, enough)
	}
	if t := r.Total; t.Intended*100 < t.Mutants*enough {
		miss("%d of %d mutants killed by the checks meant for them, want %d %%", t.Intended, t.Mutants, enough)
	}
	for _, s := range r.Scores {
		switch s.Class {
		case State, Push, Kafka:
			if s.Killed < s.Mutants {
				miss("%d of %d %s mutants killed, want all", s.Killed, s.Mutants, s.Class)
			}
		case Null:
			if s.FalseAlarms > 0 {
				miss("%d of %d null mutants are found", s.FalseAlarms, s.Mutants)
			}
		case Wire, Input, Token:
		}
	}
	if len(r.Results) == 0 {
		miss("no mutant was run")
	}
	return errors.Join(missed...)
}

// WriteJSON writes the whole report.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// WriteText writes the table for people, and the mutants that the suite should
// have found and did not; see says how one of them is seen again.
func (r *Report) WriteText(w io.Writer, see func(Result) string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "class\tmutants\tkilled\tby intended\tsurvived\tnot reached\tfalse alarms\t")
	for _, s := range append(r.Scores, r.Total) {
		if s.Mutants > 0 {
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%d\t%d\t%d\t\n", s.Class, s.Mutants, share(s.Killed, &s), share(s.Intended, &s), s.Survived, s.NotReached, s.FalseAlarms)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i := range r.Results {
		one := &r.Results[i]
		if one.Verdict == Killed || one.Verdict == Clean {
			continue
		}
		line := fmt.Sprintf("%s: %s: %s", one.Verdict, one.ID, one.Note)
		if len(one.Found) > 0 {
			line += fmt.Sprintf("; found by %v, meant for %v", one.Found, one.Checks)
		} else if len(one.Checks) > 0 {
			line += fmt.Sprintf("; meant for %v", one.Checks)
		}
		if one.Verdict == FalseAlarm {
			line += "; " + one.Message
		}
		if _, err := fmt.Fprintf(w, "%s\n  %s\n", line, see(*one)); err != nil {
			return err
		}
	}
	return nil
}

// share writes a number and what share of a class it is.
func share(n int, s *Score) string {
	if s.Class == Null {
		return "-"
	}
	return fmt.Sprintf("%d (%.1f %%)", n, 100*float64(n)/float64(s.Mutants))
}
