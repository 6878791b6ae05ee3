package spec

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v4"
)

// errUnsure says that a document is not built here but by kin-openapi.
var errUnsure = errors.New("left to kin-openapi")

// build makes kin-openapi's document straight from the nodes, in one pass:
// kin-openapi's own decoder reads each level again for every level above it,
// which takes most of a cold start. It builds only what it is certain of and
// gives errUnsure otherwise; a test holds its work against kin-openapi's.
func (d *document) build() (*openapi3.T, error) {
	b := &builder{document: d, types: map[reflect.Type]*structType{}}
	doc := &openapi3.T{}
	members, err := d.pairs(d.root, 0)
	if err != nil {
		return nil, err
	}
	root := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, p := range members {
		if !strings.HasPrefix(p.key.Value, "x-") {
			root.Content = append(root.Content, p.key, p.value)
		}
	}
	if err := b.fill(reflect.ValueOf(doc).Elem(), root, 0); err != nil {
		return nil, err
	}
	if err := openapi3.NewLoader().ResolveRefsIn(doc, nil); err != nil {
		return nil, errUnsure // kin-openapi words it
	}
	return doc, nil
}

// builder fills kin-openapi's types by reflection.
type builder struct {
	*document
	types map[reflect.Type]*structType
	nodes int // visited so far, each alias anew
}

// enough reports whether the aliases unfold to more than a document may.
func (b *builder) enough(depth int) bool {
	b.nodes++
	return depth > maxDocumentDepth || b.nodes > maxUnfolding*(b.size+1<<10)
}

// structType is how a struct of kin-openapi is filled.
type structType struct {
	fields     map[string]int // by JSON name
	extensions int            // the field that takes the x- keys, or -1
	reference  bool           // has Ref and Value: one of the …Ref types
	plain      bool           // its JSON decoder does nothing but fill fields
}

// plainTypes are the structs whose JSON decoders in kin-openapi do nothing but
// fill fields and gather extensions.
func plainTypes() []any {
	return []any{
		openapi3.T{},
		openapi3.Info{},
		openapi3.Contact{},
		openapi3.License{},
		openapi3.Server{},
		openapi3.ServerVariable{},
		openapi3.Tag{},
		openapi3.ExternalDocs{},
		openapi3.Components{},
		openapi3.Operation{},
		openapi3.PathItem{},
		openapi3.Parameter{},
		openapi3.RequestBody{},
		openapi3.Response{},
		openapi3.MediaType{},
		openapi3.Schema{},
		openapi3.Example{},
		openapi3.SecurityScheme{},
	}
}

func (b *builder) typeOf(t reflect.Type) *structType {
	if st := b.types[t]; st != nil {
		return st
	}
	if len(b.types) == 0 {
		for _, v := range plainTypes() {
			t := reflect.TypeOf(v)
			st := &structType{plain: true, extensions: -1, fields: make(map[string]int, t.NumField())}
			for i := range t.NumField() {
				f := t.Field(i)
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				switch {
				case f.Name == "Extensions":
					st.extensions = i
				case f.IsExported() && name != "" && name != "-":
					st.fields[name] = i
				}
			}
			b.types[t] = st
		}
		if st := b.types[t]; st != nil {
			return st
		}
	}
	st := &structType{}
	_, hasRef := t.FieldByName("Ref")
	_, hasValue := t.FieldByName("Value")
	st.reference = hasRef && hasValue && strings.HasSuffix(t.Name(), "Ref")
	b.types[t] = st
	return st
}

