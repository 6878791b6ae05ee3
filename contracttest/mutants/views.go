package mutants

import (
	"slices"
	"strconv"

	"github.com/swanemu/emu/internal/spec"
)

// State mutants, part three: what is seen of the state is not what it is.

// views makes them.
func views(g *generator) {
	for _, c := range consequences() {
		if g.baseline.Steps[c.step] == 0 {
			g.exclude(State, "the suite does not bring the unmodified server to take the step", c.kind, c.step)
			continue
		}
		g.add(State, c.note, c.checks, func() *fault { return &fault{stepName: c.step, steps: c.change} }, c.kind, c.step)
	}
	for _, op := range g.contract.Operations() {
		switch {
		case op.Call() == "listPackages" || op.Call() == "listOSSPackages":
			g.lists(op)
		case op.Call() == "getPackageDetail" || op.Call() == "getOSSPackageDetail":
			g.details(op)
		case op.ID == "listPushMessages":
			g.messages(op)
		}
		g.identities(op)
		if reads(op) && g.baseline.Answers[op.ID]["accepted"] > 0 {
			g.stale(op)
		}
	}
}

// reads reports whether an operation only tells what is.
func reads(op *spec.Operation) bool {
	switch op.Call() {
	case "listPackages", "listOSSPackages", "getPackageDetail", "getOSSPackageDetail", "getAuditQuota", "listPushMessages":
		return true
	}
	return false
}

// stale answers what was so when it was first asked.
func (g *generator) stale(op *spec.Operation) {
	g.add(State, op.ID+" answers what was so before", []string{"lifecycle.path", "lifecycle.views", "lifecycle.quota", "messages"}, func() *fault {
		first := map[string]message{}
		return &fault{after: func(m *message) {
			if !m.is(op.ID) || !m.ok() {
				return
			}
			key := m.token()
			for _, p := range m.params {
				key += "&" + p.Name + "=" + m.text(p.Name)
			}
			if was, ok := first[key]; ok {
				m.take(&was)
			} else {
				first[key] = *m
			}
		}}
	}, "stale", op.ID)
}

// inList changes the rows of accepted lists; app is the app in the server's
// state whose list it is.
func inList(op string, f func(w *world, app, rows *node)) func() *fault {
	return after(op, func(m *message) {
		if !m.ok() {
			return
		}
		w := m.server.control.worldOf(m.token())
		if w == nil {
			return
		}
		app := w.app(m.token())
		if id := m.text("app_id"); id != "" {
			app = w.state.member("apps").member(id)
		}
		m.edit(func(n *node) {
			if rows := n.member("data"); rows != nil && app != nil {
				f(w, app, rows)
			}
		})
	})
}

// rowOf is a row of a package that lists leave out, in a status.
func rowOf(pkg *node, status int) *node {
	n := &node{kind: '{'}
	text := func(name string) *node { return quoted(textOf(pkg.member(name))) }
	n.add("version", text("version"))
	n.add("remark", text("remark"))
	n.add("msg", text("msg"))
	n.add("committer", quoted("--"))
	n.add("status", scalar(strconv.Itoa(status)))
	n.add("commit_time", quoted("2026/01/05 09:00:00"))
	n.add("version_desc", text("version_desc"))
	n.add("package_id", pkg.member("package_id"))
	return n
}

