package main

// The ways into CI: action.yml of GitHub and examples/gitlab-ci.yml. Nobody
// here has their runners; what they would run is run, with their shells'
// options, in the environment that they document.

import (
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/swanemu/emu/internal/freeport"
)

// An action is a composite action of GitHub, as far as action.yml needs it.
type action struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	Inputs      map[string]struct {
		Description string `yaml:"description"`
		Default     string `yaml:"default"`
	} `yaml:"inputs"`
	Outputs map[string]struct {
		Description string `yaml:"description"`
		Value       string `yaml:"value"`
	} `yaml:"outputs"`
	Runs struct {
		Using string       `yaml:"using"`
		Steps []actionStep `yaml:"steps"`
	} `yaml:"runs"`
}

type actionStep struct {
	Name  string            `yaml:"name"`
	ID    string            `yaml:"id"`
	If    string            `yaml:"if"`
	Shell string            `yaml:"shell"`
	Env   map[string]string `yaml:"env"`
	Run   string            `yaml:"run"`
	Uses  string            `yaml:"uses"`
	With  map[string]string `yaml:"with"`
}

// runner is a machine of GitHub as the steps of a job see it.
type runner struct {
	t    *testing.T
	a    action
	temp string
	env  map[string]string // what steps have put into GITHUB_ENV
	path string
}

