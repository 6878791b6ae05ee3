package emulator

import (
	"errors"
	"strconv"
)

// From a code to the session key: the four calls of seed 004 and of later
// documents, and the same exchange as a host app serves it to the platform.
// Modelled: codes that work once, for their app, in their time; codes of a
// host app, which only the calls that came later take. Not modelled: limits on
// how often a server may ask.

// grantLoginCode is the grant_type of a third-party platform's exchange (D).
const grantLoginCode = "authorization_code"

// A codeError says why a code gets no session key.
type codeError struct {
	// reason is for people.
	reason string
	// expired is for a code or a session past its life, unavailable for a host
	// that does not answer as it should.
	expired, unavailable bool
}

func (e *codeError) Error() string { return e.reason }

// oauth is the error in the form of OAuth.
func (e *codeError) oauth() error {
	switch {
	case e.unavailable:
		return refuse("ServiceUnavailable")
	case e.expired:
		return refuse("OAuthExpiredToken", "%s", e.reason)
	}
	return refuse("OAuthInvalidGrant", "%s", e.reason)
}

// business is the error in the form of the business calls.
func (e *codeError) business() error {
	switch {
	case e.unavailable:
		return refuse("ServiceUnavailable")
	case e.expired:
		return refuse("Expired")
	}
	return refuse("AuthenticationFailed", "%s", e.reason)
}

// asOAuth turns a codeError into its refusal.
func asOAuth(out sessionKey, err error) (sessionKey, error) {
	var bad *codeError
	if errors.As(err, &bad) {
		return sessionKey{}, bad.oauth()
	}
	return out, err
}

// sessionKey is what a code is exchanged for.
type sessionKey struct {
	OpenID     string `json:"openid"`
	SessionKey string `json:"session_key"`
}

// exchangeCode exchanges a code for the session key of its user in an app.
func (c *Call) exchangeCode(app *App, text string) (sessionKey, error) {
	host, foreign := c.State.hostOfCode(text)
	switch {
	case foreign && host == nil:
		return sessionKey{}, &codeError{reason: "code 中 @ 之后不是已知的宿主"}
	case foreign && host.URL != "" && c.reply == nil:
		return sessionKey{}, &codeError{unavailable: true} // its address was set while the call was under way
	case foreign && host.URL != "":
		return c.heard(app, text, c.reply)
	}
	return c.useCode(app, text)
}

// useCode exchanges a code that this platform has given, or this platform in
// the place of a host app.
func (c *Call) useCode(app *App, text string) (sessionKey, error) {
	code := c.State.LoginCodes[text]
	switch {
	case code == nil:
		return sessionKey{}, &codeError{reason: "code 无效"}
	case code.App != app.ID:
		return sessionKey{}, &codeError{reason: "code 不属于此小程序"}
	case code.Used:
		return sessionKey{}, &codeError{reason: "code 已使用"}
	case c.Now.Unix() >= code.Expires:
		return sessionKey{}, &codeError{reason: "code 已过期", expired: true}
	}
	u := c.State.Users[code.Huid]
	session := c.session(app, u)
	if session == nil {
		return sessionKey{}, &codeError{reason: "登录态已失效", expired: true}
	}
	code.Used = true
	return sessionKey{c.State.openID(app, u), session.Key}, nil
}

type exchangeCodeIn struct {
	ClientID string `json:"client_id"`
	SK       string `json:"sk"`
	Code     string `json:"code"`
}

// developer returns the app whose AppKey and AppSecret those are.
func (c *Call) developer(in exchangeCodeIn) (*App, error) {
	p, secret := c.State.client(in.ClientID)
	switch {
	case p.Kind != PrincipalDeveloper:
		return nil, refuse("OAuthUnknownClient")
	case !sameSecret(in.SK, secret):
		return nil, refuse("OAuthClientAuthenticationFailed")
	}
	return c.State.Apps[p.App], nil
}

// exchangeLoginCode is the exchange of seed 004. It does not take codes of
// other host apps; the call that came after it does (D).
func exchangeLoginCode(c *Call, in exchangeCodeIn) (sessionKey, error) {
	app, err := c.developer(in)
	if err != nil {
		return sessionKey{}, err
	}
	if _, foreign := c.State.hostOfCode(in.Code); foreign {
		return sessionKey{}, refuse("OAuthInvalidGrant", "此接口不支持其他宿主的 code，请使用 spapi.baidu.com/oauth/jscode2sessionkey")
	}
	return asOAuth(c.exchangeCode(app, in.Code))
}

// exchangeJSCode is the exchange that followed, for the codes of all host apps.
func exchangeJSCode(c *Call, in exchangeCodeIn) (sessionKey, error) {
	app, err := c.developer(in)
	if err != nil {
		return sessionKey{}, err
	}
	return asOAuth(c.exchangeCode(app, in.Code))
}

func askForJSCode(c *Call, in exchangeCodeIn) *hostQuestion {
	app, err := c.developer(in)
	if err != nil {
		return nil
	}
	return c.askHost(app, in.Code)
}

type authorizedCodeIn struct {
	Code      string `json:"code"`
	GrantType string `json:"grant_type"`
}

// getSessionKeyByCode is the exchange of a third-party platform on behalf of
// an app.
func getSessionKeyByCode(c *Call, in authorizedCodeIn) (sessionKey, error) {
	if in.GrantType != grantLoginCode {
		return sessionKey{}, refuse("OAuthUnsupportedGrantType", "grant_type 只支持 authorization_code")
	}
	return asOAuth(c.exchangeCode(c.State.Apps[c.Principal.App], in.Code))
}

