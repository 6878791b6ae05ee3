package scenarios

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What the sandbox's journal tells: what has arrived where, and why something
// came about.

// entry is one line of the journal.
type entry struct {
	Seq      int64     `json:"seq"`
	At       time.Time `json:"at"`
	Cause    int64     `json:"cause"`
	Kind     string    `json:"kind"`
	Exchange *struct {
		Operation string `json:"operation"`
		Outcome   string `json:"outcome"`
		Note      string `json:"note"`
		Principal struct {
			Kind string `json:"kind"`
			App  int64  `json:"app_id"`
			TP   int64  `json:"tp_id"`
		} `json:"principal"`
		Params map[string]any `json:"params"`
	} `json:"exchange"`
	Transition *struct {
		Resource string `json:"resource"`
		App      int64  `json:"app_id"`
		ID       int64  `json:"id"`
		Name     string `json:"name"`
		From     string `json:"from"`
		To       string `json:"to"`
		Reason   string `json:"reason"`
	} `json:"transition"`
	Event    *event `json:"event"`
	Delivery *struct {
		Event   int64  `json:"event"`
		Name    string `json:"name"`
		Channel string `json:"channel"`
		Sink    string `json:"sink"`
		Attempt int    `json:"attempt"`
		OK      bool   `json:"ok"`
		Error   string `json:"error"`
		Next    string `json:"next"`
	} `json:"delivery"`
	HostCall *struct {
		App   int64  `json:"app_id"`
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	} `json:"host_call"`
	Control *struct {
		Operation string         `json:"operation"`
		Params    map[string]any `json:"params"`
		Outcome   string         `json:"outcome"`
	} `json:"control"`
	Fault *struct {
		On     string `json:"on"`
		Do     string `json:"do"`
		Target string `json:"target"`
	} `json:"fault"`
	Mismatch *struct {
		Operation string `json:"operation"`
		Problem   string `json:"problem"`
	} `json:"mismatch"`

	// own marks what the engine did to get a token.
	own bool
}

// event is something the platform sends.
type event struct {
	ID      int64           `json:"id"`
	Name    string          `json:"name"`
	Channel string          `json:"channel"`
	App     int64           `json:"app_id"`
	TP      int64           `json:"tp_id"`
	Order   int64           `json:"order_id"`
	Payload json.RawMessage `json:"payload"`
}

// sent is an event with what is in it.
type sent struct {
	event
	payload any
	// recorded: it has arrived without an attempt to deliver it.
	recorded bool
}

// arrival is an event that has reached its receiver, once more for each time
// it did.
type arrival struct {
	*sent
	at time.Time
	// used: it was expected. passed: a later one was.
	used, passed bool
}

// The channels.
const (
	channelPush   = "push"
	channelKafka  = "kafka"
	channelNotify = "notify"
)

// sync reads what the journal has to tell and puts it on the timeline.
func (e *engine) sync(ctx context.Context) error {
	mark := len(e.entries)
	if err := e.quietSync(ctx); err != nil {
		return err
	}
	e.told(mark)
	return nil
}

// quietSync reads what the journal has to tell.
func (e *engine) quietSync(ctx context.Context) error {
	for {
		var page struct {
			Entries []json.RawMessage `json:"entries"`
			Last    int64             `json:"last"`
		}
		path := "/journal?limit=1000&after=" + strconv.FormatInt(e.last, 10)
		if err := e.box.order(ctx, http.MethodGet, path, nil, &page); err != nil {
			return err
		}
		for _, raw := range page.Entries {
			var one entry
			if err := json.Unmarshal(raw, &one); err != nil {
				return fmt.Errorf("read the journal: %w", err)
			}
			one.own = e.own
			e.raw = append(e.raw, raw)
			if err := e.absorb(&one); err != nil {
				return err
			}
		}
		e.last = page.Last
		if len(page.Entries) < 1000 {
			if !e.kafka {
				if err := e.recorded(ctx); err != nil {
					return err
				}
			}
			_, err := e.clockNow(ctx)
			return err
		}
	}
}

// absorb takes one entry in.
func (e *engine) absorb(one *entry) error {
	e.entries = append(e.entries, *one)
	switch {
	case one.Event != nil:
		s := &sent{event: *one.Event}
		var err error
		if s.payload, err = decodeJSON(s.Payload); err != nil {
			return fmt.Errorf("entry %d: %w", one.Seq, err)
		}
		e.events[s.ID] = s
	case one.Delivery != nil && one.Delivery.OK:
		if s := e.events[one.Delivery.Event]; s != nil {
			e.arrived = append(e.arrived, &arrival{sent: s, at: one.At})
		}
	}
	return nil
}

