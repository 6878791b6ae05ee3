package spec

import (
	"maps"
	"slices"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
)

// object generates an object: its required properties, its optional ones
// unless the value has become large, and as many further members as
// minProperties asks for. What is writeOnly stays out of answers.
func (m *maker) object(sh *shape) (any, error) {
	s := sh.Schema
	sparse := m.sparse == len(m.stack)
	out := make(map[string]any, len(s.Properties))
	names := slices.Sorted(maps.Keys(s.Properties))
	required := func(name string) bool { return slices.Contains(s.Required, name) }
	for _, name := range names {
		if !required(name) || isWriteOnly(s.Properties[name]) {
			continue
		}
		v, err := m.value(s.Properties[name], name)
		if err != nil {
			return nil, &partError{name, err}
		}
		out[name] = v
	}
	for _, name := range s.Required {
		if _, listed := s.Properties[name]; listed {
			continue
		}
		v, err := m.further(s, name)
		if err != nil {
			return nil, &partError{name, err}
		}
		out[name] = v
	}
	for _, name := range names {
		if required(name) || isWriteOnly(s.Properties[name]) || full(s, out) {
			continue
		}
		if (sparse || m.lean()) && uint64(len(out)) >= s.MinProps {
			break
		}
		if v, err := m.value(s.Properties[name], name); err == nil {
			out[name] = v
		}
	}
	if err := m.fill(s, out); err != nil {
		return nil, err
	}
	for property, name := range sh.names {
		if p := s.Properties[property]; !m.careful && !full(s, out) && (p == nil || m.fits(p.Value, name)) {
			out[property] = name
		}
	}
	return out, nil
}

// fill adds members that are not listed: up to minProperties, and two to an
// object that is a map.
func (m *maker) fill(s *openapi3.Schema, out map[string]any) error {
	want := int(s.MinProps)
	if s.AdditionalProperties.Schema != nil && len(s.Properties) == 0 && !m.lean() {
		want = max(want, 2)
	}
	if forbids(s.AdditionalProperties) {
		return nil
	}
	for range 4 * want {
		if len(out) >= want || full(s, out) {
			return nil
		}
		key := m.memberName()
		if _, taken := out[key]; taken || s.Properties[key] != nil {
			key += m.hex(4)
		}
		v, err := m.further(s, key)
		if err != nil {
			if len(out) >= int(s.MinProps) {
				return nil
			}
			return err
		}
		out[key] = v
	}
	return nil
}

// further generates a member that the properties do not list.
func (m *maker) further(s *openapi3.Schema, name string) (any, error) {
	if ref := s.AdditionalProperties.Schema; ref != nil {
		return m.value(ref, name)
	}
	return m.plainText(kindOfText(name), m.chinese), nil
}

// full reports whether an object has as many members as it may have.
func full(s *openapi3.Schema, out map[string]any) bool {
	return s.MaxProps != nil && uint64(len(out)) >= *s.MaxProps
}

// isWriteOnly reports whether a property belongs in requests only.
func isWriteOnly(ref *openapi3.SchemaRef) bool {
	if ref == nil || ref.Value == nil {
		return false
	}
	if ref.Value.WriteOnly {
		return true
	}
	// Only the members that both made are looked into: kin-openapi judges the
	// property as each side declares it.
	return len(ref.Value.AllOf) == 2 && ref.Ref == "" && ref.Value.Type == nil && slices.ContainsFunc(ref.Value.AllOf, isWriteOnly)
}

// array generates an array: one item where nothing else is said, up to three
// where answers are dynamic.
func (m *maker) array(s *openapi3.Schema, name string) (any, error) {
	least := int(s.MinItems)
	want := least
	if !m.lean() {
		want = max(want, 1)
		if m.dynamic {
			want += m.faker.IntN(3)
		}
	}
	if s.MaxItems != nil {
		want = min(want, int(*s.MaxItems))
	}
	out := make([]any, 0, want)
	seen := make(map[string]bool, want)
	for tries := 0; len(out) < want && tries < 20*want+20; tries++ {
		v, err := m.item(s.Items, name, tries > 0 && s.UniqueItems)
		if err != nil {
			if len(out) >= least {
				break
			}
			return nil, &partError{strconv.Itoa(len(out)), err}
		}
		if s.UniqueItems {
			text := jsonText(v)
			if seen[text] {
				continue
			}
			seen[text] = true
		}
		out = append(out, v)
	}
	return out, nil
}

// item generates an item. A fresh one is not taken from the examples, which
// are the same each time.
func (m *maker) item(ref *openapi3.SchemaRef, name string, fresh bool) (any, error) {
	if ref == nil {
		return m.plainText(kindOfText(name), m.chinese), nil
	}
	if fresh {
		before := m.dynamic
		m.dynamic = true
		defer func() { m.dynamic = before }()
	}
	return m.value(ref, name)
}
