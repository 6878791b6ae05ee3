package emulator_test

// The model's time: what the platform decides and when, what falls due, what
// is sent.

import (
	"slices"
	"time"
)

// decide takes the first decision that waits for such a package, or lets it
// pass, or, where the platform is to be told, leaves it waiting.
func (m *model) decide(p *modelPackage, kind string) {
	for i, d := range m.decisions {
		if d.kind == kind && (d.app == 0 || d.app == p.app.id) && (d.version == "" || d.version == p.version) {
			m.decisions = slices.Delete(slices.Clone(m.decisions), i, i+1)
			after := m.delay[kind]
			if d.hasAfter {
				after = d.after
			}
			m.timer(p, kind, after, d)
			return
		}
	}
	if m.manual && kind != "rollback" {
		return
	}
	m.timer(p, kind, m.delay[kind], &modelDecision{result: "pass"})
}

func (m *model) timer(p *modelPackage, kind string, after time.Duration, d *modelDecision) {
	m.set++
	p.next = &modelTimer{
		due: m.now.Add(after), set: m.set, kind: kind, pkg: p, result: d.result, reason: d.reason, code: d.code,
	}
	m.timers = append(m.timers, p.next)
}

// waiting returns the packages that wait to be told, in order.
func (m *model) waiting(kind string) (out []*modelPackage) {
	state := map[string]string{"upload": uploading, "audit": inReview}[kind]
	for _, a := range m.apps {
		for _, p := range a.packages {
			if p.state == state && p.next == nil {
				out = append(out, p)
			}
		}
	}
	return out
}

// tell gives the platform a decision: for a package that waits, at once, or
// for the next that it is for.
func (m *model) tell(d *modelDecision) (applied *modelPackage) {
	for _, p := range m.waiting(d.kind) {
		if (d.app == 0 || d.app == p.app.id) && (d.version == "" || d.version == p.version) {
			m.timer(p, d.kind, d.after, d)
			return p
		}
	}
	m.decisions = append(m.decisions, d)
	return nil
}

// advance lets everything happen until then, instant by instant: first what
// falls due, in the order it was set, then what is to be sent.
func (m *model) advance(d time.Duration) {
	target := m.now.Add(d)
	for {
		var first *modelTimer
		for _, t := range m.timers {
			if !t.due.After(target) && (first == nil || t.due.Before(first.due) || t.due.Equal(first.due) && t.set < first.set) {
				first = t
			}
		}
		if len(m.sending) > 0 && (first == nil || first.due.After(m.now)) {
			m.send()
			continue
		}
		if first == nil {
			break
		}
		m.timers = slices.DeleteFunc(m.timers, func(t *modelTimer) bool { return t == first })
		if first.due.After(m.now) {
			m.now = first.due
		}
		m.fire(first)
	}
	m.now = target
}

func (m *model) fire(t *modelTimer) {
	p := t.pkg
	switch {
	case t.kind == "push":
		m.sending = append(m.sending, t.push)
	case p.next != t: // withdrawn, or decided otherwise
	case t.kind == "upload":
		m.uploaded(p, t)
	case t.kind == "audit":
		m.audited(p, t)
	case t.kind == "rollback":
		m.arrive(p, rolledBack)
		m.move(p.before, online)
		m.notify(p.before)
	}
}

func (m *model) uploaded(p *modelPackage, t *modelTimer) {
	if t.result == "fail" {
		p.errCode, p.errMsg = t.code, t.reason
		if p.errCode == 0 {
			p.errCode = -1
		}
		m.move(p, failed)
		m.notify(p)
		return
	}
	if p.direct {
		v := m.mayBeSubmitted(p)
		if v.errno == 0 {
			m.enterReview(p)
			return
		}
		// It says why it stays where it is.
		m.refused["direct commit: "+v.why]++
		p.msg, p.msgMore = v.says[0], true
	}
	m.move(p, development)
	m.notify(p)
}

func (m *model) audited(p *modelPackage, t *modelTimer) {
	event, to := "PACKAGE_AUDIT_PASS", approved
	if p.msg = "审核通过"; t.result == "fail" {
		event, to, p.msg = "PACKAGE_AUDIT_FAIL", rejected, t.reason
	}
	m.move(p, to)
	for _, tp := range p.app.tps {
		payload := map[string]any{
			"appId": float64(p.app.id), "tpAppId": float64(tp.id), "event": event,
			"eventTime": m.now.In(beijing).Format("2006-01-02 15:04:05"),
		}
		if t.result == "fail" {
			payload["reason"] = t.reason
		}
		m.sending = append(m.sending, &modelPush{tp: tp, payload: payload})
	}
	m.notify(p)
}

// send attempts every push that is due. After the nth failure the next attempt
// is 5 s · 2ⁿ⁻¹ later, at most an hour; the sixteenth failure is the last.
func (m *model) send() {
	for _, push := range m.sending {
		push.attempts++
		answer := "success"
		if tp := push.tp; len(tp.answers) > 0 {
			answer, tp.answers = tp.answers[0], tp.answers[1:]
		}
		accepted := answer == "success"
		m.letters = append(m.letters, modelLetter{push.tp, push.payload, m.now, accepted})
		if accepted || push.attempts == 16 {
			continue
		}
		m.set++
		wait := min(time.Hour, 5*time.Second<<(push.attempts-1))
		m.timers = append(m.timers, &modelTimer{due: m.now.Add(wait), set: m.set, kind: "push", push: push})
	}
	m.sending = nil
}

// begin puts a package into an app that is there from the beginning; the one
// to roll back to is the newest that was online before.
func (m *model) begin(a *modelApp, p *modelPackage) {
	if p.state == online || p.state == rollingBack || p.state == superseded {
		for _, other := range a.packages {
			if other.state == superseded {
				p.before = other
			}
		}
	}
	a.packages = append(a.packages, p)
	switch p.state {
	case uploading:
		m.decide(p, "upload")
	case inReview:
		m.decide(p, "audit")
	case rollingBack:
		m.decide(p, "rollback")
	case failed:
		p.errCode = -1
	}
}
