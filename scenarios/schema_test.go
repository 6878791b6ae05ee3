package scenarios_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/swanemu/emu/scenarios"
)

// update rewrites schema.json.
var update = flag.Bool("update", false, "rewrite schema.json")

// TestSchema checks that schema.json says what the types say. With -update it
// writes it.
func TestSchema(t *testing.T) {
	want := generate(t)
	if *update {
		if err := os.WriteFile("schema.json", want, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(scenarios.Schema(), want) {
		t.Error("schema.json is not what the types and the contract say; write it with: go test ./scenarios -run TestSchema -update")
	}
}

// TestSchemaAcceptsTheLibrary checks that what the parser takes an editor
// takes too, and that the schema refuses what is plainly wrong.
func TestSchemaAcceptsTheLibrary(t *testing.T) {
	compiled := compile(t)
	for _, name := range scenarios.Names() {
		text, err := scenarios.Source(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := compiled.Validate(document(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{
		"name: x\nstep: []",
		"name: x\nsteps: [{}]",
		"name: x\nsteps: [{call: listPackages, advance: 3s}]",
		"name: x\nsteps: [{advance: soon}]",
		"summary: nameless",
	} {
		if compiled.Validate(document(t, []byte(text))) == nil {
			t.Errorf("the schema accepts %q", text)
		}
	}
}

func compile(t *testing.T) *validator.Schema {
	t.Helper()
	doc, err := validator.UnmarshalJSON(bytes.NewReader(scenarios.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// document is a YAML text as JSON has it.
func document(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(textKeys(v))
	if err != nil {
		t.Fatal(err)
	}
	out, err := validator.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// textKeys makes texts of keys, which YAML may take for numbers.
func textKeys(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, one := range v {
			v[name] = textKeys(one)
		}
	case map[any]any:
		out := map[string]any{}
		for name, one := range v {
			out[fmt.Sprint(name)] = textKeys(one)
		}
		return out
	case []any:
		for i := range v {
			v[i] = textKeys(v[i])
		}
	}
	return v
}

// generate makes the JSON Schema of the format from its types.
func generate(t *testing.T) []byte {
	t.Helper()
	r := &jsonschema.Reflector{Mapper: scalar, ExpandedStruct: true}
	s := r.Reflect(&scenarios.Scenario{})
	s.ID = ""
	s.Title = "A scenario of emu"
	exactlyOneVerb(t, s.Definitions["Step"])
	contractWords(t, s)
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(data, '\n')
}

// scalar says how the types of words are written.
func scalar(typ reflect.Type) *jsonschema.Schema {
	switch typ {
	case reflect.TypeFor[scenarios.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: `^([0-9]+d)?(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)?$`}
	case reflect.TypeFor[scenarios.Time]():
		return &jsonschema.Schema{Type: "string", Format: "date-time"}
	case reflect.TypeFor[scenarios.AppStatus]():
		return &jsonschema.Schema{Enum: []any{"normal", "in_review", "paused", "banned", 1, 2, 4, -1}}
	case reflect.TypeFor[scenarios.Ref]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "integer"}, {Type: "string", Pattern: `^(\$.+|[0-9]+)$`}}}
	}
	// A version such as 1.0 is taken for a text.
	if typ.Kind() == reflect.String && typ.Name() != "string" {
		return &jsonschema.Schema{Type: "string"}
	}
	return nil
}

// exactlyOneVerb says of steps what their type alone does not.
func exactlyOneVerb(t *testing.T, step *jsonschema.Schema) {
	t.Helper()
	if step == nil {
		t.Fatal("the schema has no definition of Step")
	}
	var verbs []string
	for name := range scenarios.Verbs() {
		verbs = append(verbs, name)
	}
	slices.SortFunc(verbs, strings.Compare)
	var none []*jsonschema.Schema
	for _, verb := range verbs {
		step.OneOf = append(step.OneOf, &jsonschema.Schema{Required: []string{verb}})
		none = append(none, &jsonschema.Schema{Required: []string{verb}})
	}
	step.OneOf = append(step.OneOf, &jsonschema.Schema{Required: []string{"note"}, Not: &jsonschema.Schema{AnyOf: none}})
}

// contractWords lists the words of the contract, so that editors complete
// them.
func contractWords(t *testing.T, s *jsonschema.Schema) {
	t.Helper()
	operations, pushes, refusals, states, transitions, err := scenarios.Words()
	if err != nil {
		t.Fatal(err)
	}
	orders, err := scenarios.Orders()
	if err != nil {
		t.Fatal(err)
	}
	notifications, orderStates, err := scenarios.PaymentWords()
	if err != nil {
		t.Fatal(err)
	}
	for at, words := range map[[2]string][]string{
		{"NotifyExpected", "event"}: notifications,
		{"Step", "call"}:            operations, {"Step", "order"}: orders, {"Called", "operation"}: operations, {"Fault", "operation"}: operations,
		{"PushExpected", "event"}: pushes, {"Fault", "error"}: refusals, {"Fault", "transition"}: transitions,
		{"StateExpected", "state"}: append(slices.Concat(states, orderStates), "absent"),
	} {
		def := s.Definitions[at[0]]
		if def == nil {
			t.Fatalf("no definition of %s", at[0])
		}
		member, ok := def.Properties.Get(at[1])
		if !ok || len(words) == 0 {
			t.Fatalf("%v: %d words", at, len(words))
		}
		for _, word := range words {
			member.Enum = append(member.Enum, word)
		}
	}
}
