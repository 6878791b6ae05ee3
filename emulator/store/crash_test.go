package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTornTails cuts a log at every byte, and then damages every byte.
func TestTornTails(t *testing.T) {
	inputs := []string{"one", "", "three", strings.Repeat("4", 40)}
	file := []byte(magic)
	ends := []int{len(file)}
	for _, in := range inputs {
		file = appendFrame(file, []byte(in))
		ends = append(ends, len(file))
	}
	dir := t.TempDir()
	s := open(t, dir, Options{})
	begin(t, s, "a", "1")
	path := filepath.Join(dir, "sandbox-a", "log-1")
	for n := range len(file) + 1 {
		whole := 0
		for whole < len(inputs) && ends[whole+1] <= n {
			whole++
		}
		want := fmt.Sprintf("a: 1 %q", inputs[:whole])
		write(t, path, string(file[:n]))
		check(t, s, want)
		// The same, where the file had got its size and not its data.
		write(t, path, string(file[:n])+strings.Repeat("\x00", 30))
		got, err := s.Load()
		switch {
		case n == 0 || n == ends[whole]:
			check(t, s, want)
		case err == nil && len(got[0].Inputs) < whole:
			t.Errorf("cut at %d and filled with zeros: %d inputs, want %d", n, len(got[0].Inputs), whole)
		}
	}
	for n := range file {
		damaged := append([]byte(nil), file...)
		damaged[n] ^= 0x20
		write(t, path, string(damaged))
		got, err := s.Load()
		last := ends[len(ends)-2]
		if n >= last+8 { // the payload of the last one, or its checksum
			if err != nil || len(got[0].Inputs) != len(inputs)-1 {
				t.Errorf("damaged at %d: %v, %v; want all but the last", n, got, err)
			}
			continue
		}
		at := 0
		for i := 0; i < len(ends)-1 && ends[i] <= n; i++ {
			at = ends[i]
		}
		if want := fmt.Sprintf("log %s: offset %d: ", path, at); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("damaged at %d: %v, want an error with %q", n, err, want)
		}
	}
}

// TestCrashes shows Load, and then the next generation, every state of a
// folder that a crash can leave.
func TestCrashes(t *testing.T) {
	log1 := string(appendFrame([]byte(magic), []byte("one")))
	log2 := string(appendFrame([]byte(magic), []byte("two")))
	type files map[string]string
	for name, tc := range map[string]struct {
		files files
		want  []string
	}{
		"folder made":                  {files{}, nil},
		"first snapshot half written":  {files{"snapshot-1.json.tmp": "1"}, nil},
		"first log made":               {files{"snapshot-1.json.tmp": "11", "log-1": ""}, nil},
		"first begun":                  {files{"snapshot-1.json": "11", "log-1": magic}, []string{`a: 11 []`}},
		"log without its magic":        {files{"snapshot-1.json": "11", "log-1": ""}, []string{`a: 11 []`}},
		"log lost":                     {files{"snapshot-1.json": "11"}, []string{`a: 11 []`}},
		"second snapshot half written": {files{"snapshot-1.json": "11", "log-1": log1, "snapshot-2.json.tmp": "2"}, []string{`a: 11 ["one"]`}},
		"second log made":              {files{"snapshot-1.json": "11", "log-1": log1, "snapshot-2.json.tmp": "22", "log-2": magic}, []string{`a: 11 ["one"]`}},
		"second begun, first there":    {files{"snapshot-1.json": "11", "log-1": log1, "snapshot-2.json": "22", "log-2": log2}, []string{`a: 22 ["two"]`}},
		"first log removed":            {files{"snapshot-1.json": "11", "snapshot-2.json": "22", "log-2": log2}, []string{`a: 22 ["two"]`}},
		"first snapshot removed":       {files{"log-1": log1, "snapshot-2.json": "22", "log-2": log2}, []string{`a: 22 ["two"]`}},
		"ten is after nine":            {files{"snapshot-9.json": "9", "snapshot-10.json": "10", "log-9": log1, "log-10": log2}, []string{`a: 10 ["two"]`}},
		"files of somebody else":       {files{"snapshot-1.json": "11", "log-1": log1, "snapshot-02.json": "", "snapshot-3.json.bak": "", "log-x": "", "notes": ""}, []string{`a: 11 ["one"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			folder := filepath.Join(dir, "sandbox-a")
			if err := os.Mkdir(folder, dirMode); err != nil {
				t.Fatal(err)
			}
			for file, text := range tc.files {
				write(t, filepath.Join(folder, file), text)
			}
			s := open(t, dir, Options{})
			check(t, s, tc.want...)
			add(t, begin(t, s, "a", "new"), "x")
			check(t, s, `a: new ["x"]`)
			left := mustList(t, folder)
			if len(left) != 2 || left[0].gen != left[1].gen {
				t.Errorf("the folder has %s", names(t, folder))
			}
		})
	}
}

func TestADeletionCutShortIsFinished(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	begin(t, s, "a", "1")
	begin(t, s, "b", "1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "sandbox-a"), filepath.Join(dir, "deleted-a")); err != nil {
		t.Fatal(err)
	}
	check(t, open(t, dir, Options{}), `b: 1 []`)
	if _, err := os.Stat(filepath.Join(dir, "deleted-a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the rest of the deletion is there: %v", err)
	}
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	for _, file := range []string{"snapshot-1.json", "log-1"} {
		dir := t.TempDir()
		s := open(t, dir, Options{})
		begin(t, s, "a", "1")
		path := filepath.Join(dir, "sandbox-a", file)
		if err := errors.Join(os.Remove(path), os.Mkdir(path, dirMode)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Load(); err == nil || !strings.Contains(err.Error(), `sandbox "a"`) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s is a folder: %v", file, err)
		}
	}
}

// crashDir is the variable that makes the test binary the process that
// TestKilled kills.
const crashDir = "EMU_STORE_TEST_CRASH"

// TestKilled lets another process append until it is killed, and finds every
// input that process had word of.
func TestKilled(t *testing.T) {
	if dir := os.Getenv(crashDir); dir != "" {
		appendForever(t, dir)
		return
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := -1
	for acknowledged < 2000 {
		if _, err := fmt.Fscanln(said, &acknowledged); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Dir(dir, Options{}); !errors.Is(err, ErrLocked) {
		t.Errorf("the directory of a living process: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for err == nil { // what it had said before it went
		_, err = fmt.Fscanln(said, &acknowledged)
	}
	_ = cmd.Wait()

	all, err := open(t, dir, Options{}).Load()
	if err != nil || len(all) != 1 {
		t.Fatalf("%d sandboxes, %v", len(all), err)
	}
	var first int
	if _, err := fmt.Sscan(string(all[0].Snapshot), &first); err != nil {
		t.Fatal(err)
	}
	for i, in := range all[0].Inputs {
		if string(in) != fmt.Sprint(first+i) {
			t.Fatalf("input %d after snapshot %d is %q", i, first, in)
		}
	}
	if next := first + len(all[0].Inputs); next <= acknowledged {
		t.Errorf("kept until %d, but %d was acknowledged", next, acknowledged)
	}
}

// appendForever appends the numbers from 0, with a new generation now and
// then, and says each one that is kept.
func appendForever(t *testing.T, dir string) {
	s := open(t, dir, Options{})
	l := begin(t, s, "a", "0")
	for i := 0; ; i++ {
		if i%500 == 499 {
			l = begin(t, s, "a", fmt.Sprint(i))
		}
		add(t, l, fmt.Sprint(i))
		if _, err := fmt.Println(i); err != nil {
			return // nobody listens any more
		}
	}
}
