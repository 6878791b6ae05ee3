package emulator_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	prommodel "github.com/prometheus/common/model"

	"github.com/swanemu/emu/emulator"
)

const pathPackages = "/rest/2.0/smartapp/package/get"

// scrape reads the metrics as Prometheus does.
func scrape(t testing.TB, e *emulator.Emulator) map[string]*dto.MetricFamily {
	t.Helper()
	a := ask(e, "GET", "/_emu/metrics", "")
	if a.status != 200 || a.header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	p := expfmt.NewTextParser(prommodel.LegacyValidation)
	families, err := p.TextToMetricFamilies(bytes.NewReader(a.body))
	if err != nil {
		t.Fatalf("%v:\n%s", err, a.body)
	}
	return families
}

// value is that of the one series with these labels, names and values in turn;
// of a histogram the number of observations. Missing is -1.
func value(f *dto.MetricFamily, pairs ...string) float64 {
	for _, m := range f.GetMetric() {
		got := map[string]string{}
		for _, l := range m.GetLabel() {
			got[l.GetName()] = l.GetValue()
		}
		want := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			want[pairs[i]] = pairs[i+1]
		}
		if !maps.Equal(got, want) {
			continue
		}
		switch f.GetType() {
		case dto.MetricType_COUNTER:
			return m.GetCounter().GetValue()
		case dto.MetricType_HISTOGRAM:
			return float64(m.GetHistogram().GetSampleCount())
		default:
			return m.GetGauge().GetValue() + m.GetUntyped().GetValue()
		}
	}
	return -1
}

// expect compares one series.
func expect(t testing.TB, families map[string]*dto.MetricFamily, want float64, name string, pairs ...string) {
	t.Helper()
	if got := value(families[name], pairs...); got != want {
		t.Errorf("%s%v is %v, want %v: %v", name, pairs, got, want, families[name])
	}
}

func TestMetricsCountExchanges(t *testing.T) {
	e := newEmulator(t, func(o *emulator.Options) { o.Version, o.GatewayStatus = `1.2 "b"`, 401 })
	c, err := e.Credentials()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		get(e, pathPackages, "access_token", c.Authorizer.AccessToken)
	}
	get(e, pathPackages, "access_token", "nobody's")
	for i := range 50 {
		get(e, fmt.Sprint("/guessed/", i))
	}
	must[fields](t, e, "POST", "/_emu/sandboxes", `{"name":"other"}`)
	ask(e, "GET", "/_emu/guessed", "")
	m := scrape(t, e)
	expect(t, m, 3, "emu_exchanges_total", "operation", "listPackages", "status", "200", "outcome", "ok")
	expect(t, m, 1, "emu_exchanges_total", "operation", "listPackages", "status", "401", "outcome", "TokenInvalid")
	expect(t, m, 50, "emu_exchanges_total", "operation", "unknown", "status", "401", "outcome", "UnsupportedMethod")
	expect(t, m, 4, "emu_exchange_duration_seconds", "operation", "listPackages")
	expect(t, m, 1, "emu_control_requests_total", "operation", "createSandbox", "status", "201")
	expect(t, m, 1, "emu_control_requests_total", "operation", "unknown", "status", "404")
	expect(t, m, 54, "emu_journal_appended_total", "kind", "exchange")
	expect(t, m, 2, "emu_sandboxes")
	if got := value(m["emu_build_info"], "version", `1.2 "b"`, "go", m["go_info"].GetMetric()[0].GetLabel()[0].GetValue()); got != 1 {
		t.Errorf("build info: %v", m["emu_build_info"])
	}
	entries := 0
	for _, name := range []string{"default", "other"} {
		entries += len(e.Sandbox(name).Journal(0, 1000))
	}
	expect(t, m, float64(entries), "emu_journal_entries")
	for name, f := range m {
		for _, series := range f.GetMetric() {
			for _, l := range series.GetLabel() {
				if l.GetValue() == "other" || strings.Contains(l.GetValue(), "guessed") {
					t.Errorf("%s has a label %s", name, l)
				}
			}
		}
	}
}

