package emulator_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
)

// FuzzRequest sends a request to a fresh sandbox: whatever it is, the answer is
// one of the platform's envelopes, the emulator finds no fault with itself, and
// a refusal leaves the state as it was. In target and body a dollar sign and a
// letter stand for credentials, see placeholders.
func FuzzRequest(f *testing.F) {
	addRequests(f)
	var e *emulator.Emulator
	n := 0
	f.Cleanup(func() {
		if e != nil {
			_ = e.Close(context.Background())
		}
	})
	f.Fuzz(func(t *testing.T, method, target, contentType, body string) {
		if n%200 == 0 { // a sandbox stays where it is, so emulators go
			if e != nil {
				if err := e.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			var err error
			if e, err = emulator.New(t.Context(), emulator.Options{Strict: true, Clock: emulator.Clock{Mode: "virtual"}}); err != nil {
				t.Fatal(err)
			}
		}
		n++
		s, err := e.CreateSandbox("fuzz-"+strconv.Itoa(n), emulator.SandboxOptions{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		c := credentials(t, s)
		fill := placeholders(t, e, c)
		u, err := url.ParseRequestURI(fill.Replace(target))
		if err != nil || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "/_emu") {
			return // no server hands such a request on
		}
		body = fill.Replace(body)
		r := httptest.NewRequest(http.MethodGet, "/", strings.NewReader(body))
		r.Method, r.URL, r.RequestURI = method, u, u.RequestURI()
		r.ContentLength = int64(len(body))
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		before, beforeDefault := mustExport(t, s), mustExport(t, e.Sandbox(emulator.DefaultSandbox))
		a := serve(e, r)
		if err := wellFormed(a); err != nil && !bare(a) {
			t.Errorf("%v", err)
		}
		if a.code() != 0 {
			if d := sameState(before, mustExport(t, s)); d != nil {
				t.Errorf("%d %s changed %v", a.status, a.body, d)
			}
		}
		if d := sameState(beforeDefault, mustExport(t, e.Sandbox(emulator.DefaultSandbox))); d != nil {
			t.Errorf("%d %s changed %v of another sandbox", a.status, a.body, d)
		}
		// What it brought about goes its way.
		advance(t, s, 10*time.Second)
		get(e, pathList, "access_token", c.Authorizer.AccessToken).data(t, &[]map[string]any{})
		if m := mismatches(s); m != nil {
			t.Errorf("mismatches: %v", m)
		}
		if _, err := json.Marshal(s.Journal(0, 1000)); err != nil {
			t.Errorf("journal: %v", err)
		}
	})
}

// bare says whether an answer is a success without an envelope.
func bare(a answer) bool {
	var tokens map[string]any
	return a.status == http.StatusOK && json.Unmarshal(a.body, &tokens) == nil && tokens["access_token"] != nil
}

// addRequests begins the corpus with every call, right and wrong.
func addRequests(f *testing.F) {
	f.Helper()
	for _, tc := range wrongRequests() {
		if len(tc.body) < 1<<20 {
			f.Add(tc.method, tc.target, tc.contentType, tc.body)
		}
	}
	for _, path := range []string{
		pathUpload, pathSubmit, pathRelease, pathRollback, pathWithdraw, pathList, pathDetail, pathQuota, pathAppInfo,
	} {
		f.Add("POST", path+"?access_token=$A", formType, goodUpload+"&package_id=55001&content=c")
		f.Add("GET", path+"?access_token=$A&package_id=55001&type=3", "", "")
	}
	f.Add("POST", pathUpload, jsonType, `{"access_token":"$A","template_id":1,"ext_json":"{\"directCommit\":true}","user_desc":"\u0001\ufffd","user_version":"<&>"}`)
	for _, path := range []string{pathOSSInfo, pathOSSList, pathOSSDetail} {
		f.Add("GET", path+"?access_token=$H&app_id=1452365&app_ids=1452365", "", "")
		f.Add("POST", path, formType, "access_token=$D&app_id=1452365&app_ids=1452365,1452365")
	}
	f.Add("GET", pathMessages+"?access_token=$T&start=0&end=1&offset=2&count=3&id_list=4", "", "")
	f.Add("POST", pathToken, formType, "grant_type=client_credentials&client_id=$K&client_secret=$S&scope=smartapp_snsapi_base")
	f.Add("GET", pathTPToken+"?client_id=$C&ticket=$X", "", "")
	f.Add("GET", pathPreAuth+"?access_token=$T", "", "")
	f.Add("POST", pathRetrieve, formType, "access_token=$T&app_id=1452365")
	f.Add("GET", pathExchange+"?access_token=$T&grant_type=app_to_tp_refresh_token&refresh_token=$R", "", "")
}
