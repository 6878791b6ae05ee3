package scenarios

// The format: one Go type per mapping of the file. The json tag is the key;
// a field without omitempty must be given. The jsonschema tags bound values,
// for the parser and for the JSON Schema alike.

// A Scenario is one story: given (what exists), platform (what it decides),
// steps (what a client does and what must hold).
type Scenario struct {
	// Name is how the story is called.
	Name string `json:"name" jsonschema:"pattern=^[a-zA-Z0-9][a-zA-Z0-9_-]*$" jsonschema_description:"A name of letters, digits, - and _."`
	// Summary tells the story in a sentence.
	Summary string `json:"summary,omitempty" jsonschema_description:"The story in a sentence."`
	// Seed is the source of everything that looks random; 0 means 1.
	Seed uint64 `json:"seed,omitempty" jsonschema:"minimum=1" jsonschema_description:"The source of everything that looks random."`
	// Clock is the sandbox's time; nil means virtual.
	Clock *Clock `json:"clock,omitempty" jsonschema_description:"How time passes; virtual if absent."`
	// Given is what exists.
	Given Given `json:"given,omitempty" jsonschema_description:"What exists before the story begins."`
	// Platform is what the platform decides.
	Platform Platform `json:"platform,omitempty" jsonschema_description:"What the platform decides, in order."`
	// Steps are what a client does and what must hold.
	Steps []Step `json:"steps,omitempty" jsonschema_description:"What a client does and what must hold."`

	// File is the name of the file, for messages.
	File string `json:"-"`
}

// A Clock says how time passes.
type Clock struct {
	// Mode is real, virtual, or x and a number; "" means virtual.
	Mode string `json:"mode,omitempty" jsonschema:"pattern=^(real|virtual|x[0-9.]+)$" jsonschema_description:"real, virtual (it moves only when told), or x and how many times as fast."`
	// Start is the first time it says.
	Start Time `json:"start,omitempty" jsonschema_description:"The first time it says, RFC 3339."`
}

// Given is what exists before the story begins.
type Given struct {
	// Apps are mini programs; without any there is app 1452365.
	Apps []App `json:"apps,omitempty" jsonschema_description:"Mini programs. Without any there is app 1452365."`
	// TPs are third-party platforms; without any there is TP 17328232.
	TPs []TP `json:"tps,omitempty" jsonschema_description:"Third-party platforms. Without any there is TP 17328232. An app that none of them lists is authorized to the first."`
	// Hosts are members of the alliance; without any there is one.
	Hosts []Host `json:"hosts,omitempty" jsonschema_description:"Members of the alliance. Without any there is one."`
	// Users use mini programs; without any there is user 295421489.
	Users []User `json:"users,omitempty" jsonschema_description:"Users of mini programs. Without any there is user 295421489."`
	// Devices are what they use; without any there is one.
	Devices []Device `json:"devices,omitempty" jsonschema_description:"Devices of users. Without any there is one."`
	// Merchants are payment services of apps; without any the first app has one.
	Merchants []Merchant `json:"merchants,omitempty" jsonschema_description:"Payment services of apps. Without any app 1452365 has one."`
	// Config is what the platform decides by itself.
	Config *Config `json:"config,omitempty" jsonschema_description:"What the platform decides by itself."`
}

