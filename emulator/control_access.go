package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Who may use the control API. With an admin token: whoever has it, and for the
// paths of one sandbox whoever has that sandbox's token, which follows from the
// admin token and the name, so that nothing needs to be kept. Without one:
// callers on this machine that no proxy and no foreign web page speaks for,
// unless the emulator was opened to all.

// sandboxToken is the control API's token for one sandbox; "" without an admin
// token.
func (e *Emulator) sandboxToken(name string) string {
	if e.opt.AdminToken == "" {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(e.opt.AdminToken))
	mac.Write([]byte("emu sandbox " + name))
	return hex.EncodeToString(mac.Sum(nil))
}

// admit lets a request in or says why not. bound is the only sandbox that the
// caller may touch; "" means any.
func (c *control) admit(r *http.Request) (bound string, err error) {
	if c.e.opt.AdminToken != "" {
		return c.admitToken(r)
	}
	if c.e.opt.AdminOpen {
		return "", nil
	}
	if c.e.allowedOrigin(r) != "" {
		// The page may ask; whoever shows it is on this machine.
		r = r.Clone(r.Context())
		r.Header.Del("Origin")
	}
	if why := foreign(r); why != "" {
		return "", &controlProblem{Status: http.StatusForbidden, Detail: why +
			"; without an admin token the control API answers callers on this machine only: set one (--admin-token," +
			" EMU_ADMIN_TOKEN, Options.AdminToken) and send it as Authorization: Bearer, or open the API to all" +
			" (--admin-open, Options.AdminOpen)"}
	}
	return "", nil
}

func (c *control) admitToken(r *http.Request) (bound string, err error) {
	token, name := bearer(r), sandboxInPath(r.URL.EscapedPath())
	if r.URL.Path == alliancePath {
		name = allianceSandbox(r)
		if _, password, ok := r.BasicAuth(); ok {
			token = password // a browser can send nothing else
		}
	}
	switch {
	case token == "":
		return "", &controlProblem{Status: http.StatusUnauthorized, Detail: "the control API needs the admin token: Authorization: Bearer …"}
	case sameToken(token, c.e.opt.AdminToken):
		return "", nil
	case name != "" && sameToken(token, c.e.sandboxToken(name)):
		return name, nil
	}
	return "", &controlProblem{Status: http.StatusUnauthorized, Detail: "the token is neither the admin token nor that of the sandbox in the path"}
}

// bearer is the token that a request carries in the way of RFC 6750, or "".
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// errNotBound refuses a token outside its sandbox.
func errNotBound() error {
	return &controlProblem{Status: http.StatusForbidden, Detail: "the token is for another sandbox"}
}

// sameToken compares without telling how much of a token is right.
func sameToken(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// sandboxInPath is the name of the sandbox that a path is about, or "".
func sandboxInPath(escaped string) string {
	rest, ok := strings.CutPrefix(escaped, ControlPrefix+"sandboxes/")
	if !ok {
		return ""
	}
	segment, _, _ := strings.Cut(rest, "/")
	name, err := url.PathUnescape(segment)
	if err != nil {
		return ""
	}
	return name
}

// foreign says why a request does not come from this machine, or "".
func foreign(r *http.Request) string {
	caller, ok := hostAddr(r.RemoteAddr)
	if !ok || !caller.IsLoopback() {
		return "the caller is not on this machine"
	}
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip"} {
		if len(r.Header.Values(h)) > 0 {
			return "a proxy speaks for the caller (" + h + ")"
		}
	}
	// A name that a page has made resolve to this machine is not its name.
	if !ownHost(r) {
		return "the Host header names another machine"
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
			return "a page of another site speaks for the caller (Origin)"
		}
	}
	return ""
}

// ownHost reports whether the Host header names this machine: a loopback name
// or address, or the address that the request came in on.
func ownHost(r *http.Request) bool {
	if r.Host == "" {
		return true // HTTP/1.0, which no browser speaks
	}
	addr, ok := hostAddr(r.Host)
	if !ok {
		name := strings.ToLower(strings.TrimSuffix(hostName(r.Host), "."))
		return name == "localhost" || strings.HasSuffix(name, ".localhost")
	}
	if addr.IsLoopback() {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	own, ok := hostAddr(local.String())
	return ok && own == addr
}

// hostName is a host without its port.
func hostName(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

// hostAddr is the address in a host with or without a port.
func hostAddr(hostport string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(hostName(hostport))
	return addr.Unmap().WithZone(""), err == nil
}
