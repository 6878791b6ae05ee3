package emulator

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Apps: what the platform knows of a mini program, and the alliance's view of
// it (seed 000). Modelled: basic information with its approval, verification
// of the owner, status, category; the queries of a host, of a developer and of
// a TP. Not modelled: changing basic information over the platform's own API
// (the control API changes it), more than one category of an app.

// The values of an App's Status (seed 000).
const (
	AppBanned   = -1
	AppNormal   = 1
	AppInReview = 2
	AppPaused   = 4
)

// An App is a mini program.
type App struct {
	// ID is the app_id.
	ID int64 `json:"app_id"`
	// Key and Secret are the AppKey and AppSecret of its developer.
	Key    string `json:"app_key"`
	Secret string `json:"app_secret"`
	Name   string `json:"app_name"`
	Desc   string `json:"app_desc"`
	// Photo is the logo's address.
	Photo string `json:"photo"`
	// Status is AppBanned, AppNormal, AppInReview or AppPaused.
	Status int `json:"status"`
	// NameApproved and CategoryApproved are the approval of the basic
	// information, without which no package can be submitted (seed 001).
	NameApproved     bool `json:"name_approved"`
	CategoryApproved bool `json:"category_approved"`
	// Verified is the owner's real-name verification, without which no
	// package can be released (seed 001).
	Verified bool `json:"verified"`
	// Satus, AdType and AdStatus are what its qualification says where that
	// is something else than what follows from Verified (seed 000).
	Satus    *int `json:"satus,omitempty"`
	AdType   *int `json:"ad_type,omitempty"`
	AdStatus *int `json:"ad_status,omitempty"`
	// Uninvited keeps the app from the services that are by invitation (seed
	// 002).
	Uninvited bool `json:"uninvited,omitempty"`
	// Owner is the name of the owner, OwnerType its kind (seed 000: 1 person,
	// 2 company, 3 government, 4 media, 5 other).
	Owner     string `json:"owner"`
	OwnerType int    `json:"owner_type"`
	// Developer is whom the app belongs to: the apps of one developer share
	// unionids and swanids. "" is the owner.
	Developer      string   `json:"developer,omitempty"`
	MinSwanVersion string   `json:"min_swan_version"`
	Category       Category `json:"category"`
	// Scopes holds what the platform says of the app's scopes, where it says
	// anything, by id.
	Scopes map[string]*ScopeRule `json:"scopes,omitempty"`
	// AuditQuota overrides the sandbox's audits a week; 0 does not.
	AuditQuota int `json:"audit_quota,omitempty"`
	// AuditWeek and AuditsUsed count the audits asked for in one week.
	AuditWeek  string `json:"audit_week,omitempty"`
	AuditsUsed int    `json:"audits_used,omitempty"`
	// Templates are its message templates in the order they were added.
	Templates []*MessageTemplate `json:"message_templates,omitempty"`
	// Packages holds the app's packages in order of id.
	Packages []*Package `json:"packages"`

	rows encoded // the answer that lists the packages; nil after a change
}

// A Category is what an app is about, on two levels (seed 000).
type Category struct {
	ID         int64  `json:"category_id"`
	Name       string `json:"category_name"`
	Desc       string `json:"category_desc"`
	ParentID   int64  `json:"parent_id"`
	ParentName string `json:"parent_name"`
	ParentDesc string `json:"parent_desc"`
}

// check says what an app lacks to be one.
func (a *App) check() error {
	if a.ID <= 0 {
		return errors.New("app_id must be a positive number")
	}
	if a.Key == "" || a.Secret == "" {
		return errors.New("app_key and app_secret must not be empty")
	}
	if !slices.Contains([]int{AppBanned, AppNormal, AppInReview, AppPaused}, a.Status) {
		return fmt.Errorf("status %d: want -1, 1, 2 or 4", a.Status)
	}
	if a.OwnerType < 1 || a.OwnerType > 5 {
		return fmt.Errorf("owner_type %d: want 1 to 5", a.OwnerType)
	}
	if err := a.checkScopes(); err != nil {
		return err
	}
	for _, q := range []struct {
		name string
		got  int
		want []int
	}{
		{"satus", a.qualification().Satus, []int{0, 1, 2, 3, 4}},
		{"ad_type", a.qualification().AdType, []int{-1, 0, 1, 2, 23}},
		{"ad_status", a.qualification().AdStatus, []int{0, 1, 3}},
	} {
		if !slices.Contains(q.want, q.got) {
			return fmt.Errorf("%s %d: want one of %v", q.name, q.got, q.want)
		}
	}
	if !slices.IsSortedFunc(a.Packages, func(x, y *Package) int { return int(x.ID - y.ID) }) {
		return errors.New("packages must be in order of package_id")
	}
	online := 0
	for _, p := range a.Packages {
		if p.State == stateOnline || p.State == stateRollingBack {
			online++
		}
	}
	if online > 1 {
		return errors.New("only one package may be online")
	}
	return nil
}

// quota returns the audits that an app may ask for in the week of now, and how
// many of them are left.
func (a *App) quota(c Config, now time.Time) (times, left int) {
	times = c.AuditQuota
	if a.AuditQuota > 0 {
		times = a.AuditQuota
	}
	used := a.AuditsUsed
	if a.AuditWeek != week(now) {
		used = 0
	}
	return times, max(times-used, 0)
}