// AppChange is what can be said of an app; what is left out stays.
type AppChange struct {
	Name              *string    `json:"name,omitempty" jsonschema_description:"The app's name."`
	Desc              *string    `json:"desc,omitempty" jsonschema_description:"Its description."`
	Photo             *string    `json:"photo,omitempty" jsonschema_description:"The logo's address."`
	Status            *AppStatus `json:"status,omitempty" jsonschema_description:"1 or normal, 2 or in_review, 4 or paused, -1 or banned."`
	BasicInfoApproved *bool      `json:"basic_info_approved,omitempty" jsonschema_description:"Short for name_approved and category_approved."`
	NameApproved      *bool      `json:"name_approved,omitempty" jsonschema_description:"No package can be submitted without."`
	CategoryApproved  *bool      `json:"category_approved,omitempty" jsonschema_description:"No package can be submitted without."`
	Verified          *bool      `json:"verified,omitempty" jsonschema_description:"The owner's real-name verification; no package can be released without."`
	Satus             *int       `json:"satus,omitempty" jsonschema:"minimum=0,maximum=4" jsonschema_description:"The owner's qualification, spelled as the platform spells it: 0 nothing done, 1 passed, 2 in review, 3 failed, 4 not transmitted; follows from verified if absent."`
	AdType            *int       `json:"ad_type,omitempty" jsonschema:"enum=-1,enum=0,enum=1,enum=2,enum=23" jsonschema_description:"How the owner was verified: 0 not at all, 1 by bank transfer, 2 in person; follows from verified if absent."`
	AdStatus          *int       `json:"ad_status,omitempty" jsonschema:"enum=0,enum=1,enum=3" jsonschema_description:"Whether the owner is verified: 1 passed, 3 failed; follows from verified if absent."`
	Invited           *bool      `json:"invited,omitempty" jsonschema_description:"Whether it may use the services that are by invitation."`
	Owner             *string    `json:"owner,omitempty" jsonschema_description:"The owner's name."`
	OwnerType         *int       `json:"owner_type,omitempty" jsonschema:"minimum=1,maximum=5" jsonschema_description:"1 a person, 2 a company, 3 a government, 4 media, 5 other."`
	MinSwanVersion    *string    `json:"min_swan_version,omitempty" jsonschema_description:"The least version of the developer tools."`
	Category          *Category  `json:"category,omitempty" jsonschema_description:"What it is about, on two levels."`
	Developer         *string    `json:"developer,omitempty" jsonschema_description:"Whom it belongs to: the apps of one developer share unionids and swanids. The owner if absent."`
	AuditQuota        *int       `json:"audit_quota,omitempty" jsonschema:"minimum=0" jsonschema_description:"Audits a week; 0 for the sandbox's."`
}

// A Category is what an app is about, on two levels.
type Category struct {
	ID         int64  `json:"category_id" jsonschema_description:"The second level."`
	Name       string `json:"category_name" jsonschema_description:"Its name."`
	Desc       string `json:"category_desc,omitempty" jsonschema_description:"Its description."`
	ParentID   int64  `json:"parent_id,omitempty" jsonschema_description:"The first level."`
	ParentName string `json:"parent_name,omitempty" jsonschema_description:"Its name."`
	ParentDesc string `json:"parent_desc,omitempty" jsonschema_description:"Its description."`
}

// An App is a mini program.
type App struct {
	AppID int64 `json:"app_id" jsonschema:"minimum=1" jsonschema_description:"Its id."`
	AppChange
	Packages []Package `json:"packages,omitempty" jsonschema_description:"Packages it has already."`
}

// A Package is one that is there from the beginning.
type Package struct {
	Version   string `json:"version" jsonschema_description:"user_version of its upload."`
	State     string `json:"state" jsonschema:"enum=uploading,enum=upload_failed,enum=development,enum=in_review,enum=rejected,enum=approved,enum=online,enum=rolling_back,enum=superseded" jsonschema_description:"Its state in the lifecycle."`
	PackageID int64  `json:"package_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"Generated if absent."`
}

// TPChange is what can be said of a third-party platform; what is left out
// stays.
type TPChange struct {
	PushURL          *string `json:"push_url,omitempty" jsonschema_description:"Where its messages go; the inbox without."`
	Inbox            bool    `json:"inbox,omitempty" jsonschema_description:"Its messages go to the inbox."`
	AuthorizationURL *string `json:"authorization_url,omitempty" jsonschema_description:"Where its tickets go, every ten minutes; none without."`
}

// A TP is a third-party platform.
type TP struct {
	TPID int64 `json:"tp_id" jsonschema:"minimum=1" jsonschema_description:"Its numeric id."`
	TPChange
	Apps []int64 `json:"apps,omitempty" jsonschema_description:"The apps it may act for."`
}

// A Host is a member of the alliance.
type Host struct {
	AK         string      `json:"ak,omitempty" jsonschema_description:"Generated if absent."`
	SK         string      `json:"sk,omitempty" jsonschema_description:"Generated if absent."`
	OfficalNo  int64       `json:"offical_no,omitempty" jsonschema_description:"The member, spelled as the platform spells it."`
	Name       string      `json:"name,omitempty" jsonschema:"pattern=^[a-z0-9]+$" jsonschema_description:"What stands behind the @ of its codes; generated if absent."`
	URL        string      `json:"url,omitempty" jsonschema_description:"Where its server exchanges the codes of its logins; the emulator is that server if absent."`
	HSK        string      `json:"hsk,omitempty" jsonschema_description:"The secret that it and the platform sign with; generated if absent."`
	AppIDs     []int64     `json:"app_ids,omitempty" jsonschema_description:"The apps that it may see; all if absent."`
	Containers []Container `json:"containers,omitempty" jsonschema_description:"Its host apps; one if absent."`
}

