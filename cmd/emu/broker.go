package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/emulator/kafka"
	"github.com/swanemu/emu/internal/clock"
)

// openBroker starts the embedded broker, or connects to the brokers outside.
func (s *settings) openBroker(ctx context.Context, logger *slog.Logger) (emulator.Broker, error) {
	if s.Kafka[0] == kafkaEmbedded {
		o := kafka.EmbedOptions{
			Listen:    s.KafkaListen,
			Advertise: s.KafkaAdvertise,
			Topics:    []string{s.KafkaTopic},
			Logger:    logger,
		}
		if s.Data != "" {
			o.DataDir = filepath.Join(s.Data, "kafka")
		}
		b, err := kafka.Embed(ctx, o)
		if err != nil {
			return nil, hintPort(err, "--kafka-listen")
		}
		return b, nil
	}
	config, err := s.kafkaTLS()
	if err != nil {
		return nil, usageError(err)
	}
	ctx, cancel := clock.Timeout(ctx, s.KafkaWait)
	defer cancel()
	logger.Debug("waiting for kafka", "brokers", s.Kafka)
	b, err := kafka.Dial(ctx, kafka.DialOptions{
		Brokers: s.Kafka,
		TLS:     config,
		SASL:    kafka.SASL{Mechanism: s.KafkaSASL, User: s.KafkaUser, Password: s.KafkaPassword},
		Topics:  []string{s.KafkaTopic},
		Logger:  logger,
	})
	if err != nil {
		return nil, fmt.Errorf("kafka is not reachable within %s: %w", s.KafkaWait, err)
	}
	return b, nil
}

// kafkaTLS is the TLS side of the connection to brokers outside; nil is none.
func (s *settings) kafkaTLS() (*tls.Config, error) {
	if !s.KafkaTLS && s.KafkaCA == "" && s.KafkaCert == "" {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.KafkaCA != "" {
		text, err := os.ReadFile(s.KafkaCA)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.from.of("kafka-ca"), err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s: %s holds no PEM certificate", s.from.of("kafka-ca"), s.KafkaCA)
		}
	}
	if s.KafkaCert != "" {
		pair, err := tls.LoadX509KeyPair(s.KafkaCert, s.KafkaKey)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.from.of("kafka-cert"), err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// lateBroker is a broker that is still being opened: whoever needs it waits.
// It lets the emulator and the broker start side by side.
type lateBroker struct {
	// opened is closed once broker or err is set.
	opened chan struct{}
	broker emulator.Broker
	err    error
}

var _ emulator.Broker = (*lateBroker)(nil)

// openLate calls open in the background.
func openLate(open func() (emulator.Broker, error)) *lateBroker {
	l := &lateBroker{opened: make(chan struct{})}
	go func() {
		defer close(l.opened)
		l.broker, l.err = open()
	}()
	return l
}

// wait returns the broker, or why there is none.
func (l *lateBroker) wait(ctx context.Context) (emulator.Broker, error) {
	select {
	case <-l.opened:
		return l.broker, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Publish sends the records once the broker is open.
func (l *lateBroker) Publish(ctx context.Context, records []emulator.Record) []error {
	b, err := l.wait(ctx)
	if err == nil {
		return b.Publish(ctx, records)
	}
	errs := make([]error, len(records))
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// Ready asks the broker once it is open.
func (l *lateBroker) Ready(ctx context.Context) error {
	b, err := l.wait(ctx)
	if err != nil {
		return err
	}
	return b.Ready(ctx)
}

// Addresses waits until the broker is open; it has none if that failed.
func (l *lateBroker) Addresses() []string {
	<-l.opened
	if l.err != nil {
		return nil
	}
	return l.broker.Addresses()
}

// Close waits until the broker is open and closes it.
func (l *lateBroker) Close() error {
	<-l.opened
	if l.broker == nil {
		return nil // it was never open
	}
	return l.broker.Close()
}
