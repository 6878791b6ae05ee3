package emulator

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// Faults: counted interferences with calls and deliveries, scripted ahead.
// What a fault does to a call is decided in the sandbox and journaled; how it
// looks on the wire (a reset, half a body) is the pipeline's. What it does to a
// delivery is part of the event, so that a restart and a replay do the same.

// What a Fault interferes with.
const (
	FaultOnCall  = "call"
	FaultOnPush  = "push"
	FaultOnKafka = "kafka"
	// FaultOnNotify is for notifications to merchants.
	FaultOnNotify = "notify"
)

// What a Fault does.
const (
	FaultLatency   = "latency"    // call: the answer comes later
	FaultReset     = "reset"      // call: the connection is reset
	FaultTruncate  = "truncate"   // call: half of the answer comes
	FaultMalformed = "malformed"  // call: the answer is no JSON
	FaultStatus    = "status"     // call: an HTTP status of something in between
	FaultRefuse    = "refuse"     // call: an error of the catalogue
	FaultRateLimit = "rate_limit" // call: the gateway's limit

	FaultDrop           = "drop"            // all that is sent: it never is
	FaultDelay          = "delay"           // all that is sent: it is later
	FaultDuplicate      = "duplicate"       // all that is sent: it is twice
	FaultReorder        = "reorder"         // all that is sent: the app's next one to the same receiver overtakes it
	FaultWrongSignature = "wrong_signature" // push, notify: the first attempt's signature is wrong
	FaultStaleTimestamp = "stale_timestamp" // push: the first attempt's time is old
	FaultTimeout        = "timeout"         // push, notify: the answer to the first attempt is lost
)

// rateLimitRefusal is the contract's error for FaultRateLimit.
const rateLimitRefusal = "RequestLimitReached"

// A Fault interferes with what it matches, a counted number of times.
type Fault struct {
	ID int64 `json:"id"`
	// On is FaultOnCall, FaultOnPush, FaultOnKafka or FaultOnNotify; Do is what
	// it does.
	On string `json:"on"`
	Do string `json:"do"`
	// Operation (an operationId), Event (a name of x-events), Transition (the
	// step of the lifecycle that emits an event) and App narrow what it
	// matches; empty, they match all. An operationId stands for the call by
	// whatever method, that of another method of a call for that one alone.
	Operation  string `json:"operation,omitempty"`
	Event      string `json:"event,omitempty"`
	Transition string `json:"transition,omitempty"`
	App        int64  `json:"app_id,omitempty"`
	// Nth is the first match that it hits, from 1; what another fault hits
	// counts too. Times is how many it hits; -1: all that follow.
	Nth   int `json:"nth"`
	Times int `json:"times"`
	// Delay is a latency or a delay, for FaultReorder the longest that the
	// event is held back (0 is a minute), for FaultStaleTimestamp how old it
	// says it is (0 is an hour). DelayMax, if it is longer, is the longest: the
	// length is then drawn by Distribution (uniform, normal, exponential).
	Delay        time.Duration `json:"delay,omitempty"`
	DelayMax     time.Duration `json:"delay_max,omitempty"`
	Distribution string        `json:"distribution,omitempty"`
	// Status is the HTTP status, for FaultStatus.
	Status int `json:"status,omitempty"`
	// Error is a name of the contract's x-errors, for FaultRefuse.
	Error string `json:"error,omitempty"`
	// Applied lets the call take effect although its caller is told otherwise.
	Applied bool `json:"applied,omitempty"`
	// Matched and Hits count so far.
	Matched int `json:"matched"`
	Hits    int `json:"hits"`
}

// faultTarget is what a fault may match.
type faultTarget struct {
	On         string `json:"on"`
	Operation  string `json:"operation,omitempty"`
	Alias      string `json:"alias,omitempty"` // its operationId, where the call is another's
	Event      string `json:"event,omitempty"`
	Transition string `json:"transition,omitempty"`
	App        int64  `json:"app_id,omitempty"`
	// overtakes says that it is an event for which another is held back.
	overtakes bool
}

func (f *Fault) matches(t faultTarget) bool {
	return f.On == t.On && (f.Operation == "" || f.Operation == t.Operation || f.Operation == t.Alias) &&
		(f.Event == "" || f.Event == t.Event) && (f.Transition == "" || f.Transition == t.Transition) &&
		(f.App == 0 || f.App == t.App)
}

func (f *Fault) spent() bool { return f.Times >= 0 && f.Hits >= f.Times }

// faultFor counts a match with every fault that is not spent and returns the
// first that hits, or nil.
func (s *State) faultFor(t faultTarget) (hit *Fault) {
	for _, f := range s.Faults {
		if f.spent() || !f.matches(t) {
			continue
		}
		f.Matched++
		if hit != nil || f.Matched < f.Nth || f.Do == FaultReorder && t.overtakes {
			continue
		}
		f.Hits++
		hit = f
	}
	return hit
}

// length is how long a fault's latency or delay takes this time.
func (f *Fault) length(s *State) time.Duration {
	spread := float64(f.DelayMax - f.Delay)
	if spread <= 0 {
		return f.Delay
	}
	r := s.draw("fault", f.ID<<32|int64(f.Hits))
	at := r.Float64()
	switch f.Distribution {
	case "normal":
		at = min(max(0.5+r.NormFloat64()/6, 0), 1)
	case "exponential":
		at = min(-math.Log(1-at)/5, 1)
	}
	return f.Delay + time.Duration(at*spread)
}

// A FaultDetail is a fault at work.
type FaultDetail struct {
	ID     int64  `json:"id"`
	On     string `json:"on"`
	Do     string `json:"do"`
	Target string `json:"target"`
	Length string `json:"length,omitempty"`
}

