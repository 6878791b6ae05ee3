package kafka_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/emulator/kafka"
	"github.com/swanemu/emu/internal/freeport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is a time no broker would make up.
var start = time.Date(2026, 1, 5, 9, 0, 0, 0, time.FixedZone("CST", 8*3600))

// within is a context for one step of a test.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func embed(t *testing.T, o kafka.EmbedOptions) *kafka.Embedded {
	t.Helper()
	e, err := kafka.Embed(within(t, 20*time.Second), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

func dial(t *testing.T, o kafka.DialOptions) *kafka.Cluster {
	t.Helper()
	c, err := kafka.Dial(within(t, 20*time.Second), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

// fakeBroker starts a broker that is not ours, to be dialled.
func fakeBroker(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// freePort returns a port on which nothing listens.
func freePort(t *testing.T) int {
	t.Helper()
	port, err := freeport.Find()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// numbered makes n records; record i has key k<i mod keys> and value from+i.
func numbered(topic string, from, n, keys int) []emulator.Record {
	records := make([]emulator.Record, n)
	for i := range records {
		number := from + i
		records[i] = emulator.Record{
			Topic: topic,
			Key:   fmt.Appendf(nil, "k%d", number%keys),
			Value: strconv.AppendInt(nil, int64(number), 10),
			Time:  start.Add(time.Duration(number) * time.Millisecond),
		}
	}
	return records
}

func publish(t *testing.T, b emulator.Broker, records []emulator.Record) {
	t.Helper()
	for i, err := range b.Publish(within(t, 20*time.Second), records) {
		if err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
	}
}

// consumer is a client that reads topics from their start.
func consumer(t *testing.T, seeds []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(seeds...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.MetadataMinAge(50 * time.Millisecond),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// take reads until enough says so.
func take(t *testing.T, client *kgo.Client, enough func(got []*kgo.Record) bool) []*kgo.Record {
	t.Helper()
	ctx := within(t, 30*time.Second)
	var got []*kgo.Record
	for !enough(got) {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("consumed only %d records", len(got))
		}
		got = append(got, fetches.Records()...)
	}
	return got
}

func takeN(t *testing.T, client *kgo.Client, n int) []*kgo.Record {
	t.Helper()
	return take(t, client, func(got []*kgo.Record) bool { return len(got) >= n })
}

func readBack(t *testing.T, b emulator.Broker, topic string, n int) []*kgo.Record {
	t.Helper()
	return takeN(t, consumer(t, b.Addresses(), kgo.ConsumeTopics(topic)), n)
}

// checkOrder fails unless the numbers of each key, repetitions left out, rise.
func checkOrder(t *testing.T, records []*kgo.Record) {
	t.Helper()
	last := make(map[string]int)
	seen := make(map[string]bool)
	for _, r := range records {
		if seen[string(r.Value)] {
			continue
		}
		seen[string(r.Value)] = true
		number, err := strconv.Atoi(string(r.Value))
		if err != nil {
			t.Fatal(err)
		}
		if before, ok := last[string(r.Key)]; ok && number < before {
			t.Errorf("key %s: %d comes after %d", r.Key, number, before)
		}
		last[string(r.Key)] = number
	}
}

// checkComplete fails unless each number from 0 to n-1 is there.
func checkComplete(t *testing.T, records []*kgo.Record, n int) {
	t.Helper()
	seen := distinct(records)
	for i := range n {
		if !seen[strconv.Itoa(i)] {
			t.Errorf("record %d is lost", i)
		}
	}
	if len(seen) != n {
		t.Errorf("%d different records, want %d", len(seen), n)
	}
}

func distinct(records []*kgo.Record) map[string]bool {
	seen := make(map[string]bool)
	for _, r := range records {
		seen[string(r.Value)] = true
	}
	return seen
}

// certificates makes an authority and a server certificate for 127.0.0.1.
func certificates(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// The certificates are checked against real time.
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true,
		NotBefore: start.AddDate(-10, 0, 0), NotAfter: start.AddDate(50, 0, 0),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caRaw, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	if ca, err = x509.ParseCertificate(caRaw); err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "test broker"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}},
		&tls.Config{RootCAs: pool}
}
