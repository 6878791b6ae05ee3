package emulator

import (
	"fmt"
	"math"
	"net/http"
	"slices"
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

	FaultDrop           = "drop"            // push, kafka: it is never sent
	FaultDelay          = "delay"           // push, kafka: it is sent later
	FaultDuplicate      = "duplicate"       // push, kafka: it is sent twice
	FaultReorder        = "reorder"         // push, kafka: the next one of the app overtakes it
	FaultWrongSignature = "wrong_signature" // push: the first attempt's signature is wrong
	FaultStaleTimestamp = "stale_timestamp" // push: the first attempt's time is old
	FaultTimeout        = "timeout"         // push: the answer to the first attempt is lost
)

// A Fault interferes with what it matches, a counted number of times.
type Fault struct {
	ID int64 `json:"id"`
	// On is FaultOnCall, FaultOnPush or FaultOnKafka; Do is what it does.
	On string `json:"on"`
	Do string `json:"do"`
	// Operation (an operationId), Event (a name of x-events), Transition (the
	// step of the lifecycle that emits an event) and App narrow what it
	// matches; empty, they match all.
	Operation  string `json:"operation,omitempty"`
	Event      string `json:"event,omitempty"`
	Transition string `json:"transition,omitempty"`
	App        int64  `json:"app_id,omitempty"`
	// Nth is the first match that it hits, from 1. Times is how many it hits;
	// -1: all that follow.
	Nth   int `json:"nth"`
	Times int `json:"times"`
	// Delay is a latency or a delay; DelayMax, if it is longer, the longest:
	// the length is then drawn by Distribution (uniform, normal, exponential).
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
	Event      string `json:"event,omitempty"`
	Transition string `json:"transition,omitempty"`
	App        int64  `json:"app_id,omitempty"`
}

func (f *Fault) matches(t faultTarget) bool {
	return f.On == t.On && (f.Operation == "" || f.Operation == t.Operation) && (f.Event == "" || f.Event == t.Event) &&
		(f.Transition == "" || f.Transition == t.Transition) && (f.App == 0 || f.App == t.App)
}

func (f *Fault) spent() bool { return f.Times >= 0 && f.Hits >= f.Times }

// faultFor counts a match and returns the fault that hits, or nil.
func (s *State) faultFor(t faultTarget) *Fault {
	for _, f := range s.Faults {
		if f.spent() || !f.matches(t) {
			continue
		}
		f.Matched++
		if f.Matched >= f.Nth {
			f.Hits++
			return f
		}
	}
	return nil
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
	if len(s.state.Faults) == 0 {
		return nil, nil
	}
	p, _ := s.state.principal(x.params.Text(x.op.TokenParam), now)
	t := faultTarget{On: FaultOnCall, Operation: x.op.Call(), App: p.App}
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

// spoil gives an exchange the answer that a fault has for it; body and status
// are what they were if the call took effect.
func (e *Emulator) spoil(x *Exchange, f *Fault, now time.Time) {
	switch f.Do {
	case FaultRefuse, FaultRateLimit:
		name := f.Error
		if f.Do == FaultRateLimit {
			name = "RequestLimitReached"
		}
		e.answer(x, nil, nil, &Refusal{Name: name}, now)
	case FaultStatus:
		text := http.StatusText(f.Status)
		x.status, x.outcome = f.Status, "fault"
		x.body = fmt.Appendf(nil, "<html><head><title>%d %s</title></head><body><h1>%d %s</h1></body></html>\n", f.Status, text, f.Status, text)
		x.answer = &spec.Answer{Status: f.Status, MediaType: "text/html; charset=utf-8"}
	case FaultReset:
		x.outcome = "fault"
	case FaultMalformed:
		x.outcome = "fault"
		x.body = append(slices.Clone(x.body[:len(x.body)/2]), "\xff}{<"...)
	case FaultTruncate:
		x.outcome = "fault"
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
	f := c.State.faultFor(faultTarget{On: e.Channel, Event: e.Name, Transition: transition, App: e.App})
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
		c.after(wait, Timer{Kind: timerPush, Event: e.ID})
		return false
	case FaultReorder:
		// Without a successor it goes out after a while all the same.
		wait := f.length(c.State)
		if wait == 0 {
			wait = time.Minute
		}
		c.after(wait, Timer{Kind: timerPush, Event: e.ID})
		c.State.Held = append(c.State.Held, e.ID)
		return false
	case FaultDuplicate:
		e.Copies++
	default:
		e.Spoil, e.SpoilBy = f.Do, f.length(c.State)
	}
	return true
}

// release lets go of what was held back so that the new event overtakes it.
func (c *Call) release(next *Event) {
	for _, id := range slices.Clone(c.State.Held) {
		held := c.State.event(id)
		if held == nil || id != next.ID && held.Channel == next.Channel && held.App == next.App {
			c.State.Held = slices.DeleteFunc(c.State.Held, func(h int64) bool { return h == id })
			c.box.owedLocked(c.Now, id)
		}
	}
}
