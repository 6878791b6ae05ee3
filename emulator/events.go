package emulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/swanemu/emu/internal/seal"
	"github.com/swanemu/emu/internal/spec"
)

// The channels of an Event.
const (
	ChannelPush  = "push"  // a signed call to a TP's message URL (seed 001)
	ChannelKafka = "kafka" // a notice to the alliance's hosts (seed 000)
	// ChannelNotify is for signed calls to a merchant's URLs (D).
	ChannelNotify = "notify"
)

// The states of an Event.
const (
	eventWaiting   = "waiting"   // an attempt is due later
	eventDue       = "due"       // an attempt is due or under way
	eventDelivered = "delivered" // the receiver has it
	eventFailed    = "failed"    // the last attempt was made in vain
)

// keptEvents is how many events that nobody is owed any more are remembered.
const keptEvents = 1000

// An Event is something the platform sends, until it is delivered and for a
// while after.
type Event struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"` // of the contract's x-events
	Channel string `json:"channel"`
	App     int64  `json:"app_id,omitempty"`
	Package int64  `json:"package_id,omitempty"`
	TP      int64  `json:"tp_id,omitempty"`
	// Deal is the merchant, Order and Refund what a notification is about.
	Deal   int64 `json:"deal_id,omitempty"`
	Order  int64 `json:"order_id,omitempty"`
	Refund int64 `json:"refund_batch_id,omitempty"`
	// At and DeliveredAt are the sandbox's time in nanoseconds since 1970.
	At          int64           `json:"at"`
	DeliveredAt int64           `json:"delivered_at,omitempty"`
	Payload     json.RawMessage `json:"payload"`
	Status      string          `json:"status"`
	Attempts    int             `json:"attempts,omitempty"`
	Error       string          `json:"error,omitempty"`
	// Cause is the journal's entry that brought it about.
	Cause int64 `json:"cause,omitempty"`
	// Receipts tell when it came into the sandbox's inbox, for want of a
	// receiver.
	Receipts []Receipt `json:"receipts,omitempty"`
	// Copies is how often it is still to be sent again although it arrived,
	// Spoil what is wrong with its first attempt, and SpoilBy by how much.
	Copies  int           `json:"copies,omitempty"`
	Spoil   string        `json:"spoil,omitempty"`
	SpoilBy time.Duration `json:"spoil_by,omitempty"`
	// Trace is that of the request that brought it about; nil for none.
	Trace *Trace `json:"trace,omitempty"`
}

// A Receipt is the arrival of an event in the inbox; At is in nanoseconds since
// 1970.
type Receipt struct {
	Attempt int   `json:"attempt"`
	At      int64 `json:"at"`
}

// emit makes an event and hands it to the outbox.
func (c *Call) emit(e Event) { c.emitBy("", e) }

// emitBy is emit for an event of a lifecycle's transition.
func (c *Call) emitBy(transition string, e Event) {
	st := c.State
	st.LastEvent++
	e.ID = st.LastEvent
	e.At = c.Now.UnixNano()
	e.Status = eventWaiting
	e.Trace = c.trace
	e.Cause = c.record(KindEvent, &EventDetail{
		ID: e.ID, Name: e.Name, Channel: e.Channel, App: e.App, TP: e.TP, Deal: e.Deal, Order: e.Order, Payload: e.Payload,
	})
	if c.box.em.opt.Strict {
		if err := c.program().contract.CheckEvent(e.Name, e.Payload); err != nil {
			c.record(KindMismatch, &Mismatch{Operation: e.Name, Problem: err.Error()})
		}
	}
	c.box.forgetLocked()
	st.Events = append(st.Events, &e)
	if c.disturb(&e, transition) {
		c.box.owedLocked(c.Now, e.ID)
		c.release(&e)
	}
}

// forgetLocked drops the oldest events that nobody is owed any more, once they
// are twice as many as are kept.
func (s *Sandbox) forgetLocked() {
	st := s.state
	if len(st.Events) < max(2*keptEvents, 2*st.Remembered) {
		return
	}
	drop := len(st.Events) - keptEvents
	st.Events = slices.DeleteFunc(st.Events, func(e *Event) bool {
		if drop == 0 || e.Status == eventDue || e.Status == eventWaiting {
			return false
		}
		drop--
		return true
	})
	st.Remembered = len(st.Events)
}

