package emulator_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

// ownKey is a key pair that a test has made, and the public half as PEM.
func ownKey(t *testing.T) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // as long as the documents' example
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

type merchantsShown struct {
	Merchants []struct {
		Deal      int64  `json:"deal_id"`
		Key       string `json:"app_key"`
		PMApp     int64  `json:"pm_app_id"`
		App       int64  `json:"app_id"`
		PublicKey string `json:"public_key"`
		Private   string `json:"private_key"`
		Platform  string `json:"platform_public_key"`
		NotifyURL string `json:"notify_url"`
		Orders    int    `json:"orders"`
	} `json:"merchants"`
}

// TestControlMerchants makes merchants and changes them.
func TestControlMerchants(t *testing.T) {
	k := newMarket(t, true, nil)
	list := func() merchantsShown { return must[merchantsShown](t, k.e, "GET", box+"/merchants", "") }
	first := list().Merchants
	if len(first) != 1 || first[0].Deal != k.c.Merchant.DealID || first[0].Key != k.c.Merchant.AppKey || first[0].App != k.c.App.AppID ||
		first[0].Private != k.c.Merchant.PrivateKey || first[0].Platform != k.c.Merchant.PlatformPublicKey || first[0].Orders != 0 {
		t.Errorf("at first: %+v", first)
	}
	private, public := ownKey(t)
	body, err := json.Marshal(fields{"deal_id": 470193086, "app_key": "MMMabc", "public_key": public, "notify_url": "http://127.0.0.1:1/x"})
	if err != nil {
		t.Fatal(err)
	}
	must[fields](t, k.e, "POST", box+"/merchants", string(body))
	second := list().Merchants[1]
	if second.Deal != 470193086 || second.Key != "MMMabc" || second.App != k.c.App.AppID || second.PublicKey != public ||
		second.Private != "" || second.NotifyURL != "http://127.0.0.1:1/x" {
		t.Errorf("the second: %+v", second)
	}
	// It pays with its own key, and its app's calls name it.
	mine := &merchant{t: t, private: private, deal: 470193086, key: "MMMabc"}
	post(k.e, pathCashier, mine.order("x", 100)...).data(t, new(any))
	if n := list().Merchants[1].Orders; n != 1 {
		t.Errorf("%d orders of the second merchant", n)
	}
	if got := get(k.e, pathPayments+"findByTpOrderId", "access_token", k.token, "tpOrderId", "x").refusalText(t); got != "10002 系统错误，订单未找到" {
		t.Errorf("the first merchant has the second's order: %s", got)
	}
	get(k.e, pathPayments+"findByTpOrderId", "access_token", k.token, "tpOrderId", "x", "pmAppKey", "MMMabc").data(t, new(any))
	// With another key what was valid is not.
	_, other := ownKey(t)
	change, err := json.Marshal(fields{"public_key": other, "notify_url": ""})
	if err != nil {
		t.Fatal(err)
	}
	must[fields](t, k.e, "PATCH", box+"/merchants/470193086", string(change))
	if got := post(k.e, pathCashier, mine.order("y", 100)...).refusalText(t); !strings.HasPrefix(got, "10000 签名校验失败") {
		t.Errorf("after the key was changed: %s", got)
	}
	if after := list().Merchants[1]; after.NotifyURL != "" || after.PublicKey != other {
		t.Errorf("after the change: %+v", after)
	}
	for order, want := range map[string]problem{
		`POST {"deal_id":470193086}`:                       {Status: 409, Pointer: "/deal_id"},
		`POST {"app_key":"MMMabc"}`:                        {Status: 409, Pointer: "/app_key"},
		`POST {"app_id":77}`:                               {Status: 404, Pointer: "/app_id"},
		`POST {"public_key":"x"}`:                          {Status: 400},
		`POST {"app_key":"MMM abc"}`:                       {Status: 400, Pointer: "/app_key"},
		`POST {"notify_url":"ftp://x"}`:                    {Status: 400},
		`POST {"refund_audit_url":"http://127.0.0.1/#a"}`:  {Status: 400},
		`POST {"refund_notify_url":"//127.0.0.1"}`:         {Status: 400},
		`PATCH/470193085 {}`:                               {Status: 404, Pointer: "/deal_id", Nearest: []string{"470193086"}},
		`PATCH/470193086 {"app_key":"x"}`:                  {Status: 400, Pointer: "/app_key"},
		`PATCH/470193086 {"public_key":"-----BEGIN PUBL"}`: {Status: 400},
		`PATCH/470193086 {"notify_url":"x"}`:               {Status: 400},
	} {
		method, body, _ := strings.Cut(order, " ")
		method, deal, ok := strings.Cut(method, "/")
		path := box + "/merchants"
		if ok {
			path += "/" + deal
		}
		p := refused(t, k.e, want.Status, method, path, body)
		if want.Pointer != "" && p.Pointer != want.Pointer || len(want.Nearest) > 0 && !cmp.Equal(p.Nearest, want.Nearest) {
			t.Errorf("%s: %+v", order, p)
		}
	}
	if after := list().Merchants; len(after) != 2 || after[1].PublicKey != other {
		t.Errorf("refused orders have changed something: %+v", after)
	}
}

