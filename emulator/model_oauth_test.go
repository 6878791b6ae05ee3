package emulator_test

// Specifications of oauth.go and tp.go: what tokens look like, how long they
// work, for whom, and how each wrong request is refused.

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
)

// credentials returns those of the default sandbox.
func credentials(t tester, s *emulator.Sandbox) emulator.Credentials {
	t.Helper()
	c, err := s.Credentials()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// advance moves a sandbox's time.
func advance(t tester, s *emulator.Sandbox, d time.Duration) emulator.Report {
	t.Helper()
	r, err := s.Advance(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// tokenForm is prefix.32hex.ttl.expiryUnix.suffix.
var tokenForm = regexp.MustCompile(`^([0-9]{2})\.([0-9a-f]{32})\.([0-9]+)\.([0-9]{10})\.(\S+)$`)

// checkToken holds the text of a token against its form.
func checkToken(t *testing.T, what, text string, prefix int, life time.Duration, issued time.Time) {
	t.Helper()
	m := tokenForm.FindStringSubmatch(text)
	if m == nil {
		t.Errorf("%s: %q is not prefix.32hex.ttl.expiry.suffix", what, text)
		return
	}
	want := []string{
		strconv.Itoa(prefix), strconv.FormatInt(int64(life/time.Second), 10),
		strconv.FormatInt(issued.Add(life).Unix(), 10),
	}
	if got := []string{m[1], m[3], m[4]}; strings.Join(got, ".") != strings.Join(want, ".") {
		t.Errorf("%s: prefix, life and expiry are %v, want %v", what, got, want)
	}
}

// clientToken asks for a client-credentials token.
func clientToken(t tester, h http.Handler, id, secret string) string {
	t.Helper()
	var out struct {
		AccessToken string `json:"access_token"`
	}
	a := post(h, pathToken, "grant_type", "client_credentials", "client_id", id, "client_secret", secret, "scope", "smartapp_snsapi_base")
	if a.into(t, &out); out.AccessToken == "" {
		t.Fatalf("no token: %s", a.body)
	}
	return out.AccessToken
}

func TestAccessTokenIsIssued(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	month := 30 * 24 * time.Hour
	for who, id := range map[string][2]string{"developer": {c.App.AppKey, c.App.AppSecret}, "host": {c.Host.AK, c.Host.SK}} {
		kv := []string{"grant_type", "client_credentials", "client_id", id[0], "client_secret", id[1], "scope", "smartapp_snsapi_base"}
		json := fmt.Sprintf(`{"grant_type":"client_credentials","client_id":%q,"client_secret":%q,"scope":"smartapp_snsapi_base"}`, id[0], id[1])
		for how, a := range map[string]answer{
			"GET, query":  get(e, pathToken, kv...),
			"POST, form":  post(e, pathToken, kv...),
			"POST, query": postBody(e, pathToken+"?"+values(kv).Encode(), "", ""),
			"POST, JSON":  postBody(e, pathToken, jsonType, json),
			"no scope":    post(e, pathToken, kv[:6]...),
		} {
			what := who + ", " + how
			var out map[string]any
			a.into(t, &out)
			if a.status != http.StatusOK || len(out) != 6 || out["expires_in"] != month.Seconds() || out["scope"] != "smartapp_snsapi_base" {
				t.Errorf("%s: %d %s", what, a.status, a.body)
				continue
			}
			checkToken(t, what, out["access_token"].(string), emulator.TokenClient, month, s.Now())
			for _, name := range []string{"refresh_token", "session_key", "session_secret"} {
				if text, _ := out[name].(string); text == "" {
					t.Errorf("%s: %s is empty", what, name)
				}
			}
		}
	}
}

func TestAccessTokenIsRefused(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	const secret = "a-secret-nobody-has"
	for _, tc := range []struct {
		name   string
		change [2]string // name, value; "-" leaves it out
		code   string
		text   string
	}{
		{"no grant_type", [2]string{"grant_type", "-"}, "invalid_request", "grant_type"},
		{"empty grant_type", [2]string{"grant_type", ""}, "invalid_request", "grant_type"},
		{"no client_id", [2]string{"client_id", "-"}, "invalid_request", "client_id"},
		{"no client_secret", [2]string{"client_secret", "-"}, "invalid_request", "client_secret"},
		{"other grant_type", [2]string{"grant_type", "password"}, "unsupported_grant_type", "client_credentials"},
		{"a TP's grant_type", [2]string{"grant_type", "app_to_tp_refresh_token"}, "unsupported_grant_type", "client_credentials"},
		{"unknown client", [2]string{"client_id", "nobody"}, "invalid_client", "unknown client id"},
		{"a TP's client_id", [2]string{"client_id", c.TP.ClientID}, "invalid_client", "unknown client id"},
		{"app_id for client_id", [2]string{"client_id", "1452365"}, "invalid_client", "unknown client id"},
		{"wrong secret", [2]string{"client_secret", secret}, "invalid_client", "Client authentication failed"},
		{"another's secret", [2]string{"client_secret", c.Host.SK}, "invalid_client", "Client authentication failed"},
		{"unknown scope", [2]string{"scope", "basic"}, "invalid_scope", "smartapp_snsapi_base"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := values([]string{
				"grant_type", "client_credentials", "client_id", c.App.AppKey,
				"client_secret", c.App.AppSecret, "scope", "smartapp_snsapi_base",
			})
			if v.Set(tc.change[0], tc.change[1]); tc.change[1] == "-" {
				v.Del(tc.change[0])
			}
			before := mustExport(t, s)
			for how, a := range map[string]answer{
				"GET":  serve(e, mustRequest(t, http.MethodGet, pathToken+"?"+v.Encode(), "", "")),
				"POST": postBody(e, pathToken, formType, v.Encode()),
			} {
				env, err := a.open()
				if err != nil || a.status != http.StatusBadRequest || env.Error != tc.code || !strings.Contains(env.ErrorText, tc.text) {
					t.Errorf("%s: %d %s, want 400 %s with %q", how, a.status, a.body, tc.code, tc.text)
				}
				if got := a.header.Get("Cache-Control"); got != "no-store" {
					t.Errorf("%s: Cache-Control %q", how, got)
				}
				if strings.Contains(string(a.body), secret) || strings.Contains(string(a.body), c.App.AppSecret) {
					t.Errorf("%s: the answer shows a secret: %s", how, a.body)
				}
			}
			if d := sameState(before, mustExport(t, s)); d != nil {
				t.Errorf("a refused request changed %v", d)
			}
		})
	}
}

// TestTokensEndAtTheSecond has a token work until the last second of its life.
func TestTokensEndAtTheSecond(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, func(o *emulator.Options) { o.TokenTTL = 90 * time.Second })
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	client := clientToken(t, e, c.App.AppKey, c.App.AppSecret)
	ask := func() answer { return get(e, pathOSSList, "access_token", client, "app_id", "1452365") }
	for _, step := range []struct {
		by   time.Duration
		code int
	}{
		{0, 0},
		{89 * time.Second, 0},
		{time.Second - time.Nanosecond, 0},
		{time.Nanosecond, 111},
		{time.Second, 111},
		{time.Hour, 111},
	} {
		advance(t, s, step.by)
		a := ask()
		if a.code() != step.code || a.status != http.StatusOK {
			t.Errorf("at %s: %d %s, want %d", s.Now().Format(time.TimeOnly), a.status, a.body, step.code)
		}
		if env, _ := a.open(); step.code == 111 && env.ErrorMsg != "Access token expired" {
			t.Errorf("111 says %q", env.ErrorMsg)
		}
	}
	for _, unknown := range []string{"", "x", client + "x", strings.ToUpper(client)} {
		a := get(e, pathOSSList, "access_token", unknown, "app_id", "1452365")
		if env, _ := a.open(); env.ErrorCode != 110 || env.ErrorMsg != "Access token invalid or no longer valid" {
			t.Errorf("an unknown token is answered with %s", a.body)
		}
	}
	if a := get(e, pathOSSList, "app_id", "1452365"); a.code() != 110 {
		t.Errorf("no token is answered with %s", a.body)
	}
}

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
	if a.status != http.StatusOK || g.AccessToken == "" || strings.Contains(string(a.body), "err") {
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

// mustRequest makes a request as it stands.
func mustRequest(t testing.TB, method, target, contentType, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if r.ContentLength == 0 {
		r.Body = http.NoBody
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}
