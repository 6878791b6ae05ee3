package scenarios

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // what the platform's documents ask for
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Payments: the merchants of a scenario, what is decided about orders, what
// merchants are told. The engine signs orders as a merchant would.

// opCashier is the call that opens the cashier.
const opCashier = "requestPolymerPayment"

// merchantActor is a merchant as the control API shows it.
type merchantActor struct {
	Deal    int64  `json:"deal_id"`
	Key     string `json:"app_key"`
	App     int64  `json:"app_id"`
	Private string `json:"private_key"`
}

// merchants lists those of a sandbox; none where the target knows of none.
func (b box) merchants(ctx context.Context) ([]merchantActor, error) {
	if ok, err := b.can(ctx, "merchants"); err != nil || !ok {
		return nil, err
	}
	var out struct {
		Merchants []merchantActor `json:"merchants"`
	}
	err := b.order(ctx, http.MethodGet, "/merchants", nil, &out)
	return out.Merchants, err
}

// ownMerchant is the first merchant of an app, or nil.
func ownMerchant(all []merchantActor, app int64) *merchantActor {
	i := slices.IndexFunc(all, func(m merchantActor) bool { return m.App == app })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// order is the change as the control API takes it.
func (c *MerchantChange) order() map[string]any {
	out := map[string]any{}
	for name, text := range map[string]*string{
		"public_key": c.PublicKey, "notify_url": c.NotifyURL, "refund_audit_url": c.RefundAuditURL, "refund_notify_url": c.RefundNotifyURL,
	} {
		if text != nil {
			out[name] = *text
		} else if c.Inbox && name != "public_key" {
			out[name] = ""
		}
	}
	return out
}

// merchants makes the merchants that are given, or changes those that there
// are.
func (p *preparation) merchants() error {
	if len(p.s.Given.Merchants) == 0 {
		return nil
	}
	there, err := p.box.merchants(p.ctx)
	if err != nil {
		return err
	}
	first := int64(defaultApp)
	if len(p.s.Given.Apps) > 0 {
		first = p.s.Given.Apps[0].AppID
	}
	for i, m := range p.s.Given.Merchants {
		order, app := m.order(), or(m.AppID, first)
		if own := ownMerchant(there, app); own != nil && m.DealID == 0 && m.AppKey == "" {
			err = p.order(http.MethodPatch, fmt.Sprintf("/merchants/%d", own.Deal), order, nil)
		} else {
			order["app_id"] = app
			if m.DealID != 0 {
				order["deal_id"] = m.DealID
			}
			if m.AppKey != "" {
				order["app_key"] = m.AppKey
			}
			err = p.order(http.MethodPost, "/merchants", order, nil)
		}
		if err != nil {
			return fmt.Errorf("merchant %d: %w", i+1, err)
		}
	}
	return nil
}

// payments tells the platform what is decided about orders.
func (p *preparation) payments() error {
	var queue []decisionOrder
	for _, d := range p.s.Platform.Payments {
		o := decisionOrder{
			Kind: "payment", AppID: d.AppID, TPOrderID: d.TPOrderID, Channel: d.Channel, Result: or2(d.Result, "paid"), Reason: d.Reason, After: d.After,
		}
		queue = append(queue, slices.Repeat([]decisionOrder{o}, max(d.Times, 1))...)
	}
	for _, list := range []struct {
		kind      string
		decisions []RefundDecision
	}{{"refund_audit", p.s.Platform.RefundAudits}, {"refund", p.s.Platform.Refunds}} {
		for _, d := range list.decisions {
			o := decisionOrder{
				Kind: list.kind, AppID: d.AppID, TPOrderID: d.TPOrderID, Result: or2(d.Result, "pass"), Reason: d.Reason, After: d.After,
			}
			queue = append(queue, slices.Repeat([]decisionOrder{o}, max(d.Times, 1))...)
		}
	}
	for _, o := range queue {
		if err := p.order(http.MethodPost, "/decisions", o, nil); err != nil {
			return err
		}
	}
	return nil
}

// pays reports whether something is given or decided about payments.
func (s *Scenario) pays() bool {
	p := &s.Platform
	return len(s.Given.Merchants)+len(p.Payments)+len(p.RefundAudits)+len(p.Refunds) > 0
}

// recordedDecision is a decision about an order as platform has it; false where
// there is no word for it.
func (p *Platform) recordedDecision(kind string, order map[string]any) bool {
	if kind == "payment" {
		var d PaymentDecision
		ok := into(order, &d) == nil
		p.Payments = append(p.Payments, d)
		return ok
	}
	var d RefundDecision
	ok := into(order, &d) == nil
	if kind == "refund_audit" {
		p.RefundAudits = append(p.RefundAudits, d)
	} else {
		p.Refunds = append(p.Refunds, d)
	}
	return ok
}

// introduceMerchants learns who takes payments.
func (e *engine) introduceMerchants(ctx context.Context) (err error) {
	if e.merchants, err = e.box.merchants(ctx); err != nil {
		return err
	}
	for _, m := range e.merchants {
		e.vars[fmt.Sprintf("merchants.%d.app_key", m.Deal)] = m.Key
	}
	if m := ownMerchant(e.merchants, e.firstApp()); m != nil {
		e.vars["deal_id"], e.vars["pay_app_key"] = jsonInt(m.Deal), m.Key
	}
	return nil
}

// merchantFor is the merchant that an order names, else that of the caller's
// app.
func (e *engine) merchantFor(params map[string]any, as *Actor) *merchantActor {
	key, deal := textOf(params["appKey"]), textOf(params["dealId"])
	if key != "" || deal != "" {
		i := slices.IndexFunc(e.merchants, func(m merchantActor) bool {
			return (key == "" || m.Key == key) && (deal == "" || fmt.Sprint(m.Deal) == deal)
		})
		if i < 0 {
			return nil
		}
		return &e.merchants[i]
	}
	app := e.firstApp()
	if as != nil {
		app = or(as.AppID, app)
	}
	return ownMerchant(e.merchants, app)
}

// signed adds to an order what its merchant would: who it is, and its
// signature. What is given stays as it is.
func (e *engine) signed(op *operation, params map[string]any, as *Actor) (map[string]any, error) {
	if op.id != opCashier {
		return params, nil
	}
	m := e.merchantFor(params, as)
	if m == nil {
		return params, nil
	}
	out := map[string]any{"appKey": m.Key, "dealId": jsonInt(m.Deal)}
	maps.Copy(out, params)
	if _, given := out["rsaSign"]; given || m.Private == "" {
		return out, nil
	}
	names := []string{"appKey", "dealId", "tpOrderId"}
	if textOf(out["signFieldsRange"]) == "1" {
		names = append(names, "totalAmount")
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = name + "=" + textOf(out[name])
	}
	var err error
	out["rsaSign"], err = m.sign(strings.Join(names, "&"))
	return out, err
}

// sign signs a text with the merchant's private key.
func (m *merchantActor) sign(text string) (string, error) {
	block, _ := pem.Decode([]byte(m.Private))
	if block == nil {
		return "", errors.New("the merchant's private key is no PEM")
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("the merchant's private key: %w", err)
	}
	sum := sha1.Sum([]byte(text)) //nolint:gosec // see above
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA1, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign the order: %w", err)
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

// setMerchant changes a merchant.
func (e *engine) setMerchant(ctx context.Context, s *Step) (*Failure, error) {
	deal := s.SetMerchant.DealID
	if deal == 0 {
		m := ownMerchant(e.merchants, e.firstApp())
		if m == nil {
			return e.fail(s, fmt.Sprintf("app %d has no merchant", e.firstApp())), nil
		}
		deal = m.Deal
	}
	return nil, e.tell(ctx, http.MethodPatch, fmt.Sprintf("/merchants/%d", deal), s.SetMerchant.order(), fmt.Sprintf("set merchant %d", deal))
}

// notifyWish reads what a merchant is to be told.
func (e *engine) notifyWish(n *NotifyExpected) wish {
	w := wish{channel: channelNotify, what: n.Event, order: n.Order, like: func(a *arrival) bool { return a.Name == n.Event }}
	var err error
	if w.app, err = e.vars.ref(n.AppID); err != nil {
		w.wrong = err.Error()
		return w
	}
	want := maps.Clone(n.Data)
	if n.TPOrderID != "" {
		if want == nil {
			want = map[string]any{}
		}
		want["tpOrderId"] = n.TPOrderID
	}
	w.expand(e.vars, want)
	if number, ok := w.want["tpOrderId"]; ok {
		w.want["tpOrderId"] = textOf(number)
		w.what += " for order " + textOf(number)
	}
	return w
}

// orderState is an order as the control API shows it.
type orderState struct {
	ID     int64  `json:"order_id"`
	Number string `json:"tp_order_id"`
	State  string `json:"state"`
}

// stateOfOrder looks at an order.
func (e *engine) stateOfOrder(ctx context.Context, number string, app int64) (string, error) {
	var out struct {
		Orders []orderState `json:"orders"`
	}
	if err := e.box.order(ctx, http.MethodGet, fmt.Sprintf("/orders?app_id=%d&limit=10000", app), nil, &out); err != nil {
		return "", err
	}
	for _, o := range out.Orders {
		if o.Number == number {
			return o.State, nil
		}
	}
	return stateAbsent, nil
}

// merchantsGiven checks the merchants that are given.
func (k *checker) merchantsGiven(g *Given) {
	deals := map[int64]bool{}
	for i := range g.Merchants {
		m := &g.Merchants[i]
		path := fmt.Sprintf("given.merchants[%d]", i)
		k.app(path+".app_id", m.AppID)
		if m.DealID != 0 && deals[m.DealID] {
			k.complain(path+".deal_id", fmt.Sprintf("merchant %d is given twice", m.DealID), "", "")
		}
		deals[m.DealID] = true
		k.merchantChange(path, &m.MerchantChange)
		if m.DealID != 0 {
			k.known[fmt.Sprintf("merchants.%d.app_key", m.DealID)] = true
		}
	}
}

func (k *checker) merchantChange(path string, c *MerchantChange) {
	if c.Inbox && (c.NotifyURL != nil || c.RefundAuditURL != nil || c.RefundNotifyURL != nil) {
		k.complain(path+".inbox", "stands beside a URL", "one of the two", "")
	}
}

// paymentDecisions checks what is decided about orders.
func (k *checker) paymentDecisions(p *Platform) {
	for i, d := range p.Payments {
		path := fmt.Sprintf("platform.payments[%d]", i)
		k.app(path+".app_id", d.AppID)
		k.payment(path, or2(d.Result, "paid"), d.Channel, d.Reason)
	}
	for name, list := range map[string][]RefundDecision{"refund_audits": p.RefundAudits, "refunds": p.Refunds} {
		for i, d := range list {
			path := fmt.Sprintf("platform.%s[%d]", name, i)
			k.app(path+".app_id", d.AppID)
			k.outcome(path, "refund", d.Result, d.Reason, 0)
		}
	}
}

// payment checks that channel and reason go with what a user does.
func (k *checker) payment(path, result, channel, reason string) {
	if channel != "" && result != "paid" {
		k.complain(path+".channel", "is for what is paid", "result: paid", "")
	}
	if reason != "" && result == "paid" {
		k.complain(path+".reason", "is for what is not paid", "result: cancelled or failed", "")
	}
}

// decide checks a decision that a step makes.
func (k *checker) decide(path string, d *Decide) {
	k.app(path+".app_id", d.AppID)
	k.variables(path+".package_id", string(d.PackageID))
	k.variables(path+".order_id", string(d.OrderID))
	k.variables(path+".tp_order_id", d.TPOrderID)
	results, ofOrder := []string{"pass", "fail"}, !slices.Contains([]string{"", "upload", "audit"}, d.Kind)
	if d.Kind == "payment" {
		results = []string{"paid", "cancelled", "failed"}
		k.payment(path, d.Result, d.Channel, d.Reason)
	} else {
		k.outcome(path, d.Kind, d.Result, d.Reason, d.Code)
	}
	if d.Kind != "" && d.Result != "" && !slices.Contains(results, d.Result) {
		k.complain(path+".result", "a "+d.Kind+" does not end as "+d.Result, oneOf(results), "")
	}
	for _, m := range []struct {
		name        string
		given, fits bool
		with        string
	}{
		{"package_id", d.PackageID != "", !ofOrder, "packages"},
		{"version", d.Version != "", !ofOrder, "packages"},
		{"order_id", d.OrderID != "", ofOrder, "orders"},
		{"tp_order_id", d.TPOrderID != "", ofOrder, "orders"},
		{"channel", d.Channel != "", d.Kind == "payment", "payments"},
		{"code", d.Code != 0, d.Kind != "payment", "uploads that fail"},
	} {
		if m.given && !m.fits {
			k.complain(path+"."+m.name, "is for "+m.with, "", "")
		}
	}
}

func (k *checker) notify(path string, e *NotifyExpected) {
	k.word(path+".event", "event", e.Event, k.c.notifications)
	k.variables(path+".app_id", string(e.AppID))
	k.variables(path+".tp_order_id", e.TPOrderID)
	k.matchers(path+".data", e.Data)
}
