package scenarios

// The format of steps.

// A Step is one thing that a client does or that must hold: exactly one of
// the members that are verbs, with the members that go with it.
type Step struct {
	// At is where the step stands in its file.
	At Position `json:"-"`

	Call    string            `json:"call,omitempty" jsonschema_description:"Call an operation of the contract, by operationId. It must succeed unless expect says otherwise."`
	With    map[string]any    `json:"with,omitempty" jsonschema_description:"The parameters of a call or an order. In a call an object is sent as JSON text."`
	Besides map[string]any    `json:"besides,omitempty" jsonschema_description:"Parameters of a call that the contract does not have, such as misspelled ones."`
	As      *Actor            `json:"as,omitempty" jsonschema_description:"Who calls. If absent, whoever may: a TP for the first app, a TP, the alliance member."`
	Via     string            `json:"via,omitempty" jsonschema:"enum=query,enum=form,enum=json" jsonschema_description:"Where the parameters of a POST stand; form if absent."`
	Expect  map[string]any    `json:"expect,omitempty" jsonschema_description:"What the answer must have: members by value or matcher ($gt, $match, $any, $absent, …); refused: a name of the catalogue, an errno or true; http: the HTTP status; broken: true when no whole answer comes."`
	Save    map[string]string `json:"save,omitempty" jsonschema_description:"Variables to set, each with a path into the answer such as data.0.package_id."`

	Advance   *Duration `json:"advance,omitempty" jsonschema_description:"Move time forward by a duration."`
	AdvanceTo *Time     `json:"advance to,omitempty" jsonschema_description:"Move time forward to a point in time, RFC 3339."`

	Decide      *Decide      `json:"decide,omitempty" jsonschema_description:"Decide an upload or an audit, what a user does in the cashier, or how a refund goes on."`
	SetApp      *SetApp      `json:"set app,omitempty" jsonschema_description:"Change an app, as its owner or the platform's staff would."`
	SetTP       *SetTP       `json:"set tp,omitempty" jsonschema_description:"Change a third-party platform."`
	SetMerchant *SetMerchant `json:"set merchant,omitempty" jsonschema_description:"Change a merchant."`
	SetConfig   *Config      `json:"set config,omitempty" jsonschema_description:"Change what the platform decides by itself."`
	Fault       *Fault       `json:"fault,omitempty" jsonschema_description:"Something goes wrong on the wire from here on."`
	Authorize   *Authorize   `json:"authorize,omitempty" jsonschema_description:"An app's owner agrees on the consent page; save: authorization_code."`
	Revoke      *Revoke      `json:"revoke,omitempty" jsonschema_description:"An app's owner takes the authorization back; the tokens that came of it die."`

	Order      string    `json:"order,omitempty" jsonschema_description:"Give the control API an order, or look at what it shows, by operationId of its own contract; it is about the scenario's sandbox, and about the first app and user where it names none. It must be done unless expect says otherwise by http."`
	Asks       *Asking   `json:"asks,omitempty" jsonschema_description:"A client asks its user; expect and save: answer, choice."`
	WillAnswer *Answer   `json:"will answer,omitempty" jsonschema_description:"What a user will answer from here on."`
	SetGrant   *SetGrant `json:"set grant,omitempty" jsonschema_description:"A user changes the settings of an app."`
	SetScope   *SetScope `json:"set scope,omitempty" jsonschema_description:"The platform denies an app a scope, or changes how often users are asked."`
	Decrypt    *Decrypt  `json:"decrypt,omitempty" jsonschema_description:"An app's server opens sealed user data; expect and save: what is in it."`

	Login *Login `json:"login,omitempty" jsonschema_description:"A user logs in to an app, as swan.login does; save: code, openid."`

	ExpectPush     *PushExpected   `json:"expect push,omitempty" jsonschema_description:"A push has come, or comes within a time. Each is expected once, in order per app."`
	ExpectNoPush   *PushExpected   `json:"expect no push,omitempty" jsonschema_description:"No such push has come, nor comes within a time."`
	ExpectKafka    *KafkaExpected  `json:"expect kafka,omitempty" jsonschema_description:"A Kafka notice has come, or comes within a time. Each is expected once, in order per app."`
	ExpectNoKafka  *KafkaExpected  `json:"expect no kafka,omitempty" jsonschema_description:"No such notice has come, nor comes within a time."`
	ExpectNotify   *NotifyExpected `json:"expect notify,omitempty" jsonschema_description:"A merchant has been told something and has taken it, or is within a time. Each is expected once, in order per order."`
	ExpectNoNotify *NotifyExpected `json:"expect no notify,omitempty" jsonschema_description:"A merchant has not taken such a thing, nor does within a time."`
	ExpectState    *StateExpected  `json:"expect state,omitempty" jsonschema_description:"The state of a package, of an order or of an app."`
	Called         *Called         `json:"called,omitempty" jsonschema_description:"How often an operation was called."`

	Let map[string]any `json:"let,omitempty" jsonschema_description:"Set variables to values."`

	Parallel [][]Step `json:"parallel,omitempty" jsonschema_description:"Lists of steps side by side: one step of each in turn."`
	Repeat   *Repeat  `json:"repeat,omitempty" jsonschema_description:"Steps to repeat; $round counts from 1."`

	Note string `json:"note,omitempty" jsonschema_description:"A remark for the reader of the file and of the timeline."`
}

