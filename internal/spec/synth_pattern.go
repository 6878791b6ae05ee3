package spec

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
)

// The ways a matching text is sought.
const (
	patternTries  = 40
	patternLimit  = 1 << 16 // bytes of one text
	defaultRepeat = 6       // how often an unbounded repetition goes on
)

// matching generates a text that matches the schema's pattern and keeps its
// lengths and format. Repetitions are stretched or shrunk until it fits.
func (m *maker) matching(sh *shape) (any, error) {
	s := sh.Schema
	tree, err := m.tree(s.Pattern)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", s.Pattern, err)
	}
	l := lengthsOf(s)
	probes := []*openapi3.Schema{{Pattern: s.Pattern, Format: s.Format}}
	for _, p := range sh.patterns {
		probes = append(probes, &openapi3.Schema{Pattern: p})
	}
	fits := func(text string) bool {
		for _, probe := range probes {
			if probe.VisitJSONString(text) != nil {
				return false
			}
		}
		return l.allow(text)
	}
	if s.Format != "" { // a usual value of the format may match as it is
		if v, ok := m.formatted(s.Format, l); ok && fits(v) {
			return v, nil
		}
	}
	repeat := max(defaultRepeat, l.min)
	for range patternTries {
		w := patternWriter{m: m, repeat: repeat}
		w.write(tree)
		text := w.String()
		if fits(text) {
			return text, nil
		}
		n := utf8.RuneCountInString(text)
		switch {
		case n < l.min:
			if padded := text + strings.Repeat("a", l.min-n); fits(padded) {
				return padded, nil
			}
			repeat = min(2*repeat, 1<<12)
		case l.max >= 0 && n > l.max:
			repeat /= 2
		}
	}
	return nil, fmt.Errorf("pattern %q: no match of an allowed length found", s.Pattern)
}

// tree parses a pattern, once for each value.
func (m *maker) tree(pattern string) (*syntax.Regexp, error) {
	if tree := m.trees[pattern]; tree != nil {
		return tree, nil
	}
	tree, err := syntax.Parse(goPattern(pattern), syntax.Perl)
	if err != nil {
		return nil, err
	}
	if m.trees == nil {
		m.trees = make(map[string]*syntax.Regexp)
	}
	m.trees[pattern] = tree
	return tree, nil
}

// patternWriter writes a text that an expression matches.
type patternWriter struct {
	strings.Builder
	m      *maker
	repeat int // how many times more than needed a repetition may go on
}

func (w *patternWriter) write(re *syntax.Regexp) {
	if w.Len() > patternLimit {
		return
	}
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			w.WriteRune(r)
		}
	case syntax.OpCharClass:
		w.WriteRune(w.pick(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		w.WriteRune(w.pick([]rune{'a', 'z', '0', '9'}))
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			w.write(sub)
		}
	case syntax.OpAlternate:
		w.write(re.Sub[w.m.faker.IntN(len(re.Sub))])
	case syntax.OpStar:
		w.times(re.Sub[0], 0, -1)
	case syntax.OpPlus:
		w.times(re.Sub[0], 1, -1)
	case syntax.OpQuest:
		w.times(re.Sub[0], 0, 1)
	case syntax.OpRepeat:
		w.times(re.Sub[0], re.Min, re.Max)
	}
}

// times repeats an expression at least min times and at most max, -1 for any
// number of times.
func (w *patternWriter) times(re *syntax.Regexp, least, most int) {
	room := w.repeat
	if most >= 0 {
		room = min(room, most-least)
	}
	for range least + w.m.faker.IntN(room+1) {
		w.write(re)
	}
}

// pick chooses a character of a class, given as pairs of bounds: a letter or
// digit, or else a printable character of ASCII, or else a Chinese one, where
// the class has any.
func (w *patternWriter) pick(class []rune) rune {
	for _, wanted := range [][]rune{{'0', '9', 'a', 'z', 'A', 'Z'}, {' ', '~'}, {0x4e00, 0x9fa5}} {
		if both := meetRunes(class, wanted); len(both) > 0 {
			return w.among(both)
		}
	}
	for i := 0; i+1 < len(class); i += 2 {
		if class[i] >= 0 && class[i] <= unicode.MaxRune {
			return class[i]
		}
	}
	return 'a'
}

// among picks evenly from the characters of a class.
func (w *patternWriter) among(class []rune) rune {
	total := 0
	for i := 0; i < len(class); i += 2 {
		total += int(class[i+1]-class[i]) + 1
	}
	n := rune(w.m.faker.IntN(total))
	for i := 0; i < len(class); i += 2 {
		if size := class[i+1] - class[i] + 1; n >= size {
			n -= size
			continue
		}
		return class[i] + n
	}
	return class[0]
}

// meetRunes are the characters that two classes share.
func meetRunes(a, b []rune) []rune {
	var out []rune
	for i := 0; i+1 < len(a); i += 2 {
		for j := 0; j+1 < len(b); j += 2 {
			if lo, hi := max(a[i], b[j]), min(a[i+1], b[j+1]); lo <= hi {
				out = append(out, lo, hi)
			}
		}
	}
	return out
}
