package spec

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// validated is a body and what Validate says about it.
type validated struct{ body, want string }

func checkValidate(t *testing.T, contentType string, tests []validated) {
	t.Helper()
	o := operation(t, load(t, sample), "submit")
	for _, test := range tests {
		r, body := request(contentType, "", test.body)
		p, err := o.Read(r, nil, body)
		if err != nil {
			t.Errorf("%s: %v", test.body, err)
			continue
		}
		if got := text(o.Validate(p)); got != test.want {
			t.Errorf("%s: got %q, want %q", test.body, got, test.want)
		}
	}
}

func TestValidateForm(t *testing.T) {
	long := strings.Repeat("9", 400)
	checkValidate(t, "application/x-www-form-urlencoded", []validated{
		{"package_id=12&content=中文中文中文中文", ""},
		{"package_id=12&content=abc&unknown=1&access_token=t", ""},
		{"package_id=12&content=中文中文中文中文中", "/content is longer than 8 characters"},
		{"package_id=12&content=", "/content is shorter than 1 characters"},
		{"package_id=12", "/content is missing"},
		{"", "/package_id is missing; /content is missing"},
		{"package_id=0&content=x", "/package_id is less than the least allowed: 1"},
		{"package_id=&content=x", "/package_id is not of type integer"},
		{"package_id=abc&content=x", "/package_id is not of type integer"},
		{"package_id=1.5&content=x", "/package_id is not of type integer"},
		{"package_id=%2B1&content=x", "/package_id is not of type integer"},
		{"package_id=+1&content=x", "/package_id is not of type integer"},
		{"package_id=-0&content=x", "/package_id is not of type integer"},
		{"package_id=01&content=x", "/package_id is not of type integer"},
		{"package_id=0x1F&content=x", "/package_id is not of type integer"},
		{"package_id=1e2&content=x", "/package_id is not of type integer"},
		{"package_id=9223372036854775807&content=x", ""},
		{"package_id=9223372036854775808&content=x", "/package_id is not of type integer"},
		{"package_id=" + long + "&content=x", "/package_id is not of type integer"},
		{"package_id=1&content=x&kind=2", "/kind is none of 1, 3, 4"},
		{"package_id=1&content=x&kind=3&type=online&code=abc&ratio=0.5&small=-2147483648&flag=true", ""},
		{"package_id=1&content=x&type=offline", "/type is none of online, audit"},
		{"package_id=1&content=x&code=A", "/code does not match the pattern ^[a-z]+$"},
		{"package_id=1&content=x&ratio=1", "/ratio is more than the most allowed: less than 1"},
		{"package_id=1&content=x&ratio=NaN", "/ratio is not of type number"},
		{"package_id=1&content=x&ratio=1e400", "/ratio is not of type number"},
		{"package_id=1&content=x&ratio=-0", "/ratio is not of type number"},
		{"package_id=1&content=x&ratio=-1e-3", ""},
		{"package_id=1&content=x&ratio=.5", "/ratio is not of type number"},
		{"package_id=1&content=x&small=2147483648", "/small is not in the format int32"},
		{"package_id=1&content=x&flag=1", "/flag is not of type boolean"},
		{"package_id=1&content=x&flag=TRUE", "/flag is not of type boolean"},
		{"package_id=1&content=x&ids=1,2,3", ""},
		{"package_id=1&content=x&ids=[1,2]", ""},
		{"package_id=1&content=x&ids=", ""},
		{"package_id=1&content=x&ids=1,x", "/ids/1 is not of type integer"},
		{"package_id=1&content=x&ids=1,2,3,4", "/ids has more items than 3"},
		{"package_id=1&content=x&ids=[1", "/ids is malformed: expected JSON (byte 2)"},
		{"package_id=1&content=x&ids={", "/ids/0 is not of type integer"},
		{`package_id=1&content=x&extra={"a":1}`, ""},
		{`package_id=1&content=x&extra={"a":"1"}`, "/extra/a is not of type integer"},
		{`package_id=1&content=x&extra={"a":1}{`, "/extra is malformed: expected JSON (byte 8)"},
		{`package_id=1&content=x&extra=[1]`, "/extra is not of type object"},
		{`package_id=1&content=x&extra=a`, "/extra is not of type object"},
		{"package_id=1&content=x&either=3", ""},
		{"package_id=1&content=x&either=true", ""},
		{"package_id=1&content=x&either=x", "/either does not match the schema: oneOf"},
		{"package_id=1&content=x&both=abc", ""},
		{"package_id=1&content=x&both=abcd", "/both is longer than 3 characters"},
		{"package_id=1&content=x&when=2026-01-02T03:04:05Z", ""},
		{"package_id=1&content=x&when=2026-01-02", "/when is not in the format date-time"},
		{"package_id=1&content=x&any=", ""},
	})
}

