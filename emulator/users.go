package emulator

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Users of mini programs and their devices (seeds 003 and 004). Modelled: who
// a user is, what the host app knows of them (profile, addresses, invoice
// titles), the ids by which apps know them. Not modelled: how a host app
// authenticates its users; a sandbox holds as many as a test wants, and a
// request names the one it is about. Logging in is in login.go.

// The values of a User's Sex (K).
const (
	SexUnknown = 0
	SexMale    = 1
	SexFemale  = 2
)

// The values of an InvoiceTitle's Type (seed 004).
const (
	InvoiceCompany = 0
	InvoicePerson  = 1
)

// The values of a Device's Platform, which differ in what a cancelled share
// does (seed 004).
const (
	PlatformAndroid = "android"
	PlatformIOS     = "ios"
)

// defaultHuid is the user that every sandbox begins with; the number is the
// nickname in seed 003's example.
const defaultHuid = 295421489

// A User is somebody who uses mini programs in a host app.
type User struct {
	// Huid is the user's number in the host app.
	Huid int64 `json:"huid"`
	// Number says as which of the sandbox's users and devices it was made.
	Number     int64  `json:"number"`
	Nickname   string `json:"nickname"`
	HeadImgURL string `json:"headimgurl"`
	// Sex is SexUnknown, SexMale or SexFemale.
	Sex int `json:"sex"`
	// Mobile is the telephone number; "" where the host app has none.
	Mobile        string         `json:"mobile,omitempty"`
	Addresses     []Address      `json:"addresses,omitempty"`
	InvoiceTitles []InvoiceTitle `json:"invoice_titles,omitempty"`
	// Grants holds what the user answered when an app asked for a scope, by
	// app_id and scope.
	Grants map[int64]map[string]*Grant `json:"grants,omitempty"`
}

// A Device is a telephone or tablet that mini programs run on.
type Device struct {
	// Cuid is the device's id in the host app.
	Cuid string `json:"cuid"`
	// Number says as which of the sandbox's users and devices it was made.
	Number int64 `json:"number"`
	// Platform is PlatformAndroid or PlatformIOS.
	Platform string `json:"platform"`
	// Grants holds what was answered for scopes that belong to a device
	// instead of a user, by app_id and scope.
	Grants map[int64]map[string]*Grant `json:"grants,omitempty"`
}

// A Grant is what somebody answered when an app asked for a scope.
type Grant struct {
	// Permit is whether they agreed.
	Permit bool `json:"permit"`
	// Since is in seconds since 1970.
	Since int64 `json:"since"`
}

// An Address is where a user has things delivered to, in the form of the
// host's list (D).
type Address struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Phone string `json:"phone"`
	// L1 to L3 are province, city and county.
	L1      Region `json:"l1"`
	L2      Region `json:"l2"`
	L3      Region `json:"l3"`
	Street  string `json:"street"`
	Zipcode string `json:"zipcode"`
	Default bool   `json:"default"`
}

// A Region is one level of an address: its code in the national standard and
// its name.
type Region struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

// An InvoiceTitle is whom invoices of a user are made out to, in the form of
// the host's list (D).
type InvoiceTitle struct {
	ID int64 `json:"id"`
	// Type is InvoiceCompany or InvoicePerson.
	Type           int    `json:"type"`
	Title          string `json:"title"`
	TaxNumber      string `json:"tax_number"`
	CompanyAddress string `json:"company_address"`
	Telephone      string `json:"telephone"`
	BankName       string `json:"bank_name"`
	BankAccount    string `json:"bank_account"`
	Default        bool   `json:"is_default"`
}

// text is the user's number in digits.
func (u *User) text() string { return strconv.FormatInt(u.Huid, 10) }

// check says what a user lacks to be one.
func (u *User) check() error {
	if u.Huid <= 0 {
		return errors.New("huid must be a positive number")
	}
	if u.Sex < SexUnknown || u.Sex > SexFemale {
		return fmt.Errorf("sex %d: want 0 (unknown), 1 (male) or 2 (female)", u.Sex)
	}
	if n := utf8.RuneCountInString(u.Nickname); n < 1 || n > 100 {
		return errors.New("nickname must have 1 to 100 characters")
	}
	ids := map[int64]bool{}
	for i, a := range u.Addresses {
		if a.ID <= 0 || ids[a.ID] {
			return fmt.Errorf("addresses/%d: want an id above 0 of its own", i)
		}
		ids[a.ID] = true
	}
	clear(ids)
	for i, t := range u.InvoiceTitles {
		if t.ID <= 0 || ids[t.ID] {
			return fmt.Errorf("invoice_titles/%d: want an id above 0 of its own", i)
		}
		if t.Type != InvoiceCompany && t.Type != InvoicePerson {
			return fmt.Errorf("invoice_titles/%d: type %d: want 0 (company) or 1 (person)", i, t.Type)
		}
		ids[t.ID] = true
	}
	return checkGrants(u.Grants)
}

