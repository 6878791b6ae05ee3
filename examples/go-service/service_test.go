package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/emulator/kafka"
	"github.com/swanemu/emu/emutest"
)

// start runs the service beside an emulator: it calls openapi.baidu.com, gets
// its pushes at a real URL and reads its notices from a real broker. said are
// the words of its reports, as they come.
func start(t *testing.T) (box *emutest.Sandbox, s *Service, said chan string) {
	t.Helper()
	broker, err := kafka.Embed(t.Context(), kafka.EmbedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	box = emutest.New(t, func(o *emulator.Options) { o.Broker = broker }) // which closes it
	said = make(chan string, 100)
	me := box.Credentials
	s = &Service{
		Platform: "https://openapi.baidu.com", Client: box.Client(), AccessToken: me.Authorizer.AccessToken,
		TPID: me.TP.TPID, AESKey: me.TP.EncodingAESKey, Token: me.TP.Token,
		Report: func(text string) { said <- text },
	}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	control(t, box, "PATCH", "/tps/17328232", `{"push_url":"`+server.URL+`/push"}`)

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Consume(ctx, broker.Addresses(), me.Topic) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return box, s, said
}

// control gives the emulator an order.
func control(t *testing.T, box *emutest.Sandbox, method, path, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, box.URL+"/_emu/sandboxes/"+box.Name()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s %s: %s", method, path, answer.Status)
	}
}

// hear waits until the service has said all of these, in whatever order: what
// it hears over Kafka and over HTTP goes its own way.
func hear(t *testing.T, said <-chan string, want ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for len(want) > 0 {
		select {
		case got := <-said:
			want = slices.DeleteFunc(want, func(text string) bool { return text == got })
		case <-ctx.Done():
			t.Fatalf("the service does not say %q", want)
		}
	}
}

func TestPassedAuditGoesOnline(t *testing.T) {
	box, s, said := start(t)
	if err := s.Upload(t.Context(), "1.0.0"); err != nil {
		t.Fatal(err)
	}
	box.Advance(3 * time.Second) // the upload is done, and Kafka says so
	hear(t, said, "uploading 1.0.0", "submitted 1.0.0")
	box.Advance(5 * time.Second) // the audit has passed, and a push says so
	hear(t, said, "released 1.0.0", "online 1.0.0")
}

// TestSecondVersionWaits ships a version while another one is in the audit.
func TestSecondVersionWaits(t *testing.T) {
	box, s, said := start(t)
	if err := s.Upload(t.Context(), "1.0.0"); err != nil {
		t.Fatal(err)
	}
	box.Advance(3 * time.Second)
	hear(t, said, "submitted 1.0.0")
	if err := s.Upload(t.Context(), "1.0.1"); err != nil {
		t.Fatal(err)
	}
	box.Advance(3 * time.Second)
	hear(t, said, "waiting 1.0.1")
	box.Advance(2 * time.Second)
	hear(t, said, "released 1.0.0", "submitted 1.0.1")
	box.Advance(5 * time.Second)
	hear(t, said, "online 1.0.1")
}

const rejected = 5

func TestFailedAuditIsReported(t *testing.T) {
	box, s, said := start(t)
	control(t, box, "POST", "/decisions", `{"kind":"audit","result":"fail","reason":"名称过长","after":"2h"}`)
	if err := s.Upload(t.Context(), "1.0.0"); err != nil {
		t.Fatal(err)
	}
	box.Advance(3 * time.Second)
	hear(t, said, "uploading 1.0.0", "submitted 1.0.0")
	box.Advance(2 * time.Hour)
	hear(t, said, "rejected: 名称过长")
	if packages, err := s.packages(t.Context()); err != nil || len(packages) != 1 || packages[0].Status != rejected {
		t.Errorf("the packages are %+v, %v", packages, err)
	}
}

// TestPushIsTakenWhenItIsDone has the platform refuse the release twice: the
// service does not take the push, and gets it until it could do it.
func TestPushIsTakenWhenItIsDone(t *testing.T) {
	box, s, said := start(t)
	control(t, box, "POST", "/faults", `{"on":"call","do":"refuse","operation":"releasePackage","error":"NetworkBusy","times":2}`)
	if err := s.Upload(t.Context(), "1.0.0"); err != nil {
		t.Fatal(err)
	}
	box.Advance(3 * time.Second)
	hear(t, said, "uploading 1.0.0", "submitted 1.0.0")
	box.Advance(time.Hour) // the push comes three times, each later than the one before
	hear(t, said, "will be sent again: release: 500 网络繁忙", "released 1.0.0", "online 1.0.0")

	var attempts []bool
	for _, entry := range box.Journal(0, 1000) {
		if a, ok := entry.Detail.(*emulator.Attempt); ok && a.Name == "PACKAGE_AUDIT_PASS" {
			attempts = append(attempts, a.OK)
		}
	}
	if !slices.Equal(attempts, []bool{false, false, true}) {
		t.Errorf("the attempts: %v", attempts)
	}
}

// TestForgedPush sends what somebody else could: the service does nothing.
func TestForgedPush(t *testing.T) {
	box, s, said := start(t)
	for _, body := range []string{
		`{}`, `release it`, `{"event":"PACKAGE_AUDIT_PASS"}`,
		`{"Nonce":"1","TimeStamp":"1547441110","Encrypt":"AAAA","MsgSignature":"da39a3ee5e6b4b0d3255bfef95601890afd80709"}`,
	} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/push", bytes.NewBufferString(body)))
		if w.Code != http.StatusForbidden || !strings.HasPrefix(<-said, "not from the platform: ") {
			t.Errorf("%s: %d", body, w.Code)
		}
	}
	// And the platform itself, when the signature is spoilt on the way.
	control(t, box, "POST", "/faults", `{"on":"push","do":"wrong_signature","event":"PACKAGE_AUDIT_PASS"}`)
	if err := s.Upload(t.Context(), "1.0.0"); err != nil {
		t.Fatal(err)
	}
	box.Advance(3 * time.Second)
	hear(t, said, "uploading 1.0.0", "submitted 1.0.0")
	box.Advance(5 * time.Second)
	hear(t, said, "not from the platform: the signature is wrong")
	box.Advance(time.Minute)
	hear(t, said, "released 1.0.0", "online 1.0.0")
}
