package redirect

import (
	"bytes"
	"crypto/x509"
	_ "embed" // what Node loads first
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// What makes programs use the proxy and trust its certificates: environment
// variables and files that only they read. Nothing is changed on the machine.

//go:embed redirect.cjs
var nodeScript []byte

// storePassword protects nothing: a truststore holds public certificates.
const storePassword = "changeit"

// bundles are where systems keep the authorities they trust, as one file.
func bundles() []string {
	return []string{
		"/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Alpine
		"/etc/pki/tls/certs/ca-bundle.crt",   // Fedora, RHEL
		"/etc/ssl/ca-bundle.pem",             // openSUSE
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		"/etc/ssl/cert.pem", // macOS, BSD
	}
}

// An Access is what programs need to know of a proxy, on this machine or another.
type Access struct {
	// Proxy is the proxy's address, host:port; Direct that of what speaks TLS
	// without a proxy in front.
	Proxy, Direct string
	// Hosts are the names that are taken over.
	Hosts []string
	// Unproxied are hosts that are reached without the proxy, besides this
	// machine's own names.
	Unproxied []string
	// Certificate is that of the proxy's authority, PEM.
	Certificate []byte
}

// Trust writes what programs need to trust the proxy into a directory and
// returns the environment, NAME=value, by which they find it and the proxy.
// environ is the environment so far: what it says of authorities, of Node's and
// Java's options and of PHP's settings is kept. The variables are understood by
// Go, curl, OpenSSL, Python, Ruby and .NET on Linux (SSL_CERT_FILE and friends),
// by Node (NODE_OPTIONS, NODE_EXTRA_CA_CERTS), Java (JAVA_TOOL_OPTIONS), PHP
// (PHP_INI_SCAN_DIR) and git.
func (a Access) Trust(dir string, environ []string) ([]string, error) {
	have := func(name string) string {
		for _, entry := range environ {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value
			}
		}
		return ""
	}
	authority, err := a.authority()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(a.Proxy)
	if err != nil {
		return nil, fmt.Errorf("the address of the proxy: %w", err)
	}
	t := trust{dir: dir}
	own := t.write("ca.pem", a.Certificate)
	roots, from := systemRoots(have("SSL_CERT_FILE"))
	bundle := t.write("bundle.pem", append(roots, a.Certificate...))
	store, err := javaStore(roots, authority)
	if err != nil {
		return nil, fmt.Errorf("make a truststore of %s: %w", from, err)
	}
	java := t.write("truststore.p12", store)
	node := t.write("redirect.cjs", nodeScript)
	t.write(filepath.Join("php", "emu.ini"), []byte("openssl.cafile=\""+bundle+"\"\ncurl.cainfo=\""+bundle+"\"\n"))
	if t.err != nil {
		return nil, t.err
	}
	local := strings.Join(append([]string{"localhost,127.0.0.1,::1"}, a.Unproxied...), ",")
	out := []string{"EMU_REDIRECT=" + a.Direct + " " + strings.Join(a.Hosts, " ")}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		out = append(out, name+"=http://"+a.Proxy)
	}
	out = append(out, "NO_PROXY="+local, "no_proxy="+local)
	for _, name := range []string{"SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO"} {
		out = append(out, name+"="+bundle)
	}
	extra := own
	if before := have("NODE_EXTRA_CA_CERTS"); before != "" {
		more, err := os.ReadFile(before)
		if err != nil {
			return nil, fmt.Errorf("NODE_EXTRA_CA_CERTS: %w", err)
		}
		extra = t.write("node.pem", append(append(more, '\n'), a.Certificate...))
	}
	// Java and Node take their options from one text, in which they split at
	// blanks; the directory has none, see quoted. JDK_JAVA_OPTIONS is read by the
	// launcher of Java 9 and later alone, which says so on standard error as well.
	javaOptions := []string{
		"-Dhttps.proxyHost=" + host, "-Dhttps.proxyPort=" + port, "-Dhttp.proxyHost=" + host, "-Dhttp.proxyPort=" + port,
		"-Dhttp.nonProxyHosts=" + strings.Join(append([]string{"localhost|127.*|[::1]"}, a.Unproxied...), "|"), "-Djavax.net.ssl.trustStore=" + java,
		"-Djavax.net.ssl.trustStoreType=PKCS12", "-Djavax.net.ssl.trustStorePassword=" + storePassword,
	}
	out = append(out,
		"NODE_EXTRA_CA_CERTS="+extra,
		"NODE_OPTIONS="+strings.TrimSpace(have("NODE_OPTIONS")+" --require "+quoted(node)),
		"JAVA_TOOL_OPTIONS="+strings.TrimSpace(have("JAVA_TOOL_OPTIONS")+" "+strings.Join(javaOptions, " ")),
		"PHP_INI_SCAN_DIR="+have("PHP_INI_SCAN_DIR")+string(os.PathListSeparator)+filepath.Join(dir, "php"),
	)
	return out, t.err
}

// Expires is when the first certificate of a PEM text ends; false where there
// is none.
func Expires(text []byte) (time.Time, bool) {
	c, err := (Access{Certificate: text}).authority()
	if err != nil {
		return time.Time{}, false
	}
	return c.NotAfter, true
}

// authority reads the certificate.
func (a Access) authority() (*x509.Certificate, error) {
	block, _ := pem.Decode(a.Certificate)
	if block == nil {
		return nil, errors.New("the certificate of the proxy's authority is not PEM")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the certificate of the proxy's authority: %w", err)
	}
	return c, nil
}

// quoted is a path in NODE_OPTIONS.
func quoted(path string) string {
	if !strings.Contains(path, " ") {
		return path
	}
	return `"` + strings.ReplaceAll(path, `\`, `\\`) + `"`
}

// trust writes files into a directory; its first error stays.
type trust struct {
	dir string
	err error
}

func (t *trust) write(name string, data []byte) string {
	path := filepath.Join(t.dir, name)
	if t.err != nil {
		return path
	}
	if t.err = os.MkdirAll(filepath.Dir(path), 0o700); t.err == nil {
		t.err = os.WriteFile(path, data, 0o600)
	}
	return path
}

// systemRoots are the authorities that the machine trusts, and where they
// stand; none where it keeps them in a form of its own.
func systemRoots(set string) (roots []byte, from string) {
	places := bundles()
	if set != "" {
		places = []string{set}
	}
	for _, place := range places {
		if data, err := os.ReadFile(place); err == nil {
			return append(bytes.TrimRight(data, "\n"), '\n'), place
		}
	}
	return nil, "no file"
}

// javaStore is a PKCS #12 truststore of the roots and the authority.
func javaStore(roots []byte, own *x509.Certificate) ([]byte, error) {
	entries := []pkcs12.TrustStoreEntry{{Cert: own, FriendlyName: "emu"}}
	for n := 1; ; n++ {
		var block *pem.Block
		if block, roots = pem.Decode(roots); block == nil {
			break
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			continue // Go is stricter than others; such a one is not for Java either
		}
		entries = append(entries, pkcs12.TrustStoreEntry{Cert: c, FriendlyName: fmt.Sprintf("root-%03d", n)})
	}
	return pkcs12.Modern2023.EncodeTrustStoreEntries(entries, storePassword)
}
