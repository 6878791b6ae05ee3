package contracttest

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A redactor replaces secrets by their names, in everything that is reported.
// Each name stands for one secret, so that it can be a variable of a shell.
type redactor struct {
	names   map[string]string // secret → name
	secrets map[string]string // name → secret
	given   map[string]int    // how many secrets had the name
	// heads finds the secrets that begin with some bytes, the longest first, in
	// case one holds another.
	heads map[string][]string
	// middles finds the secrets that differ in one character in the middle.
	middles map[string][]string
}

// shortest is the length from which a value is taken for a secret; shorter ones
// turn up by accident.
const shortest = 8

// escapedName ends the name of a secret as it stands in a query or a form,
// where that is not the secret itself.
const escapedName = "_ESCAPED"

// learn takes note of a secret; the name is what stands for it, with a number
// where it stands for another one already.
func (r *redactor) learn(name, secret string) {
	if len(secret) < shortest || r.names[secret] != "" {
		return
	}
	if r.names == nil {
		r.names, r.secrets, r.given = map[string]string{}, map[string]string{}, map[string]int{}
		r.heads, r.middles = map[string][]string{}, map[string][]string{}
	}
	r.given[name]++
	free := name
	for n := r.given[name]; n > 1 || r.secrets[free] != ""; n++ {
		if free = name + "_" + strconv.Itoa(max(n, 2)); r.secrets[free] == "" {
			break
		}
	}
	r.note(free, secret)
	if escaped := url.QueryEscape(secret); escaped != secret {
		r.note(free+escapedName, escaped)
	}
}

// forget lets go of all secrets; the names that are given later are new ones.
func (r *redactor) forget() {
	for _, known := range []map[string]string{r.names, r.secrets} {
		clear(known)
	}
	for _, known := range []map[string][]string{r.heads, r.middles} {
		clear(known)
	}
}

