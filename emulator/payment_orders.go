package emulator

import (
	"slices"
	"strconv"
)

// Orders as merchants see and end them (seed 004; D for the calls, K for their
// twins of third-party platforms). Modelled: the search by the merchant's own
// number, closing what is not paid. Not modelled: carts (parentOrderId is 0);
// numbers whose meaning nobody published are marked so in the contract.

// The values of subStatus (assumed).
const (
	subNone = iota
	subConsumed
	subRefunding
	subRefunded
)

func orderName(deal int64, tpOrder string) string { return strconv.FormatInt(deal, 10) + "/" + tpOrder }

// orderOf returns a merchant's order by the merchant's own number, or nil.
func (s *State) orderOf(deal int64, tpOrder string) *Order { return s.orders[orderName(deal, tpOrder)] }

// order returns the order with that id, or nil.
func (s *State) order(id int64) *Order {
	i, found := slices.BinarySearchFunc(s.Orders, id, func(o *Order, id int64) int { return int(o.ID - id) })
	if !found {
		return nil
	}
	return s.Orders[i]
}

// merchantByKey returns the merchant with that payment appKey, or nil.
func (s *State) merchantByKey(key string) *Merchant {
	for _, m := range s.Merchants {
		if m.Key == key {
			return m
		}
	}
	return nil
}

// merchant returns the merchant with that dealId, or nil.
func (s *State) merchant(deal int64) *Merchant {
	for _, m := range s.Merchants {
		if m.Deal == deal {
			return m
		}
	}
	return nil
}

// ownMerchant is the payment service of the app that the caller acts for: the
// one named, else the first.
func (c *Call) ownMerchant(pmAppKey string) (*Merchant, error) {
	for _, m := range c.State.Merchants {
		if m.App == c.Principal.App && (pmAppKey == "" || m.Key == pmAppKey) {
			return m, nil
		}
	}
	return nil, refuse("PayAppKeyNotFound")
}

type findByTpOrderIDIn struct {
	TPOrder  string `json:"tpOrderId"`
	PMAppKey string `json:"pmAppKey"`
}

// payOrder is an order as it is answered, without the user's id in the app,
// which has two forms.
type payOrder struct {
	AppID         int64  `json:"appId"`
	AppKey        int64  `json:"appKey"`
	BizInfo       string `json:"bizInfo"`
	Count         int    `json:"count"`
	CreateTime    int64  `json:"createTime"`
	DealID        int64  `json:"dealId"`
	OrderID       int64  `json:"orderId"`
	OriPrice      int64  `json:"oriPrice"`
	ParentOrderID int64  `json:"parentOrderId"`
	ParentType    int    `json:"parentType"`
	PayMoney      int64  `json:"payMoney"`
	SettlePrice   int64  `json:"settlePrice"`
	Status        int    `json:"status"`
	SubStatus     int    `json:"subStatus"`
	TotalMoney    int64  `json:"totalMoney"`
	TPID          int64  `json:"tpId"`
	TPOrderID     string `json:"tpOrderId"`
	TradeNo       string `json:"tradeNo"`
	Type          int    `json:"type"`
	UserID        int64  `json:"userId"`
}

type payOrderOut struct {
	payOrder
	OpenID int64 `json:"openId"`
}

type payOrderForAppOut struct {
	payOrder
	OpenID string `json:"openId"`
}

// findByTpOrderID answers a developer; the official client reads openId as a
// number.
func findByTpOrderID(c *Call, in findByTpOrderIDIn) (payOrderOut, error) {
	o, err := c.ownOrder(in.TPOrder, in.PMAppKey)
	if err != nil {
		return payOrderOut{}, err
	}
	return payOrderOut{c.payOrder(o), o.User}, nil
}

// findByTpOrderIDForApp answers a third-party platform.
func findByTpOrderIDForApp(c *Call, in findByTpOrderIDIn) (payOrderForAppOut, error) {
	o, err := c.ownOrder(in.TPOrder, in.PMAppKey)
	if err != nil {
		return payOrderForAppOut{}, err
	}
	return payOrderForAppOut{c.payOrder(o), c.payerOpenID(o)}, nil
}

// payerOpenID is what the app knows the user as: another text in each app, of
// the length of the published sample (D).
func (c *Call) payerOpenID(o *Order) string {
	purpose := "openid\x00" + strconv.FormatInt(o.App, 10) + "\x00" + strconv.FormatInt(o.User, 10)
	return drawFor(c.State.Seed, "", purpose, 0).alnum(26)
}

// ownOrder is an order of the caller's.
func (c *Call) ownOrder(tpOrder, pmAppKey string) (*Order, error) {
	m, err := c.ownMerchant(pmAppKey)
	if err != nil {
		return nil, err
	}
	o := c.State.orderOf(m.Deal, tpOrder)
	if o == nil {
		return nil, refuse("PayOrderNotFound")
	}
	return o, nil
}

func (c *Call) payOrder(o *Order) payOrder {
	m := c.State.merchant(o.Deal)
	return payOrder{
		AppID: o.App, AppKey: m.PMApp, BizInfo: o.BizInfo, Count: 1, CreateTime: o.Created, DealID: o.Deal, OrderID: o.ID,
		OriPrice: o.Total, PayMoney: o.Total, SettlePrice: o.Total, Status: c.program().payOrders.states[o.State].Status,
		SubStatus: o.subStatus(), TotalMoney: o.Total, TPID: m.PMApp, TPOrderID: o.TPOrder, TradeNo: o.Trade, UserID: o.User,
	}
}

func (o *Order) subStatus() int {
	switch {
	case slices.ContainsFunc(o.Refunds, (*Refund).underWay):
		return subRefunding
	case o.Paid != 0 && o.Refunded == o.Total:
		return subRefunded
	case o.State == orderConsumed:
		return subConsumed
	}
	return subNone
}

type cancelOrderIn struct {
	OrderID  int64  `json:"orderId"`
	PMAppKey string `json:"pmAppKey"`
}

// cancelOrder closes an order that nobody has paid.
func cancelOrder(c *Call, in cancelOrderIn) (bool, error) {
	m, err := c.ownMerchant(in.PMAppKey)
	if err != nil {
		return false, err
	}
	o := c.State.order(in.OrderID)
	if o == nil || o.Deal != m.Deal {
		return false, refuse("PayOrderNotFound")
	}
	t, err := c.program().payOrders.step(c, o, "cancelOrder", "")
	if err != nil {
		return false, err
	}
	o.Timer = 0
	c.passOn(o, t, "")
	return true, nil
}
