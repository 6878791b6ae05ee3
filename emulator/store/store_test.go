package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

// open returns the Store in a directory, closed when the test ends.
func open(t testing.TB, dir string, o Options) *Files {
	t.Helper()
	s, err := Dir(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// begin opens a generation.
func begin(t testing.TB, s *Files, name, snapshot string) emulator.Log {
	t.Helper()
	l, err := s.Open(name, []byte(snapshot))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// add appends inputs.
func add(t testing.TB, l emulator.Log, inputs ...string) {
	t.Helper()
	for _, in := range inputs {
		if err := l.Append([]byte(in)); err != nil {
			t.Fatal(err)
		}
	}
}

// saved is what the Store has, one line per sandbox: name, snapshot, inputs.
func saved(t testing.TB, s *Files) []string {
	t.Helper()
	all, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, one := range all {
		lines = append(lines, fmt.Sprintf("%s: %s %q", one.Name, one.Snapshot, one.Inputs))
	}
	return lines
}

// check compares what the Store has.
func check(t testing.TB, s *Files, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, saved(t, s)); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

func TestWhatIsKept(t *testing.T) {
	for _, sync := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "made", "on", "the", "way")
		s := open(t, dir, Options{Sync: sync})
		check(t, s)
		b := begin(t, s, "b", `{"n":1}`)
		a := begin(t, s, "a", `{}`)
		begin(t, s, "default", ``)
		if b.Size() != 0 {
			t.Errorf("an empty log has %d bytes", b.Size())
		}
		add(t, b, "one", "", "three")
		add(t, a, strings.Repeat("x", 2*keptBuffer), "y")
		if want := int64(3*headerLen + len("onethree")); b.Size() != want {
			t.Errorf("the log has %d bytes, want %d", b.Size(), want)
		}
		want := []string{
			fmt.Sprintf(`a: {} ["%s" "y"]`, strings.Repeat("x", 2*keptBuffer)),
			`b: {"n":1} ["one" "" "three"]`,
			`default:  []`,
		}
		check(t, s, want...)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir, Options{})
		check(t, s, want...)

		b = begin(t, s, "b", `{"n":2}`)
		want[1] = `b: {"n":2} []`
		check(t, s, want...)
		add(t, b, "four")
		want[1] = `b: {"n":2} ["four"]`
		check(t, s, want...)
		if got := names(t, filepath.Join(dir, "sandbox-b")); got != "log-2 snapshot-2.json" {
			t.Errorf("the folder has %s", got)
		}
	}
}

// names lists a folder.
func names(t testing.TB, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestALogIsOverWhenTheNextBegins(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	first := begin(t, s, "a", "1")
	add(t, first, "kept until the snapshot")
	second := begin(t, s, "a", "2")
	if err := first.Append([]byte("late")); !errors.Is(err, fs.ErrClosed) || !strings.Contains(err.Error(), "newer generation") {
		t.Errorf("the old log takes an input: %v", err)
	}
	add(t, second, "x")
	if err := first.Close(); err != nil {
		t.Errorf("closing the old log: %v", err)
	}
	for range 2 {
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := second.Append(nil); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a closed log takes an input: %v", err)
	}
	check(t, s, `a: 2 ["x"]`)
}

func TestDelete(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	l := begin(t, s, "a", "1")
	begin(t, s, "b", "1")
	for range 2 {
		if err := s.Delete("a"); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Append(nil); !errors.Is(err, fs.ErrClosed) || !strings.Contains(err.Error(), "deleted") {
		t.Errorf("the log of a deleted sandbox takes an input: %v", err)
	}
	if err := errors.Join(s.Delete("never"), s.Delete(strings.Repeat("long", 100))); err != nil {
		t.Error(err)
	}
	check(t, s, `b: 1 []`)
	if got := names(t, dir); got != "lock sandbox-b" {
		t.Errorf("the directory has %s", got)
	}
	add(t, begin(t, s, "a", "again"), "x")
	check(t, s, `a: again ["x"]`, `b: 1 []`)
}

func TestClosed(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	l := begin(t, s, "a", "1")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	_, openErr := s.Open("a", nil)
	_, loadErr := s.Load()
	for what, err := range map[string]error{"Append": l.Append(nil), "Open": openErr, "Load": loadErr, "Delete": s.Delete("a")} {
		if !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	if _, err := Dir(dir, Options{}); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("the directory is given twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, Options{})
}

func TestDirRefusesAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "")
	if _, err := Dir(path, Options{}); err == nil {
		t.Error("a file is taken for a directory")
	}
}

// write makes a file.
func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), fileMode); err != nil {
		t.Fatal(err)
	}
}

