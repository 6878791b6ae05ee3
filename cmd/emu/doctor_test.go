package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/emulator/kafka"
	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/internal/freeport"
)

// diagnosis is what doctor says.
type diagnosis struct {
	code     int
	findings map[string]finding
	errors   string
}

// diagnose runs doctor with an environment, on a file system that is nobody's
// container.
func diagnose(t *testing.T, env []string, args ...string) diagnosis {
	t.Helper()
	return diagnoseIn(t, t.TempDir(), env, args...)
}

func diagnoseIn(t *testing.T, root string, env []string, args ...string) diagnosis {
	t.Helper()
	var out, errs bytes.Buffer
	a := &app{env: env, std: stdio{in: strings.NewReader(""), out: &out, err: &errs}, root: root}
	d := diagnosis{findings: map[string]finding{}}
	d.code = a.execute(t.Context(), append([]string{"doctor", "--format", "json"}, args...))
	d.errors = errs.String()
	var report struct {
		Problems int
		Findings []finding
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		if d.code != exitUsage {
			t.Fatalf("%v: %v\n%s%s", args, err, out.String(), d.errors)
		}
		return d
	}
	problems := 0
	for _, f := range report.Findings {
		d.findings[f.Check] = f
		if f.Status == foundProblem {
			problems++
		}
		if (f.Status == foundProblem) != (f.Fix != "") || f.Detail == "" {
			t.Errorf("%+v: want a detail, and something to do about a problem only", f)
		}
	}
	if len(d.findings) != len(checkups()) || problems != report.Problems || d.code != min(problems, 1) {
		t.Errorf("%d findings, %d problems, reported as %d, code %d", len(d.findings), problems, report.Problems, d.code)
	}
	return d
}

// want holds one finding against a status and a pattern for what it says.
func (d diagnosis) want(t *testing.T, check, status, pattern string) {
	t.Helper()
	f := d.findings[check]
	text := f.Detail
	if f.Fix != "" {
		text += " → " + f.Fix
	}
	if f.Status != status || !regexp.MustCompile(pattern).MatchString(text) {
		t.Errorf("%s: %s: %s\nwant %s, %s", check, f.Status, text, status, pattern)
	}
}

