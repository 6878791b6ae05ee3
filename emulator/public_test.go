package emulator_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/swanemu/emu/emulator"
)

// TestPublicDocumentsAreServed serves large documents of other APIs, those in
// the directory that EMU_PUBLIC_SPECS names, as `emu serve --spec` does: every
// GET without parameters in its path must be answered, and none with an error
// of the emulator.
func TestPublicDocumentsAreServed(t *testing.T) {
	files := []string{filepath.Join("..", "examples", "bookshop.yaml")}
	if dir := os.Getenv("EMU_PUBLIC_SPECS"); dir != "" {
		found, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil || len(found) < 2 {
			t.Fatalf("EMU_PUBLIC_SPECS=%s has %d documents, want at least two: %v", dir, len(found), err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			e := newEmulator(t, func(o *emulator.Options) { o.Spec, o.SpecName = data, file })
			asked, answered := 0, 0
			for _, op := range e.Contract().Operations() {
				if op.Method != http.MethodGet || strings.Contains(op.Path, "{") {
					continue
				}
				r := httptest.NewRequest(op.Method, op.Path, nil)
				r.Header.Set("Authorization", "Bearer x")
				w := httptest.NewRecorder()
				e.ServeHTTP(w, r)
				asked++
				if w.Code >= 500 {
					t.Errorf("GET %s: %d %.200s", op.Path, w.Code, w.Body)
				}
				if w.Code < 300 {
					answered++
				}
			}
			t.Logf("%d of %d requests answered with a success, of %d operations", answered, asked, len(e.Contract().Operations()))
			if answered == 0 {
				t.Error("nothing was answered")
			}
		})
	}
}
