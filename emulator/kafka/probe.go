package kafka

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ready asks the bootstrap brokers, all at once, who the brokers are, and then
// one of those whether it answers.
func (c *Cluster) ready(ctx context.Context) error {
	answer, err := c.askSeeds(ctx)
	if err != nil {
		return err
	}
	if len(answer.Brokers) == 0 {
		return fmt.Errorf("%s answer, but name no brokers", c.where)
	}
	// The client learns the brokers by asking itself; it has a connection.
	if err := c.client.Ping(ctx); err != nil {
		return fmt.Errorf("%s: %w", c.where, err)
	}
	var errs []error
	for i := range answer.Brokers {
		b := &answer.Brokers[i]
		addr := net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
		_, err := ask(ctx, c.client.Broker(int(b.NodeID)))
		if err == nil {
			return nil
		}
		errs = append(errs, c.describe(addr, err))
	}
	return fmt.Errorf("%s answer, but no broker can be reached as advertised (advertised.listeners): %w", c.where, joinErrors(errs))
}

// askSeeds returns the first answer of a bootstrap broker, or what is wrong
// with each.
func (c *Cluster) askSeeds(ctx context.Context) (*kmsg.MetadataResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seeds := c.client.SeedBrokers()
	answers := make([]*kmsg.MetadataResponse, len(seeds))
	errs := make([]error, len(seeds))
	var asked sync.WaitGroup
	for i, seed := range seeds {
		asked.Go(func() {
			answer, err := ask(ctx, seed)
			if err != nil {
				errs[i] = c.describe(c.brokers[i], err)
				return
			}
			answers[i] = answer
			cancel() // one is enough
		})
	}
	asked.Wait()
	for _, answer := range answers {
		if answer != nil {
			return answer, nil
		}
	}
	return nil, joinErrors(errs)
}

// ask puts one metadata request to one broker, without trying again.
func ask(ctx context.Context, broker *kgo.Broker) (*kmsg.MetadataResponse, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{} // none: only the brokers
	resp, err := broker.Request(ctx, req)
	if err != nil {
		return nil, err
	}
	answer, ok := resp.(*kmsg.MetadataResponse)
	if !ok {
		return nil, fmt.Errorf("the answer is a %T, expected metadata", resp)
	}
	return answer, nil
}
