package contracttest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// What the contract makes possible, and why some of it was not put to the test.

// An item is something of the contract that can be put to the test.
type item struct{ dimension, name string }

func of(dimension string, parts ...string) item { return item{dimension, strings.Join(parts, " ")} }

// hit notes that something of the contract was put to the test.
func (p *probe) hit(dimension string, parts ...string) {
	p.hits = append(p.hits, of(dimension, parts...))
}

// hitExchange notes what an exchange shows.
func (p *probe) hitExchange(w *wire, x *exchange) {
	id := x.op.ID
	p.hit(inOperations, id)
	p.hit(inOutcomes, id, string(x.outcome()))
	for _, name := range x.verdict.errors {
		p.hit(inErrors, id, name)
	}
	if x.err == nil {
		if declared := statusOf(x.op.Statuses(), x.status); declared != "" {
			p.hit(inStatuses, id, declared)
		}
	}
	if x.outcome() == Accepted {
		for _, param := range w.params {
			p.hit(inParameters, id, param.name)
		}
	}
}

// statusOf is the declaration that a status falls under.
func statusOf(declared []string, status int) string {
	for _, want := range []string{fmt.Sprint(status), fmt.Sprintf("%dXX", status/100), "default"} {
		if slices.Contains(declared, want) {
			return want
		}
	}
	return ""
}

// arrow is the name of a legal step from a state.
func arrow(transition, from string) item {
	if from == "" {
		return of(inTransitions, transition)
	}
	return of(inTransitions, transition, "from", from)
}

// arrows are the steps that a recipe takes, each from where its package then
// is.
func (r *recipe) arrows() []item {
	var out []item
	at := slices.Clone(r.situation.States)
	for _, t := range r.took {
		for len(at) <= t.pkg {
			at = append(at, "")
		}
		out = append(out, arrow(t.t.Name, at[t.pkg]))
		at[t.pkg] = t.t.To
	}
	return out
}

// events are what a recipe's steps emit.
func (s *suite) events(r *recipe, channel string) []item {
	var out []item
	for _, e := range s.emitted(r, channel) {
		out = append(out, of(inEvents, e.t.Name))
	}
	return out
}

// possible lists what the contract has, with a reason that is known beforehand
// why an item cannot be put to the test.
func (s *suite) possible() (items []item, why map[item]string) {
	why = map[item]string{}
	add := func(i item, reason string) {
		items = append(items, i)
		if reason != "" {
			why[i] = reason
		}
	}
	for _, op := range s.contract.Operations() {
		s.possibleCalls(op, add)
	}
	s.possibleSteps(add)
	emitted := map[string]bool{}
	for _, resource := range s.contract.Lifecycles() {
		l, _ := s.contract.Lifecycle(resource)
		for _, t := range l.Transitions {
			for _, name := range t.Emits {
				emitted[name] = true
			}
		}
	}
	for _, e := range s.contract.Events() {
		reason := ""
		if !emitted[e.Name] {
			reason = "no step of the lifecycle emits it"
		}
		add(of(inEvents, e.Name), reason)
	}
	for _, c := range Checks() {
		if !c.Traffic { // those are an Observer's
			add(of(inChecks, c.ID), "")
		}
	}
	return items, why
}

// possibleCalls are those of one operation.
func (s *suite) possibleCalls(op *spec.Operation, add func(item, string)) {
	add(of(inOperations, op.ID), "")
	add(of(inOutcomes, op.ID, string(Accepted)), "")
	fields := op.Fields()
	refuses := len(fields) > 0 && len(op.Errors) == 0
	for _, name := range op.Errors {
		reason := ""
		switch s.kinds.of([]string{name}) {
		case Crashed:
			reason = "it says that the server is at fault, which a check cannot ask for"
		case Throttled:
			reason = "it says that calls come too fast, which a check does not try"
		case Refused:
			refuses = true
		}
		add(of(inErrors, op.ID, name), reason)
	}
	if refuses {
		add(of(inOutcomes, op.ID, string(Refused)), "")
	}
	if op.Secured && op.TokenParam != "" {
		add(of(inOutcomes, op.ID, string(Unauthenticated)), "")
	}
	for _, status := range op.Statuses() {
		add(of(inStatuses, op.ID, status), "")
	}
	for _, f := range fields {
		reason := ""
		if !f.Required {
			reason = "it is optional, and the harness has no sample for it"
		}
		add(of(inParameters, op.ID, f.Name), reason)
		for _, keyword := range breakable(op, &f) {
			add(of(inKeywords, op.ID, f.Name, keyword), "")
		}
	}
}

