package contracttest

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// What is just valid: a server that refuses it is as wrong as one that accepts
// what is just invalid.

// A validity is a valid value of a parameter, in one place.
type validity struct {
	name string
	// text is the value, live and now the one that a valid request has and the
	// server's time.
	text      string
	live, now bool
	// json makes it a number or a text in a JSON body.
	json func(text string) json.RawMessage
	// free says that the client chooses it: there is nothing else to refuse it
	// for.
	free  bool
	place place
}

// validCases send values that are just valid.
func validCases(s *suite) []work {
	var out []work
	for _, op := range s.contract.Operations() {
		if !op.Merged && op.Method != http.MethodGet {
			continue
		}
		for _, f := range op.Fields() {
			for _, v := range s.validities(op, f) {
				needs := s.needsOf(op)
				if v.now {
					needs = append(needs, NeedClock)
				}
				out = append(out, work{
					check: "input.valid", operation: op.ID, name: f.Name + ": " + v.name + " in " + string(v.place), needs: needs, mode: s.effect(op),
					run: func(ctx context.Context, p *probe) error { return p.valid(ctx, op, f, v) },
				})
			}
		}
	}
	return out
}

// validities lists the valid values of a parameter.
func (s *suite) validities(op *spec.Operation, f spec.Field) []validity {
	var out []validity
	form, jsonBody := op.Takes()
	at := inQuery
	if form {
		at = inForm
	}
	add := func(name, text string, free bool) {
		out = append(out, validity{name: name, text: text, free: free, place: at})
	}
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	switch {
	case f.RefersTo != "":
		// Another value would name nothing, or follow from nothing.
	case f.Faker == "unix":
		// Which moments are too early or too late is for the call to say.
		out = append(out, validity{name: "now", now: true, place: at})
	case len(f.Enum) > 0:
		for _, v := range f.Enum {
			text := strings.Trim(string(v), `"`)
			add(text, text, false)
		}
	case s.chosen(op, f):
		limit := uint64(longText)
		if f.MaxLength != nil {
			limit = *f.MaxLength
		}
		if f.MinLength > 0 || f.Required { // no text of what may be left out is none
			add("as short as may be", strings.Repeat("a", int(f.MinLength)), true)
		}
		add("long", strings.Repeat("字", int(limit)), true)
		if marks := `a&b=c%d+"e"<f>`; uint64(len(marks)) <= limit {
			add("marks", marks, true)
		} else {
			add("marks", marks[:limit], true)
		}
		add("beyond the first plane", "𠮷😀", true)
	case f.Type == "integer" && !s.isLive(f) && !strings.HasSuffix(f.Name, "Money"):
		if f.Minimum != nil {
			add("minimum", number(*f.Minimum), true)
		}
		if f.Maximum != nil {
			add("maximum", number(*f.Maximum), true)
		}
	}
	if !f.Required && f.Faker != "unix" && f.RefersTo == "" {
		out = append(out, validity{name: "given", live: true, place: at})
	}
	if jsonBody && f.Type == "integer" {
		out = append(out,
			validity{name: "a number", live: true, place: inJSON, json: func(text string) json.RawMessage { return json.RawMessage(text) }},
			validity{name: "a number as a text", live: true, place: inJSON, json: func(text string) json.RawMessage { return quote(text) }})
	}
	return out
}

// longText is how long a text is that may have any length.
const longText = 300

// isLive reports whether the values of a parameter are the server's, so that
// others name nothing.
func (s *suite) isLive(f spec.Field) bool {
	return slices.Contains([]string{"package_id", "app_id", "app_ids"}, f.Name)
}

// chosen reports whether a parameter is a text that is the client's to choose.
func (s *suite) chosen(op *spec.Operation, f spec.Field) bool {
	names := strings.HasSuffix(f.Name, "_id") || strings.HasSuffix(f.Name, "_ids") || strings.HasSuffix(f.Name, "_type") || strings.HasSuffix(f.Name, "_list")
	issues := len(s.secrets[op.ID]) > 0
	return f.Type == "string" && f.Pattern == "" && len(f.Enum) == 0 && !names && !issues && f.RefersTo == "" && !holdsJSON(f)
}

