package contracttest_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/swanemu/emu/contracttest"
)

// hostMutants are emulators whose host API has a fault, and null mutants of it.
func hostMutants() []mutant {
	inner := func(m *msg, f func(answer map[string]any)) {
		m.edit(func(v map[string]any) {
			if answer, ok := v["swanappdemo"].(map[string]any); ok {
				f(answer)
			}
		})
	}
	data := func(f func(m *msg, answer, data map[string]any)) func(*testing.T, *emulated) {
		return on(func(m *msg) {
			inner(m, func(answer map[string]any) {
				if d, ok := answer["data"].(map[string]any); ok && answer["errno"] == "0" {
					f(m, answer, d)
				}
			})
		})
	}
	open := func(f func(d map[string]any)) func(*testing.T, *emulated) {
		return data(func(_ *msg, _, d map[string]any) {
			if o, ok := d["opendata"].(map[string]any); ok {
				f(o)
			}
		})
	}
	list := classed("host", []mutant{
		{name: "no key path", intended: "host.key-path", change: on(func(m *msg) {
			var v map[string]json.RawMessage
			if json.Unmarshal(m.body, &v) == nil && v["swanappdemo"] != nil {
				m.body = v["swanappdemo"]
			}
		})},
		{name: "another key path", intended: "host.key-path", change: on(func(m *msg) {
			m.body = []byte(strings.Replace(string(m.body), `{"swanappdemo":`, `{"swanapp":`, 1))
		})},
		{name: "errno as a number", intended: "host.envelope", change: data(func(_ *msg, answer, _ map[string]any) { answer["errno"] = 0 })},
		{name: "errmsg as null", intended: "host.envelope", change: data(func(_ *msg, answer, _ map[string]any) { answer["errmsg"] = nil })},
		{name: "errors with errno 0", intended: "input.required", change: on(func(m *msg) {
			if m.op != nil && m.op.Envelope == "host" {
				m.body = []byte(strings.Replace(string(m.body), `"errno":"400"`, `"errno":"0"`, 1))
			}
		})},
		{name: "an error that nobody knows", intended: "response.envelope", change: on(func(m *msg) {
			m.body = []byte(strings.Replace(string(m.body), `"errno":"400"`, `"errno":"4711"`, 1))
		})},
		{name: "the code of the last login", intended: "host.login", change: data(func(m *msg, _, d map[string]any) {
			if m.is("loginHostUser") {
				d["code"] = "code0"
			}
		})},
		{name: "data without leave", intended: "host.ask", change: data(func(m *msg, _, d map[string]any) {
			if m.is("getHostOpenData") && d["opendata"] == nil {
				d["opendata"] = map[string]any{"data": strings.Repeat("A", 24), "iv": "ec718a7b8ca261559b44fw=="}
			}
		})},
		{name: "no dialog", intended: "host.ask", change: data(func(_ *msg, _, d map[string]any) {
			if scope, ok := d["scope"].(map[string]any); ok && scope["tip_status"] == "0" {
				scope["tip_status"] = "-1"
			}
		})},
		{name: "accredit without data", intended: "host.accredit", change: data(func(m *msg, _, d map[string]any) {
			if m.is("accreditHostUser") {
				delete(d, "opendata")
			}
		})},
		{name: "sessions that never hold", intended: "host.session", change: data(func(m *msg, _, d map[string]any) {
			if m.is("checkHostSession") {
				d["result"] = false
			}
		})},
		{name: "the AppKey of another app", intended: "host.decrypt", change: func(_ *testing.T, e *emulated) {
			key := e.target.Credentials.HostApp.AppKey
			e.target.Credentials.HostApp.AppKey = key[:31] + "_"
			e.target.Transport = renamed{e.target.Transport, key[:31] + "_", key}
		}},
		{name: "another user in clear", intended: "host.decrypt", change: open(func(o map[string]any) {
			if user, ok := o["userinfo"].(map[string]any); ok {
				user["nickname"] = "somebody else"
			}
		})},
		{name: "no iv", intended: "response.schema", change: open(func(o map[string]any) { delete(o, "iv") })},
		{name: "the inner errno as a text", intended: "response.schema", change: open(func(o map[string]any) { o["errno"] = "0" })},
		{name: "permit as a boolean", intended: "response.schema", change: data(func(_ *msg, _, d map[string]any) {
			if scope, ok := d["scope"].(map[string]any); ok {
				scope["permit"] = scope["permit"] == "true"
			}
		})},
		{name: "everything is granted in the list", intended: "host.clear", change: data(func(m *msg, _, d map[string]any) {
			if !m.is("updateHostScopes") {
				return
			}
			accredit, _ := d["accredit"].(map[string]any)
			content, _ := accredit["data"].(map[string]any)
			scopes, _ := content["list"].(map[string]any)
			for _, one := range scopes {
				one.(map[string]any)["permit"] = "true"
			}
		})},
		{name: "the number again and again", intended: "host.once", change: func(_ *testing.T, e *emulated) {
			var last any
			data(func(m *msg, _, d map[string]any) {
				scope, _ := d["scope"].(map[string]any)
				if m.is("getHostOpenData") && scope["id"] == "mobile" {
					if d["opendata"] != nil {
						last = d["opendata"]
					} else if last != nil {
						d["opendata"] = last
					}
				}
			})(nil, e)
		}},
		{name: "addresses for nobody", intended: "host.lists", change: on(func(m *msg) {
			if m.is("listHostAddresses") {
				m.body = []byte(`{"swanappdemo":{"errno":"10003","errmsg":"x"}}`)
			}
		})},
		{name: "a swanid for each request", intended: "host.swanid", change: func(t *testing.T, e *emulated) {
			n := 0
			data(func(m *msg, _, d map[string]any) {
				if m.is("getHostSwanId") {
					n++
					d["swanid"] = strings.Repeat("S", n)
				}
			})(t, e)
		}},
	})
	return append(list, classed("host null", []mutant{
		{name: "unmodified", change: func(*testing.T, *emulated) {}},
		{name: "more members", change: data(func(_ *msg, answer, d map[string]any) {
			answer["cost"], d["more"] = 3, map[string]any{"a": 1}
		})},
		{name: "members besides the key", change: on(func(m *msg) {
			m.edit(func(v map[string]any) {
				if v["swanappdemo"] != nil {
					v["own"] = true
				}
			})
		})},
		{name: "request ids as numbers, no tipmsg", change: data(func(_ *msg, answer, _ map[string]any) {
			answer["request_id"] = 1
			delete(answer, "tipmsg")
		})},
		// It spoils the random bytes at the beginning and nothing else.
		{name: "the initialisation vector of another session", change: open(func(o map[string]any) { o["iv"] = "AAAAAAAAAAAAAAAAAAAAAA==" })},
		{name: "a sex as a number", change: open(func(o map[string]any) {
			if user, ok := o["userinfo"].(map[string]any); ok {
				user["sex"] = 1
			}
		})},
	})...)
}

