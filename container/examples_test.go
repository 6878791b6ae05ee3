package container_test

import (
	"context"
	"fmt"

	"github.com/testcontainers/testcontainers-go"

	"github.com/swanemu/emu/container"
)

//nolint:testableexamples // it needs a Docker daemon
func ExampleRun() {
	ctx := context.Background()
	c, err := container.Run(ctx, "emu", container.WithScenario("first-release"), container.WithSeed(7), container.WithKafka())
	defer func() {
		if err := testcontainers.TerminateContainer(c); err != nil {
			fmt.Println(err)
		}
	}()
	if err != nil {
		fmt.Println(err)
		return
	}
	base, err := c.BaseURL(ctx) // http://localhost:32768
	if err != nil {
		fmt.Println(err)
		return
	}
	credentials, err := c.NewSandbox(ctx, "checkout") // tokens, keys and the Kafka topic
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(base, credentials.Authorizer.AccessToken)
}
