package emulator

import (
	"fmt"
	"slices"
	"time"
)

// What is decided on orders and their refunds: what a user does in the cashier,
// what a merchant without a URL says to a refund, how a refund ends. Decisions
// are queued ahead like those on packages; without one everything goes well
// after the sandbox's delay, or, in manual mode, waits to be told.

// The delays that the contract does not have, and the rhythm of notifications
// (D).
const (
	notifyInterval = 2 * time.Minute
	notifyRetries  = 200
)

// paymentDefaults is how payments go in a sandbox that was told nothing else.
func paymentDefaults(c Config) Config {
	c.NotifyInterval, c.NotifyRetries = notifyInterval, notifyRetries
	return c
}

// orderSteps and refundSteps are the steps of the lifecycles that decisions
// make here.
func orderSteps() []decided {
	return []decided{
		{timerPayment, outcomePass, ""},
		{timerPayment, outcomeFail, ""},
		{timerPayment, outcomeFail, whenCancelled},
		{decisionConsumption, outcomePass, ""},
		{timerRefund, outcomePass, ""},
	}
}

func refundSteps() []decided {
	return []decided{
		{timerRefundAudit, outcomePass, ""},
		{timerRefundAudit, outcomeFail, ""},
		{timerRefund, outcomePass, ""},
		{timerRefund, outcomeFail, ""},
		{decisionConsumption, outcomeFail, ""},
	}
}

// onPayments reports whether a kind of decision is about orders.
func onPayments(kind string) bool {
	return kind == timerPayment || kind == timerRefundAudit || kind == timerRefund
}

// outcomes are the results that a kind of decision can have.
func outcomes(kind string) []string {
	if kind == timerPayment {
		return []string{paymentPaid, paymentCancelled, paymentFailed}
	}
	return []string{outcomePass, outcomeFail}
}

// takePayDecision takes the first queued decision that is for this order.
func (c *Call) takePayDecision(kind string, o *Order) *Decision {
	i := slices.IndexFunc(c.State.Decisions, func(d *Decision) bool { return d.matchesOrder(kind, o) })
	if i < 0 {
		return nil
	}
	d := c.State.Decisions[i]
	c.State.Decisions = slices.Delete(c.State.Decisions, i, i+1)
	return d
}

func (d *Decision) matchesOrder(kind string, o *Order) bool {
	return d.Kind == kind && (d.App == 0 || d.App == o.App) && (d.TPOrder == "" || d.TPOrder == o.TPOrder)
}

// undecided is something about an order that is not decided yet; the refund
// is nil for what its user does.
type undecided struct {
	kind string
	o    *Order
	r    *Refund
}

// undecidedOn lists what is not decided yet on an order, in order. What a
// merchant is asked over the wire is for the merchant to decide.
func (s *State) undecidedOn(o *Order) (out []undecided) {
	if o.State == orderUnpaid && o.Result == "" {
		out = append(out, undecided{timerPayment, o, nil})
	}
	m := s.merchant(o.Deal)
	for _, r := range o.Refunds {
		if r.State == refundRefunding || r.State == refundAuditing && m != nil && m.RefundAuditURL == "" {
			out = append(out, undecided{r.due(), o, r})
		}
	}
	return out
}

// timer is the timer of what is undecided; 0 where it waits to be told.
func (u undecided) timer() int64 {
	if u.r == nil {
		return u.o.Timer
	}
	return u.r.Timer
}

// decideNow gives what is undecided a decision; without a delay it takes effect
// at once.
func (c *Call) decideNow(u undecided, d *Decision) {
	c.State.Timers.drop(func(t Timer) bool { return u.timer() != 0 && t.ID == u.timer() })
	switch {
	case u.r == nil:
		c.decidePayment(u.o, d, 0)
	case d.After != nil && *d.After > 0:
		c.decideRefund(u.o, u.r, d, 0)
	default:
		c.refundDecided(u.o, u.r, d)
	}
}

// decideWaiting lets go well what waits to be told, after the sandbox's delays.
func (c *Call) decideWaiting() {
	for _, o := range c.State.Orders {
		for _, u := range c.State.undecidedOn(o) {
			switch {
			case u.timer() != 0:
			case u.r == nil:
				c.enterCashier(o)
			case u.kind == timerRefundAudit:
				c.auditUnasked(o, u.r)
			default:
				c.scheduleRefund(o, u.r)
			}
		}
	}
}

