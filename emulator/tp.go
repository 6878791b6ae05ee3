package emulator

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// Third-party platforms: tickets, tokens and the authorization of apps (D, K).
// Modelled: the ticket's push every ten minutes to a TP that has an
// authorization URL, the ticket's exchange, pre-authorization codes, both
// grants of the authorizer token, codes for apps already authorized. The
// consent page is the control API's. Not modelled: scopes of an authorization.

// eventTicket is the name of the ticket's push in x-events.
const eventTicket = "TICKET"

// ticketEvery is the pause between two tickets (K).
const ticketEvery = 10 * time.Minute

// A TP is a third-party platform.
type TP struct {
	// ID is its numeric id, which stands at the end of every sealed push.
	ID       int64  `json:"tp_id"`
	ClientID string `json:"client_id"`
	// EncodingAESKey (43 characters) seals and Token signs its pushes.
	EncodingAESKey string `json:"encoding_aes_key"`
	Token          string `json:"token"`
	// Ticket is the present one; LastTicket, the one before, still works
	// until the next (assumed).
	Ticket     string `json:"ticket"`
	LastTicket string `json:"last_ticket,omitempty"`
	// PushURL receives messages and events; "" is the sandbox's inbox.
	PushURL string `json:"push_url,omitempty"`
	// AuthorizationURL receives tickets; "" means no tickets are pushed.
	AuthorizationURL string `json:"authorization_url,omitempty"`
	// TicketTimer is the timer of the next ticket.
	TicketTimer int64 `json:"ticket_timer,omitempty"`
	// Apps holds the apps that authorized it.
	Apps map[int64]*Authorization `json:"apps"`
}

// An Authorization lets a TP act for an app.
type Authorization struct {
	// Since is in seconds since 1970.
	Since int64 `json:"since"`
}

// tpsOf returns the TPs that an app has authorized, in order of id.
func (s *State) tpsOf(app int64) []*TP {
	var out []*TP
	for _, id := range slices.Sorted(maps.Keys(s.TPs)) {
		if s.TPs[id].Apps[app] != nil {
			out = append(out, s.TPs[id])
		}
	}
	return out
}

type tpTokenIn struct {
	ClientID string `json:"client_id"`
	Ticket   string `json:"ticket"`
}

type tpToken struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"`
	Scope       string `json:"scope"`
}

// getTPAccessToken exchanges a ticket for the TP's token.
func getTPAccessToken(c *Call, in tpTokenIn) (tpToken, error) {
	tp := c.State.TPs[c.State.keys[in.ClientID]]
	if tp == nil || tp.ClientID != in.ClientID {
		return tpToken{}, refuse("ClientIDNotFound")
	}
	if !sameSecret(in.Ticket, tp.Ticket) && (tp.LastTicket == "" || !sameSecret(in.Ticket, tp.LastTicket)) {
		return tpToken{}, refuse("TicketInvalid")
	}
	text := c.issue(TokenTP, Principal{Kind: PrincipalTP, TP: tp.ID}, tpTokenTTL, "tp")
	return tpToken{AccessToken: text, ExpiresIn: int64(tpTokenTTL / time.Second), Scope: "public"}, nil
}

type preAuthCode struct {
	PreAuthCode string `json:"pre_auth_code"`
	ExpiresIn   int64  `json:"expires_in"`
}

// createPreAuthCode begins the authorization of an app.
func createPreAuthCode(c *Call, _ None) (preAuthCode, error) {
	return preAuthCode{
		PreAuthCode: c.code(codePreAuth, c.Principal.TP, 0, preAuthCodeTTL),
		ExpiresIn:   int64(preAuthCodeTTL / time.Second),
	}, nil
}

// consent is what happens on the consent page: an app's owner authorizes a TP.
// A pre-authorization code is used up; "" stands for a TP that needs none.
func (c *Call) consent(tp *TP, app *App, preAuth string) (string, error) {
	if preAuth != "" {
		code := c.State.Codes[preAuth]
		if code == nil || code.Kind != codePreAuth || code.TP != tp.ID || c.Now.Unix() >= code.Expires {
			return "", refuse("Expired")
		}
		delete(c.State.Codes, preAuth)
	}
	if tp.Apps[app.ID] == nil {
		tp.Apps[app.ID] = &Authorization{Since: c.Now.Unix()}
	}
	return c.code(codeAuthorization, tp.ID, app.ID, authCodeTTL), nil
}

type exchangeIn struct {
	GrantType    string `json:"grant_type"`
	Code         string `json:"code"`
	RefreshToken string `json:"refresh_token"`
}

type authorizerToken struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int64  `json:"expires_in"`
}

