package emulator_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

// What faults match, how they are counted, and that a restart and a second run
// change nothing about either.

// hits makes n calls and says which of them a fault hit: the code it was told,
// 0 for none.
func hits(t testing.TB, e *emulator.Emulator, n int) (codes []int) {
	t.Helper()
	token := credentials(t, e.Sandbox(emulator.DefaultSandbox)).Authorizer.AccessToken
	for range n {
		codes = append(codes, get(e, pathList, "access_token", token).code())
	}
	return codes
}

func TestFaultsAreCounted(t *testing.T) {
	limit, busy := `"on":"call","do":"rate_limit"`, `"on":"call","do":"refuse","error":"NetworkBusy"`
	for _, c := range []struct {
		faults []string
		want   []int
		after  [][2]int // matched and hits of each
	}{
		{[]string{limit}, []int{4, 0, 0}, [][2]int{{1, 1}}},
		{[]string{limit + `,"nth":3`}, []int{0, 0, 4, 0}, [][2]int{{3, 1}}},
		{[]string{limit + `,"nth":2,"times":2`}, []int{0, 4, 4, 0}, [][2]int{{3, 2}}},
		{[]string{limit + `,"nth":2,"times":-1`}, []int{0, 4, 4, 4}, [][2]int{{4, 3}}},
		// The first in order hits, all of them count.
		{[]string{limit, busy}, []int{4, 500, 0}, [][2]int{{1, 1}, {2, 1}}},
		{[]string{limit, busy + `,"nth":2`}, []int{4, 500, 0}, [][2]int{{1, 1}, {2, 1}}},
		{[]string{limit + `,"nth":2`, busy + `,"times":-1`}, []int{500, 4, 500}, [][2]int{{2, 1}, {3, 2}}},
	} {
		e := newEmulator(t, nil)
		for _, f := range c.faults {
			script(t, e, "{"+f+"}")
		}
		if got := hits(t, e, len(c.want)); !slices.Equal(got, c.want) {
			t.Errorf("%v: hit %v, want %v", c.faults, got, c.want)
		}
		for i, f := range faultsOf(t, e) {
			if got := [2]int{f.Matched, f.Hits}; got != c.after[i] || f.Spent != (f.Hits == f.Times) {
				t.Errorf("%v: %+v, want matched and hits %v", c.faults, f, c.after[i])
			}
		}
	}
}

func TestFaultsAreForgotten(t *testing.T) {
	e := newEmulator(t, nil)
	for range 3 {
		script(t, e, `{"on":"call","do":"rate_limit","times":-1}`)
	}
	if got := must[fields](t, e, "DELETE", boxFaults+"?id=2", ""); got["removed"] != 1.0 {
		t.Error(got)
	}
	if p := refused(t, e, 404, "DELETE", boxFaults+"?id=2", ""); p.Pointer != "/id" {
		t.Error(p)
	}
	if f := script(t, e, `{"on":"push","do":"drop"}`); f.ID != 4 || len(faultsOf(t, e)) != 3 {
		t.Errorf("ids are used once: %+v", faultsOf(t, e))
	}
	if got := must[fields](t, e, "DELETE", boxFaults, ""); got["removed"] != 3.0 {
		t.Error(got)
	}
	if got := hits(t, e, 1); got[0] != 0 || len(faultsOf(t, e)) != 0 {
		t.Errorf("%v %v", got, faultsOf(t, e))
	}
}

