// Package redirect brings programs that have a server's address built in to
// another server: a forwarding proxy on this machine takes over a few hosts,
// with certificates of an authority that is made for the run, and lets
// everything else pass.
//
// It promises: only the hosts named are taken over; the authority's own
// certificate forbids it to sign for others, and its key never leaves the
// process; what passes is not looked at; with Offline nothing passes, nor does
// it where other machines can reach the proxy; everything listens on 127.0.0.1
// unless another address is asked for. It does not make programs use the proxy:
// that is what the environment of Trust is for, as far as they heed it.
package redirect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say what is taken over, and by whom it is answered.
type Options struct {
	// Hosts are the names that are taken over, without ports; at least one.
	Hosts []string
	// Handler answers what is sent to them, over HTTP and HTTPS.
	Handler http.Handler
	// Listen is the address of the proxy; "" is a free port of 127.0.0.1. What
	// speaks TLS without a proxy in front takes a free port beside it. On an
	// address that is not this machine's own the proxy is Offline, so that it is
	// nobody's way out.
	Listen string
	// Authority signs for the hosts; nil makes one.
	Authority *Authority
	// Offline refuses what is sent anywhere else.
	Offline bool
	// Upstream is the proxy by which other hosts are reached; nil reaches them
	// directly. http.ProxyFromEnvironment is one.
	Upstream func(*http.Request) (*url.URL, error)
	// Logger gets a line for what passes and what is refused; nil drops it.
	Logger *slog.Logger
}

// A Proxy takes over hosts until it is closed.
type Proxy struct {
	options   Options
	authority *Authority
	server    *http.Server // speaks to clients of the proxy
	secure    *http.Server // speaks TLS for the hosts taken over
	inner     *handover
	url       *url.URL
	direct    net.Listener // TLS without a proxy in front
	outside   *httputil.ReverseProxy
	open      context.Context // ends with the proxy
	cut       context.CancelFunc
	ended     sync.WaitGroup
}

const (
	headerTimeout = 10 * time.Second
	dialTimeout   = 30 * time.Second
)

// Start opens the proxy. Close it.
func Start(ctx context.Context, o Options) (*Proxy, error) {
	if len(o.Hosts) == 0 || o.Handler == nil {
		return nil, errors.New("redirect: want hosts and a handler for them")
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Authority == nil {
		var err error
		if o.Authority, err = NewAuthority(o.Hosts); err != nil {
			return nil, fmt.Errorf("redirect: %w", err)
		}
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("redirect: %w", err)
	}
	p := &Proxy{options: o, authority: o.Authority}
	p.open, p.cut = context.WithCancel(context.Background())
	front, err := listen(ctx, o.Listen)
	if err != nil {
		return nil, fmt.Errorf("redirect: %w", err)
	}
	if at, ok := front.Addr().(*net.TCPAddr); !ok || !at.IP.IsLoopback() {
		p.options.Offline = true
	}
	if p.direct, err = listen(ctx, net.JoinHostPort(host, "0")); err != nil {
		return nil, errors.Join(fmt.Errorf("redirect: %w", err), front.Close())
	}
	p.url = &url.URL{Scheme: "http", Host: front.Addr().String()}
	p.inner = newHandover(front.Addr())
	p.outside = &httputil.ReverseProxy{
		Rewrite:   func(*httputil.ProxyRequest) {},
		Transport: &http.Transport{Proxy: o.Upstream, DisableCompression: true},
		ErrorLog:  slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
	quiet := slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug)
	p.server = &http.Server{Handler: http.HandlerFunc(p.serve), ReadHeaderTimeout: headerTimeout, ErrorLog: quiet}
	p.secure = &http.Server{
		Handler: o.Handler, ReadHeaderTimeout: headerTimeout, ErrorLog: quiet,
		TLSConfig: o.Authority.Config(),
	}
	for _, run := range []func() error{
		func() error { return p.server.Serve(front) },
		func() error { return p.secure.ServeTLS(p.inner, "", "") },
		func() error { return p.secure.ServeTLS(p.direct, "", "") },
	} {
		p.ended.Go(func() {
			if err := run(); !errors.Is(err, http.ErrServerClosed) {
				o.Logger.Error("the proxy ended", "err", err)
			}
		})
	}
	return p, nil
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", address)
}

// Access is what programs need to know of the proxy.
func (p *Proxy) Access() Access {
	return Access{Proxy: p.url.Host, Direct: p.Direct(), Hosts: slices.Clone(p.options.Hosts), Certificate: p.authority.PEM()}
}

// Trust is that of Access.
func (p *Proxy) Trust(dir string, environ []string) ([]string, error) {
	return p.Access().Trust(dir, environ)
}

// URL is the address of the proxy.
func (p *Proxy) URL() *url.URL { u := *p.url; return &u }

// Direct is the address, host:port, that speaks TLS for the hosts taken over
// without a proxy in front, for programs that cannot use one.
func (p *Proxy) Direct() string { return p.direct.Addr().String() }

// Close ends the proxy and what goes through it.
func (p *Proxy) Close() error {
	p.cut()
	err := errors.Join(p.server.Close(), p.secure.Close(), p.inner.Close())
	p.ended.Wait()
	return err
}

// taken reports whether a host is one of those taken over.
func (p *Proxy) taken(host string) bool {
	return slices.ContainsFunc(p.options.Hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// serve takes one request of a client that knows it speaks to a proxy.
func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	switch {
	case r.Method != http.MethodConnect && !r.URL.IsAbs():
		http.Error(w, "emu: this is a proxy; send it requests for "+strings.Join(p.options.Hosts, ", ")+" as to a proxy", http.StatusBadRequest)
	case r.Method != http.MethodConnect && p.taken(host):
		p.options.Handler.ServeHTTP(w, r)
	case r.Method == http.MethodConnect && p.taken(host):
		p.tunnel(w, r, func(client net.Conn) { p.inner.hand(client) })
	case p.options.Offline:
		p.options.Logger.Info("refused", "host", r.Host)
		http.Error(w, "emu: "+r.Host+" is refused: only the platform's hosts are answered while offline", http.StatusForbidden)
	case r.Method == http.MethodConnect:
		p.pass(w, r)
	default:
		p.options.Logger.Debug("passed on", "host", r.Host)
		p.outside.ServeHTTP(w, r)
	}
}

// tunnel takes a client's connection and hands it on.
func (p *Proxy) tunnel(w http.ResponseWriter, r *http.Request, on func(net.Conn)) {
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "emu: the connection cannot be taken over", http.StatusInternalServerError)
		return
	}
	if buffered.Reader.Buffered() > 0 { // it spoke before it was told to
		_ = client.Close()
		return
	}
	if _, err := client.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
		p.options.Logger.Debug("the client is gone", "host", r.Host, "err", err)
		_ = client.Close()
		return
	}
	on(client)
}
