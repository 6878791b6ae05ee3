package scenarios_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/scenarios"
)

// FuzzRecordedText writes texts into a scenario as recordings do, on lines of
// their own and in others: what is read is what was written.
func FuzzRecordedText(f *testing.F) {
	for _, text := range []string{
		"", "plain", "1.0", "1.0.0", "0x1F", "1e3", "true", "Null", "~", "- a", "a: b", "a #b", "'", `"`, `a "quoted" 'text'`, "$$", "说", "a\nb",
		"\u2028", "\ufeff", "\u0085", " ", "a ", "{", "[x]", "&a", "*a", "!t", "<<", "=", "2026-01-05", "12:30:45", ".inf", "1_000", "2h", "\\", "%", "@", "`", "\U0001F600",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		value := strings.ReplaceAll(text, "$", "$$")
		want := &scenarios.Scenario{Name: "x", Summary: text, Steps: []scenarios.Step{
			{Let: map[string]any{"a": value, "b": []any{value, map[string]any{"m": value}}}},
			{Let: map[string]any{"c": map[string]any{"long": strings.Repeat("x", 120), "list": []any{map[string]any{"a": value}, value}}}},
			{Call: "listPackages", Besides: map[string]any{"_" + text: value}},
		}}
		data := scenarios.WriteYAML(want)
		got, err := scenarios.Parse("x", data)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		for i := range got.Steps {
			got.Steps[i].At = scenarios.Position{}
		}
		got.File = ""
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("want what was written, got (-want +got):\n%s\n%s", diff, data)
		}
	})
}
