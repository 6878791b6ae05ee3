package contracttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// What every answer is looked at for, in passing.

// inspect holds an answer against the contract. sent are the secrets that the
// answer must not hold.
func (p *look) inspect(x *exchange, sent []string) {
	p.saw("response.delivered")
	if x.err != nil || x.outcome() == Crashed {
		actual := x.String()
		if x.err != nil {
			actual = "no whole answer: " + p.kindOf(x.err)
		}
		p.fail(Finding{
			Check: "response.delivered", Operation: x.op.ID, Expected: "an answer that is no fault of the server", Actual: actual,
			Message: "the request was not answered, or with a fault of the server",
		})
		if x.err != nil {
			return
		}
	}
	if !p.inspectJSON(x) {
		return
	}
	p.inspectSecrets(x, sent)
	if x.undocumented {
		return
	}
	if x.op.Envelope == hostEnvelope && !p.inspectHost(x) {
		return
	}
	p.inspectErrors(x)
	p.inspectSchema(x)
	if x.op.ID == opList || x.op.Call() == opHostList {
		p.inspectList(x)
	}
}

// kindOf says what kind of failure there was; addresses and ports change from
// run to run.
func (j *judge) kindOf(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "nothing in " + j.answerTime.String()
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the connection ended early"
	}
	return "the connection failed"
}

// inspectJSON looks at the form of the body; false when it is no JSON.
func (p *look) inspectJSON(x *exchange) bool {
	p.saw("response.json")
	if !strings.Contains(x.header.Get("Content-Type"), "json") && !json.Valid(x.whole) && !p.ownErrors(x) {
		return true // the media type is what is wrong
	}
	if len(x.whole) == 0 && (x.status == http.StatusNoContent || x.status == http.StatusNotModified) {
		return true // there is no body to these; whether they may be answered is another check
	}
	doubled, err := scanJSON(x.whole)
	if err != nil {
		p.fail(Finding{
			Check: "response.json", Operation: x.op.ID, Expected: "one whole JSON value", Actual: err.Error(),
			Message: "the body is not one whole JSON value",
		})
		return false
	}
	p.saw("response.duplicate-keys")
	for _, pointer := range doubled {
		p.fail(Finding{
			Check: "response.duplicate-keys", Operation: x.op.ID, ValuePointer: pointer,
			Expected: "each member once", Actual: "twice", Message: "a member stands twice in one object",
		})
	}
	return true
}

// inspectErrors looks at an error's place in the catalogue.
func (p *look) inspectErrors(x *exchange) {
	if x.verdict.code == "" || !p.contract.Platform() {
		return
	}
	p.saw("response.envelope")
	allowed := slices.ContainsFunc(x.verdict.errors, func(name string) bool { return slices.Contains(x.op.Errors, name) })
	if !allowed {
		expected := "an error of the operation's x-errors"
		actual := x.verdict.code + ", which is " + strings.Join(x.verdict.errors, " or ")
		if len(x.verdict.errors) == 0 {
			actual = x.verdict.code + ", which the catalogue does not have"
		}
		p.fail(Finding{
			Check: "response.envelope", Operation: x.op.ID, Expected: expected, Actual: actual,
			SpecPointer: x.op.Pointer() + "/x-errors", Message: "the error is none that this operation may answer",
		})
		return
	}
	for _, name := range x.verdict.errors {
		def, ok := p.contract.Error(name)
		if !ok || len(def.Header) == 0 {
			continue
		}
		p.saw("response.headers")
		for header, want := range def.Header {
			if got := x.header.Get(header); got != want {
				p.fail(Finding{
					Check: "response.headers", Operation: x.op.ID, Expected: header + ": " + want, Actual: orNone(header, got),
					SpecPointer: "#/x-errors/" + name + "/headers", Evidence: def.Evidence, Message: "a header of the error is missing or different",
				})
			}
		}
		break
	}
}

func orNone(header, got string) string {
	if got == "" {
		return "no " + header
	}
	return header + ": " + got
}