// TestFaultsOnCallsAreNarrowed says for each fault which of these calls it hits.
func TestFaultsOnCallsAreNarrowed(t *testing.T) {
	e := newEmulator(t, nil)
	c := credentials(t, e.Sandbox(emulator.DefaultSandbox))
	must[shownApp](t, e, "POST", box+"/apps", `{"app_id":42,"app_key":"key42","app_secret":"secret42"}`)
	developer := clientToken(t, e, "key42", "secret42")
	host := clientToken(t, e, c.Host.AK, c.Host.SK)
	own := func(secret string) []string {
		return []string{"grant_type", "client_credentials", "client_id", "key42", "client_secret", secret, "scope", "smartapp_snsapi_base"}
	}
	calls := map[string]func() answer{
		"list":        func() answer { return get(e, pathList, "access_token", c.Authorizer.AccessToken) },
		"tp":          func() answer { return get(e, pathPreAuth, "access_token", c.TP.AccessToken) },
		"developer":   func() answer { return get(e, pathOSSList, "access_token", developer, "app_id", "42") },
		"host":        func() answer { return get(e, pathOSSList, "access_token", host, "app_id", "42") },
		"host posts":  func() answer { return post(e, pathOSSList, "access_token", host, "app_id", "42") },
		"host, json":  func() answer { return postBody(e, pathOSSList, jsonType, `{"access_token":"`+host+`","app_id":42}`) },
		"token":       func() answer { return get(e, pathToken, own("secret42")...) },
		"token posts": func() answer { return post(e, pathToken, own("wrong")...) },
		"nobody":      func() answer { return get(e, pathList, "access_token", "wrong") },
	}
	for narrow, want := range map[string][]string{
		``:                                       slices.Sorted(maps.Keys(calls)),
		`"operation":"listPackages"`:             {"list", "nobody"},
		`"operation":"listOSSPackages"`:          {"developer", "host", "host posts", "host, json"},
		`"operation":"postOSSPackages"`:          {"host posts", "host, json"},
		`"operation":"issueAccessToken"`:         {"token", "token posts"},
		`"operation":"postAccessToken"`:          {"token posts"},
		`"app_id":42`:                            {"developer", "host", "host posts", "host, json", "token", "token posts"},
		`"app_id":1452365`:                       {"list"},
		`"app_id":42,"operation":"listPackages"`: nil,
	} {
		must[fields](t, e, "DELETE", boxFaults, "")
		script(t, e, `{"on":"call","do":"status","status":503,"times":-1`+strings.TrimSuffix(","+narrow, ",")+`}`)
		var got []string
		for _, name := range slices.Sorted(maps.Keys(calls)) {
			if calls[name]().status == 503 {
				got = append(got, name)
			}
		}
		if !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: hits %q, want %q", narrow, got, want)
		}
	}
}

// TestFaultsOnEventsAreNarrowed says for each fault which events of two
// versions, the second of which fails its audit, it drops.
func TestFaultsOnEventsAreNarrowed(t *testing.T) {
	for fault, want := range map[string]string{
		`"on":"push"`: "PASS FAIL",
		`"on":"push","event":"PACKAGE_AUDIT_FAIL"`:                           "FAIL",
		`"on":"push","transition":"audit_pass"`:                              "PASS",
		`"on":"push","transition":"audit_pass","event":"PACKAGE_AUDIT_FAIL"`: "",
		`"on":"push","app_id":1452365`:                                       "PASS FAIL",
		`"on":"push","app_id":42`:                                            "",
		`"on":"kafka"`:                                                       "8×CHANGED",
		`"on":"kafka","event":"PACKAGE_CHANGED"`:                             "8×CHANGED",
		`"on":"kafka","event":"APP_CHANGED"`:                                 "",
		`"on":"kafka","transition":"upload_done"`:                            "2×CHANGED",
		`"on":"kafka","transition":"audit_fail"`:                             "1×CHANGED",
		`"on":"kafka","app_id":1452365,"nth":3`:                              "6×CHANGED",
	} {
		st := newStage(t, true)
		must[shownApp](t, st.e, "POST", box+"/apps", `{"app_id":42}`)
		must[fields](t, st.e, "POST", box+"/decisions", `{"kind":"audit","result":"fail","version":"2"}`)
		script(t, st.e, `{"do":"drop","times":-1,`+fault+`}`)
		st.version("1")
		id := approve(t, st.e, st.c, "2")
		post(st.e, pathSubmit, "access_token", st.c.Authorizer.AccessToken, "package_id", id, "content", "x")
		var got []string
		n := 0
		for _, d := range deliveries(t, st.e, "?status=failed") {
			if d.Channel == "kafka" {
				n++
				continue
			}
			got = append(got, strings.TrimPrefix(d.Name, "PACKAGE_AUDIT_"))
		}
		if n > 0 {
			got = append(got, fmt.Sprintf("%d×CHANGED", n))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: dropped %v, want %s", fault, got, want)
		}
	}
}

