package mutants

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/swanemu/emu/contracttest"
	"github.com/swanemu/emu/internal/seal"
	"github.com/swanemu/emu/internal/spec"
)

// Push mutants: each event that is pushed, its envelope, its message, its
// attempts.

// pushes makes them.
func pushes(g *generator) {
	for _, def := range g.contract.Events() {
		if def.Channel != "push" {
			continue
		}
		if g.baseline.Events["push/"+def.Name] == 0 {
			g.exclude(Push, "no push of the unmodified server to the suite tells it", "event", def.Name)
			continue
		}
		g.envelopes(def.Name)
		g.contents(def.Name)
		g.attempts(def.Name)
	}
	g.add(Push, "pushes arrive the wrong way round", []string{"push.order"}, func() *fault {
		var shown []contracttest.Push
		return &fault{batched: true, pushes: func(f *faulty, got []contracttest.Push) []contracttest.Push {
			fresh := slices.Clone(got[len(shown):])
			slices.Reverse(fresh)
			if len(fresh) > 1 {
				f.took()
			}
			shown = append(shown, fresh...)
			return slices.Clone(shown)
		}}
	}, "reversed", "all")
}

// ofEvent changes the attempts that tell an event, each by itself.
func ofEvent(event string, change func(f *faulty, o *opened) []byte) func() *fault {
	return eachPush(func(f *faulty, one contracttest.Push, o *opened) []contracttest.Push {
		if o.event() == event {
			one.Body = change(f, o)
			f.took()
		}
		return []contracttest.Push{one}
	})
}

// eachPush replaces each attempt that can be opened.
func eachPush(change func(f *faulty, one contracttest.Push, o *opened) []contracttest.Push) func() *fault {
	return func() *fault {
		return &fault{pushes: func(f *faulty, got []contracttest.Push) []contracttest.Push {
			var out []contracttest.Push
			for _, one := range got {
				if o := openPush(f, one); o != nil {
					out = append(out, change(f, one, o)...)
				} else {
					out = append(out, one)
				}
			}
			return out
		}}
	}
}

// sealed seals a message again, with the TP's keys unless others are given.
func (o *opened) sealed(f *faulty, key, token, id string) seal.Push {
	if key == "" {
		key = f.tp.EncodingAESKey
	}
	if token == "" {
		token = f.tp.SignToken
	}
	if id == "" {
		id = o.id
	}
	cipher, err := seal.PushCipher(key)
	if err != nil {
		return o.envelope
	}
	return cipher.Push(token, o.envelope.TimeStamp, o.envelope.Nonce, [16]byte{}, o.message.bytes(), id)
}

// form writes an envelope as a tree.
func form(p seal.Push) *node {
	n := &node{kind: '{'}
	n.add("Nonce", quoted(p.Nonce))
	n.add("TimeStamp", quoted(p.TimeStamp))
	n.add("Encrypt", quoted(p.Encrypt))
	n.add("MsgSignature", quoted(p.MsgSignature))
	return n
}

// otherKey is a key that no TP has.
const otherKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

