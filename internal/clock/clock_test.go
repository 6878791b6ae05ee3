package clock

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// start is where the clocks of the tests begin: nine in the morning in
// Shanghai.
var start = time.Date(2026, 1, 5, 9, 0, 0, 0, time.FixedZone("CST", 8*3600))

// pass lets d of the wall pass in a synctest bubble.
func pass(d time.Duration) { <-time.After(d) }

func TestNowAtEachRate(t *testing.T) {
	for _, tc := range []struct {
		rate float64
		wall time.Duration
		want time.Duration
	}{
		{Virtual, time.Hour, 0},
		{Real, 90 * time.Second, 90 * time.Second},
		{60, time.Minute, time.Hour},
		{0.5, time.Minute, 30 * time.Second},
		{1e-300, time.Hour, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			c := New(Setting{Rate: tc.rate, Start: start})
			pass(tc.wall)
			now := c.Now()
			if !now.Equal(start.Add(tc.want)) {
				t.Errorf("rate %v: after %v it is %v later, want %v", tc.rate, tc.wall, now.Sub(start), tc.want)
			}
			if now.Location() != time.UTC {
				t.Errorf("rate %v: the time is in %v, want UTC", tc.rate, now.Location())
			}
			if now.String() != now.Round(0).String() {
				t.Errorf("rate %v: the time has a monotonic reading", tc.rate)
			}
			if c.Virtual() != (tc.rate == 0) || c.Rate() != tc.rate {
				t.Errorf("rate %v: Virtual is %v, Rate is %v", tc.rate, c.Virtual(), c.Rate())
			}
		})
	}
}

func TestStartIsTheWallsPresentUnlessGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pass(time.Hour)
		for _, rate := range []float64{Virtual, Real, 60} {
			if c := New(Setting{Rate: rate}); !c.Now().Equal(time.Now()) {
				t.Errorf("rate %v: the clock begins at %v, the wall is at %v", rate, c.Now(), time.Now())
			}
		}
	})
}

func TestAdvanceAndSet(t *testing.T) {
	for _, rate := range []float64{Virtual, Real, 60} {
		synctest.Test(t, func(t *testing.T) {
			c := New(Setting{Rate: rate, Start: start})
			check := func(err error, want time.Duration) {
				t.Helper()
				if got := c.Now().Sub(start); err != nil || got != want {
					t.Fatalf("rate %v: %v after the start, %v; want %v", rate, got, err, want)
				}
			}
			check(c.Advance(2*time.Hour), 2*time.Hour)
			check(c.Advance(0), 2*time.Hour)
			check(c.Set(start.Add(3*time.Hour)), 3*time.Hour)
			check(c.Set(c.Now()), 3*time.Hour)
			pass(time.Second)
			check(nil, 3*time.Hour+time.Duration(rate)*time.Second)

			before := c.Now()
			for what, err := range map[string]error{
				"Advance backwards": c.Advance(-1),
				"Set backwards":     c.Set(before.Add(-1)),
				"Set past the end":  c.Set(end().Add(1)),
				"SetRate(-1)":       c.SetRate(-1),
				"SetRate(NaN)":      c.SetRate(math.NaN()),
				"SetRate(Inf)":      c.SetRate(math.Inf(1)),
				"SetRate(1e7)":      c.SetRate(1e7),
			} {
				if err == nil {
					t.Errorf("rate %v: %s is no error", rate, what)
				}
			}
			if !c.Now().Equal(before) || c.Rate() != rate {
				t.Errorf("rate %v: what was refused has moved the clock", rate)
			}
		})
	}
}

func TestChangingTheRateDoesNotJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Setting{Rate: 60, Start: start})
		pass(time.Second)
		c.Freeze()
		pass(time.Hour)
		if got := c.Now().Sub(start); got != time.Minute || !c.Virtual() {
			t.Fatalf("frozen at %v, virtual %v; want at 1m0s", got, c.Virtual())
		}
		if err := c.SetRate(2); err != nil {
			t.Fatal(err)
		}
		if got := c.Now().Sub(start); got != time.Minute {
			t.Fatalf("thawed at %v, want at 1m0s", got)
		}
		pass(time.Second)
		if got := c.Now().Sub(start); got != time.Minute+2*time.Second {
			t.Fatalf("a second later at %v, want at 1m2s", got)
		}
	})
}