// fill sets a value from a node.
func (b *builder) fill(v reflect.Value, n *yaml.Node, depth int) error {
	n = deref(n)
	if b.enough(depth) {
		return errUnsure
	}
	if v.Kind() == reflect.Interface {
		value, err := b.any(n, depth)
		if err != nil {
			return err
		}
		if value != nil {
			v.Set(reflect.ValueOf(value))
		}
		return nil
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return errUnsure
	}
	switch v.Kind() {
	case reflect.Pointer:
		switch v.Type() {
		case reflect.TypeFor[*openapi3.Types](), reflect.TypeFor[*openapi3.Discriminator]():
			return b.byJSON(v, n)
		case reflect.TypeFor[*openapi3.Paths]():
			paths := openapi3.NewPathsWithCapacity(len(n.Content) / 2)
			v.Set(reflect.ValueOf(paths))
			return b.named(n, depth, &paths.Extensions, func(key string, n *yaml.Node) error {
				item := &openapi3.PathItem{}
				paths.Set(key, item)
				return b.fill(reflect.ValueOf(item).Elem(), n, depth+2)
			})
		case reflect.TypeFor[*openapi3.Responses]():
			responses := openapi3.NewResponsesWithCapacity(len(n.Content) / 2)
			v.Set(reflect.ValueOf(responses))
			return b.named(n, depth, &responses.Extensions, func(key string, n *yaml.Node) error {
				response := &openapi3.ResponseRef{}
				responses.Set(key, response)
				return b.fill(reflect.ValueOf(response).Elem(), n, depth+2)
			})
		case reflect.TypeFor[*openapi3.Callback]():
			callback := openapi3.NewCallbackWithCapacity(len(n.Content) / 2)
			v.Set(reflect.ValueOf(callback))
			return b.named(n, depth, &callback.Extensions, func(key string, n *yaml.Node) error {
				item := &openapi3.PathItem{}
				callback.Set(key, item)
				return b.fill(reflect.ValueOf(item).Elem(), n, depth+2)
			})
		}
		v.Set(reflect.New(v.Type().Elem()))
		return b.fill(v.Elem(), n, depth+1)
	case reflect.Struct:
		return b.structure(v, n, depth)
	case reflect.Map:
		return b.mapping(v, n, depth)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return errUnsure
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, item := range n.Content {
			if err := b.fill(v.Index(i), item, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return b.scalar(v, n)
}

// named goes through a mapping of kin-openapi's that is no map.
func (b *builder) named(n *yaml.Node, depth int, extensions *map[string]any, set func(string, *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return errUnsure
	}
	*extensions = map[string]any{}
	members, err := b.pairs(n, depth)
	if err != nil {
		return err
	}
	for _, p := range members {
		if strings.HasPrefix(p.key.Value, "x-") {
			if (*extensions)[p.key.Value], err = b.any(p.value, depth+1); err != nil {
				return err
			}
			continue
		}
		if err := set(p.key.Value, p.value); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) structure(v reflect.Value, n *yaml.Node, depth int) error {
	st := b.typeOf(v.Type())
	ref := child(n, "$ref")
	switch {
	case st.reference && ref != nil && len(n.Content) == 2 && ref.Kind == yaml.ScalarNode && ref.Value != "":
		v.FieldByName("Ref").SetString(ref.Value)
		return nil
	case st.reference && ref == nil && n.Kind == yaml.MappingNode:
		return b.fill(v.FieldByName("Value"), n, depth+1)
	case !st.plain || ref != nil || n.Kind != yaml.MappingNode:
		return b.byJSON(v, n)
	}
	members, err := b.pairs(n, depth)
	if err != nil {
		return err
	}
	var extensions map[string]any
	for _, p := range members {
		key := p.key.Value
		if i, ok := st.fields[key]; ok {
			if err := b.fill(v.Field(i), p.value, depth+1); err != nil {
				return err
			}
			continue
		}
		if !strings.HasPrefix(key, "x-") || st.extensions < 0 {
			return errUnsure
		}
		if extensions == nil {
			extensions = map[string]any{}
		}
		if extensions[key], err = b.any(p.value, depth+1); err != nil {
			return err
		}
	}
	if extensions != nil {
		v.Field(st.extensions).Set(reflect.ValueOf(extensions))
	}
	return nil
}

func (b *builder) mapping(v reflect.Value, n *yaml.Node, depth int) error {
	if n.Kind != yaml.MappingNode || v.Type().Key().Kind() != reflect.String {
		return errUnsure
	}
	members, err := b.pairs(n, depth)
	if err != nil {
		return err
	}
	out := reflect.MakeMapWithSize(v.Type(), len(members))
	for _, p := range members {
		if strings.HasPrefix(p.key.Value, "x-") {
			return errUnsure // an extension, or a name: kin-openapi knows
		}
		item := reflect.New(v.Type().Elem()).Elem()
		if err := b.fill(item, p.value, depth+1); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(p.key.Value), item)
	}
	v.Set(out)
	return nil
}

func (b *builder) scalar(v reflect.Value, n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return errUnsure
	}
	tag := n.ShortTag()
	switch v.Kind() {
	case reflect.String:
		if tag == "!!int" || tag == "!!float" || tag == "!!bool" {
			return errUnsure
		}
		v.SetString(n.Value)
	case reflect.Bool:
		if tag != "!!bool" {
			return errUnsure
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	case reflect.Float64:
		f, ok := parseNumber(n.Value)
		if !ok || tag != "!!int" && tag != "!!float" {
			return errUnsure
		}
		v.SetFloat(f)
	case reflect.Uint64:
		i, ok := parseInteger(n.Value)
		if !ok || i < 0 || tag != "!!int" && tag != "!!float" {
			return errUnsure
		}
		v.SetUint(uint64(i))
	default:
		return errUnsure
	}
	return nil
}

// any decodes a node as encoding/json would.
func (b *builder) any(n *yaml.Node, depth int) (any, error) {
	n = deref(n)
	if b.enough(depth) {
		return nil, errUnsure
	}
	switch n.Kind {
	case yaml.MappingNode:
		members, err := b.pairs(n, depth)
		if err != nil {
			return nil, err
		}
		out := make(map[string]any, len(members))
		for _, p := range members {
			if out[p.key.Value], err = b.any(p.value, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, item := range n.Content {
			var err error
			if out[i], err = b.any(item, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true"), nil
	case "!!int", "!!float":
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || !isNumber(n.Value) || math.IsInf(f, 0) {
			return nil, errUnsure
		}
		return f, nil
	}
	return n.Value, nil
}

// byJSON lets kin-openapi decode one value from its JSON.
func (b *builder) byJSON(v reflect.Value, n *yaml.Node) error {
	data, err := b.json(n)
	if err != nil {
		return err
	}
	if json.Unmarshal(data, v.Addr().Interface()) != nil {
		return errUnsure
	}
	return nil
}
