package emulator

import (
	"cmp"
	"fmt"
	"reflect"
	"strconv"
)

// Apps as the control API makes, changes and shows them. What it changes is
// told to the alliance.

type appsOut struct {
	Apps []appOut `json:"apps"`
}

type appOut struct {
	AppID            int64            `json:"app_id"`
	AppKey           string           `json:"app_key"`
	AppSecret        string           `json:"app_secret"`
	Name             string           `json:"name"`
	Desc             string           `json:"desc"`
	Photo            string           `json:"photo"`
	Status           int              `json:"status"`
	NameApproved     bool             `json:"name_approved"`
	CategoryApproved bool             `json:"category_approved"`
	Verified         bool             `json:"verified"`
	Satus            int              `json:"satus"`
	AdType           int              `json:"ad_type"`
	AdStatus         int              `json:"ad_status"`
	Invited          bool             `json:"invited"`
	Owner            string           `json:"owner"`
	OwnerType        int              `json:"owner_type"`
	Developer        string           `json:"developer"`
	MinSwanVersion   string           `json:"min_swan_version"`
	Category         Category         `json:"category"`
	AuditQuota       int              `json:"audit_quota"`
	AuditsLeft       int              `json:"audits_left"`
	TPs              []int64          `json:"tps"`
	Packages         int              `json:"packages"`
	Authorizer       *authorizerToken `json:"authorizer,omitempty"`
}

// shown is an app as the control API shows it.
func (c *Call) shown(a *App) appOut {
	times, left := a.quota(c.State.Config, c.Now)
	out := appOut{
		AppID: a.ID, AppKey: a.Key, AppSecret: a.Secret, Name: a.Name, Desc: a.Desc, Photo: a.Photo,
		Status: a.Status, NameApproved: a.NameApproved, CategoryApproved: a.CategoryApproved, Verified: a.Verified,
		Owner: a.Owner, OwnerType: a.OwnerType, Developer: a.developer(), MinSwanVersion: a.MinSwanVersion, Category: a.Category,
		AuditQuota: times, AuditsLeft: left, TPs: []int64{}, Packages: len(a.Packages),
	}
	q := a.qualification()
	out.Satus, out.AdType, out.AdStatus, out.Invited = q.Satus, q.AdType, q.AdStatus, !a.Uninvited
	for _, tp := range c.State.tpsOf(a.ID) {
		out.TPs = append(out.TPs, tp.ID)
	}
	return out
}

// anApp returns the app with that id; pointer says where the id stands.
func (c *Call) anApp(id int64, pointer string) (*App, error) {
	if app := c.State.Apps[id]; app != nil {
		return app, nil
	}
	p := notFound(pointer, fmt.Sprintf("sandbox %s has no app %d", c.State.Name, id))
	p.Nearest = near(strconv.FormatInt(id, 10), texts(c.State.appIDs()))
	return nil, p
}

func texts(ids []int64) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = strconv.FormatInt(id, 10)
	}
	return out
}

func listApps(c *Call, _ None) (appsOut, error) {
	out := appsOut{Apps: []appOut{}}
	for _, id := range c.State.appIDs() {
		out.Apps = append(out.Apps, c.shown(c.State.Apps[id]))
	}
	return out, nil
}

type appIDIn struct {
	AppID int64 `json:"app_id"`
}

func getApp(c *Call, in appIDIn) (appOut, error) {
	app, err := c.anApp(in.AppID, "/app_id")
	if err != nil {
		return appOut{}, err
	}
	return c.shown(app), nil
}

// appChange is what may be said of an app; nil says nothing.
type appChange struct {
	Name              *string   `json:"name"`
	Desc              *string   `json:"desc"`
	Photo             *string   `json:"photo"`
	Status            *int      `json:"status"`
	BasicInfoApproved *bool     `json:"basic_info_approved"`
	NameApproved      *bool     `json:"name_approved"`
	CategoryApproved  *bool     `json:"category_approved"`
	Verified          *bool     `json:"verified"`
	Satus             *int      `json:"satus"`
	AdType            *int      `json:"ad_type"`
	AdStatus          *int      `json:"ad_status"`
	Invited           *bool     `json:"invited"`
	Owner             *string   `json:"owner"`
	OwnerType         *int      `json:"owner_type"`
	Developer         *string   `json:"developer"`
	MinSwanVersion    *string   `json:"min_swan_version"`
	Category          *Category `json:"category"`
	AuditQuota        *int      `json:"audit_quota"`
}

