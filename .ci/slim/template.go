// Package gofakeit is, in this directory, one file of that package: it stands in
// for the file of the same name in what make build links. See prepare.
package gofakeit

// addTemplateLookup adds no functions: those that make documents of templates
// are none that a contract can ask for.
func addTemplateLookup() {}
