package mutants

import (
	"fmt"
	"slices"

	"github.com/swanemu/emu/internal/spec"
)

// State mutants of orders and refunds, part one: steps of their lifecycles that
// lead nowhere, or somewhere else, or change what they have nothing to do with.

// The calls for orders and refunds.
const (
	callRefund = "applyOrderRefund"
	callCancel = "cancelOrder"
	callPay    = "requestPolymerPayment"
)

// orderStates makes them, from x-lifecycle.
func orderStates(g *generator) {
	for _, resource := range []string{"order", "refund"} {
		l, ok := g.contract.Lifecycle(resource)
		if !ok {
			continue
		}
		for i := range l.Transitions {
			t := &l.Transitions[i]
			if g.baseline.Steps[t.Name] == 0 {
				g.exclude(State, "the suite does not bring the unmodified server to take the step", "step", t.Name)
				continue
			}
			g.orderTargets(l, t)
			g.orderBystanders(t)
			if t.Operation != "" {
				g.orderRefused(t)
			}
			g.orderGates(l, t)
		}
		g.orderIllegal(l)
	}
	g.orderDecisions()
	g.orderEffects()
	g.orderMoney()
	g.orderViews()
	g.heard()
}

// orderChecks are the checks that look at a step of an order or a refund.
func orderChecks(resource string) []string {
	if resource == "order" {
		return []string{"pay.order-steps", "pay.refund-accepted"}
	}
	return []string{"pay.refund-accepted", "pay.refund-refused", "pay.refund-money", "pay.refund-retry"}
}

// orderTargets lets a step lead nowhere, or to another state.
func (g *generator) orderTargets(l *spec.Lifecycle, t *spec.Transition) {
	checks := orderChecks(l.Resource)
	behind := func(state func(step) string) func() *fault {
		return func() *fault {
			return &fault{stepName: t.Name, ordered: true, steps: func(w *world, _ *node, s step) bool {
				one := w.ordered(s)
				if one == nil {
					return false
				}
				one.set("state", quoted(state(s)))
				one.set("timer", scalar("0"))
				if t.Name == "refund_all" {
					one.set("refunded", scalar("0")) // by which the rest goes
				}
				return true
			}}
		}
	}
	if len(t.From) > 0 && !slices.Contains(t.From, t.To) {
		g.add(State, t.Name+" does nothing", checks, behind(func(s step) string { return s.From }), "no-op", t.Name)
	}
	for _, s := range l.States {
		if s.Name == t.To || len(t.From) == 1 && t.From[0] == s.Name {
			continue
		}
		g.add(State, fmt.Sprintf("%s leads to %s", t.Name, s.Name), checks, behind(func(step) string { return s.Name }), "target", t.Name, s.Name)
	}
}

// ordered is the order or the refund that took a step; nil for none.
func (w *world) ordered(s step) *node {
	for _, o := range w.state.find("/orders/*/order_id") {
		if s.Resource == "order" && o.value.text() == fmt.Sprint(s.ID) {
			return o.parent
		}
	}
	for _, r := range w.state.find("/orders/*/refunds/*/refund_batch_id") {
		if s.Resource == "refund" && r.value.text() == fmt.Sprint(s.ID) {
			return r.parent
		}
	}
	return nil
}

// orderOf is the order that took a step, or whose refund did.
func (w *world) orderOf(s step) *node {
	one := w.ordered(s)
	for _, o := range w.state.find("/orders/*/order_id") {
		for _, r := range o.parent.find("/refunds/*/refund_batch_id") {
			if r.parent == one {
				return o.parent
			}
		}
		if o.parent == one {
			return one
		}
	}
	return nil
}

// orderBystanders lets a step change other orders of the merchant.
func (g *generator) orderBystanders(t *spec.Transition) {
	checks := []string{"pay.order-others"}
	add := func(kind, note string, change func(o *node) bool) {
		g.add(State, t.Name+" "+note, checks, func() *fault {
			return &fault{stepName: t.Name, ordered: true, steps: func(w *world, _ *node, s step) bool {
				own, changed := w.orderOf(s), false
				for _, o := range w.state.find("/orders/*/order_id") {
					if own != nil && o.parent != own && textOf(o.parent.member("deal_id")) == textOf(own.member("deal_id")) {
						changed = change(o.parent) || changed
					}
				}
				return changed
			}}
		}, kind, t.Name)
	}
	add("lost-order", "puts consumed orders of the merchant back", func(o *node) bool {
		if textOf(o.member("state")) != "consumed" {
			return false
		}
		o.set("state", quoted("paid"))
		return true
	})
	add("lost-cashier", "closes the merchant's open orders", func(o *node) bool {
		if textOf(o.member("state")) != "unpaid" {
			return false
		}
		o.set("state", quoted("cancelled"))
		return true
	})
	add("lost-refund", "ends other refunds of the merchant", func(o *node) bool {
		changed := false
		for _, s := range o.find("/refunds/*/state") {
			if s.value.text() == "refunding" {
				s.put(quoted("failed"))
				changed = true
			}
		}
		return changed
	})
}

// asksFor reports whether an exchange asks for a step of orders or refunds.
func asksFor(m *message, t *spec.Transition) bool {
	if !takes(m, t) || len(m.invalid) > 0 {
		return false
	}
	return t.Operation != callRefund || (m.text("isSkipAudit") == "1") == (t.When == "skip_audit")
}

