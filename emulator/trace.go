package emulator

import (
	"fmt"
	"net/http"
	"strings"
)

// The trace that a request is part of (W3C Trace Context): what it brings about
// carries it on, however much later that is. The emulator records no spans, so
// it hands the caller's on as its receivers' parent; without one there is none.
// It comes with the input and is logged with it, so that a restart and a replay
// send the same. It decides nothing.

const (
	traceParentHeader = "traceparent"
	traceStateHeader  = "tracestate"

	// traceParentSize is the length of a traceparent of version 00.
	traceParentSize = 55
	// traceStateKept bounds a tracestate, in bytes: as much as has to be
	// propagated. traceMemberKept is the length from which a member goes first.
	traceStateKept, traceMemberKept = 512, 128
	// traceMembers bounds the members of a tracestate.
	traceMembers = 32
)

// A Trace is the trace of a request.
type Trace struct {
	// Parent is a traceparent of version 00: trace, span and flags.
	Parent string `json:"traceparent"`
	// State is the tracestate that came with it; "" for none.
	State string `json:"tracestate,omitempty"`
}

// traceOf is the trace that a request says it is part of; nil where it names
// none, or not as the specification has it.
func traceOf(h http.Header) *Trace {
	parents := h["Traceparent"]
	if len(parents) != 1 {
		return nil
	}
	parent := knownParent(parents[0])
	if parent == "" {
		return nil
	}
	return &Trace{Parent: parent, State: knownState(strings.Join(h["Tracestate"], ","))}
}

// knownParent is a traceparent in version 00, "" for one that is malformed. Of a
// later version it has what this one knows.
func knownParent(s string) string {
	if len(s) < traceParentSize || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return ""
	}
	version, trace, span, flags := s[:2], s[3:35], s[36:52], s[53:55]
	for _, part := range []string{version, trace, span, flags} {
		if strings.Trim(part, "0123456789abcdef") != "" {
			return ""
		}
	}
	switch {
	case strings.Trim(trace, "0") == "" || strings.Trim(span, "0") == "" || version == "ff":
		return ""
	case len(s) > traceParentSize && (version == "00" || s[traceParentSize] != '-'):
		return ""
	case version == "00":
	case strings.ContainsAny(flags[1:], "13579bdf"):
		flags = "01" // sampled, which is all that is known of later versions
	default:
		flags = "00"
	}
	return "00-" + trace + "-" + span + "-" + flags
}

// knownState is a tracestate without what is over the limits; "" for one that is
// malformed, which says nothing against the traceparent.
func knownState(s string) string {
	var members []string
	size, seen := 0, map[string]bool{}
	for member := range strings.SplitSeq(s, ",") {
		member = strings.Trim(member, " \t")
		if member == "" {
			continue
		}
		key, value, ok := strings.Cut(member, "=")
		if !ok || !isTraceKey(key) || !isTraceValue(value) || seen[key] || len(members) == traceMembers {
			return ""
		}
		seen[key] = true
		members = append(members, member)
		size += len(member) + 1
	}
	for i := len(members) - 1; i >= 0 && size-1 > traceStateKept; i-- {
		if len(members[i]) > traceMemberKept {
			size -= len(members[i]) + 1
			members = append(members[:i], members[i+1:]...)
		}
	}
	for len(members) > 0 && size-1 > traceStateKept {
		size -= len(members[len(members)-1]) + 1
		members = members[:len(members)-1]
	}
	return strings.Join(members, ",")
}

// isTraceKey reports whether a tracestate may have a member of that name.
func isTraceKey(key string) bool {
	tenant, system, multi := strings.Cut(key, "@")
	within := func(s string, most int, first string) bool {
		return s != "" && len(s) <= most && strings.ContainsRune(first, rune(s[0])) &&
			strings.Trim(s, traceLetters+traceDigits+"_-*/") == ""
	}
	if !multi {
		return within(key, 256, traceLetters)
	}
	return within(tenant, 241, traceLetters+traceDigits) && within(system, 14, traceLetters)
}

const traceLetters, traceDigits = "abcdefghijklmnopqrstuvwxyz", "0123456789"

// isTraceValue reports whether a member of a tracestate may have that value.
func isTraceValue(value string) bool {
	if value == "" || len(value) > 256 || value[len(value)-1] == ' ' {
		return false
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == ',' || c == '=' {
			return false
		}
	}
	return true
}

// id is the trace's number, as a log shows it; "" for none.
func (t *Trace) id() string {
	if t == nil {
		return ""
	}
	return t.Parent[3:35]
}

// parent is the traceparent; "" for none.
func (t *Trace) parent() string {
	if t == nil {
		return ""
	}
	return t.Parent
}

// headers are the headers that carry a trace, in order.
func (t *Trace) headers() []Header {
	if t == nil {
		return nil
	}
	out := []Header{{traceParentHeader, t.Parent}}
	if t.State != "" {
		out = append(out, Header{traceStateHeader, t.State})
	}
	return out
}

// checkTraces finds traces of an imported state that no request can have had.
func (s *State) checkTraces(*machine) error {
	wrong := func(t *Trace) bool {
		return t != nil && (t.Parent == "" || knownParent(t.Parent) != t.Parent || knownState(t.State) != t.State)
	}
	for i, e := range s.Events {
		if wrong(e.Trace) {
			return fmt.Errorf("/events/%d/trace: want a traceparent of version 00 and a tracestate (W3C Trace Context)", i)
		}
	}
	for i := range s.Timers {
		if wrong(s.Timers[i].Trace) {
			return fmt.Errorf("/timers/%d/trace: want a traceparent of version 00 and a tracestate (W3C Trace Context)", i)
		}
	}
	return nil
}
