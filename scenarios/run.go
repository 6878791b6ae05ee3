package scenarios

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/swanemu/emu/emulator"
)

// Options say how a scenario is played; the zero value plays it in process, on
// a sandbox of its own.
type Options struct {
	// Target is the emulator to play against; nil makes one for the run.
	Target *Target
	// Keep leaves the sandbox where it is after the run. Without a Target it
	// calls Kept before the emulator stops.
	Keep bool
	Kept func(ctx context.Context, r *Result) error
	// Sandbox is the name of the run's sandbox; "" means the scenario's without
	// a Target, and with one a name that the target thinks of. What looks
	// random depends on the name, so that no two sandboxes of an emulator have
	// the same credentials: runs with one name and one seed are the same.
	Sandbox string
	// Seed is used instead of the scenario's unless it is 0.
	Seed uint64
	// Strict lets the emulator of the run answer with an error where an
	// answer of its own breaks the contract.
	Strict bool
	// Observe is told of each line of the timeline as it comes; nil means
	// nobody.
	Observe func(Line)
}

// A Result is how a run ended.
type Result struct {
	// Name and Summary are the scenario's; File is where it stands.
	Name    string `json:"name"`
	Summary string `json:"summary,omitempty"`
	File    string `json:"file,omitempty"`
	// URL and Sandbox are where it was played.
	URL     string `json:"url"`
	Sandbox string `json:"sandbox"`
	Seed    uint64 `json:"seed"`
	// Start and End are the sandbox's time before and after.
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// Wall is how long the run took.
	Wall time.Duration `json:"-"`
	// Steps are the scenario's own, with how each ended.
	Steps []StepResult `json:"steps"`
	// Failure is why the run ended early; nil when everything held.
	Failure *Failure `json:"failure,omitempty"`
	// Timeline is what happened, in order.
	Timeline []Line `json:"timeline"`
	// Journal is the sandbox's, as the control API tells it.
	Journal []json.RawMessage `json:"-"`
}

// Passed reports whether everything held.
func (r *Result) Passed() bool { return r.Failure == nil }

// A StepResult is how one step of a scenario ended.
type StepResult struct {
	// Title says what the step is, At where it stands in the file.
	Title string `json:"title"`
	At    string `json:"at"`
	// Status is passed, failed, or skipped after a failure.
	Status string `json:"status"`
}

// The statuses of a StepResult.
const (
	StepPassed  = "passed"
	StepFailed  = "failed"
	StepSkipped = "skipped"
)

// Run plays a scenario. What does not hold ends the run and is the result's
// Failure; an error means that it could not be played: what the target lacks
// (ErrUnsupported), what it refused to prepare, or that it cannot be reached.
func Run(ctx context.Context, s *Scenario, o Options) (*Result, error) {
	if o.Target != nil {
		return play(ctx, s, o, *o.Target)
	}
	options := emulator.Options{Strict: o.Strict, Broker: notices{}}
	if sandboxOf(s, &o) == emulator.DefaultSandbox {
		// It is there from the beginning, as the scenario wants it.
		options.Seed, options.Clock.Mode = seedOf(s, &o), "virtual"
		if c := s.Clock; c != nil {
			options.Clock.Mode, options.Clock.Start = or2(c.Mode, "virtual"), c.Start.Time
		}
	}
	t, stop, err := serve(ctx, options)
	if err != nil {
		return nil, err
	}
	r, err := play(ctx, s, o, t)
	if err == nil && o.Keep && o.Kept != nil {
		err = o.Kept(ctx, r)
	}
	return r, errors.Join(err, stop())
}

