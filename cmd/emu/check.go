package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/emulator/kafka"
	"github.com/swanemu/emu/internal/clock"
)

// The values of --kafka that are not addresses.
const (
	kafkaEmbedded = "embedded"
	kafkaNone     = "none"
)

// finish reads the secrets that stand in files and checks what a type alone
// does not say. Its complaints name where the value stands, and no secret.
func (s *settings) finish() error {
	var errs []error
	refuse := func(name, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", s.from.of(name), fmt.Sprintf(format, args...)))
	}
	secrets := []struct {
		name  string
		value *string
		file  *string
	}{
		{"kafka-password", &s.KafkaPassword, &s.KafkaPasswordFile},
		{"admin-token", &s.AdminToken, &s.AdminTokenFile},
	}
	for _, secret := range secrets {
		errs = append(errs, s.secret(secret.name, secret.value, *secret.file))
	}

	for name, value := range map[string]string{"listen": s.Listen, "kafka-listen": s.KafkaListen, "proxy": s.Proxy, "tls-listen": s.TLSListen} {
		if _, _, err := net.SplitHostPort(value); err != nil && (value != "" || name != "proxy") {
			refuse(name, "want host:port or :port, not %q", value)
		}
	}
	if _, err := clock.ParseMode(s.Clock); err != nil {
		refuse("clock", "want real, virtual, or x and a number, as in x60, not %q", s.Clock)
	}
	if _, err := s.clockStart(); err != nil {
		refuse("clock-start", "want a time such as 2026-01-05T09:00:00+08:00, not %q", s.ClockStart)
	}
	if _, err := emulator.ParseEgress(s.Egress, s.EgressAllow); err != nil && slices.Contains(choices()["egress"], s.Egress) {
		refuse("egress-allow", "%s", err)
	}
	values := map[string]string{
		"egress": s.Egress, "kafka-sasl": s.KafkaSASL, "log-format": s.LogFormat, "log-level": s.LogLevel,
	}
	for name, allowed := range choices() {
		if v := values[name]; !slices.Contains(allowed, v) && (v != "" || name != "kafka-sasl") {
			refuse(name, "want one of %s, not %q%s", strings.Join(allowed, ", "), v, didYouMean("", v, allowed))
		}
	}
	s.checkNumbers(refuse)
	s.checkKafka(refuse)
	s.checkTLS(refuse)
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// secret puts the text of a secret's file in its place. Where both are given,
// the one of the stronger layer counts.
func (s *settings) secret(name string, value *string, file string) error {
	plain, inFile := s.from[name], s.from[name+"-file"]
	switch {
	case file == "" || plain.rank > inFile.rank:
		return nil
	case plain.rank == inFile.rank:
		return fmt.Errorf("%s and %s: give one of them", plain.at, inFile.at)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("%s: %w", inFile.at, err)
	}
	*value = strings.TrimRight(string(text), "\r\n")
	if *value == "" {
		return fmt.Errorf("%s: %s is empty", inFile.at, file)
	}
	s.from[name] = inFile
	return nil
}

func (s *settings) clockStart() (time.Time, error) {
	if s.ClockStart == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339Nano, s.ClockStart)
}

// checkNumbers checks what has bounds.
func (s *settings) checkNumbers(refuse func(name, format string, args ...any)) {
	if s.GatewayStatus < 200 || s.GatewayStatus > 599 {
		refuse("gateway-status", "want an HTTP status from 200 to 599, not %d", s.GatewayStatus)
	}
	if s.TokenTTL < time.Second {
		refuse("token-ttl", "want at least 1s, not %s", s.TokenTTL)
	}
	for name, d := range map[string]time.Duration{"push-timeout": s.PushTimeout, "kafka-wait": s.KafkaWait} {
		if d <= 0 {
			refuse(name, "want more than nothing, not %s", d)
		}
	}
	if s.Seed == 0 {
		refuse("seed", "want at least 1")
	}
	positive := map[string]int64{
		"push-attempts": int64(s.PushAttempts), "audit-quota": int64(s.AuditQuota),
		"journal-size": int64(s.JournalSize), "body-limit": s.BodyLimit,
	}
	for name, v := range positive {
		if v < 1 {
			refuse(name, "want at least 1, not %d", v)
		}
	}
	delays := map[string]time.Duration{
		"upload-delay": s.UploadDelay, "audit-delay": s.AuditDelay, "rollback-delay": s.RollbackDelay,
	}
	for name, d := range delays {
		if d < 0 {
			refuse(name, "want 0 or more, not %s", d)
		}
	}
}

// checkKafka checks that the Kafka settings go together.
func (s *settings) checkKafka(refuse func(name, format string, args ...any)) {
	special := slices.Contains(s.Kafka, kafkaEmbedded) || slices.Contains(s.Kafka, kafkaNone)
	switch {
	case len(s.Kafka) == 0, special && len(s.Kafka) > 1:
		refuse("kafka", "want host:port,..., or embedded, or none")
		return
	case !special:
		if _, err := kafka.ParseBrokers(strings.Join(s.Kafka, ",")); err != nil {
			refuse("kafka", "%s", err)
		}
	default:
		// Whoever asks for these believes in a connection that is not made.
		for _, name := range []string{"kafka-tls", "kafka-ca", "kafka-cert", "kafka-key", "kafka-sasl", "kafka-user", "kafka-password"} {
			if s.from.given(name) {
				refuse(name, "means nothing with --kafka %s; name the brokers", s.Kafka[0])
			}
		}
		return
	}
	if (s.KafkaCert == "") != (s.KafkaKey == "") {
		name := "kafka-cert"
		if s.KafkaCert == "" {
			name = "kafka-key"
		}
		refuse(name, "want --kafka-cert and --kafka-key together")
	}
	for name, v := range map[string]string{"kafka-user": s.KafkaUser, "kafka-password": s.KafkaPassword} {
		switch {
		case s.KafkaSASL != "" && v == "":
			refuse("kafka-sasl", "wants --%s too", name)
		case s.KafkaSASL == "" && v != "":
			refuse(name, "wants --kafka-sasl too")
		}
	}
}
