package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// plan is what an operation's parameters are decoded and judged by, compiled
// at the first use.
type plan struct {
	props  []property
	index  map[string]int
	names  []string
	schema *openapi3.Schema // of the merged set

	// certain says that the accept-only checks see everything the schema
	// says; required are the properties they must have seen.
	certain  bool
	required uint64

	closed bool                // additionalProperties: false
	extra  *openapi3.SchemaRef // additionalProperties: {…}

	form, json bool // the bodies that are read
	mediaTypes string
}

// property is one parameter of the merged set.
type property struct {
	name  string
	ref   *openapi3.SchemaRef
	kinds kinds
	check check
}

// Validate judges a merged parameter set by the operation's schema. Parameters
// the contract does not know are no issue unless the schema forbids them. The
// error is an *InvalidError.
func (o *Operation) Validate(p Params) error {
	plan := o.plan()
	if plan.accepts(p, o.TokenParam) {
		return nil
	}
	return plan.judge(p, o.TokenParam, o.contract.visit(openapi3.VisitAsRequest()))
}

// judge asks kin-openapi about the merged, coerced set.
func (p *plan) judge(params Params, token string, how []openapi3.SchemaValidationOption) error {
	if p.schema == nil {
		return nil
	}
	var issues []Issue
	object := make(map[string]any, len(params))
	for i := range params {
		param := params[i]
		if param.Name == token && token != "" {
			continue
		}
		at, known := p.index[param.Name]
		switch {
		case known:
			prop := &p.props[at]
			object[param.Name] = coerce(param, prop.ref, prop.kinds)
		case p.closed:
			if len(issues) < maxIssues {
				issues = append(issues, Issue{Rule: RuleUnknown, Pointer: pointerOf(param.Name), Want: nearest(param.Name, p.names)})
			}
		case p.extra != nil:
			object[param.Name] = coerce(param, p.extra, kindsOf(p.extra, 0))
		}
	}
	if err := p.schema.VisitJSON(object, how...); err != nil {
		issues = append(issues, issuesOf(err, "")...)
	}
	for i := range issues {
		if issues[i].Rule == RuleType {
			p.sayWhere(params, &issues[i])
		}
	}
	return invalid(issues)
}

// sayWhere makes of a text that should hold JSON and does not an issue that
// says where it breaks off, instead of one about its type.
func (p *plan) sayWhere(params Params, issue *Issue) {
	for i := range params {
		at, known := p.index[params[i].Name]
		if !known || pointerOf(params[i].Name) != issue.Pointer || p.props[at].kinds&kindString != 0 {
			continue
		}
		text := strings.TrimLeft(params[i].Text, " \t\r\n")
		if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
			return
		}
		var syntax *json.SyntaxError
		if err := json.Unmarshal([]byte(params[i].Text), new(any)); errors.As(err, &syntax) {
			issue.Rule, issue.Want = RuleMalformed, fmt.Sprintf("JSON (byte %d)", syntax.Offset)
		}
	}
}

// visit returns the options to validate a value with.
func (c *Contract) visit(direction openapi3.SchemaValidationOption) []openapi3.SchemaValidationOption {
	how := []openapi3.SchemaValidationOption{direction, openapi3.MultiErrors()}
	if c.v31 {
		how = append(how, openapi3.EnableJSONSchema2020())
	}
	return how
}

// plan returns the operation's plan.
func (o *Operation) plan() *plan {
	o.planOnce.Do(func() { o.compiled = o.compile() })
	return o.compiled
}

func (o *Operation) compile() *plan {
	p := &plan{index: map[string]int{}, form: true, json: true}
	declared := o.declaredParameters()
	body := o.declaredBody(p)
	p.schema = mergeSchemas(body, declared)
	p.collect(p.schema, 0)
	s := p.schema
	if has := s.AdditionalProperties.Has; has != nil && !*has {
		p.closed = true
	}
	p.extra = s.AdditionalProperties.Schema
	p.certain = !o.contract.v31 && len(p.props) <= 64 && p.extra == nil &&
		len(s.AllOf)+len(s.OneOf)+len(s.AnyOf)+len(s.Enum) == 0 && s.Not == nil &&
		s.MinProps == 0 && s.MaxProps == nil && s.Always == nil && s.Type.Permits(openapi3.TypeObject)
	for i := range p.props {
		if !o.contract.v31 {
			p.props[i].check = newCheck(p.props[i].ref)
		}
	}
	for _, name := range s.Required {
		at, ok := p.index[name]
		if !ok {
			p.certain = false
			break
		}
		p.required |= 1 << (at & 63)
	}
	for _, prop := range p.props {
		p.names = append(p.names, prop.name)
	}
	sort.Strings(p.names)
	return p
}

