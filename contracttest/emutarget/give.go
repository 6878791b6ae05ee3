package emutarget

import (
	"context"

	"github.com/swanemu/emu/contracttest"
)

// A gift makes a live value of a parameter, by an order or a call of its own.
type gift func(ctx context.Context, b *Box, s *contracttest.Subject) (string, error)

// gifts are the values that only the emulator can tell, by operation and
// parameter.
func gifts() map[string]gift {
	return map[string]gift{
		// message.go
		"sendUnicastMessage.swan_ids":           swanIDOfUser,
		"addMessageTemplate.id":                 libraryTitle,
		"addMessageTemplateByTP.id":             libraryTitle,
		"deleteMessageTemplate.template_id":     newTemplate,
		"deleteMessageTemplateByTP.template_id": newTemplate,
		"sendTemplateMessage.template_id":       template,
		"sendTemplateMessage.touser_openId":     openIDOfUser,
		"sendTemplateMessage.scene_id":          newScene,
		"sendTemplateMessageByTP.template_id":   template,
		"sendTemplateMessageByTP.touser_openId": openIDOfUser,
		"sendTemplateMessageByTP.scene_id":      newScene,
		"sendSubscriptionMessage.template_id":   template,
		"sendSubscriptionMessage.touser_openId": openIDOfUser,
		"sendSubscriptionMessage.subscribe_id":  newSubscription,
		"sendCustomerMessage.open_id":           openIDOfUser,
		"sendCustomerMessageByTP.open_id":       openIDOfUser,
		"sendCustomerMessage.content":           someText,
		"sendCustomerMessageByTP.content":       someText,
	}
}

// give returns a live value of a parameter.
func (b *Box) give(ctx context.Context, s *contracttest.Subject, operation, parameter string) (string, bool, error) {
	f, ok := b.gifts[operation+"."+parameter]
	if !ok {
		return "", false, nil
	}
	text, err := f(ctx, b, s)
	return text, err == nil, err
}
