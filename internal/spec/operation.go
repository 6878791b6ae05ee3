package spec

import (
	"maps"
	"slices"
	"sort"
)

// Warnings tells what was overlooked in a foreign document, in English.
func (c *Contract) Warnings() []string { return slices.Clone(c.warnings) }

// Platform reports whether the document is in the platform's own dialect.
func (c *Contract) Platform() bool { return c.platform }

// Operations returns all operations, sorted by path and then by method.
func (c *Contract) Operations() []*Operation { return slices.Clone(c.operations) }

// Operation returns the operation with that operationId.
func (c *Contract) Operation(id string) (*Operation, bool) {
	o, ok := c.byID[id]
	return o, ok
}

// Errors returns the catalogue of errors in the order of the document.
func (c *Contract) Errors() []ErrorDef { return slices.Clone(c.errors) }

// Error returns the entry of the catalogue with that name.
func (c *Contract) Error(name string) (ErrorDef, bool) {
	i, ok := c.errorIndex[name]
	if !ok {
		return ErrorDef{}, false
	}
	return c.errors[i], true
}

// Envelope returns the wrapping of answers with that name.
func (c *Contract) Envelope(name string) (*Envelope, bool) {
	e, ok := c.envelopes[name]
	return e, ok
}

// Envelopes returns the names of all wrappings of answers, sorted.
func (c *Contract) Envelopes() []string {
	return slices.Sorted(maps.Keys(c.envelopes))
}

// Lifecycle returns the state machine of a resource.
func (c *Contract) Lifecycle(resource string) (*Lifecycle, bool) {
	l, ok := c.lifecycles[resource]
	return l, ok
}

// Lifecycles returns the names of the resources that have a state machine,
// sorted.
func (c *Contract) Lifecycles() []string {
	names := make([]string, 0, len(c.lifecycles))
	for name := range c.lifecycles {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Call returns the operationId of the call that the operation is: SameAs where
// it is set, else its own.
func (o *Operation) Call() string {
	if o.SameAs != "" {
		return o.SameAs
	}
	return o.ID
}

// Secret reports whether a parameter or a property carries a secret, that is,
// it is marked x-secret or is the name of an apiKey of the document.
func (o *Operation) Secret(name string) bool {
	o.secretOnce.Do(func() { o.secrets = o.findSecrets() })
	_, ok := o.secrets[name]
	return ok
}

// ParametersIn says where the parameters of the operation may stand: path, query,
// body, those of them that its document names or its method allows.
func (o *Operation) ParametersIn() []string {
	var out []string
	for _, place := range []struct {
		is   readsFrom
		name string
	}{{readsPath, "path"}, {readsQuery, "query"}, {readsBody, "body"}} {
		if o.in&place.is != 0 {
			out = append(out, place.name)
		}
	}
	return out
}
