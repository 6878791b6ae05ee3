package emulator

import (
	"cmp"
	"log/slog"
	"net/url"
	"strconv"
	"time"

	"github.com/swanemu/emu/internal/clock"
)

// What an emulator tells its operator as it goes: one line per exchange, per
// attempt to deliver and per order, each with the number of the journal's entry
// it is about, and counts of them. It is told from the journal, which it does
// not change; lines are written when the sandbox has let go of its lock. What is
// replayed is not told again. No line has parameters, bodies or credentials.

// A line is one of the log's that waits for the end of an input.
type line struct {
	level slog.Level
	text  string
	attrs []slog.Attr
}

// observe is told of each entry of the journal, with the lock held.
func (s *Sandbox) observe(e Entry) {
	m := s.em.meter
	m.entries[e.Kind].Inc()
	switch d := e.Detail.(type) {
	case *Attempt:
		m.count(metricDeliveries, "channel", d.Channel, "event", s.em.knownEvent(d.Name), "result", d.result())
	case *FaultDetail:
		m.count(metricFaults, "on", d.On, "do", d.Do)
	case *HostCall:
		result := "ok"
		if !d.OK {
			result = "failed"
		}
		m.count(metricHostCalls, "result", result)
	case *Mismatch:
		m.count(metricBreaches, "operation", d.Operation)
	case *Control:
	default:
		return
	}
	s.noteLocked(e)
}

// knownEvent is an event's name, or unknown for one that only an imported state
// knows.
func (e *Emulator) knownEvent(name string) string {
	if _, ok := e.program().contract.Event(name); !ok {
		return unknownLabel
	}
	return name
}

// result is what came of an attempt: ok, retry or failed.
func (a *Attempt) result() string {
	switch {
	case a.OK:
		return "ok"
	case a.Next != "":
		return "retry"
	}
	return "failed"
}

// noteLocked keeps the line of an entry, if somebody wants to read it.
func (s *Sandbox) noteLocked(e Entry) {
	var l line
	add := func(attrs ...slog.Attr) {
		if l.attrs == nil {
			l.attrs = []slog.Attr{slog.String("sandbox", s.name), slog.Int64("entry", e.Seq)}
		}
		l.attrs = append(l.attrs, attrs...)
	}
	switch d := e.Detail.(type) {
	case *Attempt:
		if l.text = "delivery"; !d.OK {
			l.level = slog.LevelWarn
		}
		if !s.em.logs(l.level) {
			return
		}
		add(slog.Int64("cause", e.Cause), slog.String("channel", d.Channel), slog.String("event", d.Name), slog.Int64("id", d.Event),
			slog.Int("attempt", d.Number), slog.String("result", d.result()), slog.String("to", d.to()))
		add(given("status", d.Status), given("err", d.Error), given("next", d.Next))
		if ev := s.state.event(d.Event); ev != nil {
			add(given("trace", ev.Trace.id()))
		}
	case *HostCall:
		if l.text = "host call"; !d.OK {
			l.level = slog.LevelWarn
		}
		if !s.em.logs(l.level) {
			return
		}
		add(slog.Int64("cause", e.Cause), slog.Bool("ok", d.OK), given("status", d.Status), given("err", d.Error))
	case *Control:
		if l.text, l.level = "order", slog.LevelDebug; !s.em.logs(l.level) {
			return
		}
		add(slog.String("operation", d.Operation))
		if len(d.TraceParent) == traceParentSize {
			add(slog.String("trace", d.TraceParent[3:35]))
		}
	case *Mismatch:
		l.text, l.level = "mismatch", slog.LevelError
		add(slog.Int64("cause", e.Cause), slog.String("operation", d.Operation), slog.String("problem", d.Problem))
	}
	s.lines = append(s.lines, l)
}

// to is who an attempt went to, without what may be a secret in the address:
// a host, a topic or the inbox.
func (a *Attempt) to() string {
	if a.Channel == ChannelKafka || a.Sink == inboxSink {
		return a.Sink
	}
	u, err := url.Parse(a.Sink)
	if err != nil {
		return redacted
	}
	return u.Host
}

// given is an attribute that is left out where its value is that of nothing.
func given[T comparable](name string, value T) slog.Attr {
	var none T
	if value == none {
		return slog.Attr{}
	}
	return slog.Any(name, value)
}

// logs reports whether lines of a level are written.
func (e *Emulator) logs(level slog.Level) bool { return e.opt.Logger.Enabled(e.ctx, level) }

// tell writes lines. No lock may be held: whoever reads the log may be slow.
func (e *Emulator) tell(lines []line) {
	for _, l := range lines {
		e.opt.Logger.LogAttrs(e.ctx, l.level, l.text, l.attrs...)
	}
}

// answered counts a call to the platform and writes its line; began is when it
// came, on the machine's clock.
func (e *Emulator) answered(x *Exchange, began time.Time) {
	took := clock.Wall().Sub(began)
	operation, status := x.Operation(), e.wireStatus(x)
	e.meter.exchange(x.program.meters[operation], status, x.outcome, took)
	operation = cmp.Or(operation, unknownLabel)
	if x.broken {
		e.meter.count(metricBreaches, "operation", operation)
	}
	if !e.logs(slog.LevelInfo) {
		return
	}
	attrs := make([]slog.Attr, 0, 12)
	attrs = append(attrs, slog.String("sandbox", x.sandbox), slog.Int64("entry", x.seq), slog.String("operation", operation))
	if x.op == nil {
		attrs = append(attrs, slog.String("method", x.method), slog.String("path", shorten(x.path)))
	}
	attrs = append(attrs, slog.Int("status", status), slog.String("outcome", x.outcome))
	if form := x.program.wire.refusals[x.outcome]; form != nil {
		attrs = append(attrs, given("errno", form.code))
	}
	attrs = append(attrs, slog.Float64("ms", float64(took.Microseconds())/1000), given("fault", x.fault), given("trace", x.trace.id()))
	e.opt.Logger.LogAttrs(e.ctx, slog.LevelInfo, "exchange", attrs...)
}

// obeyed counts a request to the control API.
func (e *Emulator) obeyed(operation string, status int) {
	e.meter.count(metricControl, "operation", cmp.Or(operation, unknownLabel), "status", strconv.Itoa(status))
}
