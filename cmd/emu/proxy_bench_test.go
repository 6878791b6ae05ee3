package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/swanemu/emu/emulator"
)

// BenchmarkProxy compares a list of packages from an emulator with the same
// through a proxy that judges it, and with a recording besides.
func BenchmarkProxy(b *testing.B) {
	em, err := emulator.New(b.Context(), emulator.Options{Clock: emulator.Clock{Mode: "virtual"}})
	if err != nil {
		b.Fatal(err)
	}
	defer em.Close(context.Background()) //nolint:errcheck // nothing is lost with it
	server := httptest.NewServer(em)
	defer server.Close()
	const path = "/rest/2.0/smartapp/package/get?access_token=45.notknown"
	ask := func(b *testing.B, url string) {
		c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
		defer c.CloseIdleConnections()
		for b.Loop() {
			res, err := c.Get(url + path)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				b.Fatal(err)
			}
			_ = res.Body.Close()
		}
	}
	b.Run("direct", func(b *testing.B) { ask(b, server.URL) })
	b.Run("proxy", func(b *testing.B) {
		p := startProxy(b, proxyFlags{upstream: server.URL, quiet: true})
		ask(b, p.url)
	})
	b.Run("proxy with har", func(b *testing.B) {
		p := startProxy(b, proxyFlags{upstream: server.URL, quiet: true, har: b.TempDir() + "/x.har"})
		ask(b, p.url)
	})
	b.Run("bare proxy", func(b *testing.B) {
		u, err := url.Parse(server.URL)
		if err != nil {
			b.Fatal(err)
		}
		r := &relay{upstream: u, limit: 1 << 20, tell: func(passed) {}}
		r.start()
		defer r.stop()
		bare := httptest.NewServer(r)
		defer bare.Close()
		ask(b, bare.URL)
	})
}
