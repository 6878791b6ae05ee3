package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/testcontainers/testcontainers-go"

	"github.com/swanemu/emu/scenarios"
)

const (
	// scenarioPath is where a scenario from a file stands in the container.
	scenarioPath = "/etc/emu/scenario.yaml"
	// readable is the mode of files in the container, where another user reads them.
	readable = 0o644
)

// WithScenario gives the default sandbox what a scenario says that there is, and
// what its platform decides: one of the library or of WithScenarios by its name,
// or a file of this machine, whose name ends in .yaml or .yml.
func WithScenario(scenario string) Option {
	if ext := filepath.Ext(scenario); ext != ".yaml" && ext != ".yml" {
		return environment(map[string]string{"EMU_SCENARIO": scenario})
	}
	return Option{request: func(request *testcontainers.GenericContainerRequest) error {
		file := testcontainers.ContainerFile{HostFilePath: scenario, ContainerFilePath: scenarioPath, FileMode: readable}
		return errors.Join(
			testcontainers.WithFiles(file).Customize(request),
			testcontainers.WithEnv(map[string]string{"EMU_SCENARIO": scenarioPath}).Customize(request),
		)
	}}
}

// WithScenarios copies the scenarios of a directory of this machine into the
// container, where WithScenario can name them like those of the library: the
// files that end in .yaml or .yml, named like the file without that. Run refuses
// a directory that is not there or has none of them, and two files of one name;
// what is in the files the emulator judges.
func WithScenarios(dir string) Option {
	return Option{request: func(request *testcontainers.GenericContainerRequest) error {
		files, err := scenarioFiles(dir)
		if err != nil {
			return fmt.Errorf("WithScenarios: %w", err)
		}
		return errors.Join(
			testcontainers.WithFiles(files...).Customize(request),
			testcontainers.WithEnv(map[string]string{"EMU_SCENARIOS": scenarios.DefaultDir}).Customize(request),
		)
	}}
}

// scenarioFiles are the scenarios of a directory on their way into the container.
func scenarioFiles(dir string) ([]testcontainers.ContainerFile, error) {
	info, err := os.Stat(dir)
	switch {
	case dir == "":
		return nil, errors.New("want a directory of scenarios, not an empty name")
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no directory %s", dir)
	case err != nil:
		return nil, fmt.Errorf("want a directory of scenarios: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("%s is a file; want the directory that it stands in, or name it in WithScenario", dir)
	}
	named, err := scenarios.Open(dir)
	if err != nil {
		return nil, err
	}
	var files []testcontainers.ContainerFile
	for _, name := range named.Own() {
		file := named.File(name)
		files = append(files, testcontainers.ContainerFile{
			HostFilePath: file, ContainerFilePath: path.Join(scenarios.DefaultDir, filepath.Base(file)), FileMode: readable,
		})
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no scenario: want a file there that ends in .yaml or .yml", dir)
	}
	return files, nil
}