// TestMerchantsOfTwoSandboxes gives two sandboxes the same names.
func TestMerchantsOfTwoSandboxes(t *testing.T) {
	k := newMarket(t, true, nil)
	must[fields](t, k.e, "POST", "/_emu/sandboxes", `{"name":"other"}`)
	must[fields](t, k.e, "POST", box+"/merchants", `{"deal_id":470193086,"app_key":"MMMabc"}`)
	const other = "/_emu/sandboxes/other/merchants"
	if p := refused(t, k.e, 409, "POST", other, `{"app_key":"MMMabc"}`); strings.Contains(p.Detail, "MMMabc") {
		t.Errorf("the problem tells: %+v", p)
	}
	// A dealId alone does not say which sandbox is meant; two may have it.
	must[fields](t, k.e, "POST", other, `{"deal_id":470193086,"app_key":"MMMother"}`)
	for _, key := range []string{"MMMabc", "MMMother"} {
		mine := &merchant{t: t, private: k.m.private, deal: 470193086, key: key}
		post(k.e, pathCashier, mine.order("x", 100)...).data(t, new(any))
	}
	for _, path := range []string{box, "/_emu/sandboxes/other"} {
		if got := must[struct{ Orders []shownOrder }](t, k.e, "GET", path+"/orders", ""); len(got.Orders) != 1 {
			t.Errorf("%s has %d orders", path, len(got.Orders))
		}
	}
	// A sandbox that is gone gives its names back.
	must[fields](t, k.e, "DELETE", "/_emu/sandboxes/other", "")
	must[fields](t, k.e, "POST", box+"/merchants", `{"app_key":"MMMother"}`)
}

