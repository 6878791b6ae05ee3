package spec

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

const completeDocument = `
openapi: 3.0.3
info: {title: 包管理, version: "1"}
paths:
  /list:
    get:
      operationId: list
      responses:
        "200":
          description: ok
          content:
            application/json:
              schema:
                oneOf:
                  - type: object
                    required: [errno, msg, data]
                    properties:
                      errno: {type: integer, enum: [0]}
                      msg: {type: string}
                      data: {type: array, items: {$ref: '#/components/schemas/Row'}}
                  - type: object
                    required: [errno, msg]
                    properties: {errno: {type: integer, minimum: 1}, msg: {type: string}}
  /bare:
    get:
      operationId: bare
      responses:
        "200": {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/Row'}}}}
  /empty:
    get:
      operationId: empty
      responses: {"200": {description: ok}}
components:
  schemas:
    Row:
      allOf:
        - type: object
          required: [id, name, owner]
          properties:
            id: {type: integer, minimum: 1}
            name: {type: string, example: 小程序}
            owner: {$ref: '#/components/schemas/Owner'}
            note: {type: string}
        - type: object
          required: [status]
          properties: {status: {type: integer, default: 3, enum: [1, 3]}}
    Owner:
      type: object
      required: [type, secret, verified]
      properties:
        type: {type: string, default: company}
        verified: {type: boolean, example: true}
        secret: {type: string, writeOnly: true}
`

func TestComplete(t *testing.T) {
	contract := synthContract(t, completeDocument)
	for _, c := range []struct{ op, body, want string }{
		{"list", `{"errno":0,"msg":"success","data":[]}`, `{"errno":0,"msg":"success","data":[]}`},
		{
			"list", `{"msg":"success","errno":0,"data":[{"status":1,"zeta":[1, 2],"id":7},{"owner":{"verified":false,"name":"<b>"},"id":8,"name":"x","status":3}]}`,
			`{"msg":"success","errno":0,"data":[{"status":1,"zeta":[1, 2],"id":7,"name":"小程序","owner":{"type":"company","verified":true}},{"owner":{"verified":false,"name":"<b>","type":"company"},"id":8,"name":"x","status":3}]}`,
		},
		{"list", `{"errno":40001,"msg":"参数错误"}`, `{"errno":40001,"msg":"参数错误"}`},
		{"bare", `{"id":1,"owner":null}`, `{"id":1,"owner":null,"name":"小程序","status":3}`},
		{"bare", `{"id":12345678901234567890,"name":"a","status":1,"owner":{"type":"t","verified":true}}`, `{"id":12345678901234567890,"name":"a","status":1,"owner":{"type":"t","verified":true}}`},
		{"bare", `[]`, `[]`},
		{"empty", `{"a":1}`, `{"a":1}`},
		{"list", ``, ``},
	} {
		op, _ := contract.Operation(c.op)
		got, err := op.Complete([]byte(c.body), "data", 1, synthNow())
		if err != nil || string(got) != c.want {
			t.Errorf("%s %s:\n%s, %v; want\n%s", c.op, c.body, got, err, c.want)
		}
	}
}

func TestCompleteGenerates(t *testing.T) {
	op, _ := synthContract(t, completeDocument).Operation("list")
	seen := map[string]bool{}
	for seed := range uint64(5) {
		got, err := op.Complete([]byte(`{"errno":0,"msg":"success","data":[{},{}]}`), "data", seed, synthNow())
		if err != nil {
			t.Fatal(err)
		}
		if err := op.CheckAnswer(200, "application/json", got); err != nil {
			t.Errorf("%s: %v", got, err)
		}
		again, _ := op.Complete([]byte(`{"errno":0,"msg":"success","data":[{},{}]}`), "data", seed, synthNow())
		if string(again) != string(got) {
			t.Errorf("seed %d gave %s and %s", seed, got, again)
		}
		var body struct{ Data []struct{ ID int } }
		if err := json.Unmarshal(got, &body); err != nil || body.Data[0].ID == body.Data[1].ID {
			t.Errorf("two rows are the same: %s, %v", got, err)
		}
		seen[string(got)] = true
	}
	if len(seen) != 5 {
		t.Errorf("five seeds gave %d bodies", len(seen))
	}
	if got, err := op.Complete([]byte(`{"errno":0,"data":[{]}`), "data", 1, synthNow()); err == nil && strings.Contains(string(got), "小程序") {
		t.Errorf("a broken body was completed: %s", got)
	}
}

func TestIncomplete(t *testing.T) {
	type owner struct {
		Type     string `json:"type"`
		Verified bool   `json:"verified"`
	}
	type base struct {
		ID   int    `json:"id"`
		Name string `json:"name"`
	}
	type whole struct {
		base
		Owner  *owner `json:"owner"`
		Status int    `json:"status"`
		Note   string `json:"note,omitempty"`
	}
	type lacksOwner struct {
		base
		Status int `json:"status"`
	}
	type omits struct {
		base
		Owner  *owner `json:"owner"`
		Status int    `json:"status,omitempty"`
	}
	type lacksDeep struct {
		base
		Owner struct {
			Type string `json:"type"`
		} `json:"owner"`
		Status int `json:"status"`
	}
	type loose struct {
		base
		Owner  map[string]any `json:"owner"`
		Status int            `json:"status"`
	}
	type envelope struct {
		Errno int     `json:"errno"`
		Msg   string  `json:"msg"`
		Data  []whole `json:"data"`
	}
	contract := synthContract(t, completeDocument)
	for _, c := range []struct {
		op, member string
		t          reflect.Type
		want       bool
	}{
		{"list", "data", reflect.TypeFor[[]whole](), false},
		{"list", "data", reflect.TypeFor[[]*whole](), false},
		{"list", "data", reflect.TypeFor[[]lacksOwner](), true},
		{"list", "data", reflect.TypeFor[[]omits](), true},
		{"list", "data", reflect.TypeFor[[]lacksDeep](), true},
		{"list", "data", reflect.TypeFor[[]loose](), true},
		{"list", "data", reflect.TypeFor[json.RawMessage](), true},
		{"list", "data", reflect.TypeFor[any](), true},
		{"list", "data", nil, true},
		{"list", "", reflect.TypeFor[envelope](), false},
		{"bare", "", reflect.TypeFor[whole](), false},
		{"bare", "", reflect.TypeFor[lacksOwner](), true},
		{"bare", "", reflect.TypeFor[time.Time](), true},
		{"empty", "data", reflect.TypeFor[map[string]any](), false},
		{"empty", "", nil, false},
	} {
		op, _ := contract.Operation(c.op)
		if got := op.Incomplete(c.t, c.member); got != c.want {
			t.Errorf("%s %q %v: incomplete %v, want %v", c.op, c.member, c.t, got, c.want)
		}
	}
}

func FuzzComplete(f *testing.F) {
	op, _ := synthContract(f, completeDocument).Operation("list")
	f.Add(`{"errno":0,"msg":"success","data":[{"id":1}]}`)
	f.Add(`{"data":[{"owner":{}}`)
	f.Fuzz(func(t *testing.T, body string) {
		got, err := op.Complete([]byte(body), "data", 1, synthNow())
		if err == nil && json.Valid([]byte(body)) && !json.Valid(got) {
			t.Errorf("%s became %s", body, got)
		}
	})
}