// decideOrder is the moment when a decision on an order takes effect.
func decideOrder(c *Call, t Timer) bool {
	if !c.State.standsOn(t) {
		return false
	}
	o := c.State.order(t.Order)
	if t.Kind == timerPayment {
		c.paymentDecided(o, t.Decision)
	} else {
		c.refundDecided(o, o.refund(t.Refund), t.Decision)
	}
	return true
}

// standsOn reports whether the timer of a decision on an order still does
// something.
func (s *State) standsOn(t Timer) bool {
	o := s.order(t.Order)
	if o == nil {
		return false
	}
	if t.Kind == timerPayment {
		return o.Timer == t.ID
	}
	r := o.refund(t.Refund)
	return r != nil && r.Timer == t.ID
}

// refundMoney is the money of the refund that an event is about; 0 for none.
func (s *State) refundMoney(e *Event) int64 {
	if o := s.order(e.Order); o != nil {
		if r := o.refund(e.Refund); r != nil {
			return r.Asked
		}
	}
	return 0
}

// notifies reports whether a notification is about something that is there.
func (s *State) notifies(e *Event) bool {
	o := s.order(e.Order)
	if o == nil || o.Deal != e.Deal {
		return false
	}
	switch e.Name {
	case eventOrderPaid:
		return e.Refund == 0
	case eventRefundAudit, eventRefundStatus:
		return o.refund(e.Refund) != nil
	}
	return false
}

// checkPayments says where merchants, orders and refunds do not hold together.
func (s *State) checkPayments(p *program) error {
	keys := map[string]bool{}
	for i, m := range s.Merchants {
		at := fmt.Sprintf("state: /merchants/%d", i)
		switch {
		case m == nil || s.Apps[m.App] == nil:
			return fmt.Errorf("%s: want a merchant of an app that is there", at)
		case m.Deal <= 0 || s.merchant(m.Deal) != m || m.Key == "" || keys[m.Key]:
			return fmt.Errorf("%s: want a deal_id above 0 and an app_key of its own", at)
		}
		if err := m.check(); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		keys[m.Key] = true
	}
	for i, o := range s.Orders {
		at := fmt.Sprintf("state: /orders/%d", i)
		switch {
		case o == nil || o.ID <= orderIDs || o.ID > s.LastOrder || i > 0 && s.Orders[i-1].ID >= o.ID:
			return fmt.Errorf("%s: want order_ids in order, each once, up to last_order", at)
		case s.merchant(o.Deal) == nil || s.orders[orderName(o.Deal, o.TPOrder)] != o || s.merchant(o.Deal).App != o.App:
			return fmt.Errorf("%s: want a merchant that is there, its app, and a tp_order_id of its own", at)
		case p.payOrders.lifecycle != nil && p.payOrders.states[o.State] == nil:
			return fmt.Errorf("%s: no order is in a state %q", at, o.State)
		case o.Total < 1 || o.User < 1 || o.Refunded < 0 || min(o.Created, o.Paid) < 0 || o.left() < 0:
			return fmt.Errorf("%s: want a user, a total above 0 and no more than that refunded", at)
		}
		if err := s.checkRefunds(p, o); err != nil {
			return fmt.Errorf("%s%w", at, err)
		}
	}
	return nil
}

func (s *State) checkRefunds(p *program, o *Order) error {
	for i, r := range o.Refunds {
		switch {
		case r == nil || r.ID <= refundIDs || r.ID > s.LastRefund || o.refund(r.ID) != r:
			return fmt.Errorf("/refunds/%d: want refund_batch_ids, each once, up to last_refund", i)
		case p.payRefunds.lifecycle != nil && p.payRefunds.states[r.State] == nil:
			return fmt.Errorf("/refunds/%d: no refund is in a state %q", i, r.State)
		case r.Money < 1 || r.Money > r.Asked:
			return fmt.Errorf("/refunds/%d: want money from 1 to what was asked", i)
		}
	}
	return nil
}
