package contracttest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// A mask replaces secrets by where they stand: a redactor knows values, and
// finds no value that is short or that nobody has told it.
type mask struct {
	// secret reports whether what has that name is a secret.
	secret func(name string) bool
}

// isMark reports whether a text stands for a secret that was replaced.
func isMark(s string) bool {
	if len(s) < 2 || s[0] != '$' || s[1] < 'A' || s[1] > 'Z' {
		return false
	}
	for _, c := range s[2:] {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// soundsSecret guesses by a name that is not the contract's.
func soundsSecret(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{
		"token", "secret", "passw", "credential", "ticket", "session_key", "sessionkey", "session_secret", "aeskey", "aes_key",
		"api-key", "api_key", "apikey", "private_key",
	} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// pairs masks the values of a query or a form; nothing else in it changes.
func (m mask) pairs(text string) string {
	parts := strings.Split(text, "&")
	for i, part := range parts {
		raw, value, ok := strings.Cut(part, "=")
		name, err := url.QueryUnescape(raw)
		if err != nil {
			name = raw
		}
		switch {
		case !ok || value == "" || isMark(value):
		case m.secret(name):
			parts[i] = raw + "=$" + variable(name)
		default:
			parts[i] = raw + "=" + m.inner(value)
		}
	}
	return strings.Join(parts, "&")
}

// inner masks a value of a query or a form that is JSON.
func (m mask) inner(value string) string {
	text, err := url.QueryUnescape(value)
	if err != nil || !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
		return value
	}
	if masked := m.json(text); masked != text {
		return url.QueryEscape(masked)
	}
	return value
}

// url masks the query and the password of a URL.
func (m mask) url(raw string) string {
	before, query, ok := strings.Cut(raw, "?")
	if scheme, rest, has := strings.Cut(before, "://"); has {
		host, path, more := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			host = "$USER" + host[at:]
		}
		before = scheme + "://" + host
		if more {
			before += "/" + path
		}
	}
	if !ok {
		return before
	}
	query, fragment, has := strings.Cut(query, "#")
	if query = m.pairs(query); has {
		query += "#" + fragment
	}
	return before + "?" + query
}

// header masks what headers carry that is secret by its nature.
func (m mask) header(h http.Header) http.Header {
	out := http.Header{}
	for name, values := range h {
		for _, value := range values {
			switch name {
			case "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie":
				value = "$" + variable(name)
			case "Location", "Content-Location", "Referer", "Origin":
				value = m.url(value)
			default:
				if soundsSecret(name) || m.secret(name) {
					value = "$" + variable(name)
				}
			}
			out.Add(name, value)
		}
	}
	return out
}

// json masks the members of a JSON text that are secret. The text need not be
// whole, nor valid: what looks like a member is one.
func (m mask) json(text string) string { return m.jsonTo(text, 0) }

// maxEmbedded bounds how deep JSON is looked for in texts of JSON.
const maxEmbedded = 3

func (m mask) jsonTo(text string, depth int) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		if text[i] != '"' {
			b.WriteByte(text[i])
			i++
			continue
		}
		end := endOfString(text, i)
		raw := text[i:end]
		at := skipSpace(text, end)
		if at == len(text) || text[at] != ':' {
			b.WriteString(m.embedded(raw, depth))
			i = end
			continue
		}
		value := skipSpace(text, at+1)
		b.WriteString(text[i:value])
		i = value
		name := unquoted(raw)
		if value == len(text) || !m.secret(name) || strings.IndexByte(`{[`, text[value]) >= 0 {
			continue
		}
		if text[value] == '"' {
			i = endOfString(text, value)
		} else {
			for i < len(text) && strings.IndexByte(",}] \t\r\n", text[i]) < 0 {
				i++
			}
		}
		b.WriteString(m.hidden(name, text[value:i]))
	}
	return b.String()
}

// hidden is what stands in the place of a secret's JSON.
func (m mask) hidden(name, raw string) string {
	if raw == "null" || raw == `""` || isMark(unquoted(raw)) {
		return raw
	}
	return `"$` + variable(name) + `"`
}

// embedded masks a JSON text inside a JSON string.
func (m mask) embedded(raw string, depth int) string {
	text := unquoted(raw)
	if depth >= maxEmbedded || !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
		return raw
	}
	if masked := m.jsonTo(text, depth+1); masked != text {
		return string(quote(masked))
	}
	return raw
}

// endOfString is where a JSON string that begins at i ends, or the text.
func endOfString(text string, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

func skipSpace(text string, i int) int {
	for i < len(text) && strings.IndexByte(" \t\r\n", text[i]) >= 0 {
		i++
	}
	return i
}

// unquoted is the text of a JSON string, which may lack its end.
func unquoted(raw string) string {
	var s string
	if json.Unmarshal([]byte(raw), &s) == nil {
		return s
	}
	return strings.Trim(raw, `"`)
}
