package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// shownFault is a fault as the control API shows it.
type shownFault struct {
	ID           int64  `json:"id"`
	On           string `json:"on"`
	Do           string `json:"do"`
	Operation    string `json:"operation"`
	Event        string `json:"event"`
	Transition   string `json:"transition"`
	AppID        int64  `json:"app_id"`
	Nth          int    `json:"nth"`
	Times        int    `json:"times"`
	Delay        string `json:"delay"`
	DelayMax     string `json:"delay_max"`
	Distribution string `json:"distribution"`
	Status       int    `json:"status"`
	Error        string `json:"error"`
	Applied      bool   `json:"applied"`
	Matched      int    `json:"matched"`
	Hits         int    `json:"hits"`
	Spent        bool   `json:"spent"`
}

func (a *app) faultCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fault",
		Short: "Script faults of a running emulator",
		Long: "Scripts what goes wrong with calls of a running emulator and with what it sends.\n" +
			"Without --url it talks to the address that serve would listen on with the same settings.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.faultAddCommand(), a.faultListCommand(), a.faultClearCommand())
	return cmd
}

// faultMembers are the members of a fault; each is a flag under its name.
func faultMembers() *pflag.FlagSet {
	fs := pflag.NewFlagSet("fault", pflag.ContinueOnError)
	fs.SortFlags = false
	fs.String("on", "", "`what` it interferes with: call, push, kafka or notify")
	fs.String("do", "", "`fault`: on calls latency, reset, truncate, malformed, status, refuse or rate_limit;\n"+
		"on push, kafka and notify drop, delay, duplicate or reorder; on push and notify also wrong_signature or timeout;\n"+
		"on push also stale_timestamp")
	fs.String("operation", "", "only calls of this `operationId`")
	fs.String("event", "", "only what is sent by this `name`")
	fs.String("transition", "", "only what this `step` of the lifecycle emits")
	fs.Int64("app-id", 0, "only of this `app`")
	fs.Int("nth", 1, "first match that it hits, a `number`")
	fs.Int("times", 1, "`number` of matches that it hits; -1 for all that follow")
	fs.String("delay", "", "`duration` of a latency or a delay; of a reorder at most, of a stale_timestamp how old")
	fs.String("delay-max", "", "longest `duration`, where it is drawn for each hit")
	fs.String("distribution", "", "`curve` by which it is drawn: uniform, normal or exponential")
	fs.Int("status", 0, "HTTP `status`, for status")
	fs.String("error", "", "`name` of an error of the contract, for refuse")
	fs.Bool("applied", false, "let the call take effect although its caller is told otherwise")
	return fs
}

func (a *app) faultAddCommand() *cobra.Command {
	var f controlFlags
	members := faultMembers()
	cmd := &cobra.Command{
		Use:   "add --on WHAT --do FAULT",
		Short: "Script a fault",
		Example: "  emu fault add --on call --do refuse --operation releasePackage --error NetworkBusy --applied\n" +
			"  emu fault add --on push --do duplicate --event PACKAGE_AUDIT_PASS --times -1\n" +
			"  emu fault add --on call --do latency --delay 200ms --delay-max 3s --distribution exponential",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := a.control(cmd, &f, http.MethodPost, "faults", nil, orderOf(members))
			if err != nil {
				return err
			}
			var fault shownFault
			if err := json.Unmarshal(answer, &fault); err != nil {
				return fmt.Errorf("the emulator's answer: %w", err)
			}
			return a.showFaults(&f, answer, fault)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().AddFlagSet(members)
	f.add(cmd)
	for name, values := range map[string][]string{
		"on":           {"call", "push", "kafka", "notify"},
		"distribution": {"uniform", "normal", "exponential"},
		"do": {
			"latency", "reset", "truncate", "malformed", "status", "refuse", "rate_limit",
			"drop", "delay", "duplicate", "reorder", "wrong_signature", "stale_timestamp", "timeout",
		},
	} {
		complete := cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
		if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
			cmd.RunE = func(*cobra.Command, []string) error { return err }
		}
	}
	return cmd
}

