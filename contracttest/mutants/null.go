package mutants

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/swanemu/emu/contracttest"
)

// Null mutants: what is different about them, the contract leaves open. No
// check may find anything.

// nulls makes them.
func nulls(g *generator) {
	g.add(Null, "the unmodified server", nil, func() *fault { return &fault{} }, "unmodified")
	g.bodies()
	g.headers()
	g.throttled()
	g.errorsOpen()
	g.senders()
}

// every is a fault that changes every answer.
func every(f func(*message)) func() *fault {
	return func() *fault { return &fault{after: f} }
}

// bodies writes the same values otherwise.
func (g *generator) bodies() {
	add := func(note string, f func(*message), parts ...string) { g.add(Null, note, nil, every(f), parts...) }
	indented := func(prefix, indent string) func(*message) {
		return func(m *message) {
			var out bytes.Buffer
			if json.Indent(&out, m.body, prefix, indent) == nil {
				m.body = append(out.Bytes(), '\n')
			}
		}
	}
	add("answers are indented", indented("", "  "), "space", "indented")
	add("answers are indented with tabs, behind a space", indented(" ", "\t"), "space", "tabs")
	add("answers end with lines", func(m *message) { m.body = append(bytes.Clone(m.body), "\r\n\r\n"...) }, "space", "lines")
	reorder := func(f func(*node)) func(*message) {
		return func(m *message) {
			m.edit(func(n *node) {
				n.walk("", func(_ string, v *node) {
					if v.kind == '{' {
						f(v)
					}
				})
			})
		}
	}
	add("members are in the order of the alphabet", reorder(sortMembers), "order", "alphabet")
	add("members are in the opposite order", reorder(func(v *node) { slices.Reverse(v.names); slices.Reverse(v.values) }), "order", "reversed")
	escaped := func(write func(string) string) func(*message) {
		return func(m *message) {
			m.edit(func(n *node) {
				n.walk("", func(_ string, v *node) {
					if strings.HasPrefix(v.scalar, `"`) {
						v.scalar = write(v.scalar)
					}
				})
			})
		}
	}
	add("texts are escaped where they need not be", escaped(escapeAll), "escaped", "unicode")
	add("slashes are escaped, as PHP does", escaped(func(s string) string { return strings.ReplaceAll(s, "/", `\/`) }), "escaped", "slashes")
	g.otherValues()
}

// otherValues writes other values where any will do.
func (g *generator) otherValues() {
	add := func(note string, f func(*message), parts ...string) { g.add(Null, note, nil, every(f), parts...) }
	add("rows are in another order", func(m *message) {
		if m.op != nil && m.ok() && strings.HasSuffix(m.op.Call(), "Packages") {
			m.edit(func(n *node) {
				if data := n.member("data"); data != nil {
					slices.Reverse(data.values)
				}
			})
		}
	}, "order", "rows")
	add("quotas are without limit", func(m *message) {
		if m.is("getAuditQuota") && m.ok() {
			m.edit(func(n *node) {
				for _, name := range []string{"quota_times", "remain_times"} {
					n.member("data").set(name, scalar("-1"))
				}
			})
		}
	}, "values", "quota")
	add("optional members are left out", func(m *message) {
		if m.op != nil && m.ok() {
			m.edit(func(n *node) {
				for _, name := range []string{"upload_err_code", "upload_err_msg"} {
					for _, s := range n.find("/data/*/" + name) {
						s.drop()
					}
				}
			})
		}
	}, "values", "optional")
	add("committers have names, and remarks are long", func(m *message) {
		if m.op != nil && m.ok() {
			m.edit(func(n *node) {
				n.walk("", func(_ string, v *node) {
					for name, text := range map[string]string{"committer": "王小明", "remark": strings.Repeat("备注", 200), "app_name": "别的名称", "msg": ""} {
						if v.kind == '{' && v.member(name) != nil && (name != "msg" || v.member("version") != nil) {
							v.set(name, quoted(text))
						}
					}
				})
			})
		}
	}, "values", "texts")
}

// sortMembers puts the members of an object in order of name.
func sortMembers(v *node) {
	order := make([]int, len(v.names))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(v.names[a], v.names[b]) })
	names, values := make([]string, len(order)), make([]*node, len(order))
	for i, at := range order {
		names[i], values[i] = v.names[at], v.values[at]
	}
	v.names, v.values = names, values
}

