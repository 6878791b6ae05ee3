package emulator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// A machine is a lifecycle of the contract, ready to be walked. Which steps
// there are, from where, under which gates and with which emissions is said in
// x-lifecycle and nowhere else.
type machine struct {
	lifecycle *spec.Lifecycle
	states    map[string]*spec.State
	// asked holds the transitions that operations ask for.
	asked map[asked]*spec.Transition
	gates map[string]gate
}

// asked is an operation, and the case of it where it has more than one.
type asked struct{ operation, when string }

// A resource goes through a lifecycle.
type resource interface {
	// where is the state it is in and its number; "" and 0 before it is there.
	where() (state string, id int64)
}

// A gate decides whether a transition of a resource may happen; nil lets it.
type gate func(c *Call, r resource) error

// on is the gate of one kind of resource.
func on[R resource](f func(c *Call, r R) error) gate {
	return func(c *Call, r resource) error { return f(c, r.(R)) }
}

// A decided is a step that a decision makes.
type decided struct{ decision, outcome, when string }

// newMachine compiles a lifecycle; a gate that nobody has programmed is an
// error, and so is a step that is counted on and not there.
func newMachine(l *spec.Lifecycle, gates map[string]gate, steps ...decided) (*machine, error) {
	m := &machine{
		lifecycle: l, gates: gates, states: map[string]*spec.State{}, asked: map[asked]*spec.Transition{},
	}
	for i := range l.States {
		m.states[l.States[i].Name] = &l.States[i]
	}
	for i := range l.Transitions {
		t := &l.Transitions[i]
		if t.Operation != "" {
			m.asked[asked{t.Operation, t.When}] = t
		}
		for _, g := range t.Gates {
			if gates[g] == nil {
				return nil, fmt.Errorf("x-lifecycle/%s: transition %s: the emulator has no gate %q", l.Resource, t.Name, g)
			}
		}
	}
	for _, s := range steps {
		if !slices.ContainsFunc(l.Transitions, func(t spec.Transition) bool {
			return t.Decision == s.decision && t.Outcome == s.outcome && t.When == s.when
		}) {
			return nil, fmt.Errorf("x-lifecycle/%s: no transition by decision %s, outcome %s %s", l.Resource, s.decision, s.outcome, s.when)
		}
	}
	return m, nil
}

// step returns the transition that an operation asks for in a case, or the
// refusal that names the state and what it allows.
func (m *machine) step(c *Call, r resource, operation, when string) (*spec.Transition, error) {
	t := m.asked[asked{operation, when}]
	from, id := r.where()
	if t == nil || !allows(t, from) {
		return nil, refuse("IllegalTransition", "%s", m.illegal(id, from, operation))
	}
	if err := m.pass(c, r, t); err != nil {
		return nil, err
	}
	return t, c.rely(t.Evidence, "the step %s of x-lifecycle/%s", t.Name, m.lifecycle.Resource)
}

// pass asks every gate of a transition.
func (m *machine) pass(c *Call, r resource, t *spec.Transition) error {
	for _, g := range t.Gates {
		if err := m.gates[g](c, r); err != nil {
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
func (m *machine) illegal(id int64, state, operation string) string {
	st := m.states[state]
	if st == nil {
		st = &spec.State{}
	}
	return fmt.Sprintf("%s %d 当前状态为 %s（%s），不能执行 %s；当前状态允许：%s",
		m.lifecycle.Title, id, st.Title, st.Name, operation, m.allowed(state))
}

// allowed lists the operations that a state allows, or says there is none.
func (m *machine) allowed(state string) string {
	var names []string
	for i := range m.lifecycle.Transitions {
		t := &m.lifecycle.Transitions[i]
		if t.Operation != "" && state != "" && allows(t, state) && !slices.Contains(names, t.Operation) {
			names = append(names, t.Operation)
		}
	}
	if len(names) == 0 {
		return "无"
	}
	return strings.Join(names, "、")
}