// TestSandboxesHaveFaultsOfTheirOwn faults one sandbox and asks another.
func TestSandboxesHaveFaultsOfTheirOwn(t *testing.T) {
	e := newEmulator(t, nil)
	c := must[emulator.Credentials](t, e, "POST", "/_emu/sandboxes", `{"name":"other"}`)
	script(t, e, `{"on":"call","do":"rate_limit","times":-1}`)
	if a := get(e, pathList, "access_token", c.Authorizer.AccessToken); a.code() != 0 {
		t.Errorf("another's fault: %s", a.body)
	}
	if got := hits(t, e, 1); got[0] != 4 {
		t.Error(got)
	}
}

// lengths makes n calls with a latency and returns how long each took.
func lengths(t testing.TB, seed uint64, distribution string, n int) (out []time.Duration) {
	t.Helper()
	e := newEmulator(t, func(o *emulator.Options) { o.Seed = seed })
	s := e.Sandbox(emulator.DefaultSandbox)
	token := credentials(t, s).Authorizer.AccessToken
	script(t, e, `{"on":"call","do":"latency","times":-1,"delay":"1s","delay_max":"11s"`+distribution+`}`)
	for range n {
		began := s.Now()
		if a := get(e, pathList, "access_token", token); a.code() != 0 {
			t.Fatal(string(a.body))
		}
		out = append(out, s.Now().Sub(began))
	}
	return out
}

func TestLatenciesAreDrawn(t *testing.T) {
	const n = 300
	for distribution, mean := range map[string][2]time.Duration{ // from, to
		``:                              {5 * time.Second, 7 * time.Second},
		`,"distribution":"uniform"`:     {5 * time.Second, 7 * time.Second},
		`,"distribution":"normal"`:      {5500 * time.Millisecond, 6500 * time.Millisecond},
		`,"distribution":"exponential"`: {2 * time.Second, 4 * time.Second},
	} {
		got := lengths(t, 7, distribution, n)
		if !slices.Equal(got, lengths(t, 7, distribution, n)) {
			t.Errorf("%s: the same seed gives other lengths", distribution)
		}
		if slices.Equal(got, lengths(t, 8, distribution, n)) {
			t.Errorf("%s: another seed gives the same lengths", distribution)
		}
		var sum time.Duration
		near := 0
		for _, d := range got {
			sum += d
			if d < time.Second || d > 11*time.Second {
				t.Errorf("%s: %v is out of bounds", distribution, d)
			}
			if d > 4*time.Second && d < 8*time.Second {
				near++
			}
		}
		if got := sum / n; got < mean[0] || got > mean[1] {
			t.Errorf("%s: mean %v, want %v", distribution, got, mean)
		}
		// Within 1.2 standard deviations of the normal one, 77 of 100.
		if strings.Contains(distribution, "normal") != (near > n*6/10) {
			t.Errorf("%s: %d of %d near the middle", distribution, near, n)
		}
	}
}

func TestFaultsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	e, _ := open(t, dir, nil)
	c := credentials(t, e.Sandbox(emulator.DefaultSandbox))
	script(t, e, `{"on":"call","do":"rate_limit","operation":"listPackages","nth":2,"times":2}`)
	script(t, e, `{"on":"call","do":"refuse","error":"NetworkBusy","operation":"uploadPackage","nth":3}`)
	script(t, e, `{"on":"call","do":"refuse","error":"NetworkBusy","operation":"releasePackage","applied":true}`)
	script(t, e, `{"on":"push","do":"timeout"}`)
	script(t, e, `{"on":"push","do":"delay","delay":"1h","delay_max":"9h","nth":2}`)
	script(t, e, `{"on":"kafka","do":"reorder","delay":"1h"}`)
	if got := hits(t, e, 2); !slices.Equal(got, []int{0, 4}) {
		t.Fatal(got)
	}
	for i, name := range []string{"1", "2"} {
		id := approve(t, e, c, name)
		if a := post(e, pathRelease, "access_token", c.Authorizer.AccessToken, "package_id", id); a.code() != 500*(1-i) {
			t.Fatalf("release %s: %s", name, a.body)
		}
	}
	if a := post(e, pathUpload, "access_token", c.Authorizer.AccessToken, "template_id", "1", "ext_json", "{}", "user_version", "3", "user_desc", "x"); a.code() != 500 {
		t.Fatal(string(a.body))
	}
	script(t, e, `{"on":"kafka","do":"reorder","delay":"2h"}`)
	upload(t, e, c.Authorizer.AccessToken, "3")
	advance(t, e.Sandbox(emulator.DefaultSandbox), 3*time.Second) // the notice is held back
	before := state(t, e)
	if before["held"] == nil {
		t.Errorf("nothing is held back: %v", before["faults"])
	}

	again, _ := open(t, killed(t, dir), nil)
	if diff := cmp.Diff(before, state(t, again)); diff != "" {
		t.Fatalf("after a kill (-before +after):\n%s", diff)
	}
	for _, e := range []*emulator.Emulator{e, again} {
		if got := hits(t, e, 2); !slices.Equal(got, []int{4, 0}) {
			t.Errorf("the fault goes on with %v", got)
		}
		advance(t, e.Sandbox(emulator.DefaultSandbox), 10*time.Hour)
		for _, d := range deliveries(t, e, "") {
			if d.Status != "delivered" {
				t.Errorf("%+v", d)
			}
		}
	}
	if diff := cmp.Diff(state(t, e), state(t, again)); diff != "" {
		t.Errorf("ten hours later (-never ended +restarted):\n%s", diff)
	}
}

