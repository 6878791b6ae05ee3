package scenarios

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// answer is what comes back for a call.
type answer struct {
	status int
	body   any
	text   string
	// broken says why there is no whole answer; "" when there is one.
	broken string
}

// send makes a call. Parameters of a GET stand in the query; those of a POST
// where via says, the token in the query.
func (e *engine) send(ctx context.Context, op *operation, with map[string]any, token, via string) (answer, error) {
	query, form := url.Values{}, url.Values{}
	if token != "" {
		query.Set(op.tokenParam, token)
	}
	inQuery := op.method == http.MethodGet || via == "query"
	members := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(with)) {
		switch {
		case inQuery || name == op.tokenParam:
			query.Set(name, textOf(with[name]))
		case via == "json":
			members[name] = with[name]
		default:
			form.Set(name, textOf(with[name]))
		}
	}
	target := e.box.base() + op.path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	body, mediaType := "", ""
	switch {
	case inQuery:
	case via == "json":
		body, mediaType = encodeJSON(members), "application/json"
	case len(form) > 0:
		body, mediaType = form.Encode(), "application/x-www-form-urlencoded"
	}
	e.curl = curlLine(op.method, target, mediaType, body)
	req, err := http.NewRequestWithContext(ctx, op.method, target, strings.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("call %s: %w", op.id, err)
	}
	// A client that sends a call again by itself, as it may on a connection it
	// has used before, would hide what went wrong.
	req.Close = true
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	resp, err := e.box.client().Do(req)
	if err != nil {
		return brokenAnswer(ctx, err)
	}
	data, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close() // everything is read, or nothing more will come
	if err != nil {
		return brokenAnswer(ctx, err)
	}
	a := answer{status: resp.StatusCode, text: string(data)}
	if len(bytes.TrimSpace(data)) > 0 {
		if a.body, err = decodeJSON(data); err != nil {
			a.broken = "the answer is no JSON: " + clip(string(data))
		}
	}
	return a, nil
}

// brokenAnswer is a call without a whole answer; it is an error only when the
// run was cancelled.
func brokenAnswer(ctx context.Context, err error) (answer, error) {
	if ctx.Err() != nil {
		return answer{}, ctx.Err()
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err // the URL has the token in it
	}
	var inner *net.OpError
	if errors.As(err, &inner) {
		err = inner.Err // the ports are others each time
	}
	return answer{broken: err.Error()}, nil
}

// curlLine is a command that makes the same call.
func curlLine(method, target, mediaType, body string) string {
	line := "curl -sS"
	if method != http.MethodGet && (method != http.MethodPost || body == "") {
		line += " -X " + method
	}
	if mediaType == "application/json" {
		line += " -H " + quote("Content-Type: application/json")
	}
	if body != "" {
		line += " --data-raw " + quote(body)
	}
	return line + " " + quote(target)
}

// quote makes one word of a text for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// refusalText says how an answer is refused.
func (e *engine) refusalText(a answer) string {
	members := nested(a.body)
	for _, pair := range [][2]string{{"errno", "msg"}, {"error_code", "error_msg"}, {"error", "error_description"}} {
		if code, ok := members[pair[0]]; ok {
			text := members[pair[1]]
			if text == nil {
				text = members["errmsg"] // of hosts
			}
			return strings.TrimSpace(textOf(code) + " " + textOf(text))
		}
	}
	return fmt.Sprintf("HTTP %d", a.status)
}

// call makes a scenario's call and holds the answer against what is expected.
func (e *engine) call(ctx context.Context, s *Step) (*Failure, error) {
	op := e.contract.operations[s.Call]
	if op == nil {
		return e.fail(s, "the target has no operation "+s.Call), nil
	}
	if err := e.refresh(ctx); err != nil {
		return nil, err
	}
	with, err := e.vars.expand(s.With)
	if err != nil {
		return e.fail(s, err.Error()), nil
	}
	expected, err := e.vars.expand(s.Expect)
	if err != nil {
		return e.fail(s, err.Error()), nil
	}
	params, err := e.withBesides(with, s.Besides)
	if err != nil {
		return e.fail(s, err.Error()), nil
	}
	if params, err = e.signed(op, params, s.As); err != nil {
		return e.fail(s, err.Error()), nil
	}
	who := e.actorFor(op, s.As)
	token := ""
	if _, given := params[op.tokenParam]; !given || op.tokenParam == "" {
		if token, err = e.token(ctx, who); err != nil {
			return e.fail(s, err.Error()), nil
		}
	}
	mark := len(e.entries)
	a, err := e.send(ctx, op, params, token, s.Via)
	if err != nil {
		return nil, err
	}
	curl := e.curl
	if err := e.quietSync(ctx); err != nil {
		return nil, err
	}
	outcome := e.exchangeSince(mark, op.id)
	mismatches := e.judge(a, outcome, expected)
	line := Line{At: e.now, Kind: "call", From: who.String(), To: "platform", What: callText(op, params), OK: len(mismatches) == 0}
	line.Outcome = e.outcomeText(a, outcome)
	if len(mismatches) == 0 {
		if err := e.save(s.Save, a.body); err != nil {
			line.OK = false
			e.line(line)
			f := e.fail(s, err.Error())
			f.Curl, f.Answer = curl, a.text
			return f, nil
		}
	}
	e.line(line)
	e.told(mark)
	if len(mismatches) > 0 {
		f := e.fail(s, unlike(op.id, line.Outcome))
		f.Mismatches, f.Curl, f.Answer = mismatches, curl, a.text
		if f.Answer == "" {
			f.Answer = a.broken
		}
		return f, nil
	}
	return nil, nil
}

