package emulator

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/swanemu/emu/internal/seal"
	"github.com/swanemu/emu/internal/spec"
)

// Payment: the cashier that a mini program calls (seed 004), and the orders
// that come of it. Modelled: merchants with their keys, the signature of an
// order, hidden channels, what the user does there as it is scripted, the
// order's lifecycle (x-lifecycle/order), what the merchant answers to its
// notification. Refunds are in payment_refunds.go, queries in
// payment_orders.go, bills in payment_bills.go, the wire of notifications in
// notify.go. Not modelled: promotions, red packets and gift cards (their
// amounts are 0), carts, several items, settlement with the merchant.

// The channels of the cashier, in the order in which it offers them. Seed 004
// has no name for the third beside 微信支付; later documents call it WeChat.
const (
	PayAlipay   = "Alipay"
	PayBDWallet = "BDWallet"
	PayWeChat   = "WeChat"
)

// The values of a payment Decision's Result.
const (
	paymentPaid      = "paid"
	paymentCancelled = "cancelled"
	paymentFailed    = "failed"
	paymentPending   = "pending" // in answers only
)

// The states of x-lifecycle/order that this package names, and the conditions
// and decisions of its steps.
const (
	orderUnpaid   = "unpaid"
	orderConsumed = "consumed"

	whenCancelled       = "cancelled"
	decisionConsumption = "consumption"
)

// defaultPayer is the user who pays where the cashier is told of none.
const defaultPayer = 295421489

// orderIDs and refundIDs are the numbers before the first of each.
const (
	orderIDs  = 800_020_000
	refundIDs = 152_713_000
)

// A Merchant is a payment service of an app: what the platform knows of the
// one whom its users pay.
type Merchant struct {
	// Deal is the dealId, the agreement that payments are settled by.
	Deal int64 `json:"deal_id"`
	// Key is the payment appKey, which is not the app's AppKey; PMApp the id
	// of the payment service as an app.
	Key   string `json:"app_key"`
	PMApp int64  `json:"pm_app_id"`
	App   int64  `json:"app_id"`
	// PublicKey checks what the merchant signs.
	PublicKey string `json:"public_key"`
	// NotifyURL takes payments, RefundAuditURL decides on refunds and
	// RefundNotifyURL takes how they ended; "" is the sandbox's inbox.
	NotifyURL       string `json:"notify_url,omitempty"`
	RefundAuditURL  string `json:"refund_audit_url,omitempty"`
	RefundNotifyURL string `json:"refund_notify_url,omitempty"`
}

