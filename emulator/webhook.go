package emulator

// The last step of a push or a notification: one POST to one receiver; and the
// same for a request to the server of a host app: one GET.
// Modelled: the body as it is given, of a push's answers "success" and nothing
// else as acceptance, redirects not followed, an egress policy on the address
// that is really dialled. Not modelled: what a merchant's answer means
// (notify.go), retries and their intervals (the outbox), encryption and
// signatures (internal/seal).

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"github.com/swanemu/emu/internal/clock"
)

// Modes of an Egress.
const (
	// EgressAny lets pushes go anywhere.
	EgressAny = "any"
	// EgressPublic lets pushes go to public addresses: none of the ranges
	// that are set aside for private networks, loopback, link-local,
	// documentation and the like.
	EgressPublic = "public"
	// EgressLoopback lets pushes go to 127.0.0.0/8 and ::1.
	EgressLoopback = "loopback"
)

const (
	// pushAnswerLimit is how much of a receiver's answer is kept, in bytes.
	pushAnswerLimit = 256
	// hostAnswerLimit is how much a host app's server may answer, in bytes.
	hostAnswerLimit = 64 << 10
	// pushHeaderLimit bounds the header of a receiver's answer, in bytes.
	pushHeaderLimit = 64 << 10
	// pushIdle is how long a connection waits for the next push.
	pushIdle = 30 * time.Second
)

// Egress says which addresses pushes may go to. The address that is dialled is
// checked, after the name was resolved, so a name that resolves to something
// else the second time gains nothing. The zero Egress is EgressAny.
type Egress struct {
	// Mode is EgressAny, EgressPublic or EgressLoopback; "" is EgressAny.
	Mode string
	// Allow are addresses that are allowed in spite of Mode.
	Allow []netip.Prefix
}

// ParseEgress makes an Egress from texts: a mode, "" for EgressAny, and
// prefixes (10.0.0.0/8) or addresses (10.1.2.3, ::1). Exceptions from
// EgressAny would have no effect and are an error.
func ParseEgress(mode string, allow []string) (Egress, error) {
	e := Egress{Mode: mode}
	for _, text := range allow {
		prefix, err := parsePushPrefix(text)
		if err != nil {
			return Egress{}, err
		}
		e.Allow = append(e.Allow, prefix)
	}
	if _, err := e.pushControl(); err != nil {
		return Egress{}, err
	}
	return e, nil
}

// parsePushPrefix reads a prefix or an address.
func parsePushPrefix(text string) (netip.Prefix, error) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix.Masked(), nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("egress: allow %q: want an address such as 10.1.2.3 or a prefix such as 10.0.0.0/8", text)
	}
	addr = addr.Unmap()
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}

// pushControl is called with the network and the resolved address before a
// connection is made, as net.Dialer.Control.
type pushControl = func(network, address string, c syscall.RawConn) error

