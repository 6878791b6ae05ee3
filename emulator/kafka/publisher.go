package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/swanemu/emu/emulator"
)

const (
	// chunkRecords and chunkBytes bound what of one topic is in flight at a
	// time. A chunk fits into one batch per partition, and a broker takes a
	// batch whole or not at all: that is what keeps order when it refuses one.
	chunkRecords = 1000
	chunkBytes   = 900_000
	// recordBytes is the largest key and value together that can be published;
	// it leaves room for the record's own frame in the client's largest batch.
	recordBytes = 999_000
	// batchBytes is the largest batch the client builds: what brokers take
	// when nobody has configured them.
	batchBytes = 1_000_012
	// lingerTime lets a chunk fill its batches; they are sent as soon as the
	// whole chunk is in them.
	lingerTime = 20 * time.Millisecond
	// settleTime is how long Publish waits, after its context has ended, for
	// the client to say which records made it.
	settleTime = 100 * time.Millisecond
	// publishTimeout bounds a Publish whose context does not.
	publishTimeout = 30 * time.Second
	// topicAttempts is how often a chunk is sent when the broker says that
	// the topic does not exist: it may have been deleted since it was seen.
	topicAttempts = 3
)

// publisher is what Cluster and Embedded share: a client and what it knows
// about topics.
type publisher struct {
	client  *kgo.Client
	trouble *trouble
	// where names the brokers in errors.
	where   string
	timeout time.Duration
	spec    topicSpec

	work sync.WaitGroup

	// mu guards closed and topics, and orders work.Add before work.Wait.
	mu     sync.Mutex
	closed bool
	topics map[string]*topicState
}

// topicState serialises what is published to one topic, so that records of
// two calls never share a batch and a call whose context has ended cannot
// take the records of a later one with it.
type topicState struct {
	// slot is held by whoever publishes to the topic.
	slot chan struct{}
	// exists is guarded by slot; it says that the topic was seen.
	exists bool
}

// run is the part of a Publish that goes to one topic: positions in the
// records of the call, in order.
type run struct {
	topic string
	at    []int
	done  chan []error
}

