package scenarios

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/swanemu/emu/emulator"
)

// A Contract is what a scenario needs to know of an OpenAPI document: the
// words it may use, and how a call looks on the wire. It never changes.
type Contract struct {
	operations map[string]*operation
	errors     map[string]refusal
	names      []string // of errors, sorted
	// pushes are the names of events that are pushed, notifications of those
	// that merchants are told, notices the codes of those that go to Kafka with
	// their names.
	pushes, notifications []string
	notices               map[int]string
	// states are those of packages, orderStates of orders; transitions are of
	// everything that has a lifecycle.
	states, orderStates, transitions []string
}

// operation is a call as a client makes it.
type operation struct {
	id, method, path string
	principals       []string
	tokenParam       string
	params           []string
	// inPath are the parameters that are part of the path.
	inPath []string
}

// refusal is an entry of the catalogue of errors.
type refusal struct {
	status int
	body   map[string]any
	detail string
}

// ReadContract reads an OpenAPI document, in YAML or JSON.
func ReadContract(data []byte) (*Contract, error) {
	var doc document
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	c := &Contract{operations: map[string]*operation{}, errors: map[string]refusal{}, notices: map[int]string{}}
	for path, item := range doc.Paths {
		for method, node := range item {
			var op documentOperation
			if !slices.Contains([]string{"get", "post", "put", "patch", "delete"}, method) || node.Decode(&op) != nil || op.ID == "" {
				continue
			}
			c.operations[op.ID] = doc.operation(method, path, &op)
		}
	}
	for name, e := range doc.Errors {
		body, _ := plain(e.Body).(map[string]any)
		c.errors[name] = refusal{status: e.Status, body: body, detail: e.Detail}
	}
	c.names = slices.Sorted(maps.Keys(c.errors))
	for _, name := range slices.Sorted(maps.Keys(doc.Events)) {
		switch e := doc.Events[name]; e.Channel {
		case channelKafka:
			c.notices[e.Code] = name
		case channelNotify:
			c.notifications = append(c.notifications, name)
		default:
			c.pushes = append(c.pushes, name)
		}
	}
	c.states, c.orderStates = doc.states("package"), doc.states("order")
	for _, resource := range slices.Sorted(maps.Keys(doc.Lifecycle)) {
		for _, t := range doc.Lifecycle[resource].Transitions {
			c.transitions = append(c.transitions, t.Name)
		}
	}
	return c, nil
}

// defaultContract is the platform's own.
//
//nolint:gochecknoglobals // read once, never changed
var defaultContract = sync.OnceValues(func() (*Contract, error) { return ReadContract(emulator.DefaultSpec()) })

// controlContract is that of the control API.
//
//nolint:gochecknoglobals // read once, never changed
var controlContract = sync.OnceValues(func() (*Contract, error) { return ReadContract(emulator.ControlSpec()) })

// document is the part of an OpenAPI document that is read here.
type document struct {
	Errors map[string]struct {
		Status int            `yaml:"status"`
		Body   map[string]any `yaml:"body"`
		Detail string         `yaml:"detail"`
	} `yaml:"x-errors"`
	Events map[string]struct {
		Channel string `yaml:"channel"`
		Code    int    `yaml:"code"`
	} `yaml:"x-events"`
	Lifecycle map[string]struct {
		States      []named `yaml:"states"`
		Transitions []named `yaml:"transitions"`
	} `yaml:"x-lifecycle"`
	Paths      map[string]map[string]yaml.Node `yaml:"paths"`
	Components struct {
		Schemas    map[string]documentSchema    `yaml:"schemas"`
		Parameters map[string]documentParameter `yaml:"parameters"`
		Bodies     map[string]documentBody      `yaml:"requestBodies"`
		Schemes    map[string]struct {
			Name       string   `yaml:"name"`
			Principals []string `yaml:"x-principals"`
		} `yaml:"securitySchemes"`
	} `yaml:"components"`
}

type named struct {
	Name string `yaml:"name"`
}

type documentSchema struct {
	Ref        string               `yaml:"$ref"`
	Properties map[string]yaml.Node `yaml:"properties"`
	AllOf      []documentSchema     `yaml:"allOf"`
}

type documentParameter struct {
	Ref  string `yaml:"$ref"`
	Name string `yaml:"name"`
}

