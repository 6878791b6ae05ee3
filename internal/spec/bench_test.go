package spec

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// submitInput is what a behaviour takes from submitaudit.
type submitInput struct {
	PackageID int64  `json:"package_id"`
	Content   string `json:"content"`
	Remark    string `json:"remark"`
}

func benchContract(b *testing.B) (*Contract, *Operation) {
	b.Helper()
	c, err := Load(platformText(b), LoadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return c, operation(b, c, "submitPackageAudit")
}

func BenchmarkMatch(b *testing.B) {
	c, o := benchContract(b)
	r := httptest.NewRequest("POST", o.Path+"?access_token=x", nil)
	b.ReportAllocs()
	for b.Loop() {
		if c.Match(r).Operation != o {
			b.Fatal("no match")
		}
	}
}

func BenchmarkMatchTemplate(b *testing.B) {
	c := load(b, sample)
	r := httptest.NewRequest("PUT", "/items/7/parts/x", nil)
	b.ReportAllocs()
	for b.Loop() {
		if c.Match(r).Operation == nil {
			b.Fatal("no match")
		}
	}
}

func benchRead(b *testing.B, contentType, query, body string) {
	c, o := benchContract(b)
	binder, err := NewBinder[submitInput]()
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("POST", o.Path+query, nil)
	r.Header.Set("Content-Type", contentType)
	data := []byte(body)
	b.ReportAllocs()
	for b.Loop() {
		m := c.Match(r)
		p, err := m.Operation.Read(r, m.Vars, data)
		if err != nil {
			b.Fatal(err)
		}
		if err := m.Operation.Validate(p); err != nil {
			b.Fatal(err)
		}
		if in, err := binder.Bind(p); err != nil || in.PackageID != 11111 {
			b.Fatal(in, err)
		}
	}
}

func BenchmarkReadValidateBindForm(b *testing.B) {
	benchRead(b, "application/x-www-form-urlencoded", "",
		"access_token=45.a6b7dbd428f731035f771b8d15063f61.3600.1292922000-2346678-124328&package_id=11111&content=%E9%A6%96%E6%AC%A1%E9%80%81%E5%AE%A1&remark=first")
}

func BenchmarkReadValidateBindJSON(b *testing.B) {
	benchRead(b, "application/json", "?access_token=45.a6b7dbd428f731035f771b8d15063f61.3600.1292922000-2346678-124328",
		`{"package_id":11111,"content":"首次送审","remark":"first"}`)
}

func BenchmarkValidateByKin(b *testing.B) {
	c, o := benchContract(b)
	p := Params{{Name: "package_id", In: InForm, Text: "11111"}, {Name: "content", In: InForm, Text: "首次送审"}, {Name: "remark", In: InForm, Text: "first"}}
	how := c.visit(openapi3.VisitAsRequest())
	b.ReportAllocs()
	for b.Loop() {
		if err := o.plan().judge(p, o.TokenParam, how); err != nil {
			b.Fatal(err)
		}
	}
}

func benchAnswer(b *testing.B, vary bool) {
	c := load(b, sample)
	o := operation(b, c, "submit")
	body := []byte(`{"errno":0,"msg":"` + strings.Repeat("x", 2450) + `","data":{"a":[1,2,3]}}`)
	b.ReportAllocs()
	for b.Loop() {
		if vary {
			for i := 30; i < 40; i++ {
				if body[i]++; body[i] <= 'z' {
					break
				}
				body[i] = 'a'
			}
		}
		if err := o.CheckAnswer(200, "application/json", body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckAnswerSeen(b *testing.B) { benchAnswer(b, false) }
func BenchmarkCheckAnswerNew(b *testing.B)  { benchAnswer(b, true) }

func benchLoad(b *testing.B, o LoadOptions) {
	data := platformText(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(data, o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B)         { benchLoad(b, LoadOptions{}) }
func BenchmarkLoadVerified(b *testing.B) { benchLoad(b, LoadOptions{Verified: true}) }
