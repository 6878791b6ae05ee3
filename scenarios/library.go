package scenarios

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:embed library/*.yaml
var library embed.FS

//go:embed schema.json
var schema []byte

// Library is the files of the scenarios that are ready to play.
func Library() fs.FS {
	sub, err := fs.Sub(library, "library")
	if err != nil {
		return library // the directory is embedded: it is there
	}
	return sub
}

// Names lists the scenarios of the library, sorted.
func Names() []string {
	found, _ := fs.Glob(Library(), "*.yaml") // the pattern is well formed
	names := make([]string, len(found))
	for i, name := range found {
		names[i] = strings.TrimSuffix(name, ".yaml")
	}
	slices.Sort(names)
	return names
}

// Source returns the file of a scenario of the library.
func Source(name string) ([]byte, error) { return new(Collection).Source(name) }

// Ready returns a scenario of the library.
func Ready(name string) (*Scenario, error) { return new(Collection).Ready(name) }

//go:embed template.yaml
var template string

// Template is a small scenario with a name, to begin one of one's own with.
func Template(name string) []byte { return []byte(strings.ReplaceAll(template, "NAME", name)) }

// Schema is the JSON Schema of the format.
func Schema() []byte { return slices.Clone(schema) }
