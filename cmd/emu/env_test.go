package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// hostile are values that a shell or a reader could take for something else.
func hostile() []string {
	return []string{
		"", "plain", "a b", "it's", `"quoted"`, `back\slash`, `\`, `\'`, `''`, "$HOME", "$(touch pwned)", "`touch pwned`", "!!", "~",
		"a\nb", "\n", "ends\n\n", "tab\there", "# no comment", "a;b&c|d>e", "*", "%PATH%", "{a,b}", "EMU_END", "中文 ‘typo’ ‚graphic‛", "-n", "=", "\x80\xff",
	}
}

// valueNames are a variable for each hostile value.
func valueNames(n int) string { return "V" + strings.Repeat("x", n) }

// evaluated has a shell evaluate what a form prints and returns the variables
// of a program that it starts.
func evaluated(t *testing.T, text string, before []string, shell ...string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "text")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), shell[0], shell[1:]...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, before...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || errs.Len() > 0 {
		t.Fatalf("%v: %v\n%s\n%s", shell, err, errs.String(), text)
	}
	if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
		t.Error("a value was run")
	}
	found := map[string]string{}
	for entry := range strings.SplitSeq(string(out), "\x00") {
		name, value, _ := strings.Cut(entry, "=")
		found[name] = value
	}
	return found
}

// holdsForm evaluates all hostile values, then takes them back to what was
// there before, which is hostile too.
func holdsForm(t *testing.T, name string, shell ...string) {
	form, err := envFormat(name)
	if err != nil {
		t.Fatal(err)
	}
	var set, before []string
	for i, value := range hostile() {
		set = append(set, valueNames(i+1)+"="+value)
		if i%3 != 0 {
			before = append(before, valueNames(i+1)+"="+hostile()[len(hostile())-1-i])
		}
	}
	text, notes, err := form.print(set, before, nil)
	if err != nil || len(notes) > 0 {
		t.Fatal(err, notes)
	}
	found := evaluated(t, text, before, shell...)
	for i, want := range hostile() {
		if got, there := found[valueNames(i+1)]; !there || got != want {
			t.Errorf("%s: %q arrives as %q", name, want, got)
		}
	}
	a := &app{env: []string{restoreVariable + "=" + found[restoreVariable]}}
	earlier, err := a.envBefore()
	if err != nil || len(earlier) != len(set) {
		t.Fatalf("%d of %d variables can be given back: %v", len(earlier), len(set), err)
	}
	found = evaluated(t, form.back(earlier), set, shell...)
	for i := range hostile() {
		got, there := found[valueNames(i+1)]
		if want := hostile()[len(hostile())-1-i]; there != (i%3 != 0) || there && got != want {
			t.Errorf("%s: given back: %q, %v; want %q", name, got, there, want)
		}
	}
}

func TestEnvIsExactInSh(t *testing.T) {
	holdsForm(t, "sh", "sh", "-c", `eval "$(cat text)"; env -0`)
}

// TestEnvRuntimes holds what env prints against the programs that read it: fish,
// and Node for a .env file. It is asked for with EMU_RUNTIMES.
func TestEnvRuntimes(t *testing.T) {
	if os.Getenv("EMU_RUNTIMES") == "" {
		t.Log("not asked for: EMU_RUNTIMES=1 runs it")
		return
	}
	holdsForm(t, "fish", "fish", "--no-config", "-c", "source text; env -0")
	form, err := envFormat("dotenv")
	if err != nil {
		t.Fatal(err)
	}
	var set []string
	for i, value := range hostile() {
		if _, err := form.set("V", value); err == nil {
			set = append(set, valueNames(i+1)+"="+value)
		}
	}
	text, _, err := form.print(set, nil, nil)
	if err != nil || len(set) < 15 {
		t.Fatalf("%d values: %v", len(set), err)
	}
	found := evaluated(t, text, nil, "node", "--env-file=text", "-e",
		`process.stdout.write(Object.entries(process.env).map(e => e.join("=")).join("\0"))`)
	for _, entry := range set {
		name, want, _ := strings.Cut(entry, "=")
		if got, there := found[name]; !there || got != strings.ToValidUTF8(want, "\uFFFD") && got != "\uFFFD\uFFFD" {
			t.Errorf("dotenv: %q arrives as %q", want, got)
		}
	}
}

// TestEnvForms holds the forms that no program here reads against what their
// documents say.
func TestEnvForms(t *testing.T) {
	for _, test := range []struct{ form, value, want string }{
		{"powershell", "it's $x `y` ‘z’ \"q\"", "$env:X = 'it''s $x `y` ‘‘z’’ \"q\"'"},
		{"powershell", "‚a‛", "$env:X = '‚‚a‛‛'"},
		{"dotenv", "http://127.0.0.1:1", "X=http://127.0.0.1:1"},
		{"dotenv", `--require "a b"`, `X='--require "a b"'`},
		{"github", "a\nEMU_END", "X<<EMU_END_\na\nEMU_END\nEMU_END_"},
		{"fish", `it's \n`, `set -gx X 'it\'s \\n'`},
	} {
		form, err := envFormat(test.form)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := form.set("X", test.value); err != nil || got != test.want {
			t.Errorf("%s: %s, %v; want %s", test.form, got, err, test.want)
		}
	}
	dotenv, _ := envFormat("dotenv")
	for _, value := range []string{"it's", "a\nb"} {
		if line, err := dotenv.set("X", value); err == nil {
			t.Errorf("dotenv cannot hold %q, but says %s", value, line)
		}
	}
	form, _ := envFormat("json")
	text, _, err := form.print([]string{"A=x=y", "B=\"\n"}, nil, nil)
	var got map[string]string
	if err := json.Unmarshal([]byte(text), &got); err != nil || got["A"] != "x=y" || got["B"] != "\"\n" || len(got) != 2 {
		t.Errorf("json: %s, %v", text, err)
	}
	if err != nil {
		t.Error(err)
	}
	form, _ = envFormat("github")
	text, notes, err := form.print([]string{"A=1", "NODE_OPTIONS=--require x"}, nil, nil)
	if err != nil || strings.Contains(text, "NODE_OPTIONS") || len(notes) != 1 || !strings.HasSuffix(notes[0], "NODE_OPTIONS=--require x") {
		t.Errorf("github: %s, %v, %v", text, notes, err)
	}
	if _, err := envFormat("jsno"); err == nil || !strings.Contains(err.Error(), "did you mean json?") {
		t.Errorf("an unknown form: %v", err)
	}
}

func TestEnvRefusesForeignRestore(t *testing.T) {
	for _, text := range []string{"x", `{"A;touch x":null}`, `{"":null}`, `{"1A":null}`, `{"A":1}`} {
		a := &app{env: []string{restoreVariable + "=" + text}}
		if before, err := a.envBefore(); err == nil {
			t.Errorf("%s: %v", text, before)
		}
	}
}
