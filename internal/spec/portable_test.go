package spec_test

import (
	"regexp"
	"strings"
	"testing"

	emu "github.com/swanemu/emu"
)

// TestPortable keeps out of the contract what readers of YAML 1.2 take for
// something else: a merge key is an ordinary member to them, named <<.
func TestPortable(t *testing.T) {
	merge := regexp.MustCompile(`(^|[\s{,])<<\s*:`)
	for n, line := range strings.Split(string(emu.OpenAPI), "\n") {
		if merge.MatchString(line) {
			t.Errorf("openapi.yaml:%d: %s: a merge key, which YAML 1.2 does not have: write the members out", n+1, strings.TrimSpace(line))
		}
	}
}
