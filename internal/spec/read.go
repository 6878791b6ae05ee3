package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
)

// What a malformed part of a request should have been.
const (
	wantText   = "percent-encoded UTF-8 without NUL"
	wantJSON   = "a JSON text in UTF-8"
	wantObject = "a JSON object"
	wantForm   = "a form of named fields"
)

// maxIssues bounds how many issues one request is told.
const maxIssues = 32

// maxLinear is the number of parameters up to which a name is looked up by
// going through them.
const maxLinear = 24

var errTrailing = errors.New("text after the JSON value")

// Read decodes the parameters of a request into one merged set: path
// variables, then query, then a form or JSON body, the later winning where two
// name the same parameter. Parameters that the platform's SDKs add about
// themselves are dropped, a JSON null counts as absent, and parameters the
// contract does not know are kept. The body is the whole body, already read;
// it may be reused after Read returns. The error is an *InvalidError; the set
// that comes with it holds what could be decoded.
func (o *Operation) Read(r *http.Request, vars map[string]string, body []byte) (Params, error) {
	rd := paramReader{op: o, params: make(Params, 0, 8)}
	if o.in&readsPath != 0 {
		for _, name := range o.pathVars {
			if value, ok := vars[name]; ok {
				rd.text(name, value, InPath)
			}
		}
	}
	if o.in&readsQuery != 0 {
		rd.pairs(r.URL.RawQuery, InQuery)
	}
	if len(body) > 0 && o.in&readsBody != 0 {
		rd.body(r.Header.Get("Content-Type"), body)
	}
	return rd.params, invalid(rd.issues)
}

// paramReader collects the parameters of one request.
type paramReader struct {
	op     *Operation
	params Params
	index  map[string]int
	nulls  []string
	issues []Issue
}

func (rd *paramReader) fail(rule Rule, pointer, want string) {
	if len(rd.issues) < maxIssues {
		rd.issues = append(rd.issues, Issue{Rule: rule, Pointer: pointer, Want: want})
	}
}

// find returns the place of a parameter, or -1.
func (rd *paramReader) find(name string) int {
	if rd.index != nil {
		if i, ok := rd.index[name]; ok {
			return i
		}
		return -1
	}
	for i := range rd.params {
		if rd.params[i].Name == name {
			return i
		}
	}
	return -1
}

// add sets a parameter; a name that stands twice in one location is an issue.
func (rd *paramReader) add(p Param) {
	i := rd.find(p.Name)
	if i < 0 {
		rd.params = append(rd.params, p)
		switch {
		case rd.index != nil:
			rd.index[p.Name] = len(rd.params) - 1
		case len(rd.params) > maxLinear:
			rd.index = make(map[string]int, 2*len(rd.params))
			for j := range rd.params {
				rd.index[rd.params[j].Name] = j
			}
		}
		return
	}
	if rd.params[i].In == p.In {
		rd.fail(RuleDuplicate, pointerOf(p.Name), "")
		return
	}
	rd.params[i] = p
}

// text adds a decoded text.
func (rd *paramReader) text(name, value string, in Location) {
	if ignored(name) {
		return
	}
	if !clean(value) {
		rd.fail(RuleMalformed, pointerOf(name), wantText)
		return
	}
	rd.add(Param{Name: name, In: in, Text: value})
}

// pairs reads name=value pairs joined by ampersands.
func (rd *paramReader) pairs(s string, in Location) {
	for s != "" {
		var pair string
		pair, s, _ = strings.Cut(s, "&")
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, ok := unescape(rawName)
		if !ok || !clean(name) {
			rd.fail(RuleMalformed, "", wantText)
			continue
		}
		value, ok := unescape(rawValue)
		if !ok {
			rd.fail(RuleMalformed, pointerOf(name), wantText)
			continue
		}
		rd.text(name, value, in)
	}
}

// The kinds of a body.
type bodyKind uint8

const (
	bodyOther bodyKind = iota
	bodyForm
	bodyJSON
	bodyMultipart
)

// kindOfBody tells the kind of a body by its media type, or, where there is
// none, by how it begins.
func kindOfBody(contentType string, body []byte) bodyKind {
	switch contentType {
	case "application/x-www-form-urlencoded":
		return bodyForm
	case "application/json":
		return bodyJSON
	case "":
		if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
			return bodyJSON
		}
		return bodyForm
	}
	base, _, _ := strings.Cut(contentType, ";")
	base = strings.ToLower(strings.TrimSpace(base))
	switch {
	case base == "application/x-www-form-urlencoded":
		return bodyForm
	case isJSONType(base):
		return bodyJSON
	case base == "multipart/form-data":
		return bodyMultipart
	}
	return bodyOther
}

