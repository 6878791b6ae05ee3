package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// An envForm is a form in which variables are printed.
type envForm struct {
	name string
	// set is the line for one variable, drop the one that removes it; drop is
	// nil where a form cannot.
	set  func(name, value string) (string, error)
	drop func(name string) string
	// all prints everything at once, where it is no list of lines.
	all func(set []string) (string, error)
	// refused are variables that the form's reader does not take, and why.
	refused map[string]string
}

// envForms are the forms there are; the first is the default.
func envForms() []envForm {
	return []envForm{
		{
			name: "sh",
			set:  func(name, value string) (string, error) { return "export " + name + "=" + quote(value), nil },
			drop: func(name string) string { return "unset " + name },
		},
		{
			name: "fish",
			set: func(name, value string) (string, error) {
				return "set -gx " + name + " '" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'", nil
			},
			drop: func(name string) string { return "set -e " + name },
		},
		{
			name: "powershell",
			set: func(name, value string) (string, error) {
				return "$env:" + name + " = '" + doubledQuotes(value) + "'", nil
			},
			drop: func(name string) string {
				return "Remove-Item Env:" + name + " -ErrorAction SilentlyContinue"
			},
		},
		{name: "dotenv", set: dotenvLine},
		{name: "json", all: func(set []string) (string, error) {
			values := map[string]string{}
			for _, entry := range set {
				name, value, _ := strings.Cut(entry, "=")
				values[name] = value
			}
			data, err := json.MarshalIndent(values, "", "  ")
			return string(data) + "\n", err
		}},
		{name: "github", set: githubLines, refused: map[string]string{
			"NODE_OPTIONS": "GitHub takes no NODE_OPTIONS from a step; set it where Node is run: NODE_OPTIONS=%s",
		}},
	}
}

// envFormats are their names.
func envFormats() []string {
	var names []string
	for _, f := range envForms() {
		names = append(names, f.name)
	}
	return names
}

// envFormat finds one.
func envFormat(name string) (envForm, error) {
	for _, f := range envForms() {
		if f.name == name {
			return f, nil
		}
	}
	return envForm{}, fmt.Errorf("--format: want one of %s, not %q%s", strings.Join(envFormats(), ", "), name, didYouMean("", name, envFormats()))
}

// print is the text for variables that are set on top of base, where before is
// what an earlier text has to give back. Notes are for people.
func (f envForm) print(set, base []string, before map[string][]byte) (text string, notes []string, err error) {
	if f.all != nil {
		text, err = f.all(set)
		return text, nil, err
	}
	var b strings.Builder
	if f.drop != nil {
		rest := map[string][]byte{}
		for name, value := range before {
			if !slices.ContainsFunc(set, func(e string) bool { return strings.HasPrefix(e, name+"=") }) {
				rest[name] = value
			}
		}
		b.WriteString(f.back(rest))
		restore, err := remembered(set, base)
		if err != nil {
			return "", nil, err
		}
		set = append(slices.Clone(set), restoreVariable+"="+restore)
	}
	for _, entry := range set {
		name, value, _ := strings.Cut(entry, "=")
		if why := f.refused[name]; why != "" {
			notes = append(notes, fmt.Sprintf(why, value))
			continue
		}
		line, err := f.set(name, value)
		if err != nil {
			return "", nil, fmt.Errorf("%s: %w", name, err)
		}
		b.WriteString(line + "\n")
	}
	return b.String(), notes, nil
}

// back is the text that gives variables back what they were.
func (f envForm) back(before map[string][]byte) string {
	var b strings.Builder
	for _, name := range sortedNames(before) {
		line := f.drop(name)
		if value := before[name]; value != nil {
			line, _ = f.set(name, string(value)) // forms that drop can say everything
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// doubledQuotes is a text between single quotes of PowerShell, which takes the
// typographic ones for quotes too.
func doubledQuotes(value string) string {
	var b strings.Builder
	for _, r := range value {
		b.WriteRune(r)
		if strings.ContainsRune("'‘’‚‛", r) {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// dotenvLine is a line of a .env file that all readers take for the same: bare
// where that is safe, which docker run --env-file needs, else between single
// quotes, in which nothing is special.
func dotenvLine(name, value string) (string, error) {
	switch {
	case regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=|*-]*$`).MatchString(value):
		return name + "=" + value, nil
	case strings.ContainsAny(value, "'\r\n"):
		return "", fmt.Errorf("no .env file holds single quotes or line breaks in a way that all readers understand")
	}
	return name + "='" + value + "'", nil
}

// githubLines are the lines of a file such as $GITHUB_ENV.
func githubLines(name, value string) (string, error) {
	end := "EMU_END"
	for strings.Contains(value, end) {
		end += "_"
	}
	return name + "<<" + end + "\n" + value + "\n" + end, nil
}
