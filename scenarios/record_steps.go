package scenarios

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Steps of a recording: what came from outside, in order. What the platform
// did by itself follows from it.

// walk makes steps of the entries that were not prepared.
func (r *recorder) walk(context.Context) error {
	for i := r.begun; i < len(r.entries); i++ {
		t := &r.entries[i]
		e := &t.Entry
		switch {
		case e.Event != nil:
			r.nextTicket(t)
		case e.Contract != nil:
			r.warn(t, "another contract came into force (%s); a replay is played against one from its beginning", e.Contract.Name)
		case e.Clock != nil:
			r.pass(t, e.Clock.From)
			r.move(t, e.Clock.From, e.Clock.To)
			r.changeMode(t)
		case e.Control != nil:
			r.pass(t, e.At)
			if err := r.control(t); err != nil {
				return fmt.Errorf("entry %d: %w", e.Seq, err)
			}
		case e.Exchange != nil:
			r.pass(t, e.At)
			r.placeTickets()
			r.call(t)
		case e.Fault != nil && e.Cause == 0 && e.Fault.Length != "":
			r.held(i)
		}
	}
	if n := len(r.entries); n > r.begun {
		last := &r.entries[n-1]
		r.pass(last, last.Entry.At)
	}
	return nil
}

// pass moves time to where a running clock was by itself.
func (r *recorder) pass(t *taken, to time.Time) {
	if n := len(r.steps); r.running && to.After(r.now) && n > 0 && r.steps[n-1].gap {
		*r.steps[n-1].Advance += Duration(to.Sub(r.now))
	} else if r.running && to.After(r.now) {
		r.move(t, r.now, to)
		r.steps[len(r.steps)-1].gap = true
	}
	if to.After(r.now) {
		r.now = to
	}
}

// move is a step that moves time.
func (r *recorder) move(t *taken, from, to time.Time) {
	if t.Entry.Clock != nil && t.Entry.Clock.Mode != "" && !to.After(from) {
		return
	}
	d := Duration(max(to.Sub(from), 0))
	r.add(Step{Advance: &d}, nil)
	r.now = to
}

// changeMode notes that time passes in another way from here on.
func (r *recorder) changeMode(t *taken) {
	mode := t.Entry.Clock.Mode
	if mode == "" {
		return
	}
	r.running = mode != "virtual"
	r.add(Step{Note: "The clock was set to " + mode + " here; in a replay it moves when it is told to."}, nil)
	if r.running {
		r.warn(t, "the clock was set to %s: what passed then is moved in a replay", mode)
	}
}

// held takes in that on virtual time the wait for an answer moves time.
func (r *recorder) held(i int) {
	d, err := time.ParseDuration(r.entries[i].Entry.Fault.Length)
	if err == nil && i+1 < len(r.entries) {
		r.now = r.entries[i].Entry.At.Add(d)
	}
}

// call makes a step of a request.
func (r *recorder) call(t *taken) {
	x := t.Entry.Exchange
	op := r.contract.operations[x.Operation]
	switch {
	case t.Odd != "":
		r.leave(t, x.Method+" "+x.Path+": "+t.Odd)
		return
	case op == nil || strings.Contains(op.path, "{"):
		r.leave(t, x.Method+" "+x.Path+": its path has variables")
		return
	}
	if raw, _ := answersOf(t); x.Fault == "" && x.Outcome == "ok" {
		if _, isFile := raw.(string); isFile {
			r.leave(t, x.Method+" "+x.Path+": its answer is a file")
			return
		}
	}
	s := Step{Call: op.id, With: map[string]any{}, Besides: map[string]any{}}
	s.Via = r.via(t, op)
	for _, p := range t.Params {
		if p.Name == op.tokenParam {
			continue
		}
		v, _ := decodeJSON(p.Value)
		to := s.With
		if !slices.Contains(op.params, p.Name) {
			to = s.Besides
		}
		to[r.clean(p.Name)] = r.param(t, p.Name, v, p.In == "json")
	}
	r.token(t, op, &s)
	step := r.add(s, t)
	if x.Fault == "" || x.Fault == "latency" {
		raw, shown := answersOf(t)
		r.keep(step, raw, shown, "")
	}
}