// apply sets what is said.
func (in *appChange) apply(a *App) {
	set(&a.Name, in.Name)
	set(&a.Desc, in.Desc)
	set(&a.Photo, in.Photo)
	set(&a.Status, in.Status)
	set(&a.NameApproved, in.BasicInfoApproved)
	set(&a.CategoryApproved, in.BasicInfoApproved)
	set(&a.NameApproved, in.NameApproved)
	set(&a.CategoryApproved, in.CategoryApproved)
	set(&a.Verified, in.Verified)
	a.Satus, a.AdType, a.AdStatus = cmp.Or(in.Satus, a.Satus), cmp.Or(in.AdType, a.AdType), cmp.Or(in.AdStatus, a.AdStatus)
	if in.Invited != nil {
		a.Uninvited = !*in.Invited
	}
	set(&a.Owner, in.Owner)
	set(&a.OwnerType, in.OwnerType)
	set(&a.Developer, in.Developer)
	set(&a.MinSwanVersion, in.MinSwanVersion)
	set(&a.Category, in.Category)
	set(&a.AuditQuota, in.AuditQuota)
}

type createAppIn struct {
	appChange
	AppID     int64          `json:"app_id"`
	AppKey    string         `json:"app_key"`
	AppSecret string         `json:"app_secret"`
	TPID      *int64         `json:"tp_id"`
	Packages  []packageOrder `json:"packages"`
}

// createApp makes an app that may have packages and a third-party platform
// already. What stands in the way is found out before anything is changed.
func createApp(c *Call, in createAppIn) (appOut, error) {
	if c.State.Apps[in.AppID] != nil {
		return appOut{}, conflict("/app_id", fmt.Sprintf("sandbox %s has an app %d already", c.State.Name, in.AppID))
	}
	if c.State.hasClient(in.AppKey) {
		return appOut{}, conflict("/app_key", "app_key is in use in this sandbox already")
	}
	var tp *TP
	if in.TPID != nil {
		var err error
		if tp, err = c.aTP(*in.TPID); err != nil {
			return appOut{}, err
		}
	}
	app := &App{
		ID: in.AppID, Key: in.AppKey, Secret: in.AppSecret,
		NameApproved: true, CategoryApproved: true, Verified: true,
	}
	in.apply(app)
	if err := c.fillPackages(app, in.Packages); err != nil {
		return appOut{}, err
	}
	if err := c.addApp(app); err != nil {
		return appOut{}, err
	}
	for _, p := range app.Packages {
		c.schedule(app, p)
	}
	var tokens *authorizerToken
	if tp != nil {
		tp.Apps[app.ID] = &Authorization{Since: c.Now.Unix()}
		pair := c.authorize(tp, app.ID)
		tokens = &pair
	}
	out := c.shown(app)
	out.Authorizer = tokens
	return out, nil
}

// hasClient reports whether an app, a TP or a host has that client ID.
func (s *State) hasClient(key string) bool {
	_, taken := s.keys[key]
	return taken || s.Hosts[key] != nil
}

type updateAppIn struct {
	appIDIn
	appChange
}

// updateApp changes an app; a change of its basic information is told to the
// alliance (seed 000).
func updateApp(c *Call, in updateAppIn) (appOut, error) {
	app, err := c.anApp(in.AppID, "/app_id")
	if err != nil {
		return appOut{}, err
	}
	changed := *app
	in.apply(&changed)
	if err := changed.check(); err != nil {
		return appOut{}, badRequest("", err.Error())
	}
	before := app.basics()
	*app = changed
	if !reflect.DeepEqual(before, app.basics()) {
		if def, ok := c.program().contract.Event("APP_CHANGED"); ok {
			c.emitNotice(def.Name, def.Code, "", app.ID, 0)
		}
	}
	return c.shown(app), nil
}
