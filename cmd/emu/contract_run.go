package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/swanemu/emu/contracttest"
)

// contractFlags are the flags of contract run, replay and cover.
type contractFlags struct {
	target, adminToken, credentials string
	mode, known                     string
	junit, json, html, sarif        string
	checks, operations, tags        []string
	coverage                        string
	dryRun, verbose                 bool
	maxRequests                     int
	maxTime, answerTime             time.Duration
	rate                            float64
	kafka, kafkaTopic, har          string
}

func (a *app) contractRunCommand() *cobra.Command {
	var f contractFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the checks",
		Long: "Runs the checks against a server: an emulator in this process, or the target. A target that\n" +
			"is an emulator gets a sandbox of its own; any other is called with what the file of\n" +
			"credentials has, and what the checks lack there shows as not run. The server of a host app\n" +
			"is checked with --tag host and a host_app in the file: the app, the user, where the host\n" +
			"has what, and the member below which it answers.\n\n" +
			"Without --mode a target off this machine is only read.\n\n" +
			contractExits,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options, err := f.options()
			if err != nil {
				return usageError(err)
			}
			return untilSignalled(cmd.Context(), func(ctx context.Context) error { return a.runContract(ctx, &f, options) })
		},
	}
	fs := cmd.Flags()
	f.addTarget(fs)
	fs.StringSliceVar(&f.checks, "check", nil, "`ids` of checks to run, or what they begin with (default all)")
	fs.StringSliceVar(&f.operations, "operation", nil, "`operations` to run checks on (default all)")
	fs.StringSliceVar(&f.tags, "tag", nil, "`tags` of the operations to run checks on, such as host (default all)")
	fs.BoolVar(&f.dryRun, "dry-run", false, "print the plan and send nothing to the platform")
	fs.StringVar(&f.known, "known", "", "YAML `file` of known deviations")
	f.addCoverage(fs)
	fs.StringVar(&f.junit, "junit", "", "`file` for a JUnit XML report; - is standard output")
	fs.StringVar(&f.json, "json", "", "`file` for a JSON report; - is standard output")
	fs.StringVar(&f.html, "html", "", "`file` for a page to read; - is standard output")
	fs.StringVar(&f.sarif, "sarif", "", "`file` for a SARIF 2.1.0 log; - is standard output")
	fs.StringVar(&f.har, "har", "", "`file` for a recording of all exchanges in the HAR format")
	return cmd
}

// contractExits says how the commands end.
const contractExits = "Exits with 0 when all holds, 1 when something does not, 2 for what it does not understand,\n" +
	"3 when the target cannot be reached."

// addTarget adds the flags that say what is checked, and how far to go there.
func (f *contractFlags) addTarget(fs *pflag.FlagSet) {
	fs.StringVar(&f.target, "target", "", "`URL` of the server (default an emulator in this process)")
	fs.StringVar(&f.adminToken, "admin-token", "", "`token` of the target's control API; better in EMU_ADMIN_TOKEN")
	fs.StringVar(&f.credentials, "credentials", "", "JSON `file` of credentials and samples for a target that is no emulator")
	fs.StringVar(&f.kafka, "kafka", "", "`brokers` of the target's notices, host:port, or none (default those of the emulator)")
	fs.StringVar(&f.kafkaTopic, "kafka-topic", "", "`topic` of the notices of a target that is no emulator")
	fs.StringVar(&f.mode, "mode", "", "`how` far to go: read-only, sandbox or destructive")
	fs.IntVar(&f.maxRequests, "max-requests", 0, "`number` of requests at most (default 20000)")
	fs.DurationVar(&f.maxTime, "max-time", 0, "time the run may take (default 10m)")
	fs.DurationVar(&f.answerTime, "answer-time", 0, "time that one answer may take (default 30s)")
	fs.Float64Var(&f.rate, "rate", 0, "`requests` per second at most (default no limit)")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "show each case as it ends")
}

// addCoverage adds the flag for thresholds.
func (f *contractFlags) addCoverage(fs *pflag.FlagSet) {
	fs.StringVar(&f.coverage, "min-coverage", "", "least `percentages` of coverage: one for all, or as in operations=100,keywords=95")
}

