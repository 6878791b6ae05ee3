package contracttest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/swanemu/emu/internal/clock"
)

// A Target is the server under test and what the harness around it can do. Only
// URL is required; what is missing shows in the report as not run, with the
// reason.
type Target struct {
	// URL is where the platform's calls are answered, e.g.
	// http://127.0.0.1:8080.
	URL string
	// Transport carries the requests; nil is a plain one without a proxy. A
	// handler in the same process may hide behind it.
	Transport http.RoundTripper
	// Spec is the OpenAPI document to hold the server to; nil is the
	// platform's own.
	Spec []byte
	// SpecName is what reports call that document; "" is openapi.yaml.
	SpecName string
	// Credentials are what the suite may use.
	Credentials Credentials
	// Samples are values of parameters that the server knows, such as a
	// template_id, by the parameter's name or operation.parameter. Without one
	// the contract's example is tried, and where it is refused for not being
	// there, the case is not run.
	Samples map[string]string
	// Give returns a live value of a parameter that only the server can tell,
	// such as a login code; it is asked anew for each request, before Samples,
	// so that what works once is fresh. False is: the harness has none.
	Give func(ctx context.Context, s *Subject, operation, parameter string) (string, bool, error)
	// Session exchanges a login code for the session key of its user, as the
	// server of an app does. Without it the code is exchanged with the host app's
	// secret, if that is known.
	Session func(ctx context.Context, code string) (key string, err error)
	// Renew returns fresh credentials; it is called after time was moved.
	Renew func(context.Context) (Credentials, error)
	// States enters states of the lifecycle.
	States States
	// Clock moves the server's time.
	Clock Clock
	// Pushes is where the server's pushes arrive.
	Pushes Pushes
	// Notices reads the server's Kafka notices.
	Notices Notices
	// Merchants is a merchant with its server.
	Merchants Merchants
	// Cashier is a merchant whose orders and refunds end as they are told; it
	// stands in for Merchants, too.
	Cashier Cashier
	// Orders returns what the harness did since it was last asked, for the
	// scripts that show a finding again; nil leaves it to comments.
	Orders func() []Order
	// Lacks says why something is missing, for the report.
	Lacks map[Need]string
}

// Credentials are what the suite may use, by role. What is empty is not there.
type Credentials struct {
	// Developer and Host are clients of the client-credentials grant: an app's
	// AppKey and AppSecret, an alliance member's AK and SK.
	Developer Client `json:"developer"`
	Host      Client `json:"host"`
	TP        TP     `json:"tp"`
	// Authorizer are the tokens by which the TP acts for an app.
	Authorizer Authorizer `json:"authorizer"`
	// HostApp is an app in a host app, for the host API.
	HostApp HostApp `json:"host_app"`
}

// A Client is a client_id and its client_secret.
type Client struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
}

// A TP is a third-party platform.
type TP struct {
	// ID is its numeric id, which ends every sealed push.
	ID       int64  `json:"tp_id"`
	ClientID string `json:"client_id"`
	Ticket   string `json:"ticket"`
	// AccessToken is its own token; without one it is had for the ticket.
	AccessToken string `json:"access_token"`
	// EncodingAESKey and SignToken open and check its pushes.
	EncodingAESKey string `json:"encoding_aes_key"`
	SignToken      string `json:"token"`
}

