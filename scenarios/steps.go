package scenarios

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Failure is why a run ended early.
type Failure struct {
	// At is where the step stands, Step its number among the scenario's own,
	// Title what it is.
	At    string `json:"at"`
	Step  int    `json:"step"`
	Title string `json:"title"`
	// Message says in a sentence what did not hold.
	Message string `json:"message"`
	// Mismatches are the differences, side by side.
	Mismatches []Mismatch `json:"mismatches,omitempty"`
	// Arrived is what came instead of what was expected.
	Arrived []string `json:"arrived,omitempty"`
	// Causes tells from the journal how it came about.
	Causes []string `json:"causes,omitempty"`
	// Answer is the answer to the call, Curl a command that makes it again,
	// tokens included; neither goes into reports.
	Answer string `json:"-"`
	Curl   string `json:"-"`
}

// Text is the failure in lines, without what a report should not show.
func (f *Failure) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s: %s\n", f.At, f.Title, f.Message)
	for _, m := range f.Mismatches {
		fmt.Fprintf(&b, "%s: expected %s, actual %s\n", m.Path, m.Expected, m.Actual)
	}
	for _, one := range []struct {
		title string
		lines []string
	}{{"arrived", f.Arrived}, {"journal", f.Causes}} {
		for _, line := range one.lines {
			fmt.Fprintf(&b, "%s: %s\n", one.title, line)
		}
	}
	return b.String()
}

// fail makes a failure of a step.
func (e *engine) fail(s *Step, message string) *Failure {
	return &Failure{At: s.At.String(), Title: s.Title(), Message: hideTokens(message), Causes: e.causes(e.subject(s))}
}

// subject is the app that a step is about; 0 for none.
func (e *engine) subject(s *Step) int64 {
	switch {
	case s.As != nil && s.As.AppID != 0:
		return s.As.AppID
	case s.ExpectPush != nil:
		id, _ := e.vars.ref(s.ExpectPush.AppID)
		return id
	case s.ExpectNotify != nil:
		id, _ := e.vars.ref(s.ExpectNotify.AppID)
		return id
	case s.ExpectState != nil:
		return s.ExpectState.AppID
	}
	return 0
}

// Title says what a step is, in a few words.
func (s *Step) Title() string {
	verb := s.Verb()
	switch verb {
	case "call":
		return "call " + s.Call
	case "advance":
		return "advance " + s.Advance.String()
	case "advance to":
		return "advance to " + s.AdvanceTo.In(zone()).Format(time.DateTime)
	case "decide":
		return "decide " + s.Decide.Kind + " " + s.Decide.Result
	case "order":
		return "order " + s.Order
	case "fault":
		return "fault " + s.Fault.Do + " on " + s.Fault.On
	case "expect push":
		return "expect push " + s.ExpectPush.Event
	case "expect no push":
		return "expect no push " + s.ExpectNoPush.Event
	case "expect kafka":
		return fmt.Sprintf("expect kafka %d", s.ExpectKafka.Code)
	case "expect no kafka":
		return fmt.Sprintf("expect no kafka %d", s.ExpectNoKafka.Code)
	case "expect notify":
		return strings.TrimSpace("expect notify " + s.ExpectNotify.Event + " " + s.ExpectNotify.TPOrderID)
	case "expect no notify":
		return strings.TrimSpace("expect no notify " + s.ExpectNoNotify.Event + " " + s.ExpectNoNotify.TPOrderID)
	case "expect state":
		return strings.TrimSpace("expect state " + s.ExpectState.State)
	case "called":
		return "called " + s.Called.Operation
	case "repeat":
		return fmt.Sprintf("repeat %d times", s.Repeat.Times)
	case "note":
		return s.Note
	}
	return verb
}

// step plays one step.
func (e *engine) step(ctx context.Context, s *Step) (*Failure, error) {
	if s.Note != "" {
		e.line(Line{At: e.now, Kind: "note", What: s.Note, OK: true})
	}
	mark := len(e.entries)
	f, err := e.perform(ctx, s)
	var refused *ControlError
	if errors.As(err, &refused) {
		f, err = e.fail(s, refused.Detail), nil
	}
	if err != nil || f != nil {
		return f, err
	}
	for i := range e.entries[mark:] {
		if one := &e.entries[mark+i]; one.Mismatch != nil {
			return e.fail(s, one.what()), nil
		}
	}
	return nil, nil
}

