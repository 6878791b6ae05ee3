package contracttest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A Deviation is a finding that is known: it does not fail a run, and the run
// fails once it is gone, so that the list stays true.
type Deviation struct {
	// Check is a check's id; Operation an operationId, "" for all.
	Check     string `json:"check" yaml:"check"`
	Operation string `json:"operation,omitempty" yaml:"operation,omitempty"`
	// Pointer is the finding's value pointer, positions in arrays as *; "" for
	// all. Case is the name of the case, where * stands for any text, and Actual
	// what came instead of what was expected; "" for all.
	Pointer string `json:"pointer,omitempty" yaml:"pointer,omitempty"`
	Case    string `json:"case,omitempty" yaml:"case,omitempty"`
	Actual  string `json:"actual,omitempty" yaml:"actual,omitempty"`
	// Reason says why it is accepted.
	Reason string `json:"reason" yaml:"reason"`
}

// String names what tells the deviation from others.
func (d Deviation) String() string {
	parts := []string{d.Check}
	for _, part := range []string{d.Operation, d.Pointer, d.Case, d.Actual} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// covers reports whether a finding is the known one.
func (d Deviation) covers(f *Finding) bool {
	return d.Check == f.Check && (d.Operation == "" || d.Operation == f.Operation) &&
		(d.Pointer == "" || d.Pointer == general(f.ValuePointer)) && (d.Case == "" || fits(d.Case, f.Case)) &&
		(d.Actual == "" || d.Actual == f.Actual)
}

// fits reports whether a text is like a pattern, in which * is any text.
func fits(pattern, text string) bool {
	first, rest, more := strings.Cut(pattern, "*")
	text, ok := strings.CutPrefix(text, first)
	if !more || !ok {
		return ok && text == ""
	}
	for i := range len(text) + 1 {
		if fits(rest, text[i:]) {
			return true
		}
	}
	return false
}

// ReadDeviations reads known deviations: a YAML list whose members have check
// and reason, and may have operation, pointer, case and actual. Anything else
// is an error.
func ReadDeviations(data []byte) ([]Deviation, error) {
	var out []Deviation
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&out); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("known deviations: %w", err)
	}
	for i, one := range out {
		if !slices.ContainsFunc(Checks(), func(c Check) bool { return c.ID == one.Check }) {
			return nil, fmt.Errorf("known deviations: entry %d: there is no check %q", i+1, one.Check)
		}
		if one.Reason == "" {
			return nil, fmt.Errorf("known deviations: entry %d: expected a reason", i+1)
		}
	}
	return out, nil
}
