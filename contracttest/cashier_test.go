package contracttest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/swanemu/emu/contracttest"
)

// unable is a cashier that cannot let refunds fail.
type unable struct{ contracttest.Cashier }

func (u unable) Settle(ctx context.Context, o *contracttest.PaidOrder, s contracttest.Settlement) error {
	if s == contracttest.RefundFails {
		return fmt.Errorf("%w: no refund fails here", contracttest.ErrCannot)
	}
	return u.Cashier.Settle(ctx, o, s)
}

// broken is a cashier whose harness has a fault.
type broken struct{ contracttest.Cashier }

var errBroken = errors.New("the harness is broken")

func (broken) Open(context.Context) (*contracttest.PaidOrder, error) { return nil, errBroken }

// TestCashiers runs the checks of orders with harnesses that lack something:
// what cannot be asked is not run, with the reason, and all else is.
func TestCashiers(t *testing.T) {
	whole := open(t, 1).target
	for name, c := range map[string]struct {
		change func(*contracttest.Target)
		// ran and not are how a case that runs, and one that does not, ends.
		ran, not, reason string
		status           contracttest.Status
	}{
		"none": {
			func(t *contracttest.Target) { t.Cashier = nil },
			"pay.count paid", "pay.refund-refused by the merchant", "no merchant that decides: the harness has none", contracttest.NotRun,
		},
		"said": {
			func(t *contracttest.Target) {
				t.Cashier, t.Lacks = nil, map[contracttest.Need]string{contracttest.NeedCashier: "its money is real"}
			},
			"pay.retry refused twice", "pay.retry every two minutes", "no merchant that decides: its money is real", contracttest.NotRun,
		},
		"no other merchant": {
			func(t *contracttest.Target) { t.Merchants, t.Cashier = nil, unable{t.Cashier} },
			"pay.count paid", "pay.refund-refused its money does not go back", "no refund fails here", contracttest.NotRun,
		},
		"broken": {
			func(t *contracttest.Target) { t.Cashier = broken{t.Cashier} },
			"pay.count paid", "pay.refund-accepted the whole of a paid order", "the harness is broken", contracttest.Broken,
		},
	} {
		t.Run(name, func(t *testing.T) {
			target := whole
			c.change(&target)
			r, err := contracttest.Verify(t.Context(), target, contracttest.Options{
				Mode: contracttest.Sandbox, Checks: []string{"pay.count", "pay.retry", "pay.refund-refused", "pay.refund-accepted"},
			})
			if err != nil {
				t.Fatal(err)
			}
			seen := 0
			for _, result := range r.Results {
				switch result.Check + " " + result.Case {
				case c.ran:
					seen++
					if result.Status != contracttest.Passed {
						t.Errorf("%s: %s %s", c.ran, result.Status, result.Reason)
					}
				case c.not:
					seen++
					if result.Status != c.status || !strings.Contains(result.Reason, c.reason) {
						t.Errorf("%s: %s %q, want %s %q", c.not, result.Status, result.Reason, c.status, c.reason)
					}
				}
			}
			if seen != 2 || len(r.Causes) > 0 {
				t.Errorf("%d of the two cases, %d causes", seen, len(r.Causes))
			}
		})
	}
}
