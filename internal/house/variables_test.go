package house

import (
	"errors"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"
	"testing"
)

// variablesThatChange are the exceptions to the rule on package variables, each
// with its reason. One that is not needed any more is a complaint.
func variablesThatChange() map[string]string {
	return map[string]string{
		"internal/freeport asked": "ports belong to the process: two callers in it that know nothing of each other must not be given the same one",
	}
}

// changing are types of others that are of no use but to be changed; "" is all
// of a package.
func changing() map[string][]string {
	return map[string][]string{
		"sync": nil, "sync/atomic": nil, "container/list": nil, "container/ring": nil,
		"bytes": {"Buffer"}, "strings": {"Builder"},
	}
}

// changers are functions of others that change their first argument.
func changers() map[string][]string {
	return map[string][]string{
		"slices": {"Sort", "SortFunc", "SortStableFunc", "Reverse", "Delete", "DeleteFunc", "Insert", "Compact", "CompactFunc", "Replace"},
		"maps":   {"Copy", "DeleteFunc", "Insert"},
		"sort":   {"Sort", "Stable", "Slice", "SliceStable", "Ints", "Strings", "Float64s"},
	}
}

// checkVariables finds package variables that change, or are of no use unless
// they do. It sees what is written in the package that has the variable: that
// it has no value, or is of a type that is there to be changed; writes to it, and
// to what is in it, also by the methods of the package; and what is assigned to
// variables of other packages. What it cannot see is a change by way of another
// name: of a map or a pointer that was assigned, returned or handed on. What
// sync.OnceValue and its like return counts as a value: it is found late, and
// stays the same.
func checkVariables(all []source) []string {
	packages := map[string][]source{}
	for _, s := range all {
		if !s.isTest() {
			packages[s.folder()] = append(packages[s.folder()], s)
		}
	}
	var out []string
	excused := map[string]bool{}
	for folder, group := range packages {
		for _, c := range newVariables(group).complaints() {
			if key := folder + " " + c.variable; variablesThatChange()[key] != "" {
				excused[key] = true
			} else {
				out = append(out, c.text)
			}
		}
	}
	for key := range variablesThatChange() {
		if folder, _, _ := strings.Cut(key, " "); packages[folder] != nil && !excused[key] {
			out = append(out, key+" is an exception to the rule that nothing needs any more")
		}
	}
	slices.Sort(out)
	return out
}

// nothing is an importer without packages: to tell the variables of a package
// from those of its functions, nobody else's types are needed.
type nothing struct{}

func (nothing) Import(string) (*types.Package, error) { return nil, errors.New("not imported") }

// variables looks at the variables of one package.
type variables struct {
	group []source
	info  *types.Info
	pkg   *types.Package
	// types and results are what the package's names stand for: a type, and what
	// a function returns first.
	types, results map[string]named
	// writers are the methods that change what they belong to, as type.method.
	writers map[string]bool
	found   []complaint
}

// named is an expression and the file that it stands in.
type named struct {
	expr ast.Expr
	in   source
}

type complaint struct{ variable, text string }

func newVariables(group []source) *variables {
	v := &variables{group: group, types: map[string]named{}, results: map[string]named{}, writers: map[string]bool{}}
	v.info = &types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: nothing{}, Error: func(error) {}}
	var files []*ast.File
	for _, s := range group {
		files = append(files, s.file)
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if t, ok := spec.(*ast.TypeSpec); ok {
						v.types[t.Name.Name] = named{t.Type, s}
					}
				}
			case *ast.FuncDecl:
				if d.Recv == nil && d.Type.Results != nil {
					v.results[d.Name.Name] = named{d.Type.Results.List[0].Type, s}
				}
			}
		}
	}
	v.pkg, _ = config.Check(group[0].folder(), group[0].fset, files, v.info)
	for before := -1; before < len(v.writers); { // a method may write by way of another
		before = len(v.writers)
		v.findWriters()
	}
	return v
}

