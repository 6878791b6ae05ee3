package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	emu "github.com/swanemu/emu"
	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/har"
	"github.com/swanemu/emu/internal/specdiff"
)

// builtinContract names the contract of the platform that is in the command.
const builtinContract = "builtin"

// diffFlags are the flags of contract diff.
type diffFlags struct {
	failOn, json, junit    string
	har, base, side, known string
	ignore                 []string
}

// failures are the values of --fail-on.
func failures() []string { return []string{"breaking", "any", "none"} }

func (a *app) contractDiffCommand() *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:   "diff OLD NEW | diff --har FILE [SPEC]",
		Short: "Compare two contracts, or a contract with recorded traffic",
		Long: "Compares two OpenAPI documents and says of each change whether a client of the old one breaks\n" +
			"on it, why, and where it stands; " + builtinContract + " is the platform's own contract.\n\n" +
			"With --har it holds recorded traffic against a contract (default the platform's own): what broke\n" +
			"the contract and which side did, what was used that the contract does not have, and which of its\n" +
			"operations were never called.\n\n" +
			"Exits with 0, 1 when something is breaking (or as --fail-on says), 2 for what it does not\n" +
			"understand. With --fail-on any also a compatible change counts, and in traffic what the contract\n" +
			"neither has nor forbids, and an operation that was never called.",
		Args: func(_ *cobra.Command, args []string) error { return f.arguments(args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return usageError(err)
			}
			if f.har != "" {
				return a.diffTraffic(&f, args)
			}
			return a.diffContracts(cmd.Context(), &f, args[0], args[1])
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.failOn, "fail-on", "breaking", "`what` to exit with 1 for: breaking, any or none")
	fs.StringVar(&f.json, "json", "", "`file` for a JSON report; - is standard output")
	fs.StringVar(&f.har, "har", "", "HAR `file` of recorded traffic to hold against the contract")
	fs.StringVar(&f.base, "base", "", "`URL` below which the server is; entries of others are left out (default all)")
	fs.StringArrayVar(&f.ignore, "ignore", ignoredPaths(), "`beginning` of paths in the traffic that are not held against the contract; may be given more than once")
	fs.StringVar(&f.side, "side", "", "`side` that findings in the traffic are about, client or server (default both)")
	fs.StringVar(&f.known, "known", "", "YAML `file` of known deviations of the traffic")
	fs.StringVar(&f.junit, "junit", "", "`file` for a JUnit XML report of the traffic; - is standard output")
	return cmd
}

// arguments checks how many there are.
func (f *diffFlags) arguments(args []string) error {
	switch {
	case f.har != "" && len(args) > 1:
		return errors.New("with --har want one contract at most, or none for the platform's own")
	case f.har == "" && len(args) != 2:
		return fmt.Errorf("want two contracts, files or %s, or --har with recorded traffic", builtinContract)
	}
	return nil
}

// check looks at what the flags are together.
func (f *diffFlags) check() error {
	switch {
	case !slices.Contains(failures(), f.failOn):
		return fmt.Errorf("--fail-on: want %s, not %q%s", strings.Join(failures(), ", "), f.failOn, didYouMean("", f.failOn, failures()))
	case f.har == "" && cmp.Or(f.base, f.side, f.known, f.junit) != "":
		return errors.New("--base, --side, --known and --junit mean nothing without --har")
	case f.junit == "-" && f.json == "-":
		return errors.New("--junit and --json cannot both go to standard output")
	case f.side != "" && !slices.Contains(contracttest.Sides(), contracttest.Side(f.side)):
		return fmt.Errorf("--side: want client or server, not %q", f.side)
	}
	if f.base != "" {
		if u, err := url.Parse(f.base); err != nil || u.Host == "" || u.Scheme == "" {
			return errors.New("--base: want a URL such as https://openapi.baidu.com")
		}
	}
	return nil
}

// text is where the text of a report goes: out of the way of another one.
func (f *diffFlags) text(std stdio) io.Writer {
	if f.json == "-" || f.junit == "-" {
		return std.err
	}
	return std.out
}

// documentOf reads a contract.
func documentOf(name string) (specdiff.Document, error) {
	if name == builtinContract {
		return specdiff.Document{Name: name, Data: emu.OpenAPI, Verified: true}, nil
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%w; want a file, or %s", err, builtinContract)
	}
	return specdiff.Document{Name: name, Data: data}, err
}

// diffContracts compares two contracts.
func (a *app) diffContracts(ctx context.Context, f *diffFlags, from, to string) error {
	before, err := documentOf(from)
	if err != nil {
		return usageError(err)
	}
	after, err := documentOf(to)
	if err != nil {
		return usageError(err)
	}
	changes, err := specdiff.Compare(ctx, before, after)
	if err != nil {
		return usageError(err)
	}
	breaking := 0
	for _, c := range changes {
		if c.Level == specdiff.Breaking {
			breaking++
		}
	}
	err = errors.Join(
		writeChanges(f.text(a.std), changes, breaking),
		writeReport(a.std.out, "--json", f.json, func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetEscapeHTML(false)
			e.SetIndent("", "  ")
			return e.Encode(struct {
				Old        string            `json:"old"`
				New        string            `json:"new"`
				Breaking   int               `json:"breaking"`
				Compatible int               `json:"compatible"`
				Changes    []specdiff.Change `json:"changes"`
			}{from, to, breaking, len(changes) - breaking, append([]specdiff.Change{}, changes...)})
		}),
	)
	switch {
	case err != nil:
		return err
	case f.failOn == "breaking" && breaking > 0:
		return fmt.Errorf("%s has %s", to, counted(breaking, "breaking change"))
	case f.failOn == "any" && len(changes) > 0:
		return fmt.Errorf("%s has %s", to, counted(len(changes), "change"))
	}
	return nil
}

