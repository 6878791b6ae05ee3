package spec

import (
	"bytes"
	"encoding/json"
	"strings"
)

// space skips white space of a valid JSON text.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// endOfValue returns where the value that begins at i ends; the text is valid.
func endOfValue(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

// unquote decodes a valid JSON string; false means that it holds a NUL.
func unquote(b []byte) (string, bool) {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b[1 : len(b)-1]), true
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return "", false
	}
	return s, strings.IndexByte(s, 0) < 0
}

// hasNUL reports whether a valid JSON text escapes a NUL somewhere.
func hasNUL(b []byte) bool {
	for from := 0; ; {
		i := bytes.Index(b[from:], []byte(`\u0000`))
		if i < 0 {
			return false
		}
		i += from
		before := i
		for before > 0 && b[before-1] == '\\' {
			before--
		}
		if (i-before)%2 == 0 {
			return true
		}
		from = i + 2
	}
}
