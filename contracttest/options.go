package contracttest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A Mode says how far the suite may go.
type Mode string

// The modes. Each allows what those before it do.
const (
	// ReadOnly makes calls that read.
	ReadOnly Mode = "read-only"
	// Sandbox also changes apps that the harness made for it, and issues
	// tokens.
	Sandbox Mode = "sandbox"
	// Destructive also moves the server's time far and wears out tokens.
	Destructive Mode = "destructive"
)

// Modes lists the modes, the mildest first.
func Modes() []Mode { return []Mode{ReadOnly, Sandbox, Destructive} }

// allows reports whether a mode allows what another one does.
func (m Mode) allows(other Mode) bool {
	return slices.Index(Modes(), m) >= slices.Index(Modes(), other)
}

// Options say what to check, and how. The zero value checks everything that is
// safe where the server is: only reading, unless it is on this machine.
type Options struct {
	// Mode is how far the suite may go; "" is Sandbox on loopback and behind a
	// Transport, ReadOnly anywhere else.
	Mode Mode
	// Checks are the checks to run, by id or by what it begins with
	// ("input", "input.required"); nil are all.
	Checks []string
	// Operations are the operations to run checks on; nil are all.
	Operations []string
	// Cases are the cases to run, by ID or by name (operation/check/case); nil
	// are all that the other options leave.
	Cases []string
	// DryRun makes the plan and sends nothing.
	DryRun bool
	// MaxRequests and MaxTime bound the run; 0 is 20,000 and 10 minutes. What
	// is left over then counts as not run.
	MaxRequests int
	MaxTime     time.Duration
	// AnswerTime is how long is waited for one answer; 0 is 30 seconds. A
	// request that gets none by then counts as not answered.
	AnswerTime time.Duration
	// Tags are those of the operations to put to the test; nil is all.
	Tags []string
	// Rate bounds the requests per second; 0 does not.
	Rate float64
	// Coverage are the least percentages of coverage; nil asks for none.
	Coverage Thresholds
	// Known are deviations that are known.
	Known []Deviation
	// Trace keeps the steps of every case in its Result, not only those of
	// findings.
	Trace bool
	// Progress is told the result of each case as it comes.
	Progress func(Result)
	// Watch is told how far the run is, before each case and at the end.
	Watch func(Progress)
	// Observe is told each exchange as it ends, every attempt of it, but for
	// the first one of a run, which finds out whether anybody is there. Names
	// stand for secrets in it.
	Observe func(Exchange)
	// Stop ends the run early after a finding; nil never does.
	Stop func(Finding) bool
}

// Progress is how far a run is.
type Progress struct {
	// Operation is that of the case that is about to run; "" at the end.
	Operation string
	// Done is how many cases have ended, of Total.
	Done, Total int
	// Causes is how many causes were found so far, Requests how many requests
	// were sent.
	Causes, Requests int
}

const (
	defaultRequests = 20_000
	defaultTime     = 10 * time.Minute
	defaultAnswer   = 30 * time.Second
)

// withDefaults checks the options against the target and fills in the rest.
func (o Options) withDefaults(t *Target) (Options, error) {
	if o.Mode == "" {
		o.Mode = ReadOnly
		if t.Transport != nil || onLoopback(t.URL) {
			o.Mode = Sandbox
		}
	}
	if !slices.Contains(Modes(), o.Mode) {
		return o, fmt.Errorf("mode %q: want read-only, sandbox or destructive", o.Mode)
	}
	if o.MaxRequests == 0 {
		o.MaxRequests = defaultRequests
	}
	if o.MaxTime == 0 {
		o.MaxTime = defaultTime
	}
	if o.AnswerTime == 0 {
		o.AnswerTime = defaultAnswer
	}
	if o.MaxRequests < 0 || o.MaxTime < 0 || o.AnswerTime < 0 || o.Rate < 0 {
		return o, errors.New("budget: want no negative numbers")
	}
	if err := o.Coverage.check(); err != nil {
		return o, err
	}
	for _, want := range o.Checks {
		if !slices.ContainsFunc(Checks(), func(c Check) bool { return matches(want, c.ID) }) {
			return o, fmt.Errorf("check %q: there is none of that name; Checks lists them", want)
		}
		if !slices.ContainsFunc(Checks(), func(c Check) bool { return !c.Traffic && matches(want, c.ID) }) {
			return o, fmt.Errorf("check %q: it is put to traffic that goes by, not to a server that is called", want)
		}
	}
	return o, nil
}

// matches reports whether an id is want or begins with it.
func matches(want, id string) bool {
	return id == want || strings.HasPrefix(id, want+".")
}

// onLoopback reports whether a URL names this machine.
func onLoopback(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// transport is what carries the requests: as they are, to where they say.
func (t *Target) transport() http.RoundTripper {
	if t.Transport != nil {
		return t.Transport
	}
	return &http.Transport{MaxIdleConnsPerHost: 4, DisableCompression: true}
}
