package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/contracttest/emutarget"
	"github.com/swanemu/emu/emulator"
)

// exitUnreachable is the exit code where nobody answers.
const exitUnreachable = 3

// contractFlags are the flags of contract run.
type contractFlags struct {
	target, adminToken, credentials string
	mode, junit, json, known        string
	checks, operations, tags        []string
	dryRun, verbose                 bool
	maxRequests                     int
	maxTime                         time.Duration
	rate                            float64
}

func (a *app) contractCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "contract",
		Short: "Hold a server against the platform's contract",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.contractRunCommand(), &cobra.Command{
		Use: "list", Short: "List the checks", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.listChecks() },
	})
	return cmd
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
	fs.StringVar(&f.mode, "mode", "", "`how` far to go: read-only, sandbox or destructive")
	fs.StringSliceVar(&f.checks, "check", nil, "`ids` of checks to run, or what they begin with (default all)")
	fs.StringSliceVar(&f.operations, "operation", nil, "`operations` to run checks on (default all)")
	fs.StringSliceVar(&f.tags, "tag", nil, "`tags` of the operations to run checks on, such as host (default all)")
	fs.BoolVar(&f.dryRun, "dry-run", false, "print the plan and send nothing to the platform")
	fs.StringVar(&f.known, "known", "", "YAML `file` of known deviations")
	fs.IntVar(&f.maxRequests, "max-requests", 0, "`number` of requests at most (default 20000)")
	fs.DurationVar(&f.maxTime, "max-time", 0, "time the run may take (default 10m)")
	fs.Float64Var(&f.rate, "rate", 0, "`requests` per second at most (default no limit)")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "show each case as it ends")
	fs.StringVar(&f.junit, "junit", "", "`file` for a JUnit XML report; - is standard output")
	fs.StringVar(&f.json, "json", "", "`file` for a JSON report; - is standard output")
	return cmd
}

// options are the suite's, of the flags.
func (f *contractFlags) options() (contracttest.Options, error) {
	o := contracttest.Options{
		Mode: contracttest.Mode(f.mode), Checks: f.checks, Operations: f.operations, Tags: f.tags, DryRun: f.dryRun,
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

// contractError gives an error its exit code.
func contractError(err error) error {
	if errors.Is(err, contracttest.ErrUnreachable) {
		return &exitError{code: exitUnreachable, err: err}
	}
	return err
}

// contractTarget is what is checked, and how to let go of it.
func (a *app) contractTarget(ctx context.Context, f *contractFlags, o *contracttest.Options) (contracttest.Target, func(context.Context) error, error) {
	nothing := func(context.Context) error { return nil }
	options := emutarget.Options{URL: f.target, AdminToken: a.adminToken(&runFlags{adminToken: f.adminToken})}
	stop := nothing
	switch {
	case f.target == "":
		broker := &keptNotices{}
		base, end, err := serveHere(ctx, broker)
		if err != nil {
			return contracttest.Target{}, nothing, err
		}
		stop, options.URL, options.AdminToken = end, base, ""
		options.Notices = func(topic string) contracttest.Notices { return keptTopic{broker, topic} }
	case f.credentials != "":
		data, err := os.ReadFile(f.credentials)
		var file struct {
			contracttest.Credentials
			Samples map[string]string `json:"samples"`
		}
		if err == nil {
			d := json.NewDecoder(bytes.NewReader(data))
			d.DisallowUnknownFields()
			err = d.Decode(&file)
		}
		if err != nil {
			err = usageError(fmt.Errorf("--credentials: %w", err))
		}
		return contracttest.Target{URL: f.target, Credentials: file.Credentials, Samples: file.Samples}, nothing, err
	default:
		is, err := emutarget.Is(ctx, options)
		if err != nil || !is {
			return contracttest.Target{URL: f.target}, nothing, err
		}
	}
	box, err := emutarget.Open(ctx, options)
	if err != nil {
		return contracttest.Target{}, nothing, errors.Join(err, stop(ctx))
	}
	if o.Mode == "" && box.Local() {
		o.Mode = contracttest.Destructive // the sandbox is the run's own
	}
	return box.Target(), func(ctx context.Context) error { return errors.Join(box.Close(ctx), stop(ctx)) }, nil
}

// serveHere runs an emulator in this process.
func serveHere(ctx context.Context, broker emulator.Broker) (base string, stop func(context.Context) error, err error) {
	em, err := emulator.New(ctx, emulator.Options{Strict: true, Clock: emulator.Clock{Mode: "virtual"}, Broker: broker})
	if err != nil {
		return "", nil, err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, errors.Join(err, em.Close(ctx))
	}
	server := &http.Server{Handler: em, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(ln) // it ends with Close
	}()
	return "http://" + ln.Addr().String(), func(ctx context.Context) error {
		err := server.Close()
		<-ended
		return errors.Join(err, em.Close(ctx))
	}, nil
}

// keptNotices is a broker that keeps what it is given.
type keptNotices struct {
	mu  sync.Mutex // guards got
	got []contracttest.Notice
}

// Publish keeps the records.
func (k *keptNotices) Publish(_ context.Context, records []emulator.Record) []error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range records {
		k.got = append(k.got, contracttest.Notice{Topic: r.Topic, Key: r.Key, Value: r.Value})
	}
	return make([]error, len(records))
}

// Ready is always nil.
func (*keptNotices) Ready(context.Context) error { return nil }

// Addresses are none.
func (*keptNotices) Addresses() []string { return nil }

// Close does nothing.
func (*keptNotices) Close() error { return nil }

// keptTopic reads what a broker keeps.
type keptTopic struct {
	*keptNotices
	topic string
}

// Topic is where the notices belong.
func (k keptTopic) Topic() string { return k.topic }

// Read returns all records.
func (k keptTopic) Read(context.Context) ([]contracttest.Notice, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.got), nil
}

// listChecks prints what there is to check.
func (a *app) listChecks() error {
	w := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
	for _, c := range contracttest.Checks() {
		needs := make([]string, len(c.Needs))
		for i, n := range c.Needs {
			needs[i] = string(n)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", c.ID, c.Changes, c.Explain+orNothingNeeded(needs))
	}
	return w.Flush()
}

func orNothingNeeded(needs []string) string {
	if len(needs) == 0 {
		return ""
	}
	return " Needs: " + strings.Join(needs, ", ") + "."
}
