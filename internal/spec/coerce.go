package spec

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// kinds is a set of the types a schema may allow.
type kinds uint8

const (
	kindString kinds = 1 << iota
	kindInteger
	kindNumber
	kindBoolean
	kindArray
	kindObject
	kindAny = kindString | kindInteger | kindNumber | kindBoolean | kindArray | kindObject
)

// kindsOf says which types a schema allows, as far as coercion needs to know:
// an allOf narrows, a oneOf or anyOf collects.
func kindsOf(ref *openapi3.SchemaRef, depth int) kinds {
	if ref == nil || ref.Value == nil || depth > 8 {
		return kindAny
	}
	s := ref.Value
	if types := s.Type.Slice(); len(types) > 0 {
		var out kinds
		for _, t := range types {
			switch t {
			case openapi3.TypeString:
				out |= kindString
			case openapi3.TypeInteger:
				out |= kindInteger
			case openapi3.TypeNumber:
				out |= kindNumber
			case openapi3.TypeBoolean:
				out |= kindBoolean
			case openapi3.TypeArray:
				out |= kindArray
			case openapi3.TypeObject:
				out |= kindObject
			}
		}
		return out
	}
	out := kindAny
	for _, sub := range s.AllOf {
		out &= kindsOf(sub, depth+1)
	}
	for _, subs := range []openapi3.SchemaRefs{s.OneOf, s.AnyOf} {
		var some kinds
		for _, sub := range subs {
			some |= kindsOf(sub, depth+1)
		}
		if len(subs) > 0 {
			out &= some
		}
	}
	return out
}

// coerce gives kin-openapi the value that a parameter stands for under its
// schema. What cannot be read as the schema's type stays a text, so that
// kin-openapi refuses it for its type.
func coerce(p Param, ref *openapi3.SchemaRef, k kinds) any {
	if p.JSON == nil {
		return coerceText(p.Text, ref, k, 0)
	}
	switch p.JSON[0] {
	case '"':
		return coerceText(p.Text, ref, k, 0)
	case '{', '[':
		if v, err := decodeJSON(p.JSON); err == nil {
			return v
		}
		return string(p.JSON)
	case 't':
		return true
	case 'f':
		return false
	case 'n':
		return nil
	default:
		return coerceNumber(string(p.JSON), k)
	}
}

// coerceNumber reads a number of a JSON body. Where the schema wants a text,
// the number's own text is taken, as the platform's clients rely on.
func coerceNumber(text string, k kinds) any {
	if k&kindInteger != 0 {
		if n, ok := parseInteger(text); ok {
			return n
		}
		if f, ok := parseNumber(text); ok && k&kindNumber == 0 && f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
			return f
		}
	}
	if k&kindNumber != 0 {
		if f, ok := parseNumber(text); ok {
			return f
		}
	}
	return text
}

func coerceText(text string, ref *openapi3.SchemaRef, k kinds, depth int) any {
	if k&kindString != 0 {
		return text
	}
	if k&kindInteger != 0 {
		if n, ok := parseInteger(text); ok {
			return n
		}
	}
	if k&kindNumber != 0 {
		if f, ok := parseNumber(text); ok {
			return f
		}
	}
	if k&kindBoolean != 0 && (text == "true" || text == "false") {
		return text == "true"
	}
	if k&kindObject != 0 && strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
		if v, err := decodeJSON([]byte(text)); err == nil {
			return v
		}
	}
	if k&kindArray != 0 && depth == 0 {
		return coerceList(text, ref)
	}
	return text
}

// coerceList reads a JSON array, or a list separated by commas.
func coerceList(text string, ref *openapi3.SchemaRef) any {
	if strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "[") {
		if v, err := decodeJSON([]byte(text)); err == nil {
			return v
		}
		return text
	}
	if text == "" {
		return []any{}
	}
	var items *openapi3.SchemaRef
	if ref != nil && ref.Value != nil {
		items = ref.Value.Items
	}
	k := kindsOf(items, 0)
	parts := strings.Split(text, ",")
	out := make([]any, len(parts))
	for i, part := range parts {
		out[i] = coerceText(part, items, k, 1)
	}
	return out
}

// decodeJSON reads one JSON value and nothing after it; numbers keep their text.
func decodeJSON(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err == nil {
		return nil, errTrailing
	} else if rest := data[dec.InputOffset():]; len(bytes.TrimLeft(rest, " \t\r\n")) > 0 {
		return nil, errTrailing
	}
	return v, nil
}

// parseInteger reads a decimal integer as JSON writes it, without "-0".
func parseInteger[T string | json.RawMessage](text T) (int64, bool) {
	digits, negative := text, false
	if len(digits) > 0 && digits[0] == '-' {
		digits, negative = digits[1:], true
	}
	if len(digits) == 0 || len(digits) > 19 || digits[0] == '0' && (len(digits) > 1 || negative) {
		return 0, false
	}
	var n uint64
	for i := range len(digits) {
		c := digits[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + uint64(c)
	}
	switch {
	case !negative && n <= math.MaxInt64:
		return int64(n), true
	case negative && n <= math.MaxInt64:
		return -int64(n), true
	case negative && n == math.MaxInt64+1:
		return math.MinInt64, true
	}
	return 0, false
}

// parseNumber reads a finite number as JSON writes it, without "-0".
func parseNumber[T string | json.RawMessage](text T) (float64, bool) {
	if len(text) > 400 || !isNumber(text) {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f == 0 && math.Signbit(f) {
		return 0, false
	}
	return f, true
}

// isNumber reports whether a text is a number by JSON's grammar.
func isNumber[T string | json.RawMessage](text T) bool {
	i, n := 0, len(text)
	digits := func() bool {
		start := i
		for i < n && text[i] >= '0' && text[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < n && text[i] == '-' {
		i++
	}
	switch {
	case i < n && text[i] == '0':
		i++
	case !digits():
		return false
	}
	if i < n && text[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < n && (text[i] == 'e' || text[i] == 'E') {
		i++
		if i < n && (text[i] == '+' || text[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == n
}
