package spec

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
)

// memoSlots is how many valid answers are remembered at most.
const memoSlots = 4096

// answerMemo remembers answers that were judged valid, by their hash: a slot
// holds one, the later one wins. It is safe for many goroutines.
type answerMemo struct {
	seed  maphash.Seed
	slots [memoSlots]atomic.Uint64
}

// key mixes what an answer is judged by into one hash.
func (m *answerMemo) key(op uint64, status int, mediaType string, body []byte) uint64 {
	h := maphash.Bytes(m.seed, body)
	h ^= (op<<16 ^ uint64(status)) * 0x9e3779b97f4a7c15
	h ^= h >> 29
	h *= 0xbf58476d1ce4e5b9
	h ^= maphash.String(m.seed, mediaType) * 0x94d049bb133111eb
	return h | 1 // never the empty slot
}

func (m *answerMemo) has(key uint64) bool { return m.slots[key>>1%memoSlots].Load() == key }
func (m *answerMemo) put(key uint64)      { m.slots[key>>1%memoSlots].Store(key) }

// CheckAnswer judges an answer by the contract: a status or a media type that
// the operation does not declare is an error, as is a body that does not match
// its schema, which gives an *InvalidError. An answer that was judged valid is
// remembered and not judged again. The media type is the Content-Type, "" for
// an answer without a body.
func (o *Operation) CheckAnswer(status int, mediaType string, body []byte) error {
	memo := &o.contract.answers
	key := memo.key(o.number, status, mediaType, body)
	if memo.has(key) {
		return nil
	}
	if err := o.judgeAnswer(status, mediaType, body); err != nil {
		return fmt.Errorf("answer %d of %s: %w", status, o.ID, err)
	}
	memo.put(key)
	return nil
}

func (o *Operation) judgeAnswer(status int, mediaType string, body []byte) error {
	response := o.response(status)
	if response == nil {
		return &InvalidError{Issues: []Issue{{Rule: RuleEnum, Pointer: "/status", Want: o.statuses()}}}
	}
	if len(response.Content) == 0 {
		if len(body) > 0 {
			return &InvalidError{Issues: []Issue{{Rule: RuleMediaType, Want: "no body"}}}
		}
		return nil
	}
	media := response.Content.Get(mediaType)
	if media == nil || mediaType == "" {
		return &InvalidError{Issues: []Issue{{Rule: RuleMediaType, Want: mediaTypes(response.Content)}}}
	}
	if media.Schema == nil || media.Schema.Value == nil {
		return nil
	}
	base, _, _ := strings.Cut(strings.ToLower(mediaType), ";")
	var value any
	switch base = strings.TrimSpace(base); {
	case isJSONType(base):
		if !utf8.Valid(body) {
			return &InvalidError{Issues: []Issue{{Rule: RuleMalformed, Want: wantJSON}}}
		}
		var err error
		if value, err = decodeJSON(bytes.TrimSpace(body)); err != nil {
			return &InvalidError{Issues: []Issue{{Rule: RuleMalformed, Want: wantJSON}}}
		}
	case media.Schema.Value.Type.Is(openapi3.TypeString):
		value = string(body)
	default:
		return nil // no way to judge it
	}
	if err := media.Schema.Value.VisitJSON(value, o.contract.visit(openapi3.VisitAsResponse())...); err != nil {
		return invalid(issuesOf(err, ""))
	}
	return nil
}

// response returns what the operation declares for a status: the status
// itself, its range, or the default; nil for none.
func (o *Operation) response(status int) *openapi3.Response {
	if o.doc.Responses == nil {
		return nil
	}
	ref := o.doc.Responses.Status(status)
	if ref == nil {
		ref = o.doc.Responses.Value(strconv.Itoa(status/100) + "XX")
	}
	if ref == nil {
		ref = o.doc.Responses.Default()
	}
	if ref == nil {
		return nil
	}
	return ref.Value
}

func (o *Operation) statuses() string {
	if o.doc.Responses == nil {
		return ""
	}
	var out []string
	for status := range o.doc.Responses.Map() {
		out = append(out, status)
	}
	sort.Strings(out)
	return strings.Join(out, ", ")
}

func mediaTypes(content openapi3.Content) string {
	var out []string
	for name := range content {
		out = append(out, name)
	}
	sort.Strings(out)
	return strings.Join(out, ", ")
}
