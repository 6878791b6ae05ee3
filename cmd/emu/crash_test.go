package main

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/swanemu/emu/emulator/kafka"
)

// TestCrash kills emu at random points under load, as often as
// EMU_CRASH_KILLS says (12 times without it), and starts it again on the same
// directory. What a client was told must be there, what it never asked for
// must not, and every event must reach the receiver and Kafka at least once.
func TestCrash(t *testing.T) {
	kills := 12
	if text := os.Getenv("EMU_CRASH_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("EMU_CRASH_KILLS=%q: want a positive number", text)
		}
		kills = n
	}
	c := newCrash(t)
	c.start()
	for i := range 8 {
		c.worker(int64(7_000_000 + i))
	}
	random := rand.New(rand.NewPCG(1, uint64(kills)))
	for i := range kills {
		<-time.After(time.Duration(20+random.IntN(180)) * time.Millisecond)
		c.kill()
		if i%10 == 9 {
			t.Logf("%d kills", i+1)
		}
		c.start()
	}
	<-time.After(500 * time.Millisecond)
	close(c.enough)
	c.workers.Wait()
	c.verify(kills)
}

// crash is one run: the process, its sinks and the clients.
type crash struct {
	t        *testing.T
	emu, dir string
	address  string
	broker   *kafka.Embedded
	receiver *httptest.Server
	process  *exec.Cmd
	token    string // of the TP
	tp       int64
	key      string
	enough   chan struct{}
	workers  sync.WaitGroup
	clients  []*client
	mu       sync.Mutex    // guards the fields below
	up       chan struct{} // closed while the process serves
	passed   map[int64]int // pushes received, by app
	notices  map[int64]int // Kafka notices, by package
}

func newCrash(t *testing.T) *crash {
	c := &crash{
		t: t, dir: t.TempDir(), emu: filepath.Join(t.TempDir(), "emu"), enough: make(chan struct{}),
		up: make(chan struct{}), passed: map[int64]int{}, notices: map[int64]int{},
	}
	build := exec.Command("go", "build", "-o", c.emu, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	var err error
	if c.broker, err = kafka.Embed(t.Context(), kafka.EmbedOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.broker.Close() })
	c.receiver = httptest.NewServer(http.HandlerFunc(c.receive))
	t.Cleanup(c.receiver.Close)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.address = ln.Addr().String()
	_ = ln.Close()
	t.Cleanup(func() {
		if c.process != nil {
			_ = c.process.Process.Kill()
			_ = c.process.Wait()
		}
	})
	return c
}

// start starts the process and lets the clients go on.
func (c *crash) start() {
	c.t.Helper()
	c.process = exec.Command(c.emu, "serve", "--listen", c.address, "--data", c.dir, "--quiet",
		"--kafka", c.broker.Addresses()[0], "--upload-delay", "4ms", "--audit-delay", "6ms",
		"--audit-quota", "1000000", "--log-format", "text")
	c.process.Stderr = os.Stderr
	c.process.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "EMU_") })
	if err := c.process.Start(); err != nil {
		c.t.Fatal(err)
	}
	if out, err := exec.Command(c.emu, "healthcheck", "--url", "http://"+c.address, "--wait", "20s").CombinedOutput(); err != nil {
		c.t.Fatalf("after a start: %v\n%s", err, out)
	}
	if c.token == "" {
		c.setUp()
	}
	c.mu.Lock()
	close(c.up)
	c.mu.Unlock()
}

// kill ends the process without a warning.
func (c *crash) kill() {
	c.mu.Lock()
	c.up = make(chan struct{})
	c.mu.Unlock()
	_ = c.process.Process.Signal(syscall.SIGKILL)
	_ = c.process.Wait()
	c.process = nil
}

// setUp points the TP's pushes at the receiver.
func (c *crash) setUp() {
	var creds struct {
		TP struct {
			TPID           int64  `json:"tp_id"`
			AccessToken    string `json:"access_token"`
			EncodingAESKey string `json:"encoding_aes_key"`
		} `json:"tp"`
	}
	c.control(http.MethodPost, "/credentials", `{}`, &creds)
	c.tp, c.token, c.key = creds.TP.TPID, creds.TP.AccessToken, creds.TP.EncodingAESKey
	c.control(http.MethodPatch, fmt.Sprintf("/tps/%d", c.tp), fmt.Sprintf(`{"push_url":%q}`, c.receiver.URL), nil)
}

// control gives an order, which must be obeyed.
func (c *crash) control(method, path, body string, out any) {
	c.t.Helper()
	req, err := http.NewRequest(method, "http://"+c.address+"/_emu/sandboxes/default"+path, bytes.NewBufferString(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		c.t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, data, err)
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			c.t.Fatal(err)
		}
	}
}

