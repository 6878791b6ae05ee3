package mutants

import (
	"slices"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// A generator makes mutants.
type generator struct {
	contract *spec.Contract
	baseline *Baseline
	out      Population
}

// add takes a mutant in; parts make its ID.
func (g *generator) add(class Class, note string, checks []string, fresh func() *fault, parts ...string) {
	probe := fresh()
	g.out.Mutants = append(g.out.Mutants, Mutant{
		ID: string(class) + "/" + strings.Join(parts, "/"), Class: class, Note: note, Checks: checks,
		Served: probe.notices == nil && probe.told == nil && probe.heard == nil && !probe.batched, make: fresh,
	})
}

// exclude lists a fault that no client could see.
func (g *generator) exclude(class Class, reason string, parts ...string) {
	g.out.Excluded = append(g.out.Excluded, Exclusion{string(class) + "/" + strings.Join(parts, "/"), reason})
}

// after is a fault without a memory that changes the answers of an operation.
func after(op string, f func(*message)) func() *fault {
	return func() *fault {
		return &fault{after: func(m *message) {
			if m.is(op) {
				f(m)
			}
		}}
	}
}

// dotted writes a pointer for an ID.
func dotted(pointer string) string {
	if pointer == "" {
		return "body"
	}
	return strings.ReplaceAll(strings.TrimPrefix(pointer, "/"), "/", ".")
}

// lifecycle is that of packages; empty in a contract without one.
func (g *generator) lifecycle() *spec.Lifecycle {
	if l, ok := g.contract.Lifecycle("package"); ok {
		return l
	}
	return &spec.Lifecycle{}
}

// principal is who calls an operation; "" where nobody has to say.
func principal(op *spec.Operation) string {
	if len(op.Principals) == 0 {
		return ""
	}
	return op.Principals[0]
}

func hasField(op *spec.Operation, name string) bool {
	return slices.ContainsFunc(op.Fields(), func(f spec.Field) bool { return f.Name == name })
}

// isError reports whether an error is in the envelope of a code member.
func codeOf(def *spec.ErrorDef) (member, value string) {
	for _, name := range codeMembers() {
		for _, b := range def.Body {
			if b.Name == name {
				return name, string(b.Value)
			}
		}
	}
	return "", ""
}

// textMember is the member of an error's body that has its text.
func textMember(def *spec.ErrorDef) string {
	code, _ := codeOf(def)
	for _, b := range def.Body {
		if b.Name != code {
			return b.Name
		}
	}
	return ""
}
