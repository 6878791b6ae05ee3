package contracttest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/seal"
	"github.com/swanemu/emu/internal/spec"
)

// mutants is the table of all mutants.
func mutants() []mutant {
	return slices.Concat(wireMutants(), inputMutants(), tokenMutants(), stateMutants(), pushMutants(), kafkaMutants(), nullMutants())
}

func wireMutants() []mutant {
	list := []mutant{
		{name: "a required field of rows is dropped", intended: "response.schema", change: on(func(m *msg) { m.rows(func(r map[string]any) { delete(r, "commit_time") }) })},
		{name: "package_id is a text", intended: "response.schema", change: on(func(m *msg) {
			m.rows(func(r map[string]any) {
				if id, ok := r["package_id"].(json.Number); ok {
					r["package_id"] = id.String()
				}
			})
		})},
		{name: "a status outside of the enumeration", intended: "response.schema", change: on(func(m *msg) {
			m.rows(func(r map[string]any) {
				if s, ok := r["status"].(json.Number); ok && s == "5" {
					r["status"] = 7
				}
			})
		})},
		{name: "an undocumented field in rows", intended: "response.schema", change: on(func(m *msg) { m.rows(func(r map[string]any) { r["internal_id"] = 1 }) })},
		{name: "a time in another form", intended: "response.schema", change: on(func(m *msg) { m.rows(func(r map[string]any) { r["commit_time"] = "2026-01-05T09:00:00Z" }) })},
		{name: "data is [] where there is none", intended: "response.schema", change: on(func(m *msg) {
			if m.is("releasePackage") && m.ok() {
				m.edit(func(v map[string]any) { v["data"] = []any{} })
			}
		})},
		{name: "a nested enumeration is broken", intended: "response.schema", change: on(func(m *msg) {
			if m.is("getAppInfo") && m.ok() {
				m.edit(func(v map[string]any) {
					v["data"].(map[string]any)["qualification"].(map[string]any)["satus"] = 9
				})
			}
		})},
		{name: "business errors in the gateway's envelope", intended: "response.envelope", change: on(func(m *msg) {
			if m.code() == "40001" {
				m.body = []byte(`{"error_code":40001,"error_msg":"x"}`)
			}
		})},
		{name: "gateway errors in the business envelope", intended: "response.envelope", change: on(func(m *msg) {
			if m.op != nil && m.code() == "110" {
				m.refuse(110, "Access token invalid")
			}
		})},
		{name: "an error that the catalogue does not have", intended: "response.envelope", change: on(func(m *msg) {
			if m.code() == "69005" {
				m.refuse(69999, "x")
			}
		})},
		{name: "an error of other operations", intended: "response.envelope", change: on(func(m *msg) {
			if m.is("getPackageDetail") && m.code() == "69005" {
				m.refuse(69013, "x")
			}
		})},
		{name: "half the JSON", intended: "response.json", change: on(func(m *msg) {
			if m.is("getAppInfo") {
				m.body = m.body[:len(m.body)/2]
			}
		})},
		{name: "text after the JSON", intended: "response.json", change: on(func(m *msg) {
			if m.is("getAuditQuota") {
				m.body = append(m.body, "<!-- 0.01s -->"...)
			}
		})},
		{name: "an empty body", intended: "response.json", change: on(func(m *msg) {
			if m.is("withdrawPackageAudit") {
				m.body = nil
			}
		})},
		{name: "a member twice", intended: "response.duplicate-keys", change: on(func(m *msg) {
			if m.is("listPackages") && m.ok() {
				m.body = append([]byte(`{"errno":0,`), m.body[1:]...)
			}
		})},
		{name: "errno 0 on failure", intended: "lifecycle.illegal", change: on(func(m *msg) {
			if m.code() == "40001" {
				m.body = []byte(`{"errno":0,"msg":"success"}`)
			}
		})},
		{name: "HTTP 400 for business errors", intended: "response.status", change: on(func(m *msg) {
			if m.code() == "40001" {
				m.status = http.StatusBadRequest
			}
		})},
		{name: "HTTP 201 for an upload", intended: "response.status", change: on(func(m *msg) {
			if m.is("uploadPackage") && m.ok() {
				m.status = http.StatusCreated
			}
		})},
		{name: "HTTP 200 for an OAuth error", intended: "response.schema", change: on(func(m *msg) {
			if m.status == http.StatusBadRequest {
				m.status = http.StatusOK
			}
		})},
		{name: "text/html", intended: "response.media-type", change: on(func(m *msg) {
			if m.is("getPackageDetail") {
				m.header.Set("Content-Type", "text/html")
			}
		})},
		{name: "no Content-Type", intended: "response.media-type", change: on(func(m *msg) {
			if m.is("listPushMessages") {
				m.header.Del("Content-Type")
			}
		})},
		{name: "OAuth errors may be cached", intended: "response.headers", change: on(func(m *msg) { m.header.Del("Cache-Control") })},
		{name: "an error repeats the token", intended: "response.secrets", change: on(func(m *msg) {
			if token := m.params.Text("access_token"); token != "" && m.code() == "40001" {
				m.refuse(40001, "参数错误: access_token="+token)
			}
		})},
		{name: "HTTP 500", intended: "response.delivered", change: on(func(m *msg) {
			if m.is("getOSSPackageDetail") && m.params.Text("app_id") != "" {
				m.status = http.StatusInternalServerError
			}
		})},
		{name: "the connection ends", intended: "response.delivered", change: on(func(m *msg) {
			if m.is("rollbackPackage") && m.ok() {
				m.status = 0
			}
		})},
		{name: "an internal error for wrong input", intended: "response.delivered", change: on(func(m *msg) {
			if len(m.invalid) > 0 && m.is("submitPackageAudit") {
				m.refuse(1000, "系统错误")
			}
		})},
	}
	return classed("wire", list)
}

