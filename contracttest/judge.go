package contracttest

import (
	"cmp"
	"fmt"
	"net/http"
	"sync"
	"time"

	emu "github.com/swanemu/emu"
	"github.com/swanemu/emu/internal/spec"
)

// What the suite, which sends requests, and an Observer, which does not, have
// in common.

// A judge knows a contract and what to hold against an answer.
type judge struct {
	contract  *spec.Contract
	kinds     *classifier
	lifecycle *spec.Lifecycle // of packages; empty in a contract without one
	hide      redactor
	// secrets are the AnswerSecrets of each operation.
	secrets map[string][]string
	// document is the contract as it was written, named as reports name it;
	// places finds the lines of pointers, and is nil where it has none.
	document []byte
	named    string
	places   func() *spec.Places
	// ownForms says that a host answers the host API in forms of its own.
	ownForms bool
	// answerTime is how long is waited for an answer.
	answerTime time.Duration
}

// own is the platform's own contract, compiled once for all runs: it never
// changes.
var own = sync.OnceValues(func() (*spec.Contract, error) {
	return spec.Load(emu.OpenAPI, spec.LoadOptions{Verified: true})
})

// newJudge compiles a contract; nil is the platform's own.
func newJudge(document []byte, name string) (*judge, error) {
	load := own
	if document == nil {
		document = emu.OpenAPI
	} else {
		load = func() (*spec.Contract, error) { return spec.Load(document, spec.LoadOptions{}) }
	}
	contract, err := load()
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	j := &judge{
		contract: contract, kinds: newClassifier(contract), lifecycle: &spec.Lifecycle{}, secrets: map[string][]string{},
		document: document, named: cmp.Or(name, "openapi.yaml"),
		places: sync.OnceValue(func() *spec.Places {
			places, err := spec.ReadPlaces(document)
			if err != nil {
				return nil // no document that Load has taken gets here
			}
			return places
		}),
	}
	for _, op := range contract.Operations() {
		j.secrets[op.ID] = op.AnswerSecrets()
	}
	if l, ok := contract.Lifecycle("package"); ok {
		j.lifecycle = l
	}
	return j, nil
}

// A notebook takes down which checks put their question, and what they found.
type notebook interface {
	saw(check string)
	fail(f Finding)
}

// A look at one exchange in passing: what a judge says goes into a notebook.
type look struct {
	*judge
	notebook
}

// learn takes note of the secrets that an answer issues.
func (j *judge) learn(x *exchange) {
	for _, name := range j.secrets[x.op.ID] {
		for _, value := range textsOf(x.answer, name) {
			j.hide.learn(variable(name), value)
		}
	}
}

// complete fills in where a finding's contract stands and where that is from,
// and hides secrets.
func (j *judge) complete(f *Finding) {
	op, of := j.contract.Operation(f.Operation)
	if of && f.SpecPointer == "" {
		f.SpecPointer = op.Pointer()
	}
	j.locate(f)
	if of && f.Evidence == (spec.Evidence{}) {
		f.Evidence = op.Evidence
	}
	f.Meaning = meaning(f.Evidence)
	for _, text := range []*string{&f.Message, &f.Expected, &f.Actual} {
		*text = j.hide.hide(*text)
	}
}

// locate finds the line of the contract that a finding's pointer means, or the
// nearest thing to it.
func (j *judge) locate(f *Finding) {
	if f.SpecPointer == "" {
		return
	}
	places := j.places()
	if places == nil {
		return
	}
	at := places.Within(f.SpecPointer, f.ValuePointer, f.keyword)
	f.SpecPointer, f.Document, f.Line, f.Column = at.Pointer, j.named, at.Line, at.Column
	if f.Evidence == (spec.Evidence{}) {
		f.Evidence = at.Evidence
	}
}

// against decodes a request as it went over the wire and says what the contract
// has against it: nil is a valid request.
func against(op *spec.Operation, r *http.Request, vars map[string]string, body []byte) (spec.Params, []spec.Issue) {
	params, err := op.Read(r, vars, body)
	if err == nil {
		err = op.Validate(params)
	}
	return params, issuesOf(err)
}
