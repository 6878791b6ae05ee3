package har_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/internal/har"
)

// entry is one that has something everywhere.
func entry() har.Entry {
	return har.Entry{
		Started: time.Date(2026, 1, 5, 9, 0, 0, 123456789, time.FixedZone("", 8*3600)), Time: 12345678,
		Request: har.Request{
			Method: "POST", URL: "http://127.0.0.1:8080/rest?access_token=45.secret&x=%E5%AD%97", Proto: "HTTP/1.1",
			Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "X-Two": {"a", "b"}},
			Body:   []byte("package_id=1&content=a+b"), BodySize: 24,
		},
		Response: har.Response{
			Status: 200, StatusText: "OK", Proto: "HTTP/1.1", Header: http.Header{"Content-Type": {"application/json"}},
			Body: []byte(`{"errno":0,"msg":"成功 <&>"}`), BodySize: 31, RedirectURL: "", Comment: "whole",
		},
		Server: "127.0.0.1", Comment: "releasePackage",
	}
}

// TestRoundTrip holds what is read against what was written.
func TestRoundTrip(t *testing.T) {
	binary := entry()
	binary.Request.Body, binary.Request.BodySize = []byte{0, 0xff, 1}, 3
	binary.Request.Header = http.Header{"Content-Type": {"application/octet-stream"}}
	binary.Response.Body, binary.Response.BodySize = []byte{0xff}, 1
	cut := entry()
	cut.Response.BodySize = 5 << 20
	none := entry()
	none.Response = har.Response{Header: http.Header{}, Comment: "no answer"}
	want := har.Archive{
		Version: har.Version, Creator: har.Creator{Name: "emu", Version: "1"}, Comment: "four",
		Entries: []har.Entry{entry(), binary, cut, none},
	}
	var whole bytes.Buffer
	if err := har.Write(&whole, want); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "x.har")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w, err := har.NewWriter(f, want.Creator, want.Comment, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range want.Entries {
		// The file is an archive at any time.
		if got := read(t, file); len(got.Entries) != i || w.Count() != i {
			t.Errorf("%d entries in the file after %d", len(got.Entries), i)
		}
		if err := w.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, read(t, file)); diff != "" {
		t.Errorf("written entry by entry: %s", diff)
	}
	if text, err := os.ReadFile(file); err != nil || !bytes.Equal(text, whole.Bytes()) {
		t.Errorf("Write and Writer write differently (%v):\n%s\n%s", err, whole.Bytes(), text)
	}
}

func read(t *testing.T, file string) *har.Archive {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	a, err := har.Read(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return a
}

// TestForm looks at what other programs read: what the format requires is
// there, and a query and a form are also there in parts.
func TestForm(t *testing.T) {
	var b bytes.Buffer
	if err := har.Write(&b, har.Archive{Creator: har.Creator{Name: "emu"}, Entries: []har.Entry{entry()}}); err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]any{
		"/log/version":                                   "1.2",
		"/log/entries/0/startedDateTime":                 "2026-01-05T09:00:00.123456789+08:00",
		"/log/entries/0/time":                            12.345678,
		"/log/entries/0/timings/wait":                    12.345678,
		"/log/entries/0/cache":                           map[string]any{},
		"/log/entries/0/request/cookies":                 []any{},
		"/log/entries/0/request/headersSize":             -1.0,
		"/log/entries/0/request/queryString/1/name":      "x",
		"/log/entries/0/request/queryString/1/value":     "字",
		"/log/entries/0/request/postData/params/1/name":  "content",
		"/log/entries/0/request/postData/params/1/value": "a b",
		"/log/entries/0/response/redirectURL":            "",
		"/log/entries/0/response/content/size":           31.0,
		"/log/entries/0/response/content/text":           `{"errno":0,"msg":"成功 <&>"}`,
	} {
		if diff := cmp.Diff(want, at(got, pointer)); diff != "" {
			t.Errorf("%s: %s", pointer, diff)
		}
	}
}

