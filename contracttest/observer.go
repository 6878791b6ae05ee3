package contracttest

import (
	"cmp"
	"errors"
	"fmt"
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
	// SpecName is what reports call it; "" is openapi.yaml.
	SpecName string
	// Target names what the traffic is with, for the report.
	Target string
	// Base is the path below which the server has the contract's paths.
	Base string
	// Ignore are beginnings of paths of which nothing is said: they are not the
	// contract's.
	Ignore []string
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
	maxCauses  = 2000
	maxCases   = 20
	maxSecrets = 2048
)

// NewObserver compiles the contract. The error says what is wrong with it or
// with the options.
func NewObserver(o ObserverOptions) (*Observer, error) {
	if o.Side != "" && !slices.Contains(Sides(), o.Side) {
		return nil, fmt.Errorf("side %q: want client or server", o.Side)
	}
	j, err := newJudge(o.Spec, o.SpecName)
	if err != nil {
		return nil, err
	}
	ob := &Observer{
		judge: j, options: o, report: newReport(o.Target, Passive, j), results: map[tally]*Result{},
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
	// Ignored says that nothing is said about it, and it does not count.
	Ignored bool
	// Operation is the operationId; "" where the contract has none for it.
	Operation string
	// Call names it for people: the method with the operationId, or with the
	// path.
	Call    string
	Outcome Outcome
	// Findings are those to act on, New the ones among them whose cause was
	// not seen before; Known those that a known deviation covers.
	Findings, New, Known []Finding
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

// Text describes the findings of new causes for people, over some lines each.
func (s *Seen) Text() string { return describe(s.New) }

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
	if o.ignores(x.URL) {
		return &Seen{Ignored: true, observer: o, exchange: x}
	}
	o.report.Requests++
	if len(o.hide.names) > maxSecrets {
		o.hide.forget()
	}
	j := &jotting{Observer: o, x: &x, seen: &Seen{Number: o.report.Requests, observer: o}}
	j.look()
	o.take(j)
	j.seen.Operation, j.seen.Outcome, j.seen.exchange = x.Operation, x.Outcome, x
	j.seen.Call = o.hide.hide(x.Method + " " + cmp.Or(x.Operation, j.path))
	return j.seen
}

// ignores reports whether nothing is to be said about a URL.
func (o *Observer) ignores(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	path := strings.TrimPrefix(u.Path, o.options.Base)
	return slices.ContainsFunc(o.options.Ignore, func(p string) bool { return strings.HasPrefix(path, p) })
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
	// path is the request's, without what may be a secret in it.
	path string
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
	f.In = f.Operation + "/" + f.Check + "/" + f.Case
	f.CaseID = CaseID(f.In)
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
	x := j.withNames(*j.x, j.hide.hide)
	shown := exchange{op: j.in.op, status: x.Status, verdict: j.in.verdict}
	c := command{method: x.Method, url: x.URL, contentType: x.Header.Get("Content-Type"), body: string(x.Body)}
	if x.Fault != NoFault {
		shown.err = errors.New(string(x.Fault))
	}
	return []string{c.curl(j.hide.shell), "# " + shown.String()}
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
	j.in.whole = x.Answer
	if x.Fault != NoFault {
		j.in.err = errors.New(string(x.Fault))
	} else {
		j.in.verdict = j.kinds.classify(nil, x.Status, x.Answer)
		x.Outcome, x.Code = j.in.verdict.outcome, j.in.verdict.code
	}
	if err != nil {
		j.unjudged("the URL cannot be read")
		return
	}
	u.Path, u.RawPath = strings.TrimPrefix(u.Path, j.options.Base), strings.TrimPrefix(u.RawPath, j.options.Base)
	j.path = withoutNumbers(u.Path)
	m := j.contract.Match(r)
	if m.Operation == nil {
		j.unknown(r, m)
		return
	}
	x.Operation, j.in.op = m.Operation.ID, m.Operation
	if m.Operation.Envelope == hostEnvelope {
		// Traffic does not say what the host's getAuthorizeKeyPath is.
		j.in.keyPath = onlyMember(x.Answer)
		j.in.answer = j.in.below(x.Answer)
	}
	if x.Fault == NoFault {
		j.in.verdict = j.kinds.classify(m.Operation, x.Status, j.in.answer)
		x.Outcome, x.Code = j.in.verdict.outcome, j.in.verdict.code
	}
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