// orderOf makes an order of the flags that were given.
func orderOf(members *pflag.FlagSet) map[string]any {
	order := map[string]any{}
	members.VisitAll(func(f *pflag.Flag) {
		if !f.Changed {
			return
		}
		name := strings.ReplaceAll(f.Name, "-", "_")
		switch f.Value.Type() {
		case "int", "int64", "bool":
			order[name] = json.RawMessage(f.Value.String())
		default:
			order[name] = f.Value.String()
		}
	})
	return order
}

func (a *app) faultListCommand() *cobra.Command {
	var f controlFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the faults and what they have hit",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := a.control(cmd, &f, http.MethodGet, "faults", nil, nil)
			if err != nil {
				return err
			}
			var list struct {
				Faults []shownFault `json:"faults"`
			}
			if err := json.Unmarshal(answer, &list); err != nil {
				return fmt.Errorf("the emulator's answer: %w", err)
			}
			return a.showFaults(&f, answer, list.Faults...)
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) faultClearCommand() *cobra.Command {
	var f controlFlags
	var id int64
	cmd := &cobra.Command{
		Use:   "clear",
		Short: "Forget all faults, or one",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{}
			if cmd.Flags().Changed("id") {
				query.Set("id", strconv.FormatInt(id, 10))
			}
			answer, err := a.control(cmd, &f, http.MethodDelete, "faults", query, nil)
			if err != nil {
				return err
			}
			var out struct {
				Removed int `json:"removed"`
			}
			if err := json.Unmarshal(answer, &out); err != nil {
				return fmt.Errorf("the emulator's answer: %w", err)
			}
			if f.json {
				return json.NewEncoder(a.std.out).Encode(out)
			}
			_, err = fmt.Fprintf(a.std.out, "%s forgotten\n", counted(out.Removed, "fault"))
			return err
		},
	}
	cmd.Flags().Int64Var(&id, "id", 0, "`number` of the one to forget")
	f.add(cmd)
	return cmd
}

// counted is a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// showFaults prints faults: a table, or the answer that they came in.
func (a *app) showFaults(f *controlFlags, answer []byte, faults ...shownFault) error {
	if f.json {
		_, err := fmt.Fprintf(a.std.out, "%s\n", bytes.TrimSpace(answer))
		return err
	}
	if len(faults) == 0 {
		_, err := fmt.Fprintln(a.std.out, "no faults")
		return err
	}
	w := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tON\tDO\tONLY\tNTH\tTIMES\tMATCHED\tHITS\tSPENT")
	for i := range faults {
		fault := &faults[i]
		times := strconv.Itoa(fault.Times)
		if fault.Times < 0 {
			times = "all"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%d\t%s\t%d\t%d\t%s\n", fault.ID, fault.On, fault.does(), fault.only(),
			fault.Nth, times, fault.Matched, fault.Hits, map[bool]string{true: "yes", false: "no"}[fault.Spent])
	}
	return w.Flush()
}

// does is what the fault does, with all that belongs to it.
func (f *shownFault) does() string {
	words := []string{f.Do, f.Error}
	if f.Status != 0 {
		words = append(words, strconv.Itoa(f.Status))
	}
	length := f.Delay
	if f.DelayMax != "" {
		length = cmp.Or(f.Delay, "0s") + ".." + f.DelayMax
	}
	words = append(words, length, f.Distribution)
	if f.Applied {
		words = append(words, "applied")
	}
	return joined(words)
}

// only is what the fault is narrowed to.
func (f *shownFault) only() string {
	words := []string{f.Operation, f.Event, f.Transition}
	if f.AppID != 0 {
		words = append(words, "app "+strconv.FormatInt(f.AppID, 10))
	}
	return cmp.Or(joined(words), "-")
}

// joined joins the words that are there.
func joined(words []string) string {
	return strings.Join(slices.DeleteFunc(words, func(word string) bool { return word == "" }), " ")
}
