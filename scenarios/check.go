package scenarios

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Checks of what a file means, once its form is known: words of the contract,
// variables, what goes together.

// The sandbox's own app and TP, which are there without being given.
const (
	defaultApp = 1452365
	defaultTP  = 17328232
)

type checker struct {
	c *Contract
	d *decoder
	// apps and tps are those that there are.
	apps, tps []int64
	// So are users and devices.
	users   []int64
	devices map[string]bool
	// known are the variables that can be set at the present place.
	known map[string]bool
}

func newChecker(c *Contract, d *decoder) *checker {
	return &checker{c: c, d: d, known: map[string]bool{}}
}

// complain finds the nearest place that is known for a path.
func (k *checker) complain(path, wrong, expected, near string) {
	at, p := Position{File: k.d.file, Line: 1, Column: 1}, path
	for p != "" {
		if found, ok := k.d.places[p]; ok {
			at = found
			break
		}
		p = p[:max(0, strings.LastIndexAny(p, ".["))]
	}
	k.d.tell(Problem{At: at, Path: path, Wrong: wrong, Expected: expected, Nearest: near})
}

// word checks that a word is known; "" is no word.
func (k *checker) word(path, kind, word string, known []string) {
	if word == "" || slices.Contains(known, word) {
		return
	}
	near, expected := nearest(word, known), ""
	if near == "" && len(known) <= 20 {
		expected = oneOf(known)
	}
	k.complain(path, "unknown "+kind+" "+clip(word), expected, near)
}

// scenario checks all of a file.
func (k *checker) scenario(s *Scenario) {
	k.given(s)
	for i := range s.Platform.Uploads {
		k.decision(fmt.Sprintf("platform.uploads[%d]", i), "upload", &s.Platform.Uploads[i])
	}
	for i := range s.Platform.Audits {
		k.decision(fmt.Sprintf("platform.audits[%d]", i), "audit", &s.Platform.Audits[i])
	}
	k.paymentDecisions(&s.Platform)
	if q := s.Platform.Quotas; q != nil {
		for id, n := range q.Apps {
			path := "platform.quotas.apps." + id
			app, err := strconv.ParseInt(id, 10, 64)
			if err != nil {
				k.complain(path, "the key is no app_id", "a number", "")
				continue
			}
			k.app(path, app)
			if n < 0 {
				k.complain(path, fmt.Sprintf("is the number %d", n), "at least 0", "")
			}
		}
	}
	for i := range s.Platform.Answers {
		k.answer(fmt.Sprintf("platform.answers[%d]", i), &s.Platform.Answers[i])
	}
	for i := range s.Platform.Faults {
		k.fault(fmt.Sprintf("platform.faults[%d]", i), &s.Platform.Faults[i])
	}
	k.usersGiven(&s.Given)
	known := predefined(k.apps, k.tps)
	s.Given.known(known, k.apps)
	for name := range known {
		k.known[name] = true
	}
	k.steps("steps", s.Steps)
}

// given checks what exists, and collects it.
func (k *checker) given(s *Scenario) {
	for i, app := range s.Given.Apps {
		path := fmt.Sprintf("given.apps[%d]", i)
		if app.AppID == 0 {
			continue // there is a complaint already
		}
		if slices.Contains(k.apps, app.AppID) {
			k.complain(path+".app_id", fmt.Sprintf("app %d is given twice", app.AppID), "", "")
			continue
		}
		k.apps = append(k.apps, app.AppID)
	}
	if !slices.Contains(k.apps, defaultApp) {
		k.apps = append(k.apps, defaultApp)
	}
	for i, tp := range s.Given.TPs {
		path := fmt.Sprintf("given.tps[%d]", i)
		if slices.Contains(k.tps, tp.TPID) {
			k.complain(path+".tp_id", fmt.Sprintf("tp %d is given twice", tp.TPID), "", "")
		}
		if tp.TPID != 0 {
			k.tps = append(k.tps, tp.TPID)
		}
		k.tpChange(path, &tp.TPChange)
		for j, id := range tp.Apps {
			k.app(fmt.Sprintf("%s.apps[%d]", path, j), id)
		}
	}
	if !slices.Contains(k.tps, defaultTP) {
		k.tps = append(k.tps, defaultTP)
	}
	k.merchantsGiven(&s.Given)
}

func (k *checker) tpChange(path string, c *TPChange) {
	if c.Inbox && c.PushURL != nil && *c.PushURL != "" {
		k.complain(path+".inbox", "stands beside push_url", "one of the two", "")
	}
}

