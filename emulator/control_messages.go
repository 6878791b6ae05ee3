package emulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// What users were sent, what they agreed to get, and the templates of apps, as
// the control API arranges and shows them.

type userMessagesIn struct {
	AppID  int64  `json:"app_id"`
	Huid   int64  `json:"huid"`
	SwanID string `json:"swan_id"`
	Kind   string `json:"kind"`
	After  int64  `json:"after"`
	Limit  int    `json:"limit"`
}

type userMessagesOut struct {
	Messages []userMessageOut `json:"messages"`
	Last     int64            `json:"last"`
}

type userMessageOut struct {
	Key          int64           `json:"msg_key"`
	Kind         string          `json:"kind"`
	AppID        int64           `json:"app_id"`
	At           string          `json:"at"`
	Title        string          `json:"title,omitempty"`
	Description  string          `json:"description,omitempty"`
	Path         string          `json:"path,omitempty"`
	Content      json.RawMessage `json:"content,omitempty"`
	Text         string          `json:"text,omitempty"`
	PicURL       string          `json:"pic_url,omitempty"`
	TemplateID   string          `json:"template_id,omitempty"`
	SceneType    int             `json:"scene_type,omitempty"`
	SceneID      string          `json:"scene_id,omitempty"`
	Subscription string          `json:"subscribe_id,omitempty"`
	To           []recipientOut  `json:"to"`
	Unknown      []string        `json:"unknown"`
}

type recipientOut struct {
	Huid   int64  `json:"huid,omitempty"`
	Cuid   string `json:"cuid,omitempty"`
	SwanID string `json:"swan_id,omitempty"`
}

// shownRecipient is a recipient as the control API shows it; one who is gone
// has no swan_id any more.
func (s *State) shownRecipient(app *App, r Recipient) recipientOut {
	out := recipientOut{Huid: r.Huid, Cuid: r.Cuid}
	switch u, d := s.Users[r.Huid], s.Devices[r.Cuid]; {
	case app == nil:
	case u != nil:
		out.SwanID = s.swanID(app, u, nil)
	case d != nil:
		out.SwanID = s.swanID(app, nil, d)
	}
	return out
}

// messagesRead is how many messages are read unless told otherwise.
const messagesRead = 100

// listUserMessages shows what users were sent: everybody's, or the list of one.
func listUserMessages(c *Call, in userMessagesIn) (userMessagesOut, error) {
	out := userMessagesOut{Messages: []userMessageOut{}, Last: in.After}
	if in.Huid != 0 {
		if _, err := c.aUser(in.Huid); err != nil {
			return out, err
		}
	}
	if in.Limit == 0 {
		in.Limit = messagesRead
	}
	for _, m := range c.State.Messages {
		if len(out.Messages) == in.Limit {
			break
		}
		if m.Key <= in.After || in.AppID != 0 && m.App != in.AppID || in.Kind != "" && m.Kind != in.Kind {
			continue
		}
		one := userMessageOut{
			Key: m.Key, Kind: m.Kind, AppID: m.App, At: stamp(time.Unix(0, m.At)), Title: m.Title, Description: m.Description,
			Path: m.Path, Content: m.Content, Text: m.Text, PicURL: m.PicURL, TemplateID: m.Template, SceneType: m.SceneType,
			SceneID: m.Scene, Subscription: m.Subscription, To: []recipientOut{}, Unknown: append([]string{}, m.Unknown...),
		}
		mine := in.Huid == 0 && in.SwanID == ""
		for _, r := range m.To {
			shown := c.State.shownRecipient(c.State.Apps[m.App], r)
			mine = mine || (in.Huid == 0 || r.Huid == in.Huid) && (in.SwanID == "" || shown.SwanID == in.SwanID)
			one.To = append(one.To, shown)
		}
		if mine {
			out.Messages = append(out.Messages, one)
			out.Last = m.Key
		}
	}
	return out, nil
}

type feedCardsIn struct {
	AppID int64 `json:"app_id"`
}

type feedCardsOut struct {
	Cards []feedCardOut `json:"cards"`
}

type feedCardOut struct {
	AppID     int64          `json:"app_id"`
	At        string         `json:"at"`
	Title     string         `json:"mcard_title"`
	Recommend int            `json:"recommend_type"`
	Template  int            `json:"templete_type"`
	Cards     []FeedCardItem `json:"scard_list"`
}

// listFeedCards shows the cards in users' feeds.
func listFeedCards(c *Call, in feedCardsIn) (feedCardsOut, error) {
	out := feedCardsOut{Cards: []feedCardOut{}}
	for _, card := range c.State.FeedCards {
		if in.AppID == 0 || card.App == in.AppID {
			out.Cards = append(out.Cards, feedCardOut{
				card.App, stamp(time.Unix(0, card.At)), card.Title, card.Recommend, card.Template, card.Cards,
			})
		}
	}
	return out, nil
}

type giveTemplateIn struct {
	appIDIn
	TemplateID string `json:"template_id"`
	Library    string `json:"library_id"`
	KeywordIDs []int  `json:"keyword_ids"`
}

type givenTemplateOut struct {
	AppID      int64     `json:"app_id"`
	TemplateID string    `json:"template_id"`
	Library    string    `json:"library_id"`
	Title      string    `json:"title"`
	Keywords   []Keyword `json:"keywords"`
}

