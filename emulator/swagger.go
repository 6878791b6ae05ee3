package emulator

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"net/http"
	"path"
	"strings"
)

// The page of both contracts: Swagger UI, as it was published, and what starts
// it (.ci/fetch-swagger-ui says where the files are from). It loads nothing
// from elsewhere and calls this emulator only; its policy has the browser see
// to that. It holds nothing secret and needs no token, other than the
// contracts that it shows.

// docsPath is where the page is; its files are below.
const docsPath = ControlPrefix + "docs"

const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// swaggerFiles are the page and its script as they are, all else compressed.
//
//go:embed swagger
var swaggerFiles embed.FS

// docsKinds are the media types of the page's files, by the end of their name.
func docsKinds(name string) string {
	switch path.Ext(name) {
	case ".js":
		return mediaScript
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return mediaHTML
	}
	return "text/plain; charset=utf-8"
}

// docs answers a GET for the page or one of its files; false where the path is
// neither.
func (c *control) docs(w http.ResponseWriter, r *http.Request) bool {
	name, below := strings.CutPrefix(r.URL.Path, docsPath+"/")
	switch {
	case r.URL.Path == docsPath:
		name = "index.html"
	case !below || name == "index.html" || strings.HasSuffix(name, ".gz"):
		return false
	}
	h := w.Header()
	body, err := swaggerFiles.ReadFile("swagger/" + name)
	if err != nil {
		if body, err = swaggerFiles.ReadFile("swagger/" + name + ".gz"); err != nil {
			return false
		}
		h.Set("Vary", "Accept-Encoding")
		if takesGzip(r) {
			h.Set("Content-Encoding", "gzip")
		} else if body, err = unzipped(body); err != nil {
			c.fail(w, nil, err)
			return true
		}
	}
	h.Set("Content-Security-Policy", docsPolicy)
	h.Set("Referrer-Policy", "no-referrer")
	c.write(w, nil, controlAnswer{status: http.StatusOK, mediaType: docsKinds(name), body: body})
	return true
}

// takesGzip reports whether who asks reads gzip.
func takesGzip(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(line, ",") {
			name, quality, _ := strings.Cut(strings.TrimSpace(coding), ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") && strings.ReplaceAll(quality, " ", "") != "q=0" {
				return true
			}
		}
	}
	return false
}

// unzipped is what was compressed.
func unzipped(data []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}
