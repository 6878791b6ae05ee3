package main

import (
	"encoding/json"
	"fmt"
	"io"
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
	cmd.AddCommand(a.contractRunCommand(), a.contractMutateCommand(), a.contractReplayCommand(), a.contractCoverCommand(), a.contractDiffCommand(), a.contractListCommand())
	return cmd
}

func (a *app) contractListCommand() *cobra.Command {
	inJSON := false
	cmd := &cobra.Command{
		Use: "list", Short: "List the checks", Args: cobra.NoArgs,
		Long: "Lists the checks: what each is called, the mildest mode that allows it, what it cannot be run\n" +
			"without, and what holds when it passes.",
		RunE: func(*cobra.Command, []string) error { return a.listChecks(inJSON) },
	}
	cmd.Flags().BoolVar(&inJSON, "json", false, "list them in JSON")
	return cmd
}

// listChecks prints what there is to check.
func (a *app) listChecks(inJSON bool) error {
	type check struct {
		ID      string              `json:"check"`
		Mode    contracttest.Mode   `json:"mode"`
		Needs   []contracttest.Need `json:"needs"`
		Explain string              `json:"explanation"`
	}
	var list []check
	for _, c := range contracttest.Checks() {
		list = append(list, check{c.ID, c.Changes, append([]contracttest.Need{}, c.Needs...), c.Explain})
	}
	if inJSON {
		return writeJSON(a.std.out, list)
	}
	w := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "check\tmode\tneeds\texplanation\n")
	for _, c := range list {
		needs := make([]string, len(c.Needs))
		for i, n := range c.Needs {
			needs[i] = string(n)
		}
		if len(needs) == 0 {
			needs = []string{"-"}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.ID, c.Mode, strings.Join(needs, ", "), c.Explain)
	}
	return w.Flush()
}

// writeJSON writes a value for machines that people look at too.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