// perform does what the verb of a step says.
func (e *engine) perform(ctx context.Context, s *Step) (*Failure, error) {
	switch s.Verb() {
	case "call":
		return e.call(ctx, s)
	case "advance":
		return nil, e.move(ctx, "+"+s.Advance.String(), map[string]any{"by": s.Advance})
	case "advance to":
		return nil, e.move(ctx, "to "+s.AdvanceTo.In(zone()).Format(time.DateTime), map[string]any{"to": s.AdvanceTo})
	case "decide":
		return e.decide(ctx, s)
	case "set app":
		id := or(s.SetApp.AppID, e.firstApp())
		return nil, e.tell(ctx, http.MethodPatch, fmt.Sprintf("/apps/%d", id), s.SetApp.AppChange, fmt.Sprintf("set app %d", id))
	case "set tp":
		return nil, e.setTP(ctx, s.SetTP)
	case "set merchant":
		return e.setMerchant(ctx, s)
	case "set config":
		return nil, e.tell(ctx, http.MethodPatch, "/config", s.SetConfig, "set config")
	case "fault":
		return nil, e.tell(ctx, http.MethodPost, "/faults", s.Fault, "fault")
	case "authorize":
		return e.authorize(ctx, s)
	case "revoke":
		tp, app := or(s.Revoke.TPID, e.firstTP()), or(s.Revoke.AppID, e.firstApp())
		path := fmt.Sprintf("/authorizations/%d/%d", tp, app)
		return nil, e.tell(ctx, http.MethodDelete, path, nil, fmt.Sprintf("tp %d may no longer act for app %d", tp, app))
	case "order":
		return e.giveOrder(ctx, s)
	case "login":
		return e.logIn(ctx, s)
	case "asks":
		return e.asking(ctx, s)
	case "will answer":
		return nil, e.willAnswer(ctx, s.WillAnswer)
	case "set grant":
		return nil, e.setGrant(ctx, s.SetGrant)
	case "set scope":
		return nil, e.setScope(ctx, s.SetScope)
	case "decrypt":
		return e.decrypt(ctx, s)
	case "expect push":
		return e.expectPush(ctx, s, s.ExpectPush)
	case "expect no push":
		return e.expectNone(ctx, s, e.pushWish(s.ExpectNoPush), s.ExpectNoPush.Within)
	case "expect kafka":
		return e.expectKafka(ctx, s, s.ExpectKafka)
	case "expect no kafka":
		return e.expectNone(ctx, s, e.kafkaWish(s.ExpectNoKafka), s.ExpectNoKafka.Within)
	case "expect notify":
		return e.expectArrival(ctx, s, e.notifyWish(s.ExpectNotify), s.ExpectNotify.Within)
	case "expect no notify":
		return e.expectNone(ctx, s, e.notifyWish(s.ExpectNoNotify), s.ExpectNoNotify.Within)
	case "expect state":
		return e.expectState(ctx, s)
	case "called":
		return e.called(s)
	case "let":
		return e.let(ctx, s)
	case "parallel":
		return e.parallel(ctx, s.Parallel)
	case "repeat":
		return e.repeat(ctx, s.Repeat)
	}
	return nil, nil
}

// move moves time and puts on the timeline what that brings about.
func (e *engine) move(ctx context.Context, what string, order map[string]any) error {
	before := e.now
	if err := e.box.order(ctx, http.MethodPost, "/clock/advance", order, nil); err != nil {
		return err
	}
	e.line(Line{At: before, Kind: "time", What: what, OK: true})
	return e.sync(ctx)
}

// tell gives the sandbox an order on behalf of a step.
func (e *engine) tell(ctx context.Context, method, path string, order any, what string) error {
	err := e.box.order(ctx, method, path, order, nil)
	if err != nil {
		return err
	}
	if err := e.settle(ctx); err != nil {
		return err
	}
	e.line(Line{At: e.now, Kind: "control", From: "platform", What: what + orderText(order), OK: true})
	return e.sync(ctx)
}

// orderText shows what an order says.
func orderText(order any) string {
	v, _ := plain(order).(map[string]any)
	text := ""
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if !strings.HasSuffix(name, "_url") {
			text += " " + name + "=" + textOf(v[name])
		}
	}
	return text
}

