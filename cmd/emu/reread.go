package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/internal/specdiff"
	"github.com/swanemu/emu/scenarios"
)

// serve --watch: the contract and scenarios are read again when their files
// change. What is wrong with one is told, and what was in force goes on.

// shownChanges bounds the changes of a contract that are told one by one.
const shownChanges = 10

// checkWatch says whether there is anything to watch.
func (s *settings) checkWatch() error {
	if !s.Watch || s.Spec != "" || s.named.Dir() != "" || s.story != nil && fileOf(s.named, s.Scenario) != "" {
		return nil
	}
	return fmt.Errorf("%s: there is no file to watch; want --spec, --scenario with a file, or --scenarios", s.from.of("watch"))
}

// A follower reads files again when they change. It has settings of its own:
// what they say of scenarios and of the contract is what is in force.
type follower struct {
	*server
	settings settings
	contract []byte
	w        *watcher
}

// follow begins to read files again when they change, until the server stops.
func (s *server) follow(ctx context.Context) error {
	if !s.settings.Watch {
		return nil
	}
	f := &follower{server: s, settings: *s.settings, contract: s.contract}
	var dirs []string
	if dir := f.settings.named.Dir(); dir != "" {
		dirs = append(dirs, dir)
	}
	var err error
	if f.w, err = newWatcher(dirs, f.files); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	s.onStop("watching", func(context.Context) error {
		cancel()
		<-done
		return f.w.close()
	})
	s.log.Info("watching", "files", f.w.list())
	go func() {
		defer close(done)
		for {
			changed, err := f.w.changed(ctx)
			if err != nil {
				s.log.Error("files are not watched any more", "err", err)
			}
			if err != nil || changed == nil {
				return
			}
			f.readAgain(ctx, changed)
		}
	}()
	return nil
}

// files are those that are read again, sorted.
func (f *follower) files() []string {
	var files []string
	if f.settings.Spec != "" {
		files = append(files, filepath.Clean(f.settings.Spec))
	}
	named, err := scenarios.Open(f.settings.Scenarios)
	if err != nil {
		named = f.settings.named // whoever reads it again says what is wrong
	}
	for _, name := range named.Own() {
		files = append(files, filepath.Clean(named.File(name)))
	}
	if file := f.story(named); file != "" {
		files = append(files, file)
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// story is the file of the scenario that is prepared; "" where there is none.
func (f *follower) story(named *scenarios.Collection) string {
	if f.settings.Scenario == "" {
		return ""
	}
	return fileOf(named, f.settings.Scenario)
}

// readAgain reads what has changed.
func (f *follower) readAgain(ctx context.Context, changed []string) {
	if spec := f.settings.Spec; spec != "" {
		rest := slices.DeleteFunc(slices.Clone(changed), func(file string) bool { return file == filepath.Clean(spec) })
		if len(rest) < len(changed) {
			if err := f.rereadContract(ctx); err != nil {
				f.keeps("the contract is not read again; the one before stays in force", spec, err)
			}
		}
		changed = rest
	}
	if len(changed) == 0 {
		return
	}
	next := f.settings
	if err := next.rereadScenarios(); err != nil {
		f.keeps("scenarios are not read again; those before stay in force", strings.Join(changed, ", "), err)
		return
	}
	f.settings.named = next.named
	f.log.Info("scenarios are read again", "files", changed)
	f.tellScenarios(next.named)
	file := f.story(next.named)
	if !slices.Contains(changed, file) {
		return
	}
	if err := f.prepareAgain(ctx, &next); err != nil {
		f.keeps("the sandbox is not prepared again; it stays as it was", file, err)
		return
	}
	f.settings = next
	f.log.Info("the sandbox is prepared again", "sandbox", emulator.DefaultSandbox, "scenario", next.story.Name, "file", file)
}

// keeps tells what is wrong with a file, a line each.
func (f *follower) keeps(what, file string, err error) {
	for line := range strings.Lines(err.Error()) {
		f.log.Error(what, "file", file, "problem", strings.TrimSpace(line))
	}
}

// rereadContract serves the contract as its file has it now, and tells what has
// changed.
func (f *follower) rereadContract(ctx context.Context) error {
	name := f.settings.Spec
	source, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := f.emulator.Reload(source, name); err != nil {
		return err
	}
	old := specdiff.Document{Name: name, Data: f.contract}
	f.contract = source
	changes, err := specdiff.Compare(ctx, old, specdiff.Document{Name: name, Data: source})
	if err != nil {
		// It was compiled: what cannot be compared is served all the same.
		f.log.Warn("what has changed in the contract cannot be told", "file", name, "err", err)
	}
	breaking := 0
	for i, c := range changes {
		if c.Level == specdiff.Breaking {
			breaking++
		}
		if i < shownChanges {
			f.log.Info("contract changed", "level", c.Level, "change", c.Text, "operations", strings.Join(c.Operations, ","))
		}
	}
	for _, warning := range f.emulator.Contract().Warnings() {
		f.log.Warn("contract", "warning", warning)
	}
	f.log.Info("the contract is read again", "file", name, "operations", len(f.emulator.Contract().Operations()),
		"breaking", breaking, "compatible", len(changes)-breaking)
	return nil
}

// prepareAgain puts another default sandbox, prepared by its scenario, in the
// place of the one there is; whatever goes wrong, that one stays.
func (f *follower) prepareAgain(ctx context.Context, next *settings) error {
	start, err := next.clockStart()
	if err != nil {
		return err
	}
	state, err := f.emulator.Sandbox(emulator.DefaultSandbox).Export()
	if err != nil {
		return err
	}
	o := emulator.SandboxOptions{Seed: next.Seed, Clock: &emulator.Clock{Mode: next.Clock, Start: start}}
	if _, err := f.emulator.ReplaceSandbox(emulator.DefaultSandbox, o); err != nil {
		return err
	}
	err = f.prepare(ctx, next.story)
	if err != nil {
		_, back := f.emulator.ImportSandbox(emulator.DefaultSandbox, state)
		err = errors.Join(err, back)
	}
	return err
}
