package kafka

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// question makes a request for metadata as a client sends it.
func question(version int16, topics ...string) []byte {
	req := kmsg.NewPtrMetadataRequest()
	req.SetVersion(version)
	for _, topic := range topics {
		asked := kmsg.NewMetadataRequestTopic()
		asked.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, asked)
	}
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("test")).AppendRequest(nil, req, 1)
}

func TestAskedTopics(t *testing.T) {
	newest := kmsg.NewPtrMetadataRequest().MaxVersion()
	for version := range newest + 1 {
		if got := askedTopics(question(version, "a", "b.c")); !slices.Equal(got, []string{"a", "b.c"}) {
			t.Errorf("version %d: %q", version, got)
		}
		if got := askedTopics(question(version)); len(got) > 0 {
			t.Errorf("version %d without topics: %q", version, got)
		}
	}
	if got := askedTopics(question(newest+1, "a")); got != nil {
		t.Errorf("a version that is not known: %q", got)
	}
}

func FuzzAskedTopics(f *testing.F) {
	for _, version := range []int16{0, 4, 9, 13} {
		f.Add(question(version, "a", "b"))
	}
	f.Fuzz(func(_ *testing.T, request []byte) {
		if len(request) >= headBytes {
			askedTopics(request) // must not panic
		}
	})
}

func TestCheckTopic(t *testing.T) {
	for _, good := range []string{"smartapp.change", "a", "A_b-9", "...", string(make249())} {
		if err := checkTopic(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", ".", "..", "a b", "a/b", "小程序", string(make249()) + "x"} {
		if err := checkTopic(bad); err == nil {
			t.Errorf("topic %q is allowed", bad)
		}
	}
}

func make249() []byte { return slices.Repeat([]byte("x"), maxTopicName) }

func TestCutChunkBounds(t *testing.T) {
	if chunkBytes+2048 > batchBytes || recordBytes+512 > batchBytes {
		t.Error("a chunk does not fit into a batch")
	}
}
