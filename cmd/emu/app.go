package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The exit codes of the command.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// app is one run of the command.
type app struct {
	env []string
	std stdio
	// root is the file system that is looked at for signs of a container; "" is
	// the machine's.
	root string
	// began is set once flags and arguments were understood: an error from
	// before is the caller's.
	began bool
}

// exitError is an error that asks for an exit code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usageError marks err as something the caller has to put right.
func usageError(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{code: exitUsage, err: err}
}

// execute runs the command that args name and returns the exit code.
func (a *app) execute(ctx context.Context, args []string) int {
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(a.std.in)
	root.SetOut(a.std.out)
	root.SetErr(a.std.err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	code := exitFailure
	var asked *exitError
	switch {
	case errors.As(err, &asked):
		code = asked.code
	case !a.began:
		code = exitUsage
	}
	complain(a.std.err, err)
	if !a.began {
		fmt.Fprintf(a.std.err, "See '%s --help'.\n", cmd.CommandPath())
	}
	return code
}

// complain writes an error, each line of which is a complaint of its own.
func complain(w io.Writer, err error) {
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "":
		case line[0] == '\t': // cobra's list of similar commands
			fmt.Fprintln(w, line)
		default:
			fmt.Fprintln(w, "emu: "+line)
		}
	}
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "emu",
		Short: "An emulator of the Baidu Smart Mini Program open platform",
		Long: "emu emulates the Baidu Smart Mini Program open platform (百度智能小程序开放平台):\n" +
			"its HTTP calls, its encrypted pushes and its Kafka notices, on your machine.",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRun: func(*cobra.Command, []string) {
			a.began = true
		},
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(a.serveCommand(), a.runCommand(), a.contractCommand(), a.proxyCommand(), a.scenarioCommand(), a.recordCommand(), a.faultCommand(), a.execCommand(), a.envCommand(), a.doctorCommand(), a.healthcheckCommand(), a.versionCommand())
	return root
}

// flagError adds the nearest known flag to the complaint about an unknown one.
func flagError(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		var known []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
		err = fmt.Errorf("unknown flag --%s%s", unknown.GetSpecifiedName(),
			didYouMean("--", unknown.GetSpecifiedName(), known))
	}
	return usageError(err)
}
