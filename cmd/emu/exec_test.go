package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRuntimes runs programs of other languages, which have the platform's
// address built in and know nothing of the emulator, through emu exec. It needs
// python3, node, java and php with its curl, and is asked for with EMU_RUNTIMES.
func TestRuntimes(t *testing.T) {
	if os.Getenv("EMU_RUNTIMES") == "" {
		t.Log("not asked for: EMU_RUNTIMES=1 runs it")
		return
	}
	emu, err := exec.LookPath(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "emu")
	if err := os.Symlink(emu, bin); err != nil {
		t.Fatal(err)
	}
	const address = "https://openapi.baidu.com/rest/2.0/smartapp/package/get?access_token=x"
	for _, test := range []struct {
		name    string
		command []string
		answers int
	}{
		{"python", []string{"python3", "call.py"}, 1},
		{"node", []string{"node", "call.mjs"}, 2},
		{"java", []string{"java", "Call.java"}, 1},
		{"php", []string{"php", "call.php"}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := append([]string{"exec", "--kafka", "none", "--offline", "--"}, test.command...)
			cmd := exec.CommandContext(t.Context(), bin, append(args, address)...)
			cmd.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "EMU_") })
			cmd.Dir = filepath.Join("testdata", "exec")
			out, err := cmd.CombinedOutput()
			if n := strings.Count(string(out), `"error_code":110`); err != nil || n != test.answers {
				t.Errorf("%d answers of the emulator, %v\n%s", n, err, out)
			}
		})
	}
}
