package spec

import (
	"strings"
	"testing"
)

func TestParsePrefer(t *testing.T) {
	for _, c := range []struct {
		values []string
		want   Prefer
	}{
		{nil, Prefer{}},
		{[]string{""}, Prefer{}},
		{[]string{"code=404"}, Prefer{Code: 404}},
		{[]string{"code=404, example=missing"}, Prefer{Code: 404, Example: "missing"}},
		{[]string{"code=404", "example=missing", "dynamic=true"}, Prefer{Code: 404, Example: "missing", Dynamic: true}},
		{[]string{"  Code = 200 ,\tEXAMPLE = \"two words\" "}, Prefer{Code: 200, Example: "two words"}},
		{[]string{`example="a \"quoted\", name"`}, Prefer{Example: `a "quoted", name`}},
		{[]string{`code="201"; example=x`}, Prefer{Code: 201, Example: "x"}},
		{[]string{"dynamic"}, Prefer{Dynamic: true}},
		{[]string{"dynamic=TRUE"}, Prefer{Dynamic: true}},
		{[]string{"dynamic=false"}, Prefer{}},
		{[]string{"code=200, code=500"}, Prefer{Code: 200}},
		{[]string{"respond-async, wait=10; foo=bar, code=202"}, Prefer{Code: 202}},
		{[]string{"return=minimal,,handling=lenient"}, Prefer{}},
	} {
		got, err := ParsePrefer(c.values)
		if err != nil || got != c.want {
			t.Errorf("ParsePrefer(%q) = %+v, %v; want %+v", c.values, got, err, c.want)
		}
	}
}

func TestParsePreferErrors(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{"code=abc", "status from 100 to 599"},
		{"code=99", "status from 100 to 599"},
		{"code=600", "status from 100 to 599"},
		{"code", "status from 100 to 599"},
		{"dynamic=maybe", "true or false"},
		{"example=", "must name an example"},
		{`example="open`, "no closing quote"},
		{`example="a" b`, "expected a comma"},
	} {
		if _, err := ParsePrefer([]string{c.value}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("ParsePrefer(%q): error %v; want one with %q", c.value, err, c.want)
		}
	}
}

func FuzzParsePrefer(f *testing.F) {
	f.Add(`code=404, example="a\"b"; dynamic`)
	f.Add(`"=,;`)
	f.Fuzz(func(t *testing.T, value string) {
		if p, err := ParsePrefer([]string{value}); err != nil && p != (Prefer{}) {
			t.Errorf("ParsePrefer(%q) = %+v with error %v", value, p, err)
		}
	})
}
