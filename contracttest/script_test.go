package contracttest_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/contracttest/emutarget"
	"github.com/swanemu/emu/emulator"
)

// wired is an emulator behind a port, with something in between for the calls
// of the platform, whose outcomes it writes down.
type wired struct {
	em       http.Handler
	platform http.RoundTripper
	mu       sync.Mutex
	seen     []seenAnswer
	t        *testing.T
}

type seenAnswer struct {
	status int
	body   []byte
}

func (f *wired) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_emu/") {
		f.em.ServeHTTP(w, r)
		return
	}
	res, err := f.platform.RoundTrip(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		f.t.Error(err)
	}
	f.mu.Lock()
	f.seen = append(f.seen, seenAnswer{res.StatusCode, body})
	f.mu.Unlock()
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(res.StatusCode)
	_, _ = w.Write(body)
}

// forget forgets what was seen.
func (f *wired) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = nil
}

// outcomes returns what was seen.
func (f *wired) outcomes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, answer := range f.seen {
		out = append(out, contracttest.OutcomeText(f.t, answer.status, answer.body))
	}
	return out
}

// wire opens an emulator over TCP with a mutant in between.
func wire(t *testing.T, m *mutant, adminToken string) (*emulated, *wired) {
	t.Helper()
	em, err := emulator.New(t.Context(), emulator.Options{Strict: true, Clock: emulator.Clock{Mode: "virtual"}, AdminToken: adminToken})
	if err != nil {
		t.Fatal(err)
	}
	front := &wired{em: em, platform: within{em}, t: t}
	server := httptest.NewServer(front)
	t.Cleanup(func() {
		server.Close()
		if err := em.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	e := &emulated{handler: em, broker: &recorder{}}
	e.Box, err = emutarget.Open(t.Context(), emutarget.Options{URL: server.URL, AdminToken: adminToken, Sandbox: "suite"})
	if err != nil {
		t.Fatal(err)
	}
	e.target = e.Target()
	e.target.Transport = within{em}
	m.change(t, e)
	front.platform, e.target.Transport = e.target.Transport, nil
	return e, front
}

// TestScripts runs the script of a finding as it is printed, with nothing else
// given: the same happens again. The sandbox of the finding is gone by then.
func TestScripts(t *testing.T) {
	scripted := map[string][]string{
		"HTTP 201 for an upload":                    {"response.status"},
		"an error repeats the token":                {"response.secrets"},
		"required is ignored":                       {"input.required"},
		"maximum is ignored":                        {"input.boundary"},
		"malformed input is read as far as it goes": {"input.malformed"},
		"any Content-Type is read":                  {"input.content-type"},
		"no token is needed":                        {"token.absent"},
		"any token will do":                         {"token.garbled"},
		"any secret will do":                        {"token.secret"},
		"refresh tokens work again":                 {"token.once"},
		"packages of any app":                       {"token.other-app"},
		"illegal steps are accepted and do nothing": {"lifecycle.illegal"},
		"audits without end":                        {"lifecycle.gate"},
		"a step can be taken again":                 {"lifecycle.repeat"},
		"release does nothing":                      {"lifecycle.path"},
		"a refused submission has its effect":       {"input.required", "effect.none"},
		"tokens do not expire":                      {"token.expired"},
		"the detail is behind":                      {"lifecycle.views"},
	}
	for n, name := range slices.Sorted(maps.Keys(scripted)) {
		if raceEnabled && n%5 != 0 {
			continue // a few of them have shown the races
		}
		checks := scripted[name]
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			all := mutants()
			i := slices.IndexFunc(all, func(m mutant) bool { return m.name == name })
			if i < 0 {
				t.Fatal("there is no such mutant")
			}
			e, front := wire(t, &all[i], "")
			var found *contracttest.Finding
			_, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{
				Mode: contracttest.Destructive, Checks: checks,
				Stop: func(f contracttest.Finding) bool { found = &f; return true },
			})
			if err != nil || found == nil {
				t.Fatalf("%v, found %v", err, found)
			}
			if err := e.Close(context.Background()); err != nil {
				t.Fatal(err)
			}
			again(t, front, found.Curl)
		})
	}
}