// TestAppendsInParallel appends to several sandboxes from several goroutines
// while one of them begins generations.
func TestAppendsInParallel(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	const boxes, writers, each = 4, 4, 50
	var running sync.WaitGroup
	for b := range boxes {
		l := begin(t, s, fmt.Sprint("box", b), "1")
		for w := range writers {
			running.Go(func() {
				for i := range each {
					if err := l.Append(fmt.Appendf(nil, "%d.%d.%s", w, i, strings.Repeat("z", i))); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	running.Go(func() {
		for i := range 10 {
			if _, err := s.Open("other", fmt.Append(nil, i)); err != nil {
				t.Error(err)
			}
		}
	})
	running.Wait()
	all, err := s.Load()
	if err != nil || len(all) != boxes+1 {
		t.Fatalf("%d sandboxes, %v", len(all), err)
	}
	for _, one := range all[:boxes] {
		next := make([]int, writers)
		for _, in := range one.Inputs {
			var w, i int
			if _, err := fmt.Sscanf(string(in), "%d.%d.", &w, &i); err != nil || next[w] != i {
				t.Fatalf("%s: input %q after %v, %v", one.Name, in, next, err)
			}
			next[w]++
		}
		if len(one.Inputs) != writers*each {
			t.Errorf("%s: %d inputs, want %d", one.Name, len(one.Inputs), writers*each)
		}
	}
	if got := string(all[boxes].Snapshot); got != "9" {
		t.Errorf("the last snapshot of the other is %s", got)
	}
}

func TestAppendTakesBackWhatItCouldNotFinish(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	l, ok := begin(t, s, "a", "1").(*logFile)
	if !ok {
		t.Fatal("another kind of log")
	}
	add(t, l, "one")
	// Half a frame, as a full disk leaves it.
	half := appendFrame(nil, []byte("two"))[:9]
	if _, err := l.file.Write(half); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	err := l.takeBackLocked(len(half), errors.New("no space left"))
	l.mu.Unlock()
	if err == nil || !strings.Contains(err.Error(), `log of sandbox "a": append: no space left`) {
		t.Errorf("got %v", err)
	}
	add(t, l, "three")
	check(t, s, `a: 1 ["one" "three"]`)

	// When not even that works, nothing goes behind the half frame.
	if err := l.file.Close(); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	err = l.takeBackLocked(1, errors.New("no space left"))
	l.mu.Unlock()
	if err == nil || !strings.Contains(err.Error(), "and then:") {
		t.Errorf("got %v", err)
	}
	if again := l.Append(nil); again == nil || again.Error() != err.Error() {
		t.Errorf("a broken log says %v, want %v", again, err)
	}
	check(t, s, `a: 1 ["one" "three"]`)
}

func TestAFailedWriteIsAnError(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{Sync: true})
	l, ok := begin(t, s, "a", "1").(*logFile)
	if !ok {
		t.Fatal("another kind of log")
	}
	readOnly, err := os.Open(filepath.Join(dir, "sandbox-a", "log-1"))
	if err != nil {
		t.Fatal(err)
	}
	writable := l.file
	l.file = readOnly
	if err := l.Append([]byte("x")); err == nil || !strings.Contains(err.Error(), `log of sandbox "a": append: `) || l.Size() != 0 {
		t.Errorf("got %v with %d bytes", err, l.Size())
	}
	l.file = writable
	if err := readOnly.Close(); err != nil {
		t.Fatal(err)
	}
	add(t, l, "y")
	check(t, s, `a: 1 ["y"]`)
}

func TestAnOpenThatFailsLeavesTheLogBefore(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	l := begin(t, s, "a", "1")
	add(t, l, "one")
	folder := filepath.Join(dir, "sandbox-a")
	if err := os.Rename(folder, folder+"-moved"); err != nil {
		t.Fatal(err)
	}
	write(t, folder, "in the way")
	if _, err := s.Open("a", []byte("2")); err == nil || !strings.Contains(err.Error(), `sandbox "a": new generation`) {
		t.Errorf("got %v", err)
	}
	if err := errors.Join(os.Remove(folder), os.Rename(folder+"-moved", folder)); err != nil {
		t.Fatal(err)
	}
	add(t, l, "two")
	check(t, s, `a: 1 ["one" "two"]`)
}

// mustList lists a folder of a sandbox.
func mustList(t testing.TB, folder string) listing {
	t.Helper()
	l, err := listFolder(folder)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTheLoggerIsTold(t *testing.T) {
	dir := t.TempDir()
	var out bytes.Buffer
	s := open(t, dir, Options{Logger: slog.New(slog.NewTextHandler(&out, nil))})
	add(t, begin(t, s, "a", "1"), "one", "two")
	path := filepath.Join(dir, "sandbox-a", "log-1")
	if err := os.Truncate(path, int64(len(magic)+2*headerLen+5)); err != nil {
		t.Fatal(err)
	}
	check(t, s, `a: 1 ["one"]`)
	if got := out.String(); !strings.Contains(got, "cut short") || !strings.Contains(got, "offset=23 bytes=14") {
		t.Errorf("the logger is told %q", got)
	}
}
