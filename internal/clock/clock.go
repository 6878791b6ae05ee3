// Package clock is the time of a sandbox, and the one place of the emulator
// that reads the machine's clock.
//
// A Clock runs at a rate: 1 is real time, 60 lets an hour pass in a minute, 0
// is virtual time that stands still until it is told to move. Two clocks that
// were told the same things and run at rate 0 say the same.
//
// It promises: a Clock never goes backwards, not even when the machine's clock
// is set back (elapsed time is measured on the monotonic clock); a wait that
// Until returned is long enough; everything is safe for concurrent use, works
// inside a testing/synctest bubble, and keeps no goroutine and no timer that
// nobody asked for.
//
// Two times meet here. Sandbox time is what Now says and what the platform's
// rules are about: expiry, audits, retries. Wall time is what the machine's
// timers and network deadlines run on: Wall, Wake, Wait and Timeout.
package clock

import (
	"fmt"
	"math"
	"sync"
	"time"
)

// Rates that have a name, and the largest.
const (
	// Virtual is the rate of a clock that moves only when told.
	Virtual = 0.0
	// Real is the rate of the machine's clock.
	Real = 1.0
	// MaxRate is the largest rate: eleven days in a second.
	MaxRate = 1e6
)

// rebaseAfter is how much sandbox time may pass on one origin: far less than
// the 292 years that a time.Duration holds.
const rebaseAfter = 100 * 365 * 24 * time.Hour

// Sandbox time lies in the years 1970 to 2261, whose nanoseconds since 1970
// fit an int64: UnixNano is defined, and a saved time comes back as it was.
const (
	// beginUnix is 1970-01-01T00:00:00Z.
	beginUnix = 0
	// endUnix is 2261-12-31T23:59:59Z, where a clock stops.
	endUnix = 9214646399
)

// begin and end are the limits as times.
func begin() time.Time { return time.Unix(beginUnix, 0).UTC() }
func end() time.Time   { return time.Unix(endUnix, 0).UTC() }

// Setting is how a Clock begins. The zero Setting is a virtual clock that
// stands at the machine's present time.
type Setting struct {
	// Rate is how many seconds of the sandbox pass in one second of the wall:
	// 0 is virtual, 1 is real.
	Rate float64
	// Start is the first sandbox time, in the years 1970 to 2261; zero is the
	// machine's present time.
	Start time.Time
}

// Check returns the error of CheckRate, or one for a Start that is outside of
// the years that a Clock knows.
func (s Setting) Check() error {
	if err := CheckRate(s.Rate); err != nil {
		return err
	}
	if !s.Start.IsZero() && (s.Start.Before(begin()) || s.Start.After(end())) {
		return fmt.Errorf("clock start %s: want a time in the years 1970 to 2261", s.Start.Format(time.RFC3339))
	}
	return nil
}

// Clock is the time of one sandbox. Make one with New.
type Clock struct {
	// mu guards the fields below it.
	mu sync.Mutex
	// rate is sandbox time per wall time.
	rate float64
	// base is the sandbox time at anchor, in UTC, without a monotonic reading.
	base time.Time
	// anchor is the wall time at which base was set, with its monotonic
	// reading.
	anchor time.Time
}

// New returns a clock that begins as the setting says. A Start outside of the
// years that a Clock knows is moved to the nearer end of them, and a rate that
// is none is a panic: Check settings that come from outside.
func New(s Setting) *Clock {
	if err := CheckRate(s.Rate); err != nil {
		panic("clock.New: " + err.Error())
	}
	now := time.Now()
	start := s.Start
	if start.IsZero() {
		start = now
	}
	if start.Before(begin()) {
		start = begin()
	}
	if start.After(end()) {
		start = end()
	}
	return &Clock{rate: s.Rate, base: start.UTC().Round(0), anchor: now}
}

// CheckRate returns an error unless rate is a number from 0 to MaxRate.
func CheckRate(rate float64) error {
	if math.IsNaN(rate) || rate < 0 || rate > MaxRate {
		return fmt.Errorf("clock rate %v: want a number from 0 to %v", rate, MaxRate)
	}
	return nil
}

