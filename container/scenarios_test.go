package container_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/testcontainers/testcontainers-go"

	"github.com/swanemu/emu/container"
)

// scenarioDir is a directory with files of these names, each a scenario with
// the app 4711.
func scenarioDir(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		const story = "name: own\ngiven:\n  apps: [{app_id: 4711, name: 自有}]\nsteps:\n  - advance: 1s\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(story), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestScenarioFiles looks at what is copied where, and how readable it is.
func TestScenarioFiles(t *testing.T) {
	dir := scenarioDir(t, "own.yaml", "other.yml", "notes.txt", ".hidden.yaml")
	var request testcontainers.GenericContainerRequest
	for _, option := range []container.Option{container.WithScenarios(dir), container.WithScenario("own")} {
		if err := option.Customize(&request); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, file := range request.Files {
		got = append(got, file.ContainerFilePath)
		if want := filepath.Join(dir, filepath.Base(file.ContainerFilePath)); file.HostFilePath != want || file.FileMode != 0o644 {
			t.Errorf("%s is a copy of %s with mode %o", file.ContainerFilePath, file.HostFilePath, file.FileMode)
		}
	}
	if want := []string{"/etc/emu/scenarios/other.yml", "/etc/emu/scenarios/own.yaml"}; !slices.Equal(got, want) {
		t.Errorf("copied are %q, want %q", got, want)
	}
	if want := map[string]string{"EMU_SCENARIOS": "/etc/emu/scenarios", "EMU_SCENARIO": "own"}; !maps.Equal(request.Env, want) {
		t.Errorf("the environment is %v, want %v", request.Env, want)
	}
}

// TestScenariosRefused reads what Run says of directories that are of no use.
// It says so before there is a container.
func TestScenariosRefused(t *testing.T) {
	file := filepath.Join(scenarioDir(t, "own.yaml"), "own.yaml")
	for name, c := range map[string]struct {
		dir  string
		want []string
	}{
		"no name":         {"", []string{"not an empty name"}},
		"missing":         {filepath.Join(t.TempDir(), "gone"), []string{"there is no directory", "gone"}},
		"a file":          {file, []string{"own.yaml is a file", "WithScenario"}},
		"none":            {scenarioDir(t), []string{"has no scenario", ".yaml or .yml"}},
		"others":          {scenarioDir(t, "own.json", "readme.md", ".own.yaml"), []string{"has no scenario"}},
		"two of one name": {scenarioDir(t, "own.yaml", "own.yml"), []string{"own.yaml and", "own.yml have one name"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := container.Run(t.Context(), "emu", container.WithScenarios(c.dir))
			if err == nil {
				t.Fatal("Run takes it")
			}
			for _, want := range append(c.want, "run emu: ", "WithScenarios: ") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q in it", err, want)
				}
			}
		})
	}
}
