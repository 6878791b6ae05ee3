package scenarios

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Checks of steps.

func (k *checker) steps(path string, steps []Step) {
	for i := range steps {
		k.step(fmt.Sprintf("%s[%d]", path, i), &steps[i])
	}
}

func (k *checker) step(path string, s *Step) {
	found, beside := verbOf(s)
	known := slices.Sorted(maps.Keys(verbs()))
	switch {
	case len(found) > 1:
		k.complain(path, "has "+strings.Join(found, " and "), "one of them, the other in a step of its own", "")
		return
	case len(found) == 0 && (s.Note == "" || len(beside) > 0):
		if !k.complained(path) {
			k.complain(path, "does nothing", oneOf(known)+" or note", "")
		}
		return
	case len(found) == 0:
		return
	}
	verb := found[0]
	for _, name := range beside {
		if !slices.Contains(verbs()[verb], name) {
			k.complain(path+"."+name, "does not go with "+verb, oneOf(verbs()[verb]), "")
		}
	}
	switch verb {
	case "call":
		k.call(path, s)
	case "order":
		k.orderStep(path, s)
	case "decide":
		k.decide(path+".decide", s.Decide)
	case "set app":
		k.app(path+".set app.app_id", s.SetApp.AppID)
	case "set tp":
		k.tp(path+".set tp.tp_id", s.SetTP.TPID)
		k.tpChange(path+".set tp", &s.SetTP.TPChange)
	case "set merchant":
		k.merchantChange(path+".set merchant", &s.SetMerchant.MerchantChange)
	case "fault":
		k.fault(path+".fault", s.Fault)
	case "authorize":
		k.app(path+".authorize.app_id", s.Authorize.AppID)
		k.tp(path+".authorize.tp_id", s.Authorize.TPID)
		k.variables(path+".authorize.pre_auth_code", s.Authorize.PreAuthCode)
	case "revoke":
		k.app(path+".revoke.app_id", s.Revoke.AppID)
		k.tp(path+".revoke.tp_id", s.Revoke.TPID)
	case "login":
		k.login(path+".login", s.Login)
	case "asks", "will answer", "set grant", "set scope", "decrypt":
		k.userData(path, verb, s)
	case "expect push":
		k.push(path+".expect push", s.ExpectPush)
	case "expect no push":
		k.push(path+".expect no push", s.ExpectNoPush)
	case "expect kafka":
		k.kafka(path+".expect kafka", s.ExpectKafka)
	case "expect no kafka":
		k.kafka(path+".expect no kafka", s.ExpectNoKafka)
	case "expect notify":
		k.notify(path+".expect notify", s.ExpectNotify)
	case "expect no notify":
		k.notify(path+".expect no notify", s.ExpectNoNotify)
	case "expect state":
		k.state(path+".expect state", s.ExpectState)
	case "called":
		k.word(path+".called.operation", "operation", s.Called.Operation, k.c.operationNames())
		k.word(path+".called.outcome", "outcome", s.Called.Outcome, append(k.c.errorNames(), "ok"))
		k.app(path+".called.app_id", s.Called.AppID)
		k.matchers(path+".called.times", s.Called.Times)
	case "let":
		k.let(path, s.Let)
	case "parallel":
		for i, branch := range s.Parallel {
			k.steps(fmt.Sprintf("%s.parallel[%d]", path, i), branch)
		}
	case "repeat":
		k.known["round"] = true
		k.steps(path+".repeat.steps", s.Repeat.Steps)
	}
	k.save(path, s.Save)
}

// complained reports whether something at a path or below it was wrong already,
// so that what seems to be missing was there.
func (k *checker) complained(path string) bool {
	return slices.ContainsFunc(k.d.problems, func(p Problem) bool {
		return p.Path == path || strings.HasPrefix(p.Path, path+".")
	})
}

// save makes variables known from here on.
func (k *checker) save(path string, save map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(save)) {
		k.define(path+".save."+name, name)
	}
}

func (k *checker) let(path string, let map[string]any) {
	k.variables(path+".let", let)
	for _, name := range slices.Sorted(maps.Keys(let)) {
		k.define(path+".let."+name, name)
	}
}

// define makes a variable known.
func (k *checker) define(path, name string) {
	if "$"+name != reference.FindString("$"+name) {
		k.complain(path, "is no name of a variable", "letters, digits and _", "")
	}
	k.known[name] = true
}

func (k *checker) call(path string, s *Step) {
	k.word(path+".call", "operation", s.Call, k.c.operationNames())
	op := k.c.operations[s.Call]
	if op != nil {
		params := op.params
		if op.tokenParam != "" {
			params = append(slices.Clone(params), op.tokenParam)
		}
		for _, name := range slices.Sorted(maps.Keys(s.With)) {
			k.word(path+".with."+name, "parameter", name, params)
		}
		if s.Via != "" && op.method == "GET" && s.Via != "query" {
			k.complain(path+".via", s.Call+" is a GET", "query", "")
		}
	}
	k.variables(path+".with", s.With)
	k.variables(path+".besides", s.Besides)
	if s.As != nil {
		k.app(path+".as.app_id", s.As.AppID)
		k.tp(path+".as.tp_id", s.As.TPID)
	}
	k.expectation(path+".expect", s.Expect)
}

