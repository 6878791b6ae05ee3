package scenarios

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// Prepare gives a sandbox what a scenario's given and platform say: what
// exists, and what is decided. The seed and the clock are the sandbox's own:
// they are set when it is made. An error that wraps ErrUnsupported means that
// the target lacks what the scenario needs.
func Prepare(ctx context.Context, t Target, sandbox string, s *Scenario) error {
	p := &preparation{ctx: ctx, box: box{t, sandbox}, s: s}
	if err := p.capabilities(); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"given.config", p.config},
		{"given.apps", p.apps},
		{"given.tps", p.tps},
		{"given.hosts", p.hosts},
		{"given.users", p.users},
		{"given.devices", p.devices},
		{"given.merchants", p.merchants},
		{"platform", p.decisions},
		{"platform", p.payments},
		{"platform.faults", p.faults},
		{"platform.answers", p.answers},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %s: %w", s.Name, step.what, err)
		}
	}
	return nil
}

type preparation struct {
	ctx context.Context
	box box
	s   *Scenario
}

func (p *preparation) order(method, path string, in, out any) error {
	return p.box.order(p.ctx, method, path, in, out)
}

func (p *preparation) capabilities() error {
	for _, need := range []struct {
		what, path string
		there      bool
	}{
		{"given.hosts", "hosts", len(p.s.Given.Hosts) > 0},
		{"given.users", "users", len(p.s.Given.Users) > 0},
		{"given.devices", "devices", len(p.s.Given.Devices) > 0},
		{"platform.faults", "faults", len(p.s.Platform.Faults) > 0},
		{"platform.answers", "answers", len(p.s.Platform.Answers) > 0},
		{"payments", "merchants", p.s.pays()},
	} {
		if !need.there {
			continue
		}
		ok, err := p.box.can(p.ctx, need.path)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%s: %w", need.what, ErrUnsupported)
		}
	}
	return nil
}

func (p *preparation) config() error {
	c := Config{}
	if p.s.Given.Config != nil {
		c = *p.s.Given.Config
	}
	if q := p.s.Platform.Quotas; q != nil && q.Audits != nil {
		c.AuditQuota = q.Audits
	}
	if c == (Config{}) {
		return nil
	}
	return p.order(http.MethodPatch, "/config", c, nil)
}

// ids lists what a sandbox has.
func (p *preparation) ids(kind, id string) ([]int64, error) {
	var out map[string][]map[string]any
	if err := p.order(http.MethodGet, "/"+kind, nil, &out); err != nil {
		return nil, err
	}
	var ids []int64
	for _, one := range out[kind] {
		n, err := strconv.ParseInt(fmt.Sprint(one[id]), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("list of %s: %w", kind, err)
		}
		ids = append(ids, n)
	}
	return ids, nil
}

func (p *preparation) apps() error {
	there, err := p.ids("apps", "app_id")
	if err != nil {
		return err
	}
	given := slices.Clone(p.s.Given.Apps)
	if q := p.s.Platform.Quotas; q != nil {
		for _, id := range slices.Sorted(maps.Keys(q.Apps)) {
			given = withQuota(given, id, q.Apps[id])
		}
	}
	for _, app := range given {
		if !slices.Contains(there, app.AppID) {
			err = p.order(http.MethodPost, "/apps", app, nil)
		} else {
			err = p.changeApp(&app)
		}
		if err != nil {
			return fmt.Errorf("app %d: %w", app.AppID, err)
		}
	}
	return nil
}

// withQuota gives an app a quota of its own.
func withQuota(apps []App, id string, quota int) []App {
	n, _ := strconv.ParseInt(id, 10, 64) // the checker has seen it
	i := slices.IndexFunc(apps, func(a App) bool { return a.AppID == n })
	if i < 0 {
		apps, i = append(apps, App{AppID: n}), len(apps)
	}
	apps[i].AuditQuota = &quota
	return apps
}

// changeApp makes an app that is there already what it should be.
func (p *preparation) changeApp(app *App) error {
	path := fmt.Sprintf("/apps/%d", app.AppID)
	if app.AppChange != (AppChange{}) {
		if err := p.order(http.MethodPatch, path, app.AppChange, nil); err != nil {
			return err
		}
	}
	if len(app.Packages) == 0 {
		return nil
	}
	return p.order(http.MethodPost, path+"/packages", map[string]any{"packages": app.Packages}, nil)
}

