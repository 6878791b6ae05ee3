package spec

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
)

// synthSchema reads a schema in JSON.
func synthSchema(t testing.TB, text string) *openapi3.SchemaRef {
	t.Helper()
	var s openapi3.Schema
	if err := s.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s.NewRef()
}

// synthValue generates a value for a schema in JSON and judges it.
func synthValue(t testing.TB, r synthRequest, text, name string) any {
	t.Helper()
	ref := synthSchema(t, text)
	v, err := r.generate(ref, name)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if err := (judge{}).complaint(ref.Value, v); err != nil {
		t.Fatalf("%s: %s is invalid: %v", text, jsonText(v), err)
	}
	return v
}

// keywordCase is a schema and what its values must be.
type keywordCase struct {
	schema string
	check  func(any) bool
}

// TestKeywords generates values for each keyword, with many seeds; each is
// valid by kin-openapi, and what kin-openapi does not judge is judged here.
func TestKeywords(t *testing.T) {
	for _, c := range keywordCases() {
		for seed := range uint64(20) {
			v := synthValue(t, synthRequest{seed: seed, now: synthNow()}, c.schema, "")
			if !c.check(v) {
				t.Errorf("%s: unexpected %s", c.schema, jsonText(v))
			}
		}
	}
}

func keywordCases() []keywordCase {
	matches := func(pattern string) func(any) bool {
		re := regexp.MustCompile(pattern)
		return func(v any) bool { return re.MatchString(v.(string)) }
	}
	text := func(want string) func(any) bool { return func(v any) bool { return jsonText(v) == want } }
	anything := func(any) bool { return true }
	return []keywordCase{
		{`{"type":"string","enum":["a"]}`, text(`"a"`)},
		{`{"enum":[null,7],"nullable":true}`, text(`7`)},
		{`{"type":"integer","default":4}`, text(`4`)},
		{`{"type":"integer","default":4,"example":5}`, text(`5`)},
		{`{"type":"integer","example":"wrong"}`, anything},
		{`{"type":"integer","example":"wrong","default":6}`, text(`6`)},
		{`{"type":"integer","minimum":5,"maximum":5}`, text(`5`)},
		{`{"type":"integer","minimum":5,"exclusiveMinimum":true,"maximum":7,"exclusiveMaximum":true}`, text(`6`)},
		{`{"type":"integer","multipleOf":700,"minimum":1,"maximum":1399}`, text(`700`)},
		{`{"type":"integer","minimum":-10,"maximum":-9}`, anything},
		{`{"type":"integer","format":"int32","minimum":2147483647}`, text(`2147483647`)},
		{`{"type":"integer","format":"int64","minimum":9007199254740992,"maximum":9007199254740993}`, anything},
		{`{"type":"number","minimum":0.1,"maximum":0.1001,"exclusiveMinimum":true}`, anything},
		{`{"type":"number","multipleOf":0.01,"minimum":3}`, anything},
		{`{"type":"number","format":"float","maximum":-1e9}`, anything},
		{`{"type":"boolean"}`, anything},
		{`{"type":"string","minLength":300}`, anything},
		{`{"type":"string","maxLength":1}`, anything},
		{`{"type":"string","minLength":3,"maxLength":3}`, func(v any) bool { return utf8.RuneCountInString(v.(string)) == 3 }},
		{`{"type":"string","maxLength":0}`, text(`""`)},
		{`{"type":"string","pattern":"^\\d{6}$"}`, matches(`^\d{6}$`)},
		{`{"type":"string","pattern":"^[a-z]+$","minLength":40,"maxLength":40}`, matches(`^[a-z]{40}$`)},
		{`{"type":"string","pattern":"^[\\u4E00-\\u9FA5]{2,4}$"}`, anything},
		{`{"type":"string","pattern":"x","minLength":20}`, anything},
		{`{"type":"string","pattern":"^(GET|POST)\\s/\\w*(\\?[^#]+)?$"}`, anything},
		{`{"type":"string","pattern":"^20\\d\\d-","format":"date"}`, matches(`^20\d\d-\d\d-\d\d$`)},
		{`{"type":"string","format":"date-time"}`, func(v any) bool { _, err := time.Parse(time.RFC3339, v.(string)); return err == nil }},
		{`{"type":"string","format":"date"}`, func(v any) bool { _, err := time.Parse(time.DateOnly, v.(string)); return err == nil }},
		{`{"type":"string","format":"email"}`, matches(`^\S+@example\.com$`)},
		{`{"type":"string","format":"email","maxLength":8}`, matches(`^\S+@\S+$`)},
		{`{"type":"string","format":"uuid"}`, matches(`^[0-9a-f-]{36}$`)},
		{`{"type":"string","format":"uri"}`, matches(`^https://`)},
		{`{"type":"string","format":"uri","maxLength":20}`, matches(`^http://`)},
		{`{"type":"string","format":"uri","minLength":120}`, matches(`^http://`)},
		{`{"type":"string","format":"url"}`, matches(`^https://`)},
		{`{"type":"string","format":"hostname"}`, matches(`\.example\.com$`)},
		{`{"type":"string","format":"ipv4"}`, matches(`^\d+\.\d+\.\d+\.\d+$`)},
		{`{"type":"string","format":"ipv6"}`, matches(`:`)},
		{`{"type":"string","format":"byte"}`, matches(`^[A-Za-z0-9+/=]+$`)},
		{`{"type":"string","format":"byte","maxLength":8}`, anything},
		{`{"type":"string","format":"binary"}`, anything},
		{`{"type":"string","format":"password","minLength":30}`, anything},
		{`{"type":"string","format":"unheard of"}`, anything},
		{`{"type":"array","items":{"type":"integer"},"minItems":3,"maxItems":3}`, func(v any) bool { return len(v.([]any)) == 3 }},
		{`{"type":"array","items":{"type":"string"},"maxItems":0}`, text(`[]`)},
		{`{"type":"array","items":{"type":"string","enum":["a","b","c"]},"minItems":3,"uniqueItems":true}`, anything},
		{`{"type":"array","items":{"type":"string","example":"same"},"minItems":3,"uniqueItems":true}`, anything},
		{`{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string","writeOnly":true}},"required":["a","b"]}`, func(v any) bool { _, has := v.(map[string]any)["b"]; return !has }},
		{`{"type":"object","properties":{"a":{"type":"integer","readOnly":true}}}`, func(v any) bool { _, has := v.(map[string]any)["a"]; return has }},
		{`{"type":"object","required":["x"]}`, anything},
		{`{"type":"object","additionalProperties":{"type":"integer"},"minProperties":5}`, anything},
		{`{"type":"object","additionalProperties":{"type":"boolean"}}`, func(v any) bool { return len(v.(map[string]any)) == 2 }},
		{`{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"},"c":{"type":"integer"}},"required":["c"],"maxProperties":2}`, func(v any) bool { return len(v.(map[string]any)) == 2 }},
		{`{"allOf":[{"type":"object","properties":{"a":{"type":"integer","minimum":3}},"required":["a"]},{"type":"object","properties":{"a":{"type":"integer","maximum":3},"b":{"type":"string"}}}]}`, func(v any) bool { return jsonText(v.(map[string]any)["a"]) == "3" }},
		{`{"allOf":[{"type":"string","minLength":4},{"maxLength":4},{"pattern":"^[a-z]+$"},{"pattern":"^..b?"}]}`, anything},
		{`{"allOf":[{"type":"string","enum":["a","b"]},{"enum":["b","c"]}]}`, text(`"b"`)},
		{`{"allOf":[{"type":"number"},{"type":"integer","minimum":2},{"maximum":2}]}`, text(`2`)},
		{`{"oneOf":[{"type":"object","properties":{"errno":{"type":"integer","enum":[0]}},"required":["errno"]},{"type":"object","properties":{"errno":{"type":"integer","minimum":1}},"required":["errno"]}]}`, text(`{"errno":0}`)},
		{`{"oneOf":[{"type":"string"},{"type":"string","enum":["x"]},{"type":"integer","enum":[1]}]}`, anything},
		{`{"oneOf":[{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"required":["a"]},{"type":"object","properties":{"a":{"type":"integer"}},"required":["b"]}]}`, anything},
		{`{"anyOf":[{"type":"integer","minimum":1,"maximum":1},{"type":"string"}]}`, text(`1`)},
		{`{"type":"string","not":{"enum":["a"]},"enum":["a","b"]}`, text(`"b"`)},
		{`{}`, text(`{}`)},
		{`{"properties":{"a":{"type":"integer","enum":[1]}}}`, text(`{"a":1}`)},
		{`{"type":"string","x-faker":"hex32"}`, matches(`^[0-9a-f]{32}$`)},
		{`{"type":"integer","x-faker":"unix"}`, text(strconv.FormatInt(synthNow().Unix(), 10))},
		{`{"type":"string","x-faker":"no such generator"}`, anything},
	}
}

