package scenarios_test

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/swanemu/emu/scenarios"
)

// The documents are generated here: docs/library.md from the library's files
// and a run of each, the tables of docs/scenarios.md from the types of the
// format. With -update the tests write them.

// docs is where the documents are.
func docs(name string) string { return filepath.Join("..", "docs", name) }

// sameDocument compares a document with what it should be.
func sameDocument(t *testing.T, name, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(docs(name), []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(docs(name))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) == want {
		return
	}
	a, b := strings.Split(string(got), "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Errorf("docs/%s:%d: %s\nwant %s", name, i+1, a[i], b[i])
			break
		}
	}
	t.Errorf("docs/%s is stale; write it with: go test ./scenarios -run %s -update", name, t.Name())
}

// TestLibraryPage checks that docs/library.md shows the library as it is.
func TestLibraryPage(t *testing.T) {
	var list, pages strings.Builder
	for _, name := range scenarios.Names() {
		s, err := scenarios.Ready(name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := scenarios.Source(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "| [%s](#%s) | %s |\n", name, name, s.Summary)
		about, file := split(string(text))
		if about == "" {
			t.Errorf("%s.yaml begins without a comment on what it teaches", name)
		}
		fmt.Fprintf(&pages, "\n## %s\n\n**%s** %s\n\n```yaml\n%s```\n\n```text\n%s```\n", name, s.Summary, about, file, timeline(t, s))
	}
	sameDocument(t, "library.md", libraryHead+list.String()+pages.String())
}

// libraryHead begins docs/library.md.
const libraryHead = `# The library

<!-- Generated from scenarios/library: go test ./scenarios -run TestLibraryPage -update -->

Ready scenarios, one for each story that a team meets on the platform. Each is a file of [scenarios/library](../scenarios/library), which is built into emu, and a test: it passes, and each run of it leaves the same journal. Below are its file and the timeline of a run. Play one with ` + "`emu run NAME`" + `, let emu decide as one says with ` + "`emu serve --scenario NAME`" + `, or take one as the beginning of your own with ` + "`emu scenario show NAME`" + `; [scenarios.md](scenarios.md) has the format.

| scenario | story |
|---|---|
`

// split parts the comment that a file begins with from the rest of it.
func split(text string) (about, file string) {
	var words []string
	for line := range strings.Lines(text) {
		comment, ok := strings.CutPrefix(line, "#")
		if !ok {
			break
		}
		words = append(words, strings.TrimSpace(comment))
		text = text[len(line):]
	}
	return strings.Join(words, " "), text
}

// timeline is what a run shows. How a connection breaks is told in the words
// of the operating system, which are left out.
func timeline(t *testing.T, s *scenarios.Scenario) string {
	t.Helper()
	var out bytes.Buffer
	p := &scenarios.Printer{W: &out}
	r, err := scenarios.Run(t.Context(), s, scenarios.Options{Strict: true, Observe: p.Line})
	if err != nil {
		t.Fatal(err)
	}
	p.End(r)
	if !r.Passed() {
		t.Fatalf("%s\n%s", s.Name, &out)
	}
	text := regexp.MustCompile(`(?:push|host|notify): dial tcp ([0-9.:]+): [^\n,]*`).ReplaceAllString(out.String(), "nobody listens at $1")
	text = regexp.MustCompile(`no answer: [^\n]*(reset|EOF|pipe)[^\n]*`).ReplaceAllString(text, "no answer")
	text = regexp.MustCompile(`(?m) +$`).ReplaceAllString(text, "")
	return strings.TrimRight(text, "\n") + "\n"
}

// TestFormatPage checks that the tables of docs/scenarios.md say what the
// types of the format say.
func TestFormatPage(t *testing.T) {
	text, err := os.ReadFile(docs("scenarios.md"))
	if err != nil {
		t.Fatal(err)
	}
	page, count := string(text), 0
	page = regexp.MustCompile(`(?s)<!-- keys of (\w+) -->\n.*?<!-- end -->`).ReplaceAllStringFunc(page, func(old string) string {
		name := strings.Fields(old)[3]
		typ, ok := formatTypes()[name]
		if !ok {
			t.Errorf("docs/scenarios.md has a table of %s, which is no type of the format", name)
			return old
		}
		count++
		return fmt.Sprintf("<!-- keys of %s -->\n%s<!-- end -->", name, table(typ))
	})
	if want := len(formatTypes()); count != want {
		t.Errorf("docs/scenarios.md has %d tables, want one for each of the %d types: %v", count, want, names(formatTypes()))
	}
	for _, list := range [][]string{scenarios.Operators(), scenarios.Predefined(), names(scenarios.Verbs())} {
		for _, word := range list {
			if !strings.Contains(page, "`"+word) && !strings.Contains(page, "`$"+word) {
				t.Errorf("docs/scenarios.md does not explain %s", word)
			}
		}
	}
	sameDocument(t, "scenarios.md", page)
}

// TestFormatExamples plays the examples of docs/scenarios.md.
func TestFormatExamples(t *testing.T) {
	text, err := os.ReadFile(docs("scenarios.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(found) < 5 {
		t.Errorf("%d examples: the test looks in the wrong place", len(found))
	}
	for i, one := range found {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			t.Parallel()
			play(t, parse(t, one[1]))
		})
	}
}

