package emulator

import (
	goflag "flag"
	"os"
	"strings"
	"testing"
)

var update = goflag.Bool("update", false, "rewrite the table of metrics in docs/operations.md")

// TestOperationsPage: the table of the page is the table of the code. With
// -update it is written.
func TestOperationsPage(t *testing.T) {
	const (
		file  = "../docs/operations.md"
		begin = "<!-- metrics: written by go test ./emulator -run TestOperationsPage -update -->\n"
		end   = "<!-- end of metrics -->\n"
	)
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(page), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("%s has no place for the table: want lines %q and %q", file, begin, end)
	}
	var table strings.Builder
	table.WriteString("\n| metric | type | labels | what |\n|---|---|---|---|\n")
	for _, m := range emulatorMetrics() {
		labels := "–"
		if len(m.labels) > 0 {
			labels = "`" + strings.Join(m.labels, "`, `") + "`"
		}
		table.WriteString("| `" + m.name + "` | " + m.kind + " | " + labels + " | " + m.help + " |\n")
	}
	table.WriteString("\n")
	want := head + begin + table.String() + end + tail
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(page) {
		t.Errorf("%s is stale; write it with: go test ./emulator -run TestOperationsPage -update", file)
	}
}
