package emulator_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	emu "github.com/swanemu/emu"
	"github.com/swanemu/emu/emulator"
)

// contractWith is the platform's contract with texts replaced by others; each
// must be there.
func contractWith(t testing.TB, pairs ...string) []byte {
	t.Helper()
	text := string(emu.OpenAPI)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("the contract has no %q", pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return []byte(text)
}

// Changes of the contract that can be seen from outside.
var (
	otherMessage = []string{"error_msg: Access token invalid or no longer valid", "error_msg: other words"}
	otherPath    = []string{"/rest/2.0/smartapp/package/get:", "/rest/2.0/smartapp/package/list:"}
	otherDelay   = []string{"        after: 5s\n", "        after: 50s\n"}
	otherName    = []string{"operationId: getCapitalBillForApp", "operationId: getCapitalBillOfApp"}
)

const otherPathList = "/rest/2.0/smartapp/package/list"

func reload(t testing.TB, e *emulator.Emulator, source []byte) {
	t.Helper()
	if err := e.Reload(source, "other.yaml"); err != nil {
		t.Fatal(err)
	}
}

// TestReload: what the new contract says holds from then on, and what there was
// is still there.
func TestReload(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	token := credentials(t, s).Authorizer.AccessToken
	if a := postBody(e, pathUpload+"?access_token="+token, formType, goodUpload); a.code() != 0 {
		t.Fatalf("upload: %s", a.body)
	}
	listed := get(e, pathList, "access_token", token).body
	source := contractWith(t, append(append(otherMessage, otherPath...), otherName...)...)
	reload(t, e, source)

	if a := get(e, pathList, "access_token", token); a.code() != 3 {
		t.Errorf("a path that is gone: %s", a.body)
	}
	if a := get(e, otherPathList, "access_token", token); !bytes.Equal(a.body, listed) {
		t.Errorf("the packages where they are now: %s, want %s", a.body, listed)
	}
	if a := get(e, otherPathList, "access_token", "none"); !strings.Contains(string(a.body), "other words") {
		t.Errorf("an error with another text: %s", a.body)
	}
	if a := ask(e, "GET", "/_emu/openapi.yaml", ""); !bytes.Equal(a.body, source) {
		t.Error("the contract that is shown is not the one in force")
	}
	for _, entry := range must[struct {
		Entries []struct{ Contract emulator.ContractDetail }
	}](t, e, "GET", "/_emu/sandboxes/default/journal?kind=contract", "").Entries {
		want := emulator.ContractDetail{
			Name: "other.yaml", SHA256: entry.Contract.SHA256, Operations: len(e.Contract().Operations()),
			Added: []string{"getCapitalBillOfApp"}, Removed: []string{"getCapitalBillForApp"},
		}
		if diff := cmp.Diff(want, entry.Contract); diff != "" || len(entry.Contract.SHA256) != 64 {
			t.Errorf("the journal says (-want +got):\n%s", diff)
		}
		listed = nil
	}
	if listed != nil {
		t.Error("the journal does not say that another contract came into force")
	}
	if text := ask(e, "GET", "/_emu/metrics", "").body; !bytes.Contains(text, []byte(`emu_exchanges_total{operation="listPackages",status="200",outcome="ok"} 2`)) {
		t.Error("calls before and after it are not counted together")
	}
}

// TestReloadDelays: what nobody set is what the contract says.
func TestReloadDelays(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	must[fields](t, e, "POST", "/_emu/sandboxes", `{"name":"set"}`)
	must[fields](t, e, "PATCH", "/_emu/sandboxes/set/config", `{"audit_delay":"7s"}`)
	reload(t, e, contractWith(t, otherDelay...))
	must[fields](t, e, "POST", "/_emu/sandboxes", `{"name":"new"}`)
	for name, want := range map[string]time.Duration{"default": 50 * time.Second, "set": 7 * time.Second, "new": 50 * time.Second} {
		var config struct {
			Audit string `json:"audit_delay"`
		}
		if err := json.Unmarshal(ask(e, "GET", "/_emu/sandboxes/"+name+"/config", "").body, &config); err != nil {
			t.Fatal(err)
		}
		if got, err := time.ParseDuration(config.Audit); err != nil || got != want {
			t.Errorf("sandbox %s: audits take %q, want %v", name, config.Audit, want)
		}
	}
}

// TestReloadRefused: whatever is wrong, the contract that was there goes on.
func TestReloadRefused(t *testing.T) {
	t.Parallel()
	kept := newMemory()
	e := newEmulator(t, func(o *emulator.Options) { o.Store = kept })
	must[fields](t, e, "POST", "/_emu/sandboxes/default/faults", `{"on":"call","do":"status","status":500,"operation":"getCapitalBillForApp","nth":1,"times":1}`)
	token := credentials(t, e.Sandbox(emulator.DefaultSandbox)).Authorizer.AccessToken
	state := ask(e, "GET", "/_emu/sandboxes/default/state", "").body
	for _, tc := range []struct {
		name   string
		source []byte
		full   bool
		want   []string
	}{
		{"no YAML", []byte("openapi: [3.0.3\n"), false, []string{"other.yaml:2:1: ", "did not find expected"}},
		{"no contract", contractWith(t, "x-envelope: business\n", "x-envelope: busyness\n"), false, []string{"other.yaml:", "busyness", "business"}},
		{"not the platform's", []byte("openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {}\n"), false, []string{"start the emulator anew"}},
		{"a state it does not know", contractWith(t, otherName...), false, []string{"sandbox default", "/faults/0", "getCapitalBillForApp"}},
		{"a store that is full", contractWith(t, otherDelay...), true, []string{errFull.Error()}},
	} {
		kept.fill(tc.full)
		err := e.Reload(tc.source, "other.yaml")
		kept.fill(false)
		if err == nil {
			t.Errorf("%s: no error", tc.name)
			continue
		}
		for _, want := range tc.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q in it", tc.name, err, want)
			}
		}
		if a := get(e, pathList, "access_token", token); a.code() != 0 {
			t.Errorf("%s: afterwards: %s", tc.name, a.body)
		}
		if after := ask(e, "GET", "/_emu/sandboxes/default/state", "").body; !bytes.Equal(after, state) {
			t.Errorf("%s: it has changed the sandbox", tc.name)
		}
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := e.Reload(emu.OpenAPI, "openapi.yaml"); err == nil {
		t.Error("reload a closed emulator: no error")
	}
}

