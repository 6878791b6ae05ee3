package emulator_test

// Specification of messages to users: who gets what, what allows it, and what
// becomes of those who are not there.

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
)

const (
	pathLibrary   = "/rest/2.0/smartapp/template/librarylist"
	pathKeywords  = "/rest/2.0/smartapp/template/libraryget"
	pathAddTmpl   = "/rest/2.0/smartapp/template/templateadd"
	pathListTmpl  = "/rest/2.0/smartapp/template/templatelist"
	pathDelTmpl   = "/rest/2.0/smartapp/template/templatedel"
	pathSendTmpl  = "/rest/2.0/smartapp/template/send"
	pathSubscribe = "/rest/2.0/smartapp/template/message/subscribe/send"
	pathCustom    = "/rest/2.0/smartapp/message/custom/send"
)

// byTP are the same calls for a third-party platform.
func byTP() map[string]string {
	return map[string]string{
		pathLibrary: "/rest/2.0/smartapp/template/library/list", pathKeywords: "/rest/2.0/smartapp/template/library/get",
		pathAddTmpl: "/rest/2.0/smartapp/template/add", pathListTmpl: "/rest/2.0/smartapp/template/list",
		pathDelTmpl: "/rest/2.0/smartapp/template/del", pathSendTmpl: "/rest/2.0/smartapp/template/sendmessage",
		pathCustom: "/rest/2.0/smartapp/message/custom/sendbytp",
	}
}

// A person is what app 1000001 knows a user as.
type person struct {
	huid             int64
	openid, swanid   string
	elsewhere, other string // openid and swanid of another developer's app
}

// people makes users besides the first and returns all of them.
func people(t *testing.T, e *emulator.Emulator, more int) []person {
	t.Helper()
	for i := range more {
		must[fields](t, e, "POST", box+"/users", fmt.Sprintf(`{"huid":%d}`, 700+i))
	}
	var out []person
	for _, u := range must[struct {
		Users []struct {
			Huid int64
			Apps []struct {
				AppID  int64 `json:"app_id"`
				OpenID string
				SwanID string
			}
		}
	}](t, e, "GET", box+"/users", "").Users {
		p := person{huid: u.Huid}
		for _, a := range u.Apps {
			if a.AppID == 1000001 {
				p.openid, p.swanid = a.OpenID, a.SwanID
			} else {
				p.elsewhere, p.other = a.OpenID, a.SwanID
			}
		}
		out = append(out, p)
	}
	return out
}

// A got message is one in somebody's list.
type got struct {
	Key         int64 `json:"msg_key"`
	Kind        string
	AppID       int64 `json:"app_id"`
	At          string
	Title       string
	Description string
	Path        string
	Content     map[string]any
	Text        string
	PicURL      string `json:"pic_url"`
	TemplateID  string `json:"template_id"`
	To          []struct {
		Huid   int64
		Cuid   string
		SwanID string `json:"swan_id"`
	}
	Unknown []string
}

func listOf(t *testing.T, e *emulator.Emulator, query string) []got {
	t.Helper()
	return must[struct{ Messages []got }](t, e, "GET", box+"/messages?"+query, "").Messages
}

func ofUser(p person) string { return fmt.Sprintf("huid=%d", p.huid) }

// messageTest is an emulator with app 1000001 of a developer of its own, its
// developer's token, and three people.
func messageTest(t *testing.T) (*emulator.Emulator, string, []person) {
	t.Helper()
	e := newEmulator(t, nil)
	token := seedDeveloper(t, e)
	must[fields](t, e, "PATCH", box+"/apps/1000001", `{"owner":"另一家公司"}`)
	return e, token, people(t, e, 2)
}

