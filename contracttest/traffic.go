package contracttest

import (
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// An Exchange is a request and its answer: one that the suite made, or one that
// an Observer is shown.
type Exchange struct {
	// Operation is the operationId; "" where the contract has none for it.
	Operation string
	// Check and Case say what the suite sent it for; "" in traffic.
	Check, Case string
	// Started is when it began, Duration how long it took until the answer had
	// ended.
	Started  time.Time
	Duration time.Duration

	Method string
	// URL is absolute, or begins with its path.
	URL    string
	Header http.Header
	// Body is the request's body; BodySize is how long it was, more than Body
	// where that is not all of it.
	Body     []byte
	BodySize int64

	// Status is the answer's; 0 where none came.
	Status       int
	AnswerHeader http.Header
	// Answer is the answer's body; AnswerSize is how long it was.
	Answer     []byte
	AnswerSize int64
	// Fault says why no whole answer came.
	Fault Fault

	// Outcome is what became of it, Code the member and value that told it,
	// such as errno=40001; "" where nothing did.
	Outcome Outcome
	Code    string
	// Notes say what was left out of the exchange, and why.
	Notes []string
}

// A Fault is a reason why there is no whole answer.
type Fault string

// The faults of an exchange.
const (
	// NoFault is a whole answer.
	NoFault Fault = ""
	// NotReached says that there was no connection to the server.
	NotReached Fault = "the server was not reached"
	// BrokenOff says that the connection failed, or that the time was up.
	BrokenOff Fault = "the server broke off"
	// GivenUp says that the client went away.
	GivenUp Fault = "the client gave up"
)

// cut reports whether part of a body is missing.
func cut(body []byte, size int64) bool { return size > int64(len(body)) }

// exported is an exchange of the suite for those outside of it, without
// secrets.
func (s *suite) exported(x *exchange) Exchange {
	s.learn(x)
	out := Exchange{
		Operation: x.op.ID, Started: x.started, Duration: x.took, Method: x.method, URL: x.url, Header: x.sent, Body: x.body,
		BodySize: int64(len(x.body)), Status: x.status, AnswerHeader: x.header, Answer: x.whole, AnswerSize: int64(len(x.whole)),
		Outcome: x.outcome(), Code: x.verdict.code,
	}
	if x.work != nil {
		out.Check, out.Case = x.work.check, x.work.name
	}
	if x.err != nil {
		out.Fault = BrokenOff
	}
	return s.withoutSecrets(out)
}

// withoutSecrets returns a copy of an exchange in which names stand for
// secrets. Different secrets have different names.
func (j *judge) withoutSecrets(x Exchange) Exchange { return j.withNames(x, j.hide.hide) }

// withNames returns a copy of an exchange in which names stand for secrets: for
// the values that are known, which text replaces, and wherever the contract
// says that one stands. Bodies in which nobody could tell a secret are left
// out, with a note.
func (j *judge) withNames(x Exchange, text func(string) string) Exchange {
	m := mask{secret: func(name string) bool { return j.contract.Secret(name) || soundsSecret(name) }}
	if x.Operation == "" {
		m.secret = func(string) bool { return true }
	}
	header := func(h http.Header) http.Header {
		out := m.header(h)
		for name, values := range out {
			for i := range values {
				out[name][i] = text(values[i])
			}
		}
		return out
	}
	leave := func(what, why string) { x.Notes = append(x.Notes, what+" is left out: "+why) }
	body := func(what, contentType string, body []byte, size int64) []byte {
		if len(body) == 0 {
			return nil
		}
		kind := kindOfText(contentType, body)
		switch {
		case x.Operation == "":
			leave(what, "the contract does not say what in it is secret")
			return nil
		case kind == otherText:
			leave(what, "nobody can tell what in it is secret")
			return nil
		case cut(body, size):
			x.Notes = append(x.Notes, what+" is not all there")
		}
		out := text(string(body))
		if kind == formText {
			return []byte(m.pairs(out))
		}
		return []byte(m.json(out))
	}
	x.Notes = append([]string(nil), x.Notes...)
	x.URL = m.url(text(x.URL))
	if x.Operation == "" {
		x.URL = withoutNumbers(x.URL)
	}
	x.Body = body("the body", x.Header.Get("Content-Type"), x.Body, x.BodySize)
	x.Answer = body("the answer's body", x.AnswerHeader.Get("Content-Type"), x.Answer, x.AnswerSize)
	x.Header, x.AnswerHeader = header(x.Header), header(x.AnswerHeader)
	return x
}

// The kinds of a body, by how secrets are found in it.
type textKind int

const (
	otherText textKind = iota
	formText
	jsonText
)

// kindOfText tells what a body is, by its Content-Type or, without one, by how
// it begins. A plain text is looked through like JSON.
func kindOfText(contentType string, body []byte) textKind {
	base, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	base = strings.TrimSpace(base)
	switch {
	case !utf8.Valid(body):
		return otherText
	case base == "application/x-www-form-urlencoded":
		return formText
	case base == "application/json", strings.HasSuffix(base, "+json"), strings.HasPrefix(base, "text/"):
		return jsonText
	case base != "":
		return otherText
	case strings.HasPrefix(strings.TrimLeft(string(body), " \t\r\n"), "{"):
		return jsonText
	}
	return formText
}

// withoutNumbers replaces the segments of a path that are made up, or that hold
// what nobody knows: those with many digits, and very long ones.
func withoutNumbers(raw string) string {
	before, query, more := strings.Cut(raw, "?")
	parts := strings.Split(before, "/")
	for i, part := range parts {
		if i < 3 && strings.Contains(before, "://") {
			continue // scheme and host
		}
		digits := 0
		for _, c := range part {
			if c >= '0' && c <= '9' {
				digits++
			}
		}
		if digits > 5 || len(part) > 40 {
			parts[i] = "$SEGMENT"
		}
	}
	out := strings.Join(parts, "/")
	if more {
		out += "?" + query
	}
	return out
}
