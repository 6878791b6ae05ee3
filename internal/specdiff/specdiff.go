// Package specdiff compares two contracts and says of every change whether a
// client of the old one breaks on it: oasdiff for what OpenAPI has words for
// (operations, parameters, bodies, answers), and comparisons of its own for the
// platform's dialect (errors, envelopes, lifecycles, events), of which oasdiff
// knows nothing.
//
// It promises: a change has a stable id, a reason, and its place in either
// document, as far as it is there; the same change in what several operations
// share is told once; two documents that say the same have no changes. It
// compares what is said, and does not know what a server does.
package specdiff

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// A Level says what a change means for a client of the old contract.
type Level string

// The levels of a change.
const (
	// Breaking is a change that a client may notice.
	Breaking Level = "breaking"
	// Compatible is a change that none can notice, or that clients are made
	// for.
	Compatible Level = "compatible"
)

// A Change is one difference of two contracts.
type Change struct {
	Level Level `json:"level"`
	// ID is stable: oasdiff's where the change is one of OpenAPI, one that
	// begins with x- where it is one of the dialect.
	ID string `json:"id"`
	// Operations are those that it is in; none for what is no operation's.
	Operations []string `json:"operations,omitempty"`
	// Text says what has changed, Reason why it has this level.
	Text   string `json:"text"`
	Reason string `json:"reason"`
	// Old and New are where it stands; nil where it does not.
	Old *Place `json:"old,omitempty"`
	New *Place `json:"new,omitempty"`
}

// A Place is where something stands in a document.
type Place struct {
	// Pointer is its JSON pointer as a fragment.
	Pointer string `json:"pointer"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
}

// String is file:line:column and the pointer.
func (p *Place) String() string {
	return fmt.Sprintf("%s:%d:%d %s", p.File, p.Line, p.Column, p.Pointer)
}

// A Document is one side of a comparison.
type Document struct {
	// Name is the name that places have.
	Name string
	Data []byte
	// Verified says that the document is known to be valid.
	Verified bool
}

// A side is a document as the comparison needs it.
type side struct {
	Document
	contract *spec.Contract
	places   *spec.Places
}

func open(d Document) (*side, error) {
	c, err := spec.Load(d.Data, spec.LoadOptions{Name: d.Name, Verified: d.Verified})
	if err != nil {
		return nil, err
	}
	places, err := spec.ReadPlaces(d.Data)
	if err != nil {
		return nil, err
	}
	return &side{d, c, places}, nil
}

// place is where a pointer leads; nil where it does not lead all the way.
func (s *side) place(parts ...string) *Place {
	var b strings.Builder
	b.WriteByte('#')
	for _, part := range parts {
		b.WriteString("/" + strings.ReplaceAll(strings.ReplaceAll(part, "~", "~0"), "/", "~1"))
	}
	at := s.places.Find(b.String())
	if strings.Count(at.Pointer, "/") < len(parts) {
		return nil
	}
	return s.of(at)
}

func (s *side) of(at spec.Place) *Place {
	return &Place{Pointer: at.Pointer, File: s.Name, Line: at.Line, Column: at.Column}
}

// Compare returns the changes from one contract to another: the breaking ones
// first, then by where they stand. The error says which document is none.
func Compare(ctx context.Context, from, to Document) ([]Change, error) {
	before, err := open(from)
	if err != nil {
		return nil, err
	}
	after, err := open(to)
	if err != nil {
		return nil, err
	}
	c := &comparison{old: before, new: after}
	if err := c.openAPI(ctx); err != nil {
		return nil, err
	}
	if before.contract.Platform() != after.contract.Platform() {
		c.add(Change{
			Level: Breaking, ID: "x-dialect", Text: "one document is in the platform's dialect, the other is not",
			Reason: "errors, envelopes, lifecycles and events are in one of them only",
		})
	} else if before.contract.Platform() {
		c.catalogue()
		c.envelopes()
		c.operations()
		c.events()
		c.lifecycles()
	}
	slices.SortStableFunc(c.changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(rank(a.Level), rank(b.Level)), cmp.Compare(a.line(), b.line()))
	})
	return c.changes, nil
}

func rank(l Level) int {
	if l == Breaking {
		return 0
	}
	return 1
}

// line is where a change is shown: in the new document, if it is there.
func (c *Change) line() int {
	switch {
	case c.New != nil:
		return c.New.Line
	case c.Old != nil:
		return c.Old.Line
	}
	return 0
}

// A comparison gathers changes.
type comparison struct {
	old, new *side
	changes  []Change
}

// add takes a change in; one that is there already gets its operations.
func (c *comparison) add(change Change) {
	i := slices.IndexFunc(c.changes, func(have Change) bool {
		return have.ID == change.ID && have.Text == change.Text && same(have.Old, change.Old) && same(have.New, change.New)
	})
	if i < 0 {
		c.changes = append(c.changes, change)
		return
	}
	for _, op := range change.Operations {
		if !slices.Contains(c.changes[i].Operations, op) {
			c.changes[i].Operations = append(c.changes[i].Operations, op)
		}
	}
}

func same(a, b *Place) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// code writes a name or a value in a text.
func code(s string) string { return "`" + s + "`" }

// changed adds a change of something that both documents have.
func (c *comparison) changed(level Level, id, text, reason string, at ...string) {
	c.add(Change{Level: level, ID: id, Text: text, Reason: reason, Old: c.old.place(at...), New: c.new.place(at...)})
}

// members compares two lists of names: gone is called for what only the old one
// has, come for what only the new one has.
func members(was, now []string, gone, come func(name string)) {
	for _, name := range was {
		if !slices.Contains(now, name) {
			gone(name)
		}
	}
	for _, name := range now {
		if !slices.Contains(was, name) {
			come(name)
		}
	}
}
