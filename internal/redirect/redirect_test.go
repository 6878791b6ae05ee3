package redirect

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/swanemu/emu/internal/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const platform = "platform.example"

// open starts a proxy that takes platform over.
func open(t *testing.T, change func(*Options)) *Proxy {
	t.Helper()
	o := Options{
		Hosts: []string{platform},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "emulated "+r.Host+r.URL.Path)
		}),
	}
	if change != nil {
		change(&o)
	}
	p, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// client goes through a proxy and trusts what else is given.
func client(t *testing.T, p *Proxy, also ...*x509.Certificate) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(p.authority.root)
	for _, c := range also {
		roots.AddCert(c)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(p.URL()), TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func read(t *testing.T, c *http.Client, address string) (status int, text string, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := c.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	data, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(data), err
}

// TestTakenOver asks for the hosts taken over, with and without TLS, by the
// proxy and directly.
func TestTakenOver(t *testing.T) {
	p := open(t, nil)
	for _, address := range []string{"https://platform.example/a", "http://platform.example/a", "https://PLATFORM.example:443/a"} {
		status, text, err := read(t, client(t, p), address)
		if err != nil || status != http.StatusOK || !strings.HasPrefix(strings.ToLower(text), "emulated platform.example") {
			t.Errorf("%s: %d %q, %v", address, status, text, err)
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(p.authority.root)
	direct := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", p.Direct())
		},
		TLSClientConfig: &tls.Config{RootCAs: roots},
	}
	t.Cleanup(direct.CloseIdleConnections)
	if _, text, err := read(t, &http.Client{Transport: direct}, "https://platform.example/b"); err != nil || text != "emulated platform.example/b" {
		t.Errorf("directly: %q, %v", text, err)
	}
}

// TestPasses lets other hosts through, untouched, over TLS and without.
func TestPasses(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "outside "+r.URL.Path) })
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	p := open(t, nil)
	c := client(t, p, secure.Certificate())
	for _, address := range []string{plain.URL + "/x", secure.URL + "/x"} {
		if status, text, err := read(t, c, address); err != nil || status != http.StatusOK || text != "outside /x" {
			t.Errorf("%s: %d %q, %v", address, status, text, err)
		}
	}
	// Nobody there is told as such.
	if status, _, err := read(t, c, "http://127.0.0.1:1/"); err != nil || status != http.StatusBadGateway {
		t.Errorf("nobody there: %d, %v", status, err)
	}
	if _, _, err := read(t, c, "https://127.0.0.1:1/"); err == nil || !strings.Contains(err.Error(), "Bad Gateway") {
		t.Errorf("nobody there, over TLS: %v", err)
	}
}

// TestOffline refuses them.
func TestOffline(t *testing.T) {
	reached := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer server.Close()
	p := open(t, func(o *Options) { o.Offline = true })
	if status, text, err := read(t, client(t, p), server.URL); err != nil || status != http.StatusForbidden || !strings.Contains(text, "is refused") {
		t.Errorf("%d %q, %v", status, text, err)
	}
	if _, _, err := read(t, client(t, p), "https://other.example/"); err == nil || !strings.Contains(err.Error(), "Forbidden") {
		t.Errorf("over TLS: %v", err)
	}
	if _, text, err := read(t, client(t, p), "https://platform.example/"); err != nil || text != "emulated platform.example/" {
		t.Errorf("the platform: %q, %v", text, err)
	}
	if reached {
		t.Error("something got out")
	}
}

// TestUpstream reaches other hosts through another proxy, which asks who is
// there.
func TestUpstream(t *testing.T) {
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "far away") }))
	defer secure.Close()
	var seen []string
	far := open(t, nil)
	guard := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.Header.Get("Proxy-Authorization"))
		if r.Header.Get("Proxy-Authorization") == "" {
			http.Error(w, "who?", http.StatusProxyAuthRequired)
			return
		}
		far.serve(w, r)
	}))
	defer guard.Close()
	at, _ := url.Parse(guard.URL)
	for _, user := range []*url.Userinfo{nil, url.UserPassword("u", "p")} {
		at.User = user
		p := open(t, func(o *Options) { o.Upstream = http.ProxyURL(at) })
		_, text, err := read(t, client(t, p, secure.Certificate()), secure.URL)
		if user == nil && (err == nil || !strings.Contains(err.Error(), "Bad Gateway")) || user != nil && text != "far away" {
			t.Errorf("user %v: %q, %v", user, text, err)
		}
	}
	if want := []string{"CONNECT ", "CONNECT Basic dTpw"}; !slices.Equal(seen, want) {
		t.Errorf("seen %q, want %q", seen, want)
	}
}

