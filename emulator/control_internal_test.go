package emulator

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

// TestControlContract compiles the control API: each operation has exactly one
// handler, and what is handled is in the contract.
func TestControlContract(t *testing.T) {
	api, err := loadControl()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(api.contract.Operations()); n == 0 || n != len(api.table) {
		t.Errorf("%d operations, %d handlers", n, len(api.table))
	}
	for _, op := range api.contract.Operations() {
		for _, name := range api.table[op.ID].known.names {
			if op.Secret(name) != secretParam(name) {
				t.Errorf("%s: %s is secret in admin.yaml: %v, in the journal: %v", op.ID, name, op.Secret(name), secretParam(name))
			}
		}
	}
}

// TestControlWords looks for texts whose form admin.yaml tells to programs alone.
func TestControlWords(t *testing.T) {
	var document yaml.Node
	if err := yaml.Load(adminYAML, &document); err != nil {
		t.Fatal(err)
	}
	count := 0
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if key.Value != "pattern" && (key.Value != "format" || value.Value != "date-time") {
				continue
			}
			count++
			if !slices.ContainsFunc(n.Content, func(n *yaml.Node) bool { return n.Value == "x-want" }) {
				t.Errorf("admin.yaml:%d: the %s is not said in words (x-want)", key.Line, key.Value)
			}
		}
		for _, inner := range n.Content {
			walk(inner)
		}
	}
	walk(&document)
	if count < 5 {
		t.Errorf("%d forms found: the test looks in the wrong place", count)
	}
}

// TestControlStates holds the states that admin.yaml knows against the
// lifecycles'. A version cannot be put into a state that it never leaves.
func TestControlStates(t *testing.T) {
	e, err := New(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close(t.Context()) }()
	var doc struct {
		Components struct {
			Schemas map[string]struct{ Enum []any }
		}
	}
	if err := yaml.NewDecoder(bytes.NewReader(adminYAML)).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	for schema, m := range map[string]*machine{"PackageState": e.program().packages, "OrderState": e.program().payOrders, "RefundState": e.program().payRefunds} {
		known := map[any]bool{}
		for _, name := range doc.Components.Schemas[schema].Enum {
			known[name] = true
		}
		for name, st := range m.states {
			if want := !st.Final || schema != "PackageState"; known[name] != want {
				t.Errorf("%s %s: in admin.yaml %v, want %v", schema, name, known[name], want)
			}
			delete(known, name)
		}
		if len(known) > 0 {
			t.Errorf("%s: the lifecycle has no states %v", schema, known)
		}
	}
}

// TestShapes looks for unknown members in a type that contains itself, by way of
// everything that is followed.
func TestShapes(t *testing.T) {
	type node struct {
		Name     string           `json:"name"`
		Next     *node            `json:"next"`
		Children []node           `json:"children"`
		ByName   map[string]*node `json:"by_name"`
		When     time.Time        `json:"when"`
		Any      any              `json:"any"`
	}
	s := shapes{}.of(reflect.TypeFor[node]())
	for text, want := range map[string]string{
		`{"name":"a","next":{"children":[{"by_name":{"x":{"name":"b"}}}]}}`: "",
		`{"nmae":"a"}`:                              "/nmae name",
		`{"next":{"children":[{},{"nxet":{}}]}}`:    "/next/children/1/nxet next",
		`{"by_name":{"a/b~":{"far from all":1}}}`:   "/by_name/a~1b~0/far from all ",
		`{"when":{"x":1},"any":{"x":[{"y":1}]}}`:    "", // they are read by themselves, or by nobody
		`{"children":{"x":1},"next":[{"nmae":""}]}`: "", // not of the form, which others say
		`{"name":`: "",
	} {
		var got []string
		for _, issue := range s.unknownMembers([]byte(text), "") {
			got = append(got, issue.Pointer+" "+issue.Want)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
