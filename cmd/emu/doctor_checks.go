package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

// skewAllowed is how far two clocks may be apart.
const skewAllowed = 5 * time.Second

// checkSettings names what is not understood, and what overrides what.
func checkSettings(_ context.Context, p *patient) finding {
	if p.settingsErr != nil {
		return wrong("correct them; emu serve --help lists all settings", "%s", p.settingsErr)
	}
	over := p.overridden()
	if len(over) > 0 {
		return fine("all are understood; %s", strings.Join(over, "; "))
	}
	return fine("all are understood")
}

// overridden tells which settings stand in two places, and which place counts.
func (p *patient) overridden() []string {
	known := serveFlags()
	variables, err := environment(known, p.app.env)
	if err != nil {
		return nil // it is told already
	}
	file := newLayer()
	if path, text, err := configText(p.cmd.Flags(), variables); err == nil && path != "" {
		file, _ = parseFile(path, text, known) // it was read without complaint before
	}
	var out []string
	known.VisitAll(func(f *pflag.Flag) {
		wins := p.settings.from.of(f.Name)
		for _, at := range []string{variables.at[f.Name], file.at[f.Name]} {
			if at != "" && at != wins {
				out = append(out, wins+" counts, not "+at)
			}
		}
	})
	return out
}

// checkPort looks whether serve could listen where it would.
func checkPort(ctx context.Context, p *patient) finding {
	switch {
	case p.settingsErr != nil:
		return unseen("the settings are not understood")
	case !p.own:
		return unseen("the emulator is elsewhere, at %s", p.url.Redacted())
	case p.reachErr == nil:
		return fine("an emulator listens on %s", p.settings.Listen)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", p.settings.Listen)
	if err == nil {
		_ = l.Close()
		return fine("%s is free", p.settings.Listen)
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		return wrong("choose another address: emu serve --listen 127.0.0.1:0", "%s", err)
	}
	return wrong("stop it, or choose another port: emu serve --listen 127.0.0.1:0",
		"%s is taken by %s, which is no emulator", p.settings.Listen, owner(ctx, p.settings.Listen))
}

// checkReached looks whether an emulator answers and is ready.
func checkReached(_ context.Context, p *patient) finding {
	switch {
	case p.url == nil:
		return unseen("where it is follows from the settings: %s", p.reachErr)
	case p.reachErr != nil && errors.Is(p.reachErr, syscall.ECONNREFUSED):
		return wrong("start one: emu serve; or say where it is: --url", "nobody listens at %s", p.url.Redacted())
	case p.reachErr != nil:
		return wrong("say where an emulator is: --url", "%s: %s", p.url.Redacted(), p.reachErr)
	case p.readyErr != nil:
		return wrong("wait for it, or put right what it says: emu healthcheck --wait 30s", "the emulator at %s is not ready: %s", p.url.Redacted(), p.readyErr)
	}
	return fine("an emulator answers at %s", p.url.Redacted())
}

// checkVersion compares the versions of both sides.
func checkVersion(_ context.Context, p *patient) finding {
	own := thisBuild().Version
	switch {
	case p.reachErr != nil:
		return unseen("no emulator is reached")
	case p.version != own:
		return wrong("use one version on both sides: update the older one", "this command is %s, the emulator %s", own, p.version)
	}
	return fine("both are %s", own)
}

// checkSkew compares the clocks of both sides. Signed requests and expiries go
// by them.
func checkSkew(_ context.Context, p *patient) finding {
	switch {
	case p.reachErr != nil:
		return unseen("no emulator is reached")
	case p.skewErr != nil:
		return unseen("%s", p.skewErr)
	}
	by := p.skew.Abs().Round(time.Second)
	if p.skew.Abs() <= skewAllowed {
		return fine("less than %s apart", skewAllowed)
	}
	side := "ahead of"
	if p.skew < 0 {
		side = "behind"
	}
	return wrong("set both clocks by NTP; a container has its host's, a paused virtual machine may have lost its own",
		"the emulator's clock is %s %s this machine's", by, side)
}

// dockerHost is the name by which Docker's containers find their host.
const dockerHost = "host.docker.internal"

// checkAddress looks for loopback addresses on the wrong side of a container.
func checkAddress(ctx context.Context, p *patient) finding {
	if p.url == nil {
		return unseen("where the emulator is follows from the settings: %s", p.reachErr)
	}
	host := p.url.Hostname()
	inside := inContainer(p.app.root)
	local := isLoopback(host)
	listens, _, _ := net.SplitHostPort(p.setup.Listen) // "" where it is not known
	switch {
	case p.reachErr == nil && listens == "":
		return unseen("the emulator is reached at %s, but does not say where it listens: %s", host, cmp.Or(p.setupErr, errors.New("it was not told")))
	case p.reachErr == nil && isLoopback(listens):
		return fine("it listens on %s: programs of this machine find it, containers and other machines do not", p.setup.Listen)
	case p.reachErr == nil:
		return fine("it listens on %s and is reached at %s", p.setup.Listen, host)
	case local && inside:
		return p.insideFix(ctx)
	case !local:
		if _, err := net.DefaultResolver.LookupHost(ctx, host); err != nil {
			return wrong(unresolvedFix(host), "the name %s does not resolve: %s", host, err)
		}
		return wrong("on the emulator's side: emu serve --listen 0.0.0.0:"+port(p)+" --admin-token …, and publish the port where it is in a container",
			"%s resolves, but no emulator answers there; it may listen on its own loopback address only", host)
	}
	return unseen("no emulator is reached, and this is no container")
}

// insideFix says what to do in a container whose emulator is outside.
func (p *patient) insideFix(ctx context.Context) finding {
	_, err := net.DefaultResolver.LookupHost(ctx, dockerHost)
	fix := "emulator on the host: emu serve --listen 0.0.0.0:" + port(p) + ", and here --url http://" + dockerHost + ":" + port(p)
	if err != nil {
		fix += " after docker run --add-host " + dockerHost + ":host-gateway, as the name does not resolve yet"
	}
	return wrong(fix+"\nemulator in another container: its name, --url http://emu:"+port(p),
		"this is a container, and %s is the container itself", p.url.Hostname())
}

// unresolvedFix says how a name comes to resolve.
func unresolvedFix(host string) string {
	if host == dockerHost {
		return "docker run --add-host " + dockerHost + ":host-gateway; in Compose extra_hosts: [\"" + dockerHost + ":host-gateway\"]"
	}
	return "the name of a container resolves in a network of Docker that both are in; else use an address"
}

// port is that of the emulator's URL.
func port(p *patient) string {
	if p.url.Scheme == "https" {
		return cmp.Or(p.url.Port(), "443")
	}
	return cmp.Or(p.url.Port(), "80")
}

// isLoopback tells whether a host is this machine under a name of its own.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// inContainer tells whether a file system is a container's; "" is this one.
func inContainer(root string) bool {
	for _, mark := range []string{".dockerenv", "run/.containerenv", "var/run/secrets/kubernetes.io"} {
		if _, err := os.Stat(filepath.Join(cmp.Or(root, "/"), mark)); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// checkProxies looks for proxies that calls to the emulator would go to.
func checkProxies(_ context.Context, p *patient) finding {
	if p.url == nil {
		return unseen("where the emulator is follows from the settings: %s", p.reachErr)
	}
	host := p.url.Hostname()
	var set []string
	for _, name := range []string{strings.ToUpper(p.url.Scheme) + "_PROXY", "ALL_PROXY"} {
		for _, form := range []string{name, strings.ToLower(name)} {
			if p.app.variable(form) != "" {
				set = append(set, form)
			}
		}
	}
	if len(set) == 0 {
		return fine("no variable names a proxy for %s", host)
	}
	// Some programs read the one form, some the other.
	var open []string
	for _, form := range []string{"NO_PROXY", "no_proxy"} {
		if !exempt(p.app.variable(form), host) {
			open = append(open, form)
		}
	}
	if len(open) == 0 {
		return fine("%s, but NO_PROXY has %s", strings.Join(set, ", "), host)
	}
	return wrong(fmt.Sprintf("export NO_PROXY=localhost,127.0.0.1,::1,%s no_proxy=localhost,127.0.0.1,::1,%s", host, host),
		"%s would take calls to %s; it is missing in %s", strings.Join(set, ", "), host, strings.Join(open, " and "))
}

// exempt tells whether a list of NO_PROXY has a host: by its name, by the end of
// it, or by a range of addresses.
func exempt(list, host string) bool {
	ip := net.ParseIP(host)
	return slices.ContainsFunc(splitList(list), func(entry string) bool {
		if _, network, err := net.ParseCIDR(entry); err == nil && ip != nil {
			return network.Contains(ip)
		}
		if name, _, err := net.SplitHostPort(entry); err == nil {
			entry = name
		}
		entry = strings.Trim(strings.TrimPrefix(entry, "*."), ".[]")
		return entry == "*" || entry != "" && (strings.EqualFold(entry, host) || ip == nil && strings.HasSuffix(strings.ToLower(host), "."+strings.ToLower(entry)))
	})
}
