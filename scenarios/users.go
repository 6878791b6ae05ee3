package scenarios

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// Users and their devices: how they come to be, how they log in, and what apps
// know them as.

// defaultUser is the sandbox's own user, who is there without being given.
const defaultUser = 295421489

// users makes the users and devices that are given.
func (p *preparation) users() error {
	if len(p.s.Given.Users) == 0 {
		return nil
	}
	there, err := p.ids("users", "huid")
	if err != nil {
		return err
	}
	for _, u := range p.s.Given.Users {
		method, path := http.MethodPost, "/users"
		order, _ := plain(u).(map[string]any)
		if slices.Contains(there, u.Huid) {
			method, path = http.MethodPatch, path+"/"+strconv.FormatInt(u.Huid, 10)
			delete(order, "huid")
		}
		if err := p.order(method, path, order, nil); err != nil {
			return fmt.Errorf("user %d: %w", u.Huid, err)
		}
	}
	return nil
}

func (p *preparation) devices() error {
	for _, d := range p.s.Given.Devices {
		if err := p.order(http.MethodPost, "/devices", d, nil); err != nil {
			return fmt.Errorf("device %s: %w", d.Cuid, err)
		}
	}
	return nil
}

// knownAs is what an app knows a user or a device as.
type knownAs struct {
	AppID   int64  `json:"app_id"`
	OpenID  string `json:"openid"`
	UnionID string `json:"unionid"`
	SwanID  string `json:"swanid"`
}

// identify learns what apps know users and devices as. A target without users
// has none.
func (e *engine) identify(ctx context.Context) error {
	if there, err := e.can(ctx, "users"); err != nil || !there {
		return err
	}
	var users struct {
		Users []struct {
			Huid int64     `json:"huid"`
			Apps []knownAs `json:"apps"`
		} `json:"users"`
	}
	var devices struct {
		Devices []struct {
			Cuid string    `json:"cuid"`
			Apps []knownAs `json:"apps"`
		} `json:"devices"`
	}
	if err := e.box.order(ctx, http.MethodGet, "/users", nil, &users); err != nil {
		return err
	}
	if err := e.box.order(ctx, http.MethodGet, "/devices", nil, &devices); err != nil {
		return err
	}
	first := e.firstUser()
	for _, u := range users.Users {
		for _, known := range u.Apps {
			of := fmt.Sprintf("users.%d.%d.", u.Huid, known.AppID)
			e.vars[of+"openid"], e.vars[of+"unionid"], e.vars[of+"swanid"] = known.OpenID, known.UnionID, known.SwanID
			if u.Huid == first && known.AppID == e.firstApp() {
				e.vars["huid"], e.vars["openid"], e.vars["unionid"] = jsonInt(u.Huid), known.OpenID, known.UnionID
			}
		}
	}
	for _, d := range devices.Devices {
		for _, known := range d.Apps {
			e.vars[fmt.Sprintf("devices.%s.%d.swanid", d.Cuid, known.AppID)] = known.SwanID
		}
	}
	return e.members(ctx)
}

// members learns what belongs to the members of the alliance.
func (e *engine) members(ctx context.Context) error {
	if there, err := e.can(ctx, "hosts"); err != nil || !there {
		return err
	}
	var hosts struct {
		Hosts []map[string]any `json:"hosts"`
	}
	if err := e.box.order(ctx, http.MethodGet, "/hosts", nil, &hosts); err != nil {
		return err
	}
	for _, h := range hosts.Hosts {
		for _, name := range ofMember() {
			e.vars[memberVariable(textOf(h["name"]), name)] = h[name]
		}
	}
	return nil
}

// ofMember lists what variables there are of a member of the alliance.
func ofMember() []string { return []string{"ak", "sk", "hsk", "offical_no"} }

// memberVariable is the variable that holds something of a member.
func memberVariable(member, what string) string { return "hosts." + member + "." + what }

// firstUser is who is meant where nobody is named.
func (e *engine) firstUser() int64 {
	if len(e.s.Given.Users) > 0 {
		return e.s.Given.Users[0].Huid
	}
	return defaultUser
}

// known adds the variables of users, devices and members of the alliance to
// those that are predefined.
func (g *Given) known(out scope, apps []int64) {
	for _, h := range g.Hosts {
		for _, name := range ofMember() {
			out[memberVariable(h.Name, name)] = ""
		}
	}
	users := []int64{defaultUser}
	for _, u := range g.Users {
		users = append(users, u.Huid)
	}
	for _, app := range apps {
		for _, huid := range users {
			for _, name := range []string{"openid", "unionid", "swanid"} {
				out[fmt.Sprintf("users.%d.%d.%s", huid, app, name)] = ""
			}
		}
		for _, d := range g.Devices {
			out[fmt.Sprintf("devices.%s.%d.swanid", d.Cuid, app)] = ""
		}
	}
}

// logIn lets a user log in.
func (e *engine) logIn(ctx context.Context, s *Step) (*Failure, error) {
	order := map[string]any{"app_id": or(s.Login.AppID, e.firstApp()), "huid": or(s.Login.Huid, e.firstUser())}
	cuid := s.Login.Cuid
	if cuid == "" && len(e.s.Given.Devices) > 0 {
		cuid = e.s.Given.Devices[0].Cuid
	}
	if cuid != "" {
		order["cuid"] = cuid
	}
	what := fmt.Sprintf("user %v logs in to app %v", order["huid"], order["app_id"])
	if s.Login.OfficalNo != 0 {
		order["offical_no"] = s.Login.OfficalNo
		what += fmt.Sprintf(" in the app of member %d", s.Login.OfficalNo)
	}
	var out map[string]any
	if err := e.box.order(ctx, http.MethodPost, "/logins", order, &out); err != nil {
		return nil, err
	}
	e.line(Line{At: e.now, Kind: "control", From: "user", To: "platform", What: what, OK: true})
	if err := e.save(s.Save, out); err != nil {
		return e.fail(s, err.Error()), nil
	}
	return nil, e.sync(ctx)
}

// users checks the users and devices that are given, and collects them.
func (k *checker) usersGiven(g *Given) {
	k.users, k.devices = nil, map[string]bool{}
	for i, u := range g.Users {
		if slices.Contains(k.users, u.Huid) {
			k.complain(fmt.Sprintf("given.users[%d].huid", i), fmt.Sprintf("user %d is given twice", u.Huid), "", "")
		}
		if u.Huid != 0 {
			k.users = append(k.users, u.Huid)
		}
	}
	if !slices.Contains(k.users, defaultUser) {
		k.users = append(k.users, defaultUser)
	}
	for i, d := range g.Devices {
		if k.devices[d.Cuid] {
			k.complain(fmt.Sprintf("given.devices[%d].cuid", i), "device "+d.Cuid+" is given twice", "", "")
		}
		k.devices[d.Cuid] = true
	}
}

// login checks that whoever logs in is there.
func (k *checker) login(path string, l *Login) {
	k.app(path+".app_id", l.AppID)
	k.id(path+".huid", "user", l.Huid, k.users)
	k.device(path+".cuid", l.Cuid)
}