// isJSONType reports whether a media type without parameters, in lower case,
// is JSON.
func isJSONType(base string) bool {
	return base == "application/json" || strings.HasSuffix(base, "+json") && strings.Contains(base, "/")
}

func (rd *paramReader) body(contentType string, body []byte) {
	kind := kindOfBody(contentType, body)
	plan := rd.op.plan()
	switch {
	case kind == bodyJSON && plan.json:
		rd.object(body)
	case kind == bodyForm && plan.form:
		rd.pairs(string(body), InForm)
	case kind == bodyMultipart && plan.form:
		rd.multipart(contentType, body)
	default:
		rd.fail(RuleMediaType, "", plan.mediaTypes)
	}
}

// multipart reads a multipart form of simple fields; a file is accepted where
// the contract declares a binary property.
func (rd *paramReader) multipart(contentType string, body []byte) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		rd.fail(RuleMalformed, "", wantForm)
		return
	}
	reader := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			rd.fail(RuleMalformed, "", wantForm)
			return
		}
		name := part.FormName()
		value, err := io.ReadAll(part)
		if err != nil || name == "" || !clean(name) {
			rd.fail(RuleMalformed, "", wantForm)
			return
		}
		if part.FileName() == "" {
			rd.text(name, string(value), InForm)
			continue
		}
		if !rd.op.plan().binary(name) {
			rd.fail(RuleMediaType, pointerOf(name), "a field, not a file")
			continue
		}
		rd.add(Param{Name: name, In: InForm, Text: string(value)})
	}
}

// object reads the members of a JSON object.
func (rd *paramReader) object(body []byte) {
	if !utf8.Valid(body) || !json.Valid(body) {
		rd.fail(RuleMalformed, "", wantJSON)
		return
	}
	raw := bytes.Clone(body)
	i := space(raw, 0)
	if raw[i] != '{' {
		rd.fail(RuleMalformed, "", wantObject)
		return
	}
	for i = space(raw, i+1); raw[i] != '}'; {
		end := endOfValue(raw, i)
		name, ok := unquote(raw[i:end])
		start := space(raw, space(raw, end)+1)
		i = endOfValue(raw, start)
		if !ok {
			rd.fail(RuleMalformed, "", wantJSON)
		} else {
			rd.member(name, raw[start:i:i])
		}
		if i = space(raw, i); raw[i] == ',' {
			i = space(raw, i+1)
		}
	}
}

// member adds a member of a JSON body.
func (rd *paramReader) member(name string, value json.RawMessage) {
	if ignored(name) {
		return
	}
	if value[0] == 'n' {
		for _, seen := range rd.nulls {
			if seen == name {
				rd.fail(RuleDuplicate, pointerOf(name), "")
				return
			}
		}
		if i := rd.find(name); i >= 0 && rd.params[i].In == InJSON {
			rd.fail(RuleDuplicate, pointerOf(name), "")
		} else if len(rd.nulls) < maxLinear {
			rd.nulls = append(rd.nulls, name)
		}
		return
	}
	for _, seen := range rd.nulls {
		if seen == name {
			rd.fail(RuleDuplicate, pointerOf(name), "")
			return
		}
	}
	p := Param{Name: name, In: InJSON, JSON: value}
	if value[0] == '"' {
		text, ok := unquote(value)
		if !ok {
			rd.fail(RuleMalformed, pointerOf(name), wantJSON)
			return
		}
		p.Text = text
	} else if hasNUL(value) {
		rd.fail(RuleMalformed, pointerOf(name), wantJSON)
		return
	}
	rd.add(p)
}

// ignored names the parameters that the platform's SDKs add about themselves.
func ignored(name string) bool {
	switch name {
	case "sp_sdk_ver", "sp_sdk_lang", "sdk.version", "sdk.type":
		return true
	}
	return false
}

// clean reports whether a text is UTF-8 without NUL.
func clean(s string) bool {
	return strings.IndexByte(s, 0) < 0 && utf8.ValidString(s)
}

// unescape decodes a name or a value of a query or a form.
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, true
	}
	out, err := url.QueryUnescape(s)
	return out, err == nil
}

// binary reports whether a property takes a file.
func (p *plan) binary(name string) bool {
	i, ok := p.index[name]
	if !ok || p.props[i].ref == nil || p.props[i].ref.Value == nil {
		return false
	}
	s := p.props[i].ref.Value
	return s.Type.Is(openapi3.TypeString) && s.Format == "binary"
}
