package emulator_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

// A difference is where an answer may be another than a document's example,
// and why; form, where given, is what it must look like all the same.
type difference struct{ pointer, why, form string }

// leaves returns the values of a JSON text that are no objects, by pointer.
func leaves(t testing.TB, text string) map[string]any {
	t.Helper()
	out := map[string]any{}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				walk(at+"/"+name, member)
			}
		default:
			out[at] = v
		}
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	walk("", v)
	return out
}

// asInTheDocument compares an answer with a document's example, field by field.
// What differs must be in the table, and what is in the table must differ.
func asInTheDocument(t testing.TB, example, answer string, table []difference) {
	t.Helper()
	want, got := leaves(t, example), leaves(t, answer)
	var pointers []string
	for pointer := range want {
		pointers = append(pointers, pointer)
	}
	for pointer := range got {
		if _, both := want[pointer]; !both {
			pointers = append(pointers, pointer)
		}
	}
	sort.Strings(pointers)
	for _, pointer := range pointers {
		i := slices.IndexFunc(table, func(d difference) bool { return d.pointer == pointer })
		switch same := cmp.Equal(want[pointer], got[pointer]); {
		case i < 0 && !same:
			t.Errorf("%s: the example has %v, the answer %v", pointer, want[pointer], got[pointer])
		case i >= 0 && same:
			t.Errorf("%s: no difference, though the table has one: %s", pointer, table[i].why)
		case i >= 0 && table[i].form != "":
			for name, value := range map[string]any{"example": want[pointer], "answer": got[pointer]} {
				if text, is := value.(string); !is || !regexp.MustCompile(table[i].form).MatchString(text) {
					t.Errorf("%s: the %s has %v, want the form %s (%s)", pointer, name, value, table[i].form, table[i].why)
				}
			}
		}
	}
	for _, d := range table {
		if !slices.Contains(pointers, d.pointer) {
			t.Errorf("the table has %s, which neither has", d.pointer)
		}
	}
}

// The document's example of what the runtime hands its host, as printed: with
// comments and one brace short.
const printedAuthorize = `{
 "ma_id":"小程序Id", 
 "open":
 {
  "app_key":"小程序appKey",
  "host_pkgname":"宿主App包名",
  "host_key_hash":"宿主App签名"
 },
 "accredits":{
  "mapp_location": // 小程序要申请的权限
  {
   "permit":"true" // 用户授权情况（true:同意，false:拒绝）
  }
}`

// The document's example answer. Two things in it are no JSON as printed: the
// quotation mark behind headimgurl is missing, and the member stands without
// the object around it.
const printedAnswer = `{"swanappdemo":{
  "data": {
   "code": "history reason, never use",
   "opendata": {
    "errno": 0,
    "error": "succ",
    "data": "/2OTX2OTXLCYFDvRloxUd3Qn0bpFKyek74vRATlZklJi Vj8nfVj8nfWddP0iqJfjejNZjKPhuybJra45L6FKshMt14ycu7aRO4XTW PNUtnM7ixAMXR8vyff64heASs7slm55uCDsXDIRldKhEn6QRfCEmNDJpnL8PNUtnM7ki7FhtOO68J1EHais1xk/pgTEdb9yeRMYb32hweYdMJdKrDOzCnPNUtnM71CXJCkugp6E2gERESYQr6ZRiZrXygdwNpiDwLq5KswMgHKxHmsuTPNUtnM7SJmMCfscpS870=",
    "iv": "ec718a7b8ca261559b44fw==",
    "userinfo": {
     "nickname": "295421489",
     "headimgurl": "http://tb.himg.baidu.com/sys/portrait/item/58f2323935343231343839fb1d",
     "sex":"1",
     "shoubainickname":"295421489"
    }
   }
  },
 "errmsg": "succ",
 "errno": "0",
 "request_id": "3465815568",
 "tipmsg": "tipmsg"
 }}`