func newRunner(t *testing.T) *runner {
	t.Helper()
	r := &runner{t: t, temp: t.TempDir(), env: map[string]string{}, path: os.Getenv("PATH")}
	if err := yaml.Load([]byte(readFile(t, "../../action.yml")), &r.a, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	if r.a.Runs.Using != "composite" || r.a.Name == "" || r.a.Description == "" {
		t.Fatalf("no composite action: %+v", r.a)
	}
	return r
}

// use runs the action with these inputs and returns what its steps print,
// which it runs up to the first that fails, and what other actions it uses.
func (r *runner) use(with map[string]string) (out string, used []actionStep, err error) {
	r.t.Helper()
	input := func(text string) string {
		return regexp.MustCompile(`\$\{\{ (inputs|runner)\.(\w+) \}\}`).ReplaceAllStringFunc(text, func(found string) string {
			parts := regexp.MustCompile(`(\w+)\.(\w+)`).FindStringSubmatch(found)
			if value, ok := with[parts[2]]; ok {
				return value
			}
			if parts[0] == "runner.temp" {
				return r.temp
			}
			one, ok := r.a.Inputs[parts[2]]
			if !ok {
				r.t.Fatalf("there is no input %s", parts[2])
			}
			return one.Default
		})
	}
	stop := input("${{ inputs.stop }}") == "true"
	for _, step := range r.a.Runs.Steps {
		when, known := map[string]bool{"inputs.stop == 'true'": stop, "inputs.stop != 'true'": !stop}[step.If]
		if !known {
			r.t.Fatalf("%s: if: %s: this runner does not know it", step.Name, step.If)
		}
		if !when {
			continue
		}
		if step.Uses != "" {
			for name, value := range step.With {
				step.With[name] = input(value)
			}
			used = append(used, step)
			continue
		}
		environ := map[string]string{}
		for name, value := range step.Env {
			environ[name] = input(value)
		}
		text, err := r.shell(step, environ)
		if out += text; err != nil {
			return out, used, err
		}
	}
	return out, used, nil
}

// shell runs the script of a step, as GitHub documents it, and takes over what
// it leaves for later steps.
func (r *runner) shell(step actionStep, environ map[string]string) (string, error) {
	r.t.Helper()
	if step.Shell != "bash" || strings.Contains(step.Run, "${{") {
		r.t.Fatalf("%s: want bash, and values of others in variables only: in a script they would be code", step.Name)
	}
	script := filepath.Join(r.temp, "step.sh")
	if err := os.WriteFile(script, []byte(step.Run), 0o600); err != nil {
		r.t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		r.t.Fatal(err)
	}
	maps.Copy(environ, map[string]string{
		"PATH": r.path, "HOME": os.Getenv("HOME"), "RUNNER_TEMP": r.temp, "GITHUB_ACTION_PATH": root,
		"GITHUB_ENV": filepath.Join(r.temp, "env"), "GITHUB_PATH": filepath.Join(r.temp, "path"), "GITHUB_OUTPUT": filepath.Join(r.temp, "output"),
	})
	cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", script)
	for _, from := range []map[string]string{r.env, environ} {
		for name, value := range from {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Dir = r.temp
	out, failure := cmd.CombinedOutput()
	// NAME=value, or NAME<<END, the value, and END on lines of their own.
	for rest := r.left("env"); rest != ""; {
		line, after, _ := strings.Cut(rest, "\n")
		if name, end, ok := strings.Cut(line, "<<"); ok {
			r.env[name], rest, ok = strings.Cut(after, "\n"+end+"\n")
			if !ok {
				r.t.Fatalf("GITHUB_ENV: %s does not end", name)
			}
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			r.t.Fatalf("GITHUB_ENV: %q", line)
		}
		r.env[name], rest = value, after
	}
	if added := strings.TrimSpace(r.left("path")); added != "" {
		r.path = added + ":" + os.Getenv("PATH")
	}
	return string(out), failure
}

// left is what steps have written into one of GitHub's files so far.
func (r *runner) left(file string) string {
	text, err := os.ReadFile(filepath.Join(r.temp, file))
	if err != nil {
		return ""
	}
	return string(text)
}

// freeAddress is one of this machine that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := freeport.Find()
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// TestAction starts an emulator with action.yml, uses it as a later step does,
// and stops it.
func TestAction(t *testing.T) {
	r := newRunner(t)
	address := freeAddress(t)
	settings := "# for these tests\nEMU_LISTEN=" + address + "\nEMU_CLOCK=virtual\n\nEMU_ADMIN_TOKEN=of this job\n"
	if out, _, err := r.use(map[string]string{"settings": settings}); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, want := r.left("output"), "url=http://"+address+"\n"; got != want {
		t.Errorf("the outputs are %q, want %q", got, want)
	}
	// The same variables as emu exec gives, but for those of its proxy.
	want := []string{"EMU_ADMIN_TOKEN"}
	for _, name := range exported() {
		if name != "REDIRECT" && name != "RESTORE" {
			want = append(want, "EMU_"+name)
		}
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(r.env)); !slices.Equal(got, want) {
		t.Errorf("later steps have %v, want %v", got, want)
	}
	for name, value := range r.env {
		if value == "" || strings.ContainsAny(value, `{}"`) {
			t.Errorf("%s is %q", name, value)
		}
	}
	next := actionStep{Name: "a step of the job", Shell: "bash", Run: `
curl -fsS "$EMU_URL/rest/2.0/smartapp/package/get?access_token=$EMU_AUTHORIZER_ACCESS_TOKEN"
curl -fsS "$EMU_URL/oauth/2.0/token?grant_type=client_credentials&client_id=$EMU_HOST_AK&client_secret=$EMU_HOST_SK&scope=smartapp_snsapi_base"
curl -fsS -o /dev/null "$EMU_URL/rest/2.0/smartapp/package/get?access_token=$EMU_AUTHORIZER_ACCESS_TOKEN&n=[1-1100]"
emu healthcheck`}
	if out, err := r.shell(next, map[string]string{}); err != nil || !strings.HasPrefix(out, `{"errno":0`) || !strings.Contains(out, `"access_token":"24.`) || !strings.HasSuffix(out, "ready\n") {
		t.Errorf("a later step: %v\n%s", err, out)
	}

	out, used, err := r.use(map[string]string{"stop": "true"})
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := http.Get("http://" + address); err == nil {
		t.Error("the emulator is still there")
	}
	if len(used) != 1 || !strings.HasPrefix(used[0].Uses, "actions/upload-artifact@") || used[0].With["name"] != "emu-flight-record" {
		t.Fatalf("the record is kept with %+v", used)
	}
	record, err := os.ReadFile(filepath.Join(used[0].With["path"], "default-1.json"))
	if err != nil {
		t.Fatal(err)
	}
	if text := readFile(t, filepath.Join(used[0].With["path"], "default-2.json")); !json.Valid([]byte(text)) {
		t.Errorf("the rest of the record is %s", text)
	}
	if !json.Valid(record) || !strings.Contains(string(record), `"operation":"listPackages"`) {
		t.Errorf("the record is %s", record)
	}
	log, err := os.ReadFile(filepath.Join(used[0].With["path"], "serve.log"))
	if err != nil || !strings.Contains(string(log), "stopping") {
		t.Errorf("the log: %v\n%s", err, log)
	}
	for _, name := range []string{
		"EMU_APP_SECRET", "EMU_TP_TICKET", "EMU_TP_ACCESS_TOKEN", "EMU_TP_ENCODING_AES_KEY", "EMU_TP_TOKEN",
		"EMU_AUTHORIZER_ACCESS_TOKEN", "EMU_AUTHORIZER_REFRESH_TOKEN", "EMU_HOST_SK", "EMU_ADMIN_TOKEN",
	} {
		if strings.Contains(string(record)+string(log), r.env[name]) {
			t.Errorf("the record shows %s", name)
		}
	}
}

// TestActionRefuses has the action say what is wrong with its settings. A step
// that stops what has not started is content, and keeps the log.
func TestActionRefuses(t *testing.T) {
	r := newRunner(t)
	if out, _, err := r.use(map[string]string{"stop": "true"}); err != nil || !strings.Contains(out, "nothing was started") {
		t.Errorf("stop without a start: %v\n%s", err, out)
	}
	for settings, want := range map[string]string{
		"clock: virtual": "want EMU_NAME=value, not clock: virtual",
		"EMU_CLOK=virtual\nEMU_LISTEN=" + freeAddress(t):      "unknown variable EMU_CLOK; did you mean EMU_CLOCK?",
		"EMU_SCENARIO=no-such\nEMU_LISTEN=" + freeAddress(t):  "no-such",
		"EMU_KAFKA=127.0.0.1:1\nEMU_LISTEN=" + freeAddress(t): "not ready after 1s",
	} {
		if out, _, err := r.use(map[string]string{"settings": settings, "wait": "1s"}); err == nil || !strings.Contains(out, want) || !strings.Contains(out, "::error::") {
			t.Errorf("%q: %v\n%s\nwant %s", settings, err, out, want)
		}
	}
	out, _, err := r.use(map[string]string{"stop": "true"})
	if _, kept := os.Stat(filepath.Join(r.temp, "emu", "record", "serve.log")); err != nil || kept != nil {
		t.Errorf("stop after a start that failed: %v, %v\n%s", err, kept, out)
	}
}

// TestGitLab runs the jobs of examples/gitlab-ci.yml: their variables go to the
// service too, so that serve has to take them all.
func TestGitLab(t *testing.T) {
	type job struct {
		Image    string `yaml:"image"`
		Services []struct {
			Name  string `yaml:"name"`
			Alias string `yaml:"alias"`
		} `yaml:"services"`
		Variables    map[string]string `yaml:"variables"`
		BeforeScript []string          `yaml:"before_script"`
		Script       []string          `yaml:"script"`
		AfterScript  []string          `yaml:"after_script"`
		Artifacts    struct {
			When  string   `yaml:"when"`
			Paths []string `yaml:"paths"`
		} `yaml:"artifacts"`
	}
	jobs := map[string]job{}
	if err := yaml.Load([]byte(readFile(t, "../../examples/gitlab-ci.yml")), &jobs, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	service, unchanged := jobs["service"], jobs["exec"]
	if len(jobs) != 2 || len(service.Services) != 1 || service.Variables["EMU_URL"] != "http://"+service.Services[0].Alias+":8080" {
		t.Fatalf("the jobs are %+v", jobs)
	}
	address := freeAddress(t)
	emu := emuAsProgram(t)
	environ := func(j job) []string {
		out := []string{"CI_JOB_ID=4711", "PATH=" + filepath.Dir(emu) + ":" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
		for name, value := range j.Variables {
			out = append(out, name+"="+strings.Replace(value, "emu:8080", address, 1))
		}
		return out
	}
	alongside(t, environed(append(environ(service), "EMU_LISTEN="+address, "EMU_KAFKA_LISTEN=127.0.0.1:0"), emu, "serve"))
	script := func(j job, dir string, lines []string) string {
		t.Helper()
		cmd := exec.Command("bash", "-eo", "pipefail", "-c", strings.Join(lines, "\n"))
		cmd.Dir, cmd.Env = dir, environ(j)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	dir := t.TempDir()
	if out := script(service, dir, service.Script); !strings.HasSuffix(out, `{"errno":0,"msg":"success","data":[]}`) {
		t.Errorf("the job prints %s", out)
	}
	script(service, dir, service.AfterScript)
	for _, name := range service.Artifacts.Paths {
		if text := readFile(t, filepath.Join(dir, name)); !strings.Contains(text, `"operation":"listPackages"`) {
			t.Errorf("%s is %s", name, text)
		}
	}
	// What it downloads is not there yet; what it is called is what make dist makes.
	const binary = "emu-linux-amd64"
	if !strings.HasSuffix(unchanged.BeforeScript[0], "/"+binary) || !strings.Contains(readFile(t, "../../Makefile"), "PLATFORMS := linux-amd64 ") {
		t.Errorf("the release has another binary than %s", unchanged.BeforeScript[0])
	}
	if want := "cd examples/python"; unchanged.Script[0] != want || !strings.Contains(readFile(t, "../../examples/python/README.md"), "\n"+unchanged.Script[1]+"\n") {
		t.Errorf("the job does not do what the sample says: %q", unchanged.Script)
	}
}

// emuAsProgram is this test as a program that is called emu.
func emuAsProgram(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "emu")
	if err := os.Symlink(self, bin); err != nil {
		t.Fatal(err)
	}
	return bin
}

// TestWorkflows holds .github/workflows against the Makefile: targets and
// platforms that they name are there, and what others say stands in no script.
func TestWorkflows(t *testing.T) {
	names, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(names) < 2 {
		t.Fatal(names, err)
	}
	makefile := readFile(t, "../../Makefile")
	targets, platforms := 0, 0
	for _, name := range names {
		var workflow struct {
			Jobs map[string]struct {
				Steps []actionStep `yaml:"steps"`
			} `yaml:"jobs"`
		}
		if err := yaml.Load([]byte(readFile(t, name)), &workflow); err != nil {
			t.Fatal(err)
		}
		for _, job := range workflow.Jobs {
			for _, step := range job.Steps {
				if (step.Uses == "") == (step.Run == "") || strings.Contains(step.Run, "${{") {
					t.Errorf("%s: a step uses an action or runs a script, without what others say in it: %+v", name, step)
				}
				for _, m := range regexp.MustCompile(`\bmake ([a-z-]+)`).FindAllStringSubmatch(step.Run, -1) {
					if targets++; !strings.Contains(makefile, "\n"+m[1]+":") {
						t.Errorf("%s: there is no target %s", name, m[1])
					}
				}
				for _, m := range regexp.MustCompile(`linux/(\w+)`).FindAllStringSubmatch(step.Run, -1) {
					if platforms++; !strings.Contains(makefile, " linux-"+m[1]+" ") {
						t.Errorf("%s: make dist has nothing for %s", name, m[0])
					}
				}
			}
		}
	}
	if targets < 1 || platforms < 2 {
		t.Errorf("%d targets and %d platforms found: the test looks in the wrong place", targets, platforms)
	}
}

// TestWaysPage holds docs/ci.md against action.yml: what it shows is one use of
// the action, and its table has the inputs.
func TestWaysPage(t *testing.T) {
	page := readFile(t, "../../docs/ci.md")
	_, shown, _ := strings.Cut(page, "```yaml\n")
	shown, _, _ = strings.Cut(shown, "```")
	var steps []actionStep
	if err := yaml.Load([]byte(shown), &steps, yaml.WithKnownFields()); err != nil || len(steps) != 3 {
		t.Fatalf("%d steps, %v", len(steps), err)
	}
	inputs := newRunner(t).a.Inputs
	for _, step := range steps {
		for name := range step.With {
			if _, ok := inputs[name]; !ok {
				t.Errorf("the page gives the action %s, which it does not take", name)
			}
		}
	}
	for line := range strings.Lines(steps[0].With["settings"]) {
		if _, err := load(serveFlags(), []string{strings.TrimSpace(line)}); err != nil {
			t.Error(err)
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| `?([^`|]*?)`? \\|").FindAllStringSubmatch(page, -1)
	for _, row := range rows {
		want, ok := inputs[row[1]]
		if got := strings.Replace(row[2], "none", "", 1); !ok || got != want.Default {
			t.Errorf("the page says that %s is %q by default, it is %q", row[1], got, want.Default)
		}
	}
	if len(rows) != len(inputs) {
		t.Errorf("the page has %d inputs, the action %d", len(rows), len(inputs))
	}
}
