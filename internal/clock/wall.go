package clock

import (
	"context"
	"time"
)

// Wall returns the machine's present time, in UTC. It keeps its monotonic
// reading, so that the difference of two of them is the time that passed even
// when the machine's clock was set in between; Round(0) takes it off.
func Wall() time.Time { return time.Now().UTC() }

// Wake calls f in a goroutine of its own once the wall has moved by d; at once
// when d is not positive. stop takes the call back if it has not begun; it
// does not wait for one that has, and may be called more than once.
func Wake(d time.Duration, f func()) (stop func()) {
	t := time.AfterFunc(d, f)
	return func() { t.Stop() }
}

// Wait returns nil once the wall has moved by d, or the context's error if it
// ends before.
func Wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Timeout returns a context that ends with ctx, or with
// context.DeadlineExceeded once the wall has moved by d. Call cancel when it
// is no longer needed.
func Timeout(ctx context.Context, d time.Duration) (_ context.Context, cancel context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}
