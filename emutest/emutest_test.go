package emutest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/emutest"
)

// shared is one emulator for all tests that want no own.
var shared *emutest.Server

func TestMain(m *testing.M) {
	code := emutest.Main(m, func(s *emutest.Server) { shared = s })
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// call calls an operation as an official client does, at the platform's own host.
func call(t testing.TB, box *emutest.Sandbox, method, path string, kv ...string) answer {
	t.Helper()
	form := url.Values{"access_token": {box.Credentials.Authorizer.AccessToken}}
	for i := 0; i < len(kv); i += 2 {
		form.Set(kv[i], kv[i+1])
	}
	request, err := http.NewRequestWithContext(t.Context(), method, "https://openapi.baidu.com"+path+"?"+form.Encode(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := box.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var out answer
	if err := json.NewDecoder(response.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// An answer is what the platform answers.
type answer struct {
	Errno int             `json:"errno"`
	Msg   string          `json:"msg"`
	Data  json.RawMessage `json:"data"`
}

// release takes a package from its upload to the users.
func release(t testing.TB, box *emutest.Sandbox) {
	t.Helper()
	accepted := func(a answer) answer {
		t.Helper()
		if a.Errno != 0 {
			t.Fatalf("refused: %d %s", a.Errno, a.Msg)
		}
		return a
	}
	accepted(call(t, box, "POST", "/rest/2.0/smartapp/package/upload", "template_id", "754", "user_version", "1.0.0", "user_desc", "first", "ext_json", "{}"))
	box.Advance(3 * time.Second)
	var packages []struct {
		ID int64 `json:"package_id"`
	}
	list := accepted(call(t, box, "GET", "/rest/2.0/smartapp/package/get"))
	if err := json.Unmarshal(list.Data, &packages); err != nil || len(packages) != 1 {
		t.Fatalf("the packages are %s: %v", list.Data, err)
	}
	id := strconv.FormatInt(packages[0].ID, 10)
	accepted(call(t, box, "POST", "/rest/2.0/smartapp/package/submitaudit", "package_id", id, "content", "c", "remark", ""))
	box.Advance(2 * time.Hour)
	accepted(call(t, box, "POST", "/rest/2.0/smartapp/package/release", "package_id", id))
	box.Advance(0)
}

// TestSandbox uses what a sandbox has.
func TestSandbox(t *testing.T) {
	box := emutest.New(t)
	release(t, box)
	var events []string
	for _, m := range box.Messages() {
		events = append(events, m.Event)
	}
	if !strings.Contains(strings.Join(events, " "), "PACKAGE_AUDIT_PASS") {
		t.Errorf("the inbox has %v", events)
	}
	if n := len(box.Notices()); n == 0 {
		t.Error("there are no notices")
	}
	if got := box.Now().Format(time.RFC3339); got != "2026-01-05T03:00:03Z" {
		t.Errorf("the sandbox's time is %s", got)
	}
}

// TestHundredAtOnce has a hundred tests share one emulator: each sees its own
// packages, pushes and notices, and as many.
func TestHundredAtOnce(t *testing.T) {
	for i := range 100 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			box := shared.NewSandbox(t, emulator.SandboxOptions{})
			release(t, box)
			if n := len(box.Notices()); n != 4 {
				t.Errorf("%d notices", n)
			}
		})
	}
}

// TestScenario prepares a sandbox: audits fail where the scenario says so.
func TestScenario(t *testing.T) {
	box := emutest.New(t)
	before := box.Credentials
	box.Scenario("audit-fails-then-passes")
	if before.Sandbox != box.Credentials.Sandbox {
		t.Error("the sandbox is another one")
	}
	file := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(file, []byte("name: own\nsteps:\n  - advance: 1s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	box.Scenario(file)
	t.Setenv("EMU_SCENARIOS", filepath.Dir(file))
	box.Scenario("own")
	box.Scenario("first-release")
}

// failing is a test that has failed.
type failing struct {
	testing.TB
	dir      string
	cleanups []func()
	logged   []string
}

func (f *failing) Failed() bool               { return true }
func (f *failing) ArtifactDir() string        { return f.dir }
func (f *failing) Cleanup(do func())          { f.cleanups = append(f.cleanups, do) }
func (f *failing) Logf(text string, a ...any) { f.logged = append(f.logged, fmt.Sprintf(text, a...)) }

// TestFlightRecord looks at what a test that fails leaves behind.
func TestFlightRecord(t *testing.T) {
	f := &failing{TB: t, dir: t.TempDir()}
	box := shared.NewSandbox(f, emulator.SandboxOptions{})
	call(t, box, "GET", "/rest/2.0/smartapp/package/get")
	for _, do := range f.cleanups {
		do()
	}
	text, err := os.ReadFile(filepath.Join(f.dir, "emu-testflightrecord.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.logged) != 1 || !strings.Contains(string(text), `/rest/2.0/smartapp/package/get`) {
		t.Errorf("%v\n%s", f.logged, text)
	}
	if token := box.Credentials.Authorizer.AccessToken; strings.Contains(string(text), token) {
		t.Error("the flight record shows a token")
	}
	if shared.Emulator.Sandbox(box.Name()) != nil {
		t.Error("the sandbox is left")
	}
}

// TestOtherHosts leaves alone what is not for the platform.
func TestOtherHosts(t *testing.T) {
	box := emutest.New(t)
	answer, err := box.Client().Get(box.URL + "/_emu/health")
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("health: %d", answer.StatusCode)
	}
}
