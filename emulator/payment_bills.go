package emulator

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Bills: what a merchant's users paid and got back on one day in Shanghai (D).
// Modelled: the answers with download addresses and the files behind them, in
// the documents' form, made anew each time from the orders. Not modelled: fees
// (0), the wait for a bill, bills by month.

// The bills there are: one of orders, three of money.
const (
	billOrder  = "order"
	billAll    = "all"
	billPay    = "pay"
	billRefund = "refund"
)

// billPath is where files are downloaded.
const billPath = "/rest/2.0/smartapp/pay/paymentservice/bill/download"

type billIn struct {
	Day      string `json:"billTime"`
	PMAppKey string `json:"pmAppKey"`
}

type billsOut struct {
	Data  []billOut `json:"data"`
	Count int       `json:"totalCount"`
}

type billOut struct {
	CreateTime   string `json:"createTime"`
	DownloadName string `json:"downloadName"`
	ExportStatus int    `json:"exportStatus"`
	URL          string `json:"url"`
}

// getOrderBill answers where a day's bill of orders is.
func getOrderBill(c *Call, in billIn) (billsOut, error) { return c.bills(in, billOrder) }

// getCapitalBill answers where a day's bills of money are.
func getCapitalBill(c *Call, in billIn) (billsOut, error) {
	return c.bills(in, billAll, billPay, billRefund)
}

func (c *Call) bills(in billIn, types ...string) (billsOut, error) {
	m, err := c.ownMerchant(in.PMAppKey)
	if err != nil {
		return billsOut{}, err
	}
	day, err := c.billDay(in.Day)
	if err != nil {
		return billsOut{}, err
	}
	const complete = 100 // exportStatus (assumed)
	out := billsOut{Data: []billOut{}, Count: len(types)}
	for _, kind := range types {
		query := url.Values{"appKey": {m.Key}, "billTime": {in.Day}, "type": {kind}, "sign": {c.billSign(m, in.Day, kind)}}
		out.Data = append(out.Data, billOut{
			CreateTime: c.exported(day).Format(time.DateTime), ExportStatus: complete,
			DownloadName: fmt.Sprintf("%d_%s_%s.csv", m.Deal, day.Format("20060102"), kind),
			URL:          c.base() + billPath + "?" + query.Encode(),
		})
	}
	return out, nil
}

// billDay is the beginning of a day that has begun.
func (c *Call) billDay(text string) (time.Time, error) {
	day, err := time.ParseInLocation(time.DateOnly, text, shanghai)
	if err != nil {
		return day, refuse("PayParameterInvalid", "billTime 应为 yyyy-MM-dd 格式的日期")
	}
	if day.After(c.Now) {
		return day, refuse("PayParameterInvalid", "billTime 不能晚于今天")
	}
	return day, nil
}

// exported is when the bill of a day is made: when the day ends, today's now.
func (c *Call) exported(day time.Time) time.Time {
	if end := day.AddDate(0, 0, 1); end.Before(c.Now) {
		return end
	}
	return c.Now.In(shanghai)
}

// billSign lets whoever has the address download the file.
func (c *Call) billSign(m *Merchant, day, kind string) string {
	return c.State.draw("bill "+day+" "+kind, m.Deal).hex(32)
}

type downloadBillIn struct {
	Key  string `json:"appKey"`
	Day  string `json:"billTime"`
	Kind string `json:"type"`
	Sign string `json:"sign"`
}

// downloadBill answers with the file itself.
func downloadBill(c *Call, in downloadBillIn) (encoded, error) {
	m := c.State.merchantByKey(in.Key)
	if m == nil {
		return nil, refuse("PayAppKeyNotFound")
	}
	if !sameSecret(in.Sign, c.billSign(m, in.Day, in.Kind)) {
		return nil, refuse("PaySignatureInvalid")
	}
	day, err := c.billDay(in.Day)
	if err != nil {
		return nil, err
	}
	c.mediaType = "text/csv; charset=utf-8"
	return c.bill(m, day, in.Kind), nil
}

