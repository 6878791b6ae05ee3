package mutants

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/swanemu/emu/contracttest"
)

// ErrNotServed is wrapped by the error of a mutant whose fault does not show at
// the server's address.
var ErrNotServed = errors.New("the fault does not show at the server's address")

// Find returns the mutants with that ID, or whose IDs begin with it.
func (p *Population) Find(id string) []Mutant {
	var out []Mutant
	for _, m := range p.Mutants {
		if m.ID == id {
			return []Mutant{m}
		}
		if strings.HasPrefix(m.ID, strings.TrimSuffix(id, "/")+"/") {
			out = append(out, m)
		}
	}
	return out
}

// Handler serves one mutant of a server, for whoever calls it: the platform's
// calls and the control API. Pushes go where the control API is told, with the
// mutant's fault. The error wraps ErrNotServed for a fault in Kafka notices,
// which do not pass here.
func (l *Lab) Handler(m Mutant, s *Server) (http.Handler, error) {
	if !m.Served {
		return nil, fmt.Errorf("%s: %w", m.ID, ErrNotServed)
	}
	f := &faulty{next: s.Transport, contract: l.contract, fault: m.make(), control: control{next: s.Transport, base: s.URL}}
	return &handler{f: f, base: s.URL, client: &http.Transport{MaxIdleConnsPerHost: 4}}, nil
}

// handler is a mutant as a server.
type handler struct {
	f      *faulty
	base   string
	client http.RoundTripper // to the receivers of pushes

	mu     sync.Mutex // guards relays
	relays []*relay
}

// relay stands between the server and one receiver of pushes.
type relay struct {
	to   string
	tp   contracttest.TP
	mu   sync.Mutex // guards what follows: one push at a time
	got  []contracttest.Push
	sent int
}

// relayPath is where the server's pushes are sent, to be sent on.
const relayPath = "/_mutant/push/"

// ServeHTTP answers one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if at, ok := strings.CutPrefix(r.URL.Path, relayPath); ok {
		h.relay(w, r, at, body)
		return
	}
	if h.f.fault.pushes != nil {
		body = h.divert(r, body)
	}
	out := r.Clone(r.Context())
	target, err := url.Parse(h.base)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out.URL.Scheme, out.URL.Host, out.RequestURI = target.Scheme, target.Host, ""
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res, err := h.f.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler) // as it came, so it goes
	}
	for name, values := range res.Header {
		w.Header()[name] = values
	}
	if res.Header.Get("Content-Type") == "" {
		w.Header()["Content-Type"] = nil // none is guessed
	}
	w.WriteHeader(res.StatusCode)
	// Over HTTP some statuses have no body, whatever stands there.
	if _, err = io.Copy(w, res.Body); errors.Is(err, http.ErrBodyNotAllowed) {
		err = nil
	}
	if errors.Join(err, res.Body.Close()) != nil {
		panic(http.ErrAbortHandler)
	}
}

// divert has the server's pushes sent here where an order says where they go.
func (h *handler) divert(r *http.Request, body []byte) []byte {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, controlPath+"sandboxes/"), "/")
	order := parse(body)
	if len(parts) != 3 || parts[1] != "tps" || r.Method != http.MethodPatch || order == nil || textOf(order.member("push_url")) == "" {
		return body
	}
	var tp contracttest.TP
	if json.Unmarshal(h.f.control.order(http.MethodGet, strings.Join(append([]string{"sandboxes"}, parts...), "/"), nil), &tp) != nil {
		return body
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.relays = append(h.relays, &relay{to: order.member("push_url").text(), tp: tp})
	order.set("push_url", quoted("http://"+r.Host+relayPath+strconv.Itoa(len(h.relays)-1)))
	return order.bytes()
}

// relay sends a push on as the fault has it, and answers what the receiver
// answers; a push that goes nowhere counts as accepted.
func (h *handler) relay(w http.ResponseWriter, r *http.Request, at string, body []byte) {
	h.mu.Lock()
	n, err := strconv.Atoi(at)
	if err != nil || n < 0 || n >= len(h.relays) {
		h.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	to := h.relays[n]
	h.mu.Unlock()
	to.mu.Lock()
	defer to.mu.Unlock()
	to.got = append(to.got, contracttest.Push{Body: body, Accepted: true})
	h.f.mu.Lock()
	h.f.tp = to.tp
	h.f.mu.Unlock()
	all := h.f.push(append([]contracttest.Push(nil), to.got...))
	answer := []byte("success")
	for i, one := range all[min(to.sent, len(all)):] {
		got := h.post(r, to.to, one.Body)
		if i == 0 {
			answer = got
		}
	}
	to.sent = len(all)
	to.got[len(to.got)-1].Accepted = string(answer) == "success"
	_, _ = w.Write(answer) // a server that is gone sends again
}

// post sends a push to its receiver and returns the answer; nil where there is
// none.
func (h *handler) post(r *http.Request, to string, body []byte) []byte {
	out, err := http.NewRequestWithContext(r.Context(), http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil
	}
	out.Header.Set("Content-Type", r.Header.Get("Content-Type"))
	res, err := h.client.RoundTrip(out)
	if err != nil {
		return nil
	}
	const longest = 1 << 16
	answer, err := io.ReadAll(io.LimitReader(res.Body, longest))
	if errors.Join(err, res.Body.Close()) != nil {
		return nil
	}
	return answer
}
