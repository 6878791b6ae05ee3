package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/swanemu/emu/internal/clock"
)

// How commands talk to the control API of a running emulator.

const (
	// controlTimeout bounds one order.
	controlTimeout = 30 * time.Second
	// controlAnswer is the longest answer that is read.
	controlAnswer = 64 << 20
)

// controlFlags say which emulator and which sandbox a command is about.
type controlFlags struct {
	url, sandbox string
	json         bool
}

// add gives cmd the flags.
func (f *controlFlags) add(cmd *cobra.Command) {
	f.addTarget(cmd)
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
}

// addTarget gives cmd the flags that say where the sandbox is.
func (f *controlFlags) addTarget(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.url, "url", "", "base `URL` of the emulator, also in "+healthURL+" (default where serve would listen)")
	fs.StringVar(&f.sandbox, "sandbox", "default", "`name` of the sandbox")
	serve := serveFlags()
	for _, name := range []string{"admin-token", "listen", "config"} {
		fs.AddFlag(serve.Lookup(name))
	}
}

// controlToken is the admin token: the flag's or the variable's, and for the
// machine's own emulator also what its settings say. No other gets to see that.
func (a *app) controlToken(cmd *cobra.Command, own bool) (string, error) {
	if own {
		s, err := load(cmd.Flags(), a.env)
		return s.AdminToken, err
	}
	if f := cmd.Flags().Lookup("admin-token"); f.Changed {
		return f.Value.String(), nil
	}
	for _, e := range a.env {
		if token, ok := strings.CutPrefix(e, variable("admin-token")+"="); ok {
			return token, nil
		}
	}
	return "", nil
}

// control gives an order for the sandbox and returns the answer. A refusal is
// an error that names the flag it is about; one that the caller can put right
// is an error of usage.
func (a *app) control(cmd *cobra.Command, f *controlFlags, method, path string, query url.Values, order any) ([]byte, error) {
	return a.controlAt(cmd, f, method, strings.TrimSuffix("sandboxes/"+url.PathEscape(f.sandbox)+"/"+path, "/"), query, order)
}

// controlAt is control for a path of the whole emulator's.
func (a *app) controlAt(cmd *cobra.Command, f *controlFlags, method, path string, query url.Values, order any) ([]byte, error) {
	base, own, err := a.emulatorURL(cmd, f.url)
	if err != nil {
		return nil, usageError(err)
	}
	token, err := a.controlToken(cmd, own)
	if err != nil {
		return nil, usageError(err)
	}
	target := base.JoinPath("_emu", path)
	target.RawQuery = query.Encode()
	var body io.Reader
	if order != nil {
		data, err := json.Marshal(order)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	ctx, cancel := clock.Timeout(cmd.Context(), controlTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, target.String(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return exchange(ctx, req)
}

// exchange sends a request and returns the answer to it, or what is wrong.
func exchange(ctx context.Context, req *http.Request) ([]byte, error) {
	// Never through a proxy: what is asked is this machine's own, or named.
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := transport.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", req.Method, req.URL.Redacted(), err)
	}
	defer res.Body.Close() //nolint:errcheck // the answer is read; nothing is lost with the connection
	text, err := io.ReadAll(io.LimitReader(res.Body, controlAnswer))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", req.Method, req.URL.Redacted(), err)
	}
	if res.StatusCode >= 200 && res.StatusCode <= 299 {
		return text, nil
	}
	var p problemDetails
	if json.Unmarshal(text, &p) != nil || p.Detail == "" {
		said := strings.Join(strings.Fields(string(text[:min(len(text), healthAnswer)])), " ")
		return nil, fmt.Errorf("%s %s: %s: %s", req.Method, req.URL.Redacted(), res.Status, cmp.Or(said, "no reason given"))
	}
	switch res.StatusCode {
	case http.StatusBadRequest, http.StatusNotFound:
		return nil, usageError(&p)
	}
	return nil, &p
}

// problemDetails is what the control API says when it refuses (RFC 9457).
type problemDetails struct {
	problemIssue
	Errors []problemIssue `json:"errors"`
}

// problemIssue is one thing that is wrong, and what was probably meant.
type problemIssue struct {
	Detail  string   `json:"detail"`
	Pointer string   `json:"pointer"`
	Nearest []string `json:"nearest"`
}

// Error has a line for each thing that is wrong.
func (p *problemDetails) Error() string {
	if len(p.Errors) == 0 {
		return p.problemIssue.String()
	}
	lines := make([]string, len(p.Errors))
	for i, issue := range p.Errors {
		lines[i] = issue.String()
	}
	return strings.Join(lines, "\n")
}

// String names the flag behind a member of the order.
func (p problemIssue) String() string {
	text := p.Detail
	if member := strings.TrimPrefix(p.Pointer, "/"); member != "" && !strings.Contains(member, "/") {
		flag := "--" + strings.ReplaceAll(member, "_", "-")
		if rest, ok := strings.CutPrefix(text, p.Pointer); ok {
			text = flag + rest
		} else {
			text = flag + ": " + text
		}
	}
	switch len(p.Nearest) {
	case 0:
		return text
	case 1:
		return text + "; did you mean " + p.Nearest[0] + "?"
	}
	all := strings.Join(p.Nearest, ", ")
	if strings.Contains(text, all) {
		return text
	}
	return text + "; there are " + all
}