func TestControlOrders(t *testing.T) {
	k := newMarket(t, true, nil)
	for i := range 3 {
		k.pay(fmt.Sprint("order", i), 100+i)
	}
	must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"payment","result":"failed"}`)
	k.pay("failed", 1)
	other := must[fields](t, k.e, "POST", box+"/merchants", `{"app_key":"MMMabc"}`)
	for query, want := range map[string]string{
		"": "order0 order1 order2 failed", "?state=unpaid": "failed", "?state=consumed&limit=2": "order0 order1",
		"?after=800020002": "order2 failed", "?tp_order_id=order1": "order1", "?app_id=1452365&limit=1": "order0", "?app_id=7": "",
		fmt.Sprintf("?deal_id=%.0f", other["deal_id"]): "", fmt.Sprintf("?deal_id=%d&state=unpaid", k.m.deal): "failed",
	} {
		var got []string
		for _, o := range must[struct{ Orders []shownOrder }](t, k.e, "GET", box+"/orders"+query, "").Orders {
			got = append(got, o.TPOrder)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("orders%s: %v, want %s", query, got, want)
		}
	}
	for _, query := range []string{"?state=online", "?limit=0", "?after=x"} {
		refused(t, k.e, 400, "GET", box+"/orders"+query, "")
	}
}

// TestMerchantsInTheJournal looks for what must not stand there.
func TestMerchantsInTheJournal(t *testing.T) {
	k := newMarket(t, false, nil)
	url := k.m.server.URL + "/notify?key=s3cret"
	must[fields](t, k.e, "PATCH", fmt.Sprintf("%s/merchants/%d", box, k.m.deal), `{"notify_url":"`+url+`"}`)
	k.pay("x", 100)
	advance(t, k.s, 0)
	if k.order("x").State != "consumed" {
		t.Errorf("the order is %s", k.order("x").State)
	}
	ask(k.e, "GET", box+"/merchants", "")
	journal := ask(k.e, "GET", box+"/journal?limit=1000", "").body
	for _, secret := range []string{"s3cret", "PRIVATE KEY"} {
		if bytes.Contains(journal, []byte(secret)) {
			t.Errorf("the journal tells %q", secret)
		}
	}
	if !bytes.Contains(journal, []byte("/notify?redacted")) {
		t.Error("the journal does not say where the notification went")
	}
}

// payments is a sandbox with everything that can be under way.
func payments(t *testing.T) *market {
	t.Helper()
	k := newMarket(t, true, nil)
	must[fields](t, k.e, "PATCH", fmt.Sprintf("%s/merchants/%d", box, k.m.deal), `{"notify_url":"http://127.0.0.1:1/down"}`)
	k.pay("owed", 1000)
	must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"payment","result":"paid","after":"1h"}`)
	k.pay("in the cashier", 1000)
	must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"refund_audit","result":"pass","after":"1h"}`)
	k.refund("owed", "b1").data(t, new(any))
	advance(t, k.s, time.Second)
	must[fields](t, k.e, "POST", box+"/decisions", `{"kind":"refund","result":"fail","tp_order_id":"owed"}`)
	return k
}

// TestPaymentsState takes a state with payments in it out and in again.
func TestPaymentsState(t *testing.T) {
	k := payments(t)
	exported := ask(k.e, "GET", box+"/state", "").body
	must[fields](t, k.e, "PUT", box+"/state", string(exported))
	if again := ask(k.e, "GET", box+"/state", "").body; !bytes.Equal(exported, again) {
		t.Errorf("export, import, export (-first +second):\n%s", cmp.Diff(string(exported), string(again)))
	}
	must[fields](t, k.e, "PATCH", fmt.Sprintf("%s/merchants/%d", box, k.m.deal), `{"notify_url":""}`)
	advance(t, k.e.Sandbox(emulator.DefaultSandbox), 2*time.Hour)
	if a, b := k.order("owed"), k.order("in the cashier"); a.refundState() != "consumed, 0 back; b1 failed 1000 of 1000 退款失败" || b.State != "consumed" {
		t.Errorf("then %s, %s", a.refundState(), b.State)
	}
}

// TestPaymentsBadStates imports states that do not hold together.
func TestPaymentsBadStates(t *testing.T) {
	k := payments(t)
	good := ask(k.e, "GET", box+"/state", "").body
	type change = func(s map[string]any)
	in := func(list string, i int, name string, v any) change {
		return func(s map[string]any) {
			one := s[list].([]any)[i].(map[string]any)
			if one[name] == nil {
				t.Fatalf("%s have no %s", list, name)
			}
			one[name] = v
		}
	}
	refund := func(name string, v any) change {
		return func(s map[string]any) {
			s["orders"].([]any)[0].(map[string]any)["refunds"].([]any)[0].(map[string]any)[name] = v
		}
	}
	timer := func(kind, name string, v any) change {
		return func(s map[string]any) {
			for _, one := range s["timers"].([]any) {
				if one := one.(map[string]any); one["kind"] == kind {
					one[name] = v
					return
				}
			}
			t.Fatalf("no timer %s in %s", kind, good)
		}
	}
	for name, wrong := range map[string]change{
		"a merchant that is none":            func(s map[string]any) { s["merchants"].([]any)[0] = nil },
		"a merchant of no app":               in("merchants", 0, "app_id", 5),
		"a merchant without a deal":          in("merchants", 0, "deal_id", 0),
		"a merchant without a key":           in("merchants", 0, "public_key", ""),
		"a merchant without an appKey":       in("merchants", 0, "app_key", ""),
		"a merchant with a URL that is none": in("merchants", 0, "notify_url", "mailto:x"),
		"a merchant twice":                   func(s map[string]any) { s["merchants"] = append(s["merchants"].([]any), s["merchants"].([]any)[0]) },
		"no merchants":                       func(s map[string]any) { s["merchants"] = nil },
		"an order that is none":              func(s map[string]any) { s["orders"].([]any)[1] = nil },
		"an order twice":                     func(s map[string]any) { s["orders"] = append(s["orders"].([]any), s["orders"].([]any)[0]) },
		"an order from before the first":     in("orders", 0, "order_id", 800020000),
		"an order from the future":           in("orders", 1, "order_id", 800020003),
		"an order of no merchant":            in("orders", 0, "deal_id", 7),
		"an order of another app":            in("orders", 0, "app_id", 7),
		"two orders of one number":           in("orders", 1, "tp_order_id", "owed"),
		"an order in no state":               in("orders", 0, "state", "lost"),
		"an order over nothing":              in("orders", 0, "total", 0),
		"an order of nobody":                 in("orders", 0, "user_id", 0),
		"an order with more back than paid":  in("orders", 0, "total", 999),
		"an order with less than none back":  func(s map[string]any) { s["orders"].([]any)[0].(map[string]any)["refunded"] = -1 },
		"an order with another's timer":      in("orders", 1, "timer", 1),
		"a refund that is none":              func(s map[string]any) { s["orders"].([]any)[0].(map[string]any)["refunds"] = []any{nil} },
		"a refund in no state":               refund("state", "lost"),
		"a refund from the future":           refund("refund_batch_id", 152713002),
		"a refund of nothing":                refund("money", 0),
		"a refund of more than was asked":    refund("money", 1001),
		"a refund with another's timer":      refund("timer", 1),
		"a timer of no order":                timer("payment", "order_id", 7),
		"a timer of no refund":               timer("refund_audit", "refund_batch_id", 7),
		"a timer without its decision":       timer("refund_audit", "decision", nil),
		"a timer that decides something else": timer("payment", "decision", map[string]any{
			"kind": "payment", "result": "pass",
		}),
		"a decision that is none":    in("decisions", 0, "result", "maybe"),
		"a decision of another kind": in("decisions", 0, "kind", "loan"),
		"an event of no merchant":    in("events", 0, "deal_id", 7),
		"an event of no order":       in("events", 0, "order_id", 7),
		"an event of no name":        in("events", 0, "name", "ORDER_LOST"),
		"no rhythm":                  func(s map[string]any) { s["config"].(map[string]any)["notify_interval"] = 0 },
		"fewer orders than there are": func(s map[string]any) {
			s["last_order"] = 800020001
		},
	} {
		var s map[string]any
		d := json.NewDecoder(bytes.NewReader(good))
		d.UseNumber()
		if err := d.Decode(&s); err != nil {
			t.Fatal(err)
		}
		wrong(s)
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if a := ask(k.e, "PUT", box+"/state", string(text)); a.status != 400 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if after := ask(k.e, "GET", box+"/state", "").body; !bytes.Equal(good, after) {
		t.Error("refused imports have changed the sandbox")
	}
}
