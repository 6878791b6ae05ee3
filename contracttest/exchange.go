package contracttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/internal/spec"
)

// answerLimit is the longest answer that is read.
const answerLimit = 16 << 20

// An exchange is a request and its answer.
type exchange struct {
	op           *spec.Operation
	method, url  string
	contentType  string
	body         []byte
	status       int
	header       http.Header
	whole        []byte // the body as it came
	answer       []byte // what the contract speaks of
	err          error  // no whole answer came
	verdict      verdict
	undocumented bool // the contract has no such method: only the form is checked

	// work is the case that it was made for; sent the request's header.
	work    *work
	sent    http.Header
	started time.Time
	took    time.Duration
	keyPath string // the member below which the answer stands
}

// outcome is what became of it.
func (x *exchange) outcome() Outcome { return x.verdict.outcome }

// String says what came back, without values.
func (x *exchange) String() string {
	switch {
	case x.err != nil:
		return "no whole answer"
	case x.verdict.code != "":
		return fmt.Sprintf("%s (HTTP %d, %s)", x.verdict.outcome, x.status, x.verdict.code)
	}
	return fmt.Sprintf("%s (HTTP %d)", x.verdict.outcome, x.status)
}

// errBudget ends a run.
var errBudget = errors.New("the budget is used up")

// A courier sends requests, within the budget and not faster than allowed.
type courier struct {
	transport http.RoundTripper
	options   Options
	began     time.Time
	last      time.Time
	sent      int
	// observe is told each attempt; nil is nobody.
	observe func(*exchange)
}

const (
	// patience is how often a throttled request is sent again, longestWait how
	// long is waited for it at most, and pause the wait that nobody asked for.
	patience    = 3
	longestWait = time.Minute
	pause       = time.Second
)

// send carries out one request; make is called for each attempt.
func (c *courier) send(ctx context.Context, k *classifier, x *exchange, build func() (*http.Request, []byte, error)) error {
	for attempt := 0; ; attempt++ {
		if err := c.admit(ctx); err != nil {
			return err
		}
		r, body, err := build()
		if err != nil {
			return err
		}
		x.method, x.url, x.body, x.contentType, x.sent = r.Method, r.URL.String(), body, r.Header.Get("Content-Type"), r.Header
		c.roundTrip(r, x)
		if err := ctx.Err(); err != nil {
			return err
		}
		x.verdict = verdict{outcome: Crashed}
		if x.err == nil {
			x.verdict = k.classify(x.op, x.status, x.answer)
		}
		if c.observe != nil {
			c.observe(x)
		}
		if x.verdict.outcome != Throttled || attempt == patience {
			return nil
		}
		if err := clock.Wait(ctx, retryAfter(x.header)); err != nil {
			return err
		}
	}
}

func (c *courier) roundTrip(r *http.Request, x *exchange) {
	x.status, x.header, x.whole, x.answer, x.err = 0, nil, nil, nil, nil
	ctx, cancel := clock.Timeout(r.Context(), c.options.AnswerTime)
	defer cancel()
	x.started = clock.Wall()
	defer func() { x.took = clock.Wall().Sub(x.started) }()
	res, err := c.transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		x.err = err
		return
	}
	x.status, x.header = res.StatusCode, res.Header
	x.whole, err = io.ReadAll(io.LimitReader(res.Body, answerLimit))
	x.err = errors.Join(err, res.Body.Close())
	x.answer = x.below(x.whole)
}

// admit waits for its turn and keeps the budget.
func (c *courier) admit(ctx context.Context) error {
	now := clock.Wall()
	switch {
	case c.sent >= c.options.MaxRequests:
		return fmt.Errorf("%w: %d requests", errBudget, c.options.MaxRequests)
	case now.Sub(c.began) >= c.options.MaxTime:
		return fmt.Errorf("%w: %s", errBudget, c.options.MaxTime)
	}
	c.sent++
	if c.options.Rate > 0 && !c.last.IsZero() {
		gap := time.Duration(float64(time.Second) / c.options.Rate)
		if wait := gap - now.Sub(c.last); wait > 0 {
			if err := clock.Wait(ctx, wait); err != nil {
				return err
			}
			now = now.Add(wait)
		}
	}
	c.last = now
	return nil
}

// retryAfter is how long a throttling server asks to be left alone.
func retryAfter(h http.Header) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if n, err := strconv.Atoi(text); err == nil && n >= 0 {
		return min(time.Duration(n)*time.Second, longestWait)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(clock.Wall()), 0), longestWait)
	}
	return pause
}

// issuesOf are the issues of an invalid request.
func issuesOf(err error) []spec.Issue {
	var invalid *spec.InvalidError
	if !errors.As(err, &invalid) {
		return nil
	}
	return slices.Clone(invalid.Issues)
}
