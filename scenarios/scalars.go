package scenarios

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Scalars: of the format's own types, and free values as they are sent and
// compared.

// bounds are what the tags of a field say of its value.
type bounds struct {
	words    []string
	min, max *float64
	pattern  *regexp.Regexp
	about    string
}

// boundsOf reads the tags of a field.
func boundsOf(tag reflect.StructTag) bounds {
	b := bounds{about: strings.TrimSuffix(tag.Get("jsonschema_description"), ".")}
	for part := range strings.SplitSeq(tag.Get("jsonschema"), ",") {
		name, value, _ := strings.Cut(part, "=")
		number, err := strconv.ParseFloat(value, 64)
		switch {
		case name == "enum":
			b.words = append(b.words, value)
		case name == "minimum" && err == nil:
			b.min = &number
		case name == "maximum" && err == nil:
			b.max = &number
		case name == "pattern":
			b.pattern, _ = regexp.Compile(value)
		}
	}
	return b
}

// scalar decodes a text, a number or a boolean.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string, b bounds) {
	if n.Kind != yaml.ScalarNode {
		d.complain(n, path, "is "+kindOf(n), expectedOf(v.Kind()), "")
		return
	}
	switch v.Kind() {
	case reflect.String:
		// A version such as 1.0 is a text, whatever YAML takes it for.
		if n.Tag == "!!null" || n.Tag == "!!bool" && b.words == nil {
			d.complain(n, path, "is "+kindOf(n), "a text; quote it", "")
			return
		}
		d.text(n, path, b)
		v.SetString(n.Value)
	case reflect.Bool:
		var x bool
		if n.Tag != "!!bool" || n.Decode(&x) != nil {
			d.complain(n, path, "is "+kindOf(n), "true or false", nearest(n.Value, []string{"true", "false"}))
			return
		}
		v.SetBool(x)
	default:
		var x int64
		if n.Tag != "!!int" || n.Decode(&x) != nil || v.CanUint() && x < 0 || v.CanInt() && v.OverflowInt(x) {
			d.complain(n, path, "is "+kindOf(n), "a whole number", "")
			return
		}
		switch {
		case b.min != nil && float64(x) < *b.min:
			d.complain(n, path, "is "+kindOf(n), fmt.Sprintf("at least %v", *b.min), "")
		case b.max != nil && float64(x) > *b.max:
			d.complain(n, path, "is "+kindOf(n), fmt.Sprintf("at most %v", *b.max), "")
		case b.words != nil && !slices.Contains(b.words, strconv.FormatInt(x, 10)):
			d.complain(n, path, "is "+kindOf(n), oneOf(b.words), "")
		}
		if v.CanUint() {
			v.SetUint(uint64(x))
		} else {
			v.SetInt(x)
		}
	}
}

// text checks a text against what its field may be.
func (d *decoder) text(n *yaml.Node, path string, b bounds) {
	switch {
	case b.words != nil && !slices.Contains(b.words, n.Value):
		d.complain(n, path, "unknown word "+clip(n.Value), oneOf(b.words), nearest(n.Value, b.words))
	case b.pattern != nil && !b.pattern.MatchString(n.Value):
		d.complain(n, path, "is "+kindOf(n), b.about, "")
	}
}

func expectedOf(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	}
	return "a whole number"
}

func (d *decoder) appStatus(n *yaml.Node, v reflect.Value, path string) {
	words := appStatuses()
	known := slices.Sorted(maps.Keys(words))
	x, ok := words[n.Value]
	for _, s := range words {
		if n.Value == strconv.Itoa(int(s)) {
			x, ok = s, true
		}
	}
	if n.Kind != yaml.ScalarNode || !ok {
		d.complain(n, path, "is "+kindOf(n), oneOf(known)+", or 1, 2, 4, -1", nearest(n.Value, known))
		return
	}
	v.Set(reflect.ValueOf(x))
}

func (d *decoder) ref(n *yaml.Node, v reflect.Value, path string) {
	_, err := strconv.ParseInt(n.Value, 10, 64)
	if n.Kind != yaml.ScalarNode || err != nil && !strings.HasPrefix(n.Value, "$") {
		d.complain(n, path, "is "+kindOf(n), "a whole number or a variable such as $package", "")
		return
	}
	v.Set(reflect.ValueOf(Ref(n.Value)))
}

// free decodes a value of any form: map[string]any, []any, string,
// json.Number, bool or nil. A number keeps its text.
func (d *decoder) free(n *yaml.Node, path string, depth int) any {
	if n = d.enter(n, path, depth); n == nil {
		return nil
	}
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for _, m := range d.members(n, path, depth) {
			at := join(path, m.key.Value)
			d.places[at] = d.at(m.value)
			out[m.key.Value] = d.free(m.value, at, depth+1)
		}
		return out
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, one := range n.Content {
			at := fmt.Sprintf("%s[%d]", path, i)
			d.places[at] = d.at(one)
			out[i] = d.free(one, at, depth+1)
		}
		return out
	case yaml.ScalarNode:
		return d.freeScalar(n, path)
	}
	d.complain(n, path, "is no value", "", "")
	return nil
}

func (d *decoder) freeScalar(n *yaml.Node, path string) any {
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		var x bool
		if n.Decode(&x) == nil {
			return x
		}
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.Number(n.Value)
		}
		var i int64
		var f float64
		switch {
		case n.Tag == "!!int" && n.Decode(&i) == nil:
			return json.Number(strconv.FormatInt(i, 10))
		case n.Decode(&f) == nil && !math.IsNaN(f) && !math.IsInf(f, 0):
			return json.Number(strconv.FormatFloat(f, 'f', -1, 64))
		}
	case "!!str", "!!timestamp":
		return n.Value
	}
	d.complain(n, path, "is "+kindOf(n)+" of kind "+clip(n.Tag), "a text, a number, true, false, a list or a mapping", "")
	return nil
}
