package contracttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/swanemu/emu/internal/seal"
	"github.com/swanemu/emu/internal/spec"
)

// What stands in a notification of a merchant.

// A letter is what a notification of an event must say, and which checks ask
// for it.
type letter struct {
	event string
	// checks is what their IDs begin with.
	checks string
	order  *PaidOrder
	// says are parameters and their values.
	says map[string]string
}

// paidLetter is what a merchant is told of an order that was paid.
func paidLetter(o *PaidOrder) letter {
	says := orderSays(o)
	says["dealId"], says["totalMoney"] = strconv.FormatInt(o.DealID, 10), strconv.FormatInt(o.TotalMoney, 10)
	return letter{orderPaid, "pay.", o, says}
}

// orderSays are the parameters that name an order.
func orderSays(o *PaidOrder) map[string]string {
	return map[string]string{
		"tpOrderId": o.TpOrderID, "orderId": strconv.FormatInt(o.OrderID, 10), "userId": strconv.FormatInt(o.UserID, 10),
	}
}

// toldSoFar is how many attempts there were to tell a merchant something.
func toldSoFar(ctx context.Context, m Merchants) (int, error) {
	all, err := m.Notified(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the notifications: %w", err)
	}
	return len(all), nil
}

// toldOf are the attempts to tell of an event of an order, but for the first
// ones, which came before there was the order; what is no form may be one of
// them.
func (p *probe) toldOf(ctx context.Context, m Merchants, o *PaidOrder, event string, first int) ([]Notification, error) {
	all, err := m.Notified(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the notifications: %w", err)
	}
	var out []Notification
	for _, one := range all[min(first, len(all)):] {
		if one.event() != event {
			continue
		}
		if form, err := url.ParseQuery(string(one.Form)); err != nil || form.Get("tpOrderId") == o.TpOrderID {
			out = append(out, one)
		}
	}
	return out, nil
}

// event is the event that is told.
func (n *Notification) event() string {
	if n.Event == "" {
		return orderPaid
	}
	return n.Event
}

// toldFinding is a finding of what is told by an event, or not.
func (p *probe) toldFinding(check, event, message, expected, actual string) Finding {
	def, _ := p.contract.Event(event)
	return Finding{
		Check: check, Message: message, Expected: expected, Actual: actual, SpecPointer: "#/x-events/" + event, Evidence: def.Evidence,
	}
}

// notified looks at notifications.
func (p *probe) notified(all []Notification, t letter) error {
	verifier, err := seal.ParsePayVerifier(t.order.PlatformKey)
	if err != nil {
		return fmt.Errorf("the harness's key of the platform: %w", err)
	}
	for _, one := range all {
		p.saw(t.checks + "schema")
		form, err := url.ParseQuery(string(one.Form))
		if err != nil {
			p.fail(p.toldFinding(t.checks+"schema", t.event, "a notification is no form", "application/x-www-form-urlencoded", "something else"))
			continue
		}
		said, params := p.formValue(form, t.event)
		p.hit(inEvents, t.event)
		p.formed(said, t)
		p.saw(t.checks + "signature")
		if verifier.Verify(params, params["rsaSign"]) != nil {
			f := p.toldFinding(t.checks+"signature", t.event, "a notification is not signed with the platform's key", "the signature of all its parameters", "another text")
			f.ValuePointer = "/rsaSign"
			p.fail(f)
		}
		p.saw(t.checks + "content")
		for _, name := range sortedKeys(t.says) {
			if params[name] != t.says[name] {
				f := p.toldFinding(t.checks+"content", t.event, "a notification does not say what it is about", "that of the order or the refund", "another value")
				f.ValuePointer = "/" + name
				p.fail(f)
			}
		}
	}
	return nil
}

// formed holds a notification against its schema.
func (p *probe) formed(said []byte, t letter) {
	err := p.contract.CheckEvent(t.event, said)
	if err == nil {
		return
	}
	var invalid *spec.InvalidError
	if !errors.As(err, &invalid) {
		p.fail(p.toldFinding(t.checks+"schema", t.event, "a notification does not match its schema", "the event's schema", err.Error()))
		return
	}
	for _, issue := range invalid.Issues {
		f := p.toldFinding(t.checks+"schema", t.event, "a notification does not match its schema: "+issue.String(), expectation(issue),
			actually(issue, said, func(string) bool { return true }))
		f.ValuePointer, f.keyword = issue.Pointer, string(issue.Rule)
		p.fail(f)
	}
}

// formValue is a form as the JSON object that its event's schema describes, and
// as texts; what stands twice is a list there, which no schema has.
func (p *probe) formValue(form url.Values, event string) (whole []byte, params map[string]string) {
	types := map[string]string{}
	for _, property := range p.contract.EventProperties(event) {
		types[strings.TrimPrefix(property.Pointer, "/")] = property.Type
	}
	params = map[string]string{}
	object := map[string]json.RawMessage{}
	for name, values := range form {
		params[name] = values[0]
		raw := []byte(values[0])
		number := types[name] == "integer" || types[name] == "number"
		text, err := json.Marshal(values[0])
		if len(values) > 1 {
			text, err = json.Marshal(values)
			number = false
		}
		if err != nil {
			continue // a text can be written
		}
		if number && json.Valid(raw) && bytes.IndexByte([]byte(`"{[`), raw[0]) < 0 {
			text = raw
		}
		object[name] = text
	}
	whole, err := json.Marshal(object)
	if err != nil {
		return []byte("{}"), params
	}
	return whole, params
}
