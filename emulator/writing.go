package emulator

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/swanemu/emu/internal/clock"
)

// The end of a request's way: the answer goes onto the wire, spoiled where a
// fault says so, and not before its time.

// jsonType is the Content-Type of the platform's answers.
var jsonType = []string{"application/json"}

// write puts an exchange's answer on the wire.
func (e *Emulator) write(w http.ResponseWriter, x *Exchange) {
	h := w.Header()
	h["Content-Type"] = jsonType
	if x.answer != nil {
		h["Content-Type"] = []string{x.answer.MediaType}
		for name, value := range x.answer.Header {
			h.Set(name, value)
		}
	}
	if text := x.program.wire.evidence[x.evidence]; text != nil {
		h[evidenceHeader] = text
	}
	if form := x.program.wire.refusals[x.outcome]; form != nil && x.answer == nil {
		for _, kv := range form.header {
			h.Set(kv[0], kv[1])
		}
	}
	if x.fault == FaultReset {
		reset(w)
	}
	body := x.body
	if x.fault == FaultMalformed {
		body = append(slices.Clone(body[:len(body)/2]), "\xff}{<"...)
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(e.wireStatus(x))
	if x.fault == FaultTruncate {
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(body) // a client that is gone needs no answer
}

// wireStatus is the HTTP status of an exchange's answer; 0 where there is none.
func (e *Emulator) wireStatus(x *Exchange) int {
	if x.outcome == "ok" {
		return x.status
	}
	if form := x.program.wire.refusals[x.outcome]; form != nil && form.gateway && x.answer == nil {
		return e.opt.GatewayStatus
	}
	return x.status
}

// reset ends the connection the hard way: with a TCP reset where there is a
// TCP connection, else by aborting the handler. It does not return.
func reset(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
			conn = secure.NetConn()
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// wait holds an answer back: on a running clock until so much of the sandbox's
// time has passed; on virtual time it is the wait that moves time. Where
// somebody else is moving it, the answer is not held back: they may be waiting
// for a receiver that waits for this very answer.
func (s *Sandbox) wait(ctx context.Context, d time.Duration) {
	until := s.Now().Add(d)
	if s.clock.Virtual() {
		if s.turn.TryLock() {
			_, _ = s.moveTo(ctx, until, false)
			s.turn.Unlock()
			s.deliverNow(ctx)
		}
		return
	}
	if wall, ok := s.clock.Until(until); ok {
		_ = clock.Wait(ctx, wall)
	}
}