// recorded takes in the notices that went nowhere because there is no Kafka:
// they count as delivered, and the journal has no attempts of them.
func (e *engine) recorded(ctx context.Context) error {
	type delivery struct {
		Event       int64     `json:"event"`
		DeliveredAt time.Time `json:"delivered_at"`
	}
	var out struct {
		Deliveries []delivery `json:"deliveries"`
	}
	if err := e.box.order(ctx, http.MethodGet, "/deliveries?channel=kafka&status=delivered&limit=10000", nil, &out); err != nil {
		return err
	}
	slices.SortStableFunc(out.Deliveries, func(a, b delivery) int { return a.DeliveredAt.Compare(b.DeliveredAt) })
	for _, d := range out.Deliveries {
		if s := e.events[d.Event]; s != nil && !s.recorded {
			s.recorded = true
			e.arrived = append(e.arrived, &arrival{sent: s, at: d.DeliveredAt})
			e.line(Line{At: d.DeliveredAt, Kind: channelKafka, From: "platform", To: "alliance", What: noticeText(s), OK: true})
		}
	}
	return nil
}

// exchangeSince is how the last call of an operation ended, by the journal.
func (e *engine) exchangeSince(mark int, operation string) string {
	for _, one := range slices.Backward(e.entries[mark:]) {
		if one.Exchange != nil && one.Exchange.Operation == operation {
			return one.Exchange.Outcome
		}
	}
	return ""
}

// entryAt returns the entry with a number.
func (e *engine) entryAt(seq int64) *entry {
	i, found := slices.BinarySearchFunc(e.entries, seq, func(one entry, seq int64) int { return int(one.Seq - seq) })
	if !found {
		return nil
	}
	return &e.entries[i]
}

// about is the app that an entry concerns; 0 for none.
func (e *engine) about(one *entry) int64 {
	switch {
	case one.Transition != nil:
		return one.Transition.App
	case one.Event != nil:
		return one.Event.App
	case one.Delivery != nil:
		if s := e.events[one.Delivery.Event]; s != nil {
			return s.App
		}
	case one.HostCall != nil:
		return one.HostCall.App
	case one.Exchange != nil:
		return one.Exchange.Principal.App
	}
	return 0
}

// causes tells how things came to be as they are: the last entries that
// concern an app, or anything for 0, each with what brought it about.
func (e *engine) causes(app int64) []string {
	const most = 4
	var last []*entry
	for i := len(e.entries) - 1; i >= 0 && len(last) < most; i-- {
		one := &e.entries[i]
		telling := one.Transition != nil || one.Delivery != nil && !one.Delivery.OK || one.HostCall != nil && !one.HostCall.OK || one.Mismatch != nil || one.Fault != nil ||
			one.Exchange != nil && one.Exchange.Outcome != "ok" && !one.own ||
			one.Event != nil && one.Event.Channel != channelKafka
		if telling && (app == 0 || e.about(one) == app) {
			last = append(last, one)
		}
	}
	var out []string
	said := map[int64]bool{}
	for _, one := range slices.Backward(last) {
		depth := 0
		for at := one; at != nil && !said[at.Seq] && depth < 8; at = e.entryAt(at.Cause) {
			said[at.Seq] = true
			out = append(out, strings.Repeat("  ", depth)+arrow(depth)+at.text())
			depth++
		}
	}
	return out
}

func arrow(depth int) string {
	if depth == 0 {
		return ""
	}
	return "because of "
}

// text is an entry in a line.
func (one *entry) text() string {
	return fmt.Sprintf("#%d %s %s", one.Seq, one.At.Format(time.TimeOnly), one.what())
}

func (one *entry) what() string {
	switch {
	case one.Exchange != nil:
		text := "call " + one.Exchange.Operation + ": " + one.Exchange.Outcome
		if one.Exchange.Note != "" {
			text += " (" + one.Exchange.Note + ")"
		}
		return text
	case one.Transition != nil:
		t := one.Transition
		text := fmt.Sprintf("%s %d of %d: %s → %s (%s)", or2(t.Resource, "package"), t.ID, t.App, or2(t.From, "new"), t.To, t.Name)
		if t.Reason != "" {
			text += " " + t.Reason
		}
		return text
	case one.Event != nil:
		return fmt.Sprintf("event %s for app %d", one.Event.Name, one.Event.App)
	case one.Delivery != nil:
		text := fmt.Sprintf("attempt %d to deliver %s: ", one.Delivery.Attempt, one.Delivery.Name)
		if one.Delivery.OK {
			return text + "ok"
		}
		return text + one.Delivery.Error
	case one.HostCall != nil:
		return "the host exchanges a code: " + or2(one.HostCall.Error, "ok")
	case one.Fault != nil:
		return fmt.Sprintf("fault: %s of %s %s", one.Fault.Do, one.Fault.On, one.Fault.Target)
	case one.Control != nil:
		return "control " + one.Control.Operation + ": " + one.Control.Outcome
	case one.Mismatch != nil:
		return "the emulator broke its contract: " + one.Mismatch.Operation + ": " + one.Mismatch.Problem
	}
	return one.Kind
}

func or2(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
