package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/spec"
)

// controlPath is what the paths of the control API begin with.
const controlPath = "/_emu/"

// faulty is a server with a fault, as a client sees it.
type faulty struct {
	next     http.RoundTripper
	contract *spec.Contract
	fault    *fault
	control  control
	tp       contracttest.TP // whose pushes the fault sees

	mu      sync.Mutex // guards what follows, and what the fault remembers
	applied int
	journal journal
	// followed are the last steps of each sandbox that the fault was put
	// behind, versions those of packages.
	followed map[string]int64
	versions map[int64]string
	// below is the member below which the host answers.
	below string
}

// took notes that the fault was put into effect. The caller holds mu.
func (f *faulty) took() { f.applied++ }

// times is how often the fault was put into effect.
func (f *faulty) times() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.applied
}

// RoundTrip carries one request.
func (f *faulty) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, controlPath) {
		return f.order(r)
	}
	if f.fault.before == nil && f.fault.after == nil && f.fault.steps == nil {
		return f.next.RoundTrip(r)
	}
	m, err := f.message(r)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.follow()
	if m.op != nil && m.op.Envelope == "host" {
		m.below = f.below // where nothing is forwarded
	}
	if f.fault.before != nil {
		f.fault.before(m)
	}
	if !m.answered {
		if err := m.forward(); err != nil {
			return nil, err
		}
	}
	if f.fault.after != nil {
		status, header, body := m.status, m.header.Clone(), m.body
		f.fault.after(m)
		if m.status != status || !bytes.Equal(m.body, body) || !reflect.DeepEqual(m.header, header) || m.broken != "" {
			f.took()
		}
	}
	return m.response()
}

// A message is one exchange on its way through a faulty server.
type message struct {
	server  *faulty
	op      *spec.Operation // nil for a method that the path does not have
	vars    map[string]string
	request *http.Request
	sent    []byte
	params  spec.Params
	// invalid is what the contract has against the request.
	invalid []spec.Issue

	answered bool // without the server
	status   int
	header   http.Header
	body     []byte
	// below is the member of the whole that body stands below; "" where body is
	// the whole.
	below string
	// broken ends the connection: "dropped" before the answer, "cut" in it.
	broken string
}

// message reads a request.
func (f *faulty) message(r *http.Request) (*message, error) {
	m := &message{server: f, request: r}
	if r.Body != nil {
		var err error
		if m.sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	match := f.contract.Match(r)
	m.op, m.vars = match.Operation, match.Vars
	m.read()
	return m, nil
}

// read decodes the request.
func (m *message) read() {
	m.params, m.invalid = nil, nil
	if m.op == nil {
		return
	}
	var err error
	if m.params, err = m.op.Read(m.request, m.vars, m.sent); err == nil {
		err = m.op.Validate(m.params)
	}
	var invalid *spec.InvalidError
	if errors.As(err, &invalid) {
		m.invalid = invalid.Issues
	}
}

// forward lets the server answer the request.
func (m *message) forward() error {
	r := m.request.Clone(m.request.Context())
	r.Body, r.ContentLength = http.NoBody, 0
	if len(m.sent) > 0 {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(m.sent)), int64(len(m.sent))
	}
	res, err := m.server.next.RoundTrip(r)
	if err != nil {
		return err
	}
	m.status, m.header = res.StatusCode, res.Header.Clone()
	m.body, err = io.ReadAll(res.Body)
	m.unwrap()
	return errors.Join(err, res.Body.Close())
}

// unwrap takes the answer of a host out of the member that it stands below.
func (m *message) unwrap() {
	m.below = ""
	whole := parse(m.body)
	if m.op == nil || m.op.Envelope != "host" || whole == nil || whole.kind != '{' || len(whole.names) != 1 {
		return
	}
	if inner := whole.values[0]; inner.kind == '{' && inner.member("errno") != nil {
		m.below, m.body = whole.names[0], inner.bytes()
		m.server.below = m.below
	}
}

// wrapped is the whole answer.
func (m *message) wrapped() []byte {
	if m.below == "" {
		return m.body
	}
	return slices.Concat([]byte("{"+strconv.Quote(m.below)+":"), m.body, []byte("}"))
}

