package contracttest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	emu "github.com/swanemu/emu"
	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/seal"
	"github.com/swanemu/emu/internal/spec"
)

// A mutant is the emulator with one fault put between it and the suite.
type mutant struct {
	class, name string
	// intended is the check that is to find it; "" for a null mutant, which
	// no check may find.
	intended string
	// checks are those that are run, where all would take long; nil is all.
	checks []string
	change func(*testing.T, *emulated)
}

// A msg is one exchange on its way back to the suite.
type msg struct {
	e       *emulated
	op      *spec.Operation // nil for a method that the path does not have
	r       *http.Request
	params  spec.Params
	invalid []spec.Issue
	sent    []byte
	status  int
	header  http.Header
	body    []byte
}

// on distorts exchanges.
func on(f func(*msg)) func(*testing.T, *emulated) {
	return func(t *testing.T, e *emulated) {
		contract, err := spec.Load(emu.OpenAPI, spec.LoadOptions{Verified: true})
		if err != nil {
			t.Fatal(err)
		}
		e.target.Transport = distorter{e.target.Transport, e, contract, f}
	}
}

type distorter struct {
	next     http.RoundTripper
	e        *emulated
	contract *spec.Contract
	f        func(*msg)
}

func (d distorter) RoundTrip(r *http.Request) (*http.Response, error) {
	m := &msg{e: d.e, r: r}
	if r.Body != nil {
		var err error
		if m.sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(m.sent))
	}
	match := d.contract.Match(r)
	if m.op = match.Operation; m.op != nil {
		var err error
		if m.params, err = m.op.Read(r, match.Vars, m.sent); err == nil {
			err = m.op.Validate(m.params)
		}
		var invalid *spec.InvalidError
		if errors.As(err, &invalid) {
			m.invalid = invalid.Issues
		}
	}
	res, err := d.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	m.status, m.header = res.StatusCode, res.Header.Clone()
	if m.body, err = io.ReadAll(res.Body); err != nil {
		return nil, err
	}
	d.f(m)
	m.header.Del("Content-Length")
	if m.status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return &http.Response{
		StatusCode: m.status, Header: m.header, Body: io.NopCloser(bytes.NewReader(m.body)), Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// is reports whether the exchange is of one of the operations.
func (m *msg) is(ids ...string) bool {
	for _, id := range ids {
		if m.op != nil && m.op.ID == id {
			return true
		}
	}
	return false
}

// code is the member that tells an error, and its value.
func (m *msg) code() string {
	var v map[string]json.RawMessage
	if json.Unmarshal(m.body, &v) != nil {
		return ""
	}
	for _, name := range []string{"error_code", "error", "errno"} {
		if raw, ok := v[name]; ok {
			return strings.Trim(string(raw), `"`)
		}
	}
	return ""
}

func (m *msg) ok() bool { return m.code() == "0" || m.code() == "" && m.status == http.StatusOK }

// text is a parameter's text, or its number.
func (m *msg) text(name string) string { return paramText(m, name) }

// edit changes the body's members.
func (m *msg) edit(f func(map[string]any)) {
	var v map[string]any
	d := json.NewDecoder(bytes.NewReader(m.body))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return
	}
	f(v)
	m.body, _ = json.Marshal(v)
}

// rows changes the rows of a list.
func (m *msg) rows(f func(map[string]any)) {
	if !m.is("listPackages", "listOSSPackages", "postOSSPackages") {
		return
	}
	m.edit(func(v map[string]any) {
		list, _ := v["data"].([]any)
		for _, row := range list {
			f(row.(map[string]any))
		}
	})
}

// succeed answers as if all had gone well.
func (m *msg) succeed() {
	if m.op == nil {
		m.status, m.body = http.StatusOK, []byte(`{"errno":0,"msg":"success"}`)
		return
	}
	a, err := m.op.Synthesise(spec.Prefer{}, "", 1, time.Unix(1767574800, 0))
	if err != nil {
		panic(err)
	}
	m.status, m.header, m.body = a.Status, http.Header{"Content-Type": {a.MediaType}}, a.Body
}

func (m *msg) refuse(errno int, text string) {
	m.status, m.header = http.StatusOK, http.Header{"Content-Type": {"application/json"}}
	m.body = []byte(`{"errno":` + strconv.Itoa(errno) + `,"msg":"` + text + `"}`)
}

