package kafka_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/emulator/kafka"
)

// TestPackagesMoveWhileTheBrokerIsDown holds what the platform emitted against
// what a consumer reads after an outage: nothing is lost, and one app's notices
// keep their order.
func TestPackagesMoveWhileTheBrokerIsDown(t *testing.T) {
	opts := []kfake.Opt{kfake.Ports(freePort(t)), kfake.DataDir(t.TempDir()), kfake.SyncWrites()}
	broker := fakeBroker(t, opts...)
	outage(t, broker.ListenAddrs()[0], broker.Close, func() { fakeBroker(t, opts...) })
}

// TestRealBrokerIsDownWhilePackagesMove is the same with an Apache Kafka.
func TestRealBrokerIsDownWhilePackagesMove(t *testing.T) {
	if address := realBroker(t); address != "" {
		outage(t, address, func() { control(t, "stop") }, func() { control(t, "start") })
	}
}

// outage moves packages of several apps, before, while and after the broker is
// away.
func outage(t *testing.T, address string, stop, start func()) {
	c := dial(t, kafka.DialOptions{Brokers: []string{address}})
	topic := "outage." + strconv.FormatInt(time.Now().UnixNano(), 36)
	e, err := emulator.New(t.Context(), emulator.Options{
		Strict: true, Broker: c, Topic: topic, AuditQuota: 1 << 30, AdminOpen: true,
		Delays: emulator.Delays{Upload: time.Millisecond, Audit: time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	p := &platform{t: t, base: srv.URL}

	var apps []*mover
	for i := range 4 {
		apps = append(apps, p.app(int64(8_000_000+i)))
	}
	moveAll(apps, 3)
	stop()
	moveAll(apps, 3)
	start()
	moveAll(apps, 3)

	sandbox := e.Sandbox(emulator.DefaultSandbox)
	want := map[string][]string{}
	total := 0
	for _, entry := range sandbox.Journal(0, 1<<20) {
		if d, ok := entry.Detail.(*emulator.EventDetail); ok && d.Channel == emulator.ChannelKafka {
			key := strconv.FormatInt(d.App, 10)
			want[key] = append(want[key], string(d.Payload))
			total++
		}
	}
	if total < 4*9*4 {
		t.Fatalf("only %d notices were emitted", total)
	}
	got := map[string][]string{}
	take(t, consumer(t, []string{address}, kgo.ConsumeTopics(topic)), func(records []*kgo.Record) bool {
		got = map[string][]string{}
		for _, r := range records {
			got[string(r.Key)] = append(got[string(r.Key)], string(r.Value))
		}
		for key := range want {
			if !contains(got[key], want[key]) {
				return false
			}
		}
		return true
	})
	for key, values := range got {
		for _, v := range values {
			if !contains(want[key], []string{v}) {
				t.Errorf("app %s: the topic has %s, which was never emitted", key, v)
			}
		}
	}
}

// contains says whether all stands in list, in its order, with anything
// between: a notice may come twice.
func contains(list, all []string) bool {
	for _, v := range list {
		if len(all) > 0 && v == all[0] {
			all = all[1:]
		}
	}
	return len(all) == 0
}

// platform is the emulator as a client sees it.
type platform struct {
	t    *testing.T
	base string
}

// mover takes one app's packages through their lifecycle.
type mover struct {
	*platform
	token string
	n     int
}

func moveAll(apps []*mover, versions int) {
	var work sync.WaitGroup
	for _, a := range apps {
		work.Go(func() {
			for range versions {
				a.move()
			}
		})
	}
	work.Wait()
}

// app makes an app that the default TP may act for.
func (p *platform) app(id int64) *mover {
	var creds struct {
		TP struct {
			ID    int64  `json:"tp_id"`
			Token string `json:"access_token"`
		} `json:"tp"`
	}
	p.order("credentials", `{}`, &creds)
	p.order("apps", fmt.Sprintf(`{"app_id":%d}`, id), nil)
	var code struct {
		Code string `json:"authorization_code"`
	}
	p.order("authorizations", fmt.Sprintf(`{"tp_id":%d,"app_id":%d}`, creds.TP.ID, id), &code)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	p.call(http.MethodGet, "/rest/2.0/oauth/token", url.Values{
		"access_token": {creds.TP.Token}, "grant_type": {"app_to_tp_authorization_code"}, "code": {code.Code},
	}, &token)
	return &mover{platform: p, token: token.AccessToken}
}

func (p *platform) order(path, body string, out any) {
	p.t.Helper()
	p.do(http.MethodPost, p.base+"/_emu/sandboxes/default/"+path, "application/json", body, out)
}

func (p *platform) call(method, path string, form url.Values, out any) {
	p.t.Helper()
	if method == http.MethodGet {
		p.do(method, p.base+path+"?"+form.Encode(), "", "", out)
		return
	}
	p.do(method, p.base+path, "application/x-www-form-urlencoded", form.Encode(), out)
}

func (p *platform) do(method, target, contentType, body string, out any) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		p.t.Error(err)
		return
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Error(err)
		return
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		p.t.Errorf("%s %s: %d %s %v", method, req.URL.Path, res.StatusCode, data, err)
		return
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			p.t.Errorf("%s %s: %v", method, req.URL.Path, err)
		}
	}
}

// move takes the next version from upload to release.
func (m *mover) move() {
	m.n++
	version := "1.0." + strconv.Itoa(m.n)
	m.post("upload", url.Values{
		"template_id": {"1"}, "ext_json": {"{}"}, "user_version": {version}, "user_desc": {"x"},
	})
	id := m.until(version, 3)
	m.post("submitaudit", url.Values{"package_id": {id}, "content": {"x"}})
	m.until(version, 6)
	m.post("release", url.Values{"package_id": {id}})
}

func (m *mover) post(call string, form url.Values) {
	form.Set("access_token", m.token)
	var answer struct {
		Errno *int   `json:"errno"`
		Msg   string `json:"msg"`
	}
	m.call(http.MethodPost, "/rest/2.0/smartapp/package/"+call, form, &answer)
	if answer.Errno == nil || *answer.Errno != 0 {
		m.t.Errorf("%s: %+v", call, answer)
	}
}

// until polls the list, as a client of the platform has to, until a version has
// a status, and returns its package id.
func (m *mover) until(version string, status int) string {
	for m.t.Context().Err() == nil && !m.t.Failed() {
		var answer struct {
			Data []struct {
				Version   string `json:"version"`
				Status    int    `json:"status"`
				PackageID int64  `json:"package_id"`
			} `json:"data"`
		}
		m.call(http.MethodGet, "/rest/2.0/smartapp/package/get", url.Values{"access_token": {m.token}}, &answer)
		for _, row := range answer.Data {
			if row.Version == version && row.Status == status {
				return strconv.FormatInt(row.PackageID, 10)
			}
		}
	}
	return ""
}
