package contracttest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/swanemu/emu/internal/spec"
)

// A Side is a party to the contract.
type Side string

// The sides of the contract.
const (
	ClientSide Side = "client"
	ServerSide Side = "server"
)

// Sides lists the sides.
func Sides() []Side { return []Side{ClientSide, ServerSide} }

// Passive is the mode of an Observer's report: it sends nothing.
const Passive Mode = "passive"

// ObserverOptions say what to hold traffic against. The zero value holds both
// sides against the platform's own contract.
type ObserverOptions struct {
	// Spec is the OpenAPI document; nil is the platform's own.
	Spec []byte
	// Target names what the traffic is with, for the report.
	Target string
	// Base is the path below which the server has the contract's paths.
	Base string
	// Side is the side that findings are about; "" is both.
	Side Side
	// Known are deviations that are known.
	Known []Deviation
	// Undocumented tells also what the traffic uses that the contract neither
	// has nor forbids.
	Undocumented bool
	// Redacted says that in the traffic names such as $TOKEN stand for
	// secrets: what is wrong with those is no finding.
	Redacted bool
}

// An Observer holds traffic against the contract, one exchange after the other,
// and sends nothing. It may be used by many goroutines.
//
// It promises: what it finds names the side that broke the contract; an
// exchange of which a part is missing is not judged by that part; what follows
// from two exchanges is found only where one had ended before the other began;
// its memory is bounded.
type Observer struct {
	mu sync.Mutex // guards all below
	*judge
	options ObserverOptions
	fields  map[string]map[string]spec.Field
	report  *Report
	results map[tally]*Result
	dropped int // findings of causes that were too many
	lists   *listMemory
}

// A tally is what results are counted by.
type tally struct{ operation, check string }

const (
	// unknownCalls is the operation of what the contract has no operation for.
	unknownCalls = "unknown calls"
	// maxCauses, maxCases and maxSecrets bound what is kept.
	maxCauses  = 500
	maxCases   = 20
	maxSecrets = 2048
)

// NewObserver compiles the contract. The error says what is wrong with it or
// with the options.
func NewObserver(o ObserverOptions) (*Observer, error) {
	if o.Side != "" && !slices.Contains(Sides(), o.Side) {
		return nil, fmt.Errorf("side %q: want client or server", o.Side)
	}
	j, err := newJudge(o.Spec)
	if err != nil {
		return nil, err
	}
	ob := &Observer{
		judge: j, options: o, report: newReport(o.Target, Passive), results: map[tally]*Result{},
		fields: map[string]map[string]spec.Field{}, lists: newListMemory(j.lifecycle),
	}
	for _, op := range j.contract.Operations() {
		ob.fields[op.ID] = map[string]spec.Field{}
		for _, f := range op.Fields() {
			ob.fields[op.ID][f.Name] = f
		}
	}
	return ob, nil
}

// Contract is the contract that traffic is held against.
func (o *Observer) Contract() *spec.Contract { return o.contract }

// Seen is what became of one exchange.
type Seen struct {
	// Number counts the exchanges from 1.
	Number int
	// Operation is the operationId; "" where the contract has none for it.
	Operation string
	Outcome   Outcome
	// Findings are all, New those of a cause that was not seen before.
	Findings, New []Finding
	// Unjudged says what was not judged, and why.
	Unjudged []string

	observer *Observer
	exchange Exchange
}

// String says in a few words what came back, e.g. "refused (HTTP 200,
// errno=40001)".
func (s *Seen) String() string {
	x := &s.exchange
	switch {
	case x.Fault != NoFault:
		return string(x.Fault)
	case x.Code != "":
		return fmt.Sprintf("%s (HTTP %d, %s)", x.Outcome, x.Status, x.Code)
	}
	return fmt.Sprintf("%s (HTTP %d)", x.Outcome, x.Status)
}

// Exchange is what was seen, with names in the place of secrets.
func (s *Seen) Exchange() Exchange {
	s.observer.mu.Lock()
	defer s.observer.mu.Unlock()
	return s.observer.withoutSecrets(s.exchange)
}

