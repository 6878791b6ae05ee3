// Package emutarget is the harness that lets package contracttest check a
// running emu: it makes a sandbox of its own over the control API, enters
// states there, moves its time, receives its pushes and reads its notices.
//
// It promises: nothing outside of that sandbox is touched, Close leaves nothing
// behind, and it knows emu over HTTP only.
package emutarget

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/clock"
)

// Options say which emulator, and how to reach it.
type Options struct {
	// URL is where it answers.
	URL string
	// AdminToken is what its control API needs; "" where it needs none.
	AdminToken string
	// Transport carries the requests; nil is a plain one.
	Transport http.RoundTripper
	// Seed is the seed of the sandbox; 0 is the emulator's.
	Seed uint64
	// Sandbox is its name; "" makes one up.
	Sandbox string
	// Notices reads the emulator's Kafka topic; it gets the topic of the
	// sandbox. Nil reads what the control API tells of the notices, which has
	// neither keys nor topics.
	Notices func(topic string) contracttest.Notices
}

// A Box is a sandbox that was made for one run.
type Box struct {
	options Options
	client  http.RoundTripper
	name    string
	topic   string
	tp      int64
	token   string // the sandbox's own, where the emulator has an admin token
	inbox   *receiver
	shop    *shop
	unheard string // why pushes do not arrive; "" when they do
	notices contracttest.Notices
	first   contracttest.Credentials
	version int
	gifts   map[string]gift
	// templates are the apps that have the template of a run, unlimited says
	// that they may have any number, scenes numbers forms and subscriptions.
	templates map[int64]bool
	// users are what apps know the sandbox's user as, which stays the same.
	users     map[string]string
	unlimited bool
	scenes    int
	code      string // of the last login in a host app
	// merchants are the apps' payment services, numbers counts the orders that
	// were made, bill is where a bill is.
	merchants map[int64]*merchant
	numbers   int
	bill      url.Values
	made      int64 // how many apps were made
	// orders are what was done since Target.Orders was asked; kept says whether
	// that is of interest.
	orders []contracttest.Order
	quiet  bool
}

// credentials are what the control API gives a client.
type credentials struct {
	Sandbox    string `json:"sandbox"`
	Topic      string `json:"topic"`
	AdminToken string `json:"admin_token"`
	App        struct {
		AppID     int64  `json:"app_id"`
		AppKey    string `json:"app_key"`
		AppSecret string `json:"app_secret"`
	} `json:"app"`
	TP         contracttest.TP         `json:"tp"`
	Authorizer contracttest.Authorizer `json:"authorizer"`
	Host       struct {
		AK string `json:"ak"`
		SK string `json:"sk"`
	} `json:"host"`
}

func (c *credentials) given() contracttest.Credentials {
	out := contracttest.Credentials{
		Developer: contracttest.Client{ID: c.App.AppKey, Secret: c.App.AppSecret},
		Host:      contracttest.Client{ID: c.Host.AK, Secret: c.Host.SK},
		TP:        c.TP, Authorizer: c.Authorizer,
		HostApp: contracttest.HostApp{
			AppKey: c.App.AppKey, MaID: strconv.FormatInt(c.App.AppID, 10), KeyPath: keyPath, Contract: true,
		},
	}
	out.Authorizer.AppID = c.App.AppID
	return out
}

// keyPath is the member below which the sandbox puts the answers of the host
// API; seed 003 has this one.
const keyPath = "swanappdemo"

// Open makes a sandbox on virtual time that decides nothing by itself, and a
// receiver on this machine for its pushes. Close it.
func Open(ctx context.Context, o Options) (*Box, error) {
	b := &Box{options: o, client: o.transport(), gifts: gifts(), templates: map[int64]bool{}, users: map[string]string{}, merchants: map[int64]*merchant{}}
	order := map[string]any{"clock": map[string]any{"mode": "virtual"}, "manual": true}
	if o.Sandbox != "" {
		order["name"] = o.Sandbox
	}
	if o.Seed != 0 {
		order["seed"] = o.Seed
	}
	var c credentials
	if err := b.control(ctx, http.MethodPost, "sandboxes", order, &c); err != nil {
		return nil, fmt.Errorf("make a sandbox: %w", err)
	}
	b.name, b.topic, b.tp, b.token, b.first = c.Sandbox, c.Topic, c.TP.ID, c.AdminToken, c.given()
	// Whoever does it again wants the same name, and has no receiver.
	order["name"] = c.Sandbox
	if err := b.rewrite(order); err != nil {
		return nil, errors.Join(err, b.Close(ctx))
	}
	err := b.order(ctx, http.MethodPatch, "/config", map[string]any{"authorize_key_path": keyPath}, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("set up sandbox %s: %w", b.name, err), b.Close(ctx))
	}
	b.quiet = true
	defer func() { b.quiet = false }()
	if b.shop, err = openShop(b); err == nil {
		b.inbox, err = listen()
	}
	if err == nil {
		err = b.order(ctx, http.MethodPatch, fmt.Sprintf("/tps/%d", b.tp), map[string]any{"push_url": b.inbox.url()}, nil)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("receive the pushes of sandbox %s: %w", b.name, err), b.Close(ctx))
	}
	if b.unheard, err = b.reaches(ctx); err != nil {
		return nil, errors.Join(err, b.Close(ctx))
	}
	if o.Notices != nil {
		b.notices = o.Notices(b.topic)
	} else {
		b.notices = &told{box: b}
	}
	return b, nil
}

