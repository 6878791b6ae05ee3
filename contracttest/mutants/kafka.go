package mutants

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/spec"
)

// Kafka mutants: the notices of each step, and what each kind of notice says.

// notices makes them.
func notices(g *generator) {
	for _, def := range g.contract.Events() {
		if def.Channel != "kafka" {
			continue
		}
		told := false
		l := g.lifecycle()
		for i := range l.Transitions {
			t := &l.Transitions[i]
			switch {
			case slices.Contains(t.Emits, def.Name) && g.baseline.Events["kafka/"+def.Name+"/"+t.Name] > 0:
				told = true
				g.ofStep(t, def.Name)
			case slices.Contains(t.Emits, def.Name):
				g.exclude(Kafka, "no notice of the unmodified server to the suite tells of the step", "step", def.Name, t.Name)
			}
		}
		if !told {
			g.exclude(Kafka, "no notice of the unmodified server to the suite is one", "event", def.Name)
			continue
		}
		g.values(&def)
	}
	g.reordered()
}

// eachNotice replaces notices, with the step that each tells of.
func eachNotice(change func(f *faulty, n contracttest.Notice, step string) []contracttest.Notice) func() *fault {
	return func() *fault {
		return &fault{notices: func(f *faulty, got []contracttest.Notice) []contracttest.Notice {
			steps := stepsOf(f, len(got))
			var out []contracttest.Notice
			for i, n := range got {
				out = append(out, change(f, n, steps[i])...)
			}
			return out
		}}
	}
}

// ofStep makes the mutants of one step's notices.
func (g *generator) ofStep(t *spec.Transition, event string) {
	add := func(kind, note, check string, change func(n contracttest.Notice) []contracttest.Notice) {
		g.add(Kafka, fmt.Sprintf("the notice of %s %s", t.Name, note), []string{check},
			eachNotice(func(f *faulty, n contracttest.Notice, step string) []contracttest.Notice {
				if step != t.Name || noticeName(g.contract, n.Value) != event {
					return []contracttest.Notice{n}
				}
				f.took()
				return change(n)
			}), kind, t.Name)
	}
	one := func(change func(*contracttest.Notice)) func(contracttest.Notice) []contracttest.Notice {
		return func(n contracttest.Notice) []contracttest.Notice {
			change(&n)
			return []contracttest.Notice{n}
		}
	}
	value := func(pointer string, v func(*node) *node) func(contracttest.Notice) []contracttest.Notice {
		return one(func(n *contracttest.Notice) {
			tree := parse(n.Value)
			for _, s := range tree.find(pointer) {
				s.put(v(s.value))
			}
			n.Value = tree.bytes()
		})
	}
	add("lost", "is lost", "kafka.count", func(contracttest.Notice) []contracttest.Notice { return nil })
	add("doubled", "comes twice", "kafka.count", func(n contracttest.Notice) []contracttest.Notice { return []contracttest.Notice{n, n} })
	add("package", "is of another package", "kafka.count", value("/data/package_id", another))
	add("app", "is of another app", "kafka.count", value("/data/app_id", another))
	add("no-key", "has no key", "kafka.key", one(func(n *contracttest.Notice) { n.Key = nil }))
	add("package-key", "has the package_id for a key", "kafka.key", one(func(n *contracttest.Notice) {
		n.Key = []byte(textOf(first(parse(n.Value), "/data/package_id")))
	}))
	add("quoted-key", "has its key in quotes", "kafka.key", one(func(n *contracttest.Notice) { n.Key = []byte(strconv.Quote(string(n.Key))) }))
	add("topic", "is in another topic", "kafka.topic", one(func(n *contracttest.Notice) { n.Topic = "smartapp.other" }))
	add("default-topic", "is in the topic of somebody else", "kafka.topic", one(func(n *contracttest.Notice) { n.Topic += ".other" }))
	add("deleted", "has no value", "kafka.schema", one(func(n *contracttest.Notice) { n.Value = nil }))
	add("code", "has the code of another event", "kafka.schema", value("/code", func(*node) *node { return scalar("100") }))
}

// values makes the mutants of what a kind of notice says.
func (g *generator) values(def *spec.EventDef) {
	schema := []string{"kafka.schema"}
	add := func(kind, note, what string, change func(value []byte) []byte) {
		g.add(Kafka, fmt.Sprintf("%s says %s", def.Name, note), schema,
			eachNotice(func(f *faulty, n contracttest.Notice, _ string) []contracttest.Notice {
				if noticeName(g.contract, n.Value) == def.Name {
					n.Value = change(slices.Clone(n.Value))
					f.took()
				}
				return []contracttest.Notice{n}
			}), kind, def.Name, what)
	}
	for _, p := range merged(g.contract.EventProperties(def.Name)) {
		for _, b := range breaks(&p, "") {
			add("value-"+b.kind, dotted(p.Pointer)+" with "+b.note, dotted(p.Pointer), func(value []byte) []byte {
				tree := parse(value)
				for _, s := range tree.find(p.Pointer) {
					b.change(s)
				}
				return tree.bytes()
			})
		}
	}
	add("no-json", "half of its JSON", "truncated", func(v []byte) []byte { return v[:len(v)/2] })
	add("no-json", "its JSON twice", "again", func(v []byte) []byte { return append(v, v...) })
	add("no-json", "its JSON as a text", "text", func(v []byte) []byte { return []byte(quoted(string(v)).scalar) })
	add("no-json", "its JSON behind a byte order mark", "mark", func(v []byte) []byte { return append([]byte("\xef\xbb\xbf"), v...) })
	add("no-json", "its JSON behind a schema's id, as Avro clients write it", "framed", func(v []byte) []byte { return append([]byte{0, 0, 0, 0, 7}, v...) })
}

// reordered makes the mutants of the order of notices.
func (g *generator) reordered() {
	add := func(kind, note string, change func(fresh []contracttest.Notice)) {
		g.add(Kafka, note, []string{"kafka.order"}, func() *fault {
			var shown []contracttest.Notice
			return &fault{notices: func(f *faulty, got []contracttest.Notice) []contracttest.Notice {
				fresh := slices.Clone(got[len(shown):])
				change(fresh)
				if len(fresh) > 1 {
					f.took()
				}
				shown = append(shown, fresh...)
				return slices.Clone(shown)
			}}
		}, kind, "all")
	}
	add("reversed", "notices come the wrong way round", slices.Reverse[[]contracttest.Notice])
	add("swapped", "every other notice overtakes the one before", func(fresh []contracttest.Notice) {
		for i := 1; i < len(fresh); i += 2 {
			fresh[i-1], fresh[i] = fresh[i], fresh[i-1]
		}
	})
	add("late", "the first notice comes last", func(fresh []contracttest.Notice) {
		if len(fresh) > 1 {
			copy(fresh, append(slices.Clone(fresh[1:]), fresh[0]))
		}
	})
	add("early", "the last notice comes first", func(fresh []contracttest.Notice) {
		if n := len(fresh); n > 1 {
			copy(fresh, append([]contracttest.Notice{fresh[n-1]}, fresh[:n-1]...))
		}
	})
}
