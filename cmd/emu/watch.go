package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
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

// watch plays scenarios again whenever one of their files changes, until the
// context ends. What is wrong with a file, or does not hold, is told and waits
// for the next change.
func (a *app) watch(ctx context.Context, named *scenarios.Collection, args []string, f *runFlags) error {
	var files []string
	for _, arg := range args {
		if !isFile(arg) {
			if arg = named.File(arg); arg == "" {
				continue // the library does not change
			}
		}
		files = append(files, filepath.Clean(arg))
	}
	if len(files) == 0 {
		return usageError(errors.New("--watch: want a file; the library does not change"))
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("--watch: %w", err)
	}
	defer w.Close() //nolint:errcheck // nothing is lost with it
	// The directories, as editors put new files in the place of old ones.
	for _, file := range files {
		if err := w.Add(filepath.Dir(file)); err != nil {
			return usageError(fmt.Errorf("--watch: %w", err))
		}
	}
	seen := contents(files)
	for {
		list, err := findScenarios(named, args)
		if err == nil {
			err = a.run(ctx, list, f)
		}
		if err != nil && ctx.Err() == nil {
			complain(a.std.err, err)
		}
		fmt.Fprintln(a.std.err, "waiting for a change of "+strings.Join(files, ", "))
		var changed []string
		for len(changed) == 0 {
			select {
			case <-ctx.Done():
				return nil
			case err := <-w.Errors:
				return fmt.Errorf("--watch: %w", err)
			case <-w.Events:
			}
			if clock.Wait(ctx, watchPause) != nil {
				return nil
			}
			now := contents(files)
			for i, file := range files {
				if now[i] != seen[i] {
					changed = append(changed, file)
				}
			}
			seen = now
		}
		slices.Sort(changed)
		fmt.Fprintln(a.std.err, "read again: "+strings.Join(slices.Compact(changed), ", "))
	}
}

// contents are the sums of files; one that cannot be read is like an empty one.
func contents(files []string) [][sha256.Size]byte {
	sums := make([][sha256.Size]byte, len(files))
	for i, file := range files {
		data, _ := os.ReadFile(file) // whoever plays it says why not
		sums[i] = sha256.Sum256(data)
	}
	return sums
}
