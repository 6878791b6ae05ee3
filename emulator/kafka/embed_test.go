package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/emulator/kafka"
)

func TestEmbedReadBack(t *testing.T) {
	e := embed(t, kafka.EmbedOptions{})
	if err := e.Ready(within(t, time.Second)); err != nil {
		t.Fatal(err)
	}
	const n = 5000
	records := numbered("smartapp.change", 0, n, 16)
	publish(t, e, records)

	got := readBack(t, e, "smartapp.change", n)
	checkComplete(t, got, n)
	checkOrder(t, got)
	partitions := make(map[int32]bool)
	partitionOf := make(map[string]int32)
	for _, r := range got {
		partitions[r.Partition] = true
		if before, ok := partitionOf[string(r.Key)]; ok && before != r.Partition {
			t.Fatalf("key %s is on partitions %d and %d", r.Key, before, r.Partition)
		}
		partitionOf[string(r.Key)] = r.Partition
		for _, want := range records {
			if bytes.Equal(want.Value, r.Value) {
				if !want.Time.Equal(r.Timestamp) || !bytes.Equal(want.Key, r.Key) {
					t.Fatalf("record %s: key %s, time %v; want %s, %v", r.Value, r.Key, r.Timestamp, want.Key, want.Time)
				}
				break
			}
		}
	}
	if len(partitions) < 2 {
		t.Errorf("16 keys are on %d partition, want them spread", len(partitions))
	}
}

func TestEmbedRecordsWithoutKeyStayInOrder(t *testing.T) {
	e := embed(t, kafka.EmbedOptions{})
	records := numbered("plain", 0, 50, 1)
	for i := range records {
		records[i].Key = nil
	}
	records = append(records, emulator.Record{Topic: "plain", Key: []byte{}, Value: []byte("50"), Time: start})
	publish(t, e, records)
	got := readBack(t, e, "plain", 51)
	checkComplete(t, got, 51)
	var none []*kgo.Record
	for _, r := range got {
		if string(r.Value) == "50" {
			if r.Key == nil {
				t.Error("an empty key has become none")
			}
			continue
		}
		if r.Key != nil {
			t.Errorf("record %s has the key %q, want none", r.Value, r.Key)
		}
		none = append(none, r)
	}
	checkOrder(t, none)
}

func TestEmbedConsumerComesFirst(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		e := embed(t, kafka.EmbedOptions{DataDir: dir})
		early := consumer(t, e.Addresses(), kgo.ConsumeTopics("later"), kgo.ConsumerGroup("early"))
		// It has asked for the topic when it is told that there is nothing.
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if got := early.PollFetches(ctx).Records(); len(got) > 0 {
			t.Fatalf("%d records before anything is published", len(got))
		}
		cancel()
		publish(t, e, numbered("later", 0, 10, 3))
		checkComplete(t, takeN(t, early, 10), 10)
	}
}

func TestEmbedManyTopicsAtOnce(t *testing.T) {
	e := embed(t, kafka.EmbedOptions{Topics: []string{"a"}, Partitions: 2})
	var records []emulator.Record
	for _, topic := range []string{"a", "b", "c"} {
		records = append(records, numbered(topic, 0, 20, 4)...)
	}
	records = append(records, emulator.Record{Topic: "no such name!", Value: []byte("x")}, emulator.Record{Value: []byte("x")})
	errs := e.Publish(within(t, 10*time.Second), records)
	for i, err := range errs {
		if bad := i >= 60; bad != (err != nil) {
			t.Errorf("record %d for topic %q: %v", i, records[i].Topic, err)
		}
	}
	for _, topic := range []string{"a", "b", "c"} {
		got := readBack(t, e, topic, 20)
		checkComplete(t, got, 20)
		checkOrder(t, got)
	}
}

func TestEmbedConcurrentPublish(t *testing.T) {
	e := embed(t, kafka.EmbedOptions{})
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for round := range 10 {
				for i, err := range e.Publish(within(t, 20*time.Second), numbered("busy", round*20, 20, 5)) {
					if err != nil {
						t.Errorf("record %d: %v", i, err)
					}
				}
			}
		})
	}
	work.Wait()
	checkComplete(t, readBack(t, e, "busy", 1600), 200)
}

