package emulator_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

// A logbook takes JSON lines from any goroutine.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logbook) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// lines are the lines with a message.
func (l *logbook) lines(t testing.TB, msg string) (out []fields) {
	t.Helper()
	for text := range strings.Lines(l.text()) {
		var line fields
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if line["msg"] == msg {
			out = append(out, line)
		}
	}
	return out
}

func logger(w *logbook, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}

// entryOf is the entry of the journal that a line names.
func entryOf(t testing.TB, e *emulator.Emulator, line fields, name string) emulator.Entry {
	t.Helper()
	number, _ := line[name].(float64)
	box, _ := line["sandbox"].(string)
	s := e.Sandbox(box)
	if s == nil || number < 1 {
		t.Fatalf("%v leads nowhere", line)
	}
	return s.Journal(int64(number)-1, 1)[0]
}

func TestLogLeadsToTheJournal(t *testing.T) {
	book, room := &logbook{}, "http://user:hush-password@127.0.0.1:1/hush-path?key=hush-query"
	e, _ := open(t, t.TempDir(), func(o *emulator.Options) {
		o.Logger, o.Broker, o.GatewayStatus = logger(book, slog.LevelDebug), &shelf{}, 401
	})
	must[fields](t, e, "PATCH", box+"/tps/17328232", `{"push_url":"`+room+`"}`)
	must[fields](t, e, "POST", box+"/faults", `{"on":"call","do":"status","status":503,"operation":"listPackages","times":1}`)
	c, err := e.Credentials()
	if err != nil {
		t.Fatal(err)
	}
	traced(t, e, pathUpload, "template_id=1&ext_json={}&user_version=1.0.0&user_desc=hush-param", uploadTrace, "")
	must[fields](t, e, "POST", box+"/clock/advance", `{"by":"3s"}`)
	traced(t, e, pathSubmit, "package_id=55001&content=x", submitTrace, "")
	must[fields](t, e, "POST", box+"/clock/advance", `{"by":"45m"}`)
	get(e, pathPackages, "access_token", c.Authorizer.AccessToken)
	get(e, pathPackages, "access_token", "hush-token")
	post(e, pathSubmit, "access_token", c.Authorizer.AccessToken, "package_id", "1", "content", "x")
	get(e, "/nothing", "access_token", "hush-token")

	type said struct{ Operation, Outcome, Fault, Trace, Path string }
	var got []said
	var statuses []float64
	text := func(line fields, name string) string { s, _ := line[name].(string); return s }
	for _, line := range book.lines(t, "exchange") {
		x, ok := entryOf(t, e, line, "entry").Detail.(*emulator.Exchange)
		if !ok || x.Outcome() != line["outcome"] || x.Operation() != strings.TrimPrefix(text(line, "operation"), "unknown") {
			t.Errorf("%v leads to %+v", line, x)
		}
		if took, ok := line["ms"].(float64); !ok || took < 0 {
			t.Errorf("%v took no time", line)
		}
		got = append(got, said{text(line, "operation"), text(line, "outcome"), text(line, "fault"), text(line, "trace"), text(line, "path")})
		statuses = append(statuses, line["status"].(float64))
	}
	want := []said{
		{"uploadPackage", "ok", "", uploadTrace[3:35], ""},
		{"submitPackageAudit", "ok", "", submitTrace[3:35], ""},
		{"listPackages", "fault", "status", "", ""},
		{"listPackages", "TokenInvalid", "", "", ""},
		{"submitPackageAudit", "PackageNotFound", "", "", ""},
		{"unknown", "UnsupportedMethod", "", "", "/nothing"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("exchanges (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]float64{200, 200, 503, 401, 200, 401}, statuses); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if line := book.lines(t, "exchange")[3]; line["errno"] != 110.0 {
		t.Errorf("the errno of a refusal: %v", line)
	}

	deliveries := book.lines(t, "delivery")
	if len(deliveries) < 4 {
		t.Fatalf("deliveries: %v", deliveries)
	}
	for _, line := range deliveries {
		a, ok := entryOf(t, e, line, "entry").Detail.(*emulator.Attempt)
		if !ok || a.Name != line["event"] || a.OK != (line["result"] == "ok") {
			t.Errorf("%v leads to %+v", line, a)
		}
		cause, ok := entryOf(t, e, line, "cause").Detail.(*emulator.EventDetail)
		if !ok || cause.ID != a.Event || line["trace"] == nil {
			t.Errorf("%v was caused by %+v", line, cause)
		}
		if a.Channel == emulator.ChannelPush && (line["to"] != "127.0.0.1:1" || line["level"] != "WARN" || line["result"] != "retry") {
			t.Errorf("a push that did not arrive: %v", line)
		}
	}
	if got := book.lines(t, "order"); len(got) < 2 || got[0]["operation"] != "updateTP" && got[1]["operation"] != "updateTP" {
		t.Errorf("orders: %v", got)
	}
	unspoken(t, e, book.text())
}

// unspoken fails if a log has a secret: any that the test made up, or any value
// of the credentials that is long enough to be one.
func unspoken(t testing.TB, e *emulator.Emulator, log string) {
	t.Helper()
	secrets := regexp.MustCompile(`hush-\w+`).FindAllString(log, -1)
	state := ask(e, "GET", box+"/state", "").body
	for _, value := range regexp.MustCompile(`"[A-Za-z0-9._-]{20,}"`).FindAllString(string(state), -1) {
		if strings.Contains(log, strings.Trim(value, `"`)) {
			secrets = append(secrets, value)
		}
	}
	if len(secrets) > 0 {
		t.Errorf("the log has %v:\n%s", secrets, log)
	}
}

func TestLogKeepsToItsLevel(t *testing.T) {
	dir, book := t.TempDir(), &logbook{}
	e, _ := open(t, dir, func(o *emulator.Options) { o.Logger, o.Broker = logger(book, slog.LevelWarn), &shelf{} })
	traced(t, e, pathUpload, "template_id=1&ext_json={}&user_version=1.0.0&user_desc=x", "", "")
	must[fields](t, e, "POST", box+"/clock/advance", `{"by":"3s"}`)
	if got := book.text(); got != "" {
		t.Errorf("at level warn the log has\n%s", got)
	}
	// What is replayed was told where it happened.
	again := &logbook{}
	open(t, killed(t, dir), func(o *emulator.Options) { o.Logger, o.Broker = logger(again, slog.LevelDebug), &shelf{} })
	if got := again.text(); got != "" {
		t.Errorf("after a restart the log has\n%s", got)
	}
}

// TestLogDecidesNothing: the journal is the same with and without a log.
func TestLogDecidesNothing(t *testing.T) {
	journal := func(l *slog.Logger) string {
		e := newEmulator(t, func(o *emulator.Options) { o.Logger = l })
		traced(t, e, pathUpload, "template_id=1&ext_json={}&user_version=1.0.0&user_desc=x", "", "")
		must[fields](t, e, "POST", box+"/clock/advance", `{"by":"1h"}`)
		return string(ask(e, "GET", box+"/journal?limit=1000", "").body)
	}
	if journal(nil) != journal(logger(&logbook{}, slog.LevelDebug)) {
		t.Error("a log changes the journal")
	}
}
