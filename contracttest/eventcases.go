package contracttest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// audited finds the step by which the platform lets an audit pass or fail.
func (s *suite) audited(outcome string) *spec.Transition {
	for i := range s.lifecycle.Transitions {
		t := &s.lifecycle.Transitions[i]
		if t.Decision == "audit" && t.Outcome == outcome && len(t.From) > 0 {
			return t
		}
	}
	return nil
}

// pushOrderCases let two things happen and look in which order they are told.
func pushOrderCases(s *suite) []work {
	pass, fail := s.audited("pass"), s.audited("fail")
	if pass == nil || fail == nil {
		return nil
	}
	return []work{{
		check: "push.order", operation: platform, name: "fail, then pass",
		run: func(ctx context.Context, p *probe) error {
			s, err := p.enter(ctx, Situation{States: []string{fail.From[0]}})
			if err != nil {
				return err
			}
			before, err := p.pushes(ctx)
			if err != nil {
				return err
			}
			one := &s.Packages[0]
			if err := p.decide(ctx, s, Verdict{Package: one.ID, Decision: "audit", Outcome: "fail", Reason: reasonOf(fail)}); err != nil {
				return err
			}
			again := p.from(fail.To)
			if again == nil {
				return fmt.Errorf("%w: nothing leads on from %s", ErrCannot, fail.To)
			}
			if err := p.stepAccepted(ctx, again.Operation, s, one); err != nil {
				return err
			}
			if err := p.decide(ctx, s, Verdict{Package: one.ID, Decision: "audit", Outcome: "pass"}); err != nil {
				return err
			}
			after, err := p.pushes(ctx)
			if err != nil {
				return err
			}
			p.saw("push.order")
			var got []string
			for _, one := range after[min(len(before), len(after)):] {
				m, ok := p.open(one)
				if !ok {
					return nil
				}
				if p.earlier(m.AppID, s) {
					continue
				}
				if err := p.timely(ctx, m); err != nil {
					return err
				}
				got = append(got, m.Event)
			}
			want := append(pushesOf(p, fail), pushesOf(p, pass)...)
			p.sequence("push.order", "pushes do not arrive in the order of what happened", want, got)
			return nil
		},
	}}
}

// from is the operation's step that leads out of a state.
func (s *suite) from(state string) *spec.Transition {
	for _, t := range s.steps() {
		if slices.Contains(t.From, state) {
			return t
		}
	}
	return nil
}

func pushesOf(p *probe, t *spec.Transition) []string {
	var out []string
	for _, e := range p.emitted(&recipe{took: []taken{{0, t}}}, "push") {
		out = append(out, e.t.Name)
	}
	return out
}

// sequence compares an order; another number is somebody else's finding.
func (p *probe) sequence(check, message string, want, got []string) {
	if len(want) != len(got) || slices.Equal(want, got) {
		return
	}
	p.fail(Finding{Check: check, Message: message, Expected: strings.Join(want, ", "), Actual: strings.Join(got, ", "), SpecPointer: lifecyclePointer})
}

// refusals is how often the receiver of push.retry refuses.
const refusals = 2

// retryCases refuse a push and wait for it to come again.
func retryCases(s *suite) []work {
	var out []work
	for _, outcome := range []string{"pass", "fail"} {
		t := s.audited(outcome)
		if t == nil || len(pushesOf(&probe{suite: s}, t)) == 0 {
			continue
		}
		out = append(out, work{
			check: "push.retry", operation: platform, name: t.Name + " refused twice",
			run: func(ctx context.Context, p *probe) error { return p.retry(ctx, t) },
		})
	}
	return out
}

