package emutarget

import (
	"context"

	"github.com/swanemu/emu/contracttest"
)

// A gift makes a live value of a parameter, by an order or a call of its own;
// "" where it only sees to it that the call is accepted.
type gift func(ctx context.Context, b *Box, s *contracttest.Subject) (string, error)

// gifts are the values that only the emulator can tell, by operation and
// parameter.
func gifts() map[string]gift {
	return map[string]gift{
		"listHostAddresses.data": readable("mapp_choose_address"),
		"listHostInvoices.data":  readable("mapp_choose_invoice"),
	}
}

// give returns a live value of a parameter.
func (b *Box) give(ctx context.Context, s *contracttest.Subject, operation, parameter string) (string, bool, error) {
	f, ok := b.gifts[operation+"."+parameter]
	if !ok {
		return "", false, nil
	}
	text, err := f(ctx, b, s)
	return text, err == nil && text != "", err
}
