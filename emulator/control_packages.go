package emulator

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// Packages that an app has from the beginning, anywhere in the lifecycle, and
// packages as the control API shows them.

// packageOrder is a package that an app has from the beginning.
type packageOrder struct {
	Version   string    `json:"version"`
	State     string    `json:"state"`
	ID        int64     `json:"package_id"`
	Desc      string    `json:"version_desc"`
	Remark    string    `json:"remark"`
	Msg       string    `json:"msg"`
	Template  string    `json:"template_id"`
	ExtJSON   string    `json:"ext_json"`
	Committed time.Time `json:"committed"`
	Previous  int64     `json:"previous"`
	ErrCode   int       `json:"upload_err_code"`
	ErrMsg    string    `json:"upload_err_msg"`
}

// fillPackages gives an app its packages, if they can be side by side.
func (c *Call) fillPackages(app *App, given []packageOrder) error {
	used := map[int64]bool{}
	for _, a := range c.State.Apps {
		for _, p := range a.Packages {
			used[p.ID] = true
		}
	}
	for i, g := range given {
		if g.ID != 0 && used[g.ID] {
			return conflict(fmt.Sprintf("/packages/%d/package_id", i), fmt.Sprintf("there is a package %d already", g.ID))
		}
		used[g.ID] = used[g.ID] || g.ID != 0
	}
	next := c.State.LastPackage
	slots := map[string]string{}
	for i, g := range given {
		pointer := fmt.Sprintf("/packages/%d", i)
		for g.ID == 0 {
			if next++; !used[next] {
				g.ID = next
			}
		}
		p, err := c.givenPackage(&g, pointer)
		if err != nil {
			return err
		}
		if st := c.machine().states[g.State]; st.Slot != "" {
			if other := slots[st.Slot]; other != "" {
				return badRequest(pointer+"/state", fmt.Sprintf("%s and %s cannot be side by side: they share the place %q", other, g.State, st.Slot))
			}
			slots[st.Slot] = g.State
		}
		app.Packages = append(app.Packages, p)
	}
	slices.SortFunc(app.Packages, func(a, b *Package) int { return cmp.Compare(a.ID, b.ID) })
	if err := app.linkPrevious(c.machine()); err != nil {
		return badRequest("/packages", err.Error())
	}
	return nil
}

// givenPackage makes one package as it was given.
func (c *Call) givenPackage(g *packageOrder, pointer string) (*Package, error) {
	st := c.machine().states[g.State]
	if st == nil || st.Final {
		return nil, badRequest(pointer+"/state", fmt.Sprintf("no package stays in a state %q", g.State))
	}
	direct, err := directCommit(g.ExtJSON)
	if err != nil {
		return nil, badRequest(pointer+"/ext_json", "ext_json must be a JSON object whose directCommit is true or false")
	}
	if g.Committed.IsZero() {
		g.Committed = c.Now
	}
	p := &Package{
		ID: g.ID, State: g.State, Version: g.Version, Desc: g.Desc, Remark: g.Remark, Msg: g.Msg,
		Template: g.Template, ExtJSON: g.ExtJSON, DirectCommit: direct, Committed: g.Committed.Unix(),
		Previous: g.Previous, ErrCode: g.ErrCode, ErrMsg: g.ErrMsg,
	}
	if g.State == c.machine().decided(timerUpload, outcomeFail, "", stateUploading).To && p.ErrCode == 0 {
		p.ErrCode = -1
	}
	return p, nil
}

// linkPrevious sees to it that each package that is or was online knows the one
// before it, and that a rollback has something to return to.
func (a *App) linkPrevious(m *machine) error {
	var last int64
	for _, p := range a.Packages {
		if m.restores(p.State) {
			if p.Previous == 0 {
				p.Previous = last
			}
			last = p.ID
		}
	}
	for _, p := range a.Packages {
		if p.online() && p.Previous == 0 {
			p.Previous = last
		}
		if before := a.pkg(p.Previous); p.Previous != 0 && (before == nil || before == p) {
			return fmt.Errorf("package %d cannot return to package %d: the app has no other of that id", p.ID, p.Previous)
		}
	}
	return a.checkPrevious(m)
}

