package spec

import (
	"fmt"
	"os"
	"testing"
)

func TestZZ(t *testing.T) {
	data, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(data, LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, op := range c.Operations() {
		for _, p := range []Prefer{{}, {Dynamic: true}} {
			a, err := op.Synthesise(p, "", 1, synthNow())
			n++
			if err != nil {
				t.Errorf("%s: %v", op.ID, err)
				continue
			}
			if err := op.CheckAnswer(a.Status, a.MediaType, a.Body); err != nil {
				t.Errorf("%s: %v", op.ID, err)
			}
			if n%8 < 2 || p.Dynamic {
				fmt.Println(op.ID, a.Status, string(a.Body[:min(500, len(a.Body))]))
			}
		}
	}
}
