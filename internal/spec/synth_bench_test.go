package spec

import (
	"testing"
)

const benchDocument = `
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
                type: object
                required: [errno, msg, data]
                properties:
                  errno: {type: integer, enum: [0]}
                  msg: {type: string, enum: [success]}
                  data:
                    type: array
                    minItems: 3
                    items:
                      type: object
                      required: [package_id, version, status]
                      properties:
                        package_id: {type: integer, minimum: 1}
                        version: {type: string, pattern: '^\d+\.\d+\.\d+$'}
                        version_desc: {type: string, description: 版本描述, maxLength: 200}
                        status: {type: integer, enum: [1, 3, 4, 5, 6, 8]}
                        commit_time: {type: string, x-faker: commit_time}
                        committer: {type: string, x-faker: chinese_name}
                        icon: {type: string, format: uri}
  /choice:
    get:
      operationId: choice
      responses:
        "200":
          description: ok
          content:
            application/json:
              schema:
                oneOf:
                  - {type: object, required: [errno], properties: {errno: {type: integer, enum: [0]}, data: {type: string}}}
                  - {type: object, required: [errno], properties: {errno: {type: integer, enum: [1]}}}
  /example:
    get:
      operationId: example
      responses:
        "200":
          description: ok
          content:
            application/json:
              schema: {type: object, required: [errno], properties: {errno: {type: integer, enum: [0]}, data: {type: string}}}
              example: {errno: 0, data: text}
`

func BenchmarkSynthesise(b *testing.B) {
	contract := synthContract(b, benchDocument)
	for _, name := range []string{"list", "choice", "example"} {
		op, _ := contract.Operation(name)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := op.Synthesise(Prefer{}, "application/json", 7, synthNow()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkComplete(b *testing.B) {
	op, _ := synthContract(b, benchDocument).Operation("list")
	body := []byte(`{"errno":0,"msg":"success","data":[{"package_id":1,"version":"1.0.0"},{"package_id":2,"version":"1.0.1","status":3}]}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := op.Complete(body, "data", 7, synthNow()); err != nil {
			b.Fatal(err)
		}
	}
}
