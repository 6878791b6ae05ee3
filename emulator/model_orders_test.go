package emulator_test

// What the platform itself is told in the model's test: decisions, changes of
// apps and settings, receivers that fail.

import (
	"fmt"
	"time"

	"pgregory.net/rapid"
)

// draw makes up a decision.
func drawDecision(t *rapid.T) (*modelDecision, map[string]any) {
	d := &modelDecision{
		kind:   rapid.SampledFrom([]string{"upload", "audit", "audit"}).Draw(t, "kind"),
		result: rapid.SampledFrom([]string{"pass", "fail"}).Draw(t, "result"),
	}
	body := map[string]any{"kind": d.kind, "result": d.result}
	if d.result == "fail" {
		d.reason = rapid.SampledFrom([]string{"名称过长(名称控制在10个字以内)。", "a < b & c"}).Draw(t, "reason")
		body["reason"] = d.reason
		if d.kind == "upload" && rapid.Bool().Draw(t, "coded") {
			d.code = 69010
			body["code"] = d.code
		}
	}
	if rapid.Bool().Draw(t, "timed") {
		d.after = rapid.SampledFrom([]time.Duration{0, 3 * time.Second, 5 * time.Second, 40 * time.Minute}).Draw(t, "after")
		d.hasAfter = true
		body["after"] = d.after.String()
	}
	return d, body
}

// A told is what became of a decision.
type told struct {
	AppliedTo *int64 `json:"applied_to"`
	Queued    *int64 `json:"queued"`
}

// decide gives the platform a decision, for the package that waits for one or
// for the next that comes.
func (w *world) decide(t *rapid.T) {
	d, body := drawDecision(t)
	if rapid.Bool().Draw(t, "for an app") {
		d.app = w.m.apps[rapid.IntRange(0, len(w.m.apps)-1).Draw(t, "app")].id
		body["app_id"] = d.app
	}
	if rapid.IntRange(0, 3).Draw(t, "for a version") == 0 {
		d.version = rapid.SampledFrom([]string{"1.0.0", "1.0.1"}).Draw(t, "version")
		body["version"] = d.version
	}
	p := w.m.tell(d)
	w.pairs[fmt.Sprintf("%s waits=%v×decide", d.kind, p != nil)]++
	var out told
	order(t, w.e, "POST", control(w.s, "/decisions"), body, &out)
	if p != nil && (out.AppliedTo == nil || *out.AppliedTo != p.id) || p == nil && out.Queued == nil {
		t.Fatalf("decision %v went to %v", body, out)
	}
	w.step(t, 0)
}

// decideOn decides on one package, whatever was decided before.
func (w *world) decideOn(t *rapid.T) {
	all := w.m.all()
	if len(all) == 0 {
		t.Skip("no package")
	}
	d, body := drawDecision(t)
	p := all[len(all)-1-rapid.IntRange(0, min(len(all)-1, 5)).Draw(t, "package")]
	body["package_id"] = p.id
	w.pairs[p.state+"×decide "+d.kind]++
	if p.state != uploading && d.kind == "upload" || p.state != inReview && d.kind == "audit" {
		before := mustExport(t, w.s)
		a := tryOrder(t, w.e, "POST", control(w.s, "/decisions"), body)
		if diff := sameState(before, mustExport(t, w.s)); a.status < 400 || a.status > 499 || diff != nil {
			t.Fatalf("decision %v on a package that is %s: %d %s, changed %v", body, p.state, a.status, a.body, diff)
		}
		w.step(t, 0)
		return
	}
	var out told
	order(t, w.e, "POST", control(w.s, "/decisions"), body, &out)
	if out.AppliedTo == nil || *out.AppliedTo != p.id {
		t.Fatalf("decision %v went to %v", body, out)
	}
	w.m.timer(p, d.kind, d.after, d)
	w.step(t, 0)
}

// A standing is what the gates ask of an app.
type standing struct {
	name, categories, verified bool
	status, quota              int
}

func (a *modelApp) standing() standing {
	return standing{a.name, a.categories, a.verified, a.status, a.quota}
}

// setApp changes what gates ask for; a change of anything but the quota is told
// to the alliance.
func (w *world) setApp(t *rapid.T, app *modelApp, to standing) {
	was := app.standing()
	app.name, app.categories, app.verified, app.status, app.quota = to.name, to.categories, to.verified, to.status, to.quota
	body := map[string]any{}
	if to.name == to.categories {
		body["basic_info_approved"] = to.name
	} else {
		body["name_approved"], body["category_approved"] = to.name, to.categories
	}
	if to.verified != was.verified {
		body["verified"] = to.verified
	}
	if to.quota != was.quota {
		body["audit_quota"] = to.quota
	}
	body["status"] = to.status
	told := to
	told.quota = was.quota
	if was != told {
		w.m.notices = append(w.m.notices, modelNotice{code: 100, app: app.id, at: w.m.now})
	}
	order(t, w.e, "PATCH", control(w.s, "/apps/"+text(app.id)), body, nil)
}

