package scenarios

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/swanemu/emu/emulator"
)

// The beginning of a recording: orders that came before anything else become
// given and platform, if preparing these gives the same orders again. Whether
// it does is tried out.

// fold makes what it can of the orders at the beginning, and says how the
// sandbox was made.
func (r *recorder) fold(ctx context.Context) error {
	first := time.Time{}
	if len(r.entries) > 0 {
		first = r.entries[0].Entry.At
	}
	if err := r.made(ctx, first); err != nil {
		return err
	}
	var orders []*taken
	var after []int
	created := r.createdBy()
	for i := range r.entries {
		e := &r.entries[i].Entry
		if e.Exchange != nil || e.Clock != nil || e.Control != nil && e.Control.Outcome != "ok" {
			break
		}
		if e.Control != nil && e.Seq != created {
			orders, after = append(orders, &r.entries[i]), append(after, i+1)
		}
	}
	if len(orders) > 0 {
		n, err := r.prepared(ctx, orders)
		if err != nil {
			return fmt.Errorf("try what is given: %w", err)
		}
		if n > 0 {
			r.begun = after[n-1]
		}
	}
	for r.begun < len(r.entries) && r.entries[r.begun].Entry.Cause != 0 {
		r.begun++ // what the last of them brought about
	}
	for i := range r.entries[:r.begun] {
		r.nextTicket(&r.entries[i])
	}
	r.ownIDs()
	r.ownMembers()
	return r.unusual()
}

// ownMembers leaves members of the alliance that come later to the steps that
// bring them.
func (r *recorder) ownMembers() {
	for ak, host := range r.state.Hosts {
		given := slices.ContainsFunc(r.story.Given.Hosts, func(h Host) bool { return h.Name == host.Name })
		for _, text := range []string{ak, host.SK, host.HSK} {
			if !given && strings.HasPrefix(r.fixed[text], "hosts.") {
				delete(r.fixed, text)
			}
		}
	}
}

// made says how the sandbox was made.
func (r *recorder) made(ctx context.Context, first time.Time) error {
	var clock struct {
		Now     time.Time `json:"now"`
		Virtual bool      `json:"virtual"`
	}
	if err := r.box.order(ctx, http.MethodGet, "/clock", nil, &clock); err != nil {
		return err
	}
	r.running = !clock.Virtual
	for i := len(r.entries) - 1; i >= 0; i-- {
		if c := r.entries[i].Entry.Clock; c != nil && c.Mode != "" {
			r.running = c.Mode == "virtual" // it was another before
		}
	}
	if first.IsZero() {
		first = clock.Now
	}
	r.now = first
	r.story.Name, r.story.Seed = r.box.name, r.seed
	r.story.Summary = fmt.Sprintf("What happened in sandbox %s from %s on.", r.box.name, first.In(zone()).Format(time.DateTime))
	r.story.Clock = &Clock{Mode: "virtual", Start: Time{first.In(zone())}}
	return nil
}

// unusual puts into the story's config what the emulator was started with.
func (r *recorder) unusual() error {
	members := map[string]any{}
	if r.story.Given.Config != nil {
		members, _ = plain(r.story.Given.Config).(map[string]any)
	}
	for name, v := range r.origin {
		if _, said := members[name]; !said && name != "topic" && !reflect.DeepEqual(v, r.usual[name]) {
			members[name] = v
		}
	}
	if len(members) == 0 {
		return nil
	}
	r.story.Given.Config = &Config{}
	return into(members, r.story.Given.Config)
}

// prepared takes as many of the orders as preparing gives again.
func (r *recorder) prepared(ctx context.Context, orders []*taken) (int, error) {
	options := emulator.Options{Clock: emulator.Clock{Mode: "virtual", Start: r.story.Clock.Start.Time}, Broker: notices{}}
	if err := r.box.control(ctx, http.MethodGet, "openapi.yaml", nil, &options.Spec); err != nil {
		return 0, err
	}
	e, err := emulator.New(ctx, options)
	if err != nil {
		return 0, err
	}
	n, err := r.longest(ctx, Target{URL: "http://127.0.0.1", Client: HandlerClient(e)}, orders)
	return n, errors.Join(err, e.Close(ctx))
}