// lists shows too much, too little, or something else in a list.
func (g *generator) lists(op *spec.Operation) {
	own := []string{"lifecycle.path", "lifecycle.views"}
	if op.Call() != "listPackages" {
		own = []string{"lifecycle.views"}
	}
	add := func(kind, note string, checks []string, what string, f func(w *world, app, rows *node)) {
		parts := []string{kind, op.ID}
		if what != "" {
			parts = append(parts, what)
		}
		g.add(State, op.ID+" "+note, checks, inList(op.ID, f), parts...)
	}
	slots := append([]string{"list.slots"}, own...)
	add("two-online", "shows what was online before as online still", slots, "", func(_ *world, app, rows *node) {
		for _, s := range app.find("/packages/*/state") {
			if s.value.text() == "superseded" && len(rows.find("/*/rollback_version")) > 0 {
				rows.values = append(rows.values, rowOf(s.parent, 1))
			}
		}
	})
	for _, st := range g.lifecycle().States {
		if st.Final {
			continue
		}
		if !st.Listed {
			add("shown", "shows a package that is "+st.Name, own, st.Name, func(_ *world, app, rows *node) {
				for _, s := range app.find("/packages/*/state") {
					if s.value.text() == st.Name {
						rows.values = append(rows.values, rowOf(s.parent, 3))
					}
				}
			})
			continue
		}
		add("hidden", "leaves out packages that are "+st.Name, own, st.Name, func(_ *world, _, rows *node) {
			rows.values = slices.DeleteFunc(rows.values, func(row *node) bool { return shows(row, &st) })
		})
	}
	add("one-id", "gives two rows one package_id", []string{"list.ids"}, "", func(_ *world, _, rows *node) {
		ids := rows.find("/*/package_id")
		for i := 1; i < len(ids); i++ {
			ids[i].put(ids[0].value)
		}
	})
	version := append([]string{"list.rollback-version"}, own...)
	add("rollback-version", "leaves rollback_version out", version, "missing", func(_ *world, _, rows *node) {
		for _, s := range rows.find("/*/rollback_version") {
			s.drop()
		}
	})
	add("rollback-version", "tells its own version as rollback_version", version, "own", func(_ *world, _, rows *node) {
		for _, s := range rows.find("/*/rollback_version") {
			s.put(s.parent.member("version"))
		}
	})
	add("rollback-version", "tells a rollback_version where there is none", version, "always", func(_ *world, _, rows *node) {
		for _, s := range rows.find("/*/status") {
			if s.parent.member("rollback_version") == nil {
				s.parent.add("rollback_version", quoted("0.9.0"))
			}
		}
	})
	for _, name := range []string{"version", "package_id", "version_desc"} {
		add("other", "tells another "+name, append([]string{"list.ids"}, own...), name, func(_ *world, _, rows *node) {
			for _, s := range rows.find("/*/" + name) {
				s.put(another(s.value))
			}
		})
	}
	g.foreign(op)
}

// shows reports whether a row shows a state.
func shows(row *node, st *spec.State) bool {
	return textOf(row.member("status")) == number(st.Status) && textOf(row.member("upload_status")) == number(st.UploadStatus)
}

// number is a number of the wire; "" where a row has none.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// another is a value of the same type.
func another(n *node) *node {
	if v, err := strconv.ParseInt(n.scalar, 10, 64); err == nil {
		return scalar(strconv.FormatInt(v+100_000, 10))
	}
	return quoted(n.text() + "0")
}

// foreign answers what another app would be answered.
func (g *generator) foreign(op *spec.Operation) {
	g.add(State, op.ID+" answers for another app", []string{"lifecycle.path", "lifecycle.views", "app.own"}, func() *fault {
		return &fault{before: func(m *message) {
			if !m.is(op.ID) || len(m.invalid) > 0 {
				return
			}
			w := m.server.control.worldOf(m.token())
			if w == nil {
				return
			}
			mine := m.text("app_id") + m.text("app_ids")
			if app := w.app(m.token()); mine == "" && app != nil {
				mine = textOf(app.member("app_id"))
			}
			for _, id := range w.state.member("apps").names {
				token := w.tokenOf("", id)
				if id == mine || mine == "" || token == "" {
					continue
				}
				// A package of another app is not asked for by this one's id.
				values := map[string]string{op.TokenParam: token, "package_id": "", "type": ""}
				for _, name := range []string{"app_id", "app_ids"} {
					if m.text(name) != "" {
						values = map[string]string{name: id, "package_id": "", "type": ""}
					}
				}
				if as, ok := m.sendWith(values); ok && as.ok() {
					m.take(as)
					m.answered = true
					m.server.took()
					return
				}
			}
		}}
	}, "foreign", op.ID)
}