// TestMetricsAreWhatTheTableSays: what is exposed is in the table, with its
// type, its labels and a help, and nothing in the table is missing.
func TestMetricsAreWhatTheTableSays(t *testing.T) {
	m := scrape(t, newEmulator(t, nil))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if own := strings.HasPrefix(name, "emu_"); !own && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			t.Errorf("%s is of no family that we know", name)
		} else if own && (m[name].GetHelp() == "" || m[name].GetType() == dto.MetricType_UNTYPED) {
			t.Errorf("%s has type %s and help %q", name, m[name].GetType(), m[name].GetHelp())
		}
	}
	for _, name := range []string{"go_goroutines", "go_memstats_heap_inuse_bytes", "go_gc_duration_seconds_count", "process_cpu_seconds_total"} {
		if m[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestMetricsCountDeliveriesAndFaults(t *testing.T) {
	dir, broker := t.TempDir(), &shelf{away: true}
	e, _ := open(t, dir, func(o *emulator.Options) { o.Broker, o.PushAttempts = broker, 2 })
	must[fields](t, e, "PATCH", box+"/tps/17328232", `{"push_url":"http://127.0.0.1:1/"}`)
	must[fields](t, e, "POST", box+"/faults", `{"on":"call","do":"status","status":503,"operation":"listPackages","times":1}`)
	c, err := e.Credentials()
	if err != nil {
		t.Fatal(err)
	}
	get(e, pathPackages, "access_token", c.Authorizer.AccessToken)
	upload := func() {
		t.Helper()
		traced(t, e, pathUpload, "template_id=1&ext_json={}&user_version=1.0.0&user_desc=x", "", "")
		must[fields](t, e, "POST", box+"/clock/advance", `{"by":"3s"}`)
	}
	upload()
	m := scrape(t, e)
	expect(t, m, 1, "emu_faults_total", "on", "call", "do", "status")
	expect(t, m, 1, "emu_exchanges_total", "operation", "listPackages", "status", "503", "outcome", "fault")
	expect(t, m, 1, "emu_events_owed", "channel", "kafka")
	broker.set(false)
	traced(t, e, pathSubmit, "package_id=55001&content=x", "", "")
	must[fields](t, e, "POST", box+"/clock/advance", `{"by":"2h"}`)
	after := scrape(t, e)
	expect(t, after, 0, "emu_events_owed", "channel", "kafka")
	kinds := map[string]float64{}
	for _, s := range after["emu_deliveries_total"].GetMetric() {
		var channel, event, result string
		for _, l := range s.GetLabel() {
			switch l.GetName() {
			case "channel":
				channel = l.GetValue()
			case "event":
				event = l.GetValue()
			case "result":
				result = l.GetValue()
			}
		}
		if _, known := e.Contract().Event(event); !known {
			t.Errorf("the contract has no event %q", event)
		}
		kinds[channel+" "+result] += s.GetCounter().GetValue()
	}
	attempts := map[string]float64{}
	for _, entry := range e.Sandbox("default").Journal(0, 10_000) {
		if a, ok := entry.Detail.(*emulator.Attempt); ok {
			switch {
			case a.OK:
				attempts[a.Channel+" ok"]++
			case a.Next != "":
				attempts[a.Channel+" retry"]++
			default:
				attempts[a.Channel+" failed"]++
			}
		}
	}
	if !maps.Equal(kinds, attempts) || kinds["push retry"] == 0 || kinds["push failed"] == 0 || kinds["kafka ok"] == 0 || kinds["kafka retry"] == 0 {
		t.Errorf("counted %v, the journal has %v", kinds, attempts)
	}
	if got := value(after["emu_delivery_duration_seconds"], "channel", "push"); got != kinds["push retry"]+kinds["push failed"] {
		t.Errorf("%v pushes took time, want %v", got, kinds)
	}

	labelsAsDocumented(t, after)

	// What is replayed has been counted where it happened.
	again, _ := open(t, killed(t, dir), func(o *emulator.Options) { o.Broker = &shelf{} })
	if got := scrape(t, again)["emu_deliveries_total"].GetMetric(); len(got) != 0 {
		t.Errorf("after a restart %v", got)
	}
}

// labelsAsDocumented fails unless each series has the labels that the table of
// docs/operations.md gives its family.
func labelsAsDocumented(t *testing.T, families map[string]*dto.MetricFamily) {
	t.Helper()
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, row := range regexp.MustCompile("(?m)^\\| `(emu_\\w+)` \\| (\\w+) \\| ([^|]+) \\|").FindAllStringSubmatch(string(page), -1) {
		want := regexp.MustCompile(`\w+`).FindAllString(row[3], -1)
		slices.Sort(want)
		if f := families[row[1]]; f != nil && strings.ToLower(f.GetType().String()) != row[2] {
			t.Errorf("%s is a %s, not a %s", row[1], f.GetType(), row[2])
		}
		for _, m := range families[row[1]].GetMetric() {
			var got []string
			for _, l := range m.GetLabel() {
				got = append(got, l.GetName())
			}
			slices.Sort(got)
			if seen++; !slices.Equal(got, want) {
				t.Errorf("%s has labels %v, documented are %v", row[1], got, want)
			}
		}
	}
	if seen < 20 {
		t.Errorf("%d series compared", seen)
	}
}

// TestMetricsDecideNothing: the same inputs lead to the same journal, whether
// anybody looks at the metrics or not.
func TestMetricsDecideNothing(t *testing.T) {
	journal := func(look bool) string {
		e := newEmulator(t, nil)
		for range 3 {
			traced(t, e, pathUpload, "template_id=1&ext_json={}&user_version=1.0.0&user_desc=x", "", "")
			if look {
				scrape(t, e)
			}
			must[fields](t, e, "POST", box+"/clock/advance", `{"by":"20m"}`)
		}
		return string(ask(e, "GET", box+"/journal?limit=1000", "").body)
	}
	if journal(true) != journal(false) {
		t.Error("who looks at the metrics changes the journal")
	}
}

func TestMetricsAndProfilesAreGuarded(t *testing.T) {
	for _, path := range []string{"/_emu/metrics", "/_emu/pprof/heap"} {
		e := newEmulator(t, func(o *emulator.Options) { o.AdminOpen, o.Profiles = false, true })
		r := httptest.NewRequest("GET", path, nil)
		r.RemoteAddr = "192.0.2.1:5000"
		if a := serve(e, r); a.status != 403 {
			t.Errorf("%s from elsewhere: %d", path, a.status)
		}
		e = newEmulator(t, func(o *emulator.Options) { o.AdminToken, o.Profiles = "top secret", true })
		for token, want := range map[string]int{"": 401, "top secret": 200, "wrong": 401} {
			r := httptest.NewRequest("GET", path, nil)
			r.Header.Set("Authorization", "Bearer "+token)
			if a := serve(e, r); a.status != want {
				t.Errorf("%s with token %q: %d, want %d", path, token, a.status, want)
			}
		}
	}
}

func TestProfiles(t *testing.T) {
	off := newEmulator(t, nil)
	if p := refused(t, off, 403, "GET", "/_emu/pprof/heap", ""); !strings.Contains(p.Detail, "--pprof") {
		t.Errorf("profiles are off: %q", p.Detail)
	}
	e := newEmulator(t, func(o *emulator.Options) { o.Profiles = true })
	for _, path := range []string{"heap", "allocs", "goroutine", "threadcreate", "cpu?seconds=1"} {
		a := ask(e, "GET", "/_emu/pprof/"+path, "")
		if a.status != 200 || !bytes.HasPrefix(a.body, []byte{0x1f, 0x8b}) {
			t.Errorf("%s: %d %.80q, want a gzipped profile", path, a.status, a.body)
		}
	}
	for _, c := range []struct {
		path, pointer string
	}{
		{"cpu?seconds=61", "/seconds"},
		{"cpu?seconds=0", "/seconds"},
		{"heap?seconds=3", "/seconds"},
		{"cmdline", "/profile"},
	} {
		if p := refused(t, e, 400, "GET", "/_emu/pprof/"+c.path, ""); p.Pointer != c.pointer {
			t.Errorf("%s: %+v", c.path, p)
		}
	}
	// One cpu profile at a time; one whose caller is gone ends.
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	refused(t, e, 409, "GET", "/_emu/pprof/cpu", "")
	pprof.StopCPUProfile()
	gone, leave := context.WithCancel(t.Context())
	leave()
	if a := serve(e, httptest.NewRequest("GET", "/_emu/pprof/cpu?seconds=60", nil).WithContext(gone)); a.status != 503 {
		t.Errorf("a caller who is gone: %d %s", a.status, a.body)
	}
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Errorf("after that: %v", err)
	}
	pprof.StopCPUProfile()
}
