package emulator_test

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
)

// swanIDs are what an app knows users and devices as, by who they are.
func swanIDs(t testing.TB, e *emulator.Emulator, app int64) map[string]string {
	t.Helper()
	out := map[string]string{}
	collect := func(list, who string) {
		for _, one := range must[map[string][]fields](t, e, "GET", box+"/"+list, "")[list] {
			for _, known := range one["apps"].([]any) {
				if known := known.(fields); known["app_id"] == float64(app) {
					name := one[who]
					if number, ok := name.(float64); ok {
						name = int64(number)
					}
					out[fmt.Sprint(name)] = known["swanid"].(string)
				}
			}
		}
	}
	collect("users", "huid")
	collect("devices", "cuid")
	return out
}

// TestSwanIDRules are the three rules of seed 004 and the two of seed 003.
func TestSwanIDRules(t *testing.T) {
	e := newEmulator(t, nil)
	mine, sister, stranger := int64(firstApp), int64(secondApp), int64(thirdApp)
	newDeveloper(t, e, sister, "")
	newDeveloper(t, e, stranger, `,"developer":"另一家"`)
	must[fields](t, e, "POST", box+"/users", `{"huid":7}`)
	must[fields](t, e, "POST", box+"/devices", `{"cuid":"tablet","platform":"ios"}`)
	must[fields](t, e, "POST", box+"/devices", `{"cuid":"phone"}`)
	own, sisters, strangers := swanIDs(t, e, mine), swanIDs(t, e, sister), swanIDs(t, e, stranger)
	for who, id := range own {
		if id == "" || len(id) > 100 || sisters[who] != id {
			t.Errorf("%s is %q in one app and %q in another of the same developer", who, id, sisters[who])
		}
		if strangers[who] == id {
			t.Errorf("%s is %q for another developer too", who, id)
		}
	}
	seen := map[string]string{}
	for who, id := range own {
		if other, ok := seen[id]; ok {
			t.Errorf("%s and %s are both %s", who, other, id)
		}
		seen[id] = who
	}
	if len(own) != 5 {
		t.Errorf("%d swanids for two users and three devices", len(own))
	}
}

func TestSwanIDIsVerified(t *testing.T) {
	e := newEmulator(t, nil)
	d := firstDeveloper(t, e)
	stranger := newDeveloper(t, e, thirdApp, `,"developer":"另一家"`)
	sister := newDeveloper(t, e, secondApp, "")
	type verdict struct {
		Errno  string `json:"errno"`
		ErrMsg string `json:"errmsg"`
		Data   *struct {
			Result *bool `json:"result"`
		} `json:"data"`
	}
	verify := func(d developer, id string) string {
		var out verdict
		strictly(t, post(e, pathVerifySwan+"?access_token="+d.token, "swanid", id), &out)
		if out.Data == nil {
			return out.Errno + " " + out.ErrMsg
		}
		return fmt.Sprintf("%s %t", out.Errno, *out.Data.Result)
	}
	for who, id := range swanIDs(t, e, firstApp) {
		if got := verify(d, id); got != "0 true" {
			t.Errorf("%s: %s", who, got)
		}
		if got := verify(sister, id); got != "0 true" {
			t.Errorf("%s, in another app of the developer: %s", who, got)
		}
		if got := verify(stranger, id); got != "0 false" {
			t.Errorf("%s, for another developer: %s", who, got)
		}
	}
	if got := verify(d, "D43857DGDG"); got != "-1 no swanid found, or swanid is invalid" {
		t.Errorf("a swanid that nobody has: %s", got)
	}
	for name, c := range map[string]struct {
		a    answer
		want int
	}{
		"no swanid":       {post(e, pathVerifySwan, "access_token", d.token), 100},
		"one too long":    {post(e, pathVerifySwan, "access_token", d.token, "swanid", strings.Repeat("字", 101)), 100},
		"no token":        {post(e, pathVerifySwan, "swanid", "x"), 110},
		"an authorizer's": {post(e, pathVerifySwan, "access_token", d.authorizer, "swanid", "x"), 6},
		"a token that is up": {func() answer {
			advance(t, e.Sandbox("default"), 31*24*time.Hour)
			return post(e, pathVerifySwan, "access_token", d.token, "swanid", "x")
		}(), 111},
	} {
		if c.a.code() != c.want {
			t.Errorf("%s: %s, want error_code %d", name, c.a.body, c.want)
		}
	}
}