// expectation checks what is expected of an answer.
func (k *checker) expectation(path string, expect map[string]any) {
	for _, name := range slices.Sorted(maps.Keys(expect)) {
		at := join(path, name)
		switch v := expect[name].(type) {
		case string:
			if name == "refused" && !strings.HasPrefix(v, "$") {
				k.word(at, "error", v, k.c.errorNames())
				continue
			}
		case bool, json.Number:
		default:
			if name == "refused" || name == "broken" {
				k.complain(at, "is no single value", "the name of an error, an errno or true", "")
				continue
			}
		}
		if name == "broken" && expect[name] != true {
			k.complain(at, "is "+encodeJSON(expect[name]), "true", "")
		}
		k.matchers(at, expect[name])
	}
}

// matchers checks the operators and the variables in what is expected.
func (k *checker) matchers(path string, v any) {
	switch v := v.(type) {
	case string:
		k.variables(path, v)
	case []any:
		for i, one := range v {
			k.matchers(fmt.Sprintf("%s[%d]", path, i), one)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			at := join(path, name)
			if strings.HasPrefix(name, "$") {
				k.operator(at, name, v[name], isMatcher(v))
			}
			k.matchers(at, v[name])
		}
	}
}

func (k *checker) operator(path, name string, arg any, alone bool) {
	if !slices.Contains(operators(), name) {
		k.complain(path, "unknown matcher "+clip(name), "", nearest(name, operators()))
		return
	}
	if !alone {
		k.complain(path, "stands among members", "matchers only, or members only", "")
	}
	pattern, isText := arg.(string)
	wrong := ""
	switch name {
	case "$match":
		if _, err := regexp.Compile(pattern); !isText || err != nil {
			wrong = "a regular expression"
		}
	case "$gt", "$gte", "$lt", "$lte":
		if _, isNumber := arg.(json.Number); !isNumber && !isText {
			wrong = "a number or a text"
		}
	case "$in":
		if _, isList := arg.([]any); !isList {
			wrong = "a list"
		}
	case "$any", "$absent":
		if _, isBool := arg.(bool); !isBool {
			wrong = "true or false"
		}
	case "$type":
		types := []string{"string", "number", "boolean", "array", "object", "null"}
		if !slices.Contains(types, pattern) {
			wrong = oneOf(types)
		}
	}
	if wrong != "" {
		k.complain(path, "is "+clip(encodeJSON(arg)), wrong, "")
	}
}

// variables checks that every variable in a value can be set here.
func (k *checker) variables(path string, v any) {
	switch v := v.(type) {
	case string:
		for _, ref := range reference.FindAllString(v, -1) {
			name := nameOf(ref)
			if ref == "$$" || k.known[name] {
				continue
			}
			known := slices.Sorted(maps.Keys(k.known))
			near := nearest(name, known)
			if near != "" {
				near = "$" + near
			}
			k.complain(path, "variable "+ref+" is set nowhere before", "$$ for a dollar sign", near)
		}
	case []any:
		for i, one := range v {
			k.variables(fmt.Sprintf("%s[%d]", path, i), one)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			k.variables(join(path, name), v[name])
		}
	}
}

func (k *checker) push(path string, e *PushExpected) {
	k.word(path+".event", "event", e.Event, k.c.pushes)
	k.variables(path+".app_id", string(e.AppID))
	k.variables(path+".tp_id", string(e.TPID))
	k.matchers(path+".reason", e.Reason)
	k.matchers(path+".data", e.Data)
}

func (k *checker) kafka(path string, e *KafkaExpected) {
	if _, ok := k.c.notices[e.Code]; !ok && len(k.c.notices) > 0 {
		var codes []string
		for _, code := range slices.Sorted(maps.Keys(k.c.notices)) {
			codes = append(codes, fmt.Sprintf("%d (%s)", code, k.c.notices[code]))
		}
		k.complain(path+".code", fmt.Sprintf("no notice has the code %d", e.Code), oneOf(codes), "")
	}
	k.matchers(path+".data", e.Data)
}

func (k *checker) state(path string, e *StateExpected) {
	k.app(path+".app_id", e.AppID)
	k.variables(path+".package", string(e.Package))
	k.variables(path+".tp_order_id", e.TPOrderID)
	states := k.c.states
	if e.TPOrderID != "" {
		states = k.c.orderStates
	}
	if len(states) > 0 {
		k.word(path+".state", "state", e.State, append(slices.Clone(states), stateAbsent))
	}
	named := e.Package != "" || e.Version != "" || e.TPOrderID != ""
	if e.TPOrderID != "" && (e.Package != "" || e.Version != "") {
		k.complain(path+".tp_order_id", "stands beside a package", "one of the two", "")
	}
	switch {
	case k.complained(path):
	case !named && e.App == nil:
		k.complain(path, "says nothing", "package, version or tp_order_id with state, or app", "")
	case named && e.State == "":
		k.complain(path, "state is missing", "", "")
	case !named && e.State != "":
		k.complain(path+".state", "is of nothing", "package, version or tp_order_id beside it", "")
	}
	k.matchers(path+".app", e.App)
}

// stateAbsent is the state of a package that is not there any more.
const stateAbsent = "absent"
