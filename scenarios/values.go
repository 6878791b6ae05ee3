package scenarios

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Free values: JSON as Go has it, with numbers as they are written, and the
// variables in them.

// decodeJSON reads JSON; a number keeps its text.
func decodeJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF { //nolint:errorlint // Token returns it bare
		return nil, fmt.Errorf("more than one value")
	}
	return v, nil
}

// encodeJSON writes a value as one line of JSON.
func encodeJSON(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// equal compares two values; numbers by what they are worth.
func equal(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		other, ok := b.(json.Number)
		return ok && (a == other || compare(a, other) == 0)
	case map[string]any:
		other, ok := b.(map[string]any)
		if !ok || len(a) != len(other) {
			return false
		}
		for name, v := range a {
			if w, there := other[name]; !there || !equal(v, w) {
				return false
			}
		}
		return true
	case []any:
		other, ok := b.([]any)
		if !ok || len(a) != len(other) {
			return false
		}
		for i := range a {
			if !equal(a[i], other[i]) {
				return false
			}
		}
		return true
	}
	return a == b
}

// compare orders two numbers; one that is too large to be worked with is less
// than none.
func compare(a, b json.Number) int {
	x, y := number(a), number(b)
	if x == nil || y == nil {
		return strings.Compare(string(a), string(b))
	}
	return x.Cmp(y)
}

func number(n json.Number) *big.Float {
	if len(n) > 64 {
		return nil
	}
	x, _, err := big.ParseFloat(string(n), 10, 256, big.ToNearestEven)
	if err != nil {
		return nil
	}
	return x
}

// reference finds variables: $$, ${name} and $name.
//
//nolint:gochecknoglobals // compiled once, never changed
var reference = regexp.MustCompile(`\$\$|\$\{[^}]*\}|\$[A-Za-z_][A-Za-z0-9_]*`)

// nameOf is the name in a reference; "" for $$.
func nameOf(ref string) string {
	switch {
	case ref == "$$":
		return ""
	case strings.HasPrefix(ref, "${"):
		return ref[2 : len(ref)-1]
	}
	return ref[1:]
}

// scope are the variables that are set.
type scope map[string]any

// expand replaces the variables in a value. A text that is one variable and
// nothing else becomes what the variable holds.
func (s scope) expand(v any) (any, error) {
	switch v := v.(type) {
	case string:
		return s.text(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, one := range v {
			x, err := s.expand(one)
			if err != nil {
				return nil, err
			}
			out[name] = x
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			x, err := s.expand(one)
			if err != nil {
				return nil, err
			}
			out[i] = x
		}
		return out, nil
	}
	return v, nil
}

func (s scope) text(text string) (any, error) {
	if !strings.Contains(text, "$") {
		return text, nil
	}
	if m := reference.FindString(text); m == text && m != "$$" {
		return s.get(nameOf(m))
	}
	var failed error
	out := reference.ReplaceAllStringFunc(text, func(ref string) string {
		if ref == "$$" {
			return "$"
		}
		v, err := s.get(nameOf(ref))
		if err != nil {
			failed = err
			return ""
		}
		return textOf(v)
	})
	return out, failed
}

// get returns a variable's value.
func (s scope) get(name string) (any, error) {
	if v, ok := s[name]; ok {
		return v, nil
	}
	if near := nearest(name, slices.Sorted(maps.Keys(s))); near != "" {
		return nil, fmt.Errorf("variable $%s is not set; did you mean $%s?", name, near)
	}
	return nil, fmt.Errorf("variable $%s is not set", name)
}

// ref is the number that a Ref stands for; 0 for none.
func (s scope) ref(r Ref) (int64, error) {
	if r == "" {
		return 0, nil
	}
	v, err := s.text(string(r))
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(textOf(v), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is %s, expected a whole number", r, clip(textOf(v)))
	}
	return n, nil
}

// textOf is a value as a query or a form carries it.
func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return encodeJSON(v)
}

// lookup follows a path such as data.0.package_id; a negative index counts
// from the end.
func lookup(v any, path string) (any, error) {
	at := ""
	for part := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			next, ok := x[part]
			if !ok {
				return nil, fmt.Errorf("%s has no member %q", orWhole(at), part)
			}
			v = next
		case []any:
			i, err := strconv.Atoi(part)
			if i < 0 {
				i += len(x)
			}
			if err != nil || i < 0 || i >= len(x) {
				return nil, fmt.Errorf("%s has %d elements and no element %q", orWhole(at), len(x), part)
			}
			v = x[i]
		default:
			return nil, fmt.Errorf("%s has no members", orWhole(at))
		}
		at = join(at, part)
	}
	return v, nil
}

func orWhole(path string) string {
	if path == "" {
		return "the answer"
	}
	return path
}
