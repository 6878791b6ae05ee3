package emulator_test

// Seed 000 from top to bottom: the token, the registration of a member, the
// three queries of the alliance, the notices.

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/swanemu/emu/emulator"
)

// The document's own AK and SK.
const (
	seedAK = "Va5yQRHlA4Fq4eR"
	seedSK = "0rDSjzQ20XUj5itV7WRtznPQS"
)

// seedMember registers the document's member and returns its token.
func seedMember(t *testing.T, e *emulator.Emulator) string {
	t.Helper()
	must[fields](t, e, "POST", box+"/hosts", `{"ak":"`+seedAK+`","sk":"`+seedSK+`"}`)
	return clientToken(t, e, seedAK, seedSK)
}

// TestSeed000Token is the section on client credentials.
func TestSeed000Token(t *testing.T) {
	const example = `{
		"access_token":"1.a6b7dbd428f731035f771b8d15063f61.86400.1292922000-2346678-124328",
		"expires_in":86400,
		"refresh_token":"2.385d55f8615fdfd9edb7c4b5ebdc3e39.604800.1293440400-2346678-124328",
		"scope":"smartapp_snsapi_base",
		"session_key":"ANXxSNjwQDugf8615OnqeikRMu2bKaXCdlLxn",
		"session_secret":"248APxvxjCZ0VEC43EYrvxqaK4oZExMB"}`
	drawn := map[string]string{
		"/access_token": "drawn", "/refresh_token": "drawn", "/session_key": "drawn", "/session_secret": "drawn",
	}
	const query = "grant_type=client_credentials&client_id=" + seedAK + "&client_secret=" + seedSK + "&scope=smartapp_snsapi_base"
	e := newEmulator(t, nil)
	seedMember(t, e)
	// The text says a month, which is what the emulator begins with.
	monthly := map[string]string{"/expires_in": "the text says a month, the example a day"}
	for pointer, reason := range drawn {
		monthly[pointer] = reason
	}
	likeExample(t, "by default", example, ask(e, "GET", pathToken+"?"+query, "").body, monthly)
	must[fields](t, e, "PATCH", box+"/config", `{"token_ttl":"24h"}`)
	for name, a := range map[string]answer{
		"GET, as in the example": ask(e, "GET", pathToken+"?"+query, ""),
		"POST, as recommended":   postBody(e, pathToken, formType, query),
		"POST, in the query":     postBody(e, pathToken+"?"+query, "", ""),
		"POST, in JSON": postBody(e, pathToken, jsonType,
			`{"grant_type":"client_credentials","client_id":"`+seedAK+`","client_secret":"`+seedSK+`","scope":"smartapp_snsapi_base"}`),
	} {
		likeExample(t, name, example, a.body, drawn)
		var got struct {
			AccessToken   string `json:"access_token"`
			RefreshToken  string `json:"refresh_token"`
			SessionSecret string `json:"session_secret"`
		}
		a.into(t, &got)
		form := regexp.MustCompile(`^[0-9]+\.[0-9a-f]{32}\.86400\.[0-9]{10}[.-][0-9]+-[0-9]+$`)
		if !form.MatchString(got.AccessToken) || !strings.Contains(got.RefreshToken, ".") || len(got.SessionSecret) != 32 {
			t.Errorf("%s: the credentials have another form: %s", name, a.body)
		}
	}
}

// TestSeed000Member is 注册联盟成员: a page, and what it gives.
func TestSeed000Member(t *testing.T) {
	e := newEmulator(t, nil)
	page := ask(e, "GET", "/_emu/alliance", "")
	if page.status != 200 || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") || !strings.Contains(string(page.body), "注册联盟成员") {
		t.Fatalf("the page: %d %s", page.status, page.header)
	}
	form := url.Values{"name": {"newmember"}, "container_name": {"浏览器", "地图"}}
	r := httptest.NewRequest(http.MethodPost, "/_emu/alliance", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", formType)
	if a := serve(e, r); a.status != http.StatusSeeOther || !strings.Contains(a.header.Get("Location"), "new=") {
		t.Fatalf("registered: %d %s %s", a.status, a.header, a.body)
	}
	var made struct {
		AK, SK     string
		OfficalNo  int64 `json:"offical_no"`
		Containers []struct {
			ContainerNo int64 `json:"container_no"`
			Name        string
		}
	}
	for _, h := range must[struct{ Hosts []fields }](t, e, "GET", box+"/hosts", "").Hosts {
		if h["name"] == "newmember" {
			answer{body: []byte(asText(t, h))}.into(t, &made)
		}
	}
	if made.AK == "" || made.SK == "" || made.OfficalNo == 0 || len(made.Containers) != 2 ||
		made.Containers[0].ContainerNo == 0 || made.Containers[0].ContainerNo == made.Containers[1].ContainerNo {
		t.Fatalf("a member has AK, SK, officalNo, and each app a containerNo of its own: %+v", made)
	}
	if a := get(e, pathOSSInfo, "access_token", clientToken(t, e, made.AK, made.SK), "app_ids", "1452365"); a.code() != 0 {
		t.Errorf("AK and SK open the queries: %s", a.body)
	}
	// 同时可以增加 APP 注册
	more := must[fields](t, e, "POST", fmt.Sprintf("%s/hosts/%d/containers", box, made.OfficalNo), `{"name":"输入法"}`)
	if more["container_no"] == float64(made.Containers[0].ContainerNo) || more["container_no"] == nil {
		t.Errorf("one app more: %v", more)
	}
}