// Observe judges one exchange. Its Operation, Outcome and Code are filled in
// here; bodies are as they were before compression.
func (o *Observer) Observe(x Exchange) *Seen {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.report.Requests++
	if len(o.hide.names) > maxSecrets {
		o.hide.forget()
	}
	j := &jotting{Observer: o, x: &x, seen: &Seen{Number: o.report.Requests, observer: o}}
	j.look()
	o.take(j)
	j.seen.Operation, j.seen.Outcome, j.seen.exchange = x.Operation, x.Outcome, x
	return j.seen
}

// Forget lets go of what earlier exchanges said about packages: the server is
// another one now, or was restarted.
func (o *Observer) Forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lists = newListMemory(o.lifecycle)
}

// A jotting is one exchange while it is looked at; it is the notebook of the
// checks.
type jotting struct {
	*Observer
	x    *Exchange
	in   *exchange
	seen *Seen
	// checks are those that put their question.
	checks []string
}

// saw notes that a check's question was put.
func (j *jotting) saw(check string) {
	if !slices.Contains(j.checks, check) {
		j.checks = append(j.checks, check)
	}
}

// fail adds a finding; one that does not say which side it is about is about
// the server.
func (j *jotting) fail(f Finding) {
	j.saw(f.Check)
	if f.Side == "" {
		f.Side = ServerSide
	}
	if j.options.Side != "" && f.Side != j.options.Side || j.replaced(&f) {
		return
	}
	f.Operation, f.Case = cmp.Or(j.x.Operation, unknownCalls), fmt.Sprintf("exchange %d", j.seen.Number)
	f.Message = string(f.Side) + ": " + f.Message
	f.Curl = j.curl()
	j.complete(&f)
	j.seen.Findings = append(j.seen.Findings, f)
}

// replaced reports whether a finding is about a value in whose place a name
// stands.
func (j *jotting) replaced(f *Finding) bool {
	if !j.options.Redacted || f.Check != "response.schema" {
		return false
	}
	text, ok := spec.TextAt(j.x.Answer, f.ValuePointer)
	return ok && isMark(text)
}

// isName reports whether a text of the traffic stands for a secret.
func (j *jotting) isName(text string) bool { return j.options.Redacted && isMark(text) }

// curl writes the exchange for a shell.
func (j *jotting) curl() []string {
	x := j.withoutSecrets(*j.x)
	shown := exchange{
		op: j.in.op, method: x.Method, url: x.URL, contentType: x.Header.Get("Content-Type"), body: x.Body, status: x.Status, verdict: j.in.verdict,
	}
	if x.Fault != NoFault {
		shown.err = errors.New(string(x.Fault))
	}
	return []string{shown.curl(&j.hide), "# " + shown.String()}
}

// unjudged notes that something was not judged.
func (j *jotting) unjudged(format string, args ...any) {
	j.seen.Unjudged = append(j.seen.Unjudged, fmt.Sprintf(format, args...))
}

// look goes through the exchange.
func (j *jotting) look() {
	x := j.x
	x.Operation, x.Outcome, x.Code = "", Crashed, ""
	u, err := url.Parse(x.URL)
	r := &http.Request{Method: x.Method, URL: u, Header: x.Header}
	j.in = &exchange{method: x.Method, url: x.URL, body: x.Body, status: x.Status, header: x.AnswerHeader, answer: x.Answer, verdict: verdict{outcome: Crashed}}
	if x.Header == nil {
		r.Header = http.Header{}
	}
	if x.Fault != NoFault {
		j.in.err = errors.New(string(x.Fault))
	} else {
		j.in.verdict = j.kinds.classify(x.Status, x.Answer)
		x.Outcome, x.Code = j.in.verdict.outcome, j.in.verdict.code
	}
	if err != nil {
		j.unjudged("the URL cannot be read")
		return
	}
	u.Path, u.RawPath = strings.TrimPrefix(u.Path, j.options.Base), strings.TrimPrefix(u.RawPath, j.options.Base)
	m := j.contract.Match(r)
	if m.Operation == nil {
		j.unknown(r, m)
		return
	}
	x.Operation, j.in.op = m.Operation.ID, m.Operation
	if x.Fault == NoFault || x.Fault == BrokenOff {
		j.report.Coverage.add(coveredItem{x.Operation, "outcome", string(x.Outcome), ""})
	}
	j.answer(j.request(r, m))
}

