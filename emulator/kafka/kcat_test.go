package kafka_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/swanemu/emu/emulator/kafka"
)

// kcat runs kcat with the arguments and returns what it prints. It returns
// false where nobody has asked for it; where EMU_KCAT is set, a missing kcat
// is a failure.
func kcat(t *testing.T, args ...string) (func() string, bool) {
	t.Helper()
	if os.Getenv("EMU_KCAT") == "" {
		t.Log("EMU_KCAT is not set: this test does its work where it is")
		return nil, false
	}
	path, err := exec.LookPath("kcat")
	if err != nil {
		t.Fatalf("EMU_KCAT is set, but kcat is not installed: %v", err)
	}
	cmd := exec.CommandContext(within(t, 30*time.Second), path, args...)
	var out, problems strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() string {
		t.Helper()
		if err := cmd.Wait(); err != nil {
			t.Fatalf("kcat %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), problems.String())
		}
		return out.String()
	}, true
}

// TestKcat has another Kafka client (librdkafka) read what is published.
func TestKcat(t *testing.T) {
	e := embed(t, kafka.EmbedOptions{})
	const n = 60
	format := "%k %s %T\n"

	// Two consumers that are there before the topic, one of them in a group.
	early, ok := kcat(t, "-b", e.Addresses()[0], "-C", "-t", "early", "-o", "beginning", "-c", fmt.Sprint(n), "-f", format)
	if !ok {
		return
	}
	group, _ := kcat(t, "-b", e.Addresses()[0], "-G", "group", "-X", "auto.offset.reset=earliest", "-c", fmt.Sprint(n), "-f", format, "early")
	// The topic is there as soon as one of them has asked for it.
	watcher := consumer(t, e.Addresses(), kgo.ConsumeTopics("other"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	watcher.PollFetches(ctx)
	cancel()
	records := numbered("early", 0, n, 7)
	publish(t, e, records)
	late, _ := kcat(t, "-b", e.Addresses()[0], "-C", "-t", "early", "-o", "beginning", "-e", "-f", format)

	want := make(map[string]bool)
	for _, r := range records {
		want[fmt.Sprintf("%s %s %d", r.Key, r.Value, r.Time.UnixMilli())] = true
	}
	for name, wait := range map[string]func() string{"early": early, "group": group, "late": late} {
		out := wait()
		got := make(map[string]bool)
		var read []*kgo.Record
		for line := range strings.Lines(out) {
			line = strings.TrimSpace(line)
			key, rest, _ := strings.Cut(line, " ")
			value, _, _ := strings.Cut(rest, " ")
			read = append(read, &kgo.Record{Key: []byte(key), Value: []byte(value)})
			got[line] = true
			if !want[line] {
				t.Errorf("%s: kcat has read %q, which was not published", name, line)
			}
		}
		if len(got) != n {
			t.Errorf("%s: kcat has read %d records, want %d:\n%s", name, len(got), n, out)
		}
		checkOrder(t, read)
	}
}

// TestKcatProduces has kcat write to a topic that does not exist.
func TestKcatProduces(t *testing.T) {
	e := embed(t, kafka.EmbedOptions{})
	list, ok := kcat(t, "-b", e.Addresses()[0], "-L")
	if !ok {
		return
	}
	if out := list(); !strings.Contains(out, e.Addresses()[0]) {
		t.Errorf("kcat -L does not show %s:\n%s", e.Addresses()[0], out)
	}
	file := t.TempDir() + "/value"
	if err := os.WriteFile(file, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	produce, _ := kcat(t, "-b", e.Addresses()[0], "-P", "-t", "theirs", "-k", "k", file)
	produce()
	got := readBack(t, e, "theirs", 1)
	if string(got[0].Key) != "k" || string(got[0].Value) != "hello" {
		t.Errorf("record %s=%s, want k=hello", got[0].Key, got[0].Value)
	}
}
