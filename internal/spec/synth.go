package spec

import (
	"errors"
	"fmt"
	"net/http"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"github.com/brianvoe/gofakeit/v7"
	"github.com/getkin/kin-openapi/openapi3"
)

// AnswerError says why no answer could be synthesised. Status is what a
// server should answer with: 404 for a status or an example the contract does
// not declare, 406 where no declared media type is acceptable, 500 where the
// schema admits nothing that could be found.
type AnswerError struct {
	Status int
	Reason string
}

// Error returns the reason.
func (e *AnswerError) Error() string { return e.Reason }

// The limits that keep a generated value to a readable size.
const (
	leanDepth  = 9     // below it only required properties are generated
	leanParts  = 1500  // and so beyond this many generated parts
	maxDepth   = 48    // below it nothing is
	maxParts   = 60000 // and so beyond this many
	synthTries = 6     // whole values generated before giving up
	partTries  = 16    // alternatives tried for one part
)

// errCut says that a recursive schema was left at the limit of depth.
var errCut = errors.New("the schema recurses without an end")

// maker generates one value; it is used once, by one goroutine.
type maker struct {
	judge
	faker   *gofakeit.Faker
	now     time.Time
	dynamic bool // leave the examples and defaults of the schemas alone
	chinese bool // the document speaks Chinese
	careful bool // judge every part by itself
	sparse  int  // the depth at which optional properties are left out
	parts   int
	stack   []*openapi3.Schema
	merged  map[[2]*openapi3.Schema]*openapi3.Schema
	trees   map[string]*syntax.Regexp
}

// mixSeed spreads a seed and the number of an attempt over all 64 bits
// (splitmix64); it is never 0, which gofakeit takes for "be random".
func mixSeed(seed uint64, attempt int) uint64 {
	z := seed + 0x9e3779b97f4a7c15*uint64(attempt+1)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return max(z^z>>31, 1)
}

// synthRequest is what values are generated for.
type synthRequest struct {
	judge
	seed    uint64
	now     time.Time
	dynamic bool
	chinese bool
	// refusal says of an example's name that it shows an error.
	refusal func(name string) bool
}

// maker returns a maker whose values depend on nothing but the request; the
// attempt tells the tries of one seed apart.
func (r synthRequest) maker(attempt int) *maker {
	return &maker{
		judge: r.judge, faker: gofakeit.New(mixSeed(r.seed, attempt)), now: r.now,
		dynamic: r.dynamic, chinese: r.chinese, careful: attempt > 0,
	}
}

// generate makes a value that is valid against the schema as part of an
// answer. It tries derived seeds before it gives up.
func (r synthRequest) generate(ref *openapi3.SchemaRef, name string) (any, error) {
	if ref == nil || ref.Value == nil {
		return map[string]any{}, nil
	}
	var failure error
	for attempt := range synthTries {
		m := r.maker(attempt)
		v, err := m.value(ref, name)
		if err != nil {
			failure = err
			continue
		}
		if r.fits(ref.Value, v) {
			return v, nil
		}
		failure = r.complaint(ref.Value, v)
	}
	return nil, &AnswerError{http.StatusInternalServerError, "no valid value found: " + explain(failure)}
}

// partError says which member of a value could not be generated.
type partError struct {
	name string
	err  error
}

func (e *partError) Error() string { return e.name + ": " + e.err.Error() }
func (e *partError) Unwrap() error { return e.err }

// explain says where a generated value is invalid and why, without the value.
func explain(err error) string {
	if err == nil {
		return "the schema admits no value"
	}
	var at []string
	var part *partError
	for errors.As(err, &part) {
		at, err = append(at, part.name), part.err
	}
	pointer := pointerOf(at...)
	var se *openapi3.SchemaError
	if !errors.As(err, &se) {
		return fmt.Sprintf("at %q: %v", pointer, firstLine(err))
	}
	why := strings.Join(strings.Fields(se.Reason), " ")
	for _, issue := range issuesOf(err, pointer) {
		return fmt.Sprintf("%v (%s)", issue, why)
	}
	return fmt.Sprintf("at %q: %s", pointer, why)
}

// judge asks kin-openapi what it thinks of a value in an answer.
type judge struct{ v31 bool }

// fits reports whether v is valid against the schema.
func (j judge) fits(s *openapi3.Schema, v any) bool {
	if j.v31 {
		return s.VisitJSON(v, openapi3.VisitAsResponse(), openapi3.EnableJSONSchema2020()) == nil
	}
	return s.VisitJSON(v, openapi3.VisitAsResponse(), openapi3.FailFast()) == nil
}

