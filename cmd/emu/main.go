// Command emu is an emulator of the Baidu Smart Mini Program open platform.
//
// It promises: settings come from flags, EMU_* variables and emu.yaml, in that
// order of precedence, and whatever it does not know among them is an error;
// it says that it is ready only when it serves; it exits with 0 when all went
// well, 1 when something failed, 2 when it was told something it does not
// understand, and 128 plus the signal's number when a second signal cut a
// graceful stop short.
package main

import (
	"context"
	"io"
	"os"
)

// stdio is what the command reads from and writes to.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	std := stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	os.Exit(run(context.Background(), os.Args[1:], os.Environ(), std))
}

// run is the whole command: it returns the exit code and leaves exiting to
// main.
func run(ctx context.Context, args, env []string, std stdio) int {
	a := &app{env: env, std: std}
	return a.execute(ctx, args)
}
