package scenarios

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
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
func Source(name string) ([]byte, error) {
	data, err := fs.ReadFile(Library(), path.Clean(name)+".yaml")
	if err != nil {
		if near := nearest(name, Names()); near != "" {
			return nil, fmt.Errorf("there is no scenario %q; did you mean %s?", name, near)
		}
		return nil, fmt.Errorf("there is no scenario %q; there are %s", name, strings.Join(Names(), ", "))
	}
	return data, nil
}

// Ready returns a scenario of the library.
func Ready(name string) (*Scenario, error) {
	data, err := Source(name)
	if err != nil {
		return nil, err
	}
	return Parse(name+".yaml", data)
}

//go:embed template.yaml
var template string

// Template is a small scenario with a name, to begin one of one's own with.
func Template(name string) []byte { return []byte(strings.ReplaceAll(template, "NAME", name)) }

// Schema is the JSON Schema of the format.
func Schema() []byte { return slices.Clone(schema) }
