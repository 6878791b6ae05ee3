package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/swanemu/emu/contracttest"
)

// TestSubprocess holds the program itself against the contract: the binary
// serves in one process, and from another the suite asks it everything.
func TestSubprocess(t *testing.T) {
	emu := filepath.Join(t.TempDir(), "emu")
	build := exec.Command("go", "build", "-o", emu, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for name, args := range map[string][]string{
		"as it is":           nil,
		"strict, with files": {"--strict", "--kafka", "none", "--data", t.TempDir()},
	} {
		t.Run(name, func(t *testing.T) {
			url := serveOutside(t, emu, args...)
			run := exec.CommandContext(t.Context(), emu, "contract", "run", "--target", url, "--json", "-")
			var text bytes.Buffer
			run.Stderr = &text
			out, err := run.Output()
			if err != nil {
				t.Fatalf("contract run: %v\n%s", err, text.String())
			}
			var r contracttest.Report
			if err := json.Unmarshal(out, &r); err != nil {
				t.Fatal(err)
			}
			if missing := r.Missing(); len(missing) > 0 || r.Count(contracttest.Passed) != len(r.Results) || len(r.Results) < 900 {
				t.Errorf("%d of %d cases passed; not run: %v", r.Count(contracttest.Passed), len(r.Results), missing)
			}
			if r.Mode != contracttest.Destructive || r.Target != url {
				t.Errorf("%s was checked in mode %s", r.Target, r.Mode)
			}
		})
	}
}

// serveOutside runs the binary on a free port until the test ends, and returns
// its URL. It must end well.
func serveOutside(t *testing.T, emu string, args ...string) string {
	t.Helper()
	cmd := exec.Command(emu, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Dir = t.TempDir()
	said, late := alongside(t, cmd), time.After(30*time.Second)
	address := regexp.MustCompile(`^\s*API\s+(http://\S+)`)
	for {
		select {
		case line, ok := <-said:
			if !ok {
				t.Fatal("serve ended before it was ready")
			}
			if m := address.FindStringSubmatch(line); m != nil {
				return m[1]
			}
		case <-late:
			t.Fatal("serve is not ready after 30 s")
		}
	}
}

// environed is a command with this environment and what programs need besides.
func environed(environ []string, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(environ, "PATH="+os.Getenv("PATH"))
	return cmd
}

// alongside runs a command until the test ends and returns the lines that it
// prints; what it logs is shown where the test fails. It must end well when it is
// asked to, which the one started last is first. The command is bound to no
// context: the test's ends too early for that.
func alongside(t *testing.T, cmd *exec.Cmd) <-chan string {
	t.Helper()
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1000)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		defer close(lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() {
		late := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		defer late.Stop()
		err := cmd.Process.Signal(syscall.SIGTERM)
		<-drained
		if err = errors.Join(err, cmd.Wait()); err != nil {
			t.Errorf("%s ends with %v", cmd.Path, err)
		}
		if t.Failed() {
			t.Logf("%s logged:\n%s", cmd.Path, log.String())
		}
	})
	return lines
}
