package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/swanemu/emu/internal/clock"
)

// checkTimeout bounds one check of doctor.
const checkTimeout = 8 * time.Second

// The statuses of a finding.
const (
	foundOK      = "ok"
	foundProblem = "problem"
	notChecked   = "not checked"
)

// A finding is what a check has found.
type finding struct {
	Check  string `json:"check"`
	Status string `json:"status"`
	// Detail is what was seen, or why it was not looked at.
	Detail string `json:"detail"`
	// Fix is what to do about a problem.
	Fix string `json:"fix,omitempty"`
}

func fine(format string, args ...any) finding {
	return finding{Status: foundOK, Detail: fmt.Sprintf(format, args...)}
}

func unseen(format string, args ...any) finding {
	return finding{Status: notChecked, Detail: fmt.Sprintf(format, args...)}
}

func wrong(fix, format string, args ...any) finding {
	return finding{Status: foundProblem, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

// A checkup is one check of doctor.
type checkup struct {
	name string
	// looks and problem are for its documentation: what it looks at, and what
	// it calls a problem.
	looks, problem string
	run            func(ctx context.Context, p *patient) finding
}

// checkups is the table of checks, in their order.
func checkups() []checkup {
	return []checkup{
		{"settings", "flags, `EMU_*` variables and the settings file", "one that is not known or has a wrong value; one that overrides another is named", checkSettings},
		{"port", "the address that `emu serve` listens on", "somebody else listens there; says who, where the system tells", checkPort},
		{"reached", "the emulator at `--url`", "nobody answers, or it is not an emulator, or it is not ready", checkReached},
		{"version", "the versions of this command and of the emulator", "they differ", checkVersion},
		{"clock", "the emulator's `Date` against this machine's clock", "more than 5 s between them", checkSkew},
		{"address", "containers, `host.docker.internal` and the address the emulator listens on", "a loopback address across the wall of a container, or a name that does not resolve", checkAddress},
		{"webhook", "`--webhook`, from where the emulator is", "it is not reached", checkWebhook},
		{"kafka", "the broker at `--kafka`, or the emulator's own, and where it sends its clients", "an address that it advertises is not reached from here", checkKafka},
		{"proxy", "`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` and their lower-case forms", "calls to the emulator would go to a proxy", checkProxies},
		{"ca", "the certificate of `serve --tls` or `--proxy`, and `SSL_CERT_FILE` or `--ca`", "it has ended, or is not trusted here", checkAuthority},
	}
}

// doctorFlags are the flags of doctor.
type doctorFlags struct {
	control                    controlFlags
	webhook, kafka, ca, format string
}

func (a *app) doctorCommand() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find what is wrong with a set-up",
		Long: "Looks at the settings, the network, the clocks and the certificates between here and an emulator,\n" +
			"and says what is wrong and what to do about it. It changes nothing.\n\n" +
			"Exits with 0 when nothing is wrong, 1 when something is, 2 when it is told what it does not\n" +
			"understand.",
		Example: "  emu doctor\n  emu doctor --url http://host.docker.internal:8080 --webhook http://app:9000/push",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.format != "text" && f.format != "json" {
				return usageError(fmt.Errorf("--format: want text or json, not %q", f.format))
			}
			return a.doctor(cmd, &f)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.webhook, "webhook", "", "`URL` that pushes are to reach")
	fs.StringVar(&f.kafka, "kafka", "", "`address` that Kafka clients are given (default the emulator's own)")
	fs.StringVar(&f.ca, "ca", "", "PEM `file` of the authorities that clients trust (default SSL_CERT_FILE, or the system's)")
	fs.StringVar(&f.format, "format", "text", "`form` of what is printed: text or json")
	f.control.addTarget(cmd)
	_ = fs.MarkHidden("sandbox") // what is looked at is the emulator's
	return cmd
}

// doctor makes all checks and prints what they found.
func (a *app) doctor(cmd *cobra.Command, f *doctorFlags) error {
	p, err := a.examine(cmd, f)
	if err != nil {
		return err
	}
	var all []finding
	problems := 0
	for _, c := range checkups() {
		ctx, cancel := clock.Timeout(cmd.Context(), checkTimeout)
		found := c.run(ctx, p)
		cancel()
		found.Check = c.name
		if found.Status == foundProblem {
			problems++
		}
		all = append(all, found)
	}
	if f.format == "json" {
		e := json.NewEncoder(a.std.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		err = e.Encode(struct {
			Problems int       `json:"problems"`
			Findings []finding `json:"findings"`
		}{problems, all})
	} else {
		_, err = a.std.out.Write([]byte(findingsText(all)))
	}
	if err == nil && problems > 0 {
		err = errors.New(counted(problems, "problem"))
	}
	return err
}

// findingsText is what was found for people.
func findingsText(all []finding) string {
	var b strings.Builder
	for _, f := range all {
		fmt.Fprintf(&b, "%-11s  %-8s  %s\n", f.Status, f.Check, indentRest(f.Detail))
		if f.Fix != "" {
			fmt.Fprintf(&b, "%23s→ %s\n", "", indentRest(f.Fix))
		}
	}
	return b.String()
}

// indentRest moves all lines but the first below it.
func indentRest(text string) string {
	return strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", 23))
}
