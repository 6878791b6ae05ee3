package scenarios

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Position is a place in a file, counted from 1.
type Position struct {
	File         string
	Line, Column int
}

// String is file:line:column.
func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// A Duration is a time span, written such as 2h, 1h30m, 3s or 7d.
type Duration time.Duration

// parseDuration reads a duration; a leading number of days may stand first.
func parseDuration(text string) (Duration, error) {
	rest, days := text, time.Duration(0)
	if head, tail, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseUint(head, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%q is no duration", text)
		}
		rest, days = tail, time.Duration(n)*24*time.Hour
	}
	if rest == "" {
		return Duration(days), nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d+days < d {
		return 0, fmt.Errorf("%q is no duration", text)
	}
	return Duration(d + days), nil
}

// String writes the duration as people do: 2h, not 2h0m0s.
func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText is String, for the control API.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Time is a point in time, written in RFC 3339.
type Time struct{ time.Time }

// AppStatus is an app's status: 1 normal, 2 in review, 4 paused, -1 banned. A
// file may say the number or the word.
type AppStatus int

// appStatuses are the words for an AppStatus.
func appStatuses() map[string]AppStatus {
	return map[string]AppStatus{"normal": 1, "in_review": 2, "paused": 4, "banned": -1}
}

// A Ref is a number or a variable that holds one.
type Ref string

// nearest returns the known word that is probably meant, or "".
func nearest(word string, known []string) string {
	if len(word) > 64 {
		return ""
	}
	best, bound := "", (len(word)+2)/3+1
	for _, k := range known {
		d := distance(strings.ToLower(word), strings.ToLower(k))
		if d < bound || d == bound && best == "" && strings.HasPrefix(k, word) {
			best, bound = k, d
		}
	}
	return best
}

// distance is the number of bytes to insert, delete, replace or swap that make
// b of a.
func distance(a, b string) int {
	before := make([]int, len(b)+1)
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
