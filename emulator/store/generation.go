package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/swanemu/emu/emulator"
)

// Open begins a new generation. See emulator.Store.
//
// The order is what makes a crash harmless. The snapshot is written under a
// temporary name and synced; the empty log is made; the rename of the snapshot
// is the moment from which the generation counts; only then does the one
// before go.
func (s *Files) Open(name string, snapshot []byte) (emulator.Log, error) {
	folder, err := folderOf(name)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	b, err := s.sandbox(name)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := s.open(); err != nil { // Close came in between
		return nil, err
	}
	log, err := s.begin(b, filepath.Join(s.dir, folder), name, snapshot)
	if err != nil {
		return nil, fmt.Errorf("store: sandbox %q: new generation: %w", name, err)
	}
	return log, nil
}

// begin is Open with b's lock held.
func (s *Files) begin(b *sandbox, folder, name string, snapshot []byte) (*logFile, error) {
	if err := s.makeFolder(folder); err != nil {
		return nil, err
	}
	files, err := listFolder(folder)
	if err != nil {
		return nil, err
	}
	gen := files.next()
	target := filepath.Join(folder, snapshotName(gen))
	temp := target + tempSuffix
	if err := writeSynced(temp, snapshot); err != nil {
		return nil, err
	}
	log, err := createLog(filepath.Join(folder, logName(gen)), name, s.sync)
	if err != nil {
		_ = os.Remove(temp)
		return nil, err
	}
	if err := os.Rename(temp, target); err != nil {
		_ = os.Remove(temp)
		return nil, discard(log.file, err)
	}
	// From here on Load reads the new generation: the log before must not
	// take inputs any more, even if what follows fails.
	b.retire(fmt.Errorf("log of sandbox %q: a newer generation was opened: %w", name, fs.ErrClosed))
	if err := syncDir(folder); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	b.log = log
	s.tidy(folder, files)
	return log, nil
}

// makeFolder makes the folder of a sandbox, if need be so that it lasts.
func (s *Files) makeFolder(folder string) error {
	err := os.Mkdir(folder, dirMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(s.dir)
}

// tidy removes the files that were in the folder before a generation began.
// What cannot be removed is no more than a waste of space: the next one tries
// again.
func (s *Files) tidy(folder string, files listing) {
	for _, f := range files {
		if err := os.Remove(filepath.Join(folder, f.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.logger.Warn("old generation not removed", "file", filepath.Join(folder, f.name), "error", err)
		}
	}
}

// entry is a file of ours in the folder of a sandbox.
type entry struct {
	name     string
	gen      uint64
	snapshot bool // a snapshot in place
}

// listing is the files of ours in the folder of a sandbox.
type listing []entry

// listFolder lists a folder and leaves out what is not ours.
func listFolder(folder string) (listing, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var files listing
	for _, e := range entries {
		base, temp := strings.CutSuffix(e.Name(), tempSuffix)
		gen, snapshot, ok := generationOf(base)
		if ok {
			files = append(files, entry{name: e.Name(), gen: gen, snapshot: snapshot && !temp})
		}
	}
	return files, nil
}

// newest returns the newest generation whose snapshot is in place; false when
// there is none.
func (l listing) newest() (gen uint64, ok bool) {
	for _, f := range l {
		if f.snapshot && (!ok || f.gen > gen) {
			gen, ok = f.gen, true
		}
	}
	return gen, ok
}

// next returns a generation after all that left a file.
func (l listing) next() uint64 {
	gen := uint64(0)
	for _, f := range l {
		gen = max(gen, f.gen)
	}
	return gen + 1
}

// writeSynced writes a file that is on the disk when it returns nil, and not
// there at all when it returns an error.
func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return discard(f, err)
	}
	if err := f.Sync(); err != nil {
		return discard(f, err)
	}
	if err := f.Close(); err != nil {
		_ = os.Remove(path)
		return err
	}
	return nil
}
