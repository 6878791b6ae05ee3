// Package store keeps sandboxes in files, so that they outlive the process.
//
// A directory belongs to one process at a time. In it is one folder per
// sandbox, and in that the present generation: a snapshot and the log of the
// inputs applied since.
//
//	DIR/lock
//	DIR/sandbox-default/snapshot-3.json
//	DIR/sandbox-default/log-3
//
// It promises: an input whose Append returned nil survives the end of the
// process, however it ended, and with Options.Sync the end of the machine;
// whatever moment a crash comes at, Load finds the generation before or the
// new one, whole; what a crash cut short is left out and said, and anything
// else that does not add up is an error that names the file and the place. It
// does not look into snapshots and inputs, which hold secrets: folders are
// readable by their owner only.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/swanemu/emu/emulator"
)

const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
	// lockName is the file that says which process has the directory.
	lockName = "lock"
)

// ErrLocked is the error of Dir for a directory that another process has.
var ErrLocked = errors.New("in use by another process")

// Files implements the emulator's interface.
var (
	_ emulator.Store = (*Files)(nil)
	_ emulator.Log   = (*logFile)(nil)
)

// Options says how Files keeps what it is given. The zero value works.
type Options struct {
	// Sync makes every Append wait until the input is on the disk. Without it
	// an input survives the end of the process, not a power failure.
	Sync bool
	// Logger is told what a crash cut short and what could not be tidied up;
	// nil means nobody is.
	Logger *slog.Logger
}

// Files is a Store in a directory. Make one with Dir.
type Files struct {
	dir    string
	sync   bool
	logger *slog.Logger

	// mu guards the fields below it. Writing a generation does not hold it.
	mu        sync.Mutex
	lock      *os.File // nil when closed
	sandboxes map[string]*sandbox
}

// sandbox is the folder of one sandbox.
type sandbox struct {
	// mu lets one Open or Delete at a time change the folder.
	mu sync.Mutex
	// log is the one last opened; nil before.
	log *logFile
}

// Dir returns the Store in a directory, which it creates if need be, and locks
// it until Close or the end of the process. A directory that another process
// has is an error that is ErrLocked.
func Dir(path string, o Options) (*Files, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := os.MkdirAll(path, dirMode); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	lock, err := lockFile(filepath.Join(path, lockName))
	if err != nil {
		return nil, fmt.Errorf("store: directory %s: %w", path, err)
	}
	s := &Files{dir: path, sync: o.Sync, logger: o.Logger, lock: lock, sandboxes: map[string]*sandbox{}}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if err := s.finishDeletes(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// finishDeletes removes the folders whose deletion was cut short.
func (s *Files) finishDeletes() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), deletedPrefix) && e.IsDir() {
			if err := os.RemoveAll(filepath.Join(s.dir, e.Name())); err != nil {
				return fmt.Errorf("store: finish a deletion: %w", err)
			}
		}
	}
	return nil
}

// Load returns every sandbox kept, in order of name. See emulator.Store.
func (s *Files) Load() ([]emulator.Saved, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	var all []emulator.Saved
	for _, e := range entries {
		name, ok := nameOf(e.Name())
		if !ok || !e.IsDir() {
			continue
		}
		saved, ok, err := s.load(filepath.Join(s.dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("store: sandbox %q: %w", name, err)
		}
		if ok {
			saved.Name = name
			all = append(all, saved)
		}
	}
	slices.SortFunc(all, func(a, b emulator.Saved) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// load reads the newest generation in a folder: the one whose snapshot is in
// place. It is false when there is none, because a crash came before the first.
func (s *Files) load(folder string) (saved emulator.Saved, ok bool, err error) {
	files, err := listFolder(folder)
	if err != nil {
		return saved, false, err
	}
	gen, ok := files.newest()
	if !ok {
		return saved, false, nil
	}
	if saved.Snapshot, err = os.ReadFile(filepath.Join(folder, snapshotName(gen))); err != nil {
		return saved, false, err
	}
	path := filepath.Join(folder, logName(gen))
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		// Without Sync a power failure may keep the snapshot and lose the
		// entry of the log beside it.
		s.logger.Warn("log missing", "file", path)
		return saved, true, nil
	}
	if err != nil {
		return saved, false, err
	}
	inputs, whole, err := readFrames(data)
	if err != nil {
		return saved, false, fmt.Errorf("log %s: %w", path, err)
	}
	if torn := len(data) - whole; torn > 0 {
		s.logger.Warn("log ends in an input that was cut short", "file", path, "offset", whole, "bytes", torn)
	}
	saved.Inputs = inputs
	return saved, true, nil
}

// Delete forgets a sandbox. See emulator.Store. The folder goes under another
// name first, in one step, so that a crash leaves all of it or nothing.
func (s *Files) Delete(name string) error {
	folder, err := folderOf(name)
	if err != nil {
		return nil //nolint:nilerr // a name that cannot be kept is not kept
	}
	b, err := s.sandbox(name)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.retire(fmt.Errorf("log of sandbox %q: deleted: %w", name, fs.ErrClosed))
	doomed := filepath.Join(s.dir, deletedPrefix+strings.TrimPrefix(folder, folderPrefix))
	err = os.RemoveAll(doomed)
	if err == nil {
		err = os.Rename(filepath.Join(s.dir, folder), doomed)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: delete sandbox %q: %w", name, err)
	}
	if err := errors.Join(syncDir(s.dir), os.RemoveAll(doomed)); err != nil {
		return fmt.Errorf("store: delete sandbox %q: %w", name, err)
	}
	return nil
}

// Close closes the open logs and unlocks the directory. See emulator.Store.
func (s *Files) Close() error {
	s.mu.Lock()
	lock, boxes := s.lock, s.sandboxes
	s.lock, s.sandboxes = nil, nil
	s.mu.Unlock()
	if lock == nil {
		return nil
	}
	var errs []error
	for _, b := range boxes {
		b.mu.Lock()
		if b.log != nil {
			errs = append(errs, b.log.Close())
		}
		b.mu.Unlock()
	}
	if err := errors.Join(append(errs, lock.Close())...); err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}

// open returns an error once the Store is closed.
func (s *Files) open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.openLocked()
}

func (s *Files) openLocked() error {
	if s.lock == nil {
		return fmt.Errorf("store: %w", fs.ErrClosed)
	}
	return nil
}

// sandbox returns the one with that name, kept or not.
func (s *Files) sandbox(name string) (*sandbox, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.openLocked(); err != nil {
		return nil, err
	}
	b := s.sandboxes[name]
	if b == nil {
		b = &sandbox{}
		s.sandboxes[name] = b
	}
	return b, nil
}

// retire closes the log last opened; its Append then returns the reason.
func (b *sandbox) retire(reason error) {
	if b.log != nil {
		_ = b.log.closeFor(reason)
		b.log = nil
	}
}
