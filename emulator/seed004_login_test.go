package emulator_test

// What seeds 003 and 004 say of login, checkSession and swanid, from top to
// bottom: each row is a statement of the document and what is done about it.
// The parts on user data, authorization, addresses, invoices, payment and
// sharing have tables of their own.

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

// A seedRow is a statement of a seed document.
type seedRow struct {
	line int
	says string
	// do asks the emulator and returns what it finds, to be compared with
	// want.
	do   func(t *testing.T, w *seedWorld) any
	want any
	// differs says where the emulator does otherwise, and why; "" is nowhere.
	differs string
}

// seedWorld is what the rows work with.
type seedWorld struct {
	e    *emulator.Emulator
	d    developer
	code string
	key  string
}

// walk goes through a table in order, on one platform.
func walk(t *testing.T, rows []seedRow) {
	t.Helper()
	w := &seedWorld{e: newEmulator(t, nil)}
	w.d = firstDeveloper(t, w.e)
	for i, row := range rows {
		if i > 0 && row.line < rows[i-1].line {
			t.Errorf("line %d comes after line %d", row.line, rows[i-1].line)
		}
		t.Run(fmt.Sprintf("line %d", row.line), func(t *testing.T) {
			if diff := cmp.Diff(row.want, row.do(t, w)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", row.says, diff)
			}
			if row.differs != "" {
				t.Logf("%s: %s", row.says, row.differs)
			}
		})
	}
}

func TestSeed004Login(t *testing.T) {
	byCode := func(w *seedWorld, method func(string, ...string) answer, code string) answer {
		return method(pathLoginCode, "client_id", w.d.key, "sk", w.d.secret, "code", code)
	}
	walk(t, []seedRow{
		{line: 5, says: "调用 swan.login() 获取临时登录凭证 code", do: func(t *testing.T, w *seedWorld) any {
			w.code = logIn(t, w.e, "").Code
			return w.code != ""
		}, want: true, differs: "the control API logs in here; swan.login itself is the host API's"},
		{line: 21, says: "用户登录凭证（有效期五分钟）", do: func(t *testing.T, w *seedWorld) any {
			return logIn(t, w.e, "").ExpiresIn
		}, want: int64(300)},
		{line: 37, says: "开发者服务器使用临时登录凭证(code)获取 session_key", do: func(t *testing.T, w *seedWorld) any {
			var openID string
			openID, w.key, _ = exchanged(t, byCode(w, func(p string, kv ...string) answer { return post(w.e, p, kv...) }, w.code))
			return openID != "" && hex32.MatchString(w.key)
		}, want: true},
		{line: 40, says: "临时登录凭证 code 只能使用一次", do: func(t *testing.T, w *seedWorld) any {
			_, _, refusal := exchanged(t, byCode(w, func(p string, kv ...string) answer { return post(w.e, p, kv...) }, w.code))
			return refusal
		}, want: "invalid_grant"},
		{line: 41, says: "接口地址 /nalogin/getSessionKeyByCode，参数 client_id、sk、code", do: func(t *testing.T, w *seedWorld) any {
			var out struct {
				OpenID     string `json:"openid"`
				SessionKey string `json:"session_key"`
			}
			strictly(t, byCode(w, func(p string, kv ...string) answer { return get(w.e, p, kv...) }, logIn(t, w.e, "").Code), &out)
			return out.OpenID != "" && out.SessionKey != ""
		}, want: true, differs: "the document has no example of the answer; its members are those of later documents"},
		{line: 49, says: "调用 login 会引起登录态的刷新，之前的 session_key 可能会失效", do: func(t *testing.T, w *seedWorld) any {
			return keyOf(t, w.e, w.d, "") == w.key
		}, want: false, differs: "it always does, unless kill_old_session is off"},
		{line: 51, says: "用户越久未使用智能小程序，用户登录态越有可能失效", do: func(t *testing.T, w *seedWorld) any {
			advance(t, w.e.Sandbox("default"), 30*24*time.Hour)
			return len(must[struct{ Sessions []fields }](t, w.e, "GET", box+"/sessions", "").Sessions)
		}, want: 0, differs: "the document leaves the time to the host app: thirty days here, session_ttl"},
		{line: 51, says: "一直在使用智能小程序，则用户登录态一直保持有效", do: func(t *testing.T, w *seedWorld) any {
			must[fields](t, w.e, "PATCH", box+"/config", `{"kill_old_session":false}`)
			defer must[fields](t, w.e, "PATCH", box+"/config", `{"kill_old_session":true}`)
			key := keyOf(t, w.e, w.d, "")
			for range 3 {
				advance(t, w.e.Sandbox("default"), 20*24*time.Hour)
				if keyOf(t, w.e, w.d, "") != key {
					return false
				}
			}
			return true
		}, want: true},
		{line: 118, says: "非登陆情况下，同一台设备、同一个开发者的不同智能小程序，得到相同的 swanid", do: func(t *testing.T, w *seedWorld) any {
			newDeveloper(t, w.e, secondApp, "")
			device := must[map[string][]fields](t, w.e, "GET", box+"/devices", "")["devices"][0]["cuid"].(string)
			return swanIDs(t, w.e, firstApp)[device] == swanIDs(t, w.e, secondApp)[device]
		}, want: true},
		{line: 118, says: "登陆情况下，多台不同设备、同一个开发者的不同智能小程序，得到相同的 swanid", do: func(t *testing.T, w *seedWorld) any {
			must[fields](t, w.e, "POST", box+"/devices", `{"cuid":"second-device"}`)
			user := fmt.Sprint(firstHuid)
			return swanIDs(t, w.e, firstApp)[user] == swanIDs(t, w.e, secondApp)[user]
		}, want: true},
		{line: 118, says: "同一台设备，非登陆与登陆情况下使用同一个智能小程序，得到不同的 swanid", do: func(t *testing.T, w *seedWorld) any {
			all := swanIDs(t, w.e, firstApp)
			return all[fmt.Sprint(firstHuid)] == all["second-device"]
		}, want: false},
	})
}

