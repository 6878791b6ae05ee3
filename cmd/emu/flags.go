package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/swanemu/emu/scenarios"
)

// group is the flags of serve that stand under one title in its help.
type group struct {
	title string
	flags *pflag.FlagSet
}

// serveGroups are the settings of serve: each is a flag, a variable and a key
// of the file under one name. Reading this function tells all there are;
// settings holds their values.
func serveGroups() []group {
	var groups []group
	begin := func(title string) *pflag.FlagSet {
		fs := pflag.NewFlagSet(title, pflag.ContinueOnError)
		groups = append(groups, group{title, fs})
		return fs
	}

	fs := begin("General")
	fs.String("listen", "127.0.0.1:8080", "`address` to serve on; port 0 takes a free one")
	fs.String("proxy", "", "`address` of a proxy for clients that cannot be changed, see emu env; port 0 takes a free one (default no proxy)")
	fs.Bool("tls", false, "speak HTTPS too, with a certificate for the platform's hosts that is made for the run")
	fs.String("tls-listen", "127.0.0.1:8443", "`address` of HTTPS; implies --tls")
	fs.StringSlice("tls-hosts", nil, "`names` or IP addresses that the certificate is for besides; wants --tls")
	fs.String("tls-cert", "", "PEM `file` of a certificate of your own; implies --tls")
	fs.String("tls-key", "", "PEM `file` of its key")
	fs.String("tls-ca", "", "`file` to write the authority's certificate to, for clients to trust (default one that goes with the run); implies --tls")
	fs.String("config", "", "settings `file` (default emu.yaml, if there is one)")
	fs.String("spec", "", "OpenAPI `file` to serve (default the platform's own)")
	fs.String("data", "", "`directory` that keeps the state (default memory only)")
	fs.Uint64("seed", 1, "`number` that decides everything that looks random")
	fs.Bool("strict", false, "answer HTTP 500 where an answer breaks the contract")
	fs.Bool("strict-evidence", false, "answer HTTP 501 where the answer would rest on what is only assumed")
	fs.Int("journal-size", 20_000, "`number` of entries that a sandbox's journal keeps")
	fs.Int64("body-limit", 4<<20, "largest request body, in `bytes`")

	fs = begin("Time and decisions")
	fs.String("clock", "real", "`mode` of the clock: real, virtual, or x60 for sixty times real")
	fs.String("clock-start", "", "first `time` of the clock, RFC 3339 (default now; if virtual, 2026-01-05T09:00:00+08:00)")
	fs.Duration("upload-delay", 0, "time an upload takes (default the contract's; 0 is at once)")
	fs.Duration("audit-delay", 0, "time an audit takes (default the contract's; 0 is at once)")
	fs.Duration("rollback-delay", 0, "time a rollback takes (default the contract's; 0 is at once)")
	fs.Int("audit-quota", 20, "`number` of audits an app may ask for in a week")
	fs.Bool("manual", false, "decide nothing until told")
	fs.String("scenario", "", "`scenario` to prepare, a file or the name of a ready one; its steps are left to you")
	fs.String("scenarios", "", "`directory` of scenarios that can be named like the ready ones (default "+scenarios.DefaultDir+", if there is one)")
	fs.Bool("watch", false, "read the files of --spec, --scenario and --scenarios again when they change")
	fs.String("record", "", "`file` for a scenario of what happened in the default sandbox, written when it stops")
	fs.Duration("token-ttl", 30*24*time.Hour, "life of a client-credentials token")
	fs.Int("gateway-status", 200, "HTTP `status` of gateway errors")

	fs = begin("Kafka")
	fs.StringSlice("kafka", []string{"embedded"}, "`brokers` as host:port,..., or embedded, or none")
	fs.String("kafka-topic", "smartapp.change", "`topic` of the default sandbox's notices")
	fs.String("kafka-listen", "127.0.0.1:0", "`address` of the embedded broker")
	fs.String("kafka-advertise", "", "`address` that the embedded broker tells clients (default its own)")
	fs.Duration("kafka-wait", 15*time.Second, "time that brokers outside have to come up")
	fs.Bool("kafka-tls", false, "speak TLS to the brokers")
	fs.String("kafka-ca", "", "PEM `file` of the authorities to trust; implies --kafka-tls")
	fs.String("kafka-cert", "", "PEM `file` of the client certificate; implies --kafka-tls")
	fs.String("kafka-key", "", "PEM `file` of the client certificate's key")
	fs.String("kafka-sasl", "", "SASL `mechanism`: plain, scram-sha-256 or scram-sha-512")
	fs.String("kafka-user", "", "SASL `user`")
	fs.String("kafka-password", "", "SASL `password`; better in EMU_KAFKA_PASSWORD or a file")
	fs.String("kafka-password-file", "", "`file` that holds the SASL password")

	fs = begin("Pushes")
	fs.String("egress", "any", "`range` of addresses that pushes may go to: any, public or loopback")
	fs.StringSlice("egress-allow", nil, "`networks` in CIDR notation that pushes may go to besides")
	fs.Bool("push-plain", false, "send pushes unencrypted")
	fs.Duration("push-timeout", 5*time.Second, "time one attempt may take")
	fs.Int("push-attempts", 16, "`number` of attempts before a push is given up")

	fs = begin("Control API")
	fs.String("admin-token", "", "`token` that control calls need; better in EMU_ADMIN_TOKEN or a file")
	fs.String("admin-token-file", "", "`file` that holds the control token")
	fs.Bool("admin-open", false, "let callers from other machines in without a token")
	fs.Bool("pprof", false, "let the control API take profiles of the process")
	fs.StringSlice("allow-origin", nil, "`origins` of pages that may call what swan.js calls, or *")

	fs = begin("Output")
	fs.String("log-format", "auto", "`format` of the log: auto, text or json")
	fs.String("log-level", "info", "`level` of the log: debug, info, warn or error")
	fs.Bool("quiet", false, "print no start-up text, and log from warnings on")
	return groups
}

// serveFlags is serveGroups in one set.
func serveFlags() *pflag.FlagSet {
	all := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	for _, g := range serveGroups() {
		all.AddFlagSet(g.flags)
	}
	return all
}

// choices are the values of the settings that take one of a few.
func choices() map[string][]string {
	return map[string][]string{
		"egress":     {"any", "public", "loopback"},
		"kafka-sasl": {"plain", "scram-sha-256", "scram-sha-512"},
		"log-format": {"auto", "text", "json"},
		"log-level":  {"debug", "info", "warn", "error"},
	}
}

// addServeFlags gives cmd the flags of serve, help in groups, and completion.
func addServeFlags(cmd *cobra.Command) error {
	groups := serveGroups()
	for _, g := range groups {
		cmd.Flags().AddFlagSet(g.flags)
	}
	cmd.Flags().SortFlags = false
	cmd.SetUsageFunc(func(c *cobra.Command) error {
		w := c.OutOrStderr()
		fmt.Fprintf(w, "Usage:\n  %s\n", c.UseLine())
		for _, g := range groups {
			g.flags.SortFlags = false
			fmt.Fprintf(w, "\n%s:\n%s", g.title, g.flags.FlagUsages())
		}
		return nil
	})
	for name, values := range choices() {
		if err := cmd.RegisterFlagCompletionFunc(name,
			cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			return err
		}
	}
	return cmd.RegisterFlagCompletionFunc("clock",
		cobra.FixedCompletions([]string{"real", "virtual", "x60"}, cobra.ShellCompDirectiveNoFileComp))
}
