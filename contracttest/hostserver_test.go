package contracttest_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/swanemu/emu/contracttest"
)

// A hostServer is the server of a host app, written for these tests from the
// documents and with nothing of the emulator: its addresses, its cookie, its
// errors and its key path are its own. fault names what is wrong with it.
type hostServer struct {
	fault string

	mu      sync.Mutex // guards what follows
	answers map[string]bool
	spent   map[string]bool
	codes   map[string]bool // of logins, true once exchanged
	key     string          // the session key
	n       int
}

// What the server and its client know of each other.
const (
	serverApp    = "y2dTfnWfkx2OXttMEMWlGHoB1KzMogm7"
	serverSecret = "a secret of the host and the platform"
	serverCookie = "SESSION=0123456789abcdef"
)

// hostServing starts a server and returns it as a target.
func hostServing(t *testing.T, fault string) contracttest.Target {
	t.Helper()
	s := &hostServer{fault: fault, answers: map[string]bool{}, spent: map[string]bool{}, codes: map[string]bool{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return contracttest.Target{
		URL: server.URL,
		Credentials: contracttest.Credentials{HostApp: contracttest.HostApp{
			AppKey: serverApp, MaID: "1452365", KeyPath: "swanappdemo", HSK: serverSecret,
			Headers: map[string]string{"Cookie": serverCookie}, Form: map[string]string{"platform": "android"},
			Paths: map[string]string{
				"loginHostUser": "/api/login", "accreditHostUser": "/api/accredit", "authorizeHostUser": server.URL + "/api/authorize",
				"checkHostSession": "/api/session", "getHostSwanId": "/api/swanid", "getHostOpenData": "/api/open",
				"updateHostScopes": "/api/scopes", "clearHostScopes": "/api/clear", "listHostAddresses": "/api/addresses",
				"listHostInvoices": "/api/invoices", "exchangeHostCode": "/api/exchange",
			},
		}},
	}
}

type object = map[string]any

// ServeHTTP answers the runtime, and the platform that exchanges a code.
func (s *hostServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if r.URL.Path == "/api/exchange" {
		w.Header().Set("Content-Type", "application/json")
		s.write(w, s.exchange(r))
		return
	}
	answer := s.answer(r)
	switch s.fault {
	case "errno is a number":
		answer["errno"] = 0
	case "no errmsg":
		delete(answer, "errmsg")
	case "no answers below the key":
		s.write(w, answer)
		return
	case "half the answer":
		text, _ := json.Marshal(object{"swanappdemo": answer})
		_, _ = w.Write(text[:len(text)/2])
		return
	case "a member twice":
		text, _ := json.Marshal(answer)
		_, _ = io.WriteString(w, `{"swanappdemo":{"errno":"0",`+string(text[1:])+`}`)
		return
	case "HTTP 500":
		w.WriteHeader(http.StatusInternalServerError)
	case "request ids are numbers":
		answer["request_id"] = 3465815568
	case "no request ids":
		delete(answer, "request_id")
	}
	s.write(w, object{"swanappdemo": answer, "cost": "3ms"})
}

func (s *hostServer) write(w io.Writer, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(text) // a client that is gone needs no answer
}

// exchange answers the platform: a signed code for a session key, once.
func (s *hostServer) exchange(r *http.Request) object {
	q := r.URL.Query()
	var parts []string
	for _, name := range []string{"client_id", "code", "request_id", "sign_version", "timestamp"} {
		parts = append(parts, name+"="+q.Get(name))
	}
	sum := md5.Sum([]byte(strings.Join(append(parts, "hsk="+serverSecret), "&")))
	used, known := s.codes[q.Get("code")]
	answer := object{"errno": 0, "errmsg": "succ", "tipmsg": "", "request_id": q.Get("request_id"), "timestamp": 1767574800}
	if q.Get("sign") != hex.EncodeToString(sum[:]) || !known || used || s.fault == "codes are not exchanged" {
		answer["errno"], answer["errmsg"] = 3, "invalid code"
		return answer
	}
	s.codes[q.Get("code")] = true
	answer["data"] = object{"open_id": "mgJNc4Ut1tzE1L1ltQCCBWCZ9L", "session_key": s.key}
	return answer
}

// answer answers the runtime.
func (s *hostServer) answer(r *http.Request) object {
	s.n++
	answer := object{"errno": "0", "errmsg": "", "request_id": strconv.Itoa(s.n), "data": object{}}
	refuse := func(errno, errmsg string) object {
		return object{"errno": errno, "errmsg": errmsg, "request_id": strconv.Itoa(s.n)}
	}
	if r.Header.Get("Cookie") != serverCookie || r.PostFormValue("platform") != "android" {
		return refuse("1001", "not logged in")
	}
	var data struct {
		Open struct {
			AppKey string `json:"app_key"`
		} `json:"open"`
		Accredits map[string]struct {
			Permit string `json:"permit"`
		} `json:"accredits"`
		Scope string `json:"scope"`
	}
	if json.Unmarshal([]byte(r.PostFormValue("data")), &data) != nil || data.Open.AppKey != serverApp {
		return refuse("1002", "no such program")
	}
	switch r.URL.Path {
	case "/api/login":
		answer["data"] = object{"code": s.login()}
	case "/api/session":
		answer["data"] = object{"result": s.key != "" && s.fault != "sessions are never valid"}
	case "/api/swanid":
		answer["data"] = object{"swanid": s.swanID()}
	case "/api/accredit", "/api/authorize":
		given := object{"code": "history reason, never use"}
		for _, scope := range slices.Sorted(maps.Keys(data.Accredits)) {
			permit := data.Accredits[scope].Permit == "true"
			s.take(r.URL.Path, scope, permit)
			brings := permit && r.URL.Path == "/api/accredit" && s.fault != "accredit brings no data" ||
				permit && s.fault == "authorize brings data" || s.fault == "a refusal brings data"
			if brings && s.datum(scope) != nil {
				given["opendata"] = s.datum(scope)
			}
		}
		answer["data"] = given
	case "/api/open":
		opened := object{"scope": s.item(data.Scope)}
		if s.answers[data.Scope] && !s.spent[data.Scope] || s.fault == "data for everybody" {
			if d := s.datum(data.Scope); d != nil {
				opened["opendata"] = d
			}
			s.spent[data.Scope] = data.Scope == "mobile" && s.fault != "the number again and again"
		}
		answer["data"] = opened
	case "/api/scopes":
		answer["data"] = object{"accredit": object{"errno": "0", "version": "7", "data": object{"list": s.list()}}}
	case "/api/clear":
		if s.fault != "nothing is cleared" {
			clear(s.answers)
			clear(s.spent)
		}
		if s.fault == "cleared is refused" {
			s.answers["mapp_location"] = false
		}
		answer["data"] = object{"accredit": object{"errno": "0"}}
	case "/api/addresses":
		if !s.answers["mapp_choose_address"] || s.fault == "addresses for nobody" {
			return refuse("1003", "no leave")
		}
		answer["data"] = object{"list": []any{}}
	case "/api/invoices":
		one := object{"id": 1, "type": 0, "title": "x", "tax_number": "1", "is_default": 1}
		if s.fault == "an invoice title without a number" {
			delete(one, "tax_number")
		}
		answer["data"] = object{"list": []any{one}}
	default:
		return refuse("1004", "no such request")
	}
	return answer
}

func (s *hostServer) login() string {
	sum := md5.Sum([]byte("key " + strconv.Itoa(s.n)))
	s.key = hex.EncodeToString(sum[:])
	code := "code" + strconv.Itoa(s.n) + "@example"
	switch s.fault {
	case "no code":
		return ""
	case "one code for all":
		code = "code@example"
	}
	s.codes[code] = false
	return code
}

func (s *hostServer) swanID() string {
	if s.fault == "another swanid each time" {
		return "SWAN" + strconv.Itoa(s.n)
	}
	return "SWAN"
}

// take takes down what a user answered.
func (s *hostServer) take(path, scope string, permit bool) {
	switch {
	case s.fault == "accredit is forgotten" && path == "/api/accredit", s.fault == "authorize is forgotten" && path == "/api/authorize":
		return
	case s.fault == "a refusal counts as leave":
		permit = true
	case s.fault == "leave stays" && s.answers[scope]:
		return
	}
	s.answers[scope] = permit
	s.spent[scope] = false
}

// item is a scope as the document shows it.
func (s *hostServer) item(scope string) object {
	permit, asked := s.answers[scope]
	if s.spent[scope] {
		permit, asked = false, false
	}
	tip := "0"
	if asked {
		tip = map[bool]string{true: "1", false: "-1"}[permit]
	}
	grade := "2"
	if scope == "mobile" {
		grade = "1"
	}
	if s.fault == "nobody is asked" {
		tip = "1"
	}
	out := object{
		"id": scope, "permit": strconv.FormatBool(permit), "forbidden": "false", "type": "1", "grade": grade, "need_apply": "0",
		"name": scope, "short_name": "", "description": "", "tip_status": tip, "rule": []any{}, "ext": object{},
	}
	if s.fault == "no tip_status" {
		delete(out, "tip_status")
	}
	return out
}

func (s *hostServer) list() object {
	out := object{}
	for _, scope := range []string{"snsapi_userinfo", "mobile", "mapp_location", "mapp_camera"} {
		out[scope] = s.item(scope)
	}
	switch s.fault {
	case "the list is behind":
		out["mapp_location"].(object)["permit"] = "false"
	case "a scope is left out":
		delete(out, "mapp_camera")
	case "scopes are mixed up":
		out["mapp_camera"].(object)["id"] = "mapp_record"
	}
	return out
}

// datum is the data of a scope, sealed as the document says.
func (s *hostServer) datum(scope string) object {
	iv := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef"))
	switch scope {
	case "mobile":
		return object{"encryptedData": s.seal(`{"mobile":"13800138000"}`), "iv": iv}
	case "snsapi_userinfo":
		inside := `{"openid":"mgJNc4Ut1tzE1L1ltQCCBWCZ9L","nickname":"HQMIS","headimgurl":"","sex":1}`
		switch s.fault {
		case "no openid inside":
			inside = `{"nickname":"HQMIS","headimgurl":""}`
		case "somebody else inside":
			inside = strings.Replace(inside, "HQMIS", "SIMQH", 1)
		case "no object inside":
			inside = `"HQMIS"`
		case "a short initialisation vector":
			iv = base64.StdEncoding.EncodeToString([]byte("0123456789abcde"))
		}
		sex := any(1)
		if s.fault == "a sex of 9" {
			sex = 9
		}
		return object{"data": s.seal(inside), "iv": iv, "userinfo": object{"nickname": "HQMIS", "headimgurl": "", "sex": sex}}
	}
	return nil
}

func (s *hostServer) seal(inside string) string {
	if s.key == "" {
		s.login()
	}
	key, err := base64.StdEncoding.DecodeString(s.key)
	if err != nil {
		panic(err)
	}
	appKey := serverApp
	switch s.fault {
	case "sealed with another key":
		key[0]++
	case "sealed with half the key":
		key = key[:16]
	case "sealed for another app":
		appKey = strings.Repeat("x", len(appKey))
	}
	frame := append([]byte("abcdefghijklmnop"), binary.BigEndian.AppendUint32(nil, uint32(len(inside)))...)
	frame = append(append(frame, inside...), appKey...)
	pad := 32 - len(frame)%32
	for range pad {
		frame = append(frame, byte(pad))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	cipher.NewCBCEncrypter(block, []byte("0123456789abcdef")).CryptBlocks(frame, frame)
	return base64.StdEncoding.EncodeToString(frame)
}

// TestHostServer runs the checks against a host's server that is nobody's but
// its own: nothing is found, and every check of the host API puts its question.
func TestHostServer(t *testing.T) {
	for _, same := range []string{"", "request ids are numbers", "no request ids"} {
		r, err := contracttest.Verify(t.Context(), hostServing(t, same), contracttest.Options{Tags: []string{"host"}})
		if err != nil || r.Err() != nil {
			t.Errorf("%q: %v, %v\n%s", same, err, r.Err(), textOf(t, r))
		}
		for _, c := range contracttest.Checks() {
			if strings.HasPrefix(c.ID, "host.") && r.Asked[c.ID] == 0 {
				t.Errorf("%q: check %s was never put\n%s", same, c.ID, textOf(t, r))
			}
		}
		for _, result := range r.Results {
			own := strings.HasPrefix(result.Check, "host.")
			if own != (result.Status == contracttest.Passed) || !own && !strings.Contains(result.Reason, string(contracttest.NeedHostForms)) && !strings.Contains(result.Reason, "destructive") {
				t.Errorf("%q: %s/%s/%s: %s, %s", same, result.Operation, result.Check, result.Case, result.Status, result.Reason)
			}
		}
	}
}

// TestHostServerFaults finds each fault of such a server, by the check that is
// meant for it.
func TestHostServerFaults(t *testing.T) {
	for fault, intended := range map[string]string{
		"errno is a number": "host.envelope", "no errmsg": "host.envelope", "no answers below the key": "host.key-path",
		"half the answer": "response.json", "a member twice": "response.duplicate-keys", "HTTP 500": "response.delivered",
		"no code": "host.login", "one code for all": "host.login", "codes are not exchanged": "host.session",
		"sessions are never valid": "host.session", "another swanid each time": "host.swanid", "data for everybody": "host.ask",
		"nobody is asked": "host.ask", "accredit brings no data": "host.accredit", "accredit is forgotten": "host.accredit",
		"authorize brings data": "host.authorize", "authorize is forgotten": "host.authorize", "a refusal brings data": "host.refuse",
		"a refusal counts as leave": "host.refuse", "leave stays": "host.refuse", "the number again and again": "host.once",
		"the list is behind": "host.scopes", "a scope is left out": "host.scopes", "scopes are mixed up": "host.scopes",
		"nothing is cleared": "host.clear", "cleared is refused": "host.clear", "sealed with another key": "host.decrypt",
		"sealed with half the key": "host.decrypt", "sealed for another app": "host.decrypt", "no openid inside": "host.decrypt",
		"somebody else inside": "host.decrypt", "no object inside": "host.decrypt", "a short initialisation vector": "host.decrypt",
		"addresses for nobody": "host.lists", "an invoice title without a number": "response.schema", "no tip_status": "response.schema",
		"a sex of 9": "response.schema",
	} {
		t.Run(strings.ReplaceAll(fault, " ", "_"), func(t *testing.T) {
			t.Parallel()
			r, err := contracttest.Verify(t.Context(), hostServing(t, fault), contracttest.Options{Tags: []string{"host"}})
			if err != nil {
				t.Fatal(err)
			}
			var by []string
			for _, c := range r.Causes {
				if by = append(by, c.Check); c.Evidence.Grade == "" {
					t.Errorf("%s: %s has no evidence", c.Check, c.Message)
				}
			}
			if !slices.Contains(by, intended) {
				t.Errorf("not found by %s, but by %v\n%s", intended, by, textOf(t, r))
			}
			if text := textOf(t, r); strings.Contains(text, serverCookie) || strings.Contains(text, serverSecret) {
				t.Errorf("the report shows a secret:\n%s", text)
			}
		})
	}
}

// TestHostServerLacks has credentials with less in them: what cannot be run
// says why.
func TestHostServerLacks(t *testing.T) {
	target := hostServing(t, "")
	target.Credentials.HostApp.HSK = ""
	r, err := contracttest.Verify(t.Context(), target, contracttest.Options{Tags: []string{"host"}, Checks: []string{"host"}})
	if err != nil || r.Err() != nil || r.Asked["host.decrypt"] != 0 || !strings.Contains(textOf(t, r), "no session keys") {
		t.Errorf("without a secret: %v, %v\n%s", err, r.Err(), textOf(t, r))
	}
	target.Credentials.HostApp.AppKey = ""
	r, err = contracttest.Verify(t.Context(), target, contracttest.Options{Tags: []string{"host"}})
	if err != nil || r.Err() == nil || r.Count(contracttest.NotRun) != len(r.Results) {
		t.Errorf("without an app: %v, %v\n%s", err, r.Err(), textOf(t, r))
	}
	target = hostServing(t, "")
	target.Credentials.HostApp.Headers = nil
	r, err = contracttest.Verify(t.Context(), target, contracttest.Options{Tags: []string{"host"}, Checks: []string{"host"}})
	if err != nil || r.Err() == nil || !strings.Contains(fmt.Sprint(r.Causes), "a valid request of the host API is not accepted") {
		t.Errorf("without the cookie: %v, %v", err, r.Err())
	}
	for _, paths := range []map[string]string{{"logInHostUser": "/x"}, {"loginHostUser": "x"}, {"loginHostUser": "ftp://x/y"}} {
		target.Credentials.HostApp.Paths = paths
		if _, err := contracttest.Verify(t.Context(), target, contracttest.Options{}); err == nil {
			t.Errorf("%v is taken", paths)
		}
	}
	if _, err := contracttest.Verify(t.Context(), hostServing(t, ""), contracttest.Options{Tags: []string{"hots"}}); err == nil {
		t.Error("a tag that no operation has is taken")
	}
}