func TestHostGetsItsSwanIDsSigned(t *testing.T) {
	e := newEmulator(t, nil)
	joinHost(t, e, "")
	d := firstDeveloper(t, e)
	stranger := newDeveloper(t, e, thirdApp, `,"developer":"另一家"`)
	question := func(change func(url.Values)) answer {
		q := url.Values{
			"swanid": {"HIQIYI00001"}, "client_id": {d.key}, "timestamp": {"1767574800"}, "union_id": {fmt.Sprint(hostNo)}, "sign_version": {"0.0.1"},
		}
		if change != nil {
			change(q)
		}
		if !q.Has("sign") {
			q.Set("sign", hostSign(q, hostHSK))
		}
		return post(e, pathSignSwan, pairs(q)...)
	}
	for name, c := range map[string]struct {
		change func(url.Values)
		want   int
	}{
		"another secret":    {func(q url.Values) { q.Set("sign", hostSign(q, "wrong")) }, 104},
		"another swanid":    {func(q url.Values) { q.Set("sign", hostSign(q, hostHSK)); q.Set("swanid", "HIQIYI00002") }, 104},
		"no such app":       {func(q url.Values) { q.Set("client_id", "nobody") }, 101},
		"the host's own AK": {func(q url.Values) { q.Set("client_id", hostAK(t, e)) }, 101},
		"no such host":      {func(q url.Values) { q.Set("union_id", "5") }, 40001},
		"another's prefix":  {func(q url.Values) { q.Set("swanid", "HOTHER00001") }, 40001},
		"another version":   {func(q url.Values) { q.Set("sign_version", "1") }, 40001},
		"one too long":      {func(q url.Values) { q.Set("swanid", "HIQIYI"+strings.Repeat("0", 95)) }, 40001},
	} {
		if a := question(c.change); a.code() != c.want {
			t.Errorf("%s: %s, want %d", name, a.body, c.want)
		}
	}
	for _, id := range []string{fmt.Sprint(hostNo), "7", "iqiyi"} {
		var out struct {
			Errno     int    `json:"errno"`
			Msg       string `json:"msg"`
			RequestID string `json:"request_id"`
			Timestamp int64  `json:"timestamp"`
			Data      struct {
				Signature string `json:"swanid_signature"`
			} `json:"data"`
		}
		strictly(t, question(func(q url.Values) { q.Set("union_id", id) }), &out)
		sum := md5.Sum([]byte("appkey=" + d.key + "secret_key=" + d.secret + "swanid=HIQIYI00001"))
		if out.Errno != 0 || out.Msg != "success" || out.Data.Signature != hex.EncodeToString(sum[:]) ||
			!regexp.MustCompile(`^[0-9]{10}$`).MatchString(out.RequestID) || out.Timestamp != 1767574800 {
			t.Errorf("as %s: %+v", id, out)
		}
	}
	// What was signed is genuine for the developer whom it was signed for.
	for token, want := range map[string]string{d.token: "true", stranger.token: "false"} {
		a := post(e, pathVerifySwan, "access_token", token, "swanid", "HIQIYI00001")
		if !strings.Contains(string(a.body), `"result":`+want) {
			t.Errorf("a swanid of the host's: %s, want %s", a.body, want)
		}
	}
	must[fields](t, e, "PATCH", box+"/config", `{"sign_window":"1m"}`)
	if a := question(func(q url.Values) { q.Set("timestamp", "1767574700") }); a.code() != 104 {
		t.Errorf("a request from long ago: %s", a.body)
	}
	keepsSecret(t, e, hostHSK, d.secret)
}

// hostAK is the AK of the member that joinHost made.
func hostAK(t testing.TB, e *emulator.Emulator) string {
	t.Helper()
	for _, h := range must[map[string][]fields](t, e, "GET", box+"/hosts", "")["hosts"] {
		if h["name"] == "iqiyi" {
			return h["ak"].(string)
		}
	}
	t.Fatal("there is no such host")
	return ""
}
