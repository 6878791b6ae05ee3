package contracttest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// How an Observer looks at a request and at its answer.

// unknown looks at a request that the contract has no operation for.
func (j *jotting) unknown(r *http.Request, m spec.Match) {
	if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
		j.unjudged("a browser asks what it may send")
		return
	}
	f := Finding{Check: "request.path", Side: ClientSide, Actual: r.Method + " " + j.path, SpecPointer: "#/paths"}
	if len(m.Allow) > 0 {
		f.Message, f.Expected = "a method that the path does not have", strings.Join(m.Allow, " or ")+" "+j.path
		f.SpecPointer = "#/paths/" + strings.ReplaceAll(strings.ReplaceAll(r.URL.Path, "~", "~0"), "/", "~1")
		j.fail(f)
		if j.x.Outcome == Accepted {
			j.fail(Finding{
				Check: "request.accepted", Expected: "refused", Actual: f.Actual + " " + string(Accepted), SpecPointer: f.SpecPointer,
				Message: "a method that the path does not have is accepted",
			})
		}
		return
	}
	f.Message, f.Expected = "a path that the contract does not have", "a path of the contract"
	paths := map[string]string{}
	for _, op := range j.contract.Operations() {
		if paths[op.Path] == "" {
			paths[op.Path] = op.Method + " " + op.Path + " (" + op.ID + ")"
		}
	}
	known := make([]string, 0, len(paths))
	for p := range paths {
		known = append(known, p)
	}
	slices.Sort(known)
	if near := spec.Nearest(r.URL.Path, known); near != "" {
		f.Expected += "; the nearest is " + paths[near]
	}
	j.fail(f)
}

// request looks at a request, and at whether the server made of it what it had
// to.
func (j *jotting) request(r *http.Request, m spec.Match) spec.Params {
	op, x := m.Operation, j.x
	if cut(x.Body, x.BodySize) {
		j.unjudged("%s", missing("the request", x.Body, x.BodySize, x.Notes))
		params, _ := op.Read(r, m.Vars, nil)
		j.learnAll(params)
		return params
	}
	params, issues, lacks := j.issues(op, r, m.Vars)
	j.learnAll(params)
	j.saw("request.valid")
	for _, issue := range issues {
		j.fail(Finding{
			Check: "request.valid", Side: ClientSide, ValuePointer: issue.Pointer, SpecPointer: j.pointer(op, issue), Evidence: j.evidence(op, issue),
			Expected: issue.Want, Message: "the request breaks the contract: " + issue.String(),
		})
	}
	if op.Secured {
		j.saw("request.token")
	}
	if lacks != "" {
		j.fail(Finding{
			Check: "request.token", Side: ClientSide, Expected: lacks, Actual: "none", Message: "the call carries no token",
		})
	}
	if x.Fault != NoFault || x.Outcome == Throttled || x.Outcome == Crashed {
		return params
	}
	switch {
	case len(issues) > 0 || lacks != "":
		j.mustRefuse(op, issues)
	default:
		j.mustNotRefuse(op, params)
	}
	return params
}

// missing says why a request or an answer is not judged of which a part is
// missing.
func missing(what string, body []byte, size int64, notes []string) string {
	out := fmt.Sprintf("%s: %d bytes of its body are not here", what, size-int64(len(body)))
	if len(notes) > 0 {
		out += " (" + strings.Join(notes, ", ") + ")"
	}
	return out
}

// issues are what the contract has against a request, and the credentials that
// it lacks.
func (j *jotting) issues(op *spec.Operation, r *http.Request, vars map[string]string) (spec.Params, []spec.Issue, string) {
	if !j.contract.Platform() {
		params, _ := op.Read(r, vars, j.x.Body)
		issues := issuesOf(op.ValidateRequest(r, vars, j.x.Body))
		return params, j.withoutMarks(issues, r, params), strings.Join(op.MissingCredentials(r), " or ")
	}
	params, issues := against(op, r, vars, j.x.Body)
	lacks := ""
	if op.Secured && op.TokenParam != "" && params.Text(op.TokenParam) == "" {
		lacks = op.TokenParam
	}
	return params, j.withoutMarks(issues, r, params), lacks
}

// withoutMarks leaves out what is wrong with a value in whose place a name
// stands.
func (j *jotting) withoutMarks(issues []spec.Issue, r *http.Request, params spec.Params) []spec.Issue {
	if !j.options.Redacted {
		return issues
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		query = url.Values{}
	}
	return slices.DeleteFunc(issues, func(issue spec.Issue) bool {
		name := strings.TrimPrefix(issue.Pointer, "/")
		if p, ok := params.Get(name); ok && isMark(p.Text) {
			return true
		}
		in, inner, _ := strings.Cut(name, "/")
		text, _ := spec.TextAt(j.x.Body, "/"+inner)
		return in == "query" && isMark(query.Get(inner)) || in == "body" && isMark(text) || in == "header" && isMark(r.Header.Get(inner))
	})
}

// pointer says where the contract asks for what an issue is about.
func (j *jotting) pointer(op *spec.Operation, issue spec.Issue) string {
	if f, ok := j.fields[op.ID][fieldOf(issue.Pointer)]; ok {
		return f.Pointer
	}
	return op.Pointer()
}

