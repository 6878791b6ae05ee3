package mutants

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/swanemu/emu/contracttest"
)

// State mutants of orders and refunds, part two: decisions, refused calls with
// an effect, money, what is seen, and what is heard of a merchant's answers.

// orderDecisions lets what happens in the cashier, and to the money, be
// forgotten or go the other way.
func (g *generator) orderDecisions() {
	for _, d := range []struct {
		kind, result, other string
		checks              []string
	}{
		{"payment", "paid", "cancelled", []string{"pay.order-steps"}},
		{"payment", "cancelled", "paid", []string{"pay.order-steps"}},
		{"payment", "failed", "paid", []string{"pay.order-steps"}},
		{"refund", "pass", "fail", []string{"pay.refund-accepted"}},
		{"refund", "fail", "pass", []string{"pay.refund-refused"}},
	} {
		is := func(v *contracttest.Verdict) bool { return v.Decision == d.kind && v.Outcome == d.result }
		g.add(State, fmt.Sprintf("%s %s is never decided", d.kind, d.result), d.checks, func() *fault {
			return &fault{decide: func(v *contracttest.Verdict) bool { return !is(v) }}
		}, "undecided", d.kind, d.result)
		g.add(State, fmt.Sprintf("%s %s is decided as %s", d.kind, d.result, d.other), d.checks, func() *fault {
			return &fault{decide: func(v *contracttest.Verdict) bool {
				if is(v) {
					v.Outcome = d.other
				}
				return true
			}}
		}, "flipped", d.kind, d.result)
	}
}

// orderEffects lets refused calls have the effect that they ask for.
func (g *generator) orderEffects() {
	checks := []string{"pay.order-illegal"}
	add := func(call, kind, note string, wrong func(m *message) map[string]string) {
		g.add(State, fmt.Sprintf("a call of %s that is refused for %s has its effect", call, note), checks, func() *fault {
			tokens := map[string]string{} // of the last call that was accepted
			return &fault{after: func(m *message) {
				if m.op == nil || m.op.Call() != call {
					return
				}
				if m.ok() {
					tokens[m.op.ID] = m.token()
					return
				}
				values := wrong(m)
				if values == nil {
					return
				}
				if token, ok := values[m.op.TokenParam]; ok && token == "" {
					values[m.op.TokenParam] = tokens[m.op.ID]
				}
				m.doAnyway(values)
			}}
		}, kind, call)
	}
	for _, call := range []string{callCancel, callRefund} {
		add(call, "effect-token", "its token", func(m *message) map[string]string {
			if len(m.invalid) > 0 || !m.refusedAt("unauthenticated") {
				return nil
			}
			return map[string]string{m.op.TokenParam: ""}
		})
	}
	add(callRefund, "effect-invalid", "its parameters", func(m *message) map[string]string {
		if len(m.invalid) != 1 || m.invalid[0].Pointer != "/refundType" {
			return nil
		}
		return map[string]string{"refundType": "1"}
	})
	add(callRefund, "effect-user", "its user", func(m *message) map[string]string {
		o := m.order()
		if o == nil || m.text("userId") == textOf(o.member("user_id")) {
			return nil
		}
		return map[string]string{"userId": textOf(o.member("user_id"))}
	})
	add(callRefund, "effect-number", "its number", func(m *message) map[string]string {
		o := m.order()
		if o == nil || m.text("tpOrderId") == textOf(o.member("tp_order_id")) {
			return nil
		}
		return map[string]string{"tpOrderId": textOf(o.member("tp_order_id"))}
	})
}

