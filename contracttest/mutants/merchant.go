package mutants

import (
	"bytes"
	"context"
	"net/url"
	"strings"

	"github.com/swanemu/emu/contracttest"
)

// Push mutants, part two: what merchants are told of paid orders. The
// platform's key is not known here, so that what is changed is not signed again.

// orderPaid is the event that tells a merchant of a paid order.
const orderPaid = "ORDER_PAID"

// merchants makes them.
func merchants(g *generator) {
	if _, ok := g.contract.Event(orderPaid); !ok {
		return
	}
	g.told("lost", "is not told", []string{"pay.count"}, "", func(int, contracttest.Notification, url.Values) []contracttest.Notification { return nil })
	g.told("doubled", "is told twice", []string{"pay.count"}, "", func(_ int, one contracttest.Notification, _ url.Values) []contracttest.Notification {
		return []contracttest.Notification{one, one}
	})
	g.told("no-retry", "is not told again when it is not taken", []string{"pay.retry"}, "", func(nth int, one contracttest.Notification, _ url.Values) []contracttest.Notification {
		if nth > 0 {
			return nil
		}
		return []contracttest.Notification{one}
	})
	g.told("given-up", "is given up before it is taken", []string{"pay.retry"}, "", func(nth int, one contracttest.Notification, _ url.Values) []contracttest.Notification {
		if nth > 0 && one.Consumed {
			return nil
		}
		return []contracttest.Notification{one}
	})
	g.told("endless", "is told again after it was taken", []string{"pay.retry"}, "", func(nth int, one contracttest.Notification, _ url.Values) []contracttest.Notification {
		if nth > 0 && one.Consumed {
			return []contracttest.Notification{one, one}
		}
		return []contracttest.Notification{one}
	})
	g.told("no-form", "is told in JSON", []string{"pay.schema"}, "", func(_ int, one contracttest.Notification, _ url.Values) []contracttest.Notification {
		one.Form = []byte(`{"%zz":1}`)
		return []contracttest.Notification{one}
	})
	signature := []string{"pay.signature"}
	g.field("unsigned", "an empty signature", signature, "rsaSign", func(url.Values) string { return "" })
	g.field("forged", "another signature", signature, "rsaSign", func(form url.Values) string {
		sign := form.Get("rsaSign")
		if strings.HasPrefix(sign, "A") {
			return "B" + sign[1:]
		}
		return "A" + sign[min(1, len(sign)):]
	})
	for _, name := range []string{"orderId", "userId", "dealId", "totalMoney"} {
		g.field("other", "another "+name, []string{"pay.content"}, name, func(form url.Values) string { return form.Get(name) + "1" })
	}
	g.field("other", "another tpOrderId", []string{"pay.count"}, "tpOrderId", func(form url.Values) string { return form.Get("tpOrderId") + "1" })
	g.field("extra", "a parameter that the contract does not have", []string{"pay.schema"}, "emu_extra", func(url.Values) string { return "1" })
	g.fieldsOf(orderPaid)
}

// fieldsOf drops and breaks each parameter of a notification.
func (g *generator) fieldsOf(event string) {
	schema := []string{"pay.schema", "pay.count"}
	for _, p := range merged(g.contract.EventProperties(event)) {
		name := strings.TrimPrefix(p.Pointer, "/")
		if name == "" || strings.Contains(name, "/") {
			continue
		}
		g.told("drop", "is told without "+name, schema, name, func(_ int, one contracttest.Notification, form url.Values) []contracttest.Notification {
			form.Del(name)
			one.Form = []byte(form.Encode())
			return []contracttest.Notification{one}
		})
		g.told("twice", "is told with "+name+" twice", schema, name, func(_ int, one contracttest.Notification, form url.Values) []contracttest.Notification {
			form.Add(name, form.Get(name))
			one.Form = []byte(form.Encode())
			return []contracttest.Notification{one}
		})
		if p.Type == "integer" {
			g.field("type", name+" as a word", schema, name, func(url.Values) string { return "emu" })
		}
	}
}

// field changes one parameter of each notification.
func (g *generator) field(kind, note string, checks []string, name string, value func(url.Values) string) {
	g.told(kind, "is told with "+note, checks, name, func(_ int, one contracttest.Notification, form url.Values) []contracttest.Notification {
		form.Set(name, value(form))
		one.Form = []byte(form.Encode())
		return []contracttest.Notification{one}
	})
}

// told changes the attempts to tell of a paid order; nth counts those of one
// order.
func (g *generator) told(kind, note string, checks []string, what string,
	change func(nth int, one contracttest.Notification, form url.Values) []contracttest.Notification,
) {
	parts := []string{"notified-" + kind, orderPaid}
	if what != "" {
		parts = append(parts, what)
	}
	g.add(Push, "a paid order "+note, checks, func() *fault {
		return &fault{told: func(f *faulty, got []contracttest.Notification) []contracttest.Notification {
			var out []contracttest.Notification
			seen := map[string]int{}
			for _, one := range got {
				form, err := url.ParseQuery(string(one.Form))
				if err != nil {
					out = append(out, one)
					continue
				}
				id := form.Get("tpOrderId")
				changed := change(seen[id], one, form)
				seen[id]++
				if len(changed) != 1 || !bytes.Equal(changed[0].Form, one.Form) {
					f.took()
				}
				out = append(out, changed...)
			}
			return out
		}}
	}, parts...)
}

// merchant is a merchant that is told wrongly.
type merchant struct {
	contracttest.Merchants
	f *faulty
}

// Notified returns what came in as the fault has it.
func (m merchant) Notified(ctx context.Context) ([]contracttest.Notification, error) {
	got, err := m.Merchants.Notified(ctx)
	if err != nil || m.f.fault.told == nil {
		return got, err
	}
	return m.f.fault.told(m.f, got), nil
}
