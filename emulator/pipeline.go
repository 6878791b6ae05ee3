package emulator

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/internal/spec"
)

// The way of one request to the platform: route, read, find the sandbox,
// authenticate, validate, behave, complete, check, write. Each step can be
// read alone; what any of them refuses gets its form in answer.

// ControlPrefix is where the control API begins.
const ControlPrefix = "/_emu/"

// ServeHTTP answers a request to the platform or to the control API.
func (e *Emulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e.crossOrigin(w, r) {
		return
	}
	switch {
	case strings.HasPrefix(r.URL.Path, ControlPrefix) || r.URL.Path == "/_emu":
		e.control.ServeHTTP(w, r)
	case e.program().contract.Platform():
		e.servePlatform(w, r, &received{began: clock.Wall()})
	default:
		e.serveForeign(w, r, &received{began: clock.Wall()})
	}
}

// received is what was read of a request, so that it can be read once more by
// another contract.
type received struct {
	began time.Time // on the machine's clock
	read  bool
	body  []byte
	err   error
}

// bodyOf reads the body of a request once.
func (in *received) bodyOf(r *http.Request, limit int64) ([]byte, error) {
	if !in.read {
		in.read = true
		in.body, in.err = readBody(r, limit)
	}
	return in.body, in.err
}

func (e *Emulator) servePlatform(w http.ResponseWriter, r *http.Request, in *received) {
	p := e.program()
	m := p.contract.Match(r)
	x := &Exchange{program: p, op: m.Operation, method: r.Method, path: r.URL.Path, host: r.Host, https: overTLS(r), trace: traceOf(r.Header)}
	if m.Operation == nil {
		x.odd = "a path or a method that no operation has"
		stage := "not_found"
		if len(m.Allow) > 0 {
			w.Header()["Allow"] = []string{strings.Join(m.Allow, ", ")}
			stage = "method"
		}
		if !e.defaultSandbox().refuseUnrouted(x, stage) {
			w.Header().Del("Allow")
			e.servePlatform(w, r, in)
			return
		}
		e.answered(x, in.began)
		e.write(w, x)
		return
	}
	var invalid error
	body, err := in.bodyOf(r, e.opt.BodyLimit)
	if err == nil {
		x.params, invalid = x.op.Read(r, m.Vars, body)
	} else {
		invalid = err
	}
	if invalid != nil {
		x.odd = "a request that cannot be read in whole"
	}
	prefer, err := spec.ParsePrefer(r.Header.Values("Prefer"))
	if invalid == nil && err != nil {
		invalid = malformedPrefer()
	}
	if x.odd == "" && (err != nil || prefer != (spec.Prefer{})) {
		x.odd = "a Prefer header"
	}
	if invalid == nil {
		invalid = x.op.Validate(x.params)
	}
	s := e.sandboxOf(x)
	if !s.exchange(x, invalid, prefer, r.Header.Get("Accept")) {
		e.servePlatform(w, r, in)
		return
	}
	if x.hold > 0 {
		s.wait(r.Context(), x.hold)
	}
	e.answered(x, in.began)
	e.write(w, x)
}

// sandboxOf finds the sandbox whose credentials a request carries; what nobody
// knows goes to the default sandbox, which refuses it.
func (e *Emulator) sandboxOf(x *Exchange) *Sandbox {
	if x.op.TokenParam != "" {
		if s := e.index.get(x.params.Text(x.op.TokenParam)); s != nil {
			return s
		}
	}
	id := cmp.Or(x.params.Text("client_id"), x.params.Text("appKey"))
	if x.op.Envelope == hostEnvelope {
		id = hostAppKey(x.params.Text("data"))
	}
	if id != "" {
		if s := e.index.get(id); s != nil {
			return s
		}
	}
	return e.defaultSandbox()
}

// errTooLarge says that a body is over the limit.
var errTooLarge = errors.New("body over the limit")

// readBody reads a bounded body. What is over the limit is read and dropped,
// within reason, so that the client gets to read the answer.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}
	if n := r.ContentLength; n > 0 && n <= limit {
		b := make([]byte, n)
		if _, err := io.ReadFull(r.Body, b); err != nil {
			return nil, malformedBody()
		}
		return b, nil
	}
	if r.ContentLength < 0 {
		b, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
		if err != nil {
			return nil, malformedBody()
		}
		if int64(len(b)) <= limit {
			return b, nil
		}
	}
	const dropped = 64 << 20
	_, _ = io.CopyN(io.Discard, r.Body, dropped)
	return nil, errTooLarge
}

