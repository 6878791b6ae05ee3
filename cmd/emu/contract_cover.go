package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/swanemu/emu/contracttest"
)

// coverFlags are the flags of contract cover.
type coverFlags struct {
	contractFlags
	report            string
	uncovered, inJSON bool
}

func (a *app) contractCoverCommand() *cobra.Command {
	var f coverFlags
	cmd := &cobra.Command{
		Use:   "cover",
		Short: "Show what of the contract is put to the test",
		Long: "Shows what the contract makes possible and how much of it the checks put to the test, by\n" +
			"dimension: of a JSON report, or else of a run.\n\n" + contractExits,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options, err := f.options()
			var saved *contracttest.Report
			if err == nil && f.report != "" {
				saved, err = readSaved(f.report)
				if f.target != "" {
					err = errors.Join(err, errors.New("--report and --target: give one of them"))
				}
			}
			if err != nil {
				return usageError(err)
			}
			if saved != nil {
				return a.cover(&f, saved, options.Coverage)
			}
			return untilSignalled(cmd.Context(), func(ctx context.Context) error {
				return a.onTarget(ctx, &f.contractFlags, &options, func(target contracttest.Target) error {
					r, err := a.verify(ctx, &f.contractFlags, target, options)
					if r == nil {
						return err
					}
					return errors.Join(err, a.cover(&f, r, options.Coverage), found(r))
				})
			})
		},
	}
	fs := cmd.Flags()
	f.addTarget(fs)
	f.addCoverage(fs)
	fs.StringVar(&f.report, "report", "", "JSON `file` of a report to show the coverage of")
	fs.BoolVar(&f.uncovered, "uncovered", false, "list what is not covered, and why")
	fs.BoolVar(&f.inJSON, "json", false, "show it in JSON")
	return cmd
}

// cover shows the coverage of a report and holds it against thresholds.
func (a *app) cover(f *coverFlags, r *contracttest.Report, least contracttest.Thresholds) error {
	if err := r.Judge(least); err != nil {
		return usageError(err)
	}
	var err error
	if f.inJSON {
		err = writeJSON(a.std.out, map[string]any{"dimensions": r.Coverage.Dimensions, "thresholds": r.Thresholds})
	} else {
		err = r.WriteCoverage(a.std.out, f.uncovered)
	}
	for _, t := range r.Thresholds {
		if !t.Met {
			err = errors.Join(err, errors.New(t.String()))
		}
	}
	return err
}

// found tells of findings of a run that was made for something else.
func found(r *contracttest.Report) error {
	r.Thresholds = nil // they are told
	if err := r.Err(); err != nil {
		return fmt.Errorf("%w; emu contract run says which", err)
	}
	return nil
}
