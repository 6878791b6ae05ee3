package specdiff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// What the lifecycles of the dialect say: which steps there are, by whom, and
// what stands in their way.

func (c *comparison) lifecycles() {
	members(c.old.contract.Lifecycles(), c.new.contract.Lifecycles(), func(name string) {
		c.changed(Breaking, "x-lifecycle-removed", "removed the lifecycle of `"+name+"`", "nothing is said any more of what may follow what", "x-lifecycle", name)
	}, func(name string) {
		c.changed(Compatible, "x-lifecycle-added", "added the lifecycle of `"+name+"`", "its operations were there or are new", "x-lifecycle", name)
	})
	for _, resource := range c.old.contract.Lifecycles() {
		was, _ := c.old.contract.Lifecycle(resource)
		now, ok := c.new.contract.Lifecycle(resource)
		if !ok {
			continue
		}
		c.states(was, now)
		c.gates(was, now)
		c.transitions(was, now)
	}
}

func (c *comparison) states(was, now *spec.Lifecycle) {
	names := func(l *spec.Lifecycle) (out []string) {
		for _, s := range l.States {
			out = append(out, s.Name)
		}
		return out
	}
	find := func(l *spec.Lifecycle, name string) *spec.State {
		return &l.States[slices.Index(names(l), name)]
	}
	at := []string{"x-lifecycle", was.Resource, "states"}
	members(names(was), names(now), func(name string) {
		c.changed(Breaking, "x-lifecycle-state-removed", "removed the state `"+name+"`", "who waits for it waits in vain", append(at, name)...)
	}, func(name string) {
		level, reason := Compatible, "it does not show in lists"
		if find(now, name).Listed {
			level, reason = Breaking, "clients meet a state that they do not know"
		}
		c.changed(level, "x-lifecycle-state-added", "added the state `"+name+"`", reason, append(at, name)...)
	})
	for i := range was.States {
		old := &was.States[i]
		if !slices.Contains(names(now), old.Name) {
			continue
		}
		s := find(now, old.Name)
		if old.Status != s.Status || old.UploadStatus != s.UploadStatus {
			c.changed(Breaking, "x-lifecycle-status-changed",
				fmt.Sprintf("the state %s shows as status %d, upload_status %d instead of %d, %d", code(old.Name), s.Status, s.UploadStatus, old.Status, old.UploadStatus),
				"clients tell the state by its number", append(at, old.Name)...)
		}
		if old.Listed != s.Listed {
			c.changed(Breaking, "x-lifecycle-listed-changed", fmt.Sprintf("whether the state %s shows in lists changed from `%t` to `%t`", code(old.Name), old.Listed, s.Listed),
				"clients look for it in lists", append(at, old.Name)...)
		}
		if old.Slot != s.Slot {
			c.changed(Breaking, "x-lifecycle-slot-changed", fmt.Sprintf("the place of the state %s changed from %s to %s", code(old.Name), code(old.Slot), code(s.Slot)),
				"another one may stand beside it, or push it out", append(at, old.Name)...)
		}
	}
}

func (c *comparison) gates(was, now *spec.Lifecycle) {
	for _, old := range was.Gates {
		i := slices.IndexFunc(now.Gates, func(g spec.Gate) bool { return g.Name == old.Name })
		if i < 0 {
			continue // the transitions that had it say so
		}
		at := []string{"x-lifecycle", was.Resource, "gates", old.Name, "refuse"}
		members(old.Refuse, now.Gates[i].Refuse, func(name string) {
			c.changed(Breaking, "x-lifecycle-gate-refusal-removed", fmt.Sprintf("the gate %s does not refuse with %s any more", code(old.Name), code(name)),
				"the same obstacle is answered with another error", at...)
		}, func(name string) {
			c.changed(Compatible, "x-lifecycle-gate-refusal-added", fmt.Sprintf("the gate %s may refuse with %s", code(old.Name), code(name)),
				"clients take every code but success for a refusal", at...)
		})
	}
}

// byWhom says who takes a step.
func byWhom(t *spec.Transition) string {
	switch {
	case t.Operation != "":
		return "operation " + t.Operation
	case t.Caused != "":
		return "transition " + t.Caused
	}
	return strings.Join(strings.Fields("decision "+t.Decision+" "+t.Outcome+" "+t.When), " ")
}

func (c *comparison) transitions(was, now *spec.Lifecycle) {
	names := func(l *spec.Lifecycle) (out []string) {
		for _, t := range l.Transitions {
			out = append(out, t.Name)
		}
		return out
	}
	find := func(l *spec.Lifecycle, name string) *spec.Transition {
		return &l.Transitions[slices.Index(names(l), name)]
	}
	at := []string{"x-lifecycle", was.Resource, "transitions"}
	members(names(was), names(now), func(name string) {
		reason := "who waits for it waits in vain"
		if find(was, name).Operation != "" {
			reason = "a step that could be taken is refused"
		}
		c.changed(Breaking, "x-lifecycle-transition-removed", "removed the transition `"+name+"`", reason, append(at, name)...)
	}, func(name string) {
		level, reason := steps(find(now, name))
		c.changed(level, "x-lifecycle-transition-added", "added the transition `"+name+"`", reason, append(at, name)...)
	})
	for i := range was.Transitions {
		if old := &was.Transitions[i]; slices.Contains(names(now), old.Name) {
			c.transition(old, find(now, old.Name), append(slices.Clone(at), old.Name))
		}
	}
}

// steps says what a new way between states means.
func steps(t *spec.Transition) (Level, string) {
	if t.Operation != "" {
		return Compatible, "it may be taken, and need not"
	}
	return Breaking, "it happens by itself, where nothing happened before"
}

func (c *comparison) transition(was, now *spec.Transition, at []string) {
	changed := func(level Level, id, text, reason, key string) {
		c.changed(level, "x-lifecycle-"+id, "the transition `"+was.Name+"` "+text, reason, append(slices.Clone(at), key)...)
	}
	if was.To != now.To {
		changed(Breaking, "to-changed", fmt.Sprintf("leads to %s instead of %s", code(now.To), code(was.To)), "clients wait for the state that it led to", "to")
	}
	if byWhom(was) != byWhom(now) {
		changed(Breaking, "by-changed", fmt.Sprintf("is made by %s instead of %s", byWhom(now), byWhom(was)), "what took the step does not any more", "by")
	}
	members(was.From, now.From, func(state string) {
		changed(Breaking, "from-removed", "does not lead on from `"+state+"` any more", "a step that could be taken is refused, or does not happen", "from")
	}, func(state string) {
		level, reason := steps(now)
		changed(level, "from-added", "leads on from `"+state+"`, too", reason, "from")
	})
	if was.After != now.After {
		changed(Compatible, "after-changed", fmt.Sprintf("takes %s instead of %s", now.After, was.After), "clients wait until it has happened", "after")
	}
	members(was.Gates, now.Gates, func(gate string) {
		changed(Compatible, "gate-removed", "has no gate `"+gate+"` any more", "nothing that could be done is refused", "gates")
	}, func(gate string) {
		changed(Breaking, "gate-added", "has the gate `"+gate+"`", "a step that could be taken may be refused", "gates")
	})
	members(was.Emits, now.Emits, func(event string) {
		changed(Breaking, "emit-removed", "does not send `"+event+"` any more", "who waits for it waits in vain", "emits")
	}, func(event string) {
		changed(Compatible, "emit-added", "sends `"+event+"`", "receivers pass over what they do not wait for", "emits")
	})
}
