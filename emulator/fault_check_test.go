package emulator_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/swanemu/emu/emulator"
)

// Faults that are refused, over the control API and in imported states.

func TestFaultsAreRefused(t *testing.T) {
	e := newEmulator(t, nil)
	for _, c := range []struct {
		fault, pointer string
		nearest        []string
	}{
		{`{"do":"drop"}`, "/on", nil},
		{`{"on":"call"}`, "/do", nil},
		{`{"on":"calls","do":"reset"}`, "/on", nil},
		{`{"on":"push","do":"dublicate"}`, "/do", []string{"duplicate"}},
		{`{"on":"call","do":"refsue"}`, "/do", []string{"refuse"}},
		{`{"on":"kafka","do":"timeout"}`, "/do", []string{"drop", "delay", "duplicate", "reorder"}},
		{`{"on":"call","do":"drop"}`, "/do", nil},
		{`{"on":"call","do":"reset","operation":"relasePackage"}`, "/operation", []string{"releasePackage"}},
		{`{"on":"push","do":"drop","operation":"releasePackage"}`, "/operation", nil},
		{`{"on":"push","do":"drop","event":"PACKAGE_AUDIT_PAS"}`, "/event", []string{"PACKAGE_AUDIT_PASS"}},
		{`{"on":"push","do":"drop","event":"PACKAGE_CHANGED"}`, "/event", []string{"PACKAGE_AUDIT_PASS", "PACKAGE_AUDIT_FAIL", "TICKET"}},
		{`{"on":"kafka","do":"drop","event":"TICKET"}`, "/event", []string{"PACKAGE_CHANGED", "APP_CHANGED"}},
		{`{"on":"call","do":"reset","event":"PACKAGE_CHANGED"}`, "/event", nil},
		{`{"on":"call","do":"reset","transition":"audit_pass"}`, "/transition", nil},
		{`{"on":"push","do":"drop","transition":"audit_pas"}`, "/transition", []string{"audit_pass"}},
		{`{"on":"push","do":"drop","transition":"supersede"}`, "/transition", nil}, // emits nothing
		{`{"on":"call","do":"reset","app_id":1452366}`, "/app_id", []string{"1452365"}},
		{`{"on":"call","do":"refuse"}`, "/error", nil},
		{`{"on":"call","do":"refuse","error":"NetworkBussy"}`, "/error", []string{"NetworkBusy"}},
		{`{"on":"call","do":"reset","error":"NetworkBusy"}`, "/error", nil},
		{`{"on":"call","do":"status"}`, "/status", nil},
		{`{"on":"call","do":"status","status":99}`, "/status", nil},
		{`{"on":"call","do":"status","status":600}`, "/status", nil},
		{`{"on":"call","do":"reset","status":502}`, "/status", nil},
		{`{"on":"call","do":"latency"}`, "/delay", nil},
		{`{"on":"push","do":"delay"}`, "/delay", nil},
		{`{"on":"push","do":"delay","delay":"soon"}`, "/delay", nil},
		{`{"on":"push","do":"delay","delay":"-1s"}`, "/delay", nil},
		{`{"on":"push","do":"drop","delay":"1s"}`, "/delay", nil},
		{`{"on":"call","do":"latency","delay":"2s","delay_max":"1s"}`, "/delay_max", nil},
		{`{"on":"call","do":"latency","delay":"2s","distribution":"normal"}`, "/distribution", nil},
		{`{"on":"call","do":"latency","delay":"2s","delay_max":"3s","distribution":"gauss"}`, "/distribution", nil},
		{`{"on":"call","do":"reset","nth":0}`, "/nth", nil},
		{`{"on":"call","do":"reset","times":0}`, "/times", nil},
		{`{"on":"call","do":"reset","times":-2}`, "/times", nil},
		{`{"on":"push","do":"drop","applied":true}`, "/applied", nil},
		{`{"on":"push","do":"drop","opration":"x"}`, "/opration", []string{"operation"}},
	} {
		p := refused(t, e, 400+4*b2i(c.pointer == "/app_id"), "POST", boxFaults, c.fault)
		if p.Pointer != c.pointer || c.nearest != nil && !sameSet(p.Nearest, c.nearest) {
			t.Errorf("%s: %+v, want pointer %s, nearest %q", c.fault, p, c.pointer, c.nearest)
		}
	}
	if f := faultsOf(t, e); len(f) != 0 {
		t.Errorf("a refused fault is there: %+v", f)
	}
	for _, fault := range []string{
		`{"on":"call","do":"latency","delay_max":"3s"}`, `{"on":"push","do":"reorder"}`, `{"on":"push","do":"stale_timestamp","delay":"1m"}`,
		`{"on":"push","do":"drop","event":"TICKET"}`, `{"on":"call","do":"truncate","applied":true}`,
	} {
		if f := script(t, e, fault); f.Nth != 1 || f.Times != 1 || f.Spent {
			t.Errorf("%s: %+v", fault, f)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// TestStatesWithBadFaults imports states whose faults do not hold together.
func TestStatesWithBadFaults(t *testing.T) {
	e := newEmulator(t, func(o *emulator.Options) { o.Broker = &recorder{} })
	script(t, e, `{"on":"kafka","do":"reorder","delay":"1h","delay_max":"2h"}`)
	upload(t, e, credentials(t, e.Sandbox(emulator.DefaultSandbox)).Authorizer.AccessToken, "1")
	advance(t, e.Sandbox(emulator.DefaultSandbox), 3e9)
	good := ask(e, "GET", box+"/state", "").body
	put := func(place string, value any) answer {
		state := withValue(decodeJSON(t, good), strings.Split(place, "/"), value)
		text, err := json.Marshal(state)
		if err != nil {
			t.Fatal(err)
		}
		return ask(e, "PUT", box+"/state", string(text))
	}
	for place, value := range map[string]any{
		"faults": []any{nil}, "faults/0/id": 9, "faults/0/on": "fax", "faults/0/do": "reset", "faults/0/nth": 0, "faults/0/times": 0,
		"faults/0/hits": -1, "faults/0/matched": -1, "faults/0/delay": -1, "faults/0/delay_max": 1, "faults/0/distribution": "gauss",
		"faults/0/event": "TICKET", "faults/0/transition": "x", "events/0/copies": 1e9, "last_fault": 0,
	} {
		if a := put(place, value); a.status != 400 {
			t.Errorf("%s = %v: %d %s", place, value, a.status, a.body)
		}
	}
	if a := put("held", []int{77, -1}); a.status >= 500 {
		t.Errorf("what is held back and not there: %d %s", a.status, a.body)
	}
	// What is good goes on: the notice comes, if nothing overtakes it.
	if a := put("seed", 5); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	advance(t, e.Sandbox(emulator.DefaultSandbox), 3*3600e9)
	if d := deliveries(t, e, ""); len(d) != 1 || d[0].Status != "delivered" {
		t.Errorf("%+v", d)
	}
}
