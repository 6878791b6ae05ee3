package emulator_test

// Seed 002 from top to bottom: the token, unicast, multicast, the Feeds card.

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/swanemu/emu/emulator"
)

const (
	pathUnicast   = "/rest/2.0/smartapp/message/push/unicast"
	pathMulticast = "/rest/2.0/smartapp/message/push/multicast"
	pathFeedCard  = "/rest/2.0/smartapp/feed/card"
)

// seedContent is the document's content, as it is sent in a form.
const seedContent = `{"title":"积分变动通知","first":{"value":"亲爱的用户,近期我们有如下优惠活动"},
	"keywords":[{"name":"服装类商品","value":"满1000减100"},{"name":"日用品类商品","value":"全部9折"}]}`

// seedDeveloper makes the document's app 1000001 and returns its developer's
// token.
func seedDeveloper(t *testing.T, e *emulator.Emulator) string {
	t.Helper()
	must[fields](t, e, "POST", box+"/apps", `{"app_id":1000001,"app_key":"`+seedAK+`","app_secret":"`+seedSK+`"}`)
	return clientToken(t, e, seedAK, seedSK)
}

// seedPush are the parameters of the document's example.
func seedPush(token string) []string {
	return []string{
		"access_token", token, "app_id", "1000001", "title", "优惠活动", "description", "2018最大力度优惠",
		"path_url", "/pages/detail/detail/", "type", "21", "content", seedContent,
	}
}

// TestSeed002Token is the section on client credentials, for a developer.
func TestSeed002Token(t *testing.T) {
	e := newEmulator(t, nil)
	seedDeveloper(t, e)
	must[fields](t, e, "PATCH", box+"/config", `{"token_ttl":"24h"}`)
	const query = "grant_type=client_credentials&client_id=" + seedAK + "&client_secret=" + seedSK + "&scope=smartapp_snsapi_base"
	likeExample(t, "响应数据包格式", `{
		"access_token":"1.a6b7dbd428f731035f771b8d15063f61.86400.1292922000-2346678-124328","expires_in":86400,
		"refresh_token":"2.385d55f8615fdfd9edb7c4b5ebdc3e39.604800.1293440400-2346678-124328","scope":"smartapp_snsapi_base",
		"session_key":"ANXxSNjwQDugf8615OnqeikRMu2bKaXCdlLxn","session_secret":"248APxvxjCZ0VEC43EYrvxqaK4oZExMB"}`,
		ask(e, "GET", pathToken+"?"+query, "").body, map[string]string{
			"/access_token": "drawn", "/refresh_token": "drawn", "/session_key": "drawn", "/session_secret": "drawn",
		})
}

// TestSeed002Pushes is 消息推送服务单播接口 and 消息推送服务组播接口: every example
// request, in every way a client may send it.
func TestSeed002Pushes(t *testing.T) {
	e := newEmulator(t, nil)
	token := seedDeveloper(t, e)
	const example = `{"errno":0,"msg":"success","data":{"msg_key":123456789}}`
	key := map[string]string{"/data/msg_key": "each message has another"}
	unicast := append(seedPush(token), "swan_ids", "D43857DGDG,JDKFGJ94")
	seen := map[float64]bool{}
	for name, a := range map[string]answer{
		"unicast, form":    post(e, pathUnicast, unicast...),
		"unicast, query":   postBody(e, pathUnicast+"?"+values(unicast).Encode(), "", ""),
		"unicast, JSON":    postBody(e, pathUnicast, jsonType, jsonOf(t, unicast, false)),
		"content object":   postBody(e, pathUnicast, jsonType, jsonOf(t, unicast, true)),
		"multicast, form":  post(e, pathMulticast, seedPush(token)...),
		"multicast, query": postBody(e, pathMulticast+"?"+values(seedPush(token)).Encode(), "", ""),
		"multicast, JSON":  postBody(e, pathMulticast, jsonType, jsonOf(t, seedPush(token), true)),
	} {
		likeExample(t, name, example, a.body, key)
		var sent struct {
			Key float64 `json:"msg_key"`
		}
		a.data(t, &sent)
		if sent.Key < 1 || sent.Key != float64(int64(sent.Key)) || seen[sent.Key] {
			t.Errorf("%s: msg_key %v: want an integer that no other message has", name, sent.Key)
		}
		seen[sent.Key] = true
	}
}

// jsonOf is a set of parameters as a JSON body; the app's id is a number there,
// and content an object where that is asked for.
func jsonOf(t *testing.T, kv []string, whole bool) string {
	t.Helper()
	body := map[string]any{}
	for i := 0; i+1 < len(kv); i += 2 {
		body[kv[i]] = kv[i+1]
		if (kv[i] == "content" || kv[i] == "scard_list") && whole {
			body[kv[i]] = json.RawMessage(kv[i+1])
		}
	}
	if whole {
		body["app_id"], body["type"] = 1000001, 21
	}
	return asText(t, body)
}

