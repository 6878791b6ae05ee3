package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/clock"
)

// proxyFlags are the flags of proxy.
type proxyFlags struct {
	upstream, listen, spec, host string
	har, known, side             string
	reports, ignore              []string
	maxBody                      int64
	keepHost, strict, quiet      bool
	failOnFinding                bool
}

func (a *app) proxyCommand() *cobra.Command {
	var f proxyFlags
	cmd := &cobra.Command{
		Use:   "proxy --upstream URL",
		Short: "Hold live traffic against the contract while it passes",
		Long: "Passes requests on to the upstream and its answers back, as they are, until SIGINT or SIGTERM\n" +
			"stops it, and holds both against the contract: a line for each exchange, and each new cause of\n" +
			"a finding once. A finding names the side that broke the contract, client or server.\n\n" +
			"It adds no header. The Host is the upstream's own, unless --host or --keep-host say otherwise.\n" +
			"Where the upstream cannot be reached it answers 502 in the form of the platform's gateway.\n" +
			"Names stand for tokens and secrets in all that it writes.\n\n" +
			"Exits with 0, with 1 when there are findings and --fail-on-finding is given, 2 for what it does\n" +
			"not understand, 3 when there were requests and the upstream was never reached.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := f.open(a)
			if err != nil {
				return usageError(err)
			}
			return untilSignalled(cmd.Context(), p.run)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.upstream, "upstream", "", "`URL` of the server to pass requests on to")
	fs.StringVar(&f.listen, "listen", "127.0.0.1:8090", "`address` to listen on; port 0 takes a free one")
	fs.StringVar(&f.spec, "spec", "", "OpenAPI `file` to hold traffic against (default the platform's own)")
	fs.StringVar(&f.host, "host", "", "`host` for the Host header (default the upstream's own)")
	fs.BoolVar(&f.keepHost, "keep-host", false, "pass the client's Host header on")
	fs.StringVar(&f.side, "side", "", "`side` that findings are about, client or server (default both)")
	fs.StringArrayVar(&f.ignore, "ignore", ignoredPaths(), "`beginning` of paths that are not held against the contract; may be given more than once")
	fs.StringVar(&f.known, "known", "", "YAML `file` of known deviations")
	fs.BoolVar(&f.strict, "strict", false, "answer 502 with a problem instead of passing an answer that breaks the contract")
	fs.Int64Var(&f.maxBody, "max-body", 1<<20, "`bytes` of a body up to which it is judged and recorded")
	fs.StringVar(&f.har, "har", "", "`file` for a recording of the traffic in the HAR format")
	fs.StringArrayVar(&f.reports, "report", nil, "`file` for a report when it stops: "+reportForms()+"; may be given more than once")
	fs.BoolVar(&f.failOnFinding, "fail-on-finding", false, "exit with 1 when there are findings")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "print new causes of findings only, and no line for each exchange")
	return cmd
}

// ignoredPaths are those of the control API, where the upstream is an emulator.
func ignoredPaths() []string { return []string{"/_emu/"} }

// reportWriters are the forms of a report, by the ending of its file.
func reportWriters(r *contracttest.Report) map[string]func(io.Writer) error {
	return map[string]func(io.Writer) error{".json": r.WriteJSON, ".xml": r.WriteJUnit, ".txt": r.WriteText}
}

// reportForms names them.
func reportForms() string { return ".json, .xml (JUnit) or .txt" }

// open checks the flags and opens what they name.
func (f *proxyFlags) open(a *app) (*proxyRun, error) {
	p := &proxyRun{app: a, flags: f, ready: func(string) {}}
	upstream, err := url.Parse(f.upstream)
	if err != nil || upstream.Host == "" || upstream.Scheme != "http" && upstream.Scheme != "https" || upstream.User != nil {
		return nil, errors.New("--upstream: want a URL such as https://openapi.baidu.com")
	}
	if _, _, err := net.SplitHostPort(f.listen); err != nil {
		return nil, errors.New("--listen: want an address such as 127.0.0.1:8090")
	}
	switch {
	case f.host != "" && f.keepHost:
		return nil, errors.New("--host and --keep-host do not go together")
	case f.side != "" && !slices.Contains(contracttest.Sides(), contracttest.Side(f.side)):
		return nil, fmt.Errorf("--side: want client or server, not %q", f.side)
	case f.strict && f.side == string(contracttest.ClientSide):
		return nil, errors.New("--strict is about answers; it does not go with --side client")
	case f.maxBody < 1:
		return nil, errors.New("--max-body: want a number of bytes")
	}
	for _, path := range f.reports {
		if reportWriters(&contracttest.Report{})[filepath.Ext(path)] == nil {
			return nil, fmt.Errorf("--report: want a file that ends with %s, not %q", reportForms(), path)
		}
	}
	o := contracttest.ObserverOptions{
		Target: upstream.Redacted(), Base: strings.TrimSuffix(upstream.Path, "/"), Side: contracttest.Side(f.side),
		Ignore: f.ignore,
	}
	if o.Spec, o.Known, err = readContract(f.spec, f.known); err != nil {
		return nil, err
	}
	if p.observer, err = contracttest.NewObserver(o); err != nil {
		return nil, fmt.Errorf("--spec: %w", err)
	}
	if p.har, err = createHAR(f.har, "traffic with "+o.Target); err != nil {
		return nil, err
	}
	p.relay = &relay{
		upstream: upstream, host: f.host, keepHost: f.keepHost, limit: f.maxBody, unavailable: unavailableIn(p.observer),
	}
	return p, nil
}

