package emulator

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// Packages: their lifecycle (seed 001; PLATFORM's table in x-lifecycle) and
// the two views of them, a TP's and a host's. Modelled: upload with its delay
// and failures, direct commit, audit, withdrawal, release, rollback, one
// package per slot, the quota of audits. Not modelled: templates and what is
// in a package.

// The states of x-lifecycle/package that this file names.
const (
	stateUploading   = "uploading"
	stateInReview    = "in_review"
	stateOnline      = "online"
	stateRollingBack = "rolling_back"

	whenDirectCommit = "direct_commit"
)

// A Package is one uploaded version of an app.
type Package struct {
	ID    int64  `json:"package_id"`
	State string `json:"state"`
	// Version and Desc are user_version and user_desc of the upload.
	Version string `json:"version"`
	Desc    string `json:"version_desc,omitempty"`
	// Remark is the remark of the last submission; Msg what the audit said.
	Remark string `json:"remark,omitempty"`
	Msg    string `json:"msg,omitempty"`
	// Template and ExtJSON are template_id and ext_json of the upload.
	Template string `json:"template_id,omitempty"`
	ExtJSON  string `json:"ext_json,omitempty"`
	// DirectCommit submits it as soon as the upload is done (seed 001).
	DirectCommit bool `json:"direct_commit,omitempty"`
	// Committed is when it was uploaded, in seconds since 1970.
	Committed int64 `json:"committed"`
	// Previous is the package that was online before this one; 0: none.
	Previous int64 `json:"previous,omitempty"`
	// ErrCode and ErrMsg say why the upload failed.
	ErrCode int    `json:"upload_err_code,omitempty"`
	ErrMsg  string `json:"upload_err_msg,omitempty"`
	// Timer is the timer of the platform's decision; 0 while it waits to be
	// told, or when none is due.
	Timer int64 `json:"timer,omitempty"`
}

func (a *App) find(id int64) (int, bool) {
	return slices.BinarySearchFunc(a.Packages, id, func(p *Package, id int64) int { return int(p.ID - id) })
}

// pkg returns the app's package with that id, or nil.
func (a *App) pkg(id int64) *Package {
	if i, found := a.find(id); found {
		return a.Packages[i]
	}
	return nil
}

// inState returns the app's first package in one of those states, or nil.
func (a *App) inState(states ...string) *Package {
	for _, p := range a.Packages {
		if slices.Contains(states, p.State) {
			return p
		}
	}
	return nil
}

type uploadPackageIn struct {
	TemplateID string `json:"template_id"`
	ExtJSON    string `json:"ext_json"`
	Version    string `json:"user_version"`
	Desc       string `json:"user_desc"`
}

// uploadPackage begins an upload, which is done or fails some seconds later.
func uploadPackage(c *Call, in uploadPackageIn) (None, error) {
	app, err := c.ownApp()
	if err != nil {
		return None{}, err
	}
	direct, err := directCommit(in.ExtJSON)
	if err != nil {
		return None{}, err
	}
	t, err := c.machine().step(c, placed{app, nil}, "uploadPackage", "")
	if err != nil {
		return None{}, err
	}
	m := c.machine()
	if failed := app.inState(m.decided(timerUpload, outcomeFail, "", stateUploading).To); failed != nil {
		c.put(app, failed, m.displaced(failed.State, t.Name), "")
	}
	c.State.LastPackage++
	p := &Package{
		ID: c.State.LastPackage, Version: in.Version, Desc: in.Desc, Template: in.TemplateID,
		ExtJSON: in.ExtJSON, DirectCommit: direct, Committed: c.Now.Unix(),
	}
	app.Packages = append(app.Packages, p)
	c.enter(app, p, t, "")
	return None{}, nil
}

// directCommit reads directCommit out of an ext_json; it is a boolean in the
// example of seed 001 and a string in its table.
func directCommit(ext string) (bool, error) {
	if ext == "" {
		return false, nil
	}
	// A map, because the members of a struct are found in any case.
	var v map[string]any
	if err := json.Unmarshal([]byte(ext), &v); err != nil || v == nil {
		return false, refuse("ExtJSONInvalid", "应为 JSON 对象")
	}
	switch d := v["directCommit"].(type) {
	case nil:
		return false, nil
	case bool:
		return d, nil
	case string:
		if d == "true" || d == "false" || d == "" {
			return d == "true", nil
		}
	}
	return false, refuse("ExtJSONInvalid", "directCommit 应为 true 或 false")
}

