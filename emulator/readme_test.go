package emulator_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
)

func TestReleaseNeedsAnAudit(t *testing.T) {
	e, err := emulator.New(t.Context(), emulator.Options{
		Strict: true,                            // an answer that breaks the contract is an error
		Clock:  emulator.Clock{Mode: "virtual"}, // time moves when the test says so
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	defer server.Close()
	defer func() { _ = e.Close(context.Background()) }()

	box, err := e.CreateSandbox("release", emulator.SandboxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	credentials, err := box.Credentials()
	if err != nil {
		t.Fatal(err)
	}
	upload := url.Values{
		"access_token": {credentials.Authorizer.AccessToken}, "template_id": {"754"},
		"user_version": {"1.0.0"}, "user_desc": {"first"}, "ext_json": {"{}"},
	}
	answer, err := http.PostForm(server.URL+"/rest/2.0/smartapp/package/upload", upload)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()

	report, err := box.Advance(t.Context(), 3*time.Second) // the upload ends
	if err != nil || report.Fired["upload"] != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
}