// response is what the client gets.
func (m *message) response() (*http.Response, error) {
	if m.broken == "dropped" {
		return nil, io.ErrUnexpectedEOF
	}
	m.header.Del("Content-Length")
	whole := m.wrapped()
	var body io.Reader = bytes.NewReader(whole)
	if m.broken == "cut" {
		body = io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), brokenBody{})
	}
	return &http.Response{
		StatusCode: m.status, Status: http.StatusText(m.status), Header: m.header, Body: io.NopCloser(body),
		ContentLength: -1, Request: m.request, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// brokenBody is the end of a connection in the middle of an answer.
type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// order carries an order to the control API; decisions may be changed on the
// way.
func (f *faulty) order(r *http.Request) (*http.Response, error) {
	if f.fault.ordered && r.Method == http.MethodPost && !strings.HasSuffix(r.URL.Path, "/sandboxes") {
		f.mu.Lock()
		f.follow()
		f.mu.Unlock()
	}
	if f.fault.steps != nil && (r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/packages") || r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/apps")) {
		return f.overhear(r)
	}
	if f.fault.decide == nil || r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/decisions") || r.Body == nil {
		return f.next.RoundTrip(r)
	}
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if changed, ok := f.decided(data); ok {
		data = changed
	} else {
		// What is answered is what the order would have been.
		return &http.Response{
			StatusCode: http.StatusOK, Status: "OK", Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(`{"applied_to":null,"queued":null}`)), Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		}, nil
	}
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	return f.next.RoundTrip(r)
}

// overhear notes what the control API is told of packages, and what it tells.
func (f *faulty) overhear(r *http.Request) (*http.Response, error) {
	var told []byte
	if r.Body != nil {
		var err error
		if told, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(told))
	}
	res, err := f.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remember(told)
	f.remember(data)
	res.Body = io.NopCloser(bytes.NewReader(data))
	return res, nil
}

// decided changes an order to decide; false lets it be forgotten.
func (f *faulty) decided(data []byte) ([]byte, bool) {
	order := parse(data)
	if order == nil || order.kind != '{' {
		return data, true
	}
	v := contracttest.Verdict{Decision: textOf(order.member("kind")), Outcome: textOf(order.member("result")), Reason: textOf(order.member("reason"))}
	if id := order.member("package_id"); id != nil {
		if json.Unmarshal([]byte(id.scalar), &v.Package) != nil {
			return data, true
		}
	}
	before := v
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.fault.decide(&v) {
		f.took()
		return nil, false
	}
	if v == before {
		return data, true
	}
	f.took()
	order.set("result", quoted(v.Outcome))
	order.set("reason", quoted(v.Reason))
	return order.bytes(), true
}

// textOf is the text of a node that may not be there.
func textOf(n *node) string {
	if n == nil {
		return ""
	}
	return n.text()
}

// received is what a receiver of pushes sees.
type received struct {
	contracttest.Pushes
	f *faulty
}

// Received returns what has arrived, with the fault.
func (p received) Received(ctx context.Context) ([]contracttest.Push, error) {
	got, err := p.Pushes.Received(ctx)
	if err != nil {
		return nil, err
	}
	return p.f.push(got), nil
}

// push puts the fault into all attempts so far.
func (f *faulty) push(got []contracttest.Push) []contracttest.Push {
	if f.fault.pushes == nil {
		return got
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fault.pushes(f, got)
}

// noticed is what a reader of notices sees.
type noticed struct {
	contracttest.Notices
	f *faulty
}

// Read returns what has arrived, with the fault.
func (n noticed) Read(ctx context.Context) ([]contracttest.Notice, error) {
	got, err := n.Notices.Read(ctx)
	if err != nil || n.f.fault.notices == nil {
		return got, err
	}
	n.f.mu.Lock()
	defer n.f.mu.Unlock()
	return n.f.fault.notices(n.f, got), nil
}

// target puts the fault between a target and the suite.
func (f *faulty) target(t contracttest.Target) contracttest.Target {
	t.Transport = f
	if t.Pushes != nil {
		t.Pushes = received{t.Pushes, f}
	}
	if t.Notices != nil {
		t.Notices = noticed{t.Notices, f}
	}
	if t.Merchants != nil {
		t.Merchants = merchant{t.Merchants, f}
	}
	if t.Cashier != nil {
		t.Cashier = cashier{t.Cashier, f}
	}
	return t
}
