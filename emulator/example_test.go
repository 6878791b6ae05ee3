package emulator_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/swanemu/emu/emulator"
)

// A package is uploaded, and three seconds later, which pass at once, it is
// there.
func Example() {
	ctx := context.Background()
	e, err := emulator.New(ctx, emulator.Options{Clock: emulator.Clock{Mode: "virtual"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(e)
	defer server.Close()
	box, err := e.CreateSandbox("story", emulator.SandboxOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	credentials, err := box.Credentials()
	if err != nil {
		fmt.Println(err)
		return
	}
	token := credentials.Authorizer.AccessToken
	show(http.PostForm(server.URL+"/rest/2.0/smartapp/package/upload", url.Values{
		"access_token": {token}, "template_id": {"754"}, "user_version": {"1.0.0"}, "user_desc": {"first"}, "ext_json": {"{}"},
	}))
	if _, err := box.Advance(ctx, 3*time.Second); err != nil {
		fmt.Println(err)
	}
	show(http.Get(server.URL + "/rest/2.0/smartapp/package/get?access_token=" + token))
	fmt.Println(box.Now().Format(time.RFC3339))
	if err := e.Close(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"errno":0,"msg":"success"}
	// {"errno":0,"msg":"success","data":[{"version":"1.0.0","remark":"","msg":"","committer":"--","status":3,"commit_time":"2026/01/05 09:00:00","version_desc":"first","package_id":55001}]}
	// 2026-01-05T01:00:03Z
}

func show(answer *http.Response, err error) {
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	text, _ := io.ReadAll(answer.Body)
	fmt.Println(string(text))
}
