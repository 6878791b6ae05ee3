package contracttest

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A case as people see it again: what was sent, what the harness did, and the
// same as a script for a shell.

// A link is one exchange of a case, an order of the harness, or a note on what
// the harness did.
type link struct {
	exchange *exchange
	order    *Order
	note     string
}

// sent are the texts of a link's request.
func (l *link) sent() []string {
	switch {
	case l.exchange != nil:
		return []string{l.exchange.url, string(l.exchange.body)}
	case l.order != nil:
		return []string{l.order.URL, string(l.order.Body), l.order.Token}
	}
	return nil
}

// answer is what came back.
func (l *link) answer() []byte {
	switch {
	case l.exchange != nil:
		return l.exchange.answer
	case l.order != nil:
		return l.order.Answer
	}
	return nil
}

// ordered takes note of what the harness did since it was last asked.
func (s *suite) ordered() []link {
	if s.target.Orders == nil {
		return nil
	}
	var out []link
	for _, o := range s.target.Orders() {
		s.hide.learn(adminTokenName, o.Token)
		out = append(out, link{order: &o})
	}
	return out
}

// origin are the links of what a case goes on from: what an earlier one was
// given, or was issued.
func (p *probe) origin(links []link) {
	for _, l := range links {
		if !slices.Contains(p.chain, l) {
			p.chain = append(p.chain, l)
		}
	}
}

// A script writes links for a shell. It needs sh, curl, sed and tr.
type script struct {
	s     *suite
	base  string
	links []link
	uses  [][]string // the names in each link's request
	// have are the variables that are set so far, needs those that somebody
	// has to set, in order of use.
	have  map[string]bool
	needs []string
	lines []string
}

// script is the case so far, for a shell: it stops where a secret is missing
// that only its owner knows, and takes what was issued on the way from the
// answers.
func (p *probe) script() []string {
	p.chain = append(p.chain, p.ordered()...)
	w := &script{s: p.suite, base: strings.TrimRight(p.target.URL, "/"), have: map[string]bool{}}
	w.links = slices.Concat(p.prelude, p.renewals, p.chain)
	for i := range w.links {
		var names []string
		for _, text := range w.links[i].sent() {
			names = append(names, p.hide.used(text)...)
		}
		w.uses = append(w.uses, names)
	}
	for i := range w.links {
		// Fresh credentials are of interest only to those who use them.
		renewal := i >= len(p.prelude) && i < len(p.prelude)+len(p.renewals)
		if !renewal || w.yields(i) {
			w.write(i)
		}
	}
	out := []string{"TARGET=" + p.hide.shell(w.base)}
	for _, name := range w.needs {
		out = append(out, `: "${`+name+`:?`+about(name)+`}"`)
	}
	return append(out, w.lines...)
}

// write writes one link.
func (w *script) write(i int) {
	l, r := &w.links[i], &w.s.hide
	if l.note != "" {
		w.lines = append(w.lines, "# "+r.hide(l.note))
		return
	}
	for _, name := range w.uses[i] {
		w.require(name)
	}
	command := w.curl(l)
	taken := w.taken(i)
	switch {
	case len(taken) > 0:
		w.lines = append(w.lines, "ANSWER=$("+command+")")
		if l.exchange != nil {
			w.lines = append(w.lines, `printf '%s\n' "$ANSWER"`)
		}
		w.lines = append(w.lines, taken...)
	case l.order != nil && l.order.Method != http.MethodGet:
		w.lines = append(w.lines, command+" >/dev/null")
	default:
		w.lines = append(w.lines, command+"; echo")
	}
	if l.exchange != nil {
		w.lines = append(w.lines, "# "+r.hide(l.exchange.String()))
	}
}

// curl is the request as a command.
func (w *script) curl(l *link) string {
	c := command{base: w.base}
	if x := l.exchange; x != nil {
		c.method, c.url, c.contentType, c.body, c.header = x.method, x.url, x.contentType, string(x.body), x.sent
	} else {
		c.method, c.url, c.contentType, c.body = l.order.Method, l.order.URL, l.order.ContentType, string(l.order.Body)
		c.token, c.ordered = l.order.Token, true
	}
	return c.curl(w.s.hide.shell)
}

// A command is a request for a shell. Below base it is for $TARGET; one that is
// ordered must succeed.
type command struct {
	method, url, contentType, body, token, base string
	// header goes along besides the type.
	header  http.Header
	ordered bool
}

