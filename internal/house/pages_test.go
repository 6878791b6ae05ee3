package house

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// update writes the parts of documents that are made from contracts.
var update = flag.Bool("update", false, "write the tables of docs that are made from contracts")

// TestPageTables checks that the tables of docs which are made from contracts
// are what the contracts say. With -update it writes them.
func TestPageTables(t *testing.T) {
	for document, parts := range map[string]map[string]string{
		"docs/control.md":  {"calls": controlTable(t)},
		"docs/fidelity.md": evidenceTables(t),
	} {
		text := read(t, document)
		count := 0
		want := regexp.MustCompile(`(?s)<!-- (\w+) -->\n.*?<!-- end -->`).ReplaceAllStringFunc(text, func(old string) string {
			name := strings.Fields(old)[1]
			if parts[name] == "" {
				t.Errorf("%s has a part %s, which nobody makes", document, name)
				return old
			}
			count++
			return fmt.Sprintf("<!-- %s -->\n\n%s\n<!-- end -->", name, parts[name])
		})
		if count != len(parts) {
			t.Errorf("%s has %d parts that are made here, want %d", document, count, len(parts))
		}
		if want == text {
			continue
		}
		if !*update {
			t.Errorf("%s is stale; write it with: go test ./internal/house -run TestPageTables -update", document)
			continue
		}
		if err := os.WriteFile(filepath.Join(root(t), filepath.FromSlash(document)), []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// controlTable lists the calls of the control API in the order of its contract.
func controlTable(t *testing.T) string {
	t.Helper()
	var doc struct {
		Paths yaml.Node `yaml:"paths"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "emulator/admin.yaml")), &doc); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("`$box` is `/_emu/sandboxes/{sandbox}`.\n\n| call | | `operationId` |\n|---|---|---|\n")
	paths := doc.Paths.Content
	for i := 0; i+1 < len(paths); i += 2 {
		path := strings.Replace(paths[i].Value, "/_emu/sandboxes/{sandbox}", "$box", 1)
		methods := paths[i+1].Content
		for j := 0; j+1 < len(methods); j += 2 {
			var operation struct {
				ID      string `yaml:"operationId"`
				Summary string `yaml:"summary"`
			}
			if methods[j].Value == "parameters" {
				continue
			}
			if err := methods[j+1].Decode(&operation); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "| `%s %s` | %s | `%s` |\n", strings.ToUpper(methods[j].Value), path, operation.Summary, operation.ID)
		}
	}
	return b.String()
}

// A claim is something that the platform's contract says, with its evidence.
type claim struct{ kind, name, grade, source string }

// evidenceTables count the claims of the platform's contract by grade, and
// list those that are only assumed.
func evidenceTables(t *testing.T) map[string]string {
	t.Helper()
	var doc map[string]any
	if err := yaml.Unmarshal([]byte(read(t, "openapi.yaml")), &doc); err != nil {
		t.Fatal(err)
	}
	claims := claimsIn(doc, nil)
	kinds := []string{"operations", "fields and schemas", "errors", "events", "states, gates and steps"}
	grades := []string{"documented", "observed", "assumed"}
	counts := map[string]int{}
	assumed := map[string][]string{}
	for _, c := range claims {
		counts[c.kind+"/"+c.grade]++
		if c.grade == "assumed" {
			assumed[c.kind] = append(assumed[c.kind], "`"+c.name+"`")
		}
	}
	var table, list strings.Builder
	table.WriteString("| | documented | observed | assumed |\n|---|---|---|---|\n")
	for _, kind := range kinds {
		table.WriteString("| " + kind)
		for _, grade := range grades {
			fmt.Fprintf(&table, " | %d", counts[kind+"/"+grade])
			delete(counts, kind+"/"+grade)
		}
		table.WriteString(" |\n")
	}
	if len(counts) > 0 {
		t.Errorf("evidence of a kind or a grade that has no place in the table: %v", counts)
	}
	list.WriteString("| | |\n|---|---|\n")
	for _, kind := range kinds {
		if names := assumed[kind]; len(names) > 0 {
			slices.Sort(names)
			fmt.Fprintf(&list, "| %s | %s |\n", kind, strings.Join(slices.Compact(names), ", "))
		}
	}
	return map[string]string{"grades": table.String(), "assumed": list.String()}
}

// claimsIn finds all x-evidence below a value of the contract that is at a
// path.
func claimsIn(value any, path []string) (out []claim) {
	switch v := value.(type) {
	case map[string]any:
		if evidence, ok := v["x-evidence"].(map[string]any); ok {
			kind, name := claimAt(v, path)
			out = append(out, claim{kind, name, fmt.Sprint(evidence["grade"]), fmt.Sprint(evidence["source"])})
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if key != "x-evidence" {
				out = append(out, claimsIn(v[key], append(slices.Clone(path), key))...)
			}
		}
	case []any:
		for _, element := range v {
			out = append(out, claimsIn(element, path)...)
		}
	}
	return out
}

// claimAt is of what kind a claim is, and what a reader calls it.
func claimAt(claimed map[string]any, path []string) (kind, name string) {
	if id, ok := claimed["operationId"].(string); ok {
		return "operations", id
	}
	last := path[len(path)-1]
	if own, ok := claimed["name"].(string); ok {
		last = own
	}
	switch path[0] {
	case "x-errors":
		return "errors", last
	case "x-events":
		return "events", last
	case "x-lifecycle":
		return "states, gates and steps", path[1] + " " + last
	}
	var names []string
	for i, part := range path {
		if i > 1 && path[0] == "components" && !slices.Contains([]string{"properties", "items", "allOf", "schema", "parameters"}, part) {
			names = append(names, part)
		}
	}
	if len(names) == 0 {
		names = []string{last}
	}
	return "fields and schemas", strings.Join(names, ".")
}
