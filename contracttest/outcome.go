package contracttest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/swanemu/emu/internal/spec"
)

// An Outcome is what became of a request, whatever its HTTP status says: the
// platform answers most errors with 200.
type Outcome string

// The outcomes of an exchange.
const (
	Accepted        Outcome = "accepted"
	Refused         Outcome = "refused"
	Unauthenticated Outcome = "unauthenticated"
	Throttled       Outcome = "throttled"
	// Crashed is no answer, half an answer, or one that says the server is at
	// fault.
	Crashed Outcome = "crashed"
)

// A classifier tells outcomes apart by the contract's envelopes and catalogue
// of errors.
type classifier struct {
	contract *spec.Contract
	// byCode holds the errors of the catalogue by the member that tells them
	// and its value, e.g. `errno=40001`.
	byCode map[string][]string
	// stage names the stages of the pipeline that refuse with an error.
	stage map[string][]string
}

// codes are the members that tell errors, the first that is there counts.
func codes() []string { return []string{"error_code", "error", "errno"} }

// throttles are the errors of the catalogue that say: not so fast.
func throttles() []string { return []string{"RequestLimitReached", "CallLimitReached"} }

// newClassifier reads the catalogue.
func newClassifier(c *spec.Contract) *classifier {
	k := &classifier{contract: c, byCode: map[string][]string{}, stage: map[string][]string{}}
	for _, def := range c.Errors() {
		for _, code := range codes() {
			i := slices.IndexFunc(def.Body, func(m spec.Member) bool { return m.Name == code })
			if i < 0 {
				continue
			}
			key := code + "=" + string(bytes.TrimSpace(def.Body[i].Value))
			k.byCode[key] = append(k.byCode[key], def.Name)
			break
		}
	}
	for _, name := range c.Envelopes() {
		env, ok := c.Envelope(name)
		if !ok {
			continue
		}
		for stage, refusal := range env.Refusals {
			if !slices.Contains(k.stage[refusal], stage) {
				k.stage[refusal] = append(k.stage[refusal], stage)
			}
		}
	}
	return k
}

// A verdict is an outcome and what it was read from.
type verdict struct {
	outcome Outcome
	// code is the member and value that told it, e.g. "errno=40001".
	code string
	// errors are the catalogue's entries with that code.
	errors []string
}

// classify reads an answer. A body that is no JSON object is judged by its
// status alone. Where the catalogue has a code more than once, the operation's
// own errors count.
func (k *classifier) classify(op *spec.Operation, status int, body []byte) verdict {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return verdict{outcome: byStatus(status)}
	}
	for _, name := range codes() {
		raw, ok := members[name]
		if !ok {
			continue
		}
		code := string(bytes.TrimSpace(raw))
		if name == "errno" && (code == "0" || code == `"0"`) {
			break
		}
		v := verdict{code: name + "=" + code}
		v.errors = k.errors(op, v.code)
		v.outcome = k.of(v.errors)
		switch {
		case status >= http.StatusInternalServerError:
			v.outcome = Crashed
		case status == http.StatusTooManyRequests:
			v.outcome = Throttled
		case status == http.StatusUnauthorized && v.outcome == Refused:
			v.outcome = Unauthenticated
		}
		return v
	}
	if status >= http.StatusBadRequest {
		return verdict{outcome: byStatus(status)}
	}
	return verdict{outcome: Accepted}
}

// errors are the catalogue's entries with a code: those that the operation may
// answer, or all where it may answer none of them.
func (k *classifier) errors(op *spec.Operation, code string) []string {
	all := k.byCode[code]
	if op == nil {
		return all
	}
	own := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !slices.Contains(op.Errors, name) })
	if len(own) == 0 {
		return all
	}
	return own
}

// of is the outcome of errors of the catalogue; none is a refusal of which
// nothing is known.
func (k *classifier) of(names []string) Outcome {
	for _, name := range names {
		stages := k.stage[name]
		switch {
		case slices.Contains(throttles(), name):
			return Throttled
		case slices.Contains(stages, "unauthenticated"), slices.Contains(stages, "expired"):
			return Unauthenticated
		case slices.Contains(stages, "internal"), slices.Contains(stages, "unavailable"):
			return Crashed
		}
	}
	return Refused
}

// byStatus is the outcome where the body says nothing.
func byStatus(status int) Outcome {
	switch {
	case status == http.StatusTooManyRequests:
		return Throttled
	case status == http.StatusUnauthorized:
		return Unauthenticated
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		return Refused
	case status >= http.StatusOK && status < http.StatusMultipleChoices:
		return Accepted
	}
	return Crashed
}
