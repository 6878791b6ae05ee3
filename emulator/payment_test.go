package emulator_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

// refusalText is errno and msg of a refusal.
func (a answer) refusalText(t testing.TB) string {
	t.Helper()
	var out struct {
		Errno int    `json:"errno"`
		Msg   string `json:"msg"`
	}
	a.into(t, &out)
	return fmt.Sprintf("%d %s", out.Errno, out.Msg)
}

func TestCashierRefuses(t *testing.T) {
	k := newMarket(t, true, nil)
	k.pay("paid", 100)
	must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"payment","result":"failed","tp_order_id":"failed"}`)
	k.pay("failed", 100)
	must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"payment","result":"paid","tp_order_id":"pending","after":"1h"}`)
	k.pay("pending", 100)
	must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"payment","result":"cancelled","tp_order_id":"cancelled"}`)
	k.pay("cancelled", 100)
	before := len(must[struct {
		Orders []shownOrder `json:"orders"`
	}](t, k.e, "GET", box+"/orders", "").Orders)
	unsigned := k.m.sign(map[string]string{"appKey": k.m.key, "dealId": fmt.Sprint(k.m.deal), "tpOrderId": "new"})
	for name, tc := range map[string]struct {
		tpOrder string
		change  []string
		want    string
	}{
		"another amount than was signed":   {"new", []string{"totalAmount", "1"}, "10000 签名校验失败：待签名字符串为 appKey=" + k.m.key},
		"no signature":                     {"new", []string{"rsaSign", ""}, "10000 签名校验失败"},
		"the amount is not signed":         {"new", []string{"rsaSign", unsigned}, "10000 签名校验失败"},
		"a + that was not escaped":         {"new", []string{"rsaSign", "a b+", "signFieldsRange", "0"}, "10000 签名校验失败：待签名字符串为 appKey=" + k.m.key + fmt.Sprintf("&dealId=%d&tpOrderId=new；rsaSign 中有空格，表单中的 + 应写作 %%2B", k.m.deal)},
		"another order's signature":        {"other", []string{"tpOrderId", "new"}, "10000 签名校验失败"},
		"an appKey that nobody has":        {"new", []string{"appKey", "MMMabc"}, "10002 系统错误，appKey未找到"},
		"the app's own AppKey":             {"new", []string{"appKey", k.c.App.AppKey}, "10002 系统错误，appKey未找到"},
		"a dealId that nobody has":         {"new", []string{"dealId", "470193086"}, "10001 参数错误：dealId"},
		"bizInfo is empty":                 {"new", []string{"bizInfo", ""}, "10001 参数错误：bizInfo"},
		"bizInfo is an array":              {"new", []string{"bizInfo", "[]"}, "10001 参数错误：bizInfo"},
		"bizInfo is null":                  {"new", []string{"bizInfo", "null"}, "10001 参数错误：bizInfo"},
		"bizInfo breaks off":               {"new", []string{"bizInfo", "{"}, "10001 参数错误：bizInfo"},
		"everything is hidden":             {"new", []string{"bannedChannels", "Alipay,BDWallet,WeChat"}, "10002 系统错误，操作不允许：bannedChannels"},
		"everything is, in seed 004's way": {"new", []string{"bannedChannels", "微信支付,BDWallet,Alipay"}, "10002 系统错误，操作不允许：bannedChannels"},
		"a channel that there is not":      {"new", []string{"bannedChannels", "Cash"}, "40001 参数错误：bannedChannels"},
		"no amount":                        {"new", []string{"totalAmount", "0"}, "40001 参数错误：totalAmount"},
		"an amount in yuan":                {"new", []string{"totalAmount", "0.01"}, "41000 参数类型错误：totalAmount"},
		"paid already":                     {"paid", nil, "40000 记录已存在：tpOrderId paid 的订单已消费"},
		"cancelled already":                {"cancelled", nil, "40000 记录已存在：tpOrderId cancelled 的订单已取消"},
		"in the cashier already":           {"pending", nil, "40000 记录已存在：tpOrderId pending 的订单正在支付"},
		"tried with another amount":        {"failed", withChanges(k.m.order("failed", 101), nil), "40000 记录已存在：tpOrderId failed 的订单金额或用户不同"},
	} {
		if got := k.cashier(tc.tpOrder, 100, tc.change...).refusalText(t); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	if k.pay("new", 100).Result != "paid" {
		t.Error("what was refused stands in the way of an order")
	}
	if after := must[struct {
		Orders []shownOrder `json:"orders"`
	}](t, k.e, "GET", box+"/orders", "").Orders; len(after) != before+1 {
		t.Errorf("%d orders before, %d after", before, len(after))
	}
}

func TestCashierChannels(t *testing.T) {
	k := newMarket(t, true, nil)
	for banned, want := range map[string]string{
		"": "Alipay", "Alipay": "BDWallet", "BDWallet": "Alipay", "Alipay,BDWallet": "WeChat", "微信支付,Alipay": "BDWallet",
	} {
		if got := k.pay("first of all but "+banned, 1, "bannedChannels", banned); got.Channel != want {
			t.Errorf("without %q: paid by %s, want %s", banned, got.Channel, want)
		}
	}
	for wanted, want := range map[string]string{"WeChat": "WeChat", "Alipay": "BDWallet"} {
		must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"payment","result":"paid","channel":"`+wanted+`"}`)
		if got := k.pay("by "+wanted, 1, "bannedChannels", "Alipay"); got.Channel != want {
			t.Errorf("a user who wants %s, which may be hidden, pays by %s, want %s", wanted, got.Channel, want)
		}
	}
}

