package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/internal/platform"
	"github.com/swanemu/emu/internal/redirect"
	"github.com/swanemu/emu/scenarios"
)

// envFlags are the flags of env.
type envFlags struct {
	control                         controlFlags
	scenario, scenarios, dir, shell string
	noProxy, unset                  bool
}

func (a *app) envCommand() *cobra.Command {
	var f envFlags
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Point a shell at a running emulator",
		Long: "Prints the variables by which what runs in a shell finds a running emulator, its proxy and its\n" +
			"credentials: what is then sent to " + strings.Join(platform.Hosts(), " or ") + " is answered by the\n" +
			"emulator, unmodified clients included, as under emu exec. The emulator is started with a proxy:\n" +
			"emu serve --proxy 127.0.0.1:0. Certificates to trust are written to a directory of your own.\n\n" +
			"--unset prints what puts the shell back to how it was.",
		Example: "  eval \"$(emu env)\"\n  emu env --format fish | source\n" +
			"  emu env --format powershell | Out-String | Invoke-Expression\n  eval \"$(emu env --unset)\"",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.printEnv(cmd, &f) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.shell, "format", "sh", "`form` of what is printed: "+strings.Join(envFormats(), ", "))
	fs.BoolVar(&f.unset, "unset", false, "take it back")
	fs.StringVar(&f.scenario, "scenario", "", "`scenario` to prepare in a new sandbox, a file or a name; its credentials are printed")
	scenariosFlag(fs, &f.scenarios)
	fs.BoolVar(&f.noProxy, "no-proxy", false, "print the address and the credentials only")
	fs.StringVar(&f.dir, "dir", "", "`directory` for the certificates (default in the user's cache)")
	f.control.addTarget(cmd)
	return cmd
}

// printEnv prints what points a shell at an emulator, or takes it back.
func (a *app) printEnv(cmd *cobra.Command, f *envFlags) error {
	format, err := envFormat(f.shell)
	if err != nil {
		return usageError(err)
	}
	if f.unset && format.drop == nil {
		return usageError(fmt.Errorf("--unset: means nothing in the form %s; want sh, fish or powershell", f.shell))
	}
	before, err := a.envBefore()
	if err != nil {
		return err
	}
	if f.unset {
		if len(before) == 0 {
			_, err := fmt.Fprintln(a.std.err, "nothing to take back: no emu env was evaluated in this shell")
			return err
		}
		_, err := a.std.out.Write([]byte(format.back(before) + format.drop(restoreVariable) + "\n"))
		return err
	}
	base := slices.Clone(a.env)
	for name, value := range before {
		base = slices.DeleteFunc(base, func(e string) bool { return strings.HasPrefix(e, name+"=") })
		if value != nil {
			base = append(base, name+"="+string(value))
		}
	}
	set, err := a.surroundings(cmd, f, base)
	if err != nil {
		return err
	}
	text, notes, err := format.print(set, base, before)
	if err != nil {
		return err
	}
	for _, note := range notes {
		fmt.Fprintln(a.std.err, note)
	}
	_, err = a.std.out.Write([]byte(text))
	return err
}

// surroundings asks the emulator and returns the variables, NAME=value.
func (a *app) surroundings(cmd *cobra.Command, f *envFlags, base []string) ([]string, error) {
	at, _, err := a.emulatorURL(cmd, f.control.url)
	if err != nil {
		return nil, usageError(err)
	}
	var setup emulator.Setup
	if err := a.askFor(cmd, f, http.MethodGet, "setup", nil, &setup); err != nil {
		return nil, err
	}
	var out []string
	switch {
	case f.noProxy:
	case setup.Proxy == nil:
		return nil, fmt.Errorf("the emulator at %s has no proxy: start it with emu serve --proxy 127.0.0.1:0,"+
			" or say --no-proxy for its address and credentials alone", at.Redacted())
	default:
		if out, err = trustIn(f.dir, setup.Proxy, at, base); err != nil {
			return nil, err
		}
	}
	var ready struct {
		Kafka struct {
			Addresses []string `json:"addresses"`
		} `json:"kafka"`
	}
	if err := a.askFor(cmd, f, http.MethodGet, "ready", nil, &ready); err != nil {
		return nil, err
	}
	c, err := a.envCredentials(cmd, f, at)
	if err != nil {
		return nil, err
	}
	return append(out, exports(strings.TrimSuffix(at.String(), "/"), strings.Join(ready.Kafka.Addresses, ","), c)...), nil
}

// askFor gives an order to the emulator and reads the answer.
func (a *app) askFor(cmd *cobra.Command, f *envFlags, method, path string, order, answer any) error {
	data, err := a.controlAt(cmd, &f.control, method, path, nil, order)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("the answer of /_emu/%s: %w", path, err)
	}
	return nil
}

