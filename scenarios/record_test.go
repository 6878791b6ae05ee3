package scenarios_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/swanemu/emu/emulator"
	"github.com/swanemu/emu/scenarios"
)

// TestRecordLibrary plays each ready scenario, records its sandbox and plays
// the recording: both journals are the same, byte for byte, with nothing left
// out, and no secret of the sandbox is in the file.
func TestRecordLibrary(t *testing.T) {
	for _, name := range scenarios.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := scenarios.Ready(name)
			if err != nil {
				t.Fatal(err)
			}
			var rec *scenarios.Recording
			first, err := scenarios.Run(t.Context(), s, scenarios.Options{
				Strict: true, Keep: true,
				Kept: func(ctx context.Context, r *scenarios.Result) error {
					rec = record(ctx, t, scenarios.Target{URL: r.URL}, r.Sandbox)
					return nil
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range rec.Warnings {
				t.Errorf("a warning: %s", w)
			}
			defer func() {
				if t.Failed() {
					t.Logf("\n%s", rec.Text)
				}
			}()
			sameJournal(t, "the replay", first.Journal, play(t, rec.Scenario).Journal)
		})
	}
}

// record records a sandbox; the file has no secret of it.
func record(ctx context.Context, t *testing.T, at scenarios.Target, sandbox string) *scenarios.Recording {
	t.Helper()
	rec, err := scenarios.Record(ctx, at, sandbox)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("EMU_SHOW") != "" {
		t.Logf("\n%s", rec.Text)
	}
	noSecrets(t, rec, controlled(ctx, t, at, "GET", "sandboxes/"+sandbox+"/state", ""))
	return rec
}

// noSecrets looks for everything that a sandbox keeps secret, past and
// present, in a recording and in what it warns of.
func noSecrets(t *testing.T, rec *scenarios.Recording, state string) {
	t.Helper()
	var st struct {
		Apps map[string]struct {
			Key    string `json:"app_key"`
			Secret string `json:"app_secret"`
		} `json:"apps"`
		TPs map[string]struct {
			ClientID string `json:"client_id"`
			AESKey   string `json:"encoding_aes_key"`
			Token    string `json:"token"`
			Ticket   string `json:"ticket"`
			Last     string `json:"last_ticket"`
		} `json:"tps"`
		Hosts  map[string]emulator.Host   `json:"hosts"`
		Tokens map[string]json.RawMessage `json:"tokens"`
		Codes  map[string]json.RawMessage `json:"codes"`
	}
	if err := json.Unmarshal([]byte(state), &st); err != nil {
		t.Fatal(err)
	}
	var secrets []string
	for _, a := range st.Apps {
		secrets = append(secrets, a.Key, a.Secret)
	}
	for _, tp := range st.TPs {
		secrets = append(secrets, tp.ClientID, tp.AESKey, tp.Token, tp.Ticket, tp.Last)
	}
	for ak, h := range st.Hosts {
		secrets = append(secrets, ak, h.SK)
	}
	for text := range st.Tokens {
		secrets = append(secrets, text)
	}
	for text := range st.Codes {
		secrets = append(secrets, text)
	}
	text := string(rec.Text) + strings.Join(rec.Warnings, "\n")
	if len(secrets) < 12 {
		t.Errorf("%d secrets: the test looks in the wrong place", len(secrets))
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("a secret is in the recording: %.6s…", secret)
		}
	}
	// Of what is used up or revoked the state knows nothing any more. The ids of
	// message templates look the same and are no secrets.
	text = regexp.MustCompile(`template_id: "?[0-9a-f]{32}\b`).ReplaceAllString(text, "template_id: ")
	// Of what is used up or revoked the state knows nothing any more. The
	// version of a list of scopes is as long, and no secret.
	text = regexp.MustCompile(`\bversion(: "?|\\?":\\?")[0-9a-f]{32}\b`).ReplaceAllString(text, "")
	if found := regexp.MustCompile(`\b[0-9]{2}\.[0-9a-f]{32}\.|\b[0-9a-f]{32}\b`).FindString(text); found != "" {
		t.Errorf("what looks like a token is in the recording: %.9s…", found)
	}
}

// controlled gives an order to a target's control API and returns the answer.
func controlled(ctx context.Context, t *testing.T, at scenarios.Target, method, path, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(at.URL, "/")+"/_emu/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return asked(t, at.Client, r)
}

// asked sends a request and returns the answer.
func asked(t *testing.T, client *http.Client, r *http.Request) string {
	t.Helper()
	if client == nil {
		client = http.DefaultClient
	}
	r.Close = true
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A session is a client that talks to the default sandbox as curl does.
type session struct {
	t    *testing.T
	at   scenarios.Target
	cred emulator.Credentials
}

// begin runs an emulator with a clock and takes the credentials of its default
// sandbox, as serve does.
func begin(t *testing.T, o emulator.Options) *session {
	t.Helper()
	o.Strict, o.Broker = true, everyNotice{}
	e, err := emulator.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e)
	t.Cleanup(func() {
		server.Close()
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s := &session{t: t, at: scenarios.Target{URL: server.URL, Client: server.Client()}}
	if s.cred, err = e.Credentials(); err != nil {
		t.Fatal(err)
	}
	return s
}

// get and post make a call of the platform: pairs of names and values.
func (s *session) get(path string, pairs ...string) string { return s.send("GET", path, "", pairs) }

func (s *session) post(path string, pairs ...string) string {
	return s.send("POST", path, "application/x-www-form-urlencoded", pairs)
}

func (s *session) send(method, path, mediaType string, pairs []string) string {
	s.t.Helper()
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	target, body := s.at.URL+path, ""
	if method == "GET" {
		target += "?" + q.Encode()
	} else {
		body = q.Encode()
	}
	return s.raw(method, target, mediaType, body)
}

func (s *session) raw(method, target, mediaType, body string) string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if mediaType != "" {
		r.Header.Set("Content-Type", mediaType)
	}
	return asked(s.t, s.at.Client, r)
}

// order gives an order for the default sandbox.
func (s *session) order(method, path, body string) string {
	s.t.Helper()
	return controlled(s.t.Context(), s.t, s.at, method, "sandboxes/default"+path, body)
}

// part takes the value of a member out of an answer.
func (s *session) part(answer, member string) string {
	s.t.Helper()
	m := regexp.MustCompile(`"` + member + `":"?([^",}]+)`).FindStringSubmatch(answer)
	if m == nil {
		s.t.Fatalf("no %s in %s", member, answer)
	}
	return m[1]
}

// journal is the default sandbox's.
func (s *session) journal() []json.RawMessage {
	s.t.Helper()
	var page struct {
		Entries []json.RawMessage `json:"entries"`
	}
	if err := json.Unmarshal([]byte(s.order("GET", "/journal?limit=1000", "")), &page); err != nil {
		s.t.Fatal(err)
	}
	return page.Entries
}
