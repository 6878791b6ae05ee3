package spec

import (
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// schemaWalk goes through schemas, each once.
type schemaWalk struct {
	seen map[*openapi3.Schema]struct{}
	// visit is called for each schema; property for each property of one.
	visit    func(*openapi3.Schema)
	property func(name string, ref *openapi3.SchemaRef)
}

func (w *schemaWalk) ref(ref *openapi3.SchemaRef) {
	if ref == nil || ref.Value == nil {
		return
	}
	s := ref.Value
	if _, seen := w.seen[s]; seen {
		return
	}
	w.seen[s] = struct{}{}
	if w.visit != nil {
		w.visit(s)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if w.property != nil {
			w.property(name, s.Properties[name])
		}
		w.ref(s.Properties[name])
	}
	for _, list := range []openapi3.SchemaRefs{s.AllOf, s.OneOf, s.AnyOf, s.PrefixItems} {
		for _, sub := range list {
			w.ref(sub)
		}
	}
	for _, one := range []*openapi3.SchemaRef{
		s.Items, s.Not, s.AdditionalProperties.Schema, s.Contains, s.PropertyNames, s.If, s.Then, s.Else, s.ContentSchema,
		s.UnevaluatedItems.Schema, s.UnevaluatedProperties.Schema,
	} {
		w.ref(one)
	}
	for _, named := range []openapi3.Schemas{s.PatternProperties, s.DependentSchemas, s.Defs} {
		for _, name := range slices.Sorted(maps.Keys(named)) {
			w.ref(named[name])
		}
	}
}

func (w *schemaWalk) content(content openapi3.Content) {
	for _, media := range content {
		if media != nil {
			w.ref(media.Schema)
		}
	}
}

func (w *schemaWalk) parameters(list openapi3.Parameters) {
	for _, ref := range list {
		if ref != nil && ref.Value != nil {
			if w.property != nil {
				w.property(ref.Value.Name, ref.Value.Schema)
			}
			w.ref(ref.Value.Schema)
			w.content(ref.Value.Content)
		}
	}
}

func (w *schemaWalk) operation(op *openapi3.Operation) {
	w.parameters(op.Parameters)
	if op.RequestBody != nil && op.RequestBody.Value != nil {
		w.content(op.RequestBody.Value.Content)
	}
	if op.Responses == nil {
		return
	}
	for _, ref := range op.Responses.Map() {
		if ref == nil || ref.Value == nil {
			continue
		}
		w.content(ref.Value.Content)
		for _, header := range ref.Value.Headers {
			if header != nil && header.Value != nil {
				w.ref(header.Value.Schema)
				w.content(header.Value.Content)
			}
		}
	}
}

// walkSchemas visits every schema that an operation or a component uses.
func walkSchemas(doc *openapi3.T, visit func(*openapi3.Schema)) {
	w := &schemaWalk{seen: map[*openapi3.Schema]struct{}{}, visit: visit}
	if c := doc.Components; c != nil {
		for _, ref := range c.Schemas {
			w.ref(ref)
		}
		for _, ref := range c.Parameters {
			w.parameters(openapi3.Parameters{ref})
		}
		for _, ref := range c.RequestBodies {
			if ref != nil && ref.Value != nil {
				w.content(ref.Value.Content)
			}
		}
		for _, ref := range c.Responses {
			if ref != nil && ref.Value != nil {
				w.content(ref.Value.Content)
			}
		}
		for _, ref := range c.Headers {
			if ref != nil && ref.Value != nil {
				w.ref(ref.Value.Schema)
			}
		}
	}
	for _, item := range doc.Paths.Map() {
		w.parameters(item.Parameters)
		for _, op := range item.Operations() {
			w.operation(op)
			for _, ref := range op.Callbacks {
				if ref == nil || ref.Value == nil {
					continue
				}
				for _, item := range ref.Value.Map() {
					w.parameters(item.Parameters)
					for _, op := range item.Operations() {
						w.operation(op)
					}
				}
			}
		}
	}
}

// findSecrets gathers the names that the operation's parameters and properties
// mark x-secret, and the names of the document's apiKeys.
func (o *Operation) findSecrets() map[string]struct{} {
	out := map[string]struct{}{}
	if c := o.contract.doc.Components; c != nil {
		for _, ref := range c.SecuritySchemes {
			if ref != nil && ref.Value != nil && ref.Value.Type == "apiKey" {
				out[ref.Value.Name] = struct{}{}
			}
		}
	}
	mark := func(name string, extensions map[string]any) {
		if secret, _ := extensions["x-secret"].(bool); secret {
			out[name] = struct{}{}
		}
	}
	w := &schemaWalk{seen: map[*openapi3.Schema]struct{}{}}
	w.property = func(name string, ref *openapi3.SchemaRef) {
		if ref == nil {
			return
		}
		mark(name, ref.Extensions)
		if ref.Value != nil {
			mark(name, ref.Value.Extensions)
		}
	}
	for _, list := range []openapi3.Parameters{o.doc.Parameters, o.item.Parameters} {
		for _, ref := range list {
			if ref != nil && ref.Value != nil {
				mark(ref.Value.Name, ref.Value.Extensions)
			}
		}
		w.parameters(list)
	}
	w.operation(o.doc)
	return out
}
