package contracttest

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// What is seen of an order and its refunds, by every call that tells of them.

// The values of subStatus that the contract has.
const (
	subNone = iota
	subConsumed
	subRefunding
	subRefunded
)

// A dealView is what is seen of a deal.
type dealView struct {
	// status, sub and money are the order's, result is the cashier's; it is ""
	// where that cannot be asked.
	status, sub int
	money       int64
	result      string
	refunds     []refundRow
	// text is all of it in one form.
	text string
}

// orderNames are what an order is known by.
type orderNames struct {
	ID      int64  `json:"orderId"`
	TpOrder string `json:"tpOrderId"`
	User    int64  `json:"userId"`
	Deal    int64  `json:"dealId"`
}

// A refundRow is a refund as it is listed.
type refundRow struct {
	Batch  string `json:"bizRefundBatchId"`
	Order  int64  `json:"orderId"`
	ID     int64  `json:"refundBatchId"`
	Status int    `json:"refundStatus"`
	User   int64  `json:"userId"`
}

// look reads a deal by all calls that tell of it; those of a developer and of a
// TP must agree.
func (d *deal) look(ctx context.Context) (dealView, error) {
	var v dealView
	number := map[string]string{"tpOrderId": d.order.TpOrderID}
	order, err := d.told(ctx, opFindOrder, number)
	if err != nil {
		return v, err
	}
	var one struct {
		Status int   `json:"status"`
		Sub    int   `json:"subStatus"`
		Money  int64 `json:"totalMoney"`
		orderNames
	}
	number = map[string]string{"tpOrderId": d.order.TpOrderID, "userId": strconv.FormatInt(d.order.UserID, 10)}
	list, err := d.told(ctx, opFindRefunds, number)
	if err != nil {
		return v, err
	}
	if json.Unmarshal([]byte(order), &one) != nil || json.Unmarshal([]byte(list), &v.refunds) != nil {
		return v, errNoOrder // the schema says what is wrong
	}
	v.status, v.sub, v.money, v.text = one.Status, one.Sub, one.Money, order+list
	if o := d.order; one.orderNames != (orderNames{o.OrderID, o.TpOrderID, o.UserID, o.DealID}) || one.Money != o.TotalMoney {
		d.fail(Finding{
			Check: "pay.order-views", Operation: opFindOrder, ValuePointer: "/data", Message: "another order is told than was asked for",
			Expected: "the numbers, the user and the money of the order", Actual: "something else",
		})
	}
	err = d.lookInCashier(ctx, &v)
	return v, err
}

// errNoOrder says that an order could not be read; the answer's own findings say
// why.
var errNoOrder = fmt.Errorf("%w: the order cannot be read", ErrCannot)

// told makes a call and its twins, which must answer the same but for openId,
// and returns the data.
func (d *deal) told(ctx context.Context, call string, values map[string]string) (string, error) {
	var first string
	ops := d.twins(call)
	// One of a TP that answers openId in another form is no twin by name.
	if op, ok := d.contract.Operation(call + "ForApp"); ok && op.SameAs == "" {
		ops = append(ops, op)
	}
	for i, op := range ops {
		if principal(op) == asAuthorizer && d.subject.AccessToken == "" {
			continue
		}
		x, err := d.read(ctx, op.ID, d.subject, d.params(values)...)
		if err != nil {
			return "", err
		}
		f := Finding{Check: "pay.order-views", Operation: op.ID, ValuePointer: "/data", Evidence: op.Evidence, Message: "what is there is not told to whom it belongs"}
		if !d.expect(x, f, Accepted) {
			return "", errNoOrder
		}
		data := without(dataOf(x.answer), "openId")
		if i > 0 && first != "" && data != first {
			f.Message, f.Expected, f.Actual = "two calls tell different things of one order", "what "+call+" answers", "something else"
			d.fail(f)
		}
		if first == "" {
			first = data
		}
	}
	return first, nil
}

// without is an object without one of its members.
func without(data, name string) string {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(data), &object) != nil {
		return data
	}
	delete(object, name)
	out, err := json.Marshal(object)
	if err != nil {
		return data
	}
	return string(out)
}

// lookInCashier asks how far the cashier is.
func (d *deal) lookInCashier(ctx context.Context, v *dealView) error {
	op, ok := d.contract.Operation(opPayment)
	if !ok || d.order.AppKey == "" {
		return nil
	}
	x, err := d.read(ctx, op.ID, d.subject, param{name: "appKey", text: d.order.AppKey}, param{name: "tpOrderId", text: d.order.TpOrderID})
	if err != nil {
		return err
	}
	f := Finding{Check: "pay.order-views", Operation: op.ID, ValuePointer: "/data", Message: "the cashier does not know an order of its own"}
	if !d.expect(x, f, Accepted) {
		return errNoOrder
	}
	var body struct {
		Data struct {
			Result string `json:"result"`
			Status int    `json:"status"`
			Money  int64  `json:"payMoney"`
		} `json:"data"`
	}
	if json.Unmarshal(x.answer, &body) != nil {
		return errNoOrder
	}
	if body.Data.Status != v.status || body.Data.Money != v.money {
		f.Message, f.Expected, f.Actual = "two calls tell different things of one order", "the status and the money that "+opFindOrder+" answers", "something else"
		d.fail(f)
	}
	v.result = body.Data.Result
	v.text += dataOf(x.answer)
	return nil
}

