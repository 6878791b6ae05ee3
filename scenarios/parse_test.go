package scenarios_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/scenarios"
)

// TestParseTellsEverything reads files that are wrong: all that is wrong is
// told at once, in order, each with its place.
func TestParseTellsEverything(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"empty", ``, `f:1:1: the file is empty, expected a scenario`},
		{"only a comment", "# nothing\n", `f:1:1: the file is empty, expected a scenario`},
		{"a list", `[]`, `f:1:1: is a list, expected a mapping`},
		{"null", "~\n", `f:1:1: is nothing, expected a mapping`},
		{"nameless", `summary: x`, `f:1:1: name is missing`},
		{"two documents", "name: x\n---\nname: y\n", `f:2:1: a second document begins, expected one`},
		{"keys", "nam: x\nsumary: y\n", strings.Join([]string{
			`f:1:1: unknown key nam; did you mean name?`, `f:1:1: name is missing`, `f:2:1: unknown key sumary; did you mean summary?`,
		}, "\n")},
		{"key twice", "name: x\nname: y\n", `f:2:1: name: is given twice, expected each key once`},
		{"types", "name: x\nseed: -1\nclock: {mode: virtul, start: noon}\nsteps: {}\n", strings.Join([]string{
			`f:2:7: seed: is the number -1, expected a whole number`,
			`f:3:15: clock.mode: is "virtul", expected real, virtual (it moves only when told), or x and how many times as fast`,
			`f:3:30: clock.start: is "noon", expected a time such as 2026-01-05T09:00:00+08:00`,
			`f:4:8: steps: is a mapping, expected a list`,
		}, "\n")},
		{"given", "name: x\ngiven:\n  apps: [{app_id: 1, status: baned}, {app_id: 1}, {name: y}]\n  tps: [{tp_id: 2, apps: [1, 3], inbox: true, push_url: 'http://x'}]\n", strings.Join([]string{
			`f:3:30: given.apps[0].status: is "baned", expected one of banned, in_review, normal, paused, or 1, 2, 4, -1; did you mean banned?`,
			`f:3:47: given.apps[1].app_id: app 1 is given twice`,
			`f:3:51: given.apps[2]: app_id is missing`,
			`f:4:30: given.tps[0].apps[1]: there is no app 3, expected one of 1, 1452365; did you mean 1?`,
			`f:4:41: given.tps[0].inbox: stands beside push_url, expected one of the two`,
		}, "\n")},
		{"platform", "name: x\nplatform:\n  uploads: [{reason: r, code: 1}]\n  audits: [{result: fail, code: 1}, {after: -3s}]\n  quotas: {apps: {x: 1}}\n", strings.Join([]string{
			`f:3:22: platform.uploads[0].reason: is for what fails, expected result: fail`,
			`f:3:31: platform.uploads[0].code: is for uploads that fail`,
			`f:4:33: platform.audits[0].code: is for uploads that fail`,
			`f:4:45: platform.audits[1].after: is "-3s", expected a duration such as 2h, 1h30m, 3s or 7d`,
			`f:5:22: platform.quotas.apps.x: the key is no app_id, expected a number`,
		}, "\n")},
		{"faults", "name: x\nplatform:\n  faults:\n    - {on: push, do: reset}\n    - {on: call, do: status, event: TICKET}\n    - {on: call, do: latency, delay: 1s, error: NetworkBuzy}\n", strings.Join([]string{
			`f:4:22: platform.faults[0].do: reset does not happen on a push, expected one of drop, delay, duplicate, reorder, timeout, wrong_signature, stale_timestamp`,
			`f:5:7: platform.faults[1]: status is missing with do: status`,
			`f:5:37: platform.faults[1].event: goes with on: push, kafka or notify`,
			`f:6:49: platform.faults[2].error: unknown error NetworkBuzy; did you mean NetworkBusy?`,
			`f:6:49: platform.faults[2].error: goes with do: refuse`,
		}, "\n")},
		{"payments", `name: x
given: {merchants: [{app_id: 7, deal_id: 5, inbox: true, notify_url: 'http://x'}, {deal_id: 5, app_key: 'a b'}]}
platform:
  payments: [{result: failed, channel: Alipay}, {reason: r}, {result: payed}]
  refunds: [{reason: r}, {result: fail, reason: r}]
  refund_audits: [{result: paid}]
  faults: [{on: notify, do: stale_timestamp}, {on: notify, do: drop, event: ORDER_PAYED}]
steps:
  - decide: {kind: payment, result: pass, version: 1.0.0}
  - decide: {kind: refund, result: paid, channel: Alipay}
  - decide: {kind: audit, result: pass, tp_order_id: $order, order_id: 5}
  - set merchant: {inbox: true, refund_audit_url: 'http://x'}
  - expect notify: {event: TICKET, tp_order_id: $order, order: app}
  - expect state: {tp_order_id: x, state: online}
  - expect state: {tp_order_id: x, version: 1.0.0, state: absent}
  - call: requestPolymerPayment
    with: {appKey: '${merchants.5.app_key}', totalAmmount: 1, dealId: '${merchants.6.app_key}'}
`, strings.Join([]string{
			`f:2:30: given.merchants[0].app_id: there is no app 7, expected 1452365`,
			`f:2:52: given.merchants[0].inbox: stands beside a URL, expected one of the two`,
			`f:2:93: given.merchants[1].deal_id: merchant 5 is given twice`,
			`f:2:105: given.merchants[1].app_key: is "a b", expected Letters and digits: its payment appKey, generated if absent`,
			`f:4:40: platform.payments[0].channel: is for what is paid, expected result: paid`,
			`f:4:58: platform.payments[1].reason: is for what is not paid, expected result: cancelled or failed`,
			`f:4:71: platform.payments[2].result: unknown word payed, expected one of paid, cancelled, failed; did you mean paid?`,
			`f:5:22: platform.refunds[0].reason: is for what fails, expected result: fail`,
			`f:6:28: platform.refund_audits[0].result: unknown word paid, expected one of pass, fail; did you mean pass?`,
			`f:7:29: platform.faults[0].do: stale_timestamp does not happen on a notify, expected one of drop, delay, duplicate, reorder, timeout, wrong_signature`,
			`f:7:77: platform.faults[1].event: unknown event ORDER_PAYED; did you mean ORDER_PAID?`,
			`f:9:37: steps[0].decide.result: a payment does not end as pass, expected one of paid, cancelled, failed`,
			`f:9:52: steps[0].decide.version: is for packages`,
			`f:10:36: steps[1].decide.result: a refund does not end as paid, expected one of pass, fail`,
			`f:10:51: steps[1].decide.channel: is for payments`,
			`f:11:54: steps[2].decide.tp_order_id: variable $order is set nowhere before, expected $$ for a dollar sign`,
			`f:11:54: steps[2].decide.tp_order_id: is for orders`,
			`f:11:72: steps[2].decide.order_id: is for orders`,
			`f:12:27: steps[3].set merchant.inbox: stands beside a URL, expected one of the two`,
			`f:13:28: steps[4].expect notify.event: unknown event TICKET, expected one of ORDER_PAID, REFUND_AUDIT, REFUND_STATUS`,
			`f:13:49: steps[4].expect notify.tp_order_id: variable $order is set nowhere before, expected $$ for a dollar sign`,
			`f:13:64: steps[4].expect notify.order: unknown word app, expected one of order, any`,
			`f:14:43: steps[5].expect state.state: unknown state online, expected one of unpaid, paid, consumed, cancelled, refunded, absent`,
			`f:15:33: steps[6].expect state.tp_order_id: stands beside a package, expected one of the two`,
			`f:17:60: steps[7].with.totalAmmount: unknown parameter totalAmmount; did you mean totalAmount?`,
			`f:17:71: steps[7].with.dealId: variable ${merchants.6.app_key} is set nowhere before, expected $$ for a dollar sign; did you mean $merchants.5.app_key?`,
		}, "\n")},
		{"verbs", "name: x\nsteps:\n  - {}\n  - {call: listPackages, advance: 1s}\n  - {advance: 1s, with: {}}\n  - {advanse: 1s}\n", strings.Join([]string{
			`f:3:5: steps[0]: does nothing, expected one of advance, advance to, asks, authorize, call, called, decide, decrypt, expect kafka, expect no kafka, expect no notify, expect no push, expect notify, expect push, expect state, fault, let, login, order, parallel, repeat, revoke, set app, set config, set grant, set merchant, set scope, set tp, will answer or note`,
			`f:4:5: steps[1]: has call and advance, expected one of them, the other in a step of its own`,
			`f:5:25: steps[2].with: does not go with advance`,
			`f:6:6: steps[3]: unknown key advanse; did you mean advance?`,
		}, "\n")},
		{"calls", "name: x\nsteps:\n  - call: uplaodPackage\n  - call: listPackages\n    with: {x: 1}\n    via: form\n    as: {role: host, app_id: 7}\n", strings.Join([]string{
			`f:3:11: steps[0].call: unknown operation uplaodPackage; did you mean uploadPackage?`,
			`f:5:15: steps[1].with.x: unknown parameter x, expected access_token`,
			`f:6:10: steps[1].via: listPackages is a GET, expected query`,
			`f:7:30: steps[1].as.app_id: there is no app 7, expected 1452365`,
		}, "\n")},
		{"expectations", "name: x\nsteps:\n  - call: listPackages\n    expect: {refused: TokenExpird, data: {$gtt: 1}, msg: {$match: '('}, errno: {$gt: 1, x: 2}, broken: 1}\n", strings.Join([]string{
			`f:4:23: steps[0].expect.refused: unknown error TokenExpird; did you mean TokenExpired?`,
			`f:4:49: steps[0].expect.data.$gtt: unknown matcher $gtt; did you mean $gt?`,
			`f:4:67: steps[0].expect.msg.$match: is "(", expected a regular expression`,
			`f:4:86: steps[0].expect.errno.$gt: stands among members, expected matchers only, or members only`,
			`f:4:104: steps[0].expect.broken: is 1, expected true`,
		}, "\n")},
		{"orders", "name: x\nsteps:\n  - {order: lisHosts}\n  - {order: importState}\n  - order: listUserMessages\n    with: {sandbox: x, huid: $nobody}\n    expect: {refused: TokenExpired, messages: {$lenght: 1}}\n    via: json\n", strings.Join([]string{
			`f:3:13: steps[0].order: unknown operation lisHosts; did you mean listHosts?`,
			`f:4:13: steps[1].order: unknown operation importState`,
			`f:6:21: steps[2].with.sandbox: unknown parameter sandbox, expected one of after, app_id, huid, kind, limit, swan_id`,
			`f:6:30: steps[2].with.huid: variable $nobody is set nowhere before, expected $$ for a dollar sign`,
			`f:7:23: steps[2].expect.refused: is for calls, expected http with a status, for an order`,
			`f:7:57: steps[2].expect.messages.$lenght: unknown matcher $lenght; did you mean $length?`,
			`f:8:10: steps[2].via: does not go with order, expected one of with, expect, save`,
		}, "\n")},
		{"hosts", "name: x\ngiven: {hosts: [{name: galaxy}]}\nsteps: [{let: {a: '${hosts.galaxy.hsk}', b: '${hosts.galaxi.ak}'}}]\n", strings.Join([]string{
			`f:3:45: steps[0].let.b: variable ${hosts.galaxi.ak} is set nowhere before, expected $$ for a dollar sign; did you mean $hosts.galaxy.ak?`,
		}, "\n")},
		{"variables", "name: x\nsteps:\n  - call: releasePackage\n    with: {package_id: $pakage}\n  - call: listPackages\n    save: {package: data.0.package_id, 1x: data}\n  - call: releasePackage\n    with: {package_id: $pakage}\n", strings.Join([]string{
			`f:4:24: steps[0].with.package_id: variable $pakage is set nowhere before, expected $$ for a dollar sign`,
			`f:6:44: steps[1].save.1x: is no name of a variable, expected letters, digits and _`,
			`f:8:24: steps[2].with.package_id: variable $pakage is set nowhere before, expected $$ for a dollar sign; did you mean $package?`,
		}, "\n")},
		{"arrivals", "name: x\nsteps:\n  - expect push: {event: PACKAGE_AUDIT_PASSED}\n  - expect kafka: {code: 102}\n  - expect no push: {event: PACKAGE_CHANGED}\n  - expect state: {package: pkg, state: onlin}\n  - expect state: {}\n", strings.Join([]string{
			`f:3:26: steps[0].expect push.event: unknown event PACKAGE_AUDIT_PASSED; did you mean PACKAGE_AUDIT_PASS?`,
			`f:4:26: steps[1].expect kafka.code: no notice has the code 102, expected one of 100 (APP_CHANGED), 101 (PACKAGE_CHANGED)`,
			`f:5:29: steps[2].expect no push.event: unknown event PACKAGE_CHANGED, expected one of PACKAGE_AUDIT_FAIL, PACKAGE_AUDIT_PASS, TICKET`,
			`f:6:29: steps[3].expect state.package: is "pkg", expected a whole number or a variable such as $package`,
			`f:6:41: steps[3].expect state.state: unknown state onlin; did you mean online?`,
			`f:7:19: steps[4].expect state: says nothing, expected package, version or tp_order_id with state, or app`,
		}, "\n")},
		{"leave", "name: x\ngiven: {config: {user_data_padding: 17}, devices: [{cuid: phone, platform: ios}]}\nplatform:\n  answers: [{answer: agree, app_id: 7}]\nsteps:\n  - asks: {ask: scope.userInfo, huid: 9}\n  - will answer: {answer: maybe}\n  - set grant: {scope: mapp_locaton, cuid: phon}\n  - set scope: {scope: scope.userinfo, grade: 4}\n  - decrypt: {data: $d, iv: '', session_key: '', fails: true}\n    expect: {x: 1}\n", strings.Join([]string{
			`f:2:37: given.config.user_data_padding: is the number 17, expected one of 16, 32`,
			`f:4:37: platform.answers[0].app_id: there is no app 7, expected 1452365`,
			`f:6:39: steps[0].asks.huid: there is no user 9, expected 295421489`,
			`f:7:27: steps[1].will answer.answer: unknown word maybe, expected one of agree, refuse, cancel`,
			`f:8:24: steps[2].set grant.scope: unknown scope mapp_locaton; did you mean mapp_location?`,
			`f:8:44: steps[2].set grant.cuid: there is no device phon, expected phone; did you mean phone?`,
			`f:9:24: steps[3].set scope.scope: unknown scope scope.userinfo; did you mean scope.userInfo?`,
			`f:9:47: steps[3].set scope.grade: is the number 4, expected one of 1, 2, 3`,
			`f:10:5: steps[4]: expects something of data that cannot be opened, expected fails alone`,
			`f:10:21: steps[4].decrypt.data: variable $d is set nowhere before, expected $$ for a dollar sign`,
		}, "\n")},
		{"inside", "name: x\nsteps:\n  - repeat: {times: 0, steps: [{cal: x}]}\n  - parallel: [[{advance: 1}]]\n", strings.Join([]string{
			`f:3:21: steps[0].repeat.times: is the number 0, expected at least 1`,
			`f:3:33: steps[0].repeat.steps[0]: unknown key cal; did you mean call?`,
			`f:4:27: steps[1].parallel[0][0].advance: is the number 1, expected a duration such as 2h, 1h30m, 3s or 7d`,
		}, "\n")},
		{"a bomb", "name: x\nsteps:\n" + bomb(), `the file has too many values, expected at most 50000`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := scenarios.Parse("f", []byte(test.text))
			if s != nil || err == nil {
				t.Fatal("it is accepted")
			}
			var file *scenarios.FileError
			if !errors.As(err, &file) {
				t.Fatalf("%T: %v", err, err)
			}
			if !strings.HasPrefix(test.want, "f:") {
				if !strings.Contains(err.Error(), test.want) {
					t.Errorf("%.300s", err)
				}
				return
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// bomb is steps whose aliases stand for very many.
func bomb() string {
	var b strings.Builder
	b.WriteString("  - {call: listPackages, with: {a: &a [1,1,1,1,1,1,1,1,1,1]}}\n")
	for c := 'b'; c < 'j'; c++ {
		b.WriteString("  - {call: listPackages, with: {" + string(c) + ": &" + string(c) + " [" +
			strings.Join(slices.Repeat([]string{"*" + string(c-1)}, 10), ",") + "]}}\n")
	}
	return b.String()
}

// TestSyntaxErrorsHaveAPlace reads what is no YAML.
func TestSyntaxErrorsHaveAPlace(t *testing.T) {
	_, err := scenarios.Parse("f.yaml", []byte("name: x\nsteps: [{\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "f.yaml:") || !strings.Contains(err.Error(), "no YAML") {
		t.Error(err)
	}
	var file *scenarios.FileError
	if !errors.As(err, &file) || file.Problems[0].At.Line < 2 {
		t.Errorf("%+v", file)
	}
}

// TestMergedMappings reads anchors and merge keys; what stands in a mapping
// itself wins.
func TestMergedMappings(t *testing.T) {
	s, err := scenarios.Parse("f", []byte(`
name: x
platform:
  audits:
    - &slow {after: 2h, result: fail, reason: a}
    - {<<: *slow, reason: b}
    - {reason: c, <<: *slow}
`))
	if err != nil {
		t.Fatal(err)
	}
	for i, reason := range []string{"a", "b", "c"} {
		if d := s.Platform.Audits[i]; d.Reason != reason || d.Result != "fail" || d.After.String() != "2h" {
			t.Errorf("%d: %+v", i, d)
		}
	}
}

// FuzzParse reads anything: it does not panic, every problem has a place, and
// what is accepted is accepted again.
func FuzzParse(f *testing.F) {
	// Short ones: the fuzzer minimises what it finds, which is slow with long.
	f.Add([]byte("name: x\nsteps: [{call: listPackages, expect: {data: {$gt: 1}}, save: {a: data.0}}, {let: {b: $a}}]"))
	f.Add([]byte("name: x\ngiven: {apps: [{app_id: 1, packages: [{version: 1.0, state: online}]}]}\nplatform: {audits: [{after: 2h}]}"))
	f.Add([]byte("name: x\nsteps: [&a {repeat: {times: 2, steps: [*a]}}]"))
	f.Add([]byte("name: x\n? {a: b}\n: c"))
	f.Add([]byte("name: &n x\n*n : y\n<<: [*n]"))
	f.Add([]byte("name: !!binary aGk=\nseed: 0x10\nsummary: .inf"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := scenarios.Parse("f", text)
		if err == nil {
			if s == nil {
				t.Fatal("neither a scenario nor an error")
			}
			return
		}
		var file *scenarios.FileError
		if !errors.As(err, &file) {
			t.Fatalf("%T: %v", err, err)
		}
		if len(file.Problems) == 0 {
			t.Fatal("an error without a problem")
		}
		for _, p := range file.Problems {
			if p.At.Line < 1 || p.At.Column < 1 || p.Wrong == "" {
				t.Errorf("%+v", p)
			}
		}
	})
}
