package emulator_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/swanemu/emu/emulator"
)

// A shownHost is a member of the alliance as the control API shows it.
type shownHost struct {
	AK         string          `json:"ak"`
	SK         string          `json:"sk"`
	OfficalNo  int64           `json:"offical_no"`
	Name       string          `json:"name"`
	URL        string          `json:"url"`
	HSK        string          `json:"hsk"`
	AppIDs     []int64         `json:"app_ids"`
	Containers []shownHostsApp `json:"containers"`
}

type shownHostsApp struct {
	ContainerNo int64  `json:"container_no"`
	Name        string `json:"name"`
	Pkgname     string `json:"pkgname"`
	KeyHash     string `json:"key_hash"`
}

func TestControlHosts(t *testing.T) {
	e := newEmulator(t, nil)
	const hosts = box + "/hosts"
	made := must[shownHost](t, e, http.MethodPost, hosts, `{"ak":"alliance-two","offical_no":424242,"name":"galaxy","url":"http://127.0.0.1:9000/x",
		"containers":[{"container_no":7,"name":"浏览器","pkgname":"com.example.browser","key_hash":"abc"},{"name":"地图"}]}`)
	if made.AK != "alliance-two" || made.OfficalNo != 424242 || len(made.SK) != 32 || len(made.HSK) != 32 || made.Name != "galaxy" {
		t.Errorf("made %+v", made)
	}
	first, second := made.Containers[0], made.Containers[1]
	if first != (shownHostsApp{7, "浏览器", "com.example.browser", "abc"}) || second.ContainerNo == 0 || second.ContainerNo == 7 || second.Name != "地图" ||
		second.Pkgname == "" || second.KeyHash == "" {
		t.Errorf("its host apps: %+v", made.Containers)
	}
	all := must[struct{ Hosts []shownHost }](t, e, http.MethodGet, hosts, "").Hosts
	if len(all) != 2 || !slices.IsSortedFunc(all, func(a, b shownHost) int { return int(a.OfficalNo - b.OfficalNo) }) {
		t.Errorf("there are %+v", all)
	}
	for body, want := range map[string]struct {
		status  int
		pointer string
	}{
		`{"ak":"alliance-two"}`:                                  {409, "/ak"},
		`{"offical_no":424242}`:                                  {409, "/offical_no"},
		`{"name":"galaxy"}`:                                      {409, "/name"},
		`{"name":"Galaxy"}`:                                      {400, "/name"},
		`{"url":"ftp://x"}`:                                      {400, "/url"},
		`{"app_ids":[1452365,5]}`:                                {404, "/app_ids/1"},
		`{"containers":[{"container_no":7}]}`:                    {409, "/containers/0/container_no"},
		`{"containers":[{"container_no":8},{"container_no":8}]}`: {409, "/containers/1/container_no"},
		`{"containers":[{"pkg_name":"x"}]}`:                      {400, "/containers/0/pkg_name"},
		`{"official_no":1}`:                                      {400, "/official_no"},
		`{"hsk":""}`:                                             {400, "/hsk"},
		`{"containers":[{"container_no":0}]}`:                    {400, "/containers/0/container_no"},
		`{"ak":"` + must[emulator.Credentials](t, e, "POST", box+"/credentials", "").App.AppKey + `"}`: {409, "/ak"},
	} {
		if p := refused(t, e, want.status, http.MethodPost, hosts, body); p.Pointer != want.pointer {
			t.Errorf("%s: pointer %q, want %q", body, p.Pointer, want.pointer)
		}
	}
	one := fmt.Sprintf("%s/%d", hosts, made.OfficalNo)
	more := must[shownHostsApp](t, e, http.MethodPost, one+"/containers", `{"name":"输入法"}`)
	refused(t, e, 409, http.MethodPost, one+"/containers", fmt.Sprintf(`{"container_no":%d}`, more.ContainerNo))
	refused(t, e, 404, http.MethodPost, hosts+"/424243/containers", "")
	if got := must[shownHost](t, e, http.MethodGet, one, ""); len(got.Containers) != 3 || got.Containers[2] != more {
		t.Errorf("with one more: %+v", got.Containers)
	}
	changed := must[shownHost](t, e, http.MethodPatch, one, `{"name":"comet","url":"","hsk":"secret-of-comet","app_ids":[1452365,1452365]}`)
	if changed.Name != "comet" || changed.URL != "" || changed.HSK != "secret-of-comet" || !slices.Equal(changed.AppIDs, []int64{1452365}) || changed.SK != made.SK {
		t.Errorf("changed: %+v", changed)
	}
	if p := refused(t, e, 409, http.MethodPatch, one, fmt.Sprintf(`{"name":%q}`, all[0].Name)); all[0].OfficalNo != made.OfficalNo && p.Pointer != "/name" {
		t.Errorf("another's name: %+v", p)
	}
	must[shownHost](t, e, http.MethodPatch, one, `{"name":"comet"}`) // its own is no other's
	for _, entry := range e.Sandbox("default").Journal(0, 100) {
		line, err := entry.MarshalJSON()
		if err != nil || strings.Contains(string(line), made.SK) || strings.Contains(string(line), "secret-of-comet") {
			t.Errorf("the journal shows a secret, or nothing: %s %v", line, err)
		}
	}
}

