package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/internal/seal"
)

// A hostApp is an app in a host app, as its client calls it.
type hostApp struct {
	testing.TB
	e    *emulator.Emulator
	key  string // the AppKey
	id   int64
	form []string // what every form carries besides data
}

func newHostApp(t testing.TB) *hostApp {
	t.Helper()
	e := newEmulator(t, func(*emulator.Options) {})
	c := credentials(t, e.Sandbox(emulator.DefaultSandbox))
	return &hostApp{TB: t, e: e, key: c.App.AppKey, id: c.App.AppID}
}

// as is the same app with another user or device in front of it.
func (h *hostApp) as(kv ...string) *hostApp {
	other := *h
	other.form = kv
	return &other
}

// data is the JSON text that the runtime hands its host, with more members.
func (h *hostApp) data(more string) string {
	return fmt.Sprintf(`{"ma_id":"%d","open":{"app_key":%q,"host_pkgname":"com.example.host","host_key_hash":"0011"}%s}`, h.id, h.key, more)
}

// call posts a request as the runtime does.
func (h *hostApp) call(path, more string) answer {
	return post(h.e, path, append([]string{"data", h.data(more)}, h.form...)...)
}

// A hostAnswer is an answer of the host API.
type hostAnswer struct {
	Errno     string          `json:"errno"`
	Errmsg    string          `json:"errmsg"`
	RequestID string          `json:"request_id"`
	Tipmsg    *string         `json:"tipmsg"`
	Data      json.RawMessage `json:"data"`
}

// ok is call for what must succeed; the answer's data is decoded strictly.
func ok[T any](h *hostApp, path, more string) (out T) {
	h.Helper()
	a := h.call(path, more)
	var whole hostAnswer
	a.into(h, &whole)
	if a.status != http.StatusOK || whole.Errno != "0" || whole.Errmsg != "succ" || len(whole.RequestID) != 10 || whole.Tipmsg == nil {
		h.Fatalf("%s %s: %d %s", path, more, a.status, a.body)
	}
	d := json.NewDecoder(strings.NewReader(string(whole.Data)))
	d.DisallowUnknownFields()
	if err := d.Decode(&out); err != nil {
		h.Fatalf("%s: %s: %v", path, whole.Data, err)
	}
	return out
}

// no is call for what must be refused with an errno and a text that says why.
func (h *hostApp) no(errno, why, path, more string) {
	h.Helper()
	a := h.call(path, more)
	var whole hostAnswer
	a.into(h, &whole)
	if a.status != http.StatusOK || whole.Errno != errno || !strings.Contains(whole.Errmsg, why) || whole.Data != nil || len(whole.RequestID) != 10 {
		h.Errorf("%s %s: %d %s, want errno %s and %q", path, more, a.status, a.body, errno, why)
	}
}

type (
	openData struct {
		Errno         int    `json:"errno"`
		Error         string `json:"error"`
		Data          string `json:"data"`
		EncryptedData string `json:"encryptedData"`
		IV            string `json:"iv"`
		UserInfo      *struct {
			Nickname, HeadImgURL, Sex, ShoubaiNickname string
		} `json:"userinfo"`
	}
	accredited struct {
		Code     string    `json:"code"`
		OpenData *openData `json:"opendata"`
	}
	scopeItem struct {
		ID          string   `json:"id"`
		Permit      string   `json:"permit"`
		Forbidden   string   `json:"forbidden"`
		Type        string   `json:"type"`
		Grade       string   `json:"grade"`
		NeedApply   string   `json:"need_apply"`
		Name        string   `json:"name"`
		ShortName   string   `json:"short_name"`
		Description string   `json:"description"`
		TipStatus   string   `json:"tip_status"`
		Rule        []string `json:"rule"`
		Ext         []string `json:"ext"`
	}
	opened struct {
		Scope    scopeItem `json:"scope"`
		OpenData *openData `json:"opendata"`
	}
	allScopes struct {
		Accredit struct {
			Version string `json:"version"`
			Errno   string `json:"errno"`
			Data    *struct {
				List map[string]scopeItem `json:"list"`
			} `json:"data"`
		} `json:"accredit"`
	}
	coded   struct{ Code string }
	checked struct{ Result bool }
)

