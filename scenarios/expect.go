package scenarios

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/swanemu/emu/emulator"
)

// A wish is an arrival as it should be.
type wish struct {
	channel string
	// what names it in messages.
	what string
	// like reports whether an arrival is of that kind at all; match how it
	// differs.
	like  func(a *arrival) bool
	want  map[string]any
	app   int64
	tp    int64
	order string
	// wrong says why the wish cannot be read; "" when it can.
	wrong string
}

// pushWish reads what push is expected.
func (e *engine) pushWish(p *PushExpected) wish {
	w := wish{channel: channelPush, what: p.Event, order: p.Order, like: func(a *arrival) bool { return a.Name == p.Event }}
	var appErr, tpErr error
	w.app, appErr = e.vars.ref(p.AppID)
	w.tp, tpErr = e.vars.ref(p.TPID)
	if err := errors.Join(appErr, tpErr); err != nil {
		w.wrong = err.Error()
		return w
	}
	want := maps.Clone(p.Data)
	if p.Reason != nil {
		if want == nil {
			want = map[string]any{}
		}
		want["reason"] = p.Reason
	}
	w.expand(e.vars, want)
	if w.app != 0 {
		w.what += fmt.Sprintf(" for app %d", w.app)
	}
	return w
}

// kafkaWish reads what notice is expected.
func (e *engine) kafkaWish(k *KafkaExpected) wish {
	w := wish{channel: channelKafka, what: fmt.Sprintf("notice %d", k.Code), order: k.Order}
	w.like = func(a *arrival) bool {
		members, _ := a.payload.(map[string]any)
		return equal(members["code"], jsonInt(int64(k.Code)))
	}
	want := map[string]any{}
	if k.Data != nil {
		want["data"] = k.Data
	}
	w.expand(e.vars, want)
	if len(w.want) > 0 {
		w.what += " with " + encodeJSON(w.want["data"])
	}
	return w
}

func (w *wish) expand(vars scope, want map[string]any) {
	v, err := vars.expand(want)
	if err != nil {
		w.wrong = err.Error()
		return
	}
	w.want, _ = v.(map[string]any)
}

// differs returns how an arrival differs from the wish; nil when it is it.
func (w *wish) differs(a *arrival) []Mismatch {
	var out []Mismatch
	if w.app != 0 && a.App != w.app {
		out = append(out, Mismatch{"app_id", fmt.Sprint(w.app), fmt.Sprint(a.App)})
	}
	if w.tp != 0 && a.TP != w.tp {
		out = append(out, Mismatch{"tp_id", fmt.Sprint(w.tp), fmt.Sprint(a.TP)})
	}
	return append(out, match(w.want, a.payload, "")...)
}

// find returns the first arrival that fulfils a wish.
func (e *engine) find(w *wish) *arrival {
	for _, a := range e.arrived {
		if a.Channel == w.channel && !a.used && (!a.passed || w.order == "any") && w.like(a) && len(w.differs(a)) == 0 {
			return a
		}
	}
	return nil
}

// use takes an arrival as expected: what came before it for the same app was
// not.
func (e *engine) use(w *wish, a *arrival) {
	a.used = true
	if w.order == "any" {
		return
	}
	for _, b := range e.arrived {
		if b == a {
			return
		}
		if b.Channel == a.Channel && b.App == a.App && b.TP == a.TP && b.Order == a.Order {
			b.passed = true
		}
	}
}

func (e *engine) expectPush(ctx context.Context, s *Step, p *PushExpected) (*Failure, error) {
	return e.expectArrival(ctx, s, e.pushWish(p), p.Within)
}

func (e *engine) expectKafka(ctx context.Context, s *Step, k *KafkaExpected) (*Failure, error) {
	return e.expectArrival(ctx, s, e.kafkaWish(k), k.Within)
}

// expectArrival waits until a wish is fulfilled.
func (e *engine) expectArrival(ctx context.Context, s *Step, w wish, within *Duration) (*Failure, error) {
	if w.wrong != "" {
		return e.fail(s, w.wrong), nil
	}
	a, err := e.wait(ctx, &w, within)
	if err != nil {
		return nil, err
	}
	e.line(Line{At: e.now, Kind: "expect", What: w.what, OK: a != nil})
	if a == nil {
		return e.notArrived(s, &w, within), nil
	}
	e.use(&w, a)
	if err := e.save(s.Save, a.payload); err != nil {
		return e.fail(s, err.Error()), nil
	}
	return nil, nil
}

// notArrived tells what came instead.
func (e *engine) notArrived(s *Step, w *wish, within *Duration) *Failure {
	message := w.what + " did not arrive"
	if within != nil {
		message += " within " + within.String()
	}
	f := e.fail(s, message)
	var closest *arrival
	for _, a := range e.arrived {
		if a.Channel != w.channel {
			continue
		}
		state := ""
		switch {
		case a.used:
			state = " (expected before)"
		case a.passed:
			state = " (before what was expected last)"
		}
		if !a.used && w.like(a) {
			closest = a
		}
		f.Arrived = append(f.Arrived, fmt.Sprintf("%s %s%s", a.at.Format(time.TimeOnly), shown(a.payload), state))
	}
	if closest != nil {
		f.Mismatches = w.differs(closest)
	}
	return f
}

