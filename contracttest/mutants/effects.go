package mutants

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// State mutants, part two: refused calls that leave something behind, quotas,
// ids.

// effects lets refused calls take the step they ask for all the same.
func (g *generator) effects(t *spec.Transition) {
	checks := []string{"effect.none"}
	add := func(kind, note string, f func(*message)) {
		g.add(State, "a call for "+t.Name+" "+note, checks, func() *fault {
			return &fault{after: func(m *message) {
				if !m.ok() {
					f(m)
				}
			}}
		}, kind, t.Name)
	}
	if t.Operation == "" {
		return
	}
	if op, ok := g.contract.Operation(t.Operation); ok && len(op.Fields()) == 1 {
		g.exclude(State, "its one parameter names the package: where that is wrong, nobody knows which is meant", "effect-invalid", t.Name)
	} else {
		add("effect-invalid", "that is refused for its parameters has its effect", func(m *message) {
			if takes(m, t) && len(m.invalid) > 0 {
				m.doAnyway(repaired(m))
			}
		})
	}
	add("effect-method", "by a method that its path does not have has its effect", func(m *message) {
		ops := m.server.contract.Operations()
		i := slices.IndexFunc(ops, func(o *spec.Operation) bool { return o.Call() == t.Operation && o.Path == m.request.URL.Path })
		if m.op != nil || i < 0 {
			return
		}
		m.op = ops[i]
		m.request = m.request.Clone(m.request.Context())
		m.request.Method = m.op.Method
		m.read()
		m.doAnyway(nil)
		m.op = nil
	})
	if len(t.From) == 0 {
		g.exclude(State, "nothing in the call but its token says which app it is for", "effect-token", t.Name)
		return
	}
	add("effect-token", "that is refused for its token has its effect", func(m *message) {
		if !takes(m, t) || len(m.invalid) > 0 || !m.refusedAt("unauthenticated") {
			return
		}
		if w := m.server.control.worldWith(m.text("package_id")); w != nil {
			m.doAnyway(map[string]string{m.op.TokenParam: w.tokenOf(m.text("package_id"), "")})
		}
	})
	if t.To == rollingBack {
		g.exclude(State, unheld, "effect-illegal", t.Name)
	} else {
		add("effect-illegal", "that is refused for the package's state has its effect", func(m *message) {
			if !takes(m, t) || len(m.invalid) > 0 || m.failure() != "IllegalTransition" {
				return
			}
			if w := m.server.control.worldOf(m.token()); w != nil && w.take(m, t.To) {
				m.server.took()
			}
		})
	}
	g.gateEffects(t, add)
	add("effect-foreign", "with another app's token is refused and has its effect", func(m *message) {
		if !takes(m, t) || m.failure() != "PackageNotFound" {
			return
		}
		if w := m.server.control.worldOf(m.token()); w != nil && w.stateOf(m) == "foreign" {
			m.doAnyway(map[string]string{m.op.TokenParam: w.tokenOf(m.text("package_id"), "")})
		}
	})
}

// gateEffects lets a call take its step that a gate refuses.
func (g *generator) gateEffects(t *spec.Transition, add func(kind, note string, f func(*message))) {
	var refusals []string
	for _, gate := range g.lifecycle().Gates {
		if slices.Contains(t.Gates, gate.Name) && !slices.Contains(gate.Refuse, "IllegalTransition") {
			refusals = append(refusals, gate.Refuse...)
		}
	}
	if len(refusals) > 0 {
		add("effect-gate", "that is refused for a gate has its effect", func(m *message) {
			if !takes(m, t) || !slices.Contains(refusals, m.failure()) {
				return
			}
			if w := m.server.control.worldOf(m.token()); w != nil && w.take(m, t.To) {
				m.server.took()
			}
		})
	}
}

// doAnyway sends the request with other values, for its effect.
func (m *message) doAnyway(values map[string]string) {
	if as, ok := m.sendWith(values); ok && as.ok() {
		m.server.took()
	}
}