// TestSeed000AppInfo is 获取小程序基础信息.
func TestSeed000AppInfo(t *testing.T) {
	e := newEmulator(t, nil)
	token := seedMember(t, e)
	must[fields](t, e, "POST", box+"/apps", `{"app_id":111111,"name":"小程序","desc":"1531812276","owner":"某人","owner_type":1,
		"photo":"https://b.bdstatic.com/searchbox/mappconsole/image/20180416/1523870283-34303.jpg",
		"satus":1,"ad_type":1,"ad_status":1,"min_swan_version":"1.6.17","status":1,
		"category":{"category_id":197,"category_name":"信息查询","category_desc":"查询","parent_id":19,"parent_name":"工具","parent_desc":"工具类"}}`)
	// null stands for what the document leaves blank.
	const example = `{"errno":0,"msg":"success","data":[{
		"app_id":111111,"app_name":"小程序","app_desc":"1531812276",
		"photo_addr":"[{\"cover\":\"https:\\/\\/b.bdstatic.com\\/searchbox\\/mappconsole\\/image\\/20180416\\/1523870283-34303.jpg\"}]",
		"qualification":{"name":"","type":1,"satus":1,"ad_type":1,"ad_status":1},
		"category":[{"category_id":null,"category_name":null,"category_desc":null,
			"parent":{"category_id":null,"category_name":null,"category_desc":null}}],
		"min_swan_version":null,"status":null}]}`
	blank := map[string]string{"/data/0/qualification/name": "an owner has a name here"}
	for _, name := range []string{
		"category/0/category_id", "category/0/category_name", "category/0/category_desc", "category/0/parent/category_id",
		"category/0/parent/category_name", "category/0/parent/category_desc", "min_swan_version", "status",
	} {
		blank["/data/0/"+name] = "blank in the document"
	}
	for name, a := range map[string]answer{
		"GET, as in the example": get(e, pathOSSInfo, "access_token", token, "app_ids", "111111"),
		"POST with JSON, as the general part says": postBody(e, pathOSSInfo, jsonType,
			`{"access_token":"`+token+`","app_ids":"111111"}`),
		"POST with a form": post(e, pathOSSInfo, "access_token", token, "app_ids", "111111"),
	} {
		likeExample(t, name, example, a.body, blank)
	}
	// The tables: types of every field, the values of status, the error's form.
	var rows []any
	get(e, pathOSSInfo, "access_token", token, "app_ids", "111111").data(t, &rows)
	rows = decodeNumbers(t, []byte(asText(t, rows))).([]any)
	fieldsOf(t, "the table", rows[0], map[string]string{
		"app_id": "number", "app_name": "string", "app_desc": "string", "photo_addr": "string", "qualification": "object",
		"category": "array", "min_swan_version": "string", "status": "number",
	})
	for _, status := range []string{"-1", "1", "2", "4"} {
		must[fields](t, e, "PATCH", box+"/apps/111111", `{"status":`+status+`}`)
		if a := get(e, pathOSSInfo, "access_token", token, "app_ids", "111111"); !strings.HasSuffix(string(a.body), `"status":`+status+`}]}`) {
			t.Errorf("status %s: %s", status, a.body)
		}
	}
	for satus := range 5 {
		must[fields](t, e, "PATCH", box+"/apps/111111", fmt.Sprintf(`{"satus":%d,"owner_type":%d}`, satus, satus+1))
		want := fmt.Sprintf(`"type":%d,"satus":%d,`, satus+1, satus)
		if a := get(e, pathOSSInfo, "access_token", token, "app_ids", "111111"); !strings.Contains(string(a.body), want) {
			t.Errorf("qualification %s: %s", want, a.body)
		}
	}
	wrong := decodeNumbers(t, get(e, pathOSSInfo, "access_token", token, "app_ids", "999").body)
	fieldsOf(t, "an error", wrong, map[string]string{"errno": "number", "msg": "string"})
}

