package contracttest_test

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/contracttest"
)

// watched shows an observer what goes by.
type watched struct {
	next http.RoundTripper
	see  func(contracttest.Exchange)
}

func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	x := contracttest.Exchange{Method: r.Method, URL: r.URL.String(), Header: r.Header, Started: time.Now()}
	if r.Body != nil {
		x.Body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(x.Body))
	}
	res, err := w.next.RoundTrip(r)
	if err != nil {
		x.Fault, x.Duration, x.BodySize = contracttest.BrokenOff, time.Since(x.Started), int64(len(x.Body))
		w.see(x)
		return nil, err
	}
	x.Answer, err = io.ReadAll(res.Body)
	if err != nil {
		x.Fault = contracttest.BrokenOff
	}
	res.Body = io.NopCloser(bytes.NewReader(x.Answer))
	x.Status, x.AnswerHeader, x.Duration = res.StatusCode, res.Header, time.Since(x.Started)
	x.BodySize, x.AnswerSize = int64(len(x.Body)), int64(len(x.Answer))
	w.see(x)
	return res, err
}

func observer(t *testing.T, o contracttest.ObserverOptions) *contracttest.Observer {
	t.Helper()
	out, err := contracttest.NewObserver(o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestObserverOfTheSuite watches the suite, which sends everything that is
// wrong, at an emulator, which answers as it must: no finding is about the
// server, and the exchanges that the suite itself tells are judged alike.
func TestObserverOfTheSuite(t *testing.T) {
	e := open(t, 1)
	live := observer(t, contracttest.ObserverOptions{Undocumented: true})
	told := observer(t, contracttest.ObserverOptions{Undocumented: true, Redacted: true})
	target := e.target
	target.Transport = watched{target.Transport, func(x contracttest.Exchange) { live.Observe(x) }}
	var secrets []string
	for _, s := range []string{
		target.Credentials.Host.Secret, target.Credentials.Developer.Secret, target.Credentials.TP.EncodingAESKey,
		target.Credentials.TP.Ticket, target.Credentials.TP.SignToken, target.Credentials.Authorizer.AccessToken,
	} {
		if s != "" {
			secrets = append(secrets, s)
		}
	}
	exchanges := 0
	r, err := contracttest.Verify(t.Context(), target, contracttest.Options{
		Mode: contracttest.Destructive,
		Observe: func(x contracttest.Exchange) {
			exchanges++
			if x.Operation == "" || x.Check == "" || x.Case == "" || x.Outcome == "" || x.Started.IsZero() || x.Method == "" {
				t.Fatalf("something is not told: %+v", x)
			}
			for _, text := range []string{x.URL, string(x.Body), string(x.Answer)} {
				if i := slices.IndexFunc(secrets, func(s string) bool { return strings.Contains(text, s) }); i >= 0 {
					t.Fatalf("a secret is told: %s", text)
				}
			}
			told.Observe(x)
		},
	})
	if err != nil || r.Err() != nil {
		t.Fatal(err, r.Err())
	}
	if exchanges < r.Requests {
		t.Errorf("%d of %d exchanges were told", exchanges, r.Requests)
	}
	for how, o := range map[string]*contracttest.Observer{"live": live, "told": told} {
		report := o.Report()
		seen := map[string]int{}
		for _, c := range report.Causes {
			seen[c.Check] += c.Count
			if c.Side != contracttest.ClientSide {
				t.Errorf("%s: a finding about a server that is right: %+v", how, c.Finding)
			}
		}
		for _, check := range []string{"request.path", "request.valid", "request.token", "traffic.parameter"} {
			if seen[check] == 0 {
				t.Errorf("%s: the suite sends what %s looks for, and nothing was found", how, check)
			}
		}
		for _, c := range contracttest.Checks() {
			watchable := c.Traffic && c.ID != "request.path" || strings.HasPrefix(c.ID, "response.") || c.ID == "list.slots" || c.ID == "list.ids"
			if watchable && report.Asked[c.ID] == 0 {
				t.Errorf("%s: check %s was never put", how, c.ID)
			}
		}
		if unseen := o.Unseen(); len(unseen) > 0 {
			t.Errorf("%s: not seen: %v", how, unseen)
		}
		if o.Dropped() > 0 {
			t.Errorf("%s: %d findings were dropped", how, o.Dropped())
		}
	}
}

// at is a time of the traffic, in milliseconds.
func at(ms int) time.Time { return time.Date(2026, 1, 5, 1, 0, 0, ms*1e6+1, time.UTC) }

const (
	listURL    = "http://127.0.0.1:8080/rest/2.0/smartapp/package/get?access_token=45.00000000000000000000000000000001"
	releaseURL = "http://127.0.0.1:8080/rest/2.0/smartapp/package/release?access_token=45.00000000000000000000000000000001"
)

// get is an exchange that is in order but for what a case changes.
func get(url, answer string) contracttest.Exchange {
	return contracttest.Exchange{
		Method: "GET", URL: url, Header: http.Header{}, Started: at(0), Duration: time.Millisecond,
		Status: 200, AnswerHeader: http.Header{"Content-Type": {"application/json"}},
		Answer: []byte(answer), AnswerSize: int64(len(answer)),
	}
}

// post is get with a form.
func post(url, form, answer string) contracttest.Exchange {
	x := get(url, answer)
	x.Method, x.Body, x.BodySize = "POST", []byte(form), int64(len(form))
	x.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return x
}

// list is the answer with a list of packages: id:status:version.
func list(rows ...string) string {
	var out []string
	for _, r := range rows {
		f := strings.Split(r, ":")
		out = append(out, `{"package_id":`+f[0]+`,"status":`+f[1]+`,"version":"`+f[2]+`","version_desc":"x","commit_time":"2026/01/05 09:00:00","remark":"","msg":"","committer":"--"}`)
	}
	return `{"errno":0,"msg":"success","data":[` + strings.Join(out, ",") + `]}`
}

// only are the findings as check side message.
func only(findings []contracttest.Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, f.Check+" "+f.Message)
	}
	return out
}

