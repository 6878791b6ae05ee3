package emulator_test

// What the model shows of packages: rows of lists, details, and which package
// a detail is of.

import (
	"fmt"
	"strings"
	"time"
)

// row is what a list shows of a package; nil for one that it does not show.
func (p *modelPackage) row() map[string]any {
	row := p.detail()
	switch {
	case p.state == uploading || p.state == failed:
		row = map[string]any{
			"version": p.version, "version_desc": p.desc, "commit_time": commitTime(p.committed),
			"upload_status": 1.0, "upload_status_desc": "上传中",
		}
		if p.state == failed {
			row["upload_status"], row["upload_status_desc"] = 3.0, "上传失败"
			row["upload_err_code"] = float64(p.errCode)
			if p.errMsg != "" {
				row["upload_err_msg"] = p.errMsg
			}
		}
	case row == nil:
	case p.before != nil && (p.state == online || p.state == rollingBack):
		row["rollback_version"] = p.before.version
	}
	return row
}

// detail is what is told of one package.
func (p *modelPackage) detail() map[string]any {
	if wireStatus[p.state] == 0 {
		return nil
	}
	return map[string]any{
		"version": p.version, "remark": p.remark, "msg": p.msg, "committer": "--",
		"status": float64(wireStatus[p.state]), "commit_time": commitTime(p.committed),
		"version_desc": p.desc, "package_id": float64(p.id),
	}
}

// same says whether a row is the one that the model has; where the model knows
// only a part of the message, that counts.
func (p *modelPackage) same(want, got map[string]any) bool {
	if p.msgMore && want["msg"] != nil {
		text, _ := got["msg"].(string)
		if !strings.Contains(text, p.msg) {
			return false
		}
		want["msg"] = text
	}
	return fmt.Sprint(want) == fmt.Sprint(got)
}

func commitTime(t time.Time) string { return t.In(beijing).Format("2006/01/02 15:04:05") }

// list is the list of an app's packages.
func (a *modelApp) list() (shown []*modelPackage) {
	for _, p := range a.packages {
		if p.row() != nil {
			shown = append(shown, p)
		}
	}
	return shown
}

// asked is the package that a detail is of: the one with that id, or else the
// one in that state.
func (a *modelApp) asked(status int, id int64) *modelPackage {
	for _, p := range a.packages {
		if p.detail() != nil && (id != 0 && p.id == id || id == 0 && wireStatus[p.state] == status) {
			return p
		}
	}
	return nil
}