func inputMutants() []mutant {
	bodyOf := func(what string) func(*msg) bool {
		return func(m *msg) bool {
			return m.op != nil && m.op.Merged && len(m.sent) > 0 && strings.Contains(m.r.Header.Get("Content-Type"), what)
		}
	}
	missing := func(when func(*msg) bool) func(*testing.T, *emulated) {
		return on(func(m *msg) {
			if when(m) && m.ok() && m.op.Envelope == "business" {
				m.refuse(40001, "参数错误: 缺少参数")
			}
		})
	}
	return classed("input", []mutant{
		{name: "required is ignored", intended: "input.required", change: lenient(spec.RuleRequired)},
		{name: "type is ignored", intended: "input.type", change: lenient(spec.RuleType)},
		{name: "minimum is ignored", intended: "input.boundary", change: lenient(spec.RuleMinimum)},
		{name: "maximum is ignored", intended: "input.boundary", change: lenient(spec.RuleMaximum)},
		{name: "minLength is ignored", intended: "input.boundary", change: lenient(spec.RuleMinLength)},
		{name: "enum is ignored", intended: "input.enum", change: lenient(spec.RuleEnum)},
		{name: "pattern is ignored", intended: "input.pattern", change: lenient(spec.RulePattern)},
		{name: "malformed input is read as far as it goes", intended: "input.malformed", change: lenient(spec.RuleMalformed)},
		{name: "the last of two wins", intended: "input.duplicate", change: lenient(spec.RuleDuplicate)},
		{name: "any Content-Type is read", intended: "input.content-type", change: lenient(spec.RuleMediaType)},
		{name: "ext_json is not read", intended: "input.embedded", change: forgive(func(m *msg) bool { return m.code() == "69004" })},
		{name: "JSON bodies are not read", intended: "input.placement", change: missing(bodyOf("json"))},
		{name: "forms are not read", intended: "input.placement", change: missing(bodyOf("form"))},
		{name: "queries of a POST are not read", intended: "input.placement", change: missing(func(m *msg) bool {
			return m.op != nil && m.op.Merged && len(m.sent) == 0 && m.is("releasePackage", "submitPackageAudit")
		})},
		{name: "unknown parameters are refused", intended: "input.unknown", change: on(func(m *msg) {
			if m.op != nil && m.ok() && m.op.Envelope == "business" && m.params.Text("emu_unknown") != "" {
				m.refuse(40001, "参数错误: 未知参数")
			}
		})},
		{name: "every method is taken", intended: "input.method", change: forgive(func(m *msg) bool { return m.op == nil })},
	})
}