// tps makes the third-party platforms and sees who may act for whom.
func (p *preparation) tps() error {
	there, err := p.ids("tps", "tp_id")
	if err != nil {
		return err
	}
	listed := map[int64]bool{}
	for _, tp := range p.s.Given.TPs {
		for _, app := range tp.Apps {
			listed[app] = true
		}
	}
	for _, tp := range p.s.Given.TPs {
		if err := p.tp(&tp, slices.Contains(there, tp.TPID)); err != nil {
			return fmt.Errorf("tp %d: %w", tp.TPID, err)
		}
	}
	first := int64(defaultTP)
	if len(p.s.Given.TPs) > 0 {
		first = p.s.Given.TPs[0].TPID
		if !slices.ContainsFunc(p.s.Given.TPs, func(tp TP) bool { return tp.TPID == defaultTP }) {
			if err := p.letGo(slices.Sorted(maps.Keys(listed))); err != nil {
				return err
			}
		}
	}
	for _, app := range p.s.Given.Apps {
		if listed[app.AppID] {
			continue
		}
		if err := p.authorize(first, app.AppID); err != nil {
			return fmt.Errorf("tp %d for app %d: %w", first, app.AppID, err)
		}
	}
	return nil
}

func (p *preparation) tp(tp *TP, there bool) error {
	order := map[string]any{}
	if tp.PushURL != nil {
		order["push_url"] = *tp.PushURL
	}
	if tp.Inbox {
		order["push_url"] = ""
	}
	if tp.AuthorizationURL != nil {
		order["authorization_url"] = *tp.AuthorizationURL
	}
	if !there {
		order["tp_id"], order["apps"] = tp.TPID, append([]int64{}, tp.Apps...)
		return p.order(http.MethodPost, "/tps", order, nil)
	}
	if len(order) > 0 {
		if err := p.order(http.MethodPatch, fmt.Sprintf("/tps/%d", tp.TPID), order, nil); err != nil {
			return err
		}
	}
	if tp.Apps == nil {
		return nil
	}
	had, err := p.authorized(tp.TPID)
	if err != nil {
		return err
	}
	for _, app := range had {
		if !slices.Contains(tp.Apps, app) {
			if err := p.revoke(tp.TPID, app); err != nil {
				return err
			}
		}
	}
	for _, app := range tp.Apps {
		if !slices.Contains(had, app) {
			if err := p.authorize(tp.TPID, app); err != nil {
				return err
			}
		}
	}
	return nil
}

// authorized lists the apps a third-party platform may act for.
func (p *preparation) authorized(tp int64) ([]int64, error) {
	var out struct {
		Apps []int64 `json:"apps"`
	}
	err := p.order(http.MethodGet, fmt.Sprintf("/tps/%d", tp), nil, &out)
	return out.Apps, err
}

// authorize lets a third-party platform act for an app, once.
func (p *preparation) authorize(tp, app int64) error {
	had, err := p.authorized(tp)
	if err != nil || slices.Contains(had, app) {
		return err
	}
	return p.order(http.MethodPost, "/authorizations", map[string]any{"tp_id": tp, "app_id": app}, nil)
}

func (p *preparation) revoke(tp, app int64) error {
	return p.order(http.MethodDelete, fmt.Sprintf("/authorizations/%d/%d", tp, app), nil, nil)
}

// letGo takes apps from the sandbox's own TP that given ones act for.
func (p *preparation) letGo(apps []int64) error {
	had, err := p.authorized(defaultTP)
	if err != nil {
		return err
	}
	for _, app := range apps {
		if slices.Contains(had, app) {
			if err := p.revoke(defaultTP, app); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *preparation) hosts() error {
	for _, h := range p.s.Given.Hosts {
		if err := p.order(http.MethodPost, "/hosts", h, nil); err != nil {
			return err
		}
	}
	return nil
}

func (p *preparation) faults() error {
	for _, f := range p.s.Platform.Faults {
		if err := p.order(http.MethodPost, "/faults", f, nil); err != nil {
			return err
		}
	}
	return nil
}