// envCredentials are fresh ones of the sandbox, or those of a new sandbox with a
// scenario.
func (a *app) envCredentials(cmd *cobra.Command, f *envFlags, at *url.URL) (c emulator.Credentials, err error) {
	if f.scenario == "" {
		err = a.askFor(cmd, f, http.MethodPost, "sandboxes/"+url.PathEscape(f.control.sandbox)+"/credentials", nil, &c)
		return c, err
	}
	named, err := a.named(f.scenarios)
	if err != nil {
		return c, usageError(err)
	}
	story, err := findScenario(named, f.scenario)
	if err != nil {
		return c, usageError(err)
	}
	order := map[string]any{}
	if cmd.Flags().Changed("sandbox") {
		order["name"] = f.control.sandbox
	}
	if story.Seed != 0 {
		order["seed"] = story.Seed
	}
	if k := story.Clock; k != nil {
		setting := map[string]string{}
		if k.Mode != "" {
			setting["mode"] = k.Mode
		}
		if !k.Start.IsZero() {
			setting["start"] = k.Start.Format(time.RFC3339Nano)
		}
		order["clock"] = setting
	}
	if err := a.askFor(cmd, f, http.MethodPost, "sandboxes", order, &c); err != nil {
		return c, err
	}
	_, own, err := a.emulatorURL(cmd, f.control.url)
	if err != nil {
		return c, usageError(err)
	}
	token, err := a.controlToken(cmd, own)
	if err != nil {
		return c, usageError(err)
	}
	target := scenarios.Target{URL: at.String(), AdminToken: token, Client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	if err := scenarios.Prepare(cmd.Context(), target, c.Sandbox, story); err != nil {
		return c, err
	}
	// What was prepared may have changed who is there.
	f.control.sandbox = c.Sandbox
	err = a.askFor(cmd, f, http.MethodPost, "sandboxes/"+url.PathEscape(c.Sandbox)+"/credentials", nil, &c)
	return c, err
}

// trustIn writes the certificates to trust into a directory and returns the
// variables that lead to the proxy.
func trustIn(dir string, proxy *emulator.SetupProxy, at *url.URL, base []string) ([]string, error) {
	u, err := url.Parse(proxy.URL)
	if err != nil {
		return nil, fmt.Errorf("the address of the proxy: %w", err)
	}
	access := redirect.Access{
		Proxy: seenFrom(u.Host, at), Direct: seenFrom(proxy.Direct, at), Hosts: proxy.Hosts, Certificate: []byte(proxy.Certificate),
	}
	if ip := net.ParseIP(at.Hostname()); at.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		access.Unproxied = []string{at.Hostname()}
	}
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return nil, usageError(fmt.Errorf("there is no directory for certificates; say --dir: %w", err))
		}
		sum := sha256.Sum256([]byte(proxy.Certificate))
		dir = filepath.Join(cache, "emu", "env-"+hex.EncodeToString(sum[:8]))
		if err := dropExpired(filepath.Join(cache, "emu", "env-*")); err != nil {
			return nil, err
		}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("--dir: %w", err)
	}
	return access.Trust(dir, base)
}

// dropExpired removes directories of certificates that have ended.
func dropExpired(pattern string) error {
	found, err := filepath.Glob(pattern)
	for _, dir := range found {
		data, readErr := os.ReadFile(filepath.Join(dir, "ca.pem"))
		if readErr != nil {
			continue // not one of ours, or one that is being written
		}
		if end, ok := redirect.Expires(data); ok && end.Before(clock.Wall()) {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	return err
}

// seenFrom is where an address of the emulator's is for somebody who finds it
// at a URL: one of all interfaces is on the host of the URL.
func seenFrom(address string, at *url.URL) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return address
	}
	return net.JoinHostPort(at.Hostname(), port)
}

// restoreVariable holds what variables were before emu env set them.
const restoreVariable = "EMU_RESTORE"

// envBefore reads it: the value of each variable that was set, nil where there
// was none.
func (a *app) envBefore() (map[string][]byte, error) {
	text := a.variable(restoreVariable)
	if text == "" {
		return nil, nil
	}
	var before map[string][]byte
	err := json.Unmarshal([]byte(text), &before)
	for name := range before {
		if err == nil && !validVariable(name) {
			err = errors.New("it names what is no variable")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not as emu env has left it; unset it: %w", restoreVariable, err)
	}
	return before, nil
}

// validVariable tells whether a name can stand in front of an = in every shell.
func validVariable(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// remembered is the text of restoreVariable for variables that are set on top of
// base.
func remembered(set, base []string) (string, error) {
	before := map[string][]byte{}
	for _, entry := range set {
		name, _, _ := strings.Cut(entry, "=")
		before[name] = nil
		for _, old := range base {
			if value, ok := strings.CutPrefix(old, name+"="); ok {
				before[name] = []byte(value)
			}
		}
	}
	data, err := json.Marshal(before)
	return string(data), err
}

// sortedNames are the names of what was there before.
func sortedNames(before map[string][]byte) []string { return slices.Sorted(maps.Keys(before)) }
