package har

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxFaults bounds how many faults one archive is told.
	maxFaults = 20
	// maxTime is the longest time an entry may take, in milliseconds: 30 days.
	maxTime = 30 * 24 * 60 * 60 * 1000
)

// Read reads an archive of version 1.1 or 1.2. The error names every fault, up
// to twenty of them, one a line: the line and the column where the text is no
// JSON, the JSON pointer of the value where it is no HAR. No value is in it.
func Read(data []byte) (*Archive, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // as some browsers write it
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return nil, syntaxFault(data, err)
	}
	r := &reader{}
	root := r.object(value{raw: whole})
	if root.broken {
		return nil, errors.New("the archive is no JSON object; expected one with a log")
	}
	o := r.object(root.member("log"))
	a := &Archive{
		Version: r.text(o.need("version")),
		Comment: r.text(o.member("comment")),
	}
	if a.Version == "" {
		a.Version = "1.1" // as the format has it
	}
	if known := []string{"1.1", Version}; !slices.Contains(known, a.Version) {
		r.failf(o.member("version"), "unknown version; expected %s", strings.Join(known, " or "))
	}
	creator := r.object(o.need("creator"))
	a.Creator = Creator{Name: r.text(creator.need("name")), Version: r.text(creator.member("version"))}
	for _, v := range r.array(o.need("entries")) {
		a.Entries = append(a.Entries, r.entry(v))
		if len(r.faults) >= maxFaults {
			break
		}
	}
	if len(r.faults) > 0 {
		return nil, errors.Join(r.faults...)
	}
	return a, nil
}

// syntaxFault says where a text stops being JSON.
func syntaxFault(data []byte, err error) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return errors.New("the archive is empty; expected a JSON object with a log")
	}
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	head := data[:min(int(syntax.Offset), len(data))]
	line := bytes.Count(head, []byte("\n")) + 1
	return fmt.Errorf("%d:%d: %w", line, max(len(head)-bytes.LastIndexByte(head, '\n')-1, 1), syntax)
}

// A value is a JSON value and where it stands; one that is absent has no raw.
type value struct {
	raw     json.RawMessage
	pointer string
}

func (v value) absent() bool { return v.raw == nil || string(v.raw) == "null" }

// members are those of an object.
type members struct {
	*reader
	of     map[string]json.RawMessage
	at     string
	broken bool
}

// member is the value of a name, absent or not.
func (m members) member(name string) value {
	return value{m.of[name], m.at + "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")}
}

// need is member for a name that must be there.
func (m members) need(name string) value {
	v := m.member(name)
	if v.absent() && !m.broken {
		m.failf(v, "missing")
	}
	return v
}

// A reader gathers what is wrong.
type reader struct{ faults []error }

func (r *reader) failf(v value, format string, args ...any) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, fmt.Errorf("%s: %s", v.pointer, fmt.Sprintf(format, args...)))
	}
}

// expect decodes a value; an absent one is left to need.
func expect[T any](r *reader, v value, what string) T {
	var out T
	if v.absent() {
		return out
	}
	if err := json.Unmarshal(v.raw, &out); err != nil {
		r.failf(v, "expected %s", what)
		var none T
		return none
	}
	return out
}

func (r *reader) object(v value) members {
	if v.absent() {
		if v.pointer == "/log" {
			r.failf(v, "missing; expected the log of a HAR")
		}
		return members{r, nil, v.pointer, true}
	}
	before := len(r.faults)
	of := expect[map[string]json.RawMessage](r, v, "an object")
	return members{r, of, v.pointer, len(r.faults) > before}
}

// array is the objects of an array.
func (r *reader) array(v value) []value {
	items := expect[[]json.RawMessage](r, v, "an array")
	out := make([]value, len(items))
	for i, item := range items {
		if out[i] = (value{item, v.pointer + "/" + strconv.Itoa(i)}); out[i].absent() {
			r.failf(out[i], "expected an object")
		}
	}
	return out
}

func (r *reader) text(v value) string { return expect[string](r, v, "a string") }

func (r *reader) number(v value) float64 {
	n := expect[float64](r, v, "a number")
	if math.IsNaN(n) || math.IsInf(n, 0) {
		r.failf(v, "expected a number")
		return 0
	}
	return n
}

// size reads a size in bytes; -1 is unknown.
func (r *reader) size(v value) int64 {
	n := r.number(v)
	if v.absent() || n < 0 {
		return -1
	}
	if n > 1<<53 {
		r.failf(v, "expected a size in bytes")
		return -1
	}
	return int64(n)
}

