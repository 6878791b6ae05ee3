package emulator

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// The kinds of a journal's entries.
const (
	KindExchange   = "exchange"   // a request and its answer
	KindTransition = "transition" // a resource went from one state to another
	KindEvent      = "event"      // something the platform will send
	KindDelivery   = "delivery"   // one attempt to send it
	KindMessage    = "message"    // users were sent a message
	KindHostCall   = "host_call"  // a request to the server of a host app
	KindFault      = "fault"      // an interference that was scripted
	KindGrant      = "grant"      // a scope was agreed to, refused, used up or cleared
	KindAnswer     = "answer"     // a user was asked and answered
	KindControl    = "control"    // an order given over the control API
	KindMismatch   = "mismatch"   // an answer of ours that breaks the contract
	KindClock      = "clock"      // an order moved time, or changed how it passes
	KindContract   = "contract"   // another contract came into force
)

// entryKinds are all of them.
func entryKinds() []string {
	return []string{
		KindExchange, KindTransition, KindEvent, KindDelivery, KindMessage, KindHostCall, KindFault, KindGrant, KindAnswer,
		KindControl, KindMismatch, KindClock, KindContract,
	}
}

// An Entry is one line of a sandbox's journal.
type Entry struct {
	// Seq numbers the entries of a sandbox from 1.
	Seq int64
	// At is the sandbox's time.
	At time.Time
	// Cause is the entry that brought this one about; 0: an input from
	// outside.
	Cause int64
	// Kind is one of the Kind constants.
	Kind string
	// Detail says what happened; its type follows from Kind.
	Detail Detail
}

// A Detail is what an Entry says, by kind: an Exchange, Transition,
// EventDetail, Attempt, HostCall, FaultDetail, GrantDetail, AnswerDetail,
// MessageDetail, Control, Mismatch, ClockDetail or ContractDetail.
type Detail interface{ journalDetail() }

// MarshalJSON writes the entry with secrets redacted.
func (e Entry) MarshalJSON() ([]byte, error) {
	detail, err := marshal(e.Detail)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(detail)+96)
	b = append(b, `{"seq":`...)
	b = strconv.AppendInt(b, e.Seq, 10)
	b = append(b, `,"at":"`...)
	b = e.At.In(shanghai).AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	if e.Cause != 0 {
		b = append(b, `,"cause":`...)
		b = strconv.AppendInt(b, e.Cause, 10)
	}
	b = append(b, `,"kind":"`...)
	b = append(b, e.Kind...)
	b = append(b, `",`...)
	b = append(b, '"')
	b = append(b, e.Kind...)
	b = append(b, `":`...)
	b = append(b, detail...)
	return append(b, '}'), nil
}

// An Exchange is a request as the platform understood it, and its answer.
type Exchange struct {
	program   *program // of the contract that it was read by
	op        *spec.Operation
	method    string
	path      string
	principal Principal
	params    spec.Params
	status    int
	outcome   string
	body      []byte
	note      string
	fault     string        // what a fault does to it; "" is nothing
	hold      time.Duration // how long a fault holds the answer back
	answer    *spec.Answer  // its form on the wire, when nobody programmed it
	evidence  spec.Evidence // the least certain thing that the answer rests on
	strict    bool          // what is only assumed is refused
	broken    bool          // the answer broke the contract
	reply     *hostReply    // what a host was asked before it, and said
	odd       string        // what params leave out of how it was sent; "" is nothing
	frame     hostFrame     // what goes around an answer of the host API
	host      string        // where the caller reached the platform
	https     bool          // and how
	trace     *Trace        // the trace it is part of; nil for none
	seq       int64         // its entry in the journal of sandbox
	sandbox   string
}

func (*Exchange) journalDetail() {}

// Operation is the operationId, or "" where no operation matched.
func (x *Exchange) Operation() string {
	if x.op == nil {
		return ""
	}
	return x.op.ID
}

// Status is the answer's HTTP status; Outcome is "ok" or the name of the
// refusal.
func (x *Exchange) Status() int { return x.status }

// Outcome is "ok", or the catalogue name of the refusal, or "preferred" for an
// answer the caller chose with a Prefer header, or "fault" where a fault left
// none.
func (x *Exchange) Outcome() string { return x.outcome }

// MarshalJSON writes the exchange with secrets redacted.
func (x *Exchange) MarshalJSON() ([]byte, error) {
	params := make(map[string]any, len(x.params))
	for _, p := range x.params {
		switch {
		case x.op == nil || x.op.Secret(p.Name):
			params[p.Name] = redacted
		case p.In == spec.InJSON && p.JSON != nil:
			params[p.Name] = redactJSON(x.op, p.JSON)
		default:
			params[p.Name] = p.Text
		}
	}
	out := struct {
		Operation string          `json:"operation,omitempty"`
		Method    string          `json:"method"`
		Path      string          `json:"path"`
		Principal *Principal      `json:"principal,omitempty"`
		Params    map[string]any  `json:"params,omitempty"`
		Status    int             `json:"status"`
		Outcome   string          `json:"outcome"`
		Note      string          `json:"note,omitempty"`
		Fault     string          `json:"fault,omitempty"`
		Trace     string          `json:"traceparent,omitempty"`
		Answer    json.RawMessage `json:"answer,omitempty"`
	}{x.Operation(), x.method, x.path, nil, params, x.status, x.outcome, x.note, x.fault, x.trace.parent(), nil}
	if x.principal.Kind != "" {
		out.Principal = &x.principal
	}
	switch {
	case len(x.body) == 0:
	case x.op != nil && json.Valid(x.body):
		out.Answer = redactJSON(x.op, x.body)
	default:
		text, err := marshal(string(x.body))
		if err != nil {
			return nil, err
		}
		out.Answer = text
	}
	return marshal(out)
}