// An Authorizer is a TP on behalf of an app.
type Authorizer struct {
	AppID        int64  `json:"app_id"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	// ExpiresIn is the life of the access token in seconds; 0 is unknown.
	ExpiresIn int64 `json:"expires_in,omitempty"`
}

// An Order is a request by which the harness prepared something, so that
// somebody else can do the same by hand. It is shown; of its secrets, those are
// hidden that are Credentials, tokens of Subjects or Token.
type Order struct {
	Method, URL, ContentType string
	// Token goes into the Authorization header as a Bearer; "" for none.
	Token string
	Body  []byte
	// Answer is what came back; tokens that later requests use are taken from
	// there.
	Answer []byte
}

// ErrCannot is wrapped by the error of a harness that is asked for something
// it cannot do; the case then counts as not run.
var ErrCannot = errors.New("the harness cannot do this")

// States makes apps whose packages stand where a case begins.
type States interface {
	// EnterState returns an app that nobody else uses, with one package in
	// each of the states asked for. The platform decides nothing on them by
	// itself until Decide or until time is moved.
	EnterState(ctx context.Context, s Situation) (*Subject, error)
	// Decide makes the platform decide, at once: on a package of the subject,
	// or on its next one when the verdict names none.
	Decide(ctx context.Context, s *Subject, v Verdict) error
}

// A Situation is what an app is to be like.
type Situation struct {
	// States are states of x-lifecycle, one package in each.
	States []string
	// Unmet names a gate of x-lifecycle that must not be met; "": all are.
	Unmet string
}

// A Subject is an app with packages, made for one case.
type Subject struct {
	Authorizer
	// Packages are in the order of the Situation's states.
	Packages []Package
}

// A Package is one package of a Subject.
type Package struct {
	ID      int64
	Version string
	State   string
}

// A Verdict is what the platform decides.
type Verdict struct {
	// Package is the package_id; 0 is the next package that is uploaded.
	Package int64
	// Decision is upload or audit; Outcome pass or fail.
	Decision, Outcome string
	// Reason is why it fails.
	Reason string
}

// A Clock moves the time of the server.
type Clock interface {
	// Now is the server's time.
	Now(ctx context.Context) (time.Time, error)
	// Advance returns when the time has passed and everything that fell due
	// has happened and was delivered.
	Advance(ctx context.Context, d time.Duration) error
}

// WallClock is the clock of a server whose time is the machine's: to advance is
// to wait. A wait longer than Longest, a minute if zero, is refused.
type WallClock struct{ Longest time.Duration }

// Now is the machine's time.
func (WallClock) Now(context.Context) (time.Time, error) { return clock.Wall(), nil }

// Advance waits.
func (w WallClock) Advance(ctx context.Context, d time.Duration) error {
	longest := w.Longest
	if longest == 0 {
		longest = time.Minute
	}
	if d > longest {
		return errors.Join(ErrCannot, errors.New("the server's time is real and the wait is too long"))
	}
	return clock.Wait(ctx, d+time.Second)
}

// Pushes is the message URL of the TP.
type Pushes interface {
	// Received returns all attempts that came in, in order.
	Received(ctx context.Context) ([]Push, error)
	// Refuse makes the receiver answer the next n attempts with something
	// other than success.
	Refuse(ctx context.Context, n int) error
}

// A Push is one attempt of the server to deliver a push.
type Push struct {
	// Body is the request's body.
	Body []byte
	// Accepted says that it was answered with success.
	Accepted bool
}

// Notices is a reader of the topic of Kafka notices.
type Notices interface {
	// Read returns all records so far, in order.
	Read(ctx context.Context) ([]Notice, error)
	// Topic is the topic that the notices belong in; "" is unknown.
	Topic() string
}

// A Notice is one Kafka record.
type Notice struct {
	Topic string
	// Key is the record's key. KeyHidden says that the reader cannot see it.
	Key       []byte
	KeyHidden bool
	Value     []byte
}

// A Need is something that a check needs of a Target.
type Need string

// The needs of checks.
const (
	NeedAuthorizer Need = "authorizer token"
	NeedTP         Need = "tp token"
	NeedHost       Need = "client credentials"
	NeedDeveloper  Need = "developer credentials"
	NeedApp        Need = "app_id"
	NeedStates     Need = "states"
	NeedClock      Need = "clock"
	NeedPushes     Need = "pushes"
	NeedPushKeys   Need = "push keys"
	NeedNotices    Need = "notices"
	NeedMerchants  Need = "merchant's server"
	// NeedCashier is a merchant whose orders and refunds end as they are told.
	NeedCashier Need = "merchant that decides"
	// NeedHostUser is an app in a host app, whose user may be asked.
	NeedHostUser Need = "host app"
	// NeedHostSession is a way from a login code to the session key.
	NeedHostSession Need = "session keys"
	// NeedHostForms is a host that reads the parameters of the contract and
	// answers its errors. Hosts choose their own (seed 003).
	NeedHostForms Need = "forms of the contract"
)

// has reports whether the target has something.
func (t *Target) has(n Need) bool {
	c := &t.Credentials
	switch n {
	case NeedAuthorizer:
		return c.Authorizer.AccessToken != "" || t.States != nil
	case NeedTP:
		return c.TP.AccessToken != "" || c.TP.ClientID != "" && c.TP.Ticket != ""
	case NeedApp:
		return c.Authorizer.AppID != 0 || t.States != nil
	case NeedHost:
		return c.Host.ID != "" || c.Developer.ID != ""
	case NeedStates:
		return t.States != nil
	case NeedClock:
		return t.Clock != nil
	case NeedPushes:
		return t.Pushes != nil
	case NeedPushKeys:
		return c.TP.EncodingAESKey != "" && c.TP.SignToken != ""
	case NeedDeveloper:
		return c.Developer.ID != "" && c.Authorizer.AppID != 0
	case NeedNotices:
		return t.Notices != nil
	case NeedMerchants:
		return t.Merchants != nil
	case NeedCashier:
		return t.Cashier != nil
	case NeedHostUser:
		return c.HostApp.AppKey != ""
	case NeedHostSession:
		return t.Session != nil || c.HostApp.HSK != "" || c.HostApp.SessionKey != ""
	case NeedHostForms:
		return c.HostApp.Contract
	}
	return false
}

// lack says why something is missing.
func (t *Target) lack(n Need) string {
	if why := t.Lacks[n]; why != "" {
		return "no " + string(n) + ": " + why
	}
	if n == NeedHostForms {
		return "no " + string(n) + ": a host chooses its own"
	}
	return "no " + string(n) + ": the harness has none"
}
