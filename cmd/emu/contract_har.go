package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/har"
)

// A harFile is a recording under way.
type harFile struct {
	file   *os.File
	writer *har.Writer
}

// createHAR begins a recording; without a path there is none, and that is nil.
func createHAR(path, comment string) (*harFile, error) {
	switch path {
	case "":
		return nil, nil
	case "-":
		return nil, errors.New("--har: want the name of a file; it is written to in places")
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("--har: %w", err)
	}
	b := thisBuild()
	w, err := har.NewWriter(file, har.Creator{Name: "emu", Version: b.Version}, comment, nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("--har: %w", err), file.Close())
	}
	return &harFile{file, w}, nil
}

// add records an exchange, in which names stand for secrets already.
func (h *harFile) add(x contracttest.Exchange, comment string) error {
	if h == nil {
		return nil
	}
	if err := h.writer.Append(entryOf(x, comment)); err != nil {
		return fmt.Errorf("--har: %w", err)
	}
	return nil
}

// close ends the recording.
func (h *harFile) close() error {
	if h == nil {
		return nil
	}
	if err := h.file.Close(); err != nil {
		return fmt.Errorf("--har: %w", err)
	}
	return nil
}

// keep has the exchanges of a run recorded, and returns how to end that.
func (h *harFile) keep(o *contracttest.Options) func() error {
	if h == nil {
		return func() error { return nil }
	}
	var failed error
	o.Observe = func(x contracttest.Exchange) {
		comment := fmt.Sprintf("%s/%s/%s: %s", x.Operation, x.Check, x.Case, x.Outcome)
		failed = cmp.Or(failed, h.add(x, comment))
	}
	return func() error { return errors.Join(failed, h.close()) }
}

// entryOf is an exchange as HAR has it. What the format has no place for stands
// in the comments.
func entryOf(x contracttest.Exchange, comment string) har.Entry {
	remarks := strings.Join(x.Notes, "; ")
	fault := string(x.Fault)
	if fault != "" && remarks != "" {
		fault += "; "
	}
	return har.Entry{
		Started: x.Started, Time: max(x.Duration, 0), Comment: comment,
		Request: har.Request{
			Method: x.Method, URL: x.URL, Proto: "HTTP/1.1", Header: x.Header, Body: x.Body, BodySize: x.BodySize,
		},
		Response: har.Response{
			Status: x.Status, StatusText: http.StatusText(x.Status), Proto: "HTTP/1.1", Header: x.AnswerHeader,
			Body: x.Answer, BodySize: x.AnswerSize, RedirectURL: x.AnswerHeader.Get("Location"), Comment: fault + remarks,
		},
	}
}

// exchangeOf is an entry of a HAR as an observer takes it. An entry without an
// answer is one that the client gave up, unless it says something else.
func exchangeOf(e har.Entry) contracttest.Exchange {
	x := contracttest.Exchange{
		Started: e.Started, Duration: e.Time, Method: e.Request.Method, URL: e.Request.URL, Header: e.Request.Header,
		Body: e.Request.Body, BodySize: e.Request.BodySize, Status: e.Response.Status, AnswerHeader: e.Response.Header,
		Answer: e.Response.Body, AnswerSize: e.Response.BodySize,
	}
	for _, fault := range []contracttest.Fault{contracttest.NotReached, contracttest.BrokenOff, contracttest.GivenUp} {
		if strings.HasPrefix(e.Response.Comment, string(fault)) {
			x.Fault = fault
			return x
		}
	}
	if x.Status == 0 {
		x.Fault = contracttest.GivenUp
	}
	return x
}
