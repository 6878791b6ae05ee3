package emulator

import (
	"context"
	"time"
)

// Record is one Kafka notice of the platform, ready to be published.
type Record struct {
	// Topic is the topic the notice goes to; each sandbox has its own, the
	// default sandbox's is smartapp.change.
	Topic string
	// Key selects the partition: records of a topic with equal keys are kept
	// in order. A nil key leaves the partition to the publisher.
	Key []byte
	// Value is the notice itself, as the platform encodes it.
	Value []byte
	// Time is the record's timestamp, taken from the sandbox's clock; Kafka
	// keeps it to the millisecond.
	Time time.Time
	// Headers go with the record, in order: the trace of the request behind
	// the notice, if it named one.
	Headers []Header
}

// Header is one header of a Record.
type Header struct{ Name, Value string }

// Broker publishes records to Kafka. The emulator declares what it needs and
// package emulator/kafka provides it, embedded or external, so that nothing
// here imports a Kafka client. An implementation is safe for concurrent use.
type Broker interface {
	// Publish sends the records in order and returns one error per record,
	// nil where the broker acknowledged it (all in-sync replicas). After a
	// failed record, later records with the same topic and key are failed
	// too, so that order is kept when they are sent again. A failed record
	// may still have reached the broker: sending it again can duplicate it
	// but never loses it. It returns within ctx.
	Publish(ctx context.Context, records []Record) []error
	// Ready returns nil when the brokers answer and the topic metadata can
	// be had; otherwise it says why not, naming the address.
	Ready(ctx context.Context) error
	// Addresses are the host:port a client bootstraps from.
	Addresses() []string
	// Close releases connections and, for an embedded broker, stops it. It
	// may be called more than once; later calls return nil.
	Close() error
}
