package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/swanemu/emu/contracttest"
)

func (a *app) contractCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "contract",
		Short: "Hold a server against the platform's contract",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.contractRunCommand(), a.contractMutateCommand(), &cobra.Command{
		Use: "list", Short: "List the checks", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.listChecks() },
	})
	return cmd
}

// listChecks prints what there is to check.
func (a *app) listChecks() error {
	w := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
	for _, c := range contracttest.Checks() {
		needs := make([]string, len(c.Needs))
		for i, n := range c.Needs {
			needs[i] = string(n)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", c.ID, c.Changes, c.Explain+orNothingNeeded(needs))
	}
	return w.Flush()
}

func orNothingNeeded(needs []string) string {
	if len(needs) == 0 {
		return ""
	}
	return " Needs: " + strings.Join(needs, ", ") + "."
}
