package spec

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Secret reports whether any operation of the contract has a secret of that
// name: Operation.Secret, for those who do not know which operation it is.
func (c *Contract) Secret(name string) bool {
	c.secretOnce.Do(func() {
		c.secrets = map[string]struct{}{}
		for _, o := range c.operations {
			o.Secret("")
			maps.Copy(c.secrets, o.secrets)
		}
	})
	_, ok := c.secrets[name]
	return ok
}

// UndocumentedFields returns the pointers of members of an answer that no
// schema of the operation describes, sorted, with * for positions in arrays. A
// member that the schema forbids is one of them; what stands inside of one is
// not told, nor is anything below a schema that takes any member by what it
// must be like (additionalProperties with a schema, patternProperties). It is
// nil for an answer that is no JSON, or that the operation does not declare.
func (o *Operation) UndocumentedFields(status int, mediaType string, body []byte) []string {
	response := o.response(status)
	if response == nil {
		return nil
	}
	media := response.Content.Get(mediaType)
	base, _, _ := strings.Cut(strings.ToLower(mediaType), ";")
	if media == nil || media.Schema == nil || media.Schema.Value == nil || !isJSONType(strings.TrimSpace(base)) {
		return nil
	}
	value, err := decodeJSON(bytes.TrimSpace(body))
	if err != nil {
		return nil
	}
	found := map[string]struct{}{}
	undocumented([]*openapi3.Schema{media.Schema.Value}, value, "", found)
	return slices.Sorted(maps.Keys(found))
}

// undocumented gathers the members that none of the schemas describes.
func undocumented(schemas []*openapi3.Schema, value any, under string, found map[string]struct{}) {
	schemas = alternatives(schemas)
	switch v := value.(type) {
	case []any:
		var items []*openapi3.Schema
		for _, s := range schemas {
			if s.Items != nil && s.Items.Value != nil {
				items = append(items, s.Items.Value)
			}
		}
		if len(items) == 0 {
			return
		}
		for _, item := range v {
			undocumented(items, item, under+"/*", found)
		}
	case map[string]any:
		if !slices.ContainsFunc(schemas, func(s *openapi3.Schema) bool { return len(s.Properties) > 0 }) {
			return // an object of which nothing is said
		}
		for name, inner := range v {
			below, open := described(schemas, name)
			switch {
			case len(below) > 0:
				undocumented(below, inner, under+pointerOf(name), found)
			case !open:
				found[under+pointerOf(name)] = struct{}{}
			}
		}
	}
}

// described returns the schemas of a member; open says that it may be there all
// the same.
func described(schemas []*openapi3.Schema, name string) (below []*openapi3.Schema, open bool) {
	for _, s := range schemas {
		if ref := s.Properties[name]; ref != nil && ref.Value != nil {
			below = append(below, ref.Value)
		}
		if s.AdditionalProperties.Schema != nil || len(s.PatternProperties) > 0 {
			open = true
		}
	}
	return below, open
}

// maxAlternatives bounds how many schemas one value is looked at by.
const maxAlternatives = 256

// alternatives are the schemas and all that they are composed of.
func alternatives(schemas []*openapi3.Schema) []*openapi3.Schema {
	out := slices.Clone(schemas)
	for i := 0; i < len(out) && len(out) < maxAlternatives; i++ {
		for _, list := range []openapi3.SchemaRefs{out[i].AllOf, out[i].OneOf, out[i].AnyOf} {
			for _, sub := range parts(list) {
				if !slices.Contains(out, sub) {
					out = append(out, sub)
				}
			}
		}
	}
	return out
}

// TextAt follows a JSON pointer into a JSON text and returns the text that it
// leads to; false where it leads to none, or to no text.
func TextAt(body []byte, pointer string) (string, bool) {
	value, err := decodeJSON(bytes.TrimSpace(body))
	if err != nil {
		return "", false
	}
	for _, part := range pointerParts(pointer) {
		switch v := value.(type) {
		case map[string]any:
			value = v[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(v) {
				return "", false
			}
			value = v[i]
		default:
			return "", false
		}
	}
	text, ok := value.(string)
	return text, ok
}