// orderMoney counts the money of refunds wrongly, and takes a refund that is
// asked for twice for two.
func (g *generator) orderMoney() {
	step := func(kind, note, name string, checks []string, change func(w *world, r *node) bool) {
		g.add(State, note, checks, func() *fault {
			return &fault{stepName: name, ordered: true, steps: func(w *world, _ *node, s step) bool {
				r := w.ordered(s)
				return r != nil && change(w, r)
			}}
		}, kind, name)
	}
	money := []string{"pay.refund-money"}
	step("money-less", "a refund counts as 1 fen", "refund_done", money, func(_ *world, r *node) bool { r.set("money", scalar("1")); return true })
	step("money-more", "all that was asked for counts, and not what the merchant agreed to", "refund_done", money, func(_ *world, r *node) bool {
		if textOf(r.member("money")) == textOf(r.member("asked")) {
			return false
		}
		r.set("money", r.member("asked"))
		return true
	})
	step("money-moved", "the money of a refund that the merchant refuses goes back", "refund_audit_fail", []string{"pay.refund-refused"},
		func(w *world, r *node) bool {
			for _, s := range w.state.find("/orders/*/refunds/*/refund_batch_id") {
				for _, o := range w.state.find("/orders/*/order_id") {
					if s.parent == r && slices.Contains(refundsOf(o.parent), r) {
						o.parent.set("refunded", o.parent.member("total"))
						return true
					}
				}
			}
			return false
		})
	again := []string{"pay.refund-again"}
	twice := func(kind, note string, do func(m *message)) {
		g.add(State, note, again, func() *fault {
			seen := map[string]bool{}
			return &fault{after: func(m *message) {
				if m.op == nil || m.op.Call() != callRefund || !m.ok() {
					return
				}
				batch := m.text("orderId") + " " + m.text("bizRefundBatchId")
				if seen[batch] {
					do(m)
				}
				seen[batch] = true
			}}
		}, kind, callRefund)
	}
	twice("again-refused", "a refund that is asked for again is refused", func(m *message) { m.refuse("RecordExists") })
	for _, name := range []string{"refundBatchId", "refundPayMoney"} {
		twice("again-"+name, "a refund that is asked for again is told with another "+name, func(m *message) {
			m.edit(func(n *node) {
				for _, s := range n.find("/data/" + name) {
					v, _ := strconv.ParseInt(s.value.text(), 10, 64)
					if text := strconv.FormatInt(v+1, 10); strings.HasPrefix(s.value.scalar, `"`) {
						s.put(quoted(text))
					} else {
						s.put(scalar(text))
					}
				}
			})
		})
	}
}

// refundsOf are the refunds of an order.
func refundsOf(o *node) []*node {
	var out []*node
	for _, s := range o.find("/refunds/*/refund_batch_id") {
		out = append(out, s.parent)
	}
	return out
}

// orderViews tells something else of orders and refunds than is there.
func (g *generator) orderViews() {
	checks := []string{"pay.order-views", "pay.order-steps", "pay.refund-accepted", "pay.refund-refused"}
	for _, op := range g.contract.Operations() {
		call := strings.TrimSuffix(op.Call(), "ForApp")
		if call != "findByTpOrderId" && call != "findOrderRefund" && call != "getPolymerPayment" || g.baseline.Answers[op.ID]["accepted"] == 0 {
			continue
		}
		add := func(kind, note, what string, f func(n *node)) {
			g.add(State, op.ID+" "+note, checks, after(op.ID, func(m *message) {
				if m.ok() {
					m.edit(f)
				}
			}), kind, op.ID, what)
		}
		for _, p := range merged(successes(op)) {
			name := dotted(p.Pointer)
			seen := g.baseline.Values[op.ID][strings.ReplaceAll(p.Pointer, "*", "0")]+g.baseline.Values[op.ID][p.Pointer] != ""
			switch {
			case !strings.HasPrefix(p.Pointer, "/data/") || !seen || p.Type == "object":
				continue
			case name == "data.openId":
				g.exclude(State, "what an app knows a user as has two forms, and the suite does not know the user's", "other", op.ID, name)
				continue
			case call == "getPolymerPayment" && !slices.Contains([]string{"data.status", "data.result", "data.payMoney"}, name):
				g.exclude(State, "nobody else tells it", "other", op.ID, name)
				continue
			}
			add("other", "tells another "+name, name, func(n *node) {
				for _, s := range n.find(p.Pointer) {
					s.put(alike(s.value, &p))
				}
			})
		}
		g.staleOrder(op.ID, checks)
		if call == "findOrderRefund" {
			add("rows", "leaves out the last refund", "last", func(n *node) {
				if data := n.member("data"); data != nil && len(data.values) > 0 {
					data.values = data.values[:len(data.values)-1]
				}
			})
			add("rows", "lists a refund twice", "twice", func(n *node) {
				if data := n.member("data"); data != nil && len(data.values) > 0 {
					data.values = append(data.values, data.values[0])
				}
			})
		}
	}
}

