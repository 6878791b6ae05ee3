package emulator

import (
	"strconv"
	"time"

	"github.com/swanemu/emu/internal/seal"
)

// Login: from a user who logs in to an app in a host app, over the code that
// the app gets, to the session key that its server exchanges the code for
// (seeds 003 and 004). Modelled: codes that work once and for a while, a
// session for each app and user that a login begins and use keeps alive, ids
// by app and by developer. Not modelled: how the host app knows its user.

// Lives of a code (seed 004 says five minutes, later documents ten) and of a
// session that nobody uses (assumed; seed 004 leaves it to the host app).
const (
	codeTTL    = 5 * time.Minute
	sessionTTL = 30 * 24 * time.Hour
)

// loginDefaults is how logins go in a sandbox that was told nothing else.
func loginDefaults() Config {
	return Config{CodeTTL: codeTTL, SessionTTL: sessionTTL, KillOldSession: true}
}

// A LoginCode is what an app gets when its user logs in: it can be exchanged
// for the session key once.
type LoginCode struct {
	App  int64  `json:"app_id"`
	Huid int64  `json:"huid"`
	Cuid string `json:"cuid,omitempty"`
	// Host is the officalNo of the member in whose app the user logged in; 0
	// is the platform's own app.
	Host int64 `json:"offical_no,omitempty"`
	// Expires is in seconds since 1970.
	Expires int64 `json:"expires"`
	// Used says that it has been exchanged.
	Used bool `json:"used,omitempty"`
}

// A Session is the login state of a user in an app. Its key encrypts what the
// app learns of the user.
type Session struct {
	App  int64 `json:"app_id"`
	Huid int64 `json:"huid"`
	// Key is the session_key: 32 hexadecimal digits.
	Key string `json:"session_key"`
	// Since and Used are when it began and when it was last used, in seconds
	// since 1970.
	Since int64 `json:"since"`
	Used  int64 `json:"used"`
}

// sessionName is where a session stands in the state.
func sessionName(app, huid int64) string {
	return strconv.FormatInt(app, 10) + "/" + strconv.FormatInt(huid, 10)
}

// logIn logs a user in to an app on a device and returns the code that the app
// gets. A session that the user has there already ends, or goes on, as the
// sandbox is set. host is the member in whose app it happens; nil is the
// platform's own app.
func (c *Call) logIn(app *App, u *User, d *Device, host *Host) string {
	c.sweepLogins()
	session := c.session(app, u)
	if session == nil || c.State.Config.KillOldSession {
		session = &Session{App: app.ID, Huid: u.Huid, Key: c.sessionKey(app, u, host), Since: c.Now.Unix()}
		c.State.Sessions[sessionName(app.ID, u.Huid)] = session
	}
	session.Used = c.Now.Unix()
	code := &LoginCode{App: app.ID, Huid: u.Huid, Expires: c.Now.Add(c.State.Config.CodeTTL).Unix()}
	text := c.draw("login code").alnum(32)
	if d != nil {
		code.Cuid = d.Cuid
	}
	if host != nil {
		code.Host = host.OfficalNo
		text += "@" + host.Name
	}
	c.State.LoginCodes[text] = code
	return text
}

// sessionKey makes the key of a new session: drawn, or as a host makes it.
func (c *Call) sessionKey(app *App, u *User, host *Host) string {
	if host == nil || host.HSK == "" {
		return c.draw("session key").hex(32)
	}
	return seal.HostSessionKey(app.Key, u.text(), strconv.FormatInt(c.Now.Unix(), 10), host.HSK)
}

// session returns the session of a user in an app, or nil where there is none
// that is alive.
func (c *Call) session(app *App, u *User) *Session {
	s := c.State.Sessions[sessionName(app.ID, u.Huid)]
	if s == nil || c.Now.Unix() >= c.State.sessionEnds(s) {
		return nil
	}
	return s
}

// sessionEnds is when a session ends that is not used again, in seconds since
// 1970.
func (s *State) sessionEnds(session *Session) int64 {
	return time.Unix(session.Used, 0).Add(s.Config.SessionTTL).Unix()
}

// useSession is session for somebody who uses the app, which keeps the session
// alive (seed 004).
func (c *Call) useSession(app *App, u *User) *Session {
	s := c.session(app, u)
	if s != nil {
		s.Used = c.Now.Unix()
	}
	return s
}

// sweepLogins forgets codes that have expired.
func (c *Call) sweepLogins() {
	for text, code := range c.State.LoginCodes {
		if code.Expires < c.Now.Add(-expiredTokenKept).Unix() {
			delete(c.State.LoginCodes, text)
		}
	}
}
