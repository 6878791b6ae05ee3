package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/swanemu/emu/internal/platform"
)

// serving runs serve in this process until the test ends and returns what it
// prints until it is ready. Addresses that are not named are free ones.
func serving(t *testing.T, args ...string) string {
	t.Helper()
	out, in := io.Pipe()
	errs, errIn, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--kafka", "none", "--log-format", "json"}, args...)
	go func() {
		code := run(ctx, args, nil, stdio{in: strings.NewReader(""), out: in, err: errIn})
		_ = in.Close()
		_ = errIn.Close()
		ended <- code
	}()
	logged := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(errs) // it ends with the server
		logged <- string(text)
	}()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != exitOK {
			t.Errorf("serve ends with %d", code)
		}
		if text := <-logged; t.Failed() {
			t.Log(text)
		}
	})
	// The start-up text is one write.
	text := make([]byte, 64<<10)
	n, err := out.Read(text)
	if err != nil {
		t.Fatalf("serve prints nothing: %v", err)
	}
	return string(text[:n])
}

// TestTLS calls the platform over HTTPS with a client that trusts the authority
// of the run and nobody else, by each name that the certificate is for.
func TestTLS(t *testing.T) {
	for name, args := range map[string][]string{
		"alone": {"--tls-listen", "127.0.0.1:0"}, "beside a proxy": {"--tls-listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0"},
	} {
		t.Run(name, func(t *testing.T) {
			m := regexp.MustCompile(`(?m)^  HTTPS +https://(127\.0\.0\.1:\d+)  trust (\S+)$`).FindStringSubmatch(serving(t, args...))
			if m == nil {
				t.Fatal("serve does not say where HTTPS is")
			}
			info, err := os.Stat(m[2])
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", m[2], info, err)
			}
			root, err := os.ReadFile(m[2])
			if err != nil || strings.Contains(string(root), "PRIVATE") {
				t.Fatalf("%s holds a key, or nothing: %v", m[2], err)
			}
			for _, host := range append(platform.Hosts(), "localhost", "127.0.0.1", "[::1]") {
				if status, err := tlsCall(t, m[1], host, root); status != http.StatusOK || err != nil {
					t.Errorf("%s: %d, %v", host, status, err)
				}
			}
			if _, err := tlsCall(t, m[1], "example.com", root); err == nil || !strings.Contains(err.Error(), "not example.com") {
				t.Errorf("another host: %v", err)
			}
			if _, err := tlsCall(t, m[1], "openapi.baidu.com", nil); err == nil || !strings.Contains(err.Error(), "unknown authority") {
				t.Errorf("a client that trusts nobody: %v", err)
			}
		})
	}
}

// TestTLSHosts calls the platform by names of one's own, as a container calls
// another by its service's name; a client that verifies them accepts those that
// were given, and no other.
func TestTLSHosts(t *testing.T) {
	text := serving(t, "--tls", "--tls-listen", "127.0.0.1:0", "--tls-hosts", "emu, Platform.test,my_service", "--tls-hosts", "192.0.2.7,2001:db8::7,openapi.baidu.com")
	m := regexp.MustCompile(`HTTPS +https://(\S+)  trust (\S+)`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("serve does not say where HTTPS is: %s", text)
	}
	root, err := os.ReadFile(m[2])
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range append(platform.Hosts(), "localhost", "emu", "platform.test", "my_service", "192.0.2.7", "[2001:db8::7]") {
		if status, err := tlsCall(t, m[1], host, root); status != http.StatusOK || err != nil {
			t.Errorf("%s: %d, %v", host, status, err)
		}
	}
	for _, host := range []string{"emulator", "other.test", "192.0.2.8"} {
		if _, err := tlsCall(t, m[1], host, root); err == nil || !strings.Contains(err.Error(), "not "+host) {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// TestIsHost tells names and addresses from what is neither.
func TestIsHost(t *testing.T) {
	label := strings.Repeat("a", 63)
	for text, want := range map[string]bool{
		"emu": true, "my-emu": true, "my_emu": true, "emu.default.svc.cluster.local": true, "EMU.test": true, "1a": true,
		"192.0.2.7": true, "2001:db8::7": true, label + ".test": true,
		"": false, ".": false, "emu.": false, ".emu": false, "a..b": false, "-emu": false, "emu-": false, "*.test": false, "a b": false,
		"emu:8443": false, "https://emu": false, "emu/": false, "[2001:db8::7]": false, "192.0.2.300": false, "1.2.3": false, "仿真": false,
		label + "a.test": false, strings.Repeat("a.", 127) + "test": false, "emu\n": false,
	} {
		if isHost(text) != want {
			t.Errorf("isHost(%q) is %v", text, !want)
		}
	}
}

// TestTLSFileGoes looks for what is left when the server has stopped.
func TestTLSFileGoes(t *testing.T) {
	var file string
	t.Run("run", func(t *testing.T) {
		m := regexp.MustCompile(`trust (\S+)`).FindStringSubmatch(serving(t, "--tls-listen", "127.0.0.1:0"))
		if m == nil {
			t.Fatal("serve names no file")
		}
		file = m[1]
	})
	if _, err := os.Stat(filepath.Dir(file)); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", file, err)
	}
}

// TestTLSOwnCertificate serves with a certificate that somebody else made.
func TestTLSOwnCertificate(t *testing.T) {
	cert, key := certificate(t, time.Hour)
	certFile, keyFile := filepath.Join(t.TempDir(), "own.pem"), filepath.Join(t.TempDir(), "own.key")
	if err := errors.Join(os.WriteFile(certFile, cert, 0o600), os.WriteFile(keyFile, key, 0o600)); err != nil {
		t.Fatal(err)
	}
	text := serving(t, "--tls-listen", "127.0.0.1:0", "--tls-cert", certFile, "--tls-key", keyFile)
	m := regexp.MustCompile(`HTTPS +https://(\S+)  with (\S+)`).FindStringSubmatch(text)
	if m == nil || m[2] != certFile {
		t.Fatalf("serve does not say where HTTPS is: %s", text)
	}
	if status, err := tlsCall(t, m[1], platform.Hosts()[0], cert); status != http.StatusOK || err != nil {
		t.Errorf("%d, %v", status, err)
	}
}

// tlsCall asks for a package at an address, as if it were a host.
func tlsCall(t *testing.T, address, host string, trusted []byte) (int, error) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+host+"/rest/2.0/smartapp/package/get?access_token=x", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := transport.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if !strings.Contains(string(text), `"error_code":110`) {
		t.Errorf("%s: the answer is not the platform's: %s", host, text)
	}
	if answer.ProtoMajor != 2 {
		t.Errorf("%s: %s, want HTTP/2", host, answer.Proto)
	}
	return answer.StatusCode, err
}
