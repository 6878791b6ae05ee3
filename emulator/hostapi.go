package emulator

import (
	"crypto/md5" //nolint:gosec // a version, no secret
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/swanemu/emu/internal/seal"
)

// The host API: what an app that embeds the runtime serves to its own client
// (seed 003; the host documents for the answers that it does not show).
// Modelled: login, the answers to dialogs with and without data, the login
// state, swanid, open data, the list of scopes, clearing it, addresses, invoice
// titles, form ids. Not modelled: how a host knows its user (a request names
// user and device), editing addresses and invoice titles over the host's own
// API (the control API does), history and favourites.

// hostCode stands where clients expect a code that they never use (seed 003).
const hostCode = "history reason, never use"

// hostEnvelope is the envelope of the host API's answers.
const hostEnvelope = "host"

type hostIn struct {
	Data string  `json:"data"`
	Huid *int64  `json:"huid"`
	Cuid *string `json:"cuid"`
}

// A hostCaller is whom a request of the host API is about.
type hostCaller struct {
	holder
	data *hostData
	// host is the member in whose app it happens; nil is the platform's own.
	host *Host
}

// hostCaller reads whom a request is about. Where it names neither user nor
// device, it is about the sandbox's first ones; where it names a device only,
// nobody is logged in there.
func (c *Call) hostCaller(in hostIn) (*hostCaller, error) {
	data, err := readHostData(in.Data)
	if err != nil {
		return nil, err
	}
	app := c.State.Apps[c.State.keys[data.appKey]]
	if app == nil || app.Key != data.appKey {
		return nil, badData("data/open/app_key", "没有此小程序")
	}
	if data.maID != "" && data.maID != app.Key && data.maID != strconv.FormatInt(app.ID, 10) {
		return nil, badData("data/ma_id", "与 open/app_key 不是同一个小程序")
	}
	out := &hostCaller{holder{app, nil, c.State.firstDevice()}, data, nil}
	if data.hostKey != "" {
		if out.host = c.State.Hosts[data.hostKey]; out.host == nil {
			return nil, badData("data/open/host_api_key", "没有此宿主")
		}
	}
	switch {
	case in.Huid == nil && in.Cuid == nil:
		out.u = c.State.firstUser()
	case in.Huid != nil && *in.Huid != 0:
		if out.u = c.State.Users[*in.Huid]; out.u == nil {
			return nil, refuse("HostNotLoggedIn", "huid 没有此用户")
		}
	}
	if in.Cuid != nil {
		if out.d = c.State.Devices[*in.Cuid]; out.d == nil {
			return nil, refuse("HostInvalidInput", "cuid 没有此设备")
		}
	}
	return out, nil
}

// hostUser is hostCaller for what a user must be logged in for.
func (c *Call) hostUser(in hostIn) (*hostCaller, error) {
	who, err := c.hostCaller(in)
	if err == nil && who.u == nil {
		err = refuse("HostNotLoggedIn", "用户未登录")
	}
	return who, err
}

type hostLogin struct {
	Code string `json:"code"`
}

// loginHostUser gives an app the code of its user; nobody who is logged in has
// none.
func loginHostUser(c *Call, in hostIn) (hostLogin, error) {
	who, err := c.hostCaller(in)
	if err != nil || who.u == nil {
		return hostLogin{}, err
	}
	code := c.logIn(who.app, who.u, who.d, who.host)
	return hostLogin{code}, nil
}

type hostAccredited struct {
	Code     string    `json:"code"`
	OpenData *openData `json:"opendata,omitempty"`
}

// accreditHostUser takes down what a user answered and gives the data of the
// first scope that has any, in one go (seed 003).
func accreditHostUser(c *Call, in hostIn) (hostAccredited, error) {
	who, err := c.accrediting(in)
	if err != nil {
		return hostAccredited{}, err
	}
	out := hostAccredited{Code: hostCode}
	given := slices.IndexFunc(who.data.accredits, func(a accredit) bool { return a.permit && a.scope.hasData(who.u) })
	if given >= 0 {
		if out.OpenData, err = c.openData(who.app, who.u, who.data.accredits[given].scope); err != nil {
			return hostAccredited{}, err
		}
	}
	for i, a := range who.data.accredits {
		c.takeAnswer(who.holder, a.scope, a.permit)
		if i == given {
			c.spend(who.holder, a.scope)
		}
	}
	return out, nil
}

// authorizeHostUser takes down what a user answered and no more.
func authorizeHostUser(c *Call, in hostIn) (hostAccredited, error) {
	who, err := c.accrediting(in)
	if err != nil {
		return hostAccredited{}, err
	}
	for _, a := range who.data.accredits {
		c.takeAnswer(who.holder, a.scope, a.permit)
	}
	return hostAccredited{Code: hostCode}, nil
}

