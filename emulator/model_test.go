package emulator_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/swanemu/emu/emulator"
)

// The least numbers of steps of TestModel.
const (
	modelSteps        = 5_000
	modelStepsNightly = 100_000
)

// TestModel drives sandboxes and their models with random sequences of calls,
// decisions, changes and moves of time, until enough steps are done, and then
// wants every legal transition to have been seen. With EMU_NIGHTLY set there
// are twenty times as many steps, and every refusal is wanted too.
func TestModel(t *testing.T) {
	want, nightly := modelSteps, os.Getenv("EMU_NIGHTLY") != ""
	setFlag(t, "rapid.steps", "60")
	switch {
	case nightly:
		want = modelStepsNightly
	case testing.Short() || raceEnabled:
		want /= 2
		setFlag(t, "rapid.checks", "50")
	}
	a := &arena{hits: map[string]int{}, refused: map[string]int{}, pairs: map[string]int{}, broker: &recorder{}, receiver: newReceiver(t)}
	a.e = newEmulator(t, func(o *emulator.Options) { o.Broker = a.broker })
	for a.steps < want && !t.Failed() {
		rapid.Check(t, func(t *rapid.T) {
			w := a.newWorld(t)
			t.Repeat(w.actions())
			w.close(t) // not deferred: a sandbox that panicked stays locked
		})
	}
	t.Logf("%d steps in %d sandboxes", a.steps, a.worlds)
	covered(t, "transition", legal, a.hits, true)
	covered(t, "refusal", refusals, a.refused, nightly)
	var pairs strings.Builder
	for i, name := range slices.Sorted(maps.Keys(a.pairs)) {
		if i%4 == 0 {
			pairs.WriteString("\n")
		}
		fmt.Fprintf(&pairs, "%6d × %-24s", a.pairs[name], name)
	}
	t.Logf("state × action: %d%s", len(a.pairs), pairs.String())
}

