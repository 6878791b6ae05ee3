package emulator_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

const (
	uploadTrace = "00-11111111111111111111111111111111-1111111111111111-01"
	submitTrace = "00-22222222222222222222222222222222-2222222222222222-00"
	orderTrace  = "00-33333333333333333333333333333333-3333333333333333-01"
)

// A mailroom notes the trace of each push that comes, and takes none before it
// is told to.
type mailroom struct {
	mu     sync.Mutex
	open   bool
	traces []string
}

func (m *mailroom) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.traces = append(m.traces, strings.Join(append(r.Header["Traceparent"], r.Header["Tracestate"]...), " "))
	if !m.open {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("success"))
}

// take returns the traces since it was last asked, and opens the room.
func (m *mailroom) take(open bool) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.traces
	m.traces, m.open = nil, open
	return out
}

// traces are the headers of the records so far.
func (s *shelf) traces() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []string{}
	for _, r := range s.records {
		var texts []string
		for _, h := range r.Headers {
			texts = append(texts, h.Name+": "+h.Value)
		}
		out = append(out, strings.Join(texts, ", "))
	}
	s.records = nil
	return out
}

// traced makes a call of the default app as part of a trace.
func traced(t *testing.T, e *emulator.Emulator, path, form, parent, state string) {
	t.Helper()
	c, err := e.Credentials()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form+"&access_token="+c.Authorizer.AccessToken))
	r.Header.Set("Content-Type", formType)
	if parent != "" {
		r.Header.Set("traceparent", parent)
		r.Header.Set("tracestate", state)
	}
	if a := serve(e, r); !strings.Contains(string(a.body), `"errno":0`) {
		t.Fatalf("%s: %s", path, a.body)
	}
}

func TestTraceGoesAlongWithWhatItBringsAbout(t *testing.T) {
	room, dir, broker := &mailroom{}, t.TempDir(), &shelf{}
	server := httptest.NewServer(room)
	t.Cleanup(server.Close)
	e, _ := open(t, dir, func(o *emulator.Options) { o.Broker = broker })
	must[fields](t, e, "PATCH", box+"/tps/17328232", `{"push_url":"`+server.URL+`"}`)
	advance := func(e *emulator.Emulator, d string) {
		t.Helper()
		must[fields](t, e, "POST", box+"/clock/advance", `{"by":"`+d+`"}`)
	}
	expect := func(what string, got []string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}

	traced(t, e, pathUpload, "template_id=1&ext_json={}&user_version=1.0.0&user_desc=x", uploadTrace, "")
	advance(e, "3s")
	expect("the notice of the upload", broker.traces(), "traceparent: "+uploadTrace)

	traced(t, e, pathSubmit, "package_id=55001&content=x", submitTrace, "a=1, b=2")
	advance(e, "45m")
	const notice = "traceparent: " + submitTrace + ", tracestate: a=1,b=2"
	expect("the notices of the audit", broker.traces(), notice, notice)
	got := room.take(false)
	if len(got) < 2 {
		t.Fatalf("%d attempts, want several", len(got))
	}
	for _, one := range got {
		if one != submitTrace+" a=1,b=2" {
			t.Errorf("an attempt is part of the trace %q", one)
		}
	}

	// Another process, from the log alone.
	again, _ := open(t, killed(t, dir), func(o *emulator.Options) { o.Broker = &shelf{} })
	room.take(true)
	advance(again, "2h")
	expect("the push after a restart", room.take(true), submitTrace+" a=1,b=2")
}

