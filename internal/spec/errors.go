package spec

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// maxWant is the longest Want of an Issue, in bytes: what a schema says can be
// as long as its author likes.
const maxWant = 200

// wantExtension says in words what a pattern or a format wants, for people who
// are told that their text has it not.
const wantExtension = "x-want"

// Error lists what is wrong, without the offending values.
func (e *InvalidError) Error() string {
	if len(e.Issues) == 0 {
		return "invalid"
	}
	var b strings.Builder
	for i, issue := range e.Issues {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(issue.String())
	}
	return b.String()
}

// String says in English what is wrong and where.
func (i Issue) String() string {
	at := i.Pointer
	if at == "" {
		at = "the whole"
	}
	if i.Words != "" {
		return at + ": want " + i.Words
	}
	switch i.Rule {
	case RuleRequired:
		return at + " is missing"
	case RuleType:
		return at + " is not of type " + orUnknown(i.Want)
	case RuleEnum:
		return at + " is none of " + i.Want
	case RuleMinLength:
		return at + " is shorter than " + i.Want + " characters"
	case RuleMaxLength:
		return at + " is longer than " + i.Want + " characters"
	case RuleMinimum:
		return at + " is less than the least allowed: " + i.Want
	case RuleMaximum:
		return at + " is more than the most allowed: " + i.Want
	case RuleMinItems:
		return at + " has fewer items than " + i.Want
	case RuleMaxItems:
		return at + " has more items than " + i.Want
	case RulePattern:
		return at + " does not match the pattern " + i.Want
	case RuleFormat:
		return at + " is not in the format " + i.Want
	case RuleUnknown:
		if i.Want != "" {
			return at + " is unknown (did you mean " + i.Want + "?)"
		}
		return at + " is unknown"
	case RuleDuplicate:
		return at + " is given twice"
	case RuleMalformed:
		return at + " is malformed: expected " + orUnknown(i.Want)
	case RuleMediaType:
		return at + " is not of a supported media type: " + i.Want
	default:
		return at + " does not match the schema: " + i.Want
	}
}

func orUnknown(want string) string {
	if want == "" {
		return "something else"
	}
	return want
}

// invalid wraps issues as an error; nil when there are none.
func invalid(issues []Issue) error {
	if len(issues) == 0 {
		return nil
	}
	return &InvalidError{Issues: issues}
}

// pointerOf joins the parts of a JSON pointer, escaped as RFC 6901 says.
func pointerOf(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		b.WriteByte('/')
		if strings.ContainsAny(part, "~/") {
			part = strings.ReplaceAll(strings.ReplaceAll(part, "~", "~0"), "/", "~1")
		}
		b.WriteString(part)
	}
	return b.String()
}

// issuesOf turns what kin-openapi says into issues, under a pointer.
func issuesOf(err error, under string) []Issue {
	var out []Issue
	collectIssues(err, under, &out)
	if len(out) == 0 && err != nil {
		out = append(out, Issue{Rule: RuleSchema, Pointer: under, Want: "a value the schema allows"})
	}
	return dedupe(out)
}

func collectIssues(err error, under string, out *[]Issue) {
	if len(*out) >= maxIssues {
		return
	}
	switch e := err.(type) {
	case nil:
	case openapi3.MultiError:
		for _, one := range e {
			collectIssues(one, under, out)
		}
	case *openapi3.SchemaError:
		if e.SchemaField == "allOf" {
			// kin-openapi marks the whole path on the inner errors too.
			before := len(*out)
			for cause := e.Origin; cause != nil; cause = errors.Unwrap(cause) {
				if all, ok := cause.(openapi3.MultiError); ok {
					collectIssues(all, under, out)
					break
				}
			}
			if len(*out) > before {
				return
			}
		}
		*out = append(*out, issueOf(e, under))
	default:
		if inner := errors.Unwrap(err); inner != nil {
			collectIssues(inner, under, out)
		}
	}
}