// changeApp changes one thing of an app.
func (w *world) changeApp(t *rapid.T) {
	app := w.m.apps[rapid.IntRange(0, len(w.m.apps)-1).Draw(t, "app")]
	to := app.standing()
	yes := rapid.SampledFrom([]bool{true, true, true, false})
	switch rapid.IntRange(0, 3).Draw(t, "what") {
	case 0:
		to.status = rapid.SampledFrom([]int{1, 1, 1, 2, -1, 4}).Draw(t, "status")
	case 1:
		to.name, to.categories = yes.Draw(t, "name"), yes.Draw(t, "categories")
	case 2:
		to.verified = yes.Draw(t, "verified")
	case 3:
		to.quota = rapid.SampledFrom([]int{0, 0, 1, 50}).Draw(t, "quota")
	}
	w.setApp(t, app, to)
	w.step(t, 0)
}

// disturb takes something from an app, takes a step with one of its packages,
// and gives it back.
func (w *world) disturb(t *rapid.T) {
	app, token := w.pick(t)
	var p *modelPackage
	if rapid.IntRange(0, 2).Draw(t, "with a direct commit") == 0 && inService(app).errno == 0 {
		p = w.uploadAs(t, app, token, "direct", `{"directCommit":true}`)
	}
	was := app.standing()
	to := was
	switch rapid.IntRange(0, 6).Draw(t, "what") {
	case 0:
		to.status = -1
	case 1:
		to.status = 4
	case 2:
		to.name = false
	case 3:
		to.categories = false
	case 4:
		to.name, to.categories = false, false
	case 5:
		to.verified = false
	case 6:
		to.quota = 1
	}
	w.setApp(t, app, to)
	if p != nil && p.next != nil {
		w.step(t, p.next.due.Sub(w.m.now))
	} else {
		w.goOnWith(t, app, token)
	}
	w.setApp(t, app, was)
	w.step(t, 0)
}

// changeConfig makes the platform wait to be told, or no longer.
func (w *world) changeConfig(t *rapid.T) {
	manual := rapid.IntRange(0, 2).Draw(t, "manual") == 0
	quota := rapid.SampledFrom([]int{20, 20, 3}).Draw(t, "quota")
	order(t, w.e, "PATCH", control(w.s, "/config"), map[string]any{"manual": manual, "audit_quota": quota}, nil)
	w.m.configure(manual, quota)
	w.step(t, 0)
}

// refusePushes makes a receiver refuse what comes next.
func (w *world) refusePushes(t *rapid.T) {
	tp := w.tps[rapid.IntRange(0, 1).Draw(t, "TP")]
	answers := rapid.SliceOfN(rapid.SampledFrom([]string{"500", "fail", "", "success"}), 1, 4).Draw(t, "answers")
	if len(tp.answers)+len(answers) > 12 {
		t.Skip("enough")
	}
	w.receiver.refuseNext(tp.mailbox, answers...)
	tp.answers = append(tp.answers, answers...)
	w.step(t, 0)
}

// nobody calls with tokens that are none, or of the wrong kind.
func (w *world) nobody(t *rapid.T) {
	path := rapid.SampledFrom([]string{pathUpload, pathSubmit, pathRelease, pathRollback, pathWithdraw}).Draw(t, "path")
	token, v := "45.x", verdict{110, nil, ""}
	switch rapid.IntRange(0, 2).Draw(t, "whose") {
	case 0:
		token, v = w.token(t, "host", 0, nil), verdict{40007, nil, ""}
	case 1:
		token, v = w.token(t, "developer", w.m.apps[0].id, nil), verdict{40007, nil, ""}
	}
	w.call(t, true, v, "POST", path, "access_token", token, "package_id", "55001")
	w.step(t, 0)
}

// configure is updateConfig: packages that wait are decided when manual ends.
func (m *model) configure(manual bool, quota int) {
	ends := m.manual && !manual
	m.manual, m.quota = manual, quota
	if !ends {
		return
	}
	for _, p := range m.all() {
		switch {
		case p.next != nil:
		case p.state == uploading:
			m.decide(p, "upload")
		case p.state == inReview:
			m.decide(p, "audit")
		}
	}
}

// all returns every package there ever was, in order of app and upload.
func (m *model) all() (out []*modelPackage) {
	for _, a := range m.apps {
		out = append(out, a.packages...)
	}
	return out
}
