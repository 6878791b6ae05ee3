package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/clock"
)

// dialTimeout is how long a relay waits for a connection to its upstream.
const dialTimeout = 10 * time.Second

// A relay passes requests on to an upstream and answers back, and tells what
// went by. What it passes is as it was: it adds no header, and takes away only
// what a proxy must (the headers of one connection).
type relay struct {
	upstream *url.URL
	// host is sent as Host; "" is the upstream's own.
	host string
	// keepHost passes the client's Host on.
	keepHost bool
	// limit is how many bytes of a body are kept.
	limit int64
	// judge is asked about an answer before it is passed; nil passes all.
	judge func(contracttest.Exchange) *contracttest.Seen
	// tell is told each exchange once it is over.
	tell func(passed)
	// unavailable is the body of the relay's own answer where the upstream
	// cannot be reached.
	unavailable ownAnswer

	proxy     *httputil.ReverseProxy
	transport *http.Transport
}

// passed is an exchange that went by.
type passed struct {
	contracttest.Exchange
	// seen is what the judge said, if it was asked.
	seen *contracttest.Seen
	// withheld says that the client got the relay's own answer instead.
	withheld bool
}

// ownAnswer is an answer that the relay makes itself.
type ownAnswer struct {
	mediaType string
	body      []byte
}

// start makes a relay ready.
func (p *relay) start() {
	p.transport = &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     idleTimeout,
		DisableCompression:  true, // what is compressed stays so, what is not too
	}
	p.proxy = &httputil.ReverseProxy{
		Rewrite: p.rewrite, Transport: p.transport, ModifyResponse: p.answered, ErrorHandler: p.failed,
		FlushInterval: -1,                         // the client gets what there is when it is there
		ErrorLog:      log.New(io.Discard, "", 0), // what fails is told with its exchange
	}
}

// stop lets go of the upstream.
func (p *relay) stop() { p.transport.CloseIdleConnections() }

// captureKey finds the capture of a request in its context.
type captureKey struct{}

// captureOf is the capture of the request that a context belongs to.
func captureOf(ctx context.Context) *capture {
	c, _ := ctx.Value(captureKey{}).(*capture)
	return c
}

// ServeHTTP passes one exchange.
func (p *relay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &capture{started: clock.Wall(), limit: p.limit}
	ctx := context.WithValue(r.Context(), captureKey{}, c)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { c.connected.Store(true) }})
	// Without these net/http would add what the upstream did not say.
	w.Header()["Content-Type"], w.Header()["Date"] = nil, nil
	defer func() {
		failure := recover() // the copy of an answer ends in a panic where it fails
		if failure != nil && c.fault == contracttest.NoFault {
			c.fault = c.broke(r.Context())
		}
		p.tell(c.over())
		if failure != nil {
			panic(failure)
		}
	}()
	p.proxy.ServeHTTP(w, r.WithContext(ctx))
}

// rewrite addresses a request to the upstream, and undoes what ReverseProxy
// does to it besides.
func (p *relay) rewrite(r *httputil.ProxyRequest) {
	r.SetURL(p.upstream)
	r.Out.URL.RawQuery = r.In.URL.RawQuery
	if p.upstream.RawQuery != "" {
		r.Out.URL.RawQuery = strings.TrimSuffix(p.upstream.RawQuery+"&"+r.In.URL.RawQuery, "&")
	}
	switch {
	case p.keepHost:
		r.Out.Host = r.In.Host
	case p.host != "":
		r.Out.Host = p.host
	}
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if values, ok := r.In.Header[name]; ok {
			r.Out.Header[name] = values
		}
	}
	c := captureOf(r.In.Context())
	c.method, c.url, c.header = r.Out.Method, r.Out.URL.String(), r.Out.Header.Clone()
	c.request.size = r.In.ContentLength
	if r.Out.Body != nil {
		r.Out.Body = c.request.tee(r.Out.Body, p.limit)
	}
}

// brokenAnswer is the error of an answer that must not pass.
type brokenAnswer struct{ seen *contracttest.Seen }

func (*brokenAnswer) Error() string { return "the upstream's answer breaks the contract" }

