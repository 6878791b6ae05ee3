package spec

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type embedded struct {
	Inner string `json:"inner"`
}

type bound struct {
	embedded
	ID      int64             `json:"id"`
	Count   *int              `json:"count,omitempty"`
	Small   int8              `json:"small"`
	Name    string            `json:"name"`
	Title   *string           `json:"title"`
	Ratio   float64           `json:"ratio"`
	Flag    bool              `json:"flag"`
	Yes     *bool             `json:"yes"`
	Raw     json.RawMessage   `json:"raw"`
	List    []int             `json:"list"`
	Names   []string          `json:"names"`
	Object  struct{ A int }   `json:"object"`
	Map     map[string]string `json:"map"`
	Any     any               `json:"any"`
	Plain   string
	Ignored string `json:"-"`
	hidden  string
}

func TestBind(t *testing.T) {
	b, err := NewBinder[bound]()
	if err != nil {
		t.Fatal(err)
	}
	form := func(name, value string) Param { return Param{Name: name, In: InForm, Text: value} }
	inJSON := func(name, value string) Param {
		p := Param{Name: name, In: InJSON, JSON: json.RawMessage(value)}
		if value[0] == '"' {
			p.Text, _ = unquote(p.JSON)
		}
		return p
	}
	one, title, yes := 1, "t", true
	for _, test := range []struct {
		p      Param
		want   bound
		issues string
	}{
		{form("id", "12"), bound{ID: 12}, ""},
		{inJSON("id", "12"), bound{ID: 12}, ""},
		{inJSON("id", `"12"`), bound{ID: 12}, ""},
		{inJSON("id", "1.2e1"), bound{ID: 12}, ""},
		{form("id", "x"), bound{}, "/id is not of type integer"},
		{inJSON("id", "1.5"), bound{}, "/id is not of type integer"},
		{inJSON("id", "{}"), bound{}, "/id is not of type integer"},
		{form("count", "1"), bound{Count: &one}, ""},
		{form("small", "128"), bound{}, "/small is not of type integer"},
		{form("name", "12"), bound{Name: "12"}, ""},
		{inJSON("name", "12"), bound{Name: "12"}, ""},
		{inJSON("name", `"中"`), bound{Name: "中"}, ""},
		{inJSON("name", `[]`), bound{}, "/name is not of type string"},
		{form("title", "t"), bound{Title: &title}, ""},
		{form("ratio", "0.5"), bound{Ratio: 0.5}, ""},
		{inJSON("ratio", "5e-1"), bound{Ratio: 0.5}, ""},
		{form("ratio", "x"), bound{}, "/ratio is not of type number"},
		{form("flag", "true"), bound{Flag: true}, ""},
		{inJSON("flag", "true"), bound{Flag: true}, ""},
		{inJSON("flag", "1"), bound{}, "/flag is not of type boolean"},
		{form("yes", "true"), bound{Yes: &yes}, ""},
		{inJSON("raw", `{"a": 1}`), bound{Raw: json.RawMessage(`{"a": 1}`)}, ""},
		{form("raw", `{"a": 1}`), bound{Raw: json.RawMessage(`"{\"a\": 1}"`)}, ""},
		{form("list", "1,2"), bound{List: []int{1, 2}}, ""},
		{form("list", ""), bound{List: []int{}}, ""},
		{form("list", "[1,2]"), bound{List: []int{1, 2}}, ""},
		{inJSON("list", "[1,2]"), bound{List: []int{1, 2}}, ""},
		{inJSON("list", `"1,2"`), bound{List: []int{1, 2}}, ""},
		{form("list", "1,x"), bound{}, "/list is not of type array of integer"},
		{form("names", "a,b"), bound{Names: []string{"a", "b"}}, ""},
		{form("object", `{"A":1}`), bound{Object: struct{ A int }{1}}, ""},
		{inJSON("object", `{"A":1}`), bound{Object: struct{ A int }{1}}, ""},
		{form("object", `x`), bound{}, "/object is not of type object"},
		{inJSON("map", `{"a":"b"}`), bound{Map: map[string]string{"a": "b"}}, ""},
		{inJSON("any", `[1]`), bound{Any: []any{1.0}}, ""},
		{form("any", `x`), bound{Any: "x"}, ""},
		{form("inner", `x`), bound{embedded: embedded{"x"}}, ""},
		{form("Plain", `x`), bound{Plain: "x"}, ""},
		{form("Ignored", `x`), bound{}, ""},
		{form("hidden", `x`), bound{}, ""},
	} {
		got, err := b.Bind(Params{test.p})
		if text(err) != test.issues {
			t.Errorf("%s: got %v, want %q", show(Params{test.p}), err, test.issues)
		}
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(bound{}, embedded{})); diff != "" && test.issues == "" {
			t.Errorf("%s (-want +got):\n%s", show(Params{test.p}), diff)
		}
	}
	_ = bound{}.hidden
}

func TestNewBinderRefuses(t *testing.T) {
	if _, err := NewBinder[int](); text(err) != "bind int: expected a struct" {
		t.Errorf("int: got %v", err)
	}
	type twins struct {
		embedded
		B string `json:"inner"`
	}
	if _, err := NewBinder[twins](); err == nil {
		t.Error("twins: no error")
	}
	type channel struct{ C chan int }
	if _, err := NewBinder[channel](); err == nil {
		t.Error("channel: no error")
	}
	if b, err := NewBinder[struct{}](); err != nil {
		t.Error(err)
	} else if _, err := b.Bind(Params{{Name: "a"}}); err != nil {
		t.Error(err)
	}
}
