package contracttest

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A redactor replaces secrets by their names, in everything that is reported.
type redactor struct {
	names    map[string]string // secret → name
	replacer *strings.Replacer // nil: to be made
}

// shortest is the length from which a value is taken for a secret; shorter ones
// turn up by accident.
const shortest = 8

// learn takes note of a secret; the name is what stands for it, as a shell
// variable would.
func (r *redactor) learn(name, secret string) {
	if len(secret) < shortest {
		return
	}
	if r.names == nil {
		r.names = map[string]string{}
	}
	if _, known := r.names[secret]; !known {
		r.names[secret] = name
		r.replacer = nil
	}
}

// credentials takes note of everything in there that is secret.
func (r *redactor) credentials(c *Credentials) {
	r.learn("DEVELOPER_SECRET", c.Developer.Secret)
	r.learn("HOST_SECRET", c.Host.Secret)
	r.learn("TP_TICKET", c.TP.Ticket)
	r.learn("TP_TOKEN", c.TP.AccessToken)
	r.learn("TP_AES_KEY", c.TP.EncodingAESKey)
	r.learn("TP_SIGN_TOKEN", c.TP.SignToken)
	r.authorizer(&c.Authorizer)
	r.learn("HOST_APP_SECRET", c.HostApp.HSK)
	r.learn("SESSION_KEY", c.HostApp.SessionKey)
}

func (r *redactor) authorizer(a *Authorizer) {
	of := "_OF_APP_" + strconv.FormatInt(a.AppID, 10)
	r.learn("TOKEN"+of, a.AccessToken)
	r.learn("REFRESH_TOKEN"+of, a.RefreshToken)
}

// hide replaces the secrets in a text by $NAME.
func (r *redactor) hide(s string) string {
	if len(r.names) == 0 {
		return s
	}
	if r.replacer == nil {
		secrets := make([]string, 0, len(r.names))
		for secret := range r.names {
			secrets = append(secrets, secret)
		}
		// The longest first, in case one holds another.
		slices.SortFunc(secrets, func(a, b string) int {
			return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
		})
		var pairs []string
		for _, secret := range secrets {
			name := "$" + r.names[secret]
			pairs = append(pairs, secret, name)
			if escaped := url.QueryEscape(secret); escaped != secret {
				pairs = append(pairs, escaped, name)
			}
		}
		r.replacer = strings.NewReplacer(pairs...)
	}
	return r.replacer.Replace(s)
}

// shell quotes a text for a shell and lets the names of secrets be variables.
func (r *redactor) shell(s string) string {
	quoted := "'" + strings.ReplaceAll(r.hide(s), "'", `'\''`) + "'"
	names := map[string]bool{}
	for _, name := range r.names {
		names[name] = true
	}
	for _, name := range sorted(names) {
		quoted = strings.ReplaceAll(quoted, "$"+name, `'"${`+name+`}"'`)
	}
	quoted = strings.ReplaceAll(quoted, `"''"`, `""`)
	if strings.HasSuffix(quoted, `"''`) {
		quoted = strings.TrimSuffix(quoted, `''`)
	}
	return quoted
}

// sorted returns the keys, the longest first, so that no name is taken for the
// beginning of another.
func sorted(names map[string]bool) []string {
	out := make([]string, 0, len(names))
	for name := range names {
		out = append(out, name)
	}
	slices.SortFunc(out, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	return out
}
