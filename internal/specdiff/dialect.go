package specdiff

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// What the platform's dialect says beside OpenAPI.

// catalogue compares the errors.
func (c *comparison) catalogue() {
	names := func(s *side) (out []string) {
		for _, e := range s.contract.Errors() {
			out = append(out, e.Name)
		}
		return out
	}
	members(names(c.old), names(c.new), func(name string) {
		c.changed(Compatible, "x-errors-removed", "removed the error `"+name+"`", "no operation answers it any more, or the operations say so", "x-errors", name)
	}, func(name string) {
		c.changed(Compatible, "x-errors-added", "added the error `"+name+"`", "an operation that answers it says so", "x-errors", name)
	})
	for _, was := range c.old.contract.Errors() {
		now, ok := c.new.contract.Error(was.Name)
		if !ok {
			continue
		}
		at := []string{"x-errors", was.Name}
		if was.Status != now.Status {
			c.changed(Breaking, "x-errors-status-changed", fmt.Sprintf("the HTTP status of the error %s changed from `%d` to `%d`", code(was.Name), was.Status, now.Status),
				"clients tell an error by its status, too", append(at, "status")...)
		}
		c.errorBody(was, now)
		for _, header := range slices.Sorted(maps.Keys(was.Header)) {
			if now.Header[header] != was.Header[header] {
				c.changed(Breaking, "x-errors-header-changed", fmt.Sprintf("the header %s of the error %s changed from %s to %s", code(header), code(was.Name), code(was.Header[header]), code(now.Header[header])),
					"a client may act on it", append(at, "headers")...)
			}
		}
	}
}

// errorBody compares the wire form of an error: texts are for people, all else
// is for programs.
func (c *comparison) errorBody(was, now spec.ErrorDef) {
	value := func(e spec.ErrorDef, name string) []byte {
		i := slices.IndexFunc(e.Body, func(m spec.Member) bool { return m.Name == name })
		if i < 0 {
			return nil
		}
		return bytes.TrimSpace(e.Body[i].Value)
	}
	for _, m := range was.Body {
		before, after := bytes.TrimSpace(m.Value), value(now, m.Name)
		at := []string{"x-errors", was.Name, "body", m.Name}
		switch {
		case bytes.Equal(before, after):
		case after == nil:
			c.changed(Breaking, "x-errors-member-removed", fmt.Sprintf("removed the member %s of the error %s", code(m.Name), code(was.Name)), "clients tell the error by it", at...)
		case slices.Contains([]string{"msg", "errmsg", "error_msg", "error_description"}, m.Name):
			c.changed(Compatible, "x-errors-text-changed", fmt.Sprintf("the text of the error %s changed", code(was.Name)), "clients act on codes, and show texts", at...)
		default:
			c.changed(Breaking, "x-errors-code-changed", fmt.Sprintf("%s of the error %s changed from %s to %s", code(m.Name), code(was.Name), code(string(before)), code(string(after))), "clients tell the error by it", at...)
		}
	}
}

// envelopes compares how answers are wrapped.
func (c *comparison) envelopes() {
	members(c.old.contract.Envelopes(), c.new.contract.Envelopes(), func(name string) {
		c.changed(Breaking, "x-envelopes-removed", "removed the envelope `"+name+"`", "answers that had it have another form", "x-envelopes", name)
	}, func(name string) {
		c.changed(Compatible, "x-envelopes-added", "added the envelope `"+name+"`", "an operation that has it says so", "x-envelopes", name)
	})
	for _, name := range c.old.contract.Envelopes() {
		was, _ := c.old.contract.Envelope(name)
		now, ok := c.new.contract.Envelope(name)
		if !ok {
			continue
		}
		if was.Data != now.Data {
			c.changed(Breaking, "x-envelopes-data-changed", fmt.Sprintf("the results of the envelope %s moved from %s to %s", code(name), code(was.Data), code(now.Data)),
				"clients look for results where they were", "x-envelopes", name, "data")
		}
		if constants(was.Success) != constants(now.Success) {
			c.changed(Breaking, "x-envelopes-success-changed", fmt.Sprintf("a success in the envelope %s changed from %s to %s", code(name), code(constants(was.Success)), code(constants(now.Success))),
				"clients tell a success by it", "x-envelopes", name, "success")
		}
		for _, stage := range slices.Sorted(maps.Keys(was.Refusals)) {
			if was.Refusals[stage] == now.Refusals[stage] {
				continue
			}
			c.changed(Breaking, "x-envelopes-refusal-changed",
				fmt.Sprintf("the envelope %s refuses what is %s with %s instead of %s", code(name), code(stage), code(now.Refusals[stage]), code(was.Refusals[stage])),
				"the same fault is answered with another error", "x-envelopes", name, "refusals", stage)
		}
	}
}

