package spec

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
)

// exact is the largest integer up to which a float64 holds each one.
const exact = 1 << 53

// span is the range of a number; lo and hi are inclusive unless open.
type span struct {
	lo, hi         float64
	openLo, openHi bool
	setLo, setHi   bool
}

// spanOf reads the bounds of a schema, in the spelling of 3.0 and of 3.1.
func spanOf(s *openapi3.Schema) span {
	sp := span{lo: -exact, hi: exact}
	if s.Min != nil {
		sp.lo, sp.setLo, sp.openLo = *s.Min, true, s.ExclusiveMin.IsTrue()
	}
	if s.Max != nil {
		sp.hi, sp.setHi, sp.openHi = *s.Max, true, s.ExclusiveMax.IsTrue()
	}
	if v := s.ExclusiveMin.Value; v != nil && (!sp.setLo || *v >= sp.lo) {
		sp.lo, sp.setLo, sp.openLo = *v, true, true
	}
	if v := s.ExclusiveMax.Value; v != nil && (!sp.setHi || *v <= sp.hi) {
		sp.hi, sp.setHi, sp.openHi = *v, true, true
	}
	if s.Format == "int32" {
		if sp.lo < math.MinInt32 {
			sp.lo, sp.openLo = math.MinInt32, false
		}
		if sp.hi > math.MaxInt32 {
			sp.hi, sp.openHi = math.MaxInt32, false
		}
	}
	return sp
}

// near moves the sides that nothing bounds close to the other one, so that
// numbers look like numbers of everyday life.
func (sp span) near(from, width float64) span {
	switch {
	case sp.setLo && sp.setHi:
	case sp.setLo:
		sp.hi = min(sp.hi, max(sp.lo, from)+width)
	case sp.setHi:
		sp.lo = max(sp.lo, min(sp.hi, from+width)-width)
	default:
		sp.lo, sp.hi = max(sp.lo, from), min(sp.hi, from+width)
	}
	return sp
}

// integer generates an integer, near what the property's name suggests.
func (m *maker) integer(s *openapi3.Schema, name string) (any, error) {
	step := 1.0
	if s.MultipleOf != nil && *s.MultipleOf > 0 {
		step = *s.MultipleOf
	}
	from, width := m.usual(name)
	sp := spanOf(s).near(from, max(width, 20*step))
	lo, hi := math.Ceil(sp.lo/step), math.Floor(sp.hi/step)
	if sp.openLo && lo*step <= sp.lo {
		lo++
	}
	if sp.openHi && hi*step >= sp.hi {
		hi--
	}
	if hi < lo {
		hi = lo // nothing fits: the judge says so
	}
	for range 100 { // a step that is no integer needs a multiple that is one
		if v := m.between(lo, hi) * step; v == math.Trunc(v) {
			return wholeNumber(v), nil
		}
	}
	return wholeNumber(lo * step), nil
}

// between picks an integral float64 from lo to hi.
func (m *maker) between(lo, hi float64) float64 {
	width := hi - lo
	if !(width >= 1) {
		return lo
	}
	if width >= exact {
		return min(hi, lo+math.Floor(m.faker.Float64()*width))
	}
	return lo + float64(m.faker.IntN(int(width)+1))
}

// wholeNumber is v as an int64 where that is exact.
func wholeNumber(v float64) any {
	if math.Abs(v) <= exact {
		return int64(v)
	}
	return v
}

// number generates a number of at most two decimals, where the bounds leave
// room for one.
func (m *maker) number(s *openapi3.Schema) (any, error) {
	sp := spanOf(s)
	if step := s.MultipleOf; step != nil && *step > 0 {
		sp = sp.near(0, 100**step)
		lo, hi := math.Ceil(sp.lo / *step), math.Floor(sp.hi / *step)
		if sp.openLo && lo**step <= sp.lo {
			lo++
		}
		if sp.openHi && hi**step >= sp.hi {
			hi--
		}
		return m.between(lo, hi) * *step, nil
	}
	sp = sp.near(0, 1000)
	for range 20 {
		v := sp.lo + m.faker.Float64()*(sp.hi-sp.lo)
		if rounded := math.Round(v*100) / 100; sp.has(rounded) {
			return rounded, nil
		}
		if sp.has(v) {
			return v, nil
		}
	}
	return sp.lo/2 + sp.hi/2, nil
}

// has reports whether v lies in the span.
func (sp span) has(v float64) bool {
	return v >= sp.lo && v <= sp.hi && !(sp.openLo && v == sp.lo) && !(sp.openHi && v == sp.hi)
}

// text generates a string: a match of its pattern, a value of its format, or
// what its property's name suggests, of a length that is allowed.
func (m *maker) text(sh *shape, name string) (any, error) {
	s := sh.Schema
	if s.Pattern != "" {
		return m.matching(sh)
	}
	chinese := m.chinese || hasHan(s.Description) || hasHan(s.Title)
	if s.Format != "" {
		if v, ok := m.formatted(s.Format, lengthsOf(s)); ok {
			return v, nil
		}
	}
	kind := refineKind(kindOfText(name), s.Title+s.Description)
	return m.fit(m.plainText(kind, chinese), lengthsOf(s), chinese), nil
}

// lengths are the limits of a text, in characters; max is -1 for none.
type lengths struct{ min, max int }

func lengthsOf(s *openapi3.Schema) lengths {
	l := lengths{min: int(min(s.MinLength, 1<<20)), max: -1}
	if s.MaxLength != nil {
		l.max = int(min(*s.MaxLength, 1<<20))
	}
	return l
}

// allow reports whether a text has an allowed length.
func (l lengths) allow(text string) bool {
	n := utf8.RuneCountInString(text)
	return n >= l.min && (l.max < 0 || n <= l.max)
}

// fit shortens or lengthens a free text to an allowed length.
func (m *maker) fit(text string, l lengths, chinese bool) string {
	if l.allow(text) {
		return text
	}
	n := utf8.RuneCountInString(text)
	var b strings.Builder
	b.WriteString(text)
	for n < l.min {
		more := " " + m.faker.Word()
		if chinese {
			more = m.word(hanWords)
		}
		b.WriteString(more)
		n += utf8.RuneCountInString(more)
	}
	limit := n
	if l.max >= 0 {
		limit = min(n, l.max)
	} else if l.min > utf8.RuneCountInString(text) {
		limit = l.min
	}
	runes := []rune(b.String())[:limit]
	if last := len(runes) - 1; last >= 0 && runes[last] == ' ' {
		runes[last] = 's' // a text does not end in a blank
	}
	return string(runes)
}
