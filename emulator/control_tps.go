package emulator

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/swanemu/emu/internal/seal"
)

// Third-party platforms as the control API makes and changes them, and what
// the owners of apps agree to.

type tpsOut struct {
	TPs []tpOut `json:"tps"`
}

type tpOut struct {
	TPID             int64   `json:"tp_id"`
	ClientID         string  `json:"client_id"`
	EncodingAESKey   string  `json:"encoding_aes_key"`
	Token            string  `json:"token"`
	Ticket           string  `json:"ticket"`
	PushURL          string  `json:"push_url"`
	AuthorizationURL string  `json:"authorization_url"`
	NextTicket       string  `json:"next_ticket,omitempty"`
	Apps             []int64 `json:"apps"`
}

func (s *State) shownTP(tp *TP) tpOut {
	out := tpOut{
		TPID: tp.ID, ClientID: tp.ClientID, EncodingAESKey: tp.EncodingAESKey, Token: tp.Token, Ticket: tp.Ticket,
		PushURL: tp.PushURL, AuthorizationURL: tp.AuthorizationURL,
		Apps: slices.AppendSeq([]int64{}, maps.Keys(tp.Apps)),
	}
	slices.Sort(out.Apps)
	if i := slices.IndexFunc(s.Timers, func(t Timer) bool { return tp.TicketTimer != 0 && t.ID == tp.TicketTimer }); i >= 0 {
		out.NextTicket = stamp(time.Unix(0, s.Timers[i].Due))
	}
	return out
}

// aTP returns the TP with that id, which came as tp_id.
func (c *Call) aTP(id int64) (*TP, error) {
	if tp := c.State.TPs[id]; tp != nil {
		return tp, nil
	}
	p := notFound("/tp_id", fmt.Sprintf("sandbox %s has no third-party platform %d", c.State.Name, id))
	p.Nearest = near(strconv.FormatInt(id, 10), texts(slices.Sorted(maps.Keys(c.State.TPs))))
	return nil, p
}

func listTPs(c *Call, _ None) (tpsOut, error) {
	out := tpsOut{TPs: []tpOut{}}
	for _, id := range slices.Sorted(maps.Keys(c.State.TPs)) {
		out.TPs = append(out.TPs, c.State.shownTP(c.State.TPs[id]))
	}
	return out, nil
}

type tpIDIn struct {
	TPID int64 `json:"tp_id"`
}

func getTP(c *Call, in tpIDIn) (tpOut, error) {
	tp, err := c.aTP(in.TPID)
	if err != nil {
		return tpOut{}, err
	}
	return c.State.shownTP(tp), nil
}

// tpChange is what may be said of a TP; nil says nothing.
type tpChange struct {
	PushURL          *string `json:"push_url"`
	AuthorizationURL *string `json:"authorization_url"`
	EncodingAESKey   *string `json:"encoding_aes_key"`
	Token            *string `json:"token"`
}

// check says what is wrong, without showing it.
func (in *tpChange) check() error {
	for _, u := range []struct {
		name  string
		value *string
	}{{"push_url", in.PushURL}, {"authorization_url", in.AuthorizationURL}} {
		if u.value == nil {
			continue
		}
		if err := checkHTTP(u.name, *u.value); err != nil {
			return err
		}
	}
	if in.EncodingAESKey != nil {
		if _, err := seal.PushCipher(*in.EncodingAESKey); err != nil {
			return badRequest("/encoding_aes_key", "encoding_aes_key must be 43 characters that are base64 with a = behind them")
		}
	}
	return nil
}

// checkHTTP says what is wrong with an address, without showing it.
func checkHTTP(name, address string) error {
	if !receiverURL(address) {
		return badRequest("/"+name, name+" must be an http or https URL with a host and without a fragment, or empty")
	}
	return nil
}

func (in *tpChange) apply(tp *TP) {
	set(&tp.PushURL, in.PushURL)
	set(&tp.AuthorizationURL, in.AuthorizationURL)
	set(&tp.EncodingAESKey, in.EncodingAESKey)
	set(&tp.Token, in.Token)
}