// TestCashierScript lets the user do all that a user may do.
func TestCashierScript(t *testing.T) {
	k := newMarket(t, true, nil)
	script := func(body string) { must[fields](t, k.e, "POST", box+"/decisions", body) }
	look := func(tpOrder string) (p payment) {
		get(k.e, "/ma/pay/query", "appKey", k.m.key, "tpOrderId", tpOrder).data(t, &p)
		return p
	}
	for i, tc := range []struct {
		decision string
		after    time.Duration
		at, then string // result and status at once, and after a while
		state    string
	}{
		{`{"kind":"payment","result":"paid"}`, 0, "paid 2", "paid 2", "consumed"},
		{`{"kind":"payment","result":"cancelled","reason":"太贵"}`, 0, "cancelled -1 太贵", "cancelled -1 太贵", "cancelled"},
		{`{"kind":"payment","result":"failed","reason":"余额不足"}`, 0, "failed 1 余额不足", "failed 1 余额不足", "unpaid"},
		{`{"kind":"payment","result":"failed"}`, 0, "failed 1 支付失败", "failed 1 支付失败", "unpaid"},
		{`{"kind":"payment","result":"paid","after":"10m","channel":"WeChat"}`, 10 * time.Minute, "pending 1", "paid 2", "consumed"},
		{`{"kind":"payment","result":"cancelled","after":"10m"}`, 10 * time.Minute, "pending 1", "cancelled -1", "cancelled"},
		{`{"kind":"payment","result":"failed","after":"10m","reason":"x"}`, 10 * time.Minute, "pending 1", "failed 1 x", "unpaid"},
	} {
		tpOrder := fmt.Sprint("order", i)
		script(tc.decision)
		p := k.pay(tpOrder, 100)
		show := func(p payment) string { return strings.TrimSpace(fmt.Sprint(p.Result, " ", p.Status, " ", p.Reason)) }
		if show(p) != tc.at {
			t.Errorf("%s: at once %s, want %s", tc.decision, show(p), tc.at)
		}
		if tc.after > 0 {
			advance(t, k.s, tc.after-time.Second)
			if show(look(tpOrder)) != tc.at {
				t.Errorf("%s: before its time %s", tc.decision, show(look(tpOrder)))
			}
			advance(t, k.s, time.Second)
		}
		if got := show(look(tpOrder)); got != tc.then {
			t.Errorf("%s: then %s, want %s", tc.decision, got, tc.then)
		}
		if got := k.order(tpOrder).State; got != tc.state {
			t.Errorf("%s: the order is %s, want %s", tc.decision, got, tc.state)
		}
	}
	// What failed may be paid with another try.
	if p := k.pay("order2", 100); p.Result != "paid" || p.Reason != "" || k.order("order2").State != "consumed" {
		t.Errorf("another try: %+v", p)
	}
	if got := get(k.e, "/ma/pay/query", "appKey", k.m.key, "tpOrderId", "none").refusalText(t); got != "10002 系统错误，订单未找到" {
		t.Errorf("an order that there is not: %s", got)
	}
}

