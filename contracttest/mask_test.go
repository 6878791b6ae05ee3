package contracttest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMask(t *testing.T) {
	m := mask{secret: func(name string) bool { return name == "sk" || name == "a b" }}
	for _, test := range []struct{ how, text, want string }{
		{"pairs", "", ""},
		{"pairs", "sk=1&x=sk&sk=&sk&%73k=%zz&a+b=c", "sk=$SK&x=sk&sk=&sk&%73k=$SK&a+b=$A_B"},
		{"pairs", "sk=$TOKEN_2", "sk=$TOKEN_2"},
		{"pairs", "x=%7B%22sk%22%3A1%7D&y={}&z=%7B%22a%22%3A1}", "x=%7B%22sk%22%3A%22%24SK%22%7D&y={}&z=%7B%22a%22%3A1}"},
		{"url", "http://u:p@h.example/x?sk=1#sk=2", "http://$USER@h.example/x?sk=$SK#sk=2"},
		{"url", "/x", "/x"},
		{"json", `{"sk":"1","x":{"sk" : 1.5 ,"y":["sk","a"]},"sk":null}`, `{"sk":"$SK","x":{"sk" : "$SK" ,"y":["sk","a"]},"sk":null}`},
		{"json", `{"sk":"a\"b","sk":"$TOKEN","\u0073k":true}`, `{"sk":"$SK","sk":"$TOKEN","\u0073k":"$SK"}`},
		{"json", `{"sk":{"x":"kept"},"sk":["kept"]}`, `{"sk":{"x":"kept"},"sk":["kept"]}`},
		{"json", `{"x":"{\"sk\":\"1\",\"y\":2}"}`, `{"x":"{\"sk\":\"$SK\",\"y\":2}"}`},
		// What is no whole JSON text.
		{"json", `{"x":1,"sk":"ab`, `{"x":1,"sk":"$SK"`},
		{"json", `{"x":1,"sk":`, `{"x":1,"sk":`},
		{"json", `{"x":1,"sk":"1"}}, "sk": 12`, `{"x":1,"sk":"$SK"}}, "sk": "$SK"`},
		{"json", `<sk>`, `<sk>`},
	} {
		got := ""
		switch test.how {
		case "pairs":
			got = m.pairs(test.text)
		case "url":
			got = m.url(test.text)
		case "json":
			got = m.json(test.text)
		}
		if got != test.want {
			t.Errorf("%s %s\n got %s\nwant %s", test.how, test.text, got, test.want)
		}
	}
	got := m.header(http.Header{
		"Authorization": {"Bearer x"}, "Cookie": {"a=b"}, "Referer": {"http://h/?sk=1"}, "X-Access-Token": {"x"}, "Accept": {"a", "b"},
	})
	want := http.Header{
		"Authorization": {"$AUTHORIZATION"}, "Cookie": {"$COOKIE"}, "Referer": {"http://h/?sk=$SK"}, "X-Access-Token": {"$X_ACCESS_TOKEN"}, "Accept": {"a", "b"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzMask holds that no secret gets through, whatever stands around it.
func FuzzMask(f *testing.F) {
	f.Add(`{"x":"`, `"}`)
	f.Add(`{"a":1,`, `,"b":2}`)
	f.Add(`[{"sk":null},{`, `}`)
	m := mask{secret: func(name string) bool { return name == "sk" }}
	f.Fuzz(func(t *testing.T, before, after string) {
		if strings.Count(before, `"`)%2 == 1 || strings.Contains(before, `\`) {
			return // the member would stand inside of a text
		}
		const secret = "45.f00dfacef00dface"
		text := before + `"sk":"` + secret + `"` + after
		if strings.HasSuffix(strings.TrimRight(before, " \t\r\n"), ":") {
			return // it is a value there, and none of a member
		}
		if got := m.json(text); strings.Contains(got, secret) {
			t.Errorf("%s becomes %s", text, got)
		}
	})
}
