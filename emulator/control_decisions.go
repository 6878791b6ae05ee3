package emulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// What the platform is told to decide, and what it decides by itself.

// waitsFor says which decision a package waits to be told; "" for none.
func (p *Package) waitsFor() string {
	if p.Timer != 0 || p.State == stateRollingBack {
		return ""
	}
	return p.due()
}

type decisionsOut struct {
	Queued  []decisionOut `json:"queued"`
	Waiting []waitingOut  `json:"waiting"`
}

type decisionOut struct {
	ID      int64  `json:"id"`
	Kind    string `json:"kind"`
	AppID   int64  `json:"app_id,omitempty"`
	Version string `json:"version,omitempty"`
	TPOrder string `json:"tp_order_id,omitempty"`
	Channel string `json:"channel,omitempty"`
	Result  string `json:"result"`
	Reason  string `json:"reason,omitempty"`
	Code    int    `json:"code,omitempty"`
	After   string `json:"after,omitempty"`
}

type waitingOut struct {
	Kind      string `json:"kind"`
	AppID     int64  `json:"app_id"`
	PackageID int64  `json:"package_id,omitempty"`
	Version   string `json:"version,omitempty"`
	OrderID   int64  `json:"order_id,omitempty"`
	TPOrder   string `json:"tp_order_id,omitempty"`
	Refund    int64  `json:"refund_batch_id,omitempty"`
}

func listDecisions(c *Call, _ None) (decisionsOut, error) {
	out := decisionsOut{Queued: []decisionOut{}, Waiting: []waitingOut{}}
	for _, d := range c.State.Decisions {
		one := decisionOut{
			ID: d.ID, Kind: d.Kind, AppID: d.App, Version: d.Version, TPOrder: d.TPOrder, Channel: d.Channel,
			Result: d.Result, Reason: d.Reason, Code: d.Code,
		}
		if d.After != nil {
			one.After = durationText(*d.After)
		}
		out.Queued = append(out.Queued, one)
	}
	for _, id := range c.State.appIDs() {
		for _, p := range c.State.Apps[id].Packages {
			if kind := p.waitsFor(); kind != "" {
				out.Waiting = append(out.Waiting, waitingOut{Kind: kind, AppID: id, PackageID: p.ID, Version: p.Version})
			}
		}
	}
	for _, o := range c.State.Orders {
		for _, u := range c.State.undecidedOn(o) {
			if u.timer() != 0 {
				continue
			}
			one := waitingOut{Kind: u.kind, AppID: o.App, OrderID: o.ID, TPOrder: o.TPOrder}
			if u.r != nil {
				one.Refund = u.r.ID
			}
			out.Waiting = append(out.Waiting, one)
		}
	}
	return out, nil
}

type decideIn struct {
	Kind      string  `json:"kind"`
	AppID     int64   `json:"app_id"`
	Version   string  `json:"version"`
	PackageID *int64  `json:"package_id"`
	TPOrder   string  `json:"tp_order_id"`
	OrderID   *int64  `json:"order_id"`
	Channel   string  `json:"channel"`
	Result    string  `json:"result"`
	Reason    string  `json:"reason"`
	Code      int     `json:"code"`
	After     *string `json:"after"`
}

type decidedOut struct {
	AppliedTo *int64 `json:"applied_to"`
	Queued    *int64 `json:"queued"`
}

