package emulator

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/internal/spec"
)

// How sandboxes come to be: an empty platform with one app, its developer, a
// third-party platform that may act for it, and a member of the alliance.

// SandboxOptions say what a new sandbox is like; the zero value makes it like
// the default one.
type SandboxOptions struct {
	// Seed is the sandbox's source of everything that looks random; 0 means
	// the emulator's.
	Seed uint64
	// Clock is the sandbox's time; nil means the emulator's setting.
	Clock *Clock
	// Manual makes its platform decide nothing until it is told; nil means the
	// emulator's setting.
	Manual *bool
}

// Credentials are what a client needs to talk to a sandbox.
type Credentials struct {
	// Sandbox is its name, Topic the Kafka topic of its notices.
	Sandbox string `json:"sandbox"`
	Topic   string `json:"topic"`
	// App is the sandbox's first app and its developer.
	App struct {
		AppID     int64  `json:"app_id"`
		AppKey    string `json:"app_key"`
		AppSecret string `json:"app_secret"`
	} `json:"app"`
	// TP is the third-party platform that the app has authorized.
	TP struct {
		TPID           int64  `json:"tp_id"`
		ClientID       string `json:"client_id"`
		EncodingAESKey string `json:"encoding_aes_key"`
		Token          string `json:"token"`
		Ticket         string `json:"ticket"`
		AccessToken    string `json:"access_token"`
		PushURL        string `json:"push_url"`
	} `json:"tp"`
	// Authorizer are the tokens with which the TP acts for the app. The first
	// pair lives thirty days instead of an hour, for people at a terminal.
	Authorizer struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	} `json:"authorizer"`
	// Host is the member of the alliance.
	Host struct {
		AK          string `json:"ak"`
		SK          string `json:"sk"`
		OfficalNo   int64  `json:"offical_no"`
		ContainerNo int64  `json:"container_no"`
	} `json:"host"`
	// Merchant is the payment service of the app. PrivateKey signs what the
	// merchant signs, "" where it has registered a key of its own;
	// PlatformPublicKey checks what the platform signs. Both are PEM.
	Merchant struct {
		DealID            int64  `json:"deal_id"`
		AppKey            string `json:"app_key"`
		PrivateKey        string `json:"private_key"`
		PlatformPublicKey string `json:"platform_public_key"`
	} `json:"merchant"`
}

