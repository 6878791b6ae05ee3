package emulator

import (
	"crypto/subtle"
	"fmt"
	"strconv"
	"time"
)

// OAuth: client credentials and the tokens of all four kinds (seeds 000, 002;
// the TP's kinds in tp.go). Modelled: issue, expiry, the form of a token's
// text. Not modelled: revocation by the platform, scopes other than
// smartapp_snsapi_base.

// The kinds of a Token; the number is the prefix of its text (K).
const (
	TokenClient     = 24 // client credentials, of a developer or a host
	TokenTP         = 42 // of a TP
	TokenAuthorizer = 45 // of a TP on behalf of an app
	TokenRefresh    = 46 // renews an authorizer token, once
)

// Lives of tokens and codes (K, D).
const (
	tpTokenTTL         = 30 * 24 * time.Hour
	authorizerTTL      = time.Hour
	refreshTTL         = 10 * 365 * 24 * time.Hour
	preAuthCodeTTL     = 20 * time.Minute
	authCodeTTL        = time.Hour
	retrievedCodeTTL   = 5 * time.Hour
	scopeBase          = "smartapp_snsapi_base"
	expiredTokenKept   = 24 * time.Hour
	sweepTokensEach    = 512
	grantAuthCode      = "app_to_tp_authorization_code"
	grantRefresh       = "app_to_tp_refresh_token"
	grantClient        = "client_credentials"
	codePreAuth        = "pre_auth"
	codeAuthorization  = "authorization"
	clientRefreshLabel = 25
)

// A Token is a credential that the platform has issued.
type Token struct {
	Kind int `json:"kind"`
	// Principal is who holds it.
	Principal Principal `json:"principal"`
	// Issued and Expires are in seconds since 1970.
	Issued  int64 `json:"issued"`
	Expires int64 `json:"expires"`
}

// A Code is a single-use code on the way to an authorization.
type Code struct {
	Kind    string `json:"kind"` // pre_auth or authorization
	TP      int64  `json:"tp_id"`
	App     int64  `json:"app_id,omitempty"`
	Expires int64  `json:"expires"`
}

// tokenText writes a token as the platform does:
// prefix.32hex.ttl.expiryUnix.suffix (seed 000).
func tokenText(kind int, r random, ttl time.Duration, expires int64, suffix string) string {
	return fmt.Sprintf("%d.%s.%d.%d.%s", kind, r.hex(32), int64(ttl/time.Second), expires, suffix)
}

// issue makes a token and lets requests find the sandbox by it. The label
// tells the tokens of one input apart.
func (c *Call) issue(kind int, p Principal, ttl time.Duration, label string) string {
	st := c.State
	if st.Inputs%sweepTokensEach == 0 {
		c.sweepTokens()
	}
	r := c.draw("token " + label)
	expires := c.Now.Add(ttl).Unix()
	suffix := "282335-" + strconv.FormatInt(p.App+p.Host, 10)
	if kind != TokenClient {
		suffix = r.alnum(43) + "-1W3JTSQ" + r.alnum(8)
	}
	text := tokenText(kind, r, ttl, expires, suffix)
	st.Tokens[text] = &Token{Kind: kind, Principal: p, Issued: c.Now.Unix(), Expires: expires}
	c.box.em.index.put(text, c.box)
	return text
}

// revoke ends a token at once.
func (c *Call) revoke(text string) {
	delete(c.State.Tokens, text)
	c.box.em.index.drop(text, c.box)
}

// sweepTokens forgets tokens and codes that expired a day ago.
func (c *Call) sweepTokens() {
	limit := c.Now.Add(-expiredTokenKept).Unix()
	for text, t := range c.State.Tokens {
		if t.Expires < limit {
			c.revoke(text)
		}
	}
	for text, code := range c.State.Codes {
		if code.Expires < limit {
			delete(c.State.Codes, text)
		}
	}
}

// code makes a single-use code.
func (c *Call) code(kind string, tp, app int64, ttl time.Duration) string {
	text := c.draw("code " + kind).hex(32)
	c.State.Codes[text] = &Code{Kind: kind, TP: tp, App: app, Expires: c.Now.Add(ttl).Unix()}
	return text
}

type issueAccessTokenIn struct {
	GrantType    string `json:"grant_type"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Scope        string `json:"scope"`
}

type accessToken struct {
	AccessToken   string `json:"access_token"`
	ExpiresIn     int64  `json:"expires_in"`
	RefreshToken  string `json:"refresh_token"`
	Scope         string `json:"scope"`
	SessionKey    string `json:"session_key"`
	SessionSecret string `json:"session_secret"`
}

// issueAccessToken answers a developer's AppKey and AppSecret, or a host's AK
// and SK, with a client-credentials token. Its refresh token has the form of
// seed 000's and no use: no call of the contract takes one of its kind.
func issueAccessToken(c *Call, in issueAccessTokenIn) (accessToken, error) {
	if in.GrantType != grantClient {
		return accessToken{}, refuse("OAuthUnsupportedGrantType", "grant_type 只支持 client_credentials")
	}
	p, secret := c.State.client(in.ClientID)
	if p.Kind == "" {
		return accessToken{}, refuse("OAuthUnknownClient")
	}
	if !sameSecret(in.ClientSecret, secret) {
		return accessToken{}, refuse("OAuthClientAuthenticationFailed")
	}
	if in.Scope != "" && in.Scope != scopeBase {
		return accessToken{}, refuse("OAuthInvalidScope", "scope 只支持 smartapp_snsapi_base")
	}
	ttl := c.State.Config.TokenTTL
	r := c.draw("session")
	return accessToken{
		AccessToken: c.issue(TokenClient, p, ttl, "client"),
		ExpiresIn:   int64(ttl / time.Second),
		RefreshToken: tokenText(clientRefreshLabel, r, refreshTTL, c.Now.Add(refreshTTL).Unix(),
			"282335-"+strconv.FormatInt(p.App+p.Host, 10)),
		Scope:         scopeBase,
		SessionKey:    r.alnum(36),
		SessionSecret: r.hex(32),
	}, nil
}

// client returns who has that client_id, and the secret that proves it.
func (s *State) client(id string) (Principal, string) {
	if h := s.Hosts[id]; h != nil {
		return Principal{Kind: PrincipalHost, Host: h.OfficalNo}, h.SK
	}
	if app := s.Apps[s.keys[id]]; app != nil && app.Key == id {
		return Principal{Kind: PrincipalDeveloper, App: app.ID}, app.Secret
	}
	return Principal{}, ""
}

func sameSecret(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// principal finds out who holds a token, or answers the stage of the pipeline
// at which the request fails.
func (s *State) principal(text string, now time.Time) (p Principal, stage string) {
	t := s.Tokens[text]
	if t == nil || t.Kind == TokenRefresh {
		return Principal{}, "unauthenticated"
	}
	if now.Unix() >= t.Expires {
		return t.Principal, "expired"
	}
	if t.Kind == TokenAuthorizer {
		if tp := s.TPs[t.Principal.TP]; tp == nil || tp.Apps[t.Principal.App] == nil {
			return t.Principal, "unauthenticated"
		}
	}
	return t.Principal, ""
}
