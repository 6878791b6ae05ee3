package contracttest

import (
	"context"
	"fmt"
	"time"
)

// What merchants are told of payments.

// Merchants is a merchant of the platform with its server.
type Merchants interface {
	// Pay has a user pay a new order.
	Pay(ctx context.Context) (*PaidOrder, error)
	// Notified are all attempts to tell the merchant something, in order.
	Notified(ctx context.Context) ([]Notification, error)
	// Refuse makes the merchant answer the next n attempts with something else
	// than that it has consumed the order.
	Refuse(ctx context.Context, n int) error
}

// A PaidOrder is an order as the merchant and its user know it.
type PaidOrder struct {
	// AppKey is the payment service's, which selects it where an app has
	// several; "" where it has one.
	AppKey string
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
	// Event is the event of x-events that is told where it came in; "" is
	// ORDER_PAID.
	Event string
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
		{ID: "pay.retry", Explain: "A notification that was not taken comes again until it is, every two minutes, two hundred times.", Needs: needs, Changes: Sandbox, cases: payRetryCases},
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
				p.fail(p.toldFinding("pay.count", orderPaid, "a merchant is not told of a paid order once", "one notification", counted(len(got), "notification")))
			}
			return p.notified(got, paidLetter(order))
		},
	}}
}

func payRetryCases(s *suite) []work {
	if _, ok := s.contract.Event(orderPaid); !ok {
		return nil
	}
	out := []work{{
		check: "pay.retry", operation: opPay, name: "refused twice", aims: []item{of(inEvents, orderPaid)},
		run: func(ctx context.Context, p *probe) error {
			got, order, err := p.paid(ctx, refusals)
			if err != nil {
				return err
			}
			p.saw("pay.retry")
			if len(got) != refusals+1 {
				p.fail(p.toldFinding("pay.retry", orderPaid, "a notification that was not taken does not come again until it is",
					counted(refusals+1, "attempt"), counted(len(got), "attempt")))
			}
			return p.notified(got, paidLetter(order))
		},
	}}
	if !s.deals() {
		return out
	}
	needs := []Need{NeedCashier}
	return append(out,
		work{check: "pay.retry", operation: opPay, name: "every two minutes", needs: needs, run: payRhythm},
		work{check: "pay.retry", operation: opPay, name: "two hundred times", needs: needs, run: payLimit})
}

// payPause is the documented pause between attempts to tell of a paid order,
// and payTries how often it is told again.
const (
	payPause = 2 * time.Minute
	payTries = 200
)

// payRhythm has a merchant answer wrongly in all the ways that there are.
func payRhythm(ctx context.Context, p *probe) error {
	d, err := p.deal(ctx)
	if err != nil {
		return err
	}
	wrong := []Answer{{Says: Hesitates}, {Says: Garbles}, {Says: Errs}, {Says: Breaks}, {Says: Fails}}
	if err := d.answer(ctx, orderPaid, wrong...); err != nil {
		return err
	}
	if err := d.settle(ctx, UserPays); err != nil {
		return err
	}
	return d.rhythm(ctx, "pay.retry", paidLetter(d.order), len(wrong), []time.Duration{payPause})
}

// payLimit has a merchant that never takes its order.
func payLimit(ctx context.Context, p *probe) error {
	d, err := p.deal(ctx)
	if err != nil {
		return err
	}
	wrong := make([]Answer, payTries*2)
	for i := range wrong {
		wrong[i].Says = Hesitates
	}
	if err := d.answer(ctx, orderPaid, wrong...); err != nil {
		return err
	}
	if err := d.settle(ctx, UserPays); err != nil {
		return err
	}
	if err := p.advance(ctx, (payTries+payTries/4)*payPause); err != nil {
		return err
	}
	got, err := d.toldOf(ctx, orderPaid)
	if err != nil {
		return err
	}
	p.saw("pay.retry")
	// Whether the first attempt is one of them, the documents do not say.
	if len(got) != payTries && len(got) != payTries+1 {
		p.fail(p.toldFinding("pay.retry", orderPaid, "a notification that is never taken is not sent two hundred times again",
			counted(payTries+1, "attempt"), counted(len(got), "attempt")))
	}
	return nil
}

// paid has an order paid and returns what the merchant, which refuses it so many
// times, is told of it within an hour.
func (p *probe) paid(ctx context.Context, refuse int) ([]Notification, *PaidOrder, error) {
	m := p.target.Merchants
	if err := m.Refuse(ctx, refuse); err != nil {
		return nil, nil, fmt.Errorf("have the merchant refuse: %w", err)
	}
	first, err := toldSoFar(ctx, m)
	if err != nil {
		return nil, nil, err
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
	got, err := p.toldOf(ctx, m, order, orderPaid, first)
	return got, order, err
}
