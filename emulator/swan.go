package emulator

import (
	_ "embed"
	"net/http"
	"strings"
)

// The client's side (seed 004): a script that stands in for the runtime of a
// mini program, and the leave that pages of other sites have to use it.

// swanPath is where the script is.
const swanPath = ControlPrefix + "swan.js"

const mediaScript = "text/javascript; charset=utf-8"

//go:embed swan.js
var swanScript []byte

// getClientScript answers with the script.
func getClientScript(*controlCall, None) (controlAnswer, error) { return clientScript(), nil }

func clientScript() controlAnswer {
	return controlAnswer{status: http.StatusOK, mediaType: mediaScript, body: swanScript}
}

// clientCalls reports whether a path is one that a client in a page calls: the
// host API, the cashier, the questions to the user and the script.
func clientCalls(path string) bool {
	return strings.HasPrefix(path, "/ma/") || path == swanPath ||
		strings.HasPrefix(path, ControlPrefix+"sandboxes/") && strings.HasSuffix(path, "/asks")
}

// allowedOrigin is the Origin of a request by a page of another site that may
// call what clients call; "" where there is none, or it may not.
func (e *Emulator) allowedOrigin(r *http.Request) string {
	origins := r.Header.Values("Origin")
	if len(e.opt.AllowOrigins) == 0 || len(origins) != 1 || !clientCalls(r.URL.Path) {
		return ""
	}
	for _, allowed := range e.opt.AllowOrigins {
		if allowed == "*" || strings.EqualFold(strings.TrimSuffix(allowed, "/"), origins[0]) {
			return origins[0]
		}
	}
	return ""
}

// crossOrigin tells a browser what a page of another site may do (CORS). It
// reports whether the request was only the question for that.
func (e *Emulator) crossOrigin(w http.ResponseWriter, r *http.Request) bool {
	origin := e.allowedOrigin(r)
	if origin == "" {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	w.WriteHeader(http.StatusNoContent)
	return true
}