// orderRefused refuses calls for a step that is allowed.
func (g *generator) orderRefused(t *spec.Transition) {
	checks := []string{"pay.order-steps", "pay.refund-accepted"}
	if t.Operation == callPay {
		checks = []string{"input"} // the suite makes its orders through the harness
	}
	errors := map[string]string{callRefund: "PayRefused", callCancel: "IllegalTransition", callPay: "PayRefused"}
	g.add(State, t.Name+" is refused", checks, func() *fault {
		return &fault{after: func(m *message) {
			if asksFor(m, t) && m.ok() {
				m.refuse(errors[t.Operation])
			}
		}}
	}, "refused", t.Name, "allowed")
}

// orderGates ignores the gates of refunds, in words, and in deed where money is
// left, and refuses with another error.
func (g *generator) orderGates(l *spec.Lifecycle, t *spec.Transition) {
	checks := []string{"pay.refund-gate"}
	for _, name := range t.Gates {
		i := slices.IndexFunc(l.Gates, func(gate spec.Gate) bool { return gate.Name == name })
		if i < 0 {
			continue
		}
		unmet := func(m *message) bool {
			if !asksFor(m, t) || m.ok() || !slices.Contains(l.Gates[i].Refuse, m.failure()) {
				return false
			}
			o := m.order()
			return o != nil && unmetGate(o, m.text("applyRefundMoney")) == name
		}
		g.add(State, fmt.Sprintf("%s does not ask for %s and is not taken", t.Name, name), checks, func() *fault {
			return &fault{after: func(m *message) {
				if unmet(m) {
					m.succeed()
				}
			}}
		}, "gate-said", t.Name, name)
		g.add(State, fmt.Sprintf("%s refuses as if it had been there before where %s is not met", t.Name, name), checks, func() *fault {
			return &fault{after: func(m *message) {
				if unmet(m) {
					m.refuse("RecordExists")
				}
			}}
		}, "gate-error", t.Name, name)
		if name == "order_paid" {
			g.exclude(State, "the server's own state cannot hold a refund of an order that nobody has paid", "effect-gate", t.Name, name)
			continue
		}
		g.add(State, fmt.Sprintf("%s is refused for %s and taken", t.Name, name), checks, func() *fault {
			return &fault{after: func(m *message) {
				if !unmet(m) {
					return
				}
				money := "1"
				if name == "part_of_consumed" {
					money = textOf(m.order().member("total"))
				}
				m.doAnyway(map[string]string{"applyRefundMoney": money})
			}}
		}, "effect-gate", t.Name, name)
	}
}

// order is the order that a request is about, in the server's state; nil for
// none.
func (m *message) order() *node {
	w := m.server.control.worldOf(m.token())
	if w == nil {
		return nil
	}
	for _, o := range w.state.find("/orders/*/order_id") {
		if o.value.text() == m.text("orderId") {
			return o.parent
		}
	}
	return nil
}

// unmetGate is the gate that an order does not meet where money is asked for.
func unmetGate(o *node, money string) string {
	switch state := textOf(o.member("state")); {
	case state == "unpaid" || state == "cancelled":
		return "order_paid"
	case state == "consumed" || state == "refunded":
		return "amount_left"
	case money != textOf(o.member("total")):
		return "part_of_consumed"
	}
	return "amount_left"
}

// orderIllegal takes steps from states that do not allow them.
func (g *generator) orderIllegal(l *spec.Lifecycle) {
	for i := range l.Transitions {
		t := &l.Transitions[i]
		if t.Operation == "" || len(t.From) == 0 {
			continue
		}
		for _, s := range l.States {
			if slices.Contains(t.From, s.Name) {
				continue
			}
			add := func(kind, note string, take func(m *message, o *node)) {
				g.add(State, fmt.Sprintf("%s from %s is %s", t.Name, s.Name, note), []string{"pay.order-illegal"}, func() *fault {
					return &fault{after: func(m *message) {
						if !takes(m, t) || m.ok() || len(m.invalid) > 0 || m.failure() != "IllegalTransition" {
							return
						}
						if o := m.order(); o != nil && textOf(o.member("state")) == s.Name {
							take(m, o)
						}
					}}
				}, kind, t.Name, s.Name)
			}
			add("illegal-said", "accepted and not taken", func(m *message, _ *node) { m.succeed() })
			if s.Name == t.To {
				g.exclude(State, "the order stays as it is", "illegal-taken", t.Name, s.Name)
				continue
			}
			add("effect-illegal", "refused and taken", func(m *message, o *node) {
				if m.putOrder(textOf(o.member("order_id")), t.To) {
					m.server.took()
				}
			})
		}
	}
	if l.Resource == "order" {
		g.add(State, "an order that never was is closed", []string{"pay.order-illegal"}, func() *fault {
			return &fault{after: func(m *message) {
				if m.op != nil && m.op.Call() == callCancel && m.failure() == "PayOrderNotFound" {
					m.succeed()
				}
			}}
		}, "illegal-said", "close", "never")
	}
}

// putOrder puts an order into a state.
func (m *message) putOrder(id, state string) bool {
	w := m.server.control.worldOf(m.token())
	if w == nil {
		return false
	}
	for _, o := range w.state.find("/orders/*/order_id") {
		if o.value.text() == id {
			o.parent.set("state", quoted(state))
		}
	}
	return w.put()
}
