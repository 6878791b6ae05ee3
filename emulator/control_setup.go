package emulator

import "fmt"

// A Setup says where an emulator is found besides the server that asks it.
// Whoever serves it knows; the emulator passes it on to clients that ask.
type Setup struct {
	// Listen is the address, host:port, that it is served on.
	Listen string `json:"listen,omitempty"`
	// Proxy is a forwarding proxy that takes the platform's hosts over; nil
	// without one.
	Proxy *SetupProxy `json:"proxy,omitempty"`
	// TLS is where HTTPS is spoken; nil where it is not.
	TLS *SetupTLS `json:"tls,omitempty"`
}

// A SetupProxy is a forwarding proxy in front of an emulator.
type SetupProxy struct {
	// URL is the proxy's, Direct the address, host:port, that speaks TLS for
	// the hosts without a proxy in front.
	URL    string `json:"url"`
	Direct string `json:"direct"`
	// Hosts are the names that it takes over.
	Hosts []string `json:"hosts"`
	// Certificate is that of the authority to trust, PEM.
	Certificate string `json:"certificate"`
}

// A SetupTLS is a server that speaks HTTPS for an emulator.
type SetupTLS struct {
	// URL is where it is.
	URL string `json:"url"`
	// Certificate is that of the authority to trust, PEM; "" where the
	// certificate is somebody's own.
	Certificate string `json:"certificate,omitempty"`
}

type setupOut struct {
	Version string `json:"version"`
	Setup
}

// getSetup answers where the emulator is found.
func getSetup(c *controlCall, _ None) (setupOut, error) {
	return setupOut{c.e.opt.Version, c.e.opt.Setup}, nil
}

type probeIn struct {
	URL string `json:"url"`
}

type probeOut struct {
	Reached bool   `json:"reached"`
	Status  int    `json:"status,omitempty"`
	Error   string `json:"error,omitempty"`
}

// probe asks an address with one GET, under the rules of pushes, whether
// somebody answers there. Nothing is recorded: it is no push.
func probe(c *controlCall, in probeIn) (probeOut, error) {
	if in.URL == "" {
		return probeOut{}, &controlProblem{Status: 400, Detail: "want url, the address to ask", Pointer: "/url"}
	}
	r := c.e.poster.send(c.ctx, in.URL, letter{channel: "probe", timeout: c.e.poster.timeout, limit: pushAnswerLimit})
	out := probeOut{Reached: r.Status != 0, Status: r.Status}
	if !out.Reached {
		out.Error = fmt.Sprint(r.Err)
	}
	return out, nil
}
