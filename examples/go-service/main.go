// Command go-service is what a team builds on the platform: it uploads versions
// of a mini program, submits them to the audit when they are ready, and
// releases what has passed. It knows nothing of emu; its tests do.
//
// Read on in platform.go (what it asks the platform), push.go (what the platform
// tells it over HTTP), notices.go (over Kafka), and then in service_test.go.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "go-service:", err)
		os.Exit(1)
	}
}

// run serves and consumes until a signal ends it or one of them fails: what was
// not handled by then comes again after the next start.
func run(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	tp, err := strconv.ParseInt(os.Getenv("TP_ID"), 10, 64)
	if err != nil {
		return fmt.Errorf("TP_ID: want the number of the third-party platform: %w", err)
	}
	s := &Service{
		Platform:    cmp.Or(os.Getenv("PLATFORM"), "https://openapi.baidu.com"),
		Client:      &http.Client{Timeout: 10 * time.Second},
		AccessToken: os.Getenv("ACCESS_TOKEN"),
		TPID:        tp,
		AESKey:      os.Getenv("AES_KEY"),
		Token:       os.Getenv("TOKEN"),
		Report:      func(text string) { fmt.Println(text) },
	}
	server := &http.Server{
		Addr: cmp.Or(os.Getenv("LISTEN"), ":8090"), Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	consumed := make(chan error, 1)
	go func() {
		consumed <- s.Consume(ctx, strings.Split(os.Getenv("BROKERS"), ","), os.Getenv("TOPIC"))
		_ = server.Close() // which ends ListenAndServe
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-consumed
}
