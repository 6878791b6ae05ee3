package emulator

import (
	"context"
	"errors"
	"time"

	"github.com/swanemu/emu/internal/clock"
)

// errClosed says that a sandbox or the emulator has been closed.
var errClosed = errors.New("the sandbox is closed")

// A Report says what happened while time was moved.
type Report struct {
	// From and To are the sandbox's time before and after, RFC 3339.
	From string `json:"from"`
	To   string `json:"to"`
	// Fired counts the timers that fell due, by kind, and Timers lists the
	// first thousand of them in order.
	Fired  map[string]int `json:"fired"`
	Timers []Firing       `json:"timers"`
	// Attempts counts the deliveries attempted; Owed is how many events are
	// not delivered yet.
	Attempts int `json:"attempts"`
	Owed     int `json:"owed"`
	// Pending is how many timers are still to come, and Next is when the
	// first of them is due, RFC 3339; "" for none.
	Pending int    `json:"pending"`
	Next    string `json:"next,omitempty"`
}

// A Firing is one timer that fell due.
type Firing struct {
	At      string `json:"at"`
	Kind    string `json:"kind"`
	App     int64  `json:"app_id,omitempty"`
	Package int64  `json:"package_id,omitempty"`
	Event   int64  `json:"event,omitempty"`
	TP      int64  `json:"tp_id,omitempty"`
	Order   int64  `json:"order_id,omitempty"`
}

// firing is the timer as reports show it.
func (t *Timer) firing() Firing {
	return Firing{
		At: stamp(time.Unix(0, t.Due)), Kind: t.Kind, App: t.App, Package: t.Package, Event: t.Event, TP: t.TP, Order: t.Order,
	}
}

// firings collects what fell due for a report.
type firings struct {
	count  map[string]int
	timers []Firing
}

func (f *firings) add(t Timer) {
	f.count[t.Kind]++
	if len(f.timers) < 1000 {
		f.timers = append(f.timers, t.firing())
	}
}

func stamp(t time.Time) string { return t.In(shanghai).Format(time.RFC3339Nano) }

// Advance moves the sandbox's time by d, lets everything happen that falls due
// on the way, in order, delivers what it brings about, and returns when nothing
// is left to do at the new time. It works on running clocks too: they jump
// ahead.
func (s *Sandbox) Advance(ctx context.Context, d time.Duration) (Report, error) {
	if d < 0 {
		return Report{}, &orderError{"time moves forward only: want a duration of 0 or more"}
	}
	return s.move(ctx, func(now time.Time) (time.Time, error) { return now.Add(d), nil })
}

// AdvanceTo is Advance to a point in time, which must not be in the past.
func (s *Sandbox) AdvanceTo(ctx context.Context, to time.Time) (Report, error) {
	return s.move(ctx, func(now time.Time) (time.Time, error) {
		if to.Before(now) {
			return now, &orderError{"time moves forward only: it is " + stamp(now) + " in the sandbox"}
		}
		return to, nil
	})
}

// clockMovedLocked logs and journals that an order moves time or changes its
// rate.
func (s *Sandbox) clockMovedLocked(now time.Time, d ClockDetail, rate *float64) error {
	if err := s.logLocked(input{At: now.UnixNano(), Clock: &d, Rate: rate}); err != nil {
		return err
	}
	s.fireLocked(now.UnixNano())
	s.journal.append(now, 0, KindClock, &d)
	return nil
}

// moveTo is called with the turn held; ordered says that it is an order and
// not the wait for an answer that moves time.
func (s *Sandbox) moveTo(ctx context.Context, target time.Time, ordered bool) (Report, error) {
	s.mu.Lock()
	from := time.Unix(0, max(s.clock.Now().UnixNano(), s.state.At))
	r := Report{From: stamp(from)}
	before := s.journal.deliveries
	s.fired = &firings{count: map[string]int{}}
	if ordered && (target.After(from) || len(s.due) > 0 || s.kafkaReadyLocked()) {
		if err := s.clockMovedLocked(from, ClockDetail{From: stamp(from), To: stamp(target)}, nil); err != nil {
			s.fired = nil
			s.mu.Unlock()
			return r, err
		}
	}
	s.mu.Unlock()
	s.pushAll(ctx) // what is due at the present time goes out before it moves
	for {
		more, err := s.step(ctx, target.UnixNano())
		if err != nil {
			return r, err
		}
		if !more {
			break
		}
	}
	s.mu.Lock()
	defer s.unlock()
	r.To = stamp(time.Unix(0, s.state.At))
	r.Fired, r.Timers = s.fired.count, s.fired.timers
	r.Attempts = s.journal.deliveries - before
	s.fired = nil
	for _, e := range s.state.Events {
		if e.Status == eventDue || e.Status == eventWaiting {
			r.Owed++
		}
	}
	for _, t := range s.state.Timers.sorted() {
		if !s.state.stands(t) {
			continue // it was overtaken and will do nothing
		}
		if r.Pending++; r.Pending == 1 {
			r.Next = stamp(time.Unix(0, t.Due))
		}
	}
	err := s.logLocked(input{At: s.state.At})
	return r, err
}

