package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/seal"
)

// Push mutants, part two: what merchants are told of paid orders, and asked and
// told of refunds. The platform's key is not known here, so that what is changed
// is not signed again, or signed with another key.

// The events that merchants are told.
const (
	orderPaid    = "ORDER_PAID"
	refundAudit  = "REFUND_AUDIT"
	refundStatus = "REFUND_STATUS"
)

// A tale is one event that merchants are told, and the checks that are about
// it.
type tale struct {
	event, note                            string
	count, retry, form, signature, content []string
	// says are the parameters that say what it is about.
	says []string
}

// tales lists them.
func tales() []tale {
	refund := tale{
		retry: []string{"pay.refund-retry"}, form: []string{"pay.refund-schema"}, signature: []string{"pay.refund-signature"},
		content: []string{"pay.refund-content"},
	}
	audit, status := refund, refund
	audit.event, audit.note, audit.count = refundAudit, "of a refund", []string{"pay.refund-audit"}
	audit.says = []string{"orderId", "userId", "refundBatchId", "applyRefundMoney"}
	status.event, status.note, status.count = refundStatus, "of the end of a refund", []string{"pay.refund-told"}
	status.says = []string{"orderId", "userId", "refundBatchId"}
	return []tale{
		{
			event: orderPaid, note: "of a paid order", count: []string{"pay.count"}, retry: []string{"pay.retry"}, form: []string{"pay.schema"},
			signature: []string{"pay.signature"}, content: []string{"pay.content"}, says: []string{"orderId", "userId", "dealId", "totalMoney"},
		},
		audit, status,
	}
}

// merchants makes them.
func merchants(g *generator) {
	for _, t := range tales() {
		if _, ok := g.contract.Event(t.event); !ok {
			continue
		}
		g.lostTales(&t)
		g.untimely(&t)
		g.forged(&t)
		for _, name := range t.says {
			g.field(&t, "other", "another "+name, t.content, name, func(form url.Values) string { return form.Get(name) + "1" })
		}
		g.field(&t, "other", "another tpOrderId", t.count, "tpOrderId", func(form url.Values) string { return form.Get("tpOrderId") + "1" })
		g.field(&t, "extra", "a parameter that the contract does not have", t.form, "emu_extra", func(url.Values) string { return "1" })
		if t.event == refundStatus {
			g.field(&t, "flipped", "the other refundStatus", t.content, "refundStatus", func(form url.Values) string {
				return map[string]string{"1": "2", "2": "1"}[form.Get("refundStatus")]
			})
			g.beforehand(&t)
		}
		g.fieldsOf(&t)
	}
}

// keep changes nothing.
func keep(one contracttest.Notification) []contracttest.Notification {
	return []contracttest.Notification{one}
}

// lostTales loses, repeats and misdirects what is told.
func (g *generator) lostTales(t *tale) {
	add := func(kind, note string, checks []string, change func(nth int, one contracttest.Notification) []contracttest.Notification) {
		g.told(t, kind, note, checks, "", func(_ *faulty, nth int, one contracttest.Notification, _ url.Values) []contracttest.Notification {
			return change(nth, one)
		})
	}
	add("lost", "is not told", t.count, func(int, contracttest.Notification) []contracttest.Notification { return nil })
	add("doubled", "is told twice", t.count, func(_ int, one contracttest.Notification) []contracttest.Notification {
		return []contracttest.Notification{one, one}
	})
	add("no-retry", "is not told again when it is not taken", t.retry, func(nth int, one contracttest.Notification) []contracttest.Notification {
		if nth > 0 {
			return nil
		}
		return keep(one)
	})
	add("given-up", "is given up before it is taken", t.retry, func(nth int, one contracttest.Notification) []contracttest.Notification {
		if nth > 0 && one.Consumed {
			return nil
		}
		return keep(one)
	})
	add("endless", "is told again after it was taken", t.retry, func(nth int, one contracttest.Notification) []contracttest.Notification {
		if nth > 0 && one.Consumed {
			return []contracttest.Notification{one, one}
		}
		return keep(one)
	})
	add("elsewhere", "is told where another event belongs", t.count, func(_ int, one contracttest.Notification) []contracttest.Notification {
		one.Event = map[string]string{orderPaid: refundAudit, refundAudit: refundStatus, refundStatus: refundAudit}[t.event]
		return keep(one)
	})
	add("no-form", "is told in JSON", t.form, func(_ int, one contracttest.Notification) []contracttest.Notification {
		one.Form = []byte(`{"%zz":1}`)
		return keep(one)
	})
	if t.event != orderPaid {
		return
	}
	const enough = 150
	add("short", "is told again a hundred and fifty times only", t.retry, func(nth int, one contracttest.Notification) []contracttest.Notification {
		if nth > enough {
			return nil
		}
		return keep(one)
	})
	add("long", "is told more than two hundred times again", t.retry, func(nth int, one contracttest.Notification) []contracttest.Notification {
		if nth > enough && !one.Consumed {
			return []contracttest.Notification{one, one}
		}
		return keep(one)
	})
}

