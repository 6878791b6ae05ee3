package emulator

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/swanemu/emu/internal/spec"
)

// The control API: what a platform is told besides its own calls. It is made
// from admin.yaml by the machinery that makes the platform from its contract:
// route, read, validate, do, check the answer, write. Orders that change a
// sandbox are inputs of it, logged and journaled like the platform's calls.

//go:embed admin.yaml
var adminYAML []byte

// control serves the control API. Its contract is compiled when it is first
// needed, which health and readiness do not.
type control struct {
	e    *Emulator
	load func() (*controlAPI, error)
	// generated numbers the sandboxes that came without a name.
	generated atomic.Int64
}

// controlAPI is the compiled contract and what is done for each operation.
type controlAPI struct {
	contract *spec.Contract
	table    map[string]*controlOperation
}

func newControl(e *Emulator) *control {
	return &control{e: e, load: controlContract}
}

// controlContract is loadControl, once for all emulators: what it makes never
// changes.
var controlContract = sync.OnceValues(loadControl)

// loadControl compiles the contract; an operation without a handler is an
// error, and so is a handler without an operation.
func loadControl() (*controlAPI, error) {
	contract, err := spec.Load(adminYAML, spec.LoadOptions{Name: "admin.yaml"})
	if err != nil {
		return nil, err
	}
	api := &controlAPI{contract: contract, table: map[string]*controlOperation{}}
	operations, made := controlOperations(), shapes{}
	for i := range operations {
		op := &operations[i]
		if _, ok := contract.Operation(op.id); !ok || api.table[op.id] != nil {
			return nil, fmt.Errorf("admin.yaml has no operation %q, or it is handled twice", op.id)
		}
		if op.err != nil {
			return nil, fmt.Errorf("operation %s: %w", op.id, op.err)
		}
		op.known = made.of(op.in)
		if op.body != nil {
			op.knownBody = made.of(op.body)
		}
		api.table[op.id] = op
	}
	for _, op := range contract.Operations() {
		if api.table[op.ID] == nil {
			return nil, fmt.Errorf("admin.yaml: operation %q is not handled", op.ID)
		}
	}
	return api, nil
}

// A controlCall is one valid request to the control API.
type controlCall struct {
	ctx context.Context
	e   *Emulator
	op  *spec.Operation
	// box is the sandbox that the path names; nil where it names none.
	box    *Sandbox
	params spec.Params
	// body is the request's, as it was sent.
	body []byte
	// lastEventID is what a client that lost its event stream had last.
	lastEventID string
	// trace is that of the request; nil for none.
	trace *Trace
}

// A controlAnswer is what goes back.
type controlAnswer struct {
	status    int
	mediaType string
	body      []byte
	// stream, when set, writes the rest of the answer for as long as it takes.
	stream func(ctx context.Context, w *eventWriter)
}

const (
	mediaJSON    = "application/json"
	mediaYAML    = "application/yaml"
	mediaProblem = "application/problem+json"
	mediaEvents  = "text/event-stream"
	mediaBytes   = "application/octet-stream"
)

// stateLimit bounds the body of an imported state, in bytes.
const stateLimit = 512 << 20

// ServeHTTP answers a request to the control API.
func (c *control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		switch r.URL.Path {
		case ControlPrefix + "health":
			c.early(w, "getHealth", c.e.health())
			return
		case ControlPrefix + "ready":
			c.early(w, "getReady", c.e.ready(r.Context()))
			return
		case swanPath:
			c.early(w, "getClientScript", clientScript())
			return
		}
		if c.docs(w, r) {
			return
		}
	}
	bound, err := c.admit(r)
	if err != nil {
		if r.URL.Path == alliancePath && problemOf(err).Status == http.StatusUnauthorized {
			w.Header().Add("WWW-Authenticate", `Basic realm="emu", charset="UTF-8"`)
		}
		c.fail(w, nil, err)
		return
	}
	if r.URL.Path == alliancePath {
		c.alliance(w, r, bound)
		return
	}
	api, err := c.load()
	if err != nil {
		c.e.opt.Logger.Error("the control API does not compile", "err", err)
		c.fail(w, nil, err)
		return
	}
	m := api.contract.Match(r)
	if m.Operation == nil {
		c.fail(w, nil, api.unrouted(w, r, m, bound))
		return
	}
	a, err := c.answer(api, m, r, bound)
	if err != nil {
		c.fail(w, m.Operation, err)
		return
	}
	if a.stream != nil {
		c.e.obeyed(m.Operation.ID, a.status)
		c.stream(w, r, a)
		return
	}
	c.write(w, m.Operation, a)
}

// early answers before the contract is compiled, unless each answer is to be
// held against it.
func (c *control) early(w http.ResponseWriter, operation string, a controlAnswer) {
	var op *spec.Operation
	if c.e.opt.Strict {
		if api, err := c.load(); err == nil {
			op, _ = api.contract.Operation(operation)
		}
	}
	c.put(w, op, a)
	c.e.obeyed(operation, a.status)
}

