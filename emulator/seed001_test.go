package emulator_test

// Seed 001 from top to bottom: the three steps, each call with its own example,
// the two pushes.

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
)

const seedDone = `{"errno":0,"msg":"success"}`

// seedTP returns an emulator at the time of the document's pushes, and the
// token with which its TP acts for its app.
func seedTP(t *testing.T) (*emulator.Emulator, string) {
	t.Helper()
	e := newEmulator(t, func(o *emulator.Options) {
		o.Manual = true
		o.Clock.Start = time.Date(2019, 1, 14, 4, 45, 10, 0, time.UTC)
	})
	return e, credentials(t, e.Sandbox("default")).Authorizer.AccessToken
}

// inQuery sends an example as its curl command does: POST, everything in the
// query. The token of the document is replaced by one that works; nothing else
// is.
func inQuery(e *emulator.Emulator, path, token string, kv ...string) answer {
	return postBody(e, path+"?"+values(append([]string{"access_token", token}, kv...)).Encode(), "", "")
}

// TestSeed001Calls sends the five POST examples.
func TestSeed001Calls(t *testing.T) {
	e, token := seedTP(t)
	given := `{"packages":[{"package_id":55106,"version":"1","state":"development"},
		{"package_id":58210,"version":"2","state":"approved"},{"package_id":58209,"version":"0","state":"online"}]}`
	must[fields](t, e, "POST", box+"/apps/1452365/packages", given)
	for _, c := range []struct {
		name string
		path string
		kv   []string
	}{
		{"授权小程序上传包", pathUpload, []string{
			"template_id", "754", "ext_json", `{"extEnable":true, "directCommit":false}`,
			"user_version", "10.30.0.3", "user_desc", "模板分包优化提包 case4",
		}},
		{"授权小程序发布", pathRelease, []string{"package_id", "58210"}},
		{"授权小程序提交审核", pathSubmit, []string{"package_id", "55106", "content", "TP代送审开发包", "remark", "代提审"}},
		{"授权小程序撤销审核", pathWithdraw, []string{"package_id", "55106"}}, // the example's 58210 is the one released above
		{"授权小程序回滚包", pathRollback, []string{"package_id", "58210"}},
	} {
		likeExample(t, c.name, seedDone, inQuery(e, c.path, token, c.kv...).body, nil)
	}
	// The token of the example for withdrawals ends with %0A, which is none.
	if a := inQuery(e, pathWithdraw, token+"\n", "package_id", "58210"); a.code() != 110 {
		t.Errorf("a token and a line's end: %s", a.body)
	}
	// 错误情况下: errno int, msg string; 40001 参数错误
	a := inQuery(e, pathRelease, token)
	var wrong struct {
		Errno int
		Msg   string
	}
	a.into(t, &wrong)
	if wrong.Errno != 40001 || !strings.HasPrefix(wrong.Msg, "参数错误") {
		t.Errorf("an error: %s", a.body)
	}
}

// TestSeed001ExtJSON sends the document's whole ext_json, and directCommit as
// its table has it: a text.
func TestSeed001ExtJSON(t *testing.T) {
	const whole = `{"extEnable":true,"extAppid":"100000282","directCommit":false,
		"ext":{"name":"helloword","attr":{"host":"open.baidu.com","users":["user_1","user_2"]}},
		"extPages":{"pages/api/api":{"navigationBarTitleText":"小程序接口能力展示open"}},
		"window":{"backgroundTextStyle":"light","navigationBarBackgroundColor":"#fff","navigationBarTitleText":"Demo","navigationBarTextStyle":"black"},
		"tabBar":{"list":[{"iconPath":"images/component_normal.png","pagePath":"pages/index","text":"首页open"},
			{"pagePath":"pages/component/component","iconPath":"images/component_normal.png","selectedIconPath":"images/component_selected.png","text":"组件open"}]},
		"networkTimeout":{"request":20000,"downloadFile":20000}}`
	for ext, state := range map[string]string{
		whole: "development", `{"directCommit":"true"}`: "in_review", `{"directCommit":true,"extAppid":1452365}`: "in_review",
	} {
		e, token := seedTP(t)
		likeExample(t, ext, seedDone, inQuery(e, pathUpload, token, "template_id", "754", "ext_json", ext, "user_version", "1", "user_desc", "d").body, nil)
		must[fields](t, e, "POST", box+"/decisions", `{"kind":"upload","result":"pass"}`)
		if p := packagesOf(t, e, 1452365); len(p) != 1 || p[0].State != state {
			t.Errorf("%s: %+v, want %s", ext, p, state)
		}
	}
}

