package contracttest_test

import (
	"encoding/xml"
	"errors"
	"html"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/spec"
)

// evil is what a server may answer to become part of the page.
const evil = `</pre></style></title><script>alert("1")</script>' onclick='x' & "小程序" javascript:alert(1) +1`

// evilReport has evil wherever a report has a text, and everything that the
// page shows only at times.
func evilReport() *contracttest.Report {
	finding := contracttest.Finding{
		Check: evil, Operation: evil, Case: evil, In: evil, CaseID: evil, Message: evil, SpecPointer: evil, Document: evil, Line: 3, Column: 4,
		ValuePointer: evil, Expected: evil, Actual: evil, Evidence: spec.Evidence{Grade: "observed", Source: evil}, Meaning: evil,
		Curl: []string{"  # " + evil, "", "\tcurl 'x'  "},
		Steps: []contracttest.Step{
			{Note: evil},
			{
				Method: evil, URL: "javascript:alert(1)", ContentType: "application/json", Body: `{"a":"<b>","c":[1,2]}`,
				Status: 200, AnswerType: evil, Answer: "\n  " + evil + "\n\n\tend ", Outcome: evil,
			},
			{Method: "GET", URL: "/x", Body: "a=b", Outcome: "refused"},
			{Method: "POST", ContentType: "application/x-www-form-urlencoded", Body: "a=%3Cscript%3E&b=1", Status: 500, Answer: "{"},
		},
	}
	plain := contracttest.Finding{Check: "status", Operation: "getAppInfo", In: "a/b/c", CaseID: "01234567", Message: "plain", Line: 7, Document: "openapi.yaml", Evidence: spec.Evidence{Grade: "other"}}
	graded := plain
	graded.SpecPointer, graded.Line = "/paths/x", 0
	return &contracttest.Report{
		Version: contracttest.ReportVersion, Contract: contracttest.Document{Name: evil, SHA256: evil}, Target: evil, Mode: contracttest.Mode(evil), Began: evil,
		Seconds: 12.345, Requests: 7,
		Results: []contracttest.Result{
			{ID: evil, Operation: evil, Check: evil, Case: evil, Status: contracttest.Failed, Reason: evil, Seconds: 0.0123},
			{ID: "2", Operation: evil, Check: "c", Case: "d", Status: contracttest.NotRun, Reason: evil},
			{ID: "3", Operation: "o", Check: "c", Case: "e", Status: contracttest.NotRun, Reason: "one"},
			{ID: "4", Operation: "o", Check: "c", Case: "f", Status: contracttest.NotRun, Reason: "one"},
			{ID: "5", Operation: "o", Check: "c", Case: "g", Status: contracttest.Deviates},
			{ID: "6", Operation: "p", Check: "c", Case: "h", Status: contracttest.Passed, Seconds: 1.5},
			{ID: "7", Operation: "p", Check: "c", Case: "i", Status: contracttest.Broken},
			{ID: "8", Operation: "p", Check: "c", Case: "j", Status: contracttest.Status(evil)},
		},
		Causes: []contracttest.Cause{
			{ID: evil, Finding: finding, Operations: []string{evil, "b", "c", "d", "e", "f"}, Cases: []string{evil, "g/h/i"}, Count: 3},
			{ID: "plain", Finding: plain, Operations: []string{"getAppInfo"}, Cases: []string{"a/b/c"}, Count: 1},
		},
		Known:   []contracttest.Cause{{ID: "graded", Finding: graded, Reason: evil, Operations: []string{"x", "y"}, Cases: []string{"a", "b"}, Count: 2}},
		Passing: []contracttest.Deviation{{Check: evil, Operation: evil, Case: evil, Reason: evil}, {Check: "c"}},
		Coverage: contracttest.Coverage{
			Dimensions: []contracttest.Dimension{
				{Name: "operations", Explain: evil, Possible: 3, Exercised: 1, Uncovered: []contracttest.Uncovered{{Name: "never", Why: evil}, {Name: evil}}},
				{Name: "outcomes", Explain: "x", Possible: 9, Exercised: 8, Uncovered: []contracttest.Uncovered{{Name: "o throttled"}}},
				{Name: evil, Explain: "full"},
			},
			Outcomes:    map[string]map[string]int{evil: {"accepted": 2}, "o": {"accepted": 1, "crashed": 2}, "p": {"throttled": 1}},
			Parameters:  map[string]map[string]map[string]int{evil: {evil: {evil: 2, "type": 1}, "": {"required": 1}}},
			Transitions: map[string]map[string]int{evil: {"taken": 2, "refused": 3}, "t": {}},
			Steps: []contracttest.StepTried{
				{Operation: evil, State: evil, Allowed: true, Tried: 1},
				{Operation: "q", State: evil, Tried: 2},
				{Operation: evil, State: "s"},
				{Operation: "q", State: "s", Allowed: true},
			},
		},
		Thresholds: []contracttest.Threshold{{Dimension: evil, Least: 90, Percent: 80}, {Dimension: "fine", Least: 1, Percent: 2, Met: true}},
	}
}