// TestWhatAMemberSees is the three queries by members with and without limits.
func TestWhatAMemberSees(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	for id := range 3 {
		must[fields](t, e, "POST", box+"/apps", fmt.Sprintf(`{"app_id":%d,"packages":[{"package_id":%d,"version":"1","state":"online"}]}`, 61+id, 610+id))
	}
	must[fields](t, e, "POST", box+"/hosts", `{"ak":"all","sk":"s"}`)
	must[fields](t, e, "POST", box+"/hosts", `{"ak":"some","sk":"s","offical_no":9,"app_ids":[61,63]}`)
	all, some := clientToken(t, e, "all", "s"), clientToken(t, e, "some", "s")
	queries := func(token, app string) map[string]answer {
		return map[string]answer{
			pathOSSInfo: get(e, pathOSSInfo, "access_token", token, "app_ids", app), pathOSSList: get(e, pathOSSList, "access_token", token, "app_id", app),
			pathOSSDetail: get(e, pathOSSDetail, "access_token", token, "app_id", app),
		}
	}
	for _, c := range []struct {
		token, app string
		code       int
	}{{all, "61", 0}, {all, "62", 0}, {some, "61", 0}, {some, "63", 0}, {some, "62", 45001}, {some, "5", 45000}, {all, "5", 45000}} {
		for path, a := range queries(c.token, c.app) {
			if a.code() != c.code {
				t.Errorf("%s of app %s: %s, want %d", path, c.app, a.body, c.code)
			}
		}
	}
	must[shownHost](t, e, "PATCH", box+"/hosts/9", `{"app_ids":[]}`)
	for path, a := range queries(some, "62") {
		if a.code() != 0 {
			t.Errorf("%s without a limit again: %s", path, a.body)
		}
	}
}

// TestManyApps is app_ids at its edges.
func TestManyApps(t *testing.T) {
	t.Parallel()
	e := newEmulator(t, nil)
	var ids []string
	for i := range 200 {
		must[fields](t, e, "POST", box+"/apps", fmt.Sprintf(`{"app_id":%d}`, 5000+i))
		ids = append(ids, fmt.Sprint(5000+i))
	}
	slices.Reverse(ids)
	c := credentials(t, e.Sandbox("default"))
	token := clientToken(t, e, c.Host.AK, c.Host.SK)
	ask := func(text string) (answer, []string) {
		a := get(e, pathOSSInfo, "access_token", token, "app_ids", text)
		var rows []struct {
			ID int64 `json:"app_id"`
		}
		var got []string
		if a.code() == 0 {
			a.data(t, &rows)
			for _, r := range rows {
				got = append(got, fmt.Sprint(r.ID))
			}
		}
		return a, got
	}
	if _, got := ask(strings.Join(ids, ",")); !slices.Equal(got, ids) {
		t.Errorf("200 apps are answered with %d, in the order they were named: %t", len(got), slices.Equal(got, ids))
	}
	for text, want := range map[string][]string{
		"5000": {"5000"}, "5001,5000": {"5001", "5000"}, "5000,5001,5000": {"5000", "5001"}, "0005000": {"5000"},
	} {
		if a, got := ask(text); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v: %s", text, got, want, a.body)
		}
	}
	for text, code := range map[string]int{
		"": 40001, ",": 40001, "5000,": 40001, ",5000": 40001, "5000,,5001": 40001, "5000, 5001": 40001, "5000;5001": 40001,
		"abc": 40001, "-5000": 40001, "5000.0": 40001, "5000,1": 45000, "0": 45000, "999999999999999999": 45000, "9999999999999999999": 40001,
	} {
		if a, _ := ask(text); a.code() != code {
			t.Errorf("%q: %s, want %d", text, a.body, code)
		}
	}
	if a := get(e, pathOSSInfo, "access_token", token); a.code() != 40001 {
		t.Errorf("without app_ids: %s", a.body)
	}
	if a := postBody(e, pathOSSInfo, jsonType, `{"access_token":"`+token+`","app_ids":5000}`); a.code() != 0 {
		t.Errorf("one app as a number: %s", a.body)
	}
}
