package emulator

import (
	"fmt"
	"sync"
)

// claimedError says that a credential belongs to another sandbox.
type claimedError struct{ name, other string }

func (e *claimedError) Error() string {
	return fmt.Sprintf("a credential of sandbox %q is in use by sandbox %q; every credential belongs to one sandbox", e.name, e.other)
}

// index finds the sandbox of a request by a credential it carries: a token's
// text or a client_id. Its lock is taken last.
type index struct {
	mu sync.RWMutex
	by map[string]*Sandbox
}

func newIndex() *index { return &index{by: map[string]*Sandbox{}} }

func (x *index) get(key string) *Sandbox {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.by[key]
}

func (x *index) put(key string, s *Sandbox) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.by[key] = s
}

// claim is put for credentials that a user chose: one that is another
// sandbox's is an error. The error does not show the credential.
func (x *index) claim(key string, s *Sandbox) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if other := x.by[key]; other != nil && other != s && other.name != s.name {
		return &claimedError{s.name, other.name}
	}
	x.by[key] = s
	return nil
}

func (x *index) drop(key string, s *Sandbox) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.by[key] == s {
		delete(x.by, key)
	}
}

// dropAll forgets every credential of a sandbox.
func (x *index) dropAll(s *Sandbox) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for key, owner := range x.by {
		if owner == s {
			delete(x.by, key)
		}
	}
}

// move gives every credential of one sandbox to another.
func (x *index) move(from, to *Sandbox) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for key, owner := range x.by {
		if owner == from {
			x.by[key] = to
		}
	}
}
