package spec

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/brianvoe/gofakeit/v7"
	"github.com/getkin/kin-openapi/openapi3"
)

// fakerExtension is the keyword of a schema that names a generator.
const fakerExtension = "x-faker"

// CheckFaker reports an x-faker hint that names no generator, with the nearest
// known name. Known are our own names (chinese_name, version, event_time, …)
// and those functions of gofakeit that need no parameters, no clock and give a
// single value; first_name and person.firstName both find its firstname.
func CheckFaker(name string) error {
	if slices.Contains(ownFakers(), name) {
		return nil
	}
	if info := gofakeitFunc(name); info != nil {
		if _, err := info.Generate(gofakeit.New(1), gofakeit.NewMapParams(), info); err == nil {
			return nil
		}
	}
	if near := nearest(name, fakerNames()); near != "" {
		return fmt.Errorf("%s: there is no generator %q; did you mean %q?", fakerExtension, name, near)
	}
	return fmt.Errorf("%s: there is no generator %q; expected one of %s or a function of gofakeit",
		fakerExtension, name, strings.Join(ownFakers(), ", "))
}

// ownFakers are the names that ownFaker knows.
func ownFakers() []string {
	return []string{
		"chinese_name", "chinese_company", "chinese_app_name", "chinese_sentence", "chinese_title",
		"chinese_reason", "chinese_city", "chinese_address", "phone_cn", "version", "image_url", "url", "email",
		"hex16", "hex32", "unix", "unix_ms", "commit_time", "event_time", "date", "date_time", "page_path", "uuid",
	}
}

// ownFaker generates a value by one of the names of ownFakers; nil for another
// name.
func (m *maker) ownFaker(name string) any {
	switch name {
	case "chinese_name":
		return m.chineseName()
	case "chinese_company":
		return m.chineseCompany()
	case "chinese_app_name":
		return m.chineseAppName()
	case "chinese_sentence":
		return m.chineseSentence()
	case "chinese_title":
		return m.chineseOf("title")
	case "chinese_reason":
		return m.chineseOf("reason")
	case "chinese_city":
		return m.chineseCity()
	case "chinese_address":
		return m.chineseAddress()
	case "phone_cn":
		return m.phoneCN()
	case "version":
		return m.version()
	case "image_url":
		return m.imageURL()
	case "url":
		return m.link()
	case "email":
		return m.textOf("email", false)
	case "hex16":
		return m.hex(16)
	case "hex32":
		return m.hex(32)
	case "page_path":
		return m.word(paths)
	case "uuid":
		return m.faker.UUID()
	}
	return m.timeFaker(name)
}

// timeFaker generates the values that depend on the time.
func (m *maker) timeFaker(name string) any {
	switch name {
	case "unix":
		return m.now.Unix()
	case "unix_ms":
		return m.now.UnixMilli()
	case "commit_time":
		return chinaTime(m.now).Format(commitTimeLayout)
	case "event_time":
		return chinaTime(m.now).Format(eventTimeLayout)
	case "date":
		return m.past().Format(time.DateOnly)
	case "date_time":
		return m.past().Format(time.RFC3339)
	}
	return nil
}

// gofakeitFunc finds a function of gofakeit; nil where there is none, or none
// that is fit for an answer.
func gofakeitFunc(name string) *gofakeit.Info {
	plain := strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
	for _, key := range []string{plain, plain[strings.LastIndexByte(plain, '.')+1:]} {
		if !fitFunc(key) {
			continue
		}
		if info := gofakeit.GetFuncLookup(key); info != nil {
			return info
		}
	}
	return nil
}

// fitFunc reports whether a function of gofakeit keeps our promises: the ones
// left out read the wall clock or iterate over maps, or make whole documents.
func fitFunc(name string) bool {
	switch name {
	case "date", "daterange", "pastdate", "futuredate", "time", "timerange", "year", "creditcard", "creditcardexp", "person",
		"fields", "map", "randmap", "csv", "json", "xml", "sql", "template", "generate", "fixed_width", "markdown",
		"emailtext", "email_text", "struct", "imagejpeg", "imagepng", "svg", "weighted", "car", "useragent", "firefoxuseragent":
		return false
	}
	return true
}

// fakerNames are all names that a hint may have.
func fakerNames() []string {
	names := ownFakers()
	for name := range gofakeit.FuncLookups {
		if fitFunc(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// fakerHint is the generator that a schema names; "" for none.
func fakerHint(s *openapi3.Schema) string {
	hint, _ := s.Extensions[fakerExtension].(string)
	return hint
}

// hinted generates a value by the hint of a schema, in the schema's type; ok
// is false where the hint is unknown or its values do not fit.
func (m *maker) hinted(sh *shape, hint string) (v any, ok bool) {
	info := (*gofakeit.Info)(nil)
	typ, l := schemaType(sh.Schema), lengthsOf(sh.Schema)
	for range 4 {
		made := m.ownFaker(hint)
		if made == nil {
			if info == nil {
				if info = gofakeitFunc(hint); info == nil {
					return nil, false
				}
			}
			if made, _ = info.Generate(m.faker, gofakeit.NewMapParams(), info); made == nil {
				return nil, false
			}
		}
		if v, ok = asType(made, typ); !ok {
			continue
		}
		if text, is := v.(string); is && !l.allow(text) && sh.Pattern == "" && sh.Format == "" {
			v = m.fit(text, l, hasHan(text))
		}
		if m.fits(sh.Schema, v) {
			return v, true
		}
	}
	return nil, false
}

// asType turns what a generator made into a value of a schema's type.
func asType(made any, typ string) (any, bool) {
	if made == nil {
		return nil, false
	}
	switch typ {
	case openapi3.TypeString:
		return asText(made), true
	case openapi3.TypeInteger:
		n, err := strconv.ParseInt(asText(made), 10, 64)
		return n, err == nil
	case openapi3.TypeNumber:
		f, err := strconv.ParseFloat(asText(made), 64)
		return f, err == nil
	}
	data, err := json.Marshal(made)
	if err != nil {
		return nil, false
	}
	var v any
	return v, json.Unmarshal(data, &v) == nil
}

// asText is the text of a generated value.
func asText(made any) string {
	switch v := made.(type) {
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case []string:
		return strings.Join(v, " ")
	case float32:
		return strconv.FormatFloat(float64(v), 'f', -1, 32)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	switch reflect.Indirect(reflect.ValueOf(made)).Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice:
		return jsonText(made)
	}
	return fmt.Sprint(made)
}
