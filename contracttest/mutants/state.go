package mutants

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/spec"
)

// State mutants, part one: steps of the lifecycle that are taken where they
// must not be, not taken where they must, or lead somewhere else.

// states makes them, from x-lifecycle.
func states(g *generator) {
	l := g.lifecycle()
	for i := range l.Transitions {
		t := &l.Transitions[i]
		if g.baseline.Steps[t.Name] == 0 {
			g.exclude(State, "the suite does not bring the unmodified server to take the step", "step", t.Name)
			continue
		}
		if t.Operation != "" {
			g.illegal(l, t)
			g.refusals(l, t)
		}
		g.targets(l, t)
		g.lost(t)
		g.effects(t)
	}
	g.decisions(l)
	g.directCommit(l)
}

// rollingBack is a state that only a package which was online before another
// one can be in.
const rollingBack = "rolling_back"

// strayPackage is how far below one that there is the id of a package is that
// nobody has uploaded, among those that have room for uploads.
const strayPackage = 500

// unheld is why some states cannot be brought about.
const unheld = "the server's own state cannot hold it"

// takes reports whether an exchange asks for a step.
func takes(m *message, t *spec.Transition) bool { return m.op != nil && m.op.Call() == t.Operation }

// illegal takes a step from states that do not allow it: in words, and in deed.
func (g *generator) illegal(l *spec.Lifecycle, t *spec.Transition) {
	if len(t.From) == 0 {
		return
	}
	refusedFrom := func(m *message, from string) *world {
		if !takes(m, t) || m.ok() || len(m.invalid) > 0 || m.refusedAt("unauthenticated") || m.refusedAt("expired") {
			return nil
		}
		if w := m.server.control.worldOf(m.token()); w != nil && w.stateOf(m) == from {
			return w
		}
		return nil
	}
	checks := []string{"lifecycle.illegal"}
	var from []string
	for _, s := range l.States {
		if !s.Final && !slices.Contains(t.From, s.Name) {
			from = append(from, s.Name)
		}
	}
	for _, s := range append(from, "gone", "never") {
		g.add(State, fmt.Sprintf("%s from %s is accepted and not taken", t.Name, s), checks, func() *fault {
			return &fault{after: func(m *message) {
				if refusedFrom(m, s) != nil {
					m.succeed()
				}
			}}
		}, "illegal-said", t.Name, s)
	}
	for _, s := range from {
		if t.To == rollingBack {
			g.exclude(State, unheld, "illegal-taken", t.Name, s)
			continue
		}
		g.add(State, fmt.Sprintf("%s from %s is accepted and taken", t.Name, s), checks, func() *fault {
			return &fault{after: func(m *message) {
				if w := refusedFrom(m, s); w != nil && w.take(m, t.To) {
					m.succeed()
				}
			}}
		}, "illegal-taken", t.Name, s)
	}
}

// take puts the package that a request is about into a state.
func (w *world) take(m *message, state string) bool {
	app := w.app(m.token())
	if app == nil {
		return false
	}
	pkg := pkgIn(app, m.text("package_id"))
	if pkg == nil {
		return false
	}
	w.move(app, pkg, state, m.server.slots())
	return w.put()
}

// refusals makes what an operation's step refuses wrong: legal steps, gates,
// repeated steps.
func (g *generator) refusals(l *spec.Lifecycle, t *spec.Transition) {
	for _, from := range append(slices.Clone(t.From), "") {
		if (from == "") != (len(t.From) == 0) {
			continue
		}
		name := from
		if name == "" {
			name = "nothing"
		}
		g.add(State, fmt.Sprintf("%s from %s is refused", t.Name, name), []string{"lifecycle.path"}, func() *fault {
			return &fault{before: func(m *message) {
				if !takes(m, t) || len(m.invalid) > 0 {
					return
				}
				if w := m.server.control.worldOf(m.token()); w != nil && w.app(m.token()) != nil && w.stateOf(m) == from {
					m.refuse("IllegalTransition")
					m.answered = true
					m.server.took()
				}
			}}
		}, "refused", t.Name, name)
	}
	for _, name := range t.Gates {
		i := slices.IndexFunc(l.Gates, func(gate spec.Gate) bool { return gate.Name == name })
		if i < 0 {
			continue
		}
		g.gate(t, &l.Gates[i])
	}
	if len(t.From) == 0 || slices.Contains(t.From, t.To) {
		return
	}
	g.add(State, t.Name+" can be taken again", []string{"lifecycle.repeat"}, func() *fault {
		taken := map[string]bool{}
		return &fault{after: func(m *message) {
			if !takes(m, t) {
				return
			}
			id := m.text("package_id")
			if m.ok() {
				taken[id] = true
			} else if taken[id] && len(m.invalid) == 0 && m.failure() == "IllegalTransition" {
				m.succeed()
			}
		}}
	}, "repeat", t.Name)
}