// check says what a device lacks to be one.
func (d *Device) check() error {
	if n := utf8.RuneCountInString(d.Cuid); n < 1 || n > 200 {
		return errors.New("cuid must have 1 to 200 characters")
	}
	if d.Platform != PlatformAndroid && d.Platform != PlatformIOS {
		return fmt.Errorf("platform %q: want android or ios", d.Platform)
	}
	return checkGrants(d.Grants)
}

func checkGrants(grants map[int64]map[string]*Grant) error {
	for app, scopes := range grants {
		for scope, g := range scopes {
			if g == nil || scope == "" {
				return fmt.Errorf("grants/%d: a grant is empty", app)
			}
		}
	}
	return nil
}

// addUser puts a user into the state; what it leaves open is generated.
func (c *Call) addUser(u *User) error {
	r := c.draw("user")
	if u.Huid == 0 {
		u.Huid = r.between(1_000_000_000, 9_999_999_999)
	}
	if c.State.Users[u.Huid] != nil {
		return refuse("RecordExists", "huid %d", u.Huid)
	}
	u.Nickname = orElse(u.Nickname, u.text)
	u.HeadImgURL = orElse(u.HeadImgURL, func() string { return "https://example.com/portrait/" + r.hex(16) + ".jpg" })
	numberLists(u)
	if err := u.check(); err != nil {
		return &orderError{err.Error()}
	}
	c.State.LastUser++
	u.Number = c.State.LastUser
	c.State.Users[u.Huid] = u
	return nil
}

// numberLists gives an id to each address and invoice title that has none.
func numberLists(u *User) {
	var last int64
	for _, a := range u.Addresses {
		last = max(last, a.ID)
	}
	for i := range u.Addresses {
		if u.Addresses[i].ID == 0 {
			last++
			u.Addresses[i].ID = last
		}
	}
	last = 0
	for _, t := range u.InvoiceTitles {
		last = max(last, t.ID)
	}
	for i := range u.InvoiceTitles {
		if u.InvoiceTitles[i].ID == 0 {
			last++
			u.InvoiceTitles[i].ID = last
		}
	}
}

// addDevice puts a device into the state; what it leaves open is generated.
func (c *Call) addDevice(d *Device) error {
	r := c.draw("device")
	d.Cuid = orElse(d.Cuid, func() string { return r.hex(32) })
	d.Platform = cmp.Or(d.Platform, PlatformAndroid)
	if c.State.Devices[d.Cuid] != nil {
		return refuse("RecordExists", "cuid %s", d.Cuid)
	}
	if err := d.check(); err != nil {
		return &orderError{err.Error()}
	}
	c.State.LastUser++
	d.Number = c.State.LastUser
	c.State.Devices[d.Cuid] = d
	return nil
}

// seedUsers puts the user and the device into a new sandbox that requests are
// about which name none.
func (c *Call) seedUsers() error {
	u := &User{
		Huid: defaultHuid, Sex: SexMale, Mobile: "13800138000",
		Addresses: []Address{{
			Name: "张三", Phone: "13800138000",
			L1: Region{"110000", "北京市"}, L2: Region{"110100", "北京市"}, L3: Region{"110108", "海淀区"},
			Street: "示例路 1 号", Zipcode: "100085", Default: true,
		}},
		InvoiceTitles: []InvoiceTitle{{
			Type: InvoiceCompany, Title: "示例科技有限公司", TaxNumber: "91110000000000000X",
			CompanyAddress: "北京市海淀区示例路 1 号", Telephone: "01012345678",
			BankName: "示例银行", BankAccount: "6200000000000000000", Default: true,
		}},
	}
	if err := c.addUser(u); err != nil {
		return err
	}
	return c.addDevice(&Device{})
}

// firstUser is the user that a request is about which names none; nil where
// the sandbox has no users.
func (s *State) firstUser() *User {
	return first(s.Users, func(u *User) int64 { return u.Number })
}

// firstDevice is the device that a request comes from which names none; nil
// where the sandbox has no devices.
func (s *State) firstDevice() *Device {
	return first(s.Devices, func(d *Device) int64 { return d.Number })
}

