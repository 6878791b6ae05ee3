// Command go-service is what a team builds on the platform: it uploads versions
// of a mini program, submits them to the audit when they are ready, and
// releases what has passed.
//
// Read on in platform.go (what it asks the platform), push.go (what the platform
// tells it over HTTP), notices.go (over Kafka), and then in service_test.go,
// which runs it beside an emulator. With the argument health it asks itself
// whether it is up, for containers that have nothing else to ask with.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	do := run
	if len(os.Args) > 1 && os.Args[1] == "health" {
		do = health
	}
	if err := do(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "go-service:", err)
		os.Exit(1)
	}
}

// run serves and consumes until a signal ends it or one of them fails: what was
// not handled by then comes again after the next start.
func run(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := service(ctx)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address())
	if err != nil {
		return fmt.Errorf("LISTEN: %w", err)
	}
	s.Report("listening at " + listener.Addr().String())
	server := &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	consumed := make(chan error, 1)
	go func() {
		consumed <- s.Consume(ctx, brokers(), os.Getenv("TOPIC"))
		_ = server.Close() // which ends Serve
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-consumed
}
