package scenarios

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The file of a recording, as a person would write it: short things on a line,
// long ones over several.

// lineWidth is how long a line may get before it is broken up.
const lineWidth = 120

// pair is a member of an object, in the order of the format.
type pair struct {
	name  string
	value any
}

// writeYAML writes a story as YAML.
func writeYAML(b *bytes.Buffer, s *Scenario) {
	data, err := json.Marshal(s)
	if err != nil {
		fmt.Fprintf(b, "# %v\n", err) // every type of the format can be written
		return
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	top, _ := inOrder(d).([]pair)
	for _, p := range top {
		if p.name == "given" || p.name == "platform" {
			if members, _ := p.value.([]pair); len(members) == 0 {
				continue
			}
		}
		writeMember(b, "", p, p.name != "steps" && p.name != "given" && p.name != "platform")
	}
}

// inOrder decodes JSON and keeps the order of members.
func inOrder(d *json.Decoder) any {
	token, err := d.Token()
	if err != nil {
		return nil
	}
	switch token {
	case json.Delim('{'):
		out := []pair{}
		for d.More() {
			name, _ := d.Token()
			out = append(out, pair{fmt.Sprint(name), inOrder(d)})
		}
		_, _ = d.Token()
		return out
	case json.Delim('['):
		out := []any{}
		for d.More() {
			out = append(out, inOrder(d))
		}
		_, _ = d.Token()
		return out
	}
	return token
}

// writeMember writes a key and its value: on the same line if it is short and
// may be.
func writeMember(b *bytes.Buffer, indent string, p pair, inline bool) {
	key := keyText(p.name)
	b.WriteString(indent + key + ":")
	if members, ok := p.value.([]pair); ok && p.name == "expect" {
		p.value = refusalFirst(members)
	}
	flow := flowText(p.value)
	list, isList := p.value.([]any)
	members, isObject := p.value.([]pair)
	short := len(indent)+len(key)+2+utf8.RuneCountInString(flow) <= lineWidth
	switch {
	case !isList && !isObject, len(list)+len(members) == 0, inline && short:
		b.WriteString(" " + flow + "\n")
	case isList:
		b.WriteByte('\n')
		for _, one := range list {
			writeElement(b, indent+"  ", one)
		}
	default:
		b.WriteByte('\n')
		for _, one := range members {
			writeMember(b, indent+"  ", one, true)
		}
	}
}

// writeElement writes one element of a list; a step always with a line for
// each member.
func writeElement(b *bytes.Buffer, indent string, v any) {
	members, isObject := v.([]pair)
	flow := flowText(v)
	if !isObject || !isStep(members) && len(indent)+2+utf8.RuneCountInString(flow) <= lineWidth {
		b.WriteString(indent + "- " + flow + "\n")
		return
	}
	if isStep(members) {
		members = arranged(members, stepOrder())
	}
	for i, p := range members {
		var one bytes.Buffer
		writeMember(&one, indent+"  ", p, true)
		text := one.String()
		if i == 0 {
			text = indent + "- " + strings.TrimPrefix(text, indent+"  ")
		}
		b.WriteString(text)
	}
}

// isStep tells a step from other objects.
func isStep(members []pair) bool {
	known := verbs()
	return slices.ContainsFunc(members, func(p pair) bool {
		_, verb := known[p.name]
		return verb || p.name == "note"
	})
}

// stepOrder is how the members of a step are arranged behind its verb.
func stepOrder() []string { return []string{"as", "via", "with", "besides", "expect", "save"} }

// refusalFirst arranges an expectation: how the call ends comes first.
func refusalFirst(members []pair) []pair {
	members = slices.Clone(members)
	slices.SortStableFunc(members, func(a, b pair) int { return rank(a.name) - rank(b.name) })
	return members
}

func rank(name string) int {
	return (slices.Index([]string{"refused", "http", "broken"}, name) + 4) % 4
}

// arranged puts members into an order; those that have none in it come first.
func arranged(members []pair, order []string) []pair {
	members = slices.Clone(members)
	slices.SortStableFunc(members, func(a, b pair) int { return slices.Index(order, a.name) - slices.Index(order, b.name) })
	return members
}

// flowText is a value on one line.
func flowText(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	case string:
		return scalarText(v)
	case []any:
		parts := make([]string, len(v))
		for i, one := range v {
			parts[i] = flowText(one)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case []pair:
		parts := make([]string, len(v))
		for i, p := range v {
			parts[i] = keyText(p.name) + ": " + flowText(p.value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}

// bareText matches texts that need no quotes anywhere: words, versions,
// variables, times.
//
//nolint:gochecknoglobals // compiled once, never changed
var bareText = regexp.MustCompile(`^([$]?[A-Za-z_\p{Han}][A-Za-z0-9_\p{Han}.-]*( [A-Za-z0-9_\p{Han}.-]+)*|[0-9]+\.[0-9]+\.[0-9]+|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+[+-][0-9:]+|([0-9.]+(h|m|s|ms|µs|ns))+)$`)

// keyText is a key, quoted where it must be.
func keyText(name string) string {
	if bareText.MatchString(name) || strings.HasPrefix(name, "$") && bareText.MatchString(name[1:]) {
		return name
	}
	return quoted(name)
}

// scalarText is a text, quoted where YAML would take it for something else.
func scalarText(text string) string {
	switch strings.ToLower(text) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n", "~":
		return quoted(text)
	}
	if bareText.MatchString(text) && !strings.HasSuffix(text, " ") {
		return text
	}
	return quoted(text)
}

// quoted is a text between quotes, with what cannot be seen escaped.
func quoted(text string) string {
	if strings.Contains(text, `"`) && !strings.ContainsFunc(text, func(c rune) bool { return c == '\'' || !strconv.IsPrint(c) }) {
		return "'" + text + "'"
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case strconv.IsPrint(c) && c != '\uFEFF':
			b.WriteRune(c)
		case c <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			fmt.Fprintf(&b, `\U%08x`, c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// MarshalJSON writes a number as one.
func (r Ref) MarshalJSON() ([]byte, error) {
	if n, err := strconv.ParseInt(string(r), 10, 64); err == nil {
		return strconv.AppendInt(nil, n, 10), nil
	}
	return json.Marshal(string(r))
}

// UnmarshalText reads what MarshalText writes.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := parseDuration(string(text))
	*d = parsed
	return err
}
