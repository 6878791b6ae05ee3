package har

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/url"
	"strings"
	"time"
)

// tail ends an archive.
const tail = "\n]}}\n"

// Redact replaces the secrets in a text; nil replaces nothing.
type Redact func(string) string

// A Writer writes an archive entry by entry. It is for one goroutine.
type Writer struct {
	file   io.WriterAt
	redact Redact
	end    int64 // where the tail begins
	count  int
	failed error
}

// NewWriter begins an archive in an empty file. Every text of an entry, bodies
// included, passes through redact before it is written. Closing the file is the
// caller's business, and there is nothing to do before.
func NewWriter(file io.WriterAt, creator Creator, comment string, redact Redact) (*Writer, error) {
	if redact == nil {
		redact = func(s string) string { return s }
	}
	w := &Writer{file: file, redact: redact}
	head, err := headOf(Archive{Version: Version, Creator: creator, Comment: comment})
	if err != nil {
		return nil, err
	}
	err = w.write(head)
	return w, err
}

// headOf is an archive up to where its entries begin.
func headOf(a Archive) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(struct {
		Version string  `json:"version"`
		Creator Creator `json:"creator"`
		Comment string  `json:"comment,omitempty"`
	}{a.Version, a.Creator, a.Comment})
	if err != nil {
		return nil, fmt.Errorf("har: %w", err)
	}
	head := strings.TrimSuffix(b.String(), "}\n")
	return []byte(`{"log":` + head + `,"entries":[`), nil
}

// write appends a piece and the tail, in one write.
func (w *Writer) write(piece []byte) error {
	if w.failed != nil {
		return w.failed
	}
	_, err := w.file.WriteAt(append(bytes.Clone(piece), tail...), w.end)
	if err != nil {
		w.failed = fmt.Errorf("har: %w", err)
		return w.failed
	}
	w.end += int64(len(piece))
	return nil
}

// Append writes one more entry. After an error, which is the file's, nothing
// more is written and every call returns it.
func (w *Writer) Append(e Entry) error {
	piece, err := encode(e, w.redact)
	if err != nil {
		return err
	}
	separator := ",\n"
	if w.count == 0 {
		separator = "\n"
	}
	if err := w.write(append([]byte(separator), piece...)); err != nil {
		return err
	}
	w.count++
	return nil
}

// Count is how many entries were written.
func (w *Writer) Count() int { return w.count }

// Write writes a whole archive as it is.
func Write(to io.Writer, a Archive) error {
	if a.Version == "" {
		a.Version = Version
	}
	out, err := headOf(a)
	if err != nil {
		return err
	}
	for i, e := range a.Entries {
		piece, err := encode(e, func(s string) string { return s })
		if err != nil {
			return err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, '\n'), piece...)
	}
	_, err = to.Write(append(out, tail...))
	return err
}

// encode writes an entry as JSON.
func encode(e Entry, redact Redact) ([]byte, error) {
	if e.Started.IsZero() || e.Time < 0 {
		return nil, errors.New("har: an entry needs the time when it started, and one that it took")
	}
	r := rawEntry{
		Started: e.Started.Format(time.RFC3339Nano), Time: milliseconds(e.Time), Server: e.Server, Comment: redact(e.Comment),
		Request: request(&e.Request, redact), Response: response(&e.Response, redact),
		Timings: rawTimings{Wait: milliseconds(e.Time)},
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("har: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// milliseconds is a duration as the format counts it.
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func request(r *Request, redact Redact) rawRequest {
	out := rawRequest{
		Method: r.Method, URL: redact(r.URL), Proto: r.Proto, Cookies: []rawPair{}, Headers: redacted(pairsOf(r.Header), redact),
		QueryString: []rawPair{}, HeadersSize: -1, BodySize: r.BodySize, Comment: redact(r.Comment),
	}
	if _, query, ok := strings.Cut(out.URL, "?"); ok {
		out.QueryString = pairsIn(query)
	}
	if len(r.Body) == 0 {
		return out
	}
	data := &rawPostData{MimeType: redact(r.Header.Get("Content-Type")), Params: []rawPair{}}
	data.Text, data.Encoding = asText([]byte(redact(string(r.Body))))
	if base, _, err := mime.ParseMediaType(data.MimeType); err == nil && base == "application/x-www-form-urlencoded" && data.Encoding == "" {
		data.Params = pairsIn(data.Text)
	}
	out.PostData = data
	return out
}

func response(r *Response, redact Redact) rawResponse {
	out := rawResponse{
		Status: r.Status, StatusText: r.StatusText, Proto: r.Proto, Cookies: []rawPair{}, Headers: redacted(pairsOf(r.Header), redact),
		RedirectURL: redact(r.RedirectURL), HeadersSize: -1, BodySize: r.BodySize, Comment: redact(r.Comment),
	}
	body := redact(string(r.Body))
	out.Content = rawContent{Size: max(r.BodySize, int64(len(body))), MimeType: redact(r.Header.Get("Content-Type"))}
	out.Content.Text, out.Content.Encoding = asText([]byte(body))
	return out
}

func redacted(pairs []rawPair, redact Redact) []rawPair {
	for i := range pairs {
		pairs[i].Value = redact(pairs[i].Value)
	}
	return pairs
}

// pairsIn lists the pairs of a query or a form, decoded where that is possible.
func pairsIn(text string) []rawPair {
	out := []rawPair{}
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		out = append(out, rawPair{decoded(name), decoded(value)})
	}
	return out
}

func decoded(s string) string {
	if out, err := url.QueryUnescape(s); err == nil {
		return out
	}
	return s
}