func (a *App) useQuota(now time.Time) {
	if w := week(now); a.AuditWeek != w {
		a.AuditWeek, a.AuditsUsed = w, 0
	}
	a.AuditsUsed++
}

// week names the week in which quotas are counted: it begins on Monday in
// Shanghai (assumed; that the period is a week, K).
func week(t time.Time) string {
	year, n := t.In(shanghai).ISOWeek()
	return fmt.Sprintf("%d-W%02d", year, n)
}

// The wire's forms of an app (seed 000; the TP's view has more fields, K).
type (
	appInfo struct {
		AppID          int64          `json:"app_id"`
		AppName        string         `json:"app_name"`
		AppDesc        string         `json:"app_desc"`
		PhotoAddr      string         `json:"photo_addr"`
		Qualification  qualification  `json:"qualification"`
		Category       []categoryInfo `json:"category"`
		MinSwanVersion string         `json:"min_swan_version"`
		Status         int            `json:"status"`
	}
	qualification struct {
		Name     string `json:"name"`
		Type     int    `json:"type"`
		Satus    int    `json:"satus"` // so spelled on the wire
		AdType   int    `json:"ad_type"`
		AdStatus int    `json:"ad_status"`
	}
	categoryInfo struct {
		CategoryID   int64          `json:"category_id"`
		CategoryName string         `json:"category_name"`
		CategoryDesc string         `json:"category_desc"`
		Parent       categoryParent `json:"parent"`
	}
	categoryParent struct {
		CategoryID   int64  `json:"category_id"`
		CategoryName string `json:"category_name"`
		CategoryDesc string `json:"category_desc"`
	}
)

func (a *App) info() appInfo {
	photo, _ := marshal([]map[string]string{{"cover": a.Photo}})
	return appInfo{
		AppID: a.ID, AppName: a.Name, AppDesc: a.Desc, Qualification: a.qualification(),
		// Slashes are escaped as in the document's example.
		PhotoAddr: strings.ReplaceAll(string(photo), "/", `\/`),
		Category: []categoryInfo{{
			CategoryID: a.Category.ID, CategoryName: a.Category.Name, CategoryDesc: a.Category.Desc,
			Parent: categoryParent{a.Category.ParentID, a.Category.ParentName, a.Category.ParentDesc},
		}},
		MinSwanVersion: a.MinSwanVersion, Status: a.Status,
	}
}

// qualification is what the platform says of the app's owner.
func (a *App) qualification() qualification {
	q := qualification{Name: a.Owner, Type: a.OwnerType, Satus: 2, AdType: 0, AdStatus: 3}
	if a.Verified {
		q.Satus, q.AdType, q.AdStatus = 1, 1, 1
	}
	set(&q.Satus, a.Satus)
	set(&q.AdType, a.AdType)
	set(&q.AdStatus, a.AdStatus)
	return q
}

// basics are the app's basic information and its approval: what the alliance
// is told of when it changes.
type basics struct {
	info                           appInfo
	nameApproved, categoryApproved bool
}

func (a *App) basics() basics { return basics{a.info(), a.NameApproved, a.CategoryApproved} }

// tpAppInfo is the TP's view of an app. What it leaves out of the contract's
// fields is completed from the contract.
type tpAppInfo struct {
	AppKey string `json:"app_key"`
	appInfo
}

// getAppInfo answers a TP that acts for an app.
func getAppInfo(c *Call, _ None) (tpAppInfo, error) {
	app := c.State.Apps[c.Principal.App]
	if app == nil {
		return tpAppInfo{}, refuse("AppNotFound")
	}
	return tpAppInfo{AppKey: app.Key, appInfo: app.info()}, nil
}

type ossAppsIn struct {
	AppIDs string `json:"app_ids"`
}

// getOSSAppInfo answers for the apps named, each once and in the order they
// were named; one that is unknown, or that the caller may not see, is an error
// of the whole call (assumed).
func getOSSAppInfo(c *Call, in ossAppsIn) ([]appInfo, error) {
	out := []appInfo{}
	answered := map[int64]bool{}
	for text := range strings.SplitSeq(in.AppIDs, ",") {
		id, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return nil, refuse("InvalidParameter", "app_ids 应为以逗号分隔的小程序 ID")
		}
		app, err := c.visibleApp(id)
		if err != nil {
			return nil, err
		}
		if !answered[id] {
			answered[id] = true
			out = append(out, app.info())
		}
	}
	return out, nil
}

// visibleApp returns an app that the caller may see: a host every app of the
// sandbox, or those it is limited to, a developer its own. Which ones a host
// may see is assumed.
func (c *Call) visibleApp(id int64) (*App, error) {
	app := c.State.Apps[id]
	switch {
	case app == nil:
		return nil, refuse("AppNotFound")
	case c.Principal.Kind == PrincipalDeveloper && c.Principal.App != id:
		return nil, refuse("NoAppPermission")
	case c.Principal.Kind == PrincipalHost:
		if h := c.State.host(c.Principal.Host); h == nil || !h.sees(id) {
			return nil, refuse("NoAppPermission")
		}
	}
	return app, nil
}
