package emulator

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// How another contract comes into force while the emulator runs.

// A ContractDetail is another contract that came into force.
type ContractDetail struct {
	// Name is what its document is called, e.g. its file.
	Name string `json:"name"`
	// SHA256 is the sum of the document, in hexadecimal digits.
	SHA256 string `json:"sha256"`
	// Operations is how many it has; Added and Removed are the operationIds
	// that the one before it did not have, or had besides.
	Operations int      `json:"operations"`
	Added      []string `json:"added,omitempty"`
	Removed    []string `json:"removed,omitempty"`
}

func (*ContractDetail) journalDetail() {}

// Reload puts another contract in the place of the one that is served: source
// is an OpenAPI document, name what messages call it. Connections, sandboxes,
// timers and deliveries go on; calls that were read by the contract before are
// read again. Each sandbox's journal says what came into force, and delays of
// the platform that nobody set become those of the new contract.
//
// An error leaves everything as it was: a document that does not compile, a
// state that the new contract does not know (say, a package in a state that its
// x-lifecycle lacks), a store that cannot be written, or a document of the
// other kind: what is served with behaviours and what is served without cannot
// take each other's place.
func (e *Emulator) Reload(source []byte, name string) error {
	next, err := newProgram(slices.Clone(source), name)
	if err != nil {
		return err
	}
	locked, err := e.reload(next, source, name)
	for _, s := range locked {
		s.unlock()
	}
	return err
}

// reload puts a program into force. Whoever decides anything holds the lock of
// a sandbox, so it takes all of them; the caller lets go of those it returns,
// after which what is to be told of them can be told.
func (e *Emulator) reload(next *program, source []byte, name string) (locked []*Sandbox, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, errClosed
	}
	last := e.program()
	if last.contract.Platform() != next.contract.Platform() {
		return nil, errors.New("one contract is the platform's (x-envelopes) and the other is not: start the emulator anew with it")
	}
	locked = e.allLocked()
	for _, s := range locked {
		s.mu.Lock()
	}
	if err := e.prepareLocked(locked, last, next); err != nil {
		return locked, err
	}
	e.serve(next)
	d := contractDetail(last.contract, next.contract, source, name)
	for _, s := range locked {
		s.journal.append(time.Unix(0, s.state.At), 0, KindContract, d)
	}
	return locked, nil
}

// prepareLocked brings every sandbox to the present by the last program, and
// makes its state one that the next can go on with.
func (e *Emulator) prepareLocked(sandboxes []*Sandbox, last, next *program) error {
	for _, s := range sandboxes {
		s.tickLocked()
		if next.contract.Platform() {
			if err := next.check(s.state); err != nil {
				return fmt.Errorf("sandbox %s is in a state that the new contract does not know: %w", s.name, err)
			}
		}
	}
	configs := make([]Config, len(sandboxes))
	for i, s := range sandboxes {
		configs[i] = s.state.Config
		s.state.Config.follow(last.config(&e.opt, s.name), next.config(&e.opt, s.name))
		// What is logged from here on is read by the next program, and numbered
		// after the entry that tells of it.
		s.journal.last++
		err := s.snapshotLocked()
		s.journal.last--
		if err != nil {
			for j := range i + 1 {
				sandboxes[j].state.Config = configs[j]
			}
			return err
		}
	}
	return nil
}

// follow gives delays that are what one contract says the value that another
// says.
func (c *Config) follow(was, now Config) {
	for _, d := range []struct {
		it       *time.Duration
		was, now time.Duration
	}{
		{&c.Upload, was.Upload, now.Upload},
		{&c.Audit, was.Audit, now.Audit},
		{&c.Rollback, was.Rollback, now.Rollback},
		{&c.Refund, was.Refund, now.Refund},
	} {
		if *d.it == d.was {
			*d.it = d.now
		}
	}
}

func contractDetail(last, next *spec.Contract, source []byte, name string) *ContractDetail {
	sum := sha256.Sum256(source)
	d := &ContractDetail{Name: name, SHA256: hex.EncodeToString(sum[:]), Operations: len(next.Operations())}
	d.Added, d.Removed = missing(next, last), missing(last, next)
	return d
}

// missing are the operations of one contract that the other does not have, in
// the order of the first.
func missing(of, in *spec.Contract) (ids []string) {
	for _, op := range of.Operations() {
		if _, ok := in.Operation(op.ID); !ok {
			ids = append(ids, op.ID)
		}
	}
	return ids
}

// outdatedLocked says that a request was read by a contract that is not in force any
// more. The sandbox's lock is held: until it is let go the contract stays.
func (s *Sandbox) outdatedLocked(x *Exchange) bool { return x.program != s.em.program() }
