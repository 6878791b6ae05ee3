package contracttest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/swanemu/emu/contracttest"
)

// silent does not answer what is no JSON and should be.
type silent struct {
	next http.RoundTripper
	left map[string]int
}

func (s silent) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.Header.Get("Content-Type"), "json") && r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if !json.Valid(body) {
			s.left[r.URL.Path]++
			return nil, context.DeadlineExceeded
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return s.next.RoundTrip(r)
}

// TestSilence has a server that leaves some requests without an answer: that is
// found, and not waited for on every operation.
func TestSilence(t *testing.T) {
	e := open(t, 1)
	left := map[string]int{}
	e.target.Transport = silent{e.target.Transport, left}
	r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{Checks: []string{"input.malformed", "response"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Causes) != 1 || r.Causes[0].Check != "response.delivered" || r.Causes[0].Actual != "no whole answer: nothing in 30s" {
		t.Errorf("found %+v", r.Causes)
	}
	if len(left) != 3 || len(r.Causes) > 0 && len(r.Causes[0].Operations) != 3 {
		t.Errorf("waited for %v", left)
	}
	if !strings.Contains(textOf(t, r), ": 3 operations left such a request unanswered; it is not sent to more\n") {
		t.Errorf("what is not sent shows nowhere:\n%s", textOf(t, r))
	}
}
