package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxFile bounds the size of a file, in bytes.
const maxFile = 1 << 20

// Load reads a scenario from a file, checked against the platform's own
// contract. The error is a *FileError when the file is wrong.
func Load(path string) (*Scenario, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the scenario: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a scenario, checked against the platform's own contract. The
// file's name is for messages. The error is a *FileError that holds everything
// that is wrong.
func Parse(file string, data []byte) (*Scenario, error) {
	c, err := defaultContract()
	if err != nil {
		return nil, err
	}
	return ParseFor(c, file, data)
}

// ParseFor is Parse with another contract, such as that of the emulator a
// scenario is played against.
func ParseFor(c *Contract, file string, data []byte) (*Scenario, error) {
	d := newDecoder(file)
	if len(data) > maxFile {
		d.complain(&yaml.Node{}, "", "the file is too large", fmt.Sprintf("at most %d bytes", maxFile), "")
		return nil, fileError(d.problems)
	}
	top := d.document(data)
	if top == nil {
		return nil, fileError(d.problems)
	}
	s := &Scenario{File: file}
	d.value(top, reflect.ValueOf(s).Elem(), "", bounds{}, 0)
	if len(d.problems) < maxProblems && d.nodes < maxNodes {
		newChecker(c, d).scenario(s)
	}
	if err := fileError(d.problems); err != nil {
		return nil, err
	}
	return s, nil
}

// document reads the one document of a file.
func (d *decoder) document(data []byte) *yaml.Node {
	stream := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	switch err := stream.Decode(&doc); {
	case errors.Is(err, io.EOF), err == nil && len(doc.Content) == 0:
		d.complain(&yaml.Node{}, "", "the file is empty", "a scenario", "")
		return nil
	case err != nil:
		d.syntax(err)
		return nil
	}
	switch err := stream.Decode(&more); {
	case err == nil:
		d.complain(&more, "", "a second document begins", "one", "")
	case !errors.Is(err, io.EOF):
		d.syntax(err)
		return nil
	}
	return doc.Content[0]
}

// syntax makes a problem of what YAML says.
func (d *decoder) syntax(err error) {
	at := &yaml.Node{}
	wrong := strings.TrimPrefix(err.Error(), "yaml: ")
	var load *yaml.LoadError
	if errors.As(err, &load) {
		at.Line, at.Column = load.Mark.Line, load.Mark.Column
		wrong = load.Message
	}
	d.complain(at, "", "no YAML: "+strings.ReplaceAll(wrong, "\n", " "), "", "")
}
