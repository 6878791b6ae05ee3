package emulator

import (
	"fmt"
	"strconv"
)

// Scopes: what a mini program may do only with leave (seeds 003 and 004; the
// fields of a scope from the host documents). Modelled: asking, agreeing,
// refusing and clearing, for each app and user or device; leave for once and
// for life; scopes that the platform denies an app. Not modelled: applying for
// a scope, and the scopes of the platform's own apps.

// The values of a scope's type (D): whose leave it is.
const (
	scopeOfUser   = 1
	scopeOfDevice = 2
)

// The grades of a scope (D).
const (
	GradeOnce = 1 // each agreement is for one time
	GradeLife = 2 // an answer holds until it is cleared
	GradeFree = 3 // nobody is asked
)

// The values of a scope's tip_status (D): what a client is to do.
const (
	tipAgreed  = 1
	tipAsk     = 0
	tipRefused = -1
)

// The scopes with data of their own.
const (
	scopeUserInfo = "snsapi_userinfo"
	scopeMobile   = "mobile"
	scopeAddress  = "mapp_choose_address"
	scopeInvoice  = "mapp_choose_invoice"
)

// A scope is one thing that an app may be given leave to.
type scope struct {
	// id is its name at the host, client the one that mini programs use (seed
	// 004); "" where they have none.
	id, client string
	kind       int // scopeOfUser or scopeOfDevice
	grade      int
	// name is what the dialog says, short what the settings say.
	name, short, description string
}

// scopes are the scopes that there are, in order of id. Grades and kinds are
// those of the host documents' list; user information, whose kind they give
// both ways, is a user's.
func scopes() []scope {
	return []scope{
		{"mapp_camera", "scope.camera", scopeOfDevice, GradeLife, "使用你的系统相机", "摄像头", ""},
		{scopeAddress, "scope.address", scopeOfUser, GradeLife, "使用你的地址信息", "收货地址", ""},
		{scopeInvoice, "scope.invoiceTitle", scopeOfUser, GradeLife, "使用你的发票信息", "发票抬头", ""},
		{"mapp_favorite", "", scopeOfDevice, GradeFree, "收藏小程序", "", ""},
		{"mapp_images", "scope.writePhotosAlbum", scopeOfDevice, GradeLife, "使用你的系统相册", "保存到相册", ""},
		{"mapp_location", "scope.userLocation", scopeOfDevice, GradeLife, "获取你的地理位置", "地理位置", ""},
		{"mapp_record", "scope.record", scopeOfDevice, GradeLife, "使用你的系统录音", "录音功能", ""},
		{scopeMobile, "", scopeOfUser, GradeOnce, "绑定的手机号码", "手机号", "同意后，小程序的开发者将获得你绑定的手机号"},
		{scopeUserInfo, "scope.userInfo", scopeOfUser, GradeLife, "获取你的公开信息（昵称、头像等）", "用户信息", ""},
	}
}

// scopeNamed returns the scope with that name, a host's or a client's.
func scopeNamed(name string) (scope, bool) {
	for _, sc := range scopes() {
		if sc.id == name || sc.client == name && name != "" {
			return sc, true
		}
	}
	return scope{}, false
}

// ScopeNames lists the scopes there are: the names that hosts use, such as
// snsapi_userinfo, then those that mini programs use, such as scope.userInfo.
func ScopeNames() []string {
	var ids, clients []string
	for _, sc := range scopes() {
		ids = append(ids, sc.id)
		if sc.client != "" {
			clients = append(clients, sc.client)
		}
	}
	return append(ids, clients...)
}

// A ScopeRule is what the platform says of one scope of one app.
type ScopeRule struct {
	// Forbidden denies the app the scope, whatever a user says.
	Forbidden bool `json:"forbidden,omitempty"`
	// Grade is GradeOnce, GradeLife or GradeFree; 0 is the scope's own.
	Grade int `json:"grade,omitempty"`
}

// checkScopes says what is wrong with an app's rules.
func (a *App) checkScopes() error {
	for id, rule := range a.Scopes {
		if sc, ok := scopeNamed(id); !ok || sc.id != id {
			return fmt.Errorf("scopes: there is no scope %q", id)
		}
		if rule == nil || rule.Grade < 0 || rule.Grade > GradeFree {
			return fmt.Errorf("scopes/%s: grade: want 1 (once), 2 (for life) or 3 (free)", id)
		}
	}
	return nil
}

// A holder is who gives leave: the user, who may be nil, and the device.
type holder struct {
	app *App
	u   *User
	d   *Device
}

// grants are where the holder's answers for a scope are kept; nil where nobody
// is there to give any.
func (h holder) grants(sc scope) *map[int64]map[string]*Grant {
	switch {
	case sc.kind == scopeOfUser && h.u != nil:
		return &h.u.Grants
	case sc.kind == scopeOfDevice && h.d != nil:
		return &h.d.Grants
	}
	return nil
}

// grant is what the holder answered for a scope; nil while they were not asked.
func (h holder) grant(sc scope) *Grant {
	if all := h.grants(sc); all != nil {
		return (*all)[h.app.ID][sc.id]
	}
	return nil
}

