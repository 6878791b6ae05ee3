// Package scenarios plays scripted stories against an emulated platform: what
// exists, what the platform decides, what a client does and what must hold.
//
// A scenario is a YAML file. Parse reads one strictly and tells everything
// that is wrong with it at once, each with its place; Run plays one, in process
// or against an emulator elsewhere, over HTTP alone: the platform's calls and
// the control API. Prepare does the first half only, for an emulator that a
// client of its own talks to. Library holds stories that are ready to play.
//
// It promises: the same scenario with the same seed gives the same journal
// when time is virtual; what is expected is never taken for granted, a call
// that is refused without being expected to be fails the run; nothing is sent
// to the platform but what the scenario says, tokens apart.
package scenarios
