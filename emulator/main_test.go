package emulator

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs the tests and then looks for goroutines that outlived them.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}
