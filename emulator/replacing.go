package emulator

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// How sandboxes end, or others take their place. Whatever goes wrong, the
// sandbox that was there goes on.

// ErrDefaultSandbox says that the default sandbox cannot be deleted.
var ErrDefaultSandbox = errors.New("the default sandbox cannot be deleted; it can be reset")

// unknownError says that there is no sandbox of that name.
type unknownError struct{ name string }

func (u *unknownError) Error() string { return fmt.Sprintf("there is no sandbox %q", u.name) }

// DeleteSandbox forgets a sandbox for good: its credentials are unknown from
// then on, and what it owed is never delivered.
func (e *Emulator) DeleteSandbox(name string) error {
	if name == DefaultSandbox {
		return ErrDefaultSandbox
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errClosed
	}
	s := e.sandboxes[name]
	if s == nil {
		return &unknownError{name}
	}
	if e.opt.Store != nil {
		if err := e.opt.Store.Delete(name); err != nil {
			return fmt.Errorf("delete sandbox %s: %w", name, err)
		}
	}
	s.stop()
	e.index.dropAll(s)
	delete(e.sandboxes, name)
	return nil
}

// ResetSandbox puts a sandbox in the place of one that is as that one was when
// it was created: with the same seed and the same setting of the clock. The
// Sandbox that was there is closed.
func (e *Emulator) ResetSandbox(name string) (*Sandbox, error) {
	return e.replace(name, func(old *Sandbox) (*Sandbox, error) {
		return e.newPlatform(name, old.state.Origin.options(old.state.Seed))
	})
}

// ReplaceSandbox puts a new sandbox, as CreateSandbox makes it, in the place of
// one. The Sandbox that was there is closed.
func (e *Emulator) ReplaceSandbox(name string, o SandboxOptions) (*Sandbox, error) {
	return e.replace(name, func(*Sandbox) (*Sandbox, error) { return e.newPlatform(name, o) })
}

// ImportSandbox puts an exported state in the place of a sandbox, which keeps
// its name, its Kafka topic and its journal. The Sandbox that was there is
// closed.
func (e *Emulator) ImportSandbox(name string, state []byte) (*Sandbox, error) {
	st, err := importState(state)
	if err == nil {
		err = e.program().check(st)
	}
	if err != nil {
		return nil, &orderError{err.Error()}
	}
	st.Name, st.Config.Topic = name, e.program().config(&e.opt, name).Topic
	return e.replace(name, func(old *Sandbox) (*Sandbox, error) {
		s := newSandbox(e, st)
		if err := e.register(s); err != nil {
			return nil, err
		}
		s.journal.entries, s.journal.start = slices.Clone(old.journal.entries), old.journal.start
		s.journal.last, s.journal.deliveries = old.journal.last, old.journal.deliveries
		s.journal.append(time.Unix(0, st.At), 0, KindControl, &Control{Operation: "importState", Outcome: "ok"})
		return s, nil
	})
}

// replace puts what build makes in the place of a sandbox, or leaves everything
// as it was. build is called with the sandbox's lock held.
func (e *Emulator) replace(name string, build func(old *Sandbox) (*Sandbox, error)) (*Sandbox, error) {
	s, err := e.swap(name, build)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.tickLocked()
	s.pushNow = s.clock.Virtual()
	s.unlock()
	s.deliverNow(e.ctx)
	return s, nil
}

func (e *Emulator) swap(name string, build func(old *Sandbox) (*Sandbox, error)) (*Sandbox, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	old := e.sandboxes[name]
	switch {
	case e.closed:
		return nil, errClosed
	case old == nil:
		return nil, &unknownError{name}
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	s, err := build(old)
	if err == nil {
		if err = e.keep(s); err != nil {
			s.stop()
			e.index.dropAll(s)
		}
	}
	if err != nil {
		// The new one may have taken credentials that both had.
		return nil, errors.Join(err, e.register(old))
	}
	old.stopLocked()
	e.index.dropAll(old)
	e.sandboxes[name] = s
	if name == DefaultSandbox {
		e.def.Store(s)
	}
	return s, nil
}