// TestSeed001Gates is what the three steps ask for before they can be taken.
func TestSeed001Gates(t *testing.T) {
	e, token := seedTP(t)
	must[fields](t, e, "POST", box+"/apps/1452365/packages",
		`{"packages":[{"package_id":1,"version":"1","state":"development"},{"package_id":2,"version":"0","state":"approved"}]}`)
	must[fields](t, e, "PATCH", box+"/apps/1452365", `{"basic_info_approved":false,"verified":false}`)
	// 提交代码审核前请确保小程序的基本信息已经全部审核通过
	if a := inQuery(e, pathSubmit, token, "package_id", "1", "content", "c", "remark", ""); a.code() != 69003 {
		t.Errorf("submitted: %s", a.body)
	}
	// 提交小程序发布前,请确保开发者的主体真实性认证已通过
	if a := inQuery(e, pathRelease, token, "package_id", "2"); a.code() != 50038 {
		t.Errorf("released: %s", a.body)
	}
	must[fields](t, e, "PATCH", box+"/apps/1452365", `{"basic_info_approved":true,"verified":true}`)
	// In this order: what is submitted replaces what is approved.
	if a := inQuery(e, pathRelease, token, "package_id", "2"); a.code() != 0 {
		t.Errorf("released: %s", a.body)
	}
	if a := inQuery(e, pathSubmit, token, "package_id", "1", "content", "c"); a.code() != 0 {
		t.Errorf("submitted: %s", a.body)
	}
}

// TestSeed001Lists is the list and the detail.
func TestSeed001Lists(t *testing.T) {
	e, token := seedTP(t)
	must[fields](t, e, "POST", box+"/apps/1452365/packages", `{"packages":[
		{"package_id":1,"version":"1.2.6","state":"online","msg":"审核通过","version_desc":"desc","committed":"2018-09-04T17:13:59+08:00","previous":2},
		{"package_id":2,"version":"v1.2.5","state":"superseded"},
		{"package_id":3,"version":"1.2.7","state":"uploading","version_desc":"desc","committed":"2018-09-06T15:32:38+08:00"}]}`)
	likeExample(t, "获取小程序包列表", `{"errno":0,"msg":"success","data":[
		{"version":"1.2.6","remark":"","msg":"审核通过","committer":"--","status":1,"commit_time":"2018/09/04 17:13:59",
			"version_desc":"desc","package_id":1,"rollback_version":"v1.2.5"},
		{"version":"1.2.7","commit_time":"2018/09/06 15:32:38","version_desc":"desc","upload_status":1,"upload_status_desc":"上传中"}]}`,
		get(e, pathList, "access_token", token).body, nil)
	// upload_status 3 上传失败
	must[fields](t, e, "POST", box+"/decisions", `{"kind":"upload","result":"fail","code":69010,"reason":"模板解析出错"}`)
	likeExample(t, "上传失败", `[{"version":"1.2.7","commit_time":"2018/09/06 15:32:38","version_desc":"desc","upload_status":3,"upload_status_desc":"上传失败"}]`,
		[]byte("["+string(lastRow(t, get(e, pathList, "access_token", token)))+"]"), map[string]string{
			"/0/upload_err_code": "later clients read it", "/0/upload_err_msg": "later clients read it",
		})
	must[fields](t, e, "POST", box+"/reset", "")
	token = credentials(t, e.Sandbox("default")).Authorizer.AccessToken
	must[fields](t, e, "POST", box+"/apps/1452365/packages",
		`{"packages":[{"package_id":201,"version":"d0.0.0.2","state":"in_review","version_desc":"dddd123","committed":"1970-01-19T02:19:13+08:00"}]}`)
	const detail = `{"errno":0,"msg":"success","data":{"version":"d0.0.0.2","remark":"","msg":"","committer":"--","status":4,
		"commit_time":"1970/01/19 02:19:13","version_desc":"dddd123","package_id":201}}`
	for name, kv := range map[string][]string{"by type": {"type", "4"}, "by id": {"package_id", "201"}} {
		likeExample(t, "获取授权小程序包详情, "+name, detail, get(e, pathDetail, append([]string{"access_token", token}, kv...)...).body, nil)
	}
}

