package scenarios_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/swanemu/emu/scenarios"
)

func TestCollection(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("good.yaml", string(scenarios.Template("good")))
	write("rollback.yml", string(scenarios.Template("rollback")))
	write("bad.yaml", "name: bad\nsumary: x\n")
	write("worse.yaml", "- 1\n")
	c, err := scenarios.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if own := c.Own(); !slices.Equal(own, []string{"bad", "good", "rollback", "worse"}) {
		t.Errorf("own scenarios are %v", own)
	}
	names := c.Names()
	if len(names) != len(scenarios.Names())+3 || !slices.IsSorted(names) {
		t.Errorf("%d names: %v", len(names), names)
	}
	if s, err := c.Ready("rollback"); err != nil || s.File != filepath.Join(dir, "rollback.yml") {
		t.Errorf("rollback is not the directory's: %v, %v", s, err)
	}
	if s, err := c.Ready("first-release"); err != nil || s.File != "first-release.yaml" {
		t.Errorf("first-release is not the library's: %v, %v", s, err)
	}
	var wrong *scenarios.FileError
	if err := c.Check(); !errors.As(err, &wrong) || !strings.HasPrefix(wrong.Error(), filepath.Join(dir, "bad.yaml")+":2:1: ") ||
		!strings.Contains(wrong.Error(), "\n"+filepath.Join(dir, "worse.yaml")+":1:1: ") {
		t.Errorf("the check says %v", err)
	}
	if _, err := scenarios.Open(filepath.Join(dir, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
	if _, err := c.Source("../collection"); err == nil {
		t.Error("a name leads out of the directory")
	}
}
