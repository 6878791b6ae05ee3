package emulator_test

// Specification of tp.go: tickets, codes, and the tokens with which a TP acts
// for an app.

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
)

// A grant is an answer of rest/2.0/oauth/token.
type grant struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int64  `json:"expires_in"`
}

// tpToken exchanges a ticket.
func tpToken(t tester, h http.Handler, clientID, ticket string) string {
	t.Helper()
	var out struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
		Scope       string `json:"scope"`
	}
	get(h, pathTPToken, "client_id", clientID, "ticket", ticket).data(t, &out)
	if out.ExpiresIn != 2592000 || out.Scope == "" {
		t.Errorf("TP token: expires_in %d, scope %q", out.ExpiresIn, out.Scope)
	}
	return out.AccessToken
}

// retrieve asks for a new code for an app that has authorized the TP.
func retrieve(t tester, h http.Handler, tp string, app int64) string {
	t.Helper()
	var out struct {
		Code      string `json:"authorization_code"`
		ExpiresIn int64  `json:"expires_in"`
	}
	post(h, pathRetrieve, "access_token", tp, "app_id", strconv.FormatInt(app, 10)).data(t, &out)
	if out.Code == "" || out.ExpiresIn != 18000 {
		t.Fatalf("retrieved %q for %d s", out.Code, out.ExpiresIn)
	}
	return out.Code
}

// exchange trades a code or a refresh token for a pair of tokens.
func exchange(h http.Handler, tp, grantType, name, value string) answer {
	return get(h, pathExchange, "access_token", tp, "grant_type", grantType, name, value)
}

const (
	byCode    = "app_to_tp_authorization_code"
	byRefresh = "app_to_tp_refresh_token"
)

// wantGrant reads a pair of tokens, bare of any envelope.
func wantGrant(t tester, a answer) grant {
	t.Helper()
	var g grant
	a.into(t, &g)
	if env, _ := a.open(); a.status != http.StatusOK || g.AccessToken == "" || env.Errno != nil || a.code() != 0 {
		t.Fatalf("want bare tokens, got %d %s", a.status, a.body)
	}
	return g
}

// wantOAuth holds an answer against an OAuth error.
func wantOAuth(t tester, what string, a answer, code string) {
	t.Helper()
	if env, err := a.open(); err != nil || a.status != 400 || env.Error != code || env.ErrorText == "" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: %d %s, want 400 %s", what, a.status, a.body, code)
	}
}

func TestAuthorizerTokens(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	tp := tpToken(t, e, c.TP.ClientID, c.TP.Ticket)
	checkToken(t, "TP", tp, emulator.TokenTP, 30*24*time.Hour, s.Now())

	code := retrieve(t, e, tp, c.App.AppID)
	first := wantGrant(t, exchange(e, tp, byCode, "code", code))
	checkToken(t, "authorizer", first.AccessToken, emulator.TokenAuthorizer, time.Hour, s.Now())
	checkToken(t, "refresh", first.RefreshToken, emulator.TokenRefresh, 10*365*24*time.Hour, s.Now())
	if first.ExpiresIn != 3600 {
		t.Errorf("expires_in %d, want 3600", first.ExpiresIn)
	}
	wantOAuth(t, "a code used twice", exchange(e, tp, byCode, "code", code), "invalid_grant")

	list := func(token string) int { return get(e, pathList, "access_token", token).code() }
	advance(t, s, time.Hour-time.Second)
	if n := list(first.AccessToken); n != 0 {
		t.Errorf("a second before its end the authorizer token is answered with %d", n)
	}
	advance(t, s, time.Second)
	if n := list(first.AccessToken); n != 111 {
		t.Errorf("at its end the authorizer token is answered with %d", n)
	}
	second := wantGrant(t, exchange(e, tp, byRefresh, "refresh_token", first.RefreshToken))
	if n := list(second.AccessToken); n != 0 {
		t.Errorf("a refreshed token is answered with %d", n)
	}
	wantOAuth(t, "a refresh token used twice", exchange(e, tp, byRefresh, "refresh_token", first.RefreshToken), "invalid_grant")
	third := wantGrant(t, post(e, pathExchange, "access_token", tp, "grant_type", byRefresh, "refresh_token", second.RefreshToken))
	if third == second || third.AccessToken == second.AccessToken {
		t.Error("a refresh gives the same tokens again")
	}
	wantOAuth(t, "an access token as refresh token", exchange(e, tp, byRefresh, "refresh_token", third.AccessToken), "invalid_grant")
	if n := list(third.RefreshToken); n != 110 {
		t.Errorf("a refresh token as access token is answered with %d", n)
	}
}

