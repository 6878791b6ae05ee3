package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Advertised asks the broker at an address, host:port, where it tells clients to
// go on: one host:port for each broker of its cluster, sorted. Clients use these
// and not the address that they were given. The error contains a *BrokerError.
func Advertised(ctx context.Context, address string, config *tls.Config, s SASL) ([]string, error) {
	mechanism, err := s.mechanism()
	if err != nil {
		return nil, fmt.Errorf("ask a broker: %w", err)
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(address), kgo.RequestRetries(0), kgo.DisableClientMetrics(), kgo.WithLogger(clientLogger(slog.New(slog.DiscardHandler))),
	}
	if config != nil {
		opts = append(opts, kgo.DialTLSConfig(config))
	}
	if mechanism != nil {
		opts = append(opts, kgo.SASL(mechanism))
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("ask a broker: %w", err)
	}
	defer client.Close()
	ask := kmsg.NewPtrMetadataRequest()
	ask.Topics = []kmsg.MetadataRequestTopic{} // none; nil would be all
	answer, err := ask.RequestWith(ctx, client)
	if err != nil {
		return nil, describer(s, config != nil)(address, cmp.Or(ctx.Err(), err))
	}
	if len(answer.Brokers) == 0 {
		return nil, errors.New("ask a broker: it names no brokers")
	}
	var out []string
	for _, b := range answer.Brokers {
		out = append(out, net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port))))
	}
	slices.Sort(out)
	return out, nil
}
