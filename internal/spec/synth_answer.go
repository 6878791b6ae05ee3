package spec

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// answerOf makes an answer of an operation: the response and the media type
// that are wanted, and for its body an example of theirs, or a value generated
// from the schema.
func (r synthRequest) answerOf(op *openapi3.Operation, p Prefer, accept string) (Answer, error) {
	responses := responsesOf(op)
	if p.Code != 0 {
		c, err := responseFor(op, p.Code)
		if err != nil {
			return Answer{}, err
		}
		responses = []candidate{c}
	}
	if len(responses) == 0 {
		return Answer{}, &AnswerError{http.StatusInternalServerError, fmt.Sprintf("operation %s declares no answer", op.OperationID)}
	}
	c := responses[0]
	r.dynamic = p.Dynamic
	r.chinese = r.chinese || speaksChinese(op, c.response)

	if p.Example != "" {
		c, o, example, err := namedExample(op, responses, p.Example, accept)
		if err != nil {
			return Answer{}, err
		}
		body, err := encodeBody(o, exampleValue(o, example))
		if err != nil {
			return Answer{}, err
		}
		return r.answer(c, o.mediaType, body)
	}
	all := offersOf(c.response)
	if len(all) == 0 {
		return r.answer(c, "", nil)
	}
	offers := negotiate(all, accept)
	if len(offers) == 0 {
		return Answer{}, notAcceptable(accept, all)
	}
	var failure error
	for _, o := range offers {
		body, err := r.body(o)
		if err == nil {
			return r.answer(c, o.mediaType, body)
		}
		if failure == nil {
			failure = fmt.Errorf("answer of %s as %s: %w", op.OperationID, o.mediaType, err)
		}
	}
	return Answer{}, failure
}

// answer puts an answer together with the headers that its response declares.
func (r synthRequest) answer(c candidate, mediaType string, body []byte) (Answer, error) {
	header, err := r.headers(c.response)
	if err != nil {
		return Answer{}, err
	}
	return Answer{Status: c.status, Header: header, MediaType: mediaType, Body: body}, nil
}

// body makes a body of a media type.
func (r synthRequest) body(o offer) ([]byte, error) {
	if !r.dynamic {
		if v, ok := r.validExample(o); ok {
			return encodeBody(o, v)
		}
	}
	switch {
	case o.content.Schema == nil || o.content.Schema.Value == nil:
		return encodeBody(o, emptyValue(o))
	case strings.HasPrefix(o.mediaType, "image/") && schemaType(o.content.Schema.Value) != openapi3.TypeObject:
		return r.image(o)
	}
	v, err := r.generate(o.content.Schema, "")
	if err != nil {
		return nil, err
	}
	return encodeBody(o, v)
}

// validExample is the first example of a media type that its schema admits and
// that does not show an error of the catalogue: those are for who asks.
func (r synthRequest) validExample(o offer) (any, bool) {
	fits := func(v any) bool {
		return o.content.Schema == nil || o.content.Schema.Value == nil || r.fits(o.content.Schema.Value, v)
	}
	if o.content.Example != nil {
		if v := exampleValue(o, o.content.Example); fits(v) {
			return v, true
		}
	}
	for _, name := range exampleNames(o.content) {
		if r.refusal != nil && r.refusal(name) {
			continue
		}
		if v := exampleValue(o, o.content.Examples[name].Value.Value); fits(v) {
			return v, true
		}
	}
	return nil, false
}

// exampleValue is an example as a value: documents also give the text of a
// JSON body.
func exampleValue(o offer, example any) any {
	text, ok := example.(string)
	if !ok || !isJSONType(baseType(o.mediaType)) {
		return example
	}
	if o.content.Schema != nil && o.content.Schema.Value != nil && schemaType(o.content.Schema.Value) == openapi3.TypeString {
		return example
	}
	if v, err := decodeJSON([]byte(text)); err == nil {
		return v
	}
	return example
}

// emptyValue is the body of a media type without a schema.
func emptyValue(o offer) any {
	if isJSONType(baseType(o.mediaType)) {
		return map[string]any{}
	}
	return ""
}

// headers makes the headers that a response declares. One that its schema
// leaves no simple value for is left out, unless it is required.
func (r synthRequest) headers(response *openapi3.Response) (map[string]string, error) {
	var out map[string]string
	for name, ref := range response.Headers {
		if ref == nil || ref.Value == nil || strings.EqualFold(name, "Content-Type") {
			continue
		}
		text, err := r.header(name, &ref.Value.Parameter)
		if err != nil {
			if !ref.Value.Required {
				continue
			}
			return nil, fmt.Errorf("header %s: %w", name, err)
		}
		if out == nil {
			out = make(map[string]string, len(response.Headers))
		}
		out[name] = text
	}
	return out, nil
}

// header makes the value of one header.
func (r synthRequest) header(name string, p *openapi3.Parameter) (string, error) {
	v := p.Example
	if v == nil || r.dynamic {
		if p.Schema == nil {
			return "", &AnswerError{http.StatusInternalServerError, "it has neither a schema nor an example"}
		}
		var err error
		if v, err = r.generate(p.Schema, name); err != nil {
			return "", err
		}
	}
	text, ok := simpleText(v)
	if !ok || strings.ContainsAny(text, "\r\n") {
		return "", &AnswerError{http.StatusInternalServerError, "its value is no simple text"}
	}
	return text, nil
}

// speaksChinese reports whether the texts of an operation are Chinese.
func speaksChinese(op *openapi3.Operation, response *openapi3.Response) bool {
	texts := append([]string{op.Summary, op.Description}, op.Tags...)
	if response != nil && response.Description != nil {
		texts = append(texts, *response.Description)
	}
	return slices.ContainsFunc(texts, hasHan)
}
