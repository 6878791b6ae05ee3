package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/swanemu/emu/internal/clock"
)

const (
	// healthURL is the variable behind --url.
	healthURL = "EMU_URL"
	// healthPause is the time between two questions of --wait.
	healthPause = 50 * time.Millisecond
	// healthAnswer is how much of an answer is shown.
	healthAnswer = 4 << 10
)

func (a *app) healthcheckCommand() *cobra.Command {
	var base string
	var timeout, wait time.Duration
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask a running emulator whether it is ready",
		Long: "Asks a running emulator whether it is ready, and exits with 0 if it is, with 1 if not.\n" +
			"Without --url it asks the address that serve would listen on with the same settings.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			target, err := a.healthTarget(cmd, base)
			if err != nil {
				return usageError(err)
			}
			if wait > 0 {
				err = askUntil(cmd.Context(), target, timeout, wait)
			} else {
				err = ask(cmd.Context(), target, timeout)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.std.out, "ready")
			return err
		},
	}
	cmd.Flags().StringVar(&base, "url", "", "base `URL` of the emulator, also in "+healthURL)
	cmd.Flags().DurationVar(&timeout, "timeout", 2*time.Second, "time that one question may take")
	cmd.Flags().DurationVar(&wait, "wait", 0, "time to keep asking until it is ready")
	serve := serveFlags()
	cmd.Flags().AddFlag(serve.Lookup("listen"))
	cmd.Flags().AddFlag(serve.Lookup("config"))
	return cmd
}

// healthTarget is the URL to ask.
func (a *app) healthTarget(cmd *cobra.Command, base string) (string, error) {
	u, _, err := a.emulatorURL(cmd, base)
	if err != nil {
		return "", err
	}
	return u.JoinPath("_emu", "ready").String(), nil
}

// emulatorURL is the base URL of a running emulator: the one given, or that of
// the address that serve would listen on. own says that it is the latter.
func (a *app) emulatorURL(cmd *cobra.Command, base string) (u *url.URL, own bool, err error) {
	if !cmd.Flags().Changed("url") && !cmd.Flags().Changed("listen") {
		if i := slices.IndexFunc(a.env, func(e string) bool { return strings.HasPrefix(e, healthURL+"=") }); i >= 0 {
			base = strings.TrimPrefix(a.env[i], healthURL+"=")
		}
	}
	if own = base == ""; own {
		s, err := load(cmd.Flags(), a.env)
		if err != nil {
			return nil, own, err
		}
		host, port, err := net.SplitHostPort(s.Listen)
		if err != nil {
			return nil, own, err
		}
		if port == "0" || port == "" {
			return nil, own, fmt.Errorf("%s: %s is a free port at each start; say --url", s.from.of("listen"), s.Listen)
		}
		base = "http://" + net.JoinHostPort(reachable(host), port)
	}
	u, err = url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, own, errors.New("--url: want a URL such as http://127.0.0.1:8080")
	}
	return u, own, nil
}

// reachable is the host under which a listener is found from this machine.
func reachable(host string) string {
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}

// askUntil asks again and again until the emulator is ready.
func askUntil(ctx context.Context, target string, timeout, wait time.Duration) error {
	ctx, cancel := clock.Timeout(ctx, wait)
	defer cancel()
	for {
		err := ask(ctx, target, timeout)
		if err == nil {
			return nil
		}
		if clock.Wait(ctx, healthPause) != nil {
			return fmt.Errorf("waited %s: %w", wait, err)
		}
	}
}

// ask asks once. Any status but 200 is an error that holds the answer.
func ask(ctx context.Context, target string, timeout time.Duration) error {
	ctx, cancel := clock.Timeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	// Never through a proxy: what is asked is this machine's own, or named.
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(req)
	if err != nil {
		return fmt.Errorf("ask %s: %w", target, err)
	}
	defer answer.Body.Close() //nolint:errcheck // the answer is read; nothing is lost with the connection
	text, err := io.ReadAll(io.LimitReader(answer.Body, healthAnswer))
	if answer.StatusCode == http.StatusOK {
		return err
	}
	said := strings.Join(strings.Fields(string(text)), " ")
	return fmt.Errorf("ask %s: %s: %s", target, answer.Status, cmp.Or(said, "no reason given"))
}
