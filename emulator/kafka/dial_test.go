package kafka_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/swanemu/emu/emulator/kafka"
)

const password = "gnomon-7731-secret"

func TestParseBrokers(t *testing.T) {
	got, err := kafka.ParseBrokers(" a:1, b.example:9092 ,[::1]:65535")
	if want := "[a:1 b.example:9092 [::1]:65535]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("%v, %v; want %s", got, err, want)
	}
	for text, want := range map[string]string{
		"":                "empty",
		"  ":              "empty",
		"a:1,,b:2":        "entry 2",
		"a":               "missing port",
		"a:":              "port",
		":9092":           "no host",
		"a:0":             "1 to 65535",
		"a:70000":         "1 to 65535",
		"a:x":             "1 to 65535",
		"kafka://a:9092":  "scheme",
		"u@a:9092":        "not host:port",
		"a:9092/b":        "not host:port",
		"::1:9092":        "too many colons",
		"a:9092, a:9092 ": "twice",
	} {
		if got, err := kafka.ParseBrokers(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want an error with %q", text, got, err, want)
		}
	}
}

func TestDialSecured(t *testing.T) {
	server, client := certificates(t)
	for _, mechanism := range []string{"", kafka.Plain, kafka.ScramSHA256, kafka.ScramSHA512} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("%q tls %v", mechanism, secure), func(t *testing.T) {
				var brokerOpts []kfake.Opt
				var o kafka.DialOptions
				if secure {
					brokerOpts = append(brokerOpts, kfake.TLS(server))
					o.TLS = client
				}
				if mechanism != "" {
					brokerOpts = append(brokerOpts, kfake.EnableSASL(), kfake.Superuser(strings.ToUpper(mechanism), "emu", password))
					o.SASL = kafka.SASL{Mechanism: mechanism, User: "emu", Password: password}
				}
				broker := fakeBroker(t, brokerOpts...)
				o.Brokers = broker.ListenAddrs()
				c := dial(t, o)
				if err := c.Ready(within(t, 5*time.Second)); err != nil {
					t.Error(err)
				}
				publish(t, c, numbered("t", 0, 20, 4))
				if secure || mechanism != "" {
					return // reading it back is the same as below
				}
				checkComplete(t, readBack(t, c, "t", 20), 20)
			})
		}
	}
}

func TestDialFails(t *testing.T) {
	server, trusting := certificates(t)
	_, other := certificates(t)
	plainBroker := embed(t, kafka.EmbedOptions{}).Addresses()
	tlsBroker := fakeBroker(t, kfake.TLS(server)).ListenAddrs()
	saslBroker := fakeBroker(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "emu", password+"!"),
		kfake.Superuser("SCRAM-SHA-256", "emu", password+"!")).ListenAddrs()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	credentials := func(mechanism string) kafka.SASL {
		return kafka.SASL{Mechanism: mechanism, User: "emu", Password: password}
	}

	tests := []struct {
		name    string
		o       kafka.DialOptions
		problem kafka.Problem
	}{
		{"refused", kafka.DialOptions{Brokers: []string{local(freePort(t))}}, kafka.ProblemRefused},
		{"unknown host", kafka.DialOptions{Brokers: []string{"kafka.invalid:9092"}}, kafka.ProblemUnknownHost},
		{"silent", kafka.DialOptions{Brokers: []string{silent.Addr().String()}}, kafka.ProblemTimeout},
		{"plain to tls", kafka.DialOptions{Brokers: tlsBroker}, kafka.ProblemProtocol},
		{"tls to plain", kafka.DialOptions{Brokers: plainBroker, TLS: trusting}, kafka.ProblemProtocol},
		{"unknown authority", kafka.DialOptions{Brokers: tlsBroker, TLS: other}, kafka.ProblemTLS},
		{"other name", kafka.DialOptions{Brokers: tlsBroker, TLS: &tls.Config{RootCAs: trusting.RootCAs, ServerName: "x.example"}}, kafka.ProblemTLS},
		{"wrong password", kafka.DialOptions{Brokers: saslBroker, SASL: credentials(kafka.Plain)}, kafka.ProblemSASL},
		{"wrong scram password", kafka.DialOptions{Brokers: saslBroker, SASL: credentials("SCRAM-SHA-256")}, kafka.ProblemSASL},
		{"no password", kafka.DialOptions{Brokers: saslBroker}, kafka.ProblemProtocol},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var log lockedBuffer
			tt.o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			c, err := kafka.Dial(within(t, 2*time.Second), tt.o)
			if err == nil {
				_ = c.Close()
				t.Fatal("no error")
			}
			t.Log(err)
			var broker *kafka.BrokerError
			if !errors.As(err, &broker) {
				t.Fatalf("%v is not a BrokerError", err)
			}
			if broker.Problem != tt.problem {
				t.Errorf("problem %q, want %q: %v", broker.Problem, tt.problem, err)
			}
			if broker.Address != tt.o.Brokers[0] || !strings.Contains(err.Error(), tt.o.Brokers[0]) {
				t.Errorf("%v does not name %s", err, tt.o.Brokers[0])
			}
			for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, broker), log.String()} {
				if strings.Contains(text, password) {
					t.Errorf("the password is in %q", text)
				}
			}
		})
	}
}