// TestSeed002PushTables is the tables of both pushes: what is 是否为空 false must
// be there, and be what the table says.
func TestSeed002PushTables(t *testing.T) {
	e := newEmulator(t, nil)
	token := seedDeveloper(t, e)
	unicast := append(seedPush(token), "swan_ids", "D43857DGDG,JDKFGJ94")
	hundred := strings.TrimSuffix(strings.Repeat("D43857DGDG,", 100), ",")
	type change struct{ name, value, says string } // value "-" takes it away
	changes := []change{
		{"access_token", "-", ""},
		{"app_id", "-", "缺少参数 app_id"},
		{"app_id", "x", "app_id 类型应为 integer"},
		{"title", "-", "缺少参数 title"},
		{"title", "", "title 长度不能小于 1"},
		{"description", "-", "缺少参数 description"},
		{"path_url", "-", "缺少参数 path_url"},
		{"type", "-", "缺少参数 type"},
		{"type", "20", "type 只能取 21"},
		{"content", "-", "缺少参数 content"},
		{"content", "通知", "content 类型应为 object"},
		{"content", `{"title":"a","first":`, "content 无法解析：JSON (byte 21)"},
		{"content", `{"first":{"value":"x"},"keywords":[{"name":"n","value":"v"}]}`, "缺少参数 content/title"},
		{"content", `{"title":"a","first":{},"keywords":[{"name":"n","value":"v"}]}`, "缺少参数 content/first/value"},
		{"content", `{"title":"a","first":{"value":"x"},"keywords":[]}`, "content/keywords 至少要有 1 项"},
		{"content", `{"title":"a","first":{"value":"x"},"keywords":[{"name":"n","value":"v"},{"name":"n"}]}`, "缺少参数 content/keywords/1/value"},
		{"content", `{"title":5,"first":{"value":"x"},"keywords":[{"name":"n","value":"v"}]}`, "content/title 类型应为 string"},
	}
	own := []change{
		{"swan_ids", "-", "缺少参数 swan_ids"},
		{"swan_ids", "", "swan_ids 格式应为"},
		{"swan_ids", "a,,b", "swan_ids 格式应为"},
		{"swan_ids", hundred + ",one-more", "swan_ids 格式应为"},
	}
	for path, all := range map[string][]change{pathUnicast: slices.Concat(changes, own), pathMulticast: changes} {
		for _, c := range all {
			kv := slices.Clone(unicast)
			i := slices.Index(kv, c.name)
			if c.value == "-" {
				kv = slices.Delete(kv, i, i+2)
			} else {
				kv[i+1] = c.value
			}
			a := post(e, path, kv...)
			want := 2002
			if c.name == "access_token" {
				want = 110
			}
			if a.code() != want || !strings.Contains(string(a.body), c.says) {
				t.Errorf("%s, %s=%s: %s, want %d %s", path, c.name, c.value, a.body, want, c.says)
			}
		}
	}
	kv := slices.Clone(unicast)
	kv[slices.Index(kv, "swan_ids")+1] = hundred
	if a := post(e, pathUnicast, kv...); a.code() != 0 {
		t.Errorf("a hundred swan_ids: %s", a.body)
	}
}

