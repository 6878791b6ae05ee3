package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/scenarios"
)

func (a *app) recordCommand() *cobra.Command {
	var base, sandbox, output string
	cmd := &cobra.Command{
		Use:   "record",
		Short: "Make a scenario of what happened in a running emulator",
		Long: "Makes a scenario of what happened in a sandbox: each call with what was answered, each\n" +
			"order, and the time that passed. Played again with emu run, it leads to the same journal.\n" +
			"Tokens and secrets are not in it: variables stand for them.\n\n" +
			"What a scenario has no words for is told, an entry of the journal each, and has a note in\n" +
			"its place.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			u, own, err := a.emulatorURL(cmd, base)
			if err != nil {
				return usageError(err)
			}
			token, err := a.controlToken(cmd, own)
			if err != nil {
				return usageError(err)
			}
			t := scenarios.Target{
				URL: u.String(), AdminToken: token,
				Client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, // never through a proxy
			}
			return a.record(cmd.Context(), t, sandbox, output)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&base, "url", "", "base `URL` of the emulator, also in "+healthURL+" (default where serve would listen)")
	fs.StringVar(&sandbox, "sandbox", emulator.DefaultSandbox, "`name` of the sandbox")
	fs.StringVarP(&output, "output", "o", "", "`file` to write (default standard output)")
	serve := serveFlags()
	for _, name := range []string{"admin-token", "listen", "config"} {
		fs.AddFlag(serve.Lookup(name))
	}
	return cmd
}

// record records a sandbox and writes the scenario.
func (a *app) record(ctx context.Context, t scenarios.Target, sandbox, output string) error {
	ctx, cancel := clock.Timeout(ctx, controlTimeout)
	defer cancel()
	r, err := scenarios.Record(ctx, t, sandbox)
	var refused *scenarios.ControlError
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
		return usageError(err)
	case err != nil:
		return err
	}
	for _, warning := range r.Warnings {
		complain(a.std.err, errors.New("warning: "+warning))
	}
	if output == "" {
		_, err = a.std.out.Write(r.Text)
		return err
	}
	if err := os.WriteFile(output, r.Text, 0o644); err != nil { //nolint:gosec // a text to share
		return fmt.Errorf("--output: %w", err)
	}
	_, err = fmt.Fprintf(a.std.out, "%s: %s; play it with: emu run %s\n", output, counted(len(r.Scenario.Steps), "step"), output)
	return err
}

// checkRecord sees at the start that there will be something to write, and
// somewhere to write it.
func (s *settings) checkRecord() error {
	if s.Record == "" {
		return nil
	}
	at := s.from.of("record")
	switch {
	case s.Data != "":
		return fmt.Errorf("%s: does not go with %s: what happened before a restart is not all kept", at, s.from.of("data"))
	case s.Spec != "":
		return fmt.Errorf("%s: does not go with %s: scenarios are the platform's", at, s.from.of("spec"))
	}
	f, err := os.OpenFile(s.Record, os.O_WRONLY|os.O_CREATE, 0o644) //nolint:gosec // a text to share
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return nil
}

// record writes what happened in the default sandbox.
func (s *server) record(ctx context.Context) error {
	r, err := scenarios.Record(ctx, s.inside(), emulator.DefaultSandbox)
	if err != nil {
		return err
	}
	for _, warning := range r.Warnings {
		s.log.Warn("not recorded as it was: " + strings.TrimSpace(warning))
	}
	if err := os.WriteFile(s.settings.Record, r.Text, 0o644); err != nil { //nolint:gosec // a text to share
		return err
	}
	s.log.Info("recorded", "file", s.settings.Record, "steps", len(r.Scenario.Steps))
	return nil
}