// TestReloadOvertakes: a request that was on its way is read by the contract
// that is in force when it is decided.
func TestReloadOvertakes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name         string
		old, new     []byte
		method, path string
		before       string
		after        string
	}{
		{"a call", emu.OpenAPI, contractWith(t, otherMessage...), "POST", pathUpload + "?access_token=none", "Access token invalid", "other words"},
		{"a call that is gone", emu.OpenAPI, contractWith(t, "smartapp/package/upload:", "smartapp/package/put:"), "POST", pathUpload + "?access_token=none", "Access token invalid", `"error_code":3,`},
		{"not the platform's", []byte(thing("{id: 1}")), []byte(thing("{id: 2}")), "POST", "/things", `"id":1`, `"id":2`},
	} {
		e := newEmulator(t, func(o *emulator.Options) { o.Spec = tc.old })
		body := &overtaken{Reader: strings.NewReader(goodUpload)}
		if a := postBody(e, tc.path, formType, goodUpload); !strings.Contains(string(a.body), tc.before) {
			t.Fatalf("%s: before: %s", tc.name, a.body)
		}
		body.by = func() { reload(t, e, tc.new) }
		r := httptest.NewRequest(tc.method, tc.path, body)
		r.Header.Set("Content-Type", formType)
		if a := serve(e, r); !strings.Contains(string(a.body), tc.after) {
			t.Errorf("%s: %s, want %q in it", tc.name, a.body, tc.after)
		}
	}
}

// overtaken is a body during whose reading something happens.
type overtaken struct {
	io.Reader
	by   func()
	once sync.Once
}

func (o *overtaken) Read(p []byte) (int, error) {
	o.once.Do(o.by)
	return o.Reader.Read(p)
}

// thing is a contract that is not the platform's, with one example.
func thing(example string) string {
	return `
openapi: 3.0.3
info: {title: things, version: "1"}
paths:
  /things:
    post:
      operationId: makeThing
      requestBody: {content: {application/x-www-form-urlencoded: {schema: {type: object}}}}
      responses:
        "201":
          description: made
          content: {application/json: {schema: {type: object}, example: ` + example + `}}
`
}

// TestReloadRestart: what was logged before it and after it is read by the
// contract that was in force.
func TestReloadRestart(t *testing.T) {
	t.Parallel()
	kept := newMemory()
	e := newEmulator(t, func(o *emulator.Options) { o.Store = kept })
	token := credentials(t, e.Sandbox(emulator.DefaultSandbox)).Authorizer.AccessToken
	upload := func(path string) {
		t.Helper()
		if a := postBody(e, path+"?access_token="+token, formType, goodUpload); a.code() != 0 {
			t.Fatalf("upload: %s", a.body)
		}
	}
	upload(pathUpload)
	source := contractWith(t, append(otherDelay, "smartapp/package/upload:", "smartapp/package/put:")...)
	reload(t, e, source)
	upload("/rest/2.0/smartapp/package/put")
	want := mustExport(t, e.Sandbox(emulator.DefaultSandbox))
	again := newEmulator(t, func(o *emulator.Options) { o.Store, o.Spec = kept.copy(), source })
	if diff := cmp.Diff(want, mustExport(t, again.Sandbox(emulator.DefaultSandbox))); diff != "" {
		t.Errorf("after a crash and a start (-before +after):\n%s", diff)
	}
}

// TestReloadUnderLoad: contracts come and go while calls are made; each call is
// answered by one of them.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	token := credentials(t, e.Sandbox(emulator.DefaultSandbox)).Authorizer.AccessToken
	other := contractWith(t, append(otherMessage, otherPath...)...)
	times := 20
	if testing.Short() {
		times = 4
	}
	done := make(chan struct{})
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				for _, path := range []string{pathList, otherPathList} {
					if a := get(e, path, "access_token", token); a.status != http.StatusOK || a.code() != 0 && a.code() != 3 {
						t.Errorf("GET %s: %d %s", path, a.status, a.body)
					}
				}
				if a := postBody(e, pathUpload+"?access_token="+token, formType, goodUpload); a.code() != 0 {
					t.Errorf("upload: %s", a.body)
				}
			}
		})
	}
	for i := range times {
		reload(t, e, [][]byte{other, emu.OpenAPI}[i%2])
	}
	close(done)
	work.Wait()
}
