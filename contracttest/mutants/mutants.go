// Package mutants makes servers that are wrong on purpose, to prove the suite
// of package contracttest: from the contract, not by hand, one fault for each
// thing that can be wrong with each answer, parameter, token, step, push and
// notice, and variants that are not wrong at all.
//
// It promises: a mutant has one fault and keeps its ID; the fault stands
// between a server and its client, or really changes the server's state over
// its control API, and nothing of the server's code is changed; what no client
// could see, because the unmodified server never comes to it, is no mutant and
// is listed with the reason; a mutant whose fault was never put into effect
// counts as not reached, never as found; the same seed draws the same sample.
// It does not know how the checks work.
package mutants

import (
	"cmp"
	"slices"
	"strings"

	"github.com/swanemu/emu/contracttest"
)

// A Class is a kind of mutants.
type Class string

// The classes.
const (
	// Wire mutants answer in a form that the contract does not have.
	Wire Class = "wire"
	// Input mutants accept wrong requests, or refuse valid ones.
	Input Class = "input"
	// Token mutants let in who must not get in, or keep out who may.
	Token Class = "token"
	// State mutants do something else than the lifecycle says, or show it
	// wrongly.
	State Class = "state"
	// Push and Kafka mutants send wrong pushes and wrong notices.
	Push  Class = "push"
	Kafka Class = "kafka"
	// Null mutants are as good as the unmodified server.
	Null Class = "null"
)

// Classes lists the classes, the null mutants last.
func Classes() []Class { return []Class{Wire, Input, Token, State, Push, Kafka, Null} }

// A Mutant is a server with one fault.
type Mutant struct {
	// ID is stable: class/kind/what it is about, e.g.
	// wire/drop/listPackages/data.*.commit_time.
	ID    string `json:"id"`
	Class Class  `json:"class"`
	// Note says in one line what is wrong.
	Note string `json:"note"`
	// Checks are the checks that are meant to find it, any of them, by id or
	// by what it begins with; none for a null mutant.
	Checks []string `json:"checks,omitempty"`
	// Served says that the fault shows to any client of its address, not only
	// to the harness of a run.
	Served bool `json:"served"`

	make func() *fault
}

// Kind is the second part of the ID: what is done.
func (m *Mutant) Kind() string {
	parts := strings.SplitN(m.ID, "/", 3)
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}

// intends reports whether a check is meant to find the mutant.
func (m *Mutant) intends(check string) bool {
	return slices.ContainsFunc(m.Checks, func(want string) bool { return check == want || strings.HasPrefix(check, want+".") })
}

// An Exclusion is a fault that no client could see, and why.
type Exclusion struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// A Population is all mutants of a contract.
type Population struct {
	// Mutants are in order of class and ID.
	Mutants []Mutant `json:"mutants"`
	// Excluded are those that were not made, in order of ID.
	Excluded []Exclusion `json:"excluded"`
}

// A fault is one fault at work in one run. Each part is nil where it does
// nothing.
type fault struct {
	// before may change a request, or answer it; after changes an answer.
	before, after func(*message)
	// decide changes what the platform decides; false lets it decide nothing.
	decide func(*contracttest.Verdict) bool
	// pushes and notices change all that has arrived so far.
	pushes  func(*faulty, []contracttest.Push) []contracttest.Push
	notices func(*faulty, []contracttest.Notice) []contracttest.Notice
	// told changes all that merchants were told so far.
	told func(*faulty, []contracttest.Notification) []contracttest.Notification
	// batched says that pushes does nothing to one push by itself.
	batched bool
	// steps changes the state behind a step of the lifecycle, of the name
	// stepName or any for ""; it reports whether it did.
	steps    func(*world, *node, step) bool
	stepName string
	// ordered says that the steps are those of orders and refunds: they are
	// followed before the harness decides or moves time, too.
	ordered bool
	// heard is what the platform hears where a merchant answers something.
	heard func(event string, a contracttest.Answer) contracttest.Answer
}

// Generate makes the population of a contract. The baseline says what the
// unmodified server comes to.
func Generate(b *Baseline) *Population {
	g := &generator{contract: b.contract, baseline: b}
	for _, class := range []func(*generator){
		wireFields, wireWhole, wireErrors, inputRules, inputStrict, tokens, states, views, orderStates, pushes, merchants, notices, nulls,
	} {
		class(g)
	}
	slices.SortStableFunc(g.out.Mutants, func(a, b Mutant) int {
		return cmp.Or(slices.Index(Classes(), a.Class)-slices.Index(Classes(), b.Class), strings.Compare(a.ID, b.ID))
	})
	slices.SortFunc(g.out.Excluded, func(a, b Exclusion) int { return strings.Compare(a.ID, b.ID) })
	return &g.out
}
