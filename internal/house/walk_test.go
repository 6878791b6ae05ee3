//go:build unix

package house

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path"
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
	// repository is what the documents clone.
	repository = "https://github.com/" + "swanemu/emu"
	// walkTime bounds a walk, the build included.
	walkTime = 5 * time.Minute
)

// serves begins a command that runs until it is stopped; the rest of a
// document goes on when it is ready.
func serves(command string) bool {
	return strings.HasPrefix(command, "go run ./cmd/emu serve") || strings.HasPrefix(command, "emu serve")
}

// TestReadme runs the README from the clone to the end, as it is written, and
// checks what it says the answers are.
func TestReadme(t *testing.T) { walk(t, "README.md", "", "") }

// TestPages does the same with the pages of docs.
func TestPages(t *testing.T) {
	bin := build(t)
	for _, document := range walks()[1:] {
		t.Run(path.Base(document), func(t *testing.T) { walk(t, document, bin, "") })
	}
}

// TestPagesKcat is TestPages with the blocks that need kcat, for which it is
// asked with EMU_KCAT=1; then kcat has to be there.
func TestPagesKcat(t *testing.T) { walkWith(t, "kcat", "EMU_KCAT") }

// TestPagesOpenSSL is TestPagesKcat for openssl and EMU_OPENSSL=1.
func TestPagesOpenSSL(t *testing.T) { walkWith(t, "openssl", "EMU_OPENSSL") }

// TestPagesNodeJS is TestPagesKcat for node and EMU_NODE=1.
func TestPagesNodeJS(t *testing.T) { walkWith(t, "node", "EMU_NODE") }

// walkWith walks the documents that have blocks for a tool.
func walkWith(t *testing.T, tool, variable string) {
	t.Helper()
	if os.Getenv(variable) != "1" {
		t.Logf("not asked for: set %s=1", variable)
		return
	}
	bin := build(t)
	count := 0
	for _, document := range walks() {
		if slices.ContainsFunc(blocks(t, document), func(b block) bool { return b.note == tool }) {
			count++
			t.Run(path.Base(document), func(t *testing.T) { walk(t, document, bin, tool) })
		}
	}
	if count == 0 {
		t.Errorf("no document uses %s", tool)
	}
}

// build makes the program and returns the directory it is in.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", dir, "./cmd/emu")
	cmd.Dir = root(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return dir
}

// walk runs the shell blocks of a document in one shell, in which a block that
// shows a file under its name writes it. Only three things are not as written:
// a clone comes from a copy of this tree, the ports are free ones, and time
// stands still unless the document moves it.
func walk(t *testing.T, document, bin, tool string) {
	script, expected := walkScript(t, document, tool)
	dir := t.TempDir()
	from := ""
	if strings.Contains(script, repository) {
		from = origin(t)
	}
	out := shell(t, dir, script, bin, from)
	if testing.Verbose() {
		t.Log(out)
	}
	parts := regexp.MustCompile(`(?m)^== block (\d+)\n`).Split(out, -1)
	for i, want := range expected {
		if want == nil {
			continue
		}
		if i+1 >= len(parts) || !want.MatchString(parts[i+1]) {
			t.Errorf("%s: the output of the shell block %d is not what is said there:\n%s\nwant (as an expression): %s", document, i+1, part(parts, i+1), want)
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
func walkScript(t *testing.T, document, tool string) (string, []*regexp.Regexp) {
	var script strings.Builder
	var expected []*regexp.Regexp
	script.WriteString("set -eu\n")
	ports := map[string]string{}
	local := regexp.MustCompile(`127\.0\.0\.1:([89]\d{3})\b`)
	freed := func(text string) string {
		return local.ReplaceAllStringFunc(text, func(address string) string {
			if ports[address] == "" {
				ports[address] = "127.0.0.1:" + freePort(t)
			}
			return ports[address]
		})
	}
	shown := false // whether the block before is a shell block that was run
	for _, b := range blocks(t, document) {
		b.text = freed(b.text)
		switch {
		case b.language == "sh":
			shown = b.note == "" || b.note == "fails" || b.note == tool
			if !shown {
				continue
			}
			expected = append(expected, nil)
			fmt.Fprintf(&script, "echo; echo '== block %d'\n", len(expected))
			if b.note == "fails" {
				fmt.Fprintf(&script, "if %s\nthen echo it did not fail; exit 1; fi\n", strings.TrimSpace(b.text))
				continue
			}
			script.WriteString(background(b, freed("127.0.0.1:8080")))
		case strings.Contains(b.note, "."):
			fmt.Fprintf(&script, "mkdir -p \"$(dirname %[1]s)\"; cat >%[1]s <<'END OF FILE'\n%[2]sEND OF FILE\n", b.note, b.text)
			shown = false
		case b.language == "json" || b.language == "text":
			if shown {
				expected[len(expected)-1] = expression(b.text)
			}
			shown = false
		default:
			shown = false
		}
	}
	if len(expected) < 2 {
		t.Fatalf("%s has %d shell blocks: there is no walk", document, len(expected))
	}
	return script.String(), expected
}

// background is a block as a script in which servers do not hold up the rest.
func background(b block, address string) string {
	var out strings.Builder
	for _, line := range strings.SplitAfter(b.text, "\n") {
		switch command := strings.TrimSpace(line); {
		case serves(command):
			at := address
			if m := regexp.MustCompile(`--listen (\S+)`).FindStringSubmatch(command); m != nil {
				at = m[1]
			}
			fmt.Fprintf(&out, "EMU_LISTEN=%s %s >serve.log 2>&1 &\n", address, command)
			fmt.Fprintf(&out, "until grep -q ^Try serve.log && curl -sf http://%s/_emu/ready; do kill -0 $! || { cat serve.log; exit 1; }; sleep 0.1; done\n", at)
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
func shell(t *testing.T, dir, script, bin, origin string) string {
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
	// What the walk is told besides: where the clone comes from, that time
	// stands still, and that what was compiled in one directory is good in
	// another.
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "EMU_") }),
		"EMU_CLOCK=virtual", "GOFLAGS=-trimpath", "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "GIT_CONFIG_COUNT=1",
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
		t.Fatalf("the commands: %v\n%s", failure, out.String())
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