// TestSeed000Packages is 获取小程序包列表 and 获取授权小程序包详情.
func TestSeed000Packages(t *testing.T) {
	e := newEmulator(t, nil)
	token := seedMember(t, e)
	must[fields](t, e, "POST", box+"/apps", `{"app_id":111111,"packages":[
		{"package_id":1,"version":"1.2.6","state":"online","msg":"审核通过","version_desc":"desc","committed":"2018-09-04T17:13:59+08:00","previous":2},
		{"package_id":2,"version":"v1.2.5","state":"superseded"},
		{"package_id":3,"version":"1.2.7","state":"uploading","version_desc":"desc","committed":"2018-09-06T15:32:38+08:00"}]}`)
	const example = `{"errno":0,"msg":"success","data":[
		{"version":"1.2.6","remark":"","msg":"审核通过","committer":"--","status":1,"commit_time":"2018/09/04 17:13:59",
			"version_desc":"desc","package_id":1,"rollback_version":"v1.2.5"},
		{"version":"1.2.7","commit_time":"2018/09/06 15:32:38","version_desc":"desc","upload_status":1,"upload_status_desc":"上传中"}]}`
	for name, a := range map[string]answer{
		"GET, as in the example":                   get(e, pathOSSList, "access_token", token, "app_id", "111111"),
		"POST with JSON, as the general part says": postBody(e, pathOSSList, jsonType, `{"access_token":"`+token+`","app_id":111111}`),
	} {
		likeExample(t, name, example, a.body, nil)
	}
	// 不指定package_id的情况下默认是线上版本
	table := map[string]string{
		"version": "string", "remark": "string", "msg": "string", "committer": "string", "status": "number", "commit_time": "string",
		"version_desc": "string", "package_id": "number", // the table says string, the examples have numbers
	}
	for name, query := range map[string][]string{
		"neither": nil, "by type": {"type", "1"}, "by id": {"package_id", "1"}, "by both, as in the example": {"type", "1", "package_id", "1"},
	} {
		a := get(e, pathOSSDetail, append([]string{"access_token", token, "app_id", "111111"}, query...)...)
		var row any
		a.data(t, &row)
		row = decodeNumbers(t, []byte(asText(t, row)))
		fieldsOf(t, name, row, table)
		if fmt.Sprint(row.(map[string]any)["package_id"]) != "1" {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	// 代码包status字段码表
	for i, state := range []struct {
		name   string
		status int
	}{{"online", 1}, {"development", 3}, {"in_review", 4}, {"rejected", 5}, {"approved", 6}, {"rolling_back", 8}} {
		id := 222000 + i
		previous := ""
		if state.name == "rolling_back" {
			previous = `{"version":"0","state":"superseded"},`
		}
		must[fields](t, e, "POST", box+"/apps", fmt.Sprintf(`{"app_id":%d,"packages":[%s{"version":"1","state":%q}]}`, id, previous, state.name))
		a := get(e, pathOSSDetail, "access_token", token, "app_id", fmt.Sprint(id), "type", fmt.Sprint(state.status))
		if want := fmt.Sprintf(`"status":%d,`, state.status); !strings.Contains(string(a.body), want) {
			t.Errorf("%s: %s", state.name, a.body)
		}
	}
}

// TestSeed000Notices is 变更回调通知.
func TestSeed000Notices(t *testing.T) {
	broker := &recorder{}
	e := newEmulator(t, func(o *emulator.Options) { o.Broker = broker; o.Manual = true })
	must[fields](t, e, "POST", box+"/apps", `{"app_id":1111,"packages":[{"package_id":11111,"version":"1","state":"in_review"}]}`)
	must[fields](t, e, "PATCH", box+"/apps/1111", `{"name":"新名称"}`)
	must[fields](t, e, "POST", box+"/decisions", `{"kind":"audit","result":"pass","package_id":11111}`)
	records := broker.take("smartapp.change")
	if len(records) != 2 {
		t.Fatalf("%d notices", len(records))
	}
	likeExample(t, "100", `{"code":100,"data":{"app_id":1111}}`, records[0].Value, nil)
	likeExample(t, "101", `{"code":101,"data":{"app_id":1111,"package_id":11111}}`, records[1].Value, nil)
}
