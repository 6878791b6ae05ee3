package emulator_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/swanemu/emu/emulator"
)

// within answers an HTTP client's requests in the same process, so that a
// synctest bubble holds both sides.
type within struct{ handler http.Handler }

func (w within) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// TestSevenDaysInABubble runs the whole emulator in the caller's bubble, on
// real time: an audit of seven days and the caller's own timer of seven days
// end together, at once.
func TestSevenDaysInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := emulator.New(t.Context(), emulator.Options{
			Strict: true, Delays: emulator.Delays{Audit: 7 * 24 * time.Hour},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := e.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		c, err := e.Credentials()
		if err != nil {
			t.Fatal(err)
		}
		client := &http.Client{Transport: within{e}}
		call := func(path string, form url.Values) string {
			t.Helper()
			form.Set("access_token", c.Authorizer.AccessToken)
			ask := func() (*http.Response, error) { return client.PostForm("http://openapi.baidu.com"+path, form) }
			if path == pathDetail {
				ask = func() (*http.Response, error) {
					return client.Get("http://openapi.baidu.com" + path + "?" + form.Encode())
				}
			}
			res, err := ask()
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close() //nolint:errcheck // it is in memory
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(body)
		}
		call(pathUpload, url.Values{"template_id": {"1"}, "ext_json": {"{}"}, "user_version": {"1.0.0"}, "user_desc": {"x"}})
		<-time.After(3 * time.Second)
		synctest.Wait() // whatever else fell due at this moment has happened
		if got := call(pathSubmit, url.Values{"package_id": {"55001"}, "content": {"x"}}); !strings.Contains(got, `"errno":0`) {
			t.Fatal(got)
		}
		own := time.NewTimer(7 * 24 * time.Hour)
		<-time.After(7*24*time.Hour - time.Second)
		synctest.Wait()
		if got := call(pathDetail, url.Values{"package_id": {"55001"}}); !strings.Contains(got, `"status":4`) {
			t.Errorf("a second before the end: %s", got)
		}
		<-own.C
		synctest.Wait()
		if got := call(pathDetail, url.Values{"package_id": {"55001"}}); !strings.Contains(got, `"status":6`) {
			t.Errorf("after seven days: %s", got)
		}
	})
}
