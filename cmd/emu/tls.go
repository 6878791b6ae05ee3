package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/internal/platform"
	"github.com/swanemu/emu/internal/redirect"
)

// HTTPS on an address of its own, for clients whose platform's hosts were given
// this machine's address in the hosts file.

// speaksTLS tells whether HTTPS was asked for.
func (s *settings) speaksTLS() bool {
	return s.TLS || slices.ContainsFunc([]string{"tls-listen", "tls-cert", "tls-key", "tls-ca"}, s.from.given)
}

// checkTLS checks that the settings of HTTPS go together.
func (s *settings) checkTLS(refuse func(name, format string, args ...any)) {
	for _, name := range s.TLSHosts {
		if !isHost(strings.TrimSpace(name)) {
			refuse("tls-hosts", "want host names such as emu, or IP addresses, without a scheme or a port, not %q", name)
		}
	}
	if s.from.given("tls-hosts") {
		switch {
		case s.TLSCert != "":
			refuse("tls-hosts", "means nothing with --tls-cert: your certificate says what it is for")
		case !s.speaksTLS():
			refuse("tls-hosts", "wants --tls too")
		}
	}
	switch {
	case s.TLSCert == "" && s.TLSKey != "":
		refuse("tls-key", "want --tls-cert and --tls-key together")
	case s.TLSCert != "" && s.TLSKey == "":
		refuse("tls-cert", "want --tls-cert and --tls-key together")
	case s.TLSCert != "" && s.TLSCA != "":
		refuse("tls-ca", "means nothing with --tls-cert: no authority is made")
	}
}

// openTLS takes the port and finds the certificate: the one of the settings, or
// one by an authority that is made for the run.
func (s *server) openTLS(ctx context.Context) (*emulator.SetupTLS, *redirect.Authority, error) {
	var err error
	if s.secure, err = new(net.ListenConfig).Listen(ctx, "tcp", s.settings.TLSListen); err != nil {
		return nil, nil, hintPort(err, "--tls-listen")
	}
	s.onStop("listening for HTTPS", func(context.Context) error { return ignoreClosed(s.secure.Close()) })
	setup := &emulator.SetupTLS{URL: "https://" + nearby(s.secure)}
	if s.settings.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(s.settings.TLSCert, s.settings.TLSKey)
		if err != nil {
			return nil, nil, usageError(fmt.Errorf("%s: %w", s.settings.from.of("tls-cert"), err))
		}
		s.tls = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
		return setup, nil, nil
	}
	names, err := s.settings.tlsNames()
	if err != nil {
		return nil, nil, err
	}
	authority, err := redirect.NewAuthority(names)
	if err != nil {
		return nil, nil, err
	}
	s.tls = authority.Config()
	setup.Certificate = string(authority.PEM())
	return setup, authority, s.writeAuthority(authority.PEM())
}

// writeAuthority writes the certificate to trust where clients find it: the
// place of the settings, or a directory that goes with the run.
func (s *server) writeAuthority(pem []byte) error {
	s.authority = s.settings.TLSCA
	if s.authority == "" {
		dir, err := os.MkdirTemp("", "emu-tls-")
		if err != nil {
			// An image without a directory for it: clients ask /_emu/setup.
			s.log.Warn("the certificate to trust is in no file; name one with --tls-ca", "err", err)
			return nil
		}
		s.onStop("the certificate", func(context.Context) error { return os.RemoveAll(dir) })
		s.authority = filepath.Join(dir, "ca.pem")
	}
	if err := os.WriteFile(s.authority, pem, 0o600); err != nil {
		return fmt.Errorf("%s: %w", s.settings.from.of("tls-ca"), err)
	}
	return nil
}

// isHost tells whether a text is an IP address or the name of a host; a wildcard
// is neither. Underscores are allowed, as in the names that Docker gives.
func isHost(text string) bool {
	const longest = 253
	if net.ParseIP(text) != nil {
		return true
	}
	// A last part of digits alone is a mistyped address.
	name := regexp.MustCompile(`^([a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?(\.|$))+$`)
	digits := regexp.MustCompile(`(^|\.)[0-9]*$`)
	return len(text) <= longest && name.MatchString(text) && !digits.MatchString(text)
}

// tlsNames are the names and addresses of the certificate: the platform's
// hosts, this machine's own, those that are listened on, and those that were
// asked for.
func (s *settings) tlsNames() ([]string, error) {
	names := []string{"localhost", "127.0.0.1", "::1"}
	for _, name := range s.TLSHosts {
		names = append(names, strings.ToLower(strings.TrimSpace(name)))
	}
	for _, address := range []string{s.Listen, s.TLSListen} {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
			names = append(names, host)
			continue
		}
		all, err := net.InterfaceAddrs()
		if err != nil {
			return nil, fmt.Errorf("find this machine's addresses: %w", err)
		}
		for _, a := range all {
			if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() {
				names = append(names, n.IP.String())
			}
		}
	}
	// The platform's come first: the certificate has the first one's name.
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(platform.Hosts(), name) })
	slices.Sort(names)
	return append(platform.Hosts(), slices.Compact(names)...), nil
}

// nearby is the host and port under which clients on this machine find a
// listener.
func nearby(l net.Listener) string {
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return l.Addr().String()
	}
	return net.JoinHostPort(reachable(host), port)
}