// pushControl returns the check of addresses; nil allows all.
func (e Egress) pushControl() (pushControl, error) {
	var v4, v6 []netip.Prefix
	for _, p := range e.Allow {
		if !p.IsValid() {
			return nil, errors.New("egress: allow: not a valid prefix")
		}
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	options := []ssrf.Option{ssrf.WithAnyPort()}
	switch e.Mode {
	case "", EgressAny:
		if len(e.Allow) > 0 {
			return nil, errors.New("egress: allow has no effect when any address is allowed; set the mode to public or loopback")
		}
		return nil, nil
	case EgressPublic:
	case EgressLoopback:
		v4 = append(v4, netip.MustParsePrefix("127.0.0.0/8"))
		v6 = append(v6, netip.MustParsePrefix("::1/128"))
		options = append(options,
			ssrf.WithDeniedV4Prefixes(netip.MustParsePrefix("0.0.0.0/0")),
			ssrf.WithDeniedV6Prefixes(netip.MustParsePrefix("::/0")))
	default:
		return nil, fmt.Errorf("egress: mode %q: want any, public or loopback", e.Mode)
	}
	options = append(options, ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
	safe := ssrf.New(options...).Safe
	mode := e.Mode
	return func(network, address string, c syscall.RawConn) error {
		if err := safe(network, address, c); err != nil {
			return fmt.Errorf("egress: mode %s: %w", mode, err)
		}
		return nil
	}, nil
}

// A letter is what one attempt puts on the wire, and how it is sent.
type letter struct {
	// channel is the event's, or host for a question to a host app; errors begin
	// with it. Without a body it is a GET.
	channel   string
	body      []byte
	mediaType string
	// timeout bounds the attempt, limit what is kept of the answer, in bytes.
	timeout time.Duration
	limit   int
	// headers go along; they are the trace's.
	headers []Header
}

// poster delivers pushes and notifications. It is safe for concurrent use.
type poster struct {
	// transport is used without an http.Client in front, hence no redirects,
	// no cookies and errors without the URL.
	transport *http.Transport
	timeout   time.Duration
}

// newPoster returns a poster whose attempts take at most timeout of the wall,
// reading the answer included. It uses no proxy, whatever the environment says.
func newPoster(e Egress, timeout time.Duration) (*poster, error) {
	control, err := e.pushControl()
	if err != nil {
		return nil, err
	}
	if timeout <= 0 {
		return nil, fmt.Errorf("push timeout %v: want a positive duration", timeout)
	}
	return &poster{
		transport: &http.Transport{
			DialContext:            (&net.Dialer{Control: control}).DialContext,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			IdleConnTimeout:        pushIdle,
			MaxIdleConns:           64,
			MaxIdleConnsPerHost:    4,
			MaxResponseHeaderBytes: pushHeaderLimit,
		},
		timeout: timeout,
	}, nil
}

// postResult is what came of one attempt.
type postResult struct {
	// Status is the HTTP status; 0 when no answer came.
	Status int
	// Answer is the beginning of the answer's body, 256 bytes of a push's at
	// most, with what is not UTF-8 replaced.
	Answer string
	// Err says why there is no whole answer, or that it is a redirect. Of the
	// receiver's URL it shows the host at most: the rest may hold a secret.
	Err error
	// cut is set when the body goes on after Answer.
	cut bool
}

// accepted reports whether the receiver took the push: a 2xx whose whole body,
// but for white space around it, is the bare text success.
func (r postResult) accepted() bool {
	return r.Err == nil && !r.cut && r.Status >= 200 && r.Status <= 299 &&
		strings.TrimSpace(r.Answer) == "success"
}

// post makes one attempt to deliver a push.
func (p *poster) post(ctx context.Context, address string, body []byte) postResult {
	return p.send(ctx, address, p.push(body))
}

// push is the letter of a push.
func (p *poster) push(body []byte) letter {
	return letter{channel: ChannelPush, body: body, mediaType: mediaJSON, timeout: p.timeout, limit: pushAnswerLimit}
}

// get asks a host app's server, under the same rules as post. An answer longer
// than a host may give is an error.
func (p *poster) get(ctx context.Context, address string, trace *Trace) postResult {
	r := p.send(ctx, address, letter{channel: "host", timeout: p.timeout, limit: hostAnswerLimit, headers: trace.headers()})
	if r.Err == nil && r.cut {
		r.Err = fmt.Errorf("host: the answer is longer than %d bytes", hostAnswerLimit)
	}
	return r
}

// send makes one attempt. It returns when the answer is there, the letter's
// timeout has passed or ctx ends, whichever is first.
func (p *poster) send(ctx context.Context, address string, l letter) postResult {
	ctx, cancel := clock.Timeout(ctx, l.timeout)
	defer cancel()
	method := http.MethodPost
	if l.body == nil {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(l.body))
	if err != nil {
		return postResult{Err: fmt.Errorf("%s: the receiver's address is not a URL", l.channel)}
	}
	if s := req.URL.Scheme; (s != "http" && s != "https") || req.URL.Hostname() == "" {
		return postResult{Err: fmt.Errorf("%s: the receiver's address is not an http or https URL with a host", l.channel)}
	}
	if l.mediaType != "" {
		req.Header.Set("Content-Type", l.mediaType)
	}
	req.Header.Set("User-Agent", "emu")
	for _, h := range l.headers {
		req.Header.Set(h.Name, h.Value)
	}
	if user := req.URL.User; user != nil {
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	res, err := p.transport.RoundTrip(req)
	if err != nil {
		return postResult{Err: l.error(err)}
	}
	defer res.Body.Close() //nolint:errcheck // the answer is read; nothing is lost with the connection
	answer, err := io.ReadAll(io.LimitReader(res.Body, int64(l.limit)+1))
	r := postResult{Status: res.StatusCode, cut: len(answer) > l.limit}
	r.Answer = strings.ToValidUTF8(string(answer[:min(len(answer), l.limit)]), "\uFFFD")
	switch {
	case err != nil:
		r.Err = l.error(err)
	case r.Status >= 300 && r.Status <= 399:
		r.Err = fmt.Errorf("%s: status %d redirects, and deliveries do not follow redirects", l.channel, r.Status)
	}
	return r
}

// error says what went wrong on the way.
func (l *letter) error(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: no whole answer in time (at most %v): %w", l.channel, l.timeout, err)
	}
	return fmt.Errorf("%s: %w", l.channel, err)
}

// close closes the connections that wait for another push. Attempts under way
// end with their contexts.
func (p *poster) close() { p.transport.CloseIdleConnections() }