func TestTimeEndsWithTheYear2261(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Setting{Rate: MaxRate, Start: end().Add(-time.Hour)})
		pass(time.Hour)
		if got := c.Now(); !got.Equal(end()) {
			t.Errorf("it is %v, want %v", got, end())
		}
		if err := c.Advance(1); err == nil {
			t.Error("it goes on")
		}
		if d, ok := c.Until(end().Add(time.Hour)); !ok || d != math.MaxInt64 {
			t.Errorf("until a time that never comes it is %v, %v", d, ok)
		}
	})
}

// TestCenturies lets more sandbox time pass than one origin is good for.
func TestCenturies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Setting{Rate: MaxRate, Start: start})
		for range 100 {
			pass(time.Minute)
			c.Now()
		}
		if got, want := c.Now().Unix()-start.Unix(), int64(6e9); got != want {
			t.Errorf("%d s have passed, want %d", got, want)
		}
	})
}

func TestSettingOutsideOfTime(t *testing.T) {
	early, late := time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)
	for start, want := range map[time.Time]time.Time{early: begin(), late: end()} {
		s := Setting{Start: start}
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), "want a time in the years 1970 to 2261") {
			t.Errorf("%v: %v", start, err)
		}
		if got := New(s).Now(); !got.Equal(want) {
			t.Errorf("a clock from %v begins at %v", start, got)
		}
	}
	for _, s := range []Setting{{}, {Rate: Real, Start: start}, {Rate: MaxRate, Start: begin()}, {Start: end()}} {
		if err := s.Check(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
	if err := (Setting{Rate: -1}).Check(); err == nil {
		t.Error("a rate of -1 is taken")
	}
	if got := time.Unix(0, end().UnixNano()); !got.Equal(end()) {
		t.Errorf("the end of time comes back as %v", got)
	}
}

func TestNewPanicsAtARateThatIsNone(t *testing.T) {
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "clock rate -1") {
			t.Errorf("recovered %q", text)
		}
	}()
	New(Setting{Rate: -1})
}

func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for rate, want := range map[float64]time.Duration{Real: time.Hour, 60: time.Minute, 0.5: 2 * time.Hour} {
			c := New(Setting{Rate: rate, Start: start})
			if d, ok := c.Until(start.Add(time.Hour)); !ok || d != want {
				t.Errorf("rate %v: an hour is %v, %v, want %v", rate, d, ok, want)
			}
			for _, past := range []time.Time{start, start.Add(-time.Hour), {}} {
				if d, ok := c.Until(past); !ok || d != 0 {
					t.Errorf("rate %v: until %v it is %v, %v", rate, past, d, ok)
				}
			}
			if d, ok := c.Until(start.AddDate(5000, 0, 0)); !ok || d <= 0 {
				t.Errorf("rate %v: five thousand years are %v, %v", rate, d, ok)
			}
		}
		c := New(Setting{Start: start})
		for _, when := range []time.Time{start.Add(-1), start, start.Add(1)} {
			if d, ok := c.Until(when); ok || d != 0 {
				t.Errorf("virtual: until %v it is %v, %v", when, d, ok)
			}
		}
	})
}

// FuzzUntil checks that a wait is long enough at every rate, and no longer
// than needed at the real one.
func FuzzUntil(f *testing.F) {
	f.Add(1.0, int64(time.Second))
	f.Add(60.0, int64(time.Hour))
	f.Add(1.0/3, int64(12345678901))
	f.Add(999999.9, int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, rate float64, goal int64) {
		if CheckRate(rate) != nil || rate == Virtual || goal < 0 {
			return
		}
		wait := unscale(time.Duration(goal), rate)
		if wait == math.MaxInt64 {
			return
		}
		if got := scale(wait, rate); got < time.Duration(goal) {
			t.Errorf("rate %v: %v of the wall give %v, want %v", rate, wait, got, time.Duration(goal))
		}
		if rate == Real && wait != time.Duration(goal) {
			t.Errorf("real: %v of the wall for %v", wait, time.Duration(goal))
		}
	})
}