type documentOperation struct {
	ID         string                `yaml:"operationId"`
	Parameters []documentParameter   `yaml:"parameters"`
	Security   []map[string][]string `yaml:"security"`
	Body       documentBody          `yaml:"requestBody"`
}

type documentBody struct {
	Ref     string `yaml:"$ref"`
	Content map[string]struct {
		Schema documentSchema `yaml:"schema"`
	} `yaml:"content"`
}

// states lists the states of a resource.
func (doc *document) states(resource string) (out []string) {
	for _, s := range doc.Lifecycle[resource].States {
		out = append(out, s.Name)
	}
	return out
}

func (doc *document) operation(method, path string, op *documentOperation) *operation {
	out := &operation{id: op.ID, method: strings.ToUpper(method), path: path, inPath: variables(path)}
	out.params = append(out.params, out.inPath...)
	for _, p := range op.Parameters {
		if p.Ref != "" {
			p = doc.Components.Parameters[lastOf(p.Ref)]
		}
		out.params = append(out.params, p.Name)
	}
	body := op.Body
	if body.Ref != "" {
		body = doc.Components.Bodies[lastOf(body.Ref)]
	}
	for _, media := range body.Content {
		out.params = append(out.params, doc.properties(media.Schema, 0)...)
	}
	for _, scheme := range op.Security {
		for name := range scheme {
			out.tokenParam = doc.Components.Schemes[name].Name
			out.principals = append(out.principals, doc.Components.Schemes[name].Principals...)
		}
	}
	slices.Sort(out.params)
	out.params = slices.Compact(out.params)
	return out
}

// variables lists the variables of a path.
func variables(path string) []string {
	var out []string
	for _, part := range strings.Split(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			out = append(out, strings.TrimSuffix(name, "}"))
		}
	}
	return out
}

// properties lists the members of a schema.
func (doc *document) properties(s documentSchema, depth int) []string {
	if depth > 8 {
		return nil
	}
	if s.Ref != "" {
		s = doc.Components.Schemas[lastOf(s.Ref)]
	}
	out := slices.Collect(maps.Keys(s.Properties))
	for _, part := range s.AllOf {
		out = append(out, doc.properties(part, depth+1)...)
	}
	return out
}

func lastOf(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// plain makes the forms of free values out of what YAML decodes.
func plain(v any) any {
	data, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	out, _ := decodeJSON(data)
	return out
}

// operationNames lists the calls there are.
func (c *Contract) operationNames() []string { return slices.Sorted(maps.Keys(c.operations)) }

// errorNames lists the catalogue.
func (c *Contract) errorNames() []string { return slices.Clip(c.names) }

// refusedAs says how an answer is refused: the name of the first entry of the
// catalogue that it is, and whether it is a refusal at all. Entries that look
// alike on the wire cannot be told apart here.
func (c *Contract) refusedAs(status int, body any) (names []string, refused bool) {
	members := nested(body)
	for _, name := range c.errorNames() {
		if c.errors[name].is(members) {
			names = append(names, name)
		}
	}
	if len(names) > 0 || status >= 400 {
		return names, true
	}
	for _, code := range []string{"errno", "error_code"} {
		if n, ok := members[code]; ok && !equal(n, json.Number("0")) && !equal(n, "0") {
			return nil, true
		}
	}
	_, refused = members["error"].(string)
	return nil, refused
}

// nested are the members of an answer: its own, or those below the key path of
// a host, which then is all that stands at the top.
func nested(body any) map[string]any {
	members, _ := body.(map[string]any)
	if len(members) != 1 {
		return members
	}
	for _, only := range members {
		if below, ok := only.(map[string]any); ok && below["errno"] != nil {
			return below
		}
	}
	return members
}

// is reports whether an answer is this refusal, whatever its details are. The
// status of gateway errors can be configured, so it does not count.
func (r refusal) is(members map[string]any) bool {
	if len(members) == 0 || len(r.body) == 0 {
		return false
	}
	for name, want := range r.body {
		got, there := members[name]
		if name == r.detail {
			text, isText := got.(string)
			begin, _ := want.(string)
			if !isText || !strings.HasPrefix(text, begin) {
				return false
			}
			continue
		}
		if !there || !equal(want, got) {
			return false
		}
	}
	return true
}
