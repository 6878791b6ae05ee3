package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"
)

// configFile is a settings file on its way to a layer.
type configFile struct {
	path  string
	known *pflag.FlagSet
	names []string
	layer layer
	errs  []error
}

// parseFile reads a settings file strictly: one document, one mapping, known
// keys, each once, with values of their type. It names file, line and column
// of all that is wrong.
func parseFile(path string, text []byte, known *pflag.FlagSet) (layer, error) {
	c := &configFile{path: path, known: known, layer: newLayer()}
	known.VisitAll(func(f *pflag.Flag) { c.names = append(c.names, f.Name) })
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, more yaml.Node
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return c.layer, nil
	case err != nil:
		return c.layer, c.syntaxError(err)
	}
	switch err := decoder.Decode(&more); {
	case err == nil:
		c.complain(&more, "want one document")
	case !errors.Is(err, io.EOF):
		return c.layer, c.syntaxError(err)
	}
	top := &document
	if document.Kind == yaml.DocumentNode {
		if len(document.Content) == 0 {
			return c.layer, nil
		}
		top = document.Content[0]
	}
	switch {
	case top.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(top.Content); i += 2 {
			c.entry(top.Content[i], top.Content[i+1])
		}
	case top.Kind == yaml.ScalarNode && top.Tag == "!!null":
	default:
		c.complain(top, "want a mapping of settings, such as listen: 127.0.0.1:8080")
	}
	return c.layer, errors.Join(c.errs...)
}

// entry takes one key and its value.
func (c *configFile) entry(key, value *yaml.Node) {
	name := key.Value
	f := c.known.Lookup(name)
	switch {
	case key.Kind != yaml.ScalarNode:
		c.complain(key, "want the name of a setting")
		return
	case f == nil:
		c.complain(key, "unknown key %q%s", name, didYouMean("", name, c.names))
		return
	case name == "config":
		c.complain(key, "config names this file; it cannot stand in it")
		return
	case c.layer.at[name] != "":
		c.complain(key, "%s is set twice; first at %s", name, c.layer.at[name])
		return
	}
	for range 10 { // an anchor may name an alias, but not for ever
		if value.Kind != yaml.AliasNode || value.Alias == nil {
			break
		}
		value = value.Alias
	}
	c.layer.at[name] = c.at(key)
	if parsed, ok := c.value(f, value); ok {
		c.layer.values[name] = parsed
	}
}

// value reads a value of the flag's type.
func (c *configFile) value(f *pflag.Flag, n *yaml.Node) (any, bool) {
	text := n.Value
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		c.complain(n, "%s has no value", f.Name)
		return nil, false
	case n.Kind == yaml.ScalarNode:
	case n.Kind == yaml.SequenceNode && f.Value.Type() == "stringSlice":
		items := make([]string, 0, len(n.Content))
		for _, item := range n.Content {
			if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
				c.complain(item, "%s: want a list of texts", f.Name)
				return nil, false
			}
			items = append(items, item.Value)
		}
		text = strings.Join(items, ",")
	case n.Kind == yaml.MappingNode:
		c.complain(n, "%s: want one value, not a mapping; keys are flat, such as kafka-topic", f.Name)
		return nil, false
	default:
		c.complain(n, "%s: want one value, not a list", f.Name)
		return nil, false
	}
	parsed, err := parseValue(f, text)
	if err != nil {
		c.complain(n, "%s: %s", f.Name, err)
		return nil, false
	}
	return parsed, true
}

// at says where a node stands.
func (c *configFile) at(n *yaml.Node) string {
	return fmt.Sprintf("%s:%d:%d", c.path, n.Line, n.Column)
}

func (c *configFile) complain(n *yaml.Node, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s: %s", c.at(n), fmt.Sprintf(format, args...)))
}

// syntaxError says where the text stops being YAML. It leaves out the text
// itself, which may hold a secret.
func (c *configFile) syntaxError(err error) error {
	var e *yaml.LoadError
	if errors.As(err, &e) && e.Mark.Line > 0 {
		return fmt.Errorf("%s:%d:%d: not YAML: %s", c.path, e.Mark.Line, max(e.Mark.Column, 1), e.Message)
	}
	return fmt.Errorf("%s: not YAML: %w", c.path, err)
}