func TestEmbedTooLarge(t *testing.T) {
	e := embed(t, kafka.EmbedOptions{})
	records := numbered("sizes", 0, 9, 3)
	records[3].Value = bytes.Repeat([]byte("x"), 2<<20) // key k0: 0, 3, 6
	errs := e.Publish(within(t, 10*time.Second), records)
	for i, err := range errs {
		if bad := i == 3 || i == 6; bad != (err != nil) {
			t.Errorf("record %d: %v", i, err)
		}
		if err != nil && !errors.Is(err, kerr.MessageTooLarge) {
			t.Errorf("record %d: %v, want the cause to be its size", i, err)
		}
	}
	// What failed with it can be sent again without it.
	publish(t, e, records[6:7])
	got := readBack(t, e, "sizes", 8)
	checkOrder(t, got)
}

func TestEmbedKeepsData(t *testing.T) {
	dir := t.TempDir()
	e := embed(t, kafka.EmbedOptions{DataDir: dir})
	publish(t, e, numbered("kept", 0, 100, 7))

	// A copy taken while it runs is what a crash leaves behind.
	crashed := t.TempDir()
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"closed": dir, "crashed": crashed} {
		t.Run(name, func(t *testing.T) {
			e := embed(t, kafka.EmbedOptions{DataDir: dir})
			publish(t, e, numbered("kept", 100, 100, 7))
			got := readBack(t, e, "kept", 200)
			checkComplete(t, got, 200)
			checkOrder(t, got)
			if len(got) != 200 {
				t.Errorf("%d records, want 200", len(got))
			}
		})
	}
}

// A topic that a consumer made by asking for it must survive a crash too.
func TestEmbedKeepsTopicsOfConsumers(t *testing.T) {
	dir, crashed := t.TempDir(), t.TempDir()
	e := embed(t, kafka.EmbedOptions{DataDir: dir})
	early := consumer(t, e.Addresses(), kgo.ConsumeTopics("asked.for"))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	early.PollFetches(ctx)
	cancel()
	publish(t, e, numbered("asked.for", 0, 10, 2))
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	again := embed(t, kafka.EmbedOptions{DataDir: crashed})
	checkComplete(t, readBack(t, again, "asked.for", 10), 10)
}

func TestEmbedAdvertise(t *testing.T) {
	tests := []struct{ listen, advertise, want string }{
		{"", "", "127.0.0.1:*"},
		{"0.0.0.0:0", "", "127.0.0.1:*"},
		{"0.0.0.0:0", "localhost", "localhost:*"},
		{"127.0.0.1:0", "localhost:0", "localhost:*"},
		{"127.0.0.1:0", "kafka.example:19092", "kafka.example:19092"},
	}
	for _, tt := range tests {
		e := embed(t, kafka.EmbedOptions{Listen: tt.listen, Advertise: tt.advertise})
		got := e.Addresses()
		if len(got) != 1 {
			t.Fatalf("%+v: addresses %v", tt, got)
		}
		prefix, free := strings.CutSuffix(tt.want, "*")
		if free && !strings.HasPrefix(got[0], prefix) || !free && got[0] != tt.want {
			t.Errorf("%+v: advertises %s", tt, got[0])
		}
		// Publishing does not need the advertised address to be reachable.
		publish(t, e, numbered("t", 0, 3, 3))
		if free {
			checkComplete(t, readBack(t, e, "t", 3), 3)
		}
	}
	for _, bad := range []kafka.EmbedOptions{
		{Listen: "127.0.0.1"},
		{Listen: "127.0.0.1:99999"},
		{Advertise: "0.0.0.0:9092"},
		{Advertise: "kafka://x:1"},
		{Partitions: -1},
		{DataDir: "/dev/null/x"},
		{Topics: []string{"a b"}},
	} {
		if e, err := kafka.Embed(within(t, 5*time.Second), bad); err == nil {
			t.Errorf("%+v: no error", bad)
			_ = e.Close()
		}
	}
}