func tokenMutants() []mutant {
	bad := func(m *msg) bool { return m.op != nil && m.code() == "110" }
	var used sync.Map
	return classed("token", []mutant{
		{name: "no token is needed", intended: "token.absent", change: forgive(func(m *msg) bool { return bad(m) && m.params.Text("access_token") == "" })},
		{name: "any token will do", intended: "token.garbled", change: forgive(func(m *msg) bool { return bad(m) && m.params.Text("access_token") != "" })},
		{name: "tokens do not expire", intended: "token.expired", change: forgive(func(m *msg) bool { return m.code() == "111" })},
		{name: "tokens of any kind", intended: "token.kind", change: forgive(func(m *msg) bool { return m.code() == "40007" || m.code() == "6" })},
		{name: "packages of any app", intended: "token.other-app", change: forgive(func(m *msg) bool {
			return m.is("getPackageDetail", "releasePackage", "withdrawPackageAudit") && m.code() == "69005"
		})},
		{name: "any secret will do", intended: "token.secret", change: forgive(func(m *msg) bool { return m.code() == "invalid_client" })},
		{name: "any ticket will do", intended: "token.secret", change: forgive(func(m *msg) bool { return m.code() == "50003" })},
		{name: "refresh tokens work again", intended: "token.once", change: forgive(func(m *msg) bool {
			token := m.params.Text("refresh_token")
			if m.is("exchangeOAuthToken", "postOAuthToken") && m.ok() {
				used.Store(token, true)
			}
			_, again := used.Load(token)
			return again && m.code() == "invalid_grant"
		})},
		{name: "codes of logins work again", intended: "token.once", change: forgive(func(m *msg) bool {
			code := m.params.Text("code")
			if m.is("exchangeLoginCode", "postLoginCode", "exchangeJSCode", "postJSCode", "getSessionKeyByCode", "getSessionKey") && m.ok() {
				used.Store(code, true)
			}
			_, again := used.Load(code)
			return again && (m.code() == "invalid_grant" || m.code() == "44004")
		})},
		{name: "an issued token is not accepted", intended: "token.once", change: on(func(m *msg) {
			if m.is("exchangeOAuthToken", "postOAuthToken") && m.ok() {
				m.edit(func(v map[string]any) { v["access_token"] = v["access_token"].(string) + "0" })
			}
		})},
		{name: "an expired token is unknown as a business error", intended: "token.expired", change: on(func(m *msg) {
			if m.code() == "111" {
				m.refuse(40001, "参数错误")
			}
		})},
	})
}