// complaints are about all that is wrong.
func (v *variables) complaints() []complaint {
	for _, s := range v.group {
		for _, d := range s.file.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				v.declared(s, g)
			}
		}
		v.writes(s.file, func(n ast.Expr, how string) {
			id := rootIdent(n)
			if id == nil {
				return
			}
			switch object := v.info.Uses[id].(type) {
			case *types.Var:
				if v.pkg != nil && object.Parent() == v.pkg.Scope() {
					v.complain(s, n, id.Name, how+" the package variable "+id.Name)
				}
			case *types.PkgName:
				if how == "assigns to" {
					v.complain(s, n, id.Name, how+" a variable of "+object.Imported().Path())
				}
			}
		})
	}
	return v.found
}

func (v *variables) complain(s source, n ast.Node, variable, text string) {
	v.found = append(v.found, complaint{variable, s.at(n.Pos()) + ": " + text})
}

// declared looks at what is declared: without a value there is nothing to read
// until somebody writes it.
func (v *variables) declared(s source, g *ast.GenDecl) {
	for _, spec := range g.Specs {
		spec, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for i, name := range spec.Names {
			switch {
			case name.Name == "_":
			case len(spec.Values) == 0:
				if !embeds(g.Doc) && !embeds(spec.Doc) {
					v.complain(s, name, name.Name, "the package variable "+name.Name+" has no value, so that it is there to be changed")
				}
			default:
				why := v.changes(s, spec.Type, 0)
				if why == "" && i < len(spec.Values) {
					why = v.changes(s, spec.Values[i], 0)
				}
				if why != "" {
					v.complain(s, name, name.Name, "the package variable "+name.Name+" is "+why+", which is there to be changed")
				}
			}
		}
	}
}

// embeds tells whether the compiler gives a variable its value.
func embeds(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// changes says what of a type, or of the type of a value, is there to be
// changed; "" for nothing. Names are followed within the package.
func (v *variables) changes(s source, e ast.Expr, depth int) string {
	const deepest = 10 // types may go in circles
	if e == nil || depth > deepest {
		return ""
	}
	next := func(s source, e ast.Expr) string { return v.changes(s, e, depth+1) }
	switch e := e.(type) {
	case *ast.ParenExpr:
		return next(s, e.X)
	case *ast.StarExpr:
		return next(s, e.X)
	case *ast.UnaryExpr:
		return next(s, e.X)
	case *ast.IndexExpr: // of a type with parameters, or of a function
		return next(s, e.X)
	case *ast.ArrayType:
		return next(s, e.Elt)
	case *ast.ChanType:
		return "a channel"
	case *ast.StructType:
		for _, field := range e.Fields.List {
			if why := next(s, field.Type); why != "" {
				return "a struct with " + why
			}
		}
	case *ast.SelectorExpr:
		for path, names := range changing() {
			if len(calls(source{path: s.path, fset: s.fset, file: only(s, e)}, path, e.Sel.Name)) > 0 && (names == nil || slices.Contains(names, e.Sel.Name)) {
				return path + "." + e.Sel.Name
			}
		}
	case *ast.Ident:
		if t, ok := v.types[e.Name]; ok {
			return next(t.in, t.expr)
		}
	case *ast.CompositeLit:
		if _, isMap := e.Type.(*ast.MapType); isMap && len(e.Elts) == 0 {
			return "an empty map"
		}
		return next(s, e.Type)
	case *ast.CallExpr:
		switch fun := e.Fun.(type) {
		case *ast.Ident:
			if result, ok := v.results[fun.Name]; ok {
				return next(result.in, result.expr)
			}
			if fun.Name == "make" {
				return "empty"
			}
			if fun.Name == "new" && len(e.Args) == 1 {
				return next(s, e.Args[0])
			}
		case *ast.IndexExpr:
			if id, ok := fun.X.(*ast.Ident); ok && v.results[id.Name].expr != nil {
				return next(v.results[id.Name].in, v.results[id.Name].expr)
			}
		}
	}
	return ""
}

// only is a file with one expression of another one, and its imports.
func only(s source, e ast.Expr) *ast.File {
	return &ast.File{Name: s.file.Name, Imports: s.file.Imports, Decls: []ast.Decl{&ast.GenDecl{
		Tok: token.VAR, Specs: []ast.Spec{&ast.ValueSpec{Names: []*ast.Ident{ast.NewIdent("_")}, Values: []ast.Expr{e}}},
	}}}
}

// writes reports what is written below a node, and how.
func (v *variables) writes(in ast.Node, report func(n ast.Expr, how string)) {
	ast.Inspect(in, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				report(left, "assigns to")
			}
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				report(n.Key, "assigns to")
				report(n.Value, "assigns to")
			}
		case *ast.IncDecStmt:
			report(n.X, "changes")
		case *ast.SendStmt:
			report(n.Chan, "sends to")
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				report(n.X, "takes the address of")
			}
		case *ast.CallExpr:
			v.call(n, report)
		}
		return true
	})
}

