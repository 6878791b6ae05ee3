package emulator

import (
	"encoding/json"
	"fmt"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"
)

// What merchants are told about orders and refunds, and what they answer (D).
// Modelled: the signed form, the answers that take a notification and those
// that do not, the two seconds a merchant has, the published rhythms of what
// is sent again. The outbox sends it, like a push.

// The names of x-events that merchants are sent.
const (
	eventOrderPaid    = "ORDER_PAID"
	eventRefundAudit  = "REFUND_AUDIT"
	eventRefundStatus = "REFUND_STATUS"
)

// notifyAnswerLimit is how much of a merchant's answer is read, in bytes.
const notifyAnswerLimit = 64 << 10

// The values of a merchant's answers.
const (
	consumedYes  = 2
	errorOrder   = 1
	auditPassed  = 1
	auditRefused = 2
	auditUnsure  = 3
)

// A merchantAnswer is what the answer to a notification means; it is part of
// the outcome of the attempt.
type merchantAnswer struct {
	// Consumed and Error are the answer to ORDER_PAID.
	Consumed bool `json:"consumed,omitempty"`
	Error    bool `json:"error_order,omitempty"`
	// Audit is the answer to REFUND_AUDIT: auditStatus 1 or 2; Money what is
	// to go back, in fen.
	Audit int   `json:"audit,omitempty"`
	Money int64 `json:"money,omitempty"`
}

// signed is the payload of a notification: its fields and their signature.
func (c *Call) signed(fields map[string]any) json.RawMessage {
	texts := map[string]string{}
	for name, v := range fields {
		texts[name] = fmt.Sprint(v)
	}
	fields["rsaSign"] = c.box.em.sign(texts)
	payload, _ := marshal(fields) // texts and numbers can be written
	return payload
}

// sign signs what a merchant is told, with the platform's key.
func (e *Emulator) sign(params map[string]string) string {
	signer, err := e.platformKey()
	if err != nil {
		return "" // a test reads the key that comes with the emulator
	}
	text, _ := signer.Sign(params) // a key that could be read signs
	return text
}

// paid is what a merchant is told of an order that is paid.
func (s *State) paid(o *Order) map[string]any {
	payType, partner := o.paidBy()
	return map[string]any{
		"userId": o.User, "orderId": o.ID, "unitPrice": o.Total, "count": 1, "totalMoney": o.Total, "payMoney": o.Total,
		"promoMoney": 0, "hbMoney": 0, "hbBalanceMoney": 0, "giftCardMoney": 0, "dealId": o.Deal, "payTime": o.Paid,
		"promoDetail": "", "payType": payType, "partnerId": partner, "status": 2, "tpOrderId": o.TPOrder,
		"returnData": returnData(o.BizInfo),
	}
}

// paidBy is payType and partnerId of a channel. One pair is in the documents'
// example; which channel it belongs to, and the others, are assumed.
func (o *Order) paidBy() (payType, partner int64) {
	switch o.Channel {
	case PayAlipay:
		return 9102, 1000000004
	case PayWeChat:
		return 9103, 1000000005
	}
	return 9101, 1000000003
}

// returnData is what the merchant gave along to have it back.
func returnData(bizInfo string) string {
	var biz struct {
		TPData struct {
			ReturnData json.RawMessage `json:"returnData"`
		} `json:"tpData"`
	}
	if json.Unmarshal([]byte(bizInfo), &biz) != nil {
		return "" // it has another form
	}
	raw := biz.TPData.ReturnData
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text // also null, which is none
	}
	return string(raw)
}

// refundAsked is what a merchant is asked about a refund.
func refundAsked(o *Order, r *Refund) map[string]any {
	return map[string]any{
		"orderId": o.ID, "userId": o.User, "tpOrderId": o.TPOrder, "refundBatchId": strconv.FormatInt(r.ID, 10),
		"applyRefundMoney": r.Asked,
	}
}

// refundEnded is what a merchant is told of a refund that has ended.
func (s *State) refundEnded(o *Order, r *Refund) map[string]any {
	status := 2
	if r.State == refundSucceeded {
		status = 1
	}
	return map[string]any{
		"userId": o.User, "orderId": o.ID, "tpOrderId": o.TPOrder, "refundBatchId": strconv.FormatInt(r.ID, 10),
		"refundStatus": status,
	}
}

// merchantURL is where a notification goes; "" is the inbox.
func (s *State) merchantURL(e *Event) string {
	m, o := s.merchant(e.Deal), s.order(e.Order)
	if m == nil || o == nil {
		return ""
	}
	switch e.Name {
	case eventRefundAudit:
		return m.RefundAuditURL
	case eventRefundStatus:
		if r := o.refund(e.Refund); r != nil && r.NotifyURL != "" {
			return r.NotifyURL
		}
		return m.RefundNotifyURL
	}
	return orElse(o.NotifyURL, func() string { return m.NotifyURL })
}

