package main

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/clock"
)

// A capture is one exchange of a relay while it passes. Its fields belong to
// the request's goroutine; the bodies have locks, since the transport may still
// read one when the answer is there.
type capture struct {
	started      time.Time
	limit        int64
	connected    atomic.Bool
	method, url  string
	header       http.Header
	request      kept
	status       int
	answerHeader http.Header
	answer       kept
	fault        contracttest.Fault
	why          string // of a fault, for people
	seen         *contracttest.Seen
	withheld     bool
}

// kept is the beginning of a body that passes.
type kept struct {
	// size is the length that was announced; -1 is unknown.
	size int64

	mu     sync.Mutex // guards all below
	begin  []byte
	passed int64
	ended  bool
	err    error // that reading it ended with
}

// tee keeps the first bytes of what is read from a body.
func (k *kept) tee(body io.ReadCloser, limit int64) io.ReadCloser { return &teeBody{body, k, limit} }

// fill takes a whole body.
func (k *kept) fill(body []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.begin, k.passed, k.ended = body, int64(len(body)), true
}

// all returns what is kept and how long the body is; where nobody knows, longer
// than what is kept.
func (k *kept) all() (begin []byte, size int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	size = k.passed
	if !k.ended && k.size != 0 {
		size = max(k.passed+1, k.size)
	}
	return bytes.Clone(k.begin), size
}

// failure is the error that reading the body ended with.
func (k *kept) failure() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

// A teeBody is a body that is kept while it is read.
type teeBody struct {
	io.ReadCloser
	kept  *kept
	limit int64
}

func (t *teeBody) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.kept.mu.Lock()
	defer t.kept.mu.Unlock()
	t.kept.passed += int64(n)
	if room := t.limit - int64(len(t.kept.begin)); room > 0 {
		t.kept.begin = append(t.kept.begin, p[:min(int64(n), room)]...)
	}
	if errors.Is(err, io.EOF) || t.kept.size >= 0 && t.kept.passed == t.kept.size {
		t.kept.ended = true
	} else if err != nil {
		t.kept.err = err
	}
	return n, err
}

// broke is the fault of an exchange that did not come to its end: the client's
// where its request could not be read, or its answer not be written.
func (c *capture) broke(ctx context.Context) contracttest.Fault {
	answer := c.answer.failure()
	switch {
	case ctx.Err() != nil, c.request.failure() != nil, errors.Is(answer, context.Canceled):
		return contracttest.GivenUp
	case answer == nil && c.status != 0:
		return contracttest.GivenUp
	case c.connected.Load():
		return contracttest.BrokenOff
	}
	return contracttest.NotReached
}

// over is the exchange as far as it is kept.
func (c *capture) over() passed {
	x := contracttest.Exchange{
		Started: c.started, Duration: clock.Wall().Sub(c.started), Method: c.method, URL: c.url, Header: c.header,
		Status: c.status, AnswerHeader: c.answerHeader, Fault: c.fault,
	}
	x.Body, x.BodySize = c.plain(&c.request, c.header, "the request", &x.Notes)
	x.Answer, x.AnswerSize = c.plain(&c.answer, c.answerHeader, "the answer", &x.Notes)
	if c.why != "" {
		x.Notes = append(x.Notes, c.why)
	}
	return passed{Exchange: x, seen: c.seen, withheld: c.withheld}
}

// plain is a body as it was before compression. One that cannot be had so is
// missing, with a note.
func (c *capture) plain(k *kept, header http.Header, what string, notes *[]string) ([]byte, int64) {
	body, size := k.all()
	encoding := strings.ToLower(strings.TrimSpace(header.Get("Content-Encoding")))
	if encoding == "" || encoding == "identity" || size == 0 {
		return body, size
	}
	if size > int64(len(body)) {
		return nil, size
	}
	out, err := decompress(encoding, body, c.limit)
	if err != nil {
		*notes = append(*notes, what+" is compressed with "+encoding+": "+err.Error())
		return nil, max(size, 1)
	}
	if int64(len(out)) > c.limit {
		return out[:c.limit], int64(len(out))
	}
	return out, int64(len(out))
}

// decompress undoes a Content-Encoding, up to a byte more than the limit.
func decompress(encoding string, body []byte, limit int64) ([]byte, error) {
	var r io.Reader
	var err error
	switch encoding {
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(bytes.NewReader(body))
	case "deflate":
		// By the standard it is zlib's format; some send it bare.
		if r, err = zlib.NewReader(bytes.NewReader(body)); err != nil {
			r, err = flate.NewReader(bytes.NewReader(body)), nil
		}
	default:
		err = errors.New("which is not undone here")
	}
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(r, limit+1))
}
