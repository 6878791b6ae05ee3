package emulator

import (
	"errors"
	"fmt"
	"sync"

	emu "github.com/swanemu/emu"
	"github.com/swanemu/emu/internal/spec"
)

// A program is everything that follows from a contract: routes and checks,
// behaviours, wire forms, lifecycles. It never changes; another contract is
// another program.
type program struct {
	// source is the document as it was written.
	source   []byte
	contract *spec.Contract
	table    table
	wire     *wire
	packages *machine
	// payOrders and payRefunds are the lifecycles of orders and refunds.
	payOrders, payRefunds *machine
	// meters count the calls, by operationId; "" is for those of no operation.
	meters map[string]*operationMeter
}

// ownContract is the platform's own contract, compiled once for all emulators of
// a process: it never changes. A test validates the document; there is no need
// to at each start.
var ownContract = sync.OnceValues(func() (*spec.Contract, error) {
	return spec.Load(emu.OpenAPI, spec.LoadOptions{Name: "openapi.yaml", Verified: true})
})

// newProgram compiles a document; nil is the platform's own. name is what
// errors call it.
func newProgram(source []byte, name string) (p *program, err error) {
	p = &program{source: source, table: table{}, wire: &wire{}, packages: &machine{}, payOrders: &machine{}, payRefunds: &machine{}}
	if source == nil {
		p.source = emu.OpenAPI
		p.contract, err = ownContract()
	} else {
		p.contract, err = spec.Load(source, spec.LoadOptions{Name: name})
	}
	if err != nil || !p.contract.Platform() {
		return p, err
	}
	if p.table, err = newTable(p.contract, platformBehaviours()); err != nil {
		return nil, err
	}
	if p.wire, err = newWire(p.contract); err != nil {
		return nil, err
	}
	for _, l := range []struct {
		resource string
		to       **machine
		gates    map[string]gate
		steps    []decided
	}{
		{"package", &p.packages, packageGates(), nil},
		{"order", &p.payOrders, nil, orderSteps()},
		{"refund", &p.payRefunds, refundGates(), refundSteps()},
	} {
		lifecycle, ok := p.contract.Lifecycle(l.resource)
		if !ok {
			return nil, fmt.Errorf("the contract has no x-lifecycle/%s", l.resource)
		}
		if *l.to, err = newMachine(lifecycle, l.gates, l.steps...); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// check says what of a state the contract does not know.
func (p *program) check(st *State) error {
	return errors.Join(st.check(p.packages), st.checkPayments(p), st.checkFaults(p))
}

// config is what options and the contract say for a sandbox.
func (p *program) config(o *Options, sandbox string) Config {
	topic := o.Topic
	if sandbox != DefaultSandbox {
		topic += "." + sandbox
	}
	c := paymentDefaults(messageDefaults(loginDefaults()))
	c.Upload, c.Audit, c.Rollback, c.Manual = o.Delays.Upload, o.Delays.Audit, o.Delays.Rollback, o.Manual
	c.TokenTTL, c.AuditQuota, c.PushPlain = o.TokenTTL, o.AuditQuota, o.PushPlain
	c.PushAttempts, c.StrictEvidence, c.Topic = o.PushAttempts, o.StrictEvidence, topic
	c.UserDataPadding, c.UserAnswer = userDataPadding, AnswerAgree
	if l := p.payRefunds; l.lifecycle != nil {
		c.Refund = l.decided(timerRefund, outcomePass, "", refundRefunding).After
	}
	if l := p.packages.lifecycle; l != nil {
		for i := range l.Transitions {
			t := &l.Transitions[i]
			switch {
			case t.Decision == timerUpload && c.Upload == 0:
				c.Upload = t.After
			case t.Decision == timerAudit && c.Audit == 0:
				c.Audit = t.After
			case t.Decision == timerRollback && c.Rollback == 0:
				c.Rollback = t.After
			}
		}
	}
	return c
}