// step moves time to the next thing that falls due, at most to target, and
// delivers what that brings about. It reports whether there may be more to do.
func (s *Sandbox) step(ctx context.Context, target int64) (more bool, err error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return false, errClosed
	}
	now := target
	if timers := s.state.Timers; len(timers) > 0 && timers[0].Due < target {
		now, more = max(timers[0].Due, s.state.At), true
	}
	if now > s.clock.Now().UnixNano() {
		if err := s.clock.Set(time.Unix(0, now)); err != nil {
			s.mu.Unlock()
			return false, &orderError{err.Error()}
		}
		s.rewindLocked()
	}
	s.fireLocked(now)
	pushes := len(s.due) > 0
	flush := s.kafkaReadyLocked() && (!more || len(s.state.KafkaQueue) >= kafkaBatch)
	s.mu.Unlock()
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if pushes {
		s.pushAll(ctx)
		more = true
	}
	if flush {
		more = s.publish(ctx) || more
	}
	return more, ctx.Err()
}

// pushAll attempts every push that is due, one after the other, in order.
func (s *Sandbox) pushAll(ctx context.Context) {
	for ctx.Err() == nil {
		s.mu.Lock()
		if len(s.due) == 0 || s.closed {
			s.mu.Unlock()
			return
		}
		id := s.due[0]
		s.due = s.due[1:]
		s.sending++
		s.mu.Unlock()
		s.deliverPush(ctx, id)
	}
}

// deliverNow delivers, on virtual time, what an input has brought about at the
// present instant: notices always, pushes when the input was an order. It does
// not wait for whoever is moving time: that one sees to it when it is done, so
// that a receiver may call the platform while it is being called.
func (s *Sandbox) deliverNow(ctx context.Context) {
	for ctx.Err() == nil && s.clock.Virtual() && s.turn.TryLock() {
		s.mu.Lock()
		pushes := s.pushNow
		s.pushNow = false
		s.mu.Unlock()
		if pushes {
			s.pushAll(ctx)
		}
		for s.publish(ctx) {
		}
		s.turn.Unlock()
		s.mu.Lock()
		left := s.pushNow || s.kafkaReadyLocked()
		s.mu.Unlock()
		if !left {
			return
		}
	}
}

// move takes the turn and moves time.
func (s *Sandbox) move(ctx context.Context, target func(now time.Time) (time.Time, error)) (Report, error) {
	s.turn.Lock()
	to, err := target(s.Now())
	if err == nil && to.Year() > lastYear {
		err = &orderError{endOfTime}
	}
	var r Report
	if err == nil {
		r, err = s.moveTo(ctx, to, true)
	}
	s.turn.Unlock()
	s.deliverNow(ctx)
	return r, err
}

// Settle returns when nothing is due at the present instant and every delivery
// under way has ended. An event whose next attempt is due later is not waited
// for.
func (s *Sandbox) Settle(ctx context.Context) (Report, error) {
	if s.clock.Virtual() {
		return s.Advance(ctx, 0)
	}
	for {
		s.mu.Lock()
		s.tickLocked()
		if s.closed {
			s.mu.Unlock()
			return Report{}, errClosed
		}
		busy := s.sending > 0 || s.publishing || len(s.due) > 0 || s.kafkaReadyLocked()
		if s.ended == nil {
			s.ended = make(chan struct{})
		}
		ended := s.ended
		s.unlock()
		if !busy {
			return s.Advance(ctx, 0)
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return Report{}, ctx.Err()
		}
	}
}

// SetRate makes the sandbox's clock run at rate times the wall's; 0 freezes it.
func (s *Sandbox) SetRate(rate float64) error {
	s.mu.Lock()
	defer s.unlock()
	if s.closed {
		return errClosed
	}
	s.tickLocked()
	if err := s.clock.SetRate(rate); err != nil {
		return &orderError{err.Error()}
	}
	s.rewindLocked()
	s.state.Rate = rate
	now := time.Unix(0, max(s.clock.Now().UnixNano(), s.state.At)) // a clock that was frozen went on until then
	return s.clockMovedLocked(now, ClockDetail{From: stamp(now), To: stamp(now), Mode: clock.Mode(rate)}, &rate)
}
