package spec

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// overlook validates a foreign document again without what an emulator can do
// without: the patterns that Go's regexp refuses, and the examples and
// defaults that break their own schema.
func (c *Contract) overlook(strict error) error {
	for _, pattern := range dropPatterns(c.doc) {
		c.warnings = append(c.warnings, fmt.Sprintf("%s: pattern %q is not checked: Go's regexp does not support it", c.name, pattern))
	}
	loose := c.validateApart(
		openapi3.DisableExamplesValidation(), openapi3.DisableSchemaDefaultsValidation(), openapi3.DisableSchemaPatternValidation())
	if loose != nil {
		if c.v31 {
			return fmt.Errorf("%s: this OpenAPI 3.1 document does not compile: %w", c.name, firstLine(loose))
		}
		return fmt.Errorf("%s: %w", c.name, firstLine(loose))
	}
	if len(c.warnings) == 0 {
		c.warnings = append(c.warnings, fmt.Sprintf("%s: overlooked: %v", c.name, firstLine(strict)))
	}
	return nil
}

// validateApart validates a document whose paths may differ in nothing but the
// names of their parameters, which the specification forbids and large APIs
// do all the same, with other methods. Such paths are validated in turns.
func (c *Contract) validateApart(opts ...openapi3.ValidationOption) error {
	turns := []*openapi3.Paths{openapi3.NewPaths()}
	count := map[string]int{}
	for _, path := range slices.Sorted(maps.Keys(c.doc.Paths.Map())) {
		shape := path
		for _, name := range templateVars(path) {
			shape = strings.Replace(shape, "{"+name+"}", "{}", 1)
		}
		if count[shape] == len(turns) {
			turns = append(turns, openapi3.NewPaths())
		}
		turns[count[shape]].Set(path, c.doc.Paths.Value(path))
		if count[shape]++; count[shape] > 1 {
			c.warnings = append(c.warnings, fmt.Sprintf("%s: path %s: another one differs from it only in the names of its parameters", c.name, path))
		}
	}
	for _, paths := range turns {
		part := *c.doc
		part.Paths = paths
		if err := part.Validate(context.Background(), opts...); err != nil {
			return err
		}
	}
	return nil
}