// writeChanges writes changes for people.
func writeChanges(w io.Writer, changes []specdiff.Change, breaking int) error {
	var b strings.Builder
	for _, c := range changes {
		fmt.Fprintf(&b, "%s: %s\n", c.Level, c.Text)
		line := func(label, value string) {
			if value != "" {
				fmt.Fprintf(&b, "  %-9s %s\n", label, value)
			}
		}
		line("in", strings.Join(c.Operations, ", "))
		line("because", c.Reason)
		if c.Old != nil {
			line("old", c.Old.String())
		}
		if c.New != nil {
			line("new", c.New.String())
		}
		line("id", c.ID)
		b.WriteByte('\n')
	}
	if len(changes) == 0 {
		b.WriteString("no changes\n")
	} else {
		fmt.Fprintf(&b, "%s, %d breaking, %d compatible\n", counted(len(changes), "change"), breaking, len(changes)-breaking)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// diffTraffic holds recorded traffic against a contract.
func (a *app) diffTraffic(f *diffFlags, args []string) error {
	data, err := os.ReadFile(f.har)
	if err != nil {
		return usageError(fmt.Errorf("--har: %w", err))
	}
	archive, err := har.Read(data)
	if err != nil {
		return usageError(inFile(f.har, err))
	}
	o := contracttest.ObserverOptions{
		Target: f.har, Side: contracttest.Side(f.side), Undocumented: true, Redacted: true, Ignore: f.ignore,
	}
	if _, o.Known, err = readContract("", f.known); err != nil {
		return usageError(err)
	}
	if len(args) > 0 && args[0] != builtinContract {
		d, err := documentOf(args[0])
		if err != nil {
			return usageError(err)
		}
		o.Spec = d.Data
	}
	base, err := url.Parse(f.base)
	if err != nil {
		return usageError(err) // not reached: check parsed it
	}
	o.Base = strings.TrimSuffix(base.Path, "/")
	observer, err := contracttest.NewObserver(o)
	if err != nil {
		return usageError(err)
	}
	// Whoever recorded it may have sorted it otherwise.
	slices.SortStableFunc(archive.Entries, func(a, b har.Entry) int { return a.Started.Add(a.Time).Compare(b.Started.Add(b.Time)) })
	left := 0
	for _, e := range archive.Entries {
		if !below(base, e.Request.URL) || observer.Observe(exchangeOf(e)).Ignored {
			left++
		}
	}
	return a.reportTraffic(f, observer, left)
}

// inFile puts the name of a file in front of every line of an error.
func inFile(name string, err error) error {
	var out []error
	for line := range strings.Lines(err.Error()) {
		out = append(out, errors.New(name+": "+strings.TrimRight(line, "\n")))
	}
	return errors.Join(out...)
}

// below reports whether a URL is one of a server; the empty URL has all.
func below(base *url.URL, raw string) bool {
	if base.Host == "" {
		return true
	}
	u, err := url.Parse(raw)
	return err == nil && u.Scheme == base.Scheme && u.Host == base.Host && strings.HasPrefix(u.Path, base.Path)
}

// reportTraffic tells what was found in traffic.
func (a *app) reportTraffic(f *diffFlags, observer *contracttest.Observer, left int) error {
	r, unseen := observer.Report(), observer.Unseen()
	out := f.text(a.std)
	err := r.WriteText(out)
	if len(unseen) > 0 {
		fmt.Fprintf(out, "never called: %s\n", strings.Join(unseen, ", "))
	}
	if left > 0 {
		fmt.Fprintf(out, "left out: %s of other servers and paths\n", counted(left, "exchange"))
	}
	err = errors.Join(err,
		writeReport(a.std.out, "--json", f.json, r.WriteJSON),
		writeReport(a.std.out, "--junit", f.junit, r.WriteJUnit),
	)
	breaking := 0
	for _, c := range r.Causes {
		if !strings.HasPrefix(c.Check, "traffic.parameter") && !strings.HasPrefix(c.Check, "traffic.field") {
			breaking++
		}
	}
	switch {
	case err != nil:
		return err
	case r.Requests == 0:
		return errors.New("contract: there is no traffic to judge")
	case f.failOn == "breaking" && breaking > 0:
		return fmt.Errorf("contract: %s", counted(breaking, "finding"))
	case f.failOn == "any" && len(r.Causes)+len(unseen) > 0:
		return fmt.Errorf("contract: %s, %s never called", counted(len(r.Causes), "finding"), counted(len(unseen), "operation"))
	}
	return nil
}
