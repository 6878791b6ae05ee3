package emulator

import (
	"errors"
	"net/http"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// A contract that is not the platform's: every operation is answered from its
// examples and schemas, requests are held against it, errors are problem
// details (RFC 9457), and the exchanges stand in the default sandbox's journal.

func (e *Emulator) serveForeign(w http.ResponseWriter, r *http.Request, in *received) {
	p := e.program()
	m := p.contract.Match(r)
	x := &Exchange{program: p, op: m.Operation, method: r.Method, path: r.URL.Path, trace: traceOf(r.Header)}
	prefer := e.admitForeign(w, r, in, m, x)
	s := e.defaultSandbox()
	s.mu.Lock()
	if s.outdatedLocked(x) {
		s.unlock()
		w.Header().Del("Allow")
		e.serveForeign(w, r, in)
		return
	}
	now := s.tickLocked()
	var fault *Fault
	if x.op != nil {
		var err error
		if fault, err = s.interfereLocked(x, now); err != nil {
			x.status, x.outcome = http.StatusServiceUnavailable, "unavailable"
			x.body, x.answer = problem(x.status, err.Error())
		}
	}
	s.recordLocked(now, x)
	if x.answer == nil {
		d := s.state.draw(r.Method+r.URL.Path+"?"+r.URL.RawQuery, 0)
		e.synthesise(x, prefer, r.Header.Get("Accept"), d.Uint64(), now)
	}
	if fault != nil {
		e.spoil(x, fault)
	}
	s.unlock()
	if x.hold > 0 {
		s.wait(r.Context(), x.hold)
	}
	e.answered(x, in.began)
	e.write(w, x)
}

// admitForeign holds a request against the contract; what it refuses has its
// answer.
func (e *Emulator) admitForeign(w http.ResponseWriter, r *http.Request, in *received, m spec.Match, x *Exchange) (prefer spec.Prefer) {
	fail := func(status int, reason string) {
		x.status, x.outcome = status, http.StatusText(status)
		x.body, x.answer = problem(status, reason)
	}
	body, err := in.bodyOf(r, e.opt.BodyLimit)
	switch {
	case m.Operation == nil && len(m.Allow) > 0:
		allow := strings.Join(m.Allow, ", ")
		w.Header()["Allow"] = []string{allow}
		fail(http.StatusMethodNotAllowed, "the contract has "+allow+" here, not "+r.Method)
		return
	case m.Operation == nil:
		fail(http.StatusNotFound, "the contract has no path that matches "+r.URL.Path)
		return
	case errors.Is(err, errTooLarge):
		fail(http.StatusRequestEntityTooLarge, "the body is over the limit")
		return
	}
	if missing := m.Operation.MissingCredentials(r); len(missing) > 0 {
		fail(http.StatusUnauthorized, "credentials are missing: "+strings.Join(missing, " or "))
		return
	}
	if err == nil {
		err = m.Operation.ValidateRequest(r, m.Vars, body)
	}
	if err == nil {
		prefer, err = spec.ParsePrefer(r.Header.Values("Prefer"))
	}
	if err != nil {
		fail(http.StatusBadRequest, err.Error())
	}
	return prefer
}

// problem is an error of the emulator, not of the platform.
func problem(status int, reason string) ([]byte, *spec.Answer) {
	body, _ := marshal(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{http.StatusText(status), status, reason})
	return body, &spec.Answer{Status: status, MediaType: "application/problem+json"}
}