func TestUnicastReachesWhomItNames(t *testing.T) {
	t.Parallel()
	e, token, all := messageTest(t)
	device := must[struct {
		Devices []struct {
			Cuid string
			Apps []struct {
				AppID  int64 `json:"app_id"`
				SwanID string
			}
		}
	}](t, e, "GET", box+"/devices", "").Devices[0]
	guest := ""
	for _, a := range device.Apps {
		if a.AppID == 1000001 {
			guest = a.SwanID
		}
	}
	ids := []string{all[1].swanid, "nobody", guest, all[1].swanid, all[0].other}
	a := post(e, pathUnicast, append(seedPush(token), "swan_ids", strings.Join(ids, ","))...)
	var sent struct {
		Key int64 `json:"msg_key"`
	}
	a.data(t, &sent)
	for who, want := range map[string]int{
		ofUser(all[0]): 0, ofUser(all[1]): 1, ofUser(all[2]): 0, "swan_id=" + all[1].swanid: 1, "swan_id=" + guest: 1,
		"swan_id=nobody": 0, "": 1, "app_id=1452365": 0, "kind=unicast": 1, "kind=multicast": 0,
		fmt.Sprintf("after=%d", sent.Key): 0, fmt.Sprintf("after=%d", sent.Key-1): 1,
	} {
		if list := listOf(t, e, who); len(list) != want {
			t.Errorf("%q: %d messages, want %d", who, len(list), want)
		}
	}
	m := listOf(t, e, ofUser(all[1]))[0]
	if m.Key != sent.Key || m.Kind != "unicast" || m.AppID != 1000001 || m.Title != "优惠活动" || m.Description != "2018最大力度优惠" ||
		m.Path != "/pages/detail/detail/" || m.At != "2026-01-05T09:00:00+08:00" || m.Content["title"] != "积分变动通知" {
		t.Errorf("the message in the list: %+v", m)
	}
	// Each once, in the order they are named; another developer's swan_id is nobody's here.
	if len(m.To) != 2 || m.To[0].Huid != all[1].huid || m.To[1].Cuid != device.Cuid || !slices.Equal(m.Unknown, []string{"nobody", all[0].other}) {
		t.Errorf("to %+v, unknown %v", m.To, m.Unknown)
	}
	// The journal tells it with the call as its cause.
	journal := must[struct {
		Entries []struct {
			Seq, Cause int64
			Message    struct {
				Key int64 `json:"msg_key"`
				To  []fields
			}
		}
	}](t, e, "GET", box+"/journal?kind=message&app_id=1000001", "")
	if len(journal.Entries) != 1 || journal.Entries[0].Message.Key != sent.Key || len(journal.Entries[0].Message.To) != 2 || journal.Entries[0].Cause == 0 {
		t.Errorf("the journal: %+v", journal)
	}
}

func TestUnknownRecipients(t *testing.T) {
	t.Parallel()
	e, token, all := messageTest(t)
	kv := append(seedPush(token), "swan_ids", "nobody,"+all[0].swanid)
	must[fields](t, e, "PATCH", box+"/config", `{"refuse_unknown_recipients":true}`)
	if a := post(e, pathUnicast, kv...); a.code() != 2002 || !strings.Contains(string(a.body), "nobody") {
		t.Errorf("refused: %s", a.body)
	}
	if list := listOf(t, e, ""); len(list) != 0 {
		t.Errorf("what was refused was sent: %+v", list)
	}
	must[fields](t, e, "PATCH", box+"/config", `{"refuse_unknown_recipients":false}`)
	if a := post(e, pathUnicast, kv...); a.code() != 0 || len(listOf(t, e, ofUser(all[0]))) != 1 {
		t.Errorf("left out: %s", a.body)
	}
}

func TestMulticastReachesEverybody(t *testing.T) {
	t.Parallel()
	e, token, all := messageTest(t)
	if a := post(e, pathMulticast, seedPush(token)...); a.code() != 0 {
		t.Fatalf("%s", a.body)
	}
	late := must[fields](t, e, "POST", box+"/users", `{"huid":999}`)
	for _, p := range all {
		if list := listOf(t, e, ofUser(p)); len(list) != 1 || list[0].Kind != "multicast" {
			t.Errorf("user %d: %+v", p.huid, list)
		}
	}
	if list := listOf(t, e, "huid=999"); len(list) != 0 || late["huid"] != 999.0 {
		t.Errorf("who came later got it: %+v", list)
	}
	refused(t, e, 404, "GET", box+"/messages?huid=5", "")
}