func askForAuthorizedCode(c *Call, in authorizedCodeIn) *hostQuestion {
	if in.GrantType != grantLoginCode {
		return nil
	}
	return c.askHost(c.State.Apps[c.Principal.App], in.Code)
}

type tokenCodeIn struct {
	Code string `json:"code"`
}

type sessionKeyData struct {
	OpenID     string `json:"open_id"`
	SessionKey string `json:"session_key"`
}

// getSessionKey is the exchange of a developer who has a token.
func getSessionKey(c *Call, in tokenCodeIn) (encoded, error) {
	out, err := c.exchangeCode(c.State.Apps[c.Principal.App], in.Code)
	var bad *codeError
	if errors.As(err, &bad) {
		return nil, bad.business()
	}
	if err != nil {
		return nil, err
	}
	return c.answered(sessionKeyData(out))
}

func askForTokenCode(c *Call, in tokenCodeIn) *hostQuestion {
	return c.askHost(c.State.Apps[c.Principal.App], in.Code)
}

// answered is a business answer with the two members that the newer calls have
// besides (K).
func (c *Call) answered(data any) (encoded, error) {
	return marshal(struct {
		Errno     int    `json:"errno"`
		Msg       string `json:"msg"`
		Data      any    `json:"data"`
		RequestID string `json:"request_id"`
		Timestamp int64  `json:"timestamp"`
	}{0, "success", data, c.requestID(), c.Now.Unix()})
}

// requestID is the request_id of an answer: ten digits.
func (c *Call) requestID() string {
	return strconv.FormatInt(c.State.draw("request id", c.cause).between(1_000_000_000, 9_999_999_999), 10)
}

type hostCodeIn struct {
	RequestID   string `json:"request_id"`
	ClientID    string `json:"client_id"`
	Code        string `json:"code"`
	Timestamp   int64  `json:"timestamp"`
	SignVersion string `json:"sign_version"`
	Sign        string `json:"sign"`
}

// signed is what the request is signed over.
func (in hostCodeIn) signed() map[string]string {
	return map[string]string{
		"request_id": in.RequestID, "client_id": in.ClientID, "code": in.Code,
		"timestamp": strconv.FormatInt(in.Timestamp, 10), "sign_version": in.SignVersion,
	}
}

// exchangeHostCode is the same exchange as the server of a host app serves it:
// the platform asks, and proves with its signature that it is the platform.
func exchangeHostCode(c *Call, in hostCodeIn) (encoded, error) {
	host, foreign := c.State.hostOfCode(in.Code)
	if !foreign || host == nil {
		return nil, refuse("HostCodeInvalid", "code 不是本宿主的")
	}
	if !signedBy(host, in.Sign, in.signed()) {
		return nil, refuse("HostCodeSignature", "sign 与参数不符")
	}
	if !c.fresh(in.Timestamp) {
		return nil, refuse("HostCodeSignature", "timestamp 与当前时间相差过大")
	}
	p, _ := c.State.client(in.ClientID)
	if p.Kind != PrincipalDeveloper {
		return nil, refuse("HostCodeInvalid", "client_id 不存在")
	}
	code := c.State.LoginCodes[in.Code]
	switch {
	case code != nil && code.Host != host.OfficalNo:
		return nil, refuse("HostCodeInvalid", "code 不是本宿主的")
	case code != nil && code.Used:
		return nil, refuse("HostCodeExpired", "code 已使用")
	}
	out, err := c.useCode(c.State.Apps[p.App], in.Code)
	var bad *codeError
	switch {
	case errors.As(err, &bad) && bad.expired:
		return nil, refuse("HostCodeExpired", "%s", bad.reason)
	case errors.As(err, &bad):
		return nil, refuse("HostCodeInvalid", "%s", bad.reason)
	case err != nil:
		return nil, err
	}
	return marshal(struct {
		Errno     int            `json:"errno"`
		ErrMsg    string         `json:"errmsg"`
		TipMsg    string         `json:"tipmsg"`
		RequestID string         `json:"request_id"`
		Timestamp int64          `json:"timestamp"`
		Data      sessionKeyData `json:"data"`
	}{0, "succ", "response is ok", in.RequestID, c.Now.Unix(), sessionKeyData(out)})
}

type openIDIn struct {
	OpenID string `json:"openid"`
}

type unionIDData struct {
	UnionID string `json:"unionid"`
}

// getUnionID tells a developer what all their apps know a user as.
func getUnionID(c *Call, in openIDIn) (encoded, error) {
	app := c.State.Apps[c.Principal.App]
	u := c.State.userByOpenID(app, in.OpenID)
	if u == nil {
		return nil, refuse("InvalidParameter", "openid 不是此小程序的用户")
	}
	return c.answered(unionIDData{c.State.unionID(app, u)})
}

type authorizedOpenIDIn struct {
	OpenID string `json:"open_id"`
}

type authorizedUnionID struct {
	UnionID string `json:"union_id"`
}

// getAuthorizedUnionID is getUnionID for a third-party platform on behalf of
// an app.
func getAuthorizedUnionID(c *Call, in authorizedOpenIDIn) (authorizedUnionID, error) {
	app := c.State.Apps[c.Principal.App]
	u := c.State.userByOpenID(app, in.OpenID)
	if u == nil {
		return authorizedUnionID{}, refuse("InvalidParameter", "open_id 不是此小程序的用户")
	}
	return authorizedUnionID{c.State.unionID(app, u)}, nil
}
