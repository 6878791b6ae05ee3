package emutarget

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/clock"
)

// The events that the shop is told, each at an address of its own.
const (
	orderPaid    = "ORDER_PAID"
	refundAudit  = "REFUND_AUDIT"
	refundStatus = "REFUND_STATUS"
)

// A shop is a merchant of the sandbox's first app with its server, on this
// machine: another one than that which the calls of other cases are about.
type shop struct {
	box      *Box
	server   *http.Server
	addr     string
	done     chan struct{}
	merchant *merchant // nil before it is first wanted

	mu     sync.Mutex // guards what follows
	got    []contracttest.Notification
	refuse int
	// answers are what is answered to what is told next, by event and order.
	answers map[string][]contracttest.Answer
}

// openShop opens the server on a free port.
func openShop(b *Box) (*shop, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &shop{box: b, addr: l.Addr().String(), done: make(chan struct{}), answers: map[string][]contracttest.Answer{}}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(l) // it ends with close
	}()
	return s, nil
}

func (s *shop) close() error {
	err := s.server.Close()
	<-s.done
	return err
}

// sleep is how long the shop sleeps at most: longer than the platform waits.
const sleep = 5 * time.Second

// ServeHTTP takes one notification.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, pushLimit))
	if err != nil {
		return
	}
	event := strings.TrimPrefix(r.URL.Path, "/")
	form, err := url.ParseQuery(string(body))
	if err != nil {
		form = url.Values{} // it is told as it came
	}
	a := s.take(event, form.Get("tpOrderId"), body)
	switch a.Says {
	case contracttest.Sleeps:
		ctx, cancel := clock.Timeout(r.Context(), sleep)
		defer cancel()
		<-ctx.Done()
		panic(http.ErrAbortHandler)
	case contracttest.Breaks:
		panic(http.ErrAbortHandler)
	case contracttest.Fails:
		w.WriteHeader(http.StatusInternalServerError)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, said(event, a, form.Get("applyRefundMoney"))) // a sender that is gone sends again
}

// take notes an attempt and returns what is to be answered.
func (s *shop) take(event, order string, body []byte) contracttest.Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := contracttest.Answer{Says: contracttest.Agrees}
	key := event + " " + order
	switch queue := s.answers[key]; {
	case len(queue) > 0:
		a, s.answers[key] = queue[0], queue[1:]
	case event == orderPaid && s.refuse > 0:
		s.refuse--
		a.Says = contracttest.Hesitates
	}
	consumed := a.Says == contracttest.Agrees || a.Says == contracttest.Declines && event != refundStatus
	s.got = append(s.got, contracttest.Notification{Event: event, Form: body, Consumed: consumed})
	return a
}

// said is what is written for an answer.
func said(event string, a contracttest.Answer, asked string) string {
	data := "{}"
	switch {
	case a.Says == contracttest.Garbles:
		return "<html>"
	case a.Says == contracttest.Errs, a.Says == contracttest.Declines && event == refundStatus:
		return `{"errno":1,"msg":"not now"}`
	case event == orderPaid:
		data = map[contracttest.Saying]string{
			contracttest.Agrees: `{"isConsumed":2}`, contracttest.Hesitates: `{"isConsumed":1}`, contracttest.Declines: `{"isConsumed":1,"isErrorOrder":1}`,
		}[a.Says]
	case event == refundAudit:
		money := asked
		if a.Money != 0 {
			money = strconv.FormatInt(a.Money, 10)
		}
		data = map[contracttest.Saying]string{
			contracttest.Agrees:    `{"auditStatus":1,"calculateRes":{"refundPayMoney":` + money + `}}`,
			contracttest.Hesitates: `{"auditStatus":3}`, contracttest.Declines: `{"auditStatus":2}`,
		}[a.Says]
	}
	return `{"errno":0,"msg":"success","data":` + data + `}`
}

// Open has the sandbox's user go to the cashier with a new order of the shop's.
func (s *shop) Open(ctx context.Context) (*contracttest.PaidOrder, error) {
	if s.merchant == nil {
		m := &merchant{}
		at := "http://" + s.addr + "/"
		err := s.box.order(ctx, http.MethodPost, "/merchants", map[string]any{
			"app_id": s.box.first.Authorizer.AppID, "notify_url": at + orderPaid, "refund_audit_url": at + refundAudit, "refund_notify_url": at + refundStatus,
		}, m)
		if err != nil {
			return nil, err
		}
		s.merchant = m
	}
	m := s.merchant
	made, err := s.box.pay(ctx, m, false)
	if err != nil {
		return nil, err
	}
	total, err := strconv.ParseInt(payTotal, 10, 64)
	if err != nil {
		return nil, err
	}
	return &contracttest.PaidOrder{
		AppKey: m.Key, TpOrderID: made.Number, OrderID: made.ID, UserID: made.User, DealID: m.Deal, TotalMoney: total, PlatformKey: m.Platform,
	}, nil
}

// Pay has the sandbox's user pay a new order of the shop's.
func (s *shop) Pay(ctx context.Context) (*contracttest.PaidOrder, error) {
	o, err := s.Open(ctx)
	if err != nil {
		return nil, err
	}
	return o, s.Settle(ctx, o, contracttest.UserPays)
}

// Settle decides on an order, or on the next thing that is to be decided on it.
func (s *shop) Settle(ctx context.Context, o *contracttest.PaidOrder, how contracttest.Settlement) error {
	decisions := map[contracttest.Settlement][2]string{
		contracttest.UserPays: {"payment", "paid"}, contracttest.UserCancels: {"payment", "cancelled"}, contracttest.PaymentFails: {"payment", "failed"},
		contracttest.MoneyReturns: {"refund", "pass"}, contracttest.RefundFails: {"refund", "fail"},
	}
	d, ok := decisions[how]
	if !ok {
		return fmt.Errorf("%w: settle an order as %q", contracttest.ErrCannot, how)
	}
	return s.box.order(ctx, http.MethodPost, "/decisions", map[string]any{"kind": d[0], "result": d[1], "tp_order_id": o.TpOrderID}, nil)
}

// Answer makes the shop answer what it is told of an order.
func (s *shop) Answer(_ context.Context, o *contracttest.PaidOrder, event string, answers ...contracttest.Answer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[event+" "+o.TpOrderID] = slices.Clone(answers)
	return nil
}

// Notified returns what came in.
func (s *shop) Notified(context.Context) ([]contracttest.Notification, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got), nil
}

// Refuse makes the shop refuse the next n orders it is told of.
func (s *shop) Refuse(_ context.Context, n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = n
	return nil
}
