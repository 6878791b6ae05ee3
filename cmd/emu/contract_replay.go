package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/swanemu/emu/contracttest"
)

// replayFlags are the flags of contract replay.
type replayFlags struct {
	contractFlags
	report string
	all    bool
}

func (a *app) contractReplayCommand() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay [ID|NAME...]",
		Short: "Run some cases again and show all that is sent",
		Long: "Runs cases again and shows every request and answer, secrets replaced by names. A case is\n" +
			"named by its ID or as operation/check/case; the ID of a cause stands for the first case that\n" +
			"it was found in, or for all of them with --all. With --report the causes are those of a JSON\n" +
			"report, all of them where none is named; without it a cause is looked for by running the\n" +
			"checks until it shows.\n\n" +
			contractExits,
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := f.options()
			var saved *contracttest.Report
			if err == nil && f.report != "" {
				saved, err = readSaved(f.report)
			}
			if err == nil && len(args) == 0 && saved == nil {
				err = errors.New("want the ID or the name of a case, or --report")
			}
			if err != nil {
				return usageError(err)
			}
			return untilSignalled(cmd.Context(), func(ctx context.Context) error { return a.replay(ctx, &f, options, saved, args) })
		},
	}
	fs := cmd.Flags()
	f.addTarget(fs)
	fs.StringVar(&f.report, "report", "", "JSON `file` of a report whose causes are meant")
	fs.BoolVar(&f.all, "all", false, "run every case of a cause")
	return cmd
}

// readSaved reads a report that was written with --json.
func readSaved(path string) (*contracttest.Report, error) {
	data, err := os.ReadFile(path)
	var r *contracttest.Report
	if err == nil {
		r, err = contracttest.ReadReport(data)
	}
	if err != nil {
		return nil, fmt.Errorf("--report: %w", err)
	}
	return r, nil
}

// replay runs cases again.
func (a *app) replay(ctx context.Context, f *replayFlags, o contracttest.Options, saved *contracttest.Report, args []string) error {
	return a.onTarget(ctx, &f.contractFlags, &o, func(target contracttest.Target) error {
		cases, causes, err := f.named(ctx, target, saved, args)
		if err == nil && len(causes) > 0 {
			var more []string
			more, err = a.search(ctx, f, target, o, causes)
			cases = append(cases, more...)
		}
		if err != nil {
			return err
		}
		if len(cases) == 0 {
			fmt.Fprintln(a.std.out, "the report has no causes: there is nothing to run again")
			return nil
		}
		o.Cases, o.Trace = cases, true
		r, err := a.verify(ctx, &f.contractFlags, target, o)
		if r == nil {
			return err
		}
		return errors.Join(err, r.WriteReplay(a.std.out), r.Err())
	})
}

// named are the cases that arguments stand for, and the IDs that may be those
// of causes.
func (f *replayFlags) named(ctx context.Context, target contracttest.Target, saved *contracttest.Report, args []string) (cases, causes []string, err error) {
	var known []contracttest.Cause
	if saved != nil {
		known = slices.Concat(saved.Causes, saved.Known)
		if len(args) == 0 {
			for i := range saved.Causes {
				cases = append(cases, f.casesOf(&saved.Causes[i])...)
			}
		}
	}
	for _, arg := range args {
		if i := slices.IndexFunc(known, func(c contracttest.Cause) bool { return c.ID == arg }); i >= 0 {
			cases = append(cases, f.casesOf(&known[i])...)
			continue
		}
		_, err := contracttest.Verify(ctx, target, contracttest.Options{Cases: []string{arg}, DryRun: true})
		var unknown *contracttest.UnknownCaseError
		switch {
		case err == nil:
			cases = append(cases, arg)
		case errors.As(err, &unknown) && unknown.Nearest == "" && saved == nil && regexp.MustCompile(`^[0-9a-f]{8}$`).MatchString(arg):
			causes = append(causes, arg)
		case errors.As(err, &unknown) && unknown.Nearest == "" && saved != nil:
			return nil, nil, usageError(fmt.Errorf("%w, and the report has no such cause%s", err, didYouMean("", arg, idsOf(known))))
		default:
			return nil, nil, usageError(err)
		}
	}
	return cases, causes, nil
}

// casesOf are the cases to run for a cause.
func (f *replayFlags) casesOf(c *contracttest.Cause) []string {
	if f.all {
		return c.Cases
	}
	return []string{c.In}
}

func idsOf(causes []contracttest.Cause) []string {
	var out []string
	for i := range causes {
		out = append(out, causes[i].ID)
	}
	return out
}

// search runs the checks until causes show, and returns their cases.
func (a *app) search(ctx context.Context, f *replayFlags, target contracttest.Target, o contracttest.Options, causes []string) ([]string, error) {
	fmt.Fprintf(a.std.err, "no case has the ID %s: the checks are run until a cause of that ID shows\n", strings.Join(causes, " or "))
	missing := map[string]bool{}
	for _, id := range causes {
		missing[id] = true
	}
	o.Stop = func(found contracttest.Finding) bool {
		delete(missing, found.CauseID())
		return len(missing) == 0 && !f.all
	}
	r, err := a.verify(ctx, &f.contractFlags, target, o)
	if r == nil {
		return nil, err
	}
	var cases, ids []string
	for i := range r.Causes {
		ids = append(ids, r.Causes[i].ID)
		if slices.Contains(causes, r.Causes[i].ID) {
			cases = append(cases, f.casesOf(&r.Causes[i])...)
		}
	}
	for _, id := range causes {
		if missing[id] {
			err = errors.Join(err, usageError(fmt.Errorf("%s: no case and no cause has that ID%s", id, didYouMean("", id, ids))))
		}
	}
	return cases, err
}