// answer reads a request and has it done.
func (c *control) answer(api *controlAPI, m spec.Match, r *http.Request, bound string) (controlAnswer, error) {
	op := api.table[m.Operation.ID]
	call := &controlCall{ctx: r.Context(), e: c.e, op: m.Operation, lastEventID: r.Header.Get("Last-Event-ID"), trace: traceOf(r.Header)}
	limit := c.e.opt.BodyLimit
	if op.body != nil {
		limit = max(limit, stateLimit)
	}
	body, err := readBody(r, limit)
	switch {
	case errors.Is(err, errTooLarge):
		return controlAnswer{}, &controlProblem{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("the body is over the limit of %d bytes", limit)}
	case err != nil:
		return controlAnswer{}, badRequest("", "the body breaks off before its end")
	}
	call.body = body
	if op.body != nil {
		body = nil
	}
	var invalid error
	call.params, invalid = m.Operation.Read(asJSON(r, body), m.Vars, body)
	var issues *spec.InvalidError
	if !errors.As(invalid, &issues) && invalid != nil {
		return controlAnswer{}, invalid
	}
	if err := op.check(call, m.Vars, issues); err != nil {
		return controlAnswer{}, err
	}
	if name, ok := m.Vars["sandbox"]; ok {
		if bound != "" && name != bound {
			return controlAnswer{}, errNotBound()
		}
		if call.box = c.e.Sandbox(name); call.box == nil {
			return controlAnswer{}, c.noSandbox(name, bound)
		}
	}
	if op.body != nil {
		if unknown := op.knownBody.unknownMembers(call.body, ""); len(unknown) > 0 {
			return controlAnswer{}, &spec.InvalidError{Issues: unknown}
		}
	}
	return op.run(call)
}

// asJSON takes a body that is a JSON object for one even where it is labelled
// a form, as curl -d does.
func asJSON(r *http.Request, body []byte) *http.Request {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	if len(trimmed) == 0 || trimmed[0] != '{' || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return r
	}
	again := *r
	again.Header = r.Header.Clone()
	again.Header.Set("Content-Type", mediaJSON)
	return &again
}

// noSandbox says which sandboxes there are instead; a token for one sandbox is
// not told about the others.
func (c *control) noSandbox(name, bound string) error {
	p := notFound("", fmt.Sprintf("there is no sandbox %q", name))
	if bound == "" {
		var names []string
		for _, s := range c.e.all() {
			names = append(names, s.name)
		}
		p.Nearest = near(name, names)
	}
	return p
}

// unrouted says what is there instead of a path or a method.
func (api *controlAPI) unrouted(w http.ResponseWriter, r *http.Request, m spec.Match, bound string) error {
	if len(m.Allow) > 0 {
		allow := strings.Join(m.Allow, ", ")
		w.Header().Set("Allow", allow)
		return &controlProblem{Status: http.StatusMethodNotAllowed, Detail: r.URL.Path + " takes " + allow + ", not " + r.Method}
	}
	asked := strings.Split(r.URL.Path, "/")
	var paths []string
	for _, op := range api.contract.Operations() {
		parts := strings.Split(op.Path, "/")
		for i := range parts {
			if strings.HasPrefix(parts[i], "{") && i < len(asked) && asked[i] != "" {
				parts[i] = asked[i]
			}
		}
		if path := strings.Join(parts, "/"); !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	p := notFound("", "the control API has no path "+r.URL.Path+"; "+ControlPrefix+"admin.yaml lists what it has")
	if bound == "" || len(asked) > 4 {
		p.Nearest = near(r.URL.Path, paths)
	}
	return p
}

// write counts an answer and puts it on the wire.
func (c *control) write(w http.ResponseWriter, op *spec.Operation, a controlAnswer) {
	operation := ""
	if op != nil {
		operation = op.ID
	}
	c.put(w, op, a)
	c.e.obeyed(operation, a.status)
}

// put holds an answer against the contract and puts it on the wire.
func (c *control) put(w http.ResponseWriter, op *spec.Operation, a controlAnswer) {
	const checked = 1 << 20 // larger answers are held against it in strict mode only
	if op != nil && (c.e.opt.Strict || len(a.body) <= checked) {
		if err := op.CheckAnswer(a.status, a.mediaType, a.body); err != nil {
			c.e.meter.count(metricBreaches, "operation", op.ID)
			c.e.opt.Logger.Error("answer breaks the control API's contract", "operation", op.ID, "err", err)
			if c.e.opt.Strict {
				a = (&controlProblem{Status: http.StatusInternalServerError, Detail: "answer breaks the contract: " + err.Error()}).answer()
			}
		}
	}
	h := w.Header()
	if a.mediaType != "" {
		h.Set("Content-Type", a.mediaType)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if a.status != http.StatusNoContent {
		h.Set("Content-Length", fmt.Sprint(len(a.body)))
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that is gone needs no answer
}

// fail writes what is wrong.
func (c *control) fail(w http.ResponseWriter, op *spec.Operation, err error) {
	p := problemOf(err)
	if p.Status == http.StatusInternalServerError {
		c.e.opt.Logger.Error("control API", "err", err)
	}
	if p.Status == http.StatusUnauthorized {
		w.Header().Add("WWW-Authenticate", `Bearer realm="emu"`)
	}
	c.write(w, op, p.answer())
}

// orderError says what is wrong with an order.
type orderError struct{ reason string }

func (e *orderError) Error() string { return e.reason }
