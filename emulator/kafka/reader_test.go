package kafka_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/emulator/kafka"
)

// notices are records of two keys in turn, numbered from first.
func notices(topic string, first, n int) []emulator.Record {
	out := make([]emulator.Record, n)
	for i := range out {
		out[i] = emulator.Record{Topic: topic, Key: fmt.Appendf(nil, "%d", i%2), Value: []byte(strconv.Itoa(first + i)), Time: start}
	}
	return out
}

func openReader(t *testing.T, brokers []string, topic string) *kafka.Reader {
	t.Helper()
	r, err := kafka.OpenReader(t.Context(), kafka.DialOptions{Brokers: brokers}, topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// TestReader reads a topic before it exists, while it grows, and from another
// reader as a whole.
func TestReader(t *testing.T) {
	b := embed(t, kafka.EmbedOptions{})
	r := openReader(t, b.Addresses(), "story")
	if got, err := r.Read(t.Context()); err != nil || len(got) != 0 {
		t.Fatalf("a topic that does not exist: %d records, %v", len(got), err)
	}
	publish(t, b, notices("other", 0, 10))
	shown := ""
	for round := 1; round <= 3; round++ {
		publish(t, b, notices("story", (round-1)*100, 100))
		got, err := r.Read(t.Context())
		if err != nil || len(got) != round*100 {
			t.Fatalf("round %d: %d records, %v", round, len(got), err)
		}
		text := values(got)
		if !strings.HasPrefix(text, shown) {
			t.Fatal("what was read before stands in another order now")
		}
		shown = text
		last := map[string]int{}
		for _, one := range got {
			n, err := strconv.Atoi(string(one.Value))
			if err != nil || one.Topic != "story" || !one.Time.Equal(start) {
				t.Fatalf("a record is not what was published: %+v, %v", one, err)
			}
			if before, ok := last[string(one.Key)]; ok && n <= before {
				t.Fatalf("key %s: %d after %d", one.Key, n, before)
			}
			last[string(one.Key)] = n
		}
	}
	if got, err := openReader(t, b.Addresses(), "story").Read(t.Context()); err != nil || len(got) != 300 {
		t.Errorf("another reader: %d records, %v", len(got), err)
	}
}

func values(records []emulator.Record) string {
	var b strings.Builder
	for _, r := range records {
		b.Write(r.Value)
		b.WriteByte(' ')
	}
	return b.String()
}

// TestReaderRefuses looks at what is no reader at all.
func TestReaderRefuses(t *testing.T) {
	b := embed(t, kafka.EmbedOptions{})
	for name, test := range map[string]struct {
		options kafka.DialOptions
		topic   string
		want    string
	}{
		"no topic":     {kafka.DialOptions{Brokers: b.Addresses()}, "", "the topic has no name"},
		"no brokers":   {kafka.DialOptions{}, "story", "the list is empty"},
		"a password":   {kafka.DialOptions{Brokers: b.Addresses(), SASL: kafka.SASL{User: "u", Password: "secret"}}, "story", "without a mechanism"},
		"nobody there": {kafka.DialOptions{Brokers: []string{"127.0.0.1:" + strconv.Itoa(freePort(t))}}, "story", "127.0.0.1:"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		_, err := kafka.OpenReader(ctx, test.options, test.topic)
		cancel()
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}
