package emutarget

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/swanemu/emu/contracttest"
)

// A shop is the merchant of the sandbox's first app with its server, on this
// machine.
type shop struct {
	box    *Box
	server *http.Server
	addr   string
	done   chan struct{}
	told   bool // the platform knows where the server is

	mu     sync.Mutex // guards what follows
	got    []contracttest.Notification
	refuse int
}

// openShop opens the server on a free port.
func openShop(b *Box) (*shop, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &shop{box: b, addr: l.Addr().String(), done: make(chan struct{})}
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

// ServeHTTP takes one notification.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, pushLimit))
	if err != nil {
		return
	}
	s.mu.Lock()
	consumed := s.refuse == 0
	if !consumed {
		s.refuse--
	}
	s.got = append(s.got, contracttest.Notification{Form: body, Consumed: consumed})
	s.mu.Unlock()
	answer := `{"errno":0,"msg":"success","data":{"isConsumed":2}}`
	if !consumed {
		answer = `{"errno":0,"msg":"success","data":{"isConsumed":1}}`
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, answer) // a sender that is gone sends again
}

// Pay has the sandbox's user pay a new order of the merchant.
func (s *shop) Pay(ctx context.Context) (*contracttest.PaidOrder, error) {
	m, err := s.box.merchant(ctx, &contracttest.Subject{})
	if err != nil {
		return nil, err
	}
	if !s.told {
		order := map[string]any{"notify_url": "http://" + s.addr + "/notify"}
		if err := s.box.order(ctx, http.MethodPatch, fmt.Sprintf("/merchants/%d", m.Deal), order, nil); err != nil {
			return nil, err
		}
		s.told = true
	}
	made, err := s.box.pay(ctx, m, false)
	if err != nil {
		return nil, err
	}
	total, err := strconv.ParseInt(payTotal, 10, 64)
	if err != nil {
		return nil, err
	}
	return &contracttest.PaidOrder{
		TpOrderID: made.Number, OrderID: made.ID, UserID: made.User, DealID: m.Deal, TotalMoney: total, PlatformKey: m.Platform,
	}, s.box.order(ctx, http.MethodPost, "/decisions", map[string]any{"kind": "payment", "result": "paid", "order_id": made.ID}, nil)
}

// Notified returns what came in.
func (s *shop) Notified(context.Context) ([]contracttest.Notification, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.got), nil
}

// Refuse makes the merchant refuse the next n notifications.
func (s *shop) Refuse(_ context.Context, n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = n
	return nil
}
