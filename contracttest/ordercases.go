package contracttest

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// orderStepCases take every step of an order but those that refunds cause.
func orderStepCases(s *suite) []work {
	if !s.deals() {
		return nil
	}
	const check = "pay.order-steps"
	add := func(name string, aims []item, run func(context.Context, *deal) error) work {
		return work{check: check, operation: opPay, name: name, aims: append(aims, arrow("order", "")), run: func(ctx context.Context, p *probe) error {
			d, err := p.deal(ctx)
			if err == nil {
				err = d.stands(ctx, check, "order", "order")
			}
			if err == nil {
				err = run(ctx, d)
			}
			return err
		}}
	}
	return []work{
		add("paid, then consumed", []item{arrow("pay", orderUnpaid), arrow("consume", orderIsPaid), of(inEvents, orderPaid)}, func(ctx context.Context, d *deal) error {
			if err := d.answer(ctx, orderPaid, Answer{Says: Hesitates}); err != nil {
				return err
			}
			if err := d.settleAs(ctx, UserPays, "pay", orderIsPaid); err != nil {
				return err
			}
			if err := d.advance(ctx, 2*time.Minute); err != nil {
				return err
			}
			d.took("order", "consume", d.state)
			d.state = orderConsumed
			return d.stands(ctx, check, "order", "consume")
		}),
		add("cancelled by the user", []item{arrow("abandon", orderUnpaid)}, func(ctx context.Context, d *deal) error {
			return d.settleAs(ctx, UserCancels, "abandon", orderCancelled)
		}),
		add("a payment that fails, then closed", []item{arrow("payment_failed", orderUnpaid), arrow("close", orderUnpaid)}, func(ctx context.Context, d *deal) error {
			d.failed = true
			if err := d.settleAs(ctx, PaymentFails, "payment_failed", orderUnpaid); err != nil {
				return err
			}
			return d.close(ctx, check)
		}),
		add("closed", []item{arrow("close", orderUnpaid)}, func(ctx context.Context, d *deal) error { return d.close(ctx, check) }),
	}
}

// settleAs lets something end and looks whether the order has taken the step.
func (d *deal) settleAs(ctx context.Context, s Settlement, step, to string) error {
	if err := d.settle(ctx, s); err != nil {
		return err
	}
	d.took("order", step, d.state)
	d.state = to
	return d.stands(ctx, d.work.check, "order", step)
}

// cancel asks for an order to be closed.
func (d *deal) cancel(ctx context.Context) (*exchange, error) {
	return d.read(ctx, opCancelOrder, d.subject, d.params(map[string]string{"orderId": strconv.FormatInt(d.order.OrderID, 10)})...)
}

// close closes an order, which must be accepted.
func (d *deal) close(ctx context.Context, check string) error {
	x, err := d.cancel(ctx)
	if err != nil {
		return err
	}
	f := d.stepFinding("order", "close")
	f.Check, f.Operation, f.Message = "pay.order-steps", opCancelOrder, "an order that is not paid cannot be closed"
	if !d.expect(x, f, Accepted) {
		return errStep
	}
	d.took("order", "close", d.state)
	d.state = orderCancelled
	return d.stands(ctx, check, "order", "close")
}

