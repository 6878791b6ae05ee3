package scenarios

import (
	"cmp"
	"slices"
	"strings"
)

// A Problem is one thing that is wrong with a file.
type Problem struct {
	// At is where.
	At Position
	// Path is the way to it in the file, e.g. steps[3].expect push.event.
	Path string
	// Wrong says what is wrong, Expected what was expected, Nearest which
	// known word was probably meant; the latter two may be "".
	Wrong, Expected, Nearest string
}

// String is file:line:column: path: what is wrong, what was expected, the
// nearest known word.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.At.String() + ": ")
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Wrong)
	if p.Expected != "" {
		b.WriteString(", expected " + p.Expected)
	}
	if p.Nearest != "" {
		b.WriteString("; did you mean " + p.Nearest + "?")
	}
	return b.String()
}

// A FileError is everything that is wrong with a file.
type FileError struct{ Problems []Problem }

// Error has a line for each problem, in the order of the file.
func (e *FileError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// fileError makes an error of what is wrong; nil when nothing is.
func fileError(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
	return &FileError{Problems: slices.Compact(problems)}
}

// oneOf lists words for what was expected.
func oneOf(words []string) string {
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	}
	return "one of " + strings.Join(words, ", ")
}
