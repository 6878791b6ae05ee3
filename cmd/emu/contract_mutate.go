package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/contracttest/mutants"
	"github.com/swanemu/emu/emulator"
)

// mutateFlags are the flags of contract mutate.
type mutateFlags struct {
	seed                             uint64
	seeds, count, jobs               int
	class, mutant, json, serve, addr string
	list, quiet                      bool
}

func (a *app) contractMutateCommand() *cobra.Command {
	var f mutateFlags
	cmd := &cobra.Command{
		Use:   "mutate",
		Short: "Prove the checks on faulty variants of the emulator",
		Long: "Runs the checks on variants of the emulator that are wrong on purpose, one fault each, made\n" +
			"from the contract, and on some that are not wrong at all. A sample is drawn by the seed; the\n" +
			"emulators behind the faults have the same one.\n\n" +
			"Exits with 0 when at least 95 % of the mutants are found, and by the checks that are meant for\n" +
			"them, every state, push and Kafka mutant is, and nothing is on null mutants; else with 1, and\n" +
			"2 for what it does not understand.\n\n" +
			"With --serve it serves one mutant instead, for other tools: it prints the address and the\n" +
			"credentials as JSON and answers until it is stopped.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return usageError(err)
			}
			return untilSignalled(cmd.Context(), func(ctx context.Context) error { return a.mutate(ctx, &f) })
		},
	}
	fs := cmd.Flags()
	fs.Uint64Var(&f.seed, "seed", 1, "`number` that draws the sample and seeds the emulators")
	fs.IntVar(&f.seeds, "seeds", 1, "`number` of samples, each with the next seed")
	fs.IntVar(&f.count, "count", 200, "`number` of mutants in a sample")
	fs.StringVar(&f.class, "class", "", "`class` of mutants: wire, input, token, state, push, kafka or null (default all)")
	fs.StringVar(&f.mutant, "mutant", "", "`ID` of a mutant to run, or what IDs begin with: all of those, no sample")
	fs.BoolVar(&f.list, "list", false, "list the mutants, and what was left out, and run nothing")
	fs.StringVar(&f.json, "json", "", "`file` for a JSON report; - is standard output")
	fs.IntVar(&f.jobs, "jobs", 0, "`number` of mutants at a time (default the number of processors)")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress")
	fs.StringVar(&f.serve, "serve", "", "`ID` of a mutant to serve")
	fs.StringVar(&f.addr, "addr", "127.0.0.1:0", "`address` to serve it at")
	return cmd
}

// check says what makes no sense.
func (f *mutateFlags) check() error {
	switch {
	case f.seeds < 1:
		return errors.New("--seeds: want at least 1")
	case f.count < 1:
		return errors.New("--count: want at least 1")
	case f.jobs < 0:
		return errors.New("--jobs: want no negative number")
	case f.class != "" && !slices.Contains(mutants.Classes(), mutants.Class(f.class)):
		return fmt.Errorf("--class: want wire, input, token, state, push, kafka or null, not %q", f.class)
	case f.serve != "" && (f.list || f.mutant != "" || f.class != ""):
		return errors.New("--serve serves one mutant: it goes with --addr and --seed only")
	}
	return nil
}

// mutate does what the flags say.
func (a *app) mutate(ctx context.Context, f *mutateFlags) error {
	lab, err := mutants.NewLab(ctx, mutantServer)
	if err != nil {
		return err
	}
	if f.serve != "" {
		return a.serveMutant(ctx, lab, f)
	}
	if f.class != "" {
		lab.Population.Mutants = slices.DeleteFunc(lab.Population.Mutants, func(m mutants.Mutant) bool { return m.Class != mutants.Class(f.class) })
	}
	if f.mutant != "" {
		found := lab.Population.Find(f.mutant)
		if len(found) == 0 {
			return usageError(noMutant("--mutant", f.mutant))
		}
		lab.Population.Mutants = found
	}
	if f.list {
		return a.listMutants(lab.Population)
	}
	return a.runMutants(ctx, lab, f)
}

func noMutant(flag, id string) error {
	return fmt.Errorf("%s: there is no mutant %q; --list lists them", flag, id)
}

