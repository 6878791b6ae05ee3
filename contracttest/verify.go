package contracttest

import (
	"context"
	"strings"
)

// Verify holds a target against the contract and returns what it found; whether
// that is good is the report's Err. The error says that there was nothing to
// find out: options that make no sense, or ErrUnreachable.
func Verify(ctx context.Context, target Target, options Options) (*Report, error) {
	s, err := newSuite(target, options)
	if err != nil {
		return nil, err
	}
	if !s.options.DryRun {
		if err := s.knock(ctx); err != nil {
			return nil, err
		}
	}
	for i := range s.works {
		s.do(ctx, &s.works[i])
	}
	s.report.finish(s)
	return s.report, ctx.Err()
}

// A T is a test that has subtests, as *testing.T is one: S stands for its own
// type. It is declared here so that nothing which links this package links
// package testing.
type T[S any] interface {
	Helper()
	Context() context.Context
	Run(name string, f func(S)) bool
	Log(args ...any)
	Error(args ...any)
	Fatal(args ...any)
	Skip(args ...any)
}

// Run is Verify in a test: each case is a subtest operation/check/case, which
// fails with its findings and is skipped, with the reason, when it cannot be
// run. It returns the report for whoever wants more.
func Run[S T[S]](t S, target Target, options Options) *Report {
	t.Helper()
	s, err := newSuite(target, options)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.knock(t.Context()); err != nil {
		t.Fatal(err)
	}
	group(t, s.works, func(w *work) string { return w.operation }, func(t S, works []work) {
		group(t, works, func(w *work) string { return w.check }, func(t S, works []work) {
			for i := range works {
				t.Run(works[i].name, func(t S) { show(t, s.do(t.Context(), &works[i])) })
			}
		})
	})
	s.report.finish(s)
	if err := s.report.Err(); err != nil {
		t.Error(err)
	}
	return s.report
}

// group runs a subtest for each name that neighbouring cases have.
func group[S T[S]](t S, works []work, name func(*work) string, f func(S, []work)) {
	for len(works) > 0 {
		n := 1
		for n < len(works) && name(&works[n]) == name(&works[0]) {
			n++
		}
		batch := works[:n]
		works = works[n:]
		t.Run(name(&batch[0]), func(t S) { f(t, batch) })
	}
}

// show tells a test what became of a case.
func show[S T[S]](t S, r Result) {
	t.Helper()
	switch r.Status {
	case Failed:
		t.Error("\n" + strings.TrimRight(describe(r.Findings), "\n"))
	case Broken:
		t.Error("the harness failed: " + r.Reason)
	case Deviates:
		t.Log("known deviation")
	case NotRun, Planned:
		t.Skip(strings.TrimSuffix(string(r.Status)+": "+r.Reason, ": "))
	}
}
