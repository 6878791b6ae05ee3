package contracttest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// A probe is one case while it runs: it sends, notes and finds.
type probe struct {
	*suite
	work *work
	// chain is what was done, for whoever wants to see a finding again.
	chain []link
	found []Finding
	// seen holds the checks whose question was put.
	seen map[string]bool
	// dropped says why the case turned out to be none.
	dropped string
	// samples says which samples a step that must be accepted would need.
	samples string
	// asClient is the principal for whom a client-credentials token is issued,
	// where it is not the host.
	asClient string
	covered  []coveredItem
	// silence says that a request was not answered in time.
	silence bool
	hits    []item
}

// saw notes that a check's question was put, whatever the answer.
func (p *probe) saw(check string) { p.seen[check] = true }

// note adds what the harness did to the chain.
func (p *probe) note(format string, args ...any) {
	p.chain = append(p.chain, link{note: fmt.Sprintf(format, args...)})
}

// fail adds a finding. What is the same for every finding of the case is filled
// in.
func (p *probe) fail(f Finding) {
	if f.Check == "" {
		f.Check = p.work.check
	}
	p.saw(f.Check)
	if !p.reports(f.Check) {
		return
	}
	if f.Operation == "" {
		f.Operation = p.work.operation
	}
	f.Case, f.In = p.work.name, p.work.fullName()
	f.CaseID = CaseID(f.In)
	p.complete(&f)
	f.Curl, f.links = p.script(), len(p.chain)
	p.found = append(p.found, f)
}

// call sends a request and looks at the answer in passing.
func (p *probe) call(ctx context.Context, w *wire) (*exchange, error) {
	return p.exchange(ctx, w, false)
}

// exchange is call; undocumented is a request by a method that the contract
// does not have.
func (p *probe) exchange(ctx context.Context, w *wire, undocumented bool) (*exchange, error) {
	x := &exchange{op: w.op, undocumented: undocumented, work: p.work}
	if w.op.Envelope == hostEnvelope {
		x.keyPath = p.target.Credentials.HostApp.KeyPath
		for name, value := range w.header {
			p.hide.learn("HOST_"+variable(name), value) // it is what the host knows its user by
		}
	}
	if w.token != noToken {
		p.hide.learn("TOKEN", w.token)
	}
	for _, param := range w.params {
		if w.op.Secret(param.name) && param.text != wrongSecret {
			p.hide.learn(variable(param.name), param.text)
		}
	}
	known := p.knownSecrets(w)
	p.chain = append(p.chain, p.ordered()...)
	err := p.mail.send(ctx, p.kinds, x, func() (*http.Request, []byte, error) { return w.request(ctx, p.target.URL) })
	if err != nil {
		return nil, err
	}
	p.report.Requests++
	p.silence = p.silence || errors.Is(x.err, context.DeadlineExceeded)
	p.chain = append(p.chain, link{exchange: x})
	if !undocumented {
		p.cover(w.op.ID, "outcome", string(x.outcome()), "")
		p.hitExchange(w, x)
	}
	(&look{p.judge, p}).inspect(x, known)
	return x, nil
}

// variable is the name of a shell variable for a parameter.
func variable(name string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, name))
}

// expect holds an exchange against the outcomes that are right; anything else
// is a finding, which it reports.
func (p *probe) expect(x *exchange, f Finding, right ...Outcome) bool {
	if f.Check == "" {
		f.Check = p.work.check
	}
	p.saw(f.Check)
	words := make([]string, len(right))
	for i, o := range right {
		if o == x.outcome() {
			return true
		}
		words[i] = string(o)
	}
	if x.outcome() == Crashed {
		return false // response.delivered has it
	}
	if x.outcome() == Throttled {
		p.dropped = "throttled, over and over"
		return false
	}
	f.Expected, f.Actual = strings.Join(words, " or "), x.String()
	p.fail(f)
	return false
}

// cover counts what was put to the test.
func (p *probe) cover(operation, kind, what, keyword string) {
	p.covered = append(p.covered, coveredItem{operation, kind, what, keyword})
}

// coveredItem is one count of the coverage.
type coveredItem struct{ operation, kind, what, keyword string }
