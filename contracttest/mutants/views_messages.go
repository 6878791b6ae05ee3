package mutants

import (
	"bytes"
	"net/http"

	"github.com/swanemu/emu/internal/spec"
)

// State mutants, part four: the pushes that may be fetched again.

// messages tells the pushes that may be fetched again wrongly.
func (g *generator) messages(op *spec.Operation) {
	checks := []string{"messages"}
	for _, f := range op.Fields() {
		g.add(State, op.ID+" does not look at "+f.Name, checks, func() *fault {
			return &fault{before: func(m *message) {
				if !m.is(op.ID) || len(m.invalid) > 0 || m.text(f.Name) == "" {
					return
				}
				with, ok := m.sendWith(nil)
				without, okay := m.sendWith(map[string]string{f.Name: ""})
				if ok && okay && with.ok() && without.ok() && !bytes.Equal(with.body, without.body) {
					m.take(without)
					m.answered = true
					m.server.took()
				}
			}}
		}, "ignores", op.ID, f.Name)
	}
	change := func(kind, note, pointer string, f func(spot)) {
		g.add(State, op.ID+" "+note, checks, after(op.ID, func(m *message) {
			if m.ok() {
				m.edit(func(n *node) {
					for _, s := range n.find(pointer) {
						f(s)
					}
				})
			}
		}), kind, op.ID, dotted(pointer))
	}
	change("none", "answers none", "/data/list", func(s spot) { s.value.values = nil })
	change("other", "answers other texts", "/data/list/*/content", func(s spot) { s.put(quoted("emu" + s.value.text()[min(3, len(s.value.text())):])) })
	change("other", "answers other states", "/data/list/*/status", func(s spot) { s.put(scalar(map[string]string{"1": "2", "2": "1", "0": "1"}[s.value.scalar])) })
	change("other", "answers one id for all", "/data/list/*/id", func(s spot) { s.put(scalar("7")) })
	change("other", "counts what it answers wrongly", "/data/count", func(s spot) { s.put(another(s.value)) })
	change("other", "answers another pageSize", "/data/pageSize", func(s spot) { s.put(another(s.value)) })
	g.add(State, op.ID+" refuses what it should answer", []string{"input.placement"}, after(op.ID, func(m *message) {
		if m.ok() {
			m.status = http.StatusOK
			m.refuseStage("invalid")
		}
	}), "refused", op.ID)
}
