package emulator

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/swanemu/emu/internal/spec"
)

// A Refusal is the platform's no: an entry of the contract's error catalogue
// (x-errors) and a detail for the person who reads it. Callers act on Name,
// never on the text.
type Refusal struct {
	// Name is the catalogue name, e.g. PackageNotFound.
	Name string
	// Detail is appended to the platform's own message where the catalogue
	// says so. It never holds a value that may be a secret.
	Detail string
}

// Error is the refusal in words.
func (r *Refusal) Error() string {
	if r.Detail == "" {
		return r.Name
	}
	return r.Name + ": " + r.Detail
}

// refuse returns a Refusal; the detail is formatted when there is one.
func refuse(name string, detail ...any) error {
	r := &Refusal{Name: name}
	if len(detail) > 0 {
		r.Detail = fmt.Sprintf(detail[0].(string), detail[1:]...)
	}
	return r
}

// refusalOf turns an invalid request into the refusal of an envelope.
func refusalOf(env *spec.Envelope, err *spec.InvalidError) *Refusal {
	stage := "invalid"
	types := len(err.Issues) > 0
	for _, i := range err.Issues {
		types = types && i.Rule == spec.RuleType
	}
	if types && env.Refusals["type"] != "" {
		stage = "type"
	}
	return &Refusal{Name: env.Refusals[stage], Detail: describeIssues(err.Issues)}
}

// describeIssues says in Chinese what is wrong with a request, without the
// values that were sent.
func describeIssues(issues []spec.Issue) string {
	parts := make([]string, 0, len(issues))
	for _, i := range issues {
		parts = append(parts, describeIssue(i))
	}
	return strings.Join(parts, "；")
}

func describeIssue(i spec.Issue) string {
	name := strings.TrimPrefix(i.Pointer, "/")
	if name == "" {
		name = "请求"
	}
	switch i.Rule {
	case spec.RuleRequired:
		return "缺少参数 " + name
	case spec.RuleType:
		return name + " 类型应为 " + i.Want
	case spec.RuleEnum:
		return name + " 只能取 " + i.Want
	case spec.RuleMinLength:
		return name + " 长度不能小于 " + i.Want
	case spec.RuleMaxLength:
		return name + " 长度不能大于 " + i.Want
	case spec.RuleMinimum:
		return name + " 不能小于 " + i.Want
	case spec.RuleMaximum:
		return name + " 不能大于 " + i.Want
	case spec.RuleMinItems:
		return name + " 至少要有 " + i.Want + " 项"
	case spec.RuleMaxItems:
		return name + " 最多只能有 " + i.Want + " 项"
	case spec.RulePattern, spec.RuleFormat:
		return name + " 格式应为 " + cmp.Or(i.Words, i.Want)
	case spec.RuleUnknown:
		return "未知参数 " + name + orNothing("，是否想写 ", i.Want)
	case spec.RuleDuplicate:
		return "参数 " + name + " 重复"
	case spec.RuleMalformed:
		return name + " 无法解析" + orNothing("：", i.Want)
	case spec.RuleMediaType:
		return "Content-Type 应为 " + i.Want
	default:
		return name + " 不符合要求" + orNothing("：", i.Want)
	}
}

func orNothing(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}