// An Actor is who calls.
type Actor struct {
	Role  string `json:"role,omitempty" jsonschema:"enum=authorizer,enum=tp,enum=developer,enum=host,enum=nobody" jsonschema_description:"authorizer is a TP for an app; nobody sends no token."`
	AppID int64  `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"The app; the first if absent."`
	TPID  int64  `json:"tp_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"The third-party platform; the first that may act if absent."`
}

// Decide decides an upload or an audit, what a user does in the cashier, or how
// a refund goes on.
type Decide struct {
	Kind      string    `json:"kind" jsonschema:"enum=upload,enum=audit,enum=payment,enum=refund_audit,enum=refund" jsonschema_description:"What is decided."`
	Result    string    `json:"result" jsonschema:"enum=pass,enum=fail,enum=paid,enum=cancelled,enum=failed" jsonschema_description:"How it ends: pass or fail; a payment as paid, cancelled or failed."`
	PackageID Ref       `json:"package_id,omitempty" jsonschema_description:"For this package."`
	AppID     int64     `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"Only for packages or orders of this app."`
	Version   string    `json:"version,omitempty" jsonschema_description:"Only for packages of this version."`
	OrderID   Ref       `json:"order_id,omitempty" jsonschema_description:"For this order."`
	TPOrderID string    `json:"tp_order_id,omitempty" jsonschema_description:"Only for this order, by the merchant's number."`
	Channel   string    `json:"channel,omitempty" jsonschema:"enum=Alipay,enum=BDWallet,enum=WeChat" jsonschema_description:"What it is paid by."`
	Reason    string    `json:"reason,omitempty" jsonschema_description:"Why it fails."`
	Code      int       `json:"code,omitempty" jsonschema_description:"upload_err_code of a failed upload."`
	After     *Duration `json:"after,omitempty" jsonschema_description:"How long it takes."`
}

// SetApp changes an app.
type SetApp struct {
	AppID int64 `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"The app; the first if absent."`
	AppChange
}

// SetTP changes a third-party platform.
type SetTP struct {
	TPID int64 `json:"tp_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"The TP; the first if absent."`
	TPChange
}

// Authorize lets an app's owner agree on the consent page.
type Authorize struct {
	AppID       int64  `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"The app; the first if absent."`
	TPID        int64  `json:"tp_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"The TP; the first if absent."`
	PreAuthCode string `json:"pre_auth_code,omitempty" jsonschema_description:"What createPreAuthCode answered; none is needed here."`
}

// Revoke ends what Authorize began.
type Revoke struct {
	AppID int64 `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"The app; the first if absent."`
	TPID  int64 `json:"tp_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"The TP; the first if absent."`
}

