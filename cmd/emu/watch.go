package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/scenarios"
)

// watchPause is what an editor has to write a file to its end.
const watchPause = 50 * time.Millisecond

// A watcher tells when the content of files changes.
type watcher struct {
	w *fsnotify.Watcher
	// list names the files; it may find others each time.
	list func() []string
	seen map[string][sha256.Size]byte
}

// newWatcher watches files, and directories for files that come and go in them.
// list says which there are; those that cannot be read are like empty ones. What
// counts as seen is what is there now.
func newWatcher(dirs []string, list func() []string) (*watcher, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("--watch: %w", err)
	}
	// The directories of files, as editors put new files in the place of old ones.
	for _, file := range list() {
		dirs = append(dirs, filepath.Dir(file))
	}
	for _, dir := range dirs {
		if err := w.Add(dir); err != nil {
			return nil, errors.Join(fmt.Errorf("--watch: %w", err), w.Close())
		}
	}
	return &watcher{w: w, list: list, seen: sums(list())}, nil
}

func (w *watcher) close() error { return w.w.Close() }

// changed waits until files have another content, or have come or gone, and
// returns them sorted; none when the context ends.
func (w *watcher) changed(ctx context.Context) ([]string, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, nil
		case err := <-w.w.Errors:
			return nil, fmt.Errorf("--watch: %w", err)
		case <-w.w.Events:
		}
		if clock.Wait(ctx, watchPause) != nil {
			return nil, nil //nolint:nilerr // the context has ended
		}
		now := sums(w.list())
		var changed []string
		for file, sum := range now {
			if was, ok := w.seen[file]; !ok || was != sum {
				changed = append(changed, file)
			}
		}
		for file := range w.seen {
			if _, ok := now[file]; !ok {
				changed = append(changed, file)
			}
		}
		if w.seen = now; len(changed) > 0 {
			slices.Sort(changed)
			return changed, nil
		}
	}
}

// sums are those of the contents of files.
func sums(files []string) map[string][sha256.Size]byte {
	out := map[string][sha256.Size]byte{}
	for _, file := range files {
		data, _ := os.ReadFile(file) // whoever uses it says why not
		out[file] = sha256.Sum256(data)
	}
	return out
}

// watch plays scenarios again whenever one of their files changes, until the
// context ends. What is wrong with a file, or does not hold, is told and waits
// for the next change.
func (a *app) watch(ctx context.Context, named *scenarios.Collection, args []string, f *runFlags) error {
	files := map[string]bool{}
	for _, arg := range args {
		if file := fileOf(named, arg); file != "" {
			files[file] = true
		}
	}
	if len(files) == 0 {
		return usageError(errors.New("--watch: want a file; the library does not change"))
	}
	list := slices.Sorted(maps.Keys(files))
	w, err := newWatcher(nil, func() []string { return list })
	if err != nil {
		return usageError(err)
	}
	defer w.close() //nolint:errcheck // nothing is lost with it
	for {
		list, err := findScenarios(named, args)
		if err == nil {
			err = a.run(ctx, list, f)
		}
		if err != nil && ctx.Err() == nil {
			complain(a.std.err, err)
		}
		fmt.Fprintln(a.std.err, "waiting for a change of "+strings.Join(w.list(), ", "))
		changed, err := w.changed(ctx)
		if err != nil || changed == nil {
			return err
		}
		fmt.Fprintln(a.std.err, "read again: "+strings.Join(changed, ", "))
	}
}

// fileOf is the file that an argument means, "" for a scenario of the library.
func fileOf(named *scenarios.Collection, arg string) string {
	if !isFile(arg) {
		if arg = named.File(arg); arg == "" {
			return ""
		}
	}
	return filepath.Clean(arg)
}
