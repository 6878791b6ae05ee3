// Package kafka brings the emulator's Kafka notices to clients, either with a
// broker inside the process (Embed) or through brokers that exist already
// (Dial). Both are an emulator.Broker. No other package of this module imports
// a Kafka client or the embedded broker.
//
// It promises: a record is reported as published only when all in-sync
// replicas have it; what was not is reported as failed, so that sending it
// again makes delivery at least once; records with equal keys stay in the
// order in which they were given, also over a failure; after a failure the
// same value goes on working as soon as the broker does. Passwords never
// appear in an error or a log line.
//
// It does not know the platform: which notices there are, when they are due
// and when a failed one is sent again belong to package emulator.
package kafka

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// ErrClosed is the error of a record that was published, or a question that
// was asked, after Close.
var ErrClosed = errors.New("kafka: the broker connection is closed")

const (
	// defaultPartitions is how many partitions a topic gets that this package
	// creates: more than one, so that a client which forgets that order holds
	// only per key finds out here.
	defaultPartitions = 4
	// maxTopicName is the longest name Kafka takes for a topic.
	maxTopicName = 249
)

// ParseBrokers reads a comma-separated list of host:port, the form in which
// Kafka's own tools take bootstrap servers. Blanks around an entry are
// dropped. An IPv6 address needs brackets. An error names the entry and what
// is wrong with it.
func ParseBrokers(list string) ([]string, error) {
	if strings.TrimSpace(list) == "" {
		return nil, errors.New("kafka brokers: the list is empty, expected host:port,host:port")
	}
	entries := strings.Split(list, ",")
	brokers := make([]string, 0, len(entries))
	seen := make(map[string]bool, len(entries))
	for i, entry := range entries {
		entry = strings.TrimSpace(entry)
		broker, err := parseBroker(entry)
		if err != nil {
			return nil, fmt.Errorf("kafka brokers: entry %d %q: %w", i+1, entry, err)
		}
		if seen[broker] {
			return nil, fmt.Errorf("kafka brokers: entry %d %q is listed twice", i+1, entry)
		}
		seen[broker] = true
		brokers = append(brokers, broker)
	}
	return brokers, nil
}

func parseBroker(entry string) (string, error) {
	if entry == "" {
		return "", errors.New("is empty, expected host:port")
	}
	if scheme, _, found := strings.Cut(entry, "://"); found {
		return "", fmt.Errorf("has the scheme %q, expected host:port without one", scheme)
	}
	if strings.ContainsAny(entry, "@/?# \t\r\n") {
		return "", errors.New("is not host:port; users, paths and blanks do not belong here")
	}
	host, port, err := net.SplitHostPort(entry)
	if err != nil {
		if addr, ok := errors.AsType[*net.AddrError](err); ok {
			return "", fmt.Errorf("expected host:port: %s", addr.Err)
		}
		return "", fmt.Errorf("expected host:port: %w", err)
	}
	if host == "" {
		return "", errors.New("has no host, expected host:port")
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return "", fmt.Errorf("has the port %q, expected a number from 1 to 65535", port)
	}
	return net.JoinHostPort(host, strconv.FormatUint(number, 10)), nil
}

// checkTopic says what is wrong with a topic's name, by the rules of Kafka.
func checkTopic(topic string) error {
	switch {
	case topic == "":
		return errors.New("the topic has no name")
	case len(topic) > maxTopicName:
		return fmt.Errorf("the topic's name has %d bytes, at most %d are allowed", len(topic), maxTopicName)
	case topic == "." || topic == "..":
		return fmt.Errorf("%q cannot be the name of a topic", topic)
	}
	for _, c := range []byte(topic) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return fmt.Errorf("topic %q: only ASCII letters, digits, '.', '_' and '-' are allowed", topic)
		}
	}
	return nil
}
