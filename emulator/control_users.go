package emulator

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Users, their devices and their logins as the control API makes, changes and
// shows them.

type usersOut struct {
	Users []userOut `json:"users"`
}

type userOut struct {
	Huid          int64          `json:"huid"`
	Nickname      string         `json:"nickname"`
	HeadImgURL    string         `json:"headimgurl"`
	Sex           int            `json:"sex"`
	Mobile        string         `json:"mobile"`
	Addresses     []Address      `json:"addresses"`
	InvoiceTitles []InvoiceTitle `json:"invoice_titles"`
	Apps          []userInAppOut `json:"apps"`
}

// userInAppOut is what one app knows a user as.
type userInAppOut struct {
	AppID   int64  `json:"app_id"`
	OpenID  string `json:"openid"`
	UnionID string `json:"unionid"`
	SwanID  string `json:"swanid"`
}

// shown is a user as the control API shows it.
func (s *State) shownUser(u *User) userOut {
	out := userOut{
		Huid: u.Huid, Nickname: u.Nickname, HeadImgURL: u.HeadImgURL, Sex: u.Sex, Mobile: u.Mobile,
		Addresses: append([]Address{}, u.Addresses...), InvoiceTitles: append([]InvoiceTitle{}, u.InvoiceTitles...),
		Apps: []userInAppOut{},
	}
	for _, id := range s.appIDs() {
		app := s.Apps[id]
		out.Apps = append(out.Apps, userInAppOut{id, s.openID(app, u), s.unionID(app, u), s.swanID(app, u, nil)})
	}
	return out
}

// aUser returns the user with that number, which stands at /huid.
func (c *Call) aUser(huid int64) (*User, error) {
	if u := c.State.Users[huid]; u != nil {
		return u, nil
	}
	p := notFound("/huid", fmt.Sprintf("sandbox %s has no user %d", c.State.Name, huid))
	var known []string
	for _, u := range c.State.users() {
		known = append(known, u.text())
	}
	p.Nearest = near(strconv.FormatInt(huid, 10), known)
	return nil, p
}

func listUsers(c *Call, _ None) (usersOut, error) {
	out := usersOut{Users: []userOut{}}
	for _, u := range c.State.users() {
		out.Users = append(out.Users, c.State.shownUser(u))
	}
	return out, nil
}

type huidIn struct {
	Huid int64 `json:"huid"`
}

func getUser(c *Call, in huidIn) (userOut, error) {
	u, err := c.aUser(in.Huid)
	if err != nil {
		return userOut{}, err
	}
	return c.State.shownUser(u), nil
}

// userChange is what may be said of a user; nil says nothing.
type userChange struct {
	Nickname      *string         `json:"nickname"`
	HeadImgURL    *string         `json:"headimgurl"`
	Sex           *int            `json:"sex"`
	Mobile        *string         `json:"mobile"`
	Addresses     *[]Address      `json:"addresses"`
	InvoiceTitles *[]InvoiceTitle `json:"invoice_titles"`
}

// apply sets what is said.
func (in *userChange) apply(u *User) {
	set(&u.Nickname, in.Nickname)
	set(&u.HeadImgURL, in.HeadImgURL)
	set(&u.Sex, in.Sex)
	set(&u.Mobile, in.Mobile)
	if in.Addresses != nil {
		u.Addresses = slices.Clone(*in.Addresses)
	}
	if in.InvoiceTitles != nil {
		u.InvoiceTitles = slices.Clone(*in.InvoiceTitles)
	}
	numberLists(u)
}

type createUserIn struct {
	huidIn
	userChange
}

// createUser makes a user; what is left out is generated.
func createUser(c *Call, in createUserIn) (userOut, error) {
	if c.State.Users[in.Huid] != nil {
		return userOut{}, conflict("/huid", fmt.Sprintf("sandbox %s has a user %d already", c.State.Name, in.Huid))
	}
	u := &User{Huid: in.Huid}
	in.apply(u)
	if err := c.addUser(u); err != nil {
		return userOut{}, asBadRequest(err)
	}
	return c.State.shownUser(u), nil
}

type updateUserIn struct {
	huidIn
	userChange
}

// updateUser changes a user.
func updateUser(c *Call, in updateUserIn) (userOut, error) {
	u, err := c.aUser(in.Huid)
	if err != nil {
		return userOut{}, err
	}
	changed := *u
	in.apply(&changed)
	if err := changed.check(); err != nil {
		return userOut{}, badRequest("", err.Error())
	}
	*u = changed
	return c.State.shownUser(u), nil
}

type devicesOut struct {
	Devices []deviceOut `json:"devices"`
}

type deviceOut struct {
	Cuid     string           `json:"cuid"`
	Platform string           `json:"platform"`
	Apps     []deviceInAppOut `json:"apps"`
}

// deviceInAppOut is what one app knows a device as on which nobody is logged
// in.
type deviceInAppOut struct {
	AppID  int64  `json:"app_id"`
	SwanID string `json:"swanid"`
}

func (s *State) shownDevice(d *Device) deviceOut {
	out := deviceOut{Cuid: d.Cuid, Platform: d.Platform, Apps: []deviceInAppOut{}}
	for _, id := range s.appIDs() {
		out.Apps = append(out.Apps, deviceInAppOut{id, s.swanID(s.Apps[id], nil, d)})
	}
	return out
}

// aDevice returns the device with that id, which came as cuid.
func (c *Call) aDevice(cuid string) (*Device, error) {
	if d := c.State.Devices[cuid]; d != nil {
		return d, nil
	}
	p := notFound("/cuid", fmt.Sprintf("sandbox %s has no device %q", c.State.Name, cuid))
	var known []string
	for _, d := range c.State.devices() {
		known = append(known, d.Cuid)
	}
	p.Nearest = near(cuid, known)
	return nil, p
}

