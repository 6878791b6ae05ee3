package spec

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// ValidateRequest judges a request as its document says, each parameter where
// it is declared: path, query, header, cookie, and the body by its media type.
// It is the way for documents that are not the platform's own. Credentials are
// not judged here. The body is the whole body, already read; the request
// itself is left as it is. The error is an *InvalidError whose pointers begin
// with the location, e.g. /query/limit or /body/name.
func (o *Operation) ValidateRequest(r *http.Request, vars map[string]string, body []byte) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &InvalidError{Issues: []Issue{{Rule: RuleMalformed, Pointer: "/query", Want: wantText}}}
	}
	copied := r.Clone(r.Context())
	copied.Body = io.NopCloser(bytes.NewReader(body))
	copied.ContentLength = int64(len(body))
	copied.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	err = openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
		Request:     copied,
		PathParams:  vars,
		QueryParams: query,
		Route: &routers.Route{
			Spec: o.contract.doc, Server: &openapi3.Server{}, Path: o.Path, PathItem: o.item, Method: o.Method, Operation: o.doc,
		},
		Options: &openapi3filter.Options{
			MultiError:          true,
			SkipSettingDefaults: true,
			AuthenticationFunc:  openapi3filter.NoopAuthenticationFunc,
		},
	})
	return invalid(dedupe(requestIssues(err)))
}

// requestIssues turns what kin-openapi says about a request into issues.
func requestIssues(err error) []Issue {
	switch e := err.(type) {
	case nil:
		return nil
	case openapi3.MultiError:
		var out []Issue
		for _, one := range e[:min(len(e), maxIssues)] {
			out = append(out, requestIssues(one)...)
		}
		return out
	case *openapi3filter.RequestError:
		if e.Parameter != nil {
			return parameterIssues(e)
		}
		return bodyIssues(e)
	}
	return issuesOf(err, "")
}

func parameterIssues(e *openapi3filter.RequestError) []Issue {
	at := pointerOf(e.Parameter.In, e.Parameter.Name)
	var parse *openapi3filter.ParseError
	switch {
	case errors.Is(e.Err, openapi3filter.ErrInvalidRequired), errors.Is(e.Err, openapi3filter.ErrInvalidEmptyValue):
		return []Issue{{Rule: RuleRequired, Pointer: at}}
	case errors.As(e.Err, &parse):
		issue := Issue{Rule: RuleType, Pointer: at}
		if e.Parameter.Schema != nil && e.Parameter.Schema.Value != nil {
			issue.Want = typeOf(e.Parameter.Schema.Value)
		}
		return []Issue{issue}
	}
	return issuesOf(e.Err, at)
}

func bodyIssues(e *openapi3filter.RequestError) []Issue {
	const at = "/body"
	var parse *openapi3filter.ParseError
	switch {
	case errors.Is(e.Err, openapi3filter.ErrInvalidRequired):
		return []Issue{{Rule: RuleRequired, Pointer: at}}
	case e.Err == nil && e.RequestBody != nil:
		return []Issue{{Rule: RuleMediaType, Pointer: at, Want: mediaTypes(e.RequestBody.Content)}}
	case errors.As(e.Err, &parse):
		if path := parse.Path(); len(path) > 0 {
			return []Issue{fieldIssue(e, path)}
		}
		return []Issue{{Rule: RuleMalformed, Pointer: at, Want: mediaTypes(e.RequestBody.Content)}}
	}
	return issuesOf(e.Err, at)
}

// fieldIssue names the field of a body that is not of its type.
func fieldIssue(e *openapi3filter.RequestError, path []any) Issue {
	var schema *openapi3.Schema
	if media := e.RequestBody.Content.Get(e.Input.Request.Header.Get("Content-Type")); media != nil && media.Schema != nil {
		schema = media.Schema.Value
	}
	parts := []string{"body"}
	for _, part := range path {
		name, ok := part.(string)
		if !ok {
			continue
		}
		parts = append(parts, name)
		var next *openapi3.Schema
		if schema != nil && schema.Properties[name] != nil {
			next = schema.Properties[name].Value
		}
		schema = next
	}
	issue := Issue{Rule: RuleType, Pointer: pointerOf(parts...)}
	if schema != nil {
		issue.Want = typeOf(schema)
	}
	return issue
}

// MissingCredentials returns the names of the security schemes that a request
// could satisfy the operation with, sorted, when it satisfies none of the
// alternatives; nil when it does, or when none is needed. It looks whether
// credentials are there, not whether they are right.
func (o *Operation) MissingCredentials(r *http.Request) []string {
	requirements := o.requirements()
	if len(requirements) == 0 {
		return nil
	}
	names := map[string]struct{}{}
	for _, alternative := range requirements {
		satisfied := true
		for name := range alternative {
			if !present(r, o.contract.scheme(name)) {
				satisfied = false
				names[name] = struct{}{}
			}
		}
		if satisfied {
			return nil
		}
	}
	out := make([]string, 0, len(names))
	for name := range names {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

// present reports whether a request carries credentials of a scheme. Client
// certificates end at whatever speaks TLS, so those count as present.
func present(r *http.Request, s *openapi3.SecurityScheme) bool {
	if s == nil {
		return false
	}
	switch s.Type {
	case "apiKey":
		switch s.In {
		case openapi3.ParameterInHeader:
			return r.Header.Get(s.Name) != ""
		case openapi3.ParameterInCookie:
			cookie, err := r.Cookie(s.Name)
			return err == nil && cookie.Value != ""
		default:
			return r.URL.Query().Get(s.Name) != ""
		}
	case "mutualTLS":
		return true
	case "http":
		return authorization(r, s.Scheme)
	default: // oauth2, openIdConnect
		return authorization(r, "bearer")
	}
}

func authorization(r *http.Request, scheme string) bool {
	got, rest, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return ok && strings.EqualFold(got, scheme) && strings.TrimSpace(rest) != ""
}
