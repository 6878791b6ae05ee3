package scenarios

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A Line is one line of a timeline.
type Line struct {
	// At is the sandbox's time.
	At time.Time `json:"at"`
	// Kind is call, push, kafka, notify, time, control, expect, note, transition, fault
	// or mismatch.
	Kind string `json:"kind"`
	// From and To are who told whom; What is what, Outcome how it ended.
	From    string `json:"from,omitempty"`
	To      string `json:"to,omitempty"`
	What    string `json:"what"`
	Outcome string `json:"outcome,omitempty"`
	// OK reports whether it went as it should.
	OK bool `json:"ok"`
	// Detail marks what only a curious reader wants to see.
	Detail bool `json:"detail,omitempty"`
}

// line puts a line on the timeline.
func (e *engine) line(l Line) {
	e.result.Timeline = append(e.result.Timeline, l)
	if e.o.Observe != nil {
		e.o.Observe(l)
	}
}

// told puts on the timeline what the journal has told since a mark.
func (e *engine) told(mark int) {
	for i := mark; i < len(e.entries); i++ {
		one := &e.entries[i]
		l := Line{At: one.At, OK: true}
		switch {
		case one.Delivery != nil:
			l = e.deliveryLine(one)
		case one.HostCall != nil:
			// That a host fails may be the story.
			l.Kind, l.From, l.To, l.What, l.Outcome = "call", "platform", "host", "exchange a code", or2(one.HostCall.Error, "ok")
		case one.Fault != nil:
			l.Kind, l.What = "fault", one.Fault.Do+" of "+one.Fault.On+" "+one.Fault.Target
		case one.Transition != nil:
			l.Kind, l.From, l.What, l.Detail = "transition", "platform", one.what(), true
		case one.Exchange != nil && one.own:
			l.Kind, l.From, l.To, l.What, l.Outcome, l.Detail = "call", "emu", "platform", one.Exchange.Operation, one.Exchange.Outcome, true
		case one.Mismatch != nil:
			l.Kind, l.What, l.OK = "mismatch", one.what(), false
		default:
			continue
		}
		l.Detail = l.Detail || one.own
		e.line(l)
	}
}

func (e *engine) deliveryLine(one *entry) Line {
	d := one.Delivery
	l := Line{At: one.At, Kind: d.Channel, From: "platform", To: "tp", What: d.Name, Outcome: "ok", OK: true}
	if s := e.events[d.Event]; s != nil {
		switch {
		case d.Channel == channelKafka:
			l.To, l.What = "alliance", noticeText(s)
		case d.Channel == channelNotify:
			members, _ := s.payload.(map[string]any)
			l.To, l.What = "merchant", d.Name+" for order "+textOf(members["tpOrderId"])
		case s.App != 0:
			l.What = fmt.Sprintf("%s for app %d", d.Name, s.App)
		}
	}
	if d.Sink == "inbox" {
		l.Outcome = "inbox"
	}
	if d.Attempt > 1 {
		l.What += fmt.Sprintf(" (attempt %d)", d.Attempt)
	}
	if !d.OK {
		// That a delivery fails may be the story.
		l.Outcome = d.Error
		if next, err := time.Parse(time.RFC3339Nano, d.Next); err == nil {
			l.Outcome += ", again at " + next.Format(time.TimeOnly)
		}
	}
	return l
}

// noticeText is a Kafka notice in words.
func noticeText(s *sent) string {
	members, _ := s.payload.(map[string]any)
	text := "notice " + textOf(members["code"])
	data, _ := members["data"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(data)) {
		text += " " + strings.TrimSuffix(name, "_id") + " " + textOf(data[name])
	}
	return text
}

// A Printer writes timelines and results for people.
type Printer struct {
	// W is where to.
	W io.Writer
	// Color turns colours on.
	Color bool
	// Verbose shows details too.
	Verbose bool

	day string
}

// The colours of a terminal.
const (
	plainText = ""
	bold      = "1"
	dim       = "2"
	red       = "31"
	green     = "32"
	yellow    = "33"
	blue      = "34"
	magenta   = "35"
	cyan      = "36"
)

