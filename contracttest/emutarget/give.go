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
	return payGifts()
}

// text is a value that is the same for everybody.
func text(value string) gift {
	return func(context.Context, *Box, *contracttest.Subject) (string, error) { return value, nil }
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