// The requests of a host (seed 003) and what belongs to them.
const (
	hostLogin     = "/ma/login"
	hostAccredit  = "/ma/accredit_data"
	hostAuthorize = "/ma/accredit_v1"
	hostSession   = "/ma/user/checksessionkey"
	hostSwanID    = "/ma/user/swanid"
	hostOpenData  = "/ma/open/data"
	hostUpdate    = "/ma/update"
	hostReset     = "/ma/reset"
	hostAddress   = "/ma/address"
	hostInvoice   = "/ma/invoice/list"
	hostFormID    = "/ma/formid/new"
)

// answers is what a user answered, for data.
func answers(kv ...string) string {
	parts := make([]string, 0, len(kv)/2)
	for i := 0; i < len(kv); i += 2 {
		parts = append(parts, fmt.Sprintf(`%q:{"permit":%q}`, kv[i], kv[i+1]))
	}
	return `,"accredits":{` + strings.Join(parts, ",") + `}`
}

const userInfo, mobile = `,"scope":"snsapi_userinfo"`, `,"scope":"mobile"`

// sessionKey is the key of the sandbox's first session.
func (h *hostApp) sessionKey() string {
	h.Helper()
	out := must[struct {
		Sessions []struct {
			SessionKey string `json:"session_key"`
		}
	}](h, h.e, "GET", box+"/sessions", "")
	if len(out.Sessions) != 1 {
		h.Fatalf("%d sessions", len(out.Sessions))
	}
	return out.Sessions[0].SessionKey
}

// open opens sealed data with a session key, as an app's server does.
func (h *hostApp) open(key, iv, text string) (fields, error) {
	h.Helper()
	cipher, err := seal.UserDataCipher(key, iv, 16)
	if err != nil {
		h.Fatal(err)
	}
	message, id, err := cipher.Open(text)
	if err != nil {
		return nil, err
	}
	if id != h.key {
		h.Errorf("sealed for %q, want the AppKey %q", id, h.key)
	}
	var out fields
	return out, json.Unmarshal(message, &out)
}

// TestHostTwoSteps is the flow of seed 003: open data comes back without data
// and makes the client ask; the answer brings the data in one go; from then on
// open data has it.
func TestHostTwoSteps(t *testing.T) {
	t.Parallel()
	h := newHostApp(t)
	if code := ok[coded](h, hostLogin, "").Code; len(code) < 16 {
		t.Errorf("code %q", code)
	}
	asked := ok[opened](h, hostOpenData, userInfo)
	if asked.OpenData != nil || asked.Scope.Permit != "false" || asked.Scope.TipStatus != "0" {
		t.Errorf("before: %+v", asked)
	}
	in := ok[accredited](h, hostAccredit, answers("snsapi_userinfo", "true"))
	if in.OpenData == nil || in.OpenData.UserInfo == nil || in.OpenData.UserInfo.Nickname != "295421489" {
		t.Fatalf("accredited: %+v", in)
	}
	after := ok[opened](h, hostOpenData, userInfo)
	if after.OpenData == nil || after.Scope.Permit != "true" || after.Scope.TipStatus != "1" {
		t.Errorf("after: %+v", after)
	}
	if after.OpenData.Data == in.OpenData.Data {
		t.Error("two requests have the same random bytes")
	}
	key := h.sessionKey()
	for name, data := range map[string]*openData{"accredit": in.OpenData, "open data": after.OpenData} {
		got, err := h.open(key, data.IV, data.Data)
		if err != nil || got["nickname"] != "295421489" || got["sex"] != 1.0 || len(fmt.Sprint(got["openid"])) != 26 {
			t.Errorf("%s holds %v, %v", name, got, err)
		}
	}
	if m := mismatches(h.e.Sandbox(emulator.DefaultSandbox)); m != nil {
		t.Errorf("mismatches: %v", m)
	}
}