// setFlag sets a flag that was not given.
func setFlag(t *testing.T, name, value string) {
	t.Helper()
	if f := flag.Lookup(name); f.Value.String() == f.DefValue {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
}

// covered wants all that there is to have happened, and nothing else.
func covered(t *testing.T, what string, names []string, hits map[string]int, all bool) {
	t.Helper()
	for _, name := range names {
		t.Logf("%6d × %s %s", hits[name], what, name)
		if hits[name] == 0 && all {
			t.Errorf("%s %s never happened", what, name)
		}
	}
	for name := range hits {
		if !slices.Contains(names, name) {
			t.Errorf("there is no %s %s", what, name)
		}
	}
}

func (w *world) actions() map[string]func(*rapid.T) {
	advance := func(t *rapid.T) {
		w.step(t, rapid.SampledFrom([]time.Duration{
			time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second, 5 * time.Second, 10 * time.Second,
			time.Minute, time.Hour, 73 * time.Hour,
		}).Draw(t, "by"))
	}
	return map[string]func(*rapid.T){
		"":                check(w),
		"upload":          w.upload,
		"upload again":    w.upload,
		"submit":          func(t *rapid.T) { w.act(t, "submit") },
		"release":         func(t *rapid.T) { w.act(t, "release") },
		"rollback":        func(t *rapid.T) { w.act(t, "rollback") },
		"withdraw":        func(t *rapid.T) { w.act(t, "withdraw") },
		"on":              w.goOn,
		"on and on":       w.goOn,
		"and on":          w.goOn,
		"advance":         advance,
		"advance again":   advance,
		"detail":          w.detail,
		"alliance":        w.alliance,
		"quota":           w.quota,
		"decide":          w.decide,
		"decide on":       w.decideOn,
		"app":             w.changeApp,
		"disturb":         w.disturb,
		"disturb again":   w.disturb,
		"config":          w.changeConfig,
		"receiver":        w.refusePushes,
		"nobody's tokens": w.nobody,
	}
}

func check(w *world) func(*rapid.T) { return func(t *rapid.T) { w.check(t) } }

// pick draws an app and a TP that may act for it.
func (w *world) pick(t *rapid.T) (*modelApp, string) {
	n := rapid.IntRange(0, len(w.m.apps)-1).Draw(t, "app")
	app, tp := w.m.apps[n], w.tps[0]
	if len(app.tps) > 1 && rapid.Bool().Draw(t, "second TP") {
		tp = w.tps[1]
	}
	return app, w.token(t, "authorizer", app.id, tp)
}

func (w *world) upload(t *rapid.T) {
	app, token := w.pick(t)
	kind := rapid.SampledFrom([]string{"plain", "direct", "broken"}).Draw(t, "ext_json")
	ext := rapid.SampledFrom(map[string][]string{
		"plain":  {`{}`, `{"directCommit":false}`, `{"directCommit":"false"}`},
		"direct": {`{"directCommit":true}`, `{"extEnable":true,"directCommit":"true"}`},
		"broken": {`{`, `[]`, `{"directCommit":1}`},
	}[kind]).Draw(t, "text")
	w.uploadAs(t, app, token, kind, ext)
}

// uploadAs uploads with an ext_json of that kind, and returns the package that
// is accepted.
func (w *world) uploadAs(t *rapid.T, app *modelApp, token, kind, ext string) *modelPackage {
	p := &modelPackage{
		version: rapid.SampledFrom([]string{"1.0.0", "1.0.1", "2.0.0"}).Draw(t, "version"),
		desc:    rapid.SampledFrom([]string{"", "描述", `<a> & "b"`}).Draw(t, "desc"),
	}
	w.pairs["–×upload"]++
	v := w.m.mayUpload(app, kind)
	w.call(t, false, v, "POST", pathUpload, "access_token", token, "template_id", "1",
		"user_version", p.version, "user_desc", p.desc, "ext_json", ext)
	w.refuse("upload", v)
	if v.errno != 0 {
		w.step(t, 0)
		return nil
	}
	p.id = w.lastPackage(t)
	if slices.ContainsFunc(w.m.all(), func(other *modelPackage) bool { return other.id >= p.id }) {
		t.Fatalf("package_id %d is not above all others", p.id)
	}
	w.m.upload(app, p, kind == "direct")
	w.step(t, 0)
	return p
}

// act takes a step of the lifecycle with any package: one of the app's own,
// another's, one that is long gone or one that never was.
func (w *world) act(t *rapid.T, name string) {
	app, token := w.pick(t)
	var p *modelPackage
	id := int64(1)
	state := "unknown"
	all := app.packages
	switch rapid.IntRange(0, 9).Draw(t, "whose") {
	case 0:
		all = nil
	case 1:
		all = w.m.all()
	}
	if len(app.packages) == 0 {
		all = w.m.all()
	}
	if len(all) > 0 {
		p = all[len(all)-1-rapid.IntRange(0, len(all)-1).Draw(t, "package")]
		id, state = p.id, p.state
		if p.app != app {
			state = "another's"
		}
		p = app.find(id)
	}
	w.take(t, name, state, token, p, id)
}

// take takes a step with a package; nil is one that the app does not have.
func (w *world) take(t *rapid.T, name, state, token string, p *modelPackage, id int64) {
	w.pairs[state+"×"+name]++
	kv := []string{"access_token", token, "package_id", text(id)}
	v, path := verdict{69005, []string{"包不存在"}, "unknown"}, ""
	switch name {
	case "submit":
		remark := rapid.SampledFrom([]string{"", "备注"}).Draw(t, "remark")
		kv, path = append(kv, "content", "送审", "remark", remark), pathSubmit
		if p != nil {
			v = w.m.submit(p, remark)
		}
	case "release":
		if path = pathRelease; p != nil {
			v = w.m.release(p)
		}
	case "rollback":
		if path = pathRollback; p != nil {
			v = w.m.rollback(p)
		}
	case "withdraw":
		if path = pathWithdraw; p != nil {
			v = w.m.withdraw(p)
		}
	}
	w.call(t, false, v, "POST", path, kv...)
	w.refuse(name, v)
	w.step(t, 0)
}

// refuse records why a step was refused.
func (w *world) refuse(name string, v verdict) {
	if v.errno != 0 {
		w.refused[name+": "+v.why]++
	}
}

// A ready is a step that a package is ready for.
type ready struct {
	name string
	p    *modelPackage
}

// readySteps returns the steps that the packages of an app are ready for, the
// passing of time included.
func readySteps(app *modelApp) (steps []ready) {
	for _, p := range app.packages {
		switch p.state {
		case development, rejected:
			steps = append(steps, ready{"submit", p})
		case approved:
			steps = append(steps, ready{"release", p}, ready{"release", p})
		case online:
			steps = append(steps, ready{"rollback", p})
		case inReview:
			steps = append(steps, ready{"withdraw", p})
		}
		if p.next != nil {
			steps = append(steps, ready{"wait", p})
		}
	}
	return steps
}

// goOn takes a step that some package is ready for.
func (w *world) goOn(t *rapid.T) {
	app, token := w.pick(t)
	w.goOnWith(t, app, token)
}

func (w *world) goOnWith(t *rapid.T, app *modelApp, token string) {
	steps := readySteps(app)
	if len(steps) == 0 {
		w.upload(t)
		return
	}
	s := steps[rapid.IntRange(0, len(steps)-1).Draw(t, "step")]
	if s.name == "wait" {
		w.step(t, s.p.next.due.Sub(w.m.now))
		return
	}
	w.take(t, s.name, s.p.state, token, s.p, s.p.id)
}

// detail asks for one package, by type, by id, or for the online one.
func (w *world) detail(t *rapid.T) {
	app, token := w.pick(t)
	w.askDetail(t, app, "GET", pathDetail, "access_token", token)
	w.step(t, 0)
}

func (w *world) askDetail(t *rapid.T, app *modelApp, method, path string, kv ...string) {
	status, id := 1, int64(0)
	state := "–"
	if rapid.Bool().Draw(t, "by type") {
		status = rapid.SampledFrom([]int{1, 3, 4, 5, 6, 8}).Draw(t, "type")
		kv, state = append(kv, "type", fmt.Sprint(status)), fmt.Sprint("type ", status)
	}
	if all := w.m.all(); len(all) > 0 && rapid.Bool().Draw(t, "by id") {
		p := all[rapid.IntRange(0, len(all)-1).Draw(t, "package")]
		if kv, id, state = append(kv, "package_id", text(p.id)), p.id, p.state; p.app != app {
			state = "another's"
		}
	}
	w.pairs[state+"×detail"]++
	want := app.asked(status, id)
	if want == nil {
		w.call(t, true, verdict{69005, []string{"包不存在"}, ""}, method, path, kv...)
		return
	}
	a := w.call(t, true, done, method, path, kv...)
	var got map[string]any
	if a.data(t, &got); !want.same(want.detail(), got) {
		t.Fatalf("%v: %s, want %v", kv[2:], a.body, want.detail())
	}
}

// alliance asks as a host, as an app's developer and as another's.
func (w *world) alliance(t *rapid.T) {
	app, _ := w.pick(t)
	other, _ := w.pick(t)
	token := w.token(t, "host", 0, nil)
	v := done
	if rapid.Bool().Draw(t, "developer") {
		if token = w.token(t, "developer", other.id, nil); other != app {
			v = verdict{45001, []string{"无此小程序操作权限"}, ""}
		}
	}
	method := rapid.SampledFrom([]string{"GET", "POST"}).Draw(t, "method")
	w.pairs[fmt.Sprint("status ", app.status, "×alliance")]++
	kv := []string{"access_token", token, "app_id", text(app.id)}
	switch {
	case v.errno != 0:
		w.call(t, true, v, method, pathOSSList, kv...)
		w.call(t, true, v, method, pathOSSDetail, kv...)
		w.call(t, true, v, method, pathOSSInfo, "access_token", token, "app_ids", text(other.id)+","+text(app.id))
	case rapid.Bool().Draw(t, "detail"):
		w.askDetail(t, app, method, pathOSSDetail, kv...)
	default:
		w.checkList(t, app, w.call(t, true, done, method, pathOSSList, kv...))
		var info []struct {
			ID     int64 `json:"app_id"`
			Status int   `json:"status"`
		}
		w.call(t, true, done, method, pathOSSInfo, "access_token", token, "app_ids", text(app.id)).data(t, &info)
		if len(info) != 1 || info[0].ID != app.id || info[0].Status != app.status {
			t.Fatalf("app %d of status %d is shown as %v", app.id, app.status, info)
		}
	}
	w.call(t, true, verdict{45000, nil, ""}, method, pathOSSList, "access_token", token, "app_id", "7")
	w.step(t, 0)
}

func (w *world) quota(t *rapid.T) {
	app, token := w.pick(t)
	var got map[string]int
	w.call(t, true, done, "GET", pathQuota, "access_token", token).data(t, &got)
	if times, left := w.m.left(app); got["quota_times"] != times || got["remain_times"] != left || got["quota_type"] != 2 {
		t.Fatalf("quota %v, want %d of %d a week", got, left, times)
	}
	w.step(t, 0)
}