// readContract reads a contract and known deviations; without a path there is
// none.
func readContract(spec, known string) (document []byte, deviations []contracttest.Deviation, err error) {
	if spec != "" {
		if document, err = os.ReadFile(spec); err != nil {
			return nil, nil, fmt.Errorf("--spec: %w", err)
		}
	}
	if known != "" {
		data, err := os.ReadFile(known)
		if err == nil {
			deviations, err = contracttest.ReadDeviations(data)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("--known: %w", err)
		}
	}
	return document, deviations, nil
}

// A proxyRun is a proxy from its start to its end.
type proxyRun struct {
	*app
	flags    *proxyFlags
	observer *contracttest.Observer
	relay    *relay
	har      *harFile
	// ready is told the address once it listens.
	ready func(address string)

	// What the clerk counts.
	total, unreached, ignored, unjudged, withheld int
	failed                                        error
}

// queued is how many exchanges may wait for the clerk; then the traffic waits.
const queued = 64

// run listens until the context ends, then lets what is under way end, and
// reports.
func (p *proxyRun) run(ctx context.Context) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", p.flags.listen)
	if err != nil {
		return errors.Join(err, p.har.close())
	}
	exchanges := make(chan passed, queued)
	p.relay.tell = func(x passed) { exchanges <- x }
	if p.flags.strict {
		p.relay.judge = p.observer.Observe
	}
	p.relay.start()
	written := make(chan struct{})
	go func() {
		defer close(written)
		for x := range exchanges {
			p.note(x)
		}
	}()
	handler := newCountedHandler(p.relay)
	base, endAll := context.WithCancel(context.WithoutCancel(ctx))
	defer endAll()
	server := &http.Server{
		BaseContext: func(net.Listener) context.Context { return base },
		Handler:     handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: headerLimit,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	fmt.Fprintf(p.std.err, "http://%s passes to %s\n", ln.Addr(), p.observer.Report().Target)
	p.ready(ln.Addr().String())
	select {
	case <-ctx.Done():
		err = nil
	case err = <-ended:
	}
	wait, cancel := clock.Timeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	// Streams and upgraded connections do not end by themselves.
	defer clock.Wake(streamGrace, endAll)()
	if server.Shutdown(wait) != nil {
		_ = server.Close() // what is under way is told as given up
	}
	handler.close()
	close(exchanges)
	<-written
	p.relay.stop()
	return errors.Join(err, p.failed, p.har.close(), p.report())
}

// note writes one exchange down.
func (p *proxyRun) note(x passed) {
	seen := x.seen
	if seen == nil {
		seen = p.observer.Observe(x.Exchange)
	}
	p.total++
	if x.Fault == contracttest.NotReached {
		p.unreached++
		p.observer.Forget() // it may be another one when it is back
	}
	if seen.Ignored {
		p.ignored++
		return
	}
	if len(seen.Unjudged) > 0 {
		p.unjudged++
	}
	if x.withheld {
		p.withheld++
	}
	found := make([]string, 0, len(seen.Findings))
	for _, f := range seen.Findings {
		found = append(found, string(f.Side)+" "+f.Check)
	}
	if !p.flags.quiet {
		fmt.Fprintln(p.std.out, lineOf(x, seen, found))
	}
	if text := seen.Text(); text != "" {
		fmt.Fprint(p.std.out, indented(text))
	}
	if p.har == nil || p.failed != nil {
		return
	}
	comment := fmt.Sprintf("exchange %d: %s", seen.Number, seen.Call)
	if len(found) > 0 {
		comment += ": " + strings.Join(found, ", ")
	}
	shown := seen.Exchange()
	shown.Duration = x.Duration
	if p.failed = p.har.add(shown, comment); p.failed != nil {
		complain(p.std.err, fmt.Errorf("%w; nothing more is recorded", p.failed))
	}
}

// lineOf is the line of an exchange.
func lineOf(x passed, seen *contracttest.Seen, found []string) string {
	line := fmt.Sprintf("%d %s %s %dms", seen.Number, seen.Call, seen, x.Duration.Milliseconds())
	if x.withheld {
		line += " withheld"
	}
	if len(found) > 0 {
		line += ": " + strings.Join(found, ", ")
	}
	if len(seen.Unjudged) > 0 {
		line += " (not judged: " + strings.Join(seen.Unjudged, ", ") + ")"
	}
	return line
}

// indented moves a text to the right.
func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("  " + line)
	}
	return b.String()
}

// report ends the run: with the text, and the files that were asked for.
func (p *proxyRun) report() error {
	r := p.observer.Report()
	err := r.WriteText(p.std.out)
	for _, more := range []struct {
		n    int
		text string
	}{
		{p.ignored, "ignored: no calls of the contract's"},
		{p.unreached, "did not reach the upstream"},
		{p.unjudged, "not judged in full"},
		{p.withheld, "answered with a problem instead"},
		{p.observer.Dropped(), "findings of more causes, which were not kept"},
	} {
		if more.n > 0 {
			fmt.Fprintf(p.std.out, "%d %s\n", more.n, more.text)
		}
	}
	if p.har != nil {
		fmt.Fprintf(p.std.out, "%s: %s\n", p.flags.har, counted(p.har.writer.Count(), "exchange"))
	}
	for _, path := range p.flags.reports {
		err = errors.Join(err, writeReport(p.std.out, "--report", path, reportWriters(r)[filepath.Ext(path)]))
	}
	switch {
	case err != nil:
		return err
	case p.total > 0 && p.unreached == p.total:
		return &exitError{code: exitUnreachable, err: errors.New("the upstream was never reached")}
	case p.flags.failOnFinding && len(r.Causes) > 0:
		return fmt.Errorf("contract: %s", counted(len(r.Causes), "finding"))
	}
	return nil
}
