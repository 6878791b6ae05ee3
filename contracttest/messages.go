package contracttest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/swanemu/emu/internal/seal"
	"github.com/swanemu/emu/internal/spec"
)

// Pushes that can be fetched again: all that were pushed, as they were pushed,
// and those that are asked for.

// opMessages is the call that fetches them.
const opMessages = "listPushMessages"

// messageCases let two things be pushed and fetch them again.
func messageCases(s *suite) []work {
	op, ok := s.contract.Operation(opMessages)
	pass, fail := s.audited("pass"), s.audited("fail")
	if !ok || pass == nil || fail == nil {
		return nil
	}
	return []work{{
		check: "messages.kept", operation: op.ID, name: "fail, then pass", needs: []Need{NeedTP},
		run: func(ctx context.Context, p *probe) error {
			f, err := p.fetchable(ctx, fail, pass)
			if err != nil {
				return err
			}
			return p.fetched(ctx, f)
		},
	}, {
		check: "messages.kept", operation: op.ID, name: "as they come", needs: []Need{NeedTP},
		run: func(ctx context.Context, p *probe) error { return p.fetchedAnew(ctx, fail) },
	}, {
		check: "messages.selected", operation: op.ID, name: "by each parameter", needs: []Need{NeedTP},
		run: func(ctx context.Context, p *probe) error {
			f, err := p.fetchable(ctx, fail, pass)
			if err != nil {
				return err
			}
			return p.selected(ctx, f)
		},
	}}
}

// fetchable is what was pushed in a time that is known.
type fetchable struct {
	subject    *Subject
	start, end time.Time
	events     []string
}

// within are the parameters that name the time.
func (f *fetchable) within(more ...param) []param { return append(period(f.start, f.end), more...) }

func period(start, end time.Time) []param {
	return []param{{name: "start", text: strconv.FormatInt(start.Unix(), 10)}, {name: "end", text: strconv.FormatInt(end.Unix(), 10)}}
}

// fetchable lets an audit fail, and another one pass.
func (p *probe) fetchable(ctx context.Context, fail, pass *spec.Transition) (*fetchable, error) {
	s, err := p.enter(ctx, Situation{States: []string{fail.From[0]}})
	if err != nil {
		return nil, err
	}
	// Whatever was pushed before is before the time that is asked for.
	if err := p.advance(ctx, 5*time.Second); err != nil {
		return nil, err
	}
	out := &fetchable{subject: s, events: append(pushesOf(p, fail), pushesOf(p, pass)...)}
	if out.start, err = p.target.Clock.Now(ctx); err != nil {
		return nil, fmt.Errorf("read the clock: %w", err)
	}
	one := &s.Packages[0]
	if err := p.decide(ctx, s, Verdict{Package: one.ID, Decision: "audit", Outcome: "fail", Reason: reasonOf(fail)}); err != nil {
		return nil, err
	}
	again := p.from(fail.To)
	if again == nil {
		return nil, fmt.Errorf("%w: nothing leads on from %s", ErrCannot, fail.To)
	}
	if err := p.stepAccepted(ctx, again.Operation, s, one); err != nil {
		return nil, err
	}
	if err := p.decide(ctx, s, Verdict{Package: one.ID, Decision: "audit", Outcome: "pass"}); err != nil {
		return nil, err
	}
	if out.end, err = p.target.Clock.Now(ctx); err != nil {
		return nil, fmt.Errorf("read the clock: %w", err)
	}
	return out, nil
}

// A fetch is one answer of the call.
type fetch struct {
	Count    int `json:"count"`
	PageSize int `json:"pageSize"`
	List     []struct {
		ID      int64  `json:"id"`
		Content string `json:"content"`
		Status  int    `json:"status"`
	} `json:"list"`
}

// has reports whether a message is among those fetched.
func (f *fetch) has(id int64) bool {
	for _, m := range f.List {
		if m.ID == id {
			return true
		}
	}
	return false
}

// fetch makes the call; nil where it was not accepted or says what the schema
// does not know.
func (p *probe) fetch(ctx context.Context, s *Subject, params ...param) (*fetch, error) {
	x, err := p.read(ctx, opMessages, s, params...)
	if err != nil {
		return nil, err
	}
	if !p.expect(x, Finding{Message: "pushes cannot be fetched", ValuePointer: "/data"}, Accepted) {
		return nil, nil
	}
	var answer struct {
		Data fetch `json:"data"`
	}
	if json.Unmarshal(x.answer, &answer) != nil {
		return nil, nil //nolint:nilerr // the schema says what is wrong
	}
	return &answer.Data, nil
}

