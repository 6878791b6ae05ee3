package scenarios

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Structural matching: an object matches one that has its members and maybe
// more, a list one of the same length element by element, a matcher whatever
// it says, and everything else what equals it.

// A Mismatch is one difference between what was expected and what is there.
type Mismatch struct {
	// Path is where; "" is the whole.
	Path string `json:"path"`
	// Expected and Actual are shown as JSON; Actual is "absent" for nothing.
	Expected string `json:"expected"`
	Actual   string `json:"actual"`
}

// absentText shows that there is nothing.
const absentText = "absent"

// missing stands for a value that is not there.
type missing struct{}

func shown(v any) string {
	if _, ok := v.(missing); ok {
		return absentText
	}
	return hideTokens(encodeJSON(v))
}

// tokenText finds tokens, and tickets in a message.
//
//nolint:gochecknoglobals // compiled once, never changed
var tokenText = regexp.MustCompile(`\b([0-9]{2}\.)[0-9a-f]{32}(\.[0-9]+){2}\.[\w.-]+|("Ticket":")[0-9a-f]+`)

// hideTokens leaves of tokens what kind they are: reports are shown around.
func hideTokens(text string) string { return tokenText.ReplaceAllString(text, "$1$3…") }

// match returns how a value differs from what is expected.
func match(want, got any, path string) []Mismatch {
	if m, ok := want.(map[string]any); ok && isMatcher(m) {
		return matchOperators(m, got, path)
	}
	if _, ok := got.(missing); ok {
		return []Mismatch{{path, shown(want), absentText}}
	}
	switch want := want.(type) {
	case map[string]any:
		members, ok := got.(map[string]any)
		if !ok {
			break
		}
		var out []Mismatch
		for _, name := range slices.Sorted(maps.Keys(want)) {
			value, there := members[name]
			if !there {
				value = missing{}
			}
			out = append(out, match(want[name], value, join(path, name))...)
		}
		return out
	case []any:
		list, ok := got.([]any)
		if !ok {
			break
		}
		return matchList(want, list, path)
	default:
		if equal(want, got) {
			return nil
		}
		return []Mismatch{{path, shown(want) + hint(want, got), shown(got)}}
	}
	return []Mismatch{{path, shown(want), shown(got)}}
}

// hint says what looks right and is not.
func hint(want, got any) string {
	if _, text := got.(string); text && textOf(want) == got {
		return " (quote it: the answer has a text)"
	}
	if _, text := want.(string); text && textOf(got) == want {
		return " (without quotes: the answer has no text)"
	}
	return ""
}

func matchList(want, got []any, path string) []Mismatch {
	var out []Mismatch
	if len(want) != len(got) {
		out = append(out, Mismatch{path, fmt.Sprintf("%d elements", len(want)), fmt.Sprintf("%d: %s", len(got), shown(got))})
	}
	for i := range min(len(want), len(got)) {
		out = append(out, match(want[i], got[i], join(path, fmt.Sprint(i)))...)
	}
	return out
}

// isMatcher reports whether a mapping is made of operators.
func isMatcher(m map[string]any) bool {
	for name := range m {
		if !strings.HasPrefix(name, "$") {
			return false
		}
	}
	return len(m) > 0
}

// operators are the names of the matchers.
func operators() []string {
	return []string{
		"$absent", "$any", "$contains", "$eq", "$gt", "$gte", "$in", "$length", "$lt", "$lte", "$match", "$ne", "$not", "$type",
	}
}

// matchOperators applies each operator of a matcher.
func matchOperators(m map[string]any, got any, path string) []Mismatch {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !operatorHolds(name, m[name], got, path) {
			return []Mismatch{{path, encodeJSON(m), shown(got)}}
		}
	}
	return nil
}

func operatorHolds(name string, arg, got any, path string) bool {
	_, gone := got.(missing)
	switch name {
	case "$absent":
		return gone == (arg != false)
	case "$any":
		return !gone == (arg != false)
	case "$not":
		return len(match(arg, got, path)) > 0
	case "$ne":
		return !equal(arg, got)
	}
	if gone {
		return false
	}
	switch name {
	case "$eq":
		return equal(arg, got)
	case "$gt", "$gte", "$lt", "$lte":
		return ordered(name, arg, got)
	case "$match":
		pattern, isText := arg.(string)
		re, err := regexp.Compile(pattern)
		return isText && err == nil && re.MatchString(textOf(got))
	case "$in":
		list, _ := arg.([]any)
		return slices.ContainsFunc(list, func(one any) bool { return len(match(one, got, path)) == 0 })
	case "$length":
		return len(match(arg, lengthOf(got), path)) == 0
	case "$type":
		return arg == typeOf(got)
	case "$contains":
		return contains(arg, got, path)
	}
	return false
}

// ordered compares numbers, or texts with texts.
func ordered(name string, arg, got any) bool {
	var c int
	switch a := arg.(type) {
	case json.Number:
		g, ok := got.(json.Number)
		if !ok {
			return false
		}
		c = compare(g, a)
	case string:
		g, ok := got.(string)
		if !ok {
			return false
		}
		c = strings.Compare(g, a)
	default:
		return false
	}
	return name == "$gt" && c > 0 || name == "$gte" && c >= 0 || name == "$lt" && c < 0 || name == "$lte" && c <= 0
}

// contains reports whether a text has a part, or a list elements that match
// each of those wanted.
func contains(arg, got any, path string) bool {
	if text, ok := got.(string); ok {
		part, isText := arg.(string)
		return isText && strings.Contains(text, part)
	}
	list, ok := got.([]any)
	if !ok {
		return false
	}
	wanted, many := arg.([]any)
	if !many {
		wanted = []any{arg}
	}
	for _, w := range wanted {
		if !slices.ContainsFunc(list, func(one any) bool { return len(match(w, one, path)) == 0 }) {
			return false
		}
	}
	return true
}

func lengthOf(v any) any {
	n := 0
	switch v := v.(type) {
	case string:
		n = utf8.RuneCountInString(v)
	case []any:
		n = len(v)
	case map[string]any:
		n = len(v)
	default:
		return missing{}
	}
	return json.Number(fmt.Sprint(n))
}

// typeOf is the JSON type of a value.
func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}
