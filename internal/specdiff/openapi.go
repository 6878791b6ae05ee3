package specdiff

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"
)

// eventPath is the path of an operation that stands for an event: its payload
// is an answer of that operation, since the platform sends it.
const eventPath = "/x-events/"

// document reads a document for oasdiff, with positions and with the events
// that both sides have.
func (s *side) document(events []string) (*openapi3.T, error) {
	loader := openapi3.NewLoader()
	loader.IncludeOrigin = true
	doc, err := loader.LoadFromData(s.Data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	if doc.Paths == nil {
		doc.Paths = openapi3.NewPaths()
	}
	all, _ := doc.Extensions["x-events"].(map[string]any)
	for _, name := range events {
		event, _ := all[name].(map[string]any)
		data, err := json.Marshal(event["schema"])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		schema := &openapi3.SchemaRef{}
		if err := json.Unmarshal(data, schema); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		description := ""
		op := &openapi3.Operation{OperationID: name, Responses: openapi3.NewResponses(openapi3.WithStatus(200, &openapi3.ResponseRef{
			Value: &openapi3.Response{Description: &description, Content: openapi3.NewContentWithJSONSchemaRef(schema)},
		}))}
		doc.Paths.Set(eventPath+name, &openapi3.PathItem{Get: op})
	}
	if len(events) > 0 {
		if err := openapi3.NewLoader().ResolveRefsIn(doc, nil); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return doc, nil
}

// openAPI lets oasdiff compare.
func (c *comparison) openAPI(ctx context.Context) error {
	var events []string
	for _, e := range c.old.contract.Events() {
		if _, ok := c.new.contract.Event(e.Name); ok {
			events = append(events, e.Name)
		}
	}
	before, err := c.old.document(events)
	if err != nil {
		return err
	}
	after, err := c.new.document(events)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	report, sources, err := diff.GetWithOperationsSourcesMap(diff.NewConfig(), &load.SpecInfo{Spec: before}, &load.SpecInfo{Spec: after})
	if err != nil {
		return fmt.Errorf("compare %s with %s: %w", c.old.Name, c.new.Name, err)
	}
	config := checker.NewConfig(checker.GetAllChecks())
	for _, found := range checker.CheckBackwardCompatibilityUntilLevel(config, report, sources, checker.INFO) {
		if found.GetPath() == "" && found.GetOperation() == "" {
			continue // of the document: its version, its unused parts
		}
		c.add(c.change(found))
	}
	return nil
}

// change is what oasdiff found as it is told here. What it only warns of counts
// as breaking: a client may notice it.
func (c *comparison) change(found checker.Change) Change {
	out := Change{
		Level: Compatible, ID: found.GetId(), Text: told(found.GetId(), found.GetArgs()),
		Old: c.old.source(found.GetBaseSource()), New: c.new.source(found.GetRevisionSource()),
	}
	switch {
	case out.Old == nil && out.New == nil:
		out.Old, out.New = c.old.operation(found), c.new.operation(found)
	case out.Old == nil:
		out.Old = c.old.beside(out.New)
	case out.New == nil:
		out.New = c.new.beside(out.Old)
	}
	if strings.HasPrefix(out.ID, "api-") || strings.HasPrefix(out.ID, "endpoint-") {
		out.Text += ": " + found.GetOperation() + " " + found.GetPath()
	}
	if found.GetLevel() >= checker.WARN {
		out.Level = Breaking
	}
	name := found.GetOperationId()
	if name == "" {
		name = found.GetOperation() + " " + found.GetPath()
	}
	if event, ok := strings.CutPrefix(found.GetPath(), eventPath); ok {
		name = event
		out.Text = "event: " + strings.TrimSuffix(strings.TrimPrefix(out.Text, "response "), inStatus("200"))
	}
	out.Operations = []string{name}
	out.Reason = reasonOf(out.Level, out.ID)
	return out
}

// told says in words what oasdiff tells by the id of a rule and its arguments.
// Its own sentences are in four languages, of which all would be linked.
func told(id string, args []any) string {
	texts := make([]string, len(args))
	for i, arg := range args {
		texts[i] = fmt.Sprint(arg)
	}
	status := ""
	if n := len(texts); n > 1 && strings.HasPrefix(id, "response-") && regexp.MustCompile(`^([1-5][0-9X]{2}|default)$`).MatchString(texts[n-1]) {
		status, texts = inStatus(texts[n-1]), texts[:n-1]
	}
	if n := len(texts); n > 1 && regexp.MustCompile(`-(changed|increased|decreased|generalized|specialized)$`).MatchString(id) {
		texts = append(texts[:n-2], texts[n-2]+" → "+texts[n-1])
	}
	out := strings.ReplaceAll(id, "-", " ")
	if len(texts) > 0 {
		out += ": " + strings.Join(strings.Fields(strings.Join(texts, ", ")), " ")
	}
	return out + status
}

func inStatus(status string) string { return " (status " + status + ")" }

// reasonOf says why a change of OpenAPI has its level.
func reasonOf(level Level, id string) string {
	request := strings.HasPrefix(id, "request") || strings.HasPrefix(id, "new-") || strings.Contains(id, "-request-") || strings.Contains(id, "parameter")
	switch {
	case strings.HasPrefix(id, "api-") && strings.Contains(id, "removed"):
		return "who calls it gets no answer"
	case strings.HasPrefix(id, "endpoint-"):
		return "nobody calls it yet"
	case request && level == Breaking:
		return "a request that was valid may be refused"
	case request:
		return "every request that was valid is valid still"
	case strings.HasPrefix(id, "response") && level == Breaking:
		return "an answer may be one that a client of the old contract does not understand"
	case strings.HasPrefix(id, "response"):
		return "a client of the old contract understands every answer"
	case level == Breaking:
		return "a client of the old contract may notice it"
	}
	return "no client of the old contract can notice it"
}

// source is the place that oasdiff tells; nil where it tells none.
func (s *side) source(at *checker.Source) *Place {
	if at == nil || at.Line == 0 {
		return nil
	}
	return s.of(s.places.At(at.Line, at.Column))
}

// beside is what corresponds to a place of the other document, or the nearest
// thing around it. Positions in lists do not correspond.
func (s *side) beside(other *Place) *Place {
	pointer := regexp.MustCompile(`(/[0-9]+)+$`).ReplaceAllString(other.Pointer, "")
	at := s.places.Find(pointer)
	if strings.Count(at.Pointer, "/") < 3 && at.Pointer != pointer {
		return nil // nothing around it but the whole
	}
	return s.of(at)
}

// operation is the place of the operation that a change is in; nil where the
// document does not have it.
func (s *side) operation(found checker.Change) *Place {
	if event, ok := strings.CutPrefix(found.GetPath(), eventPath); ok {
		return s.place("x-events", event)
	}
	if !slices.Contains([]string{"", "N/A"}, found.GetOperation()) {
		return s.place("paths", found.GetPath(), strings.ToLower(found.GetOperation()))
	}
	return s.place("paths", found.GetPath())
}