// repaired are the values that make a request valid: examples for what is
// missing or wrong.
func repaired(m *message) map[string]string {
	out := map[string]string{}
	for _, f := range m.op.Fields() {
		wrong := slices.ContainsFunc(m.invalid, func(i spec.Issue) bool { return i.Pointer == "/"+f.Name })
		if _, there := m.params.Get(f.Name); f.Required && (!there || wrong) && f.Name != "package_id" {
			out[f.Name] = scalar(string(f.Example)).text()
		} else if wrong {
			out[f.Name] = ""
		}
	}
	return out
}

// A consequence is what a step has changed besides, wrongly.
type consequence struct {
	kind, step, note string
	checks           []string
	change           func(*world, *node, step) bool
}

// consequences lists them.
func consequences() []consequence {
	used := func(by int64) func(*world, *node, step) bool {
		return func(w *world, app *node, _ step) bool {
			n, _ := strconv.ParseInt(textOf(app.member("audits_used")), 10, 64)
			app.set("audits_used", scalar(strconv.FormatInt(max(n+by, 0), 10)))
			app.set("audit_week", quoted(w.week()))
			return true
		}
	}
	quota := []string{"lifecycle.quota"}
	return []consequence{
		{"quota-kept", "submit_audit", "a submission does not count against the quota", quota, used(-1)},
		{"quota-twice", "submit_audit", "a submission counts twice against the quota", quota, used(1)},
		{"quota-kept", "upload_done_direct_commit", "a direct commit does not count against the quota", quota, used(-1)},
		{"quota-counts", "release", "a release counts against the quota of audits", quota, used(1)},
		{"quota-counts", "upload_done", "an upload counts against the quota of audits", quota, used(1)},
		{"id-again", "upload_done", "a package gets the id of the one it replaces", []string{"lifecycle.ids"}, func(_ *world, app *node, s step) bool {
			pkg := pkgIn(app, strconv.FormatInt(s.ID, 10))
			if pkg == nil || len(s.also) == 0 {
				return false
			}
			old := strconv.FormatInt(s.also[0], 10)
			if pkgIn(app, old) != nil {
				return false
			}
			pkg.set("package_id", scalar(old))
			return true
		}},
		{"upload-version", "upload", "an upload gets another version", []string{"lifecycle.path"}, func(_ *world, app *node, s step) bool {
			return setIn(app, s, "version", quoted("0.0.0"))
		}},
		{"upload-desc", "upload", "an upload gets another description", []string{"lifecycle.path", "lifecycle.uploaded"}, func(_ *world, app *node, s step) bool {
			return setIn(app, s, "version_desc", quoted("something else"))
		}},
		{"upload-time", "upload", "an upload is dated in another time zone", []string{"lifecycle.uploaded"}, func(_ *world, app *node, s step) bool {
			pkg := pkgIn(app, strconv.FormatInt(s.ID, 10))
			if pkg == nil {
				return false
			}
			n, _ := strconv.ParseInt(textOf(pkg.member("committed")), 10, 64)
			pkg.set("committed", scalar(strconv.FormatInt(n-8*60*60, 10)))
			return true
		}},
		{"rollback-lost", "release", "a release forgets the version before", []string{"list.rollback-version", "lifecycle.path"}, func(_ *world, app *node, s step) bool {
			return setIn(app, s, "previous", scalar("0"))
		}},
	}
}

// week names the present week as the server does, by which it counts audits.
func (w *world) week() string {
	at, _ := strconv.ParseInt(textOf(w.state.member("at")), 10, 64)
	year, week := time.Unix(0, at).In(time.FixedZone("CST", 8*60*60)).ISOWeek()
	return fmt.Sprintf("%d-W%02d", year, week)
}

// setIn sets a member of a step's package.
func setIn(app *node, s step, name string, v *node) bool {
	pkg := pkgIn(app, strconv.FormatInt(s.ID, 10))
	if pkg == nil {
		return false
	}
	pkg.set(name, v)
	return true
}