// longest tries fewer and fewer orders.
func (r *recorder) longest(ctx context.Context, t Target, orders []*taken) (int, error) {
	for n := len(orders); n > 0; n-- {
		for _, story := range r.candidates(orders[:n]) {
			again, err := tryOut(ctx, t, story)
			if err != nil {
				return 0, err
			}
			if sameOrders(orders[:n], again) {
				r.story.Given, r.story.Platform = story.Given, story.Platform
				for i, t := range orders[:n] {
					if !reflect.DeepEqual(t.order(), again[i].order()) {
						r.warn(t, "%s is said in other words in a replay", t.Entry.Control.Operation)
					}
				}
				return n, nil
			}
		}
	}
	return 0, nil
}

// tryOut prepares a story in a new sandbox and returns the orders that takes;
// none if it cannot be prepared.
func tryOut(ctx context.Context, t Target, story *Scenario) ([]taken, error) {
	var created credentials
	if err := t.control(ctx, http.MethodPost, "sandboxes", map[string]any{}, &created); err != nil {
		return nil, err
	}
	r := &recorder{box: box{t, created.Sandbox}}
	prepareErr := Prepare(ctx, t, created.Sandbox, story)
	err := r.readEntries(ctx)
	err = errors.Join(err, r.box.order(ctx, http.MethodDelete, "", nil, nil))
	if err != nil || prepareErr != nil {
		return nil, err
	}
	var out []taken
	for _, one := range r.entries {
		if c := one.Entry.Control; c != nil && c.Operation != "issueCredentials" {
			out = append(out, one)
		}
	}
	return out, nil
}

// sameOrders reports whether orders are the same but for defaults that one of
// them spells out.
func sameOrders(orders []*taken, again []taken) bool {
	if len(orders) != len(again) {
		return false
	}
	for i, t := range orders {
		a, b := t.order(), again[i].order()
		if t.Entry.Control.Operation != again[i].Entry.Control.Operation {
			return false
		}
		for name, v := range a {
			if w, both := b[name]; both && !sameValue(v, w) {
				return false
			}
		}
		for _, name := range []string{"package_id", "app_id", "tp_id", "version", "huid", "cuid"} {
			if _, in := a[name]; in != (b[name] != nil) {
				return false
			}
		}
	}
	return true
}

// sameValue compares two values of an order; durations by how long they are.
func sameValue(a, b any) bool {
	if equal(a, b) {
		return true
	}
	x, xIsText := a.(string)
	y, yIsText := b.(string)
	if !xIsText || !yIsText {
		return textOf(a) == textOf(b)
	}
	d, err := parseDuration(x)
	e, err2 := parseDuration(y)
	return err == nil && err2 == nil && d == e
}

// candidates are the stories that may prepare the same orders: with the apps
// of the TPs said or not, and with the sandbox's own TP among them or not.
func (r *recorder) candidates(orders []*taken) []*Scenario {
	f := folding{apps: map[int64][]int64{defaultTP: {defaultApp}}}
	for _, t := range orders {
		order := t.order()
		r.publicOnly(order)
		if !f.take(t, order) {
			return nil
		}
	}
	out := []*Scenario{{Name: "x", Given: f.given, Platform: f.platform}}
	for _, own := range []bool{false, true} {
		given := f.given
		given.TPs = slices.Clone(given.TPs)
		if own && !slices.ContainsFunc(given.TPs, func(tp TP) bool { return tp.TPID == defaultTP }) {
			given.TPs = append([]TP{{TPID: defaultTP}}, given.TPs...)
		}
		for i := range given.TPs {
			given.TPs[i].Apps = f.apps[given.TPs[i].TPID]
		}
		out = append(out, &Scenario{Name: "x", Given: given, Platform: f.platform})
	}
	return out
}

// publicOnly leaves out of URLs what may be secret; the step of a TP's change
// warns of it.
func (r *recorder) publicOnly(order map[string]any) {
	for _, name := range append(receiverNames(), "url") {
		if text, ok := order[name].(string); ok {
			order[name], _ = publicURL(text)
		}
	}
}

// folding collects what is given.
type folding struct {
	given    Given
	platform Platform
	// apps are those that each TP may act for.
	apps map[int64][]int64
}