func (j *jotting) evidence(op *spec.Operation, issue spec.Issue) spec.Evidence {
	if f, ok := j.fields[op.ID][fieldOf(issue.Pointer)]; ok {
		return f.Evidence
	}
	return op.Evidence
}

// fieldOf is the name of the parameter that a pointer begins with.
func fieldOf(pointer string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
	return strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
}

// mustRefuse looks whether the server refused what breaks the contract.
func (j *jotting) mustRefuse(op *spec.Operation, issues []spec.Issue) {
	j.saw("request.accepted")
	if j.x.Outcome != Accepted {
		return
	}
	if len(issues) == 0 {
		j.fail(Finding{Check: "request.accepted", Expected: string(Unauthenticated), Actual: j.in.String(), Message: "a call without a token is accepted"})
		return
	}
	j.fail(Finding{
		Check: "request.accepted", ValuePointer: issues[0].Pointer, SpecPointer: j.pointer(op, issues[0]), Evidence: j.evidence(op, issues[0]),
		Expected: string(Refused), Actual: j.in.String(), Message: "an invalid request is accepted: " + issues[0].String(),
	})
}

// mustNotRefuse looks whether the server refused for its form what is valid.
// That is certain only where nothing but the schema can stand behind the
// refusal: a server has rules that no schema says, and answers them alike.
func (j *jotting) mustNotRefuse(op *spec.Operation, params spec.Params) {
	env, ok := j.contract.Envelope(op.Envelope)
	if !ok {
		return
	}
	if slices.ContainsFunc(params, func(p spec.Param) bool { return p.Name != op.TokenParam && j.isName(p.Text) }) {
		return // nobody knows what stood there
	}
	j.saw("request.refused")
	given := slices.DeleteFunc(slices.Clone(params), func(p spec.Param) bool { return p.Name == op.TokenParam })
	var certain []string
	for _, stage := range []string{"method", "not_found", "type"} {
		if env.Refusals[stage] != env.Refusals["invalid"] {
			certain = append(certain, env.Refusals[stage])
		}
	}
	if len(given) == 0 {
		certain = append(certain, env.Refusals["invalid"])
	}
	if j.x.Outcome != Refused || len(j.in.verdict.errors) == 0 {
		return
	}
	for _, name := range j.in.verdict.errors {
		// The same code may be another of the operation's errors.
		if !slices.Contains(certain, name) && slices.Contains(op.Errors, name) {
			return
		}
	}
	if !slices.ContainsFunc(j.in.verdict.errors, func(name string) bool { return slices.Contains(certain, name) }) {
		return
	}
	j.fail(Finding{
		Check: "request.refused", Expected: "anything but a refusal for its form", Actual: j.in.String(),
		Message: "a request that the contract has nothing against is refused for its form",
	})
}

// answer looks at an answer.
func (j *jotting) answer(params spec.Params) {
	x := j.x
	switch {
	case x.Fault == GivenUp, x.Fault == NotReached:
		j.unjudged("the answer: %s", x.Fault)
		return
	case x.Method == http.MethodHead:
		j.unjudged("the answer: there is none to HEAD but its header")
		return
	case x.Status == http.StatusTooManyRequests:
		j.unjudged("the answer: the server throttles, which any server may")
		return
	case x.Status == http.StatusSwitchingProtocols:
		j.unjudged("the answer: the connection has become another one")
		return
	case x.Fault == NoFault && cut(x.Answer, x.AnswerSize):
		j.unjudged("%s", missing("the answer", x.Answer, x.AnswerSize, x.Notes))
		return
	}
	(&look{j.judge, j}).inspect(j.in, j.sent(params))
	if x.Fault != NoFault {
		return
	}
	j.packages(params)
	j.undocumented(params)
}

// sent are the secrets that the request carries and the answer must not hold.
func (j *jotting) sent(params spec.Params) []string {
	var out []string
	for _, p := range params {
		if j.in.op.Secret(p.Name) && len(p.Text) >= shortest && !j.isName(p.Text) {
			out = append(out, p.Text)
		}
	}
	return out
}

// undocumented looks for what the contract neither has nor forbids.
func (j *jotting) undocumented(params spec.Params) {
	if !j.options.Undocumented {
		return
	}
	op, x := j.in.op, j.x
	j.saw("traffic.parameter")
	j.saw("traffic.field")
	for _, p := range params {
		if _, known := j.fields[op.ID][p.Name]; known || p.Name == op.TokenParam {
			continue
		}
		j.fail(Finding{
			Check: "traffic.parameter", Side: ClientSide, ValuePointer: "/" + strings.ReplaceAll(strings.ReplaceAll(p.Name, "~", "~0"), "/", "~1"),
			Actual: fmt.Sprintf("a parameter in the %s", p.In), Message: "a parameter that the contract does not have: " + p.Name,
		})
	}
	for _, pointer := range op.UndocumentedFields(x.Status, x.AnswerHeader.Get("Content-Type"), j.in.answer) {
		if slices.ContainsFunc(j.seen.Findings, func(f Finding) bool { return general(f.ValuePointer) == pointer }) {
			continue // the schema forbids it
		}
		j.fail(Finding{
			Check: "traffic.field", ValuePointer: pointer, SpecPointer: fmt.Sprintf("%s/responses/%d", op.Pointer(), x.Status),
			Actual: "there", Message: "a member that the contract does not describe: " + pointer,
		})
	}
}
