package kafka_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/emulator/kafka"
)

// republish sends what failed again, in order, until all of it is there.
func republish(t *testing.T, b emulator.Broker, records []emulator.Record, each time.Duration) {
	t.Helper()
	ctx := within(t, 60*time.Second)
	for len(records) > 0 {
		if ctx.Err() != nil {
			t.Fatalf("%d records are still not published", len(records))
		}
		attempt, cancel := context.WithTimeout(ctx, each)
		var failed []emulator.Record
		for i, err := range b.Publish(attempt, records) {
			if err != nil {
				failed = append(failed, records[i])
			}
		}
		cancel()
		records = failed
	}
}

func TestBrokerStopsAndStarts(t *testing.T) {
	for name, dir := range map[string]string{"keeps its data": t.TempDir(), "forgets everything": ""} {
		t.Run(name, func(t *testing.T) {
			opts := []kfake.Opt{kfake.Ports(freePort(t))}
			if dir != "" {
				opts = append(opts, kfake.DataDir(dir), kfake.SyncWrites())
			}
			broker := fakeBroker(t, opts...)
			c := dial(t, kafka.DialOptions{Brokers: broker.ListenAddrs()})
			publish(t, c, numbered("t", 0, 100, 7))

			for round := range 3 {
				broker.Close()
				records := numbered("t", 100*(round+1), 100, 7)
				for i, err := range c.Publish(within(t, 300*time.Millisecond), records) {
					if err == nil {
						t.Fatalf("record %d is published without a broker", i)
					}
					if i == 0 {
						t.Log(err)
					}
					if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), c.Addresses()[0]) {
						t.Fatalf("record %d: %v; want a deadline and the broker's address", i, err)
					}
				}
				if err := c.Ready(within(t, 300*time.Millisecond)); err == nil {
					t.Error("ready without a broker")
				}
				broker = fakeBroker(t, opts...)
				publish(t, c, records)
				if err := c.Ready(within(t, 5*time.Second)); err != nil {
					t.Error(err)
				}
			}
			if dir == "" {
				checkOrder(t, readBack(t, c, "t", 100))
				return
			}
			got := take(t, consumer(t, c.Addresses(), kgo.ConsumeTopics("t")), func(got []*kgo.Record) bool {
				return len(distinct(got)) >= 400
			})
			checkComplete(t, got, 400)
			checkOrder(t, got)
		})
	}
}

func TestPublishWhileBrokerStopsAndStarts(t *testing.T) {
	opts := []kfake.Opt{kfake.Ports(freePort(t)), kfake.DataDir(t.TempDir()), kfake.SyncWrites()}
	broker := fakeBroker(t, opts...)
	c := dial(t, kafka.DialOptions{Brokers: broker.ListenAddrs()})
	const rounds, perRound = 60, 30
	ready := make(chan int, rounds)
	var work sync.WaitGroup
	work.Go(func() {
		defer close(ready)
		for round := range rounds {
			republish(t, c, numbered("t", round*perRound, perRound, 7), 150*time.Millisecond)
			ready <- round
		}
	})
	for round := range ready {
		if round%20 == 10 {
			broker.Close()
			broker = fakeBroker(t, opts...)
		}
	}
	work.Wait()
	got := take(t, consumer(t, c.Addresses(), kgo.ConsumeTopics("t")), func(got []*kgo.Record) bool {
		return len(distinct(got)) >= rounds*perRound
	})
	checkComplete(t, got, rounds*perRound)
	checkOrder(t, got)
}

