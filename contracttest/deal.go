package contracttest

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// The states of x-lifecycle/order and x-lifecycle/refund.
const (
	orderUnpaid    = "unpaid"
	orderIsPaid    = "paid"
	orderConsumed  = "consumed"
	orderCancelled = "cancelled"
	orderRefunded  = "refunded"

	refundAuditing  = "auditing"
	refundRefunding = "refunding"
	refundSucceeded = "succeeded"
	refundFailed    = "failed"
)

// A deal is an order on its way, as a case leads it, and how it must stand.
type deal struct {
	*probe
	order   *PaidOrder
	subject *Subject
	state   string
	// failed says that the last try to pay it did not succeed.
	failed  bool
	refunds []*refund
	batches int // that were asked for
	before  int // how much the merchant was told before
}

// toldOf are the attempts to tell the merchant of an event of the deal.
func (d *deal) toldOf(ctx context.Context, event string) ([]Notification, error) {
	return d.probe.toldOf(ctx, d.target.Cashier, d.order, event, d.before)
}

// A refund is one of a deal's.
type refund struct {
	// batch is the merchant's number, "" for one that the platform began; id
	// the platform's.
	batch, id string
	// asked is what was asked for, money what is to go back.
	asked, money int64
	state        string
}

// underWay reports whether it has not ended.
func (r *refund) underWay() bool { return r.state == refundAuditing || r.state == refundRefunding }

// deal has a user go to the cashier with a new order.
func (p *probe) deal(ctx context.Context) (*deal, error) {
	before, err := toldSoFar(ctx, p.target.Cashier)
	if err != nil {
		return nil, err
	}
	p.note("the harness: a user goes to the cashier with a new order")
	o, err := p.target.Cashier.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open an order: %w", err)
	}
	p.chain = append(p.chain, p.ordered()...)
	d := &deal{probe: p, order: o, subject: &Subject{Authorizer: p.target.Credentials.Authorizer}, state: orderUnpaid, before: before}
	d.took("order", "order", "")
	return d, nil
}

// took notes that a step of a lifecycle was taken.
func (p *probe) took(resource, step, from string) {
	l, _ := p.contract.Lifecycle(resource)
	for i := range l.Transitions {
		if t := &l.Transitions[i]; t.Name == step {
			p.cover(t.Operation, "transition", step, "taken")
			p.hit(inTransitions, arrow(step, from).name)
		}
	}
}

// answer makes the merchant's server answer what is listed.
func (d *deal) answer(ctx context.Context, event string, answers ...Answer) error {
	d.note("the harness: to %s the merchant answers %s", event, sayings(answers))
	if err := d.target.Cashier.Answer(ctx, d.order, event, answers...); err != nil {
		return fmt.Errorf("have the merchant answer: %w", err)
	}
	return nil
}

// sayings lists answers in words.
func sayings(answers []Answer) string {
	text := ""
	for _, a := range answers {
		if text != "" {
			text += ", "
		}
		if text += string(a.Says); a.Money > 0 {
			text += " to " + counted(int(a.Money), "fen")
		}
	}
	if text == "" {
		return "that it agrees"
	}
	return "in turn: " + text + ", then that it agrees"
}

// settle lets something end, and what follows from that arrive.
func (d *deal) settle(ctx context.Context, s Settlement) error {
	d.note("the harness: %s", s)
	if err := d.target.Cashier.Settle(ctx, d.order, s); err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	d.chain = append(d.chain, d.ordered()...)
	return d.advance(ctx, arrival)
}

// arrival is how long what follows at once may take.
const arrival = 10 * time.Second

// paidDeal is a deal that its user has paid; the merchant has taken it where
// consumed asks for that, and takes its time else.
func (p *probe) paidDeal(ctx context.Context, consumed bool) (*deal, error) {
	d, err := p.deal(ctx)
	if err != nil {
		return nil, err
	}
	if !consumed {
		hesitates := make([]Answer, 100) // an attempt every two minutes
		for i := range hesitates {
			hesitates[i].Says = Hesitates
		}
		if err := d.answer(ctx, orderPaid, hesitates...); err != nil {
			return nil, err
		}
	}
	if err := d.settle(ctx, UserPays); err != nil {
		return nil, err
	}
	d.took("order", "pay", d.state)
	d.state = orderIsPaid
	if consumed {
		d.took("order", "consume", d.state)
		d.state = orderConsumed
	}
	return d, nil
}

// done lets the merchant agree from now on, so that nothing of the deal is
// told again.
func (d *deal) done(ctx context.Context) error {
	if err := d.answer(ctx, orderPaid); err != nil {
		return err
	}
	return d.advance(ctx, 2*arrival+2*time.Minute)
}

