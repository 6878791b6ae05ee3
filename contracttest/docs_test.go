package contracttest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/swanemu/emu/contracttest"
)

// TestContractPage checks that what docs/contract.md shows is so. With -update
// it writes it.
func TestContractPage(t *testing.T) {
	file := filepath.Join("..", "docs", "contract.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{"finding": shownFinding(t), "dimensions": dimensionTable(), "checks": checkTable()}
	count := 0
	want := regexp.MustCompile(`(?s)<!-- (\w+) -->\n.*?<!-- end -->`).ReplaceAllStringFunc(string(text), func(old string) string {
		name := strings.Fields(old)[1]
		part, ok := parts[name]
		if !ok {
			t.Errorf("docs/contract.md has a part %s, which nobody makes", name)
			return old
		}
		count++
		return fmt.Sprintf("<!-- %s -->\n%s<!-- end -->", name, part)
	})
	if count != len(parts) {
		t.Errorf("docs/contract.md has %d parts that are made here, want %d", count, len(parts))
	}
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(text) {
		t.Error("docs/contract.md is stale; write it with: go test ./contracttest -run TestContractPage -update")
	}
}

func checkTable() string {
	var b strings.Builder
	b.WriteString("| check | mode | needs | what holds when it passes |\n|---|---|---|---|\n")
	for _, c := range contracttest.Checks() {
		var needs []string
		for _, n := range c.Needs {
			needs = append(needs, string(n))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.ID, c.Changes, strings.Join(needs, ", "), c.Explain)
	}
	return b.String()
}

func dimensionTable() string {
	var b strings.Builder
	b.WriteString("| dimension | what is counted |\n|---|---|\n")
	for _, d := range contracttest.Dimensions() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", d.Name, d.Explain)
	}
	return b.String()
}

// shownFinding is the report of a server that writes a time in another form.
func shownFinding(t *testing.T) string {
	t.Helper()
	e := open(t, 1)
	on(func(m *msg) { m.rows(func(r map[string]any) { r["commit_time"] = "2026-01-05T09:00:00Z" }) })(t, e)
	r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{Operations: []string{"listPackages"}, Mode: contracttest.Sandbox})
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(textOf(t, r), "\n\n")
	return "\n```text\n" + text + "\n```\n\n"
}

// ourFake is a server that somebody wrote, with a harness around it: here an
// emulator, and what it can be told to do.
type ourFake struct {
	*emulated
	URL         string
	Credentials contracttest.Credentials
}

func newFake(t *testing.T) *ourFake {
	t.Helper()
	m := mutant{change: func(*testing.T, *emulated) {}}
	e, _ := wire(t, &m, "")
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return &ourFake{emulated: e, URL: e.target.URL, Credentials: e.target.Credentials}
}

// TestOurFake stands in docs/contract.md.
func TestOurFake(t *testing.T) {
	fake := newFake(t)
	contracttest.Run(t, contracttest.Target{
		URL:         fake.URL,
		Credentials: fake.Credentials,
		States:      fake,
		Clock:       fake,
		Lacks: map[contracttest.Need]string{
			contracttest.NeedNotices: "our fake has no Kafka",
			contracttest.NeedPushes:  "our fake does not push yet",
			contracttest.NeedCashier: "our fake takes no money",
		},
	}, contracttest.Options{
		Mode:     contracttest.Sandbox,
		Coverage: contracttest.Thresholds{"operations": 100, "transitions": 50},
	})
}
