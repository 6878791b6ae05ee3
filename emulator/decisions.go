package emulator

import (
	"slices"
	"time"
)

// What the platform decides: how uploads and audits end, when a rollback is
// done; what is decided on orders is in payment_decisions.go. Decisions can be queued ahead, per app; without one the platform lets
// everything pass after the contract's delay, or, in manual mode, waits.

// The outcomes of a Decision.
const (
	outcomePass = "pass"
	outcomeFail = "fail"
)

// A Decision is what the platform will decide, or has.
type Decision struct {
	ID int64 `json:"id,omitempty"`
	// Kind is upload, audit, payment, refund_audit or refund.
	Kind string `json:"kind"`
	// App and Version say whose package it is for; 0 and "" mean any.
	App     int64  `json:"app_id,omitempty"`
	Version string `json:"version,omitempty"`
	// TPOrder says whose order it is for; "" means any. Channel is what a
	// payment is made by; "" means the first that is not hidden.
	TPOrder string `json:"tp_order_id,omitempty"`
	Channel string `json:"channel,omitempty"`
	// Result is pass or fail; paid, cancelled or failed for a payment.
	Result string `json:"result"`
	// Reason is why it fails: an audit's reason, an upload's message.
	Reason string `json:"reason,omitempty"`
	// Code is an upload's upload_err_code (K: -1, 69010, 69009, 40001).
	Code int `json:"code,omitempty"`
	// After is how long it takes; nil means the sandbox's delay.
	After *time.Duration `json:"after,omitempty"`
}

// schedule sees to what the platform decides next on a package.
func (c *Call) schedule(app *App, p *Package) {
	kind, delay := "", time.Duration(0)
	switch p.State {
	case stateUploading:
		kind, delay = timerUpload, c.State.Config.Upload
	case stateInReview:
		kind, delay = timerAudit, c.State.Config.Audit
	case stateRollingBack:
		kind, delay = timerRollback, c.State.Config.Rollback
	default:
		return
	}
	d := c.takeDecision(kind, app, p)
	if d == nil {
		if c.State.Config.Manual && kind != timerRollback {
			return
		}
		d = &Decision{Kind: kind, Result: outcomePass}
	}
	c.decide(app, p, d, delay)
}

// decide sets the timer of a decision on a package.
func (c *Call) decide(app *App, p *Package, d *Decision, delay time.Duration) {
	if d.After != nil {
		delay = *d.After
	}
	p.Timer = c.after(delay, Timer{Kind: d.Kind, App: app.ID, Package: p.ID, Decision: d})
}

// takeDecision takes the first queued decision that is for this package.
func (c *Call) takeDecision(kind string, app *App, p *Package) *Decision {
	i := slices.IndexFunc(c.State.Decisions, func(d *Decision) bool { return d.matches(kind, app, p) })
	if i < 0 {
		return nil
	}
	d := c.State.Decisions[i]
	c.State.Decisions = slices.Delete(c.State.Decisions, i, i+1)
	return d
}

func (d *Decision) matches(kind string, app *App, p *Package) bool {
	return d.Kind == kind && (d.App == 0 || d.App == app.ID) && (d.Version == "" || d.Version == p.Version)
}

// undecided returns the first package that waits to be told and that the
// decision is for.
func (s *State) undecided(d *Decision) (*App, *Package) {
	for _, id := range s.appIDs() {
		app := s.Apps[id]
		for _, p := range app.Packages {
			waits := p.State == stateUploading && d.Kind == timerUpload || p.State == stateInReview && d.Kind == timerAudit
			if waits && p.Timer == 0 && d.matches(d.Kind, app, p) {
				return app, p
			}
		}
	}
	return nil, nil
}

// decidePackage is the moment when a decision on a package takes effect.
func decidePackage(c *Call, t Timer) bool {
	app := c.State.Apps[t.App]
	if app == nil {
		return false
	}
	p := app.pkg(t.Package)
	if p == nil || p.Timer != t.ID {
		return false
	}
	switch t.Kind {
	case timerUpload:
		c.uploaded(app, p, t.Decision)
	case timerAudit:
		c.audited(app, p, t.Decision)
	case timerRollback:
		c.rolledBack(app, p)
	}
	return true
}