// checkPrevious says which package has nothing to return to.
func (a *App) checkPrevious(m *machine) error {
	for _, p := range a.Packages {
		before := a.pkg(p.Previous)
		switch {
		case before != nil && !m.restores(before.State) && p.online():
			return fmt.Errorf("package %d cannot return to package %d, which is %s", p.ID, before.ID, before.State)
		case before == nil && p.State == stateRollingBack:
			return fmt.Errorf("package %d is rolling back and has no previous package to return to", p.ID)
		}
	}
	return nil
}

// online reports whether the package is the one online.
func (p *Package) online() bool { return p.State == stateOnline || p.State == stateRollingBack }

// restores reports whether a rollback puts a package in that state online
// again.
func (m *machine) restores(state string) bool {
	done := m.decided(timerRollback, outcomePass, "", stateRollingBack)
	if done == nil {
		return false
	}
	t := m.displaced(state, done.Name)
	return t != nil && t.Caused == done.Name
}

type givePackagesIn struct {
	appIDIn
	Packages []packageOrder `json:"packages"`
}

// givePackages gives packages to an app that has none.
func givePackages(c *Call, in givePackagesIn) (packagesOut, error) {
	app, err := c.anApp(in.AppID, "/app_id")
	if err != nil {
		return packagesOut{}, err
	}
	if len(app.Packages) > 0 {
		return packagesOut{}, conflict("/app_id", fmt.Sprintf("app %d has packages already", app.ID))
	}
	changed := *app
	if err := c.fillPackages(&changed, in.Packages); err != nil {
		return packagesOut{}, err
	}
	app.Packages, app.rows = changed.Packages, nil
	for _, p := range app.Packages {
		c.State.LastPackage = max(c.State.LastPackage, p.ID)
		c.schedule(app, p)
	}
	return listAppPackages(c, in.appIDIn)
}

type packagesOut struct {
	Packages []packageOut `json:"packages"`
}

type packageOut struct {
	ID           int64       `json:"package_id"`
	Version      string      `json:"version"`
	State        string      `json:"state"`
	Title        string      `json:"title"`
	Status       int         `json:"status"`
	UploadStatus int         `json:"upload_status"`
	Listed       bool        `json:"listed"`
	Desc         string      `json:"version_desc,omitempty"`
	Remark       string      `json:"remark,omitempty"`
	Msg          string      `json:"msg,omitempty"`
	Template     string      `json:"template_id,omitempty"`
	ExtJSON      string      `json:"ext_json,omitempty"`
	DirectCommit bool        `json:"direct_commit,omitempty"`
	Committed    string      `json:"committed"`
	Previous     int64       `json:"previous,omitempty"`
	ErrCode      int         `json:"upload_err_code,omitempty"`
	ErrMsg       string      `json:"upload_err_msg,omitempty"`
	Waits        bool        `json:"waits"`
	Pending      *pendingOut `json:"pending,omitempty"`
}

type pendingOut struct {
	Kind   string `json:"kind"`
	At     string `json:"at"`
	Result string `json:"result"`
	Reason string `json:"reason,omitempty"`
	Code   int    `json:"code,omitempty"`
}

func listAppPackages(c *Call, in appIDIn) (packagesOut, error) {
	app, err := c.anApp(in.AppID, "/app_id")
	if err != nil {
		return packagesOut{}, err
	}
	out := packagesOut{Packages: []packageOut{}}
	for _, p := range app.Packages {
		st := c.machine().states[p.State]
		if st == nil {
			st = &spec.State{}
		}
		one := packageOut{
			ID: p.ID, Version: p.Version, State: p.State, Title: st.Title, Status: st.Status,
			UploadStatus: st.UploadStatus, Listed: st.Listed, Desc: p.Desc, Remark: p.Remark, Msg: p.Msg,
			Template: p.Template, ExtJSON: p.ExtJSON, DirectCommit: p.DirectCommit,
			Committed: stamp(time.Unix(p.Committed, 0)), Previous: p.Previous, ErrCode: p.ErrCode, ErrMsg: p.ErrMsg,
			Waits: p.waitsFor() != "",
		}
		if i := slices.IndexFunc(c.State.Timers, func(t Timer) bool { return p.Timer != 0 && t.ID == p.Timer }); i >= 0 {
			t := c.State.Timers[i]
			one.Pending = &pendingOut{Kind: t.Kind, At: stamp(time.Unix(0, t.Due)), Result: outcomePass}
			if d := t.Decision; d != nil {
				one.Pending.Result, one.Pending.Reason, one.Pending.Code = d.Result, d.Reason, d.Code
			}
		}
		out.Packages = append(out.Packages, one)
	}
	return out, nil
}