// refundCall makes the call for a refund.
func (d *deal) refundCall(ctx context.Context, r *refund, unaudited bool) (*exchange, error) {
	w, err := d.refundWire(ctx, r, unaudited)
	if err != nil {
		return nil, err
	}
	return d.call(ctx, w)
}

// refundWire is the call for a refund.
func (d *deal) refundWire(ctx context.Context, r *refund, unaudited bool) (*wire, error) {
	op, ok := d.contract.Operation(opRefund)
	if !ok {
		return nil, fmt.Errorf("%w: the contract has no %s", ErrCannot, opRefund)
	}
	token, err := d.tokenFor(ctx, op, d.subject)
	if err != nil {
		return nil, err
	}
	w := &wire{op: op, method: op.Method, place: inForm, token: token.token, params: d.params(map[string]string{
		"orderId": strconv.FormatInt(d.order.OrderID, 10), "tpOrderId": d.order.TpOrderID, "userId": strconv.FormatInt(d.order.UserID, 10),
		"bizRefundBatchId": r.batch, "refundReason": "contract", "refundType": "1", "applyRefundMoney": strconv.FormatInt(r.asked, 10),
	})}
	if unaudited {
		w.set(param{name: "isSkipAudit", text: "1"})
	}
	return w, nil
}

// params are parameters of a call, with the one that selects the merchant.
func (d *deal) params(values map[string]string) []param {
	if d.order.AppKey != "" {
		values["pmAppKey"] = d.order.AppKey
	}
	var out []param
	for _, name := range sortedKeys(values) {
		out = append(out, param{name: name, text: values[name]})
	}
	return out
}

// fresh is a refund that was not asked for yet.
func (d *deal) fresh(money int64) *refund {
	d.batches++
	return &refund{batch: "R" + d.order.TpOrderID + "-" + strconv.Itoa(d.batches), asked: money, money: money}
}

// refund asks for a refund, which must be accepted, and lets the merchant be
// asked about it.
func (d *deal) refund(ctx context.Context, money int64, unaudited bool) (*refund, error) {
	r := d.fresh(money)
	step := "ask_for_refund"
	if r.state = refundAuditing; unaudited {
		r.state, step = refundRefunding, "refund_unaudited"
	}
	x, err := d.refundCall(ctx, r, unaudited)
	if err != nil {
		return nil, err
	}
	f := d.stepFinding("refund", step)
	f.Operation, f.Message = opRefund, "a refund that the lifecycle allows is not accepted"
	if len(d.refunds) == 0 { // it is not what the case is about
		f.Check = "pay.refund-accepted"
	}
	if !d.expect(x, f, Accepted) {
		return nil, errStep
	}
	var body struct {
		Data struct {
			ID    string `json:"refundBatchId"`
			Money int64  `json:"refundPayMoney"`
		} `json:"data"`
	}
	if json.Unmarshal(x.answer, &body) != nil {
		return nil, fmt.Errorf("%w: nobody says which refund it is", errStep) // the schema has it
	}
	r.id = body.Data.ID
	if body.Data.Money != money {
		f.Check, f.ValuePointer, f.Message = "pay.refund-money", "/data/refundPayMoney", "the answer does not say what was asked for"
		f.Expected, f.Actual = "applyRefundMoney", "another amount"
		d.fail(f)
	}
	d.took("refund", step, "")
	d.refunds = append(d.refunds, r)
	return r, d.advance(ctx, arrival)
}

// stepFinding is a finding at a step of a lifecycle.
func (p *probe) stepFinding(resource, step string) Finding {
	f := Finding{SpecPointer: "#/x-lifecycle/" + resource + "/transitions/" + step}
	l, _ := p.contract.Lifecycle(resource)
	for i := range l.Transitions {
		if l.Transitions[i].Name == step {
			f.Evidence = l.Transitions[i].Evidence
		}
	}
	return f
}

// moves takes a step of a refund.
func (d *deal) moves(r *refund, step, to string) {
	d.took("refund", step, r.state)
	r.state = to
	var back int64
	for _, one := range d.refunds {
		if one.state == refundSucceeded {
			back += one.money
		}
	}
	if to == refundSucceeded && back == d.order.TotalMoney {
		d.took("order", "refund_all", d.state)
		d.state = orderRefunded
	}
}

// stateIn is a state of a resource of the payment service.
func (p *probe) stateIn(resource, name string) spec.State {
	l, _ := p.contract.Lifecycle(resource)
	for _, s := range l.States {
		if s.Name == name {
			return s
		}
	}
	return spec.State{}
}