// An Order is what somebody pays, or is about to.
type Order struct {
	ID   int64 `json:"order_id"`
	Deal int64 `json:"deal_id"`
	App  int64 `json:"app_id"`
	// TPOrder is the merchant's own number.
	TPOrder string `json:"tp_order_id"`
	State   string `json:"state"`
	User    int64  `json:"user_id"`
	Title   string `json:"title"`
	BizInfo string `json:"biz_info"`
	// Total is the amount, Refunded how much of it has gone back, in fen.
	Total    int64 `json:"total"`
	Refunded int64 `json:"refunded,omitempty"`
	// Banned are the channels that the cashier hides; Channel is the one that
	// was paid by, Trade its number of the payment.
	Banned  []string `json:"banned,omitempty"`
	Channel string   `json:"channel,omitempty"`
	Trade   string   `json:"trade_no,omitempty"`
	// NotifyURL takes the place of the merchant's.
	NotifyURL string `json:"notify_url,omitempty"`
	// Created and Paid are in seconds since 1970; Paid is 0 before.
	Created int64 `json:"created"`
	Paid    int64 `json:"paid,omitempty"`
	// Result is how the last try to pay ended, Reason why it did not succeed;
	// "" while the user is in the cashier.
	Result string `json:"result,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Timer is the timer of what the user does; 0 when none is set.
	Timer int64 `json:"timer,omitempty"`
	// Refunds are in the order they were asked for.
	Refunds []*Refund `json:"refunds,omitempty"`
}

func (o *Order) where() (state string, id int64) { return o.State, o.ID }

// payChannels lists the channels of the cashier in order.
func payChannels() []string { return []string{PayAlipay, PayBDWallet, PayWeChat} }

type requestPolymerPaymentIn struct {
	Deal      int64  `json:"dealId"`
	Key       string `json:"appKey"`
	Total     int64  `json:"totalAmount"`
	TPOrder   string `json:"tpOrderId"`
	Title     string `json:"dealTitle"`
	Sign      string `json:"rsaSign"`
	BizInfo   string `json:"bizInfo"`
	Range     int    `json:"signFieldsRange"`
	Banned    string `json:"bannedChannels"`
	NotifyURL string `json:"notifyUrl"`
	Huid      int64  `json:"huid"`
}

type polymerPayment struct {
	Order    int64  `json:"orderId"`
	TPOrder  string `json:"tpOrderId"`
	Result   string `json:"result"`
	Status   int    `json:"status"`
	PayMoney int64  `json:"payMoney"`
	Channel  string `json:"channel,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// requestPolymerPayment opens the cashier for an order. What the user does
// there at once has happened when it answers.
func requestPolymerPayment(c *Call, in requestPolymerPaymentIn) (polymerPayment, error) {
	m := c.State.merchantByKey(in.Key)
	if m == nil {
		return polymerPayment{}, refuse("PayAppKeyNotFound")
	}
	if m.Deal != in.Deal {
		return polymerPayment{}, refuse("PayParameterInvalid", "dealId 不是该 appKey 的财务结算凭证")
	}
	if err := c.mayPay(m, &in); err != nil {
		return polymerPayment{}, err
	}
	banned := bannedChannels(in.Banned)
	if len(banned) == len(payChannels()) {
		return polymerPayment{}, refuse("PayRefused", "bannedChannels 隐藏了全部支付方式")
	}
	o, err := c.orderToPay(m, &in)
	if err != nil {
		return polymerPayment{}, err
	}
	o.Banned = banned
	c.enterCashier(o)
	return c.payment(o), nil
}

// mayPay checks what the merchant has signed and packed.
func (c *Call) mayPay(m *Merchant, in *requestPolymerPaymentIn) error {
	fields := map[string]string{
		"appKey": in.Key, "dealId": strconv.FormatInt(in.Deal, 10), "tpOrderId": in.TPOrder,
	}
	if in.Range == 1 {
		fields["totalAmount"] = strconv.FormatInt(in.Total, 10)
	}
	verifier, err := seal.ParsePayVerifier(m.PublicKey)
	if err != nil {
		return err // it was checked when it was registered
	}
	if err := verifier.Verify(fields, in.Sign); err != nil {
		// The text shows what a merchant has to sign; there is no secret in it.
		text := "待签名字符串为 " + seal.PayText(fields)
		if strings.Contains(in.Sign, " ") {
			text += "；rsaSign 中有空格，表单中的 + 应写作 %2B"
		}
		return refuse("PaySignatureInvalid", "%s", text)
	}
	var biz map[string]json.RawMessage
	if err := json.Unmarshal([]byte(in.BizInfo), &biz); err != nil || biz == nil {
		return refuse("PayParameterInvalid", "bizInfo 应为可解析为 JSON Object 的字符串")
	}
	return nil
}

// orderToPay is the order that the cashier is opened for: a new one, or one
// that was tried before and is the same.
func (c *Call) orderToPay(m *Merchant, in *requestPolymerPaymentIn) (*Order, error) {
	if o := c.State.orderOf(m.Deal, in.TPOrder); o != nil {
		same := o.Total == in.Total && (in.Huid == 0 || o.User == in.Huid)
		switch {
		case o.State != orderUnpaid:
			return nil, refuse("RecordExists", "tpOrderId %s 的订单%s", in.TPOrder, c.program().payOrders.states[o.State].Title)
		case o.Result == "":
			return nil, refuse("RecordExists", "tpOrderId %s 的订单正在支付", in.TPOrder)
		case !same:
			return nil, refuse("RecordExists", "tpOrderId %s 的订单金额或用户不同", in.TPOrder)
		}
		return o, nil
	}
	t, err := c.program().payOrders.step(c, &Order{}, "requestPolymerPayment", "")
	if err != nil {
		return nil, err
	}
	c.State.LastOrder++
	o := &Order{
		ID: c.State.LastOrder, Deal: m.Deal, App: m.App, TPOrder: in.TPOrder, User: c.payer(in.Huid), Title: in.Title,
		BizInfo: in.BizInfo, Total: in.Total, NotifyURL: in.NotifyURL, Created: c.Now.Unix(),
	}
	c.State.Orders = append(c.State.Orders, o)
	c.State.orders[orderName(o.Deal, o.TPOrder)] = o
	c.passOn(o, t, "")
	return o, nil
}

// payer is the user that the cashier was told of, else the sandbox's own.
func (c *Call) payer(huid int64) int64 {
	if huid != 0 {
		return huid
	}
	return defaultPayer
}

// bannedChannels reads the list of hidden channels, each once, in order.
func bannedChannels(list string) []string {
	named := strings.Split(strings.ReplaceAll(list, "微信支付", PayWeChat), ",")
	var out []string
	for _, channel := range payChannels() {
		if slices.Contains(named, channel) {
			out = append(out, channel)
		}
	}
	return out
}

// enterCashier sees to what the user does with an order: what is scripted, or,
// in manual mode, nothing until it is told. A decision without a delay takes
// effect at once.
func (c *Call) enterCashier(o *Order) {
	o.Result, o.Reason = "", ""
	d := c.takePayDecision(timerPayment, o)
	if d == nil {
		if c.State.Config.Manual {
			return
		}
		d = &Decision{Kind: timerPayment, Result: paymentPaid}
	}
	c.decidePayment(o, d, c.State.Config.Payment)
}

// decidePayment lets the user do something with an order after a while.
func (c *Call) decidePayment(o *Order, d *Decision, delay time.Duration) {
	if d.After != nil {
		delay = *d.After
	}
	if delay <= 0 {
		c.paymentDecided(o, d)
		return
	}
	o.Timer = c.after(delay, Timer{Kind: timerPayment, App: o.App, Order: o.ID, Decision: d})
}

// paymentDecided is the moment when the user does it.
func (c *Call) paymentDecided(o *Order, d *Decision) {
	m := c.program().payOrders
	o.Timer, o.Result, o.Reason = 0, d.Result, d.Reason
	switch d.Result {
	case paymentCancelled:
		c.passOn(o, m.decided(timerPayment, outcomeFail, whenCancelled, o.State), d.Reason)
	case paymentFailed:
		o.Reason = orElse(d.Reason, func() string { return "支付失败" })
		c.passOn(o, m.decided(timerPayment, outcomeFail, "", o.State), o.Reason)
	default:
		o.Channel, o.Paid, o.Reason = o.channel(d.Channel), c.Now.Unix(), ""
		o.Trade = c.Now.In(shanghai).Format("20060102150405") + strconv.FormatInt(o.ID, 10)
		c.passOn(o, m.decided(timerPayment, outcomePass, "", o.State), "")
	}
}

// channel is the one that the user takes: the one asked for, unless it is
// hidden, else the first that is not.
func (o *Order) channel(wanted string) string {
	channels := slices.DeleteFunc(payChannels(), func(name string) bool { return slices.Contains(o.Banned, name) })
	if slices.Contains(channels, wanted) || len(channels) == 0 {
		return wanted
	}
	return channels[0]
}

// passOn takes a step of the order's lifecycle, records it and emits what it
// names.
func (c *Call) passOn(o *Order, t *spec.Transition, reason string) {
	c.record(KindTransition, &Transition{
		Resource: "order", App: o.App, ID: o.ID, Name: t.Name, From: o.State, To: t.To, Reason: reason,
	})
	o.State = t.To
	for _, name := range t.Emits {
		c.emitBy(t.Name, Event{
			Name: name, Channel: ChannelNotify, App: o.App, Deal: o.Deal, Order: o.ID, Payload: c.signed(c.State.paid(o)),
		})
	}
}

// consume is the merchant's answer to the notification that an order is paid:
// it is consumed, or, in error, its money goes back. An answer that comes a
// second time changes nothing.
func (c *Call) consume(o *Order, inError bool) {
	m := c.program().payOrders
	switch t := m.decided(decisionConsumption, outcomePass, "", o.State); {
	case inError && !o.refundsInError():
		c.refundInError(o)
	case !inError && t != nil:
		c.passOn(o, t, "")
	}
}

// payment is how far the cashier is with an order.
func (c *Call) payment(o *Order) polymerPayment {
	out := polymerPayment{
		Order: o.ID, TPOrder: o.TPOrder, Result: o.Result, Status: c.program().payOrders.states[o.State].Status,
		PayMoney: o.Total, Channel: o.Channel, Reason: o.Reason,
	}
	switch {
	case o.Paid != 0:
		out.Result = paymentPaid
	case out.Status < 0:
		out.Result = paymentCancelled // by the user, or closed by the merchant
	case out.Result == "":
		out.Result = paymentPending
	}
	return out
}

type getPolymerPaymentIn struct {
	Key     string `json:"appKey"`
	TPOrder string `json:"tpOrderId"`
}

// getPolymerPayment lets the client see how the cashier ended.
func getPolymerPayment(c *Call, in getPolymerPaymentIn) (polymerPayment, error) {
	m := c.State.merchantByKey(in.Key)
	if m == nil {
		return polymerPayment{}, refuse("PayAppKeyNotFound")
	}
	o := c.State.orderOf(m.Deal, in.TPOrder)
	if o == nil {
		return polymerPayment{}, refuse("PayOrderNotFound")
	}
	return c.payment(o), nil
}
