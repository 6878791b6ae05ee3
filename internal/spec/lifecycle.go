package spec

import (
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v4"
)

func (x *extensions) lifecycles(n *yaml.Node) {
	c := x.contract
	c.lifecycles = map[string]*Lifecycle{}
	root := []string{"x-lifecycle"}
	for _, p := range x.members(n, root) {
		c.lifecycles[p.key.Value] = x.lifecycle(p.key.Value, deref(p.value), within(root, p.key.Value))
	}
}

func (x *extensions) lifecycle(resource string, n *yaml.Node, path []string) *Lifecycle {
	f := x.fields(n, path, "title", "states", "gates", "transitions")
	l := &Lifecycle{Resource: resource, Title: x.text(f["title"], within(path, "title"))}
	var states, gates []string
	x.each(f["states"], within(path, "states"), func(n *yaml.Node, path []string) {
		s := x.state(n, path)
		states = x.name(n, path, "state", s.Name, states)
		l.States = append(l.States, s)
	})
	x.each(f["gates"], within(path, "gates"), func(n *yaml.Node, path []string) {
		g := x.gate(n, path)
		gates = x.name(n, path, "gate", g.Name, gates)
		l.Gates = append(l.Gates, g)
	})
	var transitions []string
	x.each(f["transitions"], within(path, "transitions"), func(n *yaml.Node, path []string) {
		if name := child(n, "name"); name != nil {
			transitions = x.name(n, path, "transition", name.Value, transitions)
		}
	})
	x.each(f["transitions"], within(path, "transitions"), func(n *yaml.Node, path []string) {
		l.Transitions = append(l.Transitions, x.transition(n, path, l, names{states, gates, transitions}))
	})
	if len(l.States) == 0 {
		x.failf(n, path, "expected states")
	}
	return l
}

// names are what a transition may refer to.
type names struct{ states, gates, transitions []string }

// each goes through a list.
func (x *extensions) each(n *yaml.Node, path []string, do func(*yaml.Node, []string)) {
	if n == nil {
		return
	}
	if n.Kind != yaml.SequenceNode {
		x.failf(n, path, "expected a list")
		return
	}
	for i, item := range n.Content {
		do(deref(item), within(path, strconv.Itoa(i)))
	}
}

// name adds a name to those taken; an empty one and a second one are errors.
func (x *extensions) name(n *yaml.Node, path []string, what, name string, taken []string) []string {
	if name == "" {
		x.failf(n, path, "expected a name")
	} else if slices.Contains(taken, name) {
		x.failf(n, within(path, "name"), "%s %q stands twice", what, name)
	}
	return append(taken, name)
}

func (x *extensions) state(n *yaml.Node, path []string) State {
	f := x.fields(n, path, "name", "title", "status", "upload_status", "listed", "slot", "final", "x-evidence")
	return State{
		Name:         x.text(f["name"], within(path, "name")),
		Title:        x.text(f["title"], within(path, "title")),
		Status:       x.integer(f["status"], within(path, "status")),
		UploadStatus: x.integer(f["upload_status"], within(path, "upload_status")),
		Listed:       x.boolean(f["listed"], within(path, "listed")),
		Slot:         x.text(f["slot"], within(path, "slot")),
		Final:        x.boolean(f["final"], within(path, "final")),
		Evidence:     x.evidence(f["x-evidence"], path),
	}
}

func (x *extensions) gate(n *yaml.Node, path []string) Gate {
	f := x.fields(n, path, "name", "summary", "refuse", "x-evidence")
	return Gate{
		Name:     x.text(f["name"], within(path, "name")),
		Summary:  x.text(f["summary"], within(path, "summary")),
		Refuse:   x.texts(f["refuse"], within(path, "refuse"), "error", x.contract.errorNames()),
		Evidence: x.evidence(f["x-evidence"], path),
	}
}

func (x *extensions) transition(n *yaml.Node, path []string, l *Lifecycle, known names) Transition {
	f := x.fields(n, path, "name", "from", "to", "by", "after", "gates", "emits", "x-evidence")
	t := Transition{
		Name:     x.text(f["name"], within(path, "name")),
		From:     x.texts(f["from"], within(path, "from"), "state", orEmpty(known.states)),
		To:       x.text(f["to"], within(path, "to")),
		Gates:    x.texts(f["gates"], within(path, "gates"), "gate", orEmpty(known.gates)),
		Emits:    x.texts(f["emits"], within(path, "emits"), "event", orEmpty(x.contract.eventNames)),
		Evidence: x.evidence(f["x-evidence"], path),
	}
	if t.Name == "" {
		x.failf(n, path, "expected a name")
	}
	if !slices.Contains(known.states, t.To) {
		at := n
		if f["to"] != nil {
			at = f["to"]
		}
		x.unknown(at, within(path, "to"), "state", t.To, known.states)
	}
	for i, from := range t.From {
		at := slices.IndexFunc(l.States, func(s State) bool { return s.Name == from })
		if at >= 0 && l.States[at].Final {
			x.failf(f["from"], within(path, "from", strconv.Itoa(i)), "state %q is final", from)
		}
	}
	if after := f["after"]; after != nil {
		d, err := time.ParseDuration(after.Value)
		if err != nil || d < 0 {
			x.failf(after, within(path, "after"), "expected a duration such as 3s")
		}
		t.After = d
	}
	x.cause(n, f["by"], within(path, "by"), &t, known.transitions)
	return t
}

// cause reads what makes a transition happen.
func (x *extensions) cause(transition, n *yaml.Node, path []string, t *Transition, transitions []string) {
	if n == nil {
		x.failf(transition, path, "expected exactly one of operation, decision and transition")
		return
	}
	f := x.fields(n, path, "operation", "decision", "transition", "outcome", "when")
	t.Operation = x.text(f["operation"], within(path, "operation"))
	t.Decision = x.text(f["decision"], within(path, "decision"))
	t.Caused = x.text(f["transition"], within(path, "transition"))
	t.Outcome = x.text(f["outcome"], within(path, "outcome"))
	t.When = x.text(f["when"], within(path, "when"))
	causes := 0
	for _, cause := range []string{t.Operation, t.Decision, t.Caused} {
		if cause != "" {
			causes++
		}
	}
	if causes != 1 {
		x.failf(n, path, "expected exactly one of operation, decision and transition")
	}
	if t.Operation != "" && x.contract.byID[t.Operation] == nil {
		ids := make([]string, 0, len(x.contract.operations))
		for _, o := range x.contract.operations {
			ids = append(ids, o.ID)
		}
		x.unknown(f["operation"], within(path, "operation"), "operation", t.Operation, ids)
	}
	if t.Caused != "" && (!slices.Contains(transitions, t.Caused) || t.Caused == t.Name) {
		x.unknown(f["transition"], within(path, "transition"), "transition", t.Caused, slices.DeleteFunc(slices.Clone(transitions), func(s string) bool { return s == t.Name }))
	}
	if t.Outcome != "" {
		if outcomes := []string{"pass", "fail"}; !slices.Contains(outcomes, t.Outcome) {
			x.unknown(f["outcome"], within(path, "outcome"), "outcome", t.Outcome, outcomes)
		}
		if t.Decision == "" {
			x.failf(f["outcome"], within(path, "outcome"), "only a decision has an outcome")
		}
	}
}

// orEmpty makes a list non-nil, so that nothing is allowed rather than all.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
