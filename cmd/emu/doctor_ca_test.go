package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/internal/clock"
	"github.com/swanemu/emu/internal/platform"
)

// TestDoctorAuthority looks at authorities that are not trusted, trusted, ended,
// and at certificates of somebody's own.
func TestDoctorAuthority(t *testing.T) {
	text := serving(t, "--tls-listen", "127.0.0.1:0")
	api := regexp.MustCompile(`(?m)^  API +(\S+)`).FindStringSubmatch(text)
	file := regexp.MustCompile(`(?m)^  HTTPS +\S+  trust (\S+)$`).FindStringSubmatch(text)
	if api == nil || file == nil {
		t.Fatal(text)
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	diagnose(t, nil, "--url", api[1]).want(t, "ca", foundProblem, `not trusted by the system → eval "\$\(emu env\)"`)
	diagnose(t, []string{"SSL_CERT_FILE=" + file[1]}, "--url", api[1]).want(t, "ca", foundOK, "is trusted by SSL_CERT_FILE=")
	diagnose(t, []string{"SSL_CERT_FILE=" + empty}, "--url", api[1]).want(t, "ca", foundProblem, "it holds no PEM certificate → correct the variable")
	diagnose(t, nil, "--url", api[1], "--ca", file[1]).want(t, "ca", foundOK, "is trusted by .*ca.pem until")

	ended, _ := certificate(t, -time.Hour)
	expired := emulated(t, func(o *emulator.Options) {
		o.Setup.Proxy = &emulator.SetupProxy{URL: "http://127.0.0.1:1", Direct: "127.0.0.1:1", Hosts: platform.Hosts(), Certificate: string(ended)}
	})
	diagnose(t, nil, "--url", expired).want(t, "ca", foundProblem, "its authority has ended at .* → start the emulator again")
}

// certificate makes one for the platform's first host that ends some time from
// now, and its key; both PEM.
func certificate(t *testing.T, from time.Duration) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), nil)
	if err != nil {
		t.Fatal(err)
	}
	end := clock.Wall().Add(from)
	own := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "own"}, DNSNames: platform.Hosts()[:1],
		NotBefore: end.Add(-48 * time.Hour), NotAfter: end, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(nil, own, own, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// TestDoctorOwnCertificate serves with a certificate that has ended and with a
// good one, which only some trust.
func TestDoctorOwnCertificate(t *testing.T) {
	for _, test := range []struct {
		from   time.Duration
		trust  bool
		status string
		says   string
	}{
		{time.Hour, true, foundOK, "the certificate of HTTPS is trusted by SSL_CERT_FILE"},
		{time.Hour, false, foundProblem, "unknown authority"},
		{-time.Minute, true, foundProblem, "has expired or is not yet valid"},
	} {
		dir := t.TempDir()
		cert, key := certificate(t, test.from)
		for name, data := range map[string][]byte{"own.pem": cert, "own.key": key} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		file := filepath.Join(dir, "own.pem")
		text := serving(t, "--tls-listen", "127.0.0.1:0", "--tls-cert", file, "--tls-key", filepath.Join(dir, "own.key"))
		api := regexp.MustCompile(`(?m)^  API +(\S+)`).FindStringSubmatch(text)
		var env []string
		if test.trust {
			env = append(env, "SSL_CERT_FILE="+file)
		}
		diagnose(t, env, "--url", api[1]).want(t, "ca", test.status, test.says)
	}
}

// TestDoctorPage holds docs/doctor.md against the table of checks; -update
// writes it.
func TestDoctorPage(t *testing.T) {
	const begin, end = "<!-- checks -->\n", "<!-- end of checks -->\n"
	file := filepath.Join("..", "..", "docs", "doctor.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", file)
	}
	var table strings.Builder
	table.WriteString("\n| check | what it looks at | what it calls a problem |\n|---|---|---|\n")
	for _, c := range checkups() {
		table.WriteString("| `" + c.name + "` | " + c.looks + " | " + c.problem + " |\n")
	}
	want := before + begin + table.String() + "\n" + end + after
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil { //nolint:gosec // a text to share
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Errorf("%s is stale: go test ./cmd/emu -run TestDoctorPage -update", file)
	}
	// What the page shows of the JSON is what doctor prints.
	_, shown, _ := strings.Cut(after, "```json\n")
	shown, _, _ = strings.Cut(shown, "```")
	var report struct {
		Problems int
		Findings []finding
	}
	if err := json.Unmarshal([]byte(shown), &report); err != nil || report.Problems != 1 || report.Findings[0].Status != foundProblem || report.Findings[0].Fix == "" {
		t.Errorf("the JSON of %s: %v, %+v", file, err, report)
	}
}