func TestDialRefusesOptions(t *testing.T) {
	for want, o := range map[string]kafka.DialOptions{
		"no brokers":     {},
		"missing port":   {Brokers: []string{"a"}},
		"not known":      {Brokers: []string{"a:1"}, SASL: kafka.SASL{Mechanism: "gssapi", User: "u", Password: password}},
		"without a mech": {Brokers: []string{"a:1"}, SASL: kafka.SASL{User: "u", Password: password}},
		"needs a user":   {Brokers: []string{"a:1"}, SASL: kafka.SASL{Mechanism: kafka.Plain, Password: password}},
		"-1 partitions":  {Brokers: []string{"a:1"}, Partitions: -1},
		"70000 replicas": {Brokers: []string{"a:1"}, Replicas: 70000},
	} {
		_, err := kafka.Dial(within(t, time.Second), o)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), password) {
			t.Errorf("%v; want an error with %q", err, want)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(verb, o); strings.Contains(text, password) {
				t.Errorf("%s shows the password: %s", verb, text)
			}
		}
	}
}

func TestDialWaitsForBroker(t *testing.T) {
	port := freePort(t)
	var work sync.WaitGroup
	defer work.Wait()
	refused := make(chan struct{})
	var once sync.Once
	logger := slog.New(&onRecord{do: func() { once.Do(func() { close(refused) }) }})
	work.Go(func() {
		<-refused
		fakeBroker(t, kfake.Ports(port))
	})
	c := dial(t, kafka.DialOptions{Brokers: []string{local(port)}, Logger: logger})
	publish(t, c, numbered("t", 0, 3, 3))
}

func TestDialFindsOneOfMany(t *testing.T) {
	broker := fakeBroker(t)
	c := dial(t, kafka.DialOptions{
		Brokers: []string{local(freePort(t)), broker.ListenAddrs()[0]},
		Topics:  []string{"one", "two"}, Partitions: 2,
	})
	publish(t, c, numbered("two", 0, 3, 3))
	for _, topic := range []string{"one", "two"} {
		if info := broker.TopicInfo(topic); info == nil {
			t.Errorf("topic %s is missing", topic)
		}
	}
}

func TestDialAdvertisedElsewhere(t *testing.T) {
	dead := local(freePort(t))
	seed := make(chan string, 1)
	fakeBroker(t, kfake.ListenFn(func(network, address string) (net.Listener, error) {
		ln, err := net.Listen(network, address)
		if err != nil {
			return nil, err
		}
		seed <- ln.Addr().String()
		return misleading{ln, dead}, nil
	}))
	_, err := kafka.Dial(within(t, time.Second), kafka.DialOptions{Brokers: []string{<-seed}})
	var broker *kafka.BrokerError
	if !errors.As(err, &broker) || broker.Address != dead || broker.Problem != kafka.ProblemRefused ||
		!strings.Contains(err.Error(), "advertised") {
		t.Errorf("%v; want it to name %s as advertised and refusing", err, dead)
	}
}

func TestDialTopicThatMayNotBeMade(t *testing.T) {
	broker := fakeBroker(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "admin", password),
		kfake.SeedTopics(2, "given"),
		kfake.User("PLAIN", "emu", password, kfake.ACL{
			Resource: kmsg.ACLResourceTypeTopic, Name: "*", Pattern: kmsg.ACLResourcePatternTypeLiteral,
			Operation: kmsg.ACLOperationWrite, Allow: true,
		}))
	c := dial(t, kafka.DialOptions{
		Brokers: broker.ListenAddrs(), SASL: kafka.SASL{Mechanism: kafka.Plain, User: "emu", Password: password},
	})
	publish(t, c, numbered("given", 0, 3, 3))
	for i, err := range c.Publish(within(t, 5*time.Second), numbered("missing", 0, 3, 3)) {
		if err == nil || !strings.Contains(err.Error(), "may not create") || !strings.Contains(err.Error(), "missing") {
			t.Errorf("record %d: %v; want it to say that the topic may not be created", i, err)
		}
	}
}

// misleading is a listener that says it is somewhere else.
type misleading struct {
	net.Listener
	addr string
}

func (m misleading) Addr() net.Addr { return named(m.addr) }

type named string

func (named) Network() string  { return "tcp" }
func (n named) String() string { return string(n) }

// onRecord is a log handler that runs do with every record.
type onRecord struct{ do func() }

func (*onRecord) Enabled(context.Context, slog.Level) bool    { return true }
func (h *onRecord) Handle(context.Context, slog.Record) error { h.do(); return nil }
func (h *onRecord) WithAttrs([]slog.Attr) slog.Handler        { return h }
func (h *onRecord) WithGroup(string) slog.Handler             { return h }

// lockedBuffer is a bytes.Buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