// stands looks whether a deal stands as it must after a step, which a check
// asks for.
func (d *deal) stands(ctx context.Context, check, resource, step string) error {
	v, err := d.look(ctx)
	if err != nil {
		return err
	}
	d.saw(check)
	f := d.stepFinding(resource, step)
	f.Check = check
	differs := func(operation, pointer, what, want, got string) {
		if want == got {
			return
		}
		one := f
		one.Operation, one.ValuePointer, one.Expected, one.Actual = operation, pointer, want, got
		one.Message = "after the step " + step + " " + what
		d.fail(one)
	}
	differs(opFindOrder, "/data/status", "the order is in another state", "status "+strconv.Itoa(d.stateIn("order", d.state).Status), "status "+strconv.Itoa(v.status))
	if v.result != "" {
		differs(opPayment, "/data/result", "the cashier tells another result", d.result(), v.result)
	}
	differs(opFindRefunds, "/data/*/refundStatus", "the refunds are in other states", strings.Join(d.statuses(), ", "), strings.Join(statusesOf(v.refunds), ", "))
	d.listed(v, differs)
	f.Evidence = judgement() // what the values mean is not published
	differs(opFindOrder, "/data/subStatus", "the order is in another state", "subStatus "+strconv.Itoa(d.sub()), "subStatus "+strconv.Itoa(v.sub))
	return nil
}

// listed looks whether the refunds are those that were asked for.
func (d *deal) listed(v dealView, differs func(operation, pointer, what, want, got string)) {
	for i, row := range v.refunds {
		if i >= len(d.refunds) {
			return // there are more than were asked for
		}
		r := d.refunds[i]
		same := func(is bool) string {
			return map[bool]string{true: "that of the refund", false: "another value"}[is]
		}
		id := strconv.FormatInt(row.ID, 10)
		if r.id == "" {
			r.id = id // the platform began it
		}
		differs(opFindRefunds, "/data/*/refundBatchId", "a refund has another number", same(true), same(r.id == id))
		differs(opFindRefunds, "/data/*/bizRefundBatchId", "a refund has another batch", same(true), same(r.batch == row.Batch))
		differs(opFindRefunds, "/data/*/orderId", "a refund is another order's", same(true), same(row.Order == d.order.OrderID && row.User == d.order.UserID))
	}
}

// result is what the cashier must tell.
func (d *deal) result() string {
	switch {
	case d.state == orderCancelled:
		return "cancelled"
	case d.state != orderUnpaid:
		return "paid"
	case d.failed:
		return "failed"
	}
	return "pending"
}

// sub is the subStatus that the order must have.
func (d *deal) sub() int {
	for _, r := range d.refunds {
		if r.underWay() {
			return subRefunding
		}
	}
	switch d.state {
	case orderRefunded:
		return subRefunded
	case orderConsumed:
		return subConsumed
	}
	return subNone
}

// statuses are the refundStatus that the refunds must have.
func (d *deal) statuses() []string {
	var rows []refundRow
	for _, r := range d.refunds {
		rows = append(rows, refundRow{Status: d.stateIn("refund", r.state).Status})
	}
	return statusesOf(rows)
}

func statusesOf(rows []refundRow) []string {
	var out []string
	for _, r := range rows {
		out = append(out, strconv.Itoa(r.Status))
	}
	if out == nil {
		return []string{"no refunds"}
	}
	return out
}

// unmoved looks whether a call that was refused has left a deal as it was.
func (d *deal) unmoved(ctx context.Context, before dealView, f Finding) error {
	after, err := d.look(ctx)
	if err != nil {
		return err
	}
	if before.text != after.text {
		f.Message, f.ValuePointer = "a refused call changed what is seen of the order", "/data"
		f.Expected, f.Actual = "the order and the refunds of before", "something else"
		d.fail(f)
	}
	return nil
}

// deals reports whether a contract has what deals are about.
func (s *suite) deals() bool {
	for _, name := range []string{"order", "refund"} {
		if _, ok := s.contract.Lifecycle(name); !ok {
			return false
		}
	}
	for _, event := range []string{orderPaid, refundAudit, refundStatus} {
		if _, ok := s.contract.Event(event); !ok {
			return false
		}
	}
	for _, call := range []string{opPay, opRefund, opCancelOrder, opFindOrder, opFindRefunds} {
		if _, ok := s.contract.Operation(call); !ok {
			return false
		}
	}
	return true
}

// gatesOf are the gates of refunds.
func (s *suite) gatesOf(resource, step string) []spec.Gate {
	l, _ := s.contract.Lifecycle(resource)
	var out []spec.Gate
	for i := range l.Transitions {
		if l.Transitions[i].Name != step {
			continue
		}
		for _, g := range l.Gates {
			for _, name := range l.Transitions[i].Gates {
				if g.Name == name {
					out = append(out, g)
				}
			}
		}
	}
	return out
}
