// Package spec compiles an OpenAPI 3.0 document once and answers everything
// about the wire from it: which operation a request is for, what its
// parameters are and whether they are valid, whether an answer keeps the
// contract, and what an answer looks like that nobody has programmed.
//
// It promises: a Contract never changes after Load; kin-openapi is the only
// judge of what is invalid (the accept-only checks in front of it accept only
// what kin-openapi accepts); the same seed synthesises the same bytes. It does
// not know the platform: states, tokens and time belong to package emulator.
package spec

import (
	"encoding/json"
	"time"
)

// Location says where in a request a parameter was found.
type Location string

// The locations of a parameter.
const (
	InPath  Location = "path"
	InQuery Location = "query"
	InForm  Location = "form"
	InJSON  Location = "json"
)

// Param is one parameter of a request as it was sent.
type Param struct {
	// Name is the parameter's name as the contract spells it.
	Name string `json:"name"`
	// In says where it was found.
	In Location `json:"in,omitempty"`
	// Text is the decoded text of a path, query or form parameter, and of a
	// JSON string.
	Text string `json:"text,omitempty"`
	// JSON is the raw value of a member of a JSON body; nil elsewhere.
	JSON json.RawMessage `json:"json,omitempty"`
}

// Params is the merged parameter set of a request: path, then query, then
// body, the later one winning where two name the same parameter. Order is the
// order of first appearance.
type Params []Param

// Get returns the parameter with that name.
func (p Params) Get(name string) (Param, bool) {
	for i := range p {
		if p[i].Name == name {
			return p[i], true
		}
	}
	return Param{}, false
}

// Text returns the text of the parameter with that name, or "" when it is
// absent.
func (p Params) Text(name string) string {
	v, _ := p.Get(name)
	return v.Text
}

// Rule names the kind of rule that an invalid request breaks.
type Rule string

// The rules of an Issue.
const (
	RuleRequired  Rule = "required"
	RuleType      Rule = "type"
	RuleEnum      Rule = "enum"
	RuleMinLength Rule = "minLength"
	RuleMaxLength Rule = "maxLength"
	RuleMinimum   Rule = "minimum"
	RuleMaximum   Rule = "maximum"
	RuleMinItems  Rule = "minItems"
	RuleMaxItems  Rule = "maxItems"
	RulePattern   Rule = "pattern"
	RuleFormat    Rule = "format"
	RuleUnknown   Rule = "unknown"   // a member the schema does not allow
	RuleDuplicate Rule = "duplicate" // named twice in one location
	RuleMalformed Rule = "malformed" // not decodable: JSON, percent-encoding, NUL byte, UTF-8
	RuleMediaType Rule = "mediaType"
	RuleSchema    Rule = "schema" // any other keyword
)

// Issue is one thing that is wrong with a request or an answer. It never
// carries the offending value, which may be a secret.
type Issue struct {
	Rule Rule
	// Pointer is the JSON pointer of the value in the merged parameter set
	// or in the answer, e.g. "/package_id"; "" is the whole.
	Pointer string
	// Want is what was expected, as the schema says it: "integer", "32",
	// "1, 3, 4", a pattern.
	Want string
	// Words is what was expected as people say it; "" where the contract has no
	// words for it (x-want).
	Words string
}

// InvalidError says that a request or an answer does not keep the contract.
type InvalidError struct{ Issues []Issue }

// Answer is a synthesised answer.
type Answer struct {
	Status    int
	Header    map[string]string
	MediaType string
	Body      []byte
}

// Evidence is where a statement of the contract comes from (x-evidence).
type Evidence struct {
	Grade  string `json:"grade" yaml:"grade"`   // documented, observed or assumed
	Source string `json:"source" yaml:"source"` // e.g. "S1", "D", "K", "A"
}

// ErrorDef is an entry of the contract's error catalogue (x-errors).
type ErrorDef struct {
	Name   string
	Status int
	Header map[string]string
	// Body holds the members of the wire form in the order of the document.
	Body []Member
	// Detail names the member to whose text a detail is appended; "" for none.
	Detail   string
	Evidence Evidence
}

// Member is one member of an error's wire form; Value is its JSON.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Envelope is one of the contract's wrappings of answers (x-envelopes).
type Envelope struct {
	Name string
	// Success holds the constant members of a success, in order.
	Success []Member
	// Data names the member that holds the result; "" means the result is
	// the whole body.
	Data string
	// Refusals maps a stage of the pipeline (invalid, type, unauthenticated,
	// expired, forbidden, method, not_found, too_large, internal, unavailable)
	// to the name of an error in the catalogue.
	Refusals map[string]string
}

// Lifecycle is the state machine of a resource (x-lifecycle).
type Lifecycle struct {
	Resource    string
	Title       string
	States      []State
	Gates       []Gate
	Transitions []Transition
}

// State is one state of a Lifecycle.
type State struct {
	Name, Title  string
	Status       int    // the wire's status; 0 when the row carries none
	UploadStatus int    // the wire's upload_status; 0 when the row carries none
	Listed       bool   // whether the resource shows in lists
	Slot         string // at most one resource of an owner per slot; "" is free
	Final        bool
	Evidence     Evidence
}

// Gate is a condition on a transition, decided by the emulator by its name.
type Gate struct {
	Name, Summary string
	Refuse        []string // the errors it may answer, by catalogue name
	Evidence      Evidence
}

// Transition is one arrow of a Lifecycle.
type Transition struct {
	Name string
	From []string // empty: creates the resource
	To   string
	// Exactly one of Operation (an operationId), Decision (upload, audit,
	// rollback: the platform's own) and Caused (another transition's name)
	// is set.
	Operation, Decision, Caused string
	Outcome                     string // pass or fail, with Decision
	When                        string // a further condition, by name
	After                       time.Duration
	Gates                       []string
	Emits                       []string // names of x-events
	Evidence                    Evidence
}

// EventDef is something the platform sends (x-events).
type EventDef struct {
	Name    string
	Channel string // push, kafka or notify
	Code    int    // the Kafka notice's code; 0 for the others
	Title   string
	// Evidence is where the event's form comes from.
	Evidence Evidence
}
