package emulator

import (
	"net/http"

	"github.com/swanemu/emu/internal/spec"
)

type control struct{ e *Emulator }

func newControl(e *Emulator) *control { return &control{e} }

func (c *control) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// orderError says what is wrong with an order.
type orderError struct{ reason string }

func (e *orderError) Error() string { return e.reason }

// controlOrders is the table of the orders that change a sandbox's state.
func controlOrders() []behaviour {
	return []behaviour{
		changes("issueCredentials", issueCredentials),
	}
}

func controlParams(p spec.Params) map[string]any { return nil }