// A Container is a host app of a member of the alliance.
type Container struct {
	ContainerNo int64  `json:"container_no,omitempty" jsonschema:"minimum=1" jsonschema_description:"Its number among all host apps; generated if absent."`
	Name        string `json:"name,omitempty" jsonschema_description:"Its name; generated if absent."`
	Pkgname     string `json:"pkgname,omitempty" jsonschema_description:"The name of its package; generated if absent."`
	KeyHash     string `json:"key_hash,omitempty" jsonschema_description:"The hash of the key that signs it; generated if absent."`
}

// Config is what the platform decides by itself; what is left out stays.
type Config struct {
	Manual         *bool     `json:"manual,omitempty" jsonschema_description:"The platform decides nothing until it is told."`
	UploadDelay    *Duration `json:"upload_delay,omitempty" jsonschema_description:"How long an upload takes."`
	AuditDelay     *Duration `json:"audit_delay,omitempty" jsonschema_description:"How long an audit takes."`
	RollbackDelay  *Duration `json:"rollback_delay,omitempty" jsonschema_description:"How long a rollback takes."`
	PaymentDelay   *Duration `json:"payment_delay,omitempty" jsonschema_description:"How long a user takes to pay."`
	RefundDelay    *Duration `json:"refund_delay,omitempty" jsonschema_description:"How long a refund takes."`
	TokenTTL       *Duration `json:"token_ttl,omitempty" jsonschema_description:"The life of a client-credentials token."`
	CodeTTL        *Duration `json:"code_ttl,omitempty" jsonschema_description:"The life of a login's code."`
	SessionTTL     *Duration `json:"session_ttl,omitempty" jsonschema_description:"How long a session lives that nobody uses."`
	KillOldSession *bool     `json:"kill_old_session,omitempty" jsonschema_description:"A new login ends the session that the user had in the app."`
	KeyPath        *string   `json:"authorize_key_path,omitempty" jsonschema_description:"The member below which answers of the host API stand; none if empty."`
	Padding        *int      `json:"user_data_padding,omitempty" jsonschema:"enum=16,enum=32" jsonschema_description:"The block that the padding of user data fills, in bytes."`
	UserAnswer     *string   `json:"user_answer,omitempty" jsonschema:"enum=agree,enum=refuse,enum=cancel" jsonschema_description:"What users answer who were not told."`
	SignWindow     *Duration `json:"sign_window,omitempty" jsonschema_description:"How old a signed request of a host may be; any age if 0."`
	AuditQuota     *int      `json:"audit_quota,omitempty" jsonschema:"minimum=0" jsonschema_description:"Audits an app may ask for in a week."`
	RefuseUnknown  *bool     `json:"refuse_unknown_recipients,omitempty" jsonschema_description:"A unicast message to somebody who is not there is refused instead of leaving them out."`
	TemplateLimit  *int      `json:"template_limit,omitempty" jsonschema:"minimum=0" jsonschema_description:"Message templates an app may have."`
	PushPlain      *bool     `json:"push_plain,omitempty" jsonschema_description:"Pushes are sent unencrypted."`
	PushAttempts   *int      `json:"push_attempts,omitempty" jsonschema:"minimum=1" jsonschema_description:"How often a push is attempted at most."`
	NotifyInterval *Duration `json:"notify_interval,omitempty" jsonschema_description:"How long after a merchant did not take that an order is paid it is told again."`
	NotifyRetries  *int      `json:"notify_retries,omitempty" jsonschema:"minimum=0" jsonschema_description:"How often it is told again at most."`
	StrictEvidence *bool     `json:"strict_evidence,omitempty" jsonschema_description:"What is only assumed is refused."`
}