// escapeAll writes all that is not ASCII of a JSON string as escapes.
func escapeAll(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// headers adds headers and writes the Content-Type otherwise.
func (g *generator) headers() {
	add := func(note string, f func(http.Header), what string) {
		g.add(Null, note, nil, every(func(m *message) { f(m.header) }), "headers", what)
	}
	add("answers carry more headers", func(h http.Header) {
		h.Set("X-Request-Id", "1")
		h.Set("Server", "nginx")
		h.Add("Set-Cookie", "BAIDUID=1; path=/")
		h.Set("Vary", "Accept-Encoding")
	}, "more")
	for what, mediaType := range map[string]string{
		"charset": "application/json; charset=utf-8", "upper": "application/json;charset=UTF-8", "case": "Application/JSON",
	} {
		add("the Content-Type is "+mediaType, func(h http.Header) {
			if strings.HasPrefix(h.Get("Content-Type"), "application/json") {
				h.Set("Content-Type", mediaType)
			}
		}, what)
	}
	add("answers say how long they may be kept", func(h http.Header) {
		if h.Get("Cache-Control") == "" {
			h.Set("Cache-Control", "private, max-age=0")
		}
		h.Set("Etag", `"1"`)
	}, "cache")
}

// throttled refuses calls for a while, as the contract allows.
func (g *generator) throttled() {
	for _, op := range g.contract.Operations() {
		if !slices.Contains(op.Errors, "RequestLimitReached") || g.baseline.Answers[op.ID]["accepted"] == 0 {
			continue
		}
		if op.ID != "listPackages" && op.ID != "uploadPackage" && op.ID != "issueAccessToken" {
			continue // the same again
		}
		for _, status := range []int{http.StatusOK, http.StatusTooManyRequests} {
			g.add(Null, fmt.Sprintf("two calls of %s are throttled with HTTP %d", op.ID, status), nil, func() *fault {
				left := 2
				return &fault{before: func(m *message) {
					if !m.is(op.ID) || left == 0 {
						return
					}
					left--
					m.refuse("RequestLimitReached")
					m.header.Set("Retry-After", "0")
					m.answered = true
					if status == http.StatusTooManyRequests {
						m.status = status
					}
					m.server.took()
				}}
			}, "throttled", op.ID, fmt.Sprint(status))
		}
	}
}

// errorsOpen varies errors where the contract leaves them open.
func (g *generator) errorsOpen() {
	texts := func(text string) func(*message) {
		return func(m *message) {
			if m.op == nil || m.ok() {
				return
			}
			m.edit(func(n *node) {
				for _, name := range []string{"msg", "error_msg", "error_description"} {
					if n.member(name) != nil {
						n.set(name, quoted(text))
					}
				}
			})
		}
	}
	g.add(Null, "errors have other texts", nil, every(texts("another text")), "errors", "texts")
	g.add(Null, "errors have no text to say", nil, every(texts("")), "errors", "empty")
	g.add(Null, "data is null where there is none", nil, every(func(m *message) {
		member, _ := code(m.body)
		if m.op == nil || m.op.Envelope != "business" || member != "errno" {
			return
		}
		before := m.body
		m.edit(func(n *node) {
			if n.member("data") == nil {
				n.add("data", scalar("null"))
			}
		})
		if !m.valid() {
			m.body = before
		}
	}), "errors", "data")
	g.add(Null, "steps that are not allowed are refused as if the package were not there", nil, every(func(m *message) {
		if m.op == nil || len(m.invalid) > 0 || m.failure() != "IllegalTransition" {
			return
		}
		w := m.server.control.worldOf(m.token())
		if w == nil {
			return
		}
		for _, t := range g.lifecycle().Transitions {
			if t.Operation == m.op.Call() && slices.Contains(t.From, w.stateOf(m)) {
				return // a gate, which says which error it is
			}
		}
		m.refuse("PackageNotFound")
	}), "errors", "hidden")
}

// senders varies pushes and notices.
func (g *generator) senders() {
	push := func(note, what string, write func(f *faulty, o *opened) []byte) {
		g.add(Null, note, nil, eachPush(func(f *faulty, one contracttest.Push, o *opened) []contracttest.Push {
			one.Body = write(f, o)
			f.took()
			return []contracttest.Push{one}
		}), "push", what)
	}
	push("the members of pushes are in another order, with white space", "envelope", func(_ *faulty, o *opened) []byte {
		n := form(o.envelope)
		slices.Reverse(n.names)
		slices.Reverse(n.values)
		var out bytes.Buffer
		if json.Indent(&out, n.bytes(), "", "  ") != nil {
			return n.bytes()
		}
		return out.Bytes()
	})
	push("pushes have another Nonce", "nonce", func(f *faulty, o *opened) []byte {
		o.envelope.Nonce = "1893267458"
		return form(o.sealed(f, "", "", "")).bytes()
	})
	push("the members of messages are in another order", "message", func(f *faulty, o *opened) []byte {
		slices.Reverse(o.message.names)
		slices.Reverse(o.message.values)
		return form(o.sealed(f, "", "", "")).bytes()
	})
	push("pushes are signed a second later", "second", func(f *faulty, o *opened) []byte {
		var at int64
		if _, err := fmt.Sscan(o.envelope.TimeStamp, &at); err == nil {
			o.envelope.TimeStamp = fmt.Sprint(at + 1)
		}
		return form(o.sealed(f, "", "", "")).bytes()
	})
	g.letters()
	g.add(Null, "notices are indented, members in another order", nil,
		eachNotice(func(f *faulty, n contracttest.Notice, _ string) []contracttest.Notice {
			tree := parse(n.Value)
			if tree == nil {
				return []contracttest.Notice{n}
			}
			sortMembers(tree)
			slices.Reverse(tree.names)
			slices.Reverse(tree.values)
			var out bytes.Buffer
			if json.Indent(&out, tree.bytes(), "", "\t") == nil {
				n.Value = out.Bytes()
				f.took()
			}
			return []contracttest.Notice{n}
		}), "kafka", "form")
}
