package emulator

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Merchants and orders over the control API.

type merchantsOut struct {
	Merchants []merchantOut `json:"merchants"`
}

type merchantOut struct {
	Deal            int64  `json:"deal_id"`
	Key             string `json:"app_key"`
	PMApp           int64  `json:"pm_app_id"`
	App             int64  `json:"app_id"`
	PublicKey       string `json:"public_key"`
	PrivateKey      string `json:"private_key,omitempty"`
	PlatformKey     string `json:"platform_public_key"`
	NotifyURL       string `json:"notify_url"`
	RefundAuditURL  string `json:"refund_audit_url"`
	RefundNotifyURL string `json:"refund_notify_url"`
	Orders          int    `json:"orders"`
}

// shownMerchant is a merchant with the keys that go with it: the private one
// where it is the pair that comes with the emulator.
func (c *Call) shownMerchant(m *Merchant) (merchantOut, error) {
	out := merchantOut{
		Deal: m.Deal, Key: m.Key, PMApp: m.PMApp, App: m.App, PublicKey: m.PublicKey, NotifyURL: m.NotifyURL,
		RefundAuditURL: m.RefundAuditURL, RefundNotifyURL: m.RefundNotifyURL,
	}
	platform, err := c.box.em.platformKey()
	if err != nil {
		return out, err
	}
	pair, err := c.box.em.merchantKey()
	if err != nil {
		return out, err
	}
	out.PlatformKey = platform.Public()
	if pair.Public() == m.PublicKey {
		out.PrivateKey = bareKey(merchantPEM)
	}
	for _, o := range c.State.Orders {
		if o.Deal == m.Deal {
			out.Orders++
		}
	}
	return out, nil
}

func listMerchants(c *Call, _ None) (merchantsOut, error) {
	out := merchantsOut{Merchants: []merchantOut{}}
	for _, m := range c.State.Merchants {
		one, err := c.shownMerchant(m)
		if err != nil {
			return merchantsOut{}, err
		}
		out.Merchants = append(out.Merchants, one)
	}
	return out, nil
}

// merchantChange is what may be said of a merchant; nil says nothing.
type merchantChange struct {
	PublicKey       *string `json:"public_key"`
	NotifyURL       *string `json:"notify_url"`
	RefundAuditURL  *string `json:"refund_audit_url"`
	RefundNotifyURL *string `json:"refund_notify_url"`
}

func (in *merchantChange) apply(m *Merchant) {
	set(&m.PublicKey, in.PublicKey)
	set(&m.NotifyURL, in.NotifyURL)
	set(&m.RefundAuditURL, in.RefundAuditURL)
	set(&m.RefundNotifyURL, in.RefundNotifyURL)
}

type createMerchantIn struct {
	merchantChange
	Deal int64  `json:"deal_id"`
	Key  string `json:"app_key"`
	App  int64  `json:"app_id"`
}

// createMerchant makes a payment service for an app, the first if none is
// named; what is left out is generated.
func createMerchant(c *Call, in createMerchantIn) (merchantOut, error) {
	if ids := c.State.appIDs(); in.App == 0 && len(ids) > 0 {
		in.App = ids[0]
	}
	if _, err := c.anApp(in.App, "/app_id"); err != nil {
		return merchantOut{}, err
	}
	if c.State.merchant(in.Deal) != nil {
		return merchantOut{}, conflict("/deal_id", fmt.Sprintf("sandbox %s has a merchant with deal_id %d already", c.State.Name, in.Deal))
	}
	if in.Key != "" && c.State.merchantByKey(in.Key) != nil {
		return merchantOut{}, conflict("/app_key", "app_key is in use in this sandbox already")
	}
	m := &Merchant{Deal: in.Deal, Key: in.Key, App: in.App}
	in.apply(m)
	if err := c.addMerchant(m); err != nil {
		return merchantOut{}, err
	}
	return c.shownMerchant(m)
}

type updateMerchantIn struct {
	merchantChange
	Deal int64 `json:"deal_id"`
}

func updateMerchant(c *Call, in updateMerchantIn) (merchantOut, error) {
	m := c.State.merchant(in.Deal)
	if m == nil {
		p := notFound("/deal_id", fmt.Sprintf("sandbox %s has no merchant with deal_id %d", c.State.Name, in.Deal))
		var ids []int64
		for _, m := range c.State.Merchants {
			ids = append(ids, m.Deal)
		}
		p.Nearest = near(strconv.FormatInt(in.Deal, 10), texts(ids))
		return merchantOut{}, p
	}
	changed := *m
	in.apply(&changed)
	if err := changed.check(); err != nil {
		return merchantOut{}, &orderError{err.Error()}
	}
	*m = changed
	return c.shownMerchant(m)
}