// TestHostAnswers goes through what a user can answer, scope by scope.
func TestHostAnswers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, path, accredits string
		data                  bool   // the answer brings data
		later                 string // permit and tip_status of scope afterwards
		scope                 string
	}{
		{"agreed, with data", hostAccredit, answers("snsapi_userinfo", "true"), true, "true 1", "snsapi_userinfo"},
		{"agreed, written only", hostAuthorize, answers("snsapi_userinfo", "true"), false, "true 1", "snsapi_userinfo"},
		{"refused", hostAccredit, answers("snsapi_userinfo", "false"), false, "false -1", "snsapi_userinfo"},
		{"refused, written only", hostAuthorize, answers("mapp_location", "false"), false, "false -1", "mapp_location"},
		{"a scope without data", hostAccredit, answers("mapp_location", "true"), false, "true 1", "mapp_location"},
		{"once, used at once", hostAccredit, answers("mobile", "true"), true, "false 0", "mobile"},
		{"once, written only", hostAuthorize, answers("mobile", "true"), false, "true 1", "mobile"},
		{"once, refused", hostAccredit, answers("mobile", "false"), false, "false 0", "mobile"},
		{"two of them", hostAccredit, answers("mapp_camera", "true", "snsapi_userinfo", "true"), true, "true 1", "mapp_camera"},
		{"true and false as they are", hostAuthorize, `,"accredits":{"mapp_record":{"permit":true}}`, false, "true 1", "mapp_record"},
		{"free whatever they say", hostAuthorize, answers("mapp_favorite", "false"), false, "true 1", "mapp_favorite"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := newHostApp(t)
			ok[coded](h, hostLogin, "")
			if got := ok[accredited](h, tc.path, tc.accredits); (got.OpenData != nil) != tc.data || got.Code != "history reason, never use" {
				t.Errorf("answer %+v", got)
			}
			item := ok[allScopes](h, hostUpdate, "").Accredit.Data.List[tc.scope]
			if got := item.Permit + " " + item.TipStatus; got != tc.later {
				t.Errorf("%s stands %q, want %q", tc.scope, got, tc.later)
			}
		})
	}
}

