package contracttest

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"
)

// The library's forms, with properties of test cases, which it does not have.
type (
	junitReport struct {
		XMLName xml.Name     `xml:"testsuites"`
		Name    string       `xml:"name,attr"`
		Time    string       `xml:"time,attr"`
		Tests   int          `xml:"tests,attr"`
		Errors  int          `xml:"errors,attr"`
		Fails   int          `xml:"failures,attr"`
		Skipped int          `xml:"skipped,attr"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		junit.Testsuite
		Cases []junitCase `xml:"testcase"`
	}
	junitCase struct {
		junit.Testcase
		Properties []junit.Property `xml:"properties>property,omitempty"`
	}
)

// WriteJUnit writes the report as JUnit XML: a suite for each operation, a test
// case for each case with its ID, and those of the causes found in it, as
// properties, and a suite of the thresholds of coverage where there are some.
// What was not run is skipped there, with the reason.
func (r *Report) WriteJUnit(w io.Writer) error {
	out := junitReport{Name: "emu contract", Time: fmt.Sprintf("%.3f", r.Seconds)}
	var names []string
	for i := range r.Results {
		if name := r.Results[i].Operation; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		suite := junitSuite{Testsuite: junit.Testsuite{Name: name, Timestamp: r.Began}}
		seconds := 0.0
		for i := range r.Results {
			if result := &r.Results[i]; result.Operation == name {
				seconds += result.Seconds
				suite.add(junitOf(result))
			}
		}
		suite.Time = fmt.Sprintf("%.3f", seconds)
		out.add(suite)
	}
	if len(r.Thresholds) > 0 {
		suite := junitSuite{Testsuite: junit.Testsuite{Name: "coverage", Timestamp: r.Began, Time: "0"}}
		for i := range r.Thresholds {
			t := &r.Thresholds[i]
			c := junitCase{Testcase: junit.Testcase{Classname: "coverage", Name: t.Dimension}}
			if !t.Met {
				c.Failure = &junit.Result{Message: t.String(), Type: "coverage"}
			}
			suite.add(c)
		}
		out.add(suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "\t")
	if err := e.Encode(out); err != nil {
		return err
	}
	if err := e.Close(); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (r *junitReport) add(s junitSuite) {
	s.ID = len(r.Suites)
	r.Suites = append(r.Suites, s)
	r.Tests, r.Errors, r.Fails, r.Skipped = r.Tests+s.Tests, r.Errors+s.Errors, r.Fails+s.Failures, r.Skipped+s.Skipped
}

func (s *junitSuite) add(c junitCase) {
	s.AddTestcase(c.Testcase) // it counts
	s.Cases = append(s.Cases, c)
}

// junitOf is one case.
func junitOf(result *Result) junitCase {
	c := junitCase{
		Testcase: junit.Testcase{
			Classname: result.Operation + "." + result.Check, Name: result.Case, Time: fmt.Sprintf("%.3f", result.Seconds),
		},
		Properties: []junit.Property{{Name: "id", Value: result.ID}},
	}
	for i := range result.Findings {
		c.Properties = append(c.Properties, junit.Property{Name: "cause", Value: result.Findings[i].CauseID()})
	}
	why := strings.TrimSuffix(string(result.Status)+": "+result.Reason, ": ")
	switch result.Status {
	case Failed:
		c.Failure = &junit.Result{Message: why, Type: result.Check}
		if len(result.Findings) > 0 { // a report that was read has them with its causes only
			c.Failure = &junit.Result{Message: result.Findings[0].Message, Type: result.Findings[0].Check, Data: describe(result.Findings)}
		}
	case Broken:
		c.Error = &junit.Result{Message: result.Reason, Type: "harness"}
	case NotRun, Planned, Deviates:
		c.Skipped = &junit.Result{Message: why}
	}
	return c
}
