package emulator

import (
	"fmt"
	"net/http"

	"github.com/swanemu/emu/internal/spec"
)

// How sure an answer is. Each one says in a header what the least certain
// thing is that it rests on: the call, the step of a lifecycle that was taken,
// the error. A sandbox whose config says strict_evidence refuses what is only
// assumed, so that a test that passes there rests on nothing of ours.

// evidenceHeader is the header that says so: the grade, then the source.
const evidenceHeader = "Emu-Evidence"

// gradeAssumed is the weakest grade: nobody has published it.
const gradeAssumed = "assumed"

// weaker is the less certain of two; what is without a grade says nothing.
func weaker(a, b spec.Evidence) spec.Evidence {
	if doubt(b.Grade) > doubt(a.Grade) {
		return b
	}
	return a
}

// doubt orders the grades.
func doubt(grade string) int {
	switch grade {
	case "documented":
		return 1
	case "observed":
		return 2
	case gradeAssumed:
		return 3
	}
	return 0
}

// An assumedError is a call that was refused because what it asks for is only
// assumed.
type assumedError struct{ what string }

func (e *assumedError) Error() string {
	return e.what + " is only assumed: nobody has published what the platform does here, and this sandbox is strict about evidence (strict_evidence)"
}

// rely notes that the answer rests on something of that evidence. The error
// says that this sandbox does not let it.
func (c *Call) rely(on spec.Evidence, format string, args ...any) error {
	c.evidence = weaker(c.evidence, on)
	if c.State.Config.StrictEvidence && on.Grade == gradeAssumed {
		return &assumedError{fmt.Sprintf(format, args...)}
	}
	return nil
}

// assumed answers what a strict sandbox does not let pass.
func (x *Exchange) assumed(err *assumedError) {
	x.status, x.outcome = http.StatusNotImplemented, gradeAssumed
	x.body, x.answer = problem(x.status, err.Error())
}

// evidenceTexts holds the header's value for each evidence of a contract.
func evidenceTexts(c *spec.Contract) map[spec.Evidence][]string {
	out := map[spec.Evidence][]string{}
	add := func(e spec.Evidence) {
		if e.Grade != "" {
			out[e] = []string{e.Grade + "; source=" + e.Source}
		}
	}
	for _, op := range c.Operations() {
		add(op.Evidence)
	}
	for _, def := range c.Errors() {
		add(def.Evidence)
	}
	for _, name := range c.Lifecycles() {
		l, _ := c.Lifecycle(name)
		for i := range l.Transitions {
			add(l.Transitions[i].Evidence)
		}
	}
	return out
}
