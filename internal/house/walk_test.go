//go:build unix

package house

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/swanemu/emu/internal/freeport"
)

const (
	// repository is what the README clones.
	repository = "https://github.com/" + "swanemu/emu"
	// serve begins a command that runs until it is stopped.
	serve = "go run ./cmd/emu serve"
	// walkTime bounds a walk, the build included.
	walkTime = 5 * time.Minute
)

// TestReadme runs the README from the clone to the end, as it is written, and
// checks what it says the answers are.
func TestReadme(t *testing.T) { walk(t, false) }

// TestReadmeKcat is TestReadme with the blocks that need kcat, for which it is
// asked with EMU_KCAT=1; then kcat has to be there.
func TestReadmeKcat(t *testing.T) {
	if os.Getenv("EMU_KCAT") != "1" {
		t.Log("not asked for: set EMU_KCAT=1")
		return
	}
	walk(t, true)
}

// walk runs the shell blocks of README.md in one shell. Only three things are
// not as written: the clone comes from a copy of this tree, the ports are free
// ones, and time stands still unless the README moves it.
func walk(t *testing.T, kcat bool) {
	script, expected := walkScript(t, kcat)
	dir := t.TempDir()
	for port, free := range map[string]string{"8080": freePort(t), "8081": freePort(t), "8082": freePort(t)} {
		script = strings.ReplaceAll(script, "127.0.0.1:"+port, "127.0.0.1:"+free)
	}
	out := shell(t, dir, script, origin(t))
	if testing.Verbose() {
		t.Log(out)
	}
	parts := regexp.MustCompile(`(?m)^== block (\d+)\n`).Split(out, -1)
	for i, want := range expected {
		if want == nil {
			continue
		}
		if i+1 >= len(parts) || !want.MatchString(parts[i+1]) {
			t.Errorf("README.md: the output of the shell block %d is not what is said there:\n%s\nwant (as an expression): %s", i+1, part(parts, i+1), want)
		}
	}
}

func part(parts []string, i int) string {
	if i < len(parts) {
		return parts[i]
	}
	return "(it was not reached)"
}

// walkScript makes one script of the shell blocks, and an expression for each
// block whose output is shown in the block after it.
func walkScript(t *testing.T, kcat bool) (string, []*regexp.Regexp) {
	var script strings.Builder
	var expected []*regexp.Regexp
	script.WriteString("set -eu\n")
	shown := false // whether the block before is a shell block that was run
	for _, b := range blocks(t, "README.md") {
		switch b.language {
		case "sh":
			shown = b.note != "kcat" || kcat
			if !shown {
				continue
			}
			expected = append(expected, nil)
			fmt.Fprintf(&script, "echo; echo '== block %d'\n", len(expected))
			script.WriteString(background(b))
		case "json", "text":
			if shown {
				expected[len(expected)-1] = expression(b.text)
			}
			shown = false
		default:
			shown = false
		}
	}
	if len(expected) < 5 {
		t.Fatalf("README.md has %d shell blocks: there is no walk", len(expected))
	}
	return script.String(), expected
}

// background is a block as a script in which servers do not hold up the rest.
func background(b block) string {
	var out strings.Builder
	for _, line := range strings.SplitAfter(b.text, "\n") {
		switch command := strings.TrimSpace(line); {
		case strings.HasPrefix(command, serve):
			address := "127.0.0.1:8080"
			if m := regexp.MustCompile(`--listen (\S+)`).FindStringSubmatch(command); m != nil {
				address = m[1]
			}
			fmt.Fprintf(&out, "EMU_LISTEN=127.0.0.1:8080 %s >serve.log 2>&1 &\n", command)
			fmt.Fprintf(&out, "until grep -q ^Try serve.log && curl -sf http://%s/_emu/ready; do kill -0 $! || { cat serve.log; exit 1; }; sleep 0.1; done\n", address)
			out.WriteString("cat serve.log\n")
		case command == "go test ./...": // who runs this test does so
		default:
			out.WriteString(line)
		}
	}
	return out.String()
}

// expression finds what a document shows; … stands for anything.
func expression(shown string) *regexp.Regexp {
	var out strings.Builder
	out.WriteString("(?s)")
	for i, piece := range strings.Split(strings.TrimSpace(shown), "…") {
		if i > 0 {
			out.WriteString(".*?")
		}
		for j, word := range strings.Fields(piece) {
			if j > 0 {
				out.WriteString(`\s*`)
			}
			out.WriteString(regexp.QuoteMeta(word))
		}
	}
	return regexp.MustCompile(out.String())
}

// shell runs a script to its end, then stops what it left running, and returns
// what it wrote.
func shell(t *testing.T, dir, script, origin string) string {
	t.Helper()
	var out bytes.Buffer
	file := filepath.Join(dir, "walk.sh")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "walk.log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", file)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// What the walk is told besides: where the clone comes from, and that time
	// stands still.
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "EMU_") }),
		"EMU_CLOCK=virtual", "GIT_CONFIG_COUNT=1",
		"GIT_CONFIG_KEY_0=url.file://"+origin+".insteadOf", "GIT_CONFIG_VALUE_0="+repository)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(walkTime, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer late.Stop()
	failure := cmd.Wait()
	stopGroup(t, cmd.Process.Pid)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(log.Name())
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	if failure != nil {
		t.Fatalf("the README's commands: %v\n%s", failure, out.String())
	}
	return out.String()
}

// stopGroup ends a process group and waits until it is gone.
func stopGroup(t *testing.T, group int) {
	t.Helper()
	_ = syscall.Kill(-group, syscall.SIGTERM)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	patience := time.After(20 * time.Second)
	for syscall.Kill(-group, 0) == nil {
		select {
		case <-tick.C:
		case <-patience:
			_ = syscall.Kill(-group, syscall.SIGKILL)
			t.Error("emu did not stop within 20 s of SIGTERM")
			return
		}
	}
}

// origin makes a git repository of this tree, as somebody would clone it.
func origin(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "origin")
	for _, name := range files(t) {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(read(t, name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"init", "-q"},
		{"add", "-A"},
		{"-c", "user.name=walk", "-c", "user.email=walk@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "the tree"},
	} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return dir
}

// freePort is a port of 127.0.0.1 that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	port, err := freeport.Find()
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(port)
}