// again sends another request in the same way.
func (m *msg) again(op string, form url.Values) {
	r, _ := http.NewRequest(http.MethodPost, "http://127.0.0.1/rest/2.0/smartapp/package/"+op, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := within{m.e.handler}.RoundTrip(r)
	if err != nil {
		panic(err)
	}
	defer res.Body.Close()
	m.status, m.header = res.StatusCode, res.Header
	m.body, _ = io.ReadAll(res.Body)
}

// admin gives an order to the control API of the suite's sandbox and returns
// the answer; one that cannot be carried out does nothing.
func (e *emulated) admin(method, path string, order any) []byte {
	var body io.Reader = http.NoBody
	if order != nil {
		data, _ := json.Marshal(order)
		body = bytes.NewReader(data)
	}
	r, _ := http.NewRequest(method, "http://127.0.0.1/_emu/sandboxes/suite"+path, body)
	r.Header.Set("Content-Type", "application/json")
	res, err := within{e.handler}.RoundTrip(r)
	if err != nil {
		panic(err)
	}
	defer res.Body.Close()
	data, _ := io.ReadAll(res.Body)
	return data
}

// lenient lets requests through that break a rule.
func lenient(rules ...spec.Rule) func(*testing.T, *emulated) {
	return on(func(m *msg) {
		for _, issue := range m.invalid {
			broken := false
			for _, rule := range rules {
				broken = broken || issue.Rule == rule
			}
			if !broken {
				return
			}
		}
		if len(m.invalid) > 0 {
			m.succeed()
		}
	})
}

// forgive turns an error into a success.
func forgive(when func(*msg) bool) func(*testing.T, *emulated) {
	return on(func(m *msg) {
		if when(m) {
			m.succeed()
		}
	})
}

// pushed distorts what arrives at the receiver.
func pushed(f func(*emulated, []contracttest.Push) []contracttest.Push) func(*testing.T, *emulated) {
	return func(_ *testing.T, e *emulated) { e.target.Pushes = distortedPushes{e.target.Pushes, e, f} }
}

type distortedPushes struct {
	contracttest.Pushes
	e *emulated
	f func(*emulated, []contracttest.Push) []contracttest.Push
}

func (d distortedPushes) Received(ctx context.Context) ([]contracttest.Push, error) {
	got, err := d.Pushes.Received(ctx)
	return d.f(d.e, got), err
}

// reseal changes the message or the envelope of every push.
func reseal(f func(body map[string]any, p *seal.Push) (key, token string)) func(*testing.T, *emulated) {
	return pushed(func(e *emulated, got []contracttest.Push) []contracttest.Push {
		tp := e.target.Credentials.TP
		for i, one := range got {
			var p seal.Push
			if err := json.Unmarshal(one.Body, &p); err != nil {
				panic(err)
			}
			cipher, err := seal.PushCipher(tp.EncodingAESKey)
			if err != nil {
				panic(err)
			}
			text, id, err := p.Open(cipher, tp.SignToken)
			if err != nil {
				panic(err)
			}
			var body map[string]any
			if err := json.Unmarshal(text, &body); err != nil {
				panic(err)
			}
			key, token := f(body, &p)
			if key == "" {
				key = tp.EncodingAESKey
			}
			if token == "" {
				token = tp.SignToken
			}
			if other, ok := body["id"].(string); ok {
				id = other
				delete(body, "id")
			}
			text, _ = json.Marshal(body)
			if cipher, err = seal.PushCipher(key); err != nil {
				panic(err)
			}
			sealed := cipher.Push(token, p.TimeStamp, p.Nonce, [16]byte{}, text, id)
			got[i].Body, _ = json.Marshal(sealed)
		}
		return got
	})
}

// noticed distorts what is read from Kafka.
func noticed(f func([]contracttest.Notice) []contracttest.Notice) func(*testing.T, *emulated) {
	return func(_ *testing.T, e *emulated) { e.target.Notices = distortedNotices{e.target.Notices, f} }
}

type distortedNotices struct {
	contracttest.Notices
	f func([]contracttest.Notice) []contracttest.Notice
}

func (d distortedNotices) Read(ctx context.Context) ([]contracttest.Notice, error) {
	got, err := d.Notices.Read(ctx)
	return d.f(got), err
}

// since distorts what is new since the last time, and keeps what was shown.
func since[T any](f func(fresh []T)) func([]T) []T {
	var shown []T
	return func(got []T) []T {
		fresh := got[len(shown):]
		f(fresh)
		shown = append(shown, fresh...)
		return append([]T(nil), shown...)
	}
}

// eachNotice distorts each notice by itself.
func eachNotice(f func(*contracttest.Notice)) func(*testing.T, *emulated) {
	return noticed(func(got []contracttest.Notice) []contracttest.Notice {
		for i := range got {
			f(&got[i])
		}
		return got
	})
}

// deciding distorts what the platform decides.
func deciding(f func(*contracttest.Verdict) bool) func(*testing.T, *emulated) {
	return func(_ *testing.T, e *emulated) { e.target.States = distortedStates{e.target.States, f} }
}

type distortedStates struct {
	contracttest.States
	f func(*contracttest.Verdict) bool
}

func (d distortedStates) Decide(ctx context.Context, s *contracttest.Subject, v contracttest.Verdict) error {
	if !d.f(&v) {
		return nil
	}
	return d.States.Decide(ctx, s, v)
}