// call reports what a call changes: by a function that is known to change its
// first argument, or by a method of this package.
func (v *variables) call(n *ast.CallExpr, report func(n ast.Expr, how string)) {
	switch f := n.Fun.(type) {
	case *ast.Ident:
		if len(n.Args) > 0 && slices.Contains([]string{"delete", "clear", "copy"}, f.Name) {
			report(n.Args[0], map[string]string{"delete": "deletes from", "clear": "clears", "copy": "copies to"}[f.Name])
		}
	case *ast.SelectorExpr:
		if id, ok := f.X.(*ast.Ident); ok && len(n.Args) > 0 {
			if pkg, ok := v.info.Uses[id].(*types.PkgName); ok && slices.Contains(changers()[pkg.Imported().Path()], f.Sel.Name) {
				report(n.Args[0], "has "+id.Name+"."+f.Sel.Name+" change")
				return
			}
		}
		if v.writers[typeName(v.info.TypeOf(f.X))+"."+f.Sel.Name] {
			report(f.X, "by "+f.Sel.Name+" changes")
		}
	}
}

// findWriters looks for methods that write to what they belong to. By a value
// only what is in a map or a slice of it, or where it points to, is changed.
func (v *variables) findWriters() {
	for _, s := range v.group {
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Body == nil || len(f.Recv.List[0].Names) == 0 {
				continue
			}
			receiver := v.info.Defs[f.Recv.List[0].Names[0]]
			if receiver == nil {
				continue
			}
			_, pointer := receiver.Type().(*types.Pointer)
			v.writes(f.Body, func(n ast.Expr, how string) {
				_, itself := n.(*ast.Ident)
				id := rootIdent(n)
				reaches := pointer && (!itself || !strings.HasPrefix(how, "assigns")) || indexed(n) || how == "deletes from" || how == "clears"
				if id != nil && v.info.Uses[id] == receiver && reaches && how != "takes the address of" {
					v.writers[typeName(receiver.Type())+"."+f.Name.Name] = true
				}
			})
		}
	}
}

// indexed tells whether x of x[i] or *x is reached on the way to a place.
func indexed(e ast.Expr) bool {
	for {
		switch x := e.(type) {
		case *ast.SelectorExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr, *ast.StarExpr:
			return true
		default:
			return false
		}
	}
}

// typeName is the name of a type or of what it points to; "" where it has none.
func typeName(t types.Type) string {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if n, ok := t.(*types.Named); ok {
		return n.Obj().Name()
	}
	return ""
}

