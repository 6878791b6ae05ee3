package contracttest

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// What merchants are asked and told of refunds, and what comes of their
// answers.

// refundChecks are about refunds.
func refundChecks() []Check {
	needs := []Need{NeedCashier, NeedClock, NeedDeveloper}
	check := func(id, explain string, cases func(*suite) []work) Check {
		return Check{ID: id, Explain: explain, Needs: needs, Changes: Sandbox, cases: cases}
	}
	return []Check{
		check("pay.order-steps", "Every step of an order leads where it says.", orderStepCases),
		check("pay.order-illegal", "A step that the state of an order does not allow is refused and changes nothing.", orderIllegalCases),
		check("pay.order-others", "What happens to an order leaves the merchant's others as they were.", orderOtherCases),
		check("pay.order-views", "All calls that tell of an order and its refunds tell the same.", nil),
		check("pay.refund-audit", "A merchant is asked about a refund once, unless it need not be asked.", nil),
		check("pay.refund-told", "A merchant is told once how a refund ended, after it did.", nil),
		check("pay.refund-schema", "What a merchant is asked and told of refunds are forms that their schemas describe.", nil),
		check("pay.refund-signature", "What a merchant is asked and told of refunds is signed with the platform's key.", nil),
		check("pay.refund-content", "What a merchant is asked and told of refunds is that of the order and the refund.", nil),
		check("pay.refund-accepted", "A refund that the merchant agrees to goes its way.", refundAcceptedCases),
		check("pay.refund-refused", "A refund that the merchant refuses, or whose money does not go back, leaves the order as it was.", refundRefusedCases),
		check("pay.refund-money", "As much goes back as the merchant agrees to, and no more than was paid.", refundMoneyCases),
		check("pay.refund-again", "A refund that is asked for twice is one refund.", refundAgainCases),
		check("pay.refund-gate", "A refund whose gate is not met is refused with one of the gate's errors and changes nothing.", refundGateCases),
		check("pay.refund-retry", "What was not answered comes again in the documented rhythm until it is, and then no more.", refundRetryCases),
	}
}

// refundWork is a case of refunds that aims at steps of the lifecycles.
func (s *suite) refundWork(check, name string, aims []item, run func(context.Context, *probe) error) work {
	return work{check: check, operation: opRefund, name: name, aims: aims, run: run}
}

// audits looks at how often, and how, the merchant was asked about the deal's
// refunds: once about each that is given.
func (d *deal) audits(ctx context.Context, refunds ...*refund) error {
	got, err := d.toldOf(ctx, refundAudit)
	if err != nil {
		return err
	}
	d.saw("pay.refund-audit")
	if len(got) != len(refunds) {
		d.fail(d.toldFinding("pay.refund-audit", refundAudit, "a merchant is not asked about each refund once",
			counted(len(refunds), "audit"), counted(len(got), "audit")))
		return nil
	}
	for i, r := range refunds {
		if err := d.notified(got[i:i+1], d.auditLetter(r)); err != nil {
			return err
		}
	}
	return nil
}

// auditLetter is what a merchant is asked about a refund.
func (d *deal) auditLetter(r *refund) letter {
	says := orderSays(d.order)
	says["refundBatchId"], says["applyRefundMoney"] = r.id, strconv.FormatInt(r.asked, 10)
	return letter{refundAudit, "pay.refund-", d.order, says}
}

// ends looks at how often, and how, the merchant was told of the end of the
// deal's refunds: once of each that is given, after it was asked about it.
func (d *deal) ends(ctx context.Context, refunds ...*refund) error {
	got, err := d.toldOf(ctx, refundStatus)
	if err != nil {
		return err
	}
	const check = "pay.refund-told"
	d.saw(check)
	if len(got) != len(refunds) {
		d.fail(d.toldFinding(check, refundStatus, "a merchant is not told of the end of each refund once",
			counted(len(refunds), "notification"), counted(len(got), "notification")))
		return nil
	}
	for i, r := range refunds {
		if err := d.notified(got[i:i+1], d.endLetter(r)); err != nil {
			return err
		}
	}
	return d.inOrder(ctx)
}

// endLetter is what a merchant is told of the end of a refund.
func (d *deal) endLetter(r *refund) letter {
	says := orderSays(d.order)
	says["refundBatchId"], says["refundStatus"] = r.id, "2"
	if r.state == refundSucceeded {
		says["refundStatus"] = "1"
	}
	return letter{refundStatus, "pay.refund-", d.order, says}
}