// decide applies a decision to a package, an order or a refund, or queues it.
func decide(c *Call, in decideIn) (decidedOut, error) {
	d := &Decision{
		Kind: in.Kind, App: in.AppID, Version: in.Version, TPOrder: in.TPOrder, Channel: in.Channel, Result: in.Result,
		Reason: in.Reason, Code: in.Code,
	}
	if err := in.check(); err != nil {
		return decidedOut{}, err
	}
	if in.After != nil {
		after, err := duration(*in.After, "/after")
		if err != nil {
			return decidedOut{}, err
		}
		d.After = &after
	}
	if onPayments(in.Kind) {
		return c.decideOnOrder(&in, d)
	}
	var (
		app *App
		p   *Package
		err error
	)
	if in.PackageID != nil {
		app, p, err = c.pending(d, *in.PackageID)
	} else if in.AppID != 0 {
		_, err = c.anApp(in.AppID, "/app_id")
	}
	if err != nil {
		return decidedOut{}, err
	}
	if p == nil {
		app, p = c.State.undecided(d)
	}
	if p == nil {
		return c.queue(d), nil
	}
	c.State.Timers.drop(func(t Timer) bool { return p.Timer != 0 && t.ID == p.Timer })
	c.decide(app, p, d, 0)
	id := p.ID
	return decidedOut{AppliedTo: &id}, nil
}

// check finds what does not go with the kind of a decision.
func (in *decideIn) check() error {
	packages, payment := !onPayments(in.Kind), in.Kind == timerPayment
	for _, m := range []struct {
		name        string
		given, fits bool
		with        string
	}{
		{"code", in.Code != 0, in.Kind == timerUpload && in.Result == outcomeFail, "uploads that fail"},
		{"version", in.Version != "", packages, "packages"},
		{"package_id", in.PackageID != nil, packages, "packages"},
		{"tp_order_id", in.TPOrder != "", !packages, "orders"},
		{"order_id", in.OrderID != nil, !packages, "orders"},
		{"channel", in.Channel != "", payment && in.Result == paymentPaid, "payments that are paid"},
	} {
		if m.given && !m.fits {
			return badRequest("/"+m.name, m.name+" is for "+m.with)
		}
	}
	if known := outcomes(in.Kind); !slices.Contains(known, in.Result) {
		p := badRequest("/result", "a "+in.Kind+" ends with "+strings.Join(known, ", ")+", not "+in.Result)
		p.Nearest = near(in.Result, known)
		return p
	}
	return nil
}

// queue keeps a decision for what comes.
func (c *Call) queue(d *Decision) decidedOut {
	c.State.LastDecision++
	d.ID = c.State.LastDecision
	c.State.Decisions = append(c.State.Decisions, d)
	return decidedOut{Queued: &d.ID}
}

// decideOnOrder is decide for what is about orders.
func (c *Call) decideOnOrder(in *decideIn, d *Decision) (decidedOut, error) {
	if in.AppID != 0 {
		if _, err := c.anApp(in.AppID, "/app_id"); err != nil {
			return decidedOut{}, err
		}
	}
	var id int64
	set(&id, in.OrderID)
	u, err := c.anUndecided(d, id)
	if err != nil {
		return decidedOut{}, err
	}
	if u.o == nil {
		return c.queue(d), nil
	}
	c.decideNow(u, d)
	return decidedOut{AppliedTo: &u.o.ID}, nil
}

// pending returns the package with that id if a decision of that kind is due
// on it.
func (c *Call) pending(d *Decision, id int64) (*App, *Package, error) {
	var near []string
	for _, appID := range c.State.appIDs() {
		app := c.State.Apps[appID]
		p := app.pkg(id)
		if p == nil {
			for _, other := range app.Packages {
				if other.State == stateUploading || other.State == stateInReview {
					near = append(near, texts([]int64{other.ID})...)
				}
			}
			continue
		}
		switch {
		case d.App != 0 && d.App != app.ID || d.Version != "" && d.Version != p.Version:
			return nil, nil, conflict("/package_id", fmt.Sprintf("package %d is version %s of app %d", id, p.Version, app.ID))
		case d.Kind == timerUpload && p.State != stateUploading || d.Kind == timerAudit && p.State != stateInReview:
			return nil, nil, conflict("/package_id", fmt.Sprintf("package %d is %s; no decision on an %s is due", id, p.State, d.Kind))
		}
		return app, p, nil
	}
	problem := notFound("/package_id", fmt.Sprintf("sandbox %s has no package %d", c.State.Name, id))
	problem.Nearest = near
	return nil, nil, problem
}