func constants(list []spec.Member) string {
	var parts []string
	for _, m := range list {
		parts = append(parts, m.Name+": "+string(bytes.TrimSpace(m.Value)))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// operations compares the extensions of operations.
func (c *comparison) operations() {
	for _, was := range c.old.contract.Operations() {
		now, ok := c.new.contract.Operation(was.ID)
		if !ok || now.Path != was.Path || now.Method != was.Method {
			continue // oasdiff says so
		}
		c.operation(was, now)
	}
}

func (c *comparison) operation(was, now *spec.Operation) {
	at := []string{"paths", was.Path, strings.ToLower(was.Method)}
	changed := func(level Level, id, text, reason string, more ...string) {
		c.add(Change{
			Level: level, ID: id, Text: text, Reason: reason, Operations: []string{was.ID},
			Old: c.old.place(append(slices.Clone(at), more...)...), New: c.new.place(append(slices.Clone(at), more...)...),
		})
	}
	if was.Envelope != now.Envelope {
		changed(Breaking, "x-envelope-changed", fmt.Sprintf("the envelope changed from %s to %s", code(was.Envelope), code(now.Envelope)), "its answers have another form", "x-envelope")
	}
	if was.SameAs != now.SameAs {
		changed(Compatible, "x-same-as-changed", fmt.Sprintf("it is the same call as %s instead of %s", code(now.SameAs), code(was.SameAs)), "its own parameters and answers say what it is", "x-same-as")
	}
	members(was.Errors, now.Errors, func(name string) {
		changed(Compatible, "x-errors-operation-removed", "it does not answer the error `"+name+"` any more", "a client that waits for it is not disturbed", "x-errors")
	}, func(name string) {
		changed(Compatible, "x-errors-operation-added", "it may answer the error `"+name+"`", "clients take every code but success for a refusal", "x-errors")
	})
	members(was.Principals, now.Principals, func(name string) {
		changed(Breaking, "x-principals-removed", "`"+name+"` may not call it any more", "a token that was accepted is refused", "security")
	}, func(name string) {
		changed(Compatible, "x-principals-added", "`"+name+"` may call it, too", "every token that was accepted is accepted still", "security")
	})
	if was.TokenParam != now.TokenParam {
		changed(Breaking, "x-token-parameter-changed", fmt.Sprintf("the token's parameter changed from %s to %s", code(was.TokenParam), code(now.TokenParam)), "a token in the old one is not found", "security")
	}
	members(was.ParametersIn(), now.ParametersIn(), func(where string) {
		changed(Breaking, "x-parameters-in-removed", "parameters may not stand in the "+where+" any more", "a request that was valid is refused", "x-parameters-in")
	}, func(where string) {
		changed(Compatible, "x-parameters-in-added", "parameters may stand in the "+where+", too", "every request that was valid is valid still", "x-parameters-in")
	})
}

// events compares what the platform sends; payloads are compared as answers
// are.
func (c *comparison) events() {
	names := func(s *side) (out []string) {
		for _, e := range s.contract.Events() {
			out = append(out, e.Name)
		}
		return out
	}
	members(names(c.old), names(c.new), func(name string) {
		c.changed(Breaking, "x-events-removed", "removed the event `"+name+"`", "who waits for it waits in vain", "x-events", name)
	}, func(name string) {
		c.changed(Compatible, "x-events-added", "added the event `"+name+"`", "receivers pass over what they do not know", "x-events", name)
	})
	for _, was := range c.old.contract.Events() {
		now, ok := c.new.contract.Event(was.Name)
		if !ok {
			continue
		}
		if was.Channel != now.Channel {
			c.changed(Breaking, "x-events-channel-changed", fmt.Sprintf("the event %s moved from %s to %s", code(was.Name), code(was.Channel), code(now.Channel)),
				"who waits for it there waits in vain", "x-events", was.Name, "channel")
		}
		if was.Code != now.Code {
			c.changed(Breaking, "x-events-code-changed", fmt.Sprintf("the code of the event %s changed from `%d` to `%d`", code(was.Name), was.Code, now.Code),
				"receivers tell it by its code", "x-events", was.Name, "code")
		}
	}
}
