// Package house checks the rules of the repository: who may import whom, where
// time and chance may come from, how long a file may be, what has to be
// documented, and that the documents say what is so. It has tests only.
//
// It promises: each rule says why it is there when it fails, and each rule is
// shown to fail on a piece of code that breaks it.
package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// module is the path of the module.
const module = "github.com/swanemu/emu"

// A source is one Go file of the repository.
type source struct {
	// path is relative to the root of the repository, with slashes.
	path string
	fset *token.FileSet
	file *ast.File
	text string
}

// folder is the directory of the file, relative to the root; "." is the root.
func (s source) folder() string { return path.Dir(s.path) }

// name is the file's name.
func (s source) name() string { return path.Base(s.path) }

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// at is the position of a node, as an editor understands it.
func (s source) at(pos token.Pos) string { return s.fset.Position(pos).String() }

// imports are the paths that the file imports.
func (s source) imports() []string {
	var out []string
	for _, spec := range s.file.Imports {
		out = append(out, strings.Trim(spec.Path.Value, `"`))
	}
	return out
}

// parse makes a source of a file's text.
func parse(t *testing.T, fset *token.FileSet, name, text string) source {
	t.Helper()
	file, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{path: name, fset: fset, file: file, text: text}
}

// root is the root of the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatalf("the root of the repository is not where this package expects it: %v", err)
	}
	return dir
}

// files returns the paths of the repository's own files, relative to the
// root: nothing that is ignored, nothing of git.
func files(t *testing.T) []string {
	t.Helper()
	dir := root(t)
	var out []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", ".cache", "dist", "node_modules", "target", "__pycache__"}, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		// In a worktree .git is a file, and whoever copies it works on this
		// repository instead of on the copy.
		if !d.Type().IsRegular() || d.Name() == ".git" || strings.HasSuffix(name, ".test") || strings.HasSuffix(name, ".out") {
			return nil
		}
		rel, err := filepath.Rel(dir, name)
		out = append(out, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// read returns a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sources parses every Go file of the repository, whatever it is built for.
func sources(t *testing.T) []source {
	t.Helper()
	fset := token.NewFileSet()
	var out []source
	for _, name := range files(t) {
		if strings.HasSuffix(name, ".go") {
			out = append(out, parse(t, fset, name, read(t, name)))
		}
	}
	if len(out) < 10 {
		t.Fatalf("%d Go files found: the rules would check nothing", len(out))
	}
	return out
}
