package house

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are those whose commands, links and claims are checked: all of the
// root and of docs, and what each sample says of itself.
func documents(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, name := range files(t) {
		if strings.HasSuffix(name, ".md") && (!strings.Contains(name, "/") || strings.HasPrefix(name, "docs/")) || sample(name) {
			out = append(out, name)
		}
	}
	return out
}

// sample reports whether a file is what a sample says of itself.
func sample(name string) bool {
	return strings.HasPrefix(name, "examples/") && strings.HasSuffix(name, "/README.md")
}

// TestLinks checks that every link to a file of the repository, and to a
// heading in it, leads there.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	count := 0
	for _, document := range documents(t) {
		for _, found := range link.FindAllStringSubmatch(prose(t, document), -1) {
			target, heading, _ := strings.Cut(found[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			count++
			file := document
			if target != "" {
				file = path.Join(path.Dir(document), target)
			}
			if _, err := os.Stat(filepath.Join(root(t), filepath.FromSlash(file))); err != nil {
				t.Errorf("%s links to %s, which is not there", document, target)
				continue
			}
			if heading == "" {
				continue
			}
			if !slices.ContainsFunc(headings(t, file), func(h string) bool { return anchor(h) == heading }) {
				t.Errorf("%s links to %s, where no heading makes the anchor %s", document, found[1], heading)
			}
		}
	}
	if count < 5 {
		t.Errorf("%d links found: the test looks in the wrong place", count)
	}
}

// TestPagesAreListed checks that the index of the documents links to each of
// them, and the README to the index.
func TestPagesAreListed(t *testing.T) {
	if !strings.Contains(prose(t, "README.md"), "](docs/README.md)") {
		t.Error("README.md does not link to docs/README.md")
	}
	index := prose(t, "docs/README.md")
	count := 0
	for _, document := range documents(t) {
		page, ok := strings.CutPrefix(document, "docs/")
		if !ok || page == "README.md" {
			continue
		}
		count++
		if !strings.Contains(index, "]("+page+")") {
			t.Errorf("docs/README.md does not link to %s", page)
		}
	}
	if count < 10 {
		t.Errorf("%d pages found: the test looks in the wrong place", count)
	}
}

// TestReadmesAgree checks that a document and its translation have the same
// commands, the same examples and the same outline.
func TestReadmesAgree(t *testing.T) {
	for english, chinese := range translations() {
		agree(t, english, chinese)
	}
}

// translations are the documents that there are in Chinese as well.
func translations() map[string]string {
	return map[string]string{
		"README.md":        "README.zh-CN.md",
		"docs/tutorial.md": "docs/tutorial.zh-CN.md",
		"docs/settings.md": "docs/settings.zh-CN.md",
	}
}

func agree(t *testing.T, first, second string) {
	t.Helper()
	english, chinese := blocks(t, first), blocks(t, second)
	for i := range max(len(english), len(chinese)) {
		if i >= len(english) || i >= len(chinese) {
			t.Errorf("%s has %d blocks, %s %d", first, len(english), second, len(chinese))
			break
		}
		a, b := english[i], chinese[i]
		same := a.text == b.text
		if a.language == "sh" {
			same = slices.Equal(a.commands(), b.commands())
		}
		if !same || a.language != b.language || a.note != b.note {
			t.Errorf("%s:%d and %s:%d differ:\n%s\n%s", first, a.line, second, b.line, a.text, b.text)
		}
	}
	levels := func(document string) (out []int) {
		for _, h := range headings(t, document) {
			out = append(out, strings.Index(h, " "))
		}
		return out
	}
	if a, b := levels(first), levels(second); !slices.Equal(a, b) {
		t.Errorf("the outlines differ: %s %v, %s %v", first, a, second, b)
	}
}

// walks are the documents whose shell blocks are run from the first to the
// last, as they are written. Those of docs find emu in their path.
func walks() []string {
	return []string{
		"README.md", "docs/tutorial.md", "docs/any-api.md", "docs/control.md", "docs/cookbook.md", "docs/faults.md",
		"docs/fidelity.md", "docs/kafka.md", "docs/replay.md", "docs/time.md", "docs/users.md", "docs/webhooks.md",
	}
}

// walked reports whether a document, or what it is a translation of, is run as
// a whole, or by .ci/examples.
func walked(document string) bool {
	return sample(document) || slices.ContainsFunc(walks(), func(name string) bool { return document == name || document == translations()[name] })
}

// TestCommandsAreRun checks that no document names a command that nobody
// runs: a shell block of a document that is walked is run there, all others
// stand word for word in .ci/run or in a script of cmd/emu, as do the commands of emu in
// what somebody else's CI is to run.
func TestCommandsAreRun(t *testing.T) {
	places := []string{read(t, ".ci/run")}
	for _, name := range files(t) {
		if strings.HasPrefix(name, "cmd/emu/testdata/script/") {
			places = append(places, read(t, name))
		}
	}
	count := 0
	for _, document := range documents(t) {
		for _, b := range blocks(t, document) {
			commands := b.commands()
			switch b.language {
			case "sh":
			case "yaml":
				commands = regexp.MustCompile(`\bemu contract [^\n]+`).FindAllString(b.text, -1)
			default:
				continue
			}
			for _, command := range commands {
				count++
				if walked(document) && command != "go test ./..." || slices.ContainsFunc(places, func(text string) bool { return has(text, command) }) {
					continue
				}
				t.Errorf("%s:%d: nobody runs %q: put it into .ci/run or a script of cmd/emu, or mark the block as something else than sh",
					document, b.line, command)
			}
		}
	}
	if count < 10 {
		t.Errorf("%d commands found: the test looks in the wrong place", count)
	}
}

// TestFilesAreRead checks that a file which a document shows under its name is
// one that a script of cmd/emu reads, or that a walk writes.
func TestFilesAreRead(t *testing.T) {
	var scripts []string
	for _, name := range files(t) {
		if strings.HasPrefix(name, "cmd/emu/testdata/script/") {
			scripts = append(scripts, read(t, name))
		}
	}
	count := 0
	for _, document := range documents(t) {
		for _, b := range blocks(t, document) {
			if !strings.Contains(b.note, ".") || walked(document) {
				continue
			}
			count++
			shown := "\n-- " + b.note + " --\n" + b.text
			if !slices.ContainsFunc(scripts, func(text string) bool { return strings.Contains(text, shown) }) {
				t.Errorf("%s:%d: no script of cmd/emu has this %s", document, b.line, b.note)
			}
		}
	}
	if count < 2 {
		t.Errorf("%d files found: the test looks in the wrong place", count)
	}
}

// has reports whether command stands in text as whole words.
func has(text, command string) bool {
	return regexp.MustCompile(`(^|[\s;&|('])` + regexp.QuoteMeta(command) + `($|[\s;&|)'])`).MatchString(text)
}

// TestFlags checks that each flag of `emu serve` stands in a table of the page
// of settings, in each language, or of another page of docs, and no other; the
// golden help text of cmd/emu says which there are.
func TestFlags(t *testing.T) {
	help := regexp.MustCompile(`(?m)^ +--([a-z-]+) `)
	row := regexp.MustCompile("(?m)^\\| `--([a-z-]+)")
	want := map[string]bool{}
	for _, m := range help.FindAllStringSubmatch(read(t, "cmd/emu/testdata/script/usage.txtar"), -1) {
		want[m[1]] = true
	}
	if len(want) < 10 {
		t.Fatalf("%d flags found: the test looks in the wrong place", len(want))
	}
	pages := []string{"docs/settings.md", "docs/settings.zh-CN.md"}
	others := ""
	for _, document := range documents(t) {
		if slices.Contains([]string{"docs/clients.md", "docs/operations.md"}, document) {
			others += read(t, document)
		}
	}
	for _, document := range pages {
		got := map[string]bool{}
		for _, m := range row.FindAllStringSubmatch(read(t, document)+others, -1) {
			got[m[1]] = true
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if !got[name] {
				t.Errorf("neither %s nor another page of docs has a row for --%s", document, name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(got)) {
			if !want[name] {
				t.Errorf("%s or another page of docs has a row for --%s, which emu serve does not know", document, name)
			}
		}
	}
}

// TestGoExamples checks that Go code in a document stands in a test file, so
// that it is compiled and run.
func TestGoExamples(t *testing.T) {
	for _, document := range documents(t) {
		for _, b := range blocks(t, document) {
			if b.language != "go" || b.note != "" && walked(document) {
				continue
			}
			if !slices.ContainsFunc(sources(t), func(s source) bool { return s.isTest() && strings.Contains(s.text, b.text) }) {
				t.Errorf("%s:%d: no test has this code:\n%s", document, b.line, b.text)
			}
		}
	}
}

// TestSpeaksOfItself checks that nothing in the repository speaks of a
// machine's own directories.
func TestSpeaksOfItself(t *testing.T) {
	private := regexp.MustCompile(`(^|[\s"'(=])/(work|home|root|Users)/[a-z]`)
	for _, name := range files(t) {
		for i, line := range strings.Split(read(t, name), "\n") {
			if name != "internal/house/docs_test.go" && private.MatchString(line) {
				t.Errorf("%s:%d: a path of somebody's machine: %s", name, i+1, strings.TrimSpace(line))
			}
		}
	}
}
