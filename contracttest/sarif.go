package contracttest

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The part of SARIF 2.1.0 that is written.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Artifacts   []sarifArtifact   `json:"artifacts"`
		Results     []sarifResult     `json:"results"`
		ColumnKind  string            `json:"columnKind"`
		Language    string            `json:"language"`
		Newlines    []string          `json:"newlineSequences"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Language       string      `json:"language"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string         `json:"id"`
		ShortDescription sarifText      `json:"shortDescription"`
		Help             sarifText      `json:"help"`
		Properties       map[string]any `json:"properties"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Began         string              `json:"startTimeUtc,omitempty"`
		Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifArtifact struct {
		Location sarifArtifactLocation `json:"location"`
		Hashes   map[string]string     `json:"hashes"`
	}
	sarifArtifactLocation struct {
		URI   string `json:"uri"`
		Index int    `json:"index"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId"`
		RuleIndex    int                `json:"ruleIndex"`
		Level        string             `json:"level"`
		Message      sarifText          `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Occurrences  int                `json:"occurrenceCount"`
		Suppressions []sarifSuppression `json:"suppressions"`
		Request      *sarifWeb          `json:"webRequest,omitempty"`
		Response     *sarifWeb          `json:"webResponse,omitempty"`
		Properties   map[string]any     `json:"properties"`
	}
	sarifLocation struct {
		Physical *sarifPhysical `json:"physicalLocation,omitempty"`
		Logical  []sarifLogical `json:"logicalLocations"`
	}
	sarifPhysical struct {
		Artifact sarifArtifactLocation `json:"artifactLocation"`
		Region   sarifRegion           `json:"region"`
	}
	sarifRegion struct {
		Line    int        `json:"startLine"`
		Column  int        `json:"startColumn"`
		Snippet *sarifText `json:"snippet,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
	}
	sarifSuppression struct {
		Kind   string `json:"kind"`
		Status string `json:"status"`
		Why    string `json:"justification,omitempty"`
	}
	sarifWeb struct {
		Target string     `json:"target,omitempty"`
		Method string     `json:"method,omitempty"`
		Status int        `json:"statusCode,omitempty"`
		Body   *sarifText `json:"body,omitempty"`
	}
)

// WriteSARIF writes the causes as a SARIF 2.1.0 log: rules are the checks,
// results stand where the contract asks for it, and their fingerprints are the
// IDs of the causes, so that whoever reads logs knows a cause again. Known
// deviations are suppressed results; a finding whose evidence is not documented
// is a warning.
func (r *Report) WriteSARIF(w io.Writer) error {
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: "emu contract", InformationURI: "https://github.com/swanemu/emu", Language: english, Rules: []sarifRule{}}},
		Invocations: []sarifInvocation{{Successful: r.Count(Broken) == 0, Began: r.Began}},
		Artifacts:   []sarifArtifact{{sarifArtifactLocation{URI: r.Contract.Name}, map[string]string{"sha-256": r.Contract.SHA256}}},
		Results:     []sarifResult{}, ColumnKind: "unicodeCodePoints", Language: english, Newlines: []string{"\r\n", "\n"},
	}
	for _, c := range Checks() {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: c.ID, ShortDescription: sarifText{c.Explain}, Help: sarifText{c.Explain + neededFor(&c)},
			Properties: map[string]any{"mode": c.Changes},
		})
	}
	for i := range r.Causes {
		run.Results = append(run.Results, r.sarifResult(&r.Causes[i], nil))
	}
	for i := range r.Known {
		run.Results = append(run.Results, r.sarifResult(&r.Known[i], []sarifSuppression{{"external", "accepted", r.Known[i].Reason}}))
	}
	note := func(level, text string) {
		run.Invocations[0].Notifications = append(run.Invocations[0].Notifications, sarifNotification{level, sarifText{text}})
	}
	for _, t := range r.missed() {
		note("error", t.String())
	}
	for _, d := range r.Passing {
		note("error", "a known deviation is no longer found: "+strings.TrimSpace(d.Check+" "+d.Operation))
	}
	missing := r.Missing()
	for _, reason := range sortedKeys(missing) {
		note("note", fmt.Sprintf("%d %s not run: %s", missing[reason], plural(missing[reason], "case"), reason))
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{run},
	})
}

// english is the language of the texts.
const english = "en-US"

// neededFor says what a check cannot be run without.
func neededFor(c *Check) string {
	if len(c.Needs) == 0 {
		return ""
	}
	needs := make([]string, len(c.Needs))
	for i, n := range c.Needs {
		needs[i] = string(n)
	}
	return " Needs: " + strings.Join(needs, ", ") + "."
}

func (r *Report) sarifResult(c *Cause, suppressions []sarifSuppression) sarifResult {
	text := c.Message
	if c.Expected != "" {
		text += ": expected " + c.Expected
	}
	if c.Actual != "" {
		text += ", actual " + c.Actual
	}
	text += fmt.Sprintf(". Seen %d %s, in %s. Again: %s", c.Count, plural(c.Count, "time"), strings.Join(c.Operations, ", "), c.again())
	out := sarifResult{
		RuleID: c.Check, RuleIndex: order(c.Check), Level: "warning", Message: sarifText{text},
		Locations:    []sarifLocation{{Logical: []sarifLogical{{c.SpecPointer}}}},
		Fingerprints: map[string]string{"emuCause/v1": c.ID}, Occurrences: c.Count, Suppressions: suppressions,
		Properties: map[string]any{
			"case": c.In, "case_id": c.CaseID, "operations": c.Operations, "evidence": c.Evidence.Grade, "source": c.Evidence.Source,
		},
	}
	if suppressions == nil {
		out.Suppressions = []sarifSuppression{}
	}
	if c.ValuePointer != "" {
		out.Properties["value_pointer"] = c.ValuePointer
	}
	if c.Evidence.Grade == "documented" {
		out.Level = "error"
	}
	if c.Line > 0 {
		region := sarifRegion{Line: c.Line, Column: c.Column}
		if r.lines != nil {
			region.Snippet = &sarifText{r.lines(c.Line)}
		}
		out.Locations[0].Physical = &sarifPhysical{sarifArtifactLocation{URI: c.Document}, region}
	}
	last := slices.IndexFunc(reversed(c.Steps), func(s Step) bool { return s.Method != "" })
	if last >= 0 {
		s := c.Steps[len(c.Steps)-1-last]
		out.Request, out.Response = &sarifWeb{Target: s.URL, Method: s.Method, Body: textOrNone(s.Body)}, &sarifWeb{Status: s.Status, Body: textOrNone(s.Answer)}
	}
	return out
}

func reversed[T any](list []T) []T {
	out := slices.Clone(list)
	slices.Reverse(out)
	return out
}

func textOrNone(s string) *sarifText {
	if s == "" {
		return nil
	}
	return &sarifText{s}
}
