package emulator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

// The merchant's answers to what it is asked about a refund.
const (
	auditRefuses = `{"errno":0,"msg":"success","data":{"auditStatus":2,"calculateRes":{"refundPayMoney":0}}}`
	auditUnsure  = `{"errno":0,"msg":"success","data":{"auditStatus":3,"calculateRes":{"refundPayMoney":0}}}`
)

// auditPasses lets some of the money go back.
func auditPasses(money int) string {
	return fmt.Sprintf(`{"errno":0,"msg":"success","data":{"auditStatus":1,"calculateRes":{"refundPayMoney":%d}}}`, money)
}

// refundState is an order's state, what of it has gone back, and each refund.
func (o *shownOrder) refundState() string {
	text := fmt.Sprintf("%s, %d back", o.State, o.Refunded)
	for _, r := range o.Refunds {
		text += fmt.Sprintf("; %s %s %d of %d", r.Batch, r.State, r.Money, r.Asked)
		if r.Failure != "" {
			text += " " + r.Failure
		}
	}
	return text
}

// TestRefunds follows refunds of an order over 1000 fen to their end.
func TestRefunds(t *testing.T) {
	ask := func(k *market, batch string, kv ...string) { k.refund("x", batch, kv...).data(k, new(any)) }
	for name, tc := range map[string]struct {
		do   func(k *market)
		told []string // to the merchant, within two hours
		then string
	}{
		"all of it": {
			do: func(k *market) { ask(k, "b1") },
			told: []string{
				"09:00 /audit x applyRefundMoney 1000", "09:00 /refund x refundStatus 1",
			},
			then: "refunded, 1000 back; b1 succeeded 1000 of 1000",
		},
		"in two parts": {
			do: func(k *market) {
				ask(k, "b1", "applyRefundMoney", "400")
				ask(k, "b2", "applyRefundMoney", "600")
			},
			told: []string{
				"09:00 /audit x applyRefundMoney 400", "09:00 /audit x applyRefundMoney 600",
				"09:00 /refund x refundStatus 1", "09:00 /refund x refundStatus 1",
			},
			then: "refunded, 1000 back; b1 succeeded 400 of 400; b2 succeeded 600 of 600",
		},
		"a part": {
			do:   func(k *market) { ask(k, "b1", "applyRefundMoney", "1") },
			told: []string{"09:00 /audit x applyRefundMoney 1", "09:00 /refund x refundStatus 1"},
			then: "consumed, 1 back; b1 succeeded 1 of 1",
		},
		"the merchant refuses": {
			do: func(k *market) {
				k.m.answer("/audit", auditRefuses)
				ask(k, "b1")
			},
			told: []string{"09:00 /audit x applyRefundMoney 1000", "09:00 /refund x refundStatus 2"},
			then: "consumed, 0 back; b1 failed 1000 of 1000 业务方审核不通过",
		},
		"what was refused is there for the next": {
			do: func(k *market) {
				k.m.answer("/audit", auditRefuses)
				ask(k, "b1")
				advance(k, k.s, 0)
				ask(k, "b2")
			},
			told: []string{
				"09:00 /audit x applyRefundMoney 1000", "09:00 /refund x refundStatus 2",
				"09:00 /audit x applyRefundMoney 1000", "09:00 /refund x refundStatus 1",
			},
			then: "refunded, 1000 back; b1 failed 1000 of 1000 业务方审核不通过; b2 succeeded 1000 of 1000",
		},
		"the merchant is not sure": {
			do: func(k *market) {
				k.m.answer("/audit", auditUnsure, auditUnsure)
				ask(k, "b1")
			},
			told: []string{
				"09:00 /audit x applyRefundMoney 1000", "09:02 /audit x applyRefundMoney 1000",
				"09:06 /audit x applyRefundMoney 1000", "09:06 /refund x refundStatus 1",
			},
			then: "refunded, 1000 back; b1 succeeded 1000 of 1000",
		},
		"the merchant gives less": {
			do: func(k *market) {
				k.m.answer("/audit", auditPasses(300))
				ask(k, "b1")
			},
			told: []string{"09:00 /audit x applyRefundMoney 1000", "09:00 /refund x refundStatus 1"},
			then: "consumed, 300 back; b1 succeeded 300 of 1000",
		},
		"the merchant answers nonsense": {
			do: func(k *market) {
				k.m.answer("/audit", auditPasses(1001), auditPasses(0), answerNoted, "500")
				ask(k, "b1")
			},
			told: []string{
				"09:00 /audit x applyRefundMoney 1000", "09:02 /audit x applyRefundMoney 1000", "09:06 /audit x applyRefundMoney 1000",
				"09:16 /audit x applyRefundMoney 1000", "09:46 /audit x applyRefundMoney 1000", "09:46 /refund x refundStatus 1",
			},
			then: "refunded, 1000 back; b1 succeeded 1000 of 1000",
		},
		"the merchant does not take how it ended": {
			do: func(k *market) {
				k.m.answer("/refund", "500", `{"errno":1,"msg":"x"}`)
				ask(k, "b1")
			},
			told: []string{
				"09:00 /audit x applyRefundMoney 1000", "09:00 /refund x refundStatus 1",
				"09:02 /refund x refundStatus 1", "09:06 /refund x refundStatus 1",
			},
			then: "refunded, 1000 back; b1 succeeded 1000 of 1000",
		},
		"without an audit": {
			do:   func(k *market) { ask(k, "b1", "isSkipAudit", "1") },
			told: []string{"09:00 /refund x refundStatus 1"},
			then: "refunded, 1000 back; b1 succeeded 1000 of 1000",
		},
		"to a URL of its own": {
			do:   func(k *market) { ask(k, "b1", "isSkipAudit", "1", "refundNotifyUrl", k.m.server.URL+"/refund/own") },
			told: []string{"09:00 /refund/own x refundStatus 1"},
			then: "refunded, 1000 back; b1 succeeded 1000 of 1000",
		},
		"it fails": {
			do: func(k *market) {
				must[fields](k, k.e, "POST", box+"/decisions", `{"kind":"refund","result":"fail","reason":"商户余额不足"}`)
				ask(k, "b1")
			},
			told: []string{"09:00 /audit x applyRefundMoney 1000", "09:00 /refund x refundStatus 2"},
			then: "consumed, 0 back; b1 failed 1000 of 1000 商户余额不足",
		},
		"it takes an hour": {
			do: func(k *market) {
				must[fields](k, k.e, "POST", box+"/decisions", `{"kind":"refund","result":"pass","after":"1h","tp_order_id":"x"}`)
				ask(k, "b1")
			},
			told: []string{"09:00 /audit x applyRefundMoney 1000", "10:00 /refund x refundStatus 1"},
			then: "refunded, 1000 back; b1 succeeded 1000 of 1000",
		},
		"a merchant without a URL for audits": {
			do: func(k *market) {
				k.listen("", "/refund")
				must[fields](k, k.e, "POST", box+"/decisions", `{"kind":"refund_audit","result":"fail","reason":"超过七天","after":"30m"}`)
				ask(k, "b1")
			},
			told: []string{"09:30 /refund x refundStatus 2"},
			then: "consumed, 0 back; b1 failed 1000 of 1000 超过七天",
		},
		"a third-party platform asks": {
			do: func(k *market) {
				o := k.order("x")
				post(k.e, pathPayments+"tp/applyOrderRefund", "access_token", k.c.Authorizer.AccessToken, "bizRefundBatchId", "b1",
					"orderId", fmt.Sprint(o.ID), "refundReason", "x", "refundType", "2", "tpOrderId", "x", "userId", fmt.Sprint(o.User),
					"pmAppKey", k.m.key, "applyRefundMoney", "10").data(k, new(any))
			},
			told: []string{"09:00 /audit x applyRefundMoney 10", "09:00 /refund x refundStatus 1"},
			then: "consumed, 10 back; b1 succeeded 10 of 10",
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := newMarket(t, false, nil)
			k.pay("x", 1000)
			advance(t, k.s, 0)
			k.m.take()
			tc.do(k)
			var told []string
			for minute := range 121 {
				advance(t, k.s, time.Minute-time.Nanosecond)
				for _, text := range k.m.take() {
					told = append(told, fmt.Sprintf("%02d:%02d %s", 9+minute/60, minute%60, text))
				}
				advance(t, k.s, time.Nanosecond)
			}
			if diff := cmp.Diff(tc.told, told); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			o := k.order("x")
			if got := o.refundState(); got != tc.then {
				t.Errorf("then %s, want %s", got, tc.then)
			}
		})
	}
}