func malformedBody() error {
	return &spec.InvalidError{Issues: []spec.Issue{{Rule: spec.RuleMalformed, Want: "完整的请求体"}}}
}

func malformedPrefer() error {
	return &spec.InvalidError{Issues: []spec.Issue{{
		Rule: spec.RuleMalformed, Pointer: "/Prefer", Want: "code=状态码、example=示例名、dynamic=true",
	}}}
}

// exchange authenticates a request and lets the sandbox answer it. It reports
// false where another contract came into force since the request was read.
func (s *Sandbox) exchange(x *Exchange, invalid error, prefer spec.Prefer, accept string) bool {
	publish, ok := s.answerCall(x, invalid, prefer, accept)
	if publish {
		s.deliverNow(s.em.ctx)
	}
	return ok
}

// answerCall is one input: it takes the lock and lets go of it. It reports
// whether notices wait to be published before the answer is given; ok as
// exchange does.
func (s *Sandbox) answerCall(x *Exchange, invalid error, prefer spec.Prefer, accept string) (publish, ok bool) {
	s.mu.Lock()
	defer s.unlock()
	if s.outdatedLocked(x) {
		return false, false
	}
	now := s.tickLocked()
	fault, err := s.interfereLocked(x, now)
	if err != nil {
		s.recordLocked(now, x)
		s.em.answer(x, nil, nil, &stageError{"unavailable", err.Error()}, now)
		return false, true
	}
	if fault == nil {
		return s.callOrRefuseLocked(x, invalid, prefer, accept, now), true
	}
	if fault.replaces() {
		s.recordLocked(now, x)
	} else {
		publish = s.callOrRefuseLocked(x, invalid, prefer, accept, now)
	}
	s.em.spoil(x, fault)
	return publish, true
}

// callOrRefuseLocked is what happens to a request with which no fault
// interferes.
func (s *Sandbox) callOrRefuseLocked(x *Exchange, invalid error, prefer spec.Prefer, accept string, now time.Time) (publish bool) {
	err := s.admitLocked(x, invalid, now)
	if err != nil {
		s.recordLocked(now, x)
		s.em.answer(x, nil, nil, err, now)
		return false
	}
	x.evidence, x.strict = x.op.Evidence, s.state.Config.StrictEvidence
	if x.strict && x.evidence.Grade == gradeAssumed {
		x.seq, x.sandbox = s.journal.append(now, 0, KindExchange, x), s.name
		x.assumed(&assumedError{"the operation " + x.op.ID})
		return false
	}
	b := x.program.table[x.op.ID]
	if b == nil || prefer != (spec.Prefer{}) {
		s.recordLocked(now, x)
		s.em.synthesise(x, prefer, accept, s.seedFor(x), now)
		return false
	}
	if b.changes {
		if now, err = s.consultLocked(b, x, now); err == nil {
			err = s.logLocked(input{At: now.UnixNano(), Call: x.op.ID, As: &x.principal, Params: x.params, Reply: x.reply, Trace: x.trace})
		}
		if err != nil {
			s.recordLocked(now, x)
			s.em.answer(x, b, nil, &stageError{"unavailable", err.Error()}, now)
			return false
		}
	}
	s.callLocked(now, b, x)
	return s.kafkaReadyLocked() && s.clock.Virtual()
}

// admitLocked decides who calls and whether they may, then whether the request
// is valid.
func (s *Sandbox) admitLocked(x *Exchange, invalid error, now time.Time) error {
	if s.closed {
		return &stageError{"unavailable", "the sandbox is closed"}
	}
	if x.op.Secured {
		var stage string
		x.principal, stage = s.state.principal(x.params.Text(x.op.TokenParam), now)
		if stage == "" && !slices.Contains(x.op.Principals, x.principal.Kind) {
			stage = "forbidden"
		}
		if stage != "" && !errors.Is(invalid, errTooLarge) {
			return &stageError{stage: stage}
		}
	}
	if errors.Is(invalid, errTooLarge) {
		return &stageError{stage: "too_large"}
	}
	return invalid
}

