package emulator_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/swanemu/emu/emulator"
)

// TestControlSetup asks where the emulator is found; it tells what it was told.
func TestControlSetup(t *testing.T) {
	e := newEmulator(t, func(o *emulator.Options) { o.Version = "1.2.3" })
	if got := must[fields](t, e, "GET", "/_emu/setup", ""); len(got) != 1 || got["version"] != "1.2.3" {
		t.Errorf("with nothing around it: %v", got)
	}
	e = newEmulator(t, func(o *emulator.Options) {
		o.Setup = emulator.Setup{
			Listen: "127.0.0.1:1",
			Proxy:  &emulator.SetupProxy{URL: "http://127.0.0.1:2", Direct: "127.0.0.1:3", Hosts: []string{"a.example"}, Certificate: "pem"},
			TLS:    &emulator.SetupTLS{URL: "https://127.0.0.1:4"},
		}
	})
	got := must[emulator.Setup](t, e, "GET", "/_emu/setup", "")
	if got.Listen != "127.0.0.1:1" || got.Proxy == nil || got.Proxy.Direct != "127.0.0.1:3" || got.TLS == nil || got.TLS.Certificate != "" {
		t.Errorf("setup: %+v", got)
	}
}

// TestControlProbe asks addresses from where the emulator is.
func TestControlProbe(t *testing.T) {
	var methods []string
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		methods = append(methods, r.Method)
		w.WriteHeader(http.StatusMethodNotAllowed)
	}))
	defer there.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	e := newEmulator(t, nil)
	get(e, pathPackages) // something is journaled
	before := len(must[struct{ Entries []any }](t, e, "GET", box+"/journal", "").Entries)
	if before == 0 {
		t.Fatal("the journal is not read")
	}
	if got := must[fields](t, e, "POST", "/_emu/probe", `{"url":"`+there.URL+`"}`); got["reached"] != true || got["status"] != 405.0 {
		t.Errorf("a server that answers: %v", got)
	}
	got := must[fields](t, e, "POST", "/_emu/probe", `{"url":"`+gone.URL+`"}`)
	if why, _ := got["error"].(string); got["reached"] != false || !strings.Contains(why, "refused") {
		t.Errorf("a server that is gone: %v", got)
	}
	if got := must[fields](t, e, "POST", "/_emu/probe", `{"url":"ftp://x"}`); got["reached"] != false || got["error"] == "" {
		t.Errorf("no web address: %v", got)
	}
	refused(t, e, 400, "POST", "/_emu/probe", `{}`)
	if len(methods) != 1 || methods[0] != "GET" {
		t.Errorf("the server was asked with %v", methods)
	}
	if after := len(must[struct{ Entries []any }](t, e, "GET", box+"/journal", "").Entries); after != before {
		t.Errorf("the journal has %d entries more", after-before)
	}
	guarded := newEmulator(t, func(o *emulator.Options) { o.Egress = emulator.Egress{Mode: emulator.EgressPublic} })
	got = must[fields](t, guarded, "POST", "/_emu/probe", `{"url":"`+there.URL+`"}`)
	if why, _ := got["error"].(string); got["reached"] != false || !strings.Contains(why, "egress") {
		t.Errorf("against the rules of egress: %v", got)
	}
}
