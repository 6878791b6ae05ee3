package emulator_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/swanemu/emu/emulator"
)

// newServer serves h until the test ends.
func newServer(t testing.TB, h http.Handler) *httptest.Server {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func TestControlJournal(t *testing.T) {
	e := newEmulator(t, nil)
	c := must[emulator.Credentials](t, e, "POST", box+"/credentials", "")
	must[shownApp](t, e, "POST", box+"/apps", `{"app_id":42,"packages":[{"version":"1","state":"in_review"}]}`)
	upload(t, e, c.Authorizer.AccessToken, "1")
	get(e, pathList, "access_token", "wrong")
	must[fields](t, e, "POST", box+"/clock/advance", `{"by":"1h"}`)
	refused(t, e, 409, "POST", box+"/apps", `{"app_id":42}`)
	type page struct {
		Entries []struct {
			Seq     int64
			At      string
			Kind    string
			Cause   int64
			Control *struct {
				Operation, Outcome string
				Params             fields
			}
		}
		Last, Oldest int64
	}
	all := must[page](t, e, "GET", box+"/journal", "")
	if len(all.Entries) < 8 || all.Oldest != 1 || all.Last != int64(len(all.Entries)) {
		t.Fatalf("journal: %+v", all)
	}
	// Page by page it is the same.
	var count int
	for after := int64(0); ; {
		p := must[page](t, e, "GET", fmt.Sprintf("%s/journal?limit=3&after=%d", box, after), "")
		count += len(p.Entries)
		if p.Last == after {
			break
		}
		after = p.Last
	}
	if count != len(all.Entries) {
		t.Errorf("%d entries page by page, %d at once", count, len(all.Entries))
	}
	for query, want := range map[string]int{
		"kind=transition": 3, "kind=exchange": 2, "operation=uploadPackage": 1, "outcome=TokenInvalid": 1, "app_id=42&kind=transition": 1,
		"app_id=42&kind=control": 2, "app_id=1452365&kind=exchange": 1, "kind=control&outcome=ok": 2, "operation=createApp": 2,
		"kind=delivery&outcome=ok": 0, "app_id=42&kind=event": 1, "operation=none": 0,
	} {
		p := must[page](t, e, "GET", box+"/journal?"+query, "")
		if len(p.Entries) != want {
			t.Errorf("%s: %d entries, want %d: %+v", query, len(p.Entries), want, p.Entries)
		}
		if p.Last != all.Last {
			t.Errorf("%s: last %d, want %d", query, p.Last, all.Last)
		}
	}
	orders := must[page](t, e, "GET", box+"/journal?kind=control", "")
	made, failed := orders.Entries[1].Control, orders.Entries[2].Control
	if made.Operation != "createApp" || made.Params["app_id"] != 42.0 || made.Params["sandbox"] != nil || failed.Outcome == "ok" {
		t.Errorf("orders: %+v %+v", made, failed)
	}
}

func TestControlJournalForgets(t *testing.T) {
	e := newEmulator(t, func(o *emulator.Options) { o.JournalSize = 3 })
	for range 5 {
		get(e, pathList)
	}
	got := must[struct {
		Entries      []fields
		Last, Oldest int64
	}](t, e, "GET", box+"/journal", "")
	if len(got.Entries) != 3 || got.Oldest != 3 || got.Last != 5 {
		t.Errorf("journal: %+v", got)
	}
}

// An event of a stream.
type event struct{ id, kind, data, comment string }

// A stream is what a client of server-sent events reads.
type stream struct {
	t     testing.TB
	lines *bufio.Scanner
	close func()
}

func follow(t testing.TB, url, lastEventID string) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastEventID != "" {
		r.Header.Set("Last-Event-ID", lastEventID)
	}
	res, err := http.DefaultClient.Do(r) //nolint:bodyclose // the stream closes it
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	s := &stream{t: t, lines: bufio.NewScanner(res.Body), close: func() { cancel(); _ = res.Body.Close() }}
	t.Cleanup(func() { s.close(); http.DefaultClient.CloseIdleConnections() })
	return s
}

// next reads one event; ok is false at the end of the stream.
func (s *stream) next() (e event, ok bool) {
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data = value
		case ":", "":
			e.comment = value
		}
		if s.lines.Text() == "" {
			return e, true
		}
	}
	return e, false
}

func TestControlFollow(t *testing.T) {
	e := newEmulator(t, nil)
	server := newServer(t, e)
	must[fields](t, e, "POST", "/_emu/sandboxes", `{"name":"f"}`)
	path := server.URL + "/_emu/sandboxes/f/journal/follow"
	s := follow(t, path, "")
	first, _ := s.next()
	if first.id != "1" || first.kind != "control" || !json.Valid([]byte(first.data)) {
		t.Errorf("first: %+v", first)
	}
	must[fields](t, e, "POST", "/_emu/sandboxes/f/apps", `{"app_id":42}`)
	if got, _ := s.next(); got.id != "2" || !strings.Contains(got.data, `"createApp"`) {
		t.Errorf("second: %+v", got)
	}
	again := follow(t, path+"?after=0", "1")
	if got, _ := again.next(); got.id != "2" {
		t.Errorf("after coming back: %+v", got)
	}
	late := follow(t, path+"?after=1", "")
	if got, _ := late.next(); got.id != "2" {
		t.Errorf("after=1: %+v", got)
	}
	refused(t, e, 400, "GET", "/_emu/sandboxes/f/journal/follow?after=-1", "")
	must[fields](t, e, "POST", "/_emu/sandboxes/f/reset", "")
	if got, ok := s.next(); ok {
		t.Errorf("the stream goes on after a reset: %+v", got)
	}
	anew := follow(t, path, "99")
	if got, _ := anew.next(); got.id != "1" {
		t.Errorf("a number of the journal before the reset: %+v", got)
	}
	must[fields](t, e, "DELETE", "/_emu/sandboxes/f", "")
	if got, ok := anew.next(); ok {
		t.Errorf("the stream goes on after the end: %+v", got)
	}
	r := httptest.NewRequest("HEAD", box+"/journal/follow", nil)
	if a := serve(e, r); a.status != 200 || a.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("HEAD: %d %v", a.status, a.header)
	}
}

// A pipe is a response writer that can be flushed.
type pipe struct {
	recording
	flushed chan string
}

func (p *pipe) Flush() {
	if p.body.Len() > 0 {
		p.flushed <- p.body.String()
		p.body.Reset()
	}
}

func TestControlFollowHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEmulator(t, nil)
		ctx, cancel := context.WithCancel(t.Context())
		w := &pipe{recording: recording{header: http.Header{}}, flushed: make(chan string)}
		done := make(chan struct{})
		go func() {
			defer close(done)
			e.ServeHTTP(w, httptest.NewRequest("GET", box+"/journal/follow", nil).WithContext(ctx))
		}()
		for range 2 {
			if got := <-w.flushed; got != ": still here\n\n" {
				t.Errorf("heartbeat %q", got)
			}
		}
		cancel()
		<-done
	})
}
