package emulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// What the platform has sent and still owes: shown, sent once more, and read
// where nobody receives it.

// eventsShown is how many events are shown unless told otherwise.
const eventsShown = 1000

type deliveriesIn struct {
	Status  string `json:"status"`
	Channel string `json:"channel"`
	After   int64  `json:"after"`
	Limit   int    `json:"limit"`
}

type deliveriesOut struct {
	Deliveries []deliveryOut `json:"deliveries"`
}

type deliveryOut struct {
	Event       int64           `json:"event"`
	Name        string          `json:"name"`
	Channel     string          `json:"channel"`
	App         int64           `json:"app_id,omitempty"`
	Package     int64           `json:"package_id,omitempty"`
	TP          int64           `json:"tp_id,omitempty"`
	Deal        int64           `json:"deal_id,omitempty"`
	Order       int64           `json:"order_id,omitempty"`
	At          string          `json:"at"`
	Status      string          `json:"status"`
	Attempts    int             `json:"attempts"`
	Next        string          `json:"next,omitempty"`
	DeliveredAt string          `json:"delivered_at,omitempty"`
	Error       string          `json:"error,omitempty"`
	Inbox       bool            `json:"inbox"`
	Payload     json.RawMessage `json:"payload"`
}

// attemptTimes returns when the next attempt of each event is due that waits
// for one, and when the next attempt to publish is.
func (s *State) attemptTimes() (push map[int64]int64, kafka int64) {
	push = map[int64]int64{}
	for _, t := range s.Timers {
		switch {
		case t.attempts(t.Event):
			push[t.Event] = t.Due
		case t.Kind == timerKafka && t.ID == s.KafkaWait:
			kafka = t.Due
		}
	}
	return push, kafka
}

func (e *Event) shown(push map[int64]int64, kafka int64) deliveryOut {
	out := deliveryOut{
		Event: e.ID, Name: e.Name, Channel: e.Channel, App: e.App, Package: e.Package, TP: e.TP,
		Deal: e.Deal, Order: e.Order, At: stamp(time.Unix(0, e.At)), Status: e.Status, Attempts: e.Attempts, Error: e.Error, Inbox: len(e.Receipts) > 0,
		Payload: e.Payload,
	}
	switch {
	case e.Status == eventWaiting && push[e.ID] != 0:
		out.Next = stamp(time.Unix(0, push[e.ID]))
	case e.Status == eventDue && e.Channel == ChannelKafka && kafka != 0:
		out.Next = stamp(time.Unix(0, kafka))
	case e.Status == eventDelivered && e.DeliveredAt != 0:
		out.DeliveredAt = stamp(time.Unix(0, e.DeliveredAt))
	}
	return out
}

func listDeliveries(c *Call, in deliveriesIn) (deliveriesOut, error) {
	if in.Limit == 0 {
		in.Limit = eventsShown
	}
	push, kafka := c.State.attemptTimes()
	out := deliveriesOut{Deliveries: []deliveryOut{}}
	for _, e := range c.State.Events {
		if len(out.Deliveries) == in.Limit {
			break
		}
		if e.ID > in.After && (in.Status == "" || in.Status == e.Status) && (in.Channel == "" || in.Channel == e.Channel) {
			out.Deliveries = append(out.Deliveries, e.shown(push, kafka))
		}
	}
	return out, nil
}

type eventIn struct {
	Event int64 `json:"event"`
}

func (c *Call) anEvent(id int64) (*Event, error) {
	if e := c.State.event(id); e != nil {
		return e, nil
	}
	detail := fmt.Sprintf("sandbox %s has no event %d", c.State.Name, id)
	if id > 0 && id <= c.State.LastEvent {
		detail = fmt.Sprintf("event %d is no longer remembered", id)
	}
	p := notFound("/event", detail)
	var ids []int64
	for _, e := range c.State.Events {
		ids = append(ids, e.ID)
	}
	p.Nearest = near(strconv.FormatInt(id, 10), texts(ids[max(0, len(ids)-100):]))
	return nil, p
}

func getDelivery(c *Call, in eventIn) (deliveryOut, error) {
	e, err := c.anEvent(in.Event)
	if err != nil {
		return deliveryOut{}, err
	}
	return e.shown(c.State.attemptTimes()), nil
}

// redeliver makes one more attempt due now.
func redeliver(c *Call, in eventIn) (None, error) {
	e, err := c.anEvent(in.Event)
	if err != nil {
		return None{}, err
	}
	st := c.State
	switch {
	case e.Channel == ChannelKafka && c.box.em.opt.Broker == nil:
		return None{}, conflict("", "the emulator runs without Kafka; notices are recorded only")
	case e.Channel == ChannelKafka && slices.Contains(st.KafkaQueue, e.ID), e.Status == eventDue:
		return None{}, conflict("/event", fmt.Sprintf("event %d is due already", e.ID))
	}
	st.Timers.drop(func(t Timer) bool { return t.attempts(e.ID) })
	e.Status, e.DeliveredAt = eventWaiting, 0
	c.box.owedLocked(c.Now, e.ID)
	return None{}, nil
}

// An InboxMessage is a push to a third-party platform, or a notification to a
// merchant, that has no URL.
type InboxMessage struct {
	// ID is the event's number, Event its name. An event that came more than
	// once is there once for each Attempt.
	ID      int64  `json:"id"`
	Event   string `json:"event"`
	Attempt int    `json:"attempt"`
	App     int64  `json:"app_id,omitempty"`
	Package int64  `json:"package_id,omitempty"`
	TP      int64  `json:"tp_id,omitempty"`
	Deal    int64  `json:"deal_id,omitempty"`
	Order   int64  `json:"order_id,omitempty"`
	// At is when it would have been posted, RFC 3339.
	At string `json:"at"`
	// Raw is the body as it would be posted; Message is what is in it.
	Raw     string          `json:"raw"`
	Message json.RawMessage `json:"message"`
}

type inboxIn struct {
	After int64 `json:"after"`
	Limit int   `json:"limit"`
}

type inboxOut struct {
	Messages []InboxMessage `json:"messages"`
	Last     int64          `json:"last"`
}

// Inbox returns up to limit pushes that went to the sandbox's inbox, with
// numbers above after, oldest first.
func (s *Sandbox) Inbox(after int64, limit int) (out []InboxMessage, err error) {
	lookErr := s.look(func(c *Call) { out, err = c.inbox(after, limit) })
	if err == nil {
		err = lookErr
	}
	return out, err
}

func (c *Call) inbox(after int64, limit int) ([]InboxMessage, error) {
	out := []InboxMessage{}
	for _, e := range c.State.Events {
		if len(out) >= limit {
			break
		}
		if e.ID <= after {
			continue
		}
		for _, r := range e.Receipts {
			at := time.Unix(0, r.At)
			body, err := c.box.wireBodyLocked(e, r.Attempt, at)
			if err != nil {
				return nil, fmt.Errorf("event %d: %w", e.ID, err)
			}
			out = append(out, InboxMessage{
				ID: e.ID, Event: e.Name, Attempt: r.Attempt, App: e.App, Package: e.Package, TP: e.TP,
				Deal: e.Deal, Order: e.Order, At: stamp(at),
				Raw: string(body), Message: e.Payload,
			})
		}
	}
	return out, nil
}

func listInbox(c *Call, in inboxIn) (inboxOut, error) {
	if in.Limit == 0 {
		in.Limit = eventsShown
	}
	messages, err := c.inbox(in.After, in.Limit)
	out := inboxOut{Messages: messages, Last: in.After}
	if n := len(messages); n > 0 {
		out.Last = messages[n-1].ID
	}
	return out, err
}
