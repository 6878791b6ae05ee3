package emulator_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/swanemu/emu/emulator"
)

func TestControlAccessFromThisMachine(t *testing.T) {
	e := newEmulator(t, func(o *emulator.Options) { o.AdminOpen = false })
	for name, c := range map[string]struct {
		remote, host, local string
		header              [2]string
		status              int
	}{
		"loopback":                 {remote: "127.0.0.1:5000", host: "127.0.0.1:8080", status: 200},
		"loopback by name":         {remote: "127.0.0.1:5000", host: "LocalHost:8080", status: 200},
		"loopback by a name below": {remote: "127.0.0.1:5000", host: "emu.localhost", status: 200},
		"loopback, version 6":      {remote: "[::1]:5000", host: "[::1]:8080", status: 200},
		"mapped":                   {remote: "[::ffff:127.0.0.1]:5000", host: "[::1]", status: 200},
		"no host":                  {remote: "127.0.0.1:5000", status: 200},
		"its own address":          {remote: "127.0.0.1:5000", host: "10.0.0.7:8080", local: "10.0.0.7:8080", status: 200},
		"another address":          {remote: "127.0.0.1:5000", host: "10.0.0.8:8080", local: "10.0.0.7:8080", status: 403},
		"its own page":             {remote: "127.0.0.1:5000", host: "localhost:8080", header: [2]string{"Origin", "http://localhost:8080"}, status: 200},
		"another machine":          {remote: "192.0.2.1:5000", host: "127.0.0.1:8080", status: 403},
		"a name that was rebound":  {remote: "127.0.0.1:5000", host: "evil.example:8080", status: 403},
		"a platform host":          {remote: "127.0.0.1:5000", host: "openapi.baidu.com", status: 403},
		"a proxy":                  {remote: "127.0.0.1:5000", host: "localhost", header: [2]string{"X-Forwarded-For", "192.0.2.1"}, status: 403},
		"a proxy by the book":      {remote: "127.0.0.1:5000", host: "localhost", header: [2]string{"Forwarded", "for=192.0.2.1"}, status: 403},
		"a page of another site":   {remote: "127.0.0.1:5000", host: "localhost", header: [2]string{"Origin", "https://evil.example"}, status: 403},
		"a page of another port":   {remote: "127.0.0.1:5000", host: "localhost:8080", header: [2]string{"Origin", "http://localhost:3000"}, status: 403},
		"a page without an origin": {remote: "127.0.0.1:5000", host: "localhost", header: [2]string{"Origin", "null"}, status: 403},
		"no address":               {remote: "", host: "localhost", status: 403},
	} {
		r := httptest.NewRequest("GET", "/_emu/sandboxes", nil)
		r.RemoteAddr, r.Host = c.remote, c.host
		if c.header[0] != "" {
			r.Header.Set(c.header[0], c.header[1])
		}
		if c.local != "" {
			addr, err := net.ResolveTCPAddr("tcp", c.local)
			if err != nil {
				t.Fatal(err)
			}
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, addr))
		}
		a := serve(e, r)
		if a.status != c.status {
			t.Errorf("%s: %d %s, want %d", name, a.status, a.body, c.status)
		}
		if c.status == 403 && !strings.Contains(string(a.body), "--admin-open") {
			t.Errorf("%s: the answer does not say how to open the API: %s", name, a.body)
		}
		r.URL.Path = "/_emu/ready"
		if a := serve(e, r); a.status != 200 {
			t.Errorf("%s: ready %d", name, a.status)
		}
	}
}

func TestControlAccessByToken(t *testing.T) {
	e := newEmulator(t, func(o *emulator.Options) { o.AdminToken = "top secret" })
	asks := func(method, path, token, body string) answer {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.RemoteAddr, r.Host = "192.0.2.1:5000", "example.com"
		if body != "" {
			r.Header.Set("Content-Type", jsonType)
		}
		if token != "" {
			r.Header.Set("Authorization", token)
		}
		return serve(e, r)
	}
	for _, token := range []string{"", "Bearer", "Bearer wrong", "Basic top secret", "Bearer top secre", "top secret"} {
		a := asks("GET", "/_emu/sandboxes", token, "")
		if a.status != 401 || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") || strings.Contains(string(a.body), "top sec") {
			t.Errorf("token %q: %d %v %s", token, a.status, a.header, a.body)
		}
	}
	// Nobody learns without a token what there is.
	if a := asks("GET", "/_emu/nothing", "", ""); a.status != 401 {
		t.Errorf("an unknown path: %d", a.status)
	}
	for _, path := range []string{"/_emu/health", "/_emu/ready"} {
		if a := asks("GET", path, "", ""); a.status != 200 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	type created struct {
		Sandbox    string `json:"sandbox"`
		AdminToken string `json:"admin_token"`
	}
	var one, two created
	asks("POST", "/_emu/sandboxes", "Bearer top secret", `{"name":"one"}`).into(t, &one)
	asks("POST", "/_emu/sandboxes", "bearer  top secret", `{"name":"two"}`).into(t, &two)
	if len(one.AdminToken) != 64 || one.AdminToken == two.AdminToken {
		t.Errorf("tokens of sandboxes: %+v %+v", one, two)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/_emu/sandboxes/one", "", 200},
		{"POST", "/_emu/sandboxes/one/apps", `{"app_id":5}`, 201},
		{"GET", "/_emu/sandboxes/one/jurnal", "", 404},
		{"GET", "/_emu/sandboxes/one/apps?sandbox=two", "", 400},
		{"POST", "/_emu/sandboxes/one/apps", `{"sandbox":"two"}`, 400},
		{"GET", "/_emu/sandboxes/two", "", 401},
		{"GET", "/_emu/sandboxes/one%2F..%2Ftwo", "", 401},
		{"GET", "/_emu/sandboxes", "", 401},
		{"POST", "/_emu/sandboxes", "", 401},
		{"GET", "/_emu/admin.yaml", "", 401},
		{"POST", "/_emu/sandboxes/one/reset", "", 200},
		{"DELETE", "/_emu/sandboxes/one", "", 204},
		{"GET", "/_emu/sandboxes/one", "", 404},
	} {
		a := asks(c.method, c.path, "Bearer "+one.AdminToken, c.body)
		if a.status != c.status {
			t.Errorf("%s %s with the token of one: %d %s, want %d", c.method, c.path, a.status, a.body, c.status)
		}
		if strings.Contains(string(a.body), `"two"`) {
			t.Errorf("%s %s tells of another sandbox: %s", c.method, c.path, a.body)
		}
	}
	if a := asks("GET", "/_emu/sandboxes/one/", "Bearer "+one.AdminToken, ""); a.status != 404 {
		t.Errorf("a slash at the end: %d", a.status)
	}
}
