package contracttest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	validator "github.com/santhosh-tekuri/jsonschema/v6"

	emu "github.com/swanemu/emu"
	"github.com/swanemu/emu/contracttest"
)

// update rewrites the documents that are made here.
var update = flag.Bool("update", false, "rewrite docs/contract-report.schema.json and docs/checks.md")

// faulty is a run that has something of everything: findings, known deviations
// and such as are gone, cases that were not run, and coverage below what was
// asked for.
func faulty(t *testing.T) *contracttest.Report {
	t.Helper()
	faultyOnce.Do(func() { faultyReport = runFaulty(t) })
	if faultyReport == nil {
		t.Fatal("the run failed in another test")
	}
	return faultyReport
}

// One run is enough for all who look at its report.
var (
	faultyOnce   sync.Once
	faultyReport *contracttest.Report
)

func runFaulty(t *testing.T) *contracttest.Report {
	t.Helper()
	e := open(t, 1)
	e.target.Notices = nil
	on(func(m *msg) {
		m.rows(func(r map[string]any) { r["commit_time"] = "<b>soon</b>" })
		switch {
		case m.is("releasePackage") && m.ok():
			m.status = http.StatusCreated
		case m.is("postOSSAppInfo"):
			m.header.Set("Content-Type", "text/plain")
		case m.is("listPushMessages") && m.code() == "110":
			m.refuse(69999, "未知错误")
		}
	})(t, e)
	known, err := contracttest.ReadDeviations([]byte(
		"- {check: response.status, operation: releasePackage, reason: 旧版网关}\n- {check: list.ids, operation: listPackages, reason: <i>gone</i>}\n",
	))
	if err != nil {
		t.Fatal(err)
	}
	r, err := contracttest.Verify(t.Context(), e.target, contracttest.Options{
		Mode: contracttest.Sandbox, Known: known, Operations: []string{"releasePackage", "postOSSAppInfo", "listPushMessages", "listPackages"}, Coverage: contracttest.Thresholds{"errors": 80, "operations": 100},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Causes) == 0 || len(r.Known) == 0 || len(r.Passing) == 0 || r.Count(contracttest.NotRun) == 0 || r.Err() == nil {
		t.Fatalf("something is missing:\n%s", textOf(t, r))
	}
	return r
}

// written is a report in one of its forms.
func written(t *testing.T, write func(io.Writer) error) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const schemaFile = "contract-report.schema.json"

// TestSchema checks that the schema of reports says what the types say. With
// -update it writes it.
func TestSchema(t *testing.T) {
	r := &jsonschema.Reflector{ExpandedStruct: true, Mapper: func(typ reflect.Type) *jsonschema.Schema {
		switch typ {
		case reflect.TypeFor[contracttest.Mode]():
			return &jsonschema.Schema{Type: "string", Enum: []any{contracttest.ReadOnly, contracttest.Sandbox, contracttest.Destructive}}
		case reflect.TypeFor[contracttest.Status]():
			return &jsonschema.Schema{Type: "string", Enum: []any{
				contracttest.Passed, contracttest.Failed, contracttest.Deviates, contracttest.NotRun, contracttest.Planned, contracttest.Broken,
			}}
		}
		return nil
	}}
	if err := r.AddGoComments("github.com/swanemu/emu/contracttest", "./"); err != nil {
		t.Fatal(err)
	}
	s := r.Reflect(&contracttest.Report{})
	s.ID, s.Title = "", "A report of emu contract"
	if p, ok := s.Properties.Get("version"); ok {
		p.Const = contracttest.ReportVersion
	}
	want, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	file := filepath.Join("..", "docs", schemaFile)
	if *update {
		if err := os.WriteFile(file, want, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
		t.Errorf("docs/%s is not what the types say (%v); write it with: go test ./contracttest -run TestSchema -update", schemaFile, err)
	}
}

// TestReportsMatchTheSchema validates real reports, and such as are none.
func TestReportsMatchTheSchema(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", schemaFile))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := validator.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource(schemaFile, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	validate := func(data []byte) error {
		v, err := validator.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	reports := map[string]*contracttest.Report{"faulty": faulty(t), "plan": plan(t)}
	for name, o := range map[string]contracttest.Options{
		"clean": {Mode: contracttest.Destructive}, "read-only": {Mode: contracttest.ReadOnly},
		"traced": {Operations: []string{"getAppInfo"}, Trace: true}, "out of budget": {MaxRequests: 10},
	} {
		r, err := contracttest.Verify(t.Context(), open(t, 1).target, o)
		if err != nil {
			t.Fatal(err)
		}
		reports[name] = r
	}
	for name, r := range reports {
		data := written(t, r.WriteJSON)
		if err := validate(data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		back, err := contracttest.ReadReport(data)
		if err != nil {
			t.Fatal(err)
		}
		if again := written(t, back.WriteJSON); !bytes.Equal(again, data) {
			t.Errorf("%s: what is read is not what was written", name)
		}
		// All forms can be made of it, and say the same where they can.
		if a, b := written(t, r.WriteText), written(t, back.WriteText); !bytes.Equal(a, b) {
			t.Errorf("%s: the text changes:\n%s", name, cmp.Diff(string(a), string(b)))
		}
		if a, b := written(t, r.WriteHTML), written(t, back.WriteHTML); !bytes.Equal(a, b) {
			t.Errorf("%s: the page changes", name)
		}
		written(t, back.WriteJUnit)
		written(t, back.WriteSARIF)
		if (back.Err() == nil) != (r.Err() == nil) {
			t.Errorf("%s: err is %v, before %v", name, back.Err(), r.Err())
		}
	}
	for _, text := range []string{`{}`, `{"version": 2}`, `[]`} {
		if validate([]byte(text)) == nil {
			t.Errorf("the schema accepts %s", text)
		}
	}
	for text, want := range map[string]string{`{}`: "version 1", `[`: "JSON", `{"version":2}`: "not 2", `{"version":"1"}`: "JSON form"} {
		if _, err := contracttest.ReadReport([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("reading %s: %v, want %s", text, err, want)
		}
	}
}

// TestHTML looks at the page: it stands alone, and shows what there is.
func TestHTML(t *testing.T) {
	r := faulty(t)
	page := string(written(t, r.WriteHTML))
	for _, bad := range []string{`<script`, `<link`, `<img`, `src=`, `href="http`, `url(`, `@import`, `ZgotmplZ`, `<b>soon`, `<i>gone`} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	for _, c := range slices.Concat(r.Causes, r.Known) {
		for _, want := range []string{`id="cause-` + c.ID + `"`, "emu contract replay " + c.CaseID, c.Check} {
			if !strings.Contains(page, want) {
				t.Errorf("the page does not have %s of cause %s", want, c.ID)
			}
		}
	}
	for _, result := range r.Results {
		if strings.Count(page, ">"+result.ID+"<") == 0 {
			t.Errorf("the page does not have the case %s", result.Name())
		}
	}
	for _, want := range []string{
		"旧版网关", "prefers-color-scheme: dark", "no notices: the harness has none", "TARGET=", `<th scope="row" class="mono">rolling_back</th>`,
		`<span class="cell good" title="releasePackage from approved: allowed, taken `, "coverage of errors,", "errors not covered", "default-src &#39;none&#39;",
	} {
		if !strings.Contains(page, want) && !strings.Contains(page, strings.ReplaceAll(want, "&#39;", "'")) {
			t.Errorf("the page does not have %s", want)
		}
	}
	if n := len(page); n > 1<<20 {
		t.Errorf("the page has %d bytes", n)
	}
	// What is opened is closed.
	for _, tag := range []string{"details", "summary", "table", "tr", "td", "th", "div", "dl", "dd", "pre", "ul", "li", "span", "h2"} {
		opened := len(regexp.MustCompile(`<`+tag+`[\s>]`).FindAllString(page, -1))
		if closed := strings.Count(page, "</"+tag+">"); opened != closed {
			t.Errorf("%s is opened %d times and closed %d times", tag, opened, closed)
		}
	}
	clean, err := contracttest.Verify(t.Context(), open(t, 1).target, contracttest.Options{Operations: []string{"getAppInfo"}, Mode: contracttest.Destructive})
	if err != nil {
		t.Fatal(err)
	}
	if page := string(written(t, clean.WriteHTML)); !strings.Contains(page, "Nothing was found") || !strings.Contains(page, "Every case was run.") {
		t.Error("the page of a clean run does not say so")
	}
}

// TestSARIF lets the schema of SARIF judge, and looks where results stand.
func TestSARIF(t *testing.T) {
	r := faulty(t)
	data := written(t, r.WriteSARIF)
	log, err := sarif.FromBytes(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Validate(); err != nil {
		t.Error(err)
	}
	// Whoever reads it by the schema's types reads everything.
	again, err := json.Marshal(log)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if json.Unmarshal(data, &a) != nil || json.Unmarshal(again, &b) != nil {
		t.Fatal("no JSON")
	}
	if lost := lostIn(a, b, ""); len(lost) > 0 {
		t.Errorf("what SARIF does not know: %v", lost)
	}
	run := log.Runs[0]
	if len(run.Tool.Driver.Rules) != len(contracttest.Checks()) || len(run.Results) != len(r.Causes)+len(r.Known) {
		t.Fatalf("%d rules, %d results", len(run.Tool.Driver.Rules), len(run.Results))
	}
	lines := strings.Split(string(emu.OpenAPI), "\n")
	for i, result := range run.Results {
		c := slices.Concat(r.Causes, r.Known)[i]
		rule := run.Tool.Driver.Rules[result.RuleIndex]
		if *rule.ID != c.Check || *result.RuleID != c.Check || result.PartialFingerprints["emuCause/v1"] != c.ID {
			t.Errorf("%s: rule %s, fingerprints %v", c.Message, *rule.ID, result.PartialFingerprints)
		}
		where := result.Locations[0].PhysicalLocation
		if *where.ArtifactLocation.URI != "openapi.yaml" || *where.Region.StartLine != c.Line || *where.Region.Snippet.Text != lines[c.Line-1] {
			t.Errorf("%s stands at %+v", c.Message, where)
		}
		if suppressed := len(result.Suppressions) > 0; suppressed != (i >= len(r.Causes)) {
			t.Errorf("%s: suppressed %t", c.Message, suppressed)
		}
		level := "warning"
		if c.Evidence.Grade == "documented" {
			level = "error"
		}
		if result.Level != level {
			t.Errorf("%s: level %s, want %s", c.Message, result.Level, level)
		}
	}
	var told []string
	for _, n := range run.Invocations[0].ToolExecutionNotifications {
		told = append(told, *n.Message.Text)
	}
	for _, want := range []string{"coverage of errors, ", "a known deviation is no longer found: list.ids listPackages", "cases not run: no notices"} {
		if !strings.Contains(strings.Join(told, "\n"), want) {
			t.Errorf("the log does not tell %s: %q", want, told)
		}
	}
}

// lostIn are the members of a that b does not have.
func lostIn(a, b any, at string) []string {
	var out []string
	switch a := a.(type) {
	case map[string]any:
		other, _ := b.(map[string]any)
		for name, value := range a {
			if list, ok := value.([]any); ok && len(list) == 0 && other[name] == nil {
				continue
			}
			if _, ok := other[name]; !ok {
				out = append(out, at+"/"+name)
				continue
			}
			out = append(out, lostIn(value, other[name], at+"/"+name)...)
		}
	case []any:
		other, _ := b.([]any)
		for i, value := range a {
			if i >= len(other) {
				return append(out, at+"/…")
			}
			out = append(out, lostIn(value, other[i], at+"/*")...)
		}
	default:
		if !reflect.DeepEqual(a, b) {
			out = append(out, at)
		}
	}
	return out
}
