package emulator_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	emu "github.com/swanemu/emu"
	"github.com/swanemu/emu/emulator"
)

// TestDocsServed checks that the page's files are those that were published,
// compressed or not, and who gets them.
func TestDocsServed(t *testing.T) {
	e := newEmulator(t, func(o *emulator.Options) { o.AdminToken = "hush" })
	get := func(path, encoding string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
		r.Header.Set("Accept-Encoding", encoding)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		return w
	}
	// The SHA-256 of the files of swagger-ui-dist 5.35.0.
	for name, want := range map[string]string{
		"swagger-ui-bundle.js":             "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2",
		"swagger-ui.css":                   "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
		"LICENSE":                          "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30",
		"NOTICE":                           "0d20d1adef18aee3f40dd258172155521ce702ac445cb5f7b7d60ed32dad2fb2",
		"swagger-ui-bundle.js.LICENSE.txt": "37eb6e7e59aed57b2c1acf076574b818ea07b74265717e0bd67b59e0baf9abbb",
	} {
		for encoding, packed := range map[string]bool{"gzip, br": true, "": false, "br;q=1, gzip;q=0": false} {
			w := get("/_emu/docs/"+name, encoding)
			var body io.Reader = w.Body
			if got := w.Header().Get("Content-Encoding") == "gzip"; got != packed || w.Code != http.StatusOK {
				t.Errorf("%s for %q: %d, compressed: %t", name, encoding, w.Code, got)
				continue
			}
			if packed {
				var err error
				if body, err = gzip.NewReader(w.Body); err != nil {
					t.Fatal(err)
				}
			}
			data, err := io.ReadAll(body)
			if sum := sha256.Sum256(data); err != nil || hex.EncodeToString(sum[:]) != want {
				t.Errorf("%s for %q: %x, %v, want %s", name, encoding, sum, err, want)
			}
		}
	}
	page := get("/_emu/docs", "")
	if page.Code != http.StatusOK || page.Header().Get("Content-Type") != "text/html; charset=utf-8" ||
		!strings.Contains(page.Header().Get("Content-Security-Policy"), "connect-src 'self'") {
		t.Errorf("the page: %d %v", page.Code, page.Header())
	}
	for _, path := range []string{"/_emu/docs/", "/_emu/docs/index.html", "/_emu/docs/LICENSE.gz", "/_emu/docs/../admin.yaml", "/_emu/docsx", "/_emu/admin.yaml"} {
		if w := get(path, ""); w.Code != http.StatusUnauthorized {
			t.Errorf("%s without a token: %d", path, w.Code)
		}
	}
}

// docsTold is what the page tells of itself.
type docsTold struct {
	Page, Title, Error  string
	Operations, Asked   []string
	List, Freeze, Quota string
}