// learnAll takes note of the secrets of the exchange.
func (j *jotting) learnAll(params spec.Params) {
	secret := func(name string) bool { return j.contract.Secret(name) || soundsSecret(name) }
	for _, p := range params {
		if secret(p.Name) && !j.isName(p.Text) {
			j.hide.learn(variable(p.Name), p.Text)
		}
		// A parameter may be JSON that holds some.
		for _, m := range textsWhere([]byte(p.Text), secret) {
			j.hide.learn(variable(m.name), m.text)
		}
	}
	for _, m := range textsWhere(j.x.Answer, secret) {
		if !j.isName(m.text) {
			j.hide.learn(variable(m.name), m.text)
		}
	}
}

// take counts what was looked at, and gathers findings by their causes.
func (o *Observer) take(j *jotting) {
	operation := cmp.Or(j.x.Operation, unknownCalls)
	for _, check := range j.checks {
		o.report.Asked[check]++
		key := tally{operation, check}
		if o.results[key] == nil {
			o.results[key] = &Result{Operation: operation, Check: check, Case: "traffic", Status: Passed}
		}
	}
	for _, f := range j.seen.Findings {
		r := o.results[tally{operation, f.Check}]
		if i := slices.IndexFunc(o.options.Known, func(d Deviation) bool { return d.covers(&f) }); i >= 0 {
			o.report.Known, _ = o.gather(o.report.Known, f)
			if r.Status == Passed {
				r.Status = Deviates
			}
			continue
		}
		r.Status = Failed
		var fresh bool
		if o.report.Causes, fresh = o.gather(o.report.Causes, f); fresh {
			j.seen.New = append(j.seen.New, f)
		}
		if fresh && len(r.Findings) < maxCases {
			r.Findings = append(r.Findings, f)
		}
	}
}

// gather is the function of that name with bounds; it says whether the cause is
// a new one.
func (o *Observer) gather(causes []Cause, f Finding) ([]Cause, bool) {
	i := slices.IndexFunc(causes, func(c Cause) bool { return c.cause() == f.cause() })
	if i < 0 && len(causes) == maxCauses {
		o.dropped++
		return causes, false
	}
	out := gather(causes, f)
	c := &out[max(i, 0)]
	if i < 0 {
		c = &out[len(out)-1]
	}
	c.Cases = c.Cases[:min(len(c.Cases), maxCases)]
	return out, i < 0
}

// Dropped is how many findings were not kept because there were too many
// causes.
func (o *Observer) Dropped() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dropped
}

// Report is what was found so far: a result for each operation and check. An
// operation that no exchange was for counts as not run.
func (o *Observer) Report() *Report {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := newReport(o.report.Target, Passive)
	r.Requests = o.report.Requests
	r.Causes, r.Known = slices.Clone(o.report.Causes), slices.Clone(o.report.Known)
	maps.Copy(r.Asked, o.report.Asked)
	for id, outcomes := range o.report.Coverage.Outcomes {
		r.Coverage.Outcomes[id] = maps.Clone(outcomes)
	}
	ids := []string{}
	for _, op := range o.contract.Operations() {
		ids = append(ids, op.ID)
	}
	for _, id := range append(ids, unknownCalls) {
		before := len(r.Results)
		for _, c := range Checks() {
			if result := o.results[tally{id, c.ID}]; result != nil {
				r.Results = append(r.Results, *result)
			}
		}
		if len(r.Results) == before && id != unknownCalls {
			r.Results = append(r.Results, Result{
				Operation: id, Check: "response.delivered", Case: "traffic", Status: NotRun, Reason: "not seen in the traffic",
			})
		}
	}
	slices.SortStableFunc(r.Causes, func(a, b Cause) int { return cmp.Compare(order(a.Check), order(b.Check)) })
	return r
}

// Unseen are the operations that no exchange was for, sorted as the contract
// has them.
func (o *Observer) Unseen() []string {
	var out []string
	for _, r := range o.Report().Results {
		if r.Status == NotRun {
			out = append(out, r.Operation)
		}
	}
	return out
}