func (r *redactor) note(name, secret string) {
	r.names[secret], r.secrets[name] = name, secret
	r.middles[aroundMiddle(secret)] = append(r.middles[aroundMiddle(secret)], secret)
	head := secret[:shortest]
	r.heads[head] = append(r.heads[head], secret)
	slices.SortFunc(r.heads[head], func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
}

// credentials takes note of everything in there that is secret, and of the
// names of clients, which are nobody else's business.
func (r *redactor) credentials(c *Credentials) {
	r.learn("DEVELOPER_ID", c.Developer.ID)
	r.learn("DEVELOPER_SECRET", c.Developer.Secret)
	r.learn("HOST_ID", c.Host.ID)
	r.learn("HOST_SECRET", c.Host.Secret)
	r.learn("TP_CLIENT_ID", c.TP.ClientID)
	r.learn("TP_TICKET", c.TP.Ticket)
	r.learn("TP_TOKEN", c.TP.AccessToken)
	r.learn("TP_AES_KEY", c.TP.EncodingAESKey)
	r.learn("TP_SIGN_TOKEN", c.TP.SignToken)
	r.authorizer(&c.Authorizer)
	r.learn("HOST_APP_SECRET", c.HostApp.HSK)
	r.learn("SESSION_KEY", c.HostApp.SessionKey)
}

// The beginnings of the names of an authorizer's tokens.
const (
	tokenOfApp   = "TOKEN_OF_APP_" //nolint:gosec // a name, no secret
	refreshOfApp = "REFRESH_TOKEN_OF_APP_"
)

func (r *redactor) authorizer(a *Authorizer) {
	app := strconv.FormatInt(a.AppID, 10)
	r.learn(tokenOfApp+app, a.AccessToken)
	r.learn(refreshOfApp+app, a.RefreshToken)
}

// about says what a name stands for, without a character that a shell would
// take for its own.
func about(name string) string {
	if of, ok := strings.CutSuffix(name, escapedName); ok {
		return about(of) + ", percent-encoded"
	}
	if app, ok := strings.CutPrefix(name, tokenOfApp); ok {
		return "the token by which the TP acts for app " + app
	}
	if app, ok := strings.CutPrefix(name, refreshOfApp); ok {
		return "the refresh token of app " + app
	}
	if text, ok := map[string]string{ //nolint:gosec // names, no secrets
		"DEVELOPER_ID": "the AppKey of the app", "DEVELOPER_SECRET": "the AppSecret of the app", "HOST_ID": "the AK of the alliance member",
		"HOST_SECRET": "the SK of the alliance member", "TP_CLIENT_ID": "the client_id of the TP", "TP_TICKET": "the ticket of the TP",
		"TP_TOKEN": "the access token of the TP", "TP_AES_KEY": "the EncodingAESKey of the TP", "TP_SIGN_TOKEN": "the token of the TP for signatures",
		adminTokenName: "the token of the control API",
	}[name]; ok {
		return text
	}
	return "a value of " + strings.ToLower(strings.TrimRight(name, "_0123456789"))
}

// adminTokenName is what stands for the token of a control API.
const adminTokenName = "ADMIN_TOKEN"

// cut takes a text apart: each piece is a text of its own, or the name of the
// secret that stands there.
func (r *redactor) cut(s string, text, name func(string)) {
	from := 0
	for at := 0; at+shortest <= len(s) && len(r.heads) > 0; at++ {
		for _, secret := range r.heads[s[at:at+shortest]] {
			if !strings.HasPrefix(s[at:], secret) {
				continue
			}
			text(s[from:at])
			name(r.names[secret])
			from = at + len(secret)
			at = from - 1
			break
		}
	}
	text(s[from:])
}

// hide replaces the secrets in a text by $NAME.
func (r *redactor) hide(s string) string {
	var b strings.Builder
	r.cut(s, func(text string) { b.WriteString(text) }, func(name string) { b.WriteString("$" + name) })
	return b.String()
}

// shell quotes a text for a shell and lets the names of secrets be variables.
func (r *redactor) shell(s string) string {
	var b strings.Builder
	r.cut(s, func(text string) {
		if text != "" {
			b.WriteString("'" + strings.ReplaceAll(text, "'", `'\''`) + "'")
		}
	}, func(name string) { b.WriteString(`"${` + name + `}"`) })
	if b.Len() == 0 {
		return "''"
	}
	return b.String()
}

// used are the names of the secrets in a text, in order.
func (r *redactor) used(s string) []string {
	var out []string
	r.cut(s, func(string) {}, func(name string) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	})
	return out
}

// aroundMiddle is a text without the character in its middle.
func aroundMiddle(s string) string { return s[:len(s)/2] + "\x00" + s[len(s)/2+1:] }

// misspelt finds the secret that a wrong one was made of by another character
// in the middle of it: which, where, and what stands there instead.
func (r *redactor) misspelt(name string) (from string, at int, c string) {
	wrong := r.secrets[name]
	for _, secret := range r.middles[aroundMiddle(wrong)] {
		if secret != wrong && garble(secret) == wrong {
			at = len(wrong) / 2
			return r.names[secret], at, wrong[at : at+1]
		}
	}
	return "", 0, ""
}

// tokenShape is what the platform's tokens look like, and telling what the
// members are called that hold secrets: a body that is shown may hold some that
// nobody knows of.
var (
	tokenShape = regexp.MustCompile(`\b\d\d\.[0-9a-f]{32}\.[0-9A-Za-z._-]+`)
	telling    = regexp.MustCompile(`(?i)("[a-z_]*(?:token|secret|ticket|password|aes_?key|session_key|authorization_code)[a-z_]*"\s*:\s*)"[^"$][^"]*"`)
)

// body is hide for whole bodies.
func (r *redactor) body(s string) string {
	s = tokenShape.ReplaceAllString(r.hide(s), "$$A_TOKEN")
	return telling.ReplaceAllString(s, `${1}"$$HIDDEN"`)
}

// shown is at most limit bytes of a text.
func shown(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes in all)", strings.ToValidUTF8(s[:limit], ""), len(s))
}