// TestDocsChromium uses the page in Chromium, first without the token that the
// control API wants there, then with it. Chromium reaches everything through a
// proxy that writes down who is asked. It is asked for with EMU_CHROMIUM=1, and
// then chromium has to be there.
func TestDocsChromium(t *testing.T) {
	if os.Getenv("EMU_CHROMIUM") != "1" {
		t.Log("not asked for: set EMU_CHROMIUM=1")
		return
	}
	e := newEmulator(t, func(o *emulator.Options) { o.AdminToken = "hush" })
	heard := make(chan docsTold, 2)
	mux := http.NewServeMux()
	mux.Handle("/", e)
	mux.HandleFunc("GET /_emu/docs", func(w http.ResponseWriter, r *http.Request) {
		inner := httptest.NewRecorder()
		r.Header.Del("Accept-Encoding")
		e.ServeHTTP(inner, r)
		for name, values := range inner.Header() {
			if name != "Content-Length" {
				w.Header()[name] = values
			}
		}
		_, _ = io.WriteString(w, strings.Replace(inner.Body.String(), "<main", `<script src="/drive.js"></script><main`, 1))
	})
	mux.HandleFunc("GET /drive.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "testdata/docs/drive.js") })
	mux.HandleFunc("POST /told", func(_ http.ResponseWriter, r *http.Request) {
		var page docsTold
		if err := json.NewDecoder(r.Body).Decode(&page); err != nil {
			t.Error(err)
		}
		heard <- page
	})
	site := httptest.NewServer(mux)
	defer site.Close()
	proxy, hosts := watchingProxy(t)
	ended := browse(t, site.URL+"/_emu/docs", "--proxy-server="+proxy, "--proxy-bypass-list=<-loopback>")
	next := func() (page docsTold) {
		select {
		case page = <-heard:
		case <-ended:
			t.Fatal("chromium has ended, or the page has told nothing within a minute")
		}
		return page
	}
	control, platform := next(), next()
	checkPage(t, &control, adminText(t), "emu control API", site.URL)
	checkPage(t, &platform, emu.OpenAPI, "百度智能小程序开放平台", site.URL)
	if !strings.HasPrefix(control.List, "200 ") || !strings.Contains(control.List, `"default"`) {
		t.Errorf("listSandboxes, tried out: %s", control.List)
	}
	if !strings.HasPrefix(control.Freeze, "200 ") || !strings.Contains(control.Freeze, `"virtual"`) {
		t.Errorf("freezeClock, tried out: %s", control.Freeze)
	}
	if !strings.HasPrefix(platform.Quota, "200 ") || !strings.Contains(platform.Quota, `"error_code"`) {
		t.Errorf("getAuditQuota, tried out: %s", platform.Quota)
	}
	own := strings.TrimPrefix(site.URL, "http://")
	got := slices.DeleteFunc(hosts(), ofChromium)
	if !slices.Equal(got, []string{own}) {
		t.Errorf("the browser asked %q, want %s alone", got, own)
	}
}

// ofChromium reports whether a host is one that Chromium asks by itself,
// whatever it shows, for updates and the like. The proxy refuses it.
func ofChromium(host string) bool {
	name, _, _ := strings.Cut(host, ":")
	return strings.HasSuffix(name, ".google.com") || strings.HasSuffix(name, ".googleapis.com") || strings.HasSuffix(name, ".gvt1.com")
}

// checkPage checks that a page shows each operation of its contract and asked
// nobody but its emulator.
func checkPage(t *testing.T, page *docsTold, contract []byte, title, site string) {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal(contract, &doc); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, methods := range doc.Paths {
		for _, operation := range methods {
			if fields, ok := operation.(map[string]any); ok {
				want = append(want, fields["operationId"].(string))
			}
		}
	}
	slices.Sort(want)
	slices.Sort(page.Operations)
	if page.Error != "" || !strings.Contains(page.Title, title) || !slices.Equal(page.Operations, want) || len(want) < 10 {
		t.Errorf("%s: %s: %q with %d operations, want %q with %d", page.Page, page.Error, page.Title, len(page.Operations), title, len(want))
	}
	for _, asked := range page.Asked {
		if !strings.HasPrefix(asked, site+"/") && !strings.HasPrefix(asked, "data:") {
			t.Errorf("%s asked for %s", page.Page, asked)
		}
	}
	if len(page.Asked) < 3 {
		t.Errorf("%s asked for %q only: it was not watched", page.Page, page.Asked)
	}
}

// adminText is the contract of the control API.
func adminText(t *testing.T) []byte {
	t.Helper()
	return mustRead(t, "admin.yaml")
}

// watchingProxy is a proxy that lets requests for this machine pass, and the
// sorted names of who was asked through it.
func watchingProxy(t *testing.T) (address string, hosts func() []string) {
	t.Helper()
	var mu sync.Mutex
	seen := map[string]bool{}
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.Out.Host = r.In.Host }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.Host] = true
		mu.Unlock()
		if host, _, err := net.SplitHostPort(r.Host); err != nil || host != "127.0.0.1" || r.Method == http.MethodConnect {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host, func() (out []string) {
		mu.Lock()
		defer mu.Unlock()
		for host := range seen {
			out = append(out, host)
		}
		slices.Sort(out)
		return out
	}
}

// browse opens an address in Chromium until the test ends, for a minute at
// most; what it returns is closed when Chromium has ended.
func browse(t *testing.T, address string, more ...string) <-chan struct{} {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	dir, err := os.MkdirTemp("", "emu-chromium-") //nolint:usetesting // see the end: it may want more than one try
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "chromium", append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-extensions", "--no-first-run", "--user-data-dir=" + dir, "--remote-debugging-port=0",
	}, append(more, address)...)...)
	// It ends its children, when it is asked to end; they have the pipe that this
	// makes, so that Wait waits for most of them too.
	cmd.Stderr = &bytes.Buffer{}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it was stopped
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		// The last of them may still write to the directory.
		for range 1000 {
			if err = os.RemoveAll(dir); err == nil {
				return
			}
		}
		t.Error(err)
	})
	return ended
}
