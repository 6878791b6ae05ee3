package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/swanemu/emu/emulator"
)

// A Reader reads one topic from its beginning, whoever writes it. It joins no
// group and commits nothing, so that nobody else notices. It is made by
// OpenReader and not safe for concurrent use.
type Reader struct {
	client *kgo.Client
	topic  string
	got    []emulator.Record
	// next is the offset after the last record of each partition.
	next map[int32]int64
}

// The offsets that a broker is asked for: of the first record, and after the last.
const (
	earliest = -2
	latest   = -1
)

// OpenReader connects to brokers as Dial does; of the options it takes those
// that say how to reach them. The topic need not exist yet. Close the Reader.
func OpenReader(ctx context.Context, o DialOptions, topic string) (*Reader, error) {
	if err := checkTopic(topic); err != nil {
		return nil, fmt.Errorf("read kafka: %w", err)
	}
	mechanism, err := o.SASL.mechanism()
	if err != nil {
		return nil, fmt.Errorf("read kafka: %w", err)
	}
	brokers, err := ParseBrokers(strings.Join(o.Brokers, ","))
	if err != nil {
		return nil, fmt.Errorf("read kafka: %w", err)
	}
	opts := []kgo.Opt{
		kgo.ClientID("emu"), kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.FetchMaxWait(100 * time.Millisecond), kgo.RetryBackoffFn(backoff), kgo.DisableClientMetrics(),
		kgo.WithLogger(clientLogger(o.Logger)),
	}
	if o.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(o.TLS.Clone()))
	}
	if mechanism != nil {
		opts = append(opts, kgo.SASL(mechanism))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("read kafka: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := client.Ping(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("read kafka: %s: %w", strings.Join(brokers, ", "), err)
	}
	return &Reader{client: client, topic: topic, next: map[int32]int64{}}, nil
}

// Topic is the name of the topic.
func (r *Reader) Topic() string { return r.topic }

// Read returns every record that the topic has had since its beginning, up to
// what was there when Read was called. Records of one partition are in order;
// what a Read returned stays as it was in front of what is new. A topic that
// does not exist has none.
func (r *Reader) Read(ctx context.Context) ([]emulator.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	ends, err := r.ends(ctx)
	if err != nil {
		return nil, fmt.Errorf("read kafka: topic %s: %w", r.topic, err)
	}
	for !r.reached(ends) {
		fetches := r.client.PollFetches(ctx)
		for _, problem := range fetches.Errors() {
			if ctx.Err() != nil || !errors.Is(problem.Err, kerr.UnknownTopicOrPartition) {
				return nil, fmt.Errorf("read kafka: topic %s: %w", r.topic, problem.Err)
			}
		}
		fetches.EachRecord(func(k *kgo.Record) {
			r.next[k.Partition] = k.Offset + 1
			record := emulator.Record{Topic: k.Topic, Key: k.Key, Value: k.Value, Time: k.Timestamp}
			for _, h := range k.Headers {
				record.Headers = append(record.Headers, emulator.Header{Name: h.Key, Value: string(h.Value)})
			}
			r.got = append(r.got, record)
		})
	}
	return append([]emulator.Record(nil), r.got...), nil
}

// reached reports whether all records before the ends were read.
func (r *Reader) reached(ends map[int32]int64) bool {
	for partition, end := range ends {
		if r.next[partition] < end {
			return false
		}
	}
	return true
}

// ends returns the present end of each partition that has records.
func (r *Reader) ends(ctx context.Context) (map[int32]int64, error) {
	partitions, err := r.partitions(ctx)
	if err != nil || len(partitions) == 0 {
		return nil, err
	}
	// A partition whose records were all deleted begins where it ends.
	first, err := r.offsets(ctx, partitions, earliest)
	if err != nil {
		return nil, err
	}
	ends, err := r.offsets(ctx, partitions, latest)
	for partition, end := range ends {
		if end == first[partition] {
			delete(ends, partition)
		}
	}
	return ends, err
}

// partitions are the topic's; none where it does not exist.
func (r *Reader) partitions(ctx context.Context) ([]int32, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr(r.topic)
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, r.client)
	if err != nil {
		return nil, fmt.Errorf("asking for the topic: %w", err)
	}
	var out []int32
	for i := range resp.Topics {
		t := &resp.Topics[i]
		err := kerr.ErrorForCode(t.ErrorCode)
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for j := range t.Partitions {
			out = append(out, t.Partitions[j].Partition)
		}
	}
	return out, nil
}

// offsets asks for an offset of each partition: earliest or latest.
func (r *Reader) offsets(ctx context.Context, partitions []int32, which int64) (map[int32]int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = r.topic
	for _, partition := range partitions {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = partition, which
		topic.Partitions = append(topic.Partitions, p)
	}
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, r.client)
	if err != nil {
		return nil, fmt.Errorf("asking for the offsets: %w", err)
	}
	out := map[int32]int64{}
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			p := &resp.Topics[i].Partitions[j]
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, err
			}
			out[p.Partition] = p.Offset
		}
	}
	return out, nil
}

// Close ends the connections.
func (r *Reader) Close() { r.client.Close() }