// take adds what an order says; false where the format has no word for it.
func (f *folding) take(t *taken, order map[string]any) bool {
	switch t.Entry.Control.Operation {
	case "updateConfig":
		if f.given.Config != nil {
			return false
		}
		f.given.Config = &Config{}
		return into(order, f.given.Config) == nil
	case "createApp", "updateApp":
		var app App
		if into(order, &app) != nil || slices.ContainsFunc(f.given.Apps, func(a App) bool { return a.AppID == app.AppID }) {
			return false
		}
		f.given.Apps = append(f.given.Apps, app)
	case "givePackages":
		return givePackages(&f.given, order) == nil
	case "createTP", "updateTP":
		var tp TP
		if into(order, &tp) != nil {
			return false
		}
		if t.Entry.Control.Operation == "createTP" {
			f.apps[tp.TPID] = tp.Apps
		}
		f.given.TPs = append(f.given.TPs, tp)
	case "authorizeTP", "revokeAuthorization":
		var a Authorize
		if into(order, &a) != nil || a.PreAuthCode != "" {
			return false
		}
		f.apps[a.TPID] = slices.DeleteFunc(slices.Clone(f.apps[a.TPID]), func(id int64) bool { return id == a.AppID })
		if t.Entry.Control.Operation == "authorizeTP" {
			f.apps[a.TPID] = append(f.apps[a.TPID], a.AppID)
		}
	case "createHost":
		if order["name"] == nil {
			return false // there would be no variable of it
		}
		delete(order, "ak") // chosen ones are secrets
		delete(order, "sk")
		delete(order, "hsk")
		f.given.Hosts = append(f.given.Hosts, Host{})
		return into(order, &f.given.Hosts[len(f.given.Hosts)-1]) == nil
	case "createUser", "updateUser":
		f.given.Users = append(f.given.Users, User{})
		return into(order, &f.given.Users[len(f.given.Users)-1]) == nil
	case "createDevice":
		f.given.Devices = append(f.given.Devices, Device{})
		return into(order, &f.given.Devices[len(f.given.Devices)-1]) == nil
	case "decide":
		return f.decide(order)
	case "createFault":
		var fault Fault
		f.platform.Faults = append(f.platform.Faults, fault)
		return into(order, &f.platform.Faults[len(f.platform.Faults)-1]) == nil
	default:
		return false
	}
	return true
}

func (f *folding) decide(order map[string]any) bool {
	kind := textOf(order["kind"])
	delete(order, "kind")
	if kind != "upload" && kind != "audit" {
		return f.platform.recordedDecision(kind, order)
	}
	delete(order, "package_id")
	var d Decision
	if into(order, &d) != nil {
		return false
	}
	if d.Result == "pass" {
		d.Result = ""
	}
	if kind == "upload" {
		f.platform.Uploads = append(f.platform.Uploads, d)
	} else {
		f.platform.Audits = append(f.platform.Audits, d)
	}
	return true
}

// givePackages gives an app packages.
func givePackages(given *Given, order map[string]any) error {
	var app App
	if err := into(order, &app); err != nil {
		return err
	}
	i := slices.IndexFunc(given.Apps, func(a App) bool { return a.AppID == app.AppID })
	switch {
	case i < 0:
		given.Apps = append(given.Apps, app)
	case len(given.Apps[i].Packages) > 0:
		return errors.New("packages twice")
	default:
		given.Apps[i].Packages = app.Packages
	}
	return nil
}

// ownIDs learns which ids stand in the file itself.
func (r *recorder) ownIDs() {
	for _, app := range r.story.Given.Apps {
		for _, pkg := range app.Packages {
			if pkg.PackageID != 0 {
				r.given[idKey("package_id", strconv.FormatInt(pkg.PackageID, 10))] = true
			}
		}
	}
	if len(r.story.Given.Apps) > 0 {
		r.firstApp = r.story.Given.Apps[0].AppID
	}
}

// giveTP gives a third-party platform that was made later.
func (r *recorder) giveTP(tp TP) {
	own := TP{TPID: defaultTP}
	if !slices.ContainsFunc(r.story.Given.TPs, func(tp TP) bool { return tp.TPID == defaultTP }) {
		r.story.Given.TPs = append([]TP{own}, r.story.Given.TPs...)
	}
	r.story.Given.TPs = append(r.story.Given.TPs, tp)
}

// letAct lets a third-party platform act for an app from the beginning. The
// sandbox's own does by itself.
func (r *recorder) letAct(tp json.Number, app int64) {
	for i := range r.story.Given.TPs {
		if one := &r.story.Given.TPs[i]; strconv.FormatInt(one.TPID, 10) == tp.String() && one.TPID != defaultTP {
			one.Apps = append(one.Apps, app)
		}
	}
}
