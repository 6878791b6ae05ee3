package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/swanemu/emu/internal/freeport"
)

// update rewrites the golden parts of the scripts.
var update = flag.Bool("update", false, "rewrite golden files in testdata/script")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"emu": main, "call": call})
}

// call is a program that calls the address in its argument with Go's default
// client.
func call() {
	answer, err := http.Get(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if _, err := io.Copy(os.Stdout, answer.Body); err != nil {
		os.Exit(1)
	}
}

// TestScript runs testdata/script. CONTRACT is the platform's contract. Beside testscript's own commands there are
//
//	port NAME…         sets variables to free ports of 127.0.0.1
//	busy NAME          listens on a port until the script ends
//	hang ADDR          sends the beginning of a request until the script ends
//	stream URL         opens an event stream until the script ends
//	term               sends SIGTERM to the first background command
//	curls FILE         writes the curl lines of a file as curl1.sh, …
func TestScript(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("the sessions need curl: ", err)
	}
	contract, err := filepath.Abs(filepath.Join("..", "..", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Setup: func(env *testscript.Env) error {
			env.Setenv("CONTRACT", contract)
			return nil
		},
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"port":   scriptPort,
			"busy":   scriptBusy,
			"hang":   scriptHang,
			"stream": scriptStream,
			"term":   scriptTerm,
			"curls":  scriptCurls,
		},
	})
}

func scriptPort(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		port, err := freeport.Find()
		ts.Check(err)
		ts.Setenv(name, strconv.Itoa(port))
	}
}

func scriptBusy(ts *testscript.TestScript, _ bool, args []string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(ln.Addr().String())
	ts.Check(err)
	ts.Defer(func() { _ = ln.Close() })
	ts.Setenv(args[0], port)
}

// scriptCurls writes the curl lines of a start-up text into files. It is printed
// after the emulator is ready, which on a busy machine is seen before.
func scriptCurls(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	for tries := 0; tries < 200 && !strings.Contains(text, "\n  curl "); tries++ {
		<-time.After(50 * time.Millisecond)
		text = ts.ReadFile(args[0])
	}
	lines := strings.Split(strings.ReplaceAll(text, "\\\n", " "), "\n")
	n := 0
	for _, line := range lines {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "curl ") {
			n++
			name := ts.MkAbs("curl" + string(rune('0'+n)) + ".sh")
			ts.Check(os.WriteFile(name, []byte(line+"\n"), 0o600))
		}
	}
	if n == 0 {
		ts.Fatalf("no curl line in %s", args[0])
	}
}

func scriptHang(ts *testscript.TestScript, _ bool, args []string) {
	conn, err := net.Dial("tcp", args[0])
	ts.Check(err)
	ts.Defer(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, "POST /oauth/2.0/token HTTP/1.1\r\nHost: emu\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
	ts.Check(err)
	// That the body is asked for shows that the request is being answered.
	line, err := bufio.NewReader(conn).ReadString('\n')
	ts.Check(err)
	if !strings.Contains(line, "100") {
		ts.Fatalf("want 100 Continue, not %s", line)
	}
}

func scriptStream(ts *testscript.TestScript, _ bool, args []string) {
	answer, err := http.Get(args[0])
	ts.Check(err)
	ts.Defer(func() { _ = answer.Body.Close() })
	if kind := answer.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		ts.Fatalf("%s: %s %s, want an event stream", args[0], answer.Status, kind)
	}
}

func scriptTerm(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(ts.BackgroundCmds()[0].Process.Signal(syscall.SIGTERM))
}
