package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/internal/platform"
)

func (a *app) execCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "exec [flags] -- command [argument…]",
		Short: "Run a command whose calls to the platform an emulator answers",
		Long: "Runs a command with an emulator of its own: what it sends to " + strings.Join(platform.Hosts(), " or ") + "\n" +
			"is answered by the emulator, unmodified clients included. A proxy on this machine takes\n" +
			"these hosts over, with certificates of an authority that is made for this one run, may\n" +
			"sign for nothing else, and is trusted by nothing but the command: through the variables\n" +
			"that Go, curl, Python, Node, Java, PHP, Ruby, .NET and git heed. Everything else passes,\n" +
			"or is refused with --offline.\n\n" +
			"The command finds the emulator and who it can be in EMU_URL, EMU_APP_ID, EMU_APP_KEY,\n" +
			"EMU_AUTHORIZER_ACCESS_TOKEN and others; emu commands in it find the emulator too.\n\n" +
			"Exits with the command's own code, 126 or 127 when it cannot be started.",
		Example: "  emu exec -- go test ./...\n  emu exec --scenario first-release -- npm test\n  emu exec --offline -- mvn test",
		Args:    cobra.MinimumNArgs(1),
	}
	if err := addServeFlags(cmd); err != nil {
		cmd.RunE = func(*cobra.Command, []string) error { return err }
		return cmd
	}
	var offline bool
	cmd.Flags().BoolVar(&offline, "offline", false, "refuse what is sent anywhere but to the platform")
	cmd.Flags().SetInterspersed(false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := load(cmd.Flags(), a.env)
		if err != nil {
			return usageError(err)
		}
		if err := errors.Join(s.readScenario(), s.checkRecord()); err != nil {
			return usageError(err)
		}
		s.forExec()
		s.offline = offline
		return a.exec(cmd.Context(), &s, args)
	}
	return cmd
}

// forExec makes the settings those of an emulator that nobody else uses:
// unless somebody says otherwise it takes free ports and is quiet.
func (s *settings) forExec() {
	const free = "127.0.0.1:0"
	if !s.from.given("listen") {
		s.Listen = free
	}
	if !s.from.given("kafka-listen") {
		s.KafkaListen = free
	}
	if !s.from.given("tls-listen") {
		s.TLSListen = free
	}
	if s.Proxy == "" {
		s.Proxy = free
	}
	if !s.from.given("quiet") {
		s.Quiet = true
	}
}

// exec runs a command beside an emulator.
func (a *app) exec(ctx context.Context, settings *settings, args []string) (err error) {
	path, err := exec.LookPath(args[0])
	if err != nil {
		return &exitError{code: notStarted(err), err: err}
	}
	s := &server{app: a, settings: settings, log: settings.logger(a.std.err, a.env)}
	defer func() {
		// The command's code counts more than how the emulator ended.
		if stopErr := s.stop(ctx); stopErr != nil {
			s.log.Warn("the emulator did not stop as it should", "err", stopErr)
		}
	}()
	if err := s.open(ctx); err != nil {
		return err
	}
	s.answer()
	environ, err := s.redirected()
	if err != nil {
		return err
	}
	return a.child(&exec.Cmd{
		Path: path, Args: args, Env: environ, Stdin: a.std.in, Stdout: a.std.out, Stderr: a.std.err,
	})
}

// redirected returns the environment of a command that uses the proxy.
func (s *server) redirected() ([]string, error) {
	dir, err := os.MkdirTemp("", "emu-exec-")
	if err != nil {
		return nil, err
	}
	s.onStop("the certificates", func(context.Context) error { return os.RemoveAll(dir) })
	trust, err := s.proxy.Trust(dir, s.app.env)
	if err != nil {
		return nil, err
	}
	c, err := s.emulator.Credentials()
	if err != nil {
		return nil, err
	}
	return replaced(s.app.env, append(trust, exports(s.baseURL(), s.kafkaAddresses(), c)...)), nil
}

// exports are the variables that tell a program where the emulator is and who
// it can be.
func exports(base, brokers string, c emulator.Credentials) []string {
	values := map[string]string{
		"URL": base, "SANDBOX": c.Sandbox, "APP_ID": strconv.FormatInt(c.App.AppID, 10), "APP_KEY": c.App.AppKey,
		"APP_SECRET": c.App.AppSecret, "TP_ID": strconv.FormatInt(c.TP.TPID, 10), "TP_CLIENT_ID": c.TP.ClientID,
		"TP_TICKET": c.TP.Ticket, "TP_ACCESS_TOKEN": c.TP.AccessToken, "TP_ENCODING_AES_KEY": c.TP.EncodingAESKey,
		"TP_TOKEN": c.TP.Token, "AUTHORIZER_ACCESS_TOKEN": c.Authorizer.AccessToken,
		"AUTHORIZER_REFRESH_TOKEN": c.Authorizer.RefreshToken, "HOST_AK": c.Host.AK, "HOST_SK": c.Host.SK,
		"BROKERS": brokers, "TOPIC": c.Topic,
	}
	var out []string
	for _, name := range exported() {
		if value, ok := values[name]; ok {
			out = append(out, "EMU_"+name+"="+value)
		}
	}
	return out
}

// exported are the variables, without EMU_, that a command of exec is given and
// that env sets; they are no settings.
func exported() []string {
	return []string{
		"URL", "SANDBOX", "APP_ID", "APP_KEY", "APP_SECRET", "TP_ID", "TP_CLIENT_ID", "TP_TICKET", "TP_ACCESS_TOKEN",
		"TP_ENCODING_AES_KEY", "TP_TOKEN", "AUTHORIZER_ACCESS_TOKEN", "AUTHORIZER_REFRESH_TOKEN", "HOST_AK", "HOST_SK",
		"BROKERS", "TOPIC", "REDIRECT", "RESTORE",
	}
}

// replaced is an environment with some variables set; what was set before is
// left out, settings of the emulator included, which are not the command's.
func replaced(environ, set []string) []string {
	names := map[string]bool{}
	for _, entry := range set {
		name, _, _ := strings.Cut(entry, "=")
		names[name] = true
	}
	out := make([]string, 0, len(environ)+len(set))
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !names[name] && !strings.HasPrefix(name, "EMU_") {
			out = append(out, entry)
		}
	}
	return append(out, set...)
}

// notStarted is the exit code of a command that cannot be started, as shells
// have it.
func notStarted(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return 127
	}
	return 126
}

// child runs a command to its end and hands signals on to it. Those of a
// terminal reach it without help.
func (a *app) child(cmd *exec.Cmd) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return &exitError{code: notStarted(err), err: fmt.Errorf("start %s: %w", cmd.Args[0], err)}
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			if sig != os.Interrupt || !a.onTerminal() {
				_ = cmd.Process.Signal(sig) // it may be gone already
			}
		case err := <-ended:
			return childEnded(cmd, err)
		}
	}
}

// onTerminal reports whether standard input is a terminal.
func (a *app) onTerminal() bool {
	f, ok := a.std.in.(*os.File)
	return ok && terminal(f)
}

// childEnded gives the command's end its exit code.
func childEnded(cmd *exec.Cmd, err error) error {
	var ended *exec.ExitError
	if !errors.As(err, &ended) {
		return err
	}
	code := ended.ExitCode()
	if status, ok := ended.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		code = 128 + int(status.Signal())
	}
	return &exitError{code: code, err: fmt.Errorf("%s: %w", cmd.Args[0], err)}
}
