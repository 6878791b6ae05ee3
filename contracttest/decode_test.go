package contracttest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/swanemu/emu/contracttest"
)

// reader reads requests in a way of its own before the emulator sees them:
// pairs changes queries and forms, members what stands twice in a JSON body.
type reader struct {
	next    http.RoundTripper
	pairs   func(string) string
	members func(first, second json.RawMessage) json.RawMessage
}

func (d reader) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if d.pairs != nil {
		r.URL.RawQuery = d.pairs(r.URL.RawQuery)
	}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		switch mediaType := r.Header.Get("Content-Type"); {
		case strings.Contains(mediaType, "form") && d.pairs != nil:
			body = []byte(d.pairs(string(body)))
		case strings.Contains(mediaType, "json") && d.members != nil:
			body = d.once(body)
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return d.next.RoundTrip(r)
}

// once writes an object with each member once; anything else stays as it is.
func (d reader) once(body []byte) []byte {
	if !json.Valid(body) || !bytes.HasPrefix(body, []byte("{")) {
		return body
	}
	members := map[string]json.RawMessage{}
	decoder := json.NewDecoder(bytes.NewReader(body))
	_, _ = decoder.Token()
	for decoder.More() {
		var value json.RawMessage
		name, err := decoder.Token()
		if err != nil || decoder.Decode(&value) != nil {
			return body
		}
		key, _ := name.(string)
		if have, twice := members[key]; twice {
			value = d.members(have, value)
		}
		members[key] = value
	}
	out, _ := json.Marshal(members)
	return out
}

// TestReadings holds servers against the contract that decode requests in
// different ways. What the contract leaves open is no finding.
func TestReadings(t *testing.T) {
	first := func(a, _ json.RawMessage) json.RawMessage { return a }
	last := func(_, b json.RawMessage) json.RawMessage { return b }
	whichever := func(a, b json.RawMessage) json.RawMessage {
		if bytes.HasPrefix(a, []byte("{")) {
			return b
		}
		return a
	}
	bad := regexp.MustCompile(`%zz|%00|%ff`)
	replacing := func(with string) func(string) string {
		return func(s string) string { return bad.ReplaceAllString(s, with) }
	}
	// The last of two pairs with one name.
	lastPair := func(s string) string {
		var kept []string
		pairs := strings.Split(s, "&")
		for i, pair := range pairs {
			name, _, _ := strings.Cut(pair, "=")
			if !slices.ContainsFunc(pairs[i+1:], func(later string) bool { return strings.HasPrefix(later, name+"=") }) {
				kept = append(kept, pair)
			}
		}
		return strings.Join(kept, "&")
	}
	for name, test := range map[string]struct {
		reader reader
		check  string // "": nothing is found
	}{
		"the first of two members counts":         {reader: reader{members: first}},
		"the last of two members counts":          {reader: reader{members: last}},
		"whichever of two members is right":       {reader: reader{members: whichever}, check: "input.duplicate"},
		"the last of two pairs counts":            {reader: reader{pairs: lastPair}, check: "input.duplicate"},
		"what cannot be decoded stays as it is":   {reader: reader{pairs: replacing("%25zz")}},
		"a mark stands for what is no text":       {reader: reader{pairs: replacing("%EF%BF%BD")}},
		"a value ends where it cannot be decoded": {reader: reader{pairs: replacing("")}, check: "input.malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := open(t, 1)
			test.reader.next = e.target.Transport
			e.target.Transport = test.reader
			r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{
				Checks:     []string{"input", "effect", "response"},
				Operations: []string{"getAppInfo", "uploadPackage", "sendUnicastMessage", "getOSSAppInfo", "requestPolymerPayment", "getTPAccessToken"},
			})
			if err != nil {
				t.Fatal(err)
			}
			var by []string
			for _, c := range r.Causes {
				by = append(by, c.Check)
			}
			if by = slices.Compact(by); test.check == "" && by != nil || test.check != "" && !slices.Equal(by, []string{test.check}) {
				t.Errorf("found by %v, want %q\n%s", by, test.check, textOf(t, r))
			}
		})
	}
}
