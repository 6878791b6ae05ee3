package mutants

import (
	"strings"
	"testing"
)

// TestBodies reads and writes JSON as it stands, and changes one value of it.
func TestBodies(t *testing.T) {
	const text = `{"b":1.50,"a":[{"x":"<&>"},{"x":null,"x":2}],"~/":{}}`
	if got := string(parse([]byte(" " + text + "\n")).bytes()); got != text {
		t.Errorf("%s becomes %s", text, got)
	}
	for _, bad := range []string{"", "{", `{"a":}`, "1 2", "{}}", `{"a" 1}`, "[1,]"} {
		if parse([]byte(bad)) != nil {
			t.Errorf("%q is JSON", bad)
		}
	}
	for _, test := range []struct {
		pointer string
		change  func(spot)
		want    string
	}{
		{"/a/*/x", func(s spot) { s.put(scalar("7")) }, `{"b":1.50,"a":[{"x":7},{"x":7,"x":7}],"~/":{}}`},
		{"/b", spot.drop, `{"a":[{"x":"<&>"},{"x":null,"x":2}],"~/":{}}`},
		{"/a/*", spot.drop, `{"b":1.50,"a":[],"~/":{}}`},
		{"/~0~1", func(s spot) { s.value.add("n", quoted("字")) }, `{"b":1.50,"a":[{"x":"<&>"},{"x":null,"x":2}],"~/":{"n":"字"}}`},
		{"", func(s spot) { s.put(scalar("[]")) }, `[]`},
		{"/a", doubleFirst, text},
		{"", doubleFirst, strings.TrimSuffix(text, "}") + `,"b":1.50}`},
		{"/none", spot.drop, text},
	} {
		n := parse([]byte(text))
		for _, s := range n.find(test.pointer) {
			test.change(s)
		}
		if got := string(n.bytes()); got != test.want {
			t.Errorf("%s: %s, want %s", test.pointer, got, test.want)
		}
	}
}
