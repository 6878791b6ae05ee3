package kafka_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator/kafka"
	"github.com/swanemu/emu/internal/freeport"
)

// TestAdvertised asks a broker that sends its clients elsewhere.
func TestAdvertised(t *testing.T) {
	port, err := freeport.Find()
	if err != nil {
		t.Fatal(err)
	}
	listen := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	b, err := kafka.Embed(t.Context(), kafka.EmbedOptions{Listen: listen, Advertise: "kafka.invalid:9092"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if got, err := kafka.Advertised(ctx, listen, nil, kafka.SASL{}); err != nil || !slices.Equal(got, []string{"kafka.invalid:9092"}) {
		t.Errorf("advertised are %v, %v", got, err)
	}
	var why *kafka.BrokerError
	if _, err := kafka.Advertised(ctx, "127.0.0.1:1", nil, kafka.SASL{}); !errors.As(err, &why) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := kafka.Advertised(ctx, listen, nil, kafka.SASL{User: "x"}); err == nil {
		t.Error("a user without a mechanism")
	}
}
