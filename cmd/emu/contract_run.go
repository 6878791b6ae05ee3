package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/swanemu/emu/contracttest"
)

// contractFlags are the flags of contract run.
type contractFlags struct {
	target, adminToken, credentials string
	mode, junit, json, known        string
	checks, operations              []string
	dryRun, verbose                 bool
	maxRequests                     int
	maxTime                         time.Duration
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
			"credentials has, and what the checks lack there shows as not run.\n\n" +
			"Without --mode a target off this machine is only read.\n\n" +
			"Exits with 0 when all holds, 1 when something does not, 2 for what it does not understand,\n" +
			"3 when the target cannot be reached.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options, err := f.options()
			if err != nil {
				return usageError(err)
			}
			if f.verbose {
				options.Progress = func(r contracttest.Result) {
					fmt.Fprintf(a.std.err, "%-8s %s/%s/%s %s\n", r.Status, r.Operation, r.Check, r.Case, r.Reason)
				}
			}
			return untilSignalled(cmd.Context(), func(ctx context.Context) error { return a.verify(ctx, &f, options) })
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.target, "target", "", "`URL` of the server (default an emulator in this process)")
	fs.StringVar(&f.adminToken, "admin-token", "", "`token` of the target's control API; better in EMU_ADMIN_TOKEN")
	fs.StringVar(&f.credentials, "credentials", "", "JSON `file` of credentials and samples for a target that is no emulator")
	fs.StringVar(&f.kafka, "kafka", "", "`brokers` of the target's notices, host:port, or none (default those of the emulator)")
	fs.StringVar(&f.kafkaTopic, "kafka-topic", "", "`topic` of the notices of a target that is no emulator")
	fs.StringVar(&f.mode, "mode", "", "`how` far to go: read-only, sandbox or destructive")
	fs.StringSliceVar(&f.checks, "check", nil, "`ids` of checks to run, or what they begin with (default all)")
	fs.StringSliceVar(&f.operations, "operation", nil, "`operations` to run checks on (default all)")
	fs.BoolVar(&f.dryRun, "dry-run", false, "print the plan and send nothing to the platform")
	fs.StringVar(&f.known, "known", "", "YAML `file` of known deviations")
	fs.IntVar(&f.maxRequests, "max-requests", 0, "`number` of requests at most (default 20000)")
	fs.DurationVar(&f.maxTime, "max-time", 0, "time the run may take (default 10m)")
	fs.Float64Var(&f.rate, "rate", 0, "`requests` per second at most (default no limit)")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "show each case as it ends")
	fs.StringVar(&f.junit, "junit", "", "`file` for a JUnit XML report; - is standard output")
	fs.StringVar(&f.json, "json", "", "`file` for a JSON report; - is standard output")
	fs.StringVar(&f.har, "har", "", "`file` for a recording of all exchanges in the HAR format")
	return cmd
}

// options are the suite's, of the flags.
func (f *contractFlags) options() (contracttest.Options, error) {
	o := contracttest.Options{
		Mode: contracttest.Mode(f.mode), Checks: f.checks, Operations: f.operations, DryRun: f.dryRun,
		MaxRequests: f.maxRequests, MaxTime: f.maxTime, Rate: f.rate,
	}
	if f.mode != "" && !slices.Contains(contracttest.Modes(), o.Mode) {
		return o, fmt.Errorf("--mode: want read-only, sandbox or destructive, not %q", f.mode)
	}
	if f.junit == "-" && f.json == "-" {
		return o, errors.New("--junit and --json cannot both go to standard output")
	}
	if f.target != "" {
		u, err := url.Parse(f.target)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return o, errors.New("--target: want a URL such as http://127.0.0.1:8080")
		}
	} else if f.credentials != "" {
		return o, errors.New("--credentials: means nothing without --target")
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

// verify runs the checks and reports.
func (a *app) verify(ctx context.Context, f *contractFlags, o contracttest.Options) (err error) {
	recording, err := createHAR(f.har, "emu contract run")
	if err != nil {
		return usageError(err)
	}
	recorded := recording.keep(&o)
	defer func() { err = errors.Join(err, recorded()) }()
	target, stop, err := a.contractTarget(ctx, f, &o)
	if err != nil {
		return contractError(err)
	}
	defer func() { err = errors.Join(err, stop(context.WithoutCancel(ctx))) }()
	r, err := contracttest.Verify(ctx, target, o)
	if r == nil {
		if !errors.Is(err, contracttest.ErrUnreachable) {
			err = usageError(err)
		}
		return contractError(err)
	}
	out := a.std.out
	if f.junit == "-" || f.json == "-" {
		out = a.std.err
	}
	return errors.Join(
		err, r.WriteText(out),
		writeReport(a.std.out, "--junit", f.junit, r.WriteJUnit),
		writeReport(a.std.out, "--json", f.json, r.WriteJSON),
		r.Err(),
	)
}