// play runs a scenario in a new sandbox of a target.
func play(ctx context.Context, s *Scenario, o Options, t Target) (_ *Result, err error) {
	e := &engine{
		s: s, o: o, vars: scope{}, tokens: map[actor]string{}, events: map[int64]*sent{},
		result: &Result{Name: s.Name, Summary: s.Summary, File: s.File, URL: t.base()},
	}
	if e.contract, err = t.contract(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	if err := e.create(ctx, t); err != nil {
		return nil, fmt.Errorf("%s: make a sandbox: %w", s.Name, err)
	}
	if !o.Keep && e.box.name != emulator.DefaultSandbox {
		defer func() {
			e.box.Target = t
			err = errors.Join(err, e.box.order(context.WithoutCancel(ctx), http.MethodDelete, "", nil, nil))
		}()
	}
	if err := Prepare(ctx, t, e.box.name, s); err != nil {
		return nil, err
	}
	if err := e.begin(ctx); err != nil {
		return nil, err
	}
	if err := e.all(ctx); err != nil {
		return nil, err
	}
	return e.result, e.end(ctx)
}

// engine is one run.
type engine struct {
	s         *Scenario
	o         Options
	contract  *Contract
	box       box
	vars      scope
	apps      []appActor
	tps       []tpActor
	merchants []merchantActor
	tokens    map[actor]string
	there     map[string]bool
	now       time.Time
	virtual   bool
	rate      float64
	// kafka says that notices go to a broker, so that the journal tells when
	// they were delivered; else the list of deliveries does.
	kafka bool

	entries []entry
	raw     []json.RawMessage
	last    int64
	events  map[int64]*sent
	arrived []*arrival
	// own marks what the journal tells now as the engine's own doing.
	own bool

	curl   string
	result *Result
}

// create makes the sandbox of the run.
func (e *engine) create(ctx context.Context, t Target) error {
	mode := "virtual"
	clock := map[string]any{}
	if c := e.s.Clock; c != nil {
		if c.Mode != "" {
			mode = c.Mode
		}
		if !c.Start.IsZero() {
			clock["start"] = c.Start.Format(time.RFC3339Nano)
		}
	}
	clock["mode"] = mode
	order := map[string]any{"clock": clock, "seed": seedOf(e.s, &e.o)}
	name, path := sandboxOf(e.s, &e.o), "sandboxes"
	switch {
	case name == emulator.DefaultSandbox && e.o.Target == nil:
		path += "/" + name + "/credentials"
		order = map[string]any{}
	case name != "":
		order["name"] = name
	}
	var created credentials
	if err := t.control(ctx, http.MethodPost, path, order, &created); err != nil {
		return err
	}
	e.box = box{t, created.Sandbox}
	e.result.Sandbox, e.result.Seed, e.virtual = created.Sandbox, seedOf(e.s, &e.o), mode == "virtual"
	e.remember(&created)
	return nil
}

// sandboxOf is the name of a run's sandbox; "" where the target thinks of one.
func sandboxOf(s *Scenario, o *Options) string {
	switch {
	case o.Sandbox != "":
		return o.Sandbox
	case o.Target == nil:
		return s.Name[:min(len(s.Name), 64)]
	}
	return ""
}

// seedOf is the seed of a run's sandbox.
func seedOf(s *Scenario, o *Options) uint64 {
	switch {
	case o.Seed != 0:
		return o.Seed
	case s.Seed != 0:
		return s.Seed
	}
	return 1
}

// begin learns what there is, now that it is prepared. What was sent on the
// way is nobody's to expect.
func (e *engine) begin(ctx context.Context) error {
	var ready struct {
		Kafka struct {
			Addresses []string `json:"addresses"`
		} `json:"kafka"`
	}
	if err := e.box.control(ctx, http.MethodGet, "ready", nil, &ready); err != nil {
		return err
	}
	e.kafka = len(ready.Kafka.Addresses) > 0
	if err := e.introduce(ctx); err != nil {
		return err
	}
	if err := e.introduceMerchants(ctx); err != nil {
		return err
	}
	if err := e.identify(ctx); err != nil {
		return err
	}
	if err := e.settle(ctx); err != nil {
		return err
	}
	e.own = true
	if err := e.sync(ctx); err != nil {
		return err
	}
	e.own, e.arrived = false, nil
	e.result.Start = e.now
	return nil
}

// all plays the steps until one fails.
func (e *engine) all(ctx context.Context) error {
	for i := range e.s.Steps {
		step := &e.s.Steps[i]
		r := StepResult{Title: step.Title(), At: step.At.String(), Status: StepSkipped}
		if e.result.Failure == nil {
			f, err := e.step(ctx, step)
			if err != nil {
				return fmt.Errorf("%s: step %d: %w", step.At, i+1, err)
			}
			r.Status = StepPassed
			if f != nil {
				r.Status = StepFailed
				f.Step = i + 1
				e.result.Failure = f
			}
		}
		e.result.Steps = append(e.result.Steps, r)
	}
	return nil
}

// end reads the rest of the journal.
func (e *engine) end(ctx context.Context) error {
	if err := e.sync(ctx); err != nil {
		return err
	}
	e.result.End, e.result.Journal = e.now, e.raw
	return nil
}

// clockNow asks what time it is in the sandbox and when something falls due.
func (e *engine) clockNow(ctx context.Context) (next time.Time, err error) {
	var c struct {
		Now     time.Time `json:"now"`
		Next    time.Time `json:"next"`
		Virtual bool      `json:"virtual"`
		Rate    float64   `json:"rate"`
	}
	if err := e.box.order(ctx, http.MethodGet, "/clock", nil, &c); err != nil {
		return next, err
	}
	e.now, e.virtual, e.rate = c.Now, c.Virtual, c.Rate
	return c.Next, nil
}

// settle waits until nothing is under way.
func (e *engine) settle(ctx context.Context) error {
	if err := e.box.order(ctx, http.MethodPost, "/settle", map[string]any{}, nil); err != nil {
		return err
	}
	_, err := e.clockNow(ctx)
	return err
}

// expires reads when a token ends out of its text, which has it as its fourth
// part; a token of another form never ends.
func expires(token string) time.Time {
	part, n := "", 0
	for field := range splitDots(token) {
		if n++; n == 4 {
			part = field
			break
		}
	}
	seconds, err := strconv.ParseInt(part, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