// seedCards are five of the document's cards; it shows two.
func seedCards(change func([]map[string]any) []map[string]any) string {
	cards := []map[string]any{
		{
			"scard_title": "金牌投资人", "scard_desc": "更新至6集,励志精英燃情商战",
			"img_url": "https://www.programbbs.com/pic/baiduapp/1.jpg", "path_url": "/pages/home/home/",
		},
		{
			"scard_title": "南方有乔木", "scard_desc": "更新至31集,陈伟霆白百合分手泪崩",
			"img_url": "https://www.programbbs.com/pic/baiduapp/2.jpg", "path_url": "/pages/home/home/",
		},
	}
	for i := 3; i <= 5; i++ {
		cards = append(cards, map[string]any{
			"scard_title": "精选影视", "scard_desc": "更新至1集", "img_url": fmt.Sprintf("http://img.example.com/%d.jpg", i), "path_url": "/pages/home/home/",
		})
	}
	if change != nil {
		cards = change(cards)
	}
	text, err := json.Marshal(cards)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// seedCard are the parameters of the document's example.
func seedCard(token, template, cards string) []string {
	return []string{
		"access_token", token, "app_id", "1000001", "mcard_title", "精选影视推荐", "recommend_type", "3", "templete_type", template,
		"scard_list", cards,
	}
}

// TestSeed002FeedCard is Feeds横滑卡片推广接口.
func TestSeed002FeedCard(t *testing.T) {
	e := newEmulator(t, nil)
	token := seedDeveloper(t, e)
	const example = `{"errno":0,"msg":"success","data":""}`
	kv := seedCard(token, "1", seedCards(nil))
	for name, a := range map[string]answer{
		"form": post(e, pathFeedCard, kv...), "query": postBody(e, pathFeedCard+"?"+values(kv).Encode(), "", ""),
		"JSON": postBody(e, pathFeedCard, jsonType, jsonOf(t, kv, false)),
	} {
		likeExample(t, name, example, a.body, nil)
	}
	shown := must[struct {
		Cards []struct {
			Title string           `json:"mcard_title"`
			List  []map[string]any `json:"scard_list"`
		}
	}](t, e, "GET", box+"/feedcards?app_id=1000001", "")
	if len(shown.Cards) != 3 || shown.Cards[0].Title != "精选影视推荐" || len(shown.Cards[0].List) != 5 || shown.Cards[0].List[1]["scard_title"] != "南方有乔木" {
		t.Errorf("the cards in the feeds: %+v", shown)
	}
	// The example's list has a comma too many and three dots: no JSON.
	const shownList = `[{"scard_title":"金牌投资人","scard_desc":"更新至6集,励志精英燃情商战","img_url":"https://www.programbbs.com/pic/baiduapp/1.jpg","path_url":"/pages/home/home/",}]`
	if a := post(e, pathFeedCard, seedCard(token, "1", shownList)...); a.code() != 2002 || !strings.Contains(string(a.body), "scard_list 无法解析") {
		t.Errorf("the list as it is printed: %s", a.body)
	}
}

// TestSeed002FeedCardTable is the table of the card: each rule, on its limit
// and one past it.
func TestSeed002FeedCardTable(t *testing.T) {
	e := newEmulator(t, nil)
	token := seedDeveloper(t, e)
	n := func(count int) string { return strings.Repeat("字", count) }
	set := func(name string, v any) func([]map[string]any) []map[string]any {
		return func(cards []map[string]any) []map[string]any {
			if cards[2][name] = v; v == nil {
				delete(cards[2], name)
			}
			return cards
		}
	}
	many := func(count int) func([]map[string]any) []map[string]any {
		return func(cards []map[string]any) []map[string]any {
			for len(cards) < count {
				cards = append(cards, cards[0])
			}
			return cards[:count]
		}
	}
	long := func(count int) string {
		return "https://img.example.com/" + strings.Repeat("a", count-len("https://img.example.com/")-len(".jpg")) + ".jpg"
	}
	for _, c := range []struct {
		template string
		change   func([]map[string]any) []map[string]any
		says     string // "" is accepted
	}{
		{"1", many(5), ""},
		{"1", many(9), ""},
		{"1", many(4), "scard_list 至少要有 5 项"},
		{"1", many(10), "scard_list 最多只能有 9 项"},
		{"1", set("scard_title", n(8)), ""},
		{"1", set("scard_title", n(9)), "scard_list/2/scard_title 长度不能大于 8"},
		{"2", set("scard_title", n(20)), ""},
		{"2", set("scard_title", n(21)), "scard_list/2/scard_title 长度不能大于 20"},
		{"2", set("scard_title", ""), "scard_list/2/scard_title 长度不能小于 1"},
		{"1", set("scard_title", nil), "缺少参数 scard_list/2/scard_title"},
		{"1", set("scard_desc", n(20)), ""},
		{"1", set("scard_desc", n(21)), "scard_list/2/scard_desc 长度不能大于 20"},
		{"1", set("scard_desc", nil), "缺少参数 scard_list/2/scard_desc（模板类型 1 必须）"},
		{"2", set("scard_desc", nil), ""},
		{"1", set("img_url", long(500)), ""},
		{"1", set("img_url", long(501)), "scard_list/2/img_url 长度不能大于 500"},
		{"1", set("img_url", "http://img.example.com/1.JPEG?x=1"), ""},
		{"1", set("img_url", "http://img.example.com/1.png"), "scard_list/2/img_url 格式应为"},
		{"1", set("img_url", "/pic/1.jpg"), "scard_list/2/img_url 格式应为"},
		{"1", set("img_url", nil), "缺少参数 scard_list/2/img_url"},
		{"1", set("path_url", "/"+strings.Repeat("a", 499)), ""},
		{"1", set("path_url", "/"+strings.Repeat("a", 500)), "scard_list/2/path_url 长度不能大于 500"},
		{"1", set("path_url", nil), "缺少参数 scard_list/2/path_url"},
		{"3", nil, "templete_type 只能取 1, 2"},
	} {
		a := post(e, pathFeedCard, seedCard(token, c.template, seedCards(c.change))...)
		if want := map[bool]int{true: 0, false: 2002}[c.says == ""]; a.code() != want || !strings.Contains(string(a.body), c.says) {
			t.Errorf("template %s, %.300s: %s, want %d %s", c.template, seedCards(c.change), a.body, want, c.says)
		}
	}
	for name, values := range map[string][3]string{
		"mcard_title": {n(10), n(11), "mcard_title 长度不能大于 10"}, "recommend_type": {"3", "2", "recommend_type 只能取 3"},
		"app_id": {"1000001", "一", "app_id 类型应为 integer"},
	} {
		kv := seedCard(token, "1", seedCards(nil))
		at := slices.Index(kv, name) + 1
		if kv[at] = values[0]; post(e, pathFeedCard, kv...).code() != 0 {
			t.Errorf("%s=%s is refused", name, values[0])
		}
		kv[at] = values[1]
		if a := post(e, pathFeedCard, kv...); a.code() != 2002 || !strings.Contains(string(a.body), values[2]) {
			t.Errorf("%s=%s: %s", name, values[1], a.body)
		}
	}
}
