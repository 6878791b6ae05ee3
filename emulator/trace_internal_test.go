package emulator

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const (
	traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID  = "00f067aa0ba902b7"
	parent  = "00-" + traceID + "-" + spanID + "-01"
)

func TestTraceParent(t *testing.T) {
	for in, want := range map[string]string{
		parent:                                         parent,
		"00-" + traceID + "-" + spanID + "-00":         "00-" + traceID + "-" + spanID + "-00",
		"00-" + traceID + "-" + spanID + "-03":         "00-" + traceID + "-" + spanID + "-03",
		"cc-" + traceID + "-" + spanID + "-ff-what-of": parent,
		"01-" + traceID + "-" + spanID + "-0b":         parent,
		"01-" + traceID + "-" + spanID + "-02":         "00-" + traceID + "-" + spanID + "-00",
	} {
		if got := knownParent(in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
	for _, in := range []string{
		"", "00", parent[:54], parent + "-more", parent + "0", " " + parent, "ff" + parent[2:], "0x" + parent[2:],
		strings.ToUpper(parent), "00-" + strings.Repeat("0", 32) + "-" + spanID + "-01", "00-" + traceID + "-" + strings.Repeat("0", 16) + "-01",
		strings.Replace(parent, "-", "_", 1), "01-" + traceID + "-" + spanID + "-01x", "00-" + traceID[:31] + "g-" + spanID + "-01",
	} {
		if got := knownParent(in); got != "" {
			t.Errorf("%q is taken for %q", in, got)
		}
	}
}

func TestTraceState(t *testing.T) {
	long, many := strings.Repeat("x", 150), make([]string, 33)
	for i := range many {
		many[i] = "k" + strings.Repeat("a", i) + "=v"
	}
	for in, want := range map[string]string{
		"a=1":                        "a=1",
		"a=1, b=2,\tc=3":             "a=1,b=2,c=3",
		"a=1,,b=2,":                  "a=1,b=2",
		"1t@sys=a b":                 "1t@sys=a b",
		"a":                          "",
		"a=1,a=2":                    "",
		"A=1":                        "",
		"1a=1":                       "",
		"a=":                         "",
		"a=b=c":                      "",
		"a@=1":                       "",
		"a=\x01":                     "",
		strings.Join(many, ","):      "",
		strings.Join(many[:32], ","): strings.Join(many[:28], ","),
		"a=" + long + ",b=" + long + ",c=1,d=" + long + ",e=" + long: "a=" + long + ",b=" + long + ",c=1,d=" + long,
	} {
		if got := knownState(in); got != want {
			t.Errorf("%.60q: %q, want %q", in, got, want)
		}
	}
}

// FuzzTrace holds the reading of both headers against OpenTelemetry's, which
// keeps of the flags what it knows and sets no limit to the state.
func FuzzTrace(f *testing.F) {
	f.Add(parent, "a=1,b=2")
	f.Add("01"+parent[2:]+"-x", "a@b=1, c=d e")
	f.Add("00-"+traceID+"-"+spanID+"-ff", "a=1,a=2")
	f.Add(strings.ToUpper(parent), "")
	f.Fuzz(func(t *testing.T, parent, state string) {
		ours := traceOf(http.Header{"Traceparent": {parent}, "Tracestate": {state}})
		carrier := propagation.HeaderCarrier(http.Header{"Traceparent": {parent}, "Tracestate": {state}})
		theirs := trace.SpanContextFromContext(propagation.TraceContext{}.Extract(t.Context(), carrier))
		if (ours != nil) != theirs.IsValid() {
			// It lets unknown flags of version 00 be the end of a trace.
			if ours != nil && strings.HasPrefix(parent, "00") && parent[53:] > "03" {
				return
			}
			t.Fatalf("%q: ours %v, theirs %v", parent, ours, theirs)
		}
		if ours == nil {
			return
		}
		if got := ours.Parent[3:52]; got != theirs.TraceID().String()+"-"+theirs.SpanID().String() {
			t.Errorf("%q: trace and span %s", parent, got)
		}
		if sampled := strings.Contains("13579bdf", ours.Parent[54:]); sampled != theirs.IsSampled() {
			t.Errorf("%q: sampled is %v", parent, sampled)
		}
		if ours.State != "" && len(state) <= traceStateKept {
			if diff := cmp.Diff(theirs.TraceState().String(), ours.State); diff != "" {
				t.Errorf("%q: state (-theirs +ours):\n%s", state, diff)
			}
		}
	})
}

func TestTraceOfOneHeaderOnly(t *testing.T) {
	h := http.Header{"Traceparent": {parent, parent}}
	if got := traceOf(h); got != nil {
		t.Errorf("of two traceparents it takes %v", got)
	}
	h = http.Header{"Traceparent": {parent}, "Tracestate": {"a=1", "b=2"}}
	if got := traceOf(h); got == nil || got.State != "a=1,b=2" {
		t.Errorf("two tracestates are %v", got)
	}
}