func stateMutants() []mutant {
	illegal := func(m *msg) bool {
		return len(m.invalid) == 0 && m.code() == "40001" && m.is("submitPackageAudit", "withdrawPackageAudit", "releasePackage", "rollbackPackage")
	}
	lost := func(op string) func(*testing.T, *emulated) {
		return func(_ *testing.T, e *emulated) { e.target.Transport = swallow{e.target.Transport, e, op} }
	}
	var took sync.Map
	key := func(m *msg) string { return m.op.ID + m.params.Text("package_id") }
	return classed("state", []mutant{
		{name: "illegal steps are accepted and do nothing", intended: "lifecycle.illegal", change: forgive(illegal)},
		{name: "release without audit", intended: "lifecycle.illegal", change: on(func(m *msg) {
			if illegal(m) && m.is("releasePackage") {
				id, _ := strconv.ParseInt(paramText(m, "package_id"), 10, 64)
				m.e.admin(http.MethodPost, "/decisions", map[string]any{"kind": "audit", "result": "pass", "package_id": id})
				m.again("release", url.Values{"access_token": {m.params.Text("access_token")}, "package_id": {paramText(m, "package_id")}})
			}
		})},
		{name: "a step can be taken again", intended: "lifecycle.repeat", change: on(func(m *msg) {
			if m.op == nil {
				return
			}
			if _, again := took.Load(key(m)); again && illegal(m) {
				m.succeed()
			}
			if m.ok() {
				took.Store(key(m), true)
			}
		})},
		{name: "submit does nothing", intended: "lifecycle.path", checks: []string{"lifecycle"}, change: lost("/submitaudit")},
		{name: "withdraw does nothing", intended: "lifecycle.path", checks: []string{"lifecycle"}, change: lost("/withdraw")},
		{name: "release does nothing", intended: "lifecycle.path", checks: []string{"lifecycle"}, change: lost("/release")},
		{name: "rollback does nothing", intended: "lifecycle.path", checks: []string{"lifecycle"}, change: lost("/rollback")},
		{name: "upload does nothing", intended: "lifecycle.path", checks: []string{"lifecycle"}, change: lost("/upload")},
		{name: "audits never end", intended: "lifecycle.path", change: deciding(func(v *contracttest.Verdict) bool { return v.Decision != "audit" })},
		{name: "audits end the other way", intended: "lifecycle.path", change: deciding(func(v *contracttest.Verdict) bool {
			if v.Decision == "audit" {
				v.Outcome, v.Reason = map[string]string{"pass": "fail", "fail": "pass"}[v.Outcome], "x"
			}
			return true
		})},
		{name: "failed uploads succeed", intended: "lifecycle.path", change: deciding(func(v *contracttest.Verdict) bool {
			if v.Decision == "upload" {
				v.Outcome, v.Reason = "pass", ""
			}
			return true
		})},
		{name: "two versions online", intended: "list.slots", change: on(func(m *msg) {
			m.rows(func(r map[string]any) {
				if r["status"] == json.Number("6") {
					r["status"] = 1
				}
			})
		})},
		{name: "two rows of one id", intended: "list.ids", change: on(func(m *msg) {
			var last any
			m.rows(func(r map[string]any) {
				if last != nil && r["package_id"] != nil {
					r["package_id"] = last
				}
				last = r["package_id"]
			})
		})},
		{name: "ids are used again", intended: "lifecycle.ids", change: on(func(m *msg) {
			m.rows(func(r map[string]any) {
				if r["status"] == json.Number("3") {
					r["package_id"] = 7
				}
			})
		})},
		{name: "an unverified owner may release", intended: "lifecycle.gate", change: forgive(func(m *msg) bool { return m.code() == "50038" })},
		{name: "names need no approval", intended: "lifecycle.gate", change: forgive(func(m *msg) bool { return m.code() == "69003" })},
		{name: "audits without end", intended: "lifecycle.gate", change: forgive(func(m *msg) bool { return m.code() == "69013" })},
		{name: "a gate refuses with another error", intended: "lifecycle.gate", change: on(func(m *msg) {
			if m.code() == "50038" {
				m.refuse(40001, "参数错误")
			}
		})},
		{name: "a refused upload leaves a package", intended: "effect.none", change: on(func(m *msg) {
			if m.is("uploadPackage") && len(m.invalid) > 0 {
				before := m.body
				m.again("upload", url.Values{
					"access_token": {paramText(m, "access_token")}, "template_id": {"1"}, "ext_json": {"{}"}, "user_version": {"0.0.0"}, "user_desc": {"x"},
				})
				m.body = before
			}
		})},
		{name: "a refused submission has its effect", intended: "effect.none", change: on(func(m *msg) {
			if m.is("submitPackageAudit") && len(m.invalid) > 0 && paramText(m, "package_id") != "" {
				before := m.body
				m.again("submitaudit", url.Values{"access_token": {paramText(m, "access_token")}, "package_id": {paramText(m, "package_id")}, "content": {"x"}})
				m.body = before
			}
		})},
		{name: "hosts see no packages", intended: "lifecycle.views", change: on(func(m *msg) {
			if m.is("listOSSPackages") && m.ok() {
				m.edit(func(v map[string]any) { v["data"] = []any{} })
			}
		})},
		{name: "the detail is behind", intended: "lifecycle.views", change: on(func(m *msg) {
			if m.is("getPackageDetail") && m.ok() {
				m.edit(func(v map[string]any) { v["data"].(map[string]any)["status"] = 3 })
			}
		})},
	})
}

// swallow undoes the calls of one operation, whose answers stay as they are.
type swallow struct {
	next http.RoundTripper
	e    *emulated
	path string
}

func (s swallow) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, s.path) {
		return s.next.RoundTrip(r)
	}
	before := s.e.admin(http.MethodGet, "/state", nil)
	res, err := s.next.RoundTrip(r)
	s.e.admin(http.MethodPut, "/state", json.RawMessage(before))
	return res, err
}