// inOrder looks whether the merchant was asked before it was told.
func (d *deal) inOrder(ctx context.Context) error {
	all, err := d.target.Cashier.Notified(ctx)
	if err != nil {
		return fmt.Errorf("read the notifications: %w", err)
	}
	ended := false
	for _, one := range all {
		form, err := formOf(one)
		if err != nil || form.Get("tpOrderId") != d.order.TpOrderID {
			continue
		}
		if ended && one.event() == refundAudit && len(d.refunds) == 1 {
			d.fail(d.toldFinding("pay.refund-told", refundStatus, "a merchant is told of the end of a refund before it is asked about it",
				"the audit, then the end", "the end, then the audit"))
			return nil
		}
		ended = ended || one.event() == refundStatus
	}
	return nil
}

// way says how a refund is to go.
type way struct {
	consumed  bool       // the merchant has taken the order
	unaudited bool       // it is not to be asked
	audit     Answer     // what it says where it is asked
	end       Settlement // of the money's way back
}

// refundAcceptedCases let a refund go well.
func refundAcceptedCases(s *suite) []work {
	if !s.deals() {
		return nil
	}
	var out []work
	for _, one := range []struct {
		name, from string
		way        way
	}{
		{"the whole of a consumed order", orderConsumed, way{consumed: true, end: MoneyReturns}},
		{"the whole of a paid order", orderIsPaid, way{end: MoneyReturns}},
		{"without an audit", orderConsumed, way{consumed: true, unaudited: true, end: MoneyReturns}},
	} {
		aims := []item{arrow("refund_done", refundRefunding), arrow("refund_all", one.from)}
		if one.way.unaudited {
			aims = append(aims, arrow("refund_unaudited", ""))
		} else {
			aims = append(aims, of(inEvents, refundAudit), arrow("ask_for_refund", ""), arrow("refund_audit_pass", refundAuditing))
		}
		aims = append(aims, of(inEvents, refundStatus))
		out = append(out, s.refundWork("pay.refund-accepted", one.name, aims, func(ctx context.Context, p *probe) error {
			return p.refundOnce(ctx, "pay.refund-accepted", one.way)
		}))
	}
	return append(out, s.refundWork("pay.refund-accepted", "of an order in error", []item{arrow("refund_error_order", "")},
		func(ctx context.Context, p *probe) error {
			return p.refundInError(ctx, "pay.refund-accepted", way{end: MoneyReturns})
		}))
}

// refundOnce leads a refund of a whole order from its beginning to its end.
func (p *probe) refundOnce(ctx context.Context, check string, w way) error {
	d, err := p.paidDeal(ctx, w.consumed)
	if err != nil {
		return err
	}
	if w.audit.Says != "" {
		if err := d.answer(ctx, refundAudit, w.audit); err != nil {
			return err
		}
	}
	r, err := d.refund(ctx, d.order.TotalMoney, w.unaudited)
	if err != nil {
		return err
	}
	asked := []*refund{r}
	if w.unaudited {
		asked = nil
	}
	if err := d.audits(ctx, asked...); err != nil {
		return err
	}
	if err := d.goesOn(ctx, check, r, w); err != nil {
		return err
	}
	// An hour: long enough for whatever would come a second time.
	if err := d.advance(ctx, time.Hour); err != nil {
		return err
	}
	if err := d.ends(ctx, r); err != nil {
		return err
	}
	if err := d.audits(ctx, asked...); err != nil {
		return err
	}
	return d.done(ctx)
}

// goesOn lets a refund that was asked for come to its end and looks at each
// step.
func (d *deal) goesOn(ctx context.Context, check string, r *refund, w way) error {
	if w.audit.Says == Declines {
		d.moves(r, "refund_audit_fail", refundFailed)
		return d.stands(ctx, check, "refund", "refund_audit_fail")
	}
	step := "refund_unaudited"
	if !w.unaudited {
		step = "refund_audit_pass"
		d.moves(r, step, refundRefunding)
	}
	if w.audit.Money > 0 {
		r.money = w.audit.Money
	}
	if err := d.stands(ctx, check, "refund", step); err != nil {
		return err
	}
	if err := d.ends(ctx, d.over(r)...); err != nil {
		return err
	}
	if err := d.settle(ctx, w.end); err != nil {
		return err
	}
	if step = "refund_done"; w.end == RefundFails {
		step = "refund_failed"
		d.moves(r, step, refundFailed)
	} else {
		d.moves(r, step, refundSucceeded)
	}
	return d.stands(ctx, check, "refund", step)
}

