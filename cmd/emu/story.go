package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/scenarios"
)

// readScenario finds the scenarios that can be named and reads the one that
// --scenario names. Its seed and its clock are those of the default sandbox,
// unless somebody set others.
func (s *settings) readScenario() error {
	s.plain = plain{s.Seed, s.Clock, s.ClockStart}
	return errors.Join(s.rereadScenarios(), s.checkWatch())
}

// plain is what the settings say of the default sandbox without a scenario.
type plain struct {
	seed         uint64
	clock, start string
}

// rereadScenarios finds and reads them as they are now.
func (s *settings) rereadScenarios() error {
	s.Seed, s.Clock, s.ClockStart = s.plain.seed, s.plain.clock, s.plain.start
	var err error
	if s.named, err = scenarios.Open(s.Scenarios); err != nil {
		return fmt.Errorf("%s: %w", s.from.of("scenarios"), err)
	}
	if s.Scenario == "" {
		return nil
	}
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%s: %w", s.from.of("scenario"), fmt.Errorf(format, args...))
	}
	switch {
	case s.Data != "":
		return refuse("does not go with %s: what is kept there is prepared already", s.from.of("data"))
	case s.Spec != "":
		return refuse("does not go with %s: scenarios are the platform's", s.from.of("spec"))
	}
	story, err := findScenario(s.named, s.Scenario)
	var file *scenarios.FileError
	switch {
	case errors.As(err, &file):
		return err // each line has its place already
	case err != nil:
		return refuse("%w", err)
	}
	s.story = story
	if story.Seed != 0 && !s.from.given("seed") {
		s.Seed = story.Seed
	}
	c := story.Clock
	if c == nil {
		return nil
	}
	if c.Mode != "" && !s.from.given("clock") {
		s.Clock = c.Mode
	}
	if !c.Start.IsZero() && !s.from.given("clock-start") {
		s.ClockStart = c.Start.Format(time.RFC3339Nano)
	}
	return nil
}

// tellScenarios says which scenarios of a directory can be named, and what is
// wrong with the others; those do not keep the platform from serving.
func (s *server) tellScenarios(c *scenarios.Collection) {
	var files *scenarios.FileError
	switch err := c.Check(); {
	case errors.As(err, &files):
		for _, p := range files.Problems {
			s.log.Warn("a scenario cannot be used", "problem", p.String())
		}
	case err != nil:
		s.log.Warn("a scenario cannot be used", "problem", err.Error())
	}
	if own := c.Own(); len(own) > 0 {
		s.log.Debug("scenarios of a directory can be named", "directory", c.Dir(), "names", own)
	}
}

// prepare gives the default sandbox what a scenario says; nil says nothing.
func (s *server) prepare(ctx context.Context, story *scenarios.Scenario) error {
	if story == nil {
		return nil
	}
	return scenarios.Prepare(ctx, s.inside(), emulator.DefaultSandbox, story)
}

// inside is the emulator as a scenario's target, without a network between.
func (s *server) inside() scenarios.Target {
	return scenarios.Target{
		URL: "http://127.0.0.1", AdminToken: s.settings.AdminToken, Client: scenarios.HandlerClient(s.emulator),
	}
}