// A billLine is a payment or a refund on one day; the refund is nil for a
// payment.
type billLine struct {
	at time.Time
	o  *Order
	r  *Refund
}

// billLines lists what happened on a day, in order.
func (c *Call) billLines(m *Merchant, day time.Time, kind string) (out []billLine) {
	within := func(seconds int64) bool {
		at := time.Unix(seconds, 0)
		return seconds != 0 && !at.Before(day) && at.Before(day.AddDate(0, 0, 1))
	}
	for _, o := range c.State.Orders {
		if o.Deal != m.Deal {
			continue
		}
		if kind != billRefund && within(o.Paid) {
			out = append(out, billLine{time.Unix(o.Paid, 0), o, nil})
		}
		for _, r := range o.Refunds {
			if kind != billPay && kind != billOrder && r.State == refundSucceeded && within(r.Ended) {
				out = append(out, billLine{time.Unix(r.Ended, 0), o, r})
			}
		}
	}
	return out
}

// bill is the file: a head of lines that begin with #, then a table.
func (c *Call) bill(m *Merchant, day time.Time, kind string) []byte {
	lines := c.billLines(m, day, kind)
	var paid, back int64
	payments, refunds := 0, 0
	for _, l := range lines {
		if l.r != nil {
			back += l.r.Money
			refunds++
			continue
		}
		paid += l.o.Total
		payments++
	}
	title := map[string]string{
		billOrder: "订单对账单", billAll: "当日所有订单账务明细", billPay: "当日成功支付订单账务明细", billRefund: "当日退款订单账务明细",
	}[kind]
	var b bytes.Buffer
	head := func(format string, args ...any) { fmt.Fprintf(&b, "#"+format+"\n", args...) }
	head("百度支付%s查询", title)
	head("Dealid:[%d]", m.Deal)
	head("起始日期:[%s] 终止日期:[%s]", day.Format(time.DateTime), day.AddDate(0, 0, 1).Format(time.DateTime))
	head("导出时间:[%s]", c.exported(day).Format(time.DateTime))
	if kind != billRefund {
		head("总交易单数:%d", payments)
		head("总交易额(元):%s", yuan(paid))
	}
	if kind != billPay && kind != billOrder {
		head("总退款单数:%d", refunds)
		head("总退款金额(元):%s", yuan(back))
	}
	head("手续费总金额(元):%s", yuan(0))
	head("-----%s列表-----", title)
	w := csv.NewWriter(&b)
	_ = w.Write([]string{ // a buffer takes everything
		"交易时间", "APPID", "百度订单号", "业务订单号", "用户标识", "订单支付状态", "订单金额(元)", "百度退款单号", "业务方退款批次号",
		"退款金额(元)", "退款状态", "公司名称", "手续费费率",
	})
	for _, l := range lines {
		_ = w.Write(c.billRow(m, l))
	}
	w.Flush()
	return b.Bytes()
}

func (c *Call) billRow(m *Merchant, l billLine) []string {
	company := ""
	if app := c.State.Apps[m.App]; app != nil {
		company = app.Owner
	}
	row := []string{
		l.at.In(shanghai).Format(time.DateTime), strconv.FormatInt(m.PMApp, 10), strconv.FormatInt(l.o.ID, 10), l.o.TPOrder,
		strconv.FormatInt(l.o.User, 10), c.program().payOrders.states[l.o.State].Title, yuan(l.o.Total), "", "", "", "", company, "0.00%",
	}
	if l.r != nil {
		row[7], row[8] = strconv.FormatInt(l.r.ID, 10), l.r.Batch
		row[9], row[10] = yuan(l.r.Money), c.program().payRefunds.states[l.r.State].Title
	}
	return row
}

// yuan writes fen as yuan.
func yuan(fen int64) string {
	text := fmt.Sprintf("%03d", fen)
	return strings.Join([]string{text[:len(text)-2], text[len(text)-2:]}, ".")
}
