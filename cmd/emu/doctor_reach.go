package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	gopsnet "github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"

	"github.com/swanemu/emu/emulator/kafka"
	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/internal/platform"
	"github.com/swanemu/emu/internal/redirect"
)

// owner says who listens on an address, as far as the system tells this user.
func owner(ctx context.Context, address string) string {
	const nobody = "a program that the system does not name"
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		return nobody
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nobody
	}
	all, err := gopsnet.ConnectionsWithContext(ctx, "tcp")
	if err != nil {
		return nobody
	}
	for _, c := range all {
		if c.Status != "LISTEN" || uint64(c.Laddr.Port) != port || c.Pid == 0 {
			continue
		}
		p, err := process.NewProcessWithContext(ctx, c.Pid)
		if err != nil {
			return fmt.Sprintf("process %d", c.Pid)
		}
		name, err := p.NameWithContext(ctx)
		if err != nil {
			return fmt.Sprintf("process %d", c.Pid)
		}
		return fmt.Sprintf("%s, process %d", name, c.Pid)
	}
	return nobody
}

// checkWebhook asks the emulator whether it reaches an address; where it cannot
// be asked, the address is asked from here.
func checkWebhook(ctx context.Context, p *patient) finding {
	if p.flags.webhook == "" {
		return unseen("no --webhook was given")
	}
	u, err := url.Parse(p.flags.webhook)
	if err != nil {
		return unseen("%s", err) // not reached: examine has checked it
	}
	fix := "start what is to answer there"
	if isLoopback(u.Hostname()) {
		fix += "; " + u.Hostname() + " is the emulator's own machine or container, from elsewhere it has another name"
	}
	because := p.reachErr
	if because == nil {
		var probe struct {
			Reached bool   `json:"reached"`
			Status  int    `json:"status"`
			Error   string `json:"error"`
		}
		order, err := json.Marshal(map[string]string{"url": p.flags.webhook})
		if err != nil {
			return unseen("%s", err)
		}
		if _, because = p.order(ctx, http.MethodPost, "probe", bytes.NewReader(order), &probe); because == nil {
			if probe.Reached {
				return fine("the emulator reaches %s: status %d to a GET", u.Redacted(), probe.Status)
			}
			return wrong(fix, "the emulator does not reach %s: %s", u.Redacted(), probe.Error)
		}
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", hostPort(u))
	if err != nil {
		return wrong(fix, "asked from here, as the emulator cannot be asked (%s): %s: %s", because, u.Redacted(), err)
	}
	_ = conn.Close()
	return unseen("from here %s is reached; the emulator cannot be asked (%s)", u.Redacted(), because)
}

// hostPort is the address of a URL.
func hostPort(u *url.URL) string {
	standard := "80"
	if u.Scheme == "https" {
		standard = "443"
	}
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), standard))
}

// checkKafka asks the broker where it sends its clients, and goes there.
func checkKafka(ctx context.Context, p *patient) finding {
	address := p.flags.kafka
	switch {
	case address != "":
	case p.reachErr != nil:
		return unseen("no emulator is reached, and no --kafka was given")
	case len(p.brokers) == 0:
		return unseen("the emulator has no Kafka, and no --kafka was given")
	default:
		address = p.brokers[0]
	}
	var config *tls.Config
	var sasl kafka.SASL
	if p.settingsErr == nil && p.settings.Kafka[0] != kafkaEmbedded && p.settings.Kafka[0] != kafkaNone {
		var err error
		if config, err = p.settings.kafkaTLS(); err != nil {
			return unseen("%s", err)
		}
		sasl = kafka.SASL{Mechanism: p.settings.KafkaSASL, User: p.settings.KafkaUser, Password: p.settings.KafkaPassword}
	}
	asked, cancel := clock.Timeout(ctx, checkTimeout/2)
	advertised, err := kafka.Advertised(asked, address, config, sasl)
	cancel()
	if err != nil {
		return wrong("start the broker, or name the address that it has from here: --kafka", "%s: %s", address, err)
	}
	for _, to := range advertised {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", to)
		if err != nil {
			return wrong("have it advertise an address that its clients reach: emu serve --kafka-advertise "+address,
				"the broker at %s sends its clients to %s, which is not reached from here: %s", address, to, err)
		}
		_ = conn.Close()
	}
	return fine("%s sends its clients to %s, which is reached", address, strings.Join(advertised, ", "))
}

// checkAuthority looks whether what is called over HTTPS is trusted here.
func checkAuthority(ctx context.Context, p *patient) finding {
	if p.setupErr != nil {
		return unseen("the emulator does not say what is to be trusted: %s", p.setupErr)
	}
	certificate := ""
	if proxy := p.setup.Proxy; proxy != nil {
		certificate = proxy.Certificate
	}
	if certificate == "" && p.setup.TLS != nil {
		if certificate = p.setup.TLS.Certificate; certificate == "" {
			return p.checkForeignTLS(ctx)
		}
	}
	if certificate == "" {
		return unseen("the emulator speaks no HTTPS and has no proxy")
	}
	end, ok := redirect.Expires([]byte(certificate))
	switch {
	case !ok:
		return wrong("start the emulator again", "its certificate cannot be read")
	case end.Before(clock.Wall()):
		return wrong("start the emulator again: it makes a new one for each run", "its authority has ended at %s", end.Format("2006-01-02 15:04 MST"))
	}
	roots, from, err := p.trusted()
	if err != nil {
		return wrong("correct the variable, or unset it", "%s: %s", from, err)
	}
	block, _ := pem.Decode([]byte(certificate))
	own, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return wrong("start the emulator again", "its certificate cannot be read: %s", err)
	}
	if _, err := own.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return wrong("eval \"$(emu env)\" where there is a proxy, or emu serve --tls-ca ca.pem and SSL_CERT_FILE=ca.pem",
			"its authority is not trusted by %s", from)
	}
	return fine("its authority is trusted by %s until %s", from, end.Format("2006-01-02 15:04 MST"))
}

// checkForeignTLS calls a server whose certificate is somebody's own.
func (p *patient) checkForeignTLS(ctx context.Context) finding {
	u, err := url.Parse(p.setup.TLS.URL)
	if err != nil {
		return unseen("the address of HTTPS: %s", err)
	}
	roots, from, err := p.trusted()
	if err != nil {
		return wrong("correct the variable, or unset it", "%s: %s", from, err)
	}
	d := tls.Dialer{Config: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ServerName: platform.Hosts()[0]}}
	conn, err := d.DialContext(ctx, "tcp", seenFrom(hostPort(u), p.url))
	if err != nil {
		return wrong("have clients trust who signed it, and have it signed for "+strings.Join(platform.Hosts(), " and "),
			"the certificate of HTTPS is not good for %s with what %s trusts: %s", platform.Hosts()[0], from, err)
	}
	_ = conn.Close()
	return fine("the certificate of HTTPS is trusted by %s", from)
}

// trusted are the authorities that programs of this shell trust, and where they
// stand.
func (p *patient) trusted() (roots *x509.CertPool, from string, err error) {
	if p.roots != nil {
		return p.roots, p.flags.ca, nil
	}
	file := p.app.variable("SSL_CERT_FILE")
	if file == "" {
		roots, err = x509.SystemCertPool()
		return roots, "the system", err
	}
	from = "SSL_CERT_FILE=" + file
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, from, err
	}
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, from, errors.New("it holds no PEM certificate")
	}
	return roots, from, nil
}
