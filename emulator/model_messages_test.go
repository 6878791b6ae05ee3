package emulator_test

// Specification of messages.go: which pushes a TP may fetch again.

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
)

// A fetched page of pushes.
type messagePage struct {
	Count    int `json:"count"`
	Page     int `json:"page"`
	PageSize int `json:"pageSize"`
	List     []struct {
		ID      int64  `json:"id"`
		Content string `json:"content"`
		Status  int    `json:"status"`
	} `json:"list"`
}

func (p messagePage) ids() (ids []int64) {
	for _, m := range p.List {
		ids = append(ids, m.ID)
	}
	return ids
}

// audits lets the platform push one PACKAGE_AUDIT_PASS per hour, n times, the
// first of them 8 s from now; it returns when the last is an hour old.
func audits(t testing.TB, e *emulator.Emulator, token string, n int) {
	t.Helper()
	s := e.Sandbox(emulator.DefaultSandbox)
	for i := range n {
		a := post(e, pathUpload, "access_token", token, "template_id", "1", "user_desc", "",
			"user_version", "1.0."+strconv.Itoa(i), "ext_json", `{"directCommit":true}`)
		if a.code() != 0 {
			t.Fatalf("upload: %s", a.body)
		}
		advance(t, s, time.Hour)
	}
}

func TestMessagesCanBeFetched(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, func(o *emulator.Options) { o.AuditQuota = 1000 })
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	begin := s.Now()
	// 30 hours: pushes at 8 s past every hour.
	audits(t, e, c.Authorizer.AccessToken, 30)
	fetch := func(kv ...string) messagePage {
		var p messagePage
		get(e, pathMessages, append([]string{"access_token", c.TP.AccessToken}, kv...)...).data(t, &p)
		if len(p.List) > p.PageSize || len(p.List) > p.Count {
			t.Errorf("%v: %d messages of %d on a page of %d", kv, len(p.List), p.Count, p.PageSize)
		}
		return p
	}
	unix := func(d time.Duration) string { return strconv.FormatInt(begin.Add(d).Unix(), 10) }
	all := fetch("start", unix(0), "end", unix(30*time.Hour)).ids()
	if len(all) != 30 || !slices.IsSorted(all) {
		t.Fatalf("30 audits left the messages %v", all)
	}
	list := func(ids ...int64) string {
		text := make([]string, len(ids))
		for i, id := range ids {
			text[i] = strconv.FormatInt(id, 10)
		}
		return strings.Join(text, ",")
	}
	for _, tc := range []struct {
		name       string
		kv         []string
		want       []int64
		count      int
		page, size int
	}{
		{"the last day", nil, all[6:], 24, 1, 100},
		{"from a time on", []string{"start", unix(28 * time.Hour)}, all[28:], 2, 1, 100},
		{"the very second", []string{"start", unix(8 * time.Second), "end", unix(8 * time.Second)}, all[:1], 1, 1, 100},
		{"the second before", []string{"start", unix(0), "end", unix(7 * time.Second)}, nil, 0, 1, 100},
		{"a window", []string{"start", unix(time.Hour), "end", unix(3 * time.Hour)}, all[1:3], 2, 1, 100},
		{"a page", []string{"start", unix(0), "offset", "10", "count", "10"}, all[10:20], 30, 2, 10},
		{"the last page", []string{"start", unix(0), "offset", "28", "count", "14"}, all[28:], 30, 3, 14},
		{"beyond", []string{"start", unix(0), "offset", "30", "count", "10"}, nil, 30, 4, 10},
		{"all of them", []string{"push_type", "1"}, all[6:], 24, 1, 100},
		{"failed ones", []string{"push_type", "2"}, nil, 0, 1, 100},
		{"one by id", []string{"id_list", list(all[3])}, all[3:4], 1, 1, 1},
		{"some by id, older than a day", []string{"id_list", list(all[0], all[2], 987654)}, []int64{all[0], all[2]}, 2, 1, 3},
		{"ids before everything", []string{"id_list", list(all[29]), "start", "5", "end", "1", "push_type", "2", "offset", "7"}, all[29:], 1, 1, 1},
	} {
		p := fetch(tc.kv...)
		if got := p.ids(); !slices.Equal(got, tc.want) || p.Count != tc.count || p.Page != tc.page || p.PageSize != tc.size {
			t.Errorf("%s: %v of %d, page %d of %d; want %v of %d, page %d of %d",
				tc.name, got, p.Count, p.Page, p.PageSize, tc.want, tc.count, tc.page, tc.size)
		}
	}
	one := fetch("id_list", list(all[4]))
	payload, err := decryptPush(c.TP.EncodingAESKey, one.List[0].Content, strconv.FormatInt(c.TP.TPID, 10))
	if err != nil || one.List[0].Status != 1 {
		t.Fatalf("a message that was delivered: status %d, %v", one.List[0].Status, err)
	}
	var audit map[string]any
	if err := json.Unmarshal(payload, &audit); err != nil {
		t.Fatal(err)
	}
	at := begin.Add(4*time.Hour + 8*time.Second).In(beijing).Format(time.DateTime)
	if len(audit) != 4 || audit["appId"] != float64(c.App.AppID) || audit["tpAppId"] != float64(c.TP.TPID) ||
		audit["event"] != "PACKAGE_AUDIT_PASS" || audit["eventTime"] != at {
		t.Errorf("the message says %s, want the audit of %s", payload, at)
	}
}

func TestMessagesAreRefused(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	s := e.Sandbox(emulator.DefaultSandbox)
	c := credentials(t, s)
	now := s.Now().Unix()
	day := int64(24 * 60 * 60)
	for _, tc := range []struct {
		kv   []string
		code int
	}{
		{[]string{"start", text(now - 31*day), "end", text(now - 24*day)}, 0},
		{[]string{"start", text(now - 31*day - 1), "end", text(now - 25*day)}, 40001},
		{[]string{"start", text(now - 7*day)}, 0},
		{[]string{"start", text(now - 7*day - 1)}, 40001},
		{[]string{"start", text(now), "end", text(now - 1)}, 40001},
		{[]string{"start", text(now), "end", text(now)}, 0},
		{[]string{"count", "100"}, 0},
		{[]string{"count", "101"}, 40001},
		{[]string{"count", "0"}, 40001},
		{[]string{"count", "-1"}, 40001},
		{[]string{"offset", "-1"}, 40001},
		{[]string{"offset", "9223372036854775807"}, 0},
		{[]string{"offset", "9223372036854775807", "count", "1"}, 0},
		{[]string{"end", "9223372036854775807"}, 40001},
		{[]string{"start", "9223372036854775807", "end", "9223372036854775807"}, 0},
		{[]string{"push_type", "3"}, 40001},
		{[]string{"push_type", "x"}, 40001}, // not one of those that there are
		{[]string{"start", "yesterday"}, 41000},
		{[]string{"start", "-1"}, 40001},
		{[]string{"id_list", "1,x"}, 40001},
		{[]string{"id_list", ","}, 40001},
		{[]string{"id_list", "9223372036854775808"}, 40001},
	} {
		a := get(e, pathMessages, append([]string{"access_token", c.TP.AccessToken}, tc.kv...)...)
		if a.code() != tc.code || a.status != 200 {
			t.Errorf("%v: %d %s, want %d", tc.kv, a.status, a.body, tc.code)
		}
	}
}

func text(n int64) string { return strconv.FormatInt(n, 10) }

// beijing is the zone of every time that the platform writes.
var beijing = time.FixedZone("", 8*60*60)
