package scenarios_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/scenarios"
)

const upload = `
  - call: uploadPackage
    with: {template_id: "754", ext_json: "{}", user_version: 1.0, user_desc: d}
  - advance: 3s
  - call: listPackages
    save: {package: data.0.package_id}
`

// sealed has user data in its variables.
const sealed = `
  - set grant: {scope: scope.userInfo}
  - call: loginHostUser
    with: {data: {open: {app_key: $app_key}}}
    save: {code: data.code}
  - call: exchangeLoginCode
    with: {client_id: $app_key, sk: $app_secret, code: $code}
    save: {key: session_key}
  - call: getHostOpenData
    with: {data: {open: {app_key: $app_key}, scope: snsapi_userinfo}}
    save: {sealed: data.opendata.data, iv: data.opendata.iv}
`

func parse(t *testing.T, text string) *scenarios.Scenario {
	t.Helper()
	s, err := scenarios.Parse("story.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestFailures plays stories in which something does not hold: the failure
// says what, where, and what was there instead; what comes after is skipped.
func TestFailures(t *testing.T) {
	for _, test := range []struct {
		name, steps string
		at          string
		want        []string
	}{
		{"an answer", upload + `
  - call: listPackages
    expect: {data: [{version: 1.0, status: 4}]}
  - note: never
`, "story.yaml:10:5", []string{
			"the answer of listPackages is not as expected", "data.0.status: expected 4, actual 3",
			`data.0.version: expected 1.0 (quote it: the answer has a text), actual "1.0"`, "because of #2 09:00:00 call uploadPackage: ok",
		}},
		{"a refusal that nobody expected", `
  - call: releasePackage
    with: {package_id: 7}
`, "story.yaml:4:5", []string{"refused PackageNotFound 69005", "expected success"}},
		{"an order that is refused", `
  - order: getUser
    with: {huid: 7}
`, "story.yaml:4:5", []string{"sandbox story has no user 7"}},
		{"an order that is not refused", `
  - order: getUser
    expect: {http: 404}
`, "story.yaml:4:5", []string{"what getUser shows is not as expected", "http: expected 404, actual 200"}},
		{"what an order shows", `
  - order: listUserMessages
    expect: {messages: [{title: x}]}
`, "story.yaml:4:5", []string{"what listUserMessages shows is not as expected", "messages: expected 1 elements, actual 0: []"}},
		{"a notification of another order", `
  - call: requestPolymerPayment
    with: {tpOrderId: T1, totalAmount: 7, dealTitle: x, bizInfo: {}}
  - expect notify: {event: ORDER_PAID, tp_order_id: T2, data: {totalMoney: 8}}
`, "story.yaml:6:5", []string{
			"expect notify ORDER_PAID T2: ORDER_PAID for order T2 did not arrive", `totalMoney: expected 8, actual 7`, `tpOrderId: expected "T2", actual "T1"`,
			"order 800020001 of 1452365: paid → consumed (consume)",
		}},
		{"a notification that should not come", `
  - call: requestPolymerPayment
    with: {tpOrderId: T1, totalAmount: 7, dealTitle: x, bizInfo: {}}
  - expect no notify: {event: ORDER_PAID}
`, "story.yaml:6:5", []string{"ORDER_PAID arrived at 09:00:00"}},
		{"an order in another state", `
  - call: requestPolymerPayment
    with: {tpOrderId: T1, totalAmount: 7, dealTitle: x, bizInfo: {}}
  - expect state: {tp_order_id: T1, state: paid}
`, "story.yaml:6:5", []string{"the state is not as expected", "state: expected paid, actual consumed"}},
		{"no refusal", `
  - call: listPackages
    expect: {refused: TokenExpired}
`, "story.yaml:4:5", []string{"refused: expected TokenExpired, actual success"}},
		{"another refusal", `
  - call: listPackages
    with: {access_token: x}
    expect: {refused: TokenExpired}
`, "story.yaml:4:5", []string{"refused: expected TokenExpired, actual TokenInvalid (110"}},
		{"refusals that look alike", upload + `
  - call: releasePackage
    with: {package_id: $package}
    expect: {refused: InvalidParameter}
`, "story.yaml:10:5", []string{"refused: expected InvalidParameter, actual IllegalTransition"}},
		{"a push that does not come", upload + `
  - decide: {kind: audit, result: fail, reason: no}
  - call: submitPackageAudit
    with: {package_id: $package, content: c, remark: ""}
  - expect push: {event: PACKAGE_AUDIT_PASS, app_id: $app_id, within: 1h}
`, "story.yaml:13:5", []string{"did not arrive within 1h", "PACKAGE_AUDIT_FAIL", "in_review → rejected"}},
		{"a push that differs", upload + `
  - decide: {kind: audit, result: fail, reason: no}
  - call: submitPackageAudit
    with: {package_id: $package, content: c, remark: ""}
  - expect push: {event: PACKAGE_AUDIT_FAIL, app_id: $app_id, reason: yes it is, within: 1h}
`, "story.yaml:13:5", []string{`reason: expected "yes it is", actual "no"`}},
		{"a push expected twice", upload + `
  - call: submitPackageAudit
    with: {package_id: $package, content: c, remark: ""}
  - expect push: {event: PACKAGE_AUDIT_PASS, within: 1h}
  - expect push: {event: PACKAGE_AUDIT_PASS, within: 1h}
`, "story.yaml:13:5", []string{"did not arrive", "(expected before)"}},
		{"a notice too many", upload + `
  - expect no kafka: {code: 101}
`, "story.yaml:10:5", []string{"notice 101 arrived at 09:00:03"}},
		{"a notice out of order", upload + `
  - call: submitPackageAudit
    with: {package_id: $package, content: c, remark: ""}
  - expect kafka: {code: 101, data: {package_id: {$gt: 1000000}}}
`, "story.yaml:12:5", []string{"data.package_id: expected"}},
		{"a state", upload + `
  - expect state: {package: $package, state: online, app: {status: -1}}
`, "story.yaml:10:5", []string{`state: expected online, actual development`, "app.status: expected -1, actual 1"}},
		{"calls", upload + `
  - called: {operation: listPackages, times: 2}
`, "story.yaml:10:5", []string{"times: expected 2, actual 1"}},
		{"a path", `
  - call: listPackages
    save: {x: data.0.package_id}
`, "story.yaml:4:5", []string{`data has 0 elements and no element "0"`}},
		{"a refusal below a key path", `
  - set config: {authorize_key_path: host}
  - call: getHostOpenData
    with: {data: {open: {app_key: $app_key}}, huid: 0}
`, "story.yaml:5:5", []string{"refused HostNotLoggedIn 401", "expected success"}},
		{"another refusal below a key path", `
  - set config: {authorize_key_path: host}
  - call: getHostOpenData
    with: {data: {open: {app_key: $app_key}}, huid: 0}
    expect: {refused: HostUserDeny}
`, "story.yaml:5:5", []string{"refused: expected HostUserDeny, actual HostNotLoggedIn (401"}},
		{"what a user says", `
  - will answer: {ask: scope.userInfo, answer: refuse}
  - asks: {ask: scope.userInfo}
    expect: {answer: agree}
`, "story.yaml:5:5", []string{`answer: expected "agree", actual "refuse"`}},
		{"data for another", sealed + `
  - decrypt: {data: $sealed, iv: $iv, session_key: $key, app_id: 2}
given: {apps: [{app_id: 1452365}, {app_id: 2}]}
`, "story.yaml:15:5", []string{"the data cannot be opened: it is for another app"}},
		{"data that opens", sealed + `
  - decrypt: {data: $sealed, iv: $iv, session_key: $key, fails: true}
`, "story.yaml:15:5", []string{"the data can be opened"}},
		{"data that differs", sealed + `
  - decrypt: {data: $sealed, iv: $iv, session_key: $key}
    expect: {nickname: 小红}
`, "story.yaml:15:5", []string{`nickname: expected "小红"`}},
		{"data that is none", sealed + `
  - decrypt: {data: $iv, iv: $iv, session_key: $key}
`, "story.yaml:15:5", []string{"the data cannot be opened: it has another length"}},
		{"an order", `
  - decide: {kind: audit, result: pass, package_id: 7}
`, "story.yaml:4:5", []string{"has no package 7"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := parse(t, "name: story\nsteps:\n"+test.steps)
			r, err := scenarios.Run(t.Context(), s, scenarios.Options{Strict: true})
			if err != nil {
				t.Fatal(err)
			}
			if r.Passed() {
				t.Fatal("it passes")
			}
			if r.Failure.At != test.at {
				t.Errorf("it fails at %s, want %s", r.Failure.At, test.at)
			}
			for _, want := range test.want {
				if !strings.Contains(r.Failure.Text(), want) {
					t.Errorf("want %q in\n%s", want, r.Failure.Text())
				}
			}
			after := r.Steps[r.Failure.Step:]
			for _, step := range after {
				if step.Status != scenarios.StepSkipped {
					t.Errorf("after the failure: %+v", step)
				}
			}
			if strings.Contains(r.Failure.Text(), "access_token=") {
				t.Error("a token in the report")
			}
		})
	}
}

// target runs an emulator to play against.
func target(t *testing.T, o emulator.Options) (*emulator.Emulator, scenarios.Target) {
	t.Helper()
	o.Strict = true
	e, err := emulator.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	t.Cleanup(func() {
		server.Close()
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e, scenarios.Target{URL: server.URL + "/", AdminToken: o.AdminToken, Client: server.Client()}
}

// TestTarget plays against an emulator elsewhere, which here has no Kafka and
// wants a token: the sandbox of the run is gone afterwards, unless it is kept.
func TestTarget(t *testing.T) {
	e, at := target(t, emulator.Options{AdminToken: "admin"})
	for _, name := range []string{"first-release", "two-apps-in-parallel", "audit-fails-then-passes"} {
		s, err := scenarios.Ready(name)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		p := &scenarios.Printer{W: &out}
		r, err := scenarios.Run(t.Context(), s, scenarios.Options{Target: &at, Observe: p.Line})
		if err != nil {
			t.Fatal(err)
		}
		p.End(r)
		if !r.Passed() {
			t.Errorf("%s fails:\n%s", name, &out)
		}
		if !strings.Contains(out.String(), "alliance") {
			t.Errorf("no notices in\n%s", &out)
		}
		if e.Sandbox(r.Sandbox) != nil {
			t.Errorf("sandbox %s is left behind", r.Sandbox)
		}
	}
	s := parse(t, "name: kept")
	r, err := scenarios.Run(t.Context(), s, scenarios.Options{Target: &at, Keep: true, Seed: 9})
	if err != nil || r.Seed != 9 || e.Sandbox(r.Sandbox) == nil {
		t.Errorf("%+v, %v: want a sandbox that is kept, of seed 9", r, err)
	}
	at.AdminToken = "wrong"
	if _, err = scenarios.Run(t.Context(), s, scenarios.Options{Target: &at}); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("with a wrong token: %v", err)
	}
}

// TestRunningClock plays on a clock that runs: it waits for what comes.
func TestRunningClock(t *testing.T) {
	s := parse(t, `
name: running
clock: {mode: x600}
platform: {audits: [{after: 1m}]}
given: {apps: [{app_id: 1452365, packages: [{version: 1.0.0, state: development, package_id: 5}]}]}
steps:
  - call: submitPackageAudit
    with: {package_id: 5, content: c, remark: ""}
  - expect push: {event: PACKAGE_AUDIT_PASS, within: 1h}
  - expect kafka: {code: 101, within: 1m}
  - expect no push: {event: PACKAGE_AUDIT_PASS, within: 10s}
`)
	play(t, s)
}

// TestSeedDecides plays a story with two seeds: what looks random differs.
func TestSeedDecides(t *testing.T) {
	s := parse(t, "name: seeds\nsteps:\n  - call: issueAccessToken\n    with: {grant_type: client_credentials, client_id: $ak, client_secret: $sk}\n    save: {token: access_token}\n")
	journal := func(seed uint64) string {
		r, err := scenarios.Run(t.Context(), s, scenarios.Options{Strict: true, Seed: seed})
		if err != nil || !r.Passed() {
			t.Fatal(err, r)
		}
		data, err := json.Marshal(r.Journal)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	first, again, other := journal(1), journal(1), journal(2)
	if first != again {
		t.Error("one seed gave two journals")
	}
	if first == other {
		t.Error("two seeds gave one journal")
	}
}

// TestUnsupported plays what the target, an older emulator, cannot: the error
// says so.
func TestUnsupported(t *testing.T) {
	e, _ := target(t, emulator.Options{})
	older := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != emulator.ControlPrefix+"admin.yaml" {
			e.ServeHTTP(w, r)
			return
		}
		all := httptest.NewRecorder()
		e.ServeHTTP(all, r)
		_, _ = strings.NewReplacer("{sandbox}/hosts", "{sandbox}/x", "{sandbox}/faults", "{sandbox}/y").WriteString(w, all.Body.String())
	}))
	t.Cleanup(older.Close)
	for _, text := range []string{
		"name: hosts\ngiven: {hosts: [{ak: a, sk: b}]}\n",
		"name: faults\nplatform: {faults: [{on: push, do: drop}]}\n",
		"name: orders\nsteps: [{order: listHosts}]\n",
	} {
		o := scenarios.Options{Target: &scenarios.Target{URL: older.URL, Client: older.Client()}}
		if _, err := scenarios.Run(t.Context(), parse(t, text), o); !errors.Is(err, scenarios.ErrUnsupported) {
			t.Errorf("%s: %v; want %v", text, err, scenarios.ErrUnsupported)
		}
	}
}

// TestPrepare prepares the default sandbox, as serve does.
func TestPrepare(t *testing.T) {
	e, at := target(t, emulator.Options{Clock: emulator.Clock{Mode: "virtual"}})
	s := parse(t, `
name: prepared
given:
  apps:
    - {app_id: 1452365, verified: false, packages: [{version: 1.0.0, state: in_review, package_id: 41}]}
    - {app_id: 77, name: 乙}
  tps: [{tp_id: 5, apps: [77]}, {tp_id: 6}]
  config: {push_plain: true, audit_delay: 1h}
platform:
  audits: [{result: fail, reason: 不行, times: 2}]
  uploads: [{after: 1m}]
  quotas: {audits: 3, apps: {77: 4}}
  faults: [{on: push, do: duplicate}]
`)
	at.Client = scenarios.HandlerClient(e)
	if err := scenarios.Prepare(t.Context(), at, emulator.DefaultSandbox, s); err != nil {
		t.Fatal(err)
	}
	get := func(path string) string {
		t.Helper()
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "GET", "http://127.0.0.1/_emu/sandboxes/default"+path, nil)
		r.RemoteAddr = "127.0.0.1:1"
		e.ServeHTTP(w, r)
		return w.Body.String()
	}
	for path, wants := range map[string][]string{
		"/apps/1452365":          {`"verified":false`, `"tps":[5,17328232]`, `"audit_quota":3`},
		"/apps/77":               {`"name":"乙"`, `"tps":[5]`, `"audit_quota":4`},
		"/apps/1452365/packages": {`"package_id":41`, `"at":"2026-01-05T10:00:00+08:00"`, `"result":"fail"`},
		"/tps/6":                 {`"apps":[]`},
		"/config":                {`"push_plain":true`, `"audit_delay":"1h"`, `"audit_quota":3`},
		"/decisions":             {`"kind":"upload"`, `"after":"1m"`, `"kind":"audit"`, `"waiting":[]`},
		"/faults":                {`"do":"duplicate"`},
	} {
		for _, want := range wants {
			if got := get(path); !strings.Contains(got, want) {
				t.Errorf("%s: want %s in %s", path, want, got)
			}
		}
	}
	if strings.Count(get("/decisions"), `"kind":"audit"`) != 1 {
		t.Error("the decision on the package under way is still queued")
	}
	if err := scenarios.Prepare(t.Context(), at, emulator.DefaultSandbox, s); err == nil {
		t.Error("packages were given twice")
	}
}

// TestCancelled ends a run from outside.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := parse(t, "name: long\nsteps:\n  - repeat:\n      times: 10000\n      steps: [{call: listPackages}]\n")
	calls := 0
	_, err := scenarios.Run(ctx, s, scenarios.Options{Observe: func(scenarios.Line) {
		if calls++; calls == 3 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want %v", err, context.Canceled)
	}
}
