package emulator

import (
	"encoding/json"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/internal/spec"
)

// A Sandbox is one whole platform: its own apps, credentials, clock,
// randomness, journal and deliveries. It is a deterministic state machine:
// inputs are applied one at a time, in the order the lock is taken, each after
// every timer that fell due before it.
type Sandbox struct {
	em   *Emulator
	name string

	// turn is held by whoever moves time and delivers in order; it is taken
	// before mu and never while mu is held.
	turn sync.Mutex

	// mu guards everything below.
	mu      sync.Mutex
	state   *State
	journal Journal
	clock   *clock.Clock
	log     Log // nil: in memory only
	closed  bool
	// armed is the due time that the wake-up is set for; 0: none is set.
	armed    int64
	stopWake func()
	// due holds the pushes and notifications that are to be attempted now, in
	// order.
	due []int64
	// pushNow says that, on virtual time, an order wants the pushes due
	// delivered without moving time.
	pushNow bool
	// sending counts the deliveries under way; publishing says that notices
	// are on their way to Kafka.
	sending    int
	publishing bool
	// ended is closed when a delivery ends; nil when nobody waits.
	ended chan struct{}
	// asked numbers the questions to hosts, those under way included.
	asked int64
	// lines are what the log is told at the end of the input.
	lines []line
	// fired counts what timers did since somebody asked for a report.
	fired *firings
}

// An input is one entry of a sandbox's log: what came from outside and when.
// The state is what the inputs lead to; timers need no entries, because each
// input is preceded by everything that fell due before it.
type input struct {
	At     int64        `json:"at"`
	Call   string       `json:"call,omitempty"` // an operationId of the platform
	As     *Principal   `json:"as,omitempty"`
	Order  string       `json:"order,omitempty"` // an operationId of the control API
	Params spec.Params  `json:"params,omitempty"`
	Push   *pushOutcome `json:"push,omitempty"`
	Kafka  *kafkaResult `json:"kafka,omitempty"`
	Rate   *float64     `json:"rate,omitempty"`
	Clock  *ClockDetail `json:"clock,omitempty"`
	Fault  *faultTarget `json:"fault,omitempty"`
	Reply  *hostReply   `json:"reply,omitempty"` // what a host said to a call
	Trace  *Trace       `json:"trace,omitempty"` // of the call or the order
}

// newSandbox wraps a state; the caller sets the log and starts it.
func newSandbox(em *Emulator, st *State) *Sandbox {
	s := &Sandbox{em: em, name: st.Name, state: st}
	s.journal.limit, s.journal.last, s.journal.told = em.opt.JournalSize, st.Journal, s.observe
	start := time.Unix(0, st.At)
	if now := clock.Wall(); st.Follows && st.Rate == clock.Real && now.After(start) {
		start = now
	}
	s.clock = clock.New(clock.Setting{Rate: st.Rate, Start: start})
	for _, e := range st.Events {
		if e.Status == eventDue && e.Channel != ChannelKafka {
			s.due = append(s.due, e.ID)
		}
	}
	return s
}

// Name is the sandbox's name.
func (s *Sandbox) Name() string { return s.name }

// Now is the sandbox's time.
func (s *Sandbox) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Unix(0, max(s.clock.Now().UnixNano(), s.state.At))
}

// Export returns the sandbox's state as JSON; equal states give equal bytes.
func (s *Sandbox) Export() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.Rate = s.clock.Rate()
	state := *s.state
	state.Journal = 0 // the journal is no part of it
	return state.export()
}

// Journal returns up to limit entries with numbers above after, oldest first.
func (s *Sandbox) Journal(after int64, limit int) []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal.after(after, limit)
}

// tickLocked brings the state to the clock's time and returns it.
func (s *Sandbox) tickLocked() time.Time {
	now := max(s.clock.Now().UnixNano(), s.state.At)
	s.fireLocked(now)
	return time.Unix(0, now)
}

