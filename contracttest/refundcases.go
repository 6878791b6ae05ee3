package contracttest

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// formOf reads a notification.
func formOf(n Notification) (url.Values, error) { return url.ParseQuery(string(n.Form)) }

// refundMoneyCases give back parts of an order, and less than was asked for:
// what is left can be asked for, and no more.
func refundMoneyCases(s *suite) []work {
	if !s.deals() {
		return nil
	}
	return []work{
		s.refundWork("pay.refund-money", "a part, then the rest", nil, func(ctx context.Context, p *probe) error {
			return p.refundParts(ctx, func(total int64) (int64, Answer) { return total * 2 / 5, Answer{} })
		}),
		s.refundWork("pay.refund-money", "less than was asked for, then the rest", nil, func(ctx context.Context, p *probe) error {
			return p.refundParts(ctx, func(total int64) (int64, Answer) { return total, Answer{Says: Agrees, Money: total * 3 / 10} })
		}),
	}
}

// refundParts gives back a part of an order, tries to have more than is left,
// and has what is left.
func (p *probe) refundParts(ctx context.Context, part func(total int64) (int64, Answer)) error {
	const check = "pay.refund-money"
	d, err := p.paidDeal(ctx, true)
	if err != nil {
		return err
	}
	total := d.order.TotalMoney
	if total < 10 {
		return fmt.Errorf("%w: the order is over less than 10 fen, which has no parts", ErrCannot)
	}
	money, answer := part(total)
	if err := d.answer(ctx, refundAudit, answer.list()...); err != nil {
		return err
	}
	first, err := d.refund(ctx, money, false)
	if err != nil {
		return err
	}
	if err := d.goesOn(ctx, check, first, way{consumed: true, audit: answer, end: MoneyReturns}); err != nil {
		return err
	}
	left := total - first.money
	f := Finding{Operation: opRefund, Message: "more can be asked for than is left of the order", SpecPointer: "#/x-lifecycle/refund/gates/amount_left"}
	if err := d.refused(ctx, left+1, false, f); err != nil {
		return err
	}
	second, err := d.refund(ctx, left, false)
	if err != nil {
		return err
	}
	if err := d.audits(ctx, first, second); err != nil {
		return err
	}
	if err := d.goesOn(ctx, check, second, way{consumed: true, end: MoneyReturns}); err != nil {
		return err
	}
	return d.ends(ctx, first, second)
}

// refused asks for a refund that must be refused and leave everything as it
// was.
func (d *deal) refused(ctx context.Context, money int64, unaudited bool, f Finding, refusals ...string) error {
	before, err := d.look(ctx)
	if err != nil {
		return err
	}
	x, err := d.refundCall(ctx, d.fresh(money), unaudited)
	if err != nil {
		return err
	}
	if !d.expect(x, f, Refused) {
		return nil
	}
	if len(refusals) > 0 && !slices.ContainsFunc(x.verdict.errors, func(e string) bool { return slices.Contains(refusals, e) }) {
		f.Message = "the refusal is not one of the gate's"
		f.Expected, f.Actual = fmt.Sprintf("one of %v", refusals), x.verdict.code
		d.fail(f)
	}
	if err := d.advance(ctx, arrival); err != nil {
		return err
	}
	return d.unmoved(ctx, before, f)
}

// refundAgainCases ask for the same refund twice.
func refundAgainCases(s *suite) []work {
	if !s.deals() {
		return nil
	}
	return []work{s.refundWork("pay.refund-again", "the same batch twice", nil, func(ctx context.Context, p *probe) error {
		d, err := p.paidDeal(ctx, true)
		if err != nil {
			return err
		}
		r, err := d.refund(ctx, d.order.TotalMoney, false)
		if err != nil {
			return err
		}
		f := Finding{
			Operation: opRefund, Message: "a refund that is asked for again is not answered as the first time", ValuePointer: "/data",
			Evidence: spec.Evidence{Grade: "documented", Source: "D"},
		}
		again := func() error {
			before, err := d.look(ctx)
			if err != nil {
				return err
			}
			x, err := d.refundCall(ctx, r, false)
			if err != nil {
				return err
			}
			if !d.expect(x, f, Accepted) {
				return nil
			}
			if want := canonical([]byte(fmt.Sprintf(`{"refundBatchId":%q,"refundPayMoney":%d}`, r.id, r.money))); dataOf(x.answer) != want {
				f.Expected, f.Actual = "the number and the money of the refund", "something else"
				d.fail(f)
			}
			if err := d.advance(ctx, arrival); err != nil {
				return err
			}
			return d.unmoved(ctx, before, f)
		}
		if err := again(); err != nil {
			return err
		}
		if err := d.goesOn(ctx, "pay.refund-again", r, way{end: MoneyReturns}); err != nil {
			return err
		}
		if err := again(); err != nil {
			return err
		}
		if err := d.audits(ctx, r); err != nil {
			return err
		}
		return d.ends(ctx, r)
	})}
}

// refundGateCases ask for refunds whose gate is not met.
func refundGateCases(s *suite) []work {
	if !s.deals() {
		return nil
	}
	var out []work
	for _, step := range []string{"ask_for_refund", "refund_unaudited"} {
		for _, gate := range s.gatesOf("refund", step) {
			begin, ok := unmetDeals()[gate.Name]
			if !ok {
				continue
			}
			out = append(out, s.refundWork("pay.refund-gate", gate.Name+" of "+step, []item{of(inGates, step, gate.Name)},
				func(ctx context.Context, p *probe) error {
					d, money, err := begin(ctx, p)
					if err != nil {
						return err
					}
					p.hit(inGates, step, gate.Name)
					f := Finding{
						Operation: opRefund, Message: "a refund whose gate is not met is accepted", Evidence: gate.Evidence,
						SpecPointer: "#/x-lifecycle/refund/gates/" + gate.Name,
					}
					if err := d.refused(ctx, money, step == "refund_unaudited", f, gate.Refuse...); err != nil {
						return err
					}
					p.cover(opRefund, "transition", step, "refused")
					return d.done(ctx)
				}))
		}
	}
	return out
}

