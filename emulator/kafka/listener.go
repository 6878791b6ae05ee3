package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// acceptPause is how long accepting rests after an error such as too many
// open files.
const acceptPause = 50 * time.Millisecond

// listener is what the embedded broker accepts connections from: those from
// the network, guarded, and those of its own client, which need no network.
// Its Addr is the advertised address, which is where the broker reads it from.
type listener struct {
	tcp        net.Listener
	advertised address
	conns      chan net.Conn
	// ctx ends with the listener.
	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup
	once sync.Once
	err  error
}

var _ net.Listener = (*listener)(nil)

// listen opens the port. Connections wait until serve is called.
func listen(ctx context.Context, addr, asked string) (*listener, error) {
	var config net.ListenConfig
	tcp, err := config.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	advertised, err := advertise(asked, tcp.Addr())
	if err != nil {
		return nil, errors.Join(err, tcp.Close())
	}
	l := &listener{tcp: tcp, advertised: advertised, conns: make(chan net.Conn)}
	l.ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	return l, nil
}

// serve starts to take connections from the network; named is called with
// every topic a client asks for, before the broker sees the question.
func (l *listener) serve(named func(ctx context.Context, topic string)) {
	l.work.Go(func() {
		for {
			conn, err := l.tcp.Accept()
			if err != nil {
				if errors.Is(err, net.ErrClosed) || pause(l.ctx, acceptPause) != nil {
					return
				}
				continue
			}
			if err := l.hand(l.ctx, &guard{Conn: conn, ctx: l.ctx, named: named}); err != nil {
				return
			}
		}
	})
}

// hand passes a connection to Accept, or closes it.
func (l *listener) hand(ctx context.Context, conn net.Conn) error {
	select {
	case l.conns <- conn:
		return nil
	case <-ctx.Done():
		return errors.Join(ctx.Err(), conn.Close())
	case <-l.ctx.Done():
		return errors.Join(net.ErrClosed, conn.Close())
	}
}

// dial connects to the broker inside the process.
func (l *listener) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	if err := l.hand(ctx, theirs); err != nil {
		return nil, fmt.Errorf("connect to the embedded broker: %w", errors.Join(err, ours.Close()))
	}
	return ours, nil
}

// Accept returns the next connection.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Addr returns the advertised address.
func (l *listener) Addr() net.Addr { return l.advertised }

// Close closes the port; the broker and Embedded both call it.
func (l *listener) Close() error {
	l.once.Do(func() {
		l.stop()
		l.err = l.tcp.Close()
	})
	l.work.Wait()
	return l.err
}
