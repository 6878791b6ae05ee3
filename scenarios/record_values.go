package scenarios

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The values of a recording that came out of an earlier answer, and the
// variables that stand for them.

// A source is where a value came from first.
type source struct {
	step *recordedStep
	path string
	// base is the variable's name but for a number; name is the whole once
	// something uses it.
	base, name string
	number     bool
}

// keep remembers where the values of an answer came from.
func (r *recorder) keep(step *recordedStep, raw, shown any, path string) {
	switch raw := raw.(type) {
	case map[string]any:
		other, _ := shown.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(raw)) {
			r.keep(step, raw[name], other[name], join(path, name))
		}
	case []any:
		other, _ := shown.([]any)
		for i, v := range raw {
			var one any
			if i < len(other) {
				one = other[i]
			}
			r.keep(step, v, one, join(path, strconv.Itoa(i)))
		}
	case string:
		if r.sources[raw] == nil && (shown == redacted || r.secrets[raw]) {
			r.sources[raw] = &source{step: step, path: path, base: baseName(path)}
		}
		r.keepID(step, path, raw, false)
	case json.Number:
		r.keepID(step, path, raw.String(), true)
	}
}

// keepID remembers where an id came from.
func (r *recorder) keepID(step *recordedStep, path, text string, number bool) {
	member := path[strings.LastIndexByte(path, '.')+1:]
	key := idKey(member, text)
	if key == "" || r.given[key] || r.ids[key] != nil {
		return
	}
	r.ids[key] = &source{step: step, path: path, base: baseName(path), number: number}
}

// idKey names an id by what it is of; "" for what is none.
func idKey(member, text string) string {
	if text == "" || text == "0" {
		return ""
	}
	switch member {
	case "package_id":
		return "package " + text
	case "id", "id_list":
		return "message " + text
	case "template_id":
		return "template " + text
	}
	return ""
}

// drawn reports whether a value is made anew for each call, so that no replay
// repeats it unless its clock moves in the very same steps: marks of requests,
// form ids, and what is sealed.
func drawn(path string) bool {
	at := strings.LastIndexByte(path, '.')
	switch path[at+1:] {
	case "request_id", "formid", "encryptedData":
		return true
	case "data":
		return strings.HasSuffix(path[:max(at, 0)], "opendata")
	}
	return false
}

// baseName is what a variable is called that holds the value at a path.
func baseName(path string) string {
	member := path[strings.LastIndexByte(path, '.')+1:]
	switch member {
	case "access_token":
		return "token"
	case "refresh_token":
		return "refresh"
	case "authorization_code":
		return "code"
	case "pre_auth_code":
		return "pre"
	case "package_id":
		return "package"
	case "id":
		return "message"
	case "template_id":
		return "template"
	}
	if reference.FindString("$"+member) != "$"+member {
		return "value"
	}
	return member
}

// use makes a source's step save its value, and returns the variable.
func (r *recorder) use(s *source) string {
	if s.name == "" {
		s.name = r.fresh(s.base)
		if s.step.Save == nil {
			s.step.Save = map[string]string{}
		}
		s.step.Save[s.name] = s.path
	}
	return s.name
}

// fresh is a name that no variable has yet.
func (r *recorder) fresh(base string) string {
	for {
		r.names[base]++
		name := base
		if n := r.names[base]; n > 1 {
			name = fmt.Sprintf("%s_%d", base, n)
		}
		if _, taken := predefined(nil, nil)[name]; !taken {
			return name
		}
	}
}

// variable is the variable that holds a text, "" for none.
func (r *recorder) variable(text string) string {
	if name := r.fixed[text]; name != "" {
		first := fmt.Sprintf("apps.%d.", r.firstApp)
		return strings.TrimPrefix(name, first)
	}
	if place := r.ticketAt[text]; place != nil {
		if r.tickets[place.tp] == text {
			return r.tpVariable(place.tp, "ticket")
		}
		if place.name == "" {
			place.name = r.fresh("kept_ticket")
		}
		return place.name
	}
	if s := r.sources[text]; s != nil {
		return r.use(s)
	}
	return ""
}

// tpVariable is a predefined variable of a TP.
func (r *recorder) tpVariable(tp int64, what string) string {
	if len(r.state.TPs) > 1 {
		return fmt.Sprintf("tps.%d.%s", tp, what)
	}
	if what == "client_id" {
		return "tp_client_id"
	}
	return what
}

// referTo writes a reference to a variable; alone says that it is the whole
// text.
func referTo(name string, alone bool) string {
	if plain := "$" + name; alone && reference.FindString(plain) == plain {
		return plain
	}
	return "${" + name + "}"
}

// refer writes a text with variables in the place of what came from elsewhere.
// whole is false where a secret is in it that no variable holds.
func (r *recorder) refer(text string) (out string, whole bool) {
	if r.secrets[text] || r.fixed[text] != "" || r.ticketAt[text] != nil {
		if name := r.variable(text); name != "" {
			return referTo(name, true), true
		}
		return "", false
	}
	whole = true
	escaped := strings.ReplaceAll(text, "$", "$$")
	out = secretWords.ReplaceAllStringFunc(escaped, func(word string) string {
		if len(word) < shortest || !r.secrets[word] {
			return word
		}
		name := r.variable(word)
		if name == "" {
			whole = false
			return ""
		}
		return referTo(name, false)
	})
	return out, whole && r.within([]byte(out)) < 0
}
