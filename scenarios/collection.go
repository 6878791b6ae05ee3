package scenarios

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// DefaultDir is where scenarios of one's own stand unless somebody says
// otherwise.
const DefaultDir = "/etc/emu/scenarios"

// A Collection is the scenarios that can be named: the files of a directory,
// and those of the library that have none of the same name there. The zero
// value is the library. Files are read when they are asked for.
type Collection struct {
	dir string
	// files are the directory's, by name.
	files map[string]string
}

// Open looks for scenarios in a directory: files that end in .yaml or .yml, named
// like the file without that. "" is DefaultDir if there is one; another
// directory has to be there. What is in the files does not matter to it.
func Open(dir string) (*Collection, error) {
	c := &Collection{dir: dir, files: map[string]string{}}
	if dir == "" {
		c.dir = DefaultDir
	}
	entries, err := os.ReadDir(c.dir)
	if dir == "" && errors.Is(err, fs.ErrNotExist) {
		return &Collection{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("want a directory of scenarios: %w", err)
	}
	for _, entry := range entries {
		file := entry.Name()
		ext := filepath.Ext(file)
		if strings.HasPrefix(file, ".") || ext != ".yaml" && ext != ".yml" {
			continue
		}
		name, at := strings.TrimSuffix(file, ext), filepath.Join(c.dir, file)
		if first := c.files[name]; first != "" {
			return nil, fmt.Errorf("%s and %s have one name; rename one of them", first, at)
		}
		c.files[name] = at
	}
	return c, nil
}

// Dir is the directory; "" when there is none.
func (c *Collection) Dir() string { return c.dir }

// File is the file of a scenario of the directory; "" for any other name.
func (c *Collection) File(name string) string { return c.files[name] }

// Own lists the scenarios of the directory, sorted, broken ones included.
func (c *Collection) Own() []string {
	names := make([]string, 0, len(c.files))
	for name := range c.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Names lists all that can be named, sorted.
func (c *Collection) Names() []string {
	names := append(Names(), c.Own()...)
	slices.Sort(names)
	return slices.Compact(names)
}

// Source returns the file of a scenario.
func (c *Collection) Source(name string) ([]byte, error) {
	if file := c.files[name]; file != "" {
		return os.ReadFile(file)
	}
	data, err := fs.ReadFile(Library(), path.Clean(name)+".yaml")
	if err == nil {
		return data, nil
	}
	if near := nearest(name, c.Names()); near != "" {
		return nil, fmt.Errorf("there is no scenario %q; did you mean %s?", name, near)
	}
	return nil, fmt.Errorf("there is no scenario %q; there are %s", name, strings.Join(c.Names(), ", "))
}

// Ready returns a scenario. The error is a *FileError when its file is wrong.
func (c *Collection) Ready(name string) (*Scenario, error) {
	if file := c.files[name]; file != "" {
		return Load(file)
	}
	data, err := c.Source(name)
	if err != nil {
		return nil, err
	}
	return Parse(name+".yaml", data)
}

// Check reads all files of the directory. The error is a *FileError with what is
// wrong with them, unless one of them cannot be read.
func (c *Collection) Check() error {
	var problems []Problem
	var errs []error
	for _, name := range c.Own() {
		var file *FileError
		switch _, err := c.Ready(name); {
		case errors.As(err, &file):
			problems = append(problems, file.Problems...)
		case err != nil:
			errs = append(errs, err)
		}
	}
	if len(problems) > 0 {
		errs = append(errs, &FileError{Problems: problems})
	}
	return errors.Join(errs...)
}
