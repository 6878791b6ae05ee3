package emutarget

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/swanemu/emu/contracttest"
)

// Is reports whether an emulator answers there. The error wraps
// contracttest.ErrUnreachable when nobody does.
func Is(ctx context.Context, o Options) (bool, error) {
	b := &Box{options: o, client: o.transport()}
	var health struct {
		Status  string `json:"status"`
		Version string `json:"version"`
	}
	err := b.control(ctx, http.MethodGet, "health", nil, &health)
	if errors.Is(err, contracttest.ErrUnreachable) {
		return false, err
	}
	return err == nil && health.Status == "ok" && health.Version != "", nil
}

// Brokers are the addresses of the brokers that the emulator publishes its
// notices to; none where it has none.
func Brokers(ctx context.Context, o Options) ([]string, error) {
	b := &Box{options: o, client: o.transport()}
	var ready struct {
		Kafka struct {
			Addresses []string `json:"addresses"`
		} `json:"kafka"`
	}
	err := b.control(ctx, http.MethodGet, "ready", nil, &ready)
	return ready.Kafka.Addresses, err
}

func (o Options) transport() http.RoundTripper {
	if o.Transport != nil {
		return o.Transport
	}
	return &http.Transport{MaxIdleConnsPerHost: 4}
}

// Local reports whether the emulator is on this machine, as far as its URL
// tells.
func (b *Box) Local() bool {
	u, err := url.Parse(b.options.URL)
	if err != nil {
		return false
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// reaches finds out whether the emulator's pushes arrive here: one is sent. An
// emulator that tries and does not get here is on another machine, or behind
// the wall of a container; one that does not even try is for the checks to
// find.
func (b *Box) reaches(ctx context.Context) (why string, err error) {
	s, err := b.EnterState(ctx, contracttest.Situation{States: []string{"in_review"}})
	if err == nil {
		err = b.Decide(ctx, s, contracttest.Verdict{Package: s.Packages[0].ID, Decision: "audit", Outcome: "pass"})
	}
	if err == nil {
		err = b.Advance(ctx, time.Second)
	}
	if err != nil {
		return "", fmt.Errorf("send a push to try: %w", err)
	}
	if got, _ := b.inbox.Received(ctx); len(got) > 0 {
		return "", nil
	}
	var out struct {
		Deliveries []struct {
			Attempts int    `json:"attempts"`
			Error    string `json:"error"`
		} `json:"deliveries"`
	}
	if err := b.order(ctx, http.MethodGet, "/deliveries?channel=push", nil, &out); err != nil {
		return "", err
	}
	for _, d := range out.Deliveries {
		if d.Attempts > 0 && d.Error != "" {
			return "the emulator's pushes do not get here: " + d.Error, nil
		}
	}
	return "", nil
}
