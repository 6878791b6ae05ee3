// Package emulator is the Baidu Smart Mini Program open platform, in process.
//
// It promises: every operation of its contract answers; what it decides
// depends on the seed, the inputs and the sandbox's clock and on nothing else;
// a sandbox never sees another's; an event that was accepted is delivered at
// least once or shown as failed. It does not host or run mini programs, and it
// makes no claim about what the platform never published: each such choice is
// marked as assumed in the contract.
//
// An Emulator is an http.Handler: give it to net/http/httptest in a test, or
// run the command emu.
package emulator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/swanemu/emu/internal/seal"
	"github.com/swanemu/emu/internal/spec"
)

// An Emulator serves one contract to any number of sandboxes.
type Emulator struct {
	opt Options
	// served is the program of the contract that is served.
	served atomic.Pointer[program]
	orders map[string]*behaviour
	// platformKey signs what merchants are told, merchantKey is that of
	// merchants without one of their own. They are read when first needed.
	platformKey, merchantKey func() (seal.PaySigner, error)

	poster  *poster
	meter   *meter
	control *control
	index   *index

	// ctx ends when the emulator closes.
	ctx  context.Context
	stop context.CancelFunc
	// work counts the goroutines that deliver.
	work sync.WaitGroup
	// slots bounds the pushes under way.
	slots chan struct{}
	// kafkaWork has a place for the word that a sandbox has notices.
	kafkaWork chan struct{}

	// mu guards the fields below; it is taken before a sandbox's lock, never
	// while one is held.
	mu        sync.Mutex
	sandboxes map[string]*Sandbox
	closed    bool

	// def is the default sandbox; resetting it puts another in its place.
	def atomic.Pointer[Sandbox]

	// pendingMu guards pending; it is taken last.
	pendingMu sync.Mutex
	pending   []*Sandbox
}

// New returns a running emulator: it compiles the contract, brings back what
// the store kept, makes the default sandbox when there is none, and delivers
// what is owed. Close it. The context bounds the start only.
func New(ctx context.Context, o Options) (*Emulator, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &Emulator{
		opt: o, index: newIndex(), sandboxes: map[string]*Sandbox{}, orders: map[string]*behaviour{},
		platformKey: sync.OnceValues(platformKey), merchantKey: sync.OnceValues(merchantKey),
		slots: make(chan struct{}, pushesUnderWay), kafkaWork: make(chan struct{}, 1),
	}
	p, err := newProgram(o.Spec, o.SpecName)
	if err != nil {
		return nil, err
	}
	e.meter = newMeter()
	e.serve(p)
	e.control = newControl(e)
	for _, b := range controlOrders() {
		e.orders[b.call] = &b
	}
	if e.poster, err = newPoster(o.Egress, o.PushTimeout); err != nil {
		return nil, err
	}
	e.ctx, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := e.open(); err != nil {
		e.stop()
		return nil, err
	}
	if o.Broker != nil {
		e.work.Add(1)
		go e.publishLoop()
	}
	for _, s := range e.all() {
		s.resume()
	}
	return e, nil
}

// resume lets a sandbox go on with what it owes from before the start.
func (s *Sandbox) resume() {
	s.mu.Lock()
	s.tickLocked()
	owes := s.kafkaReadyLocked() || len(s.due) > 0
	s.pushNow = owes && s.clock.Virtual()
	s.unlock()
	if owes {
		s.em.work.Go(func() { s.deliverNow(s.em.ctx) })
	}
}

// open brings back what the store kept and sees that there is a default
// sandbox.
func (e *Emulator) open() error {
	if e.opt.Store != nil {
		saved, err := e.opt.Store.Load()
		if err != nil {
			return fmt.Errorf("read the store: %w", err)
		}
		for _, kept := range saved {
			if err := e.restore(kept); err != nil {
				return err
			}
		}
	}
	if e.sandboxes[DefaultSandbox] == nil {
		if _, err := e.CreateSandbox(DefaultSandbox, SandboxOptions{}); err != nil {
			return err
		}
	}
	e.def.Store(e.sandboxes[DefaultSandbox])
	return nil
}

// restore brings a sandbox back: its last snapshot, then its inputs.
func (e *Emulator) restore(kept Saved) error {
	st, err := importState(kept.Snapshot)
	if err != nil {
		return fmt.Errorf("sandbox %s: %w", kept.Name, err)
	}
	if p := e.program(); p.packages.lifecycle != nil {
		if err := errors.Join(st.check(p.packages), st.checkPayments(p)); err != nil {
			return fmt.Errorf("sandbox %s: %w", kept.Name, err)
		}
	}
	s := newSandbox(e, st)
	s.journal.told = nil // it was told when it happened
	if err := e.register(s); err != nil {
		return err
	}
	for _, in := range kept.Inputs {
		if err := s.replay(in); err != nil {
			return err
		}
	}
	// The clock goes on from where the inputs left it.
	again := newSandbox(e, s.state)
	again.journal = s.journal
	again.journal.told = again.observe
	if err := e.keep(again); err != nil {
		return err
	}
	e.index.move(s, again)
	e.sandboxes[again.name] = again
	return nil
}

