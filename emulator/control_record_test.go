package emulator_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

// clockEntries are the entries that tell how time was moved, without their
// numbers.
func clockEntries(t *testing.T, e *emulator.Emulator) []string {
	t.Helper()
	var out []string
	for _, entry := range e.Sandbox(emulator.DefaultSandbox).Journal(0, 1000) {
		d, ok := entry.Detail.(*emulator.ClockDetail)
		if !ok {
			continue
		}
		if entry.Kind != emulator.KindClock || entry.At.Format(time.TimeOnly) == "" {
			t.Errorf("entry %d is of kind %s", entry.Seq, entry.Kind)
		}
		out = append(out, fmt.Sprintf("%s %s %s", d.From[11:19], d.To[11:19], d.Mode))
	}
	return out
}

// TestClockEntries moves time in every way: each order that does something
// leaves an entry, before what it brings about, and a restart keeps them.
func TestClockEntries(t *testing.T) {
	dir := t.TempDir()
	e, _ := open(t, dir, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	post(e, pathUpload, "access_token", c.Authorizer.AccessToken, "template_id", "1", "ext_json", "{}", "user_version", "1", "user_desc", "d")
	advance(t, s, time.Hour)
	advance(t, s, 0)
	order(t, e, "POST", "/_emu/sandboxes/default/settle", map[string]any{}, nil)
	order(t, e, "POST", "/_emu/sandboxes/default/clock/advance", map[string]any{"to": "2026-01-05T12:00:00+08:00"}, nil)
	// A wait for an answer moves time without an order.
	order(t, e, "POST", "/_emu/sandboxes/default/faults", map[string]any{"on": "call", "do": "latency", "delay": "1m"}, nil)
	get(e, pathList, "access_token", c.Authorizer.AccessToken)
	order(t, e, "POST", "/_emu/sandboxes/default/clock/rate", map[string]any{"mode": "x0.000001"}, nil)
	order(t, e, "POST", "/_emu/sandboxes/default/clock/freeze", nil, nil)
	want := []string{"09:00:00 10:00:00 ", "10:00:00 12:00:00 ", "12:01:00 12:01:00 x0.000001", "12:01:00 12:01:00 virtual"}
	if diff := cmp.Diff(want, clockEntries(t, e)); diff != "" {
		t.Errorf("the clock's entries (-want +got):\n%s", diff)
	}
	var kinds []string
	for _, entry := range s.Journal(2, 3) {
		kinds = append(kinds, entry.Kind)
	}
	if diff := cmp.Diff([]string{"transition", "clock", "transition"}, kinds); diff != "" {
		t.Errorf("after the upload (-want +got):\n%s", diff)
	}
	again, _ := open(t, killed(t, dir), nil)
	if diff := cmp.Diff(want, clockEntries(t, again)); diff != "" {
		t.Errorf("the clock's entries after a restart (-want +got):\n%s", diff)
	}
}

// TestReadRecording reads a journal as a recorder does: in pages, with what was
// sent and answered, and with the config of the beginning.
func TestReadRecording(t *testing.T) {
	e := newEmulator(t, func(o *emulator.Options) { o.Delays.Upload, o.PushAttempts = time.Minute, 3 })
	c := credentials(t, e.Sandbox(emulator.DefaultSandbox))
	order(t, e, "PATCH", "/_emu/sandboxes/default/config", map[string]any{"upload_delay": "2h"}, nil)
	get(e, pathList, "access_token", c.Authorizer.AccessToken)
	get(e, "/nowhere")
	type recording struct {
		Origin, Usual map[string]any
		Entries       []struct {
			Entry  json.RawMessage
			Params []struct {
				Name, In string
				Value    any
			}
			Answer any
			Odd    string
		}
		Last, Oldest int64
	}
	var first, rest recording
	order(t, e, "GET", "/_emu/sandboxes/default/recording?limit=3", nil, &first)
	order(t, e, "GET", "/_emu/sandboxes/default/recording?after=3", nil, &rest)
	if len(first.Entries) != 3 || first.Last != 3 || first.Oldest != 1 || len(rest.Entries) != 1 || rest.Last != 4 {
		t.Fatalf("pages of %d and %d entries, %d and %d the last", len(first.Entries), len(rest.Entries), first.Last, rest.Last)
	}
	if first.Origin["upload_delay"] != "1m" || first.Usual["upload_delay"] == "1m" || first.Origin["push_attempts"] != 3.0 || first.Usual["push_attempts"] != 16.0 {
		t.Errorf("the beginning is %v, an emulator's usual one %v", first.Origin, first.Usual)
	}
	call := first.Entries[2]
	if len(call.Params) != 1 || call.Params[0].Name != "access_token" || call.Params[0].In != "query" ||
		call.Params[0].Value != c.Authorizer.AccessToken || call.Answer == nil || call.Odd != "" {
		t.Errorf("the call is %+v", call)
	}
	if strings.Contains(string(call.Entry), c.Authorizer.AccessToken) {
		t.Error("the entry itself has a token in it")
	}
	if change := first.Entries[1]; len(change.Params) != 2 || change.Answer == nil {
		t.Errorf("the order is %+v", change)
	}
	if rest.Entries[0].Odd == "" {
		t.Error("nothing says that a request had no operation")
	}
}
