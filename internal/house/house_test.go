package house

import (
	"go/token"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestRules checks every rule on every Go file, and that it finds a breach.
func TestRules(t *testing.T) {
	all := sources(t)
	for _, r := range rules() {
		t.Run(strings.ReplaceAll(r.name, " ", "_"), func(t *testing.T) {
			for _, complaint := range r.check(all) {
				t.Errorf("%s\n\twhy: %s", complaint, r.why)
			}
			if r.check([]source{parse(t, token.NewFileSet(), r.breaksAt, r.breaks)}) == nil {
				t.Errorf("the rule accepts %s with %q", r.breaksAt, r.breaks)
			}
		})
	}
}

// TestLinked checks what a package brings along, however far away: the rules
// on imports see one step only.
func TestLinked(t *testing.T) {
	never := []struct {
		pkg, why string
		prefixes []string
	}{
		{"./cmd/emu", "a program that people run links no test code", []string{
			"testing", module + "/internal/house", "github.com/google/go-cmp", "github.com/rogpeppe", "pgregory.net", "go.uber.org/goleak",
		}},
		{"./emulator", "whoever uses the emulator in a test pays for nothing that only the command needs", []string{
			module + "/scenarios", module + "/contracttest", module + "/emulator/kafka",
			"github.com/twmb/franz-go", "github.com/testcontainers", "github.com/spf13", "github.com/knadh", "testing",
		}},
		{".", "the contract is data", []string{"net/http", module + "/"}},
	}
	for _, n := range never {
		linked := golist(t, "-deps", n.pkg)
		for _, p := range linked {
			for _, prefix := range n.prefixes {
				if p == prefix || strings.HasPrefix(p, strings.TrimSuffix(prefix, "/")+"/") {
					t.Errorf("%s links %s\n\twhy not: %s", n.pkg, p, n.why)
				}
			}
		}
		if !slices.ContainsFunc(linked, func(p string) bool { return strings.HasPrefix(p, module) }) {
			t.Errorf("go list -deps %s names no package of ours: nothing was checked", n.pkg)
		}
	}
}

// golist returns the lines that go list prints.
func golist(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", strings.Join(args, " "), err)
	}
	return strings.Fields(string(out))
}
