package emulator

import (
	"fmt"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// A machine is a lifecycle of the contract, ready to be walked. Which steps
// there are, from where, under which gates and with which emissions is said in
// x-lifecycle and nowhere else.
type machine struct {
	lifecycle *spec.Lifecycle
	states    map[string]*spec.State
	// byOperation holds the transition that an operation asks for.
	byOperation map[string]*spec.Transition
	gates       map[string]gate
}

// A gate decides whether a transition may happen; nil lets it.
type gate func(c *Call, app *App, p *Package) error

// newMachine compiles a lifecycle; a gate that nobody has programmed is an
// error.
func newMachine(l *spec.Lifecycle, gates map[string]gate) (*machine, error) {
	m := &machine{
		lifecycle: l, gates: gates, states: map[string]*spec.State{},
		byOperation: map[string]*spec.Transition{},
	}
	for i := range l.States {
		m.states[l.States[i].Name] = &l.States[i]
	}
	for i := range l.Transitions {
		t := &l.Transitions[i]
		if t.Operation != "" {
			m.byOperation[t.Operation] = t
		}
		for _, g := range t.Gates {
			if gates[g] == nil {
				return nil, fmt.Errorf("x-lifecycle/%s: transition %s: the emulator has no gate %q", l.Resource, t.Name, g)
			}
		}
	}
	return m, nil
}

// step returns the transition that an operation asks for, or the refusal that
// names the state and what it allows.
func (m *machine) step(c *Call, app *App, p *Package, operation string) (*spec.Transition, error) {
	t := m.byOperation[operation]
	from := ""
	if p != nil {
		from = p.State
	}
	if !allows(t, from) {
		return nil, refuse("IllegalTransition", "%s", m.illegal(p, operation))
	}
	if err := m.pass(c, app, p, t); err != nil {
		return nil, err
	}
	return t, c.rely(t.Evidence, "the step %s of x-lifecycle/%s", t.Name, m.lifecycle.Resource)
}

// pass asks every gate of a transition.
func (m *machine) pass(c *Call, app *App, p *Package, t *spec.Transition) error {
	for _, g := range t.Gates {
		if err := m.gates[g](c, app, p); err != nil {
			return err
		}
	}
	return nil
}

// allows says whether a transition leads out of a state; "" is where resources
// come from.
func allows(t *spec.Transition, from string) bool {
	if len(t.From) == 0 {
		return from == ""
	}
	for _, f := range t.From {
		if f == from {
			return true
		}
	}
	return false
}

// decided returns the transition by which the platform decides on a resource.
func (m *machine) decided(decision, outcome, when, from string) *spec.Transition {
	for i := range m.lifecycle.Transitions {
		t := &m.lifecycle.Transitions[i]
		if t.Decision == decision && t.Outcome == outcome && t.When == when && allows(t, from) {
			return t
		}
	}
	return nil
}

// displaced returns the transition by which a resource leaves a state because
// of another one's: the one that names that cause, else any that has a cause.
func (m *machine) displaced(from, cause string) *spec.Transition {
	var found *spec.Transition
	for i := range m.lifecycle.Transitions {
		t := &m.lifecycle.Transitions[i]
		if t.Caused == "" || !allows(t, from) {
			continue
		}
		if t.Caused == cause {
			return t
		}
		found = t
	}
	return found
}

// illegal says why a step cannot be taken, in the platform's language.
func (m *machine) illegal(p *Package, operation string) string {
	st := m.states[p.State]
	return fmt.Sprintf("代码包 %d 当前状态为 %s（%s），不能执行 %s；当前状态允许：%s",
		p.ID, st.Title, st.Name, operation, m.allowed(p.State))
}

// allowed lists the operations that a state allows, or says there is none.
func (m *machine) allowed(state string) string {
	var names []string
	for i := range m.lifecycle.Transitions {
		t := &m.lifecycle.Transitions[i]
		if t.Operation != "" && state != "" && allows(t, state) {
			names = append(names, t.Operation)
		}
	}
	if len(names) == 0 {
		return "无"
	}
	return strings.Join(names, "、")
}