func TestDynamicLeavesExamplesAlone(t *testing.T) {
	schema := `{"type":"object","required":["a","b","c","d"],"properties":{
		"a":{"type":"string","example":"fixed","minLength":20},"b":{"type":"integer","default":-1,"minimum":-1,"maximum":100000},
		"c":{"type":"string","enum":["only"],"example":"only"},"d":{"type":"string","x-faker":"hex16","example":"0123456789abcdef"}}}`
	static := synthValue(t, synthRequest{seed: 1, now: synthNow()}, `{"type":"string","example":"fixed"}`, "")
	if static != "fixed" {
		t.Errorf("static value %v, want the example", static)
	}
	v := synthValue(t, synthRequest{seed: 1, now: synthNow(), dynamic: true}, schema, "").(map[string]any)
	if v["a"] == "fixed" || v["b"] == int64(-1) || v["c"] != "only" || v["d"] == "0123456789abcdef" {
		t.Errorf("dynamic value %s still has examples", jsonText(v))
	}
}

func TestSeedDecides(t *testing.T) {
	schema := `{"type":"object","properties":{"id":{"type":"integer"},"name":{"type":"string"},"tags":{"type":"array","items":{"type":"string"}}}}`
	seen := map[string]bool{}
	for seed := range uint64(50) {
		r := synthRequest{seed: seed, now: synthNow(), dynamic: true}
		one, two := jsonText(synthValue(t, r, schema, "")), jsonText(synthValue(t, r, schema, ""))
		if one != two {
			t.Errorf("seed %d gave %s and %s", seed, one, two)
		}
		seen[one] = true
	}
	if len(seen) < 49 {
		t.Errorf("50 seeds gave only %d values", len(seen))
	}
}

