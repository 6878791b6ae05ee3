package redirect

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/swanemu/emu/internal/clock"
)

// pass connects a client to a host that is not taken over and looks at nothing
// that goes through.
func (p *Proxy) pass(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := clock.Timeout(r.Context(), dialTimeout)
	server, err := p.dial(ctx, r)
	cancel()
	if err != nil {
		p.options.Logger.Info("not reached", "host", r.Host, "err", err)
		http.Error(w, "emu: "+r.Host+" cannot be reached: "+err.Error(), http.StatusBadGateway)
		return
	}
	p.options.Logger.Debug("passed on", "host", r.Host)
	p.tunnel(w, r, func(client net.Conn) {
		defer client.Close() //nolint:errcheck // nothing is lost with it
		defer server.Close() //nolint:errcheck // nothing is lost with it
		stop := context.AfterFunc(p.open, func() { _, _ = client.Close(), server.Close() })
		defer stop()
		done := make(chan struct{}, 2)
		carry := func(to, from net.Conn) {
			_, _ = io.Copy(to, from)
			if half, ok := to.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
			done <- struct{}{}
		}
		go carry(server, client)
		go carry(client, server)
		<-done
		<-done
	})
}

// dial reaches the host of a CONNECT, through the upstream proxy where there
// is one.
func (p *Proxy) dial(ctx context.Context, r *http.Request) (net.Conn, error) {
	var upstream *url.URL
	if p.options.Upstream != nil {
		target := &http.Request{URL: &url.URL{Scheme: "https", Host: r.Host}}
		var err error
		if upstream, err = p.options.Upstream(target); err != nil {
			return nil, err
		}
	}
	if upstream == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", r.Host)
	}
	if upstream.Scheme != "http" {
		return nil, fmt.Errorf("the proxy before this one is a %s proxy; only http proxies are used", upstream.Scheme)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", upstream.Host)
	if err != nil {
		return nil, fmt.Errorf("the proxy before this one: %w", err)
	}
	ask := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: r.Host}, Host: r.Host, Header: http.Header{}}
	if password, ok := upstream.User.Password(); ok {
		basic := &http.Request{Header: http.Header{}}
		basic.SetBasicAuth(upstream.User.Username(), password)
		ask.Header.Set("Proxy-Authorization", basic.Header.Get("Authorization"))
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := ask.Write(conn); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("the proxy before this one: %w", err)
	}
	answer, err := http.ReadResponse(bufio.NewReaderSize(conn, 1), ask)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("the proxy before this one: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		_ = conn.Close()
		return nil, fmt.Errorf("the proxy before this one answers %s", answer.Status)
	}
	return conn, nil
}
