// Package har reads and writes recorded HTTP traffic in the HTTP Archive
// format, HAR 1.2.
//
// It promises: what Read accepts has everything that the format requires, and
// what it refuses it refuses with the JSON pointer of each fault; members that
// the format does not have are ignored, as it asks; a file that a Writer is
// writing is a whole archive after every entry, so that a process which is
// killed leaves one behind; what Write and a Writer write, Read reads as it
// was, bodies that are no text included. Secrets are the caller's business: a Writer passes every text of an
// entry through the Redact that it is given, and knows none itself.
package har

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"
)

// Version is the version of the format that is written.
const Version = "1.2"

// An Archive is recorded traffic in the order in which it was recorded.
type Archive struct {
	// Version is the format's version, 1.1 or 1.2.
	Version string
	Creator Creator
	Comment string
	Entries []Entry
}

// A Creator is the program that recorded the traffic.
type Creator struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// An Entry is one request and its answer.
type Entry struct {
	// Started is when the request was begun; Time how long it took until the
	// answer had ended.
	Started  time.Time
	Time     time.Duration
	Request  Request
	Response Response
	// Server is the address of the server; "" is unknown.
	Server  string
	Comment string
}

// A Request is what was sent.
type Request struct {
	Method string
	// URL is absolute, with the query and without a fragment.
	URL string
	// Proto is the version of HTTP, e.g. HTTP/1.1.
	Proto  string
	Header http.Header
	Body   []byte
	// BodySize is the size of the body in bytes, more than Body where that is
	// not all of it, and -1 where it is unknown.
	BodySize int64
	Comment  string
}

// A Response is what was answered. A Status of 0 says that no answer came.
type Response struct {
	Status     int
	StatusText string
	Proto      string
	Header     http.Header
	Body       []byte
	// BodySize is the size of the body in bytes, more than Body where that is
	// not all of it, and -1 where it is unknown.
	BodySize int64
	// RedirectURL is the Location of a redirection.
	RedirectURL string
	Comment     string
}

// The raw forms are the format's own objects as encoding/json writes them.
type (
	rawPair struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	rawPostData struct {
		MimeType string    `json:"mimeType"`
		Params   []rawPair `json:"params"`
		Text     string    `json:"text"`
		// Encoding is a member of our own: the format has one for answers only.
		Encoding string `json:"_encoding,omitempty"`
		Comment  string `json:"comment,omitempty"`
	}
	rawContent struct {
		Size     int64  `json:"size"`
		MimeType string `json:"mimeType"`
		Text     string `json:"text,omitempty"`
		Encoding string `json:"encoding,omitempty"`
		Comment  string `json:"comment,omitempty"`
	}
	rawRequest struct {
		Method      string       `json:"method"`
		URL         string       `json:"url"`
		Proto       string       `json:"httpVersion"`
		Cookies     []rawPair    `json:"cookies"`
		Headers     []rawPair    `json:"headers"`
		QueryString []rawPair    `json:"queryString"`
		PostData    *rawPostData `json:"postData,omitempty"`
		HeadersSize int          `json:"headersSize"`
		BodySize    int64        `json:"bodySize"`
		Comment     string       `json:"comment,omitempty"`
	}
	rawResponse struct {
		Status      int        `json:"status"`
		StatusText  string     `json:"statusText"`
		Proto       string     `json:"httpVersion"`
		Cookies     []rawPair  `json:"cookies"`
		Headers     []rawPair  `json:"headers"`
		Content     rawContent `json:"content"`
		RedirectURL string     `json:"redirectURL"`
		HeadersSize int        `json:"headersSize"`
		BodySize    int64      `json:"bodySize"`
		Comment     string     `json:"comment,omitempty"`
	}
	rawTimings struct {
		Send    float64 `json:"send"`
		Wait    float64 `json:"wait"`
		Receive float64 `json:"receive"`
	}
	rawEntry struct {
		Started  string      `json:"startedDateTime"`
		Time     float64     `json:"time"`
		Request  rawRequest  `json:"request"`
		Response rawResponse `json:"response"`
		Cache    struct{}    `json:"cache"`
		Timings  rawTimings  `json:"timings"`
		Server   string      `json:"serverIPAddress,omitempty"`
		Comment  string      `json:"comment,omitempty"`
	}
)

// encodingBase64 marks a body that is no text.
const encodingBase64 = "base64"

// asText writes a body as the format does: as text where it is one.
func asText(body []byte) (text, encoding string) {
	if utf8.Valid(body) {
		return string(body), ""
	}
	return base64.StdEncoding.EncodeToString(body), encodingBase64
}

// fromText is the body that asText wrote.
func fromText(text, encoding string) ([]byte, error) {
	switch encoding {
	case "":
		if text == "" {
			return nil, nil
		}
		return []byte(text), nil
	case encodingBase64:
		out, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, errors.New("not base64")
		}
		return out, nil
	}
	return nil, fmt.Errorf("unknown encoding; expected %s or none", encodingBase64)
}

// pairsOf lists a header, sorted by name.
func pairsOf(h http.Header) []rawPair {
	out := []rawPair{}
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range h[name] {
			out = append(out, rawPair{name, value})
		}
	}
	return out
}