// paramText is a parameter's text, or its number.
func paramText(m *msg, name string) string {
	p, _ := m.params.Get(name)
	if p.Text == "" {
		return string(p.JSON)
	}
	return p.Text
}

func pushMutants() []mutant {
	return classed("push", []mutant{
		{name: "a wrong signature", intended: "push.signature", change: reseal(func(map[string]any, *seal.Push) (string, string) { return "", "another token" })},
		{name: "a wrong key", intended: "push.encryption", change: reseal(func(map[string]any, *seal.Push) (string, string) {
			return "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", ""
		})},
		{name: "another TP's id", intended: "push.encryption", change: reseal(func(b map[string]any, _ *seal.Push) (string, string) { b["id"] = "1"; return "", "" })},
		{name: "a stale time", intended: "push.time", change: reseal(func(_ map[string]any, p *seal.Push) (string, string) { p.TimeStamp = "1500000000"; return "", "" })},
		{name: "an event that happened in another zone", intended: "push.time", change: reseal(func(b map[string]any, _ *seal.Push) (string, string) {
			b["eventTime"] = "2026-01-05 01:00:00"
			return "", ""
		})},
		{name: "no event time", intended: "push.schema", change: reseal(func(b map[string]any, _ *seal.Push) (string, string) { delete(b, "eventTime"); return "", "" })},
		{name: "appId as a text", intended: "push.schema", change: reseal(func(b map[string]any, _ *seal.Push) (string, string) { b["appId"] = "1"; return "", "" })},
		{name: "the wrong event", intended: "push.count", change: reseal(func(b map[string]any, _ *seal.Push) (string, string) {
			b["event"] = "PACKAGE_AUDIT_PASS"
			delete(b, "reason")
			return "", ""
		})},
		{name: "another app", intended: "push.content", change: reseal(func(b map[string]any, _ *seal.Push) (string, string) { b["appId"] = 1; return "", "" })},
		{name: "another TP", intended: "push.content", change: reseal(func(b map[string]any, _ *seal.Push) (string, string) { b["tpAppId"] = 1; return "", "" })},
		{name: "another reason", intended: "push.content", change: reseal(func(b map[string]any, _ *seal.Push) (string, string) {
			if b["reason"] != nil {
				b["reason"] = "x"
			}
			return "", ""
		})},
		{name: "plain JSON", intended: "push.form", change: pushed(func(_ *emulated, got []contracttest.Push) []contracttest.Push {
			for i := range got {
				got[i].Body = []byte(`{"appId":1,"event":"PACKAGE_AUDIT_PASS"}`)
			}
			return got
		})},
		{name: "pushes are lost", intended: "push.count", change: pushed(func(*emulated, []contracttest.Push) []contracttest.Push { return nil })},
		{name: "pushes come twice", intended: "push.count", change: pushed(func(_ *emulated, got []contracttest.Push) []contracttest.Push {
			var out []contracttest.Push
			for _, p := range got {
				out = append(out, p, p)
			}
			return out
		})},
		{name: "pushes come in another order", intended: "push.order", change: func(t *testing.T, e *emulated) {
			reverse := since(slices.Reverse[[]contracttest.Push])
			pushed(func(_ *emulated, got []contracttest.Push) []contracttest.Push { return reverse(got) })(t, e)
		}},
		{name: "no second attempt", intended: "push.retry", change: func(_ *testing.T, e *emulated) {
			e.admin(http.MethodPatch, "/config", map[string]any{"push_attempts": 1})
		}},
		{name: "attempts without end", intended: "push.retry", change: pushed(func(_ *emulated, got []contracttest.Push) []contracttest.Push {
			if n := len(got); n > 1 && got[n-1].Accepted && !got[n-2].Accepted {
				got = append(got, got[n-1])
			}
			return got
		})},
	})
}

