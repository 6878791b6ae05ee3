package contracttest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/swanemu/emu/internal/spec"
)

// What was expected and what was there, in words: of a value its kind, never a
// text, which may be a secret.

// longestShape is the longest text whose shape is told.
const longestShape = 40

// kindAt says what kind of value stands at a JSON pointer; "" where none does.
// Numbers and booleans that are no secret are told as they are, and of a text
// that is to have a form its shape.
func kindAt(body []byte, pointer string, secret, form bool) string {
	raw := json.RawMessage(bytes.TrimSpace(body))
	for _, part := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		if pointer == "" {
			break
		}
		part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		var members map[string]json.RawMessage
		var items []json.RawMessage
		if json.Unmarshal(raw, &members) == nil && members != nil {
			raw = members[part]
		} else if n, err := strconv.Atoi(part); json.Unmarshal(raw, &items) == nil && err == nil && n >= 0 && n < len(items) {
			raw = items[n]
		} else {
			return ""
		}
	}
	return kindOfValue(raw, secret, form)
}

func kindOfValue(raw json.RawMessage, secret, form bool) string {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if len(raw) == 0 || d.Decode(&v) != nil {
		return ""
	}
	told := func(kind, value string) string {
		if secret {
			return kind
		}
		return kind + " " + value
	}
	switch v := v.(type) {
	case string:
		n := utf8.RuneCountInString(v)
		if form && !secret && n > 0 && n <= longestShape {
			return fmt.Sprintf("string (%s, shaped %s)", counted(n, "character"), shape(v))
		}
		return fmt.Sprintf("string (%s)", counted(n, "character"))
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return told("number", v.String())
		}
		return told("integer", v.String())
	case bool:
		return told("boolean", strconv.FormatBool(v))
	case []any:
		return fmt.Sprintf("array (%s)", counted(len(v), "item"))
	case map[string]any:
		return fmt.Sprintf("object (%s)", counted(len(v), "member"))
	}
	return "null"
}

func counted(n int, what string) string { return strconv.Itoa(n) + " " + plural(n, what) }

// shape is a text with 9 for digits, a for letters and 字 for other letters
// than Latin ones.
func shape(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return '9'
		case r < unicode.MaxASCII && unicode.IsLetter(r):
			return 'a'
		case unicode.IsLetter(r):
			return '字'
		case unicode.IsPrint(r):
			return r
		}
		return '·'
	}, s)
}

// expectation says what an issue's rule asks for.
func expectation(i spec.Issue) string {
	switch i.Rule {
	case spec.RuleRequired:
		return "a value"
	case spec.RuleUnknown:
		return "no such member"
	case spec.RuleEnum:
		if !strings.Contains(i.Want, ", ") {
			return i.Want
		}
		return "one of " + i.Want
	case spec.RuleMinLength:
		return "at least " + i.Want + " characters"
	case spec.RuleMaxLength:
		return "at most " + i.Want + " characters"
	case spec.RuleMinimum:
		return atBound("at least ", i.Want)
	case spec.RuleMaximum:
		return atBound("at most ", i.Want)
	case spec.RulePattern:
		return cmp.Or(i.Words, "a string that matches "+i.Want)
	case spec.RuleFormat:
		return cmp.Or(i.Words, "a string in the format "+i.Want)
	}
	return i.Want
}

// atBound says how an inclusive bound is meant; an exclusive one says so itself.
func atBound(how, want string) string {
	if strings.HasPrefix(want, "more") || strings.HasPrefix(want, "less") {
		return want
	}
	return how + want
}

// actually says what an issue found at its place in a body.
func actually(i spec.Issue, body []byte, secret func(string) bool) string {
	if i.Rule == spec.RuleRequired {
		return "missing"
	}
	name := i.Pointer[strings.LastIndexByte(i.Pointer, '/')+1:]
	kind := kindAt(body, i.Pointer, secret(name), i.Rule == spec.RulePattern || i.Rule == spec.RuleFormat)
	if kind == "" {
		return "something else"
	}
	return kind
}

// meaning says what the evidence of a statement is worth.
func meaning(e spec.Evidence) string {
	source := map[string]string{
		"D": "other public documents of the platform", "K": "what official and third-party clients send, accept and break on",
		"A": "nobody has published it",
	}[e.Source]
	if strings.HasPrefix(e.Source, "S") {
		source = "one of the platform's documents that the contract was written from"
	}
	grade := map[string]string{
		"documented": "the platform says so", "observed": "seen, not promised", "assumed": "the contract's own judgement: a server may have reasons to differ",
	}[e.Grade]
	switch {
	case source == "":
		return grade
	case grade == "":
		return source
	}
	return grade + "; source: " + source
}