// complaint says what is wrong with v.
func (j judge) complaint(s *openapi3.Schema, v any) error {
	if j.v31 {
		return s.VisitJSON(v, openapi3.VisitAsResponse(), openapi3.EnableJSONSchema2020())
	}
	return s.VisitJSON(v, openapi3.VisitAsResponse())
}

// value generates a value for the schema; name is the property it is for, or
// that of the nearest object around it.
func (m *maker) value(ref *openapi3.SchemaRef, name string) (any, error) {
	if ref == nil || ref.Value == nil {
		return map[string]any{}, nil
	}
	s := ref.Value
	if m.cut(s) {
		if s.PermitsNull() {
			return nil, nil
		}
		return nil, errCut
	}
	m.parts++
	m.stack = append(m.stack, s)
	defer func() { m.stack = m.stack[:len(m.stack)-1] }()

	sh, ways := m.flatten(ref, 0)
	judged := m.careful || ways > 1 || s.Not != nil
	if !judged {
		return m.make(sh, name, false)
	}
	tries, failure := min(2*ways+2, partTries), error(nil)
	for i := range tries {
		if i > 0 && ways > 1 {
			sh, _ = m.flatten(ref, i%ways)
		}
		if i >= ways {
			m.sparse = len(m.stack)
		}
		v, err := m.make(sh, name, true)
		m.sparse = 0
		if err != nil {
			failure = err
			continue
		}
		if v, ok := m.named(sh, v); ok {
			return v, nil
		}
		failure = m.complaint(s, v)
	}
	if m.fits(s, nil) {
		return nil, nil
	}
	return nil, failure
}

// cut reports whether a schema is met again too often, or too deep.
func (m *maker) cut(s *openapi3.Schema) bool {
	if len(m.stack) >= maxDepth || m.parts >= maxParts {
		return true
	}
	met := 0
	for _, above := range m.stack {
		if above == s {
			met++
		}
	}
	return met > 1 || met == 1 && len(m.stack) > 4
}

// lean reports whether only what is required should be generated.
func (m *maker) lean() bool { return len(m.stack) > leanDepth || m.parts > leanParts }

// make generates a value for a flattened schema: what the schema gives (const,
// example, default, enum), else something of its type.
func (m *maker) make(sh *shape, name string, judged bool) (any, error) {
	s := sh.Schema
	if s.Const != nil {
		return s.Const, nil
	}
	if !m.dynamic {
		for _, given := range []any{s.Example, s.Default} {
			if given != nil && (!judged || m.fits(sh.whole, given)) {
				return given, nil
			}
		}
	}
	if len(s.Enum) > 0 {
		return m.enum(s)
	}
	if hint := fakerHint(s); hint != "" {
		if v, ok := m.hinted(sh, hint); ok {
			return v, nil
		}
	}
	switch schemaType(s) {
	case openapi3.TypeObject:
		return m.object(sh)
	case openapi3.TypeArray:
		return m.array(s, name)
	case openapi3.TypeString:
		return m.text(sh, name)
	case openapi3.TypeInteger:
		return m.integer(s, name)
	case openapi3.TypeNumber:
		return m.number(s)
	case openapi3.TypeBoolean:
		return m.faker.Bool(), nil
	case openapi3.TypeNull:
		return nil, nil
	}
	return map[string]any{}, nil
}

// enum picks a value of an enumeration; null only where there is no other.
func (m *maker) enum(s *openapi3.Schema) (any, error) {
	first := m.faker.IntN(len(s.Enum))
	for i := range s.Enum {
		if v := s.Enum[(first+i)%len(s.Enum)]; v != nil {
			return v, nil
		}
	}
	return nil, nil
}

// schemaType is the type of a schema, or what its keywords suggest where it
// names none; "" says that anything goes.
func schemaType(s *openapi3.Schema) string {
	types := s.Type.Slice()
	if i := slices.IndexFunc(types, func(t string) bool { return t != openapi3.TypeNull }); i >= 0 {
		return types[i]
	}
	switch {
	case len(types) > 0:
		return openapi3.TypeNull
	case len(s.Properties) > 0 || len(s.Required) > 0 || s.MinProps > 0 || s.AdditionalProperties.Schema != nil:
		return openapi3.TypeObject
	case s.Items != nil || s.MinItems > 0:
		return openapi3.TypeArray
	case s.Pattern != "" || s.MinLength > 0 || s.MaxLength != nil || s.Format != "":
		return openapi3.TypeString
	case s.Min != nil || s.Max != nil || s.MultipleOf != nil:
		return openapi3.TypeNumber
	}
	return ""
}
