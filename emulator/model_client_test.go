package emulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/swanemu/emu/emulator"
)

// Paths of the contract, as the seed documents write them.
const (
	pathToken     = "/oauth/2.0/token"
	pathTPToken   = "/public/2.0/smartapp/auth/tp/token"
	pathPreAuth   = "/rest/2.0/smartapp/tp/createpreauthcode"
	pathExchange  = "/rest/2.0/oauth/token"
	pathRetrieve  = "/rest/2.0/smartapp/auth/retrieve/authorizationcode"
	pathUpload    = "/rest/2.0/smartapp/package/upload"
	pathSubmit    = "/rest/2.0/smartapp/package/submitaudit"
	pathRelease   = "/rest/2.0/smartapp/package/release"
	pathRollback  = "/rest/2.0/smartapp/package/rollback"
	pathWithdraw  = "/rest/2.0/smartapp/package/withdraw"
	pathList      = "/rest/2.0/smartapp/package/get"
	pathDetail    = "/rest/2.0/smartapp/package/getdetail"
	pathQuota     = "/rest/2.0/smartapp/package/auditquota"
	pathAppInfo   = "/rest/2.0/smartapp/app/info"
	pathOSSInfo   = "/rest/2.0/smartapp/oss/app/info"
	pathOSSList   = "/rest/2.0/smartapp/oss/package/get"
	pathOSSDetail = "/rest/2.0/smartapp/oss/package/getdetail"
	pathMessages  = "/rest/2.0/smartapp/pushmsg/getmsg"
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// newEmulator returns an emulator on virtual time that takes its own mistakes
// for errors; it is closed when the test ends.
func newEmulator(t testing.TB, change func(*emulator.Options)) *emulator.Emulator {
	t.Helper()
	o := emulator.Options{Strict: true, Clock: emulator.Clock{Mode: "virtual"}, AdminOpen: true}
	if change != nil {
		change(&o)
	}
	e, err := emulator.New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			return // a sandbox that panicked stays locked
		}
		if err := e.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

// A tester is what the helpers need of a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// An answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// A recording is the least that a handler writes to.
type recording struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recording) Header() http.Header { return r.header }

func (r *recording) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recording) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// serve lets a handler answer a request.
func serve(h http.Handler, r *http.Request) answer {
	w := &recording{header: http.Header{}}
	h.ServeHTTP(w, r)
	return answer{w.status, w.header, w.body.Bytes()}
}

// get asks with parameters in the query.
func get(h http.Handler, path string, kv ...string) answer {
	return serve(h, httptest.NewRequest(http.MethodGet, path+"?"+values(kv).Encode(), nil))
}

// post asks with parameters in a form.
func post(h http.Handler, path string, kv ...string) answer {
	return postBody(h, path, formType, values(kv).Encode())
}

// postBody asks with a body as it stands.
func postBody(h http.Handler, target, contentType, body string) answer {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return serve(h, r)
}

// values makes a set of parameters of names and values in turn.
func values(kv []string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(kv); i += 2 {
		v.Set(kv[i], kv[i+1])
	}
	return v
}

// envelope is what may stand in an answer of any of the platform's envelopes.
type envelope struct {
	Errno     *int            `json:"errno"`
	Msg       string          `json:"msg"`
	Data      json.RawMessage `json:"data"`
	ErrorCode int             `json:"error_code"`
	ErrorMsg  string          `json:"error_msg"`
	Error     string          `json:"error"`
	ErrorText string          `json:"error_description"`
}

// open reads an answer's envelope.
func (a answer) open() (envelope, error) {
	var env envelope
	if a.header.Get("Content-Type") != jsonType {
		return env, errors.New("Content-Type " + a.header.Get("Content-Type") + ", want " + jsonType)
	}
	d := json.NewDecoder(bytes.NewReader(a.body))
	if err := d.Decode(&env); err != nil {
		return env, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return env, errors.New("text after the envelope")
	}
	return env, nil
}

// code is the number an answer says: 0 for success, the errno of a business
// refusal, the error_code of the gateway's; -1 is an OAuth error, -2 no
// envelope at all.
func (a answer) code() int {
	env, err := a.open()
	switch {
	case err != nil:
		return -2
	case env.Error != "":
		return -1
	case env.ErrorCode != 0:
		return env.ErrorCode
	case env.Errno != nil:
		return *env.Errno
	}
	return 0
}