type ordersIn struct {
	AppID   int64  `json:"app_id"`
	Deal    int64  `json:"deal_id"`
	State   string `json:"state"`
	TPOrder string `json:"tp_order_id"`
	After   int64  `json:"after"`
	Limit   int    `json:"limit"`
}

type ordersOut struct {
	Orders []orderOut `json:"orders"`
}

type orderOut struct {
	ID       int64       `json:"order_id"`
	Deal     int64       `json:"deal_id"`
	App      int64       `json:"app_id"`
	TPOrder  string      `json:"tp_order_id"`
	State    string      `json:"state"`
	Title    string      `json:"state_title"`
	Result   string      `json:"result"`
	User     int64       `json:"user_id"`
	Total    int64       `json:"total"`
	Refunded int64       `json:"refunded"`
	Channel  string      `json:"channel,omitempty"`
	Reason   string      `json:"reason,omitempty"`
	Created  string      `json:"created"`
	Paid     string      `json:"paid,omitempty"`
	Refunds  []refundOut `json:"refunds"`
}

type refundOut struct {
	ID      int64  `json:"refund_batch_id"`
	Batch   string `json:"biz_refund_batch_id"`
	State   string `json:"state"`
	Asked   int64  `json:"asked"`
	Money   int64  `json:"money"`
	Reason  string `json:"reason"`
	Failure string `json:"failure,omitempty"`
	At      string `json:"at"`
	Ended   string `json:"ended,omitempty"`
}

// listOrders shows the orders of a sandbox with their refunds.
func listOrders(c *Call, in ordersIn) (ordersOut, error) {
	if in.Limit == 0 {
		in.Limit = eventsShown
	}
	out := ordersOut{Orders: []orderOut{}}
	for _, o := range c.State.Orders {
		if len(out.Orders) == in.Limit {
			break
		}
		if o.ID > in.After && (in.AppID == 0 || in.AppID == o.App) && (in.Deal == 0 || in.Deal == o.Deal) &&
			(in.State == "" || in.State == o.State) && (in.TPOrder == "" || in.TPOrder == o.TPOrder) {
			out.Orders = append(out.Orders, c.shownOrder(o))
		}
	}
	return out, nil
}

func (c *Call) shownOrder(o *Order) orderOut {
	out := orderOut{
		ID: o.ID, Deal: o.Deal, App: o.App, TPOrder: o.TPOrder, State: o.State, Title: c.program().payOrders.states[o.State].Title,
		Result: c.payment(o).Result, User: o.User, Total: o.Total, Refunded: o.Refunded, Channel: o.Channel, Reason: o.Reason,
		Created: stamp(time.Unix(o.Created, 0)), Paid: shownTime(o.Paid), Refunds: []refundOut{},
	}
	for _, r := range o.Refunds {
		out.Refunds = append(out.Refunds, refundOut{
			ID: r.ID, Batch: r.Batch, State: r.State, Asked: r.Asked, Money: r.Money, Reason: r.Reason, Failure: r.Failure,
			At: stamp(time.Unix(r.At, 0)), Ended: shownTime(r.Ended),
		})
	}
	return out
}

// shownTime writes seconds since 1970; 0 is never.
func shownTime(seconds int64) string {
	if seconds == 0 {
		return ""
	}
	return stamp(time.Unix(seconds, 0))
}

// anUndecided returns what a decision can be made on: of the order named, or
// the first that waits to be told.
func (c *Call) anUndecided(d *Decision, orderID int64) (undecided, error) {
	matches := func(o *Order) (undecided, bool) {
		all := c.State.undecidedOn(o)
		i := slices.IndexFunc(all, func(u undecided) bool { return u.kind == d.Kind && (orderID != 0 || u.timer() == 0) })
		if i < 0 || !d.matchesOrder(d.Kind, o) {
			return undecided{}, false
		}
		return all[i], true
	}
	if orderID == 0 {
		for _, o := range c.State.Orders {
			if u, ok := matches(o); ok {
				return u, nil
			}
		}
		return undecided{}, nil
	}
	o := c.State.order(orderID)
	if o == nil {
		var ids []int64
		for _, o := range c.State.Orders {
			ids = append(ids, o.ID)
		}
		p := notFound("/order_id", fmt.Sprintf("sandbox %s has no order %d", c.State.Name, orderID))
		p.Nearest = near(strconv.FormatInt(orderID, 10), texts(ids[max(0, len(ids)-100):]))
		return undecided{}, p
	}
	u, ok := matches(o)
	if !ok {
		return undecided{}, conflict("/order_id", fmt.Sprintf("order %d is %s; no decision on a %s is due", orderID, o.State, d.Kind))
	}
	return u, nil
}
