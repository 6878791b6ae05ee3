package emulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Messages to users, of whatever service they come from: who gets one, and the
// list in which a test finds it. Modelled: a message arrives at once and stays
// in the list of whom it was for. Not modelled: the notification bar of a
// telephone, whether it was read, how often a user may be disturbed.

// The kinds of a UserMessage.
const (
	MessageUnicast      = "unicast"      // to users by swan_id (seed 002)
	MessageMulticast    = "multicast"    // to all users of an app (seed 002)
	MessageTemplated    = "template"     // by a form or an order (D)
	MessageSubscription = "subscription" // by a subscription (D)
	MessageCustomer     = "customer"     // of customer service (D)
)

const (
	// keptMessages is how many messages are remembered, and how many cards.
	keptMessages = 1000
	// firstMessageKey is where msg_key begins, so that keys look like the
	// platform's (seed 002).
	firstMessageKey = 100_000_000
	// templatesPerApp is the platform's limit (D).
	templatesPerApp = 25
)

// messageDefaults adds to a config what messages go by in a sandbox that was
// told nothing else.
func messageDefaults(c Config) Config {
	c.TemplateLimit = templatesPerApp
	return c
}

// A UserMessage is something that users were sent.
type UserMessage struct {
	// Key is its msg_key, which no other message of the sandbox has.
	Key  int64  `json:"msg_key"`
	Kind string `json:"kind"`
	App  int64  `json:"app_id"`
	// At is the sandbox's time in nanoseconds since 1970.
	At          int64  `json:"at"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	// Path is the page of the mini program that it opens.
	Path string `json:"path,omitempty"`
	// Content is the JSON that came with it; Text what the user reads of a
	// template or of customer service, PicURL its picture.
	Content json.RawMessage `json:"content,omitempty"`
	Text    string          `json:"text,omitempty"`
	PicURL  string          `json:"pic_url,omitempty"`
	// Template is the template_id, Scene or Subscription what allowed it.
	Template     string `json:"template_id,omitempty"`
	SceneType    int    `json:"scene_type,omitempty"`
	Scene        string `json:"scene_id,omitempty"`
	Subscription string `json:"subscribe_id,omitempty"`
	// To are those who got it, in the order they were named or made.
	To []Recipient `json:"to"`
	// Unknown are the swan_ids that nobody has.
	Unknown []string `json:"unknown,omitempty"`
}

// A Recipient is a user, or a device on which nobody is logged in.
type Recipient struct {
	Huid int64  `json:"huid,omitempty"`
	Cuid string `json:"cuid,omitempty"`
}

// messageKey is the data of a message that was sent.
type messageKey struct {
	MsgKey int64 `json:"msg_key"`
}

// deliver puts a message into the lists of its recipients.
func (c *Call) deliver(m UserMessage) messageKey {
	c.State.LastMessage++
	m.Key, m.At = firstMessageKey+c.State.LastMessage, c.Now.UnixNano()
	if m.To == nil {
		m.To = []Recipient{}
	}
	c.State.Messages = append(c.State.Messages, &m)
	if n := len(c.State.Messages); n > keptMessages {
		c.State.Messages = slices.Delete(c.State.Messages, 0, n-keptMessages)
	}
	c.record(KindMessage, &MessageDetail{
		Key: m.Key, Kind: m.Kind, App: m.App, Title: m.Title, To: m.To, Unknown: m.Unknown,
	})
	return messageKey{m.Key}
}

// recipient returns whom an app knows by that swan_id.
func (s *State) recipient(app *App, swanID string) (Recipient, bool) {
	u, d := s.bySwanID(app, swanID)
	switch {
	case u != nil:
		return Recipient{Huid: u.Huid}, true
	case d != nil:
		return Recipient{Cuid: d.Cuid}, true
	}
	return Recipient{}, false
}

// recipients returns whom an app knows by those swan_ids, each once, and the
// ones that nobody has.
func (s *State) recipients(app *App, swanIDs []string) (to []Recipient, unknown []string) {
	known := map[string]Recipient{}
	for _, u := range s.Users {
		known[s.swanID(app, u, nil)] = Recipient{Huid: u.Huid}
	}
	for _, d := range s.Devices {
		known[s.swanID(app, nil, d)] = Recipient{Cuid: d.Cuid}
	}
	for i, id := range swanIDs {
		switch r, there := known[id]; {
		case slices.Contains(swanIDs[:i], id):
		case there:
			to = append(to, r)
		default:
			unknown = append(unknown, id)
		}
	}
	return to, unknown
}

// everybody returns all users of the sandbox, whom an app's multicast reaches
// (assumed: each of them uses it).
func (s *State) everybody() []Recipient {
	to := []Recipient{}
	for _, u := range s.users() {
		to = append(to, Recipient{Huid: u.Huid})
	}
	return to
}

// invitedApp returns the app that something is sent for: it must be the
// caller's own and invited to the service. 6001 is what the platform answers
// to those without the right to push (D).
func (c *Call) invitedApp(id int64) (*App, error) {
	app := c.State.Apps[id]
	switch {
	case app == nil:
		return nil, refuse("AppNotFound")
	case c.Principal.App != id:
		return nil, refuse("NoAppPermission")
	case app.Uninvited:
		return nil, refuse("NoPermission", "小程序未受邀使用该服务")
	}
	return app, nil
}

// checkMessages holds messages, cards and subscriptions of a state together.
func (s *State) checkMessages(*machine) error {
	var last int64
	for i, m := range s.Messages {
		if m == nil || m.Key <= last || m.Key > firstMessageKey+s.LastMessage {
			return fmt.Errorf("/messages/%d: msg_key: want each once, in order, up to last_message", i)
		}
		if last = m.Key; m.At < 0 || time.Unix(0, m.At).Year() > lastYear {
			return fmt.Errorf("/messages/%d/at: want nanoseconds since 1970", i)
		}
		if m.Scene != "" && len(m.To) != 1 || len(m.Content) > 0 && !json.Valid(m.Content) {
			return fmt.Errorf("/messages/%d: want JSON as content, and one recipient with a scene_id", i)
		}
	}
	if slices.Contains(s.FeedCards, nil) {
		return fmt.Errorf("/feed_cards: a card is missing")
	}
	for i, sub := range s.Subscriptions {
		if sub == nil || s.Apps[sub.App] == nil || s.Users[sub.Huid] == nil {
			return fmt.Errorf("/subscriptions/%d: want an app and a user that are there", i)
		}
	}
	for _, id := range s.appIDs() {
		for i, t := range s.Apps[id].Templates {
			if t == nil || t.ID == "" || len(t.Keywords) == 0 {
				return fmt.Errorf("/apps/%d/message_templates/%d: want a template_id and keywords", id, i)
			}
		}
	}
	if s.Config.TemplateLimit < 0 || s.LastMessage < 0 {
		return fmt.Errorf("/config/template_limit and /last_message: want 0 or more")
	}
	return nil
}
