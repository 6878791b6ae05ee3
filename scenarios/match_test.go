package scenarios

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// value reads a free value as a file has it.
func value(t *testing.T, text string) any {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	d := newDecoder("f")
	v := d.free(n.Content[0], "", 0)
	if err := fileError(d.problems); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestMatch holds answers against what is expected of them.
func TestMatch(t *testing.T) {
	const got = `{a: 1, b: x, c: [1, {d: 2, e: 3}], f: null, g: true, h: "7"}`
	for _, test := range []struct{ want, path, expected, actual string }{
		{`{}`, "", "", ""},
		{`{a: 1.0, b: x, f: null, g: true}`, "", "", ""},
		{`{c: [1, {d: 2}]}`, "", "", ""},
		{`{c: [1]}`, "c", "1 elements", `2: [1,{"d":2,"e":3}]`},
		{`{c: {$contains: [{e: 3}]}}`, "", "", ""},
		{`{c: {$contains: 1}}`, "", "", ""},
		{`{c: {$contains: [{e: 4}]}}`, "c", `{"$contains":[{"e":4}]}`, `[1,{"d":2,"e":3}]`},
		{`{c: {$length: 2}, b: {$length: {$lt: 2}}}`, "", "", ""},
		{`{a: {$gt: 0, $lte: 1}, b: {$gte: x}}`, "", "", ""},
		{`{a: {$gt: 1}}`, "a", `{"$gt":1}`, "1"},
		{`{a: {$gt: x}}`, "a", `{"$gt":"x"}`, "1"},
		{`{b: {$match: '^[xy]$'}, a: {$match: 1}}`, "a", `{"$match":1}`, "1"},
		{`{b: {$match: '^[xy]$'}}`, "", "", ""},
		{`{z: {$absent: true}, f: {$any: true}, a: {$absent: false}}`, "", "", ""},
		{`{a: {$absent: true}}`, "a", `{"$absent":true}`, "1"},
		{`{z: {$any: true}}`, "z", `{"$any":true}`, "absent"},
		{`{z: 1}`, "z", "1", "absent"},
		{`{z: {y: 1}}`, "z", `{"y":1}`, "absent"},
		{`{a: {$in: [2, {$lt: 2}]}}`, "", "", ""},
		{`{a: {$ne: 2}, b: {$not: {$match: y}}, c: {$eq: [1, {d: 2, e: 3}]}}`, "", "", ""},
		{`{c: {$eq: [1, {d: 2}]}}`, "c", `{"$eq":[1,{"d":2}]}`, `[1,{"d":2,"e":3}]`},
		{`{a: {$type: number}, b: {$type: string}, c: {$type: array}, f: {$type: "null"}, g: {$type: boolean}}`, "", "", ""},
		{`{h: 7}`, "h", "7 (quote it: the answer has a text)", `"7"`},
		{`{a: "1"}`, "a", `"1" (without quotes: the answer has no text)`, "1"},
		{`{a: [1]}`, "a", "[1]", "1"},
		{`{a: {b: 1}}`, "a", `{"b":1}`, "1"},
		{`{c: [1, {d: 3}]}`, "c.1.d", "3", "2"},
	} {
		var want []Mismatch
		if test.expected != "" {
			want = []Mismatch{{test.path, test.expected, test.actual}}
		}
		if diff := cmp.Diff(want, match(value(t, test.want), value(t, got), "")); diff != "" {
			t.Errorf("%s\n%s", test.want, diff)
		}
	}
}

// TestExpand replaces variables.
func TestExpand(t *testing.T) {
	vars := scope{"n": value(t, "7"), "s": "text", "l": value(t, "[1, 2]"), "apps.5.app_key": "key"}
	for in, want := range map[string]string{
		`$n`: `7`, `"${n}"`: `7`, `x$n`: `"x7"`, `"${s}s"`: `"texts"`, `$$n`: `"$n"`, `$l`: `[1,2]`, `a $l`: `"a [1,2]"`,
		`"${apps.5.app_key}"`: `"key"`, `[$n, {a: $s}]`: `[7,{"a":"text"}]`, `"^\\d$"`: `"^\\d$"`, `$`: `"$"`, `true`: `true`,
	} {
		v, err := vars.expand(value(t, in))
		if got := encodeJSON(v); err != nil || got != want {
			t.Errorf("%s is %s, %v; want %s", in, got, err, want)
		}
	}
	if _, err := vars.expand("$m"); err == nil || err.Error() != "variable $m is not set; did you mean $l?" {
		t.Error(err)
	}
	for ref, want := range map[Ref]int64{"": 0, "12": 12, "$n": 7} {
		if got, err := vars.ref(ref); got != want || err != nil {
			t.Errorf("%s is %d, %v; want %d", ref, got, err, want)
		}
	}
	if _, err := vars.ref("$s"); err == nil {
		t.Error("a text is taken for a number")
	}
}

// TestLookup follows paths.
func TestLookup(t *testing.T) {
	v := value(t, `{data: [{id: 1}, {id: 2}], n: null}`)
	for path, want := range map[string]string{"data.0.id": "1", "data.-1.id": "2", "n": "null"} {
		got, err := lookup(v, path)
		if err != nil || encodeJSON(got) != want {
			t.Errorf("%s is %v, %v; want %s", path, got, err, want)
		}
	}
	for path, want := range map[string]string{
		"x": `the answer has no member "x"`, "data.2": `data has 2 elements and no element "2"`,
		"data.0.id.y": "data.0.id has no members", "data.x": `data has 2 elements and no element "x"`,
	} {
		if _, err := lookup(v, path); err == nil || err.Error() != want {
			t.Errorf("%s: %v; want %s", path, err, want)
		}
	}
}

// TestDurations reads and writes durations.
func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"3s": 3 * time.Second, "1h30m": 90 * time.Minute, "7d": 7 * 24 * time.Hour, "1d12h": 36 * time.Hour, "0": 0, "0s": 0,
	} {
		d, err := parseDuration(text)
		if time.Duration(d) != want || err != nil {
			t.Errorf("%s is %s, %v; want %s", text, d, err, want)
		}
		again, err := parseDuration(d.String())
		if again != d || err != nil {
			t.Errorf("%s is written %s", text, d)
		}
	}
	for _, text := range []string{"-3s", "3", "d", "xd", "1dd", "99999999d", "3000000h", "2562047h48m", "65000d2562047h"} {
		if d, err := parseDuration(text); err == nil {
			t.Errorf("%q is taken for %s", text, d)
		}
	}
}

// TestHideTokens keeps tokens out of what is shown around.
func TestHideTokens(t *testing.T) {
	text := `{"access_token":"45.4016982569a328a46c063e68bfe9cdbe.2592000.1770166800.O5kz1e-1W3J","Ticket":"4016982569a328a46c063e68bfe9cdbe","v":"1.2.0"}`
	want := `{"access_token":"45.…","Ticket":"…","v":"1.2.0"}`
	if got := hideTokens(text); got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

// TestNearest finds what was meant.
func TestNearest(t *testing.T) {
	known := []string{"upload", "audit", "name", "PACKAGE_AUDIT_PASS"}
	for word, want := range map[string]string{
		"uplaod": "upload", "Audit": "audit", "nam": "name", "x": "", "PACKAGE_AUDIT_PAS": "PACKAGE_AUDIT_PASS", "zebra": "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("%s is taken for %q; want %q", word, got, want)
		}
	}
}