// TestAuthoritySignsNothingElse holds the authority's certificate against forged
// ones for other hosts and addresses.
func TestAuthoritySignsNothingElse(t *testing.T) {
	now := clock.Wall()
	key, err := ecdsa.GenerateKey(elliptic.P256(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, own := range [][]string{{platform}, {platform, "127.0.0.1", "::1"}} {
		a, err := newAuthority(own, now)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AddCert(a.root)
		verify := func(c *x509.Certificate, name string) error {
			_, err := c.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: now})
			return err
		}
		for _, name := range own {
			if err := verify(a.leaf.Leaf, name); err != nil {
				t.Errorf("its own %s: %v", name, err)
			}
		}
		// An authority that had its key stolen.
		stolen, err := ecdsa.GenerateKey(elliptic.P256(), nil)
		if err != nil {
			t.Fatal(err)
		}
		copied := *a.root
		copied.SerialNumber, copied.PublicKey, copied.SubjectKeyId, copied.AuthorityKeyId = nil, nil, nil, nil
		root, err := certify(&copied, nil, &stolen.PublicKey, stolen)
		if err != nil {
			t.Fatal(err)
		}
		roots.AddCert(root)
		for _, other := range []x509.Certificate{
			{DNSNames: []string{"bank.example"}},
			{IPAddresses: []net.IP{net.ParseIP("192.0.2.1")}},
			{IPAddresses: []net.IP{net.ParseIP("2001:db8::1")}},
			{DNSNames: []string{platform}},
		} {
			name := strings.Join(other.DNSNames, "")
			if len(other.IPAddresses) > 0 {
				name = other.IPAddresses[0].String()
			}
			other.Subject, other.NotBefore, other.NotAfter = pkix.Name{CommonName: name}, now.Add(-1), root.NotAfter
			other.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
			forged, err := certify(&other, root, &key.PublicKey, stolen)
			if err != nil {
				t.Fatal(err)
			}
			if err := verify(forged, name); (err == nil) != (name == platform) {
				t.Errorf("an authority for %v signs for %s: %v", own, name, err)
			}
		}
	}
	if _, err := NewAuthority([]string{"127.0.0.1"}); err == nil {
		t.Error("an authority without a name")
	}
}

// TestListen takes an address, and is nobody's way out where others reach it.
func TestListen(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "outside") }))
	defer server.Close()
	for listen, want := range map[string]int{"127.0.0.1:0": http.StatusOK, "[::ffff:127.0.0.1]:0": http.StatusOK, "0.0.0.0:0": http.StatusForbidden} {
		p := open(t, func(o *Options) { o.Listen = listen })
		c := client(t, p)
		transport, _ := c.Transport.(*http.Transport)
		_, port, _ := net.SplitHostPort(p.URL().Host)
		transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "127.0.0.1:" + port})
		if status, _, err := read(t, c, server.URL); err != nil || status != want {
			t.Errorf("%s: elsewhere %d, %v; want %d", listen, status, err, want)
		}
		if _, text, err := read(t, c, "https://platform.example/x"); err != nil || text != "emulated platform.example/x" {
			t.Errorf("%s: the platform: %q, %v", listen, text, err)
		}
	}
	for _, wrong := range []string{"127.0.0.1", "192.0.2.1:0"} {
		if p, err := Start(t.Context(), Options{Hosts: []string{platform}, Handler: http.NotFoundHandler(), Listen: wrong}); err == nil {
			t.Errorf("listens on %s", wrong)
			_ = p.Close()
		}
	}
}

// TestTrust looks at what is written for programs, and that what they were told
// before is kept.
func TestTrust(t *testing.T) {
	p := open(t, nil)
	dir := t.TempDir()
	before := filepath.Join(dir, "before.pem")
	if err := os.WriteFile(before, p.authority.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	env, err := p.Trust(filepath.Join(dir, "emu"), []string{
		"NODE_OPTIONS=--no-warnings", "JAVA_TOOL_OPTIONS=-Xmx1g", "NODE_EXTRA_CA_CERTS=" + before, "SSL_CERT_FILE=" + before,
	})
	if err != nil {
		t.Fatal(err)
	}
	value := func(name string) string {
		i := slices.IndexFunc(env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
		if i < 0 {
			t.Fatalf("no %s in %q", name, env)
		}
		return strings.TrimPrefix(env[i], name+"=")
	}
	for name, want := range map[string]string{
		"HTTPS_PROXY": p.URL().String(), "https_proxy": p.URL().String(), "NODE_OPTIONS": "--no-warnings --require ",
		"JAVA_TOOL_OPTIONS": "-Xmx1g -Dhttps.proxyHost=127.0.0.1", "NO_PROXY": "localhost,127.0.0.1,::1",
		"EMU_REDIRECT": p.Direct() + " " + platform,
	} {
		if got := value(name); !strings.HasPrefix(got, want) {
			t.Errorf("%s=%s, want %s…", name, got, want)
		}
	}
	for _, name := range []string{"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"} {
		data, err := os.ReadFile(value(name))
		if err != nil || bytes.Count(data, []byte("BEGIN CERTIFICATE")) != 2 || !bytes.Contains(data, p.authority.PEM()) {
			t.Errorf("%s: want the authority behind what was trusted before: %v\n%s", name, err, data)
		}
	}
	store, err := os.ReadFile(filepath.Join(dir, "emu", "truststore.p12"))
	if err != nil {
		t.Fatal(err)
	}
	certs, err := pkcs12.DecodeTrustStore(store, storePassword)
	if err != nil || len(certs) != 2 {
		t.Errorf("the truststore has %d certificates, %v", len(certs), err)
	}
	info, err := os.Stat(filepath.Join(dir, "emu"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory is open to others: %v, %v", info, err)
	}
	entries, err := filepath.Glob(filepath.Join(dir, "emu", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range entries {
		if data, err := os.ReadFile(file); err == nil && bytes.Contains(data, []byte("PRIVATE KEY")) {
			t.Errorf("%s holds a private key", file)
		}
	}
}
