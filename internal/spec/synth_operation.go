package spec

import (
	"reflect"
	"slices"
	"time"
)

// Synthesise makes an answer of the operation from its schemas and examples:
// of the status and the example that the client prefers, in the first media
// type that accept (an Accept header, "" for anything) and the contract agree
// on. Without preferences it is the first example of the lowest success, or a
// value generated from its schema, whose properties have their examples and
// defaults; a dynamic answer has neither. Dates lie before now, and the same
// seed and now give the same bytes. The error is an *AnswerError where the
// contract has nothing to answer with.
func (o *Operation) Synthesise(p Prefer, accept string, seed uint64, now time.Time) (Answer, error) {
	return o.synthRequest(seed, now).answerOf(o.doc, p, accept)
}

// synthRequest is what values of the operation are generated for.
func (o *Operation) synthRequest(seed uint64, now time.Time) synthRequest {
	r := synthRequest{seed: seed, now: now}
	if o.contract != nil {
		r.v31 = o.contract.v31
		r.refusal = func(name string) bool { _, is := o.contract.Error(name); return is }
		if info := o.contract.doc.Info; info != nil {
			r.chinese = hasHan(info.Title) || hasHan(info.Description)
		}
	}
	return r
}

// Complete fills in what a success leaves open: the required properties that
// body lacks, in its objects and arrays, each with its example or default, or
// else with a value generated from its schema. What is there stays as it is
// and where it is; the rest is appended. The name of the member that holds the
// result is not needed: the schema of the whole answer says what is required,
// that member included.
func (o *Operation) Complete(body []byte, _ string, seed uint64, now time.Time) ([]byte, error) {
	ref := successSchema(o.doc)
	if ref == nil || len(body) == 0 {
		return body, nil
	}
	return o.synthRequest(seed, now).complete(ref, body)
}

// Incomplete reports whether a Go type leaves out, in the JSON it is encoded
// as, anything that the schema of a success requires, so that Complete is
// needed. The type is that of the member dataMember, or of the whole answer
// for ""; nil is no result at all. It is meant to be asked once, at start.
func (o *Operation) Incomplete(t reflect.Type, dataMember string) bool {
	c := &coverage{m: &maker{}, seen: map[covered]bool{}}
	ref := successSchema(o.doc)
	if ref == nil || ref.Value == nil {
		return false
	}
	if dataMember != "" {
		sh, _ := c.m.flatten(ref, 0)
		if t == nil {
			return slices.Contains(sh.Required, dataMember)
		}
		ref = sh.Properties[dataMember]
	}
	if t == nil {
		return c.requires(ref)
	}
	return c.lacks(t, ref)
}
