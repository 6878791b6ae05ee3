package contracttest

import (
	"context"
	"errors"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	emu "github.com/swanemu/emu"
	"github.com/swanemu/emu/internal/spec"
)

// compiled is the contract, for all tests.
var compiled = sync.OnceValues(func() (*spec.Contract, error) {
	return spec.Load(emu.OpenAPI, spec.LoadOptions{Verified: true})
})

func contract(t testing.TB) *spec.Contract {
	t.Helper()
	c, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClassify(t *testing.T) {
	k := newClassifier(contract(t))
	for _, test := range []struct {
		status int
		body   string
		want   Outcome
	}{
		{200, `{"errno":0,"msg":"success"}`, Accepted},
		{200, `{"errno":"0","errmsg":"succ"}`, Accepted},
		{200, `{"access_token":"x"}`, Accepted},
		{200, `{"errno":40001,"msg":"x"}`, Refused},
		{200, `{"errno":99999,"msg":"x"}`, Refused},
		{200, `{"errno":-1}`, Refused},
		{400, `{"error":"invalid_client"}`, Refused},
		{401, `{"error":"invalid_client"}`, Unauthenticated},
		{200, `{"error_code":110,"error_msg":"x"}`, Unauthenticated},
		{200, `{"error_code":111,"error_msg":"x"}`, Unauthenticated},
		{200, `{"error_code":4,"error_msg":"x"}`, Throttled},
		{200, `{"errno":50029,"msg":"x"}`, Throttled},
		{429, ``, Throttled},
		{429, `{"errno":40001}`, Throttled},
		{200, `{"error_code":1,"error_msg":"x"}`, Crashed},
		{200, `{"errno":1000,"msg":"x"}`, Crashed},
		{500, `{"errno":40001,"msg":"x"}`, Crashed},
		{502, `<html>`, Crashed},
		{302, ``, Crashed},
		{404, `{"title":"x"}`, Refused},
		{401, ``, Unauthenticated},
	} {
		if got := k.classify(nil, test.status, []byte(test.body)).outcome; got != test.want {
			t.Errorf("HTTP %d %s is %s, want %s", test.status, test.body, got, test.want)
		}
	}
}

func TestScanJSON(t *testing.T) {
	for _, test := range []struct {
		text    string
		doubled []string
		fault   string
	}{
		{text: ` {"a":[1,{"b":2}]} ` + "\n"},
		{text: `{"a":1,"b":{"a":1}}`},
		{text: `{"a":1,"a":1}`, doubled: []string{"/a"}},
		{text: `{"d":[{"x":1},{"x":1,"x":2}]}`, doubled: []string{"/d/*/x"}},
		{text: ``, fault: "empty"},
		{text: ` `, fault: "empty"},
		{text: `{"a":`, fault: "ends early"},
		{text: `{"a":1`, fault: "ends early"},
		{text: `{"a":1}}`, fault: "after"},
		{text: `{} <!-- -->`, fault: "after"},
		{text: `<html>`, fault: "no JSON"},
	} {
		doubled, err := scanJSON([]byte(test.text))
		if !slices.Equal(doubled, test.doubled) {
			t.Errorf("%q: doubled %v, want %v", test.text, doubled, test.doubled)
		}
		if (err == nil) != (test.fault == "") || err != nil && !strings.Contains(err.Error(), test.fault) {
			t.Errorf("%q: %v, want %q", test.text, err, test.fault)
		}
	}
}

// TestShell lets a shell read what was quoted for it.
func TestShell(t *testing.T) {
	r := &redactor{}
	r.learn("TOKEN", "45.secret.token")
	r.learn("TOKEN_2", "45.secret.token.longer")
	for _, text := range []string{
		"plain", "a'b", `a"b $HOME $(x) \`, "x=45.secret.token&y=45.secret.token.longer", "45.secret.token", "'45.secret.token'", "",
	} {
		quoted := r.shell(text)
		if strings.Contains(quoted, "secret") {
			t.Errorf("%q is quoted with its secret: %s", text, quoted)
		}
		out, err := exec.Command("sh", "-c", "TOKEN=45.secret.token TOKEN_2=45.secret.token.longer; printf %s "+quoted).Output()
		if err != nil || string(out) != text {
			t.Errorf("%q becomes %s, which a shell reads as %q, %v", text, quoted, out, err)
		}
	}
}

// silent fails on every request.
type silent struct{}

func (silent) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("nobody may call")
}

// TestValidMutationsAreDropped sends a mutation that is none.
func TestValidMutationsAreDropped(t *testing.T) {
	s, err := newSuite(Target{
		URL: "http://127.0.0.1", Transport: silent{},
		Credentials: Credentials{Authorizer: Authorizer{AppID: 1, AccessToken: "45.00000000"}},
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	op, _ := s.contract.Operation(opUpload)
	for name, apply := range map[string]func(*wire){
		"nothing changed":  func(*wire) {},
		"a text in a form": func(w *wire) { w.set(param{name: "user_desc", text: "123"}) },
		"the wrong field":  func(w *wire) { w.drop("template_id") },
	} {
		p := &probe{suite: s, work: &work{check: "input.type", operation: op.ID}, seen: map[string]bool{}}
		m := mutation{check: "input.type", field: "user_desc", keyword: "type", place: inForm, apply: apply}
		if err := p.mutate(context.Background(), op, &m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if p.dropped == "" || len(p.chain) > 0 {
			t.Errorf("%s was sent", name)
		}
	}
}

// TestPlannedMutationsAreWrong holds every mutation against the contract.
func TestPlannedMutationsAreWrong(t *testing.T) {
	s, err := newSuite(Target{URL: "http://127.0.0.1", Transport: silent{}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, op := range s.contract.Operations() {
		for _, m := range s.mutationsOf(op) {
			w := &wire{op: op, method: op.Method, token: "45.00000000", place: m.place}
			for _, f := range op.Fields() {
				if f.Required {
					w.params = append(w.params, paramOf(f, example(f)))
				}
			}
			if issues, err := w.judge(context.Background()); err != nil || len(issues) > 0 {
				t.Errorf("%s: the request to mutate is invalid: %v %v", op.ID, issues, err)
			}
			m.apply(w)
			issues, err := w.judge(context.Background())
			if err != nil || !m.meant(issues) {
				t.Errorf("%s/%s/%s is not what it says: %v %v", op.ID, m.check, m.name, issues, err)
			}
			n++
		}
	}
	if n < 200 {
		t.Errorf("%d mutations; there must be more", n)
	}
}

// TestChecks looks at the list itself.
func TestChecks(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Checks() {
		if seen[c.ID] {
			t.Errorf("%s stands twice", c.ID)
		}
		seen[c.ID] = true
		if !strings.HasSuffix(c.Explain, ".") || !slices.Contains(Modes(), c.Changes) {
			t.Errorf("%s: want a sentence and a mode", c.ID)
		}
	}
}