// answered looks at the beginning of an answer.
func (p *relay) answered(res *http.Response) error {
	c := captureOf(res.Request.Context())
	c.status, c.answerHeader = res.StatusCode, res.Header.Clone()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	c.answer.size = -1
	streams := strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream")
	if p.judge == nil || streams || res.ContentLength > p.limit {
		res.Body = c.answer.tee(res.Body, p.limit)
		return nil
	}
	kept, err := io.ReadAll(io.LimitReader(res.Body, p.limit+1))
	if int64(len(kept)) > p.limit {
		// It is too long to be judged, and passes.
		whole := struct {
			io.Reader
			io.Closer
		}{io.MultiReader(strings.NewReader(string(kept)), res.Body), res.Body}
		res.Body = c.answer.tee(whole, p.limit)
		return nil
	}
	c.answer.fill(kept)
	if err != nil {
		c.fault = contracttest.BrokenOff
		if res.Request.Context().Err() != nil {
			c.fault = contracttest.GivenUp
		}
	}
	c.seen = p.judge(c.over().Exchange)
	for _, f := range c.seen.Findings {
		if f.Side == contracttest.ServerSide {
			c.withheld = true
			return &brokenAnswer{c.seen}
		}
	}
	if err != nil {
		return err
	}
	closed := res.Body
	res.Body = struct {
		io.Reader
		io.Closer
	}{strings.NewReader(string(kept)), closed}
	return nil
}

// failed answers in the place of the upstream.
func (p *relay) failed(w http.ResponseWriter, r *http.Request, err error) {
	c := captureOf(r.Context())
	own := p.unavailable
	var broken *brokenAnswer
	switch {
	case errors.As(err, &broken):
		own = problem(err.Error(), broken.seen)
	case c.fault != contracttest.NoFault: // it broke off, and is told so
	default:
		if c.fault = c.broke(r.Context()); c.fault == contracttest.NotReached {
			c.why = err.Error()
		}
	}
	delete(w.Header(), "Date") // net/http has one for what is its own
	w.Header().Set("Content-Type", own.mediaType)
	w.WriteHeader(http.StatusBadGateway)
	_, _ = w.Write(own.body) // the client may be gone
}

// problem is the answer in the place of one that breaks the contract.
func problem(title string, seen *contracttest.Seen) ownAnswer {
	type found struct {
		Check        string `json:"check"`
		Message      string `json:"message"`
		ValuePointer string `json:"value_pointer,omitempty"`
		SpecPointer  string `json:"spec_pointer,omitempty"`
		Expected     string `json:"expected,omitempty"`
		Actual       string `json:"actual,omitempty"`
	}
	var all []found
	for _, f := range seen.Findings {
		all = append(all, found{f.Check, f.Message, f.ValuePointer, f.SpecPointer, f.Expected, f.Actual})
	}
	body, err := json.Marshal(struct {
		Title    string  `json:"title"`
		Status   int     `json:"status"`
		Detail   string  `json:"detail"`
		Findings []found `json:"findings"`
	}{title, http.StatusBadGateway, fmt.Sprintf("exchange %d: %s, %s", seen.Number, seen.Call, seen), all})
	if err != nil {
		body = []byte(`{"status":502}`) // texts are always JSON
	}
	return ownAnswer{"application/problem+json", body}
}

// unavailableIn is what a relay answers where the upstream cannot be reached:
// what the contract's gateway says then, or a problem where it has none.
func unavailableIn(o *contracttest.Observer) ownAnswer {
	if body, ok := o.Unavailable(); ok {
		return ownAnswer{"application/json", body}
	}
	return ownAnswer{"application/problem+json", []byte(`{"title":"The upstream cannot be reached","status":502}`)}
}

// A countedHandler knows when all that it serves is over.
type countedHandler struct {
	next http.Handler

	mu     sync.Mutex // guards all below
	busy   int
	closed bool
	idle   chan struct{} // closed when it is closed and not busy
}

func newCountedHandler(next http.Handler) *countedHandler {
	return &countedHandler{next: next, idle: make(chan struct{})}
}

// ServeHTTP counts a request while it is served; after close it serves none.
func (h *countedHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.count(1) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer h.count(-1)
	h.next.ServeHTTP(w, r)
}

func (h *countedHandler) count(n int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed && n > 0 {
		return false
	}
	h.busy += n
	if h.closed && h.busy == 0 {
		close(h.idle)
	}
	return true
}

// close lets nothing more in, and returns when all that is inside is over.
func (h *countedHandler) close() {
	h.mu.Lock()
	h.closed = true
	if h.busy == 0 {
		close(h.idle)
	}
	h.mu.Unlock()
	<-h.idle
}
