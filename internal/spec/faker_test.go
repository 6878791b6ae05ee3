package spec

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/brianvoe/gofakeit/v7"
	"github.com/getkin/kin-openapi/openapi3"
)

func TestOwnFakers(t *testing.T) {
	patterns := map[string]string{
		"chinese_name": `^\p{Han}{2,4}$`, "chinese_company": `^\p{Han}+有限公司$`, "chinese_app_name": `^\p{Han}{3,6}$`,
		"chinese_sentence": `^\p{Han}+。$`, "chinese_title": `^\p{Han}+$`, "chinese_reason": `^\p{Han}+。$`,
		"chinese_city": `^\p{Han}+市$`, "chinese_address": `^\p{Han}+\d{1,3}号$`, "phone_cn": `^1[3578]\d{9}$`,
		"version": `^[1-9]\.\d\.\d$`, "image_url": `^https://\w+\.example\.com/\w+\.png$`, "url": `^https://`, "email": `@example\.com$`,
		"hex16": `^[0-9a-f]{16}$`, "hex32": `^[0-9a-f]{32}$`, "unix": `^1767603600$`, "unix_ms": `^1767603600000$`,
		"commit_time": `^2026/01/05 17:00:00$`, "event_time": `^2026-01-05 17:00:00$`,
		"date": `^202[56]-\d\d-\d\d$`, "date_time": `^202[56]-\d\d-\d\dT\d\d:\d\d:\d\dZ$`, "page_path": `^pages/`, "uuid": `^[0-9a-f-]{36}$`,
	}
	if len(patterns) != len(ownFakers()) {
		t.Errorf("%d patterns for %d names", len(patterns), len(ownFakers()))
	}
	for _, name := range ownFakers() {
		if err := CheckFaker(name); err != nil {
			t.Error(err)
		}
		re := regexp.MustCompile(patterns[name])
		for seed := range uint64(50) {
			schema := openapi3.NewStringSchema()
			schema.Extensions = map[string]any{"x-faker": name}
			v, err := synthRequest{seed: seed, now: synthNow()}.generate(schema.NewRef(), "")
			if err != nil || !re.MatchString(v.(string)) {
				t.Errorf("%s gave %v, %v; want a match of %s", name, v, err, re)
			}
		}
	}
}

// TestGofakeitFunctions holds every function of gofakeit that CheckFaker lets
// through to the promise that the seed alone decides.
func TestGofakeitFunctions(t *testing.T) {
	let := 0
	for name := range gofakeit.FuncLookups {
		if CheckFaker(name) != nil {
			continue
		}
		let++
		for _, typ := range []string{"string", "object"} {
			schema := &openapi3.Schema{Type: &openapi3.Types{typ}, Extensions: map[string]any{"x-faker": name}}
			r := synthRequest{seed: 11, now: synthNow()}
			one, err := r.generate(schema.NewRef(), "")
			if err != nil {
				t.Errorf("%s as %s: %v", name, typ, err)
			}
			for range 5 {
				if again, _ := r.generate(schema.NewRef(), ""); jsonText(again) != jsonText(one) {
					t.Errorf("%s gave %s and %s for one seed", name, jsonText(one), jsonText(again))
				}
			}
		}
	}
	if let < 200 {
		t.Errorf("only %d functions of gofakeit are let through", let)
	}
}

func TestCheckFaker(t *testing.T) {
	for _, name := range []string{"firstname", "first_name", "FirstName", "person.firstName", "email", "city", "animal"} {
		if err := CheckFaker(name); err != nil {
			t.Error(err)
		}
	}
	for name, want := range map[string]string{
		"chinese_nmae": `"chinese_name"`, "frstname": `"firstname"`, "xyzzyxyzzy": "expected one of chinese_name", "": "no generator",
		"pastdate": "no generator", "person": "no generator", "creditcardexp": "no generator", "randomstring": "no generator",
	} {
		if err := CheckFaker(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckFaker(%q) = %v; want an error with %s", name, err, want)
		}
	}
}

// TestFakerTemplates: what makes documents of templates cannot be asked for, so
// that small binaries can do without it (.ci/slim).
func TestFakerTemplates(t *testing.T) {
	found := 0
	for name, info := range gofakeit.FuncLookups {
		if info.Category != "template" {
			continue
		}
		found++
		if err := CheckFaker(name); err == nil || slices.Contains(fakerNames(), name) {
			t.Errorf("%s can be asked for", name)
		}
	}
	if found == 0 {
		t.Error("there are no such functions: what .ci/slim leaves out is another file")
	}
}

func TestFakerTypes(t *testing.T) {
	for schema, want := range map[string]string{
		`{"type":"integer","x-faker":"unix"}`:                        `^1767603600$`,
		`{"type":"integer","x-faker":"uint8"}`:                       `^\d+$`,
		`{"type":"number","x-faker":"latitude"}`:                     `^-?\d+(\.\d+)?$`,
		`{"type":"string","x-faker":"latitude"}`:                     `^"-?\d+(\.\d+)?"$`,
		`{"type":"boolean","x-faker":"bool"}`:                        `^(true|false)$`,
		`{"type":"boolean","x-faker":"firstname"}`:                   `^(true|false)$`,
		`{"type":"integer","x-faker":"firstname"}`:                   `^\d+$`,
		`{"type":"object","x-faker":"address"}`:                      `"city":`,
		`{"type":"string","x-faker":"chinese_name","maxLength":2}`:   `^"\p{Han}{2}"$`,
		`{"type":"string","x-faker":"hex32","pattern":"^[A-Z]{3}$"}`: `^"[A-Z]{3}"$`,
	} {
		if v := synthValue(t, synthRequest{seed: 5, now: synthNow()}, schema, ""); !regexp.MustCompile(want).MatchString(jsonText(v)) {
			t.Errorf("%s gave %s; want a match of %s", schema, jsonText(v), want)
		}
	}
}
