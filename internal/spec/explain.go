package spec

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// ExplainAnswer says what is wrong with an answer that CheckAnswer refuses, as
// near to the value as can be: where a schema offers alternatives, by the one
// that the value comes closest to. It is nil for a valid answer.
func (o *Operation) ExplainAnswer(status int, mediaType string, body []byte) []Issue {
	err := o.judgeAnswer(status, mediaType, body)
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		return nil
	}
	response := o.response(status)
	if response == nil {
		return invalid.Issues
	}
	media := response.Content.Get(mediaType)
	if media == nil || media.Schema == nil || media.Schema.Value == nil {
		return invalid.Issues
	}
	value, err := decodeJSON(body)
	if err != nil {
		return invalid.Issues
	}
	how := o.contract.visit(openapi3.VisitAsResponse())
	if issues := explainValue(media.Schema.Value, value, "", how, 0); len(issues) > 0 {
		return dedupe(issues)
	}
	return invalid.Issues
}

// maxExplained bounds how deep alternatives inside alternatives are looked at.
const maxExplained = 6

// explainValue tells what is wrong with a value under a pointer.
func explainValue(s *openapi3.Schema, value any, under string, how []openapi3.SchemaValidationOption, depth int) []Issue {
	err := s.VisitJSON(value, how...)
	if err == nil {
		return nil
	}
	var out []Issue
	for _, one := range flatten(err) {
		var e *openapi3.SchemaError
		if errors.As(one, &e) && e.SchemaField == "properties" {
			out = append(out, unknownMember(e, under))
			continue
		}
		if !errors.As(one, &e) || depth >= maxExplained || e.Schema == nil || e.SchemaField != "oneOf" && e.SchemaField != "anyOf" {
			out = append(out, issuesOf(one, under)...)
			continue
		}
		at := under + pointerOf(e.JSONPointer()...)
		best, least := []Issue(nil), 0
		for _, sub := range append(parts(e.Schema.OneOf), parts(e.Schema.AnyOf)...) {
			issues := explainValue(sub, e.Value, at, how, depth+1)
			if w := weight(issues, at); len(issues) > 0 && (best == nil || w < least) {
				best, least = issues, w
			}
		}
		if best == nil {
			best = issuesOf(one, under)
		}
		out = append(out, best...)
	}
	return out
}

// unknownMember is the issue of a member that a schema does not have, with its
// name, which kin-openapi tells in words only.
func unknownMember(e *openapi3.SchemaError, under string) Issue {
	issue := issueOf(e, under)
	rest, ok := strings.CutPrefix(e.Reason, "property ")
	if quoted, err := strconv.QuotedPrefix(rest); ok && err == nil {
		if name, err := strconv.Unquote(quoted); err == nil {
			issue.Pointer += pointerOf(name)
			issue.Want = nearest(name, slices.Sorted(maps.Keys(e.Schema.Properties)))
		}
	}
	return issue
}

// flatten takes the lists of errors apart.
func flatten(err error) []error {
	list, ok := err.(openapi3.MultiError)
	if !ok {
		return []error{err}
	}
	var out []error
	for _, one := range list {
		out = append(out, flatten(one)...)
	}
	return out
}

// weight says how far a value is from an alternative: what is wrong with its
// own members counts more than what is wrong inside of them.
func weight(issues []Issue, at string) int {
	const own = 100
	sum := 0
	for _, issue := range issues {
		sum++
		if strings.Count(issue.Pointer, "/") <= strings.Count(at, "/")+1 {
			sum += own
		}
	}
	return sum
}
