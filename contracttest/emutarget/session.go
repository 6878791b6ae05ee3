package emutarget

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/clock"
)

// session exchanges a login code for the session key, as the server of the
// sandbox's first app does.
func (b *Box) session(ctx context.Context, code string) (string, error) {
	ctx, cancel := clock.Timeout(ctx, timeout)
	defer cancel()
	form := url.Values{"client_id": {b.first.Developer.ID}, "sk": {b.first.Developer.Secret}, "code": {code}}
	address := strings.TrimRight(b.options.URL, "/") + "/nalogin/getSessionKeyByCode"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := b.client.RoundTrip(r)
	if err != nil {
		return "", fmt.Errorf("%w: %w", contracttest.ErrUnreachable, err)
	}
	data, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return "", err
	}
	var answer struct {
		SessionKey string `json:"session_key"`
	}
	if json.Unmarshal(data, &answer) != nil || answer.SessionKey == "" {
		return "", fmt.Errorf("%w: the code is not exchanged (HTTP %d)", contracttest.ErrCannot, res.StatusCode)
	}
	return answer.SessionKey, nil
}

// readable lets the user agree to a scope, so that a call which asks for leave
// is accepted, and leaves the value of the parameter to the suite.
func readable(scope string) gift {
	return func(ctx context.Context, b *Box, _ *contracttest.Subject) (string, error) {
		return "", b.order(ctx, http.MethodPut, "/grants", map[string]any{"scope": scope}, nil)
	}
}