func listDevices(c *Call, _ None) (devicesOut, error) {
	out := devicesOut{Devices: []deviceOut{}}
	for _, d := range c.State.devices() {
		out.Devices = append(out.Devices, c.State.shownDevice(d))
	}
	return out, nil
}

type createDeviceIn struct {
	Cuid     string `json:"cuid"`
	Platform string `json:"platform"`
}

// createDevice makes a device; what is left out is generated.
func createDevice(c *Call, in createDeviceIn) (deviceOut, error) {
	if c.State.Devices[in.Cuid] != nil {
		return deviceOut{}, conflict("/cuid", fmt.Sprintf("sandbox %s has a device %q already", c.State.Name, in.Cuid))
	}
	d := &Device{Cuid: in.Cuid, Platform: in.Platform}
	if err := c.addDevice(d); err != nil {
		return deviceOut{}, asBadRequest(err)
	}
	return c.State.shownDevice(d), nil
}

// asBadRequest is an order's error as a problem of what was ordered.
func asBadRequest(err error) error {
	var wrong *orderError
	if errors.As(err, &wrong) {
		return badRequest("", wrong.reason)
	}
	return err
}

type logInIn struct {
	AppID     int64   `json:"app_id"`
	Huid      *int64  `json:"huid"`
	Cuid      *string `json:"cuid"`
	OfficalNo *int64  `json:"offical_no"`
}

type loginOut struct {
	Code      string `json:"code"`
	ExpiresIn int64  `json:"expires_in"`
	AppID     int64  `json:"app_id"`
	Huid      int64  `json:"huid"`
	Cuid      string `json:"cuid"`
	OpenID    string `json:"openid"`
}

// logInUser is what happens when swan.login succeeds: the code is what the app
// gets.
func logInUser(c *Call, in logInIn) (loginOut, error) {
	app, err := c.appOrFirst(in.AppID)
	if err != nil {
		return loginOut{}, err
	}
	u, d := c.State.firstUser(), c.State.firstDevice()
	if in.Huid != nil {
		if u, err = c.aUser(*in.Huid); err != nil {
			return loginOut{}, err
		}
	}
	if in.Cuid != nil {
		if d, err = c.aDevice(*in.Cuid); err != nil {
			return loginOut{}, err
		}
	}
	if u == nil || d == nil {
		return loginOut{}, conflict("", fmt.Sprintf("sandbox %s has no user or no device; make them first", c.State.Name))
	}
	var host *Host
	if in.OfficalNo != nil {
		if host, err = c.aHost(*in.OfficalNo); err != nil {
			return loginOut{}, err
		}
	}
	text := c.logIn(app, u, d, host)
	return loginOut{
		Code: text, ExpiresIn: int64(c.State.Config.CodeTTL / time.Second),
		AppID: app.ID, Huid: u.Huid, Cuid: d.Cuid, OpenID: c.State.openID(app, u),
	}, nil
}

// appOrFirst returns the app with that id, which came as app_id; 0 is the
// sandbox's first app.
func (c *Call) appOrFirst(id int64) (*App, error) {
	if ids := c.State.appIDs(); id == 0 && len(ids) > 0 {
		id = ids[0]
	}
	return c.anApp(id, "/app_id")
}

// aHost returns the member of the alliance with that number, which came as
// offical_no.
func (c *Call) aHost(id int64) (*Host, error) {
	var known []int64
	for _, h := range c.State.hosts() {
		if h.OfficalNo == id {
			return h, nil
		}
		known = append(known, h.OfficalNo)
	}
	p := notFound("/offical_no", fmt.Sprintf("sandbox %s has no member of the alliance %d", c.State.Name, id))
	p.Nearest = near(strconv.FormatInt(id, 10), texts(known))
	return nil, p
}

type sessionsOut struct {
	Sessions []sessionOut `json:"sessions"`
}

type sessionOut struct {
	AppID      int64  `json:"app_id"`
	Huid       int64  `json:"huid"`
	OpenID     string `json:"openid"`
	SessionKey string `json:"session_key"`
	Since      string `json:"since"`
	Ends       string `json:"ends"`
}

// listSessions shows the sessions that are alive, in order of app and user.
func listSessions(c *Call, _ None) (sessionsOut, error) {
	out := sessionsOut{Sessions: []sessionOut{}}
	for _, id := range c.State.appIDs() {
		app := c.State.Apps[id]
		for _, u := range c.State.users() {
			s := c.session(app, u)
			if s == nil {
				continue
			}
			out.Sessions = append(out.Sessions, sessionOut{
				AppID: id, Huid: u.Huid, OpenID: c.State.openID(app, u), SessionKey: s.Key,
				Since: stamp(time.Unix(s.Since, 0)), Ends: stamp(time.Unix(c.State.sessionEnds(s), 0)),
			})
		}
	}
	return out, nil
}

type endSessionIn struct {
	AppID int64 `json:"app_id"`
	Huid  int64 `json:"huid"`
}

// endSession ends the login state of a user in an app before its time.
func endSession(c *Call, in endSessionIn) (None, error) {
	app, err := c.anApp(in.AppID, "/app_id")
	if err != nil {
		return None{}, err
	}
	u, err := c.aUser(in.Huid)
	if err != nil {
		return None{}, err
	}
	if c.session(app, u) == nil {
		return None{}, notFound("/huid", fmt.Sprintf("user %d has no session in app %d", in.Huid, in.AppID))
	}
	delete(c.State.Sessions, sessionName(app.ID, u.Huid))
	return None{}, nil
}
