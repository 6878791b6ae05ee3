package spec

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestCheckAnswer(t *testing.T) {
	c := load(t, sample)
	for _, test := range []struct {
		id              string
		status          int
		mediaType, body string
		want            string
	}{
		{"submit", 200, "application/json", `{"errno":0,"data":{"any":[1]}}`, ""},
		{"submit", 200, "application/json; charset=utf-8", `{"errno":0}`, ""},
		{"submit", 200, "application/json", `{"errno":"0"}`, "answer 200 of submit: /errno is not of type integer"},
		{"submit", 200, "application/json", `{"msg":1}`, "answer 200 of submit: /msg is not of type string; /errno is missing"},
		{"submit", 200, "application/json", `{"errno":0`, "answer 200 of submit: the whole is malformed: expected a JSON text in UTF-8"},
		{"submit", 200, "application/json", `{"errno":0} {}`, "answer 200 of submit: the whole is malformed: expected a JSON text in UTF-8"},
		{"submit", 200, "application/json", "{\"errno\":0,\"msg\":\"\xff\"}", "answer 200 of submit: the whole is malformed: expected a JSON text in UTF-8"},
		{"submit", 200, "application/json", "", "answer 200 of submit: the whole is malformed: expected a JSON text in UTF-8"},
		{"submit", 200, "text/html", "x", "answer 200 of submit: the whole is not of a supported media type: application/json"},
		{"submit", 200, "", "", "answer 200 of submit: the whole is not of a supported media type: application/json"},
		{"submit", 404, "application/json", `{"errno":0}`, "answer 404 of submit: /status is none of 200"},
		{"strict", 204, "", "", ""},
		{"strict", 200, "text/plain", "x", "answer 200 of strict: the whole is not of a supported media type: no body"},
		{"strict", 500, "text/plain", "short", ""},
		{"strict", 500, "text/plain", "too long", "answer 500 of strict: the whole is longer than 5 characters"},
	} {
		for range 2 { // the second one by the memo, if at all
			if got := text(operation(t, c, test.id).CheckAnswer(test.status, test.mediaType, []byte(test.body))); got != test.want {
				t.Errorf("%s %d %s: got %q, want %q", test.id, test.status, test.body, got, test.want)
			}
		}
	}
}

func TestCheckAnswerRemembersByAll(t *testing.T) {
	c := load(t, sample)
	submit, strict := operation(t, c, "submit"), operation(t, c, "strict")
	body := []byte(`{"errno":0}`)
	if err := submit.CheckAnswer(200, "application/json", body); err != nil {
		t.Fatal(err)
	}
	if submit.CheckAnswer(201, "application/json", body) == nil || submit.CheckAnswer(200, "text/plain", body) == nil ||
		strict.CheckAnswer(200, "application/json", body) == nil {
		t.Error("an answer of another operation, status or type passes by the memo")
	}
}

func TestContractIsSafeForManyGoroutines(t *testing.T) {
	c := load(t, sample)
	o := operation(t, c, "submit")
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 50 {
				r, body := form("", fmt.Sprintf("package_id=%d&content=%s", i+1, strings.Repeat("x", j%10)))
				p, err := c.Match(r).Operation.Read(r, nil, body)
				if err != nil {
					t.Error(err)
				}
				if err := o.Validate(p); (err == nil) != (j%10 > 0 && j%10 < 9) {
					t.Errorf("%s: got %v", show(p), err)
				}
				_ = o.Secret("content")
				if err := o.CheckAnswer(200, "application/json", fmt.Appendf(nil, `{"errno":%d}`, j)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
