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
