package emulator

import (
	"slices"
	"strconv"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// Refunds of orders (seed 004 leaves them to other documents; D). Modelled: the
// whole amount and parts of it, the merchant's audit, repetition by the
// merchant's own batch, the refund of orders that a merchant calls erroneous,
// how the refund ends as it is scripted (x-lifecycle/refund). Not modelled: the
// daily limit and the merchant's funds.

// The states of x-lifecycle/refund that this package names, and the condition
// of one of its steps.
const (
	refundAuditing  = "auditing"
	refundRefunding = "refunding"
	refundSucceeded = "succeeded"

	whenSkipAudit = "skip_audit"
)

// A Refund is money of an order on its way back.
type Refund struct {
	// ID is the platform's number of the batch; Batch the merchant's, "" for
	// a refund that the platform began.
	ID    int64  `json:"refund_batch_id"`
	Batch string `json:"biz_refund_batch_id,omitempty"`
	State string `json:"state"`
	// Asked is the amount that was asked for, Money what goes back, in fen.
	Asked int64 `json:"asked"`
	Money int64 `json:"money"`
	// Type is who began it, Reason why.
	Type   int    `json:"type"`
	Reason string `json:"reason,omitempty"`
	// Failure is why nothing has gone back.
	Failure string `json:"failure,omitempty"`
	// NotifyURL takes the place of the merchant's.
	NotifyURL string `json:"notify_url,omitempty"`
	// At is when it was asked for, Ended when it ended, in seconds since 1970.
	At    int64 `json:"at"`
	Ended int64 `json:"ended,omitempty"`
	// Timer is the timer of what is decided next; 0 when none is set.
	Timer int64 `json:"timer,omitempty"`
}

// underWay reports whether it has not ended.
func (r *Refund) underWay() bool { return r.State == refundAuditing || r.State == refundRefunding }

// holds is how much of the order's money the refund has or wants.
func (r *Refund) holds() int64 {
	if r.underWay() || r.State == refundSucceeded {
		return r.Money
	}
	return 0
}

// due is the kind of decision that ends the refund's state; "" for none.
func (r *Refund) due() string {
	switch r.State {
	case refundAuditing:
		return timerRefundAudit
	case refundRefunding:
		return timerRefund
	}
	return ""
}

// refundOf is a refund with its order.
type refundOf struct {
	o *Order
	r *Refund
}

func (x refundOf) where() (state string, id int64) { return x.r.State, x.r.ID }

// left is what of the order's money no refund has or wants.
func (o *Order) left() int64 {
	left := o.Total
	for _, r := range o.Refunds {
		left -= r.holds()
	}
	return left
}

// refund returns the order's refund with that number, or nil; nil has none.
func (o *Order) refund(id int64) *Refund {
	if o == nil {
		return nil
	}
	for _, r := range o.Refunds {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// refundsInError reports whether the platform has begun a refund by itself.
func (o *Order) refundsInError() bool {
	return slices.ContainsFunc(o.Refunds, func(r *Refund) bool { return r.Batch == "" })
}

type applyOrderRefundIn struct {
	Money     *int64 `json:"applyRefundMoney"`
	Batch     string `json:"bizRefundBatchId"`
	SkipAudit int    `json:"isSkipAudit"`
	OrderID   int64  `json:"orderId"`
	Reason    string `json:"refundReason"`
	Type      int    `json:"refundType"`
	TPOrder   string `json:"tpOrderId"`
	UserID    int64  `json:"userId"`
	NotifyURL string `json:"refundNotifyUrl"`
	PMAppKey  string `json:"pmAppKey"`
}

type refundApplied struct {
	Batch string `json:"refundBatchId"`
	Money int64  `json:"refundPayMoney"`
}

// applyOrderRefund begins to give back what was paid, or a part of it.
func applyOrderRefund(c *Call, in applyOrderRefundIn) (refundApplied, error) {
	m, err := c.ownMerchant(in.PMAppKey)
	if err != nil {
		return refundApplied{}, err
	}
	o := c.State.order(in.OrderID)
	switch {
	case o == nil || o.Deal != m.Deal:
		return refundApplied{}, refuse("PayOrderNotFound")
	case o.TPOrder != in.TPOrder:
		return refundApplied{}, refuse("PayParameterInvalid", "tpOrderId 不是订单 %d 的", o.ID)
	case o.User != in.UserID:
		return refundApplied{}, refuse("PayParameterInvalid", "userId取值不合法")
	}
	money := o.Total
	set(&money, in.Money)
	for _, r := range o.Refunds {
		if r.Batch != in.Batch {
			continue
		}
		if r.Asked != money {
			return refundApplied{}, refuse("RecordExists", "bizRefundBatchId %s 已用于 %d 分的退款", in.Batch, r.Asked)
		}
		return r.applied(), nil
	}
	r := &Refund{
		Batch: in.Batch, Asked: money, Money: money, Type: in.Type, Reason: in.Reason, NotifyURL: in.NotifyURL, At: c.Now.Unix(),
	}
	when := ""
	if in.SkipAudit == 1 {
		when = whenSkipAudit
	}
	t, err := c.program().payRefunds.step(c, refundOf{o, r}, "applyOrderRefund", when)
	if err != nil {
		return refundApplied{}, err
	}
	c.beginRefund(o, r, t)
	return r.applied(), nil
}

func (r *Refund) applied() refundApplied { return refundApplied{strconv.FormatInt(r.ID, 10), r.Money} }

// refundInError gives back what was paid of an order that its merchant calls
// erroneous.
func (c *Call) refundInError(o *Order) {
	left := o.left()
	if left == 0 {
		return
	}
	const merchantInError = 3 // refundType
	r := &Refund{Asked: left, Money: left, Type: merchantInError, Reason: "业务方标记为异常订单", At: c.Now.Unix()}
	c.beginRefund(o, r, c.program().payRefunds.decided(decisionConsumption, outcomeFail, "", ""))
}

func (c *Call) beginRefund(o *Order, r *Refund, t *spec.Transition) {
	c.State.LastRefund++
	r.ID = c.State.LastRefund
	o.Refunds = append(o.Refunds, r)
	c.passRefundOn(o, r, t, "")
}

// passRefundOn takes a step of the refund's lifecycle, records it, emits what
// it names and sees to what is decided next.
func (c *Call) passRefundOn(o *Order, r *Refund, t *spec.Transition, reason string) {
	c.record(KindTransition, &Transition{
		Resource: "refund", App: o.App, ID: r.ID, Name: t.Name, From: r.State, To: t.To, Reason: reason,
	})
	r.State, r.Timer = t.To, 0
	if !r.underWay() {
		r.Failure, r.Ended = reason, c.Now.Unix()
	}
	for _, name := range t.Emits {
		fields := c.State.refundEnded(o, r)
		if t.To == refundAuditing {
			fields = refundAsked(o, r)
		}
		c.emitBy(t.Name, Event{
			Name: name, Channel: ChannelNotify, App: o.App, Deal: o.Deal, Order: o.ID, Refund: r.ID, Payload: c.signed(fields),
		})
	}
	// Whoever was told may have taken further steps since.
	if t.To == refundRefunding {
		c.scheduleRefund(o, r)
	}
}

// scheduleRefund sees to how a refund ends.
func (c *Call) scheduleRefund(o *Order, r *Refund) {
	d := c.takePayDecision(timerRefund, o)
	if d == nil {
		if c.State.Config.Manual {
			return
		}
		d = &Decision{Kind: timerRefund, Result: outcomePass}
	}
	c.decideRefund(o, r, d, c.State.Config.Refund)
}

// decideRefund sets the timer of a decision on a refund.
func (c *Call) decideRefund(o *Order, r *Refund, d *Decision, delay time.Duration) {
	if d.After != nil {
		delay = *d.After
	}
	r.Timer = c.after(delay, Timer{Kind: d.Kind, App: o.App, Order: o.ID, Refund: r.ID, Decision: d})
}

// auditUnasked decides on the audit of a refund whose merchant has no URL to
// ask: as it is scripted, or, in manual mode, not until it is told.
func (c *Call) auditUnasked(o *Order, r *Refund) {
	d := c.takePayDecision(timerRefundAudit, o)
	if d == nil {
		if c.State.Config.Manual {
			return
		}
		d = &Decision{Kind: timerRefundAudit, Result: outcomePass}
	}
	if d.After != nil && *d.After > 0 {
		c.decideRefund(o, r, d, 0)
		return
	}
	c.refundDecided(o, r, d)
}

// refundDecided is the moment when a decision on a refund takes effect.
func (c *Call) refundDecided(o *Order, r *Refund, d *Decision) {
	t := c.program().payRefunds.decided(d.Kind, d.Result, "", r.State)
	if t == nil {
		return // it was decided otherwise in the meantime
	}
	reason := ""
	if d.Result == outcomeFail {
		reason = orElse(d.Reason, func() string { return c.program().payRefunds.states[t.To].Title })
	}
	c.passRefundOn(o, r, t, reason)
	if r.State != refundSucceeded {
		return
	}
	o.Refunded += r.Money
	if all := c.program().payOrders.decided(timerRefund, outcomePass, "", o.State); o.Refunded == o.Total && all != nil {
		c.passOn(o, all, "")
	}
}

type findOrderRefundIn struct {
	TPOrder  string `json:"tpOrderId"`
	UserID   int64  `json:"userId"`
	PMAppKey string `json:"pmAppKey"`
}

type orderRefund struct {
	Batch    string `json:"bizRefundBatchId"`
	OrderID  int64  `json:"orderId"`
	RefundID int64  `json:"refundBatchId"`
	Status   int    `json:"refundStatus"`
	UserID   int64  `json:"userId"`
}

// findOrderRefund lists the refunds of an order.
func findOrderRefund(c *Call, in findOrderRefundIn) ([]orderRefund, error) {
	o, err := c.ownOrder(in.TPOrder, in.PMAppKey)
	if err != nil {
		return nil, err
	}
	if o.User != in.UserID {
		return nil, refuse("PayParameterInvalid", "userId取值不合法")
	}
	out := []orderRefund{}
	for _, r := range o.Refunds {
		out = append(out, orderRefund{r.Batch, o.ID, r.ID, c.program().payRefunds.states[r.State].Status, o.User})
	}
	return out, nil
}

// refundGates decides the gates that x-lifecycle/refund names.
func refundGates() map[string]gate {
	return map[string]gate{
		"order_paid": on(func(_ *Call, x refundOf) error {
			if x.o.Paid == 0 {
				return refuse("PayRefused", "订单 %d 没有付款", x.o.ID)
			}
			return nil
		}),
		"amount_left": on(func(_ *Call, x refundOf) error {
			if left := x.o.left(); x.r.Money > left {
				return refuse("PayRefused", "退款 %d 分超过订单 %d 可退的 %d 分", x.r.Money, x.o.ID, left)
			}
			return nil
		}),
		"part_of_consumed": on(func(_ *Call, x refundOf) error {
			if x.r.Money < x.o.Total && x.o.State != orderConsumed {
				return refuse("PayRefused", "部分退款的订单必须已消费，订单 %d 没有核销", x.o.ID)
			}
			return nil
		}),
	}
}
