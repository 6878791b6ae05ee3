package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/emulator/store"
	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/internal/redirect"
)

const (
	// readyTimeout bounds the first question whether all is there.
	readyTimeout = 15 * time.Second
	// stopTimeout bounds a graceful stop.
	stopTimeout = 10 * time.Second
	// drainTimeout is the part of it that requests under way may take: more
	// than the 5 s after which net/http gives a silent connection up.
	drainTimeout = 7 * time.Second
	// streamGrace is what requests have to end by themselves once a stop
	// began; then their contexts end, as event streams never would.
	streamGrace = time.Second
	// settleTime is how long after the start the memory that only the start
	// needed is given back.
	settleTime = 2 * time.Second

	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	// headerLimit has room for POSTs with all of their parameters in the
	// query.
	headerLimit = 256 << 10
)

func (a *app) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the platform until a signal stops it",
		Long: "Runs the platform until SIGINT or SIGTERM stops it.\n\n" +
			"Each flag is also a variable (--kafka-topic is EMU_KAFKA_TOPIC) and a key of the\n" +
			"settings file (kafka-topic). A flag wins over a variable, a variable over the file.\n" +
			"What is not known among them is an error. An empty variable counts as not set.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := load(cmd.Flags(), a.env)
			if err != nil {
				return usageError(err)
			}
			if err := errors.Join(s.readScenario(), s.checkRecord()); err != nil {
				return usageError(err)
			}
			tuneCollector(a.env)
			return untilSignalled(cmd.Context(), func(ctx context.Context) error {
				return a.serve(ctx, &s)
			})
		},
	}
	if err := addServeFlags(cmd); err != nil {
		cmd.RunE = func(*cobra.Command, []string) error { return err }
	}
	return cmd
}

// tuneCollector trades memory for speed: an emulator holds little and answers
// much. Whoever sets GOGC or GOMEMLIMIT is not overruled.
func tuneCollector(env []string) {
	set := func(name string) bool {
		return slices.ContainsFunc(env, func(e string) bool {
			value, found := strings.CutPrefix(e, name+"=")
			return found && value != ""
		})
	}
	if !set("GOGC") {
		debug.SetGCPercent(400)
	}
	if !set("GOMEMLIMIT") {
		debug.SetMemoryLimit(512 << 20)
	}
}

// server is one run of serve. What it opened is closed in reverse order.
type server struct {
	app      *app
	settings *settings
	log      *slog.Logger
	listener net.Listener
	broker   emulator.Broker // nil without Kafka
	proxy    *redirect.Proxy // nil without one
	late     *lateHandler    // the emulator, for those who begin before it
	secure   net.Listener    // nil without HTTPS
	tls      *tls.Config
	// authority is the file of the certificate to trust; "" where there is none.
	authority string
	// contract is the document that is served; nil is the platform's own.
	contract []byte
	emulator *emulator.Emulator
	closers  []closer
}

// closer undoes one step of the start.
type closer struct {
	name  string
	close func(ctx context.Context) error
}

// onStop adds a step of the stop; the last one added is done first.
func (s *server) onStop(name string, f func(ctx context.Context) error) {
	s.closers = append(s.closers, closer{name, f})
}

// stop undoes the start within stopTimeout, whatever became of ctx.
func (s *server) stop(ctx context.Context) error {
	ctx, cancel := clock.Timeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	var errs []error
	for _, c := range slices.Backward(s.closers) {
		if err := c.close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", c.name, err))
		}
	}
	return errors.Join(errs...)
}

// serve runs the emulator until ctx ends.
func (a *app) serve(ctx context.Context, settings *settings) (err error) {
	s := &server{app: a, settings: settings, log: settings.logger(a.std.err, a.env)}
	defer func() { err = errors.Join(err, s.stop(ctx)) }()
	if err := s.open(ctx); err != nil {
		if ctx.Err() != nil {
			s.log.Info("stopped before it was ready")
			return nil
		}
		return err
	}
	// Before the first answer, so that whoever got one finds the text; who calls
	// meanwhile waits at the port, which is open.
	if !settings.Quiet {
		if err := s.welcome(); err != nil {
			return fmt.Errorf("print the start-up text: %w", err)
		}
	}
	failed := s.answer()
	s.log.Info("ready", "url", s.baseURL(), "kafka", s.kafkaAddresses(), "version", thisBuild().Version)
	defer clock.Wake(settleTime, debug.FreeOSMemory)()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		s.log.Info("stopping")
		return nil
	}
}

