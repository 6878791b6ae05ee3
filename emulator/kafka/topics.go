package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topicSpec is how a topic is made that does not exist.
type topicSpec struct {
	partitions int32
	// replicas is -1 for what the broker does by default.
	replicas int16
	// configs are tried in order: the next one where a broker refuses the
	// entries of one, because it is too old to know them.
	configs []map[string]string
}

// topicPoll is how often a new topic is asked for until it has its leaders.
const topicPoll = 20 * time.Millisecond

// ensureTopic makes sure that the topic exists and can be written to.
func (p *publisher) ensureTopic(ctx context.Context, topic string) error {
	created := false
	for {
		ready, err := p.topicReady(ctx, topic)
		switch {
		case err == nil && ready:
			return nil
		case err == nil:
		case errors.Is(err, kerr.UnknownTopicOrPartition):
			if !created {
				if err := p.createTopic(ctx, topic); err != nil {
					return err
				}
				created = true
				continue
			}
		default:
			return err
		}
		if err := pause(ctx, topicPoll); err != nil {
			return fmt.Errorf("waiting for a leader: %w", err)
		}
	}
}

// topicReady reports whether every partition of the topic has a leader.
func (p *publisher) topicReady(ctx context.Context, topic string) (bool, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.AllowAutoTopicCreation = false
	reqTopic := kmsg.NewMetadataRequestTopic()
	reqTopic.Topic = kmsg.StringPtr(topic)
	req.Topics = append(req.Topics, reqTopic)
	resp, err := req.RequestWith(ctx, p.client)
	if err != nil {
		return false, fmt.Errorf("asking for the topic: %w", err)
	}
	for i := range resp.Topics {
		t := &resp.Topics[i]
		if t.Topic == nil || *t.Topic != topic {
			continue
		}
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			if errors.Is(err, kerr.LeaderNotAvailable) {
				return false, nil
			}
			return false, err
		}
		for j := range t.Partitions {
			if t.Partitions[j].Leader < 0 {
				return false, nil
			}
		}
		return len(t.Partitions) > 0, nil
	}
	return false, errors.New("asking for the topic: the broker's answer does not contain it")
}

// createTopic makes the topic; that somebody else was faster is no error.
func (p *publisher) createTopic(ctx context.Context, topic string) error {
	configs := p.spec.configs
	if len(configs) == 0 {
		configs = []map[string]string{nil}
	}
	var err error
	for _, config := range configs {
		err = p.tryCreateTopic(ctx, topic, config)
		if !errors.Is(err, kerr.InvalidConfig) {
			break
		}
	}
	switch {
	case err == nil, errors.Is(err, kerr.TopicAlreadyExists):
		return nil
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return fmt.Errorf("the topic does not exist and the user may not create it; create it, or allow the user to: %w", err)
	case errors.Is(err, kerr.PolicyViolation):
		return fmt.Errorf("the topic does not exist and the brokers' policy refuses to create it: %w", err)
	}
	return fmt.Errorf("the topic does not exist; creating it: %w", err)
}

func (p *publisher) tryCreateTopic(ctx context.Context, topic string, config map[string]string) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	reqTopic := kmsg.NewCreateTopicsRequestTopic()
	reqTopic.Topic = topic
	reqTopic.NumPartitions = p.spec.partitions
	reqTopic.ReplicationFactor = p.spec.replicas
	for _, name := range sortedKeys(config) {
		entry := kmsg.NewCreateTopicsRequestTopicConfig()
		entry.Name = name
		entry.Value = kmsg.StringPtr(config[name])
		reqTopic.Configs = append(reqTopic.Configs, entry)
	}
	req.Topics = append(req.Topics, reqTopic)
	resp, err := req.RequestWith(ctx, p.client)
	if err != nil {
		return err
	}
	for i := range resp.Topics {
		t := &resp.Topics[i]
		if t.Topic != topic {
			continue
		}
		err := kerr.ErrorForCode(t.ErrorCode)
		if err != nil && t.ErrorMessage != nil && *t.ErrorMessage != "" {
			return fmt.Errorf("%w (%s)", err, *t.ErrorMessage)
		}
		return err
	}
	return errors.New("the broker's answer does not contain the topic")
}

// pause waits for d of real time or for the end of ctx, whose error it returns.
func pause(ctx context.Context, d time.Duration) error {
	wait, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-wait.Done()
	return ctx.Err()
}