// keep begins a new generation of a sandbox's log, with its state as snapshot.
func (e *Emulator) keep(s *Sandbox) error {
	if e.opt.Store == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.snapshotLocked()
}

func (s *Sandbox) snapshotLocked() error {
	if s.em.opt.Store == nil {
		return nil
	}
	s.state.Journal = s.journal.last
	snapshot, err := s.state.export()
	if err != nil {
		return fmt.Errorf("snapshot of sandbox %s: %w", s.name, err)
	}
	log, err := s.em.opt.Store.Open(s.name, snapshot)
	if err != nil {
		return fmt.Errorf("snapshot of sandbox %s: %w", s.name, err)
	}
	s.log = log
	return nil
}

// register lets requests find a sandbox by its credentials.
func (e *Emulator) register(s *Sandbox) error {
	for _, key := range s.state.credentials() {
		if err := e.index.claim(key, s); err != nil {
			e.index.dropAll(s)
			return err
		}
	}
	return nil
}

// program is that of the contract that is served now.
func (e *Emulator) program() *program { return e.served.Load() }

// serve lets requests be answered by a program from now on.
func (e *Emulator) serve(p *program) {
	p.meters = e.meter.of(p.contract)
	e.served.Store(p)
}

// Contract is the contract that is served.
func (e *Emulator) Contract() *spec.Contract { return e.program().contract }

// Sandbox returns the sandbox with that name, or nil.
func (e *Emulator) Sandbox(name string) *Sandbox {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sandboxes[name]
}

// defaultSandbox returns the sandbox that requests of nobody's go to; it is
// there before the first request.
func (e *Emulator) defaultSandbox() *Sandbox { return e.def.Load() }

// all returns every sandbox in order of name.
func (e *Emulator) all() []*Sandbox {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.allLocked()
}

func (e *Emulator) allLocked() []*Sandbox {
	out := make([]*Sandbox, 0, len(e.sandboxes))
	for _, name := range slices.Sorted(maps.Keys(e.sandboxes)) {
		out = append(out, e.sandboxes[name])
	}
	return out
}

// Ready returns nil when requests are answered, the default sandbox is seeded
// and every sink that was configured can be reached; otherwise it says what is
// missing.
func (e *Emulator) Ready(ctx context.Context) error {
	e.mu.Lock()
	closed, def := e.closed, e.def.Load()
	e.mu.Unlock()
	switch {
	case closed:
		return errors.New("the emulator is closed")
	case def == nil:
		return errors.New("the default sandbox is not there yet")
	case e.opt.Broker != nil:
		if err := e.opt.Broker.Ready(ctx); err != nil {
			return fmt.Errorf("kafka: %w", err)
		}
	}
	return nil
}

// Close stops everything: it waits, within ctx, for deliveries under way, then
// writes the last snapshots. What is not delivered stays owed in the store.
// Closing twice is not an error. The broker and the store are their owner's to
// close.
func (e *Emulator) Close(ctx context.Context) error {
	e.mu.Lock()
	closed := e.closed
	e.closed = true
	e.mu.Unlock()
	if closed {
		return nil
	}
	sandboxes := e.all()
	for _, s := range sandboxes {
		s.drain(ctx)
	}
	e.stop()
	done := make(chan struct{})
	go func() {
		e.work.Wait()
		close(done)
	}()
	var errs []error
	select {
	case <-done:
	case <-ctx.Done():
		errs = append(errs, fmt.Errorf("deliveries under way did not end: %w", ctx.Err()))
	}
	for _, s := range sandboxes {
		s.mu.Lock()
		if s.log != nil {
			s.state.Rate = s.clock.Rate()
			errs = append(errs, s.snapshotLocked(), s.log.Close())
		}
		s.mu.Unlock()
		s.stop()
	}
	e.poster.close()
	return errors.Join(errs...)
}

// drain waits, within ctx, until nothing of the sandbox is on its way, and
// publishes what Kafka is owed.
func (s *Sandbox) drain(ctx context.Context) {
	for {
		s.mu.Lock()
		busy := s.sending > 0 || s.publishing
		if s.ended == nil {
			s.ended = make(chan struct{})
		}
		ended := s.ended
		s.mu.Unlock()
		if !busy {
			for ctx.Err() == nil && s.publish(ctx) {
			}
			return
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return
		}
	}
}