type clearDecisionsIn struct {
	ID *int64 `json:"id"`
}

type removedOut struct {
	Removed int `json:"removed"`
}

func clearDecisions(c *Call, in clearDecisionsIn) (removedOut, error) {
	before := len(c.State.Decisions)
	c.State.Decisions = slices.DeleteFunc(c.State.Decisions, func(d *Decision) bool { return in.ID == nil || d.ID == *in.ID })
	if len(c.State.Decisions) == 0 {
		c.State.Decisions = nil
	}
	removed := before - len(c.State.Decisions)
	if in.ID != nil && removed == 0 {
		return removedOut{}, notFound("/id", fmt.Sprintf("no decision %d is queued", *in.ID))
	}
	return removedOut{removed}, nil
}

type configOut struct {
	Manual         bool   `json:"manual"`
	UploadDelay    string `json:"upload_delay"`
	AuditDelay     string `json:"audit_delay"`
	RollbackDelay  string `json:"rollback_delay"`
	TokenTTL       string `json:"token_ttl"`
	CodeTTL        string `json:"code_ttl"`
	SessionTTL     string `json:"session_ttl"`
	KillOldSession bool   `json:"kill_old_session"`
	KeyPath        string `json:"authorize_key_path"`
	Padding        int    `json:"user_data_padding"`
	UserAnswer     string `json:"user_answer"`
	SignWindow     string `json:"sign_window"`
	AuditQuota     int    `json:"audit_quota"`
	RefuseUnknown  bool   `json:"refuse_unknown_recipients"`
	TemplateLimit  int    `json:"template_limit"`
	PushPlain      bool   `json:"push_plain"`
	PushAttempts   int    `json:"push_attempts"`
	StrictEvidence bool   `json:"strict_evidence"`
	PaymentDelay   string `json:"payment_delay"`
	RefundDelay    string `json:"refund_delay"`
	NotifyInterval string `json:"notify_interval"`
	NotifyRetries  int    `json:"notify_retries"`
	Topic          string `json:"topic"`
}

func getConfig(c *Call, _ None) (configOut, error) { return c.State.Config.shown(), nil }

// shown is a config as the control API shows it.
func (cfg Config) shown() configOut {
	return configOut{
		Manual: cfg.Manual, UploadDelay: durationText(cfg.Upload), AuditDelay: durationText(cfg.Audit),
		RollbackDelay: durationText(cfg.Rollback), TokenTTL: durationText(cfg.TokenTTL), AuditQuota: cfg.AuditQuota,
		CodeTTL: durationText(cfg.CodeTTL), SessionTTL: durationText(cfg.SessionTTL), KillOldSession: cfg.KillOldSession,
		KeyPath: cfg.AuthorizeKeyPath, Padding: cfg.UserDataPadding, UserAnswer: cfg.UserAnswer,
		RefuseUnknown: cfg.RefuseUnknown, TemplateLimit: cfg.TemplateLimit, SignWindow: durationText(cfg.SignWindow),
		PushPlain: cfg.PushPlain, PushAttempts: cfg.PushAttempts, StrictEvidence: cfg.StrictEvidence, Topic: cfg.Topic,
		PaymentDelay: durationText(cfg.Payment), RefundDelay: durationText(cfg.Refund),
		NotifyInterval: durationText(cfg.NotifyInterval), NotifyRetries: cfg.NotifyRetries,
	}
}

