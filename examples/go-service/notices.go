package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A notice is what the alliance is told over Kafka: that something of an app
// has changed, not what.
type notice struct {
	Code int `json:"code"`
	Data struct {
		AppID     int64 `json:"app_id"`
		PackageID int64 `json:"package_id"`
	} `json:"data"`
}

// packageChange is the code of a notice about a package.
const packageChange = 101

// Consume handles notices until ctx ends. They come at least once; what could
// not be handled is not committed and ends Consume, so that whoever starts it
// again gets it again.
func (s *Service) Consume(ctx context.Context, brokers []string, topic string) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.ConsumerGroup("go-service"), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance()
	for ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		err := fetches.Err()
		for _, record := range fetches.Records() {
			if err == nil {
				err = s.noticed(ctx, record.Value)
			}
		}
		if err == nil {
			err = client.CommitUncommittedOffsets(ctx)
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("kafka: %w", err)
		}
	}
	return nil
}

func (s *Service) noticed(ctx context.Context, text []byte) error {
	var n notice
	if err := json.Unmarshal(text, &n); err != nil {
		return fmt.Errorf("a notice: %w", err)
	}
	if n.Code != packageChange {
		return nil
	}
	return s.packageChanged(ctx, n.Data.PackageID)
}