// orderIllegalCases try to close orders that are not open any more.
func orderIllegalCases(s *suite) []work {
	if !s.deals() {
		return nil
	}
	begins := map[string]func(context.Context, *probe) (*deal, error){
		orderIsPaid:   func(ctx context.Context, p *probe) (*deal, error) { return p.paidDeal(ctx, false) },
		orderConsumed: func(ctx context.Context, p *probe) (*deal, error) { return p.paidDeal(ctx, true) },
		orderCancelled: func(ctx context.Context, p *probe) (*deal, error) {
			d, err := p.deal(ctx)
			if err == nil {
				err = d.close(ctx, "pay.order-illegal")
			}
			return d, err
		},
		orderRefunded: func(ctx context.Context, p *probe) (*deal, error) {
			d, err := p.paidDeal(ctx, true)
			if err != nil {
				return nil, err
			}
			r, err := d.refund(ctx, d.order.TotalMoney, true)
			if err != nil {
				return nil, err
			}
			err = d.goesOn(ctx, "pay.order-illegal", r, way{unaudited: true, end: MoneyReturns})
			return d, err
		},
	}
	var out []work
	for _, from := range sortedKeys(begins) {
		out = append(out, work{
			check: "pay.order-illegal", operation: opCancelOrder, name: "close from " + from, aims: []item{of(inIllegal, opCancelOrder, "from", from)},
			run: func(ctx context.Context, p *probe) error {
				d, err := begins[from](ctx, p)
				if err != nil {
					return err
				}
				before, err := d.look(ctx)
				if err != nil {
					return err
				}
				x, err := d.cancel(ctx)
				if err != nil {
					return err
				}
				p.hit(inIllegal, opCancelOrder, "from", from)
				p.cover(opCancelOrder, "transition", "close", "refused")
				f := d.stepFinding("order", "close")
				f.Message, f.ValuePointer = "an order that is not open any more can be closed", "/orderId"
				if p.expect(x, f, Refused) {
					err = d.unmoved(ctx, before, f)
				}
				if err != nil {
					return err
				}
				return d.done(ctx)
			},
		})
	}
	return append(out, unheardCases()...)
}

// unheardCases make calls that must be refused whatever the order's state is.
func unheardCases() []work {
	add := func(operation, name string, consumed bool, change func(*wire), right Outcome) work {
		return work{check: "pay.order-illegal", operation: operation, name: name, run: func(ctx context.Context, p *probe) error {
			d, err := p.deal(ctx)
			if consumed && err == nil {
				d, err = p.paidDeal(ctx, true)
			}
			if err != nil {
				return err
			}
			return d.unheard(ctx, operation, change, right)
		}}
	}
	stranger := func(w *wire) { w.token = strangeToken }
	return []work{
		add(opCancelOrder, "close with the token of nobody", false, stranger, Unauthenticated),
		add(opCancelOrder, "close what never was", false, func(w *wire) { w.set(param{name: "orderId", text: "999999999999"}) }, Refused),
		add(opCancelOrder, "close another merchant's", false, func(w *wire) { w.drop("pmAppKey"); w.set(param{name: "pmAppKey", text: "MMMnobody"}) }, Refused),
		add(opRefund, "a refund with the token of nobody", true, stranger, Unauthenticated),
		add(opRefund, "a refund for no reason that there is", true, func(w *wire) { w.set(param{name: "refundType", text: "9"}) }, Refused),
		add(opRefund, "a refund to another user", true, func(w *wire) { w.set(param{name: "userId", text: "999999999999"}) }, Refused),
		add(opRefund, "a refund of another number", true, func(w *wire) { w.set(param{name: "tpOrderId", text: "never"}) }, Refused),
	}
}

// strangeToken is a token that nobody issued.
const strangeToken = "24.00000000000000000000000000000000.2592000.1767574800.282335-00000000"

// unheard makes a call that must have no effect.
func (d *deal) unheard(ctx context.Context, operation string, change func(*wire), right Outcome) error {
	before, err := d.look(ctx)
	if err != nil {
		return err
	}
	w, err := d.wireOf(ctx, operation)
	if err != nil {
		return err
	}
	change(w)
	x, err := d.call(ctx, w)
	if err != nil {
		return err
	}
	f := Finding{Message: "a call for an order that must be refused is accepted"}
	if !d.expect(x, f, right) {
		return nil
	}
	if err := d.advance(ctx, arrival); err != nil {
		return err
	}
	return d.unmoved(ctx, before, f)
}

// wireOf is a call for the deal that would be accepted.
func (d *deal) wireOf(ctx context.Context, operation string) (*wire, error) {
	if operation == opRefund {
		return d.refundWire(ctx, d.fresh(d.order.TotalMoney), false)
	}
	op, ok := d.contract.Operation(operation)
	if !ok {
		return nil, fmt.Errorf("%w: the contract has no %s", ErrCannot, operation)
	}
	token, err := d.tokenFor(ctx, op, d.subject)
	if err != nil {
		return nil, err
	}
	values := map[string]string{"orderId": strconv.FormatInt(d.order.OrderID, 10)}
	return &wire{op: op, method: op.Method, place: inQuery, token: token.token, params: d.params(values)}, nil
}
