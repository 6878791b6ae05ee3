package emulator_test

// The seed documents' own examples, held against what the emulator answers:
// field by field, each difference with its reason.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"
)

// likeExample compares an answer with a document's example. reasons says why
// they differ where they do, by JSON pointer; a difference without a reason is
// an error, and so is a reason for what does not differ.
func likeExample(t testing.TB, what, example string, answer []byte, reasons map[string]string) {
	t.Helper()
	found := map[string]string{}
	compare(decodeNumbers(t, []byte(example)), decodeNumbers(t, answer), "", found)
	for _, pointer := range slices.Sorted(maps.Keys(found)) {
		if reasons[pointer] == "" {
			t.Errorf("%s: %s: %s, and nobody says why", what, pointer, found[pointer])
		}
	}
	for _, pointer := range slices.Sorted(maps.Keys(reasons)) {
		if found[pointer] == "" {
			t.Errorf("%s: %s does not differ, though %q is to be the reason", what, pointer, reasons[pointer])
		}
	}
}

func decodeNumbers(t testing.TB, data []byte) (v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return v
}

// compare notes where two values differ.
func compare(want, got any, pointer string, found map[string]string) {
	differ := func() {
		found[pointer] = fmt.Sprintf("the document has %v, the answer %v", shortly(want), shortly(got))
	}
	switch want := want.(type) {
	case map[string]any:
		members, ok := got.(map[string]any)
		if !ok {
			differ()
			return
		}
		for name, member := range want {
			if _, there := members[name]; !there {
				found[pointer+"/"+name] = "it is missing in the answer"
				continue
			}
			compare(member, members[name], pointer+"/"+name, found)
		}
		for name := range members {
			if _, there := want[name]; !there {
				found[pointer+"/"+name] = "the document does not have it"
			}
		}
	case []any:
		items, ok := got.([]any)
		if !ok || len(items) != len(want) {
			differ()
			return
		}
		for i := range want {
			compare(want[i], items[i], pointer+"/"+strconv.Itoa(i), found)
		}
	default:
		if want != got {
			differ()
		}
	}
}

func shortly(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	if len(text) > 80 {
		text = append(text[:80], "…"...)
	}
	return string(text)
}

// fieldsOf checks that an object has exactly the members of a document's table,
// each of its type.
func fieldsOf(t testing.TB, what string, object any, table map[string]string) {
	t.Helper()
	members, ok := object.(map[string]any)
	if !ok {
		t.Errorf("%s: %v is no object", what, shortly(object))
		return
	}
	for name, v := range members {
		if got := kindOf(v); got != table[name] {
			t.Errorf("%s: %s is %s, the table says %q", what, name, got, table[name])
		}
	}
	for name := range table {
		if _, there := members[name]; !there {
			t.Errorf("%s: %s is missing", what, name)
		}
	}
}

func kindOf(v any) string {
	switch v.(type) {
	case json.Number:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return fmt.Sprintf("%T", v)
}

// TestExamplesAreCompared sees that the comparison finds what differs.
func TestExamplesAreCompared(t *testing.T) {
	found := map[string]string{}
	compare(
		decodeNumbers(t, []byte(`{"a":1,"b":"x","c":[1,2],"d":{"e":null},"gone":1}`)),
		decodeNumbers(t, []byte(`{"a":"1","b":"x","c":[1],"d":{"e":null,"new":2},"f":1}`)), "", found)
	want := []string{"/a", "/c", "/d/new", "/f", "/gone"}
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}

// asText is a value as JSON.
func asText(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