func dedupe(issues []Issue) []Issue {
	out := issues[:0]
next:
	for _, issue := range issues {
		for _, seen := range out {
			if seen == issue {
				continue next
			}
		}
		out = append(out, issue)
	}
	return out
}

// issueOf turns one error of kin-openapi into an issue. It reads the schema,
// never the value.
func issueOf(e *openapi3.SchemaError, under string) Issue {
	issue := Issue{Rule: RuleSchema, Pointer: under + pointerOf(e.JSONPointer()...)}
	s := e.Schema
	if s == nil {
		s = &openapi3.Schema{}
	}
	switch e.SchemaField {
	case "required":
		issue.Rule = RuleRequired
	case "type", "nullable":
		issue.Rule, issue.Want = RuleType, typeOf(s)
	case "enum":
		issue.Rule, issue.Want = RuleEnum, enumOf(s)
	case "minLength":
		issue.Rule, issue.Want = RuleMinLength, strconv.FormatUint(s.MinLength, 10)
	case "maxLength":
		issue.Rule = RuleMaxLength
		if s.MaxLength != nil {
			issue.Want = strconv.FormatUint(*s.MaxLength, 10)
		}
	case "minimum", "exclusiveMinimum":
		issue.Rule, issue.Want = RuleMinimum, boundOf(s.Min, s.ExclusiveMin, "more than ")
	case "maximum", "exclusiveMaximum":
		issue.Rule, issue.Want = RuleMaximum, boundOf(s.Max, s.ExclusiveMax, "less than ")
	case "pattern":
		issue.Rule, issue.Want, issue.Words = RulePattern, s.Pattern, wordsOf(s)
	case "format":
		issue.Rule, issue.Want, issue.Words = RuleFormat, s.Format, wordsOf(s)
	case "properties":
		issue.Rule = RuleUnknown
	case "minItems":
		issue.Rule, issue.Want = RuleMinItems, strconv.FormatUint(s.MinItems, 10)
	case "maxItems":
		issue.Rule = RuleMaxItems
		if s.MaxItems != nil {
			issue.Want = strconv.FormatUint(*s.MaxItems, 10)
		}
	case "":
		issue.Want = "a value the schema allows"
	default:
		issue.Want = e.SchemaField
	}
	if len(issue.Want) > maxWant {
		issue.Want = issue.Want[:maxWant] + "…"
	}
	return issue
}

// wordsOf is how the contract says to people what a text has to be; "" where it
// does not, or at greater length than an error has.
func wordsOf(s *openapi3.Schema) string {
	words, _ := s.Extensions[wantExtension].(string)
	if len(words) > maxWant {
		return ""
	}
	return words
}

func typeOf(s *openapi3.Schema) string {
	if types := s.Type.Slice(); len(types) > 0 {
		return strings.Join(types, " or ")
	}
	return "not null"
}

func enumOf(s *openapi3.Schema) string {
	var b strings.Builder
	for i, v := range s.Enum {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, v)
	}
	return b.String()
}

func boundOf(bound *float64, exclusive openapi3.ExclusiveBound, how string) string {
	switch {
	case exclusive.Value != nil:
		return how + formatFloat(*exclusive.Value)
	case bound == nil:
		return ""
	case exclusive.IsTrue():
		return how + formatFloat(*bound)
	default:
		return formatFloat(*bound)
	}
}

func formatFloat(v float64) string {
	if v == float64(int64(v)) {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// Nearest returns the candidate that is closest to a misspelt name, or "" when
// none is close enough to be what was meant.
func Nearest(name string, candidates []string) string { return nearest(name, candidates) }

// nearest returns the candidate that is closest to a misspelt name, or "" when
// none is close.
func nearest(name string, candidates []string) string {
	best, at := "", 1+max(1, len(name)/3)
	for _, c := range candidates {
		if d := distance(strings.ToLower(name), strings.ToLower(c)); d < at || d == at && best != "" && c < best {
			best, at = c, d
		}
	}
	return best
}

// distance is the number of single-character edits, swaps included, between
// two names.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	before := make([]int, len(b)+1)
	last := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
