package spec

import (
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
)

// TestSynthesisePublicDocuments synthesises every success of every operation
// of the documents in the directory that EMU_PUBLIC_SPECS names (see
// .ci/fetch-public-specs), from the examples and from the schemas alone, and
// judges what comes out by kin-openapi. Without the variable it judges the
// small document below, so that it never passes for having done nothing.
func TestSynthesisePublicDocuments(t *testing.T) {
	dir := os.Getenv("EMU_PUBLIC_SPECS")
	if dir == "" {
		checkDocument(t, "built in", []byte(synthDocument), 0)
		return
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents in EMU_PUBLIC_SPECS %q: %v", dir, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(file), func(t *testing.T) { checkDocument(t, file, data, publicExceptions(file)) })
	}
}

// publicExceptions is how many answers of a document have no valid value, or
// none that its own schema leaves to be found.
func publicExceptions(string) int { return 0 }

// checkDocument synthesises all successes of a document in JSON.
func checkDocument(t *testing.T, name string, data []byte, exceptions int) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		t.Fatalf("load %s: %v", name, err)
	}
	answers, failed, bytes := 0, map[string]string{}, 0
	start := time.Now()
	for _, path := range doc.Paths.InMatchingOrder() {
		for method, op := range doc.Paths.Value(path).Operations() {
			for _, c := range responsesOf(op) {
				if c.status < 200 || c.status > 299 || op.Responses.Value(strconv.Itoa(c.status)) == nil || op.Responses.Value(strconv.Itoa(c.status)).Value != c.response {
					continue
				}
				for _, dynamic := range []bool{false, true} {
					for _, o := range offersOf(c.response) {
						if !isJSONType(baseType(o.mediaType)) || o.content.Schema == nil {
							continue
						}
						answers++
						p := Prefer{Code: c.status, Dynamic: dynamic}
						at := method + " " + path + " " + strconv.Itoa(c.status) + " dynamic=" + strconv.FormatBool(dynamic)
						a, err := synthRequest{seed: 1, now: synthNow()}.answerOf(op, p, o.mediaType)
						if err != nil {
							failed[at] = err.Error()
							continue
						}
						bytes += len(a.Body)
						v, err := decodeJSON(a.Body)
						if err != nil {
							t.Errorf("%s: body is no JSON: %v", at, err)
						} else if err := (judge{}).complaint(o.content.Schema.Value, v); err != nil {
							t.Errorf("%s: invalid: %s", at, explain(err))
						}
					}
				}
			}
		}
	}
	t.Logf("%s: %d answers of %d bytes on average in %v, %d without a valid value", name, answers, bytes/max(answers, 1), time.Since(start).Round(time.Millisecond), len(failed))
	if len(failed) > exceptions || answers == 0 {
		keys := make([]string, 0, len(failed))
		for at, why := range failed {
			keys = append(keys, at+": "+why)
		}
		sort.Strings(keys)
		t.Errorf("%d failed:\n%s", len(failed), strings.Join(keys[:min(len(keys), 60)], "\n"))
	}
}

// synthNow is the moment that the tests take for now.
func synthNow() time.Time { return time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC) }

// synthDocument is a document that uses the keywords of answers.
const synthDocument = `{
  "openapi": "3.0.3", "info": {"title": "t", "version": "1"},
  "paths": {"/a": {"get": {"operationId": "a", "responses": {"200": {"description": "ok", "content": {"application/json": {
    "schema": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}}}}}}}}
}`
