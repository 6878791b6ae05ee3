package house

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// A block is a fenced block of a Markdown document.
type block struct {
	document string
	// line is where the block's text begins.
	line int
	// language is the first word behind the fence, note the rest.
	language, note string
	text           string
}

// blocks returns the fenced blocks of a document, in order.
func blocks(t *testing.T, document string) []block {
	t.Helper()
	var out []block
	var open *block
	for i, line := range strings.Split(read(t, document), "\n") {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &block{document: document, line: i + 2}
			open.language, open.note, _ = strings.Cut(info, " ")
		case fence:
			out = append(out, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		t.Fatalf("%s:%d: the block does not end", document, open.line)
	}
	return out
}

// commands returns the commands of a shell block; a line that ends in a
// backslash goes on in the next one.
func (b block) commands() []string {
	var out []string
	for _, line := range strings.Split(strings.ReplaceAll(b.text, "\\\n", ""), "\n") {
		line = strings.Join(strings.Fields(line), " ")
		if line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

// prose is a document without its fenced blocks.
func prose(t *testing.T, document string) string {
	t.Helper()
	return regexp.MustCompile("(?s)\n```.*?\n```").ReplaceAllString(read(t, document), "\n")
}

// headings returns the headings of a document with their #s.
func headings(t *testing.T, document string) []string {
	t.Helper()
	return regexp.MustCompile(`(?m)^#+ .*$`).FindAllString(prose(t, document), -1)
}

// anchor is what a link to a heading names.
func anchor(heading string) string {
	text := strings.ToLower(strings.TrimSpace(strings.TrimLeft(heading, "#")))
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return r
		}
		return -1
	}, text)
}
