package spec

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

func TestZZDebug(t *testing.T) {
	parts := strings.Fields(os.Getenv("ZZ"))
	data, _ := os.ReadFile("/tmp/pub/all/" + parts[0])
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		t.Fatal(err)
	}
	op := doc.Paths.Value(parts[2]).GetOperation(parts[1])
	c := responsesOf(op)[0]
	o := offersOf(c.response)[0]
	s := o.content.Schema
	b, _ := json.MarshalIndent(s.Value, "", " ")
	fmt.Println(s.Ref, string(b[:min(len(b), 2500)]))
	r := synthRequest{seed: 1, now: synthNow()}
	m := r.maker(1)
	v, err := m.value(s, "")
	fmt.Println(jsonText(v), err)
	if err == nil {
		err = r.complaint(s.Value, v)
	}
	if err != nil {
		fmt.Println(err.Error()[:min(3000, len(err.Error()))])
	}
}