// emulated serves an emulator until the test ends.
func emulated(t *testing.T, change func(*emulator.Options)) string {
	t.Helper()
	o := emulator.Options{Version: thisBuild().Version}
	if change != nil {
		change(&o)
	}
	e, err := emulator.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(e)
	t.Cleanup(func() {
		s.Close()
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s.URL
}

// nobody is an address of this machine on which nobody listens.
func nobody(t *testing.T, host string) string {
	t.Helper()
	port, err := freeport.Find()
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

func TestDoctorFindsNothing(t *testing.T) {
	var text string
	url := emulated(t, func(o *emulator.Options) { o.Setup.Listen = "127.0.0.1:1" })
	d := diagnose(t, nil, "--url", url, "--webhook", url)
	for check, status := range map[string]string{
		"settings": foundOK, "port": notChecked, "reached": foundOK, "version": foundOK, "clock": foundOK,
		"address": foundOK, "webhook": foundOK, "kafka": notChecked, "proxy": foundOK, "ca": notChecked,
	} {
		d.want(t, check, status, ".")
	}
	if d.code != exitOK || d.errors != "" {
		t.Errorf("code %d, %s", d.code, d.errors)
	}
	var out bytes.Buffer
	a := &app{std: stdio{out: &out, err: &out}, root: t.TempDir()}
	code := a.execute(t.Context(), []string{"doctor", "--url", "http://" + nobody(t, "127.0.0.1")})
	text = out.String()
	if code != exitFailure || !regexp.MustCompile(`(?m)^problem      reached   nobody listens at http://\S+\n {23}→ start one: emu serve`).MatchString(text) ||
		!strings.HasSuffix(text, "emu: 1 problem\n") {
		t.Errorf("code %d:\n%s", code, text)
	}
}

func TestDoctorSettings(t *testing.T) {
	t.Chdir(t.TempDir())
	url := emulated(t, nil)
	d := diagnose(t, []string{"EMU_LISEN=:1"}, "--url", url)
	d.want(t, "settings", foundProblem, "unknown variable EMU_LISEN; did you mean EMU_LISTEN")
	if err := os.WriteFile("emu.yaml", []byte("seed: 1\nlisten: 127.0.0.1:1\nmanuel: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d = diagnose(t, nil)
	d.want(t, "settings", foundProblem, `emu.yaml:3:1: unknown key "manuel"; did you mean manual`)
	d.want(t, "reached", notChecked, "emu.yaml:3:1")
	d.want(t, "port", notChecked, "settings")
	if err := os.WriteFile("emu.yaml", []byte("seed: 1\nlisten: 127.0.0.1:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d = diagnose(t, []string{"EMU_LISTEN=127.0.0.1:2", "EMU_SEED=3"}, "--url", url, "--listen", nobody(t, "127.0.0.1"))
	d.want(t, "settings", foundOK, `--listen counts, not EMU_LISTEN; --listen counts, not emu.yaml:2:1; EMU_SEED counts, not emu.yaml:1:1$`)
}

func TestDoctorPort(t *testing.T) {
	t.Chdir(t.TempDir())
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	address := strings.TrimPrefix(other.URL, "http://")
	d := diagnose(t, nil, "--listen", address)
	name := filepath.Base(os.Args[0])
	d.want(t, "port", foundProblem, fmt.Sprintf(`%s is taken by %.15s.*, process %d, which is no emulator → stop it`, regexp.QuoteMeta(address), regexp.QuoteMeta(name), os.Getpid()))
	d.want(t, "reached", foundProblem, "say where an emulator is")
	d = diagnose(t, nil, "--listen", nobody(t, "127.0.0.1"))
	d.want(t, "port", foundOK, "is free")
	d = diagnose(t, nil, "--listen", "192.0.2.1:1")
	d.want(t, "port", foundProblem, "cannot assign requested address|not valid")
	d = diagnose(t, nil, "--listen", strings.TrimPrefix(emulated(t, nil), "http://"))
	d.want(t, "port", foundOK, "an emulator listens on")
}

// pretender is a server that looks like an emulator with some answers of its
// own.
func pretender(t *testing.T, answers map[string]string, header http.Header) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		text, ok := answers[strings.TrimPrefix(r.URL.Path, "/_emu/")]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			text = `{"detail":"there is no such path"}`
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// healthy is what pretenders say of their health.
func healthy(version string) string { return `{"status":"ok","version":"` + version + `"}` }

func TestDoctorReached(t *testing.T) {
	d := diagnose(t, nil, "--url", "http://"+nobody(t, "127.0.0.1"))
	d.want(t, "reached", foundProblem, "nobody listens at .* → start one: emu serve")
	for _, check := range []string{"version", "clock", "kafka", "ca"} {
		d.want(t, check, notChecked, "no emulator is reached")
	}
	d = diagnose(t, nil, "--url", pretender(t, map[string]string{"health": "<html>"}, nil))
	d.want(t, "reached", foundProblem, "what answers there is not an emulator")
	d = diagnose(t, nil, "--url", pretender(t, map[string]string{"health": healthy("x")}, nil))
	d.want(t, "reached", foundProblem, "is not ready: there is no such path → wait")
}

func TestDoctorVersionAndClock(t *testing.T) {
	own := thisBuild().Version
	for _, test := range []struct {
		by     time.Duration
		status string
		says   string
	}{
		{time.Hour, foundProblem, `^the emulator's clock is (59m59s|1h0m0s) ahead of this machine's → set both clocks by NTP`},
		{-time.Minute, foundProblem, `^the emulator's clock is (59|1m0)s behind this machine's`},
		{0, foundOK, "less than 5s apart"},
	} {
		at := http.Header{"Date": {clock.Wall().Add(test.by).Format(http.TimeFormat)}}
		d := diagnose(t, nil, "--url", pretender(t, map[string]string{"health": healthy("0.0.1-other"), "ready": "{}"}, at))
		d.want(t, "clock", test.status, test.says)
		d.want(t, "version", foundProblem, "this command is "+regexp.QuoteMeta(own)+", the emulator 0.0.1-other")
	}
	d := diagnose(t, nil, "--url", pretender(t, map[string]string{"health": healthy(own), "ready": "{}"}, http.Header{"Date": nil}))
	d.want(t, "clock", notChecked, "no Date")
	d.want(t, "version", foundOK, "both are")
}

func TestDoctorAddress(t *testing.T) {
	inside := t.TempDir()
	if err := os.WriteFile(filepath.Join(inside, ".dockerenv"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d := diagnoseIn(t, inside, nil, "--url", "http://"+nobody(t, "127.0.0.1"))
	d.want(t, "address", foundProblem, `this is a container, and 127.0.0.1 is the container itself → .*--url http://host.docker.internal:\d+`)
	d = diagnose(t, nil, "--url", "http://"+nobody(t, "127.0.0.1"))
	d.want(t, "address", notChecked, "this is no container")
	d = diagnose(t, nil, "--url", "http://nobody.invalid:8080")
	d.want(t, "address", foundProblem, "the name nobody.invalid does not resolve")
	d = diagnose(t, nil, "--url", "http://"+nobody(t, "0.0.0.0"))
	d.want(t, "address", foundProblem, `0.0.0.0 resolves, but no emulator answers there; it may listen on its own loopback.*--listen 0.0.0.0:\d+`)
	d = diagnose(t, nil, "--url", emulated(t, func(o *emulator.Options) { o.Setup.Listen = "127.0.0.1:5" }))
	d.want(t, "address", foundOK, "containers and other machines do not")
	d = diagnose(t, nil, "--url", emulated(t, func(o *emulator.Options) { o.Setup.Listen = "[::]:5" }))
	d.want(t, "address", foundOK, `listens on \[::\]:5 and is reached at 127.0.0.1`)
	if fix := unresolvedFix(dockerHost); !strings.Contains(fix, "--add-host host.docker.internal:host-gateway") {
		t.Errorf("for Docker's name it says %s", fix)
	}
}

func TestDoctorWebhook(t *testing.T) {
	url := emulated(t, nil)
	gone := "http://" + nobody(t, "127.0.0.1") + "/push"
	d := diagnose(t, nil, "--url", url, "--webhook", gone)
	d.want(t, "webhook", foundProblem, `^the emulator does not reach .*refused → start what .*127.0.0.1 is the emulator's own machine`)
	guarded := emulated(t, func(o *emulator.Options) { o.Egress = emulator.Egress{Mode: emulator.EgressPublic} })
	d = diagnose(t, nil, "--url", guarded, "--webhook", url)
	d.want(t, "webhook", foundProblem, "egress: mode public")
	// One that cannot be asked.
	old := pretender(t, map[string]string{"health": healthy("x"), "ready": "{}"}, nil)
	d = diagnose(t, nil, "--url", old, "--webhook", gone)
	d.want(t, "webhook", foundProblem, `^asked from here, as the emulator cannot be asked \(there is no such path\)`)
	d = diagnose(t, nil, "--url", old, "--webhook", url)
	d.want(t, "webhook", notChecked, `^from here .* is reached; the emulator cannot be asked`)
	locked := emulated(t, func(o *emulator.Options) { o.AdminToken = "secret" })
	d = diagnose(t, nil, "--url", locked, "--webhook", url)
	d.want(t, "webhook", notChecked, "the control API needs the admin token")
	d = diagnose(t, []string{"EMU_ADMIN_TOKEN=secret"}, "--url", locked, "--webhook", url)
	d.want(t, "webhook", foundOK, "status 200 to a GET")
}

func TestDoctorKafka(t *testing.T) {
	for advertise, status := range map[string]string{nobody(t, "127.0.0.1"): foundProblem, "": foundOK} {
		b, err := kafka.Embed(t.Context(), kafka.EmbedOptions{Listen: "127.0.0.1:0", Advertise: advertise})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = b.Close() }()
		url := emulated(t, func(o *emulator.Options) { o.Broker = b })
		d := diagnose(t, nil, "--url", url)
		if advertise == "" {
			d.want(t, "kafka", status, "which is reached")
			continue
		}
		// The emulator knows the dead address only.
		d.want(t, "kafka", status, regexp.QuoteMeta(advertise)+".*→ start the broker")
	}
	listen, dead := nobody(t, "127.0.0.1"), nobody(t, "127.0.0.1")
	b, err := kafka.Embed(t.Context(), kafka.EmbedOptions{Listen: listen, Advertise: dead})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	d := diagnose(t, nil, "--url", emulated(t, nil), "--kafka", listen)
	d.want(t, "kafka", foundProblem, fmt.Sprintf("the broker at %s sends its clients to %s, which is not reached.*--kafka-advertise", listen, dead))
}

func TestDoctorProxies(t *testing.T) {
	url := emulated(t, nil)
	for _, test := range []struct {
		env    []string
		status string
		says   string
	}{
		{[]string{"HTTP_PROXY=http://p:1"}, foundProblem, "^HTTP_PROXY would take calls to 127.0.0.1; it is missing in NO_PROXY and no_proxy"},
		{[]string{"all_proxy=socks5://p:1", "NO_PROXY=127.0.0.1"}, foundProblem, "all_proxy would .*; it is missing in no_proxy →"},
		{[]string{"HTTPS_PROXY=http://p:1"}, foundOK, "no variable"},
		{[]string{"http_proxy=http://p:1", "NO_PROXY=localhost,127.0.0.1", "no_proxy=127.0.0.0/8"}, foundOK, "NO_PROXY has 127.0.0.1"},
		{[]string{"http_proxy=http://p:1", "NO_PROXY=*", "no_proxy=10.0.0.0/8"}, foundProblem, "it is missing in no_proxy"},
	} {
		diagnose(t, test.env, "--url", url).want(t, "proxy", test.status, test.says)
	}
	for list, want := range map[string]bool{"baidu.com": true, ".baidu.com": true, "*.baidu.com": true, "du.com": false, "api.baidu.com:80": true, "": false} {
		if got := exempt(list, "api.baidu.com"); got != want {
			t.Errorf("%q exempts api.baidu.com: %v", list, got)
		}
	}
}

func TestDoctorUsage(t *testing.T) {
	for _, args := range [][]string{
		{"--url", "nonsense"}, {"--webhook", "nonsense"}, {"--ca", "none.pem"}, {"--ca", "doctor_test.go"}, {"--format", "xml"}, {"--webhok", "x"},
	} {
		if d := diagnose(t, nil, args...); d.code != exitUsage || d.errors == "" {
			t.Errorf("%v: code %d, %s", args, d.code, d.errors)
		}
	}
}
