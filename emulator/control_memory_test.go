package emulator_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/swanemu/emu/emulator"
)

// A memory is a store whose content can be copied at any moment, as a crash
// leaves it.
type memory struct {
	mu   sync.Mutex
	kept map[string]*generation
	full bool // nothing more can be kept, and nothing be deleted
}

// fill makes every change of what is kept fail, or no longer.
func (m *memory) fill(full bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.full = full
}

var errFull = errors.New("no space is left")

var (
	_ emulator.Store = (*memory)(nil)
	_ emulator.Log   = (*generation)(nil)
)

// A generation is one sandbox's snapshot and the inputs since.
type generation struct {
	store    *memory
	name     string
	snapshot []byte
	inputs   [][]byte
	over     bool
}

func newMemory() *memory { return &memory{kept: map[string]*generation{}} }

// copy is what a process would find after a crash.
func (m *memory) copy() *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := newMemory()
	for name, g := range m.kept {
		out.kept[name] = &generation{store: out, name: name, snapshot: g.snapshot, inputs: slices.Clone(g.inputs)}
	}
	return out
}

func (m *memory) Load() (out []emulator.Saved, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(m.kept)) {
		g := m.kept[name]
		out = append(out, emulator.Saved{Name: name, Snapshot: g.snapshot, Inputs: g.inputs})
	}
	return out, nil
}

func (m *memory) Open(name string, snapshot []byte) (emulator.Log, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full {
		return nil, errFull
	}
	if before := m.kept[name]; before != nil {
		before.over = true
	}
	m.kept[name] = &generation{store: m, name: name, snapshot: bytes.Clone(snapshot)}
	return m.kept[name], nil
}

func (m *memory) Delete(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full {
		return errFull
	}
	if g := m.kept[name]; g != nil {
		g.over = true
	}
	delete(m.kept, name)
	return nil
}

func (m *memory) Close() error { return nil }

func (g *generation) Append(input []byte) error {
	g.store.mu.Lock()
	defer g.store.mu.Unlock()
	if g.store.full {
		return errFull
	}
	if g.over {
		return errors.New("the generation is over")
	}
	g.inputs = append(g.inputs, bytes.Clone(input))
	return nil
}

func (g *generation) Size() int64 { return int64(len(g.inputs)) }

func (g *generation) Close() error { return nil }
