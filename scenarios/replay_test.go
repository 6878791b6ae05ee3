package scenarios_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/scenarios"
)

// everyNotice is a Kafka that takes everything, for targets: their journals
// are then those of runs in process.
type everyNotice struct{}

func (everyNotice) Publish(_ context.Context, records []emulator.Record) []error {
	return make([]error, len(records))
}
func (everyNotice) Ready(context.Context) error { return nil }
func (everyNotice) Addresses() []string         { return []string{"nowhere"} }
func (everyNotice) Close() error                { return nil }

// replays is how often each scenario is played: own on emulators of its own,
// as TestLibrary does too, shared on one with the others. EMU_REPLAYS says how
// many of each, EMU_NIGHTLY=1 asks for a hundred.
func replays(t *testing.T) (own, shared int) {
	t.Helper()
	switch text := os.Getenv("EMU_REPLAYS"); {
	case text != "":
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("EMU_REPLAYS=%q: want a positive number", text)
		}
		return n, n
	case os.Getenv("EMU_NIGHTLY") == "1":
		return 100, 100
	case testing.Short():
		return 1, 2
	}
	return 1, 8
}

// run plays a scenario to its end and returns the journal.
func run(t *testing.T, s *scenarios.Scenario, o scenarios.Options) []json.RawMessage {
	t.Helper()
	r, err := scenarios.Run(t.Context(), s, o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Passed() {
		t.Fatal(r.Failure.Text())
	}
	return r.Journal
}

// sameJournal compares two journals and shows the first entry that differs.
func sameJournal(t *testing.T, what string, want, got []json.RawMessage) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		if !bytes.Equal(want[i], got[i]) {
			t.Fatalf("%s differs at entry %d:\n%.600s\nwant\n%.600s", what, i+1, got[i], want[i])
		}
	}
	if len(want) != len(got) {
		t.Fatalf("%s has %d entries, want %d", what, len(got), len(want))
	}
}

// TestReplays plays every ready scenario again and again, in emulators of its
// own and over TCP in one where the others play at the same time: all its
// journals are the same, byte for byte.
func TestReplays(t *testing.T) {
	_, at := target(t, emulator.Options{Broker: everyNotice{}})
	own, shared := replays(t)
	t.Run("all", func(t *testing.T) {
		for _, name := range scenarios.Names() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s, err := scenarios.Ready(name)
				if err != nil {
					t.Fatal(err)
				}
				first := run(t, s, scenarios.Options{Strict: true})
				for i := range own - 1 {
					sameJournal(t, fmt.Sprintf("replay %d", i+1), first, run(t, s, scenarios.Options{Strict: true}))
				}
				for i := range shared {
					sameJournal(t, fmt.Sprintf("replay %d over TCP", i+1), first, run(t, s, scenarios.Options{Target: &at, Sandbox: name}))
				}
			})
		}
	})
}

// TestSandboxesDoNotMeet plays the library in two hundred sandboxes of one
// emulator at once: the journal of each is what it is when it plays alone.
func TestSandboxesDoNotMeet(t *testing.T) {
	sandboxes := 200
	if testing.Short() {
		sandboxes = 60
	}
	e, at := target(t, emulator.Options{Broker: everyNotice{}})
	_, alone := target(t, emulator.Options{Broker: everyNotice{}})
	names := scenarios.Names()
	journals := make([][]json.RawMessage, sandboxes)
	stories := make([]*scenarios.Scenario, sandboxes)
	begin := make(chan struct{})
	type ended struct {
		i   int
		r   *scenarios.Result
		err error
	}
	done := make(chan ended)
	for i := range sandboxes {
		s, err := scenarios.Ready(names[i%len(names)])
		if err != nil {
			t.Fatal(err)
		}
		stories[i] = s
		go func() {
			<-begin
			r, err := scenarios.Run(t.Context(), s, scenarios.Options{Target: &at, Sandbox: fmt.Sprintf("box-%d", i)})
			done <- ended{i, r, err}
		}()
	}
	close(begin)
	for range sandboxes {
		switch one := <-done; {
		case one.err != nil:
			t.Errorf("%s: %v", stories[one.i].Name, one.err)
		case !one.r.Passed():
			t.Errorf("%s: %s", stories[one.i].Name, one.r.Failure.Text())
		default:
			journals[one.i] = one.r.Journal
		}
	}
	if t.Failed() {
		return
	}
	for i, s := range stories {
		want := run(t, s, scenarios.Options{Target: &alone, Sandbox: fmt.Sprintf("box-%d", i)})
		sameJournal(t, fmt.Sprintf("%s in box-%d among others", s.Name, i), want, journals[i])
	}
	for i := range sandboxes {
		if name := fmt.Sprintf("box-%d", i); e.Sandbox(name) != nil {
			t.Errorf("sandbox %s is left behind", name)
		}
	}
}