// valid sends one valid value.
func (p *probe) valid(ctx context.Context, op *spec.Operation, f spec.Field, v validity) error {
	s, err := p.subject(ctx, op, false)
	if err != nil {
		return err
	}
	w, err := p.base(ctx, op, s)
	if err != nil {
		return err
	}
	if v.now {
		now, err := p.target.Clock.Now(ctx)
		if err != nil {
			return err
		}
		v.text = strconv.FormatInt(now.Add(-time.Second).Unix(), 10)
	}
	if v.live {
		v.text = example(f)
		for _, have := range w.params {
			if have.name == f.Name {
				v.text = have.text
			}
		}
	}
	given := paramOf(f, v.text)
	if v.json != nil {
		given.json = v.json(v.text)
	}
	w.place = v.place
	w.set(given)
	if issues, err := w.judge(ctx); err != nil || len(issues) > 0 {
		p.dropped = "invalid after all, as the contract reads it"
		return err
	}
	x, err := p.call(ctx, w)
	if err == nil && !v.free && p.forForm(x) {
		// One value may need parameters that others do without.
		// What is given once only is another than before.
		if w, err = p.base(ctx, op, s); err != nil {
			return err
		}
		w.place = v.place
		w.set(given)
		if err = p.fill(ctx, op, w, s); err == nil {
			x, err = p.call(ctx, w)
		}
	}
	if err != nil {
		return err
	}
	if p.excused(w, x) {
		p.dropped = unsampled(w, x)
		return nil
	}
	p.cover(op.ID, "parameter", f.Name, "valid")
	p.saw("input.valid")
	finding := Finding{Message: "a valid value is refused: " + v.name, ValuePointer: "/" + f.Name, SpecPointer: f.Pointer, Evidence: f.Evidence}
	if !v.free && !p.forForm(x) {
		return nil
	}
	if x.outcome() != Accepted {
		if alike, err := p.refusedAnyway(ctx, op); err != nil || alike {
			return err
		}
	}
	p.expect(x, finding, Accepted)
	return nil
}

// refusedAnyway reports whether an operation refuses the valid request that a
// value was tried in, too; that is another check's finding.
func (p *probe) refusedAnyway(ctx context.Context, op *spec.Operation) (bool, error) {
	s, err := p.subject(ctx, op, false)
	if err != nil {
		return false, err
	}
	w, err := p.base(ctx, op, s)
	if err != nil {
		return false, err
	}
	x, err := p.call(ctx, w)
	if err != nil || x.outcome() == Accepted {
		return false, err
	}
	p.dropped = "the same request without this value is not accepted: " + x.String()
	return true, nil
}

// fill gives every optional parameter that a request lacks a value.
func (p *probe) fill(ctx context.Context, op *spec.Operation, w *wire, s *Subject) error {
	_, about := p.statesOf(op)
	for _, f := range op.Fields() {
		if f.RefersTo != "" || slices.ContainsFunc(w.params, func(have param) bool { return have.name == f.Name }) {
			continue
		}
		text, ok, err := p.known(ctx, op, f, s, about)
		if err != nil {
			return err
		}
		if !ok {
			text = example(f)
		}
		w.set(paramOf(f, text))
	}
	return nil
}

// holdsJSON reports whether a text is one of JSON, as its example shows.
func holdsJSON(f spec.Field) bool {
	text := strings.TrimSpace(example(f))
	return f.Type == "string" && (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) && json.Valid([]byte(text))
}

// forForm reports whether a call is refused for the form of its parameters.
func (p *probe) forForm(x *exchange) bool {
	env, ok := p.contract.Envelope(x.op.Envelope)
	if !ok {
		return x.outcome() == Refused
	}
	return slices.ContainsFunc(x.verdict.errors, func(name string) bool {
		return name == env.Refusals["invalid"] || name == env.Refusals["type"]
	})
}
