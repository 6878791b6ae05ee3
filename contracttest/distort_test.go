package contracttest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	emu "github.com/swanemu/emu"
	"github.com/swanemu/emu/internal/spec"
)

// A msg is one exchange on its way back to the suite, to be distorted. Faulty
// servers by the hundred are in package mutants; here is what a test of reports
// needs of them.
type msg struct {
	op     *spec.Operation // nil for a method that the path does not have
	params spec.Params
	status int
	header http.Header
	body   []byte
}

// on distorts exchanges.
func on(f func(*msg)) func(*testing.T, *emulated) {
	return func(t *testing.T, e *emulated) {
		contract, err := spec.Load(emu.OpenAPI, spec.LoadOptions{Verified: true})
		if err != nil {
			t.Fatal(err)
		}
		e.target.Transport = distorter{e.target.Transport, contract, f}
	}
}

type distorter struct {
	next     http.RoundTripper
	contract *spec.Contract
	f        func(*msg)
}

func (d distorter) RoundTrip(r *http.Request) (*http.Response, error) {
	m := &msg{}
	var sent []byte
	if r.Body != nil {
		var err error
		if sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	match := d.contract.Match(r)
	if m.op = match.Operation; m.op != nil {
		m.params, _ = m.op.Read(r, match.Vars, sent)
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
	return &http.Response{
		StatusCode: m.status, Header: m.header, Body: io.NopCloser(bytes.NewReader(m.body)), Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// is reports whether the exchange is of an operation.
func (m *msg) is(id string) bool { return m.op != nil && m.op.ID == id }

// ok reports whether the answer is a success of the business envelope.
func (m *msg) ok() bool {
	var v struct {
		Errno *int `json:"errno"`
	}
	return json.Unmarshal(m.body, &v) == nil && v.Errno != nil && *v.Errno == 0
}

func (m *msg) refuse(errno int, text string) {
	m.status, m.header = http.StatusOK, http.Header{"Content-Type": {"application/json"}}
	m.body = []byte(`{"errno":` + strconv.Itoa(errno) + `,"msg":"` + text + `"}`)
}

// text is a parameter's text, or its number.
func (m *msg) text(name string) string {
	p, _ := m.params.Get(name)
	if p.Text == "" {
		return strings.Trim(string(p.JSON), `"`)
	}
	return p.Text
}

// admin gives an order to the control API of the suite's sandbox.
func (e *emulated) admin(method, path string, order any) {
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
	if res.StatusCode >= http.StatusMultipleChoices {
		panic(res.Status)
	}
	_ = res.Body.Close()
}
