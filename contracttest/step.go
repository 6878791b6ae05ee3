package contracttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
)

// A Step is one exchange of a case, or what the harness did, as it may be
// shown: secrets are replaced by names that begin with $.
type Step struct {
	// Note is what the harness did; all else is then empty.
	Note string `json:"note,omitempty"`
	// Method, URL, ContentType and Body are the request, the body as it was
	// sent.
	Method      string `json:"method,omitempty"`
	URL         string `json:"url,omitempty"`
	ContentType string `json:"content_type,omitempty"`
	Body        string `json:"body,omitempty"`
	// Status, AnswerType and Answer are what came back; a Status of 0 is no
	// whole answer.
	Status     int    `json:"status,omitempty"`
	AnswerType string `json:"answer_type,omitempty"`
	Answer     string `json:"answer,omitempty"`
	// Outcome is what became of it.
	Outcome string `json:"outcome,omitempty"`
}

// shownBody is the longest body that is shown, in bytes.
const shownBody = 8 << 10

// steps shows the first links of a case; all of them for -1.
func (p *probe) steps(n int) []Step {
	if n < 0 || n > len(p.chain) {
		n = len(p.chain)
	}
	out := []Step{}
	for _, l := range p.chain[:n] {
		switch x := l.exchange; {
		case l.note != "":
			out = append(out, Step{Note: p.hide.hide(l.note)})
		case x != nil:
			out = append(out, Step{
				Method: x.method, URL: p.hide.hide(x.url), ContentType: x.contentType, Body: shown(p.hide.hide(string(x.body)), shownBody),
				Status: x.status, AnswerType: x.header.Get("Content-Type"), Answer: shown(p.hide.body(string(x.answer)), shownBody),
				Outcome: p.hide.hide(x.String()),
			})
		}
	}
	return out
}

// Write writes the step for people, over some lines.
func (s *Step) Write(w io.Writer) error {
	var b strings.Builder
	if s.Note != "" {
		fmt.Fprintf(&b, "# %s\n", s.Note)
		_, err := io.WriteString(w, b.String())
		return err
	}
	fmt.Fprintf(&b, "> %s %s\n", s.Method, s.URL)
	if s.ContentType != "" {
		fmt.Fprintf(&b, "> Content-Type: %s\n", s.ContentType)
	}
	block(&b, "> ", Pretty(s.ContentType, s.Body))
	if s.Status != 0 {
		fmt.Fprintf(&b, "< HTTP %d\n", s.Status)
	}
	if s.AnswerType != "" {
		fmt.Fprintf(&b, "< Content-Type: %s\n", s.AnswerType)
	}
	block(&b, "< ", Pretty(s.AnswerType, s.Answer))
	fmt.Fprintf(&b, "= %s\n", s.Outcome)
	_, err := io.WriteString(w, b.String())
	return err
}

func block(b *strings.Builder, prefix, text string) {
	for line := range strings.Lines(text) {
		b.WriteString(prefix + "  " + strings.TrimRight(line, "\n") + "\n")
	}
}

// Pretty writes a body for people: JSON with a member on each line, a form with
// a parameter on each; anything else, and what cannot be decoded, as it is.
func Pretty(contentType, body string) string {
	if strings.Contains(contentType, "x-www-form-urlencoded") {
		var lines []string
		for _, pair := range strings.Split(body, "&") {
			name, value, _ := strings.Cut(pair, "=")
			n, err1 := url.QueryUnescape(name)
			v, err2 := url.QueryUnescape(value)
			if err1 != nil || err2 != nil {
				n, v = name, value
			}
			lines = append(lines, n+"="+v)
		}
		return strings.Join(lines, "\n")
	}
	var out bytes.Buffer
	if json.Indent(&out, []byte(body), "", "  ") == nil {
		return out.String()
	}
	return body
}