// untimely tells again too late, or too early.
func (g *generator) untimely(t *tale) {
	const off = time.Minute
	g.add(Push, "a merchant "+t.note+" is told again a minute too late", t.retry, func() *fault {
		seen := map[int]time.Time{}
		return &fault{told: func(f *faulty, got []contracttest.Notification) []contracttest.Notification {
			var out []contracttest.Notification
			now := f.now()
			f.eachTold(t, got, func(i, nth int, one contracttest.Notification, _ url.Values) {
				if _, ok := seen[i]; !ok {
					seen[i] = now
				}
				if nth > 0 && now.Sub(seen[i]) < off {
					f.took()
					return
				}
				out = append(out, one)
			})
			return out
		}}
	}, "notified-late", t.event)
	g.add(Push, "a merchant "+t.note+" is told again when a minute has passed", t.retry, func() *fault {
		seen := map[int]time.Time{}
		return &fault{told: func(f *faulty, got []contracttest.Notification) []contracttest.Notification {
			var out []contracttest.Notification
			now := f.now()
			f.eachTold(t, got, func(i, _ int, one contracttest.Notification, _ url.Values) {
				if _, ok := seen[i]; !ok {
					seen[i] = now
				}
				out = append(out, one)
				if i == len(got)-1 && !one.Consumed && now.Sub(seen[i]) >= off {
					f.took()
					out = append(out, one)
				}
			})
			return out
		}}
	}, "notified-early", t.event)
}

// now is the server's time.
func (f *faulty) now() time.Time {
	var out struct {
		Now time.Time `json:"now"`
	}
	if json.Unmarshal(f.control.order(http.MethodGet, "sandboxes/"+f.control.sandbox+"/clock", nil), &out) != nil {
		return time.Time{} // there is a clock
	}
	return out.Now
}

// forged breaks signatures.
func (g *generator) forged(t *tale) {
	g.field(t, "unsigned", "an empty signature", t.signature, "rsaSign", func(url.Values) string { return "" })
	g.field(t, "forged", "another signature", t.signature, "rsaSign", func(form url.Values) string {
		sign := form.Get("rsaSign")
		if strings.HasPrefix(sign, "A") {
			return "B" + sign[1:]
		}
		return "A" + sign[min(1, len(sign)):]
	})
	g.told(t, "key", "is told with the signature of another key", t.signature, "rsaSign",
		func(f *faulty, _ int, one contracttest.Notification, form url.Values) []contracttest.Notification {
			form.Set("rsaSign", f.signedOtherwise(form))
			one.Form = []byte(form.Encode())
			return keep(one)
		})
}

// signedOtherwise is a form's signature with the key of a merchant.
func (f *faulty) signedOtherwise(form url.Values) string {
	params := map[string]string{}
	for name := range form {
		params[name] = form.Get(name)
	}
	all := parse(f.control.order(http.MethodGet, "sandboxes/"+f.control.sandbox+"/merchants", nil))
	if all == nil {
		return ""
	}
	for _, key := range all.find("/merchants/*/private_key") {
		if signer, err := seal.ParsePaySigner(key.value.text()); err == nil {
			if text, err := signer.Sign(params); err == nil {
				return text
			}
		}
	}
	return ""
}

// beforehand tells of the end of a refund before its audit.
func (g *generator) beforehand(t *tale) {
	g.add(Push, "a merchant is told of the end of a refund before it is asked about it", t.count, func() *fault {
		return &fault{told: func(f *faulty, got []contracttest.Notification) []contracttest.Notification {
			audits := map[string]int{}
			var out []contracttest.Notification
			for _, one := range got {
				form, err := url.ParseQuery(string(one.Form))
				id := form.Get("refundBatchId")
				if err == nil && one.Event == refundAudit {
					audits[id] = len(out)
				}
				out = append(out, one)
				if at, ok := audits[id]; ok && err == nil && one.Event == refundStatus {
					out[at], out[len(out)-1] = out[len(out)-1], out[at]
					f.took()
				}
			}
			return out
		}}
	}, "notified-reversed", t.event)
}

