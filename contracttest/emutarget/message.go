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

// identity is what an app knows a user as.
type identity struct {
	AppID  int64  `json:"app_id"`
	OpenID string `json:"openid"`
	SwanID string `json:"swanid"`
}

// user is what an app knows the sandbox's first user as.
func (b *Box) user(ctx context.Context, app int64) (identity, error) {
	var out struct {
		Users []struct {
			Apps []identity `json:"apps"`
		} `json:"users"`
	}
	if err := b.order(ctx, http.MethodGet, "/users", nil, &out); err != nil {
		return identity{}, err
	}
	if len(out.Users) > 0 {
		for _, one := range out.Users[0].Apps {
			if one.AppID == app {
				return one, nil
			}
		}
	}
	return identity{}, fmt.Errorf("nobody uses app %d", app)
}

func openIDOfUser(ctx context.Context, b *Box, s *contracttest.Subject) (string, error) {
	one, err := b.user(ctx, s.AppID)
	return one.OpenID, err
}

func swanIDOfUser(ctx context.Context, b *Box, s *contracttest.Subject) (string, error) {
	one, err := b.user(ctx, s.AppID)
	return one.SwanID, err
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

// someText is what a message of the type text must have besides.
func someText(context.Context, *Box, *contracttest.Subject) (string, error) {
	return "您的包裹已到驿站", nil
}
