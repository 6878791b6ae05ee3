package emulator

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Scopes and what users answer, as the control API arranges and shows them.

// whoIn names an app, a user and a device; what is left out is the sandbox's
// first one.
type whoIn struct {
	AppID int64   `json:"app_id"`
	Huid  *int64  `json:"huid"`
	Cuid  *string `json:"cuid"`
}

// holderOf finds whom an order is about. A huid of 0 is nobody.
func (c *Call) holderOf(in whoIn) (holder, error) {
	app, err := c.appOrFirst(in.AppID)
	if err != nil {
		return holder{}, err
	}
	h := holder{app, c.State.firstUser(), c.State.firstDevice()}
	switch {
	case in.Huid != nil && *in.Huid == 0:
		h.u = nil
	case in.Huid != nil:
		if h.u, err = c.aUser(*in.Huid); err != nil {
			return holder{}, err
		}
	}
	if in.Cuid != nil {
		if h.d, err = c.aDevice(*in.Cuid); err != nil {
			return holder{}, err
		}
	}
	return h, nil
}

// aScope returns the scope with that name.
func aScope(name string) (scope, error) {
	sc, ok := scopeNamed(name)
	if !ok {
		p := notFound("/scope", fmt.Sprintf("there is no scope %q", name))
		p.Nearest = near(name, ScopeNames())
		return sc, p
	}
	return sc, nil
}

type grantsOut struct {
	AppID  int64      `json:"app_id"`
	Huid   int64      `json:"huid"`
	Cuid   string     `json:"cuid"`
	Scopes []grantOut `json:"scopes"`
	// AuthSetting is what swan.getSetting answers (seed 004).
	AuthSetting map[string]bool `json:"auth_setting"`
}

type grantOut struct {
	Scope     string `json:"scope"`
	Client    string `json:"client,omitempty"`
	Permit    bool   `json:"permit"`
	Forbidden bool   `json:"forbidden"`
	Grade     int    `json:"grade"`
	TipStatus int    `json:"tip_status"`
	Since     string `json:"since,omitempty"`
}

func listGrants(c *Call, in whoIn) (grantsOut, error) {
	h, err := c.holderOf(in)
	if err != nil {
		return grantsOut{}, err
	}
	out := grantsOut{AppID: h.app.ID, Scopes: []grantOut{}, AuthSetting: map[string]bool{}}
	if h.u != nil {
		out.Huid = h.u.Huid
	}
	if h.d != nil {
		out.Cuid = h.d.Cuid
	}
	for _, sc := range scopes() {
		st, g := h.stands(sc), h.grant(sc)
		one := grantOut{sc.id, sc.client, st.permit, st.forbidden, st.grade, st.tip, ""}
		if g != nil {
			one.Since = stamp(time.Unix(g.Since, 0))
			if sc.client != "" {
				out.AuthSetting[sc.client] = st.allowed()
			}
		}
		out.Scopes = append(out.Scopes, one)
	}
	return out, nil
}

type setGrantIn struct {
	whoIn
	Scope  string `json:"scope"`
	Permit *bool  `json:"permit"`
}

// setGrant is a user who changes the settings: it takes effect as if they had
// been asked.
func setGrant(c *Call, in setGrantIn) (grantsOut, error) {
	h, err := c.holderOf(in.whoIn)
	if err != nil {
		return grantsOut{}, err
	}
	sc, err := aScope(in.Scope)
	if err != nil {
		return grantsOut{}, err
	}
	if h.grants(sc) == nil {
		return grantsOut{}, conflict("/scope", fmt.Sprintf("nobody is there to answer for %s: the sandbox has no user or no device, or nobody is logged in", sc.id))
	}
	c.takeAnswer(h, sc, in.Permit == nil || *in.Permit)
	return listGrants(c, in.whoIn)
}

type clearGrantsIn struct {
	whoIn
	Scope string `json:"scope"`
}

func clearGrantsOrder(c *Call, in clearGrantsIn) (removedOut, error) {
	h, err := c.holderOf(in.whoIn)
	if err != nil {
		return removedOut{}, err
	}
	var only []scope
	if in.Scope != "" {
		sc, err := aScope(in.Scope)
		if err != nil {
			return removedOut{}, err
		}
		only = append(only, sc)
	}
	return removedOut{c.clearGrants(h, only...)}, nil
}

type updateScopeIn struct {
	AppID     int64  `json:"app_id"`
	Scope     string `json:"scope"`
	Forbidden *bool  `json:"forbidden"`
	Grade     *int   `json:"grade"`
}