// TestWhoMaySend is who may send what for which app.
func TestWhoMaySend(t *testing.T) {
	t.Parallel()
	e, token, _ := messageTest(t)
	c := credentials(t, e.Sandbox("default"))
	other := clientToken(t, e, c.App.AppKey, c.App.AppSecret)
	host := clientToken(t, e, c.Host.AK, c.Host.SK)
	push := func(token string) []string { return append(seedPush(token), "swan_ids", "x") }
	card := func(token string) []string { return seedCard(token, "1", seedCards(nil)) }
	for path, kv := range map[string]func(string) []string{pathUnicast: push, pathMulticast: seedPush, pathFeedCard: card} {
		for who, want := range map[string]struct {
			token string
			code  int
		}{
			"the developer": {token, 0}, "another": {other, 45001}, "the alliance": {host, 6001}, "a TP": {c.TP.AccessToken, 6001},
			"a TP for an app": {c.Authorizer.AccessToken, 6001}, "nobody": {"x", 110},
		} {
			if a := post(e, path, kv(want.token)...); a.code() != want.code {
				t.Errorf("%s by %s: %s, want %d", path, who, a.body, want.code)
			}
		}
		unknown := kv(token)
		unknown[slices.Index(unknown, "app_id")+1] = "5"
		if a := post(e, path, unknown...); a.code() != 45000 {
			t.Errorf("%s for an app that is not there: %s", path, a.body)
		}
		// 邀请制
		must[fields](t, e, "PATCH", box+"/apps/1000001", `{"invited":false}`)
		if a := post(e, path, kv(token)...); a.code() != 6001 {
			t.Errorf("%s without an invitation: %s", path, a.body)
		}
		must[fields](t, e, "PATCH", box+"/apps/1000001", `{"invited":true}`)
	}
}

// TestTemplates is the library and an app's own templates, for developers and
// for a TP.
func TestTemplates(t *testing.T) {
	t.Parallel()
	for _, tp := range []bool{false, true} {
		e, token, _ := messageTest(t)
		at := func(path string) string { return path }
		if tp {
			token = credentials(t, e.Sandbox("default")).Authorizer.AccessToken
			at = func(path string) string { return byTP()[path] }
		}
		var library struct {
			Total int `json:"total_count"`
			List  []struct{ ID, Title string }
		}
		get(e, at(pathLibrary), "access_token", token).data(t, &library)
		if library.Total < 10 || len(library.List) != min(library.Total, 20) {
			t.Errorf("the library: %+v", library)
		}
		second := library.List[1]
		get(e, at(pathLibrary), "access_token", token, "offset", "1", "count", "1").data(t, &library)
		if len(library.List) != 1 || library.List[0] != second {
			t.Errorf("its second page: %+v", library.List)
		}
		var words struct {
			ID, Title string
			Count     int `json:"keyword_count"`
			List      []struct {
				ID            int `json:"keyword_id"`
				Name, Example string
			} `json:"keyword_list"`
		}
		get(e, at(pathKeywords), "access_token", token, "id", "BD0001").data(t, &words)
		if words.ID != "BD0001" || words.Count != len(words.List) || words.Count < 3 || words.List[2].ID != 3 {
			t.Errorf("keywords: %+v", words)
		}
		add := func(ids string) answer {
			return post(e, at(pathAddTmpl), "access_token", token, "id", "BD0001", "keyword_id_list", ids)
		}
		for ids, says := range map[string]string{
			"[1]": "keyword_id_list 至少要有 2 项", "[1,2,3,4,5,1,2]": "最多只能有 6 项", "[1,1]": "keyword_id_list/1：关键词 1 重复",
			"[1,99]": "keyword_id_list/1：标题 BD0001 没有关键词 99", "[1,x]": "keyword_id_list 无法解析", "[0,1]": "keyword_id_list/0 不能小于 1",
		} {
			if a := add(ids); a.code() != 2002 || !strings.Contains(string(a.body), says) {
				t.Errorf("keywords %s: %s, want %s", ids, a.body, says)
			}
		}
		for path, kv := range map[string][]string{pathKeywords: nil, pathAddTmpl: {"keyword_id_list", "[1,2]"}} {
			ask := get
			if path == pathAddTmpl {
				ask = post
			}
			if a := ask(e, at(path), append([]string{"access_token", token, "id", "BD9999"}, kv...)...); a.code() != 2002 {
				t.Errorf("%s: a title that is not there: %s", path, a.body)
			}
		}
		checkOwnTemplates(t, e, token, at, add)
	}
}