// curl writes it; quote makes a text a word of the shell.
func (c *command) curl(quote func(string) string) string {
	var b strings.Builder
	b.WriteString("curl -sS")
	if c.ordered {
		b.WriteString(" -f")
	}
	if c.method != http.MethodGet || c.body != "" {
		b.WriteString(" -X " + c.method)
	}
	if strings.ContainsAny(c.url, "[]{}") {
		b.WriteString(" -g")
	}
	if rest, ok := strings.CutPrefix(c.url, c.base); ok && c.base != "" {
		b.WriteString(` "$TARGET"` + quote(rest))
	} else {
		b.WriteString(" " + quote(c.url))
	}
	if c.token != "" {
		b.WriteString(" -H " + quote("Authorization: Bearer "+c.token))
	}
	for _, name := range slices.Sorted(maps.Keys(c.header)) {
		if name != "Content-Type" {
			b.WriteString(" -H " + quote(name+": "+c.header.Get(name)))
		}
	}
	switch {
	case c.body != "":
		// Without a type curl would make one up.
		b.WriteString(" -H " + quote(strings.TrimRight("Content-Type: "+c.contentType, " ")) + " --data-raw " + quote(c.body))
	case c.contentType != "":
		b.WriteString(" -H " + quote("Content-Type: "+c.contentType))
	}
	return b.String()
}

// require sees to it that a variable is set before it is used.
func (w *script) require(name string) {
	if w.have[name] {
		return
	}
	w.have[name] = true
	if from, at, c := w.s.hide.misspelt(name); from != "" {
		w.require(from)
		w.lines = append(w.lines, name+`=$(printf %s "$`+from+`" | sed 's/^\(.\{`+strconv.Itoa(at)+`\}\)./\1`+c+`/') # one character is wrong`)
		return
	}
	w.needs = append(w.needs, name)
}

// taken are the lines that take what later requests need from an answer.
func (w *script) taken(i int) []string {
	r := &w.s.hide
	answer := strings.ReplaceAll(string(w.links[i].answer()), "\n", "")
	if answer == "" {
		return nil
	}
	var out []string
	for _, names := range w.uses[i+1:] {
		for _, name := range names {
			if from, _, _ := r.misspelt(name); from != "" {
				name = from
			}
			if w.have[name] || !strings.Contains(answer, r.secrets[name]) {
				continue
			}
			pattern := patternFor(answer, r.secrets[name])
			if pattern == "" {
				continue
			}
			w.have[name] = true
			out = append(out, name+`=$(printf %s "$ANSWER" | tr -d '\n' | sed 's/.*`+pattern+`.*/\1/')`)
		}
	}
	return out
}

// yields reports whether a later request needs something of an answer.
func (w *script) yields(i int) bool {
	before := maps.Clone(w.have)
	taken := w.taken(i)
	w.have = before
	return len(taken) > 0
}

// patternFor is a basic regular expression that takes a text out of a JSON
// object, as sed would; "" where none does.
func patternFor(answer, secret string) string {
	for _, path := range pathsOf([]byte(answer), secret) {
		member := path[len(path)-1]
		tries := []string{`"` + member + `" *: *"\([^"]*\)"`}
		if len(path) > 1 {
			tries = append(tries, `"`+path[len(path)-2]+`" *: *{[^}]*"`+member+`" *: *"\([^"]*\)"`)
		}
		for _, pattern := range tries {
			// The same in the syntax of Go.
			re, err := regexp.Compile(`^.*` + strings.NewReplacer(`\(`, `(`, `\)`, `)`, `{`, `\{`).Replace(pattern) + `.*$`)
			if err != nil {
				continue
			}
			if m := re.FindStringSubmatch(answer); len(m) > 1 && m[1] == secret {
				return pattern
			}
		}
	}
	return ""
}

// pathsOf finds where a text stands in JSON, by names of members.
func pathsOf(data []byte, text string) [][]string {
	var v any
	if json.Unmarshal(data, &v) != nil {
		return nil
	}
	var out [][]string
	var walk func(any, []string)
	walk = func(v any, path []string) {
		switch v := v.(type) {
		case map[string]any:
			for _, key := range sortedKeys(v) {
				walk(v[key], append(slices.Clone(path), key))
			}
		case string:
			if v == text && len(path) > 0 && !strings.ContainsAny(strings.Join(path, ""), `/\.*[]^$"'&`) {
				out = append(out, path)
			}
		}
	}
	walk(v, nil)
	return out
}