func (p *Printer) paint(color, text string) string {
	if !p.Color || color == plainText || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// Begin writes what is going to be told.
func (p *Printer) Begin(s *Scenario) {
	p.day = ""
	fmt.Fprintln(p.W, p.paint(bold, s.Name)+"  "+s.Summary)
}

// Line writes one line.
func (p *Printer) Line(l Line) {
	if l.Detail && !p.Verbose {
		return
	}
	at := l.At.In(zone())
	if day := at.Format("Mon 2006-01-02"); day != p.day {
		p.day = day
		fmt.Fprintln(p.W, p.paint(dim, "  "+day))
	}
	stamp := p.paint(dim, at.Format(time.TimeOnly))
	mark, color := "✓", green
	if !l.OK {
		mark, color = "✗", red
	}
	switch l.Kind {
	case "fault":
		fmt.Fprintf(p.W, "  %s  %s\n", stamp, p.paint(yellow, "⚡ "+l.What))
	case "time":
		fmt.Fprintf(p.W, "  %s  %s\n", stamp, p.paint(dim, "⏩ "+l.What))
	case "note":
		fmt.Fprintf(p.W, "  %s  %s\n", stamp, p.paint(bold, "# "+l.What))
	case "expect", "mismatch":
		fmt.Fprintf(p.W, "  %s  %s %s\n", stamp, p.paint(color, mark), l.What)
	default:
		fmt.Fprintf(p.W, "  %s  %s  %s  %s\n", stamp, p.paint(kindColor(l.Kind), who(l)), pad(l.What, 44), p.outcome(l))
	}
}

func (p *Printer) outcome(l Line) string {
	switch {
	case !l.OK:
		return p.paint(red, "✗ "+l.Outcome)
	case l.Outcome == "ok" || l.Outcome == "inbox" || l.Outcome == "":
		return p.paint(green, l.Outcome)
	}
	return p.paint(yellow, l.Outcome)
}

func who(l Line) string {
	if l.To == "" {
		return pad(l.From, 29)
	}
	return pad(l.From, 15) + " → " + pad(l.To, 11)
}

func kindColor(kind string) string {
	switch kind {
	case channelPush, channelNotify:
		return magenta
	case channelKafka:
		return blue
	case "call":
		return cyan
	}
	return dim
}

// pad fills a text up with spaces.
func pad(s string, width int) string {
	if n := width - utf8.RuneCountInString(s); n > 0 {
		return s + strings.Repeat(" ", n)
	}
	return s
}

// End writes how a run ended.
func (p *Printer) End(r *Result) {
	took := Duration(r.End.Sub(r.Start).Round(time.Millisecond))
	if r.Passed() {
		fmt.Fprintf(p.W, "%s %s: %d steps, %s in the sandbox\n\n", p.paint(green, "✓"), r.Name, len(r.Steps), took)
		return
	}
	f := r.Failure
	fmt.Fprintf(p.W, "%s %s: %s\n", p.paint(red, "✗"), p.paint(bold, f.At), f.Title)
	fmt.Fprintf(p.W, "  step %d of %d: %s\n", f.Step, len(r.Steps), p.paint(red, f.Message))
	p.sideBySide(f.Mismatches)
	p.list("arrived:", f.Arrived)
	p.list("answer:", nonEmpty(f.Answer))
	p.list("again:", nonEmpty(f.Curl))
	p.list("journal:", f.Causes)
	fmt.Fprintln(p.W)
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

func (p *Printer) list(title string, lines []string) {
	for i, line := range lines {
		if i > 0 {
			title = ""
		}
		fmt.Fprintf(p.W, "  %s %s\n", p.paint(dim, pad(title, 9)), line)
	}
}

// sideBySide writes differences in three columns.
func (p *Printer) sideBySide(m []Mismatch) {
	if len(m) == 0 {
		return
	}
	first, second := len("path"), len("expected")
	for _, one := range m {
		first = min(max(first, utf8.RuneCountInString(one.Path)), 30)
		second = min(max(second, utf8.RuneCountInString(one.Expected)), 60)
	}
	fmt.Fprintf(p.W, "  %s\n", p.paint(dim, pad("", first)+"   "+pad("expected", second)+"   actual"))
	for _, one := range m {
		fmt.Fprintf(p.W, "  %s   %s   %s\n", pad(one.Path, first), p.paint(green, pad(one.Expected, second)), p.paint(red, one.Actual))
	}
}

// zone is the one that the platform's times are in.
func zone() *time.Location { return time.FixedZone("Asia/Shanghai", 8*60*60) }
