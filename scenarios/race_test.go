//go:build race

package scenarios_test

// slowness is how much more time the race detector may take.
const slowness = 10