// runMutants runs the samples and reports.
func (a *app) runMutants(ctx context.Context, lab *mutants.Lab, f *mutateFlags) error {
	jobs := f.jobs
	if jobs == 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	var results []mutants.Result
	var seeds []uint64
	for i := range uint64(f.seeds) { //nolint:gosec // it is not negative
		seed := f.seed + i
		sample := lab.Population.Mutants
		if f.mutant == "" {
			sample = lab.Population.Sample(seed, f.count)
		}
		done := 0
		got, err := lab.RunAll(ctx, sample, seed, jobs, func(r mutants.Result) {
			if done++; !f.quiet {
				fmt.Fprintf(a.std.err, "seed %d: %d/%d %s %s\n", seed, done, len(sample), r.Verdict, r.ID)
			}
		})
		if err != nil {
			return err
		}
		results, seeds = append(results, got...), append(seeds, seed)
	}
	r := lab.NewReport(seeds, results)
	out := a.std.out
	if f.json == "-" {
		out = a.std.err
	}
	see := func(one mutants.Result) string {
		return fmt.Sprintf("emu contract mutate --mutant %s --seed %d", one.ID, one.Seed)
	}
	return errors.Join(r.WriteText(out, see), writeReport(a.std.out, "--json", f.json, r.WriteJSON), r.Err())
}

// listMutants prints what there is, and what is not, with the reasons.
func (a *app) listMutants(p *mutants.Population) error {
	w := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
	for _, m := range p.Mutants {
		fmt.Fprintf(w, "%s\t%s\t%v\n", m.ID, m.Note, m.Checks)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, e := range p.Excluded {
		if _, err := fmt.Fprintf(a.std.out, "left out: %s: %s\n", e.ID, e.Reason); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(a.std.out, "%d mutants, %d left out\n", len(p.Mutants), len(p.Excluded))
	return err
}

// serveMutant serves one mutant until it is stopped.
func (a *app) serveMutant(ctx context.Context, lab *mutants.Lab, f *mutateFlags) error {
	found := lab.Population.Find(f.serve)
	if len(found) != 1 || found[0].ID != f.serve {
		return usageError(noMutant("--serve", f.serve))
	}
	em, err := emulator.New(ctx, emulator.Options{Seed: f.seed, Strict: true})
	if err != nil {
		return err
	}
	handler, err := lab.Handler(found[0], &mutants.Server{URL: inProcessURL, Transport: inProcess{em}})
	if err != nil {
		return errors.Join(usageError(fmt.Errorf("--serve: %w", err)), em.Close(ctx))
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", f.addr)
	if err != nil {
		return errors.Join(usageError(fmt.Errorf("--addr: %w", err)), em.Close(ctx))
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(ln) // it ends with Close
	}()
	err = a.announce(ctx, "http://"+ln.Addr().String(), &found[0], em)
	if err == nil {
		<-ctx.Done()
	}
	err = errors.Join(err, server.Close())
	<-ended
	return errors.Join(err, em.Close(context.WithoutCancel(ctx)))
}

// announce prints where a mutant is served and what a client needs.
func (a *app) announce(ctx context.Context, url string, m *mutants.Mutant, em http.Handler) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, inProcessURL+"/_emu/sandboxes/default/credentials", http.NoBody)
	if err != nil {
		return err
	}
	res, err := inProcess{em}.RoundTrip(r)
	if err != nil {
		return err
	}
	credentials, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return err
	}
	e := json.NewEncoder(a.std.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		URL         string          `json:"url"`
		Mutant      *mutants.Mutant `json:"mutant"`
		Credentials json.RawMessage `json:"credentials"`
	}{url, m, credentials})
}

// mutantServer makes an emulator in this process.
func mutantServer(ctx context.Context, seed uint64) (*mutants.Server, error) {
	broker := &keptNotices{}
	em, err := emulator.New(ctx, emulator.Options{
		Seed: seed, Strict: true, Broker: broker, Clock: emulator.Clock{Mode: "virtual"}, NotifyTimeout: merchantTime,
	})
	if err != nil {
		return nil, err
	}
	return &mutants.Server{
		URL: inProcessURL, Transport: inProcess{em}, Close: em.Close,
		Notices: func(topic string) contracttest.Notices { return keptTopic{broker, topic} },
	}, nil
}