func TestSeed003SwanID(t *testing.T) {
	walk(t, []seedRow{
		{line: 233, says: "用户在同一台设备上使用同一个开发者所开发的不同智能小程序，得到的是相同的 SwanID", do: func(t *testing.T, w *seedWorld) any {
			newDeveloper(t, w.e, secondApp, "")
			must[fields](t, w.e, "POST", box+"/devices", `{"cuid":"phone"}`)
			return swanIDs(t, w.e, firstApp)["phone"] == swanIDs(t, w.e, secondApp)["phone"]
		}, want: true},
		{line: 234, says: "使用不同开发者所开发的不同智能小程序，得到的 SwanID 是不同的", do: func(t *testing.T, w *seedWorld) any {
			newDeveloper(t, w.e, thirdApp, `,"developer":"另一家"`)
			return swanIDs(t, w.e, firstApp)["phone"] == swanIDs(t, w.e, thirdApp)["phone"]
		}, want: false},
		{line: 237, says: "采用 verify 接口请求服务端", do: func(t *testing.T, w *seedWorld) any {
			return string(post(w.e, pathVerifySwan, "access_token", w.d.token, "swanid", swanIDs(t, w.e, firstApp)["phone"]).body)
		}, want: `{"errno":"0","errmsg":"","data":{"result":true}}`, differs: "the document names the call only; the answer is that of later documents, its members in another order"},
	})
}

// TestLoginAnswersSDKs decodes strictly into the response types of the
// official SDK, whose members are these; what it does not know would fail.
func TestLoginAnswersSDKs(t *testing.T) {
	e := newEmulator(t, nil)
	d := firstDeveloper(t, e)
	type common struct {
		Errno     int64  `json:"errno"`
		ErrorCode int64  `json:"error_code"`
		ErrorMsg  string `json:"error_msg"`
		Msg       string `json:"msg"`
	}
	type newer struct {
		common
		RequestID string `json:"request_id"`
		Timestamp int64  `json:"timestamp"`
	}
	code := func() string { return logIn(t, e, "").Code }
	openID := logIn(t, e, "").OpenID
	var byCode struct {
		common
		ErrorDescription string `json:"error_description"`
		OpenID           string `json:"openid"`
		SessionKey       string `json:"session_key"`
	}
	strictly(t, get(e, pathJSCode, "client_id", d.key, "sk", d.secret, "code", code(), "sp_sdk_lang", "go", "sp_sdk_ver", "1.0.0"), &byCode)
	var byToken struct {
		newer
		Data struct {
			OpenID     string `json:"open_id"`
			SessionKey string `json:"session_key"`
		} `json:"data"`
	}
	strictly(t, post(e, pathTokenCode+"?access_token="+d.token+"&code="+code()), &byToken)
	var union struct {
		newer
		Data struct {
			UnionID string `json:"unionid"`
		} `json:"data"`
	}
	strictly(t, post(e, pathUnionID+"?access_token="+d.token, "openid", openID), &union)
	var byTP struct {
		common
		Data struct {
			UnionID string `json:"union_id"`
		} `json:"data"`
	}
	strictly(t, get(e, pathTPUnionID, "access_token", d.authorizer, "open_id", openID), &byTP)
	if byCode.OpenID != openID || byToken.Data.OpenID != openID || byToken.RequestID == "" || union.Data.UnionID == "" || byTP.Data.UnionID != union.Data.UnionID {
		t.Errorf("decoded %+v, %+v, %+v, %+v", byCode, byToken, union, byTP)
	}
	// The refusals of the business calls decode into the same types.
	strictly(t, post(e, pathTokenCode+"?access_token="+d.token+"&code=none"), &byToken)
	if byToken.Errno != 44004 {
		t.Errorf("a wrong code: %+v", byToken)
	}
	// The SDK's type for a third-party platform's exchange has neither openid
	// nor session_key, without which it could not log anybody in.
	openIDByTP, key, _ := exchanged(t, get(e, pathTPCode, "access_token", d.authorizer, "code", code(), "grant_type", "authorization_code"))
	if openIDByTP != openID || key == "" {
		t.Errorf("the third-party platform gets %q, %q", openIDByTP, key)
	}
}
