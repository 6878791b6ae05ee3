package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
)

const (
	pathLoginCode   = "/nalogin/getSessionKeyByCode"
	pathJSCode      = "/oauth/jscode2sessionkey"
	pathTokenCode   = "/rest/2.0/smartapp/getsessionkey"
	pathTPCode      = "/rest/2.0/oauth/getsessionkeybycode"
	pathUnionID     = "/rest/2.0/smartapp/getunionid"
	pathTPUnionID   = "/rest/2.0/smartapp/unionId/get"
	pathVerifySwan  = "/rest/2.0/smartapp/swanid/verify"
	pathSignSwan    = "/ossapi/swanid/signature"
	pathHostCode    = "/ma/getsessionkeybycode"
	firstHuid       = 295421489
	firstApp        = 1452365
	secondApp       = 90000042
	thirdApp        = 90000043
	wantInvalid     = "invalid_grant"
	wantExpired     = "expired_token"
	wantAuthFailed  = "44004"
	wantPast        = "44003"
	wantUnavailable = "2"
)

// loggedIn is what a login gives, as the control API tells it.
type loggedIn struct {
	Code      string `json:"code"`
	ExpiresIn int64  `json:"expires_in"`
	AppID     int64  `json:"app_id"`
	Huid      int64  `json:"huid"`
	Cuid      string `json:"cuid"`
	OpenID    string `json:"openid"`
}

// logIn logs a user in; order is a JSON object or "".
func logIn(t testing.TB, h http.Handler, order string) loggedIn {
	t.Helper()
	return must[loggedIn](t, h, "POST", box+"/logins", order)
}

// developer is an app's developer and the tokens by which it is reached.
type developer struct {
	appID      int64
	key        string
	secret     string
	token      string
	authorizer string
}

// firstDeveloper is the developer of the sandbox's first app.
func firstDeveloper(t testing.TB, e *emulator.Emulator) developer {
	t.Helper()
	c, err := e.Credentials()
	if err != nil {
		t.Fatal(err)
	}
	return developer{c.App.AppID, c.App.AppKey, c.App.AppSecret, clientToken(t, e, c.App.AppKey, c.App.AppSecret), c.Authorizer.AccessToken}
}

// newDeveloper is the developer of a new app; order is what else is said of it.
func newDeveloper(t testing.TB, e *emulator.Emulator, appID int64, order string) developer {
	t.Helper()
	body := fmt.Sprintf(`{"app_id":%d,"tp_id":17328232%s}`, appID, order)
	var out struct {
		Key        string `json:"app_key"`
		Secret     string `json:"app_secret"`
		Authorizer struct {
			AccessToken string `json:"access_token"`
		} `json:"authorizer"`
	}
	ask(e, "POST", box+"/apps", body).into(t, &out)
	return developer{appID, out.Key, out.Secret, clientToken(t, e, out.Key, out.Secret), out.Authorizer.AccessToken}
}

// ways are the calls that exchange a code, each as somebody makes it.
func ways(d developer) map[string]func(h http.Handler, code string) answer {
	sk := []string{"client_id", d.key, "sk", d.secret}
	return map[string]func(http.Handler, string) answer{
		"GET nalogin":  func(h http.Handler, code string) answer { return get(h, pathLoginCode, append(sk, "code", code)...) },
		"POST nalogin": func(h http.Handler, code string) answer { return post(h, pathLoginCode, append(sk, "code", code)...) },
		"GET jscode":   func(h http.Handler, code string) answer { return get(h, pathJSCode, append(sk, "code", code)...) },
		"POST jscode":  func(h http.Handler, code string) answer { return post(h, pathJSCode, append(sk, "code", code)...) },
		"token": func(h http.Handler, code string) answer {
			return post(h, pathTokenCode+"?access_token="+d.token, "code", code)
		},
		"tp": func(h http.Handler, code string) answer {
			return get(h, pathTPCode, "access_token", d.authorizer, "code", code, "grant_type", "authorization_code")
		},
	}
}

// exchanged is what an exchange gave, whatever its form: the key, or the code
// of the refusal.
func exchanged(t testing.TB, a answer) (openID, key, refusal string) {
	t.Helper()
	var out struct {
		OpenID     string `json:"openid"`
		SessionKey string `json:"session_key"`
		Error      string `json:"error"`
		ErrorCode  int    `json:"error_code"`
		Errno      int    `json:"errno"`
		Data       struct {
			OpenID     string `json:"open_id"`
			SessionKey string `json:"session_key"`
		} `json:"data"`
	}
	a.into(t, &out)
	switch {
	case out.Error != "":
		if a.status != 400 || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("an OAuth error with status %d and %v", a.status, a.header)
		}
		return "", "", out.Error
	case out.ErrorCode != 0:
		return "", "", fmt.Sprint(out.ErrorCode)
	case out.Errno != 0:
		return "", "", fmt.Sprint(out.Errno)
	case out.Data.OpenID != "":
		return out.Data.OpenID, out.Data.SessionKey, ""
	}
	return out.OpenID, out.SessionKey, ""
}

