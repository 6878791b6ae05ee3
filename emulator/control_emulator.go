package emulator

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/swanemu/emu/internal/clock"
)

// readyTimeout bounds the question whether every sink can be reached.
const readyTimeout = 2 * time.Second

type healthOut struct {
	Status  string `json:"status"`
	Version string `json:"version"`
}

// health is the answer of a process that is alive.
func (e *Emulator) health() controlAnswer {
	a, _ := success(http.StatusOK, healthOut{"ok", e.opt.Version})
	return a
}

type readyOut struct {
	Ready bool `json:"ready"`
	Kafka struct {
		Addresses []string `json:"addresses"`
	} `json:"kafka"`
	Sandboxes int `json:"sandboxes"`
}

type notReadyOut struct {
	Ready  bool   `json:"ready"`
	Reason string `json:"reason"`
}

// ready answers whether everything is there to work with.
func (e *Emulator) ready(ctx context.Context) controlAnswer {
	ctx, cancel := clock.Timeout(ctx, readyTimeout)
	defer cancel()
	if err := e.Ready(ctx); err != nil {
		a, _ := success(http.StatusServiceUnavailable, notReadyOut{Reason: err.Error()})
		return a
	}
	out := readyOut{Ready: true}
	out.Kafka.Addresses = []string{}
	if e.opt.Broker != nil {
		out.Kafka.Addresses = append(out.Kafka.Addresses, e.opt.Broker.Addresses()...)
	}
	e.mu.Lock()
	out.Sandboxes = len(e.sandboxes)
	e.mu.Unlock()
	a, _ := success(http.StatusOK, out)
	return a
}

// getContract answers with the contract that is served, as it was written.
func getContract(c *controlCall, _ None) (controlAnswer, error) {
	data := c.e.program().source
	a := controlAnswer{status: http.StatusOK, mediaType: mediaYAML, body: data}
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		a.mediaType = mediaJSON
	}
	return a, nil
}

// getControlContract answers with the contract of the control API.
func getControlContract(*controlCall, None) (controlAnswer, error) {
	return controlAnswer{status: http.StatusOK, mediaType: mediaYAML, body: adminYAML}, nil
}