// at follows a pointer.
func at(v any, pointer string) any {
	for _, part := range strings.Split(pointer, "/")[1:] {
		switch of := v.(type) {
		case map[string]any:
			v = of[part]
		case []any:
			v = of[part[0]-'0']
		}
	}
	return v
}

// TestRedact looks for a secret everywhere in what was written.
func TestRedact(t *testing.T) {
	const secret = "45.secret"
	e := entry()
	e.Comment, e.Request.Comment, e.Response.Comment = secret, secret, secret
	e.Request.Header.Set("Authorization", "Bearer "+secret)
	e.Request.Body = []byte("refresh_token=" + secret)
	e.Response.Header.Set("Location", "/?"+secret)
	e.Response.RedirectURL = "/?" + secret
	e.Response.Body = append([]byte{0xff}, secret...)
	file := filepath.Join(t.TempDir(), "x.har")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // it is only read from
	w, err := har.NewWriter(f, har.Creator{Name: "emu"}, "", func(s string) string { return strings.ReplaceAll(s, secret, "$TOKEN") })
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(e); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte(secret)) || !bytes.Contains(text, []byte("access_token=$TOKEN")) {
		t.Errorf("not redacted:\n%s", text)
	}
	// In a body that is base64, too.
	if body := read(t, file).Entries[0].Response.Body; !bytes.Equal(body, []byte("\xff$TOKEN")) {
		t.Errorf("the answer's body is %q", body)
	}
}

// full fails after some bytes.
type full struct{ room int64 }

func (f full) WriteAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > f.room {
		return 0, errors.New("no space left")
	}
	return len(p), nil
}

func TestWriterFails(t *testing.T) {
	if _, err := har.NewWriter(full{}, har.Creator{}, "", nil); err == nil {
		t.Error("a file that takes nothing is no error")
	}
	w, err := har.NewWriter(full{400}, har.Creator{}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Append(entry()); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("want the file's error, got %v", err)
		}
	}
	if w.Count() != 0 {
		t.Errorf("%d entries were written", w.Count())
	}
	if err := w.Append(har.Entry{}); err == nil {
		t.Error("an entry without its time is no error")
	}
}

// minimal is the least that is a HAR, with one thing replaced.
func minimal(from, to string) string {
	const text = `{"log":{"version":"1.2","creator":{"name":"x","version":"1"},"entries":[
{"startedDateTime":"2026-01-05T09:00:00Z","time":1,
"request":{"method":"GET","url":"http://x.example/","headers":[{"name":"A","value":"b"}]},
"response":{"status":200,"headers":[],"content":{"size":0,"mimeType":"x"}}}]}}`
	if from != "" && !strings.Contains(text, from) {
		panic("nothing to replace: " + from)
	}
	return strings.Replace(text, from, to, 1)
}