// TestObserve judges one exchange each.
func TestObserve(t *testing.T) {
	const done = `{"errno":0,"msg":"success"}`
	const invalid = `{"errno":40001,"msg":"参数错误"}`
	with := func(x contracttest.Exchange, change func(*contracttest.Exchange)) contracttest.Exchange {
		change(&x)
		return x
	}
	for name, test := range map[string]struct {
		x         contracttest.Exchange
		operation string
		outcome   contracttest.Outcome
		want      []string
	}{
		"in order":            {post(releaseURL, "package_id=1", done), "releasePackage", contracttest.Accepted, nil},
		"refused for a state": {post(releaseURL, "package_id=1", invalid), "releasePackage", contracttest.Refused, nil},
		"unknown path": {
			get("http://127.0.0.1:8080/rest/2.0/smartapp/package/relaese", `<html>`), "", contracttest.Accepted,
			[]string{"request.path client: a path that the contract does not have"},
		},
		"method, refused": {
			get(releaseURL, `{"errno":501,"msg":"请求方式不支持"}`), "", contracttest.Refused,
			[]string{"request.path client: a method that the path does not have"},
		},
		"method, accepted": {
			get(releaseURL, done), "", contracttest.Accepted,
			[]string{"request.path client: a method that the path does not have", "request.accepted server: a method that the path does not have is accepted"},
		},
		"a browser asks": {
			with(get(releaseURL, ""), func(x *contracttest.Exchange) {
				x.Method = "OPTIONS"
				x.Header.Set("Access-Control-Request-Method", "POST")
			}), "", contracttest.Accepted, nil,
		},
		"invalid, refused": {
			post(releaseURL, "", invalid), "releasePackage", contracttest.Refused,
			[]string{"request.valid client: the request breaks the contract: /package_id is missing"},
		},
		"invalid, accepted": {
			post(releaseURL, "package_id=x", done), "releasePackage", contracttest.Accepted,
			[]string{
				"request.valid client: the request breaks the contract: /package_id is not of type integer",
				"request.accepted server: an invalid request is accepted: /package_id is not of type integer",
			},
		},
		"no token, refused": {
			post("/rest/2.0/smartapp/package/release", "package_id=1", `{"error_code":110,"error_msg":"Access token invalid or no longer valid"}`),
			"releasePackage", contracttest.Unauthenticated,
			[]string{"request.token client: the call carries no token"},
		},
		"no token, accepted": {
			post("/rest/2.0/smartapp/package/release", "package_id=1", done), "releasePackage", contracttest.Accepted,
			[]string{"request.token client: the call carries no token", "request.accepted server: a call without a token is accepted"},
		},
		"valid, refused for its type": {
			post(releaseURL, "package_id=1", `{"errno":41000,"msg":"参数类型错误"}`), "releasePackage", contracttest.Refused,
			[]string{"request.refused server: a request that the contract has nothing against is refused for its form"},
		},
		"nothing given, refused as invalid": {
			get(listURL, invalid), "listPackages", contracttest.Refused,
			[]string{"request.refused server: a request that the contract has nothing against is refused for its form"},
		},
		"a rule that no schema says": {
			post("/rest/2.0/smartapp/auth/retrieve/authorizationcode?access_token=42.x", "app_id=1", invalid), "retrieveAuthorizationCode", contracttest.Refused, nil,
		},
		"an error of another operation": {
			get(listURL, `{"errno":69005,"msg":"包不存在"}`), "listPackages", contracttest.Refused,
			[]string{"response.envelope server: the error is none that this operation may answer"},
		},
		"a member too many": {
			get(listURL, `{"errno":0,"msg":"success","data":[],"more":1}`), "listPackages", contracttest.Accepted,
			[]string{"response.schema server: /more is unknown"},
		},
		"half an answer": {
			get(listURL, `{"errno":0,"msg":"succ`), "listPackages", contracttest.Accepted,
			[]string{"response.json server: the body is not one whole JSON value"},
		},
		"a status": {
			with(get(listURL, list()), func(x *contracttest.Exchange) { x.Status = 201 }), "listPackages", contracttest.Accepted,
			[]string{"response.status server: the operation does not declare this HTTP status"},
		},
		"a host that answers below a member": {
			post("/ma/open/data", "huid=1&data="+url.QueryEscape(`{"open":{"app_key":"k"}}`), `{"swanappdemo":{"errno":"401","errmsg":"登录信息异常","request_id":"1"}}`),
			"getHostOpenData", contracttest.Unauthenticated, nil,
		},
		"a host whose answer has no errno anywhere": {
			post("/ma/open/data", "huid=1&data="+url.QueryEscape(`{"open":{"app_key":"k"}}`), `{"swanappdemo":{}}`), "getHostOpenData", contracttest.Accepted,
			[]string{"host.envelope server: a member of the envelope is no text", "host.envelope server: a member of the envelope is no text"},
		},
		"two online": {
			get(listURL, list("1:1:1.0.0", "2:1:1.0.1")), "listPackages", contracttest.Accepted,
			[]string{"list.slots server: two packages are in the same place of the lifecycle"},
		},
		"its token comes back": {
			get(listURL, `{"errno":40007,"msg":"无TP操作权限 45.00000000000000000000000000000001"}`), "listPackages", contracttest.Refused,
			[]string{"response.secrets server: the answer repeats a secret"},
		},
		"the server breaks off": {
			with(get(listURL, `{`), func(x *contracttest.Exchange) { x.Fault = contracttest.BrokenOff }), "listPackages", contracttest.Crashed,
			[]string{"response.delivered server: the request was not answered, or with a fault of the server"},
		},
		"throttled": {
			with(get(listURL, `slow down`), func(x *contracttest.Exchange) { x.Status = 429 }), "listPackages", contracttest.Throttled, nil,
		},
		"the server says that it is at fault": {
			get(listURL, `{"errno":1000,"msg":"系统错误"}`), "listPackages", contracttest.Crashed,
			[]string{"response.delivered server: the request was not answered, or with a fault of the server"},
		},
		"the client gives up":       {with(get(listURL, `{`), func(x *contracttest.Exchange) { x.Fault = contracttest.GivenUp }), "listPackages", contracttest.Crashed, nil},
		"the server is not reached": {with(get(listURL, ``), func(x *contracttest.Exchange) { x.Fault = contracttest.NotReached }), "listPackages", contracttest.Crashed, nil},
		"half of it was kept":       {with(get(listURL, `{"errno":0`), func(x *contracttest.Exchange) { x.AnswerSize = 5 << 20 }), "listPackages", contracttest.Accepted, nil},
		"half a request was kept":   {with(post(releaseURL, `pack`, done), func(x *contracttest.Exchange) { x.BodySize = 5 << 20 }), "releasePackage", contracttest.Accepted, nil},
		"HEAD":                      {with(get(listURL, ``), func(x *contracttest.Exchange) { x.Method = "HEAD" }), "listPackages", contracttest.Accepted, nil},
	} {
		t.Run(name, func(t *testing.T) {
			o := observer(t, contracttest.ObserverOptions{})
			seen := o.Observe(test.x)
			if got := only(seen.Findings); !slices.Equal(got, test.want) {
				t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			if seen.Operation != test.operation || cmp.Or(test.x.Fault, "") == "" && seen.Outcome != test.outcome && test.x.AnswerSize == int64(len(test.x.Answer)) {
				t.Errorf("%s, %s; want %s, %s", seen.Operation, seen.Outcome, test.operation, test.outcome)
			}
			if len(seen.New) != len(seen.Findings) || len(o.Observe(test.x).New) != 0 {
				t.Error("a cause is new once")
			}
			for _, f := range seen.Findings {
				if f.Side == "" || f.SpecPointer == "" || len(f.Curl) == 0 || !strings.HasPrefix(f.Message, string(f.Side)+": ") {
					t.Errorf("something is not said: %+v", f)
				}
				if text := strings.Join(append(f.Curl, f.Message, f.Actual), "\n"); strings.Contains(text, "0000001") {
					t.Errorf("a secret is told: %s", text)
				}
			}
		})
	}
}

// TestObservePackages follows packages from list to list.
func TestObservePackages(t *testing.T) {
	type step struct {
		ms  int // when the list was asked for; a list takes a millisecond
		url string
		row []string
	}
	const other = "http://127.0.0.1:8080/rest/2.0/smartapp/package/get?access_token=45.00000000000000000000000000000002"
	const jump = "traffic.lifecycle server: a package is in a state that no step leads to from where it was"
	for name, test := range map[string]struct {
		steps []step
		want  []string
	}{
		"as it should be":             {[]step{{0, listURL, []string{"1:3:1.0.0"}}, {10, listURL, []string{"1:4:1.0.0"}}, {20, listURL, []string{"1:6:1.0.0"}}, {30, listURL, []string{"1:1:1.0.0"}}}, nil},
		"two steps between two lists": {[]step{{0, listURL, []string{"1:3:1.0.0"}}, {10, listURL, []string{"1:1:1.0.0"}}}, nil},
		"back from online":            {[]step{{0, listURL, []string{"1:1:1.0.0"}}, {10, listURL, []string{"1:3:1.0.0"}}}, []string{jump}},
		"it says so once, and goes on from there": {
			[]step{{0, listURL, []string{"1:1:1.0.0"}}, {10, listURL, []string{"1:3:1.0.0"}}, {20, listURL, []string{"1:4:1.0.0"}}}, []string{jump},
		},
		"replaced and there again": {
			[]step{{0, listURL, []string{"1:3:1.0.0"}}, {10, listURL, []string{"2:3:1.0.1"}}, {20, listURL, []string{"1:3:1.0.0", "3:6:1.0.2"}}}, []string{jump},
		},
		"superseded and restored": {
			[]step{{0, listURL, []string{"1:1:1.0.0"}}, {10, listURL, []string{"2:1:1.0.1"}}, {20, listURL, []string{"2:8:1.0.1"}}, {30, listURL, []string{"1:1:1.0.0"}}}, nil,
		},
		"another version": {
			[]step{{0, listURL, []string{"1:3:1.0.0"}}, {10, listURL, []string{"1:3:1.0.1"}}}, []string{"traffic.ids server: a package_id stands for another package than before"},
		},
		"of another app": {[]step{{0, listURL, []string{"1:1:1.0.0"}}, {10, other, []string{"1:3:1.0.1"}}}, nil},
		// Two lists at one time: nobody knows which one is the older.
		"at one time":            {[]step{{0, listURL, []string{"1:1:1.0.0"}}, {0, listURL, []string{"1:6:1.0.0"}}, {10, listURL, []string{"1:1:1.0.0"}}}, nil},
		"at one time, and after": {[]step{{0, listURL, []string{"1:1:1.0.0"}}, {0, listURL, []string{"1:6:1.0.0"}}, {10, listURL, []string{"1:4:1.0.0"}}}, []string{jump}},
		"gone at one time":       {[]step{{0, listURL, []string{"1:3:1.0.0"}}, {0, listURL, nil}, {10, listURL, []string{"1:3:1.0.0"}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			o := observer(t, contracttest.ObserverOptions{})
			var got []string
			for _, s := range test.steps {
				x := get(s.url, list(s.row...))
				x.Started = at(s.ms)
				got = append(got, only(o.Observe(x).Findings)...)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// TestObserveTokens follows an app over a refreshed token, and lets go of what
// it knew when it is told to.
func TestObserveTokens(t *testing.T) {
	const exchangeURL = "http://127.0.0.1:8080/rest/2.0/oauth/token?access_token=42.x&grant_type=app_to_tp_refresh_token&refresh_token="
	for _, forget := range []bool{false, true} {
		o := observer(t, contracttest.ObserverOptions{})
		var got []string
		see := func(ms int, x contracttest.Exchange) {
			x.Started = at(ms)
			got = append(got, only(o.Observe(x).Findings)...)
		}
		see(0, get(exchangeURL+"46.first", `{"access_token":"45.one","refresh_token":"46.second","expires_in":3600}`))
		see(10, get(strings.Replace(listURL, "45.00000000000000000000000000000001", "45.one", 1), list("1:1:1.0.0")))
		see(20, get(exchangeURL+"46.second", `{"access_token":"45.two","refresh_token":"46.third","expires_in":3600}`))
		if forget {
			o.Forget()
		}
		see(30, get(strings.Replace(listURL, "45.00000000000000000000000000000001", "45.two", 1), list("1:3:1.0.0")))
		if want := 1; !forget && len(got) != want || forget && len(got) != 0 {
			t.Errorf("forgotten %v: %v", forget, got)
		}
	}
}

// TestObserverHides looks for secrets in what an observer tells.
func TestObserverHides(t *testing.T) {
	o := observer(t, contracttest.ObserverOptions{})
	x := post(releaseURL+"&x=1", "package_id=abc&client_secret=s3&remark="+
		`{"password":"hunter2"}`, `{"errno":0,"msg":"success","session_key":"abcdef","note":"45.00000000000000000000000000000001"}`)
	x.Header.Set("Authorization", "Bearer q1w2e3r4")
	x.AnswerHeader.Set("Set-Cookie", "BDUSS=q1w2e3r4")
	seen := o.Observe(x)
	y := seen.Exchange()
	var text bytes.Buffer
	if err := o.Report().WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{y.URL, string(y.Body), string(y.Answer), y.Header.Get("Authorization"), y.AnswerHeader.Get("Set-Cookie"), text.String()} {
		for _, secret := range []string{"0000001", "s3&", "hunter2", "abcdef", "q1w2e3r4"} {
			if strings.Contains(part, secret) {
				t.Errorf("%s in %s", secret, part)
			}
		}
	}
	if want := strings.Replace(releaseURL, "45.00000000000000000000000000000001", "$ACCESS_TOKEN", 1) + "&x=1"; y.URL != want {
		t.Errorf("the URL is %s", y.URL)
	}
	if string(x.Body) == string(y.Body) || !strings.Contains(string(x.Body), "s3") {
		t.Error("the exchange itself was changed")
	}
	// What the contract does not know may hold anything.
	unknown := get("http://127.0.0.1:8080/a/0123456789?x=y", `{"x":"y"}`)
	y = o.Observe(unknown).Exchange()
	if y.URL != "http://127.0.0.1:8080/a/$SEGMENT?x=$X" || y.Answer != nil || len(y.Notes) != 1 {
		t.Errorf("%s %s %v", y.URL, y.Answer, y.Notes)
	}
}

// TestObserverKeepsApart gives different secrets different names, so that what
// was recorded can still be told apart.
func TestObserverKeepsApart(t *testing.T) {
	o := observer(t, contracttest.ObserverOptions{})
	var urls []string
	for _, token := range []string{"45.firsttoken", "45.secondtoken", "45.firsttoken"} {
		urls = append(urls, o.Observe(get("/rest/2.0/smartapp/package/get?access_token="+token, list())).Exchange().URL)
	}
	if urls[0] != urls[2] || urls[0] == urls[1] {
		t.Errorf("%v", urls)
	}
	// A script to do it again by has the same names.
	f := o.Observe(get("/rest/2.0/smartapp/package/get?access_token=45.secondtoken", `{}`)).Findings[0]
	if want := `curl -sS '/rest/2.0/smartapp/package/get?access_token=$ACCESS_TOKEN_2'`; f.Curl[0] != want {
		t.Errorf("%s\nwant %s", f.Curl[0], want)
	}
	// What is ignored is not counted.
	o = observer(t, contracttest.ObserverOptions{Ignore: []string{"/_emu/"}, Base: "/base"})
	if seen := o.Observe(get("http://h.example/base/_emu/ready", `{}`)); !seen.Ignored || o.Report().Requests != 0 {
		t.Errorf("%+v", seen)
	}
}

// TestObserverOptions looks at what is asked of an observer.
func TestObserverOptions(t *testing.T) {
	if _, err := contracttest.NewObserver(contracttest.ObserverOptions{Side: "both"}); err == nil {
		t.Error("a side that there is not is no error")
	}
	if _, err := contracttest.NewObserver(contracttest.ObserverOptions{Spec: []byte("x")}); err == nil {
		t.Error("a contract that is none is no error")
	}
	bad := post(releaseURL, "package_id=x", `{"errno":0,"msg":"success"}`)
	for side, want := range map[contracttest.Side]int{"": 2, contracttest.ClientSide: 1, contracttest.ServerSide: 1} {
		if got := observer(t, contracttest.ObserverOptions{Side: side}).Observe(bad).Findings; len(got) != want {
			t.Errorf("side %q: %v", side, only(got))
		}
	}
	// A known deviation is no finding to act on.
	o := observer(t, contracttest.ObserverOptions{Known: []contracttest.Deviation{{Check: "request.accepted", Reason: "x"}, {Check: "request.valid", Reason: "y"}}})
	if seen := o.Observe(bad); len(seen.New) != 0 || o.Report().Err() != nil || len(o.Report().Known) != 2 {
		t.Errorf("new %v, error %v", only(seen.New), o.Report().Err())
	}
	// The server may have the contract's paths below another one.
	o = observer(t, contracttest.ObserverOptions{Base: "/proxy"})
	if seen := o.Observe(get("http://h.example/proxy/rest/2.0/smartapp/package/get?access_token=x", list())); seen.Operation != "listPackages" {
		t.Errorf("below a base: %q", seen.Operation)
	}
	// Nothing seen is no success.
	if err := observer(t, contracttest.ObserverOptions{}).Report().Err(); err == nil {
		t.Error("a report of nothing is a success")
	}
}

// TestObserverRedacted takes names for the secrets that they stand for.
func TestObserverRedacted(t *testing.T) {
	x := get("/rest/2.0/oauth/token?access_token=$ACCESS_TOKEN&grant_type=app_to_tp_refresh_token&refresh_token=$REFRESH_TOKEN",
		`{"access_token":"$ACCESS_TOKEN_2","refresh_token":"$REFRESH_TOKEN","expires_in":3600}`)
	if seen := observer(t, contracttest.ObserverOptions{Redacted: true}).Observe(x); len(seen.Findings) > 0 {
		t.Errorf("found %v", only(seen.Findings))
	}
	if seen := observer(t, contracttest.ObserverOptions{}).Observe(x); len(seen.Findings) == 0 {
		t.Error("a client that sends the name of a variable is in order")
	}
}

// TestObserverForeign holds traffic against a contract that is not the
// platform's.
func TestObserverForeign(t *testing.T) {
	const document = `{"openapi":"3.0.3","info":{"title":"x","version":"1"},
"components":{"securitySchemes":{"key":{"type":"apiKey","in":"header","name":"X-Key"}}},
"paths":{"/pets/{id}":{"get":{"operationId":"getPet","security":[{"key":[]}],
"parameters":[{"name":"id","in":"path","required":true,"schema":{"type":"integer"}},{"name":"limit","in":"query","schema":{"type":"integer","maximum":9}}],
"responses":{"200":{"description":"x","content":{"application/json":{"schema":{"type":"object","required":["id"],"properties":{"id":{"type":"integer"}}}}}},
"400":{"description":"x"}}}}}}`
	o := observer(t, contracttest.ObserverOptions{Spec: []byte(document), Undocumented: true})
	good := get("/pets/1?limit=1", `{"id":1}`)
	good.Header.Set("X-Key", "0123456789")
	if seen := o.Observe(good); len(seen.Findings) > 0 || seen.Operation != "getPet" {
		t.Errorf("%s: found %v", seen.Operation, only(seen.Findings))
	}
	bad := get("/pets/x?limit=10&more=1", `{"id":"1","extra":{}}`)
	want := []string{
		"request.valid client: the request breaks the contract: /path/id is not of type integer",
		"request.valid client: the request breaks the contract: /query/limit is more than the most allowed: 9",
		"request.token client: the call carries no token",
		"request.accepted server: an invalid request is accepted: /path/id is not of type integer",
		"response.schema server: /id is not of type integer",
		"traffic.parameter client: a parameter that the contract does not have: more",
		"traffic.field server: a member that the contract does not describe: /extra",
	}
	if got := only(o.Observe(bad).Findings); !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestObserverBounds shows an observer more than it can keep.
func TestObserverBounds(t *testing.T) {
	o := observer(t, contracttest.ObserverOptions{Undocumented: true})
	const n = 3000
	for i := range n {
		text := strconv.Itoa(i)
		o.Observe(get("/rest/2.0/smartapp/package/get?access_token=45.token"+text+"&p"+text+"=1", list()))
	}
	r := o.Report()
	if len(r.Causes) > 2000 || o.Dropped() != n-len(r.Causes) || r.Requests != n {
		t.Errorf("%d causes, %d dropped, %d requests", len(r.Causes), o.Dropped(), r.Requests)
	}
}