// entry reads one entry.
func (r *reader) entry(v value) Entry {
	o := r.object(v)
	e := Entry{Server: r.text(o.member("serverIPAddress")), Comment: r.text(o.member("comment"))}
	started := o.need("startedDateTime")
	if text := r.text(started); text != "" {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			r.failf(started, "expected a time as in 2026-01-05T09:00:00.000+08:00")
		}
		e.Started = at
	} else if !started.absent() {
		r.failf(started, "expected a time as in 2026-01-05T09:00:00.000+08:00")
	}
	took := o.need("time")
	// Some browsers write less than nothing for what came out of a cache.
	ms := max(r.number(took), 0)
	if ms > maxTime {
		r.failf(took, "expected milliseconds, of 30 days at most")
		ms = 0
	}
	e.Time = time.Duration(math.Round(ms * float64(time.Millisecond)))
	e.Request = r.request(r.object(o.need("request")))
	e.Response = r.response(r.object(o.need("response")))
	return e
}

func (r *reader) request(o members) Request {
	q := Request{
		Method: r.text(o.need("method")), URL: r.text(o.need("url")), Proto: r.text(o.member("httpVersion")),
		Header: r.header(o.need("headers")), BodySize: r.size(o.member("bodySize")), Comment: r.text(o.member("comment")),
	}
	if at := o.member("url"); !at.absent() {
		if u, err := url.Parse(q.URL); err != nil || q.URL != "" && !u.IsAbs() || q.URL == "" {
			r.failf(at, "expected an absolute URL")
		}
	}
	if at := o.member("method"); !at.absent() && (q.Method == "" || strings.ContainsAny(q.Method, " \t\r\n/")) {
		r.failf(at, "expected an HTTP method")
	}
	data := o.member("postData")
	if data.absent() {
		return q
	}
	p := r.object(data)
	encoding := p.member("_encoding")
	if encoding.absent() {
		encoding = p.member("encoding") // as other programs call it
	}
	q.Body = r.body(p.member("text"), encoding)
	if q.Body == nil {
		q.Body = r.form(p.member("params"))
	}
	if mediaType := r.text(p.member("mimeType")); mediaType != "" && q.Header.Get("Content-Type") == "" {
		q.Header.Set("Content-Type", mediaType)
	}
	q.BodySize = max(q.BodySize, int64(len(q.Body)))
	return q
}

// form writes the parameters of a form that was recorded without its text.
func (r *reader) form(v value) []byte {
	var b strings.Builder
	for _, item := range r.array(v) {
		p := r.object(item)
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(r.text(p.need("name"))) + "=" + url.QueryEscape(r.text(p.member("value"))))
	}
	if b.Len() == 0 {
		return nil
	}
	return []byte(b.String())
}

func (r *reader) response(o members) Response {
	s := Response{
		StatusText: r.text(o.member("statusText")), Proto: r.text(o.member("httpVersion")), Header: r.header(o.need("headers")),
		BodySize: r.size(o.member("bodySize")), RedirectURL: r.text(o.member("redirectURL")), Comment: r.text(o.member("comment")),
	}
	status := o.need("status")
	n := r.number(status)
	if n != math.Trunc(n) || n != 0 && (n < 100 || n > 999) {
		r.failf(status, "expected an HTTP status, or 0 where no answer came")
		n = 0
	}
	s.Status = int(n)
	content := o.need("content")
	c := r.object(content)
	s.Body = r.body(c.member("text"), c.member("encoding"))
	if mediaType := r.text(c.member("mimeType")); mediaType != "" && s.Header.Get("Content-Type") == "" {
		s.Header.Set("Content-Type", mediaType)
	}
	// The size of what is decoded counts: what went over the wire may have
	// been compressed.
	s.BodySize = max(r.size(c.member("size")), int64(len(s.Body)))
	if c.member("text").absent() && s.BodySize <= 0 {
		s.BodySize = max(r.size(o.member("bodySize")), 0)
	}
	return s
}

func (r *reader) body(text, encoding value) []byte {
	body, err := fromText(r.text(text), r.text(encoding))
	if err != nil {
		r.failf(text, "%v", err)
	}
	return body
}

func (r *reader) header(v value) http.Header {
	h := http.Header{}
	for _, item := range r.array(v) {
		p := r.object(item)
		name := r.text(p.need("name"))
		if strings.HasPrefix(name, ":") {
			continue // the pseudo header of HTTP/2
		}
		h.Add(name, r.text(p.need("value")))
	}
	return h
}
