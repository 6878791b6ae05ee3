package spec

import (
	"encoding/base64"
	"strings"
	"time"
)

// The platform's spellings of a time, both in its own zone.
const (
	commitTimeLayout = "2006/01/02 15:04:05"
	eventTimeLayout  = "2006-01-02 15:04:05"
)

// chinaTime is t in the zone of the platform; the zone has no other name in
// it, so that no time zone database is needed.
func chinaTime(t time.Time) time.Time { return t.In(time.FixedZone("CST", 8*60*60)) }

// past is a moment of the thirty days before now.
func (m *maker) past() time.Time {
	return m.now.Add(-time.Duration(m.faker.IntN(30*24*60*60)) * time.Second)
}

// hex is a text of n hexadecimal digits.
func (m *maker) hex(n int) string {
	const digits = "0123456789abcdef"
	b := make([]byte, n)
	for i := range b {
		b[i] = digits[m.faker.IntN(len(digits))]
	}
	return string(b)
}

// slug is a lower-case word of ASCII letters.
func (m *maker) slug() string { return m.word(slugWords) }

// memberName is a key for a map.
func (m *maker) memberName() string { return m.slug() }

// hostname is a name below example.com, which nobody can own.
func (m *maker) hostname() string { return m.slug() + ".example.com" }

// link is a URL below example.com.
func (m *maker) link() string { return "https://" + m.hostname() + "/" + m.slug() + "/" + m.hex(8) }

// formatted generates a text of a format; ok is false for a format it does not
// know, and where none of an allowed length was found.
func (m *maker) formatted(format string, l lengths) (text string, ok bool) {
	for range 8 {
		if text, ok = m.format(format, l); !ok {
			return "", false
		}
		if l.allow(text) {
			return text, true
		}
	}
	if text, ok = m.stretched(format, l); ok && l.allow(text) {
		return text, true
	}
	return "", false
}

// format generates a text of a format, of its usual length.
func (m *maker) format(format string, l lengths) (string, bool) {
	switch strings.ToLower(format) {
	case "date":
		return m.past().Format(time.DateOnly), true
	case "date-time", "datetime":
		return m.past().Format(time.RFC3339), true
	case "time":
		return m.past().Format("15:04:05Z07:00"), true
	case "duration":
		return "PT" + m.faker.Digit() + "H", true
	case "email", "idn-email":
		return m.slug() + m.hex(2) + "@example.com", true
	case "uuid", "guid":
		return m.faker.UUID(), true
	case "uri", "url", "iri":
		return m.link(), true
	case "uri-reference", "iri-reference", "uri-template":
		return "/" + m.slug() + "/" + m.hex(8), true
	case "hostname", "idn-hostname":
		return m.hostname(), true
	case "ipv4", "ip":
		return m.faker.IPv4Address(), true
	case "ipv6":
		return m.faker.IPv6Address(), true
	case "byte", "base64":
		n := max(12, l.min*3/4)
		if l.max >= 0 {
			n = min(n, l.max*3/4)
		}
		return base64.StdEncoding.EncodeToString([]byte(m.hex(n - n%3))), true
	case "binary":
		return m.fit(m.hex(16), l, false), true
	case "password":
		return m.fit(m.faker.Password(true, true, true, false, false, 12), l, false), true
	case "json-pointer":
		return "/" + m.slug(), true
	case "regex":
		return "^[a-z]+$", true
	}
	return "", false
}

// stretched brings the formats whose texts may have any length to an allowed
// one.
func (m *maker) stretched(format string, l lengths) (string, bool) {
	head, tail := "", ""
	switch strings.ToLower(format) {
	case "email", "idn-email":
		head, tail = "a", "@b.cn"
	case "uri", "url", "iri":
		head = "http://a.cn"
		if l.max >= 0 && l.max > len(head) || l.min > len(head) {
			head += "/"
		}
	case "uri-reference", "iri-reference", "uri-template", "json-pointer":
		head = "/"
	case "hostname", "idn-hostname":
		head, tail = "a", ".cn"
	default:
		return "", false
	}
	room := max(l.min, min(l.max, 20)) - len(head) - len(tail)
	return head + m.hex(max(room, 0)) + tail, true
}

// usual is the range in which the integers of a property usually lie.
func (m *maker) usual(name string) (from, width float64) {
	words := nameWords(name)
	if len(words) == 0 {
		return 1, 999
	}
	switch words[len(words)-1] {
	case "id", "ids", "key":
		return 100000, 9899999
	case "time", "timestamp", "at", "date":
		return float64(m.now.Unix() - 30*24*60*60), 30 * 24 * 60 * 60
	case "in", "ttl", "seconds":
		return 60, 86340
	case "count", "total", "num", "times", "quota", "page", "index":
		return 1, 99
	case "size", "bytes", "length":
		return 1024, 1 << 20
	}
	return 1, 999
}