// fetched holds what is fetched against what was pushed.
func (p *probe) fetched(ctx context.Context, f *fetchable) error {
	all, err := p.fetch(ctx, f.subject, f.within()...)
	if err != nil || all == nil {
		return err
	}
	cipher, err := seal.PushCipher(p.target.Credentials.TP.EncodingAESKey)
	if err != nil {
		return fmt.Errorf("%w: its EncodingAESKey is none", ErrCannot)
	}
	bad := func(pointer, message, expected, actual string) {
		p.fail(Finding{Message: message, ValuePointer: pointer, Expected: expected, Actual: actual, SpecPointer: "#/components/schemas/PushMessage"})
	}
	var events []string
	ids := map[int64]bool{}
	for _, one := range all.List {
		text, _, err := cipher.Open(one.Content)
		if err != nil {
			bad("/data/list/*/content", "a message that is fetched cannot be opened with the TP's key", "a sealed message", "another text")
			return nil //nolint:nilerr // it is a finding
		}
		if ids[one.ID] {
			bad("/data/list/*/id", "two messages have one id", "each id once", "twice")
		}
		ids[one.ID] = true
		var m message
		if json.Unmarshal(text, &m) != nil || m.AppID != f.subject.AppID {
			continue
		}
		events = append(events, m.Event)
		if one.Status != 1 {
			bad("/data/list/*/status", "a push that was accepted is not told as such", "1", strconv.Itoa(one.Status))
		}
	}
	if slices.Sort(events); !slices.Equal(events, slices.Sorted(slices.Values(f.events))) {
		bad("/data/list", "not exactly what was pushed can be fetched", orNothing(f.events), orNothing(events))
	}
	if len(all.List) < all.PageSize && all.Count != len(all.List) {
		bad("/data/count", "count is not how many there are", strconv.Itoa(len(all.List)), strconv.Itoa(all.Count))
	}
	return nil
}

// fetchedAnew asks for the same twice, and has something pushed in between.
func (p *probe) fetchedAnew(ctx context.Context, fail *spec.Transition) error {
	s, err := p.enter(ctx, Situation{States: []string{fail.From[0]}})
	if err != nil {
		return err
	}
	now, err := p.target.Clock.Now(ctx)
	if err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	same := period(now.Add(-time.Second), now.Add(time.Hour))
	before, err := p.fetch(ctx, s, same...)
	if err != nil || before == nil {
		return err
	}
	if err := p.decide(ctx, s, Verdict{Package: s.Packages[0].ID, Decision: "audit", Outcome: "fail", Reason: reasonOf(fail)}); err != nil {
		return err
	}
	after, err := p.fetch(ctx, s, same...)
	if err != nil || after == nil {
		return err
	}
	if want := before.Count + len(pushesOf(p, fail)); after.Count < want {
		p.fail(Finding{
			Message: "what was pushed since the last time cannot be fetched by asking again", ValuePointer: "/data/count",
			Expected: "more than before", Actual: "as many", SpecPointer: "#/components/schemas/PushMessage",
		})
	}
	return nil
}

// selected asks for a part of what was pushed, by one parameter at a time.
func (p *probe) selected(ctx context.Context, f *fetchable) error {
	all, err := p.fetch(ctx, f.subject, f.within()...)
	if err != nil || all == nil || len(all.List) < len(f.events) {
		return err // messages.kept has it
	}
	first, last := all.List[0].ID, all.List[len(all.List)-1].ID
	text := func(name string, n int64) param { return param{name: name, text: strconv.FormatInt(n, 10)} }
	for _, q := range []struct {
		name, want string
		params     []param
		holds      func(*fetch) bool
	}{
		{"id_list", "the message of that id", []param{text("id_list", last)}, func(got *fetch) bool { return len(got.List) == 1 && got.has(last) }},
		{"count", "one message, and how many there are", f.within(text("count", 1)), func(got *fetch) bool {
			return len(got.List) == 1 && got.PageSize == 1 && got.Count >= len(f.events)
		}},
		{"offset", "all but the first", f.within(text("offset", 1)), func(got *fetch) bool {
			return len(got.List) == len(all.List)-1 && !got.has(first) && got.has(last)
		}},
		{"push_type", "none that was accepted", f.within(text("push_type", 2)), func(got *fetch) bool { return !got.has(first) && !got.has(last) }},
		{"end", "none that came later", period(f.start.Add(-time.Hour), f.start.Add(-2*time.Second)), func(got *fetch) bool { return !got.has(first) && !got.has(last) }},
		{"start", "none that came earlier", []param{text("start", f.end.Add(3*time.Second).Unix())}, func(got *fetch) bool { return !got.has(first) && !got.has(last) }},
	} {
		if q.name == "start" {
			if err := p.advance(ctx, 5*time.Second); err != nil {
				return err
			}
		}
		got, err := p.fetch(ctx, f.subject, q.params...)
		if err != nil || got == nil {
			return err
		}
		if !q.holds(got) {
			p.fail(Finding{
				Message: "pushes are fetched that were not asked for, or not those that were: " + q.name, ValuePointer: "/data/list",
				Expected: q.want, Actual: "something else",
			})
		}
	}
	return nil
}