func kafkaMutants() []mutant {
	twice := func(keep func(i int) int) func(*testing.T, *emulated) {
		return noticed(func(got []contracttest.Notice) []contracttest.Notice {
			var out []contracttest.Notice
			for i, n := range got {
				for range keep(i) {
					out = append(out, n)
				}
			}
			return out
		})
	}
	replace := func(old, by string) func(*testing.T, *emulated) {
		return eachNotice(func(n *contracttest.Notice) { n.Value = bytes.ReplaceAll(n.Value, []byte(old), []byte(by)) })
	}
	return classed("kafka", []mutant{
		{name: "notices are lost", intended: "kafka.count", change: twice(func(int) int { return 0 })},
		{name: "every third notice is lost", intended: "kafka.count", change: twice(func(i int) int { return min(i%3, 1) })},
		{name: "notices come twice", intended: "kafka.count", change: twice(func(int) int { return 2 })},
		{name: "of another package", intended: "kafka.count", change: replace(`"package_id":`, `"package_id":1`)},
		{name: "of another app", intended: "kafka.count", change: replace(`"app_id":`, `"app_id":1`)},
		{name: "another code", intended: "kafka.schema", change: replace(`"code":101`, `"code":102`)},
		{name: "the code as a text", intended: "kafka.schema", change: replace(`"code":101`, `"code":"101"`)},
		{name: "a field more", intended: "kafka.schema", change: replace(`"data":{`, `"data":{"status":1,`)},
		{name: "no package_id", intended: "kafka.schema", change: replace(`"package_id"`, `"id"`)},
		{name: "no key", intended: "kafka.key", change: eachNotice(func(n *contracttest.Notice) { n.Key = nil })},
		{name: "another key", intended: "kafka.key", change: eachNotice(func(n *contracttest.Notice) { n.Key = []byte("101") })},
		{name: "another topic", intended: "kafka.topic", change: eachNotice(func(n *contracttest.Notice) { n.Topic = "events" })},
		{name: "another order", intended: "kafka.order", change: func(t *testing.T, e *emulated) {
			noticed(since(func(fresh []contracttest.Notice) {
				for i := 1; i < len(fresh); i += 2 {
					fresh[i-1], fresh[i] = fresh[i], fresh[i-1]
				}
			}))(t, e)
		}},
	})
}

// nullMutants are as good as the emulator.
func nullMutants() []mutant {
	return classed("null", []mutant{
		{name: "unmodified", change: func(*testing.T, *emulated) {}},
		{name: "members in another order", change: on(func(m *msg) { m.edit(func(map[string]any) {}) })},
		{name: "white space", change: on(func(m *msg) {
			var out bytes.Buffer
			if json.Indent(&out, m.body, " ", "\t") == nil {
				m.body = append(out.Bytes(), '\n')
			}
		})},
		{name: "more headers", change: on(func(m *msg) {
			m.header.Set("X-Request-Id", "1")
			m.header.Set("Server", "nginx")
			m.header.Set("Content-Type", m.header.Get("Content-Type")+"; charset=utf-8")
		})},
		{name: "other texts", change: on(func(m *msg) {
			if m.op != nil && m.op.Envelope == "business" && !m.ok() && m.code() != "" {
				m.edit(func(v map[string]any) {
					if v["msg"] != nil {
						v["msg"] = "another text"
					}
				})
			}
		})},
		{name: "data is null where there is none", change: on(func(m *msg) {
			if m.is("releasePackage", "rollbackPackage") && m.code() != "110" && m.code() != "111" && m.code() != "6" {
				m.edit(func(v map[string]any) { v["data"] = nil })
			}
		})},
		{name: "escaped texts", change: on(func(m *msg) {
			m.body = []byte(strings.ReplaceAll(string(m.body), "小", `\u5c0f`))
		})},
		{name: "quotas that answer less strictly", change: on(func(m *msg) {
			if m.is("getAuditQuota") {
				m.edit(func(v map[string]any) {
					if data, ok := v["data"].(map[string]any); ok {
						data["quota_times"], data["remain_times"] = -1, -1
					}
				})
			}
		})},
		{name: "two calls are throttled", change: func(t *testing.T, e *emulated) {
			var mu sync.Mutex
			left := 2
			on(func(m *msg) {
				mu.Lock()
				defer mu.Unlock()
				if m.is("listPackages") && left > 0 {
					left--
					m.status, m.header = http.StatusTooManyRequests, http.Header{"Retry-After": {"0"}, "Content-Type": {"application/json"}}
					m.body = []byte(`{"error_code":4,"error_msg":"Open api request limit reached"}`)
				}
			})(t, e)
		}},
	})
}

func classed(class string, list []mutant) []mutant {
	for i := range list {
		list[i].class = class
	}
	return list
}