// Target is the sandbox as the suite sees it.
func (b *Box) Target() contracttest.Target {
	t := contracttest.Target{
		URL: b.options.URL, Transport: b.options.Transport, Credentials: b.first,
		Session: b.session, Renew: b.renew, Give: b.give, States: b, Clock: b, Pushes: heard{b}, Notices: b.notices, Orders: b.told,
		Merchants: b.shop, Cashier: b.shop,
	}
	if b.unheard != "" {
		t.Pushes, t.Merchants, t.Cashier = nil, nil, nil
		t.Lacks = map[contracttest.Need]string{
			contracttest.NeedPushes: b.unheard, contracttest.NeedMerchants: b.unheard, contracttest.NeedCashier: b.unheard,
		}
	}
	return t
}

// Sandbox is the name of the sandbox.
func (b *Box) Sandbox() string { return b.name }

// Close deletes the sandbox and closes the receiver.
func (b *Box) Close(ctx context.Context) error {
	err := b.order(ctx, http.MethodDelete, "", nil, nil)
	if b.inbox != nil {
		err = errors.Join(err, b.inbox.close())
	}
	if b.shop != nil {
		err = errors.Join(err, b.shop.close())
	}
	return err
}

func (b *Box) renew(ctx context.Context) (contracttest.Credentials, error) {
	var c credentials
	err := b.order(ctx, http.MethodPost, "/credentials", map[string]any{}, &c)
	return c.given(), err
}

// Now is the sandbox's time.
func (b *Box) Now(ctx context.Context) (time.Time, error) {
	var out struct {
		Now time.Time `json:"now"`
	}
	err := b.order(ctx, http.MethodGet, "/clock", nil, &out)
	return out.Now, err
}

// Advance moves the sandbox's time.
func (b *Box) Advance(ctx context.Context, d time.Duration) error {
	return b.order(ctx, http.MethodPost, "/clock/advance", map[string]any{"by": d.String()}, nil)
}

// timeout bounds one order.
const timeout = 30 * time.Second

// told returns what was ordered since it was last asked.
func (b *Box) told() []contracttest.Order {
	out := b.orders
	b.orders = nil
	return out
}

// rewrite lets the last order have another body.
func (b *Box) rewrite(in any) error {
	data, err := json.Marshal(in)
	if err == nil {
		b.orders[len(b.orders)-1].Body = data
	}
	return err
}

// note takes note of an order that was carried out. Reading the clock changes
// nothing, and reading the same again tells nothing new.
func (b *Box) note(o contracttest.Order) {
	last := len(b.orders) - 1
	again := last >= 0 && o.Method == http.MethodGet && b.orders[last].Method == o.Method && b.orders[last].URL == o.URL
	if b.quiet || again || strings.HasSuffix(o.URL, "/clock") {
		return
	}
	b.orders = append(b.orders, o)
}

// order is control for a path below the sandbox.
func (b *Box) order(ctx context.Context, method, path string, in, out any) error {
	return b.control(ctx, method, "sandboxes/"+url.PathEscape(b.name)+path, in, out)
}

// control gives an order to the control API: in is sent as JSON unless it is
// nil, out filled from the answer unless it is nil.
func (b *Box) control(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := clock.Timeout(ctx, timeout)
	defer cancel()
	var body io.Reader = http.NoBody
	made := contracttest.Order{Method: method, URL: strings.TrimRight(b.options.URL, "/") + "/_emu/" + path, Token: b.adminToken()}
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(data)
		made.Body, made.ContentType = data, "application/json"
	}
	r, err := http.NewRequestWithContext(ctx, method, made.URL, body)
	if err != nil {
		return err
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if made.Token != "" {
		r.Header.Set("Authorization", "Bearer "+made.Token)
	}
	res, err := b.client.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("%w: %s %s: %w", contracttest.ErrUnreachable, method, path, err)
	}
	data, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		var p struct {
			Detail string `json:"detail"`
		}
		if json.Unmarshal(data, &p) != nil || p.Detail == "" {
			p.Detail = "is this an emulator?"
		}
		return fmt.Errorf("%s %s: HTTP %d: %s", method, path, res.StatusCode, p.Detail)
	}
	made.Answer = data
	b.note(made)
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%s %s: the answer is no emulator's: %w", method, path, err)
	}
	return nil
}

// adminToken is the emulator's, else the sandbox's own.
func (b *Box) adminToken() string {
	if b.options.AdminToken != "" {
		return b.options.AdminToken
	}
	return b.token
}
