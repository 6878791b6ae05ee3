package emulator

import "strings"

// Developer services: messages that a developer pushes to the users of an app
// (seed 002). Modelled: unicast and multicast, invitation, recipients who are
// not there. Not modelled: quotas, which nobody published.

type pushMessageIn struct {
	AppID       int64          `json:"app_id"`
	Title       string         `json:"title"`
	Description string         `json:"description"`
	PathURL     string         `json:"path_url"`
	Content     map[string]any `json:"content"`
}

// message is what the users get.
func (in *pushMessageIn) message(kind string) (UserMessage, error) {
	content, err := marshal(in.Content)
	return UserMessage{
		Kind: kind, App: in.AppID, Title: in.Title, Description: in.Description, Path: in.PathURL, Content: content,
	}, err
}

type unicastIn struct {
	pushMessageIn
	SwanIDs string `json:"swan_ids"`
}

// sendUnicastMessage pushes a message to the users that are named. Those who
// are not there are left out, or make the whole call fail, as the sandbox is
// set (assumed).
func sendUnicastMessage(c *Call, in unicastIn) (messageKey, error) {
	app, err := c.invitedApp(in.AppID)
	if err != nil {
		return messageKey{}, err
	}
	m, err := in.message(MessageUnicast)
	if err != nil {
		return messageKey{}, err
	}
	m.To, m.Unknown = c.State.recipients(app, strings.Split(in.SwanIDs, ","))
	if len(m.Unknown) > 0 && c.State.Config.RefuseUnknown {
		return messageKey{}, refuse("MessageInvalidParameter", "swan_ids 中有不存在的用户：%s", strings.Join(m.Unknown, ","))
	}
	return c.deliver(m), nil
}

// sendMulticastMessage pushes a message to all users of an app.
func sendMulticastMessage(c *Call, in pushMessageIn) (messageKey, error) {
	if _, err := c.invitedApp(in.AppID); err != nil {
		return messageKey{}, err
	}
	m, err := in.message(MessageMulticast)
	if err != nil {
		return messageKey{}, err
	}
	m.To = c.State.everybody()
	return c.deliver(m), nil
}