// fieldsOf drops and breaks each parameter of a notification.
func (g *generator) fieldsOf(t *tale) {
	checks := append(append([]string{}, t.form...), t.count...)
	for _, p := range merged(g.contract.EventProperties(t.event)) {
		name := strings.TrimPrefix(p.Pointer, "/")
		if name == "" || strings.Contains(name, "/") {
			continue
		}
		g.told(t, "drop", "is told without "+name, checks, name, func(_ *faulty, _ int, one contracttest.Notification, form url.Values) []contracttest.Notification {
			form.Del(name)
			one.Form = []byte(form.Encode())
			return keep(one)
		})
		g.told(t, "twice", "is told with "+name+" twice", checks, name, func(_ *faulty, _ int, one contracttest.Notification, form url.Values) []contracttest.Notification {
			form.Add(name, form.Get(name))
			one.Form = []byte(form.Encode())
			return keep(one)
		})
		if p.Type == "integer" {
			g.field(t, "type", name+" as a word", checks, name, func(url.Values) string { return "emu" })
		}
	}
}

// field changes one parameter of each notification.
func (g *generator) field(t *tale, kind, note string, checks []string, name string, value func(url.Values) string) {
	g.told(t, kind, "is told with "+note, checks, name, func(_ *faulty, _ int, one contracttest.Notification, form url.Values) []contracttest.Notification {
		form.Set(name, value(form))
		one.Form = []byte(form.Encode())
		return keep(one)
	})
}

// eachTold goes through the attempts so far, in order; nth counts those of one
// event of one order or refund, and is -1 for what is not of the tale.
func (f *faulty) eachTold(t *tale, got []contracttest.Notification, do func(i, nth int, one contracttest.Notification, form url.Values)) {
	seen := map[string]int{}
	for i, one := range got {
		form, err := url.ParseQuery(string(one.Form))
		if err != nil || one.Event != t.event {
			do(i, -1, one, nil)
			continue
		}
		key := form.Get("tpOrderId") + " " + form.Get("refundBatchId")
		do(i, seen[key], one, form)
		seen[key]++
	}
}

// told changes the attempts to tell of an event.
func (g *generator) told(t *tale, kind, note string, checks []string, what string,
	change func(f *faulty, nth int, one contracttest.Notification, form url.Values) []contracttest.Notification,
) {
	parts := []string{"notified-" + kind, t.event}
	if what != "" {
		parts = append(parts, what)
	}
	g.add(Push, fmt.Sprintf("a merchant %s %s", t.note, note), checks, func() *fault {
		return &fault{told: func(f *faulty, got []contracttest.Notification) []contracttest.Notification {
			var out []contracttest.Notification
			f.eachTold(t, got, func(_, nth int, one contracttest.Notification, form url.Values) {
				if nth < 0 {
					out = append(out, one)
					return
				}
				changed := change(f, nth, one, form)
				if len(changed) != 1 || changed[0].Event != one.Event || !bytes.Equal(changed[0].Form, one.Form) {
					f.took()
				}
				out = append(out, changed...)
			})
			return out
		}}
	}, parts...)
}

// letters writes what merchants are told otherwise, with the same values.
func (g *generator) letters() {
	write := func(note, what string, pair func(name, value string) string) {
		g.add(Null, note, nil, func() *fault {
			return &fault{told: func(f *faulty, got []contracttest.Notification) []contracttest.Notification {
				out := slices.Clone(got)
				for i, one := range got {
					form, err := url.ParseQuery(string(one.Form))
					if err != nil {
						continue
					}
					var pairs []string
					for name := range form {
						pairs = append(pairs, pair(name, form.Get(name)))
					}
					slices.Sort(pairs)
					slices.Reverse(pairs)
					out[i].Form = []byte(strings.Join(pairs, "&"))
					f.took()
				}
				return out
			}}
		}, "notified", what)
	}
	write("the parameters of notifications are in the opposite order", "order", func(name, value string) string {
		return name + "=" + url.QueryEscape(value)
	})
	write("all of a notification is escaped", "escaped", func(name, value string) string {
		var b strings.Builder
		for _, c := range []byte(value) {
			fmt.Fprintf(&b, "%%%02x", c)
		}
		return name + "=" + b.String()
	})
}

// merchant is a merchant that is told wrongly.
type merchant struct {
	contracttest.Merchants
	f *faulty
}

// Notified returns what came in as the fault has it.
func (m merchant) Notified(ctx context.Context) ([]contracttest.Notification, error) {
	return m.f.tell(m.Merchants.Notified(ctx))
}

// cashier is a cashier whose merchant is told wrongly.
type cashier struct {
	contracttest.Cashier
	f *faulty
}

// Notified returns what came in as the fault has it.
func (c cashier) Notified(ctx context.Context) ([]contracttest.Notification, error) {
	return c.f.tell(c.Cashier.Notified(ctx))
}

// tell puts the fault into all that was told so far.
func (f *faulty) tell(got []contracttest.Notification, err error) ([]contracttest.Notification, error) {
	if err != nil || f.fault.told == nil {
		return got, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fault.told(f, got), nil
}