// Platform is what the platform decides.
type Platform struct {
	Uploads      []Decision        `json:"uploads,omitempty" jsonschema_description:"How uploads end, in order. Further ones succeed after the delay."`
	Audits       []Decision        `json:"audits,omitempty" jsonschema_description:"How audits end, in order. Further ones pass after the delay."`
	Payments     []PaymentDecision `json:"payments,omitempty" jsonschema_description:"What users do in the cashier, in order. Further ones pay."`
	RefundAudits []RefundDecision  `json:"refund_audits,omitempty" jsonschema_description:"What merchants without a refund_audit_url say to refunds, in order. Further ones pass."`
	Refunds      []RefundDecision  `json:"refunds,omitempty" jsonschema_description:"How refunds end, in order. Further ones succeed after the delay."`
	Quotas       *Quotas           `json:"quotas,omitempty" jsonschema_description:"How much of something is left."`
	Faults       []Fault           `json:"faults,omitempty" jsonschema_description:"What goes wrong on the wire."`
	Answers      []Answer          `json:"answers,omitempty" jsonschema_description:"What users answer when a client asks, in order. Further ones get user_answer of the config, which is agree."`
}

// Quotas bound what may be asked for.
type Quotas struct {
	Audits *int           `json:"audits,omitempty" jsonschema:"minimum=0" jsonschema_description:"Audits any app may ask for in a week."`
	Apps   map[string]int `json:"apps,omitempty" jsonschema_description:"Audits a week by app_id; 0 for the sandbox's."`
}

// A Decision is how an upload or an audit ends.
type Decision struct {
	AppID   int64     `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"Only for packages of this app."`
	Version string    `json:"version,omitempty" jsonschema_description:"Only for packages of this version."`
	After   *Duration `json:"after,omitempty" jsonschema_description:"How long it takes; the usual delay if absent."`
	Result  string    `json:"result,omitempty" jsonschema:"enum=pass,enum=fail" jsonschema_description:"How it ends; pass if absent."`
	Reason  string    `json:"reason,omitempty" jsonschema_description:"Why it fails."`
	Code    int       `json:"code,omitempty" jsonschema_description:"upload_err_code of a failed upload; -1 if absent."`
	Times   int       `json:"times,omitempty" jsonschema:"minimum=1" jsonschema_description:"For how many in a row; 1 if absent."`
}

// A Fault is a counted interference.
type Fault struct {
	On           string    `json:"on" jsonschema:"enum=call,enum=push,enum=kafka,enum=notify" jsonschema_description:"Where it happens."`
	Operation    string    `json:"operation,omitempty" jsonschema_description:"Only on this call."`
	Event        string    `json:"event,omitempty" jsonschema_description:"Only on this event."`
	Transition   string    `json:"transition,omitempty" jsonschema_description:"Only on what this step of the lifecycle brings about."`
	AppID        int64     `json:"app_id,omitempty" jsonschema:"minimum=1" jsonschema_description:"Only for this app."`
	Nth          int       `json:"nth,omitempty" jsonschema:"minimum=1" jsonschema_description:"From the nth one on; 1 if absent."`
	Times        int       `json:"times,omitempty" jsonschema:"minimum=-1" jsonschema_description:"How often; once if absent, -1 for all that follow."`
	Do           string    `json:"do" jsonschema:"enum=latency,enum=reset,enum=truncate,enum=malformed,enum=status,enum=refuse,enum=rate_limit,enum=drop,enum=delay,enum=duplicate,enum=reorder,enum=wrong_signature,enum=stale_timestamp,enum=timeout" jsonschema_description:"What happens. On call: latency, reset, truncate, malformed, status, refuse, rate_limit; on push, kafka and notify: drop, delay, duplicate, reorder, wrong_signature, stale_timestamp, timeout."`
	Delay        *Duration `json:"delay,omitempty" jsonschema_description:"How long, for latency and what is sent later or looks older."`
	DelayMax     *Duration `json:"delay_max,omitempty" jsonschema_description:"The longest delay; the length is then drawn."`
	Distribution string    `json:"distribution,omitempty" jsonschema:"enum=uniform,enum=normal,enum=exponential" jsonschema_description:"How it is drawn; uniform if absent."`
	Status       int       `json:"status,omitempty" jsonschema:"minimum=200,maximum=599" jsonschema_description:"The HTTP status, for status."`
	Error        string    `json:"error,omitempty" jsonschema_description:"The refusal's name in the contract's catalogue, for refuse."`
	Applied      bool      `json:"applied,omitempty" jsonschema_description:"The call takes effect although the caller sees the fault."`
}
