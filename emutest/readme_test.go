package emutest_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/swanemu/emu/emutest"
)

func TestReleaseNeedsAnAudit(t *testing.T) {
	box := emutest.New(t)  // a platform of its own, on virtual time, gone after the test
	client := box.Client() // openapi.baidu.com and spapi.baidu.com are the emulator
	tokens := box.Credentials.Authorizer

	upload := url.Values{
		"access_token": {tokens.AccessToken}, "template_id": {"754"},
		"user_version": {"1.0.0"}, "user_desc": {"first"}, "ext_json": {"{}"},
	}
	answer, err := client.PostForm("https://openapi.baidu.com/rest/2.0/smartapp/package/upload", upload)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer, err)
	}
	defer func() { _ = answer.Body.Close() }()

	box.Advance(3 * time.Second) // the upload ends, the alliance is told
	if n := len(box.Notices()); n != 1 {
		t.Errorf("%d notices in Kafka", n)
	}
}