type submitPackageIn struct {
	PackageID int64  `json:"package_id"`
	Content   string `json:"content"`
	Remark    string `json:"remark"`
}

// submitPackageAudit hands a package to the audit.
func submitPackageAudit(c *Call, in submitPackageIn) (None, error) {
	return c.move(in.PackageID, "submitPackageAudit", func(app *App, p *Package) {
		p.Remark, p.Msg = in.Remark, ""
		app.useQuota(c.Now)
	})
}

type packageIn struct {
	PackageID int64 `json:"package_id"`
}

// withdrawPackageAudit takes a package back from the audit.
func withdrawPackageAudit(c *Call, in packageIn) (None, error) {
	return c.move(in.PackageID, "withdrawPackageAudit", nil)
}

// releasePackage puts an approved package online; the one that was online
// becomes the one to roll back to.
func releasePackage(c *Call, in packageIn) (None, error) {
	return c.move(in.PackageID, "releasePackage", func(app *App, p *Package) {
		p.Previous = 0
		if online := app.inState(stateOnline); online != nil {
			p.Previous = online.ID
		}
	})
}

// rollbackPackage begins to put the previous package online again.
func rollbackPackage(c *Call, in packageIn) (None, error) {
	return c.move(in.PackageID, "rollbackPackage", nil)
}

// move takes the step that an operation asks for; prepare runs once it is
// certain that the step is taken.
func (c *Call) move(packageID int64, operation string, prepare func(*App, *Package)) (None, error) {
	app, err := c.ownApp()
	if err != nil {
		return None{}, err
	}
	p := app.pkg(packageID)
	if p == nil {
		return None{}, refuse("PackageNotFound")
	}
	t, err := c.machine().step(c, placed{app, p}, operation, "")
	if err != nil {
		return None{}, err
	}
	if prepare != nil {
		prepare(app, p)
	}
	c.enter(app, p, t, "")
	return None{}, nil
}

// ownApp returns the app that the caller acts for.
func (c *Call) ownApp() (*App, error) {
	app := c.State.Apps[c.Principal.App]
	if app == nil {
		return nil, refuse("AppNotFound")
	}
	return app, nil
}

// enter takes a transition: it clears the slot, records the step, emits what
// the lifecycle names and sets the timer of what the platform decides next.
func (c *Call) enter(app *App, p *Package, t *spec.Transition, reason string) {
	m := c.machine()
	if slot := m.states[t.To].Slot; slot != "" {
		for _, other := range slices.Clone(app.Packages) {
			if other != p && m.states[other.State].Slot == slot {
				c.put(app, other, m.displaced(other.State, t.Name), "")
			}
		}
	}
	c.put(app, p, t, reason)
	c.emitAll(t, app, p, reason)
	c.schedule(app, p)
}

// put changes the state of a package and records it. A package whose state is
// final is forgotten.
func (c *Call) put(app *App, p *Package, t *spec.Transition, reason string) {
	c.record(KindTransition, &Transition{
		Resource: "package", App: app.ID, ID: p.ID, Name: t.Name, From: p.State, To: t.To, Reason: reason,
	})
	p.State, p.Timer, app.rows = t.To, 0, nil
	if c.machine().states[t.To].Final {
		if i, found := app.find(p.ID); found {
			app.Packages = slices.Delete(app.Packages, i, i+1)
		}
	}
}

// The rows of lists and details (seeds 000 and 001).
type packageRow struct {
	packageDetail
	RollbackVersion string `json:"rollback_version,omitempty"`
}

// packageDetail is the row without rollback_version (seed 001).
type packageDetail struct {
	Version     string `json:"version"`
	Remark      string `json:"remark"`
	Msg         string `json:"msg"`
	Committer   string `json:"committer"`
	Status      int    `json:"status"`
	CommitTime  string `json:"commit_time"`
	VersionDesc string `json:"version_desc"`
	PackageID   int64  `json:"package_id"`
}