func (*FaultDetail) journalDetail() {}

// interfereLocked counts a call against the faults on calls and notes on the
// exchange what is to happen to it. It is an input of its own, because a call
// that changes nothing may use up a fault.
func (s *Sandbox) interfereLocked(x *Exchange, now time.Time) (*Fault, error) {
	if len(s.state.Faults) == 0 || s.closed {
		return nil, nil
	}
	t := faultTarget{On: FaultOnCall, Operation: x.op.Call(), App: s.state.appOf(x, now)}
	if x.op.ID != t.Operation {
		t.Alias = x.op.ID
	}
	if !slices.ContainsFunc(s.state.Faults, func(f *Fault) bool { return !f.spent() && f.matches(t) }) {
		return nil, nil
	}
	if err := s.logLocked(input{At: now.UnixNano(), Fault: &t}); err != nil {
		return nil, err
	}
	f := s.state.faultFor(t)
	if f == nil {
		return nil, nil
	}
	d := &FaultDetail{ID: f.ID, On: f.On, Do: f.Do, Target: x.op.ID}
	x.fault = f.Do
	if f.Do == FaultLatency {
		x.hold = f.length(s.state)
		d.Length = x.hold.String()
	}
	s.journal.append(now, 0, KindFault, d)
	return f, nil
}

// appOf is the app that a call is about: the caller's, or the one that the
// call names.
func (s *State) appOf(x *Exchange, now time.Time) int64 {
	p, _ := s.principal(x.params.Text(x.op.TokenParam), now)
	if p.App != 0 {
		return p.App
	}
	named, _ := x.params.Get("app_id")
	if id, err := strconv.ParseInt(named.Text+string(named.JSON), 10, 64); err == nil {
		return id
	}
	id := s.keys[x.params.Text("client_id")]
	if s.Apps[id] == nil {
		return 0
	}
	return id
}

// spoil gives an exchange the answer that a fault has for it; body and status
// are what they were if the call took effect. What only mangles the bytes is
// seen to when they are written, so that the journal has the answer itself.
func (e *Emulator) spoil(x *Exchange, f *Fault) {
	switch f.Do {
	case FaultRefuse, FaultRateLimit:
		name := f.Error
		if f.Do == FaultRateLimit {
			name = rateLimitRefusal
		}
		// What was asked for need not be in the operation's contract.
		env, _ := x.program.contract.Envelope(x.op.Envelope)
		x.answer = nil
		e.refuse(x, env, &Refusal{Name: name})
		x.body = x.frame.below(x.frame.around(x.body))
	case FaultStatus:
		text := strings.TrimSpace(fmt.Sprintf("%d %s", f.Status, http.StatusText(f.Status)))
		x.status, x.outcome, x.body = f.Status, "fault", nil
		if f.Status != http.StatusNoContent && f.Status != http.StatusNotModified {
			x.body = fmt.Appendf(nil, "<html><head><title>%s</title></head><body><h1>%s</h1></body></html>\n", text, text)
		}
		x.answer = &spec.Answer{Status: f.Status, MediaType: "text/html; charset=utf-8"}
	case FaultReset:
		x.status, x.outcome, x.body = 0, "fault", nil
	}
}

// replaces says whether the call has no effect because of the fault.
func (f *Fault) replaces() bool {
	switch f.Do {
	case FaultReset, FaultStatus, FaultRefuse, FaultRateLimit:
		return !f.Applied
	}
	return false
}

// disturb counts an event against the faults on deliveries and notes on it
// what is to happen. It reports whether the outbox takes charge of it now.
func (c *Call) disturb(e *Event, transition string) bool {
	if len(c.State.Faults) == 0 {
		return true
	}
	f := c.State.faultFor(faultTarget{
		On: e.Channel, Event: e.Name, Transition: transition, App: e.App, overtakes: len(c.State.heldFor(e)) > 0,
	})
	if f == nil {
		return true
	}
	d := &FaultDetail{ID: f.ID, On: f.On, Do: f.Do, Target: e.Name}
	defer func() { c.box.journal.append(c.Now, e.Cause, KindFault, d) }()
	switch f.Do {
	case FaultDrop:
		e.Status, e.Error = eventFailed, fmt.Sprintf("dropped by fault %d", f.ID)
		return false
	case FaultDelay:
		wait := f.length(c.State)
		d.Length = wait.String()
		c.attemptAfter(wait, e)
		return false
	case FaultReorder:
		// Without a successor it goes out after a while all the same.
		wait := f.length(c.State)
		if wait == 0 {
			wait = time.Minute
		}
		c.attemptAfter(wait, e)
		c.State.Held = append(c.State.Held, e.ID)
		return false
	case FaultDuplicate:
		e.Copies++
	default:
		e.Spoil, e.SpoilBy = f.Do, f.length(c.State)
	}
	return true
}

// heldFor lists what is held back until an event has overtaken it.
func (s *State) heldFor(next *Event) (ids []int64) {
	for _, id := range s.Held {
		held := s.event(id)
		if held != nil && held != next && held.Channel == next.Channel && held.App == next.App &&
			held.TP == next.TP && held.Deal == next.Deal {
			ids = append(ids, id)
		}
	}
	return ids
}

// release lets go of what the event, which is on its way, was to overtake.
func (c *Call) release(next *Event) {
	for _, id := range c.State.heldFor(next) {
		c.State.Timers.drop(func(t Timer) bool { return t.attempts(id) })
		c.box.owedLocked(c.Now, id)
	}
}