// formLocked is what one attempt of a notification puts on the wire: the
// payload as a form, in order of names.
func (s *Sandbox) formLocked(e *Event, attempt int) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(e.Payload, &fields); err != nil {
		return nil, fmt.Errorf("event %d: %w", e.ID, err)
	}
	texts := make(map[string]string, len(fields))
	names := make([]string, 0, len(fields))
	for name, raw := range fields {
		text := string(raw)
		if raw[0] == '"' {
			if err := json.Unmarshal(raw, &text); err != nil {
				return nil, fmt.Errorf("event %d: %w", e.ID, err)
			}
		}
		texts[name] = text
		names = append(names, name)
	}
	if e.Spoil == FaultWrongSignature && attempt == 1 {
		// The signature of something else.
		texts["rsaSign"] = s.em.sign(map[string]string{"orderId": texts["orderId"]})
	}
	sort.Strings(names)
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name + "=" + url.QueryEscape(texts[name]))
	}
	return []byte(b.String()), nil
}

// notification is the letter of a notification.
func (e *Emulator) notification(form []byte) letter {
	return letter{
		channel: ChannelNotify, body: form, mediaType: "application/x-www-form-urlencoded",
		timeout: e.opt.NotifyTimeout, limit: notifyAnswerLimit,
	}
}

// understand reads a merchant's answer; an error says why the notification
// does not count as taken.
func understand(e *Event, r *postResult, asked int64) (*merchantAnswer, error) {
	var body struct {
		Errno *int   `json:"errno"`
		Msg   string `json:"msg"`
		Data  struct {
			Consumed *int `json:"isConsumed"`
			Error    int  `json:"isErrorOrder"`
			Audit    int  `json:"auditStatus"`
			Result   struct {
				Money *int64 `json:"refundPayMoney"`
			} `json:"calculateRes"`
		} `json:"data"`
	}
	err := json.Unmarshal([]byte(r.Answer), &body)
	data := body.Data
	switch {
	case r.Status < 200 || r.Status > 299:
		return nil, fmt.Errorf("the merchant answered with HTTP %d", r.Status)
	case r.cut:
		return nil, fmt.Errorf("the merchant's answer is longer than %d bytes", notifyAnswerLimit)
	case err != nil || body.Errno == nil:
		return nil, fmt.Errorf("the merchant answered %s, not a JSON object with errno, msg and data", strconv.Quote(shorten(r.Answer)))
	case *body.Errno != 0:
		return nil, fmt.Errorf("the merchant answered errno %d %s", *body.Errno, strconv.Quote(shorten(body.Msg)))
	case e.Name == eventRefundStatus:
		return &merchantAnswer{}, nil
	case e.Name == eventOrderPaid && data.Error == errorOrder:
		return &merchantAnswer{Error: true}, nil
	case e.Name == eventOrderPaid && data.Consumed == nil:
		return nil, fmt.Errorf("the merchant's answer has no isConsumed in data")
	case e.Name == eventOrderPaid && *data.Consumed != consumedYes:
		return nil, fmt.Errorf("the merchant answered isConsumed %d, not %d: the order is not consumed", *data.Consumed, consumedYes)
	case e.Name == eventOrderPaid:
		return &merchantAnswer{Consumed: true}, nil
	case data.Audit == auditUnsure:
		return nil, fmt.Errorf("the merchant answered auditStatus %d: it is to be asked again", auditUnsure)
	case data.Audit != auditPassed && data.Audit != auditRefused:
		return nil, fmt.Errorf("the merchant answered auditStatus %d; want 1, 2 or 3", data.Audit)
	}
	out := &merchantAnswer{Audit: data.Audit, Money: asked}
	if set(&out.Money, data.Result.Money); data.Audit == auditPassed && (out.Money < 1 || out.Money > asked) {
		return nil, fmt.Errorf("the merchant answered refundPayMoney %d; want 1 to the %d that were asked for", out.Money, asked)
	}
	return out, nil
}

// merchantAnswered is what follows from a merchant's answer.
func (c *Call) merchantAnswered(e *Event, a *merchantAnswer) {
	o := c.State.order(e.Order)
	if o == nil || a == nil {
		return
	}
	switch r := o.refund(e.Refund); {
	case e.Name == eventOrderPaid:
		c.consume(o, a.Error)
	case e.Name == eventRefundAudit && r != nil && r.State == refundAuditing:
		d := &Decision{Kind: timerRefundAudit, Result: outcomePass}
		if a.Audit == auditRefused {
			d.Result, d.Reason = outcomeFail, "业务方审核不通过"
		} else {
			r.Money = a.Money
		}
		c.refundDecided(o, r, d)
	}
}

// inInbox is what follows from a notification for which there is no URL: the
// inbox answers as the documents' example does, to an audit as it is scripted.
func (c *Call) inInbox(e *Event) {
	o := c.State.order(e.Order)
	if o == nil {
		return
	}
	switch r := o.refund(e.Refund); {
	case e.Name == eventOrderPaid:
		c.consume(o, false)
	case e.Name == eventRefundAudit && r != nil && r.State == refundAuditing && r.Timer == 0:
		c.auditUnasked(o, r)
	}
}

// notifyPause is the pause after the nth failure of a notification; false
// where it is sent no more (D).
func (s *State) notifyPause(e *Event, n int) (time.Duration, bool) {
	if e.Name == eventOrderPaid {
		return s.Config.NotifyInterval, n <= s.Config.NotifyRetries
	}
	switch n { // refunds; without end
	case 1:
		return 2 * time.Minute, true
	case 2:
		return 4 * time.Minute, true
	case 3:
		return 10 * time.Minute, true
	case 4:
		return 30 * time.Minute, true
	}
	return time.Hour, true
}
