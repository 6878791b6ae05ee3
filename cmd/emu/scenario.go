package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/swanemu/emu/scenarios"
)

func (a *app) scenarioCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "scenario",
		Short: "List, show, check and begin scenarios",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List the ready scenarios", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return a.listScenarios(dir) },
		},
		&cobra.Command{
			Use: "show NAME", Short: "Print a ready scenario", Args: cobra.ExactArgs(1),
			ValidArgsFunction: a.completeScenario(&dir),
			RunE: func(_ *cobra.Command, args []string) error {
				named, err := a.named(dir)
				if err != nil {
					return usageError(err)
				}
				data, err := named.Source(args[0])
				if err != nil {
					return usageError(err)
				}
				_, err = a.std.out.Write(data)
				return err
			},
		},
		&cobra.Command{
			Use: "validate FILE...", Short: "Tell everything that is wrong with files", Args: cobra.MinimumNArgs(1),
			RunE: func(_ *cobra.Command, args []string) error { return a.validateScenarios(args) },
		},
		&cobra.Command{
			Use: "schema", Short: "Print the JSON Schema of the format, for editors", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				_, err := a.std.out.Write(scenarios.Schema())
				return err
			},
		},
		&cobra.Command{
			Use: "new FILE", Short: "Write a scenario to begin with", Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error { return a.newScenario(args[0]) },
		},
	)
	scenariosFlag(cmd.PersistentFlags(), &dir)
	return cmd
}

// scenariosFlag is the flag of commands that find scenarios by their names.
func scenariosFlag(fs *pflag.FlagSet, dir *string) {
	f := serveFlags().Lookup("scenarios")
	fs.StringVar(dir, f.Name, "", f.Usage)
}

// named is what can be named: the flag's or else the variable's directory, and
// the library.
func (a *app) named(dir string) (*scenarios.Collection, error) {
	at := "--scenarios"
	if dir == "" {
		at = variable("scenarios")
		dir = a.variable(at)
	}
	c, err := scenarios.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	return c, nil
}

// variable is the value of an environment variable, or "".
func (a *app) variable(name string) string {
	for _, entry := range a.env {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// completeScenario completes names of scenarios, and files.
func (a *app) completeScenario(dir *string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		c, err := a.named(*dir)
		if err != nil {
			return scenarios.Names(), cobra.ShellCompDirectiveDefault
		}
		return c.Names(), cobra.ShellCompDirectiveDefault
	}
}

// listScenarios lists what can be named. What is wrong with some is told after
// the others.
func (a *app) listScenarios(dir string) error {
	named, err := a.named(dir)
	if err != nil {
		return usageError(err)
	}
	w := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
	for _, name := range named.Names() {
		if s, err := named.Ready(name); err == nil {
			fmt.Fprintf(w, "%s\t%s\n", name, s.Summary)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return usageError(named.Check())
}

func (a *app) validateScenarios(args []string) error {
	var errs []error
	for _, path := range args {
		s, err := scenarios.Load(path)
		if err == nil {
			fmt.Fprintf(a.std.out, "%s: %s is well formed, %d steps\n", path, s.Name, len(s.Steps))
		}
		errs = append(errs, err)
	}
	return usageError(errors.Join(errs...))
}

// newScenario writes a small scenario that passes, to change.
func (a *app) newScenario(path string) error {
	if filepath.Ext(path) == "" {
		path += ".yaml"
	}
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	text := scenarios.Template(name)
	if _, err := scenarios.Parse(path, text); err != nil {
		return usageError(err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // a text to share
	if err != nil {
		return usageError(err)
	}
	_, written := file.Write(text)
	if err := errors.Join(written, file.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.std.out, "%s: play it with: emu run %s\n", path, path)
	return err
}
