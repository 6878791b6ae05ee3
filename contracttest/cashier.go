package contracttest

import "context"

// A Cashier is a merchant of the platform whose users do in the cashier what
// they are told, whose server answers as it is told, and whose money goes back
// as it is told. A method that it cannot do returns an error that wraps
// ErrCannot.
type Cashier interface {
	Merchants
	// Open has a user go to the cashier with a new order, and do nothing yet.
	Open(ctx context.Context) (*PaidOrder, error)
	// Settle lets end what waits at an order, at once.
	Settle(ctx context.Context, o *PaidOrder, s Settlement) error
	// Answer makes the merchant's server answer the next attempts to tell it of
	// an order what is listed, one each; after these, and before it is called,
	// it agrees. The event is one of x-events.
	Answer(ctx context.Context, o *PaidOrder, event string, answers ...Answer) error
}

// A Settlement is how something ends that neither the client nor the merchant's
// server decides.
type Settlement string

// The settlements.
const (
	// UserPays, UserCancels and PaymentFails are what happens in the cashier.
	UserPays     Settlement = "the user pays"
	UserCancels  Settlement = "the user cancels"
	PaymentFails Settlement = "the payment fails"
	// MoneyReturns and RefundFails are how the way of the money back ends.
	MoneyReturns Settlement = "the money goes back"
	RefundFails  Settlement = "the refund fails"
)

// An Answer is what a merchant's server answers to one attempt.
type Answer struct {
	// Says is what it says.
	Says Saying
	// Money is refundPayMoney where it agrees to a refund, in fen; 0 is all that
	// was asked for.
	Money int64
}

// A Saying is what a merchant's server can say.
type Saying string

// The sayings.
const (
	// Agrees is isConsumed 2, auditStatus 1, errno 0.
	Agrees Saying = "agrees"
	// Declines is isErrorOrder 1, auditStatus 2.
	Declines Saying = "declines"
	// Hesitates is isConsumed 1, auditStatus 3.
	Hesitates Saying = "hesitates"
	// Errs is an errno other than 0, Fails the HTTP status 500, Garbles a body
	// that is no JSON, Breaks the end of the connection without an answer.
	Errs    Saying = "errs"
	Fails   Saying = "fails"
	Garbles Saying = "garbles"
	Breaks  Saying = "breaks"
	// Sleeps is no answer for as long as the platform waits.
	Sleeps Saying = "sleeps"
)

// The events beside ORDER_PAID that a merchant is told.
const (
	// refundAudit asks whether a refund is right, refundStatus tells how it
	// ended.
	refundAudit  = "REFUND_AUDIT"
	refundStatus = "REFUND_STATUS"
)

// The calls of the payment service.
const (
	opRefund      = "applyOrderRefund"
	opCancelOrder = "cancelOrder"
	opFindOrder   = "findByTpOrderId"
	opFindRefunds = "findOrderRefund"
	opPayment     = "getPolymerPayment"
)
