package emulator_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/emulator"
)

// shownGrants is what an app has leave to, as the control API shows it.
type shownGrants struct {
	AppID  int64 `json:"app_id"`
	Huid   int64
	Cuid   string
	Scopes []struct {
		Scope, Client, Since string
		Permit, Forbidden    bool
		Grade                int
		TipStatus            int `json:"tip_status"`
	}
	AuthSetting map[string]bool `json:"auth_setting"`
}

// TestControlGrants gives, shows and takes leave over the control API, and
// looks at it from the host's side.
func TestControlGrants(t *testing.T) {
	h := newHostApp(t)
	before := must[shownGrants](t, h.e, "GET", box+"/grants", "")
	if before.AppID != h.id || before.Huid != 295421489 || len(before.Cuid) != 32 || len(before.Scopes) < 8 || len(before.AuthSetting) != 0 {
		t.Errorf("at first: %+v", before)
	}
	must[shownGrants](t, h.e, "PUT", box+"/grants", `{"scope":"scope.userInfo"}`)
	got := must[shownGrants](t, h.e, "PUT", box+"/grants", `{"scope":"mapp_location","permit":false}`)
	if d := cmp.Diff(map[string]bool{"scope.userInfo": true, "scope.userLocation": false}, got.AuthSetting); d != "" {
		t.Errorf("settings (-want +got):\n%s", d)
	}
	for id, tip := range map[string]string{"snsapi_userinfo": "1", "mapp_location": "-1", "mapp_camera": "0"} {
		if item := ok[allScopes](h, hostUpdate, "").Accredit.Data.List[id]; item.TipStatus != tip {
			t.Errorf("%s at the host: %+v", id, item)
		}
	}
	if got := must[fields](t, h.e, "DELETE", box+"/grants?scope=scope.userInfo", ""); got["removed"] != 1.0 {
		t.Errorf("one cleared: %v", got)
	}
	if got := must[fields](t, h.e, "DELETE", box+"/grants", ""); got["removed"] != 1.0 {
		t.Errorf("the rest cleared: %v", got)
	}
	if got := must[fields](t, h.e, "DELETE", box+"/grants", ""); got["removed"] != 0.0 {
		t.Errorf("nothing cleared: %v", got)
	}
	if got := must[shownGrants](t, h.e, "GET", box+"/grants?huid=0", ""); got.Huid != 0 {
		t.Errorf("nobody: %+v", got)
	}
	for _, tc := range []struct {
		status                      int
		method, path, body, pointer string
	}{
		{404, "PUT", "/grants", `{"scope":"scope.userinfo"}`, "/scope"},
		{404, "PUT", "/grants", `{"scope":"mobile","huid":8}`, "/huid"},
		{404, "PUT", "/grants", `{"scope":"mobile","app_id":8}`, "/app_id"},
		{404, "PUT", "/grants", `{"scope":"mobile","cuid":"8"}`, "/cuid"},
		{409, "PUT", "/grants", `{"scope":"mobile","huid":0}`, "/scope"},
		{400, "PUT", "/grants", `{"permit":true}`, "/scope"},
		{404, "DELETE", "/grants?scope=x", "", "/scope"},
		{404, "GET", "/grants?huid=8", "", "/huid"},
		{404, "PATCH", "/apps/8/scopes/mobile", `{"grade":2}`, "/app_id"},
		{400, "PATCH", "/apps/1452365/scopes/mobile", `{"grade":4}`, "/grade"},
	} {
		if p := refused(t, h.e, tc.status, tc.method, box+tc.path, tc.body); p.Pointer != tc.pointer {
			t.Errorf("%s %s %s: %+v", tc.method, tc.path, tc.body, p)
		}
	}
}

// TestControlAnswers scripts what users answer, and lets a client ask.
func TestControlAnswers(t *testing.T) {
	h := newHostApp(t)
	must[fields](t, h.e, "POST", box+"/users", `{"huid":7}`)
	must[fields](t, h.e, "POST", box+"/apps", `{"app_id":9999999}`)
	for _, body := range []string{
		`{"answer":"refuse","ask":"scope.userInfo","huid":7}`, `{"answer":"cancel","ask":"share","app_id":9999999}`,
		`{"answer":"agree","ask":"mapp_choose_address","choice":2}`, `{"answer":"refuse"}`, `{"answer":"cancel","huid":7}`,
	} {
		must[fields](t, h.e, "POST", box+"/answers", body)
	}
	asked := func(body string) string {
		got := must[struct {
			Answer string
			Choice int64
			Queued *int64
		}](t, h.e, "POST", box+"/asks", body)
		if got.Queued == nil {
			return fmt.Sprintf("%s %d", got.Answer, got.Choice)
		}
		return fmt.Sprintf("%s %d by %d", got.Answer, got.Choice, *got.Queued)
	}
	for _, tc := range []struct{ body, want string }{
		{`{"ask":"scope.address"}`, "agree 2 by 3"},
		{`{"ask":"snsapi_userinfo","huid":7}`, "refuse 0 by 1"},
		{`{"ask":"share"}`, "refuse 0 by 4"},
		{`{"ask":"share"}`, "agree 0"},
		{`{"ask":"share","app_id":9999999,"huid":0}`, "cancel 0 by 2"},
		{`{"ask":"scope.camera","huid":7}`, "cancel 0 by 5"},
		{`{"ask":"scope.camera","huid":7}`, "agree 0"},
	} {
		if got := asked(tc.body); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.body, got, tc.want)
		}
	}
	must[fields](t, h.e, "PATCH", box+"/config", `{"user_answer":"refuse"}`)
	if got := asked(`{"ask":"scope.camera"}`); got != "refuse 0" {
		t.Errorf("by the config: %s", got)
	}
	for range 3 {
		must[fields](t, h.e, "POST", box+"/answers", `{"answer":"agree"}`)
	}
	if got := must[struct{ Answers []emulator.UserAnswer }](t, h.e, "GET", box+"/answers", ""); len(got.Answers) != 3 || got.Answers[0].ID != 6 {
		t.Errorf("queued: %+v", got)
	}
	if got := must[fields](t, h.e, "DELETE", box+"/answers?id=7", ""); got["removed"] != 1.0 {
		t.Errorf("one taken back: %v", got)
	}
	if got := must[fields](t, h.e, "DELETE", box+"/answers", ""); got["removed"] != 2.0 {
		t.Errorf("the rest taken back: %v", got)
	}
	refused(t, h.e, http.StatusNotFound, "DELETE", box+"/answers?id=7", "")
	refused(t, h.e, http.StatusNotFound, "POST", box+"/answers", `{"answer":"agree","huid":8}`)
	refused(t, h.e, http.StatusNotFound, "POST", box+"/answers", `{"answer":"agree","app_id":8}`)
	if p := refused(t, h.e, http.StatusBadRequest, "POST", box+"/answers", `{"answer":"yes"}`); p.Pointer != "/answer" {
		t.Errorf("problem %+v", p)
	}
	n := 0
	for _, entry := range h.e.Sandbox(emulator.DefaultSandbox).Journal(0, 1000) {
		if d, is := entry.Detail.(*emulator.AnswerDetail); is {
			if n++; d.Ask == "scope.camera" || d.Answer == "" {
				t.Errorf("journaled: %+v", d)
			}
		}
	}
	if n != 8 {
		t.Errorf("%d answers are in the journal", n)
	}
}
