package house

import (
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// checkDocs finds exported names without a comment. Commands export nothing.
func checkDocs(all []source) []string {
	var out []string
	for _, s := range all {
		if s.isTest() || s.file.Name.Name == "main" {
			continue
		}
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && ast.IsExported(receiver(d)) {
					out = append(out, wantSentence(s, d.Pos(), d.Name.Name, d.Doc)...)
				}
			case *ast.GenDecl:
				out = append(out, undocumented(s, d)...)
			}
		}
	}
	return out
}

// receiver is the name of the type that a method is of; a function counts as
// exported by its own name.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	if id := rootIdent(f.Recv.List[0].Type); id != nil {
		return id.Name
	}
	return f.Name.Name
}

func undocumented(s source, d *ast.GenDecl) []string {
	var out []string
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() {
				out = append(out, wantSentence(s, spec.Pos(), spec.Name.Name, first(spec.Doc, d.Doc))...)
			}
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				doc := first(spec.Doc, d.Doc, spec.Comment)
				if name.IsExported() && doc == nil {
					out = append(out, s.at(name.Pos())+": "+kind(d.Tok)+" "+name.Name+" has no comment")
				}
			}
		}
	}
	return out
}

func kind(t token.Token) string {
	if t == token.CONST {
		return "constant"
	}
	return "variable"
}

func first(groups ...*ast.CommentGroup) *ast.CommentGroup {
	for _, g := range groups {
		if g != nil {
			return g
		}
	}
	return nil
}

// wantSentence complains unless the comment is at least one full sentence.
func wantSentence(s source, pos token.Pos, name string, doc *ast.CommentGroup) []string {
	text := strings.TrimSpace(doc.Text())
	switch {
	case text == "":
		return []string{s.at(pos) + ": " + name + " has no comment"}
	case !strings.Contains(text, name):
		return []string{s.at(pos) + ": the comment does not name " + name}
	case !strings.ContainsAny(text, ".:"):
		return []string{s.at(pos) + ": the comment of " + name + " is not a full sentence"}
	}
	return nil
}

// checkPackageComments finds packages that have no comment, or more than one.
func checkPackageComments(all []source) []string {
	with := map[string][]string{}
	for _, s := range all {
		// Test-only packages may say it in a test.
		if s.isTest() && s.folder() != "internal/house" {
			continue
		}
		if _, ok := with[s.folder()]; !ok {
			with[s.folder()] = nil
		}
		if strings.HasPrefix(s.file.Doc.Text(), "Package ") || strings.HasPrefix(s.file.Doc.Text(), "Command ") {
			with[s.folder()] = append(with[s.folder()], s.path)
		}
	}
	var out []string
	for _, folder := range slices.Sorted(maps.Keys(with)) {
		switch places := with[folder]; len(places) {
		case 0:
			out = append(out, folder+": no file has the comment of the package")
		case 1:
		default:
			out = append(out, folder+": the package is explained more than once: "+strings.Join(places, ", "))
		}
	}
	return out
}