// rootIdent is x of x, x.y, x[i], *x and so on.
func rootIdent(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// TestVariables shows what the rule sees, and what it lets pass.
func TestVariables(t *testing.T) {
	for code, want := range map[string]string{
		// Without a value.
		`import "sync"; var x sync.Map`:            "x has no value",
		`import "sync/atomic"; var x atomic.Int64`: "x has no value",
		`var x map[string]int`:                     "x has no value",
		`var (a = 1; x, y error)`:                  "y has no value",
		// Of a type that is there to be changed.
		`import "sync"; var x = sync.Map{}`:                                                                    "x is sync.Map",
		`import "sync"; var x = &sync.Pool{New: func() any { return 1 }}`:                                      "x is sync.Pool",
		`import a "sync/atomic"; var x = new(a.Pointer[int])`:                                                  "x is sync/atomic.Pointer",
		`import "bytes"; var x = bytes.Buffer{}`:                                                               "x is bytes.Buffer",
		`import "sync"; var x = struct{sync.Mutex; n int}{n: 1}`:                                               "x is a struct with sync.Mutex",
		`import "sync"; type cache struct{m []lock}; type lock struct{mu *sync.Mutex}; var x = &cache{}`:       "x is a struct with a struct with sync.Mutex",
		`import "sync"; type cache struct{mu sync.Mutex}; func make2() *cache { return nil }; var x = make2()`: "x is a struct with sync.Mutex",
		`var x = make(chan int)`:                                                                               "x is empty",
		`var x = make(map[string]int)`:                                                                         "x is empty",
		`var x = map[string]int{}`:                                                                             "x is an empty map",
		// Written to.
		`var x = 1; func f() { x = 2 }`:                                                                                       "assigns to the package variable x",
		`var x = 1; func f() { x++ }`:                                                                                         "changes the package variable x",
		`var x = 1; func f() *int { return &x }`:                                                                              "takes the address of the package variable x",
		`var x = []int{1}; func f() { x[0] = 2 }`:                                                                             "assigns to the package variable x",
		`var x = []int{1}; func f() { for x[0] = range 3 {} }`:                                                                "assigns to the package variable x",
		`var x = []int{1}; func f() { copy(x, x) }`:                                                                           "copies to the package variable x",
		`import "slices"; var x = []int{1}; func f() { slices.Sort(x) }`:                                                      "has slices.Sort change the package variable x",
		`import "maps"; var x = map[int]int{1: 1}; func f() { maps.Copy(x, nil) }`:                                            "has maps.Copy change the package variable x",
		`var x = map[int]int{1: 1}; func f() { delete(x, 1) }`:                                                                "deletes from the package variable x",
		`type t struct{n int}; func (a *t) set() { a.n = 1 }; var x = &t{}; func f() { x.set() }`:                             "by set changes the package variable x",
		`type t struct{n int}; func (a *t) set() { a.n = 1 }; func (a *t) up() { a.set() }; var x = t{}; func f() { x.up() }`: "by up changes the package variable x",
		`type t map[int]int; func (a t) set() { a[1] = 1 }; var x = t{1: 2}; func f() { x.set() }`:                            "by set changes the package variable x",
		`import "net/http"; func f() { http.DefaultClient = nil }`:                                                            "assigns to a variable of net/http",
		// What stays as it is.
		`import "errors"; var x = errors.New("x"); func f() error { x := x; x = nil; return x }`:                                 "",
		`import "sync"; var x = sync.OnceValue(func() int { return 1 }); func f() int { return x() }`:                            "",
		`import "slices"; var x = []int{1}; func f() bool { return slices.Contains(x, 1) }`:                                      "",
		`type t struct{n int}; func (a *t) get() int { b := a.n; b++; return b }; var x = &t{}; func f() int { return x.get() }`: "",
		`type t struct{n int}; func (a t) with() t { a.n = 1; return a }; var x = t{}; func f() t { return x.with() }`:           "",
		"import _ \"embed\"\n//go:embed x.txt\nvar x string":                                                                     "",
		`type I interface{}; type t struct{}; var _ I = (*t)(nil)`:                                                               "",
	} {
		got := checkVariables([]source{parse(t, token.NewFileSet(), "emulator/x.go", "package emulator; "+code)})
		if (len(got) == 0) != (want == "") || !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(variablesThatChange())) {
		folder, name, _ := strings.Cut(key, " ")
		file := parse(t, token.NewFileSet(), folder+"/x.go", "package x; var "+name+" = 1")
		if got := checkVariables([]source{file}); len(got) != 1 || !strings.Contains(got[0], "nothing needs any more") {
			t.Errorf("%s, which does not change: %q", key, got)
		}
	}
}