// first returns the value with the lowest number.
func first[K comparable, V any](m map[K]*V, number func(*V) int64) *V {
	var found *V
	for _, v := range m {
		if found == nil || number(v) < number(found) {
			found = v
		}
	}
	return found
}

// users returns the users in the order they were made.
func (s *State) users() []*User {
	return slices.SortedFunc(maps.Values(s.Users), func(a, b *User) int { return cmp.Compare(a.Number, b.Number) })
}

// devices returns the devices in the order they were made.
func (s *State) devices() []*Device {
	return slices.SortedFunc(maps.Values(s.Devices), func(a, b *Device) int { return cmp.Compare(a.Number, b.Number) })
}

// identity is the source of an id that stays with somebody: it depends on the
// seed, on who it is for and among whom, not on when it is asked for or on the
// sandbox's name, so that a state may move to another sandbox.
func (s *State) identity(purpose, among, whose string) random {
	return drawFor(s.Seed, "", purpose+"\x00"+among+"\x00"+whose, 0)
}

const (
	openIDLen  = 26 // as long as the one in the published sample (D)
	unionIDLen = 32 // assumed
	swanIDLen  = 32 // assumed; seed 002's examples have capitals and digits
	capitals   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)

// openID is what an app knows a user as: another one in each app.
func (s *State) openID(app *App, u *User) string {
	return s.identity("openid", strconv.FormatInt(app.ID, 10), u.text()).alnum(openIDLen)
}

// unionID is what all apps of one developer know a user as.
func (s *State) unionID(app *App, u *User) string {
	return s.identity("unionid", app.developer(), u.text()).alnum(unionIDLen)
}

// swanID is what the apps of one developer know a user or a device as (seed
// 004): one who is logged in on all their devices, else the device. u is nil
// where nobody is logged in.
func (s *State) swanID(app *App, u *User, d *Device) string {
	if u != nil {
		return s.identity("swanid of a user", app.developer(), u.text()).text(capitals, swanIDLen)
	}
	return s.identity("swanid of a device", app.developer(), d.Cuid).text(capitals, swanIDLen)
}

// userByOpenID returns the user whom an app knows as that, or nil.
func (s *State) userByOpenID(app *App, openID string) *User {
	for _, u := range s.Users {
		if s.openID(app, u) == openID {
			return u
		}
	}
	return nil
}

// bySwanID returns the user or the device whom an app knows as that; both
// are nil where there is none.
func (s *State) bySwanID(app *App, swanID string) (*User, *Device) {
	for _, u := range s.Users {
		if s.swanID(app, u, nil) == swanID {
			return u, nil
		}
	}
	for _, d := range s.Devices {
		if s.swanID(app, nil, d) == swanID {
			return nil, d
		}
	}
	return nil, nil
}

// developer is whom an app belongs to. Apps of one developer share unionids
// and swanids.
func (a *App) developer() string { return cmp.Or(a.Developer, a.Owner) }

// checkUsers holds users, devices, codes and sessions of a state together.
func (s *State) checkUsers(*machine) error {
	for huid, u := range s.Users {
		if u == nil || u.Huid != huid {
			return fmt.Errorf("/users/%d: huid must be %d", huid, huid)
		}
		if err := u.check(); err != nil {
			return fmt.Errorf("/users/%d: %w", huid, err)
		}
	}
	for cuid, d := range s.Devices {
		if d == nil || d.Cuid != cuid {
			return fmt.Errorf("/devices/%s: cuid must be %s", cuid, cuid)
		}
		if err := d.check(); err != nil {
			return fmt.Errorf("/devices/%s: %w", cuid, err)
		}
	}
	const wantSeconds = "want seconds since 1970"
	seconds := func(t int64) bool { return t >= 0 && time.Unix(t, 0).Year() <= lastYear }
	for text, code := range s.LoginCodes {
		switch {
		case code == nil || text == "" || s.Apps[code.App] == nil || s.Users[code.Huid] == nil:
			return errors.New("/login_codes: each must be of an app and a user that are there")
		case !seconds(code.Expires):
			return errors.New("/login_codes: expires: " + wantSeconds)
		}
	}
	for name, session := range s.Sessions {
		switch {
		case session == nil || s.Apps[session.App] == nil || s.Users[session.Huid] == nil:
			return fmt.Errorf("/sessions/%s: want an app and a user that are there", name)
		case name != sessionName(session.App, session.Huid) || session.Key == "":
			return fmt.Errorf("/sessions/%s: must stand under app_id/huid and have a session_key", name)
		case !seconds(session.Used) || !seconds(session.Since):
			return fmt.Errorf("/sessions/%s: since and used: %s", name, wantSeconds)
		}
	}
	return nil
}