// receive takes a push the way a TP does.
func (c *crash) receive(w http.ResponseWriter, r *http.Request) {
	var body struct{ Encrypt string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		c.t.Error(err)
		return
	}
	var push struct {
		AppID int64 `json:"appId"`
		Event string
	}
	if err := json.Unmarshal(unseal(c.t, c.key, body.Encrypt), &push); err != nil {
		c.t.Error(err)
		return
	}
	if push.Event == "PACKAGE_AUDIT_PASS" {
		c.mu.Lock()
		c.passed[push.AppID]++
		c.mu.Unlock()
	}
	_, _ = io.WriteString(w, "success")
}

// unseal decrypts a push with the standard library alone.
func unseal(t *testing.T, key, text string) []byte {
	raw, err := base64.StdEncoding.DecodeString(key + "=")
	if err != nil {
		t.Error(err)
		return nil
	}
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(sealed)%aes.BlockSize != 0 || len(sealed) == 0 {
		t.Errorf("sealed text of %d bytes: %v", len(sealed), err)
		return nil
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		t.Error(err)
		return nil
	}
	cipher.NewCBCDecrypter(block, raw[:16]).CryptBlocks(sealed, sealed)
	n := binary.BigEndian.Uint32(sealed[16:20])
	return sealed[20 : 20+n]
}

// A client takes one app through one version's lifecycle after the other and
// remembers what it was told.
type client struct {
	c     *crash
	app   int64
	token string
	// n is the version at work; phase is the last step of it that was
	// acknowledged.
	n, phase int
	// released holds the package ids of the versions that went online.
	released []int64
}

// The steps of a version.
const (
	phaseNothing = iota
	phaseUploaded
	phaseSubmitted
	phaseReleased
)

func (c *crash) worker(app int64) {
	cl := &client{c: c, app: app}
	c.control(http.MethodPost, "/apps", fmt.Sprintf(`{"app_id":%d}`, app), nil)
	var code struct {
		Code string `json:"authorization_code"`
	}
	c.control(http.MethodPost, "/authorizations", fmt.Sprintf(`{"tp_id":%d,"app_id":%d}`, c.tp, app), &code)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	res, err := http.Get("http://" + c.address + "/rest/2.0/oauth/token?grant_type=app_to_tp_authorization_code&code=" +
		code.Code + "&access_token=" + c.token)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&token); err != nil || token.AccessToken == "" {
		c.t.Fatal("no authorizer token: ", err)
	}
	cl.token = token.AccessToken
	c.clients = append(c.clients, cl)
	c.workers.Add(1)
	go func() {
		defer c.workers.Done()
		for cl.next() {
		}
	}()
}

// row is what a list shows of a package.
type row struct {
	Version      string `json:"version"`
	PackageID    int64  `json:"package_id"`
	Status       int    `json:"status"`
	UploadStatus int    `json:"upload_status"`
}

// next looks where the version at work stands, holds it against what was
// acknowledged, and takes the next step. It reports whether to go on.
func (cl *client) next() bool {
	select {
	case <-cl.c.enough:
		return false
	default:
	}
	rows, ok := cl.list()
	if !ok {
		return cl.waitUntilUp()
	}
	now, online := cl.find(rows)
	status := 0
	if now != nil {
		status = now.Status
	}
	switch {
	case cl.phase == phaseNothing && now == nil:
		return cl.step("upload", phaseUploaded, url.Values{
			"template_id": {"754"}, "user_version": {cl.version()}, "user_desc": {"x"}, "ext_json": {"{}"},
		})
	case now == nil:
		cl.c.t.Errorf("app %d: version %s is lost after step %d; the list is %+v", cl.app, cl.version(), cl.phase, rows)
		return false
	case cl.phase < phaseUploaded: // the upload was not acknowledged, yet it is there
		cl.phase = phaseUploaded
	case now.UploadStatus == 1: // not done yet
	case status == 3 && cl.phase == phaseUploaded:
		return cl.step("submitaudit", phaseSubmitted, url.Values{"package_id": {id(now)}, "content": {"x"}})
	case (status == 4 || status == 6) && cl.phase == phaseUploaded:
		cl.phase = phaseSubmitted
	case status == 4 && cl.phase == phaseSubmitted:
	case status == 6 && cl.phase == phaseSubmitted:
		return cl.step("release", phaseReleased, url.Values{"package_id": {id(now)}})
	case status == 1 && cl.phase >= phaseSubmitted:
		cl.released = append(cl.released, now.PackageID)
		cl.n, cl.phase = cl.n+1, phaseNothing
	default:
		cl.c.t.Errorf("app %d: version %s has status %d after step %d was acknowledged; online is %+v",
			cl.app, cl.version(), status, cl.phase, online)
		return false
	}
	return true
}

func (cl *client) version() string { return "1.0." + strconv.Itoa(cl.n) }

func id(r *row) string { return strconv.FormatInt(r.PackageID, 10) }

// find returns the version at work and the one online. Any other version is
// one that nobody asked for, or one that should have left the list.
func (cl *client) find(rows []row) (now, online *row) {
	for i := range rows {
		r := &rows[i]
		if r.Status == 1 {
			online = r
		}
		switch {
		case r.Version == cl.version():
			now = r
		case r.Status == 1 && r.Version == "1.0."+strconv.Itoa(cl.n-1):
		default:
			cl.c.t.Errorf("app %d: version %s at status %d, while %s is at work", cl.app, r.Version, r.Status, cl.version())
		}
	}
	if cl.n > 0 && online == nil {
		cl.c.t.Errorf("app %d: nothing is online, although %d versions were released", cl.app, cl.n)
	}
	return now, online
}

