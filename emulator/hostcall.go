package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/swanemu/emu/internal/seal"
)

// Requests of the platform to the server of a host app (D): it exchanges the
// codes of the logins in its own app. Modelled: the signed request, its answer
// in all its forms, the time it may take, the egress policy. The request is
// made outside of the sandbox's lock, before the call that needs it is applied;
// what the host said is part of that call's entry in the log, so that a restart
// and a replay need no host.

// signVersion is the version of the signature between platform and host (D).
const signVersion = "0.0.1"

// A hostQuestion is what a host has to be asked before a call is applied.
type hostQuestion struct {
	host *Host
	app  *App
	code string
}

// A hostReply is what came of a hostQuestion. It goes into the log.
type hostReply struct {
	// Number counts the questions of a sandbox.
	Number  int64  `json:"number"`
	Host    int64  `json:"offical_no"`
	Request string `json:"request_id"`
	// Sink is the address without its query and without what may be a secret.
	Sink string `json:"sink"`
	// Status is the HTTP status; 0 when no answer came.
	Status int `json:"status,omitempty"`
	// Body is the answer's body; Err says why there is no whole answer.
	Body string `json:"body,omitempty"`
	Err  string `json:"error,omitempty"`
}

// A HostCall is a request of the platform to the server of a host app, and
// what came of it.
type HostCall struct {
	// Host is the member's officalNo, App the app it is about.
	Host int64  `json:"offical_no"`
	App  int64  `json:"app_id"`
	Sink string `json:"sink"`
	// Request is the request_id that the host was given.
	Request string `json:"request_id"`
	OK      bool   `json:"ok"`
	// Status is the HTTP status; 0 when no answer came. Errno is the host's.
	Status int    `json:"status,omitempty"`
	Errno  *int64 `json:"errno,omitempty"`
	Error  string `json:"error,omitempty"`
}

func (*HostCall) journalDetail() {}

// hostOfCode returns the member in whose app a code was given, which stands
// behind its @; false is a code of the platform's own app. The member is nil
// where nobody has that name.
func (s *State) hostOfCode(code string) (*Host, bool) {
	_, name, ok := strings.Cut(code, "@")
	if !ok {
		return nil, false
	}
	for _, h := range s.hosts() {
		if name != "" && h.Name == name {
			return h, true
		}
	}
	return nil, true
}

// askHost is the question that a code's exchange begins with; nil where the
// platform can tell by itself.
func (c *Call) askHost(app *App, code string) *hostQuestion {
	host, _ := c.State.hostOfCode(code)
	if app == nil || host == nil || host.URL == "" {
		return nil
	}
	return &hostQuestion{host, app, code}
}

// address is where a question goes, with its signed query.
func (q *hostQuestion) address(request string, now time.Time) string {
	params := map[string]string{
		"request_id": request, "client_id": q.app.Key, "code": q.code,
		"timestamp": strconv.FormatInt(now.Unix(), 10), "sign_version": signVersion,
	}
	query := url.Values{"sign": {seal.HostSignature(params, q.host.HSK)}}
	for name, value := range params {
		query.Set(name, value)
	}
	if strings.Contains(q.host.URL, "?") {
		return q.host.URL + "&" + query.Encode()
	}
	return q.host.URL + "?" + query.Encode()
}

// consultLocked asks a host first where a call needs it, and returns the time
// at which the call is applied. Meanwhile it lets go of the lock.
func (s *Sandbox) consultLocked(b *behaviour, x *Exchange, now time.Time) (time.Time, error) {
	if b.asks == nil {
		return now, nil
	}
	q := b.asks(&Call{Principal: x.principal, Now: now, State: s.state, box: s}, x.params)
	if q == nil {
		return now, nil
	}
	x.reply = s.consult(q, now, x.trace)
	switch {
	case s.closed:
		return now, errClosed
	case s.outdatedLocked(x):
		return now, errReloaded
	}
	return s.tickLocked(), nil
}

// errReloaded says that a call was overtaken: its host is not asked again.
var errReloaded = errors.New("another contract came into force while the host was asked; try again")

