package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Problem says why a broker could not be used.
type Problem string

// The problems a broker can have.
const (
	// ProblemRefused is a host on which nothing listens at the port.
	ProblemRefused Problem = "refused"
	// ProblemUnknownHost is a host name that cannot be resolved.
	ProblemUnknownHost Problem = "unknown host"
	// ProblemTLS is a TLS handshake that failed, or that the broker wants and
	// the client does not, or the other way round.
	ProblemTLS Problem = "tls"
	// ProblemSASL is an authentication that was refused.
	ProblemSASL Problem = "sasl"
	// ProblemProtocol is an answer that is not Kafka's.
	ProblemProtocol Problem = "protocol"
	// ProblemTimeout is a broker that did not answer in time.
	ProblemTimeout Problem = "timeout"
	// ProblemOther is everything else.
	ProblemOther Problem = "other"
)

// BrokerError says which broker could not be used and why. Its text never
// contains a password.
type BrokerError struct {
	// Address is the broker's host:port.
	Address string
	// Problem is the kind of failure.
	Problem Problem
	detail  string
	err     error
}

// Error names the broker, the kind of failure and the cause.
func (e *BrokerError) Error() string {
	return fmt.Sprintf("kafka broker %s: %s", e.Address, e.detail)
}

// final reports whether asking again is of no use: the broker has answered,
// and will answer the same.
func (e *BrokerError) final() bool {
	return e.Problem == ProblemTLS || e.Problem == ProblemSASL && e.err != nil
}

// Unwrap returns the cause, or nil where its text could give a secret away.
func (e *BrokerError) Unwrap() error { return e.err }

// describer makes a BrokerError of what the client says about a broker.
func describer(sasl SASL, overTLS bool) func(addr string, err error) *BrokerError {
	return func(addr string, err error) *BrokerError {
		e := &BrokerError{Address: addr, err: err}
		e.Problem, e.detail = diagnose(err, overTLS, sasl != SASL{})
		if e.Problem == ProblemSASL {
			e.detail = fmt.Sprintf("SASL %s, user %q: %s", cmp.Or(sasl.Mechanism, "none"), sasl.User, redact(e.detail, sasl.Password))
			e.err = saslCause(err)
		}
		return e
	}
}

func diagnose(err error, overTLS, withSASL bool) (Problem, string) {
	if errors.Is(err, kerr.SaslAuthenticationFailed) {
		return ProblemSASL, "the broker refuses the user or the password"
	}
	if errors.Is(err, kerr.UnsupportedSaslMechanism) {
		return ProblemSASL, "the broker does not offer this mechanism: " + err.Error()
	}
	if errors.Is(err, kerr.IllegalSaslState) {
		return ProblemSASL, "the broker does not expect authentication: " + err.Error()
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return ProblemUnknownHost, fmt.Sprintf("the host %q cannot be resolved: %s", dns.Name, dns.Err)
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return ProblemRefused, "connection refused: nothing listens there"
	}
	if text, ok := diagnoseTLS(err); ok {
		return ProblemTLS, text
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return ProblemTimeout, "no answer in time"
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return ProblemTimeout, "no answer in time: " + err.Error()
	}
	_, atOnce := errors.AsType[*kgo.ErrFirstReadEOF](err)
	switch closed := atOnce || errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET); {
	case closed && withSASL && !atOnce:
		return ProblemSASL, "the connection was closed during the authentication: are the user and the password right?"
	case closed && overTLS:
		return ProblemProtocol, "the connection was closed before an answer came: is it a TLS listener, and does it want a client certificate or SASL?"
	case closed:
		return ProblemProtocol, "the connection was closed before an answer came: does the listener want TLS or SASL?"
	}
	if text := err.Error(); strings.Contains(text, "invalid large response size") || strings.Contains(text, "TLS") {
		return ProblemProtocol, "the answer is not Kafka's, does the listener want TLS? " + text
	}
	// What the client itself finds wrong with an authentication is only text.
	if strings.Contains(strings.ToLower(err.Error()), "sasl") || strings.Contains(err.Error(), "scram") {
		return ProblemSASL, err.Error()
	}
	return ProblemOther, err.Error()
}

func diagnoseTLS(err error) (string, bool) {
	if header, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the listener does not speak TLS: " + header.Msg, true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "TLS: the broker's certificate is signed by an authority that is not trusted here: " + err.Error(), true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "TLS: the broker's certificate is for another name: " + err.Error(), true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "TLS: the broker's certificate is not valid: " + err.Error(), true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok || strings.Contains(err.Error(), "remote error: tls:") {
		return "TLS: the broker refuses the handshake: " + err.Error(), true
	}
	return "", false
}

// saslCause keeps of an authentication error what callers can test for and
// what cannot contain the password.
func saslCause(err error) error {
	for _, cause := range []error{kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState} {
		if errors.Is(err, cause) {
			return cause
		}
	}
	return nil
}

func redact(text, secret string) string {
	if secret == "" {
		return text
	}
	return strings.ReplaceAll(text, secret, "[redacted]")
}

// joined is several errors on one line.
type joined []error

func (j joined) Error() string {
	texts := make([]string, len(j))
	for i, err := range j {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (j joined) Unwrap() []error { return j }

func joinErrors(errs []error) error {
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return joined(errs)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
