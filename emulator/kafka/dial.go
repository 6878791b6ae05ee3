package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/swanemu/emu/emulator"
)

// The SASL mechanisms Dial can use.
const (
	// Plain sends the password as it is; use it over TLS only.
	Plain = "plain"
	// ScramSHA256 proves that both sides know the password, hashed with
	// SHA-256, without sending it.
	ScramSHA256 = "scram-sha-256"
	// ScramSHA512 is the same with SHA-512.
	ScramSHA512 = "scram-sha-512"
)

// SASL is how a client authenticates to brokers. The zero value is no
// authentication.
type SASL struct {
	// Mechanism is Plain, ScramSHA256 or ScramSHA512; upper case is taken too.
	Mechanism string
	// User is the name to authenticate as.
	User string
	// Password never appears in an error or a log line.
	Password string
}

// String describes the credentials without the password.
func (s SASL) String() string {
	if s == (SASL{}) {
		return "no SASL"
	}
	return fmt.Sprintf("SASL %s, user %q", s.Mechanism, s.User)
}

// GoString describes the credentials without the password.
func (s SASL) GoString() string { return "kafka.SASL{" + s.String() + "}" }

// LogValue describes the credentials without the password.
func (s SASL) LogValue() slog.Value { return slog.StringValue(s.String()) }

func (s SASL) mechanism() (sasl.Mechanism, error) {
	if s == (SASL{}) {
		return nil, nil
	}
	if s.Mechanism == "" {
		return nil, fmt.Errorf("a SASL user or password is given without a mechanism, expected %s, %s or %s",
			Plain, ScramSHA256, ScramSHA512)
	}
	if s.User == "" || s.Password == "" {
		return nil, fmt.Errorf("SASL %s needs a user and a password", s.Mechanism)
	}
	switch strings.ToLower(s.Mechanism) {
	case Plain:
		return plain.Auth{User: s.User, Pass: s.Password}.AsMechanism(), nil
	case ScramSHA256:
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha256Mechanism(), nil
	case ScramSHA512:
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("the SASL mechanism %q is not known, expected %s, %s or %s",
		s.Mechanism, Plain, ScramSHA256, ScramSHA512)
}

// DialOptions says how to reach brokers and how to make topics. Only Brokers
// is required.
type DialOptions struct {
	// Brokers are the host:port to bootstrap from; see ParseBrokers.
	Brokers []string
	// TLS, when not nil, is used for every connection; the server's name is
	// taken from each broker's host unless it is set.
	TLS *tls.Config
	// SASL authenticates every connection.
	SASL SASL
	// Topics are created, where they are missing, before Dial returns.
	Topics []string
	// Partitions is how many partitions a created topic gets; 0 means 4.
	Partitions int
	// Replicas is how many replicas a created topic gets; 0 leaves it to the
	// brokers.
	Replicas int
	// TopicConfig is the configuration of a created topic. Nil means to keep
	// records forever and to take any timestamp (retention.ms,
	// message.timestamp.after.max.ms): the sandbox's clock may be far from the
	// brokers', which would delete or refuse its records otherwise.
	TopicConfig map[string]string
	// PublishTimeout bounds one Publish; 0 means 30 seconds. The context's
	// deadline holds as well.
	PublishTimeout time.Duration
	// Logger gets what the client has to say; nil drops it.
	Logger *slog.Logger
}

// Cluster publishes to brokers outside the process. It is made by Dial and is
// safe for concurrent use.
type Cluster struct {
	*publisher
	brokers  []string
	describe func(addr string, err error) *BrokerError
}

var _ emulator.Broker = (*Cluster)(nil)

const (
	// dialTimeout bounds a Dial or Ready whose context does not.
	dialTimeout = 15 * time.Second
	// dialPause is the time between two attempts to reach the brokers.
	dialPause = 200 * time.Millisecond
)

// Dial connects to brokers and returns when one of them has answered and the
// topics asked for exist. While the brokers refuse connections or do not
// answer it tries again until ctx ends, 15 seconds if ctx has no deadline; a
// TLS or SASL failure ends it at once. The error contains a *BrokerError for
// every bootstrap address that was tried. Close ends the connections.
func Dial(ctx context.Context, o DialOptions) (*Cluster, error) {
	mechanism, err := o.SASL.mechanism()
	if err != nil {
		return nil, fmt.Errorf("dial kafka: %w", err)
	}
	if len(o.Brokers) == 0 {
		return nil, errors.New("dial kafka: no brokers are given, expected at least one host:port")
	}
	brokers, err := ParseBrokers(strings.Join(o.Brokers, ","))
	if err != nil {
		return nil, fmt.Errorf("dial kafka: %w", err)
	}
	spec, err := o.topicSpec()
	if err != nil {
		return nil, fmt.Errorf("dial kafka: %w", err)
	}

	c := &Cluster{brokers: brokers, describe: describer(o.SASL, o.TLS != nil)}
	opts := []kgo.Opt{kgo.SeedBrokers(brokers...)}
	if o.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(o.TLS.Clone()))
	}
	if mechanism != nil {
		opts = append(opts, kgo.SASL(mechanism))
	}
	c.publisher, err = newPublisher(c.describe, o.Logger, opts...)
	if err != nil {
		return nil, fmt.Errorf("dial kafka: %w", err)
	}
	c.where = strings.Join(brokers, ", ")
	c.timeout = cmp.Or(o.PublishTimeout, publishTimeout)
	c.spec = spec

	if err := c.start(ctx, o.Topics); err != nil {
		c.close()
		return nil, fmt.Errorf("dial kafka: %w", err)
	}
	return c, nil
}