func names[V any](m map[string]V) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// formatTypes finds the types of the format's mappings, by name.
func formatTypes() map[string]reflect.Type {
	out := map[string]reflect.Type{}
	var add func(reflect.Type)
	add = func(typ reflect.Type) {
		switch {
		case typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice:
			add(typ.Elem())
		case typ.Kind() == reflect.Struct && typ != reflect.TypeFor[scenarios.Time]() && out[typ.Name()] == nil:
			out[typ.Name()] = typ
			for _, f := range members(typ) {
				add(f.Type)
			}
		}
	}
	add(reflect.TypeFor[scenarios.Scenario]())
	return out
}

// members are the keys of a mapping.
func members(typ reflect.Type) []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(typ), func(f reflect.StructField) bool {
		return f.Anonymous || f.Tag.Get("json") == "-" || f.Tag.Get("json") == ""
	})
}

// table lists the keys of a mapping.
func table(typ reflect.Type) string {
	var b strings.Builder
	b.WriteString("\n| key | value | meaning |\n|---|---|---|\n")
	for _, f := range members(typ) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		value := valueText(f)
		if !strings.Contains(options, "omitempty") {
			value += ", required"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", name, value, f.Tag.Get("jsonschema_description"))
	}
	b.WriteString("\n")
	return b.String()
}

// valueText says what a key's value is.
func valueText(f reflect.StructField) string {
	text := typeText(f.Type)
	var words []string
	least, most := "", ""
	for part := range strings.SplitSeq(f.Tag.Get("jsonschema"), ",") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "enum":
			words = append(words, "`"+value+"`")
		case "minimum":
			least = " from " + value
		case "maximum":
			most = " to " + value
		}
	}
	if words != nil {
		return strings.Join(words, ", ")
	}
	return text + least + most
}

// sections are the anchors of the types that have no heading of their name.
func sections() map[string]string {
	return map[string]string{
		"Given": "given-what-exists", "Platform": "platform-what-it-decides", "Step": "steps", "Actor": "calls",
		"PushExpected": "what-arrives", "KafkaExpected": "what-arrives", "NotifyExpected": "what-arrives",
		"SetMerchant": "decisions-and-changes",
		"Decide":      "decisions-and-changes", "SetApp": "decisions-and-changes", "SetTP": "decisions-and-changes",
		"Authorize": "decisions-and-changes", "Revoke": "decisions-and-changes",
		"StateExpected": "states-and-counts", "Called": "states-and-counts",
	}
}

func typeText(typ reflect.Type) string {
	switch typ {
	case reflect.TypeFor[scenarios.Duration]():
		return "duration"
	case reflect.TypeFor[scenarios.Time]():
		return "time"
	case reflect.TypeFor[scenarios.AppStatus]():
		return "word or number"
	case reflect.TypeFor[scenarios.Ref]():
		return "number or variable"
	case reflect.TypeFor[[][]scenarios.Step]():
		return "lists of steps"
	}
	switch typ.Kind() {
	case reflect.Pointer:
		return typeText(typ.Elem())
	case reflect.Slice:
		of := strings.NewReplacer("number", "numbers", "[mapping]", "[mappings]").Replace(typeText(typ.Elem()))
		return "list of " + of
	case reflect.Struct:
		return fmt.Sprintf("[mapping](#%s)", cmp.Or(sections()[typ.Name()], strings.ToLower(typ.Name())))
	case reflect.Map:
		return "mapping"
	case reflect.Interface:
		return "any value"
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	}
	return "number"
}
