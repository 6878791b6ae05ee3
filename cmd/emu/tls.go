package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/swanemu/emu/emulator"
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
	names, err := tlsNames(s.settings.Listen, s.settings.TLSListen)
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

// tlsNames are the names and addresses of the certificate: the platform's
// hosts, this machine's own, and those that are listened on.
func tlsNames(listen ...string) ([]string, error) {
	names := append(platformHosts(), "localhost", "127.0.0.1", "::1")
	for _, address := range listen {
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
	slices.Sort(names[len(platformHosts()):])
	return slices.Compact(names), nil
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
