package mutants

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
)

// Faults that follow the steps of the lifecycle: whatever brings a step about,
// the fault changes the server's state behind it, before any client sees it.

// A step is a step that a package took, as the server's journal has it.
type step struct {
	Seq   int64
	Cause int64
	// Resource is the lifecycle's: package, order or refund.
	Resource string
	Name     string
	From     string
	To       string
	App      int64
	ID       int64
	// also are the packages that took another step for the same reason.
	also []int64
}

// follow puts the fault behind the steps that were taken since the last time.
func (f *faulty) follow() {
	if f.fault.steps == nil {
		return
	}
	names := []string{f.control.sandbox}
	if f.control.sandbox == "" {
		names = f.control.sandboxes()
	}
	if f.followed == nil {
		f.followed = map[string]int64{}
	}
	for _, sandbox := range names {
		steps := f.newSteps(sandbox)
		steps = slices.DeleteFunc(steps, func(s step) bool { return f.fault.stepName != "" && s.Name != f.fault.stepName })
		if len(steps) == 0 {
			continue
		}
		w := &world{control: f.control, faulty: f, sandbox: sandbox, state: parse(f.control.order(http.MethodGet, "sandboxes/"+sandbox+"/state", nil))}
		if w.state == nil {
			continue
		}
		changed := false
		for _, s := range steps {
			if app := w.state.member("apps").member(strconv.FormatInt(s.App, 10)); app != nil && f.fault.steps(w, app, s) {
				changed = true
			}
		}
		if changed && w.put() {
			f.took()
		}
	}
}

// newSteps reads the steps of a sandbox that were not followed yet.
func (f *faulty) newSteps(sandbox string) []step {
	var out []step
	for {
		path := fmt.Sprintf("sandboxes/%s/journal?limit=1000&kind=transition&after=%d", sandbox, f.followed[sandbox])
		var page struct {
			Entries []struct {
				Seq        int64 `json:"seq"`
				Cause      int64 `json:"cause"`
				Transition struct {
					Resource string `json:"resource"`
					App      int64  `json:"app_id"`
					ID       int64  `json:"id"`
					Name     string `json:"name"`
					From     string `json:"from"`
					To       string `json:"to"`
				} `json:"transition"`
			} `json:"entries"`
		}
		if json.Unmarshal(f.control.order(http.MethodGet, path, nil), &page) != nil || len(page.Entries) == 0 {
			break
		}
		for _, e := range page.Entries {
			t := e.Transition
			out = append(out, step{Seq: e.Seq, Cause: e.Cause, Resource: t.Resource, Name: t.Name, From: t.From, To: t.To, App: t.App, ID: t.ID})
			f.followed[sandbox] = e.Seq
		}
	}
	for i := range out {
		for _, other := range out {
			if other.App == out[i].App && other.ID != out[i].ID {
				out[i].also = append(out[i].also, other.ID)
			}
		}
	}
	return out
}

// place puts a package into a state; one that is gone comes back.
func (w *world) place(f *faulty, app *node, s step, state string) bool {
	pkg := pkgIn(app, strconv.FormatInt(s.ID, 10))
	if pkg == nil {
		pkg = w.revive(f, app, s.ID)
	}
	w.move(app, pkg, state, f.slots())
	return true
}

// revive puts a package that is gone back into its app, in order of id.
func (w *world) revive(f *faulty, app *node, id int64) *node {
	pkg := &node{kind: '{'}
	pkg.add("package_id", scalar(strconv.FormatInt(id, 10)))
	pkg.add("state", quoted("development"))
	pkg.add("version", quoted(f.versions[id]))
	pkg.add("committed", scalar(strconv.FormatInt(then().Unix(), 10)))
	packages := app.member("packages")
	if packages.kind != '[' {
		packages = &node{kind: '['}
		app.set("packages", packages)
	}
	at := slices.IndexFunc(packages.values, func(p *node) bool { n, _ := strconv.ParseInt(textOf(p.member("package_id")), 10, 64); return n > id })
	if at < 0 {
		at = len(packages.values)
	}
	packages.values = slices.Insert(packages.values, at, pkg)
	return pkg
}

// slots are the places in the lifecycle that states stand for.
func (f *faulty) slots() map[string]string {
	out := map[string]string{}
	if l, ok := f.contract.Lifecycle("package"); ok {
		for _, s := range l.States {
			out[s.Name] = s.Slot
		}
	}
	return out
}

// remember notes the versions of packages that a body of the control API tells
// of.
func (f *faulty) remember(body []byte) {
	n := parse(body)
	if n == nil {
		return
	}
	for _, s := range n.find("/packages/*/package_id") {
		if id, err := strconv.ParseInt(s.value.text(), 10, 64); err == nil {
			if f.versions == nil {
				f.versions = map[int64]string{}
			}
			if version := textOf(s.parent.member("version")); version != "" {
				f.versions[id] = version
			}
		}
	}
}
