package emutarget_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/contracttest/emutarget"
	"github.com/swanemu/emu/emulator"
)

// TestEmulator checks an emulator that asks for an admin token, over TCP.
func TestEmulator(t *testing.T) {
	em, err := emulator.New(t.Context(), emulator.Options{Strict: true, AdminToken: "open sesame"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(em)
	t.Cleanup(func() {
		server.Close()
		if err := em.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if _, err := emutarget.Open(t.Context(), emutarget.Options{URL: server.URL}); err == nil || !strings.Contains(err.Error(), "admin token") {
		t.Errorf("without the token: %v", err)
	}
	o := emutarget.Options{URL: server.URL, AdminToken: "open sesame", Sandbox: "mine", Seed: 3}
	if is, err := emutarget.Is(t.Context(), o); !is || err != nil {
		t.Errorf("it is an emulator: %t, %v", is, err)
	}
	box, err := emutarget.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !box.Local() || box.Sandbox() != "mine" {
		t.Errorf("local %t, sandbox %s", box.Local(), box.Sandbox())
	}
	r, err := contracttest.Verify(t.Context(), box.Target(), contracttest.Options{Checks: []string{"push", "kafka", "lifecycle.gate"}})
	if err != nil || r.Err() != nil || r.Count(contracttest.NotRun) > 0 {
		t.Errorf("%v, %v, %v", err, r.Err(), r.Missing())
	}
	if r.Asked["kafka.count"] == 0 || r.Asked["kafka.key"] != 0 {
		t.Errorf("the control API tells notices without keys: %v", r.Asked)
	}
	if err := box.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if em.Sandbox("mine") != nil {
		t.Error("the sandbox is still there")
	}
}

// TestUnheard has pushes that do not get here.
func TestUnheard(t *testing.T) {
	em, err := emulator.New(t.Context(), emulator.Options{Egress: emulator.Egress{Mode: emulator.EgressPublic}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(em)
	t.Cleanup(func() {
		server.Close()
		if err := em.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	box, err := emutarget.Open(t.Context(), emutarget.Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := box.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	target := box.Target()
	if target.Pushes != nil || !strings.Contains(target.Lacks[contracttest.NeedPushes], "do not get here") {
		t.Errorf("pushes %v, lacks %v", target.Pushes, target.Lacks)
	}
}

// TestNoEmulator finds something else there, and nothing.
func TestNoEmulator(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	if is, err := emutarget.Is(t.Context(), emutarget.Options{URL: server.URL}); is || err != nil {
		t.Errorf("something else: %t, %v", is, err)
	}
	if _, err := emutarget.Open(t.Context(), emutarget.Options{URL: server.URL}); err == nil || !strings.Contains(err.Error(), "is this an emulator?") {
		t.Errorf("open something else: %v", err)
	}
	server.Close()
	if _, err := emutarget.Is(t.Context(), emutarget.Options{URL: server.URL}); !errors.Is(err, contracttest.ErrUnreachable) {
		t.Errorf("nobody there: %v", err)
	}
}