// A Transition is a step of a resource's lifecycle.
type Transition struct {
	Resource string `json:"resource"`
	App      int64  `json:"app_id"`
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	From     string `json:"from,omitempty"`
	To       string `json:"to"`
	Reason   string `json:"reason,omitempty"`
}

func (*Transition) journalDetail() {}

// An EventDetail is something the platform will send.
type EventDetail struct {
	ID      int64           `json:"id"`
	Name    string          `json:"name"`
	Channel string          `json:"channel"`
	App     int64           `json:"app_id,omitempty"`
	TP      int64           `json:"tp_id,omitempty"`
	Deal    int64           `json:"deal_id,omitempty"`
	Order   int64           `json:"order_id,omitempty"`
	Payload json.RawMessage `json:"payload"`
}

func (*EventDetail) journalDetail() {}

// An Attempt is one try to deliver an event.
type Attempt struct {
	Event   int64  `json:"event"`
	Name    string `json:"name"`
	Channel string `json:"channel"`
	Sink    string `json:"sink"`
	Number  int    `json:"attempt"`
	OK      bool   `json:"ok"`
	Status  int    `json:"status,omitempty"`
	Error   string `json:"error,omitempty"`
	// Next is when the next attempt is due, RFC 3339; "" for none.
	Next string `json:"next,omitempty"`
}

func (*Attempt) journalDetail() {}

// A MessageDetail is a message that users were sent, and to whom.
type MessageDetail struct {
	Key   int64       `json:"msg_key"`
	Kind  string      `json:"kind"`
	App   int64       `json:"app_id"`
	Title string      `json:"title,omitempty"`
	To    []Recipient `json:"to"`
	// Unknown are the swan_ids that nobody has.
	Unknown []string `json:"unknown,omitempty"`
}

func (*MessageDetail) journalDetail() {}

// A Control is an order given over the control API.
type Control struct {
	Operation string         `json:"operation"`
	Params    map[string]any `json:"params,omitempty"`
	Outcome   string         `json:"outcome"`
	// TraceParent is the trace that the order is part of; "" for none.
	TraceParent string `json:"traceparent,omitempty"`

	sent   spec.Params // Params with secrets
	answer []byte
}

func (*Control) journalDetail() {}

// A Mismatch is an answer of the emulator that breaks the contract: a fault of
// the emulator, never of its caller.
type Mismatch struct {
	Operation string `json:"operation"`
	Problem   string `json:"problem"`
}

func (*Mismatch) journalDetail() {}

// A ClockDetail is time that was moved by an order, or that passes in another
// way from here on. Time that passes by itself leaves no entry, nor does an
// order to move it that finds nothing to do.
type ClockDetail struct {
	// From and To are the sandbox's time before and after, RFC 3339.
	From string `json:"from"`
	To   string `json:"to"`
	// Mode is how time passes now: real, virtual, or x and a number; "" for
	// as before.
	Mode string `json:"mode,omitempty"`
}

func (*ClockDetail) journalDetail() {}

const redacted = "[redacted]"

// redactJSON replaces the values of secret members, at any depth. Text that is
// no JSON is replaced whole.
func redactJSON(op *spec.Operation, data []byte) json.RawMessage {
	var v any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return json.RawMessage(`"` + redacted + `"`)
	}
	out, err := marshal(redactValue(op, v))
	if err != nil {
		return json.RawMessage(`"` + redacted + `"`)
	}
	return out
}

func redactValue(op *spec.Operation, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if op.Secret(name) {
				v[name] = redacted
			} else {
				v[name] = redactValue(op, member)
			}
		}
	case []any:
		for i := range v {
			v[i] = redactValue(op, v[i])
		}
	}
	return v
}

// marshal is json.Marshal without the escaping of <, > and &.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

// A Journal is the bounded record of a sandbox. The sandbox's lock guards it.
type Journal struct {
	entries []Entry // a ring once it is full
	start   int     // the oldest entry
	limit   int
	last    int64
	// deliveries counts the attempts recorded so far.
	deliveries int
	grown      chan struct{} // closed at the next entry; nil when nobody waits
	told       func(Entry)   // is told of each entry; nil: nobody is
}

// append records what happened and returns its number.
func (j *Journal) append(at time.Time, cause int64, kind string, d Detail) int64 {
	j.last++
	if kind == KindDelivery {
		j.deliveries++
	}
	e := Entry{Seq: j.last, At: at, Cause: cause, Kind: kind, Detail: d}
	if len(j.entries) < j.limit {
		j.entries = append(j.entries, e)
	} else {
		j.entries[j.start] = e
		j.start = (j.start + 1) % j.limit
	}
	if j.told != nil {
		j.told(e)
	}
	j.wake()
	return j.last
}

// wake lets whoever waits for the journal look again.
func (j *Journal) wake() {
	if j.grown != nil {
		close(j.grown)
		j.grown = nil
	}
}

// after returns up to max entries with numbers above seq, oldest first.
func (j *Journal) after(seq int64, limit int) []Entry {
	n := len(j.entries)
	first := j.last - int64(n) + 1
	skip := max(0, int(seq-first+1))
	var out []Entry
	for i := skip; i < n && len(out) < limit; i++ {
		out = append(out, j.entries[(j.start+i)%n])
	}
	return out
}

// wait returns a channel that is closed when the journal grows.
func (j *Journal) wait() <-chan struct{} {
	if j.grown == nil {
		j.grown = make(chan struct{})
	}
	return j.grown
}

// shanghai is the zone of every time the platform writes (assumed).
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)
