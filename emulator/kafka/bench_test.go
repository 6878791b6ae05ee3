package kafka_test

import (
	"context"
	"testing"

	"github.com/swanemu/emu/emulator/kafka"
)

func BenchmarkEmbedPublish(b *testing.B) {
	for name, size := range map[string]int{"1": 1, "100": 100, "1000": 1000} {
		b.Run(name, func(b *testing.B) {
			e, err := kafka.Embed(context.Background(), kafka.EmbedOptions{})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = e.Close() }()
			records := numbered("t", 0, size, 16)
			for b.Loop() {
				for _, err := range e.Publish(context.Background(), records) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