// details answers details of other packages, none, or other values.
func (g *generator) details(op *spec.Operation) {
	checks := []string{"lifecycle.views"}
	resend := func(kind, note, drop string, when func(*message) bool) {
		g.add(State, op.ID+" "+note, checks, after(op.ID, func(m *message) {
			if len(m.invalid) > 0 || m.refusedAt("unauthenticated") || !when(m) {
				return
			}
			if as, ok := m.sendWith(map[string]string{drop: ""}); ok {
				m.take(as)
			}
		}), kind, op.ID)
	}
	resend("ignores-type", "does not look at type", "type", func(m *message) bool { return m.text("type") != "" && m.text("package_id") == "" })
	resend("ignores-id", "does not look at package_id", "package_id", func(m *message) bool { return m.text("package_id") != "" && m.text("type") == "" })
	resend("prefers-type", "looks at type where package_id is there too", "package_id", func(m *message) bool { return m.text("package_id") != "" && m.text("type") != "" })
	add := func(kind, note string, what string, f func(*message)) {
		g.add(State, op.ID+" "+note, checks, after(op.ID, f), kind, op.ID, what)
	}
	add("no-default", "wants a package_id or a type", "online", func(m *message) {
		if m.ok() && m.text("type") == "" && m.text("package_id") == "" {
			m.refuse("PackageNotFound")
		}
	})
	add("other-package", "answers another package of the app", "id", func(m *message) {
		w := m.server.control.worldOf(m.token())
		if !m.ok() || w == nil || m.text("package_id") == "" {
			return
		}
		app := w.app(m.token())
		if id := m.text("app_id"); id != "" {
			app = w.state.member("apps").member(id)
		}
		for _, s := range app.find("/packages/*/package_id") {
			if s.value.text() == m.text("package_id") {
				continue
			}
			if as, ok := m.sendWith(map[string]string{"package_id": s.value.text()}); ok && as.ok() {
				m.take(as)
				return
			}
		}
	})
	for _, st := range g.lifecycle().States {
		if st.Status == 0 {
			continue
		}
		status := strconv.Itoa(st.Status)
		add("hidden", "does not find packages that are "+st.Name, st.Name, func(m *message) {
			if n := parse(m.body); m.ok() && n != nil && textOf(first(n, "/data/status")) == status {
				m.refuse("PackageNotFound")
			}
		})
	}
	for _, p := range merged(successes(op)) {
		if g.baseline.Values[op.ID][p.Pointer] == "" || p.Pointer == "/data" || p.Pointer == "/errno" || p.Pointer == "/msg" || p.Pointer == "" {
			continue
		}
		add("other", "tells another "+dotted(p.Pointer), dotted(p.Pointer), func(m *message) {
			if m.ok() {
				m.edit(func(n *node) {
					for _, s := range n.find(p.Pointer) {
						s.put(alike(s.value, &p))
					}
				})
			}
		})
	}
	g.foreign(op)
}

// first is the first value that a pointer names; nil for none.
func first(n *node, pointer string) *node {
	if found := n.find(pointer); len(found) > 0 {
		return found[0].value
	}
	return nil
}

// alike is another value that the schema allows.
func alike(n *node, p *spec.Property) *node {
	for _, v := range p.Enum {
		if string(v) != n.scalar {
			return scalar(string(v))
		}
	}
	if p.Pattern != "" {
		return quoted("2001" + n.text()[min(4, len(n.text())):])
	}
	return another(n)
}

// identities answers for something else than was asked for.
func (g *generator) identities(op *spec.Operation) {
	if op.Call() != "getAppInfo" && op.Call() != "getOSSAppInfo" {
		return
	}
	checks := []string{"app.own"}
	g.add(State, op.ID+" answers another app_id", checks, after(op.ID, func(m *message) {
		if m.ok() {
			m.edit(func(n *node) {
				for _, pointer := range []string{"/data/app_id", "/data/*/app_id"} {
					for _, s := range n.find(pointer) {
						s.put(another(s.value))
					}
				}
			})
		}
	}), "other", op.ID, "app_id")
	g.foreign(op)
	if !hasField(op, "app_ids") {
		return
	}
	rows := func(kind, note string, f func(*node)) {
		g.add(State, op.ID+" "+note, checks, after(op.ID, func(m *message) {
			if m.ok() {
				m.edit(func(n *node) { f(n.member("data")) })
			}
		}), kind, op.ID)
	}
	rows("only-first", "answers only the first of several apps", func(n *node) { n.values = n.values[:min(1, len(n.values))] })
	rows("none", "answers none of the apps", func(n *node) { n.values = nil })
	rows("repeated", "answers an app twice", func(n *node) {
		if len(n.values) > 0 {
			n.values = append(n.values, n.values[0])
		}
	})
}
