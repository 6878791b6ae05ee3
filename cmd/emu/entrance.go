package main

import (
	"context"
	"net/http"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/internal/platform"
	"github.com/swanemu/emu/internal/redirect"
)

// What stands in front of the emulator for clients that cannot be given its
// address: a proxy that takes the platform's hosts over, and HTTPS.

// A lateHandler is a handler that comes later; requests wait for it.
type lateHandler struct {
	there chan struct{}
	next  http.Handler
}

func newLateHandler() *lateHandler { return &lateHandler{there: make(chan struct{})} }

// come is called once, with the handler.
func (l *lateHandler) come(h http.Handler) {
	l.next = h
	close(l.there)
}

// ServeHTTP hands the request on as soon as that is possible.
func (l *lateHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case <-l.there:
		l.next.ServeHTTP(w, r)
	case <-r.Context().Done():
	}
}

// openEntrances opens what the settings ask for. The emulator is made after it,
// because it tells clients of it.
func (s *server) openEntrances(ctx context.Context) (emulator.Setup, error) {
	setup := emulator.Setup{Listen: s.listener.Addr().String()}
	var authority *redirect.Authority // of the proxy and of HTTPS, where both are there
	if s.settings.speaksTLS() {
		var err error
		if setup.TLS, authority, err = s.openTLS(ctx); err != nil {
			return setup, err
		}
	}
	if s.settings.Proxy != "" {
		var err error
		s.proxy, err = redirect.Start(ctx, redirect.Options{
			Hosts: platform.Hosts(), Handler: s.late, Listen: s.settings.Proxy, Authority: authority, Offline: s.settings.offline,
			Upstream: http.ProxyFromEnvironment, Logger: s.log,
		})
		if err != nil {
			return setup, hintPort(err, "--proxy")
		}
		s.onStop("the proxy", func(context.Context) error { return s.proxy.Close() })
		access := s.proxy.Access()
		setup.Proxy = &emulator.SetupProxy{
			URL: s.proxy.URL().String(), Direct: access.Direct, Hosts: access.Hosts, Certificate: string(access.Certificate),
		}
	}
	return setup, nil
}
