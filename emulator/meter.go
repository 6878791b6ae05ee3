package emulator

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/swanemu/emu/internal/spec"
)

// What an emulator counts of itself, for Prometheus and its like. Nothing here
// is read by what decides. Labels have the values of the contract's own names
// (operations, refusals, events) and of constants; what is in neither goes
// under unknown, and no label names a sandbox, so that their number is bounded.

// unknownLabel stands for an operation or an event that the contract does not
// have.
const unknownLabel = "unknown"

// A metric is one family of what is exposed.
type metric struct {
	name, kind, help string
	labels           []string
}

// The names of the families that are counted as things happen.
const (
	metricExchanges  = "emu_exchanges_total"
	metricExchange   = "emu_exchange_duration_seconds"
	metricControl    = "emu_control_requests_total"
	metricDeliveries = "emu_deliveries_total"
	metricDelivery   = "emu_delivery_duration_seconds"
	metricHostCalls  = "emu_host_calls_total"
	metricFaults     = "emu_faults_total"
	metricBreaches   = "emu_contract_breaches_total"
	metricEntries    = "emu_journal_appended_total"
)

// The names of those that are counted when somebody looks.
const (
	metricBuild     = "emu_build_info"
	metricSandboxes = "emu_sandboxes"
	metricJournal   = "emu_journal_entries"
	metricOwed      = "emu_events_owed"
	metricTimers    = "emu_timers"
)

// emulatorMetrics is the table of everything that is exposed besides what is
// known of the process and the Go runtime. docs/operations.md is made from it.
func emulatorMetrics() []metric {
	return []metric{
		{metricExchanges, "counter", "Calls to the platform that were answered. status is the HTTP status, 0 where a fault left none; outcome is ok, the name of the refusal in the contract, preferred (a Prefer header), fault, or mismatch.", []string{"operation", "status", "outcome"}},
		{metricExchange, "histogram", "Time from the header of a call read to its answer ready, on the machine's clock; what a fault holds back is part of it.", []string{"operation"}},
		{metricControl, "counter", "Requests to the control API.", []string{"operation", "status"}},
		{metricDeliveries, "counter", "Attempts to deliver an event. channel is push, notify or kafka; result is ok, retry (it will be sent again) or failed (it will not).", []string{"channel", "event", "result"}},
		{metricDelivery, "histogram", "Time of an attempt over the wire, on the machine's clock; of Kafka that of a batch.", []string{"channel"}},
		{metricHostCalls, "counter", "Requests to the servers of host apps. result is ok or failed.", []string{"result"}},
		{metricFaults, "counter", "Interferences that were scripted and have hit. on is call, push, notify or kafka; do is what was done.", []string{"on", "do"}},
		{metricBreaches, "counter", "Answers and events of the emulator that broke the contract, and panics: faults of the emulator.", []string{"operation"}},
		{metricEntries, "counter", "Entries written to journals.", []string{"kind"}},
		{metricJournal, "gauge", "Entries that the journals of all sandboxes hold.", nil},
		{metricOwed, "gauge", "Events that are waiting or under way, in all sandboxes.", []string{"channel"}},
		{metricTimers, "gauge", "Timers that are set, in all sandboxes.", nil},
		{metricSandboxes, "gauge", "Sandboxes.", nil},
		{metricBuild, "gauge", "Always 1; its labels say what runs.", []string{"version", "go"}},
	}
}

// exchangeBounds and deliveryBounds are the upper bounds of the histograms, in
// seconds.
func exchangeBounds() []float64 {
	return []float64{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10}
}

func deliveryBounds() []float64 {
	return []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
}

// A meter counts what an emulator does. It is safe for concurrent use.
type meter struct {
	sets map[string]*metrics.Set // by family
	// entries is what is counted most, by kind; the map does not change.
	entries map[string]*metrics.Counter
}

// An operationMeter counts the calls of one operation.
type operationMeter struct {
	operation string
	duration  *metrics.PrometheusHistogram
	// answers are the answers there have been, few of them.
	answers atomic.Pointer[[]answerCounter]
}

// An answerCounter counts the answers of one kind.
type answerCounter struct {
	status  int
	outcome string
	count   *metrics.Counter
}

func newMeter() *meter {
	m := &meter{sets: map[string]*metrics.Set{}, entries: map[string]*metrics.Counter{}}
	for _, f := range emulatorMetrics() {
		m.sets[f.name] = metrics.NewSet()
	}
	for _, kind := range entryKinds() {
		m.entries[kind] = m.sets[metricEntries].NewCounter(labelled(metricEntries, "kind", kind))
	}
	return m
}