// inspectSchema lets the contract judge status, media type and body.
func (p *look) inspectSchema(x *exchange) {
	mediaType := x.header.Get("Content-Type")
	if p.ownErrors(x) {
		mediaType = "application/json" // nobody says what a host has to call it
	}
	p.saw("response.status")
	p.saw("response.media-type")
	p.saw("response.schema")
	err := x.op.CheckAnswer(x.status, mediaType, x.answer)
	if err == nil {
		return
	}
	issues := x.op.ExplainAnswer(x.status, mediaType, x.answer)
	if len(issues) == 0 {
		issues = issuesOf(err)
	}
	for _, issue := range issues {
		f := Finding{
			Check: "response.schema", Operation: x.op.ID, ValuePointer: issue.Pointer,
			SpecPointer: fmt.Sprintf("%s/responses/%d", x.op.Pointer(), x.status),
			Expected:    expectation(issue), Actual: actually(issue, x.answer, x.op.Secret), Message: issue.String(), keyword: string(issue.Rule),
		}
		switch {
		case issue.Pointer == "/status" && issue.Rule == spec.RuleEnum && slices.Equal(issuesOf(err), []spec.Issue{issue}):
			f.Check, f.Actual, f.ValuePointer = "response.status", fmt.Sprintf("%d", x.status), ""
			f.SpecPointer, f.Message = x.op.Pointer()+"/responses", "the operation does not declare this HTTP status"
		case issue.Rule == spec.RuleMediaType:
			f.SpecPointer += "/content"
			f.Check, f.Actual, f.Message = "response.media-type", orNone("Content-Type", mediaType), "the operation does not declare this Content-Type"
		}
		p.fail(f)
	}
}

// knownSecrets are the secrets that the answer to a request must not hold: what
// the request carries, and what never leaves the platform this way.
func (s *suite) knownSecrets(w *wire) []string {
	c := &s.target.Credentials
	out := []string{c.Developer.Secret, c.Host.Secret, c.TP.EncodingAESKey, c.TP.SignToken, w.token}
	for _, p := range w.params {
		if w.op.Secret(p.name) {
			out = append(out, p.text)
		}
	}
	return slices.DeleteFunc(out, func(secret string) bool { return len(secret) < shortest })
}

func (p *look) inspectSecrets(x *exchange, sent []string) {
	p.saw("response.secrets")
	where := func(secret string) string {
		if bytes.Contains(x.whole, []byte(secret)) {
			return "the body"
		}
		for name, values := range x.header {
			if strings.Contains(strings.Join(values, "\n"), secret) {
				return "the header " + name
			}
		}
		return ""
	}
	for _, secret := range sent {
		if place := where(secret); place != "" {
			p.fail(Finding{
				Check: "response.secrets", Operation: x.op.ID, Expected: "no secret of the request or of the account",
				Actual: p.hide.hide(secret) + " in " + place, Message: "the answer repeats a secret",
			})
			return
		}
	}
	p.learn(x)
}

// inspectList looks at what holds for every list of packages.
func (p *look) inspectList(x *exchange) {
	if x.outcome() != Accepted {
		return
	}
	rows, err := p.rows(x.answer)
	if err != nil {
		return // the schema says what is wrong
	}
	p.saw("list.slots")
	p.saw("list.ids")
	slots, ids := map[string]int{}, map[int64]bool{}
	for _, r := range rows {
		if st := p.stateOf(r); st != nil && st.Slot != "" {
			if slots[st.Slot]++; slots[st.Slot] == 2 {
				p.fail(Finding{
					Check: "list.slots", Operation: x.op.ID, ValuePointer: "/data", Expected: "at most one package " + st.Slot,
					Actual: "more than one", SpecPointer: "#/x-lifecycle/package/states", Evidence: st.Evidence,
					Message: "two packages are in the same place of the lifecycle",
				})
			}
		}
		if r.ID != 0 && ids[r.ID] {
			p.fail(Finding{
				Check: "list.ids", Operation: x.op.ID, ValuePointer: "/data/*/package_id", Expected: "each id once", Actual: "twice",
				Message: "two rows have the same package_id",
			})
		}
		ids[r.ID] = true
	}
}
