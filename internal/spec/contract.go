package spec

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// LoadOptions tells Load about a document.
type LoadOptions struct {
	// Name is the file name that messages use; "openapi.yaml" when empty.
	Name string
	// Verified says that the document is known to be valid OpenAPI because a
	// test has loaded it without this, as with a document that is embedded:
	// kin-openapi then does not validate it, examples included, once more.
	// The dialect's own extensions are always checked.
	Verified bool
}

// Contract is a compiled OpenAPI document. It never changes after Load and may
// be used by many goroutines.
type Contract struct {
	name       string
	doc        *openapi3.T
	platform   bool
	v31        bool
	warnings   []string
	operations []*Operation
	byID       map[string]*Operation
	errors     []ErrorDef
	errorIndex map[string]int
	envelopes  map[string]*Envelope
	lifecycles map[string]*Lifecycle
	events     map[string]*event
	eventNames []string
	routes     routes
	answers    answerMemo

	secretOnce sync.Once
	secrets    map[string]struct{}
}

// Operation is one entry of a contract, by its operationId.
type Operation struct {
	ID, Method, Path, Summary string
	// SameAs is the operationId of the call that this one is, by another
	// method or for another kind of caller; "" when it is a call of its own.
	SameAs string
	// Envelope names the wrapping of the operation's answers; "" for none.
	Envelope string
	// Merged says that parameters may stand in the query or in the body.
	Merged bool
	// Errors names the errors of the catalogue that it may answer.
	Errors   []string
	Evidence Evidence
	// Changes says of a GET that it changes something all the same.
	Changes bool
	// Secured says that it must carry credentials; Principals who may call it.
	Secured    bool
	Principals []string
	// TokenParam is the name of the parameter that carries the access token.
	TokenParam string

	contract *Contract
	doc      *openapi3.Operation
	item     *openapi3.PathItem
	number   uint64
	in       readsFrom
	pathVars []string

	planOnce sync.Once
	compiled *plan

	fieldsOnce sync.Once
	fields     []Field

	secretOnce sync.Once
	secrets    map[string]struct{}
}

// readsFrom says where the parameters of an operation may stand.
type readsFrom uint8

const (
	readsPath readsFrom = 1 << iota
	readsQuery
	readsBody
)

// Load compiles a document in YAML or JSON: OpenAPI 3.0, or 3.1 as far as
// kin-openapi knows it. A document with x-envelopes is in the platform's own
// dialect and must keep it to the letter; any other is taken as leniently as
// kin-openapi allows, and Warnings tells what was overlooked. Syntax errors
// and errors of the dialect begin with file:line:column.
func Load(data []byte, o LoadOptions) (*Contract, error) {
	if o.Name == "" {
		o.Name = "openapi.yaml"
	}
	d, err := parseDocument(data, o.Name)
	if err != nil {
		return nil, err
	}
	c := &Contract{name: o.Name, byID: map[string]*Operation{}}
	c.answers.seed = maphash.MakeSeed()
	if err := c.checkVersion(d); err != nil {
		return nil, err
	}
	c.platform = child(d.root, "x-envelopes") != nil
	if err := c.parse(d, o); err != nil {
		return nil, err
	}
	if err := c.collectOperations(); err != nil {
		return nil, err
	}
	if c.platform {
		if err := c.parseExtensions(d); err != nil {
			return nil, err
		}
	}
	if err := c.buildRoutes(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return c, nil
}

// checkVersion refuses the documents that are not OpenAPI 3.0 or 3.1.
func (c *Contract) checkVersion(d *document) error {
	if n := child(d.root, "swagger"); n != nil {
		return fmt.Errorf("%s: Swagger %s is not supported; convert the document to OpenAPI 3.0", d.at(n), n.Value)
	}
	n := child(d.root, "openapi")
	if n == nil {
		return fmt.Errorf("%s: no openapi version; expected an OpenAPI 3.0 document", d.at(d.root))
	}
	switch {
	case n.Value == "3.0" || strings.HasPrefix(n.Value, "3.0."):
	case n.Value == "3.1" || strings.HasPrefix(n.Value, "3.1."):
		c.v31 = true
	default:
		return fmt.Errorf("%s: OpenAPI %s is not supported; expected 3.0 or 3.1", d.at(n), n.Value)
	}
	return nil
}

// parse hands the document to kin-openapi and lets it validate.
func (c *Contract) parse(d *document, o LoadOptions) error {
	if c.platform {
		if err := d.checkExtensions(); err != nil {
			return err
		}
	}
	doc, err := c.decode(d)
	if err != nil {
		return err
	}
	c.doc = doc
	if doc.Paths == nil {
		doc.Paths = openapi3.NewPaths()
	}
	if o.Verified {
		return nil
	}
	if err = doc.Validate(context.Background()); err == nil {
		return nil
	}
	if c.platform {
		return fmt.Errorf("%s: %w", c.name, firstLine(err))
	}
	return c.overlook(err)
}

// decode makes kin-openapi's document of the nodes.
func (c *Contract) decode(d *document) (*openapi3.T, error) {
	if !c.v31 {
		if doc, err := d.build(); !errors.Is(err, errUnsure) {
			return doc, err
		}
	}
	data, err := d.openAPI()
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		if lost := d.dangling(); lost != nil {
			return nil, lost
		}
		return nil, fmt.Errorf("%s: %w", c.name, firstLine(err))
	}
	return doc, nil
}

