package kafka

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// trouble remembers why the last connection attempt failed: the client hides
// it behind the end of a context.
type trouble struct {
	describe func(addr string, err error) *BrokerError
	// mu guards last.
	mu   sync.Mutex
	last map[string]*BrokerError
}

var _ kgo.HookBrokerConnect = (*trouble)(nil)

// OnBrokerConnect is called by the client after every connection attempt.
func (t *trouble) OnBrokerConnect(meta kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	addr := net.JoinHostPort(meta.Host, strconv.Itoa(int(meta.Port)))
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		delete(t.last, addr)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		// Somebody stopped waiting; that says nothing about the broker.
	default:
		t.last[addr] = t.describe(addr, err)
	}
}

// why is what is wrong with the brokers that could not be reached last time.
func (t *trouble) why() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	errs := make([]error, 0, len(t.last))
	for _, addr := range sortedKeys(t.last) {
		errs = append(errs, t.last[addr])
	}
	return joinErrors(errs)
}