// into decodes the whole answer.
func (a answer) into(t tester, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("answer %s: %v", a.body, err)
	}
}

// data decodes the data of a success.
func (a answer) data(t tester, v any) {
	t.Helper()
	env, err := a.open()
	if err != nil || env.Errno == nil || *env.Errno != 0 {
		t.Fatalf("want a success with data, got %d %s (%v)", a.status, a.body, err)
	}
	if err := json.Unmarshal(env.Data, v); err != nil {
		t.Fatalf("data %s: %v", env.Data, err)
	}
}

// mustExport returns a sandbox's state.
func mustExport(t tester, s *emulator.Sandbox) map[string]json.RawMessage {
	t.Helper()
	data, err := s.Export()
	if err != nil {
		t.Fatal(err)
	}
	var state map[string]json.RawMessage
	if err := json.Unmarshal(data, &state); err != nil {
		t.Fatal(err)
	}
	return state
}

// sameState says which members of two exports differ, but for the count of
// inputs and the time.
func sameState(before, after map[string]json.RawMessage) (differ []string) {
	for name := range after {
		if name != "inputs" && name != "at" && !bytes.Equal(before[name], after[name]) {
			differ = append(differ, name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			differ = append(differ, name)
		}
	}
	return differ
}

// mismatches returns the entries by which the emulator blames itself.
func mismatches(s *emulator.Sandbox) (out []string) {
	for _, e := range s.Journal(0, 1<<30) {
		if e.Kind == emulator.KindMismatch {
			b, _ := json.Marshal(e)
			out = append(out, string(b))
		}
	}
	return out
}

// A recorder is a broker that keeps what it is given.
type recorder struct {
	mu      sync.Mutex
	records []emulator.Record
	fail    map[string]int // by topic: so many attempts fail after their first record
}

var _ emulator.Broker = (*recorder)(nil)

var errBroker = errors.New("the broker is away")

func (r *recorder) Publish(_ context.Context, records []emulator.Record) []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	errs := make([]error, len(records))
	for i, rec := range records {
		if r.fail[rec.Topic] > 0 && (i > 0 || len(records) == 1) {
			errs[i] = errBroker
			continue
		}
		r.records = append(r.records, rec)
	}
	if len(records) > 0 && r.fail[records[0].Topic] > 0 {
		r.fail[records[0].Topic]--
	}
	return errs
}

func (r *recorder) Ready(context.Context) error { return nil }
func (r *recorder) Addresses() []string         { return nil }
func (r *recorder) Close() error                { return nil }

// failNext makes the next n attempts for a topic fail.
func (r *recorder) failNext(topic string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail == nil {
		r.fail = map[string]int{}
	}
	r.fail[topic] = n
}

// take returns the records of a topic that have come since it was last asked.
func (r *recorder) take(topic string) (out []emulator.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rest := r.records[:0]
	for _, rec := range r.records {
		if rec.Topic == topic {
			out = append(out, rec)
		} else {
			rest = append(rest, rec)
		}
	}
	r.records = rest
	return out
}

// order gives an order over the control API, with a JSON body, and decodes the
// answer into out unless that is nil.
func order(t tester, h http.Handler, method, path string, body, out any) {
	t.Helper()
	a := tryOrder(t, h, method, path, body)
	if a.status < 200 || a.status > 299 {
		t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		t.Fatalf("%s %s: %s: %v", method, path, a.body, err)
	}
}

// tryOrder is order for orders that may be refused.
func tryOrder(t tester, h http.Handler, method, path string, body any) answer {
	t.Helper()
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	r := httptest.NewRequest(method, path, bytes.NewReader(data))
	r.RemoteAddr = "127.0.0.1:1"
	if body != nil {
		r.Header.Set("Content-Type", jsonType)
	}
	return serve(h, r)
}

// control is the path of a sandbox in the control API.
func control(s *emulator.Sandbox, path string) string {
	return "/_emu/sandboxes/" + s.Name() + path
}
