package contracttest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/swanemu/emu/internal/clock"
)

// scripted answers with what it is told, in turn, and notes when it was asked;
// the last answer stays.
type scripted struct {
	answers []scriptedAnswer
	asked   []time.Time
}

// scriptedAnswer is fine, or says to wait.
type scriptedAnswer struct {
	status     int
	retryAfter string
}

func (s *scripted) RoundTrip(*http.Request) (*http.Response, error) {
	a := s.answers[min(len(s.asked), len(s.answers)-1)]
	s.asked = append(s.asked, clock.Wall())
	body := `{"error_code":4,"error_msg":"Open api request limit reached"}`
	if a.status == http.StatusOK {
		body = `{"errno":0,"msg":"success"}`
	}
	r := &http.Response{StatusCode: a.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	if a.retryAfter != "" {
		r.Header.Set("Retry-After", a.retryAfter)
	}
	return r, nil
}

func throttled(retryAfter string) scriptedAnswer {
	return scriptedAnswer{http.StatusTooManyRequests, retryAfter}
}

func fine() scriptedAnswer { return scriptedAnswer{status: http.StatusOK} }

// carry sends n requests and returns the outcome of the last one and what
// ended them.
func carry(t *testing.T, s *scripted, o Options, n int) (Outcome, error) {
	t.Helper()
	o, err := o.withDefaults(&Target{Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	c := &courier{transport: s, options: o, began: clock.Wall()}
	x := &exchange{}
	for range n {
		err := c.send(t.Context(), newClassifier(contract(t)), x, func() (*http.Request, []byte, error) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/", http.NoBody)
			return r, nil, err
		})
		if err != nil {
			return x.outcome(), err
		}
	}
	return x.outcome(), nil
}

// TestRetryAfter has servers that throttle: the suite waits as long as it is
// asked to, not longer than a minute, and gives up after a few times.
func TestRetryAfter(t *testing.T) {
	for name, test := range map[string]struct {
		answers []scriptedAnswer
		waits   []time.Duration
		want    Outcome
	}{
		"in seconds":        {[]scriptedAnswer{throttled("7"), fine()}, []time.Duration{7 * time.Second}, Accepted},
		"at once":           {[]scriptedAnswer{throttled("0"), fine()}, []time.Duration{0}, Accepted},
		"without a word":    {[]scriptedAnswer{throttled(""), throttled("x"), fine()}, []time.Duration{pause, pause}, Accepted},
		"longer than it is": {[]scriptedAnswer{throttled("86400"), fine()}, []time.Duration{longestWait}, Accepted},
		"in the past":       {[]scriptedAnswer{throttled("Mon, 05 Jan 1998 09:00:00 GMT"), fine()}, []time.Duration{0}, Accepted},
		"without end":       {[]scriptedAnswer{throttled("2")}, []time.Duration{2 * time.Second, 2 * time.Second, 2 * time.Second}, Throttled},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scripted{answers: test.answers}
				got, err := carry(t, s, Options{}, 1)
				if err != nil || got != test.want || len(s.asked) != len(test.waits)+1 {
					t.Fatalf("%s after %d requests, %v", got, len(s.asked), err)
				}
				for i, want := range test.waits {
					if waited := s.asked[i+1].Sub(s.asked[i]); waited != want {
						t.Errorf("wait %d took %v, want %v", i+1, waited, want)
					}
				}
			})
		})
	}
}

// TestRetryAfterDate is asked to wait until a time of the wall.
func TestRetryAfterDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := clock.Wall().Add(12 * time.Second)
		s := &scripted{answers: []scriptedAnswer{throttled(at.Format(http.TimeFormat)), fine()}}
		if got, err := carry(t, s, Options{}, 1); err != nil || got != Accepted {
			t.Fatalf("%s, %v", got, err)
		}
		if !s.asked[1].Equal(at) {
			t.Errorf("asked again at %v, want %v", s.asked[1], at)
		}
	})
}

// TestRate spaces requests.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{answers: []scriptedAnswer{fine()}}
		if _, err := carry(t, s, Options{Rate: 4}, 9); err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(s.asked); i++ {
			if gap := s.asked[i].Sub(s.asked[i-1]); gap != time.Second/4 {
				t.Errorf("request %d came %v after the one before, want 250ms", i, gap)
			}
		}
	})
}

// TestMaxTime ends a run once its time is used up, waits included.
func TestMaxTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{answers: []scriptedAnswer{throttled("25"), fine()}}
		_, err := carry(t, s, Options{MaxTime: 30 * time.Second, Rate: 0.1}, 5)
		if !errors.Is(err, errBudget) || !strings.Contains(err.Error(), "30s") {
			t.Errorf("ended with %v", err)
		}
		// One at once, its repetition after 25 s, the next ten later is over time.
		if len(s.asked) != 3 {
			t.Errorf("%d requests, want 3", len(s.asked))
		}
	})
}

// TestPatienceEnds lets the context end a wait.
func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		s := &scripted{answers: []scriptedAnswer{throttled("30")}}
		c := &courier{transport: s, options: Options{MaxRequests: 9, MaxTime: time.Hour}, began: clock.Wall()}
		err := c.send(ctx, newClassifier(contract(t)), &exchange{}, func() (*http.Request, []byte, error) {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/", http.NoBody)
			return r, nil, err
		})
		if !errors.Is(err, context.DeadlineExceeded) || len(s.asked) != 1 {
			t.Errorf("%v after %d requests", err, len(s.asked))
		}
	})
}