// TestJournalsWithFaultsRepeat runs the same twice, with faults of every kind.
func TestJournalsWithFaultsRepeat(t *testing.T) {
	run := func(seed uint64) []string {
		broker := &recorder{}
		e := newEmulator(t, func(o *emulator.Options) { o.Broker, o.Seed = broker, seed })
		server := newServer(t, e)
		c := credentials(t, e.Sandbox(emulator.DefaultSandbox))
		for _, f := range []string{
			`"on":"call","do":"latency","delay":"1s","delay_max":"9s","times":5`, `"on":"call","do":"status","status":502,"nth":9`,
			`"on":"call","do":"malformed","nth":7`, `"on":"call","do":"truncate","nth":8`, `"on":"call","do":"reset","nth":12,"applied":true`,
			`"on":"push","do":"timeout","times":2`, `"on":"push","do":"delay","delay":"1s","delay_max":"40s","nth":2`,
			`"on":"push","do":"reorder","nth":4`, `"on":"push","do":"wrong_signature","nth":5`,
			`"on":"kafka","do":"drop"`, `"on":"kafka","do":"duplicate","nth":3`, `"on":"kafka","do":"reorder","nth":4`,
			`"on":"kafka","do":"delay","delay":"1m","delay_max":"2m","distribution":"normal","nth":7`,
		} {
			script(t, e, "{"+f+"}")
		}
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		for i := range 30 {
			id := fmt.Sprint(55001 + i/3)
			form := values([]string{
				"access_token", c.Authorizer.AccessToken, "package_id", id, "content", "x",
				"template_id", "1", "ext_json", "{}", "user_version", id, "user_desc", "x",
			})
			path := []string{pathUpload, pathSubmit, pathRelease}[i%3]
			if res, err := client.PostForm(server.URL+path, form); err == nil {
				_ = res.Body.Close()
			}
			advance(t, e.Sandbox(emulator.DefaultSandbox), 10*time.Second)
		}
		return entries(t, e.Sandbox(emulator.DefaultSandbox))
	}
	first := run(3)
	if diff := cmp.Diff(first, run(3)); diff != "" {
		t.Errorf("the same again (-first +second):\n%s", diff)
	}
	if slices.Equal(first, run(4)) {
		t.Error("another seed, the same journal")
	}
	var kinds []string
	for _, entry := range first {
		if _, rest, ok := strings.Cut(entry, `"kind":"fault"`); ok {
			_, rest, _ = strings.Cut(rest, `"do":"`)
			do, _, _ := strings.Cut(rest, `"`)
			kinds = append(kinds, do)
		}
	}
	slices.Sort(kinds)
	want := []string{"delay", "drop", "duplicate", "latency", "malformed", "reorder", "reset", "status", "timeout", "truncate", "wrong_signature"}
	if got := slices.Compact(kinds); !slices.Equal(got, want) {
		t.Errorf("faults in the journal: %v, want %v", got, want)
	}
}