func TestTraceOfAnOrder(t *testing.T) {
	broker := &shelf{}
	e, _ := open(t, t.TempDir(), func(o *emulator.Options) { o.Broker, o.Manual = broker, true })
	traced(t, e, pathUpload, "template_id=1&ext_json={}&user_version=1.0.0&user_desc=x", uploadTrace, "")
	r := httptest.NewRequest(http.MethodPost, box+"/decisions", strings.NewReader(`{"kind":"upload","result":"pass"}`))
	r.Header.Set("Content-Type", jsonType)
	r.Header.Set("traceparent", orderTrace)
	if a := serve(e, r); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if diff := cmp.Diff([]string{"traceparent: " + orderTrace}, broker.traces()); diff != "" {
		t.Errorf("the notice of what was ordered (-want +got):\n%s", diff)
	}
}

func TestTraceIsInTheJournalAndNoneIsMadeUp(t *testing.T) {
	broker := &shelf{}
	e, _ := open(t, t.TempDir(), func(o *emulator.Options) { o.Broker = broker })
	const upload = "template_id=1&ext_json={}&user_version=1.0.0&user_desc=x"
	traced(t, e, pathUpload, upload, uploadTrace, "")
	traced(t, e, pathUpload, strings.Replace(upload, "1.0.0", "1.0.1", 1), "", "")
	traced(t, e, pathUpload, strings.Replace(upload, "1.0.0", "1.0.2", 1), strings.ToUpper(submitTrace)+"x", "a=1")
	must[fields](t, e, "POST", box+"/clock/advance", `{"by":"3s"}`)
	if diff := cmp.Diff([]string{"traceparent: " + uploadTrace, "", ""}, broker.traces()); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	var journal struct {
		Entries []struct {
			Exchange struct {
				TraceParent string `json:"traceparent"`
			} `json:"exchange"`
		} `json:"entries"`
	}
	ask(e, "GET", box+"/journal?kind=exchange", "").into(t, &journal)
	var got []string
	for _, entry := range journal.Entries {
		got = append(got, entry.Exchange.TraceParent)
	}
	if diff := cmp.Diff([]string{uploadTrace, "", ""}, got); diff != "" {
		t.Errorf("exchanges (-want +got):\n%s", diff)
	}
}

// TestTraceDecidesNothing: the same inputs lead to the same journal, but for
// the traces themselves.
func TestTraceDecidesNothing(t *testing.T) {
	journal := func(parent string) string {
		e, _ := open(t, t.TempDir(), func(o *emulator.Options) { o.Broker = &shelf{} })
		traced(t, e, pathUpload, "template_id=1&ext_json={}&user_version=1.0.0&user_desc=x", parent, "")
		must[fields](t, e, "POST", box+"/clock/advance", `{"by":"3s"}`)
		traced(t, e, pathSubmit, "package_id=55001&content=x", parent, "")
		must[fields](t, e, "POST", box+"/clock/advance", `{"by":"`+time.Hour.String()+`"}`)
		text := string(ask(e, "GET", box+"/journal?limit=1000", "").body)
		return strings.ReplaceAll(text, `,"traceparent":"`+parent+`"`, "")
	}
	if diff := cmp.Diff(journal(""), journal(submitTrace)); diff != "" {
		t.Errorf("the journal (-without +with a trace):\n%s", diff)
	}
	if one, two := journal(submitTrace), journal(submitTrace); one != two {
		t.Error("the same inputs lead to two journals")
	}
}

func TestTraceInAnImportedState(t *testing.T) {
	e, _ := open(t, t.TempDir(), nil)
	traced(t, e, pathUpload, "template_id=1&ext_json={}&user_version=1.0.0&user_desc=x", uploadTrace, "a=1")
	state := string(ask(e, "GET", box+"/state", "").body)
	if !strings.Contains(state, uploadTrace) {
		t.Fatal("the state does not have the trace of what is still to come")
	}
	must[fields](t, e, "PUT", box+"/state", state)
	p := refused(t, e, 400, "PUT", box+"/state", strings.Replace(state, uploadTrace, uploadTrace+`\r\nCookie: x`, 1))
	if !strings.Contains(p.Detail, "/timers/") || !strings.Contains(p.Detail, "traceparent") {
		t.Errorf("the refusal is %q", p.Detail)
	}
}
