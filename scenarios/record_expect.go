package scenarios

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// What a recording expects of each answer: all of it that a replay repeats.
// Secrets are left out, ids of earlier answers become variables, and long
// lists are expected by their length.

const (
	// longList is the length from which a list is expected by its length.
	longList = 50
	// mostValues bounds the values of all expectations of a file, which has
	// room for more; after that they say how calls end and no more.
	mostValues = maxNodes / 2
)

// dropped stands for what is left out of an expectation.
type dropped struct{}

// expectations says of each call what must hold.
func (r *recorder) expectations() {
	values := 0
	at := map[*recordedStep]int{}
	for i, s := range r.steps {
		at[s] = i
	}
	warned := false
	for i, s := range r.steps {
		if s.Call == "" {
			continue
		}
		w := expecting{r: r, at: at, step: i, values: &values}
		s.Expect = w.of(s)
		if values > mostValues && !warned {
			warned = true
			r.warn(s.from, "from here on answers are expected by how they end alone: there are too many values for one file")
		}
	}
}

// insertLets keeps the tickets that are used after they were replaced.
func (r *recorder) insertLets() {
	lets := map[int]map[string]any{}
	for _, place := range r.ticketAt {
		if place.name == "" {
			continue
		}
		if lets[place.step] == nil {
			lets[place.step] = map[string]any{}
		}
		lets[place.step][place.name] = referTo(r.tpVariable(place.tp, "ticket"), true)
	}
	for _, step := range slices.Backward(slices.Sorted(maps.Keys(lets))) {
		r.steps = slices.Insert(r.steps, step, &recordedStep{Step: Step{Let: lets[step]}})
	}
}

// expecting makes the expectation of one step.
type expecting struct {
	r      *recorder
	at     map[*recordedStep]int
	step   int
	values *int
}

func (w *expecting) of(s *recordedStep) map[string]any {
	x := s.from.Entry.Exchange
	out := map[string]any{}
	raw, shown := answersOf(s.from)
	switch x.Fault {
	case "reset", "truncate", "malformed":
		return map[string]any{"broken": true}
	case "status":
		out["http"] = json.Number(textOf(x.Status))
		if len(s.from.Answer) > 0 {
			out["broken"] = true
		}
		return out
	}
	if _, isText := raw.(string); isText || raw == nil && len(s.from.Answer) > 0 {
		return map[string]any{"broken": true}
	}
	members, _ := raw.(map[string]any)
	if x.Outcome != "ok" {
		return w.refusal(x.Outcome, members)
	}
	if *w.values > mostValues {
		return nil
	}
	visible, _ := shown.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if name == "errno" || name == "msg" && members["errno"] != nil {
			continue // that it is no refusal is expected anyway
		}
		if v := w.value(name, members[name], visible[name]); v != (dropped{}) {
			out[name] = v
		}
	}
	return out
}

// refusal expects a refusal, with its text where the catalogue leaves it open.
func (w *expecting) refusal(name string, members map[string]any) map[string]any {
	entry, known := w.r.contract.errors[name]
	if !known {
		return map[string]any{"refused": true}
	}
	out := map[string]any{"refused": name}
	text, _ := nested(members)[entry.detail].(string)
	if entry.detail == "" || text == "" || text == entry.body[entry.detail] {
		return out
	}
	said, whole := w.text(text)
	if !whole {
		return out
	}
	if members["errno"] == nil && nested(members)["errno"] != nil {
		for path := range members {
			out[path] = map[string]any{entry.detail: said} // below the key path of a host
		}
		return out
	}
	out[entry.detail] = said
	return out
}

// value is what is expected of one value.
func (w *expecting) value(path string, raw, shown any) any {
	*w.values++
	if drawn(path) {
		return dropped{}
	}
	saved := w.r.steps[w.step].Save
	for _, at := range saved {
		if at == path {
			return dropped{}
		}
	}
	switch raw := raw.(type) {
	case map[string]any:
		return w.members(path, raw, shown)
	case []any:
		return w.list(path, raw, shown)
	case string:
		if shown == redacted && raw != redacted {
			return dropped{}
		}
		if name := w.id(path, raw); name != "" {
			return name
		}
		if text, whole := w.text(raw); whole {
			return text
		}
		return dropped{}
	case json.Number:
		if name := w.id(path, raw.String()); name != "" {
			return name
		}
	}
	return raw
}

func (w *expecting) members(path string, raw map[string]any, shown any) any {
	visible, _ := shown.(map[string]any)
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if v := w.value(join(path, name), raw[name], visible[name]); v != (dropped{}) {
			out[name] = v
		}
	}
	switch {
	case len(out) == 0 && len(raw) > 0:
		return dropped{}
	case slices.ContainsFunc(slices.Collect(maps.Keys(out)), func(name string) bool { return strings.HasPrefix(name, "$") }):
		return map[string]any{"$type": "object"}
	}
	return out
}

func (w *expecting) list(path string, raw []any, shown any) any {
	if len(raw) > longList {
		return map[string]any{"$length": json.Number(textOf(len(raw)))}
	}
	visible, _ := shown.([]any)
	out := make([]any, len(raw))
	for i, v := range raw {
		var other any
		if i < len(visible) {
			other = visible[i]
		}
		if out[i] = w.value(join(path, textOf(i)), v, other); out[i] == (dropped{}) {
			out[i] = map[string]any{"$any": true}
		}
	}
	return out
}

// id is the variable of an id that an earlier step has saved; "" for none.
func (w *expecting) id(path, text string) string {
	key := idKey(path[strings.LastIndexByte(path, '.')+1:], text)
	if s := w.r.ids[key]; s != nil && s.name != "" && w.at[s.step] < w.step {
		return referTo(s.name, true)
	}
	return ""
}

// text is a text with the variables that are known here in the place of what
// is secret; whole is false where there are others.
func (w *expecting) text(text string) (out string, whole bool) {
	if name := w.r.fixed[text]; name != "" && !strings.HasSuffix(name, "token") {
		return referTo(w.r.variable(text), true), true
	}
	if w.r.within([]byte(text)) >= 0 {
		return "", false
	}
	return strings.ReplaceAll(text, "$", "$$"), true
}
