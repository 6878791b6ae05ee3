package contracttest_test

import (
	"context"
	"fmt"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/contracttest/emutarget"
	"github.com/swanemu/emu/emulator"
)

// A server is held against the contract; here it is the emulator, in this
// process.
func Example() {
	ctx := context.Background()
	em, err := emulator.New(ctx, emulator.Options{})
	if err != nil {
		panic(err)
	}
	defer em.Close(ctx) //nolint:errcheck // nothing is lost with it
	box, err := emutarget.Open(ctx, emutarget.Options{URL: "http://127.0.0.1", Transport: within{em}})
	if err != nil {
		panic(err)
	}
	defer box.Close(ctx) //nolint:errcheck // nothing is lost with it
	report, err := contracttest.Verify(ctx, box.Target(), contracttest.Options{Checks: []string{"lifecycle"}})
	if err != nil {
		panic(err)
	}
	fmt.Println(len(report.Causes), "findings,", report.Count(contracttest.NotRun), "cases not run,", report.Err())
	// Output: 0 findings, 0 cases not run, <nil>
}