// TestSeed003 goes through the document on authorization from top to bottom:
// the six requests that a host must serve, their parameters, the example
// answer, the rules of the swanid, the key path.
func TestSeed003(t *testing.T) {
	t.Parallel()
	h := newHostApp(t)

	t.Run("the six requests", func(t *testing.T) {
		six := *h
		six.TB = t
		for builder, request := range map[string]struct{ path, more string }{
			"buildLoginRequest":        {hostLogin, ""},
			"buildAccreditRequest":     {hostAccredit, answers("snsapi_userinfo", "false")},
			"buildAuthorizeRequest":    {hostAuthorize, answers("mapp_camera", "true")},
			"buildCheckSessionRequest": {hostSession, ""},
			"buildGetSwanIdRequest":    {hostSwanID, ""},
			"buildMaOpenDataRequest":   {hostOpenData, ""},
		} {
			t.Log(builder)
			ok[fields](&six, request.path, request.more)
			// The other address of the same request.
			if other := map[string]string{hostAuthorize: "/ma/authorize", hostSession: "/ma/checksession", hostSwanID: "/ma/swanid"}[request.path]; other != "" {
				ok[fields](&six, other, request.more)
			}
		}
		ok[fields](&six, hostReset, "")
	})

	t.Run("the example request", func(t *testing.T) {
		// As it is printed it is no JSON, and the refusal says where.
		var refused hostAnswer
		post(h.e, hostAuthorize, "data", printedAuthorize).into(t, &refused)
		if refused.Errno != "400" || !strings.Contains(refused.Errmsg, "第 181 个字节") {
			t.Errorf("as printed: %+v", refused)
		}
		// Without the comments, with the brace, and with what the words stand for.
		text := regexp.MustCompile(`//.*`).ReplaceAllString(printedAuthorize, "") + "}"
		text = strings.NewReplacer("小程序Id", fmt.Sprint(h.id), "小程序appKey", h.key, "宿主App包名", "com.example.host", "宿主App签名", "0011").Replace(text)
		a := post(h.e, hostAuthorize, "data", text)
		asInTheDocument(t, `{"errno":"0","errmsg":"succ","data":{"code":"history reason, never use"},"request_id":"3465815568","tipmsg":"tipmsg"}`, string(a.body),
			[]difference{{"/request_id", "another request", `^[0-9]{10}$`}, {"/tipmsg", "nothing to tell the user", ""}})
		list := ok[allScopes](h, hostUpdate, "").Accredit.Data.List
		if list["mapp_location"].Permit != "true" {
			t.Errorf("what the user agreed to: %+v", list["mapp_location"])
		}
	})

	t.Run("the difference between accredit and authorize", func(t *testing.T) {
		both := *h
		both.TB = t
		ok[coded](&both, hostLogin, "")
		if got := ok[accredited](&both, hostAuthorize, answers("snsapi_userinfo", "true")); got.OpenData != nil {
			t.Errorf("authorize returns data: %+v", got)
		}
		if got := ok[accredited](&both, hostAccredit, answers("snsapi_userinfo", "true")); got.OpenData == nil {
			t.Errorf("accredit returns none: %+v", got)
		}
		ok[fields](&both, hostReset, "")
	})

	t.Run("open data, then accredit", func(t *testing.T) {
		two := *h
		two.TB = t
		first := ok[opened](&two, hostOpenData, "")
		if first.OpenData != nil || first.Scope.ID != "snsapi_userinfo" || first.Scope.TipStatus != "0" {
			t.Errorf("without leave: %+v", first)
		}
		if got := ok[accredited](&two, hostAccredit, answers("snsapi_userinfo", "true")); got.OpenData == nil {
			t.Errorf("the answer: %+v", got)
		}
		if got := ok[opened](&two, hostOpenData, ""); got.OpenData == nil {
			t.Errorf("with leave: %+v", got)
		}
	})

	t.Run("the example answer", func(t *testing.T) {
		must[fields](t, h.e, "PATCH", box+"/config", `{"authorize_key_path":"swanappdemo"}`)
		a := h.call(hostAccredit, answers("snsapi_userinfo", "true"))
		asInTheDocument(t, printedAnswer, string(a.body), []difference{
			{"/swanappdemo/data/opendata/data", "sealed for another session and user; the example has been garbled, spaces included", ""},
			{"/swanappdemo/data/opendata/iv", "of another session", `^[0-9A-Za-z+/]{22}==$`},
			{"/swanappdemo/data/opendata/userinfo/headimgurl", "a portrait that nobody has", `^https?://\S+$`},
			{"/swanappdemo/request_id", "another request", `^[0-9]{10}$`},
			{"/swanappdemo/tipmsg", "the example has the word itself; there is nothing to tell the user", ""},
		})
	})

	t.Run("getAuthorizeKeyPath may be empty", func(t *testing.T) {
		must[fields](t, h.e, "PATCH", box+"/config", `{"authorize_key_path":""}`)
		inner := leaves(t, printedAnswer)
		got := leaves(t, string(h.call(hostAccredit, answers("snsapi_userinfo", "true")).body))
		for pointer := range inner {
			if _, there := got[strings.TrimPrefix(pointer, "/swanappdemo")]; !there {
				t.Errorf("%s is not there", pointer)
			}
		}
	})

	t.Run("check session", func(t *testing.T) {
		cs := *h
		cs.TB = t
		if !ok[checked](&cs, hostSession, "").Result {
			t.Error("the session does not hold")
		}
	})

	t.Run("swanid", func(t *testing.T) { seedSwanIDs(t, h) })

	if m := mismatches(h.e.Sandbox(emulator.DefaultSandbox)); m != nil {
		t.Errorf("mismatches: %v", m)
	}
}

// seedSwanIDs looks at the document's rules: one device and one developer have
// one swanid over several programs, another developer has another.
func seedSwanIDs(t *testing.T, h *hostApp) {
	t.Helper()
	type signed struct {
		SwanID    string `json:"swanid"`
		Signature string `json:"swanid_signature"`
	}
	app := func(developer string) *hostApp {
		made := must[struct {
			ID  int64  `json:"app_id"`
			Key string `json:"app_key"`
		}](t, h.e, "POST", box+"/apps", fmt.Sprintf(`{"developer":%q}`, developer))
		return &hostApp{t, h.e, made.Key, made.ID, []string{"huid", "0"}}
	}
	one, two, other := ok[signed](app("甲"), hostSwanID, ""), ok[signed](app("甲"), hostSwanID, ""), ok[signed](app("乙"), hostSwanID, "")
	if one.SwanID != two.SwanID || one.SwanID == other.SwanID {
		t.Errorf("one developer: %s, %s; another: %s", one.SwanID, two.SwanID, other.SwanID)
	}
	if len(one.Signature) != 32 || one.Signature == two.Signature {
		t.Errorf("signatures %s, %s: each program has its own secret", one.Signature, two.Signature)
	}
}