// TestCashierWaitsToBeTold is the manual mode, and the end of it.
func TestCashierWaitsToBeTold(t *testing.T) {
	k := newMarket(t, true, func(o *emulator.Options) { o.Manual = true })
	k.pay("a", 100)
	k.pay("b", 100)
	k.pay("c", 100)
	type waiting struct {
		Waiting []struct {
			Kind    string `json:"kind"`
			TPOrder string `json:"tp_order_id"`
			Refund  int64  `json:"refund_batch_id"`
		} `json:"waiting"`
	}
	show := func() (out string) {
		for _, w := range must[waiting](t, k.e, "GET", box+"/decisions", "").Waiting {
			out += " " + w.Kind + " " + w.TPOrder
		}
		return out
	}
	if got := show(); got != " payment a payment b payment c" {
		t.Errorf("waiting:%s", got)
	}
	must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"payment","result":"paid","tp_order_id":"b"}`)
	must[fields](t, k.e, "POST", box+"/decisions", fmt.Sprintf(`{"kind":"payment","result":"paid","order_id":%d}`, k.order("c").ID))
	if k.order("a").State != "unpaid" || k.order("b").State != "consumed" || k.order("c").State != "consumed" {
		t.Errorf("a is %s, b %s, c %s", k.order("a").State, k.order("b").State, k.order("c").State)
	}
	k.refund("b", "1").data(t, new(any))
	if got := show(); got != " payment a refund_audit b" {
		t.Errorf("waiting:%s", got)
	}
	must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"refund_audit","result":"pass"}`)
	if got := show(); got != " payment a refund b" {
		t.Errorf("waiting:%s", got)
	}
	must[fields](t, k.e, "PATCH", box+"/config", `{"manual":false}`)
	advance(t, k.s, 3*time.Second)
	if k.order("a").State != "consumed" || k.order("b").State != "refunded" || show() != "" {
		t.Errorf("a is %s, b %s, waiting:%s", k.order("a").State, k.order("b").State, show())
	}
	for body, want := range map[string]problem{
		`{"kind":"payment","result":"pass"}`:                           {Status: 400, Pointer: "/result"},
		`{"kind":"refund","result":"paid"}`:                            {Status: 400, Pointer: "/result"},
		`{"kind":"audit","result":"paid"}`:                             {Status: 400, Pointer: "/result"},
		`{"kind":"payment","result":"failed","channel":"Alipay"}`:      {Status: 400, Pointer: "/channel"},
		`{"kind":"payment","result":"paid","channel":"Cash"}`:          {Status: 400, Pointer: "/channel"},
		`{"kind":"payment","result":"paid","version":"1"}`:             {Status: 400, Pointer: "/version"},
		`{"kind":"audit","result":"pass","tp_order_id":"a"}`:           {Status: 400, Pointer: "/tp_order_id"},
		`{"kind":"payment","result":"paid","order_id":1}`:              {Status: 404, Pointer: "/order_id"},
		`{"kind":"payment","result":"paid","order_id":800020001}`:      {Status: 409, Pointer: "/order_id"},
		`{"kind":"refund_audit","result":"pass","order_id":800020001}`: {Status: 409, Pointer: "/order_id"},
	} {
		if got := refused(t, k.e, want.Status, "POST", box+"/decisions", body); got.Pointer != want.Pointer {
			t.Errorf("%s: %+v", body, got)
		}
	}
}