// refuseUnrouted answers a request that no operation is for. It reports false
// where another contract came into force, which may have one.
func (s *Sandbox) refuseUnrouted(x *Exchange, stage string) bool {
	s.mu.Lock()
	defer s.unlock()
	if s.outdatedLocked(x) {
		return false
	}
	now := s.tickLocked()
	s.recordLocked(now, x)
	s.em.answer(x, nil, nil, &stageError{stage: stage}, now)
	return true
}

// A stageError is a request that fails at a stage of the pipeline; the
// envelope of the operation says what that looks like.
type stageError struct{ stage, note string }

func (e *stageError) Error() string { return strings.TrimSuffix(e.stage+": "+e.note, ": ") }

// answer gives an exchange its answer: the result, or the refusal that err is.
func (e *Emulator) answer(x *Exchange, b *behaviour, body []byte, err error, now time.Time) {
	name := "gateway"
	if x.op != nil {
		name = x.op.Envelope
	}
	env, _ := x.program.contract.Envelope(name)
	if err == nil {
		x.status, x.outcome, x.body = http.StatusOK, "ok", body
		if b.complete {
			x.body, err = x.op.Complete(x.body, env.Data, seedOf(x), now)
		}
	}
	if err != nil {
		e.refuse(x, env, err)
	}
	if x.outcome != gradeAssumed {
		e.framed(x, env)
	}
}

// seedOf is the source of what a behaviour leaves open: the same request gets
// the same completion.
func seedOf(x *Exchange) uint64 {
	d := drawFor(1, requestKey(x), "complete", 0)
	return d.Uint64()
}

// refuse gives an exchange the form of a refusal.
func (e *Emulator) refuse(x *Exchange, env *spec.Envelope, err error) {
	var (
		r       *Refusal
		invalid *spec.InvalidError
		stage   *stageError
		assumed *assumedError
	)
	switch {
	case errors.As(err, &assumed):
		x.assumed(assumed)
		return
	case errors.As(err, &r):
	case errors.As(err, &invalid):
		r = refusalOf(env, invalid)
	case errors.As(err, &stage):
		r = &Refusal{Name: env.Refusals[stage.stage]}
		x.note = stage.note
	default:
		r = &Refusal{Name: env.Refusals["internal"]}
		x.note = err.Error()
		e.opt.Logger.Error("internal error", "operation", x.Operation(), "err", err)
	}
	form := x.program.wire.refusals[r.Name]
	if form == nil {
		form = x.program.wire.refusals[env.Refusals["internal"]]
	}
	if x.strict && form.def.Evidence.Grade == gradeAssumed {
		x.assumed(&assumedError{"the error " + form.def.Name})
		return
	}
	x.evidence = weaker(x.evidence, form.def.Evidence)
	x.status, x.outcome, x.body = form.def.Status, form.def.Name, form.render(r.Detail)
}

// check holds an answer against the contract. A mismatch is a fault of ours.
func (e *Emulator) check(x *Exchange, env *spec.Envelope) {
	if x.op == nil {
		return
	}
	mediaType := mediaJSON
	if x.answer != nil {
		mediaType = x.answer.MediaType
	}
	err := x.op.CheckAnswer(x.status, mediaType, x.body)
	if err == nil {
		return
	}
	x.broken = true
	x.note = "answer breaks the contract: " + err.Error()
	e.opt.Logger.Error("answer breaks the contract", "operation", x.op.ID, "err", err)
	if e.opt.Strict {
		x.answer = nil
		form := x.program.wire.refusals[env.Refusals["internal"]]
		x.status, x.outcome, x.body = http.StatusInternalServerError, KindMismatch, form.render(err.Error())
	}
}

// synthesise answers from the contract alone.
func (e *Emulator) synthesise(x *Exchange, prefer spec.Prefer, accept string, seed uint64, now time.Time) {
	a, err := x.op.Synthesise(prefer, accept, seed, now)
	var bad *spec.AnswerError
	switch {
	case err == nil:
		x.status, x.outcome, x.body, x.answer = a.Status, "ok", x.frame.below(a.Body), &a
		if prefer != (spec.Prefer{}) {
			x.outcome = "preferred"
		}
	case errors.As(err, &bad):
		x.odd = "a header that asks for another answer"
		x.status, x.outcome = bad.Status, "unanswerable"
		x.body, x.answer = problem(bad.Status, bad.Reason)
	default:
		x.status, x.outcome = http.StatusInternalServerError, "unanswerable"
		x.body, x.answer = problem(x.status, err.Error())
	}
}