// breakable are the keywords of a parameter that a request can break.
func breakable(op *spec.Operation, f *spec.Field) []string {
	var out []string
	_, jsonBody := op.Takes()
	for _, k := range []struct {
		keyword string
		is      bool
	}{
		{"required", f.Required},
		// A text is of the wrong type only where there are types.
		{"type", f.Type != "" && (f.Type != "string" || jsonBody)},
		{"enum", len(f.Enum) > 0},
		{"pattern", f.Pattern != ""},
		{"minLength", f.MinLength > 0},
		{"maxLength", f.MaxLength != nil},
		{"minimum", f.Minimum != nil},
		{"maximum", f.Maximum != nil},
	} {
		if k.is {
			out = append(out, k.keyword)
		}
	}
	return out
}

// possibleSteps are those of the lifecycles.
func (s *suite) possibleSteps(add func(item, string)) {
	for _, resource := range s.contract.Lifecycles() {
		l, _ := s.contract.Lifecycle(resource)
		possibleIn(l, add)
	}
}

// possibleIn are the steps of one lifecycle.
func possibleIn(l *spec.Lifecycle, add func(item, string)) {
	for i := range l.Transitions {
		t := &l.Transitions[i]
		from := t.From
		if len(from) == 0 {
			from = []string{""}
		}
		for _, state := range from {
			add(arrow(t.Name, state), "")
		}
		for _, gate := range t.Gates {
			reason := ""
			if t.Operation == "" {
				reason = "the platform takes the step by itself; what it does instead is not judged"
			}
			add(of(inGates, t.Name, gate), reason)
		}
		for _, st := range l.States {
			if t.Operation != "" && len(t.From) > 0 && !slices.Contains(t.From, st.Name) {
				add(of(inIllegal, t.Operation, "from", st.Name), "")
			}
		}
	}
}

// stepsTried is the table of the lifecycle's operations and states.
func (s *suite) stepsTried(hits map[item]int) []StepTried {
	out := []StepTried{}
	for _, st := range s.lifecycle.States {
		for _, t := range s.steps() {
			one := StepTried{Operation: t.Operation, State: st.Name, Allowed: slices.Contains(t.From, st.Name)}
			if one.Allowed {
				one.Tried = hits[arrow(t.Name, st.Name)]
			} else {
				one.Tried = hits[of(inIllegal, t.Operation, "from", st.Name)]
			}
			out = append(out, one)
		}
	}
	return out
}

// aims are what a case is to put to the test, as far as that is known before.
func (s *suite) aims(w *work) []item {
	out := append(slices.Clone(w.aims), of(inChecks, w.check))
	if _, ok := s.contract.Operation(w.operation); !ok {
		return out
	}
	out = append(out, of(inOperations, w.operation))
	outcome := Refused
	switch family, _, _ := strings.Cut(w.check, "."); {
	case w.check == "input.placement" || w.check == "input.unknown" || w.check == "lifecycle.path":
		outcome = Accepted
	case family == "token":
		outcome = Unauthenticated
	}
	return append(out, of(inOutcomes, w.operation, string(outcome)))
}

// coverage sums up what was put to the test.
func (s *suite) coverage() []Dimension {
	items, why := s.possible()
	reasons := s.reasons()
	out := Dimensions()
	for _, i := range items {
		d := &out[slices.IndexFunc(out, func(d Dimension) bool { return d.Name == i.dimension })]
		d.Possible++
		if s.hits[i] > 0 || i.dimension == inChecks && s.report.Asked[i.name] > 0 {
			d.Exercised++
			continue
		}
		reason := reasons[i]
		owner := ""
		if o := s.owner(i); s.hits[o] == 0 {
			owner = reasons[o]
		}
		for _, next := range []string{owner, why[i], "no check tries it"} {
			if reason == "" {
				reason = next
			}
		}
		d.Uncovered = append(d.Uncovered, Uncovered{Name: i.name, Why: reason})
	}
	for i := range out {
		if out[i].Uncovered == nil {
			out[i].Uncovered = []Uncovered{}
		}
	}
	return out
}

// owner is the operation that an item belongs to.
func (s *suite) owner(i item) item {
	name, _, _ := strings.Cut(i.name, " ")
	return of(inOperations, name)
}

// reasons are why cases did not put to the test what they were to.
func (s *suite) reasons() map[item]string {
	out := map[item]string{}
	note := func(i item, reason string) {
		if out[i] == "" {
			out[i] = reason
		}
	}
	for i := range s.works {
		w := &s.works[i]
		reason := ""
		switch r := s.results[i]; r.Status {
		case NotRun:
			reason = "not run: " + r.Reason
		case Failed, Deviates:
			reason = "its case failed: " + r.ID
		case Broken:
			reason = "its case broke: " + r.ID
		case Planned:
			reason = "only planned"
		}
		if reason == "" {
			continue
		}
		for _, aim := range s.aims(w) {
			note(aim, reason)
		}
	}
	for i := range s.left {
		for _, aim := range s.aims(&s.left[i]) {
			note(aim, "left out by the options of the run")
		}
	}
	return out
}