// retry lets a step be told to a receiver that refuses.
func (p *probe) retry(ctx context.Context, t *spec.Transition) error {
	s, err := p.enter(ctx, Situation{States: []string{t.From[0]}})
	if err != nil {
		return err
	}
	before, err := p.pushes(ctx)
	if err != nil {
		return err
	}
	if err := p.target.Pushes.Refuse(ctx, refusals); err != nil {
		return fmt.Errorf("refuse pushes: %w", err)
	}
	p.note("the harness: the receiver refuses the next %d pushes", refusals)
	if err := p.decide(ctx, s, Verdict{Package: s.Packages[0].ID, Decision: t.Decision, Outcome: t.Outcome, Reason: reasonOf(t)}); err != nil {
		return err
	}
	if err := p.advance(ctx, 24*time.Hour); err != nil {
		return err
	}
	if err := p.target.Pushes.Refuse(ctx, 0); err != nil {
		return fmt.Errorf("refuse pushes: %w", err)
	}
	after, err := p.pushes(ctx)
	if err != nil {
		return err
	}
	p.retried(after[min(len(before), len(after)):], t)
	return nil
}

// retried looks at the attempts of one push.
func (p *probe) retried(got []Push, t *spec.Transition) {
	p.saw("push.retry")
	f := Finding{
		Check: "push.retry", Evidence: spec.Evidence{Grade: "documented", Source: "S1"}, SpecPointer: lifecyclePointer + "/" + t.Name + "/emits",
		Message: "a push is not sent again until it is answered with success", Expected: fmt.Sprintf("%d attempts, the last one accepted", refusals+1),
		Actual: fmt.Sprintf("%d attempts", len(got)),
	}
	if len(got) != refusals+1 || !got[len(got)-1].Accepted {
		p.fail(f)
		return
	}
	first, ok := p.open(got[0])
	if !ok {
		return
	}
	for _, one := range got[1:] {
		m, ok := p.open(one)
		if !ok {
			return
		}
		first.stamp, m.stamp = "", ""
		if m != first {
			f.Message, f.Expected, f.Actual = "a push that is sent again says something else", "the same message", "another one"
			p.fail(f)
		}
	}
}

// noticeCases take each step and look at what is told over Kafka.
func noticeCases(s *suite) []work {
	var out []work
	for _, r := range s.recipes() {
		out = append(out, work{
			check: "kafka.count", operation: r.operation, name: r.name,
			run: func(ctx context.Context, p *probe) error {
				before, err := p.notices(ctx)
				if err != nil {
					return err
				}
				s, err := p.take(ctx, &r)
				if err != nil {
					return err
				}
				// Not longer, so that nothing else falls due.
				if err := p.advance(ctx, time.Second); err != nil {
					return err
				}
				after, err := p.notices(ctx)
				if err != nil {
					return err
				}
				p.saw("kafka.count")
				var want, got []string
				for _, e := range p.emitted(&r, "kafka") {
					def, _ := p.contract.Event(e.t.Name)
					want = append(want, noticeText(def.Code, s.AppID, s.Packages[e.pkg].ID))
				}
				for _, n := range after[min(len(before), len(after)):] {
					text, ok := p.notice(n, s)
					if !ok {
						return nil
					}
					if text != "" {
						got = append(got, text)
					}
				}
				slices.Sort(want)
				slices.Sort(got)
				if !slices.Equal(want, got) {
					p.fail(Finding{
						Check: "kafka.count", Expected: fmt.Sprintf("%d notices, of the app and the package", len(want)), Actual: difference(want, got),
						SpecPointer: lifecyclePointer + "/" + r.t.Name + "/emits", Evidence: r.t.Evidence,
						Message: "after the step " + r.t.Name + " not exactly its notices came",
					})
				}
				return nil
			},
		})
	}
	return out
}

func (p *probe) notices(ctx context.Context) ([]Notice, error) {
	out, err := p.target.Notices.Read(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the notices: %w", err)
	}
	return out, nil
}

// noticeText is a notice in one form.
func noticeText(code int, app, pkg int64) string {
	return fmt.Sprintf("%d/%d/%d", code, app, pkg)
}

// difference says how lists differ, without numbers that change from run to
// run.
func difference(want, got []string) string {
	if len(want) != len(got) {
		return fmt.Sprintf("%d notices", len(got))
	}
	return "notices of something else"
}

