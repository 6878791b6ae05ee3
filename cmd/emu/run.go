package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"
	"github.com/spf13/cobra"

	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/scenarios"
)

// runFlags are the flags of run.
type runFlags struct {
	target, adminToken string
	sandbox, scenarios string
	keep, verbose      bool
	watch              bool
	quiet, strict      bool
	seed               uint64
	junit, json        string
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run NAME|FILE...",
		Short: "Play scenarios and check what they expect",
		Long: "Plays scenarios, each in a sandbox of its own: of the library by name, or from files.\n" +
			"Without --target in process, which needs nothing else.\n\n" +
			"Exits with 0 when everything held, 1 when something did not, 2 when a file is wrong\n" +
			"or the target lacks what a scenario needs.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			named, err := a.named(f.scenarios)
			if err != nil {
				return usageError(err)
			}
			if f.watch {
				if err := f.check(len(args)); err != nil {
					return usageError(err)
				}
				return untilSignalled(cmd.Context(), func(ctx context.Context) error { return a.watch(ctx, named, args, &f) })
			}
			list, err := findScenarios(named, args)
			if err != nil {
				return usageError(err)
			}
			if err := f.check(len(list)); err != nil {
				return usageError(err)
			}
			return untilSignalled(cmd.Context(), func(ctx context.Context) error { return a.run(ctx, list, &f) })
		},
		ValidArgsFunction: a.completeScenario(&f.scenarios),
	}
	fs := cmd.Flags()
	fs.StringVar(&f.target, "target", "", "`URL` of an emulator to play against")
	fs.StringVar(&f.adminToken, "admin-token", "", "`token` that the target's control API needs; better in EMU_ADMIN_TOKEN")
	fs.StringVar(&f.sandbox, "sandbox", "", "`name` of the run's sandbox; with the seed it decides everything that looks random")
	scenariosFlag(fs, &f.scenarios)
	fs.BoolVar(&f.keep, "keep", false, "leave the sandbox there; without --target go on serving until a signal")
	fs.BoolVar(&f.watch, "watch", false, "play again whenever a file changes, until a signal")
	fs.Uint64Var(&f.seed, "seed", 0, "`number` to use instead of the scenario's seed")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "show transitions and the calls for tokens too")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "show failures only")
	fs.BoolVar(&f.strict, "strict", false, "without --target, fail where an answer of the emulator breaks its contract")
	fs.StringVar(&f.junit, "junit", "", "`file` for a JUnit XML report; - is standard output")
	fs.StringVar(&f.json, "json", "", "`file` for a JSON report; - is standard output")
	return cmd
}

// check tells what does not go together.
func (f *runFlags) check(scenarios int) error {
	if f.target != "" {
		u, err := url.Parse(f.target)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return errors.New("--target: want a URL such as http://127.0.0.1:8080")
		}
		if f.strict {
			return errors.New("--strict: means nothing with --target; the target decides")
		}
	}
	if f.watch && f.keep {
		return errors.New("--watch and --keep do not go together")
	}
	if f.keep && f.target == "" && scenarios > 1 {
		return errors.New("--keep: takes one scenario without --target")
	}
	if f.sandbox != "" && scenarios > 1 {
		return errors.New("--sandbox: takes one scenario")
	}
	if f.junit == "-" && f.json == "-" {
		return errors.New("--junit and --json cannot both go to standard output")
	}
	return nil
}

// findScenarios reads what the arguments name; the error tells everything that
// is wrong with all of them.
func findScenarios(named *scenarios.Collection, args []string) ([]*scenarios.Scenario, error) {
	var out []*scenarios.Scenario
	var errs []error
	for _, arg := range args {
		s, err := findScenario(named, arg)
		out, errs = append(out, s), append(errs, err)
	}
	return out, errors.Join(errs...)
}

// findScenario reads a file, or a scenario that can be named.
func findScenario(named *scenarios.Collection, arg string) (*scenarios.Scenario, error) {
	if isFile(arg) {
		return scenarios.Load(arg)
	}
	return named.Ready(arg)
}

// isFile tells a file from the name of a ready scenario.
func isFile(arg string) bool {
	if strings.HasSuffix(arg, ".yaml") || strings.HasSuffix(arg, ".yml") || strings.ContainsRune(arg, os.PathSeparator) {
		return true
	}
	info, err := os.Stat(arg)
	return err == nil && info.Mode().IsRegular()
}