// TestOrderPaidIsTold looks at the whole of a notification.
func TestOrderPaidIsTold(t *testing.T) {
	k := newMarket(t, false, nil)
	p := k.pay("3028903626", 11300, "huid", "149235070")
	advance(t, k.s, 0)
	k.m.mu.Lock()
	got := k.m.got
	k.m.mu.Unlock()
	if len(got) != 1 || got[0].wrong != nil || got[0].path != "/notify" {
		t.Fatalf("told %v", got)
	}
	want := map[string]string{
		"userId": "149235070", "orderId": fmt.Sprint(p.OrderID), "unitPrice": "11300", "count": "1", "totalMoney": "11300",
		"payMoney": "11300", "promoMoney": "0", "hbMoney": "0", "hbBalanceMoney": "0", "giftCardMoney": "0",
		"dealId": fmt.Sprint(k.m.deal), "payTime": "1767574800", "promoDetail": "", "payType": "9102", "partnerId": "1000000004",
		"status": "2", "tpOrderId": "3028903626", "returnData": `{"k":"百度 & 商户"}`, "rsaSign": got[0].fields["rsaSign"],
	}
	if diff := cmp.Diff(want, got[0].fields); diff != "" {
		t.Errorf("notification (-want +got):\n%s", diff)
	}
	if o := k.order("3028903626"); o.State != "consumed" {
		t.Errorf("the order is %s", o.State)
	}
	// An order's own URL takes the place of the merchant's.
	k.m.take()
	k.pay("own", 1, "notifyUrl", k.m.server.URL+"/own")
	advance(t, k.s, 0)
	if got := k.m.take(); len(got) != 1 || got[0] != "/own own status 2" {
		t.Errorf("told %v", got)
	}
}

func TestFindOrders(t *testing.T) {
	k := newMarket(t, true, nil)
	p := k.pay("x", 200)
	want := map[string]any{
		"appId": 1452365.0, "bizInfo": `{"tpData":{"returnData":{"k":"百度 & 商户"}}}`, "count": 1.0, "createTime": 1767574800.0,
		"dealId": float64(k.m.deal), "openId": 295421489.0, "orderId": float64(p.OrderID), "oriPrice": 200.0, "parentOrderId": 0.0,
		"parentType": 0.0, "payMoney": 200.0, "settlePrice": 200.0, "status": 2.0, "subStatus": 1.0, "totalMoney": 200.0,
		"tpOrderId": "x", "tradeNo": fmt.Sprint("20260105090000", p.OrderID), "type": 0.0, "userId": 295421489.0,
	}
	var got map[string]any
	get(k.e, pathPayments+"findByTpOrderId", "access_token", k.token, "tpOrderId", "x").data(t, &got)
	if got["appKey"] != got["tpId"] || got["appKey"].(float64) < 10000 {
		t.Errorf("appKey %v, tpId %v", got["appKey"], got["tpId"])
	}
	want["appKey"], want["tpId"] = got["appKey"], got["tpId"]
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	clear(got)
	get(k.e, pathPayments+"tp/findByTpOrderId", "access_token", k.c.Authorizer.AccessToken, "tpOrderId", "x", "pmAppKey", k.m.key).data(t, &got)
	if id, ok := got["openId"].(string); !ok || len(id) != 26 {
		t.Errorf("openId for a third-party platform: %v", got["openId"])
	}
	delete(want, "openId")
	delete(got, "openId")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order for a third-party platform (-want +got):\n%s", diff)
	}
	// Another app's merchant is nobody's business.
	must[fields](t, k.e, "POST", box+"/apps", `{"app_id":7}`)
	other := must[fields](t, k.e, "POST", box+"/merchants", `{"app_id":7}`)
	for name, tc := range map[string]struct {
		kv   []string
		want string
	}{
		"another number":    {[]string{"tpOrderId", "y"}, "10002 系统错误，订单未找到"},
		"another's appKey":  {[]string{"tpOrderId", "x", "pmAppKey", other["app_key"].(string)}, "10002 系统错误，appKey未找到"},
		"another's token":   {[]string{"tpOrderId", "x", "access_token", k.c.Authorizer.AccessToken}, "40007 无TP操作权限"},
		"nobody's appKey":   {[]string{"tpOrderId", "x", "pmAppKey", "MMMabc"}, "10002 系统错误，appKey未找到"},
		"no number at all":  {[]string{"tpOrderId", ""}, "40001 参数错误"},
		"an endless number": {[]string{"tpOrderId", strings.Repeat("1", 65)}, "40001 参数错误"},
	} {
		if got := get(k.e, pathPayments+"findByTpOrderId", withChanges([]string{"access_token", k.token}, tc.kv)...).refusalText(t); !strings.HasPrefix(got, tc.want) {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}

func TestCancelOrder(t *testing.T) {
	k := newMarket(t, false, nil)
	must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"payment","result":"paid","after":"1h"}`)
	p := k.pay("x", 200)
	cancel := func(path, token string, order int64) answer {
		return get(k.e, pathPayments+path, "access_token", token, "orderId", fmt.Sprint(order))
	}
	var done bool
	if cancel("cancelOrder", k.token, p.OrderID).data(t, &done); !done {
		t.Error("it is not cancelled")
	}
	if r := advance(t, k.s, 2*time.Hour); r.Fired["payment"] != 0 || len(k.m.take()) > 0 || k.order("x").State != "cancelled" {
		t.Errorf("after it was closed: %+v, %s", r, k.order("x").State)
	}
	paid := k.pay("paid", 1)
	for name, tc := range map[string]struct {
		order int64
		want  string
	}{
		"cancelled": {p.OrderID, "40001 参数错误：订单 800020001 当前状态为 已取消（cancelled），不能执行 cancelOrder；当前状态允许：无"},
		"paid":      {paid.OrderID, "40001 参数错误：订单 800020002 当前状态为 已支付（paid），不能执行 cancelOrder；当前状态允许：无"},
		"none":      {1, "10002 系统错误，订单未找到"},
	} {
		if got := cancel("cancelOrder", k.token, tc.order).refusalText(t); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"payment","result":"failed"}`)
	failed := k.pay("failed", 1)
	if cancel("tp/cancelOrder", k.c.Authorizer.AccessToken, failed.OrderID).data(t, &done); k.order("failed").State != "cancelled" {
		t.Errorf("a failed order, closed by a third-party platform, is %s", k.order("failed").State)
	}
}

