package scenarios_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/internal/seal"
	"github.com/swanemu/emu/scenarios"
)

// careful is the receiver of a third-party platform that takes nothing on
// trust: it checks the signature and the time of each push before it answers
// success. Its address ends in the name of the sandbox.
type careful struct {
	e  *emulator.Emulator
	mu sync.Mutex
	// took lists what it made of each push: the event, or why it was refused.
	took []string
}

func (c *careful) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	event, err := c.check(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.took = append(c.took, "refused: "+err.Error())
		http.Error(w, "refused", http.StatusForbidden)
		return
	}
	c.took = append(c.took, event)
	_, _ = io.WriteString(w, "success")
}

// check opens a push with the keys of the TP that it is for.
func (c *careful) check(r *http.Request) (event string, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	var push seal.Push
	if err := json.Unmarshal(body, &push); err != nil {
		return "", err
	}
	box := c.e.Sandbox(strings.TrimPrefix(r.URL.Path, "/"))
	for _, tp := range keysOf(c.e, box.Name()) {
		cipher, err := seal.PushCipher(tp.EncodingAESKey)
		if err != nil {
			return "", err
		}
		message, id, err := push.Open(cipher, tp.Token)
		if err != nil {
			continue // it may be another TP's
		}
		sent, err := strconv.ParseInt(push.TimeStamp, 10, 64)
		if age := box.Now().Sub(time.Unix(sent, 0)); err != nil || age > 5*time.Minute || age < 0 {
			return "", errors.New("stale")
		}
		var m struct {
			Event string `json:"event"`
			TP    int64  `json:"tpAppId"`
		}
		if err := json.Unmarshal(message, &m); err != nil || m.Event == "" {
			return "", fmt.Errorf("message %s: %w", message, err)
		}
		if id != strconv.FormatInt(tp.ID, 10) || m.TP != tp.ID {
			return "", fmt.Errorf("message for %d signed for %s", m.TP, id)
		}
		return m.Event, nil
	}
	return "", errors.New("wrong signature")
}

type tpKeys struct {
	ID             int64  `json:"tp_id"`
	Token          string `json:"token"`
	EncodingAESKey string `json:"encoding_aes_key"`
}

// keysOf asks the control API for the keys of a sandbox's TPs.
func keysOf(e *emulator.Emulator, sandbox string) []tpKeys {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/_emu/sandboxes/"+sandbox+"/tps", nil)
	r.RemoteAddr = "127.0.0.1:1"
	e.ServeHTTP(w, r)
	var out struct {
		TPs []tpKeys `json:"tps"`
	}
	if json.Unmarshal(w.Body.Bytes(), &out) != nil {
		return nil
	}
	return out.TPs
}

// receive runs a careful receiver and an emulator to play against.
func receive(t *testing.T) (*careful, string, scenarios.Target) {
	t.Helper()
	e, at := target(t, emulator.Options{Broker: everyNotice{}})
	c := &careful{e: e}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return c, server.URL, at
}

// TestCarefulReceiver plays forged-pushes with a receiver that is there and
// looks: it turns the forged pushes down for what is wrong with them, and takes
// the retries.
func TestCarefulReceiver(t *testing.T) {
	c, url, at := receive(t)
	text, err := scenarios.Source("forged-pushes")
	if err != nil {
		t.Fatal(err)
	}
	story := strings.NewReplacer(
		"http://127.0.0.1:1/message", url+"/forged", "{inbox: true}", "{push_url: "+url+"/forged}",
	).Replace(string(text))
	run(t, parse(t, story), scenarios.Options{Target: &at, Sandbox: "forged"})
	want := []string{"refused: wrong signature", "PACKAGE_AUDIT_FAIL", "refused: stale", "PACKAGE_AUDIT_PASS"}
	if !slices.Equal(c.took, want) {
		t.Errorf("it took %q, want %q", c.took, want)
	}
}

// TestPushesAreGenuine plays the library with a careful receiver in the place
// of the inbox: it opens every push, in all of the stories.
func TestPushesAreGenuine(t *testing.T) {
	c, url, at := receive(t)
	for _, name := range scenarios.Names() {
		s, err := scenarios.Ready(name)
		if err != nil {
			t.Fatal(err)
		}
		if s.Given.Config != nil && s.Given.Config.PushPlain != nil {
			continue // there is no signature
		}
		address := url + "/" + name
		if len(s.Given.TPs) == 0 {
			s.Given.TPs = []scenarios.TP{{TPID: 17328232}}
		}
		for i := range s.Given.TPs {
			if tp := &s.Given.TPs[i]; tp.PushURL == nil && tp.AuthorizationURL == nil {
				tp.PushURL = &address
			}
		}
		run(t, s, scenarios.Options{Target: &at, Sandbox: name})
	}
	for _, one := range c.took {
		if one != "PACKAGE_AUDIT_PASS" && one != "PACKAGE_AUDIT_FAIL" {
			t.Error(one)
		}
	}
	if len(c.took) < 20 {
		t.Errorf("%d pushes came: the library has more", len(c.took))
	}
}