// envelopes breaks what is around a message.
func (g *generator) envelopes(event string) {
	add := func(kind, note string, checks []string, change func(f *faulty, o *opened) []byte) {
		g.add(Push, event+" is pushed "+note, checks, ofEvent(event, change), kind, event)
	}
	write := func(p seal.Push) []byte { return form(p).bytes() }
	signature := []string{"push.signature"}
	add("token", "signed with another token", signature, func(f *faulty, o *opened) []byte { return write(o.sealed(f, "", "another token", "")) })
	add("unsigned", "with an empty signature", signature, func(_ *faulty, o *opened) []byte { p := o.envelope; p.MsgSignature = ""; return write(p) })
	add("url-signature", "with the signature that leaves Encrypt out", signature, func(f *faulty, o *opened) []byte {
		p := o.envelope
		p.MsgSignature = seal.URLSignature(f.tp.SignToken, p.TimeStamp, p.Nonce)
		return write(p)
	})
	add("nonce", "with another Nonce than was signed", signature, func(_ *faulty, o *opened) []byte { p := o.envelope; p.Nonce += "1"; return write(p) })
	add("key", "sealed with another key", []string{"push.encryption"}, func(f *faulty, o *opened) []byte { return write(o.sealed(f, otherKey, "", "")) })
	add("tp", "sealed for another TP", []string{"push.encryption"}, func(f *faulty, o *opened) []byte { return write(o.sealed(f, "", "", "1")) })
	add("damaged", "with a sealed text that is damaged", []string{"push.encryption"}, func(f *faulty, o *opened) []byte {
		p := o.envelope
		p.Encrypt = p.Encrypt[:len(p.Encrypt)/2]
		p.MsgSignature = seal.Signature(f.tp.SignToken, p.TimeStamp, p.Nonce, p.Encrypt)
		return write(p)
	})
	stamped := func(stamp func(int64) string) func(*faulty, *opened) []byte {
		return func(f *faulty, o *opened) []byte {
			at, _ := strconv.ParseInt(o.envelope.TimeStamp, 10, 64)
			o.envelope.TimeStamp = stamp(at)
			return write(o.sealed(f, "", "", ""))
		}
	}
	add("stale", "with the TimeStamp of last year", []string{"push.time"}, stamped(func(at int64) string { return strconv.FormatInt(at-365*24*60*60, 10) }))
	add("future", "with the TimeStamp of tomorrow", []string{"push.time"}, stamped(func(at int64) string { return strconv.FormatInt(at+24*60*60, 10) }))
	add("milliseconds", "with a TimeStamp in milliseconds", []string{"push.time"}, stamped(func(at int64) string { return strconv.FormatInt(at*1000, 10) }))
	add("written", "with a TimeStamp that is a date", []string{"push.time"}, stamped(func(int64) string { return "2026-01-05 09:00:00" }))
	formed := []string{"push.form"}
	for _, name := range []string{"Nonce", "TimeStamp", "Encrypt", "MsgSignature"} {
		member := func(kind, note string, change func(n *node)) {
			g.add(Push, fmt.Sprintf("%s is pushed with %s %s", event, name, note), formed, ofEvent(event, func(_ *faulty, o *opened) []byte {
				n := form(o.envelope)
				change(n)
				return n.bytes()
			}), kind, event, name)
		}
		member("envelope-drop", "missing", func(n *node) { n.find("/" + name)[0].drop() })
		member("envelope-type", "a number", func(n *node) {
			text := n.member(name).text() // the signature stays good where it is digits
			if _, err := strconv.ParseInt(text, 10, 64); err != nil {
				text = "1767574800"
			}
			n.set(name, scalar(text))
		})
		member("envelope-null", "null", func(n *node) { n.set(name, scalar("null")) })
		member("envelope-rename", "in small letters", func(n *node) { n.names[slices.Index(n.names, name)] = strings.ToLower(name) })
		member("envelope-twice", "twice", func(n *node) { n.add(name, n.member(name)) })
	}
	add("envelope-extra", "with a member more", formed, func(_ *faulty, o *opened) []byte {
		n := form(o.envelope)
		n.add("ToUserName", quoted("tp"))
		return n.bytes()
	})
	add("unsealed", "in the clear", formed, func(_ *faulty, o *opened) []byte { return o.message.bytes() })
	add("not-json", "as a form", formed, func(_ *faulty, o *opened) []byte { return []byte("Encrypt=" + o.envelope.Encrypt) })
	add("empty", "with an empty body", formed, func(*faulty, *opened) []byte { return nil })
	add("trailing", "with text after the envelope", formed, func(_ *faulty, o *opened) []byte { return append(write(o.envelope), "<!-- -->"...) })
}

// contents breaks what a message says.
func (g *generator) contents(event string) {
	said := func(kind, note string, checks []string, what string, change func(f *faulty, n *node)) {
		parts := []string{kind, event}
		if what != "" {
			parts = append(parts, what)
		}
		g.add(Push, event+" says "+note, checks, ofEvent(event, func(f *faulty, o *opened) []byte {
			change(f, o.message)
			return form(o.sealed(f, "", "", "")).bytes()
		}), parts...)
	}
	schema := []string{"push.schema"}
	for _, p := range merged(g.contract.EventProperties(event)) {
		for _, b := range breaks(&p, "") {
			checks := schema
			if b.kind == "enum" {
				checks = []string{"push.schema", "push.count"}
			}
			said("message-"+b.kind, dotted(p.Pointer)+" with "+b.note, checks, dotted(p.Pointer), func(_ *faulty, n *node) {
				for _, s := range n.find(p.Pointer) {
					b.change(s)
				}
			})
		}
	}
	for _, name := range []string{"appId", "tpAppId", "reason"} {
		if !slices.ContainsFunc(g.contract.EventProperties(event), func(p spec.Property) bool { return p.Pointer == "/"+name }) {
			continue
		}
		said("other", "another "+name, []string{"push.content"}, name, func(_ *faulty, n *node) { n.set(name, another(n.member(name))) })
	}
	g.add(Push, event+" says what is no JSON", schema, ofEvent(event, func(f *faulty, o *opened) []byte {
		whole := o.message.bytes()
		o.message = scalar(string(whole[:len(whole)-1]))
		return form(o.sealed(f, "", "", "")).bytes()
	}), "message-no-json", event)
	said("time", "a time in another zone", []string{"push.time"}, "zone", func(_ *faulty, n *node) { n.set("eventTime", quoted("2026-01-05 01:00:00")) })
	said("time", "a time that is to come", []string{"push.time"}, "future", func(_ *faulty, n *node) { n.set("eventTime", quoted("2036-01-05 09:00:00")) })
	for _, def := range g.contract.Events() {
		if def.Channel != "push" || def.Name == event || def.Name == "TICKET" {
			continue
		}
		said("event", "that something else happened, "+def.Name, []string{"push.count"}, def.Name, func(_ *faulty, n *node) {
			n.set("event", quoted(def.Name))
			if s := n.find("/reason"); len(s) > 0 {
				s[0].drop()
			} else {
				n.set("reason", quoted("名称过长"))
			}
		})
	}
}