// TestValidateWords has the contract say what a text has to be.
func TestValidateWords(t *testing.T) {
	changed := edited(t, "pattern: '^[a-z]+$'", "pattern: '^[a-z]+$', x-want: lower-case letters")
	changed = strings.Replace(changed, "when: {type: string, format: date-time}", "when: {type: string, format: date-time, x-want: a time such as 2026-01-02T03:04:05Z}", 1)
	o := operation(t, load(t, changed), "submit")
	for body, want := range map[string]string{
		"package_id=1&content=x&code=A":                           "/code: want lower-case letters",
		"package_id=1&content=x&code=":                            "/code: want lower-case letters",
		"package_id=0&content=x&code=A&when=soon":                 "/code: want lower-case letters; /package_id is less than the least allowed: 1; /when: want a time such as 2026-01-02T03:04:05Z",
		"package_id=1&content=x&code=a&when=2026-01-02T03:04:05Z": "",
	} {
		r, read := request("application/x-www-form-urlencoded", "", body)
		p, err := o.Read(r, nil, read)
		if err != nil {
			t.Fatal(err)
		}
		if got := text(o.Validate(p)); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}

func TestValidateJSON(t *testing.T) {
	checkValidate(t, "application/json", []validated{
		{`{"package_id":12,"content":"x"}`, ""},
		{`{"package_id":"12","content":"x"}`, ""},
		{`{"package_id":12.0,"content":"x"}`, ""},
		{`{"package_id":1.2e1,"content":"x"}`, ""},
		{`{"package_id":12.5,"content":"x"}`, "/package_id is not of type integer"},
		{`{"package_id":-0,"content":"x"}`, "/package_id is not of type integer"},
		{`{"package_id":1e400,"content":"x"}`, "/package_id is not of type integer"},
		{`{"package_id":99999999999999999999,"content":"x"}`, "/package_id is not of type integer"},
		{`{"package_id":"-0","content":"x"}`, "/package_id is not of type integer"},
		{`{"package_id":true,"content":"x"}`, "/package_id is not of type integer"},
		{`{"package_id":null,"content":"x"}`, "/package_id is missing"},
		{`{"package_id":1,"content":12}`, ""},
		{`{"package_id":1,"content":{}}`, "/content is not of type string"},
		{`{"package_id":1,"content":true}`, "/content is not of type string"},
		{`{"package_id":1,"content":"x","ids":[1,2],"extra":{"a":1},"flag":true,"ratio":0.5,"kind":"4","any":[1]}`, ""},
		{`{"package_id":1,"content":"x","flag":"true","ratio":"0.5","ids":"1,2","extra":"{\"a\":1}"}`, ""},
		{`{"package_id":1,"content":"x","ids":{"0":1}}`, "/ids is not of type array"},
		{`{"package_id":1,"content":"x","ids":7}`, "/ids is not of type array"},
		{`{"package_id":1,"content":"x","flag":1}`, "/flag is not of type boolean"},
		{`{"package_id":1,"content":"x","extra":{"a":1e400}}`, "/extra/a is not of type integer"},
		{`{"package_id":1,"content":"x","extra":{"a":null}}`, "/extra/a is not of type integer"},
	})
}

func TestValidateUnknown(t *testing.T) {
	o := operation(t, load(t, sample), "strict")
	for _, test := range []struct{ body, want string }{
		{`{"app_id":1}`, ""},
		{`{"app_id":1,"access_token":"t"}`, ""},
		{`{"app_id":1,"ap_name":"x"}`, "/ap_name is unknown (did you mean app_name?)"},
		{`{"app_id":1,"zzz":"x"}`, "/zzz is unknown"},
		{`{"appid":1}`, "/appid is unknown (did you mean app_id?); /app_id is missing"},
	} {
		r, body := request("application/json", "", test.body)
		p, err := o.Read(r, nil, body)
		if err != nil {
			t.Fatal(err)
		}
		if got := text(o.Validate(p)); got != test.want {
			t.Errorf("%s: got %q, want %q", test.body, got, test.want)
		}
	}
}

func TestValidateNeverTellsValues(t *testing.T) {
	o := operation(t, load(t, sample), "submit")
	for _, name := range []string{"package_id", "content", "kind", "type", "code", "ratio", "small", "flag", "ids", "extra", "either", "both", "when"} {
		for _, value := range []string{"hunter2-hunter2", `{"a":"hunter2"}`, `["hunter2"]`} {
			err := o.Validate(Params{{Name: name, In: InForm, Text: value}})
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s=%s: got %v", name, value, err)
			}
		}
	}
}