// firstLine cuts off the schemas and values that kin-openapi prints below its
// messages.
func firstLine(err error) error {
	text, _, cut := strings.Cut(err.Error(), "\n")
	if !cut {
		return err
	}
	return errors.New(text)
}

// dropPatterns removes the patterns that Go's regexp refuses and returns them.
func dropPatterns(doc *openapi3.T) []string {
	var dropped []string
	walkSchemas(doc, func(s *openapi3.Schema) {
		if s.Pattern == "" {
			return
		}
		if _, err := regexp.Compile(goPattern(s.Pattern)); err != nil {
			dropped = append(dropped, s.Pattern)
			s.Pattern = ""
		}
	})
	sort.Strings(dropped)
	return slices.Compact(dropped)
}

// collectOperations makes the table of operations, sorted by path and method.
func (c *Contract) collectOperations() error {
	paths := c.doc.Paths.Map()
	names := make([]string, 0, len(paths))
	for path := range paths {
		names = append(names, path)
	}
	sort.Strings(names)
	for _, path := range names {
		item := paths[path]
		methods := item.Operations()
		order := make([]string, 0, len(methods))
		for method := range methods {
			order = append(order, method)
		}
		sort.Strings(order)
		for _, method := range order {
			o := &Operation{
				ID: methods[method].OperationID, Method: method, Path: path, Summary: methods[method].Summary,
				contract: c, doc: methods[method], item: item, number: uint64(len(c.operations)) + 1,
				pathVars: templateVars(path),
			}
			if o.Summary == "" {
				o.Summary = item.Summary
			}
			o.reads()
			c.security(o)
			c.operations = append(c.operations, o)
			if o.ID != "" {
				if twin := c.byID[o.ID]; twin != nil {
					return fmt.Errorf("%s: operationId %q stands twice: %s %s and %s %s", c.name, o.ID, twin.Method, twin.Path, method, path)
				}
				c.byID[o.ID] = o
			}
		}
	}
	for _, o := range c.operations {
		if o.ID == "" {
			o.ID = c.inventID(o.Method, o.Path)
			c.byID[o.ID] = o
		}
	}
	return nil
}

// inventID names an operation that its document does not name.
func (c *Contract) inventID(method, path string) string {
	var b strings.Builder
	b.WriteString(method)
	gap := true
	for _, r := range path {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127 {
			if gap {
				b.WriteByte('_')
			}
			gap = false
			b.WriteRune(r)
			continue
		}
		gap = true
	}
	base := b.String()
	if base == method {
		base += "_root"
	}
	id := base
	for n := 2; c.byID[id] != nil; n++ {
		id = fmt.Sprintf("%s_%d", base, n)
	}
	return id
}

// reads sets where the parameters of the operation may stand when its document
// does not say so.
func (o *Operation) reads() {
	o.in = readsPath | readsQuery
	if o.Method != http.MethodGet && o.Method != http.MethodHead {
		o.in |= readsBody
	}
	list, ok := o.doc.Extensions["x-parameters-in"].([]any)
	if !ok {
		return
	}
	o.Merged = true
	o.in = 0
	if len(o.pathVars) > 0 {
		o.in = readsPath
	}
	for _, where := range list {
		switch where {
		case "path":
			o.in |= readsPath
		case "query":
			o.in |= readsQuery
		case "body":
			o.in |= readsBody
		}
	}
}

// security reads who may call the operation, and by what.
func (c *Contract) security(o *Operation) {
	requirements := o.requirements()
	o.Secured = len(requirements) > 0
	for _, alternative := range requirements {
		if len(alternative) == 0 {
			o.Secured = false
		}
		names := make([]string, 0, len(alternative))
		for name := range alternative {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			scheme := c.scheme(name)
			if scheme == nil {
				continue
			}
			if scheme.Type == "apiKey" && scheme.In == "query" && o.TokenParam == "" {
				o.TokenParam = scheme.Name
			}
			if list, ok := scheme.Extensions["x-principals"].([]any); ok {
				for _, one := range list {
					if name, ok := one.(string); ok && !slices.Contains(o.Principals, name) {
						o.Principals = append(o.Principals, name)
					}
				}
			}
		}
	}
}

// requirements returns the alternatives of credentials that the operation
// asks for.
func (o *Operation) requirements() openapi3.SecurityRequirements {
	if o.doc.Security != nil {
		return *o.doc.Security
	}
	return o.contract.doc.Security
}

func (c *Contract) scheme(name string) *openapi3.SecurityScheme {
	if c.doc.Components == nil || c.doc.Components.SecuritySchemes[name] == nil {
		return nil
	}
	return c.doc.Components.SecuritySchemes[name].Value
}