// TestHostOnceAndForLife uses up an agreement for once, changes the grade, and
// clears everything.
func TestHostOnceAndForLife(t *testing.T) {
	t.Parallel()
	h := newHostApp(t)
	ok[coded](h, hostLogin, "")
	ok[accredited](h, hostAuthorize, answers("mobile", "true", "snsapi_userinfo", "true", "mapp_images", "true"))
	first := ok[opened](h, hostOpenData, mobile)
	if first.OpenData == nil || first.OpenData.Data != "" || first.OpenData.UserInfo != nil || !cmp.Equal(first.Scope.Ext, []string{"138******000"}) {
		t.Errorf("the first time: %+v", first)
	}
	if got, err := h.open(h.sessionKey(), first.OpenData.IV, first.OpenData.EncryptedData); err != nil || got["mobile"] != "13800138000" {
		t.Errorf("the number: %v, %v", got, err)
	}
	if again := ok[opened](h, hostOpenData, mobile); again.OpenData != nil || again.Scope.TipStatus != "0" {
		t.Errorf("the second time: %+v", again)
	}
	for range 3 {
		if got := ok[opened](h, hostOpenData, userInfo); got.OpenData == nil {
			t.Errorf("for life: %+v", got)
		}
	}
	must[fields](t, h.e, "PATCH", box+"/apps/1452365/scopes/mobile", `{"grade":2}`)
	ok[accredited](h, hostAccredit, answers("mobile", "true"))
	if got := ok[opened](h, hostOpenData, mobile); got.OpenData == nil || got.Scope.Grade != "2" {
		t.Errorf("made for life: %+v", got)
	}
	if cleared := ok[allScopes](h, hostReset, ""); cleared.Accredit.Errno != "0" || cleared.Accredit.Data != nil {
		t.Errorf("cleared: %+v", cleared)
	}
	for id, item := range ok[allScopes](h, hostUpdate, "").Accredit.Data.List {
		if free := item.Grade == "3"; (item.Permit == "true") != free || (item.TipStatus == "1") != free {
			t.Errorf("%s after all was cleared: %+v", id, item)
		}
	}
	want := []string{
		"agreed mapp_images", "agreed mobile", "agreed snsapi_userinfo", "spent mobile", "agreed mobile",
		"cleared mapp_images", "cleared mobile", "cleared snsapi_userinfo",
	}
	var got []string
	for _, entry := range h.e.Sandbox(emulator.DefaultSandbox).Journal(0, 1000) {
		if d, is := entry.Detail.(*emulator.GrantDetail); is {
			got = append(got, d.What+" "+d.Scope)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the journal (-want +got):\n%s", d)
	}
}

// TestHostScopesVersion asks for the list again with the version that one has.
func TestHostScopesVersion(t *testing.T) {
	t.Parallel()
	h := newHostApp(t)
	have := ok[allScopes](h, hostUpdate, "").Accredit
	if len(have.Version) != 32 || have.Data == nil || len(have.Data.List) < 8 {
		t.Fatalf("the list: %+v", have)
	}
	version := fmt.Sprintf(`,"accredit":{"version":%q}`, have.Version)
	if same := ok[allScopes](h, hostUpdate, version).Accredit; same.Data != nil || same.Version != have.Version {
		t.Errorf("the same version: %+v", same)
	}
	ok[accredited](h, hostAuthorize, answers("mapp_location", "true"))
	if other := ok[allScopes](h, hostUpdate, version).Accredit; other.Data == nil || other.Version == have.Version {
		t.Errorf("after a change: %+v", other)
	}
}

// TestHostWho looks at whom a request is about: users have their own grants,
// devices theirs, and who is not logged in has no data.
func TestHostWho(t *testing.T) {
	t.Parallel()
	h := newHostApp(t)
	must[fields](t, h.e, "POST", box+"/users", `{"huid":7,"nickname":"乙","sex":2}`)
	must[fields](t, h.e, "POST", box+"/devices", `{"cuid":"tablet"}`)
	second, out, there := h.as("huid", "7"), h.as("huid", "0"), h.as("cuid", "tablet")

	ok[coded](h, hostLogin, "")
	ok[coded](second, hostLogin, "")
	ok[accredited](h, hostAuthorize, answers("snsapi_userinfo", "true", "mapp_camera", "true"))
	if got := ok[opened](second, hostOpenData, userInfo); got.OpenData != nil || got.Scope.TipStatus != "0" {
		t.Errorf("another user: %+v", got)
	}
	if got := ok[accredited](second, hostAccredit, answers("snsapi_userinfo", "true")); got.OpenData == nil || got.OpenData.UserInfo.Nickname != "乙" || got.OpenData.UserInfo.Sex != "2" {
		t.Errorf("another user agrees: %+v", got.OpenData)
	}
	for name, tc := range map[string]struct {
		h      *hostApp
		permit string
	}{"another user there": {second, "true"}, "nobody there": {out, "true"}, "another device": {there, "false"}} {
		if got := ok[allScopes](tc.h, hostUpdate, "").Accredit.Data.List["mapp_camera"]; got.Permit != tc.permit {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, nobody := range []*hostApp{out, there} {
		if code := ok[coded](nobody, hostLogin, "").Code; code != "" {
			t.Errorf("nobody has the code %q", code)
		}
		if ok[checked](nobody, hostSession, "").Result {
			t.Error("nobody has a session")
		}
		nobody.no("401", "未登录", hostOpenData, userInfo)
		nobody.no("401", "未登录", hostAddress, "")
		nobody.no("401", "未登录", hostInvoice, "")
		nobody.no("401", "未登录", hostFormID, "")
		nobody.no("401", "snsapi_userinfo 需要用户登录", hostAccredit, answers("mapp_camera", "true", "snsapi_userinfo", "true"))
		if got := ok[accredited](nobody, hostAuthorize, answers("mapp_record", "true")); got.Code == "" {
			t.Errorf("a device's scope: %+v", got)
		}
	}
	h.as("huid", "8").no("401", "没有此用户", hostLogin, "")
	h.as("cuid", "phone").no("400", "没有此设备", hostLogin, "")
	if got := ok[allScopes](there, hostUpdate, "").Accredit.Data.List["mapp_camera"]; got.Permit != "false" {
		t.Errorf("what was refused as a whole left %+v", got)
	}
}

// TestHostForbidden denies an app a scope.
func TestHostForbidden(t *testing.T) {
	t.Parallel()
	h := newHostApp(t)
	ok[coded](h, hostLogin, "")
	ok[accredited](h, hostAuthorize, answers("snsapi_userinfo", "true", "mapp_choose_address", "true"))
	for _, scope := range []string{"scope.userInfo", "scope.address"} {
		must[fields](t, h.e, "PATCH", box+"/apps/1452365/scopes/"+scope, `{"forbidden":true}`)
	}
	if got := ok[opened](h, hostOpenData, userInfo); got.OpenData != nil || got.Scope.Forbidden != "true" || got.Scope.TipStatus != "-1" {
		t.Errorf("open data: %+v", got)
	}
	h.no("10005", "snsapi_userinfo", hostAccredit, answers("snsapi_userinfo", "true"))
	h.no("10005", "snsapi_userinfo", hostAuthorize, answers("snsapi_userinfo", "true"))
	h.no("10005", "mapp_choose_address", hostAddress, "")
	must[fields](t, h.e, "PATCH", box+"/apps/1452365/scopes/scope.address", `{"forbidden":false}`)
	ok[fields](h, hostAddress, "")
	p := refused(t, h.e, http.StatusNotFound, "PATCH", box+"/apps/1452365/scopes/scope.userinfo", `{"forbidden":true}`)
	if len(p.Nearest) != 1 || p.Nearest[0] != "scope.userInfo" {
		t.Errorf("nearest %v", p.Nearest)
	}
}

// TestHostBadData sends texts that are not what a runtime sends; the refusal
// points into them.
func TestHostBadData(t *testing.T) {
	t.Parallel()
	h := newHostApp(t)
	ok[coded](h, hostLogin, "")
	before := mustExport(t, h.e.Sandbox(emulator.DefaultSandbox))
	open := fmt.Sprintf(`"open":{"app_key":%q}`, h.key)
	for data, why := range map[string]string{
		"":                                "data 长度",
		`{"ma_id":`:                       "data 无法解析：第 9 个字节处",
		`{} {}`:                           "JSON 之后还有内容",
		`[]`:                              "data 类型应为对象",
		`{"ma_id":"1452365"}`:             "data/open 缺少",
		`{"open":7}`:                      "data/open 类型应为对象",
		`{"open":{}}`:                     "data/open/app_key 缺少",
		`{"open":{"app_key":[]}}`:         "data/open/app_key 类型应为文本",
		`{"open":{"app_key":"nobody's"}}`: "data/open/app_key 没有此小程序",
		`{"ma_id":"7",` + open + `}`:      "data/ma_id 与 open/app_key 不是同一个小程序",
		`{"ma_id":{},` + open + `}`:       "data/ma_id 类型应为文本",
		`{` + open + `}`:                  "data/accredits 缺少",
		`{` + open + `,"accredits":[]}`:   "data/accredits 类型应为对象",
		`{` + open + `,"accredits":{"mapp_locaton":{"permit":"true"}}}`:       "data/accredits/mapp_locaton 未知权限，是否想写 mapp_location",
		`{` + open + `,"accredits":{"scope.userInfo":{"permit":"true"}}}`:     "data/accredits/scope.userInfo 未知权限，是否想写 snsapi_userinfo",
		`{` + open + `,"accredits":{"mapp_location":"true"}}`:                 "data/accredits/mapp_location 类型应为对象",
		`{` + open + `,"accredits":{"mapp_location":{}}}`:                     "data/accredits/mapp_location/permit 缺少",
		`{` + open + `,"accredits":{"mapp_location":{"permit":"yes"}}}`:       "data/accredits/mapp_location/permit 只能取",
		`{` + open + `,"accredits":{"a/b~%d":{"permit":"true"}}}`:             "data/accredits/a~1b~0%d 未知权限",
		`{"open":{"app_key":"` + h.key + `","host_pkgname":{}}}`:              "data/open/host_pkgname 类型应为文本",
		`{"open":{"app_key":"` + h.key + `","host_api_key":"x"}}`:             "data/open/host_api_key 没有此宿主",
		`{` + open + `,"scope":"snsapi_userInfo"}`:                            "data/scope 未知权限，是否想写 snsapi_userinfo",
		`{` + open + `,"scope":{"id":7.5}}`:                                   "data/scope/id 未知权限",
		`{` + open + `,"scope":[]}`:                                           "data/scope 类型应为文本",
		`{` + open + `,"accredit":"1","accredits":{"mobile":{"permit":""}}}`:  "data/accredits/mobile/permit 只能取",
		`{` + open + `,"accredit":"1"}`:                                       "data/accredit 类型应为对象",
		`{` + open + `,"accredits":{"mapp_camera":{"permit":"true"},"x":{}}}`: "data/accredits/x 未知权限",
	} {
		a := post(h.e, hostAuthorize, "data", data)
		var got hostAnswer
		a.into(t, &got)
		if got.Errno != "400" || !strings.Contains(got.Errmsg, why) {
			t.Errorf("%s: %s, want %q", data, a.body, why)
		}
	}
	if a := post(h.e, hostAuthorize, "huid", "1"); !strings.Contains(string(a.body), "缺少参数 data") {
		t.Errorf("no data: %s", a.body)
	}
	if a := post(h.e, hostAuthorize, "data", h.data(""), "huid", "x"); !strings.Contains(string(a.body), `"errno":"400"`) {
		t.Errorf("a huid that is no number: %s", a.body)
	}
	if d := sameState(before, mustExport(t, h.e.Sandbox(emulator.DefaultSandbox))); len(d) > 2 {
		t.Errorf("refused requests changed %v", d)
	}
}

// TestHostKeyPath puts every answer below the member that a host has named,
// refusals and faults included.
func TestHostKeyPath(t *testing.T) {
	t.Parallel()
	h := newHostApp(t)
	must[fields](t, h.e, "PATCH", box+"/config", `{"authorize_key_path":"swanappdemo"}`)
	must[fields](t, h.e, "POST", box+"/faults", `{"on":"call","operation":"checkHostSession","do":"refuse","error":"HostSystemError"}`)
	for name, a := range map[string]answer{
		"a success":        h.call(hostLogin, ""),
		"a refusal":        h.as("huid", "8").call(hostLogin, ""),
		"a wrong request":  post(h.e, hostLogin, "data", h.data(""), "huid", "x"),
		"a fault":          h.call(hostSession, ""),
		"a preferred one":  preferring(t, h.e, "example=HostNotLoggedIn", "POST", hostLogin, "application/x-www-form-urlencoded", "data="+strings.ReplaceAll(h.data(""), `"`, "%22")),
		"a list":           h.call(hostUpdate, ""),
		"an error of ours": h.call(hostOpenData, `,"scope":"mapp_location"`),
	} {
		var whole map[string]hostAnswer
		a.into(t, &whole)
		if inner := whole["swanappdemo"]; len(whole) != 1 || inner.Errno == "" || name != "a preferred one" && (inner.RequestID == "" || inner.Tipmsg == nil) {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	if m := mismatches(h.e.Sandbox(emulator.DefaultSandbox)); m != nil {
		t.Errorf("mismatches: %v", m)
	}
	must[fields](t, h.e, "PATCH", box+"/config", `{"authorize_key_path":""}`)
	ok[coded](h, hostLogin, "")
}

// TestHostSession lets a login state begin, run out and end, and a login kill
// the key before it.
func TestHostSession(t *testing.T) {
	t.Parallel()
	h := newHostApp(t)
	s := h.e.Sandbox(emulator.DefaultSandbox)
	live := func(want bool) {
		t.Helper()
		if got := ok[checked](h, hostSession, "").Result; got != want {
			t.Errorf("the session holds: %t, want %t", got, want)
		}
	}
	live(false)
	ok[accredited](h, hostAuthorize, answers("snsapi_userinfo", "true"))
	h.no("401", "swan.login", hostOpenData, userInfo)
	h.no("401", "swan.login", hostAccredit, answers("snsapi_userinfo", "true"))
	ok[coded](h, hostLogin, "")
	live(true)

	sealed := ok[opened](h, hostOpenData, userInfo).OpenData
	old := h.sessionKey()
	ok[coded](h, hostLogin, "")
	fresh := h.sessionKey()
	if old == fresh {
		t.Fatal("a new login has the key of the one before")
	}
	if got, err := h.open(fresh, sealed.IV, sealed.Data); err == nil {
		t.Errorf("the new key opens what the old one sealed: %v", got)
	}
	if got, err := h.open(old, sealed.IV, sealed.Data); err != nil || got["nickname"] != "295421489" {
		t.Errorf("the old key does not: %v, %v", got, err)
	}
	again := ok[opened](h, hostOpenData, userInfo).OpenData
	if got, err := h.open(fresh, again.IV, again.Data); err != nil || got["nickname"] != "295421489" {
		t.Errorf("the new key and new data: %v, %v", got, err)
	}

	advance(t, s, 29*24*time.Hour)
	live(true) // and this is use
	advance(t, s, 29*24*time.Hour)
	live(true)
	advance(t, s, 30*24*time.Hour)
	live(false)
}

// TestHostCodeOfAMember logs in in the app of a member of the alliance, whose
// AK the runtime sends along.
func TestHostCodeOfAMember(t *testing.T) {
	t.Parallel()
	h := newHostApp(t)
	c := credentials(t, h.e.Sandbox(emulator.DefaultSandbox))
	text := strings.Replace(h.data(""), `"host_pkgname"`, fmt.Sprintf(`"host_api_key":%q,"host_pkgname"`, c.Host.AK), 1)
	var got hostAnswer
	post(h.e, hostLogin, "data", text).into(t, &got)
	if !strings.Contains(string(got.Data), "@") {
		t.Errorf("the code of a member's app: %s", got.Data)
	}
}

// TestHostLists reads addresses and invoice titles: with leave, the default one
// first, the newest first among the others.
func TestHostLists(t *testing.T) {
	t.Parallel()
	h := newHostApp(t)
	must[fields](t, h.e, "PATCH", box+"/users/295421489", `{
		"addresses":[{"name":"甲","phone":"13566666666","default":true},{"name":"乙","phone":"1"},{"name":"丙","phone":"","zipcode":"464000"}],
		"invoice_titles":[{"type":1,"title":"甲"},{"type":0,"title":"乙","tax_number":"1"},{"type":1,"title":"丙","is_default":true}]}`)
	type list struct{ List []fields }
	names := func(rows []fields, key string) (out string) {
		for _, r := range rows {
			out += r[key].(string)
		}
		return out
	}
	for path, tc := range map[string]struct{ scope, key, want, numbers string }{
		hostAddress: {"mapp_choose_address", "name", "甲丙乙", ""},
		hostInvoice: {"mapp_choose_invoice", "title", "丙乙甲", ""},
	} {
		h.no("10003", tc.scope, path, "")
		ok[accredited](h, hostAuthorize, answers(tc.scope, "false"))
		h.no("10003", tc.scope, path, "")
		ok[accredited](h, hostAuthorize, answers(tc.scope, "true"))
		if got := names(ok[list](h, path, "").List, tc.key); got != tc.want {
			t.Errorf("%s lists %s, want %s", path, got, tc.want)
		}
	}
	first := ok[list](h, hostAddress, "").List[0]
	if first["phone_cipher"] != "135******666" || first["default"] != "1" || first["id"] != "1" {
		t.Errorf("address %v", first)
	}
	if last := ok[list](h, hostInvoice, "").List[2]; last["is_default"] != 0.0 || last["type"] != 1.0 || last["id"] != 1.0 {
		t.Errorf("invoice title %v", last)
	}
	must[fields](t, h.e, "PATCH", box+"/apps/1452365/scopes/mapp_choose_address", `{"grade":1}`)
	ok[accredited](h, hostAuthorize, answers("mapp_choose_address", "true"))
	ok[list](h, hostAddress, "")
	h.no("10003", "mapp_choose_address", hostAddress, "")
	must[fields](t, h.e, "PATCH", box+"/users/295421489", `{"addresses":[],"mobile":""}`)
	ok[accredited](h, hostAuthorize, answers("mapp_choose_address", "true", "mobile", "true"))
	if got := ok[list](h, hostAddress, ""); got.List == nil || len(got.List) != 0 {
		t.Errorf("no addresses: %v", got)
	}
	ok[coded](h, hostLogin, "")
	if got := ok[opened](h, hostOpenData, mobile); got.OpenData != nil || len(got.Scope.Ext) != 0 {
		t.Errorf("no telephone number: %+v", got)
	}
}

// TestHostForms makes form ids and lets them run out.
func TestHostForms(t *testing.T) {
	t.Parallel()
	h := newHostApp(t)
	type form struct {
		FormID string `json:"formid"`
		Life   int    `json:"life"`
	}
	listed := func() int { return len(must[struct{ Forms []fields }](t, h.e, "GET", box+"/forms", "").Forms) }
	one, two := ok[form](h, hostFormID, ""), ok[form](h, hostFormID, "")
	if one.FormID == two.FormID || one.Life != 3 || listed() != 2 {
		t.Errorf("%+v, %+v, %d listed", one, two, listed())
	}
	advance(t, h.e.Sandbox(emulator.DefaultSandbox), 7*24*time.Hour)
	if listed() != 0 {
		t.Errorf("%d forms after a week", listed())
	}
	ok[form](h, hostFormID, "")
	if n := len(must[struct{ Forms map[string]any }](t, h.e, "GET", box+"/state", "").Forms); n != 1 {
		t.Errorf("%d forms are kept", n)
	}
}

// TestHostSandboxes finds the sandbox of a request by the AppKey in its data.
func TestHostSandboxes(t *testing.T) {
	t.Parallel()
	h := newHostApp(t)
	s, err := h.e.CreateSandbox("other", emulator.SandboxOptions{Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	other := *h
	other.key = credentials(t, s).App.AppKey
	ok[accredited](&other, hostAuthorize, answers("mapp_location", "true"))
	if got := ok[allScopes](h, hostUpdate, "").Accredit.Data.List["mapp_location"]; got.Permit != "false" {
		t.Errorf("the default sandbox: %+v", got)
	}
	if got := ok[allScopes](&other, hostUpdate, "").Accredit.Data.List["mapp_location"]; got.Permit != "true" {
		t.Errorf("the other sandbox: %+v", got)
	}
}

// TestHostDeterminism plays the same requests twice, with one seed and with
// another.
func TestHostDeterminism(t *testing.T) {
	t.Parallel()
	play := func(seed uint64) (out []string) {
		h := newHostApp(t)
		s, err := h.e.CreateSandbox("same", emulator.SandboxOptions{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		h.key = credentials(t, s).App.AppKey
		for _, a := range []answer{
			h.call(hostLogin, ""), h.call(hostAccredit, answers("snsapi_userinfo", "true")), h.call(hostOpenData, userInfo),
			h.call(hostSwanID, ""), h.call(hostFormID, ""), h.call(hostAddress, ""), h.call(hostUpdate, ""),
		} {
			out = append(out, string(a.body))
		}
		return out
	}
	one := play(3)
	if d := cmp.Diff(one, play(3)); d != "" {
		t.Errorf("the same seed (-first +second):\n%s", d)
	}
	for i, a := range play(4) {
		if a == one[i] {
			t.Errorf("another seed has the same answer: %s", a)
		}
	}
}
