package kafka_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/swanemu/emu/emulator/kafka"
)

// realBroker returns the address of the Kafka that .ci/kafka-real runs, or ""
// outside of it. A variable that is set promises a broker: from there on,
// everything that is missing is a failure.
func realBroker(t *testing.T) string {
	t.Helper()
	address := os.Getenv("EMU_KAFKA_REAL")
	if address == "" {
		t.Log("EMU_KAFKA_REAL is not set: this test does its work under .ci/kafka-real run")
	}
	return address
}

// control stops, kills or starts the real broker.
func control(t *testing.T, what string) {
	t.Helper()
	script := os.Getenv("EMU_KAFKA_CONTROL")
	if script == "" {
		t.Fatal("EMU_KAFKA_REAL is set, but EMU_KAFKA_CONTROL is not")
	}
	if out, err := exec.CommandContext(within(t, 90*time.Second), script, what).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", script, what, err, out)
	}
}

// TestRealBroker publishes numbered records without a break while the broker
// is stopped and started: none may be lost, none of a key may overtake another
// one of it. A record may come twice.
func TestRealBroker(t *testing.T) {
	address := realBroker(t)
	if address == "" {
		return
	}
	for _, how := range []string{"stop", "kill"} {
		t.Run(how, func(t *testing.T) {
			topic := "real." + how
			c := dial(t, kafka.DialOptions{Brokers: []string{address}})
			if err := c.Ready(within(t, 10*time.Second)); err != nil {
				t.Fatal(err)
			}
			const perRound, keys = 25, 9
			var work sync.WaitGroup
			round := make(chan int)
			end := make(chan struct{})
			total := 0
			work.Go(func() {
				defer close(round)
				for n := 0; ; n++ {
					republish(t, c, numbered(topic, total, perRound, keys), time.Second)
					total += perRound
					select {
					case round <- n:
					case <-end:
						return
					default:
					}
				}
			})
			for n := range round {
				if n >= 50 {
					break
				}
			}
			control(t, how)
			if err := c.Ready(within(t, time.Second)); err == nil {
				t.Error("ready while the broker is stopped")
			}
			control(t, "start")
			before := <-round
			for n := range round {
				if n >= before+50 {
					break
				}
			}
			close(end)
			for range round { //nolint:revive // let the last round finish
			}
			work.Wait()

			got := take(t, consumer(t, c.Addresses(), kgo.ConsumeTopics(topic)), func(got []*kgo.Record) bool {
				return len(distinct(got)) >= total
			})
			t.Logf("%d records published, %d consumed", total, len(got))
			checkComplete(t, got, total)
			checkOrder(t, got)
		})
	}
}

// TestRealBrokerSecured uses the listener with TLS and SASL.
func TestRealBrokerSecured(t *testing.T) {
	if realBroker(t) == "" {
		return
	}
	pem, err := os.ReadFile(os.Getenv("EMU_KAFKA_CA"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("EMU_KAFKA_CA holds no certificate")
	}
	secret := os.Getenv("EMU_KAFKA_PASSWORD")
	o := kafka.DialOptions{Brokers: []string{os.Getenv("EMU_KAFKA_SASL")}, TLS: &tls.Config{RootCAs: pool}}
	for _, mechanism := range []string{kafka.Plain, kafka.ScramSHA512} {
		t.Run(mechanism, func(t *testing.T) {
			o := o
			o.SASL = kafka.SASL{Mechanism: mechanism, User: "emu", Password: secret}
			publish(t, dial(t, o), numbered("real.secured."+mechanism, 0, 10, 3))

			o.SASL.Password = "not " + secret
			fails(t, o, kafka.ProblemSASL, secret)
		})
	}
	t.Run("other mechanism", func(t *testing.T) {
		o := o
		o.SASL = kafka.SASL{Mechanism: kafka.ScramSHA256, User: "emu", Password: secret}
		fails(t, o, kafka.ProblemSASL, secret)
	})
	t.Run("no SASL", func(t *testing.T) { fails(t, o, kafka.ProblemProtocol, secret) })
	t.Run("unknown authority", func(t *testing.T) {
		o := o
		o.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
		fails(t, o, kafka.ProblemTLS, secret)
	})
	t.Run("no TLS", func(t *testing.T) {
		o := o
		o.TLS = nil
		fails(t, o, kafka.ProblemProtocol, secret)
	})
}

func fails(t *testing.T, o kafka.DialOptions, problem kafka.Problem, secret string) {
	t.Helper()
	c, err := kafka.Dial(within(t, 1500*time.Millisecond), o)
	if err == nil {
		_ = c.Close()
		t.Fatal("no error")
	}
	t.Log(strings.ReplaceAll(err.Error(), secret, "(THE PASSWORD)"))
	if broker, ok := errors.AsType[*kafka.BrokerError](err); !ok || broker.Problem != problem {
		t.Errorf("want the problem %q", problem)
	}
	if strings.Contains(err.Error(), secret) {
		t.Error("the password is in the error")
	}
}

// TestRealBrokerTimes publishes with times far from the broker's own.
func TestRealBrokerTimes(t *testing.T) {
	address := realBroker(t)
	if address == "" {
		return
	}
	c := dial(t, kafka.DialOptions{Brokers: []string{address}})
	records := numbered("real.times", 0, 3, 1)
	records[0].Time = time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC)
	records[2].Time = time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC)
	publish(t, c, records)
	for i, r := range readBack(t, c, "real.times", 3)[:3] {
		if !r.Timestamp.Equal(records[i].Time) {
			t.Errorf("record %d has the time %v, want %v", i, r.Timestamp, records[i].Time)
		}
	}

	// A topic that does not take them: the error says what to do.
	limited := dial(t, kafka.DialOptions{
		Brokers:     []string{address},
		TopicConfig: map[string]string{"message.timestamp.after.max.ms": "3600000"},
	})
	late := numbered("real.limited", 0, 1, 1)
	late[0].Time = records[2].Time
	err := limited.Publish(within(t, 10*time.Second), late)[0]
	if err == nil || !strings.Contains(err.Error(), "message.timestamp.after.max.ms") {
		t.Errorf("%v; want it to name the setting", err)
	}
}
