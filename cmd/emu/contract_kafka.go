package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/contracttest/emutarget"
	"github.com/swanemu/emu/emulator/kafka"
	"github.com/swanemu/emu/internal/clock"
)

// kafkaAccess says how the notices of a target are read; it is a part of the
// file of credentials.
type kafkaAccess struct {
	Brokers  []string `json:"brokers"`
	Topic    string   `json:"topic"`
	TLS      bool     `json:"tls"`
	CA       string   `json:"ca"`
	SASL     string   `json:"sasl"`
	User     string   `json:"user"`
	Password string   `json:"password"`
}

// options are those of a connection to the brokers.
func (k *kafkaAccess) options() (kafka.DialOptions, error) {
	o := kafka.DialOptions{Brokers: k.Brokers, SASL: kafka.SASL{Mechanism: k.SASL, User: k.User, Password: k.Password}}
	if !k.TLS && k.CA == "" {
		return o, nil
	}
	o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if k.CA == "" {
		return o, nil
	}
	text, err := os.ReadFile(k.CA)
	if err != nil {
		return o, err
	}
	o.TLS.RootCAs = x509.NewCertPool()
	if !o.TLS.RootCAs.AppendCertsFromPEM(text) {
		return o, fmt.Errorf("%s holds no PEM certificate", k.CA)
	}
	return o, nil
}

// brokerNotices reads a topic as any client does. It is opened when it is
// first read, and again after a failure.
type brokerNotices struct {
	access kafka.DialOptions
	topic  string
	reader *kafka.Reader
	// before is how many records there were at first: nobody's, or those of
	// an earlier run.
	before int
}

// openNotices connects to the brokers; what the topic holds already is left
// out.
func openNotices(ctx context.Context, access kafka.DialOptions, topic string) (*brokerNotices, error) {
	b := &brokerNotices{access: access, topic: topic}
	reader, err := kafka.OpenReader(ctx, access, topic)
	if err != nil {
		return nil, err
	}
	b.reader = reader
	got, err := reader.Read(ctx)
	if err != nil {
		reader.Close()
		return nil, err
	}
	b.before = len(got)
	return b, nil
}

// Topic is where the notices belong.
func (b *brokerNotices) Topic() string { return b.topic }

// Read returns all records since it was opened.
func (b *brokerNotices) Read(ctx context.Context) ([]contracttest.Notice, error) {
	if b.reader == nil {
		opened, err := openNotices(ctx, b.access, b.topic)
		if err != nil {
			return nil, err
		}
		*b = *opened
	}
	got, err := b.reader.Read(ctx)
	if err != nil {
		return nil, err
	}
	var out []contracttest.Notice
	for _, r := range got[min(b.before, len(got)):] {
		out = append(out, contracttest.Notice{Topic: r.Topic, Key: r.Key, Value: r.Value})
	}
	return out, nil
}

func (b *brokerNotices) close() {
	if b.reader != nil {
		b.reader.Close()
	}
}

// emulatorNotices lets the notices of an emulator be read where it publishes
// them. Where the brokers cannot be reached from here, the control API tells
// them, without keys and topics.
func (a *app) emulatorNotices(ctx context.Context, f *contractFlags, o *emutarget.Options) (stop func(), err error) {
	nothing := func() {}
	if f.kafka == kafkaNone {
		return nothing, nil
	}
	var brokers []string
	if f.kafka != "" {
		if brokers, err = kafka.ParseBrokers(f.kafka); err != nil {
			return nothing, usageError(fmt.Errorf("--kafka: %w", err))
		}
	} else if brokers, err = emutarget.Brokers(ctx, *o); err != nil || len(brokers) == 0 {
		return nothing, err
	}
	access := kafka.DialOptions{Brokers: brokers}
	quick, cancel := clock.Timeout(ctx, 3*time.Second)
	defer cancel()
	probe, err := kafka.OpenReader(quick, access, "emu")
	if err != nil {
		if f.kafka != "" {
			return nothing, fmt.Errorf("--kafka: %w", err)
		}
		fmt.Fprintf(a.std.err, "emu: the emulator's brokers cannot be reached from here, so the control API tells its notices, without keys and topics: %v\n", err)
		return nothing, ctx.Err()
	}
	probe.Close()
	var opened []*brokerNotices
	o.Notices = func(topic string) contracttest.Notices {
		b := &brokerNotices{access: access, topic: topic}
		opened = append(opened, b)
		return b
	}
	return func() {
		for _, b := range opened {
			b.close()
		}
	}, nil
}

// notices reads those of a target that is no emulator; nil when nobody says
// where.
func (f *contractFlags) notices(ctx context.Context, access *kafkaAccess) (contracttest.Notices, func(), error) {
	nothing := func() {}
	if access == nil {
		access = &kafkaAccess{}
	}
	if f.kafka != "" && f.kafka != kafkaNone {
		brokers, err := kafka.ParseBrokers(f.kafka)
		if err != nil {
			return nil, nothing, usageError(fmt.Errorf("--kafka: %w", err))
		}
		access.Brokers = brokers
	}
	if f.kafkaTopic != "" {
		access.Topic = f.kafkaTopic
	}
	if len(access.Brokers) == 0 || f.kafka == kafkaNone {
		return nil, nothing, nil
	}
	if access.Topic == "" {
		return nil, nothing, usageError(errors.New("--kafka-topic: the notices of a target that is no emulator need the name of their topic"))
	}
	options, err := access.options()
	if err != nil {
		return nil, nothing, usageError(fmt.Errorf("--credentials: kafka: %w", err))
	}
	b, err := openNotices(ctx, options, access.Topic)
	if err != nil {
		return nil, nothing, fmt.Errorf("%w: %w", contracttest.ErrUnreachable, err)
	}
	return b, b.close, nil
}