type uploadRow struct {
	Version          string `json:"version"`
	CommitTime       string `json:"commit_time"`
	VersionDesc      string `json:"version_desc"`
	UploadStatus     int    `json:"upload_status"`
	UploadStatusDesc string `json:"upload_status_desc"`
	UploadErrCode    int    `json:"upload_err_code,omitempty"`
	UploadErrMsg     string `json:"upload_err_msg,omitempty"`
}

// row returns the package's row in lists.
func (p *Package) row(app *App, st *spec.State) any {
	if st.UploadStatus != 0 {
		return uploadRow{p.Version, commitTime(p.Committed), p.Desc, st.UploadStatus, st.Title, p.ErrCode, p.ErrMsg}
	}
	r := packageRow{packageDetail: p.detail(st)}
	if before := app.pkg(p.Previous); before != nil && st.Slot == "online" {
		r.RollbackVersion = before.Version
	}
	return r
}

// detail returns what the platform tells of a package that is not in upload.
func (p *Package) detail(st *spec.State) packageDetail {
	return packageDetail{p.Version, p.Remark, p.Msg, "--", st.Status, commitTime(p.Committed), p.Desc, p.ID}
}

// commitTime writes a time as rows carry it (seed 000).
func commitTime(seconds int64) string {
	return time.Unix(seconds, 0).In(shanghai).Format("2006/01/02 15:04:05")
}

// list returns the rows of an app's packages, in order of id. They are encoded
// once after each change; nobody writes to them.
func (c *Call) list(app *App) encoded {
	if app.rows == nil {
		m := c.machine()
		rows := []any{}
		for _, p := range app.Packages {
			if st := m.states[p.State]; st.Listed {
				rows = append(rows, p.row(app, st))
			}
		}
		data, err := marshal(rows)
		if err != nil {
			return nil // rows hold texts and numbers: they can be written
		}
		app.rows = c.program().wire.success["business"].wrap(data)
	}
	return app.rows
}

func listPackages(c *Call, _ None) (encoded, error) {
	app, err := c.ownApp()
	if err != nil {
		return nil, err
	}
	return c.list(app), nil
}

type ossPackageIn struct {
	AppID     int64  `json:"app_id"`
	Type      *int   `json:"type"`
	PackageID *int64 `json:"package_id"`
}

func listOSSPackages(c *Call, in ossPackageIn) (encoded, error) {
	app, err := c.visibleApp(in.AppID)
	if err != nil {
		return nil, err
	}
	return c.list(app), nil
}

type packageDetailIn struct {
	Type      *int   `json:"type"`
	PackageID *int64 `json:"package_id"`
}

func getPackageDetail(c *Call, in packageDetailIn) (packageDetail, error) {
	app, err := c.ownApp()
	if err != nil {
		return packageDetail{}, err
	}
	return c.detail(app, in.Type, in.PackageID)
}

func getOSSPackageDetail(c *Call, in ossPackageIn) (packageDetail, error) {
	app, err := c.visibleApp(in.AppID)
	if err != nil {
		return packageDetail{}, err
	}
	return c.detail(app, in.Type, in.PackageID)
}

// detail returns one package: the one named, else the first in the state asked
// for, else the online one (seed 001). A package in upload has none.
func (c *Call) detail(app *App, status *int, id *int64) (packageDetail, error) {
	m := c.machine()
	want := m.states[stateOnline].Status
	if status != nil {
		want = *status
	}
	for _, p := range app.Packages {
		st := m.states[p.State]
		if !st.Listed || st.Status == 0 || id != nil && p.ID != *id || id == nil && st.Status != want {
			continue
		}
		return p.detail(st), nil
	}
	return packageDetail{}, refuse("PackageNotFound")
}

type auditQuota struct {
	QuotaType   int `json:"quota_type"`
	QuotaTimes  int `json:"quota_times"`
	RemainTimes int `json:"remain_times"`
}

// quotaWeekly is the quota_type of a week (K).
const quotaWeekly = 2

// getAuditQuota answers how many audits the app may still ask for this week.
func getAuditQuota(c *Call, _ None) (auditQuota, error) {
	app, err := c.ownApp()
	if err != nil {
		return auditQuota{}, err
	}
	times, left := app.quota(c.State.Config, c.Now)
	return auditQuota{QuotaType: quotaWeekly, QuotaTimes: times, RemainTimes: left}, nil
}