// withBesides adds the parameters that the contract does not have.
func (e *engine) withBesides(with any, besides map[string]any) (map[string]any, error) {
	params, _ := with.(map[string]any)
	if len(besides) == 0 {
		return params, nil
	}
	more, err := e.vars.expand(besides)
	if err != nil {
		return nil, err
	}
	params = maps.Clone(params)
	if params == nil {
		params = map[string]any{}
	}
	also, _ := more.(map[string]any)
	maps.Copy(params, also)
	return params, nil
}

// unlike says that an answer is not as expected.
func unlike(operation, outcome string) string {
	if outcome == "ok" {
		return "the answer of " + operation + " is not as expected"
	}
	return operation + " did not end as expected: " + outcome
}

// callText says what is called, with the parameters that tell most.
func callText(op *operation, params map[string]any) string {
	text := op.id
	for _, name := range []string{"app_id", "app_ids", "package_id", "user_version", "type", "grant_type", "id_list", "tpOrderId", "bannedChannels", "bizRefundBatchId"} {
		if v, ok := params[name]; ok {
			text += " " + clip(textOf(v))
		}
	}
	return text
}

func (e *engine) outcomeText(a answer, outcome string) string {
	if a.broken != "" {
		return "no answer: " + a.broken
	}
	names, refused := e.contract.refusedAs(a.status, a.body)
	if !refused {
		return "ok"
	}
	return strings.TrimSpace("refused " + e.refusalName(names, outcome) + " " + e.refusalText(a))
}

// refusalName is the name of a refusal: by the journal where it is one of
// those that the answer can be, else the first of them.
func (e *engine) refusalName(names []string, outcome string) string {
	switch {
	case slices.Contains(names, outcome):
		return outcome
	case len(names) > 0:
		return names[0]
	case outcome == "ok":
		return ""
	}
	return outcome
}

// judge compares an answer with what is expected of it. Without a word about
// refusals it must not be one.
func (e *engine) judge(a answer, outcome string, expected any) []Mismatch {
	want, _ := expected.(map[string]any)
	want = maps.Clone(want)
	var out []Mismatch
	status, statusSaid := want["http"]
	if statusSaid {
		out = append(out, match(status, json.Number(fmt.Sprint(a.status)), "http")...)
		delete(want, "http")
	}
	switch broken := want["broken"] == true; {
	case broken && a.broken == "":
		return append(out, Mismatch{"", "no whole answer", "HTTP " + fmt.Sprint(a.status) + " " + a.text})
	case !broken && a.broken != "":
		return append(out, Mismatch{"", "an answer", a.broken})
	case broken:
		return out
	}
	names, refused := e.contract.refusedAs(a.status, a.body)
	how, said := want["refused"]
	delete(want, "refused")
	switch {
	case said && how != false:
		out = append(out, e.judgeRefusal(how, a, names, refused, outcome)...)
	case refused && !mentionsRefusal(want) && !statusSaid:
		out = append(out, Mismatch{"", "success", "refused: " + e.refusalText(a)})
	}
	return append(out, match(want, a.body, "")...)
}

// mentionsRefusal reports whether an expectation is about refusals itself.
func mentionsRefusal(want map[string]any) bool {
	want = nested(want)
	for _, name := range []string{"errno", "error_code", "error"} {
		if _, ok := want[name]; ok {
			return true
		}
	}
	return false
}

// judgeRefusal compares how an answer is refused with how it should be: true,
// a name of the catalogue or a number.
func (e *engine) judgeRefusal(how any, a answer, names []string, refused bool, outcome string) []Mismatch {
	actual := "success"
	if refused {
		actual = e.refusalText(a)
		if name := e.refusalName(names, outcome); name != "" {
			actual = name + " (" + actual + ")"
		}
	}
	switch how := how.(type) {
	case bool:
		if refused {
			return nil
		}
	case string:
		alike := slices.Contains(names, how)
		if alike && (outcome == how || !slices.Contains(names, outcome)) {
			return nil
		}
	case json.Number:
		members := nested(a.body)
		for _, name := range []string{"errno", "error_code"} {
			if equal(how, members[name]) {
				return nil
			}
		}
	}
	return []Mismatch{{"refused", textOf(how), actual}}
}

// save sets variables from an answer.
func (e *engine) save(paths map[string]string, body any) error {
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		v, err := lookup(body, paths[name])
		if err != nil {
			return fmt.Errorf("save %s: %w", name, err)
		}
		e.vars[name] = v
	}
	return nil
}
