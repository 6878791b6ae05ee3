package emulator_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/swanemu/emu/emulator"
)

// TestControlStoreFull has every order fail that cannot be kept, and nothing
// changed by it.
func TestControlStoreFull(t *testing.T) {
	kept := newMemory()
	e := newEmulator(t, func(o *emulator.Options) { o.Store = kept })
	must[fields](t, e, "POST", "/_emu/sandboxes", `{"name":"a"}`)
	c := must[emulator.Credentials](t, e, "POST", "/_emu/sandboxes/a/credentials", "")
	state := ask(e, "GET", "/_emu/sandboxes/a/state", "").body
	kept.fill(true)
	for _, order := range [][3]string{
		{"POST", "/_emu/sandboxes", `{"name":"b"}`},
		{"POST", "/_emu/sandboxes/a/reset", ""},
		{"PUT", "/_emu/sandboxes/a/state", string(state)},
		{"DELETE", "/_emu/sandboxes/a", ""},
		{"POST", "/_emu/sandboxes/a/apps", ""},
		{"POST", "/_emu/sandboxes/a/credentials", ""},
	} {
		if p := refused(t, e, 500, order[0], order[1], order[2]); !strings.Contains(p.Detail, errFull.Error()) {
			t.Errorf("%s %s: %+v", order[0], order[1], p)
		}
	}
	if after := ask(e, "GET", "/_emu/sandboxes/a/state", "").body; !bytes.Equal(state, after) {
		t.Error("orders that failed have changed the sandbox")
	}
	if a := get(e, pathList, "access_token", c.Authorizer.AccessToken); a.code() != 0 {
		t.Errorf("orders that failed have cost the sandbox its credentials: %s", a.body)
	}
	kept.fill(false)
	must[fields](t, e, "POST", "/_emu/sandboxes", `{"name":"b"}`)
	must[fields](t, e, "POST", "/_emu/sandboxes/a/reset", "")
	must[fields](t, e, "DELETE", "/_emu/sandboxes/a", "")
}

func TestReplaceSandboxes(t *testing.T) {
	e := newEmulator(t, nil)
	if err := e.DeleteSandbox(emulator.DefaultSandbox); !errors.Is(err, emulator.ErrDefaultSandbox) {
		t.Errorf("delete the default sandbox: %v", err)
	}
	if err := e.DeleteSandbox("none"); err == nil {
		t.Error("delete what is not there")
	}
	if _, err := e.ResetSandbox("none"); err == nil {
		t.Error("reset what is not there")
	}
	s, err := e.CreateSandbox("a", emulator.SandboxOptions{Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	state, err := s.Export()
	if err != nil {
		t.Fatal(err)
	}
	again, err := e.ImportSandbox("a", state)
	if err != nil || again == s || again != e.Sandbox("a") {
		t.Fatalf("import: %v", err)
	}
	if _, err := s.Advance(t.Context(), 0); err == nil {
		t.Error("the sandbox that was there is not closed")
	}
	if _, err := e.ImportSandbox("a", []byte("{")); err == nil {
		t.Error("import what is no state")
	}
	if _, err := e.ResetSandbox("a"); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.ResetSandbox("a"); err == nil {
		t.Error("reset after the end")
	}
	if err := e.DeleteSandbox("a"); err == nil {
		t.Error("delete after the end")
	}
	refused(t, e, 503, "POST", "/_emu/sandboxes/a/reset", "")
	refused(t, e, 503, "GET", "/_emu/sandboxes/a", "")
	if a := ask(e, "GET", "/_emu/ready", ""); a.status != 503 {
		t.Errorf("ready after the end: %d %s", a.status, a.body)
	}
}

// TestControlAtOnce resets, imports and uses a sandbox from many sides; the
// race detector watches. Every request gets an answer that the platform or the
// control API has.
func TestControlAtOnce(t *testing.T) {
	inbound := newReceiver(t)
	e := newEmulator(t, func(o *emulator.Options) { o.Clock.Mode = "x1000"; o.Broker = &recorder{} })
	url := inbound.open("tp", strings.Repeat("A", 43), "T", 17328232)
	state := string(ask(e, "GET", box+"/state", "").body)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for n := range 15 {
				var answers []answer
				switch i {
				case 0:
					answers = append(answers, ask(e, "POST", box+"/reset", ""))
				case 1:
					answers = append(answers, ask(e, "PUT", box+"/state", state))
				case 2:
					name := fmt.Sprintf("/_emu/sandboxes/x%d", n)
					answers = append(answers, ask(e, "POST", "/_emu/sandboxes", fmt.Sprintf(`{"name":"x%d"}`, n)), ask(e, "DELETE", name, ""))
				case 3:
					answers = append(answers, ask(e, "PATCH", box+"/tps/17328232", `{"push_url":"`+url+`","authorization_url":"`+url+`"}`),
						ask(e, "POST", box+"/clock/advance", `{"by":"10m"}`))
				case 4:
					var c emulator.Credentials
					if a := ask(e, "POST", box+"/credentials", ""); a.status == 200 {
						a.into(t, &c)
					}
					answers = append(answers, get(e, pathList, "access_token", c.Authorizer.AccessToken),
						post(e, pathUpload, "access_token", c.Authorizer.AccessToken, "template_id", "1", "ext_json", "{}", "user_version", "1", "user_desc", "x"))
				case 5:
					answers = append(answers, ask(e, "GET", "/_emu/sandboxes", ""), ask(e, "GET", box+"/journal", ""), ask(e, "GET", box+"/deliveries", ""))
				}
				for _, a := range answers {
					if a.status == 500 || a.status == 0 {
						t.Errorf("%d: %d %s", i, a.status, a.body)
					}
				}
			}
		})
	}
	wg.Wait()
}