// PushExpected is a push to a third-party platform as it should be.
type PushExpected struct {
	Event  string         `json:"event" jsonschema_description:"What it says."`
	AppID  Ref            `json:"app_id,omitempty" jsonschema_description:"The app it is about."`
	TPID   Ref            `json:"tp_id,omitempty" jsonschema_description:"The TP it goes to."`
	Reason any            `json:"reason,omitempty" jsonschema_description:"Its reason, as a value or a matcher."`
	Data   map[string]any `json:"data,omitempty" jsonschema_description:"Members that the message must have."`
	Within *Duration      `json:"within,omitempty" jsonschema_description:"How long to wait; virtual time is moved on the way."`
	Order  string         `json:"order,omitempty" jsonschema:"enum=app,enum=any" jsonschema_description:"app, the usual: after what was expected before for that app. any: wherever it stands."`
}

// KafkaExpected is a Kafka notice to the alliance as it should be.
type KafkaExpected struct {
	Code   int            `json:"code" jsonschema_description:"100: an app has changed; 101: a package has."`
	Data   map[string]any `json:"data,omitempty" jsonschema_description:"Members that its data must have."`
	Within *Duration      `json:"within,omitempty" jsonschema_description:"How long to wait; virtual time is moved on the way."`
	Order  string         `json:"order,omitempty" jsonschema:"enum=app,enum=any" jsonschema_description:"app, the usual: after what was expected before for that app. any: wherever it stands."`
}

// StateExpected is the state of a package, of an order or of an app as it
// should be.
type StateExpected struct {
	AppID     int64          `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"The app; the first if absent."`
	Package   Ref            `json:"package,omitempty" jsonschema_description:"The package's id."`
	Version   string         `json:"version,omitempty" jsonschema_description:"The package's version, where there is one of it."`
	TPOrderID string         `json:"tp_order_id,omitempty" jsonschema_description:"The order, by the merchant's number."`
	State     string         `json:"state,omitempty" jsonschema_description:"The state of the package or of the order in its lifecycle; absent when there is none."`
	App       map[string]any `json:"app,omitempty" jsonschema_description:"Members that the app must have, as the control API shows it."`
}

// Called is how often an operation was called.
type Called struct {
	Operation string `json:"operation" jsonschema_description:"The operationId."`
	Times     any    `json:"times,omitempty" jsonschema_description:"A number or a matcher; at least once if absent."`
	AppID     int64  `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"Only calls for this app."`
	Outcome   string `json:"outcome,omitempty" jsonschema_description:"Only calls that ended so: ok or the name of a refusal."`
}

// Repeat repeats steps.
type Repeat struct {
	Times int    `json:"times" jsonschema:"minimum=1,maximum=10000" jsonschema_description:"How often."`
	Steps []Step `json:"steps" jsonschema_description:"What is repeated."`
}

// verbs lists the members of a Step of which it has exactly one, and what may
// stand beside each.
func verbs() map[string][]string {
	return map[string][]string{
		"call":             {"with", "besides", "as", "via", "expect", "save"},
		"advance":          nil,
		"advance to":       nil,
		"decide":           nil,
		"set app":          nil,
		"set tp":           nil,
		"set merchant":     nil,
		"set config":       nil,
		"fault":            nil,
		"authorize":        {"save"},
		"revoke":           nil,
		"order":            {"with", "expect", "save"},
		"login":            {"save"},
		"asks":             {"expect", "save"},
		"will answer":      nil,
		"set grant":        nil,
		"set scope":        nil,
		"decrypt":          {"expect", "save"},
		"expect push":      {"save"},
		"expect no push":   nil,
		"expect kafka":     {"save"},
		"expect no kafka":  nil,
		"expect notify":    {"save"},
		"expect no notify": nil,
		"expect state":     nil,
		"called":           nil,
		"let":              nil,
		"parallel":         nil,
		"repeat":           nil,
	}
}