// exchangeOAuthToken answers both grants of the authorizer token. A code and a
// refresh token work once.
func exchangeOAuthToken(c *Call, in exchangeIn) (authorizerToken, error) {
	tp := c.State.TPs[c.Principal.TP]
	var app int64
	switch in.GrantType {
	case grantAuthCode:
		code := c.State.Codes[in.Code]
		if code == nil || code.Kind != codeAuthorization || code.TP != tp.ID {
			return authorizerToken{}, refuse("OAuthInvalidGrant", "code 无效或已使用")
		}
		if c.Now.Unix() >= code.Expires {
			return authorizerToken{}, refuse("OAuthExpiredToken", "code 已过期")
		}
		app = code.App
		delete(c.State.Codes, in.Code)
	case grantRefresh:
		t := c.State.Tokens[in.RefreshToken]
		if t == nil || t.Kind != TokenRefresh || t.Principal.TP != tp.ID {
			return authorizerToken{}, refuse("OAuthInvalidGrant", "refresh_token 无效或已使用")
		}
		if c.Now.Unix() >= t.Expires {
			return authorizerToken{}, refuse("OAuthExpiredToken", "refresh_token 已过期")
		}
		app = t.Principal.App
		c.revoke(in.RefreshToken)
	default:
		return authorizerToken{}, refuse("OAuthUnsupportedGrantType",
			"grant_type 只支持 app_to_tp_authorization_code 和 app_to_tp_refresh_token")
	}
	if tp.Apps[app] == nil {
		return authorizerToken{}, refuse("OAuthInvalidGrant", "小程序已取消授权")
	}
	return c.authorize(tp, app), nil
}

// authorize issues the pair of tokens with which a TP acts for an app.
func (c *Call) authorize(tp *TP, app int64) authorizerToken {
	p := Principal{Kind: PrincipalAuthorizer, TP: tp.ID, App: app}
	return authorizerToken{
		AccessToken:  c.issue(TokenAuthorizer, p, authorizerTTL, "authorizer"),
		RefreshToken: c.issue(TokenRefresh, p, refreshTTL, "refresh"),
		ExpiresIn:    int64(authorizerTTL / time.Second),
	}
}

type retrieveCodeIn struct {
	AppID int64 `json:"app_id"`
}

type authorizationCode struct {
	AuthorizationCode string `json:"authorization_code"`
	ExpiresIn         int64  `json:"expires_in"`
}

// retrieveAuthorizationCode gives a TP that lost its tokens a new code for an
// app that has authorized it.
func retrieveAuthorizationCode(c *Call, in retrieveCodeIn) (authorizationCode, error) {
	tp := c.State.TPs[c.Principal.TP]
	if tp.Apps[in.AppID] == nil {
		return authorizationCode{}, refuse("NotAuthorized")
	}
	return authorizationCode{
		AuthorizationCode: c.code(codeAuthorization, tp.ID, in.AppID, retrievedCodeTTL),
		ExpiresIn:         int64(retrievedCodeTTL / time.Second),
	}, nil
}

// ticketPush is the payload of a ticket (D).
type ticketPush struct {
	Ticket       string `json:"Ticket"`
	FromUserName string `json:"FromUserName"`
	CreateTime   int64  `json:"CreateTime"`
	MsgType      string `json:"MsgType"`
	Event        string `json:"Event"`
}

// startTickets begins or ends the pushing of tickets after a TP's
// authorization URL has changed.
func (c *Call) startTickets(tp *TP) {
	tp.TicketTimer = 0
	if tp.AuthorizationURL != "" {
		tp.TicketTimer = c.after(0, Timer{Kind: timerTicket, TP: tp.ID})
	}
}

// nextTicket makes and pushes a TP's next ticket.
func nextTicket(c *Call, t Timer) bool {
	tp := c.State.TPs[t.TP]
	if tp == nil || tp.TicketTimer != t.ID {
		return false
	}
	tp.LastTicket, tp.Ticket = tp.Ticket, c.State.draw("ticket", t.ID).hex(32)
	payload, _ := marshal(ticketPush{tp.Ticket, "SmartAPP", c.Now.Unix(), "ticket", "push"})
	c.emit(Event{Name: eventTicket, Channel: ChannelPush, TP: tp.ID, Payload: payload})
	tp.TicketTimer = c.after(ticketEvery, Timer{Kind: timerTicket, TP: tp.ID})
	return true
}

// addTP puts a TP with generated credentials into the state; what is set stays.
func (c *Call) addTP(tp *TP) error {
	r := c.draw("tp")
	if tp.ID == 0 {
		tp.ID = r.between(10_000_000, 99_999_999)
	}
	if c.State.TPs[tp.ID] != nil {
		return refuse("RecordExists", "tp_id %s", strconv.FormatInt(tp.ID, 10))
	}
	tp.ClientID = orElse(tp.ClientID, func() string { return r.alnum(32) })
	tp.EncodingAESKey = orElse(tp.EncodingAESKey, func() string { return r.alnum(42) + "E" })
	tp.Token = orElse(tp.Token, func() string { return r.alnum(32) })
	tp.Ticket = orElse(tp.Ticket, func() string { return r.hex(32) })
	if tp.Apps == nil {
		tp.Apps = map[int64]*Authorization{}
	}
	if err := c.box.em.index.claim(tp.ClientID, c.box); err != nil {
		return err
	}
	c.State.TPs[tp.ID] = tp
	c.State.keys[tp.ClientID] = tp.ID
	c.startTickets(tp)
	return nil
}

func orElse(set string, otherwise func() string) string {
	if set != "" {
		return set
	}
	return otherwise()
}
