package emulator_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/swanemu/emu/emulator"
)

// The transitions of x-lifecycle/order and x-lifecycle/refund.
var paymentTransitions = []string{
	"order", "pay", "abandon", "payment_failed", "close", "consume", "refund_all", "ask_for_refund", "refund_unaudited",
	"refund_error_order", "refund_audit_pass", "refund_audit_fail", "refund_done", "refund_failed",
}

// The least steps of TestPaymentModel, and the most that it takes to see every
// transition.
const (
	paymentSteps     = 3_000
	paymentStepsMost = 20_000
)

// TestPaymentModel drives markets and their models with random sequences of
// what users, merchants and tests do, until enough steps are done and every
// transition has been taken.
func TestPaymentModel(t *testing.T) {
	setFlag(t, "rapid.steps", "60")
	setFlag(t, "rapid.checks", "10")
	least := paymentSteps
	if testing.Short() || raceEnabled {
		least /= 3
	}
	hits := map[string]int{}
	steps := 0
	all := func() bool {
		return !slices.ContainsFunc(paymentTransitions, func(name string) bool { return hits[name] == 0 })
	}
	k := newMarket(t, false, func(o *emulator.Options) { o.Manual = true })
	for steps < least || !all() && steps < paymentStepsMost {
		rapid.Check(t, func(r *rapid.T) {
			must[fields](t, k.e, "POST", box+"/reset", "")
			k.open(false)
			w := &payWorld{k: k, moods: map[string]string{}}
			for path := range payMoods {
				w.moods[path] = "well"
			}
			r.Repeat(map[string]func(*rapid.T){
				"": w.check, "open": w.open, "say": w.say, "say again": w.say, "close": w.close, "refund": w.refund,
				"refund again": w.refund, "refund and again": w.refund, "end refund": w.endRefund, "end refund again": w.endRefund,
				"mood": w.mood, "wait": w.wait,
			})
			steps += w.steps
			w.count(hits)
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d steps", steps)
	covered(t, "transition", paymentTransitions, hits, true)
}

// payMoods are the answers of a merchant by path and name.
var payMoods = map[string]map[string]string{
	"/notify": {
		"well": answerConsumed, "later": `{"errno":0,"msg":"success","data":{"isConsumed":1}}`, "down": "500",
		"in error": `{"errno":0,"msg":"success","data":{"isErrorOrder":1}}`,
	},
	"/audit":  {"well": "", "half": "half", "refuse": auditRefuses, "unsure": auditUnsure, "down": "500"},
	"/refund": {"well": answerNoted, "down": "500"},
}

// A payWorld is a market and what the model thinks of it.
type payWorld struct {
	k      *market
	now    time.Duration // since the beginning
	orders []*modelOrder
	moods  map[string]string
	// due is what happens by itself, in the order in which it was planned;
	// seen is what the merchant was told.
	due   []*modelDue
	wire  []*modelDue
	seen  []string
	steps int
}

type modelOrder struct {
	number  string
	total   int
	banned  []string
	state   string
	result  string // of the cashier; "pending" while the user is there
	channel string
	back    int
	refunds []*modelRefund
	plan    *modelDue // what the user is going to do
}

type modelRefund struct {
	batch        string
	state        string
	asked, money int
}

// A modelDue is a letter to the merchant or what a user is going to do.
type modelDue struct {
	at       time.Duration
	path     string // "" for a user
	what     string
	o        *modelOrder
	r        *modelRefund
	failures int
}

// count counts the transitions that the journal tells of.
func (w *payWorld) count(hits map[string]int) {
	w.k.Helper()
	for _, e := range w.k.s.Journal(0, 10_000) {
		if e.Kind != emulator.KindTransition {
			continue
		}
		text, err := json.Marshal(e)
		if err != nil {
			w.k.Fatal(err)
		}
		var one struct{ Transition struct{ Name string } }
		if err := json.Unmarshal(text, &one); err != nil {
			w.k.Fatal(err)
		}
		hits[one.Transition.Name]++
	}
}

func (o *modelOrder) left() int {
	left := o.total
	for _, r := range o.refunds {
		if r.state != "failed" {
			left -= r.money
		}
	}
	return left
}

func (o *modelOrder) paid() bool { return o.state != "unpaid" && o.state != "cancelled" }

// tell gives the merchant a letter now.
func (w *payWorld) tell(path string, o *modelOrder, r *modelRefund) {
	w.wire = append(w.wire, &modelDue{path: path, o: o, r: r})
}

// run lets happen what is due up to a time.
func (w *payWorld) run(to time.Duration) {
	w.deliver()
	for {
		next := to + 1
		for _, d := range w.due {
			next = min(next, d.at)
		}
		if next > to {
			break
		}
		w.now = next
		now := w.due
		w.due = nil
		for _, d := range now {
			switch {
			case d.at > next:
				w.due = append(w.due, d)
			case d.path == "":
				w.user(d.o, d.what)
			default:
				w.wire = append(w.wire, d)
			}
		}
		w.deliver()
	}
	w.now = to
}

// deliver hands the merchant its letters, and what comes of its answers.
func (w *payWorld) deliver() {
	for len(w.wire) > 0 {
		d := w.wire[0]
		w.wire = w.wire[1:]
		o, r, mood := d.o, d.r, w.moods[d.path]
		switch d.path {
		case "/notify":
			w.seen = append(w.seen, fmt.Sprintf("/notify %s status 2", o.number))
			switch {
			case mood == "well" && o.state == "paid":
				o.state = "consumed"
			case mood == "in error" && o.left() > 0:
				r := &modelRefund{state: "auditing", asked: o.left(), money: o.left()}
				o.refunds = append(o.refunds, r)
				w.tell("/audit", o, r)
			}
			if (mood == "later" || mood == "down") && d.failures < 200 {
				w.again(d, 2*time.Minute)
			}
		case "/audit":
			w.seen = append(w.seen, fmt.Sprintf("/audit %s applyRefundMoney %d", o.number, r.asked))
			switch mood {
			case "well":
				r.state = "refunding"
			case "half":
				r.state, r.money = "refunding", (r.asked+1)/2
			case "refuse":
				r.state = "failed"
				w.tell("/refund", o, r)
			default:
				w.again(d, 2*time.Minute, 4*time.Minute, 10*time.Minute, 30*time.Minute, time.Hour)
			}
		case "/refund":
			w.seen = append(w.seen, fmt.Sprintf("/refund %s refundStatus %d", o.number, map[bool]int{true: 1, false: 2}[r.state == "succeeded"]))
			if mood == "down" {
				w.again(d, 2*time.Minute, 4*time.Minute, 10*time.Minute, 30*time.Minute, time.Hour)
			}
		}
	}
}

func (w *payWorld) again(d *modelDue, pauses ...time.Duration) {
	d.at = w.now + pauses[min(d.failures, len(pauses)-1)]
	d.failures++
	w.due = append(w.due, d)
}

// user is what somebody does in the cashier.
func (w *payWorld) user(o *modelOrder, what string) {
	o.plan, o.result = nil, what
	switch what {
	case "paid":
		channels := slices.DeleteFunc([]string{"Alipay", "BDWallet", "WeChat"}, func(name string) bool { return slices.Contains(o.banned, name) })
		o.state, o.channel = "paid", channels[0]
		w.tell("/notify", o, nil)
	case "cancelled":
		o.state = "cancelled"
	}
}

// answered holds what came back against what the model thinks; "" is a
// success.
func (w *payWorld) answered(t *rapid.T, a answer, want string) {
	if got := a.code(); want == "" && got != 0 || want != "" && !strings.HasPrefix(a.refusalText(w.k), want) {
		t.Fatalf("answer %s, want %q", a.body, want)
	}
	w.run(w.now)
	advance(w.k, w.k.s, 0)
}

func (w *payWorld) any(t *rapid.T) *modelOrder {
	if len(w.orders) == 0 {
		t.Skip("there is no order")
	}
	return rapid.SampledFrom(w.orders).Draw(t, "order")
}

// open opens the cashier.
func (w *payWorld) open(t *rapid.T) {
	channels := []string{"Alipay", "BDWallet", "WeChat"}
	o := &modelOrder{
		number: fmt.Sprint("N", rapid.IntRange(1, 12).Draw(t, "number")), total: rapid.IntRange(1, 4).Draw(t, "total"),
		banned: channels[:rapid.IntRange(0, 3).Draw(t, "banned")], state: "unpaid", result: "pending",
	}
	want := ""
	i := slices.IndexFunc(w.orders, func(x *modelOrder) bool { return x.number == o.number })
	switch {
	case len(o.banned) == 3:
		want = "10002"
	case i < 0:
		w.orders = append(w.orders, o)
	case w.orders[i].state != "unpaid" || w.orders[i].result != "failed" || w.orders[i].total != o.total:
		want = "40000"
	default:
		w.orders[i].result, w.orders[i].banned = "pending", o.banned
	}
	w.answered(t, w.k.cashier(o.number, o.total, "bannedChannels", strings.Join(o.banned, ",")), want)
}

// say is what a test decides about a user.
func (w *payWorld) say(t *rapid.T) {
	o := w.any(t)
	what := rapid.SampledFrom([]string{"paid", "paid", "paid", "paid", "cancelled", "failed"}).Draw(t, "what")
	after := rapid.SampledFrom([]time.Duration{0, 0, 3 * time.Minute}).Draw(t, "after")
	status := w.decide(fmt.Sprintf(`{"kind":"payment","result":"%s","after":"%s","order_id":%d}`, what, after, w.k.order(o.number).ID))
	if o.state != "unpaid" || o.result != "pending" {
		if status != 409 {
			t.Fatalf("an order that is %s and %s can be decided on", o.state, o.result)
		}
		return
	}
	if status >= 300 {
		t.Fatalf("HTTP %d", status)
	}
	w.due = slices.DeleteFunc(w.due, func(d *modelDue) bool { return d == o.plan })
	if after == 0 {
		w.user(o, what)
	} else {
		o.plan = &modelDue{at: w.now + after, what: what, o: o}
		w.due = append(w.due, o.plan)
	}
	w.run(w.now)
}

func (w *payWorld) decide(body string) int {
	return ask(w.k.e, "POST", box+"/decisions", body).status
}

// close is the merchant's cancelOrder.
func (w *payWorld) close(t *rapid.T) {
	o := w.any(t)
	if o.state == "unpaid" && rapid.IntRange(0, 3).Draw(t, "really") > 0 {
		t.Skip("there are other things to do with it")
	}
	want := ""
	if o.state == "unpaid" {
		o.state = "cancelled"
		w.due = slices.DeleteFunc(w.due, func(d *modelDue) bool { return d == o.plan })
		o.plan, o.result = nil, "cancelled"
	} else {
		want = "40001"
	}
	w.answered(t, get(w.k.e, pathPayments+"cancelOrder", "access_token", w.k.token, "orderId", fmt.Sprint(w.k.order(o.number).ID)), want)
}

// refund is the merchant's applyOrderRefund.
func (w *payWorld) refund(t *rapid.T) {
	o := w.any(t)
	money := rapid.SampledFrom([]int{1, o.total, o.total, max(1, o.left()), o.total + 1}).Draw(t, "money")
	batch := rapid.StringMatching(`b[1-3]`).Draw(t, "batch")
	skip := rapid.Bool().Draw(t, "skip audit")
	want := ""
	i := slices.IndexFunc(o.refunds, func(r *modelRefund) bool { return r.batch == batch })
	switch {
	case i >= 0 && o.refunds[i].asked != money:
		want = "40000"
	case i >= 0:
	case !o.paid(), money > o.left(), money < o.total && o.state != "consumed":
		want = "10002"
	default:
		r := &modelRefund{batch: batch, state: "refunding", asked: money, money: money}
		o.refunds = append(o.refunds, r)
		if !skip {
			r.state = "auditing"
			w.tell("/audit", o, r)
		}
	}
	w.answered(t, w.k.refund(o.number, batch, "applyRefundMoney", fmt.Sprint(money), "isSkipAudit", map[bool]string{true: "1", false: "0"}[skip]), want)
}

// endRefund is what a test decides about the first refund that is under way.
func (w *payWorld) endRefund(t *rapid.T) {
	o := w.any(t)
	result := rapid.SampledFrom([]string{"pass", "pass", "fail"}).Draw(t, "result")
	status := w.decide(fmt.Sprintf(`{"kind":"refund","result":"%s","order_id":%d}`, result, w.k.order(o.number).ID))
	i := slices.IndexFunc(o.refunds, func(r *modelRefund) bool { return r.state == "refunding" })
	if i < 0 {
		if status != 409 {
			t.Fatalf("HTTP %d for no refund", status)
		}
		return
	}
	if status >= 300 {
		t.Fatalf("HTTP %d", status)
	}
	r := o.refunds[i]
	if result == "pass" {
		r.state = "succeeded"
		if o.back += r.money; o.back == o.total {
			o.state = "refunded"
		}
	} else {
		r.state = "failed"
	}
	w.tell("/refund", o, r)
	w.run(w.now)
}

// mood changes how the merchant answers.
func (w *payWorld) mood(t *rapid.T) {
	path := rapid.SampledFrom([]string{"/notify", "/audit", "/refund"}).Draw(t, "path")
	var names []string
	for name := range payMoods[path] {
		names = append(names, name)
	}
	slices.Sort(names)
	w.moods[path] = rapid.SampledFrom(names).Draw(t, "mood")
	w.k.m.mu.Lock()
	defer w.k.m.mu.Unlock()
	w.k.m.always = func(path string, money int) string {
		switch answer := payMoods[path][w.moods[path]]; answer {
		case "":
			return auditPasses(money)
		case "half":
			return auditPasses((money + 1) / 2)
		default:
			return answer
		}
	}
}

// wait lets time pass.
func (w *payWorld) wait(t *rapid.T) {
	by := rapid.SampledFrom([]time.Duration{time.Second, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute, 70 * time.Minute}).Draw(t, "by")
	w.run(w.now + by)
	advance(w.k, w.k.s, by)
}

// check holds the market against the model.
func (w *payWorld) check(t *rapid.T) {
	w.steps++
	var want, got []string
	for _, o := range w.orders {
		result := o.result
		if o.paid() {
			result = "paid"
		}
		text := fmt.Sprintf("%s %d %s %s %s %d back", o.number, o.total, o.state, result, o.channel, o.back)
		for _, r := range o.refunds {
			text += fmt.Sprintf("; %s %s %d of %d", r.batch, r.state, r.money, r.asked)
		}
		want = append(want, text)
	}
	for _, o := range must[struct{ Orders []shownOrder }](w.k, w.k.e, "GET", box+"/orders", "").Orders {
		text := fmt.Sprintf("%s %d %s %s %s %d back", o.TPOrder, o.Total, o.State, o.Result, o.Channel, o.Refunded)
		for _, r := range o.Refunds {
			text += fmt.Sprintf("; %s %s %d of %d", r.Batch, r.State, r.Money, r.Asked)
		}
		got = append(got, text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("orders (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(w.seen, w.k.m.take()); diff != "" {
		t.Fatalf("told (-want +got):\n%s", diff)
	}
	w.seen = nil
}