// Publish is emulator.Broker's: it returns one error per record, nil where all
// in-sync replicas have the record. Topics that do not exist are created.
// Different topics proceed side by side; calls for the same topic take turns.
// A call whose context has no deadline ends after 30 seconds, or after
// DialOptions.PublishTimeout. A record reported as failed may still have been
// written. The record's time is kept to the millisecond.
func (p *publisher) Publish(ctx context.Context, records []emulator.Record) []error {
	errs := make([]error, len(records))
	if len(records) == 0 {
		return errs
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()

	runs := splitRuns(records)
	for _, r := range runs {
		part := make([]emulator.Record, len(r.at))
		for i, at := range r.at {
			part[i] = records[at]
		}
		started := p.begin(func() { r.done <- p.publishTopic(ctx, r.topic, part) })
		if !started {
			r.done <- fill(make([]error, len(part)), ErrClosed)
		}
	}
	var late []*run
	for _, r := range runs {
		select {
		case part := <-r.done:
			r.put(part, errs)
		case <-ctx.Done():
			late = append(late, r)
		}
	}
	if len(late) > 0 {
		p.settle(ctx, late, errs)
	}
	return errs
}

// settle gives the runs that are open at the end of the context a moment to
// say which records made it, and fails the others.
func (p *publisher) settle(ctx context.Context, late []*run, errs []error) {
	moment, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	for _, r := range late {
		select {
		case part := <-r.done:
			r.put(part, errs)
		case <-moment.Done():
			r.put(fill(make([]error, len(r.at)), p.explain(r.topic, ctx.Err())), errs)
		}
	}
}

// put puts the outcome of the run's records in their places.
func (r *run) put(part, errs []error) {
	for i, at := range r.at {
		errs[at] = part[i]
	}
}

func splitRuns(records []emulator.Record) []*run {
	var runs []*run
	byTopic := make(map[string]*run)
	for i := range records {
		topic := records[i].Topic
		r := byTopic[topic]
		if r == nil {
			r = &run{topic: topic, done: make(chan []error, 1)}
			byTopic[topic] = r
			runs = append(runs, r)
		}
		r.at = append(r.at, i)
	}
	return runs
}

// begin runs work in the background unless the publisher is closed.
func (p *publisher) begin(work func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.work.Go(work)
	return true
}

func (p *publisher) topic(name string) *topicState {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := p.topics[name]
	if state == nil {
		state = &topicState{slot: make(chan struct{}, 1)}
		p.topics[name] = state
	}
	return state
}

// publishTopic publishes records of one topic, chunk after chunk. It holds the
// topic's slot until the client has given its word on every record.
func (p *publisher) publishTopic(ctx context.Context, topic string, records []emulator.Record) []error {
	errs := make([]error, len(records))
	if err := checkTopic(topic); err != nil {
		return fill(errs, fmt.Errorf("publish: %w", err))
	}
	state := p.topic(topic)
	select {
	case state.slot <- struct{}{}:
		defer func() { <-state.slot }()
	case <-ctx.Done():
		return fill(errs, p.explain(topic, fmt.Errorf("waiting for earlier records: %w", ctx.Err())))
	}

	failed := make(map[string]error)
	for next := 0; next < len(records); {
		var chunk []int
		chunk, next = cutChunk(records, next, failed, errs)
		if len(chunk) == 0 {
			continue
		}
		for i, err := range p.publishChunk(ctx, topic, state, records, chunk) {
			at := chunk[i]
			key := keyOf(records[at].Key)
			if err == nil && failed[key] != nil {
				err = afterFailure(failed[key])
			}
			if err != nil {
				errs[at] = err
				markFailed(failed, key, err)
			}
		}
	}
	return errs
}

// cutChunk returns the positions from next on that can be in flight together,
// and where the following chunk starts. Records that cannot be sent, because
// they are too large or follow a failure of their key, get their error here.
func cutChunk(records []emulator.Record, next int, failed map[string]error, errs []error) ([]int, int) {
	var chunk []int
	size := 0
	for ; next < len(records) && len(chunk) < chunkRecords; next++ {
		record := &records[next]
		key := keyOf(record.Key)
		length := len(record.Key) + len(record.Value)
		switch first := failed[key]; {
		case first != nil:
			errs[next] = afterFailure(first)
			continue
		case length > recordBytes:
			if len(chunk) > 0 {
				return chunk, next // what is before it goes first, and may fail first
			}
			errs[next] = fmt.Errorf("publish to topic %s: key and value have %d bytes, at most %d are allowed: %w",
				record.Topic, length, recordBytes, kerr.MessageTooLarge)
			markFailed(failed, key, errs[next])
			continue
		}
		if len(chunk) > 0 && size+length > chunkBytes {
			return chunk, next
		}
		chunk = append(chunk, next)
		size += length + 64 // the frame of a record, generously
	}
	return chunk, next
}

// publishChunk sends the records at the given positions and returns one error
// for each. When the broker does not know the topic it is created again and
// what failed is sent again.
func (p *publisher) publishChunk(
	ctx context.Context, topic string, state *topicState, records []emulator.Record, chunk []int,
) []error {
	errs := make([]error, len(chunk))
	pending := make([]int, len(chunk))
	for i := range chunk {
		pending[i] = i
	}
	for attempt := 1; ; attempt++ {
		if !state.exists {
			if err := p.ensureTopic(ctx, topic); err != nil {
				for _, i := range pending {
					errs[i] = p.explain(topic, err)
				}
				return errs
			}
			state.exists = true
		}
		pending = p.send(ctx, records, chunk, pending, errs)
		if len(pending) == 0 {
			return errs
		}
		// The topic is gone: forget what the client knows about it.
		state.exists = false
		p.client.PurgeTopicsFromProducing(topic)
		if attempt == topicAttempts {
			return errs
		}
	}
}

// send produces the pending records of a chunk, sets their errors, and returns
// those that failed because the broker does not know the topic.
func (p *publisher) send(ctx context.Context, records []emulator.Record, chunk, pending []int, errs []error) []int {
	produce := make([]*kgo.Record, len(pending))
	index := make(map[*kgo.Record]int, len(pending))
	for n, i := range pending {
		record := &records[chunk[i]]
		produce[n] = &kgo.Record{Topic: record.Topic, Key: record.Key, Value: record.Value, Timestamp: record.Time}
		for _, h := range record.Headers {
			produce[n].Headers = append(produce[n].Headers, kgo.RecordHeader{Key: h.Name, Value: []byte(h.Value)})
		}
		index[produce[n]] = i
	}
	for _, result := range p.client.ProduceSync(ctx, produce...) {
		i := index[result.Record]
		errs[i] = nil
		if result.Err != nil {
			errs[i] = p.explain(result.Record.Topic, result.Err)
		}
	}
	var unknown []int
	for _, i := range pending {
		if errors.Is(errs[i], kerr.UnknownTopicOrPartition) || errors.Is(errs[i], kerr.UnknownTopicID) {
			unknown = append(unknown, i)
		}
	}
	return unknown
}

// explain wraps an error of the client: what was done, and what is known about
// why it did not work.
func (p *publisher) explain(topic string, err error) error {
	switch {
	case errors.Is(err, kgo.ErrClientClosed):
		err = ErrClosed
	case errors.Is(err, kerr.InvalidTimestamp):
		err = fmt.Errorf("the topic refuses records with this time; "+
			"its message.timestamp.before.max.ms and message.timestamp.after.max.ms say what it takes: %w", err)
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		err = fmt.Errorf("the user may not write to the topic: %w", err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		if why := p.trouble.why(); why != nil {
			err = fmt.Errorf("%w; %w", err, why)
		} else {
			err = fmt.Errorf("no acknowledgement from %s: %w", p.where, err)
		}
	}
	return fmt.Errorf("publish to topic %s: %w", topic, err)
}

// close ends the client and waits for what is running. It reports whether
// this call was the one that closed.
func (p *publisher) close() bool {
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	p.mu.Unlock()
	if first {
		p.client.Close()
	}
	p.work.Wait()
	return first
}

func (p *publisher) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// keyOf makes a map key of a record's key that tells none from empty.
func keyOf(key []byte) string {
	if key == nil {
		return ""
	}
	return "=" + string(key)
}

func markFailed(failed map[string]error, key string, err error) {
	if failed[key] == nil {
		failed[key] = err
	}
}

func afterFailure(first error) error {
	return fmt.Errorf("not published, an earlier record with the same key failed: %w", first)
}

func fill(errs []error, err error) []error {
	for i := range errs {
		errs[i] = err
	}
	return errs
}
