package spec

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// TestSynthesisePublicDocuments synthesises every JSON success of every
// operation of the documents in the directory that EMU_PUBLIC_SPECS names (see
// .ci/fetch-public-specs), with and without their examples, and judges what
// comes out by kin-openapi. Without the variable it does so with the platform's
// own document and those of the other tests here, so that it never passes for
// having done nothing.
func TestSynthesisePublicDocuments(t *testing.T) {
	platform, err := os.ReadFile(filepath.Join("..", "..", "openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	documents := map[string]string{"platform": string(platform), "answers": answerDocument, "completion": completeDocument}
	if dir := os.Getenv("EMU_PUBLIC_SPECS"); dir != "" {
		files, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no documents in EMU_PUBLIC_SPECS %q: %v", dir, err)
		}
		clear(documents)
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			documents[filepath.Base(file)] = string(data)
		}
	}
	for name, text := range documents {
		t.Run(name, func(t *testing.T) {
			doc, err := openapi3.NewLoader().LoadFromData([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			var s publicSurvey
			start := time.Now()
			for _, path := range doc.Paths.InMatchingOrder() {
				for method, op := range doc.Paths.Value(path).Operations() {
					s.operation(method+" "+path, op)
				}
			}
			t.Logf("%d answers of %d bytes on average in %v; %d have no valid value, %d are invalid",
				s.answers, s.bytes/max(s.answers, 1), time.Since(start).Round(time.Millisecond), len(s.failed), len(s.invalid))
			if s.answers == 0 {
				t.Error("the document has no answers")
			}
			if len(s.invalid) > 0 {
				t.Errorf("invalid answers:\n%s", strings.Join(s.invalid, "\n"))
			}
			if len(s.failed) > publicExceptions(name) {
				slices.Sort(s.failed)
				t.Errorf("no valid value found:\n%s", strings.Join(s.failed, "\n"))
			}
		})
	}
}

// publicExceptions is how many answers of a document may have no valid value.
// The settings of Zoom are a oneOf of objects that require nothing, so that
// each value of one is a value of another.
func publicExceptions(name string) int {
	if name == "zoom.us.json" {
		return 12
	}
	return 0
}

// publicSurvey counts what was synthesised.
type publicSurvey struct {
	answers, bytes  int
	failed, invalid []string
}

// operation synthesises the successes of one operation.
func (s *publicSurvey) operation(name string, op *openapi3.Operation) {
	for _, c := range responsesOf(op) {
		declared := op.Responses.Value(strconv.Itoa(c.status))
		if c.status < 200 || c.status > 299 || declared == nil || declared.Value != c.response {
			continue
		}
		for _, o := range offersOf(c.response) {
			if !isJSONType(baseType(o.mediaType)) || o.content.Schema == nil {
				continue
			}
			for _, dynamic := range []bool{false, true} {
				at := fmt.Sprintf("%s %d %s dynamic=%v", name, c.status, o.mediaType, dynamic)
				s.answer(at, op, o, Prefer{Code: c.status, Dynamic: dynamic})
			}
		}
	}
}

// answer synthesises one answer and judges it.
func (s *publicSurvey) answer(at string, op *openapi3.Operation, o offer, p Prefer) {
	s.answers++
	a, err := synthRequest{seed: 1, now: synthNow()}.answerOf(op, p, o.mediaType)
	if err != nil {
		s.failed = append(s.failed, at+": "+err.Error())
		return
	}
	s.bytes += len(a.Body)
	v, err := decodeJSON(a.Body)
	if err == nil {
		err = judge{}.complaint(o.content.Schema.Value, v)
	}
	if err != nil {
		s.invalid = append(s.invalid, at+": "+explain(err))
	}
}

// synthNow is the moment that the tests take for now.
func synthNow() time.Time { return time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC) }
