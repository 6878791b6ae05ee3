package mutants

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// control is the control API of the server behind a fault, by which a fault
// really changes the server's state.
type control struct {
	next http.RoundTripper
	base string
	// sandbox is the one of the run; "" looks for the one that a token is of.
	sandbox string
}

// order gives an order and returns the answer; nil when it is refused.
func (c control) order(method, path string, body []byte) []byte {
	var reader io.Reader = http.NoBody
	if body != nil {
		reader = bytes.NewReader(body)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, strings.TrimRight(c.base, "/")+controlPath+path, reader) //nolint:gosec // the server is the one under test
	if err != nil {
		return nil
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := c.next.RoundTrip(r)
	if err != nil {
		return nil
	}
	data, err := io.ReadAll(res.Body)
	if err != nil || res.Body.Close() != nil || res.StatusCode >= http.StatusMultipleChoices {
		return nil
	}
	return data
}

// A world is the state of a sandbox, to be changed and put back.
type world struct {
	control control
	sandbox string
	state   *node
	faulty  *faulty
}

// worldOf reads the state of the sandbox that a token is of; nil where there is
// none. The sandbox of a run takes calls with tokens of nobody, too.
func (c control) worldOf(token string) *world {
	return c.world(func(w *world) bool { return c.sandbox != "" || w.state.member("tokens").member(token) != nil })
}

// worldWith reads the state of the sandbox that has a package.
func (c control) worldWith(pkg string) *world {
	return c.world(func(w *world) bool {
		return slices.ContainsFunc(w.state.member("apps").values, func(app *node) bool { return pkgIn(app, pkg) != nil })
	})
}

// world reads the state of the first sandbox that will do; nil for none.
func (c control) world(is func(*world) bool) *world {
	names := []string{c.sandbox}
	if c.sandbox == "" {
		names = c.sandboxes()
	}
	for _, name := range names {
		state := parse(c.order(http.MethodGet, "sandboxes/"+name+"/state", nil))
		if state == nil || state.member("tokens") == nil || state.member("apps") == nil {
			continue
		}
		if w := (&world{control: c, sandbox: name, state: state}); is(w) {
			return w
		}
	}
	return nil
}

func (c control) sandboxes() []string {
	list := parse(c.order(http.MethodGet, "sandboxes", nil))
	if list == nil {
		return nil
	}
	var out []string
	for _, s := range list.find("/sandboxes/*/name") {
		out = append(out, s.value.text())
	}
	return out
}

// put replaces the state of the sandbox; false when it does not hold together.
func (w *world) put() bool {
	return w.control.order(http.MethodPut, "sandboxes/"+w.sandbox+"/state", w.state.bytes()) != nil
}

// app is the app that a token acts for; nil where there is none.
func (w *world) app(token string) *node {
	t := w.state.member("tokens").member(token)
	if t == nil {
		return nil
	}
	id := t.find("/principal/app_id")
	if len(id) == 0 {
		return nil
	}
	return w.state.member("apps").member(id[0].value.text())
}

// tokenOf is an access token by which a TP acts for the app that has a package,
// or for the app itself where pkg is ""; "" where there is none.
func (w *world) tokenOf(pkg, app string) string {
	apps := w.state.member("apps")
	for i, a := range apps.values {
		if app == apps.names[i] || pkg != "" && pkgIn(a, pkg) != nil {
			app = apps.names[i]
			break
		}
	}
	tokens := w.state.member("tokens")
	for i, t := range tokens.values {
		id := t.find("/principal/app_id")
		if textOf(t.member("kind")) == "45" && len(id) > 0 && id[0].value.text() == app {
			return tokens.names[i]
		}
	}
	return ""
}

// pkgIn is an app's package with that id; nil where it has none.
func pkgIn(app *node, id string) *node {
	for _, s := range app.find("/packages/*/package_id") {
		if s.value.text() == id {
			return s.parent
		}
	}
	return nil
}

// move puts a package of an app into a state, and out of its slot whatever is
// in the way.
func (w *world) move(app, pkg *node, state string, slots map[string]string) {
	var kept []*node
	packages := app.member("packages")
	for _, p := range packages.values {
		if at := textOf(p.member("state")); p != pkg && slots[state] != "" && slots[at] == slots[state] {
			if slots[state] != slots["online"] {
				continue // it is replaced, and gone
			}
			w.settle(app, p, "superseded")
			if state == rollingBack { // it is what a rollback returns to
				pkg.set("previous", p.member("package_id"))
			}
		}
		kept = append(kept, p)
	}
	packages.values = kept
	w.settle(app, pkg, state)
}

// settle writes a state down, and what the server has with it: who can return
// to whom, when a rollback is done.
func (w *world) settle(app, pkg *node, state string) {
	pkg.set("state", quoted(state))
	pkg.set("timer", scalar("0"))
	for _, name := range []string{"upload_err_code", "upload_err_msg"} {
		if s := pkg.find("/" + name); state != "upload_failed" && len(s) > 0 {
			s[0].drop()
		}
	}
	id := textOf(pkg.member("package_id"))
	for _, s := range app.find("/packages/*/previous") {
		before := pkgIn(app, s.value.text())
		if s.value.text() == id && state != "superseded" || before != nil && textOf(before.member("state")) != "superseded" {
			s.put(scalar("0"))
		}
	}
	if state != "rolling_back" {
		return
	}
	last, _ := strconv.ParseInt(textOf(w.state.member("last_timer")), 10, 64)
	at, _ := strconv.ParseInt(textOf(w.state.member("at")), 10, 64)
	timer := parse([]byte(`{"kind":"rollback","decision":{"kind":"rollback","result":"pass"}}`))
	timer.add("id", scalar(strconv.FormatInt(last+1, 10)))
	timer.add("due", scalar(strconv.FormatInt(at+3_000_000_000, 10)))
	timer.add("app_id", app.member("app_id"))
	timer.add("package_id", pkg.member("package_id"))
	pkg.set("timer", timer.member("id"))
	w.state.set("last_timer", timer.member("id"))
	timers := w.state.member("timers")
	if timers == nil || timers.kind != '[' {
		timers = &node{kind: '['}
		w.state.set("timers", timers)
	}
	timers.values = append(timers.values, timer)
}

// stateOf is the state of the package that a request is about; "gone" for one
// that is no more, "never" for one that never was, "" where the request names
// none.
func (w *world) stateOf(m *message) string {
	id := m.text("package_id")
	if id == "" {
		return ""
	}
	app := w.app(m.token())
	if app == nil {
		return ""
	}
	if p := pkgIn(app, id); p != nil {
		return textOf(p.member("state"))
	}
	number, err := strconv.ParseInt(id, 10, 64)
	last, lastErr := strconv.ParseInt(textOf(w.state.member("last_package")), 10, 64)
	if err != nil || lastErr != nil || number > last {
		return "never"
	}
	for _, a := range w.state.member("apps").values {
		if pkgIn(a, id) != nil {
			return "foreign"
		}
	}
	return "gone"
}