// collect gathers the properties of a schema and of what it is composed of.
func (p *plan) collect(s *openapi3.Schema, depth int) {
	if s == nil || depth > 8 {
		return
	}
	names := make([]string, 0, len(s.Properties))
	for name := range s.Properties {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if _, seen := p.index[name]; !seen {
			ref := s.Properties[name]
			p.index[name] = len(p.props)
			p.props = append(p.props, property{name: name, ref: ref, kinds: kindsOf(ref, 0)})
		}
	}
	for _, subs := range []openapi3.SchemaRefs{s.AllOf, s.OneOf, s.AnyOf} {
		for _, sub := range subs {
			if sub != nil {
				p.collect(sub.Value, depth+1)
			}
		}
	}
}

// declaredParameters returns the path and query parameters of the operation,
// those of the path item included.
func (o *Operation) declaredParameters() []*openapi3.Parameter {
	var out []*openapi3.Parameter
	add := func(refs openapi3.Parameters) {
		for _, ref := range refs {
			if ref == nil || ref.Value == nil || ref.Value.Name == o.TokenParam {
				continue
			}
			v := ref.Value
			if v.In != openapi3.ParameterInPath && v.In != openapi3.ParameterInQuery {
				continue
			}
			if !slices.ContainsFunc(out, func(p *openapi3.Parameter) bool { return p.Name == v.Name }) {
				out = append(out, v)
			}
		}
	}
	add(o.doc.Parameters)
	add(o.item.Parameters)
	return out
}

// declaredBody returns the schema of the request body and notes which bodies
// are read.
func (o *Operation) declaredBody(p *plan) *openapi3.Schema {
	if o.doc.RequestBody == nil || o.doc.RequestBody.Value == nil || len(o.doc.RequestBody.Value.Content) == 0 {
		p.mediaTypes = "application/x-www-form-urlencoded, application/json"
		return nil
	}
	p.form, p.json = false, false
	content := o.doc.RequestBody.Value.Content
	types := make([]string, 0, len(content))
	for name := range content {
		types = append(types, name)
	}
	sort.Strings(types) // application/json before the form, the form before multipart
	p.mediaTypes = strings.Join(types, ", ")
	var body *openapi3.Schema
	for _, name := range types {
		switch base := strings.ToLower(name); {
		case isJSONType(base):
			p.json = true
		case base == "application/x-www-form-urlencoded" || base == "multipart/form-data":
			p.form = true
		case strings.HasPrefix(base, "*/*") || strings.HasPrefix(base, "application/*"):
			p.form, p.json = true, true
		default:
			continue
		}
		if media := content[name]; body == nil && media != nil && media.Schema != nil {
			body = media.Schema.Value
		}
	}
	return body
}

// mergeSchemas makes one object schema of a body and of parameters.
func mergeSchemas(body *openapi3.Schema, declared []*openapi3.Parameter) *openapi3.Schema {
	if len(declared) == 0 {
		if body == nil {
			return openapi3.NewObjectSchema()
		}
		return body
	}
	out := openapi3.NewObjectSchema()
	out.Properties = make(openapi3.Schemas, len(declared))
	for _, v := range declared {
		ref := v.Schema
		for _, media := range v.Content {
			if ref == nil && media != nil {
				ref = media.Schema
			}
		}
		if ref == nil || ref.Value == nil {
			ref = openapi3.NewSchemaRef("", openapi3.NewSchema())
		}
		out.Properties[v.Name] = ref
		if v.Required {
			out.Required = append(out.Required, v.Name)
		}
	}
	if body == nil {
		return out
	}
	if len(body.AllOf)+len(body.OneOf)+len(body.AnyOf) > 0 || body.Not != nil || body.MinProps > 0 || body.MaxProps != nil {
		return &openapi3.Schema{AllOf: openapi3.SchemaRefs{openapi3.NewSchemaRef("", body), openapi3.NewSchemaRef("", out)}}
	}
	for name, ref := range body.Properties {
		out.Properties[name] = ref
	}
	for _, name := range body.Required {
		if !slices.Contains(out.Required, name) {
			out.Required = append(out.Required, name)
		}
	}
	out.AdditionalProperties = body.AdditionalProperties
	return out
}