// validName is what a sandbox may be called: it becomes part of a Kafka topic
// and of URLs.
var validName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}$`)

// CreateSandbox makes a sandbox with generated credentials. Its name must not
// be taken.
func (e *Emulator) CreateSandbox(name string, o SandboxOptions) (*Sandbox, error) {
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("sandbox name %q: want 1 to 64 letters, digits, '-' and '_', beginning with a letter or digit", name)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, errClosed
	}
	if e.sandboxes[name] != nil {
		return nil, &takenError{name}
	}
	s, err := e.newPlatform(name, o)
	if err != nil {
		return nil, err
	}
	if err := e.keep(s); err != nil {
		e.index.dropAll(s)
		return nil, err
	}
	e.sandboxes[name] = s
	return s, nil
}

// takenError says that a sandbox's name is in use.
type takenError struct{ name string }

func (t *takenError) Error() string { return fmt.Sprintf("there is a sandbox %q already", t.name) }

// newPlatform makes a sandbox with what every platform begins with.
func (e *Emulator) newPlatform(name string, o SandboxOptions) (*Sandbox, error) {
	if o.Seed == 0 {
		o.Seed = e.opt.Seed
	}
	if o.Clock == nil {
		o.Clock = &e.opt.Clock
	}
	setting, err := o.Clock.setting()
	if err != nil {
		return nil, err
	}
	config := e.program().config(&e.opt, name)
	if o.Manual != nil {
		config.Manual = *o.Manual
	}
	st := newState(name, o.Seed, config)
	st.Rate, st.Follows = setting.Rate, setting.Rate == clock.Real && setting.Start.IsZero()
	st.Origin = Origin{Mode: clock.Mode(setting.Rate), Manual: o.Manual}
	if !setting.Start.IsZero() {
		st.Origin.Start = setting.Start.UnixNano()
	}
	st.At = clock.New(setting).Now().UnixNano()
	s := newSandbox(e, st)
	if err := s.seed(); err != nil {
		e.index.dropAll(s)
		return nil, err
	}
	return s, nil
}

// defaultAppID is the app of seed 001's push example.
const (
	defaultAppID = 1452365
	defaultTPID  = 17328232
)

// seed puts one of everybody into a new sandbox.
func (s *Sandbox) seed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.tickLocked()
	s.state.Inputs++
	c := &Call{Now: now, State: s.state, box: s}
	if err := c.addHost(&Host{}); err != nil {
		return err
	}
	app := &App{ID: defaultAppID, NameApproved: true, CategoryApproved: true, Verified: true}
	if err := c.addApp(app); err != nil {
		return err
	}
	tp := &TP{ID: defaultTPID}
	if err := c.addTP(tp); err != nil {
		return err
	}
	tp.Apps[app.ID] = &Authorization{Since: now.Unix()}
	if err := c.addMerchant(&Merchant{App: app.ID}); err != nil {
		return err
	}
	return c.seedUsers()
}

// addApp puts an app into the state; what it leaves open is generated.
func (c *Call) addApp(a *App) error {
	r := c.draw("app")
	if a.ID == 0 {
		a.ID = r.between(10_000_000, 99_999_999)
	}
	if c.State.Apps[a.ID] != nil {
		return refuse("RecordExists", "app_id %d", a.ID)
	}
	a.Key = orElse(a.Key, func() string { return r.alnum(32) })
	a.Secret = orElse(a.Secret, func() string { return r.alnum(32) })
	a.Name = orElse(a.Name, func() string { return "小程序" })
	a.Desc = orElse(a.Desc, func() string { return "一个用于联调的智能小程序" })
	a.Photo = orElse(a.Photo, func() string { return "https://example.com/logo/" + r.hex(8) + ".jpg" })
	a.Owner = orElse(a.Owner, func() string { return "示例科技有限公司" })
	a.MinSwanVersion = orElse(a.MinSwanVersion, func() string { return "3.150.1" })
	if a.OwnerType == 0 {
		a.OwnerType = 2
	}
	if a.Status == 0 {
		a.Status = AppNormal
	}
	if a.Category == (Category{}) {
		a.Category = Category{
			ID: 1101, Name: "效率", Desc: "效率工具",
			ParentID: 11, ParentName: "工具", ParentDesc: "实用工具",
		}
	}
	if err := a.check(); err != nil {
		return &orderError{err.Error()}
	}
	if err := c.box.em.index.claim(a.Key, c.box); err != nil {
		return err
	}
	for _, p := range a.Packages {
		c.State.LastPackage = max(c.State.LastPackage, p.ID)
	}
	c.State.Apps[a.ID] = a
	c.State.keys[a.Key] = a.ID
	return nil
}

// Credentials returns the credentials of the default sandbox.
func (e *Emulator) Credentials() (Credentials, error) { return e.defaultSandbox().Credentials() }

// Credentials issues a fresh set of tokens for the sandbox's first app and
// returns them with everything else a client needs.
func (s *Sandbox) Credentials() (Credentials, error) {
	data, err := s.order("issueCredentials", spec.Params{}, nil)
	var c Credentials
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	return c, err
}

// issueCredentials is the order behind Credentials.
func issueCredentials(c *Call, _ None) (Credentials, error) {
	var out Credentials
	out.Sandbox, out.Topic = c.State.Name, c.State.Config.Topic
	for _, id := range c.State.appIDs() {
		app := c.State.Apps[id]
		out.App.AppID, out.App.AppKey, out.App.AppSecret = app.ID, app.Key, app.Secret
		if tps := c.State.tpsOf(id); len(tps) > 0 {
			tp := tps[0]
			out.TP.TPID, out.TP.ClientID, out.TP.EncodingAESKey = tp.ID, tp.ClientID, tp.EncodingAESKey
			out.TP.Token, out.TP.Ticket, out.TP.PushURL = tp.Token, tp.Ticket, tp.PushURL
			out.TP.AccessToken = c.issue(TokenTP, Principal{Kind: PrincipalTP, TP: tp.ID}, tpTokenTTL, "tp")
			p := Principal{Kind: PrincipalAuthorizer, TP: tp.ID, App: id}
			out.Authorizer.AccessToken = c.issue(TokenAuthorizer, p, tpTokenTTL, "authorizer")
			out.Authorizer.RefreshToken = c.issue(TokenRefresh, p, refreshTTL, "refresh")
			break
		}
	}
	for _, m := range c.State.Merchants {
		if m.App != out.App.AppID {
			continue
		}
		shown, err := c.shownMerchant(m)
		if err != nil {
			return Credentials{}, err
		}
		out.Merchant.DealID, out.Merchant.AppKey = m.Deal, m.Key
		out.Merchant.PrivateKey, out.Merchant.PlatformPublicKey = shown.PrivateKey, shown.PlatformKey
		break
	}
	if hosts := c.State.hosts(); len(hosts) > 0 {
		h := hosts[0]
		out.Host.AK, out.Host.SK, out.Host.OfficalNo, out.Host.ContainerNo = h.AK, h.SK, h.OfficalNo, h.containerNo()
	}
	return out, nil
}
