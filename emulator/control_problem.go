package emulator

import (
	"cmp"
	"errors"
	"net/http"
	"slices"

	"github.com/swanemu/emu/internal/spec"
)

// What the control API answers when it does not do what it was told: problem
// details (RFC 9457) that say what was expected and what was probably meant.

// A controlProblem is such an answer, and the error that leads to it.
type controlProblem struct {
	Title   string   `json:"title"`
	Status  int      `json:"status"`
	Detail  string   `json:"detail"`
	Pointer string   `json:"pointer,omitempty"`
	Nearest []string `json:"nearest,omitempty"`
	// Errors holds everything that is wrong, where it is more than one thing.
	Errors []controlIssue `json:"errors,omitempty"`
}

// A controlIssue is one thing of several that are wrong with an order.
type controlIssue struct {
	Pointer string   `json:"pointer"`
	Detail  string   `json:"detail"`
	Nearest []string `json:"nearest,omitempty"`
}

// Error is the detail.
func (p *controlProblem) Error() string { return p.Detail }

func badRequest(pointer, detail string) *controlProblem {
	return &controlProblem{Status: http.StatusBadRequest, Pointer: pointer, Detail: detail}
}

func notFound(pointer, detail string) *controlProblem {
	return &controlProblem{Status: http.StatusNotFound, Pointer: pointer, Detail: detail}
}

func conflict(pointer, detail string) *controlProblem {
	return &controlProblem{Status: http.StatusConflict, Pointer: pointer, Detail: detail}
}

// problemOf finds the answer that an error leads to.
func problemOf(err error) *controlProblem {
	var (
		p       *controlProblem
		invalid *spec.InvalidError
		order   *orderError
		refusal *Refusal
		taken   *takenError
		claimed *claimedError
		unknown *unknownError
	)
	switch {
	case errors.As(err, &p):
	case errors.As(err, &invalid):
		return problemOfIssues(invalid.Issues)
	case errors.As(err, &order):
		return badRequest("", order.reason)
	case errors.As(err, &unknown):
		return notFound("", unknown.Error())
	case errors.As(err, &taken):
		return conflict("/name", taken.Error())
	case errors.As(err, &claimed):
		return conflict("", claimed.Error())
	case errors.As(err, &refusal):
		return conflict("", refusal.Error())
	case errors.Is(err, errClosed):
		return &controlProblem{Status: http.StatusServiceUnavailable, Detail: "the sandbox was closed or replaced meanwhile; ask again"}
	default:
		return &controlProblem{Status: http.StatusInternalServerError, Detail: err.Error()}
	}
	return p
}

// answer is the problem as it goes over the wire.
func (p *controlProblem) answer() controlAnswer {
	shown := *p
	shown.Title = http.StatusText(p.Status)
	body, _ := marshal(shown)
	return controlAnswer{status: p.Status, mediaType: mediaProblem, body: body}
}

// problemOfIssues makes one problem of everything that is wrong with a request.
func problemOfIssues(issues []spec.Issue) *controlProblem {
	issues = slices.Clone(issues)
	slices.SortStableFunc(issues, func(a, b spec.Issue) int {
		return cmp.Or(cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Want, b.Want))
	})
	issues = slices.Compact(issues)
	p := badRequest("", "the order is invalid")
	for i, issue := range issues {
		one := controlIssue{Pointer: issue.Pointer, Detail: issue.String()}
		if issue.Rule == spec.RuleUnknown && issue.Want != "" {
			one.Nearest = []string{issue.Want}
		}
		if issue.Rule == spec.RuleMediaType {
			p.Status = http.StatusUnsupportedMediaType
		}
		if i == 0 {
			p.Detail, p.Pointer, p.Nearest = one.Detail, one.Pointer, one.Nearest
		} else {
			p.Detail += "; " + one.Detail
		}
		p.Errors = append(p.Errors, one)
	}
	if len(p.Errors) == 1 {
		p.Errors = nil
	}
	return p
}

// near returns the names that are closest to one that is not there: the one
// that it probably is, else up to five that there are.
func near(name string, known []string) []string {
	if best := spec.Nearest(name, known); best != "" {
		return []string{best}
	}
	if len(known) <= 5 {
		return known
	}
	return nil
}
