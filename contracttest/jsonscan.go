package contracttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// scanJSON reads one whole JSON value and returns the pointers of members that
// stand twice in one object, array positions as *. What is wrong with the text
// is an error without any of it.
func scanJSON(data []byte) ([]string, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("an empty body")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var doubled []string
	if err := scanValue(d, "", &doubled); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			return nil, errors.New("a JSON value that ends early")
		}
		return nil, errors.New("a text that is no JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something after the JSON value")
	}
	return doubled, nil
}

func scanValue(d *json.Decoder, at string, doubled *[]string) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		seen := map[string]bool{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := key.(string)
			pointer := at + "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
			if seen[name] {
				*doubled = append(*doubled, pointer)
			}
			seen[name] = true
			if err := scanValue(d, pointer, doubled); err != nil {
				return err
			}
		}
	case json.Delim('['):
		for d.More() {
			if err := scanValue(d, at+"/*", doubled); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err = d.Token()
	return err
}

// textsOf returns the texts of all members of that name, at any depth.
func textsOf(data []byte, name string) []string {
	var out []string
	for _, m := range textsWhere(data, func(key string) bool { return key == name }) {
		out = append(out, m.text)
	}
	return out
}

// A namedText is a member of a JSON object that is a text.
type namedText struct{ name, text string }

// textsWhere returns the members that are texts and have one of those names, at
// any depth, those of JSON in texts of JSON included, sorted by name.
func textsWhere(data []byte, is func(name string) bool) []namedText {
	var out []namedText
	var walk func(v any, depth int)
	walk = func(v any, depth int) {
		switch v := v.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				if text, ok := v[key].(string); ok && text != "" && is(key) {
					out = append(out, namedText{key, text})
				}
				walk(v[key], depth)
			}
		case []any:
			for _, value := range v {
				walk(value, depth)
			}
		case string:
			var inner any
			if depth < maxEmbedded && strings.HasPrefix(strings.TrimLeft(v, " \t\r\n"), "{") && json.Unmarshal([]byte(v), &inner) == nil {
				walk(inner, depth+1)
			}
		}
	}
	var v any
	if json.Unmarshal(data, &v) == nil {
		walk(v, 0)
	}
	return out
}

// general writes a pointer with * for positions in arrays, so that the same
// thing in two rows is one thing.
func general(pointer string) string {
	parts := strings.Split(pointer, "/")
	for i, part := range parts {
		if _, err := strconv.Atoi(part); err == nil {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, "/")
}

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
