package emulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/swanemu/emu/internal/seal"
)

// The channels of an Event.
const (
	ChannelPush  = "push"  // a signed call to a TP's message URL (seed 001)
	ChannelKafka = "kafka" // a notice to the alliance's hosts (seed 000)
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
	// At and DeliveredAt are the sandbox's time in nanoseconds since 1970.
	At          int64           `json:"at"`
	DeliveredAt int64           `json:"delivered_at,omitempty"`
	Payload     json.RawMessage `json:"payload"`
	Status      string          `json:"status"`
	Attempts    int             `json:"attempts,omitempty"`
	Error       string          `json:"error,omitempty"`
	// Cause is the journal's entry that brought it about.
	Cause int64 `json:"cause,omitempty"`
	// Inbox says that it went to the sandbox's inbox for want of a receiver.
	Inbox bool `json:"inbox,omitempty"`
}

// emit makes an event and hands it to the outbox.
func (c *Call) emit(e Event) {
	st := c.State
	st.LastEvent++
	e.ID = st.LastEvent
	e.At = c.Now.UnixNano()
	e.Status = eventDue
	e.Cause = c.record(KindEvent, &EventDetail{
		ID: e.ID, Name: e.Name, Channel: e.Channel, App: e.App, TP: e.TP, Payload: e.Payload,
	})
	if c.box.em.opt.Strict {
		if err := c.box.em.contract.CheckEvent(e.Name, e.Payload); err != nil {
			c.record(KindMismatch, &Mismatch{Operation: e.Name, Problem: err.Error()})
		}
	}
	c.box.forgetLocked()
	st.Events = append(st.Events, &e)
	c.box.owedLocked(c.Now, &e)
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
func (c *Call) emitAll(names []string, app *App, p *Package, reason string) {
	for _, name := range names {
		def, _ := c.box.em.contract.Event(name)
		switch def.Channel {
		case ChannelKafka:
			c.emitNotice(name, def.Code, app.ID, p.ID)
		case ChannelPush:
			for _, tp := range c.State.tpsOf(app.ID) {
				c.emitAudit(name, tp, app.ID, p.ID, reason)
			}
		}
	}
}

// emitNotice makes a Kafka notice in the form of seed 000; packageID 0 leaves
// the package out.
func (c *Call) emitNotice(name string, code int, appID, packageID int64) {
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
	c.emit(Event{Name: name, Channel: ChannelKafka, App: appID, Package: packageID, Payload: b})
}

// auditPush is the payload of an audit's push (seed 001).
type auditPush struct {
	AppID     int64  `json:"appId"`
	TPAppID   int64  `json:"tpAppId"`
	EventTime string `json:"eventTime"`
	Event     string `json:"event"`
	Reason    string `json:"reason,omitempty"`
}

func (c *Call) emitAudit(name string, tp *TP, appID, packageID int64, reason string) {
	payload, _ := marshal(auditPush{
		AppID: appID, TPAppID: tp.ID, EventTime: eventTime(c.Now), Event: name, Reason: reason,
	})
	c.emit(Event{Name: name, Channel: ChannelPush, App: appID, Package: packageID, TP: tp.ID, Payload: payload})
}

// eventTime writes a time as pushes carry it (seed 001).
func eventTime(t time.Time) string { return t.In(shanghai).Format(time.DateTime) }

// wireBody is what one attempt of a push puts on the wire: the payload itself
// or sealed and signed with the TP's keys. The same attempt has the same bytes.
func (s *Sandbox) wireBodyLocked(e *Event, attempt int, at time.Time) ([]byte, error) {
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
	nonce := s.state.draw("nonce", e.ID<<16|int64(attempt)).alnum(16)
	stamp := strconv.FormatInt(at.Unix(), 10)
	return marshal(seal.Push{
		Nonce: nonce, TimeStamp: stamp, Encrypt: text,
		MsgSignature: seal.Signature(tp.Token, stamp, nonce, text),
	})
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
