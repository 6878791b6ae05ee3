package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/clock"
)

const (
	// meterEvery is how often the line is written at most, meterWidth how long
	// it is at most: on a narrower terminal it would leave traces.
	meterEvery = 80 * time.Millisecond
	meterWidth = 79
	// eraseLine goes to the beginning of the line and erases it.
	eraseLine = "\r\x1b[K"
)

// movable tells whether a line can be written over: on a terminal, unless it
// is a dumb one.
func movable(w io.Writer, env []string) bool {
	return terminal(w) && !slices.Contains(env, "TERM=dumb")
}

// A meter is one line of a terminal that says how far a run is.
type meter struct {
	w    io.Writer
	last time.Time
	on   bool
}

// show writes the line over the one before, now and then.
func (m *meter) show(p contracttest.Progress) {
	now := clock.Wall()
	if p.Operation == "" || now.Sub(m.last) < meterEvery {
		return
	}
	m.last, m.on = now, true
	found := "findings"
	if p.Causes == 1 {
		found = "finding"
	}
	text := fmt.Sprintf("%d of %d cases, %d %s, %d requests: %s", p.Done, p.Total, p.Causes, found, p.Requests, p.Operation)
	fmt.Fprint(m.w, eraseLine+text[:min(len(text), meterWidth)])
}

// clear takes the line away.
func (m *meter) clear() {
	if m.on {
		fmt.Fprint(m.w, eraseLine)
		m.on = false
	}
}
