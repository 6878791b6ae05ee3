package emulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/swanemu/emu/emulator"
)

// staged is an app with one package in that state, and its token.
func staged(t *testing.T, e http.Handler, app int64, state string) (token, id string) {
	t.Helper()
	made := must[shownApp](t, e, "POST", box+"/apps", fmt.Sprintf(
		`{"app_id":%d,"tp_id":17328232,"packages":[{"version":"1.0.0","state":%q}]}`, app, state))
	return made.Authorizer.AccessToken, fmt.Sprint(packagesOf(t, e, app)[0].ID)
}

// TestEvidence looks at what answers say of themselves, and at what a sandbox
// that is strict about it makes of the same calls: documented steps pass, what
// is only assumed is refused and leaves no trace.
func TestEvidence(t *testing.T) {
	for i, test := range []struct {
		state, path string
		says        string
		// strict is the status of a strict sandbox.
		strict int
		// rests is what it names as assumed.
		rests string
	}{
		{"development", "submitaudit", "documented; source=S1", http.StatusOK, ""},
		{"approved", "release", "documented; source=S1", http.StatusOK, ""},
		{"in_review", "withdraw", "assumed; source=A", http.StatusNotImplemented, "the step withdraw of x-lifecycle/package"},
		{"development", "release", "assumed; source=A", http.StatusNotImplemented, "the error IllegalTransition"},
	} {
		t.Run(test.path+" of "+test.state, func(t *testing.T) {
			for _, strict := range []bool{false, true} {
				e := newEmulator(t, func(o *emulator.Options) { o.StrictEvidence = strict })
				token, id := staged(t, e, int64(100+i), test.state)
				a := post(e, "/rest/2.0/smartapp/package/"+test.path,
					"access_token", token, "package_id", id, "content", "送审", "remark", "")
				if !strict {
					if got := a.header.Get("Emu-Evidence"); got != test.says || a.status != http.StatusOK {
						t.Errorf("HTTP %d, evidence %q, want %q", a.status, got, test.says)
					}
					continue
				}
				if a.status != test.strict || test.rests != "" && !strings.Contains(string(a.body), test.rests) {
					t.Errorf("strict: HTTP %d %s, want %d and %q", a.status, a.body, test.strict, test.rests)
				}
				if after := packagesOf(t, e, int64(100+i))[0].State; (after == test.state) != (test.rests != "") {
					t.Errorf("strict: the package is %s, before %s", after, test.state)
				}
			}
		})
	}
}

// TestEvidenceOfErrors has errors that are better known than the rule by which
// they are raised, and a contract that knows no evidence.
func TestEvidenceOfErrors(t *testing.T) {
	e := newEmulator(t, func(o *emulator.Options) { o.StrictEvidence = true })
	a := get(e, "/rest/2.0/smartapp/package/get", "access_token", "45.unknown")
	if a.status != http.StatusOK || a.header.Get("Emu-Evidence") == "" || !strings.HasPrefix(a.header.Get("Emu-Evidence"), "documented") {
		t.Errorf("an unknown token: HTTP %d, %q", a.status, a.header.Get("Emu-Evidence"))
	}
	got := must[map[string]any](t, e, "PATCH", box+"/config", `{"strict_evidence":false}`)
	if got["strict_evidence"] != false {
		t.Errorf("config %v", got)
	}
	token, id := staged(t, e, 7, "in_review")
	if a := get(e, "/rest/2.0/smartapp/package/getdetail", "access_token", token, "package_id", id); a.status != http.StatusOK {
		t.Errorf("a detail: HTTP %d %s", a.status, a.body)
	}
	foreign := newEmulator(t, func(o *emulator.Options) {
		o.Spec = []byte("openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {/x: {get: {responses: {'200': {description: ok}}}}}\n")
	})
	if a := get(foreign, "/x"); a.header.Get("Emu-Evidence") != "" {
		t.Errorf("a foreign contract: %q", a.header.Get("Emu-Evidence"))
	}
}