// TestRefundOfAnErroneousOrder has a merchant that has nothing to sell.
func TestRefundOfAnErroneousOrder(t *testing.T) {
	k := newMarket(t, false, nil)
	k.m.answer("/notify", `{"errno":0,"msg":"success","data":{"isConsumed":2,"isErrorOrder":1}}`)
	k.pay("x", 1000)
	advance(t, k.s, 3*time.Second)
	want := []string{"/notify x status 2", "/audit x applyRefundMoney 1000", "/refund x refundStatus 1"}
	if diff := cmp.Diff(want, k.m.take()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	o := k.order("x")
	if got := o.refundState(); got != "refunded, 1000 back;  succeeded 1000 of 1000" {
		t.Errorf("then %s", got)
	}
	// Told once more, the merchant says the same; nothing more goes back.
	k.m.answer("/notify", `{"errno":0,"msg":"success","data":{"isErrorOrder":1}}`)
	must[shownDelivery](t, k.e, "POST", fmt.Sprintf("%s/deliveries/%d/redeliver", box, k.deliveries()[0].Event), "")
	advance(t, k.s, time.Hour)
	if after := k.order("x"); after.refundState() != o.refundState() {
		t.Errorf("told once more: %s", after.refundState())
	}
}

func TestRefundsRefused(t *testing.T) {
	k := newMarket(t, false, func(o *emulator.Options) { o.Manual = true })
	say := func(tpOrder string) {
		must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"payment","result":"paid","tp_order_id":"`+tpOrder+`"}`)
	}
	k.m.answer("/notify", "500")
	for _, tpOrder := range []string{"fresh", "part", "all", "unpaid"} {
		if k.pay(tpOrder, 1000); tpOrder != "unpaid" {
			say(tpOrder)
			advance(t, k.s, 0)
		}
	}
	applied := func(tpOrder, batch string, kv ...string) (out struct {
		ID    string `json:"refundBatchId"`
		Money int64  `json:"refundPayMoney"`
	},
	) {
		k.refund(tpOrder, batch, kv...).data(t, &out)
		return out
	}
	first := applied("part", "b1", "applyRefundMoney", "400")
	applied("all", "b2", "isSkipAudit", "1")
	advance(t, k.s, 0)
	must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"refund","result":"pass","tp_order_id":"all"}`)
	for name, tc := range map[string]struct {
		tpOrder, batch string
		change         []string
		want           string
	}{
		"unpaid":                   {"unpaid", "n", nil, "10002 系统错误，操作不允许：订单 800020004 没有付款"},
		"more than is left":        {"part", "n", []string{"applyRefundMoney", "601"}, "10002 系统错误，操作不允许：退款 601 分超过订单 800020002 可退的 600 分"},
		"all, after a part":        {"part", "n", nil, "10002 系统错误，操作不允许：退款 1000 分超过"},
		"more than was paid":       {"fresh", "n", []string{"applyRefundMoney", "1001"}, "10002 系统错误，操作不允许：退款 1001 分超过"},
		"all has gone back":        {"all", "n", []string{"applyRefundMoney", "1"}, "10002 系统错误，操作不允许：退款 1 分超过订单 800020003 可退的 0 分"},
		"a part, not consumed":     {"fresh", "n", []string{"applyRefundMoney", "999"}, "10002 系统错误，操作不允许：部分退款的订单必须已消费"},
		"another amount":           {"part", "b1", []string{"applyRefundMoney", "500"}, "40000 记录已存在：bizRefundBatchId b1 已用于 400 分的退款"},
		"another's number":         {"part", "n", []string{"tpOrderId", "all"}, "10001 参数错误：tpOrderId 不是订单 800020002 的"},
		"another user":             {"part", "n", []string{"userId", "5"}, "10001 参数错误：userId取值不合法"},
		"no such order":            {"part", "n", []string{"orderId", "5"}, "10002 系统错误，订单未找到"},
		"no money":                 {"part", "n", []string{"applyRefundMoney", "0"}, "40001 参数错误：applyRefundMoney"},
		"a type that there is not": {"part", "n", []string{"refundType", "4"}, "40001 参数错误：refundType"},
		"no batch":                 {"part", "", nil, "40001 参数错误：bizRefundBatchId"},
		"no reason":                {"part", "n", []string{"refundReason", ""}, "40001 参数错误：refundReason"},
		"a URL that is none":       {"part", "n", []string{"refundNotifyUrl", "merchant"}, "40001 参数错误：refundNotifyUrl"},
		"an appKey of nobody":      {"part", "n", []string{"pmAppKey", "MMMabc"}, "10002 系统错误，appKey未找到"},
	} {
		if got := k.refund(tc.tpOrder, tc.batch, tc.change...).refusalText(t); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	// The same once more is the same refund.
	if again := applied("part", "b1", "applyRefundMoney", "400", "refundReason", "其他"); again != first || first.Money != 400 {
		t.Errorf("first %+v, then %+v", first, again)
	}
	for tpOrder, want := range map[string]string{
		"part": "consumed, 0 back; b1 refunding 400 of 400", "all": "refunded, 1000 back; b2 succeeded 1000 of 1000",
		"fresh": "paid, 0 back", "unpaid": "unpaid, 0 back",
	} {
		if o := k.order(tpOrder); o.refundState() != want {
			t.Errorf("%s: %s, want %s", tpOrder, o.refundState(), want)
		}
	}
}

// TestRefundDecisions takes each decision once, in order, where the inbox stands
// for the merchant.
func TestRefundDecisions(t *testing.T) {
	k := newMarket(t, true, nil)
	for _, d := range []string{
		`{"kind":"refund_audit","result":"fail","reason":"x","after":"2h"}`, `{"kind":"refund_audit","result":"pass"}`,
		`{"kind":"refund","result":"pass","after":"24h"}`, `{"kind":"refund","result":"fail","reason":"y"}`,
	} {
		must[fields](t, k.e, "POST", box+"/decisions", d)
	}
	k.pay("x", 1000)
	var got []string
	note := func() {
		o := k.order("x")
		got = append(got, o.refundState())
	}
	k.refund("x", "b1", "applyRefundMoney", "1").data(t, new(any))
	k.refund("x", "b2", "applyRefundMoney", "2").data(t, new(any))
	note()
	advance(t, k.s, 2*time.Hour)
	note()
	k.refund("x", "b3", "applyRefundMoney", "3").data(t, new(any))
	advance(t, k.s, 3*time.Second)
	note()
	advance(t, k.s, 22*time.Hour)
	note()
	want := []string{
		"consumed, 0 back; b1 auditing 1 of 1; b2 refunding 2 of 2",
		"consumed, 0 back; b1 failed 1 of 1 x; b2 refunding 2 of 2",
		"consumed, 0 back; b1 failed 1 of 1 x; b2 refunding 2 of 2; b3 failed 3 of 3 y",
		"consumed, 2 back; b1 failed 1 of 1 x; b2 succeeded 2 of 2; b3 failed 3 of 3 y",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("refunds (-want +got):\n%s", diff)
	}
}

func TestFindOrderRefund(t *testing.T) {
	k := newMarket(t, false, nil)
	k.pay("x", 1000)
	advance(t, k.s, 0)
	k.m.answer("/audit", auditPasses(10), auditRefuses, auditUnsure)
	for _, batch := range []string{"done", "refused", "waiting"} {
		k.refund("x", batch, "applyRefundMoney", "10").data(t, new(any))
		advance(t, k.s, 5*time.Second)
	}
	o := k.order("x")
	for path, token := range map[string]string{"findOrderRefund": k.token, "tp/findOrderRefund": k.c.Authorizer.AccessToken} {
		var got []map[string]any
		get(k.e, pathPayments+path, "access_token", token, "tpOrderId", "x", "userId", "295421489").data(t, &got)
		var want []map[string]any
		for i, status := range []int{2, 3, 1} {
			want = append(want, map[string]any{
				"bizRefundBatchId": o.Refunds[i].Batch, "orderId": float64(o.ID), "refundBatchId": float64(o.Refunds[i].ID),
				"refundStatus": float64(status), "userId": 295421489.0,
			})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	k.pay("none", 1)
	if a := get(k.e, pathPayments+"findOrderRefund", "access_token", k.token, "tpOrderId", "none", "userId", "295421489"); !strings.Contains(string(a.body), `"data":[]`) {
		t.Errorf("an order without refunds: %s", a.body)
	}
	for want, kv := range map[string][]string{
		"10002 系统错误，订单未找到":       {"tpOrderId", "y", "userId", "295421489"},
		"10001 参数错误：userId取值不合法": {"tpOrderId", "x", "userId", "5"},
	} {
		if got := get(k.e, pathPayments+"findOrderRefund", append(kv, "access_token", k.token)...).refusalText(t); got != want {
			t.Errorf("%v: %s, want %s", kv, got, want)
		}
	}
}

// TestRefundStatusOnTheWay looks at where an order stands while money is on its
// way.
func TestRefundStatusOnTheWay(t *testing.T) {
	k := newMarket(t, true, nil)
	k.pay("x", 1000)
	look := func() string {
		var o struct {
			Status    int `json:"status"`
			SubStatus int `json:"subStatus"`
		}
		get(k.e, pathPayments+"findByTpOrderId", "access_token", k.token, "tpOrderId", "x").data(t, &o)
		return fmt.Sprint(o.Status, o.SubStatus)
	}
	got := []string{look()}
	k.refund("x", "b1").data(t, new(any))
	got = append(got, look())
	advance(t, k.s, 3*time.Second)
	got = append(got, look())
	if diff := cmp.Diff([]string{"2 1", "2 2", "2 3"}, got); diff != "" {
		t.Errorf("status and subStatus (-want +got):\n%s", diff)
	}
	messages, err := k.s.Inbox(0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, in := range messages {
		names = append(names, in.Event)
	}
	if diff := cmp.Diff([]string{"ORDER_PAID", "REFUND_AUDIT", "REFUND_STATUS"}, names); diff != "" {
		t.Errorf("inbox (-want +got):\n%s", diff)
	}
}