// open takes the port, then makes the emulator and its broker side by side.
// When it returns nil, everything is there to answer with.
func (s *server) open(ctx context.Context) error {
	var err error
	if s.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", s.settings.Listen); err != nil {
		return hintPort(err, "--listen")
	}
	s.onStop("listening", func(context.Context) error { return ignoreClosed(s.listener.Close()) })
	options, err := s.settings.options()
	if err != nil {
		return usageError(err)
	}
	options.Logger, s.contract = s.log, options.Spec
	s.late = newLateHandler()
	if options.Setup, err = s.openEntrances(ctx); err != nil {
		return err
	}
	if s.settings.Data != "" {
		files, err := store.Dir(filepath.Join(s.settings.Data, "state"), store.Options{Logger: s.log})
		if err != nil {
			return err
		}
		options.Store = files
		s.onStop("the store", func(context.Context) error { return files.Close() })
	}
	if err := s.openBroker(ctx); err != nil {
		return err
	}
	options.Broker = s.broker
	if s.emulator, err = emulator.New(ctx, options); err != nil {
		return err
	}
	s.onStop("the emulator", s.emulator.Close)
	s.late.come(s.emulator)
	if s.proxy != nil {
		s.onStop("the proxy", func(context.Context) error { return s.proxy.Close() })
	}
	s.tellScenarios(s.settings.named)
	if err := s.prepare(ctx, s.settings.story); err != nil {
		return err
	}
	if s.settings.Record != "" {
		s.onStop("the recording", s.record)
	}
	if s.broker != nil {
		// Its own error says more than the emulator's about it.
		if err := s.broker.Ready(ctx); err != nil {
			return err
		}
	}
	if err := s.follow(ctx); err != nil {
		return err
	}
	ctx, cancel := clock.Timeout(ctx, readyTimeout)
	defer cancel()
	return s.emulator.Ready(ctx)
}

// openBroker begins to open the embedded broker, or connects to those outside:
// without them there is no point in going on.
func (s *server) openBroker(ctx context.Context) error {
	if s.settings.Kafka[0] == kafkaNone {
		return nil
	}
	open := func() (emulator.Broker, error) { return s.settings.openBroker(ctx, s.log) }
	if s.settings.Kafka[0] == kafkaEmbedded {
		s.broker = openLate(open)
	} else {
		b, err := open()
		if err != nil {
			return err
		}
		s.broker = b
	}
	s.onStop("kafka", func(context.Context) error { return s.broker.Close() })
	return nil
}

// answer starts to answer requests. The channel has the error that ended it.
func (s *server) answer() <-chan error {
	base, cut := context.WithCancel(context.Background())
	if s.tls != nil {
		// One server speaks on both ports. Whichever is served first sets HTTP/2 up,
		// the plain one only if it is named here; and the other offers it all the same.
		s.tls.NextProtos = []string{"h2", "http/1.1"}
	}
	h := &http.Server{
		Handler:           s.emulator,
		TLSConfig:         s.tls,
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerLimit,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.onStop("answering", func(ctx context.Context) error {
		ctx, cancel := clock.Timeout(ctx, drainTimeout)
		defer cancel()
		defer cut()
		defer clock.Wake(streamGrace, cut)()
		if err := h.Shutdown(ctx); err != nil {
			return errors.Join(fmt.Errorf("requests did not end: %w", err), h.Close())
		}
		return nil
	})
	failed := make(chan error, 2)
	serve := func(at net.Listener, run func(net.Listener) error) {
		if err := run(at); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serve %s: %w", at.Addr(), err)
		}
	}
	go serve(s.listener, h.Serve)
	if s.secure != nil {
		go serve(s.secure, func(at net.Listener) error { return h.ServeTLS(at, "", "") })
	}
	return failed
}

// baseURL is where clients on this machine find the emulator.
func (s *server) baseURL() string { return "http://" + nearby(s.listener) }

// kafkaAddresses are the bootstrap addresses, comma separated; "" without
// Kafka.
func (s *server) kafkaAddresses() string {
	if s.broker == nil {
		return ""
	}
	return strings.Join(s.broker.Addresses(), ",")
}

// options makes the emulator's options of the settings, all but what is opened
// for it.
func (s *settings) options() (emulator.Options, error) {
	start, err := s.clockStart()
	if err != nil {
		return emulator.Options{}, err
	}
	egress, err := emulator.ParseEgress(s.Egress, s.EgressAllow)
	if err != nil {
		return emulator.Options{}, err
	}
	// delay tells a delay of nothing from one that was not given.
	delay := func(name string, d time.Duration) time.Duration {
		if d == 0 && s.from.given(name) {
			return -1
		}
		return d
	}
	o := emulator.Options{
		SpecName:       s.Spec,
		Seed:           s.Seed,
		Clock:          emulator.Clock{Mode: s.Clock, Start: start},
		Strict:         s.Strict,
		StrictEvidence: s.StrictEvidence,
		Topic:          s.KafkaTopic,
		GatewayStatus:  s.GatewayStatus,
		TokenTTL:       s.TokenTTL,
		Delays: emulator.Delays{
			Upload:   delay("upload-delay", s.UploadDelay),
			Audit:    delay("audit-delay", s.AuditDelay),
			Rollback: delay("rollback-delay", s.RollbackDelay),
		},
		AuditQuota:   s.AuditQuota,
		Manual:       s.Manual,
		Egress:       egress,
		PushPlain:    s.PushPlain,
		PushTimeout:  s.PushTimeout,
		PushAttempts: s.PushAttempts,
		AdminToken:   s.AdminToken,
		AdminOpen:    s.AdminOpen,
		Profiles:     s.Pprof,
		AllowOrigins: s.AllowOrigins,
		JournalSize:  s.JournalSize,
		BodyLimit:    s.BodyLimit,
		Version:      thisBuild().Version,
	}
	if s.Spec != "" {
		if o.Spec, err = os.ReadFile(s.Spec); err != nil {
			return o, fmt.Errorf("%s: %w", s.from.of("spec"), err)
		}
	}
	return o, nil
}

// hintPort says what to do when a port is taken.
func hintPort(err error, flag string) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; stop what listens there, or choose another port with %s (port 0 takes a free one)", err, flag)
	}
	return err
}

// ignoreClosed drops the error of closing what somebody closed before.
func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
