package scenarios

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/swanemu/emu/emulator"
)

// A Target is an emulator, as it is found over HTTP.
type Target struct {
	// URL is where it answers, e.g. http://127.0.0.1:8080.
	URL string
	// AdminToken is what its control API needs; "" where it needs none.
	AdminToken string
	// Client sends the requests; nil means a plain one.
	Client *http.Client

	// orders sends those to the control API instead, where it is not nil.
	orders *http.Client
}

// ErrUnsupported is wrapped by the error of a scenario that needs what the
// target does not have.
var ErrUnsupported = errors.New("not supported by the target")

// A ControlError is an order that the control API did not carry out.
type ControlError struct {
	// Status is the HTTP status.
	Status int
	// Detail says why.
	Detail string
}

// Error is the detail.
func (e *ControlError) Error() string { return e.Detail }

func (t Target) client() *http.Client {
	if t.Client != nil {
		return t.Client
	}
	return http.DefaultClient
}

// ordering is the client for the control API.
func (t Target) ordering() *http.Client {
	if t.orders != nil {
		return t.orders
	}
	return t.client()
}

func (t Target) base() string { return strings.TrimRight(t.URL, "/") }

// control gives an order to the control API: in is sent as JSON unless it is
// nil, out filled from the answer unless it is nil.
func (t Target) control(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		body = bytes.NewReader(data)
	}
	data, err := t.fetch(ctx, method, path, body)
	if err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = data
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(out); err != nil {
		return fmt.Errorf("%s %s: the answer is no emulator's: %w", method, path, err)
	}
	return nil
}

func (t Target) fetch(ctx context.Context, method, path string, body io.Reader) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, t.base()+emulator.ControlPrefix+path, body)
	if err != nil {
		return nil, fmt.Errorf("target %s: %w", t.URL, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if t.AdminToken != "" {
		req.Header.Set("Authorization", "Bearer "+t.AdminToken)
	}
	resp, err := t.ordering().Do(req)
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	data, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode >= 300 {
		var p struct {
			Detail string `json:"detail"`
		}
		if json.Unmarshal(data, &p) != nil || p.Detail == "" {
			p.Detail = fmt.Sprintf("%s %s: HTTP %d; is this an emulator?", method, path, resp.StatusCode)
		}
		return nil, &ControlError{Status: resp.StatusCode, Detail: p.Detail}
	}
	return data, nil
}

// contract is what the target serves.
func (t Target) contract(ctx context.Context) (*Contract, error) {
	var data []byte
	if err := t.control(ctx, http.MethodGet, "openapi.yaml", nil, &data); err != nil {
		return nil, err
	}
	if bytes.Equal(data, emulator.DefaultSpec()) {
		return defaultContract() // which is read once
	}
	return ReadContract(data)
}

// can reports whether the target's control API has a path below a sandbox.
func (t Target) can(ctx context.Context, path string) (bool, error) {
	var data []byte
	if err := t.control(ctx, http.MethodGet, "admin.yaml", nil, &data); err != nil {
		return false, err
	}
	read := func() ([]string, error) { return pathsOf(data) }
	if bytes.Equal(data, emulator.ControlSpec()) {
		read = ownPaths // which are read once
	}
	paths, err := read()
	return slices.Contains(paths, ofSandbox+"/"+path), err
}

// ownPaths are the paths of the control API of emulators of this build.
var ownPaths = sync.OnceValues(func() ([]string, error) { return pathsOf(emulator.ControlSpec()) })

// pathsOf lists the paths of an OpenAPI document.
func pathsOf(document []byte) ([]string, error) {
	var doc struct {
		Paths map[string]yaml.Node `yaml:"paths"`
	}
	if err := yaml.Unmarshal(document, &doc); err != nil {
		return nil, fmt.Errorf("read the control API's contract: %w", err)
	}
	return slices.Collect(maps.Keys(doc.Paths)), nil
}

// A box is one sandbox of a target.
type box struct {
	Target
	name string
}

// order is control for a path below the sandbox.
func (b box) order(ctx context.Context, method, path string, in, out any) error {
	return b.control(ctx, method, "sandboxes/"+url.PathEscape(b.name)+path, in, out)
}

// notices is the Kafka of a run in process: it takes every notice, so that
// the journal tells of each that it was delivered.
type notices struct{}

var _ emulator.Broker = notices{}

// Publish acknowledges all records.
func (notices) Publish(_ context.Context, records []emulator.Record) []error {
	return make([]error, len(records))
}

// Ready is nil: there is nothing to wait for.
func (notices) Ready(context.Context) error { return nil }

// Addresses is nothing that a client could use.
func (notices) Addresses() []string { return []string{"in process"} }

// Close has nothing to close.
func (notices) Close() error { return nil }

// HandlerClient returns a client whose requests a handler answers, without a
// network between: for an emulator that is prepared before it listens.
func HandlerClient(h http.Handler) *http.Client { return &http.Client{Transport: direct{h}} }

// direct hands requests to a handler, as if from this machine.
type direct struct{ h http.Handler }

// RoundTrip lets the handler answer.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.RemoteAddr, r.RequestURI = "127.0.0.1:0", r.URL.RequestURI()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := &held{header: http.Header{}, status: http.StatusOK}
	d.h.ServeHTTP(w, r)
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// held is an answer in memory.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is where the headers go.
func (w *held) Header() http.Header { return w.header }

// WriteHeader keeps the status.
func (w *held) WriteHeader(status int) { w.status = status }

// Write keeps the body.
func (w *held) Write(p []byte) (int, error) { return w.body.Write(p) }

// serve runs an emulator on a port of its own and returns how to reach and how
// to stop it.
func serve(ctx context.Context, o emulator.Options) (Target, func() error, error) {
	e, err := emulator.New(ctx, o)
	if err != nil {
		return Target{}, nil, err
	}
	closeAll := func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return e.Close(ctx)
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return Target{}, nil, errors.Join(err, closeAll())
	}
	server := &http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	transport := &http.Transport{}
	stop := func() error {
		transport.CloseIdleConnections()
		err := server.Close()
		if served := <-done; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return errors.Join(err, closeAll())
	}
	t := Target{URL: "http://" + ln.Addr().String(), Client: &http.Client{Transport: transport}, orders: HandlerClient(e)}
	return t, stop, nil
}
