package spec

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// Binder fills values of T, a struct, from merged parameter sets. It is
// compiled once and may be used by many goroutines.
//
// A field takes the parameter that its json tag names: strings, integers,
// floats and booleans from their text or their JSON, pointers to those stay
// nil when the parameter is absent, a json.RawMessage takes the JSON as it was
// sent (a text as a JSON string), and any other type is filled by
// json.Unmarshal; a slice also from a list separated by commas. Parameters
// that no field names are ignored.
type Binder[T any] struct {
	fields []boundField
	index  map[string]int
}

// boundField is one field of a Binder's struct.
type boundField struct {
	path []int
	typ  reflect.Type // the type to fill, without its pointer
	ptr  bool
}

// NewBinder compiles a Binder. It is an error when T is not a struct, two
// fields have the same name, or a field has a type that no parameter can fill.
func NewBinder[T any]() (*Binder[T], error) {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("bind %s: expected a struct", t)
	}
	b := &Binder[T]{index: map[string]int{}}
	if err := b.compile(t, nil); err != nil {
		return nil, fmt.Errorf("bind %s: %w", t, err)
	}
	return b, nil
}

func (b *Binder[T]) compile(t reflect.Type, path []int) error {
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(slices.Clone(path), i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			if err := b.compile(f.Type, at); err != nil {
				return err
			}
			continue
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if _, twice := b.index[name]; twice {
			return fmt.Errorf("parameter %q: two fields have this name", name)
		}
		field := boundField{path: at, typ: f.Type}
		if f.Type.Kind() == reflect.Pointer {
			field.typ, field.ptr = f.Type.Elem(), true
		}
		switch field.typ.Kind() {
		case reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128, reflect.Uintptr, reflect.Pointer:
			return fmt.Errorf("parameter %q: no parameter can fill a %s", name, f.Type)
		}
		b.index[name] = len(b.fields)
		b.fields = append(b.fields, field)
	}
	return nil
}

// Bind returns a T filled from a parameter set. The error is an *InvalidError
// that names the parameters whose value does not fit their field.
func (b *Binder[T]) Bind(p Params) (T, error) {
	var out T
	var issues []Issue
	v := reflect.ValueOf(&out).Elem()
	for i := range p {
		at, ok := b.index[p[i].Name]
		if !ok {
			continue
		}
		f := &b.fields[at]
		target := v.FieldByIndex(f.path)
		if f.ptr {
			target.Set(reflect.New(f.typ))
			target = target.Elem()
		}
		if want := fill(target, &p[i]); want != "" {
			issues = append(issues, Issue{Rule: RuleType, Pointer: pointerOf(p[i].Name), Want: want})
		}
	}
	return out, invalid(issues)
}

// fill sets a field; it returns the type that was wanted when the value does
// not fit.
func fill(target reflect.Value, p *Param) string {
	isText := len(p.JSON) == 0 || p.JSON[0] == '"'
	switch target.Kind() {
	case reflect.String:
		switch {
		case isText:
			target.SetString(p.Text)
		case isNumber(p.JSON):
			target.SetString(string(p.JSON))
		default:
			return "string"
		}
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Int16, reflect.Int8:
		n, ok := integerOf(p, isText)
		if !ok || target.OverflowInt(n) {
			return "integer"
		}
		target.SetInt(n)
	case reflect.Uint, reflect.Uint64, reflect.Uint32, reflect.Uint16, reflect.Uint8:
		n, ok := integerOf(p, isText)
		if !ok || n < 0 || target.OverflowUint(uint64(n)) {
			return "integer"
		}
		target.SetUint(uint64(n))
	case reflect.Float64, reflect.Float32:
		f, ok := 0.0, false
		if isText {
			f, ok = parseNumber(p.Text)
		} else {
			f, ok = parseNumber(p.JSON)
		}
		if !ok || target.OverflowFloat(f) {
			return "number"
		}
		target.SetFloat(f)
	case reflect.Bool:
		switch {
		case isText && (p.Text == "true" || p.Text == "false"):
			target.SetBool(p.Text == "true")
		case !isText && (p.JSON[0] == 't' || p.JSON[0] == 'f'):
			target.SetBool(p.JSON[0] == 't')
		default:
			return "boolean"
		}
	default:
		return fillJSON(target, p, isText)
	}
	return ""
}

// integerOf reads an integer, also one that JSON writes with a fraction of
// zero or an exponent.
func integerOf(p *Param, isText bool) (int64, bool) {
	if isText {
		return parseInteger(p.Text)
	}
	if n, ok := parseInteger(p.JSON); ok {
		return n, true
	}
	f, ok := parseNumber(p.JSON)
	if !ok || f != math.Trunc(f) || math.Abs(f) > largestExact {
		return 0, false
	}
	return int64(f), true
}

// fillJSON fills the types that encoding/json knows how to fill.
func fillJSON(target reflect.Value, p *Param, isText bool) string {
	raw := []byte(p.JSON)
	if raw == nil {
		raw = appendJSONString(nil, p.Text)
	}
	if target.Type() == reflect.TypeFor[json.RawMessage]() {
		target.SetBytes(raw)
		return ""
	}
	pointer := target.Addr().Interface()
	if !isText || target.Kind() == reflect.Interface {
		if json.Unmarshal(raw, pointer) != nil {
			return wantOf(target.Kind())
		}
		return ""
	}
	// A text may be the type's own text form, or JSON, or a list.
	if _, own := pointer.(json.Unmarshaler); own && json.Unmarshal(raw, pointer) == nil {
		return ""
	}
	text := strings.TrimLeft(p.Text, " \t\r\n")
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
		if json.Unmarshal([]byte(text), pointer) != nil {
			return wantOf(target.Kind())
		}
		return ""
	}
	if target.Kind() != reflect.Slice {
		if json.Unmarshal(raw, pointer) != nil {
			return wantOf(target.Kind())
		}
		return ""
	}
	var parts []string
	if p.Text != "" {
		parts = strings.Split(p.Text, ",")
	}
	list := reflect.MakeSlice(target.Type(), len(parts), len(parts))
	for i, part := range parts {
		if want := fill(list.Index(i), &Param{Text: part}); want != "" {
			return "array of " + want
		}
	}
	target.Set(list)
	return ""
}

func wantOf(k reflect.Kind) string {
	switch k {
	case reflect.Slice, reflect.Array:
		return "array"
	case reflect.Struct, reflect.Map:
		return "object"
	}
	return "another type"
}
