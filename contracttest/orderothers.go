package contracttest

import (
	"context"
	"fmt"
)

// orderOtherCases let things happen to orders, one after the other, while
// others of the merchant's stand by.
func orderOtherCases(s *suite) []work {
	if !s.deals() {
		return nil
	}
	refunded := func(w way) func(context.Context, *probe) error {
		return func(ctx context.Context, p *probe) error { return p.refundOnce(ctx, "pay.order-others", w) }
	}
	settled := func(how Settlement) func(context.Context, *probe) error {
		return func(ctx context.Context, p *probe) error {
			d, err := p.deal(ctx)
			if err != nil {
				return err
			}
			return d.settle(ctx, how)
		}
	}
	closed := func(ctx context.Context, p *probe) error {
		d, err := p.deal(ctx)
		if err != nil {
			return err
		}
		return d.close(ctx, "pay.order-others")
	}
	add := func(operation, name string, happens ...func(context.Context, *probe) error) work {
		return work{check: "pay.order-others", operation: operation, name: name, run: func(ctx context.Context, p *probe) error {
			return p.leavesOthers(ctx, happens)
		}}
	}
	return []work{
		add(opPay, "orders are paid, cancelled and not paid", settled(UserPays), settled(UserCancels), settled(PaymentFails)),
		add(opCancelOrder, "an order is closed", closed),
		add(opRefund, "orders are refunded, or not",
			refunded(way{consumed: true, end: MoneyReturns}), refunded(way{consumed: true, audit: Answer{Says: Declines}}),
			refunded(way{unaudited: true, end: RefundFails}),
			func(ctx context.Context, p *probe) error {
				return p.refundInError(ctx, "pay.order-others", way{end: MoneyReturns})
			}),
	}
}

// leavesOthers looks at an open order, at a consumed one and at one with a
// refund under way before and after something happens to others.
func (p *probe) leavesOthers(ctx context.Context, happenings []func(context.Context, *probe) error) error {
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
	others := []*deal{open, consumed, going}
	before := make([]dealView, len(others))
	for i, other := range others {
		if err := other.stands(ctx, "pay.order-others", "order", "order"); err != nil {
			return err
		}
		if before[i], err = other.look(ctx); err != nil {
			return err
		}
	}
	for _, happens := range happenings {
		if err := happens(ctx, p); err != nil {
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
				return nil
			}
		}
	}
	return nil
}
