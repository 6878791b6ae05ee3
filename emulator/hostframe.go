package emulator

import (
	"bytes"
	"time"

	"github.com/swanemu/emu/internal/spec"
)

// What all answers of the host API carry (seed 003): the number of the request
// and a text for the user beside what every answer has, and around it all the
// member that the host has named, if it has named one.

// A hostFrame is what goes around one answer; the zero one is nothing.
type hostFrame struct{ key, request string }

// recordLocked writes a request to the journal. Its number there makes the one
// that the answer carries, where the answer carries one.
func (s *Sandbox) recordLocked(now time.Time, x *Exchange) int64 {
	seq := s.journal.append(now, 0, KindExchange, x)
	x.seq, x.sandbox = seq, s.name
	if x.op != nil && x.op.Envelope == hostEnvelope {
		x.frame = hostFrame{s.state.Config.AuthorizeKeyPath, (&Call{State: s.state, cause: seq}).requestID()}
	}
	return seq
}

// framed gives an answer its frame and holds it against the contract, which
// knows nothing of the host's own member.
func (e *Emulator) framed(x *Exchange, env *spec.Envelope) {
	x.body = x.frame.around(x.body)
	e.check(x, env)
	x.body = x.frame.below(x.body)
}

// around adds the members that every answer has.
func (f hostFrame) around(body []byte) []byte {
	if f.request == "" || !bytes.HasSuffix(body, []byte{'}'}) {
		return body
	}
	out := make([]byte, 0, len(body)+48)
	out = append(append(out, body[:len(body)-1]...), `,"request_id":"`...)
	out = append(append(out, f.request...), `","tipmsg":""}`...)
	return out
}

// below puts an answer below the host's member.
func (f hostFrame) below(body []byte) []byte {
	if f.key == "" || len(body) == 0 {
		return body
	}
	out := make([]byte, 0, len(body)+len(f.key)+8)
	out = append(append(append(out, '{'), quote(f.key)...), ':')
	return append(append(out, body...), '}')
}
