package emulator

import (
	"fmt"
	"slices"
	"time"
)

// Faults over the control API.

type faultsOut struct {
	Faults []faultOut `json:"faults"`
}

type faultOut struct {
	ID int64 `json:"id"`
	faultIn
	Matched int  `json:"matched"`
	Hits    int  `json:"hits"`
	Spent   bool `json:"spent"`
}

type faultIn struct {
	On           string `json:"on"`
	Do           string `json:"do"`
	Operation    string `json:"operation,omitempty"`
	Event        string `json:"event,omitempty"`
	Transition   string `json:"transition,omitempty"`
	AppID        int64  `json:"app_id,omitempty"`
	Nth          int    `json:"nth,omitempty"`
	Times        *int   `json:"times,omitempty"`
	Delay        string `json:"delay,omitempty"`
	DelayMax     string `json:"delay_max,omitempty"`
	Distribution string `json:"distribution,omitempty"`
	Status       int    `json:"status,omitempty"`
	Error        string `json:"error,omitempty"`
	Applied      bool   `json:"applied,omitempty"`
}

func (f *Fault) shown() faultOut {
	times := f.Times
	return faultOut{
		ID: f.ID, Matched: f.Matched, Hits: f.Hits, Spent: f.spent(),
		faultIn: faultIn{
			On: f.On, Do: f.Do, Operation: f.Operation, Event: f.Event, Transition: f.Transition, AppID: f.App,
			Nth: f.Nth, Times: &times, Delay: shownLength(f.Delay), DelayMax: shownLength(f.DelayMax),
			Distribution: f.Distribution, Status: f.Status, Error: f.Error, Applied: f.Applied,
		},
	}
}

func shownLength(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return durationText(d)
}

func listFaults(c *Call, _ None) (faultsOut, error) {
	out := faultsOut{Faults: []faultOut{}}
	for _, f := range c.State.Faults {
		out.Faults = append(out.Faults, f.shown())
	}
	return out, nil
}

// createFault scripts an interference.
func createFault(c *Call, in faultIn) (faultOut, error) {
	f := &Fault{
		On: in.On, Do: in.Do, Operation: in.Operation, Event: in.Event, Transition: in.Transition, App: in.AppID,
		Nth: max(in.Nth, 1), Times: 1, Distribution: in.Distribution, Status: in.Status, Error: in.Error, Applied: in.Applied,
	}
	if in.Times != nil {
		f.Times = *in.Times
	}
	for _, length := range []struct {
		text, pointer string
		to            *time.Duration
	}{{in.Delay, "/delay", &f.Delay}, {in.DelayMax, "/delay_max", &f.DelayMax}} {
		if length.text == "" {
			continue
		}
		d, err := duration(length.text, length.pointer)
		if err != nil {
			return faultOut{}, err
		}
		*length.to = d
	}
	if in.AppID != 0 {
		if _, err := c.anApp(in.AppID, "/app_id"); err != nil {
			return faultOut{}, err
		}
	}
	if pointer, err := f.check(c.program()); err != nil {
		p := badRequest(pointer, err.Error())
		p.Nearest = c.program().nearFault(pointer, f)
		return faultOut{}, p
	}
	c.State.LastFault++
	f.ID = c.State.LastFault
	c.State.Faults = append(c.State.Faults, f)
	return f.shown(), nil
}

func clearFaults(c *Call, in clearDecisionsIn) (removedOut, error) {
	before := len(c.State.Faults)
	c.State.Faults = slices.DeleteFunc(c.State.Faults, func(f *Fault) bool { return in.ID == nil || f.ID == *in.ID })
	if len(c.State.Faults) == 0 {
		c.State.Faults = nil
	}
	removed := before - len(c.State.Faults)
	if in.ID != nil && removed == 0 {
		return removedOut{}, notFound("/id", fmt.Sprintf("there is no fault %d", *in.ID))
	}
	return removedOut{removed}, nil
}