// giveMessageTemplate gives an app a template, under an id that may be chosen
// and beyond the limit of templates.
func giveMessageTemplate(c *Call, in giveTemplateIn) (givenTemplateOut, error) {
	app, err := c.anApp(in.AppID, "/app_id")
	if err != nil {
		return givenTemplateOut{}, err
	}
	if in.TemplateID != "" && app.template(in.TemplateID) != nil {
		return givenTemplateOut{}, conflict("/template_id", "the app has a template of that id already")
	}
	if in.Library == "" {
		in.Library = templateLibrary()[0].id
	}
	if len(in.KeywordIDs) == 0 {
		in.KeywordIDs = []int{1, 2}
	}
	e, ok := inLibrary(in.Library)
	if !ok {
		p := notFound("/library_id", "the library has no title of that id")
		var known []string
		for _, one := range templateLibrary() {
			known = append(known, one.id)
		}
		p.Nearest = near(in.Library, known)
		return givenTemplateOut{}, p
	}
	t, err := c.template(&e, in.KeywordIDs)
	if err != nil {
		return givenTemplateOut{}, badRequest("/keyword_ids", fmt.Sprintf("title %s has the keywords 1 to %d: want some of them, each once", e.id, len(e.all())))
	}
	if in.TemplateID != "" {
		t.ID = in.TemplateID
	}
	app.Templates = append(app.Templates, t)
	return givenTemplateOut{app.ID, t.ID, t.Library, t.Title, t.Keywords}, nil
}

type subscriptionsOut struct {
	Subscriptions []subscriptionOut `json:"subscriptions"`
}

type subscriptionOut struct {
	AppID       int64  `json:"app_id"`
	Huid        int64  `json:"huid"`
	OpenID      string `json:"openid"`
	TemplateID  string `json:"template_id"`
	SubscribeID string `json:"subscribe_id"`
	Since       string `json:"since"`
}

func (s *State) shownSubscription(sub *Subscription) subscriptionOut {
	out := subscriptionOut{
		AppID: sub.App, Huid: sub.Huid, TemplateID: sub.Template, SubscribeID: sub.ID, Since: stamp(time.Unix(sub.Since, 0)),
	}
	if app, u := s.Apps[sub.App], s.Users[sub.Huid]; app != nil && u != nil {
		out.OpenID = s.openID(app, u)
	}
	return out
}

// listSubscriptions shows the subscriptions that are not used up.
func listSubscriptions(c *Call, _ None) (subscriptionsOut, error) {
	out := subscriptionsOut{Subscriptions: []subscriptionOut{}}
	for _, sub := range c.State.Subscriptions {
		out.Subscriptions = append(out.Subscriptions, c.State.shownSubscription(sub))
	}
	return out, nil
}

type subscribeIn struct {
	AppID       int64  `json:"app_id"`
	Huid        *int64 `json:"huid"`
	TemplateID  string `json:"template_id"`
	SubscribeID string `json:"subscribe_id"`
}

// subscribe is what happens when a user agrees in the form of a subscription.
// Agreeing again under the same subscribe_id does not add up.
func subscribe(c *Call, in subscribeIn) (subscriptionOut, error) {
	app, err := c.appOrFirst(in.AppID)
	if err != nil {
		return subscriptionOut{}, err
	}
	u, err := c.userOrFirst(in.Huid)
	if err != nil {
		return subscriptionOut{}, err
	}
	if app.template(in.TemplateID) == nil {
		p := notFound("/template_id", fmt.Sprintf("app %d has no template of that id", app.ID))
		var known []string
		for _, t := range app.Templates {
			known = append(known, t.ID)
		}
		p.Nearest = near(in.TemplateID, known)
		return subscriptionOut{}, p
	}
	sub := &Subscription{App: app.ID, Huid: u.Huid, Template: in.TemplateID, ID: in.SubscribeID, Since: c.Now.Unix()}
	c.State.Subscriptions = slices.DeleteFunc(c.State.Subscriptions, func(s *Subscription) bool {
		return s.App == sub.App && s.Huid == sub.Huid && s.ID == sub.ID
	})
	c.State.Subscriptions = append(c.State.Subscriptions, sub)
	return c.State.shownSubscription(sub), nil
}

// userOrFirst returns the user with that number, which came as huid; nil is
// the sandbox's first one.
func (c *Call) userOrFirst(huid *int64) (*User, error) {
	if huid != nil {
		return c.aUser(*huid)
	}
	if u := c.State.firstUser(); u != nil {
		return u, nil
	}
	return nil, conflict("/huid", fmt.Sprintf("sandbox %s has no user; make one first", c.State.Name))
}

type unsubscribeIn struct {
	AppID       *int64 `json:"app_id"`
	Huid        *int64 `json:"huid"`
	SubscribeID string `json:"subscribe_id"`
}

// unsubscribe is what happens when users take back what they agreed to.
func unsubscribe(c *Call, in unsubscribeIn) (removedOut, error) {
	before := len(c.State.Subscriptions)
	c.State.Subscriptions = slices.DeleteFunc(c.State.Subscriptions, func(s *Subscription) bool {
		return (in.AppID == nil || s.App == *in.AppID) && (in.Huid == nil || s.Huid == *in.Huid) &&
			(in.SubscribeID == "" || s.ID == in.SubscribeID)
	})
	return removedOut{before - len(c.State.Subscriptions)}, nil
}
