package emulator

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/swanemu/emu/internal/clock"
)

// The time of a sandbox: read, moved, stopped, let run, waited for.

// pendingShown is how many timers a clock shows.
const pendingShown = 100

// Time is kept in nanoseconds, which end in the year 2262. lastYear and
// longest keep a hundred years away from that.
const (
	lastYear = 2150
	longest  = 100 * 365 * 24 * time.Hour
)

// endOfTime says where time cannot go.
const endOfTime = "time ends with the year 2150"

// settleTimeout is how long settle waits unless told otherwise.
const settleTimeout = 10 * time.Second

type clockOut struct {
	Now     string   `json:"now"`
	Rate    float64  `json:"rate"`
	Mode    string   `json:"mode"`
	Virtual bool     `json:"virtual"`
	Next    string   `json:"next,omitempty"`
	Pending []Firing `json:"pending"`
}

func getClock(c *Call, _ None) (clockOut, error) {
	rate := c.box.clock.Rate()
	out := clockOut{
		Now: stamp(c.Now), Rate: rate, Mode: clock.Mode(rate), Virtual: rate == clock.Virtual, Pending: []Firing{},
	}
	for _, t := range c.State.Timers.sorted() {
		if len(out.Pending) == pendingShown {
			break
		}
		if !c.State.stands(t) {
			continue
		}
		out.Pending = append(out.Pending, t.firing())
	}
	if len(out.Pending) > 0 {
		out.Next = out.Pending[0].At
	}
	return out, nil
}

// stands reports whether a timer still does something when it falls due.
func (s *State) stands(t Timer) bool {
	switch t.Kind {
	case timerUpload, timerAudit, timerRollback:
		app := s.Apps[t.App]
		if app == nil {
			return false
		}
		p := app.pkg(t.Package)
		return p != nil && p.Timer == t.ID
	case timerPayment, timerRefundAudit, timerRefund:
		return s.standsOn(t)
	case timerPush, timerNotify:
		e := s.event(t.Event)
		return e != nil && e.Status == eventWaiting
	case timerKafka:
		return s.KafkaWait == t.ID
	case timerTicket:
		tp := s.TPs[t.TP]
		return tp != nil && tp.TicketTimer == t.ID
	}
	return false
}

// readClock is the clock after an order.
func (c *controlCall) readClock() (out clockOut, err error) {
	lookErr := c.box.look(func(call *Call) { out, err = getClock(call, None{}) })
	return out, errors.Join(lookErr, err)
}

type advanceIn struct {
	By *string    `json:"by"`
	To *time.Time `json:"to"`
}

func advanceClock(c *controlCall, in advanceIn) (Report, error) {
	switch {
	case (in.By == nil) == (in.To == nil):
		return Report{}, badRequest("", "want by, a duration such as 2h, or to, a time such as 2026-01-05T09:00:00+08:00; one of the two")
	case in.To != nil && in.To.Year() > lastYear:
		return Report{}, badRequest("/to", endOfTime)
	case in.To != nil:
		return c.moved(c.box.AdvanceTo(c.ctx, *in.To))
	}
	by, err := duration(*in.By, "/by")
	if err != nil {
		return Report{}, err
	}
	if c.box.Now().Add(by).Year() > lastYear {
		return Report{}, badRequest("/by", endOfTime)
	}
	return c.moved(c.box.Advance(c.ctx, by))
}

func (c *controlCall) moved(r Report, err error) (Report, error) {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return r, &controlProblem{Status: http.StatusGatewayTimeout, Detail: "the request ended before everything was delivered; time has moved in part"}
	}
	if r.Timers == nil {
		r.Timers = []Firing{}
	}
	return r, err
}

func freezeClock(c *controlCall, _ None) (clockOut, error) {
	if err := c.box.SetRate(clock.Virtual); err != nil {
		return clockOut{}, err
	}
	return c.readClock()
}

type rateIn struct {
	Rate *float64 `json:"rate"`
	Mode *string  `json:"mode"`
}

func setClockRate(c *controlCall, in rateIn) (clockOut, error) {
	if (in.Rate == nil) == (in.Mode == nil) {
		return clockOut{}, badRequest("", "want rate, a number, or mode: real, virtual or x and a number; one of the two")
	}
	var rate float64
	if in.Rate != nil {
		rate = *in.Rate
		if err := clock.CheckRate(rate); err != nil {
			return clockOut{}, badRequest("/rate", err.Error())
		}
	} else {
		var err error
		if rate, err = clock.ParseMode(*in.Mode); err != nil {
			return clockOut{}, badRequest("/mode", err.Error())
		}
	}
	if err := c.box.SetRate(rate); err != nil {
		return clockOut{}, err
	}
	return c.readClock()
}

type settleIn struct {
	Timeout *string `json:"timeout"`
}

func settle(c *controlCall, in settleIn) (Report, error) {
	timeout := settleTimeout
	if in.Timeout != nil {
		var err error
		if timeout, err = duration(*in.Timeout, "/timeout"); err != nil {
			return Report{}, err
		}
	}
	ctx, cancel := clock.Timeout(c.ctx, timeout)
	defer cancel()
	r, err := c.box.Settle(ctx)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return r, &controlProblem{
			Status: http.StatusGatewayTimeout,
			Detail: "deliveries were still under way after " + durationText(timeout) + "; the list of deliveries shows which are due",
		}
	}
	return c.moved(r, err)
}

// duration reads a duration text; pointer says where it stands.
func duration(text, pointer string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > longest {
		return 0, badRequest(pointer, "want a duration from 0 to 876000h, a hundred years, such as 2h, 40m or 3s")
	}
	return d, nil
}

// durationText writes a duration as people do: 2h, not 2h0m0s. Less than
// nothing counts as nothing.
func durationText(d time.Duration) string {
	text := max(d, 0).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
