package contracttest

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/swanemu/emu/internal/spec"
)

// Coverage is what the contract makes possible, and what of it was put to the
// test.
type Coverage struct {
	// Dimensions are in the order of Dimensions.
	Dimensions []Dimension `json:"dimensions"`
	// Outcomes counts the outcomes of each operation's exchanges.
	Outcomes map[string]map[string]int `json:"outcomes"`
	// Parameters counts the keywords that each operation's parameters were
	// tried on, by parameter.
	Parameters map[string]map[string]map[string]int `json:"parameters"`
	// Transitions counts how often each step was taken, and how often it was
	// tried where it must be refused.
	Transitions map[string]map[string]int `json:"transitions"`
	// Steps has one entry for each operation of the lifecycle and each state.
	Steps []StepTried `json:"steps"`
}

// A StepTried says how often an operation was tried on a package in a state.
type StepTried struct {
	Operation string `json:"operation"`
	State     string `json:"state"`
	// Allowed says that the lifecycle has such a step.
	Allowed bool `json:"allowed"`
	Tried   int  `json:"tried"`
}

// A Dimension is one way to look at the contract.
type Dimension struct {
	Name string `json:"name"`
	// Explain says what is counted.
	Explain string `json:"explain"`
	// Possible is how many the contract has, Exercised how many of them the run
	// put to the test.
	Possible  int `json:"possible"`
	Exercised int `json:"exercised"`
	// Uncovered are the others.
	Uncovered []Uncovered `json:"uncovered"`
}

// An Uncovered is something of the contract that no case put to the test.
type Uncovered struct {
	Name string `json:"name"`
	// Why says what is known of the reason.
	Why string `json:"why"`
}

// Percent is how much was put to the test; all of nothing is 100.
func (d *Dimension) Percent() float64 {
	if d.Possible == 0 {
		return 100
	}
	return 100 * float64(d.Exercised) / float64(d.Possible)
}

// percent writes a percentage with one digit, never more than it is.
func percent(p float64) string {
	return strconv.FormatFloat(math.Floor(p*10)/10, 'f', 1, 64)
}

// The dimensions of coverage.
const (
	inOperations  = "operations"
	inOutcomes    = "outcomes"
	inParameters  = "parameters"
	inKeywords    = "keywords"
	inTransitions = "transitions"
	inIllegal     = "illegal"
	inGates       = "gates"
	inErrors      = "errors"
	inStatuses    = "statuses"
	inEvents      = "events"
	inChecks      = "checks"
)

// Dimensions lists the dimensions of coverage with what each counts.
func Dimensions() []Dimension {
	return []Dimension{
		{Name: inOperations, Explain: "operations that were called"},
		{Name: inOutcomes, Explain: "outcomes of each operation: accepted, refused, and unauthenticated where it needs a token"},
		{Name: inParameters, Explain: "parameters of each operation that an accepted call carried"},
		{Name: inKeywords, Explain: "keywords of each parameter that a call broke"},
		{Name: inTransitions, Explain: "legal steps of the lifecycle, from each state, that were taken"},
		{Name: inIllegal, Explain: "steps that a state does not allow and that were tried there"},
		{Name: inGates, Explain: "gates of each step that were tried while not met"},
		{Name: inErrors, Explain: "errors that each operation may answer and that were seen"},
		{Name: inStatuses, Explain: "HTTP statuses that each operation declares and that were seen"},
		{Name: inEvents, Explain: "events of the contract that arrived"},
		{Name: inChecks, Explain: "checks whose question was put"},
	}
}

func dimensionNames() []string {
	var out []string
	for _, d := range Dimensions() {
		out = append(out, d.Name)
	}
	return out
}

// Thresholds are the least percentages of coverage that a run must reach, by
// dimension.
type Thresholds map[string]float64

// ParseThresholds reads thresholds: one percentage for all dimensions, as in
// "90", or one for each that is named, as in "operations=100,keywords=95".
func ParseThresholds(text string) (Thresholds, error) {
	out := Thresholds{}
	for _, part := range strings.Split(text, ",") {
		name, number, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named {
			name, number = "", name
		}
		value, err := strconv.ParseFloat(strings.TrimSuffix(number, "%"), 64)
		if err != nil || value < 0 || value > 100 {
			return nil, fmt.Errorf("coverage %q: want a percentage from 0 to 100, or dimension=percentage", part)
		}
		if named {
			out[name] = value
			continue
		}
		for _, name := range dimensionNames() {
			out[name] = value
		}
	}
	return out, out.check()
}

// check refuses dimensions that there are not.
func (t Thresholds) check() error {
	known := dimensionNames()
	for _, name := range sortedKeys(t) {
		if slices.Contains(known, name) {
			continue
		}
		text := fmt.Sprintf("coverage %q: there is no such dimension; there are %s", name, strings.Join(known, ", "))
		if near := spec.Nearest(name, known); near != "" {
			text += "; did you mean " + near + "?"
		}
		return fmt.Errorf("%s", text)
	}
	return nil
}

// A Threshold is a least percentage, and what came of it.
type Threshold struct {
	Dimension string `json:"dimension"`
	// Least is what is asked for, Percent what was reached.
	Least   float64 `json:"least"`
	Percent float64 `json:"percent"`
	Met     bool    `json:"met"`
}

// String says it in one line.
func (t *Threshold) String() string {
	verb := "reaches"
	if !t.Met {
		verb = "is below"
	}
	return fmt.Sprintf("coverage of %s, %s %%, %s %s %%", t.Dimension, percent(t.Percent), verb, strconv.FormatFloat(t.Least, 'f', -1, 64))
}

// Judge holds the coverage against thresholds, in place of those of the run.
// The error names a dimension that there is not.
func (r *Report) Judge(t Thresholds) error {
	if err := t.check(); err != nil {
		return err
	}
	r.Thresholds = []Threshold{}
	for i := range r.Coverage.Dimensions {
		d := &r.Coverage.Dimensions[i]
		if least, ok := t[d.Name]; ok {
			r.Thresholds = append(r.Thresholds, Threshold{d.Name, least, d.Percent(), d.Percent() >= least})
		}
	}
	return nil
}

// missed are the thresholds that are not met.
func (r *Report) missed() []Threshold {
	return slices.DeleteFunc(slices.Clone(r.Thresholds), func(t Threshold) bool { return t.Met })
}

// WriteCoverage writes the table of coverage, with the names of what is not
// covered if asked for.
func (r *Report) WriteCoverage(w io.Writer, uncovered bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "dimension\tpossible\texercised\t%\twhat\n")
	for i := range r.Coverage.Dimensions {
		d := &r.Coverage.Dimensions[i]
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\n", d.Name, d.Possible, d.Exercised, percent(d.Percent()), d.Explain)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if uncovered {
		t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, d := range r.Coverage.Dimensions {
			for _, u := range d.Uncovered {
				fmt.Fprintf(t, "uncovered\t%s\t%s\t%s\n", d.Name, u.Name, u.Why)
			}
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	for _, missed := range r.missed() {
		if _, err := fmt.Fprintln(w, missed.String()); err != nil {
			return err
		}
	}
	return nil
}

// summary is the table in one line.
func (c *Coverage) summary() string {
	parts := make([]string, 0, len(c.Dimensions))
	for _, d := range c.Dimensions {
		parts = append(parts, fmt.Sprintf("%s %d/%d", d.Name, d.Exercised, d.Possible))
	}
	return strings.Join(parts, ", ")
}
