package scenarios

// The format of payments.

// MerchantChange is what can be said of a merchant; what is left out stays.
type MerchantChange struct {
	PublicKey       *string `json:"public_key,omitempty" jsonschema_description:"The RSA key, PEM, that checks what it signs; the emulator's own pair if absent. The engine signs with that one only."`
	NotifyURL       *string `json:"notify_url,omitempty" jsonschema_description:"Where paid orders are told; the inbox without."`
	RefundAuditURL  *string `json:"refund_audit_url,omitempty" jsonschema_description:"Where it is asked about refunds; without, platform decides them."`
	RefundNotifyURL *string `json:"refund_notify_url,omitempty" jsonschema_description:"Where the end of refunds is told; the inbox without."`
	Inbox           bool    `json:"inbox,omitempty" jsonschema_description:"Everything goes to the inbox."`
}

// A Merchant is the payment service of an app.
type Merchant struct {
	AppID  int64  `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"Its app; the first if absent."`
	DealID int64  `json:"deal_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"Its dealId. Without, the one that the app has already is meant, or one is generated."`
	AppKey string `json:"app_key,omitempty" jsonschema:"pattern=^[A-Za-z0-9]+$" jsonschema_description:"Letters and digits: its payment appKey, generated if absent."`
	MerchantChange
}

// A PaymentDecision is what a user does in the cashier.
type PaymentDecision struct {
	AppID     int64     `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"Only for orders of this app."`
	TPOrderID string    `json:"tp_order_id,omitempty" jsonschema_description:"Only for this order."`
	Result    string    `json:"result,omitempty" jsonschema:"enum=paid,enum=cancelled,enum=failed" jsonschema_description:"What comes of it; paid if absent."`
	Channel   string    `json:"channel,omitempty" jsonschema:"enum=Alipay,enum=BDWallet,enum=WeChat" jsonschema_description:"What it is paid by; the first channel that is not hidden if absent or hidden."`
	Reason    string    `json:"reason,omitempty" jsonschema_description:"Why it is not paid."`
	After     *Duration `json:"after,omitempty" jsonschema_description:"How long the user takes; payment_delay if absent."`
	Times     int       `json:"times,omitempty" jsonschema:"minimum=1" jsonschema_description:"For how many in a row; 1 if absent."`
}

// A RefundDecision is how a refund goes on.
type RefundDecision struct {
	AppID     int64     `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"Only for orders of this app."`
	TPOrderID string    `json:"tp_order_id,omitempty" jsonschema_description:"Only for this order."`
	Result    string    `json:"result,omitempty" jsonschema:"enum=pass,enum=fail" jsonschema_description:"How it ends; pass if absent."`
	Reason    string    `json:"reason,omitempty" jsonschema_description:"Why it fails."`
	After     *Duration `json:"after,omitempty" jsonschema_description:"How long it takes; at once for an audit, refund_delay for a refund if absent."`
	Times     int       `json:"times,omitempty" jsonschema:"minimum=1" jsonschema_description:"For how many in a row; 1 if absent."`
}

// SetMerchant changes a merchant.
type SetMerchant struct {
	DealID int64 `json:"deal_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"The merchant; that of the first app if absent."`
	MerchantChange
}

// NotifyExpected is what a merchant is told, as it should be.
type NotifyExpected struct {
	Event     string         `json:"event" jsonschema_description:"What it says."`
	AppID     Ref            `json:"app_id,omitempty" jsonschema_description:"The app whose merchant it goes to."`
	TPOrderID string         `json:"tp_order_id,omitempty" jsonschema_description:"The order it is about, by the merchant's number."`
	Data      map[string]any `json:"data,omitempty" jsonschema_description:"Fields that it must have."`
	Within    *Duration      `json:"within,omitempty" jsonschema_description:"How long to wait; virtual time is moved on the way."`
	Order     string         `json:"order,omitempty" jsonschema:"enum=order,enum=any" jsonschema_description:"order, the usual: after what was expected before for that order. any: wherever it stands."`
}
