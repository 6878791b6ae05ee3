package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// wire holds the wire forms of a contract: how successes are wrapped and what
// each refusal looks like, rendered once. It is the one place where answers
// get their form.
type wire struct {
	refusals map[string]*refusalForm
	success  map[string]*successForm
	// evidence holds the value of the header for each evidence.
	evidence map[spec.Evidence][]string
}

// refusalForm is a refusal as it goes over the wire; a detail goes between
// before and after.
type refusalForm struct {
	def           spec.ErrorDef
	header        [][2]string
	whole         []byte
	before, after []byte
	gateway       bool
	code          any // its number or name on the wire; nil where it has none
}

// successForm wraps a result: whole stands alone, before and '}' surround it.
type successForm struct {
	env           *spec.Envelope
	whole, before []byte
}

// bareForm wraps nothing.
var bareForm = &successForm{whole: []byte("{}")}

func newWire(c *spec.Contract) (*wire, error) {
	w := &wire{refusals: map[string]*refusalForm{}, success: map[string]*successForm{}, evidence: evidenceTexts(c)}
	for _, def := range c.Errors() {
		w.refusals[def.Name] = newRefusalForm(def)
	}
	for _, op := range c.Operations() {
		env, ok := c.Envelope(op.Envelope)
		if !ok {
			return nil, fmt.Errorf("operation %s: x-envelope %q is not among x-envelopes", op.ID, op.Envelope)
		}
		f := &successForm{env: env, whole: []byte("{}")}
		if len(env.Success) > 0 {
			f.whole = object(env.Success)
		}
		if env.Data != "" {
			f.before = append(bytes.Clone(f.whole[:len(f.whole)-1]), ',')
			f.before = append(append(f.before, quote(env.Data)...), ':')
		}
		w.success[env.Name] = f
	}
	return w, nil
}

func newRefusalForm(def spec.ErrorDef) *refusalForm {
	f := &refusalForm{def: def, whole: object(def.Body)}
	for name, value := range def.Header {
		f.header = append(f.header, [2]string{name, value})
	}
	for i, m := range def.Body {
		f.gateway = f.gateway || m.Name == "error_code"
		if m.Name == "errno" || m.Name == "error_code" || m.Name == "error" {
			f.code = strings.Trim(string(m.Value), `"`)
			if number, err := strconv.Atoi(string(m.Value)); err == nil {
				f.code = number
			}
		}
		if m.Name == def.Detail && len(m.Value) >= 2 && m.Value[0] == '"' {
			head := object(def.Body[:i+1])
			f.before = head[:len(head)-2] // up to the closing quote of the text
			f.after = f.whole[len(f.before):]
		}
	}
	return f
}

// render returns the body with the detail in its place.
func (f *refusalForm) render(detail string) []byte {
	if detail == "" || f.before == nil {
		return f.whole
	}
	text, err := marshal("：" + detail)
	if err != nil {
		return f.whole
	}
	b := make([]byte, 0, len(f.whole)+len(text))
	b = append(b, f.before...)
	b = append(b, text[1:len(text)-1]...)
	return append(b, f.after...)
}

// wrap returns the body of a success.
func (f *successForm) wrap(data []byte) []byte {
	switch {
	case f.before == nil && data == nil:
		return f.whole
	case f.before == nil:
		return data
	case data == nil:
		return f.whole
	}
	b := make([]byte, 0, len(f.before)+len(data)+1)
	b = append(b, f.before...)
	b = append(b, data...)
	return append(b, '}')
}

// quote writes a text as a JSON string.
func quote(text string) []byte {
	b, err := marshal(text)
	if err != nil {
		return []byte(`""`) // any text can be written
	}
	return b
}

func object(members []spec.Member) []byte {
	b := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, quote(m.Name)...), ':'), m.Value...)
	}
	return append(b, '}')
}

// message is a refusal's text as the platform would show it.
func (e *Emulator) message(err error) string {
	var r *Refusal
	if !errors.As(err, &r) || e.program().wire.refusals[r.Name] == nil {
		return err.Error()
	}
	f := e.program().wire.refusals[r.Name]
	for _, m := range f.def.Body {
		var text string
		if json.Unmarshal(m.Value, &text) == nil {
			return strings.TrimSuffix(text+"："+r.Detail, "：")
		}
	}
	return r.Error()
}

// overTLS reports whether a caller reached the platform over TLS, also through a
// proxy that ends it.
func overTLS(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}
