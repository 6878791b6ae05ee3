// Package container runs the emulator's image with testcontainers-go.
//
// It promises: when Run returns, the emulator answers; its control API needs a
// token that only this process and its children know; what the caller asks of
// testcontainers-go wins over what this package asks. It pulls no image by
// itself but as testcontainers-go does, and leaves ending the container to the
// caller (testcontainers.CleanupContainer).
package container

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/internal/freeport"
)

const (
	httpPort  = "8080/tcp"
	kafkaPort = "9092/tcp"
	// hostName is the machine that the daemon runs on, as containers see it.
	hostName = "host.docker.internal"
)

// A Container is an emulator in a container.
type Container struct {
	testcontainers.Container
	token string
	kafka string // where the broker is, host:port; "" without one
}

// settings are what the options of this package say.
type settings struct {
	kafka string
}

// An Option is an option of this package. It customizes a request like the
// options of testcontainers-go do, and stands among them.
type Option struct {
	request func(*testcontainers.GenericContainerRequest) error
	own     func(*settings) error
}

// Customize changes a request.
func (o Option) Customize(request *testcontainers.GenericContainerRequest) error {
	if o.request == nil {
		return nil
	}
	return o.request(request)
}

// environment sets variables of the container.
func environment(values map[string]string) Option {
	return Option{request: testcontainers.WithEnv(values).Customize}
}

// WithSeed sets the source of everything that looks random.
func WithSeed(seed uint64) Option {
	return environment(map[string]string{"EMU_SEED": strconv.FormatUint(seed, 10)})
}

// WithVirtualClock has time stand still until the control API moves it.
func WithVirtualClock() Option {
	return environment(map[string]string{"EMU_CLOCK": "virtual"})
}

// WithWebhookTarget lets pushes reach servers on this machine: they are at
// WebhookURL. The servers must listen beyond 127.0.0.1.
func WithWebhookTarget() Option {
	return Option{request: func(request *testcontainers.GenericContainerRequest) error {
		before := request.HostConfigModifier
		request.HostConfigModifier = func(c *container.HostConfig) {
			if before != nil {
				before(c)
			}
			c.ExtraHosts = append(c.ExtraHosts, hostName+":host-gateway")
		}
		return nil
	}}
}

// WebhookURL is where the emulator finds a server on this machine that listens
// on a port; the container was made WithWebhookTarget.
func WebhookURL(port int, path string) string {
	return "http://" + net.JoinHostPort(hostName, strconv.Itoa(port)) + path
}

// WithKafka has the emulator's broker listen where clients on this machine
// reach it: KafkaBrokers. The port is chosen before the container starts, for a
// broker tells its clients where it is.
func WithKafka() Option {
	var address string
	return Option{
		own: func(s *settings) error {
			port, err := freeport.Find()
			if err != nil {
				return err
			}
			address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
			s.kafka = address
			return nil
		},
		request: func(request *testcontainers.GenericContainerRequest) error {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return fmt.Errorf("the broker's address: %w", err)
			}
			before := request.HostConfigModifier
			request.HostConfigModifier = func(c *container.HostConfig) {
				if before != nil {
					before(c)
				}
				if c.PortBindings == nil {
					c.PortBindings = network.PortMap{}
				}
				c.PortBindings[network.MustParsePort(kafkaPort)] = []network.PortBinding{{HostIP: netip.AddrFrom4([4]byte{127, 0, 0, 1}), HostPort: port}}
			}
			return errors.Join(
				testcontainers.WithExposedPorts(kafkaPort).Customize(request),
				testcontainers.WithEnv(map[string]string{"EMU_KAFKA": "embedded", "EMU_KAFKA_ADVERTISE": address}).Customize(request),
			)
		},
	}
}

// Run starts the image, by default without Kafka, and waits until the emulator
// is ready. Where that fails the container is returned besides the error, if
// there is one, so that its log can be read.
func Run(ctx context.Context, img string, opts ...testcontainers.ContainerCustomizer) (*Container, error) {
	out := &Container{token: testcontainers.SessionID()}
	all := []testcontainers.ContainerCustomizer{
		testcontainers.WithExposedPorts(httpPort),
		testcontainers.WithEnv(map[string]string{"EMU_ADMIN_TOKEN": out.token, "EMU_KAFKA": "none"}),
		testcontainers.WithWaitStrategy(wait.ForHTTP("/_emu/ready").WithPort(httpPort)),
	}
	var own settings
	for _, opt := range opts {
		if o, ok := opt.(Option); ok && o.own != nil {
			if err := o.own(&own); err != nil {
				return nil, fmt.Errorf("run emu: %w", err)
			}
		}
	}
	c, err := testcontainers.Run(ctx, img, append(all, opts...)...)
	if c != nil {
		out.Container, out.kafka = c, own.kafka
	}
	switch {
	case c == nil:
		return nil, fmt.Errorf("run emu: %w", err)
	case err != nil:
		return out, fmt.Errorf("run emu: %w", err)
	}
	return out, nil
}

// BaseURL is where the emulator answers, http://HOST:PORT.
func (c *Container) BaseURL(ctx context.Context) (string, error) {
	url, err := c.PortEndpoint(ctx, httpPort, "http")
	if err != nil {
		return "", fmt.Errorf("base URL: %w", err)
	}
	return url, nil
}

// AdminToken is what the control API needs, as Authorization: Bearer.
func (c *Container) AdminToken(context.Context) (string, error) { return c.token, nil }

// KafkaBrokers are what a Kafka client bootstraps from. Without WithKafka there
// are none, and that is an error.
func (c *Container) KafkaBrokers(context.Context) ([]string, error) {
	if c.kafka == "" {
		return nil, errors.New("kafka brokers: the container was made without WithKafka")
	}
	return []string{c.kafka}, nil
}

// NewSandbox makes a sandbox of that name and returns its credentials.
func (c *Container) NewSandbox(ctx context.Context, name string) (*emulator.Credentials, error) {
	base, err := c.BaseURL(ctx)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]string{"name": name})
	if err != nil {
		return nil, fmt.Errorf("make a sandbox: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+emulator.ControlPrefix+"sandboxes", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make a sandbox: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+c.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("make a sandbox: %w", err)
	}
	const longest = 1 << 20
	text, err := io.ReadAll(io.LimitReader(response.Body, longest))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("make a sandbox: %w", err)
	}
	if response.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("make a sandbox: %s: %s", response.Status, text)
	}
	var out emulator.Credentials
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("make a sandbox: %w", err)
	}
	return &out, nil
}