func (o *DialOptions) topicSpec() (topicSpec, error) {
	if o.Partitions < 0 || o.Partitions > math.MaxInt16 {
		return topicSpec{}, fmt.Errorf("%d partitions are asked for, expected 1 to %d", o.Partitions, math.MaxInt16)
	}
	if o.Replicas < 0 || o.Replicas > math.MaxInt16 {
		return topicSpec{}, fmt.Errorf("%d replicas are asked for, expected 1 to %d", o.Replicas, math.MaxInt16)
	}
	spec := topicSpec{
		partitions: int32(cmp.Or(o.Partitions, defaultPartitions)), // in range: checked above
		replicas:   int16(cmp.Or(o.Replicas, -1)),                  // in range: checked above
	}
	if o.TopicConfig != nil {
		spec.configs = []map[string]string{maps.Clone(o.TopicConfig)}
		return spec, nil
	}
	keep := map[string]string{"retention.ms": "-1"}
	anyTime := maps.Clone(keep)
	// Since Kafka 4 topics refuse records from more than an hour ahead.
	anyTime["message.timestamp.after.max.ms"] = strconv.FormatInt(math.MaxInt64, 10)
	spec.configs = []map[string]string{anyTime, keep, nil}
	return spec, nil
}

// newPublisher makes the client both kinds of broker use. Nothing is sent yet.
func newPublisher(describe func(string, error) *BrokerError, logger *slog.Logger, opts ...kgo.Opt) (*publisher, error) {
	p := &publisher{
		trouble: &trouble{describe: describe, last: make(map[string]*BrokerError)},
		timeout: publishTimeout,
		topics:  make(map[string]*topicState),
	}
	all := append([]kgo.Opt{
		kgo.ClientID("emu"),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(newPartitioner()),
		// Not every client has a decompressor, and notices are small.
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.ProducerBatchMaxBytes(batchBytes),
		kgo.ProducerLinger(lingerTime),
		// The context decides how long to wait, also for what is on its way.
		kgo.AllowIdempotentProduceCancellation(),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.RetryBackoffFn(backoff),
		kgo.DisableClientMetrics(),
		kgo.WithHooks(p.trouble),
		kgo.WithLogger(clientLogger(logger)),
	}, opts...)
	client, err := kgo.NewClient(all...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	p.client = client
	return p, nil
}

// backoff is how long the client waits before it tries again: 50 ms doubled
// with every attempt, at most a second, so that a broker which is back is
// noticed soon.
func backoff(tries int) time.Duration {
	return min(50*time.Millisecond<<min(tries, 5), time.Second)
}

// start waits for the brokers and makes the topics.
func (c *Cluster) start(ctx context.Context, topics []string) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var last error
	for {
		err := c.ready(ctx)
		if err == nil {
			break
		}
		// What ended with the context says less than what came before it.
		if last == nil || ctx.Err() == nil {
			last = err
		}
		if isFinal(err) || pause(ctx, dialPause) != nil {
			return last
		}
	}
	return c.ensureTopics(ctx, topics)
}

func (p *publisher) ensureTopics(ctx context.Context, topics []string) error {
	for _, topic := range topics {
		if err := checkTopic(topic); err != nil {
			return err
		}
		if err := p.ensureTopic(ctx, topic); err != nil {
			return fmt.Errorf("topic %s: %w", topic, err)
		}
	}
	return nil
}

// isFinal reports whether all of the brokers' problems are of a kind that
// does not go away.
func isFinal(err error) bool {
	if several, ok := errors.AsType[joined](err); ok {
		return !slices.ContainsFunc(several, func(err error) bool { return !isFinal(err) })
	}
	broker, ok := errors.AsType[*BrokerError](err)
	return ok && broker.final()
}

// Ready returns nil when a bootstrap broker answers and a broker it names can
// be reached under the address it is advertised with. Otherwise the error
// contains a *BrokerError for every address that was tried. A context without
// a deadline is given 15 seconds.
func (c *Cluster) Ready(ctx context.Context) error {
	if c.isClosed() {
		return ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := c.ready(ctx); err != nil {
		return fmt.Errorf("kafka is not ready: %w", err)
	}
	return nil
}

// Addresses returns the bootstrap addresses given to Dial.
func (c *Cluster) Addresses() []string { return slices.Clone(c.brokers) }

// Close ends the connections. Records that are still on their way fail with
// ErrClosed. Calling it again does nothing and returns nil.
func (c *Cluster) Close() error {
	c.close()
	return nil
}
