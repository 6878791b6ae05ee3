package spec

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Prefer is what a client asks of a synthesised answer with Prefer headers
// (RFC 7240); the zero value asks for nothing.
type Prefer struct {
	// Code is the status wanted, from 100 to 599; 0 leaves it open.
	Code int
	// Example names the example wanted; "" leaves it open.
	Example string
	// Dynamic asks for a generated body instead of an example.
	Dynamic bool
}

// ParsePrefer reads the values of a request's Prefer headers: code=404,
// example=NAME and dynamic=true, in one header or several, separated by commas
// or, as some clients do it, by semicolons; a value may be quoted. Where a
// preference is given twice the first counts, and unknown ones are ignored,
// both as RFC 7240 says. A code that is no status, a dynamic that is neither
// true nor false and a quote that never ends are errors.
func ParsePrefer(values []string) (Prefer, error) {
	var p Prefer
	seen := make(map[string]bool, 3)
	for _, value := range values {
		for rest := value; rest != ""; {
			name, word, tail, err := cutPreference(rest)
			if err != nil {
				return Prefer{}, fmt.Errorf("prefer header: %w", err)
			}
			rest = tail
			if seen[name] {
				continue
			}
			seen[name] = true
			if err := p.set(name, word); err != nil {
				return Prefer{}, fmt.Errorf("prefer header: %w", err)
			}
		}
	}
	return p, nil
}

// set takes one preference over; word is "" where it has no value.
func (p *Prefer) set(name, word string) error {
	switch name {
	case "code":
		code, err := strconv.Atoi(word)
		if err != nil || code < 100 || code > 599 {
			return fmt.Errorf("code must be a status from 100 to 599, not %q", word)
		}
		p.Code = code
	case "example":
		if word == "" {
			return errors.New("example must name an example")
		}
		p.Example = word
	case "dynamic":
		switch strings.ToLower(word) {
		case "", "true":
			p.Dynamic = true
		case "false":
			p.Dynamic = false
		default:
			return fmt.Errorf("dynamic must be true or false, not %q", word)
		}
	}
	return nil
}

// cutPreference splits the first preference off a header: its name in lower
// case, its value with the quotes taken off, and what follows the separator.
func cutPreference(s string) (name, word, rest string, err error) {
	end := strings.IndexAny(s, "=,;")
	if end < 0 {
		return strings.ToLower(strings.TrimSpace(s)), "", "", nil
	}
	name, rest = strings.ToLower(strings.TrimSpace(s[:end])), s[end+1:]
	if s[end] != '=' {
		return name, "", rest, nil
	}
	rest = strings.TrimLeft(rest, " \t")
	if !strings.HasPrefix(rest, `"`) {
		end = strings.IndexAny(rest, ",;")
		if end < 0 {
			return name, strings.TrimSpace(rest), "", nil
		}
		return name, strings.TrimSpace(rest[:end]), rest[end+1:], nil
	}
	word, rest, err = cutQuoted(rest)
	if err != nil {
		return "", "", "", fmt.Errorf("%s: %w", name, err)
	}
	rest = strings.TrimLeft(rest, " \t")
	if rest != "" && rest[0] != ',' && rest[0] != ';' {
		return "", "", "", fmt.Errorf("%s: expected a comma after the quoted value", name)
	}
	return name, word, strings.TrimLeft(rest, ",;"), nil
}

// cutQuoted reads the quoted string that s begins with.
func cutQuoted(s string) (word, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], nil
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errors.New("the quoted value has no closing quote")
}
