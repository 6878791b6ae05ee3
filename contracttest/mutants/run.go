package mutants

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	emu "github.com/swanemu/emu"
	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/spec"
)

// A Lab makes mutants of one kind of server and runs the suite on them.
type Lab struct {
	// Population is what there is to run.
	Population *Population
	// Baseline is what the unmodified server comes to.
	Baseline *Baseline
	// Operations are those that runs are about; nil is all of the contract.
	Operations []string
	// Checks are those that runs are about; nil is all.
	Checks []string

	contract *spec.Contract
	make     Maker
}

// NewLab makes the population of the platform's own contract, for the servers
// that makeServer makes. It runs the suite once on an unmodified one, and fails
// where anything is found there.
func NewLab(ctx context.Context, makeServer Maker) (*Lab, error) {
	contract, err := spec.Load(emu.OpenAPI, spec.LoadOptions{Verified: true})
	if err != nil {
		return nil, err
	}
	b, err := Observe(ctx, contract, makeServer)
	if err != nil {
		return nil, err
	}
	return &Lab{Population: Generate(b), Baseline: b, contract: contract, make: makeServer}, nil
}

// A Verdict is what became of a mutant in a run.
type Verdict string

// The verdicts. A null mutant is clean or a false alarm, any other one killed,
// killed by other checks than those meant for it, survived or not reached.
const (
	Killed     Verdict = "killed"
	Elsewhere  Verdict = "killed elsewhere"
	Survived   Verdict = "survived"
	NotReached Verdict = "not reached"
	Clean      Verdict = "clean"
	FalseAlarm Verdict = "false alarm"
)

// A Result is one mutant and what the suite found.
type Result struct {
	Mutant
	Seed    uint64  `json:"seed"`
	Verdict Verdict `json:"verdict"`
	// Applied is how often the fault was put into effect.
	Applied int `json:"applied"`
	// Found are the checks that found something, in order.
	Found []string `json:"found,omitempty"`
	// Message is the first finding, or why the run broke off.
	Message  string `json:"message,omitempty"`
	Requests int    `json:"requests"`
}

// Run runs the suite on one mutant: first the part of it that is about the
// operation that the mutant is about, then, where no check that is meant to
// find it has, the whole on a fresh one. It ends with the first finding of such
// a check; on all others, and on null mutants, everything is run.
func (l *Lab) Run(ctx context.Context, m Mutant, seed uint64) (Result, error) {
	if op := l.about(&m); op != nil && l.Operations == nil {
		out, err := l.try(ctx, m, seed, op)
		if err != nil || out.Verdict == Killed {
			return out, err
		}
	}
	return l.try(ctx, m, seed, l.Operations)
}

// about is the operation that a mutant's ID names; nil for none and for null
// mutants.
func (l *Lab) about(m *Mutant) []string {
	parts := strings.Split(m.ID, "/")
	if m.Class == Null || len(parts) < 3 {
		return nil
	}
	if _, ok := l.contract.Operation(parts[2]); !ok {
		return nil
	}
	return parts[2:3]
}

// try runs the part of the suite that is about some operations, or the whole
// for nil.
func (l *Lab) try(ctx context.Context, m Mutant, seed uint64, operations []string) (Result, error) {
	out := Result{Mutant: m, Seed: seed}
	p, err := openPlatform(ctx, l.contract, l.make, seed, m.make())
	if err != nil {
		return out, fmt.Errorf("%s: %w", m.ID, err)
	}
	r, err := contracttest.Verify(ctx, p.target, contracttest.Options{
		Mode: contracttest.Destructive, Operations: operations, Checks: l.Checks, Stop: func(f contracttest.Finding) bool { return m.intends(f.Check) },
	})
	err = errors.Join(err, p.close(context.WithoutCancel(ctx)))
	if err != nil {
		return out, fmt.Errorf("%s: %w", m.ID, err)
	}
	out.Applied, out.Requests = p.faulty.times(), r.Requests
	for _, c := range r.Causes {
		if !slices.Contains(out.Found, c.Check) {
			out.Found = append(out.Found, c.Check)
		}
	}
	if len(r.Causes) > 0 {
		out.Message = r.Causes[0].Message
	}
	out.judge(r)
	return out, nil
}

// judge says what became of the mutant.
func (r *Result) judge(report *contracttest.Report) {
	if r.Class == Null {
		r.Verdict = Clean
		if err := report.Err(); err != nil {
			r.Verdict, r.Message = FalseAlarm, err.Error()+": "+r.Message
		}
		return
	}
	switch {
	case slices.ContainsFunc(r.Found, r.intends):
		r.Verdict = Killed
	case len(r.Found) > 0:
		r.Verdict = Elsewhere
	case r.Applied == 0:
		r.Verdict = NotReached
	default:
		r.Verdict = Survived
	}
}

// RunAll runs the suite on mutants, as many at a time as jobs says, and returns
// the results in the order of the mutants. Progress, unless it is nil, is told
// each as it comes.
func (l *Lab) RunAll(ctx context.Context, all []Mutant, seed uint64, jobs int, progress func(Result)) ([]Result, error) {
	out := make([]Result, len(all))
	errs := make([]error, len(all))
	next := make(chan int)
	var told sync.Mutex
	var wait sync.WaitGroup
	for range max(jobs, 1) {
		wait.Go(func() {
			for i := range next {
				out[i], errs[i] = l.Run(ctx, all[i], seed)
				if errs[i] == nil && progress != nil {
					told.Lock()
					progress(out[i])
					told.Unlock()
				}
			}
		})
	}
	for i := range all {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wait.Wait()
	return out, errors.Join(errors.Join(errs...), ctx.Err())
}