type createTPIn struct {
	tpChange
	TPID     int64   `json:"tp_id"`
	ClientID string  `json:"client_id"`
	Apps     []int64 `json:"apps"`
}

func createTP(c *Call, in createTPIn) (tpOut, error) {
	if c.State.TPs[in.TPID] != nil {
		return tpOut{}, conflict("/tp_id", fmt.Sprintf("sandbox %s has a third-party platform %d already", c.State.Name, in.TPID))
	}
	if c.State.hasClient(in.ClientID) {
		return tpOut{}, conflict("/client_id", "client_id is in use in this sandbox already")
	}
	if err := in.check(); err != nil {
		return tpOut{}, err
	}
	tp := &TP{ID: in.TPID, ClientID: in.ClientID, Apps: map[int64]*Authorization{}}
	for i, id := range in.Apps {
		if _, err := c.anApp(id, fmt.Sprintf("/apps/%d", i)); err != nil {
			return tpOut{}, err
		}
		tp.Apps[id] = &Authorization{Since: c.Now.Unix()}
	}
	in.apply(tp)
	if err := c.addTP(tp); err != nil {
		return tpOut{}, err
	}
	return c.State.shownTP(tp), nil
}

type updateTPIn struct {
	tpIDIn
	tpChange
}

func updateTP(c *Call, in updateTPIn) (tpOut, error) {
	tp, err := c.aTP(in.TPID)
	if err != nil {
		return tpOut{}, err
	}
	if err := in.check(); err != nil {
		return tpOut{}, err
	}
	before := tp.AuthorizationURL
	in.apply(tp)
	if tp.AuthorizationURL != before {
		c.State.Timers.drop(func(t Timer) bool { return t.ID == tp.TicketTimer })
		c.startTickets(tp)
	}
	return c.State.shownTP(tp), nil
}

// drop takes timers back.
func (h *timerHeap) drop(match func(Timer) bool) {
	*h = slices.DeleteFunc(h.sorted(), match) // a sorted slice is a heap
}

type authorizeTPIn struct {
	TPID        int64  `json:"tp_id"`
	AppID       int64  `json:"app_id"`
	PreAuthCode string `json:"pre_auth_code"`
}

// authorizeTP is what happens when an app's owner agrees on the consent page.
func authorizeTP(c *Call, in authorizeTPIn) (authorizationCode, error) {
	tp, err := c.aTP(in.TPID)
	if err != nil {
		return authorizationCode{}, err
	}
	app, err := c.anApp(in.AppID, "/app_id")
	if err != nil {
		return authorizationCode{}, err
	}
	code, err := c.consent(tp, app, in.PreAuthCode)
	if err != nil {
		return authorizationCode{}, conflict("/pre_auth_code", "pre_auth_code is unknown, used, expired or another third-party platform's")
	}
	return authorizationCode{AuthorizationCode: code, ExpiresIn: int64(authCodeTTL / time.Second)}, nil
}

type revokeIn struct {
	TPID  int64 `json:"tp_id"`
	AppID int64 `json:"app_id"`
}

// revokeAuthorization ends what authorizeTP began; the tokens and codes that
// came of it die.
func revokeAuthorization(c *Call, in revokeIn) (None, error) {
	tp, err := c.aTP(in.TPID)
	if err != nil {
		return None{}, err
	}
	if tp.Apps[in.AppID] == nil {
		p := notFound("/app_id", fmt.Sprintf("app %d has not authorized third-party platform %d", in.AppID, in.TPID))
		p.Nearest = near(strconv.FormatInt(in.AppID, 10), texts(slices.Sorted(maps.Keys(tp.Apps))))
		return None{}, p
	}
	delete(tp.Apps, in.AppID)
	for text, t := range c.State.Tokens {
		if t.Principal.Kind == PrincipalAuthorizer && t.Principal.TP == tp.ID && t.Principal.App == in.AppID {
			c.revoke(text)
		}
	}
	for text, code := range c.State.Codes {
		if code.Kind == codeAuthorization && code.TP == tp.ID && code.App == in.AppID {
			delete(c.State.Codes, text)
		}
	}
	return None{}, nil
}