type configChange struct {
	Manual         *bool   `json:"manual"`
	UploadDelay    *string `json:"upload_delay"`
	AuditDelay     *string `json:"audit_delay"`
	RollbackDelay  *string `json:"rollback_delay"`
	TokenTTL       *string `json:"token_ttl"`
	CodeTTL        *string `json:"code_ttl"`
	SessionTTL     *string `json:"session_ttl"`
	KillOldSession *bool   `json:"kill_old_session"`
	KeyPath        *string `json:"authorize_key_path"`
	Padding        *int    `json:"user_data_padding"`
	UserAnswer     *string `json:"user_answer"`
	SignWindow     *string `json:"sign_window"`
	AuditQuota     *int    `json:"audit_quota"`
	RefuseUnknown  *bool   `json:"refuse_unknown_recipients"`
	TemplateLimit  *int    `json:"template_limit"`
	PushPlain      *bool   `json:"push_plain"`
	PushAttempts   *int    `json:"push_attempts"`
	StrictEvidence *bool   `json:"strict_evidence"`
	PaymentDelay   *string `json:"payment_delay"`
	RefundDelay    *string `json:"refund_delay"`
	NotifyInterval *string `json:"notify_interval"`
	NotifyRetries  *int    `json:"notify_retries"`
}

// updateConfig changes what the platform decides by itself. When manual ends,
// what waits is scheduled.
func updateConfig(c *Call, in configChange) (configOut, error) {
	cfg := c.State.Config
	for _, d := range []struct {
		name string
		to   *time.Duration
		from *string
	}{
		{"/upload_delay", &cfg.Upload, in.UploadDelay},
		{"/audit_delay", &cfg.Audit, in.AuditDelay},
		{"/rollback_delay", &cfg.Rollback, in.RollbackDelay},
		{"/token_ttl", &cfg.TokenTTL, in.TokenTTL},
		{"/code_ttl", &cfg.CodeTTL, in.CodeTTL},
		{"/session_ttl", &cfg.SessionTTL, in.SessionTTL},
		{"/sign_window", &cfg.SignWindow, in.SignWindow},
		{"/payment_delay", &cfg.Payment, in.PaymentDelay},
		{"/refund_delay", &cfg.Refund, in.RefundDelay},
		{"/notify_interval", &cfg.NotifyInterval, in.NotifyInterval},
	} {
		if d.from == nil {
			continue
		}
		value, err := duration(*d.from, d.name)
		if err != nil {
			return configOut{}, err
		}
		*d.to = value
	}
	for _, life := range []struct {
		name string
		d    time.Duration
	}{{"token_ttl", cfg.TokenTTL}, {"code_ttl", cfg.CodeTTL}, {"session_ttl", cfg.SessionTTL}} {
		if life.d < time.Second {
			return configOut{}, badRequest("/"+life.name, life.name+" must be at least 1s")
		}
	}
	set(&cfg.KillOldSession, in.KillOldSession)
	set(&cfg.AuthorizeKeyPath, in.KeyPath)
	set(&cfg.UserDataPadding, in.Padding)
	set(&cfg.UserAnswer, in.UserAnswer)
	set(&cfg.Manual, in.Manual)
	set(&cfg.AuditQuota, in.AuditQuota)
	set(&cfg.RefuseUnknown, in.RefuseUnknown)
	set(&cfg.TemplateLimit, in.TemplateLimit)
	set(&cfg.PushPlain, in.PushPlain)
	set(&cfg.PushAttempts, in.PushAttempts)
	set(&cfg.StrictEvidence, in.StrictEvidence)
	set(&cfg.NotifyRetries, in.NotifyRetries)
	if cfg.NotifyInterval < time.Second {
		return configOut{}, badRequest("/notify_interval", "notify_interval must be at least 1s")
	}
	ended := c.State.Config.Manual && !cfg.Manual
	c.State.Config = cfg
	for _, id := range c.State.appIDs() {
		for _, p := range c.State.Apps[id].Packages {
			if ended && p.waitsFor() != "" {
				c.schedule(c.State.Apps[id], p)
			}
		}
	}
	if ended {
		c.decideWaiting()
	}
	return getConfig(c, None{})
}