// attempts loses, repeats and varies the attempts to push an event.
func (g *generator) attempts(event string) {
	add := func(kind, note string, checks []string, change func() func(f *faulty, one contracttest.Push, o *opened) []contracttest.Push) {
		g.add(Push, event+" "+note, checks, func() *fault {
			return &fault{pushes: func(f *faulty, got []contracttest.Push) []contracttest.Push {
				return eachPush(func(f *faulty, one contracttest.Push, o *opened) []contracttest.Push {
					if o.event() != event {
						return []contracttest.Push{one}
					}
					return change()(f, one, o)
				})().pushes(f, got)
			}}
		}, kind, event)
	}
	count, retry := []string{"push.count"}, []string{"push.retry"}
	add("lost", "is not pushed", count, func() func(*faulty, contracttest.Push, *opened) []contracttest.Push {
		return func(f *faulty, _ contracttest.Push, _ *opened) []contracttest.Push { f.took(); return nil }
	})
	add("doubled", "is pushed twice", count, func() func(*faulty, contracttest.Push, *opened) []contracttest.Push {
		return func(f *faulty, one contracttest.Push, _ *opened) []contracttest.Push {
			f.took()
			return []contracttest.Push{one, one}
		}
	})
	g.attemptsOf(event, "no-retry", "is not pushed again when it is refused", retry, func(nth int, one contracttest.Push) []contracttest.Push {
		if nth > 0 {
			return nil
		}
		return []contracttest.Push{one}
	})
	g.attemptsOf(event, "one-retry", "is pushed again only once", retry, func(nth int, one contracttest.Push) []contracttest.Push {
		if nth > 1 {
			return nil
		}
		return []contracttest.Push{one}
	})
	g.attemptsOf(event, "endless", "is pushed again after it was accepted", retry, func(nth int, one contracttest.Push) []contracttest.Push {
		if nth > 0 && one.Accepted {
			return []contracttest.Push{one, one}
		}
		return []contracttest.Push{one}
	})
	g.attemptsOf(event, "unaccepted", "is given up before it is accepted", retry, func(_ int, one contracttest.Push) []contracttest.Push {
		if one.Accepted {
			return nil
		}
		return []contracttest.Push{one}
	}, true)
	g.varied(event)
}

// attemptsOf changes the attempts of each push by their number; late leaves
// alone those that are accepted at once.
func (g *generator) attemptsOf(event, kind, note string, checks []string, change func(nth int, one contracttest.Push) []contracttest.Push, late ...bool) {
	g.add(Push, event+" "+note, checks, func() *fault {
		return &fault{pushes: func(f *faulty, got []contracttest.Push) []contracttest.Push {
			seen := map[string]int{}
			return eachPush(func(f *faulty, one contracttest.Push, o *opened) []contracttest.Push {
				if o.event() != event {
					return []contracttest.Push{one}
				}
				key := string(o.message.bytes())
				nth := seen[key]
				seen[key]++
				if nth == 0 && len(late) > 0 {
					return []contracttest.Push{one}
				}
				out := change(nth, one)
				if len(out) != 1 {
					f.took()
				}
				return out
			})().pushes(f, got)
		}}
	}, kind, event)
}

// varied says something else in later attempts.
func (g *generator) varied(event string) {
	g.add(Push, event+" says something else when it is pushed again", []string{"push.retry"}, func() *fault {
		return &fault{pushes: func(f *faulty, got []contracttest.Push) []contracttest.Push {
			seen := map[string]bool{}
			return eachPush(func(f *faulty, one contracttest.Push, o *opened) []contracttest.Push {
				if key := string(o.message.bytes()); o.event() == event && seen[key] {
					o.message.set("eventTime", quoted("2026-01-05 09:59:59"))
					one.Body = form(o.sealed(f, "", "", "")).bytes()
					f.took()
				} else {
					seen[key] = true
				}
				return []contracttest.Push{one}
			})().pushes(f, got)
		}}
	}, "varied", event)
}
