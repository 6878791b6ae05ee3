package house

import (
	"fmt"
	"go/ast"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxLines bounds a file, maxFunction a function.
	maxLines    = 400
	maxFunction = 80
)

// calls finds the uses of names of a package in a file, e.g. time.Now.
func calls(s source, importPath string, names ...string) []string {
	local := ""
	for _, spec := range s.file.Imports {
		if spec.Path.Value != strconv.Quote(importPath) {
			continue
		}
		local = importPath[strings.LastIndexByte(importPath, '/')+1:]
		if spec.Name != nil {
			local = spec.Name.Name
		}
	}
	if local == "" {
		return nil
	}
	var out []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == local && slices.Contains(names, sel.Sel.Name) {
			out = append(out, fmt.Sprintf("%s: %s.%s", s.at(sel.Pos()), importPath, sel.Sel.Name))
		}
		return true
	})
	return out
}

func checkTime(all []source) []string {
	var out []string
	for _, s := range all {
		if s.isTest() || s.folder() == "internal/clock" || strings.HasPrefix(s.path, "bench/") {
			continue
		}
		out = append(out, calls(s, "time", "Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer", "Sleep")...)
	}
	return out
}

func checkChance(all []source) []string {
	var out []string
	for _, s := range all {
		if s.isTest() || s.path == "emulator/random.go" {
			continue
		}
		for _, i := range s.imports() {
			if i == "math/rand" || i == "math/rand/v2" || i == "crypto/rand" {
				out = append(out, s.path+" imports "+i+"; only emulator/random.go may, and there nothing but seeded sources")
			}
		}
	}
	return out
}

func checkInit(all []source) []string {
	var out []string
	for _, s := range all {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				out = append(out, s.at(f.Pos())+": func init")
			}
		}
	}
	return out
}

func checkExit(all []source) []string {
	var out []string
	for _, s := range all {
		// A command ends where its main does.
		if s.isTest() || s.name() == "main.go" && s.file.Name.Name == "main" {
			continue
		}
		out = append(out, calls(s, "os", "Exit")...)
		out = append(out, calls(s, "log", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln")...)
	}
	return out
}

func checkTests(all []source) []string {
	var out []string
	for _, s := range all {
		if !s.isTest() {
			continue
		}
		out = append(out, calls(s, "time", "Sleep")...)
		for _, d := range s.file.Decls {
			out = append(out, skips(s, d, nil)...)
		}
	}
	return out
}

// skips finds calls of Skip on what a function has as a *testing.T, B or F, or
// a testing.TB. Rapid's Skip is another thing: it discards one of many steps.
func skips(s source, in ast.Node, tests []string) []string {
	var out []string
	ast.Inspect(in, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n == in {
				tests = testNames(n.Type, tests)
			}
		case *ast.FuncLit:
			if n != in {
				out = append(out, skips(s, n, testNames(n.Type, tests))...)
				return false
			}
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if ok && slices.Contains(tests, x.Name) && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, n.Sel.Name) {
				out = append(out, s.at(n.Pos())+": "+x.Name+"."+n.Sel.Name)
			}
		}
		return true
	})
	return out
}

// testNames are the names that stand for tests inside a function: those
// outside of it, and its own parameters.
func testNames(f *ast.FuncType, outside []string) []string {
	names := slices.Clone(outside)
	for _, field := range f.Params.List {
		of := field.Type
		if star, ok := of.(*ast.StarExpr); ok {
			of = star.X
		}
		sel, ok := of.(*ast.SelectorExpr)
		isTest := ok && isIdent(sel.X, "testing")
		for _, name := range field.Names {
			names = slices.DeleteFunc(names, func(n string) bool { return n == name.Name })
			if isTest {
				names = append(names, name.Name)
			}
		}
	}
	return names
}

func isIdent(e ast.Expr, name string) bool {
	x, ok := e.(*ast.Ident)
	return ok && x.Name == name
}

func checkSize(all []source) []string {
	var out []string
	for _, s := range all {
		if s.isTest() {
			continue
		}
		if n := strings.Count(s.text, "\n"); n > maxLines {
			out = append(out, fmt.Sprintf("%s has %d lines, of at most %d", s.path, n, maxLines))
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1; n > maxFunction {
				out = append(out, fmt.Sprintf("%s: %s has %d lines, of at most %d", s.at(f.Pos()), f.Name.Name, n, maxFunction))
			}
		}
	}
	return out
}
