package emulator_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/swanemu/emu/emulator"
)

const alliance = "/_emu/alliance"

// sendForm sends a form of the page as a browser does.
func sendForm(h http.Handler, target string, form url.Values, header ...string) answer {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", formType)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return serve(h, r)
}

func hostsOf(t *testing.T, e *emulator.Emulator, sandbox string) []shownHost {
	t.Helper()
	return must[struct{ Hosts []shownHost }](t, e, "GET", "/_emu/sandboxes/"+sandbox+"/hosts", "").Hosts
}

func TestAlliancePage(t *testing.T) {
	e := newEmulator(t, nil)
	must[fields](t, e, "POST", "/_emu/sandboxes", `{"name":"other"}`)
	there := hostsOf(t, e, "default")[0]
	page := ask(e, "GET", alliance, "")
	text := string(page.body)
	for _, has := range []string{there.AK, there.SK, there.HSK, fmt.Sprint(there.OfficalNo), fmt.Sprint(there.Containers[0].ContainerNo), "smartapp.change", ">other<"} {
		if !strings.Contains(text, has) {
			t.Errorf("the page lacks %q", has)
		}
	}
	if page.status != 200 || page.header.Get("Content-Type") != "text/html; charset=utf-8" || page.header.Get("Cache-Control") != "no-store" ||
		!strings.Contains(page.header.Get("Content-Security-Policy"), "default-src 'none'") || page.header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("the page: %d %v", page.status, page.header)
	}
	// It is whole in itself.
	if m := regexp.MustCompile(`<script|<link|<img|@import|src=|url\(|href=`).FindString(text); m != "" {
		t.Errorf("the page fetches something: %s", m)
	}
	if a := ask(e, "GET", alliance+"?sandbox=other", ""); strings.Contains(string(a.body), there.AK) || !strings.Contains(string(a.body), hostsOf(t, e, "other")[0].AK) {
		t.Error("the page of one sandbox shows another")
	}
	if a := ask(e, "HEAD", alliance, ""); a.status != 200 {
		t.Errorf("HEAD: %d", a.status)
	}
	refused(t, e, 404, "GET", alliance+"?sandbox=nobody", "")
	if p := refused(t, e, 405, "DELETE", alliance, ""); !strings.Contains(p.Detail, "GET and POST") {
		t.Errorf("DELETE: %+v", p)
	}
}

func TestAllianceRegistration(t *testing.T) {
	e := newEmulator(t, nil)
	form := url.Values{
		"name": {"galaxy"}, "url": {" http://127.0.0.1:9000/x "}, "app_ids": {"1452365"}, "hsk": {""},
		"container_name": {"<b>浏览器</b>", "", "地图"}, "pkgname": {"com.example.browser"}, "key_hash": {"", "", "k3"},
	}
	a := sendForm(e, alliance, form)
	to := a.header.Get("Location")
	if a.status != http.StatusSeeOther || !strings.HasPrefix(to, alliance+"?sandbox=default&new=") {
		t.Fatalf("registered: %d %v %s", a.status, a.header, a.body)
	}
	var made shownHost
	for _, h := range hostsOf(t, e, "default") {
		if h.Name == "galaxy" {
			made = h
		}
	}
	if made.URL != "http://127.0.0.1:9000/x" || len(made.AppIDs) != 1 || len(made.Containers) != 2 || made.Containers[0].Pkgname != "com.example.browser" ||
		made.Containers[1].Name != "地图" || made.Containers[1].KeyHash != "k3" || len(made.HSK) != 32 {
		t.Errorf("made %+v", made)
	}
	page := string(ask(e, "GET", strings.TrimSuffix(to, to[strings.Index(to, "#"):]), "").body)
	if !strings.Contains(page, fmt.Sprintf("注册成功，officalNo 为 %d", made.OfficalNo)) || !strings.Contains(page, made.SK) {
		t.Errorf("the page does not tell of it")
	}
	if strings.Contains(page, "<b>") || !strings.Contains(page, html.EscapeString("<b>浏览器</b>")) {
		t.Error("what was filled in became part of the page")
	}
	a = sendForm(e, alliance+"?sandbox=default", url.Values{"offical_no": {fmt.Sprint(made.OfficalNo)}, "container_name": {"输入法"}})
	if a.status != http.StatusSeeOther || !strings.Contains(a.header.Get("Location"), "&container=") {
		t.Fatalf("one app more: %d %s", a.status, a.body)
	}
	must[shownHost](t, e, "GET", fmt.Sprintf("%s/hosts/%d", box, made.OfficalNo), "")
	// They are orders like any other.
	orders := must[struct {
		Entries []struct{ Control struct{ Operation string } }
	}](t, e, "GET", box+"/journal?kind=control", "").Entries
	if len(orders) != 2 || orders[0].Control.Operation != "createHost" || orders[1].Control.Operation != "addContainer" {
		t.Errorf("the journal: %+v", orders)
	}
	// A member of a life before is not told of.
	must[fields](t, e, "POST", box+"/reset", "")
	if page := string(ask(e, "GET", alliance+"?new="+fmt.Sprint(made.OfficalNo), "").body); strings.Contains(page, "注册成功") {
		t.Error("the page tells of a member that is gone")
	}
}