// TestPaymentJournal looks at what a paid order leaves behind, each with its
// cause.
func TestPaymentJournal(t *testing.T) {
	k := newMarket(t, false, nil)
	last := k.s.Journal(0, 1000)
	k.pay("x", 100)
	advance(t, k.s, 0)
	var got []string
	kinds := map[int64]string{}
	for _, e := range k.s.Journal(last[len(last)-1].Seq, 100) {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var one struct {
			Transition struct{ Resource, Name, From, To string }
			Event      struct{ Name, Channel string }
			Delivery   struct {
				Name    string
				OK      bool
				Attempt int
			}
		}
		if err := json.Unmarshal(text, &one); err != nil {
			t.Fatal(err)
		}
		kinds[e.Seq] = e.Kind
		switch e.Kind {
		case emulator.KindTransition:
			got = append(got, fmt.Sprintf("%s %s: %s → %s, because of %s", one.Transition.Resource, one.Transition.Name, one.Transition.From, one.Transition.To, kinds[e.Cause]))
		case emulator.KindEvent:
			got = append(got, fmt.Sprintf("%s over %s, because of %s", one.Event.Name, one.Event.Channel, kinds[e.Cause]))
		case emulator.KindDelivery:
			got = append(got, fmt.Sprintf("attempt %d of %s: %t, because of %s", one.Delivery.Attempt, one.Delivery.Name, one.Delivery.OK, kinds[e.Cause]))
		}
	}
	want := []string{
		"order order:  → unpaid, because of exchange",
		"order pay: unpaid → paid, because of exchange",
		"ORDER_PAID over notify, because of exchange",
		"attempt 1 of ORDER_PAID: true, because of event",
		"order consume: paid → consumed, because of delivery",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
}
