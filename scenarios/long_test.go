//go:build unix

package scenarios_test

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/scenarios"
)

// longSteps is how long the long story is, longTime what a step may take of
// the processor, as a multiple of the floor; the race detector makes everything
// slow.
const (
	longSteps = 10_000
	longTime  = 8
)

// longStory is a generated file of so many steps: a package goes to and fro
// between development and review, and somebody keeps looking at it.
func longStory(steps int) []byte {
	round := []string{
		"- call: submitPackageAudit\n  with: {package_id: 5, content: 送审, remark: ''}\n",
		"- advance: 1m\n",
		"- call: listPackages\n  expect: {data: [{status: 4}]}\n",
		"- expect kafka: {code: 101}\n",
		"- call: withdrawPackageAudit\n  with: {package_id: 5}\n",
		"- expect kafka: {code: 101}\n",
		"- advance: 1s\n",
		"- expect state: {package: 5, state: development}\n",
		"- call: getAuditQuota\n",
		"- advance: 1m\n",
	}
	var b strings.Builder
	b.WriteString("name: long\nplatform: {quotas: {audits: 100000}}\nclock: {mode: virtual}\n" +
		"given: {apps: [{app_id: 1452365, packages: [{version: 1.0.0, state: development, package_id: 5}]}], config: {audit_delay: 1h}}\nsteps:\n")
	for i := range steps {
		b.WriteString(round[i%len(round)])
	}
	return []byte(b.String())
}

// TestTenThousandSteps reads and plays a generated file of ten thousand steps
// and holds its time against a floor that is measured in the same run, so that
// the machine does not matter.
func TestTenThousandSteps(t *testing.T) {
	file := longStory(longSteps)
	floor := floorOf(t)
	began, busy := clock.Wall(), processor(t)
	s, err := scenarios.Parse("long.yaml", file)
	if err != nil {
		t.Fatal(err)
	}
	read := clock.Wall().Sub(began)
	r, err := scenarios.Run(t.Context(), s, scenarios.Options{})
	if err != nil {
		t.Fatal(err)
	}
	took, used := clock.Wall().Sub(began), processor(t)-busy
	floor = (floor + floorOf(t)) / 2
	ratio := float64(used) / float64(floor)
	if !r.Passed() {
		t.Fatal(r.Failure.Text())
	}
	t.Logf("%d steps in %.2f s, %.2f s of them to read the file; %.2f s of the processor, %.1f times the floor",
		len(r.Steps), took.Seconds(), read.Seconds(), used.Seconds(), ratio)
	if len(r.Steps) != longSteps {
		t.Errorf("%d steps were played, want %d", len(r.Steps), longSteps)
	}
	if ratio > longTime {
		t.Errorf("it took %.1f times the floor of the processor, want at most %d", ratio, longTime)
	}
}

// floorOf is the processor's time for as many small JSON documents, read and
// written again twenty times each.
func floorOf(t *testing.T) time.Duration {
	t.Helper()
	const text = `{"errno":0,"msg":"success","data":[{"package_id":5,"version":"1.0.0","status":4,"remark":"送审"}]}`
	began := processor(t)
	for range 20 * longSteps {
		var v map[string]any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if _, err := json.Marshal(v); err != nil {
			t.Fatal(err)
		}
	}
	return processor(t) - began
}

// processor is the time that this process has used.
func processor(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSteps is the time of one step of the long story.
func BenchmarkSteps(b *testing.B) {
	s, err := scenarios.Parse("long.yaml", longStory(1000))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r, err := scenarios.Run(b.Context(), s, scenarios.Options{})
		if err != nil || !r.Passed() {
			b.Fatal(err, r)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(s.Steps)), "µs/step")
}