// lastRow is the last row of a list.
func lastRow(t *testing.T, a answer) json.RawMessage {
	t.Helper()
	var rows []json.RawMessage
	a.data(t, &rows)
	return rows[len(rows)-1]
}

// TestSeed001ThreeKinds is 列表中一共会展示三种状态的小程序代码包.
func TestSeed001ThreeKinds(t *testing.T) {
	for status, review := range map[int]string{4: "in_review", 6: "approved", 5: "rejected"} {
		e, token := seedTP(t)
		must[fields](t, e, "POST", box+"/apps/1452365/packages", fmt.Sprintf(`{"packages":[
			{"version":"1","state":"online"},{"version":"2","state":%q},{"version":"3","state":"development"},{"version":"0","state":"superseded"}]}`, review))
		var rows []struct{ Status int }
		get(e, pathList, "access_token", token).data(t, &rows)
		if len(rows) != 3 || rows[0].Status != 1 || rows[1].Status != status || rows[2].Status != 3 {
			t.Errorf("%s: %+v", review, rows)
		}
	}
}

// TestSeed001Pushes is 代码包审核状态推送: both examples, to the second.
func TestSeed001Pushes(t *testing.T) {
	for event, c := range map[string]struct{ decision, example string }{
		"PACKAGE_AUDIT_PASS": {
			`{"kind":"audit","result":"pass"}`,
			`{"appId":1452365,"tpAppId":17328232,"eventTime":"2019-01-14 12:45:10","event":"PACKAGE_AUDIT_PASS"}`,
		},
		"PACKAGE_AUDIT_FAIL": {
			`{"kind":"audit","result":"fail","reason":"名称过长(名称控制在10个字以内)。名称与实际打开后的名称不符。"}`,
			`{"appId":1452365,"tpAppId":17328232,"eventTime":"2019-01-14 12:45:10","event":"PACKAGE_AUDIT_FAIL",
				"reason":"名称过长(名称控制在10个字以内)。名称与实际打开后的名称不符。"}`,
		},
	} {
		e, _ := seedTP(t)
		must[fields](t, e, "POST", box+"/apps/1452365/packages", `{"packages":[{"version":"1","state":"in_review"}]}`)
		must[fields](t, e, "POST", box+"/decisions", c.decision)
		inbox := must[struct {
			Messages []struct{ Message json.RawMessage }
		}](t, e, "GET", box+"/inbox", "")
		if len(inbox.Messages) != 1 {
			t.Fatalf("%s: %d pushes", event, len(inbox.Messages))
		}
		likeExample(t, event, c.example, inbox.Messages[0].Message, nil)
	}
}

// TestSeed001Delay is 调用成功后会有一段延迟生效时间(3秒左右), which is polled for,
// and the rollback's delay.
func TestSeed001Delay(t *testing.T) {
	e := newEmulator(t, nil)
	s := e.Sandbox("default")
	token := credentials(t, s).Authorizer.AccessToken
	inQuery(e, pathUpload, token, "template_id", "754", "ext_json", "{}", "user_version", "1", "user_desc", "d")
	polled := func() string {
		a := ask(e, "GET", pathList+"?"+url.Values{"access_token": {token}}.Encode(), "")
		return string(lastRow(t, a))
	}
	for _, step := range []struct {
		after time.Duration
		has   string
	}{{0, `"upload_status":1`}, {2 * time.Second, `"upload_status":1`}, {time.Second, `"status":3`}} {
		advance(t, s, step.after)
		if got := polled(); !strings.Contains(got, step.has) {
			t.Errorf("%s later: %s, want %s", step.after, got, step.has)
		}
	}
	must[fields](t, e, "POST", box+"/reset", "")
	s = e.Sandbox("default")
	token = credentials(t, s).Authorizer.AccessToken
	must[fields](t, e, "POST", box+"/apps/1452365/packages",
		`{"packages":[{"package_id":1,"version":"1","state":"superseded"},{"package_id":2,"version":"2","state":"online"}]}`)
	inQuery(e, pathRollback, token, "package_id", "2")
	if got := polled(); !strings.Contains(got, `"status":8`) {
		t.Errorf("rolling back: %s", got)
	}
	advance(t, s, 3*time.Second)
	if got := polled(); !strings.Contains(got, `"status":1`) || !strings.Contains(got, `"package_id":1}`) {
		t.Errorf("rolled back: %s", got)
	}
}
