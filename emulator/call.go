package emulator

import (
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// The kinds of a Principal.
const (
	PrincipalDeveloper  = "developer"  // a mini program's own AppKey
	PrincipalTP         = "tp"         // a third-party platform
	PrincipalAuthorizer = "authorizer" // a third-party platform on behalf of an app
	PrincipalHost       = "host"       // a member of the alliance
)

// A Principal is who holds a token.
type Principal struct {
	// Kind is one of the Principal constants; "" is nobody.
	Kind string `json:"kind"`
	// App is the app_id of a developer and of an authorizer.
	App int64 `json:"app_id,omitempty"`
	// TP is the id of a TP and of the one behind an authorizer.
	TP int64 `json:"tp_id,omitempty"`
	// Host is the officalNo of an alliance member.
	Host int64 `json:"offical_no,omitempty"`
}

// A Call is one authenticated, valid request as a behaviour sees it, or a
// timer that fell due. Everything it decides comes from here: the state, the
// time and the random source are given.
type Call struct {
	// Principal is who calls; its Kind is "" for timers and public calls.
	Principal Principal
	// Now is the sandbox's time.
	Now time.Time
	// State is the sandbox's state, to read and to change.
	State *State

	box   *Sandbox
	cause int64
	// trace is what the events carry on that this call emits; nil for none.
	trace *Trace
	// evidence is the least certain thing that the answer rests on so far.
	evidence spec.Evidence
	// reply is what the host has said that was asked before; nil where none
	// was.
	reply *hostReply
	// exchange is the request; nil where nobody calls.
	exchange *Exchange
	// mediaType is what a behaviour answers with where it is no JSON.
	mediaType string
}

// machine is the lifecycle of packages.
func (c *Call) machine() *machine { return c.program().packages }

// program is what the contract says; it stays the same while the sandbox is
// locked.
func (c *Call) program() *program { return c.box.em.program() }

// base is where the caller reached the platform, e.g. http://127.0.0.1:8080; ""
// where nobody calls.
func (c *Call) base() string {
	switch x := c.exchange; {
	case x == nil:
		return ""
	case x.https:
		return "https://" + x.host
	default:
		return "http://" + x.host
	}
}

// draw returns the random source for one purpose of this input.
func (c *Call) draw(purpose string) random { return c.State.draw(purpose, c.State.Inputs) }

// record writes to the journal, with this call as the cause.
func (c *Call) record(kind string, d Detail) int64 {
	return c.box.journal.append(c.Now, c.cause, kind, d)
}

// after sets a timer.
func (c *Call) after(d time.Duration, t Timer) int64 {
	c.State.LastTimer++
	t.ID, t.Cause = c.State.LastTimer, c.cause
	if t.Kind != timerTicket { // tickets come by themselves, for ever
		t.Trace = c.trace
	}
	t.Due = c.Now.Add(max(d, 0)).UnixNano()
	c.State.Timers.add(t)
	return t.ID
}

// None is the result of a call that answers without data.
type None struct{}

// encoded is a result that is a whole answer already, envelope included.
type encoded []byte

// A behaviour is what the emulator does for one call of a contract.
type behaviour struct {
	call string // operationId
	// changes says that it may change the state, so that it is logged first.
	changes bool
	// complete says that its results leave out properties that the contract
	// requires, so that they are completed from the contract.
	complete bool
	none     bool
	// asks says what a host has to be asked before the call is applied; nil
	// is nothing. It must not change the state.
	asks func(*Call, spec.Params) *hostQuestion
	// run returns the whole answer of a success, in its envelope.
	run func(*Call, spec.Params, *successForm) ([]byte, error)
	// lacks says whether the results leave out what an operation requires.
	lacks func(op *spec.Operation, data string) bool
}
