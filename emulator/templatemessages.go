package emulator

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Template messages and those of customer service (D; for developers and for
// third-party platforms). Modelled: what a form, an order or a subscription
// allows, data that fits the template, text and picture of customer service.
// Not modelled: how a form id comes to be; any id is taken for one, and what it
// allows is counted from its first use.

// The values of scene_type.
const sceneForm = 1

const (
	// messagesPerForm and messagesPerOrder are how many messages one form
	// and one payment allow, within sceneLife.
	messagesPerForm  = 1
	messagesPerOrder = 3
	sceneLife        = 7 * 24 * time.Hour
)

// The values of user_type and msg_type of customer service.
const (
	customerGuest = 1
	customerText  = "text"
	customerImage = "image"
)

// A Subscription is what a user agreed to get: one message of a template.
type Subscription struct {
	App  int64 `json:"app_id"`
	Huid int64 `json:"huid"`
	// Template is the template_id; ID the developer's own subscribe_id, under
	// which a user has one subscription at most (D).
	Template string `json:"template_id"`
	ID       string `json:"subscribe_id"`
	// Since is in seconds since 1970.
	Since int64 `json:"since"`
}

// templateData are the values of a template's keywords, by keyword1, ….
type templateData map[string]templateValue

type templateValue struct {
	Value string `json:"value"`
}

// check says how data does not fit a template.
func (d templateData) check(t *MessageTemplate) error {
	for i := range t.Keywords {
		if _, ok := d[keywordName(i)]; !ok {
			return refuse("MessageInvalidParameter", "缺少参数 data/%s（%s）", keywordName(i), t.Keywords[i].Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if i, err := strconv.Atoi(strings.TrimPrefix(name, "keyword")); err != nil || name != keywordName(i-1) || i > len(t.Keywords) {
			return refuse("MessageInvalidParameter", "未知参数 data/%s，模板有 keyword1 到 %s", name, keywordName(len(t.Keywords)-1))
		}
	}
	return nil
}

// templated makes a message of one of the app's templates.
func (c *Call) templated(kind, id string, data templateData, path string) (*App, UserMessage, error) {
	app, err := c.ownApp()
	if err != nil {
		return nil, UserMessage{}, err
	}
	t := app.template(id)
	if t == nil {
		return nil, UserMessage{}, refuse("TemplateIDIncorrect")
	}
	if err := data.check(t); err != nil {
		return nil, UserMessage{}, err
	}
	content, err := marshal(data)
	return app, UserMessage{
		Kind: kind, App: app.ID, Title: t.Title, Path: path, Template: t.ID, Content: content, Text: t.text(data),
	}, err
}

type sendTemplateIn struct {
	TemplateID string       `json:"template_id"`
	OpenID     string       `json:"touser_openId"`
	SwanID     string       `json:"touser"`
	Data       templateData `json:"data"`
	Page       string       `json:"page"`
	SceneID    string       `json:"scene_id"`
	SceneType  int          `json:"scene_type"`
}

// sendTemplateMessage sends a message that a form or an order allows.
func sendTemplateMessage(c *Call, in sendTemplateIn) (messageKey, error) {
	app, m, err := c.templated(MessageTemplated, in.TemplateID, in.Data, in.Page)
	if err != nil {
		return messageKey{}, err
	}
	var to Recipient
	switch {
	case in.OpenID != "":
		u := c.State.userByOpenID(app, in.OpenID)
		if u == nil {
			return messageKey{}, refuse("OpenIDInvalid")
		}
		to.Huid = u.Huid
	case in.SwanID != "":
		var there bool
		if to, there = c.State.recipient(app, in.SwanID); !there {
			return messageKey{}, refuse("MessageInvalidParameter", "touser 没有这个用户")
		}
	default:
		return messageKey{}, refuse("MessageInvalidParameter", "缺少参数 touser_openId 或 touser")
	}
	m.To, m.Scene, m.SceneType = []Recipient{to}, in.SceneID, in.SceneType
	if err := c.allows(&m); err != nil {
		return messageKey{}, err
	}
	return c.deliver(m), nil
}

// allows decides whether a scene allows one message more. What it has allowed
// before is known as far back as messages are remembered.
func (c *Call) allows(m *UserMessage) error {
	name, most := "SceneInvalid", messagesPerOrder
	if m.SceneType == sceneForm {
		name, most = "FormInvalid", messagesPerForm
	}
	sent := 0
	for _, before := range c.State.Messages {
		if before.App != m.App || before.SceneType != m.SceneType || before.Scene != m.Scene {
			continue
		}
		switch sent++; {
		case before.To[0] != m.To[0]:
			return refuse(name, "scene_id 属于另一个用户")
		case sent == 1 && !c.Now.Before(time.Unix(0, before.At).Add(sceneLife)):
			return refuse(name, "scene_id 已过期")
		case sent == most:
			return refuse(name, "%s", fmt.Sprintf("scene_id 只能发送 %d 条，已用完", most))
		}
	}
	return nil
}

type sendSubscriptionIn struct {
	TemplateID  string       `json:"template_id"`
	OpenID      string       `json:"touser_openId"`
	SubscribeID string       `json:"subscribe_id"`
	Data        templateData `json:"data"`
	Page        string       `json:"page"`
}

// subscriptionKey is messageKey as the official client reads it here (K).
type subscriptionKey struct {
	MsgKey string `json:"msg_key"`
}

// sendSubscriptionMessage sends a message that its user has subscribed to,
// which uses the subscription up.
func sendSubscriptionMessage(c *Call, in sendSubscriptionIn) (subscriptionKey, error) {
	app, m, err := c.templated(MessageSubscription, in.TemplateID, in.Data, in.Page)
	if err != nil {
		return subscriptionKey{}, err
	}
	u := c.State.userByOpenID(app, in.OpenID)
	if u == nil {
		return subscriptionKey{}, refuse("OpenIDInvalid")
	}
	i := slices.IndexFunc(c.State.Subscriptions, func(s *Subscription) bool {
		return s.App == app.ID && s.Huid == u.Huid && s.Template == in.TemplateID && s.ID == in.SubscribeID
	})
	if i < 0 {
		return subscriptionKey{}, refuse("TemplateNotSubscribed")
	}
	c.State.Subscriptions = slices.Delete(c.State.Subscriptions, i, i+1)
	m.To, m.Subscription = []Recipient{{Huid: u.Huid}}, in.SubscribeID
	return subscriptionKey{fmt.Sprint(c.deliver(m).MsgKey)}, nil
}

type customerMessageIn struct {
	UserType int    `json:"user_type"`
	OpenID   string `json:"open_id"`
	MsgType  string `json:"msg_type"`
	Content  string `json:"content"`
	PicURL   string `json:"pic_url"`
}

// sendCustomerMessage sends a text or a picture of customer service. A guest's
// open_id is the swan_id (assumed).
func sendCustomerMessage(c *Call, in customerMessageIn) (None, error) {
	app, err := c.ownApp()
	if err != nil {
		return None{}, err
	}
	m := UserMessage{Kind: MessageCustomer, App: app.ID}
	switch {
	case in.MsgType == customerText && in.Content == "":
		return None{}, refuse("CustomerInvalidParameter", "缺少参数 content（msg_type 为 text）")
	case in.MsgType == customerImage && in.PicURL == "":
		return None{}, refuse("CustomerInvalidParameter", "缺少参数 pic_url（msg_type 为 image）")
	case in.MsgType == customerText:
		m.Text = in.Content
	default:
		m.PicURL = in.PicURL
	}
	to, there := Recipient{}, false
	if in.UserType == customerGuest {
		to, there = c.State.recipient(app, in.OpenID)
	} else if u := c.State.userByOpenID(app, in.OpenID); u != nil {
		to, there = Recipient{Huid: u.Huid}, true
	}
	if !there {
		return None{}, refuse("CustomerOpenIDInvalid")
	}
	m.To = []Recipient{to}
	c.deliver(m)
	return None{}, nil
}
