package emulator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// What a fault must be like: it names things that there are, so that it can
// hit something, and no member that would mean nothing.

// faultActions are what faults on something can do.
func faultActions(on string) []string {
	switch on {
	case FaultOnCall:
		return []string{FaultLatency, FaultReset, FaultTruncate, FaultMalformed, FaultStatus, FaultRefuse, FaultRateLimit}
	case FaultOnPush:
		return []string{FaultDrop, FaultDelay, FaultDuplicate, FaultReorder, FaultWrongSignature, FaultStaleTimestamp, FaultTimeout}
	case FaultOnNotify: // it has no time of its own that could be old
		return []string{FaultDrop, FaultDelay, FaultDuplicate, FaultReorder, FaultWrongSignature, FaultTimeout}
	case FaultOnKafka:
		return []string{FaultDrop, FaultDelay, FaultDuplicate, FaultReorder}
	}
	return nil
}

// check says what is wrong with a fault, and where.
func (f *Fault) check(p *program) (pointer string, err error) {
	actions := faultActions(f.On)
	switch {
	case actions == nil:
		return "/on", fmt.Errorf("on %q: want call, push, kafka or notify", f.On)
	case !slices.Contains(actions, f.Do):
		return "/do", fmt.Errorf("%s has no fault %q; it has %s", f.On, f.Do, strings.Join(actions, ", "))
	case f.Nth < 1:
		return "/nth", fmt.Errorf("want an nth from 1")
	case f.Times == 0 || f.Times < -1:
		return "/times", fmt.Errorf("want times from 1, or -1 for all that follow")
	}
	if pointer, err := f.checkFit(); err != nil {
		return pointer, err
	}
	if pointer, err := f.checkLength(); err != nil {
		return pointer, err
	}
	return f.checkNames(p)
}

// checkFit finds members that mean nothing for what the fault does.
func (f *Fault) checkFit() (pointer string, err error) {
	call := f.On == FaultOnCall
	timed := slices.Contains([]string{FaultLatency, FaultDelay, FaultReorder, FaultStaleTimestamp}, f.Do)
	for _, m := range []struct {
		name        string
		given, fits bool
		with        string
	}{
		{"operation", f.Operation != "", call, "calls"},
		{"event", f.Event != "", !call, "pushes, notices and notifications"},
		{"transition", f.Transition != "", !call, "pushes, notices and notifications"},
		{"applied", f.Applied, call, "calls"},
		{"status", f.Status != 0, f.Do == FaultStatus, FaultStatus},
		{"error", f.Error != "", f.Do == FaultRefuse, FaultRefuse},
		{"delay", f.Delay != 0, timed, "latency, delay, reorder and stale_timestamp"},
		{"delay_max", f.DelayMax != 0, timed, "latency, delay, reorder and stale_timestamp"},
		{"distribution", f.Distribution != "", f.DelayMax != 0, "delay_max"},
	} {
		if m.given && !m.fits {
			return "/" + m.name, fmt.Errorf("%s means nothing with %s on %s; it goes with %s", m.name, f.Do, f.On, m.with)
		}
	}
	return "", nil
}

func (f *Fault) checkLength() (pointer string, err error) {
	switch {
	case (f.Do == FaultLatency || f.Do == FaultDelay) && max(f.Delay, f.DelayMax) <= 0:
		return "/delay", fmt.Errorf("%s needs a delay", f.Do)
	case f.DelayMax != 0 && f.DelayMax < f.Delay:
		return "/delay_max", fmt.Errorf("want a delay_max that is no shorter than delay")
	case f.Distribution != "" && !slices.Contains([]string{"uniform", "normal", "exponential"}, f.Distribution):
		return "/distribution", fmt.Errorf("distribution %q: want uniform, normal or exponential", f.Distribution)
	}
	return "", nil
}

// checkNames holds what the fault names against the contract.
func (f *Fault) checkNames(p *program) (pointer string, err error) {
	refusal := f.Error
	if f.Do == FaultRateLimit {
		refusal = rateLimitRefusal
	}
	event, known := p.contract.Event(f.Event)
	switch {
	case f.Do == FaultStatus && (f.Status < 200 || f.Status > 599):
		return "/status", fmt.Errorf("status needs an HTTP status from 200 to 599")
	case f.Do == FaultRateLimit && p.wire.refusals[refusal] == nil:
		return "/do", fmt.Errorf("the contract has no error %s", refusal)
	case f.Do == FaultRefuse && p.wire.refusals[refusal] == nil:
		return "/error", fmt.Errorf("refuse needs an error of the contract's x-errors; %q is none", refusal)
	case f.Event != "" && !known:
		return "/event", fmt.Errorf("the contract has no event %q", f.Event)
	case f.Event != "" && event.Channel != f.On:
		return "/event", fmt.Errorf("%s goes over %s, not %s", f.Event, event.Channel, f.On)
	case f.Transition != "" && !slices.Contains(p.transitions(), f.Transition):
		return "/transition", fmt.Errorf("no lifecycle of the contract has a step %q that emits anything", f.Transition)
	}
	if _, ok := p.contract.Operation(f.Operation); f.Operation != "" && !ok {
		return "/operation", fmt.Errorf("the contract has no operation %q", f.Operation)
	}
	return "", nil
}

// transitions lists the steps of the contract's lifecycles that emit events.
func (p *program) transitions() (names []string) {
	for _, resource := range p.contract.Lifecycles() {
		l, _ := p.contract.Lifecycle(resource)
		for _, t := range l.Transitions {
			if len(t.Emits) > 0 {
				names = append(names, t.Name)
			}
		}
	}
	return names
}

// nearFault lists the valid values that are nearest to the one refused.
func (p *program) nearFault(pointer string, f *Fault) []string {
	switch pointer {
	case "/do":
		return near(f.Do, faultActions(f.On))
	case "/operation":
		return near(f.Operation, listed(p.contract.Operations(), func(op *spec.Operation) string { return op.ID }))
	case "/event":
		here := slices.DeleteFunc(p.contract.Events(), func(def spec.EventDef) bool { return def.Channel != f.On })
		return near(f.Event, listed(here, func(def spec.EventDef) string { return def.Name }))
	case "/transition":
		return near(f.Transition, p.transitions())
	case "/error":
		return near(f.Error, listed(p.contract.Errors(), func(def spec.ErrorDef) string { return def.Name }))
	}
	return nil
}

// listed returns the names of things.
func listed[T any](things []T, name func(T) string) []string {
	out := make([]string, len(things))
	for i, thing := range things {
		out[i] = name(thing)
	}
	return out
}
