package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
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
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		address := regexp.MustCompile(`^\s*API\s+(http://\S+)`)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if m := address.FindStringSubmatch(lines.Text()); m != nil {
				said <- m[1]
			}
		}
	}()
	t.Cleanup(func() {
		end := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		defer end.Stop()
		err := cmd.Process.Signal(syscall.SIGTERM)
		<-drained
		if err = errors.Join(err, cmd.Wait()); err != nil {
			t.Errorf("serve ends with %v\n%s", err, log.String())
		}
	})
	select {
	case url := <-said:
		return url
	case <-drained:
		t.Fatalf("serve ended before it was ready\n%s", log.String())
	case <-time.After(30 * time.Second):
		t.Fatal("serve is not ready after 30 s")
	}
	return ""
}