// A standing is how a scope stands.
type standing struct {
	permit, forbidden bool
	grade, tip        int
}

// stands is how a scope stands with a holder.
func (h holder) stands(sc scope) standing {
	out := standing{grade: sc.grade, tip: tipAsk}
	if rule := h.app.Scopes[sc.id]; rule != nil {
		out.forbidden = rule.Forbidden
		if rule.Grade != 0 {
			out.grade = rule.Grade
		}
	}
	g := h.grant(sc)
	switch {
	case out.forbidden:
		out.tip = tipRefused
		out.permit = out.grade == GradeFree // as the documents' list has it
	case out.grade == GradeFree, g != nil && g.Permit:
		out.permit, out.tip = true, tipAgreed
	case g != nil:
		out.tip = tipRefused
	}
	return out
}

// allowed reports whether the app may do what the scope is for.
func (s standing) allowed() bool { return s.permit && !s.forbidden }

// The values of a GrantDetail's What.
const (
	grantAgreed  = "agreed"
	grantRefused = "refused"
	grantSpent   = "spent" // an agreement for once was made use of
	grantCleared = "cleared"
)

// A GrantDetail is a change of what an app has leave to.
type GrantDetail struct {
	App   int64  `json:"app_id"`
	Huid  int64  `json:"huid,omitempty"`
	Cuid  string `json:"cuid,omitempty"`
	Scope string `json:"scope"`
	// What is agreed, refused, spent or cleared.
	What string `json:"what"`
}

func (*GrantDetail) journalDetail() {}

// note records a change.
func (c *Call) note(h holder, sc scope, what string) {
	d := &GrantDetail{App: h.app.ID, Scope: sc.id, What: what}
	if sc.kind == scopeOfUser {
		d.Huid = h.u.Huid
	} else {
		d.Cuid = h.d.Cuid
	}
	c.record(KindGrant, d)
}

// takeAnswer takes down what the holder answered. A refusal of a scope that is
// asked for each time holds for that time only (assumed).
func (c *Call) takeAnswer(h holder, sc scope, permit bool) {
	what := grantRefused
	if permit {
		what = grantAgreed
	}
	c.note(h, sc, what)
	if !permit && h.stands(sc).grade == GradeOnce {
		h.forget(sc)
		return
	}
	all := h.grants(sc)
	if *all == nil {
		*all = map[int64]map[string]*Grant{}
	}
	if (*all)[h.app.ID] == nil {
		(*all)[h.app.ID] = map[string]*Grant{}
	}
	(*all)[h.app.ID][sc.id] = &Grant{Permit: permit, Since: c.Now.Unix()}
}

// forget drops the holder's answer; it reports whether there was one.
func (h holder) forget(sc scope) bool {
	if h.grant(sc) == nil {
		return false
	}
	all := *h.grants(sc)
	delete(all[h.app.ID], sc.id)
	if len(all[h.app.ID]) == 0 {
		delete(all, h.app.ID)
	}
	return true
}

// spend uses up an agreement that was for once.
func (c *Call) spend(h holder, sc scope) {
	if h.stands(sc).grade == GradeOnce && h.forget(sc) {
		c.note(h, sc, grantSpent)
	}
}

// clearGrants drops the holder's answers, of all scopes where none is named,
// and returns how many there were.
func (c *Call) clearGrants(h holder, only ...scope) int {
	if len(only) == 0 {
		only = scopes()
	}
	n := 0
	for _, sc := range only {
		if h.forget(sc) {
			c.note(h, sc, grantCleared)
			n++
		}
	}
	return n
}

// A hostScope is a scope as hosts show it (D): everything is a text.
type hostScope struct {
	ID          string   `json:"id"`
	Permit      string   `json:"permit"`
	Forbidden   string   `json:"forbidden"`
	Type        string   `json:"type"`
	Grade       string   `json:"grade"`
	NeedApply   string   `json:"need_apply"`
	Name        string   `json:"name"`
	ShortName   string   `json:"short_name"`
	Description string   `json:"description"`
	TipStatus   string   `json:"tip_status"`
	Rule        []string `json:"rule"`
	Ext         []string `json:"ext"`
}

// shown is a scope as hosts show it. The one of the telephone number tells the
// number with its middle hidden, for the dialog.
func (h holder) shown(sc scope) hostScope {
	st := h.stands(sc)
	out := hostScope{
		ID: sc.id, Permit: strconv.FormatBool(st.permit), Forbidden: strconv.FormatBool(st.forbidden),
		Type: strconv.Itoa(sc.kind), Grade: strconv.Itoa(st.grade), NeedApply: "0",
		Name: sc.name, ShortName: sc.short, Description: sc.description,
		TipStatus: strconv.Itoa(st.tip), Rule: []string{}, Ext: []string{},
	}
	if sc.id == scopeMobile && h.u != nil && h.u.Mobile != "" {
		out.Ext = append(out.Ext, masked(h.u.Mobile))
	}
	return out
}

// masked hides the middle of a telephone number, as the host documents do.
func masked(number string) string {
	const shown, hidden = 3, "******"
	if r := []rune(number); len(r) > 2*shown {
		return string(r[:shown]) + hidden + string(r[len(r)-shown:])
	}
	return hidden
}
