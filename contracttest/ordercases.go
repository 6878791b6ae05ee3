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
	f.Operation, f.Message = opCancelOrder, "an order that is not paid cannot be closed"
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
			return d, d.goesOn(ctx, "pay.order-illegal", r, way{unaudited: true, end: MoneyReturns})
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
	return out
}

// orderOtherCases let things happen to one order while others of the merchant's
// stand by.
func orderOtherCases(s *suite) []work {
	if !s.deals() {
		return nil
	}
	return []work{
		{check: "pay.order-others", operation: opCancelOrder, name: "one is closed", run: func(ctx context.Context, p *probe) error {
			return p.leavesOthers(ctx, func(d *deal) error { return d.close(ctx, "pay.order-others") })
		}},
		{check: "pay.order-others", operation: opPay, name: "one is paid", run: func(ctx context.Context, p *probe) error {
			return p.leavesOthers(ctx, func(d *deal) error { return d.settle(ctx, UserPays) })
		}},
		{check: "pay.order-others", operation: opRefund, name: "one is refunded", run: func(ctx context.Context, p *probe) error {
			return p.leavesOthers(ctx, func(d *deal) error {
				if err := d.settle(ctx, UserPays); err != nil {
					return err
				}
				d.state = orderConsumed
				r, err := d.refund(ctx, d.order.TotalMoney, false)
				if err != nil {
					return err
				}
				return d.goesOn(ctx, "pay.order-others", r, way{end: MoneyReturns})
			})
		}},
	}
}

// leavesOthers looks at an open order, at a consumed one and at one with a
// refund under way before and after something happens to another.
func (p *probe) leavesOthers(ctx context.Context, happens func(*deal) error) error {
	open, err := p.deal(ctx)
	if err != nil {
		return err
	}
	consumed, err := p.paidDeal(ctx, true)
	if err != nil {
		return err
	}
	going, err := p.paidDeal(ctx, true)
	if err != nil {
		return err
	}
	if _, err := going.refund(ctx, going.order.TotalMoney, false); err != nil {
		return err
	}
	d, err := p.deal(ctx)
	if err != nil {
		return err
	}
	others := []*deal{open, consumed, going}
	before := make([]dealView, len(others))
	for i, other := range others {
		if before[i], err = other.look(ctx); err != nil {
			return err
		}
	}
	if err := happens(d); err != nil {
		return err
	}
	p.saw("pay.order-others")
	for i, other := range others {
		after, err := other.look(ctx)
		if err != nil {
			return fmt.Errorf("another order: %w", err)
		}
		if after.text != before[i].text {
			p.fail(Finding{
				Check: "pay.order-others", ValuePointer: "/data", Message: "what happens to one order changes another", SpecPointer: "#/x-lifecycle/order",
				Expected: "the order of before", Actual: "something else",
			})
		}
	}
	return nil
}