// TestReadRefuses says what is wrong and where.
func TestReadRefuses(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "the archive is empty; expected a JSON object with a log"},
		{"{\n  \"log\": x}", "2:10: invalid character 'x' looking for beginning of value"},
		{"[]", "the archive is no JSON object; expected one with a log"},
		{"{}", "/log: missing; expected the log of a HAR"},
		{`{"log":1}`, "/log: expected an object"},
		{minimal(`"version":"1.2",`, ``), "/log/version: missing"},
		{minimal(`"version":"1.2",`, `"version":"3",`), "/log/version: unknown version; expected 1.1 or 1.2"},
		{minimal(`"name":"x",`, ``), "/log/creator/name: missing"},
		{minimal(`"entries":[`, `"entries":[null,`), "/log/entries/0: expected an object"},
		{minimal(`"2026-01-05T09:00:00Z"`, `"yesterday"`), "/log/entries/0/startedDateTime: expected a time as in 2026-01-05T09:00:00.000+08:00"},
		{minimal(`"time":1,`, `"time":"1",`), "/log/entries/0/time: expected a number"},
		{minimal(`"time":1,`, ``), "/log/entries/0/time: missing"},
		{minimal(`"time":1,`, `"time":1e300,`), "/log/entries/0/time: expected milliseconds, of 30 days at most"},
		{minimal(`"method":"GET"`, `"method":"G T"`), "/log/entries/0/request/method: expected an HTTP method"},
		{minimal(`"http://x.example/"`, `"/x"`), "/log/entries/0/request/url: expected an absolute URL"},
		{minimal(`"headers":[{"name":"A","value":"b"}]`, `"headers":{}`), "/log/entries/0/request/headers: expected an array"},
		{minimal(`"value":"b"`, `"value":1`), "/log/entries/0/request/headers/0/value: expected a string"},
		{minimal(`"status":200`, `"status":20`), "/log/entries/0/response/status: expected an HTTP status, or 0 where no answer came"},
		{minimal(`"mimeType":"x"`, `"encoding":"base64","text":"*"`), "/log/entries/0/response/content/text: not base64"},
		{minimal(`"mimeType":"x"`, `"encoding":"gzip","text":"*"`), "/log/entries/0/response/content/text: unknown encoding; expected base64 or none"},
		{minimal(`"response":{"status":200,"headers":[],"content":{"size":0,"mimeType":"x"}}`, `"response":null`), "/log/entries/0/response: missing"},
	} {
		_, err := har.Read([]byte(test.text))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s\n got %v\nwant %s", test.text, err, test.want)
		}
	}
	// All faults are told, and not more than one can read.
	_, err := har.Read([]byte(`{"log":{"version":"1.2","creator":{"name":"x"},"entries":[` + strings.Repeat(`{},`, 50) + `{}]}}`))
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 20 || lines[4] != "/log/entries/1/startedDateTime: missing" {
		t.Errorf("%d faults: %v", len(lines), err)
	}
}

// TestReadForeign reads what other programs write.
func TestReadForeign(t *testing.T) {
	text := minimal(`"url":"http://x.example/",`, `"url":"http://x.example/","_own":{"a":1},
		"postData":{"mimeType":"application/x-www-form-urlencoded","params":[{"name":"a b","value":"&"},{"name":"c"}]},`)
	text = strings.Replace(text, `"name":"A"`, `"name":":authority"`, 1)
	text = strings.Replace(text, `"status":200`, `"status":0`, 1)
	text = strings.Replace(text, `"time":1,`, `"time":-1,`, 1)
	a, err := har.Read([]byte("\ufeff" + text))
	if err != nil {
		t.Fatal(err)
	}
	e := a.Entries[0]
	if got := string(e.Request.Body); got != "a+b=%26&c=" {
		t.Errorf("the form is %q", got)
	}
	if diff := cmp.Diff(http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, e.Request.Header); diff != "" {
		t.Errorf("the header: %s", diff)
	}
	if e.Response.Status != 0 || e.Time != 0 {
		t.Errorf("status %d in %v", e.Response.Status, e.Time)
	}
}

// FuzzRead holds that Read takes anything, and that what it accepts is the same
// after it was written and read again.
func FuzzRead(f *testing.F) {
	f.Add([]byte(minimal("", "")))
	f.Add([]byte(minimal(`"mimeType":"x"`, `"encoding":"base64","text":"/w=="`)))
	var b bytes.Buffer
	if err := har.Write(&b, har.Archive{Creator: har.Creator{Name: "emu"}, Entries: []har.Entry{entry(), entry()}}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, text []byte) {
		first, err := har.Read(text)
		if err != nil {
			return
		}
		if len(first.Entries) > 0 && first.Entries[0].Started.IsZero() {
			return // which is not written
		}
		var b bytes.Buffer
		if err := har.Write(&b, *first); err != nil {
			if strings.Contains(err.Error(), "needs the time") {
				return
			}
			t.Fatal(err)
		}
		second, err := har.Read(b.Bytes())
		if err != nil {
			t.Fatalf("what was written is not read: %v\n%s", err, b.Bytes())
		}
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("it is not the same: %s", diff)
		}
	})
}