// TestNowNeverGoesBackwards reads one clock from several goroutines while it
// is told all there is to tell.
func TestNowNeverGoesBackwards(t *testing.T) {
	c := New(Setting{Rate: 1e6, Start: start})
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			last := start
			for {
				now := c.Now()
				if now.Before(last) {
					t.Errorf("%v comes after %v", now, last)
					return
				}
				last = now
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for i := range 2000 {
		switch i % 5 {
		case 0:
			if err := c.SetRate(float64(i%7) * 0.37); err != nil {
				t.Error(err)
			}
		case 1:
			if err := c.Advance(time.Duration(i)); err != nil {
				t.Error(err)
			}
		case 2:
			c.Freeze()
		case 3:
			if err := c.Set(c.Now().Add(time.Second)); err != nil {
				t.Error(err)
			}
		default:
			c.Until(c.Now().Add(time.Second))
		}
	}
	close(done)
	readers.Wait()
}

func TestWakeAfterUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Setting{Rate: 7, Start: start})
		due := start.Add(time.Hour)
		d, ok := c.Until(due)
		if !ok {
			t.Fatal("no wait")
		}
		woken := make(chan time.Time, 1)
		stop := Wake(d, func() { woken <- c.Now() })
		defer stop()
		at := <-woken
		if at.Before(due) || at.Sub(due) > time.Microsecond {
			t.Errorf("woken at %v, %v after it was due", at, at.Sub(due))
		}
	})
}

func TestWakeStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := Wake(time.Second, func() { t.Error("called after stop") })
		stop()
		stop()
		pass(time.Minute)
		called := make(chan struct{})
		stop = Wake(-1, func() { close(called) })
		<-called
		stop()
	})
}

func TestWaitAndTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := Wall()
		if err := Wait(t.Context(), time.Minute); err != nil || Wall().Sub(begin) != time.Minute {
			t.Errorf("Wait: %v after %v", err, Wall().Sub(begin))
		}
		ctx, cancel := Timeout(t.Context(), time.Second)
		defer cancel()
		begin = Wall()
		if err := Wait(ctx, time.Minute); !errors.Is(err, context.DeadlineExceeded) || Wall().Sub(begin) != time.Second {
			t.Errorf("Wait: %v after %v, want a deadline after 1s", err, Wall().Sub(begin))
		}
		for _, d := range []time.Duration{0, -1, time.Hour} {
			if err := Wait(ctx, d); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Wait(%v) with a context that has ended: %v", d, err)
			}
		}
		if err := Wait(t.Context(), 0); err != nil {
			t.Errorf("Wait(0): %v", err)
		}
		if Wall().Location() != time.UTC {
			t.Errorf("Wall is in %v", Wall().Location())
		}
	})
}

func TestParseMode(t *testing.T) {
	for mode, want := range map[string]float64{"real": 1, "virtual": 0, "x60": 60, "x0.5": 0.5, "x1": 1, "x.25": 0.25} {
		rate, err := ParseMode(mode)
		if err != nil || rate != want {
			t.Errorf("%q is %v, %v; want %v", mode, rate, err, want)
		}
		if back, err := ParseMode(Mode(rate)); err != nil || back != want {
			t.Errorf("%q comes back as %q", mode, Mode(rate))
		}
	}
	for _, mode := range []string{"", "Real", "x", "x0", "x-1", "x+1", "xNaN", "xInf", "x1e3", "x0x10", "60", "60x", "x1.2.3", "x 2", "x1_0", "x1000001", "x" + strings.Repeat("9", 400)} {
		if rate, err := ParseMode(mode); err == nil || !strings.Contains(err.Error(), "clock mode") {
			t.Errorf("%q is %v, %v; want an error", mode, rate, err)
		}
	}
}

func BenchmarkNow(b *testing.B) {
	for _, mode := range []string{"virtual", "real", "x60"} {
		rate, err := ParseMode(mode)
		if err != nil {
			b.Fatal(err)
		}
		c := New(Setting{Rate: rate})
		b.Run(mode, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.Now()
			}
		})
	}
}
