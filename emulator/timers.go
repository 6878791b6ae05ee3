package emulator

import (
	"container/heap"
	"slices"
)

// What a Timer does when it falls due.
const (
	timerUpload   = "upload"   // the platform decides on an upload
	timerAudit    = "audit"    // the platform decides on an audit
	timerRollback = "rollback" // a rollback is done
	timerPush     = "push"     // a push is to be attempted
	timerNotify   = "notify"   // a notification is to be attempted
	timerKafka    = "kafka"    // notices that failed are to be sent again
	timerTicket   = "ticket"   // a TP's next ticket

	timerPayment     = "payment"      // a user does something in the cashier
	timerRefundAudit = "refund_audit" // a merchant that nobody can ask decides on a refund
	timerRefund      = "refund"       // a refund ends
)

// A Timer is something that falls due: data, never a closure, so that it can
// be saved, listed and replayed.
type Timer struct {
	// ID numbers the timers of a sandbox in the order they were set.
	ID int64 `json:"id"`
	// Due is the sandbox's time, in nanoseconds since 1970.
	Due int64 `json:"due"`
	// Kind says what it does.
	Kind string `json:"kind"`
	// App, Package, Event, TP, Order and Refund say to what.
	App     int64 `json:"app_id,omitempty"`
	Package int64 `json:"package_id,omitempty"`
	Event   int64 `json:"event,omitempty"`
	TP      int64 `json:"tp_id,omitempty"`
	Order   int64 `json:"order_id,omitempty"`
	Refund  int64 `json:"refund_batch_id,omitempty"`
	// Cause is the journal's entry that set it.
	Cause int64 `json:"cause,omitempty"`
	// Decision is what is decided, for upload and audit, payment, refund_audit
	// and refund.
	Decision *Decision `json:"decision,omitempty"`
	// Trace is that of the request behind it; nil for none.
	Trace *Trace `json:"trace,omitempty"`
}

// timerHeap orders timers by due time, then by the order they were set.
type timerHeap []Timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	return h[i].Due < h[j].Due || h[i].Due == h[j].Due && h[i].ID < h[j].ID
}
func (h timerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push is for container/heap.
func (h *timerHeap) Push(x any) { *h = append(*h, x.(Timer)) }

// Pop is for container/heap.
func (h *timerHeap) Pop() any {
	old := *h
	t := old[len(old)-1]
	*h = old[:len(old)-1]
	return t
}

func (h *timerHeap) add(t Timer) { heap.Push(h, t) }

func (h *timerHeap) next() Timer { return heap.Pop(h).(Timer) }

// sorted returns the timers in the order they fall due.
func (h timerHeap) sorted() []Timer {
	out := slices.Clone([]Timer(h))
	slices.SortFunc(out, func(a, b Timer) int {
		if timerHeap([]Timer{a, b}).Less(0, 1) {
			return -1
		}
		return 1
	})
	return out
}