type scopeOut struct {
	Scope     string `json:"scope"`
	Forbidden bool   `json:"forbidden"`
	Grade     int    `json:"grade"`
}

// updateScope says what the platform says of a scope of an app.
func updateScope(c *Call, in updateScopeIn) (scopeOut, error) {
	app, err := c.anApp(in.AppID, "/app_id")
	if err != nil {
		return scopeOut{}, err
	}
	sc, err := aScope(in.Scope)
	if err != nil {
		return scopeOut{}, err
	}
	var rule ScopeRule
	if old := app.Scopes[sc.id]; old != nil {
		rule = *old
	}
	set(&rule.Forbidden, in.Forbidden)
	set(&rule.Grade, in.Grade)
	if rule.Grade == sc.grade {
		rule.Grade = 0
	}
	all := maps.Clone(app.Scopes)
	if all == nil {
		all = map[string]*ScopeRule{}
	}
	if all[sc.id] = &rule; rule == (ScopeRule{}) {
		delete(all, sc.id)
	}
	if app.Scopes = all; len(all) == 0 {
		app.Scopes = nil
	}
	st := holder{app: app}.stands(sc)
	return scopeOut{sc.id, st.forbidden, st.grade}, nil
}

type answersOut struct {
	Answers []UserAnswer `json:"answers"`
}

func listAnswers(c *Call, _ None) (answersOut, error) {
	out := answersOut{[]UserAnswer{}}
	for _, a := range c.State.Answers {
		out.Answers = append(out.Answers, *a)
	}
	return out, nil
}

type queueAnswerIn struct {
	AppID  int64  `json:"app_id"`
	Huid   int64  `json:"huid"`
	Ask    string `json:"ask"`
	Answer string `json:"answer"`
	Choice int64  `json:"choice"`
}

// queueAnswer says what a user will answer.
func queueAnswer(c *Call, in queueAnswerIn) (UserAnswer, error) {
	if in.AppID != 0 {
		if _, err := c.anApp(in.AppID, "/app_id"); err != nil {
			return UserAnswer{}, err
		}
	}
	if in.Huid != 0 {
		if _, err := c.aUser(in.Huid); err != nil {
			return UserAnswer{}, err
		}
	}
	c.State.LastAnswer++
	a := &UserAnswer{c.State.LastAnswer, in.AppID, in.Huid, in.Ask, in.Answer, in.Choice}
	c.State.Answers = append(c.State.Answers, a)
	return *a, nil
}

type clearAnswersIn struct {
	ID *int64 `json:"id"`
}

func clearAnswers(c *Call, in clearAnswersIn) (removedOut, error) {
	before := len(c.State.Answers)
	c.State.Answers = slices.DeleteFunc(c.State.Answers, func(a *UserAnswer) bool { return in.ID == nil || a.ID == *in.ID })
	if len(c.State.Answers) == 0 {
		c.State.Answers = nil
	}
	removed := before - len(c.State.Answers)
	if in.ID != nil && removed == 0 {
		return removedOut{}, notFound("/id", fmt.Sprintf("no answer %d is queued", *in.ID))
	}
	return removedOut{removed}, nil
}

type askUserIn struct {
	whoIn
	Ask string `json:"ask"`
}

type askedOut struct {
	Answer string `json:"answer"`
	Choice int64  `json:"choice"`
	// Queued is the answer that this used up; nil: nobody had said.
	Queued *int64 `json:"queued"`
}

// askUser is a client that asks its user something.
func askUser(c *Call, in askUserIn) (askedOut, error) {
	h, err := c.holderOf(in.whoIn)
	if err != nil {
		return askedOut{}, err
	}
	a := c.ask(h.app, h.u, in.Ask)
	out := askedOut{Answer: a.Answer, Choice: a.Choice}
	if a.ID != 0 {
		out.Queued = &a.ID
	}
	return out, nil
}

type formsOut struct {
	Forms []formOut `json:"forms"`
}

type formOut struct {
	FormID  string `json:"formid"`
	AppID   int64  `json:"app_id"`
	Huid    int64  `json:"huid"`
	Life    int    `json:"life"`
	Expires string `json:"expires"`
}

// listForms lists the form ids that can still be used.
func listForms(c *Call, _ None) (formsOut, error) {
	out := formsOut{[]formOut{}}
	for _, id := range slices.Sorted(maps.Keys(c.State.Forms)) {
		if f := c.State.Forms[id]; f.Life > 0 && f.Expires > c.Now.Unix() {
			out.Forms = append(out.Forms, formOut{id, f.App, f.Huid, f.Life, stamp(time.Unix(f.Expires, 0))})
		}
	}
	return out, nil
}
