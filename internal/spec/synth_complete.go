package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// completer fills in what a value leaves out.
type completer struct {
	r       synthRequest
	m       *maker // merges schemas; generates nothing
	filled  int
	failure error
}

// complete fills in the required properties that body leaves out, in objects
// and arrays, and returns body itself where it leaves out none.
func (r synthRequest) complete(ref *openapi3.SchemaRef, body []byte) ([]byte, error) {
	c := &completer{r: r, m: &maker{judge: r.judge}}
	out := c.value(ref, body, 0)
	if c.failure != nil {
		return nil, fmt.Errorf("complete the answer: %w", c.failure)
	}
	return out, nil
}

// value completes one value. Where the schema has alternatives and the value
// is not valid as it is, it is completed for the first alternative with which
// it becomes so, or else left alone.
func (c *completer) value(ref *openapi3.SchemaRef, raw json.RawMessage, depth int) json.RawMessage {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if ref == nil || ref.Value == nil || len(raw) == 0 || raw[0] != '{' && raw[0] != '[' || depth > maxDepth || c.failure != nil {
		return raw
	}
	sh, ways := c.m.flatten(ref, 0)
	if ways == 1 {
		return c.container(sh.Schema, raw, depth)
	}
	if v, err := decodeJSON(raw); err != nil || c.r.fits(ref.Value, v) {
		return raw
	}
	for pick := range min(ways, partTries) {
		sh, _ = c.m.flatten(ref, pick)
		out := c.container(sh.Schema, raw, depth)
		if c.failure != nil {
			c.failure = nil // this alternative cannot be completed; another may be
			continue
		}
		if v, err := decodeJSON(out); err == nil && c.r.fits(ref.Value, v) {
			return out
		}
	}
	return raw
}

// container completes an object or an array by a flattened schema.
func (c *completer) container(s *openapi3.Schema, raw json.RawMessage, depth int) json.RawMessage {
	if raw[0] == '{' {
		return c.object(s, raw, depth)
	}
	if s.Items == nil {
		return raw
	}
	items, err := splitArray(raw)
	if err != nil {
		c.failure = err
		return raw
	}
	changed := false
	for i, item := range items {
		items[i] = c.value(s.Items, item, depth+1)
		changed = changed || !bytes.Equal(items[i], item)
	}
	if !changed {
		return raw
	}
	return append(append([]byte("["), bytes.Join(items, []byte(","))...), ']')
}

// object completes the members of an object and appends those it lacks.
func (c *completer) object(s *openapi3.Schema, raw json.RawMessage, depth int) json.RawMessage {
	members, err := splitObject(raw)
	if err != nil {
		c.failure = err
		return raw
	}
	changed := false
	for i, member := range members {
		ref, _ := memberSchema(s, member.Name)
		members[i].Value = c.value(ref, member.Value, depth+1)
		changed = changed || !bytes.Equal(members[i].Value, member.Value)
	}
	for _, name := range s.Required {
		ref, _ := memberSchema(s, name)
		if isWriteOnly(ref) || slices.ContainsFunc(members, func(m Member) bool { return m.Name == name }) {
			continue
		}
		value, err := c.fill(ref, name)
		if err != nil {
			c.failure = fmt.Errorf("%s: %w", name, err)
			return raw
		}
		members, changed = append(members, Member{Name: name, Value: value}), true
	}
	if !changed {
		return raw
	}
	return joinObject(members)
}

// fill generates a value for a property that is left out.
func (c *completer) fill(ref *openapi3.SchemaRef, name string) (json.RawMessage, error) {
	c.filled++
	r := c.r
	r.seed = mixSeed(r.seed, synthTries+c.filled)
	v, err := r.generate(ref, name)
	if err != nil {
		return nil, err
	}
	return encodeJSON(v)
}

// splitObject reads the members of an object in their order.
func splitObject(raw json.RawMessage) ([]Member, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	var out []Member
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		m := Member{Name: fmt.Sprint(name)}
		if err := dec.Decode(&m.Value); err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	_, err := dec.Token()
	return out, err
}

// splitArray reads the items of an array.
func splitArray(raw json.RawMessage) ([][]byte, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, err
	}
	out := make([][]byte, len(items))
	for i, item := range items {
		out[i] = item
	}
	return out, nil
}

// joinObject writes members as an object.
func joinObject(members []Member) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(jsonText(m.Name))
		b.WriteByte(':')
		b.Write(m.Value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// successSchema is the schema of the JSON body of an operation's success; nil
// where it has none.
func successSchema(op *openapi3.Operation) *openapi3.SchemaRef {
	responses := responsesOf(op)
	if len(responses) == 0 {
		return nil
	}
	for _, o := range offersOf(responses[0].response) {
		if isJSONType(baseType(o.mediaType)) {
			return o.content.Schema
		}
	}
	return nil
}
