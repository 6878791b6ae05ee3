package main

import (
	"bytes"
	"io"
	"net/http"
)

// inProcessURL is what requests to a handler in this process are for.
const inProcessURL = "http://127.0.0.1"

// inProcess lets a handler in this process answer requests, without a network
// between them.
type inProcess struct{ handler http.Handler }

// RoundTrip carries one request. A handler that breaks off gives an error, as a
// connection that ends does.
func (t inProcess) RoundTrip(r *http.Request) (res *http.Response, err error) {
	defer func() {
		if broken := recover(); broken == http.ErrAbortHandler { //nolint:errorlint // it is panicked with as it is
			res, err = nil, io.ErrUnexpectedEOF
		} else if broken != nil {
			panic(broken)
		}
	}()
	in := r.Clone(r.Context())
	in.RemoteAddr, in.RequestURI = "127.0.0.1:1", r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := &kept{header: http.Header{}}
	t.handler.ServeHTTP(w, in)
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Header: w.sent, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()),
		Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// kept is an answer that is kept.
type kept struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

// Header is what will be sent.
func (k *kept) Header() http.Header { return k.header }

// WriteHeader fixes the status and the headers.
func (k *kept) WriteHeader(status int) {
	if k.status == 0 {
		k.status, k.sent = status, k.header.Clone()
	}
}

// Write keeps a part of the body.
func (k *kept) Write(p []byte) (int, error) {
	k.WriteHeader(http.StatusOK)
	return k.body.Write(p)
}
