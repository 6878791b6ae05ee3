package spec_test

import (
	"slices"
	"testing"

	emu "github.com/swanemu/emu"
	"github.com/swanemu/emu/internal/spec"
)

// TestPlacesAt is the way back from Find.
func TestPlacesAt(t *testing.T) {
	for _, text := range []string{
		"a:\n  - {x: 1, \"y/z\": 2}\n  - b\nc: &c {d: 1}\ne: *c\n",
		`{"a": [{"x": 1, "y/z": 2},` + "\n" + `"b"], "c": {"d": 1}}`,
	} {
		p, err := spec.ReadPlaces([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, pointer := range []string{"#/a", "#/a/0/x", "#/a/0/y~1z", "#/a/1", "#/c", "#/c/d"} {
			at := p.Find(pointer)
			if got := p.At(at.Line, at.Column); got != at {
				t.Errorf("%s: %+v, want %+v", pointer, got, at)
			}
			// What is inside of it, and no name, is its own.
			if got := p.At(at.Line, at.Column+1); got.Pointer != pointer {
				t.Errorf("behind %s: %+v", pointer, got)
			}
		}
		if got := p.At(99, 1); got.Pointer != "#" {
			t.Errorf("outside: %+v", got)
		}
	}
}

func TestEnvelopesAndPlaces(t *testing.T) {
	c, err := spec.Load(emu.OpenAPI, spec.LoadOptions{Verified: true})
	if err != nil {
		t.Fatal(err)
	}
	got := c.Envelopes()
	for _, want := range []string{"business", "gateway", "oauth"} {
		if !slices.Contains(got, want) || !slices.IsSorted(got) {
			t.Errorf("%v, want %s among them, sorted", got, want)
		}
	}
	for id, want := range map[string][]string{"releasePackage": {"query", "body"}, "listPackages": {"path", "query"}} {
		o, _ := c.Operation(id)
		if got := o.ParametersIn(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
	}
}
