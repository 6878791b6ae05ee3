package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"strconv"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/swanemu/emu/emulator"
)

// EmbedOptions says where the broker inside the process listens and what it
// keeps. The zero value is a broker on a free port of 127.0.0.1 that keeps its
// records in memory.
type EmbedOptions struct {
	// Listen is the host:port to listen on; empty means 127.0.0.1:0, and port
	// 0 any free port.
	Listen string
	// Advertise is the host:port, or only the host, under which clients find
	// the broker. Empty means the address it listens on, and 127.0.0.1 where
	// that is every address. Clients connect to it whatever they bootstrapped
	// from, so it must be right for all of them.
	Advertise string
	// DataDir is a directory to keep topics, records and consumer groups in;
	// it is made if it is missing. A record is on the disk before it is
	// acknowledged. Only one broker may use a directory at a time. Empty means
	// memory.
	DataDir string
	// Topics are created, where they are missing, before Embed returns.
	Topics []string
	// Partitions is how many partitions a created topic gets; 0 means 4.
	Partitions int
	// Logger gets what the broker and its client have to say; nil drops it.
	Logger *slog.Logger
}

// Embedded is a Kafka broker inside the process, with neither TLS nor SASL. It
// is made by Embed and is safe for concurrent use. It creates a topic when
// something is published to it, and when a client asks for it by name, so that
// consumers can subscribe before there is a record. Its timers use real time;
// nothing is deleted by age, and of each partition about the newest 16 MiB
// are kept, unless a client configures a topic otherwise.
type Embedded struct {
	*publisher
	cluster  *kfake.Cluster
	listener *listener
	// untrimmed counts the bytes published since the oldest were last dropped.
	untrimmed atomic.Int64
}

var _ emulator.Broker = (*Embedded)(nil)

// Embed starts a broker; it answers when Embed returns. The context bounds
// only the start. Close stops the broker.
func Embed(ctx context.Context, o EmbedOptions) (*Embedded, error) {
	if o.Partitions < 0 || o.Partitions > math.MaxInt16 {
		return nil, fmt.Errorf("embed kafka: %d partitions are asked for, expected 1 to %d", o.Partitions, math.MaxInt16)
	}
	ln, err := listen(ctx, cmp.Or(o.Listen, "127.0.0.1:0"), o.Advertise)
	if err != nil {
		return nil, fmt.Errorf("embed kafka: %w", err)
	}
	e := &Embedded{listener: ln}
	if err := e.start(ctx, &o); err != nil {
		return nil, errors.Join(fmt.Errorf("embed kafka: %w", err), e.Close())
	}
	return e, nil
}

func (e *Embedded) start(ctx context.Context, o *EmbedOptions) error {
	partitions := cmp.Or(o.Partitions, defaultPartitions)
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.DefaultNumPartitions(partitions),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return e.listener, nil }),
		kfake.WithLogger(brokerLogger(o.Logger)),
	}
	if o.DataDir != "" {
		opts = append(opts, kfake.DataDir(o.DataDir), kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		if o.DataDir != "" {
			return fmt.Errorf("broker with data in %s: %w", o.DataDir, err)
		}
		return fmt.Errorf("broker: %w", err)
	}
	e.cluster = cluster

	e.publisher, err = newPublisher(describer(SASL{}, false), o.Logger,
		kgo.SeedBrokers(e.listener.advertised.String()),
		// Not through the network: the advertised address need not be
		// reachable from here.
		kgo.Dialer(func(ctx context.Context, _, _ string) (net.Conn, error) { return e.listener.dial(ctx) }),
	)
	if err != nil {
		return err
	}
	e.where = "the embedded broker at " + e.listener.advertised.String()
	e.spec = topicSpec{ // in range: checked by Embed
		partitions: int32(partitions), replicas: 1,
		// Age is no reason: the records carry the time of a sandbox.
		configs: []map[string]string{{"retention.bytes": strconv.Itoa(keptBytes), "retention.ms": "-1"}},
	}

	if err := e.Ready(ctx); err != nil {
		return err
	}
	if err := e.ensureTopics(ctx, o.Topics); err != nil {
		return err
	}
	e.listener.serve(func(ctx context.Context, topic string) {
		// What goes wrong here the client sees as a topic that is not there.
		if checkTopic(topic) == nil {
			_ = e.ensureTopic(ctx, topic)
		}
	})
	return nil
}

// keptBytes is about what a partition keeps, trimEvery how many bytes are
// published, keys and values alone, between two looks at what is more: the
// broker looks by itself only where topics are compacted.
const (
	keptBytes = 16 << 20
	trimEvery = 8 << 20
)

// Publish is emulator.Broker's. Now and then it drops what is over the limit.
func (e *Embedded) Publish(ctx context.Context, records []emulator.Record) []error {
	errs := e.publisher.Publish(ctx, records)
	size := int64(0)
	for i := range records {
		size += int64(len(records[i].Key) + len(records[i].Value))
	}
	if e.untrimmed.Add(size) >= trimEvery && !e.isClosed() {
		e.untrimmed.Store(0)
		e.cluster.ApplyRetention()
	}
	return errs
}

// Ready returns nil when the broker answers. A context without a deadline is
// given 15 seconds.
func (e *Embedded) Ready(ctx context.Context) error {
	if e.isClosed() {
		return ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := e.client.Ping(ctx); err != nil {
		return fmt.Errorf("kafka is not ready: %s: %w", e.where, err)
	}
	return nil
}

// Addresses returns the one host:port under which clients find the broker.
func (e *Embedded) Addresses() []string { return []string{e.listener.advertised.String()} }

// Close stops the broker and writes what is to be kept. Records that are still
// on their way fail with ErrClosed. Calling it again does nothing and returns
// nil.
func (e *Embedded) Close() error {
	if e.publisher != nil && !e.close() {
		return nil
	}
	if e.cluster != nil {
		e.cluster.Close()
	}
	return e.listener.Close()
}

// address is a host:port as a net.Addr.
type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

// advertise makes the address to advertise of what was asked for and where the
// broker listens.
func advertise(asked string, listens net.Addr) (address, error) {
	host, port, err := net.SplitHostPort(listens.String())
	if err != nil {
		return "", fmt.Errorf("the listener's address %q: %w", listens, err)
	}
	if asked == "" {
		if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
			host = "127.0.0.1"
		}
		return address(net.JoinHostPort(host, port)), nil
	}
	askedHost, askedPort, err := net.SplitHostPort(asked)
	if err != nil {
		askedHost, askedPort = asked, "0" // a host alone, which net refuses
	}
	if askedPort == "0" || askedPort == "" {
		askedPort = port
	}
	whole := net.JoinHostPort(askedHost, askedPort)
	if _, err := parseBroker(whole); err != nil {
		return "", fmt.Errorf("advertised address %q: %w", asked, err)
	}
	if ip := net.ParseIP(askedHost); ip != nil && ip.IsUnspecified() {
		return "", fmt.Errorf("advertised address %q: clients cannot connect to it, expected a host they can reach", asked)
	}
	if _, err := strconv.ParseUint(askedPort, 10, 16); err != nil {
		return "", fmt.Errorf("advertised address %q: the port is not a number", asked)
	}
	return address(whole), nil
}
