package emulator

import (
	"slices"
	"time"

	"github.com/swanemu/emu/internal/clock"
)

// What an emulator does beside answering: pushes and notices of sandboxes whose
// clocks run are delivered in the background.

// pushesUnderWay bounds the pushes that are attempted at the same time.
const pushesUnderWay = 64

// deliver attempts a push in the background.
func (e *Emulator) deliver(s *Sandbox, id int64) {
	e.work.Add(1)
	go func() {
		defer e.work.Done()
		select {
		case e.slots <- struct{}{}:
			defer func() { <-e.slots }()
			s.deliverPush(e.ctx, id)
		case <-e.ctx.Done():
			s.mu.Lock()
			s.endSendingLocked()
			s.mu.Unlock()
		}
	}()
}

// kafkaPending lets the publishing goroutine know of a sandbox with notices.
func (e *Emulator) kafkaPending(s *Sandbox) {
	e.pendingMu.Lock()
	if !slices.Contains(e.pending, s) {
		e.pending = append(e.pending, s)
	}
	e.pendingMu.Unlock()
	select {
	case e.kafkaWork <- struct{}{}:
	default:
	}
}

// publishLinger is the pause after each publishing: the first notice goes out
// at once, and what a busy sandbox emits meanwhile goes out together.
const publishLinger = 5 * time.Millisecond

// publishLoop publishes the notices of sandboxes whose clocks run.
func (e *Emulator) publishLoop() {
	defer e.work.Done()
	for {
		select {
		case <-e.ctx.Done():
			return
		case <-e.kafkaWork:
		}
		e.pendingMu.Lock()
		batch := e.pending
		e.pending = nil
		e.pendingMu.Unlock()
		for _, s := range batch {
			s.publish(e.ctx)
		}
		if clock.Wait(e.ctx, publishLinger) != nil {
			return
		}
	}
}