func TestExchangeIsRefused(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	tp := c.TP.AccessToken
	before := mustExport(t, s)
	for _, tc := range []struct {
		name, code string
		kv         []string
	}{
		{"no grant_type", "invalid_request", []string{"code", "x"}},
		{"other grant_type", "unsupported_grant_type", []string{"grant_type", "client_credentials", "code", "x"}},
		{"no code", "invalid_grant", []string{"grant_type", byCode}},
		{"unknown code", "invalid_grant", []string{"grant_type", byCode, "code", "x"}},
		{"a refresh token as code", "invalid_grant", []string{"grant_type", byCode, "code", c.Authorizer.RefreshToken}},
		{"no refresh_token", "invalid_grant", []string{"grant_type", byRefresh}},
		{"unknown refresh_token", "invalid_grant", []string{"grant_type", byRefresh, "refresh_token", "46.x"}},
		{"an access token", "invalid_grant", []string{"grant_type", byRefresh, "refresh_token", c.Authorizer.AccessToken}},
	} {
		kv := append([]string{"access_token", tp}, tc.kv...)
		wantOAuth(t, "GET "+tc.name, get(e, pathExchange, kv...), tc.code)
		wantOAuth(t, "POST "+tc.name, post(e, pathExchange, kv...), tc.code)
	}
	var pre struct {
		Code      string `json:"pre_auth_code"`
		ExpiresIn int64  `json:"expires_in"`
	}
	if d := sameState(before, mustExport(t, s)); d != nil {
		t.Errorf("refused requests changed %v", d)
	}
	if get(e, pathPreAuth, "access_token", tp).data(t, &pre); pre.ExpiresIn != 1200 {
		t.Errorf("pre_auth_code for %d s, want 1200", pre.ExpiresIn)
	}
	wantOAuth(t, "a pre_auth_code as code", exchange(e, tp, byCode, "code", pre.Code), "invalid_grant")

	code := retrieve(t, e, tp, c.App.AppID)
	late := retrieve(t, e, tp, c.App.AppID)
	advance(t, s, 5*time.Hour-time.Second)
	wantGrant(t, exchange(e, tp, byCode, "code", code))
	advance(t, s, time.Second)
	wantOAuth(t, "an expired code", exchange(e, tp, byCode, "code", late), "expired_token")
	for _, app := range []string{"1", "99999999"} {
		if a := post(e, pathRetrieve, "access_token", tp, "app_id", app); a.code() != 50032 {
			t.Errorf("an app that has not authorized the TP: %s", a.body)
		}
	}
}

// TestRefreshTokensEnd waits ten years.
func TestRefreshTokensEnd(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	life := 10 * 365 * 24 * time.Hour
	advance(t, s, life)
	tp := tpToken(t, e, c.TP.ClientID, c.TP.Ticket)
	wantOAuth(t, "an expired refresh token", exchange(e, tp, byRefresh, "refresh_token", c.Authorizer.RefreshToken), "expired_token")
	if a := get(e, pathList, "access_token", c.TP.AccessToken); a.code() != 111 {
		t.Errorf("a TP token of ten years ago: %s", a.body)
	}
}