// A broker that has taken a request and does not answer.
func TestPublishReturnsInTime(t *testing.T) {
	broker := fakeBroker(t, kfake.SleepOutOfOrder())
	c := dial(t, kafka.DialOptions{Brokers: broker.ListenAddrs(), Topics: []string{"t"}})
	release := make(chan struct{})
	let := sync.OnceFunc(func() { close(release) })
	t.Cleanup(let)
	broker.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		broker.SleepControl(func() { <-release })
		return nil, nil, false
	})
	records := numbered("t", 0, 50, 7)
	outer := within(t, 10*time.Second)
	for range 2 { // the second finds the first one's records on their way
		ctx, cancel := context.WithTimeout(outer, 300*time.Millisecond)
		for i, err := range c.Publish(ctx, records) {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("record %d: %v, want the deadline", i, err)
			}
		}
		cancel()
	}
	if outer.Err() != nil {
		t.Fatal("publishing took longer than its context")
	}
	ctx, cancel := context.WithCancel(outer)
	context.AfterFunc(within(t, 100*time.Millisecond), cancel)
	if errs := c.Publish(ctx, records); !errors.Is(errs[0], context.Canceled) {
		t.Fatalf("%v, want it cancelled", errs[0])
	}
	let()
	republish(t, c, records, 5*time.Second)
	got := take(t, consumer(t, c.Addresses(), kgo.ConsumeTopics("t")), func(got []*kgo.Record) bool {
		return len(distinct(got)) >= 50
	})
	checkComplete(t, got, 50)
	checkOrder(t, got)
}

// A broker that refuses a batch for good must not get what follows it.
func TestPublishRefusedBatch(t *testing.T) {
	broker := fakeBroker(t)
	c := dial(t, kafka.DialOptions{Brokers: broker.ListenAddrs(), Topics: []string{"t"}})
	var once sync.Once
	refused := int32(-1)
	broker.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		handled := false
		var resp *kmsg.ProduceResponse
		once.Do(func() {
			produce := req.(*kmsg.ProduceRequest)
			resp = produce.ResponseKind().(*kmsg.ProduceResponse)
			for _, topic := range produce.Topics {
				answer := kmsg.NewProduceResponseTopic()
				answer.Topic, answer.TopicID = topic.Topic, topic.TopicID
				for _, partition := range topic.Partitions {
					part := kmsg.NewProduceResponseTopicPartition()
					part.Partition = partition.Partition
					part.ErrorCode = kerr.InvalidRecord.Code
					refused = partition.Partition
					answer.Partitions = append(answer.Partitions, part)
				}
				resp.Topics = append(resp.Topics, answer)
			}
			handled = true
		})
		return resp, nil, handled
	})
	const n = 4000 // four chunks
	records := numbered("t", 0, n, 7)
	failed := make(map[string]bool)
	for i, err := range c.Publish(within(t, 20*time.Second), records) {
		key := string(records[i].Key)
		if failed[key] && err == nil {
			t.Fatalf("record %d with key %s is published after a failed one", i, key)
		}
		if err != nil {
			failed[key] = true
			if !errors.Is(err, kerr.InvalidRecord) {
				t.Fatalf("record %d: %v, want the broker's reason", i, err)
			}
		}
	}
	if len(failed) == 0 || refused < 0 {
		t.Fatal("the broker has refused nothing")
	}
	republish(t, c, records, 20*time.Second)
	got := take(t, consumer(t, c.Addresses(), kgo.ConsumeTopics("t")), func(got []*kgo.Record) bool {
		return len(distinct(got)) >= n
	})
	checkComplete(t, got, n)
	checkOrder(t, got)
}

func TestTopicIsDeleted(t *testing.T) {
	e := embed(t, kafka.EmbedOptions{})
	publish(t, e, numbered("t", 0, 10, 3))
	admin := consumer(t, e.Addresses())
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TopicNames = []string{"t"}
	topic := kmsg.NewDeleteTopicsRequestTopic()
	topic.Topic = kmsg.StringPtr("t")
	req.Topics = append(req.Topics, topic)
	if _, err := req.RequestWith(within(t, 5*time.Second), admin); err != nil {
		t.Fatal(err)
	}
	publish(t, e, numbered("t", 0, 10, 3))
	checkComplete(t, readBack(t, e, "t", 10), 10)
}
