package spec

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// encodeBody writes a value in a media type.
func encodeBody(o offer, v any) ([]byte, error) {
	base := baseType(o.mediaType)
	switch {
	case isJSONType(base):
		return encodeJSON(v)
	case base == "application/xml" || base == "text/xml" || strings.HasSuffix(base, "+xml"):
		return encodeXML(o.content.Schema, v)
	case base == "application/x-www-form-urlencoded":
		return encodeForm(v)
	}
	if text, ok := v.(string); ok {
		return []byte(text), nil
	}
	if strings.HasPrefix(base, "text/") || strings.HasSuffix(base, "yaml") || strings.Contains(base, "json") {
		return encodeJSON(v)
	}
	if text, ok := simpleText(v); ok {
		return []byte(text), nil
	}
	return nil, &AnswerError{http.StatusNotAcceptable, fmt.Sprintf("no body can be made of an object as %s", base)}
}

// encodeJSON writes a value as JSON, its members sorted, with no escapes for
// HTML and no line break at the end.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// jsonText is a value as JSON, for comparisons.
func jsonText(v any) string {
	b, err := encodeJSON(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func jsonTexts(values []any) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = jsonText(v)
	}
	return out
}

// simpleText is a value as plain text; a list has its items separated by
// commas. ok is false for an object.
func simpleText(v any) (text string, ok bool) {
	switch v := v.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case map[string]any:
		return "", false
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			if parts[i], ok = simpleText(item); !ok {
				return "", false
			}
		}
		return strings.Join(parts, ","), true
	}
	return jsonText(v), true
}

// encodeForm writes an object as a form; what is no simple value goes in as
// JSON.
func encodeForm(v any) ([]byte, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil, &AnswerError{http.StatusNotAcceptable, "only an object can be made a form"}
	}
	form := make(url.Values, len(object))
	for name, member := range object {
		text, ok := simpleText(member)
		if !ok {
			text = jsonText(member)
		}
		form.Set(name, text)
	}
	return []byte(form.Encode()), nil
}

// encodeXML writes a value as XML, as far as the schema's xml keywords say how
// (names, attributes, wrapped lists; no namespaces).
func encodeXML(ref *openapi3.SchemaRef, v any) ([]byte, error) {
	name := "root"
	if ref != nil {
		if at := strings.LastIndexByte(ref.Ref, '/'); at >= 0 {
			name = ref.Ref[at+1:]
		}
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	err := writeXML(enc, ref, xmlName(ref, name), v)
	if err == nil {
		err = enc.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("encode the answer as XML: %w", err)
	}
	return b.Bytes(), nil
}

// writeXML writes one element and what is in it.
func writeXML(enc *xml.Encoder, ref *openapi3.SchemaRef, name string, v any) error {
	start := xml.StartElement{Name: xml.Name{Local: name}}
	switch v := v.(type) {
	case map[string]any:
		return writeXMLObject(enc, ref, start, v)
	case []any:
		items := itemsOf(ref)
		wrapped := ref != nil && ref.Value != nil && ref.Value.XML != nil && ref.Value.XML.Wrapped
		if wrapped {
			if err := enc.EncodeToken(start); err != nil {
				return err
			}
		}
		for _, item := range v {
			if err := writeXML(enc, items, xmlName(items, name), item); err != nil {
				return err
			}
		}
		if wrapped {
			return enc.EncodeToken(start.End())
		}
		return nil
	}
	text, _ := simpleText(v)
	return enc.EncodeElement(text, start)
}

// writeXMLObject writes an object: attributes first, then its elements by
// name.
func writeXMLObject(enc *xml.Encoder, ref *openapi3.SchemaRef, start xml.StartElement, v map[string]any) error {
	names := slices.Sorted(maps.Keys(v))
	names = slices.DeleteFunc(names, func(name string) bool {
		p := propertyOf(ref, name)
		if p == nil || p.Value == nil || p.Value.XML == nil || !p.Value.XML.Attribute {
			return false
		}
		text, ok := simpleText(v[name])
		if ok {
			start.Attr = append(start.Attr, xml.Attr{Name: xml.Name{Local: xmlName(p, name)}, Value: text})
		}
		return ok
	})
	if err := enc.EncodeToken(start); err != nil {
		return err
	}
	for _, name := range names {
		p := propertyOf(ref, name)
		if err := writeXML(enc, p, xmlName(p, name), v[name]); err != nil {
			return err
		}
	}
	return enc.EncodeToken(start.End())
}

// xmlName is the name of an element: the schema's own, else the given one.
func xmlName(ref *openapi3.SchemaRef, name string) string {
	if ref != nil && ref.Value != nil && ref.Value.XML != nil && ref.Value.XML.Name != "" {
		return ref.Value.XML.Name
	}
	return name
}

func itemsOf(ref *openapi3.SchemaRef) *openapi3.SchemaRef {
	if ref == nil || ref.Value == nil {
		return nil
	}
	return ref.Value.Items
}

func propertyOf(ref *openapi3.SchemaRef, name string) *openapi3.SchemaRef {
	if ref == nil || ref.Value == nil {
		return nil
	}
	return ref.Value.Properties[name]
}

// image makes a picture of a few pixels. Only PNG is known.
func (r synthRequest) image(o offer) ([]byte, error) {
	if baseType(o.mediaType) != "image/png" {
		return nil, &AnswerError{http.StatusNotAcceptable, fmt.Sprintf("no body can be made as %s; expected an example or image/png", o.mediaType)}
	}
	return r.maker(0).faker.ImagePng(16, 16), nil
}
