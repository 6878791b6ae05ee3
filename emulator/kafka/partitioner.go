package kafka

import "github.com/twmb/franz-go/pkg/kgo"

// partitioner places records as Kafka's own producers do by default, by the
// murmur2 hash of the key, and every record without a key on partition 0, so
// that those stay in order as well.
type partitioner struct{ kgo.Partitioner }

type topicPartitioner struct{ kgo.TopicPartitioner }

func newPartitioner() kgo.Partitioner { return partitioner{kgo.StickyKeyPartitioner(nil)} }

func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return topicPartitioner{p.Partitioner.ForTopic(topic)}
}

func (topicPartitioner) RequiresConsistency(*kgo.Record) bool { return true }

func (p topicPartitioner) Partition(r *kgo.Record, n int) int {
	if r.Key == nil {
		return 0
	}
	return p.TopicPartitioner.Partition(r, n)
}