func TestAcceptTakesTypicalRequests(t *testing.T) {
	c := load(t, sample)
	for _, test := range []struct{ id, contentType, query, body string }{
		{"submit", "application/x-www-form-urlencoded", "access_token=t", "package_id=12&content=中文&type=audit&kind=3&unknown=x"},
		{"submit", "application/json", "access_token=t", `{"package_id":12,"content":"x","small":"3","flag":true,"ratio":0.25,"code":"abc"}`},
		{"submit", "application/x-www-form-urlencoded", "package_id=12&content=x&when=2026-01-02T03:04:05Z&any=x", ""},
		{"submitByGet", "", "access_token=t&package_id=9007199254740992", ""},
		{"putPart", "application/json", "dry=false", `{"id":7,"part":"x","n":1.5}`},
		{"strict", "application/json", "access_token=t", `{"app_id":1,"app_name":"x"}`},
	} {
		o := operation(t, c, test.id)
		r, body := request(test.contentType, test.query, test.body)
		if o.Method == "GET" {
			r, body = httptest.NewRequest("GET", "/?"+test.query, nil), nil
		}
		p, err := o.Read(r, nil, body)
		if err != nil {
			t.Fatal(err)
		}
		if !o.plan().accepts(p, o.TokenParam) {
			t.Errorf("%s: %s is left to kin-openapi", test.id, show(p))
		}
		if n := testing.AllocsPerRun(100, func() { _ = o.Validate(p) }); n != 0 {
			t.Errorf("%s: %v allocations", test.id, n)
		}
	}
}

func TestAcceptTakesTheContract(t *testing.T) {
	c, err := Load(platformText(t), LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range c.Operations() {
		if !o.plan().certain {
			t.Errorf("%s: always left to kin-openapi", o.ID)
		}
	}
}

// FuzzAcceptOnly proves that the accept-only checks accept nothing that
// kin-openapi refuses.
func FuzzAcceptOnly(f *testing.F) {
	c := load(f, sample)
	how := c.visit(openapi3.VisitAsRequest())
	var plans []*plan
	for _, o := range c.Operations() {
		plans = append(plans, o.plan())
	}
	f.Add("package_id", "12", "content", "中文", false)
	f.Add("package_id", "9223372036854775807", "content", "x", true)
	f.Add("ratio", "0.999999999999999999999", "small", "-2147483649", false)
	f.Add("kind", "3", "when", "2026-01-02T03:04:05+08:00", false)
	f.Add("type", `"audit"`, "code", `"abc"`, true)
	f.Add("flag", "true", "any", "x", true)
	f.Add("both", "abc", "either", "1", false)
	f.Add("app_id", "1e0", "n", "1e-400", true)
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string, asJSON bool) {
		var p Params
		for _, one := range [][2]string{{"package_id", "1"}, {"content", "x"}, {"app_id", "1"}, {"n", "1"}, {"id", "1"}, {"part", "1"}, {name1, value1}, {name2, value2}} {
			v := Param{Name: one[0], In: InForm, Text: one[1]}
			if asJSON && json.Valid([]byte(one[1])) {
				v = Param{Name: one[0], In: InJSON, JSON: json.RawMessage(strings.TrimSpace(one[1]))}
				if v.JSON[0] == '"' {
					v.Text, _ = unquote(v.JSON)
				}
			}
			replaced := false
			for i := range p {
				if p[i].Name == v.Name {
					p[i], replaced = v, true
				}
			}
			if !replaced {
				p = append(p, v)
			}
		}
		for _, plan := range plans {
			if plan.accepts(p, "") {
				if err := plan.judge(p, "", how); err != nil {
					t.Errorf("accepted %s, kin-openapi: %v", show(p), err)
				}
			}
		}
	})
}
