package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// untilSignalled runs f with a context that the first SIGINT or SIGTERM ends.
// A second signal does not wait for f: the error then asks for the exit code
// 128 plus the signal's number.
func untilSignalled(ctx context.Context, f func(ctx context.Context) error) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	for stopping := false; ; stopping = true {
		select {
		case err := <-ended:
			return err
		case sig := <-signals:
			if stopping {
				return cutShort(sig)
			}
			cancel()
		}
	}
}

// cutShort is the error of a stop that a signal cut short.
func cutShort(sig os.Signal) error {
	code := exitFailure
	if number, ok := sig.(syscall.Signal); ok {
		code = 128 + int(number)
	}
	return &exitError{code: code, err: fmt.Errorf("stopped at once: %s", sig)}
}