// staleOrder answers what was so when it was first asked.
func (g *generator) staleOrder(op string, checks []string) {
	g.add(State, op+" answers what was so before", checks, func() *fault {
		first := map[string]message{}
		return &fault{after: func(m *message) {
			if !m.is(op) || !m.ok() {
				return
			}
			key := m.text("tpOrderId")
			if was, ok := first[key]; ok {
				m.take(&was)
			} else {
				first[key] = *m
			}
		}}
	}, "stale", op)
}

// heard takes a merchant's answers for others.
func (g *generator) heard() {
	type ear struct {
		event, kind, note string
		checks            []string
		hear              func(contracttest.Answer) contracttest.Answer
	}
	agrees := func(says contracttest.Saying) func(contracttest.Answer) contracttest.Answer {
		return func(a contracttest.Answer) contracttest.Answer {
			if a.Says == says {
				a.Says = contracttest.Agrees
			}
			return a
		}
	}
	retry := map[string][]string{orderPaid: {"pay.retry"}, refundAudit: {"pay.refund-retry"}, refundStatus: {"pay.refund-retry"}}
	all := []ear{
		{orderPaid, "declines", "the platform does not hear that an order is in error", []string{"pay.refund-accepted"}, agrees(contracttest.Declines)},
		{refundAudit, "declines", "a refund goes its way though the merchant refuses it", []string{"pay.refund-refused"}, agrees(contracttest.Declines)},
		{refundAudit, "money", "all goes back though the merchant agrees to less", []string{"pay.refund-money"}, func(a contracttest.Answer) contracttest.Answer {
			a.Money = 0
			return a
		}},
		{refundAudit, "sleeps", "a merchant that does not answer in time has agreed", retry[refundAudit], agrees(contracttest.Sleeps)},
	}
	for _, event := range []string{orderPaid, refundAudit, refundStatus} {
		for _, says := range []contracttest.Saying{contracttest.Hesitates, contracttest.Errs, contracttest.Garbles, contracttest.Breaks, contracttest.Fails} {
			if says == contracttest.Hesitates && event == refundStatus {
				continue // there is nothing to hesitate about
			}
			note := fmt.Sprintf("a merchant that %s when it is told of %s has agreed", says, event)
			all = append(all, ear{event, string(says), note, retry[event], agrees(says)})
		}
	}
	for _, e := range all {
		if _, ok := g.contract.Event(e.event); !ok {
			continue
		}
		g.add(State, e.note, e.checks, func() *fault {
			return &fault{heard: func(event string, a contracttest.Answer) contracttest.Answer {
				if event == e.event {
					return e.hear(a)
				}
				return a
			}}
		}, "heard", e.event, e.kind)
	}
}

// Answer has the merchant say what the platform is to hear.
func (c cashier) Answer(ctx context.Context, o *contracttest.PaidOrder, event string, answers ...contracttest.Answer) error {
	if c.f.fault.heard == nil {
		return c.Cashier.Answer(ctx, o, event, answers...)
	}
	changed := slices.Clone(answers)
	for i, a := range answers {
		if changed[i] = c.f.fault.heard(event, a); changed[i] != a {
			c.f.mu.Lock()
			c.f.took()
			c.f.mu.Unlock()
		}
	}
	return c.Cashier.Answer(ctx, o, event, changed...)
}
