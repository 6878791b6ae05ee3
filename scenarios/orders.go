package scenarios

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/swanemu/emu/emulator"
)

// Orders of the control API and what it shows, for what scenarios have no verb
// of their own.

// ofSandbox is where the paths begin that are about one sandbox.
const ofSandbox = emulator.ControlPrefix + "sandboxes/{sandbox}"

// ordersAllowed lists the operations of the control API that a step may name:
// those about a sandbox, but for what would put another in its place and for
// what has no whole answer.
func ordersAllowed(c *Contract) []string {
	var out []string
	for _, id := range c.operationNames() {
		op := c.operations[id]
		if strings.HasPrefix(op.path, ofSandbox+"/") && !slices.Contains([]string{"resetSandbox", "importState", "exportState", "followJournal"}, id) {
			out = append(out, id)
		}
	}
	return out
}

// orderStep checks a step that gives an order.
func (k *checker) orderStep(path string, s *Step) {
	c, err := controlContract()
	if err != nil {
		k.complain(path+".order", "the control API's contract cannot be read: "+err.Error(), "", "")
		return
	}
	k.word(path+".order", "operation", s.Order, ordersAllowed(c))
	if op := c.operations[s.Order]; op != nil {
		params := slices.DeleteFunc(slices.Clone(op.params), func(name string) bool { return name == "sandbox" })
		for _, name := range slices.Sorted(maps.Keys(s.With)) {
			k.word(path+".with."+name, "parameter", name, params)
		}
	}
	k.variables(path+".with", s.With)
	for _, name := range slices.Sorted(maps.Keys(s.Expect)) {
		if slices.Contains([]string{"refused", "broken"}, name) {
			k.complain(path+".expect."+name, "is for calls", "http with a status, for an order", "")
		}
		k.matchers(path+".expect."+name, s.Expect[name])
	}
}

// can reports whether the target's control API has a path of a sandbox; it is
// asked once.
func (e *engine) can(ctx context.Context, path string) (bool, error) {
	ok, asked := e.there[path]
	if asked {
		return ok, nil
	}
	ok, err := e.box.can(ctx, path)
	if err != nil {
		return false, err
	}
	if e.there == nil {
		e.there = map[string]bool{}
	}
	e.there[path] = ok
	return ok, nil
}

// giveOrder gives an order and holds what comes back against what is expected.
func (e *engine) giveOrder(ctx context.Context, s *Step) (*Failure, error) {
	c, err := controlContract()
	if err != nil {
		return nil, err
	}
	op := c.operations[s.Order]
	if there, err := e.can(ctx, strings.TrimPrefix(op.path, ofSandbox+"/")); err != nil || !there {
		return nil, errors.Join(err, fmt.Errorf("order %s: %w", s.Order, ErrUnsupported))
	}
	with, err := e.vars.expand(s.With)
	if err != nil {
		return e.fail(s, err.Error()), nil
	}
	expected, err := e.vars.expand(s.Expect)
	if err != nil {
		return e.fail(s, err.Error()), nil
	}
	params, _ := with.(map[string]any)
	method, path, body := e.addressed(op, maps.Clone(params))
	var raw []byte
	status := http.StatusOK
	if err = e.box.order(ctx, method, path, body, &raw); err != nil {
		var refused *ControlError
		if !errors.As(err, &refused) {
			return nil, err
		}
		status = refused.Status
		if raw, err = json.Marshal(map[string]any{"detail": refused.Detail}); err != nil {
			return nil, err
		}
	}
	if err := e.settle(ctx); err != nil {
		return nil, err
	}
	var answer any
	if len(raw) > 0 {
		if answer, err = decodeJSON(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", s.Order, err)
		}
	}
	return e.ordered(ctx, s, op, expected, status, answer)
}

// ordered judges what came back for an order.
func (e *engine) ordered(ctx context.Context, s *Step, op *operation, expected any, status int, answer any) (*Failure, error) {
	want, _ := expected.(map[string]any)
	want = maps.Clone(want)
	var m []Mismatch
	if how, said := want["http"]; said {
		m = match(how, json.Number(fmt.Sprint(status)), "http")
		delete(want, "http")
	} else if status >= http.StatusBadRequest {
		members, _ := answer.(map[string]any)
		return e.fail(s, textOf(members["detail"])), nil
	}
	m = append(m, match(want, answer, "")...)
	e.line(Line{At: e.now, Kind: "control", From: "platform", What: "order " + op.id, OK: len(m) == 0})
	if len(m) > 0 {
		f := e.fail(s, "what "+op.id+" shows is not as expected")
		f.Mismatches = m
		return f, nil
	}
	if err := e.save(s.Save, answer); err != nil {
		return e.fail(s, err.Error()), nil
	}
	if op.method != http.MethodGet && status < http.StatusBadRequest {
		// There may be somebody new.
		if err := errors.Join(e.introduce(ctx), e.identify(ctx)); err != nil {
			return nil, err
		}
	}
	return nil, e.sync(ctx)
}

// addressed is an order as it is sent: what the path names is taken from the
// parameters, or is the first of its kind.
func (e *engine) addressed(op *operation, params map[string]any) (method, path string, body any) {
	path = strings.TrimPrefix(op.path, ofSandbox)
	for _, name := range op.inPath {
		v, said := params[name]
		switch {
		case name == "sandbox":
			continue
		case said:
		case name == "app_id":
			v = e.firstApp()
		case name == "huid":
			v = e.firstUser()
		case name == "tp_id":
			v = e.firstTP()
		}
		path = strings.Replace(path, "{"+name+"}", url.PathEscape(textOf(v)), 1)
		delete(params, name)
	}
	if op.method == http.MethodGet || op.method == http.MethodDelete {
		query := url.Values{}
		for name, v := range params {
			query.Set(name, textOf(v))
		}
		if len(query) > 0 {
			path += "?" + query.Encode()
		}
		return op.method, path, nil
	}
	if params == nil {
		params = map[string]any{}
	}
	return op.method, path, params
}