// options are the suite's, of the flags.
func (f *contractFlags) options() (contracttest.Options, error) {
	o := contracttest.Options{
		Mode: contracttest.Mode(f.mode), Checks: f.checks, Operations: f.operations, Tags: f.tags, DryRun: f.dryRun,
		MaxRequests: f.maxRequests, MaxTime: f.maxTime, AnswerTime: f.answerTime, Rate: f.rate,
	}
	if f.mode != "" && !slices.Contains(contracttest.Modes(), o.Mode) {
		return o, fmt.Errorf("--mode: want read-only, sandbox or destructive, not %q", f.mode)
	}
	var here []string
	for _, r := range f.reports() {
		if r.path == "-" {
			here = append(here, r.flag)
		}
	}
	if len(here) > 1 {
		return o, fmt.Errorf("%s cannot both go to standard output", strings.Join(here, " and "))
	}
	if f.target != "" {
		u, err := url.Parse(f.target)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return o, errors.New("--target: want a URL such as http://127.0.0.1:8080")
		}
	} else if f.credentials != "" {
		return o, errors.New("--credentials: means nothing without --target")
	}
	if f.coverage != "" {
		var err error
		if o.Coverage, err = contracttest.ParseThresholds(f.coverage); err != nil {
			return o, fmt.Errorf("--min-coverage: %w", err)
		}
	}
	if f.known != "" {
		data, err := os.ReadFile(f.known)
		if err == nil {
			o.Known, err = contracttest.ReadDeviations(data)
		}
		if err != nil {
			return o, fmt.Errorf("--known: %w", err)
		}
	}
	return o, nil
}

// A reportForm is a form of the report and the file that it goes into.
type reportForm struct {
	flag, path string
	write      func(*contracttest.Report, io.Writer) error
}

// reports are the forms that there are.
func (f *contractFlags) reports() []reportForm {
	return []reportForm{
		{"--junit", f.junit, (*contracttest.Report).WriteJUnit},
		{"--json", f.json, (*contracttest.Report).WriteJSON},
		{"--html", f.html, (*contracttest.Report).WriteHTML},
		{"--sarif", f.sarif, (*contracttest.Report).WriteSARIF},
	}
}

// runContract runs the checks and reports.
func (a *app) runContract(ctx context.Context, f *contractFlags, o contracttest.Options) (err error) {
	recording, err := createHAR(f.har, "emu contract run")
	if err != nil {
		return usageError(err)
	}
	recorded := recording.keep(&o)
	defer func() { err = errors.Join(err, recorded()) }()
	return a.onTarget(ctx, f, &o, func(target contracttest.Target) error {
		r, err := a.verify(ctx, f, target, o)
		if r == nil {
			return err
		}
		out := a.std.out
		errs := []error{err}
		for _, form := range f.reports() {
			if form.path == "-" {
				out = a.std.err
			}
			errs = append(errs, writeReport(a.std.out, form.flag, form.path, func(w io.Writer) error { return form.write(r, w) }))
		}
		return errors.Join(append(errs, r.WriteText(out), r.Err())...)
	})
}

// onTarget calls do with what is checked, and lets go of it afterwards.
func (a *app) onTarget(ctx context.Context, f *contractFlags, o *contracttest.Options, do func(contracttest.Target) error) (err error) {
	target, stop, err := a.contractTarget(ctx, f, o)
	if err != nil {
		return contractError(err)
	}
	defer func() { err = errors.Join(err, stop(context.WithoutCancel(ctx))) }()
	return do(target)
}

// verify runs the checks and shows how far it is. Without a report there was
// nothing to run, for the error's reason.
func (a *app) verify(ctx context.Context, f *contractFlags, target contracttest.Target, o contracttest.Options) (*contracttest.Report, error) {
	switch {
	case f.verbose:
		o.Progress = func(r contracttest.Result) {
			fmt.Fprintf(a.std.err, "%-8s %s %s %s\n", r.Status, r.ID, r.Name(), r.Reason)
		}
	case movable(a.std.err, a.env):
		m := &meter{w: a.std.err}
		o.Watch = m.show
		defer m.clear()
	}
	r, err := contracttest.Verify(ctx, target, o)
	if r == nil && !errors.Is(err, contracttest.ErrUnreachable) {
		err = usageError(err)
	}
	return r, contractError(err)
}