// renamed writes another name into what is sent.
type renamed struct {
	next     http.RoundTripper
	from, to string
}

func (r renamed) RoundTrip(req *http.Request) (*http.Response, error) {
	again := req.Clone(req.Context())
	if req.Body != nil {
		if err := req.ParseForm(); err == nil && len(req.PostForm) > 0 {
			form := strings.ReplaceAll(req.PostForm.Encode(), r.from, r.to)
			again, err = http.NewRequestWithContext(req.Context(), req.Method, req.URL.String(), strings.NewReader(form))
			if err != nil {
				return nil, err
			}
			again.Header = req.Header
		}
	}
	again.URL.RawQuery = strings.ReplaceAll(again.URL.RawQuery, r.from, r.to)
	return r.next.RoundTrip(again)
}

// TestHostMutants runs the checks of the host API on every mutant of it.
func TestHostMutants(t *testing.T) {
	for _, m := range hostMutants() {
		t.Run(m.class+"/"+strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			e := open(t, 1)
			m.change(t, e)
			r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{
				Mode: contracttest.Destructive, Tags: []string{"host"},
				Stop: func(f contracttest.Finding) bool { return f.Check == m.intended },
			})
			if err != nil {
				t.Fatal(err)
			}
			by := []string{}
			for _, c := range r.Causes {
				by = append(by, c.Check)
			}
			switch {
			case m.intended == "" && r.Err() != nil:
				t.Errorf("a null mutant is found: %v\n%s", r.Err(), textOf(t, r))
			case m.intended != "" && !slices.Contains(by, m.intended):
				t.Errorf("not found by %s, but by %v", m.intended, by)
			}
		})
	}
}