// TestHTMLEscapes has a server answer with what would become part of a page
// that believes it.
func TestHTMLEscapes(t *testing.T) {
	r := evilReport()
	page := string(written(t, r.WriteHTML))
	_, body, _ := strings.Cut(page, "<style>")
	sheet, body, _ := strings.Cut(body, "</style>")
	if strings.Contains(sheet, "alert") || !strings.Contains(sheet, ".badge { ") || strings.Contains(sheet, "&#") {
		t.Error("the style sheet is not as it was written")
	}
	body = strings.NewReplacer("<br>", "<br/>", " open>", ` open="">`).Replace(body[strings.Index(body, "<body>"):strings.Index(body, "</html>")])
	known := strings.Fields("a b body br code dd details div dl dt footer h1 h2 h3 header i li main nav p pre small span summary table tbody td th thead tr ul")
	places := regexp.MustCompile(`^#(findings|known|coverage|lifecycle|missing|cases)$`)
	styles := regexp.MustCompile(`^(width:[0-9]+(\.[0-9])?%|margin:\.5rem 0 0|white-space:normal)$`)
	for d := xml.NewDecoder(strings.NewReader(body)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the page is not whole: %v", err)
		}
		e, is := token.(xml.StartElement)
		if !is {
			continue
		}
		if !slices.Contains(known, e.Name.Local) {
			t.Errorf("the page has an element %s", e.Name.Local)
		}
		for _, a := range e.Attr {
			ok := false
			switch a.Name.Local {
			case "class", "id", "title", "scope", "open":
				ok = true
			case "href":
				ok = places.MatchString(a.Value)
			case "style":
				ok = styles.MatchString(a.Value)
			}
			if !ok {
				t.Errorf("the page has %s=%q on %s", a.Name.Local, a.Value, e.Name.Local)
			}
		}
	}
	for _, want := range []string{`title="` + html.EscapeString(evil+": 2 accepted") + `"`, `id="cause-` + html.EscapeString(evil) + `"`} {
		if !strings.Contains(html.UnescapeString(page), html.UnescapeString(want)) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

// TestHTMLKeepsSpace holds the scripts and bodies of the page to the letter.
func TestHTMLKeepsSpace(t *testing.T) {
	page := string(written(t, evilReport().WriteHTML))
	var got []string
	for _, m := range regexp.MustCompile(`(?s)<pre[^>]*>(.*?)</pre>`).FindAllStringSubmatch(page, -1) {
		got = append(got, html.UnescapeString(m[1]))
	}
	want := []string{
		"  # " + evil + "\n\n\tcurl 'x'  \n",
		"Content-Type: application/json\n\n{\n  \"a\": \"<b>\",\n  \"c\": [\n    1,\n    2\n  ]\n}",
		"\n  " + evil + "\n\n\tend ",
		"a=b",
		"Content-Type: application/x-www-form-urlencoded\n\na=<script>\nb=1",
		"{",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the texts of the page (-want +got):\n%s", diff)
	}
}

// TestHTMLOfNothing writes what was hardly begun.
func TestHTMLOfNothing(t *testing.T) {
	page := string(written(t, (&contracttest.Report{}).WriteHTML))
	for _, want := range []string{"No check was run; that is no success.", "The contract has no lifecycle.", "Every case was run."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %s", want)
		}
	}
}