// accrediting is who answers, if each of their answers can be taken down.
func (c *Call) accrediting(in hostIn) (*hostCaller, error) {
	who, err := c.hostCaller(in)
	if err != nil {
		return nil, err
	}
	if len(who.data.accredits) == 0 {
		return nil, badData("data/accredits", "缺少，应为权限与回答")
	}
	for _, a := range who.data.accredits {
		switch {
		case who.grants(a.scope) == nil && a.scope.kind == scopeOfUser:
			return nil, refuse("HostNotLoggedIn", "%s 需要用户登录", a.scope.id)
		case who.grants(a.scope) == nil:
			return nil, badData("data/accredits/"+a.scope.id, "沙箱里没有设备")
		case who.stands(a.scope).forbidden:
			return nil, refuse("HostSystemDeny", "小程序没有 %s 权限", a.scope.id)
		}
	}
	return who, nil
}

type hostSession struct {
	Result bool `json:"result"`
}

// checkHostSession tells whether the app's session key still holds; asking is
// use, which keeps it alive.
func checkHostSession(c *Call, in hostIn) (hostSession, error) {
	who, err := c.hostCaller(in)
	if err != nil || who.u == nil {
		return hostSession{}, err
	}
	return hostSession{c.useSession(who.app, who.u) != nil}, nil
}

type hostSwanID struct {
	SwanID    string `json:"swanid"`
	Signature string `json:"swanid_signature"`
}

// getHostSwanID gives an app the swanid of its user, or of the device where
// nobody is logged in, with the signature that its server can check.
func getHostSwanID(c *Call, in hostIn) (hostSwanID, error) {
	who, err := c.hostCaller(in)
	if err != nil {
		return hostSwanID{}, err
	}
	if who.u == nil && who.d == nil {
		return hostSwanID{}, refuse("HostNotLoggedIn", "沙箱里没有用户和设备")
	}
	id := c.State.swanID(who.app, who.u, who.d)
	return hostSwanID{id, seal.SwanIDSignature(who.app.Key, who.app.Secret, id)}, nil
}

type hostOpenData struct {
	Scope    hostScope `json:"scope"`
	OpenData *openData `json:"opendata,omitempty"`
}

// getHostOpenData gives the data of a scope to an app that has leave; without,
// it tells the client how the scope stands, so that it asks (seed 003).
func getHostOpenData(c *Call, in hostIn) (hostOpenData, error) {
	who, err := c.hostUser(in)
	if err != nil {
		return hostOpenData{}, err
	}
	sc, _ := scopeNamed(orElse(who.data.scope, func() string { return scopeUserInfo }))
	out := hostOpenData{Scope: who.shown(sc)}
	if !who.stands(sc).allowed() || !sc.hasData(who.u) {
		return out, nil
	}
	if out.OpenData, err = c.openData(who.app, who.u, sc); err != nil {
		return hostOpenData{}, err
	}
	c.spend(who.holder, sc)
	return out, nil
}

type hostScopes struct {
	Accredit struct {
		Version string          `json:"version,omitempty"`
		Errno   string          `json:"errno"`
		Data    *hostScopesList `json:"data,omitempty"`
	} `json:"accredit"`
}

type hostScopesList struct {
	List map[string]hostScope `json:"list"`
}

// updateHostScopes lists all scopes; a client that has this very list already
// is told so instead.
func updateHostScopes(c *Call, in hostIn) (hostScopes, error) {
	who, err := c.hostCaller(in)
	if err != nil {
		return hostScopes{}, err
	}
	list := hostScopesList{map[string]hostScope{}}
	for _, sc := range scopes() {
		list.List[sc.id] = who.shown(sc)
	}
	data, err := marshal(list)
	if err != nil {
		return hostScopes{}, err
	}
	sum := md5.Sum(data) //nolint:gosec // a version, no secret
	var out hostScopes
	out.Accredit.Errno, out.Accredit.Version = "0", hex.EncodeToString(sum[:])
	if who.data.version != out.Accredit.Version {
		out.Accredit.Data = &list
	}
	return out, nil
}

// clearHostScopes makes an app forget all that it has leave to, and what was
// refused.
func clearHostScopes(c *Call, in hostIn) (hostScopes, error) {
	who, err := c.hostCaller(in)
	if err != nil {
		return hostScopes{}, err
	}
	c.clearGrants(who.holder)
	var out hostScopes
	out.Accredit.Errno = "0"
	return out, nil
}