// gate ignores a gate, in words and in deed, and refuses with another error.
func (g *generator) gate(t *spec.Transition, gate *spec.Gate) {
	unmet := func(m *message) *world {
		if !takes(m, t) || m.ok() || len(m.invalid) > 0 || !slices.Contains(gate.Refuse, m.failure()) {
			return nil
		}
		w := m.server.control.worldOf(m.token())
		if w == nil || len(t.From) > 0 && !slices.Contains(t.From, w.stateOf(m)) {
			return nil // it is the state that does not allow it
		}
		return w
	}
	checks := []string{"lifecycle.gate"}
	g.add(State, fmt.Sprintf("%s does not ask for %s and is not taken", t.Name, gate.Name), checks, func() *fault {
		return &fault{after: func(m *message) {
			if unmet(m) != nil {
				m.succeed()
			}
		}}
	}, "gate-said", t.Name, gate.Name)
	if t.To == rollingBack && gate.Name == "has_previous_version" {
		g.exclude(State, unheld, "gate-taken", t.Name, gate.Name)
	} else if len(t.From) > 0 {
		g.add(State, fmt.Sprintf("%s is taken without %s", t.Name, gate.Name), checks, func() *fault {
			return &fault{after: func(m *message) {
				if w := unmet(m); w != nil && w.take(m, t.To) {
					m.succeed()
				}
			}}
		}, "gate-taken", t.Name, gate.Name)
	}
	other := "InvalidParameter"
	if slices.Contains(gate.Refuse, "IllegalTransition") {
		other = "PackageNotFound"
	}
	g.add(State, fmt.Sprintf("%s refuses with %s where %s is not met", t.Name, other, gate.Name), checks, func() *fault {
		return &fault{after: func(m *message) {
			if unmet(m) != nil {
				m.refuse(other)
			}
		}}
	}, "gate-error", t.Name, gate.Name)
}

// targets lets a step lead nowhere, or somewhere else.
func (g *generator) targets(l *spec.Lifecycle, t *spec.Transition) {
	checks := []string{"lifecycle.path", "list.slots"}
	behind := func(state func(step) string) func() *fault {
		return func() *fault {
			f := &fault{stepName: t.Name}
			f.steps = func(w *world, app *node, s step) bool {
				to := state(s)
				return to != "" && w.place(w.faulty, app, s, to)
			}
			return f
		}
	}
	// Two packages cannot be online in the server's state: views.go shows them.
	if len(t.From) > 0 && t.Name != "supersede" {
		g.add(State, t.Name+" does nothing", checks, behind(func(s step) string { return s.From }), "no-op", t.Name)
	}
	listed := func(name string) bool {
		return slices.ContainsFunc(l.States, func(s spec.State) bool { return s.Name == name && s.Listed })
	}
	for _, s := range l.States {
		switch {
		case s.Final || s.Name == t.To || slices.Contains(t.From, s.Name):
			continue
		case s.Name == rollingBack || t.Name == "supersede" && s.Slot == "online":
			g.exclude(State, unheld, "target", t.Name, s.Name)
			continue
		case !s.Listed && !listed(t.To):
			g.exclude(State, "nobody sees a package in either state", "target", t.Name, s.Name)
			continue
		}
		g.add(State, fmt.Sprintf("%s leads to %s", t.Name, s.Name), checks, behind(func(step) string { return s.Name }), "target", t.Name, s.Name)
	}
	for _, from := range t.From {
		if len(t.From) > 1 && t.Caused != "" {
			g.add(State, fmt.Sprintf("a package that is %s stays when it is replaced", from), checks, behind(func(s step) string {
				if s.From != from {
					return ""
				}
				return from
			}), "stays", t.Name, from)
		}
	}
}

