package contracttest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// What a step leaves alone: other packages of the app, what was said of its own
// package, the quota that it does not use; and that every view follows it.

// bystanders are states of further packages that a recipe has nothing to do
// with: none that shares a place with one of its own, and none on which the
// platform is about to decide.
func (s *suite) bystanders(r *recipe) []string {
	used := map[string]bool{}
	use := func(states ...string) {
		for _, name := range states {
			used[s.state(name).Slot] = true
		}
	}
	use(r.situation.States...)
	for _, t := range append(slices.Clone(r.took), taken{0, r.t}) {
		use(t.t.From...)
		use(t.t.To)
	}
	var out []string
	for _, st := range s.lifecycle.States {
		decided := slices.ContainsFunc(s.lifecycle.Transitions, func(t spec.Transition) bool {
			return t.Decision != "" && slices.Contains(t.From, st.Name)
		})
		// An upload may push out one that failed.
		if st.Slot == "" || used[st.Slot] || decided || st.Status == 0 && len(r.situation.States) == 0 {
			continue
		}
		used[st.Slot] = true
		out = append(out, companions(st.Name)...)
	}
	return out
}

// accompanied is a recipe with other packages in the app.
func (r recipe) accompanied(by []string) recipe {
	shift := 0
	if len(r.situation.States) == 0 {
		shift = len(by) // what it uploads comes after them
	}
	r.situation.States = append(slices.Clone(r.situation.States), by...)
	r.ends, r.took = slices.Clone(r.ends), slices.Clone(r.took)
	for i := range r.ends {
		r.ends[i].pkg += shift
	}
	for i := range r.took {
		r.took[i].pkg += shift
	}
	return r
}

// otherCases take each step in an app that has more packages.
func otherCases(s *suite) []work {
	var out []work
	for _, r := range s.recipes() {
		r = r.accompanied(s.bystanders(&r))
		out = append(out, work{
			check: "lifecycle.others", operation: r.operation, name: r.name,
			run: func(ctx context.Context, p *probe) error { return p.leaveOthers(ctx, &r) },
		})
	}
	return out
}

// leaveOthers takes a step and compares all that is seen before and after.
func (p *probe) leaveOthers(ctx context.Context, r *recipe) error {
	s, err := p.enter(ctx, r.situation)
	if err != nil {
		return err
	}
	before, err := p.everything(ctx, s)
	if err != nil {
		return err
	}
	if err := r.act(ctx, p, s); err != nil {
		return err
	}
	after, err := p.everything(ctx, s)
	if err != nil {
		return err
	}
	p.identify(after, s)
	p.saw("lifecycle.others")
	for i := range s.Packages {
		p.kept(r, s, i, before, after)
	}
	p.strays(r, s, before, after)
	p.counted(r, before, after)
	p.returns(r, s, after)
	return nil
}

// everything looks at an app in all views, which must agree.
func (p *probe) everything(ctx context.Context, s *Subject) (view, error) {
	v, err := p.look(ctx, s)
	if err != nil {
		return v, err
	}
	p.identify(v, s)
	for i := range s.Packages {
		if one := &s.Packages[i]; one.ID != 0 {
			f := Finding{Check: "lifecycle.views", ValuePointer: "/data", SpecPointer: "#/x-lifecycle/package/states"}
			if err := p.detailOf(ctx, s, v, one, f); err != nil {
				return v, err
			}
		}
	}
	if !p.target.has(NeedHost) {
		return v, nil
	}
	for _, op := range p.twins(opHostList) {
		if err := p.same(ctx, s, opList, nil, op.ID, []param{appID(s.AppID)}); err != nil {
			return v, err
		}
	}
	for _, op := range p.twins(opHostDetail) {
		for _, r := range v.rows {
			if r.ID == 0 {
				continue
			}
			id := packageID(r.ID)
			if err := p.same(ctx, s, opDetail, []param{id}, op.ID, []param{appID(s.AppID), id}); err != nil {
				return v, err
			}
		}
	}
	return v, nil
}

// kept holds a package's row after a step against the one before it: all of it
// where the step is not the package's, else what an upload has said of it.
func (p *probe) kept(r *recipe, s *Subject, i int, before, after view) {
	one := &s.Packages[i]
	was, there := before.row(one)
	if is, now := after.row(one); !there && now && one.Version != "" {
		was, there = is, true // a version that comes back is known from before
		was.Version, was.Desc = one.Version, is.Desc
	}
	if !there {
		return
	}
	f := Finding{
		Check: "lifecycle.others", ValuePointer: "/data", Evidence: r.t.Evidence, SpecPointer: lifecyclePointer + "/" + r.t.Name,
		Message: "the step " + r.t.Name + " changes another package of the app", Expected: "the row of before",
	}
	is, still := after.row(one)
	moved := slices.ContainsFunc(r.took, func(t taken) bool { return t.pkg == i })
	switch {
	case !moved && !still:
		f.Actual = "no row"
	case !moved && was.text != is.text:
		f.Actual = "another row"
	case moved && still && (was.Version != is.Version || was.Desc != is.Desc):
		f.Message, f.Actual = "the step "+r.t.Name+" changes what was said of the package", "another version or description"
	default:
		return
	}
	p.fail(f)
}