// app checks that there is such an app; 0 is none.
func (k *checker) app(path string, id int64) { k.id(path, "app", id, k.apps) }

func (k *checker) tp(path string, id int64) { k.id(path, "tp", id, k.tps) }

func (k *checker) id(path, kind string, id int64, known []int64) {
	if id == 0 || slices.Contains(known, id) {
		return
	}
	var texts []string
	for _, one := range known {
		texts = append(texts, strconv.FormatInt(one, 10))
	}
	k.complain(path, fmt.Sprintf("there is no %s %d", kind, id), oneOf(texts), nearest(strconv.FormatInt(id, 10), texts))
}

func (k *checker) decision(path, kind string, d *Decision) {
	k.app(path+".app_id", d.AppID)
	k.outcome(path, kind, d.Result, d.Reason, d.Code)
}

// outcome checks that reason and code go with how something ends.
func (k *checker) outcome(path, kind, result, reason string, code int) {
	if reason != "" && result != "fail" {
		k.complain(path+".reason", "is for what fails", "result: fail", "")
	}
	if code != 0 && (result != "fail" || kind != "upload") {
		k.complain(path+".code", "is for uploads that fail", "", "")
	}
}

// onCall and onSend are what can happen to a call and to a delivery.
func onCall() []string {
	return []string{"latency", "reset", "truncate", "malformed", "status", "refuse", "rate_limit"}
}

func onSend(on string) []string {
	out := []string{"drop", "delay", "duplicate", "reorder", "timeout"}
	switch on {
	case "push":
		out = append(out, "wrong_signature", "stale_timestamp")
	case channelNotify:
		out = append(out, "wrong_signature")
	}
	return out
}

func (k *checker) fault(path string, f *Fault) {
	k.app(path+".app_id", f.AppID)
	possible := onSend(f.On)
	if f.On == "call" {
		possible = onCall()
	}
	if f.On != "" && f.Do != "" && !slices.Contains(possible, f.Do) {
		k.complain(path+".do", fmt.Sprintf("%s does not happen on a %s", f.Do, f.On), oneOf(possible), nearest(f.Do, possible))
	}
	k.word(path+".operation", "operation", f.Operation, k.c.operationNames())
	k.word(path+".event", "event", f.Event, k.c.eventNames(f.On))
	k.word(path+".error", "error", f.Error, k.c.errorNames())
	k.word(path+".transition", "transition", f.Transition, k.c.transitions)
	lasting := []string{"latency", "delay", "reorder", "stale_timestamp"}
	for _, m := range []struct {
		name     string
		given    bool
		fits     bool
		required bool
		with     string
	}{
		{"operation", f.Operation != "", f.On == "call", false, "on: call"},
		{"event", f.Event != "", f.On != "call", false, "on: push, kafka or notify"},
		{"applied", f.Applied, f.On == "call", false, "on: call"},
		{"transition", f.Transition != "", f.On != "call", false, "on: push, kafka or notify"},
		{"delay", f.Delay != nil, slices.Contains(lasting, f.Do), f.Do == "latency" || f.Do == "delay", "do: " + strings.Join(lasting, ", ")},
		{"delay_max", f.DelayMax != nil, f.Delay != nil, false, "delay"},
		{"distribution", f.Distribution != "", f.DelayMax != nil, false, "delay_max"},
		{"status", f.Status != 0, f.Do == "status", true, "do: status"},
		{"error", f.Error != "", f.Do == "refuse", true, "do: refuse"},
	} {
		switch {
		case m.given && !m.fits:
			k.complain(path+"."+m.name, "goes with "+m.with, "", "")
		case !m.given && m.fits && m.required:
			k.complain(path, m.name+" is missing with do: "+f.Do, "", "")
		}
	}
}

// eventNames lists what is sent on a channel.
func (c *Contract) eventNames(channel string) []string {
	switch channel {
	case channelKafka:
		return slices.Sorted(maps.Values(c.notices))
	case channelNotify:
		return c.notifications
	}
	return c.pushes
}

// verbOf finds the verb of a step and what stands beside it.
func verbOf(s *Step) (found, beside []string) {
	v := reflect.ValueOf(s).Elem()
	known := verbs()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if name == "-" || name == "note" || v.Field(i).IsZero() {
			continue
		}
		if _, verb := known[name]; verb {
			found = append(found, name)
		} else {
			beside = append(beside, name)
		}
	}
	return found, beside
}

// Verb is what kind of step it is: call, advance, expect push, …, or note.
func (s *Step) Verb() string {
	if found, _ := verbOf(s); len(found) > 0 {
		return found[0]
	}
	return "note"
}