// run plays scenarios one after the other.
func (a *app) run(ctx context.Context, list []*scenarios.Scenario, f *runFlags) error {
	out := a.std.out
	if f.junit == "-" || f.json == "-" {
		out = a.std.err
	}
	p := &scenarios.Printer{W: out, Color: colourful(out, a.env), Verbose: f.verbose}
	var results []*scenarios.Result
	failed := 0
	for _, s := range list {
		r, err := a.play(ctx, s, f, p)
		if err != nil {
			if errors.Is(err, scenarios.ErrUnsupported) {
				err = usageError(err)
			}
			return errors.Join(writeReports(a.std.out, f, results), err)
		}
		if !r.Passed() {
			failed++
		}
		results = append(results, r)
	}
	if err := writeReports(a.std.out, f, results); err != nil {
		return err
	}
	switch {
	case failed > 0:
		return fmt.Errorf("%d of %d scenarios failed", failed, len(list))
	case len(list) > 1:
		fmt.Fprintf(out, "%d scenarios passed\n", len(list))
	}
	return nil
}

// play plays one scenario.
func (a *app) play(ctx context.Context, s *scenarios.Scenario, f *runFlags, p *scenarios.Printer) (*scenarios.Result, error) {
	o := scenarios.Options{Keep: f.keep, Sandbox: f.sandbox, Seed: f.seed, Strict: f.strict}
	if f.target != "" {
		o.Target = &scenarios.Target{URL: f.target, AdminToken: a.adminToken(f)}
	}
	if !f.quiet {
		p.Begin(s)
		o.Observe = p.Line
	}
	printed := false
	finish := func(r *scenarios.Result) {
		if !printed && (!f.quiet || !r.Passed()) {
			p.End(r)
		}
		printed = true
	}
	o.Kept = func(ctx context.Context, r *scenarios.Result) error {
		finish(r)
		fmt.Fprintf(p.W, "kept: sandbox %s at %s until a signal\n", r.Sandbox, r.URL)
		<-ctx.Done()
		return nil
	}
	began := clock.Wall()
	r, err := scenarios.Run(ctx, s, o)
	if err != nil {
		return nil, err
	}
	r.Wall = clock.Wall().Sub(began)
	finish(r)
	if f.keep && f.target != "" {
		fmt.Fprintf(p.W, "kept: sandbox %s at %s\n", r.Sandbox, r.URL)
	}
	return r, nil
}

// adminToken is the flag's value or else the variable's.
func (a *app) adminToken(f *runFlags) string {
	if f.adminToken != "" {
		return f.adminToken
	}
	return a.variable("EMU_ADMIN_TOKEN")
}

// writeReports writes the reports that were asked for.
func writeReports(out io.Writer, f *runFlags, results []*scenarios.Result) error {
	return errors.Join(
		writeReport(out, "--junit", f.junit, func(w io.Writer) error {
			suites := junitOf(results)
			if _, err := io.WriteString(w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"); err != nil {
				return err
			}
			return suites.WriteXML(w)
		}),
		writeReport(out, "--json", f.json, func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			return e.Encode(map[string]any{"scenarios": append([]*scenarios.Result{}, results...)})
		}),
	)
}

// writeReport writes to a file, or to standard output for -.
func writeReport(out io.Writer, flag, path string, write func(io.Writer) error) error {
	switch path {
	case "":
		return nil
	case "-":
		return write(out)
	}
	file, err := os.Create(path)
	if err == nil {
		err = errors.Join(write(file), file.Close())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}

// junitOf makes a test suite of each scenario and a test case of each step.
func junitOf(results []*scenarios.Result) junit.Testsuites {
	suites := junit.Testsuites{Name: "emu run"}
	for i, r := range results {
		suite := junit.Testsuite{ID: i, Name: r.Name, File: r.File, Time: fmt.Sprintf("%.3f", r.Wall.Seconds())}
		suite.AddProperty("seed", fmt.Sprint(r.Seed))
		for n, step := range r.Steps {
			c := junit.Testcase{Classname: r.Name, Name: fmt.Sprintf("%d: %s", n+1, step.Title)}
			switch step.Status {
			case scenarios.StepFailed:
				c.Failure = &junit.Result{Message: r.Failure.Message, Type: "expectation", Data: r.Failure.Text()}
			case scenarios.StepSkipped:
				c.Skipped = &junit.Result{Message: "not reached"}
			}
			suite.AddTestcase(c)
		}
		suites.AddSuite(suite)
	}
	return suites
}