// lost lets a step change packages that it has nothing to do with.
func (g *generator) lost(t *spec.Transition) {
	others := func(app *node, s step, change func(*node) bool) bool {
		changed := false
		for _, id := range app.find("/packages/*/package_id") {
			n, _ := strconv.ParseInt(id.value.text(), 10, 64)
			if n != s.ID && !slices.Contains(s.also, n) && textOf(id.parent.member("state")) != "superseded" {
				changed = change(id.parent) || changed
			}
		}
		return changed
	}
	checks := []string{"lifecycle.others"}
	add := func(kind, note string, change func(app, pkg *node) bool) {
		g.add(State, t.Name+" "+note, checks, func() *fault {
			return &fault{stepName: t.Name, steps: func(_ *world, app *node, s step) bool {
				return others(app, s, func(p *node) bool { return change(app, p) })
			}}
		}, kind, t.Name)
	}
	add("lost-package", "loses another package of the app", func(app, pkg *node) bool {
		packages := app.member("packages")
		packages.values = slices.DeleteFunc(packages.values, func(p *node) bool { return p == pkg })
		return true
	})
	add("lost-text", "loses what was said of another package", func(_, pkg *node) bool { pkg.set("version_desc", quoted("lost")); return true })
	add("lost-state", "puts another package back", putBack)
	g.add(State, t.Name+" leaves a package that nobody has uploaded", checks, func() *fault {
		return &fault{stepName: t.Name, steps: func(w *world, app *node, s step) bool {
			stray := w.revive(w.faulty, app, s.ID-strayPackage)
			stray.set("version", quoted("9.9.9"))
			w.move(app, stray, "uploading", w.faulty.slots())
			return true
		}}
	}, "stray", t.Name)
	states := g.lifecycle().States
	if i := slices.IndexFunc(states, func(s spec.State) bool { return s.Name == t.To }); i < 0 || !states[i].Listed {
		g.exclude(State, "nobody sees the package any more", "lost-version", t.Name)
		return
	}
	g.add(State, t.Name+" forgets the package's version", []string{"lifecycle.others", "lifecycle.path"}, func() *fault {
		return &fault{stepName: t.Name, steps: func(_ *world, app *node, s step) bool {
			pkg := pkgIn(app, strconv.FormatInt(s.ID, 10))
			if pkg == nil {
				return false
			}
			pkg.set("version", quoted("0.0.0"))
			return true
		}}
	}, "lost-version", t.Name)
}

// putBack gives a package another state, where there is a place for it in the
// app: in each, one package at most can be.
func putBack(app, pkg *node) bool {
	places := map[string]string{
		"development": "development", "in_review": "review", "approved": "review", "rejected": "review",
		"upload_failed": "failed", "online": "online", "rolling_back": "online",
	}
	state := textOf(pkg.member("state"))
	taken := map[string]bool{}
	for _, other := range app.find("/packages/*/state") {
		if place := places[textOf(other.value)]; other.parent != pkg && place != "" {
			taken[place] = true
		}
	}
	for _, to := range []string{"rejected", "approved", "development", "superseded"} {
		only := to == "superseded" && state != "online"
		if places[state] == "" || places[state] == "failed" || to == state || taken[places[to]] || only {
			continue
		}
		pkg.set("state", quoted(to))
		pkg.set("timer", scalar("0"))
		return true
	}
	return false
}

// decisions lets the platform decide something else, or nothing.
func (g *generator) decisions(l *spec.Lifecycle) {
	for i := range l.Transitions {
		t := &l.Transitions[i]
		if t.Decision == "" || t.Decision == "rollback" || t.When != "" {
			continue
		}
		is := func(v *contracttest.Verdict) bool { return v.Decision == t.Decision && v.Outcome == t.Outcome }
		g.add(State, fmt.Sprintf("%s %s is never decided", t.Decision, t.Outcome), []string{"lifecycle.path"}, func() *fault {
			return &fault{decide: func(v *contracttest.Verdict) bool { return !is(v) }}
		}, "undecided", t.Decision, t.Outcome)
		other := map[string]string{"pass": "fail", "fail": "pass"}[t.Outcome]
		g.add(State, fmt.Sprintf("%s %s is decided the other way", t.Decision, t.Outcome), []string{"lifecycle.path"}, func() *fault {
			return &fault{decide: func(v *contracttest.Verdict) bool {
				if is(v) {
					v.Outcome, v.Reason = other, ""
					if other == "fail" {
						v.Reason = "另一个原因"
					}
				}
				return true
			}}
		}, "flipped", t.Decision, t.Outcome)
	}
}

// directCommit submits packages that asked for it, whatever its gates say.
func (g *generator) directCommit(l *spec.Lifecycle) {
	i := slices.IndexFunc(l.Transitions, func(t spec.Transition) bool { return t.When != "" })
	if i < 0 {
		return
	}
	t := &l.Transitions[i]
	g.add(State, t.Name+" happens whatever its gates say", []string{"lifecycle.gate"}, func() *fault {
		return &fault{stepName: "upload_done", steps: func(w *world, app *node, s step) bool {
			pkg := pkgIn(app, strconv.FormatInt(s.ID, 10))
			if pkg == nil || textOf(pkg.member("direct_commit")) != "true" {
				return false
			}
			w.move(app, pkg, t.To, w.faulty.slots())
			return true
		}}
	}, "gates-ignored", t.Name)
}