// refusedAs is the refusal that each of the calls has for a code; the business
// one has numbers of its own.
func refusedAs(way, want string) string {
	if way == "token" {
		return map[string]string{wantInvalid: wantAuthFailed, wantExpired: wantPast}[want]
	}
	return want
}

var hex32 = regexp.MustCompile(`^[0-9a-f]{32}$`)

func TestCodeIsExchangedOnce(t *testing.T) {
	e := newEmulator(t, nil)
	d := firstDeveloper(t, e)
	for way, exchange := range ways(d) {
		t.Run(way, func(t *testing.T) {
			in := logIn(t, e, "")
			if in.ExpiresIn != 300 || in.AppID != firstApp || in.Huid != firstHuid || len(in.Cuid) != 32 {
				t.Errorf("login: %+v", in)
			}
			openID, key, refusal := exchanged(t, exchange(e, in.Code))
			if openID != in.OpenID || !hex32.MatchString(key) || refusal != "" {
				t.Fatalf("exchanged for %q, %q, %q", openID, key, refusal)
			}
			sessions := must[struct{ Sessions []fields }](t, e, "GET", box+"/sessions", "").Sessions
			if len(sessions) != 1 || sessions[0]["session_key"] != key || sessions[0]["openid"] != openID {
				t.Errorf("the control API knows of %v", sessions)
			}
			if _, _, refusal := exchanged(t, exchange(e, in.Code)); refusal != refusedAs(way, wantInvalid) {
				t.Errorf("a code that was used: %q", refusal)
			}
		})
	}
}

func TestCodeIsRefused(t *testing.T) {
	e := newEmulator(t, nil)
	d := firstDeveloper(t, e)
	other := newDeveloper(t, e, secondApp, "")
	s := e.Sandbox("default")
	for way, exchange := range ways(d) {
		t.Run(way, func(t *testing.T) {
			for name, c := range map[string]struct {
				code func() string
				want string
			}{
				"unknown":        {func() string { return "nobody-gave-this" }, wantInvalid},
				"of another app": {func() string { return logIn(t, e, `{"app_id":90000042}`).Code }, wantInvalid},
				"of no host":     {func() string { return "rand@nohost" }, wantInvalid},
				"expired": {func() string {
					code := logIn(t, e, "").Code
					advance(t, s, 5*time.Minute)
					return code
				}, wantExpired},
				"whose session was ended": {func() string {
					code := logIn(t, e, "").Code
					must[struct{}](t, e, "DELETE", box+"/sessions/1452365/295421489", "")
					return code
				}, wantExpired},
			} {
				if _, _, got := exchanged(t, exchange(e, c.code())); got != refusedAs(way, c.want) {
					t.Errorf("a code %s: %q, want %q", name, got, refusedAs(way, c.want))
				}
			}
			// In the last second it still works, and another app's attempt has
			// not used it up.
			in := logIn(t, e, "")
			for _, foreign := range ways(other) {
				if _, key, _ := exchanged(t, foreign(e, in.Code)); key != "" {
					t.Error("another app got the key")
				}
			}
			advance(t, s, 5*time.Minute-time.Second)
			if _, key, refusal := exchanged(t, exchange(e, in.Code)); key == "" {
				t.Errorf("a code in its last second: %q", refusal)
			}
		})
	}
}

