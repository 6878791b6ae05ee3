package contracttest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// CaseName is the name of a case: operation/check/case.
func CaseName(operation, check, name string) string { return operation + "/" + check + "/" + name }

// CaseID is the stable ID of a case: the first 8 hex digits of the SHA-256 of
// its name, operation/check/case. It is the same in every run and on every
// server.
func CaseID(name string) string { return shortID(name) }

// shortID is 8 hex digits that stand for a text.
func shortID(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// fullName is the name of a work's case.
func (w *work) fullName() string { return CaseName(w.operation, w.check, w.name) }

// What differs from run to run, and from place to place, in what findings of
// one cause say.
var (
	positionIn   = regexp.MustCompile(`/\d+\b`)
	variableIn   = regexp.MustCompile(`\$[A-Z][A-Z0-9_]*`)
	longNumberIn = regexp.MustCompile(`\b\d{7,}\b`)
	kindIn       = regexp.MustCompile(`\b(string|integer|number|boolean|array|object)( -?[0-9][0-9.eE+-]*| true| false)?( \([^)]*\))?`)
)

// alike is a text without what differs.
func alike(s string) string {
	s = kindIn.ReplaceAllString(positionIn.ReplaceAllString(s, "/*"), "$1")
	s = strings.ReplaceAll(s, noToken, "$")
	return longNumberIn.ReplaceAllString(variableIn.ReplaceAllString(s, "$$"), "#")
}

// cause is what findings of the same cause have in common.
func (f *Finding) cause() string {
	return strings.Join([]string{f.Check, general(f.ValuePointer), alike(f.Message), alike(f.Expected), alike(f.Actual)}, "\x00")
}

// selectCases takes the cases out of the plan that are not asked for. The error
// names the nearest known thing for one that is not there.
func (s *suite) selectCases() error {
	if s.options.Cases == nil {
		return nil
	}
	wanted := map[string]bool{}
	for _, want := range s.options.Cases {
		found := false
		for i := range s.works {
			if name := s.works[i].fullName(); want == name || want == CaseID(name) {
				wanted[name], found = true, true
			}
		}
		if !found {
			return s.unknownCase(want)
		}
	}
	s.works = slices.DeleteFunc(s.works, func(w work) bool {
		if wanted[w.fullName()] {
			return false
		}
		s.left = append(s.left, w)
		return true
	})
	return nil
}

// UnknownCaseError says that there is no case of that ID or name.
type UnknownCaseError struct {
	// Want is what was asked for, Nearest a case that may be meant; "" for
	// none.
	Want, Nearest string
}

// Error says what is not there.
func (e *UnknownCaseError) Error() string {
	text := fmt.Sprintf("case %q: there is none of that ID or name", e.Want)
	if e.Nearest != "" {
		text += fmt.Sprintf("; did you mean %s (%s)?", e.Nearest, CaseID(e.Nearest))
	}
	return text
}

// unknownCase looks for what may be meant.
func (s *suite) unknownCase(want string) error {
	e := &UnknownCaseError{Want: want}
	byID := map[string]string{}
	var ids []string
	for i := range s.works {
		name := s.works[i].fullName()
		id := CaseID(name)
		byID[id] = name
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if !strings.Contains(want, "/") {
		for _, id := range ids {
			if oneOff(want, id) {
				e.Nearest = byID[id]
				break
			}
		}
		return e
	}
	parts := append(strings.SplitN(want, "/", 3), "", "")[:3]
	// Part by part, so that a long name is near what has the same beginning.
	works := s.works
	for i, of := range []func(*work) string{
		func(w *work) string { return w.operation }, func(w *work) string { return w.check }, func(w *work) string { return w.name },
	} {
		var known []string
		for j := range works {
			if one := of(&works[j]); !slices.Contains(known, one) {
				known = append(known, one)
			}
		}
		nearest := parts[i]
		if !slices.Contains(known, nearest) {
			if nearest = spec.Nearest(parts[i], known); nearest == "" && i < 2 {
				return e
			}
		}
		if nearest == "" && len(known) > 0 {
			nearest = known[0]
		}
		works = slices.DeleteFunc(slices.Clone(works), func(w work) bool { return of(&w) != nearest })
	}
	if len(works) > 0 {
		e.Nearest = works[0].fullName()
	}
	return e
}

// oneOff reports whether one character was mistyped, left away or added.
func oneOff(a, b string) bool {
	if len(a) == len(b) {
		n := 0
		for i := range len(a) {
			if a[i] != b[i] {
				n++
			}
		}
		return n == 1
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) != 1 {
		return false
	}
	for i := range len(b) {
		if b[:i]+b[i+1:] == a {
			return true
		}
	}
	return false
}