// uploaded ends an upload.
func (c *Call) uploaded(app *App, p *Package, d *Decision) {
	m := c.machine()
	if d.Result == outcomeFail {
		p.ErrCode, p.ErrMsg = d.Code, d.Reason
		if p.ErrCode == 0 {
			p.ErrCode = -1
		}
		c.enter(app, p, m.decided(timerUpload, outcomeFail, "", p.State), d.Reason)
		return
	}
	if p.DirectCommit {
		t := m.decided(timerUpload, outcomePass, whenDirectCommit, p.State)
		err := m.pass(c, placed{app, p}, t)
		if err == nil {
			app.useQuota(c.Now)
			c.enter(app, p, t, "")
			return
		}
		// It stays in development and says why it was not submitted (assumed).
		p.Msg = c.box.em.message(err)
	}
	c.enter(app, p, m.decided(timerUpload, outcomePass, "", p.State), "")
}

// audited ends an audit.
func (c *Call) audited(app *App, p *Package, d *Decision) {
	m := c.machine()
	if d.Result == outcomeFail {
		// The push must give a reason.
		p.Msg = orElse(d.Reason, func() string { return "审核未通过" })
		c.enter(app, p, m.decided(timerAudit, outcomeFail, "", p.State), p.Msg)
		return
	}
	p.Msg = "审核通过"
	c.enter(app, p, m.decided(timerAudit, outcomePass, "", p.State), "")
}

// rolledBack puts the previous package online again.
func (c *Call) rolledBack(app *App, p *Package) {
	m := c.machine()
	t := m.decided(timerRollback, outcomePass, "", p.State)
	c.put(app, p, t, "")
	c.emitAll(t, app, p, "")
	if before := app.pkg(p.Previous); before != nil {
		c.enter(app, before, m.displaced(before.State, t.Name), "")
	}
}

// placed is a package with its app; the package is nil before it is there.
type placed struct {
	app *App
	p   *Package
}

func (r placed) where() (state string, id int64) {
	if r.p == nil {
		return "", 0
	}
	return r.p.State, r.p.ID
}

// packageGates decides the gates that x-lifecycle/package names.
func packageGates() map[string]gate {
	return map[string]gate{
		"basic_info_approved": on(func(_ *Call, r placed) error {
			switch {
			case r.app.NameApproved && r.app.CategoryApproved:
				return nil
			case r.app.NameApproved:
				return refuse("CategoryNotApproved")
			case r.app.CategoryApproved:
				return refuse("NameNotApproved")
			}
			return refuse("NameAndCategoryNotApproved")
		}),
		"audit_quota_left": on(func(c *Call, r placed) error {
			if _, left := r.app.quota(c.State.Config, c.Now); left == 0 {
				return refuse("AuditQuotaExceeded")
			}
			return nil
		}),
		"no_other_in_review": on(func(_ *Call, r placed) error {
			if other := r.app.inState(stateInReview); other != nil && other != r.p {
				return refuse("IllegalTransition", "代码包 %d 正在审核中，请等待审核结果或先撤销审核（withdrawPackageAudit）", other.ID)
			}
			return nil
		}),
		"owner_verified": on(func(_ *Call, r placed) error {
			if !r.app.Verified {
				return refuse("AdvancedAuthenticationRequired")
			}
			return nil
		}),
		"app_in_service": on(func(_ *Call, r placed) error {
			if r.app.Status == AppBanned || r.app.Status == AppPaused {
				return refuse("NoAppPermission")
			}
			return nil
		}),
		"has_previous_version": on(func(_ *Call, r placed) error {
			if r.app.pkg(r.p.Previous) == nil {
				return refuse("IllegalTransition", "代码包 %d 没有可回滚的上一个线上版本", r.p.ID)
			}
			return nil
		}),
		"no_rollback_running": on(func(_ *Call, r placed) error {
			if other := r.app.inState(stateRollingBack); other != nil {
				return refuse("IllegalTransition", "代码包 %d 正在回滚中，请等待回滚完成", other.ID)
			}
			return nil
		}),
	}
}