func TestEmbedClose(t *testing.T) {
	e := embed(t, kafka.EmbedOptions{})
	publish(t, e, numbered("t", 0, 3, 3))
	for range 3 {
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i, err := range e.Publish(within(t, time.Second), numbered("t", 0, 3, 3)) {
		if !errors.Is(err, kafka.ErrClosed) {
			t.Errorf("record %d after close: %v", i, err)
		}
	}
	if err := e.Ready(within(t, time.Second)); !errors.Is(err, kafka.ErrClosed) {
		t.Errorf("ready after close: %v", err)
	}
	conn, err := net.Dial("tcp", e.Addresses()[0])
	if err == nil {
		_ = conn.Close()
		t.Error("the port is still open after close")
	}
}

func TestEmbedCloseWhilePublishing(t *testing.T) {
	e := embed(t, kafka.EmbedOptions{})
	var work sync.WaitGroup
	began := make(chan struct{}, 4)
	for range 4 {
		work.Go(func() {
			for {
				errs := e.Publish(within(t, 20*time.Second), numbered("t", 0, 50, 3))
				select {
				case began <- struct{}{}:
				default:
				}
				if errors.Is(errs[0], kafka.ErrClosed) {
					return
				}
			}
		})
	}
	<-began
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	work.Wait()
}

func TestEmbedStrayConnections(t *testing.T) {
	e := embed(t, kafka.EmbedOptions{})
	for name, text := range map[string]string{
		"http":        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"tls":         "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00",
		"unknown key": "\x00\x00\x00\x20\x7f\xff\x00\x00\x00\x00\x00\x01",
		"negative":    "\xff\xff\xff\xff\x00\x03\x00\x00\x00\x00\x00\x01",
		"short":       "\x00\x00\x00\x02\x00\x03\x00\x00\x00\x00\x00\x01",
		// A request for metadata whose body makes no sense.
		"garbage":     "\x00\x00\x00\x0c\x00\x03\x00\x0c\x00\x00\x00\x01\xff\xff\xff\xff",
		"odd version": "\x00\x00\x00\x0a\x00\x03\x7f\xff\x00\x00\x00\x01\xff\xff",
	} {
		conn, err := net.Dial("tcp", e.Addresses()[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		ctx := within(t, 5*time.Second)
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: the connection is left open", name)
		}
		stop()
		_ = conn.Close()
	}
	publish(t, e, numbered("t", 0, 3, 3))
}

// TestEmbeddedDropsTheOldest publishes more than is kept: the newest stay, in
// order, and the oldest go, so that a broker that runs for weeks stays small.
func TestEmbeddedDropsTheOldest(t *testing.T) {
	b := embed(t, kafka.EmbedOptions{Partitions: 1})
	value := bytes.Repeat([]byte("x"), 64<<10)
	const batches, size = 24, 32 // 48 MiB
	for batch := range batches {
		records := make([]emulator.Record, size)
		for i := range records {
			records[i] = emulator.Record{
				Topic: "t", Key: []byte("k"), Time: start, Value: fmt.Appendf(nil, "%d %s", batch*size+i, value),
			}
		}
		publish(t, b, records)
	}
	got := take(t, consumer(t, b.Addresses(), kgo.ConsumeTopics("t")), func(got []*kgo.Record) bool {
		return len(got) > 0 && got[len(got)-1].Offset == batches*size-1
	})
	if first := got[0].Offset; first == 0 || first > batches*size*3/4 {
		t.Errorf("the first record kept has offset %d of %d, want the oldest gone and the newest quarter there", first, batches*size)
	}
	for i, r := range got {
		if want := fmt.Sprintf("%d ", r.Offset); !bytes.HasPrefix(r.Value, []byte(want)) {
			t.Fatalf("record %d has value %.8q, want %q first", i, r.Value, want)
		}
	}
}

func TestEmbedHeaders(t *testing.T) {
	e := embed(t, kafka.EmbedOptions{})
	records := numbered("a", 0, 2, 1)
	records[1].Headers = []emulator.Header{{Name: "traceparent", Value: "00-1-2-01"}, {Name: "tracestate", Value: "a=1"}}
	publish(t, e, records)
	got := readBack(t, e, "a", 2)
	if len(got[0].Headers) != 0 {
		t.Errorf("a record without headers has %v", got[0].Headers)
	}
	want := []kgo.RecordHeader{{Key: "traceparent", Value: []byte("00-1-2-01")}, {Key: "tracestate", Value: []byte("a=1")}}
	if fmt.Sprint(got[1].Headers) != fmt.Sprint(want) {
		t.Errorf("headers are %v, want %v", got[1].Headers, want)
	}
}
