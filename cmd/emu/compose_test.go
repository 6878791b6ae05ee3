package main

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// compose is what the tests look at of examples/compose/compose.yaml. That
// file is read strictly: a key that stands nowhere here has to be looked at.
type compose struct {
	Name     string               `yaml:"name"`
	Services map[string]*composed `yaml:"services"`
}

type composed struct {
	Image string `yaml:"image"`
	Build struct {
		Context    string `yaml:"context"`
		Dockerfile string `yaml:"dockerfile"`
	} `yaml:"build"`
	Environment map[string]string `yaml:"environment"`
	Volumes     []string          `yaml:"volumes"`
	Ports       []string          `yaml:"ports"`
	DependsOn   map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
	Restart     string `yaml:"restart"`
	Healthcheck struct {
		Test     []string `yaml:"test"`
		Interval string   `yaml:"interval"`
		Timeout  string   `yaml:"timeout"`
		Retries  int      `yaml:"retries"`
	} `yaml:"healthcheck"`
}

// composeDir is where the file is, seen from here.
const composeDir = "../../examples/compose"

func readCompose(t *testing.T) compose {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(composeDir, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file compose
	if err := yaml.Load(text, &file, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"emu", "service", "kafka"} {
		if file.Services[name] == nil {
			t.Fatalf("there is no service %s", name)
		}
	}
	return file
}

// environ is a service's environment. What is mounted where the image looks for
// scenarios is looked for on this machine.
func (s *composed) environ() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(s.Environment)) {
		out = append(out, name+"="+s.Environment[name])
	}
	for _, volume := range s.Volumes {
		if here, ok := strings.CutSuffix(volume, ":/etc/emu/scenarios:ro"); ok {
			out = append(out, "EMU_SCENARIOS="+filepath.Join(composeDir, here))
		}
	}
	return out
}

