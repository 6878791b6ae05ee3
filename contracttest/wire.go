package contracttest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// A place says where the parameters of a request stand.
type place string

// The places that clients of the platform use.
const (
	inQuery place = "query"
	inForm  place = "form"
	inJSON  place = "json"
)

// A param is one parameter: its text, and what a JSON body has for it. In a
// query and a form the tail follows the text as it is.
type param struct {
	name, text, tail string
	json             json.RawMessage
}

// A wire is a request before it is bytes. Mutations work on it, one at a time.
type wire struct {
	op     *spec.Operation
	method string
	place  place
	// token is the access token, in the query unless it goes with the rest.
	token      string
	withParams bool
	params     []param
	// examples are the parameters whose values are the contract's examples.
	examples []string
	// unknown says that the server need not accept the values that are no part
	// of a request's form: what they name or sign is not there.
	unknown bool
	// contentType replaces the one of the place; raw replaces the body.
	contentType, raw string
	hasRaw           bool
	// tokenTail follows the token as it is.
	tokenTail string
	// address is where a host has the operation, a path or a whole URL; "" is
	// where the contract has it. header goes along.
	address string
	header  map[string]string
}

// set gives a parameter a value, or adds it.
func (w *wire) set(p param) {
	for i := range w.params {
		if w.params[i].name == p.name {
			w.params[i] = p
			return
		}
	}
	w.params = append(w.params, p)
}

// drop takes a parameter away.
func (w *wire) drop(name string) {
	kept := w.params[:0:0]
	for _, p := range w.params {
		if p.name != name {
			kept = append(kept, p)
		}
	}
	w.params = kept
}

// text writes the parameters as a query or a form.
func text(params []param) string {
	var b strings.Builder
	for _, p := range params {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(p.name) + "=" + url.QueryEscape(p.text) + p.tail)
	}
	return b.String()
}

// object writes the parameters as a JSON object.
func object(params []param) string {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, p := range params {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(quote(p.name))
		b.WriteByte(':')
		if p.json == nil {
			b.Write(quote(p.text))
			continue
		}
		b.Write(p.json)
	}
	b.WriteByte('}')
	return b.String()
}

// quote is a text as JSON, with nothing escaped that need not be.
func quote(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return []byte(`""`) // no string gets here
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// bytes is the request's query, Content-Type and body.
func (w *wire) bytes() (query, contentType string, body []byte) {
	params, token := w.params, []param(nil)
	if w.token != "" {
		t := param{name: w.op.TokenParam, text: w.token, tail: w.tokenTail}
		if w.withParams {
			params = append([]param{t}, params...)
		} else {
			token = []param{t}
		}
	}
	query = text(token)
	switch w.place {
	case inForm:
		contentType, body = "application/x-www-form-urlencoded", []byte(text(params))
	case inJSON:
		contentType, body = "application/json", []byte(object(params))
	default:
		if query != "" && len(params) > 0 {
			query += "&"
		}
		query += text(params)
	}
	if w.hasRaw {
		body = []byte(w.raw)
	}
	if w.contentType != "" {
		contentType = w.contentType
	}
	return query, contentType, body
}

// request makes the request that goes out.
func (w *wire) request(ctx context.Context, base string) (*http.Request, []byte, error) {
	query, contentType, body := w.bytes()
	target := w.target(base)
	if query != "" {
		target += "?" + query
	}
	var reader *bytes.Reader
	if len(body) > 0 {
		reader = bytes.NewReader(body)
	}
	var r *http.Request
	var err error
	if reader == nil {
		r, err = http.NewRequestWithContext(ctx, w.method, target, http.NoBody)
	} else {
		r, err = http.NewRequestWithContext(ctx, w.method, target, reader)
	}
	if err != nil {
		return nil, nil, err
	}
	if contentType != "" && len(body) > 0 {
		r.Header.Set("Content-Type", contentType)
	}
	for name, value := range w.header {
		r.Header.Set(name, value)
	}
	return r, body, nil
}

// target is the address of the request without its query.
func (w *wire) target(base string) string {
	switch {
	case w.address == "":
		return strings.TrimRight(base, "/") + w.op.Path
	case strings.HasPrefix(w.address, "/"):
		return strings.TrimRight(base, "/") + w.address
	}
	return w.address
}

// judge decodes the request again from the wire and says what the contract has
// against it: nil is a valid request.
func (w *wire) judge(ctx context.Context) ([]spec.Issue, error) {
	documented := *w
	documented.address, documented.header = "", nil
	r, body, err := documented.request(ctx, "http://wire.invalid")
	if err != nil {
		return nil, err
	}
	_, issues := against(w.op, r, nil, body)
	return issues, nil
}
