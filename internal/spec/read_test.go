package spec

import (
	"bytes"
	"mime/multipart"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// show writes parameters as name@location=text, with the JSON of what is no
// text.
func show(p Params) string {
	var b strings.Builder
	for i, v := range p {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(v.Name + "@" + string(v.In) + "=")
		if v.JSON != nil && v.JSON[0] != '"' {
			b.Write(v.JSON)
		} else {
			b.WriteString(v.Text)
		}
	}
	return b.String()
}

func TestRead(t *testing.T) {
	c := load(t, sample)
	const (
		urlencoded = "application/x-www-form-urlencoded"
		inJSON     = "application/json"
	)
	for _, test := range []struct{ name, contentType, query, body, want, issues string }{
		{"query", urlencoded, "a=1&b=%E4%B8%AD+x", "", "a@query=1 b@query=中 x", ""},
		{"form", urlencoded, "", "a=1&b=2", "a@form=1 b@form=2", ""},
		{"form with charset", "Application/X-WWW-Form-Urlencoded; charset=utf-8", "", "a=1", "a@form=1", ""},
		{"body wins", urlencoded, "a=1&b=2", "b=3&c=4", "a@query=1 b@form=3 c@form=4", ""},
		{"JSON wins", inJSON, "a=1&b=2", `{"b":3,"c":"x","d":{"e":[1, "}"]} , "f" : true }`, `a@query=1 b@json=3 c@json=x d@json={"e":[1, "}"]} f@json=true`, ""},
		{"JSON of a suffix", "application/vnd.x+json; charset=UTF-8", "", `{"a":1}`, "a@json=1", ""},
		{"JSON null is absent", inJSON, "b=2", `{"a":null,"b":null}`, "b@query=2", ""},
		{"JSON escapes", inJSON, "", `{"\u0061":"\u4e2d\n\"","b":"\\u0000","c":["\\u0000"]}`, "a@json=中\n\" b@json=\\u0000 c@json=[\"\\\\u0000\"]", ""},
		{"no type, JSON", "", "", ` {"a":1}`, "a@json=1", ""},
		{"no type, form", "", "", `a=1`, "a@form=1", ""},
		{"empty body, any type", "text/plain", "a=1", "", "a@query=1", ""},
		{"empty object", inJSON, "", " { } ", "", ""},
		{"SDK parameters", inJSON, "sp_sdk_ver=1&a=1&sdk.type=x", `{"sp_sdk_lang":"go","sdk.version":2}`, "a@query=1", ""},
		{"empty pairs", urlencoded, "&&a&b=&", "", "a@query= b@query=", ""},
		{"semicolon, equals", urlencoded, "", "a=1;2&b=x=y", "a@form=1;2 b@form=x=y", ""},
		{"media type", "text/plain", "a=1", "b=2", "a@query=1", "the whole is not of a supported media type: application/json, application/x-www-form-urlencoded"},
		{"twice in the query", urlencoded, "a=1&a=1", "", "a@query=1", "/a is given twice"},
		{"twice in the form", urlencoded, "a=0", "a=1&a=2", "a@form=1", "/a is given twice"},
		{"twice in JSON", inJSON, "a=0", `{"a":1,"\u0061":2,"b":null,"b":1,"c":1,"c":null,"d":null,"d":null}`, "a@json=1 c@json=1", "/a is given twice; /b is given twice; /c is given twice; /d is given twice"},
		{"bad escape", urlencoded, "a=%zz&b=%2", "%=1", "", "/a is malformed: expected percent-encoded UTF-8 without NUL; /b is malformed: expected percent-encoded UTF-8 without NUL; the whole is malformed: expected percent-encoded UTF-8 without NUL"},
		{"NUL", urlencoded, "a=%00", "b%00=1", "", "/a is malformed: expected percent-encoded UTF-8 without NUL; the whole is malformed: expected percent-encoded UTF-8 without NUL"},
		{"not UTF-8", urlencoded, "a=%ff", "b=\xff", "", "/a is malformed: expected percent-encoded UTF-8 without NUL; /b is malformed: expected percent-encoded UTF-8 without NUL"},
		{"JSON NUL", inJSON, "", `{"a":"\u0000","b":{"c":"\u0000"},"d\u0000":1}`, "", "/a is malformed: expected a JSON text in UTF-8; /b is malformed: expected a JSON text in UTF-8; the whole is malformed: expected a JSON text in UTF-8"},
		{"JSON not UTF-8", inJSON, "", "{\"a\":\"\xff\"}", "", "the whole is malformed: expected a JSON text in UTF-8"},
		{"JSON broken", inJSON, "", `{"a":1`, "", "the whole is malformed: expected a JSON text in UTF-8"},
		{"JSON with more after it", inJSON, "", `{"a":1} {}`, "", "the whole is malformed: expected a JSON text in UTF-8"},
		{"JSON list", inJSON, "", `[1]`, "", "the whole is malformed: expected a JSON object"},
		{"JSON text", inJSON, "", `"a"`, "", "the whole is malformed: expected a JSON object"},
		{"JSON white space", inJSON, "", "  \n", "", "the whole is malformed: expected a JSON text in UTF-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, body := request(test.contentType, test.query, test.body)
			got, err := operation(t, c, "submit").Read(r, nil, body)
			if diff := cmp.Diff(test.want, show(got)); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.issues, text(err)); diff != "" {
				t.Errorf("issues (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadKeepsNothingOfTheBody(t *testing.T) {
	o := operation(t, load(t, sample), "submit")
	for contentType, text := range map[string]string{"application/json": `{"a":"x","b":{"c":1}}`, "application/x-www-form-urlencoded": "a=x&b=y"} {
		r, body := request(contentType, "", text)
		p, err := o.Read(r, nil, body)
		if err != nil {
			t.Fatal(err)
		}
		before := show(p)
		for i := range body {
			body[i] = '!'
		}
		if show(p) != before {
			t.Errorf("%s: %s became %s with the reused body", contentType, before, show(p))
		}
	}
}

func TestReadPath(t *testing.T) {
	c := load(t, sample)
	r := httptest.NewRequest("PUT", "/items/7/parts/a%2Fb?dry=true&part=z", strings.NewReader(`{"n":1.5}`))
	r.Header.Set("Content-Type", "application/json")
	m := c.Match(r)
	if m.Operation == nil {
		t.Fatal("no operation")
	}
	p, err := m.Operation.Read(r, m.Vars, []byte(`{"n":1.5}`))
	if want := "id@path=7 part@query=z dry@query=true n@json=1.5"; err != nil || show(p) != want {
		t.Errorf("got %s, %v; want %s", show(p), err, want)
	}
	if err := m.Operation.Validate(p); err != nil {
		t.Error(err)
	}
	// A GET has no body, and an operation that declares only JSON takes no form.
	get := httptest.NewRequest("GET", "/rest/submit?package_id=1", strings.NewReader("package_id=2"))
	if p, err := operation(t, c, "submitByGet").Read(get, nil, []byte("package_id=2")); err != nil || show(p) != "package_id@query=1" {
		t.Errorf("GET: got %s, %v", show(p), err)
	}
	put, body := form("", "n=1")
	if _, err := m.Operation.Read(put, nil, body); text(err) != "the whole is not of a supported media type: application/json" {
		t.Errorf("form for JSON: got %v", err)
	}
}

func TestReadMultipart(t *testing.T) {
	o := operation(t, load(t, sample), "submit")
	build := func(fill func(w *multipart.Writer)) (string, string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		fill(w)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return w.FormDataContentType(), b.String()
	}
	field := func(name, value string) func(w *multipart.Writer) {
		return func(w *multipart.Writer) { _ = w.WriteField(name, value) }
	}
	file := func(name string) func(w *multipart.Writer) {
		return func(w *multipart.Writer) {
			part, _ := w.CreateFormFile(name, "a.bin")
			_, _ = part.Write([]byte{0xff, 0, 1})
		}
	}
	for _, test := range []struct {
		name         string
		fill         func(w *multipart.Writer)
		want, issues string
	}{
		{"field", field("content", "中"), "content@form=中", ""},
		{"binary property", file("file"), "file@form=\xff\x00\x01", ""},
		{"other file", file("content"), "", "/content is not of a supported media type: a field, not a file"},
		{"NUL", field("content", "\x00"), "", "/content is malformed: expected percent-encoded UTF-8 without NUL"},
	} {
		contentType, sent := build(test.fill)
		r, body := request(contentType, "", sent)
		p, err := o.Read(r, nil, body)
		if show(p) != test.want || text(err) != test.issues {
			t.Errorf("%s: got %q, %v", test.name, show(p), err)
		}
	}
	for _, contentType := range []string{"multipart/form-data", "multipart/form-data; boundary=x"} {
		r, body := request(contentType, "", "--x\r\nbroken")
		if _, err := o.Read(r, nil, body); text(err) != "the whole is malformed: expected a form of named fields" {
			t.Errorf("%s: got %v", contentType, err)
		}
	}
}

func TestReadMany(t *testing.T) {
	o := operation(t, load(t, sample), "submit")
	var b strings.Builder
	for i := range 20000 {
		b.WriteString("&p" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + "=1")
	}
	r, body := form("", b.String())
	p, err := o.Read(r, nil, body)
	if len(p) != 182 || err == nil || len(err.(*InvalidError).Issues) != maxIssues {
		t.Errorf("got %d parameters, %v", len(p), err)
	}
}

func FuzzRead(f *testing.F) {
	c := load(f, sample)
	o := operation(f, c, "submit")
	f.Add("application/json", "a=1", []byte(`{"a":[1,{"b":"\u0000"}],"c":null}`))
	f.Add("application/x-www-form-urlencoded", "a=%41", []byte("b=%zz&c"))
	f.Add("multipart/form-data; boundary=x", "", []byte("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--x--"))
	f.Add("", "&&", []byte("{"))
	f.Add("text/plain", "=&=", []byte("x"))
	f.Fuzz(func(t *testing.T, contentType, query string, body []byte) {
		r, _ := form(query, "")
		r.Header["Content-Type"] = []string{contentType}
		p, err := o.Read(r, map[string]string{"id": query}, body)
		_ = o.Validate(p)
		seen := map[string]bool{}
		for _, v := range p {
			if seen[v.Name] {
				t.Errorf("%q stands twice in %q", v.Name, show(p))
			}
			seen[v.Name] = true
			if v.JSON != nil && v.In != InJSON {
				t.Errorf("%q has JSON in %s", v.Name, v.In)
			}
		}
		if err != nil {
			_ = err.Error()
		}
	})
}