func TestDatesComeFromNow(t *testing.T) {
	schema := `{"type":"object","properties":{"at":{"type":"string","format":"date-time"},"create_time":{"type":"integer"}}}`
	now := time.Date(1999, 3, 1, 12, 0, 0, 0, time.UTC)
	for seed := range uint64(20) {
		v := synthValue(t, synthRequest{seed: seed, now: now}, schema, "").(map[string]any)
		at, err := time.Parse(time.RFC3339, v["at"].(string))
		if err != nil || at.After(now) || now.Sub(at) > 31*24*time.Hour {
			t.Errorf("at %v is not in the month before %v", v["at"], now)
		}
		if unix := v["create_time"].(int64); unix > now.Unix() || unix < now.Unix()-31*24*60*60 {
			t.Errorf("create_time %d is not in the month before %d", unix, now.Unix())
		}
	}
}

func TestRecursionEnds(t *testing.T) {
	for name, text := range map[string]string{
		"list":     `{"type":"object","required":["next"],"properties":{"next":{"type":"array","items":{"$ref":"#/components/schemas/S"}}}}`,
		"optional": `{"type":"object","properties":{"next":{"$ref":"#/components/schemas/S"}}}`,
		"nullable": `{"type":"object","nullable":true,"required":["next"],"properties":{"next":{"$ref":"#/components/schemas/S"}}}`,
		"map":      `{"type":"object","required":["next"],"properties":{"next":{"type":"object","additionalProperties":{"$ref":"#/components/schemas/S"}}}}`,
		"choice":   `{"type":"object","required":["next"],"properties":{"next":{"oneOf":[{"$ref":"#/components/schemas/S"},{"type":"integer"}]}}}`,
		"base":     `{"type":"object","required":["kind"],"properties":{"kind":{"type":"string"},"next":{"$ref":"#/components/schemas/S"}},"discriminator":{"propertyName":"kind"}}`,
		"broad":    `{"type":"object","properties":{"a":{"$ref":"#/components/schemas/S"},"b":{"$ref":"#/components/schemas/S"},"c":{"type":"array","items":{"$ref":"#/components/schemas/S"}},"d":{"type":"object","additionalProperties":{"$ref":"#/components/schemas/S"}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := openapi3.NewLoader().LoadFromData([]byte(`{"openapi":"3.0.3","info":{"title":"t","version":"1"},"paths":{},"components":{"schemas":{"S":` + text + `}}}`))
			if err != nil {
				t.Fatal(err)
			}
			v, err := synthRequest{seed: 3, now: synthNow()}.generate(doc.Components.Schemas["S"], "")
			if err != nil {
				t.Fatal(err)
			}
			if err := (judge{}).complaint(doc.Components.Schemas["S"].Value, v); err != nil {
				t.Errorf("%s is invalid: %v", jsonText(v), err)
			}
			if n := len(jsonText(v)); n > 10000 {
				t.Errorf("the value has %d bytes", n)
			}
		})
	}
}

func TestImpossibleSchemas(t *testing.T) {
	for _, c := range []struct{ schema, want string }{
		{`{"type":"object","required":["a"],"properties":{"a":{"type":"object","required":["b"],"additionalProperties":false}}}`, `"b" is unsupported`},
		{`{"type":"object","required":["n"],"properties":{"n":{"type":"integer","minimum":5,"maximum":4}}}`, "/n"},
		{`{"type":"object","required":["t"],"properties":{"t":{"type":"string","pattern":"^a{5}$","maxLength":2}}}`, "/t"},
		{`{"oneOf":[{"type":"object"},{"type":"object"}]}`, "oneOf"},
		{`{"type":"array","minItems":3,"uniqueItems":true,"items":{"type":"boolean"}}`, "the whole"},
	} {
		_, err := synthRequest{seed: 1, now: synthNow()}.generate(synthSchema(t, c.schema), "")
		var answer *AnswerError
		if !errors.As(err, &answer) || answer.Status != 500 || !strings.Contains(answer.Reason, c.want) {
			t.Errorf("%s: error %v; want one of status 500 that names %s", c.schema, err, c.want)
		}
	}
}

func TestChineseTexts(t *testing.T) {
	chinese := synthRequest{seed: 1, now: synthNow(), chinese: true}
	for _, name := range []string{"app_name", "user_name", "app_desc", "title", "reason", "address", "company_name", "cityName", "category_name"} {
		if v := synthValue(t, chinese, `{"type":"string"}`, name).(string); !hasHan(v) {
			t.Errorf("%s in a Chinese document: %q", name, v)
		}
	}
	for _, name := range []string{"phone", "email", "photo_addr_url", "version", "access_token", "openid", "path"} {
		if v := synthValue(t, chinese, `{"type":"string"}`, name).(string); hasHan(v) || v == "" {
			t.Errorf("%s in a Chinese document: %q", name, v)
		}
	}
	english := synthRequest{seed: 1, now: synthNow()}
	for _, name := range []string{"app_name", "user_name", "desc", "title", "reason", "address", "company", "city", "word", "color", "language", "file_name", "ip", "date", "time", "uuid", "sha", "username"} {
		if v := synthValue(t, english, `{"type":"string"}`, name).(string); hasHan(v) || v == "" {
			t.Errorf("%s in an English document: %q", name, v)
		}
	}
	for description, han := range map[string]bool{"小程序名称": true, "审核失败原因": true, "公司主体": true, "头像链接": false, "会话密钥": false, "版本号": false} {
		if v := synthValue(t, english, `{"type":"string","description":"`+description+`"}`, "x").(string); hasHan(v) != han || v == "" {
			t.Errorf("a property described as %s: %q", description, v)
		}
	}
	if v := synthValue(t, chinese, `{"type":"string","maxLength":4,"minLength":4}`, "desc").(string); utf8.RuneCountInString(v) != 4 {
		t.Errorf("a text of four characters: %q", v)
	}
}

func TestDiscriminators(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(`{"openapi":"3.0.3","info":{"title":"t","version":"1"},"paths":{},"components":{"schemas":{
		"Pet":{"type":"object","required":["kind"],"properties":{"kind":{"type":"string"}},"discriminator":{"propertyName":"kind","mapping":{"cat":"#/components/schemas/Cat","dog":"Dog"}}},
		"Cat":{"allOf":[{"$ref":"#/components/schemas/Pet"},{"type":"object","required":["claws"],"properties":{"claws":{"type":"integer"}}}]},
		"Dog":{"allOf":[{"$ref":"#/components/schemas/Pet"},{"type":"object","required":["tail"],"properties":{"tail":{"type":"boolean"}}}]},
		"Any":{"oneOf":[{"$ref":"#/components/schemas/Cat"},{"$ref":"#/components/schemas/Dog"}],"discriminator":{"propertyName":"kind","mapping":{"cat":"#/components/schemas/Cat","dog":"#/components/schemas/Dog"}}},
		"Plain":{"oneOf":[{"$ref":"#/components/schemas/Dog"}],"discriminator":{"propertyName":"kind"}},
		"Base":{"type":"object","required":["kind"],"properties":{"kind":{"type":"string"}},"oneOf":[{"$ref":"#/components/schemas/Child"}]},
		"Child":{"allOf":[{"$ref":"#/components/schemas/Base"},{"type":"object","required":["x"],"properties":{"x":{"type":"integer"}}}]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"Any": `"kind":"cat"`, "Plain": `"kind":"Dog"`, "Cat": `"claws":`, "Base": `"x":`, "Child": `"x":`, "Pet": `"kind":"`} {
		ref := openapi3.NewSchemaRef("#/components/schemas/"+name, doc.Components.Schemas[name].Value)
		v, err := synthRequest{seed: 2, now: synthNow()}.generate(ref, "")
		if err != nil || !strings.Contains(jsonText(v), want) {
			t.Errorf("%s: %s, %v; want %s in it", name, jsonText(v), err, want)
			continue
		}
		if err := (judge{}).complaint(ref.Value, v); err != nil {
			t.Errorf("%s: %s is invalid: %v", name, jsonText(v), err)
		}
	}
}

func TestOpenAPI31(t *testing.T) {
	contract := synthContract(t, `
openapi: 3.1.0
info: {title: t, version: "1"}
paths:
  /a:
    get:
      operationId: a
      responses:
        "200":
          description: ok
          content:
            application/json:
              schema:
                type: object
                required: [kind, n, s, list, price]
                properties:
                  kind: {const: fixed}
                  n: {type: integer, exclusiveMinimum: 4, exclusiveMaximum: 6}
                  s: {type: [string, "null"], minLength: 3}
                  list: {type: array, items: {type: integer}, minItems: 2, uniqueItems: true}
                  price: {type: number, multipleOf: 0.5}
`)
	op, _ := contract.Operation("a")
	for seed := range uint64(10) {
		a, err := op.Synthesise(Prefer{}, "", seed, synthNow())
		if err != nil {
			t.Fatal(err)
		}
		if err := op.CheckAnswer(a.Status, a.MediaType, a.Body); err != nil || !strings.Contains(string(a.Body), `"kind":"fixed"`) || !strings.Contains(string(a.Body), `"n":5`) {
			t.Errorf("%s: %v", a.Body, err)
		}
	}
	bad, _ := synthContract(t, `{"openapi":"3.1.0","info":{"title":"t","version":"1"},"paths":{"/a":{"get":{"operationId":"a","responses":{"200":{"description":"ok","content":{"application/json":{"schema":{"type":"integer","minimum":5,"maximum":4}}}}}}}}}`).Operation("a")
	if _, err := bad.Synthesise(Prefer{}, "", 1, synthNow()); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("an impossible schema: %v", err)
	}
}

func TestMixSeed(t *testing.T) {
	if mixSeed(0, 0) == 0 || mixSeed(math.MaxUint64, 0) == 0 || mixSeed(1, 0) == mixSeed(1, 1) || mixSeed(0, 0) == mixSeed(1, 0) {
		t.Error("seeds are not told apart")
	}
}
