package platform_test

import (
	"net/url"
	"slices"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/swanemu/emu"
	"github.com/swanemu/emu/internal/platform"
)

// TestHosts holds the hosts against the contract's servers; what is on this
// machine is not the platform's.
func TestHosts(t *testing.T) {
	var contract struct {
		Servers []struct {
			URL string `yaml:"url"`
		} `yaml:"servers"`
	}
	if err := yaml.Load(emu.OpenAPI, &contract); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, server := range contract.Servers {
		at, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		if at.Hostname() != "127.0.0.1" {
			want = append(want, at.Hostname())
		}
	}
	if got := platform.Hosts(); !slices.Equal(got, want) {
		t.Errorf("the hosts are %q; the contract names %q", got, want)
	}
}
