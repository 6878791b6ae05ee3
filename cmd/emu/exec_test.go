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
	const byArguments = `options=$JAVA_TOOL_OPTIONS; unset JAVA_TOOL_OPTIONS; exec java $options "$@"`
	if !strings.Contains(readFile(t, "../../docs/clients.md"), "emu exec -- sh -c '"+byArguments+"' sh ") {
		t.Errorf("docs/clients.md does not say %s", byArguments)
	}
	for _, test := range []struct {
		name    string
		command []string
		answers int
		said    int // how often a JVM says where its options come from
	}{
		{"python", []string{"python3", "call.py"}, 1, 0},
		{"node", []string{"node", "call.mjs"}, 2, 0},
		{"java", []string{"java", "Call.java"}, 1, 1},
		{"java by arguments", []string{"sh", "-c", byArguments, "sh", "Call.java"}, 1, 0},
		{"php", []string{"php", "call.php"}, 1, 0},
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
			if n := strings.Count(string(out), "Picked up "); n != test.said {
				t.Errorf("a JVM says %d times that it has read a variable, want %d\n%s", n, test.said, out)
			}
		})
	}
}