// consult asks a host. It is called with the lock held and lets go of it
// meanwhile; what was due then is seen to as at the end of an input.
func (s *Sandbox) consult(q *hostQuestion, now time.Time, trace *Trace) *hostReply {
	s.asked = max(s.asked, s.state.LastQuestion) + 1
	out := &hostReply{Number: s.asked, Host: q.host.OfficalNo}
	out.Request = strconv.FormatInt(s.state.draw("host request", s.asked).between(1_000_000_000, 9_999_999_999), 10)
	address := q.address(out.Request, now)
	s.unlock()
	r := s.em.poster.get(s.em.ctx, address, trace)
	s.mu.Lock()
	out.Sink, out.Status, out.Body = publicURL(address), r.Status, r.Answer
	if r.Err != nil {
		out.Body, out.Err = "", r.Err.Error()
	}
	return out
}

// sessionKeyForm is what a session key looks like (D).
var sessionKeyForm = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)

// hostAnswer is the answer of a host (D).
type hostAnswer struct {
	Errno  *int64 `json:"errno"`
	ErrMsg string `json:"errmsg"`
	Data   *struct {
		OpenID     string `json:"open_id"`
		SessionKey string `json:"session_key"`
	} `json:"data"`
}

// heard takes what a host has said to a code, and journals it.
func (c *Call) heard(app *App, code string, r *hostReply) (sessionKey, error) {
	c.State.LastQuestion = max(c.State.LastQuestion, r.Number)
	out, answer, err := r.read()
	call := &HostCall{
		Host: r.Host, App: app.ID, Sink: r.Sink, Request: r.Request, OK: err == nil, Status: r.Status, Errno: answer.Errno,
	}
	hide := func(text string) string { return brief(strings.ReplaceAll(text, code, redacted)) }
	if err != nil {
		call.Error = hide(err.Error())
	}
	c.record(KindHostCall, call)
	var said *hostRefusal
	switch {
	case errors.As(err, &said):
		return out, &codeError{reason: fmt.Sprintf("宿主拒绝了 code，errno %d：%s", said.errno, hide(said.msg))}
	case err != nil:
		return out, &codeError{unavailable: true}
	}
	return out, nil
}

// brief is the beginning of a text for a journal.
func brief(text string) string {
	const most = 200
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// A hostRefusal is a host's own no.
type hostRefusal struct {
	errno int64
	msg   string
}

func (e *hostRefusal) Error() string {
	return fmt.Sprintf("the host refused: errno %d: %s", e.errno, e.msg)
}

// read makes sense of an answer.
func (r *hostReply) read() (out sessionKey, answer hostAnswer, err error) {
	switch {
	case r.Err != "":
		return out, answer, errors.New(r.Err)
	case r.Status < 200 || r.Status > 299:
		return out, answer, fmt.Errorf("the host answered with HTTP status %d, not 200", r.Status)
	}
	if err := json.Unmarshal([]byte(r.Body), &answer); err != nil {
		return out, answer, fmt.Errorf(`the host's answer is no JSON object with an integer "errno" and "data": %w`, err)
	}
	switch {
	case answer.Errno == nil:
		return out, answer, errors.New(`the host's answer has no "errno"; 0 is a success`)
	case *answer.Errno != 0:
		return out, answer, &hostRefusal{*answer.Errno, answer.ErrMsg}
	case answer.Data == nil || answer.Data.OpenID == "":
		return out, answer, errors.New(`the host's answer has no "data.open_id"`)
	case !sessionKeyForm.MatchString(answer.Data.SessionKey):
		return out, answer, errors.New(`"data.session_key" of the host's answer is not 32 hexadecimal digits`)
	}
	return sessionKey{answer.Data.OpenID, answer.Data.SessionKey}, answer, nil
}

// signedBy reports whether a signature is the host's over those parameters.
func signedBy(host *Host, sign string, params map[string]string) bool {
	return host.HSK != "" && sameSecret(sign, seal.HostSignature(params, host.HSK))
}

// fresh reports whether a signed request of a host is young enough.
func (c *Call) fresh(timestamp int64) bool {
	window := c.State.Config.SignWindow
	return window == 0 || c.Now.Sub(time.Unix(timestamp, 0)).Abs() <= window
}