// step takes one step; an answer acknowledges it. Without one it may have
// happened or not, and the next look tells.
func (cl *client) step(call string, phase int, form url.Values) bool {
	form.Set("access_token", cl.token)
	res, err := http.PostForm("http://"+cl.c.address+"/rest/2.0/smartapp/package/"+call, form)
	if err != nil {
		return cl.waitUntilUp()
	}
	defer res.Body.Close()
	var answer struct {
		Errno *int   `json:"errno"`
		Msg   string `json:"msg"`
	}
	data, err := io.ReadAll(res.Body)
	if err != nil || json.Unmarshal(data, &answer) != nil {
		return cl.waitUntilUp()
	}
	if answer.Errno == nil || *answer.Errno != 0 {
		cl.c.t.Errorf("app %d: %s of %s after step %d: %s", cl.app, call, cl.version(), cl.phase, data)
		return false
	}
	cl.phase = phase
	return true
}

func (cl *client) list() ([]row, bool) {
	res, err := http.Get("http://" + cl.c.address + "/rest/2.0/smartapp/package/get?access_token=" + cl.token)
	if err != nil {
		return nil, false
	}
	defer res.Body.Close()
	var answer struct {
		Errno *int  `json:"errno"`
		Data  []row `json:"data"`
	}
	data, err := io.ReadAll(res.Body)
	if err != nil || json.Unmarshal(data, &answer) != nil {
		return nil, false
	}
	if answer.Errno == nil || *answer.Errno != 0 {
		cl.c.t.Errorf("app %d: list: %s", cl.app, data)
		return nil, false
	}
	return answer.Data, true
}

// waitUntilUp waits for the next start, or the end.
func (cl *client) waitUntilUp() bool {
	cl.c.mu.Lock()
	up := cl.c.up
	cl.c.mu.Unlock()
	select {
	case <-up:
		return true
	case <-cl.c.enough:
		return false
	}
}

// verify waits until nothing is owed and counts what arrived.
func (c *crash) verify(kills int) {
	if c.t.Failed() {
		return
	}
	c.control(http.MethodPost, "/settle", `{"timeout":"30s"}`, nil)
	known, versions := map[int64]bool{}, 0
	for _, cl := range c.clients {
		versions += len(cl.released)
		for _, id := range cl.released {
			known[id] = true
		}
		rows, _ := cl.list()
		for _, r := range rows {
			known[r.PackageID] = true
		}
		c.mu.Lock()
		if got := c.passed[cl.app]; got < len(cl.released) {
			c.t.Errorf("app %d: %d pushes of a passed audit for %d released versions", cl.app, got, len(cl.released))
		}
		c.mu.Unlock()
	}
	c.consume(4 * versions)
	for id := range c.notices {
		if !known[id] {
			c.t.Errorf("Kafka has notices of package %d, which nobody uploaded", id)
		}
	}
	for _, cl := range c.clients {
		for _, id := range cl.released {
			if c.notices[id] < 4 { // uploaded, submitted, audited, released
				c.t.Errorf("app %d: %d Kafka notices of package %d, want at least 4", cl.app, c.notices[id], id)
			}
		}
	}
	if versions < kills/4 {
		c.t.Errorf("only %d versions were released between %d kills: the load was no load", versions, kills)
	}
	c.t.Logf("%d kills, %d versions released by %d apps, %d packages in Kafka's notices", kills, versions, len(c.clients), len(c.notices))
}

// consume reads the topic to its end.
func (c *crash) consume(atLeast int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.broker.Addresses()...), kgo.ConsumeTopics("smartapp.change"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		c.t.Fatal(err)
	}
	defer client.Close()
	for got, quiet := 0, false; !quiet; {
		patience := 30 * time.Second
		if got >= atLeast {
			patience = time.Second // what is there more is there already
		}
		ctx, cancel := context.WithTimeout(c.t.Context(), patience)
		fetches := client.PollFetches(ctx)
		cancel()
		quiet = fetches.Empty()
		fetches.EachRecord(func(r *kgo.Record) {
			got++
			c.count(r)
		})
	}
}

// count takes note of one Kafka notice.
func (c *crash) count(r *kgo.Record) {
	var notice struct {
		Code int
		Data struct {
			AppID     int64 `json:"app_id"`
			PackageID int64 `json:"package_id"`
		}
	}
	if err := json.Unmarshal(r.Value, &notice); err != nil {
		c.t.Error(err)
	}
	if key := string(r.Key); key != strconv.FormatInt(notice.Data.AppID, 10) {
		c.t.Errorf("notice of app %d has key %q", notice.Data.AppID, key)
	}
	c.notices[notice.Data.PackageID]++
}
