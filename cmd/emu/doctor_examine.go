package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/internal/clock"
)

// A patient is what doctor knows of a set-up before it judges.
type patient struct {
	app   *app
	flags *doctorFlags
	cmd   *cobra.Command

	settings    settings
	settingsErr error

	// url is the emulator's, nil where urlErr says why it is not known; own
	// says that it follows from the settings.
	url    *url.URL
	own    bool
	urlErr error
	token  string
	roots  *x509.CertPool // of --ca; nil without it

	// health is what answers at url; reachErr why nothing does.
	version  string
	reachErr error
	skew     time.Duration // how far the emulator's clock is ahead
	skewErr  error
	readyErr error
	brokers  []string

	// setup is what the control API says of the emulator; setupErr why not.
	setup    emulator.Setup
	setupErr error
}

// examine collects what the checks look at. Its error is the caller's.
func (a *app) examine(asked *cobra.Command, f *doctorFlags) (*patient, error) {
	// Its --kafka is an address to look at and not the setting of serve.
	cmd := &cobra.Command{}
	cmd.SetContext(asked.Context())
	asked.Flags().VisitAll(func(flag *pflag.Flag) {
		if flag.Name != "kafka" {
			cmd.Flags().AddFlag(flag)
		}
	})
	p := &patient{app: a, flags: f, cmd: cmd}
	if f.ca != "" {
		pem, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, usageError(fmt.Errorf("--ca: %w", err))
		}
		p.roots = x509.NewCertPool()
		if !p.roots.AppendCertsFromPEM(pem) {
			return nil, usageError(fmt.Errorf("--ca: %s holds no PEM certificate", f.ca))
		}
	}
	if f.webhook != "" {
		u, err := url.Parse(f.webhook)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, usageError(errors.New("--webhook: want a URL such as http://127.0.0.1:9000/push"))
		}
	}
	p.settings, p.settingsErr = load(cmd.Flags(), a.env)
	p.url, p.own, p.urlErr = a.emulatorURL(cmd, f.control.url)
	if p.urlErr != nil {
		if cmd.Flags().Changed("url") {
			return nil, usageError(p.urlErr)
		}
		p.reachErr, p.setupErr = p.urlErr, p.urlErr
		return p, nil
	}
	p.token, _ = a.controlToken(cmd, p.own) // what is wrong with the settings is a finding
	p.ask(cmd.Context())
	return p, nil
}

// ask asks the emulator what it tells of itself.
func (p *patient) ask(ctx context.Context) {
	var health struct {
		Status  string `json:"status"`
		Version string `json:"version"`
	}
	began := clock.Wall()
	header, err := p.get(ctx, "health", &health)
	ended := clock.Wall()
	if err == nil && (health.Status != "ok" || health.Version == "") {
		err = errors.New("what answers there is not an emulator")
	}
	p.version, p.reachErr = health.Version, err
	if err != nil {
		p.setupErr = errors.New("no emulator is reached")
		return
	}
	at, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		p.skewErr = errors.New("the answer has no Date")
	}
	// A Date has whole seconds, cut off: it is within the second before it was
	// written, which was between began and ended.
	switch {
	case at.Before(began.Add(-time.Second)):
		p.skew = at.Sub(began.Add(-time.Second))
	case at.After(ended):
		p.skew = at.Sub(ended)
	}
	var ready struct {
		Kafka struct {
			Addresses []string `json:"addresses"`
		} `json:"kafka"`
	}
	_, p.readyErr = p.get(ctx, "ready", &ready)
	p.brokers = ready.Kafka.Addresses
	_, p.setupErr = p.get(ctx, "setup", &p.setup)
}

// get asks a path of the control API.
func (p *patient) get(ctx context.Context, path string, answer any) (http.Header, error) {
	return p.order(ctx, http.MethodGet, path, nil, answer)
}

// order sends a request to the control API and reads the answer.
func (p *patient) order(ctx context.Context, method, path string, body io.Reader, answer any) (http.Header, error) {
	ctx, cancel := clock.Timeout(ctx, checkTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, p.url.JoinPath("_emu", path).String(), body)
	if err != nil {
		return nil, err
	}
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	// Never through a proxy: whether one is in the way is a check of its own.
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: p.roots}} //nolint:gosec // the default of Go's client is 1.2
	res, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() //nolint:errcheck // the answer is read; nothing is lost with the connection
	text, err := io.ReadAll(io.LimitReader(res.Body, controlAnswer))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		var why struct {
			Detail string `json:"detail"`
			Reason string `json:"reason"`
		}
		_ = json.Unmarshal(text, &why) // what is no JSON says nothing more
		return res.Header, &answeredError{res.StatusCode, why.Detail + why.Reason}
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return res.Header, errors.New("what answers there is not an emulator")
	}
	return res.Header, nil
}

// An answeredError is an answer with another status than 200.
type answeredError struct {
	status int
	why    string
}

func (e *answeredError) Error() string {
	if e.why == "" {
		return fmt.Sprintf("status %d", e.status)
	}
	return e.why
}