func (e *engine) decide(ctx context.Context, s *Step) (*Failure, error) {
	d := s.Decide
	id, err := e.vars.ref(d.PackageID)
	if err != nil {
		return e.fail(s, err.Error()), nil
	}
	order, err := e.vars.ref(d.OrderID)
	if err != nil {
		return e.fail(s, err.Error()), nil
	}
	texts := [2]any{}
	for i, text := range []string{d.Reason, d.TPOrderID} {
		if texts[i], err = e.vars.text(text); err != nil {
			return e.fail(s, err.Error()), nil
		}
	}
	return nil, e.tell(ctx, http.MethodPost, "/decisions", decisionOrder{
		Kind: d.Kind, AppID: d.AppID, Version: d.Version, PackageID: id, OrderID: order, TPOrderID: textOf(texts[1]), Channel: d.Channel,
		Result: d.Result, Reason: textOf(texts[0]), Code: d.Code, After: d.After,
	}, "decide")
}

func (e *engine) setTP(ctx context.Context, s *SetTP) error {
	id := or(s.TPID, e.firstTP())
	order := map[string]any{}
	if s.PushURL != nil {
		order["push_url"] = *s.PushURL
	}
	if s.Inbox {
		order["push_url"] = ""
	}
	if s.AuthorizationURL != nil {
		order["authorization_url"] = *s.AuthorizationURL
	}
	return e.tell(ctx, http.MethodPatch, fmt.Sprintf("/tps/%d", id), order, fmt.Sprintf("set tp %d", id))
}

// authorize lets an app's owner agree on the consent page.
func (e *engine) authorize(ctx context.Context, s *Step) (*Failure, error) {
	order := map[string]any{"tp_id": or(s.Authorize.TPID, e.firstTP()), "app_id": or(s.Authorize.AppID, e.firstApp())}
	if s.Authorize.PreAuthCode != "" {
		code, err := e.vars.text(s.Authorize.PreAuthCode)
		if err != nil {
			return e.fail(s, err.Error()), nil
		}
		order["pre_auth_code"] = code
	}
	var out map[string]any
	if err := e.box.order(ctx, http.MethodPost, "/authorizations", order, &out); err != nil {
		return nil, err
	}
	e.line(Line{
		At: e.now, Kind: "control", From: "owner", To: "platform", OK: true,
		What: fmt.Sprintf("app %v authorizes tp %v", order["app_id"], order["tp_id"]),
	})
	if err := e.save(s.Save, out); err != nil {
		return e.fail(s, err.Error()), nil
	}
	return nil, e.sync(ctx)
}

// let sets variables.
func (e *engine) let(ctx context.Context, s *Step) (*Failure, error) {
	if err := e.refresh(ctx); err != nil {
		return nil, err
	}
	values := map[string]any{}
	for name, v := range s.Let {
		x, err := e.vars.expand(v)
		if err != nil {
			return e.fail(s, err.Error()), nil
		}
		values[name] = x
	}
	maps.Copy(e.vars, values)
	return nil, nil
}

// called counts the scenario's calls of an operation.
func (e *engine) called(s *Step) (*Failure, error) {
	c := s.Called
	n := 0
	for i := range e.entries {
		x := e.entries[i].Exchange
		if x == nil || e.entries[i].own || x.Operation != c.Operation || c.Outcome != "" && x.Outcome != c.Outcome ||
			c.AppID != 0 && x.Principal.App != c.AppID {
			continue
		}
		n++
	}
	var want any = map[string]any{"$gte": json.Number("1")}
	if c.Times != nil {
		var err error
		if want, err = e.vars.expand(c.Times); err != nil {
			return e.fail(s, err.Error()), nil
		}
	}
	m := match(want, jsonInt(int64(n)), "times")
	e.line(Line{At: e.now, Kind: "expect", What: fmt.Sprintf("%s was called %d times", c.Operation, n), OK: len(m) == 0})
	if len(m) > 0 {
		f := e.fail(s, fmt.Sprintf("%s was called %d times", c.Operation, n))
		f.Mismatches = m
		return f, nil
	}
	return nil, nil
}

// parallel plays lists of steps side by side: one step of each in turn, which
// is one of the orders that truly parallel clients could come in, and always
// the same one.
func (e *engine) parallel(ctx context.Context, branches [][]Step) (*Failure, error) {
	for i := 0; ; i++ {
		left := false
		for _, branch := range branches {
			if i >= len(branch) {
				continue
			}
			left = true
			if f, err := e.step(ctx, &branch[i]); f != nil || err != nil {
				return f, err
			}
		}
		if !left {
			return nil, nil
		}
	}
}

func (e *engine) repeat(ctx context.Context, r *Repeat) (*Failure, error) {
	for i := range r.Times {
		e.vars["round"] = jsonInt(int64(i + 1))
		for j := range r.Steps {
			if f, err := e.step(ctx, &r.Steps[j]); f != nil || err != nil {
				return f, err
			}
		}
	}
	return nil, nil
}