// over are the deal's refunds that have ended, but for one.
func (d *deal) over(but *refund) []*refund {
	var out []*refund
	for _, r := range d.refunds {
		if r != but && !r.underWay() {
			out = append(out, r)
		}
	}
	return out
}

// refundInError has the merchant call an order erroneous: the platform begins
// the refund.
func (p *probe) refundInError(ctx context.Context, check string, w way) error {
	d, err := p.deal(ctx)
	if err != nil {
		return err
	}
	if err := d.answer(ctx, orderPaid, Answer{Says: Declines}); err != nil {
		return err
	}
	if w.audit.Says == Declines {
		if err := d.answer(ctx, refundAudit, w.audit); err != nil {
			return err
		}
	}
	if err := d.settle(ctx, UserPays); err != nil {
		return err
	}
	d.took("order", "pay", d.state)
	d.state = orderIsPaid
	r := &refund{asked: d.order.TotalMoney, money: d.order.TotalMoney, state: refundAuditing}
	d.refunds = append(d.refunds, r)
	d.took("refund", "refund_error_order", "")
	if w.audit.Says != Declines { // by now it has declined
		if err := d.stands(ctx, check, "refund", "refund_error_order"); err != nil {
			return err
		}
		if err := d.audits(ctx, r); err != nil {
			return err
		}
	}
	if err := d.goesOn(ctx, check, r, w); err != nil {
		return err
	}
	if err := d.advance(ctx, time.Hour); err != nil {
		return err
	}
	if err := d.ends(ctx, r); err != nil {
		return err
	}
	return d.audits(ctx, r)
}

// refundRefusedCases let a refund end without money, and ask for the same money
// again: it is all there.
func refundRefusedCases(s *suite) []work {
	if !s.deals() {
		return nil
	}
	var out []work
	for _, one := range []struct {
		name string
		step item
		way  way
	}{
		{"by the merchant", arrow("refund_audit_fail", refundAuditing), way{consumed: true, audit: Answer{Says: Declines}}},
		{"by the merchant, of a paid order", arrow("refund_audit_fail", refundAuditing), way{audit: Answer{Says: Declines}}},
		{"its money does not go back", arrow("refund_failed", refundRefunding), way{consumed: true, end: RefundFails}},
	} {
		out = append(out, s.refundWork("pay.refund-refused", one.name, []item{one.step}, func(ctx context.Context, p *probe) error {
			return p.refundTwice(ctx, one.way)
		}))
	}
	return append(out, s.refundWork("pay.refund-refused", "by the merchant, of an order in error", nil, func(ctx context.Context, p *probe) error {
		return p.refundInError(ctx, "pay.refund-refused", way{audit: Answer{Says: Declines}})
	}))
}

// refundTwice leads a refund to an end without money and then another one to
// its good end.
func (p *probe) refundTwice(ctx context.Context, w way) error {
	const check = "pay.refund-refused"
	d, err := p.paidDeal(ctx, w.consumed)
	if err != nil {
		return err
	}
	if err := d.answer(ctx, refundAudit, w.audit.list()...); err != nil {
		return err
	}
	first, err := d.refund(ctx, d.order.TotalMoney, false)
	if err != nil {
		return err
	}
	if err := d.audits(ctx, first); err != nil {
		return err
	}
	if err := d.goesOn(ctx, check, first, w); err != nil {
		return err
	}
	if err := d.advance(ctx, time.Hour); err != nil {
		return err
	}
	if err := d.ends(ctx, first); err != nil {
		return err
	}
	second, err := d.refund(ctx, d.order.TotalMoney, false)
	if err != nil {
		return err
	}
	if err := d.audits(ctx, first, second); err != nil {
		return err
	}
	if err := d.goesOn(ctx, check, second, way{end: MoneyReturns}); err != nil {
		return err
	}
	if err := d.ends(ctx, first, second); err != nil {
		return err
	}
	return d.done(ctx)
}

// list is an answer as a list; none where there is nothing to say.
func (a Answer) list() []Answer {
	if a.Says == "" {
		return nil
	}
	return []Answer{a}
}
