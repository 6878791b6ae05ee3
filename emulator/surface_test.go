package emulator_test

// The official client's answer types (testdata/surface.json: one call a line,
// sorted by path) against what the emulator answers. The contract suite makes
// the requests, so that a call that is added to both is put to the test without
// a word here.

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/contracttest/emutarget"
	"github.com/swanemu/emu/emulator"
)

// A surfaceCall is a call of the official client.
type surfaceCall struct {
	Operation, Group, Method, Path string
	// Response is the type that its answer is decoded into: a leaf is string,
	// integer or boolean, an array has one element.
	Response any
}

// unread is what the emulator answers and the official client has no member
// for, by call and member, with the reason.
func unread() map[string]map[string]string {
	const issued = "seed 000 documents it; the client needs the token only"
	return map[string]map[string]string{
		"GET /oauth/2.0/token": {"/refresh_token": issued, "/scope": issued, "/session_key": issued, "/session_secret": issued},
		"GET /rest/2.0/oauth/getsessionkeybycode": {
			"/openid": "the answer is bare; the client reads no more than errors", "/session_key": "the answer is bare; the client reads no more than errors",
		},
	}
}

// A listener lets a handler answer in this process and keeps the answers by
// operationId.
type listener struct {
	e       *emulator.Emulator
	mu      sync.Mutex
	answers map[string][][]byte
}