func TestWhoExchanges(t *testing.T) {
	e := newEmulator(t, nil)
	d := firstDeveloper(t, e)
	c, err := e.Credentials()
	if err != nil {
		t.Fatal(err)
	}
	host := clientToken(t, e, c.Host.AK, c.Host.SK)
	code := logIn(t, e, "").Code
	for _, path := range []string{pathLoginCode, pathJSCode} {
		for _, wrong := range []struct {
			id, sk, want string
		}{
			{"nobody", d.secret, "invalid_client"},
			{c.Host.AK, c.Host.SK, "invalid_client"},
			{d.key, "wrong", "invalid_client"},
			{d.key, "", "invalid_request"},
			{"", d.secret, "invalid_request"},
		} {
			if _, _, got := exchanged(t, get(e, path, "client_id", wrong.id, "sk", wrong.sk, "code", code)); got != wrong.want {
				t.Errorf("%s as %q: %q, want %q", path, wrong.id, got, wrong.want)
			}
		}
	}
	for _, token := range []string{c.Authorizer.AccessToken, host, c.TP.AccessToken} {
		if _, _, got := exchanged(t, post(e, pathTokenCode, "access_token", token, "code", code)); got != "40007" {
			t.Errorf("a token of another kind: %q", got)
		}
	}
	if _, _, got := exchanged(t, get(e, pathTPCode, "access_token", d.authorizer, "code", code, "grant_type", "other")); got != "unsupported_grant_type" {
		t.Errorf("another grant_type: %q", got)
	}
	if _, _, got := exchanged(t, get(e, pathTPCode, "access_token", d.token, "code", code, "grant_type", "authorization_code")); got != "6" {
		t.Errorf("a developer's token: %q", got)
	}
	// Nothing of all that has used the code up, and none of it is in the journal.
	if _, key, refusal := exchanged(t, get(e, pathLoginCode, "client_id", d.key, "sk", d.secret, "code", code)); key == "" {
		t.Errorf("after all that the code gives %q", refusal)
	} else {
		keepsSecret(t, e, code, d.secret, key)
	}
}

// keepsSecret looks for secrets in the journal.
func keepsSecret(t testing.TB, e *emulator.Emulator, secrets ...string) {
	t.Helper()
	for _, entry := range e.Sandbox("default").Journal(0, 10_000) {
		line, err := entry.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range secrets {
			if strings.Contains(string(line), secret) {
				t.Errorf("the journal shows a secret: %s", line)
			}
		}
	}
}

// keyOf logs in and exchanges the code.
func keyOf(t testing.TB, e *emulator.Emulator, d developer, order string) string {
	t.Helper()
	_, key, refusal := exchanged(t, get(e, pathLoginCode, "client_id", d.key, "sk", d.secret, "code", logIn(t, e, order).Code))
	if key == "" {
		t.Fatalf("no key: %s", refusal)
	}
	return key
}

func TestNewLoginAndOldSession(t *testing.T) {
	e := newEmulator(t, nil)
	d := firstDeveloper(t, e)
	first := keyOf(t, e, d, "")
	if second := keyOf(t, e, d, ""); second == first {
		t.Error("a new login leaves the key as it was")
	}
	must[fields](t, e, "PATCH", box+"/config", `{"kill_old_session":false}`)
	kept := keyOf(t, e, d, "")
	if again := keyOf(t, e, d, ""); again != kept {
		t.Error("a new login ends a session that should go on")
	}
	// Two logins before the first exchange: both codes are for the session that
	// is there.
	must[fields](t, e, "PATCH", box+"/config", `{"kill_old_session":true}`)
	one, two := logIn(t, e, ""), logIn(t, e, "")
	_, keyOne, _ := exchanged(t, get(e, pathLoginCode, "client_id", d.key, "sk", d.secret, "code", one.Code))
	_, keyTwo, _ := exchanged(t, get(e, pathLoginCode, "client_id", d.key, "sk", d.secret, "code", two.Code))
	if keyOne == "" || keyOne != keyTwo {
		t.Errorf("the codes of two logins give %q and %q", keyOne, keyTwo)
	}
	// Another user and another app have sessions of their own.
	must[fields](t, e, "POST", box+"/users", `{"huid":7}`)
	other := newDeveloper(t, e, secondApp, "")
	keys := map[string]bool{keyOf(t, e, d, `{"huid":7}`): true, keyOf(t, e, other, `{"app_id":90000042}`): true, keyTwo: true}
	if len(keys) != 3 || len(must[struct{ Sessions []fields }](t, e, "GET", box+"/sessions", "").Sessions) != 3 {
		t.Errorf("three sessions have %d keys", len(keys))
	}
}

func TestSessionEndsUnused(t *testing.T) {
	e := newEmulator(t, nil)
	d := firstDeveloper(t, e)
	s := e.Sandbox("default")
	must[fields](t, e, "PATCH", box+"/config", `{"session_ttl":"1h","kill_old_session":false,"code_ttl":"2h"}`)
	first := keyOf(t, e, d, "")
	alive := func() int {
		return len(must[struct{ Sessions []fields }](t, e, "GET", box+"/sessions", "").Sessions)
	}
	advance(t, s, 59*time.Minute)
	if keyOf(t, e, d, "") != first {
		t.Error("a session that is used ends")
	}
	advance(t, s, 59*time.Minute)
	if alive() != 1 {
		t.Error("using a session does not keep it alive")
	}
	late := logIn(t, e, "")
	advance(t, s, time.Hour)
	if alive() != 0 {
		t.Error("a session that nobody uses does not end")
	}
	if _, _, refusal := exchanged(t, get(e, pathLoginCode, "client_id", d.key, "sk", d.secret, "code", late.Code)); refusal != wantExpired {
		t.Errorf("a code whose session has ended: %q", refusal)
	}
	refused(t, e, 404, "DELETE", box+"/sessions/1452365/295421489", "")
	if keyOf(t, e, d, "") == first {
		t.Error("after its end a session has the same key")
	}
}

