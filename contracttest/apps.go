package contracttest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/swanemu/emu/internal/spec"
)

// Whom an answer is about: the app that was asked for, all that were asked for,
// and nobody else.

// appCases ask for apps.
func appCases(s *suite) []work {
	var out []work
	for _, op := range s.contract.Operations() {
		names := answersApp(op)
		if names == "" {
			continue
		}
		add := func(name string, run func(context.Context, *probe, *Subject) error) {
			out = append(out, work{
				check: "app.own", operation: op.ID, name: name, needs: s.needsOf(op), mode: s.effect(op),
				run: func(ctx context.Context, p *probe) error {
					s, err := p.subject(ctx, op, false)
					if err != nil {
						return err
					}
					return run(ctx, p, s)
				},
			})
		}
		if !hasField(op, "app_ids") {
			add("the app itself", func(ctx context.Context, p *probe, s *Subject) error { return p.answersFor(ctx, op, s, names, s.AppID) })
			continue
		}
		add("one app", func(ctx context.Context, p *probe, s *Subject) error { return p.answersFor(ctx, op, s, names, s.AppID) })
		add("two apps", func(ctx context.Context, p *probe, s *Subject) error {
			second, err := p.enter(ctx, Situation{})
			if err != nil {
				return err
			}
			return p.answersFor(ctx, op, s, names, s.AppID, second.AppID)
		})
	}
	return append(out, unknownAppCases(s)...)
}

// answersApp is the pointer of the app_id in an operation's answers; "" where
// they have none.
func answersApp(op *spec.Operation) string {
	for _, p := range op.AnswerProperties(200) {
		if p.Pointer == "/data/app_id" || p.Pointer == "/data/*/app_id" {
			return p.Pointer
		}
	}
	return ""
}

// unknownAppCases ask for an app that there is not.
func unknownAppCases(s *suite) []work {
	var out []work
	for _, op := range s.contract.Operations() {
		for _, name := range []string{"app_id", "app_ids"} {
			if !hasField(op, name) {
				continue
			}
			out = append(out, work{
				check: "app.own", operation: op.ID, name: "an app that there is not", needs: s.needsOf(op), mode: s.effect(op),
				run: func(ctx context.Context, p *probe) error {
					w, s, err := p.shareBase(ctx, op)
					if err != nil {
						return err
					}
					w.set(paramOf(spec.Field{Name: name}, "99999999999"))
					return p.refused(ctx, w, s, false, Finding{Message: "an app that there is not is answered for", ValuePointer: "/" + name})
				},
			})
		}
	}
	return out
}

// answersFor asks for apps and looks who was answered for.
func (p *probe) answersFor(ctx context.Context, op *spec.Operation, s *Subject, pointer string, apps ...int64) error {
	w, err := p.base(ctx, op, s)
	if err != nil {
		return err
	}
	if hasField(op, "app_ids") {
		var ids string
		for i, id := range apps {
			if i > 0 {
				ids += ","
			}
			ids += strconv.FormatInt(id, 10)
		}
		w.set(param{name: "app_ids", text: ids})
	}
	x, err := p.call(ctx, w)
	if err != nil {
		return err
	}
	f := Finding{Message: "an app cannot be asked for", ValuePointer: pointer}
	if !p.expect(x, f, Accepted) {
		return nil
	}
	var got []int64
	var list struct {
		Data json.RawMessage `json:"data"`
	}
	type app struct {
		ID int64 `json:"app_id"`
	}
	var many []app
	var one app
	if json.Unmarshal(x.answer, &list) != nil {
		return nil //nolint:nilerr // the schema says what is wrong
	}
	switch {
	case json.Unmarshal(list.Data, &many) == nil:
		for _, a := range many {
			got = append(got, a.ID)
		}
	case json.Unmarshal(list.Data, &one) == nil:
		got = []int64{one.ID}
	}
	want := slices.Clone(apps)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		f.Message, f.Expected, f.Actual = "the answer is not about the apps that were asked for", fmt.Sprintf("%d, each once", len(want)), "others"
		if len(got) != len(want) {
			f.Actual = strconv.Itoa(len(got))
		}
		p.fail(f)
	}
	return nil
}