// expectNone sees that a wish is not fulfilled.
func (e *engine) expectNone(ctx context.Context, s *Step, w wish, within *Duration) (*Failure, error) {
	if w.wrong != "" {
		return e.fail(s, w.wrong), nil
	}
	a, err := e.wait(ctx, &w, within)
	if err != nil {
		return nil, err
	}
	e.line(Line{At: e.now, Kind: "expect", What: "no " + w.what, OK: a == nil})
	if a == nil {
		return nil, nil
	}
	f := e.fail(s, w.what+" arrived at "+a.at.Format(time.TimeOnly))
	f.Arrived = []string{a.at.Format(time.TimeOnly) + " " + shown(a.payload)}
	return f, nil
}

// wait looks for an arrival, and for as long as it may take: on virtual time
// it moves from one thing that falls due to the next.
func (e *engine) wait(ctx context.Context, w *wish, within *Duration) (*arrival, error) {
	if err := e.settleAndSync(ctx); err != nil {
		return nil, err
	}
	if a := e.find(w); a != nil || within == nil {
		return a, nil
	}
	end := e.now.Add(time.Duration(*within))
	for e.now.Before(end) {
		next, err := e.clockNow(ctx)
		if err != nil {
			return nil, err
		}
		if e.virtual {
			if next.IsZero() || next.After(end) {
				next = end
			}
			if next.After(e.now) {
				err = e.move(ctx, "to "+next.In(zone()).Format(time.TimeOnly), map[string]any{"to": next.Format(time.RFC3339Nano)})
			} else {
				err = e.settleAndSync(ctx)
			}
		} else {
			err = e.waitForNews(ctx, time.Duration(float64(end.Sub(e.now))/e.rate)+time.Millisecond)
		}
		if err != nil {
			return nil, err
		}
		if a := e.find(w); a != nil {
			return a, nil
		}
	}
	return nil, nil
}

func (e *engine) settleAndSync(ctx context.Context) error {
	if err := e.settle(ctx); err != nil {
		return err
	}
	return e.sync(ctx)
}

// waitForNews follows the journal of a sandbox whose clock runs until it has
// something to tell, for at most as long as the wall says.
func (e *engine) waitForNews(ctx context.Context, most time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	path := fmt.Sprintf("%s%ssandboxes/%s/journal/follow?after=%d", e.box.base(), emulator.ControlPrefix, url.PathEscape(e.box.name), e.last)
	req, err := http.NewRequestWithContext(limited, http.MethodGet, path, nil)
	if err != nil {
		return fmt.Errorf("follow the journal: %w", err)
	}
	if e.box.AdminToken != "" {
		req.Header.Set("Authorization", "Bearer "+e.box.AdminToken)
	}
	resp, err := e.box.client().Do(req)
	if err != nil && limited.Err() == nil {
		return fmt.Errorf("follow the journal: %w", err)
	}
	if err == nil {
		lines := bufio.NewScanner(resp.Body)
		for lines.Scan() && !strings.HasPrefix(lines.Text(), "id:") {
			continue
		}
		_ = resp.Body.Close() // the stream has no end of its own
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return e.settleAndSync(ctx)
}

// packageState is a package as the control API shows it.
type packageState struct {
	ID      int64  `json:"package_id"`
	Version string `json:"version"`
	State   string `json:"state"`
	Msg     string `json:"msg"`
}

func packagesOf(ctx context.Context, b box, app int64) ([]packageState, error) {
	var out struct {
		Packages []packageState `json:"packages"`
	}
	err := b.order(ctx, http.MethodGet, fmt.Sprintf("/apps/%d/packages", app), nil, &out)
	return out.Packages, err
}

// expectState looks at a package, at an order or at an app.
func (e *engine) expectState(ctx context.Context, s *Step) (*Failure, error) {
	want := s.ExpectState
	app := or(want.AppID, e.firstApp())
	if err := e.settleAndSync(ctx); err != nil {
		return nil, err
	}
	var m []Mismatch
	what := ""
	if want.Package != "" || want.Version != "" {
		id, err := e.vars.ref(want.Package)
		if err != nil {
			return e.fail(s, err.Error()), nil
		}
		packages, err := packagesOf(ctx, e.box, app)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(packages, func(p packageState) bool {
			return (id == 0 || p.ID == id) && (want.Version == "" || p.Version == want.Version)
		})
		state := stateAbsent
		if i >= 0 {
			state = packages[i].State
		}
		what = "package " + strings.TrimSpace(fmt.Sprintf("%s %s", or2(number0(id), ""), want.Version)) + " is " + want.State
		if state != want.State {
			m = append(m, Mismatch{"state", want.State, state})
		}
	}
	if want.TPOrderID != "" {
		number, err := e.vars.text(want.TPOrderID)
		if err != nil {
			return e.fail(s, err.Error()), nil
		}
		state, err := e.stateOfOrder(ctx, textOf(number), app)
		if err != nil {
			return nil, err
		}
		what = "order " + textOf(number) + " is " + want.State
		if state != want.State {
			m = append(m, Mismatch{"state", want.State, state})
		}
	}
	if want.App != nil {
		var got json.RawMessage
		if err := e.box.order(ctx, http.MethodGet, fmt.Sprintf("/apps/%d", app), nil, &got); err != nil {
			return nil, err
		}
		members, err := decodeJSON(got)
		if err != nil {
			return nil, err
		}
		expected, err := e.vars.expand(want.App)
		if err != nil {
			return e.fail(s, err.Error()), nil
		}
		m = append(m, match(expected, members, "app")...)
		what = strings.TrimSpace(what + fmt.Sprintf(" app %d is as expected", app))
	}
	e.line(Line{At: e.now, Kind: "expect", What: what, OK: len(m) == 0})
	if len(m) == 0 {
		return nil, nil
	}
	f := e.fail(s, "the state is not as expected")
	f.Mismatches = m
	return f, nil
}

func number0(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