// via says where the parameters of a POST stand.
func (r *recorder) via(t *taken, op *operation) string {
	if op.method == "GET" {
		return ""
	}
	in := map[string]bool{}
	for _, p := range t.Params {
		if p.Name != op.tokenParam {
			in[p.In] = true
		}
	}
	switch {
	case in["json"]:
		if len(in) > 1 {
			r.warn(t, "parameters stand in a JSON body and elsewhere: in a replay all of them are in the body")
		}
		return "json"
	case in["query"] && !in["form"]:
		return "query"
	}
	return ""
}

// param is a parameter as the file has it. What a secret parameter held that
// nobody issued is not written.
func (r *recorder) param(t *taken, name string, v any, typed bool) any {
	text, isText := v.(string)
	if !isText {
		return r.typed(name, v)
	}
	if x := t.Entry.Exchange; x != nil && x.Params[name] == redacted && text != "" && !r.known(text) {
		return r.stranger() + hostIn(name, text)
	}
	if s := r.ids[idKey(name, text)]; s != nil && (!typed || !s.number) {
		return referTo(r.use(s), true)
	}
	out, whole := r.refer(text)
	switch {
	case !whole:
		r.warn(t, "%s has a secret in it that no answer brought: it is left out", name)
		return r.stranger()
	case !typed && out == text:
		return scalarOf(text)
	}
	return out
}

// known reports whether there is a variable for a text.
func (r *recorder) known(text string) bool {
	return r.fixed[text] != "" || r.sources[text] != nil || r.ticketAt[text] != nil
}

// stranger stands for a secret that the platform never issued.
func (r *recorder) stranger() string {
	r.strangers++
	return fmt.Sprintf("unknown-%d", r.strangers)
}

// hostIn is what of an unknown code is no secret and matters: the host app that
// gave it.
func hostIn(name, text string) string {
	if at := strings.LastIndexByte(text, '@'); name == "code" && at >= 0 {
		return text[at:]
	}
	return ""
}

// typed is a value of a JSON body with references in it.
func (r *recorder) typed(name string, v any) any {
	switch v := v.(type) {
	case json.Number:
		if s := r.ids[idKey(name, v.String())]; s != nil && s.number {
			return referTo(r.use(s), true)
		}
		return v
	case string:
		out, whole := r.refer(v)
		if !whole {
			return r.stranger()
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for _, member := range slices.Sorted(maps.Keys(v)) {
			out[r.clean(member)] = r.typed(member, v[member])
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			out[i] = r.typed(name, one)
		}
		return out
	}
	return v
}

// scalarOf writes a text as the number that it is, if it reads the same.
func scalarOf(text string) any {
	n := len(text)
	if n == 0 || n > 18 || n > 1 && text[0] == '0' || strings.Trim(text, "0123456789") != "" {
		return text
	}
	return json.Number(text)
}

// token says who calls: whoever holds a token of the beginning, or the holder
// of a token that a call before has brought.
func (r *recorder) token(t *taken, op *operation, s *Step) {
	x := t.Entry.Exchange
	sent, given := t.value(op.tokenParam).(string)
	as := &Actor{}
	if p := x.Principal; p != nil {
		as.Role, as.AppID, as.TPID = p.Kind, p.App, p.TP
	}
	switch {
	case op.tokenParam == "":
		as = nil
	case !given:
		as = &Actor{Role: roleNobody}
	case sent == "":
		s.With[op.tokenParam], as = "", nil
	case r.beginsWith(sent, t.Entry.At):
	case r.known(sent):
		s.With[op.tokenParam], _ = r.refer(sent)
	default:
		s.With[op.tokenParam] = r.stranger()
		if as.Role != "" {
			r.warn(t, "the token came from elsewhere than an answer in the journal: in a replay it is unknown")
		}
		as = nil
	}
	s.As = r.actor(op, as)
}

// beginsWith reports whether a token is one that every sandbox begins with and
// that has not ended.
func (r *recorder) beginsWith(token string, at time.Time) bool {
	name := r.fixed[token]
	end := expires(token)
	return (name == "tp_access_token" || name == "access_token") && (end.IsZero() || at.Before(end))
}

// actor leaves of an actor what a reader needs.
func (r *recorder) actor(op *operation, as *Actor) *Actor {
	if as == nil || as.Role == "" {
		return nil
	}
	if len(r.state.TPs) == 1 {
		as.TPID = 0
	}
	usual := len(op.principals) > 0 && op.principals[0] == as.Role
	if usual && as.TPID == 0 && (as.AppID == 0 || as.AppID == r.firstApp) {
		return nil
	}
	return as
}