// composeSettings are those that the emulator has there.
func composeSettings(t *testing.T, file compose) settings {
	t.Helper()
	s, err := load(serveFlags(), file.Services["emu"].environ())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.readScenario(); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestCompose holds examples/compose/compose.yaml against what it speaks of:
// settings, files, ports, names, and the credentials of the seed.
func TestCompose(t *testing.T) {
	file := readCompose(t)
	s := composeSettings(t, file)
	emu, service, kafka := file.Services["emu"], file.Services["service"], file.Services["kafka"]
	for name, one := range file.Services {
		for other, on := range one.DependsOn {
			healthy := len(file.Services[other].Healthcheck.Test) > 0 || other == "emu" // its image has one
			if on.Condition != "service_healthy" || !healthy {
				t.Errorf("%s waits for %s, which does not tell its health", name, other)
			}
		}
		checkComposeBuild(t, name, one)
	}
	// Whom the names and ports lead to.
	if text := readFile(t, "../../Dockerfile"); !strings.Contains(text, "EMU_LISTEN=0.0.0.0:8080") || !strings.Contains(text, "EMU_SCENARIOS=/etc/emu/scenarios") || !slices.Contains(emu.Ports, "127.0.0.1:8080:8080") ||
		service.Environment["PLATFORM"] != "http://emu:8080" {
		t.Errorf("the emulator is not where it is said to be: %q, %s", emu.Ports, service.Environment["PLATFORM"])
	}
	listen := service.Environment["LISTEN"]
	if want := "http://service" + listen + "/push"; *s.story.Given.TPs[0].PushURL != want || !slices.Contains(service.Ports, "127.0.0.1"+listen+listen) {
		t.Errorf("pushes go to %s, the service is at %s", *s.story.Given.TPs[0].PushURL, want)
	}
	inside := s.Kafka[0]
	if advertised := kafka.Environment["KAFKA_ADVERTISED_LISTENERS"]; !strings.Contains(advertised, "INSIDE://"+inside+",") ||
		!strings.HasSuffix(advertised, "OUTSIDE://localhost:9092") || !slices.Contains(kafka.Ports, "127.0.0.1:9092:9092") ||
		service.Environment["BROKERS"] != inside {
		t.Errorf("Kafka is at %s, the emulator looks at %s, the service at %s", advertised, inside, service.Environment["BROKERS"])
	}
	if e := service.Environment; e["CONTROL"] != e["PLATFORM"]+"/_emu/sandboxes/default" || e["CONTROL_TOKEN"] != s.AdminToken || e["TOPIC"] != s.KafkaTopic {
		t.Errorf("the service is told of an emulator that is another: %v", e)
	}
	var read []string
	for _, m := range regexp.MustCompile(`os\.Getenv\("(\w+)"\)`).FindAllStringSubmatch(readFile(t, "../../examples/go-service/settings.go")+readFile(t, "../../examples/go-service/main.go"), -1) {
		read = append(read, m[1])
	}
	for name := range service.Environment {
		if !slices.Contains(read, name) {
			t.Errorf("the service is given %s and reads only %v", name, read)
		}
	}
}

// checkComposeBuild looks for what a service is built of and what it mounts.
func checkComposeBuild(t *testing.T, name string, s *composed) {
	t.Helper()
	for _, volume := range s.Volumes {
		here, _, _ := strings.Cut(volume, ":")
		if _, err := os.Stat(filepath.Join(composeDir, here)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.Build.Context == "" {
		return
	}
	dir := filepath.Join(composeDir, s.Build.Context)
	dockerfile := "Dockerfile"
	if s.Build.Dockerfile != "" {
		dockerfile = s.Build.Dockerfile
	}
	let, makefile := readFile(t, filepath.Join(dir, ".dockerignore")), readFile(t, filepath.Join(dir, "Makefile"))
	copied := regexp.MustCompile(`(?m)^COPY (dist/[\w-]+)`).FindAllStringSubmatch(readFile(t, filepath.Join(dir, dockerfile)), -1)
	if len(copied) != 1 || !strings.Contains(let, "\n!"+copied[0][1]+"\n") || !strings.Contains(makefile, "-o "+copied[0][1]+" ") {
		t.Errorf("%s: %s copies %q, which the Makefile does not make or .dockerignore leaves out", name, dockerfile, copied)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestComposeStory is the story that examples/compose/README.md tells, with
// processes instead of containers.
func TestComposeStory(t *testing.T) { composeStory(t, kafkaEmbedded) }

// TestRealCompose is TestComposeStory with the real Kafka of .ci/kafka-real.
func TestRealCompose(t *testing.T) {
	address := os.Getenv("EMU_KAFKA_REAL")
	if address == "" {
		t.Log("not asked for: .ci/kafka-real runs it")
		return
	}
	composeStory(t, address)
}

func composeStory(t *testing.T, brokers string) {
	file := readCompose(t)
	platform, receiver := freeAddress(t), freeAddress(t)
	emu, service := file.Services["emu"], file.Services["service"]
	emu.Environment["EMU_LISTEN"], emu.Environment["EMU_KAFKA"] = platform, brokers
	if brokers == kafkaEmbedded {
		brokers = freeAddress(t)
		emu.Environment["EMU_KAFKA_LISTEN"] = brokers
	}
	for name, value := range map[string]string{
		"PLATFORM": "http://" + platform, "CONTROL": "http://" + platform + "/_emu/sandboxes/default", "LISTEN": receiver, "BROKERS": brokers,
	} {
		service.Environment[name] = value
	}

	bin := emuAsProgram(t)
	alongside(t, environed(emu.environ(), bin, "serve", "--quiet"))
	if out, err := exec.CommandContext(t.Context(), bin, "healthcheck", "--url", "http://"+platform, "--wait", "60s").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	built := filepath.Join(t.TempDir(), "go-service")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", built, "../../examples/go-service").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	heard := alongside(t, environed(service.environ(), built))
	hear := func(text string) {
		t.Helper()
		for line := range heard {
			if strings.HasPrefix(line, text) {
				return
			}
		}
		t.Fatalf("the service never says %q", text)
	}
	hear("listening at")
	if out, err := environed(service.environ(), built, "health").CombinedOutput(); err != nil {
		t.Errorf("health: %v: %s", err, out)
	}
	post := func(method, url string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+emu.Environment["EMU_ADMIN_TOKEN"])
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(answer.Body)
			t.Fatalf("%s %s: %s %s", method, url, answer.Status, text)
		}
	}
	box := "http://" + platform + "/_emu/sandboxes/default"
	post(http.MethodPatch, box+"/tps/17328232?push_url="+url.QueryEscape("http://"+receiver+"/push"))
	for _, one := range [][2]string{{"1.0.0", "rejected: 名称过长"}, {"1.0.1", "online 1.0.1"}} {
		post(http.MethodPost, "http://"+receiver+"/ship?version="+one[0])
		post(http.MethodPost, box+"/clock/advance?by=3s")
		hear("submitted " + one[0])
		post(http.MethodPost, box+"/clock/advance?by=20s")
		hear(one[1])
	}
}