// of returns the counts of a contract's operations, by operationId. Those of a
// name go on from one contract to the next.
func (m *meter) of(c *spec.Contract) map[string]*operationMeter {
	operations := map[string]*operationMeter{"": {operation: unknownLabel}}
	for _, op := range c.Operations() {
		operations[op.ID] = &operationMeter{operation: op.ID}
	}
	for _, o := range operations {
		o.duration = m.sets[metricExchange].GetOrCreatePrometheusHistogramExt(labelled(metricExchange, "operation", o.operation), exchangeBounds())
	}
	return operations
}

// labelled is the name of one series: label names and values in turn.
func labelled(name string, pairs ...string) string {
	var b strings.Builder
	b.WriteString(name)
	sep := "{"
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteString(sep)
		sep = ","
		b.WriteString(pairs[i] + `="` + labelEscapes().Replace(pairs[i+1]) + `"`)
	}
	if len(pairs) > 0 {
		b.WriteByte('}')
	}
	return b.String()
}

func labelEscapes() *strings.Replacer {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
}

// exchange counts a call that was answered.
func (m *meter) exchange(o *operationMeter, status int, outcome string, took time.Duration) {
	o.duration.Update(took.Seconds())
	for {
		known := o.answers.Load()
		if known != nil {
			for i := range *known {
				if a := &(*known)[i]; a.status == status && a.outcome == outcome {
					a.count.Inc()
					return
				}
			}
		}
		var more []answerCounter
		if known != nil {
			more = slices.Clone(*known)
		}
		more = append(more, answerCounter{status, outcome, m.sets[metricExchanges].GetOrCreateCounter(labelled(metricExchanges,
			"operation", o.operation, "status", strconv.Itoa(status), "outcome", outcome))})
		o.answers.CompareAndSwap(known, &more)
	}
}

// count adds one to a series: names and values of its labels.
func (m *meter) count(name string, pairs ...string) {
	m.sets[name].GetOrCreateCounter(labelled(name, pairs...)).Inc()
}

// sent notes how long an attempt over the wire took.
func (m *meter) sent(channel string, took time.Duration) {
	m.sets[metricDelivery].GetOrCreatePrometheusHistogramExt(labelled(metricDelivery, "channel", channel), deliveryBounds()).Update(took.Seconds())
}

// A census is what is there when somebody looks.
type census struct {
	sandboxes, entries, timers uint64
	owed                       map[string]uint64
}

// census counts what the sandboxes hold. It moves no time.
func (e *Emulator) census() census {
	c := census{owed: map[string]uint64{ChannelPush: 0, ChannelNotify: 0, ChannelKafka: 0}}
	for _, s := range e.all() {
		s.mu.Lock()
		c.sandboxes++
		c.entries += uint64(len(s.journal.entries))
		c.timers += uint64(len(s.state.Timers))
		for _, ev := range s.state.Events {
			if ev.Status == eventWaiting || ev.Status == eventDue {
				c.owed[ev.Channel]++
			}
		}
		s.mu.Unlock()
	}
	return c
}

// expose writes everything in Prometheus' text format.
func (e *Emulator) expose() []byte {
	var b bytes.Buffer
	c := e.census()
	for _, f := range emulatorMetrics() {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind)
		gauge := func(n uint64, pairs ...string) { fmt.Fprintf(&b, "%s %d\n", labelled(f.name, pairs...), n) }
		switch f.name {
		case metricBuild:
			gauge(1, "version", e.opt.Version, "go", runtime.Version())
		case metricSandboxes:
			gauge(c.sandboxes)
		case metricJournal:
			gauge(c.entries)
		case metricTimers:
			gauge(c.timers)
		case metricOwed:
			for _, channel := range []string{ChannelPush, ChannelNotify, ChannelKafka} {
				gauge(c.owed[channel], "channel", channel)
			}
		default:
			b.Write(series(e.meter.sets[f.name].WritePrometheus))
		}
	}
	b.Write(series(metrics.WriteProcessMetrics))
	return b.Bytes()
}

// series is what write writes without the comments, which are a setting of the
// whole process in the library.
func series(write func(io.Writer)) []byte {
	var all, out bytes.Buffer
	write(&all)
	for line := range bytes.Lines(all.Bytes()) {
		if line[0] != '#' {
			out.Write(line)
		}
	}
	return out.Bytes()
}