// Now returns the present sandbox time, in UTC and without a monotonic
// reading. It is never before a time that it returned earlier.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rate == Virtual {
		return c.base
	}
	now := c.atLocked(time.Since(c.anchor))
	if now.Sub(c.base) > rebaseAfter {
		return c.rebaseLocked()
	}
	return now
}

// Advance moves the clock forward by d, at any rate. A negative d is an error,
// and so is one that leads past the year 2261; the clock then stays.
func (c *Clock) Advance(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("advance the clock by %v: it does not go backwards", d)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.rebaseLocked()
	to := now.Add(d)
	if to.After(end()) {
		return fmt.Errorf("advance the clock by %v: it ends with the year 2261", d)
	}
	c.base = to
	return nil
}

// Set moves the clock forward to t, at any rate. A t before Now is an error,
// and so is one after the year 2261; the clock then stays.
func (c *Clock) Set(t time.Time) error {
	t = t.UTC().Round(0)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.rebaseLocked()
	if t.Before(now) {
		return fmt.Errorf("set the clock to %s: it stands at %s and does not go backwards",
			t.Format(time.RFC3339Nano), now.Format(time.RFC3339Nano))
	}
	if t.After(end()) {
		return fmt.Errorf("set the clock to %s: it ends with the year 2261", t.Format(time.RFC3339Nano))
	}
	c.base = t
	return nil
}

// Freeze makes the clock virtual where it stands.
func (c *Clock) Freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rebaseLocked()
	c.rate = Virtual
}

// SetRate changes the rate from now on, without a jump. It returns the error
// of CheckRate. Waits that Until gave before no longer hold.
func (c *Clock) SetRate(rate float64) error {
	if err := CheckRate(rate); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rebaseLocked()
	c.rate = rate
	return nil
}

// Rate returns how many seconds of the sandbox pass in one of the wall.
func (c *Clock) Rate() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rate
}

// Virtual reports whether the clock moves only when told.
func (c *Clock) Virtual() bool { return c.Rate() == Virtual }

// Until returns how long the wall must pass until the clock says t or later,
// unless the clock is told something else meanwhile; 0 when t is not in the
// future, and the longest duration there is when t is further away than that
// or after the year 2261. It is false when the clock is virtual, due or not:
// no wait brings it there.
func (c *Clock) Until(t time.Time) (wall time.Duration, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rate == Virtual {
		return 0, false
	}
	elapsed := time.Since(c.anchor)
	if !t.After(c.atLocked(elapsed)) {
		return 0, true
	}
	ahead := t.Sub(c.base)
	if ahead == math.MaxInt64 || t.After(end()) {
		return math.MaxInt64, true
	}
	wait := unscale(ahead, c.rate)
	if wait == math.MaxInt64 {
		return wait, true
	}
	return max(wait-elapsed, 0), true
}

// atLocked returns the sandbox time after the wall has moved by elapsed since
// the anchor.
func (c *Clock) atLocked(elapsed time.Duration) time.Time {
	t := c.base.Add(scale(elapsed, c.rate))
	if t.Unix() >= endUnix {
		return end()
	}
	return t
}

// rebaseLocked makes the present the new origin and returns it.
func (c *Clock) rebaseLocked() time.Time {
	wall := time.Now()
	c.base = c.atLocked(wall.Sub(c.anchor))
	c.anchor = wall
	return c.base
}

// scale returns the sandbox time that passes in d of the wall, at most the
// longest duration there is. It does not fall as d grows.
func scale(d time.Duration, rate float64) time.Duration {
	if rate == Real || d <= 0 {
		return max(d, 0)
	}
	scaled := float64(d) * rate
	if scaled >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(scaled)
}

// unscale returns a wall time in which, by scale, at least d passes: the
// shortest but for rounding, or the longest duration there is when none is
// long enough.
func unscale(d time.Duration, rate float64) time.Duration {
	if rate == Real {
		return d
	}
	wall := math.Ceil(float64(d) / rate)
	if wall >= math.MaxInt64 {
		return math.MaxInt64
	}
	w := time.Duration(wall)
	for step := time.Duration(1); scale(w, rate) < d; step *= 2 {
		if w > math.MaxInt64-step {
			return math.MaxInt64
		}
		w += step
	}
	return w
}