// unmetDeals make, by the gate that is not met, a deal and the money that is
// then asked for.
func unmetDeals() map[string]func(context.Context, *probe) (*deal, int64, error) {
	return map[string]func(context.Context, *probe) (*deal, int64, error){
		"order_paid": func(ctx context.Context, p *probe) (*deal, int64, error) {
			d, err := p.deal(ctx)
			if err != nil {
				return nil, 0, err
			}
			return d, d.order.TotalMoney, nil
		},
		"amount_left": func(ctx context.Context, p *probe) (*deal, int64, error) {
			d, err := p.paidDeal(ctx, true)
			if err != nil {
				return nil, 0, err
			}
			return d, d.order.TotalMoney + 1, nil
		},
		"part_of_consumed": func(ctx context.Context, p *probe) (*deal, int64, error) {
			d, err := p.paidDeal(ctx, false)
			if err != nil {
				return nil, 0, err
			}
			if d.order.TotalMoney < 2 {
				return nil, 0, fmt.Errorf("%w: the order is over less than 2 fen, which has no parts", ErrCannot)
			}
			return d, d.order.TotalMoney - 1, nil
		},
	}
}

// refundRetryCases leave what is asked and told without the answer that ends
// it.
func refundRetryCases(s *suite) []work {
	if !s.deals() {
		return nil
	}
	wrong := map[string][]Answer{
		refundAudit:  {{Says: Hesitates}, {Says: Garbles}, {Says: Errs}, {Says: Breaks}, {Says: Fails}},
		refundStatus: {{Says: Errs}, {Says: Garbles}, {Says: Breaks}, {Says: Fails}, {Says: Errs}},
	}
	var out []work
	for _, event := range []string{refundAudit, refundStatus} {
		out = append(out, s.refundWork("pay.refund-retry", event+" five times", []item{of(inEvents, event)}, func(ctx context.Context, p *probe) error {
			return p.refundRetried(ctx, event, wrong[event], refundPauses())
		}))
	}
	return append(out, s.refundWork("pay.refund-retry", "no answer in time", nil, func(ctx context.Context, p *probe) error {
		return p.refundRetried(ctx, refundAudit, []Answer{{Says: Sleeps}}, refundPauses())
	}))
}

// refundPauses are the documented pauses between attempts to tell of a refund;
// the last is that of all further ones.
func refundPauses() []time.Duration {
	return []time.Duration{2 * time.Minute, 4 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour}
}

// refundRetried lets a merchant answer wrongly, and then as it must.
func (p *probe) refundRetried(ctx context.Context, event string, wrong []Answer, pauses []time.Duration) error {
	const check = "pay.refund-retry"
	d, err := p.paidDeal(ctx, true)
	if err != nil {
		return err
	}
	if err := d.answer(ctx, event, wrong...); err != nil {
		return err
	}
	r, err := d.refund(ctx, d.order.TotalMoney, false)
	if err != nil {
		return err
	}
	t := d.auditLetter(r)
	if event == refundStatus {
		if err := d.goesOn(ctx, check, r, way{end: MoneyReturns}); err != nil {
			return err
		}
		t = d.endLetter(r)
	} else if err := d.stands(ctx, check, "refund", "ask_for_refund"); err != nil {
		return err
	}
	if err := d.rhythm(ctx, check, t, len(wrong), pauses); err != nil {
		return err
	}
	if event == refundStatus {
		return nil
	}
	if err := d.goesOn(ctx, check, r, way{end: MoneyReturns}); err != nil {
		return err
	}
	return d.ends(ctx, r)
}

// rhythm waits for what was told to come again, so many times after the first
// attempt, which was made at the last advance, and then for nothing more.
func (d *deal) rhythm(ctx context.Context, check string, t letter, times int, pauses []time.Duration) error {
	passed := arrival
	count := func(want int, message string) (bool, error) {
		got, err := d.toldOf(ctx, t.event)
		if err != nil {
			return false, err
		}
		d.saw(check)
		if len(got) == want {
			return true, nil
		}
		d.fail(d.toldFinding(check, t.event, message, counted(want, "attempt"), counted(len(got), "attempt")))
		return false, nil
	}
	for n := range times {
		pause := pauses[min(n, len(pauses)-1)]
		if err := d.advance(ctx, pause-passed-arrival); err != nil {
			return err
		}
		if ok, err := count(n+1, fmt.Sprintf("what was not taken comes again before %s have passed", pause)); !ok {
			return err
		}
		if err := d.advance(ctx, 2*arrival); err != nil {
			return err
		}
		passed = arrival
		if ok, err := count(n+2, fmt.Sprintf("what was not taken does not come again after %s", pause)); !ok {
			return err
		}
	}
	if err := d.advance(ctx, 2*pauses[len(pauses)-1]); err != nil {
		return err
	}
	if ok, err := count(times+1, "what was taken comes again"); !ok {
		return err
	}
	got, err := d.toldOf(ctx, t.event)
	if err != nil {
		return err
	}
	return d.notified(got, t)
}