// fireLocked lets everything happen that falls due until then, in order.
func (s *Sandbox) fireLocked(until int64) {
	st := s.state
	for len(st.Timers) > 0 && st.Timers[0].Due <= until {
		t := st.Timers.next()
		st.At = max(st.At, t.Due)
		c := &Call{Now: time.Unix(0, st.At), State: st, box: s, cause: t.Cause, trace: t.Trace}
		did := fireSafely(c, t)
		if s.fired != nil && did {
			s.fired.add(t)
		}
	}
	st.At = max(st.At, until)
}

// fireSafely is fire for which a panic is a mismatch in the journal: one
// fault of ours must not stop a sandbox's time.
func fireSafely(c *Call, t Timer) (did bool) {
	defer func() {
		if p := recover(); p != nil {
			c.record(KindMismatch, &Mismatch{Operation: "timer " + t.Kind, Problem: fmt.Sprint("panic: ", p)})
			c.box.em.opt.Logger.Error("panic in a timer", "kind", t.Kind, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	return fire(c, t)
}

// fire does what a timer is for; it reports whether that still applied.
func fire(c *Call, t Timer) bool {
	switch t.Kind {
	case timerUpload, timerAudit, timerRollback:
		return decidePackage(c, t)
	case timerPush, timerNotify:
		return c.box.owedLocked(c.Now, t.Event)
	case timerPayment, timerRefundAudit, timerRefund:
		return decideOrder(c, t)
	case timerKafka:
		return c.box.kafkaDueLocked(t.ID)
	case timerTicket:
		return nextTicket(c, t)
	}
	return false
}

// snapshotEvery is the size of a log, in bytes, at which a new snapshot takes
// its place.
const snapshotEvery = 64 << 20

// unlock ends an input: it lets go of the lock and sees to what the input left
// to do. On virtual time deliveries wait for whoever moves time.
func (s *Sandbox) unlock() {
	lines := s.lines
	s.lines = nil
	defer s.em.tell(lines)
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if s.log != nil && s.log.Size() > snapshotEvery {
		if err := s.snapshotLocked(); err != nil {
			s.em.opt.Logger.Error("no new snapshot; the log goes on", "sandbox", s.name, "err", err)
		}
	}
	if !s.clock.Virtual() {
		for _, id := range s.due {
			s.sending++
			s.em.deliver(s, id)
		}
		s.due = s.due[:0]
		if s.kafkaReadyLocked() {
			s.em.kafkaPending(s)
		}
	}
	s.armLocked()
}

// armLocked sets the wake-up for the next timer, if the clock runs.
func (s *Sandbox) armLocked() {
	var next int64
	if len(s.state.Timers) > 0 {
		next = s.state.Timers[0].Due
	}
	if s.closed || s.clock.Virtual() {
		next = 0
	}
	if next == s.armed {
		return
	}
	s.rewindLocked()
	s.armed = next
	if next == 0 {
		return
	}
	if wait, ok := s.clock.Until(time.Unix(0, next)); ok {
		s.stopWake = clock.Wake(wait, s.wake)
	}
}

// rewindLocked drops the wake-up after the clock was told something: how long
// to wait for the next timer has changed.
func (s *Sandbox) rewindLocked() {
	if s.stopWake != nil {
		s.stopWake()
		s.stopWake = nil
	}
	s.armed = 0
}

// wake is called when a timer has fallen due on a running clock.
func (s *Sandbox) wake() {
	s.mu.Lock()
	defer s.unlock()
	if s.closed {
		return
	}
	s.armed = 0
	s.tickLocked()
}

// logLocked writes an input before it is applied. When that fails nothing is
// applied.
func (s *Sandbox) logLocked(in input) error {
	if s.log == nil {
		return nil
	}
	data, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("log of sandbox %s: %w", s.name, err)
	}
	if err := s.log.Append(data); err != nil {
		return fmt.Errorf("log of sandbox %s: %w", s.name, err)
	}
	return nil
}

// replay applies a logged input to the state.
func (s *Sandbox) replay(data []byte) error {
	var in input
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("log of sandbox %s: %w", s.name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fireLocked(in.At)
	now := time.Unix(0, in.At)
	switch {
	case in.Push != nil:
		s.pushEndedLocked(now, *in.Push)
	case in.Kafka != nil:
		s.kafkaEndedLocked(now, *in.Kafka)
	case in.Fault != nil:
		s.state.faultFor(*in.Fault)
	case in.Clock != nil || in.Rate != nil:
		if in.Rate != nil {
			s.state.Rate = *in.Rate
		}
		if in.Clock != nil {
			s.journal.append(now, 0, KindClock, in.Clock)
		}
	case in.Call != "":
		p := s.em.program()
		op, ok := p.contract.Operation(in.Call)
		if !ok || p.table[in.Call] == nil {
			return fmt.Errorf("log of sandbox %s: the contract has no call %q", s.name, in.Call)
		}
		x := &Exchange{program: p, op: op, method: op.Method, path: op.Path, params: in.Params, reply: in.Reply, trace: in.Trace}
		if in.As != nil {
			x.principal = *in.As
		}
		s.callLocked(now, p.table[in.Call], x)
	case in.Order != "":
		_, err := s.orderLocked(now, in.Order, in.Params, in.Trace)
		_ = err // it was refused then as it is now, and changed as little
	}
	return nil
}

// callLocked runs a behaviour and records the exchange. The state's number of
// inputs goes up first, so that each call has a random source of its own.
func (s *Sandbox) callLocked(now time.Time, b *behaviour, x *Exchange) {
	seq := s.recordLocked(now, x)
	if b.changes {
		s.state.Inputs++
	}
	c := &Call{Principal: x.principal, Now: now, State: s.state, box: s, cause: seq, trace: x.trace, reply: x.reply, exchange: x}
	body, err := b.safely(c, x.params, x.program.wire.success[x.op.Envelope])
	if c.mediaType != "" && err == nil {
		x.answer = &spec.Answer{MediaType: c.mediaType}
	}
	x.evidence = weaker(x.evidence, c.evidence)
	s.em.answer(x, b, body, err, now)
}

// orderLocked applies an order of the control API that changes the state.
func (s *Sandbox) orderLocked(now time.Time, order string, p spec.Params, trace *Trace) ([]byte, error) {
	b := s.em.orders[order]
	if b == nil {
		return nil, fmt.Errorf("the control API has no order %q", order)
	}
	ctl := &Control{Operation: order, Params: controlParams(p), Outcome: "ok", TraceParent: trace.parent(), sent: p}
	seq := s.journal.append(now, 0, KindControl, ctl)
	s.state.Inputs++
	data, err := b.safely(&Call{Now: now, State: s.state, box: s, cause: seq, trace: trace}, p, bareForm)
	s.fireLocked(now.UnixNano()) // what the order made due at once
	if ctl.answer = data; err != nil {
		ctl.Outcome = err.Error()
	}
	return data, err
}

// order is an order of the control API as it comes in: logged, applied, and,
// on virtual time, delivered.
func (s *Sandbox) order(order string, p spec.Params, trace *Trace) ([]byte, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, errClosed
	}
	now := s.tickLocked()
	if err := s.logLocked(input{At: now.UnixNano(), Order: order, Params: p, Trace: trace}); err != nil {
		s.unlock()
		return nil, err
	}
	data, err := s.orderLocked(now, order, p, trace)
	s.pushNow = s.clock.Virtual()
	s.unlock()
	s.deliverNow(s.em.ctx)
	return data, err
}

// seedFor is the source of an answer that nobody decides: the same request
// gets the same answer.
func (s *Sandbox) seedFor(x *Exchange) uint64 {
	d := s.state.draw(requestKey(x), 0)
	return d.Uint64()
}

// requestKey names a request by what it asks, without its credentials.
func requestKey(x *Exchange) string {
	key := x.Operation() + x.path
	for _, p := range x.params {
		if x.op != nil && !x.op.Secret(p.Name) {
			key += "\x00" + p.Name + "\x00" + p.Text
		}
	}
	return key
}

// stop ends the sandbox: nothing falls due any more.
func (s *Sandbox) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopLocked()
}

func (s *Sandbox) stopLocked() {
	s.closed = true
	if s.stopWake != nil {
		s.stopWake()
	}
	s.endedLocked()
	s.journal.wake()
}

// endedLocked tells whoever waits that a delivery has ended.
func (s *Sandbox) endedLocked() {
	if s.ended != nil {
		close(s.ended)
		s.ended = nil
	}
}
