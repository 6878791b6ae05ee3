package scenarios_test

import (
	"context"
	"fmt"

	"github.com/swanemu/emu/scenarios"
)

// A ready scenario is played in process, on a sandbox of its own.
func ExampleRun() {
	story, err := scenarios.Ready("first-release")
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := scenarios.Run(context.Background(), story, scenarios.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Passed(), len(result.Steps), result.End.Sub(result.Start))
	// Output: true 17 2h0m3s
}