// emitAll makes the events that a transition names.
func (c *Call) emitAll(t *spec.Transition, app *App, p *Package, reason string) {
	for _, name := range t.Emits {
		def, _ := c.program().contract.Event(name)
		switch def.Channel {
		case ChannelKafka:
			c.emitNotice(name, def.Code, t.Name, app.ID, p.ID)
		case ChannelPush:
			for _, tp := range c.State.tpsOf(app.ID) {
				c.emitAudit(name, t.Name, tp, app.ID, p.ID, reason)
			}
		}
	}
}

// emitNotice makes a Kafka notice in the form of seed 000; packageID 0 leaves
// the package out.
func (c *Call) emitNotice(name string, code int, transition string, appID, packageID int64) {
	b := make([]byte, 0, 64)
	b = append(b, `{"code":`...)
	b = strconv.AppendInt(b, int64(code), 10)
	b = append(b, `,"data":{"app_id":`...)
	b = strconv.AppendInt(b, appID, 10)
	if packageID != 0 {
		b = append(b, `,"package_id":`...)
		b = strconv.AppendInt(b, packageID, 10)
	}
	b = append(b, `}}`...)
	c.emitBy(transition, Event{Name: name, Channel: ChannelKafka, App: appID, Package: packageID, Payload: b})
}

// auditPush is the payload of an audit's push (seed 001).
type auditPush struct {
	AppID     int64  `json:"appId"`
	TPAppID   int64  `json:"tpAppId"`
	EventTime string `json:"eventTime"`
	Event     string `json:"event"`
	Reason    string `json:"reason,omitempty"`
}

func (c *Call) emitAudit(name, transition string, tp *TP, appID, packageID int64, reason string) {
	payload, _ := marshal(auditPush{
		AppID: appID, TPAppID: tp.ID, EventTime: eventTime(c.Now), Event: name, Reason: reason,
	})
	c.emitBy(transition, Event{Name: name, Channel: ChannelPush, App: appID, Package: packageID, TP: tp.ID, Payload: payload})
}

// eventTime writes a time as pushes carry it (seed 001).
func eventTime(t time.Time) string { return t.In(shanghai).Format(time.DateTime) }

// wireBodyLocked is what one attempt puts on the wire. The same attempt has the
// same bytes.
func (s *Sandbox) wireBodyLocked(e *Event, attempt int, at time.Time) ([]byte, error) {
	if e.Channel == ChannelNotify {
		return s.formLocked(e, attempt)
	}
	return s.pushLocked(e, attempt, at)
}

// pushLocked is the body of a push: the payload itself or sealed and signed
// with the TP's keys.
func (s *Sandbox) pushLocked(e *Event, attempt int, at time.Time) ([]byte, error) {
	tp := s.state.TPs[e.TP]
	if tp == nil {
		return nil, fmt.Errorf("tp %d is gone", e.TP)
	}
	if s.state.Config.PushPlain {
		return e.Payload, nil
	}
	text, err := s.state.sealed(e, tp)
	if err != nil {
		return nil, err
	}
	spoil := e.Spoil
	if attempt > 1 {
		spoil = ""
	}
	if spoil == FaultStaleTimestamp {
		at = at.Add(-cmp.Or(e.SpoilBy, time.Hour))
	}
	nonce := s.state.draw("nonce", e.ID<<16|int64(attempt)).alnum(16)
	stamp := strconv.FormatInt(at.Unix(), 10)
	signature := seal.Signature(tp.Token, stamp, nonce, text)
	if spoil == FaultWrongSignature {
		signature = seal.Signature("another token", stamp, nonce, text)
	}
	return marshal(seal.Push{Nonce: nonce, TimeStamp: stamp, Encrypt: text, MsgSignature: signature})
}

// sealed is an event's payload encrypted for its TP; the same event has the
// same text, whenever it is asked for.
func (s *State) sealed(e *Event, tp *TP) (string, error) {
	cipher, err := seal.PushCipher(tp.EncodingAESKey)
	if err != nil {
		return "", fmt.Errorf("tp %d: %w", tp.ID, err)
	}
	var random [16]byte
	copy(random[:], s.draw("seal", e.ID).alnum(16))
	return cipher.Seal(random, e.Payload, strconv.FormatInt(tp.ID, 10)), nil
}
