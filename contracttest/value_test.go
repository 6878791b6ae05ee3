package contracttest

import (
	"testing"

	"github.com/swanemu/emu/internal/spec"
)

func TestKindAt(t *testing.T) {
	body := []byte(`{"a":[{"t":"2026-01-05T09:00:00Z","n":7,"f":1.5,"b":true,"z":null,"o":{"x":1},"名":"张三","e":"","/":1}],"s":"01234567890123456789012345678901234567890"}`)
	for _, test := range []struct {
		pointer      string
		secret, form bool
		want         string
	}{
		{"", false, false, "object (2 members)"},
		{"/a", false, false, "array (1 item)"},
		{"/a/0/t", false, false, "string (20 characters)"},
		{"/a/0/t", false, true, "string (20 characters, shaped 9999-99-99a99:99:99a)"},
		{"/a/0/t", true, true, "string (20 characters)"},
		{"/a/0/n", false, false, "integer 7"},
		{"/a/0/n", true, false, "integer"},
		{"/a/0/f", false, false, "number 1.5"},
		{"/a/0/b", false, false, "boolean true"},
		{"/a/0/z", false, false, "null"},
		{"/a/0/o", false, false, "object (1 member)"},
		{"/a/0/名", false, true, "string (2 characters, shaped 字字)"},
		{"/a/0/e", false, true, "string (0 characters)"},
		{"/a/0/~1", false, false, "integer 1"},
		{"/s", false, true, "string (41 characters)"},
		{"/a/1/n", false, false, ""},
		{"/a/x", false, false, ""},
		{"/q", false, false, ""},
		{"/s/0", false, false, ""},
	} {
		if got := kindAt(body, test.pointer, test.secret, test.form); got != test.want {
			t.Errorf("%s (secret %t, form %t) is %q, want %q", test.pointer, test.secret, test.form, got, test.want)
		}
	}
}

func TestExpectation(t *testing.T) {
	secret := func(name string) bool { return name == "access_token" }
	body := []byte(`{"access_token":1234,"n":9,"s":"abc"}`)
	for _, test := range []struct {
		issue        spec.Issue
		want, actual string
	}{
		{spec.Issue{Rule: spec.RuleRequired, Pointer: "/x"}, "a value", "missing"},
		{spec.Issue{Rule: spec.RuleType, Pointer: "/n", Want: "string"}, "string", "integer 9"},
		{spec.Issue{Rule: spec.RuleType, Pointer: "/access_token", Want: "string"}, "string", "integer"},
		{spec.Issue{Rule: spec.RuleEnum, Pointer: "/n", Want: "1, 2"}, "one of 1, 2", "integer 9"},
		{spec.Issue{Rule: spec.RuleEnum, Pointer: "/n", Want: "1"}, "1", "integer 9"},
		{spec.Issue{Rule: spec.RuleMaximum, Pointer: "/n", Want: "8"}, "at most 8", "integer 9"},
		{spec.Issue{Rule: spec.RuleMaximum, Pointer: "/n", Want: "less than 9"}, "less than 9", "integer 9"},
		{spec.Issue{Rule: spec.RuleMinimum, Pointer: "/n", Want: "10"}, "at least 10", "integer 9"},
		{spec.Issue{Rule: spec.RuleMaxLength, Pointer: "/s", Want: "2"}, "at most 2 characters", "string (3 characters)"},
		{spec.Issue{Rule: spec.RuleMinLength, Pointer: "/s", Want: "4"}, "at least 4 characters", "string (3 characters)"},
		{spec.Issue{Rule: spec.RulePattern, Pointer: "/s", Want: "^[0-9]+$"}, "a string that matches ^[0-9]+$", "string (3 characters, shaped aaa)"},
		{spec.Issue{Rule: spec.RuleFormat, Pointer: "/s", Want: "date"}, "a string in the format date", "string (3 characters, shaped aaa)"},
		{spec.Issue{Rule: spec.RuleUnknown, Pointer: "/s"}, "no such member", "string (3 characters)"},
		{spec.Issue{Rule: spec.RuleSchema, Pointer: "/y", Want: "at least 1 items"}, "at least 1 items", "something else"},
	} {
		if got := expectation(test.issue); got != test.want {
			t.Errorf("%v asks for %q, want %q", test.issue, got, test.want)
		}
		if got := actually(test.issue, body, secret); got != test.actual {
			t.Errorf("%v found %q, want %q", test.issue, got, test.actual)
		}
	}
}

// TestMeaning has words for every mark that the contract uses.
func TestMeaning(t *testing.T) {
	c := contract(t)
	for _, op := range c.Operations() {
		if text := meaning(op.Evidence); text == "" {
			t.Errorf("%s: no words for %+v", op.ID, op.Evidence)
		}
	}
	for evidence, want := range map[spec.Evidence]string{
		{Grade: "documented", Source: "S1"}: "the platform says so; source: one of the platform's documents that the contract was written from",
		{Grade: "assumed", Source: "A"}:     "the contract's own judgement: a server may have reasons to differ; source: nobody has published it",
		{Grade: "observed", Source: "K"}:    "seen, not promised; source: what official and third-party clients send, accept and break on",
		{}:                                  "",
		{Grade: "documented"}:               "the platform says so",
		{Source: "D"}:                       "other public documents of the platform",
	} {
		if got := meaning(evidence); got != want {
			t.Errorf("%+v means %q, want %q", evidence, got, want)
		}
	}
}