func TestCodesAreForgotten(t *testing.T) {
	e := newEmulator(t, nil)
	d := firstDeveloper(t, e)
	keyOf(t, e, d, "")
	logIn(t, e, "")
	advance(t, e.Sandbox("default"), 25*time.Hour)
	logIn(t, e, "")
	var codes map[string]json.RawMessage
	if err := json.Unmarshal(mustExport(t, e.Sandbox("default"))["login_codes"], &codes); err != nil || len(codes) != 1 {
		t.Errorf("the state keeps %d codes (%v), want one", len(codes), err)
	}
}

func TestOpenIDsAndUnionIDs(t *testing.T) {
	e := newEmulator(t, nil)
	mine, sister := firstDeveloper(t, e), newDeveloper(t, e, secondApp, `,"developer":"示例科技有限公司"`)
	stranger := newDeveloper(t, e, thirdApp, `,"developer":"另一家"`)
	must[fields](t, e, "POST", box+"/users", `{"huid":7}`)
	union := func(d developer, openID string) string {
		var byToken struct {
			UnionID string `json:"unionid"`
		}
		post(e, pathUnionID+"?access_token="+d.token, "openid", openID).data(t, &byToken)
		var byTP struct {
			UnionID string `json:"union_id"`
		}
		get(e, pathTPUnionID, "access_token", d.authorizer, "open_id", openID).data(t, &byTP)
		if byToken.UnionID == "" || byToken.UnionID != byTP.UnionID {
			t.Errorf("the two calls answer %q and %q", byToken.UnionID, byTP.UnionID)
		}
		return byToken.UnionID
	}
	openIDs, unionIDs := map[string]bool{}, map[string]bool{}
	for _, huid := range []int{firstHuid, 7} {
		byApp := map[int64]string{}
		for _, d := range []developer{mine, sister, stranger} {
			openID := logIn(t, e, fmt.Sprintf(`{"app_id":%d,"huid":%d}`, d.appID, huid)).OpenID
			if openIDs[openID] || !regexp.MustCompile(`^[A-Za-z0-9]{24,28}$`).MatchString(openID) {
				t.Errorf("openid %q", openID)
			}
			if again := logIn(t, e, fmt.Sprintf(`{"app_id":%d,"huid":%d}`, d.appID, huid)).OpenID; again != openID {
				t.Errorf("the next login has the openid %q instead of %q", again, openID)
			}
			openIDs[openID] = true
			byApp[d.appID] = union(d, openID)
			unionIDs[byApp[d.appID]] = true
		}
		if byApp[firstApp] != byApp[secondApp] || byApp[firstApp] == byApp[thirdApp] {
			t.Errorf("unionids of user %d: %v; want one for the apps of one developer, another for another's", huid, byApp)
		}
	}
	if len(openIDs) != 6 || len(unionIDs) != 4 {
		t.Errorf("%d openids and %d unionids", len(openIDs), len(unionIDs))
	}
	// An openid is its app's.
	theirs := logIn(t, e, `{"app_id":90000042}`).OpenID
	for _, a := range []answer{
		post(e, pathUnionID, "access_token", mine.token, "openid", theirs),
		get(e, pathTPUnionID, "access_token", mine.authorizer, "open_id", theirs),
	} {
		if a.code() != 40001 {
			t.Errorf("another app's openid: %s", a.body)
		}
	}
}

// TestIdentitiesDoNotDependOnWhen imports a state elsewhere.
func TestIdentitiesDoNotDependOnWhen(t *testing.T) {
	one := newEmulator(t, func(o *emulator.Options) { o.Seed = 11 })
	two := newEmulator(t, func(o *emulator.Options) { o.Seed = 12 })
	users := func(h http.Handler, sandbox string) string {
		return string(ask(h, "GET", "/_emu/sandboxes/"+sandbox+"/users", "").body)
	}
	if users(one, "default") == users(two, "default") {
		t.Error("the seed changes nothing")
	}
	must[fields](t, two, "POST", "/_emu/sandboxes", `{"name":"elsewhere"}`)
	must[fields](t, two, "PUT", "/_emu/sandboxes/elsewhere/state", string(ask(one, "GET", box+"/state", "").body))
	if got, want := users(two, "elsewhere"), users(one, "default"); got != want {
		t.Errorf("elsewhere the users are\n%s\nwant\n%s", got, want)
	}
}
