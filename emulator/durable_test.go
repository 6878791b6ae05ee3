package emulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/emulator/store"
)

// shelf is a broker that can be taken away; it keeps what it was given.
type shelf struct {
	mu      sync.Mutex
	away    bool
	records []emulator.Record
}

func (s *shelf) Publish(_ context.Context, records []emulator.Record) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := make([]error, len(records))
	for i := range records {
		if s.away {
			errs[i] = errors.New("the broker is away")
			continue
		}
		s.records = append(s.records, records[i])
	}
	return errs
}

func (s *shelf) Ready(context.Context) error { return nil }
func (s *shelf) Addresses() []string         { return nil }
func (s *shelf) Close() error                { return nil }

func (s *shelf) set(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

// values returns what was published, in order.
func (s *shelf) values() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]string, len(s.records))
	for i, r := range s.records {
		out[i] = string(r.Value)
	}
	return out
}

// open starts an emulator on a directory; the returned function ends it.
func open(t *testing.T, dir string, change func(*emulator.Options)) (*emulator.Emulator, func()) {
	t.Helper()
	files, err := store.Dir(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := emulator.Options{Strict: true, Clock: emulator.Clock{Mode: "virtual"}, AdminOpen: true, Store: files}
	if change != nil {
		change(&o)
	}
	e, err := emulator.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	end := func() {
		if closed {
			return
		}
		closed = true
		if err := errors.Join(e.Close(context.Background()), files.Close()); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(end)
	return e, end
}

// killed returns a copy of a directory as a kill at this moment would leave it.
func killed(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// state is an export without what only tells of the process.
func state(t *testing.T, e *emulator.Emulator) map[string]any {
	t.Helper()
	data, err := e.Sandbox(emulator.DefaultSandbox).Export()
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	delete(s, "journal")
	dropCauses(s)
	return s
}

// dropCauses removes the numbers of journal entries: a journal begins anew
// with the process.
func dropCauses(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "cause")
		for _, m := range v {
			dropCauses(m)
		}
	case []any:
		for _, m := range v {
			dropCauses(m)
		}
	}
}

// session drives one version from upload to release and begins a second.
func session(t *testing.T, e *emulator.Emulator) {
	t.Helper()
	s := e.Sandbox(emulator.DefaultSandbox)
	c, err := s.Credentials()
	if err != nil {
		t.Fatal(err)
	}
	post := func(path, form string) {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form+"&access_token="+c.Authorizer.AccessToken))
		r.Header.Set("Content-Type", formType)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), `"errno":0`) {
			t.Fatalf("%s %s: %s", path, form, w.Body)
		}
	}
	advance := func(d time.Duration) {
		t.Helper()
		if _, err := s.Advance(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	post(pathUpload, "template_id=1&ext_json={}&user_version=1.0.0&user_desc=x")
	advance(3 * time.Second)
	post(pathSubmit, "package_id=55001&content=x")
	advance(time.Minute)
	post(pathRelease, "package_id=55001")
	post(pathUpload, "template_id=1&ext_json={}&user_version=1.0.1&user_desc=x")
	advance(3 * time.Second)
	post(pathSubmit, "package_id=55002&content=x")
}

func TestRestartBringsBackTheStateAfterAKillAndAfterAClose(t *testing.T) {
	dir := t.TempDir()
	e, end := open(t, dir, func(o *emulator.Options) { o.Broker = &shelf{} })
	session(t, e)
	before := state(t, e)

	again, endAgain := open(t, killed(t, dir), func(o *emulator.Options) { o.Broker = &shelf{} })
	if diff := cmp.Diff(before, state(t, again)); diff != "" {
		t.Errorf("after a kill (-before +after):\n%s", diff)
	}
	endAgain()

	end()
	again, _ = open(t, dir, func(o *emulator.Options) { o.Broker = &shelf{} })
	if diff := cmp.Diff(before, state(t, again)); diff != "" {
		t.Errorf("after a close (-before +after):\n%s", diff)
	}
	// Both go on the same way.
	if _, err := again.Sandbox(emulator.DefaultSandbox).Advance(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Sandbox(emulator.DefaultSandbox).Advance(t.Context(), time.Minute); err == nil {
		t.Error("a closed emulator moves time")
	}
}

func TestRestartOwesWhatTheBrokerNeverGot(t *testing.T) {
	dir := t.TempDir()
	broker := &shelf{away: true}
	e, _ := open(t, dir, func(o *emulator.Options) { o.Broker = broker })
	session(t, e)
	if got := broker.values(); len(got) != 0 {
		t.Fatalf("published without a broker: %v", got)
	}
	there := &shelf{}
	again, _ := open(t, killed(t, dir), func(o *emulator.Options) { o.Broker = there })
	if _, err := again.Sandbox(emulator.DefaultSandbox).Advance(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	want := []string{ // uploaded, submitted, audited, released; uploaded, submitted, audited
		notice(55001), notice(55001), notice(55001), notice(55001), notice(55002), notice(55002), notice(55002),
	}
	if diff := cmp.Diff(want, there.values()); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

func notice(id int) string {
	return fmt.Sprintf(`{"code":101,"data":{"app_id":1452365,"package_id":%d}}`, id)
}

func TestBrokerAwayIsTriedAgainOnTheSandboxsClockAndLosesNothing(t *testing.T) {
	broker := &shelf{away: true}
	e := newEmulator(t, func(o *emulator.Options) { o.Broker = broker })
	session(t, e)
	s := e.Sandbox(emulator.DefaultSandbox)
	if _, err := s.Advance(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	broker.set(false)
	if _, err := s.Advance(t.Context(), 29*time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Advance(t.Context(), time.Second); err != nil { // 30 s is the longest pause
		t.Fatal(err)
	}
	if got := len(broker.values()); got != 7 {
		t.Errorf("%d notices after the broker came back, want 7: %v", got, broker.values())
	}
}

func TestAStoreThatCannotBeWrittenRefusesChangesAndLosesNothing(t *testing.T) {
	dir := t.TempDir()
	files, err := store.Dir(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := emulator.New(t.Context(), emulator.Options{Strict: true, Clock: emulator.Clock{Mode: "virtual"}, Store: files})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	c, err := e.Credentials()
	if err != nil {
		t.Fatal(err)
	}
	before := state(t, e)
	if err := files.Close(); err != nil { // as if the disk were gone
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, pathUpload, strings.NewReader(
		"template_id=1&ext_json={}&user_version=1&user_desc=x&access_token="+c.Authorizer.AccessToken))
	r.Header.Set("Content-Type", formType)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	if want := `"error_code":2`; !strings.Contains(w.Body.String(), want) {
		t.Errorf("answer %s, want %s", w.Body, want)
	}
	if diff := cmp.Diff(before, state(t, e)); diff != "" {
		t.Errorf("the state changed (-before +after):\n%s", diff)
	}
}