// strays are rows after a step that were not there before it and are no
// package's of the subject.
func (p *probe) strays(r *recipe, s *Subject, before, after view) {
	for _, is := range after.rows {
		known := slices.ContainsFunc(before.rows, func(was row) bool { return was.ID == is.ID && was.Version == is.Version }) ||
			slices.ContainsFunc(s.Packages, func(one Package) bool { return one.ID != 0 && one.ID == is.ID || one.Version == is.Version })
		if !known {
			p.fail(Finding{
				Check: "lifecycle.others", ValuePointer: "/data", Evidence: r.t.Evidence, SpecPointer: lifecyclePointer + "/" + r.t.Name,
				Message: "after the step " + r.t.Name + " a package is listed that nobody has uploaded", Expected: "no such row", Actual: "a row",
			})
		}
	}
}

// counted holds the quota after a step against the one before it.
func (p *probe) counted(r *recipe, before, after view) {
	if before.left == nil || after.left == nil {
		return
	}
	p.saw("lifecycle.quota")
	uses := slices.ContainsFunc(r.took, func(t taken) bool { return slices.Contains(t.t.Gates, "audit_quota_left") })
	want := *before.left
	if uses && want > 0 {
		want--
	}
	if *after.left != want {
		p.fail(Finding{
			Check: "lifecycle.quota", Operation: opQuota, ValuePointer: "/data/remain_times", Evidence: r.t.Evidence,
			Message: "after the step " + r.t.Name + " the quota of audits is not what is left", SpecPointer: "#/x-lifecycle/package/gates/audit_quota_left",
			Expected: map[bool]string{true: "one less than before", false: "as many as before"}[uses],
			Actual:   strconv.Itoa(*after.left-*before.left) + " to before",
		})
	}
}

// returns holds rollback_version against what was online before, where the
// recipe knows it.
func (p *probe) returns(r *recipe, s *Subject, after view) {
	for _, t := range r.took {
		if t.t.Operation == "" || t.t.To != "online" {
			continue
		}
		one := &s.Packages[t.pkg]
		got, ok := after.row(one)
		if !ok {
			return
		}
		want := ""
		for i := range s.Packages {
			if s.Packages[i].State == "online" {
				want = s.Packages[i].Version
			}
		}
		p.saw("list.rollback-version")
		if got.Rollback != want {
			actual := orNothingOnline(got.Rollback)
			if want != "" && got.Rollback != "" {
				actual = "another one"
			}
			p.fail(Finding{
				Check: "list.rollback-version", Operation: opList, ValuePointer: "/data/*/rollback_version",
				Message: "rollback_version is not the version that was online before", Expected: orNothingOnline(want), Actual: actual,
				SpecPointer: "#/components/schemas/Package/properties/rollback_version", Evidence: spec.Evidence{Grade: "documented", Source: "S1"},
			})
		}
	}
}

// orNothingOnline names a version without telling which, for it differs from
// run to run.
func orNothingOnline(version string) string {
	if version == "" {
		return "none"
	}
	return "the version before"
}

// uploadedCases upload a package and look how it shows, under way and done.
func uploadedCases(s *suite) []work {
	first := s.entrance()
	if first == nil {
		return nil
	}
	return []work{{
		check: "lifecycle.uploaded", operation: first.Operation, name: "as it was described",
		run: func(ctx context.Context, p *probe) error { return p.described(ctx, first) },
	}}
}

// described uploads a package and holds its rows against what was sent.
func (p *probe) described(ctx context.Context, first *spec.Transition) error {
	s, err := p.enter(ctx, Situation{})
	if err != nil {
		return err
	}
	op, _ := p.contract.Operation(first.Operation)
	w, err := p.base(ctx, op, s)
	if err != nil {
		return err
	}
	sent := map[string]string{}
	for _, q := range w.params {
		sent[q.name] = q.text
	}
	at, err := p.target.Clock.Now(ctx)
	if err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	if err := p.target.States.Decide(ctx, s, Verdict{Decision: "upload", Outcome: "pass"}); err != nil {
		return fmt.Errorf("decide: %w", err)
	}
	x, err := p.call(ctx, w)
	if err != nil {
		return err
	}
	if p.excused(w, x) {
		p.samples = unsampled(w, x)
	}
	s.Packages = append(s.Packages, Package{Version: sent["user_version"]})
	if err := p.tookStep(x, first.Operation); err != nil {
		return err
	}
	for _, after := range []time.Duration{0, uploadTime} {
		if after > 0 {
			if err := p.advance(ctx, after); err != nil {
				return err
			}
		}
		v, err := p.look(ctx, s)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(v.rows, func(r row) bool { return r.Version == sent["user_version"] })
		if i < 0 {
			return nil // lifecycle.path has it
		}
		p.shown(&v.rows[i], sent["user_desc"], at)
	}
	return nil
}

// shown holds a row against what was sent, and when.
func (p *probe) shown(r *row, desc string, at time.Time) {
	p.saw("lifecycle.uploaded")
	f := Finding{Operation: opList, SpecPointer: "#/components/schemas/CommitTime", Evidence: judgement()}
	if r.Desc != desc {
		f.Message, f.ValuePointer = "a package does not show with the description that it was uploaded with", "/data/*/version_desc"
		f.Expected, f.Actual = "the user_desc of the upload", "another text"
		p.fail(f)
	}
	got, err := time.ParseInLocation("2006/01/02 15:04:05", r.Commit, beijing())
	if d := got.Sub(at); err == nil && (d > near || d < -near) {
		f.Message, f.ValuePointer = "commit_time is not when the package was uploaded", "/data/*/commit_time"
		f.Expected, f.Actual = "the server's time, in Beijing", "another time"
		p.fail(f)
	}
}

// beijing is the time zone of the platform's texts.
func beijing() *time.Location { return time.FixedZone("CST", 8*60*60) }
