package emutarget

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/swanemu/emu/contracttest"
)

// receiver is the message URL of the TP, on this machine.
type receiver struct {
	server *http.Server
	addr   string
	done   chan struct{}

	mu     sync.Mutex // guards what follows
	got    []contracttest.Push
	refuse int
}

// pushLimit is the longest push that is read.
const pushLimit = 1 << 20

// listen opens a receiver on a free port.
func listen() (*receiver, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{addr: l.Addr().String(), done: make(chan struct{})}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(r.done)
		_ = r.server.Serve(l) // it ends with close
	}()
	return r, nil
}

func (r *receiver) url() string { return "http://" + r.addr + "/message" }

func (r *receiver) close() error {
	err := r.server.Close()
	<-r.done
	return err
}

// ServeHTTP takes one push.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(io.LimitReader(req.Body, pushLimit))
	if err != nil {
		return
	}
	r.mu.Lock()
	accepted := r.refuse == 0
	if !accepted {
		r.refuse--
	}
	r.got = append(r.got, contracttest.Push{Body: body, Accepted: accepted})
	r.mu.Unlock()
	answer := "success"
	if !accepted {
		answer = "later"
	}
	_, _ = io.WriteString(w, answer) // a sender that is gone sends again
}

// Received returns what came in.
func (r *receiver) Received(context.Context) ([]contracttest.Push, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got), nil
}

// Refuse makes the receiver refuse the next n pushes.
func (r *receiver) Refuse(_ context.Context, n int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = n
	return nil
}

// heard is the receiver as the suite sees it. Whoever looks again has none, but
// the inbox of the sandbox.
type heard struct{ box *Box }

// Received returns what came in.
func (h heard) Received(ctx context.Context) ([]contracttest.Push, error) {
	h.box.note(contracttest.Order{
		Method: http.MethodGet, Token: h.box.adminToken(),
		URL: strings.TrimRight(h.box.options.URL, "/") + "/_emu/sandboxes/" + url.PathEscape(h.box.name) + "/inbox",
	})
	return h.box.inbox.Received(ctx)
}

// Refuse makes the receiver refuse the next n pushes.
func (h heard) Refuse(ctx context.Context, n int) error { return h.box.inbox.Refuse(ctx, n) }

// told reads the notices that the control API tells of.
type told struct {
	box  *Box
	last int64
	got  []contracttest.Notice
}

// Topic is unknown: the control API does not tell where a notice went.
func (t *told) Topic() string { return "" }

// Read returns all notices so far.
func (t *told) Read(ctx context.Context) ([]contracttest.Notice, error) {
	for {
		var page struct {
			Deliveries []struct {
				Event   int64           `json:"event"`
				Status  string          `json:"status"`
				Payload json.RawMessage `json:"payload"`
			} `json:"deliveries"`
		}
		path := fmt.Sprintf("/deliveries?channel=kafka&limit=1000&after=%d", t.last)
		if err := t.box.order(ctx, http.MethodGet, path, nil, &page); err != nil {
			return nil, err
		}
		for _, d := range page.Deliveries {
			t.last = d.Event
			t.got = append(t.got, contracttest.Notice{KeyHidden: true, Value: d.Payload})
		}
		if len(page.Deliveries) == 0 {
			return slices.Clone(t.got), nil
		}
	}
}
