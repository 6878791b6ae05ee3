package contracttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/swanemu/emu/internal/seal"
	"github.com/swanemu/emu/internal/spec"
)

// What merchants are told of payments.

// Merchants is a merchant of the platform with its server.
type Merchants interface {
	// Pay has a user pay a new order.
	Pay(ctx context.Context) (*PaidOrder, error)
	// Notified are all attempts to tell the merchant of paid orders, in order.
	Notified(ctx context.Context) ([]Notification, error)
	// Refuse makes the merchant answer the next n attempts with something else
	// than that it has consumed the order.
	Refuse(ctx context.Context, n int) error
}

// A PaidOrder is an order as the merchant and its user know it.
type PaidOrder struct {
	// TpOrderID is the merchant's number, OrderID the platform's.
	TpOrderID       string
	OrderID, UserID int64
	DealID          int64
	// TotalMoney is what it is over, in fen.
	TotalMoney int64
	// PlatformKey is the public key with which the platform's signatures are
	// checked, in PEM.
	PlatformKey string
}

// A Notification is one attempt to tell a merchant something.
type Notification struct {
	// Form is the body of the request.
	Form []byte
	// Consumed says that the merchant took it.
	Consumed bool
}

const (
	// orderPaid is the event that tells a merchant of a paid order.
	orderPaid = "ORDER_PAID"
	// opPay is the call by which an order gets to the cashier.
	opPay = "requestPolymerPayment"
)

// merchantChecks are about what merchants are told.
func merchantChecks() []Check {
	needs := []Need{NeedMerchants, NeedClock}
	return []Check{
		{ID: "pay.count", Explain: "A merchant is told of a paid order once.", Needs: needs, Changes: Sandbox, cases: payCases},
		{ID: "pay.schema", Explain: "A notification is a form that its schema describes.", Needs: needs, Changes: Sandbox},
		{ID: "pay.signature", Explain: "A notification is signed with the platform's key.", Needs: needs, Changes: Sandbox},
		{ID: "pay.content", Explain: "A notification says what was ordered and paid.", Needs: needs, Changes: Sandbox},
		{ID: "pay.retry", Explain: "A notification that was not taken comes again until it is.", Needs: needs, Changes: Sandbox, cases: payRetryCases},
	}
}

func payCases(s *suite) []work {
	if _, ok := s.contract.Event(orderPaid); !ok {
		return nil
	}
	return []work{{
		check: "pay.count", operation: opPay, name: "paid", aims: []item{of(inEvents, orderPaid)},
		run: func(ctx context.Context, p *probe) error {
			got, order, err := p.paid(ctx, 0)
			if err != nil {
				return err
			}
			p.saw("pay.count")
			if len(got) != 1 {
				p.fail(p.payFinding("pay.count", "a merchant is not told of a paid order once", "one notification", counted(len(got), "notification")))
			}
			for _, one := range got {
				p.notified(one, order)
			}
			return nil
		},
	}}
}

func payRetryCases(s *suite) []work {
	if _, ok := s.contract.Event(orderPaid); !ok {
		return nil
	}
	return []work{{
		check: "pay.retry", operation: opPay, name: "refused twice", aims: []item{of(inEvents, orderPaid)},
		run: func(ctx context.Context, p *probe) error {
			got, order, err := p.paid(ctx, refusals)
			if err != nil {
				return err
			}
			p.saw("pay.retry")
			if len(got) != refusals+1 {
				p.fail(p.payFinding("pay.retry", "a notification that was not taken does not come again until it is",
					counted(refusals+1, "attempt"), counted(len(got), "attempt")))
			}
			for _, one := range got {
				p.notified(one, order)
			}
			return nil
		},
	}}
}

// paid has an order paid and returns what the merchant, which refuses it so many
// times, is told of it within an hour.
func (p *probe) paid(ctx context.Context, refuse int) ([]Notification, *PaidOrder, error) {
	m := p.target.Merchants
	if err := m.Refuse(ctx, refuse); err != nil {
		return nil, nil, fmt.Errorf("have the merchant refuse: %w", err)
	}
	p.note("the harness: a user pays a new order; its merchant refuses what it is told %d times", refuse)
	order, err := m.Pay(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("pay: %w", err)
	}
	// The platform tries again every two minutes.
	if err := p.advance(ctx, time.Hour); err != nil {
		return nil, nil, err
	}
	all, err := m.Notified(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("read the notifications: %w", err)
	}
	var out []Notification
	for _, one := range all {
		form, err := url.ParseQuery(string(one.Form))
		if err != nil || form.Get("tpOrderId") == order.TpOrderID {
			out = append(out, one)
		}
	}
	return out, order, nil
}

func (p *probe) payFinding(check, message, expected, actual string) Finding {
	return Finding{
		Check: check, Operation: opPay, Message: message, Expected: expected, Actual: actual, SpecPointer: "#/x-events/" + orderPaid,
		Evidence: spec.Evidence{Grade: "documented", Source: "D"},
	}
}

// notified looks at one notification of a paid order.
func (p *probe) notified(one Notification, order *PaidOrder) {
	p.saw("pay.schema")
	form, err := url.ParseQuery(string(one.Form))
	if err != nil {
		p.fail(p.payFinding("pay.schema", "a notification is no form", "application/x-www-form-urlencoded", "something else"))
		return
	}
	said, params := p.formValue(form)
	p.hit(inEvents, orderPaid)
	if err := p.contract.CheckEvent(orderPaid, said); err != nil {
		for _, issue := range issuesOf(err) {
			f := p.payFinding("pay.schema", "a notification does not match its schema: "+issue.String(), expectation(issue),
				actually(issue, said, func(string) bool { return true }))
			f.ValuePointer, f.keyword = issue.Pointer, string(issue.Rule)
			p.fail(f)
		}
	}
	p.saw("pay.signature")
	verifier, err := seal.ParsePayVerifier(order.PlatformKey)
	if err != nil {
		p.fail(p.payFinding("pay.signature", "the harness's key of the platform is none", "a public key in PEM", "something else"))
		return
	}
	if verifier.Verify(params, params["rsaSign"]) != nil {
		f := p.payFinding("pay.signature", "a notification is not signed with the platform's key", "the signature of all its parameters", "another text")
		f.ValuePointer = "/rsaSign"
		p.fail(f)
	}
	p.saw("pay.content")
	for name, want := range map[string]string{
		"tpOrderId": order.TpOrderID, "orderId": strconv.FormatInt(order.OrderID, 10), "userId": strconv.FormatInt(order.UserID, 10),
		"dealId": strconv.FormatInt(order.DealID, 10), "totalMoney": strconv.FormatInt(order.TotalMoney, 10),
	} {
		if got := params[name]; got != want {
			f := p.payFinding("pay.content", "a notification does not say what was paid", "that of the order", "another value")
			f.ValuePointer = "/" + name
			p.fail(f)
		}
	}
}

// formValue is a form as the JSON object that its schema describes, and as
// texts; what stands twice is a list there, which no schema has.
func (p *probe) formValue(form url.Values) (whole []byte, params map[string]string) {
	types := map[string]string{}
	for _, property := range p.contract.EventProperties(orderPaid) {
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
