package contracttest

import (
	"context"
	"slices"
	"strconv"

	"github.com/swanemu/emu/internal/spec"
)

// What is seen of a package: in the TP's list and detail, in the host's, by its
// id and by its state, while another package of the app stands by.

// twins are the operations that make a call, by whatever method.
func (s *suite) twins(call string) []*spec.Operation {
	var out []*spec.Operation
	for _, op := range s.contract.Operations() {
		if op.Call() == call {
			out = append(out, op)
		}
	}
	return out
}

// beside is a state of another package that can stand by one in a state.
func (s *suite) beside(state string) string {
	for _, other := range []string{"development", "approved"} {
		if st := s.state(other); st.Name != "" && st.Slot != s.state(state).Slot {
			return other
		}
	}
	return ""
}

// viewCases compare what is seen of each state.
func viewCases(s *suite) []work {
	var out []work
	add := func(operation, name string, states []string, needs []Need, run func(context.Context, *probe, *Subject) error) {
		out = append(out, work{
			check: "lifecycle.views", operation: operation, name: name, needs: needs,
			run: func(ctx context.Context, p *probe) error {
				s, err := p.enter(ctx, Situation{States: states})
				if err != nil {
					return err
				}
				p.saw("lifecycle.views")
				return run(ctx, p, s)
			},
		})
	}
	host := []Need{NeedHost}
	for _, st := range s.lifecycle.States {
		if st.Final {
			continue
		}
		other := s.beside(st.Name)
		states := append(slices.Clone(companions(st.Name)), other)
		add(opDetail, st.Name+" in list and detail", states, nil, func(ctx context.Context, p *probe, s *Subject) error {
			return p.sameDetail(ctx, s, s.pkg(st.Name), &st)
		})
		for _, op := range s.twins(opHostList) {
			add(op.ID, st.Name+" in the host's list", states, host, func(ctx context.Context, p *probe, s *Subject) error {
				return p.same(ctx, s, opList, nil, op.ID, []param{appID(s.AppID)})
			})
		}
		if !st.Listed || st.Status == 0 {
			continue
		}
		add(opDetail, st.Name+" by its status", states, nil, func(ctx context.Context, p *probe, s *Subject) error {
			id, byStatus := packageID(s.pkg(st.Name).ID), status(st.Status)
			if err := p.same(ctx, s, opDetail, []param{id}, opDetail, []param{byStatus}); err != nil {
				return err
			}
			return p.same(ctx, s, opDetail, []param{id}, opDetail, []param{id, status(p.state(other).Status)})
		})
		for _, op := range s.twins(opHostDetail) {
			add(op.ID, st.Name+" in the host's detail", states, host, func(ctx context.Context, p *probe, s *Subject) error {
				id, byStatus, app := packageID(s.pkg(st.Name).ID), status(st.Status), appID(s.AppID)
				for _, with := range [][]param{{app, id}, {app, byStatus}, {app, id, status(p.state(other).Status)}} {
					if err := p.same(ctx, s, opDetail, []param{id}, op.ID, with); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	return append(out, defaultViews(s)...)
}

// defaultViews ask for a detail without saying which, and for packages that are
// not there.
func defaultViews(s *suite) []work {
	var out []work
	for _, op := range append(s.twins(opDetail), s.twins(opHostDetail)...) {
		own := func(s *Subject) []param {
			if op.Call() == opDetail {
				return nil
			}
			return []param{appID(s.AppID)}
		}
		add := func(name string, states []string, run func(context.Context, *probe, *Subject) error) {
			out = append(out, work{
				check: "lifecycle.views", operation: op.ID, name: name, needs: s.needsOf(op),
				run: func(ctx context.Context, p *probe) error {
					s, err := p.enter(ctx, Situation{States: states})
					if err != nil {
						return err
					}
					p.saw("lifecycle.views")
					return run(ctx, p, s)
				},
			})
		}
		add("what is online, unasked", append(slices.Clone(companions("online")), "development"), func(ctx context.Context, p *probe, s *Subject) error {
			return p.same(ctx, s, opDetail, []param{packageID(s.pkg("online").ID)}, op.ID, own(s))
		})
		refused := func(ctx context.Context, p *probe, s *Subject, more ...param) error {
			x, err := p.read(ctx, op.ID, s, append(own(s), more...)...)
			if err == nil {
				p.expect(x, Finding{Message: "a package that is not there has a detail", ValuePointer: "/data"}, Refused)
			}
			return err
		}
		add("nothing is online", []string{"development"}, func(ctx context.Context, p *probe, s *Subject) error { return refused(ctx, p, s) })
		add("no package of that id", []string{"development"}, func(ctx context.Context, p *probe, s *Subject) error {
			return refused(ctx, p, s, packageID(999_999_999))
		})
		add("a package of another app", []string{"development"}, func(ctx context.Context, p *probe, s *Subject) error {
			stranger, err := p.enter(ctx, Situation{States: []string{"development"}})
			if err != nil {
				return err
			}
			return refused(ctx, p, s, packageID(stranger.Packages[0].ID))
		})
	}
	return out
}

// status is the parameter that names a status.
func status(n int) param {
	return paramOf(spec.Field{Name: "type", Type: "integer"}, strconv.Itoa(n))
}

// sameDetail compares a package's row with its detail.
func (p *probe) sameDetail(ctx context.Context, s *Subject, one *Package, st *spec.State) error {
	v, err := p.look(ctx, s)
	if err != nil {
		return err
	}
	f := Finding{Check: "lifecycle.views", ValuePointer: "/data", SpecPointer: "#/x-lifecycle/package/states/" + st.Name, Evidence: st.Evidence}
	if want, got := p.shows(st.Name), p.in(v, one); want != got {
		f.Message, f.Expected, f.Actual = "the list does not show a package as it is", want, got
		p.fail(f)
	}
	return p.detailOf(ctx, s, v, one, f)
}

// detailOf compares a package's row, which may not be there, with its detail.
func (p *probe) detailOf(ctx context.Context, s *Subject, v view, one *Package, f Finding) error {
	p.saw(f.Check)
	x, err := p.read(ctx, opDetail, s, packageID(one.ID))
	if err != nil {
		return err
	}
	r, listed := v.row(one)
	if !listed || r.Status == 0 {
		f.Message = "a package that has no status has a detail"
		p.expect(x, f, Refused)
		return nil
	}
	f.Message = "a package of the list has no detail"
	if !p.expect(x, f, Accepted) {
		return nil
	}
	rows, _ := p.rows([]byte(`{"data":[` + dataOf(x.answer) + `]}`))
	if len(rows) == 0 {
		return nil // the schema says what is wrong
	}
	d := rows[0]
	if d.Status != r.Status || d.ID != r.ID || d.Version != r.Version || d.Desc != r.Desc || d.Commit != r.Commit {
		f.Message, f.Expected, f.Actual = "list and detail differ", "status "+strconv.Itoa(r.Status), "status "+strconv.Itoa(d.Status)
		p.fail(f)
	}
	return nil
}

// same compares the answers of two calls.
func (p *probe) same(ctx context.Context, s *Subject, a string, with []param, b string, and []param) error {
	p.saw("lifecycle.views")
	first, err := p.read(ctx, a, s, with...)
	if err != nil {
		return err
	}
	second, err := p.read(ctx, b, s, and...)
	if err != nil {
		return err
	}
	if first.outcome() == Crashed || second.outcome() == Crashed {
		return nil
	}
	if first.outcome() != second.outcome() || dataOf(first.answer) != dataOf(second.answer) {
		p.fail(Finding{
			Check: "lifecycle.views", Operation: b, ValuePointer: "/data", Expected: "what " + a + " answers", Actual: "something else",
			Message: "two views of the same package or app differ",
		})
	}
	return nil
}
