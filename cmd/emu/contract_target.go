package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/contracttest/emutarget"
	"github.com/swanemu/emu/emulator"
)

// exitUnreachable is the exit code where nobody answers.
const exitUnreachable = 3

// contractError gives an error its exit code.
func contractError(err error) error {
	if errors.Is(err, contracttest.ErrUnreachable) {
		return &exitError{code: exitUnreachable, err: err}
	}
	return err
}

// contractTarget is what is checked, and how to let go of it.
func (a *app) contractTarget(ctx context.Context, f *contractFlags, o *contracttest.Options) (contracttest.Target, func(context.Context) error, error) {
	nothing := func(context.Context) error { return nil }
	options := emutarget.Options{URL: f.target, AdminToken: a.adminToken(&runFlags{adminToken: f.adminToken})}
	stop := nothing
	switch {
	case f.target == "":
		broker := &keptNotices{}
		base, end, err := serveHere(ctx, broker)
		if err != nil {
			return contracttest.Target{}, nothing, err
		}
		stop, options.URL, options.AdminToken = end, base, ""
		options.Notices = func(topic string) contracttest.Notices { return keptTopic{broker, topic} }
	case f.credentials != "":
		data, err := os.ReadFile(f.credentials)
		var file struct {
			contracttest.Credentials
			Samples map[string]string `json:"samples"`
			Kafka   *kafkaAccess      `json:"kafka"`
		}
		if err == nil {
			d := json.NewDecoder(bytes.NewReader(data))
			d.DisallowUnknownFields()
			err = d.Decode(&file)
		}
		if err != nil {
			return contracttest.Target{}, nothing, usageError(fmt.Errorf("--credentials: %w", err))
		}
		target := contracttest.Target{URL: f.target, Credentials: file.Credentials, Samples: file.Samples}
		read, end, err := f.notices(ctx, file.Kafka)
		if read != nil {
			target.Notices = read
		}
		return target, surely(end), err
	default:
		is, err := emutarget.Is(ctx, options)
		if err != nil || !is {
			return contracttest.Target{URL: f.target}, nothing, err
		}
		end, err := a.emulatorNotices(ctx, f, &options)
		if err != nil {
			return contracttest.Target{}, nothing, err
		}
		stop = surely(end)
	}
	box, err := emutarget.Open(ctx, options)
	if err != nil {
		return contracttest.Target{}, nothing, errors.Join(err, stop(ctx))
	}
	if o.Mode == "" && box.Local() {
		o.Mode = contracttest.Destructive // the sandbox is the run's own
	}
	return box.Target(), func(ctx context.Context) error { return errors.Join(box.Close(ctx), stop(ctx)) }, nil
}

// surely is an end that cannot fail.
func surely(end func()) func(context.Context) error {
	return func(context.Context) error {
		end()
		return nil
	}
}

// serveHere runs an emulator in this process.
func serveHere(ctx context.Context, broker emulator.Broker) (base string, stop func(context.Context) error, err error) {
	em, err := emulator.New(ctx, emulator.Options{
		Strict: true, Clock: emulator.Clock{Mode: "virtual"}, Broker: broker, NotifyTimeout: merchantTime,
	})
	if err != nil {
		return "", nil, err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, errors.Join(err, em.Close(ctx))
	}
	server := &http.Server{Handler: em, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(ln) // it ends with Close
	}()
	return "http://" + ln.Addr().String(), func(ctx context.Context) error {
		err := server.Close()
		<-ended
		return errors.Join(err, em.Close(ctx))
	}, nil
}

// keptNotices is a broker that keeps what it is given.
type keptNotices struct {
	mu  sync.Mutex // guards got
	got []contracttest.Notice
}

// Publish keeps the records.
func (k *keptNotices) Publish(_ context.Context, records []emulator.Record) []error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, r := range records {
		k.got = append(k.got, contracttest.Notice{Topic: r.Topic, Key: r.Key, Value: r.Value})
	}
	return make([]error, len(records))
}

// Ready is always nil.
func (*keptNotices) Ready(context.Context) error { return nil }

// Addresses are none.
func (*keptNotices) Addresses() []string { return nil }

// Close does nothing.
func (*keptNotices) Close() error { return nil }

// keptTopic reads what a broker keeps.
type keptTopic struct {
	*keptNotices
	topic string
}

// Topic is where the notices belong.
func (k keptTopic) Topic() string { return k.topic }

// Read returns all records.
func (k keptTopic) Read(context.Context) ([]contracttest.Notice, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.got), nil
}

// merchantTime is how long an emulator that is there for a run waits for the
// run's merchant, which is in this process: a check lets it time out.
const merchantTime = 500 * time.Millisecond
