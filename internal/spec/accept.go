package spec

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
)

// check accepts a parameter that is certainly valid under its schema, without
// an allocation. It refuses nothing: what it does not accept is for
// kin-openapi to judge. The zero check accepts nothing.
type check struct {
	kind kinds

	minLength, maxLength int // maxLength < 0: none
	pattern              *regexp.Regexp
	format               openapi3.StringFormatValidator
	texts                []string // the enum; nil: any

	low, high         *float64
	lowOpen, highOpen bool
	integers          openapi3.IntegerFormatValidator
	floats            openapi3.NumberFormatValidator
	numbers           []float64 // the enum; nil: any
}

// largestExact is the largest integer that all floats up to it can represent;
// kin-openapi judges numbers as floats.
const largestExact = 1 << 53

// newCheck compiles a schema. Whatever it does not know for certain gives the
// zero check.
func newCheck(ref *openapi3.SchemaRef) check {
	if ref == nil || ref.Value == nil {
		return check{}
	}
	s := ref.Value
	if s.IsEmpty() && s.Always == nil {
		return check{kind: kindAny}
	}
	if s.ReadOnly || s.Not != nil || len(s.AllOf)+len(s.OneOf)+len(s.AnyOf) > 0 ||
		s.Const != nil || s.Always != nil || s.If != nil || !s.Type.IsSingle() {
		return check{}
	}
	switch (*s.Type)[0] {
	case openapi3.TypeString:
		return newTextCheck(s)
	case openapi3.TypeInteger, openapi3.TypeNumber:
		return newNumberCheck(s)
	case openapi3.TypeBoolean:
		if len(s.Enum) == 0 {
			return check{kind: kindBoolean}
		}
	}
	return check{}
}

func newTextCheck(s *openapi3.Schema) check {
	const most = 1 << 30
	c := check{kind: kindString, maxLength: -1}
	if s.MinLength > most || s.MaxLength != nil && *s.MaxLength > most {
		return check{}
	}
	c.minLength = int(s.MinLength)
	if s.MaxLength != nil {
		c.maxLength = int(*s.MaxLength)
	}
	if s.Pattern != "" {
		pattern, err := regexp.Compile(goPattern(s.Pattern))
		if err != nil {
			return check{}
		}
		c.pattern = pattern
	}
	if s.Format != "" {
		c.format = openapi3.SchemaStringFormats[s.Format]
	}
	for _, v := range s.Enum {
		text, ok := v.(string)
		if !ok {
			return check{}
		}
		c.texts = append(c.texts, text)
	}
	return c
}

func newNumberCheck(s *openapi3.Schema) check {
	if s.MultipleOf != nil || s.ExclusiveMin.Value != nil || s.ExclusiveMax.Value != nil {
		return check{}
	}
	c := check{kind: kindNumber, low: s.Min, high: s.Max}
	c.lowOpen, c.highOpen = s.ExclusiveMin.IsTrue(), s.ExclusiveMax.IsTrue()
	if s.Type.Is(openapi3.TypeInteger) {
		c.kind = kindInteger
		if s.Format != "" {
			c.integers = openapi3.SchemaIntegerFormats[s.Format]
		}
	} else if s.Format != "" {
		c.floats = openapi3.SchemaNumberFormats[s.Format]
	}
	for _, v := range s.Enum {
		switch v := v.(type) {
		case float64:
			c.numbers = append(c.numbers, v)
		case int:
			c.numbers = append(c.numbers, float64(v))
		default:
			return check{}
		}
	}
	return c
}

// goPattern writes a pattern the way kin-openapi does before it compiles it:
// \uXXXX becomes \x{XXXX}.
func goPattern(pattern string) string {
	if !strings.Contains(pattern, `\u`) {
		return pattern
	}
	var b strings.Builder
	for i := 0; i < len(pattern); {
		if strings.HasPrefix(pattern[i:], `\u`) && len(pattern) >= i+6 && isUpperHex(pattern[i+2:i+6]) {
			b.WriteString(`\x{` + pattern[i+2:i+6] + `}`)
			i += 6
			continue
		}
		b.WriteByte(pattern[i])
		i++
	}
	return b.String()
}

func isUpperHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

// accepts reports whether the parameter is certainly valid.
func (c *check) accepts(p *Param) bool {
	first := byte('"')
	if len(p.JSON) > 0 {
		first = p.JSON[0]
	}
	switch c.kind {
	case kindAny:
		return first == '"'
	case kindString:
		return first == '"' && c.acceptsText(p.Text)
	case kindBoolean:
		return first == 't' || first == 'f' || first == '"' && (p.Text == "true" || p.Text == "false")
	case kindInteger:
		n, ok := int64(0), false
		switch {
		case first == '"':
			n, ok = parseInteger(p.Text)
		case first == '-' || first <= '9':
			n, ok = parseInteger(p.JSON)
		}
		return ok && n >= -largestExact && n <= largestExact && c.acceptsInteger(n)
	case kindNumber:
		f, ok := 0.0, false
		switch {
		case first == '"':
			f, ok = parseNumber(p.Text)
		case first == '-' || first <= '9':
			f, ok = parseNumber(p.JSON)
		}
		return ok && (c.floats == nil || c.floats.Validate(f) == nil) && c.acceptsNumber(f)
	}
	return false
}

func (c *check) acceptsText(s string) bool {
	if c.minLength > 0 || c.maxLength >= 0 && len(s) > c.maxLength {
		n := utf8.RuneCountInString(s)
		if n < c.minLength || c.maxLength >= 0 && n > c.maxLength {
			return false
		}
	}
	if c.texts != nil {
		found := false
		for _, allowed := range c.texts {
			if found = allowed == s; found {
				break
			}
		}
		if !found {
			return false
		}
	}
	return (c.pattern == nil || c.pattern.MatchString(s)) && (c.format == nil || c.format.Validate(s) == nil)
}

func (c *check) acceptsInteger(n int64) bool {
	return (c.integers == nil || c.integers.Validate(n) == nil) && c.acceptsNumber(float64(n))
}

func (c *check) acceptsNumber(f float64) bool {
	if c.low != nil && (f < *c.low || c.lowOpen && f == *c.low) ||
		c.high != nil && (f > *c.high || c.highOpen && f == *c.high) {
		return false
	}
	if c.numbers == nil {
		return true
	}
	for _, allowed := range c.numbers {
		if allowed == f {
			return true
		}
	}
	return false
}

// accepts reports whether a whole parameter set is certainly valid.
func (p *plan) accepts(params Params, token string) bool {
	if !p.certain {
		return false
	}
	var seen uint64
	for i := range params {
		param := &params[i]
		if param.Name == token && token != "" {
			continue
		}
		at, known := p.index[param.Name]
		if !known {
			if p.closed {
				return false
			}
			continue
		}
		if !p.props[at].check.accepts(param) {
			return false
		}
		seen |= 1 << at
	}
	return seen&p.required == p.required
}