func (l *listener) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.RemoteAddr = "127.0.0.1:1"
	a := serve(l.e, r)
	if op := l.e.Contract().Match(r).Operation; op != nil && a.status < 300 {
		l.mu.Lock()
		l.answers[op.ID] = append(l.answers[op.ID], a.body)
		l.mu.Unlock()
	}
	return &http.Response{
		StatusCode: a.status, Header: a.header, Request: r, ContentLength: int64(len(a.body)),
		Body: io.NopCloser(bytes.NewReader(a.body)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// suiteAnswers lets the contract suite make every call, rightly and wrongly.
func suiteAnswers(t *testing.T) *listener {
	t.Helper()
	l := &listener{e: newEmulator(t, nil), answers: map[string][][]byte{}}
	o := emutarget.Options{URL: "http://127.0.0.1", Transport: l}
	target, err := emutarget.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := target.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	checks := []string{"input.placement", "input.required", "token.absent", "lifecycle.path"}
	r, err := contracttest.Verify(t.Context(), target.Target(), contracttest.Options{Mode: contracttest.Sandbox, Checks: checks})
	if err != nil {
		t.Fatal(err)
	}
	if r.Err() != nil {
		var text strings.Builder
		if err := r.WriteText(&text); err != nil {
			t.Error(err)
		}
		t.Fatalf("%v\n%s", r.Err(), &text)
	}
	return l
}

func TestAnswersFitTheOfficialClient(t *testing.T) {
	data, err := os.ReadFile("testdata/surface.json")
	if err != nil {
		t.Fatal(err)
	}
	var calls []surfaceCall
	if err := json.Unmarshal(data, &calls); err != nil {
		t.Fatal(err)
	}
	if !slices.IsSortedFunc(calls, func(a, b surfaceCall) int { return strings.Compare(a.Path, b.Path) }) {
		t.Error("surface.json is not sorted by path")
	}
	l := suiteAnswers(t)
	byCall := map[string][]surfaceCall{}
	for _, c := range calls {
		byCall[c.Method+" "+c.Path] = append(byCall[c.Method+" "+c.Path], c)
	}
	reasons := unread()
	fitted := 0
	for _, op := range l.e.Contract().Operations() {
		name := op.Method + " " + op.Path
		if byCall[name] == nil {
			continue
		}
		accepted, unknown := 0, map[string]bool{}
		for _, body := range l.answers[op.ID] {
			v := decodeNumbers(t, body)
			if isSuccess(v) {
				accepted++
			}
			for _, c := range byCall[name] {
				for _, wrong := range unfit(c.Response, v, "", unknown) {
					t.Errorf("%s (%s of %s): %s\nanswer %s", name, c.Operation, c.Group, wrong, body)
				}
			}
		}
		if accepted == 0 {
			t.Errorf("%s: the suite got no success of it", name)
		}
		for _, pointer := range slices.Sorted(maps.Keys(unknown)) {
			if reasons[name][pointer] == "" {
				t.Errorf("%s: the official client has no member %s, and nobody says why it is answered", name, pointer)
			}
			delete(reasons[name], pointer)
		}
		if len(reasons[name]) > 0 {
			t.Errorf("%s: these are not answered, though there is a reason for them: %v", name, reasons[name])
		}
		fitted++
	}
	if fitted < 25 {
		t.Errorf("%d calls were looked at", fitted)
	}
}

// isSuccess tells a success by the platform's own signs.
func isSuccess(v any) bool {
	members, _ := v.(map[string]any)
	_, gateway := members["error_code"]
	_, oauth := members["error"]
	errno, business := members["errno"]
	return !gateway && !oauth && (!business || fmt.Sprint(errno) == "0")
}

// unfit says where a value does not decode into a type, as Go's decoder would
// take it: a null fits everything, and a name is found in any case. Members
// that the type does not have are noted as unknown.
func unfit(shape, v any, pointer string, unknown map[string]bool) (out []string) {
	if v == nil {
		return nil
	}
	wrong := []string{fmt.Sprintf("%s: %s does not decode into %s", pointer, shortly(v), shortly(shape))}
	switch shape := shape.(type) {
	case string:
		if !leafFits(shape, v) {
			return wrong
		}
	case []any:
		items, ok := v.([]any)
		if !ok {
			return wrong
		}
		for i := range items {
			out = append(out, unfit(shape[0], items[i], pointer+"/"+strconv.Itoa(i), unknown)...)
		}
	case map[string]any:
		members, ok := v.(map[string]any)
		if !ok {
			return wrong
		}
		for name, member := range members {
			known, there := memberOf(shape, name)
			if !there {
				unknown[pointer+"/"+name] = true
				continue
			}
			out = append(out, unfit(known, member, pointer+"/"+name, unknown)...)
		}
	}
	return out
}

func leafFits(kind string, v any) bool {
	switch v := v.(type) {
	case string:
		return kind == "string"
	case bool:
		return kind == "boolean"
	case json.Number:
		_, err := v.Int64()
		return kind == "integer" && err == nil
	}
	return false
}

func memberOf(shape map[string]any, name string) (any, bool) {
	if v, ok := shape[name]; ok {
		return v, true
	}
	for known, v := range shape {
		if strings.EqualFold(known, name) {
			return v, true
		}
	}
	return nil, false
}

// TestUnfitIsFound sees that what a client cannot decode is found.
func TestUnfitIsFound(t *testing.T) {
	shape := decodeNumbers(t, []byte(`{"errno":"integer","data":{"list":[{"id":"string","ok":"boolean"}]}}`))
	for answer, want := range map[string]struct{ wrong, unknown int }{
		`{"errno":0,"data":{"list":[{"id":"x","ok":true}]}}`: {0, 0},
		`{"errno":0,"data":null}`:                            {0, 0},
		`{"Errno":0}`:                                        {0, 0},
		`{"errno":"0"}`:                                      {1, 0},
		`{"errno":1.5}`:                                      {1, 0},
		`{"errno":0,"data":[]}`:                              {1, 0},
		`{"errno":0,"data":{"list":{}}}`:                     {1, 0},
		`{"errno":0,"data":{"list":[{"id":1,"ok":0}]}}`:      {2, 0},
		`{"errno":0,"more":1,"data":{"list":[{"x":1}]}}`:     {0, 2},
	} {
		unknown := map[string]bool{}
		if got := unfit(shape, decodeNumbers(t, []byte(answer)), "", unknown); len(got) != want.wrong || len(unknown) != want.unknown {
			t.Errorf("%s: %v, unknown %v", answer, got, unknown)
		}
	}
}