// again runs a script and compares the outcomes with what it says they were.
func again(t *testing.T, front *wired, lines []string, env ...string) {
	t.Helper()
	script := strings.Join(lines, "\n")
	if m := regexp.MustCompile(`(24|42|45|46)\.[0-9a-f]{32}\.|open-sesame`).FindString(script); m != "" {
		t.Errorf("the script shows a secret, %s", m)
	}
	front.forget()
	cmd := exec.CommandContext(t.Context(), "sh", "-eu")
	cmd.Env = append(cmd.Environ(), env...)
	cmd.Stdin = strings.NewReader(script + "\n")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if _, err := cmd.Output(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, stderr.String(), script)
	}
	var want []string
	for i, line := range lines {
		if said, ok := strings.CutPrefix(line, "# "); ok && i > 0 && !strings.HasPrefix(said, "the harness") {
			want = append(want, said)
		}
	}
	got := front.outcomes()
	// What the harness itself calls is not told.
	for len(got) > len(want) {
		got = got[1:]
	}
	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("again: %q\nbefore: %q\n%s", got, want, script)
	}
}

// TestScriptsOfARun does so with every cause of a whole run, of which most come
// after others, and after time was moved.
func TestScriptsOfARun(t *testing.T) {
	m := mutant{change: on(func(m *msg) {
		m.rows(func(r map[string]any) { r["commit_time"] = "2026-01-05T09:00:00Z" })
		switch {
		case m.is("releasePackage") && m.ok():
			m.status = http.StatusCreated
		case m.is("getTPAccessToken", "createPreAuthCode", "postOSSAppInfo"):
			m.header.Set("Content-Type", "text/plain")
		case m.code() == "69013":
			m.succeed()
		case m.is("listPushMessages") && m.code() == "110":
			m.refuse(69999, "x")
		}
	})}
	e, front := wire(t, &m, "")
	r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{Mode: contracttest.Destructive, Operations: []string{
		"releasePackage", "submitPackageAudit", "listPackages", "getTPAccessToken", "createPreAuthCode", "postOSSAppInfo", "listPushMessages",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Causes) < 5 {
		t.Fatalf("%d causes\n%s", len(r.Causes), textOf(t, r))
	}
	if err := e.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Causes {
		again(t, front, c.Curl)
		e.admin(http.MethodDelete, "", nil)
	}
}

// TestScriptOfOneWithAToken does so where the control API asks for a token.
func TestScriptOfOneWithAToken(t *testing.T) {
	m := mutant{change: on(func(m *msg) {
		if m.is("getAppInfo") {
			m.status = http.StatusTeapot
		}
	})}
	e, front := wire(t, &m, "open-sesame")
	var found *contracttest.Finding
	_, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{
		Operations: []string{"getAppInfo"}, Stop: func(f contracttest.Finding) bool { found = &f; return true },
	})
	if err != nil || found == nil {
		t.Fatalf("%v, found %v", err, found)
	}
	if err := e.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	again(t, front, found.Curl, "ADMIN_TOKEN=open-sesame")
}

// TestScriptAsks stops a script where a secret is missing that only its owner
// has.
func TestScriptAsks(t *testing.T) {
	m := mutant{change: on(func(m *msg) { m.status = http.StatusTeapot })}
	e, front := wire(t, &m, "")
	target := contracttest.Target{URL: e.target.URL, Credentials: e.target.Credentials}
	var found *contracttest.Finding
	_, err := contracttest.Verify(t.Context(), target, contracttest.Options{
		Operations: []string{"listPackages"}, Stop: func(f contracttest.Finding) bool { found = &f; return true },
	})
	if err != nil || found == nil {
		t.Fatalf("%v, found %v", err, found)
	}
	cmd := exec.CommandContext(t.Context(), "sh")
	cmd.Stdin = strings.NewReader(strings.Join(found.Curl, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the token by which the TP acts for app 1452365") {
		t.Errorf("without the token: %v\n%s", err, out)
	}
	again(t, front, found.Curl, "TOKEN_OF_APP_1452365="+target.Credentials.Authorizer.AccessToken)
}