// notice checks one record and returns what it says; "" when it is about an
// app of an earlier case, on which the platform has decided in the meantime.
func (p *probe) notice(n Notice, s *Subject) (string, bool) {
	var body struct {
		Code int `json:"code"`
		Data struct {
			AppID     int64 `json:"app_id"`
			PackageID int64 `json:"package_id"`
		} `json:"data"`
	}
	p.saw("kafka.schema")
	name := "a notice of x-events"
	err := json.Unmarshal(n.Value, &body)
	for _, def := range p.contract.Events() {
		if def.Channel == "kafka" && def.Code == body.Code {
			name = def.Name
		}
	}
	if err == nil {
		err = p.contract.CheckEvent(name, n.Value)
	}
	if twice, scanErr := scanJSON(n.Value); err == nil && scanErr == nil && len(twice) > 0 {
		err = fmt.Errorf("%s stands twice", twice[0])
	}
	if err != nil {
		f := Finding{Check: "kafka.schema", Message: "a notice does not match its schema", Expected: name, Actual: "something else", SpecPointer: "#/x-events"}
		for _, issue := range issuesOf(err) {
			f.Message, f.ValuePointer = "a notice does not match its schema: "+issue.String(), issue.Pointer
			break
		}
		p.fail(f)
		return "", false
	}
	def, _ := p.contract.Event(name)
	if !n.KeyHidden {
		p.saw("kafka.key")
		if want := strconv.FormatInt(body.Data.AppID, 10); string(n.Key) != want {
			p.fail(Finding{
				Check: "kafka.key", Message: "the key of a notice is not its app_id", Expected: "the app_id", Actual: keyKind(n.Key),
				SpecPointer: "#/x-events/" + name, Evidence: judgement(),
			})
		}
	}
	if want := p.target.Notices.Topic(); want != "" {
		p.saw("kafka.topic")
		if n.Topic != want {
			p.fail(Finding{
				Check: "kafka.topic", Message: "a notice is in another topic", Expected: want, Actual: n.Topic,
				SpecPointer: "#/x-events/" + name, Evidence: def.Evidence,
			})
		}
	}
	if p.earlier(body.Data.AppID, s) {
		return "", true
	}
	return noticeText(body.Code, body.Data.AppID, body.Data.PackageID), true
}

func keyKind(key []byte) string {
	if len(key) == 0 {
		return "no key"
	}
	return "another key"
}

// noticeOrderCases let things happen to two packages of one app in turn.
func noticeOrderCases(s *suite) []work {
	var release, rollback, submit *spec.Transition
	for _, t := range s.steps() {
		switch t.Operation {
		case "releasePackage":
			release = t
		case "rollbackPackage":
			rollback = t
		case "submitPackageAudit":
			submit = t
		}
	}
	if release == nil || rollback == nil || submit == nil {
		return nil
	}
	return []work{{
		check: "kafka.order", operation: platform, name: "two packages in turn",
		run: func(ctx context.Context, p *probe) error {
			s, err := p.enter(ctx, Situation{States: []string{"online", "approved", "development"}})
			if err != nil {
				return err
			}
			before, err := p.notices(ctx)
			if err != nil {
				return err
			}
			approved, draft := &s.Packages[1], &s.Packages[2]
			var want []string
			for _, step := range []struct {
				call string
				one  *Package
			}{{release.Operation, approved}, {submit.Operation, draft}, {rollback.Operation, approved}, {"withdrawPackageAudit", draft}} {
				if err := p.stepAccepted(ctx, step.call, s, step.one); err != nil {
					return err
				}
				want = append(want, noticeText(101, s.AppID, step.one.ID))
			}
			if err := p.advance(ctx, time.Minute); err != nil {
				return err
			}
			want = append(want, noticeText(101, s.AppID, s.Packages[0].ID))
			after, err := p.notices(ctx)
			if err != nil {
				return err
			}
			p.saw("kafka.order")
			var got []string
			for _, n := range after[min(len(before), len(after)):] {
				text, ok := p.notice(n, s)
				if !ok {
					return nil
				}
				if text != "" {
					got = append(got, text)
				}
			}
			if len(want) == len(got) && !slices.Equal(want, got) {
				p.fail(Finding{
					Check: "kafka.order", Message: "the notices of an app are not in the order of what happened", Expected: "the order of the steps",
					Actual: "another order", SpecPointer: lifecyclePointer,
				})
			}
			return nil
		},
	}}
}
