package emutarget

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/swanemu/emu/contracttest"
)

// Live values for messages to users.

// templateOf is the template that every app of a run has, and manyTemplates
// the limit that lets a run add as many as it likes.
const (
	templateOf    = "emu-contract"
	manyTemplates = 1_000_000
)

// titleOf is a title of the library.
const titleOf = "BD0001"

// messageGifts are the gifts for messages to users.
func messageGifts() map[string]gift {
	all := map[string]gift{
		"sendUnicastMessage.swan_ids":           known(ofSubject, "swanid"),
		"sendSubscriptionMessage.template_id":   template,
		"sendSubscriptionMessage.touser_openId": known(ofSubject, "openid"),
		"sendSubscriptionMessage.subscribe_id":  newSubscription,
	}
	for _, by := range []string{"", "ByTP"} {
		all["addMessageTemplate"+by+".id"] = libraryTitle
		all["getMessageTemplateKeywords"+by+".id"] = text(titleOf)
		all["deleteMessageTemplate"+by+".template_id"] = newTemplate
		all["sendTemplateMessage"+by+".template_id"] = template
		all["sendTemplateMessage"+by+".touser_openId"] = known(ofSubject, "openid")
		all["sendTemplateMessage"+by+".touser"] = known(ofSubject, "swanid")
		all["sendTemplateMessage"+by+".scene_id"] = newScene
		all["sendCustomerMessage"+by+".open_id"] = known(ofSubject, "openid")
		all["sendCustomerMessage"+by+".user_type"] = text("2")
		all["sendCustomerMessage"+by+".msg_type"] = text("text")
		all["sendCustomerMessage"+by+".content"] = text("您的包裹已到驿站")
	}
	return all
}

// giveTemplate gives an app a message template; "" generates its id.
func (b *Box) giveTemplate(ctx context.Context, app int64, id string) (string, error) {
	order := map[string]any{}
	if id != "" {
		order["template_id"] = id
	}
	var out struct {
		ID string `json:"template_id"`
	}
	err := b.order(ctx, http.MethodPost, fmt.Sprintf("/apps/%d/messagetemplates", app), order, &out)
	return out.ID, err
}

// template is a template of the app that is there as long as the run goes on.
func template(ctx context.Context, b *Box, s *contracttest.Subject) (string, error) {
	if b.templates[s.AppID] {
		return templateOf, nil
	}
	if _, err := b.giveTemplate(ctx, s.AppID, templateOf); err != nil {
		return "", err
	}
	b.templates[s.AppID] = true
	return templateOf, nil
}

// newTemplate is a template of the app that may be deleted.
func newTemplate(ctx context.Context, b *Box, s *contracttest.Subject) (string, error) {
	return b.giveTemplate(ctx, s.AppID, "")
}

// libraryTitle is a title, of which an app may make as many templates as it
// likes.
func libraryTitle(ctx context.Context, b *Box, _ *contracttest.Subject) (string, error) {
	if b.unlimited {
		return titleOf, nil
	}
	err := b.order(ctx, http.MethodPatch, "/config", map[string]any{"template_limit": manyTemplates}, nil)
	b.unlimited = err == nil
	return titleOf, err
}

// newScene is a form that nobody has used yet.
func newScene(_ context.Context, b *Box, _ *contracttest.Subject) (string, error) {
	b.scenes++
	return fmt.Sprintf("emu-contract-%d", b.scenes), nil
}

// newSubscription is a subscription of the app's user that is not used up.
func newSubscription(ctx context.Context, b *Box, s *contracttest.Subject) (string, error) {
	id, err := template(ctx, b, s)
	b.scenes++
	name := fmt.Sprintf("emu-contract-%d", b.scenes)
	order := map[string]any{"app_id": s.AppID, "template_id": id, "subscribe_id": name}
	return name, errors.Join(err, b.order(ctx, http.MethodPost, "/subscriptions", order, nil))
}