func TestAllianceRefusals(t *testing.T) {
	e := newEmulator(t, func(o *emulator.Options) { o.BodyLimit = 1 << 20 })
	for name, c := range map[string]struct {
		form   url.Values
		status int
		says   string
	}{
		"name":       {url.Values{"name": {"星河"}}, 400, "小写字母与数字"},
		"url":        {url.Values{"url": {"javascript:alert(1)"}}, 400, "http 或 https 地址"},
		"app":        {url.Values{"app_ids": {"5"}}, 404, "已有的 app_id"},
		"apps":       {url.Values{"app_ids": {"1452365，x"}}, 400, "已有的 app_id"},
		"app's name": {url.Values{"container_name": {strings.Repeat("字", 101)}}, 400, "最长 100 个字"},
		"member":     {url.Values{"offical_no": {"5"}, "container_name": {"x"}}, 404, "没有这个联盟成员"},
		"no member":  {url.Values{"offical_no": {"x"}, "container_name": {"x"}}, 400, "没有这个联盟成员"},
	} {
		a := sendForm(e, alliance, c.form)
		text := html.UnescapeString(string(a.body))
		if a.status != c.status || !strings.Contains(text, c.says) || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %s, want %d %s", name, a.status, regexp.MustCompile(`(?s)role="alert">(.*?)<`).FindString(text), c.status, c.says)
		}
		for field, v := range c.form {
			if field != "offical_no" && c.form.Get("offical_no") == "" && !strings.Contains(text, v[0]) {
				t.Errorf("%s: the form has forgotten %s", name, field)
			}
		}
	}
	if n := len(hostsOf(t, e, "default")); n != 1 {
		t.Errorf("%d members: something was registered", n)
	}
	if a := ask(e, "POST", alliance, `{"name":"x"}`); a.status != 415 {
		t.Errorf("JSON: %d", a.status)
	}
	if a := sendForm(e, alliance, url.Values{"name": {strings.Repeat("a", 70_000)}}); a.status != 413 {
		t.Errorf("a form that is too large: %d", a.status)
	}
	if a := sendForm(e, alliance+"?sandbox=nobody", url.Values{}); a.status != 404 {
		t.Errorf("a sandbox that is not there: %d", a.status)
	}
}

// TestAllianceFromOtherSites has pages of other sites send the form with the
// rights of who looks at them.
func TestAllianceFromOtherSites(t *testing.T) {
	e := newEmulator(t, nil) // open to all, so that nothing else stands in the way
	for name, c := range map[string]struct {
		header []string
		status int
	}{
		"its own page":             {[]string{"Origin", "http://example.com", "Sec-Fetch-Site", "same-origin"}, 303},
		"its own page, old":        {[]string{"Origin", "http://example.com"}, 303},
		"no browser":               {nil, 303},
		"another site":             {[]string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403},
		"another site, old":        {[]string{"Origin", "https://evil.example"}, 403},
		"a page without an origin": {[]string{"Origin", "null"}, 403},
		"a subdomain":              {[]string{"Origin", "http://a.example.com", "Sec-Fetch-Site", "same-site"}, 403},
	} {
		a := sendForm(e, alliance, url.Values{}, c.header...) // httptest asks example.com
		if a.status != c.status {
			t.Errorf("%s: %d %s, want %d", name, a.status, a.body, c.status)
		}
	}
	if n := len(hostsOf(t, e, "default")); n != 1+3 {
		t.Errorf("%d members, want 4", n)
	}
}

// TestAllianceAccess is who sees the page where there is an admin token.
func TestAllianceAccess(t *testing.T) {
	e, err := emulator.New(t.Context(), emulator.Options{Strict: true, Clock: emulator.Clock{Mode: "virtual"}, AdminToken: "top secret"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	asks := func(method, target, user, password string) answer {
		r := httptest.NewRequest(method, target, http.NoBody)
		r.RemoteAddr = "192.0.2.1:5000"
		if method == http.MethodPost {
			r.Header.Set("Content-Type", formType)
		}
		switch user {
		case "-":
		case "bearer":
			r.Header.Set("Authorization", "Bearer "+password)
		default:
			r.SetBasicAuth(user, password)
		}
		return serve(e, r)
	}
	var one struct {
		AdminToken string `json:"admin_token"`
	}
	r := httptest.NewRequest(http.MethodPost, "/_emu/sandboxes", strings.NewReader(`{"name":"one"}`))
	r.Header.Set("Authorization", "Bearer top secret")
	r.Header.Set("Content-Type", jsonType)
	serve(e, r).into(t, &one)
	for _, c := range []struct {
		method, target, user, password string
		status                         int
	}{
		{"GET", alliance, "-", "", 401},
		{"GET", alliance, "admin", "wrong", 401},
		{"GET", alliance, "admin", "", 401},
		{"GET", alliance, "admin", "top secret", 200},
		{"GET", alliance, "", "top secret", 200},
		{"GET", alliance, "bearer", "top secret", 200},
		{"GET", alliance, "x", one.AdminToken, 401},
		{"GET", alliance + "?sandbox=one", "x", one.AdminToken, 200},
		{"GET", alliance + "?sandbox=one", "bearer", one.AdminToken, 200},
		{"POST", alliance + "?sandbox=one", "x", one.AdminToken, 303},
		{"POST", alliance, "x", one.AdminToken, 401},
		{"GET", "/_emu/sandboxes/one", "x", one.AdminToken, 401}, // the page alone takes passwords
	} {
		a := asks(c.method, c.target, c.user, c.password)
		if a.status != c.status {
			t.Errorf("%s %s as %s: %d %s, want %d", c.method, c.target, c.user, a.status, a.body, c.status)
		}
		if basic := strings.Contains(strings.Join(a.header.Values("WWW-Authenticate"), " "), "Basic"); basic != (c.status == 401 && strings.HasPrefix(c.target, alliance)) {
			t.Errorf("%s %s: challenges %q", c.method, c.target, a.header.Values("WWW-Authenticate"))
		}
		if c.user == "x" && strings.Contains(string(a.body), "default") {
			t.Errorf("%s %s: the page tells of another sandbox", c.method, c.target)
		}
	}
}