func TestTPTokenIsRefused(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	c := credentials(t, e.Sandbox(emulator.DefaultSandbox))
	for _, tc := range []struct {
		name string
		kv   []string
		code int
	}{
		{"unknown client", []string{"client_id", "nobody", "ticket", c.TP.Ticket}, 50002},
		{"an app's key", []string{"client_id", c.App.AppKey, "ticket", c.TP.Ticket}, 50002},
		{"a host's key", []string{"client_id", c.Host.AK, "ticket", c.TP.Ticket}, 50002},
		{"wrong ticket", []string{"client_id", c.TP.ClientID, "ticket", "x"}, 50003},
		{"no ticket", []string{"client_id", c.TP.ClientID}, 40001},
		{"empty ticket", []string{"client_id", c.TP.ClientID, "ticket", ""}, 40001},
		{"no client_id", []string{"ticket", c.TP.Ticket}, 40001},
	} {
		a := get(e, pathTPToken, tc.kv...)
		if a.code() != tc.code || a.status != http.StatusOK {
			t.Errorf("%s: %d %s, want %d", tc.name, a.status, a.body, tc.code)
		}
	}
}

// TestTokensOfTheWrongKind calls everything with everybody's token.
func TestTokensOfTheWrongKind(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	tokens := map[string]string{
		"developer":  clientToken(t, e, c.App.AppKey, c.App.AppSecret),
		"host":       clientToken(t, e, c.Host.AK, c.Host.SK),
		"tp":         c.TP.AccessToken,
		"authorizer": c.Authorizer.AccessToken,
		"refresh":    c.Authorizer.RefreshToken,
	}
	for _, tc := range []struct {
		path, method, may string
		forbidden         int
	}{
		{pathPreAuth, "GET", "tp", 40007},
		{pathRetrieve, "POST", "tp", 40007},
		{pathMessages, "GET", "tp", 40007},
		{pathExchange, "GET", "tp", 6},
		{pathExchange, "POST", "tp", 6},
		{pathUpload, "POST", "authorizer", 40007},
		{pathSubmit, "POST", "authorizer", 40007},
		{pathRelease, "POST", "authorizer", 40007},
		{pathRollback, "POST", "authorizer", 40007},
		{pathWithdraw, "POST", "authorizer", 40007},
		{pathList, "GET", "authorizer", 40007},
		{pathDetail, "GET", "authorizer", 40007},
		{pathQuota, "GET", "authorizer", 40007},
		{pathAppInfo, "GET", "authorizer", 40007},
		{pathOSSInfo, "GET", "developer host", 40007},
		{pathOSSList, "GET", "developer host", 40007},
		{pathOSSDetail, "GET", "developer host", 40007},
		{pathOSSInfo, "POST", "developer host", 40007},
		{pathOSSList, "POST", "developer host", 40007},
		{pathOSSDetail, "POST", "developer host", 40007},
	} {
		before := mustExport(t, s)
		for who, token := range tokens {
			ask := get
			if tc.method == "POST" {
				ask = post
			}
			// Without its parameters: who may not call is told so first.
			a := ask(e, tc.path, "access_token", token)
			want := tc.forbidden
			switch {
			case who == "refresh":
				want = 110
			case strings.Contains(tc.may, who):
				if n := a.code(); n == tc.forbidden || n == 110 || n == -2 {
					t.Errorf("%s %s with a token of %s: %s", tc.method, tc.path, who, a.body)
				}
				continue
			}
			if a.code() != want || a.status != http.StatusOK {
				t.Errorf("%s %s with a token of %s: %d %s, want %d", tc.method, tc.path, who, a.status, a.body, want)
			}
		}
		if d := sameState(before, mustExport(t, s)); d != nil && tc.path != pathPreAuth {
			t.Errorf("%s %s: refused requests changed %v", tc.method, tc.path, d)
		}
	}
}
