package emulator

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/swanemu/emu/internal/clock"
)

// The outbox: what was emitted is owed until its receiver has it. An attempt's
// outcome comes from outside, so it is an input of the sandbox like any other,
// logged before it is applied; the next attempt is a timer on the sandbox's
// clock.

// kafkaBatch is how many notices are published at once; time that is moved
// collects so many before it stops to publish them.
const kafkaBatch = 1000

// inboxSink is where an event goes that nobody receives.
const inboxSink = "inbox"

// publishTimeout bounds one attempt to publish.
const publishTimeout = 10 * time.Second

// pushOutcome is how one attempt to deliver a push or a notification ended.
type pushOutcome struct {
	Event  int64  `json:"event"`
	Number int    `json:"attempt"`
	Sink   string `json:"sink"`
	OK     bool   `json:"ok"`
	Status int    `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
	// Answer is what a merchant's answer means.
	Answer *merchantAnswer `json:"answer,omitempty"`
}

// kafkaResult is how one attempt to publish ended: the events that the broker
// acknowledged, and what went wrong with the first that it did not.
type kafkaResult struct {
	Delivered []int64 `json:"delivered,omitempty"`
	Failed    int64   `json:"failed,omitempty"`
	Error     string  `json:"error,omitempty"`
}

// owedLocked makes an attempt to deliver a waiting event due: a notice joins
// Kafka's queue, anything else goes into the inbox at once, or over the wire when the
// sandbox lets go of its lock or time is moved. It reports whether the event
// waited.
func (s *Sandbox) owedLocked(now time.Time, id int64) bool {
	e := s.state.event(id)
	if e == nil || e.Status != eventWaiting {
		return false
	}
	e.Status = eventDue
	if len(s.state.Held) > 0 {
		s.state.Held = slices.DeleteFunc(s.state.Held, func(held int64) bool { return held == id })
	}
	switch {
	case e.Channel == ChannelKafka && s.em.opt.Broker == nil:
		e.Status, e.DeliveredAt = eventDelivered, now.UnixNano()
	case e.Channel == ChannelKafka:
		for range 1 + e.Copies {
			s.state.KafkaQueue = append(s.state.KafkaQueue, id)
		}
		e.Copies = 0
	case s.receiver(e) == "":
		out := pushOutcome{Event: id, Number: e.Attempts + 1, Sink: inboxSink, OK: true}
		e.Receipts = append(e.Receipts, Receipt{Attempt: out.Number, At: now.UnixNano()})
		s.pushEndedLocked(now, out.spoiled(e))
	default:
		s.due = append(s.due, id)
	}
	return true
}

// spoiled is the outcome of an attempt whose answer a fault has lost.
func (o pushOutcome) spoiled(e *Event) pushOutcome {
	if e.Spoil == FaultTimeout && o.Number == 1 {
		o.OK, o.Status, o.Error, o.Answer = false, 0, "the receiver's answer was lost by a fault", nil
	}
	return o
}

// receiver is the URL that an event goes to; "" is the inbox.
func (s *Sandbox) receiver(e *Event) string {
	tp := s.state.TPs[e.TP]
	switch {
	case e.Channel == ChannelNotify:
		return s.state.merchantURL(e)
	case tp == nil:
		return ""
	case e.Name == eventTicket:
		return tp.AuthorizationURL
	default:
		return tp.PushURL
	}
}

// deliverPush makes one attempt over the wire.
func (s *Sandbox) deliverPush(ctx context.Context, id int64) {
	s.mu.Lock()
	e := s.state.event(id)
	if e == nil || e.Status != eventDue || s.closed {
		s.endSendingLocked()
		s.mu.Unlock()
		return
	}
	out := pushOutcome{Event: id, Number: e.Attempts + 1, Sink: s.receiver(e)}
	now := s.tickLocked()
	body, err := s.wireBodyLocked(e, out.Number, now)
	asked := s.state.refundMoney(e)
	s.mu.Unlock()

	if err == nil {
		err = s.em.attempt(ctx, e, &out, body, asked)
	}
	if err != nil {
		out.Error = err.Error()
	}

	s.mu.Lock()
	defer s.unlock()
	defer s.endSendingLocked()
	out = out.spoiled(e)
	if s.closed || ctx.Err() != nil && !out.OK {
		return // it stays owed; the next process attempts it again
	}
	now = s.tickLocked()
	if err := s.logLocked(input{At: now.UnixNano(), Push: &out}); err != nil {
		s.em.opt.Logger.Error("push outcome not kept; it will be sent again after a restart", "err", err)
	}
	s.pushEndedLocked(now, out)
}

// attempt sends what an event puts on the wire and notes how it ended. asked is
// the money of the refund that a merchant is asked about. The error says why
// the event has not arrived.
func (e *Emulator) attempt(ctx context.Context, ev *Event, out *pushOutcome, body []byte, asked int64) error {
	l := e.poster.push(body)
	if ev.Channel == ChannelNotify {
		l = e.notification(body)
	}
	l.headers = ev.Trace.headers()
	began := clock.Wall()
	r := e.poster.send(ctx, out.Sink, l)
	e.meter.sent(ev.Channel, clock.Wall().Sub(began))
	out.Status = r.Status
	switch {
	case r.Err != nil:
		return r.Err
	case ev.Channel == ChannelNotify:
		var err error
		out.Answer, err = understand(ev, &r, asked)
		out.OK = err == nil
		return err
	case !r.accepted():
		return fmt.Errorf(`the receiver answered %q, not "success"`, shorten(r.Answer))
	}
	out.OK = true
	return nil
}

func (s *Sandbox) endSendingLocked() {
	s.sending--
	s.endedLocked()
}

// pushEndedLocked applies the outcome of an attempt.
func (s *Sandbox) pushEndedLocked(now time.Time, out pushOutcome) {
	e := s.state.event(out.Event)
	if e == nil {
		return
	}
	s.due = slices.DeleteFunc(s.due, func(id int64) bool { return id == e.ID })
	e.Attempts, e.Error = out.Number, out.Error
	a := &Attempt{
		Event: e.ID, Name: e.Name, Channel: e.Channel, Sink: publicURL(out.Sink), Number: out.Number,
		OK: out.OK, Status: out.Status, Error: out.Error,
	}
	c := &Call{Now: now, State: s.state, box: s, trace: e.Trace}
	wait, again := s.state.pause(e, out.Number)
	switch {
	case out.OK && e.Copies > 0:
		e.Copies--
		e.Status = eventWaiting
		defer s.owedLocked(now, e.ID)
	case out.OK:
		e.Status, e.DeliveredAt = eventDelivered, now.UnixNano()
	case !again:
		e.Status = eventFailed
	default:
		e.Status = eventWaiting
		c.attemptAfter(wait, e)
		a.Next = now.Add(wait).In(shanghai).Format(time.RFC3339Nano)
	}
	c.cause = s.journal.append(now, e.Cause, KindDelivery, a)
	if out.OK && e.Channel == ChannelNotify {
		if out.Sink == inboxSink {
			c.inInbox(e)
		} else {
			c.merchantAnswered(e, out.Answer)
		}
	}
}

// attemptAfter sets the timer of an event's next attempt.
func (c *Call) attemptAfter(wait time.Duration, e *Event) {
	kind := timerPush
	if e.Channel == ChannelNotify {
		kind = timerNotify
	}
	c.after(wait, Timer{Kind: kind, Event: e.ID})
}

// attempts reports whether a timer is that of an event's next attempt.
func (t *Timer) attempts(event int64) bool {
	return (t.Kind == timerPush || t.Kind == timerNotify) && t.Event == event
}

// pause is how long after its nth failure an event is sent again; false where
// it is sent no more.
func (s *State) pause(e *Event, n int) (time.Duration, bool) {
	if e.Channel == ChannelNotify {
		return s.notifyPause(e, n)
	}
	return interval(5*time.Second, time.Hour, n), n < s.Config.PushAttempts
}

// interval is the pause after the nth failure: doubling from first up to most
// (assumed: the platform publishes neither).
func interval(first, most time.Duration, n int) time.Duration {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor = first, most, 2, 0
	b.Reset()
	wait := b.NextBackOff()
	for range n - 1 {
		if wait >= most {
			break
		}
		wait = b.NextBackOff()
	}
	return wait
}

// kafkaReadyLocked says whether there are notices to publish now.
func (s *Sandbox) kafkaReadyLocked() bool {
	return len(s.state.KafkaQueue) > 0 && s.state.KafkaWait == 0 && !s.publishing && !s.closed &&
		s.em.opt.Broker != nil
}

// kafkaDueLocked ends the pause after a failure.
func (s *Sandbox) kafkaDueLocked(timer int64) bool {
	if s.state.KafkaWait != timer {
		return false
	}
	s.state.KafkaWait = 0
	return true
}

// publish makes one attempt to publish what Kafka is owed, in order. It
// reports whether there was anything to do.
func (s *Sandbox) publish(ctx context.Context) bool {
	s.mu.Lock()
	if !s.kafkaReadyLocked() {
		s.mu.Unlock()
		return false
	}
	s.publishing = true
	ids := slices.Clone(s.state.KafkaQueue[:min(len(s.state.KafkaQueue), kafkaBatch)])
	records := make([]Record, len(ids))
	for i, id := range ids {
		e := s.state.event(id)
		records[i] = Record{
			Topic: s.state.Config.Topic, Key: strconv.AppendInt(nil, e.App, 10),
			Value: e.Payload, Time: time.Unix(0, e.At), Headers: e.Trace.headers(),
		}
	}
	s.mu.Unlock()

	sending, cancel := context.WithTimeout(ctx, publishTimeout)
	began := clock.Wall()
	errs := s.em.opt.Broker.Publish(sending, records)
	s.em.meter.sent(ChannelKafka, clock.Wall().Sub(began))
	cancel()
	var r kafkaResult
	for i, err := range errs {
		if err == nil {
			r.Delivered = append(r.Delivered, ids[i])
		} else if r.Failed == 0 {
			r.Failed, r.Error = ids[i], err.Error()
		}
	}

	s.mu.Lock()
	defer s.unlock()
	s.publishing = false
	defer s.endedLocked()
	if s.closed || ctx.Err() != nil && r.Failed != 0 && len(r.Delivered) == 0 {
		return false
	}
	now := s.tickLocked()
	if err := s.logLocked(input{At: now.UnixNano(), Kafka: &r}); err != nil {
		s.em.opt.Logger.Error("kafka outcome not kept; it will be sent again after a restart", "err", err)
	}
	s.kafkaEndedLocked(now, r)
	return true
}

// kafkaEndedLocked applies the outcome of an attempt to publish.
func (s *Sandbox) kafkaEndedLocked(now time.Time, r kafkaResult) {
	st := s.state
	for _, id := range r.Delivered {
		if e := st.event(id); e != nil {
			e.Attempts++
			e.Status, e.DeliveredAt, e.Error = eventDelivered, now.UnixNano(), ""
			s.journal.append(now, e.Cause, KindDelivery, &Attempt{
				Event: id, Name: e.Name, Channel: ChannelKafka, Sink: st.Config.Topic, Number: e.Attempts, OK: true,
			})
		}
	}
	st.KafkaQueue = without(st.KafkaQueue, r.Delivered)
	if r.Failed == 0 {
		st.KafkaFailures = 0
		return
	}
	for _, id := range st.KafkaQueue { // one copy may have got there and another not
		if e := st.event(id); e != nil {
			e.Status = eventDue
		}
	}
	st.KafkaFailures++
	wait := interval(time.Second, 30*time.Second, st.KafkaFailures)
	c := &Call{Now: now, State: st, box: s}
	st.KafkaWait = c.after(wait, Timer{Kind: timerKafka})
	if e := st.event(r.Failed); e != nil {
		e.Attempts, e.Error = e.Attempts+1, r.Error
		s.journal.append(now, e.Cause, KindDelivery, &Attempt{
			Event: e.ID, Name: e.Name, Channel: ChannelKafka, Sink: st.Config.Topic, Number: e.Attempts,
			Error: r.Error, Next: now.Add(wait).In(shanghai).Format(time.RFC3339Nano),
		})
	}
}

// without returns the ids of queue that are not in gone; both are in the order
// of the queue.
func without(queue, gone []int64) []int64 {
	kept := queue[:0]
	for _, id := range queue {
		if len(gone) > 0 && gone[0] == id {
			gone = gone[1:]
			continue
		}
		kept = append(kept, id)
	}
	return kept
}

// publicURL is a receiver's address without what may be a secret in it: who
// one is, and the query.
func publicURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return redacted
	}
	if u.User != nil {
		u.User = url.User(redacted)
	}
	if u.RawQuery != "" {
		u.RawQuery = "redacted"
	}
	return u.String()
}

func shorten(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