func checkOwnTemplates(t *testing.T, e *emulator.Emulator, token string, at func(string) string, add func(string) answer) {
	t.Helper()
	var added struct {
		ID string `json:"template_id"`
	}
	add("[3,1]").data(t, &added)
	var own struct {
		Total int `json:"total_count"`
		List  []struct {
			ID                      string `json:"template_id"`
			Title, Content, Example string
		}
	}
	get(e, at(pathListTmpl), "access_token", token).data(t, &own)
	if own.Total != 1 || own.List[0].ID != added.ID || own.List[0].Content != "支付时间{{keyword1.DATA}}\n订单号{{keyword2.DATA}}" ||
		!strings.HasPrefix(own.List[0].Example, "支付时间: ") {
		t.Errorf("own templates: %+v", own)
	}
	for i := 2; i <= 25; i++ {
		if a := add("[1,2]"); a.code() != 0 {
			t.Fatalf("template %d: %s", i, a.body)
		}
	}
	if a := add("[1,2]"); a.code() != 2003 {
		t.Errorf("template 26: %s, want 2003", a.body)
	}
	get(e, at(pathListTmpl), "access_token", token, "offset", "20").data(t, &own)
	if own.Total != 25 || len(own.List) != 5 {
		t.Errorf("the second page has %d of %d", len(own.List), own.Total)
	}
	for name, kv := range map[string][]string{"count over 20": {"count", "21"}, "negative offset": {"offset", "-1"}} {
		if a := get(e, at(pathListTmpl), append([]string{"access_token", token}, kv...)...); a.code() != 2002 {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	if a := post(e, at(pathDelTmpl), "access_token", token, "template_id", added.ID); a.code() != 0 {
		t.Errorf("deleted: %s", a.body)
	}
	if a := post(e, at(pathDelTmpl), "access_token", token, "template_id", added.ID); a.code() != 30001 {
		t.Errorf("deleted again: %s", a.body)
	}
	if a := add("[1,2]"); a.code() != 0 {
		t.Errorf("there is room again: %s", a.body)
	}
}

// template gives app 1000001 a template with two keywords.
func template(t *testing.T, e *emulator.Emulator, id string) {
	t.Helper()
	must[fields](t, e, "POST", box+"/apps/1000001/messagetemplates", `{"template_id":"`+id+`","library_id":"BD0001","keyword_ids":[1,2]}`)
}

const twoKeywords = `{"keyword1":{"value":"A001"},"keyword2":{"value":"9元"}}`

func TestTemplateMessages(t *testing.T) {
	t.Parallel()
	e, token, all := messageTest(t)
	template(t, e, "T")
	send := func(kv ...string) answer {
		base := map[string]string{
			"access_token": token, "template_id": "T", "touser_openId": all[1].openid, "data": twoKeywords, "page": "pages/a?x=1",
			"scene_id": "f1", "scene_type": "1",
		}
		for i := 0; i < len(kv); i += 2 {
			base[kv[i]] = kv[i+1]
		}
		var flat []string
		for name, v := range base {
			if v != "-" {
				flat = append(flat, name, v)
			}
		}
		return post(e, pathSendTmpl, flat...)
	}
	for name, c := range map[string]struct {
		kv   []string
		code int
		says string
	}{
		"no such template":          {[]string{"template_id", "U"}, 4001, ""},
		"a stranger":                {[]string{"touser_openId", "x"}, 4010, ""},
		"another app's openid":      {[]string{"touser_openId", all[1].elsewhere}, 4010, ""},
		"a stranger by swan_id":     {[]string{"touser_openId", "-", "touser", "x"}, 2002, "touser"},
		"nobody":                    {[]string{"touser_openId", "-"}, 2002, "缺少参数 touser_openId 或 touser"},
		"a keyword too few":         {[]string{"data", `{"keyword1":{"value":"x"}}`}, 2002, "缺少参数 data/keyword2（支付金额）"},
		"a keyword too many":        {[]string{"data", `{"keyword1":{"value":"x"},"keyword2":{"value":"x"},"keyword3":{"value":"x"}}`}, 2002, "未知参数 data/keyword3"},
		"another word":              {[]string{"data", `{"keyword1":{"value":"x"},"keyword2":{"value":"x"},"first":{"value":"x"}}`}, 2002, "未知参数 data/first"},
		"a value that is no object": {[]string{"data", `{"keyword1":"x","keyword2":{"value":"x"}}`}, 2002, "data/keyword1 类型应为 object"},
		"an empty value":            {[]string{"data", `{"keyword1":{"value":""},"keyword2":{"value":"x"}}`}, 2002, "data/keyword1/value 长度不能小于 1"},
		"no JSON":                   {[]string{"data", "A001"}, 2002, "data 类型应为 object"},
		"no scene":                  {[]string{"scene_id", "-"}, 2002, "缺少参数 scene_id"},
		"another scene_type":        {[]string{"scene_type", "4"}, 2002, "scene_type 只能取 1, 2, 3"},
	} {
		if a := send(c.kv...); a.code() != c.code || !strings.Contains(string(a.body), c.says) {
			t.Errorf("%s: %s, want %d %s", name, a.body, c.code, c.says)
		}
	}
	if list := listOf(t, e, ""); len(list) != 0 {
		t.Fatalf("what was refused was sent: %+v", list)
	}
	var sent struct {
		Key int64 `json:"msg_key"`
	}
	send().data(t, &sent)
	m := listOf(t, e, ofUser(all[1]))[0]
	if m.Key != sent.Key || m.Kind != "template" || m.Title != "订单支付结果" || m.Text != "订单号: A001\n支付金额: 9元" || m.Path != "pages/a?x=1" ||
		m.TemplateID != "T" || asText(t, m.Content) != twoKeywords {
		t.Errorf("the message: %+v", m)
	}
	// By swan_id too; with both, the openid counts.
	if a := send("touser_openId", "-", "touser", all[2].swanid, "scene_id", "f2"); a.code() != 0 || len(listOf(t, e, ofUser(all[2]))) != 1 {
		t.Errorf("by swan_id: %s", a.body)
	}
	if a := send("touser", all[2].swanid, "scene_id", "f3"); a.code() != 0 || len(listOf(t, e, ofUser(all[1]))) != 2 {
		t.Errorf("by both: %s", a.body)
	}
}

// TestScenes is what a form and an order allow.
func TestScenes(t *testing.T) {
	t.Parallel()
	for sceneType, c := range map[string]struct{ allows, errno int }{"1": {1, 4003}, "2": {3, 4004}, "3": {3, 4004}} {
		e, token, all := messageTest(t)
		s := e.Sandbox("default")
		template(t, e, "T")
		send := func(scene string, to person) int {
			return post(e, pathSendTmpl, "access_token", token, "template_id", "T", "touser_openId", to.openid, "data", twoKeywords,
				"scene_id", scene, "scene_type", sceneType).code()
		}
		for i := range c.allows {
			if code := send("a", all[0]); code != 0 {
				t.Errorf("scene_type %s, message %d: %d", sceneType, i+1, code)
			}
		}
		if code := send("a", all[0]); code != c.errno {
			t.Errorf("scene_type %s, one too many: %d, want %d", sceneType, code, c.errno)
		}
		send("b", all[0])
		if code := send("b", all[1]); code != c.errno {
			t.Errorf("scene_type %s, somebody else's: %d, want %d", sceneType, code, c.errno)
		}
		if c.allows > 1 {
			send("c", all[0])
			advance(t, s, 7*24*time.Hour-time.Second)
			if code := send("c", all[0]); code != 0 {
				t.Errorf("scene_type %s, a second before the end: %d", sceneType, code)
			}
			advance(t, s, time.Second)
			if code := send("c", all[0]); code != c.errno {
				t.Errorf("scene_type %s, after seven days: %d, want %d", sceneType, code, c.errno)
			}
		}
	}
}

// TestSubscriptions is one message for each time a user agrees.
func TestSubscriptions(t *testing.T) {
	t.Parallel()
	e, token, all := messageTest(t)
	s := e.Sandbox("default")
	template(t, e, "T")
	template(t, e, "U")
	send := func(tmpl, id string, to person) answer {
		return post(e, pathSubscribe, "access_token", token, "template_id", tmpl, "touser_openId", to.openid, "subscribe_id", id, "data", twoKeywords)
	}
	agree := func(tmpl, id string, who person) {
		must[fields](t, e, "POST", box+"/subscriptions", fmt.Sprintf(`{"app_id":1000001,"huid":%d,"template_id":%q,"subscribe_id":%q}`, who.huid, tmpl, id))
	}
	expect := func(what string, a answer, code int) {
		t.Helper()
		if a.code() != code {
			t.Errorf("%s: %s, want %d", what, a.body, code)
		}
	}
	expect("before anybody agreed", send("T", "drop", all[0]), 67001)
	agree("T", "drop", all[0])
	agree("T", "drop", all[0]) // it does not add up
	expect("somebody else", send("T", "drop", all[1]), 67001)
	expect("another id", send("T", "rise", all[0]), 67001)
	expect("another template", send("U", "drop", all[0]), 67001)
	expect("a stranger", send("T", "drop", person{openid: "x"}), 4010)
	expect("no such template", send("V", "drop", all[0]), 4001)
	advance(t, s, 365*24*time.Hour) // 无时间限制
	token = clientToken(t, e, seedAK, seedSK)
	a := send("T", "drop", all[0])
	expect("agreed", a, 0)
	var sent struct {
		Key string `json:"msg_key"`
	}
	a.data(t, &sent)
	if list := listOf(t, e, ofUser(all[0])); len(list) != 1 || list[0].Kind != "subscription" || fmt.Sprint(list[0].Key) != sent.Key {
		t.Errorf("the message: %+v, key %s", list, sent.Key)
	}
	expect("used up", send("T", "drop", all[0]), 67001)
	agree("T", "drop", all[0])
	agree("T", "rise", all[0])
	agree("U", "drop", all[1])
	if left := must[struct{ Subscriptions []fields }](t, e, "GET", box+"/subscriptions", ""); len(left.Subscriptions) != 3 || left.Subscriptions[0]["openid"] != all[0].openid {
		t.Errorf("subscriptions: %+v", left)
	}
	if gone := must[struct{ Removed int }](t, e, "DELETE", box+"/subscriptions?subscribe_id=drop&huid="+fmt.Sprint(all[0].huid), ""); gone.Removed != 1 {
		t.Errorf("taken back: %+v", gone)
	}
	expect("taken back", send("T", "drop", all[0]), 67001)
	expect("the other stays", send("T", "rise", all[0]), 0)
	refused(t, e, 404, "POST", box+"/subscriptions", `{"app_id":1000001,"template_id":"V","subscribe_id":"x"}`)
	refused(t, e, 404, "POST", box+"/subscriptions", `{"app_id":5,"template_id":"T","subscribe_id":"x"}`)
	refused(t, e, 404, "POST", box+"/subscriptions", `{"app_id":1000001,"huid":5,"template_id":"T","subscribe_id":"x"}`)
	refused(t, e, 409, "POST", box+"/apps/1000001/messagetemplates", `{"template_id":"T"}`)
	refused(t, e, 404, "POST", box+"/apps/1000001/messagetemplates", `{"library_id":"BD9999"}`)
	refused(t, e, 400, "POST", box+"/apps/1000001/messagetemplates", `{"keyword_ids":[1,1]}`)
}

func TestCustomerMessages(t *testing.T) {
	t.Parallel()
	for _, tp := range []bool{false, true} {
		e, token, all := messageTest(t)
		path, to := pathCustom, all[0]
		if tp {
			path, token = byTP()[path], credentials(t, e.Sandbox("default")).Authorizer.AccessToken
			to.openid, to.swanid = to.elsewhere, to.other // its app is the other one
		}
		send := func(kv ...string) answer { return post(e, path, append([]string{"access_token", token}, kv...)...) }
		for name, c := range map[string]struct {
			kv   []string
			code int
		}{
			"text":              {[]string{"user_type", "2", "open_id", to.openid, "msg_type", "text", "content", "您好"}, 0},
			"picture":           {[]string{"user_type", "2", "open_id", to.openid, "msg_type", "image", "pic_url", "https://img.example.com/1.png"}, 0},
			"a guest":           {[]string{"user_type", "1", "open_id", to.swanid, "msg_type", "text", "content", "您好"}, 0},
			"no text":           {[]string{"user_type", "2", "open_id", to.openid, "msg_type", "text"}, 3001},
			"no picture":        {[]string{"user_type", "2", "open_id", to.openid, "msg_type", "image", "content", "x"}, 3001},
			"another msg_type":  {[]string{"user_type", "2", "open_id", to.openid, "msg_type", "video", "content", "x"}, 3001},
			"another user_type": {[]string{"user_type", "3", "open_id", to.openid, "msg_type", "text", "content", "x"}, 3001},
			"a stranger":        {[]string{"user_type", "2", "open_id", "x", "msg_type", "text", "content", "x"}, 30022},
			"a guest's openid":  {[]string{"user_type", "1", "open_id", to.openid, "msg_type", "text", "content", "x"}, 30022},
			"another app's":     {[]string{"user_type", "2", "open_id", all[0].openid + "x", "msg_type", "text", "content", "x"}, 30022},
		} {
			if a := send(c.kv...); a.code() != c.code {
				t.Errorf("tp %t, %s: %s, want %d", tp, name, a.body, c.code)
			}
		}
		var texts, pictures int
		for _, m := range listOf(t, e, ofUser(to)+"&kind=customer") {
			if m.Text == "您好" {
				texts++
			}
			if m.PicURL != "" {
				pictures++
			}
		}
		if texts != 2 || pictures != 1 {
			t.Errorf("tp %t: %d texts and %d pictures", tp, texts, pictures)
		}
	}
}

// TestMessagesAreBounded sees that an emulator that runs for long does not keep
// everything, and that what it keeps survives an export.
func TestMessagesAreBounded(t *testing.T) {
	t.Parallel()
	e, token, all := messageTest(t)
	template(t, e, "T")
	var last int64
	for range 1010 {
		var sent struct {
			Key int64 `json:"msg_key"`
		}
		post(e, pathUnicast, append(seedPush(token), "swan_ids", all[0].swanid)...).data(t, &sent)
		last = sent.Key
	}
	post(e, pathFeedCard, seedCard(token, "2", seedCards(nil))...)
	must[fields](t, e, "POST", box+"/subscriptions", `{"app_id":1000001,"template_id":"T","subscribe_id":"x"}`)
	list := listOf(t, e, "limit=1000")
	if len(list) != 1000 || list[999].Key != last || list[0].Key != last-999 {
		t.Errorf("%d messages from %d to %d", len(list), list[0].Key, list[len(list)-1].Key)
	}
	state := string(ask(e, "GET", box+"/state", "").body)
	must[fields](t, e, "PUT", box+"/state", state)
	if again := string(ask(e, "GET", box+"/state", "").body); again != state {
		t.Error("the state is another after an import")
	}
	if again := listOf(t, e, "limit=1000"); len(again) != 1000 || again[0].Key != list[0].Key {
		t.Error("the messages are others after an import")
	}
	for from, to := range map[string]string{
		`"last_message":1010`: `"last_message":5`, `"messages":[{`: `"messages":[null,{`, `"subscribe_id":"x"`: `"subscribe_id":"x","huid":5`,
		`"template_limit":25`: `"template_limit":-1`, `"feed_cards":[{`: `"feed_cards":[null,{`,
	} {
		if !strings.Contains(state, from) {
			t.Errorf("the state has no %s", from)
		}
		refused(t, e, 400, "PUT", box+"/state", strings.Replace(state, from, to, 1))
	}
}
